//! From observations to weights: what a validator publishes about the providers it saw.
//!
//! One instance serves one validator. These are the adapters between verification and a
//! reward rule that takes weights.

use serde::{Deserialize, Serialize};
use sim_types::{Observation, ParamError, Rejected, StateMachine, Stream, Uid};

pub mod copied;
pub mod moving_average;
pub mod selective_copy;
pub mod self_weighting;
pub mod sided;

crate::stage! {
    /// How a validator arrives at its weights.
    "weights": WeightsSpec => Weights {
        /// A moving average of the scores it observed itself.
        moving_average::MovingAverage,
        /// The consensus of an earlier period, copied without doing any work.
        copied::Copied,
        /// The consensus where it has been stable, its own scores elsewhere.
        selective_copy::SelectiveCopy,
        /// Its own scores, and a share for itself.
        self_weighting::SelfWeighting,
        /// A stated share for the providers it favours, the rest for all others.
        sided::Sided,
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
    /// This validator learns who is who; once, after the subnet opened.
    Introduced {
        /// Its own uid.
        oneself: Uid,
        /// Whom weights are for, ascending.
        providers: Vec<Uid>,
        /// Those among them that it favours, ascending: the members of
        /// [`WeightsSpec::favours`].
        favoured: Vec<Uid>,
        /// What it draws from once and for all.
        stream: Stream,
    },
    /// This validator observed something.
    Observed {
        /// Of whom.
        subject: Uid,
        /// What.
        observation: Observation,
    },
    /// This validator observed many members, each with full confidence.
    Surveyed {
        /// Of whom, and the score, parts per million.
        scores: Vec<(Uid, u32)>,
    },
    /// A period closed; its consensus is public: by uid, of 65535.
    ConsensusPublished {
        /// By uid.
        consensus: Vec<u16>,
    },
    /// What the weights that are public at this moment would agree on, told to an adapter that
    /// [asks for it](Weights::looks_now) just before its weights are due: by uid, of 65535.
    WeightsSeen {
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

impl WeightsSpec {
    /// The groups of the population whose providers this validator favours.
    #[must_use]
    pub fn favours(&self) -> &[String] {
        match self {
            Self::Sided(params) => &params.favours,
            Self::MovingAverage(_)
            | Self::Copied(_)
            | Self::SelectiveCopy(_)
            | Self::SelfWeighting(_) => &[],
        }
    }

    /// Whether it takes all it says from others.
    #[must_use]
    pub fn only_copies(&self) -> bool {
        matches!(self, Self::Copied(_))
    }
}

impl Weights {
    /// How a validator behaves that arrives at its weights in this way: the word used in traces
    /// and reports.
    #[must_use]
    pub fn behaviour(&self) -> &'static str {
        match self {
            Self::MovingAverage(_) => "honest",
            Self::Copied(_) => "copying",
            Self::SelectiveCopy(_) => "copying_selectively",
            Self::SelfWeighting(_) => "self_weighting",
            Self::Sided(_) => "sided",
        }
    }

    /// Whether it would spend a probe on any member.
    #[must_use]
    pub fn probes_all(&self) -> bool {
        !matches!(self, Self::SelectiveCopy(_))
    }

    /// Whether it would spend a probe on this member.
    #[must_use]
    pub fn would_probe(&self, subject: Uid) -> bool {
        match self {
            Self::SelectiveCopy(rule) => rule.would_probe(subject),
            _ => true,
        }
    }

    /// Whether it makes anything of a consensus that was published.
    #[must_use]
    pub fn heeds_consensus(&self) -> bool {
        matches!(self, Self::Copied(_) | Self::SelectiveCopy(_))
    }

    /// Whether it looks at what is public at the moment at which its weights are due
    /// ([`Input::WeightsSeen`]).
    #[must_use]
    pub fn looks_now(&self) -> bool {
        matches!(self, Self::Copied(rule) if rule.looks_now())
    }
}

/// Scales weights so that the largest is 65535, rounded to the nearest, halves up; `None`
/// where all are 0.
fn upscaled(row: Vec<(Uid, u128)>) -> Option<Vec<(Uid, u16)>> {
    let largest = row.iter().map(|cell| cell.1).max().filter(|&largest| largest > 0)?;
    let full = u64::from(u16::MAX);
    // Consensus and shares of it are small numbers, whose division costs a fraction.
    let small = u64::try_from(largest).ok().filter(|largest| largest >> 47 == 0);
    let scale = |weight: u128| {
        let scaled = match (small, u64::try_from(weight)) {
            (Some(largest), Ok(weight)) => u128::from((weight * full + largest / 2) / largest),
            _ => (weight * u128::from(full) + largest / 2) / largest,
        };
        u16::try_from(scaled).expect("at most 65535")
    };
    Some(row.into_iter().map(|(uid, weight)| (uid, scale(weight))).collect())
}

/// A uid that exists.
fn known(uid: Uid, members: u16) -> Result<(), Rejected> {
    if uid.0 < members { Ok(()) } else { Err(Rejected::UnknownUid { got: uid.0, members }) }
}

/// Uids that exist.
fn all_known(scores: &[(Uid, u32)], members: u16) -> Result<(), Rejected> {
    scores.iter().try_for_each(|&(uid, _)| known(uid, members))
}

/// A consensus that names no more members than there are.
fn fits(consensus: &[u16], members: u16) -> Result<(), Rejected> {
    if consensus.len() <= members.into() {
        Ok(())
    } else {
        Err(Rejected::UnknownUid { got: members, members })
    }
}

/// Uids that exist, each once, ascending.
fn ascending(uids: &[Uid], members: u16) -> Result<(), Rejected> {
    if let Some(pair) = uids.windows(2).find(|pair| pair[0] >= pair[1]) {
        return Err(Rejected::UidOrder(pair[1].0));
    }
    uids.last().map_or(Ok(()), |&last| known(last, members))
}

/// The moving average inside another adapter, whose parameters stand under `average`.
fn own(params: moving_average::Params) -> Result<moving_average::MovingAverage, ParamError> {
    moving_average::MovingAverage::new(params).map_err(|error| {
        let field = match error.field {
            "alpha" => "average.alpha",
            "sharpness" => "average.sharpness",
            other => other,
        };
        ParamError { field, ..error }
    })
}

/// How many members a table has; uids are 16 bits, so there are never more.
fn members(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use sim_types::{JobId, NodeId};

    use super::*;

    pub(super) fn observed(subject: u16, score_ppm: u32) -> Input {
        let observation = Observation {
            verifier: NodeId(0),
            subject: NodeId(7),
            job: JobId(0),
            score_ppm,
            confidence_ppm: 1_000_000,
            tokens: 1,
        };
        Input::Observed { subject: Uid(subject), observation }
    }

    pub(super) fn introduced(oneself: u16) -> Input {
        Input::Introduced {
            oneself: Uid(oneself),
            providers: Vec::new(),
            favoured: Vec::new(),
            stream: Stream::new(0, 0),
        }
    }
}
