//! Tuning: a method asks for runs at points until it has an answer.
//!
//! A directory holds the store, and when the search is over `tune.json` (this module's
//! [`Report`]), `report.html` and `figures/`.

use std::path::Path;

use ::study::optimise::{
    Ask, Bayesian, Evolution, Genetic, Method as Search, Outcome as Told, Problem, Search as _,
    State, Threshold,
};
use serde::Serialize;

use super::report;
use super::runs::{Count, Point, Runs};
use super::{Goal, Keep, Measure, Method, Options, Replications, StudyError, Tuning};
use crate::snapshot;

/// Version of the form of `tune.json`.
const FORM: u32 = 1;

/// A metric at a point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Found {
    /// The metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Mean over replications; `null` where a run failed.
    pub mean: Option<f64>,
    /// Standard error of the mean.
    pub error: f64,
}

/// A point that was tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trial {
    /// Its number, that of its runs in the store.
    pub number: u32,
    /// Values of the parameters.
    pub values: Vec<f64>,
    /// Replications.
    pub replications: u32,
    /// Objectives, then what else is bounded.
    pub found: Vec<Found>,
    /// Whether all bounds are kept.
    pub kept: bool,
}

/// A parameter with what was found for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// Its path in the scenario.
    pub parameter: String,
    /// Its value.
    pub value: f64,
    /// Its unit.
    pub unit: String,
    /// As it is written in the scenario.
    pub written: String,
    /// 95 % interval, where the method has one.
    pub interval: Option<[f64; 2]>,
}

impl Value {
    /// With six digits and its unit, and the interval where there is one.
    #[must_use]
    pub fn words(&self) -> String {
        let number = |v: f64| reports::format::number(v, 6);
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        let interval = self.interval.map_or_else(String::new, |[low, high]| {
            format!(" (95 % interval {} … {})", number(low), number(high))
        });
        format!("{}{unit}{interval}", number(self.value))
    }
}

/// The answer to one objective or a threshold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// The parameters.
    pub parameters: Vec<Value>,
    /// The trial that measured it, where there was one.
    pub trial: Option<u32>,
    /// What was measured there.
    pub found: Vec<Found>,
}

/// What a search came to: the same bytes for the same file, whatever interrupted it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of this form.
    pub form: u32,
    /// Name of the study file.
    pub name: String,
    /// What is sought.
    pub title: String,
    /// In words.
    pub goal: Vec<String>,
    /// `converged`, `out_of_budget` or `infeasible`.
    pub verdict: State,
    /// Why.
    pub why: String,
    /// The answer, where there is one.
    pub answer: Option<Answer>,
    /// With several objectives, the trials that no other beats in all.
    pub front: Vec<u32>,
    /// The method that searched.
    pub method: &'static str,
    /// Replications asked for.
    pub replications: Replications,
    /// Runs that the method asked for, and the most that it may.
    pub runs: usize,
    /// Most runs.
    pub budget: usize,
    /// Every point.
    pub trials: Vec<Trial>,
}

/// A finished search.
#[derive(Debug)]
pub struct Done {
    /// What it found.
    pub report: Report,
    /// What it ran.
    pub count: Count,
}

/// The metrics that a goal looks at: objectives, then bounds.
pub(super) fn measures(goal: &Goal) -> Vec<Measure> {
    match goal {
        Goal::Best { objectives, keeps } => {
            let objectives = objectives.iter().map(|(measure, _)| measure.clone());
            objectives.chain(keeps.iter().map(|keep| keep.measure.clone())).collect()
        }
        Goal::Threshold(keep) => vec![keep.measure.clone()],
    }
}

/// A goal in words.
fn words(goal: &Goal) -> Vec<String> {
    let keep = |keep: &Keep| format!("keep {}", keep.words());
    match goal {
        Goal::Best { objectives, keeps } => {
            let objectives = objectives.iter().map(|(measure, maximise)| {
                format!("{} {}", if *maximise { "maximise" } else { "minimise" }, measure.name)
            });
            objectives.chain(keeps.iter().map(keep)).collect()
        }
        Goal::Threshold(bound) => {
            vec![format!("find the smallest parameter that keeps {}", bound.words())]
        }
    }
}

/// What a method minimises and what it keeps at most 0, from the metrics of a replication.
fn turned(goal: &Goal, metrics: &[f64]) -> Vec<f64> {
    match goal {
        Goal::Best { objectives, keeps } => {
            let (first, rest) = metrics.split_at(objectives.len());
            let objectives = objectives
                .iter()
                .zip(first)
                .map(|((_, maximise), v)| if *maximise { -v } else { *v });
            objectives.chain(keeps.iter().zip(rest).map(|(keep, v)| keep.miss(*v))).collect()
        }
        Goal::Threshold(keep) => metrics.iter().map(|v| keep.miss(*v)).collect(),
    }
}

impl Tuning {
    /// The search at its beginning, and the name of its method.
    fn search(&self) -> (Search, &'static str) {
        let (objectives, constraints) = match &self.goal {
            Goal::Best { objectives, keeps } => (objectives.len(), keeps.len()),
            Goal::Threshold(_) => (0, 1),
        };
        let problem = Problem {
            space: self.study.space(),
            objectives,
            constraints,
            budget: self.budget,
            replications: self.replications.first as usize,
            most_replications: self.replications.most as usize,
            parameter_tolerance: self.tolerance.parameter,
            objective_tolerance: self.tolerance.objective,
            seed: self.study.base.experiment().map_or(1, |(experiment, _)| experiment.seed()),
        };
        match (&self.goal, self.method) {
            (Goal::Threshold(_), _) => (Search::Threshold(Threshold::new(problem)), "bisection"),
            (_, Method::Bayesian) => {
                (Search::Bayesian(Bayesian::new(problem)), "Bayesian optimisation")
            }
            (_, Method::Evolution) if objectives > 1 => {
                (Search::Genetic(Genetic::new(problem)), "NSGA-II")
            }
            (_, Method::Evolution) => (Search::Evolution(Evolution::new(problem)), "CMA-ES"),
        }
    }
}

