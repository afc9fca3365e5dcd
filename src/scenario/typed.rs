//! A [`Tree`] to a type, with every mistake and not only the first.

use serde::de::DeserializeOwned;

use super::de::{Failure, Fault, Place, Reader, STAND_INS, describe};
use super::tree::{Entry, NodeId, Tree, Value};
use crate::diagnose::{Code, Diagnostic, MOST, Span, list, nearest, quoted};

/// Attempts after which the search for further mistakes ends.
const ATTEMPTS: usize = 1_000;

/// Reads the tree as a `T`. With mistakes the value, if there is one, is partly made up:
/// [`Tree::is_tainted`] says where.
pub(crate) fn read<T: DeserializeOwned>(tree: &mut Tree) -> (Option<T>, Vec<Diagnostic>) {
    let root = tree.root();
    read_at(tree, root)
}

/// As [`read`], from another node.
pub(crate) fn read_at<T: DeserializeOwned>(
    tree: &mut Tree,
    id: NodeId,
) -> (Option<T>, Vec<Diagnostic>) {
    let mut items = Vec::new();
    for _ in 0..ATTEMPTS {
        match T::deserialize(Reader::new(tree, id)) {
            Ok(value) => return (Some(value), items),
            Err(failure) => {
                if !go_on(tree, failure, &mut items) || items.len() > MOST {
                    break;
                }
            }
        }
    }
    (None, items)
}

/// Reports a failure, unless it follows from one already reported, and makes its place
/// readable. False if that is not possible.
fn go_on(tree: &mut Tree, failure: Failure, items: &mut Vec<Diagnostic>) -> bool {
    let place = failure.place.unwrap_or(Place::Node(tree.root()));
    let (Place::Node(id) | Place::Key(id, _)) = place;
    if let Fault::Shape(fields) = failure.fault {
        let entries = fields
            .into_iter()
            .map(|field| Entry {
                key: field.to_owned(),
                key_span: Span::default(),
                value: tree.add(Value::StandIn(0), Span::default(), Some(id)),
            })
            .collect();
        tree.replace(id, Value::Mapping(entries));
        return true;
    }
    if tree.is_tainted(id) {
        return match *tree.value(id) {
            Value::StandIn(attempt) if attempt + 1 < STAND_INS => {
                tree.replace(id, Value::StandIn(attempt + 1));
                true
            }
            _ => false,
        };
    }
    let at_key = matches!(place, Place::Key(..));
    if !at_key && !matches!(failure.fault, Fault::Missing(_)) && tree.holds_taint(id) {
        // What is inside was already reported; that the whole makes no sense follows.
        tree.taint(id);
        return true;
    }
    items.push(report(tree, place, &failure.fault));
    match (failure.fault, place) {
        (Fault::UnknownKey { .. }, Place::Key(mapping, index)) => tree.remove_entry(mapping, index),
        (Fault::Missing(field), _) => {
            if let Some(child) = tree.child(id, field) {
                tree.taint(child);
            } else {
                let child = tree.add(Value::Null, Span::default(), Some(id));
                tree.push_entry(id, field, Span::default(), child);
                tree.taint(child);
            }
        }
        _ => tree.taint(id),
    }
    true
}

