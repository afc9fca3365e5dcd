//! Tests of randomness, each to a p-value that is uniform if the draws are.
//!
//! D. E. Knuth, "The Art of Computer Programming" volume 2, section 3.3.2 (frequency, serial,
//! gap and run tests); G. Marsaglia, "A current view of random number generators" (1985) for
//! birthday spacings.

use statrs::distribution::{ChiSquared, ContinuousCDF, Normal};

use crate::validate::des::text::float;

/// Fisher's combination of independent p-values.
pub(super) fn fisher(p_values: &[f64]) -> f64 {
    let statistic: f64 = p_values.iter().map(|p| -2.0 * p.max(f64::MIN_POSITIVE).ln()).sum();
    above(statistic, 2 * p_values.len())
}

/// The probability that chi-square with so many degrees of freedom exceeds `statistic`; NaN,
/// which passes no test, for none.
fn above(statistic: f64, degrees: usize) -> f64 {
    ChiSquared::new(float(degrees as u64)).map_or(f64::NAN, |law| law.sf(statistic))
}

/// Two-sided p-value of a standard normal statistic.
fn two_sided(z: f64) -> f64 {
    2.0 * Normal::standard().sf(z.abs())
}

/// Counts against weights.
pub(super) fn chi_square(counts: &[u64], weights: &[f64]) -> f64 {
    let total = float(counts.iter().sum());
    let sum: f64 = weights.iter().sum();
    let cells = counts.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
    let (mut statistic, mut degrees) = (0.0, 0);
    for (&count, &weight) in cells {
        let expected = total * weight / sum;
        statistic += (float(count) - expected).powi(2) / expected;
        degrees += 1;
    }
    above(statistic, usize::max(degrees, 1) - 1)
}

/// The highest bytes of 64-bit draws are equally frequent.
pub(super) fn chi_square_of_bytes(values: &[u64]) -> f64 {
    let mut counts = vec![0; 256];
    for bits in values {
        counts[(bits >> 56) as usize] += 1;
    }
    chi_square(&counts, &vec![1.0; 256])
}

/// How often the draws change from one half of the range to the other: each step does with
/// probability one half.
pub(super) fn runs(values: &[u64]) -> f64 {
    let changes = values.windows(2).filter(|pair| (pair[0] ^ pair[1]) >> 63 == 1).count();
    let steps = float(values.len().saturating_sub(1) as u64);
    two_sided((float(changes as u64) - 0.5 * steps) / (0.25 * steps).sqrt())
}

/// Draws between two that lie in the lowest eighth of the range: geometric.
pub(super) fn gaps(values: &[u64]) -> f64 {
    const LONGEST: usize = 40;
    let mut counts = vec![0; LONGEST + 1];
    let mut since = None;
    for bits in values {
        if bits >> 61 == 0 {
            if let Some(gap) = since {
                counts[usize::min(gap, LONGEST)] += 1;
            }
            since = Some(0);
        } else if let Some(gap) = &mut since {
            *gap += 1;
        }
    }
    let mut left = 1.0;
    let mut weights: Vec<f64> = Vec::new();
    for _ in 0..LONGEST {
        weights.push(left * 0.125);
        left *= 0.875;
    }
    weights.push(left);
    chi_square(&counts, &weights)
}

/// Repeated spacings between `n` birthdays in a year of `m` days, so many times over.
pub(super) fn birthday_repetitions(
    m: u64,
    n: u64,
    repetitions: u64,
    mut birthday: impl FnMut() -> u64,
) -> Vec<u64> {
    let mut counts = Vec::new();
    let mut days = Vec::new();
    for _ in 0..repetitions {
        days.clear();
        days.extend((0..n).map(|_| birthday()));
        days.sort_unstable();
        // The year is a ring: as many spacings as birthdays.
        let around = days[0] + (m - days[days.len() - 1]);
        let mut spacings: Vec<u64> = days.windows(2).map(|pair| pair[1] - pair[0]).collect();
        spacings.push(around);
        spacings.sort_unstable();
        counts.push(spacings.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64);
    }
    counts
}

/// Their mean: `n^3 / 4m`.
pub(super) fn birthday_mean(m: u64, n: u64) -> f64 {
    float(n).powi(3) / (4.0 * float(m))
}

/// Counts against Poisson's law, cells of less than five expected taken together.
pub(super) fn poisson_fit(counts: &[u64], mean: f64) -> f64 {
    let total = float(counts.len() as u64);
    let (mut weights, mut limits) = (Vec::new(), Vec::new());
    let (mut mass, mut cell, mut left) = ((-mean).exp(), 0.0, 1.0);
    let mut k = 0_u64;
    while left * total >= 10.0 && k < 100_000 {
        cell += mass;
        left -= mass;
        if cell * total >= 5.0 && left * total >= 5.0 {
            weights.push(cell);
            limits.push(k);
            cell = 0.0;
        }
        k += 1;
        mass *= mean / float(k);
    }
    weights.push((1.0 - weights.iter().sum::<f64>()).max(0.0));
    let mut found = vec![0; weights.len()];
    for count in counts {
        found[limits.partition_point(|limit| limit < count)] += 1;
    }
    chi_square(&found, &weights)
}

