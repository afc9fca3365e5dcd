//! Why: the meaning of a rule or parameter, and the story of a job, an epoch or a payout.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::ipc::reader::FileReader;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use sim_types::record::TABLES;

use crate::diagnose::nearest;
use crate::manifest::{Manifest, ManifestError};
use crate::scenario;

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// No such rule or parameter.
    #[error(
        "found `{found}`, expected a rule or parameter such as `reward.yuma.kappa`{}",
        hint(near.as_deref(), known)
    )]
    Unknown {
        /// As written.
        found: String,
        /// The key that comes nearest, at the place where it went wrong.
        near: Option<String>,
        /// All keys there.
        known: Vec<String>,
    },
    /// Not two numbers.
    #[error("found `{0}`, expected two numbers such as `3/17`")]
    Pair(String),
    /// Not a node and a number.
    #[error("found `{0}`, expected a node and a period such as `3/17` or `subnet0/miners/3/17`")]
    Payout(String),
    /// Not a run directory.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A table of it cannot be read.
    #[error("failed to read {file}: {reason}")]
    Table {
        /// Which file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// Nothing of this name.
    #[error("the run has no {0}")]
    Absent(String),
}

fn hint(near: Option<&str>, known: &[String]) -> String {
    match near {
        Some(near) => format!("; did you mean `{near}`?"),
        None if known.is_empty() => "; nothing is below that".to_owned(),
        None => format!("; known here: {}", known.join(", ")),
    }
}

/// Explains a rule or parameter by its path in a scenario.
///
/// # Errors
/// When there is no such path: with the keys known at the place where it went wrong.
pub fn topic(path: &str) -> Result<String, ExplainError> {
    let of_model = matches!(path.split('.').next(), Some("model" | "steps"));
    let schema = if of_model { scenario::model_schema() } else { scenario::schema() };
    let schema: Value = serde_json::from_str(&schema).unwrap_or(Value::Null);
    let mut at = &schema;
    let mut parent = &schema;
    let mut key = "";
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let keys = children(&schema, at);
        let Some((_, child)) = keys.iter().find(|(name, _)| name == part) else {
            let known: Vec<String> = keys.into_iter().map(|(name, _)| name).collect();
            let near = nearest(part, known.iter().map(String::as_str)).map(str::to_owned);
            return Err(ExplainError::Unknown { found: path.to_owned(), near, known });
        };
        parent = at;
        at = child;
        key = part;
    }
    Ok(page(&schema, path, parent, key, at))
}

/// Follows `$ref`, single `allOf`/`anyOf` wrappers and array items to where keys are.
fn resolve<'a>(schema: &'a Value, mut at: &'a Value) -> &'a Value {
    for _ in 0..16 {
        if let Some(name) = at.get("$ref").and_then(Value::as_str) {
            at = schema.pointer(name.trim_start_matches('#')).unwrap_or(&Value::Null);
        } else if let Some(items) = at.get("items") {
            at = items;
        } else if let Some(inner) = at.get("additionalProperties").filter(|v| v.is_object()) {
            at = inner;
        } else if let Some([first, ..]) =
            at.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
            && at.get("properties").is_none()
        {
            at = first;
        } else {
            break;
        }
    }
    at
}

/// The keys below a place: fields of a struct, rules of a stage.
fn children<'a>(schema: &'a Value, at: &'a Value) -> Vec<(String, &'a Value)> {
    let at = resolve(schema, at);
    let fields = |value: &'a Value| {
        let map = value.get("properties").and_then(Value::as_object);
        map.into_iter().flatten().map(|(name, child)| (name.clone(), child)).collect::<Vec<_>>()
    };
    let mut keys = fields(at);
    for variant in at.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
        keys.extend(fields(variant));
    }
    keys
}

fn page(schema: &Value, path: &str, parent: &Value, key: &str, at: &Value) -> String {
    let mut text = format!("{path}\n");
    for line in describe(schema, parent, key, at).lines() {
        let _ = writeln!(text, "  {line}");
    }
    let inner = resolve(schema, at);
    for (word, name) in [("default", "default"), ("minimum", "at least"), ("maximum", "at most")] {
        if let Some(value) = at.get(word).or_else(|| inner.get(word)) {
            let _ = writeln!(text, "  {name}: {value}");
        }
    }
    if let Some(rule) = super::cli::rule_source(key) {
        let _ = writeln!(text, "  source: {rule}");
    }
    let keys = children(schema, at);
    if !keys.is_empty() {
        text += "\n";
    }
    for (name, child) in keys {
        let about = describe(schema, at, &name, child);
        let about = about.split_whitespace().collect::<Vec<_>>().join(" ");
        let first = about.split_inclusive(". ").next().unwrap_or_default().trim();
        let default = child.get("default").map(|d| format!(" (default {d})")).unwrap_or_default();
        let _ = writeln!(text, "  {name:<24} {first}{default}");
    }
    text
}