/// A fault in words.
fn report(tree: &Tree, place: Place, fault: &Fault) -> Diagnostic {
    let (Place::Node(id) | Place::Key(id, _)) = place;
    let path = tree.path(id);
    let here = if path.is_empty() { format!("the {}", tree.what) } else { quoted(&path) };
    let (span, full_path) = match place {
        Place::Node(id) => {
            // A choice that reads itself knows the name it choked on, not the place.
            let named = match fault {
                Fault::UnknownVariant { name, .. } => {
                    tree.entries(id).iter().find(|e| e.key == *name).map(|e| e.key_span)
                }
                _ => None,
            };
            (named.unwrap_or_else(|| tree.blame(id)), path.clone())
        }
        Place::Key(mapping, index) => match tree.entries(mapping).get(index) {
            Some(entry) => (entry.key_span, join(&path, &entry.key)),
            None => (tree.blame(mapping), path.clone()),
        },
    };
    let item = match fault {
        Fault::UnknownKey { key, known } => unknown_key(tree, id, key, known, &here),
        Fault::UnknownVariant { name, known } => {
            let what = match path.as_str() {
                "demand" | "market" | "execution" | "verification" | "settlement" | "reward" => {
                    format!("there is no {path} rule {}", quoted(name))
                }
                _ => format!("{here} cannot be {}", quoted(name)),
            };
            Diagnostic::error(Code::UnknownName, what)
                .found(quoted(name))
                .expected(format!("one of {}", list(known.iter().copied())))
                .maybe_help(did_you_mean(name, known))
        }
        Fault::Missing(field) => {
            let message = if path.is_empty() {
                format!("the {} has no {}", tree.what, quoted(field))
            } else {
                format!("{here} lacks {}", quoted(field))
            };
            Diagnostic::error(Code::MissingKey, message)
                .path(join(&path, field))
                .maybe_help(Some(example_of(field)))
        }
        Fault::OneKey { known } => {
            let keys = tree.entries(id);
            let found = match keys {
                [] => "none".to_owned(),
                keys => list(keys.iter().map(|e| e.key.as_str())),
            };
            let item = Diagnostic::error(Code::OneKey, format!("{here} takes exactly one key"))
                .found(found)
                .maybe_help((keys.len() > 1).then(|| "keep one of them".to_owned()));
            if known.is_empty() {
                item
            } else {
                item.expected(format!("one of {}", list(known.iter().copied())))
            }
        }
        Fault::Mismatch { found, expected } => mismatch(tree, id, found.as_deref(), expected),
        Fault::Said(said) => said_by_type(tree, id, said),
        Fault::Shape(_) => Diagnostic::error(Code::WrongType, format!("{here} cannot be read")),
    };
    let item = if item.path.is_empty() { item.path(full_path) } else { item };
    item.at(span, &tree.origins)
}

