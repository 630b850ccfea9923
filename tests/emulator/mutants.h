// Kernels with one mistake each: PTX text in which one statement that orders something is left out, or has
// another count, parity or number of bytes.
#pragma once

#include <string>
#include <vector>

namespace emu::test {

struct Mutant {
  std::string what; ///< "12: bar.sync 0; left out"
  std::string ptx;
};

/// Of the function `kernel` in the text, which nvcc has written: one statement a line.
std::vector<Mutant> mutants_of(const std::string& ptx, const std::string& kernel);

} // namespace emu::test
