//! What the trace does not say but a reader needs: which run it is, in which money, on which
//! assumptions. The host writes it into the run's `manifest.json`.

use serde::{Deserialize, Serialize};
use sim_types::{Fact, TraceLevel};

use crate::analysis::{stopping, warmup};

/// A run, described for its readers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// Title of the experiment, for people.
    pub title: String,
    /// Name of the scenario, as in the directory of the run.
    pub scenario: String,
    /// One or two sentences on the experiment; may be empty.
    #[serde(default)]
    pub description: String,
    /// Seed.
    pub seed: u64,
    /// Replications on common random numbers, at least 1.
    pub replications: u32,
    /// Simulated time of each replication, ns.
    pub horizon_ns: u64,
    /// Target time between blocks of the settlement chain, ns, where it has such a target.
    #[serde(default)]
    pub block_interval_ns: Option<u64>,
    /// The money of the run.
    pub coin: Coin,
    /// The rule chosen for each stage, in the order of the stages.
    #[serde(default)]
    pub design: Vec<Stage>,
    /// Which public aggregate of its own network the design reproduces; absent: the report
    /// shows it as *uncalibrated*.
    #[serde(default)]
    pub calibration: Option<String>,
    /// Every number taken from the world.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// The scenario's expectations and how they came out.
    #[serde(default)]
    pub verdicts: Vec<Verdict>,
    /// Command that repeats the run exactly.
    pub replay: String,
    /// Digest of the plan, hexadecimal.
    pub plan_digest: String,
    /// Digest of all events, hexadecimal.
    pub event_digest: String,
    /// Versions, host, device: name and value, in the order to show.
    #[serde(default)]
    pub provenance: Vec<Named>,
    /// How much of the run the trace keeps.
    #[serde(default)]
    pub trace: TraceLevel,
    /// The tables that the run wrote. A table listed here must be readable; metrics of a table
    /// not listed are left out. Empty: all tables are expected.
    #[serde(default)]
    pub tables: Vec<TableSummary>,
    /// Groups of the population that the scenario marks as attackers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attackers: Vec<String>,
    /// What a reader must know and no number shows: limits, warnings.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What the experiment asks of its output analysis.
    #[serde(default, skip_serializing_if = "Control::is_plain")]
    pub control: Control,
}

/// How replications are made, cut and counted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Whether replication 2k + 1 mirrors replication 2k.
    #[serde(default)]
    pub antithetic: bool,
    /// What is left out of means.
    #[serde(default)]
    pub warmup: Option<warmup::Setting>,
    /// How sequential stopping ended, where the scenario asks for it.
    #[serde(default)]
    pub stopped: Option<stopping::Decision>,
}

impl Control {
    /// Whether nothing but plain replications was asked for.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// A coin: its name, its smallest unit, its price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coin {
    /// Name or ticker: TAO.
    pub name: String,
    /// Smallest units in one coin, at least 1 (rao in a TAO: 10^9).
    pub smallest_units: u128,
    /// Price of one coin in US dollars, if stated.
    #[serde(default)]
    pub usd: Option<f64>,
}

impl Coin {
    /// An amount of smallest units in coins.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown to a few digits, never paid out")]
    pub fn coins(&self, smallest: u128) -> f64 {
        self.coins_of_mean(smallest as f64)
    }

    /// A mean of smallest units in coins.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown to a few digits, never paid out")]
    pub fn coins_of_mean(&self, smallest: f64) -> f64 {
        smallest / self.smallest_units.max(1) as f64
    }
}

/// The rule that fills a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// demand, market, execution, verification, settlement or reward.
    pub stage: String,
    /// Name of the rule.
    pub rule: String,
}

/// An expectation and its outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What is expected, usually a metric's name.
    pub name: String,
    /// The wanted range or value, as written in the scenario.
    pub wanted: String,
    /// What was found.
    pub found: String,
    /// Whether it holds.
    pub pass: bool,
}

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
}

/// A table of the trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSummary {
    /// Its name.
    pub name: String,
    /// How many rows.
    pub rows: u64,
    /// BLAKE3 of its rows, hexadecimal.
    pub digest: String,
}

impl Context {
    /// Whether the trace should hold a table.
    #[must_use]
    pub fn has_table(&self, name: &str) -> bool {
        if self.trace == TraceLevel::Off {
            return false;
        }
        self.tables.is_empty() || self.tables.iter().any(|table| table.name == name)
    }
}
