// What the dense and the sparse form of the Yuma epoch share.
#pragma once
#include "fixed.cuh"

// Scores are shares of a row by integers below 2^31: none lies between 2^32 - 1 and 2^32, so
// that 32 bits can stand for all.
DEVICE u32 key_of(u64 score) { return score >= ONE ? 0xffffffffu : u32(score); }
DEVICE u64 score_of(u32 key) { return key == 0xffffffffu ? ONE : key; }

// A sum of weights of at least one needs no shift. A row of zeros divides nothing.
struct Row { u64 divisor, reciprocal; };
DEVICE u64 weight_share(Row row, u64 weight) {
  Whole whole;
  whole.divisor = row.divisor, whole.reciprocal = row.reciprocal, whole.shift = 0;
  return share(whole, weight << 32);
}

// One block: values, none above their sum, over their sum, into `out`, and what they then sum
// to into `total`. A sum of zero leaves them.
KERNEL __launch_bounds__(1024) yuma_normalise(const u64* values, u64* out, u64* total, u32 n) {
  __shared__ u64 part[2][32];
  u64 sum = 0;
  for (u32 i = threadIdx.x; i < n; i += 1024) sum += values[i];
  sum = block_sum(sum, part[0]);
  const Whole whole = whole_of(sum);
  u64 left = 0;
  for (u32 i = threadIdx.x; i < n; i += 1024) {
    const u64 value = sum ? share(whole, values[i]) : values[i];
    out[i] = value;
    left += value;
  }
  left = block_sum(left, part[1]);
  if (threadIdx.x == 0) *total = left;
}

// The weight that counts for bonds: between the raw one and that cut to consensus.
DEVICE u64 for_bonds(u64 weight, u64 agreed, u64 penalty) {
  const u64 cut = min(weight, agreed);
  if (penalty == ONE) return cut;
  if (penalty == 0) return weight;
  // weight + penalty (cut - weight), whose negative product is rounded down: away from zero.
  const u64 less = weight - cut;
  return weight - times(penalty, less) - (u32(penalty * less) != 0);
}
