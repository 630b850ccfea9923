// Definedness of what calls hand on and give back.
#include "emulator/exec/passing.h"
#include "emulator/checks/block_checks.h"

#include <algorithm>

namespace emu {
namespace {

struct Bytes {
  ByteBits undefined = 0, tainted = 0;
};

/// One lane's value, wherever it lies.
class Place {
public:
  Place(std::vector<std::array<OwnShadow, warp_size>>& local, const Warp& warp, const PassedValue& value,
        int lane)
      : value(value), own(local[warp.index][static_cast<std::size_t>(lane)]),
        shadow(value.slot ? static_cast<RegisterShadow*>(value.frame->checks.get()) : nullptr), lane(lane) {
    if (!value.slot && value.constant == nullptr)
      own.grow(value.at + value.bytes);
  }

  Bytes get(std::uint64_t from, unsigned count) const {
    const ByteBits all = all_bytes(count);
    if (value.constant != nullptr)
      return {};
    if (!value.slot)
      return {~own.defined.get(value.at + from, count) & all, own.tainted.get(value.at + from, count)};
    const bool tainted = shadow != nullptr && (shadow->tainted(*value.slot) >> lane & 1) != 0;
    return {shadow != nullptr ? shadow->undefined_bytes(*value.slot, lane) & all : 0, tainted ? all : 0};
  }

  void put(std::uint64_t from, unsigned count, Bytes bytes) {
    if (!value.slot) {
      own.defined.put(value.at + from, count, ~bytes.undefined);
      own.tainted.put(value.at + from, count, bytes.tainted);
      own.any_tainted |= bytes.tainted != 0;
    } else if (shadow != nullptr) {
      const Mask bit = Mask(1) << lane;
      shadow->define(*value.slot, bit);
      if (bytes.tainted != 0)
        shadow->taint(*value.slot, bit, nullptr);
      else
        shadow->undefine(*value.slot, lane, bytes.undefined, nullptr);
    }
  }

private:
  const PassedValue& value;
  OwnShadow& own;
  RegisterShadow* shadow; ///< null: the value is in memory, or not followed
  int lane;
};

} // namespace

void Checker::passed(Warp& warp, Mask lanes, const PassedValue& to, const PassedValue& from) {
  auto& local = static_cast<BlockChecks*>(warp.block->checks.get())->local;
  const std::uint64_t bytes = std::min(to.bytes, from.bytes);
  for_lanes(lanes, [&](int lane) {
    Place source(local, warp, from, lane), place(local, warp, to, lane);
    for (std::uint64_t done = 0; done < bytes; done += 32) {
      const auto part = static_cast<unsigned>(std::min<std::uint64_t>(32, bytes - done));
      place.put(done, part, source.get(done, part));
    }
  });
}

} // namespace emu
