//! A suite: which scenarios and tables are held to which baselines, and how strictly.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use reports::catalogue::{Definition, METRICS, definition};
use reports::direction::Better;
use serde::Deserialize;

use super::baseline::{Band, Baseline};
use super::ranks;
use crate::diagnose::{Code, Diagnostic, Diagnostics, Span, list, nearest, quoted};
use crate::scenario::choice::Ordered;
use crate::scenario::tree::Tree;
use crate::scenario::{kind, typed, yaml};

/// The version of the suite's form.
const SCHEMA: u32 = 1;

/// The greatest chance that unchanged code raises any alarm in a suite, unless it says another.
pub const FALSE_ALARM: f64 = 2.5e-4;

/// What is held to what.
#[derive(Debug, Clone)]
pub struct Suite {
    /// The file it was read from: a suite, or a single baseline.
    pub file: PathBuf,
    /// The greatest chance of a false alarm, over all of it.
    pub false_alarm: f64,
    /// Scenarios.
    pub checks: Vec<Check>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// A scenario and its baseline.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// Where it stands in the file; 0 if nowhere in particular.
    pub line: u32,
    /// The scenario file.
    pub scenario: PathBuf,
    /// Changes to it: `path=value`.
    pub set: Vec<String>,
    /// The baseline file.
    pub baseline: PathBuf,
    /// Whether digests and metrics must not move at all.
    pub exact: bool,
    /// Metrics of one run that may move a little.
    pub bands: BTreeMap<String, Band>,
    /// Metrics that may move as chance moves them.
    pub replicated: Option<Replicated>,
    /// Better sides that hold instead of those of the metric catalogue.
    pub better: BTreeMap<String, Better>,
}

/// A comparison of many runs with many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replicated {
    /// Runs on fresh seeds in every check.
    pub fresh: u32,
    /// Runs in the baseline.
    pub recorded: u32,
    /// What is compared.
    pub metrics: Vec<String>,
}

/// A table that a command prints, and the committed one.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Where it stands in the file.
    pub line: u32,
    /// The committed table: columns separated by tabs, names in the first line.
    pub file: PathBuf,
    /// What prints the present one, run in the directory of the suite.
    pub command: Vec<String>,
    /// The columns that name a row.
    pub key: Vec<String>,
    /// The columns that are compared.
    pub columns: Vec<(String, Band)>,
    /// Which side is better.
    pub better: Better,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    schema: u32,
    #[serde(rename = "title")]
    _title: String,
    #[serde(default = "usual")]
    false_alarm: f64,
    #[serde(default)]
    checks: Ordered<RawCheck>,
    #[serde(default)]
    tables: Ordered<RawTable>,
}

fn usual() -> f64 {
    FALSE_ALARM
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    scenario: String,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    baseline: Option<String>,
    #[serde(default)]
    exact: bool,
    #[serde(default)]
    bands: Ordered<Band>,
    #[serde(default)]
    replicated: Option<RawReplicated>,
    #[serde(default)]
    better: Ordered<Better>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReplicated {
    #[serde(default = "twenty")]
    fresh: u32,
    #[serde(default = "sixty")]
    recorded: u32,
    metrics: Vec<String>,
}

fn twenty() -> u32 {
    20
}

fn sixty() -> u32 {
    60
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    file: String,
    command: Vec<String>,
    key: Vec<String>,
    columns: Ordered<Band>,
    #[serde(default = "lower")]
    better: Better,
}

fn lower() -> Better {
    Better::Lower
}

impl Suite {
    /// Reads a suite.
    ///
    /// # Errors
    /// Everything that is wrong with it, with its place.
    pub fn load(file: &Path) -> Result<Self, Diagnostics> {
        let text = yaml::read_text(file).map_err(|item| Diagnostics::one(*item))?;
        Self::from_text(file, &text)
    }

    /// A suite from text; files it names are looked for beside `file`.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_text(file: &Path, text: &str) -> Result<Self, Diagnostics> {
        let mut tree = yaml::parse(&file.display().to_string(), text)
            .map_err(|(items, origins)| Diagnostics::new(items, origins))?;
        let another = kind::another(&tree, "suite");
        let (raw, mut items) = typed::read::<Raw>(&mut tree);
        for item in &mut items {
            item.message = item.message.replacen("the scenario", "the suite", 1);
        }
        if let (false, Some(wrong)) = (items.is_empty(), another) {
            return Err(wrong);
        }
        let Some(raw) = raw else { return Err(Diagnostics::new(items, tree.origins)) };
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut reader = Reader { tree: &tree, folder, items };
        let suite = reader.suite(file, &raw);
        let items = reader.items;
        if items.is_empty() { Ok(suite) } else { Err(Diagnostics::new(items, tree.origins)) }
    }

    /// A single baseline as a suite of its own.
    #[must_use]
    pub fn of_baseline(file: &Path, baseline: &Baseline) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        let replicated = baseline.replicated.as_ref().map(|recorded| Replicated {
            fresh: recorded.fresh,
            recorded: recorded.metrics.values().map(Vec::len).max().map_or(0, short),
            metrics: recorded.metrics.keys().cloned().collect(),
        });
        let scenario = folder.join(&baseline.scenario);
        let mut suite = Self::of_scenario(file, scenario, baseline.set.clone());
        for check in &mut suite.checks {
            check.exact = baseline.exact.is_some();
            let bands = baseline.bands.iter();
            check.bands = bands.map(|(name, held)| (name.clone(), held.band)).collect();
            check.replicated.clone_from(&replicated);
        }
        suite
    }

    /// A baseline that is not there yet: exact.
    #[must_use]
    pub fn of_scenario(file: &Path, scenario: PathBuf, set: Vec<String>) -> Self {
        let check = Check {
            name: name_of(file),
            line: 0,
            scenario,
            set,
            baseline: file.to_owned(),
            exact: true,
            bands: BTreeMap::new(),
            replicated: None,
            better: BTreeMap::new(),
        };
        Self {
            file: file.to_owned(),
            false_alarm: FALSE_ALARM,
            checks: vec![check],
            tables: Vec::new(),
        }
    }

    /// How many tests can raise a false alarm.
    #[must_use]
    pub fn tests(&self) -> usize {
        self.checks.iter().filter_map(|c| c.replicated.as_ref()).map(|r| r.metrics.len()).sum()
    }

    /// The greatest chance of a false alarm of each of them: an equal part of the whole.
    #[must_use]
    pub fn level(&self) -> f64 {
        self.false_alarm / f64::from(short(self.tests()).max(1))
    }
}

