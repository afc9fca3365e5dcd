//! The comparison as a page: a dot with its interval for each design and key metric, and the
//! whole table.

use super::text::difference_text;
use super::{Comparison, Row};
use crate::catalogue::definition;
use crate::error::ReportError;
use crate::figure::{Axis, FOLD, Figure, Mark, Plot, Series, linear};
use crate::format::{escape, number, scale};
use crate::page::{figure_panels, shell};
use crate::stats::count;

/// Metrics that get a figure.
const KEY: [&str; 16] = [
    "jobs_final_share",
    "goodput_share",
    "answer_latency_p50",
    "answer_latency_p99",
    "finality_latency_p50",
    "utilisation_total",
    "emission_per_job",
    "dishonest_income_ratio",
    "score_income_correlation",
    "gini.provider",
    "issuance_growth_year",
    "emission_gini",
    "emission_largest_share",
    "price_volatility_day",
    "hold_return_median",
    "users_net_flow",
];

pub(super) fn render(comparison: &Comparison) -> Result<String, ReportError> {
    let figures: Vec<Figure> = comparison
        .rows
        .iter()
        .filter(|row| KEY.contains(&row.metric.as_str()))
        .filter_map(|row| plot(comparison, row))
        .chain(super::curves::plots(&comparison.designs, &comparison.curves))
        .map(Plot::draw)
        .collect::<Result<_, _>>()?;
    let title = comparison.designs.join(" · ");
    let runs: String = comparison
        .designs
        .iter()
        .zip(&comparison.runs)
        .map(|(name, [scenario, digest])| {
            format!(
                "<div><dt>{}</dt><dd>{} <code title=\"{}\">{}</code></dd></div>\n",
                escape(name),
                escape(scenario),
                escape(digest),
                escape(&digest.chars().take(12).collect::<String>())
            )
        })
        .collect();
    let body = format!(
        "<header><div class=\"wrap\">\n<div class=\"bar\"><span class=\"brand\"><b>Arable</b> \
         comparison</span><button id=\"theme\" type=\"button\" hidden>Dark</button></div>\n\
         <h1>{}</h1>\n<p class=\"lead\">{}</p>\n<dl class=\"facts\">\n{runs}</dl>\n</div>\
         </header>\n<main>\n<h2 id=\"figures\">Key metrics</h2>\n{}{}</main>\n",
        escape(&title),
        escape(&comparison.method()),
        figure_panels(&figures.iter().collect::<Vec<_>>()),
        table(comparison)
    );
    Ok(shell(&title, &body, &figures))
}

fn plot(comparison: &Comparison, row: &Row) -> Option<Plot> {
    let first = row.cells.iter().flatten().next()?;
    let (factor, unit) = scale(first.value, &row.unit);
    let rows = comparison.designs.len();
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    let mut series = Vec::new();
    let mut ticks = Vec::new();
    for (i, (name, cell)) in comparison.designs.iter().zip(&row.cells).enumerate() {
        let y = count(rows - 1 - i);
        ticks.push((y, name.clone()));
        let Some(cell) = cell else { continue };
        let value = cell.value * factor;
        let [from, to] = cell.interval.map_or([value, value], |[a, b]| [a * factor, b * factor]);
        low = low.min(from);
        high = high.max(to);
        let difference = cell.difference.as_ref().map(|d| difference_text(d, factor));
        series.push(Series {
            name: name.clone(),
            colour: i % FOLD,
            mark: if cell.interval.is_some() {
                Mark::Ranges(vec![[from, value, value, to]])
            } else {
                Mark::Dots
            },
            points: vec![(value, y)],
            texts: vec![(
                format!("{} {unit}", number(value, 4)),
                difference.map_or("base".to_owned(), |d| format!("difference {d}")),
            )],
        });
    }
    let meaning = definition(&row.metric).map_or(row.meaning.as_str(), |d| d.meaning);
    let spare = if high > low { (high - low) * 0.1 } else { high.abs().max(1e-9) * 0.1 };
    let low = if low >= 0.0 { (low - spare).max(0.0) } else { low - spare };
    Some(Plot {
        name: format!("compare_{}", row.metric.replace('.', "_")),
        title: row.metric.clone(),
        caption: format!("{meaning} Mean over replications (dot) with its 95 % interval (line)."),
        x: linear(unit, low, high + spare, false),
        y: Axis { label: String::new(), low: -0.6, high: count(rows) - 0.4, ticks },
        right: None,
        series,
    })
}

fn table(comparison: &Comparison) -> String {
    let mut out = String::from(
        "<h2 id=\"metrics\">All metrics</h2>\n<div class=\"tools\"><input type=\"search\" \
         data-filter=\"metrics-table\" placeholder=\"Filter metrics\" aria-label=\"Filter \
         metrics\" hidden></div>\n<div class=\"panel scroll\"><table id=\"metrics-table\">\
         <thead><tr><th scope=\"col\">Metric</th><th scope=\"col\">Unit</th>",
    );
    for (i, name) in comparison.designs.iter().enumerate() {
        out += &format!("<th scope=\"col\" class=\"num\">{}</th>", escape(name));
        if i > 0 {
            out += "<th scope=\"col\">Difference [95 %]</th>\
                    <th scope=\"col\" class=\"num\">Pairing saves</th>";
        }
    }
    out += "</tr></thead>\n<tbody>\n";
    for row in &comparison.rows {
        let first = row.cells.iter().flatten().next().map_or(0.0, |cell| cell.value);
        let (factor, unit) = scale(first, &row.unit);
        out += &format!(
            "<tr><th scope=\"row\" title=\"{}\"><code>{}</code></th><td>{}</td>",
            escape(&row.meaning),
            escape(&row.metric),
            escape(unit)
        );
        for (i, cell) in row.cells.iter().enumerate() {
            let value = cell.as_ref().map_or("–".to_owned(), |c| number(c.value * factor, 4));
            out += &format!("<td class=\"num\">{value}</td>");
            if i == 0 {
                continue;
            }
            let difference = cell.as_ref().and_then(|cell| cell.difference.as_ref());
            let text = difference.map(|d| difference_text(d, factor)).unwrap_or_default();
            let class =
                if difference.is_some_and(|d| d.significant) { " class=\"star\"" } else { "" };
            let saved = difference
                .and_then(|d| d.variance_reduction)
                .map(|v| format!("{} %", number(v * 100.0, 2)))
                .unwrap_or_default();
            out += &format!("<td{class}>{text}</td><td class=\"num\">{saved}</td>");
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n<p class=\"lead\">“Pairing saves” is the part of the variance \
           of a difference that common random numbers take away.</p>\n"
}
