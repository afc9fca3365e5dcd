//! A sweep file: a scenario, axes over its values, and how they make design points.

use core::fmt;
use std::borrow::Cow;
use std::path::Path;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use sim_core::streams::Streams;
use study::design::{latin_hypercube, sobol};

use super::choice::Ordered;
use super::claim::{RawClaim, claims};
use super::raw::Anything;
use super::replications::Replications;
use super::resolve::{self, Resolver};
use super::study::{Several, measure, places};
use super::tree::{NodeId, Tree, Value};
use super::{Source, kind, set, typed, yaml};
use crate::diagnose::{Code, Diagnostic, Diagnostics, Span, list, nearest, quoted};
use crate::study::Measure;
use crate::sweep::constraint::{Constraint, named};
use crate::sweep::quantity::{Quantity, Range};
use crate::sweep::{Axis, Design, MOST_POINTS, Sweep};

/// Many runs of one scenario: axes over its values, and how they make design points.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Arable sweep", inline)]
pub(crate) struct Raw {
    /// The version of this format: 1.
    schema: u32,
    /// One line that says what the sweep shows.
    title: String,
    /// The scenario file, relative to this one.
    scenario: String,
    /// The seed of every design point, instead of the scenario's: all meet the same random
    /// numbers.
    #[serde(default)]
    #[expect(dead_code, reason = "put into the scenario as it is written")]
    seed: Option<u64>,
    /// Replications of every design point, instead of the scenario's: a number, or a rule for
    /// stopping that each point meets on its own.
    #[serde(default)]
    #[expect(dead_code, reason = "put into the scenario as it is written")]
    replications: Option<Replications>,
    /// Values that differ from the scenario's in every design point, by dotted path.
    #[serde(default)]
    #[expect(dead_code, reason = "put into the scenario as it is written")]
    set: Ordered<Anything>,
    /// What varies, by dotted path: a list of values, or a range.
    #[serde(default)]
    axes: Ordered<RawAxis>,
    /// How the axes make design points. Default `crossed`.
    #[serde(default)]
    design: RawDesign,
    /// Conditions on axes that are numbers, such as `a + b <= 1`: points that do not meet them
    /// are left out.
    #[serde(default)]
    constraints: Vec<String>,
    /// What the runs are said to show, by names of one's own; judged when all are there.
    #[serde(default)]
    claims: Ordered<RawClaim>,
    /// Metrics that the page shows, besides those of the claims.
    #[serde(default)]
    metrics: Several,
    /// How the page calls axes, by path.
    #[serde(default)]
    labels: Ordered<String>,
}

/// Keys that say how the runs are read, and not what is run: no part of the digest.
const READING: [&str; 3] = ["claims", "metrics", "labels"];

/// How axes make design points.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum RawDesign {
    /// Every value of an axis with every value of the others.
    #[default]
    Crossed,
    /// First values together, second values together, and so on: all axes have as many.
    Zipped,
    /// These points and no others; each names every axis. `axes` is left out.
    Listed(Vec<Ordered<Anything>>),
    /// A Latin hypercube over the ranges.
    LatinHypercube(Sampled),
    /// A Sobol sequence with Owen's scrambling over the ranges; a power of two keeps it balanced.
    Sobol(Sampled),
}

/// A design that fills the ranges.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sampled {
    /// How many points, from 1.
    points: u32,
    /// Which design of its kind. Default 1.
    #[serde(default = "one")]
    seed: u64,
}

const fn one() -> u64 {
    1
}

/// Values, or a range of them.
#[derive(Debug, Clone)]
enum RawAxis {
    Values,
    Range(RawRange),
}

