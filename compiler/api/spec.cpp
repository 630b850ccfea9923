#include "compiler/api/spec.h"

#include "compiler/api/diagnostics.h"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>

namespace attile {

Result<Spec> Spec::parse(std::string_view text, std::string name) {
  frontend::Source source(std::move(name), std::string(text));
  frontend::Result parsed = frontend::parse(source);
  if (!parsed.ok())
    return api::errorOf(source, parsed.diagnostics);
  std::vector<std::string> attentions;
  for (const auto& attention : parsed.file.attentions)
    attentions.push_back(attention->name);
  return Spec(std::make_shared<const Impl>(Impl{std::move(source), std::move(attentions)}));
}

Result<Spec> Spec::load(const std::string& path) {
  Result<std::string> text = read_spec_file(path);
  if (!text)
    return std::move(text).error();
  return parse(*text, path);
}

std::vector<Diagnostic> Spec::check(std::string_view text, const std::string& name,
                                    const CompileOptions& options) {
  frontend::Source source(name, std::string(text));
  Result<frontend::CompileTimeOptions> given = api::frontendOptions(options);
  if (!given) {
    Diagnostic wrong;
    wrong.file = name;
    wrong.message = given.error().message;
    wrong.text = given.error().text() + "\n";
    return {wrong};
  }
  return api::diagnosticsOf(source, frontend::analyze(source, *given).diagnostics);
}

const std::string& Spec::name() const { return impl->source.name(); }
std::string_view Spec::text() const { return impl->source.text(); }
const std::vector<std::string>& Spec::attentions() const { return impl->attentions; }

Result<std::string> Spec::attention(const std::string& wanted) const {
  const std::vector<std::string>& all = attentions();
  if (all.empty())
    return user_error(fmt::format("'{}' has no attention", name()), "write 'attention NAME { ... }'");
  if (wanted.empty() && all.size() == 1)
    return all.front();
  if (std::find(all.begin(), all.end(), wanted) != all.end())
    return wanted;
  std::string names;
  for (const std::string& each : all)
    names += (names.empty() ? "" : ", ") + each;
  if (wanted.empty())
    return user_error(fmt::format("'{}' has {} attentions: {}", name(), all.size(), names),
                      "choose one with --attention, or CompileOptions::attention");
  return user_error(fmt::format("'{}' has no attention '{}'", name(), wanted), "it has: " + names);
}

Result<std::string> read_spec_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    return user_error(fmt::format("cannot open spec '{}'", path));
  std::string text(max_spec_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || (file.fail() && !file.eof()))
    return user_error(fmt::format("cannot read spec '{}'", path), "give a file, not a folder");
  if (file.gcount() > max_spec_bytes)
    return user_error(fmt::format("spec '{}' has more than {} bytes", path, max_spec_bytes));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

} // namespace attile
