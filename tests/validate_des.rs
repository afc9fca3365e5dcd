//! Evaluators of `des.*`: inputs that make no sense are named, every kind of estimate comes out
//! right on a small case, and the verdicts repeat.

use std::path::PathBuf;

use arable::validate::{self, CaseReport, Verdict};
use serde_json::{Value, json};

/// Judges cases `(kind, inputs, expect, tolerance)`.
fn judge(name: &str, cases: &[(&str, Value, Value, Value)]) -> Vec<CaseReport> {
    let cases: Vec<Value> = cases
        .iter()
        .map(|(kind, inputs, expect, tolerance)| {
            json!({"id": kind, "kind": format!("des.{kind}"), "gate": true, "inputs": inputs,
                "expect": expect, "tolerance": tolerance})
        })
        .collect();
    let file: PathBuf =
        std::env::temp_dir().join(format!("des-{}-{name}.json", std::process::id()));
    std::fs::write(&file, json!({"schema": "cases/v1", "cases": cases}).to_string())
        .expect("a scratch file");
    let report = validate::run(std::slice::from_ref(&file), None).expect("a file of cases");
    std::fs::remove_file(&file).expect("a scratch file");
    report.cases
}

fn within(rel: f64) -> Value {
    json!({"kind": "rel_ci", "rel": rel, "z": 4.0})
}

/// Closed forms by hand, at loads low enough for a quick run.
#[test]
fn small_cases_hold() {
    let cases = [
        (
            "m_m_1",
            json!({"lam": 0.25, "mu": 1}),
            json!({"L": 1.0 / 3.0, "P0": 0.75, "mean_interdeparture": 4}),
            json!({"L": within(0.02), "P0": within(0.01), "mean_interdeparture": within(0.01)}),
        ),
        (
            "m_g_1_p_k",
            json!({"lam": 0.25, "service": "two-point 0.2 w.p. .75, 3.4 w.p. .25", "ES": 1, "ES2": 2.92}),
            json!({"Wq": 0.25 * 2.92 / 1.5}),
            json!({"Wq": within(0.03)}),
        ),
        (
            "m_m_1_k",
            json!({"lam": 1, "mu": 1, "K": 1}),
            json!({"P(loss)": 0.5, "throughput": 0.5}),
            json!({"P(loss)": within(0.03), "throughput": within(0.01)}),
        ),
        (
            "closed_network_mva",
            json!({"mu": [1, 1], "visits": [1, 1], "N": 3}),
            json!({"throughput at visit 1": 0.75, "L1": 1.5}),
            json!({"throughput at visit 1": within(0.02), "L1": within(0.03)}),
        ),
        (
            "nhpp_by_thinning",
            json!({"rate": "4*t", "T": 2}),
            json!({"E[N(2)]": 8, "Var[N(2)]": 8}),
            json!({"E[N(2)]": within(0.01), "Var[N(2)]": within(0.04)}),
        ),
        (
            "gambler_ruin",
            json!({"p": 0.5, "start": 3, "target": 4}),
            json!({"P(ruin)": 0.25}),
            json!({"P(ruin)": within(0.03)}),
        ),
        (
            "quorum_latency_order_statistics",
            json!({"n": 4, "delay": "uniform(0,1)", "k": 3}),
            json!({"E[k-th arrival]": 0.6}),
            json!({"E[k-th arrival]": within(0.01)}),
        ),
        (
            "store_and_forward_pipeline",
            json!({"hops": 2, "bandwidth_bps": 3e6, "packet_bits": 1000, "propagation_s": 0.001, "packets": 7}),
            json!({"last packet arrival": 8.0 / 3_000.0 + 0.002}),
            json!({"last packet arrival": {"kind": {"exact": 0}, "abs": 1e-9}}),
        ),
        (
            "little_law_identity",
            json!({}),
            json!({"L - lambda*W (edge corrected)": 0}),
            json!({"abs": 1e-9}),
        ),
        (
            "rng_stream_independence_from_population",
            json!({}),
            json!({"pass": 1}),
            json!({"pass": {"kind": "gof", "alpha": 1e-4}}),
        ),
    ];
    let reports = judge("hold", &cases);
    for report in &reports {
        assert_eq!(report.verdict, Verdict::Passed, "{report:?}");
    }
    assert_eq!(judge("again", &cases[..2]), reports[..2]);
}

/// A wrong expectation is refused: the tolerance is not so wide that anything passes.
#[test]
fn wrong_expectations_fail() {
    let cases = [
        ("m_m_1", json!({"lam": 0.25, "mu": 1}), json!({"L": 0.36}), json!({"L": within(0.02)})),
        (
            "renewal_function",
            json!({"interarrival": "exp(1)", "t": 2}),
            json!({"M(2)": 2.1}),
            json!({"M(2)": within(0.01)}),
        ),
    ];
    for report in judge("fail", &cases) {
        assert_eq!(report.verdict, Verdict::Failed, "{report:?}");
        assert!(report.reason.is_none());
    }
}

#[test]
fn inputs_without_sense_are_named() {
    let cases = [
        ("m_m_1", json!({"lam": 2, "mu": 1}), "the load is 2, expected a number between 0 and 1"),
        ("m_m_1", json!({"lam": -1, "mu": 1}), "input `lam` is -1, expected a positive number"),
        (
            "m_g_1_p_k",
            json!({"lam": 0.5, "service": "uniform(0,2)", "ES": 2}),
            "`uniform(0,2)` has mean 1 and second moment 1.3333333333333333, expected mean 2",
        ),
        ("gi_m_1", json!({"model": "D/M", "mu": 1}), "model `D/M`, expected the form"),
        ("m_m_c", json!({"c": 0, "lam": 1, "mu": 1}), "input `c` is 0, expected 1 to 1000000"),
        (
            "jackson_network",
            json!({"external": [1], "routing": [[1]], "mu": [2]}),
            "lets nobody out",
        ),
        ("double_spend_race", json!({"q": 0.6, "z": 2}), "`q` must be below 0.5"),
        ("nhpp_by_thinning", json!({"rate": "2+", "T": 1}), "found the end at character 3"),
        ("nhpp_by_thinning", json!({"rate": "1/t", "T": 1}), "rate `1/t` lies between"),
    ];
    let rows: Vec<_> = cases
        .iter()
        .map(|(kind, inputs, _)| (*kind, inputs.clone(), json!({"x": 1}), Value::Null))
        .collect();
    for (report, (_, _, want)) in judge("named", &rows).iter().zip(&cases) {
        let reason = report.reason.as_deref().unwrap_or_default();
        assert!(reason.contains(want), "{reason:?} for {want:?}");
        assert_eq!(report.verdict, Verdict::Failed);
    }
}