/// An interval to take values from.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawRange {
    /// The lowest value, with its unit where it has one.
    from: Written,
    /// The highest value, in the same unit.
    to: Written,
    /// How many values, evenly from end to end; at least 2. Not for designs that fill ranges.
    #[serde(default)]
    points: Option<u32>,
    /// `linear`, equal steps, or `log`, equal ratios. Default `linear`.
    #[serde(default)]
    scale: Scale,
    /// Whether values are rounded to whole numbers. Default false.
    #[serde(default)]
    whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Scale {
    /// Equal steps.
    #[default]
    Linear,
    /// Equal ratios.
    Log,
}

/// A number with or without a unit.
#[derive(Debug, Clone)]
pub(super) struct Written(pub(super) Quantity);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl Visitor<'_> for Number {
            type Value = Written;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, with its unit where it has one")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Written, E> {
                let invalid = || E::invalid_value(serde::de::Unexpected::Str(text), &self);
                Quantity::read(text).map(Written).ok_or_else(invalid)
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Written, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Written, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Written, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Number)
    }
}

impl JsonSchema for Written {
    fn schema_name() -> Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A number, with its unit where it has one.", "type": ["number", "string"] })
    }
}

impl<'de> Deserialize<'de> for RawAxis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawAxis;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of values, or `{ from: 0, to: 1, points: 5 }`")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<RawAxis, A::Error> {
                Vec::<Anything>::deserialize(SeqAccessDeserializer::new(access))?;
                Ok(RawAxis::Values)
            }
            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<RawAxis, A::Error> {
                RawRange::deserialize(MapAccessDeserializer::new(access)).map(RawAxis::Range)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for RawAxis {
    fn schema_name() -> Cow<'static, str> {
        "Axis".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let range = generator.subschema_for::<RawRange>();
        json_schema!({
            "description": "A list of values, or a range of them.",
            "anyOf": [{ "type": "array", "minItems": 1 }, range],
        })
    }
}

/// A file about a scenario, as it is written: `what` it is.
pub(super) struct File<R> {
    pub(super) raw: R,
    /// What is wrong with its shape.
    pub(super) items: Vec<Diagnostic>,
    /// With the places of these mistakes marked.
    pub(super) tree: Tree,
    pub(super) whole: Tree,
    /// Its name without directory and extension.
    pub(super) name: String,
}

impl<R: DeserializeOwned> File<R> {
    pub(super) fn read(path: &Path, what: &'static str) -> Result<Self, Diagnostics> {
        let text = yaml::read_text(path).map_err(|item| Diagnostics::one(*item))?;
        let mut tree = yaml::parse(&path.display().to_string(), &text)
            .map_err(|(items, origins)| Diagnostics::new(items, origins))?;
        tree.what = what;
        let whole = tree.clone();
        let (raw, items) = typed::read::<R>(&mut tree);
        if let (false, Some(wrong)) = (items.is_empty(), kind::another(&whole, what)) {
            return Err(wrong);
        }
        let Some(raw) = raw else { return Err(Diagnostics::new(items, tree.origins)) };
        let name = path.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        Ok(Self { raw, items, tree, whole, name })
    }
}

