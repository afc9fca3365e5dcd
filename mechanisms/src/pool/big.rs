//! A small integer without a bound, for the exact power of the weighted pool.
//!
//! Only what [`super::power`] needs: the chain's series run over a few hundred bits, and where
//! it compares perfect powers over tens of thousands. A crate for this would be the sixth
//! dependency of a package that has five, for a hundred lines.

use core::cmp::Ordering;

/// Sign and magnitude, the least significant limb first; zero has no limbs and no sign.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Big {
    negative: bool,
    limbs: Vec<u64>,
}

impl From<u128> for Big {
    fn from(x: u128) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "halves are meant")]
        Self::trimmed(false, vec![x as u64, (x >> 64) as u64])
    }
}

#[expect(clippy::cast_possible_truncation, reason = "halves of 128-bit intermediates are meant")]
impl Big {
    fn trimmed(negative: bool, mut limbs: Vec<u64>) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Self { negative: negative && !limbs.is_empty(), limbs }
    }

    /// 2^`bits`.
    pub(super) fn power_of_two(bits: usize) -> Self {
        Self::from(1).shift_left(bits)
    }

    pub(super) const fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// The value if it is not negative and fits.
    pub(super) fn to_u128(&self) -> Option<u128> {
        if self.negative || self.limbs.len() > 2 {
            return None;
        }
        let limb = |i: usize| u128::from(self.limbs.get(i).copied().unwrap_or(0));
        Some(limb(1) << 64 | limb(0))
    }

    pub(super) fn negated(mut self) -> Self {
        self.negative = !self.negative && !self.is_zero();
        self
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        self.limbs
            .len()
            .cmp(&other.limbs.len())
            .then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    fn add_magnitude(&self, other: &Self) -> Vec<u64> {
        let (long, short) =
            if self.limbs.len() >= other.limbs.len() { (self, other) } else { (other, self) };
        let mut out = Vec::with_capacity(long.limbs.len() + 1);
        let mut carry = false;
        for (i, &limb) in long.limbs.iter().enumerate() {
            let (sum, first) = limb.overflowing_add(short.limbs.get(i).copied().unwrap_or(0));
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            out.push(sum);
            carry = first || second;
        }
        out.push(u64::from(carry));
        out
    }

    /// For `self` not smaller in magnitude than `other`.
    fn subtract_magnitude(&self, other: &Self) -> Vec<u64> {
        let mut borrow = false;
        let limbs = self.limbs.iter().enumerate().map(|(i, &limb)| {
            let (rest, first) = limb.overflowing_sub(other.limbs.get(i).copied().unwrap_or(0));
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            borrow = first || second;
            rest
        });
        limbs.collect()
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        if self.negative == other.negative {
            return Self::trimmed(self.negative, self.add_magnitude(other));
        }
        match self.compare_magnitude(other) {
            Ordering::Less => Self::trimmed(other.negative, other.subtract_magnitude(self)),
            _ => Self::trimmed(self.negative, self.subtract_magnitude(other)),
        }
    }

    pub(super) fn subtract(&self, other: &Self) -> Self {
        self.add(&other.clone().negated())
    }

    pub(super) fn multiply(&self, other: &Self) -> Self {
        let mut out = vec![0_u64; self.limbs.len() + other.limbs.len()];
        for (i, &a) in self.limbs.iter().enumerate() {
            let mut carry = 0_u128;
            for (slot, &b) in out[i..].iter_mut().zip(&other.limbs) {
                let sum = u128::from(a) * u128::from(b) + u128::from(*slot) + carry;
                *slot = sum as u64;
                carry = sum >> 64;
            }
            out[i + other.limbs.len()] = carry as u64;
        }
        Self::trimmed(self.negative != other.negative, out)
    }

    /// This to the power of `exponent`.
    pub(super) fn power(&self, exponent: u32) -> Self {
        let mut result = Self::from(1);
        for bit in (0..32 - exponent.leading_zeros()).rev() {
            result = result.multiply(&result);
            if exponent >> bit & 1 == 1 {
                result = result.multiply(self);
            }
        }
        result
    }

    pub(super) fn shift_left(&self, bits: usize) -> Self {
        let (whole, part) = (bits / 64, bits % 64);
        let mut limbs = vec![0; whole];
        let mut carry = 0;
        for &limb in &self.limbs {
            let wide = u128::from(limb) << part | carry;
            limbs.push(wide as u64);
            carry = wide >> 64;
        }
        limbs.push(carry as u64);
        Self::trimmed(self.negative, limbs)
    }

    /// The magnitude shifted right, toward zero.
    fn magnitude_shifted(&self, bits: usize) -> Vec<u64> {
        let (whole, part) = (bits / 64, bits % 64);
        let kept = self.limbs.get(whole..).unwrap_or(&[]);
        let limbs = kept.iter().enumerate().map(|(i, &limb)| {
            let above = kept.get(i + 1).copied().unwrap_or(0);
            ((u128::from(above) << 64 | u128::from(limb)) >> part) as u64
        });
        limbs.collect()
    }

    /// Whether any of the lowest `bits` bits of the magnitude is set.
    fn any_below(&self, bits: usize) -> bool {
        let (whole, part) = (bits / 64, bits % 64);
        self.limbs.iter().take(whole).any(|&limb| limb != 0)
            || self.limbs.get(whole).is_some_and(|&limb| limb & ((1 << part) - 1) != 0)
    }

    /// `floor(self / 2^bits)`.
    pub(super) fn shift_right_floor(&self, bits: usize) -> Self {
        let shifted = Self::trimmed(self.negative, self.magnitude_shifted(bits));
        if self.negative && self.any_below(bits) {
            // Built anew: the shifted magnitude may be zero and so have lost its sign.
            return shifted.subtract(&Self::from(1));
        }
        shifted
    }

    /// `self / 2^bits` to the nearest integer, ties away from zero.
    pub(super) fn shift_right_round(&self, bits: usize) -> Self {
        let half = Self { negative: self.negative, ..Self::power_of_two(bits - 1) };
        let lifted = self.add(&half);
        Self::trimmed(self.negative, lifted.magnitude_shifted(bits))
    }

    /// `floor(self / divisor)`, for a divisor that is not zero.
    pub(super) fn divide_floor(&self, divisor: u64) -> Self {
        let mut rest = 0_u128;
        let mut limbs = vec![0; self.limbs.len()];
        for (slot, &limb) in limbs.iter_mut().zip(&self.limbs).rev() {
            let wide = rest << 64 | u128::from(limb);
            *slot = (wide / u128::from(divisor)) as u64;
            rest = wide % u128::from(divisor);
        }
        let quotient = Self::trimmed(self.negative, limbs);
        if self.negative && rest != 0 { quotient.subtract(&Self::from(1)) } else { quotient }
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_magnitude(other),
            (true, true) => other.compare_magnitude(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn big(x: i128) -> Big {
        let magnitude = Big::from(x.unsigned_abs());
        if x < 0 { magnitude.negated() } else { magnitude }
    }

    proptest! {
        /// Every operation is what the machine's own integers say where they reach.
        #[test]
        fn operations_are_those_of_integers(
            a in any::<i128>(), b in any::<i128>(), s in 1_u32..126, t in 1_u32..126, d in 1..=u64::MAX,
        ) {
            let (a, b) = (a >> s, b >> t);
            prop_assert_eq!(big(a).add(&big(b)), big(a + b));
            prop_assert_eq!(big(a).subtract(&big(b)), big(a - b));
            prop_assert_eq!(big(a).cmp(&big(b)), a.cmp(&b));
            if let Some(product) = a.checked_mul(b) {
                prop_assert_eq!(big(a).multiply(&big(b)), big(product));
            }
            prop_assert_eq!(big(a).shift_right_floor(t as usize), big(a >> t));
            prop_assert_eq!(big(a).divide_floor(d), big(a.div_euclid(i128::from(d))));
            let half = 1_u128 << (t - 1);
            let rounded = i128::try_from((a.unsigned_abs() + half) >> t).unwrap();
            prop_assert_eq!(big(a).shift_right_round(t as usize), big(rounded * a.signum()));
            prop_assert_eq!(big(a).shift_left(70).shift_right_floor(70), big(a));
        }

        /// What 128 bits do not hold follows from the laws of a ring.
        #[test]
        fn long_products_distribute(a in any::<u128>(), b in any::<u128>(), c in any::<u128>()) {
            let (a, b, c) = (Big::from(a).power(3), Big::from(b).negated(), Big::from(c));
            let left = a.multiply(&b.add(&c));
            prop_assert_eq!(left, a.multiply(&b).add(&a.multiply(&c)));
        }
    }

    #[test]
    fn powers_and_sizes() {
        assert_eq!(Big::from(3).power(0), Big::from(1));
        assert_eq!(Big::from(3).power(20), Big::from(3_486_784_401));
        assert_eq!(Big::from(10).power(39).to_u128(), None);
        assert_eq!(Big::power_of_two(300).shift_right_floor(299), Big::from(2));
        assert!(Big::from(0).is_zero());
        assert_eq!(big(-1).shift_right_floor(9), big(-1));
        assert_eq!(big(-1).to_u128(), None);
    }
}
