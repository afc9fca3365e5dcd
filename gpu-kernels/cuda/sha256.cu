// Merkle trees of SHA-256 (FIPS 180-4): leaves of raw bytes in whole blocks of 64, nodes of two
// children, a node without a sibling is carried up as it is.
//
// A thread a hash, the message schedule as a ring of 16 registers.
#include "device.cuh"

__constant__ u32 K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

DEVICE u32 right(u32 x, int by) { return x >> by | x << (32 - by); }
DEVICE u32 swapped(u32 x) { return __byte_perm(x, 0, 0x0123); }

DEVICE void compress(u32 (&h)[8], u32 (&w)[16]) {
  u32 a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f = h[5], g = h[6], i = h[7];
#pragma unroll 1
  for (int base = 0; base < 64; base += 16) {
#pragma unroll
    for (int t = 0; t < 16; t++) {
      if (base) {
        const u32 w1 = w[(t + 1) & 15], w14 = w[(t + 14) & 15];
        w[t] += (right(w1, 7) ^ right(w1, 18) ^ w1 >> 3) + w[(t + 9) & 15] +
                (right(w14, 17) ^ right(w14, 19) ^ w14 >> 10);
      }
      const u32 t1 = i + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & f) ^ (~e & g)) + K[base + t] + w[t];
      const u32 t2 = (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      i = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
  }
  h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e, h[5] += f, h[6] += g, h[7] += i;
}

// The hash of `blocks` blocks of 64 bytes.
DEVICE void sha256(const u32* words, u32 blocks, u32* out) {
  u32 h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  u32 w[16];
#pragma unroll 1
  for (u32 b = 0; b <= blocks; b++) {
    if (b < blocks) {
#pragma unroll
      for (int i = 0; i < 16; i++) w[i] = swapped(words[16 * b + i]);
    } else {
#pragma unroll
      for (int i = 0; i < 14; i++) w[i] = i == 0 ? 0x80000000u : 0;
      w[14] = blocks >> 23, w[15] = blocks << 9;
    }
    compress(h, w);
  }
#pragma unroll
  for (int i = 0; i < 8; i++) out[i] = swapped(h[i]);
}

KERNEL __launch_bounds__(128) sha256_leaves(const u32* __restrict__ data, u32 leaf_words,
                                            u32* __restrict__ nodes, u32 n) {
  const u32 i = blockIdx.x * 128 + threadIdx.x;
  // Words of 8 bytes, as in the other trees.
  if (i < n) sha256(data + u64(i) * leaf_words * 2, leaf_words / 8, nodes + u64(i) * 8);
}

// The level of nodes that begins at `from`, n of them, to the one that begins at `to`.
KERNEL __launch_bounds__(128) sha256_level(u32* nodes, u32 from, u32 to, u32 n) {
  const u32 i = blockIdx.x * 128 + threadIdx.x;
  if (2 * i >= n) return;
  const u32* child = nodes + u64(from + 2 * i) * 8;
  u32* out = nodes + u64(to + i) * 8;
  if (2 * i + 1 < n)
    sha256(child, 1, out);
  else
    for (int w = 0; w < 8; w++) out[w] = child[w];
}
