// Prime fields in Montgomery form (Montgomery, Math. Comp. 44, 1985): N limbs of 32 bits, least
// first, always below the modulus.
#pragma once
#include "device.cuh"

template <class P> struct Field {
  static constexpr int N = P::N;
  u32 v[N];
};

// a + b.
template <class P> DEVICE Field<P> add(const Field<P>& a, const Field<P>& b) {
  constexpr int N = P::N;
  Field<P> sum, less;
  u64 carry = 0;
  i64 borrow = 0;
#pragma unroll
  for (int i = 0; i < N; i++) {
    carry += u64(a.v[i]) + b.v[i];
    sum.v[i] = u32(carry);
    carry >>= 32;
    borrow += i64(sum.v[i]) - P::modulus(i);
    less.v[i] = u32(borrow);
    borrow >>= 32;
  }
  const bool below = i64(carry) + borrow < 0;
#pragma unroll
  for (int i = 0; i < N; i++) sum.v[i] = below ? sum.v[i] : less.v[i];
  return sum;
}

// a - b.
template <class P> DEVICE Field<P> subtract(const Field<P>& a, const Field<P>& b) {
  constexpr int N = P::N;
  Field<P> out;
  i64 borrow = 0;
#pragma unroll
  for (int i = 0; i < N; i++) {
    borrow += i64(a.v[i]) - b.v[i];
    out.v[i] = u32(borrow);
    borrow >>= 32;
  }
  const u32 mask = u32(borrow);
  u64 carry = 0;
#pragma unroll
  for (int i = 0; i < N; i++) {
    carry += u64(out.v[i]) + (P::modulus(i) & mask);
    out.v[i] = u32(carry);
    carry >>= 32;
  }
  return out;
}

// a b / 2^(32 N), operands scanned in turn (Koc, Acar and Kaliski, IEEE Micro 16, 1996: CIOS).
// Both moduli leave the top bit free, so that no limb is needed beyond N + 1.
template <class P> DEVICE Field<P> product(const Field<P>& a, const Field<P>& b) {
  constexpr int N = P::N;
  u32 t[N + 1];
#pragma unroll
  for (int i = 0; i <= N; i++) t[i] = 0;
#pragma unroll
  for (int i = 0; i < N; i++) {
    u64 carry = 0;
#pragma unroll
    for (int j = 0; j < N; j++) {
      carry += u64(a.v[j]) * b.v[i] + t[j];
      t[j] = u32(carry);
      carry >>= 32;
    }
    const u64 top = carry + t[N];
    const u32 factor = t[0] * P::INVERSE;
    carry = (u64(factor) * P::modulus(0) + t[0]) >> 32;
#pragma unroll
    for (int j = 1; j < N; j++) {
      carry += u64(factor) * P::modulus(j) + t[j];
      t[j - 1] = u32(carry);
      carry >>= 32;
    }
    carry += top;
    t[N - 1] = u32(carry);
    t[N] = u32(carry >> 32);
  }
  Field<P> out, less;
  i64 borrow = 0;
#pragma unroll
  for (int i = 0; i < N; i++) {
    out.v[i] = t[i];
    borrow += i64(t[i]) - P::modulus(i);
    less.v[i] = u32(borrow);
    borrow >>= 32;
  }
  const bool below = i64(t[N]) + borrow < 0;
#pragma unroll
  for (int i = 0; i < N; i++) out.v[i] = below ? out.v[i] : less.v[i];
  return out;
}

template <class P> DEVICE bool is_zero(const Field<P>& a) {
  u32 any = 0;
#pragma unroll
  for (int i = 0; i < P::N; i++) any |= a.v[i];
  return any == 0;
}

template <class P> DEVICE Field<P> zero() {
  Field<P> out;
#pragma unroll
  for (int i = 0; i < P::N; i++) out.v[i] = 0;
  return out;
}

// Elements as they lie in memory, 16 bytes at a time.
template <class P> DEVICE Field<P> load(const u32* from) {
  Field<P> out;
#pragma unroll
  for (int i = 0; i < P::N; i += 4) {
    const uint4 q = *(const uint4*)(from + i);
    out.v[i] = q.x, out.v[i + 1] = q.y, out.v[i + 2] = q.z, out.v[i + 3] = q.w;
  }
  return out;
}
template <class P> DEVICE void store(u32* to, const Field<P>& a) {
#pragma unroll
  for (int i = 0; i < P::N; i += 4) *(uint4*)(to + i) = make_uint4(a.v[i], a.v[i + 1], a.v[i + 2], a.v[i + 3]);
}
