//! How near is near enough.

use serde_json::{Value, json};

/// What a quantity is held to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Within this absolute distance.
    Abs(f64),
    /// Within this share of the expected value.
    Rel(f64),
    /// Within one or the other.
    Either {
        /// Absolute distance.
        abs: f64,
        /// Share of the expected value.
        rel: f64,
    },
    /// Between two bounds, whatever is expected.
    Range {
        /// Least value.
        least: f64,
        /// Greatest value.
        greatest: f64,
    },
    /// An estimate within `rel` of the expected value or within `z` of its own standard errors.
    RelCi {
        /// Share of the expected value.
        rel: f64,
        /// Number of standard errors.
        z: f64,
    },
    /// A p-value that rejects neither tail at this level.
    Fit {
        /// Level of the test.
        alpha: f64,
    },
    /// Nothing was said: integers equal, others within 1e-9.
    Default,
    /// Reported, held to nothing.
    Informative,
}

impl Tolerance {
    /// As it stands in a report.
    #[must_use]
    pub fn to_json(self) -> Value {
        match self {
            Self::Abs(abs) => json!({"abs": abs}),
            Self::Rel(rel) => json!({"rel": rel}),
            Self::Either { abs, rel } => json!({"abs": abs, "rel": rel}),
            Self::Range { least, greatest } => json!({"range": [least, greatest]}),
            Self::RelCi { rel, z } => json!({"kind": "rel_ci", "rel": rel, "z": z}),
            Self::Fit { alpha } => json!({"kind": "gof", "alpha": alpha}),
            Self::Default => json!("default"),
            Self::Informative => json!("informative"),
        }
    }
}

/// The tolerance of the quantity `path` (`epochs[1].emission`) under a case's `tolerance`.
///
/// In order: an object under the quantity's own name; a word made of the quantity and a
/// measure (`iteration_rel` for `iteration_s`, `u16_abs` for every vector stored as u16); a
/// measure with a unit (`abs_s` for `makespan_s`); a bare measure for everything. Where the
/// case names other quantities and not this one, it is informative.
#[must_use]
pub fn of_quantity(tolerance: Option<&Value>, path: &str) -> Tolerance {
    let Some(Value::Object(all)) = tolerance else { return Tolerance::Default };
    let segments: Vec<&str> =
        path.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect();
    let named = |key: &str| key == path || segments.contains(&key);
    if let Some((_, own)) = all.iter().find(|(key, _)| named(key) && !is_measure(key)) {
        return measure(own).unwrap_or(Tolerance::Informative);
    }
    for (key, value) in all {
        let Some(x) = value.as_f64() else { continue };
        if let Some(word) = key.strip_suffix("_abs").filter(|word| word_names(word, &segments)) {
            debug_assert!(!word.is_empty());
            return Tolerance::Abs(x);
        }
        if key.strip_suffix("_rel").is_some_and(|word| word_names(word, &segments)) {
            return Tolerance::Rel(x);
        }
        let unit = |unit: &str| word_names(unit.split('_').next().unwrap_or(unit), &segments);
        if key.strip_prefix("abs_").is_some_and(unit) {
            return Tolerance::Abs(x);
        }
    }
    if let Some(blanket) = measure(&Value::Object(all.clone())) {
        return blanket;
    }
    let names_quantities = all.iter().any(|(key, value)| value.is_object() && !is_measure(key));
    if names_quantities { Tolerance::Informative } else { Tolerance::Default }
}

fn is_measure(key: &str) -> bool {
    matches!(key, "exact" | "abs" | "rel" | "range" | "kind" | "z" | "alpha")
}