fn short(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn name_of(file: &Path) -> String {
    file.file_stem().map_or_else(|| "baseline".into(), |stem| stem.to_string_lossy().into_owned())
}

struct Reader<'a> {
    tree: &'a Tree,
    folder: &'a Path,
    items: Vec<Diagnostic>,
}

impl Reader<'_> {
    /// Reports a mistake at a path of the suite, unless one was reported there before.
    fn error(&mut self, path: &str, item: Diagnostic) {
        let (node, _) = self.tree.find(path);
        self.error_at(path, self.tree.blame(node), item);
    }

    fn error_at(&mut self, path: &str, span: Span, item: Diagnostic) {
        let (node, _) = self.tree.find(path);
        if !self.tree.is_tainted(node) {
            self.items.push(item.at(span, &self.tree.origins).path(path));
        }
    }

    fn line(&self, path: &str) -> u32 {
        let (node, _) = self.tree.find(path);
        let span = self.tree.key_span(node).unwrap_or_else(|| self.tree.blame(node));
        self.tree.origins.position(span).0
    }

    fn suite(&mut self, file: &Path, raw: &Raw) -> Suite {
        if raw.schema != SCHEMA {
            let message = "this version of Arable does not read such suites";
            let item = Diagnostic::error(Code::UnsupportedSchema, message)
                .found(raw.schema.to_string())
                .expected(SCHEMA.to_string());
            self.error("schema", item);
        }
        if !(raw.false_alarm > 0.0 && raw.false_alarm <= 0.05) {
            let item = Diagnostic::error(Code::OutOfRange, "`false_alarm` is out of range")
                .found(raw.false_alarm.to_string())
                .expected("a chance above 0, at most 0.05")
                .help(format!("leave it out for {FALSE_ALARM}"));
            self.error("false_alarm", item);
        }
        if raw.checks.0.is_empty() && raw.tables.0.is_empty() && self.items.is_empty() {
            let item = Diagnostic::error(Code::MissingKey, "the suite checks nothing")
                .help("add `checks: { name: { scenario: FILE.yaml, exact: true } }`");
            self.error("", item);
        }
        let checks: Vec<Check> =
            raw.checks.0.iter().map(|(name, check)| self.check(name, check)).collect();
        let tables = raw.tables.0.iter().map(|(name, table)| self.table(name, table)).collect();
        let mut files = BTreeSet::new();
        for check in &checks {
            if !files.insert(&check.baseline) {
                let found = quoted(&check.baseline.display().to_string());
                let item = Diagnostic::error(Code::DuplicateKey, "two checks have one baseline")
                    .found(found)
                    .help("give each check a baseline of its own");
                self.error(&format!("checks.{}", check.name), item);
            }
        }
        let suite = Suite { file: file.to_owned(), false_alarm: raw.false_alarm, checks, tables };
        for check in &suite.checks {
            self.can_alarm(check, suite.level());
        }
        suite
    }

    fn check(&mut self, name: &str, raw: &RawCheck) -> Check {
        let at = format!("checks.{name}");
        self.name(&at, name);
        let scenario = self.folder.join(&raw.scenario);
        if !scenario.is_file() {
            self.error(&format!("{at}.scenario"), no_file("scenario", &scenario, &raw.scenario));
        }
        for (number, change) in raw.set.iter().enumerate() {
            if !change.contains('=') {
                let item = Diagnostic::error(Code::WrongType, "this changes nothing")
                    .found(quoted(change))
                    .expected("`path=value`");
                self.error(&format!("{at}.set.{number}"), item);
            }
        }
        for metric in raw.bands.names() {
            self.metric(&format!("{at}.bands.{metric}"), metric);
        }
        for metric in raw.better.names() {
            self.metric(&format!("{at}.better.{metric}"), metric);
        }
        if let Some(replicated) = &raw.replicated {
            let mut seen = BTreeSet::new();
            for (number, metric) in replicated.metrics.iter().enumerate() {
                let here = format!("{at}.replicated.metrics.{number}");
                self.metric(&here, metric);
                if !seen.insert(metric) {
                    let item = Diagnostic::error(Code::DuplicateKey, "a metric is named twice")
                        .found(quoted(metric))
                        .help("remove one: each is a test of its own");
                    self.error(&here, item);
                }
            }
            if replicated.metrics.is_empty() {
                let item = Diagnostic::error(Code::MissingKey, "no metric is compared")
                    .help("name one: `metrics: [goodput_share]`");
                self.error(&format!("{at}.replicated.metrics"), item);
            }
            for (key, count, most) in
                [("fresh", replicated.fresh, 50), ("recorded", replicated.recorded, 200)]
            {
                if !(2..=most).contains(&count) {
                    let message = format!("`{at}.replicated.{key}` is out of range");
                    let item = Diagnostic::error(Code::OutOfRange, message)
                        .found(count.to_string())
                        .expected(format!("a whole number from 2 to {most}"));
                    self.error(&format!("{at}.replicated.{key}"), item);
                }
            }
        }
        if !raw.exact && raw.bands.0.is_empty() && raw.replicated.is_none() {
            let message = format!("`{at}` is held to nothing");
            let item = Diagnostic::error(Code::MissingKey, message)
                .expected("one or more of `exact`, `bands`, `replicated`")
                .help("add `exact: true`");
            self.error(&at, item);
        }
        let baseline = raw.baseline.clone().unwrap_or_else(|| format!("{name}.json"));
        Check {
            name: name.to_owned(),
            line: self.line(&at),
            scenario,
            set: raw.set.clone(),
            baseline: self.folder.join(baseline),
            exact: raw.exact,
            bands: raw.bands.0.iter().cloned().collect(),
            replicated: raw.replicated.as_ref().map(|replicated| Replicated {
                fresh: replicated.fresh,
                recorded: replicated.recorded,
                metrics: replicated.metrics.clone(),
            }),
            better: raw.better.0.iter().cloned().collect(),
        }
    }

    fn table(&mut self, name: &str, raw: &RawTable) -> Table {
        let at = format!("tables.{name}");
        self.name(&at, name);
        let file = self.folder.join(&raw.file);
        if !file.is_file() {
            self.error(&format!("{at}.file"), no_file("table", &file, &raw.file));
        }
        for (key, empty) in [
            ("command", raw.command.is_empty()),
            ("key", raw.key.is_empty()),
            ("columns", raw.columns.0.is_empty()),
        ] {
            if empty {
                let item = Diagnostic::error(Code::MissingKey, format!("`{at}.{key}` is empty"));
                self.error(&format!("{at}.{key}"), item);
            }
        }
        Table {
            name: name.to_owned(),
            line: self.line(&at),
            file,
            command: raw.command.clone(),
            key: raw.key.clone(),
            columns: raw.columns.0.clone(),
            better: raw.better,
        }
    }

    fn name(&mut self, at: &str, name: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            let item = Diagnostic::error(Code::WrongType, "this cannot be the name of a check")
                .found(quoted(name))
                .expected("letters, digits, `-` and `_`");
            self.error(at, item);
        }
    }

    fn metric(&mut self, at: &str, name: &str) {
        if definition(name).is_some() {
            return;
        }
        let (base, class) = name.split_once('.').unwrap_or((name, ""));
        let near = nearest(base, METRICS.iter().map(Definition::base));
        let help = near.map(|near| match METRICS.iter().find(|d| d.base() == near) {
            Some(d) if d.by_class() => {
                let class = if class.is_empty() { "CLASS" } else { class };
                format!("did you mean `{near}.{class}`?")
            }
            _ => format!("did you mean `{near}`?"),
        });
        let item =
            Diagnostic::error(Code::UnknownName, format!("there is no metric {}", quoted(name)))
                .found(quoted(name))
                .expected("a metric of `arable list metrics`")
                .maybe_help(help);
        // Where it is a key, the key itself is to blame.
        let (node, _) = self.tree.find(at);
        let span = self.tree.key_span(node).unwrap_or_else(|| self.tree.blame(node));
        self.error_at(at, span, item);
    }

    /// A test that cannot reject is refused: it would pass whatever happened.
    fn can_alarm(&mut self, check: &Check, level: f64) {
        let Some(Replicated { fresh, recorded, .. }) = check.replicated else { return };
        let least = ranks::least_rank_sum(fresh, recorded).max(ranks::least_signed_rank(fresh));
        if least >= level && self.items.is_empty() {
            let enough = (fresh..=50).find(|&more| {
                ranks::least_rank_sum(more, recorded).max(ranks::least_signed_rank(more)) < level
            });
            let message = format!("`checks.{}.replicated` can never find anything", check.name);
            let item = Diagnostic::error(Code::OutOfRange, message)
                .found(format!(
                    "{fresh} fresh runs against {recorded}: the least p-value is {least:.1e}"
                ))
                .expected(format!("less than {level:.1e}, this test's part of `false_alarm`"))
                .maybe_help(enough.map(|more| format!("write `fresh: {more}`")));
            self.error(&format!("checks.{}.replicated", check.name), item);
        }
    }
}

