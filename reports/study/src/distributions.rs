//! The normal law and Student's t, on the pinned `libm`.

use core::f64::consts::{FRAC_1_SQRT_2, PI};

use sim_types::math::{erfc, exp, sqrt};

/// Density of the standard normal law.
#[must_use]
pub fn normal_density(x: f64) -> f64 {
    exp(-0.5 * x * x) / sqrt(2.0 * PI)
}

/// Probability that a standard normal value is at most `x`.
#[must_use]
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * erfc(-x * FRAC_1_SQRT_2)
}

/// Probability that Student's t with `freedom` degrees of freedom lies in −`t` … `t`: the finite
/// sums of Abramowitz and Stegun, 26.7.3 and 26.7.4. Zero where `t` or `freedom` is not positive.
#[must_use]
pub fn t_within(t: f64, freedom: usize) -> f64 {
    if freedom == 0 || t.is_nan() || t <= 0.0 {
        return 0.0;
    }
    let angle = libm::atan(t / sqrt(crate::count(freedom)));
    let (sine, cosine) = (libm::sin(angle), libm::cos(angle));
    // Odd: cos θ (1 + 2/3 cos² θ + …), up to cos^(ν−2); even: 1 + 1/2 cos² θ + ….
    let odd = freedom % 2 == 1;
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    let mut k = if odd { 3 } else { 2 };
    while k <= freedom {
        sum += term;
        term *= cosine * cosine * crate::count(k - 1) / crate::count(k);
        k += 2;
    }
    if odd { (angle + sine * sum) * 2.0 / PI } else { sine * sum }
}

/// The t with [`t_within`] of it equal to `level`; infinite without degrees of freedom.
#[must_use]
pub fn t_quantile(level: f64, freedom: usize) -> f64 {
    if freedom == 0 || level >= 1.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while t_within(high, freedom) < level && high < 1e12 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if t_within(middle, freedom) < level { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Abramowitz and Stegun, tables 26.1 and 26.10.
    #[test]
    fn tables_are_met() {
        let near = |got: f64, want: f64, digits: f64| {
            assert!((got - want).abs() < digits, "{got} for {want}");
        };
        for (x, p) in
            [(0.0, 0.5), (1.0, 0.841_344_746), (1.96, 0.975_002_105), (-3.0, 0.001_349_898)]
        {
            near(normal_cdf(x), p, 1e-9);
        }
        near(normal_density(1.0), 0.241_970_725, 1e-9);
        let table = [
            (1, 0.95, 12.706),
            (2, 0.95, 4.303),
            (3, 0.99, 5.841),
            (4, 0.90, 2.132),
            (10, 0.95, 2.228),
            (29, 0.99, 2.756),
            (120, 0.95, 1.980),
        ];
        for (freedom, level, t) in table {
            near(t_quantile(level, freedom), t, 6e-4);
        }
        near(t_quantile(0.95, 100_000), 1.959_988, 1e-4);
        assert!(t_quantile(0.95, 0).is_infinite());
    }
}
