//! The page of a sweep: its claims with their verdicts, figures and tables, as one HTML file and
//! as Markdown to be included elsewhere.
//!
//! ```text
//! <page>/
//!   report.html     everything
//!   summary.md      claims, main figures, means by design point
//!   figures/*.svg
//! ```

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;

use reports::analysis::replications;
use reports::error::ReportError;
use reports::figure::Figure;
use reports::figure::study::{self as figure, Bar, Line, Scale};
use reports::page::study::{Study, Table, render};

use super::claim::{Figures, Judged, Verdict};
use super::quantity::Quantity;
use super::{Axis, Sweep};
use crate::snapshot;
use crate::store::{StoreError, failed};
use crate::study::Measure;

/// Most lines in a figure.
const LINES: usize = 7;
/// Most rows of a table in the page, and in Markdown.
const ROWS: [usize; 2] = [500, 60];
/// Rows and columns of a response surface.
const GRID: [usize; 2] = [36, 48];
/// Fewest replications whose spread is shown.
const SPREAD: u32 = 5;

/// Why a page was not written.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A figure.
    #[error(transparent)]
    Figure(#[from] ReportError),
}

/// Writes the page of a sweep into a directory. `replay`: the command that does it again.
///
/// # Errors
/// When a figure cannot be drawn or a file cannot be written.
pub fn write(
    sweep: &Sweep,
    figures: &Figures,
    judged: &[Judged],
    replay: &str,
    dir: &Path,
) -> Result<(), PageError> {
    let design = Design { sweep, figures, antithetic: sweep.antithetic() };
    let (drawn, main) = design.draw()?;
    let folder = dir.join("figures");
    std::fs::create_dir_all(&folder).map_err(failed("create", &folder))?;
    for figure in &drawn {
        put(&folder.join(format!("{}.svg", figure.name)), &figure.standalone())?;
    }
    put(&dir.join("summary.md"), &design.markdown(judged, &drawn, &main))?;
    let page = design.page(judged, drawn, replay);
    put(&dir.join("report.html"), &render(&page))?;
    Ok(())
}

fn put(path: &Path, text: &str) -> Result<(), StoreError> {
    snapshot::replace(path, |file| file.write_all(text.as_bytes())).map_err(failed("write", path))
}

/// A sweep and its figures.
struct Design<'a> {
    sweep: &'a Sweep,
    figures: &'a Figures,
    antithetic: bool,
}

/// Values of axes by their places, and what to call them.
type Setting = (Vec<(usize, String)>, String);

/// An axis along which figures run.
struct Along {
    axis: usize,
    scale: Scale,
    /// The value by how it is written, in rising order.
    values: Vec<(String, f64)>,
}

