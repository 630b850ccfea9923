#include "tests/conformance/random_spec.h"

#include <algorithm>
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <random>
#include <sstream>

namespace attile::conformance {
namespace {

constexpr const char* header = "// launch:";

class Generator {
public:
  explicit Generator(std::uint64_t seed) : random(seed) {}

  RandomSpec spec(double most_work) {
    choose_types();
    std::string statements;
    for (int i = number(0, 2); i > 0; --i)
      add_let();
    if (chance(0.4))
      statements += fmt::format("  scale {}\n", scale());
    for (int i = number(0, 3); i > 0; --i)
      statements += fmt::format("  score {}\n", score());
    for (int i = number(0, 2); i > 0; --i)
      statements += fmt::format("  mask {}\n", mask());
    if (chance(0.08))
      statements += blocks();
    statements += normaliser();
    RandomSpec result;
    result.text = fmt::format("attention drawn {{\n  dtype {}\n  head_dim {}\n{}{}{}}}\n", dtype,
                              head_dim_text(), fmt::join(declarations, ""), fmt::join(lets, ""), statements);
    result.params = params;
    result.shape = shape(most_work);
    result.layout = pick<const char*>({"dense", "dense", "bshd", "odd"});
    return result;
  }

private:
  // ---- choices -----------------------------------------------------------------------------------------

  int number(int low, int high) { return std::uniform_int_distribution(low, high)(random); }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(random); }
  template <class T> T pick(std::initializer_list<T> choices) {
    return choices.begin()[static_cast<std::size_t>(number(0, static_cast<int>(choices.size()) - 1))];
  }

  // ---- types and sizes ---------------------------------------------------------------------------------

  void choose_types() {
    dtype = pick<const char*>({"f32", "f16", "bf16"});
    auto dim = [&] { return pick({8, 16, 24, 32, 40, 64, 64, 72, 96, 128, 128, 160, 192, 256}); };
    head_dim = chance(0.06) ? number(1, 20) : dim();
    head_dim_v = chance(0.75) ? head_dim : dim();
  }

  std::string head_dim_text() const {
    return head_dim == head_dim_v ? std::to_string(head_dim)
                                  : fmt::format("qk = {}, v = {}", head_dim, head_dim_v);
  }

  std::string shape(double most_work) {
    int batch = number(1, 2), kv_heads = number(1, 3), group = pick({1, 1, 2, 3, 8});
    int q = pick({1, 1, 2, 3, 7, 16, 17, 31, 33, 64, 65, 100, 131});
    int kv = pick({1, 2, 5, 15, 16, 17, 33, 64, 67, 97, 129, 200, 311, 640});
    auto work = [&] { return 1.0 * batch * kv_heads * group * q * kv * (head_dim + head_dim_v); };
    for (int* size : {&batch, &kv_heads, &group, &kv, &q})
      while (work() > most_work && *size > 1)
        *size = (*size + 1) / 2;
    return fmt::format("b={},hq={},hkv={},q={},kv={}", batch, kv_heads * group, kv_heads, q, kv);
  }

  // ---- params: declared where they are first used ------------------------------------------------------

  void declare(const std::string& name, const std::string& type, const std::string& value) {
    if (std::find(declared.begin(), declared.end(), name) != declared.end())
      return;
    declared.push_back(name);
    declarations.push_back(fmt::format("  param {} : {}\n", name, type));
    params.push_back(name + "=" + value);
  }

  std::string window() { return declare("window", "int", std::to_string(number(0, 90))), "window"; }
  std::string cap() { return declare("cap", "f32", fmt::format("{}", number(2, 30))), "cap"; }
  std::string flag() { return declare("flag", "bool", chance(0.5) ? "true" : "false"), "flag"; }
  std::string slope() { return declare("slope", "f32[heads]", "random:0..0.1"), "slope[h]"; }
  std::string doc(const char* at) {
    return declare("doc", "int[kv_len]", fmt::format("random:0..{}", number(1, 4))),
           fmt::format("doc[{}]", at);
  }
  std::string prefix() { return declare("prefix", "int[batch]", "random:0..50"), "prefix[b]"; }
  std::string table(const std::string& index) {
    declare("table", fmt::format("{}[heads, 32]", pick<const char*>({"f32", "f16", "bf16"})), "random:-1..1");
    return fmt::format("table[h, ({}) % 32]", index);
  }
  std::string bias() { return declare("bias", "f32[q_len, kv_len]", "random:-1..1"), "bias[q, k]"; }

  std::string near() { return declare("near", "bool[q_len, kv_len]", "random:0..2"), "near[q, k]"; }
  std::string far() { return declare("far", "i64[heads, 4]", "random:-20..90"), "far[h, k & 3]"; }

  // ---- expressions -------------------------------------------------------------------------------------

