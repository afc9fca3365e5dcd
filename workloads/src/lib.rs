//! What is wanted and how long it takes: demand generators, model shapes, cost models.
//!
//! | module | stage | holds |
//! |---|---|---|
//! | [`demand`] | 1 | generators as state machines: `poisson`, `trace` |
//! | [`execution`] | 3 | serving machines as state machines: `roofline` |
//! | [`models`] | – | shapes of language models: parameters, FLOP and bytes a token |
//! | [`request_trace`] | – | one line of a request trace to one request |

pub mod demand;
pub mod execution;
pub mod models;
pub mod request_trace;

mod rule;

pub use rule::RuleInfo;
