//! `arable tune`: values of a scenario's parameters that serve best; and `arable sensitivity`:
//! which of them matter.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use study::optimise::State;

use super::output;
use crate::exit::Exit;
use crate::study::runs::Count;
use crate::study::sensitivity::{self, Effect};
use crate::study::tune::{self, Report};
use crate::study::{Options, Sensitivity as SensitivityFile, Tuning};

/// What both commands take.
#[derive(Debug, Args)]
struct Common {
    /// Directory of the study; what is in it is not run again
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Threads; 0 = one a core
    #[arg(long, default_value_t = 0)]
    threads: usize,
    /// Print one JSON object instead of words
    #[arg(long)]
    json: bool,
    /// No progress on stderr
    #[arg(long, short)]
    quiet: bool,
}

impl Common {
    fn options(&self, folder: &str, name: &str, command: &str, file: &std::path::Path) -> Options {
        Options {
            out: self.out.clone().unwrap_or_else(|| PathBuf::from(folder).join(name)),
            threads: self.threads,
            replay: format!("arable {command} {}", file.display()),
            interrupt: output::interrupt(),
            say: |text| output::say(text),
            ..Options::default()
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Tune {
    /// Tuning file (YAML)
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Sensitivity {
    /// Sensitivity file (YAML)
    file: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// A report with what was run for it now.
#[derive(Serialize)]
struct Told<'a, R> {
    dir: String,
    page: String,
    #[serde(flatten)]
    count: Count,
    report: &'a R,
}

impl Tune {
    pub(super) fn execute(self) -> Exit {
        let tuning = match Tuning::load(&self.file) {
            Ok(tuning) => tuning,
            Err(wrong) => return output::refuse(&wrong, self.common.json),
        };
        let options = self.common.options("tunings", &tuning.study.name, "tune", &self.file);
        let bar = output::Bar {
            total: tuning.budget as u64,
            template: "{msg} {bar:40} {pos} of at most {len} runs, {elapsed} gone",
            name: &tuning.study.name,
            quiet: self.common.quiet,
        };
        let done = match output::with_bar(&bar, &options.done, || tune::run(&tuning, &options)) {
            Ok(done) => done,
            Err(error) => return output::failure(error.exit(), error),
        };
        let dir = options.out.display().to_string();
        let page = options.out.join("report.html").display().to_string();
        let told = if self.common.json {
            output::json(&Told { dir, page, count: done.count, report: &done.report })
        } else {
            output::text(&words(&done.report, done.count, &page))
        };
        if told == Exit::Good && done.report.verdict == State::Infeasible {
            Exit::Failed
        } else {
            told
        }
    }
}

fn words(report: &Report, count: Count, page: &str) -> String {
    let mut text = format!("{}\n\n", report.title);
    for goal in &report.goal {
        text += &format!("  goal      {goal}\n");
    }
    let verdict = match report.verdict {
        State::Converged => "converged",
        State::Infeasible => "no point keeps all bounds",
        State::OutOfBudget | State::Searching => "not converged",
    };
    text += &format!("  verdict   {verdict}: {}\n", report.why);
    if let Some(answer) = &report.answer {
        for value in &answer.parameters {
            text += &format!("  answer    {} = {}\n", value.parameter, value.words());
        }
        for found in &answer.found {
            text += &format!("  found     {} {}\n", found.metric, measured(found));
        }
    }
    if !report.front.is_empty() {
        text += &format!("  front     {} trials:\n", report.front.len());
        for trial in report.front.iter().filter_map(|i| report.trials.get(*i as usize)) {
            let found: Vec<String> =
                trial.found.iter().map(|f| format!("{} {}", f.metric, measured(f))).collect();
            text += &format!("            {}: {}\n", trial.number, found.join(", "));
        }
    }
    let before = count.runs - count.run_now.min(count.runs);
    text += &format!(
        "  runs      {} at {} points: {} now, {before} before\n",
        count.runs,
        report.trials.len(),
        count.run_now.min(count.runs)
    );
    if count.failed > 0 {
        text += &format!("  failed    {} points\n", count.failed);
    }
    text + &format!("  page      {page}\n")
}

fn measured(found: &tune::Found) -> String {
    let Some(mean) = found.mean else { return "failed".to_owned() };
    let (factor, unit) = match found.unit.as_str() {
        "share" => (100.0, " %"),
        "1" => (1.0, ""),
        unit => (1.0, unit),
    };
    let space = if unit.is_empty() || unit.starts_with(' ') { "" } else { " " };
    let number = |v: f64| reports::format::number(v * factor, 5);
    let error =
        if found.error > 0.0 { format!(" ± {}", number(found.error)) } else { String::new() };
    format!("{}{error}{space}{unit}", number(mean))
}

impl Sensitivity {
    pub(super) fn execute(self) -> Exit {
        let study = match SensitivityFile::load(&self.file) {
            Ok(study) => study,
            Err(wrong) => return output::refuse(&wrong, self.common.json),
        };
        let name = &study.study.name;
        let options = self.common.options("sensitivities", name, "sensitivity", &self.file);
        let points = study.design().len() as u64;
        let bar = output::Bar {
            total: points * u64::from(study.replications),
            template: "{msg} {bar:40} {pos} of {len} runs, {per_sec}, {elapsed} gone, {eta} to go",
            name,
            quiet: self.common.quiet,
        };
        let done = output::with_bar(&bar, &options.done, || sensitivity::run(&study, &options));
        let done = match done {
            Ok(done) => done,
            Err(error) => return output::failure(error.exit(), error),
        };
        let dir = options.out.display().to_string();
        let page = options.out.join("report.html").display().to_string();
        if self.common.json {
            return output::json(&Told { dir, page, count: done.count, report: &done.report });
        }
        let mut text = format!("{}\n", done.report.title);
        for metric in &done.report.metrics {
            text += &format!("\n{}\n", metric.metric);
            for effect in &metric.effects {
                text += &format!("  {:<44} {}\n", effect.parameter, told(effect));
            }
            if metric.effects.is_empty() {
                text += "  does not vary\n";
            }
        }
        if done.report.failed > 0 {
            text += &format!("\nfailed {} of {} points\n", done.report.failed, done.report.points);
        }
        output::text(&format!("{text}\npage {page}\n"))
    }
}

fn told(effect: &Effect) -> String {
    let number = |v: f64| reports::format::number(v, 4);
    let index = |name: &str, index: Option<study::sensitivity::Index>| {
        index.map_or_else(String::new, |index| {
            let [low, high] = index.interval.map(number);
            format!("{name} {} ({low} … {high})  ", number(index.value))
        })
    };
    let mut text = index("first", effect.first) + &index("total", effect.total);
    text += &index("μ*", effect.mu_star);
    for (name, value) in [("μ", effect.mu), ("σ", effect.sigma)] {
        text += &value.map_or_else(String::new, |v| format!("{name} {}  ", number(v)));
    }
    if let Some([low, high]) = effect.swing {
        text += &format!("{} … {} from the base", number(low), number(high));
    }
    text.trim_end().to_owned()
}
