// Errors are values: everything in Attile that can fail for a reason outside the program returns a Result.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace attile {

/// Who can do something about an error. The value is the exit status of the command line tool.
enum class ErrorKind {
  user = 1,        ///< the user's input is at fault
  usage = 2,       ///< the program or library was called in a wrong way
  environment = 3, ///< the machine lacks something: a CPU feature, a file, memory
  internal = 70,   ///< a defect of Attile
};

/// A failure. `message` is lower case, without a final period, and names what was expected and what was
/// found.
struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;
  std::vector<std::string> notes = {}; ///< further facts, one a line
  std::string remedy = {};             ///< what to do about it; may be empty

  int exit_status() const { return static_cast<int>(kind); }
  /// "error: message", then a "note: " line each, then "remedy: ...", without a final newline.
  std::string text() const;
  /// The same error, with its message prefixed by `context` and ": ".
  Error in(const std::string& context) &&;
};

inline Error user_error(std::string message, std::string remedy = {}) {
  return {ErrorKind::user, std::move(message), {}, std::move(remedy)};
}
inline Error usage_error(std::string message, std::string remedy = {}) {
  return {ErrorKind::usage, std::move(message), {}, std::move(remedy)};
}
inline Error environment_error(std::string message, std::string remedy = {}) {
  return {ErrorKind::environment, std::move(message), {}, std::move(remedy)};
}
inline Error internal_error(std::string message) { return {ErrorKind::internal, std::move(message)}; }

/// A value or an Error:
///
///     Result<Kernel> kernel = device.load(package);
///     if (!kernel)
///       return kernel.error();
///     kernel->launch(...);
template <class T> class [[nodiscard]] Result {
public:
  Result(T value) : content(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : content(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return content.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T& value() {
    assert(ok());
    return *std::get_if<0>(&content);
  }
  const T& value() const {
    assert(ok());
    return *std::get_if<0>(&content);
  }
  const Error& error() const& {
    assert(!ok());
    return *std::get_if<1>(&content);
  }
  Error&& error() && {
    assert(!ok());
    return std::move(*std::get_if<1>(&content));
  }

private:
  std::variant<T, Error> content;
};

template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : failure(std::move(error)) {}

  bool ok() const { return !failure; }
  explicit operator bool() const { return ok(); }
  const Error& error() const& {
    assert(failure);
    return *failure;
  }
  Error&& error() && {
    assert(failure);
    return std::move(*failure);
  }

private:
  std::optional<Error> failure;
};

} // namespace attile
