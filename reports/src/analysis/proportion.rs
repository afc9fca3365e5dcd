//! The share of independent trials that succeed, with the exact interval of Clopper and Pearson
//! (Biometrika 26, 1934): its ends are quantiles of beta laws, and it never covers less than
//! it says.

use super::distributions::beta_quantile;
use crate::stats::count;

/// The interval of a share of which `successes` of `trials` were seen, at `level`. `None`
/// without trials, with more successes than trials, or unless 0 < `level` < 1.
#[must_use]
pub fn interval(successes: usize, trials: usize, level: f64) -> Option<[f64; 2]> {
    if trials == 0 || successes > trials || !(level > 0.0 && level < 1.0) {
        return None;
    }
    let tail = (1.0 - level) / 2.0;
    let (hits, misses) = (count(successes), count(trials - successes));
    let low = if successes == 0 { 0.0 } else { beta_quantile(tail, hits, misses + 1.0)? };
    let high =
        if successes == trials { 1.0 } else { beta_quantile(1.0 - tail, hits + 1.0, misses)? };
    Some([low, high])
}

#[cfg(test)]
mod tests {
    use super::super::distributions::binomial_at_most;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_of_the_scale_have_closed_forms() {
        // Nothing in n: 1 − 0.025^(1/n) at the upper end.
        let [low, high] = interval(0, 10, 0.95).unwrap();
        assert_eq!(low.to_bits(), 0);
        assert!((high - (1.0 - 0.025_f64.powf(0.1))).abs() < 1e-9);
        let [low, high] = interval(10, 10, 0.95).unwrap();
        assert!((low - 0.025_f64.powf(0.1)).abs() < 1e-9 && (high - 1.0).abs() < 1e-15);
        assert_eq!(interval(0, 0, 0.95), None);
        assert_eq!(interval(3, 2, 0.95), None);
        assert_eq!(interval(1, 2, 1.0), None);
    }

    proptest! {
        /// The definition: at the ends, what was seen or more extreme has the tail's
        /// probability.
        #[test]
        fn ends_have_the_tails_they_should(n in 2..200_u64, part in 0.0..1.0_f64) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below n")]
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let k = (1 + (part * (n - 1) as f64) as u64).min(n - 1);
            let size = |x: u64| usize::try_from(x).unwrap();
            let [low, high] = interval(size(k), size(n), 0.9).unwrap();
            prop_assert!((1.0 - binomial_at_most(k - 1, n, low).unwrap() - 0.05).abs() < 1e-7);
            prop_assert!((binomial_at_most(k, n, high).unwrap() - 0.05).abs() < 1e-7);
        }
    }
}
