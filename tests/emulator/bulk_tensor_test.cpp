// cp.async.bulk.tensor against boxes computed here, element by element, from what the ISA says: every rank,
// type width, swizzle and way to hang over the edge; maps that are malformed, and changes of maps by kernels.
#include "emulator/exec/tensor_map.h"
#include "kernel_text.h"

#include <algorithm>
#include <functional>

namespace emu::test {
namespace {

using Coordinates = std::array<std::int64_t, 5>;

u64 upload(Machine& machine, const TensorMap& map) {
  std::vector<std::byte> bytes(TensorMap::size);
  map.encode(bytes.data());
  return machine.upload(bytes);
}

/// A tensor with its bytes and a box of it.
struct Case {
  TensorMap map;
  Coordinates at{};
  std::vector<u8> bytes; ///< of the tensor

  u32 element() const {
    constexpr u32 bytes_of[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
    return bytes_of[static_cast<int>(map.type)];
  }
  u32 span() const {
    constexpr u32 spans[] = {0, 32, 64, 128};
    return spans[static_cast<int>(map.swizzle)];
  }
  u32 pitch() const { return std::max(span(), map.box[0] * element()); }
  u32 count(u32 i) const { return i == 0 ? map.box[0] : (map.box[i] + map.steps[i] - 1) / map.steps[i]; }
  u32 rows() const {
    u32 all = 1;
    for (u32 i = 1; i < map.rank; ++i)
      all *= count(i);
    return all;
  }

  // Rows of the ISA's pictures of swizzles: which chunk lies first, second, ... in a line of 128 bytes.
  static u32 swizzled_chunk(u32 span, u32 line, u32 chunk) {
    static constexpr u32 first_of_128[8][8] = {{0, 1, 2, 3, 4, 5, 6, 7}, {1, 0, 3, 2, 5, 4, 7, 6},
                                               {2, 3, 0, 1, 6, 7, 4, 5}, {3, 2, 1, 0, 7, 6, 5, 4},
                                               {4, 5, 6, 7, 0, 1, 2, 3}, {5, 4, 7, 6, 1, 0, 3, 2},
                                               {6, 7, 4, 5, 2, 3, 0, 1}, {7, 6, 5, 4, 3, 2, 1, 0}};
    if (span == 0)
      return chunk;
    const u32 lines = span / 16, within = chunk % lines; // so many lines until the picture repeats
    return chunk - within + first_of_128[line % lines][within];
  }

  /// Where a byte of the box lies in shared memory that begins at a multiple of 128 bytes.
  u32 place(u32 row, u32 byte, u32 begin) const {
    const u32 at = begin + row * pitch() + byte;
    const u32 line = at / 128, chunk = at % 128 / 16;
    return line * 128 + swizzled_chunk(span(), line, chunk) * 16 + at % 16 - begin;
  }

  /// f(row, element of the row, byte in the tensor; -1: out of bounds), for all of the box.
  void each(const std::function<void(u32, u32, std::int64_t)>& f) const {
    for (u32 row = 0; row < rows(); ++row)
      for (u32 i = 0; i < map.box[0]; ++i) {
        std::int64_t offset = (at[0] + i) * element();
        bool inside = at[0] + i >= 0 && at[0] + i < static_cast<std::int64_t>(map.dims[0]);
        for (u32 dim = 1, rest = row; dim < map.rank; rest /= count(dim), ++dim) {
          const std::int64_t coordinate = at[dim] + std::int64_t(rest % count(dim)) * map.steps[dim];
          inside &= coordinate >= 0 && coordinate < static_cast<std::int64_t>(map.dims[dim]);
          offset += coordinate * static_cast<std::int64_t>(map.strides[dim - 1]);
        }
        f(row, i, inside ? offset : -1);
      }
  }
};

u32 pick(std::mt19937_64& random, u32 least, u32 most) {
  return least + static_cast<u32>(random() % (most - least + 1));
}

Case random_case(std::mt19937_64& random, u32 rank, TensorMap::Swizzle swizzle, TensorMap::Type type) {
  Case one;
  one.map.type = type;
  one.map.swizzle = swizzle;
  one.map.rank = rank;
  const u32 most = one.span() != 0 ? one.span() / 16 : 16;
  one.map.box[0] = pick(random, 1, most) * 16 / one.element();
  if (random() % 2 != 0 && one.span() != 0)
    one.map.box[0] = one.span() / one.element();
  one.map.box[0] = std::min(one.map.box[0], 256u / 16 * 16);
  for (u32 rows = 64, i = 1; i < rank; ++i) {
    const u32 count = pick(random, 1, std::max(1u, std::min(rows, rank > 2 ? 5u : 64u)));
    rows /= count;
    one.map.steps[i] = random() % 4 == 0 ? pick(random, 1, 3) : 1;
    one.map.box[i] = (count - 1) * one.map.steps[i] + 1;
  }
  u64 size = 0;
  for (u32 i = 0; i < rank; ++i) {
    one.map.dims[i] = pick(random, 1, 2 * one.map.box[i]);
    const u64 least = i == 0 ? one.map.dims[0] * one.element() : size;
    size = (least + 15) / 16 * 16 + 16 * (random() % 3);
    if (i + 1 < rank)
      one.map.strides[i] = size;
    size *= i + 1 < rank ? 1 : 1;
    if (i > 0 && i + 1 < rank)
      one.map.strides[i] = size = one.map.strides[i - 1] * one.map.dims[i] + 16 * (random() % 3);
    one.at[i] = static_cast<std::int64_t>(pick(random, 0, 3 * one.map.box[i])) - one.map.box[i];
  }
  u64 bytes = one.map.dims[0] * one.element();
  for (u32 i = 1; i < rank; ++i)
    bytes += (one.map.dims[i] - 1) * one.map.strides[i - 1];
  one.bytes.resize(bytes);
  for (u8& byte : one.bytes)
    byte = static_cast<u8>(random() % 255 + 1);
  return one;
}

std::string coordinates(const Case& one) {
  std::string text;
  for (u32 i = 0; i < one.map.rank; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(one.at[i]);
  return "{" + text + "}";
}

constexpr u32 shared_bytes = 16384;

// Copies all of s from or to [%x2], a word a thread at a time.
std::string copy_shared(bool to_global) {
  const std::string label = to_global ? "T" : "F";
  return "mov.u32 %r3, %t0;\n" + label + ":\nmad.lo.u32 %r4, %r3, 4, %r0;\nmad.wide.u32 %l0, %r3, 4, %x2;\n" +
         (to_global ? "ld.shared.u32 %r6, [%r4];\nst.global.u32 [%l0], %r6;\n"
                    : "ld.global.u32 %r6, [%l0];\nst.shared.u32 [%r4], %r6;\n") +
         "add.u32 %r3, %r3, 64;\nsetp.lt.u32 %p2, %r3, " + std::to_string(shared_bytes / 4) + ";\n@%p2 bra " +
         label + ";\n";
}

const std::string beginning =
    ".shared .align 1024 .b8 s[" + std::to_string(shared_bytes) +
    "];\n.shared .align 8 .b64 m;\nmov.u32 %r0, s;\nmov.u32 %r1, m;\nmov.u64 %l9, 0;\n"
    "setp.eq.u32 %p0, %t0, 0;\n@%p0 mbarrier.init.shared.b64 [%r1], 1;\n" +
    copy_shared(false) + "fence.proxy.async;\nbar.sync 0;\n";

std::string dimensions(const Case& one) { return "." + std::to_string(one.map.rank) + "d"; }

// Loads the box to byte `begin` of s, and downloads s.
void loads(const Case& one, const std::string& form, u32 begin, int schedules) {
  u32 bytes = one.rows() * one.map.box[0] * one.element();
  const std::string text =
      kernel(beginning + "@%p0 mbarrier.arrive.expect_tx.shared.b64 _, [%r1], " + std::to_string(bytes) +
             ";\n@%p0 cp.async.bulk.tensor" + dimensions(one) + form + " [%r0+" + std::to_string(begin) +
             "], [%x0, " + coordinates(one) + "], [%r1]" +
             (form.find("multicast") != std::string::npos ? ", 1" : "") +
             (form.find("hint") != std::string::npos ? ", %l9" : "") +
             ";\nW:\nmbarrier.try_wait.parity.shared.b64 %p1, [%r1], 0;\n@!%p1 bra W;\n" + copy_shared(true));
  run_all_ways(
      {1}, {64}, text,
      [&](Machine& machine) {
        TensorMap map = one.map;
        map.address = machine.upload(one.bytes);
        return std::vector<u64>{upload(machine, map), 0, machine.upload(std::vector<u8>(shared_bytes, 0xcc)),
                                0};
      },
      [&](Machine& machine, const std::vector<u64>& params) {
        std::vector<u8> wanted(shared_bytes, 0xcc);
        one.each([&](u32 row, u32 i, std::int64_t from) {
          for (u32 k = 0; k < one.element(); ++k)
            wanted[begin + one.place(row, i * one.element() + k, begin)] =
                from < 0 ? 0 : one.bytes[static_cast<std::size_t>(from) + k];
        });
        EXPECT_EQ(machine.download<u8>(params[2], shared_bytes), wanted);
      },
      schedules);
}

// Stores the box from byte `begin` of s.
void stores(const Case& one, const std::string& form, u32 begin, int schedules) {
  std::vector<u8> shared(shared_bytes);
  for (std::size_t i = 0; i < shared.size(); ++i)
    shared[i] = static_cast<u8>(i * 37 + i / 251);
  const std::string text = kernel(beginning + "@!%p0 bra end;\ncp.async.bulk.tensor" + dimensions(one) +
                                  form + " [%x0, " + coordinates(one) + "], [%r0+" + std::to_string(begin) +
                                  "]" + (form.find("hint") != std::string::npos ? ", %l9" : "") +
                                  ";\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nend:");
  run_all_ways(
      {1}, {64}, text,
      [&](Machine& machine) {
        TensorMap map = one.map;
        map.address = machine.upload(one.bytes);
        return std::vector<u64>{upload(machine, map), map.address, machine.upload(shared), 0};
      },
      [&](Machine& machine, const std::vector<u64>& params) {
        std::vector<u8> wanted = one.bytes;
        one.each([&](u32 row, u32 i, std::int64_t to) {
          for (u32 k = 0; to >= 0 && k < one.element(); ++k)
            wanted[static_cast<std::size_t>(to) + k] =
                shared[begin + one.place(row, i * one.element() + k, begin)];
        });
        EXPECT_EQ(machine.download<u8>(params[1], wanted.size()), wanted);
      },
      schedules);
}

const std::string load_forms[] = {
    ".shared::cluster.global.tile.mbarrier::complete_tx::bytes",
    ".shared::cluster.global.mbarrier::complete_tx::bytes",
    ".shared::cta.global.tile.mbarrier::complete_tx::bytes.L2::cache_hint",
    ".tile.shared::cluster.global.mbarrier::complete_tx::bytes.L2::cache_hint",
    ".shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster",
    ".shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster.L2::cache_hint",
};
const std::string store_forms[] = {".global.shared::cta.tile.bulk_group", ".global.shared::cta.bulk_group",
                                   ".global.shared::cta.tile.bulk_group.L2::cache_hint"};

// Several of each rank and swizzle, at any multiple of 128 bytes: the pattern follows the address.
TEST(TensorCopy, BoxesOfEveryRankAndSwizzle) {
  using Is = TensorMap::Type;
  constexpr TensorMap::Type types[] = {Is::u8,  Is::u16, Is::u32, Is::s32, Is::u64,
                                       Is::s64, Is::f16, Is::f32, Is::f64, Is::bf16};
  std::mt19937_64 random(seed());
  std::size_t number = 0;
  for (u32 rank = 1; rank <= 5; ++rank)
    for (int swizzle = 0; swizzle < 4; ++swizzle)
      for (int i = 0; i < 6; ++i, ++number) {
        const Case one = random_case(random, rank, static_cast<TensorMap::Swizzle>(swizzle),
                                     types[number % std::size(types)]);
        SCOPED_TRACE("case " + std::to_string(number) + ", box at " + coordinates(one));
        ASSERT_EQ(one.map.wrong(), "");
        const u32 begin = pick(random, 0, 3) * 128;
        loads(one, load_forms[number % std::size(load_forms)], begin, 1);
        stores(one, store_forms[number % std::size(store_forms)], begin, 1);
        if (HasFailure())
          return;
      }
}

// The usual one: 64 rows of 64 elements of 16 bits, by hand: element (r, c) is r * 256 + c.
TEST(TensorCopy, ASwizzledTile) {
  Case one;
  one.map = {.type = TensorMap::Type::bf16,
             .rank = 2,
             .dims = {128, 100, 1, 1, 1},
             .strides = {256},
             .box = {64, 64, 1, 1, 1},
             .swizzle = TensorMap::Swizzle::span_128};
  one.at = {64, 32};
  one.bytes.resize(256 * 100);
  for (u32 row = 0; row < 100; ++row)
    for (u32 column = 0; column < 128; ++column) {
      one.bytes[row * 256 + column * 2] = static_cast<u8>(column);
      one.bytes[row * 256 + column * 2 + 1] = static_cast<u8>(row);
    }
  loads(one, load_forms[1], 0, 16);
  stores(one, store_forms[1], 0, 16);
  // Chunk 2 of row 3 lies where chunk 1 would without swizzle.
  EXPECT_EQ(one.place(3, 32, 0), 3 * 128 + 16);
}

// NaN, and elements that change on their way.
TEST(TensorCopy, FillAndConversion) {
  struct Conversion {
    TensorMap::Type type;
    u32 given, wanted, beyond; ///< beyond the edge
  };
  using Is = TensorMap::Type;
  const Conversion cases[] = {
      {Is::f32, 0x00000001, 0x00000001, 0x7fffffff},     {Is::f32_ftz, 0x80000001, 0x80000000, 0x7fffffff},
      {Is::f32_ftz, 0x00800000, 0x00800000, 0x7fffffff}, {Is::tf32, 0x3f801001, 0x3f802000, 0x7fffffff},
      {Is::tf32, 0x3f801000, 0x3f800000, 0x7fffffff},    {Is::tf32, 0x3f803000, 0x3f804000, 0x7fffffff},
      {Is::tf32, 0x00002000, 0x00002000, 0x7fffffff},    {Is::tf32_ftz, 0x00002000, 0, 0x7fffffff},
      {Is::tf32, 0x7f800000, 0x7f800000, 0x7fffffff},    {Is::f16, 0x12345678, 0x12345678, 0x7fff7fff},
      {Is::bf16, 0x12345678, 0x12345678, 0x7fff7fff}};
  for (const Conversion& one : cases) {
    Machine machine;
    machine.threads.x = 64;
    const u32 words = 4, elements = words * 4 / Case{{.type = one.type}, {}, {}}.element();
    const TensorMap map = {.type = one.type,
                           .rank = 1,
                           .address = machine.upload(std::vector<u32>(words, one.given)),
                           .dims = {elements, 1, 1, 1, 1},
                           .box = {2 * elements, 1, 1, 1, 1},
                           .fill_nan = true};
    const u64 shared = machine.upload(std::vector<u8>(shared_bytes));
    const Outcome outcome = machine.run(
        kernel(beginning +
               "@%p0 mbarrier.arrive.expect_tx.shared.b64 _, [%r1], 32;\n"
               "@%p0 cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], "
               "[%x0, {0}], [%r1];\nW:\nmbarrier.try_wait.parity.shared.b64 %p1, [%r1], 0;\n"
               "@!%p1 bra W;\n" +
               copy_shared(true)),
        {upload(machine, map), 0, shared, 0});
    EXPECT_EQ(outcome.status, Status::success) << outcome.message;
    std::vector<u32> wanted(4, one.wanted);
    wanted.resize(8, one.beyond);
    EXPECT_EQ(machine.download<u32>(shared, 8), wanted) << static_cast<int>(one.type);
  }
}

// ---- reductions ----

TEST(TensorReduce, AllOperations) {
  struct Operation {
    const char* name;
    u32 (*f)(u32 old, u32 value);
  };
  const Operation operations[] = {{"add", [](u32 a, u32 b) { return a + b; }},
                                  {"min", [](u32 a, u32 b) { return std::min(a, b); }},
                                  {"max", [](u32 a, u32 b) { return std::max(a, b); }},
                                  {"inc", [](u32 a, u32 b) { return a >= b ? 0 : a + 1; }},
                                  {"dec", [](u32 a, u32 b) { return a == 0 || a > b ? b : a - 1; }},
                                  {"and", [](u32 a, u32 b) { return a & b; }},
                                  {"or", [](u32 a, u32 b) { return a | b; }},
                                  {"xor", [](u32 a, u32 b) { return a ^ b; }}};
  std::mt19937_64 random(seed() + 1);
  for (const Operation& operation : operations) {
    Case one = random_case(random, 2, TensorMap::Swizzle::span_128, TensorMap::Type::u32);
    one.at = {1, -1};
    std::vector<u32> shared(shared_bytes / 4);
    for (u32& word : shared)
      word = static_cast<u32>(random());
    const std::string name = operation.name;
    const std::string form = name == "xor"  ? ".tile.bulk_group.L2::cache_hint [%x0, {1, -1}], [%r0], %l9;"
                             : name == "or" ? ".bulk_group [%x0, {1, -1}], [%r0];"
                                            : ".tile.bulk_group [%x0, {1, -1}], [%r0];";
    run_all_ways(
        {1}, {64},
        kernel(beginning + "@!%p0 bra end;\ncp.reduce.async.bulk.tensor.2d.global.shared::cta." + name +
               form + "\ncp.async.bulk.commit_group;\ncp.async.bulk.wait_group 0;\nend:"),
        [&](Machine& machine) {
          TensorMap map = one.map;
          map.address = machine.upload(one.bytes);
          return std::vector<u64>{upload(machine, map), map.address, machine.upload(shared), 0};
        },
        [&](Machine& machine, const std::vector<u64>& params) {
          std::vector<u8> wanted = one.bytes;
          one.each([&](u32 row, u32 i, std::int64_t to) {
            u32 old = 0;
            if (to < 0)
              return;
            std::memcpy(&old, wanted.data() + to, 4);
            const u32 value = operation.f(old, shared[one.place(row, i * 4, 0) / 4]);
            std::memcpy(wanted.data() + to, &value, 4);
          });
          EXPECT_EQ(machine.download<u8>(params[1], wanted.size()), wanted) << name;
        },
        2);
  }
}

// ---- maps ----

TensorMap simple_map(Machine& machine) {
  return {.type = TensorMap::Type::f32,
          .rank = 2,
          .address = machine.upload(std::vector<u32>(64 * 64, 5)),
          .dims = {64, 64, 1, 1, 1},
          .strides = {256},
          .box = {32, 8, 1, 1, 1}};
}

struct Failure {
  std::string body;
  Status status;
  std::string message;
  std::function<void(TensorMap&)> change = {};
};

// %x0 is the map, %x1 the tensor.
void fails(const Failure& one) {
  for (const auto mode : {Options::Mode::fast, Options::Mode::scheduled}) {
    Machine machine;
    machine.threads.x = 64;
    machine.options.mode = mode;
    TensorMap map = simple_map(machine);
    if (one.change)
      one.change(map);
    const Outcome outcome =
        machine.run(kernel(beginning + "@!%p0 bra end;\n" + one.body + "\nend:"),
                    {upload(machine, map), map.address, machine.upload(std::vector<u8>(shared_bytes)), 0});
    EXPECT_EQ(outcome.status, one.status) << one.body << outcome.message;
    EXPECT_NE(outcome.message.find(one.message), std::string::npos) << outcome.message;
  }
}

TEST(TensorCopy, Errors) {
  const std::string load = "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes ";
  const std::string good = load + "[%r0], [%x0, {0, 0}], [%r1];";
  fails({load + "[%r0], [%x1, {0, 0}], [%r1];", Status::illegal_instruction, "there is no tensor map"});
  fails(
      {load + "[%r0], [%x0 + 16, {0, 0}], [%r1];", Status::illegal_instruction, "expected a multiple of 64"});
  fails({load + "[%r0+64], [%x0, {0, 0}], [%r1];", Status::misaligned_address, "expected a multiple of 128"});
  fails(
      {load + "[%r0+16256], [%x0, {0, 0}], [%r1];", Status::illegal_address, "1024 bytes at shared address"});
  fails({load + "[%r0], [%x0, {0, 0}], [%r0];", Status::illegal_instruction, "there is no mbarrier object"});
  fails({"cvta.shared.u64 %l1, s;\n" + load + "[%r0], [%l1, {0, 0}], [%r1];", Status::illegal_instruction,
         "a tensor map in shared memory: expected a parameter that is const __grid_constant__"});
  fails({"cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%x0, {0}], "
         "[%r1];",
         Status::illegal_instruction, "a tensor map of rank 2: the instruction is for 1"});
  fails({good, Status::illegal_address, "lie outside all memory",
         [](TensorMap& map) { map.address = 1 << 20; }});
  fails({"cp.reduce.async.bulk.tensor.2d.global.shared::cta.inc.bulk_group [%x0, {0, 0}], [%r0];",
         Status::illegal_instruction, "'.inc' of a tensor"});
  fails({good, Status::illegal_instruction, "boxDim[0] of 32 elements, 128 bytes: expected at most 64",
         [](TensorMap& map) { map.swizzle = TensorMap::Swizzle::span_64; }});
  fails({good, Status::illegal_instruction, "globalStrides[0] of 264 bytes",
         [](TensorMap& map) { map.strides[0] = 264; }});
}

TEST(TensorCopy, RefusedAtLoad) {
  const std::pair<const char*, const char*> refused[] = {
      {"cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%l0, {%r1}], "
       "[%r2];",
       "1 coordinates: expected 2"},
      {"cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%l0, {%h1, %h2}], [%r2];",
       "'%h1' has 16 bits"},
      {"cp.async.bulk.tensor.3d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%r0], [%l0, "
       "{%r1, %r1, "
       "%r1}], [%r2], {%h1};",
       "'.im2col' cannot follow"},
  };
  for (const auto& [text, message] : refused) {
    Machine machine;
    EXPECT_EQ(machine.load(kernel(text)), nullptr) << text;
    EXPECT_NE(machine.error.message.find(message), std::string::npos) << machine.error.message;
  }
}

// A map as a parameter, and as one that a kernel has made of another.
TEST(TensorMap, AsParameter) {
  Machine machine;
  machine.threads.x = 32;
  const TensorMap map = simple_map(machine);
  std::vector<u64> words(18);
  map.encode(reinterpret_cast<std::byte*>(words.data()));
  words[16] = machine.upload(std::vector<u32>(256));
  const Outcome outcome = machine.run(
      ".visible .entry test(.param .align 64 .b8 map[128], .param .u64 to) {\n.reg .pred %p<2>;\n.reg .b32 "
      "%r<8>;\n"
      ".reg .b64 %l<4>;\n.shared .align 128 .b8 s[1024];\n.shared .align 8 .b64 m;\n"
      "mov.u32 %r0, s;\nmov.u32 %r1, m;\nld.param.u64 %l1, [to];\nmov.b64 %l0, map;\ncvta.param.u64 %l0, "
      "%l0;\n"
      "mov.u32 %r2, %tid.x;\nsetp.ne.u32 %p0, %r2, 0;\n@%p0 exit;\nprefetch.tensormap [%l0];\n"
      "prefetch.param.tensormap [map];\nmbarrier.init.shared.b64 [%r1], 1;\n"
      "mbarrier.arrive.expect_tx.shared.b64 _, [%r1], 1024;\n"
      "cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%l0, {32, 60}];\n"
      "cp.async.bulk.prefetch.tensor.2d.L2.global.L2::cache_hint [%l0, {32, 60}], %l1;\n"
      "cp.async.bulk.tensor.2d.shared::cta.global.tile.mbarrier::complete_tx::bytes [%r0], [%l0, {32, 60}], "
      "[%r1];\n"
      "W:\nmbarrier.try_wait.parity.shared.b64 %p1, [%r1], 0;\n@!%p1 bra W;\n"
      "cp.async.bulk.global.shared::cta.bulk_group [%l1], [%r0], 1024;\ncp.async.bulk.commit_group;\n"
      "cp.async.bulk.wait_group 0;\nret;\n}\n",
      words);
  EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  std::vector<u32> wanted(128, 5);
  wanted.resize(256);
  EXPECT_EQ(machine.download<u32>(words[16], 256), wanted);
}

// Every field, in shared and in global memory: then the map is what the changes say.
TEST(TensorMap, IsReplaced) {
  Machine machine;
  machine.threads.x = 32;
  machine.target = "sm_100a";
  const u64 given = upload(machine, simple_map(machine));
  const u64 to = machine.upload(std::vector<u8>(TensorMap::size)),
            again = machine.upload(std::vector<u8>(128));
  const u64 address = machine.upload(std::vector<u8>(4096));
  const Outcome outcome =
      machine.run(kernel(".shared .align 128 .b8 s[128];\nmov.u32 %r0, s;\nmad.lo.u32 %r1, %t0, 4, %r0;\n"
                         "mad.wide.u32 %l0, %t0, 4, %x0;\nld.global.u32 %r2, [%l0];\nst.shared.u32 [%r1], "
                         "%r2;\nbar.warp.sync -1;\n"
                         "setp.eq.u32 %p0, %t0, 0;\nmov.u32 %r3, 3;\nmov.u32 %r4, 12;\nmov.u64 %l1, 4096;\n"
                         "@!%p0 bra L;\n"
                         "tensormap.replace.tile.global_address.shared::cta.b1024.b64 [%r0], %x3;\n"
                         "tensormap.replace.tile.rank.shared::cta.b1024.b32 [%r0], 2;\n"
                         "tensormap.replace.tile.box_dim.shared::cta.b1024.b32 [%r0], 2, %r4;\n"
                         "tensormap.replace.tile.global_dim.shared::cta.b1024.b32 [s], 2, %r3;\n"
                         "tensormap.replace.tile.global_stride.shared::cta.b1024.b64 [%r0], 1, %l1;\n"
                         "tensormap.replace.tile.element_stride.shared::cta.b1024.b32 [%r0], 2, 4;\n"
                         "L:\ntensormap.cp_fenceproxy.global.shared::cta.tensormap::generic.release.gpu.sync."
                         "aligned [%x1], [%r0], "
                         "128;\n@!%p0 bra end;\n"
                         "fence.proxy.tensormap::generic.release.gpu;\nfence.proxy.tensormap::generic."
                         "acquire.gpu [%x1], 128;\n"
                         "ld.global.v2.u64 {%l4, %l5}, [%x1+16];\nst.global.v2.u64 [%x2+16], {%l4, %l5};\n"
                         "cp.async.bulk.prefetch.tensor.3d.L2.global [%x1, {0, 0, 0}];\n"
                         "tensormap.replace.tile.elemtype.global.b1024.b32 [%x1], 10;\n"
                         "tensormap.replace.tile.interleave_layout.global.b1024.b32 [%x1], 0;\n"
                         "tensormap.replace.tile.swizzle_mode.b1024.b32 [%x1], 3;\n"
                         "tensormap.replace.tile.swizzle_atomicity.global.b1024.b32 [%x1], 1;\n"
                         "tensormap.replace.tile.fill_mode.global.b1024.b32 [%x1], 1;\nend:"),
                  {given, to, again, address});
  EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  const std::vector<std::byte> bytes = machine.download<std::byte>(to, TensorMap::size);
  const std::optional<TensorMap> map = TensorMap::decode(bytes.data());
  ASSERT_TRUE(map.has_value());
  EXPECT_EQ(map->address, address);
  EXPECT_EQ(map->rank, 3u);
  EXPECT_EQ(map->dims, (std::array<u64, 5>{64, 64, 3, 1, 1}));
  EXPECT_EQ(map->strides, (std::array<u64, 4>{256, 4096, 0, 0}));
  EXPECT_EQ(map->box, (std::array<u32, 5>{32, 8, 12, 1, 1}));
  EXPECT_EQ(map->steps, (std::array<u32, 5>{1, 1, 4, 1, 1}));
  EXPECT_EQ(map->type, TensorMap::Type::bf16);
  EXPECT_EQ(map->swizzle, TensorMap::Swizzle::span_128);
  EXPECT_EQ(map->atom, TensorMap::Atom::bytes_32);
  EXPECT_TRUE(map->fill_nan);
  EXPECT_EQ(map->wrong(), "");
}

TEST(TensorMap, ReplacedWrongly) {
  fails({"mov.u32 %r2, 257;\ntensormap.replace.tile.box_dim.global.b1024.b32 [%x0], 1, %r2;",
         Status::illegal_instruction, "257: expected 1 to 256"});
  fails({"tensormap.replace.tile.rank.global.b1024.b32 [%x1], 1;", Status::illegal_instruction,
         "there is no tensor map"});
  for (const char* text : {"tensormap.replace.tile.global_stride.global.b1024.b64 [%x0], 4, %l1;",
                           "tensormap.replace.tile.elemtype.global.b1024.b32 [%x0], 16;",
                           "tensormap.replace.tile.elemtype.global.b1024.b32 [%x0], %r1;",
                           "fence.proxy.tensormap::generic.acquire.gpu [%x0], 64;"}) {
    Machine machine;
    EXPECT_EQ(machine.load(kernel(text)), nullptr) << text;
  }
}

// What programs may do to the second word of a map, and what they may not do to others.
TEST(TensorMap, IsKnownByItsBytes) {
  Machine machine;
  std::array<std::byte, TensorMap::size> bytes;
  simple_map(machine).encode(bytes.data());
  bytes[10] ^= std::byte(0x20);
  EXPECT_TRUE(TensorMap::decode(bytes.data()).has_value());
  for (std::size_t i = 0; i < TensorMap::size; ++i) {
    if (i / 8 == 1)
      continue;
    auto other = bytes;
    other[i] ^= std::byte(1);
    EXPECT_FALSE(TensorMap::decode(other.data()).has_value()) << i;
  }
}

} // namespace
} // namespace emu::test
