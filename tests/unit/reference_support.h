#pragma once

#include "compiler/reference/interpreter.h"

#include <gtest/gtest.h>
#include <mlir/Dialect/Arith/IR/Arith.h>
#include <mlir/Dialect/Math/IR/Math.h>
#include <mlir/Dialect/SCF/IR/SCF.h>
#include <mlir/IR/BuiltinOps.h>
#include <mlir/IR/MLIRContext.h>
#include <mlir/Parser/Parser.h>

#include <random>

/// What the tests of the interpreter share: modules from text, and tensors of random numbers.
namespace attile::testing {

inline mlir::MLIRContext& context() {
  static mlir::MLIRContext context(
      [] {
        mlir::DialectRegistry registry;
        registry.insert<attn::AttnDialect, mlir::arith::ArithDialect, mlir::math::MathDialect,
                        mlir::scf::SCFDialect>();
        return registry;
      }(),
      mlir::MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  context.allowUnregisteredDialects(); // regions of "test.region"
  return context;
}

inline mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string& text) {
  auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context());
  EXPECT_TRUE(module) << text;
  return module;
}

inline attn::KernelOp firstKernel(mlir::ModuleOp module) { return *module.getOps<attn::KernelOp>().begin(); }
inline attn::MonoidOp firstMonoid(mlir::ModuleOp module) { return *module.getOps<attn::MonoidOp>().begin(); }

/// A dense f32 tensor.
struct Floats {
  std::vector<int64_t> shape;
  std::vector<float> data;

  explicit Floats(std::vector<int64_t> shape) : shape(std::move(shape)) {
    int64_t elements = 1;
    for (int64_t extent : this->shape)
      elements *= extent;
    data.resize(elements);
  }
  static Floats random(std::vector<int64_t> shape, unsigned seed) {
    Floats result(std::move(shape));
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    for (float& x : result.data)
      x = normal(generator);
    return result;
  }
  ConstTensorView view() const {
    return ConstTensorView(static_cast<const void*>(data.data()), DType::f32, shape);
  }
  /// Element of a rank-4 tensor.
  double at(int64_t b, int64_t h, int64_t i, int64_t c) const {
    return data[((b * shape[1] + h) * shape[2] + i) * shape[3] + c];
  }
};

/// q, k and v of one call.
struct Qkv {
  reference::Sizes sizes;
  Floats q, k, v;
  Qkv(reference::Sizes sizes, int64_t dim, int64_t dv, unsigned seed = 1)
      : sizes(sizes), q(Floats::random({sizes.batch, sizes.heads, sizes.qLen, dim}, seed)),
        k(Floats::random({sizes.batch, sizes.kvHeads, sizes.kvLen, dim}, seed + 1)),
        v(Floats::random({sizes.batch, sizes.kvHeads, sizes.kvLen, dv}, seed + 2)) {}
  reference::Arguments arguments() const {
    return {.tensors = {{"q", q.view()}, {"k", k.view()}, {"v", v.view()}}, .scalars = {}};
  }
};

} // namespace attile::testing
