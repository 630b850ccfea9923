#include "package/metadata.h"

#include <cmath>
#include <fmt/core.h>
#include <nlohmann/json.hpp>

namespace attile {

using Json = nlohmann::ordered_json;
using plan::Expr;

namespace {

// ---- writing ----

Json write(const Expr& expr) {
  if (expr.op() == Expr::Op::literal)
    return expr.literal();
  if (expr.op() == Expr::Op::symbol)
    return expr.name();
  Json list = Json::array({plan::op_name(expr.op())});
  for (int i = 0; i < expr.operands(); ++i)
    list.push_back(write(expr.operand(i)));
  return list;
}

Json write(const TensorSpec& spec) {
  Json dims = Json::array();
  for (const std::optional<Expr>& dim : spec.dims)
    dims.push_back(dim ? write(*dim) : Json());
  return {{"name", spec.name}, {"dtype", name(spec.dtype)}, {"dims", std::move(dims)}};
}

constexpr std::string_view scalar_types[] = {"int", "f32", "bool"};

Json write(const ScalarParam& param) {
  Json json = {{"name", param.name}, {"type", scalar_types[static_cast<int>(param.type)]}};
  if (!param.default_value)
    return json;
  if (const float* x = std::get_if<float>(&*param.default_value); x && !std::isfinite(*x))
    json["default"] = std::isnan(*x) ? "nan" : *x > 0 ? "inf" : "-inf"; // JSON has no such numbers
  else
    std::visit([&](auto value) { json["default"] = value; }, *param.default_value);
  return json;
}

constexpr std::string_view slot_kinds[] = {"value", "pointer", "param", "scratch", "map"};

Json write(const plan::Slot& slot) {
  std::string kind(slot_kinds[static_cast<int>(slot.kind)]);
  Json json = {{kind, slot.kind == plan::Slot::Kind::value ? write(slot.expr) : Json(slot.name)}};
  if (slot.kind == plan::Slot::Kind::map)
    json["rows"] = slot.rows;
  return json;
}

Json write(const plan::Value& value) { return {{"name", value.name}, {"expr", write(value.expr)}}; }
Json write(const plan::Scratch& scratch) { return {{"name", scratch.name}, {"bytes", write(scratch.bytes)}}; }

Json write(const plan::Launch& launch);

template <class T> Json write(const std::vector<T>& list) {
  Json json = Json::array();
  for (const T& item : list)
    json.push_back(write(item));
  return json;
}

Json write(const plan::Launch& launch) {
  Json json = {{"symbol", launch.symbol}, {"grid", write(launch.grid)}};
  if (launch.when)
    json["when"] = write(*launch.when);
  json["worker_scratch"] = write(launch.worker_scratch);
  json["slots"] = write(launch.slots);
  return json;
}

Json write(const plan::Plan& plan) {
  return {{"values", write(plan.values)}, {"scratch", write(plan.scratch)}, {"kernels", write(plan.kernels)}};
}

Json write(const GpuKernel& kernel) {
  return {{"function", kernel.function},
          {"threads", kernel.threads},
          {"shared_bytes", kernel.shared_bytes},
          {"registers", kernel.registers},
          {"spills", kernel.spills}};
}

Json write(const CodeSection& section) {
  Json json = {{"kind", section.kind}, {"target", section.target}};
  if (section.is_gpu()) {
    Json kernels = Json::object();
    for (const auto& [symbol, kernel] : section.kernels)
      kernels[symbol] = write(kernel);
    json["kernels"] = std::move(kernels);
  } else {
    json["arch"] = section.arch;
    json["features"] = section.features;
    json["alignment"] = section.alignment;
    json["entries"] = section.entries;
  }
  if (section.plan)
    json["plan"] = write(*section.plan);
  json["size"] = section.bytes.size();
  return json;
}

// ---- reading ----

/// A place in the JSON. Reading from a place that is not what it should be records the first error and gives
/// a harmless value, so that readers need not check every step.
class Place {
public:
  Place(const Json& json, std::string path, std::optional<Error>& error)
      : json(&json), path(std::move(path)), error(error) {}

  Place operator[](const char* key) const {
    static const Json nothing;
    std::string inner = path.empty() ? key : path + "." + key;
    if (!json->is_object())
      fail("an object");
    else if (auto found = json->find(key); found != json->end())
      return {*found, inner, error};
    return {nothing, inner, error};
  }
  bool has(const char* key) const { return json->is_object() && json->contains(key); }
  const Json& value() const { return *json; }
  Place at(std::size_t index) const { return {(*json)[index], fmt::format("{}[{}]", path, index), error}; }

