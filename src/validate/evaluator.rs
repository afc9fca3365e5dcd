//! What an evaluator is, and which kinds have one.

use serde_json::Value;

use super::inputs::Inputs;
use super::{bittensor, des, ritual};

/// From inputs to named quantities.
pub type Evaluate = fn(&Inputs<'_>) -> Result<Quantities, Stop>;

/// Named quantities, in the order computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Quantities(Vec<(String, Computed)>);

impl Quantities {
    /// A single quantity.
    #[must_use]
    pub fn one(name: impl Into<String>, computed: impl Into<Computed>) -> Self {
        Self::default().and(name, computed)
    }

    /// These and one more.
    #[must_use]
    pub fn and(mut self, name: impl Into<String>, computed: impl Into<Computed>) -> Self {
        self.0.push((name.into(), computed.into()));
        self
    }

    /// The quantity of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Computed> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, computed)| computed)
    }

    /// The only quantity, if there is one.
    #[must_use]
    pub fn only(&self) -> Option<&Computed> {
        match self.0.as_slice() {
            [(_, computed)] => Some(computed),
            _ => None,
        }
    }

    /// Each quantity replaced by `change` of it.
    #[must_use]
    pub fn map(self, change: impl Fn(Computed) -> Computed) -> Self {
        Self(self.0.into_iter().map(|(name, computed)| (name, change(computed))).collect())
    }
}

/// One computed quantity.
#[derive(Debug, Clone, PartialEq)]
pub enum Computed {
    /// A number, a text, a list, an object of such, as JSON.
    Value(Value),
    /// A mean over independent replications.
    Estimate {
        /// The mean.
        mean: f64,
        /// Its standard error.
        standard_error: f64,
    },
    /// The p-value of a statistical test.
    PValue(f64),
    /// A statement that was checked: how far the two sides lie apart, or how many members
    /// break it.
    Property {
        /// The statement in the case's words.
        statement: &'static str,
        /// Zero where it holds exactly.
        distance: f64,
    },
}

impl<T: Into<Value>> From<T> for Computed {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

/// Why an evaluator computed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The case asks for something that is not built.
    NotCovered(String),
    /// The inputs are not what the kind takes.
    BadInput(String),
}

/// The evaluator of a kind.
#[must_use]
pub fn find(kind: &str) -> Option<Evaluate> {
    [bittensor::EVALUATORS, des::EVALUATORS, ritual::EVALUATORS]
        .into_iter()
        .flatten()
        .find(|(name, _)| *name == kind)
        .map(|(_, evaluate)| *evaluate)
}
