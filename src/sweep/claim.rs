//! What a sweep is said to show, held to its runs.
//!
//! A claim compares the mean of a metric at some design points with a number, with the mean at
//! other points, or along an axis. It is judged by the difference within replications, which
//! meet common random numbers, and its 95 % interval (Student's t; Law, Simulation Modeling and
//! Analysis, 5th edition, section 11.2):
//!
//! | verdict | when |
//! |---|---|
//! | holds | the whole interval of every comparison lies where the claim says |
//! | does not hold | that of one of them lies where the claim denies |
//! | undecided | neither: more replications are needed, or a figure is missing |
//!
//! That all of several comparisons hold is believed no less than each of them is; that one of k
//! does not is found by chance in up to k times 2.5 % of all sweeps.

use std::collections::BTreeMap;

use reports::analysis::replications;
use reports::figure::study::Scale;
use reports::stats::mean;
use serde::{Deserialize, Serialize};

use crate::study::Measure;

/// What is claimed of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Its name.
    pub name: String,
    /// The claim in a sentence.
    pub says: String,
    /// The metric.
    pub measure: Measure,
    /// Where the claim speaks, in words; empty for the whole design.
    pub place: String,
    /// The comparisons, all of which are claimed.
    pub comparisons: Vec<Comparison>,
    /// What must be so in each of them.
    pub relation: Relation,
    /// The verdict that a reader of the sweep file may count on.
    pub assumed: Verdict,
}

/// The mean over some design points, and what it is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Design points.
    pub points: Vec<u32>,
    /// The other side.
    pub against: Against,
    /// Which of several it is, in words.
    pub step: String,
}

/// The other side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Against {
    /// A number in the metric's unit.
    Number(f64),
    /// A multiple of the mean over other design points.
    Points {
        /// Which.
        points: Vec<u32>,
        /// The multiple.
        times: f64,
        /// Where, in words.
        place: String,
    },
}

/// What a claim says of a mean and the other side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Relation {
    /// It is larger.
    Above,
    /// It is smaller.
    Below,
    /// They differ by at most this share of the other side.
    Near(f64),
}

/// How a claim ends.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// The runs show it.
    #[default]
    Holds,
    /// The runs show the contrary.
    DoesNotHold,
    /// The runs do not tell.
    Undecided,
}

impl Verdict {
    /// As people read it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::DoesNotHold => "does not hold",
            Self::Undecided => "undecided",
        }
    }
}

/// A claim and what became of it. Where several comparisons are claimed, the figures are those
/// of the one that is nearest to failing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judged {
    /// Its name.
    pub name: String,
    /// The claim in a sentence.
    pub says: String,
    /// The metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// What the runs say.
    pub verdict: Verdict,
    /// What the sweep file counts on.
    pub assumed: Verdict,
    /// What is compared, in words.
    pub compared: String,
    /// The mean at the design points of the claim.
    pub found: Option<f64>,
    /// The other side.
    pub against: Option<f64>,
    /// The mean of the differences within replications.
    pub difference: Option<f64>,
    /// Its 95 % interval, from two replications on.
    pub interval: Option<[f64; 2]>,
    /// Replications in which both sides are defined.
    pub replications: usize,
    /// Why the runs do not tell.
    pub why: Option<String>,
}

impl Judged {
    /// Whether it ended as the sweep file assumes.
    #[must_use]
    pub fn as_assumed(&self) -> bool {
        self.verdict == self.assumed
    }

    /// The figures, as people read them.
    #[must_use]
    pub fn figures(&self) -> String {
        let scale = Scale::even(&self.metric, &self.unit);
        let Some((found, against)) = self.found.zip(self.against) else {
            return self.why.clone().unwrap_or_default();
        };
        let mut text = format!("{} to {}", scale.text(found), scale.text(against));
        if let (Some(difference), Some([low, high])) = (self.difference, self.interval) {
            let [difference, low, high] = [difference, low, high].map(|value| scale.text(value));
            text += &format!("; difference {difference} ({low} … {high})");
        }
        if let Some(why) = &self.why {
            text += &format!("; {why}");
        }
        text
    }
}

/// Metrics by design point and replication.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    runs: BTreeMap<u32, BTreeMap<u32, BTreeMap<String, f64>>>,
    /// One more than the highest replication.
    replications: u32,
}

impl Figures {
    /// Adds a run.
    pub fn add(&mut self, point: u32, replication: u32, values: BTreeMap<String, f64>) {
        self.runs.entry(point).or_default().insert(replication, values);
        self.replications = self.replications.max(replication + 1);
    }

    /// One more than the highest replication of any point.
    #[must_use]
    pub fn replications(&self) -> u32 {
        self.replications
    }

    /// How many runs there are.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.runs.values().map(BTreeMap::len).sum()
    }

    /// A metric, replication by replication, mean over design points: undefined where one of
    /// them does not define it.
    #[must_use]
    pub fn over(&self, points: &[u32], metric: &str) -> Vec<Option<f64>> {
        let of = |point: &u32, replication| {
            self.runs.get(point)?.get(&replication)?.get(metric).copied()
        };
        (0..self.replications)
            .map(|replication| {
                let values: Option<Vec<f64>> =
                    points.iter().map(|point| of(point, replication)).collect();
                mean(&values?)
            })
            .collect()
    }
}

