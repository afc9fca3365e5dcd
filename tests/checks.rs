//! `arable check` from blessing to the first difference, on a suite of one small scenario.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::Scratch;
use serde_json::Value;

const SUITE: &str = "
schema: 1
title: One miner
checks:
  miner:
    scenario: SCENARIO
    set: [horizon=10min]
    exact: true
    bands: { answer_latency_mean: 1% }
    replicated: { fresh: 14, recorded: 20, metrics: [jobs_submitted] }
";

/// A suite in a directory of its own.
struct Place {
    _scratch: Scratch,
    suite: PathBuf,
    baseline: PathBuf,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::new();
        let dir = scratch.path();
        let (suite, baseline) = (dir.join("suite.yaml"), dir.join("miner.json"));
        let scenario =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/tutorial/01-one-miner.yaml");
        let text = SUITE.replace("SCENARIO", &scenario.display().to_string());
        std::fs::write(&suite, text).expect("a scratch file");
        Self { _scratch: scratch, suite, baseline }
    }

    /// Status, items of the report, words on stderr.
    fn check(&self, arguments: &[&str]) -> (Option<i32>, Vec<Value>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_arable"))
            .arg("check")
            .arg(&self.suite)
            .args(["--json", "--quiet"])
            .args(arguments)
            .output()
            .expect("the program starts");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let items = report["items"].as_array().cloned().unwrap_or_default();
        (output.status.code(), items, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let text = std::fs::read_to_string(&self.baseline).expect("a blessed baseline");
        let mut baseline: Value = serde_json::from_str(&text).expect("JSON");
        edit(&mut baseline);
        std::fs::write(&self.baseline, baseline.to_string()).expect("a scratch file");
    }
}

fn words(items: &[Value], key: &str) -> Vec<String> {
    items.iter().map(|item| item[key].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn what_was_blessed_holds_and_what_moved_is_named() {
    let place = Place::new();
    let (status, items, _) = place.check(&[]);
    assert_eq!((status, words(&items, "verdict")), (Some(4), vec!["failed".to_owned()]));
    let detail = &words(&items, "detail")[0];
    assert!(detail.contains("--only miner --bless REASON"), "{detail}");

    let (status, ..) = place.check(&["--bless", "the first numbers", "--seed", "3"]);
    assert_eq!(status, Some(0));
    place.edit(|baseline| assert_eq!(baseline["reason"], "the first numbers"));
    let (status, items, _) = place.check(&["--seed", "4"]);
    assert_eq!(status, Some(0), "{items:?}");
    assert_eq!(words(&items, "kind"), ["exact", "bands", "replicated"]);
    assert_eq!(words(&items, "verdict"), ["same"; 3]);

    // The same build on the same fresh seeds: every difference is zero.
    let (status, items, _) =
        place.check(&["--seed", "4", "--against", env!("CARGO_BIN_EXE_arable")]);
    assert_eq!(status, Some(0));
    let detail = items[2]["detail"].as_str().unwrap();
    assert!(detail.contains("14 paired runs, least p = 1.0e0"), "{detail}");

    // A baseline in which event 40 of the subnet, row 7 of the jobs and a metric differ.
    let whole = std::fs::read_to_string(&place.baseline).unwrap();
    let other = |trail: &mut Value, at: usize| {
        let letters = trail["letters"].as_str().unwrap().to_owned();
        let new = if &letters[at..=at] == "A" { "B" } else { "A" };
        trail["letters"] = format!("{}{new}{}", &letters[..at], &letters[at + 1..]).into();
    };
    place.edit(|baseline| {
        let exact = &mut baseline["exact"];
        exact["result"]["events"] = "0".into();
        exact["result"]["tables"]["jobs"] = "0".into();
        exact["result"]["balances"] = "0".into();
        other(&mut exact["accounts"], 1);
        other(&mut exact["events"][1], 40);
        other(&mut exact["rows"]["jobs"], 7);
        exact["metrics"]["goodput_share"] = 2.0.into();
        baseline["bands"]["answer_latency_mean"]["value"] = 1e9.into();
        for value in baseline["replicated"]["metrics"]["jobs_submitted"].as_array_mut().unwrap() {
            *value = 1e9.into();
        }
    });
    let (status, items, _) = place.check(&["--seed", "4"]);
    assert_eq!(status, Some(1));
    assert_eq!(words(&items, "verdict"), ["worse", "better", "ambiguous"]);
    let event = items[0]["first_event"].as_str().unwrap();
    assert!(event.starts_with("in subnet 0, event 40: `"), "{event}");
    let row = items[0]["first_rows"][0].as_str().unwrap();
    assert!(row.starts_with("jobs row 7: rep 0, job "), "{row}");
    let account = items[0]["first_rows"][1].as_str().unwrap();
    assert!(
        account.starts_with("balances: account `users` of subnet 0, which holds "),
        "{account}"
    );
    assert_eq!(items[0]["moved"][0]["metric"], "goodput_share");
    assert_eq!(items[1]["pass"], true, "better passes where results may move");
    assert_eq!(items[2]["moved"][0]["metric"], "jobs_submitted");

    // Its own suite changed, and the baseline alone.
    std::fs::write(&place.baseline, whole).unwrap();
    let text = std::fs::read_to_string(&place.suite).unwrap();
    std::fs::write(&place.suite, text.replace("10min", "11min")).unwrap();
    let (status, items, _) = place.check(&[]);
    let detail = items[0]["detail"].as_str().unwrap();
    assert_eq!(status, Some(1));
    assert!(detail.contains("made with other changes"), "{detail}");
    assert!(detail.contains("--only miner --bless REASON"), "{detail}");
    let alone = Place { suite: place.baseline.clone(), ..place };
    let (status, items, _) = alone.check(&["--seed", "9"]);
    assert_eq!((status, words(&items, "verdict")), (Some(0), vec!["same".to_owned(); 3]));
}

#[test]
fn a_metric_that_no_run_defines_is_not_blessed() {
    let place = Place::new();
    let text = std::fs::read_to_string(&place.suite).unwrap();
    let text = text.replace("answer_latency_mean: 1%", "gini.providers: 1%");
    std::fs::write(&place.suite, text).unwrap();
    let (status, items, _) = place.check(&["--bless", "to see"]);
    let detail = items[0]["detail"].as_str().unwrap();
    assert_eq!(status, Some(2), "{detail}");
    assert!(detail.contains("`gini.providers`; did you mean `gini.provider`?"), "{detail}");
    assert!(!place.baseline.exists());
}
