//! Tuning and sensitivity files: a scenario, parameters with ranges, and what is asked of its
//! metrics.

use core::fmt;
use std::borrow::Cow;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use sim_core::streams::Streams;
use sim_types::Share;

use super::choice::Ordered;
use super::raw::Anything;
use super::resolve::{self, Resolver};
use super::sweep::{File, Scale, Written, at_fault, base};
use super::tree::Tree;
use crate::diagnose::{Code, Diagnostic, Diagnostics, quoted};
use crate::experiment::Experiment;
use crate::study::{
    Analysis, Goal, Keep, Measure, Method, Parameter, Replications, Sensitivity, Study, Tolerance,
    Tuning,
};
use crate::sweep::quantity::{Quantity, Range};

/// Most parameters of a study.
const MOST_PARAMETERS: usize = 100;
/// Most runs of a study.
const MOST_RUNS: u64 = 10_000_000;

/// Values of a scenario's parameters that serve best.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Arable tuning", inline)]
pub(crate) struct RawTuning {
    /// The version of this format: 1.
    schema: u32,
    /// One line that says what is sought.
    title: String,
    /// The scenario file, relative to this one.
    scenario: String,
    /// The seed of every run, instead of the scenario's: all points meet the same random numbers.
    #[serde(default)]
    #[expect(dead_code, reason = "put into the scenario as it is written")]
    seed: Option<u64>,
    /// Values that differ from the scenario's in every run, by dotted path.
    #[serde(default)]
    #[expect(dead_code, reason = "put into the scenario as it is written")]
    set: Ordered<Anything>,
    /// What may be changed, by dotted path.
    parameters: Ordered<RawRange>,
    /// Metrics to be as large as can be.
    #[serde(default)]
    maximise: Several,
    /// Metrics to be as small as can be.
    #[serde(default)]
    minimise: Several,
    /// Metrics to be kept within bounds.
    #[serde(default)]
    keep: Vec<RawKeep>,
    /// `threshold`: the smallest value of the one parameter for which the one bound holds, in the
    /// place of `maximise` and `minimise`.
    #[serde(default)]
    find: Option<RawFind>,
    /// How to search. Default `bayesian`.
    #[serde(default)]
    method: RawMethod,
    /// Most runs, a run being one replication at one point: 1 to 10,000,000. Default 400.
    #[serde(default = "usual_budget")]
    budget: u64,
    /// Replications of a point. Default 4 at first and 32 at most.
    #[serde(default)]
    replications: RawReplications,
    /// What does not matter any more.
    #[serde(default)]
    tolerance: RawTolerance,
}

/// Which parameters of a scenario matter.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Arable sensitivity study", inline)]
pub(crate) struct RawSensitivity {
    /// The version of this format: 1.
    schema: u32,
    /// One line that says what is asked.
    title: String,
    /// The scenario file, relative to this one.
    scenario: String,
    /// The seed of every run, instead of the scenario's: all points meet the same random numbers.
    #[serde(default)]
    #[expect(dead_code, reason = "put into the scenario as it is written")]
    seed: Option<u64>,
    /// Values that differ from the scenario's in every run, by dotted path.
    #[serde(default)]
    #[expect(dead_code, reason = "put into the scenario as it is written")]
    set: Ordered<Anything>,
    /// What varies, by dotted path.
    parameters: Ordered<RawRange>,
    /// The metrics that are looked at.
    metrics: Several,
    /// How.
    method: RawAnalysis,
    /// Replications of each point, 1 to 10,000. Default 1.
    #[serde(default = "one")]
    replications: u32,
}

const fn usual_budget() -> u64 {
    400
}

const fn one() -> u32 {
    1
}

/// An interval to take values from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ParameterRange")]
struct RawRange {
    /// The lowest value, with its unit where it has one.
    from: Written,
    /// The highest value, in the same unit.
    to: Written,
    /// `linear`, equal steps, or `log`, equal ratios. Default `linear`.
    #[serde(default)]
    scale: Scale,
    /// Whether it takes whole numbers alone. Default false.
    #[serde(default)]
    whole: bool,
}

