// Arguments of a kernel as text: "in:x.npy", "out:f32[1024]=y.npy", "inout:x.npy=y.npy", "i32:7", "f32:1.5".
#pragma once

#include <attile/result.h>
#include <attile/tensor.h>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attile::emu_tool {

struct Argument {
  std::string text;
  std::optional<Tensor>
      array; ///< what the device's memory holds before the launch, if anything; its shape in any case
  bool defined = false;          ///< whether it holds it: not for `out`
  std::string output;            ///< the file that the array goes to; empty: none
  std::vector<std::byte> scalar; ///< of arguments that are no arrays
  /// Is it read back after the launch?
  bool is_output() const { return array && (!output.empty() || !defined); }
};

/// Reads the files that it names. Element types are those of .npy files here (attile/npy.h), and of `out`
/// also u32, i16 and others of the same size, whose bits then count.
Result<Argument> parse_argument(const std::string& text);

/// "4,1,1", or "4": what is left out is 1.
Result<std::array<unsigned, 3>> parse_extent(const std::string& text);

} // namespace attile::emu_tool
