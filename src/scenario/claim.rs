//! The claims of a sweep file: what it is said to show, with design points found by the values
//! of the axes.

use core::fmt;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use sim_types::Share;

use super::choice::Ordered;
use super::raw::Anything;
use super::resolve::Resolver;
use super::study::{bound, measure};
use super::sweep::Written;
use super::tree::NodeId;
use crate::diagnose::{Code, Diagnostic, list, nearest, quoted};
use crate::experiment::Experiment;
use crate::study::Measure;
use crate::sweep::Sweep;
use crate::sweep::claim::{Against, Claim, Comparison, Relation, Verdict};
use crate::sweep::constraint::named;

/// What the runs are said to show: one of `above`, `below`, `near`, `rising` and `falling`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClaim {
    /// The claim in a sentence.
    says: String,
    /// The metric, of which the mean over design points and replications is taken.
    metric: String,
    /// Which design points: values of axes. Axes that are not named are averaged over.
    #[serde(default)]
    at: Ordered<Anything>,
    /// What the mean is larger than.
    #[serde(default)]
    above: Option<RawAgainst>,
    /// What the mean is smaller than.
    #[serde(default)]
    below: Option<RawAgainst>,
    /// What the mean is about as large as, to `within`.
    #[serde(default)]
    near: Option<RawAgainst>,
    /// How far it may be from `near`, as a share of that. Default 5%.
    #[serde(default)]
    within: Option<Share>,
    /// The axis along which the mean rises at every step.
    #[serde(default)]
    rising: Option<String>,
    /// The axis along which the mean falls at every step.
    #[serde(default)]
    falling: Option<String>,
    /// The verdict that readers may count on; `arable sweep` ends with exit code 1 if it is
    /// another. Default `holds`.
    #[serde(default)]
    verdict: Verdict,
}

/// A number in the metric's unit, or other design points.
#[derive(Debug, Clone)]
enum RawAgainst {
    Number(Written),
    Points(RawPoints),
}

/// Other design points, whose mean is taken.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawPoints {
    /// Values of axes, where they differ from the claim's own `at`.
    at: Ordered<Anything>,
    /// So many times that mean. Default 1.
    #[serde(default = "one")]
    times: f64,
}

const fn one() -> f64 {
    1.0
}

