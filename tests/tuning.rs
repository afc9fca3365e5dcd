//! Tuning and sensitivity: known answers found from simulation alone, and bad files refused.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tuning-{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn arable(command: &str, file: &Path, out: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_arable"))
        .args([command.as_ref(), file.as_os_str(), "--out".as_ref(), out.as_os_str()])
        .args(["--quiet", "--json"])
        .output()
        .expect("it runs")
}

fn told(output: &Output) -> Value {
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON: {error}"))
}

fn shipped(command: &str, name: &str) -> (Value, PathBuf) {
    let out = folder(name);
    let output = arable(command, &root().join(format!("scenarios/tune/{name}.yaml")), &out);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    (told(&output), out)
}

/// Optima that follow from theory, not from the simulation: Myerson's reserve for uniform values,
/// the middle price, the zero of the stated derivative, and the published condition
/// S = C / (p (1 − r)) − R.
#[test]
fn known_answers_are_found() {
    let table = [
        ("reserve", 0.5, 0.02),
        ("posted-price", 0.5, 0.02),
        ("emission", 0.05 * 5.0_f64.ln(), 0.02),
        ("slash", 1.0 / (0.08 * 0.9) - 1.2, 0.03),
        // A network: 1 − 0.6 · 0.99 · s = 1/2, in per cent.
        ("spot-checks", 50.0 / (0.6 * 0.99), 0.03),
    ];
    for (name, want, within) in table {
        let (told, _) = shipped("tune", name);
        let answer = &told["report"]["answer"]["parameters"][0];
        let found = answer["value"].as_f64().expect("a number");
        assert!((found / want - 1.0).abs() < within, "{name}: {found} for {want}");
        assert_eq!(told["report"]["verdict"], "converged", "{name}: {}", told["report"]["why"]);
        if let Some(interval) = answer["interval"].as_array() {
            let end = |i: usize| interval[i].as_f64().expect("a number");
            assert!((end(0)..=end(1)).contains(&want), "{name}: {interval:?}");
        }
    }
}

/// The bound of the deterrence study binds: its answer must deter by the published condition, not
/// only in the runs that it was found with; and was measured as often as the file allows.
#[test]
fn an_answer_at_a_binding_bound_deters() {
    let (told, _) = shipped("tune", "deterrence");
    let answer = &told["report"]["answer"];
    let value = |k: usize| answer["parameters"][k]["value"].as_f64().expect("a number");
    let (slash, audit) = (value(0), value(1));
    let least = 1.0 / (0.9 * (slash + 1.2));
    assert!(audit >= least && audit < 1.15 * least, "{audit} for {least}");
    let trial = usize::try_from(answer["trial"].as_u64().expect("a trial")).expect("small");
    assert_eq!(told["report"]["trials"][trial]["replications"], 32);
    let found = answer["found"].as_array().expect("metrics");
    let constant = found.iter().find(|found| found["metric"] == "honest_income").expect("there");
    assert_eq!(constant["error"], 0.0, "what does not vary has no error");
}

/// All points of the front lie within the bound, and close to the front of the stated form: the
/// smallest saturation, 1 − exp(−e / 0.04) of work for 4 e of loss.
#[test]
fn a_front_is_found_within_its_bound() {
    let (told, out) = shipped("tune", "emission-front");
    let trials = told["report"]["trials"].as_array().expect("trials");
    let front = told["report"]["front"].as_array().expect("a front");
    assert!(front.len() >= 10, "{front:?}");
    let mut off = 0.0_f64;
    for number in front {
        let number = usize::try_from(number.as_u64().expect("a number")).expect("small");
        let mean = |k: usize| trials[number]["found"][k]["mean"].as_f64().expect("a number");
        let (work, loss) = (mean(0), mean(1));
        assert!(loss <= 0.5);
        if loss > 0.1 {
            off = off.max((work - (1.0 - (-loss / 4.0 / 0.04).exp())).abs());
        }
    }
    assert!(off < 0.02, "{off}");
    assert!(out.join("figures/pareto_front.svg").exists());
}

/// Stopped while it runs, or run again when it is done: the same answer, and nothing run twice.
#[test]
fn a_killed_search_goes_on() {
    let (whole, out) = shipped("tune", "posted-price");
    let file = root().join("scenarios/tune/posted-price.yaml");
    let report = std::fs::read(out.join("tune.json")).expect("a report");
    let again = told(&arable("tune", &file, &out));
    assert_eq!(again["run_now"], 0);
    assert_eq!(again["report"], whole["report"]);

    // What a kill leaves: records without an end, and neither table nor report.
    let cut = folder("posted-price-cut");
    for name in ["store.json", "records.bin"] {
        std::fs::copy(out.join(name), cut.join(name)).expect("copied");
    }
    let records = std::fs::read(cut.join("records.bin")).expect("records");
    std::fs::write(cut.join("records.bin"), &records[..records.len() / 2]).expect("cut");
    let rest = told(&arable("tune", &file, &cut));
    let (now, all) = (rest["run_now"].as_u64(), rest["runs"].as_u64());
    assert!(now > Some(0) && now < all, "{now:?} of {all:?}");
    assert_eq!(std::fs::read(cut.join("tune.json")).expect("a report"), report);
    assert_eq!(std::fs::read(cut.join("records.bin")).expect("records"), records);
}

