// Any bytes as a .npy file: reading gives a tensor that writes and reads back the same, or an Error.
#include <attile/npy.h>
#include <cstring>

using namespace attile;

namespace {
void require(bool condition) {
  if (!condition)
    __builtin_trap();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Result<Tensor> tensor = parse_npy(std::as_bytes(std::span(data, size)));
  if (!tensor) {
    require(!tensor.error().message.empty());
    return 0;
  }
  Result<std::vector<std::byte>> bytes = format_npy(tensor->view());
  require(bytes.ok());
  Result<Tensor> again = parse_npy(*bytes);
  require(again.ok() && again->bytes().size() == tensor->bytes().size());
  require(tensor->bytes().empty() ||
          std::memcmp(again->bytes().data(), tensor->bytes().data(), tensor->bytes().size()) == 0);
  return 0;
}
