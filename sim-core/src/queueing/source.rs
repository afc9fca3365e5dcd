//! Where customers come from.

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime, math};

use super::alias::Alias;
use super::draws::Draws;
use super::law::Law;
use super::network::Route;
use super::rate::Rate;

/// When customers come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Arrivals {
    /// Independent gaps of one law, the first before the first arrival.
    Renewal(Law),
    /// A Poisson process of varying rate, by thinning one of constant rate: Lewis and Shedler,
    /// "Simulation of nonhomogeneous Poisson processes by thinning" (Naval Research Logistics
    /// Quarterly 26, 1979). Beyond the time for which the bound was computed nobody comes.
    Thinned {
        /// The rate at each time; where it is negative, nobody comes.
        rate: Rate,
        /// At least the greatest rate, events a second.
        bound: f64,
        /// Until when, in seconds.
        until: f64,
    },
}

/// How many come at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Batch {
    /// Always so many.
    Fixed(u32),
    /// Geometric on 1, 2, …: each further one comes with probability `1 - p`.
    Geometric {
        /// Probability that no further one comes, above 0 and up to 1.
        p: f64,
    },
    /// Equally likely in a range.
    Uniform {
        /// Least size.
        least: u32,
        /// Greatest size.
        greatest: u32,
    },
    /// One of several sizes.
    Weighted {
        /// Which one.
        table: Alias,
        /// The sizes.
        sizes: Vec<u32>,
    },
}

impl Batch {
    #[inline]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    fn draw(&self, draws: &mut Draws) -> u32 {
        match *self {
            Self::Fixed(size) => size,
            Self::Geometric { p } if p >= 1.0 => 1,
            // Inversion: the number of failures is the whole part of a ratio of logarithms.
            Self::Geometric { p } => {
                let failures = math::ln(draws.uniform()) / math::ln(1.0 - p);
                (failures as u32).saturating_add(1)
            }
            Self::Uniform { least, greatest } => {
                let width = u64::from(greatest.saturating_sub(least)) + 1;
                least + draws.below(width) as u32
            }
            Self::Weighted { ref table, ref sizes } => sizes[table.pick(draws)],
        }
    }
}

/// A source as it is described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSpec {
    /// When customers come.
    pub arrivals: Arrivals,
    /// How many at once.
    pub batch: Batch,
    /// Their class.
    pub class: u16,
    /// Where each of them goes.
    pub route: Route,
}

impl SourceSpec {
    /// Single customers of class 0 at independent gaps.
    #[must_use]
    pub fn renewal(gaps: Law, route: Route) -> Self {
        Self { arrivals: Arrivals::Renewal(gaps), batch: Batch::Fixed(1), class: 0, route }
    }

    /// Single customers of class 0 at a varying rate, from time zero until `until` seconds.
    #[must_use]
    pub fn varying(rate: Rate, until: f64, route: Route) -> Self {
        let bound = rate.bounds(0.0, until).1;
        let arrivals = Arrivals::Thinned { rate, bound, until };
        Self { arrivals, batch: Batch::Fixed(1), class: 0, route }
    }
}

/// A source at work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub(super) spec: SourceSpec,
    gaps: Draws,
    pub(super) choices: Draws,
    /// When the last batch came; the start if none did.
    pub last: SimTime,
    /// When the next batch, or the next candidate of a thinned process, comes.
    pub next: SimTime,
    /// Batches that came.
    pub batches: u64,
    /// Customers that came.
    pub customers: u64,
}

impl Source {
    pub(super) fn new(spec: SourceSpec, gaps: Draws, choices: Draws) -> Self {
        let start = SimTime::ZERO;
        Self { spec, gaps, choices, last: start, next: start, batches: 0, customers: 0 }
    }

    /// How long until the next candidate; `None` if none comes any more.
    #[inline]
    pub(super) fn gap(&mut self, now: SimTime) -> Option<SimDuration> {
        let gap = match &self.spec.arrivals {
            Arrivals::Renewal(law) => law.duration(&mut self.gaps),
            Arrivals::Thinned { bound, until, .. } => {
                if *bound <= 0.0 {
                    return None;
                }
                let gap = self.gaps.exponential() / bound;
                if now.seconds() + gap > *until {
                    return None;
                }
                SimDuration::from_secs_f64(gap)
            }
        };
        self.next = now + gap;
        Some(gap)
    }

    /// How many customers a candidate brings.
    #[inline]
    pub(super) fn arrive(&mut self, now: SimTime) -> u32 {
        if let Arrivals::Thinned { rate, bound, .. } = &self.spec.arrivals
            && self.gaps.uniform() * bound >= rate.at(now.seconds())
        {
            return 0;
        }
        let size = self.spec.batch.draw(&mut self.choices);
        self.last = now;
        self.batches += 1;
        self.customers += u64::from(size);
        size
    }

    pub(super) fn forget(&mut self) {
        (self.batches, self.customers) = (0, 0);
    }
}
