//! Figures and the page of a study.

use std::path::Path;

use ::study::optimise::{Method as Search, Process, Search as _, State};
use reports::figure::Figure;
use reports::figure::study::{self as figure, Bar, Believed, Point as Dot, Scale};
use reports::page::study::{Study as Page, Table, render};

use super::runs::{Outcome, Point};
use super::sensitivity::{Effect, Metric, Report as Sensed};
use super::tune::{self, Found, Report as Tuned};
use super::{Analysis, Goal, Measure, Parameter, Sensitivity, StudyError, Tuning};

/// Rows and columns of a response surface.
const GRID: (usize, usize) = (36, 48);
/// Most rows of a table of trials; the store has them all.
const ROWS: usize = 200;

/// Writes the page and its figures.
pub(super) fn save(out: &Path, page: &Page) -> Result<(), StudyError> {
    let folder = out.join("figures");
    std::fs::create_dir_all(&folder)
        .map_err(|source| StudyError::File { path: folder.clone(), source })?;
    for figure in &page.figures {
        tune::write(&folder.join(format!("{}.svg", figure.name)), &figure.standalone())?;
    }
    tune::write(&out.join("report.html"), &render(page))
}

fn scale(parameter: &Parameter) -> Scale {
    let range = parameter.range.parameter(&parameter.path);
    Scale { log: range.log, ..Scale::even(&parameter.path, parameter.range.unit()) }
}

fn outcome(measure: &Measure) -> Scale {
    Scale::even(&measure.name, &measure.unit)
}

fn fact(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}

/// A mean with its standard error, as people read it.
fn shown(found: &Found) -> String {
    let scale = Scale::even(&found.metric, &found.unit);
    match found.mean {
        None => "failed".to_owned(),
        Some(mean) if found.error > 0.0 => {
            format!("{} ± {}", scale.text(mean), scale.text(found.error))
        }
        Some(mean) => scale.text(mean),
    }
}

/// The page of a search.
pub(super) fn tuning(
    tuning: &Tuning,
    search: &Search,
    found: &Tuned,
    figures: &[Vec<Vec<f64>>],
    replay: &str,
) -> Result<Page, StudyError> {
    let mut facts: Vec<(String, String)> =
        found.goal.iter().map(|goal| fact("goal", goal.clone())).collect();
    facts.push(fact("method", found.method));
    facts.push(fact("runs", format!("{} of at most {}", found.runs, found.budget)));
    facts.push(fact("points", found.trials.len().to_string()));
    let mut notes = Vec::new();
    if let Some(answer) = &found.answer {
        let parameters = answer.parameters.iter();
        notes.extend(parameters.map(|value| format!("{} = {}", value.parameter, value.words())));
        notes.extend(answer.found.iter().map(|f| format!("{}: {}", f.metric, shown(f))));
    }
    let good = found.verdict == State::Converged;
    let word = match found.verdict {
        State::Converged => "Converged",
        State::Infeasible => "No point keeps all bounds",
        State::OutOfBudget | State::Searching => "Not converged",
    };
    Ok(Page {
        title: found.title.clone(),
        kind: "tuning".to_owned(),
        facts,
        verdict: Some((good, format!("{word}: {}", found.why))),
        notes,
        figures: drawn(tuning, search, found, figures)?,
        tables: answer_table(found).into_iter().chain([trials_table(tuning, found)]).collect(),
        replay: replay.to_owned(),
    })
}

fn answer_table(found: &Tuned) -> Option<Table> {
    let parameters = &found.answer.as_ref()?.parameters;
    let row =
        |value: &tune::Value| vec![value.parameter.clone(), value.words(), value.written.clone()];
    Some(Table {
        title: "Answer".to_owned(),
        columns: ["parameter", "value", "as written"].map(str::to_owned).to_vec(),
        rows: parameters.iter().map(row).collect(),
    })
}

fn trials_table(tuning: &Tuning, found: &Tuned) -> Table {
    let mut columns = vec!["trial #".to_owned()];
    columns.extend(tuning.study.parameters.iter().map(|p| format!("{} #", p.path)));
    if let Some(first) = found.trials.first() {
        columns.extend(first.found.iter().map(|f| format!("{} #", f.metric)));
    }
    columns.extend(["replications #", "bounds"].map(str::to_owned));
    let scales: Vec<Scale> = tuning.study.parameters.iter().map(scale).collect();
    let shown_rows = found.trials.len().min(ROWS);
    let rows = found.trials.iter().rev().take(ROWS).map(|trial| {
        let mut row = vec![trial.number.to_string()];
        row.extend(scales.iter().zip(&trial.values).map(|(scale, value)| scale.text(*value)));
        row.extend(trial.found.iter().map(shown));
        row.push(trial.replications.to_string());
        let front = if found.front.contains(&trial.number) { ", on the front" } else { "" };
        row.push(format!("{}{front}", if trial.kept { "kept" } else { "missed" }));
        row
    });
    let all = found.trials.len();
    let title = if all > shown_rows {
        format!("The last {shown_rows} of {all} trials")
    } else {
        "Trials".to_owned()
    };
    Table { title, columns, rows: rows.collect() }
}

