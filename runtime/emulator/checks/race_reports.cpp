// Two accesses that nothing orders, in words.
#include "emulator/checks/block_checks.h"

#include <fmt/format.h>

namespace emu {
namespace {

Triple triple(const Dim3& at) { return {at.x, at.y, at.z}; }

Triple at(const Dim3& of, std::uint64_t linear) {
  return {static_cast<std::uint32_t>(linear % of.x), static_cast<std::uint32_t>(linear / of.x % of.y),
          static_cast<std::uint32_t>(linear / of.x / of.y)};
}

Report::Kind kind_of(const OtherAccess& other) {
  return other.unfenced  ? Report::Kind::proxy_fence
         : other.pending ? Report::Kind::async_early
                         : Report::Kind::race;
}

std::string expected(const OtherAccess& other) {
  if (other.before)
    return "griddepcontrol.wait before";
  if (other.unfenced)
    return "fence.proxy.async (or, of mbarrier.init, fence.mbarrier_init) between, by a thread that knows of "
           "the write";
  if (other.operation != nullptr)
    return std::string(wait_for(*other.operation, other.record.wrote));
  return other.pending        ? "cp.async.wait_group before"
         : other.asynchronous ? "its wait, and a barrier after it"
                              : "a barrier, or a release and an acquire, between";
}

std::string which(const OtherAccess& other) {
  const std::string_view does = other.record.wrote ? "writes" : "reads";
  if (other.before)
    return fmt::format("which the kernel before it {}, and may not be done", does);
  if (other.unfenced)
    return "which was written, but not through the asynchronous proxy";
  if (other.operation != nullptr)
    return fmt::format("which a {} {} that is not known to be complete", what_is(*other.operation), does);
  return other.pending        ? fmt::format("which a cp.async that has not been waited for {}", does)
         : other.asynchronous ? fmt::format("which another thread's cp.async {}", does)
                              : "which another thread accesses";
}

} // namespace

std::string_view what_is(const AsyncOperation& operation) {
  return operation.issue.by == AsyncBy::matrix_group ? "wgmma"
         : operation.issue.generic                   ? "asynchronous store"
                                                     : "bulk copy";
}

std::string_view wait_for(const AsyncOperation& operation, bool wrote) {
  if (operation.issue.by == AsyncBy::matrix_group)
    return "wgmma.wait_group, and a barrier after it, between";
  if (operation.issue.by == AsyncBy::mbarrier)
    return "a wait for the phase of the mbarrier that it completes, between";
  return wrote ? "cp.async.bulk.wait_group, and a barrier after it, between"
               : "cp.async.bulk.wait_group.read, and a barrier after it, between";
}

ReportAddress address_of(const Access& access, int lane) {
  return {name(access.found[lane]), access.address[lane], access.bytes};
}

ReportPlace report_place(const Block& block, const Doer& doer) {
  const Launch& launch = *block.launch;
  ReportPlace place = place_of(*launch.program->module, *doer.function, *doer.instruction);
  place.kernel = launch.kernel->name;
  place.block = triple(block.id);
  place.thread = at(launch.threads, doer.thread);
  return place;
}

void Checker::Data::report_race(const Block& block, const Doer& doer, const ReportAddress& address,
                                const OtherAccess& other) {
  const Reports::Key key(kind_of(other), doer.instruction, other.record.instruction);
  if (!reports.first(key))
    return;
  const LaunchFacts& theirs = other.before ? before : current;
  Report report{.kind = kind_of(other),
                .place = report_place(block, doer),
                .message = {},
                .expected = expected(other),
                .address = address,
                .other = place_of(*theirs.program->module, *other.record.function, *other.record.instruction),
                .other_what = other.record.wrote ? "also written by" : "also read by"};
  const std::string who = doer.operation == nullptr ? "" : fmt::format("a {} ", what_is(*doer.operation));
  report.message = fmt::format("{}{} {} address 0x{:x}, {}", who, doer.writes ? "writes" : "reads",
                               address.space, address.address + other.byte, which(other));
  report.other->kernel = theirs.kernel->name;
  report.other->block = at(theirs.grid, other.block);
  report.other->thread = at(theirs.threads, other.thread);
  reports.add(key, std::move(report));
}

void Checker::Data::report_visit(const Block& block, const Doer& leaving, const BlockChecks::Visit& visit,
                                 const Block& from, std::uint32_t thread) {
  const Reports::Key key(Report::Kind::block_lifetime, leaving.instruction, visit.instruction);
  if (!reports.first(key))
    return;
  reports.add(key,
              {.kind = Report::Kind::block_lifetime,
               .place = report_place(block, leaving),
               .message = "the block leaves; nothing says that another one's access to its shared memory "
                          "comes before",
               .expected = "barrier.cluster, or something else that waits for the access, before",
               .address = {},
               .other = report_place(
                   from, {.instruction = visit.instruction, .function = visit.function, .thread = thread}),
               .other_what = "accessed by"});
}

} // namespace emu
