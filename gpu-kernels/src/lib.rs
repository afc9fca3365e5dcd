//! The compute core: real CUDA kernels, their twins on the CPU, what accelerators can do, and
//! which one is here.
//!
//! | module | holds |
//! |---|---|
//! | [`kernels`] | the registry of kernels |
//! | [`kernel`] | what is known about one: source, shapes, cost, design note |
//! | [`twin`] | the same results on the CPU |
//! | [`job`], [`data`] | one piece of work: arrays and launches |
//! | [`run`] | where jobs run: fibers on the CPU, CUDA devices |
//! | [`verify`] | results held against the twin's |
//! | [`mod@bench`] | timing, rooflines, baselines |
//! | [`profiles`] | hardware profiles for the cost model: limits, fitted efficiencies, sources |
//! | [`device`] | the CUDA device of this machine, or why there is none |
//!
//! No rule of the simulation depends on the device of the machine it runs on: a profile is a
//! scenario's choice, the device is only recorded.

pub mod bench;
pub mod data;
pub mod device;
pub mod job;
pub mod kernel;
pub mod kernels;
pub mod profiles;
pub mod run;
pub mod source;
pub mod twin;
pub mod verify;
