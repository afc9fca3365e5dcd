// y = x / sqrt(mean(x^2) + epsilon) * gain for rows of bf16, sums in fp32.
//
// One block a row. A thread keeps its elements in registers, 8 at a time, so that memory is
// read once.
#include "device.cuh"

#define KEPT 8

KERNEL __launch_bounds__(256) rmsnorm(const u16* __restrict__ x, const u16* __restrict__ gain,
                                      u16* __restrict__ y, u32 d, float epsilon) {
  __shared__ float part[8];
  const u64 row = u64(blockIdx.x) * d;
  const u32 first = threadIdx.x * 8;
  uint4 kept[KEPT];
  float sum = 0.0f;
#pragma unroll
  for (int v = 0; v < KEPT; v++) {
    u32 at = first + v * 2048;
    if (at < d) {
      kept[v] = *(const uint4*)(x + row + at);
      const u32 pairs[4] = {kept[v].x, kept[v].y, kept[v].z, kept[v].w};
#pragma unroll
      for (int i = 0; i < 4; i++) {
        float low = low_bf16(pairs[i]), high = high_bf16(pairs[i]);
        sum = fmaf(low, low, sum);
        sum = fmaf(high, high, sum);
      }
    }
  }
  sum = block_sum(sum, part);
  const float scale = 1.0f / sqrtf(sum / float(d) + epsilon);
#pragma unroll
  for (int v = 0; v < KEPT; v++) {
    u32 at = first + v * 2048;
    if (at < d) {
      uint4 g = *(const uint4*)(gain + at);
      const u32 pairs[4] = {kept[v].x, kept[v].y, kept[v].z, kept[v].w};
      const u32 gains[4] = {g.x, g.y, g.z, g.w};
      u32 out[4];
#pragma unroll
      for (int i = 0; i < 4; i++)
        out[i] = pack_bf16(low_bf16(pairs[i]) * scale * low_bf16(gains[i]),
                           high_bf16(pairs[i]) * scale * high_bf16(gains[i]));
      *(uint4*)(y + row + at) = make_uint4(out[0], out[1], out[2], out[3]);
    }
  }
}
