//! Sensitivity: the points of a design, and what the metrics there say of the parameters.
//!
//! A directory holds the store, and when all is run `sensitivity.json` (this module's
//! [`Report`]), `report.html` and `figures/`.

use ::study::sensitivity::{Index, morris, one_at_a_time, sobol};
use serde::Serialize;

use super::runs::{Count, Point, Runs};
use super::tune::write;
use super::{Analysis, Options, Sensitivity, StudyError, report};

/// Version of the form of `sensitivity.json`.
const FORM: u32 = 1;

/// What a method says of one parameter; the fields that others have are `null`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Effect {
    /// Its path in the scenario.
    pub parameter: String,
    /// Morris: mean effect of the whole range.
    pub mu: Option<f64>,
    /// Morris: mean size of the effect.
    pub mu_star: Option<Index>,
    /// Morris: standard deviation of the effects.
    pub sigma: Option<f64>,
    /// Sobol: share of the variance by itself.
    pub first: Option<Index>,
    /// Sobol: share of the variance by itself and with others.
    pub total: Option<Index>,
    /// One at a time: smallest and largest change from the base.
    pub swing: Option<[f64; 2]>,
    /// One at a time: value of the parameter and mean of the metric.
    pub curve: Option<Vec<(f64, f64)>>,
}

/// What was found for one metric.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metric {
    /// The metric.
    pub metric: String,
    /// Its unit.
    pub unit: String,
    /// Mean over the design.
    pub mean: Option<f64>,
    /// The parameters in the order of the file; empty where the metric does not vary.
    pub effects: Vec<Effect>,
}

/// What a study came to: the same bytes for the same file, whatever interrupted it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Version of this form.
    pub form: u32,
    /// Name of the study file.
    pub name: String,
    /// What is asked.
    pub title: String,
    /// How it was looked at.
    pub method: Analysis,
    /// Points.
    pub points: usize,
    /// Replications of each.
    pub replications: u32,
    /// Points that failed; indices leave them out.
    pub failed: usize,
    /// The metrics, in the order of the file.
    pub metrics: Vec<Metric>,
}

/// A finished study.
#[derive(Debug)]
pub struct Done {
    /// What it found.
    pub report: Report,
    /// What it ran.
    pub count: Count,
}

impl Sensitivity {
    /// The points of the design, in the unit cube.
    #[must_use]
    pub fn design(&self) -> Vec<Vec<f64>> {
        let dimensions = self.study.parameters.len();
        match self.method {
            Analysis::Morris(trajectories) => morris::design(trajectories, dimensions, self.seed()),
            Analysis::Sobol(points) => sobol::design(points, dimensions, self.seed()),
            Analysis::OneAtATime(points) => one_at_a_time::design(points, &vec![0.5; dimensions]),
        }
    }

    fn seed(&self) -> u64 {
        self.study.base.experiment().map_or(1, |(experiment, _)| experiment.seed())
    }
}

/// Runs the design, from where an earlier process stopped, and writes what it says.
///
/// # Errors
/// See [`StudyError`].
pub fn run(study: &Sensitivity, options: &Options) -> Result<Done, StudyError> {
    let design = study.design();
    let space = study.study.space();
    let points: Vec<Point> = design
        .iter()
        .enumerate()
        .map(|(number, unit)| Point {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            values: space.values(unit),
            replications: study.replications,
        })
        .collect();
    let mut runs = Runs::open(&study.study, study.metrics.clone(), points.len(), options)?;
    let outcomes = match runs.of(&points) {
        Ok(outcomes) => outcomes,
        Err(error) => {
            runs.leave();
            return Err(error);
        }
    };
    if let (true, Some(reason)) = (outcomes.iter().all(Result::is_err), runs.first_failure()) {
        let reason = reason.to_owned();
        runs.leave();
        return Err(StudyError::AllFailed(reason));
    }
    let metrics = (0..study.metrics.len())
        .map(|k| {
            let means: Vec<f64> = outcomes
                .iter()
                .map(|outcome| outcome.as_ref().map_or(f64::NAN, |runs| mean(runs, k)))
                .collect();
            metric(study, k, &design, &means)
        })
        .collect();
    let report = Report {
        form: FORM,
        name: study.study.name.clone(),
        title: study.study.title.clone(),
        method: study.method,
        points: points.len(),
        replications: study.replications,
        failed: outcomes.iter().filter(|outcome| outcome.is_err()).count(),
        metrics,
    };
    let count = runs.finish()?;
    let text = serde_json::to_string_pretty(&report).unwrap_or_default() + "\n";
    write(&options.out.join("sensitivity.json"), &text)?;
    let page = report::sensitivity(study, &report, &points, &outcomes, &options.replay)?;
    report::save(&options.out, &page)?;
    Ok(Done { report, count })
}

/// Mean of a metric over replications.
fn mean(runs: &[Vec<f64>], metric: usize) -> f64 {
    let values: Vec<f64> = runs.iter().map(|run| run[metric]).collect();
    reports::stats::mean(&values).unwrap_or(f64::NAN)
}

fn metric(study: &Sensitivity, k: usize, design: &[Vec<f64>], means: &[f64]) -> Metric {
    let parameters = &study.study.parameters;
    let blank = |k: usize| Effect { parameter: parameters[k].path.clone(), ..Effect::default() };
    let effects = match study.method {
        Analysis::Morris(_) => morris::effects(design, means)
            .into_iter()
            .enumerate()
            .map(|(k, effect)| Effect {
                mu: Some(effect.mu),
                mu_star: Some(effect.mu_star),
                sigma: Some(effect.sigma),
                ..blank(k)
            })
            .collect(),
        Analysis::Sobol(_) => sobol::indices(means, parameters.len(), study.seed())
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .map(|(k, index)| Effect {
                first: Some(index.first),
                total: Some(index.total),
                ..blank(k)
            })
            .collect(),
        Analysis::OneAtATime(_) => one_at_a_time::curves(design, means)
            .into_iter()
            .enumerate()
            .map(|(k, curve)| {
                let scale = parameters[k].range.parameter(&parameters[k].path);
                let value = |(unit, mean): (f64, f64)| (scale.value(unit), mean);
                Effect {
                    swing: Some(curve.swing),
                    curve: Some(curve.points.into_iter().map(value).collect()),
                    ..blank(k)
                }
            })
            .collect(),
    };
    let finite: Vec<f64> = means.iter().copied().filter(|v| v.is_finite()).collect();
    let of = &study.metrics[k];
    Metric {
        metric: of.name.clone(),
        unit: of.unit.clone(),
        mean: reports::stats::mean(&finite),
        effects,
    }
}
