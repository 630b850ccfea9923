// Any bytes as PTX: a located error, or a module whose every index and view lies where it should.
#include "emulator/ptx/module.h"

using namespace emu::ptx;

namespace {

void require(bool condition) {
  if (!condition)
    __builtin_trap();
}

void check(const Module& module, const Function& function, const Operand& operand) {
  using Kind = Operand::Kind;
  require(operand.text.empty() ||
          (operand.text.data() >= module.text().data() &&
           operand.text.data() + operand.text.size() <= module.text().data() + module.text().size()));
  switch (operand.kind) {
  case Kind::reg:
    require(operand.index < function.registers.size());
    break;
  case Kind::label:
    require(operand.index <= function.statements.size());
    break;
  case Kind::variable:
    require(!module.variable(function, operand).name.empty());
    break;
  case Kind::function:
    require(operand.index < module.functions.size());
    break;
  case Kind::pair:
    require(operand.parts.size() == 2);
    break;
  case Kind::address:
  case Kind::vector:
    require(!operand.parts.empty());
    break;
  default:
    break;
  }
  for (const Operand& part : operand.parts)
    check(module, function, part);
}

void check(const Module& module, const Function& function, const Statement& statement) {
  require(!statement.guard || statement.guard->reg < function.registers.size());
  require(statement.source < module.source_lines.size());
  require((statement.kind == Statement::Kind::instruction) == (statement.opcode != nullptr));
  if (statement.opcode)
    require(module.opcodes.at(statement.opcode->index) == statement.opcode);
  for (const Operand& operand : statement.operands)
    check(module, function, operand);
  if (std::optional<Call> call = call_of(statement))
    require(call->callee != nullptr);
}

void check(const Module& module, const Variable& variable) {
  for (const Chunk& chunk : variable.chunks)
    require(chunk.offset + chunk.bytes.size() <= variable.size);
  for (const Relocation& relocation : variable.relocations) {
    require(relocation.offset + relocation.size <= variable.size);
    require(relocation.symbol < (relocation.function ? module.functions.size() : module.variables.size()));
  }
}

void check(const Module& module) {
  for (const Variable& variable : module.variables)
    check(module, variable);
  for (const Function& function : module.functions) {
    for (const Variable& variable : function.variables)
      check(module, variable);
    require(function.returns().size() + function.parameters().size() + function.locals().size() ==
            function.variables.size());
    for (const Statement& statement : function.statements)
      check(module, function, statement);
    for (const Label& label : function.labels)
      require(label.statement <= function.statements.size());
  }
  for (const SourceLine& line : module.source_lines) {
    require(&line - module.source_lines.data() >= line.inlined_at);
    module.function_name(line);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Error error;
  if (std::optional<Module> module = parse(text, error)) {
    check(*module);
  } else {
    require(!error.message.empty() && error.place.line > 0 && error.place.column > 0);
    require(!render(text, "fuzz", error).empty());
  }
  return 0;
}
