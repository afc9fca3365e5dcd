//! One server, priorities with interruption: the interrupted resumes where it stopped.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use super::{Begun, Customer, Step};

/// The served, since when, and a line for each class; who was interrupted stands at its head.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Preemptive {
    served: Option<Begun>,
    since: SimTime,
    lines: Vec<VecDeque<Begun>>,
}

impl Preemptive {
    pub(super) fn arrive(&mut self, now: SimTime, customer: Customer) -> Step {
        let Some(mut served) = self.served else {
            self.serve(now, Begun::new(customer));
            return Step::Begin { slot: 0, after: customer.work };
        };
        if served.customer.class <= customer.class {
            self.line(customer.class).push_back(Begun::new(customer));
            return Step::Nothing;
        }
        served.left = served.left - now.since(self.since);
        self.line(served.customer.class).push_front(served);
        self.serve(now, Begun::new(customer));
        Step::Replace { after: customer.work }
    }

    pub(super) fn complete(&mut self, now: SimTime) -> Option<(Customer, Step)> {
        let done = self.served.take()?;
        let step = match self.lines.iter_mut().find_map(VecDeque::pop_front) {
            Some(next) => {
                self.serve(now, next);
                Step::Begin { slot: 0, after: next.left }
            }
            None => Step::Nothing,
        };
        Some((done.customer, step))
    }

    pub(super) fn present(&self) -> impl Iterator<Item = &Customer> {
        self.served.iter().chain(self.lines.iter().flatten()).map(|begun| &begun.customer)
    }

    fn serve(&mut self, now: SimTime, begun: Begun) {
        self.served = Some(begun);
        self.since = now;
    }

    fn line(&mut self, class: u16) -> &mut VecDeque<Begun> {
        let class = usize::from(class);
        if class >= self.lines.len() {
            self.lines.resize(class + 1, VecDeque::new());
        }
        &mut self.lines[class]
    }
}
