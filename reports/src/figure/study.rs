//! Figures of studies: what many runs say of a few parameters.
//!
//! | figure | shows |
//! |---|---|
//! | [`surface`] | an outcome over two parameters |
//! | [`curve`] | an outcome over one parameter, with what is believed between the runs |
//! | [`parallel`] | many parameters and outcomes of many trials at once |
//! | [`pareto`] | two objectives, and what no trial beats in both |
//! | [`tornado`] | how far each parameter moves an outcome, the strongest on top |
//! | [`fan`] | the spread of replications along a parameter |
//! | [`lines`] | an outcome along a parameter, a line for each setting of the others |

use super::ticks::log;
use super::{Axis, Figure, MUTED, Mark, Plot, Series, linear};
use crate::error::ReportError;
use crate::format::number;
use crate::stats::{self, count};

/// One coordinate: a parameter or an outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct Scale {
    /// Its name.
    pub name: String,
    /// Its unit; empty or `1` for a plain number.
    pub unit: String,
    /// Whether equal factors are equally far apart.
    pub log: bool,
}

impl Scale {
    /// A coordinate on an even scale.
    #[must_use]
    pub fn even(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { name: name.into(), unit: unit.into(), log: false }
    }

    /// Factor and unit that people read.
    fn shown(&self) -> (f64, &str) {
        match self.unit.as_str() {
            "share" => (100.0, "%"),
            "share/day" => (100.0, "%/day"),
            "share/year" => (100.0, "%/year"),
            "1" | "index" | "ratio" => (1.0, ""),
            other => (1.0, other),
        }
    }

    /// Name and unit as they stand at an axis.
    #[must_use]
    pub fn label(&self) -> String {
        let short = self.name.rsplit('.').next().unwrap_or(&self.name);
        let short = short.replace('_', " ");
        match self.shown().1 {
            "" => short,
            unit => format!("{short} ({unit})"),
        }
    }

    /// A value as it is read.
    #[must_use]
    pub fn text(&self, value: f64) -> String {
        let (scale, unit) = self.shown();
        let number = number(value * scale, 4);
        if unit.is_empty() { number } else { format!("{number} {unit}") }
    }

    /// Where a value is drawn.
    fn at(&self, value: f64) -> f64 {
        if self.log {
            sim_types::math::ln(value.max(f64::MIN_POSITIVE))
        } else {
            value * self.shown().0
        }
    }

    fn axis(&self, values: impl Iterator<Item = f64> + Clone) -> Axis {
        let finite = values.filter(|v| v.is_finite());
        let low = finite.clone().fold(f64::INFINITY, f64::min);
        let high = finite.fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        if self.log {
            return log(&self.label(), low, high, |v| number(v, 3));
        }
        let scale = self.shown().0;
        // A constant outcome still has a middle.
        let spare = if high > low { 0.0 } else { low.abs().max(1.0) * 0.05 };
        linear(&self.label(), (low - spare) * scale, (high + spare) * scale, false)
    }
}

/// A trial for figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Values of the parameters.
    pub parameters: Vec<f64>,
    /// Means of the outcomes.
    pub outcomes: Vec<f64>,
    /// Whether it keeps all constraints.
    pub feasible: bool,
}

/// What is believed of an outcome at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Believed {
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
}

fn series(name: impl Into<String>, colour: usize, mark: Mark, points: Vec<(f64, f64)>) -> Series {
    Series { name: name.into(), colour, mark, points, texts: Vec::new() }
}

