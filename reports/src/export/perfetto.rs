//! One replication as a timeline for the Perfetto viewer, in the JSON object form of the Trace
//! Event Format (Google, "Trace Event Format", document `1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU`):
//! `ts` and `dur` in microseconds, phases `X` (slices), `i` (instants), `C` (counters) and `M`
//! (names).
//!
//! | process | thread | holds |
//! |---|---|---|
//! | chain | blocks, epochs, faults | an instant each |
//! | load | | waiting and running jobs by class of hardware, as counters |
//! | a node | lanes 1, 2, … | the jobs it answered, from the start of the work to the answer's arrival |
//!
//! Slices of one thread must not overlap, so a job takes the first lane of its node that is
//! free. Only the answer that was used shows, and only nodes that have one.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use sim_types::{OneIn, TraceLevel};

use super::{cannot, save};
use crate::context::Context;
use crate::error::ReportError;
use crate::table::Table;

/// Slices, and instants of each kind, that a viewer in a browser takes without trouble.
pub const MOST_SLICES: usize = 100_000;

/// Process numbers: the chain, the load, and nodes from here on.
const CHAIN: u64 = 1;
const LOAD: u64 = 2;
const NODES: u64 = 16;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeline {
    /// Which replication.
    pub replication: u32,
    /// At most so many slices, and so many instants of each kind; where there are more, as many
    /// as a sample by the hash of their names keeps, 1 in 2, 4, 8, …
    pub most: usize,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { replication: 0, most: MOST_SLICES }
    }
}

/// Counts names by how small a sample still keeps them, so that the rate which keeps at most so
/// many is known before they are gathered.
struct Census {
    /// The rate of the trace itself.
    base: u32,
    /// At place k: names that one in `base` · 2^k keeps.
    kept: [usize; 32],
}

impl Census {
    fn new(base: u32) -> Self {
        Self { base, kept: [0; 32] }
    }

    fn rate(&self, k: usize) -> OneIn {
        let n = u64::from(self.base) << k;
        OneIn(
            u32::try_from(n)
                .ok()
                .and_then(core::num::NonZero::new)
                .unwrap_or(core::num::NonZero::<u32>::MAX),
        )
    }

    fn count(&mut self, name: u64) {
        for k in 0..self.kept.len() {
            if !self.rate(k).keeps(name) {
                break;
            }
            self.kept[k] += 1;
        }
    }

    /// The largest sample of at most so many.
    fn sample(&self, most: usize) -> OneIn {
        let k = self.kept.iter().position(|&n| n <= most).unwrap_or(self.kept.len() - 1);
        self.rate(k)
    }
}

/// One event, with what it is ordered by: the moment, then process and thread.
type Event = (u64, u64, u64, String);

/// A job that was worked on.
struct Slice {
    node: u32,
    start: u64,
    end: u64,
    job: u64,
    args: String,
    outcome: String,
}

/// Writes a timeline of the trace in `trace` into `file`. Tables that the run's trace level
/// left out are left out here too.
///
/// # Errors
/// When a table cannot be read, or the file not written.
pub fn perfetto(
    trace: &Path,
    context: &Context,
    show: Timeline,
    file: &Path,
) -> Result<(), ReportError> {
    let mut names = Vec::new();
    let mut events = Vec::new();
    let mut notes = Vec::new();
    name(&mut names, CHAIN, 0, "chain");
    if context.has_table("blocks") {
        name(&mut names, CHAIN, 1, "blocks");
        notes.push(("blocks_sampled", blocks(trace, show, &mut events)?.to_string()));
    }
    if context.has_table("epochs") {
        name(&mut names, CHAIN, 2, "epochs");
        notes.push(("epochs_sampled", epochs(trace, show, &mut events)?.to_string()));
    }
    if context.has_table("faults") {
        name(&mut names, CHAIN, 3, "faults");
        faults(trace, show, &mut events)?;
    }
    if context.has_table("load") {
        name(&mut names, LOAD, 0, "load");
        load(trace, show, &mut events)?;
    }
    if context.has_table("jobs") && context.has_table("nodes") {
        let (slices, rate) = jobs(trace, context, show)?;
        notes.push(("jobs_sampled", rate.to_string()));
        nodes(trace, show, slices, &mut names, &mut events)?;
    }
    events.sort();
    write(context, show, &notes, &names, &events, file)
}

/// Text as JSON.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Nanoseconds as microseconds, exactly.
fn micros(ns: u64) -> String {
    format!("{}.{:03}", ns / 1000, ns % 1000)
}

/// Names a process (thread 0) or one of its threads.
fn name(names: &mut Vec<String>, process: u64, thread: u64, called: &str) {
    let what = if thread == 0 { "process_name" } else { "thread_name" };
    names.push(format!(
        r#"{{"name":"{what}","ph":"M","pid":{process},"tid":{thread},"args":{{"name":{}}}}}"#,
        text(called)
    ));
}

fn instant(events: &mut Vec<Event>, ts: u64, thread: u64, called: &str, args: &str) {
    let event = format!(
        r#"{{"name":{},"ph":"i","ts":{},"pid":{CHAIN},"tid":{thread},"s":"t","args":{{{args}}}}}"#,
        text(called),
        micros(ts)
    );
    events.push((ts, CHAIN, thread, event));
}

