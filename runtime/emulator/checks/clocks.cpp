#include "emulator/checks/clocks.h"

namespace emu {

// ---- ThreadTimes ----

ThreadTimes::WarpTimes& ThreadTimes::make(std::uint32_t index) {
  const auto at = std::ranges::lower_bound(warps, index, {}, &WarpTimes::index);
  if (at != warps.end() && at->index == index)
    return *at;
  return *warps.insert(at, {.index = index});
}

void ThreadTimes::raise(std::uint32_t thread, Clock clock) {
  if (clock <= base)
    return;
  Clock& at = make(thread / warp_size).at[thread % warp_size];
  at = std::max(at, clock);
}

void ThreadTimes::join(const ThreadTimes& other) {
  base = std::max(base, other.base);
  for (const WarpTimes& theirs : other.warps) {
    WarpTimes& ours = make(theirs.index);
    for (int i = 0; i < warp_size; ++i)
      ours.at[i] = std::max(ours.at[i], theirs.at[i]);
  }
  std::erase_if(warps, [&](const WarpTimes& warp) {
    return std::ranges::all_of(warp.at, [&](Clock clock) { return clock <= base; });
  });
}

bool ThreadTimes::covers(const ThreadTimes& other) const {
  if (other.base > base)
    return false;
  return std::ranges::all_of(other.warps, [&](const WarpTimes& theirs) {
    static constexpr WarpTimes none = {};
    const WarpTimes* found = find(theirs.index);
    const WarpTimes& ours = found == nullptr ? none : *found;
    bool all = true; // no early end: the loop is a few vector instructions
    for (int i = 0; i < warp_size; ++i)
      all &= theirs.at[i] <= std::max(base, ours.at[i]);
    return all;
  });
}

// ---- BlockClock ----

Clock BlockClock::completed(std::uint32_t channel) const {
  const auto at = std::ranges::lower_bound(channels, channel, {}, [](const auto& one) { return one.first; });
  return at != channels.end() && at->first == channel ? at->second : 0;
}

void BlockClock::complete(std::uint32_t channel, Clock count) {
  const auto at = std::ranges::lower_bound(channels, channel, {}, [](const auto& one) { return one.first; });
  if (at != channels.end() && at->first == channel)
    at->second = std::max(at->second, count);
  else
    channels.insert(at, {channel, count});
}

void BlockClock::join(const BlockClock& other) {
  known.join(other.known);
  join_asynchronous(other);
}

void BlockClock::join_asynchronous(const BlockClock& other) {
  proxied.join(other.proxied);
  auto mine = channels.begin();
  for (const auto& [channel, count] : other.channels) {
    while (mine != channels.end() && mine->first < channel)
      ++mine;
    if (mine != channels.end() && mine->first == channel)
      mine->second = std::max(mine->second, count);
    else
      mine = channels.insert(mine, {channel, count});
  }
}

bool BlockClock::covers(const BlockClock& other) const {
  auto mine = channels.begin();
  for (const auto& [channel, count] : other.channels) {
    while (mine != channels.end() && mine->first < channel)
      ++mine;
    if (mine == channels.end() || mine->first != channel || mine->second < count)
      return false;
  }
  return known.covers(other.known) && proxied.covers(other.proxied);
}

// ---- GridClock ----

const BlockClock* GridClock::find(std::uint32_t block) const {
  if (blocks == nullptr)
    return nullptr;
  const auto at = std::ranges::lower_bound(*blocks, block, {}, &Part::block);
  return at != blocks->end() && at->block == block ? at->clock.get() : nullptr;
}

void GridClock::join(const GridClock& other) {
  if (same(other) || other.empty())
    return;
  if (empty()) {
    blocks = other.blocks;
    return;
  }
  bool all_mine = true, all_theirs = true; // of the parts: then they go on being shared
  auto joined = std::make_shared<std::vector<Part>>();
  joined->reserve(std::max(blocks->size(), other.blocks->size()));
  auto a = blocks->begin();
  auto b = other.blocks->begin();
  while (a != blocks->end() || b != other.blocks->end()) {
    if (b == other.blocks->end() || (a != blocks->end() && a->block < b->block)) {
      joined->push_back(*a++);
      all_theirs = false;
    } else if (a == blocks->end() || b->block < a->block) {
      joined->push_back(*b++);
      all_mine = false;
    } else {
      if (a->clock == b->clock) {
        joined->push_back(*a);
      } else if (a->clock->covers(*b->clock)) {
        joined->push_back(*a);
        all_theirs = false;
      } else if (b->clock->covers(*a->clock)) {
        joined->push_back(*b);
        all_mine = false;
      } else {
        all_mine = all_theirs = false;
        auto both = std::make_shared<BlockClock>(*a->clock);
        both->join(*b->clock);
        joined->push_back({a->block, std::move(both)});
      }
      ++a;
      ++b;
    }
  }
  if (all_theirs)
    blocks = other.blocks;
  else if (!all_mine)
    blocks = std::move(joined);
}

void GridClock::join(std::uint32_t block, const BlockClock& clock) {
  GridClock one;
  one.blocks = std::make_shared<std::vector<Part>>(1, Part{block, std::make_shared<BlockClock>(clock)});
  join(one);
}

void GridClock::pass_proxy() {
  if (empty())
    return;
  auto passed = std::make_shared<std::vector<Part>>(*blocks);
  for (Part& part : *passed)
    if (!part.clock->proxied.covers(part.clock->known)) {
      auto clock = std::make_shared<BlockClock>(*part.clock);
      clock->proxied = clock->known;
      part.clock = std::move(clock);
    }
  blocks = std::move(passed);
}

// ---- View ----

void View::join(const View& other) {
  own.join(other.own);
  others.join(other.others);
  for (int i = 0; i < reaches; ++i) {
    fenced[i].join(other.fenced[i]);
    pending[i].join(other.pending[i]);
  }
  for (std::size_t i = 0; i < ordered_below.size(); ++i)
    ordered_below[i] = std::max(ordered_below[i], other.ordered_below[i]);
}

void View::join_abroad(std::uint32_t block, const View& other) {
  others.join(other.others);
  others.join(block, other.own);
  for (int i = 0; i < reaches; ++i) {
    fenced[i].join(other.fenced[i]);
    pending[i].join(other.pending[i]);
  }
}

namespace {

GridClock* find(SyncLocation::ByNumber& clocks, std::uint32_t wanted) {
  for (auto& [number, clock] : clocks)
    if (number == wanted)
      return &clock;
  return nullptr;
}

GridClock& find_or_make(SyncLocation::ByNumber& clocks, std::uint32_t number) {
  GridClock* const found = find(clocks, number);
  return found != nullptr ? *found : clocks.emplace_back(number, GridClock()).second;
}

} // namespace

// ---- ThreadClocks ----

ThreadClocks::ThreadClocks(std::uint32_t block, std::uint32_t threads, std::uint32_t cluster)
    : block(block), threads(threads), cluster(cluster), steps(threads, 1), own_proxied(threads, 0),
      views(threads, std::make_shared<View>()), left((threads + warp_size - 1) / warp_size, 0) {
  if (const std::uint32_t rest = threads % warp_size; rest != 0)
    absent = all_lanes << rest;
}

BlockClock ThreadClocks::past(std::uint32_t thread) const {
  BlockClock clock = views[thread]->own;
  clock.known.raise(thread, steps[thread]);
  clock.proxied.raise(thread, own_proxied[thread]);
  return clock;
}

GridClock ThreadClocks::everything(std::uint32_t thread) const {
  GridClock clock = views[thread]->others;
  clock.join(block, past(thread));
  return clock;
}

void ThreadClocks::publish(std::uint32_t warp, Mask mask, View& to) {
  const View* last = nullptr;
  for_lanes(mask, [&](int lane) {
    const std::uint32_t thread = warp * warp_size + static_cast<std::uint32_t>(lane);
    if (views[thread].get() != last)
      to.join(*views[thread]);
    last = views[thread].get();
    to.own.known.raise(thread, steps[thread]++);
    to.own.proxied.raise(thread, own_proxied[thread]);
  });
}

void ThreadClocks::publish_fenced(std::uint32_t warp, Mask mask, Reach reach, GridClock& to) const {
  for_lanes(mask, [&](int lane) {
    to.join(views[warp * warp_size + static_cast<std::uint32_t>(lane)]->fenced[static_cast<int>(reach)]);
  });
}

GridClock ThreadClocks::known_to_any() const {
  GridClock all;
  const View* last = nullptr;
  for (const Ref& view : views) {
    if (view.get() != last)
      all.join(view->others);
    last = view.get();
  }
  return all;
}

// Lanes that share a view go on to share one.
template <class Change> void ThreadClocks::change(std::uint32_t warp, Mask mask, Change change) {
  Ref before, after;
  for_lanes(mask, [&](int lane) {
    Ref& view = views[warp * warp_size + static_cast<std::uint32_t>(lane)];
    if (view != before) {
      auto changed = std::make_shared<View>(*view);
      change(*changed);
      before = view;
      after = std::move(changed);
    }
    view = after;
  });
}

void ThreadClocks::learn(std::uint32_t warp, Mask mask, const View& from) {
  change(warp, mask, [&](View& view) { view.join(from); });
}

void ThreadClocks::complete(std::uint32_t warp, Mask mask, std::uint32_t channel, Clock count) {
  change(warp, mask, [&](View& view) { view.own.complete(channel, count); });
}

void ThreadClocks::fence_proxy(std::uint32_t warp, Mask mask) {
  change(warp, mask, [](View& view) {
    view.own.proxied = view.own.known;
    view.others.pass_proxy();
    for (GridClock& fenced : view.fenced)
      fenced.pass_proxy();
  });
  for_lanes(mask, [&](int lane) {
    const std::uint32_t thread = warp * warp_size + static_cast<std::uint32_t>(lane);
    own_proxied[thread] = steps[thread]++;
  });
}

void ThreadClocks::publish_abroad(std::uint32_t warp, Mask mask, View& to) {
  View here;
  publish(warp, mask, here);
  to.join_abroad(block, here);
}

void ThreadClocks::learn_abroad(std::uint32_t warp, Mask mask, const View& from) {
  const BlockClock* const own = from.others.find(block);
  change(warp, mask, [&](View& view) {
    if (own != nullptr)
      view.own.join(*own);
    view.others.join(from.others);
    for (int i = 0; i < reaches; ++i) {
      view.fenced[i].join(from.fenced[i]);
      view.pending[i].join(from.pending[i]);
    }
  });
}

bool ThreadClocks::is_all(std::span<const Mask> lanes, bool without_left) const {
  for (std::size_t warp = 0; warp < left.size(); ++warp) {
    const Mask come = warp < lanes.size() ? lanes[warp] : 0, gone = without_left ? left[warp] : 0;
    if ((come | gone | (warp + 1 == left.size() ? absent : 0)) != all_lanes)
      return false;
  }
  return true;
}

// All threads: then one number says what all know. Those that have left count.
void ThreadClocks::meet_all(Recorded recorded) {
  auto joined = std::make_shared<View>();
  const View* last = nullptr;
  Clock latest = 0;
  for (std::uint32_t thread = 0; thread < threads; ++thread) {
    const View* view = views[thread].get();
    if (view != last) {
      joined->own.join_asynchronous(view->own);
      joined->others.join(view->others);
      for (int i = 0; i < reaches; ++i) {
        joined->fenced[i].join(view->fenced[i]);
        joined->pending[i].join(view->pending[i]);
      }
      last = view;
    }
    latest = std::max(latest, steps[thread]);
    joined->own.proxied.raise(thread, own_proxied[thread]);
  }
  joined->own.known.base = latest;
  joined->ordered_below = recorded;
  const Ref common = std::move(joined);
  std::ranges::fill(views, common);
  std::ranges::fill(steps, latest + 1);
}

bool ThreadClocks::meet(std::span<const Mask> lanes, const View* arrived, Recorded recorded,
                        bool without_left) {
  if (is_all(lanes, without_left)) {
    if (arrived != nullptr) // it holds what threads knew that came twice, or of whom nobody waits
      learn(0, 1, *arrived);
    meet_all(recorded);
    return true;
  }
  auto joined = arrived != nullptr ? std::make_shared<View>(*arrived) : std::make_shared<View>();
  Clock latest = 0;
  for (std::uint32_t warp = 0; warp < lanes.size(); ++warp) {
    publish(warp, lanes[warp], *joined);
    for_lanes(lanes[warp], [&](int lane) {
      latest = std::max(latest, steps[warp * warp_size + static_cast<std::uint32_t>(lane)]);
    });
  }
  const Ref common = std::move(joined);
  for (std::uint32_t warp = 0; warp < lanes.size(); ++warp)
    for_lanes(lanes[warp], [&](int lane) {
      views[warp * warp_size + static_cast<std::uint32_t>(lane)] = common;
      steps[warp * warp_size + static_cast<std::uint32_t>(lane)] = latest;
    });
  return false;
}

bool ThreadClocks::meet(std::uint32_t warp, Mask mask, Recorded recorded) {
  std::array<Mask, 32> lanes{}; // a block has at most 1024 threads
  lanes[warp] = mask;
  return meet({lanes.data(), warp + 1}, nullptr, recorded, false);
}

void ThreadClocks::fence(std::uint32_t thread, Reach reach, bool acquires, bool releases) {
  auto view = std::make_shared<View>(*views[thread]);
  const int last = static_cast<int>(reach);
  for (int i = 0; i <= last && acquires; ++i) {
    if (const BlockClock* own = view->pending[i].find(block))
      view->own.join(*own);
    view->others.join(view->pending[i]);
    view->pending[i] = {};
  }
  views[thread] = view; // nobody else has it yet
  if (!releases)
    return;
  const GridClock known = everything(thread);
  for (int i = 0; i <= last; ++i)
    view->fenced[i] = known;
  ++steps[thread];
}

// What they tell is joined once for all lanes: nobody reads the place between them.
void ThreadClocks::release(std::uint32_t warp, Mask mask, SyncLocation& location, Reach reach, bool ordered) {
  GridClock clocks[reaches];
  const View* last = nullptr;
  for_lanes(mask, [&](int lane) {
    const View* view = views[warp * warp_size + static_cast<std::uint32_t>(lane)].get();
    for (int i = 0; i < reaches && view != last; ++i)
      clocks[i].join(view->fenced[i]);
    last = view;
  });
  if (ordered) {
    View known;
    publish(warp, mask, known);
    known.others.join(block, known.own);
    for (int i = 0; i <= static_cast<int>(reach); ++i)
      clocks[i].join(known.others);
  }
  if (reach == Reach::device)
    location.released.join(clocks[static_cast<int>(Reach::device)]);
  if (reach != Reach::block)
    find_or_make(location.in_cluster, cluster).join(clocks[static_cast<int>(Reach::cluster)]);
  find_or_make(location.in_block, block).join(clocks[static_cast<int>(Reach::block)]);
}

void ThreadClocks::acquire(std::uint32_t warp, Mask mask, SyncLocation& location, Reach reach, bool ordered) {
  GridClock seen[reaches];
  if (const GridClock* own = find(location.in_block, block))
    seen[static_cast<int>(Reach::block)] = *own;
  if (const GridClock* own = find(location.in_cluster, cluster); own != nullptr && reach != Reach::block)
    seen[static_cast<int>(Reach::cluster)] = *own;
  if (reach == Reach::device)
    seen[static_cast<int>(Reach::device)] = location.released;
  if (std::ranges::all_of(seen, &GridClock::empty))
    return;
  Mask fresh = mask; // but for a spin that saw it before
  if (!ordered)
    for_lanes(mask, [&](int lane) {
      const View& before = *views[warp * warp_size + static_cast<std::uint32_t>(lane)];
      if (std::equal(std::begin(seen), std::end(seen), std::begin(before.pending),
                     [](const GridClock& x, const GridClock& y) { return x.same(y); }))
        fresh &= ~(Mask(1) << lane);
    });
  change(warp, fresh, [&](View& view) {
    for (int i = 0; i < reaches; ++i) {
      if (!ordered) {
        view.pending[i].join(seen[i]);
        continue;
      }
      if (const BlockClock* own = seen[i].find(block))
        view.own.join(*own);
      view.others.join(seen[i]);
    }
  });
}

} // namespace emu