impl Design<'_> {
    /// The points at which an axis has one of these values each.
    fn points(&self, place: &[(usize, &str)]) -> Vec<u32> {
        let meets = |point: &u32| {
            let values = self.sweep.parameters(*point);
            place.iter().all(|(axis, value)| values.get(*axis).is_some_and(|v| v == value))
        };
        (0..self.sweep.points()).filter(meets).collect()
    }

    fn estimate(&self, points: &[u32], metric: &str) -> Option<(f64, Option<[f64; 2]>)> {
        let values = self.figures.over(points, metric);
        let found = replications::estimate(&values, self.antithetic)?;
        Some((found.value, found.interval))
    }

    /// The axes whose values are numbers, the one with the most of them first.
    fn along(&self) -> Vec<Along> {
        let axes = self.sweep.axes.iter().enumerate();
        let mut found: Vec<Along> = axes.filter_map(|(place, axis)| along(place, axis)).collect();
        found.sort_by_key(|along| core::cmp::Reverse(along.values.len()));
        found
    }

    /// Settings of axes other than `x`, as many as there is colour for, with their names; axes
    /// that are not in them are averaged over, and named last.
    fn settings(&self, x: usize) -> (Vec<Setting>, Vec<&str>) {
        let mut settings: Vec<Setting> = vec![(Vec::new(), String::new())];
        let mut averaged = Vec::new();
        for (place, axis) in self.sweep.axes.iter().enumerate().filter(|(place, _)| *place != x) {
            let values = axis.written().unwrap_or_default();
            if values.is_empty() || settings.len() * values.len() > LINES {
                averaged.push(axis.label.as_str());
                continue;
            }
            let mut crossed = Vec::new();
            for (setting, name) in &settings {
                for value in &values {
                    let mut setting = setting.clone();
                    setting.push((place, value.clone()));
                    let comma = if name.is_empty() { "" } else { ", " };
                    crossed.push((setting, format!("{name}{comma}{}", named(axis, value))));
                }
            }
            settings = crossed;
        }
        (settings, averaged)
    }

    /// All figures, and the names of those that say most.
    fn draw(&self) -> Result<(Vec<Figure>, Vec<String>), ReportError> {
        let (mut all, mut main) = (Vec::new(), Vec::new());
        let along = self.along();
        for (place, measure) in self.sweep.metrics.iter().enumerate() {
            let name = |kind: &str| format!("{kind}_{}", measure.name.replace('.', "_"));
            let outcome = Scale::even(&measure.name, &measure.unit);
            if let Some(x) = along.first() {
                all.push(self.lines(&name("lines"), x, measure, &outcome)?);
            } else if let Some(figure) = self.bars(&name("bars"), measure, &outcome)? {
                all.push(figure);
            } else {
                all.extend(self.scatter(&name("points"), measure, &outcome)?);
            }
            main.extend(all.last().map(|figure| figure.name.clone()));
            let wide = |along: &&Along| along.values.len() > 2;
            let two: Vec<&Along> = along.iter().filter(wide).take(2).collect();
            if let [x, y] = two[..]
                && let Some(figure) = self.surface(&name("surface"), [x, y], measure, &outcome)?
            {
                if place == 0 {
                    main.push(figure.name.clone());
                }
                all.push(figure);
            }
            if let Some(figure) = self.tornado(&name("tornado"), measure)? {
                if place == 0 {
                    main.push(figure.name.clone());
                }
                all.push(figure);
            }
            if let (Some(x), true) = (along.first(), self.figures.replications() >= SPREAD) {
                all.push(self.fan(&name("fan"), x, measure, &outcome)?);
            }
        }
        Ok((all, main))
    }

    fn lines(
        &self,
        name: &str,
        x: &Along,
        measure: &Measure,
        outcome: &Scale,
    ) -> Result<Figure, ReportError> {
        let (settings, averaged) = self.settings(x.axis);
        let mut lines = Vec::new();
        for (setting, name) in settings {
            let mut points = Vec::new();
            for (value, at) in &x.values {
                let mut place: Vec<(usize, &str)> =
                    setting.iter().map(|(axis, value)| (*axis, value.as_str())).collect();
                place.push((x.axis, value));
                let found = self.estimate(&self.points(&place), &measure.name);
                points.extend(found.map(|(mean, interval)| (*at, mean, interval)));
            }
            lines.push(Line { name, points });
        }
        figure::lines(name, &x.scale, outcome, &lines, &mean_over(&averaged))
    }

    /// A bar for every setting, where no axis has numbers.
    fn bars(
        &self,
        name: &str,
        measure: &Measure,
        outcome: &Scale,
    ) -> Result<Option<Figure>, ReportError> {
        if self.sweep.axes.iter().any(|axis| axis.written().is_none()) {
            return Ok(None);
        }
        let (settings, averaged) = self.settings(usize::MAX);
        let bars: Vec<Bar> = settings
            .iter()
            .filter_map(|(setting, name)| {
                let place: Vec<(usize, &str)> =
                    setting.iter().map(|(axis, value)| (*axis, value.as_str())).collect();
                let (value, interval) = self.estimate(&self.points(&place), &measure.name)?;
                let name = if name.is_empty() { "all" } else { name }.replace('.', "·");
                let bar = [value.min(0.0), value.max(0.0)];
                Some(Bar { name, bar, whisker: interval.unwrap_or([value; 2]), value })
            })
            .collect();
        let caption =
            format!("Means over replications with 95 % intervals. {}", mean_over(&averaged));
        let title = outcome.label();
        figure::tornado(name, &title, &caption, outcome, &[(String::new(), bars)]).map(Some)
    }

    /// Means of all points over each axis, where the design fills ranges.
    fn scatter(
        &self,
        name: &str,
        measure: &Measure,
        outcome: &Scale,
    ) -> Result<Vec<Figure>, ReportError> {
        let mut found = Vec::new();
        for (place, axis) in self.sweep.axes.iter().enumerate() {
            let Some(unit) = axis.unit() else { continue };
            let dots: Vec<(f64, f64)> = (0..self.sweep.points())
                .filter_map(|point| {
                    let at = Quantity::read(self.sweep.parameters(point).get(place)?)?.number;
                    Some((at, self.estimate(&[point], &measure.name)?.0))
                })
                .collect();
            let scale = scale(axis, &unit, dots.iter().map(|dot| dot.0));
            let note = "All design points; the other axes vary too.";
            let name = format!("{name}_{place}");
            found.push(figure::curve(&name, &scale, outcome, &[], &dots, None, note)?);
        }
        Ok(found)
    }

    /// The means over two axes, and between them by straight lines.
    fn surface(
        &self,
        name: &str,
        [x, y]: [&Along; 2],
        measure: &Measure,
        outcome: &Scale,
    ) -> Result<Option<Figure>, ReportError> {
        let mut means = Vec::new();
        for (v, _) in &y.values {
            let row: Option<Vec<f64>> = x
                .values
                .iter()
                .map(|(u, _)| {
                    let points = self.points(&[(x.axis, u), (y.axis, v)]);
                    self.estimate(&points, &measure.name).map(|found| found.0)
                })
                .collect();
            // A design that is not crossed leaves holes.
            let Some(row) = row else { return Ok(None) };
            means.push(row);
        }
        let [rows, columns] = GRID;
        let (xs, ys) = (places(x), places(y));
        let share = |i: usize, of: usize| (number(i) + 0.5) / number(of);
        let across = |values: &[f64], i: usize, places: &[f64], of: usize| {
            let (first, last) = (places[0], places[places.len() - 1]);
            between(places, values, first + share(i, of) * (last - first))
        };
        let grid: Vec<Vec<f64>> = (0..rows)
            .map(|j| {
                (0..columns)
                    .map(|i| {
                        let column: Vec<f64> =
                            means.iter().map(|row| across(row, i, &xs, columns)).collect();
                        across(&column, j, &ys, rows)
                    })
                    .collect()
            })
            .collect();
        let tried: Vec<(f64, f64)> =
            x.values.iter().flat_map(|(_, u)| y.values.iter().map(|(_, v)| (*u, *v))).collect();
        let range = |along: &Along| {
            let at = |place: usize| along.values.get(place).map_or(0.0, |value| value.1);
            [at(0), at(along.values.len() - 1)]
        };
        let axes = [(&x.scale, range(x)), (&y.scale, range(y))];
        let others: Vec<&str> = (0..self.sweep.axes.len())
            .filter(|axis| *axis != x.axis && *axis != y.axis)
            .map(|axis| self.sweep.axes[axis].label.as_str())
            .collect();
        let note = format!(
            "Between design points, which are marked, the means are joined by straight lines. {}",
            mean_over(&others)
        );
        figure::surface(name, axes, outcome, &grid, &tried, None, &note).map(Some)
    }

    /// How far each axis moves the mean, all others averaged over.
    fn tornado(&self, name: &str, measure: &Measure) -> Result<Option<Figure>, ReportError> {
        let all: Vec<u32> = (0..self.sweep.points()).collect();
        let Some((centre, _)) = self.estimate(&all, &measure.name) else { return Ok(None) };
        let mut bars = Vec::new();
        for (place, axis) in self.sweep.axes.iter().enumerate() {
            let values = axis.written().unwrap_or_default();
            let found: Vec<(f64, [f64; 2])> = values
                .iter()
                .filter_map(|value| {
                    let points = self.points(&[(place, value)]);
                    let (mean, interval) = self.estimate(&points, &measure.name)?;
                    Some((mean - centre, interval.unwrap_or([mean; 2]).map(|end| end - centre)))
                })
                .collect();
            let low = found.iter().map(|f| f.0).fold(f64::INFINITY, f64::min);
            let high = found.iter().map(|f| f.0).fold(f64::NEG_INFINITY, f64::max);
            if found.len() < 2 || found.len() < values.len() {
                continue;
            }
            let from = found.iter().map(|f| f.1[0]).fold(f64::INFINITY, f64::min);
            let to = found.iter().map(|f| f.1[1]).fold(f64::NEG_INFINITY, f64::max);
            let name = axis.label.replace('.', "·");
            bars.push(Bar { name, bar: [low, high], whisker: [from, to], value: found[0].0 });
        }
        if bars.len() < 2 {
            return Ok(None);
        }
        bars.sort_by(|a, b| (b.bar[1] - b.bar[0]).total_cmp(&(a.bar[1] - a.bar[0])));
        let x = Scale::even(format!("{} less its mean", measure.name), &measure.unit);
        let caption = "From the lowest to the highest mean over the values of an axis, all other \
                       axes averaged over; the dot is the axis's first value, thin lines are 95 % \
                       intervals.";
        let title = format!("What moves {}", measure.name.replace('_', " "));
        figure::tornado(name, &title, caption, &x, &[(String::new(), bars)]).map(Some)
    }

    fn fan(
        &self,
        name: &str,
        x: &Along,
        measure: &Measure,
        outcome: &Scale,
    ) -> Result<Figure, ReportError> {
        let rows: Vec<(f64, Vec<f64>)> = x
            .values
            .iter()
            .map(|(value, at)| {
                let values = self.figures.over(&self.points(&[(x.axis, value)]), &measure.name);
                (*at, values.into_iter().flatten().collect())
            })
            .collect();
        let others: Vec<&str> = (0..self.sweep.axes.len())
            .filter(|axis| *axis != x.axis)
            .map(|axis| self.sweep.axes[axis].label.as_str())
            .collect();
        figure::fan(name, &x.scale, outcome, &rows, &mean_over(&others))
    }

    /// Means by design point, with half of their intervals.
    fn table(&self, most: usize) -> Table {
        let axes = self.sweep.axes.iter().map(|axis| axis.label.clone());
        let metrics = self.sweep.metrics.iter();
        let columns: Vec<String> =
            axes.chain(metrics.map(|metric| format!("{} #", metric.name))).collect();
        let rows = (0..self.sweep.points()).take(most).map(|point| {
            let mut row = self.sweep.parameters(point);
            row.extend(self.sweep.metrics.iter().map(|metric| {
                let scale = Scale::even(&metric.name, &metric.unit);
                match self.estimate(&[point], &metric.name) {
                    None => "–".to_owned(),
                    Some((mean, Some([low, high]))) if high > low => {
                        format!("{} ± {}", scale.text(mean), scale.text((high - low) / 2.0))
                    }
                    Some((mean, _)) => scale.text(mean),
                }
            }));
            row
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let all = self.sweep.points();
        let title = if number(rows.len()) < f64::from(all) {
            format!("The first {} of {all} design points", rows.len())
        } else {
            "Design points: means, ± half of the 95 % interval".to_owned()
        };
        Table { title, columns, rows }
    }

    fn facts(&self) -> Vec<(String, String)> {
        vec![
            ("design points".to_owned(), self.sweep.points().to_string()),
            ("replications".to_owned(), self.figures.replications().to_string()),
            ("runs".to_owned(), self.figures.runs().to_string()),
            ("random numbers".to_owned(), "common to all points".to_owned()),
        ]
    }

    fn page(&self, judged: &[Judged], figures: Vec<Figure>, replay: &str) -> Study {
        let mut tables = Vec::new();
        if !judged.is_empty() {
            let columns = ["claim", "compared", "found", "verdict", "assumed"];
            let row = |claim: &Judged| {
                vec![
                    claim.says.clone(),
                    claim.compared.clone(),
                    claim.figures(),
                    claim.verdict.words().to_owned(),
                    claim.assumed.words().to_owned(),
                ]
            };
            tables.push(Table {
                title: "Claims".to_owned(),
                columns: columns.map(str::to_owned).to_vec(),
                rows: judged.iter().map(row).collect(),
            });
        }
        tables.push(self.table(ROWS[0]));
        Study {
            title: self.sweep.title.clone(),
            kind: "sweep".to_owned(),
            facts: self.facts(),
            verdict: verdict(judged),
            notes: judged
                .iter()
                .map(|claim| format!("{}: {}", claim.says, claim.verdict.words()))
                .collect(),
            figures,
            tables,
            replay: replay.to_owned(),
        }
    }

    fn markdown(&self, judged: &[Judged], figures: &[Figure], main: &[String]) -> String {
        let facts: Vec<String> =
            self.facts().iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let mut text = format!("*{}.*\n\n", facts.join(" · "));
        if !judged.is_empty() {
            text += "| claim | compared | found | verdict |\n|---|---|---|---|\n";
            for claim in judged {
                let mark = if claim.verdict == Verdict::Holds { "**" } else { "_" };
                let cells =
                    [&claim.says, &claim.compared, &claim.figures()].map(|cell| cells(cell));
                let verdict = claim.verdict.words();
                let _ = writeln!(text, "| {} | {mark}{verdict}{mark} |", cells.join(" | "));
            }
            text += "\nMeans over replications; in brackets the 95 % interval of the difference \
                     within replications.\n\n";
        }
        for figure in figures.iter().filter(|figure| main.contains(&figure.name)) {
            let Figure { name, title, caption, .. } = figure;
            let _ =
                writeln!(text, "![{}](figures/{name}.svg)\n\n*{}*\n", cells(title), caption.trim());
        }
        let table = self.table(ROWS[1]);
        let _ = writeln!(text, "<details><summary>{}</summary>\n", table.title);
        let heads: Vec<String> =
            table.columns.iter().map(|c| cells(c.trim_end_matches(" #"))).collect();
        let rules: Vec<&str> = table
            .columns
            .iter()
            .map(|column| if column.ends_with(" #") { "--:" } else { "---" })
            .collect();
        let _ = writeln!(text, "| {} |\n| {} |", heads.join(" | "), rules.join(" | "));
        for row in &table.rows {
            let row: Vec<String> = row.iter().map(|cell| cells(cell)).collect();
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text + "\n</details>\n"
    }
}

/// How many claims ended as assumed, and whether that is all of them.
fn verdict(judged: &[Judged]) -> Option<(bool, String)> {
    if judged.is_empty() {
        return None;
    }
    let met = judged.iter().filter(|claim| claim.as_assumed()).count();
    let text = format!("{met} of {} claims ended as the sweep file assumes", judged.len());
    Some((met == judged.len(), text))
}

/// A text that cannot end a cell of a Markdown table.
fn cells(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ").replace('<', "&lt;")
}

fn mean_over(averaged: &[&str]) -> String {
    if averaged.is_empty() { String::new() } else { format!("Mean over {}.", averaged.join(", ")) }
}

/// A value with the name of its axis, unless it speaks for itself.
fn named(axis: &Axis, value: &str) -> String {
    let own = Quantity::read(value).is_none() && !value.starts_with(['{', '[']);
    let own = own && !["none", "true", "false"].contains(&value);
    if own { value.replace('_', " ") } else { format!("{} {value}", axis.label) }
}

fn along(place: usize, axis: &Axis) -> Option<Along> {
    let unit = axis.unit()?;
    let mut values: Vec<(String, f64)> = axis
        .written()?
        .into_iter()
        .filter_map(|value| Some((value.clone(), Quantity::read(&value)?.number)))
        .collect();
    values.sort_by(|a, b| a.1.total_cmp(&b.1));
    let scale = scale(axis, &unit, values.iter().map(|value| value.1));
    (values.len() > 1).then_some(Along { axis: place, scale, values })
}

/// The scale of an axis: logarithmic where its values span much.
fn scale(axis: &Axis, unit: &str, values: impl Iterator<Item = f64> + Clone) -> Scale {
    let low = values.clone().fold(f64::INFINITY, f64::min);
    let high = values.fold(f64::NEG_INFINITY, f64::max);
    let log = low > 0.0 && high / low >= 15.0;
    Scale { log, ..Scale::even(axis.label.replace('.', "·"), unit) }
}

/// Where the values of an axis lie on its scale.
fn places(along: &Along) -> Vec<f64> {
    let at = |value: f64| if along.scale.log { sim_types::math::ln(value) } else { value };
    along.values.iter().map(|(_, value)| at(*value)).collect()
}

/// A value on the broken line through points whose places rise.
fn between(places: &[f64], values: &[f64], at: f64) -> f64 {
    let next = places.iter().position(|place| *place >= at).unwrap_or(places.len() - 1).max(1);
    let [a, b] = [places[next - 1], places[next]];
    let share = ((at - a) / (b - a)).clamp(0.0, 1.0);
    values[next - 1] + share * (values[next] - values[next - 1])
}

/// A count as a number for figures.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
