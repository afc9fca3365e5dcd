//! Clocks, temperature, power and throttling of a device while it is timed.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::run::nvml::{self, Nvml, Reading};

/// Time from one reading to the next at least: reading is worth a launch or two.
const BETWEEN: Duration = Duration::from_millis(10);

/// What a record says of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clocks {
    /// By NVML.
    Read(Box<Seen>),
    /// Nothing.
    NotRead {
        /// A sentence for the reader: what is missing.
        reason: String,
    },
}

/// What was read, between samples and right after the last of them but for `before`. The device
/// rests for that moment, so that power and clock are those of a load with gaps.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// Readings in the ranges below.
    pub readings: usize,
    /// Clock of the streaming multiprocessors, MHz.
    pub sm_mhz: Range,
    /// Clock of the memory, MHz.
    pub memory_mhz: Range,
    /// Temperature of the die, degrees Celsius, where the device tells it.
    pub temperature_c: Option<Range>,
    /// Power drawn, watts, where the device tells it.
    pub power_w: Option<Range>,
    /// What held clocks down, in words.
    pub throttle_reasons: Vec<String>,
    /// Whether any of these slowed the device down: then its times are not those of its limits.
    pub throttled: bool,
    /// Before the first run.
    pub before: Reading,
    /// After the last.
    pub after: Reading,
}

/// Median, least and largest of readings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Range {
    /// The middle one, the upper of two.
    pub median: f64,
    /// Least.
    pub least: f64,
    /// Largest.
    pub largest: f64,
}

impl Range {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let (least, largest) = (*values.first()?, *values.last()?);
        Some(Self { median: values[values.len() / 2], least, largest })
    }
}

impl Clocks {
    /// Nothing, and why.
    pub(crate) fn not_read(reason: &str) -> Self {
        Self::NotRead { reason: format!("not read: {reason}; drift_percent shows throttling") }
    }

    /// Of the SM clock and throttling, what a line of a table has room for.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::NotRead { .. } => "-".to_owned(),
            Self::Read(seen) => {
                let Range { median, least, largest } = seen.sm_mhz;
                let mut text = format!("{median:.0} ({least:.0} to {largest:.0})");
                if seen.throttled {
                    text.push_str(&format!(", throttled: {}", seen.throttle_reasons.join(", ")));
                }
                text
            }
        }
    }
}

/// Reads a device while it is timed.
#[derive(Debug)]
pub struct Watch<'a> {
    nvml: &'a Nvml,
    before: Reading,
    /// After which run, and what.
    readings: Vec<(usize, Reading)>,
    runs: usize,
    last: Instant,
}

impl<'a> Watch<'a> {
    /// Reads it a first time.
    ///
    /// # Errors
    /// A sentence that says why it cannot be read.
    pub fn begin(nvml: &'a Nvml) -> Result<Self, String> {
        let before = nvml.read()?;
        Ok(Self { nvml, before, readings: Vec::new(), runs: 0, last: Instant::now() })
    }

    /// To be called after each run, outside of what is timed.
    pub fn after_run(&mut self) {
        self.runs += 1;
        if self.last.elapsed() >= BETWEEN
            && let Ok(reading) = self.nvml.read()
        {
            self.readings.push((self.runs, reading));
            self.last = Instant::now();
        }
    }

    /// Reads it a last time. Of the runs, the last `samples` count; those before warmed up.
    #[must_use]
    pub fn end(self, samples: usize) -> Clocks {
        let after = match self.nvml.read() {
            Ok(reading) => reading,
            Err(reason) => return Clocks::not_read(&reason),
        };
        let warm_up = self.runs.saturating_sub(samples);
        let counted = self.readings.iter().filter(|(run, _)| *run > warm_up).map(|(_, r)| *r);
        let all: Vec<Reading> = counted.chain([after]).collect();
        let range = |of: fn(&Reading) -> Option<f64>| Range::of(all.iter().filter_map(of));
        let (Some(sm_mhz), Some(memory_mhz)) =
            (range(|r| Some(r.sm_mhz.into())), range(|r| Some(r.memory_mhz.into())))
        else {
            return Clocks::not_read("there is no reading");
        };
        let throttle = all.iter().fold(0, |bits, reading| bits | reading.throttle);
        Clocks::Read(Box::new(Seen {
            readings: all.len(),
            sm_mhz,
            memory_mhz,
            temperature_c: range(|r| r.temperature_c.map(f64::from)),
            power_w: range(|r| r.power_w),
            throttle_reasons: nvml::reasons(throttle),
            throttled: nvml::throttled(throttle),
            before: self.before,
            after,
        }))
    }
}
