// Proportions in the chain's fixed point: I32F32, of which only what is not negative occurs
// here, so that a number is 64 bits with 32 of them behind the point. Products round down,
// quotients truncate: sim_types::fixed::part.
#pragma once
#include "device.cuh"

#define ONE (1ull << 32)

// floor(a b / 2^32).
DEVICE u64 times(u64 a, u64 b) { return __umul64hi(a, b) << 32 | (a * b) >> 32; }

// A divisor made ready: quotients by a reciprocal rounded down, one too small at most, set right
// by the remainder.
struct Whole {
  u64 divisor, reciprocal;
  u32 shift;
};

DEVICE Whole whole_of(u64 whole) {
  Whole w;
  w.divisor = whole ? whole : 1;
  const int zeros = __clzll(i64(w.divisor));
  w.shift = zeros > 31 ? zeros - 31 : 0;
  w.reciprocal = u64(((u128(1) << (96 - w.shift)) - 1) / w.divisor);
  return w;
}

// The share of a part, at most the whole.
DEVICE u64 share(const Whole& w, u64 part) {
  const u64 quotient = __umul64hi(part << w.shift, w.reciprocal);
  const u64 rest = (part << 32) - quotient * w.divisor;
  return quotient + (rest >= w.divisor);
}
