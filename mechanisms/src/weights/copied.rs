//! The consensus of an earlier period, copied without doing any work.
//!
//! | rule | |
//! |---|---|
//! | R1 | the published weights are the consensus published `lag_epochs` periods ago; 1 is the latest, 0 what the weights that are public at the moment would agree on |
//! | R2 | the row names every member whose consensus was not 0, scaled so that the largest is 65535, rounded to the nearest, halves up |
//! | R3 | nothing is published before that much is known, or where that consensus was 0 throughout |
//!
//! It does not: observe anything, or choose whom to copy: it follows the consensus of all.
//!
//! Source: the weight copier of Bittensor: `bactensor/yuma-simulation` @`2b976fd5`, case 8; a
//! lag above 1 is what commit-reveal with a longer period forces on it. A copier with lag 0
//! sees this period's weights where they are public when they are set; under commit-reveal it
//! sees those of `commit_reveal` periods before (opentensor/subtensor @ `14bc6f9f`,
//! `pallets/subtensor/src/coinbase/reveal_commits.rs`).

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Rejected, StateMachine, Uid};

use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How many published periods back the copied consensus lies; 0 to 1000. Default 1: the
    /// latest. 0 reads the weights that are public just before the period closes.
    #[serde(default = "one")]
    pub lag_epochs: u32,
}

fn one() -> u32 {
    1
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Copied {
    lag: usize,
    members: Option<u16>,
    /// The last `lag` published periods, the oldest first.
    published: VecDeque<Vec<u16>>,
    /// With lag 0, what was public a moment ago.
    seen: Option<Vec<u16>>,
}

impl Copied {
    pub(super) fn looks_now(&self) -> bool {
        self.lag == 0
    }
}

impl crate::Rule for Copied {
    const NAME: &'static str = "copied";
    const SUMMARY: &'static str =
        "A validator publishes the consensus of an earlier period instead of working.";
    const SOURCE: &'static str = "bactensor/yuma-simulation @2b976fd5, case 8 (lazy copier)";

    fn example() -> Params {
        Params { lag_epochs: one() }
    }

    fn facts(params: &Params) -> Vec<Fact> {
        vec![Fact::new(
            "weights.copied.lag_epochs",
            params.lag_epochs.to_string(),
            Fidelity::Assumed,
            "1 where weights are public at once; commit-reveal lengthens it",
        )]
    }
}

impl StateMachine for Copied {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        let lag = params.lag_epochs;
        ParamError::unless(lag <= 1_000, "lag_epochs", lag, "0 to 1000")?;
        Ok(Self { lag: lag as usize, members: None, published: VecDeque::new(), seen: None })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Opened { members } => {
                if self.members.is_some() {
                    return Err(Rejected::NotPermitted("opened already"));
                }
                self.members = Some(members);
            }
            Input::Introduced { .. } => {}
            Input::Observed { subject, .. } => {
                super::known(subject, self.members.unwrap_or(0))?;
            }
            Input::Surveyed { scores } => {
                super::all_known(&scores, self.members.unwrap_or(0))?;
            }
            Input::ConsensusPublished { consensus } => {
                super::fits(&consensus, self.members.unwrap_or(0))?;
                if self.lag > 0 {
                    if self.published.len() == self.lag {
                        self.published.pop_front();
                    }
                    self.published.push_back(consensus);
                }
            }
            Input::WeightsSeen { consensus } => {
                super::fits(&consensus, self.members.unwrap_or(0))?;
                self.seen = Some(consensus).filter(|_| self.lag == 0);
            }
            // R1, R3
            Input::WeightsDue => {
                if let Some(row) = self.seen.take().and_then(|seen| row(&seen)) {
                    out.push(Effect::SetWeights { row });
                } else if self.published.len() == self.lag
                    && let Some(row) = self.published.front().and_then(|c| row(c))
                {
                    out.push(Effect::SetWeights { row });
                }
            }
        }
        Ok(())
    }
}

/// R2.
fn row(consensus: &[u16]) -> Option<Vec<(Uid, u16)>> {
    let named = (0_u16..).zip(consensus).filter(|&(_, &c)| c > 0);
    super::upscaled(named.map(|(uid, &c)| (Uid(uid), c.into())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_lag_by_so_many_periods() {
        let rows: [Vec<u16>; 4] = [vec![0, 10, 30], vec![1, 1, 0], vec![0, 0, 0], vec![0, 9, 0]];
        let full = |row: &[(u16, u16)]| {
            vec![Effect::SetWeights { row: row.iter().map(|&(u, w)| (Uid(u), w)).collect() }]
        };
        let copies = [full(&[(1, 21_845), (2, 65_535)]), full(&[(0, 65_535), (1, 65_535)]), vec![]];
        for lag in [1, 2] {
            let mut rule = Copied::new(Params { lag_epochs: lag }).unwrap();
            let mut out = vec![];
            rule.apply(Input::Opened { members: 3 }, &mut out).unwrap();
            rule.apply(Input::WeightsDue, &mut out).unwrap();
            assert!(out.is_empty(), "nothing to copy yet");
            let lag = lag as usize;
            for (epoch, consensus) in rows.iter().enumerate().take(2 + lag) {
                let consensus = consensus.clone();
                rule.apply(Input::ConsensusPublished { consensus }, &mut out).unwrap();
                rule.apply(Input::WeightsDue, &mut out).unwrap();
                let want = (epoch + 1).checked_sub(lag).map_or(vec![], |i| copies[i].clone());
                assert_eq!(core::mem::take(&mut out), want, "lag {lag}, epoch {epoch}");
            }
        }
    }
    #[test]
    fn a_copier_without_lag_copies_what_it_sees_and_only_then() {
        let mut rule = Copied::new(Params { lag_epochs: 0 }).unwrap();
        assert!(rule.looks_now());
        let mut out = vec![];
        rule.apply(Input::Opened { members: 2 }, &mut out).unwrap();
        rule.apply(Input::ConsensusPublished { consensus: vec![1, 2] }, &mut out).unwrap();
        rule.apply(Input::WeightsDue, &mut out).unwrap();
        assert!(out.is_empty(), "an older consensus is not what is public now");
        rule.apply(Input::WeightsSeen { consensus: vec![4, 1] }, &mut out).unwrap();
        rule.apply(Input::WeightsDue, &mut out).unwrap();
        rule.apply(Input::WeightsDue, &mut out).unwrap();
        let row = vec![(Uid(0), 65_535), (Uid(1), 16_384)];
        assert_eq!(out, [Effect::SetWeights { row }]);
        let long = Input::WeightsSeen { consensus: vec![1; 3] };
        let refused = Rejected::UnknownUid { got: 2, members: 2 };
        assert_eq!(rule.apply(long, &mut out), Err(refused));
    }
}
