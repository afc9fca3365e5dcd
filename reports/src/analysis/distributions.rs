//! Quantiles and tails of the distributions that intervals are made of, from `statrs`.
//!
//! `statrs` takes logarithms and powers from the platform, whose last places differ between
//! machines. Everything here is therefore rounded to twelve significant digits, so that the
//! same numbers give the same intervals everywhere; no interval is known to twelve digits.

use statrs::distribution::{
    Beta, Binomial, ChiSquared, ContinuousCDF, DiscreteCDF, Normal, StudentsT,
};

use crate::stats::count;

/// The quantile of Student's t for `freedom` ≥ 1 degrees of freedom and 0.5 ≤ `probability`
/// < 1; `None` outside.
#[must_use]
pub fn t_quantile(probability: f64, freedom: usize) -> Option<f64> {
    if !(0.5..1.0).contains(&probability) || freedom == 0 {
        return None;
    }
    if freedom > MANY {
        return steady(near_normal(normal_quantile(probability)?, count(freedom)));
    }
    let law = StudentsT::new(0.0, 1.0, count(freedom)).ok()?;
    steady(law.inverse_cdf(probability))
}

/// Degrees of freedom beyond which `statrs` loses digits: the continued fraction of its
/// incomplete beta function ends after a fixed number of terms.
const MANY: usize = 1_000;

/// The expansion of t about the normal quantile `z` in powers of 1 / ν (Abramowitz and Stegun,
/// Handbook of Mathematical Functions, 26.7.5); from ν = 1,000 on its first omitted term is
/// below 1e-12 for every level in use.
fn near_normal(z: f64, nu: f64) -> f64 {
    let s = z * z;
    let terms = [
        (s + 1.0) / 4.0,
        ((5.0 * s + 16.0) * s + 3.0) / 96.0,
        (((3.0 * s + 19.0) * s + 17.0) * s - 15.0) / 384.0,
        ((((79.0 * s + 776.0) * s + 1482.0) * s - 1920.0) * s - 945.0) / 92_160.0,
    ];
    let sum = terms.iter().rev().fold(0.0, |sum, term| (sum + term) / nu);
    z * (1.0 + sum)
}

/// The quantile of the standard normal law; `None` unless 0 < `probability` < 1.
#[must_use]
pub fn normal_quantile(probability: f64) -> Option<f64> {
    let law = Normal::new(0.0, 1.0).ok()?;
    open(probability).then(|| law.inverse_cdf(probability)).and_then(steady)
}

/// The quantile of chi-square with `freedom` ≥ 1; `None` outside, and unless
/// 0 < `probability` < 1.
#[must_use]
pub fn chi_square_quantile(probability: f64, freedom: usize) -> Option<f64> {
    let law = ChiSquared::new(count(freedom)).ok()?;
    open(probability).then(|| law.inverse_cdf(probability)).and_then(steady)
}

/// The quantile of the beta law with shapes `a`, `b` > 0; `None` outside, and unless
/// 0 < `probability` < 1.
#[must_use]
pub fn beta_quantile(probability: f64, a: f64, b: f64) -> Option<f64> {
    let law = Beta::new(a, b).ok()?;
    open(probability).then(|| law.inverse_cdf(probability)).and_then(steady)
}

/// Probability of at most `successes` in `trials` that each succeed with `probability`;
/// `None` unless 0 ≤ `probability` ≤ 1.
#[must_use]
pub fn binomial_at_most(successes: u64, trials: u64, probability: f64) -> Option<f64> {
    if !(0.0..=1.0).contains(&probability) {
        return None;
    }
    if successes >= trials {
        return Some(1.0);
    }
    steady(Binomial::new(probability, trials).ok()?.cdf(successes))
}

fn open(probability: f64) -> bool {
    probability > 0.0 && probability < 1.0
}