/// One comparison, judged.
struct Compared {
    verdict: Verdict,
    found: Option<f64>,
    against: Option<f64>,
    difference: Option<f64>,
    interval: Option<[f64; 2]>,
    replications: usize,
    why: Option<String>,
    /// How far the interval is inside of what is claimed; negative outside.
    room: f64,
}

impl Claim {
    /// Holds the claim to the runs. `antithetic`: whether replications come in such pairs.
    #[must_use]
    pub fn judge(&self, figures: &Figures, antithetic: bool) -> Judged {
        let all: Vec<(&Comparison, Compared)> = self
            .comparisons
            .iter()
            .map(|comparison| (comparison, self.compare(comparison, figures, antithetic)))
            .collect();
        let verdict = |wanted| all.iter().any(|(_, found)| found.verdict == wanted);
        let verdict = match () {
            () if all.is_empty() => Verdict::Undecided,
            () if verdict(Verdict::DoesNotHold) => Verdict::DoesNotHold,
            () if verdict(Verdict::Undecided) => Verdict::Undecided,
            () => Verdict::Holds,
        };
        let least = all.into_iter().min_by(|(_, a), (_, b)| a.room.total_cmp(&b.room));
        let mut judged = Judged {
            name: self.name.clone(),
            says: self.says.clone(),
            metric: self.measure.name.clone(),
            unit: self.measure.unit.clone(),
            verdict,
            assumed: self.assumed,
            compared: String::new(),
            found: None,
            against: None,
            difference: None,
            interval: None,
            replications: 0,
            why: None,
        };
        if let Some((comparison, found)) = least {
            judged.compared = self.words(comparison);
            (judged.found, judged.against) = (found.found, found.against);
            (judged.difference, judged.interval) = (found.difference, found.interval);
            (judged.replications, judged.why) = (found.replications, found.why);
        }
        judged
    }

    fn words(&self, comparison: &Comparison) -> String {
        let relation = match self.relation {
            Relation::Above => "above".to_owned(),
            Relation::Below => "below".to_owned(),
            Relation::Near(share) => {
                format!("within {} of", Scale::even("", "share").text(share))
            }
        };
        let other = match &comparison.against {
            Against::Number(number) => {
                Scale::even(&self.measure.name, &self.measure.unit).text(*number)
            }
            Against::Points { times, place, .. } => {
                let times = Scale::even("", "").text(*times);
                let times = if times == "1" { String::new() } else { format!("{times} × ") };
                format!("{times}its mean at {place}")
            }
        };
        let place = if comparison.step.is_empty() { &self.place } else { &comparison.step };
        let place = if place.is_empty() { "all points" } else { place };
        format!("{} at {place} {relation} {other}", self.measure.name)
    }

    fn compare(&self, comparison: &Comparison, figures: &Figures, antithetic: bool) -> Compared {
        let here = figures.over(&comparison.points, &self.measure.name);
        let there = match &comparison.against {
            Against::Number(number) => vec![Some(*number); here.len()],
            Against::Points { points, times, .. } => figures
                .over(points, &self.measure.name)
                .into_iter()
                .map(|value| value.map(|value| value * times))
                .collect(),
        };
        let differences = replications::differences(&there, &here);
        let paired: Vec<(f64, f64)> =
            here.iter().zip(&there).filter_map(|(a, b)| Some(((*a)?, (*b)?))).collect();
        let side =
            |which: fn(&(f64, f64)) -> f64| mean(&paired.iter().map(which).collect::<Vec<f64>>());
        let (found, against) = (side(|pair| pair.0), side(|pair| pair.1));
        let estimate = replications::estimate(&differences, antithetic);
        let interval = estimate.as_ref().and_then(|estimate| estimate.interval);
        let difference = estimate.map(|estimate| estimate.value);
        let mut why = None;
        let (verdict, room) = if let Some([low, high]) = interval {
            self.relation.judge(low, high, against.unwrap_or(0.0))
        } else {
            why = Some(if paired.is_empty() {
                format!("{} is undefined there", self.measure.name)
            } else {
                "one replication tells no interval".to_owned()
            });
            (Verdict::Undecided, f64::NEG_INFINITY)
        };
        let replications = paired.len();
        Compared { verdict, found, against, difference, interval, replications, why, room }
    }
}

