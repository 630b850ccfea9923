// One pass over the text of a module: names are resolved as they are met. Its parts lie in files of their
// own.
#pragma once

#include "emulator/ptx/constants.h"
#include "emulator/ptx/scopes.h"
#include "emulator/ptx/storage.h"
#include "emulator/ptx/tokens.h"

#include <map>
#include <unordered_map>

namespace emu::ptx {

class Parser {
public:
  explicit Parser(std::string_view text);
  /// Throws a Failure if the text is at fault.
  Module run();

private:
  // ---- parser.cpp: directives of the module ----
  void header();
  void module_directive();
  void declaration();
  void pragma(std::vector<std::string_view>& pragmas);
  void alias();

  // ---- parse_source.cpp: where the text comes from ----
  void file();
  void location();
  std::uint32_t inlined_at();
  void section();

  // ---- parse_function.cpp ----
  void function(Linkage linkage, bool entry);
  void definition(Function& function);
  Function& install(Function&& header);
  std::vector<Variable> parameters();
  void directives(Function& header);
  bool performance_directive(std::string_view name, Directives& directives);
  void triple(std::uint32_t (&values)[3]);
  void attributes(Variable* variable);

  // ---- parse_variable.cpp ----
  void variables(Linkage linkage);
  void registers();
  Variable specifiers();
  std::uint32_t alignment();
  void pointee(Variable& variable);
  void declarator(Variable& variable);
  void declare(const Variable& variable);

  // ---- parse_statement.cpp ----
  void body();
  void statement();
  void body_directive();
  void special_statement(Place place);
  void prototype(Statement& statement);
  void instruction(Statement statement, std::string_view text);
  void operands(Statement& statement);
  std::optional<Guard> guard();
  const Opcode* intern(std::string_view text);

  // ---- parse_operand.cpp ----
  Operand operand();
  Operand constant();
  Operand register_or_symbol();
  Operand pair(Operand first);
  Operand group(Operand::Kind kind, std::string_view close);
  void component(const Token& name, Operand& operand);
  void element(Operand& operand);
  void offset(Operand& operand);
  std::span<const Operand> take(std::size_t first);

  Module module;
  Storage& storage;
  Tokens tokens;
  Scopes scopes;
  Function* current = nullptr;        ///< the function whose body is read
  std::string_view mnemonic;          ///< of the instruction that is read
  std::uint32_t source = 0;           ///< of the last .loc
  std::vector<Operand> operand_stack; ///< operands of what is not complete yet
  int operand_depth = 0;
  std::string buffer;
  std::unordered_map<std::string_view, const Opcode*> opcodes;
  std::map<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>, std::uint32_t> source_index;
};

} // namespace emu::ptx
