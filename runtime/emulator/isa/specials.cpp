#include "emulator/isa/specials.h"

#include <utility>

namespace emu {
namespace {

using Named = std::pair<std::string_view, Special>;

constexpr Named scalars[] = {
    {"%laneid", Special::laneid},
    {"%warpid", Special::warpid},
    {"%nwarpid", Special::nwarpid},
    {"%lanemask_eq", Special::lanemask_eq},
    {"%lanemask_le", Special::lanemask_le},
    {"%lanemask_lt", Special::lanemask_lt},
    {"%lanemask_ge", Special::lanemask_ge},
    {"%lanemask_gt", Special::lanemask_gt},
    {"%smid", Special::smid},
    {"%nsmid", Special::nsmid},
    {"%gridid", Special::gridid},
    {"%cluster_ctarank", Special::cluster_ctarank},
    {"%cluster_nctarank", Special::cluster_nctarank},
    {"%is_explicit_cluster", Special::is_explicit_cluster},
    {"%total_smem_size", Special::total_smem_size},
    {"%dynamic_smem_size", Special::dynamic_smem_size},
    {"%aggr_smem_size", Special::aggr_smem_size},
    {"%reserved_smem_offset_begin", Special::reserved_smem_offset_begin},
    {"%reserved_smem_offset_end", Special::reserved_smem_offset_cap},
    {"%reserved_smem_offset_cap", Special::reserved_smem_offset_cap},
    {"%reserved_smem_offset_0", Special::zero},
    {"%reserved_smem_offset_1", Special::reserved_smem_offset_1},
    {"%envreg1", Special::workspace_high},
    {"%envreg2", Special::workspace_low},
    {"%current_graph_exec", Special::zero},
};

// Those of three components, by their first.
constexpr Named triples[] = {
    {"%tid", Special::tid_x},
    {"%ntid", Special::ntid_x},
    {"%ctaid", Special::ctaid_x},
    {"%nctaid", Special::nctaid_x},
    {"%clusterid", Special::clusterid_x},
    {"%nclusterid", Special::nclusterid_x},
    {"%cluster_ctaid", Special::cluster_ctaid_x},
    {"%cluster_nctaid", Special::cluster_nctaid_x},
};

constexpr std::pair<std::string_view, Clock> clocks[] = {
    {"%clock", Clock::clock},
    {"%clock_hi", Clock::clock_hi},
    {"%clock64", Clock::clock64},
    {"%globaltimer", Clock::globaltimer},
    {"%globaltimer_lo", Clock::globaltimer_lo},
    {"%globaltimer_hi", Clock::globaltimer_hi},
};

} // namespace

std::optional<Special> special_named(std::string_view name, ptx::Component component) {
  using ptx::Component;
  name = name.substr(0, name.find('.'));
  if (component == Component::none) {
    for (const auto& [text, special] : scalars)
      if (text == name)
        return special;
    const bool counter = name.starts_with("%envreg") || name.starts_with("%pm"); // set by drivers and tools
    return counter ? std::optional(Special::zero) : std::nullopt;
  }
  const int offset = static_cast<int>(component) - static_cast<int>(Component::x);
  if (offset < 0 || offset > 2)
    return std::nullopt;
  for (const auto& [text, special] : triples)
    if (text == name)
      return static_cast<Special>(static_cast<int>(special) + offset);
  return std::nullopt;
}

std::optional<Clock> clock_named(std::string_view name) {
  for (const auto& [text, clock] : clocks)
    if (text == name)
      return clock;
  return std::nullopt;
}

} // namespace emu
