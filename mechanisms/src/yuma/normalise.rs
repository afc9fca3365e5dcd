//! Dividing by the sum.

use sim_types::fixed::{Divisor, I32F32, I64F64};

/// Divides each element by `sum`; nothing happens if that is zero.
pub fn normalise_by(values: &mut [I32F32], sum: I32F32) {
    if sum != I32F32::ZERO {
        let divisor = Divisor::new(sum);
        for value in values {
            *value = divisor.divide(*value);
        }
    }
}

/// Makes a vector sum to one (a little less, by truncation); a zero sum leaves it as it is.
pub fn normalise(values: &mut [I32F32]) {
    normalise_by(values, values.iter().copied().sum());
}

/// [`normalise`] in I64F64.
pub fn normalise_wide(values: &mut [I64F64]) {
    let sum: I64F64 = values.iter().copied().sum();
    if sum != I64F64::ZERO {
        for value in values.iter_mut().filter(|value| **value != I64F64::ZERO) {
            *value = value.safe_div(sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The sum falls short of one by less than one unit an element.
        #[test]
        fn sums_to_one_within_truncation(raw in proptest::collection::vec(0_i64..1 << 40, 1..50)) {
            let mut values: Vec<_> = raw.iter().copied().map(I32F32::from_bits).collect();
            normalise(&mut values);
            let sum: I32F32 = values.iter().copied().sum();
            if raw.iter().sum::<i64>() == 0 {
                prop_assert_eq!(sum, I32F32::ZERO);
            } else {
                let short = I32F32::ONE.saturating_sub(sum).to_bits();
                prop_assert!((0..i64::try_from(raw.len()).unwrap()).contains(&short));
            }
        }
    }
}
