//! Numbers to hold a scenario to, kept in a file: `baseline/v1`.
//!
//! A baseline names a scenario, the changes made to it, the digests it gave and its metrics.
//! Equal digests mean equal results; otherwise the check tells the first event and the first
//! metric that moved. Blessing writes the present numbers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use reports::Metrics;
use serde::{Deserialize, Serialize};

use crate::manifest::Outcome;
use crate::run::parted;

/// Version of the baseline's form.
pub const SCHEMA: &str = "baseline/v1";

/// A baseline file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// [`SCHEMA`].
    pub schema: String,
    /// The scenario, relative to the baseline file.
    pub scenario: PathBuf,
    /// Changes made to it: `path=value`.
    #[serde(default)]
    pub set: Vec<String>,
    /// Version of Arable that blessed it.
    pub arable: String,
    /// What came out.
    pub result: Outcome,
    /// Metrics by name.
    pub metrics: BTreeMap<String, Held>,
}

/// One metric's value and how far it may move.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The value.
    pub value: f64,
    /// Largest relative change that still counts as the same; kept when blessing anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rel: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(x: &f64) -> bool {
    x.to_bits() == 0
}

/// Why a baseline file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not readable.
    #[error("failed to read {file}: {source}")]
    Read {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not a baseline.
    #[error(
        "failed to understand {file}: {reason}; expected a baseline written by `arable check --bless`"
    )]
    Form {
        /// Which file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Checked {
    /// The baseline file.
    pub baseline: PathBuf,
    /// Whether everything is as it was.
    pub pass: bool,
    /// Between which events the first one moved, if any did.
    pub first_event: Option<String>,
    /// The first metric that moved, in alphabetical order.
    pub first_metric: Option<Moved>,
    /// All metrics that moved.
    pub moved: Vec<Moved>,
    /// Tables whose rows changed.
    pub tables: Vec<String>,
}

/// A metric that moved.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// Its name.
    pub metric: String,
    /// Value in the baseline.
    pub expected: Option<f64>,
    /// Value now.
    pub found: Option<f64>,
    /// Relative change allowed.
    pub rel: f64,
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// See [`BaselineError`].
    pub fn load(file: &Path) -> Result<Self, BaselineError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| BaselineError::Read { file: file.to_owned(), source })?;
        let form = |reason| BaselineError::Form { file: file.to_owned(), reason };
        let baseline: Self =
            serde_json::from_str(&text).map_err(|error| form(error.to_string()))?;
        if baseline.schema != SCHEMA {
            return Err(form(format!("found schema `{}`, expected `{SCHEMA}`", baseline.schema)));
        }
        Ok(baseline)
    }

    /// The baseline that present numbers make; tolerances are taken from `before`.
    #[must_use]
    pub fn of(
        scenario: PathBuf,
        set: Vec<String>,
        result: Outcome,
        metrics: &Metrics,
        before: Option<&Self>,
    ) -> Self {
        let rel = |name: &str| before.and_then(|b| b.metrics.get(name)).map_or(0.0, |m| m.rel);
        Self {
            schema: SCHEMA.to_owned(),
            scenario,
            set,
            arable: env!("CARGO_PKG_VERSION").to_owned(),
            result,
            metrics: metrics
                .metrics
                .iter()
                .map(|m| (m.name.clone(), Held { value: m.value, rel: rel(&m.name) }))
                .collect(),
        }
    }

    /// Compares present numbers with the baseline.
    #[must_use]
    pub fn check(&self, file: &Path, result: &Outcome, metrics: &Metrics) -> Checked {
        let mut moved: Vec<Moved> = self
            .metrics
            .iter()
            .filter_map(|(name, held)| {
                let found = metrics.get(name).map(|metric| metric.value);
                let same = found.is_some_and(|value| held.holds(value));
                (!same).then(|| Moved {
                    metric: name.clone(),
                    expected: Some(held.value),
                    found,
                    rel: held.rel,
                })
            })
            .collect();
        let new = metrics.metrics.iter().filter(|m| !self.metrics.contains_key(&m.name));
        moved.extend(new.map(|m| Moved {
            metric: m.name.clone(),
            expected: None,
            found: Some(m.value),
            rel: 0.0,
        }));
        let first_event =
            (result.events != self.result.events).then(|| parted(result, &self.result));
        let tables: Vec<String> = self
            .result
            .tables
            .iter()
            .filter(|(name, digest)| result.tables.get(*name) != Some(digest))
            .map(|(name, _)| name.clone())
            .collect();
        Checked {
            baseline: file.to_owned(),
            pass: moved.is_empty() && tables.is_empty() && first_event.is_none(),
            first_event,
            first_metric: moved.first().cloned(),
            moved,
            tables,
        }
    }
}

impl Held {
    fn holds(self, value: f64) -> bool {
        let distance = (value - self.value).abs();
        value.to_bits() == self.value.to_bits() || distance <= self.rel * self.value.abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_within_its_relative_tolerance_and_exactly_without_one() {
        let table = [(1.0, 0.0, 1.0, true), (1.0, 0.0, 1.000_001, false), (2.0, 0.1, 2.19, true)];
        for (value, rel, found, holds) in table {
            assert_eq!(Held { value, rel }.holds(found), holds, "{value} {rel} {found}");
        }
        assert!(!Held { value: 1.0, rel: 0.5 }.holds(f64::NAN));
    }
}
