#include "emulator/ptx/module.h"

#include "emulator/ptx/storage.h"

#include <fmt/format.h>

namespace emu::ptx {

Module::Module(std::unique_ptr<Storage> storage) : storage(std::move(storage)) {}
Module::Module(Module&&) noexcept = default;
Module& Module::operator=(Module&&) noexcept = default;
Module::~Module() = default;

std::string_view Module::text() const { return storage->text; }

const Function* Module::function(std::string_view name) const {
  for (const Function& function : functions)
    if (function.name == name)
      return &function;
  return nullptr;
}

const Variable* Module::variable(std::string_view name) const {
  for (const Variable& variable : variables)
    if (variable.name == name)
      return &variable;
  return nullptr;
}

std::string_view Module::file(std::uint32_t number) const {
  for (const auto& [known, name] : files)
    if (known == number)
      return name;
  return {};
}

std::string Module::describe(const SourceLine& source) const {
  if (&source == source_lines.data())
    return {};
  std::string text;
  for (const SourceLine* line = &source;; line = &source_lines[line->inlined_at]) {
    std::string_view name = file(line->file);
    text += fmt::format("{}:{}:{}", name.empty() ? "<unknown file>" : name, line->line, line->column);
    if (line->inlined_at == 0)
      return text;
    text += ", inlined at ";
  }
}

std::optional<Call> call_of(const Statement& statement) {
  if (!statement.opcode || statement.opcode->mnemonic != "call")
    return std::nullopt;
  Call call;
  std::span<const Operand> rest = statement.operands;
  auto list = [&](std::span<const Operand>& parts) {
    if (rest.empty() || !rest[0].is(Operand::Kind::list))
      return;
    parts = rest[0].parts;
    rest = rest.subspan(1);
  };
  list(call.returns);
  if (rest.empty() || !(rest[0].is(Operand::Kind::function) || rest[0].is(Operand::Kind::reg)))
    return std::nullopt;
  call.callee = rest.data();
  rest = rest.subspan(1);
  list(call.arguments);
  if (!rest.empty() && rest[0].is(Operand::Kind::label)) {
    call.targets = rest.data();
    rest = rest.subspan(1);
  }
  return rest.empty() ? std::optional(call) : std::nullopt;
}

namespace {

/// Line `number` of `text`, from 1, without its end.
std::string_view line_of(std::string_view text, int number) {
  for (; number > 1; --number) {
    std::size_t end = text.find('\n');
    if (end == std::string_view::npos)
      return {};
    text.remove_prefix(end + 1);
  }
  std::string_view line = text.substr(0, text.find('\n'));
  while (!line.empty() && line.back() == '\r')
    line.remove_suffix(1);
  return line;
}

} // namespace

std::string render(std::string_view text, std::string_view name, const Error& error) {
  std::string_view line = line_of(text, error.place.line);
  std::string padding(line.substr(0, static_cast<std::size_t>(std::max(error.place.column - 1, 0))));
  for (char& c : padding) // tabs keep the caret below its character
    c = c == '\t' ? '\t' : ' ';
  std::string result = fmt::format("{}:{}:{}: error: {}\n  {}\n  {}^", name, error.place.line,
                                   error.place.column, error.message, line, padding);
  if (!error.remedy.empty())
    result += "\nremedy: " + error.remedy;
  return result;
}

} // namespace emu::ptx
