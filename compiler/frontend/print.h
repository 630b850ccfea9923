#pragma once

#include "compiler/frontend/ast.h"

#include <string>

/// Pieces of text that both printers use.
namespace attile::frontend {

/// A literal that parses to the same value: floats are the shortest such text, always with a point or
/// exponent.
std::string printValue(const ast::Value& value);
/// `slope : f32[heads]`, `cap : f32 = 50.0`
std::string printParam(const ast::Param& param);
/// `softcap(s: f32, cap: f32) : f32`
std::string printSignature(const ast::UserFunction& function);

} // namespace attile::frontend
