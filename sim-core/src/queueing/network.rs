//! Stations, sources and routes as one model of the engine.

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use super::alias::{Alias, BadWeights};
use super::draws::Draws;
use super::server::{Customer, Discipline, Step};
use super::source::{Arrivals, Batch, Source, SourceSpec};
use super::station::{Station, StationSpec};
use super::stats::Tally;
use crate::engine::{Cx, Engine, Entity, EventWord, Model};
use crate::streams::Streams;

/// Where a customer goes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Route {
    /// Out of the network.
    Exit,
    /// To this station.
    To(u32),
    /// To one of several.
    Random {
        /// Which one.
        table: Alias,
        /// Stations; `None` leads out.
        targets: Vec<Option<u32>>,
    },
}

impl Route {
    /// One of several with given weights; `None` leads out of the network.
    ///
    /// # Errors
    /// When a weight is negative or none is positive.
    pub fn random(choices: &[(f64, Option<u32>)]) -> Result<Self, BadWeights> {
        let weights: Vec<f64> = choices.iter().map(|choice| choice.0).collect();
        let table = Alias::new(&weights)?;
        Ok(Self::Random { table, targets: choices.iter().map(|choice| choice.1).collect() })
    }

    #[inline]
    fn next(&self, draws: &mut Draws) -> Option<u32> {
        match self {
            Self::Exit => None,
            Self::To(station) => Some(*station),
            Self::Random { table, targets } => targets[table.pick(draws)],
        }
    }

    fn stations(&self) -> Vec<u32> {
        match self {
            Self::Exit => Vec::new(),
            Self::To(station) => vec![*station],
            Self::Random { targets, .. } => targets.iter().flatten().copied().collect(),
        }
    }
}

/// What happens in a network. Stations are the engine's first entities, sources those after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A batch, or a candidate of a thinned process, comes out of a source.
    Arrival {
        /// The source's entity.
        source: u32,
    },
    /// A service ends.
    Done {
        /// Where.
        station: u32,
        /// In which slot.
        slot: u32,
    },
    /// A server is back from its vacation.
    Back {
        /// Where.
        station: u32,
    },
}

impl EventWord for Event {
    #[inline]
    fn word(&self) -> u64 {
        match *self {
            Self::Arrival { .. } => 0,
            Self::Done { slot, .. } => 1 | u64::from(slot) << 2,
            Self::Back { .. } => 2,
        }
    }

    #[inline]
    fn entity(&self) -> Entity {
        match *self {
            Self::Arrival { source } => Entity(source),
            Self::Done { station, .. } | Self::Back { station } => Entity(station),
        }
    }
}

/// A description of which no network can be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNetwork {
    /// A route leads nowhere.
    #[error("{from} leads to station {to}, but there are {stations}")]
    NoSuchStation {
        /// Whose route.
        from: String,
        /// Where to.
        to: u32,
        /// How many there are.
        stations: usize,
    },
    /// A station cannot work as described.
    #[error("station {station}: {reason}")]
    Station {
        /// Which one.
        station: usize,
        /// Why.
        reason: &'static str,
    },
    /// A source cannot work as described.
    #[error("source {source_number}: {reason}")]
    Source {
        /// Which one.
        source_number: usize,
        /// Why.
        reason: &'static str,
    },
}

/// Stations and sources, joined by routes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Network {
    stations: Vec<Station>,
    sources: Vec<Source>,
    /// Times from entering the network to leaving it, of those who left.
    pub sojourn: Tally,
}

