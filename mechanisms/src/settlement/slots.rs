//! A block every interval, final a fixed number of blocks later.
//!
//! | rule | |
//! |---|---|
//! | R1 | the first slot comes one `block_interval` after the start, every next one an interval later |
//! | R2 | a slot produces one block, numbered from 1, with the oldest waiting transactions, at most `capacity`; each pays `fee` |
//! | R3 | block `h` makes block `h - finality_blocks` final |
//! | R4 | a transaction that would make the queue longer than `queue_limit` is refused for good |
//!
//! It does not: elect authors, miss slots, fork, order transactions by fee, or vote: finality
//! is a number. For ordering by messages see the consensus rules.
//!
//! Source: interval of 12 s: opentensor/subtensor `common/src/lib.rs` at commit
//! `14bc6f9f964b9cc362e9635dd110a487fa5d15a0` (Aura slots, GRANDPA finality).

use std::collections::VecDeque;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Amount, Fact, Fidelity, Height, ParamError, Rejected, SimDuration, StateMachine, TxId, seeded,
};

use super::{Effect, Input};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// Time between blocks; more than 0. Default 12s, as on Bittensor.
    #[serde(default = "twelve_seconds")]
    pub block_interval: SimDuration,
    /// How many blocks later a block becomes final, 0 and up; 0 is at once. Default 2
    /// (assumed): GRANDPA votes trail the head by a few blocks when nothing is wrong.
    #[serde(default = "two")]
    pub finality_blocks: u64,
    /// Most transactions in a block; at least 1. Default 1000 (assumed): a block's limit
    /// is one of weight, not of number, and depends on what the transactions do.
    #[serde(default = "thousand")]
    pub capacity: u32,
    /// What each transaction pays, from 0. Default 0: comparisons of mechanisms start without.
    #[serde(default)]
    pub fee: Amount,
    /// Most transactions that may wait; at least 1. Default: no limit.
    #[serde(default)]
    pub queue_limit: Option<u32>,
}

fn twelve_seconds() -> SimDuration {
    SimDuration::from_secs(12)
}

fn two() -> u64 {
    2
}

fn thousand() -> u32 {
    1_000
}

impl Default for Params {
    fn default() -> Self {
        Self {
            block_interval: twelve_seconds(),
            finality_blocks: two(),
            capacity: thousand(),
            fee: Amount::ZERO,
            queue_limit: None,
        }
    }
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slots {
    params: Params,
    started: bool,
    height: u64,
    queue: VecDeque<TxId>,
    /// The youngest transaction submitted so far.
    youngest: Option<TxId>,
}

impl crate::Rule for Slots {
    const NAME: &'static str = "slots";
    const SUMMARY: &'static str =
        "A block every interval, first in first out, final a fixed number of blocks later.";
    const SOURCE: &'static str = "opentensor/subtensor common/src/lib.rs @14bc6f9f (12 s slots); \
                                  finality depth assumed";

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let fact = |name: &str, value: String, class, source: &str| {
            Fact::new(format!("settlement.slots.{name}"), value, class, source)
        };
        let interval = params.block_interval;
        vec![
            if interval == twelve_seconds() {
                let source = "opentensor/subtensor common/src/lib.rs @14bc6f9f";
                fact("block_interval", interval.to_string(), Fidelity::Published, source)
            } else {
                let source = "chosen by the scenario";
                fact("block_interval", interval.to_string(), Fidelity::Assumed, source)
            },
            fact(
                "finality_blocks",
                params.finality_blocks.to_string(),
                Fidelity::Assumed,
                "GRANDPA trails the head by a few blocks",
            ),
            fact(
                "capacity",
                params.capacity.to_string(),
                Fidelity::Assumed,
                "real limits are by weight, not by number",
            ),
            fact(
                "fee",
                format!("{} smallest units", params.fee),
                Fidelity::Assumed,
                "chosen by the scenario",
            ),
        ]
    }
}

