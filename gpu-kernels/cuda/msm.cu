// Sum of scalars times points of G1 of BLS12-381, by buckets (Pippenger; Bernstein, Doumen,
// Lange and Oosterwijk, INDOCRYPT 2012): scalars of 256 bits are cut into windows of `bits`, and
// in each window the points of equal digits are added first.
//
//   msm_count    how many points each bucket has
//   msm_scan     where each bucket begins
//   msm_place    points by bucket; within one in any order: a sum of points has none
//   msm_buckets  sums of buckets, a thread each
//   msm_chunks   sums over 32 buckets, plain and by place
//   msm_weigh    both joined by the place of the chunk
//   msm_windows  sums of chunks, a block a window
//   msm_final    windows joined, and the sum as one affine point: the same bits in any order
//
// Coordinates of sums are (X, Y, ZZ, ZZZ) with x = X/ZZ, y = Y/ZZZ; formulas add-2008-s,
// madd-2008-s and dbl-2008-s-1 of the Explicit-Formulas Database. ZZ = 0 is the point at
// infinity.
#include "field.cuh"

struct Base {
  static constexpr int N = 12;
  static constexpr u32 INVERSE = 0xfffcfffd;
  static DEVICE constexpr u32 modulus(int i) {
    constexpr u32 M[12] = {0xffffaaab, 0xb9feffff, 0xb153ffff, 0x1eabfffe, 0xf6b0f624, 0x6730d2a0,
                           0xf38512bf, 0x64774b84, 0x434bacd7, 0x4b1ba7b6, 0x397fe69a, 0x1a0111ea};
    return M[i];
  }
};
typedef Field<Base> F;

// A function and no part of each formula: 600 instructions, of which an addition of points has
// 14, would leave no room in the instruction cache. Operands go by registers.
__device__ __noinline__ F multiply(F a, F b) { return product(a, b); }

#define POINT 48
#define CHUNK 32

struct Point { F x, y, zz, zzz; };

DEVICE F one() {
  constexpr u32 ONE[12] = {0x0002fffd, 0x76090000, 0xc40c0002, 0xebf4000b, 0x53c758ba, 0x5f489857,
                           0x70525745, 0x77ce5853, 0xa256ec6d, 0x5c071a97, 0xfa80e493, 0x15f65ec3};
  F out;
#pragma unroll
  for (int i = 0; i < 12; i++) out.v[i] = ONE[i];
  return out;
}
DEVICE Point infinity() {
  Point p;
  p.x = p.y = p.zz = p.zzz = zero<Base>();
  return p;
}
DEVICE Point load_point(const u32* at) {
  Point p;
  p.x = load<Base>(at), p.y = load<Base>(at + 12), p.zz = load<Base>(at + 24), p.zzz = load<Base>(at + 36);
  return p;
}
DEVICE void store_point(u32* at, const Point& p) {
  store(at, p.x), store(at + 12, p.y), store(at + 24, p.zz), store(at + 36, p.zzz);
}

// 2p.
DEVICE Point twice(const Point& p) {
  const F u = add(p.y, p.y), v = multiply(u, u), w = multiply(u, v), s = multiply(p.x, v);
  F m = multiply(p.x, p.x);
  m = add(add(m, m), m);
  Point out;
  out.x = subtract(subtract(multiply(m, m), s), s);
  out.y = subtract(multiply(m, subtract(s, out.x)), multiply(w, p.y));
  out.zz = multiply(v, p.zz);
  out.zzz = multiply(w, p.zzz);
  return out;
}

DEVICE Point plus(const Point& p, const Point& q) {
  if (is_zero(p.zz)) return q;
  if (is_zero(q.zz)) return p;
  const F u1 = multiply(p.x, q.zz), s1 = multiply(p.y, q.zzz);
  const F d = subtract(multiply(q.x, p.zz), u1), r = subtract(multiply(q.y, p.zzz), s1);
  if (is_zero(d)) return is_zero(r) ? twice(p) : infinity();
  const F dd = multiply(d, d), ddd = multiply(d, dd), v = multiply(u1, dd);
  Point out;
  out.x = subtract(subtract(subtract(multiply(r, r), ddd), v), v);
  out.y = subtract(multiply(r, subtract(v, out.x)), multiply(s1, ddd));
  out.zz = multiply(multiply(p.zz, q.zz), dd);
  out.zzz = multiply(multiply(p.zzz, q.zzz), ddd);
  return out;
}

