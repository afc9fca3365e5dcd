//! The only door to transcendental functions.
//!
//! `+ - * / sqrt` are exact by IEEE 754; everything else differs in the last place between
//! platform libraries, which would break digests. These forward to `libm`, whose version is
//! pinned exactly in `Cargo.toml`; the bits below are the contract.

/// Natural exponential.
#[must_use]
pub fn exp(x: f64) -> f64 {
    libm::exp(x)
}

/// Natural logarithm.
#[must_use]
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// `x` to the power `y`.
#[must_use]
pub fn pow(x: f64, y: f64) -> f64 {
    libm::pow(x, y)
}

/// Complementary error function.
#[must_use]
pub fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// Cosine of an angle in radians.
#[must_use]
pub fn cos(x: f64) -> f64 {
    libm::cos(x)
}

/// Square root, correctly rounded.
#[must_use]
pub fn sqrt(x: f64) -> f64 {
    libm::sqrt(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The nearest doubles to the true values, and by how many units in the last place `libm`
    /// lies above them: the exact bits of the pinned version.
    #[test]
    fn bits_are_pinned() {
        let table: [(f64, f64, u64); 6] = [
            (exp(1.0), core::f64::consts::E, 1),
            (ln(2.0), core::f64::consts::LN_2, 0),
            (ln(10.0), core::f64::consts::LN_10, 0),
            (pow(2.0, 0.5), core::f64::consts::SQRT_2, 0),
            (cos(core::f64::consts::FRAC_PI_3), 0.499_999_999_999_999_9, 0),
            (sqrt(2.0), core::f64::consts::SQRT_2, 0),
        ];
        for (got, want, above) in table {
            assert_eq!(got.to_bits(), want.to_bits() + above, "{got} {want}");
        }
    }
}