/// One tolerance object.
fn measure(value: &Value) -> Option<Tolerance> {
    let number = |key: &str| value.get(key).and_then(Value::as_f64);
    match value.get("kind").and_then(Value::as_str) {
        Some("rel_ci") => return Some(Tolerance::RelCi { rel: number("rel")?, z: number("z")? }),
        Some("gof") => return Some(Tolerance::Fit { alpha: number("alpha")? }),
        _ => {}
    }
    if let Some(bounds) = value.get("range").and_then(Value::as_array) {
        let bound = |i: usize| bounds.get(i).and_then(Value::as_f64);
        return Some(Tolerance::Range {
            least: bound(0).unwrap_or(f64::NEG_INFINITY),
            greatest: bound(1).unwrap_or(f64::INFINITY),
        });
    }
    match (number("abs").or_else(|| number("exact")), number("rel")) {
        (Some(abs), Some(rel)) => Some(Tolerance::Either { abs, rel }),
        (Some(abs), None) => Some(Tolerance::Abs(abs)),
        (None, Some(rel)) => Some(Tolerance::Rel(rel)),
        (None, None) => None,
    }
}

/// Whether a word names a quantity: its parts stand in a row in one segment of the path. The
/// word `u16` stands for all vectors that the chain stores as u16.
fn word_names(word: &str, segments: &[&str]) -> bool {
    const STORED_AS_U16: [&str; 6] =
        ["consensus", "incentive", "dividends", "trust", "bonds", "weight"];
    let contains = |segment: &str, word: &str| {
        let (parts, wanted): (Vec<_>, Vec<_>) =
            (segment.split('_').collect(), word.split('_').collect());
        parts.windows(wanted.len()).any(|run| run == wanted)
    };
    segments.iter().any(|segment| {
        contains(segment, word)
            || (word == "u16" && STORED_AS_U16.iter().any(|w| contains(segment, w)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_understood() {
        use Tolerance::{Abs, Default, Either, Fit, Informative, Range, Rel, RelCi};
        let table = [
            (json!({"exact": 0}), "median", Abs(0.0)),
            (json!({"abs": 0.1}), "a.b", Abs(0.1)),
            (json!({"rel": 0.1, "abs": 2}), "a", Either { abs: 2.0, rel: 0.1 }),
            (json!({"range": [1, null]}), "a", Range { least: 1.0, greatest: f64::INFINITY }),
            (json!({"tps": {"rel": 0.07}}), "tps", Rel(0.07)),
            (json!({"tps": {"rel": 0.07}}), "runs", Informative),
            (json!({"tps": "too rare"}), "tps", Informative),
            (json!({"a": {"kind": "rel_ci", "rel": 0.1, "z": 4}}), "a", RelCi { rel: 0.1, z: 4.0 }),
            (json!({"a": {"kind": {"exact": 0}, "abs": 1e-9}}), "a", Abs(1e-9)),
            (json!({"pass": {"kind": "gof", "alpha": 1e-4}}), "pass", Fit { alpha: 1e-4 }),
            (json!({"u16_abs": 0, "emission_abs": 1}), "epochs[1].emission", Abs(1.0)),
            (json!({"u16_abs": 0, "emission_abs": 1}), "server.validator_trust", Abs(0.0)),
            (json!({"u16_abs": 0, "emission_abs": 1}), "bonds_col_u16[0].validators_0_3", Abs(0.0)),
            (json!({"u16_abs": 0, "emission_abs": 1}), "permits", Default),
            (json!({"rel": 0.01, "sum_abs": 1e-9}), "sum", Abs(1e-9)),
            (json!({"rel": 0.01, "sum_abs": 1e-9}), "shares", Rel(0.01)),
            (json!({"iteration_rel": 0.05}), "iteration_s.redundant", Rel(0.05)),
            (json!({"eps_rdp_rel": 0.002, "order_abs": 1}), "rdp_order", Abs(1.0)),
            (json!({"abs_s": 1e-6}), "makespan_s", Abs(1e-6)),
            (json!({"abs_s": 1e-6}), "microbatches", Default),
        ];
        for (tolerance, path, want) in table {
            assert_eq!(of_quantity(Some(&tolerance), path), want, "{tolerance} {path}");
        }
        assert_eq!(of_quantity(None, "a"), Default);
    }
}