// An affine point; (0, 0) is none of the curve and stands for infinity.
DEVICE Point plus_affine(const Point& p, const F& x, const F& y) {
  if (is_zero(x) && is_zero(y)) return p;
  if (is_zero(p.zz)) {
    Point q;
    q.x = x, q.y = y, q.zz = q.zzz = one();
    return q;
  }
  const F d = subtract(multiply(x, p.zz), p.x), r = subtract(multiply(y, p.zzz), p.y);
  if (is_zero(d)) return is_zero(r) ? twice(p) : infinity();
  const F dd = multiply(d, d), ddd = multiply(d, dd), v = multiply(p.x, dd);
  Point out;
  out.x = subtract(subtract(subtract(multiply(r, r), ddd), v), v);
  out.y = subtract(multiply(r, subtract(v, out.x)), multiply(p.y, ddd));
  out.zz = multiply(p.zz, dd);
  out.zzz = multiply(p.zzz, ddd);
  return out;
}

DEVICE u32 digit(const u32* scalar, u32 window, u32 bits) {
  const u32 at = window * bits, limb = at / 32, shift = at % 32;
  u64 pair = scalar[limb];
  if (limb + 1 < 8) pair |= u64(scalar[limb + 1]) << 32;
  return u32(pair >> shift) & ((1u << bits) - 1);
}

KERNEL __launch_bounds__(256) msm_count(const u32* __restrict__ scalars, u32 n, u32 bits, u32* __restrict__ ends) {
  const u32 i = blockIdx.x * 256 + threadIdx.x;
  if (i >= n) return;
  const u32 d = digit(scalars + u64(i) * 8, blockIdx.y, bits);
  if (d) atomicAdd(&ends[(blockIdx.y << bits) + d], 1u);
}

// A block a window: counts become beginnings.
KERNEL __launch_bounds__(1024) msm_scan(u32* ends, u32 bits) {
  __shared__ u32 part[32];
  u32* mine = ends + (blockIdx.x << bits);
  u32 base = 0;
  for (u32 first = 0; first < 1u << bits; first += 1024) {
    const u32 i = first + threadIdx.x;
    const bool there = i < 1u << bits;
    u32 all;
    const u32 at = sum_before(there ? mine[i] : 0, part, &all);
    if (there) mine[i] = base + at;
    base += all;
  }
}

// Beginnings become ends.
KERNEL __launch_bounds__(256) msm_place(const u32* __restrict__ scalars, u32 n, u32 bits, u32* __restrict__ ends,
                                        u32* __restrict__ list) {
  const u32 i = blockIdx.x * 256 + threadIdx.x;
  if (i >= n) return;
  const u32 d = digit(scalars + u64(i) * 8, blockIdx.y, bits);
  if (d) list[u64(blockIdx.y) * n + atomicAdd(&ends[(blockIdx.y << bits) + d], 1u)] = i;
}

KERNEL __launch_bounds__(128) msm_buckets(const u32* __restrict__ points, const u32* __restrict__ ends,
                                          const u32* __restrict__ list, u32 n, u32 bits, u32* __restrict__ buckets) {
  const u32 bucket = blockIdx.x * 128 + threadIdx.x, window = blockIdx.y;
  if (bucket >= 1u << bits) return;
  const u32 at = (window << bits) + bucket;
  Point sum = infinity();
  const u32 end = ends[at];
#pragma unroll 1
  for (u32 i = bucket ? ends[at - 1] : 0; i < end; i++) {
    const u32* p = points + u64(list[u64(window) * n + i]) * 24;
    sum = plus_affine(sum, load<Base>(p), load<Base>(p + 12));
  }
  store_point(buckets + u64(at) * POINT, sum);
}

