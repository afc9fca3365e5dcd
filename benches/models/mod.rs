//! Models that load the engine and nothing else, for benches, races and tests.
#![allow(dead_code, reason = "each user takes a part of it")]

pub(crate) mod gossip;
pub(crate) mod phold;
pub(crate) mod xoshiro;