impl Network {
    /// A network with nobody in it. Station `i` draws from the streams of `station i`, source
    /// `i` from those of `source i`, so neither depends on what else there is.
    ///
    /// # Errors
    /// When the description makes no sense.
    pub fn new(
        stations: Vec<StationSpec>,
        sources: Vec<SourceSpec>,
        streams: &Streams,
    ) -> Result<Self, BadNetwork> {
        check(&stations, &sources)?;
        let classes = sources.iter().map(|source| source.class).max().unwrap_or_default() + 1;
        let draws = |kind: &str, i: usize, purpose: &str| {
            Draws::new(streams.key(&format!("{kind} {i}"), purpose))
        };
        let station = |(i, spec)| {
            let service = draws("station", i, "service");
            Station::new(spec, classes, service, draws("station", i, "choices"))
        };
        let source = |(i, spec)| {
            Source::new(spec, draws("source", i, "gaps"), draws("source", i, "choices"))
        };
        Ok(Self {
            stations: stations.into_iter().enumerate().map(station).collect(),
            sources: sources.into_iter().enumerate().map(source).collect(),
            sojourn: Tally::default(),
        })
    }

    /// An engine at time zero with the first arrivals scheduled.
    #[must_use]
    pub fn start(self) -> Engine<Self> {
        let entities = count(self.stations.len() + self.sources.len());
        let mut engine = Engine::new(self, entities);
        engine.outside(|network, cx| {
            for source in count(network.stations.len())..entities {
                network.next_arrival(source, cx);
            }
            for at in 0..count(network.stations.len()) {
                network.rest(at, cx);
            }
        });
        engine
    }

    /// Puts customers of class 0 into a station, from outside of an event.
    ///
    /// # Panics
    /// When there is no such station.
    pub fn place(&mut self, station: u32, customers: u32, cx: &mut Cx<'_, Event>) {
        for _ in 0..customers {
            self.enter(station, 0, cx.now(), cx);
        }
    }

    /// Forgets all statistics, as at the end of a warm-up; the customers stay.
    pub fn forget(&mut self, now: SimTime) {
        self.stations.iter_mut().for_each(|station| station.forget(now));
        self.sources.iter_mut().for_each(Source::forget);
        self.sojourn.forget();
    }

    /// Counts the time up to now, so that statistics can be read.
    pub fn settle(&mut self, now: SimTime) -> &Self {
        self.stations.iter_mut().for_each(|station| station.levels.settle(now));
        self
    }

    /// A station.
    ///
    /// # Panics
    /// When there is no such station.
    #[must_use]
    pub fn station(&self, index: usize) -> &Station {
        &self.stations[index]
    }

    /// All stations.
    #[must_use]
    pub fn stations(&self) -> &[Station] {
        &self.stations
    }

    /// A source.
    ///
    /// # Panics
    /// When there is no such source.
    #[must_use]
    pub fn source(&self, index: usize) -> &Source {
        &self.sources[index]
    }

    /// All sources.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    #[inline]
    fn next_arrival(&mut self, source: u32, cx: &mut Cx<'_, Event>) {
        let index = source as usize - self.stations.len();
        if let Some(gap) = self.sources[index].gap(cx.now()) {
            cx.after(Entity(source), gap, Event::Arrival { source });
        }
    }

    #[inline]
    fn arrival(&mut self, source: u32, cx: &mut Cx<'_, Event>) {
        self.next_arrival(source, cx);
        let index = source as usize - self.stations.len();
        let now = cx.now();
        let size = self.sources[index].arrive(now);
        for _ in 0..size {
            let source = &mut self.sources[index];
            let class = source.spec.class;
            if let Some(to) = source.spec.route.next(&mut source.choices) {
                self.enter(to, class, now, cx);
            }
        }
    }

    #[inline]
    fn enter(&mut self, at: u32, class: u16, entered: SimTime, cx: &mut Cx<'_, Event>) {
        let now = cx.now();
        let station = &mut self.stations[at as usize];
        if !station.admit(now) {
            return;
        }
        let work = station.work(class);
        let step = station.server.arrive(now, Customer { entered, arrived: now, work, class });
        station.follow(at, step, cx);
    }

    #[inline]
    fn done(&mut self, at: u32, slot: u32, cx: &mut Cx<'_, Event>) {
        let now = cx.now();
        let station = &mut self.stations[at as usize];
        let Some((customer, step)) = station.server.complete(now, slot) else { return };
        station.follow(at, step, cx);
        station.release(now, &customer);
        let next = station.spec.route.next(&mut station.choices);
        if station.spec.vacation.is_some() {
            self.rest(at, cx);
        }
        match next {
            None => self.sojourn.add(now.since(customer.entered)),
            Some(to) => self.enter(to, customer.class, customer.entered, cx),
        }
    }

