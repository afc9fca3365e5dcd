// A routed block of experts: each token goes to the k experts of greatest logits, gates are the
// softmax over these, an expert is down(silu(gate(x)) * up(x)), and a token's answers are added
// by their gates in the order of rank.
//
//   moe_route    choice and gates of each token
//   moe_count    tokens of each expert
//   moe_tiles    where each expert's tokens begin; tiles of 128 that products work through
//   moe_place    tokens in the order of experts, by token within: no atomics
//   moe_up       grouped product with gate and up side by side, activation in the epilogue
//   moe_down     grouped product
//   moe_combine  sums by token
#include "tile.cuh"

#define MOST_EXPERTS 256

// Ascending with the logit; among equals the lower expert is greater.
DEVICE u64 rank_of(float x, u32 expert) {
  u32 bits = __float_as_uint(x);
  bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
  return u64(bits) << 32 | (0xffffffffu - expert);
}
DEVICE float logit_of(u64 rank) {
  u32 bits = u32(rank >> 32);
  bits ^= bits >> 31 ? 0x80000000u : 0xffffffffu;
  return __uint_as_float(bits);
}

// A warp a token.
KERNEL __launch_bounds__(256) moe_route(const float* __restrict__ logits, u32* __restrict__ choice,
                                        float* __restrict__ gate, u32 tokens, u32 experts, u32 k) {
  const u32 token = blockIdx.x * 8 + (threadIdx.x >> 5), lane = threadIdx.x & 31;
  if (token >= tokens) return;
  u64 mine[MOST_EXPERTS / 32];
#pragma unroll
  for (int i = 0; i < MOST_EXPERTS / 32; i++) {
    const u32 e = lane + 32 * i;
    mine[i] = e < experts ? rank_of(logits[u64(token) * experts + e], e) : 0;
  }
  float top = 0.0f, sum = 0.0f, kept = 0.0f;
  u32 chosen = 0;
  for (u32 j = 0; j < k; j++) {
    u64 most = 0;
#pragma unroll
    for (int i = 0; i < MOST_EXPERTS / 32; i++) most = max(most, mine[i]);
    most = warp_max(most);
#pragma unroll
    for (int i = 0; i < MOST_EXPERTS / 32; i++) mine[i] = mine[i] == most ? 0 : mine[i];
    const float x = logit_of(most);
    if (j == 0) top = x;
    const float e = exp_f32(x - top);
    sum += e;
    if (lane == j) kept = e, chosen = 0xffffffffu - u32(most);
  }
  if (lane < k) {
    choice[token * k + lane] = chosen;
    gate[token * k + lane] = kept / sum;
  }
}

// A block an expert.
KERNEL __launch_bounds__(256) moe_count(const u32* __restrict__ choice, u32 slots, u32* __restrict__ counts) {
  __shared__ u32 part[8];
  u32 count = 0;
  for (u32 i = threadIdx.x; i < slots; i += 256) count += choice[i] == blockIdx.x;
  count = block_sum(count, part);
  if (threadIdx.x == 0) counts[blockIdx.x] = count;
}

// One block: `start` by expert and one more; a tile is its expert and its first row, or no
// expert.
KERNEL __launch_bounds__(256) moe_tiles(const u32* __restrict__ counts, u32 experts, u32* __restrict__ start,
                                        u32* __restrict__ tile_expert, u32* __restrict__ tile_row, u32 tiles) {
  __shared__ u32 rows[MOST_EXPERTS + 1], first[MOST_EXPERTS + 1];
  const u32 t = threadIdx.x;
  if (t == 0) {
    rows[0] = first[0] = 0;
    for (u32 e = 0; e < experts; e++) {
      rows[e + 1] = rows[e] + counts[e];
      first[e + 1] = first[e] + (counts[e] + TILE - 1) / TILE;
    }
  }
  __syncthreads();
  if (t < experts) {
    start[t] = rows[t];
    for (u32 i = first[t]; i < first[t + 1]; i++) {
      tile_expert[i] = t;
      tile_row[i] = rows[t] + (i - first[t]) * TILE;
    }
  }
  if (t == 0) start[experts] = rows[experts];
  for (u32 i = first[experts] + t; i < tiles; i += 256) tile_expert[i] = experts, tile_row[i] = 0;
}

