//! Hardware profiles: limits as published, efficiencies as fitted to measured kernels.
//!
//! The four fitted parameters are those of
//! `t0 + ((F / (ec P))^q + (B / (em BW))^q)^(1/q)` for one matrix product `C[m,n] = A[m,k]
//! B[k,n]` in bf16, with `F = 2mnk` and `B = 2(mk + kn + mn)`. They minimise the mean absolute
//! relative error over measured products; the errors below are on products held out of the fit.
//!
//! | profile | rows | error on held-out rows, mean / p90 | ideal roofline, mean |
//! |---|---|---|---|
//! | `a100_sxm` | 598 | 7.3 % / 14.7 % | 34 % |
//! | `h100_sxm` | 638 | 7.3 % / 13.6 % | 29 % |
//! | `b200` | 638 | 9.3 % / 23.1 % | 43 % |
//! | `l40s` | 638 | 13.6 % / 22.8 % | 32 % |
//! | `rtx_pro_6000` | 638 | 8.3 % / 20.7 % | 24 % |
//! | `rtx_4090` | 648 | 3.6 % / 8.7 % | 10 % |
//!
//! The measurements are short bursts without throttling, and weights smaller than the L2
//! cache were read from it: sustained load is somewhat slower than these say. `tests/fits.rs`
//! evaluates every profile on its rows where they are at hand.

use std::sync::OnceLock;

use sim_types::{Fact, Fidelity, HardwareProfile};

/// One accelerator as the table below writes it.
struct Row {
    name: &'static str,
    /// Dense bf16 peak with fp32 accumulation, TFLOP/s.
    peak_tflops: f64,
    /// TB/s.
    bandwidth_tb: f64,
    /// 10^9 bytes.
    memory_gb: u64,
    limits_source: &'static str,
    /// `ec`, `em`, `t0` in microseconds, `q`.
    fit: [f64; 4],
    fit_source: &'static str,
}

/// Limits of data-centre cards as `ai-dynamo/aiconfigurator` states them.
const AIC_LIMITS: &str =
    "ai-dynamo/aiconfigurator @ 095f58a51c, aiconfigurator_core/systems/*.yaml";

/// Timings of products by `AIConfigurator` (Apache-2.0, Copyright (c) 2025-2026 NVIDIA
/// CORPORATION & AFFILIATES).
const AIC_FIT: &str = "fitted to bf16 GEMM timings of ai-dynamo/aiconfigurator @ 095f58a51c \
                       (CUDA graphs, hot cache): least mean absolute relative error";

const ROWS: [Row; 6] = [
    Row {
        name: "a100_sxm",
        peak_tflops: 312.0,
        bandwidth_tb: 2.039,
        memory_gb: 80,
        limits_source: AIC_LIMITS,
        fit: [0.847, 0.749, 5.62, 1.62],
        fit_source: AIC_FIT,
    },
    Row {
        name: "h100_sxm",
        peak_tflops: 989.0,
        bandwidth_tb: 3.35,
        memory_gb: 80,
        limits_source: AIC_LIMITS,
        fit: [0.820, 0.885, 3.68, 3.77],
        fit_source: AIC_FIT,
    },
    Row {
        name: "b200",
        peak_tflops: 2250.0,
        bandwidth_tb: 8.0,
        memory_gb: 180,
        limits_source: "NVIDIA DGX B200 data sheet (8.0 TB/s, 180 GB a GPU; \
                        aiconfigurator @ 095f58a51c has 7.7 TB/s)",
        fit: [0.706, 0.798, 3.55, 3.89],
        fit_source: AIC_FIT,
    },
    Row {
        name: "l40s",
        peak_tflops: 362.0,
        bandwidth_tb: 0.864,
        memory_gb: 48,
        limits_source: AIC_LIMITS,
        fit: [0.610, 0.770, 0.0, 5.38],
        fit_source: AIC_FIT,
    },
    Row {
        name: "rtx_pro_6000",
        peak_tflops: 468.0,
        bandwidth_tb: 1.792,
        memory_gb: 96,
        limits_source: AIC_LIMITS,
        fit: [0.861, 0.820, 0.61, 1.86],
        fit_source: AIC_FIT,
    },
    Row {
        name: "rtx_4090",
        peak_tflops: 165.2,
        bandwidth_tb: 1.008,
        memory_gb: 24,
        limits_source: "NVIDIA Ada GPU architecture whitepaper, appendix A",
        fit: [0.974, 0.941, 5.42, 2.39],
        fit_source: "fitted to layer timings of Llama 3.1 8B in vLLM 0.19, \
                     casys-kaist/LLMServingSim @ 5daddb21 (MIT): least mean absolute relative error",
    },
];

