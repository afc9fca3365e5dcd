// silu(gate) * up on bf16 (Shazeer, arXiv 2002.05202). A thread makes 8 elements.
#include "device.cuh"

DEVICE float silu(float g) { return g / (1.0f + exp_f32(-g)); }

KERNEL __launch_bounds__(256) swiglu(const u16* __restrict__ gate, const u16* __restrict__ up,
                                     u16* __restrict__ y, u64 n) {
  const u64 at = (u64(blockIdx.x) * 256 + threadIdx.x) * 8;
  if (at >= n) return;
  const uint4 g = *(const uint4*)(gate + at), u = *(const uint4*)(up + at);
  const u32 gs[4] = {g.x, g.y, g.z, g.w}, us[4] = {u.x, u.y, u.z, u.w};
  u32 out[4];
#pragma unroll
  for (int i = 0; i < 4; i++)
    out[i] = pack_bf16(silu(low_bf16(gs[i])) * low_bf16(us[i]), silu(high_bf16(gs[i])) * high_bf16(us[i]));
  *(uint4*)(y + at) = make_uint4(out[0], out[1], out[2], out[3]);
}