fn unknown_key(
    tree: &Tree,
    id: NodeId,
    key: &str,
    known: &[&'static str],
    here: &str,
) -> Diagnostic {
    let item = Diagnostic::error(Code::UnknownKey, format!("{here} has no key {}", quoted(key)));
    if known.is_empty() {
        return item.help("remove it: nothing can be set here");
    }
    let written: Vec<&str> = tree.entries(id).iter().map(|e| e.key.as_str()).collect();
    let free: Vec<&'static str> =
        known.iter().copied().filter(|name| !written.contains(name)).collect();
    // A key that is already there is rarely what was meant.
    let help = did_you_mean(key, &free).or_else(|| did_you_mean(key, known));
    item.expected(format!("one of {}", list(known.iter().copied()))).maybe_help(help)
}

fn did_you_mean(word: &str, known: &[&str]) -> Option<String> {
    nearest(word, known.iter().copied()).map(|name| format!("did you mean `{name}`?"))
}

/// How a required key looks, as far as that can be said without knowing the rest.
fn example_of(field: &str) -> String {
    let written = match field {
        "schema" => "schema: 1",
        "title" => "title: What this scenario shows",
        "horizon" => "horizon: 1h",
        "seed" => "seed: 7",
        "role" => "role: provider",
        "count" => "count: 10",
        "demand" => {
            "demand: { poisson: { rate_per_second: 1, prompt_tokens: …, output_tokens: … } }"
        }
        "settlement" => "settlement: { slots: {} }",
        _ => return format!("add `{field}: …`"),
    };
    format!("add `{written}`")
}

fn mismatch(tree: &Tree, id: NodeId, found: Option<&str>, expected: &str) -> Diagnostic {
    let path = tree.path(id);
    let value = tree.value(id);
    let found = found.map_or_else(|| describe(tree, id), str::to_owned);
    let expected = match expected {
        // serde's own words for a choice without a key, and for a shape.
        "enum" => "exactly one key".to_owned(),
        shape if shape.starts_with("struct ") => "a mapping".to_owned(),
        own => own.to_owned(),
    };
    let number = match value {
        Value::Number(text) => text.replace('_', "").parse::<f64>().ok(),
        _ => None,
    };
    let whole = expected.starts_with("a whole number");
    let (code, message) = match number {
        Some(n) if whole && has_fraction(n) => {
            (Code::WrongType, format!("{} is not a whole number", quoted(&path)))
        }
        Some(_) if whole => (Code::OutOfRange, format!("{} is out of range", quoted(&path))),
        _ if path.is_empty() => (Code::WrongType, format!("this is not a {}", tree.what)),
        _ => (Code::WrongType, format!("{} is of the wrong kind", quoted(&path))),
    };
    let last = path.rsplit('.').next().unwrap_or("");
    let help = match value {
        Value::Text(text) if whole || expected == "a number" => text
            .replace('_', "")
            .parse::<f64>()
            .ok()
            .map(|_| format!("write {text} without quotes")),
        Value::Text(text) if expected.starts_with("`true`") => match text.as_str() {
            "yes" | "on" | "y" | "Yes" | "On" => Some("write `true`".to_owned()),
            "no" | "off" | "n" | "No" | "Off" => Some("write `false`".to_owned()),
            _ => None,
        },
        Value::Text(name) if expected == format!("`{name}: {{…}}`") => {
            Some(format!("write `{last}: {{ {name}: {{}} }}`"))
        }
        Value::Number(text) if expected.contains("`fixed`") => {
            Some(format!("write `{last}: {{ fixed: {text} }}`"))
        }
        Value::Null if expected.contains("mapping") => {
            Some(format!("write `{last}: {{}}` for the defaults"))
        }
        _ => None,
    };
    Diagnostic::error(code, message).found(found).expected(expected).maybe_help(help)
}

/// Whether a number has a fractional part.
fn has_fraction(number: f64) -> bool {
    number.rem_euclid(1.0) > 0.0
}

/// Units that people write for those that are known.
const SYNONYMS: [(&str, &str); 16] = [
    ("sec", "s"),
    ("secs", "s"),
    ("second", "s"),
    ("seconds", "s"),
    ("m", "min"),
    ("mins", "min"),
    ("minute", "min"),
    ("minutes", "min"),
    ("hr", "h"),
    ("hrs", "h"),
    ("hour", "h"),
    ("hours", "h"),
    ("day", "d"),
    ("days", "d"),
    ("percent", "%"),
    ("$", "USD"),
];

/// What a type says of its text, such as [`sim_types::units::UnitError`]: split into both
/// sides, with the nearest unit.
fn said_by_type(tree: &Tree, id: NodeId, said: &str) -> Diagnostic {
    let path = quoted(&tree.path(id));
    let written = match tree.value(id) {
        Value::Text(text) | Value::Number(text) => text.trim(),
        _ => return Diagnostic::error(Code::WrongType, format!("{path}: {said}")),
    };
    let expected = said.split_once(", expected ").map(|(_, expected)| expected.to_owned());
    let end = written
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '_')))
        .unwrap_or(written.len());
    let (number, unit) = (&written[..end], written[end..].trim());
    let known: Vec<&str> =
        expected.as_deref().map(|e| e.split('`').skip(1).step_by(2).collect()).unwrap_or_default();
    let (code, message, help) = if said.starts_with("found unit") {
        let meant = SYNONYMS
            .iter()
            .find(|(word, name)| *word == unit.to_lowercase() && known.contains(name))
            .map(|&(_, name)| name)
            .or_else(|| known.iter().copied().find(|name| name.eq_ignore_ascii_case(unit)))
            .or_else(|| nearest(unit, known.iter().copied()).filter(|_| unit.len() > 1));
        let space = if known.contains(&"TAO") || known.contains(&"USD") { " " } else { "" };
        if unit.is_empty() {
            let usual: Vec<String> = ["s", "h", "%", "Mbit", "kB", "TAO", "USD"]
                .into_iter()
                .filter(|name| known.contains(name))
                .map(|name| format!("`{number}{space}{name}`"))
                .collect();
            let help = format!("write {}", usual.join(" or "));
            (Code::WrongUnit, format!("{path} has no unit"), Some(help))
        } else {
            let help = meant.map(|name| format!("write `{number}{space}{name}`"));
            (Code::WrongUnit, format!("{path} has the wrong unit"), help)
        }
    } else if said.contains("finer than") {
        (Code::OutOfRange, format!("{path} is finer than the smallest unit"), None)
    } else if said.contains("out of range") {
        // `5` where a share is wanted is nearly always five percent.
        let share = expected.as_deref() == Some("0% to 100%") && unit.is_empty();
        let help = share.then(|| format!("write `{number}%`"));
        (Code::OutOfRange, format!("{path} is out of range"), help)
    } else {
        let help = written
            .strip_prefix('-')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            .map(|_| "quantities are never negative".to_owned());
        (Code::WrongType, format!("{path} cannot be read"), help)
    };
    let item = Diagnostic::error(code, message).found(quoted(written)).maybe_help(help);
    match expected {
        Some(expected) if code == Code::WrongUnit => {
            let units = expected.strip_prefix("one of ").unwrap_or(&expected);
            item.expected(format!("a number with a unit: {units}"))
        }
        Some(expected) => item.expected(expected),
        None if said.contains("finer than") => item,
        None => {
            let mut item = item;
            item.message = format!("{}: {said}", item.message);
            item
        }
    }
}

/// `a.b`, or `b` if `a` is the whole scenario.
pub(crate) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
