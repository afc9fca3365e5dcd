//! Whether a run repeats itself, and if not, the first event that differs.
//!
//! The first two runs keep one hash for every [`BLOCK`] events; only if those differ do two
//! more runs write down the events of the first differing block. The check therefore costs
//! no memory to speak of and works for runs of any length.

use core::fmt;
use core::ops::Range;

use serde::{Deserialize, Serialize};
use sim_types::SimTime;

use crate::chain::Chain;
use crate::engine::Entity;

/// Events to a block.
pub const BLOCK: u64 = 4096;

/// What a watched engine keeps.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Watch {
    /// Events whose text is kept, by index from 0.
    pub capture: Range<u64>,
    /// Whether a step of [`Log::trail`] is kept for every event.
    pub trail: bool,
}

impl Watch {
    /// Block hashes alone.
    #[must_use]
    pub fn blocks() -> Self {
        Self::default()
    }

    /// Block hashes, and the text of the events in `range`.
    #[must_use]
    pub fn capture(range: Range<u64>) -> Self {
        Self { capture: range, trail: false }
    }

    /// Block hashes, and a few bits of the hash after every event.
    #[must_use]
    pub fn trail() -> Self {
        Self { trail: true, ..Self::default() }
    }
}

/// One event, written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captured {
    /// How many events came before it.
    pub index: u64,
    /// When.
    pub time: SimTime,
    /// To whom.
    pub entity: Entity,
    /// The chain of that entity after it: tells apart events whose text is equal.
    pub chain: Chain,
    /// Its text.
    pub event: String,
}

/// What a watched engine has kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Log {
    /// A hash of everything so far, at the end of each full block.
    pub blocks: Vec<u64>,
    /// The hash at the end of the run.
    pub last: u64,
    /// Events handled.
    pub events: u64,
    /// The events of [`Watch::capture`].
    pub captured: Vec<Captured>,
    /// With [`Watch::trail`] the hash of everything so far, after every event.
    pub trail: Vec<Step>,
}

/// One step of a trail: little enough to be kept for every event or row of a baseline, so that
/// a later run can name the first one that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Six bits of the hash of everything so far.
    pub bits: u8,
    /// When; zero where rows are counted.
    pub time: SimTime,
}

impl Step {
    pub(crate) fn new(chain: Chain, time: SimTime) -> Self {
        Self { bits: chain.0.to_be_bytes()[0] >> 2, time }
    }
}

/// The engine's side of a [`Watch`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Watcher {
    watch: Watch,
    rolling: Chain,
    log: Log,
}

impl Watcher {
    pub(crate) fn new(watch: Watch) -> Self {
        Self { watch, rolling: Chain::default(), log: Log::default() }
    }

    pub(crate) fn see(
        &mut self,
        index: u64,
        time: SimTime,
        entity: Entity,
        chain: Chain,
        event: &impl fmt::Debug,
    ) {
        self.rolling.extend(u64::from(entity.0));
        self.rolling.extend(chain.0);
        self.log.events = index + 1;
        if self.watch.trail {
            self.log.trail.push(Step::new(self.rolling, time));
        }
        if self.log.events.is_multiple_of(BLOCK) {
            self.log.blocks.push(self.rolling.0);
        }
        if self.watch.capture.contains(&index) {
            let event = format!("{event:?}");
            self.log.captured.push(Captured { index, time, entity, chain, event });
        }
    }

    pub(crate) fn log(&self) -> Log {
        Log { last: self.rolling.0, ..self.log.clone() }
    }
}

/// The first event at which two runs of one plan part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// How many equal events came before it.
    pub index: u64,
    /// When, in the first run that still has an event there.
    pub time: SimTime,
    /// To whom, likewise.
    pub entity: Entity,
    /// The event in the first run.
    pub first: String,
    /// The event in the second run.
    pub second: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, time, entity, first, second } = self;
        write!(f, "event {index} of entity {entity} at {time}: `{first}`, then `{second}`")
    }
}

/// Runs the same thing twice and compares event by event. `run` builds an engine, watches it
/// as told, runs it to its end and returns its log.
///
/// `None` says that the two runs handled the same events in the same order. Where they
/// differ, `run` is called twice more. If those two happen to agree where the first two did
/// not, the difference names the block in which the first two parted.
///
/// # Errors
/// What `run` fails with.
pub fn first_difference<Error>(
    mut run: impl FnMut(Watch) -> Result<Log, Error>,
) -> Result<Option<Difference>, Error> {
    let (first, second) = (run(Watch::blocks())?, run(Watch::blocks())?);
    let Some(block) = first_differing_block(&first, &second) else { return Ok(None) };
    let range = block * BLOCK..(block + 1) * BLOCK;
    let (again, once_more) =
        (run(Watch::capture(range.clone()))?, run(Watch::capture(range.clone()))?);
    Ok(Some(first_differing_event(&again, &once_more).unwrap_or_else(|| {
        let text = |log: &Log| {
            format!("{} events, hash {:016x} at the end of the run", log.events, log.last)
        };
        Difference {
            index: range.start,
            time: again.captured.first().map_or(SimTime::ZERO, |event| event.time),
            entity: again.captured.first().map_or(Entity::default(), |event| event.entity),
            first: text(&first),
            second: text(&second),
        }
    })))
}

/// The first block whose hash differs, the unfinished last one included.
fn first_differing_block(first: &Log, second: &Log) -> Option<u64> {
    if first.last == second.last && first.events == second.events {
        return None;
    }
    let equal = first.blocks.iter().zip(&second.blocks).take_while(|(a, b)| a == b).count();
    Some(equal as u64)
}

fn first_differing_event(first: &Log, second: &Log) -> Option<Difference> {
    let length = first.captured.len().max(second.captured.len());
    (0..length).find_map(|i| {
        let (a, b) = (first.captured.get(i), second.captured.get(i));
        if a == b {
            return None;
        }
        let shown = a.or(b)?;
        let text = |event: Option<&Captured>| {
            event.map_or_else(|| "no event: the run had ended".to_owned(), describe)
        };
        Some(Difference {
            index: shown.index,
            time: shown.time,
            entity: shown.entity,
            first: text(a),
            second: text(b),
        })
    })
}

/// An event with all that could make it differ from another.
fn describe(event: &Captured) -> String {
    let Captured { time, entity, chain, event, .. } = event;
    format!("{event} of entity {entity} at {time}, chain {:016x}", chain.0)
}
