#include "emulator/driver/capture.h"
#include "emulator/driver/call.h"
#include "emulator/driver/graph.h"

#include <algorithm>
#include <set>

namespace emu::driver {
namespace {

thread_local CUstreamCaptureMode thread_mode = CU_STREAM_CAPTURE_MODE_GLOBAL;

bool can_be_captured(const Operation& operation) {
  return !std::holds_alternative<Callback>(operation) && !std::holds_alternative<AwaitValue>(operation) &&
         !std::holds_alternative<WriteValue>(operation) && !std::holds_alternative<Release>(operation);
}

void join(std::vector<GraphNode*>& frontier, const std::vector<GraphNode*>& more) {
  for (GraphNode* node : more)
    if (std::ranges::find(frontier, node) == frontier.end())
      frontier.push_back(node);
}

void leave(Stream& stream) {
  stream.capture = nullptr;
  stream.frontier.clear();
}

// Whether everything that other streams of the capture were given comes before the end of its origin.
bool all_joined(const Driver& driver, const Stream& origin) {
  std::set<const GraphNode*> reached;
  std::vector<const GraphNode*> open(origin.frontier.begin(), origin.frontier.end());
  while (!open.empty()) {
    const GraphNode* node = open.back();
    open.pop_back();
    if (reached.insert(node).second)
      open.insert(open.end(), node->dependencies.begin(), node->dependencies.end());
  }
  return std::ranges::all_of(driver.capturing, [&](const Stream* stream) {
    return stream->capture != origin.capture ||
           std::ranges::all_of(stream->frontier,
                               [&](const GraphNode* node) { return reached.contains(node); });
  });
}

} // namespace

CUresult capture(Stream& stream, Operation operation) {
  Capture& sequence = *stream.capture;
  if (sequence.invalid)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (!can_be_captured(operation)) {
    sequence.invalid = true;
    return refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "this operation of a stream cannot be captured");
  }
  std::vector<CUgraphNode> dependencies;
  dependencies.reserve(stream.frontier.size());
  for (GraphNode* node : stream.frontier)
    dependencies.push_back(Handles<GraphNode, CUgraphNode>::handle_of(*node));
  stream.frontier = {add_node(*driver(), *sequence.graph, std::move(operation), dependencies)};
  return CUDA_SUCCESS;
}

CUresult capture_wait(Driver& driver, Stream& stream, Event& event, std::shared_ptr<Event> external) {
  if (external != nullptr && stream.capture != nullptr)
    return capture(stream, AwaitEvent{std::move(external), 0});
  if (stream.capture != nullptr && stream.capture->invalid)
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  if (event.capture == nullptr) { // recorded outside of any capture
    if (event.submitted == 0)
      return CUDA_SUCCESS;
    stream.capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_ISOLATION;
  }
  const bool open =
      std::ranges::any_of(driver.capturing, [&](Stream* s) { return s->capture == event.capture; });
  if (!open || stream.legacy)
    return stream.legacy ? CUDA_ERROR_STREAM_CAPTURE_IMPLICIT : CUDA_ERROR_CAPTURED_EVENT;
  if (stream.capture == nullptr) {
    stream.capture = event.capture;
    driver.capturing.push_back(&stream);
  } else if (stream.capture != event.capture) {
    stream.capture->invalid = event.capture->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_MERGE;
  }
  join(stream.frontier, event.frontier);
  return CUDA_SUCCESS;
}

bool blocking_capture(Driver& driver, const Context& context) {
  bool found = false;
  for (Stream* stream : driver.capturing)
    if (stream->context == &context && !stream->non_blocking) {
      stream->capture->invalid = true;
      found = true;
    }
  return found;
}

bool capture_forbids_waiting(Driver& driver) {
  bool forbidden = false;
  for (Stream* stream : driver.capturing) {
    const Capture& sequence = *stream->capture;
    const bool own =
        sequence.thread == std::this_thread::get_id() && sequence.mode != CU_STREAM_CAPTURE_MODE_RELAXED;
    const bool global =
        sequence.mode == CU_STREAM_CAPTURE_MODE_GLOBAL && thread_mode == CU_STREAM_CAPTURE_MODE_GLOBAL;
    if (thread_mode == CU_STREAM_CAPTURE_MODE_RELAXED || (!own && !global))
      continue;
    stream->capture->invalid = true;
    forbidden = true;
  }
  return forbidden;
}

} // namespace emu::driver

namespace emu::abi {

using namespace emu::driver;

namespace {

CUresult begin(StreamCall& call, CUstreamCaptureMode mode, std::shared_ptr<Graph> graph, bool owned) {
  if (call.stream->legacy)
    return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
  if (mode > CU_STREAM_CAPTURE_MODE_RELAXED)
    return CUDA_ERROR_INVALID_VALUE;
  if (call.stream->capture != nullptr)
    return CUDA_ERROR_ILLEGAL_STATE;
  auto sequence = std::make_shared<Capture>();
  sequence->id = call->next_id++;
  sequence->mode = mode;
  sequence->graph = std::move(graph);
  sequence->owns_graph = owned;
  sequence->origin = call.stream.get();
  sequence->thread = std::this_thread::get_id();
  call.stream->capture = std::move(sequence);
  call.stream->frontier.clear();
  call->capturing.push_back(call.stream.get());
  return CUDA_SUCCESS;
}

} // namespace

CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
  StreamCall call(handle);
  return call.error != CUDA_SUCCESS ? call.error : begin(call, mode, std::make_shared<Graph>(), true);
}