/// The words about a key: its own, or those of the variant that holds it, or of its type.
fn describe(schema: &Value, parent: &Value, key: &str, at: &Value) -> String {
    let own = |value: &Value| value.get("description").and_then(Value::as_str).map(str::to_owned);
    let variants = resolve(schema, parent).get("oneOf").and_then(Value::as_array);
    let variant = variants
        .into_iter()
        .flatten()
        .find(|variant| variant.pointer(&format!("/properties/{key}")).is_some());
    own(at)
        .or_else(|| variant.and_then(own))
        .or_else(|| own(resolve(schema, at)))
        .unwrap_or_default()
}

/// What a run directory holds.
///
/// # Errors
/// When it has no manifest.
pub fn run(dir: &Path) -> Result<String, ExplainError> {
    let manifest = Manifest::load(dir)?;
    let context = &manifest.context;
    let mut text = format!("{}\n", context.title);
    for stage in &context.design {
        let _ = writeln!(text, "  {:<14} {}", stage.stage, stage.rule);
    }
    for table in &context.tables {
        let _ = writeln!(
            text,
            "  trace/{:<20} {:>10} rows",
            format!("{}.arrow", table.name),
            table.rows
        );
    }
    text += "\nMore: --job NAME, --epoch SUBNET/EPOCH, --payout NODE/EPOCH\n";
    Ok(text)
}

/// The story of one job: its row, what was observed of it, what was paid for it.
///
/// # Errors
/// When the run has no such job.
pub fn job(dir: &Path, job: u64) -> Result<String, ExplainError> {
    let is = |column: &'static str| vec![(column, job.to_string())];
    let jobs = rows(dir, "jobs", &is("job"), 8)?;
    let seen = rows(dir, "observations", &is("job"), 16)?;
    if jobs.is_empty() && seen.is_empty() {
        let level = Manifest::load(dir)?.context.trace;
        let why = if level.is_full() { String::new() } else { format!(" at trace level {level}") };
        return Err(ExplainError::Absent(format!("job {job}{why}")));
    }
    let paid = rows(dir, "payouts", &is("job"), 16)?;
    Ok(sections(&[
        ("job", "jobs", jobs),
        ("what was observed", "observations", seen),
        ("what was paid", "payouts", paid),
    ]))
}

/// The story of one period of one subnet: every member that got or agreed on something.
///
/// # Errors
/// When the run has no such period.
pub fn epoch(dir: &Path, subnet: u32, epoch: u64) -> Result<String, ExplainError> {
    let wanted = vec![("subnet", subnet.to_string()), ("epoch", epoch.to_string())];
    let members = rows(dir, "epochs", &wanted, usize::MAX)?;
    if members.is_empty() {
        return Err(ExplainError::Absent(format!("epoch {epoch} in subnet {subnet}")));
    }
    let total = members.len();
    let kept: Vec<_> = members
        .into_iter()
        .filter(|row| row.iter().any(|(name, value)| name == "emission" && value != "0"))
        .collect();
    let title = format!("{} of {total} members were paid", kept.len());
    Ok(sections(&[(&title, "epochs", kept)]))
}

/// The story of one node's pay in one period: its figures and its payouts. The node goes by
/// its number or its name.
///
/// # Errors
/// When there is no such node, or it was paid nothing then.
pub fn payout(dir: &Path, node: &str, epoch: u64) -> Result<String, ExplainError> {
    let node = match node.parse::<u32>() {
        Ok(number) => number.to_string(),
        Err(_) => rows(dir, "nodes", &[("name", node.to_owned())], 1)?
            .into_iter()
            .flatten()
            .find_map(|(column, value)| (column == "node").then_some(value))
            .ok_or_else(|| ExplainError::Absent(format!("node called `{node}`")))?,
    };
    let wanted = vec![("node", node.clone()), ("epoch", epoch.to_string())];
    let figures = rows(dir, "epochs", &wanted, 8)?;
    let paid = rows(dir, "payouts", &wanted, 64)?;
    if figures.is_empty() && paid.is_empty() {
        return Err(ExplainError::Absent(format!("payout to node {node} in epoch {epoch}")));
    }
    let who = rows(dir, "nodes", &[("node", node)], 1)?;
    Ok(sections(&[
        ("node", "nodes", who),
        ("its figures", "epochs", figures),
        ("its payouts", "payouts", paid),
    ]))
}

