// Elementary functions of floats. All are within a few units in the last place; no result of exp2 is
// subnormal.
#pragma once

namespace attile {
namespace math {

/// 2^x; 0 below 2^-126.
__device__ __forceinline__ float exp2(float x) {
  float power;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));
  return power;
}
/// 1 / x, within a unit in the last place, without the call that an exact quotient takes for rare operands.
__device__ __forceinline__ float inverse(float x) {
  float quotient;
  asm("rcp.approx.f32 %0, %1;" : "=f"(quotient) : "f"(x));
  return quotient;
}
__device__ __forceinline__ float exp(float x) { return expf(x); }
__device__ __forceinline__ float log(float x) { return logf(x); }
__device__ __forceinline__ float log2(float x) { return log2f(x); }
__device__ __forceinline__ float tanh(float x) { return tanhf(x); }
__device__ __forceinline__ float pow(float x, float y) { return powf(x, y); }
__device__ __forceinline__ float sqrt(float x) { return sqrtf(x); }
__device__ __forceinline__ float rsqrt(float x) { return rsqrtf(x); }
__device__ __forceinline__ float floor(float x) { return floorf(x); }
__device__ __forceinline__ float ceil(float x) { return ceilf(x); }
__device__ __forceinline__ float trunc(float x) { return truncf(x); }
__device__ __forceinline__ float roundeven(float x) { return rintf(x); }
__device__ __forceinline__ float abs(float x) { return fabsf(x); }
__device__ __forceinline__ long long abs(long long x) {
  return x < 0 ? (long long)(0 - (unsigned long long)x) : x;
}
__device__ __forceinline__ int abs(int x) { return x < 0 ? -x : x; }
__device__ __forceinline__ float copysign(float size, float sign) { return copysignf(size, sign); }
__device__ __forceinline__ float fma(float a, float b, float c) { return fmaf(a, b, c); }

// ---- sine and cosine, of large angles too ----

/// sin(x + quarters * pi / 2). The reduction is done in f64, where n * pi / 2 keeps its bits up to |x| of
/// about 1e9; then minimax polynomials of sine and cosine on [-pi/4, pi/4] (Cephes sinf and cosf
/// coefficients).
__device__ __forceinline__ float sine(float x, int quarters) {
  const double turns = ::rint(double(x) * 0.63661977236758134308);
  double left = ::fma(-turns, 1.57079632679489655800, double(x));
  left = ::fma(-turns, 6.12323399573676603587e-17, left);
  const float r = float(left), square = r * r;
  const int n = int((long long)turns) + quarters;
  float s = fmaf(fmaf(-1.9515295891e-4f, square, 8.3321608736e-3f), square, -1.6666654611e-1f);
  s = fmaf(s * square, r, r);
  float c = fmaf(fmaf(2.443315711809948e-5f, square, -1.388731625493765e-3f), square, 4.166664568298827e-2f);
  c = fmaf(c * square, square, fmaf(square, -0.5f, 1.0f));
  const float size = n & 1 ? c : s;
  return n & 2 ? -size : size;
}
__device__ __forceinline__ float sin(float x) { return sine(x, 0); }
__device__ __forceinline__ float cos(float x) { return sine(x, 1); }

// ---- extrema: the NaN of either operand, or the other operand ----

__device__ __forceinline__ float maximum(float a, float b) {
  const float larger = fmaxf(a, b);
  return a != a ? a : b != b ? b : larger;
}
__device__ __forceinline__ float minimum(float a, float b) {
  const float smaller = fminf(a, b);
  return a != a ? a : b != b ? b : smaller;
}
__device__ __forceinline__ double maximum(double a, double b) { return a != a || a > b ? a : b; }
__device__ __forceinline__ double minimum(double a, double b) { return a != a || a < b ? a : b; }
__device__ __forceinline__ float maxnum(float a, float b) { return fmaxf(a, b); }
__device__ __forceinline__ float minnum(float a, float b) { return fminf(a, b); }

} // namespace math
using namespace math;

} // namespace attile
