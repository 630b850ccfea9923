// From an image to a module of a context.
#pragma once

#include "emulator/driver/objects.h"
#include <string_view>

namespace emu::driver {

/// What loading has to say; where it goes is the program's choice (JIT options).
struct LoadLog {
  std::string error, info;
};

/// The PTX text in `image`: itself, or the best of a fat binary for the chip. A cubin, and a fat binary
/// without PTX, are refused: there is no machine code here.
CUresult text_of(const void* image, const Chip& chip, std::string& text, LoadLog& log);
/// Null if the chip runs code for that target, else why not.
CUresult check_target(std::string_view text, const Chip& chip, LoadLog& log);

/// Loads PTX text into a context.
CUresult load_module(Driver& driver, Context& context, const std::string& text, LoadLog& log,
                     CUmodule& module);
/// Frees its variables. Nothing may be running that uses it.
void unload_module(Driver& driver, CUmodule module);

/// Reads a file to its end, with a zero after it.
CUresult read_file(const char* path, std::string& content);

/// The log buffers of JIT options, and what the driver writes back.
class JitOptions {
public:
  JitOptions(unsigned count, CUjit_option* options, void** values)
      : count(count), options(options), values(values) {}
  bool valid() const { return count == 0 || (options != nullptr && values != nullptr); }
  void write(const LoadLog& log) const;

private:
  void write(const std::string& text, CUjit_option buffer, CUjit_option size) const;
  void** value(CUjit_option option) const;
  unsigned count;
  CUjit_option* options;
  void** values;
};

} // namespace emu::driver
