//! Who may import whom: design rules that the dependency graph must keep.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Normal dependencies by package, from `cargo metadata`.
struct Graph(BTreeMap<String, BTreeSet<String>>);

impl Graph {
    fn of_this_workspace() -> Self {
        let out = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--locked", "--offline"])
            .args(["--filter-platform", &host()])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo is at hand where tests run");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let metadata: serde_json::Value =
            serde_json::from_slice(&out.stdout).expect("cargo prints JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
        let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
        let names: BTreeMap<String, String> = list(&metadata["packages"])
            .iter()
            .map(|p| (text(&p["id"]), text(&p["name"])))
            .collect();
        let normal = |dep: &&serde_json::Value| {
            list(&dep["dep_kinds"]).iter().any(|kind| kind["kind"].is_null())
        };
        let edges = list(&metadata["resolve"]["nodes"])
            .iter()
            .map(|node| {
                let deps = list(&node["deps"]);
                let to = deps.iter().filter(normal).map(|d| names[&text(&d["pkg"])].clone());
                (names[&text(&node["id"])].clone(), to.collect())
            })
            .collect();
        Self(edges)
    }

    /// Everything that a package reaches.
    fn reach(&self, from: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut todo = vec![from.to_owned()];
        while let Some(package) = todo.pop() {
            for next in self.0.get(&package).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    todo.push(next.clone());
                }
            }
        }
        seen
    }
}

/// The platform that this compiler builds for: packages of others may not be at hand.
fn host() -> String {
    let out = Command::new("rustc").arg("-vV").output().expect("rustc is at hand");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.expect("rustc names its host").to_owned()
}

#[test]
fn packages_reach_only_what_the_design_lets_them() {
    let graph = Graph::of_this_workspace();
    let ours = [
        "arable",
        "arable-sim-types",
        "arable-sim-core",
        "arable-mechanisms",
        "arable-workloads",
        "arable-gpu-kernels",
        "arable-reports",
        "arable-study",
    ];
    // package, those of ours that it may import
    let allowed: [(&str, &[&str]); 7] = [
        ("arable-sim-types", &[]),
        ("arable-mechanisms", &["arable-sim-types"]),
        ("arable-workloads", &["arable-sim-types"]),
        ("arable-gpu-kernels", &["arable-sim-types"]),
        ("arable-sim-core", &["arable-sim-types"]),
        ("arable-reports", &["arable-sim-types"]),
        ("arable-study", &["arable-sim-types"]),
    ];
    for (package, may) in allowed {
        for reached in graph.reach(package) {
            let fine = !ours.contains(&reached.as_str()) || may.contains(&reached.as_str());
            assert!(fine, "{package} reaches {reached}; the design allows only {may:?}");
        }
    }
    // package, what it must not reach
    let heavy = ["arrow", "cudarc", "rayon", "plotters", "chrono", "ctrlc", "indicatif"];
    for package in ["arable-sim-types", "arable-mechanisms", "arable-workloads", "arable-study"] {
        let reached = graph.reach(package);
        for banned in heavy {
            assert!(!reached.contains(banned), "{package} reaches {banned}");
        }
    }
}

#[test]
fn the_normal_closure_stays_small() {
    let reached = Graph::of_this_workspace().reach("arable");
    assert!(reached.len() <= 210, "{} packages, expected about 200 at most", reached.len());
}
