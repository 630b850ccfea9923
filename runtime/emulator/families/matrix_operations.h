// Matrix products of a warp as semantic functions, compiled for each level of the host (numeric/host.h).
#pragma once

#include "emulator/exec/state.h"
#include "emulator/isa/fragment.h"
#include "emulator/isa/instruction.h"
#include "emulator/numeric/matrix.h"

namespace emu {

enum class ProductOf : std::uint8_t { floats, doubles, integers, bits, quads };

/// What an mma multiplies, and how.
struct Product : ProductFragments {
  ProductOf of = ProductOf::floats;
  numeric::MatrixShape shape = {};
  numeric::MatrixFormat a = numeric::MatrixFormat::f16, b = numeric::MatrixFormat::f16;
  bool a_signed = false, b_signed = false, nibbles = false, satfinite = false;
  numeric::BitOperation bits = numeric::BitOperation::and_popc;
  numeric::Round round = numeric::Round::rn;
  bool a_by_column = false, b_by_row = false; ///< of quads: how a lane's elements lie
  numeric::Accumulation truncating =
      {}; ///< as the chip does it, where Options::truncating_matrix asks for it
};

/// Waits until all lanes of the warp are at the instruction; a fault if some have left, or do not execute it.
Flow whole_warp(Group& group, const Instruction& instruction, Mask mask);

/// Options::truncating_matrix of the launch.
bool truncating_matrix(const Group& group);

} // namespace emu
