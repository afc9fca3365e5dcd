//! The mean over replications.
//!
//! Replications are independent, so Student's t holds without looking inside them (Law,
//! Simulation Modeling and Analysis, 5th edition, section 9.4.1). Antithetic replications 2k
//! and 2k + 1 are not independent of each other, their means are (section 11.3): the interval
//! is then Student's over pair means.

use super::{Estimate, Method};
use crate::stats::{interval95, mean};

/// The mean of one value a replication, and its 95 % interval.
///
/// Replications in which the value is undefined are left out; of an antithetic pair, both are
/// when one is, unless no pair is whole: then there is a mean and no interval. `None` when no
/// replication defines the value.
#[must_use]
pub fn estimate(per_replication: &[Option<f64>], antithetic: bool) -> Option<Estimate> {
    let defined: Vec<f64> = per_replication.iter().flatten().copied().collect();
    if !antithetic {
        return Some(Estimate {
            value: mean(&defined)?,
            interval: interval95(&defined),
            method: Method::Replications,
            pieces: defined.len(),
        });
    }
    let pairs = pair_means(per_replication);
    Some(Estimate {
        value: mean(&pairs).or_else(|| mean(&defined))?,
        interval: interval95(&pairs),
        method: Method::AntitheticPairs,
        pieces: pairs.len(),
    })
}

/// The means of the pairs (0, 1), (2, 3), … in which both values are defined. A last
/// replication without partner has no pair.
#[must_use]
pub fn pair_means(per_replication: &[Option<f64>]) -> Vec<f64> {
    per_replication
        .chunks_exact(2)
        .filter_map(|pair| Some(f64::midpoint(pair[0]?, pair[1]?)))
        .collect()
}

/// The differences `b − a` replication by replication, where both are defined: on common
/// random numbers what both designs share drops out (Law, section 11.2).
#[must_use]
pub fn differences(a: &[Option<f64>], b: &[Option<f64>]) -> Vec<Option<f64>> {
    a.iter().zip(b).map(|(a, b)| Some((*b)? - (*a)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_undefined_is_left_out() {
        let values = [Some(1.0), None, Some(3.0), Some(5.0), Some(9.0)];
        let single = estimate(&values, false).unwrap();
        assert_eq!((single.value, single.pieces), (4.5, 4));
        // Only the pair (3, 5) is whole.
        let pairs = estimate(&values, true).unwrap();
        assert_eq!((pairs.value, pairs.interval, pairs.pieces), (4.0, None, 1));
        assert_eq!(estimate(&[None, None], false), None);
        assert_eq!(estimate(&[None, None], true), None);
        let lonely = estimate(&[Some(7.0), None], true).unwrap();
        assert_eq!((lonely.value, lonely.interval), (7.0, None));
    }

    #[test]
    fn pairs_that_mirror_each_other_leave_no_width() {
        let mirrored = [Some(1.0), Some(9.0), Some(4.0), Some(6.0), Some(5.0), Some(5.0)];
        let pairs = estimate(&mirrored, true).unwrap();
        assert_eq!((pairs.value, pairs.interval), (5.0, Some([5.0, 5.0])));
        assert!(estimate(&mirrored, false).unwrap().half_width().unwrap() > 2.0);
    }

    proptest! {
        /// The estimate moves and scales with the values, pairs or not.
        #[test]
        fn estimates_are_equivariant(
            values in proptest::collection::vec(-100.0..100.0_f64, 4..20),
            scale in 0.1..10.0_f64, shift in -50.0..50.0_f64, antithetic in any::<bool>(),
        ) {
            let plain: Vec<_> = values.iter().copied().map(Some).collect();
            let moved: Vec<_> = values.iter().map(|v| Some(scale * v + shift)).collect();
            let (a, b) = (estimate(&plain, antithetic).unwrap(), estimate(&moved, antithetic).unwrap());
            prop_assert!((scale * a.value + shift - b.value).abs() < 1e-9);
            let (a, b) = (a.half_width().unwrap(), b.half_width().unwrap());
            prop_assert!((scale * a - b).abs() < 1e-8 * (1.0 + b));
        }
    }
}