fn drawn(
    tuning: &Tuning,
    search: &Search,
    found: &Tuned,
    figures: &[Vec<Vec<f64>>],
) -> Result<Vec<Figure>, StudyError> {
    let scales: Vec<Scale> = tuning.study.parameters.iter().map(scale).collect();
    let dots: Vec<Dot> = found
        .trials
        .iter()
        .map(|trial| Dot {
            parameters: trial.values.clone(),
            outcomes: trial.found.iter().map(|f| f.mean.unwrap_or(f64::NAN)).collect(),
            feasible: trial.kept,
        })
        .collect();
    let mut measures: Vec<Measure> = Vec::new();
    for measure in tune::measures(&tuning.goal) {
        if !measures.contains(&measure) {
            measures.push(measure);
        }
    }
    let mut all = Vec::new();
    let best = found
        .answer
        .as_ref()
        .map(|answer| -> Vec<f64> { answer.parameters.iter().map(|value| value.value).collect() });
    for (k, measure) in measures.iter().enumerate() {
        all.extend(response(tuning, search, measure, k, &dots, best.as_deref())?);
    }
    let several = matches!(&tuning.goal, Goal::Best { objectives, .. } if objectives.len() > 1);
    let front: Vec<usize> = found.front.iter().map(|i| *i as usize).collect();
    if several && measures.len() > 1 {
        let pair = [&outcome(&measures[0]), &outcome(&measures[1])];
        all.push(figure::pareto("pareto_front", pair, &dots, [0, 1], &front)?);
    }
    if scales.len() > 1 || measures.len() > 1 {
        let mut axes = scales.clone();
        axes.extend(measures.iter().map(outcome));
        let stand_out = if several { front } else { leading(found) };
        all.push(figure::parallel("parallel_coordinates", &axes, &dots, &stand_out)?);
    }
    if scales.len() == 1 {
        let rows: Vec<(f64, Vec<f64>)> = found
            .trials
            .iter()
            .zip(figures)
            .map(|(trial, runs)| (trial.values[0], runs.iter().map(|run| run[0]).collect()))
            .collect();
        let note = "Points that matter more were run more often.";
        all.push(figure::fan("replications", &scales[0], &outcome(&measures[0]), &rows, note)?);
    }
    Ok(all)
}

/// The trial that measured the answer.
fn leading(found: &Tuned) -> Vec<usize> {
    found
        .answer
        .as_ref()
        .and_then(|answer| answer.trial)
        .map(|i| vec![i as usize])
        .unwrap_or_default()
}

