// Rotary positions (Su et al., arXiv 2104.09864) on heads of bf16, in place: elements i and
// i + d/2 of a head turn by the angle of their token's position, whose cosine and sine come
// from a table [position][d/2], so that no device's own functions enter the result.
//
// A thread turns 4 pairs; a token's table row is read once a head, from L1 after the first.
#include "device.cuh"

KERNEL __launch_bounds__(256) rope(u16* __restrict__ x, const u32* __restrict__ position,
                                   const float* __restrict__ cosine, const float* __restrict__ sine,
                                   u32 tokens, u32 heads, u32 d) {
  const u32 quads = d / 8;
  const u64 at = u64(blockIdx.x) * 256 + threadIdx.x;
  if (at >= u64(tokens) * heads * quads) return;
  const u32 quad = u32(at % quads) * 4;
  const u64 head = at / quads;
  const u64 turn = u64(position[head / heads]) * (d / 2) + quad;
  u16* low = x + head * d + quad;
  u16* high = low + d / 2;
  const uint2 a = *(const uint2*)low, b = *(const uint2*)high;
  const float4 c = *(const float4*)(cosine + turn), s = *(const float4*)(sine + turn);
  const float p[4] = {low_bf16(a.x), high_bf16(a.x), low_bf16(a.y), high_bf16(a.y)};
  const float q[4] = {low_bf16(b.x), high_bf16(b.x), low_bf16(b.y), high_bf16(b.y)};
  const float cs[4] = {c.x, c.y, c.z, c.w}, sn[4] = {s.x, s.y, s.z, s.w};
  float u[4], v[4];
#pragma unroll
  for (int i = 0; i < 4; i++) {
    u[i] = fmaf(p[i], cs[i], -(q[i] * sn[i]));
    v[i] = fmaf(q[i], cs[i], p[i] * sn[i]);
  }
  uint2 out;
  out.x = pack_bf16(u[0], u[1]), out.y = pack_bf16(u[2], u[3]);
  *(uint2*)low = out;
  out.x = pack_bf16(v[0], v[1]), out.y = pack_bf16(v[2], v[3]);
  *(uint2*)high = out;
}
