//! Small stepped rules: the second form of a scenario, without nodes, jobs or a chain.
//!
//! A model is a state, a step and some figures at the end. It is what a question about a
//! mechanism comes down to when messages and machines do not matter: cheap enough for ten
//! thousand runs, and run by the same sweeps and studies as a network.
//!
//! **Adding a model is one file and one line** in the `models!` list below; that line makes
//! the YAML key, the schema, the catalogue entry and the constructor.
//!
//! Steps are numbered from 0. Each step is handed a [`Stream`] of its own, so what a model
//! draws in one step never depends on how much it drew in another: two designs meet the same
//! random numbers.

use sim_types::stream::Key;
use sim_types::{Fact, ParamError, Stream};

use crate::RuleInfo;

pub mod block_space;
pub mod emission_peak;
pub mod first_price_auction;
pub mod posted_price;
pub mod slash;
pub mod ten_variables;

/// One figure that a model ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name: lower case, digits and `_`.
    pub name: &'static str,
    /// Its unit; `1` for a plain number, `share` for 0 … 1.
    pub unit: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// A stepped rule: same parameters, same draws, same figures. It holds no clock and no random
/// source.
pub trait Model: Clone + core::fmt::Debug {
    /// What a scenario may set.
    type Params: Clone;

    /// Its key in a scenario.
    const NAME: &'static str;
    /// One sentence: what it does.
    const SUMMARY: &'static str;
    /// Where it comes from: paper and section, or repository, path and commit.
    const SOURCE: &'static str;
    /// The figures it ends with.
    const METRICS: &'static [Metric];

    /// The smallest valid parameters.
    fn example() -> Self::Params;

    /// Numbers from the world that these parameters or the rule itself carry.
    fn facts(params: &Self::Params) -> Vec<Fact>;

    /// The state before the first step.
    ///
    /// # Errors
    /// Names the parameter that is out of its domain.
    fn new(params: &Self::Params) -> Result<Self, ParamError>;

    /// Takes step number `now`, with the random numbers of this step.
    fn step(&mut self, now: u64, stream: &mut Stream);

    /// The figures of the state as it is, in the order of [`Model::METRICS`]. One that is not
    /// finite is a run that diverged.
    fn figures(&self) -> Vec<f64>;
}

/// A sum over so many; 0 over none.
#[expect(clippy::cast_precision_loss, reason = "steps are counted below 2^53")]
fn mean(sum: f64, over: u64) -> f64 {
    if over == 0 { 0.0 } else { sum / over as f64 }
}

/// A number between two ends.
fn within(
    field: &'static str,
    value: f64,
    low: f64,
    high: f64,
    expected: &'static str,
) -> Result<(), ParamError> {
    ParamError::unless((low..=high).contains(&value), field, value, expected)
}

/// Steps between two questions whether to go on.
const SLICE: u64 = 1 << 16;

