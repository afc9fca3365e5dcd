//! From observations to weights: what a validator publishes about the providers it saw.
//!
//! One instance serves one validator. These are the adapters between verification and a
//! reward rule that takes weights.

use serde::{Deserialize, Serialize};
use sim_types::{Observation, Uid};

pub mod copied;
pub mod moving_average;

crate::stage! {
    /// How a validator arrives at its weights.
    "weights": WeightsSpec => Weights {
        /// A moving average of the scores it observed itself.
        moving_average::MovingAverage,
        /// The consensus of an earlier period, copied without doing any work.
        copied::Copied,
    }
}

/// What can happen to an adapter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// The subnet opens with so many members.
    Opened {
        /// Members, providers and validators.
        members: u16,
    },
    /// This validator observed something.
    Observed {
        /// Of whom.
        subject: Uid,
        /// What.
        observation: Observation,
    },
    /// A period closed; its consensus is public: by uid, of 65535.
    ConsensusPublished {
        /// By uid.
        consensus: Vec<u16>,
    },
    /// Weights are due.
    WeightsDue,
}

/// What an adapter can ask for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Publish these weights: uid and weight, uids ascending, the largest 65535.
    SetWeights {
        /// Uid and weight.
        row: Vec<(Uid, u16)>,
    },
}

/// How many members a table has; uids are 16 bits, so there are never more.
fn members(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}
