//! Binary fixed point with the rounding of the chains that use it.
//!
//! The types follow the crate `substrate-fixed` 0.6.0 (encointer/substrate-fixed @ d5f70362),
//! with which Bittensor's chain computes, so that results agree to the last bit:
//!
//! | operation | rounding |
//! |---|---|
//! | product | of full width, shifted right: toward minus infinity |
//! | quotient | of `(a << FRAC_BITS) / b`: toward zero |
//! | from a float | to nearest, ties to even |
//! | to an integer, to a format with fewer fraction bits | toward minus infinity |
//!
//! | type | layout | the chain keeps in it |
//! |---|---|---|
//! | [`I32F32`] | signed, 64 bit | every vector and matrix of the epoch |
//! | [`I64F64`] | signed, 128 bit | raw stake and its normalisation |
//! | [`I96F32`] | signed, 128 bit | emission in rao times a score |
//! | [`U64F64`] | unsigned, 128 bit | prices and emission shares |
//! | [`U96F32`] | unsigned, 128 bit | emission, cuts and proportions of the coinbase |
//! | [`U110F18`] | unsigned, 128 bit | reserves and their product in the first pools |
//!
//! [`Reciprocal`] and [`ratio`] divide where 128 bits do not hold the numerator.
//!
//! Nothing here panics: operations saturate, or return `None` where the name says `checked`.

use core::fmt;

use serde::{Deserialize, Serialize};

mod convert;
mod divisor;
mod float;
pub mod part;
pub mod ratio;
mod reciprocal;
mod root;
mod transcendental;
mod wide;

pub use divisor::Divisor;
pub use reciprocal::Reciprocal;

