//! Statistics: exact where the data are integers, deterministic where they are not.
//!
//! Sums run in the order given and powers go through [`sim_types::math`], so that the same
//! numbers give the same bits everywhere.

use sim_types::math::pow;

/// The smallest value that at least `ppm` millionths of the values do not exceed
/// (nearest rank). `sorted` must be ascending; `None` if it is empty.
///
/// ```
/// use reports::stats::percentile;
/// assert_eq!(percentile(&[10, 20, 30, 40], 500_000), Some(20));
/// assert_eq!(percentile(&[10, 20, 30, 40], 990_000), Some(40));
/// ```
#[must_use]
pub fn percentile(sorted: &[u64], ppm: u32) -> Option<u64> {
    let rank = (sorted.len() as u128 * u128::from(ppm)).div_ceil(1_000_000);
    let index = usize::try_from(rank).unwrap_or(usize::MAX).max(1) - 1;
    sorted.get(index.min(sorted.len().checked_sub(1)?)).copied()
}

/// Arithmetic mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / count(values.len()))
}

/// Sample standard deviation (divisor n − 1); `None` for fewer than two values.
#[must_use]
pub fn std_dev(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let centre = mean(values)?;
    let squares: f64 = values.iter().map(|v| (v - centre) * (v - centre)).sum();
    Some((squares / count(values.len() - 1)).sqrt())
}

/// The 95 % confidence interval of the mean of independent, roughly normal values:
/// mean ± t(n − 1) · s / √n. `None` for fewer than two values.
#[must_use]
pub fn interval95(values: &[f64]) -> Option<[f64; 2]> {
    let half = t_quantile(0.975, values.len().checked_sub(1)?)? * std_dev(values)?
        / count(values.len()).sqrt();
    let centre = mean(values)?;
    Some([centre - half, centre + half])
}

/// The interval of the mean difference `b − a` of values paired by index (the replication):
/// with common random numbers the pairing removes the noise both share. `None` for fewer
/// than two pairs.
#[must_use]
pub fn paired_interval95(a: &[f64], b: &[f64]) -> Option<[f64; 2]> {
    let differences: Vec<f64> = a.iter().zip(b).map(|(a, b)| b - a).collect();
    interval95(&differences)
}

/// The interval of the difference of means `b − a` of independent samples (Welch), with the
/// Welch–Satterthwaite degrees of freedom rounded down, which errs to the wide side.
#[must_use]
pub fn welch_interval95(a: &[f64], b: &[f64]) -> Option<[f64; 2]> {
    let (sa, sb) = (std_dev(a)?, std_dev(b)?);
    let (va, vb) = (sa * sa / count(a.len()), sb * sb / count(b.len()));
    let difference = mean(b)? - mean(a)?;
    let variance = va + vb;
    if variance <= 0.0 {
        return Some([difference, difference]);
    }
    let freedom =
        variance * variance / (va * va / count(a.len() - 1) + vb * vb / count(b.len() - 1));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and at most the number of values"
    )]
    let half = t_quantile(0.975, (freedom as usize).max(1))? * variance.sqrt();
    Some([difference - half, difference + half])
}

/// The quantile of Student's t distribution for `freedom` ≥ 1 degrees of freedom and
/// 0.5 ≤ `probability` < 1, to about 1e-12 relative; `None` outside.
///
/// The distribution function is 1 − I(x; ν/2, 1/2) / 2 with x = ν / (ν + t²)
/// (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1 and 26.5.27); it is
/// inverted by bisection.
#[must_use]
pub fn t_quantile(probability: f64, freedom: usize) -> Option<f64> {
    if !(0.5..1.0).contains(&probability) || freedom == 0 {
        return None;
    }
    let (mut low, mut high) = (0.0, 1.0);
    while t_distribution(high, freedom) < probability {
        high *= 2.0;
        if high > 1e15 {
            return None;
        }
    }
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            break;
        }
        if t_distribution(middle, freedom) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(f64::midpoint(low, high))
}

