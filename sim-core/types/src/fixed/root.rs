//! Square root by bisection.

use super::U64F64;

impl U64F64 {
    /// Square root to within `epsilon` between the guess and its counterpart, at most 129
    /// halvings, as the chain's `checked_sqrt` (opentensor/subtensor @ 14bc6f9f,
    /// primitives/safe-math/src/lib.rs).
    #[must_use]
    pub fn sqrt_within(self, epsilon: Self) -> Self {
        let two = Self::from(2);
        let (mut high, mut low) =
            if self > Self::ONE { (self, Self::ZERO) } else { (Self::ONE, self) };
        let middle_of = |high: Self, low: Self| high.saturating_add(low).safe_div(two);
        let mut middle = middle_of(high, low);
        let mut counterpart = self.safe_div(middle);
        let mut halvings = 0;
        while Self(counterpart.0.abs_diff(middle.0)) > epsilon && halvings <= 128 {
            if counterpart < middle {
                high = middle;
            } else {
                low = middle;
            }
            middle = middle_of(high, low);
            counterpart = self.safe_div(middle);
            halvings += 1;
        }
        middle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_of_roots() {
        let epsilon = U64F64::ONE.safe_div(U64F64::from(1_000_000));
        for x in [0.0, 1e-6, 0.25, 1.0, 2.0, 144.0, 1e12] {
            let root = U64F64::saturating_from_f64(x).unwrap().sqrt_within(epsilon).to_f64();
            assert!(
                (root - crate::math::sqrt(x)).abs() <= 1e-6 || root * root <= 1e-6,
                "{x} {root}"
            );
        }
    }
}