fn blocks(trace: &Path, show: Timeline, events: &mut Vec<Event>) -> Result<OneIn, ReportError> {
    let mut census = Census::new(1);
    let columns = ["rep", "height", "time", "transactions", "backlog"];
    Table::open(trace, "blocks", &["rep", "height"])?.for_each(|batch| {
        let (reps, heights) = (batch.u32("rep")?, batch.u64("height")?);
        let shown = reps.iter().zip(heights).filter(|(rep, _)| **rep == show.replication);
        shown.for_each(|(_, &height)| census.count(height));
        Ok(())
    })?;
    let rate = census.sample(show.most);
    Table::open(trace, "blocks", &columns)?.for_each(|batch| {
        let (reps, heights, times) = (batch.u32("rep")?, batch.u64("height")?, batch.u64("time")?);
        let (transactions, backlog) = (batch.u32("transactions")?, batch.u32("backlog")?);
        for row in 0..batch.rows() {
            if reps[row] == show.replication && rate.keeps(heights[row]) {
                let args =
                    format!(r#""transactions":{},"backlog":{}"#, transactions[row], backlog[row]);
                instant(events, times[row], 1, &format!("block {}", heights[row]), &args);
            }
        }
        Ok(())
    })?;
    Ok(rate)
}

/// One instant a subnet and period.
fn epochs(trace: &Path, show: Timeline, events: &mut Vec<Event>) -> Result<OneIn, ReportError> {
    let mut closed = std::collections::BTreeMap::new();
    let columns = ["rep", "subnet", "epoch", "time", "emission"];
    Table::open(trace, "epochs", &columns)?.for_each(|batch| {
        let (reps, subnets) = (batch.u32("rep")?, batch.u16("subnet")?);
        let (epochs, times) = (batch.u64("epoch")?, batch.u64("time")?);
        let emission = batch.amount("emission")?;
        for row in (0..batch.rows()).filter(|&row| reps[row] == show.replication) {
            let entry = closed.entry((epochs[row], subnets[row])).or_insert((times[row], 0));
            entry.1 += emission.get(row);
        }
        Ok(())
    })?;
    let mut census = Census::new(1);
    let hashed = |epoch: u64, subnet: u16| epoch << 16 | u64::from(subnet);
    for &(epoch, subnet) in closed.keys() {
        census.count(hashed(epoch, subnet));
    }
    let rate = census.sample(show.most);
    for ((epoch, subnet), (time, emission)) in closed {
        if rate.keeps(hashed(epoch, subnet)) {
            // Amounts go beyond what a JSON reader's numbers hold.
            let args = format!(r#""emission":"{emission}""#);
            instant(events, time, 2, &format!("epoch {epoch} of subnet {subnet}"), &args);
        }
    }
    Ok(rate)
}

fn faults(trace: &Path, show: Timeline, events: &mut Vec<Event>) -> Result<(), ReportError> {
    Table::open(trace, "faults", &["rep", "time", "kind", "target"])?.for_each(|batch| {
        let (reps, times) = (batch.u32("rep")?, batch.u64("time")?);
        let (kinds, targets) = (batch.words("kind")?, batch.words("target")?);
        for row in (0..batch.rows()).filter(|&row| reps[row] == show.replication) {
            let args = format!(r#""target":{}"#, text(targets.get(row)));
            instant(events, times[row], 3, kinds.get(row), &args);
        }
        Ok(())
    })
}

fn load(trace: &Path, show: Timeline, events: &mut Vec<Event>) -> Result<(), ReportError> {
    let columns = ["rep", "time", "hardware", "running", "waiting"];
    Table::open(trace, "load", &columns)?.for_each(|batch| {
        let (reps, times) = (batch.u32("rep")?, batch.u64("time")?);
        let (running, waiting) = (batch.u32("running")?, batch.u32("waiting")?);
        let hardware = batch.words("hardware")?;
        for row in (0..batch.rows()).filter(|&row| reps[row] == show.replication) {
            let event = format!(
                r#"{{"name":{},"ph":"C","ts":{},"pid":{LOAD},"args":{{"running":{},"waiting":{}}}}}"#,
                text(&format!("jobs on {}", hardware.get(row))),
                micros(times[row]),
                running[row],
                waiting[row]
            );
            events.push((times[row], LOAD, 0, event));
        }
        Ok(())
    })
}

/// The jobs that were worked on and answered, or a sample of them, and which.
fn jobs(
    trace: &Path,
    context: &Context,
    show: Timeline,
) -> Result<(Vec<Slice>, OneIn), ReportError> {
    let base = match context.trace {
        TraceLevel::Sampled(one_in) => one_in.0.get(),
        _ => 1,
    };
    let mut census = Census::new(base);
    let when = ["rep", "job", "provider", "started", "completed"];
    let what = ["subnet", "prompt_tokens", "output_tokens", "outcome"];
    Table::open(trace, "jobs", &when)?.for_each(|batch| {
        let (reps, names) = (batch.u32("rep")?, batch.u64("job")?);
        let (providers, completed) = (batch.opt_u32("provider")?, batch.opt_u64("completed")?);
        let started = batch.opt_u64("started")?;
        for row in 0..batch.rows() {
            let worked = providers.get(row).is_some()
                && started.get(row).is_some()
                && completed.get(row).is_some();
            if reps[row] == show.replication && worked {
                census.count(names[row]);
            }
        }
        Ok(())
    })?;
    let rate = census.sample(show.most);
    let mut slices = Vec::new();
    Table::open(trace, "jobs", &[&when[..], &what].concat())?.for_each(|batch| {
        let (reps, names) = (batch.u32("rep")?, batch.u64("job")?);
        let (providers, completed) = (batch.opt_u32("provider")?, batch.opt_u64("completed")?);
        let (started, subnets) = (batch.opt_u64("started")?, batch.u16("subnet")?);
        let (prompt, output) = (batch.u32("prompt_tokens")?, batch.u32("output_tokens")?);
        let outcomes = batch.words("outcome")?;
        for row in 0..batch.rows() {
            let (Some(node), Some(start), Some(end)) =
                (providers.get(row), started.get(row), completed.get(row))
            else {
                continue;
            };
            if reps[row] == show.replication && rate.keeps(names[row]) {
                slices.push(Slice {
                    node,
                    start,
                    end: end.max(start),
                    job: names[row],
                    args: format!(
                        r#""subnet":{},"prompt_tokens":{},"output_tokens":{}"#,
                        subnets[row], prompt[row], output[row]
                    ),
                    outcome: outcomes.get(row).to_owned(),
                });
            }
        }
        Ok(())
    })?;
    Ok((slices, rate))
}

/// Lays the slices of every node onto its lanes, and names nodes and lanes.
fn nodes(
    trace: &Path,
    show: Timeline,
    mut slices: Vec<Slice>,
    names: &mut Vec<String>,
    events: &mut Vec<Event>,
) -> Result<(), ReportError> {
    slices.sort_by_key(|slice| (slice.node, slice.start, slice.end, slice.job));
    // By node: how many lanes it needs.
    let mut lanes = std::collections::BTreeMap::new();
    for of_node in slices.chunk_by(|a, b| a.node == b.node) {
        let mut free: Vec<u64> = Vec::new();
        for slice in of_node {
            let lane = free.iter().position(|&end| end <= slice.start).unwrap_or(free.len());
            *crate::tally::at(&mut free, lane) = slice.end;
            let (process, thread) = (NODES + u64::from(slice.node), lane as u64 + 1);
            let mut event = String::new();
            let _ = write!(
                event,
                r#"{{"name":"job {}","cat":{},"ph":"X","ts":{},"dur":{},"pid":{process},"tid":{thread},"args":{{{}}}}}"#,
                slice.job,
                text(&slice.outcome),
                micros(slice.start),
                micros(slice.end - slice.start),
                slice.args
            );
            events.push((slice.start, process, thread, event));
        }
        lanes.insert(of_node[0].node, free.len() as u64);
    }
    let columns = ["rep", "node", "name", "hardware", "behaviour"];
    Table::open(trace, "nodes", &columns)?.for_each(|batch| {
        let (reps, ids) = (batch.u32("rep")?, batch.u32("node")?);
        let (called, hardware) = (batch.words("name")?, batch.words("hardware")?);
        let behaviour = batch.words("behaviour")?;
        for row in (0..batch.rows()).filter(|&row| reps[row] == show.replication) {
            let Some(&lanes) = lanes.get(&ids[row]) else { continue };
            let process = NODES + u64::from(ids[row]);
            let about =
                format!("{} ({}, {})", called.get(row), hardware.get(row), behaviour.get(row));
            name(names, process, 0, &about);
            (1..=lanes).for_each(|lane| name(names, process, lane, &format!("lane {lane}")));
        }
        Ok(())
    })
}

fn write(
    context: &Context,
    show: Timeline,
    notes: &[(&str, String)],
    names: &[String],
    events: &[Event],
    file: &Path,
) -> Result<(), ReportError> {
    let mut about = String::new();
    let own = [
        ("scenario", context.scenario.clone()),
        ("seed", context.seed.to_string()),
        ("replication", show.replication.to_string()),
        ("plan", context.plan_digest.clone()),
        ("events", context.event_digest.clone()),
        ("trace", context.trace.to_string()),
    ];
    let notes = notes.iter().map(|(key, value)| (*key, value.clone()));
    for (i, (key, value)) in own.into_iter().chain(notes).enumerate() {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(about, "{comma}{}:{}", text(key), text(&value));
    }
    save(file, |to| {
        let mut put = |line: &str| to.write_all(line.as_bytes()).map_err(|e| cannot(file, e));
        put(&format!("{{\"displayTimeUnit\":\"ms\",\"otherData\":{{{about}}},\"traceEvents\":["))?;
        let all = names.iter().chain(events.iter().map(|(.., event)| event));
        for (i, event) in all.enumerate() {
            put(if i == 0 { "\n" } else { ",\n" })?;
            put(event)?;
        }
        put("\n]}\n")
    })
}
