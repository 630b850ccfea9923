// Runs PTX in tests. A body is run by one thread for each element of its inputs:
//
//     std::vector<std::uint32_t> d = each<std::uint32_t>("add.u32 %d, %a, %b;", a, b);
//
// Inputs are in %a, %b, %c, %e, %f (registers of their size; those of 8 bits in 16), the result is taken from
// %d. A std::array is a vector: %a0, %a1, ... The body may use %p0 to %p7 (predicates), %h0.. (16 bits),
// %r0.. (32), %l0.. (64), and %i, the number of its thread. For everything else there is Machine.
#pragma once

#include "emulator/chips.h"
#include "emulator/exec/register_pool.h"
#include "emulator/isa/load.h"
#include "emulator/isa/table.h"
#include "seed.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace emu::test {

inline std::string join(std::initializer_list<std::string_view> parts) {
  std::string all;
  for (std::string_view part : parts)
    all += part;
  return all;
}

/// The instructions that the tests of this program run, as they are spelt. With ATTILE_USED_ENTRIES each is
/// written to that file, with its entry of the table, when the program ends: see unused_entries.cpp.
class UsedEntries {
public:
  void add(const Program& program) {
    for (const auto& function : program.functions)
      for (const Instruction& instruction : function->code)
        if (instruction.entry != Table::no_entry)
          used.emplace(instruction.entry,
                       function->source->statements[function->statements[instruction.index]].opcode->text);
  }
  ~UsedEntries() {
    if (const char* path = std::getenv("ATTILE_USED_ENTRIES")) {
      std::ofstream file(path);
      for (const auto& [entry, spelling] : used)
        file << Table::instance()[entry].syntax << ' ' << spelling << '\n';
    }
  }

private:
  std::set<std::pair<std::uint32_t, std::string>> used;
};
inline UsedEntries& used_entries() {
  static UsedEntries used;
  return used;
}

/// A device that runs kernels; options may be set before.
class Machine {
public:
  Options options = {.workers = 1, .most_instructions = 10'000'000};
  Dim3 grid, threads, cluster;
  std::uint32_t dynamic_shared = 0;
  bool programmatic = false;      ///< launches may overlap those before
  std::string target = "sm_100a"; ///< of the modules
  std::string printed;            ///< by vprintf
  Checker* checker = nullptr;
  Memory memory{std::uint64_t(64) << 20};

  template <class T> std::uint64_t upload(const std::vector<T>& values) {
    const std::uint64_t address = memory.allocate(std::max<std::size_t>(1, values.size() * sizeof(T)));
    std::memcpy(reinterpret_cast<void*>(address), values.data(), values.size() * sizeof(T));
    return address;
  }
  template <class T> std::vector<T> download(std::uint64_t address, std::size_t count) {
    std::vector<T> values(count);
    std::memcpy(values.data(), reinterpret_cast<const void*>(address), count * sizeof(T));
    return values;
  }

  template <class T> T* at(std::uint64_t address) { return reinterpret_cast<T*>(address); }

  /// Null, and `error` set, if the module is refused. `text` has no header.
  std::shared_ptr<Program> load(const std::string& text) {
    return emu::load(".version 9.0\n.target " + target + "\n.address_size 64\n" + text, memory, error);
  }

  /// Runs the kernel `test` of the module with parameters of 64 bits.
  Outcome run(const std::string& text, const std::vector<std::uint64_t>& params) {
    std::shared_ptr<Program> program = load(text);
    if (program == nullptr) {
      ADD_FAILURE() << error.place.line << ":" << error.place.column << ": " << error.message << "\n" << text;
      return {.status = Status::internal, .message = error.message};
    }
    used_entries().add(*program);
    Launch launch;
    launch.program = program;
    launch.kernel = program->find("test");
    if (launch.kernel == nullptr) {
      ADD_FAILURE() << "no kernel 'test' in\n" << text;
      return {.status = Status::internal, .message = "no kernel 'test'"};
    }
    launch.grid = grid;
    launch.threads = threads;
    launch.cluster = cluster;
    launch.registers = registers_at_entry(*launch.kernel, chip);
    launch.programmatic = programmatic;
    launch.dynamic_shared = dynamic_shared;
    launch.params.resize(std::max<std::size_t>(launch.kernel->param_bytes, 8 * params.size()));
    if (!params.empty())
      std::memcpy(launch.params.data(), params.data(), 8 * params.size());
    launch.memory = &memory;
    launch.chip = &chip;
    launch.options = options;
    launch.checker = checker;
    launch.print = [this](std::string_view text) { printed += text; };
    return emu::run(launch);
  }

