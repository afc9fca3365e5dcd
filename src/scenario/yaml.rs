//! YAML text → [`Tree`]. The only file that names the YAML crate.
//!
//! Limits hold before and while parsing: a hostile text is refused in milliseconds with
//! bounded memory.
//!
//! | limit | value | why |
//! |---|---|---|
//! | size | 1 MiB | asked of the file system before anything is read |
//! | depth | 32 | a scenario needs ten |
//! | nodes | 100,000 | populations are counted (`count: 5000`), not listed |
//! | nodes by alias | 10,000 | repeats nobody wrote |
//!
//! Booleans are `true` and `false` alone, `017` is no number, duplicate keys and merge keys
//! (`<<`) are errors, tags are refused.

use core::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_yaml::budget::BudgetBreach;
use serde_yaml::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_yaml::{Error, Location, Spanned};

use super::tree::{Entry, NodeId, Tree, Value};
use crate::diagnose::{Code, Diagnostic, MOST, Origins, Span, quoted};

/// Largest scenario file, bytes.
pub(crate) const MAX_BYTES: u64 = 1 << 20;
/// Deepest nesting of a scenario.
pub(crate) const MAX_DEPTH: usize = 32;
/// Most keys and values in a scenario.
pub(crate) const MAX_NODES: usize = 100_000;
/// Most keys and values that come from aliases.
pub(crate) const MAX_ALIASED: usize = 10_000;

/// Reads a text file of at most [`MAX_BYTES`].
///
/// # Errors
/// Says why it cannot be read as text.
pub(crate) fn read_text(path: &Path) -> Result<String, Box<Diagnostic>> {
    let shown = path.display().to_string();
    let missing = |message: String| Diagnostic::error(Code::FileMissing, message).of_file(&shown);
    let metadata = std::fs::metadata(path)
        .map_err(|error| missing(format!("cannot read {}: {}", quoted(&shown), plain(&error))))?;
    if metadata.is_dir() {
        return Err(missing(format!("{} is a directory", quoted(&shown)))
            .expected("a file")
            .help("name a scenario in it, such as `scenario.yaml`")
            .into());
    }
    if !metadata.is_file() {
        return Err(missing(format!("{} is not a regular file", quoted(&shown))).into());
    }
    if metadata.len() > MAX_BYTES {
        return Err(too_large(&shown, metadata.len()).into());
    }
    let file = File::open(path)
        .map_err(|error| missing(format!("cannot read {}: {}", quoted(&shown), plain(&error))))?;
    let mut bytes = Vec::new();
    // It may grow between the question and the answer.
    file.take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| missing(format!("cannot read {}: {}", quoted(&shown), plain(&error))))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large(&shown, bytes.len() as u64).into());
    }
    text_of(&shown, bytes)
}

/// Checks that bytes are text; if not, names the line of the first byte that is none.
fn text_of(name: &str, bytes: Vec<u8>) -> Result<String, Box<Diagnostic>> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..at].split(|&b| b == b'\n').count();
        let what = format!("line {line} is not UTF-8 text: byte {:#04x} at offset {at}", bytes[at]);
        Diagnostic::error(Code::Syntax, what)
            .of_line(name, u32::try_from(line).unwrap_or(u32::MAX))
            .help("save the file as UTF-8")
            .into()
    })
}

fn too_large(shown: &str, bytes: u64) -> Diagnostic {
    Diagnostic::error(Code::TooLarge, format!("{} is too large for a scenario", quoted(shown)))
        .of_file(shown)
        .found(format!("{bytes} bytes"))
        .expected(format!("at most {MAX_BYTES} bytes"))
        .help("state populations with `count:` and put long tables into files")
}