  std::string string() const {
    if (const auto* text = json->get_ptr<const Json::string_t*>())
      return *text;
    return fail("a string"), std::string();
  }
  std::int64_t integer() const {
    if (json->is_number_unsigned() && json->get<std::uint64_t>() > std::uint64_t(INT64_MAX))
      return fail("a 64-bit integer"), 0;
    if (json->is_number_integer())
      return json->get<std::int64_t>();
    return fail("an integer"), 0;
  }
  std::uint64_t size() const {
    std::int64_t value = integer();
    return value < 0 ? (fail("a number that is not negative"), 0) : static_cast<std::uint64_t>(value);
  }
  float number() const {
    if (json->is_number())
      return json->get<float>();
    std::string text = json->is_string() ? string() : "";
    return text == "inf"    ? INFINITY
           : text == "-inf" ? -INFINITY
           : text == "nan"  ? NAN
                            : (fail("a number"), 0.0f);
  }
  bool boolean() const { return json->is_boolean() ? json->get<bool>() : (fail("true or false"), false); }
  template <std::size_t n> int one_of(const std::string_view (&names)[n]) const {
    std::string text = string();
    for (std::size_t i = 0; i < n; ++i)
      if (names[i] == text)
        return static_cast<int>(i);
    return fail(fmt::format("one of {} to {}", names[0], names[n - 1])), 0;
  }
  /// Reads every item of an array.
  template <class Read> auto list(Read read) const {
    std::vector<decltype(read(*this))> items;
    if (!json->is_array())
      fail("an array");
    else
      for (std::size_t i = 0; i < json->size() && !error; ++i)
        items.push_back(read(at(i)));
    return items;
  }
  template <class Read> auto map(Read read) const {
    std::map<std::string, decltype(read(*this))> items;
    if (!json->is_object())
      fail("an object");
    else
      for (const auto& [key, value] : json->items())
        items.emplace(key, read(Place(value, path + "." + key, error)));
    return items;
  }
  void fail(std::string_view expected) const {
    if (!error)
      error = user_error(fmt::format("metadata: {}: expected {}, got {}", path, expected,
                                     json->is_null()        ? "nothing"
                                     : json->is_primitive() ? shown()
                                                            : json->type_name()));
  }

private:
  std::string shown() const {
    return json->dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 80);
  }

  const Json* json;
  std::string path;
  std::optional<Error>& error;
};

Expr read_expr(const Place& place, int depth = 0) {
  const Json& json = place.value();
  if (json.is_string())
    return Expr::symbol(json.get<std::string>());
  if (json.is_number())
    return place.integer();
  if (depth > Expr::max_depth)
    return place.fail("a less deep expression"), 0;
  auto operand = [&](std::size_t i) { return read_expr(place.at(i), depth + 1); };
  if (json.is_array() && json.size() >= 3 && json.size() <= 4 && json[0].is_string())
    for (int i = static_cast<int>(Expr::Op::add); i <= static_cast<int>(Expr::Op::select); ++i) {
      Expr::Op op = static_cast<Expr::Op>(i);
      if (plan::op_name(op) != json[0].get_ref<const std::string&>() ||
          (op == Expr::Op::select) != (json.size() == 4))
        continue;
      if (op == Expr::Op::select)
        return Expr::select(operand(1), operand(2), operand(3));
      return Expr::make(op, operand(1), operand(2));
    }
  return place.fail("an integer, a symbol or [operation, operands...]"), 0;
}

DType read_dtype(const Place& place) {
  std::optional<DType> dtype = dtype_from_name(place.string());
  return dtype ? *dtype : (place.fail("a dtype"), DType::f32);
}

TensorSpec read_tensor(const Place& place) {
  auto dim = [](const Place& place) {
    return place.value().is_null() ? std::nullopt : std::optional(read_expr(place));
  };
  return {place["name"].string(), read_dtype(place["dtype"]), place["dims"].list(dim)};
}

ScalarParam read_scalar(const Place& place) {
  ScalarParam param{place["name"].string(),
                    static_cast<ScalarParam::Type>(place["type"].one_of(scalar_types))};
  if (!place.has("default"))
    return param;
  Place value = place["default"];
  switch (param.type) {
  case ScalarParam::Type::integer:
    param.default_value = value.integer();
    break;
  case ScalarParam::Type::f32:
    param.default_value = value.number();
    break;
  case ScalarParam::Type::boolean:
    param.default_value = value.boolean();
    break;
  }
  return param;
}

plan::Slot read_slot(const Place& place) {
  for (std::size_t i = 0; i < std::size(slot_kinds); ++i) {
    std::string kind(slot_kinds[i]);
    if (!place.has(kind.c_str()))
      continue;
    if (static_cast<plan::Slot::Kind>(i) == plan::Slot::Kind::value)
      return plan::Slot::value(read_expr(place[kind.c_str()]));
    plan::Slot slot{static_cast<plan::Slot::Kind>(i), place[kind.c_str()].string()};
    if (slot.kind == plan::Slot::Kind::map)
      slot.rows = place["rows"].integer();
    return slot;
  }
  return place.fail("a value, pointer, param, scratch or map"), plan::Slot{};
}

plan::Launch read_launch(const Place& place) {
  plan::Launch launch{place["symbol"].string(), read_expr(place["grid"]), read_expr(place["worker_scratch"]),
                      place["slots"].list(read_slot)};
  if (place.has("when"))
    launch.when = read_expr(place["when"]);
  return launch;
}

plan::Plan read_plan(const Place& place) {
  auto value = [](const Place& p) { return plan::Value{p["name"].string(), read_expr(p["expr"])}; };
  auto scratch = [](const Place& p) { return plan::Scratch{p["name"].string(), read_expr(p["bytes"])}; };
  return {place["values"].list(value), place["scratch"].list(scratch), place["kernels"].list(read_launch)};
}

GpuKernel read_gpu_kernel(const Place& place) {
  return {place["function"].string(), place["threads"].integer(), place["shared_bytes"].integer(),
          place["registers"].integer(), place["spills"].integer()};
}

CodeSection read_section(const Place& place) {
  CodeSection section{.kind = place["kind"].string(), .target = place["target"].string()};
  if (section.is_gpu()) {
    section.kernels = place["kernels"].map(read_gpu_kernel);
  } else {
    section.arch = place["arch"].string();
    section.features = place["features"].list([](const Place& p) { return p.string(); });
    section.alignment = place["alignment"].size();
    section.entries = place["entries"].map([](const Place& p) { return p.size(); });
  }
  if (place.has("plan"))
    section.plan = read_plan(place["plan"]);
  return section;
}

} // namespace