/// Reads a sweep file and the scenario that it names.
pub(crate) fn read(path: &Path) -> Result<Sweep, Diagnostics> {
    let File { raw, mut items, tree, whole, name } = File::<Raw>::read(path, "sweep")?;
    let dir = path.parent().unwrap_or(Path::new(""));
    let mut r = Resolver::new(&tree, dir, Streams::new(0, 0), items.is_empty());
    resolve::head(raw.schema, &raw.title, &mut r);
    let mut axes = axes(&raw, &whole, &mut r);
    labels(&raw.labels, &mut axes, &mut r);
    let design = design(&raw, &axes, &mut r);
    let constraints = constraints(&raw, &axes, &mut r);
    let sound = r.sound();
    items.append(&mut r.errors);
    let (Some(design), true) = (design, sound) else {
        return Err(Diagnostics::new(items, tree.origins));
    };
    let base = base(&raw.scenario, &["seed", "replications"], dir, &whole)?;
    let written = [shown(&whole), base.tree.show(base.tree.root())];
    let mut sweep = Sweep::new(name, raw.title, &written, axes, design, &constraints, base);
    if sweep.points() == 0 {
        let item = Diagnostic::error(Code::Incompatible, "no design point meets the constraints")
            .path("constraints")
            .at(whole.blame(whole.find("constraints").0), &whole.origins)
            .found(sweep.excluded_by())
            .expected("at least one point")
            .help("loosen a constraint, or widen an axis that it names");
        return Err(Diagnostics::new(vec![item], whole.origins));
    }
    try_points(&sweep, &whole)?;
    if raw.claims.0.is_empty() && raw.metrics.0.is_empty() {
        return Ok(sweep);
    }
    let experiment = sweep.some_experiment()?;
    let claims = claims(&raw.claims, &sweep, &experiment, &mut r);
    let mut metrics: Vec<Measure> = Vec::new();
    let mut add = |measure: Measure| {
        if !metrics.contains(&measure) {
            metrics.push(measure);
        }
    };
    for claim in &claims {
        add(claim.measure.clone());
    }
    for (name, place) in raw.metrics.0.iter().zip(places("metrics", &raw.metrics, r.tree)) {
        if let Some(measure) = measure(name, &place, &experiment, &mut r) {
            add(measure);
        }
    }
    if !r.errors.is_empty() {
        return Err(Diagnostics::new(r.errors, tree.origins));
    }
    (sweep.claims, sweep.metrics) = (claims, metrics);
    Ok(sweep)
}

/// What a sweep file asks to be run, as text.
fn shown(tree: &Tree) -> String {
    let mut bare = tree.clone();
    let root = bare.root();
    for key in READING {
        if let Some(place) = bare.entries(root).iter().position(|entry| entry.key == key) {
            bare.remove_entry(root, place);
        }
    }
    bare.show(root)
}

fn labels(raw: &Ordered<String>, axes: &mut [Axis], r: &mut Resolver<'_>) {
    for (name, label) in &raw.0 {
        let names: Vec<&str> = axes.iter().map(|axis| axis.path.as_str()).collect();
        match named(name, &names) {
            Ok(place) => axes[place].label.clone_from(label),
            Err(wrong) => {
                let item =
                    Diagnostic::error(Code::UnknownName, wrong.message).maybe_help(wrong.help);
                r.error(&format!("labels.{name}"), &["axes", "design"], item);
            }
        }
    }
}

/// The scenario with what all design points share: what `set` says, and these keys.
pub(super) fn base(
    scenario: &str,
    keys: &[&str],
    dir: &Path,
    tree: &Tree,
) -> Result<Source, Diagnostics> {
    let path = dir.join(scenario);
    if !path.exists() {
        let (id, _) = tree.find("scenario");
        let item = Diagnostic::error(
            Code::FileMissing,
            format!("there is no scenario {}", quoted(&path.display().to_string())),
        )
        .path("scenario")
        .at(tree.blame(id), &tree.origins)
        .help(format!("paths are relative to the {} file", tree.what));
        return Err(Diagnostics::new(vec![item], tree.origins.clone()));
    }
    let mut base = Source::load(&path)?;
    let all = tree.child(tree.root(), "set");
    let shared = all.map_or(&[][..], |all| tree.entries(all));
    let shared = shared.iter().map(|entry| (entry.key.as_str(), entry));
    let own = tree.entries(tree.root()).iter().filter_map(|entry| {
        keys.contains(&entry.key.as_str()).then_some((entry.key.as_str(), entry))
    });
    for (path, entry) in shared.chain(own) {
        set::graft(&mut base.tree, path, entry.key_span, tree, entry.value)?;
    }
    Ok(base)
}

