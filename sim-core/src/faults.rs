//! Faults as data: what fails when, and who is up.

use serde::{Deserialize, Serialize};
use sim_types::{NodeId, SimTime};

use crate::network::RegionId;

/// One fault of a scenario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// A node stops: it neither works nor sends nor receives.
    Crash {
        /// Which.
        node: NodeId,
        /// When.
        at: SimTime,
        /// When it comes back; never if absent.
        restart: Option<SimTime>,
    },
    /// Regions are cut off from all others; inside the group messages still pass.
    Partition {
        /// Which.
        regions: Vec<RegionId>,
        /// When.
        at: SimTime,
        /// When the cut heals; never if absent.
        heal: Option<SimTime>,
    },
}

/// What happens at one moment because of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultEvent {
    /// A node stops.
    Crash(NodeId),
    /// A node comes back.
    Restart(NodeId),
    /// These regions are cut off from all others.
    Cut(Vec<RegionId>),
    /// That cut heals.
    Heal(Vec<RegionId>),
}

impl FaultEvent {
    /// The word used in traces.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Crash(_) => "crash",
            Self::Restart(_) => "restart",
            Self::Cut(_) => "partition",
            Self::Heal(_) => "heal",
        }
    }
}

/// A fault that ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("fault {index} ends at {end}, expected a moment after its start at {at}")]
pub struct BadFault {
    /// Its place in the list, from 0.
    pub index: usize,
    /// When it begins.
    pub at: SimTime,
    /// When it is said to end.
    pub end: SimTime,
}

/// The faults as a list of what happens when, in order of time; at one moment, in the order
/// of the faults.
///
/// # Errors
/// Names the first fault that does not end after its start.
pub fn expand(faults: &[Fault]) -> Result<Vec<(SimTime, FaultEvent)>, BadFault> {
    let mut events = Vec::with_capacity(2 * faults.len());
    for (index, fault) in faults.iter().enumerate() {
        let (at, end, begins, ends) = match fault {
            Fault::Crash { node, at, restart } => {
                (*at, *restart, FaultEvent::Crash(*node), FaultEvent::Restart(*node))
            }
            Fault::Partition { regions, at, heal } => {
                (*at, *heal, FaultEvent::Cut(regions.clone()), FaultEvent::Heal(regions.clone()))
            }
        };
        events.push((at, begins));
        if let Some(end) = end {
            if end <= at {
                return Err(BadFault { index, at, end });
            }
            events.push((end, ends));
        }
    }
    // Stable: events of one moment keep the order of their faults.
    events.sort_by_key(|&(at, _)| at);
    Ok(events)
}

/// Which nodes are up. Overlapping crashes of one node count: it is up again when all of
/// them have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStates {
    /// Crashes under way, by node.
    crashes: Vec<u32>,
    /// Times the node went down.
    incarnations: Vec<u32>,
    up: u32,
}

impl NodeStates {
    /// All of `nodes` nodes up.
    #[must_use]
    pub fn new(nodes: u32) -> Self {
        Self { crashes: vec![0; nodes as usize], incarnations: vec![0; nodes as usize], up: nodes }
    }

    /// Whether a node is up.
    ///
    /// # Panics
    /// When there is no such node.
    #[must_use]
    #[inline]
    pub fn is_up(&self, node: NodeId) -> bool {
        self.crashes[node.index()] == 0
    }

    /// How many nodes are up.
    #[must_use]
    pub fn up(&self) -> u32 {
        self.up
    }

    /// How often a node went down. Work begun under another number is lost.
    ///
    /// # Panics
    /// When there is no such node.
    #[must_use]
    pub fn incarnation(&self, node: NodeId) -> u32 {
        self.incarnations[node.index()]
    }

    /// Takes a node down. True if it was up.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn crash(&mut self, node: NodeId) -> bool {
        let crashes = &mut self.crashes[node.index()];
        *crashes += 1;
        let went_down = *crashes == 1;
        if went_down {
            self.up -= 1;
            self.incarnations[node.index()] += 1;
        }
        went_down
    }

    /// Ends one crash of a node. True if the node is up from now on and was not before.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn restart(&mut self, node: NodeId) -> bool {
        let crashes = &mut self.crashes[node.index()];
        let came_up = *crashes == 1;
        *crashes = crashes.saturating_sub(1);
        self.up += u32::from(came_up);
        came_up
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: NodeId = NodeId(0);
    const B: NodeId = NodeId(1);

    #[test]
    fn faults_become_a_list_in_order_of_time() {
        let crash = |node, at, restart: Option<u64>| Fault::Crash {
            node,
            at: SimTime(at),
            restart: restart.map(SimTime),
        };
        let partition =
            Fault::Partition { regions: vec![RegionId(2)], at: SimTime(5), heal: Some(SimTime(7)) };
        let events =
            expand(&[crash(A, 10, Some(20)), partition, crash(B, 7, None)]).expect("valid");
        assert_eq!(
            events,
            [
                (SimTime(5), FaultEvent::Cut(vec![RegionId(2)])),
                (SimTime(7), FaultEvent::Heal(vec![RegionId(2)])),
                (SimTime(7), FaultEvent::Crash(B)),
                (SimTime(10), FaultEvent::Crash(A)),
                (SimTime(20), FaultEvent::Restart(A)),
            ]
        );
        assert_eq!(
            expand(&[crash(B, 7, None), crash(A, 9, Some(9))]),
            Err(BadFault { index: 1, at: SimTime(9), end: SimTime(9) })
        );
    }

    #[test]
    fn a_node_is_up_again_when_all_its_crashes_have_ended() {
        let mut states = NodeStates::new(2);
        assert!(states.crash(A));
        assert!(!states.crash(A), "down already");
        assert!(!states.restart(A), "still inside the other crash");
        assert!(!states.is_up(A) && states.is_up(B));
        assert_eq!(states.up(), 1);
        assert!(states.restart(A));
        assert!(!states.restart(A), "up already");
        assert_eq!((states.up(), states.incarnation(A), states.incarnation(B)), (2, 1, 0));
    }
}