impl StateMachine for Slots {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        let positive = params.block_interval > SimDuration::ZERO;
        ParamError::unless(positive, "block_interval", params.block_interval, "more than 0s")?;
        ParamError::unless(params.capacity > 0, "capacity", 0, "at least 1")?;
        ParamError::unless(params.queue_limit != Some(0), "queue_limit", 0, "at least 1")?;
        Ok(Self { params, started: false, height: 0, queue: VecDeque::new(), youngest: None })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::Started => {
                if self.started {
                    return Err(Rejected::NotPermitted("started already"));
                }
                self.started = true;
                out.push(Effect::SlotAfter { after: self.params.block_interval });
            }
            Input::Submitted { tx } => {
                if self.youngest.is_some_and(|youngest| tx <= youngest) {
                    return Err(Rejected::NotPermitted("names of transactions ascend"));
                }
                self.youngest = Some(tx);
                // R4
                if self.params.queue_limit.is_some_and(|limit| self.queue.len() >= limit as usize) {
                    out.push(Effect::Refused { tx });
                } else {
                    self.queue.push_back(tx);
                }
            }
            Input::SlotDue { .. } => {
                if !self.started {
                    return Err(Rejected::NotPermitted("not started"));
                }
                self.produce(out);
            }
        }
        Ok(())
    }
}

impl Slots {
    fn produce(&mut self, out: &mut Vec<Effect>) {
        // R2
        self.height += 1;
        let count = self.queue.len().min(self.params.capacity as usize);
        let from = seeded!(NewestFirst, self.queue.len() - count, 0);
        let transactions: Vec<TxId> = self.queue.drain(from..from + count).collect();
        out.push(Effect::Produced {
            height: Height(self.height),
            transactions,
            fee: self.params.fee,
            backlog: u32::try_from(self.queue.len()).unwrap_or(u32::MAX),
        });
        // R3
        let depth = self.params.finality_blocks;
        let depth = seeded!(EarlyFinality, depth.saturating_sub(1), depth);
        if let Some(height @ 1..) = self.height.checked_sub(depth) {
            out.push(Effect::Finalised { height: Height(height) });
        }
        // R1
        out.push(Effect::SlotAfter { after: self.params.block_interval });
    }
}

#[cfg(test)]
mod tests {
    use sim_types::SimTime;

    use super::*;

    fn slot(rule: &mut Slots) -> Vec<Effect> {
        let mut out = vec![];
        rule.apply(Input::SlotDue { now: SimTime::ZERO }, &mut out).unwrap();
        out
    }

    #[test]
    fn blocks_carry_the_oldest_and_finality_trails() {
        let params = Params { capacity: 2, fee: Amount(5), ..Params::default() };
        let mut rule = Slots::new(params).unwrap();
        let mut out = vec![];
        rule.apply(Input::Started, &mut out).unwrap();
        let after = SimDuration::from_secs(12);
        assert_eq!(out, [Effect::SlotAfter { after }]);
        for tx in 1..=3 {
            rule.apply(Input::Submitted { tx: TxId(tx) }, &mut vec![]).unwrap();
        }
        let block = |height, transactions: &[u64], backlog| Effect::Produced {
            height: Height(height),
            transactions: transactions.iter().map(|&t| TxId(t)).collect(),
            fee: Amount(5),
            backlog,
        };
        let next = Effect::SlotAfter { after };
        let last = |height| Effect::Finalised { height: Height(height) };
        assert_eq!(slot(&mut rule), [block(1, &[1, 2], 1), next.clone()]);
        assert_eq!(slot(&mut rule), [block(2, &[3], 0), next.clone()]);
        assert_eq!(slot(&mut rule), [block(3, &[], 0), last(1), next.clone()]);
        assert_eq!(slot(&mut rule), [block(4, &[], 0), last(2), next]);
    }

    #[test]
    fn depth_zero_is_final_at_once_and_a_full_queue_refuses() {
        let params = Params { finality_blocks: 0, queue_limit: Some(1), ..Params::default() };
        let mut rule = Slots::new(params).unwrap();
        let mut out = vec![];
        rule.apply(Input::Started, &mut out).unwrap();
        out.clear();
        rule.apply(Input::Submitted { tx: TxId(1) }, &mut out).unwrap();
        rule.apply(Input::Submitted { tx: TxId(2) }, &mut out).unwrap();
        assert_eq!(out, [Effect::Refused { tx: TxId(2) }]);
        assert!(slot(&mut rule).contains(&Effect::Finalised { height: Height(1) }));
    }

    #[test]
    fn parameters_outside_their_domain_are_named() {
        let table = [
            (Params { block_interval: SimDuration::ZERO, ..Params::default() }, "block_interval"),
            (Params { capacity: 0, ..Params::default() }, "capacity"),
            (Params { queue_limit: Some(0), ..Params::default() }, "queue_limit"),
        ];
        for (params, field) in table {
            assert_eq!(Slots::new(params).unwrap_err().field, field);
        }
    }
}
