#include "emulator/isa/load.h"
#include "emulator/isa/operands.h"
#include "emulator/isa/provenance.h"
#include "emulator/isa/requirements.h"
#include "emulator/isa/specials.h"
#include "emulator/memory/memory.h"

#include <fmt/format.h>

namespace emu {
namespace {

// What is known of the module's opcodes.
struct Spellings {
  explicit Spellings(std::size_t count) : entries(count), allowed(count) {}
  std::vector<const Entry*> entries;
  std::vector<std::uint64_t>
      allowed; // a bit for each number of operands with which target and version have it
};

class FunctionDecoder {
public:
  FunctionDecoder(Program& program, Target target, Function& function, const Placement& placement,
                  Spellings& spellings)
      : module(*program.module), target(target), program(program), function(function), placement(placement),
        operands(module, function, placement), spellings(spellings) {}

  bool run(ptx::Error& error) {
    number_statements();
    function.code.reserve(function.statements.size() + 1);
    for (std::uint32_t index : function.statements)
      if (!decode(function.source->statements[index], error))
        return false;
    add_end();
    for (const Instruction& instruction : function.code)
      graph.uses.push_back(operands.uses(instruction));
    for (std::uint32_t index : returning)
      for (const RegisterUse& use : operands.results())
        graph.uses[index].push_back(use);
    operands.finish(graph);
    find_pointees();
    return true;
  }

private:
  void number_statements() {
    for (std::uint32_t i = 0; i < function.source->statements.size(); ++i) {
      pc_of_statement.push_back(static_cast<std::uint32_t>(function.statements.size()));
      if (function.source->statements[i].kind == ptx::Statement::Kind::instruction)
        function.statements.push_back(i);
    }
    pc_of_statement.push_back(static_cast<std::uint32_t>(function.statements.size()));
  }

  const Entry* find(const ptx::Statement& statement, ptx::Error& error) {
    const ptx::Opcode& opcode = *statement.opcode;
    const Entry*& entry = spellings.entries[opcode.index];
    std::string why;
    if (entry == nullptr)
      entry = Table::instance().find(opcode.mnemonic, opcode.modifiers, why);
    if (entry == nullptr) {
      error = {statement.place, fmt::format("{} in '{}'", why, opcode.text), {}};
      return nullptr;
    }
    const std::uint64_t operands = std::uint64_t(1) << std::min<std::size_t>(statement.operands.size(), 63);
    if ((spellings.allowed[opcode.index] & operands) == 0)
      why = missing_requirement(module, target, statement);
    if (!why.empty()) {
      error = {statement.place, fmt::format("'{}' {}", opcode.text, why), {}};
      return nullptr;
    }
    spellings.allowed[opcode.index] |= operands;
    return entry;
  }

  bool decode(const ptx::Statement& statement, ptx::Error& error) {
    const Entry* entry = find(statement, error);
    if (entry == nullptr)
      return false;
    Instruction& out = function.code.emplace_back();
    out.first_slot = static_cast<std::uint32_t>(function.slots.size());
    out.index = static_cast<std::uint32_t>(function.code.size() - 1);
    out.line = static_cast<std::uint32_t>(statement.place.line);
    out.entry = Table::instance().index(*entry);
    out.kind = entry->kind;
    if (statement.guard) {
      out.guarded = true;
      out.guard_negated = statement.guard->negated;
      out.guard = operands.register_slot(statement.guard->reg);
      if (out.guard.bytes != 0) {
        error = {statement.place,
                 fmt::format("the guard of '{}' has {} bits: expected a predicate", statement.opcode->text,
                             8 * out.guard.bytes),
                 "compare by setp first"};
        return false;
      }
    }
    Decoding decoding = {.module = module,
                         .statement = statement,
                         .out = out,
                         .function = function,
                         .program = program,
                         .placement = placement,
                         .pc_of_statement = pc_of_statement};
    if (!operands.decode(statement, Table::instance().operands(out.entry), decoding, error))
      return false;
    entry->decode(decoding);
    if (!decoding.error.empty()) {
      error = {statement.place, std::move(decoding.error), {}};
      return false;
    }
    graph.branch_targets.push_back(std::move(decoding.targets));
    graph.falls_through.push_back(!decoding.ends || out.guarded);
    if (decoding.returns)
      returning.push_back(out.index);
    return true;
  }

  // Text may end without ret; labels may stand at the end.
  void add_end() {
    Instruction& out = function.code.emplace_back();
    out.execute = function_end();
    out.kind = Kind::control;
    out.first_slot = static_cast<std::uint32_t>(function.slots.size());
    out.index = static_cast<std::uint32_t>(function.code.size() - 1);
    out.line = function.code.size() > 1 ? function.code[out.index - 1].line : 0;
    out.entry = Table::no_entry;
    graph.branch_targets.emplace_back();
    graph.falls_through.push_back(false);
    returning.push_back(out.index);
  }