// A thread a chunk: the sum of its buckets over the first of them, and the sum of each times
// its place in the chunk over the second.
KERNEL __launch_bounds__(128) msm_chunks(u32* buckets, u32 chunks) {
  const u32 chunk = blockIdx.x * 128 + threadIdx.x;
  if (chunk >= chunks) return;
  u32* first = buckets + u64(chunk) * CHUNK * POINT;
  Point run = infinity(), sum = infinity();
  // One addition in the text for both sums: code of its size is not repeated.
#pragma unroll 1
  for (u32 step = 0; step < 2 * CHUNK - 1; step++) {
    const u32 i = CHUNK - 1 - step / 2;
    const bool even = step % 2 == 0;
    const Point other = even ? load_point(first + i * POINT) : sum;
    const Point joined = plus(run, other);
    if (even) run = joined;
    else sum = joined;
  }
  store_point(first, run);
  store_point(first + POINT, sum);
}

// A thread a chunk: its first bucket's place times the first sum, and the second, over the first.
KERNEL __launch_bounds__(128) msm_weigh(u32* buckets, u32 chunks, u32 bits) {
  const u32 chunk = blockIdx.x * 128 + threadIdx.x;
  if (chunk >= chunks) return;
  u32* first = buckets + u64(chunk) * CHUNK * POINT;
  const u32 place = (chunk * CHUNK) & ((1u << bits) - 1);
  const Point run = load_point(first);
  Point sum = infinity();
#pragma unroll 1
  for (int step = 2 * bits; step >= 0; step--) {
    // Double, add if the bit is set, … and the second sum last.
    const bool doubles = step > 0 && step % 2 == 0;
    if (step > 0 && !doubles && !(place >> (step / 2) & 1)) continue;
    const Point other = step == 0 ? load_point(first + POINT) : doubles ? sum : run;
    sum = plus(sum, other);
  }
  store_point(first, sum);
}

// A block a window, 64 threads: sums of every 64th chunk, then by halves.
KERNEL __launch_bounds__(64) msm_windows(const u32* __restrict__ buckets, u32 chunks, u32* __restrict__ windows) {
  __shared__ __align__(16) u32 sums[64 * POINT];
  const u32 t = threadIdx.x;
  const u32* mine = buckets + u64(blockIdx.x) * chunks * CHUNK * POINT;
  Point sum = infinity();
  const u32 rounds = (chunks + 63) / 64;
#pragma unroll 1
  for (u32 step = 0; step < rounds + 6; step++) {
    const bool halves = step >= rounds;
    const u32 by = halves ? 32u >> (step - rounds) : 0, i = step * 64 + t;
    if (halves) {
      store_point(sums + t * POINT, sum);
      __syncthreads();
    }
    const bool adds = halves ? t < by : i < chunks;
    if (adds) sum = plus(sum, load_point(halves ? sums + (t + by) * POINT : mine + u64(i) * CHUNK * POINT));
    if (halves) __syncthreads();
  }
  if (t == 0) store_point(windows + blockIdx.x * POINT, sum);
}

// One thread.
KERNEL __launch_bounds__(32) msm_final(const u32* __restrict__ windows, u32 count, u32 bits, u32* __restrict__ result) {
  if (threadIdx.x) return;
  Point sum = infinity();
#pragma unroll 1
  for (int window = count - 1; window >= 0; window--)
#pragma unroll 1
    for (u32 step = 0; step <= bits; step++) {
      const Point other = step < bits ? sum : load_point(windows + window * POINT);
      sum = plus(sum, other);
    }
  // 1 / (ZZ ZZZ) by Fermat: to the power of p - 2.
  const F z = multiply(sum.zz, sum.zzz);
  F power = one();
#pragma unroll 1
  for (int bit = 380; bit >= 0; bit--) {
    u32 limb = 0;
#pragma unroll
    for (int i = 0; i < 12; i++) limb = bit / 32 == i ? Base::modulus(i) - (i == 0 ? 2 : 0) : limb;
    const bool set = limb >> (bit % 32) & 1;
#pragma unroll 1
    for (int step = 0; step <= int(set); step++) power = multiply(power, step ? z : power);
  }
  store(result, multiply(multiply(sum.x, power), sum.zzz));
  store(result + 12, multiply(multiply(sum.y, power), sum.zz));
}