fn no_file(what: &str, full: &Path, written: &str) -> Diagnostic {
    let folder = full.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension() == full.extension())
        .collect();
    beside.sort();
    let name = full.file_name().map(|name| name.to_string_lossy().into_owned());
    let near = nearest(&name.unwrap_or_default(), beside.iter().map(String::as_str));
    let item =
        Diagnostic::error(Code::FileMissing, format!("there is no {what} {}", quoted(written)));
    match near {
        Some(near) => item.help(format!("did you mean `{near}`?")),
        None if beside.is_empty() => {
            item.help(format!("files are looked for in {}", quoted(&folder.display().to_string())))
        }
        None => item.expected(format!("one of {}", list(beside.iter().map(String::as_str)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Suite, Diagnostics> {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("baselines/suite.yaml");
        Suite::from_text(&file, text)
    }

    #[test]
    fn levels_are_equal_parts_of_the_whole() {
        let text = "schema: 1\ntitle: t\nfalse_alarm: 1e-4\nchecks:\n  \
                    a: { scenario: ../scenarios/tutorial/01-one-miner.yaml, \
                    replicated: { metrics: [goodput_share, gini.provider] } }\n  \
                    b: { scenario: ../scenarios/tutorial/01-one-miner.yaml, \
                    replicated: { metrics: [jobs_final, jobs_submitted] } }\n";
        let suite = read(text).unwrap_or_else(|d| panic!("{}", d.render(false)));
        assert_eq!(suite.tests(), 4);
        assert!((suite.level() - 2.5e-5).abs() < 1e-18);
        assert_eq!(suite.checks[1].line, 6);
    }

    #[test]
    fn mistakes_are_told_apart() {
        let with = |check: &str| format!("schema: 1\ntitle: t\nchecks:\n  a: {{ {check} }}\n");
        let good = "scenario: ../scenarios/tutorial/01-one-miner.yaml";
        let table = [
            ("schema: 2\ntitle: t\ntables: {}\n".to_owned(), "does not read such suites"),
            ("schema: 1\ntitle: t\n".to_owned(), "the suite checks nothing"),
            ("schema: 1\ntitle: t\ncheks: {}\n".to_owned(), "did you mean `checks`?"),
            (with("exact: true"), "`checks.a` lacks `scenario`"),
            (
                with("scenario: ../scenarios/tutorial/01-one-minor.yaml, exact: true"),
                "did you mean `01-one-miner.yaml`?",
            ),
            (with(good), "`checks.a` is held to nothing"),
            (with(&format!("{good}, exact: true, set: [horizon]")), "this changes nothing"),
            (
                with(&format!("{good}, bands: {{ goodput_shar: 1% }}")),
                "did you mean `goodput_share`?",
            ),
            (with(&format!("{good}, bands: {{ gini: 1% }}")), "did you mean `gini.CLASS`?"),
            (with(&format!("{good}, bands: {{ goodput_share: -1 }}")), "a share such as `2%`"),
            (
                with(&format!("{good}, replicated: {{ metrics: [jobs_final], fresh: 5 }}")),
                "can never find anything",
            ),
            (
                with(&format!("{good}, replicated: {{ metrics: [jobs_final, jobs_final] }}")),
                "named twice",
            ),
            (
                "schema: 1\ntitle: t\nchecks:\n  a.b: { scenario: x.yaml, exact: true }\n"
                    .to_owned(),
                "cannot be the name",
            ),
        ];
        for (text, want) in table {
            let wrong = read(&text).expect_err(&text).render(false);
            assert!(wrong.contains(want), "{text}\n{wrong}");
        }
    }
}
