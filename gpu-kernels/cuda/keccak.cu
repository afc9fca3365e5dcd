// Merkle trees of Keccak-256 as Ethereum defines it (padding 0x01): leaves of raw bytes, nodes
// of two children, a node without a sibling is carried up as it is.
//
// A thread a hash, the state of 25 words in registers.
#include "device.cuh"

#define RATE 17

__constant__ u64 ROUND[24] = {
    0x0000000000000001ull, 0x0000000000008082ull, 0x800000000000808aull, 0x8000000080008000ull,
    0x000000000000808bull, 0x0000000080000001ull, 0x8000000080008081ull, 0x8000000000008009ull,
    0x000000000000008aull, 0x0000000000000088ull, 0x0000000080008009ull, 0x000000008000000aull,
    0x000000008000808bull, 0x800000000000008bull, 0x8000000000008089ull, 0x8000000000008003ull,
    0x8000000000008002ull, 0x8000000000000080ull, 0x000000000000800aull, 0x800000008000000aull,
    0x8000000080008081ull, 0x8000000000008080ull, 0x0000000080000001ull, 0x8000000080008008ull};

DEVICE u64 rotated(u64 x, int by) { return by ? x << by | x >> (64 - by) : x; }

// Keccak-f[1600] (FIPS 202, section 3), lanes a[x + 5y].
DEVICE void permute(u64 (&a)[25]) {
  constexpr int TURN[25] = {0,  1,  62, 28, 27, 36, 44, 6,  55, 20, 3,  10, 43,
                            25, 39, 41, 45, 15, 21, 8,  18, 2,  61, 56, 14};
#pragma unroll 1
  for (int round = 0; round < 24; round++) {
    u64 c[5], b[25];
#pragma unroll
    for (int x = 0; x < 5; x++) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
#pragma unroll
    for (int x = 0; x < 5; x++) {
      const u64 d = c[(x + 4) % 5] ^ rotated(c[(x + 1) % 5], 1);
#pragma unroll
      for (int y = 0; y < 5; y++)
        b[y + 5 * ((2 * x + 3 * y) % 5)] = rotated(a[x + 5 * y] ^ d, TURN[x + 5 * y]);
    }
#pragma unroll
    for (int y = 0; y < 5; y++)
#pragma unroll
      for (int x = 0; x < 5; x++)
        a[x + 5 * y] = b[x + 5 * y] ^ (~b[(x + 1) % 5 + 5 * y] & b[(x + 2) % 5 + 5 * y]);
    a[0] ^= ROUND[round];
  }
}

// The hash of `words` words of 8 bytes.
DEVICE void keccak256(const u64* words, u32 count, u64* out) {
  u64 a[25];
#pragma unroll
  for (int i = 0; i < 25; i++) a[i] = 0;
  for (; count >= RATE; count -= RATE, words += RATE) {
#pragma unroll
    for (int i = 0; i < RATE; i++) a[i] ^= words[i];
    permute(a);
  }
#pragma unroll
  for (int i = 0; i < RATE; i++) {
    if (u32(i) < count) a[i] ^= words[i];
    if (u32(i) == count) a[i] ^= 1;
  }
  a[RATE - 1] ^= 0x8000000000000000ull;
  permute(a);
#pragma unroll
  for (int i = 0; i < 4; i++) out[i] = a[i];
}

KERNEL __launch_bounds__(128) keccak_leaves(const u64* __restrict__ data, u32 leaf_words,
                                            u64* __restrict__ nodes, u32 n) {
  const u32 i = blockIdx.x * 128 + threadIdx.x;
  if (i < n) keccak256(data + u64(i) * leaf_words, leaf_words, nodes + u64(i) * 4);
}

// The level of nodes that begins at `from`, n of them, to the one that begins at `to`.
KERNEL __launch_bounds__(128) keccak_level(u64* nodes, u32 from, u32 to, u32 n) {
  const u32 i = blockIdx.x * 128 + threadIdx.x;
  if (2 * i >= n) return;
  const u64* child = nodes + u64(from + 2 * i) * 4;
  u64* out = nodes + u64(to + i) * 4;
  if (2 * i + 1 < n)
    keccak256(child, 8, out);
  else
    for (int w = 0; w < 4; w++) out[w] = child[w];
}