  ptx::Error error;
  Chip chip = {.target = "sm_90a",
               .name = "test",
               .major = 9,
               .minor = 0,
               .multiprocessors = 4,
               .max_threads_per_sm = 2048,
               .max_blocks_per_sm = 32,
               .shared_per_sm = 233472,
               .shared_per_block_optin = 232448,
               .max_cluster = 8};
};

/// How a value lies in registers.
template <class T> struct Shape {
  static constexpr int parts = 1, bytes = sizeof(T);
};
template <class T, std::size_t n> struct Shape<std::array<T, n>> {
  static constexpr int parts = n, bytes = sizeof(T);
};

/// Text around a body, for inputs and a result of these types.
class Wrapping {
public:
  template <class T> void input(char name) {
    declare<T>(name);
    params.push_back(name);
    before += address<T>(name);
    transfer<T>(
        before, name, [](const std::string& at, const std::string& reg) { return reg + ", " + at; }, "ld");
  }
  template <class T> void output(char name) {
    declare<T>(name);
    params.push_back(name);
    before += address<T>(name);
    transfer<T>(
        after, name, [](const std::string& at, const std::string& reg) { return at + ", " + reg; }, "st");
  }
  /// The last parameter is the count of elements.
  std::string text(std::string_view body, std::string_view outside = {}) const {
    std::string list;
    for (char name : params)
      list += std::string(".param .u64 p_") + name + ", ";
    return std::string(outside) + "\n.visible .entry test(" + list +
           ".param .u64 count) {\n"
           ".reg .pred %p<8>, %beyond;\n.reg .b16 %h<16>;\n.reg .b32 %r<32>, %i, %n, %t<3>;\n"
           ".reg .b64 %l<32>, %x<32>;\n" +
           declarations +
           "mov.u32 %t0, %tid.x;\nmov.u32 %t1, %ntid.x;\nmov.u32 %t2, %ctaid.x;\n"
           "mad.lo.u32 %i, %t2, %t1, %t0;\nld.param.u32 %n, [count];\n"
           "setp.ge.u32 %beyond, %i, %n;\n@%beyond exit;\n" +
           before + "{\n" + std::string(body) + "\n}\n" + after + "ret;\n}\n";
  }

private:
  template <class T> static std::string reg(char name, int part) {
    return std::string("%") + name + (Shape<T>::parts > 1 ? std::to_string(part) : "");
  }
  template <class T> void declare(char name) {
    for (int part = 0; part < Shape<T>::parts; ++part)
      declarations +=
          ".reg .b" + std::to_string(std::max(16, 8 * Shape<T>::bytes)) + " " + reg<T>(name, part) + ";\n";
  }
  template <class T> std::string address(char name) {
    const std::string x = "%x" + std::to_string(params.size() - 1);
    return "ld.param.u64 " + x + ", [p_" + name + "];\nmad.wide.u32 " + x + ", %i, " +
           std::to_string(sizeof(T)) + ", " + x + ";\n";
  }
  template <class T, class F> void transfer(std::string& to, char name, F order, const std::string& what) {
    const std::string x = "%x" + std::to_string(params.size() - 1);
    for (int part = 0; part < Shape<T>::parts; ++part)
      to += what + ".global.b" + std::to_string(8 * Shape<T>::bytes) + " " +
            order("[" + x + "+" + std::to_string(part * Shape<T>::bytes) + "]", reg<T>(name, part)) + ";\n";
  }
  std::string declarations, before, after;
  std::vector<char> params;
};