  // What the instructions' addresses point into.
  void find_pointees() {
    const Provenance provenance(module, *function.source, spellings.entries);
    std::map<std::pair<bool, std::uint32_t>, std::uint32_t> numbers;
    function.extents.resize(1);
    function.pointees.resize(function.code.size());
    for (std::size_t i = 0; i < function.statements.size(); ++i) {
      std::size_t next = 0;
      for (const ptx::Operand& operand : function.source->statements[function.statements[i]].operands) {
        if (!operand.is(ptx::Operand::Kind::address) || next == function.pointees[i].size())
          continue;
        std::uint32_t& pointee = function.pointees[i][next++];
        const auto variable = provenance.of(operand);
        const auto extent =
            variable ? placement.extent(function, variable->local, variable->index) : std::nullopt;
        if (!extent)
          continue;
        const auto [number, fresh] = numbers.try_emplace({variable->local, variable->index},
                                                         static_cast<std::uint32_t>(function.extents.size()));
        if (fresh)
          function.extents.push_back(*extent);
        pointee = number->second;
      }
    }
  }

  const ptx::Module& module;
  Target target;
  Program& program;
  Function& function;
  const Placement& placement;
  Operands operands;
  Spellings& spellings;
  std::vector<std::uint32_t> pc_of_statement;
  FlowGraph graph;
  std::vector<std::uint32_t> returning; ///< instructions that hand on the function's results
};

template <class T> std::optional<T> given(T value) {
  return value == T(0) ? std::nullopt : std::optional(value);
}

std::optional<std::array<std::uint32_t, 3>> given(const std::uint32_t (&triple)[3]) {
  if (triple[0] == 0)
    return std::nullopt;
  return std::array{triple[0], std::max(triple[1], 1u), std::max(triple[2], 1u)};
}

void apply_directives(Function& function) {
  const ptx::Directives& directives = function.source->directives;
  function.max_registers = given(directives.maxnreg);
  function.min_blocks = given(directives.minnctapersm);
  function.required_threads = given(directives.reqntid);
  function.required_cluster = given(directives.reqnctapercluster);
  function.max_cluster_rank = directives.maxclusterrank;
  if (const auto most = given(directives.maxntid))
    function.max_threads = (*most)[0] * (*most)[1] * (*most)[2];
  if (const auto required = function.required_threads)
    function.max_threads = (*required)[0] * (*required)[1] * (*required)[2];
}

// Lays out the variables of the program's module and decodes its functions.
bool decode(Program& program, Memory& memory, ptx::Error& error, const ResolveExternal& external) {
  const ptx::Module& source = *program.module;
  const std::optional<Target> target = parse_target(source.target);
  if (!target) {
    error = {source.target_place, fmt::format("unknown target '{}'", source.target), "a name such as sm_90a"};
    return false;
  }
  if (source.address_size != 64) {
    error = {source.target_place,
             fmt::format("addresses have {} bits: expected '.address_size 64'", source.address_size),
             "compile for 64 bits"};
    return false;
  }
  Placement placement(source, program, memory, external);
  if (!placement.place_variables(error))
    return false;
  for (const ptx::Function& function : source.functions) {
    auto made = std::make_unique<Function>();
    made->name = std::string(function.name);
    made->number = static_cast<std::uint32_t>(program.functions.size());
    made->entry = function.entry;
    made->source = function.alias_of ? &source.functions[*function.alias_of] : &function;
    if (!placement.place_locals(*made, error))
      return false;
    apply_directives(*made);
    program.functions.push_back(std::move(made));
  }
  Spellings spellings(source.opcodes.size());
  for (auto& function : program.functions)
    if (function->source->defined &&
        !FunctionDecoder(program, *target, *function, placement, spellings).run(error))
      return false;
  return true;
}

} // namespace

const Function* Program::find(std::string_view name) const {
  for (const auto& function : functions)
    if (function->entry && function->name == name)
      return function.get();
  return nullptr;
}

void release_variables(const Program& program, Memory& memory) {
  for (const auto& [name, address] : program.globals)
    memory.release(address);
}

std::shared_ptr<Program> load(std::string_view text, Memory& memory, ptx::Error& error,
                              const ResolveExternal& external) {
  std::optional<ptx::Module> module = ptx::parse(text, error);
  if (!module)
    return nullptr;
  auto program = std::make_shared<Program>();
  program->module = std::make_shared<const ptx::Module>(std::move(*module));
  program->target = std::string(program->module->target);
  if (decode(*program, memory, error, external))
    return program;
  release_variables(*program, memory);
  return nullptr;
}

} // namespace emu
