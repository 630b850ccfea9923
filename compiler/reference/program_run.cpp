#include "compiler/reference/opcodes.h"
#include "compiler/reference/program.h"

#include <attile/numeric.h>

namespace attile::reference {
namespace {

template <class Read> void gather(int64_t n, const int64_t* offsets, double* f, int64_t* i, Read read) {
  for (int64_t lane = 0; lane < n; ++lane)
    if (f)
      f[lane] = static_cast<double>(read(offsets[lane]));
    else
      i[lane] = static_cast<int64_t>(read(offsets[lane]));
}

/// Elements at `offsets`, widened: floats to double, integers to 64 bits, bytes to bool.
void gather(const ConstTensorView& view, int64_t n, const int64_t* offsets, double* f, int64_t* i) {
  switch (view.dtype) {
  case DType::f32:
    return gather(n, offsets, f, i, [p = static_cast<const float*>(view.data)](int64_t o) { return p[o]; });
  case DType::f16:
    return gather(n, offsets, f, i,
                  [p = static_cast<const f16*>(view.data)](int64_t o) { return to_f32(p[o]); });
  case DType::bf16:
    return gather(n, offsets, f, i,
                  [p = static_cast<const bf16*>(view.data)](int64_t o) { return to_f32(p[o]); });
  case DType::i32:
    return gather(n, offsets, f, i, [p = static_cast<const int32_t*>(view.data)](int64_t o) { return p[o]; });
  case DType::i64:
    return gather(n, offsets, f, i, [p = static_cast<const int64_t*>(view.data)](int64_t o) { return p[o]; });
  case DType::u8:
    return gather(n, offsets, f, i,
                  [p = static_cast<const uint8_t*>(view.data)](int64_t o) { return p[o] != 0; });
  }
}

template <class R, class F, class... Operands>
void each(int64_t n, R* result, F op, const Operands*... operands) {
  for (int64_t lane = 0; lane < n; ++lane)
    result[lane] = op(operands[lane]...);
}

bool compare(int predicate, double a, double b) {
  return ((predicate & 1) && a == b) || ((predicate & 2) && a > b) || ((predicate & 4) && a < b) ||
         ((predicate & 8) && (std::isnan(a) || std::isnan(b)));
}

} // namespace

Frame::Frame(const Program& program, int64_t lanes)
    : program(&program), lanes(std::max<int64_t>(lanes, 1)),
      floatStorage(program.floats.size() * this->lanes), intStorage(program.ints.size() * this->lanes) {
  for (size_t r = 0; r < program.floats.size(); ++r)
    f.push_back(floatStorage.data() + r * this->lanes);
  for (size_t r = 0; r < program.ints.size(); ++r)
    i.push_back(intStorage.data() + r * this->lanes);
  for (const Program::Constant& constant : program.constants)
    if (constant.target.isFloat)
      std::fill_n(floatStorage.begin() + constant.target.index * this->lanes, this->lanes, constant.f);
    else
      std::fill_n(intStorage.begin() + constant.target.index * this->lanes, this->lanes, constant.i);
}

void Frame::set(size_t argument, double value) {
  Program::Register r = program->arguments[argument];
  double* target = floatStorage.data() + r.index * lanes;
  std::fill_n(target, program->floats[r.index].uniform && !program->floats[r.index].broadcast ? 1 : lanes,
              value);
  f[r.index] = target;
}

void Frame::set(size_t argument, int64_t value) {
  Program::Register r = program->arguments[argument];
  int64_t* target = intStorage.data() + r.index * lanes;
  std::fill_n(target, program->ints[r.index].uniform && !program->ints[r.index].broadcast ? 1 : lanes, value);
  i[r.index] = target;
}

void Frame::bind(size_t argument, const double* values) { f[program->arguments[argument].index] = values; }
void Frame::bind(size_t argument, const int64_t* values) { i[program->arguments[argument].index] = values; }

void Frame::run(int64_t n, const uint8_t* demanded) {
  anyClamped = false;
  clampedLookups.clear();
  for (const Program::Instruction& instruction : program->instructions) {
    execute(instruction, instruction.uniform ? 1 : n);
    Program::Register r = instruction.result;
    if (instruction.uniform && r.isFloat && program->floats[r.index].broadcast)
      std::fill_n(floatStorage.begin() + r.index * lanes + 1, n - 1, floatStorage[r.index * lanes]);
    if (instruction.uniform && !r.isFloat && program->ints[r.index].broadcast)
      std::fill_n(intStorage.begin() + r.index * lanes + 1, n - 1, intStorage[r.index * lanes]);
  }
  if (anyClamped)
    reportClamped(n, demanded);
}

void Frame::execute(const Program::Instruction& instruction, int64_t n) {
  const Program::Register result = instruction.result;
  double* rf = result.isFloat ? floatStorage.data() + result.index * lanes : nullptr;
  int64_t* ri = result.isFloat ? nullptr : intStorage.data() + result.index * lanes;
  auto fa = [&](int operand) { return f[instruction.operands[operand].index]; };
  auto ia = [&](int operand) { return i[instruction.operands[operand].index]; };
  switch (static_cast<Code>(instruction.code)) {
#define ATTILE_CASE(code, ...)                                                                               \
  case Code::code:                                                                                           \
    return each(n, __VA_ARGS__);
#define X(code, name, value) ATTILE_CASE(code, rf, [](double a) { return value; }, fa(0))
    ATTILE_F_F(X)
#undef X
#define X(code, name, value) ATTILE_CASE(code, rf, [](double a, double b) { return value; }, fa(0), fa(1))
    ATTILE_F_FF(X)
#undef X
#define X(code, name, value)                                                                                 \
  ATTILE_CASE(code, rf, [](double a, double b, double c) { return value; }, fa(0), fa(1), fa(2))
    ATTILE_F_FFF(X)
#undef X
#define X(code, name, value) ATTILE_CASE(code, ri, [](int64_t a) { return value; }, ia(0))
    ATTILE_I_I(X)
#undef X
#define X(code, name, value) ATTILE_CASE(code, ri, [](int64_t a, int64_t b) { return value; }, ia(0), ia(1))
    ATTILE_I_II(X)
    ATTILE_COMPARE_I(X)
#undef X
#define X(code, name, value) ATTILE_CASE(code, ri, [](double a) { return value; }, fa(0))
    ATTILE_I_F(X)
#undef X
#define X(code, name, value) ATTILE_CASE(code, rf, [](int64_t a) { return value; }, ia(0))
    ATTILE_F_I(X)
#undef X
    ATTILE_CASE(
        CompareF, ri, [p = instruction.predicate](double a, double b) { return compare(p, a, b); }, fa(0),
        fa(1))
    ATTILE_CASE(SelectF, rf, [](int64_t c, double a, double b) { return c ? a : b; }, ia(0), fa(1), fa(2))
    ATTILE_CASE(SelectI, ri, [](int64_t c, int64_t a, int64_t b) { return c ? a : b; }, ia(0), ia(1), ia(2))
#undef ATTILE_CASE
  case Code::LookupF:
  case Code::LookupI:
    return lookup(program->lookups[instruction.predicate], n, rf, ri);
  }
}

void Frame::lookup(const Program::Lookup& lookup, int64_t n, double* rf, int64_t* ri) {
  const ConstTensorView& view = program->tensors[lookup.tensor].view;
  if (view.elements() == 0) {
    anyClamped = true;
    if (rf)
      std::fill_n(rf, n, 0.0);
    else
      std::fill_n(ri, n, int64_t{0});
    return;
  }
  offsets.assign(n, 0);
  for (int d = 0; d < view.rank; ++d) {
    const int64_t *index = i[lookup.indices[d]], last = view.shape[d] - 1, stride = view.stride[d];
    for (int64_t lane = 0; lane < n; ++lane) {
      int64_t clamped = std::clamp<int64_t>(index[lane], 0, last);
      anyClamped |= clamped != index[lane];
      offsets[lane] += clamped * stride;
    }
  }
  gather(view, n, offsets.data(), rf, ri);
}

/// Walks backwards from the results to find which values mattered in which lane.
void Frame::reportClamped(int64_t n, const uint8_t* demanded) {
  std::vector<std::vector<uint8_t>> need[2]; // of integers, of floats
  need[0].assign(program->ints.size(), std::vector<uint8_t>(n));
  need[1].assign(program->floats.size(), std::vector<uint8_t>(n));
  auto lanesOf = [&](Program::Register r) -> std::vector<uint8_t>& { return need[r.isFloat][r.index]; };
  for (Program::Register r : program->results)
    for (int64_t lane = 0; lane < n; ++lane)
      lanesOf(r)[lane] = !demanded || demanded[lane];
  for (auto instruction = program->instructions.rbegin(); instruction != program->instructions.rend();
       ++instruction) {
    const Code code = static_cast<Code>(instruction->code);
    const std::vector<uint8_t> wanted = lanesOf(instruction->result);
    if (code == Code::LookupF || code == Code::LookupI) {
      countClamped(program->lookups[instruction->predicate], wanted, instruction->uniform);
      for (int index : program->lookups[instruction->predicate].indices)
        for (int64_t lane = 0; lane < n; ++lane)
          need[0][index][lane] |= wanted[lane];
      continue;
    }
    for (int operand = 0; operand < instruction->numOperands; ++operand)
      for (int64_t lane = 0; lane < n; ++lane)
        lanesOf(instruction->operands[operand])[lane] |= wanted[lane] && matters(*instruction, operand, lane);
  }
}

/// Whether an operand can change the result, given the operands before it (the condition of a select, the
/// left side of && and ||, the left factor of an and of bits that is 0).
bool Frame::matters(const Program::Instruction& instruction, int operand, int64_t lane) const {
  const Code code = static_cast<Code>(instruction.code);
  auto left = [&] { return intAt(instruction.operands[0].index, lane); };
  if (code == Code::SelectF || code == Code::SelectI)
    return operand == 0 || (operand == 1) == (left() != 0);
  if (operand == 1 && code == Code::AndI)
    return left() != 0;
  if (operand == 1 && code == Code::OrI && instruction.boolean)
    return left() == 0;
  return true;
}

void Frame::countClamped(const Program::Lookup& lookup, const std::vector<uint8_t>& wanted, bool uniform) {
  const Bindings::Tensor& tensor = program->tensors[lookup.tensor];
  for (int64_t lane = 0; lane < static_cast<int64_t>(wanted.size()); ++lane)
    for (int d = 0; wanted[lane] && d < tensor.view.rank; ++d) {
      int64_t index = intAt(lookup.indices[d], uniform ? 0 : lane), extent = tensor.view.shape[d];
      if (index >= 0 && index < extent)
        continue;
      auto entry = std::find_if(clampedLookups.begin(), clampedLookups.end(),
                                [&](const Clamped& c) { return c.tensor == tensor.name; });
      if (entry == clampedLookups.end())
        entry = clampedLookups.insert(entry, {tensor.name, d, index, extent, lane, 0});
      ++entry->count;
      break;
    }
}

std::vector<Scalar> Program::evaluate(std::span<const Scalar> values) const {
  Frame frame(*this, 1);
  for (size_t a = 0; a < values.size(); ++a) {
    if (arguments[a].isFloat)
      frame.set(a, std::get<double>(values[a]));
    else if (const bool* flag = std::get_if<bool>(&values[a]))
      frame.set(a, int64_t{*flag});
    else
      frame.set(a, std::get<int64_t>(values[a]));
  }
  frame.run(1);
  std::vector<Scalar> out;
  for (size_t r = 0; r < results.size(); ++r)
    if (results[r].isFloat)
      out.push_back(frame.floats(r)[0]);
    else if (resultIsBool[r])
      out.push_back(frame.ints(r)[0] != 0);
    else
      out.push_back(frame.ints(r)[0]);
  return out;
}

} // namespace attile::reference
