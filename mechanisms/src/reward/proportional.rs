//! Pays by the work observed, weighed by its score.
//!
//! | rule | |
//! |---|---|
//! | R1 | a member's merit is the sum of score times tokens over the observations of the period |
//! | R2 | the period closes with the block announced when it began, `epoch_blocks` after the last |
//! | R3 | at the close all that accrued is split in proportion to merit, exactly: floors first, the units left go to the largest remainders, then the lower uid |
//! | R4 | if nothing of merit was observed, all is withheld |
//! | R5 | a member that took over a place starts without merit |
//!
//! It does not: use stakes, weights, confidence or verifiers, pay verifiers, or carry merit
//! over. A period that accrued 2^64 units or more withholds the excess; merits whose sum
//! exceeds 64 bits are compared without their lowest bits. New parameters count from the next
//! period on.
//!
//! Source: proportional reward shares, the form used by mining pools: Rosenfeld, "Analysis of
//! Bitcoin Pooled Mining Reward Systems", arXiv:1112.4980, section 2.1; R3 is Hamilton's method.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Amount, EpochIndex, Fact, Fidelity, Height, ParamError, PayoutReason, Rejected, StateMachine,
    Uid, seeded,
};

use super::{Effect, Input, MemberFigures, RewardSpec, split};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Blocks in one period; at least 1. Default 360: 72 minutes of 12 s blocks, Bittensor's
    /// tempo, so that designs compare at equal periods.
    #[serde(default = "tempo")]
    pub epoch_blocks: u64,
}

