//! Servers as pure state machines: customers in, customers out, and what to schedule.
//!
//! | discipline | order of service | servers |
//! |---|---|---|
//! | [`Discipline::Fifo`] | first come, first served | any number |
//! | [`Discipline::Priority`] | the least class first, within it first come; nobody is interrupted | any number |
//! | [`Discipline::PreemptivePriority`] | the least class first; a later class is interrupted and resumes | 1 |
//! | [`Discipline::LastPreemptive`] | the last to come at once; the interrupted resumes | 1 |
//! | [`Discipline::Sharing`] | all at once, each at the same share of the servers | any number |
//!
//! A server knows no law and draws nothing: a customer brings its work along.

mod lines;
mod preemptive;
mod sharing;
mod stack;

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime};

use lines::Lines;
use preemptive::Preemptive;
use sharing::Sharing;
use stack::Stack;

/// Somebody who wants service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// When they entered the network.
    pub entered: SimTime,
    /// When they reached this station.
    pub arrived: SimTime,
    /// How long one server alone takes for them.
    pub work: SimDuration,
    /// Their class: which service law, and which priority, the least first.
    pub class: u16,
}

/// Who is served next, and by how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discipline {
    /// First come, first served.
    Fifo,
    /// The least class first, nobody is interrupted.
    Priority,
    /// The least class first, interrupting later ones, which resume.
    PreemptivePriority,
    /// The last to come first, interrupting the others, which resume.
    LastPreemptive,
    /// Everybody at once, at equal shares.
    Sharing,
}

impl Discipline {
    /// Whether it is defined for one server alone.
    #[must_use]
    pub fn is_single(self) -> bool {
        matches!(self, Self::PreemptivePriority | Self::LastPreemptive)
    }
}

/// What the host shall schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// A completion in `slot`.
    Begin {
        /// Where.
        slot: u32,
        /// In how long.
        after: SimDuration,
    },
    /// The same, in place of the completion that is pending.
    Replace {
        /// In how long.
        after: SimDuration,
    },
}

/// Servers under one discipline.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Server {
    /// Waiting lines by class before a number of servers.
    Lines(Lines),
    /// Priorities with interruption.
    Preemptive(Preemptive),
    /// Last come, first served, with interruption.
    Stack(Stack),
    /// Processor sharing.
    Sharing(Sharing),
}

impl Server {
    /// Idle servers; a number beyond what is ever needed stands for infinitely many.
    #[must_use]
    pub fn new(discipline: Discipline, servers: u32) -> Self {
        match discipline {
            Discipline::Fifo => Self::Lines(Lines::new(servers, false)),
            Discipline::Priority => Self::Lines(Lines::new(servers, true)),
            Discipline::PreemptivePriority => Self::Preemptive(Preemptive::default()),
            Discipline::LastPreemptive => Self::Stack(Stack::default()),
            Discipline::Sharing => Self::Sharing(Sharing::new(servers)),
        }
    }

    /// Whether what has begun may be replaced before it is complete.
    #[inline]
    #[must_use]
    pub fn replaces(&self) -> bool {
        !matches!(self, Self::Lines(_))
    }

    /// A customer comes.
    #[inline]
    pub fn arrive(&mut self, now: SimTime, customer: Customer) -> Step {
        match self {
            Self::Lines(server) => server.arrive(customer),
            Self::Preemptive(server) => server.arrive(now, customer),
            Self::Stack(server) => server.arrive(now, customer),
            Self::Sharing(server) => server.arrive(now, customer),
        }
    }

    /// A completion falls due in `slot`: who leaves, and what begins. `None` if nobody is
    /// served there.
    #[inline]
    pub fn complete(&mut self, now: SimTime, slot: u32) -> Option<(Customer, Step)> {
        match self {
            Self::Lines(server) => server.complete(slot),
            Self::Preemptive(server) => server.complete(now),
            Self::Stack(server) => server.complete(now),
            Self::Sharing(server) => server.complete(now),
        }
    }

    /// The server that waits for customers goes away: nobody is served until it is back. Only
    /// waiting lines know vacations.
    pub fn leave(&mut self) {
        if let Self::Lines(server) = self {
            server.leave();
        }
    }

    /// It is back.
    pub fn come_back(&mut self) -> Step {
        if let Self::Lines(server) = self { server.come_back() } else { Step::Nothing }
    }

    /// Everybody who is there, served or waiting.
    pub fn present(&self) -> Vec<Customer> {
        match self {
            Self::Lines(server) => server.present().copied().collect(),
            Self::Preemptive(server) => server.present().copied().collect(),
            Self::Stack(server) => server.present().copied().collect(),
            Self::Sharing(server) => server.present().copied().collect(),
        }
    }
}

