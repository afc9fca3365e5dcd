//! Stage five: when does it count?
//!
//! One instance serves the whole network: the chain. Transactions go in; blocks come out, and
//! become final.

use serde::{Deserialize, Serialize};
use sim_types::{Amount, Height, SimDuration, SimTime, TxId};

pub mod slots;

crate::stage! {
    /// The settlement rule of a scenario.
    "settlement": SettlementSpec => Settlement {
        /// A block every interval, final a fixed number of blocks later.
        slots::Slots,
    }
}

/// What can happen to a settlement rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The network starts: the rule asks for its first slot.
    Started,
    /// Somebody submitted a transaction.
    Submitted {
        /// Its name; names ascend.
        tx: TxId,
    },
    /// A slot is due: the answer to [`Effect::SlotAfter`].
    SlotDue {
        /// Now.
        now: SimTime,
    },
}

/// What a settlement rule can ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Call back with [`Input::SlotDue`].
    SlotAfter {
        /// In how long.
        after: SimDuration,
    },
    /// A transaction did not get in and never will.
    Refused {
        /// Which.
        tx: TxId,
    },
    /// A block was produced. Its effects on ledger and rewards apply once it is final.
    Produced {
        /// Its number, ascending by one from 1.
        height: Height,
        /// What it carries, in order.
        transactions: Vec<TxId>,
        /// Fee that each of them pays.
        fee: Amount,
        /// Transactions left waiting.
        backlog: u32,
    },
    /// A block is final, and with it all below.
    Finalised {
        /// Its number.
        height: Height,
    },
}

impl SettlementSpec {
    /// Time between blocks.
    #[must_use]
    pub fn block_interval(&self) -> SimDuration {
        match self {
            Self::Slots(p) => p.block_interval,
        }
    }
}
