// The k elements of greatest magnitude with their places, in the order of places; among equals
// the lower places. (Sparse gradients: Aji and Heafield, arXiv 1704.05021.)
//
// The magnitude of the k-th is found digit by digit, 8 bits at a time from the top: blocks
// count how often each digit occurs among candidates, one block picks the digit. Counts are
// integers, so that the order of atomic additions does not matter. Then each block counts what
// it will keep, the counts are summed up, and each block writes to places of its own.
#include "device.cuh"

#define TILE 2048

// `state`: the digits found so far, and how many of the candidates that share them are wanted.
struct State { u32 prefix, wanted; };

DEVICE u32 magnitude(float x) { return __float_as_uint(x) & 0x7fffffffu; }

KERNEL __launch_bounds__(256) topk_count(const float* __restrict__ x, u32 n, const State* __restrict__ state,
                                         u32* __restrict__ counts, u32 shift) {
  __shared__ u32 local[256];
  local[threadIdx.x] = 0;
  __syncthreads();
  const u32 prefix = state->prefix;
  for (u32 i = blockIdx.x * 256 + threadIdx.x; i < n; i += gridDim.x * 256) {
    u32 m = magnitude(x[i]);
    if (shift == 24 || (m ^ prefix) >> (shift + 8) == 0) atomicAdd(&local[m >> shift & 0xff], 1u);
  }
  __syncthreads();
  if (local[threadIdx.x]) atomicAdd(&counts[threadIdx.x], local[threadIdx.x]);
}

// One block. Clears the counts for the next digit.
KERNEL __launch_bounds__(256) topk_pick(State* state, u32* counts, u32 shift) {
  __shared__ u32 above[257];
  const u32 t = threadIdx.x;
  if (t == 0) {
    above[256] = 0;
    for (int d = 255; d >= 0; d--) above[d] = above[d + 1] + counts[d];
  }
  __syncthreads();
  const u32 wanted = state->wanted, prefix = state->prefix;
  __syncthreads();
  if (above[t] >= wanted && above[t + 1] < wanted) {
    state->prefix = prefix | t << shift;
    state->wanted = wanted - above[t + 1];
  }
  counts[t] = 0;
}

// How many of a tile lie above the k-th, and how many equal it.
KERNEL __launch_bounds__(256) topk_tally(const float* __restrict__ x, u32 n, const State* __restrict__ state,
                                         u32* __restrict__ greater, u32* __restrict__ equal) {
  __shared__ u32 part[2][8];
  const u32 bar = state->prefix;
  u32 g = 0, e = 0;
  for (u32 i = blockIdx.x * TILE + threadIdx.x; i < n && i < (blockIdx.x + 1) * TILE; i += 256) {
    u32 m = magnitude(x[i]);
    g += m > bar, e += m == bar;
  }
  g = block_sum(g, part[0]);
  e = block_sum(e, part[1]);
  if (threadIdx.x == 0) greater[blockIdx.x] = g, equal[blockIdx.x] = e;
}

// One block: counts become sums over the tiles before.
KERNEL __launch_bounds__(1024) topk_scan(u32* greater, u32* equal, u32 tiles) {
  __shared__ u32 part[32];
  u32 g_base = 0, e_base = 0;
  for (u32 first = 0; first < tiles; first += 1024) {
    const u32 i = first + threadIdx.x;
    const u32 g = i < tiles ? greater[i] : 0, e = i < tiles ? equal[i] : 0;
    u32 g_all, e_all;
    const u32 g_at = sum_before(g, part, &g_all), e_at = sum_before(e, part, &e_all);
    if (i < tiles) greater[i] = g_base + g_at, equal[i] = e_base + e_at;
    g_base += g_all, e_base += e_all;
  }
}

// Writes what a tile keeps. Of those equal to the k-th the first `wanted` are kept.
KERNEL __launch_bounds__(256) topk_write(const float* __restrict__ x, u32 n, const State* __restrict__ state,
                                         const u32* __restrict__ greater, const u32* __restrict__ equal,
                                         u32* __restrict__ place, float* __restrict__ value) {
  __shared__ u32 part[32];
  const u32 bar = state->prefix, wanted = state->wanted;
  u32 g_base = greater[blockIdx.x], e_base = equal[blockIdx.x];
  for (u32 first = blockIdx.x * TILE; first < n && first < (blockIdx.x + 1) * TILE; first += 256) {
    const u32 i = first + threadIdx.x;
    const float v = i < n ? x[i] : 0.0f;
    const u32 m = magnitude(v);
    const bool g = i < n && m > bar, e = i < n && m == bar;
    // Both counts fit 16 bits: one sum for two.
    u32 all;
    const u32 both = sum_before(u32(g) | u32(e) << 16, part, &all);
    const u32 g_at = g_base + (both & 0xffff), e_at = e_base + (both >> 16);
    if (g || (e && e_at < wanted)) {
      const u32 to = g_at + (e_at < wanted ? e_at : wanted);
      place[to] = i;
      value[to] = v;
    }
    g_base += all & 0xffff, e_base += all >> 16;
  }
}