/// Values against a continuous distribution: Kolmogorov and Smirnov's largest distance, with
/// the limit law at the argument of M. A. Stephens, "Use of the Kolmogorov-Smirnov,
/// Cramér-von Mises and related statistics without extensive tables" (1970).
pub(super) fn kolmogorov(mut values: Vec<f64>, below: impl Fn(f64) -> f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = float(values.len() as u64);
    let mut distance: f64 = 0.0;
    for (i, &x) in (0..).zip(&values) {
        let (f, from) = (below(x), float(i));
        distance = distance.max(f - from / n).max((from + 1.0) / n - f);
    }
    let root = n.sqrt();
    kolmogorov_above((root + 0.12 + 0.11 / root) * distance)
}

/// Kolmogorov's limit law: `2 sum over k of (-1)^(k-1) exp(-2 k^2 x^2)`, and the form that
/// converges for small arguments.
fn kolmogorov_above(x: f64) -> f64 {
    if x < 0.3 {
        // The series below is 1 to seven digits there.
        let t = core::f64::consts::PI.powi(2) / (8.0 * x * x);
        let sum: f64 = [1.0_f64, 3.0, 5.0].iter().map(|k| (-k * k * t).exp()).sum();
        return 1.0 - core::f64::consts::TAU.sqrt() / x * sum;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * f64::from(k * k) * x * x).exp()
    };
    (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim_core::queueing::Draws;

    /// Quantiles of the tables.
    #[test]
    fn laws_are_those_of_the_tables() {
        let table = [
            (above(18.307, 10), 0.05),
            (two_sided(1.959_964), 0.05),
            (kolmogorov_above(1.358_1), 0.05),
            (kolmogorov_above(0.827_57), 0.5),
            (kolmogorov_above(0.299_999), kolmogorov_above(0.300_001)),
        ];
        for (got, want) in table {
            assert!((got - want).abs() < 1e-4, "{got} for {want}");
        }
    }

    fn values(change: impl Fn(u64, u64) -> u64) -> Vec<u64> {
        let mut draws = Draws::new(99);
        (0..100_000).map(|i| change(i, draws.bits())).collect()
    }

    fn unit(bits: &[u64]) -> Vec<f64> {
        bits.iter().map(|b| float(b >> 11) / float(1 << 53)).collect()
    }

    fn birthdays(values: &[u64]) -> f64 {
        let mut at = values.iter().map(|bits| bits >> 40);
        let counts = birthday_repetitions(1 << 24, 512, 195, || at.next().unwrap());
        poisson_fit(&counts, birthday_mean(1 << 24, 512))
    }

    #[test]
    fn good_draws_pass() {
        let good = values(|_, bits| bits);
        let all = [
            chi_square_of_bytes(&good),
            runs(&good),
            gaps(&good),
            birthdays(&good),
            kolmogorov(unit(&good), |x| x),
        ];
        assert!(all.iter().all(|p| (1e-3..=1.0 - 1e-3).contains(p)), "{all:?}");
        assert!((1e-3..=1.0 - 1e-3).contains(&fisher(&all)));
    }

    /// Each test sees the fault that it is for.
    #[test]
    fn bad_draws_fail() {
        let biased = values(|i, bits| if i % 8 == 0 { bits >> 1 } else { bits });
        let sticky = values(|i, bits| if i % 50 == 0 { bits | 1 << 63 } else { bits });
        // Every fourth draw lies in the lowest eighth half the time.
        let regular = values(|i, bits| if i % 16 == 0 { bits >> 3 } else { bits });
        let lattice = values(|_, bits| bits & !(0xfff << 40));
        let too_even: Vec<u64> = (0..100_000_u64).map(|i| i.wrapping_mul(1 << 56)).collect();
        let table = [
            ("chi-square", chi_square_of_bytes(&biased)),
            ("too even", 1.0 - chi_square_of_bytes(&too_even)),
            ("runs", runs(&values(|i, bits| bits & (u64::MAX >> 1) | (i / 3 % 2) << 63))),
            ("gaps", gaps(&regular)),
            ("birthdays", birthdays(&lattice)),
            ("Kolmogorov", kolmogorov(unit(&sticky), |x| x)),
            ("Fisher", fisher(&[1e-7, 0.5, 0.5])),
        ];
        for (name, p) in table {
            assert!(p < 1e-4, "{name}: {p}");
        }
    }
}