/// Steps a model from its beginning: step `n` draws from the stream of `key` on occasion `n`.
/// Every so often `go_on` is told how many steps were taken since; `None` if it says no.
///
/// # Errors
/// When a parameter is out of its domain.
pub fn run_while<M: Model>(
    params: &M::Params,
    steps: u64,
    key: Key,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Option<Vec<f64>>, ParamError> {
    let mut model = M::new(params)?;
    let mut from = 0;
    while from < steps {
        let to = steps.min(from.saturating_add(SLICE));
        for now in from..to {
            model.step(now, &mut Stream::new(key, now));
        }
        if !go_on(to - from) {
            return Ok(None);
        }
        from = to;
    }
    Ok(Some(model.figures()))
}

/// The same from beginning to end.
#[cfg(test)]
fn run<M: Model>(params: &M::Params, steps: u64, key: Key) -> Result<Vec<f64>, ParamError> {
    Ok(run_while::<M>(params, steps, key, &mut |_| true)?.expect("nothing stops it"))
}

/// Declares the models. Each line `module::Type` is the whole registration: the YAML key is the
/// snake-case form of the type's name.
macro_rules! models {
    ($($(#[$doc:meta])* $module:ident :: $ty:ident,)*) => {
        /// The model of a scenario.
        #[derive(
            Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum ModelSpec { $($(#[$doc])* $ty($module::Params),)* }

        impl ModelSpec {
            /// The models, in the order of registration.
            #[must_use]
            pub fn catalogue() -> Vec<RuleInfo> {
                vec![$(RuleInfo {
                    stage: "model",
                    name: <$module::$ty as Model>::NAME,
                    summary: <$module::$ty as Model>::SUMMARY,
                    source: <$module::$ty as Model>::SOURCE,
                },)*]
            }

            /// Every model with its smallest valid parameters.
            #[must_use]
            pub fn examples() -> Vec<Self> {
                vec![$(Self::$ty(<$module::$ty as Model>::example()),)*]
            }

            /// The key of the chosen model.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$ty(_) => <$module::$ty as Model>::NAME,)* }
            }

            /// The figures it ends with.
            #[must_use]
            pub fn metrics(&self) -> &'static [Metric] {
                match self { $(Self::$ty(_) => <$module::$ty as Model>::METRICS,)* }
            }

            /// Numbers from the world that it carries.
            #[must_use]
            pub fn facts(&self) -> Vec<Fact> {
                match self { $(Self::$ty(params) => <$module::$ty as Model>::facts(params),)* }
            }

            /// Whether its parameters lie in their domains.
            ///
            /// # Errors
            /// Names the parameter that does not.
            pub fn check(&self) -> Result<(), ParamError> {
                match self { $(Self::$ty(params) => <$module::$ty as Model>::new(params).map(drop),)* }
            }

            /// Steps the chosen model from its beginning: its figures, in the order of
            /// [`ModelSpec::metrics`]. See [`run_while`].
            ///
            /// # Errors
            /// When a parameter is out of its domain.
            pub fn run(
                &self,
                steps: u64,
                key: Key,
                go_on: &mut dyn FnMut(u64) -> bool,
            ) -> Result<Option<Vec<f64>>, ParamError> {
                match self {
                    $(Self::$ty(params) => run_while::<$module::$ty>(params, steps, key, go_on),)*
                }
            }
        }
    };
}
models! {
    /// Places in blocks under a burned base fee, or by bids that the producer keeps.
    block_space::BlockSpace,
    /// Ten coupled variables, moved by two noisy policies a step.
    ten_variables::TenVariables,
    /// Sealed first-price auctions with a reserve.
    first_price_auction::FirstPriceAuction,
    /// One seller, one buyer and a price that a third party posts.
    posted_price::PostedPrice,
    /// Work that emission attracts, less what it dilutes.
    emission_peak::EmissionPeak,
    /// A worker who cheats under spot checks and slashing.
    slash::Slash,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What every model must hold, and what its one line promises.
    #[test]
    fn every_model_is_what_its_registration_says() {
        let catalogue = ModelSpec::catalogue();
        assert_eq!(catalogue.len(), ModelSpec::examples().len());
        for (info, example) in catalogue.iter().zip(ModelSpec::examples()) {
            assert_eq!((info.stage, info.name), ("model", example.name()));
            example.check().unwrap();
            let json = serde_json::to_value(&example).unwrap();
            assert!(json.get(info.name).is_some(), "the YAML key of {} is its name", info.name);
            let back: ModelSpec = serde_json::from_value(json).unwrap();
            assert_eq!(back, example);

            let metrics = example.metrics();
            let mut names: Vec<&str> = metrics.iter().map(|m| m.name).collect();
            let word = |name: &&str| {
                name.starts_with(|c: char| c.is_ascii_lowercase())
                    && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            };
            assert!(names.iter().all(word), "{names:?}");
            assert!(metrics.iter().all(|m| !m.unit.is_empty() && m.meaning.ends_with('.')));
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), metrics.len(), "no name twice");

            let figures = |steps, key: u64| {
                example.run(steps, key.into(), &mut |_| true).unwrap().expect("not stopped")
            };
            assert_eq!(figures(50, 7).len(), metrics.len());
            let bits = |f: Vec<f64>| f.into_iter().map(f64::to_bits).collect::<Vec<_>>();
            assert_eq!(bits(figures(50, 7)), bits(figures(50, 7)), "the same twice");
        }
    }

    #[test]
    fn steps_are_told_and_a_model_can_be_stopped() {
        let model = &ModelSpec::examples()[0];
        let mut told = Vec::new();
        let mut go_on = |steps| {
            told.push(steps);
            true
        };
        assert!(model.run(2 * SLICE + 5, 7.into(), &mut go_on).unwrap().is_some());
        assert_eq!(told, [SLICE, SLICE, 5]);
        assert_eq!(model.run(u64::MAX, 7.into(), &mut |_| false).unwrap(), None);
    }
}
