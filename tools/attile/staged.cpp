#include "tools/attile/staged.h"

using namespace attile;
using namespace attile::cli;

template <class View> Result<void> Staged::move(View& view, bool output) {
  if (view.data == nullptr)
    return {};
  Result<ByteRange> range = byte_range(view);
  if (!range)
    return range.error();
  if (range->end == range->begin)
    return {};
  auto* lowest = const_cast<std::byte*>(static_cast<const std::byte*>(view.data)) + range->begin;
  Result<DeviceBuffer> buffer = device.allocate(range->end - range->begin);
  if (!buffer)
    return buffer.error();
  if (Result<void> written = buffer->write({lowest, lowest + (range->end - range->begin)}); !written)
    return written;
  view.data = static_cast<std::byte*>(buffer->data()) - range->begin;
  copies.push_back({std::move(*buffer), output ? lowest : nullptr});
  return {};
}

Result<Staged> Staged::to(const Device& device, const Arguments& host) {
  Staged staged(device);
  staged.device_side = host;
  if (device.info().name == "cpu")
    return staged;
  Arguments& args = staged.device_side;
  std::vector<Result<void>> moved = {staged.move(args.q, false),  staged.move(args.k, false),
                                     staged.move(args.v, false),  staged.move(args.o, true),
                                     staged.move(args.lse, true), staged.move(args.max, true)};
  for (NamedOutput& output : args.outputs)
    moved.push_back(staged.move(output.view, true));
  for (Param& param : args.params)
    if (auto* view = std::get_if<ConstTensorView>(&param.value))
      moved.push_back(staged.move(*view, false));
  for (Result<void>& one : moved)
    if (!one)
      return std::move(one).error();
  return staged;
}

Result<void> Staged::back() {
  if (Result<void> done = device.synchronize(); !done)
    return done;
  for (const Copy& copy : copies)
    if (copy.host != nullptr) {
      std::span<std::byte> host(static_cast<std::byte*>(copy.host),
                                static_cast<std::size_t>(copy.buffer.size()));
      if (Result<void> read = copy.buffer.read(host); !read)
        return read;
    }
  return {};
}
