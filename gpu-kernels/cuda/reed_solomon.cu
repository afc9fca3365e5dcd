// Parity shards over GF(2^8) with the polynomial 0x11d: parity = matrix * data, byte by byte.
// Repair is the same product with rows of an inverted matrix.
//
// Four bytes travel in a word. A data word is doubled seven times in the field, and each parity
// takes the xor of those doublings that its coefficient's bits name: 2 operations a bit, with no
// tables to collide in. A thread carries 16 bytes of up to 8 parities; data is read once for
// each such group.
#include "device.cuh"

#define GROUP 8

// Every byte of a word times x.
DEVICE u32 doubled(u32 w) {
  const u32 top = w & 0x80808080u;
  return ((w ^ top) << 1) ^ ((top >> 7) * 0x1du);
}

KERNEL __launch_bounds__(256) reed_solomon(const u8* __restrict__ matrix, const uint4* __restrict__ data,
                                           uint4* __restrict__ parity, u32 k, u32 m, u64 quads) {
  __shared__ u8 rows[GROUP][256];
  const u32 first = blockIdx.y * GROUP;
  for (u32 i = threadIdx.x; i < GROUP * k; i += 256)
    rows[i / k][i % k] = first + i / k < m ? matrix[(first + i / k) * k + i % k] : 0;
  __syncthreads();
  const u64 at = u64(blockIdx.x) * 256 + threadIdx.x;
  if (at >= quads) return;
  u32 acc[GROUP][4];
#pragma unroll
  for (int p = 0; p < GROUP; p++)
#pragma unroll
    for (int w = 0; w < 4; w++) acc[p][w] = 0;
#pragma unroll 1
  for (u32 j = 0; j < k; j++) {
    const uint4 v = data[u64(j) * quads + at];
    u32 x[4] = {v.x, v.y, v.z, v.w};
    u32 coefficient[GROUP];
#pragma unroll
    for (int p = 0; p < GROUP; p++) coefficient[p] = rows[p][j];
#pragma unroll
    for (int bit = 0; bit < 8; bit++) {
#pragma unroll
      for (int p = 0; p < GROUP; p++) {
        const u32 mask = 0u - (coefficient[p] >> bit & 1);
#pragma unroll
        for (int w = 0; w < 4; w++) acc[p][w] ^= x[w] & mask;
      }
#pragma unroll
      for (int w = 0; w < 4; w++) x[w] = doubled(x[w]);
    }
  }
#pragma unroll
  for (int p = 0; p < GROUP; p++)
    if (first + p < m) parity[u64(first + p) * quads + at] = make_uint4(acc[p][0], acc[p][1], acc[p][2], acc[p][3]);
}
