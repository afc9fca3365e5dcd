// A tile of 128 x 128 of a product in bf16, rows of A times rows of B, by 256 threads.
//
// Three stages of 32 k: two are on their way by asynchronous copies while one is multiplied.
// Rows of 64 bytes in shared memory have their four quarters exchanged by (row / 2) % 4, so that
// eight rows of a matrix lie in different banks. Warps stand 2 x 4, each with 64 x 32.
#pragma once
#include "tensor.cuh"

#define TILE 128
#define STEP 32
#define STAGES 3

struct Stage { u16 a[TILE * STEP], b[TILE * STEP]; };

// Where quarter `chunk` of a row lies.
DEVICE u32 place(u32 row, u32 chunk) { return row * STEP + ((chunk ^ (row >> 1 & 3)) * 8); }

// `row_of_a` and `row_of_b` give the rows of this tile, or null; k is a multiple of 8. `store`
// takes row and column in the tile and two neighbours of a row. `anything` is readable memory.
template <class RowA, class RowB, class Store>
DEVICE void product_tile(Stage* stage, RowA row_of_a, RowB row_of_b, u32 k, const void* anything, Store store) {
  const u32 t = threadIdx.x, lane = t & 31, warp = t >> 5;
  const u32 load_row = t >> 2, chunk = t & 3;
  const u16* from[4] = {row_of_a(load_row), row_of_a(load_row + 64), row_of_b(load_row), row_of_b(load_row + 64)};
  auto fetch = [&](u32 k0, u32 s) {
    const u32 at = k0 + chunk * 8;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      u16* to = (i < 2 ? stage[s].a : stage[s].b) + place(load_row + (i & 1) * 64, chunk);
      const bool take = from[i] && at < k;
      copy_async(to, take ? (const void*)(from[i] + at) : anything, take);
    }
  };
  const u32 row0 = (warp >> 2) * 64, col0 = (warp & 3) * 32;
  float acc[4][4][4];
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int e = 0; e < 4; e++) acc[i][j][e] = 0.0f;

  const u32 steps = (k + STEP - 1) / STEP;
#pragma unroll
  for (int s = 0; s < STAGES - 1; s++) {
    if (u32(s) < steps) fetch(s * STEP, s);
    copy_commit();
  }
  for (u32 step = 0; step < steps; step++) {
    copy_wait<STAGES - 2>();
    __syncthreads();
    const u32 next = step + STAGES - 1;
    if (next < steps) fetch(next * STEP, next % STAGES);
    copy_commit();
    const Stage& now = stage[step % STAGES];
#pragma unroll
    for (int half = 0; half < 2; half++) {
      u32 a[4][4], b[2][4];
      // Matrices 0 and 1 are rows 0 to 15 of the first 8 k, 2 and 3 of the next 8.
#pragma unroll
      for (int i = 0; i < 4; i++)
        load_matrices(a[i], &now.a[place(row0 + i * 16 + (lane & 15), half * 2 + (lane >> 4))]);
      // Matrices 0 and 1 are the two halves of k of 8 columns, 2 and 3 of the next 8.
#pragma unroll
      for (int j = 0; j < 2; j++)
        load_matrices(b[j], &now.b[place(col0 + j * 16 + (lane & 7) + (lane >> 4) * 8, half * 2 + (lane >> 3 & 1))]);
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) {
          const u32 operand[2] = {b[j >> 1][(j & 1) * 2], b[j >> 1][(j & 1) * 2 + 1]};
          multiply_add(acc[i][j], a[i], operand);
        }
    }
  }
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++) {
      const u32 row = row0 + i * 16 + (lane >> 2), col = col0 + j * 8 + (lane & 3) * 2;
      store(row, col, acc[i][j][0], acc[i][j][1]);
      store(row + 8, col, acc[i][j][2], acc[i][j][3]);
    }
}