/// Indices of the slash rule against the integrals of its closed form, by a midpoint grid.
#[test]
fn sensitivity_indices_are_those_of_the_closed_form() {
    let (told, out) = shipped("sensitivity", "sensitivity-slash");
    let effects = told["report"]["metrics"][1]["effects"].as_array().expect("effects");
    // caught = a (1 − r): with means m and variances v, V = (vₐ + mₐ²)(vᵣ + mᵣ²) − mₐ² mᵣ².
    let moments =
        |low: f64, high: f64| (f64::midpoint(low, high), (high - low) * (high - low) / 12.0);
    let ((ma, va), (mr, vr)) = (moments(0.01, 0.2), moments(0.5, 1.0));
    let all = (va + ma * ma) * (vr + mr * mr) - ma * ma * mr * mr;
    for (parameter, first) in
        [("model.slash.audit", va * mr * mr / all), ("model.slash.collusion", vr * ma * ma / all)]
    {
        let effect = effects.iter().find(|e| e["parameter"] == parameter).expect("there");
        let end = |i: usize| effect["first"]["interval"][i].as_f64().expect("a number");
        assert!((end(0)..=end(1)).contains(&first), "{parameter}: {effect} for {first}");
    }
    assert!(out.join("figures/tornado_caught.svg").exists());
}

/// Each mistake is told apart, at its place, with what to write instead.
#[test]
fn bad_files_are_refused_with_advice() {
    let here = folder("bad");
    let models = root().join("scenarios/models");
    let head = format!("schema: 1\ntitle: t\nscenario: {}/slash.yaml\n", models.display());
    let range = "parameters: { model.slash.slash: { from: 0, to: 9 } }\n";
    let table = [
        ("tune", format!("{range}maximise: cheating_profits\n"), "did you mean `cheating_profit`?"),
        (
            "tune",
            "parameters: { model.slash.slahs: { from: 0, to: 9 } }\nmaximise: caught\n".to_owned(),
            "slash`?",
        ),
        ("tune", range.to_owned(), "nothing is sought"),
        (
            "tune",
            "parameters: { model.slash.slash: { from: 9, to: 0 } }\nmaximise: caught\n".to_owned(),
            "expected `from` below `to`",
        ),
        (
            "tune",
            format!(
                "{range}maximise: caught\nkeep: [{{ metric: caught, below: 5 % }}, {{ metric: \
                 caught, above: 8 % }}]\n"
            ),
            "no value of `caught` keeps both bounds",
        ),
        (
            "tune",
            format!("{range}maximise: caught\nkeep: [{{ metric: caught, below: 5 s }}]\n"),
            "expected a share, such as `8 %`",
        ),
        (
            "tune",
            format!("{range}maximise: caught\nminimise: caught\n"),
            "`caught` is sought twice",
        ),
        ("tune", format!("{range}find: threshold\n"), "one parameter and one bound"),
        (
            "tune",
            format!("{range}maximise: caught\nmethod: magic\n"),
            "one of `bayesian`, `evolution`",
        ),
        ("tune", format!("{range}maximise: caught\nbugdet: 7\n"), "did you mean `budget`?"),
        (
            "sensitivity",
            format!("{range}metrics: caught\nmethod: {{ sobol: {{ points: 3 }} }}\n"),
            "expected 16 to",
        ),
        ("sensitivity", format!("{range}metrics: caught\n"), "has no `method`"),
    ];
    for (i, (command, text, want)) in table.into_iter().enumerate() {
        let file = here.join(format!("{i}.yaml"));
        std::fs::write(&file, format!("{head}{text}")).expect("written");
        let output = arable(command, &file, &here.join("out"));
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{text}{error}");
        assert!(error.contains(want), "{text}{error}");
        assert!(!here.join("out").exists());
    }
}

/// A bound that nothing keeps is a finding with its own exit code; a folder keeps to its study.
#[test]
fn what_cannot_be_kept_and_what_lies_elsewhere_is_said() {
    let here = folder("infeasible");
    let models = root().join("scenarios/models");
    let file = here.join("never.yaml");
    let text = format!(
        "schema: 1\ntitle: t\nscenario: {}/slash.yaml\nset: {{ steps: 100 }}\nparameters: {{ \
         model.slash.slash: {{ from: 0, to: 9 }} }}\nminimise: cheating_profit\nkeep: [{{ metric: \
         honest_income, above: 3 }}]\nbudget: 60\n",
        models.display()
    );
    std::fs::write(&file, text).expect("written");
    let out = here.join("out");
    let output = arable("tune", &file, &out);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(told(&output)["report"]["verdict"], "infeasible");
    assert!(told(&output)["report"]["answer"].is_null());
    let other = arable("tune", &root().join("scenarios/tune/slash.yaml"), &out);
    assert_eq!(other.status.code(), Some(4));
    let error = String::from_utf8_lossy(&other.stderr);
    assert!(error.contains("holds another study") && error.contains("--out"), "{error}");
}