/// Probability that Student's t with `freedom` degrees of freedom is at most `t` ≥ 0.
#[expect(clippy::many_single_char_names, reason = "the letters of the handbook")]
fn t_distribution(t: f64, freedom: usize) -> f64 {
    let nu = count(freedom);
    // Γ((ν+1)/2) / Γ(ν/2), by the recursion r(ν+1) = (ν/2) / r(ν) from r(1) = 1/√π: it needs
    // no logarithm of the gamma function.
    let mut ratio = 1.0 / core::f64::consts::PI.sqrt();
    for k in 1..freedom {
        ratio = count(k) / 2.0 / ratio;
    }
    let x = nu / (nu + t * t);
    let y = t * t / (nu + t * t);
    // x^a · y^b / B(a, b) with a = ν/2, b = 1/2, and Γ(1/2) = √π.
    let front = pow(x, nu / 2.0) * y.sqrt() * ratio / core::f64::consts::PI.sqrt();
    let (a, b) = (nu / 2.0, 0.5);
    // The fraction converges fast on one side of the mean; the other side is the complement.
    let tail = if x < (a + 1.0) / (a + b + 2.0) {
        front * beta_fraction(x, a, b) / a
    } else {
        1.0 - front * beta_fraction(y, b, a) / b
    };
    1.0 - tail / 2.0
}

/// The continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8),
/// evaluated by Lentz's method.
#[expect(clippy::many_single_char_names, reason = "the letters of the handbook")]
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let guard = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / guard(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for step in 1..1_000_u32 {
        let m = f64::from(step);
        for numerator in [
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0)),
        ] {
            d = 1.0 / guard(1.0 + numerator * d);
            c = guard(1.0 + numerator / c);
            value *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// Gini coefficient of a distribution: 0 when all have the same, (n − 1) / n when one has
/// all. `None` if nobody has anything.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a ratio of sums, shown to a few digits")]
pub fn gini(holdings: &[u128]) -> Option<f64> {
    let mut sorted = holdings.to_vec();
    sorted.sort_unstable();
    let total: f64 = sorted.iter().map(|&h| h as f64).sum();
    if total <= 0.0 {
        return None;
    }
    let n = count(sorted.len());
    let weighted: f64 =
        sorted.iter().enumerate().map(|(i, &h)| (2.0 * count(i) + 1.0 - n) * h as f64).sum();
    Some(weighted / (n * total))
}

/// Nakamoto coefficient: the smallest number of holders who together have more than half.
/// `None` if nobody has anything.
#[must_use]
pub fn nakamoto(holdings: &[u128]) -> Option<usize> {
    let mut sorted = holdings.to_vec();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    let total: u128 = sorted.iter().sum();
    let mut held = 0;
    sorted
        .iter()
        .position(|&h| {
            held += h;
            held > total - held
        })
        .map(|index| index + 1)
}

/// The share of the whole that the poorest `points`-ths own, at 0, 1/points, …, 1: the Lorenz
/// curve. Empty if nobody has anything.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "drawn, not accounted")]
pub fn lorenz(holdings: &[u128], points: usize) -> Vec<f64> {
    let mut sorted = holdings.to_vec();
    sorted.sort_unstable();
    let mut cumulative = vec![0.0];
    for &h in &sorted {
        cumulative.push(cumulative[cumulative.len() - 1] + h as f64);
    }
    let total = cumulative[cumulative.len() - 1];
    if total <= 0.0 || points == 0 {
        return Vec::new();
    }
    (0..=points)
        .map(|k| {
            let whole = k * sorted.len() / points;
            let part = count(k * sorted.len() % points) / count(points);
            let next = cumulative.get(whole + 1).copied().unwrap_or(total);
            (cumulative[whole] + part * (next - cumulative[whole])) / total
        })
        .collect()
}

/// Spearman's rank correlation; equal values share the mean of their ranks. `None` for fewer
/// than three pairs or when one side is constant.
#[must_use]
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 3 {
        return None;
    }
    pearson(&ranks(a), &ranks(b))
}

