//! Where a number that describes the world comes from.

use serde::{Deserialize, Serialize};

/// How much a number taken from the world can be trusted, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fidelity {
    /// Read off the real thing by a measurement whose raw data can be named.
    Measured,
    /// Stated by the system's own code, documents or specification.
    Published,
    /// Estimated from measurements by a stated method.
    Fitted,
    /// Chosen by us because nothing better was found.
    Assumed,
}

impl Fidelity {
    /// The word used in scenarios, traces and reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Published => "published",
            Self::Fitted => "fitted",
            Self::Assumed => "assumed",
        }
    }
}

/// One number from the world, as the report lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is, as a dotted path: `hardware.h100_sxm.memory_bandwidth`.
    pub name: String,
    /// Its value in the written unit.
    pub value: String,
    /// Its class.
    pub class: Fidelity,
    /// Paper and section, or repository, path and commit; for assumed values the reason.
    pub source: String,
}

impl Fact {
    /// A fact from its four parts.
    pub fn new(
        name: impl Into<String>,
        value: impl Into<String>,
        class: Fidelity,
        source: impl Into<String>,
    ) -> Self {
        Self { name: name.into(), value: value.into(), class, source: source.into() }
    }
}