impl<'de> Deserialize<'de> for RawAgainst {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = RawAgainst;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or `{ at: { AXIS: VALUE } }`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawAgainst, E> {
                let text = serde::de::value::StrDeserializer::new(text);
                Written::deserialize(text).map(RawAgainst::Number)
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<RawAgainst, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<RawAgainst, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<RawAgainst, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<RawAgainst, A::Error> {
                RawPoints::deserialize(MapAccessDeserializer::new(access)).map(RawAgainst::Points)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for RawAgainst {
    fn schema_name() -> Cow<'static, str> {
        "Against".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let number = generator.subschema_for::<Written>();
        let points = generator.subschema_for::<RawPoints>();
        json_schema!({
            "description": "A number in the metric's unit, or other design points.",
            "anyOf": [number, points],
        })
    }
}

/// The claims as they are judged.
pub(super) fn claims(
    raw: &Ordered<RawClaim>,
    sweep: &Sweep,
    experiment: &Experiment,
    r: &mut Resolver<'_>,
) -> Vec<Claim> {
    raw.0.iter().filter_map(|(name, raw)| claim(name, raw, sweep, experiment, r)).collect()
}

fn claim(
    name: &str,
    raw: &RawClaim,
    sweep: &Sweep,
    experiment: &Experiment,
    r: &mut Resolver<'_>,
) -> Option<Claim> {
    let path = format!("claims.{name}");
    let measure = measure(&raw.metric, &format!("{path}.metric"), experiment, r)?;
    let at = place(&raw.at, &format!("{path}.at"), sweep, r)?;
    let bounds = [("above", &raw.above), ("below", &raw.below), ("near", &raw.near)];
    let ways = [("rising", &raw.rising), ("falling", &raw.falling)];
    let given = bounds.iter().filter(|(_, against)| against.is_some()).count()
        + ways.iter().filter(|(_, axis)| axis.is_some()).count();
    if given != 1 {
        let message = format!("{} says {given} things of its metric", quoted(&path));
        let item = Diagnostic::error(Code::OneKey, message)
            .expected("one of `above`, `below`, `near`, `rising` and `falling`")
            .help("write a claim for each");
        r.error(&path, &[], item);
        return None;
    }
    if raw.within.is_some() && raw.near.is_none() {
        let item = Diagnostic::error(Code::Incompatible, "`within` belongs to `near`")
            .help("leave it out, or write `near`");
        r.error(&format!("{path}.within"), &[], item);
        return None;
    }
    let points = points(&at, sweep, &path, r)?;
    let near = Relation::Near(raw.within.map_or(0.05, Share::as_f64));
    let mut relation = Relation::Above;
    let mut comparisons = Vec::new();
    for ((key, against), of) in bounds.iter().zip([Relation::Above, Relation::Below, near]) {
        let Some(against) = against else { continue };
        relation = of;
        let path = format!("{path}.{key}");
        let against = side(against, &at, &measure, &path, sweep, r)?;
        comparisons.push(Comparison { points: points.clone(), against, step: String::new() });
    }
    for ((key, axis), of) in ways.iter().zip([Relation::Above, Relation::Below]) {
        let Some(axis) = axis else { continue };
        relation = of;
        comparisons = steps(axis, &at, &format!("{path}.{key}"), sweep, r)?;
    }
    Some(Claim {
        name: name.to_owned(),
        says: raw.says.clone(),
        measure,
        place: words(&at, sweep),
        comparisons,
        relation,
        assumed: raw.verdict,
    })
}

/// A place in the design: axes with their values, as the sweep writes them.
type Place = Vec<(usize, String)>;

fn place(
    raw: &Ordered<Anything>,
    path: &str,
    sweep: &Sweep,
    r: &mut Resolver<'_>,
) -> Option<Place> {
    let mut found = Place::new();
    for name in raw.names() {
        let path = format!("{path}.{name}");
        let axis = axis(name, &path, sweep, r)?;
        let (id, _) = r.tree.find(&path);
        found.push((axis, value(axis, id, &path, sweep, r)?));
    }
    Some(found)
}

fn axis(name: &str, path: &str, sweep: &Sweep, r: &mut Resolver<'_>) -> Option<usize> {
    let names: Vec<&str> = sweep.axes.iter().map(|axis| axis.path.as_str()).collect();
    named(name, &names)
        .map_err(|wrong| {
            let item = Diagnostic::error(Code::UnknownName, wrong.message).maybe_help(wrong.help);
            r.error(path, &[], item);
        })
        .ok()
}

/// The value of an axis that is meant.
fn value(
    axis: usize,
    id: NodeId,
    path: &str,
    sweep: &Sweep,
    r: &mut Resolver<'_>,
) -> Option<String> {
    let axis = &sweep.axes[axis];
    let Some(values) = axis.written() else {
        let message = format!("{} has no values of its own to name", quoted(&axis.path));
        let item = Diagnostic::error(Code::Incompatible, message)
            .help("the design fills its range: claims speak of the whole of it");
        r.error(path, &[], item);
        return None;
    };
    let wanted = r.tree.show(id);
    let found = values.iter().find(|value| same(value, &wanted)).cloned();
    if found.is_none() {
        let message = format!("the axis {} has no value {}", quoted(&axis.path), quoted(&wanted));
        let near = nearest(&wanted, values.iter().map(String::as_str));
        let item = Diagnostic::error(Code::UnknownName, message)
            .found(quoted(&wanted))
            .expected(format!("one of {}", list(values.iter().map(String::as_str))))
            .maybe_help(near.map(|near| format!("did you mean `{near}`?")));
        r.error(path, &[], item);
    }
    found
}

/// Whether two values are written alike, or are the same number of the same unit.
fn same(a: &str, b: &str) -> bool {
    use crate::sweep::quantity::Quantity;
    let numbers = || Some((Quantity::read(a)?, Quantity::read(b)?));
    a == b
        || numbers().is_some_and(|(a, b)| a.unit == b.unit && a.number.total_cmp(&b.number).is_eq())
}

/// The design points of a place.
fn points(
    place: &[(usize, String)],
    sweep: &Sweep,
    path: &str,
    r: &mut Resolver<'_>,
) -> Option<Vec<u32>> {
    let meets = |point: &u32| {
        let values = sweep.parameters(*point);
        place.iter().all(|(axis, value)| values.get(*axis) == Some(value))
    };
    let found: Vec<u32> = (0..sweep.points()).filter(meets).collect();
    if found.is_empty() {
        let message = format!("no design point is at {}", words(place, sweep));
        let item = Diagnostic::error(Code::Incompatible, message)
            .help("the design or a constraint leaves it out");
        r.error(path, &[], item);
        return None;
    }
    Some(found)
}

fn side(
    raw: &RawAgainst,
    at: &[(usize, String)],
    measure: &Measure,
    path: &str,
    sweep: &Sweep,
    r: &mut Resolver<'_>,
) -> Option<Against> {
    let other = match raw {
        RawAgainst::Number(written) => {
            return bound(&written.0, measure, path, r).map(Against::Number);
        }
        RawAgainst::Points(other) => other,
    };
    let times = other.times.is_finite() && other.times > 0.0;
    r.unless(times, &format!("{path}.times"), other.times, "a number above 0");
    let mut merged = place(&other.at, &format!("{path}.at"), sweep, r)?;
    for (axis, value) in at {
        if merged.iter().all(|(known, _)| known != axis) {
            merged.push((*axis, value.clone()));
        }
    }
    let points = points(&merged, sweep, path, r)?;
    Some(Against::Points { points, times: other.times, place: words(&merged, sweep) })
}

/// Every value of an axis held to the one before it.
fn steps(
    name: &str,
    at: &[(usize, String)],
    path: &str,
    sweep: &Sweep,
    r: &mut Resolver<'_>,
) -> Option<Vec<Comparison>> {
    let axis = axis(name, path, sweep, r)?;
    let values: Vec<String> = sweep.axes[axis].written().unwrap_or_default();
    if values.len() < 2 || at.iter().any(|(fixed, _)| *fixed == axis) {
        let message = format!("a claim cannot go along {}", quoted(&sweep.axes[axis].path));
        let item = Diagnostic::error(Code::Incompatible, message)
            .expected("an axis with two values or more that `at` does not name");
        r.error(path, &[], item);
        return None;
    }
    let mut found = Vec::new();
    for pair in values.windows(2) {
        let place_of = |value: &String| -> Place {
            core::iter::once((axis, value.clone())).chain(at.iter().cloned()).collect()
        };
        let [before, here] = [&pair[0], &pair[1]].map(place_of);
        let other = points(&before, sweep, path, r)?;
        found.push(Comparison {
            points: points(&here, sweep, path, r)?,
            against: Against::Points { points: other, times: 1.0, place: words(&before, sweep) },
            step: words(&here, sweep),
        });
    }
    Some(found)
}

/// A place in words.
fn words(place: &[(usize, String)], sweep: &Sweep) -> String {
    let all: Vec<String> = place
        .iter()
        .map(|(axis, value)| format!("{} = {value}", sweep.axes[*axis].label))
        .collect();
    all.join(", ")
}
