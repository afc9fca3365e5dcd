//! Runs against baselines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use reports::Metrics;
use reports::direction::{Better, better};
use reports::stats;
use reports::table::Table;
use sim_core::determinism::{Step, Watch};
use sim_core::trace::{self, table_path};
use sim_types::record::TABLES;
use sim_types::{Amount, SimTime};

use super::baseline::{Baseline, Exact, Held, Recorded, SCHEMA};
use super::ranks;
use super::suite::{Check, Suite};
use super::trail::Trail;
use super::{Asked, Gave, Item, Kind, Moved, Trouble, Unit, Verdict, guarded};
use crate::diagnose::nearest;
use crate::exit::Exit;
use crate::plan::Plan;
use crate::run::{self, Figures, Options, RunError};

type Runs<'a> = Vec<(Unit<'a>, Result<Gave, Trouble>)>;

/// Whether a baseline is one for this check.
///
/// # Errors
/// What it lacks, and what to type.
pub(super) fn fits(check: &Check, baseline: &Baseline) -> Result<(), String> {
    let folder = check.baseline.parent().unwrap_or(Path::new(""));
    let same = |a: &Path, b: &Path| match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    };
    let theirs = folder.join(&baseline.scenario);
    let file = check.baseline.display();
    let why = if !same(&theirs, &check.scenario) {
        format!("{file} is of {}, not of {}", theirs.display(), check.scenario.display())
    } else if baseline.set != check.set {
        format!("{file} was made with other changes: {:?}", baseline.set)
    } else if check.exact && baseline.exact.is_none() {
        format!("{file} holds no digests")
    } else if let Some(name) = check.bands.keys().find(|n| !baseline.bands.contains_key(*n)) {
        format!("{file} holds no value of {name}")
    } else if let Some(name) = missing(check, baseline) {
        format!("{file} holds no replicated values of {name}")
    } else {
        return Ok(());
    };
    Err(format!("{why}; write it anew with --only {} --bless REASON", check.name))
}

fn missing<'a>(check: &'a Check, baseline: &Baseline) -> Option<&'a String> {
    let wanted = &check.replicated.as_ref()?.metrics;
    let has =
        |name: &String| baseline.replicated.as_ref().is_some_and(|r| r.metrics.contains_key(name));
    wanted.iter().find(|name| !has(name))
}

/// Compares the runs of a check with its baseline: an item for every way of comparing.
pub(super) fn compare(
    suite: &Suite,
    check: &Check,
    baseline: &Baseline,
    runs: Runs<'_>,
    asked: &Asked<'_>,
) -> Vec<Item> {
    let item = |kind| Item::new(&check.name, kind, &suite.file, check.line);
    let (many, single): (Vec<_>, Vec<_>) = runs.into_iter().partition(|(u, _)| u.replicated);
    let mut items = Vec::new();
    match single.into_iter().next() {
        Some((unit, Ok(Gave::Run(figures)))) => {
            if let Some(expected) = baseline.exact.as_ref().filter(|_| check.exact) {
                let item = item(Kind::Exact);
                items.push(exact(item, check, expected, &unit.plan, &figures, asked.options));
            }
            if !check.bands.is_empty() {
                items.push(bands(item(Kind::Bands), check, baseline, &figures.metrics));
            }
        }
        Some((_, Err(trouble))) => {
            for kind in [(check.exact, Kind::Exact), (!check.bands.is_empty(), Kind::Bands)] {
                if kind.0 {
                    items.push(item(kind.1).failed(failed_exit(&trouble), trouble.to_string()));
                }
            }
        }
        _ => {}
    }
    if let Some(recorded) = baseline.replicated.as_ref().filter(|_| check.replicated.is_some()) {
        items.push(replicated(item(Kind::Replicated), check, recorded, many, suite.level()));
    }
    items
}

/// A run that fails where its baseline did not is a regression, whatever else it is.
fn failed_exit(trouble: &Trouble) -> Exit {
    match trouble.exit() {
        Exit::Bug => Exit::Failed,
        exit => exit,
    }
}

fn side(check: &Check, metric: &str) -> Option<Better> {
    check.better.get(metric).copied().or_else(|| better(metric))
}

fn moved(
    check: &Check,
    metric: &str,
    expected: Option<f64>,
    found: Option<f64>,
    why: String,
) -> Moved {
    let better = side(check, metric);
    let verdict = Verdict::of_move(expected, found, better);
    Moved { metric: metric.to_owned(), expected, found, better, verdict, why }
}