/// An outcome over two parameters: `grid` holds rows from the lowest y to the highest, each from
/// the lowest x to the highest, at even steps of both scales; `tried` are points, `best` is marked.
///
/// # Errors
/// When it cannot be drawn.
pub fn surface(
    name: &str,
    [x, y]: [(&Scale, [f64; 2]); 2],
    outcome: &Scale,
    grid: &[Vec<f64>],
    tried: &[(f64, f64)],
    best: Option<(f64, f64)>,
    note: &str,
) -> Result<Figure, ReportError> {
    let columns = grid.first().map_or(0, Vec::len);
    let ends = |(scale, range): (&Scale, [f64; 2])| [scale.at(range[0]), scale.at(range[1])];
    let ([x0, x1], [y0, y1]) = (ends(x), ends(y));
    let (width, height) = ((x1 - x0) / count(columns.max(1)), (y1 - y0) / count(grid.len().max(1)));
    let values = || grid.iter().flatten().copied().filter(|v| v.is_finite());
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let (mut points, mut shades, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    let back = |scale: &Scale, at: f64| {
        if scale.log { sim_types::math::exp(at) } else { at / scale.shown().0 }
    };
    for (j, row) in grid.iter().enumerate() {
        for (i, value) in row.iter().enumerate() {
            let at = (x0 + (count(i) + 0.5) * width, y0 + (count(j) + 0.5) * height);
            points.push(at);
            // Ten shades, so that equal values make visible bands.
            let share = if high > low { (value - low) / (high - low) } else { 0.5 };
            shades.push((share * 10.0).floor().min(9.0) / 9.0);
            let place = format!("{}, {}", x.0.text(back(x.0, at.0)), y.0.text(back(y.0, at.1)));
            texts.push((place, outcome.text(*value)));
        }
    }
    let legend = format!(
        "{}: {} (pale) to {} (dark)",
        outcome.label(),
        outcome.text(low),
        outcome.text(high)
    );
    let mut all =
        vec![Series { texts, ..series(legend, 0, Mark::Cells { width, height, shades }, points) }];
    let place = |(a, b): (f64, f64)| (x.0.at(a), y.0.at(b));
    all.push(series("tried", MUTED, Mark::Dots, tried.iter().copied().map(place).collect()));
    if let Some(best) = best {
        all.push(series("answer", 1, Mark::Dots, vec![place(best)]));
    }
    let axis = |(scale, range): (&Scale, [f64; 2])| {
        let Axis { label, ticks, .. } = scale.axis(range.into_iter());
        let [low, high] = ends((scale, range));
        let inside = |at: f64| at >= low - (high - low) * 1e-6 && at <= high + (high - low) * 1e-6;
        Axis { label, low, high, ticks: ticks.into_iter().filter(|(at, _)| inside(*at)).collect() }
    };
    Plot {
        name: name.to_owned(),
        title: format!("Response surface: {}", outcome.label()),
        caption: format!("{} over {} and {}. {note}", outcome.label(), x.0.label(), y.0.label()),
        x: axis(x),
        y: axis(y),
        right: None,
        series: all,
    }
    .draw()
}

/// An outcome over one parameter: what is believed along it with a band of two standard
/// deviations, means of the trials, and the answer.
///
/// # Errors
/// When it cannot be drawn.
pub fn curve(
    name: &str,
    x: &Scale,
    outcome: &Scale,
    believed: &[(f64, Believed)],
    tried: &[(f64, f64)],
    best: Option<f64>,
    note: &str,
) -> Result<Figure, ReportError> {
    let tried: Vec<(f64, f64)> = tried.iter().copied().filter(|p| p.1.is_finite()).collect();
    let ends = |(at, b): &(f64, Believed)| {
        [(*at, b.mean - 2.0 * b.deviation), (*at, b.mean + 2.0 * b.deviation)]
    };
    let drawn: Vec<(f64, f64)> =
        believed.iter().flat_map(ends).chain(tried.iter().copied()).collect();
    let y = outcome.axis(drawn.iter().map(|p| p.1));
    let place = |a: f64, b: f64| (x.at(a), outcome.at(b));
    let mut all = Vec::new();
    if !believed.is_empty() {
        let upper = believed.iter().map(|(at, b)| place(*at, b.mean + 2.0 * b.deviation)).collect();
        let lower = believed.iter().map(|(_, b)| outcome.at(b.mean - 2.0 * b.deviation)).collect();
        all.push(series("two standard deviations", 0, Mark::Band(lower), upper));
        let texts = believed
            .iter()
            .map(|(at, b)| {
                (
                    x.text(*at),
                    format!("{} ± {}", outcome.text(b.mean), outcome.text(2.0 * b.deviation)),
                )
            })
            .collect();
        let line = believed.iter().map(|(at, b)| place(*at, b.mean)).collect();
        all.push(Series { texts, ..series("believed", 0, Mark::Line, line) });
    }
    let texts = tried.iter().map(|&(a, b)| (x.text(a), outcome.text(b))).collect();
    let dots = tried.iter().map(|&(a, b)| place(a, b)).collect();
    all.push(Series { texts, ..series("trials", MUTED, Mark::Dots, dots) });
    if let Some(best) = best {
        let line = vec![(x.at(best), y.low), (x.at(best), y.high)];
        all.push(series(format!("answer: {}", x.text(best)), 1, Mark::Dashes, line));
    }
    Plot {
        name: name.to_owned(),
        title: format!("{} over {}", outcome.label(), x.label()),
        caption: format!("{note} Dots are means of a trial's replications."),
        x: x.axis(drawn.iter().map(|p| p.0)),
        y,
        right: None,
        series: all,
    }
    .draw()
}

/// Every trial as a strand through its parameters and outcomes, each scaled to its own range; the
/// `best` trials stand out.
///
/// # Errors
/// When it cannot be drawn.
pub fn parallel(
    name: &str,
    scales: &[Scale],
    points: &[Point],
    best: &[usize],
) -> Result<Figure, ReportError> {
    let values =
        |p: &Point| -> Vec<f64> { p.parameters.iter().chain(&p.outcomes).copied().collect() };
    let whole: Vec<(usize, Vec<f64>)> = points
        .iter()
        .enumerate()
        .map(|(i, p)| (i, values(p)))
        .filter(|(_, v)| v.len() == scales.len() && v.iter().all(|v| v.is_finite()))
        .collect();
    let ranges: Vec<[f64; 2]> = (0..scales.len())
        .map(|k| {
            let column = || whole.iter().map(|(_, v)| v[k]);
            [column().fold(f64::INFINITY, f64::min), column().fold(f64::NEG_INFINITY, f64::max)]
        })
        .collect();
    let strand = |values: &[f64]| -> Vec<(f64, f64)> {
        (0..scales.len())
            .map(|k| {
                let [low, high] = [scales[k].at(ranges[k][0]), scales[k].at(ranges[k][1])];
                let at = scales[k].at(values[k]);
                (count(k), if high > low { (at - low) / (high - low) } else { 0.5 })
            })
            .collect()
    };
    let texts = |values: &[f64]| -> Vec<(String, String)> {
        scales.iter().zip(values).map(|(s, v)| (s.label(), s.text(*v))).collect()
    };
    let mut groups = [
        series("misses a bound", 3, Mark::Strands(scales.len()), Vec::new()),
        series("trials", MUTED, Mark::Strands(scales.len()), Vec::new()),
        series("best", 1, Mark::Strands(scales.len()), Vec::new()),
    ];
    for (i, values) in &whole {
        let group = match () {
            () if best.contains(i) => 2,
            () if points[*i].feasible => 1,
            () => 0,
        };
        groups[group].points.extend(strand(values));
        groups[group].texts.extend(texts(values));
    }
    let ends = |(scale, range): (&Scale, &[f64; 2])| {
        format!("{}: {} … {}", scale.label(), scale.text(range[0]), scale.text(range[1]))
    };
    let long: Vec<String> = scales.iter().zip(&ranges).map(ends).collect();
    // As many letters as stand side by side below the figure.
    let fit = long.iter().all(|text| text.chars().count() * scales.len() <= 64);
    let short = || scales.iter().map(Scale::label).collect();
    let ticks = (0..).map(count).zip(if fit { long } else { short() }).collect();
    Plot {
        name: name.to_owned(),
        title: "Trials, parameter by parameter".to_owned(),
        caption:
            "Each strand is a trial: from parameter to parameter and on to the outcomes, each \
                  from the lowest value seen (bottom) to the highest (top)."
                .to_owned(),
        x: Axis {
            label: String::new(),
            low: -0.35,
            high: count(scales.len().max(2) - 1) + 0.35,
            ticks,
        },
        y: Axis {
            label: String::new(),
            low: -0.04,
            high: 1.04,
            ticks: vec![(0.0, "lowest".to_owned()), (1.0, "highest".to_owned())],
        },
        right: None,
        series: groups.into_iter().filter(|s| !s.points.is_empty()).collect(),
    }
    .draw()
}

/// Two objectives of all trials, and the front: trials that no other beats in both.
///
/// # Errors
/// When it cannot be drawn.
pub fn pareto(
    name: &str,
    [x, y]: [&Scale; 2],
    points: &[Point],
    [i, j]: [usize; 2],
    front: &[usize],
) -> Result<Figure, ReportError> {
    let at = |p: &Point| (x.at(p.outcomes[i]), y.at(p.outcomes[j]));
    let fits = |p: &&Point| p.outcomes[i].is_finite() && p.outcomes[j].is_finite();
    let group = |name: &str, colour: usize, mark: Mark, chosen: Vec<&Point>| {
        let texts = chosen.iter().map(|p| (x.text(p.outcomes[i]), y.text(p.outcomes[j]))).collect();
        Series { texts, ..series(name, colour, mark, chosen.into_iter().map(at).collect()) }
    };
    let behind = |feasible: bool| -> Vec<&Point> {
        let all =
            points.iter().enumerate().filter(|(k, p)| p.feasible == feasible && !front.contains(k));
        all.map(|(_, p)| p).filter(fits).collect()
    };
    let mut best: Vec<&Point> = front.iter().filter_map(|k| points.get(*k)).filter(fits).collect();
    best.sort_by(|a, b| a.outcomes[i].total_cmp(&b.outcomes[i]));
    let finite: Vec<&Point> = points.iter().filter(fits).collect();
    let all = vec![
        group("misses a bound", 3, Mark::Dots, behind(false)),
        group("dominated", MUTED, Mark::Dots, behind(true)),
        group("", 0, Mark::Line, best.clone()),
        group("Pareto front", 0, Mark::Dots, best),
    ];
    Plot {
        name: name.to_owned(),
        title: format!("Pareto front: {} against {}", y.label(), x.label()),
        caption: "Each dot is a trial. On the front none can be improved in one objective \
                  without loss in another."
            .to_owned(),
        x: x.axis(finite.iter().map(|p| p.outcomes[i])),
        y: y.axis(finite.iter().map(|p| p.outcomes[j])),
        right: None,
        series: all.into_iter().filter(|s| !s.points.is_empty()).collect(),
    }
    .draw()
}

/// A bar of a tornado chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// The parameter.
    pub name: String,
    /// Its ends.
    pub bar: [f64; 2],
    /// A thin line beyond or within it: the interval of an estimate.
    pub whisker: [f64; 2],
    /// Where the dot stands.
    pub value: f64,
}

