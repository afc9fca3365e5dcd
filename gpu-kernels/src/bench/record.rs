//! The result of one kernel at one shape.

use serde::{Deserialize, Serialize};

use super::clocks::Clocks;
use super::sample::{Stop, Summary};
use crate::kernel::Unit;
use crate::verify::Agreement;

/// Version of the record.
pub const SCHEMA: u32 = 2;

/// What was in the device's L2 before a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cache {
    /// Nothing of the kernel's: L2 was overwritten.
    Cold,
    /// What the run before left.
    Hot,
    /// As hot, many rounds in one graph without the host in between: for shapes that a launch
    /// outweighs.
    Graph,
}

/// How time was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimingKind {
    /// By events on a GPU: the kernel's time.
    GpuEvent,
    /// By the wall clock on a CPU: the twin's time, which says nothing about a GPU.
    CpuWall,
}

/// On what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceName {
    /// As the driver or the system calls it.
    pub name: String,
    /// Of a GPU.
    pub compute_capability: Option<[u32; 2]>,
    /// Newest CUDA version of a GPU's driver.
    pub driver: Option<String>,
    /// Of a CPU.
    pub threads: Option<usize>,
}

/// That the result was right before it was timed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// What it was compared with.
    pub oracle: &'static str,
    /// How it compared.
    pub agreement: Agreement,
}

/// What others reach: the same inputs, shape, state of L2 and rule to stop.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// It was right, and timed.
    Timed(Box<Timed>),
    /// It was not timed.
    Absent {
        /// What it is called.
        name: &'static str,
        /// A sentence for the reader: what is missing, or wrong.
        reason: String,
    },
}

/// A peer's result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timed {
    /// What it is called: `cublas`.
    pub name: &'static str,
    /// Its version.
    pub version: String,
    /// Median, interval, noise.
    #[serde(flatten)]
    pub summary: Summary,
    /// The kernel's median over the peer's: below one, the kernel is faster.
    pub ratio: f64,
    /// Why sampling ended.
    pub stop_reason: Stop,
    /// Clocks while it was timed, or why they are not known.
    pub clocks: Clocks,
    /// That the result was right.
    pub verified: Verified,
    /// How far each element might lie from the twin's: absolute, and as a share of it.
    pub tolerance: [f32; 2],
}

/// The result of one kernel at one shape.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// [`SCHEMA`].
    pub schema_version: u32,
    /// Which kernel.
    pub kernel: String,
    /// On what.
    pub device: DeviceName,
    /// Names of the shape's dimensions.
    pub axes: Vec<String>,
    /// Their lengths.
    pub shape: Vec<usize>,
    /// State of L2.
    pub cache: Cache,
    /// How time was taken.
    pub timing_kind: TimingKind,
    /// Which unit works.
    pub unit: Unit,
    /// Operations of that unit.
    pub operations: f64,
    /// Bytes moved at the least.
    pub bytes: f64,
    /// Least time by the limits of the device, where these are known.
    pub roofline_ns: Option<f64>,
    /// That over the median.
    pub percent_of_roofline: Option<f64>,
    /// Median, interval, noise.
    #[serde(flatten)]
    pub summary: Summary,
    /// How much slower the last third of samples is than the first, percent of its median: a
    /// device that throttles or warms up shows here.
    pub drift_percent: Option<f64>,
    /// Clocks while it was timed, or why they are not known.
    pub clocks: Clocks,
    /// A product of NVIDIA's beside it, or why there is none; nothing for other kernels.
    pub peer: Option<Peer>,
    /// Why sampling ended.
    pub stop_reason: Stop,
    /// Every sample, in order.
    pub samples_ns: Vec<f64>,
    /// That the result was right.
    pub verified: Verified,
    /// First digits of the BLAKE3 of the kernel's text.
    pub source_hash: String,
}

impl Record {
    /// What it does not tell, and why.
    fn missing(&self) -> impl Iterator<Item = String> {
        let peer = match &self.peer {
            Some(Peer::Absent { name, reason }) => Some(format!("{name}: {reason}")),
            _ => None,
        };
        let clocks = match &self.clocks {
            Clocks::NotRead { reason } => Some(format!("clocks: {reason}")),
            Clocks::Read(_) => None,
        };
        peer.into_iter().chain(clocks)
    }
}

/// Nanoseconds with a unit that fits.
#[must_use]
pub fn time_text(nanoseconds: f64) -> String {
    match nanoseconds {
        x if x < 1e3 => format!("{x:.0} ns"),
        x if x < 1e6 => format!("{:.2} us", x / 1e3),
        x if x < 1e9 => format!("{:.2} ms", x / 1e6),
        x => format!("{:.2} s", x / 1e9),
    }
}

/// Records as a Markdown table.
#[must_use]
pub fn markdown(records: &[Record]) -> String {
    let mut text = String::from(
        "| kernel | shape | median | 95 % interval | noise | samples | Gop/s | GB/s | of roofline | of cuBLAS' time | SM clock, MHz | timing |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for r in records {
        let axes = r.axes.iter().zip(&r.shape);
        let shape: Vec<String> = axes.map(|(axis, n)| format!("{axis}={n}")).collect();
        let [low, high] = r.summary.interval_ns;
        let percent = r.percent_of_roofline.map_or("-".to_owned(), |p| format!("{p:.1} %"));
        let peer = match &r.peer {
            Some(Peer::Timed(peer)) => format!("{:.2} ({})", peer.ratio, peer.version),
            _ => "-".to_owned(),
        };
        let kind = match r.timing_kind {
            TimingKind::GpuEvent => match r.cache {
                Cache::Cold => "gpu_event, cold",
                Cache::Hot => "gpu_event, hot",
                Cache::Graph => "gpu_event, graph",
            },
            TimingKind::CpuWall => "cpu_wall (twin)",
        };
        text.push_str(&format!(
            "| {} | {} | {} | {} to {} | {:.1} % | {} | {:.2} | {:.2} | {percent} | {peer} | {} | {kind} |\n",
            r.kernel,
            shape.join(" "),
            time_text(r.summary.median_ns),
            time_text(low),
            time_text(high),
            r.summary.noise_percent,
            r.summary.samples,
            r.operations / r.summary.median_ns,
            r.bytes / r.summary.median_ns,
            r.clocks.text(),
        ));
    }
    let mut missing: Vec<String> = records.iter().flat_map(Record::missing).collect();
    missing.sort();
    missing.dedup();
    for sentence in missing {
        text.push_str(&format!("\n{sentence}.\n"));
    }
    text
}
