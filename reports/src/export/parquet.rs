//! Tables as Parquet: `jobs.arrow` becomes `jobs.parquet`, with the same columns, types and
//! rows, compressed with Snappy. Name and version of the table stand in the file's metadata.

use std::io;
use std::path::{Path, PathBuf};

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::WriterProperties;
use sim_types::record::TABLES;

use super::{cannot, save};
use crate::error::ReportError;
use crate::table::Table;

/// Writes every table of the trace in `trace` into the directory `out`, and says which files
/// that made.
///
/// # Errors
/// When a table cannot be read, or a file not written.
pub fn parquet(trace: &Path, out: &Path) -> Result<Vec<PathBuf>, ReportError> {
    std::fs::create_dir_all(out).map_err(|source| cannot(out, source))?;
    let mut made = Vec::new();
    for (table, ..) in TABLES {
        if trace.join(format!("{table}.arrow")).exists() {
            let file = out.join(format!("{table}.parquet"));
            one(trace, table, &file)?;
            made.push(file);
        }
    }
    Ok(made)
}

fn one(trace: &Path, table: &str, file: &Path) -> Result<(), ReportError> {
    let failed = |error: ParquetError| match error {
        ParquetError::External(source) => cannot(file, io::Error::other(source)),
        other => cannot(file, io::Error::other(other)),
    };
    let rows = Table::whole(trace, table)?;
    let mut metadata: Vec<KeyValue> = rows
        .schema()
        .metadata()
        .iter()
        .map(|(key, value)| KeyValue::new(key.clone(), value.clone()))
        .collect();
    metadata.sort_by(|a, b| a.key.cmp(&b.key));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_key_value_metadata(Some(metadata))
        .build();
    save(file, |to| {
        let mut writer =
            ArrowWriter::try_new(to, rows.schema(), Some(properties)).map_err(failed)?;
        for batch in rows.batches() {
            writer.write(&batch?).map_err(failed)?;
        }
        writer.close().map(drop).map_err(failed)
    })
}
