//! The consensus where it has been stable, its own scores elsewhere.
//!
//! | rule | |
//! |---|---|
//! | R1 | what it observes it weighs as [`super::moving_average`] does |
//! | R2 | a member is stable when its consensus in the last `window` periods strayed by at most `tolerance`: the smallest is at least 1 - `tolerance` of the largest |
//! | R3 | a stable member weighs its latest consensus; any other its share of the sum of R1's weights |
//! | R4 | a member that is neither stable nor observed is not named |
//! | R5 | the row is scaled so that the largest is 65535, rounded to the nearest, halves up |
//! | R6 | it spends probes on members that are not stable, and on no others |
//! | R7 | a period without any consensus above 0 says nothing and is passed over |
//!
//! Consensus and shares of one's own row are on one scale, since a chain divides rows by their
//! sum before it takes the median. Where a stable member begins to move, the average that was
//! not kept up in the meantime (R6) stands in for it, until new observations have corrected it.
//!
//! It does not: choose whom to copy, or probe more where it must learn again.
//!
//! Source: described in words, without figures, in Bittensor's glossary (learnbittensor.org,
//! "weight copying", "selective copying"); the measure of stability is assumed.

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Rejected, Share, StateMachine, Uid};

use super::moving_average::{self, MovingAverage};
use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Over how many periods consensus must have been stable; 2 to 1000. Default 3 (assumed).
    #[serde(default = "three")]
    pub window: u32,
    /// How far it may have strayed from the largest of them; 0% to 100%. Default 5% (assumed).
    #[serde(default = "twentieth")]
    pub tolerance: Share,
    /// How it weighs the others. Default as `moving_average: {}`.
    #[serde(default)]
    pub average: moving_average::Params,
}

fn three() -> u32 {
    3
}