/// One row as names and values.
type Row = Vec<(String, String)>;

/// The meaning of a column, wherever it stands in the trace.
fn meaning(table: &str, column: &str) -> &'static str {
    let columns = TABLES.iter().find(|(name, ..)| *name == table).map_or(&[][..], |t| t.3);
    columns.iter().find(|c| c.name == column).map_or("", |c| c.doc)
}

/// The rows of a table whose columns read as wanted, at most `limit`.
fn rows(
    dir: &Path,
    table: &str,
    wanted: &[(&str, String)],
    limit: usize,
) -> Result<Vec<Row>, ExplainError> {
    let file = dir.join("trace").join(format!("{table}.arrow"));
    let failed = |reason: String| ExplainError::Table { file: file.clone(), reason };
    if !file.exists() && !Manifest::load(dir)?.context.has_table(table) {
        // The run's trace level leaves the table out.
        return Ok(Vec::new());
    }
    let open = File::open(&file).map_err(|error| failed(error.to_string()))?;
    let reader = FileReader::try_new(open, None).map_err(|error| failed(error.to_string()))?;
    let mut found = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|error| failed(error.to_string()))?;
        pick(&batch, wanted, limit, &mut found).map_err(|error| failed(error.to_string()))?;
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

fn pick(
    batch: &RecordBatch,
    wanted: &[(&str, String)],
    limit: usize,
    found: &mut Vec<Row>,
) -> Result<(), arrow::error::ArrowError> {
    let options = FormatOptions::default();
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
        .collect::<Result<Vec<_>, _>>()?;
    let schema = batch.schema();
    let tests: Vec<(usize, &str)> = wanted
        .iter()
        .map(|(name, value)| Ok((schema.index_of(name)?, value.as_str())))
        .collect::<Result<_, arrow::error::ArrowError>>()?;
    for row in 0..batch.num_rows() {
        if tests.iter().all(|&(column, value)| columns[column].value(row).to_string() == value) {
            let cells = schema.fields().iter().zip(&columns);
            let cells = cells.map(|(f, c)| (f.name().clone(), c.value(row).to_string()));
            found.push(cells.collect());
            if found.len() >= limit {
                break;
            }
        }
    }
    Ok(())
}

/// Titles and rows as text: columns that never vary stand once above, the rest in a table.
fn sections(parts: &[(&str, &str, Vec<Row>)]) -> String {
    let mut text = String::new();
    for (title, table, rows) in parts {
        let _ = writeln!(text, "{title}");
        match rows.as_slice() {
            [] => text += "  nothing\n",
            [row] => {
                for (name, value) in row {
                    let doc = meaning(table, name);
                    let _ = writeln!(text, "  {name:<18} {value:<22} {doc}");
                }
            }
            [first, ..] => text += &grid(table, rows, first),
        }
        text += "\n";
    }
    text
}

fn grid(table: &str, rows: &[Row], first: &Row) -> String {
    let varying: BTreeSet<usize> = (0..first.len())
        .filter(|&column| rows.iter().any(|row| row[column].1 != first[column].1))
        .collect();
    let mut text = String::new();
    for (column, (name, value)) in first.iter().enumerate() {
        if !varying.contains(&column) {
            let _ = writeln!(text, "  {name:<18} {value:<22} {}", meaning(table, name));
        }
    }
    for &column in &varying {
        let name = &first[column].0;
        let _ = writeln!(text, "  {name:<18} {:<22} {}", "below", meaning(table, name));
    }
    let width = |column: usize| {
        let longest = rows.iter().map(|row| row[column].1.len()).max().unwrap_or(0);
        longest.max(first[column].0.len())
    };
    let mut line = |cells: &dyn Fn(usize) -> String| {
        for &column in &varying {
            let _ = write!(text, "  {:>width$}", cells(column), width = width(column));
        }
        text.push('\n');
    };
    line(&|column| first[column].0.clone());
    for row in rows {
        line(&|column| row[column].1.clone());
    }
    text
}
