//! Numbers to hold a scenario to, kept in a file: `baseline/v2`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize, de};

use super::trail::Trail;
use crate::manifest::Outcome;

/// Version of the baseline's form.
pub const SCHEMA: &str = "baseline/v2";

/// A baseline file: what a scenario gave when it was blessed, and why it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// [`SCHEMA`].
    pub schema: String,
    /// Why these numbers are right, in the words of who blessed them.
    pub reason: String,
    /// Version of Arable that blessed it.
    pub arable: String,
    /// The scenario, relative to the baseline file.
    pub scenario: PathBuf,
    /// Changes made to it: `path=value`.
    #[serde(default)]
    pub set: Vec<String>,
    /// What must not move at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact: Option<Exact>,
    /// What may move a little, by metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub bands: BTreeMap<String, Held>,
    /// What may move as chance moves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicated: Option<Recorded>,
}

/// Digests and metrics of one run, and the trails that lead to the first difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exact {
    /// What came out.
    pub result: Outcome,
    /// Metrics by name.
    pub metrics: BTreeMap<String, f64>,
    /// Events of replication 0: of the network, then of every subnet.
    #[serde(default)]
    pub events: Vec<Trail>,
    /// Rows of every table.
    #[serde(default)]
    pub rows: BTreeMap<String, Trail>,
    /// What every account holds at the end of replication 0; absent in baselines of earlier
    /// versions.
    #[serde(default)]
    pub accounts: Option<Trail>,
}

/// A metric's value and how far it may move.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// The value.
    pub value: f64,
    /// How far.
    pub band: Band,
}

/// Metrics of many runs, each on a seed of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The number that the seeds follow from.
    pub seed: u64,
    /// Runs that a check adds on fresh seeds.
    pub fresh: u32,
    /// Values by metric, in the order of the seeds; null where a run does not define it.
    pub metrics: BTreeMap<String, Vec<Option<f64>>>,
}

/// How far a value may move: `2%` of it, or `0.01` in its own unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Band {
    /// Per cent of the value.
    Percent(f64),
    /// In the value's unit.
    Absolute(f64),
}

impl Band {
    /// Whether `found` is within the band around `expected`.
    #[must_use]
    pub fn holds(self, expected: f64, found: f64) -> bool {
        let room = match self {
            Self::Percent(percent) => percent / 100.0 * expected.abs(),
            Self::Absolute(room) => room,
        };
        found.to_bits() == expected.to_bits() || (found - expected).abs() <= room
    }
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Absolute(room) => write!(f, "{room}"),
        }
    }
}

impl Serialize for Band {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Percent(_) => serializer.collect_str(self),
            Self::Absolute(room) => serializer.serialize_f64(*room),
        }
    }
}

impl<'de> Deserialize<'de> for Band {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;
        impl de::Visitor<'_> for Words {
            type Value = Band;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a share such as `2%`, or a number in the metric's unit, 0 or more")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Band, E> {
                let number = text.strip_suffix('%').and_then(|n| n.trim().parse::<f64>().ok());
                number
                    .filter(|n| n.is_finite() && *n >= 0.0)
                    .map(Band::Percent)
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Band, E> {
                if number.is_finite() && number >= 0.0 {
                    return Ok(Band::Absolute(number));
                }
                Err(E::invalid_value(de::Unexpected::Float(number), &self))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Band, E> {
                #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
                self.visit_f64(number as f64)
            }
        }
        deserializer.deserialize_any(Words)
    }
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
    /// Written by another version.
    #[error(
        "{file} is of another version: found schema `{found}`, expected `{SCHEMA}`; write it anew: arable check {file} --scenario SCENARIO.yaml --bless REASON"
    )]
    Version {
        /// Which file.
        file: PathBuf,
        /// Its version.
        found: String,
    },
    /// Not a baseline.
    #[error(
        "failed to understand {file}: {reason}; expected a baseline written by `arable check --bless REASON`"
    )]
    Form {
        /// Which file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// See [`BaselineError`].
    pub fn load(file: &Path) -> Result<Self, BaselineError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| BaselineError::Read { file: file.to_owned(), source })?;
        let form = |reason: serde_json::Error| BaselineError::Form {
            file: file.to_owned(),
            reason: reason.to_string(),
        };
        // The version first: another one has other fields.
        let value: serde_json::Value = serde_json::from_str(&text).map_err(form)?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(SCHEMA) => {}
            Some(found) if found.starts_with("baseline/") => {
                return Err(BaselineError::Version { file: file.to_owned(), found: found.into() });
            }
            _ => {
                let reason = format!("it has no `schema`: \"{SCHEMA}\"");
                return Err(BaselineError::Form { file: file.to_owned(), reason });
            }
        }
        serde_json::from_str(&text).map_err(form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_holds_within_its_band() {
        let (percent, room) = (Band::Percent, Band::Absolute);
        let table = [
            (1.0, room(0.0), 1.0, true),
            (1.0, percent(0.0), 1.000_001, false),
            (2.0, percent(10.0), 2.19, true),
            (-2.0, percent(10.0), -2.21, false),
            (0.0, percent(50.0), 0.1, false),
            (0.0, room(0.5), 0.1, true),
            (1.0, room(9.0), f64::NAN, false),
        ];
        for (expected, band, found, holds) in table {
            assert_eq!(band.holds(expected, found), holds, "{expected} {band} {found}");
        }
    }

    #[test]
    fn bands_are_written_as_they_are_read() {
        for (text, band) in [
            ("\"2%\"", Some(Band::Percent(2.0))),
            ("0.01", Some(Band::Absolute(0.01))),
            ("0", Some(Band::Absolute(0.0))),
            ("-1", None),
            ("\"2\"", None),
            ("\"-2%\"", None),
        ] {
            assert_eq!(serde_json::from_str::<Band>(text).ok(), band, "{text}");
            if let Some(band) = band {
                let again = serde_json::to_string(&band).expect("serialises");
                assert_eq!(serde_json::from_str::<Band>(&again).ok(), Some(band), "{text}");
            }
        }
    }
}