fn twentieth() -> Share {
    Share::percent(5)
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SelectiveCopy {
    window: usize,
    tolerance: Share,
    average: MovingAverage,
    /// The last `window` published periods, the oldest first.
    published: VecDeque<Vec<u16>>,
}

impl crate::Rule for SelectiveCopy {
    const NAME: &'static str = "selective_copy";
    const SUMMARY: &'static str =
        "A validator copies the consensus where it was stable, and weighs for itself elsewhere.";
    const SOURCE: &'static str =
        "Bittensor's glossary (learnbittensor.org), in words; the measure of stability is assumed";

    fn example() -> Params {
        Params {
            window: three(),
            tolerance: twentieth(),
            average: moving_average::Params::default(),
        }
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let mut facts = <MovingAverage as crate::Rule>::facts(&params.average);
        for (name, value) in [
            ("window", params.window.to_string()),
            ("tolerance", format!("{} ppm", params.tolerance.ppm())),
        ] {
            let why = "no published figures of selective copying";
            let name = format!("weights.selective_copy.{name}");
            facts.push(Fact::new(name, value, Fidelity::Assumed, why));
        }
        facts
    }
}

impl StateMachine for SelectiveCopy {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        let window = params.window;
        ParamError::unless((2..=1_000).contains(&window), "window", window, "2 to 1000")?;
        Ok(Self {
            window: window as usize,
            tolerance: params.tolerance,
            average: super::own(params.average)?,
            published: VecDeque::new(),
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::ConsensusPublished { consensus } => {
                super::fits(&consensus, self.average.members())?;
                // R7
                if consensus.iter().any(|&c| c > 0) {
                    if self.published.len() == self.window {
                        self.published.pop_front();
                    }
                    self.published.push_back(consensus);
                }
            }
            Input::WeightsDue => {
                if let Some(row) = self.row() {
                    out.push(Effect::SetWeights { row });
                }
            }
            // R1
            other => self.average.apply(other, out)?,
        }
        Ok(())
    }
}

impl SelectiveCopy {
    /// R6.
    pub(super) fn would_probe(&self, subject: Uid) -> bool {
        self.stable(subject.0).is_none()
    }

    /// R2: the latest consensus of a stable member.
    fn stable(&self, uid: u16) -> Option<u16> {
        if self.published.len() < self.window {
            return None;
        }
        let of = |period: &Vec<u16>| period.get(usize::from(uid)).copied().unwrap_or(0);
        let (low, high) = self
            .published
            .iter()
            .map(of)
            .fold((u16::MAX, 0), |(low, high), c| (low.min(c), high.max(c)));
        let strayed = u64::from(high - low) * u64::from(Share::ONE.ppb());
        let latest = self.published.back().map(of);
        latest.filter(|_| strayed <= u64::from(self.tolerance.ppb()) * u64::from(high))
    }

    /// R3 to R5.
    fn row(&self) -> Option<Vec<(Uid, u16)>> {
        /// Parts of one unit of consensus, so that shares are not rounded before R5.
        const FINE: u128 = 1_000_000;
        let observed = self.average.row();
        let sum: u128 = observed.iter().map(|cell| u128::from(cell.1)).sum();
        let own = |uid: Uid| {
            let at = observed.binary_search_by_key(&uid, |cell| cell.0).ok()?;
            Some(u128::from(observed[at].1) * u128::from(u16::MAX) * FINE / sum.max(1))
        };
        let named = (0..self.average.members()).filter_map(|uid| {
            let stable = self.stable(uid).map(|c| u128::from(c) * FINE);
            Some((Uid(uid), stable.or_else(|| own(Uid(uid)))?))
        });
        super::upscaled(named.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::observed;
    use super::*;

    fn with(window: u32, tolerance: u32) -> SelectiveCopy {
        let average = moving_average::Params::default();
        let tolerance = Share::percent(tolerance);
        let mut rule = SelectiveCopy::new(Params { window, tolerance, average }).unwrap();
        rule.apply(Input::Opened { members: 4 }, &mut vec![]).unwrap();
        rule
    }

    fn publish(rule: &mut SelectiveCopy, consensus: [u16; 4]) {
        let consensus = consensus.to_vec();
        rule.apply(Input::ConsensusPublished { consensus }, &mut vec![]).unwrap();
    }

    fn row(rule: &mut SelectiveCopy) -> Vec<(u16, u16)> {
        let mut out = vec![];
        rule.apply(Input::WeightsDue, &mut out).unwrap();
        let row = out.pop().map(|Effect::SetWeights { row }| row).unwrap_or_default();
        row.iter().map(|c| (c.0.0, c.1)).collect()
    }

    #[test]
    fn what_is_stable_is_copied_and_the_rest_is_its_own() {
        let mut rule = with(2, 10);
        assert_eq!(row(&mut rule), [], "nothing is known");
        // Own scores 1 and 1/2: two thirds and one third of its row.
        rule.apply(observed(1, 1_000_000), &mut vec![]).unwrap();
        rule.apply(observed(2, 500_000), &mut vec![]).unwrap();
        publish(&mut rule, [0, 30_000, 20_000, 10_000]);
        assert_eq!(row(&mut rule), [(1, 65_535), (2, 32_768)], "one period is no window");
        assert!((0..4).all(|uid| rule.would_probe(Uid(uid))));
        // Uid 1 moves by a third, 2 by exactly a tenth, 3 not at all; 0 has none.
        publish(&mut rule, [0, 40_000, 18_000, 10_000]);
        let probed: Vec<u16> = (0..4).filter(|&uid| rule.would_probe(Uid(uid))).collect();
        assert_eq!(probed, [1]);
        // Its own share of uid 1 is 43690 of 65535, and a little more for rounding.
        assert_eq!(row(&mut rule), [(0, 0), (1, 65_535), (2, 27_000), (3, 15_000)]);
        // A period without consensus changes nothing.
        publish(&mut rule, [0; 4]);
        assert_eq!(row(&mut rule)[1], (1, 65_535));
        publish(&mut rule, [0, 40_000, 18_000, 30_000]);
        assert_eq!(row(&mut rule), [(0, 0), (1, 65_535), (2, 29_491)], "3 moves, unobserved");
    }

    #[test]
    fn parameters_outside_their_domain_are_named() {
        let average = moving_average::Params::default();
        for window in [0, 1, 1_001] {
            let params = Params { window, tolerance: twentieth(), average };
            assert_eq!(SelectiveCopy::new(params).unwrap_err().field, "window");
        }
        let average = moving_average::Params { sharpness: 0, ..average };
        let params = Params { window: 2, tolerance: twentieth(), average };
        assert_eq!(SelectiveCopy::new(params).unwrap_err().field, "average.sharpness");
    }
}
