// Capture: what a stream is given becomes nodes of a graph.
#pragma once

#include "emulator/driver/objects.h"

namespace emu::driver {

/// Adds the operation to the graph that the stream captures into.
CUresult capture(Stream& stream, Operation operation);
/// Makes what the stream captures next depend on what the event was recorded after; a stream that does not
/// capture takes part in the event's capture from then on. `external`, if not null, becomes a node that waits
/// for it.
CUresult capture_wait(Driver& driver, Stream& stream, Event& event, std::shared_ptr<Event> external);
/// Refuses work for the legacy stream of a context of which a blocking stream captures, and ends that
/// capture's validity.
bool blocking_capture(Driver& driver, const Context& context);
/// Whether a capture forbids this thread calls that might wait for the device, such as cuMemAlloc. If so, the
/// capture is invalid from then on.
bool capture_forbids_waiting(Driver& driver);

} // namespace emu::driver
