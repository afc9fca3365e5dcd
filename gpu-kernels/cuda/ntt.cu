// Number-theoretic transform over the scalar field of BLS12-381 (255 bits), of 2^log_n elements
// in Montgomery form: out[j] = sum over i of in[i] root^(i j).
//
// Decimation in time (Cooley and Tukey). A pass carries out up to 9 stages at once: a block
// gathers 512 elements, in groups that these stages mix only among themselves, and works on them
// in shared memory. The first pass reads in bit-reversed order, so that no pass is spent on it;
// later ones take neighbouring groups together, for whole cache lines.
#include "field.cuh"

struct Scalar {
  static constexpr int N = 8;
  static constexpr u32 INVERSE = 0xffffffff;
  static DEVICE constexpr u32 modulus(int i) {
    constexpr u32 M[8] = {0x00000001, 0xffffffff, 0xfffe5bfe, 0x53bda402,
                          0x09a1d805, 0x3339d808, 0x299d7d48, 0x73eda753};
    return M[i];
  }
};
typedef Field<Scalar> F;

#define ELEMENTS 512

// Limbs apart, so that neighbouring threads meet different banks.
DEVICE F take(const u32 (*at)[ELEMENTS], u32 i) {
  F out;
#pragma unroll
  for (int l = 0; l < 8; l++) out.v[l] = at[l][i];
  return out;
}
DEVICE void put(u32 (*at)[ELEMENTS], u32 i, const F& x) {
#pragma unroll
  for (int l = 0; l < 8; l++) at[l][i] = x.v[l];
}

DEVICE u32 reversed(u32 x, u32 bits) {
  u32 out = 0;
  for (u32 i = 0; i < bits; i++) out = out << 1 | (x >> i & 1);
  return out;
}

// Stages `first` to `first + stages - 1`. `roots` are the powers of the root, half of all.
// 2^(9 - stages) groups a block where there are so many.
KERNEL __launch_bounds__(256) ntt_pass(const u32* in, u32* out, const u32* __restrict__ roots, u32 log_n,
                                       u32 first, u32 stages, u32 turned) {
  __shared__ u32 sm[8][ELEMENTS];
  const u32 t = threadIdx.x, n = 1u << log_n, groups = n >> stages;
  const u32 beside = min(u32(ELEMENTS) >> stages, groups);
  const u32 here = beside << stages;
  for (u32 e = t; e < here; e += 256) {
    const u32 group = blockIdx.x * beside + e % beside, member = e / beside;
    const u32 at = (group >> first) << (first + stages) | member << first | (group & ((1u << first) - 1));
    put(sm, e, load<Scalar>(in + u64(turned ? reversed(at, log_n) : at) * 8));
  }
  __syncthreads();
  for (u32 s = 0; s < stages; s++) {
    if (t < here / 2) {
      const u32 pair = t / beside, low = pair & ((1u << s) - 1), member = (pair >> s) << (s + 1) | low;
      const u32 group = blockIdx.x * beside + t % beside;
      // Place within the blocks of this stage, as a share of the root's order.
      const u32 position = low << first | (group & ((1u << first) - 1));
      const u32 power = position << (log_n - first - s - 1);
      const u32 i = member * beside + t % beside, j = i + (beside << s);
      const F x = take(sm, i), y = product(take(sm, j), load<Scalar>(roots + u64(power) * 8));
      put(sm, i, add(x, y));
      put(sm, j, subtract(x, y));
    }
    __syncthreads();
  }
  for (u32 e = t; e < here; e += 256) {
    const u32 group = blockIdx.x * beside + e % beside, member = e / beside;
    const u32 at = (group >> first) << (first + stages) | member << first | (group & ((1u << first) - 1));
    store(out + u64(at) * 8, take(sm, e));
  }
}
