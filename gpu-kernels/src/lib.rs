//! What accelerators can do, and which one is here.
//!
//! | module | holds |
//! |---|---|
//! | [`profiles`] | hardware profiles for the cost model: limits, fitted efficiencies, sources |
//! | [`device`] | the CUDA device of this machine, or why there is none |
//!
//! No rule of the simulation depends on the device of the machine it runs on: a profile is a
//! scenario's choice, the device is only recorded.

pub mod device;
pub mod profiles;
