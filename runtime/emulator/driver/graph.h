// Graphs: nodes are operations, edges say what must be done before what.
#pragma once

#include "emulator/driver/objects.h"
#include <span>

namespace emu::driver {

struct GraphNode {
  Graph* graph = nullptr;
  Operation operation;
  std::vector<GraphNode*> dependencies;
};

struct Graph {
  std::vector<std::shared_ptr<GraphNode>> nodes; ///< in the order of their creation
};

struct GraphExec {
  struct Step {
    CUgraphNode node = nullptr; ///< that it was made from, which may be gone
    Operation operation;
    bool enabled = true;
  };
  std::vector<Step> steps; ///< in an order that the edges allow
  std::uint64_t flags = 0;
};

/// The operations of nodes, checked; those of an executable are replaced by the same.
CUresult operation_of(Driver& driver, Context& context, const CUDA_KERNEL_NODE_PARAMS* params,
                      Operation& operation);
CUresult operation_of(Driver& driver, const CUDA_MEMCPY3D* params, Operation& operation);
CUresult operation_of(const Driver& driver, const CUDA_MEMSET_NODE_PARAMS* params, Operation& operation);
CUresult operation_of(const CUDA_HOST_NODE_PARAMS* params, Operation& operation);

CUgraphNodeType type_of(const Operation& operation);
/// Null if a dependency is not a node of this graph, or comes twice.
GraphNode* add_node(Driver& driver, Graph& graph, Operation operation,
                    std::span<const CUgraphNode> dependencies);
/// An executable of the graph as it is now; null if its edges form a cycle.
std::shared_ptr<GraphExec> instantiate(const Graph& graph);
/// The operation of a launch of it: its events are recorded once more, and waited for as often as they were
/// recorded.
ChildGraph launch_of(const GraphExec& executable);
/// A copy of `graph` with nodes of its own; handles of both are in the driver's tables.
std::shared_ptr<Graph> clone(Driver& driver, const Graph& graph);

} // namespace emu::driver
