//! Words on stdout and stderr, and how a command ends with them.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::ScenarioArgs;
use crate::control::Number;
use crate::diagnose::Diagnostics;
use crate::exit::Exit;
use crate::experiment::Experiment;
use crate::plan::Plan;
use crate::run::{Options, RunError};
use crate::scenario::{Source, Warning};

/// Prints a result. A closed pipe is success.
pub(super) fn text(text: &str) -> Exit {
    bytes(text.as_bytes())
}

/// Prints a result as it is.
pub(super) fn bytes(bytes: &[u8]) -> Exit {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            failure(Exit::File, format_args!("failed to write to standard output: {error}"))
        }
        _ => Exit::Good,
    }
}

/// Prints one JSON object.
pub(super) fn json(value: &impl serde::Serialize) -> Exit {
    match serde_json::to_string_pretty(value) {
        Ok(json) => text(&(json + "\n")),
        Err(error) => failure(Exit::Bug, format_args!("failed to serialise the result: {error}")),
    }
}

/// Says what went wrong, on stderr, and ends with `exit`.
pub(super) fn failure(exit: Exit, message: impl Display) -> Exit {
    say(format_args!("error: {message}"));
    exit
}

/// Says something on stderr.
pub(super) fn say(message: impl Display) {
    // Nobody listens on a closed stderr; the exit code still tells.
    let _ = writeln!(io::stderr(), "{message}");
}

/// Errors of an input shown; how the command ends over them.
pub(super) fn refuse(diagnostics: &Diagnostics, json: bool) -> Exit {
    if json {
        let _ = self::json(diagnostics);
    }
    say(diagnostics.render(io::stderr().is_terminal()).trim_end());
    diagnostics.exit()
}

/// A scenario with what the command line changes in it, or its errors shown.
fn source(args: &ScenarioArgs, json: bool) -> Result<Source, Exit> {
    let show = |diagnostics: Diagnostics| refuse(&diagnostics, json);
    let mut source = Source::load(&args.scenario).map_err(show)?;
    for change in &args.set {
        let Some((path, value)) = change.split_once('=') else {
            let message = format!("found `--set {change}`, expected PATH=VALUE");
            return Err(failure(Exit::Usage, message));
        };
        source.set(path.trim(), value.trim()).map_err(show)?;
    }
    if let Some(seed) = args.seed {
        source.set("seed", &seed.to_string()).map_err(show)?;
    }
    if let Some(replications) = args.replications {
        source.set("replications", &replications.to_string()).map_err(show)?;
    }
    Ok(source)
}

/// The scenario of a network made a plan, or its errors shown.
pub(super) fn plan(args: &ScenarioArgs, json: bool) -> Result<(Plan, Vec<Warning>), Exit> {
    source(args, json)?.plan().map_err(|diagnostics| refuse(&diagnostics, json))
}

/// A scenario of either form made a plan, or its errors shown.
pub(super) fn experiment(
    args: &ScenarioArgs,
    json: bool,
) -> Result<(Experiment, Vec<Warning>), Exit> {
    source(args, json)?.experiment().map_err(|diagnostics| refuse(&diagnostics, json))
}

/// The command that repeats a network's run.
pub(super) fn replay_line(args: &ScenarioArgs, plan: &Plan) -> String {
    repeat(args, plan.seed, Number::of(plan))
}

/// The command that repeats a run of either form.
pub(super) fn replay_of(args: &ScenarioArgs, experiment: &Experiment) -> String {
    repeat(args, experiment.seed(), experiment.number())
}

fn repeat(args: &ScenarioArgs, seed: u64, number: Number<'_>) -> String {
    let Number { replications, stopping, .. } = number;
    let mut line = format!("arable run {} --seed {seed}", args.scenario.display());
    // A rule for stopping is the scenario's own.
    if args.replications.is_some() || replications > 1 && stopping.is_none() {
        line += &format!(" --replications {replications}");
    }
    for change in &args.set {
        line += &format!(" --set '{}'", change.replace('\'', r"'\''"));
    }
    line
}

/// A run that failed: says why and ends.
pub(super) fn run_failure(error: &RunError) -> Exit {
    failure(error.exit(), error)
}

/// A flag that Ctrl-C sets.
pub(super) fn interrupt() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    // Without a handler Ctrl-C still ends the program, only less politely.
    let _ = ctrlc::set_handler(move || {
        if set.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(Exit::Interrupted as u8));
        }
    });
    flag
}

/// Shows how many of something are done, on stderr; silent where stderr is no terminal.
pub(super) fn counter(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len}, {elapsed} gone");
    ProgressBar::new(0)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}

/// What progress looks like.
pub(super) struct Bar<'a> {
    /// Of how many.
    pub(super) total: u64,
    /// In indicatif's words.
    pub(super) template: &'static str,
    /// Of what.
    pub(super) name: &'a str,
    /// Not at all.
    pub(super) quiet: bool,
}

/// Shows the progress of simulated time on stderr while `work` runs; silent where stderr is
/// no terminal.
pub(super) fn with_progress<T>(
    plan: &Plan,
    options: &Options,
    quiet: bool,
    work: impl FnOnce() -> T,
) -> T {
    let bar = Bar {
        total: plan.horizon.0.saturating_mul(plan.replications.into()),
        template: "{msg} {bar:40} {percent:>3} % of simulated time, {elapsed} gone, {eta} to go",
        name: &plan.name,
        quiet,
    };
    with_bar(&bar, &options.done, work)
}

/// Shows on stderr how much is `done` while `work` runs; silent where stderr is no terminal.
pub(super) fn with_bar<T>(bar: &Bar<'_>, done: &Arc<AtomicU64>, work: impl FnOnce() -> T) -> T {
    let Bar { total, template, name, quiet } = *bar;
    let bar = if quiet { ProgressBar::hidden() } else { ProgressBar::new(total) };
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(name.to_owned());
    let over = Arc::new(AtomicBool::new(false));
    std::thread::scope(|scope| {
        let ended = Arc::clone(&over);
        let bar = &bar;
        let watcher = scope.spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                bar.set_position(done.load(Ordering::Relaxed));
                std::thread::park_timeout(Duration::from_millis(100));
            }
        });
        let result = work();
        over.store(true, Ordering::Relaxed);
        watcher.thread().unpark();
        bar.finish_and_clear();
        result
    })
}
