//! Processor sharing: everybody is served at once, at equal shares, nobody faster than by one
//! server.

use core::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime};

use super::{Customer, Step};

/// Customers by the service that everybody will have had when they leave.
///
/// The service that one who is always there has had grows at the common rate, `min(1, c/n)`;
/// a customer leaves when it has grown by their work. It starts again from zero whenever
/// nobody is there, so it never loses digits that matter.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sharing {
    servers: u32,
    /// Seconds of service had by one who is always there.
    had: f64,
    updated: SimTime,
    /// Customers who came since nobody was there.
    count: u64,
    all: BinaryHeap<Reverse<Share>>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Share {
    /// The bits of `had` at which they leave: doubles that are not negative compare as their
    /// bits do.
    leaves: u64,
    order: u64,
    customer: Customer,
}

impl Share {
    fn key(&self) -> (u64, u64) {
        (self.leaves, self.order)
    }
}

impl PartialEq for Share {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Share {}

impl PartialOrd for Share {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Share {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Sharing {
    pub(super) fn new(servers: u32) -> Self {
        Self { servers, had: 0.0, updated: SimTime::ZERO, count: 0, all: BinaryHeap::new() }
    }

    pub(super) fn arrive(&mut self, now: SimTime, customer: Customer) -> Step {
        self.advance(now);
        let leaves = (self.had + customer.work.seconds()).to_bits();
        self.all.push(Reverse(Share { leaves, order: self.count, customer }));
        self.count += 1;
        let after = self.next().unwrap_or_default();
        if self.all.len() > 1 { Step::Replace { after } } else { Step::Begin { slot: 0, after } }
    }

    pub(super) fn complete(&mut self, now: SimTime) -> Option<(Customer, Step)> {
        self.advance(now);
        let Reverse(done) = self.all.pop()?;
        // The moment was rounded to the nanosecond; the service had was not.
        self.had = self.had.max(f64::from_bits(done.leaves));
        if self.all.is_empty() {
            (self.had, self.count) = (0.0, 0);
        }
        let begin = |after| Step::Begin { slot: 0, after };
        Some((done.customer, self.next().map_or(Step::Nothing, begin)))
    }

    pub(super) fn present(&self) -> impl Iterator<Item = &Customer> {
        self.all.iter().map(|Reverse(share)| &share.customer)
    }

    fn advance(&mut self, now: SimTime) {
        if !self.all.is_empty() {
            self.had += now.since(self.updated).seconds() * self.rate();
        }
        self.updated = now;
    }

    /// Service for everybody in a second.
    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53 customers")]
    fn rate(&self) -> f64 {
        (f64::from(self.servers) / self.all.len() as f64).min(1.0)
    }

    /// How long until somebody leaves if nobody comes.
    fn next(&self) -> Option<SimDuration> {
        let Reverse(first) = self.all.peek()?;
        let left = f64::from_bits(first.leaves) - self.had;
        Some(SimDuration::from_secs_f64(left.max(0.0) / self.rate()))
    }
}