macro_rules! fixed {
    ($(#[$doc:meta])* $name:ident, $bits:ty, $frac:literal, $mul:path, $div:path) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize,
            Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name($bits);

        impl $name {
            /// Bits after the binary point.
            pub const FRAC_BITS: u32 = $frac;
            /// Zero.
            pub const ZERO: Self = Self(0);
            /// One.
            pub const ONE: Self = Self(1 << $frac);
            /// The smallest step: one unit in the last place.
            pub const EPSILON: Self = Self(1);
            /// The least value.
            pub const MIN: Self = Self(<$bits>::MIN);
            /// The greatest value.
            pub const MAX: Self = Self(<$bits>::MAX);

            /// The value whose representation is `bits`.
            #[must_use]
            pub const fn from_bits(bits: $bits) -> Self {
                Self(bits)
            }

            /// The representation: the value times 2^[`Self::FRAC_BITS`].
            #[must_use]
            pub const fn to_bits(self) -> $bits {
                self.0
            }

            /// An integer, saturating.
            #[must_use]
            pub fn saturating_from_int(int: i128) -> Self {
                match <$bits>::try_from(int) {
                    Ok(small) if (small << $frac) >> $frac == small => Self(small << $frac),
                    _ if int < 0 => Self::MIN,
                    _ => Self::MAX,
                }
            }

            /// The nearest value, ties to even, saturating; `None` for a NaN.
            #[must_use]
            pub fn saturating_from_f64(x: f64) -> Option<Self> {
                let (negative, magnitude) = float::magnitude(x, $frac)?;
                let bits = magnitude.and_then(|m| <$bits>::try_from(m).ok());
                Some(match (negative, bits) {
                    (false, bits) => bits.map_or(Self::MAX, Self),
                    (true, bits) => {
                        bits.and_then(|b| (0 as $bits).checked_sub(b)).map_or(Self::MIN, Self)
                    }
                })
            }

            /// The nearest double.
            #[must_use]
            #[expect(clippy::cast_precision_loss, reason = "rounding to nearest is meant")]
            pub fn to_f64(self) -> f64 {
                self.0 as f64 / (1_u128 << $frac) as f64
            }

            /// The integer at or below, saturating to 0 ..= 65,535.
            #[must_use]
            pub fn to_u16(self) -> u16 {
                let int = self.0 >> $frac;
                #[allow(unused_comparisons, reason = "one macro for signed and unsigned")]
                u16::try_from(int).unwrap_or(if int < 0 { 0 } else { u16::MAX })
            }

            /// The integer at or below, saturating to 0 ..= 2^64 - 1.
            #[must_use]
            pub fn to_u64(self) -> u64 {
                let int = self.0 >> $frac;
                #[allow(unused_comparisons, reason = "one macro for signed and unsigned")]
                u64::try_from(int).unwrap_or(if int < 0 { 0 } else { u64::MAX })
            }

            /// Sum, saturating.
            #[must_use]
            pub const fn saturating_add(self, rhs: Self) -> Self {
                Self(self.0.saturating_add(rhs.0))
            }

            /// Difference, saturating.
            #[must_use]
            pub const fn saturating_sub(self, rhs: Self) -> Self {
                Self(self.0.saturating_sub(rhs.0))
            }

            /// Sum, or `None` on overflow.
            #[must_use]
            pub fn checked_add(self, rhs: Self) -> Option<Self> {
                self.0.checked_add(rhs.0).map(Self)
            }

            /// Difference, or `None` on overflow.
            #[must_use]
            pub fn checked_sub(self, rhs: Self) -> Option<Self> {
                self.0.checked_sub(rhs.0).map(Self)
            }

            /// Product, rounded toward minus infinity, or `None` on overflow.
            #[inline]
            #[must_use]
            pub fn checked_mul(self, rhs: Self) -> Option<Self> {
                $mul(self.0, rhs.0, $frac).map(Self)
            }

            /// Product, rounded toward minus infinity, saturating.
            #[inline]
            #[must_use]
            pub fn saturating_mul(self, rhs: Self) -> Self {
                match self.checked_mul(rhs) {
                    Some(product) => product,
                    None if (self < Self::ZERO) == (rhs < Self::ZERO) => Self::MAX,
                    None => Self::MIN,
                }
            }

            /// Quotient, rounded toward zero, or `None` on overflow and for a zero divisor.
            #[inline]
            #[must_use]
            pub fn checked_div(self, rhs: Self) -> Option<Self> {
                $div(self.0, rhs.0, $frac).map(Self)
            }

            /// Quotient, rounded toward zero; **zero** on overflow and for a zero divisor, as
            /// the chain's `safe_div` (opentensor/subtensor, primitives/safe-math).
            #[inline]
            #[must_use]
            pub fn safe_div(self, rhs: Self) -> Self {
                self.checked_div(rhs).unwrap_or(Self::ZERO)
            }

            /// The nearest integer, ties away from zero, saturating.
            #[must_use]
            pub const fn round(self) -> Self {
                // For a negative value the floor is the away-from-zero side, so that a tie
                // must not be lifted: one unit less is added.
                #[allow(unused_comparisons, reason = "one macro for signed and unsigned")]
                let half = (1 << ($frac - 1)) - if self.0 < 0 { 1 } else { 0 };
                Self((self.0.saturating_add(half) >> $frac) << $frac)
            }
        }

        impl core::iter::Sum for $name {
            /// Saturating; the chain's plain sum agrees wherever it does not overflow.
            fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
                iter.fold(Self::ZERO, Self::saturating_add)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.to_f64().fmt(f)
            }
        }
    };
}