CUresult cuStreamBeginCaptureToGraph(CUstream handle, CUgraph graph_handle, const CUgraphNode* dependencies,
                                     const CUgraphEdgeData* data, std::size_t count,
                                     CUstreamCaptureMode mode) {
  StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  std::shared_ptr<Graph> graph = call->graphs.find(graph_handle);
  if (graph == nullptr || (dependencies == nullptr && count != 0))
    return CUDA_ERROR_INVALID_VALUE;
  std::vector<GraphNode*> frontier;
  for (std::size_t i = 0; i < count; ++i) {
    const std::shared_ptr<GraphNode> node = call->nodes.find(dependencies[i]);
    if (node == nullptr || node->graph != graph.get())
      return CUDA_ERROR_INVALID_VALUE;
    frontier.push_back(node.get());
  }
  const CUresult result = begin(call, mode, std::move(graph), false);
  if (result == CUDA_SUCCESS)
    call.stream->frontier = std::move(frontier);
  return result;
}

CUresult cuThreadExchangeStreamCaptureMode(CUstreamCaptureMode* mode) {
  if (mode == nullptr || *mode > CU_STREAM_CAPTURE_MODE_RELAXED)
    return CUDA_ERROR_INVALID_VALUE;
  std::swap(thread_mode, *mode);
  return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Capture> sequence = call.stream->capture;
  if (sequence == nullptr)
    return CUDA_ERROR_ILLEGAL_STATE;
  if (sequence->origin != call.stream.get()) {
    sequence->invalid = true;
    return CUDA_ERROR_STREAM_CAPTURE_UNMATCHED;
  }
  if (sequence->mode != CU_STREAM_CAPTURE_MODE_RELAXED && sequence->thread != std::this_thread::get_id())
    return CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD;
  CUresult result = CUDA_SUCCESS;
  if (sequence->invalid)
    result = CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  else if (!all_joined(*call.driver, *call.stream))
    result = CUDA_ERROR_STREAM_CAPTURE_UNJOINED;
  std::erase_if(call->capturing, [&](Stream* stream) {
    const bool mine = stream->capture == sequence;
    if (mine)
      leave(*stream);
    return mine;
  });
  CUgraph made = nullptr;
  if (result == CUDA_SUCCESS)
    made =
        sequence->owns_graph ? call->graphs.add(sequence->graph) : call->graphs.handle_of(*sequence->graph);
  else if (sequence->owns_graph)
    for (const std::shared_ptr<GraphNode>& node : sequence->graph->nodes)
      call->nodes.take(call->nodes.handle_of(*node));
  if (graph != nullptr)
    *graph = made;
  return result;
}

CUresult cuStreamGetCaptureInfo_v3(CUstream handle, CUstreamCaptureStatus* status, cuuint64_t* id,
                                   CUgraph* graph, const CUgraphNode** dependencies,
                                   const CUgraphEdgeData** edges, std::size_t* count) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (status == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const Capture* const sequence = call.stream->capture.get();
  *status = CU_STREAM_CAPTURE_STATUS_NONE;
  if (sequence == nullptr)
    return CUDA_SUCCESS;
  *status = sequence->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED : CU_STREAM_CAPTURE_STATUS_ACTIVE;
  if (sequence->invalid)
    return CUDA_SUCCESS;
  if (id != nullptr)
    *id = sequence->id;
  if (graph != nullptr)
    *graph = call->graphs.handle_of(*sequence->graph);
  if (edges != nullptr)
    *edges = nullptr;
  if (dependencies != nullptr) // a handle is the node's address
    *dependencies = reinterpret_cast<const CUgraphNode*>(call.stream->frontier.data());
  if (count != nullptr)
    *count = call.stream->frontier.size();
  return CUDA_SUCCESS;
}

CUresult cuStreamGetCaptureInfo_v2(CUstream handle, CUstreamCaptureStatus* status, cuuint64_t* id,
                                   CUgraph* graph, const CUgraphNode** dependencies, std::size_t* count) {
  return cuStreamGetCaptureInfo_v3(handle, status, id, graph, dependencies, nullptr, count);
}

CUresult cuStreamGetCaptureInfo(CUstream handle, CUstreamCaptureStatus* status, cuuint64_t* id) {
  return cuStreamGetCaptureInfo_v3(handle, status, id, nullptr, nullptr, nullptr, nullptr);
}

CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus* status) {
  return cuStreamGetCaptureInfo(handle, status, nullptr);
}

CUresult cuStreamUpdateCaptureDependencies_v2(CUstream handle, CUgraphNode* dependencies,
                                              const CUgraphEdgeData* data, std::size_t count,
                                              unsigned int flags) {
  const StreamCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (call.stream->capture == nullptr)
    return CUDA_ERROR_ILLEGAL_STATE;
  if ((dependencies == nullptr && count != 0) || flags > CU_STREAM_SET_CAPTURE_DEPENDENCIES)
    return CUDA_ERROR_INVALID_VALUE;
  std::vector<GraphNode*> nodes;
  for (std::size_t i = 0; i < count; ++i) {
    const std::shared_ptr<GraphNode> node = call->nodes.find(dependencies[i]);
    if (node == nullptr || node->graph != call.stream->capture->graph.get())
      return CUDA_ERROR_INVALID_VALUE;
    nodes.push_back(node.get());
  }
  if (flags == CU_STREAM_SET_CAPTURE_DEPENDENCIES)
    call.stream->frontier.clear();
  join(call.stream->frontier, nodes);
  return CUDA_SUCCESS;
}

CUresult cuStreamUpdateCaptureDependencies(CUstream handle, CUgraphNode* dependencies, std::size_t count,
                                           unsigned int flags) {
  return cuStreamUpdateCaptureDependencies_v2(handle, dependencies, nullptr, count, flags);
}

} // namespace emu::abi
