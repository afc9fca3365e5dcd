// Fingerprint check (OML, arXiv 2411.03887): for each prompt whether the model's first choice
// is the token that its fingerprint names, and by how much that token misses or leads nothing:
// the greatest logit less that of the named token. Ties go to the lower token.
//
// One block a prompt, the vocabulary read once, 8 logits at a time.
#include "device.cuh"

// Ascending with the number; ties between equal numbers are settled by the lower index.
DEVICE u64 rank_of(float x, u32 index) {
  u32 bits = __float_as_uint(x);
  bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
  return u64(bits) << 32 | (0xffffffffu - index);
}

KERNEL __launch_bounds__(256) fingerprint(const u16* __restrict__ logits, const u32* __restrict__ token,
                                          u32* __restrict__ choice, float* __restrict__ gap, u32 vocabulary) {
  __shared__ u64 part[8];
  const u16* row = logits + u64(blockIdx.x) * vocabulary;
  u64 most = 0;
  for (u32 at = threadIdx.x * 8; at < vocabulary; at += 2048) {
    const uint4 v = *(const uint4*)(row + at);
    const u32 pairs[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
      u64 low = rank_of(low_bf16(pairs[i]), at + 2 * i), high = rank_of(high_bf16(pairs[i]), at + 2 * i + 1);
      most = most < low ? low : most;
      most = most < high ? high : most;
    }
  }
  most = block_max(most, part);
  if (threadIdx.x == 0) {
    const u32 best = 0xffffffffu - u32(most);
    choice[blockIdx.x] = best;
    gap[blockIdx.x] = bf16_to_f32(row[best]) - bf16_to_f32(row[token[blockIdx.x]]);
  }
}