impl Relation {
    /// The verdict on an interval of the difference, and how far inside of the claim it lies.
    fn judge(self, low: f64, high: f64, against: f64) -> (Verdict, f64) {
        let one_sided = |low: f64, high: f64| {
            let verdict = match () {
                () if low > 0.0 => Verdict::Holds,
                () if high <= 0.0 => Verdict::DoesNotHold,
                () => Verdict::Undecided,
            };
            (verdict, low)
        };
        match self {
            Self::Above => one_sided(low, high),
            Self::Below => one_sided(-high, -low),
            Self::Near(share) => {
                let most = share * against.abs();
                let room = most - high.max(-low);
                let verdict = match () {
                    () if room >= 0.0 => Verdict::Holds,
                    () if low > most || high < -most => Verdict::DoesNotHold,
                    () => Verdict::Undecided,
                };
                (verdict, room)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(points: &[&[f64]]) -> Figures {
        let mut figures = Figures::default();
        for (point, values) in (0..).zip(points) {
            for (replication, value) in (0..).zip(*values) {
                if value.is_finite() {
                    figures.add(point, replication, [("m".to_owned(), *value)].into());
                }
            }
        }
        figures
    }

    fn claim(relation: Relation, against: &[Against]) -> Claim {
        Claim {
            name: "c".to_owned(),
            says: String::new(),
            measure: Measure { name: "m".to_owned(), unit: "1".to_owned() },
            place: String::new(),
            comparisons: (0..)
                .zip(against)
                .map(|(point, against)| Comparison {
                    points: vec![point],
                    against: against.clone(),
                    step: String::new(),
                })
                .collect(),
            relation,
            assumed: Verdict::Holds,
        }
    }

    fn at(point: u32, times: f64) -> Against {
        Against::Points { points: vec![point], times, place: String::new() }
    }

    /// Luck that both points share drops out; luck of their own does not.
    #[test]
    fn differences_are_judged_within_replications() {
        let shared = figures(&[&[11.0, 21.0, 31.5], &[10.0, 20.0, 30.0]]);
        let own = figures(&[&[11.0, 31.0, 21.0], &[30.0, 10.0, 20.0]]);
        for (relation, shared_verdict) in [
            (Relation::Above, Verdict::Holds),
            (Relation::Below, Verdict::DoesNotHold),
            (Relation::Near(0.2), Verdict::Holds),
            (Relation::Near(0.01), Verdict::DoesNotHold),
        ] {
            let claim = claim(relation, &[at(1, 1.0)]);
            assert_eq!(claim.judge(&shared, false).verdict, shared_verdict, "{relation:?}");
            assert_eq!(claim.judge(&own, false).verdict, Verdict::Undecided, "{relation:?}");
        }
        // Differences 1, 1, 1.5: mean 7/6, standard deviation 1/(2 sqrt 3), t(2) = 4.302653.
        let judged = claim(Relation::Above, &[at(1, 1.0)]).judge(&shared, false);
        let half = 4.302_653 * (1.0 / (2.0 * 3_f64.sqrt())) / 3_f64.sqrt();
        let [low, high] = judged.interval.unwrap();
        assert!(
            (low - (7.0 / 6.0 - half)).abs() < 1e-6 && (high - (7.0 / 6.0 + half)).abs() < 1e-6
        );
    }

    #[test]
    fn a_multiple_and_a_number_are_other_sides() {
        let runs = figures(&[&[22.0, 22.1, 22.3], &[20.0, 20.1, 20.2]]);
        let verdict = |relation, against| claim(relation, &[against]).judge(&runs, false).verdict;
        assert_eq!(verdict(Relation::Above, at(1, 1.05)), Verdict::Holds);
        // Differences 0, -0.01, 0.08.
        assert_eq!(verdict(Relation::Above, at(1, 1.1)), Verdict::Undecided);
        assert_eq!(verdict(Relation::Below, at(1, 3.0)), Verdict::Holds);
        assert_eq!(verdict(Relation::Above, Against::Number(-20.0)), Verdict::Holds);
        assert_eq!(verdict(Relation::Above, Against::Number(200.0)), Verdict::DoesNotHold);
    }

    /// All comparisons must hold, and the one nearest to failing is shown.
    #[test]
    fn the_weakest_comparison_decides() {
        let runs = figures(&[&[3.0, 3.0], &[2.0, 2.0], &[1.0, 1.0]]);
        let rising = claim(Relation::Above, &[at(1, 1.0), at(2, 0.5)]).judge(&runs, false);
        assert_eq!((rising.verdict, rising.difference), (Verdict::Holds, Some(1.0)));
        let broken = claim(Relation::Above, &[at(1, 1.0), at(0, 1.0)]).judge(&runs, false);
        assert_eq!((broken.verdict, broken.difference), (Verdict::DoesNotHold, Some(-1.0)));
        // Equal is not above.
        let equal = claim(Relation::Above, &[at(0, 1.0)]).judge(&runs, false);
        assert_eq!(equal.verdict, Verdict::DoesNotHold);
    }

    #[test]
    fn what_is_missing_leaves_a_claim_undecided() {
        let runs = figures(&[&[3.0], &[2.0, f64::NAN, 2.0], &[f64::NAN; 3]]);
        let one = claim(Relation::Above, &[at(1, 1.0)]).judge(&runs, false);
        assert_eq!((one.verdict, one.replications), (Verdict::Undecided, 1));
        assert!(one.why.unwrap().contains("one replication"));
        let none = claim(Relation::Above, &[at(2, 1.0)]).judge(&runs, false);
        assert_eq!((none.verdict, none.found), (Verdict::Undecided, None));
        assert!(none.why.unwrap().contains("undefined"));
    }
}