std::string write_metadata(const Package& package, const std::vector<CodeExtent>& extents, int indent) {
  Json code = Json::array();
  for (std::size_t i = 0; i < package.code.size(); ++i) {
    code.push_back(write(package.code[i]));
    if (!extents.empty())
      code.back()["offset"] = extents[i].offset;
  }
  Json json = {{"spec", package.spec_name},
               {"attile", package.attile_version},
               {"spec_hash", package.spec_hash},
               {"dtype", name(package.dtype)},
               {"head_dim", package.head_dim},
               {"head_dim_v", package.head_dim_v},
               {"inputs", write(package.inputs)},
               {"tensor_params", write(package.tensor_params)},
               {"scalar_params", write(package.scalar_params)},
               {"outputs", write(package.outputs)},
               {"plan", write(package.plan)},
               {"code", std::move(code)}};
  return json.dump(indent, ' ', true, Json::error_handler_t::replace);
}

Result<Package> read_metadata(std::string_view text, std::vector<CodeExtent>& extents) {
  // Copying a Json value recurses, so what is deeper than any package is dropped while it is parsed.
  bool too_deep = false;
  auto keep = [&](int depth, Json::parse_event_t, Json&) {
    return !(too_deep |= depth > Expr::max_depth + 16);
  };
  Json json = Json::parse(text, keep, /*allow_exceptions=*/false);
  if (too_deep)
    return user_error("metadata: expected a less deep expression");
  if (json.is_discarded())
    return user_error("metadata: expected JSON");
  std::optional<Error> error;
  Place root(json, "", error);
  Package package;
  package.spec_name = root["spec"].string();
  package.attile_version = root["attile"].string();
  package.spec_hash = root["spec_hash"].string();
  package.dtype = read_dtype(root["dtype"]);
  package.head_dim = root["head_dim"].integer();
  package.head_dim_v = root["head_dim_v"].integer();
  package.inputs = root["inputs"].list(read_tensor);
  package.tensor_params = root["tensor_params"].list(read_tensor);
  package.scalar_params = root["scalar_params"].list(read_scalar);
  package.outputs = root["outputs"].list(read_tensor);
  package.plan = read_plan(root["plan"]);
  package.code = root["code"].list(read_section);
  extents =
      root["code"].list([](const Place& p) { return CodeExtent{p["offset"].size(), p["size"].size()}; });
  if (error)
    return *std::move(error);
  return package;
}

} // namespace attile
