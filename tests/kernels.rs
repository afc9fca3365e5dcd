//! `arable kernels` from end to end, on a machine without a GPU: kernels held to their twins,
//! twins timed, compared, and turned into a hardware profile. With a GPU the same commands run
//! there, and what is said of twins is skipped.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use common::Scratch;
use gpu_kernels::bench::Place;
use serde_json::Value;

fn kernels(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arable"));
    command.arg("kernels").args(args).output().expect("starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn ends(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}\n{}", said(output), printed(output));
}

/// Four products, each of them small: as few as a profile asks for.
const PRODUCTS: [&str; 10] = [
    "bench",
    "gemm_bf16",
    "--axis",
    "m=16,64",
    "--axis",
    "n=16,64",
    "--axis",
    "k=64",
    "--timeout",
    "1",
];

#[test]
fn a_kernels_own_text_gives_its_twins_result() {
    let found = kernels(&["verify", "rope"]);
    if said(&found).contains("no C++ compiler") {
        eprintln!("SKIPPED: no C++ compiler here");
        return;
    }
    ends(&found, 0);
    assert!(printed(&found).starts_with("rope ") && printed(&found).contains(" good "));
}

#[test]
fn records_are_compared_and_make_a_profile() {
    let scratch = Scratch::new();
    let file = scratch.path().join("records.json");
    let path = &*file.display().to_string();
    let arrow = &*scratch.path().join("records.arrow").display().to_string();
    let all = [&PRODUCTS[..], &["--json", "--out", path, "--arrow", arrow]].concat();
    let first = kernels(&all);
    ends(&first, 0);
    let text = fs::read_to_string(&file).expect("written");
    let records: Vec<Value> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(serde_json::from_str::<Vec<Value>>(&printed(&first)).expect("JSON"), records);
    assert_eq!(records.len(), 4);
    assert!(fs::metadata(arrow).expect("written").len() > 0);
    for record in &records {
        let number = |key: &str| record[key].as_f64().unwrap_or_else(|| panic!("{key}: {record}"));
        let within = number("median_ns");
        let [low, high] = [0, 1].map(|i| record["interval_ns"][i].as_f64().expect("a number"));
        assert!(0.0 < low && low <= within && within <= high, "{record}");
        let samples = record["samples_ns"].as_array().map(|samples| samples.len() as u64);
        assert_eq!(record["samples"].as_u64(), samples);
        // 2mnk, and each of the three matrices once in bf16.
        let [m, n, k] = [0, 1, 2].map(|i| record["shape"][i].as_f64().expect("a length"));
        assert!((number("operations") - 2.0 * m * n * k).abs() < 0.5, "{record}");
        assert!((number("bytes") - 2.0 * (m * k + k * n + m * n)).abs() < 0.5, "{record}");
        assert!(record["drift_percent"].is_number(), "{record}");
        if matches!(Place::best(), Place::Cpu { .. }) {
            let reason = |at: &str| record.pointer(at).and_then(Value::as_str).unwrap_or_default();
            assert!(reason("/clocks/not_read/reason").starts_with("not read: "), "{record}");
            assert_eq!(reason("/peer/absent/reason"), "there is no GPU to run it on", "{record}");
            assert_eq!(record["timing_kind"], "cpu_wall");
        }
    }

    // Beside itself: whatever the load of the machine does, there is a verdict for each.
    let again = kernels(&[&PRODUCTS[..], &["--baseline", path]].concat());
    let verdicts: Vec<String> = said(&again)
        .lines()
        .filter(|line| line.starts_with("gemm_bf16 ["))
        .map(Into::into)
        .collect();
    assert_eq!(verdicts.len(), 4, "{}", said(&again));
    let known = |line: &String| {
        ["same", "faster", "slower", "ambiguous"].iter().any(|v| line.contains(&format!(": {v} (")))
    };
    assert!(verdicts.iter().all(known), "{verdicts:?}");
    let slower = verdicts.iter().any(|line| line.contains(": slower"));
    ends(&again, i32::from(slower));

    let fitted = kernels(&["profile", "--from-bench", path]);
    ends(&fitted, 0);
    let profile: Value = serde_json::from_str(&printed(&fitted)).expect("JSON");
    for key in ["compute_efficiency", "memory_efficiency"] {
        let share = profile[key].as_f64().expect("a number");
        assert!(share > 0.0 && share <= 1.0, "{profile}");
    }
    assert!(profile["fit_source"].as_str().is_some_and(|s| s.contains("4 products")), "{profile}");

    runs_on(&printed(&fitted), &scratch.path());

    // A processor's times and a GPU's limits make no profile.
    if matches!(Place::best(), Place::Cpu { .. }) {
        let refused = kernels(&["profile", "--from-bench", path, "--device", "h100_sxm"]);
        ends(&refused, 2);
        assert!(said(&refused).contains("leave --device out"), "{}", said(&refused));
    }

    // Another device's records say nothing here, and too few make no profile.
    let mut strangers = records.clone();
    strangers[3]["device"]["name"] = "Abacus".into();
    fs::write(&file, Value::from(strangers).to_string()).expect("writable");
    let refused = kernels(&[&PRODUCTS[..], &["--baseline", path]].concat());
    ends(&refused, 2);
    assert!(said(&refused).contains("measured on Abacus"), "{}", said(&refused));
    let refused = kernels(&["profile", "--from-bench", path]);
    ends(&refused, 2);
    assert!(said(&refused).contains("timings of two devices"), "{}", said(&refused));
    fs::write(&file, Value::from(records[..3].to_vec()).to_string()).expect("writable");
    let refused = kernels(&["profile", "--from-bench", path]);
    ends(&refused, 2);
    assert!(said(&refused).contains("found 3 timings"), "{}", said(&refused));
    fs::write(&file, "{").expect("writable");
    for args in [["profile", "--from-bench", path], ["bench", "--baseline", path]] {
        let refused = kernels(&args);
        ends(&refused, 4);
        assert!(said(&refused).contains("--out FILE"), "{}", said(&refused));
    }
}

