// Packages for tests of the runtime.
#pragma once

#include <attile/package.h>
#include <cmath>
#include <cstring>
#include <zlib.h>

namespace attile::test {

/// A package that has one of everything. Its code is not to be run.
inline Package full_package() {
  using plan::Slot;
  using plan::sym;
  Package p;
  p.spec_name = "gemma2_local", p.attile_version = "0.1.0", p.spec_hash = "0123456789abcdef";
  p.dtype = DType::bf16, p.head_dim = 64, p.head_dim_v = 128;
  p.inputs = standard_inputs(p.dtype);
  p.tensor_params = {{"slope", DType::f32, {sym("heads"), std::nullopt, 3}}};
  p.scalar_params = {{"window", ScalarParam::Type::integer, std::int64_t(4096)},
                     {"cap", ScalarParam::Type::f32, 50.0f},
                     {"low", ScalarParam::Type::f32, -INFINITY},
                     {"causal", ScalarParam::Type::boolean, true},
                     {"shift", ScalarParam::Type::integer, {}}};
  p.outputs = {output_spec("o", p.dtype), row_output_spec("lse")};
  p.plan.values = {{"q_tiles", ceildiv(sym("q_len"), 64)},
                   {"splits", select(lt(sym("q_tiles"), sym("threads")), min(sym("kv_len"), 8), 1)}};
  p.plan.scratch = {{"partial", sym("splits") * sym("q_len") * 4}};
  p.plan.kernels = {
      {"main",
       sym("batch") * sym("heads") * sym("q_tiles"),
       64 * 1024,
       {Slot::pointer("q"), Slot::pointer("slope"), Slot::pointer("o"), Slot::value(sym("q.stride.1")),
        Slot::value(sym("slope.dim.1")), Slot::value(sym("param.window")), Slot::param("cap"),
        Slot::param("causal"), Slot::scratch("partial")}},
      {"merge", sym("batch"), 0, {Slot::pointer("lse")}, lt(1, sym("splits"))}};
  p.code.resize(3);
  p.code[0].target = "x86-64", p.code[0].bytes.assign(16, std::byte{0xc3});
  p.code[0].entries = {{"main", 0}, {"merge", 8}};
  p.code[1].target = "x86-64-v4", p.code[1].features = {"avx512f", "avx512bw"}, p.code[1].alignment = 4096;
  p.code[1].bytes.assign(100, std::byte{0xcc});
  p.code[1].entries = {{"main", 64}, {"merge", 99}};
  p.code[2].kind = "cubin", p.code[2].target = "sm_90a", p.code[2].plan = p.plan;
  p.code[2].plan->kernels.pop_back();
  p.code[2].plan->kernels[0].slots.push_back(Slot::map("k", 64));
  p.code[2].kernels = {
      {"main", {.function = "main_0", .threads = 128, .shared_bytes = 65536, .registers = 255}}};
  for (char c : {'\177', 'E', 'L', 'F'})
    p.code[2].bytes.push_back(static_cast<std::byte>(c));
  return p;
}

/// A package whose metadata is replaced, with lengths and checksum that fit: what only parsing can find
/// wrong.
inline std::vector<std::byte> with_metadata(std::span<const std::byte> package, std::string_view metadata) {
  std::uint64_t old_size = 0, size = metadata.size();
  std::memcpy(&old_size, package.data() + 24, 8);
  auto aligned = [](std::uint64_t x) { return (x + 63) / 64 * 64; };
  std::span<const std::byte> code = package.subspan(aligned(32 + old_size));
  std::vector<std::byte> bytes(aligned(32 + size) + code.size());
  std::memcpy(bytes.data(), package.data(), 16);
  std::uint64_t total = bytes.size();
  std::memcpy(bytes.data() + 16, &total, 8);
  std::memcpy(bytes.data() + 24, &size, 8);
  std::memcpy(bytes.data() + 32, metadata.data(), size);
  std::memcpy(bytes.data() + aligned(32 + size), code.data(), code.size());
  auto crc =
      static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data() + 16), total - 16));
  std::memcpy(bytes.data() + 12, &crc, 4);
  return bytes;
}

} // namespace attile::test
