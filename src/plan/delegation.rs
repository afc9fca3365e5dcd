//! Validators whose stake is not all their own, or that validate with others' stake.

use serde::{Deserialize, Serialize};
use sim_types::Share;

/// Whose the stake of a group's validators is, and who validates with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// The part of each member's stake that belongs to its nominators.
    pub nominated: Share,
    /// What a member keeps of its stake's dividends before nominators share, of 65,535.
    pub take: u16,
    /// What a member keeps of the dividends of stake that is lent to it, of 65,535.
    pub childkey_take: u16,
    /// To whom members lend stake.
    pub children: Vec<Child>,
}

/// Stake lent to a group: each member lends to one of it, by their places in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The group, by its place in the plan.
    pub group: u16,
    /// How much of its stake, of 2^64 - 1.
    pub proportion: u64,
}

impl Default for Delegation {
    /// Nothing nominated and nothing lent; the chain's own takes.
    fn default() -> Self {
        Self { nominated: Share::ZERO, take: 11_796, childkey_take: 0, children: Vec::new() }
    }
}