  std::string integer(int depth) {
    if (depth == 0 && !integers.empty() && chance(0.3))
      return integers[static_cast<std::size_t>(number(0, static_cast<int>(integers.size()) - 1))];
    if (depth == 0 && chance(0.05))
      return far();
    if (depth == 0)
      return pick<std::string>({"q", "k", "q_pos", "k", "h", "kv_h", "b", "kv_len", "q_len", "head_dim",
                                std::to_string(number(0, 40))});
    auto a = [&] { return integer(depth - 1); };
    switch (number(0, 8)) {
    case 0:
      return fmt::format("({} + {})", a(), a());
    case 1:
    case 2:
      return fmt::format("({} - {})", a(), a());
    case 3:
      return fmt::format("({} * {})", a(), number(-3, 5));
    case 4:
      return fmt::format("({} / {})", a(), number(-2, 9));
    case 5:
      return fmt::format("({} % {})", a(), number(1, 33));
    case 6:
      return fmt::format("(({}) {} ({}))", a(), pick<const char*>({"&", "|", "^"}), a());
    case 7:
      return fmt::format("(({}) {} {})", a(), pick<const char*>({"<<", ">>"}), number(0, 4));
    default:
      return fmt::format("{}({}, {})", pick<const char*>({"min", "max"}), a(), a());
    }
  }

  std::string condition(int depth) {
    if (depth > 0 && chance(0.5))
      return fmt::format("({} {} {})", condition(depth - 1), pick<const char*>({"&&", "||"}),
                         condition(depth - 1));
    switch (number(0, 5)) {
    case 0:
      return flag();
    case 1:
      return fmt::format("({} != {})", doc("k"), doc("q_pos"));
    case 2:
      return fmt::format("!({} < {})", integer(1), integer(0));
    default:
      return fmt::format("({} {} {})", integer(1), pick<const char*>({"<", "<=", ">", ">=", "!="}),
                         integer(1));
    }
  }

  /// A number of moderate size that is smooth in `s` where it uses it.
  std::string real(int depth, bool with_score) {
    if (depth == 0)
      return leaf(with_score);
    auto a = [&] { return real(depth - 1, with_score); };
    switch (number(0, 11)) {
    case 0:
    case 1:
      return fmt::format("({} + {})", a(), a());
    case 2:
      return fmt::format("({} - {})", a(), a());
    case 3:
      return fmt::format("({} * {})", a(), constant());
    case 4:
      return fmt::format("tanh({})", a());
    case 5:
      return fmt::format("sigmoid({})", a());
    case 6:
      return fmt::format("{}({}, {})", pick<const char*>({"min", "max"}), a(), a());
    case 7:
      return fmt::format("sqrt(abs({}) + 0.25)", a());
    case 8:
      return fmt::format("log(abs({}) + 1)", a());
    case 9:
      return fmt::format("exp(clamp({}, -3, 1))", a());
    case 10:
      return fmt::format("({} ? {} : {})", condition(0), a(), a());
    default:
      return fmt::format("{}(clamp({}, -9, 9))", pick<const char*>({"sin", "cos"}), a());
    }
  }

  std::string constant() { return fmt::format("{}", number(-8, 8) * 0.125); }

  std::string leaf(bool with_score) {
    if (with_score && chance(0.5))
      return "s";
    switch (number(0, 5)) {
    case 0:
      return constant();
    case 1:
      return slope();
    case 2:
      return table(integer(1));
    case 3:
      return bias();
    case 4:
      return "f32(clamp(" + integer(1) + ", -50, 50)) * 0.02";
    default:
      return "1 / " + cap();
    }
  }

  std::string function(const std::string& body, const std::string& argument) {
    std::string name = fmt::format("f{}", functions++);
    lets.push_back(fmt::format("  fn {}(x: f32) : f32 = {}\n", name, body));
    return fmt::format("{}({})", name, argument);
  }

  void add_let() {
    std::string value = integer(2), name = fmt::format("i{}", integers.size());
    lets.push_back(fmt::format("  let {} = {}\n", name, value));
    integers.push_back(name);
  }

  // ---- statements --------------------------------------------------------------------------------------

  std::string scale() {
    switch (number(0, 3)) {
    case 0:
      return "1 / sqrt(head_dim)";
    case 1:
      return fmt::format("{}", number(1, 4) * 0.0625);
    case 2:
      return "1 / (" + cap() + " * sqrt(head_dim))";
    default:
      return "(0.5 + " + slope() + ") / sqrt(head_dim)";
    }
  }

  std::string score() {
    switch (number(0, 8)) {
    case 0:
      return fmt::format("{0} * tanh(s / {0})", cap());
    case 1:
      return function("5 * tanh(x / 5)", "s");
    case 2:
      return fmt::format("s - {} * abs(q_pos - k)", slope());
    case 3:
      return "s + " + table("q_pos - k");
    case 4:
      return "s + " + bias();
    case 5:
      return fmt::format("s + sum(i in 0..{}, (k >> i & 1) * 0.125)", number(1, 6));
    case 6:
      return function("max(x, 0.25 * x)", "s");
    case 7:
      return fmt::format("{} ? s : {} * s", condition(1), constant());
    default:
      return "s + " + real(number(1, 3), /*with_score=*/true);
    }
  }

