// C[m,n] = A[m,k] B[n,k]^T in bf16 with sums in fp32 on tensor cores; B as linear layers store
// their weights. n and k are multiples of 8.
#include "tile.cuh"

KERNEL __launch_bounds__(256, 2) gemm_bf16(const u16* __restrict__ a, const u16* __restrict__ b,
                                           u16* __restrict__ c, u32 m, u32 n, u32 k) {
  __shared__ __align__(16) Stage stage[STAGES];
  const u32 row0 = blockIdx.y * TILE, col0 = blockIdx.x * TILE;
  product_tile(
      stage, [&](u32 r) { return row0 + r < m ? a + u64(row0 + r) * k : (const u16*)0; },
      [&](u32 r) { return col0 + r < n ? b + u64(col0 + r) * k : (const u16*)0; }, k, a,
      [&](u32 r, u32 col, float x, float y) {
        if (row0 + r < m && col0 + col < n)
          *(u32*)(c + u64(row0 + r) * n + col0 + col) = pack_bf16(x, y);
      });
}
