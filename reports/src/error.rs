//! What can go wrong when a run is read and shown, each naming its culprit.

use std::io;
use std::path::PathBuf;

use arrow::error::ArrowError;

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The table is not part of the trace at all.
    #[error("there is no trace table named `{0}`")]
    UnknownTable(String),
    /// The file is missing or may not be read.
    #[error("{file}: cannot be opened: {source}")]
    Open {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a whole Arrow IPC file.
    #[error("{file}: not a whole Arrow file (cut short or still being written?): {source}")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What the Arrow reader found.
        source: Box<ArrowError>,
    },
    /// The table was written under another version of its schema.
    #[error("{file}: schema version {found}, but this build reads version {wanted}")]
    Version {
        /// The file.
        file: PathBuf,
        /// The version in the file, or `none`.
        found: String,
        /// The version this build knows.
        wanted: u32,
    },
    /// A column that the schema promises is not there.
    #[error("{file}: column `{column}` is missing")]
    NoColumn {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
    },
    /// A column has another type than the schema promises.
    #[error("{file}: column `{column}` holds {found}, expected {wanted}")]
    ColumnType {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// Its type in the file.
        found: String,
        /// What was expected.
        wanted: &'static str,
    },
    /// A value that contradicts the rest of the run.
    #[error("{file}: column `{column}`: {what}")]
    Value {
        /// The file.
        file: PathBuf,
        /// The column.
        column: String,
        /// The contradiction.
        what: String,
    },
    /// A result could not be written.
    #[error("{file}: cannot be written: {source}")]
    Write {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A result could not be put into JSON.
    #[error("cannot be put into JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A figure could not be drawn.
    #[error("figure `{figure}` cannot be drawn: {what}")]
    Draw {
        /// Its name.
        figure: String,
        /// Why.
        what: String,
    },
    /// The designs cannot be set side by side.
    #[error("designs cannot be compared: {0}")]
    Compare(String),
}
