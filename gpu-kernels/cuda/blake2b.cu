// Merkle trees of BLAKE2b with 32 bytes of output (RFC 7693): leaves of raw bytes, nodes of two
// children, a node without a sibling is carried up as it is.
//
// A thread a hash; state and message take 32 words of registers.
#include "device.cuh"

__constant__ u64 IV[8] = {0x6a09e667f3bcc908ull, 0xbb67ae8584caa73bull, 0x3c6ef372fe94f82bull,
                          0xa54ff53a5f1d36f1ull, 0x510e527fade682d1ull, 0x9b05688c2b3e6c1full,
                          0x1f83d9abfb41bd6bull, 0x5be0cd19137e2179ull};

DEVICE u64 right(u64 x, int by) { return x >> by | x << (64 - by); }

DEVICE void mix(u64 (&v)[16], int a, int b, int c, int d, u64 x, u64 y) {
  v[a] += v[b] + x;
  v[d] = right(v[d] ^ v[a], 32);
  v[c] += v[d];
  v[b] = right(v[b] ^ v[c], 24);
  v[a] += v[b] + y;
  v[d] = right(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = right(v[b] ^ v[c], 63);
}

DEVICE void compress(u64 (&h)[8], const u64 (&m)[16], u64 bytes, bool last) {
  constexpr int SIGMA[12][16] = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                 {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
                                 {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
                                 {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
                                 {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
                                 {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
                                 {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
                                 {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
                                 {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
                                 {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
                                 {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
                                 {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3}};
  u64 v[16];
#pragma unroll
  for (int i = 0; i < 8; i++) v[i] = h[i], v[i + 8] = IV[i];
  v[12] ^= bytes;
  if (last) v[14] = ~v[14];
#pragma unroll
  for (int r = 0; r < 12; r++) {
    constexpr int COLUMNS = 4;
#pragma unroll
    for (int i = 0; i < COLUMNS; i++)
      mix(v, i, i + 4, i + 8, i + 12, m[SIGMA[r][2 * i]], m[SIGMA[r][2 * i + 1]]);
#pragma unroll
    for (int i = 0; i < COLUMNS; i++)
      mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12, m[SIGMA[r][8 + 2 * i]],
          m[SIGMA[r][9 + 2 * i]]);
  }
#pragma unroll
  for (int i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
}

// The hash of `count` words of 8 bytes; at least one.
DEVICE void blake2b(const u64* words, u32 count, u64* out) {
  u64 h[8];
#pragma unroll
  for (int i = 0; i < 8; i++) h[i] = IV[i];
  h[0] ^= 0x01010020;
  u64 bytes = 0;
#pragma unroll 1
  while (true) {
    const bool last = count <= 16;
    u64 m[16];
#pragma unroll
    for (int i = 0; i < 16; i++) m[i] = u32(i) < count ? words[i] : 0;
    bytes += (last ? count : 16) * 8;
    compress(h, m, bytes, last);
    if (last) break;
    words += 16, count -= 16;
  }
#pragma unroll
  for (int i = 0; i < 4; i++) out[i] = h[i];
}

KERNEL __launch_bounds__(128) blake2b_leaves(const u64* __restrict__ data, u32 leaf_words,
                                             u64* __restrict__ nodes, u32 n) {
  const u32 i = blockIdx.x * 128 + threadIdx.x;
  if (i < n) blake2b(data + u64(i) * leaf_words, leaf_words, nodes + u64(i) * 4);
}

// The level of nodes that begins at `from`, n of them, to the one that begins at `to`.
KERNEL __launch_bounds__(128) blake2b_level(u64* nodes, u32 from, u32 to, u32 n) {
  const u32 i = blockIdx.x * 128 + threadIdx.x;
  if (2 * i >= n) return;
  const u64* child = nodes + u64(from + 2 * i) * 4;
  u64* out = nodes + u64(to + i) * 4;
  if (2 * i + 1 < n)
    blake2b(child, 8, out);
  else
    for (int w = 0; w < 4; w++) out[w] = child[w];
}