/// An outcome over one parameter, or over the two that move it most.
fn response(
    tuning: &Tuning,
    search: &Search,
    measure: &Measure,
    k: usize,
    dots: &[Dot],
    best: Option<&[f64]>,
) -> Result<Option<Figure>, StudyError> {
    let trials = search.trials();
    let space = &trials.problem.space;
    // Some hundreds of points say as much as thousands, and cost less to fit.
    let from = dots.len().saturating_sub(250);
    let points: Vec<(Vec<f64>, f64, usize)> = trials.list[from..]
        .iter()
        .zip(&dots[from..])
        .map(|(trial, dot)| (trial.unit.clone(), dot.outcomes[k], trial.replications))
        .collect();
    let varies = points.iter().any(|(_, value, _)| value.to_bits() != points[0].1.to_bits());
    let process = varies.then(|| Process::of(&points, trials.problem.seed)).flatten();
    let Some(process) = process else { return Ok(None) };
    let parameters = &tuning.study.parameters;
    let name = format!("response_{}", measure.name.replace('.', "_"));
    let share = |i: usize, of: usize| {
        let at = |n: usize| f64::from(u32::try_from(n).unwrap_or(u32::MAX));
        (at(i) + 0.5) / at(of)
    };
    if let [only] = &parameters[..] {
        let steps = 120;
        let believed: Vec<(f64, Believed)> = (0..steps)
            .map(|i| {
                let unit = share(i, steps);
                let belief = process.belief(&[unit]);
                let believed = Believed { mean: belief.mean, deviation: belief.deviation };
                (space.values(&[unit])[0], believed)
            })
            .collect();
        let tried: Vec<(f64, f64)> =
            dots.iter().map(|dot| (dot.parameters[0], dot.outcomes[k])).collect();
        let note = "The line is what a Gaussian process believes of the outcome from all trials, \
                    the band two standard deviations.";
        let best = best.map(|best| best[0]);
        return Ok(Some(figure::curve(
            &name,
            &scale(only),
            &outcome(measure),
            &believed,
            &tried,
            best,
            note,
        )?));
    }
    let lengths = process.lengths();
    let mut order: Vec<usize> = (0..parameters.len()).collect();
    order.sort_by(|a, b| lengths[*a].total_cmp(&lengths[*b]));
    let (x, y) = (order[0].min(order[1]), order[0].max(order[1]));
    let middle = vec![0.5; parameters.len()];
    let held = best.map_or(middle, |best| space.unit(best));
    let (rows, columns) = GRID;
    let grid: Vec<Vec<f64>> = (0..rows)
        .map(|j| {
            (0..columns)
                .map(|i| {
                    let mut unit = held.clone();
                    (unit[x], unit[y]) = (share(i, columns), share(j, rows));
                    process.belief(&unit).mean
                })
                .collect()
        })
        .collect();
    let range = |k: usize| [space.parameters[k].low, space.parameters[k].high];
    let tried: Vec<(f64, f64)> =
        dots.iter().map(|dot| (dot.parameters[x], dot.parameters[y])).collect();
    let (sx, sy) = (scale(&parameters[x]), scale(&parameters[y]));
    let note = if parameters.len() > 2 {
        "Believed by a Gaussian process from all trials; the two parameters are those over which \
         it changes fastest, all others stand at the answer."
    } else {
        "Believed by a Gaussian process from all trials."
    };
    let best = best.map(|best| (best[x], best[y]));
    let axes = [(&sx, range(x)), (&sy, range(y))];
    Ok(Some(figure::surface(&name, axes, &outcome(measure), &grid, &tried, best, note)?))
}

/// The page of a sensitivity study.
pub(super) fn sensitivity(
    study: &Sensitivity,
    found: &Sensed,
    points: &[Point],
    outcomes: &[Outcome],
    replay: &str,
) -> Result<Page, StudyError> {
    let method = match study.method {
        Analysis::Morris(n) => format!("Morris screening, {n} trajectories"),
        Analysis::Sobol(n) => format!("Sobol indices, {n} points"),
        Analysis::OneAtATime(n) => format!("one at a time, {n} points each"),
    };
    let mut figures = Vec::new();
    let mut tables = Vec::new();
    for (k, metric) in found.metrics.iter().enumerate() {
        tables.push(effects_table(study, metric));
        if metric.effects.is_empty() {
            continue;
        }
        figures.push(tornado(study, metric)?);
        if let Analysis::OneAtATime(n) = study.method {
            for (p, parameter) in study.study.parameters.iter().enumerate() {
                let from = 1 + p * n.max(2);
                let rows: Vec<(f64, Vec<f64>)> = points[from..]
                    .iter()
                    .zip(&outcomes[from..])
                    .take(n.max(2))
                    .filter_map(|(point, outcome)| {
                        let runs = outcome.as_ref().ok()?;
                        Some((point.values[p], runs.iter().map(|run| run[k]).collect()))
                    })
                    .collect();
                let name = format!("fan_{}_{p}", metric.metric.replace('.', "_"));
                let measure = outcome(&study.metrics[k]);
                let note = "All other parameters stand in the middle of their ranges.";
                figures.push(figure::fan(&name, &scale(parameter), &measure, &rows, note)?);
            }
        }
    }
    let still: Vec<&str> =
        found.metrics.iter().filter(|m| m.effects.is_empty()).map(|m| m.metric.as_str()).collect();
    let mut notes: Vec<String> = Vec::new();
    if !still.is_empty() {
        notes.push(format!("No parameter moves {}: it does not vary.", still.join(", ")));
    }
    if found.failed > 0 {
        notes.push(format!("{} of {} points failed and are left out.", found.failed, found.points));
    }
    let strongest = found.metrics.iter().filter_map(|metric| {
        let first = sorted(metric).first().map(|effect| effect.parameter.clone())?;
        Some(format!("{} depends most on {first}", metric.metric))
    });
    Ok(Page {
        title: found.title.clone(),
        kind: "sensitivity".to_owned(),
        facts: vec![
            fact("method", method),
            fact("points", found.points.to_string()),
            fact("replications", found.replications.to_string()),
        ],
        verdict: Some((true, strongest.collect::<Vec<String>>().join("; "))),
        notes,
        figures,
        tables,
        replay: replay.to_owned(),
    })
}

