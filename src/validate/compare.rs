//! Expected against actual, quantity by quantity.

use serde::Serialize;
use serde_json::Value;

use super::evaluator::{Computed, Quantities};
use super::inputs::integer;
use super::tolerance::{Tolerance, of_quantity};

/// One quantity of a case.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quantity {
    /// Its path in `expect`: `median`, `epochs[1].emission`.
    pub name: String,
    /// What the case says.
    pub expected: Value,
    /// What was computed; null if nothing was.
    pub actual: Value,
    /// How far apart, in the measure of the tolerance; null where that cannot be said.
    pub distance: Option<f64>,
    /// What it is held to.
    pub tolerance: Value,
    /// Whether it is near enough; `None` where it is held to nothing.
    #[serde(skip)]
    pub holds: Option<bool>,
}

/// Compares every quantity of `expect` with what was computed.
#[must_use]
pub fn compare(expect: &Value, tolerance: Option<&Value>, computed: &Quantities) -> Vec<Quantity> {
    let mut out = Vec::new();
    let Value::Object(expected) = expect else {
        quantity("value".to_owned(), expect, computed.only(), tolerance, &mut out);
        return out;
    };
    for (name, expected) in expected {
        if let Some(row) = bound(name, expected, tolerance, computed) {
            out.push(row);
        } else {
            quantity(name.clone(), expected, computed.get(name), tolerance, &mut out);
        }
    }
    out
}

/// An expectation `price_lt` or `price_gt` bounds the quantity `price`, where nothing of its own
/// name was computed: the tests of a real system often assert no more. The distance is how far
/// beyond the bound the quantity lies.
fn bound(
    name: &str,
    expected: &Value,
    tolerance: Option<&Value>,
    computed: &Quantities,
) -> Option<Quantity> {
    let (of, below) = match name.rsplit_once('_')? {
        (of, "lt") => (of, true),
        (of, "gt") => (of, false),
        _ => return None,
    };
    let (Computed::Value(actual), None) = (computed.get(of)?, computed.get(name)) else {
        return None;
    };
    let tolerance = of_quantity(tolerance, name);
    let beyond = match (number(actual), number(expected)) {
        (Some(actual), Some(bound)) if below => Some(actual - bound),
        (Some(actual), Some(bound)) => Some(bound - actual),
        _ => None,
    };
    let allowed = if let Tolerance::Abs(abs) = tolerance { abs } else { 0.0 };
    let holds = beyond.is_some_and(|beyond| beyond < 0.0 || (allowed > 0.0 && beyond <= allowed));
    let distance = beyond.map(|beyond| beyond.max(0.0));
    Some(row(name.to_owned(), expected, actual.clone(), distance, tolerance, holds))
}

fn quantity(
    name: String,
    expected: &Value,
    actual: Option<&Computed>,
    tolerance: Option<&Value>,
    out: &mut Vec<Quantity>,
) {
    match actual {
        None => walk(name, expected, None, tolerance, out),
        Some(Computed::Value(value)) => walk(name, expected, Some(value), tolerance, out),
        Some(other) => {
            let tolerance = of_quantity(tolerance, &name);
            let (actual, distance, holds) = judge_special(expected, other, tolerance);
            out.push(row(name, expected, actual, distance, tolerance, holds));
        }
    }
}

fn row(
    name: String,
    expected: &Value,
    actual: Value,
    distance: Option<f64>,
    tolerance: Tolerance,
    holds: bool,
) -> Quantity {
    Quantity {
        name,
        expected: expected.clone(),
        actual,
        distance: distance.filter(|d| d.is_finite()),
        tolerance: tolerance.to_json(),
        holds: (tolerance != Tolerance::Informative).then_some(holds),
    }
}

/// Objects, and lists of objects, are followed down to their quantities. An expected object
/// against a list of objects means the one that agrees with it in the first field. A null
/// says nothing.
fn walk(
    name: String,
    expected: &Value,
    actual: Option<&Value>,
    tolerance: Option<&Value>,
    out: &mut Vec<Quantity>,
) {
    match expected {
        Value::Null => {}
        Value::Object(fields) => {
            let actual = match actual {
                Some(Value::Array(rows)) => fields
                    .iter()
                    .next()
                    .and_then(|(key, value)| rows.iter().find(|row| row.get(key) == Some(value))),
                other => other,
            };
            for (key, value) in fields {
                let below = actual.and_then(|object| object.get(key));
                walk(format!("{name}.{key}"), value, below, tolerance, out);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (i, item) in items.iter().enumerate() {
                let below = actual.and_then(|list| list.get(i));
                walk(format!("{name}[{i}]"), item, below, tolerance, out);
            }
        }
        leaf => {
            let tolerance = of_quantity(tolerance, &name);
            let distance = actual.and_then(|actual| distance(leaf, actual, tolerance));
            let holds = distance.is_some_and(|d| within(d, tolerance));
            let actual = actual.cloned().unwrap_or(Value::Null);
            let measured = distance.map(|d| d.reported(tolerance));
            out.push(row(name, leaf, actual, measured, tolerance, holds));
        }
    }
}

/// How far two values lie apart.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Distance {
    abs: f64,
    rel: f64,
    /// Beyond the nearer bound of a range.
    outside: f64,
    /// Whether anything that is not an integer took part.
    fractional: bool,
}

