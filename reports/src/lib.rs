//! Reads the trace of a run and shows what it says: metrics, figures, one page.
//!
//! | module | holds |
//! |---|---|
//! | [`context`] | what the trace does not say: [`Context`], written into the run's manifest |
//! | [`table`] | streaming reader of the trace tables |
//! | [`tally`] | one pass over every table: sums, counts and latencies |
//! | [`catalogue`] | every metric's name, unit and meaning |
//! | [`level`] | what a trace that is not full still says |
//! | [`metrics`] | [`Metrics`]: values per replication, mean and interval |
//! | [`stats`] | percentiles, intervals, concentration, rank correlation |
//! | [`analysis`] | warm-up, batches, quantile intervals, when enough replications are done |
//! | [`export`] | Parquet files, a timeline for Perfetto |
//! | [`figure`] | SVG figures |
//! | [`page`] | the self-contained HTML page |
//! | [`compare`] | designs side by side |
//!
//! The same trace gives the same bytes. Nothing here knows the engine or the mechanisms.
//!
//! ```no_run
//! # fn main() -> Result<(), reports::ReportError> {
//! # let context: reports::Context = todo!();
//! use reports::{Tally, figure, page};
//! let tally = Tally::read("trace".as_ref(), &context)?;
//! let metrics = tally.metrics(&context);
//! let figures = figure::all(&tally, &metrics, &context)?;
//! let html = page::render(&context, &metrics, &tally.analysis(&context), &figures);
//! # Ok(()) }
//! ```

#![expect(
    clippy::format_push_string,
    clippy::format_collect,
    reason = "pages are put together once; `write!` would only add a Result to drop"
)]

pub mod analysis;
pub mod catalogue;
pub mod compare;
pub mod context;
pub mod direction;
pub mod error;
pub mod export;
pub mod figure;
pub mod format;
pub mod level;
pub mod metrics;
pub mod page;
pub mod stats;
pub mod table;
pub mod tally;

use std::path::Path;

pub use context::Context;
pub use error::ReportError;
pub use figure::Figure;
pub use metrics::{Metric, Metrics, compute};
pub use tally::Tally;

/// Writes `metrics.json`, `analysis.json`, `figures/*.svg` and `report.html` into `run_dir`, from the tables in
/// `run_dir/trace`.
///
/// # Errors
/// When a table cannot be read, a figure not drawn, or a file not written.
pub fn write(run_dir: &Path, context: &Context) -> Result<Metrics, ReportError> {
    let tally = Tally::read(&run_dir.join("trace"), context)?;
    let metrics = tally.metrics(context);
    write_tally(run_dir, context, &tally, &metrics)?;
    Ok(metrics)
}

/// [`write()`] for a trace that was read already.
///
/// # Errors
/// When a figure cannot be drawn, or a file not written.
pub fn write_tally(
    run_dir: &Path,
    context: &Context,
    tally: &Tally,
    metrics: &Metrics,
) -> Result<(), ReportError> {
    let figures = figure::all(tally, metrics, context)?;
    save(&run_dir.join("metrics.json"), &metrics.to_json()?)?;
    let analysis = tally.analysis(context);
    save(&run_dir.join("analysis.json"), &analysis.to_json()?)?;
    let folder = run_dir.join("figures");
    std::fs::create_dir_all(&folder)
        .map_err(|source| ReportError::Write { file: folder.clone(), source })?;
    for figure in &figures {
        save(&folder.join(format!("{}.svg", figure.name)), &figure.standalone())?;
    }
    save(&run_dir.join("report.html"), &page::render(context, metrics, &analysis, &figures))
}

fn save(file: &Path, text: &str) -> Result<(), ReportError> {
    std::fs::write(file, text)
        .map_err(|source| ReportError::Write { file: file.to_owned(), source })
}
