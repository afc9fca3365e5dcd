//! Two results of the same kernel and shape.

use serde::{Deserialize, Serialize};

use super::Place;
use super::record::{Cache, DeviceName, Record, TimingKind};
use super::sample::Summary;

/// What of a record a baseline needs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Baseline {
    kernel: String,
    device: DeviceName,
    shape: Vec<usize>,
    cache: Cache,
    timing_kind: TimingKind,
    #[serde(flatten)]
    summary: Summary,
}

/// How a result stands to its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Within the threshold.
    Same,
    /// Beyond it, and the intervals are apart.
    Faster,
    /// Beyond it, and the intervals are apart.
    Slower,
    /// Beyond it, but the intervals overlap.
    Ambiguous,
    /// The baseline has no such kernel and shape.
    New,
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// Which kernel.
    pub kernel: String,
    /// At which shape.
    pub shape: Vec<usize>,
    /// Change of the median, percent; positive is slower.
    pub change_percent: Option<f64>,
    /// What to make of it.
    pub verdict: Verdict,
}

/// Share of the median below which a difference does not count: clocks of a GPU are steadier
/// than a shared CPU.
fn threshold(kind: TimingKind) -> f64 {
    match kind {
        TimingKind::GpuEvent => 0.02,
        TimingKind::CpuWall => 0.10,
    }
}

fn verdict(before: &Summary, now: &Summary, threshold: f64) -> Verdict {
    let change = now.median_ns / before.median_ns - 1.0;
    let [low, high] = now.interval_ns;
    match change {
        x if x.abs() < threshold => Verdict::Same,
        x if x > 0.0 && low > before.interval_ns[1] => Verdict::Slower,
        x if x < 0.0 && high < before.interval_ns[0] => Verdict::Faster,
        _ => Verdict::Ambiguous,
    }
}

/// Whether a baseline was measured where we are.
///
/// # Errors
/// When it is of another device: such numbers say nothing about each other.
pub fn same_place(baseline: &[Baseline], place: &Place) -> Result<(), String> {
    let here = place.name();
    match baseline.iter().find(|b| b.device.name != here.name) {
        Some(stranger) => Err(format!(
            "the baseline was measured on {}, this is {}; measure a baseline here",
            stranger.device.name, here.name
        )),
        None => Ok(()),
    }
}

/// Compares each result with the baseline's.
#[must_use]
pub fn compare(baseline: &[Baseline], now: &[Record]) -> Vec<Compared> {
    let mut all = Vec::new();
    for record in now {
        let before = baseline.iter().find(|b| {
            b.kernel == record.kernel
                && b.shape == record.shape
                && b.cache == record.cache
                && b.timing_kind == record.timing_kind
        });
        let (change_percent, verdict) = match before {
            None => (None, Verdict::New),
            Some(before) => (
                Some(100.0 * (record.summary.median_ns / before.summary.median_ns - 1.0)),
                verdict(&before.summary, &record.summary, threshold(record.timing_kind)),
            ),
        };
        all.push(Compared {
            kernel: record.kernel.clone(),
            shape: record.shape.clone(),
            change_percent,
            verdict,
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        let summary = |median_ns: f64, half: f64| Summary {
            samples: 10,
            median_ns,
            mad_ns: 1.0,
            interval_ns: [median_ns - half, median_ns + half],
            noise_percent: 1.0,
        };
        let before = summary(100.0, 2.0);
        for (now, want) in [
            (summary(101.0, 0.1), Verdict::Same),
            (summary(110.0, 2.0), Verdict::Slower),
            (summary(90.0, 2.0), Verdict::Faster),
            (summary(110.0, 9.0), Verdict::Ambiguous),
            (summary(95.0, 4.0), Verdict::Ambiguous),
        ] {
            assert_eq!(verdict(&before, &now, 0.02), want, "{}", now.median_ns);
        }
    }
}
