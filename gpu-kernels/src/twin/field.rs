//! Prime fields in Montgomery form, limbs of 64 bits, as `cuda/field.cuh` with limbs of 32: both
//! keep the same number, so that their bytes agree.

/// A field's modulus, whose top bit is free, and what its arithmetic needs.
pub trait Modulus<const N: usize>: Copy + Send + Sync + 'static {
    /// Least limb first.
    const MODULUS: [u64; N];
    /// Minus the inverse of the modulus, modulo 2^64.
    const INVERSE: u64;
}

/// An element: below the modulus, times 2^(64 N).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<P, const N: usize>([u64; N], core::marker::PhantomData<P>);

/// The scalar field of BLS12-381.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalarModulus;

impl Modulus<4> for ScalarModulus {
    const MODULUS: [u64; 4] = [
        0xffff_ffff_0000_0001,
        0x53bd_a402_fffe_5bfe,
        0x3339_d808_09a1_d805,
        0x73ed_a753_299d_7d48,
    ];
    const INVERSE: u64 = 0xffff_fffe_ffff_ffff;
}

/// The base field of BLS12-381.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseModulus;

impl Modulus<6> for BaseModulus {
    const MODULUS: [u64; 6] = [
        0xb9fe_ffff_ffff_aaab,
        0x1eab_fffe_b153_ffff,
        0x6730_d2a0_f6b0_f624,
        0x6477_4b84_f385_12bf,
        0x4b1b_a7b6_434b_acd7,
        0x1a01_11ea_397f_e69a,
    ];
    const INVERSE: u64 = 0x89f3_fffc_fffc_fffd;
}

/// An element of the scalar field.
pub type Scalar = Field<ScalarModulus, 4>;
/// An element of the base field.
pub type Base = Field<BaseModulus, 6>;

