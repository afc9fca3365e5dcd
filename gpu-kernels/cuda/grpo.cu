// Group-relative advantages (GRPO, arXiv 2402.03300, section 4.1): each reward less the mean of
// its group, over the group's standard deviation (n - 1) plus 1e-4; zero for a group of one.
//
// One warp a group.
#include "device.cuh"

KERNEL __launch_bounds__(256) grpo(const float* __restrict__ reward, float* __restrict__ advantage,
                                   u32 groups, u32 n) {
  const u32 group = blockIdx.x * 8 + (threadIdx.x >> 5), lane = threadIdx.x & 31;
  if (group >= groups) return;
  const u64 row = u64(group) * n;
  float sum = 0.0f;
  for (u32 i = lane; i < n; i += 32) sum += reward[row + i];
  const float mean = warp_sum(sum) / float(n);
  float square = 0.0f;
  for (u32 i = lane; i < n; i += 32) {
    float d = reward[row + i] - mean;
    square = fmaf(d, d, square);
  }
  const float spread = n > 1 ? sqrtf(warp_sum(square) / float(n - 1)) : 0.0f;
  for (u32 i = lane; i < n; i += 32) advantage[row + i] = (reward[row + i] - mean) / (spread + 1e-4f);
}