// A block an expert: `slot_of` its rows, and `row_of` the slots.
KERNEL __launch_bounds__(256) moe_place(const u32* __restrict__ choice, u32 slots, const u32* __restrict__ start,
                                        u32* __restrict__ slot_of, u32* __restrict__ row_of) {
  __shared__ u32 part[8];
  const u32 lane = threadIdx.x & 31, warp = threadIdx.x >> 5;
  u32 row = start[blockIdx.x];
  for (u32 base = 0; base < slots; base += 256) {
    const u32 slot = base + threadIdx.x;
    const bool here = slot < slots && choice[slot] == blockIdx.x;
    const u32 votes = __ballot_sync(ALL_LANES, here);
    if (lane == 0) part[warp] = __popc(votes);
    __syncthreads();
    u32 before = 0, all = 0;
    for (u32 w = 0; w < 8; w++) {
      before += w < warp ? part[w] : 0;
      all += part[w];
    }
    if (here) {
      const u32 to = row + before + __popc(votes & ((1u << lane) - 1));
      slot_of[to] = slot;
      row_of[slot] = to;
    }
    row += all;
    __syncthreads();
  }
}

DEVICE float silu(float g) { return g / (1.0f + exp_f32(-g)); }

// Weights of an expert are 2f rows of h: gate and up alternate.
KERNEL __launch_bounds__(256, 2) moe_up(const u16* __restrict__ x, const u16* __restrict__ weights,
                                        const u32* __restrict__ start, const u32* __restrict__ tile_expert,
                                        const u32* __restrict__ tile_row, const u32* __restrict__ slot_of,
                                        u16* __restrict__ act, u32 experts, u32 k, u32 h, u32 f) {
  __shared__ __align__(16) Stage stage[STAGES];
  const u32 expert = tile_expert[blockIdx.y];
  if (expert >= experts) return;
  const u32 row0 = tile_row[blockIdx.y], end = start[expert + 1], col0 = blockIdx.x * TILE;
  const u16* w = weights + u64(expert) * 2 * f * h;
  product_tile(
      stage, [&](u32 r) { return row0 + r < end ? x + u64(slot_of[row0 + r] / k) * h : (const u16*)0; },
      [&](u32 r) { return col0 + r < 2 * f ? w + u64(col0 + r) * h : (const u16*)0; }, h, x,
      [&](u32 r, u32 col, float gate, float up) {
        if (row0 + r < end && col0 + col < 2 * f)
          act[u64(row0 + r) * f + (col0 + col) / 2] = f32_to_bf16(silu(gate) * up);
      });
}

KERNEL __launch_bounds__(256, 2) moe_down(const u16* __restrict__ act, const u16* __restrict__ weights,
                                          const u32* __restrict__ start, const u32* __restrict__ tile_expert,
                                          const u32* __restrict__ tile_row, u16* __restrict__ y, u32 experts,
                                          u32 h, u32 f) {
  __shared__ __align__(16) Stage stage[STAGES];
  const u32 expert = tile_expert[blockIdx.y];
  if (expert >= experts) return;
  const u32 row0 = tile_row[blockIdx.y], end = start[expert + 1], col0 = blockIdx.x * TILE;
  const u16* w = weights + u64(expert) * h * f;
  product_tile(
      stage, [&](u32 r) { return row0 + r < end ? act + u64(row0 + r) * f : (const u16*)0; },
      [&](u32 r) { return col0 + r < h ? w + u64(col0 + r) * f : (const u16*)0; }, f, act,
      [&](u32 r, u32 col, float a, float b) {
        if (row0 + r < end && col0 + col < h) *(u32*)(y + u64(row0 + r) * h + col0 + col) = pack_bf16(a, b);
      });
}

// A thread two neighbours of a token's answer.
KERNEL __launch_bounds__(256) moe_combine(const u16* __restrict__ y, const u32* __restrict__ row_of,
                                          const float* __restrict__ gate, u16* __restrict__ out, u32 tokens,
                                          u32 k, u32 h) {
  const u64 at = u64(blockIdx.x) * 256 + threadIdx.x;
  if (at >= u64(tokens) * (h / 2)) return;
  const u32 token = u32(at / (h / 2)), pair = u32(at % (h / 2));
  float low = 0.0f, high = 0.0f;
  for (u32 j = 0; j < k; j++) {
    const u32 v = ((const u32*)y)[u64(row_of[token * k + j]) * (h / 2) + pair];
    const float g = gate[token * k + j];
    low = fmaf(g, low_bf16(v), low);
    high = fmaf(g, high_bf16(v), high);
  }
  ((u32*)out)[at] = pack_bf16(low, high);
}