/// An I/O error without the operating system's number.
pub(crate) fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Parses YAML `text`, shown as `name`.
///
/// # Errors
/// The first syntax error, or every duplicate key, with the texts they point into.
pub(crate) fn parse(name: &str, text: &str) -> Result<Tree, (Vec<Diagnostic>, Origins)> {
    let mut origins = Origins::new();
    let origin = origins.add(name, text);
    let fail = |item: Diagnostic, origins: &Origins| Err((vec![item], origins.clone()));
    if text.len() as u64 > MAX_BYTES {
        return fail(too_large(name, text.len() as u64), &origins);
    }
    if let Some(at) = text.find('\0') {
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        let span = Span { origin, start: at, end: at + 1 };
        let item = Diagnostic::error(Code::Syntax, "the text holds a NUL byte")
            .at(span, &origins)
            .help("this is not a text file, or it was damaged");
        return fail(item, &origins);
    }
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 4 * MAX_NODES,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_recorded_anchor_events: MAX_ALIASED,
            max_documents: 1,
        },
        alias_limits: serde_yaml::alias_limits! {
            max_total_replayed_events: MAX_ALIASED,
            max_replay_stack_depth: MAX_DEPTH,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let written = match serde_yaml::from_str_with_options::<Written>(text, options) {
        Ok(written) => written,
        Err(error) => {
            let item = explain(&error, text, origin, &origins);
            return fail(item, &origins);
        }
    };
    if matches!(written.0.value, Content::Null) {
        let item = Diagnostic::error(Code::Syntax, format!("{} is empty", quoted(name)))
            .of_file(name)
            .expected("a scenario")
            .help("`arable new` writes one to start from");
        return fail(item, &origins);
    }
    let mut tree = Tree::new(origins);
    let mut duplicates = Vec::new();
    let root = grow(&mut tree, written, None, origin, &mut duplicates);
    tree.set_root(root);
    if duplicates.is_empty() {
        Ok(tree)
    } else {
        let items = duplicates
            .into_iter()
            .map(|(key, first, second)| {
                Diagnostic::error(
                    Code::DuplicateKey,
                    format!("{} is written twice in one mapping", quoted(&key)),
                )
                .at(second, &tree.origins)
                .also(first, "first here")
                .help("keep one of the two")
            })
            .collect();
        Err((items, tree.origins))
    }
}

/// A syntax error in our words, at its place.
fn explain(error: &serde_yaml::Error, text: &str, origin: u32, origins: &Origins) -> Diagnostic {
    let location = error.location();
    let span = location.map_or(Span { origin, start: 0, end: 0 }, |l| {
        let start = offset_of(text, l.line(), l.column());
        let width = text[start as usize..].chars().next().filter(|&c| c != '\n');
        Span {
            origin,
            start,
            end: start + width.map_or(0, |c| u32::try_from(c.len_utf8()).unwrap_or(1)),
        }
    });
    let item = |message: &str| Diagnostic::error(Code::Syntax, message).at(span, origins);
    let too_many = |what: &str, most: usize| {
        Diagnostic::error(Code::TooLarge, format!("the scenario has too many {what}"))
            .expected(format!("at most {most}"))
            .at(span, origins)
    };
    let aliased = || {
        too_many("repeats by alias", MAX_ALIASED)
            .help("write the repeated part out, or count members with `count:`")
    };
    let said = error.without_snippet().to_string();
    let said = said.split(" at line ").next().unwrap_or(&said);
    match error.without_snippet() {
        Error::AliasError { error, .. } => explain(error, text, origin, origins),
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. }
        | Error::Budget {
            breach:
                BudgetBreach::Aliases { .. }
                | BudgetBreach::Anchors { .. }
                | BudgetBreach::AliasAnchorRatio { .. }
                | BudgetBreach::RecordedAnchorEvents { .. }
                | BudgetBreach::RecordedAnchorBytes { .. },
            ..
        } => aliased(),
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => too_many("levels", MAX_DEPTH),
        Error::MultipleDocuments { .. }
        | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            item("a second document begins here").help("remove `---`: one file holds one scenario")
        }
        Error::Budget { .. } => too_many("keys and values", MAX_NODES),
        Error::MergeKeyNotAllowed { .. } => {
            item("merge keys (`<<`) are not supported").help("write the merged keys out")
        }
        Error::UnsupportedTag { .. } => {
            item(said).help("remove the tag: rules are chosen by a key")
        }
        // The scanner has only words.
        _ if said.contains("nest") && said.contains("limit") || said.contains("recursion") => {
            too_many("levels", MAX_DEPTH)
        }
        _ if said.contains("tab") => {
            // The scanner may still stand at the value before.
            let from = span.start as usize;
            let tab = text[from..].find('\t').map_or(from, |i| from + i);
            let start = u32::try_from(tab).unwrap_or(u32::MAX);
            Diagnostic::error(Code::Syntax, "a tab is used for indentation")
                .at(Span { origin, start, end: start + 1 }, origins)
                .help("indent with spaces")
        }
        _ if said.contains("illegal placement of ':'") => {
            item(said).help("close the bracket or quote that is open above")
        }
        _ if said.contains("mapping values are not allowed") => {
            item("a `:` where no key can stand")
                .help("check the indentation, or put text with `: ` in quotes")
        }
        _ => item(said),
    }
}