    /// Sends the server of an empty station on a vacation, where it takes any.
    fn rest(&mut self, at: u32, cx: &mut Cx<'_, Event>) {
        let station = &mut self.stations[at as usize];
        let Some(law) = &station.spec.vacation else { return };
        if station.levels.level() == 0 {
            station.server.leave();
            let length = law.duration(&mut station.choices);
            cx.after(Entity(at), length, Event::Back { station: at });
        }
    }

    fn back(&mut self, at: u32, cx: &mut Cx<'_, Event>) {
        let station = &mut self.stations[at as usize];
        let step = station.server.come_back();
        station.follow(at, step, cx);
        self.rest(at, cx);
    }
}

impl Station {
    #[inline]
    fn follow(&mut self, at: u32, step: Step, cx: &mut Cx<'_, Event>) {
        let (slot, after) = match step {
            Step::Nothing => return,
            Step::Begin { slot, after } => (slot, after),
            Step::Replace { after } => {
                if let Some(timer) = self.timer.take() {
                    cx.cancel(timer);
                }
                (0, after)
            }
        };
        let done = Event::Done { station: at, slot };
        if self.server.replaces() {
            self.timer = Some(cx.timer(Entity(at), after, done));
        } else {
            cx.after(Entity(at), after, done);
        }
    }
}

impl Model for Network {
    type Event = Event;

    #[inline]
    fn handle(&mut self, event: Event, cx: &mut Cx<'_, Event>) {
        match event {
            Event::Arrival { source } => self.arrival(source, cx),
            Event::Done { station, slot } => self.done(station, slot, cx),
            Event::Back { station } => self.back(station, cx),
        }
    }
}

fn check(stations: &[StationSpec], sources: &[SourceSpec]) -> Result<(), BadNetwork> {
    let leads = |from: String, route: &Route| {
        let missing = route.stations().into_iter().find(|&to| to as usize >= stations.len());
        match missing {
            None => Ok(()),
            Some(to) => Err(BadNetwork::NoSuchStation { from, to, stations: stations.len() }),
        }
    };
    for (station, spec) in stations.iter().enumerate() {
        let bad = |reason| Err(BadNetwork::Station { station, reason });
        if spec.services.is_empty() {
            return bad("no service law");
        }
        if spec.servers == 0 {
            return bad("no server");
        }
        if spec.discipline.is_single() && spec.servers != 1 {
            return bad("a discipline that interrupts is defined for one server");
        }
        if let Some(vacation) = &spec.vacation {
            let lines = matches!(spec.discipline, Discipline::Fifo | Discipline::Priority);
            if spec.servers != 1 || !lines {
                return bad("vacations are defined for one server that interrupts nobody");
            }
            if vacation.mean() <= 0.0 {
                return bad("vacations without length never end");
            }
        }
        leads(format!("station {station}"), &spec.route)?;
    }
    for (source_number, spec) in sources.iter().enumerate() {
        let bad = |reason| Err(BadNetwork::Source { source_number, reason });
        match &spec.arrivals {
            Arrivals::Renewal(law) if law.mean() <= 0.0 => {
                return bad("gaps without length never let time pass");
            }
            Arrivals::Thinned { bound, .. } if !bound.is_finite() => {
                return bad("the rate has no finite bound");
            }
            _ => {}
        }
        match spec.batch {
            Batch::Geometric { p } if !(p > 0.0 && p <= 1.0) => {
                return bad("a geometric batch needs a probability above 0 and up to 1");
            }
            Batch::Uniform { least, greatest } if least > greatest => {
                return bad("the least batch is greater than the greatest");
            }
            _ => {}
        }
        leads(format!("source {source_number}"), &spec.route)?;
    }
    Ok(())
}

/// A number of entities.
fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
