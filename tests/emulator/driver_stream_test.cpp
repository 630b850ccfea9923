// Streams, events, capture and graphs, and host threads that use them at once.
#include "tests/emulator/driver_test.h"

#include <atomic>
#include <chrono>
#include <thread>

namespace {

class DriverStream : public DriverTest {
protected:
  void SetUp() override {
    DriverTest::SetUp();
    ASSERT_CU(api().cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    store = load(module_text(store_kernel), "store");
    cell = upload(std::vector<std::uint32_t>(4, 0));
  }
  CUresult put(unsigned value, CUstream on, unsigned index = 0) {
    CUdeviceptr p = cell + 4 * index;
    return launch(store, 1, 1, {&p, &value}, on);
  }
  std::uint32_t get(unsigned index = 0) { return download<std::uint32_t>(cell + 4 * index, 1)[0]; }

  CUstream stream = nullptr;
  CUfunction store = nullptr;
  CUdeviceptr cell = 0;
};

// Something for a stream to wait for that the test opens.
struct Gate {
  std::atomic<bool> open{false};
  static void wait(void* gate) {
    while (!static_cast<Gate*>(gate)->open)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
};

TEST_F(DriverStream, work_is_done_later_and_in_order) {
  Gate gate;
  CUevent event = nullptr;
  ASSERT_CU(api().cuEventCreate(&event, 0));
  EXPECT_CU(api().cuLaunchHostFunc(stream, Gate::wait, &gate));
  EXPECT_CU(put(5, stream));
  EXPECT_CU(api().cuEventRecord(event, stream));
  EXPECT_REFUSED(api().cuStreamQuery(stream), CUDA_ERROR_NOT_READY);
  EXPECT_REFUSED(api().cuEventQuery(event), CUDA_ERROR_NOT_READY);
  gate.open = true;
  EXPECT_CU(api().cuEventSynchronize(event));
  EXPECT_CU(api().cuEventQuery(event));
  EXPECT_EQ(get(), 5U);
  EXPECT_CU(api().cuStreamSynchronize(stream));
  EXPECT_CU(api().cuStreamQuery(stream));
  EXPECT_CU(api().cuEventDestroy_v2(event));
  EXPECT_REFUSED(api().cuEventQuery(event), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(DriverStream, events_order_streams_and_have_times) {
  CUstream other = nullptr;
  CUevent begin = nullptr, end = nullptr, untimed = nullptr;
  ASSERT_CU(api().cuStreamCreate(&other, CU_STREAM_NON_BLOCKING));
  ASSERT_CU(api().cuEventCreate(&begin, 0));
  ASSERT_CU(api().cuEventCreate(&end, 0));
  ASSERT_CU(api().cuEventCreate(&untimed, CU_EVENT_DISABLE_TIMING));
  EXPECT_CU(api().cuStreamWaitValue32_v2(stream, cell + 12, 1, CU_STREAM_WAIT_VALUE_EQ));
  EXPECT_CU(api().cuEventRecord(begin, stream));
  EXPECT_CU(put(1, stream));
  EXPECT_CU(api().cuEventRecord(end, stream));
  EXPECT_CU(api().cuStreamWaitEvent(other, end, 0));
  EXPECT_CU(put(2, other));
  float ms = 0;
  EXPECT_REFUSED(api().cuEventElapsedTime(&ms, begin, end), CUDA_ERROR_NOT_READY);
  CUstream third = nullptr; // passes those that wait
  ASSERT_CU(api().cuStreamCreate(&third, CU_STREAM_NON_BLOCKING));
  EXPECT_CU(api().cuStreamWriteValue32_v2(third, cell + 12, 1, 0));
  EXPECT_CU(api().cuStreamSynchronize(other));
  EXPECT_EQ(get(), 2U);
  EXPECT_CU(api().cuEventElapsedTime(&ms, begin, end));
  EXPECT_GT(ms, 0.F);
  EXPECT_LT(ms, 1.F); // emulated, not the host's
  EXPECT_REFUSED(api().cuEventElapsedTime(&ms, begin, untimed), CUDA_ERROR_INVALID_HANDLE);
}

TEST_F(DriverStream, the_legacy_stream_waits_for_blocking_ones) {
  Gate gate;
  CUstream blocking = nullptr;
  ASSERT_CU(api().cuStreamCreate(&blocking, CU_STREAM_DEFAULT));
  EXPECT_CU(api().cuLaunchHostFunc(blocking, Gate::wait, &gate));
  EXPECT_CU(put(1, blocking));
  EXPECT_CU(put(2, nullptr));
  EXPECT_REFUSED(api().cuStreamQuery(nullptr), CUDA_ERROR_NOT_READY);
  gate.open = true;
  EXPECT_CU(api().cuStreamSynchronize(nullptr));
  EXPECT_EQ(get(), 2U);
}

TEST_F(DriverStream, callbacks_hear_of_errors) {
  struct Heard {
    CUresult status = CUDA_SUCCESS;
    CUresult inside = CUDA_SUCCESS;
    bool host_function = false;
  } heard;
  const CUstreamCallback callback = [](CUstream, CUresult status, void* data) {
    static_cast<Heard*>(data)->status = status;
    int count = 0;
    static_cast<Heard*>(data)->inside = api().cuDeviceGetCount(&count);
  };
  CUdeviceptr nowhere = 64;
  unsigned value = 0;
  EXPECT_CU(launch(store, 1, 1, {&nowhere, &value}, stream));
  api().cuStreamAddCallback(stream, callback, &heard, 0);
  api().cuLaunchHostFunc(stream, [](void* data) { static_cast<Heard*>(data)->host_function = true; }, &heard);
  EXPECT_REFUSED(api().cuCtxSynchronize(), CUDA_ERROR_ILLEGAL_ADDRESS);
  if (heard.status != CUDA_SUCCESS) { // it was given before the error was seen
    EXPECT_REFUSED(heard.status, CUDA_ERROR_ILLEGAL_ADDRESS);
    EXPECT_REFUSED(heard.inside, CUDA_ERROR_NOT_PERMITTED);
  }
  EXPECT_FALSE(heard.host_function);
}

TEST_F(DriverStream, captures_what_streams_are_given) {
  CUstream side = nullptr;
  CUevent fork = nullptr, join = nullptr;
  CUgraph graph = nullptr;
  CUgraphExec exec = nullptr;
  ASSERT_CU(api().cuStreamCreate(&side, CU_STREAM_NON_BLOCKING));
  ASSERT_CU(api().cuEventCreate(&fork, 0));
  ASSERT_CU(api().cuEventCreate(&join, 0));
  ASSERT_CU(api().cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  EXPECT_CU(put(1, stream, 0));
  EXPECT_CU(api().cuEventRecord(fork, stream));
  EXPECT_CU(api().cuStreamWaitEvent(side, fork, 0));
  EXPECT_CU(put(2, side, 1));
  EXPECT_CU(api().cuEventRecord(join, side));
  EXPECT_CU(put(3, stream, 2));
  EXPECT_CU(api().cuStreamWaitEvent(stream, join, 0));
  EXPECT_CU(api().cuMemcpyDtoDAsync_v2(cell + 12, cell + 4, 4, stream));
  CUstreamCaptureStatus status{};
  EXPECT_CU(api().cuStreamIsCapturing(side, &status));
  EXPECT_EQ(status, CU_STREAM_CAPTURE_STATUS_ACTIVE);
  ASSERT_CU(api().cuStreamEndCapture(stream, &graph));
  EXPECT_CU(api().cuStreamIsCapturing(side, &status));
  EXPECT_EQ(status, CU_STREAM_CAPTURE_STATUS_NONE);
  std::size_t nodes = 0, edges = 0;
  EXPECT_CU(api().cuGraphGetNodes(graph, nullptr, &nodes));
  EXPECT_CU(api().cuGraphGetEdges(graph, nullptr, nullptr, &edges));
  EXPECT_EQ(nodes, 4U);
  EXPECT_EQ(edges, 4U);
  EXPECT_EQ(get(0), 0U); // nothing has been done
  ASSERT_CU(api().cuGraphInstantiateWithFlags(&exec, graph, 0));
  EXPECT_CU(api().cuGraphDestroy(graph));
  for (int i = 0; i < 2; ++i) {
    EXPECT_CU(api().cuMemsetD32_v2(cell, 0, 4));
    EXPECT_CU(api().cuGraphLaunch(exec, stream));
    EXPECT_CU(api().cuStreamSynchronize(stream));
    EXPECT_EQ(download<std::uint32_t>(cell, 4), (std::vector<std::uint32_t>{1, 2, 3, 2}));
  }
  EXPECT_CU(api().cuGraphExecDestroy(exec));
}

TEST_F(DriverStream, captures_are_refused_what_would_wait) {
  CUgraph graph = nullptr;
  CUdeviceptr p = 0;
  ASSERT_CU(api().cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  EXPECT_REFUSED(api().cuStreamSynchronize(stream), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_REFUSED(put(1, stream), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  EXPECT_REFUSED(api().cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  ASSERT_CU(api().cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_GLOBAL));
  EXPECT_REFUSED(api().cuMemAlloc_v2(&p, 4), CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
  EXPECT_REFUSED(api().cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
  ASSERT_CU(api().cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  EXPECT_CU(api().cuMemAlloc_v2(&p, 4));
  EXPECT_CU(api().cuStreamEndCapture(stream, &graph));
  CUstream side = nullptr; // a fork that is not joined
  CUevent fork = nullptr;
  ASSERT_CU(api().cuStreamCreate(&side, CU_STREAM_NON_BLOCKING));
  ASSERT_CU(api().cuEventCreate(&fork, 0));
  ASSERT_CU(api().cuStreamBeginCapture_v2(stream, CU_STREAM_CAPTURE_MODE_RELAXED));
  EXPECT_CU(api().cuEventRecord(fork, stream));
  EXPECT_CU(api().cuStreamWaitEvent(side, fork, 0));
  EXPECT_CU(put(1, side));
  EXPECT_REFUSED(api().cuStreamEndCapture(stream, &graph), CUDA_ERROR_STREAM_CAPTURE_UNJOINED);
  EXPECT_REFUSED(api().cuStreamEndCapture(stream, &graph), CUDA_ERROR_ILLEGAL_STATE);
  EXPECT_REFUSED(api().cuStreamBeginCapture_v2(nullptr, CU_STREAM_CAPTURE_MODE_RELAXED),
                 CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
}

TEST_F(DriverStream, graphs_are_built_and_changed) {
  CUgraph graph = nullptr;
  CUgraphNode fill = nullptr, kernel = nullptr, host = nullptr;
  ASSERT_CU(api().cuGraphCreate(&graph, 0));
  const CUDA_MEMSET_NODE_PARAMS fill_params{cell, 0, 9, 4, 4, 1};
  ASSERT_CU(api().cuGraphAddMemsetNode(&fill, graph, nullptr, 0, &fill_params, context));
  unsigned value = 20;
  void* values[] = {&cell, &value};
  CUDA_KERNEL_NODE_PARAMS params{store, 1, 1, 1, 1, 1, 1, 0, values, nullptr, nullptr, nullptr};
  ASSERT_CU(api().cuGraphAddKernelNode_v2(&kernel, graph, &fill, 1, &params));
  int calls = 0;
  const CUDA_HOST_NODE_PARAMS host_params{[](void* data) { ++*static_cast<int*>(data); }, &calls};
  ASSERT_CU(api().cuGraphAddHostNode(&host, graph, &kernel, 1, &host_params));
  CUgraphExec exec = nullptr;
  ASSERT_CU(api().cuGraphInstantiateWithFlags(&exec, graph, 0));
  EXPECT_CU(api().cuGraphLaunch(exec, stream));
  EXPECT_CU(api().cuStreamSynchronize(stream));
  EXPECT_EQ(download<std::uint32_t>(cell, 4), (std::vector<std::uint32_t>{20, 9, 9, 9}));
  EXPECT_EQ(calls, 1);
  value = 30;
  EXPECT_CU(api().cuGraphExecKernelNodeSetParams_v2(exec, kernel, &params));
  EXPECT_CU(api().cuGraphNodeSetEnabled(exec, host, 0));
  EXPECT_CU(api().cuGraphLaunch(exec, stream));
  EXPECT_CU(api().cuStreamSynchronize(stream));
  EXPECT_EQ(get(), 30U);
  EXPECT_EQ(calls, 1);
  params.blockDimX = 2000;
  EXPECT_REFUSED(api().cuGraphExecKernelNodeSetParams_v2(exec, kernel, &params), CUDA_ERROR_INVALID_VALUE);
  EXPECT_CU(api().cuGraphAddDependencies(graph, &host, &fill, 1)); // a cycle
  CUgraphExec none = nullptr;
  EXPECT_REFUSED(api().cuGraphInstantiateWithFlags(&none, graph, 0), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(DriverStream, host_threads_at_once) {
  constexpr int threads = 4, rounds = 25;
  std::atomic<int> right{0};
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      EXPECT_CU(api().cuCtxSetCurrent(context));
      CUstream own = nullptr;
      CUdeviceptr p = 0;
      EXPECT_CU(api().cuStreamCreate(&own, t % 2 == 0 ? CU_STREAM_DEFAULT : CU_STREAM_NON_BLOCKING));
      for (int i = 0; i < rounds; ++i) {
        EXPECT_CU(api().cuMemAlloc_v2(&p, 256));
        unsigned value = static_cast<unsigned>(t * 1000 + i);
        std::uint32_t got = 0;
        EXPECT_CU(launch(store, 1, 1, {&p, &value}, own));
        EXPECT_CU(api().cuMemcpyDtoHAsync_v2(&got, p, 4, own));
        EXPECT_CU(api().cuStreamSynchronize(own));
        right += got == value;
        EXPECT_CU(api().cuMemFree_v2(p));
      }
      EXPECT_CU(api().cuStreamDestroy_v2(own));
    });
  for (std::thread& worker : workers)
    worker.join();
  EXPECT_EQ(right, threads * rounds);
}

TEST_F(DriverStream, default_streams_of_threads) {
  void* function = nullptr;
  ASSERT_CU(api().cuGetProcAddress_v2("cuLaunchKernel", &function, 12000,
                                      CU_GET_PROC_ADDRESS_PER_THREAD_DEFAULT_STREAM, nullptr));
  Gate gate;
  EXPECT_CU(api().cuLaunchHostFunc(stream, Gate::wait, &gate));
  CUdeviceptr p = cell;
  unsigned value = 8;
  void* values[] = {&p, &value};
  EXPECT_CU(reinterpret_cast<decltype(api().cuLaunchKernel)>(function)(store, 1, 1, 1, 1, 1, 1, 0, nullptr,
                                                                       values, nullptr));
  gate.open = true;
  EXPECT_CU(api().cuStreamSynchronize(CU_STREAM_PER_THREAD));
  EXPECT_EQ(get(), 8U);
}

TEST_F(DriverStream, reports_are_json) {
  api().clear_report();
  EXPECT_CU(put(1, stream));
  EXPECT_CU(api().cuStreamSynchronize(stream));
  std::string text(api().get_report(nullptr, 0), '\0');
  api().get_report(text.data(), text.size() + 1);
  EXPECT_NE(text.find(R"("store": {"launches": 1, "warp_instructions": )"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("counters": [])"), std::string::npos) << text;
  EXPECT_EQ(api().set_option("counters", "1"), nullptr);
  EXPECT_CU(put(1, stream));
  EXPECT_CU(api().cuStreamSynchronize(stream));
  EXPECT_EQ(api().set_option("counters", "0"), nullptr);
  text.resize(api().get_report(nullptr, 0));
  api().get_report(text.data(), text.size() + 1);
  EXPECT_NE(text.find(R"("unique_written_bytes": 4)"), std::string::npos) << text;
}

} // namespace
