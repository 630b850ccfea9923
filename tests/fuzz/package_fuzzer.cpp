// Any bytes as a package: reading gives a package that writes back, or an Error. The first byte chooses
// whether the checksum is made to fit, so that mutations reach what lies behind it.
#include "tests/unit/runtime_test_package.h"

#include <attile/package.h>

using namespace attile;

namespace {
void require(bool condition) {
  if (!condition)
    __builtin_trap();
}

void read(std::span<const std::byte> bytes) {
  Result<Package> package = read_package(bytes);
  if (!package) {
    require(package.error().kind == ErrorKind::user && !package.error().message.empty());
    return;
  }
  Result<std::vector<std::byte>> written = write_package(*package);
  require(written.ok());
  Result<Package> again = read_package(*written);
  require(again.ok() && metadata_json(*again) == metadata_json(*package));
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<std::byte> whole = *write_package(test::full_package());
  if (size == 0)
    return 0;
  std::span<const std::uint8_t> rest(data + 1, size - 1);
  if (data[0] & 1)
    read(std::as_bytes(rest));
  else // the metadata of an otherwise whole package
    read(test::with_metadata(whole, {reinterpret_cast<const char*>(rest.data()), rest.size()}));
  return 0;
}