/// The axes in the order written, each with its values or its range.
fn axes(raw: &Raw, tree: &Tree, r: &mut Resolver<'_>) -> Vec<Axis> {
    if let RawDesign::Listed(points) = &raw.design {
        return listed(raw, points, tree, r);
    }
    let sampled = matches!(raw.design, RawDesign::LatinHypercube(_) | RawDesign::Sobol(_));
    let mut found = Vec::new();
    for (path, axis) in &raw.axes.0 {
        let place = format!("axes.{path}");
        let (id, _) = tree.find(&place);
        found.push(match axis {
            RawAxis::Values => {
                let items = items(tree, id).iter();
                let values: Vec<String> = items.map(|&item| tree.show(item)).collect();
                r.unless(!values.is_empty(), &place, "an empty list", "at least one value");
                Axis::values(path, values)
            }
            RawAxis::Range(raw) => {
                let Some((range, points)) = range(&place, raw, sampled, r) else { continue };
                if sampled {
                    Axis::range(path, range)
                } else {
                    let share = |i: u32| f64::from(i) / f64::from(points.max(2) - 1);
                    Axis::values(path, (0..points).map(|i| range.at(share(i))).collect())
                }
            }
        });
    }
    found
}

fn items(tree: &Tree, id: NodeId) -> &[NodeId] {
    match tree.value(id) {
        Value::Sequence(items) => items,
        _ => &[],
    }
}

fn range(place: &str, raw: &RawRange, sampled: bool, r: &mut Resolver<'_>) -> Option<(Range, u32)> {
    let log = raw.scale == Scale::Log;
    let range = Range::new(raw.from.0.clone(), raw.to.0.clone(), log, raw.whole);
    let range = range
        .map_err(|expected| {
            let message = format!("{} is not a range", quoted(place));
            r.error(place, &[], Diagnostic::error(Code::OutOfRange, message).expected(expected));
        })
        .ok();
    let points = match raw.points {
        Some(_) if sampled => {
            let message = "the design decides how many points a range has";
            let item =
                Diagnostic::error(Code::Incompatible, message).help("leave out `points` here");
            r.error(&format!("{place}.points"), &["design"], item);
            None
        }
        None if !sampled => {
            let message = format!("{} does not say how many values it has", quoted(place));
            let item = Diagnostic::error(Code::MissingKey, message)
                .help("add `points: 5`, or choose `design: { sobol: { points: 64 } }`");
            r.error(place, &["design"], item);
            None
        }
        points => {
            let points = points.unwrap_or(2);
            let expected = format!("2 to {MOST_POINTS}");
            let fit = (2..=MOST_POINTS).contains(&points);
            r.unless(fit, &format!("{place}.points"), points, &expected);
            fit.then_some(points)
        }
    };
    Some((range?, points?))
}

/// Points that are listed one by one.
fn listed(raw: &Raw, points: &[Ordered<Anything>], tree: &Tree, r: &mut Resolver<'_>) -> Vec<Axis> {
    if !raw.axes.0.is_empty() {
        let item =
            Diagnostic::error(Code::Incompatible, "listed points name their axes themselves")
                .help("leave out `axes`, or choose another design");
        r.error("axes", &["design"], item);
    }
    let (id, _) = tree.find("design.listed");
    let Some(first) = points.first() else {
        r.unless(false, "design.listed", "an empty list", "at least one point");
        return Vec::new();
    };
    let names: Vec<&str> = first.names().collect();
    let mut axes: Vec<(String, Vec<String>)> =
        names.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
    for (number, &point) in items(tree, id).iter().enumerate() {
        let entries = tree.entries(point);
        let same = entries.len() == names.len();
        let value = |name: &str| entries.iter().find(|e| e.key == name).map(|e| e.value);
        let values: Option<Vec<NodeId>> = names.iter().map(|name| value(name)).collect();
        let Some(values) = values.filter(|_| same) else {
            let message = format!("point {} does not name the axes of the first", number + 1);
            let item = Diagnostic::error(Code::MissingKey, message)
                .found(list(entries.iter().map(|e| e.key.as_str())))
                .expected(list(names.iter().copied()));
            r.error(&format!("design.listed.{number}"), &[], item);
            continue;
        };
        for ((_, axis), value) in axes.iter_mut().zip(values) {
            axis.push(tree.show(value));
        }
    }
    axes.into_iter().map(|(path, values)| Axis::values(&path, values)).collect()
}