/// How far each parameter moves an outcome: groups of bars, one group a colour, the parameters in
/// the order of the first group, which comes sorted, the strongest first.
///
/// # Errors
/// When it cannot be drawn.
pub fn tornado(
    name: &str,
    title: &str,
    caption: &str,
    x: &Scale,
    groups: &[(String, Vec<Bar>)],
) -> Result<Figure, ReportError> {
    let names: Vec<&str> = groups
        .first()
        .map_or(Vec::new(), |(_, bars)| bars.iter().map(|b| b.name.as_str()).collect());
    let rows = count(names.len());
    let offset = |group: usize| {
        let middle = (count(groups.len()) - 1.0) / 2.0;
        (middle - count(group)) * 0.32
    };
    let mut all = Vec::new();
    for (k, (group, bars)) in groups.iter().enumerate() {
        let (mut points, mut ranges, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for bar in bars {
            let Some(row) = names.iter().position(|name| *name == bar.name) else { continue };
            let at = |v: f64| x.at(v);
            points.push((at(bar.value), rows - 1.0 - count(row) + offset(k)));
            let [[low, high], [from, to]] = [bar.whisker, bar.bar];
            ranges.push([at(low), at(from), at(to), at(high)]);
            let text = format!("{} ({} … {})", x.text(bar.value), x.text(low), x.text(high));
            texts.push((bar.name.clone(), text));
        }
        all.push(Series { texts, ..series(group.clone(), k, Mark::Ranges(ranges), points) });
    }
    let ends = groups
        .iter()
        .flat_map(|(_, bars)| bars)
        .flat_map(|b| [b.bar[0], b.bar[1], b.whisker[0], b.whisker[1]]);
    Plot {
        name: name.to_owned(),
        title: title.to_owned(),
        caption: caption.to_owned(),
        x: x.axis(ends.chain([0.0])),
        y: Axis {
            label: String::new(),
            low: -0.6,
            high: (rows - 0.4).max(0.6),
            ticks: names
                .iter()
                .enumerate()
                .map(|(row, name)| {
                    let short = name.rsplit('.').next().unwrap_or(name).replace('_', " ");
                    (rows - 1.0 - count(row), short)
                })
                .collect(),
        },
        right: None,
        series: all,
    }
    .draw()
}

/// The spread of replications along a parameter: median, the middle half, and nine of ten.
///
/// # Errors
/// When it cannot be drawn.
pub fn fan(
    name: &str,
    x: &Scale,
    outcome: &Scale,
    rows: &[(f64, Vec<f64>)],
    note: &str,
) -> Result<Figure, ReportError> {
    let mut rows: Vec<&(f64, Vec<f64>)> =
        rows.iter().filter(|(at, values)| at.is_finite() && !values.is_empty()).collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let at = |ppm: u32| -> Vec<(f64, f64)> {
        rows.iter()
            .filter_map(|(place, values)| {
                Some((x.at(*place), outcome.at(stats::quantile(values, ppm)?)))
            })
            .collect()
    };
    let band = |label: &str, colour: usize, low: u32, high: u32| {
        let lower = at(low).into_iter().map(|p| p.1).collect();
        series(label, colour, Mark::Band(lower), at(high))
    };
    let texts = rows
        .iter()
        .map(|(place, values)| {
            let text =
                |ppm| stats::quantile(values, ppm).map_or_else(String::new, |v| outcome.text(v));
            (x.text(*place), format!("{} ({} … {})", text(500_000), text(50_000), text(950_000)))
        })
        .collect();
    let most = rows.iter().map(|(_, values)| values.len()).max().unwrap_or(0);
    Plot {
        name: name.to_owned(),
        title: format!("Spread of {} over {}", outcome.label(), x.label()),
        caption: format!("Spread over up to {most} replications at each value. {note}"),
        x: x.axis(rows.iter().map(|(place, _)| *place)),
        y: outcome.axis(rows.iter().flat_map(|(_, values)| values.iter().copied())),
        right: None,
        series: vec![
            band("9 of 10", 5, 50_000, 950_000),
            band("middle half", 0, 250_000, 750_000),
            Series { texts, ..series("median", 0, Mark::Line, at(500_000)) },
        ],
    }
    .draw()
}

/// An outcome along a parameter under one setting of the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The setting; empty where there is one line.
    pub name: String,
    /// The parameter, the mean outcome there, and its 95 % interval where there is one.
    pub points: Vec<(f64, f64, Option<[f64; 2]>)>,
}

