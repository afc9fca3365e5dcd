//! Dividing by the maximum.

use sim_types::fixed::{Divisor, I32F32};

use super::normalise::{normalise, normalise_by};

/// Scales a vector of non-negative numbers so that the largest becomes 65,535, rounded to
/// nearest. All zero stays zero.
#[must_use]
pub fn max_upscale_to_u16(values: &[I32F32]) -> Vec<u16> {
    let full = I32F32::from_u16(u16::MAX);
    let max = values.iter().copied().max().unwrap_or(I32F32::ZERO);
    if max == I32F32::ZERO {
        return values.iter().map(|value| value.to_u16_proportion()).collect();
    }
    // Above 32,768 the product with 65,535 would leave the range, so the factor comes first.
    let scale_first = max > I32F32::saturating_from_int(32_768);
    let factor = full.safe_div(max);
    let by_max = Divisor::new(max);
    let scale = |value: &I32F32| {
        if scale_first {
            value.saturating_mul(factor)
        } else {
            by_max.divide(value.saturating_mul(full))
        }
    };
    values.iter().map(|value| scale(value).round().to_u16()).collect()
}

/// [`max_upscale_to_u16`] of integers.
#[must_use]
pub fn max_upscale_u16(values: &[u16]) -> Vec<u16> {
    if values.contains(&u16::MAX) {
        return values.to_vec();
    }
    max_upscale_to_u16(&values.iter().copied().map(I32F32::from_u16).collect::<Vec<_>>())
}

/// Whether no element of a row of weights, once normalised, exceeds `limit` of 65,535.
#[must_use]
pub fn is_max_limited(values: &[u16], limit: u16) -> bool {
    let mut shares: Vec<_> = values.iter().copied().map(I32F32::from_u16).collect();
    normalise(&mut shares);
    let limit = I32F32::from_u16_proportion(limit);
    shares.iter().all(|&share| share <= limit)
}

/// Divides numbers by the largest of them, if that is positive, so that it becomes one.
pub fn max_upscale(values: &mut [I32F32]) {
    let max = values.iter().copied().max().unwrap_or(I32F32::ZERO);
    if max > I32F32::ZERO {
        normalise_by(values, max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Within one of the exact ratio, and exact at both ends.
        #[test]
        fn upscaling_keeps_ratios(values in proptest::collection::vec(any::<u16>(), 1..40)) {
            let scaled = max_upscale_u16(&values);
            let max = f64::from(*values.iter().max().unwrap());
            for (&value, &got) in values.iter().zip(&scaled) {
                let want = if max > 0.0 { f64::from(value) * 65_535.0 / max } else { 0.0 };
                prop_assert!((f64::from(got) - want).abs() <= 0.51, "{value} {got} {want}");
            }
            prop_assert_eq!(*scaled.iter().max().unwrap(), if max > 0.0 { u16::MAX } else { 0 });
        }
    }
}