/// A customer whose service has begun, and the work still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Begun {
    customer: Customer,
    left: SimDuration,
}

impl Begun {
    fn new(customer: Customer) -> Self {
        Self { customer, left: customer.work }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn customer(arrived: u64, work: u64, class: u16) -> Customer {
        let arrived = SimTime(arrived);
        Customer { entered: arrived, arrived, work: SimDuration(work), class }
    }

    /// Runs customers `(arrival, work, class)`, sorted by arrival, through a server: who leaves
    /// when, by arrival.
    fn departures(server: &mut Server, customers: &[(u64, u64, u16)]) -> Vec<(u64, u64)> {
        let mut pending: Vec<(u64, u32)> = Vec::new();
        let mut out = Vec::new();
        let mut coming = customers.iter().copied().peekable();
        loop {
            let due = pending.iter().copied().min();
            let arrives = coming.peek().is_some_and(|c| due.is_none_or(|(t, _)| c.0 < t));
            let (now, step) = if arrives {
                let (at, work, class) = coming.next().unwrap();
                (at, server.arrive(SimTime(at), customer(at, work, class)))
            } else {
                let Some((at, slot)) = due else { return out };
                pending.retain(|&p| p != (at, slot));
                let (left, step) = server.complete(SimTime(at), slot).unwrap();
                out.push((left.arrived.0, at));
                (at, step)
            };
            match step {
                Step::Nothing => {}
                Step::Begin { slot, after } => pending.push((now + after.0, slot)),
                Step::Replace { after } => pending = vec![(now + after.0, 0)],
            }
        }
    }

    /// Discipline, servers, and `(arrival, departure)` in the order of departure.
    type Row = (Discipline, u32, &'static [(u64, u64)]);

    #[test]
    fn each_discipline_by_hand() {
        // (arrival, work, class)
        let three = [(0, 10, 1), (2, 4, 0), (3, 2, 0)];
        let table: [Row; 7] = [
            (Discipline::Fifo, 1, &[(0, 10), (2, 14), (3, 16)]),
            (Discipline::Fifo, 2, &[(2, 6), (3, 8), (0, 10)]),
            (Discipline::Priority, 1, &[(0, 10), (2, 14), (3, 16)]),
            (Discipline::PreemptivePriority, 1, &[(2, 6), (3, 8), (0, 16)]),
            (Discipline::LastPreemptive, 1, &[(3, 5), (2, 8), (0, 16)]),
            // Half a unit of the second is done when the third comes; the third leaves after
            // 3 x 2, the second after 3 + 6 + 2 x 1.5, the first works alone for the rest.
            (Discipline::Sharing, 1, &[(3, 9), (2, 12), (0, 16)]),
            (Discipline::Sharing, 3, &[(3, 5), (2, 6), (0, 10)]),
        ];
        for (discipline, servers, want) in table {
            let mut server = Server::new(discipline, servers);
            let got = departures(&mut server, &three);
            assert_eq!(got, want, "{discipline:?} with {servers}");
            assert!(server.present().is_empty());
        }
    }

    #[test]
    fn the_waiting_are_served_by_class_then_in_turn() {
        let four = [(0, 10, 1), (1, 5, 1), (2, 5, 0), (3, 5, 0)];
        let mut server = Server::new(Discipline::Priority, 1);
        assert_eq!(departures(&mut server, &four), [(0, 10), (2, 15), (3, 20), (1, 25)]);
    }

    proptest! {
        /// One server is busy while there is work, whoever is served: the last departure of a
        /// busy period is the same under every discipline, and everybody leaves.
        #[test]
        fn work_is_conserved(
            gaps in proptest::collection::vec((1..40_u64, 1..40_u64, 0..3_u16), 1..60),
        ) {
            let mut at = 0;
            let customers: Vec<_> =
                gaps.iter().map(|&(gap, work, class)| { at += gap; (at, work, class) }).collect();
            let (mut free, mut ends) = (0, Vec::new());
            for &(arrival, work, _) in &customers {
                if arrival > free { ends.push(free); }
                free = free.max(arrival) + work;
            }
            ends.push(free);
            let disciplines = [
                Discipline::Fifo, Discipline::Priority, Discipline::PreemptivePriority,
                Discipline::LastPreemptive,
            ];
            for discipline in disciplines {
                let got = departures(&mut Server::new(discipline, 1), &customers);
                prop_assert_eq!(got.len(), customers.len());
                for end in &ends[1..] {
                    prop_assert!(got.iter().any(|(_, at)| at == end), "{:?} {}", discipline, end);
                }
            }
        }
    }
}
