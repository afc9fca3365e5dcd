// One step of low-rank compression of a gradient G[m,n] (PowerSGD, Vogels et al., arXiv
// 1905.13727): P = G Q, columns of P made orthonormal, Q = G^T P; up to 32 columns. Every sum
// has a fixed order.
#include "device.cuh"

#define RANK 32
#define ROWS 32
#define STEP 32

// Outputs of 32 rows by 32 columns: a warp a row at a time, a lane a column.
// P[row] = chain over ascending j of G[row][j] Q[j].
KERNEL __launch_bounds__(256) lowrank_left(const float* __restrict__ g, const float* __restrict__ q,
                                           float* __restrict__ p, u32 m, u32 n, u32 r) {
  __shared__ float gs[ROWS][STEP + 1], qs[STEP][RANK];
  const u32 t = threadIdx.x, lane = t & 31, warp = t >> 5;
  const u32 row0 = blockIdx.x * ROWS;
  float acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  for (u32 j0 = 0; j0 < n; j0 += STEP) {
#pragma unroll
    for (u32 i = warp; i < ROWS; i += 8) {
      gs[i][lane] = row0 + i < m && j0 + lane < n ? g[u64(row0 + i) * n + j0 + lane] : 0.0f;
      qs[i][lane] = j0 + i < n && lane < r ? q[u64(j0 + i) * r + lane] : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int j = 0; j < STEP; j++) {
      const float y = qs[j][lane];
#pragma unroll
      for (int i = 0; i < 4; i++) acc[i] = fmaf(gs[warp * 4 + i][j], y, acc[i]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const u32 row = row0 + warp * 4 + i;
    if (row < m && lane < r) p[u64(row) * r + lane] = acc[i];
  }
}

// Q[column] = chain over ascending i of G[i][column] P[i].
KERNEL __launch_bounds__(256) lowrank_right(const float* __restrict__ g, const float* __restrict__ p,
                                            float* __restrict__ q, u32 m, u32 n, u32 r) {
  __shared__ float gs[STEP][ROWS + 1], ps[STEP][RANK];
  const u32 t = threadIdx.x, lane = t & 31, warp = t >> 5;
  const u32 column0 = blockIdx.x * ROWS;
  float acc[4] = {0.0f, 0.0f, 0.0f, 0.0f};
  for (u32 i0 = 0; i0 < m; i0 += STEP) {
#pragma unroll
    for (u32 i = warp; i < STEP; i += 8) {
      gs[i][lane] = i0 + i < m && column0 + lane < n ? g[u64(i0 + i) * n + column0 + lane] : 0.0f;
      ps[i][lane] = i0 + i < m && lane < r ? p[u64(i0 + i) * r + lane] : 0.0f;
    }
    __syncthreads();
#pragma unroll
    for (int j = 0; j < STEP; j++) {
      const float y = ps[j][lane];
#pragma unroll
      for (int i = 0; i < 4; i++) acc[i] = fmaf(gs[j][warp * 4 + i], y, acc[i]);
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; i++) {
    const u32 column = column0 + warp * 4 + i;
    if (column < n && lane < r) q[u64(column) * r + lane] = acc[i];
  }
}

// One block: Gram and Schmidt, modified: each column is freed of those before, then scaled. A
// column of nothing stays nothing.
KERNEL __launch_bounds__(1024) lowrank_orthonormalise(float* p, u32 m, u32 r) {
  __shared__ float part[2][32];
  for (u32 c = 0; c < r; c++) {
    for (u32 b = 0; b < c; b++) {
      float dot = 0.0f;
      for (u32 i = threadIdx.x; i < m; i += 1024) dot = fmaf(p[i * r + b], p[i * r + c], dot);
      dot = block_sum(dot, part[b & 1]);
      for (u32 i = threadIdx.x; i < m; i += 1024) p[i * r + c] = fmaf(-dot, p[i * r + b], p[i * r + c]);
    }
    __syncthreads();
    float square = 0.0f;
    for (u32 i = threadIdx.x; i < m; i += 1024) square = fmaf(p[i * r + c], p[i * r + c], square);
    square = block_sum(square, part[0]);
    const float scale = square > 0.0f ? 1.0f / sqrtf(square) : 0.0f;
    for (u32 i = threadIdx.x; i < m; i += 1024) p[i * r + c] = p[i * r + c] * scale;
    __syncthreads();
  }
}