/// Rounds to twelve significant digits; `None` for what is not a number or without bound.
fn steady(value: f64) -> Option<f64> {
    format!("{value:.11e}").parse().ok().filter(|v: &f64| v.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn t_quantiles_agree_with_the_published_table() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2, critical values
        // of Student's t, columns 0.90, 0.975 and 0.995.
        let table = [
            (0.90, 1, 3.078),
            (0.90, 10, 1.372),
            (0.975, 1, 12.706),
            (0.975, 2, 4.303),
            (0.975, 3, 3.182),
            (0.975, 4, 2.776),
            (0.975, 5, 2.571),
            (0.975, 9, 2.262),
            (0.975, 10, 2.228),
            (0.975, 19, 2.093),
            (0.975, 29, 2.045),
            (0.975, 30, 2.042),
            (0.975, 60, 2.000),
            (0.975, 100, 1.984),
            (0.995, 1, 63.657),
            (0.995, 4, 4.604),
            (0.995, 25, 2.787),
        ];
        for (probability, freedom, published) in table {
            let got = t_quantile(probability, freedom).unwrap();
            assert!((got - published).abs() < 6e-4, "{probability} {freedom}: {got}");
        }
    }

    #[test]
    fn t_quantiles_agree_with_closed_forms() {
        // One degree of freedom is the Cauchy law: tan(π(p − 1/2)). Two: (2p − 1) √2 /
        // √(4p(1 − p)). Without bound: the normal law, 1.959963984540054.
        let cauchy = (core::f64::consts::PI * 0.475).tan();
        assert!((t_quantile(0.975, 1).unwrap() / cauchy - 1.0).abs() < 1e-10);
        let two = 0.95 * 2.0_f64.sqrt() / (4.0_f64 * 0.975 * 0.025).sqrt();
        assert!((t_quantile(0.975, 2).unwrap() / two - 1.0).abs() < 1e-10);
        assert!((t_quantile(0.975, 1_000_000).unwrap() - 1.959_963_984_540_054).abs() < 1e-5);
        assert_eq!(t_quantile(0.5, 7).map(|t| t.abs() < 1e-9), Some(true));
        assert_eq!(t_quantile(0.975, 0), None);
        assert_eq!(t_quantile(1.0, 3), None);
        assert_eq!(t_quantile(f64::NAN, 3), None);
    }

    /// Both roads meet where one takes over from the other.
    #[test]
    fn the_expansion_continues_the_quantile() {
        for probability in [0.75, 0.95, 0.975, 0.995, 0.9995] {
            for freedom in [300, 700, MANY] {
                let exact = t_quantile(probability, freedom).unwrap();
                let near = near_normal(normal_quantile(probability).unwrap(), count(freedom));
                assert!(
                    (near / exact - 1.0).abs() < 1e-9,
                    "{probability} {freedom}: {near} {exact}"
                );
            }
        }
    }

    #[test]
    fn other_laws_agree_with_published_tables_and_closed_forms() {
        let near = |got: Option<f64>, want: f64, tolerance: f64| {
            assert!((got.unwrap() - want).abs() < tolerance, "{got:?} for {want}");
        };
        near(normal_quantile(0.975), 1.959_963_984_540_054, 1e-9);
        near(normal_quantile(0.5), 0.0, 1e-12);
        // The same handbook, section 1.3.6.7.4, critical values of chi-square.
        near(chi_square_quantile(0.95, 1), 3.841, 6e-4);
        near(chi_square_quantile(0.975, 9), 19.023, 6e-4);
        near(chi_square_quantile(0.025, 9), 2.700, 6e-4);
        near(chi_square_quantile(0.95, 100), 124.342, 6e-4);
        // Two degrees of freedom: −2 ln(1 − p).
        near(chi_square_quantile(0.9, 2), -2.0 * 0.1_f64.ln(), 1e-9);
        // Beta(a, 1): p^(1/a); Beta(1, b): 1 − (1 − p)^(1/b).
        near(beta_quantile(0.05, 10.0, 1.0), 0.05_f64.powf(0.1), 1e-9);
        near(beta_quantile(0.975, 1.0, 20.0), 1.0 - 0.025_f64.powf(0.05), 1e-9);
        // Binomial coefficients of ten: 1, 10, 45 of 1024.
        near(binomial_at_most(1, 10, 0.5), 11.0 / 1024.0, 1e-11);
        near(binomial_at_most(2, 10, 0.5), 56.0 / 1024.0, 1e-11);
        near(binomial_at_most(10, 10, 0.3), 1.0, 1e-12);
        for outside in [0.0, 1.0, -0.1, f64::NAN] {
            assert_eq!(normal_quantile(outside), None);
            assert_eq!(chi_square_quantile(outside, 3), None);
            assert_eq!(beta_quantile(outside, 2.0, 3.0), None);
        }
        assert_eq!(chi_square_quantile(0.5, 0), None);
        assert_eq!(beta_quantile(0.5, 0.0, 1.0), None);
        assert_eq!(binomial_at_most(1, 10, 1.5), None);
    }

    proptest! {
        /// They fall with the degrees of freedom and rise with the probability.
        #[test]
        fn t_quantiles_are_ordered(freedom in 1..2_000_usize, p in 0.6..0.999_f64) {
            let t = t_quantile(p, freedom).unwrap();
            prop_assert!(t_quantile(p, freedom + 1).unwrap() < t);
            prop_assert!(t_quantile(p + 0.0005, freedom).unwrap() > t);
            prop_assert!(t > normal_quantile(p).unwrap());
        }

        /// A sum of binomial probabilities by the recursion of their ratios.
        #[test]
        fn binomial_tails_are_sums(n in 1..60_u64, p in 0.05..0.95_f64, part in 0.0..1.0_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
            #[expect(clippy::cast_precision_loss, reason = "below 60")]
            let k = (part * n as f64) as u64;
            let small = |x: u64| f64::from(u32::try_from(x).unwrap());
            let mut term = (1.0 - p).powi(i32::try_from(n).unwrap());
            let mut sum = term;
            for j in 0..k {
                term *= small(n - j) / small(j + 1) * p / (1.0 - p);
                sum += term;
            }
            prop_assert!((binomial_at_most(k, n, p).unwrap() - sum).abs() < 1e-9);
        }
    }
}
