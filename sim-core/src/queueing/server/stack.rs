//! One server, last come first served, with interruption: the interrupted resumes.

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use super::{Begun, Customer, Step};

/// Everybody who is there, in the order of their coming; the last is served.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stack {
    all: Vec<Begun>,
    /// Since when the last is served.
    since: SimTime,
}

impl Stack {
    pub(super) fn arrive(&mut self, now: SimTime, customer: Customer) -> Step {
        let after = customer.work;
        let interrupted = self.all.last_mut().map(|served| {
            served.left = served.left - now.since(self.since);
        });
        self.all.push(Begun::new(customer));
        self.since = now;
        if interrupted.is_some() { Step::Replace { after } } else { Step::Begin { slot: 0, after } }
    }

    pub(super) fn complete(&mut self, now: SimTime) -> Option<(Customer, Step)> {
        let done = self.all.pop()?;
        self.since = now;
        let step = match self.all.last() {
            Some(next) => Step::Begin { slot: 0, after: next.left },
            None => Step::Nothing,
        };
        Some((done.customer, step))
    }

    pub(super) fn present(&self) -> impl Iterator<Item = &Customer> {
        self.all.iter().map(|begun| &begun.customer)
    }
}