/// Points in the unit cube: so many, of so many dimensions, by a seed.
type Sample = fn(usize, usize, u64) -> Vec<Vec<f64>>;

/// How the axes make points, checked against what they hold.
fn design(raw: &Raw, axes: &[Axis], r: &mut Resolver<'_>) -> Option<Design> {
    let mut sampled = |kind: &str, sampled: Sampled, sample: Sample| {
        let Sampled { points, seed } = sampled;
        let fit = (1..=MOST_POINTS).contains(&points);
        let path = format!("design.{kind}.points");
        r.unless(fit, &path, points, &format!("1 to {MOST_POINTS}"));
        let wide = !axes.is_empty();
        r.unless(wide, "design", "no axes", "at least one axis to fill");
        let sound = fit && wide && r.sound();
        sound.then(|| Design::Sampled(sample(points as usize, axes.len(), seed)))
    };
    match &raw.design {
        RawDesign::LatinHypercube(of) => sampled("latin_hypercube", *of, latin_hypercube),
        RawDesign::Sobol(of) => sampled("sobol", *of, sobol),
        RawDesign::Crossed => {
            let all = axes.iter().try_fold(1_u32, |all, axis| {
                all.checked_mul(u32::try_from(axis.len()).ok()?).filter(|all| *all <= MOST_POINTS)
            });
            let sizes: Vec<String> = axes.iter().map(|axis| axis.len().to_string()).collect();
            let expected = format!("at most {MOST_POINTS} design points");
            r.unless(all.is_some(), "axes", sizes.join(" × "), &expected);
            all.map(|_| Design::Crossed)
        }
        RawDesign::Zipped | RawDesign::Listed(_) => {
            let uneven = axes.iter().find(|axis| axis.len() != axes[0].len());
            if let (Some(uneven), RawDesign::Zipped) = (uneven, &raw.design) {
                let message = "zipped axes have unequal numbers of values";
                let item = Diagnostic::error(Code::Incompatible, message)
                    .found(format!(
                        "{} of {}, {} of {}",
                        axes[0].len(),
                        quoted(&axes[0].path),
                        uneven.len(),
                        quoted(&uneven.path)
                    ))
                    .help("`design: crossed` takes every value with every other");
                r.error(&format!("axes.{}", uneven.path), &["axes"], item);
            }
            Some(Design::Zipped)
        }
    }
}

fn constraints(raw: &Raw, axes: &[Axis], r: &mut Resolver<'_>) -> Vec<Constraint> {
    let names: Vec<&str> = axes.iter().map(|axis| axis.path.as_str()).collect();
    let mut found = Vec::new();
    for (number, text) in raw.constraints.iter().enumerate() {
        let place = format!("constraints.{number}");
        match Constraint::read(text, &names) {
            Ok(constraint) => {
                let vague = constraint.axes().into_iter().find(|&axis| axes[axis].unit().is_none());
                if let Some(axis) = vague {
                    let message = format!(
                        "{} has values that are not all numbers of one unit",
                        quoted(&axes[axis].path)
                    );
                    let item = Diagnostic::error(Code::WrongUnit, message)
                        .help("leave the axis out of constraints, or write its values alike");
                    r.error(&place, &["axes"], item);
                }
                let theirs: Vec<String> =
                    constraint.axes().into_iter().filter_map(|axis| axes[axis].unit()).collect();
                if let Some(unit) = constraint.units.iter().find(|unit| !theirs.contains(unit)) {
                    let message = format!("no axis of {} is written in {unit}", quoted(text));
                    let units = theirs.iter().map(|unit| match unit.as_str() {
                        "" => "no unit".to_owned(),
                        unit => quoted(unit),
                    });
                    let units: Vec<String> = units.collect();
                    let item = Diagnostic::error(Code::WrongUnit, message)
                        .found(quoted(unit))
                        .expected(units.join(" or "))
                        .help("write the number as the axis has it: units are not converted");
                    r.error(&place, &["axes"], item);
                }
                found.push(constraint);
            }
            Err(wrong) => {
                let item = Diagnostic::error(Code::Syntax, wrong.message).maybe_help(wrong.help);
                r.error(&place, &["axes"], item);
            }
        }
    }
    found
}

