//! Money: integers in the chain's smallest unit, split without a remainder.

use core::fmt;
use core::iter::Sum;
use core::ops::{Add, AddAssign, Sub, SubAssign};

/// An amount in the chain's smallest unit (rao for TAO: 1 TAO = 10^9 rao).
///
/// Arithmetic panics on overflow and underflow, in release builds too: either is a bug.
/// Serialised as it is written in a scenario: see [`crate::units`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(pub u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `self - rhs`, or zero if that is negative.
    #[must_use]
    pub fn saturating_sub(self, rhs: Self) -> Self {
        Self(self.0.saturating_sub(rhs.0))
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, rhs: Self) -> Self {
        Self(self.0.checked_add(rhs.0).expect("amounts stay below 2^128"))
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, rhs: Self) {
        *self = *self + rhs;
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, rhs: Self) -> Self {
        Self(self.0.checked_sub(rhs.0).expect("nobody spends more than there is"))
    }
}

impl SubAssign for Amount {
    fn sub_assign(&mut self, rhs: Self) {
        *self = *self - rhs;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Splits `total` in proportion to `weights`, leaving nothing over and nothing owed.
///
/// Each share is the floor of its quota; the units left go one each to the largest
/// remainders, equal remainders to the lower index (Hamilton's method).
/// Returns `None` when every weight is zero: the caller must say where the money goes.
///
/// ```
/// use sim_types::{Amount, split_exactly};
/// let parts = split_exactly(Amount(10), &[1, 1, 1]).unwrap();
/// assert_eq!(parts, [Amount(4), Amount(3), Amount(3)]);
/// assert_eq!(split_exactly(Amount(10), &[0, 0]), None);
/// ```
///
/// # Panics
/// When `total` is 2^64 or more: products would leave 128 bits.
#[must_use]
pub fn split_exactly(total: Amount, weights: &[u64]) -> Option<Vec<Amount>> {
    assert!(u64::try_from(total.0).is_ok(), "split_exactly takes totals below 2^64");
    let sum: u128 = weights.iter().map(|&w| u128::from(w)).sum();
    if sum == 0 {
        return None;
    }
    let mut shares: Vec<Amount> =
        weights.iter().map(|&w| Amount(total.0 * u128::from(w) / sum)).collect();
    let left = total.0 - shares.iter().map(|a| a.0).sum::<u128>();
    let left = usize::try_from(left).expect("fewer units left than shares");
    if left > 0 {
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by_key(|&i| {
            let first = crate::seeded!(DustToTheLast, usize::MAX - i, i);
            (core::cmp::Reverse(total.0 * u128::from(weights[i]) % sum), first)
        });
        for &i in &order[..left] {
            shares[i].0 += 1;
        }
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_split_loses_nothing_and_strays_less_than_one_unit(
            total in any::<u64>(), weights in proptest::collection::vec(any::<u64>(), 1..40),
        ) {
            let sum: u128 = weights.iter().map(|&w| u128::from(w)).sum();
            match split_exactly(Amount(total.into()), &weights) {
                None => prop_assert_eq!(sum, 0),
                Some(shares) => {
                    prop_assert_eq!(shares.iter().copied().sum::<Amount>(), Amount(total.into()));
                    for (share, &w) in shares.iter().zip(&weights) {
                        let floor = u128::from(total) * u128::from(w) / sum;
                        prop_assert!(share.0 == floor || share.0 == floor + 1);
                    }
                }
            }
        }
    }
}