fn offset_of(text: &str, line: u64, column: u64) -> u32 {
    let mut start = 0;
    for _ in 1..line {
        match text[start..].find('\n') {
            Some(i) => start += i + 1,
            None => break,
        }
    }
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let rest = &text[start..];
    let rest = rest.split('\n').next().unwrap_or(rest);
    let within = rest.char_indices().nth(column).map_or(rest.len(), |(i, _)| i);
    u32::try_from(start + within).unwrap_or(u32::MAX)
}

/// A key seen twice: its name, where first, where again.
type Duplicate = (String, Span, Span);

fn grow(
    tree: &mut Tree,
    written: Written,
    parent: Option<NodeId>,
    origin: u32,
    duplicates: &mut Vec<Duplicate>,
) -> NodeId {
    let span = span_of(written.0.defined, origin);
    let raw = |tree: &Tree, shown: String| {
        let slice = tree.origins.slice(span).trim();
        if slice.is_empty() { shown } else { slice.to_owned() }
    };
    let value = match written.0.value {
        Content::Null => Value::Null,
        Content::Bool(b) => Value::Bool(b),
        Content::Number(shown) => Value::Number(raw(tree, shown)),
        Content::Text(text) => Value::Text(text),
        Content::Sequence(items) => {
            let id = tree.add(Value::Null, span, parent);
            let items: Vec<NodeId> = items
                .into_iter()
                .map(|item| grow(tree, item, Some(id), origin, duplicates))
                .collect();
            tree.replace(id, Value::Sequence(items));
            return id;
        }
        Content::Mapping(pairs) => {
            let id = tree.add(Value::Null, span, parent);
            let mut entries: Vec<Entry> = Vec::with_capacity(pairs.len());
            let mut seen = std::collections::BTreeMap::new();
            for (key, value) in pairs {
                let key_span = span_of(key.defined, origin);
                // Beyond what is shown, counting on would only take time.
                if let Some(&first) = seen.get(&key.value).filter(|_| duplicates.len() <= MOST) {
                    duplicates.push((key.value.clone(), first, key_span));
                }
                seen.entry(key.value.clone()).or_insert(key_span);
                let value = grow(tree, value, Some(id), origin, duplicates);
                entries.push(Entry { key: key.value, key_span, value });
            }
            tree.replace(id, Value::Mapping(entries));
            return id;
        }
    };
    tree.add(value, span, parent)
}

fn span_of(location: Location, origin: u32) -> Span {
    let span = location.span();
    let small = |n: Option<u64>| n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
    let start = small(span.byte_offset());
    Span { origin, start, end: start.saturating_add(small(span.byte_len())) }
}

/// A value and where it was written.
#[derive(serde::Deserialize)]
struct Written(Spanned<Content>);

/// A value of any shape.
enum Content {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Sequence(Vec<Written>),
    Mapping(Vec<(Spanned<String>, Written)>),
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Content;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Content, E> {
                Ok(Content::Null)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
                Ok(Content::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
                Ok(Content::Number(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
                Ok(Content::Number(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Content, E> {
                Ok(Content::Number(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Content, E> {
                Ok(Content::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = access.next_element()? {
                    items.push(item);
                }
                Ok(Content::Sequence(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Content, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = access.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Content::Mapping(pairs))
            }
        }
        deserializer.deserialize_any(Any)
    }
}
