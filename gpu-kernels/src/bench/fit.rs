//! A hardware profile of the cost model from measurements: the four parameters of
//! `t0 + ((F / (ec P))^q + (B / (em BW))^q)^(1/q)`, by least mean absolute relative error.

use serde::Deserialize;
use sim_types::{Fidelity, HardwareProfile, math};

use super::limits::Limits;
use super::record::{DeviceName, TimingKind};

/// What of a record the fit needs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Measured {
    /// Which kernel.
    pub kernel: String,
    /// On what.
    pub device: DeviceName,
    /// How time was taken.
    pub timing_kind: TimingKind,
    /// Operations.
    pub operations: f64,
    /// Bytes.
    pub bytes: f64,
    /// Median, nanoseconds.
    pub median_ns: f64,
}

/// Products that the fit asks for at least: as many as parameters.
const LEAST: usize = 4;

fn seconds(p: &HardwareProfile, flop: f64, bytes: f64) -> f64 {
    let q = p.sharpness;
    let compute = flop / (p.compute_efficiency * p.peak_flops);
    let memory = bytes / (p.memory_efficiency * p.memory_bandwidth);
    let most = compute.max(memory);
    // Scaled, so that no power leaves the range.
    let sum = math::pow(compute / most, q) + math::pow(memory / most, q);
    p.overhead_seconds + most * math::pow(sum, 1.0 / q)
}

/// Mean absolute relative error of a profile on measurements.
#[must_use]
pub fn error(profile: &HardwareProfile, rows: &[&Measured]) -> f64 {
    let off = |m: &&Measured| {
        (seconds(profile, m.operations, m.bytes) / (m.median_ns * 1e-9) - 1.0).abs()
    };
    rows.iter().map(off).sum::<f64>() / rows.len() as f64
}

/// Fits a profile to the measured matrix products of bf16, and says how far it is off.
///
/// # Errors
/// When there are too few products, or they come from several devices.
pub fn profile(
    measured: &[Measured],
    limits: &Limits,
    memory_bytes: u64,
) -> Result<(HardwareProfile, f64), String> {
    let rows: Vec<&Measured> = measured.iter().filter(|m| m.kernel == "gemm_bf16").collect();
    if rows.len() < LEAST {
        return Err(format!(
            "found {} timings of gemm_bf16, a profile asks for {LEAST} at least: \
             `arable kernels bench gemm_bf16 --axis m=1,16,256,4096`",
            rows.len()
        ));
    }
    let first = &rows[0].device.name;
    if let Some(other) = rows.iter().find(|m| m.device.name != *first) {
        return Err(format!("timings of two devices: {first} and {}", other.device.name));
    }
    let kind = match rows[0].timing_kind {
        TimingKind::GpuEvent => "CUDA events",
        TimingKind::CpuWall => "the CPU twin's wall clock",
    };
    let mut best = HardwareProfile {
        name: "measured".to_owned(),
        peak_flops: limits.tensor_bf16.unwrap_or(0.0),
        memory_bandwidth: limits.bandwidth,
        memory_bytes,
        compute_efficiency: 0.7,
        memory_efficiency: 0.7,
        overhead_seconds: 4e-6,
        sharpness: 3.0,
        limits_class: Fidelity::Published,
        limits_source: limits.source.clone(),
        fit_class: Fidelity::Fitted,
        fit_source: format!(
            "{} products by gemm_bf16 of this build on {first}, {kind}",
            rows.len()
        ),
    };
    let mut least = error(&best, &rows);
    // One parameter at a time by steps that shrink: four dimensions and a cheap function.
    let mut step = 0.5;
    while step > 1e-4 {
        let mut better = false;
        for parameter in 0..4 {
            for factor in [1.0 + step, 1.0 / (1.0 + step)] {
                let mut tried = best.clone();
                match parameter {
                    0 => tried.compute_efficiency = (tried.compute_efficiency * factor).min(1.0),
                    1 => tried.memory_efficiency = (tried.memory_efficiency * factor).min(1.0),
                    2 => tried.overhead_seconds *= factor,
                    _ => tried.sharpness = (tried.sharpness * factor).clamp(1.0, 20.0),
                }
                let off = error(&tried, &rows);
                if off < least {
                    (best, least, better) = (tried, off, true);
                }
            }
        }
        if !better {
            step /= 2.0;
        }
    }
    Ok((best, least))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_device_is_found_again() {
        let limits = super::super::limits::of_profile("h100_sxm").expect("known");
        let truth = crate::profiles::profile("h100_sxm").expect("known");
        let mut measured = Vec::new();
        for m in [1.0, 16.0, 128.0, 512.0, 2048.0, 8192.0] {
            for n in [1024.0, 4096.0, 8192.0] {
                let (operations, bytes) = (2.0 * m * n * n, 2.0 * (2.0 * m * n + n * n));
                measured.push(Measured {
                    kernel: "gemm_bf16".to_owned(),
                    device: DeviceName {
                        name: "x".to_owned(),
                        compute_capability: None,
                        driver: None,
                        threads: None,
                    },
                    timing_kind: TimingKind::GpuEvent,
                    operations,
                    bytes,
                    median_ns: seconds(truth, operations, bytes) * 1e9,
                });
            }
        }
        let (found, off) = profile(&measured, &limits, 80_000_000_000).expect("enough");
        assert!(off < 0.02, "{off}");
        assert!((found.compute_efficiency - truth.compute_efficiency).abs() < 0.03);
        assert!((found.memory_efficiency - truth.memory_efficiency).abs() < 0.03);
        assert!(profile(&measured[..3], &limits, 1).is_err());
    }
}