fn exact(
    mut item: Item,
    check: &Check,
    expected: &Exact,
    plan: &Plan,
    figures: &Figures,
    options: &Options,
) -> Item {
    let now = &figures.outcome;
    item.detail = format!(
        "{} events, {} tables, {} metrics",
        now.events_handled,
        now.tables.len(),
        figures.metrics.metrics.len()
    );
    for metric in &figures.metrics.metrics {
        let before = expected.metrics.get(&metric.name).copied();
        if before.map(f64::to_bits) != Some(metric.value.to_bits()) {
            let why = if before.is_some() { "not the same" } else { "new" };
            item.moved.push(moved(check, &metric.name, before, Some(metric.value), why.into()));
        }
    }
    for (name, &before) in &expected.metrics {
        if figures.metrics.get(name).is_none() {
            item.moved.push(moved(check, name, Some(before), None, "gone".into()));
        }
    }
    if now.events != expected.result.events {
        let named = guarded(|| first_event(plan, expected, options)).and_then(|found| {
            found.map_or_else(
                || Ok(format!("{}, replications together", run::parted(now, &expected.result))),
                Ok,
            )
        });
        item.first_event =
            Some(named.unwrap_or_else(|error| {
                format!("{} ({error})", run::parted(now, &expected.result))
            }));
    }
    let mut names: Vec<&str> = TABLES.iter().map(|(name, ..)| *name).collect();
    names.retain(|name| now.tables.get(*name) != expected.result.tables.get(*name));
    for table in names {
        let row = first_row(table, expected, figures);
        item.first_rows.push(row.unwrap_or_else(|error| format!("{table} ({error})")));
    }
    if now.balances != expected.result.balances {
        let account = guarded(|| first_account(plan, expected, options));
        item.first_rows.push(account.unwrap_or_else(|error| format!("balances ({error})")));
    }
    let mut item = item.judge();
    if now.plan != expected.result.plan && !item.pass {
        item.detail += ", another plan: the scenario, its files or its defaults changed";
    }
    item
}

/// The first event of replication 0 that differs, by time over the network and all subnets.
fn first_event(
    plan: &Plan,
    expected: &Exact,
    options: &Options,
) -> Result<Option<String>, RunError> {
    let logs = run::watch(plan, options, &Watch::trail())?;
    let mut first: Option<(SimTime, usize, core::ops::Range<usize>)> = None;
    for (engine, log) in logs.iter().enumerate() {
        let Some(trail) = expected.events.get(engine) else { continue };
        let Some(range) = trail.first_difference(&log.trail) else { continue };
        let at = log.trail.get(range.start).or(log.trail.last());
        let time = at.map_or(SimTime::ZERO, |step| step.time);
        if first.as_ref().is_none_or(|(earliest, ..)| time < *earliest) {
            first = Some((time, engine, range));
        }
    }
    let Some((_, engine, range)) = first else { return Ok(None) };
    let steps = expected.events[engine].steps;
    let place = match engine.checked_sub(1) {
        Some(subnet) => format!("in subnet {subnet}"),
        None => "in the network".to_owned(),
    };
    let capture = range.start as u64..range.end as u64;
    let logs = run::watch(plan, options, &Watch::capture(capture))?;
    let captured = logs.get(engine).and_then(|log| log.captured.first());
    let which = match range.len() {
        0 | 1 => format!("event {}", range.start),
        _ => format!("one of events {} to {}, of which the first is", range.start, range.end - 1),
    };
    Ok(Some(match captured {
        Some(event) => {
            let extra = if range.start >= steps { ", where the baseline has ended" } else { "" };
            let (text, entity, time) = (&event.event, event.entity, event.time);
            format!("{place}, {which}: `{text}` of entity {entity} at {time}{extra}")
        }
        None => format!("{place}, no event {}: the baseline has {steps}", range.start),
    }))
}

/// The first row of a table that differs, as it is now.
fn first_row(table: &str, expected: &Exact, figures: &Figures) -> Result<String, String> {
    if !figures.outcome.tables.contains_key(table) {
        return Ok(format!("{table}: the table is gone"));
    }
    let Some(trail) = expected.rows.get(table) else {
        return Ok(format!("{table}: the table is new"));
    };
    let file = table_path(&figures.tables, table);
    let steps = trace::trail(table, &file).map_err(|error| error.to_string())?;
    let Some(range) = trail.first_difference(&steps) else {
        return Ok(format!("{table}: a row that its trail does not tell apart"));
    };
    let which = match range.len() {
        0 | 1 => format!("{table} row {}", range.start),
        _ => format!(
            "{table}, one of rows {} to {}, of which the first is",
            range.start,
            range.end - 1
        ),
    };
    let row = show_row(&figures.tables, table, range.start)?;
    Ok(match row {
        Some(row) => format!("{which}: {row}"),
        None => format!("{which}: it ends here, the baseline has {} rows", trail.steps),
    })
}