/// a + b + carry, and the carry.
#[inline(always)]
const fn add_carry(a: u64, b: u64, carry: u64) -> (u64, u64) {
    let sum = a as u128 + b as u128 + carry as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// a - b - borrow, and the borrow.
#[inline(always)]
const fn subtract_borrow(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let difference = (a as u128).wrapping_sub(b as u128 + borrow as u128);
    (difference as u64, (difference >> 127) as u64)
}

/// sum + a b + carry, and the carry.
#[inline(always)]
const fn multiply_carry(sum: u64, a: u64, b: u64, carry: u64) -> (u64, u64) {
    let wide = sum as u128 + a as u128 * b as u128 + carry as u128;
    (wide as u64, (wide >> 64) as u64)
}

#[expect(clippy::needless_range_loop, reason = "limbs of several numbers side by side")]
impl<P: Modulus<N>, const N: usize> Field<P, N> {
    /// Zero.
    pub const ZERO: Self = Self([0; N], core::marker::PhantomData);

    /// From its limbs in Montgomery form, which are below the modulus.
    #[must_use]
    pub const fn from_limbs(limbs: [u64; N]) -> Self {
        Self(limbs, core::marker::PhantomData)
    }

    /// Its limbs in Montgomery form.
    #[must_use]
    pub const fn limbs(self) -> [u64; N] {
        self.0
    }

    /// 2^(64 N) reduced, which stands for one.
    const ONE: Self = Self::from_limbs(Self::doubled([0; N], 1, 64 * N));
    /// 2^(128 N) reduced.
    const SQUARE: Self = Self::from_limbs(Self::doubled(Self::ONE.0, 0, 64 * N));

    /// `x + more`, doubled so many times, reduced.
    const fn doubled(mut x: [u64; N], more: u64, times: usize) -> [u64; N] {
        x[0] += more;
        let mut round = 0;
        while round < times {
            // The modulus leaves its top bit free: no bit is lost.
            let (mut twice, mut less) = ([0; N], [0; N]);
            let (mut carry, mut borrow) = (0, 0);
            let mut i = 0;
            while i < N {
                twice[i] = x[i] << 1 | carry;
                carry = x[i] >> 63;
                (less[i], borrow) = subtract_borrow(twice[i], P::MODULUS[i], borrow);
                i += 1;
            }
            x = if borrow == 1 { twice } else { less };
            round += 1;
        }
        x
    }

    /// One.
    #[must_use]
    pub const fn one() -> Self {
        Self::ONE
    }

    /// A small integer.
    #[must_use]
    pub fn from_int(x: u64) -> Self {
        let mut limbs = [0; N];
        limbs[0] = x;
        Self::from_limbs(limbs).mul(Self::SQUARE)
    }

    /// Less the modulus, if that is not negative; `carry` is a limb above.
    #[inline(always)]
    fn reduced(limbs: [u64; N], carry: u64) -> Self {
        let mut less = [0; N];
        let mut borrow = 0;
        for i in 0..N {
            (less[i], borrow) = subtract_borrow(limbs[i], P::MODULUS[i], borrow);
        }
        Self::from_limbs(if carry < borrow { limbs } else { less })
    }

    /// Sum.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "by value and short, as the product")]
    pub fn add(self, other: Self) -> Self {
        let mut out = [0; N];
        let mut carry = 0;
        for i in 0..N {
            (out[i], carry) = add_carry(self.0[i], other.0[i], carry);
        }
        Self::reduced(out, carry)
    }

    /// Difference.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "by value and short, as the product")]
    pub fn sub(self, other: Self) -> Self {
        let mut out = [0; N];
        let mut borrow = 0;
        for i in 0..N {
            (out[i], borrow) = subtract_borrow(self.0[i], other.0[i], borrow);
        }
        let mask = borrow.wrapping_neg();
        let mut carry = 0;
        for i in 0..N {
            (out[i], carry) = add_carry(out[i], P::MODULUS[i] & mask, carry);
        }
        Self::from_limbs(out)
    }

    /// Product.
    #[inline(always)]
    #[must_use]
    #[expect(clippy::should_implement_trait, reason = "shorter to read in formulas")]
    pub fn mul(self, other: Self) -> Self {
        let mut t = [0; N];
        for i in 0..N {
            // The modulus leaves its top bit free: sum and carries fit the limbs (Botrel et al.,
            // "Faster modular multiplication", gnark).
            let (first, mut a) = multiply_carry(t[0], self.0[0], other.0[i], 0);
            let factor = first.wrapping_mul(P::INVERSE);
            let (_, mut c) = multiply_carry(first, factor, P::MODULUS[0], 0);
            for j in 1..N {
                let sum;
                (sum, a) = multiply_carry(t[j], self.0[j], other.0[i], a);
                (t[j - 1], c) = multiply_carry(sum, factor, P::MODULUS[j], c);
            }
            t[N - 1] = c.wrapping_add(a);
        }
        Self::reduced(t, 0)
    }

    /// To an integer power, least limb first.
    #[must_use]
    pub fn power(self, exponent: &[u64]) -> Self {
        let mut out = Self::one();
        for limb in exponent.iter().rev() {
            for bit in (0..64).rev() {
                out = out.mul(out);
                if limb >> bit & 1 == 1 {
                    out = out.mul(self);
                }
            }
        }
        out
    }

    /// Inverse; of zero, zero.
    #[must_use]
    pub fn inverse(self) -> Self {
        let mut exponent = P::MODULUS;
        exponent[0] -= 2;
        self.power(&exponent)
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == [0; N]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Draw;

    fn laws<P: Modulus<N> + PartialEq + core::fmt::Debug, const N: usize>() {
        let mut draw = Draw::new(1);
        let mut element = || {
            let mut limbs = [0; N];
            for limb in &mut limbs {
                *limb = draw.bits();
            }
            limbs[N - 1] %= P::MODULUS[N - 1];
            Field::<P, N>::from_limbs(limbs)
        };
        assert_eq!(P::MODULUS[0].wrapping_mul(P::INVERSE), u64::MAX);
        for _ in 0..50 {
            let (a, b, c) = (element(), element(), element());
            assert_eq!(a.mul(b.add(c)), a.mul(b).add(a.mul(c)));
            assert_eq!(a.mul(b).mul(c), a.mul(b.mul(c)));
            assert_eq!(a.sub(b).add(b), a);
            assert_eq!(a.mul(a.inverse()), Field::one());
            assert_eq!(Field::<P, N>::ZERO.sub(a).add(a), Field::ZERO);
        }
        assert_eq!(Field::<P, N>::from_int(6), Field::from_int(2).mul(Field::from_int(3)));
    }

    #[test]
    fn both_are_fields() {
        laws::<ScalarModulus, 4>();
        laws::<BaseModulus, 6>();
    }
}