impl Distance {
    fn reported(self, tolerance: Tolerance) -> f64 {
        match tolerance {
            Tolerance::Rel(_) | Tolerance::RelCi { .. } => self.rel,
            Tolerance::Range { .. } => self.outside,
            _ => self.abs,
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            abs: self.abs.max(other.abs),
            rel: self.rel.max(other.rel),
            outside: self.outside.max(other.outside),
            fractional: self.fractional || other.fractional,
        }
    }
}

fn within(d: Distance, tolerance: Tolerance) -> bool {
    match tolerance {
        Tolerance::Abs(abs) => d.abs <= abs,
        Tolerance::Rel(rel) | Tolerance::RelCi { rel, .. } => d.rel <= rel,
        Tolerance::Either { abs, rel } => d.abs <= abs || d.rel <= rel,
        Tolerance::Range { .. } => d.outside <= 0.0,
        Tolerance::Default if d.fractional => d.abs <= 1e-9 || d.rel <= 1e-9,
        Tolerance::Default | Tolerance::Fit { .. } => d.abs <= 0.0,
        Tolerance::Informative => true,
    }
}

/// `None` where the two cannot be compared: other types, other lengths, nothing to compare. A
/// single expected value against a list is held against every element.
fn distance(expected: &Value, actual: &Value, tolerance: Tolerance) -> Option<Distance> {
    match (expected, actual) {
        (Value::Null, _) => Some(Distance::default()),
        (Value::Array(wanted), Value::Array(got)) => {
            if let (Tolerance::Range { .. }, false) = (tolerance, wanted.len() == got.len()) {
                return farthest(got.iter().map(|got| distance(got, got, tolerance)));
            }
            if wanted.len() != got.len() {
                return None;
            }
            if wanted.is_empty() {
                return Some(Distance::default());
            }
            farthest(wanted.iter().zip(got).map(|(want, got)| distance(want, got, tolerance)))
        }
        (single, Value::Array(got)) if !single.is_object() && !got.is_empty() => {
            farthest(got.iter().map(|got| distance(single, got, tolerance)))
        }
        (Value::Object(wanted), Value::Object(got)) => {
            farthest(wanted.iter().map(|(key, want)| distance(want, got.get(key)?, tolerance)))
        }
        _ => scalar_distance(expected, actual, tolerance),
    }
}

fn farthest(mut each: impl Iterator<Item = Option<Distance>>) -> Option<Distance> {
    each.try_fold(Distance::default(), |worst, next| Some(worst.max(next?)))
}

