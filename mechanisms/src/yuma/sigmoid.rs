//! The logistic function without overflow.

use sim_types::fixed::I32F32;

/// e^x with x held within −20 and 20.
#[must_use]
pub fn exp_safe(x: I32F32) -> I32F32 {
    let (least, greatest) = (I32F32::saturating_from_int(-20), I32F32::saturating_from_int(20));
    let x = x.clamp(least, greatest);
    x.exp().unwrap_or(if x <= I32F32::ZERO { I32F32::ZERO } else { I32F32::MAX })
}

/// `1 / (1 + e^(-rho (x - kappa)))`: consensus of the years before the median.
#[must_use]
pub fn sigmoid_safe(x: I32F32, rho: I32F32, kappa: I32F32) -> I32F32 {
    let minus_rho = rho.saturating_mul(I32F32::saturating_from_int(-1));
    let exponent = minus_rho.saturating_mul(x.saturating_sub(kappa));
    I32F32::ONE.safe_div(exp_safe(exponent).saturating_add(I32F32::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The extremes of opentensor/subtensor's `test_math_sigmoid_safe`: saturation throughout.
    #[test]
    fn extremes() {
        let tail = I32F32::saturating_from_f64(1.9e-9).unwrap();
        let half = I32F32::from_bits(1 << 31);
        for (x, end, want) in [
            (I32F32::MIN, I32F32::MAX, tail),
            (I32F32::ONE, I32F32::MAX, tail),
            (I32F32::MAX, I32F32::MAX, half),
            (I32F32::MIN, I32F32::MIN, half),
            (I32F32::ZERO, I32F32::MIN, tail),
        ] {
            assert_eq!(sigmoid_safe(x, end, end), want, "{x} {end}");
        }
    }
}