fn tempo() -> u64 {
    360
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Proportional {
    params: Params,
    /// By uid; empty before the subnet opens.
    stakes: Vec<u64>,
    merits: Vec<u128>,
    accrued: Amount,
    epoch: EpochIndex,
    last_block: Height,
    closes_at: Height,
}

impl crate::Rule for Proportional {
    const NAME: &'static str = "proportional";
    const SUMMARY: &'static str = "Pays by the work observed, weighed by its score.";
    const SOURCE: &'static str =
        "Rosenfeld, Analysis of Bitcoin Pooled Mining Reward Systems, arXiv:1112.4980, section 2.1";

    fn example() -> Params {
        Params { epoch_blocks: tempo() }
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let (class, source) = if params.epoch_blocks == tempo() {
            (
                Fidelity::Published,
                "Bittensor's tempo: opentensor/subtensor runtime/src/lib.rs @14bc6f9f",
            )
        } else {
            (Fidelity::Assumed, "chosen by the scenario")
        };
        let blocks = params.epoch_blocks.to_string();
        vec![Fact::new("reward.proportional.epoch_blocks", blocks, class, source)]
    }
}

impl StateMachine for Proportional {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        check(params)?;
        Ok(Self {
            params,
            stakes: Vec::new(),
            merits: Vec::new(),
            accrued: Amount::ZERO,
            epoch: EpochIndex(0),
            last_block: Height(0),
            closes_at: Height(0),
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Opened { stakes, .. } => {
                super::may_open(self.stakes.len(), stakes.len())?;
                self.merits = vec![0; stakes.len()];
                self.stakes = stakes;
                self.begin(out);
            }
            Input::Reconfigured { spec } => {
                let RewardSpec::Proportional(params) = *spec else {
                    return Err(Rejected::NotPermitted("parameters of another rule"));
                };
                check(params).map_err(|_| Rejected::NotPermitted("parameters out of domain"))?;
                self.params = params;
            }
            Input::StakeChanged { uid, stake } => {
                let index = super::member(uid, self.stakes.len())?;
                self.stakes[index] = stake;
            }
            // R5
            Input::Registered { uid, stake, .. } => {
                let index = super::member(uid, self.stakes.len())?;
                self.stakes[index] = stake;
                self.merits[index] = 0;
            }
            Input::WeightsSet { .. } => {
                return Err(Rejected::NotPermitted("this rule takes observations, not weights"));
            }
            Input::MetadataPublished { uid } => {
                super::member(uid, self.stakes.len())?;
            }
            // R1
            Input::Observed { subject, observation } => {
                let index = super::member(subject, self.stakes.len())?;
                let merit = u128::from(observation.score_ppm) * u128::from(observation.tokens);
                self.merits[index] = self.merits[index].saturating_add(merit);
            }
            // R2
            Input::BlockProduced { height, emission } => {
                super::may_follow(height, self.last_block, self.stakes.len())?;
                self.last_block = height;
                self.accrued += emission;
                if height >= self.closes_at {
                    self.close(out);
                    self.begin(out);
                }
            }
        }
        Ok(())
    }
}

fn check(params: Params) -> Result<(), ParamError> {
    ParamError::unless(params.epoch_blocks > 0, "epoch_blocks", 0, "at least 1")
}

impl Proportional {
    fn begin(&mut self, out: &mut Vec<Effect>) {
        self.closes_at = Height(self.last_block.0.saturating_add(self.params.epoch_blocks));
        out.push(Effect::EpochOpened { epoch: self.epoch, closes_at: self.closes_at });
    }

    /// R3 and R4.
    fn close(&mut self, out: &mut Vec<Effect>) {
        let (payable, beyond) = split::payable(core::mem::take(&mut self.accrued));
        let paid = split::by_weights(payable, &self.merits);
        let (paid, beyond) = seeded!(DroppedPayout, drop_last(paid, beyond), (paid, beyond));
        let withheld = if paid.is_some() { beyond } else { beyond + Amount(payable.into()) };
        let paid = paid.unwrap_or_else(|| vec![Amount::ZERO; self.merits.len()]);
        for (uid, &amount) in (0..).zip(&paid) {
            if amount > Amount::ZERO {
                out.push(Effect::Pay { to: Uid(uid), amount, reason: PayoutReason::Incentive });
            }
        }
        if withheld > Amount::ZERO {
            out.push(Effect::Withhold { amount: withheld });
        }
        let whole = self.merits.iter().fold(0_u128, |sum, &m| sum.saturating_add(m));
        let members = self
            .stakes
            .iter()
            .zip(&self.merits)
            .zip(paid)
            .map(|((&stake, &merit), emission)| MemberFigures {
                stake,
                incentive: split::of_u16(merit, whole),
                emission,
                ..MemberFigures::default()
            })
            .collect::<Vec<_>>();
        let members = seeded!(SwappedIndex, swap_first(members), members);
        out.push(Effect::EpochClosed { epoch: self.epoch, height: self.last_block, members });
        self.merits.fill(0);
        self.epoch.0 += 1;
    }
}

/// The last pay of a period becomes withheld.
#[cfg(feature = "seeded-defects")]
fn drop_last(paid: Option<Vec<Amount>>, beyond: Amount) -> (Option<Vec<Amount>>, Amount) {
    let Some(mut paid) = paid else { return (None, beyond) };
    let last = paid.iter_mut().rev().find(|amount| **amount > Amount::ZERO);
    let dropped = last.map_or(Amount::ZERO, core::mem::take);
    (Some(paid), beyond + dropped)
}

/// The stakes of the first two members that differ in them change places.
#[cfg(feature = "seeded-defects")]
fn swap_first(mut members: Vec<MemberFigures>) -> Vec<MemberFigures> {
    if let Some(at) = members.windows(2).position(|pair| pair[0].stake != pair[1].stake) {
        let (a, b) = (members[at].stake, members[at + 1].stake);
        (members[at].stake, members[at + 1].stake) = (b, a);
    }
    members
}

#[cfg(test)]
mod tests {
    use sim_types::{JobId, NodeId, Observation};

    use super::*;

    fn observed(subject: u16, score_ppm: u32, tokens: u32) -> Input {
        let observation = Observation {
            verifier: NodeId(0),
            subject: NodeId(0),
            job: JobId(0),
            score_ppm,
            confidence_ppm: 0,
            tokens,
        };
        Input::Observed { subject: Uid(subject), observation }
    }

    fn opened(epoch_blocks: u64) -> Proportional {
        let mut rule = Proportional::new(Params { epoch_blocks }).unwrap();
        let mut out = vec![];
        rule.apply(Input::Opened { subnet: 0, stakes: vec![5, 6, 7] }, &mut out).unwrap();
        let closes_at = Height(epoch_blocks);
        assert_eq!(out, [Effect::EpochOpened { epoch: EpochIndex(0), closes_at }]);
        rule
    }

    fn block(rule: &mut Proportional, height: u64, emission: u128) -> Vec<Effect> {
        let mut out = vec![];
        let input = Input::BlockProduced { height: Height(height), emission: Amount(emission) };
        rule.apply(input, &mut out).unwrap();
        out
    }

    #[test]
    fn work_times_score_decides() {
        let mut rule = opened(2);
        for (subject, score, tokens) in [(0, 1_000_000, 30), (1, 500_000, 60), (1, 0, 999)] {
            rule.apply(observed(subject, score, tokens), &mut vec![]).unwrap();
        }
        assert_eq!(block(&mut rule, 1, 50), []);
        let out = block(&mut rule, 2, 51);
        let pay = |to, amount| Effect::Pay {
            to: Uid(to),
            amount: Amount(amount),
            reason: PayoutReason::Incentive,
        };
        assert_eq!(out[..2], [pay(0, 51), pay(1, 50)]);
        let Effect::EpochClosed { epoch, height, members } = &out[2] else { panic!("{out:?}") };
        assert_eq!((*epoch, *height), (EpochIndex(0), Height(2)));
        let figures: Vec<_> =
            members.iter().map(|m| (m.stake, m.incentive, m.emission.0)).collect();
        assert_eq!(figures, [(5, 32_767, 51), (6, 32_767, 50), (7, 0, 0)]);
        assert_eq!(out[3], Effect::EpochOpened { epoch: EpochIndex(1), closes_at: Height(4) });
    }

    #[test]
    fn without_work_all_is_withheld_and_work_does_not_carry_over() {
        let mut rule = opened(1);
        rule.apply(observed(2, 1, 1), &mut vec![]).unwrap();
        assert!(matches!(block(&mut rule, 1, 9)[0], Effect::Pay { to: Uid(2), .. }));
        assert_eq!(block(&mut rule, 2, 9)[0], Effect::Withhold { amount: Amount(9) });
        rule.apply(observed(2, 1, 1), &mut vec![]).unwrap();
        let newcomer = Input::Registered { uid: Uid(2), height: Height(3), stake: 0 };
        rule.apply(newcomer, &mut vec![]).unwrap();
        assert_eq!(block(&mut rule, 3, 9)[0], Effect::Withhold { amount: Amount(9) });
    }

    #[test]
    fn new_parameters_keep_the_running_period() {
        let mut rule = opened(3);
        let spec = |epoch_blocks| Input::Reconfigured {
            spec: Box::new(RewardSpec::Proportional(Params { epoch_blocks })),
        };
        rule.apply(spec(1), &mut vec![]).unwrap();
        assert!(rule.apply(spec(0), &mut vec![]).is_err());
        let closing: Vec<u64> =
            (1..=6).filter(|&height| !block(&mut rule, height, 1).is_empty()).collect();
        assert_eq!(closing, [3, 4, 5, 6]);
    }
}