/// Runs `body` on a machine; `outside` stands before the kernel. The result is empty if the launch failed,
/// and then `outcome` says why.
template <class D, class... S>
std::vector<D> each_on(Machine& machine, Outcome& outcome, std::string_view body, std::string_view outside,
                       const std::vector<S>&... inputs) {
  const std::size_t count = std::max({inputs.size()...});
  Wrapping wrapping;
  std::vector<std::uint64_t> params;
  const char* name = "abcef";
  ((wrapping.input<S>(*name++), params.push_back(machine.upload(inputs))), ...);
  wrapping.output<D>('d');
  const std::uint64_t result = machine.upload(std::vector<D>(count));
  params.push_back(result);
  params.push_back(count);
  machine.threads.x = static_cast<std::uint32_t>(std::min<std::size_t>(count, 128));
  machine.grid.x = static_cast<std::uint32_t>((count + machine.threads.x - 1) / machine.threads.x);
  outcome = machine.run(wrapping.text(body, outside), params);
  return outcome.status == Status::success ? machine.download<D>(result, count) : std::vector<D>();
}

/// Runs `body` for each element of the inputs, which are of one length; it has to succeed.
template <class D, class... S> std::vector<D> each(std::string_view body, const std::vector<S>&... inputs) {
  Machine machine;
  Outcome outcome;
  std::vector<D> result = each_on<D>(machine, outcome, body, "", inputs...);
  EXPECT_EQ(outcome.status, Status::success) << outcome.message;
  result.resize(std::max({inputs.size()...})); // so that tests may index it
  return result;
}

/// What breaks integer code, and random numbers.
template <class T> std::vector<T> interesting(std::size_t random_count = 20, std::uint64_t stream = 0) {
  std::vector<T> values;
  constexpr int bits = 8 * sizeof(T);
  for (std::uint64_t x : {0ull, 1ull, 2ull, 3ull, 7ull, 31ull, 32ull, 33ull, 255ull, 0x8000ull, 0xffffull})
    for (std::uint64_t y : {x, ~x})
      values.push_back(static_cast<T>(y));
  values.push_back(static_cast<T>(std::uint64_t(1) << (bits - 1)));
  values.push_back(static_cast<T>((std::uint64_t(1) << (bits - 1)) - 1));
  std::mt19937_64 random(seed() + stream);
  for (std::size_t i = 0; i < random_count; ++i)
    values.push_back(static_cast<T>(random() >> (random() % 64))); // of all magnitudes
  return values;
}

/// `instruction` of as many operands as `expected` takes against that, for many operands: every pair of
/// interesting values, and for a third operand one of them each.
template <class D, class... S>
void check(const std::string& instruction, std::type_identity_t<D (*)(S...)> expected) {
  constexpr int n = sizeof...(S);
  auto values = std::make_tuple(interesting<S>()...);
  const std::size_t first = std::get<0>(values).size();
  std::tuple<std::vector<S>...> inputs;
  [&]<std::size_t... k>(std::index_sequence<k...>) {
    const std::size_t count = n == 1 ? first : first * std::get<n == 1 ? 0 : 1>(values).size();
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t at[] = {i % first, i / first, (7 * i + i / first) % first};
      (std::get<k>(inputs).push_back(std::get<k>(values)[at[k] % std::get<k>(values).size()]), ...);
    }
    const char* operands[] = {"", " %d, %a;", " %d, %a, %b;", " %d, %a, %b, %c;"};
    const std::vector<D> d = each<D>(instruction + operands[n], std::get<k>(inputs)...);
    int shown = 0;
    for (std::size_t i = 0; i < count && shown < 4; ++i)
      if (const D wanted = expected(std::get<k>(inputs)[i]...); d[i] != wanted) {
        ++shown;
        std::string text;
        ((text += " " + std::to_string(std::get<k>(inputs)[i])), ...);
        ADD_FAILURE() << instruction << " of" << text << " gives " << d[i] << ", expected " << wanted;
      }
  }(std::index_sequence_for<S...>());
}

} // namespace emu::test