/// Searches, from where an earlier process stopped, and writes what it finds.
///
/// # Errors
/// See [`StudyError`].
pub fn run(tuning: &Tuning, options: &Options) -> Result<Done, StudyError> {
    let measures = measures(&tuning.goal);
    let mut runs = Runs::open(&tuning.study, measures.clone(), tuning.budget, options)?;
    let (mut search, method) = tuning.search();
    let problem = search.trials().problem.clone();
    // The metrics as they are, by trial and replication.
    let mut figures: Vec<Vec<Vec<f64>>> = Vec::new();
    loop {
        let asks = search.ask();
        if asks.is_empty() {
            break;
        }
        let outcomes = match runs.of(&points(&asks)) {
            Ok(outcomes) => outcomes,
            Err(error) => {
                runs.leave();
                return Err(error);
            }
        };
        for (ask, outcome) in asks.iter().zip(outcomes) {
            figures.resize(figures.len().max(ask.trial + 1), Vec::new());
            let told = match outcome {
                Ok(replications) => {
                    let turned: Vec<Vec<f64>> =
                        replications.iter().map(|r| turned(&tuning.goal, r)).collect();
                    figures[ask.trial] = replications;
                    Told::of(&turned)
                }
                Err(_) => Told::failed(&problem),
            };
            search.tell(ask.trial, told);
        }
        let some = figures.iter().any(|replications| !replications.is_empty());
        if let (false, Some(reason)) = (some, runs.first_failure()) {
            let reason = reason.to_owned();
            runs.leave();
            return Err(StudyError::AllFailed(reason));
        }
    }
    let report = report(tuning, &search, method, &measures, &figures);
    let count = runs.finish()?;
    save(tuning, &search, &report, &figures, options)?;
    Ok(Done { report, count })
}

fn points(asks: &[Ask]) -> Vec<Point> {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    asks.iter()
        .map(|ask| Point {
            number: small(ask.trial),
            values: ask.values.clone(),
            replications: small(ask.replications),
        })
        .collect()
}

fn report(
    tuning: &Tuning,
    search: &Search,
    method: &'static str,
    measures: &[Measure],
    figures: &[Vec<Vec<f64>>],
) -> Report {
    let all = search.trials();
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let found = |trial: usize| -> Vec<Found> {
        let told = figures.get(trial).filter(|runs| !runs.is_empty()).map(|runs| Told::of(runs));
        measures
            .iter()
            .enumerate()
            // A metric may be sought and bounded.
            .filter(|(k, measure)| !measures[..*k].contains(measure))
            .map(|(k, measure)| Found {
                metric: measure.name.clone(),
                unit: measure.unit.clone(),
                mean: told.as_ref().map(|told| told.means[k]),
                error: told.as_ref().map_or(0.0, |told| told.errors[k]),
            })
            .collect()
    };
    let trials = all
        .list
        .iter()
        .enumerate()
        .map(|(i, trial)| Trial {
            number: small(i),
            values: trial.values.clone(),
            replications: small(trial.replications),
            found: found(i),
            kept: trial.outcome.as_ref().is_some_and(|outcome| all.feasible(outcome)),
        })
        .collect();
    let answer = search.best().map(|best| Answer {
        parameters: tuning
            .study
            .parameters
            .iter()
            .zip(tuning.study.write(&best.values))
            .enumerate()
            .map(|(k, (parameter, written))| Value {
                parameter: parameter.path.clone(),
                value: best.values[k],
                unit: parameter.range.unit().to_owned(),
                written,
                interval: best.interval.as_ref().map(|interval| interval[k]),
            })
            .collect(),
        trial: best.trial.map(small),
        found: best.trial.map(found).unwrap_or_default(),
    });
    let verdict = search.verdict();
    let several = all.problem.objectives > 1;
    Report {
        form: FORM,
        name: tuning.study.name.clone(),
        title: tuning.study.title.clone(),
        goal: words(&tuning.goal),
        verdict: verdict.state,
        why: verdict.why,
        answer,
        front: if several { all.front().into_iter().map(small).collect() } else { Vec::new() },
        method,
        replications: tuning.replications,
        runs: all.spent,
        budget: tuning.budget,
        trials,
    }
}

fn save(
    tuning: &Tuning,
    search: &Search,
    found: &Report,
    figures: &[Vec<Vec<f64>>],
    options: &Options,
) -> Result<(), StudyError> {
    let text = serde_json::to_string_pretty(found).unwrap_or_default() + "\n";
    write(&options.out.join("tune.json"), &text)?;
    let page = report::tuning(tuning, search, found, figures, &options.replay)?;
    report::save(&options.out, &page)
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, text: &str) -> Result<(), StudyError> {
    snapshot::replace(path, |file| std::io::Write::write_all(file, text.as_bytes()))
        .map_err(|source| StudyError::File { path: path.to_owned(), source })
}
