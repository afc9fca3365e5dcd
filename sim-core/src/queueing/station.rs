//! A station: servers, a buffer, service laws, and what is measured there.

use serde::{Deserialize, Serialize};
use sim_types::{SimDuration, SimTime};

use super::draws::Draws;
use super::law::Law;
use super::network::Route;
use super::server::{Customer, Discipline, Server};
use super::stats::{BusyPeriods, Histogram, Levels, Tally};
use crate::timers::Timer;

/// What is measured beyond the times at each level and the tallies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Observe {
    /// Sojourn times longer than this are counted.
    pub sojourn_beyond: SimDuration,
    /// Waiting times longer than this are counted.
    pub wait_beyond: SimDuration,
    /// Keep a histogram of sojourn times.
    pub quantiles: bool,
    /// Measure busy periods.
    pub busy_periods: bool,
}

/// A station as it is described.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationSpec {
    /// Parallel servers; `u32::MAX` stands for infinitely many.
    pub servers: u32,
    /// Order of service.
    pub discipline: Discipline,
    /// Customers that fit, the served included; who comes beyond is lost.
    pub capacity: u32,
    /// The service law of each class; later classes have the last one.
    pub services: Vec<Law>,
    /// How long the single server goes away each time it finds nobody.
    pub vacation: Option<Law>,
    /// Where the served go.
    pub route: Route,
    /// What is measured.
    pub observe: Observe,
}

impl StationSpec {
    /// First come, first served, without limit; the served leave.
    #[must_use]
    pub fn new(servers: u32, service: Law) -> Self {
        Self {
            servers,
            discipline: Discipline::Fifo,
            capacity: u32::MAX,
            services: vec![service],
            vacation: None,
            route: Route::Exit,
            observe: Observe::default(),
        }
    }

    /// Everybody is served at once, alone.
    #[must_use]
    pub fn infinite(service: Law) -> Self {
        Self::new(u32::MAX, service)
    }

    /// The same under another discipline.
    #[must_use]
    pub fn with_discipline(self, discipline: Discipline) -> Self {
        Self { discipline, ..self }
    }

    /// The same with room for so many, the served included.
    #[must_use]
    pub fn with_capacity(self, capacity: u32) -> Self {
        Self { capacity, ..self }
    }

    /// The same, leading elsewhere.
    #[must_use]
    pub fn with_route(self, route: Route) -> Self {
        Self { route, ..self }
    }

    /// The same, measuring more.
    #[must_use]
    pub fn with_observe(self, observe: Observe) -> Self {
        Self { observe, ..self }
    }
}

/// A station at work. Numbers count from the last [`super::Network::forget`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Station {
    pub(super) spec: StationSpec,
    pub(super) server: Server,
    service: Draws,
    pub(super) choices: Draws,
    /// The completion that is pending, where it may have to be replaced.
    pub(super) timer: Option<Timer>,
    /// Time by number of customers present.
    pub levels: Levels,
    /// Customers who came, the lost included.
    pub offered: u64,
    /// Customers for whom there was no room.
    pub lost: u64,
    /// Customers who came and found nobody.
    pub found_empty: u64,
    /// Customers who came and found no server idle, the lost included.
    pub found_busy: u64,
    /// When the first and the last counted customer left.
    pub departures: Option<(SimTime, SimTime)>,
    /// Sojourn times of those who left, by class.
    pub sojourns: Vec<Tally>,
    /// Their waiting times: sojourn less work, so interruptions count as waiting.
    pub waits: Vec<Tally>,
    /// Sojourn times of all classes, if asked for.
    pub histogram: Histogram,
    /// Busy periods, if asked for.
    pub busy: BusyPeriods,
}

impl Station {
    pub(super) fn new(spec: StationSpec, classes: u16, service: Draws, choices: Draws) -> Self {
        let classes = usize::from(classes);
        Self {
            server: Server::new(spec.discipline, spec.servers),
            service,
            choices,
            timer: None,
            levels: Levels::default(),
            offered: 0,
            lost: 0,
            found_empty: 0,
            found_busy: 0,
            departures: None,
            sojourns: vec![Tally::beyond(spec.observe.sojourn_beyond); classes],
            waits: vec![Tally::beyond(spec.observe.wait_beyond); classes],
            histogram: Histogram::default(),
            busy: BusyPeriods::default(),
            spec,
        }
    }

    /// Counts somebody who comes. False if there is no room.
    #[inline]
    pub(super) fn admit(&mut self, now: SimTime) -> bool {
        let level = self.levels.level();
        self.offered += 1;
        self.found_empty += u64::from(level == 0);
        self.found_busy += u64::from(level >= self.spec.servers);
        if level >= self.spec.capacity {
            self.lost += 1;
            return false;
        }
        if self.spec.observe.busy_periods {
            self.busy.arrival(now, level == 0);
        }
        self.levels.up(now);
        true
    }

    /// The work that a customer of this class brings.
    #[inline]
    pub(super) fn work(&mut self, class: u16) -> SimDuration {
        let last = self.spec.services.len() - 1;
        self.spec.services[usize::from(class).min(last)].duration(&mut self.service)
    }

    /// Counts somebody who leaves.
    #[inline]
    pub(super) fn release(&mut self, now: SimTime, customer: &Customer) {
        self.levels.down(now);
        let sojourn = now.since(customer.arrived);
        // Sharing rounds to the nanosecond; nobody waits a negative time.
        let wait = SimDuration(sojourn.0.saturating_sub(customer.work.0));
        let class = usize::from(customer.class);
        self.sojourns[class].add(sojourn);
        self.waits[class].add(wait);
        if self.spec.observe.quantiles {
            self.histogram.add(sojourn);
        }
        if self.spec.observe.busy_periods && self.levels.level() == 0 {
            self.busy.emptied(now);
        }
        self.departures = Some((self.departures.map_or(now, |(first, _)| first), now));
    }

    pub(super) fn forget(&mut self, now: SimTime) {
        self.levels.forget(now);
        (self.offered, self.lost, self.departures) = (0, 0, None);
        (self.found_empty, self.found_busy) = (0, 0);
        self.sojourns.iter_mut().for_each(Tally::forget);
        self.waits.iter_mut().for_each(Tally::forget);
        self.histogram.forget();
        self.busy.forget();
    }

    /// Everybody who is there, served or waiting.
    #[must_use]
    pub fn present(&self) -> Vec<Customer> {
        self.server.present()
    }

    /// Customers who left.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.sojourns.iter().map(Tally::count).sum()
    }

    /// The mean number of busy servers under a discipline that never leaves one idle.
    #[must_use]
    pub fn mean_busy(&self) -> f64 {
        let servers = u64::from(self.spec.servers);
        self.levels.mean_of(|n| n.min(servers))
    }

    /// The mean number that waits under such a discipline.
    #[must_use]
    pub fn mean_waiting(&self) -> f64 {
        let servers = u64::from(self.spec.servers);
        self.levels.mean_of(|n| n.saturating_sub(servers))
    }
}
