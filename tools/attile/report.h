// How the tool speaks: results on stdout, all else on stderr.
#pragma once

#include <attile/result.h>
#include <nlohmann/json.hpp>
#include <string>

namespace attile::cli {

using Json = nlohmann::ordered_json;

/// One line of JSON on stdout. Numbers that are not finite become null.
void print_json(const Json& json);

/// "note: ..." on stderr.
void note(const std::string& text);

/// An error that has been printed already, so that only its exit status remains.
Error reported(ErrorKind kind);

/// Says what went wrong, and gives the exit status.
int fail(const Error& error, bool json);

} // namespace attile::cli
