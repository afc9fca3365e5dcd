// What kernels share: widths, bf16, an exponential with the same bits everywhere, reductions in
// a fixed order, asynchronous copies and the tensor core's product.
//
// Kernels are compiled with --fmad=false: a product is added without rounding in between only
// where `fmaf` says so. With that, and without approximate instructions, a result in fp32 is a
// function of the source alone, and equal to its twin's on every machine.
#pragma once
#ifndef __CUDACC__
#include "fibers.h"
#endif

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;
typedef unsigned __int128 u128;

#define DEVICE __device__ __forceinline__
#define KERNEL extern "C" __global__ void
#define ALL_LANES 0xffffffffu

DEVICE float bf16_to_f32(u16 x) { return __uint_as_float(u32(x) << 16); }

// To nearest, ties to even; NaN is none of ours.
DEVICE u16 f32_to_bf16(float x) {
  u32 bits = __float_as_uint(x);
  return u16((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

// Two bf16 as they lie in memory.
DEVICE u32 pack_bf16(float low, float high) { return u32(f32_to_bf16(low)) | u32(f32_to_bf16(high)) << 16; }
DEVICE float low_bf16(u32 pair) { return __uint_as_float(pair << 16); }
DEVICE float high_bf16(u32 pair) { return __uint_as_float(pair & 0xffff0000u); }

// e^x within 2 ulp for x from -87 to 88, zero below, e^88 above; coefficients of Cephes' expf (Moshier,
// netlib.org/cephes, single precision).
DEVICE float exp_f32(float x) {
  x = x > 88.0f ? 88.0f : x;
  float n = fmaf(x, 1.44269504f, 12582912.0f) - 12582912.0f;
  float r = fmaf(n, -0.693359375f, x);
  r = fmaf(n, 2.12194440e-4f, r);
  float p = 1.9875691500e-4f;
  p = fmaf(p, r, 1.3981999507e-3f);
  p = fmaf(p, r, 8.3334519073e-3f);
  p = fmaf(p, r, 4.1665795894e-2f);
  p = fmaf(p, r, 1.6666665459e-1f);
  p = fmaf(p, r, 5.0000001201e-1f);
  p = fmaf(p * r, r, r) + 1.0f;
  bool small = !(x > -87.0f);
  int exponent = small ? 0 : int(n);
  float scaled = __uint_as_float(__float_as_uint(p) + (u32(exponent) << 23));
  return small ? 0.0f : scaled;
}

// Sums over a warp: a butterfly, whose every step adds the same two numbers in both lanes, so
// that all lanes end with the same bits.
template <class T> DEVICE T warp_sum(T x) {
  for (int by = 16; by > 0; by >>= 1) x += __shfl_xor_sync(ALL_LANES, x, by);
  return x;
}
template <class T> DEVICE T warp_max(T x) {
  for (int by = 16; by > 0; by >>= 1) {
    T other = __shfl_xor_sync(ALL_LANES, x, by);
    x = x < other ? other : x;
  }
  return x;
}

// Sum over a block of up to 32 full warps, given to all threads: butterflies, then the warps in
// ascending order. `part` has a place for each warp and is free again after the next barrier.
template <class T> DEVICE T block_sum(T x, T* part) {
  x = warp_sum(x);
  if ((threadIdx.x & 31) == 0) part[threadIdx.x >> 5] = x;
  __syncthreads();
  T sum = part[0];
  for (u32 w = 1; w < blockDim.x >> 5; w++) sum += part[w];
  return sum;
}
template <class T> DEVICE T block_max(T x, T* part) {
  x = warp_max(x);
  if ((threadIdx.x & 31) == 0) part[threadIdx.x >> 5] = x;
  __syncthreads();
  T most = part[0];
  for (u32 w = 1; w < blockDim.x >> 5; w++) most = most < part[w] ? part[w] : most;
  return most;
}

// Sum of a value over the threads before, and over all; `part` has 32 places.
DEVICE u32 sum_before(u32 value, u32* part, u32* all) {
  const u32 lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  u32 sum = value;
#pragma unroll
  for (int by = 1; by < 32; by <<= 1) {
    u32 other = __shfl_up_sync(ALL_LANES, sum, by);
    sum += lane >= u32(by) ? other : 0;
  }
  __syncthreads();
  if (lane == 31) part[warp] = sum;
  __syncthreads();
  u32 base = 0, total = 0;
  for (u32 w = 0; w < blockDim.x >> 5; w++) {
    base += w < warp ? part[w] : 0;
    total += part[w];
  }
  *all = total;
  return base + sum - value;
}

// Copies 16 bytes to shared memory without a register in between; where `take` is false writes
// zeros and reads nothing. Visible after commit, wait and a barrier.
DEVICE void copy_async(void* shared, const void* global, bool take) {
#ifdef __CUDACC__
  u32 to = u32(__cvta_generic_to_shared(shared));
  int bytes = take ? 16 : 0;
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes) : "memory");
#else
  fibers::copy_later(shared, global, 16, take ? 16 : 0);
#endif
}
DEVICE void copy_commit() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  fibers::self->groups++;
#endif
}
// Waits until at most `pending` groups are under way.
template <int pending> DEVICE void copy_wait() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#else
  fibers::finish_copies(pending);
#endif
}
