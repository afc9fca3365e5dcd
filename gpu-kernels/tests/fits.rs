//! Every profile on the measurements it was fitted to. Reads `$ARABLE_DATA`, or `shared/data`
//! beside the repository; says so and passes where neither exists.

#![expect(
    clippy::cast_precision_loss,
    clippy::many_single_char_names,
    reason = "small numbers; m, n and k are the names of a product"
)]

use std::fs;
use std::path::PathBuf;

use gpu_kernels::profiles;
use sim_types::{HardwareProfile, math};

/// A measured product: m, n, k, seconds.
type Product = (f64, f64, f64, f64);

fn data(file: &str) -> Option<String> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("ARABLE_DATA").map_or(PathBuf::from(beside), PathBuf::from);
    let text = fs::read_to_string(folder.join(file)).ok();
    if text.is_none() {
        eprintln!("skipped: no {file} in {} (set ARABLE_DATA)", folder.display());
    }
    text
}

fn number(text: &str) -> f64 {
    text.parse().expect("a number")
}

/// The formula of `HardwareProfile`, written out as it stands there.
fn seconds(h: &HardwareProfile, m: f64, n: f64, k: f64) -> f64 {
    let compute = 2.0 * m * n * k / (h.compute_efficiency * h.peak_flops);
    let memory = 2.0 * (m * k + k * n + m * n) / (h.memory_efficiency * h.memory_bandwidth);
    let q = h.sharpness;
    h.overhead_seconds + math::pow(math::pow(compute, q) + math::pow(memory, q), 1.0 / q)
}

/// Mean and 90th percentile of the absolute relative error.
fn errors(profile: &HardwareProfile, rows: &[Product]) -> (f64, f64) {
    let mut errors: Vec<f64> =
        rows.iter().map(|&(m, n, k, t)| (seconds(profile, m, n, k) / t - 1.0).abs()).collect();
    errors.sort_by(f64::total_cmp);
    (errors.iter().sum::<f64>() / errors.len() as f64, errors[errors.len() * 9 / 10])
}

fn check(name: &str, rows: &[Product], mean_bound: f64, p90_bound: f64) {
    let profile = profiles::profile(name).expect("listed");
    let (mean, p90) = errors(profile, rows);
    eprintln!("{name}: {} products, mean error {mean:.3}, p90 {p90:.3}", rows.len());
    assert!(rows.len() > 500, "{name}: {} rows", rows.len());
    assert!(mean < mean_bound && p90 < p90_bound, "{name}: {mean:.3} {p90:.3}");
    // A fit that is no better than peak and bandwidth themselves would be worth nothing.
    let ideal = HardwareProfile {
        compute_efficiency: 1.0,
        memory_efficiency: 1.0,
        overhead_seconds: 0.0,
        sharpness: 50.0,
        ..profile.clone()
    };
    assert!(mean < 0.5 * errors(&ideal, rows).0);
}

/// bf16 products of `ai-dynamo/aiconfigurator` @ 095f58a51c.
#[test]
fn products_of_data_centre_cards() {
    let Some(text) = data("gemm_time.csv") else { return };
    let table = [
        ("a100_sxm", "a100-sxm4-80gb", 0.09, 0.19),
        ("h100_sxm", "h100-sxm-80gb", 0.09, 0.17),
        ("b200", "b200-sxm", 0.11, 0.26),
        ("l40s", "l40s", 0.15, 0.26),
        ("rtx_pro_6000", "rtx-pro-6000-server", 0.10, 0.24),
    ];
    for (name, device, mean, p90) in table {
        let rows: Vec<Product> = text
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>())
            .filter(|fields| fields[0] == device && fields[1] == "bf16")
            .map(|f| (number(f[2]), number(f[3]), number(f[4]), number(f[5]) * 1e-6))
            .collect();
        check(name, &rows, mean, p90);
    }
}

/// Layers of Llama 3.1 8B on an RTX 4090, `casys-kaist/LLMServingSim` @ 5daddb21.
#[test]
fn layers_on_a_consumer_card() {
    let Some(dense) = data("layer_rtx4090_llama31-8b_tp1_dense.csv") else { return };
    let Some(head) = data("layer_rtx4090_llama31-8b_tp1_per_sequence.csv") else { return };
    let rows: Vec<Product> = dense
        .lines()
        .chain(head.lines())
        .filter_map(|line| {
            let f: Vec<&str> = line.split(',').collect();
            let (n, k) = match f[0] {
                "qkv_proj" => (6144.0, 4096.0),
                "o_proj" => (4096.0, 4096.0),
                "gate_up_proj" => (28_672.0, 4096.0),
                "down_proj" => (4096.0, 14_336.0),
                "lm_head" => (128_256.0, 4096.0),
                _ => return None,
            };
            Some((number(f[1]), n, k, number(f[2]) * 1e-6))
        })
        .collect();
    check("rtx_4090", &rows, 0.05, 0.11);
}