  std::string mask() {
    switch (number(0, 9)) {
    case 0:
    case 1:
      return "k <= q_pos";
    case 2:
      return "k <= q";
    case 3:
      return fmt::format("q_pos - k < {0} && k - q_pos < {0}", window());
    case 4:
      return fmt::format("{} == {}", doc("q_pos"), doc("k"));
    case 5:
      return fmt::format("k < {} || k <= q_pos", prefix());
    case 6:
      return fmt::format("q_pos - k < {} || (q_pos - k) % {} == 0", window(), number(2, 9));
    case 7:
      return fmt::format("!{} || k <= q_pos", flag());
    default:
      return condition(number(0, 2));
    }
  }

  /// The table is drawn by those who make inputs: ascending lists.
  std::string blocks() {
    declarations.emplace_back("  param visited : int[batch, heads, _, _]\n");
    return fmt::format("  blocks visited[b, h, qb] q_block = {}, k_block = {}\n", pick({8, 16, 64, 100}),
                       pick({8, 16, 32, 64, 100}));
  }

  std::string normaliser() {
    switch (number(0, 11)) {
    case 6:
      return "  normalize fold {\n    state m = inf, l = 0.0, o = 0.0\n    lift m = -s, l = 1.0, o = v\n"
             "    merge m = min(a.m, b.m),\n          l = a.l * exp(m - a.m) + b.l * exp(m - b.m),\n"
             "          o = a.o * exp(m - a.m) + b.o * exp(m - b.m)\n    finalize o / l\n  }\n";
    case 7:
      return "  normalize fold {\n    state m = -inf, l = 0.0, t = 0.0, o = 0.0\n"
             "    lift m = s, l = 1.0, t = s, o = v\n    merge m = max(a.m, b.m),\n"
             "          l = a.l * exp(a.m - m) + b.l * exp(b.m - m),\n"
             "          t = a.t * exp(a.m - m) + b.t * exp(b.m - m),\n"
             "          o = a.o * exp(a.m - m) + b.o * exp(b.m - m)\n    finalize o = o / l, lse = t / l\n  "
             "}\n"
             "  output o, lse\n";
    case 0:
      return "  normalize sigmoid\n";
    case 1:
      return "  normalize none\n";
    case 2:
      return "  normalize softmax sink " + (chance(0.5) ? slope() : constant()) + "\n" + outputs();
    case 3:
      return "  normalize fold { state o = 0.0 lift o = max(s, 0) * max(s, 0) * v merge o = a.o + b.o "
             "finalize o / kv_len }\n";
    case 4:
      return gauged("finalize o / (l + exp(-m))", "");
    case 5:
      return gauged("finalize o = o / l, lse = m + log(l), max = m", outputs());
    default:
      return outputs();
    }
  }

  /// A fold like softmax, with another end.
  static std::string gauged(const std::string& end, const std::string& outputs) {
    return "  normalize fold {\n    state m = -inf, l = 0.0, o = 0.0\n    lift m = s, l = 1.0, o = v\n"
           "    merge m = max(a.m, b.m),\n          l = a.l * exp(a.m - m) + b.l * exp(b.m - m),\n"
           "          o = a.o * exp(a.m - m) + b.o * exp(b.m - m)\n    " +
           end + "\n  }\n" + outputs;
  }

  std::string outputs() {
    return pick<const char*>({"", "  output o, lse\n", "  output o, lse, max\n", "  output o, max\n"});
  }

  std::mt19937_64 random;
  std::string dtype;
  int head_dim = 0, head_dim_v = 0, functions = 0;
  std::vector<std::string> declared, declarations, lets, integers, params;
};

} // namespace

std::string RandomSpec::file() const {
  return fmt::format("{} {} {} {}{}{}\n{}", header, shape, layout, seed, params.empty() ? "" : " ",
                     fmt::join(params, " "), text);
}

RandomSpec RandomSpec::from_file(const std::string& text) {
  RandomSpec spec;
  std::size_t line = text.find(header), end = text.find('\n', line);
  std::istringstream words(text.substr(line, end - line).substr(std::string(header).size()));
  words >> spec.shape >> spec.layout >> spec.seed;
  for (std::string param; words >> param;)
    spec.params.push_back(param);
  spec.text = text.substr(end + 1);
  return spec;
}

RandomSpec random_spec(std::uint64_t seed, double most_work) {
  RandomSpec spec = Generator(seed).spec(most_work);
  spec.seed = seed;
  return spec;
}

} // namespace attile::conformance
