// The system's functions: printing, assertions, the device heap.
#include "emulator/families/print.h"
#include "run_ptx.h"

#include <cmath>

namespace emu::test {
namespace {

using u32 = std::uint32_t;
using u64 = std::uint64_t;

// Arguments packed as a caller packs them.
class Packed {
public:
  template <class T> Packed& operator<<(T value) {
    bytes.resize((bytes.size() + sizeof(T) - 1) / sizeof(T) * sizeof(T));
    bytes.resize(bytes.size() + sizeof(T));
    std::memcpy(bytes.data() + bytes.size() - sizeof(T), &value, sizeof(T));
    return *this;
  }
  Printed print(std::string_view format) const {
    const PrintMemory memory = {.argument =
                                    [this](u64 offset, u32 size) {
                                      u64 value = 0;
                                      if (offset + size <= bytes.size())
                                        std::memcpy(&value, bytes.data() + offset, size);
                                      return value;
                                    },
                                .string = [](u64 address) { return "string " + std::to_string(address); }};
    return emu::print(format, memory);
  }

private:
  std::vector<std::byte> bytes;
};

template <class... T> std::string host(const char* format, T... values) {
  char text[400];
  const int length = std::snprintf(text, sizeof text, format, values...); // NOLINT
  return std::string(text, std::size_t(length));
}

TEST(Print, Integers) {
  const Packed one = Packed() << -7;
  for (const char* format : {"%d", "%i", "%u", "%x", "%X", "%o", "%5d|", "%-5d|", "%05d", "%+d", "% d",
                             "%.3d", "%#x", "%hd", "%hhu", "%hx"})
    EXPECT_EQ(one.print(format).text, host(format, -7)) << format;
  const Packed long_one = Packed() << std::int64_t(-1234567890123);
  for (const char* format : {"%lld", "%llu", "%llx", "%ld", "%lu", "%20lld|", "%zu", "%jd"})
    EXPECT_EQ(long_one.print(format).text, host(format, std::int64_t(-1234567890123))) << format;
}

TEST(Print, FloatsCharactersAndPointers) {
  for (double value : {1.5, -0.0, 1e300, 3.14159, double(INFINITY)})
    for (const char* format : {"%f", "%e", "%g", "%a", "%.2f", "%10.3e|", "%-12g|", "%F", "%E", "%G", "%A"})
      EXPECT_EQ((Packed() << value).print(format).text, host(format, value)) << format;
  EXPECT_EQ((Packed() << int('q')).print("<%c>").text, "<q>");
  EXPECT_EQ((Packed() << u64(0xabc)).print("%p").text, "0xabc");
  EXPECT_EQ((Packed() << u64(5)).print("%s/").text, "string 5/");
  EXPECT_EQ((Packed() << u64(5)).print("%.3s/").text, "str/");
}

TEST(Print, ArgumentsAreAligned) {
  const Packed mixed = Packed() << 1 << 2.5 << 3 << 4 << std::int64_t(5) << 6 << u64(7);
  const Printed printed = mixed.print("%d %.1f %d %d %lld %d %s %%");
  EXPECT_EQ(printed.text, "1 2.5 3 4 5 6 string 7 %");
  EXPECT_EQ(printed.arguments, 7);
}

TEST(Print, WidthAndPrecisionFromArguments) {
  EXPECT_EQ((Packed() << 8 << 42).print("%*d|").text, "      42|");
  EXPECT_EQ((Packed() << -8 << 42).print("%*d|").text, "42      |");
  EXPECT_EQ((Packed() << 10 << 2 << 3.14159).print("%*.*f|").text, "      3.14|");
}

TEST(Print, WhatIsNoConversionStands) {
  EXPECT_EQ(Packed().print("100%").text, "100%");
  EXPECT_EQ(Packed().print("%y %d").text, "%y 0");
  EXPECT_EQ(Packed().print("%5").text, "%5");
  EXPECT_EQ(Packed().print("%%d").arguments, 0);
  EXPECT_EQ(Packed().print("").text, "");
  EXPECT_LE((Packed() << 0x7fffffff << 1).print("%*d").text.size(), 10000U); // and no more
}

// ---- as PTX calls them ----

std::string characters(const std::string& name, const std::string& text) {
  std::string list;
  for (char c : text)
    list += std::to_string(int(c)) + ", ";
  return ".global .align 1 .b8 " + name + "[" + std::to_string(text.size() + 1) + "] = {" + list + "0};\n";
}

constexpr const char* vprintf_declared =
    ".extern .func (.param .b32 r) vprintf(.param .b64 f, .param .b64 a);\n";

std::string call_vprintf(const std::string& format) {
  return ".local .align 8 .b8 buffer[32];\n mov.u64 %l0, buffer;\n cvta.local.u64 %l1, %l0;\n st.local.u32 "
         "[%l0], %i;\n"
         "mov.u64 %l2, words;\n cvta.global.u64 %l2, %l2;\n st.local.u64 [%l0+8], %l2;\n"
         "mov.u64 %l3, " +
         format +
         ";\n .param .b64 f;\n .param .b64 a;\n .param .b32 r;\n st.param.b64 [f], %l3;\n st.param.b64 [a], "
         "%l1;\n"
         "call.uni (r), vprintf, (f, a);\n ld.param.b32 %d, [r];\n";
}

TEST(Vprintf, OnePieceForEachThread) {
  Machine machine;
  Outcome outcome;
  const std::string outside =
      vprintf_declared + characters("format", "thread %d: %s\n") + characters("words", "two words");
  const std::vector<u32> d =
      each_on<u32>(machine, outcome, call_vprintf("format"), outside, std::vector<u32>(40));
  ASSERT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(d, std::vector<u32>(40, 2));
  std::string wanted;
  for (int i = 0; i < 40; ++i)
    wanted += "thread " + std::to_string(i) + ": two words\n";
  EXPECT_EQ(machine.printed, wanted);
}

TEST(Vprintf, UnderAGuard) {
  Machine machine;
  Outcome outcome;
  const std::string outside = vprintf_declared + characters("format", "%d ") + characters("words", "");
  std::string body = call_vprintf("format");
  body.replace(body.find("call.uni"), 0, "setp.eq.u32 %p0, %i, 3;\n st.param.b32 [r], 9;\n @%p0 ");
  const std::vector<u32> d = each_on<u32>(machine, outcome, body, outside, std::vector<u32>(5));
  EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(machine.printed, "3 ");
  EXPECT_EQ(d, (std::vector<u32>{9, 9, 9, 1, 9}));
}

TEST(Vprintf, NullAndNowhere) {
  Machine machine;
  Outcome outcome;
  const std::string outside = vprintf_declared + characters("words", "");
  EXPECT_EQ(each_on<u32>(machine, outcome, call_vprintf("0"), outside, std::vector<u32>(2)),
            std::vector<u32>(2, ~0u));
  each_on<u32>(machine, outcome, call_vprintf("64"), outside, std::vector<u32>(2));
  EXPECT_EQ(outcome.status, Status::illegal_address);
  EXPECT_EQ(machine.printed, "");
}

TEST(Assert, SaysWhatFailedAndWhere) {
  Machine machine;
  Outcome outcome;
  const std::string outside = ".extern .func __assertfail(.param .b64 m, .param .b64 f, .param .b32 l, "
                              ".param .b64 n, .param .b64 c);\n" +
                              characters("message", "x > 0") + characters("file", "kernel.cu") +
                              characters("name", "void f(int)");
  each_on<u32>(
      machine, outcome,
      ".param .b64 m;\n .param .b64 f;\n .param .b32 l;\n .param .b64 n;\n .param .b64 c;\n"
      "setp.eq.u32 %p0, %i, 130;\n @!%p0 bra fine;\n"
      "mov.u64 %l0, message;\n st.param.b64 [m], %l0;\n mov.u64 %l0, file;\n st.param.b64 [f], %l0;\n"
      "st.param.b32 [l], 12;\n mov.u64 %l0, name;\n st.param.b64 [n], %l0;\n st.param.b64 [c], 1;\n"
      "call.uni __assertfail, (m, f, l, n, c);\n fine: mov.u32 %d, 1;",
      outside, std::vector<u32>(200));
  EXPECT_EQ(outcome.status, Status::assertion);
  EXPECT_NE(outcome.message.find(
                "kernel.cu:12: void f(int): block: [1,0,0], thread: [2,0,0] Assertion `x > 0` failed."),
            std::string::npos)
      << outcome.message;
}

constexpr const char* heap_declared =
    ".extern .func (.param .b64 r) malloc(.param .b64 n);\n.extern .func free(.param .b64 p);\n";

TEST(Heap, EachThreadHasItsOwn) {
  Machine machine;
  Outcome outcome;
  const std::vector<u32> a = interesting<u32>();
  const u64 before = machine.memory.used();
  const std::vector<u32> d = each_on<u32>(
      machine, outcome,
      ".param .b64 n;\n .param .b64 r;\n .param .b64 p;\n st.param.b64 [n], 100;\n call.uni (r), malloc, "
      "(n);\n"
      "ld.param.b64 %l0, [r];\n st.u32 [%l0+96], %a;\n bar.warp.sync -1;\n ld.u32 %d, [%l0+96];\n"
      "st.param.b64 [p], %l0;\n call.uni free, (p);\n st.param.b64 [p], 0;\n call.uni free, (p);",
      heap_declared, a);
  EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  EXPECT_EQ(d, a);
  EXPECT_EQ(machine.memory.used(), before + 2 * sizeof(u32) * a.size()); // input and output
}

TEST(Heap, FreeOfWhatMallocDidNotGive) {
  Machine machine;
  Outcome outcome;
  each_on<u32>(machine, outcome, ".param .b64 p;\n st.param.b64 [p], 4096;\n call.uni free, (p);",
               heap_declared, std::vector<u32>(2));
  EXPECT_EQ(outcome.status, Status::illegal_address);
  EXPECT_NE(outcome.message.find("0x1000"), std::string::npos) << outcome.message;
}

TEST(Heap, NoRoomGivesNull) {
  Machine machine;
  Outcome outcome;
  const std::vector<u64> d = each_on<u64>(
      machine, outcome,
      ".param .b64 n;\n .param .b64 r;\n st.param.b64 [n], 0x4000000000;\n call.uni (r), malloc, (n);\n"
      "ld.param.b64 %d, [r];",
      heap_declared, std::vector<u32>(2));
  EXPECT_EQ(d, std::vector<u64>(2, 0));
}

TEST(Builtins, AnUnknownFunctionIsRefused) {
  Machine machine;
  EXPECT_EQ(machine.load(Wrapping().text(".param .b64 n;\n call.uni nobody, (n);",
                                         ".extern .func nobody(.param .b64 n);")),
            nullptr);
  EXPECT_NE(machine.error.message.find("nobody"), std::string::npos);
}

} // namespace
} // namespace emu::test