/// The first account that holds something else at the end of replication 0.
fn first_account(plan: &Plan, expected: &Exact, options: &Options) -> Result<String, RunError> {
    let Some(trail) = &expected.accounts else {
        return Ok("balances of accounts at the end, which no table shows".to_owned());
    };
    let accounts = run::accounts(plan, options)?;
    Ok(match trail.first_difference(&account_steps(&accounts)) {
        None => "balances of accounts at the end of a later replication".to_owned(),
        Some(range) => match accounts.get(range.start) {
            Some((name, amount)) => format!("balances: {name}, which holds {amount} at the end"),
            None => format!("balances: account {}, which is gone", range.start),
        },
    })
}

/// The running hash of what accounts hold.
fn account_steps(accounts: &[(String, Amount)]) -> Vec<Step> {
    let mut hasher = blake3::Hasher::new();
    let step = |(_, amount): &(String, Amount)| {
        hasher.update(&amount.0.to_le_bytes());
        Step { bits: hasher.finalize().as_bytes()[0] >> 2, time: SimTime::ZERO }
    };
    accounts.iter().map(step).collect()
}

/// A row with the names of its columns.
fn show_row(dir: &Path, table: &str, number: usize) -> Result<Option<String>, String> {
    let told = |error: &dyn std::fmt::Display| error.to_string();
    let mut before = 0;
    for batch in Table::whole(dir, table).map_err(|e| told(&e))?.batches() {
        let batch = batch.map_err(|e| told(&e))?;
        if number < before + batch.num_rows() {
            let (options, schema) = (FormatOptions::default(), batch.schema());
            let mut cells = Vec::new();
            for (field, column) in schema.fields().iter().zip(batch.columns()) {
                let shown = ArrayFormatter::try_new(column.as_ref(), &options);
                let value = shown.map_err(|e| told(&e))?.value(number - before).to_string();
                if !value.is_empty() {
                    cells.push(format!("{} {value}", field.name()));
                }
            }
            return Ok(Some(cells.join(", ")));
        }
        before += batch.num_rows();
    }
    Ok(None)
}

fn bands(mut item: Item, check: &Check, baseline: &Baseline, metrics: &Metrics) -> Item {
    item.detail = format!("{} metrics", check.bands.len());
    for (name, &band) in &check.bands {
        let Some(held) = baseline.bands.get(name) else { continue };
        let found = metrics.get(name).map(|metric| metric.value);
        if !found.is_some_and(|found| band.holds(held.value, found)) {
            let why = if found.is_some() { format!("beyond {band}") } else { "gone".to_owned() };
            item.moved.push(moved(check, name, Some(held.value), found, why));
        }
    }
    item.judge()
}

fn replicated(
    mut item: Item,
    check: &Check,
    recorded: &Recorded,
    runs: Runs<'_>,
    level: f64,
) -> Item {
    let Some(wanted) = &check.replicated else { return item };
    let (mut now, mut others) = (Vec::new(), Vec::new());
    for (unit, gave) in runs {
        match gave {
            Ok(Gave::Metrics(mine, other)) => {
                now.push(mine);
                others.extend(other);
            }
            Ok(Gave::Run(_)) => {}
            Err(trouble) => {
                let why = format!("seed {}: {trouble}", unit.plan.seed);
                return item.failed(failed_exit(&trouble), why);
            }
        }
    }
    let paired = others.len() == now.len() && !now.is_empty();
    let mut least: f64 = 1.0;
    for (place, name) in wanted.metrics.iter().enumerate() {
        let found: Vec<Option<f64>> = now.iter().map(|values| values[place]).collect();
        let (before, p) = if paired {
            let before: Vec<Option<f64>> = others.iter().map(|values| values[place]).collect();
            let pairs: Vec<_> = before.iter().copied().zip(found.iter().copied()).collect();
            let p = ranks::signed_rank(&pairs);
            (before, p)
        } else {
            let before = recorded.metrics.get(name).cloned().unwrap_or_default();
            let p = ranks::rank_sum(&before, &found);
            (before, p)
        };
        least = least.min(p);
        if p < level {
            let why = format!(
                "p = {p:.1e}, alarm below {level:.1e}; {} {} runs against {}",
                found.len(),
                if paired { "paired" } else { "fresh" },
                before.len()
            );
            item.moved.push(moved(check, name, mean(&before), mean(&found), why));
        }
    }
    item.detail = format!(
        "{} metrics, {} {} runs, least p = {least:.1e}, alarm below {level:.1e}",
        wanted.metrics.len(),
        now.len(),
        if paired { "paired" } else { "fresh" },
    );
    item.judge()
}

fn mean(values: &[Option<f64>]) -> Option<f64> {
    stats::mean(&values.iter().copied().flatten().collect::<Vec<_>>())
}