/// How much a parameter matters, by whichever method.
fn weight(effect: &Effect) -> f64 {
    let swing = effect.swing.map(|[low, high]| high - low);
    effect.mu_star.or(effect.total).map(|index| index.value).or(swing).unwrap_or(0.0)
}

/// The strongest first.
fn sorted(metric: &Metric) -> Vec<&Effect> {
    let mut effects: Vec<&Effect> = metric.effects.iter().collect();
    effects.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    effects
}

fn tornado(study: &Sensitivity, metric: &Metric) -> Result<Figure, StudyError> {
    let effects = sorted(metric);
    let of = |index: fn(&Effect) -> Option<::study::sensitivity::Index>| -> Vec<Bar> {
        effects
            .iter()
            .filter_map(|effect| {
                let index = index(effect)?;
                let name = effect.parameter.clone();
                let bar = [index.value.min(0.0), index.value.max(0.0)];
                Some(Bar { name, bar, whisker: index.interval, value: index.value })
            })
            .collect()
    };
    let unit = metric.unit.as_str();
    let shares = Scale::even("share of the variance", "share");
    let effect_scale = Scale::even(format!("effect of the whole range on {}", metric.metric), unit);
    let swing_scale = Scale::even(format!("change of {} from the base", metric.metric), unit);
    let name = format!("tornado_{}", metric.metric.replace('.', "_"));
    let title = format!("What moves {}", metric.metric.replace('_', " "));
    let (caption, x, groups) = match study.method {
        Analysis::Morris(_) => (
            "Mean size of the elementary effects (μ*), with its 95 % interval: the change of the \
             metric when one parameter crosses its whole range, all else as it may be.",
            effect_scale,
            vec![("μ*".to_owned(), of(|e| e.mu_star))],
        ),
        Analysis::Sobol(_) => (
            "Share of the metric's variance that each parameter explains: by itself (first) and \
             together with others (total), with 95 % intervals. Where the two differ, the parameter \
             acts together with others.",
            shares,
            vec![("total".to_owned(), of(|e| e.total)), ("first".to_owned(), of(|e| e.first))],
        ),
        Analysis::OneAtATime(_) => {
            let bars = effects.iter().filter_map(|effect| {
                let swing = effect.swing?;
                let name = effect.parameter.clone();
                Some(Bar { name, bar: swing, whisker: swing, value: 0.0 })
            });
            (
                "Smallest and largest change of the metric when one parameter crosses its range and \
                 all others stand in the middle of theirs.",
                swing_scale,
                vec![("one at a time".to_owned(), bars.collect())],
            )
        }
    };
    Ok(figure::tornado(&name, &title, caption, &x, &groups)?)
}

fn effects_table(study: &Sensitivity, metric: &Metric) -> Table {
    let scale = Scale::even(&metric.metric, &metric.unit);
    let index = |index: Option<::study::sensitivity::Index>, text: &dyn Fn(f64) -> String| {
        let Some(index) = index else { return vec!["–".to_owned(), "–".to_owned()] };
        let [low, high] = index.interval;
        vec![text(index.value), format!("{} … {}", text(low), text(high))]
    };
    let own = |value: f64| scale.text(value);
    let percent = |value: f64| Scale::even("", "share").text(value);
    let columns: &[&str] = match study.method {
        Analysis::Morris(_) => &["parameter", "μ* #", "95 % interval #", "μ #", "σ #"],
        Analysis::Sobol(_) => {
            &["parameter", "first #", "95 % interval #", "total #", "95 % interval #"]
        }
        Analysis::OneAtATime(_) => &["parameter", "lowest change #", "highest change #"],
    };
    let row = |effect: &&Effect| -> Vec<String> {
        let mut row = vec![effect.parameter.clone()];
        match study.method {
            Analysis::Morris(_) => {
                row.extend(index(effect.mu_star, &own));
                row.extend([effect.mu, effect.sigma].map(|v| v.map_or("–".to_owned(), own)));
            }
            Analysis::Sobol(_) => {
                row.extend(index(effect.first, &percent));
                row.extend(index(effect.total, &percent));
            }
            Analysis::OneAtATime(_) => {
                row.extend(effect.swing.unwrap_or_default().map(own));
            }
        }
        row
    };
    let mean = metric.mean.map_or("–".to_owned(), own);
    Table {
        title: format!("{}: mean {mean} over the design", metric.metric),
        columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        rows: sorted(metric).iter().map(row).collect(),
    }
}
