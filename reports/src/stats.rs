//! Statistics: exact where the data are integers, deterministic where they are not.
//!
//! Sums run in the order given and quantiles of distributions are rounded, so that the same
//! numbers give the same bits everywhere.

pub use crate::analysis::distributions::t_quantile;
use sim_types::{math, seeded};

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
    let index = seeded!(RankOffByOne, index + 1, index);
    sorted.get(index.min(sorted.len().checked_sub(1)?)).copied()
}

/// The smallest value that a share of all do not exceed, by nearest rank; with `ppm` 0 the
/// smallest of all. `None` without values.
#[must_use]
pub fn quantile(values: &[f64], ppm: u32) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() as u64 * u64::from(ppm)).div_ceil(1_000_000).max(1);
    sorted.get(usize::try_from(rank - 1).ok()?).copied()
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

/// The 95 % interval of the mean of rank correlations of independent groups, each given with
/// its number of pairs: the mean of Fisher's transforms with the variance
/// (1 + ρ²/2) / (n − 3), transformed back. For one group it is Bonett and Wright's interval
/// (*Psychometrika* 65, 2000). `None` without groups, and where one has fewer than four pairs
/// or a correlation of exactly one.
#[must_use]
pub fn rank_correlation_interval95(groups: &[(f64, usize)]) -> Option<[f64; 2]> {
    const Z: f64 = 1.959_963_984_540_054;
    let (mut sum, mut variance) = (0.0, 0.0);
    for &(rho, pairs) in groups {
        if pairs < 4 || rho.abs() >= 1.0 {
            return None;
        }
        sum += math::ln((1.0 + rho) / (1.0 - rho)) / 2.0;
        variance += (1.0 + rho * rho / 2.0) / count(pairs - 3);
    }
    if groups.is_empty() {
        return None;
    }
    let (mean, half) = (sum / count(groups.len()), Z * variance.sqrt() / count(groups.len()));
    let back = |z: f64| {
        let e = math::exp(2.0 * z);
        (e - 1.0) / (e + 1.0)
    };
    Some([back(mean - half), back(mean + half)])
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
        // artanh 0.5 = 0.549306; 1.959964 · √(1.125 / 50) = 0.293995.
        let [low, high] = rank_correlation_interval95(&[(0.5, 53)]).unwrap();
        assert!((low - 0.255_312_f64.tanh()).abs() < 1e-5, "{low}");
        assert!((high - 0.843_301_f64.tanh()).abs() < 1e-5, "{high}");
        // Of four alike, the mean is twice as sure.
        let [low, _] = rank_correlation_interval95(&[(0.5, 53); 4]).unwrap();
        assert!((low - 0.402_309_f64.tanh()).abs() < 1e-5, "{low}");
        for none in [&[][..], &[(0.5, 3)], &[(1.0, 50)], &[(0.1, 50), (-1.0, 9)]] {
            assert_eq!(rank_correlation_interval95(none), None);
        }
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
