//! Its own scores, and a share of its weight for itself.
//!
//! | rule | |
//! |---|---|
//! | R1 | what it observes it weighs as [`moving_average`](super::moving_average) does |
//! | R2 | it names itself with `share` of the row's sum; the others keep their proportions |
//! | R3 | the row is scaled so that the largest is 65535, rounded to the nearest, halves up |
//!
//! The chain drops what a validator says of itself, save the owner's own, before it divides a
//! row by its sum: it gains nothing, and loses a little to rounding, since the others are
//! written with what resolution is left.
//!
//! It does not: hide the weight on itself, for instance behind a provider of its own; that is
//! [`sided`](super::sided).
//!
//! Source: the mask of the diagonal: opentensor/subtensor @ `14bc6f9f`,
//! `pallets/subtensor/src/epoch/run_epoch.rs`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Rejected, Share, StateMachine, Uid};

use super::moving_average::{self, MovingAverage};
use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Its own share of the row; more than 0%, less than 100%. Default 50% (assumed).
    #[serde(default = "half")]
    pub share: Share,
    /// How it weighs the others. Default as `moving_average: {}`.
    #[serde(default)]
    pub average: moving_average::Params,
}

fn half() -> Share {
    Share::percent(50)
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SelfWeighting {
    share: Share,
    oneself: Option<Uid>,
    average: MovingAverage,
}

impl crate::Rule for SelfWeighting {
    const NAME: &'static str = "self_weighting";
    const SUMMARY: &'static str =
        "A validator weighs what it observed, and gives a share of its weight to itself.";
    const SOURCE: &'static str =
        "opentensor/subtensor pallets/subtensor/src/epoch/run_epoch.rs @14bc6f9f (masked diagonal)";

    fn example() -> Params {
        Params { share: half(), average: moving_average::Params::default() }
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let mut facts = <MovingAverage as crate::Rule>::facts(&params.average);
        let share = format!("{} ppm", params.share.ppm());
        let why = "what a greedy validator would try";
        facts.push(Fact::new("weights.self_weighting.share", share, Fidelity::Assumed, why));
        facts
    }
}

impl StateMachine for SelfWeighting {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        let share = params.share;
        ParamError::unless(share > Share::ZERO, "share", "0%", "more than 0%, less than 100%")?;
        ParamError::unless(share < Share::ONE, "share", "100%", "more than 0%, less than 100%")?;
        Ok(Self { share, oneself: None, average: super::own(params.average)? })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Introduced { oneself, .. } => {
                super::known(oneself, self.average.members())?;
                if self.oneself.is_some() {
                    return Err(Rejected::NotPermitted("introduced already"));
                }
                self.oneself = Some(oneself);
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

impl SelfWeighting {
    /// R2, R3.
    fn row(&self) -> Option<Vec<(Uid, u16)>> {
        let (one, share) = (u128::from(Share::ONE.ppb()), u128::from(self.share.ppb()));
        let others = self.average.row().into_iter().filter(|cell| Some(cell.0) != self.oneself);
        // Everything times 1 - share, so that nothing is lost before R3.
        let mut row: Vec<(Uid, u128)> =
            others.map(|(uid, weight)| (uid, u128::from(weight) * (one - share))).collect();
        let sum: u128 = row.iter().map(|cell| cell.1).sum();
        if let Some(oneself) = self.oneself {
            let at = row.partition_point(|cell| cell.0 < oneself);
            row.insert(at, (oneself, sum / (one - share) * share));
        }
        super::upscaled(row)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::observed;
    use super::*;

    #[test]
    fn it_names_itself_with_its_share() {
        // (share in percent, scores of uids 0 and 2 in percent, row) of uid 1.
        type Row = (u32, [u32; 2], &'static [(u16, u16)]);
        let table: [Row; 3] = [
            (50, [100, 100], &[(0, 32_768), (1, 65_535), (2, 32_768)]),
            (20, [100, 100], &[(0, 65_535), (1, 32_768), (2, 65_535)]),
            (75, [100, 50], &[(0, 14_563), (1, 65_535), (2, 7_282)]),
        ];
        for (share, scores, want) in table {
            let average = moving_average::Params::default();
            let mut rule =
                SelfWeighting::new(Params { share: Share::percent(share), average }).unwrap();
            let mut out = vec![];
            rule.apply(Input::Opened { members: 3 }, &mut out).unwrap();
            rule.apply(Input::WeightsDue, &mut out).unwrap();
            assert!(out.is_empty());
            rule.apply(super::super::tests::introduced(1), &mut out).unwrap();
            for (uid, score) in [0, 2].into_iter().zip(scores) {
                rule.apply(observed(uid, score * 10_000), &mut out).unwrap();
            }
            rule.apply(Input::WeightsDue, &mut out).unwrap();
            let Effect::SetWeights { row } = &out[0];
            let row: Vec<(u16, u16)> = row.iter().map(|c| (c.0.0, c.1)).collect();
            assert_eq!(row, want, "{share} {scores:?}");
        }
    }

    #[test]
    fn nothing_or_all_for_oneself_is_refused() {
        let average = moving_average::Params::default();
        for share in [Share::ZERO, Share::ONE] {
            assert_eq!(SelfWeighting::new(Params { share, average }).unwrap_err().field, "share");
        }
        let average = moving_average::Params { alpha: Share::ZERO, ..average };
        let wrong = SelfWeighting::new(Params { share: half(), average }).unwrap_err();
        assert_eq!(wrong.field, "average.alpha");
    }
}