/// A bound on a metric: one of the two.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawKeep {
    /// The metric.
    metric: String,
    /// The largest value that will do, with the metric's unit or `%`.
    #[serde(default)]
    below: Option<Written>,
    /// The smallest value that will do.
    #[serde(default)]
    above: Option<Written>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RawFind {
    /// The smallest value of the parameter for which the bound holds.
    Threshold,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum RawMethod {
    /// A Gaussian process says where to look next: for expensive runs.
    #[default]
    Bayesian,
    /// CMA-ES; with several objectives NSGA-II: for cheap runs.
    Evolution,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RawReplications {
    /// Of a new point, 1 to 10,000.
    first: u32,
    /// Of a point that turns out to matter, at least `first`.
    most: u32,
}

impl Default for RawReplications {
    fn default() -> Self {
        Self { first: 4, most: 32 }
    }
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RawTolerance {
    /// Change of a parameter, of its range; for a threshold, of the value found. Default 1%.
    parameter: Share,
    /// Change of an objective, of the range that it showed. Default 0.1%.
    objective: Share,
}

impl Default for RawTolerance {
    fn default() -> Self {
        let objective = Share::from_ppb(1_000_000).expect("a thousandth is a share");
        Self { parameter: Share::percent(1), objective }
    }
}

/// How to look at the parameters.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum RawAnalysis {
    /// Elementary effects: (parameters + 1) points a trajectory.
    Morris(RawMorris),
    /// Shares of the variance: (parameters + 2) points each.
    Sobol(RawSobol),
    /// Curves about the middle of the ranges: so many points a parameter.
    OneAtATime(RawCurves),
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawMorris {
    /// How many, from 2.
    trajectories: u32,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawSobol {
    /// How many, from 16; a power of two serves best.
    points: u32,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawCurves {
    /// How many, from 2.
    points: u32,
}

/// One name or several.
#[derive(Debug, Clone, Default)]
pub(super) struct Several(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Several {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Several;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a metric, or a list of names")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Several, E> {
                Ok(Several(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Several, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(access)).map(Several)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Several {
    fn schema_name() -> Cow<'static, str> {
        "Several".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "items": { "type": "string" } },
        ] })
    }
}

/// What both kinds of file begin with: version, title, scenario, ranges.
type Head<'a> = (u32, &'a str, &'a str, &'a Ordered<RawRange>);

/// A file read as `R`, made a study by `resolve`, which is given the first experiment.
fn read<R: DeserializeOwned, T>(
    path: &Path,
    what: &'static str,
    head: fn(&R) -> Head<'_>,
    resolve: impl FnOnce(&R, &Study, &Experiment, &mut Resolver<'_>) -> Option<T>,
) -> Result<(Study, T), Diagnostics> {
    let File { raw, mut items, tree, whole, name } = File::<R>::read(path, what)?;
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut r = Resolver::new(&tree, dir, Streams::new(0, 0), items.is_empty());
    let (schema, title, scenario, ranges) = head(&raw);
    resolve::head(schema, title, &mut r);
    let parameters = parameters(ranges, &mut r);
    if !r.sound() {
        items.append(&mut r.errors);
        return Err(Diagnostics::new(items, tree.origins.clone()));
    }
    let base = base(scenario, &["seed"], dir, &whole)?;
    let mut hasher = blake3::Hasher::new();
    for text in [what, &whole.show(whole.root()), &base.tree.show(base.tree.root())] {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    }
    let digest = hasher.finalize().to_hex().to_string();
    let study = Study { name, title: title.to_owned(), digest, parameters, base };
    let experiment = first(&study, &whole)?;
    let found = resolve(&raw, &study, &experiment, &mut r);
    items.append(&mut r.errors);
    match found {
        Some(found) if items.is_empty() => Ok((study, found)),
        _ => Err(Diagnostics::new(items, tree.origins.clone())),
    }
}

fn parameters(raw: &Ordered<RawRange>, r: &mut Resolver<'_>) -> Vec<Parameter> {
    let number = raw.0.len();
    let expected = format!("1 to {MOST_PARAMETERS} parameters");
    r.unless((1..=MOST_PARAMETERS).contains(&number), "parameters", number, &expected);
    let mut parameters = Vec::new();
    for (path, raw) in &raw.0 {
        let place = format!("parameters.{path}");
        let range =
            Range::new(raw.from.0.clone(), raw.to.0.clone(), raw.scale == Scale::Log, raw.whole);
        match range {
            Ok(range) => parameters.push(Parameter { path: path.clone(), range }),
            Err(expected) => {
                let message = format!("{} is not a range", quoted(&place));
                let item = Diagnostic::error(Code::OutOfRange, message).expected(expected);
                r.error(&place, &[], item);
            }
        }
    }
    parameters
}

/// The experiment in the middle of the ranges. If there is none, the mistake is shown where it
/// was made: in the scenario, or at a parameter.
fn first(study: &Study, tree: &Tree) -> Result<Experiment, Diagnostics> {
    let middle: Vec<String> = study
        .parameters
        .iter()
        .map(|p| p.range.write(p.range.parameter(&p.path).value(0.5)))
        .collect();
    let together = match study.experiment(&middle) {
        Ok(experiment) => return Ok(experiment),
        Err(wrong) => wrong,
    };
    study.base.experiment()?;
    let values = study.parameters.iter().map(|p| p.path.as_str()).zip(middle);
    Err(at_fault("parameters", values, &study.base, tree).unwrap_or(together))
}

/// A metric of the experiment, with its unit.
pub(super) fn measure(
    name: &str,
    place: &str,
    experiment: &Experiment,
    r: &mut Resolver<'_>,
) -> Option<Measure> {
    let unit = experiment.unit(name);
    if unit.is_none() {
        let known: Vec<&str> =
            experiment.metrics().iter().map(|name| name.trim_end_matches(".*")).collect();
        r.unknown(place, "metric", name, known);
    }
    Some(Measure { name: name.to_owned(), unit: unit? })
}

/// Places of names in a list, or of the one name.
pub(super) fn places(key: &str, several: &Several, tree: &Tree) -> Vec<String> {
    let listed = tree.find(&format!("{key}.0")).1;
    (0..several.0.len())
        .map(|i| if listed { format!("{key}.{i}") } else { key.to_owned() })
        .collect()
}

/// A bound in the metric's own unit.
pub(super) fn bound(
    written: &Quantity,
    measure: &Measure,
    place: &str,
    r: &mut Resolver<'_>,
) -> Option<f64> {
    let Quantity { number, unit, .. } = written;
    let share = measure.unit == "share" || measure.unit.starts_with("share/");
    let scale = match (unit.as_str(), measure.unit.as_str()) {
        ("", _) => 1.0,
        ("%", _) if share => 0.01,
        (a, b) if a == b => 1.0,
        ("ms", "s") => 1e-3,
        ("min", "s") => 60.0,
        ("h", "s") => 3_600.0,
        ("d", "s") => 86_400.0,
        _ => {
            let wanted = match measure.unit.as_str() {
                _ if share => "a share, such as `8 %` or `0.08`".to_owned(),
                "1" => "a plain number".to_owned(),
                unit => format!("a number, or one with the unit `{unit}`"),
            };
            let message =
                format!("{} has another unit than {}", quoted(place), quoted(&measure.name));
            let item = Diagnostic::error(Code::WrongUnit, message)
                .found(quoted(&format!("{number} {unit}")))
                .expected(wanted);
            r.error(place, &[], item);
            return None;
        }
    };
    Some(number * scale)
}

fn keeps(raw: &[RawKeep], experiment: &Experiment, r: &mut Resolver<'_>) -> Vec<Keep> {
    let mut keeps: Vec<Keep> = Vec::new();
    for (i, keep) in raw.iter().enumerate() {
        let place = format!("keep.{i}");
        let found = measure(&keep.metric, &format!("{place}.metric"), experiment, r);
        if keep.below.is_some() == keep.above.is_some() {
            let item =
                Diagnostic::error(Code::OneKey, format!("{} takes one bound", quoted(&place)))
                    .expected("`below` or `above`")
                    .help("write two entries for a metric with two bounds");
            r.error(&place, &[], item);
            continue;
        }
        let Some(measure) = found else { continue };
        let before = keeps.len();
        for (written, below) in [(&keep.below, true), (&keep.above, false)] {
            let Some(written) = written else { continue };
            let key = if below { "below" } else { "above" };
            if let Some(bound) = bound(&written.0, &measure, &format!("{place}.{key}"), r) {
                keeps.push(Keep { measure: measure.clone(), bound, below });
            }
        }
        let Some(last) = keeps.get(before) else { continue };
        let against = keeps.iter().find(|other| {
            let (low, high) = if last.below { (*other, last) } else { (last, *other) };
            other.measure == last.measure && other.below != last.below && low.bound > high.bound
        });
        if let Some(against) = against {
            let message = format!("no value of {} keeps both bounds", quoted(&keep.metric));
            let item = Diagnostic::error(Code::Incompatible, message)
                .found(format!("{} and {}", against.words(), last.words()))
                .help("loosen one of them");
            r.error(&place, &[], item);
        }
    }
    keeps
}

/// Reads a tuning file and the scenario that it names.
pub(crate) fn tuning(path: &Path) -> Result<Tuning, Diagnostics> {
    let (study, (goal, method, budget, replications, tolerance)) =
        read(path, "tuning", head_of_tuning, |raw: &RawTuning, study, experiment, r| {
            let goal = goal(raw, study, experiment, r);
            r.unless((1..=MOST_RUNS).contains(&raw.budget), "budget", raw.budget, "1 to 10000000");
            let RawReplications { first, most } = raw.replications;
            r.unless((1..=10_000).contains(&first), "replications.first", first, "1 to 10000");
            let expected = format!("{first} to 10000");
            r.unless((first..=10_000).contains(&most), "replications.most", most, &expected);
            let method = match raw.method {
                RawMethod::Bayesian => Method::Bayesian,
                RawMethod::Evolution => Method::Evolution,
            };
            let tolerance = Tolerance {
                parameter: raw.tolerance.parameter.as_f64(),
                objective: raw.tolerance.objective.as_f64(),
            };
            let some = |share: Share| share.ppb() > 0;
            r.unless(some(raw.tolerance.parameter), "tolerance.parameter", "0%", "above 0%");
            let budget = usize::try_from(raw.budget).unwrap_or(usize::MAX);
            Some((goal?, method, budget, Replications { first, most }, tolerance))
        })?;
    Ok(Tuning { study, goal, method, budget, replications, tolerance })
}

fn head_of_tuning(raw: &RawTuning) -> Head<'_> {
    (raw.schema, &raw.title, &raw.scenario, &raw.parameters)
}

fn head_of_sensitivity(raw: &RawSensitivity) -> Head<'_> {
    (raw.schema, &raw.title, &raw.scenario, &raw.parameters)
}

fn goal(
    raw: &RawTuning,
    study: &Study,
    experiment: &Experiment,
    r: &mut Resolver<'_>,
) -> Option<Goal> {
    let mut objectives: Vec<(Measure, bool)> = Vec::new();
    for (key, several, maximise) in
        [("maximise", &raw.maximise, true), ("minimise", &raw.minimise, false)]
    {
        for (name, place) in several.0.iter().zip(places(key, several, r.tree)) {
            if let Some(measure) = measure(name, &place, experiment, r) {
                if objectives.iter().any(|(other, _)| *other == measure) {
                    let message = format!("{} is sought twice", quoted(name));
                    let item = Diagnostic::error(Code::Incompatible, message).help("keep one");
                    r.error(&place, &[], item);
                }
                objectives.push((measure, maximise));
            }
        }
    }
    let keeps = keeps(&raw.keep, experiment, r);
    let asked = raw.maximise.0.len() + raw.minimise.0.len();
    if raw.find.is_some() {
        let single = asked == 0 && raw.keep.len() == 1 && study.parameters.len() == 1;
        let found = format!(
            "{} parameters, {asked} objectives, {} bounds",
            study.parameters.len(),
            raw.keep.len()
        );
        let item =
            Diagnostic::error(Code::Incompatible, "a threshold is of one parameter and one bound")
                .found(found)
                .expected(
                    "one entry in `parameters`, one in `keep`, and nothing to maximise or minimise",
                );
        if !single {
            r.error("find", &[], item);
        }
        return keeps.into_iter().next().map(Goal::Threshold);
    }
    if asked == 0 {
        let item = Diagnostic::error(Code::MissingKey, "nothing is sought")
            .expected("`maximise`, `minimise` or `find: threshold`")
            .help(format!(
                "add `maximise: {}`",
                experiment.metrics().first().copied().unwrap_or("a metric")
            ));
        r.error("", &[], item);
    }
    r.unless(asked <= 4, "maximise", asked, "at most 4 objectives in all");
    Some(Goal::Best { objectives, keeps })
}

/// Reads a sensitivity file and the scenario that it names.
pub(crate) fn sensitivity(path: &Path) -> Result<Sensitivity, Diagnostics> {
    let (study, (metrics, method, replications)) = read(
        path,
        "sensitivity study",
        head_of_sensitivity,
        |raw: &RawSensitivity, study, experiment, r| {
            let mut metrics = Vec::new();
            for (name, place) in raw.metrics.0.iter().zip(places("metrics", &raw.metrics, r.tree)) {
                metrics.extend(measure(name, &place, experiment, r));
            }
            r.unless(!raw.metrics.0.is_empty(), "metrics", "none", "at least one metric");
            r.unless(
                (1..=10_000).contains(&raw.replications),
                "replications",
                raw.replications,
                "1 to 10000",
            );
            let k = study.parameters.len() as u64;
            let (key, least, number, each) = match raw.method {
                RawAnalysis::Morris(of) => ("morris.trajectories", 2, of.trajectories, k + 1),
                RawAnalysis::Sobol(of) => ("sobol.points", 16, of.points, k + 2),
                RawAnalysis::OneAtATime(of) => ("one_at_a_time.points", 2, of.points, k),
            };
            let most = MOST_RUNS / each / u64::from(raw.replications.max(1));
            let expected = format!("{least} to {most}, for at most {MOST_RUNS} runs");
            let fits = (least..=most).contains(&u64::from(number));
            r.unless(fits, &format!("method.{key}"), number, &expected);
            Some((metrics, method_of(raw.method), raw.replications))
        },
    )?;
    Ok(Sensitivity { study, metrics, method, replications })
}

fn method_of(raw: RawAnalysis) -> Analysis {
    match raw {
        RawAnalysis::Morris(of) => Analysis::Morris(of.trajectories as usize),
        RawAnalysis::Sobol(of) => Analysis::Sobol(of.points as usize),
        RawAnalysis::OneAtATime(of) => Analysis::OneAtATime(of.points as usize),
    }
}
