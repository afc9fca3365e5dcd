//! Arable: scenario text → plan → world → run directory; and the command line around it.
//!
//! | module | does |
//! |---|---|
//! | [`scenario`] | text to plan, with every error at its place |
//! | [`plan`] | what a run is, in numbers |
//! | [`experiment`] | both forms of a plan, and the metrics of one replication of either |
//! | [`world`] | the host of the rules under the engine |
//! | [`run`] | a plan to a run directory |
//! | [`resume`], `snapshot` | a run that ended early goes on where it stopped |
//! | [`sweep`], [`store`] | many runs of one scenario, and where their figures are kept |
//! | [`mod@study`] | tuning and sensitivity: runs at points that a method chooses |
//! | [`manifest`] | what a run directory says of itself |
//! | [`check`] | scenarios and tables held to committed baselines |
//! | [`explain`] | why a job, an epoch or a payout came out as it did; what a parameter means |
//! | [`validate`] | reference cases |
//! | [`diagnose`] | errors shown with their lines |
//! | [`cli`] | the commands |
//! | [`exit`] | exit codes |

pub mod check;
pub mod cli;
mod control;
pub mod diagnose;
pub mod exit;
pub mod experiment;
pub mod explain;
pub mod manifest;
pub mod plan;
pub mod resume;
pub mod run;
pub mod scenario;
mod snapshot;
pub mod store;
pub mod study;
pub mod sweep;
pub mod validate;
pub mod world;
