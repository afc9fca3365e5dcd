//! Who gets a place, at what price, and when a subnet's epoch is due.
//!
//! | module | holds |
//! |---|---|
//! | [`prune`] | which neuron makes room for a newcomer; immunity; the owner's immortal ones |
//! | [`burn_price`] | the price of a neuron's registration |
//! | [`lock`] | the price of a subnet's registration |
//! | [`subnets`] | the median price, the subnet to dissolve, the pool of a new one, the payout of an old one |
//! | [`scheduler`] | when a subnet's epoch runs, in the form before and the form since June 2026 |
//!
//! Source, unless a module says otherwise: opentensor/subtensor @ 14bc6f9f (2026-06-30,
//! runtime 425), `pallets/subtensor/src/`.

pub mod burn_price;
pub mod lock;
pub mod prune;
pub mod scheduler;
pub mod subnets;
