// C[m,n] = A[m,k] B[k,n] in fp32, row major, each element one chain of fused multiply-adds in
// ascending k: the order of RepOps (Gensyn, arXiv 2502.19405), so that any machine gives the
// same bits.
//
// A block of 256 threads makes a tile of 128 x 128, a thread 8 x 8 of it as four quarters of
// 4 x 4: reads of shared memory are 16 bytes wide and free of conflicts. Two stages of 16 k
// each: while one is multiplied the next is on its way, B by asynchronous copies, A through
// registers because it is turned.
#include "device.cuh"

#define TILE 128
#define STEP 16
#define PITCH (TILE + 4)

// Four elements of a row of A, zero beyond its end.
DEVICE float4 row_of_a(const float* a, u32 row, u32 at, u32 m, u32 k) {
  float4 v = make_float4(0, 0, 0, 0);
  if (row < m) {
    const float* p = a + u64(row) * k + at;
    if ((k & 3) == 0 && at < k) return *(const float4*)p;
    if (at < k) v.x = p[0];
    if (at + 1 < k) v.y = p[1];
    if (at + 2 < k) v.z = p[2];
    if (at + 3 < k) v.w = p[3];
  }
  return v;
}

KERNEL __launch_bounds__(256, 2) gemm_f32(const float* __restrict__ a, const float* __restrict__ b,
                                       float* __restrict__ c, u32 m, u32 n, u32 k) {
  __shared__ __align__(16) float as[2][STEP][PITCH];
  __shared__ __align__(16) float bs[2][STEP][TILE];
  const u32 t = threadIdx.x;
  const u32 row0 = blockIdx.y * TILE, col0 = blockIdx.x * TILE;
  // Who loads what: A two rows' quads a thread, B two quads of a row.
  const u32 a_row = t >> 2, a_at = (t & 3) * 4;
  const u32 b_row = t >> 5, b_at = (t & 31) * 4;
  const u32 ty = (t >> 4) * 4, tx = (t & 15) * 4;
  const bool wide = (n & 3) == 0;
  float4 fetched[2];

  auto fetch_a = [&](u32 k0) {
    fetched[0] = row_of_a(a, row0 + a_row, k0 + a_at, m, k);
    fetched[1] = row_of_a(a, row0 + a_row + 64, k0 + a_at, m, k);
  };
  auto store_a = [&](u32 stage) {
    for (u32 h = 0; h < 2; h++) {
      as[stage][a_at + 0][a_row + 64 * h] = fetched[h].x;
      as[stage][a_at + 1][a_row + 64 * h] = fetched[h].y;
      as[stage][a_at + 2][a_row + 64 * h] = fetched[h].z;
      as[stage][a_at + 3][a_row + 64 * h] = fetched[h].w;
    }
  };
  auto copy_b = [&](u32 k0, u32 stage) {
    for (u32 h = 0; h < 2; h++) {
      u32 kk = k0 + b_row + 8 * h, col = col0 + b_at;
      float* to = &bs[stage][b_row + 8 * h][b_at];
      if (wide) {
        bool take = kk < k && col < n;
        copy_async(to, take ? b + u64(kk) * n + col : b, take);
      } else {
        for (u32 i = 0; i < 4; i++) to[i] = kk < k && col + i < n ? b[u64(kk) * n + col + i] : 0.0f;
      }
    }
    copy_commit();
  };

  float acc[8][8];
#pragma unroll
  for (int i = 0; i < 8; i++)
#pragma unroll
    for (int j = 0; j < 8; j++) acc[i][j] = 0.0f;

  fetch_a(0);
  copy_b(0, 0);
  store_a(0);
  copy_wait<0>();
  __syncthreads();
  u32 stage = 0;
  for (u32 k0 = 0; k0 < k; k0 += STEP) {
    const bool more = k0 + STEP < k;
    if (more) {
      fetch_a(k0 + STEP);
      copy_b(k0 + STEP, stage ^ 1);
    }
    // Zeros beyond the end of k leave a chain as it is, unless an underflow made it -0.
#pragma unroll
    for (int kk = 0; kk < STEP; kk++) {
      float4 a0 = *(const float4*)&as[stage][kk][ty], a1 = *(const float4*)&as[stage][kk][ty + 64];
      float4 b0 = *(const float4*)&bs[stage][kk][tx], b1 = *(const float4*)&bs[stage][kk][tx + 64];
      float x[8] = {a0.x, a0.y, a0.z, a0.w, a1.x, a1.y, a1.z, a1.w};
      float y[8] = {b0.x, b0.y, b0.z, b0.w, b1.x, b1.y, b1.z, b1.w};
#pragma unroll
      for (int i = 0; i < 8; i++)
#pragma unroll
        for (int j = 0; j < 8; j++) acc[i][j] = fmaf(x[i], y[j], acc[i][j]);
    }
    if (more) store_a(stage ^ 1);
    copy_wait<0>();
    __syncthreads();
    stage ^= 1;
  }

#pragma unroll
  for (int i = 0; i < 8; i++) {
    u32 row = row0 + ty + (i & 3) + (i >> 2) * 64;
    if (row >= m) continue;
#pragma unroll
    for (int h = 0; h < 2; h++) {
      u32 col = col0 + tx + h * 64;
      float* to = c + u64(row) * n + col;
      if (wide && col < n) {
        *(float4*)to = make_float4(acc[i][4 * h], acc[i][4 * h + 1], acc[i][4 * h + 2], acc[i][4 * h + 3]);
      } else {
#pragma unroll
        for (int j = 0; j < 4; j++)
          if (col + j < n) to[j] = acc[i][4 * h + j];
      }
    }
  }
}
