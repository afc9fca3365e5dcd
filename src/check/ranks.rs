//! Exact rank tests: whether two samples come from one law, whatever that law is.
//!
//! Both tests hold their level exactly, without any assumption on the law: under the null
//! hypothesis every assignment of the observed ranks to the samples (of signs to the differences)
//! is equally likely, and all of them are counted. Ties share the mean of their ranks and stay in
//! the count, so that the level holds with ties too. (Lehmann, *Nonparametrics*, sections 1.2,
//! 1.4, 3.2.) A value that is absent ranks below all others.

/// A value to rank: absent ones come first.
fn order(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NEG_INFINITY)
}

/// Twice the mean rank of every value, so that ranks are whole numbers.
fn double_ranks(values: &[f64]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0; values.len()];
    let mut from = 0;
    while from < places.len() {
        let value = values[places[from]];
        let ties = places[from..].iter().take_while(|&&p| values[p].total_cmp(&value).is_eq());
        let to = from + ties.count();
        // Ranks from + 1 to `to`: their mean doubled is from + 1 + to.
        places[from..to].iter().for_each(|&place| ranks[place] = from + 1 + to);
        from = to;
    }
    ranks
}

/// Both tails of a distribution at one point, doubled: the two-sided p-value.
fn two_sided(counts: &[f64], at: usize) -> f64 {
    let all: f64 = counts.iter().sum();
    let below: f64 = counts[..=at].iter().sum();
    let above: f64 = counts[at..].iter().sum();
    (2.0 * below.min(above) / all).min(1.0)
}

/// The probability that two independent samples of one law differ at least as much as these: the
/// rank-sum test of Wilcoxon, Mann and Whitney, two-sided, over all assignments of the ranks.
/// One of an empty sample.
#[must_use]
pub fn rank_sum(a: &[Option<f64>], b: &[Option<f64>]) -> f64 {
    let values: Vec<f64> = a.iter().chain(b).map(|&value| order(value)).collect();
    let ranks = double_ranks(&values);
    let few = a.len().min(b.len());
    // The ranks of the smaller sample.
    let own = if a.len() <= b.len() { &ranks[..few] } else { &ranks[a.len()..] };
    let found: usize = own.iter().sum();
    let most: usize = ranks.len() * 2 * few;
    // ways[k][s]: choices of k values whose ranks sum to s.
    let mut ways = vec![vec![0.0_f64; most + 1]; few + 1];
    ways[0][0] = 1.0;
    for &rank in &ranks {
        for k in (1..=few).rev() {
            let (less, more) = ways.split_at_mut(k);
            let (from, to) = (&less[k - 1], &mut more[0]);
            for (to, from) in to[rank..].iter_mut().zip(from) {
                *to += from;
            }
        }
    }
    two_sided(&ways[few], found)
}

/// The probability that differences of pairs that do not favour either side are at least as
/// lopsided as these: Wilcoxon's signed-rank test, two-sided, over all assignments of signs.
/// Pairs without a difference say nothing and are left out.
#[must_use]
pub fn signed_rank(pairs: &[(Option<f64>, Option<f64>)]) -> f64 {
    let differences: Vec<f64> = pairs
        .iter()
        .map(|&(before, now)| match (before, now) {
            (Some(before), Some(now)) => now - before,
            (None, None) => 0.0,
            (None, Some(_)) => f64::INFINITY,
            (Some(_), None) => f64::NEG_INFINITY,
        })
        .filter(|difference| difference.abs() > 0.0)
        .collect();
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let ranks = double_ranks(&sizes);
    let positive = ranks.iter().zip(&differences).filter(|(_, d)| **d > 0.0);
    let found: usize = positive.map(|(rank, _)| rank).sum();
    let most: usize = ranks.iter().sum();
    let mut ways = vec![0.0_f64; most + 1];
    ways[0] = 1.0;
    for &rank in &ranks {
        for sum in (rank..=most).rev() {
            ways[sum] += ways[sum - rank];
        }
    }
    two_sided(&ways, found)
}

/// The least p-value that [`rank_sum`] can give: all of one sample above all of the other.
#[must_use]
pub fn least_rank_sum(a: u32, b: u32) -> f64 {
    // Two over the number of ways to choose `a` of `a + b`.
    (1..=a.min(b)).fold(2.0, |p, k| p * f64::from(k) / f64::from(a.max(b) + k))
}

