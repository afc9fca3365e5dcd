//! `--set path=value`: changes to a scenario before it is understood.

use super::tree::{NodeId, Tree, Value};
use super::yaml;
use crate::diagnose::{Code, Diagnostic, Diagnostics, Origins, Span, nearest, quoted};

/// Puts `value`, read as YAML, at `path`. Missing mappings on the way are made; whether the
/// keys exist is found out when the scenario is read.
///
/// # Errors
/// When the path is no path, or the value no YAML.
pub(super) fn apply(tree: &mut Tree, path: &str, value: &str) -> Result<(), Diagnostics> {
    let argument = format!("--set {path}={value}");
    let mut origins = Origins::new();
    let origin = origins.add("--set", argument);
    let offset = "--set ".len();
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let span = |from: usize, to: usize| Span {
        origin,
        start: small(offset + from),
        end: small(offset + to),
    };
    let refuse = |item: Diagnostic, origins: Origins| Err(Diagnostics::new(vec![item], origins));
    let segments: Vec<&str> = path.split('.').collect();
    if segments.iter().any(|s| s.is_empty() || s.chars().any(char::is_control)) {
        let item = Diagnostic::error(Code::Syntax, format!("{} is not a path", quoted(path)))
            .at(span(0, path.len()), &origins)
            .expected("keys with dots between them")
            .help("for example `--set demand.poisson.rate_per_second=4`");
        return refuse(item, origins);
    }
    if segments.len() > yaml::MAX_DEPTH {
        let item = Diagnostic::error(Code::TooLarge, "the path has too many levels")
            .at(span(0, path.len()), &origins)
            .expected(format!("at most {}", yaml::MAX_DEPTH));
        return refuse(item, origins);
    }
    // The value is shown as a text of its own: its positions count from its own start.
    let parsed = if value.trim().is_empty() {
        let mut empty = Tree::new(Origins::new());
        empty.replace(empty.root(), Value::Null);
        empty
    } else if is_plain(value) {
        let mut one = Tree::new(Origins::new());
        one.replace(one.root(), Value::Number(value.to_owned()));
        one
    } else {
        yaml::parse("--set", value).map_err(|(items, origins)| Diagnostics::new(items, origins))?
    };
    let path_origin = small(tree.origins.len());
    tree.origins.extend(&origins);
    let shift = |s: Span| Span { origin: path_origin, ..s };
    let value_id = tree.graft(&parsed);
    // The whole argument is what the value is shown in.
    let (start, end) = (path.len() + 1, path.len() + 1 + value.len());
    tree.move_into(value_id, path_origin, small(offset + start));
    if tree.node(value_id).span.end == tree.node(value_id).span.start {
        tree.set_span(value_id, shift(span(start, end)));
    }
    let mut from = 0;
    let key_spans = segments.iter().map(|segment| {
        let start = from;
        from += segment.len() + 1;
        shift(span(start, start + segment.len()))
    });
    put(tree, &segments, &key_spans.collect::<Vec<_>>(), value_id)
}

/// Whether a value is a number that needs no YAML to be read: sweeps set many.
fn is_plain(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let whole = digits.split('.').next().unwrap_or("");
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && (whole == "0" || !whole.starts_with('0') && !whole.is_empty())
        && !digits.ends_with('.')
        && digits.parse::<f64>().is_ok()
}

/// Puts a part of another file at `path`, whose mistakes are then reported where it stands
/// there; those of the path at `key`.
///
/// # Errors
/// When the path is no path.
pub(super) fn graft(
    tree: &mut Tree,
    path: &str,
    key: Span,
    from: &Tree,
    node: NodeId,
) -> Result<(), Diagnostics> {
    let segments: Vec<&str> = path.split('.').collect();
    if segments.len() > yaml::MAX_DEPTH || segments.iter().any(|segment| segment.is_empty()) {
        let item = Diagnostic::error(Code::Syntax, format!("{} is not a path", quoted(path)))
            .at(key, &from.origins)
            .expected("keys with dots between them");
        return Err(Diagnostics::new(vec![item], from.origins.clone()));
    }
    let origin = u32::try_from(tree.origins.len()).unwrap_or(u32::MAX);
    let mut part = from.clone();
    part.set_root(node);
    let value = tree.graft(&part);
    let key = Span { origin: key.origin + origin, ..key };
    put(tree, &segments, &vec![key; segments.len()], value)
}

/// Puts a node of the tree at a path; `key_spans` says where each segment was written.
fn put(
    tree: &mut Tree,
    segments: &[&str],
    key_spans: &[Span],
    value_id: NodeId,
) -> Result<(), Diagnostics> {
    let refuse = |item: Diagnostic, origins: Origins| Err(Diagnostics::new(vec![item], origins));
    let mut at = tree.root();
    for (depth, (segment, &key_span)) in segments.iter().zip(key_spans).enumerate() {
        let last = depth + 1 == segments.len();
        match tree.value(at) {
            Value::Mapping(_) | Value::Null => {}
            Value::Sequence(items) => {
                let known: Vec<String> = (0..items.len()).map(|i| i.to_string()).collect();
                if tree.child(at, segment).is_none() {
                    let item = Diagnostic::error(
                        Code::UnknownKey,
                        format!("{} has no item {}", quoted(&tree.path(at)), quoted(segment)),
                    )
                    .at(key_span, &tree.origins)
                    .expected(format!("0 to {}", known.len().saturating_sub(1)))
                    .maybe_help(
                        nearest(segment, known.iter().map(String::as_str))
                            .map(|n| format!("did you mean `{n}`?")),
                    );
                    return refuse(item, tree.origins.clone());
                }
            }
            _ => {
                let item = Diagnostic::error(
                    Code::WrongType,
                    format!("{} is a single value and has no parts", quoted(&tree.path(at))),
                )
                .at(key_span, &tree.origins)
                .help(format!("set {} as a whole", quoted(&tree.path(at))));
                return refuse(item, tree.origins.clone());
            }
        }
        match (tree.child(at, segment), last) {
            (Some(child), false) => at = child,
            (Some(child), true) => {
                tree.put_in_place(child, value_id);
                tree.set_key_span(value_id, key_span);
            }
            (None, true) => tree.push_entry(at, segment, key_span, value_id),
            (None, false) => {
                let child = tree.add(Value::Mapping(Vec::new()), key_span, Some(at));
                tree.push_entry(at, segment, key_span, child);
                at = child;
            }
        }
    }
    Ok(())
}
