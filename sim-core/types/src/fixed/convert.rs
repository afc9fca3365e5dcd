//! From one format to another: exact where it can be, else floored and saturated.

use super::{I32F32, I64F64, I96F32, U64F64, U96F32, U110F18};

impl I32F32 {
    /// A u16, exactly.
    #[inline]
    #[must_use]
    pub const fn from_u16(x: u16) -> Self {
        Self((x as i64) << Self::FRAC_BITS)
    }

    /// A proportion stored as u16: 65,535 stands for one.
    #[must_use]
    pub fn from_u16_proportion(x: u16) -> Self {
        Self::from_u16(x).safe_div(Self::from_u16(u16::MAX))
    }

    /// A proportion to be stored as u16, truncated, saturating: one becomes 65,535.
    #[inline]
    #[must_use]
    pub fn to_u16_proportion(self) -> u16 {
        // The product of u16::MAX and anything below 2^47 units fits 64 bits; anything above is
        // a proportion beyond 32,768.
        match u64::try_from(self.0) {
            Ok(bits) if bits < 1 << 47 => {
                u16::try_from((bits * u64::from(u16::MAX)) >> Self::FRAC_BITS).unwrap_or(u16::MAX)
            }
            Ok(_) => u16::MAX,
            Err(_) => 0,
        }
    }
}

impl From<I32F32> for I64F64 {
    fn from(x: I32F32) -> Self {
        Self(i128::from(x.0) << 32)
    }
}

impl From<I32F32> for I96F32 {
    fn from(x: I32F32) -> Self {
        Self(i128::from(x.0))
    }
}

impl From<u64> for I64F64 {
    /// Saturating at 2^63.
    fn from(x: u64) -> Self {
        Self::saturating_from_int(x.into())
    }
}

impl From<u64> for I96F32 {
    fn from(x: u64) -> Self {
        Self(i128::from(x) << 32)
    }
}

impl From<u64> for U64F64 {
    fn from(x: u64) -> Self {
        Self(u128::from(x) << 64)
    }
}

impl From<I64F64> for I32F32 {
    /// Floored, saturating.
    fn from(x: I64F64) -> Self {
        let bits = x.0 >> 32;
        i64::try_from(bits).map_or(if bits < 0 { Self::MIN } else { Self::MAX }, Self)
    }
}

impl From<U64F64> for I32F32 {
    /// Floored, saturating.
    fn from(x: U64F64) -> Self {
        i64::try_from(x.0 >> 32).map_or(Self::MAX, Self)
    }
}

impl From<I32F32> for U64F64 {
    /// Exact; a negative value becomes zero.
    fn from(x: I32F32) -> Self {
        u64::try_from(x.0).map_or(Self::ZERO, |bits| Self(u128::from(bits) << 32))
    }
}

impl From<u64> for U96F32 {
    fn from(x: u64) -> Self {
        Self(u128::from(x) << 32)
    }
}

impl From<u64> for U110F18 {
    fn from(x: u64) -> Self {
        Self(u128::from(x) << 18)
    }
}

impl From<U64F64> for U96F32 {
    /// Floored.
    fn from(x: U64F64) -> Self {
        Self(x.0 >> 32)
    }
}

impl From<U96F32> for U64F64 {
    /// Saturating.
    fn from(x: U96F32) -> Self {
        if x.0 >> 96 == 0 { Self(x.0 << 32) } else { Self::MAX }
    }
}

impl From<U64F64> for I96F32 {
    /// Floored.
    fn from(x: U64F64) -> Self {
        Self((x.0 >> 32).cast_signed())
    }
}

impl From<U96F32> for I96F32 {
    /// Saturating.
    fn from(x: U96F32) -> Self {
        i128::try_from(x.0).map_or(Self::MAX, Self)
    }
}

impl From<I96F32> for U64F64 {
    /// Saturating; a negative value becomes zero.
    fn from(x: I96F32) -> Self {
        u128::try_from(x.0).map_or(Self::ZERO, |bits| Self::from(U96F32(bits)))
    }
}

impl From<I96F32> for U96F32 {
    /// A negative value becomes zero.
    fn from(x: I96F32) -> Self {
        u128::try_from(x.0).map_or(Self::ZERO, Self)
    }
}

impl From<I64F64> for U64F64 {
    /// A negative value becomes zero.
    fn from(x: I64F64) -> Self {
        u128::try_from(x.0).map_or(Self::ZERO, Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrowing_floors_and_saturates() {
        assert_eq!(I32F32::from(I64F64::from_bits(-1)), I32F32::from_bits(-1));
        assert_eq!(I32F32::from(I64F64::from_bits((1 << 32) - 1)), I32F32::ZERO);
        assert_eq!(I32F32::from(I64F64::from(u64::MAX)), I32F32::MAX);
        assert_eq!(I32F32::from(U64F64::from(u64::MAX)), I32F32::MAX);
        assert_eq!(U64F64::from(I32F32::MIN), U64F64::ZERO);
        assert_eq!(I64F64::from(I32F32::ONE), I64F64::ONE);
        assert_eq!(I96F32::from(3_u64), I96F32::saturating_from_int(3));
    }

    #[test]
    fn prices_change_format_by_flooring_and_saturating() {
        let wide = U64F64::from_bits((7 << 64) + (3 << 32) + 5);
        assert_eq!(U96F32::from(wide), U96F32::from_bits((7 << 32) + 3));
        assert_eq!(I96F32::from(wide), I96F32::from_bits((7 << 32) + 3));
        assert_eq!(U64F64::from(U96F32::from(wide)), U64F64::from_bits((7 << 64) + (3 << 32)));
        assert_eq!(U64F64::from(U96F32::MAX), U64F64::MAX);
        assert_eq!(I96F32::from(U96F32::MAX), I96F32::MAX);
        assert_eq!(U64F64::from(I96F32::from_bits(-1)), U64F64::ZERO);
        assert_eq!(U96F32::from(I96F32::from_bits(-1)), U96F32::ZERO);
        assert_eq!(U64F64::from(I64F64::from_bits(-1)), U64F64::ZERO);
        assert_eq!(U110F18::from(2_u64), U110F18::saturating_from_int(2));
    }

    /// A proportion survives storage to within one truncation.
    #[test]
    fn u16_proportions_truncate() {
        assert_eq!(I32F32::ONE.to_u16_proportion(), u16::MAX);
        for x in 0..=u16::MAX {
            let back = I32F32::from_u16_proportion(x).to_u16_proportion();
            assert!(back == x || back + 1 == x, "{x} {back}");
        }
        for bits in [i64::MIN, -5, 0, 1, 65_537, 1 << 32, (1 << 47) - 1, 1 << 47, i64::MAX] {
            let x = I32F32::from_bits(bits);
            let plain = x.saturating_mul(I32F32::from_u16(u16::MAX)).to_u16();
            assert_eq!(x.to_u16_proportion(), plain, "{bits}");
        }
    }
}