fn table() -> &'static [HardwareProfile] {
    static TABLE: OnceLock<Vec<HardwareProfile>> = OnceLock::new();
    TABLE.get_or_init(|| ROWS.iter().map(Row::profile).collect())
}

impl Row {
    fn profile(&self) -> HardwareProfile {
        let [compute_efficiency, memory_efficiency, overhead_micros, sharpness] = self.fit;
        HardwareProfile {
            name: self.name.to_owned(),
            peak_flops: self.peak_tflops * 1e12,
            memory_bandwidth: self.bandwidth_tb * 1e12,
            memory_bytes: self.memory_gb * 1_000_000_000,
            compute_efficiency,
            memory_efficiency,
            overhead_seconds: overhead_micros * 1e-6,
            sharpness,
            limits_class: Fidelity::Published,
            limits_source: self.limits_source.to_owned(),
            fit_class: Fidelity::Fitted,
            fit_source: self.fit_source.to_owned(),
        }
    }
}

/// The profile that scenarios know under this name.
#[must_use]
pub fn profile(name: &str) -> Option<&'static HardwareProfile> {
    table().iter().find(|profile| profile.name == name)
}

/// The names of all profiles, in the order of the table.
#[must_use]
pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
    ROWS.iter().map(|row| row.name)
}

/// The numbers of a profile, each with its source.
#[must_use]
pub fn facts(profile: &HardwareProfile) -> Vec<Fact> {
    let fact = |what, value: String, class, source: &str| {
        Fact::new(format!("hardware.{}.{what}", profile.name), value, class, source)
    };
    let limit = |what, value| fact(what, value, profile.limits_class, &profile.limits_source);
    let fitted = |what, value| fact(what, value, profile.fit_class, &profile.fit_source);
    vec![
        limit("peak_flops", format!("{} TFLOP/s", shown(profile.peak_flops / 1e12))),
        limit("memory_bandwidth", format!("{} GB/s", shown(profile.memory_bandwidth / 1e9))),
        limit("memory_bytes", format!("{} GB", profile.memory_bytes / 1_000_000_000)),
        fitted("compute_efficiency", shown(profile.compute_efficiency)),
        fitted("memory_efficiency", shown(profile.memory_efficiency)),
        fitted("overhead", format!("{} us", shown(profile.overhead_seconds * 1e6))),
        fitted("sharpness", shown(profile.sharpness)),
    ]
}

/// At most three decimals, none of them idle.
fn shown(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_sound_profile() {
        for name in names() {
            let profile = profile(name).expect("listed");
            assert_eq!(profile.name, name);
            let share = |x: f64| x > 0.0 && x <= 1.0;
            assert!(share(profile.compute_efficiency) && share(profile.memory_efficiency));
            assert!((0.0..1e-4).contains(&profile.overhead_seconds) && profile.sharpness >= 1.0);
            // FLOP per byte at which both limits meet: from 100 to 500 for all of them.
            let ridge = profile.peak_flops / profile.memory_bandwidth;
            assert!((100.0..500.0).contains(&ridge), "{name}: {ridge}");
            assert!((24_000_000_000..=192_000_000_000).contains(&profile.memory_bytes));
        }
        assert_eq!(profile("h100"), None);
    }

    #[test]
    fn facts_show_units_classes_and_sources() {
        let facts = facts(profile("rtx_4090").expect("listed"));
        let lines: Vec<_> =
            facts.iter().map(|f| format!("{} {} {}", f.name, f.value, f.class.word())).collect();
        assert_eq!(
            lines,
            [
                "hardware.rtx_4090.peak_flops 165.2 TFLOP/s published",
                "hardware.rtx_4090.memory_bandwidth 1008 GB/s published",
                "hardware.rtx_4090.memory_bytes 24 GB published",
                "hardware.rtx_4090.compute_efficiency 0.974 fitted",
                "hardware.rtx_4090.memory_efficiency 0.941 fitted",
                "hardware.rtx_4090.overhead 5.42 us fitted",
                "hardware.rtx_4090.sharpness 2.39 fitted",
            ]
        );
        assert!(facts.iter().all(|f| !f.source.is_empty()));
    }
}
