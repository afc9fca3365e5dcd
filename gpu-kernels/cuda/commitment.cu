// Commitment to a tensor: BLAKE3 of its bytes (O'Connor et al., "BLAKE3: one function, fast
// everywhere", 2020), whose tree of chunks of 1 KiB lets every chunk be hashed by itself.
//
// A thread a chunk, then a thread a parent; a node without a sibling is carried up, which is
// BLAKE3's own tree. Bytes come in words of 4.
#include "device.cuh"

#define CHUNK_START 1u
#define CHUNK_END 2u
#define PARENT 4u
#define ROOT 8u

__constant__ u32 IV[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

DEVICE u32 right(u32 x, int by) { return x >> by | x << (32 - by); }

DEVICE void mix(u32 (&v)[16], int a, int b, int c, int d, u32 x, u32 y) {
  v[a] += v[b] + x;
  v[d] = right(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = right(v[b] ^ v[c], 12);
  v[a] += v[b] + y;
  v[d] = right(v[d] ^ v[a], 8);
  v[c] += v[d];
  v[b] = right(v[b] ^ v[c], 7);
}

DEVICE void compress(u32 (&h)[8], const u32 (&m)[16], u64 counter, u32 bytes, u32 flags) {
  // The message permutation, applied once more each round.
  constexpr int ORDER[7][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                {2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8},
                                {3, 4, 10, 12, 13, 2, 7, 14, 6, 5, 9, 0, 11, 15, 8, 1},
                                {10, 7, 12, 9, 14, 3, 13, 15, 4, 0, 11, 2, 5, 8, 1, 6},
                                {12, 13, 9, 11, 15, 10, 14, 8, 7, 2, 5, 3, 0, 1, 6, 4},
                                {9, 14, 11, 5, 8, 12, 15, 1, 13, 3, 0, 10, 2, 6, 4, 7},
                                {11, 15, 5, 0, 1, 9, 8, 6, 14, 10, 2, 12, 3, 4, 7, 13}};
  u32 v[16];
#pragma unroll
  for (int i = 0; i < 8; i++) v[i] = h[i];
#pragma unroll
  for (int i = 0; i < 4; i++) v[i + 8] = IV[i];
  v[12] = u32(counter), v[13] = u32(counter >> 32), v[14] = bytes, v[15] = flags;
#pragma unroll
  for (int r = 0; r < 7; r++) {
#pragma unroll
    for (int i = 0; i < 4; i++)
      mix(v, i, i + 4, i + 8, i + 12, m[ORDER[r][2 * i]], m[ORDER[r][2 * i + 1]]);
#pragma unroll
    for (int i = 0; i < 4; i++)
      mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[ORDER[r][8 + 2 * i]],
          m[ORDER[r][9 + 2 * i]]);
  }
#pragma unroll
  for (int i = 0; i < 8; i++) h[i] = v[i] ^ v[i + 8];
}

// `words` words in all, at least one; `chunks` of them 256 words long but the last.
KERNEL __launch_bounds__(128) commitment_chunks(const u32* __restrict__ data, u64 words,
                                                u32* __restrict__ nodes, u32 chunks) {
  const u32 chunk = blockIdx.x * 128 + threadIdx.x;
  if (chunk >= chunks) return;
  const u32* at = data + u64(chunk) * 256;
  const u64 rest = words - u64(chunk) * 256;
  const u32 count = rest < 256 ? u32(rest) : 256;
  const u32 blocks = (count + 15) / 16;
  u32 h[8];
#pragma unroll
  for (int i = 0; i < 8; i++) h[i] = IV[i];
#pragma unroll 1
  for (u32 b = 0; b < blocks; b++) {
    const u32 left = count - 16 * b;
    u32 m[16];
#pragma unroll
    for (int i = 0; i < 16; i++) m[i] = u32(i) < left ? at[16 * b + i] : 0;
    u32 flags = (b == 0 ? CHUNK_START : 0) | (b + 1 == blocks ? CHUNK_END : 0);
    if (chunks == 1 && b + 1 == blocks) flags |= ROOT;
    compress(h, m, chunk, left < 16 ? 4 * left : 64, flags);
  }
#pragma unroll
  for (int i = 0; i < 8; i++) nodes[u64(chunk) * 8 + i] = h[i];
}

// The level of nodes that begins at `from`, n of them, to the one that begins at `to`.
KERNEL __launch_bounds__(128) commitment_level(u32* nodes, u32 from, u32 to, u32 n) {
  const u32 i = blockIdx.x * 128 + threadIdx.x;
  if (2 * i >= n) return;
  const u32* child = nodes + u64(from + 2 * i) * 8;
  u32* out = nodes + u64(to + i) * 8;
  u32 h[8];
  if (2 * i + 1 < n) {
    u32 m[16];
#pragma unroll
    for (int w = 0; w < 16; w++) m[w] = child[w];
#pragma unroll
    for (int w = 0; w < 8; w++) h[w] = IV[w];
    compress(h, m, 0, 64, PARENT | (n == 2 ? ROOT : 0));
  } else {
#pragma unroll
    for (int w = 0; w < 8; w++) h[w] = child[w];
  }
#pragma unroll
  for (int w = 0; w < 8; w++) out[w] = h[w];
}

// The root out of its tree.
KERNEL __launch_bounds__(32) commitment_root(const u32* __restrict__ nodes, u32 at, u32* __restrict__ root) {
  if (threadIdx.x < 8) root[threadIdx.x] = nodes[u64(at) * 8 + threadIdx.x];
}
