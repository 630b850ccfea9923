#include "emulator/driver/graph.h"
#include "emulator/driver/call.h"
#include "emulator/driver/copy.h"
#include "emulator/driver/launch.h"

#include <algorithm>
#include <unordered_map>

namespace emu::driver {
namespace {

using NodeHandles = Handles<GraphNode, CUgraphNode>;

struct TypeOf {
  CUgraphNodeType operator()(const KernelLaunch&) const { return CU_GRAPH_NODE_TYPE_KERNEL; }
  CUgraphNodeType operator()(const Copy&) const { return CU_GRAPH_NODE_TYPE_MEMCPY; }
  CUgraphNodeType operator()(const Fill&) const { return CU_GRAPH_NODE_TYPE_MEMSET; }
  CUgraphNodeType operator()(const HostCall&) const { return CU_GRAPH_NODE_TYPE_HOST; }
  CUgraphNodeType operator()(const ChildGraph&) const { return CU_GRAPH_NODE_TYPE_GRAPH; }
  CUgraphNodeType operator()(const Record&) const { return CU_GRAPH_NODE_TYPE_EVENT_RECORD; }
  CUgraphNodeType operator()(const AwaitEvent&) const { return CU_GRAPH_NODE_TYPE_WAIT_EVENT; }
  template <class Other> CUgraphNodeType operator()(const Other&) const { return CU_GRAPH_NODE_TYPE_EMPTY; }
};

} // namespace

CUresult operation_of(Driver& driver, Context& context, const CUDA_KERNEL_NODE_PARAMS* params,
                      Operation& operation) {
  if (params == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  KernelLaunch launch;
  const CUresult error = prepare(driver, context, *params, launch);
  operation = std::move(launch);
  return error;
}

CUresult operation_of(Driver& driver, const CUDA_MEMCPY3D* params, Operation& operation) {
  if (params == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  Copy copy;
  CUresult error = copy_of(*params, copy);
  if (error == CUDA_SUCCESS)
    error = check_copy(driver, copy, params->dstMemoryType == CU_MEMORYTYPE_DEVICE,
                       params->srcMemoryType == CU_MEMORYTYPE_DEVICE);
  operation = copy;
  return error;
}

CUresult operation_of(const Driver& driver, const CUDA_MEMSET_NODE_PARAMS* params, Operation& operation) {
  if (params == nullptr || (params->elementSize != 1 && params->elementSize != 2 && params->elementSize != 4))
    return CUDA_ERROR_INVALID_VALUE;
  const Fill fill{params->dst,         params->pitch, params->value,
                  params->elementSize, params->width, params->height};
  operation = fill;
  return check_fill(driver, fill);
}

CUresult operation_of(const CUDA_HOST_NODE_PARAMS* params, Operation& operation) {
  if (params == nullptr || params->fn == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  operation = HostCall{params->fn, params->userData};
  return CUDA_SUCCESS;
}

CUgraphNodeType type_of(const Operation& operation) { return std::visit(TypeOf{}, operation); }

GraphNode* add_node(Driver& driver, Graph& graph, Operation operation,
                    std::span<const CUgraphNode> dependencies) {
  auto node = std::make_shared<GraphNode>();
  node->graph = &graph;
  node->operation = std::move(operation);
  for (const CUgraphNode handle : dependencies) {
    const std::shared_ptr<GraphNode> before = driver.nodes.find(handle);
    if (before == nullptr || before->graph != &graph ||
        std::ranges::find(node->dependencies, before.get()) != node->dependencies.end())
      return nullptr;
    node->dependencies.push_back(before.get());
  }
  driver.nodes.add(node);
  return graph.nodes.emplace_back(std::move(node)).get();
}

// Creation order, each node after what it depends on.
std::shared_ptr<GraphExec> instantiate(const Graph& graph) {
  auto made = std::make_shared<GraphExec>();
  enum class Mark : std::uint8_t { none, open, done };
  std::unordered_map<const GraphNode*, Mark> marks;
  std::vector<std::pair<const GraphNode*, std::size_t>> stack; // a node, and how many dependencies were seen
  for (const std::shared_ptr<GraphNode>& root : graph.nodes) {
    if (marks[root.get()] == Mark::none)
      stack.emplace_back(root.get(), 0);
    while (!stack.empty()) {
      const auto [node, seen] = stack.back();
      marks[node] = Mark::open;
      if (seen < node->dependencies.size()) {
        ++stack.back().second;
        const GraphNode* before = node->dependencies[seen];
        if (marks[before] == Mark::open)
          return nullptr;
        if (marks[before] == Mark::none)
          stack.emplace_back(before, 0);
        continue;
      }
      marks[node] = Mark::done;
      made->steps.push_back({NodeHandles::handle_of(*node), node->operation, true});
      stack.pop_back();
    }
  }
  return made;
}

ChildGraph launch_of(const GraphExec& executable) {
  auto copy = std::make_shared<GraphExec>(executable);
  for (GraphExec::Step& step : copy->steps)
    if (auto* wait = std::get_if<AwaitEvent>(&step.operation))
      wait->generation = wait->event->submitted;
    else if (auto* child = std::get_if<ChildGraph>(&step.operation))
      *child = launch_of(*child->graph);
  for (GraphExec::Step& step : copy->steps)
    if (auto* record = std::get_if<Record>(&step.operation); record != nullptr && step.enabled)
      record->generation = ++record->event->submitted;
  return {std::move(copy)};
}

std::shared_ptr<Graph> clone(Driver& driver, const Graph& graph) {
  auto copy = std::make_shared<Graph>();
  std::unordered_map<const GraphNode*, GraphNode*> copies;
  for (const std::shared_ptr<GraphNode>& node : graph.nodes)
    copies[node.get()] = add_node(driver, *copy, node->operation, {});
  for (const std::shared_ptr<GraphNode>& node : graph.nodes)
    for (const GraphNode* before : node->dependencies)
      copies[node.get()]->dependencies.push_back(copies[before]);
  return copy;
}

} // namespace emu::driver

namespace emu::abi {

using namespace emu::driver;

namespace {

struct GraphCall : ContextCall {
  explicit GraphCall(CUgraph handle) {
    if (error != CUDA_SUCCESS)
      return;
    graph = driver->graphs.find(handle);
    if (graph == nullptr)
      error = CUDA_ERROR_INVALID_VALUE;
  }

  CUresult add(CUgraphNode* handle, Operation operation, const CUgraphNode* dependencies,
               std::size_t count) const {
    if (handle == nullptr || (dependencies == nullptr && count != 0))
      return CUDA_ERROR_INVALID_VALUE;
    const GraphNode* node = add_node(*driver, *graph, std::move(operation), {dependencies, count});
    if (node == nullptr)
      return CUDA_ERROR_INVALID_VALUE;
    *handle = driver->nodes.handle_of(*node);
    return CUDA_SUCCESS;
  }

  std::shared_ptr<Graph> graph;
};

struct NodeCall : ContextCall {
  explicit NodeCall(CUgraphNode handle) {
    if (error != CUDA_SUCCESS)
      return;
    node = driver->nodes.find(handle);
    if (node == nullptr)
      error = CUDA_ERROR_INVALID_VALUE;
  }
  std::shared_ptr<GraphNode> node;
};

// The API's way to return a list: the count alone, or as many as there is room for.
template <class Get> CUresult list(CUgraphNode* out, std::size_t* count, std::size_t available, Get get) {
  if (count == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if (out != nullptr) {
    for (std::size_t i = 0; i < *count; ++i)
      out[i] = i < available ? get(i) : nullptr;
    *count = std::min(*count, available);
  } else {
    *count = available;
  }
  return CUDA_SUCCESS;
}

CUgraphNode handle_of(const GraphNode* node) { return Handles<GraphNode, CUgraphNode>::handle_of(*node); }

} // namespace

CUresult cuGraphCreate(CUgraph* handle, unsigned int flags) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (handle == nullptr || flags != 0)
    return CUDA_ERROR_INVALID_VALUE;
  *handle = call->graphs.add(std::make_shared<Graph>());
  return CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph handle) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Graph> graph = call->graphs.take(handle);
  if (graph == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  for (const std::shared_ptr<GraphNode>& node : graph->nodes)
    call->nodes.take(call->nodes.handle_of(*node));
  return CUDA_SUCCESS;
}

CUresult cuGraphClone(CUgraph* handle, CUgraph original) {
  const GraphCall call(original);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (handle == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *handle = call->graphs.add(clone(*call.driver, *call.graph));
  return CUDA_SUCCESS;
}

// ---- nodes ----

CUresult cuGraphAddEmptyNode(CUgraphNode* node, CUgraph graph, const CUgraphNode* dependencies,
                             std::size_t count) {
  const GraphCall call(graph);
  return call.error != CUDA_SUCCESS ? call.error : call.add(node, Nothing{}, dependencies, count);
}

CUresult cuGraphAddKernelNode_v2(CUgraphNode* node, CUgraph graph, const CUgraphNode* dependencies,
                                 std::size_t count, const CUDA_KERNEL_NODE_PARAMS* params) {
  const GraphCall call(graph);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Operation operation;
  const CUresult error = operation_of(*call.driver, *call.context, params, operation);
  return error != CUDA_SUCCESS ? error : call.add(node, std::move(operation), dependencies, count);
}

CUresult cuGraphAddMemcpyNode(CUgraphNode* node, CUgraph graph, const CUgraphNode* dependencies,
                              std::size_t count, const CUDA_MEMCPY3D* params, CUcontext context) {
  const GraphCall call(graph);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Operation operation;
  const CUresult error = operation_of(*call.driver, params, operation);
  return error != CUDA_SUCCESS ? error : call.add(node, std::move(operation), dependencies, count);
}

CUresult cuGraphAddMemsetNode(CUgraphNode* node, CUgraph graph, const CUgraphNode* dependencies,
                              std::size_t count, const CUDA_MEMSET_NODE_PARAMS* params, CUcontext context) {
  const GraphCall call(graph);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Operation operation;
  const CUresult error = operation_of(*call.driver, params, operation);
  return error != CUDA_SUCCESS ? error : call.add(node, std::move(operation), dependencies, count);
}

CUresult cuGraphAddHostNode(CUgraphNode* node, CUgraph graph, const CUgraphNode* dependencies,
                            std::size_t count, const CUDA_HOST_NODE_PARAMS* params) {
  const GraphCall call(graph);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Operation operation;
  const CUresult error = operation_of(params, operation);
  return error != CUDA_SUCCESS ? error : call.add(node, std::move(operation), dependencies, count);
}

CUresult cuGraphAddChildGraphNode(CUgraphNode* node, CUgraph graph, const CUgraphNode* dependencies,
                                  std::size_t count, CUgraph child_handle) {
  const GraphCall call(graph);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Graph> child = call->graphs.find(child_handle);
  if (child == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  std::shared_ptr<GraphExec> steps = instantiate(*child);
  return steps == nullptr ? CUDA_ERROR_INVALID_VALUE
                          : call.add(node, ChildGraph{std::move(steps)}, dependencies, count);
}

CUresult cuGraphAddEventRecordNode(CUgraphNode* node, CUgraph graph, const CUgraphNode* dependencies,
                                   std::size_t count, CUevent event_handle) {
  const GraphCall call(graph);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Event> event = call->events.find(event_handle);
  return event == nullptr ? CUDA_ERROR_INVALID_HANDLE : call.add(node, Record{event, 0}, dependencies, count);
}

CUresult cuGraphAddEventWaitNode(CUgraphNode* node, CUgraph graph, const CUgraphNode* dependencies,
                                 std::size_t count, CUevent event_handle) {
  const GraphCall call(graph);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Event> event = call->events.find(event_handle);
  return event == nullptr ? CUDA_ERROR_INVALID_HANDLE
                          : call.add(node, AwaitEvent{event, 0}, dependencies, count);
}

CUresult cuGraphKernelNodeSetParams_v2(CUgraphNode handle, const CUDA_KERNEL_NODE_PARAMS* params) {
  const NodeCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (!std::holds_alternative<KernelLaunch>(call.node->operation))
    return CUDA_ERROR_INVALID_VALUE;
  Operation operation;
  const CUresult error = operation_of(*call.driver, *call.context, params, operation);
  if (error == CUDA_SUCCESS)
    call.node->operation = std::move(operation);
  return error;
}

CUresult cuGraphNodeGetType(CUgraphNode handle, CUgraphNodeType* type) {
  const NodeCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (type == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *type = type_of(call.node->operation);
  return CUDA_SUCCESS;
}

CUresult cuGraphDestroyNode(CUgraphNode handle) {
  const NodeCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Graph& graph = *call.node->graph;
  for (const std::shared_ptr<GraphNode>& other : graph.nodes)
    std::erase(other->dependencies, call.node.get());
  std::erase(graph.nodes, call.node);
  call->nodes.take(handle);
  return CUDA_SUCCESS;
}

// ---- what a graph consists of ----

CUresult cuGraphGetNodes(CUgraph handle, CUgraphNode* nodes, std::size_t* count) {
  const GraphCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto& all = call.graph->nodes;
  return list(nodes, count, all.size(), [&](std::size_t i) { return handle_of(all[i].get()); });
}

CUresult cuGraphGetRootNodes(CUgraph handle, CUgraphNode* nodes, std::size_t* count) {
  const GraphCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  std::vector<const GraphNode*> roots;
  for (const std::shared_ptr<GraphNode>& node : call.graph->nodes)
    if (node->dependencies.empty())
      roots.push_back(node.get());
  return list(nodes, count, roots.size(), [&](std::size_t i) { return handle_of(roots[i]); });
}

CUresult cuGraphGetEdges_v2(CUgraph handle, CUgraphNode* from, CUgraphNode* to, CUgraphEdgeData* data,
                            std::size_t* count) {
  const GraphCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (count == nullptr || (from == nullptr) != (to == nullptr))
    return CUDA_ERROR_INVALID_VALUE;
  std::vector<std::pair<const GraphNode*, const GraphNode*>> edges;
  for (const std::shared_ptr<GraphNode>& node : call.graph->nodes)
    for (const GraphNode* before : node->dependencies)
      edges.emplace_back(before, node.get());
  std::size_t room = *count;
  list(to, &room, edges.size(), [&](std::size_t i) { return handle_of(edges[i].second); });
  if (data != nullptr)
    std::fill_n(data, std::min(*count, edges.size()), CUgraphEdgeData{});
  return list(from, count, edges.size(), [&](std::size_t i) { return handle_of(edges[i].first); });
}

CUresult cuGraphGetEdges(CUgraph graph, CUgraphNode* from, CUgraphNode* to, std::size_t* count) {
  return cuGraphGetEdges_v2(graph, from, to, nullptr, count);
}

CUresult cuGraphNodeGetDependencies_v2(CUgraphNode handle, CUgraphNode* nodes, CUgraphEdgeData* data,
                                       std::size_t* count) {
  const NodeCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const auto& before = call.node->dependencies;
  if (data != nullptr && count != nullptr)
    std::fill_n(data, std::min(*count, before.size()), CUgraphEdgeData{});
  return list(nodes, count, before.size(), [&](std::size_t i) { return handle_of(before[i]); });
}

CUresult cuGraphNodeGetDependencies(CUgraphNode node, CUgraphNode* nodes, std::size_t* count) {
  return cuGraphNodeGetDependencies_v2(node, nodes, nullptr, count);
}

CUresult cuGraphAddDependencies_v2(CUgraph handle, const CUgraphNode* from, const CUgraphNode* to,
                                   const CUgraphEdgeData* data, std::size_t count) {
  const GraphCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (count != 0 && (from == nullptr || to == nullptr))
    return CUDA_ERROR_INVALID_VALUE;
  for (std::size_t i = 0; i < count; ++i) {
    const std::shared_ptr<GraphNode> before = call->nodes.find(from[i]), after = call->nodes.find(to[i]);
    if (before == nullptr || after == nullptr || before->graph != call.graph.get() ||
        after->graph != call.graph.get() ||
        std::ranges::find(after->dependencies, before.get()) != after->dependencies.end())
      return CUDA_ERROR_INVALID_VALUE;
    after->dependencies.push_back(before.get());
  }
  return CUDA_SUCCESS;
}

CUresult cuGraphAddDependencies(CUgraph graph, const CUgraphNode* from, const CUgraphNode* to,
                                std::size_t count) {
  return cuGraphAddDependencies_v2(graph, from, to, nullptr, count);
}

} // namespace emu::abi
