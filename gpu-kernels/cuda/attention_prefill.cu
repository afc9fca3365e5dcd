// Causal attention of a chunk of queries over cached keys and values in pages, heads of 128 in
// bf16, on tensor cores: FlashAttention-2 (Dao, arXiv 2307.08691) over pages (Kwon et al., arXiv
// 2309.06180).
//
// A block of 4 warps takes 64 queries of one head and walks over keys 64 at a time; a warp has
// 16 queries, whose scores, weights and sums stay in its registers. The chunk follows `context`
// tokens that are cached already, as its own keys and values are. Pages hold 16 tokens as
// [page][token][kv head][128].
#include "tensor.cuh"

#define HEAD 128
#define ROWS 64
#define PAGE 16

// Rows of 256 bytes; the sixteenths of a row are exchanged by row % 8, against bank conflicts.
DEVICE u32 place(u32 row, u32 chunk) { return row * HEAD + ((chunk ^ (row & 7)) * 8); }

KERNEL __launch_bounds__(128) attention_prefill(const u16* __restrict__ q, const u16* __restrict__ keys,
                                                const u16* __restrict__ values, const u32* __restrict__ pages,
                                                u16* __restrict__ out, u32 chunk, u32 context, u32 kv_heads,
                                                u32 group, float scale) {
  __shared__ __align__(16) u16 ks[ROWS * HEAD];
  __shared__ __align__(16) u16 vs[ROWS * HEAD];
  const u32 t = threadIdx.x, lane = t & 31, warp = t >> 5;
  const u32 heads = kv_heads * group, head = blockIdx.y, kv = head / group;
  const u32 first = blockIdx.x * ROWS, length = context + chunk;

  // Queries by way of shared memory to fragments that stay.
  for (u32 i = t; i < ROWS * 16; i += 128) {
    const u32 row = i >> 4, part = i & 15;
    const bool take = first + row < chunk;
    copy_async(&ks[place(row, part)], take ? q + (u64(first + row) * heads + head) * HEAD + part * 8 : q, take);
  }
  copy_commit();
  copy_wait<0>();
  __syncthreads();
  u32 query[8][4];
#pragma unroll
  for (int s = 0; s < 8; s++) load_matrices(query[s], &ks[place(warp * 16 + (lane & 15), s * 2 + (lane >> 4))]);
  __syncthreads();

  float sums[16][4];
#pragma unroll
  for (int j = 0; j < 16; j++)
#pragma unroll
    for (int e = 0; e < 4; e++) sums[j][e] = 0.0f;
  // Of this lane's two rows: greatest score so far, sum of weights.
  float most[2] = {-1e30f, -1e30f}, total[2] = {0.0f, 0.0f};
  const u32 row0 = context + first + warp * 16 + (lane >> 2);
  const u32 end = min(length, context + first + ROWS);

  for (u32 base = 0; base < end; base += ROWS) {
    for (u32 i = t; i < ROWS * 16; i += 128) {
      const u32 row = i >> 4, part = i & 15, token = base + row;
      const bool take = token < length;
      const u64 at = take ? ((u64(pages[token / PAGE]) * PAGE + token % PAGE) * kv_heads + kv) * HEAD + part * 8 : 0;
      copy_async(&ks[place(row, part)], keys + at, take);
      copy_async(&vs[place(row, part)], values + at, take);
    }
    copy_commit();
    copy_wait<0>();
    __syncthreads();

    float score[8][4];
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) score[j][e] = 0.0f;
#pragma unroll
    for (int s = 0; s < 8; s++)
#pragma unroll
      for (int j = 0; j < 4; j++) {
        u32 b[4];
        load_matrices(b, &ks[place(j * 16 + (lane & 7) + (lane >> 4) * 8, s * 2 + (lane >> 3 & 1))]);
        const u32 low[2] = {b[0], b[1]}, high[2] = {b[2], b[3]};
        multiply_add(score[2 * j], query[s], low);
        multiply_add(score[2 * j + 1], query[s], high);
      }

    // Later tokens do not count; weights relative to the greatest score so far.
    float peak[2] = {most[0], most[1]};
#pragma unroll
    for (int j = 0; j < 8; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const u32 token = base + j * 8 + (lane & 3) * 2 + (e & 1), row = row0 + (e >> 1) * 8;
        score[j][e] = token <= row && token < length ? score[j][e] * scale : -1e30f;
        peak[e >> 1] = fmaxf(peak[e >> 1], score[j][e]);
      }
    float shrink[2];
#pragma unroll
    for (int h = 0; h < 2; h++) {
      peak[h] = fmaxf(peak[h], __shfl_xor_sync(ALL_LANES, peak[h], 1));
      peak[h] = fmaxf(peak[h], __shfl_xor_sync(ALL_LANES, peak[h], 2));
      shrink[h] = exp_f32(most[h] - peak[h]);
      most[h] = peak[h];
      total[h] *= shrink[h];
    }
#pragma unroll
    for (int j = 0; j < 16; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) sums[j][e] *= shrink[e >> 1];
    u32 weight[4][4];
#pragma unroll
    for (int j = 0; j < 8; j++) {
#pragma unroll
      for (int e = 0; e < 4; e++) {
        score[j][e] = exp_f32(score[j][e] - most[e >> 1]);
        total[e >> 1] += score[j][e];
      }
      weight[j >> 1][(j & 1) * 2] = pack_bf16(score[j][0], score[j][1]);
      weight[j >> 1][(j & 1) * 2 + 1] = pack_bf16(score[j][2], score[j][3]);
    }
#pragma unroll
    for (int s = 0; s < 4; s++)
#pragma unroll
      for (int j = 0; j < 8; j++) {
        u32 b[4];
        // Two halves of 16 tokens, of 8 columns and the next 8.
        load_matrices_turned(b, &vs[place(s * 16 + (lane & 15), j * 2 + (lane >> 4))]);
        const u32 low[2] = {b[0], b[1]}, high[2] = {b[2], b[3]};
        multiply_add(sums[2 * j], weight[s], low);
        multiply_add(sums[2 * j + 1], weight[s], high);
      }
    __syncthreads();
  }

#pragma unroll
  for (int h = 0; h < 2; h++) {
    total[h] += __shfl_xor_sync(ALL_LANES, total[h], 1);
    total[h] += __shfl_xor_sync(ALL_LANES, total[h], 2);
    const float inverse = 1.0f / total[h];
    const u32 row = first + warp * 16 + (lane >> 2) + h * 8;
    if (row < chunk) {
      u16* to = out + (u64(row) * heads + head) * HEAD + (lane & 3) * 2;
#pragma unroll
      for (int j = 0; j < 16; j++)
        *(u32*)(to + j * 8) = pack_bf16(sums[j][2 * h] * inverse, sums[j][2 * h + 1] * inverse);
    }
  }
}
