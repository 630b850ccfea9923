// Launches a package that `attile build` made, with the runtime alone: no compiler, no LLVM.
//   run_package local.pkg
#include <attile/device.h>
#include <attile/random.h>
#include <cstdio>

using attile::Result;

namespace {

int fail(const attile::Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return error.exit_status();
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2)
    return fail(attile::usage_error("run_package PACKAGE"));
  Result<attile::Package> package = attile::load_package(argv[1]);
  if (!package)
    return fail(package.error());
  Result<attile::Device> device = attile::Device::open("cpu");
  if (!device)
    return fail(device.error());
  Result<attile::Kernel> kernel = device->load(*package);
  if (!kernel)
    return fail(kernel.error());

  const std::int64_t q_shape[] = {1, 8, 128, package->head_dim}, k_shape[] = {1, 2, 512, package->head_dim},
                     v_shape[] = {1, 2, 512, package->head_dim_v},
                     o_shape[] = {1, 8, 128, package->head_dim_v};
  Result<attile::Tensor> q = attile::random_normals(package->dtype, q_shape, 1);
  Result<attile::Tensor> k = attile::random_normals(package->dtype, k_shape, 2);
  Result<attile::Tensor> v = attile::random_normals(package->dtype, v_shape, 3);
  Result<attile::Tensor> o = attile::Tensor::zeros(package->dtype, o_shape);
  if (!q || !k || !v || !o)
    return fail(attile::environment_error("not enough memory"));
  attile::LaunchStats stats;
  Result<void> done =
      kernel->launch({.q = q->view(), .k = k->view(), .v = v->view(), .o = o->view()}, &stats);
  if (!done)
    return fail(done.error());
  std::printf("%s: %.3f ms on %s\n", package->spec_name.c_str(), stats.ms, kernel->target().c_str());
}
