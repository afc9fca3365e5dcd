//! The words every package shares: time, identity, money, chance, and the contract of a rule.
//!
//! | module | holds |
//! |---|---|
//! | [`time`] | [`SimTime`], [`SimDuration`]: integer nanoseconds |
//! | [`id`] | who and what: nodes, jobs, subnets, accounts |
//! | [`money`] | [`Amount`] and exact splitting |
//! | [`units`] | how quantities are written in a scenario: `12s`, `0.5 TAO`, `200Mbit`, `5%` |
//! | [`machine`] | [`StateMachine`]: the contract every rule fulfils |
//! | [`values`] | what flows between the six stages |
//! | [`hardware`] | what a machine can do: [`HardwareProfile`] |
//! | [`philox`], [`bits`], [`stream`] | counter-based random numbers as pure functions |
//! | [`math`] | the only door to `exp`, `ln`, `pow` |
//! | [`fixed`] | binary fixed point with the rounding of the chains that use it |
//! | [`record`] | the rows of the trace |
//! | [`trace_level`] | how much of a run its trace keeps |
//! | [`fidelity`] | where a number comes from |
//!
//! There is no engine here, no I/O, no clock and no global state.

pub mod bits;
pub mod defect;
pub mod fidelity;
pub mod fixed;
pub mod hardware;
pub mod id;
pub mod machine;
pub mod math;
pub mod money;
pub mod philox;
pub mod record;
pub mod stream;
pub mod time;
pub mod trace_level;
pub mod units;
pub mod values;

pub use fidelity::{Fact, Fidelity};
pub use hardware::HardwareProfile;
pub use id::{AccountId, EpochIndex, Height, JobId, NodeId, SubnetId, TxId, Uid};
pub use machine::{ParamError, Rejected, StateMachine};
pub use money::{Amount, split_exactly};
pub use stream::Stream;
pub use time::{SimDuration, SimTime};
pub use trace_level::{Detail, OneIn, TraceLevel};
pub use units::Share;
pub use values::{
    Completion, Failure, Finalised, JobKind, JobSpec, Match, Observation, Origin, Payout,
    PayoutReason, Truth,
};