#[expect(clippy::cast_precision_loss, reason = "a distance is reported as a double")]
fn scalar_distance(expected: &Value, actual: &Value, tolerance: Tolerance) -> Option<Distance> {
    // Integers are subtracted as integers: beyond 2^53 doubles would hide a difference.
    if let (Some(want), Some(got)) = (integer(expected), integer(actual)) {
        let abs = want.abs_diff(got) as f64;
        return Some(numbers(want as f64, got as f64, abs, tolerance, false));
    }
    if let (Some(want), Some(got)) = (number(expected), number(actual)) {
        return Some(numbers(want, got, (want - got).abs(), tolerance, true));
    }
    let comparable = matches!(
        (expected, actual),
        (Value::Bool(_), Value::Bool(_)) | (Value::String(_), Value::String(_))
    );
    let apart = f64::from(u8::from(expected != actual));
    comparable.then_some(Distance { abs: apart, rel: apart, outside: apart, fractional: false })
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn numbers(want: f64, got: f64, abs: f64, tolerance: Tolerance, fractional: bool) -> Distance {
    let rel = if abs == 0.0 {
        0.0
    } else if want == 0.0 {
        f64::INFINITY
    } else {
        abs / want.abs()
    };
    let outside = match tolerance {
        Tolerance::Range { least, greatest } => (least - got).max(got - greatest).max(0.0),
        _ => abs,
    };
    Distance { abs, rel, outside, fractional }
}

/// Estimates, p-values and checked statements.
fn judge_special(
    expected: &Value,
    actual: &Computed,
    tolerance: Tolerance,
) -> (Value, Option<f64>, bool) {
    match *actual {
        Computed::Estimate { mean, standard_error } => {
            let value = Value::from(mean);
            let Some(d) = distance(expected, &value, tolerance) else {
                return (value, None, false);
            };
            let by_error = matches!(tolerance, Tolerance::RelCi { z, .. }
                if d.abs <= z * standard_error);
            (value, Some(d.reported(tolerance)), by_error || within(d, tolerance))
        }
        Computed::PValue(p) => {
            let alpha = if let Tolerance::Fit { alpha } = tolerance { alpha } else { 0.0 };
            let holds = (alpha..=1.0 - alpha).contains(&p);
            (Value::from(p), Some((alpha - p).max(p - (1.0 - alpha)).max(0.0)), holds)
        }
        Computed::Property { statement, distance } => {
            let near = match tolerance {
                Tolerance::Abs(abs) => distance <= abs,
                _ => distance <= 0.0,
            };
            let found =
                if near { Value::from(statement) } else { format!("not held: {statement}").into() };
            (found, Some(distance), near && expected.as_str() == Some(statement))
        }
        Computed::Value(ref value) => (value.clone(), None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(expect: &Value, tolerance: &Value, actual: &Value) -> Vec<Option<bool>> {
        let mut computed = Quantities::default();
        for (name, value) in actual.as_object().unwrap() {
            computed = computed.and(name, value.clone());
        }
        let tolerance = Some(tolerance).filter(|t| !t.is_null());
        compare(expect, tolerance, &computed).into_iter().map(|q| q.holds).collect()
    }

    #[test]
    fn verdicts() {
        let none = Value::Null;
        let table = [
            (json!({"a": 1}), none.clone(), json!({"a": 1}), vec![Some(true)]),
            (json!({"a": 1}), none.clone(), json!({"a": 2}), vec![Some(false)]),
            (json!({"a": 1.5}), none.clone(), json!({"a": 1.500_000_000_1}), vec![Some(true)]),
            (json!({"a": 1}), none.clone(), json!({}), vec![Some(false)]),
            (json!({"a": 1}), none.clone(), json!({"a": "x"}), vec![Some(false)]),
            (
                json!({"a": "9007199254740993"}),
                none.clone(),
                json!({"a": 9_007_199_254_740_992_u64}),
                vec![Some(false)],
            ),
            (json!({"a": [1, 2]}), json!({"abs": 1}), json!({"a": [2, 3]}), vec![Some(true)]),
            (json!({"a": [1, 2]}), json!({"abs": 1}), json!({"a": [2]}), vec![Some(false)]),
            (json!({"a": 1}), none.clone(), json!({"a": [1, 1]}), vec![Some(true)]),
            (json!({"a": 1}), none.clone(), json!({"a": [1, 2]}), vec![Some(false)]),
            (json!({"a": []}), none.clone(), json!({"a": []}), vec![Some(true)]),
            (json!({"a": 0}), json!({"rel": 0.5}), json!({"a": 0.1}), vec![Some(false)]),
            (json!({"a": 9}), json!({"range": [0, 1]}), json!({"a": 0.5}), vec![Some(true)]),
            (json!({"a": 0.5}), json!({"range": [0, 1]}), json!({"a": 1.5}), vec![Some(false)]),
            (json!({"a": true}), json!({"abs": 0}), json!({"a": false}), vec![Some(false)]),
            (json!({"a_lt": 1}), json!({"abs": 0}), json!({"a": 0.9}), vec![Some(true)]),
            (json!({"a_lt": 1}), json!({"abs": 0}), json!({"a": 1}), vec![Some(false)]),
            (json!({"a_gt": 1}), json!({"abs": 0}), json!({"a": 1.1}), vec![Some(true)]),
            (json!({"a_gt": 1}), json!({"abs": 0}), json!({"b": 1.1}), vec![Some(false)]),
            (json!({"a_gt": 1}), json!({"abs": 0}), json!({"a": 9, "a_gt": 1}), vec![Some(true)]),
            (
                json!({"a": 1, "b": 2}),
                json!({"a": {"abs": 0}}),
                json!({"a": 1}),
                vec![Some(true), None],
            ),
            (
                json!({"t": [{"uid": 4, "x": [1]}, null, {"uid": 5, "x": [9]}]}),
                json!({"exact": 0}),
                json!({"t": [[{"uid": 3, "x": [0]}, {"uid": 4, "x": [1]}], [], [{"uid": 5, "x": [8]}]]}),
                vec![Some(true), Some(true), Some(true), Some(false)],
            ),
        ];
        for (expect, tolerance, actual, want) in table {
            assert_eq!(holds(&expect, &tolerance, &actual), want, "{expect} {tolerance} {actual}");
        }
    }

    #[test]
    fn estimates_p_values_and_properties() {
        let estimate = Computed::Estimate { mean: 1.1, standard_error: 0.03 };
        let ci = |z| Tolerance::RelCi { rel: 0.01, z };
        assert!(judge_special(&json!(1.0), &estimate, ci(4.0)).2);
        assert!(!judge_special(&json!(1.0), &estimate, ci(3.0)).2);
        let fit = Tolerance::Fit { alpha: 0.01 };
        for (p, want) in [(0.5, true), (0.001, false), (0.999, false)] {
            assert_eq!(judge_special(&json!(1), &Computed::PValue(p), fit).2, want);
        }
        let property = Computed::Property { statement: "a == b", distance: 0.1 };
        assert!(judge_special(&json!("a == b"), &property, Tolerance::Abs(0.2)).2);
        assert!(!judge_special(&json!("a == b"), &property, Tolerance::Abs(0.0)).2);
        assert!(!judge_special(&json!("a == c"), &property, Tolerance::Abs(0.2)).2);
    }
}
