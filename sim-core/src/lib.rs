//! What a simulated world stands on: the event engine and the services around it.
//!
//! | module | holds |
//! |---|---|
//! | [`engine`] | [`Model`], [`Engine`], [`Cx`]: typed events in one total order |
//! | [`queue`], [`key`] | the pending events and their order: a radix wheel, a 4-ary heap |
//! | [`slab`] | what is too large for an event, or shared by many |
//! | [`timers`] | scheduled events that can be taken back |
//! | [`fault`] | why a run failed, and who did it |
//! | [`queueing`] | sources, servers, routes and statistics of queueing models |
//! | [`chain`] | the event digest's chain of 64-bit words |
//! | [`parallel`] | one run on several threads, with the same digest |
//! | [`determinism`] | run twice, name the first event that differs |
//! | [`streams`] | random streams addressed by name |
//! | [`ledger`] | integer money that is never lost |
//! | [`network`] | regions, latency, loss and partitions |
//! | [`faults`] | crashes and partitions as data, and who is up |
//! | [`digest`] | BLAKE3 digests of events, rows and plans |
//! | [`trace`] | rows of the trace into Arrow files, off the hot path |
//!
//! # The order of events
//!
//! Every event has a key of 128 bits: its **time** (64 bits of nanoseconds), its **priority**
//! (8 bits, [`engine::DEFAULT_PRIORITY`] unless said otherwise, lower goes first), its
//! **source** (24 bits: the entity that scheduled it) and the **source's own count** (32 bits:
//! how many events that entity had scheduled before). The next event is the pending one with
//! the least key. From this follows:
//!
//! - Keys are unique, so the order is total. There is no global counter: a key depends on
//!   nothing but its source's history, so the order is a property of the model, not of the
//!   machine, the number of threads or the order in which entities were built.
//! - Events of one source at one moment and priority are handled in the order in which it
//!   scheduled them.
//! - An event scheduled without delay is handled at the same moment, after the one that
//!   scheduled it, in key order among what is pending then.
//! - Between different sources at one moment and priority, the lower entity goes first. That
//!   is a choice, not a law of the simulated world, so such ties are counted
//!   ([`Engine::ties`]) for the run to report.
//! - Time never runs backwards: inside the run only delays exist, and they are unsigned.

mod agenda;
mod barrier;
pub mod chain;
pub mod determinism;
pub mod digest;
pub mod engine;
pub mod fault;
pub mod faults;
pub mod key;
pub mod ledger;
pub mod network;
pub mod parallel;
pub mod queue;
pub mod queueing;
mod shard;
pub mod slab;
pub mod streams;
pub mod timers;
pub mod trace;

pub use determinism::{Difference, Log, Watch, first_difference};
pub use digest::Digest;
pub use engine::{Cx, Engine, Entity, EventWord, Model, Stop};
pub use fault::{EngineError, Past, Reason};
pub use faults::{Fault, FaultEvent, NodeStates};
pub use key::Key;
pub use ledger::{Ledger, Short};
pub use network::{Network, RegionId, Regions};
pub use parallel::Parallel;
pub use slab::Slab;
pub use streams::Streams;
pub use timers::Timer;
pub use trace::{TableSummary, Trace, TraceError};
