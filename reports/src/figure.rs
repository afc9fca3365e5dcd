//! Figures: SVG with text as text, themed by CSS variables so that light and dark both work.
//!
//! The same tally gives the same bytes. Series colours are those of Okabe and Ito (Color
//! Universal Design, 2008), which people with the common colour deficiencies tell apart.

mod chart;
mod dividends;
mod economy;
mod incentive;
mod latency;
mod lorenz;
mod money;
mod palette;
mod quality;
mod queue;
mod scale;
mod score;
pub mod study;
mod svg;
mod throughput;
mod ticks;
mod utilisation;
mod warmup;

use serde::Serialize;

use crate::context::Context;
use crate::error::ReportError;
use crate::metrics::Metrics;
use crate::tally::Tally;

pub(crate) use chart::{Axis, Mark, Plot, Series};
pub use palette::VARIABLES;
pub(crate) use palette::{FOLD, MUTED};
pub(crate) use scale::dollars;
pub(crate) use ticks::{decimals, linear, time};

/// The section of a report on the coin and the subnets' pools.
pub const ECONOMY: &str = "Economy";

/// A drawn figure.
#[derive(Debug, Clone)]
pub struct Figure {
    /// File name without ending; snake case.
    pub name: String,
    /// Title.
    pub title: String,
    /// Where it belongs in a report: in [`ECONOMY`], or elsewhere.
    pub section: &'static str,
    /// What it shows and how to read it.
    pub caption: String,
    /// The `<svg>` element, coloured by CSS variables that the page defines
    /// ([`VARIABLES`]).
    pub svg: String,
    /// What the page's read-out shows.
    pub hover: Hover,
}

/// Points that a read-out can find, in the coordinates of the `viewBox`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Hover {
    /// Left, top, right, bottom of the plot area.
    pub area: [i32; 4],
    /// Whether the nearest point counts by both coordinates, not by x alone.
    pub both: bool,
    /// The series.
    pub series: Vec<HoverSeries>,
}

/// The points of one series.
#[derive(Debug, Clone, Serialize)]
pub struct HoverSeries {
    /// Its name.
    pub name: String,
    /// Number of its colour, the `data-s` of its elements.
    pub colour: usize,
    /// x, y, text of x, text of y.
    pub points: Vec<(i32, i32, String, String)>,
}

impl Figure {
    /// The figure as a file of its own, with colours for light and dark.
    #[must_use]
    pub fn standalone(&self) -> String {
        svg::standalone(&self.svg)
    }
}

/// All figures that the trace supports, in the order of the report.
///
/// # Errors
/// When one cannot be drawn.
pub fn all(
    tally: &Tally,
    metrics: &Metrics,
    context: &Context,
) -> Result<Vec<Figure>, ReportError> {
    let plots = [
        latency::plot(tally),
        throughput::plot(tally),
        utilisation::plot(tally),
        queue::plot(tally),
        money::plot(tally, context),
        lorenz::plot(tally, metrics),
        // What reached the pools is the whole of it.
        incentive::by_subnet(tally).filter(|_| !tally.economy.has_pools()),
        incentive::by_behaviour(tally),
        dividends::by_behaviour(tally, context),
        dividends::retention(tally),
        quality::plot(tally, metrics),
        score::plot(tally),
        warmup::plot(tally),
    ];
    let mut figures: Vec<Figure> =
        plots.into_iter().flatten().map(Plot::draw).collect::<Result<_, _>>()?;
    for plot in economy::plots(tally, context) {
        figures.push(Figure { section: ECONOMY, ..plot.draw()? });
    }
    Ok(figures)
}

/// Keeps the largest series and folds the others into one, so that colours stay distinct.
/// Takes name, weight and values of each; names come back in their given order.
pub(crate) fn fold(mut all: Vec<(String, f64, Vec<f64>)>) -> Vec<(String, Vec<f64>)> {
    if all.len() <= FOLD {
        return all.into_iter().map(|(name, _, values)| (name, values)).collect();
    }
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by(|&a, &b| all[b].1.total_cmp(&all[a].1).then(a.cmp(&b)));
    let mut kept = order[..FOLD - 1].to_vec();
    kept.sort_unstable();
    let mut rest: Vec<f64> = Vec::new();
    for &i in &order[FOLD - 1..] {
        for (k, value) in all[i].2.iter().enumerate() {
            *crate::tally::at(&mut rest, k) += value;
        }
    }
    let others = order.len() - kept.len();
    let mut folded: Vec<(String, Vec<f64>)> = kept
        .into_iter()
        .map(|i| (core::mem::take(&mut all[i].0), core::mem::take(&mut all[i].2)))
        .collect();
    folded.push((format!("{others} others"), rest));
    folded
}
