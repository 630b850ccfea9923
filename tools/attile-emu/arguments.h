// Arguments of a kernel as text. Scalars: "i32:7", "f32:1.5". Arrays, the written file behind "=":
//     in:x.npy                  of the file's element type
//     inout:x.npy=y.npy         the same, written
//     f64:@x.npy                the file must hold f64; f64[4,8]:@x.npy that shape as well, =y.npy to write
//     it out:bf16[1024]=y.npy      undefined before the launch zeros:i16[4,8]=y.npy, full:f32[64]:1.5=y.npy,
//     random:e4m3[64]:7 (a seed; 0 if left out)
#pragma once

#include "tools/attile-emu/array.h"

#include <array>
#include <optional>

namespace attile::emu_tool {

struct Argument {
  std::string text;
  std::optional<Array> array;    ///< what the device's memory holds before the launch, if anything
  bool defined = false;          ///< whether it holds it: not for `out`
  std::string output;            ///< the file that the array goes to; empty: none
  std::vector<std::byte> scalar; ///< of arguments that are no arrays
  /// Is it read back after the launch?
  bool is_output() const { return array && (!output.empty() || !defined); }
};

/// Reads the files that it names.
Result<Argument> parse_argument(const std::string& text);

/// "4,1,1", or "4": what is left out is 1.
Result<std::array<unsigned, 3>> parse_extent(const std::string& text);

} // namespace attile::emu_tool
