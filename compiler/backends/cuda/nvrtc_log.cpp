// The assembler's remarks in NVRTC's log:
//
//     ptxas info    : Compiling entry function 'attend' for 'sm_90a'
//     ptxas info    : Function properties for attend
//         0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
//     ptxas info    : Used 168 registers, used 1 barriers, 1024 bytes smem
//
// What it does to products of warpgroups and to setmaxnreg it tells as information, though it is a warning:
//
//     ptxas info    : (C7511) Potential Performance Loss: wgmma.mma_async instructions are serialized due to
//     ...
#include "compiler/backends/cuda/nvrtc.h"

#include <cstdlib>
#include <sstream>

namespace attile::cuda {
namespace {

// The number before `what`, e.g. 168 of "Used 168 registers"; 0 if it is not there.
int number_before(const std::string& line, const std::string& what) {
  const std::size_t end = line.find(what);
  if (end == std::string::npos)
    return 0;
  std::size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9')
    --begin;
  return std::atoi(line.substr(begin, end - begin).c_str());
}

std::string quoted(const std::string& line) {
  const std::size_t begin = line.find('\''), end = line.find('\'', begin + 1);
  return end == std::string::npos ? "" : line.substr(begin + 1, end - begin - 1);
}

} // namespace

void read_log(const std::string& log, NvrtcResult& result) {
  std::istringstream lines(log);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.find("Compiling entry function") != std::string::npos)
      result.kernels.push_back({.kernel = quoted(line)});
    else if (line.find("warning") != std::string::npos || line.find("(C75") != std::string::npos)
      result.warnings.push_back(line);
    if (result.kernels.empty())
      continue;
    KernelResources& kernel = result.kernels.back();
    if (line.find("bytes stack frame") != std::string::npos) {
      kernel.stack += number_before(line, " bytes stack frame");
      kernel.spill_stores += number_before(line, " bytes spill stores");
      kernel.spill_loads += number_before(line, " bytes spill loads");
    } else if (line.find(" registers") != std::string::npos) {
      kernel.registers = number_before(line, " registers");
      kernel.barriers = number_before(line, " barriers");
      kernel.shared = number_before(line, " bytes smem");
    }
  }
}

} // namespace attile::cuda
