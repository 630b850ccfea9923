#include "emulator/ptx/initialiser.h"

#include "emulator/ptx/constants.h"

#include <bit>
#include <fmt/format.h>
#include <limits>

namespace emu::ptx {
namespace {

/// Bytes in the order of their offsets; those that touch are one chunk.
class Image {
public:
  explicit Image(Storage& storage) : storage(storage) {}

  void write(std::uint64_t offset, std::uint64_t bits, std::size_t size) {
    if (offset != start + bytes.size())
      flush(offset);
    for (std::size_t i = 0; i < size; ++i)
      bytes.push_back(static_cast<std::byte>(i < 8 ? bits >> (8 * i) : 0));
  }
  std::span<const Chunk> finish() {
    flush(0);
    return storage.copy(chunks);
  }

private:
  void flush(std::uint64_t next_start) {
    if (!bytes.empty())
      chunks.push_back({start, storage.copy(bytes)});
    bytes.clear();
    start = next_start;
  }

  Storage& storage;
  std::uint64_t start = 0;
  std::vector<std::byte> bytes;
  std::vector<Chunk> chunks;
};

class Reader {
public:
  Reader(Variable& variable, Tokens& tokens, const Scopes& scopes, Storage& storage)
      : variable(variable), tokens(tokens), scopes(scopes), storage(storage), image(storage),
        element(static_cast<std::size_t>(bits(variable.type)) / 8) {
    extents.assign(variable.extents.begin(), variable.extents.end());
    if (variable.vector > 1)
      extents.push_back(variable.vector);
    strides.resize(extents.size());
    std::uint64_t stride = element;
    for (std::size_t i = extents.size(); i-- > 0; stride *= extents[i])
      strides[i] = stride;
  }

  void run() {
    if (variable.space != Space::global && variable.space != Space::constant)
      fail(variable.place, fmt::format("'{}' in '.{}' cannot be initialised: only .const and .global can",
                                       variable.name, name(variable.space)));
    if (extents.empty())
      scalar(0);
    else
      finish_extent(list(0, 0));
    variable.chunks = image.finish();
    variable.relocations = storage.copy(relocations);
  }

private:
  /// { a, { b, c } } of dimension `d`, from offset `base` on. Returns where it ends.
  std::uint64_t list(std::size_t d, std::uint64_t base) {
    bool open = d == 0 && variable.unsized;
    std::uint64_t end = open ? std::numeric_limits<std::uint64_t>::max() : base + extents[d] * strides[d];
    std::uint64_t position = base;
    tokens.expect("{");
    while (!tokens.current().is("}")) {
      Place place = tokens.current().place;
      if (position >= end)
        fail(place, fmt::format("'{}' has more initialisers than elements", variable.name));
      if (!tokens.current().is("{")) {
        scalar(position);
        position += element;
      } else {
        if (d + 1 == extents.size() || (position - base) % strides[d] != 0)
          fail(place, fmt::format("the initialiser of '{}' is nested unlike its extents", variable.name));
        list(d + 1, position);
        position += strides[d];
      }
      if (!tokens.accept(","))
        break;
    }
    tokens.expect("}");
    return position;
  }

  void finish_extent(std::uint64_t end) {
    if (!variable.unsized)
      return;
    std::vector<std::uint64_t> known(variable.extents.begin(), variable.extents.end());
    known[0] = strides[0] == 0 ? 0 : (end + strides[0] - 1) / strides[0];
    variable.size = known[0] * strides[0];
    variable.extents = storage.copy(known);
    variable.unsized = false;
  }

  void scalar(std::uint64_t offset) {
    const Token& token = tokens.current();
    Place place = token.place;
    if (token.is(Token::Kind::name) && !starts_constant(token))
      return relocation(offset, 0, place);
    Constant value = parse_constant(tokens);
    if (!tokens.current().is("("))
      return image.write(offset, encoded(value, place), element);
    if (!value.is_integer() || value.bits == 0)
      fail(place, "expected a mask of an address, an integer that is not 0");
    tokens.next();
    relocation(offset, value.bits, place);
    tokens.expect(")");
  }

  std::uint64_t encoded(const Constant& value, Place place) const {
    Type type = variable.type;
    if (type == Type::f32 && value.kind != Constant::Kind::f32)
      return std::bit_cast<std::uint32_t>(static_cast<float>(value.as_double()));
    if (type == Type::f64)
      return std::bit_cast<std::uint64_t>(value.as_double());
    bool same_bits = (value.kind == Constant::Kind::f32 && (type == Type::f32 || type == Type::b32)) ||
                     (value.kind == Constant::Kind::f64 && type == Type::b64);
    bool integer_type = is_signed(type) || is_unsigned(type) || type <= Type::b128;
    if (!same_bits && !(value.is_integer() && integer_type))
      fail(place,
           fmt::format("this constant cannot initialise '{}' of type '.{}'", variable.name, name(type)));
    return value.bits;
  }

  /// symbol+4, generic(symbol)+4; between the parentheses of 0xFF00(...), or by itself.
  void relocation(std::uint64_t offset, std::uint64_t mask, Place place) {
    Relocation result;
    result.offset = offset;
    result.size = static_cast<std::uint8_t>(element);
    result.mask = mask;
    result.place = place;
    address(result);
    if (bool integer_type =
            is_signed(variable.type) || is_unsigned(variable.type) || variable.type <= Type::b128;
        !integer_type)
      fail(result.place, fmt::format("an address cannot initialise '{}' of type '.{}'", variable.name,
                                     name(variable.type)));
    image.write(offset, 0, element);
    relocations.push_back(result);
  }

  void address(Relocation& result) {
    Token name = tokens.expect(Token::Kind::name, "the name of a variable or a function");
    result.generic = name.text == "generic" && tokens.accept("(");
    if (result.generic)
      name = tokens.expect(Token::Kind::name, "the name of a variable or a function");
    const Scopes::Binding* binding = scopes.find(name.text);
    if (!binding)
      fail(name.place, fmt::format("{} is not declared", name.quoted()),
           "declare it before this initialiser");
    if (binding->local)
      fail(name.place, fmt::format("the initialiser of '{}' may not refer to {}, which belongs to a function",
                                   variable.name, name.quoted()));
    result.function = binding->kind == Scopes::Binding::Kind::function;
    result.symbol = binding->index;
    addend(result);
    if (result.generic) {
      tokens.expect(")");
      addend(result);
    }
  }

  void addend(Relocation& result) {
    bool plus = tokens.accept("+");
    if (!plus && !tokens.current().is("-"))
      return;
    std::int64_t value = parse_integer(tokens, "an offset", INT32_MIN, INT64_C(1) << 40);
    result.addend += value;
  }

  Variable& variable;
  Tokens& tokens;
  const Scopes& scopes;
  Storage& storage;
  Image image;
  std::size_t element; ///< bytes of one scalar
  std::vector<std::uint64_t> extents;
  std::vector<std::uint64_t> strides; ///< bytes from one to the next, of each extent
  std::vector<Relocation> relocations;
};

} // namespace

void parse_initialiser(Variable& variable, Tokens& tokens, const Scopes& scopes, Storage& storage) {
  Reader(variable, tokens, scopes, storage).run();
}

} // namespace emu::ptx