/// Writes the present numbers of a check into its baseline.
pub(super) fn bless(suite: &Suite, check: &Check, runs: Runs<'_>, seed: u64, reason: &str) -> Item {
    let item = Item::new(&check.name, super::kinds(check)[0], &suite.file, check.line);
    match made(check, runs, seed, reason) {
        Ok(baseline) => match run::write_json(&check.baseline, &baseline) {
            Ok(()) => {
                let mut item = item;
                item.detail = format!("blessed {}", check.baseline.display());
                item
            }
            Err(error) => item.failed(error.exit(), error.to_string()),
        },
        Err((exit, why)) => item.failed(exit, why),
    }
}

fn made(
    check: &Check,
    runs: Runs<'_>,
    seed: u64,
    reason: &str,
) -> Result<Baseline, (Exit, String)> {
    let folder = check.baseline.parent().unwrap_or(Path::new(""));
    let mut baseline = Baseline {
        schema: SCHEMA.to_owned(),
        reason: reason.trim().to_owned(),
        arable: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: relative(&check.scenario, folder),
        set: check.set.clone(),
        exact: None,
        bands: BTreeMap::new(),
        replicated: None,
    };
    let mut values: Vec<Vec<Option<f64>>> = Vec::new();
    for (unit, gave) in runs {
        match gave.map_err(|trouble| (trouble.exit(), trouble.to_string()))? {
            Gave::Run(figures) => {
                let known = || figures.metrics.metrics.iter().map(|m| m.name.as_str());
                for (name, &band) in &check.bands {
                    let metric = figures.metrics.get(name).ok_or_else(|| absent(name, known()))?;
                    baseline.bands.insert(name.clone(), Held { value: metric.value, band });
                }
                if check.exact {
                    let trails = trails(&unit.plan, &figures);
                    baseline.exact = Some(trails.map_err(|e| (e.exit(), e.to_string()))?);
                }
            }
            Gave::Metrics(mine, _) => values.push(mine),
        }
    }
    if let Some(wanted) = &check.replicated {
        let mut metrics = BTreeMap::new();
        for (place, name) in wanted.metrics.iter().enumerate() {
            let column: Vec<Option<f64>> = values.iter().map(|row| row[place]).collect();
            if column.iter().all(Option::is_none) {
                return Err(absent(name, core::iter::empty()));
            }
            metrics.insert(name.clone(), column);
        }
        baseline.replicated = Some(Recorded { seed, fresh: wanted.fresh, metrics });
    }
    Ok(baseline)
}

fn absent<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> (Exit, String) {
    let near = nearest(name, known).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    (Exit::Usage, format!("the run does not define the metric `{name}`{near}"))
}

/// What an exact comparison is made with.
fn trails(plan: &Plan, figures: &Figures) -> Result<Exact, RunError> {
    let logs = run::watch(plan, &Options::default(), &Watch::trail())?;
    let mut rows = BTreeMap::new();
    for table in figures.outcome.tables.keys() {
        let steps = trace::trail(table, &table_path(&figures.tables, table))?;
        rows.insert(table.clone(), Trail::of(&steps));
    }
    Ok(Exact {
        result: figures.outcome.clone(),
        metrics: figures.metrics.metrics.iter().map(|m| (m.name.clone(), m.value)).collect(),
        events: logs.iter().map(|log| Trail::of(&log.trail)).collect(),
        rows,
        accounts: Some(Trail::of(&account_steps(&run::accounts(plan, &Options::default())?))),
    })
}

/// `path` as seen from `folder`, where both are relative to the working directory; else as it
/// is.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    if path.is_absolute() || folder.is_absolute() {
        return std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    }
    let path = plain(path);
    let common = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(common).map(|_| "..");
    up.map(PathBuf::from)
        .collect::<PathBuf>()
        .join(path.components().skip(common).collect::<PathBuf>())
}

/// Without `x/..` inside.
fn plain(path: &Path) -> PathBuf {
    use std::path::Component;
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                parts.pop();
            }
            (Component::CurDir, _) => {}
            _ => parts.push(part),
        }
    }
    parts.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_named_as_seen_from_its_baseline() {
        let table = [
            ("scenarios/a.yaml", "baselines", "../scenarios/a.yaml"),
            ("baselines/../scenarios/a.yaml", "baselines", "../scenarios/a.yaml"),
            ("scenarios/a.yaml", "scenarios/baselines", "../a.yaml"),
            ("a.yaml", "", "a.yaml"),
            ("../a.yaml", "", "../a.yaml"),
        ];
        for (path, folder, want) in table {
            assert_eq!(relative(Path::new(path), Path::new(folder)), Path::new(want));
        }
    }
}
