// Gradients in blocks of 64 as int8 with one fp32 scale: absolute maximum over 127, rounded to
// nearest (Dettmers et al., arXiv 2110.02861, with linear steps), and back.
//
// 16 threads a block of 64, 4 elements each; every thread reads and writes 16 or 4 bytes.
#include "device.cuh"

DEVICE u32 step_of(float x, float inverse) {
  float rounded = fmaf(x, inverse, 12582912.0f) - 12582912.0f;
  return u32(int(rounded)) & 0xff;
}

KERNEL __launch_bounds__(256) int8_quantise(const float* __restrict__ x, u32* __restrict__ q,
                                            float* __restrict__ scale, u64 quads) {
  const u64 at = u64(blockIdx.x) * 256 + threadIdx.x;
  const bool there = at < quads;
  float4 v = there ? ((const float4*)x)[at] : make_float4(0, 0, 0, 0);
  float most = fmaxf(fmaxf(fabsf(v.x), fabsf(v.y)), fmaxf(fabsf(v.z), fabsf(v.w)));
#pragma unroll
  for (int by = 8; by > 0; by >>= 1) most = fmaxf(most, __shfl_xor_sync(ALL_LANES, most, by));
  if (!there) return;
  const float inverse = most > 0.0f ? 127.0f / most : 0.0f;
  q[at] = step_of(v.x, inverse) | step_of(v.y, inverse) << 8 | step_of(v.z, inverse) << 16 |
          step_of(v.w, inverse) << 24;
  if ((threadIdx.x & 15) == 0) scale[at / 16] = most / 127.0f;
}

KERNEL __launch_bounds__(256) int8_restore(const u32* __restrict__ q, const float* __restrict__ scale,
                                           float* __restrict__ y, u64 quads) {
  const u64 at = u64(blockIdx.x) * 256 + threadIdx.x;
  if (at >= quads) return;
  const u32 v = q[at];
  const float s = scale[at / 16];
  ((float4*)y)[at] = make_float4(float((signed char)v) * s, float((signed char)(v >> 8)) * s,
                                 float((signed char)(v >> 16)) * s, float((signed char)(v >> 24)) * s);
}