/// An outcome along a parameter: means joined by lines, with bands for their intervals. At most
/// seven lines, so that each has a colour of its own.
///
/// # Errors
/// When it cannot be drawn.
pub fn lines(
    name: &str,
    x: &Scale,
    outcome: &Scale,
    lines: &[Line],
    note: &str,
) -> Result<Figure, ReportError> {
    let all = || lines.iter().flat_map(|line| &line.points);
    let ends = all().flat_map(|(_, mean, interval)| interval.unwrap_or([*mean; 2]));
    let (at, y) = (all().map(|p| p.0), outcome.axis(ends.clone()));
    let mut series = Vec::new();
    for (colour, line) in lines.iter().take(super::FOLD).enumerate() {
        let mut points = line.points.clone();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut texts = Vec::new();
        let (mut means, mut upper, mut lower) = (Vec::new(), Vec::new(), Vec::new());
        for (place, mean, interval) in points {
            let [low, high] = interval.unwrap_or([mean; 2]);
            means.push((x.at(place), outcome.at(mean)));
            upper.push((x.at(place), outcome.at(high)));
            lower.push(outcome.at(low));
            let [low, mean, high] = [low, mean, high].map(|value| outcome.text(value));
            texts.push((x.text(place), format!("{mean} ({low} … {high})")));
        }
        series.push(self::series("", colour, Mark::Band(lower), upper));
        series.push(self::series(line.name.clone(), colour, Mark::Line, means.clone()));
        series.push(Series { texts, ..self::series("", colour, Mark::Dots, means) });
    }
    Plot {
        name: name.to_owned(),
        title: format!("{} over {}", outcome.label(), x.label()),
        caption: format!("Means over replications with 95 % intervals. {note}"),
        x: x.axis(at),
        y,
        right: None,
        series,
    }
    .draw()
}