fixed!(
    /// Signed, 32 integer and 32 fraction bits.
    I32F32, i64, 32, wide::mul_i64, wide::div_i64
);
fixed!(
    /// Signed, 64 integer and 64 fraction bits.
    I64F64, i128, 64, wide::mul_i128, wide::div_i128
);
fixed!(
    /// Signed, 96 integer and 32 fraction bits.
    I96F32, i128, 32, wide::mul_i128, wide::div_i128
);
fixed!(
    /// Unsigned, 64 integer and 64 fraction bits.
    U64F64, u128, 64, wide::mul_u128, wide::div_u128
);
fixed!(
    /// Unsigned, 96 integer and 32 fraction bits.
    U96F32, u128, 32, wide::mul_u128, wide::div_u128
);
fixed!(
    /// Unsigned, 110 integer and 18 fraction bits.
    U110F18, u128, 18, wide::mul_u128, wide::div_u128
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn i32f32(x: f64) -> I32F32 {
        I32F32::saturating_from_f64(x).unwrap()
    }

    #[test]
    fn products_floor_and_quotients_truncate() {
        let e = I32F32::EPSILON;
        let half = i32f32(0.5);
        let minus = |x: I32F32| I32F32::ZERO.saturating_sub(x);
        assert_eq!(e.saturating_mul(half), I32F32::ZERO);
        assert_eq!(minus(e).saturating_mul(half), minus(e));
        let two = i32f32(2.0);
        assert_eq!(e.safe_div(two), I32F32::ZERO);
        assert_eq!(minus(e).safe_div(two), I32F32::ZERO);
        assert_eq!(I32F32::MIN.saturating_mul(two), I32F32::MIN);
        assert_eq!(I32F32::MIN.saturating_mul(minus(two)), I32F32::MAX);
        assert_eq!(I32F32::ONE.safe_div(I32F32::ZERO), I32F32::ZERO);
        assert_eq!(I32F32::MAX.checked_div(half), None);
        let minus = |x: I64F64| I64F64::ZERO.saturating_sub(x);
        let (e, half) = (I64F64::EPSILON, I64F64::from_bits(1 << 63));
        assert_eq!(e.saturating_mul(half), I64F64::ZERO);
        assert_eq!(minus(e).saturating_mul(half), minus(e));
        assert_eq!(I64F64::MIN.saturating_mul(I64F64::ONE), I64F64::MIN);
        assert_eq!(I64F64::MIN.safe_div(I64F64::ONE), I64F64::MIN);
        assert_eq!(I64F64::MIN.checked_mul(minus(I64F64::ONE)), None);
    }

    #[test]
    fn floats_round_to_nearest_even() {
        let ulp = 1.0 / 4_294_967_296.0;
        for (x, bits) in [
            (0.5 * ulp, 0),
            (1.5 * ulp, 2),
            (2.5 * ulp, 2),
            (2.6 * ulp, 3),
            (-1.5 * ulp, -2),
            (-0.5 * ulp, 0),
            (0.1, 429_496_730),
            (1e300, i64::MAX),
            (-2_147_483_648.0, i64::MIN),
            (f64::NEG_INFINITY, i64::MIN),
            (f64::MIN_POSITIVE, 0),
        ] {
            assert_eq!(i32f32(x).to_bits(), bits, "{x}");
        }
        assert_eq!(I32F32::saturating_from_f64(f64::NAN), None);
        assert_eq!(U64F64::saturating_from_f64(-1.0), Some(U64F64::ZERO));
        assert_eq!(U64F64::saturating_from_f64(2.0).unwrap().to_bits(), 2 << 64);
    }

    #[test]
    fn rounding_goes_away_from_zero_on_ties() {
        for (x, want) in
            [(1.5, 2.0), (1.4, 1.0), (-1.5, -2.0), (-1.4, -1.0), (-1.6, -2.0), (0.0, 0.0)]
        {
            assert_eq!(i32f32(x).round(), i32f32(want), "{x}");
        }
        assert_eq!(i32f32(-0.5).to_u16(), 0);
        assert_eq!(i32f32(65_536.5).to_u16(), u16::MAX);
        assert_eq!(i32f32(7.99).to_u16(), 7);
        assert_eq!(I32F32::saturating_from_int(1 << 40), I32F32::MAX);
        assert_eq!(I64F64::saturating_from_int(-(1 << 63)), I64F64::MIN);
        assert_eq!(U64F64::saturating_from_int(-3), U64F64::ZERO);
    }

    proptest! {
        /// The narrow type is the plain definition over 128 bits; the wide type must agree
        /// with it wherever both can hold the operands exactly.
        #[test]
        fn wide_arithmetic_agrees_with_narrow(a in any::<i64>(), b in any::<i64>()) {
            let (wa, wb) = (I96F32::from_bits(a.into()), I96F32::from_bits(b.into()));
            let (na, nb) = (I32F32::from_bits(a), I32F32::from_bits(b));
            let narrow = |x: I96F32| i64::try_from(x.to_bits()).ok().map(I32F32::from_bits);
            prop_assert_eq!(na.checked_mul(nb), wa.checked_mul(wb).and_then(narrow));
            prop_assert_eq!(na.checked_div(nb), wa.checked_div(wb).and_then(narrow));
        }

        /// `q = a / b` is the greatest value with `q * b <= a`, over the whole range.
        #[test]
        fn wide_quotients_are_exact(a in any::<u128>(), b in 1..=u128::MAX, shrink in 0_u32..128) {
            let (a, b) = (U64F64::from_bits(a >> shrink), U64F64::from_bits(b));
            if let Some(q) = a.checked_div(b) {
                // Remainder by wrapping arithmetic: it is below b, so that 128 bits suffice.
                let rest = (a.to_bits() << 64).wrapping_sub(q.to_bits().wrapping_mul(b.to_bits()));
                prop_assert!(rest < b.to_bits());
                prop_assert!(q.checked_mul(b).is_none_or(|p| p <= a));
            }
        }
    }
}