fn pearson(a: &[f64], b: &[f64]) -> Option<f64> {
    let (ma, mb) = (mean(a)?, mean(b)?);
    let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
        a.iter().zip(b).map(|(&x, &y)| f(x - ma, y - mb)).sum()
    };
    let (xx, yy, xy) = (sum(&|x, _| x * x), sum(&|_, y| y * y), sum(&|x, y| x * y));
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx * yy).sqrt())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&i, &j| values[i].total_cmp(&values[j]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = order[start..]
            .iter()
            .take_while(|&&i| values[i].total_cmp(&values[order[start]]).is_eq())
            .count();
        let shared = count(start) + count(same + 1) / 2.0;
        for &i in &order[start..start + same] {
            ranks[i] = shared;
        }
        start += same;
    }
    ranks
}

/// A count as a number to compute with.
#[expect(clippy::cast_precision_loss, reason = "counts of things in memory are below 2^53")]
pub(crate) fn count(n: usize) -> f64 {
    n as f64
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
        assert!((t_quantile(0.975, 1).unwrap() / cauchy - 1.0).abs() < 1e-11);
        let two = 0.95 * 2.0_f64.sqrt() / (4.0_f64 * 0.975 * 0.025).sqrt();
        assert!((t_quantile(0.975, 2).unwrap() / two - 1.0).abs() < 1e-11);
        assert!((t_quantile(0.975, 1_000_000).unwrap() - 1.959_963_984_540_054).abs() < 1e-5);
        assert_eq!(t_quantile(0.5, 7).map(|t| t < 1e-9), Some(true));
        assert_eq!(t_quantile(0.975, 0), None);
        assert_eq!(t_quantile(1.0, 3), None);
    }

    #[test]
    fn intervals_by_hand() {
        // 1, 2, 3, 4: mean 2.5, s² = 5/3, s/√4 = 0.645497…, t(3) = 3.182446…
        let [low, high] = interval95(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((low - 0.445_739_743).abs() < 1e-8, "{low}");
        assert!((high - 4.554_260_257).abs() < 1e-8, "{high}");
        assert_eq!(interval95(&[1.0]), None);
        assert_eq!(interval95(&[]), None);
        assert_eq!(interval95(&[2.0, 2.0, 2.0]), Some([2.0, 2.0]));
        // A shift common to both sides vanishes by pairing.
        assert_eq!(paired_interval95(&[1.0, 5.0, 9.0], &[3.0, 7.0, 11.0]), Some([2.0, 2.0]));
    }

    #[test]
    fn known_coefficients() {
        assert_eq!(gini(&[0, 0, 0, 8]), Some(0.75));
        assert_eq!(gini(&[1, 2, 3, 4]), Some(0.25));
        assert_eq!(gini(&[]), None);
        assert_eq!(gini(&[0, 0]), None);
        let table: [(&[u128], Option<usize>); 6] = [
            (&[1, 1, 1, 1], Some(3)),
            (&[5, 1, 1], Some(1)),
            (&[50, 50], Some(2)),
            (&[49, 26, 25], Some(2)),
            (&[], None),
            (&[0], None),
        ];
        for (holdings, want) in table {
            assert_eq!(nakamoto(holdings), want, "{holdings:?}");
        }
        // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / √(4.5 · 5).
        let rho = spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert!((rho - 0.948_683_298).abs() < 1e-9);
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(lorenz(&[3, 1], 4), [0.0, 0.125, 0.25, 0.625, 1.0]);
    }

    #[test]
    fn percentiles_are_values_that_occur() {
        let sorted: Vec<u64> = (1..=100).collect();
        for (ppm, want) in [(0, 1), (10_000, 1), (500_000, 50), (501_000, 51), (1_000_000, 100)] {
            assert_eq!(percentile(&sorted, ppm), Some(want), "{ppm}");
        }
        assert_eq!(percentile(&[], 500_000), None);
    }

    proptest! {
        #[test]
        fn a_percentile_covers_its_share(
            mut values in proptest::collection::vec(any::<u64>(), 1..60), ppm in 1..=1_000_000_u32,
        ) {
            values.sort_unstable();
            let p = percentile(&values, ppm).unwrap();
            let at_most = values.iter().filter(|&&v| v <= p).count() as u128;
            let below = values.iter().filter(|&&v| v < p).count() as u128;
            let n = values.len() as u128;
            prop_assert!(at_most * 1_000_000 >= n * u128::from(ppm));
            prop_assert!(below * 1_000_000 < n * u128::from(ppm));
        }

        #[test]
        fn gini_of_equals_is_zero_and_scale_does_not_matter(
            each in 1..1_000_000_u128, n in 1..50_usize,
            holdings in proptest::collection::vec(0..1_000_000_u128, 1..50), factor in 1..1000_u128,
        ) {
            prop_assert!(gini(&vec![each; n]).unwrap().abs() < 1e-12);
            let scaled: Vec<u128> = holdings.iter().map(|h| h * factor).collect();
            match (gini(&holdings), gini(&scaled)) {
                (Some(a), Some(b)) => {
                    prop_assert!((a - b).abs() < 1e-12);
                    prop_assert!((-1e-12..1.0).contains(&a));
                }
                (a, b) => prop_assert_eq!(a, b),
            }
            prop_assert_eq!(nakamoto(&holdings), nakamoto(&scaled));
        }

        #[test]
        fn the_lorenz_curve_encloses_the_gini_coefficient(
            holdings in proptest::collection::vec(0..1_000_u128, 1..20),
        ) {
            // With as many steps as holders the trapezoids are exact: G = 1 − 2 · area.
            let curve = lorenz(&holdings, holdings.len());
            match gini(&holdings) {
                None => prop_assert!(curve.is_empty()),
                Some(g) => {
                    let area: f64 = curve
                        .windows(2)
                        .map(|w| f64::midpoint(w[0], w[1]) / count(holdings.len()))
                        .sum();
                    prop_assert!((1.0 - 2.0 * area - g).abs() < 1e-9);
                }
            }
        }

        #[test]
        fn taking_from_the_rich_never_raises_gini(
            mut holdings in proptest::collection::vec(1..1_000_u128, 2..20),
        ) {
            holdings.sort_unstable();
            let before = gini(&holdings).unwrap();
            let last = holdings.len() - 1;
            let gift = (holdings[last] - holdings[0]) / 2;
            holdings[last] -= gift;
            holdings[0] += gift;
            prop_assert!(gini(&holdings).unwrap() <= before + 1e-12);
        }

        #[test]
        fn rank_correlation_sees_only_order(
            mut values in proptest::collection::vec(-1000..1000_i32, 3..30),
        ) {
            values.sort_unstable();
            values.dedup();
            prop_assume!(values.len() >= 3);
            let a: Vec<f64> = values.iter().map(|&v| f64::from(v)).collect();
            let cubes: Vec<f64> = a.iter().map(|v| v * v * v).collect();
            let falling: Vec<f64> = a.iter().map(|v| -v).collect();
            prop_assert!((spearman(&a, &cubes).unwrap() - 1.0).abs() < 1e-12);
            prop_assert!((spearman(&a, &falling).unwrap() + 1.0).abs() < 1e-12);
        }

        #[test]
        fn intervals_move_and_scale_with_the_values(
            values in proptest::collection::vec(-1000.0..1000.0_f64, 2..20),
            shift in -100.0..100.0_f64,
        ) {
            let [low, high] = interval95(&values).unwrap();
            let centre = mean(&values).unwrap();
            prop_assert!(low <= centre && centre <= high);
            let moved: Vec<f64> = values.iter().map(|v| v + shift).collect();
            let [moved_low, moved_high] = interval95(&moved).unwrap();
            prop_assert!((moved_low - low - shift).abs() < 1e-6);
            prop_assert!((moved_high - high - shift).abs() < 1e-6);
        }
    }
}