/// The least p-value that [`signed_rank`] can give.
#[must_use]
pub fn least_signed_rank(pairs: u32) -> f64 {
    (0..pairs).fold(2.0, |p, _| p / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    fn near(found: f64, want: f64) {
        assert!((found - want).abs() < 1e-12, "{found} {want}");
    }

    /// Counted by hand, and by the published tables: with 5 and 5 values the rank sum is at most
    /// 17 in 4 of 252 ways (Lehmann, table B).
    #[test]
    fn rank_sums_match_counts_by_hand() {
        near(rank_sum(&some(&[1.0, 2.0]), &some(&[3.0, 4.0])), 2.0 / 6.0);
        near(rank_sum(&some(&[1.0, 4.0]), &some(&[2.0, 3.0])), 1.0);
        near(rank_sum(&some(&[1.0]), &some(&[2.0, 3.0, 4.0])), 2.0 / 4.0);
        // Ranks 1, 2, 3, 4, 7 sum to 17.
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 7.0], [5.0, 6.0, 8.0, 9.0, 10.0]);
        near(rank_sum(&some(&a), &some(&b)), 2.0 * 4.0 / 252.0);
        near(rank_sum(&some(&b), &some(&a)), 2.0 * 4.0 / 252.0);
        // All alike: nothing can be said. Ties across: of 6 ways, ranks 1.5, 1.5, 3.5, 3.5.
        near(rank_sum(&some(&[5.0; 4]), &some(&[5.0; 9])), 1.0);
        near(rank_sum(&some(&[1.0, 1.0]), &some(&[2.0, 2.0])), 2.0 / 6.0);
        near(rank_sum(&[None, None], &some(&[-1e300, 2.0])), 2.0 / 6.0);
        near(rank_sum(&[], &some(&[1.0])), 1.0);
    }

    /// With 5 pairs all of one sign: 2 of 32 ways. Ranks 1 to 4 with the least of the other sign:
    /// sums of at least 9 of 10 in 2 of 16 ways.
    #[test]
    fn signed_ranks_match_counts_by_hand() {
        let pairs = |differences: &[f64]| -> Vec<_> {
            differences.iter().map(|&d| (Some(0.0), Some(d))).collect()
        };
        near(signed_rank(&pairs(&[1.0, 2.0, 3.0, 4.0, 5.0])), 2.0 / 32.0);
        near(signed_rank(&pairs(&[-1.0, 2.0, 3.0, 4.0])), 4.0 / 16.0);
        near(signed_rank(&pairs(&[0.0; 7])), 1.0);
        near(signed_rank(&[]), 1.0);
        near(signed_rank(&[(None, None), (None, Some(1.0))]), 1.0);
    }

    #[test]
    fn the_least_p_values_are_those_of_complete_separation() {
        near(least_rank_sum(2, 2), 2.0 / 6.0);
        near(least_rank_sum(5, 5), 2.0 / 252.0);
        near(least_signed_rank(5), 2.0 / 32.0);
    }

    /// The level holds: of all 252 assignments of ten different values, and of ten values with
    /// ties, no more than the stated share has so small a p-value.
    #[test]
    fn no_level_is_exceeded() {
        for values in [
            [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0],
            [0.0, 0.0, 0.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0, 9.0],
        ] {
            let mut found = Vec::new();
            for chosen in 0_u32..1 << 10 {
                if chosen.count_ones() == 5 {
                    let of = |wanted: bool| -> Vec<Option<f64>> {
                        let taken = |&i: &usize| (chosen >> i & 1 == 1) == wanted;
                        (0..10).filter(taken).map(|i| Some(values[i])).collect()
                    };
                    found.push(rank_sum(&of(true), &of(false)));
                }
            }
            assert_eq!(found.len(), 252);
            for level in [0.01, 0.05, 0.1, 0.5] {
                let alarms: f64 = found.iter().filter(|&&p| p <= level).map(|_| 1.0).sum();
                assert!(alarms <= level * 252.0, "{level}: {alarms}");
            }
        }
    }
}
