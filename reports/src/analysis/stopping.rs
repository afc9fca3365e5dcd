//! When enough replications are done: until the interval of a metric is narrow enough (Law,
//! Simulation Modeling and Analysis, section 9.4.1; Chow and Robbins, Annals of Mathematical
//! Statistics 36, 1965).
//!
//! The decision looks at replications 0, 1, 2, … in this order and takes the first number of
//! them that suffices. How many threads ran them, and which was done first, cannot matter.

use serde::{Deserialize, Serialize};

use super::Estimate;
use super::replications::estimate;

/// How wide the 95 % interval may be, on either side of the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HalfWidth {
    /// As a share of the mean's absolute value.
    Relative(f64),
    /// In the metric's unit.
    Absolute(f64),
}

/// A rule for stopping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Fewest replications.
    pub min: u32,
    /// Most.
    pub max: u32,
    /// Full name of the metric whose interval decides.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// How narrow the interval must become.
    pub half_width: HalfWidth,
    /// As the scenario writes it.
    pub written: String,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// The rule.
    pub rule: Rule,
    /// Replications that count.
    pub replications: u32,
    /// Whether the interval became narrow enough; else the most replications allowed were done.
    pub reached: bool,
    /// Mean of the metric over them; absent where none defines it.
    pub value: Option<f64>,
    /// Half width of its interval.
    pub half_width: Option<f64>,
}

impl Rule {
    /// Decides by the values of the metric in replications 0 to `values.len()` − 1. `None`:
    /// more replications are needed. With antithetic pairs only whole pairs count.
    #[must_use]
    pub fn decide(&self, values: &[Option<f64>], antithetic: bool) -> Option<Decision> {
        (1..).zip(values).find_map(|(n, _): (u32, _)| {
            let at_end = n >= self.max;
            if n < self.min && !at_end || antithetic && n % 2 == 1 && !at_end {
                return None;
            }
            let found = estimate(&values[..n as usize], antithetic);
            let reached = found.as_ref().is_some_and(|found| self.satisfied(found));
            (reached || at_end).then(|| Decision {
                rule: self.clone(),
                replications: n,
                reached,
                value: found.map(|f| f.value),
                half_width: found.and_then(|f| f.half_width()),
            })
        })
    }

    fn satisfied(&self, found: &Estimate) -> bool {
        let wanted = match self.half_width {
            HalfWidth::Relative(share) => share * found.value.abs(),
            HalfWidth::Absolute(width) => width,
        };
        found.half_width().is_some_and(|half| half <= wanted)
    }
}

impl Decision {
    /// The decision in one sentence.
    #[must_use]
    pub fn words(&self) -> String {
        let Rule { metric, written, max, .. } = &self.rule;
        let n = self.replications;
        if self.reached {
            format!("{n} replications: the half width of {metric} is within {written}")
        } else {
            format!(
                "{n} replications, the most allowed ({max}): the half width of {metric} is not \
                 within {written}"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rule(min: u32, max: u32, half_width: HalfWidth) -> Rule {
        Rule {
            min,
            max,
            metric: "answer_latency_mean".to_owned(),
            unit: "s".to_owned(),
            half_width,
            written: "x".to_owned(),
        }
    }

    #[test]
    fn the_first_prefix_that_suffices_decides() {
        // Half widths of 9, 11, 10, 10: t(1) √2 / √2 = 12.706; t(2) · 1 / √3 = 2.484;
        // t(3) · 0.8165 / 2 = 1.299.
        let values = [Some(9.0), Some(11.0), Some(10.0), Some(10.0), Some(90.0)];
        let table = [
            (2, 9, HalfWidth::Absolute(13.0), Some((2, true))),
            (2, 9, HalfWidth::Absolute(2.5), Some((3, true))),
            (2, 9, HalfWidth::Relative(0.13), Some((4, true))),
            (2, 9, HalfWidth::Relative(0.129), None),
            (2, 3, HalfWidth::Relative(0.13), Some((3, false))),
            (5, 9, HalfWidth::Absolute(13.0), None),
        ];
        for (min, max, width, want) in table {
            let got = rule(min, max, width).decide(&values, false);
            assert_eq!(got.map(|d| (d.replications, d.reached)), want, "{min} {max} {width:?}");
        }
    }

    #[test]
    fn pairs_count_whole_and_what_is_never_defined_never_suffices() {
        let values = [Some(9.0), Some(11.0), Some(12.0), Some(8.0), Some(1.0)];
        let got = rule(3, 9, HalfWidth::Absolute(0.1)).decide(&values, true).unwrap();
        assert_eq!((got.replications, got.half_width), (4, Some(0.0)));
        let got = rule(2, 4, HalfWidth::Absolute(1e9)).decide(&[None; 4], false).unwrap();
        assert_eq!((got.replications, got.reached, got.value), (4, false, None));
        assert_eq!(rule(2, 4, HalfWidth::Absolute(1.0)).decide(&[], false), None);
    }

    proptest! {
        /// More replications than were needed do not change the decision.
        #[test]
        fn what_came_later_does_not_matter(
            values in proptest::collection::vec(0.5..1.5_f64, 2..40), width in 0.05..0.5_f64,
            antithetic in any::<bool>(),
        ) {
            let values: Vec<_> = values.into_iter().map(Some).collect();
            let rule = rule(4, 30, HalfWidth::Relative(width));
            if let Some(decision) = rule.decide(&values, antithetic) {
                let n = decision.replications as usize;
                prop_assert_eq!(rule.decide(&values[..n], antithetic), Some(decision));
                for fewer in 0..n {
                    prop_assert_eq!(rule.decide(&values[..fewer], antithetic), None);
                }
            } else {
                prop_assert!(values.len() < 30);
            }
        }
    }
}
