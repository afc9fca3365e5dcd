//! What a machine can do, as the cost model of execution needs it.

use serde::{Deserialize, Serialize};

use crate::fidelity::Fidelity;

/// One accelerator: its limits and how near a real program comes to them.
///
/// The time of one operation of `F` floating-point operations on `B` bytes is
/// `t0 + ((F / (ec * peak))^q + (B / (em * bandwidth))^q)^(1/q)`: a roofline whose corner is
/// rounded by `q`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HardwareProfile {
    /// Key used in scenarios: `h100_sxm`, or the scenario's own for a profile from a file.
    pub name: String,
    /// Dense bf16 peak, FLOP/s.
    pub peak_flops: f64,
    /// Memory bandwidth, bytes/s.
    pub memory_bandwidth: f64,
    /// Memory, bytes.
    pub memory_bytes: u64,
    /// `ec`: share of the peak a large product reaches, 0..1.
    pub compute_efficiency: f64,
    /// `em`: share of the bandwidth a large stream reaches, 0..1.
    pub memory_efficiency: f64,
    /// `t0`: fixed cost of one operation, seconds.
    pub overhead_seconds: f64,
    /// `q`: sharpness of the corner; infinity gives the ideal roofline.
    pub sharpness: f64,
    /// Class of peak, bandwidth and memory.
    pub limits_class: Fidelity,
    /// Where the limits come from.
    pub limits_source: String,
    /// Class of the four fitted parameters.
    pub fit_class: Fidelity,
    /// Where the fit comes from.
    pub fit_source: String,
}
