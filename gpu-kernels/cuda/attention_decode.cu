// Attention of one query a sequence over cached keys and values in pages, heads of 128 in bf16,
// arithmetic in fp32 in a fixed order: the bits do not depend on what else is in the batch.
//
// A block takes 128 tokens of one sequence and one kv head with its group of up to 8 query
// heads: every key and value is read once for all of them. Scores a thread a token, then
// weighted values a thread two columns and half of the tokens. A second launch joins the parts
// of a sequence in ascending order. Pages hold 16 tokens as [page][token][kv head][128].
#include "device.cuh"

#define HEAD 128
#define PART 128
#define PAGE 16
#define MOST_GROUP 8
#define PITCH 136

// Of a part: HEAD sums, then the greatest score and the sum of weights.
#define RECORD 132

KERNEL __launch_bounds__(128) attention_decode(const u16* __restrict__ q, const u16* __restrict__ keys,
                                               const u16* __restrict__ values, const u32* __restrict__ pages,
                                               const u32* __restrict__ lengths, float* __restrict__ parts,
                                               u32 most_pages, u32 kv_heads, u32 group, float scale) {
  __shared__ __align__(16) u16 ks[PART * PITCH];
  __shared__ float query[MOST_GROUP][HEAD];
  __shared__ float weight[MOST_GROUP][PART];
  __shared__ float peak[MOST_GROUP][4];
  const u32 t = threadIdx.x, lane = t & 31, warp = t >> 5;
  const u32 part = blockIdx.x, kv = blockIdx.y, sequence = blockIdx.z;
  const u32 length = lengths[sequence], base = part * PART;
  if (base >= length) return;
  const u32 count = min(length - base, u32(PART));
  const u32* table = pages + u64(sequence) * most_pages;
  const u32 heads = kv_heads * group;

  for (u32 i = t; i < count * 16; i += 128) {
    const u32 row = i >> 4, token = base + row;
    const u64 at = ((u64(table[token / PAGE]) * PAGE + token % PAGE) * kv_heads + kv) * HEAD + (i & 15) * 8;
    copy_async(&ks[row * PITCH + (i & 15) * 8], keys + at, true);
  }
  copy_commit();
  for (u32 g = 0; g < group; g++)
    query[g][t] = bf16_to_f32(q[(u64(sequence) * heads + kv * group + g) * HEAD + t]) * scale;
  copy_wait<0>();
  __syncthreads();

  float score[MOST_GROUP];
#pragma unroll
  for (int g = 0; g < MOST_GROUP; g++) score[g] = 0.0f;
  if (t < count) {
#pragma unroll 2
    for (u32 c = 0; c < HEAD; c += 8) {
      const uint4 v = *(const uint4*)&ks[t * PITCH + c];
      const u32 pairs[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
      for (int g = 0; g < MOST_GROUP; g++) {
        if (g >= group) break;
#pragma unroll
        for (int i = 0; i < 4; i++) {
          score[g] = fmaf(query[g][c + 2 * i], low_bf16(pairs[i]), score[g]);
          score[g] = fmaf(query[g][c + 2 * i + 1], high_bf16(pairs[i]), score[g]);
        }
      }
    }
  }
#pragma unroll
  for (int g = 0; g < MOST_GROUP; g++) {
    if (g >= group) break;
    const float most = warp_max(t < count ? score[g] : -1e30f);
    if (lane == 0) peak[g][warp] = most;
  }
  __syncthreads();
#pragma unroll
  for (int g = 0; g < MOST_GROUP; g++) {
    if (g >= group) break;
    const float most = fmaxf(fmaxf(peak[g][0], peak[g][1]), fmaxf(peak[g][2], peak[g][3]));
    weight[g][t] = t < count ? exp_f32(score[g] - most) : 0.0f;
  }
  __syncthreads();

  // Values: columns 2c and 2c + 1 over one half of the tokens.
  const u32 column = t & 63, half = t >> 6;
  float low[MOST_GROUP], high[MOST_GROUP], total[MOST_GROUP];
#pragma unroll
  for (int g = 0; g < MOST_GROUP; g++) low[g] = high[g] = total[g] = 0.0f;
  const u32 until = min(count, half * 64 + 64);
#pragma unroll 4
  for (u32 row = half * 64; row < until; row++) {
    const u32 token = base + row;
    const u64 at = ((u64(table[token / PAGE]) * PAGE + token % PAGE) * kv_heads + kv) * HEAD;
    const u32 v = ((const u32*)(values + at))[column];
#pragma unroll
    for (int g = 0; g < MOST_GROUP; g++) {
      if (g >= group) break;
      const float w = weight[g][row];
      low[g] = fmaf(w, low_bf16(v), low[g]);
      high[g] = fmaf(w, high_bf16(v), high[g]);
      total[g] += w;
    }
  }
  // The second half is added to the first. Keys are not needed any more.
  float* other = (float*)ks;
  if (half == 1) {
#pragma unroll
    for (int g = 0; g < MOST_GROUP; g++) {
      if (g >= group) break;
      other[(g * 64 + column) * 3] = low[g];
      other[(g * 64 + column) * 3 + 1] = high[g];
      other[(g * 64 + column) * 3 + 2] = total[g];
    }
  }
  __syncthreads();
  if (half == 0) {
#pragma unroll
    for (int g = 0; g < MOST_GROUP; g++) {
      if (g >= group) break;
      float* to = parts + ((u64(sequence) * heads + kv * group + g) * gridDim.x + part) * RECORD;
      to[2 * column] = low[g] + other[(g * 64 + column) * 3];
      to[2 * column + 1] = high[g] + other[(g * 64 + column) * 3 + 1];
      if (column == 0) {
        to[HEAD] = fmaxf(fmaxf(peak[g][0], peak[g][1]), fmaxf(peak[g][2], peak[g][3]));
        to[HEAD + 1] = total[g] + other[(g * 64 + column) * 3 + 2];
      }
    }
  }
}

// A block a head of a sequence, a thread a column.
KERNEL __launch_bounds__(128) attention_join(const float* __restrict__ parts, const u32* __restrict__ lengths,
                                             u16* __restrict__ out, u32 heads, u32 most_parts) {
  const u32 head = blockIdx.x, sequence = blockIdx.y, column = threadIdx.x;
  const float* mine = parts + (u64(sequence) * heads + head) * most_parts * RECORD;
  const u32 count = (lengths[sequence] + PART - 1) / PART;
  float most = mine[HEAD];
  for (u32 p = 1; p < count; p++) most = fmaxf(most, mine[p * RECORD + HEAD]);
  float sum = 0.0f, total = 0.0f;
  for (u32 p = 0; p < count; p++) {
    const float w = exp_f32(mine[p * RECORD + HEAD] - most);
    sum = fmaf(w, mine[p * RECORD + column], sum);
    total = fmaf(w, mine[p * RECORD + HEAD + 1], total);
  }
  out[(u64(sequence) * heads + head) * HEAD + column] = f32_to_bf16(sum / total);
}
