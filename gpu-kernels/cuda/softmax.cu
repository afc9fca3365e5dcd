// Softmax over rows of bf16, sums in fp32: the greatest element first, then the sum of
// exponentials, both over elements that a thread keeps in registers.
#include "device.cuh"

#define KEPT 8

KERNEL __launch_bounds__(512) softmax(const u16* __restrict__ x, u16* __restrict__ y, u32 d) {
  __shared__ float part[2][16];
  const u64 row = u64(blockIdx.x) * d;
  const u32 first = threadIdx.x * 8;
  uint4 kept[KEPT];
  float most = -3.4e38f;
#pragma unroll
  for (int v = 0; v < KEPT; v++) {
    u32 at = first + v * 4096;
    if (at < d) {
      kept[v] = *(const uint4*)(x + row + at);
      const u32 pairs[4] = {kept[v].x, kept[v].y, kept[v].z, kept[v].w};
#pragma unroll
      for (int i = 0; i < 4; i++) {
        float low = low_bf16(pairs[i]), high = high_bf16(pairs[i]);
        most = most < low ? low : most;
        most = most < high ? high : most;
      }
    }
  }
  most = block_max(most, part[0]);
  float sum = 0.0f;
#pragma unroll
  for (int v = 0; v < KEPT; v++) {
    if (first + v * 4096 < d) {
      const u32 pairs[4] = {kept[v].x, kept[v].y, kept[v].z, kept[v].w};
#pragma unroll
      for (int i = 0; i < 4; i++) {
        sum += exp_f32(low_bf16(pairs[i]) - most);
        sum += exp_f32(high_bf16(pairs[i]) - most);
      }
    }
  }
  const float scale = 1.0f / block_sum(sum, part[1]);
#pragma unroll
  for (int v = 0; v < KEPT; v++) {
    u32 at = first + v * 4096;
    if (at < d) {
      const u32 pairs[4] = {kept[v].x, kept[v].y, kept[v].z, kept[v].w};
      u32 out[4];
#pragma unroll
      for (int i = 0; i < 4; i++)
        out[i] = pack_bf16(exp_f32(low_bf16(pairs[i]) - most) * scale,
                           exp_f32(high_bf16(pairs[i]) - most) * scale);
      *(uint4*)(y + row + at) = make_uint4(out[0], out[1], out[2], out[3]);
    }
  }
}
