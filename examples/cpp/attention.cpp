// Compiles an attention and runs it on tensors of this program. Build: see CMakeLists.txt beside this file.
#include <attile/attile.h>
#include <cstdio>
#include <vector>

int main() {
  auto spec = attile::Spec::parse(R"(
    attention local {
      dtype f32  head_dim 64
      param window : int = 256
      mask  k <= q_pos && q_pos - k < window
    })");
  auto package = spec ? attile::compile(*spec) : attile::Result<attile::Package>(spec.error());
  auto device = attile::Device::open("cpu");
  auto kernel = package && device
                    ? device->load(*package)
                    : attile::Result<attile::Kernel>(package ? device.error() : package.error());
  if (!kernel)
    return std::fprintf(stderr, "%s\n", kernel.error().text().c_str()), kernel.error().exit_status();

  const std::int64_t batch = 1, heads = 8, kv_heads = 2, len = 1024, dim = 64;
  std::vector<float> q(batch * heads * len * dim, 0.1f), o(q.size());
  std::vector<float> k(batch * kv_heads * len * dim, 0.2f), v(k.size(), 3.0f);
  auto done = kernel->launch({.q = attile::ConstTensorView(q.data(), {batch, heads, len, dim}),
                              .k = attile::ConstTensorView(k.data(), {batch, kv_heads, len, dim}),
                              .v = attile::ConstTensorView(v.data(), {batch, kv_heads, len, dim}),
                              .o = attile::TensorView(o.data(), {batch, heads, len, dim}),
                              .params = {{"window", std::int64_t{512}}}});
  if (!done)
    return std::fprintf(stderr, "%s\n", done.error().text().c_str()), done.error().exit_status();
  std::printf("o[0, 0, 0, 0] = %g\n", o[0]); // an average of equal values: 3
}