/// The profile of a machine becomes the hardware of a scenario, and the run says which it was.
fn runs_on(profile: &str, folder: &Path) {
    fs::write(folder.join("here.json"), profile).expect("writable");
    let scenario = folder.join("here.yaml");
    let text = "\
schema: 1
title: On the machine that was measured
horizon: 5min
hardware_profiles: { here: { file: here.json } }
population:
  validators: { role: validator, count: 1, stake: 1000 TAO, hardware: here }
  miners: { role: provider, count: 2, hardware: here }
demand:
  poisson: { rate_per_second: 0.1, prompt_tokens: { fixed: 50 }, output_tokens: { fixed: 2 } }
market: { validator_dispatch: {} }
execution: { roofline: { model: llama_3_1_8b } }
verification: { scoring: {} }
settlement: { slots: {} }
reward: { yuma: {} }
";
    fs::write(&scenario, text).expect("writable");
    let out = folder.join("run");
    let run = Command::new(env!("CARGO_BIN_EXE_arable"))
        .arg("run")
        .arg(&scenario)
        .args(["--quiet", "--json", "--out"])
        .arg(&out)
        .output()
        .expect("starts");
    ends(&run, 0);
    let told: Value = serde_json::from_str(&printed(&run)).expect("JSON");
    let dir = Path::new(told["dir"].as_str().expect("a path"));
    let manifest = fs::read_to_string(dir.join("manifest.json")).expect("written");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let measured: Value = serde_json::from_str(profile).expect("JSON");
    let used = &manifest["plan"]["hardware"][0];
    assert_eq!(used["name"], "here");
    for key in ["peak_flops", "memory_bandwidth", "compute_efficiency", "fit_source"] {
        assert_eq!(used[key], measured[key]);
    }
    let facts = manifest["plan"]["facts"].as_array().expect("a list");
    let fact = facts.iter().find(|fact| fact["name"] == "hardware.here.file").expect("recorded");
    let digest = format!("blake3 {}", blake3::hash(profile.as_bytes()).to_hex());
    assert_eq!((fact["value"].as_str(), &fact["source"]), (Some(&*digest), &"here.json".into()));
    // Figures name the class of machines as the scenario does.
    let metrics = told["metrics"].as_array().expect("a list");
    assert!(metrics.iter().any(|metric| metric["name"] == "utilisation.here"), "{told}");
}

/// Bytes of memory that are free, by the system.
fn free() -> f64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes.map_or(f64::INFINITY, |kilobytes| 1024.0 * kilobytes)
}

#[test]
fn a_shape_beyond_memory_names_bytes_needed_and_there() {
    // Three matrices of 2^32 fp32 elements, and copies.
    let needed = 9.0 * 4.0 * 2.0_f64.powi(32);
    if free() > needed || matches!(Place::best(), Place::Cuda(_)) {
        eprintln!("SKIPPED: {needed} bytes fit this machine, or there is a GPU");
        return;
    }
    for what in ["verify", "bench"] {
        let axes = ["--axis", "m=65536", "--axis", "n=65536", "--axis", "k=65536"];
        let found = kernels(&[&[what, "gemm_f32"][..], &axes].concat());
        if said(&found).contains("no C++ compiler") {
            continue;
        }
        ends(&found, 1);
        let said = said(&found);
        let line = said.lines().find(|line| line.contains("bytes of memory")).unwrap_or_default();
        let numbers: Vec<f64> = line.split_whitespace().filter_map(|w| w.parse().ok()).collect();
        assert!(numbers.len() == 2 && numbers[0] > numbers[1], "{said}");
        assert!((numbers[0] / needed - 1.0).abs() < 0.01, "{said}");
    }
}

#[test]
fn a_roofline_has_a_line_for_each_shape_and_a_drawing() {
    let scratch = Scratch::new();
    let file = scratch.path().join("roofline.svg");
    let path = &*file.display().to_string();
    let axes = ["--axis", "m=1,4096", "--axis", "n=4096", "--axis", "k=4096"];
    let found = kernels(&[&["roofline", "gemm_bf16"][..], &axes, &["--svg", path]].concat());
    ends(&found, 0);
    let text = printed(&found);
    assert_eq!(text.lines().filter(|line| line.starts_with("gemm_bf16")).count(), 2, "{text}");
    // 2mnk over 989 Tflop/s for the large one, the bytes of B over 3.35 TB/s for the small one.
    assert!(text.contains("139 us") || text.contains("138.97 us"), "{text}");
    assert!(text.contains("10.02 us"), "{text}");
    assert!(fs::read_to_string(&file).expect("written").contains("</svg>"));
}
