// Graphs that can be launched.
#include "emulator/driver/call.h"
#include "emulator/driver/copy.h"
#include "emulator/driver/graph.h"
#include "emulator/driver/launch.h"

#include <algorithm>

namespace emu::abi {

using namespace emu::driver;

namespace {

struct ExecCall : ContextCall {
  explicit ExecCall(CUgraphExec handle) {
    if (error != CUDA_SUCCESS)
      return;
    executable = driver->executables.find(handle);
    if (executable == nullptr)
      error = CUDA_ERROR_INVALID_VALUE;
  }
  GraphExec::Step* step(CUgraphNode node) const {
    const auto found = std::ranges::find(executable->steps, node, &GraphExec::Step::node);
    return found == executable->steps.end() ? nullptr : &*found;
  }
  /// Replaces an operation by another of its kind.
  CUresult replace(CUgraphNode node, Operation operation) const {
    GraphExec::Step* const found = step(node);
    if (found == nullptr || found->operation.index() != operation.index())
      return CUDA_ERROR_INVALID_VALUE;
    found->operation = std::move(operation);
    return CUDA_SUCCESS;
  }
  std::shared_ptr<GraphExec> executable;
};

bool same_function(const Operation& a, const Operation& b) {
  const auto* first = std::get_if<KernelLaunch>(&a);
  const auto* second = std::get_if<KernelLaunch>(&b);
  return first == nullptr || second == nullptr || first->function->program == second->function->program ||
         first->function->function->name == second->function->function->name;
}

} // namespace

CUresult cuGraphInstantiateWithFlags(CUgraphExec* handle, CUgraph graph_handle, unsigned long long flags) {
  const ContextCall call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Graph> graph = call->graphs.find(graph_handle);
  if (handle == nullptr || graph == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  if ((flags & CUDA_GRAPH_INSTANTIATE_FLAG_DEVICE_LAUNCH) != 0)
    return refuse(CUDA_ERROR_NOT_SUPPORTED, "the emulator does not launch graphs from the device");
  std::shared_ptr<GraphExec> made = instantiate(*graph);
  if (made == nullptr)
    return refuse(CUDA_ERROR_INVALID_VALUE, "the edges of a graph form a cycle");
  made->flags = flags;
  *handle = call->executables.add(std::move(made));
  return CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithParams(CUgraphExec* handle, CUgraph graph,
                                      CUDA_GRAPH_INSTANTIATE_PARAMS* params) {
  if (params == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  const CUresult result = cuGraphInstantiateWithFlags(handle, graph, params->flags);
  params->hErrNode_out = nullptr;
  params->result_out = result == CUDA_SUCCESS ? CUDA_GRAPH_INSTANTIATE_SUCCESS : CUDA_GRAPH_INSTANTIATE_ERROR;
  return result;
}

CUresult cuGraphExecGetFlags(CUgraphExec handle, cuuint64_t* flags) {
  const ExecCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  if (flags == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *flags = call.executable->flags;
  return CUDA_SUCCESS;
}

CUresult cuGraphExecKernelNodeSetParams_v2(CUgraphExec handle, CUgraphNode node,
                                           const CUDA_KERNEL_NODE_PARAMS* params) {
  const ExecCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Operation operation;
  const CUresult error = operation_of(*call.driver, *call.context, params, operation);
  return error != CUDA_SUCCESS ? error : call.replace(node, std::move(operation));
}

CUresult cuGraphExecMemcpyNodeSetParams(CUgraphExec handle, CUgraphNode node, const CUDA_MEMCPY3D* params,
                                        CUcontext context) {
  const ExecCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Operation operation;
  const CUresult error = operation_of(*call.driver, params, operation);
  return error != CUDA_SUCCESS ? error : call.replace(node, std::move(operation));
}

CUresult cuGraphExecMemsetNodeSetParams(CUgraphExec handle, CUgraphNode node,
                                        const CUDA_MEMSET_NODE_PARAMS* params, CUcontext context) {
  const ExecCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Operation operation;
  const CUresult error = operation_of(*call.driver, params, operation);
  return error != CUDA_SUCCESS ? error : call.replace(node, std::move(operation));
}

CUresult cuGraphExecHostNodeSetParams(CUgraphExec handle, CUgraphNode node,
                                      const CUDA_HOST_NODE_PARAMS* params) {
  const ExecCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  Operation operation;
  const CUresult error = operation_of(params, operation);
  return error != CUDA_SUCCESS ? error : call.replace(node, std::move(operation));
}

// Nodes correspond by their order, as they do if both graphs were captured from the same calls.
CUresult cuGraphExecUpdate_v2(CUgraphExec handle, CUgraph graph_handle, CUgraphExecUpdateResultInfo* info) {
  const ExecCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<Graph> graph = call->graphs.find(graph_handle);
  if (graph == nullptr || info == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *info = {CU_GRAPH_EXEC_UPDATE_SUCCESS, nullptr, nullptr};
  const auto fail = [&](CUgraphExecUpdateResult result, CUgraphNode node) {
    *info = {result, node, nullptr};
    return CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE;
  };
  const std::shared_ptr<GraphExec> update = instantiate(*graph);
  std::vector<GraphExec::Step>& steps = call.executable->steps;
  if (update == nullptr || update->steps.size() != steps.size())
    return fail(CU_GRAPH_EXEC_UPDATE_ERROR_TOPOLOGY_CHANGED, nullptr);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].operation.index() != update->steps[i].operation.index())
      return fail(CU_GRAPH_EXEC_UPDATE_ERROR_NODE_TYPE_CHANGED, update->steps[i].node);
    if (!same_function(steps[i].operation, update->steps[i].operation))
      return fail(CU_GRAPH_EXEC_UPDATE_ERROR_FUNCTION_CHANGED, update->steps[i].node);
  }
  for (std::size_t i = 0; i < steps.size(); ++i)
    steps[i].operation = std::move(update->steps[i].operation);
  return CUDA_SUCCESS;
}

CUresult cuGraphNodeSetEnabled(CUgraphExec handle, CUgraphNode node, unsigned int enabled) {
  const ExecCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  GraphExec::Step* const step = call.step(node);
  if (step == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  step->enabled = enabled != 0;
  return CUDA_SUCCESS;
}

CUresult cuGraphNodeGetEnabled(CUgraphExec handle, CUgraphNode node, unsigned int* enabled) {
  const ExecCall call(handle);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const GraphExec::Step* const step = call.step(node);
  if (step == nullptr || enabled == nullptr)
    return CUDA_ERROR_INVALID_VALUE;
  *enabled = step->enabled ? 1 : 0;
  return CUDA_SUCCESS;
}

CUresult cuGraphUpload(CUgraphExec handle, CUstream stream) {
  const ExecCall call(handle);
  return call.error;
}

CUresult cuGraphLaunch(CUgraphExec handle, CUstream stream) {
  StreamCall call(stream);
  if (call.error != CUDA_SUCCESS)
    return call.error;
  const std::shared_ptr<GraphExec> executable = call->executables.find(handle);
  return executable == nullptr ? CUDA_ERROR_INVALID_VALUE : call.submit(launch_of(*executable));
}

CUresult cuGraphExecDestroy(CUgraphExec handle) {
  const Call call;
  if (call.error != CUDA_SUCCESS)
    return call.error;
  return call->executables.take(handle) != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

} // namespace emu::abi
