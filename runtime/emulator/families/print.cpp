#include "emulator/families/print.h"

#include <algorithm>
#include <bit>
#include <cstdio>

namespace emu {
namespace {

class Printer {
public:
  Printer(std::string_view format, const PrintMemory& memory) : rest(format), memory(memory) {}

  Printed run() {
    while (!rest.empty()) {
      const std::size_t plain = std::min(rest.find('%'), rest.size());
      result.text += rest.substr(0, plain);
      rest.remove_prefix(plain);
      if (!rest.empty())
        conversion();
    }
    return std::move(result);
  }

private:
  // %[flags][width][.precision][size]type; what is none is printed as it stands.
  void conversion() {
    const std::string_view begin = rest;
    rest.remove_prefix(1);
    std::string spec = "%";
    take(spec, "-+ #0");
    number(spec);
    if (rest.starts_with('.')) {
      take(spec, ".");
      number(spec);
    }
    std::string size;
    take(size, "hljztqL");
    const char type = rest.empty() ? '\0' : rest.front();
    if (!rest.empty())
      rest.remove_prefix(1);
    if (!format(spec, size, type))
      result.text += begin.substr(0, begin.size() - rest.size());
  }

  void take(std::string& to, std::string_view any_of) {
    const std::size_t count = std::min(rest.find_first_not_of(any_of), rest.size());
    to += rest.substr(0, count);
    rest.remove_prefix(count);
  }

  void number(std::string& spec) {
    constexpr std::int32_t most = 9999;
    if (rest.starts_with('*')) {
      rest.remove_prefix(1);
      spec += std::to_string(std::clamp(static_cast<std::int32_t>(next(4)), -most, most));
      return;
    }
    std::string digits;
    take(digits, "0123456789");
    spec += digits.substr(0, 4);
  }

  bool format(const std::string& spec, const std::string& size, char type) {
    const std::string_view types = "diouxXcpsfFeEgGaA";
    if (type == '%') {
      result.text += '%';
      return true;
    }
    if (type == '\0' || types.find(type) == std::string_view::npos)
      return false;
    ++result.arguments;
    if (type == 's')
      append(spec + 's', memory.string(next(8)).c_str());
    else if (type == 'p')
      append(spec + 'p', std::bit_cast<const void*>(next(8)));
    else if (type == 'c')
      append(spec + 'c', static_cast<int>(next(4)));
    else if (std::string_view("diouxX").find(type) == std::string_view::npos)
      append(spec + type, std::bit_cast<double>(next(8)));
    else if (size.empty() || size.front() == 'h')
      append(spec + size + type, static_cast<int>(next(4)));
    else
      append(spec + "ll" + type, static_cast<long long>(next(8)));
    return true;
  }

  // Arguments lie at multiples of their size.
  std::uint64_t next(std::uint32_t bytes) {
    offset = (offset + bytes - 1) / bytes * bytes;
    const std::uint64_t value = memory.argument(offset, bytes);
    offset += bytes;
    return value;
  }

  template <class T> void append(const std::string& spec, T value) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" // it is what format() has taken apart
#pragma GCC diagnostic ignored "-Wformat-security"
    const int length = std::snprintf(nullptr, 0, spec.c_str(), value);
    if (length <= 0)
      return;
    std::string text(static_cast<std::size_t>(length) + 1, '\0');
    std::snprintf(text.data(), text.size(), spec.c_str(), value);
#pragma GCC diagnostic pop
    text.pop_back();
    result.text += text;
  }

  std::string_view rest;
  const PrintMemory& memory;
  std::uint64_t offset = 0;
  Printed result;
};

} // namespace

Printed print(std::string_view format, const PrintMemory& memory) { return Printer(format, memory).run(); }

} // namespace emu