/// Whether any design point is an experiment at all: a point that the scenario refuses is
/// recorded as one that failed, but not all of them. Then the mistake is shown where it was made:
/// in the scenario, or at an axis of the sweep file.
fn try_points(sweep: &Sweep, tree: &Tree) -> Result<(), Diagnostics> {
    let Err(together) = sweep.some_experiment() else { return Ok(()) };
    sweep.base.experiment()?;
    let values = sweep.axes.iter().zip(sweep.parameters(0));
    let values = values.map(|(axis, value)| (axis.path.as_str(), value));
    Err(at_fault("axes", values, &sweep.base, tree).unwrap_or(together))
}

/// What is wrong with the first of these values that the scenario refuses by itself, at its place
/// in the file.
pub(super) fn at_fault<'a>(
    folder: &str,
    values: impl Iterator<Item = (&'a str, String)>,
    base: &Source,
    tree: &Tree,
) -> Option<Diagnostics> {
    let mut tree = tree.clone();
    for (path, value) in values {
        let (id, found) = tree.find(&format!("{folder}.{path}"));
        if !found {
            continue;
        }
        let key = tree.key_span(id).unwrap_or_default();
        let item = items(&tree, id).iter().copied().find(|&item| tree.show(item) == value);
        let node = item.unwrap_or_else(|| made(&mut tree, id, &value));
        let mut alone = base.clone();
        let grafted = set::graft(&mut alone.tree, path, key, &tree, node);
        if let Err(mut wrong) = grafted.and_then(|()| alone.experiment().map(drop)) {
            advise(&mut wrong, path, &base.tree);
            return Some(wrong);
        }
    }
    None
}

/// Names the path that was meant where one is not known.
fn advise(wrong: &mut Diagnostics, path: &str, scenario: &Tree) {
    let unknown = |item: &&mut Diagnostic| item.code == Code::UnknownKey && item.help.is_none();
    for item in wrong.items.iter_mut().filter(unknown) {
        let near = meant(path, &paths(scenario));
        item.help = near.map(|near| format!("did you mean `{near}`?"));
    }
}

/// The path of the scenario whose end is nearest to what was written.
fn meant(written: &str, paths: &[String]) -> Option<String> {
    let segments = written.split('.').count();
    let ends: Vec<String> = paths
        .iter()
        .map(|path| {
            let all: Vec<&str> = path.split('.').collect();
            all[all.len().saturating_sub(segments)..].join(".")
        })
        .collect();
    let near = nearest(written, ends.iter().map(String::as_str))?;
    ends.iter().position(|end| end == near).map(|place| paths[place].clone())
}

/// A value of a range, as if it stood where the range does.
fn made(tree: &mut Tree, range: NodeId, value: &str) -> NodeId {
    let span: Span = tree.blame(range);
    let parent = tree.node(range).parent;
    let number = value.parse::<f64>().is_ok();
    let value = value.to_owned();
    let value = if number { Value::Number(value) } else { Value::Text(value) };
    tree.add(value, span, parent)
}

/// The dotted paths of all values in a scenario.
fn paths(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![tree.root()];
    while let Some(id) = open.pop() {
        let entries = tree.entries(id);
        if entries.is_empty() {
            found.push(tree.path(id));
        }
        open.extend(entries.iter().map(|entry| entry.value));
    }
    found.sort();
    found
}
