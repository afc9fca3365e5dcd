//! The rules of market, verification, settlement and reward, and the adversaries.
//!
//! A rule is a pure state machine ([`sim_types::StateMachine`]): what happens to it is a
//! closed enum, what it asks for is another, and it can reach neither an engine, nor a clock,
//! nor a file. **Adding a rule is one file and one line** in its stage's [`stage!`] list; that
//! line makes the YAML key, the schema, the catalogue entry and the constructor, and the
//! stage's laws (`tests/laws.rs`) run on it without further work.
//!
//! | module | stage | turns | into |
//! |---|---|---|---|
//! | [`market`] | 2 | jobs | matches: who works, for how much |
//! | [`verification`] | 4 | completions | observations: what is believed of whom |
//! | [`weights`] | 4→6 | observations | the weights a validator publishes |
//! | [`settlement`] | 5 | transactions | blocks that become final |
//! | [`reward`] | 6 | weights or observations | payouts |
//! | [`behaviour`] | – | what was asked | what was really done: honest or not |
//! | [`yuma`] | 6 | | the consensus epoch of Bittensor as plain functions |
//! | [`model`] | – | a parameter set | the figures of a small stepped rule, without a network |
//! | [`fee`] | | how full blocks are, what users offer | what a place costs, what is burned |
//! | [`emission`] | | blocks, trades, stakes | what is minted and accrues: the economy of Bittensor |
//! | [`registration`] | | who wants a place | price, place, epochs |
//! | [`trader`] | | prices | orders |
//! | [`pool`] | | TAO and alpha offered | TAO and alpha paid: the pools of Bittensor |

mod stage;

pub mod behaviour;
pub mod emission;
pub mod fee;
pub mod market;
pub mod model;
pub mod pool;
pub mod registration;
pub mod reward;
pub mod settlement;
pub mod trader;
pub mod verification;
pub mod weights;
pub mod yuma;

pub use stage::{Rule, RuleInfo};
