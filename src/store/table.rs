//! The runs of a store as one Parquet table: a row a run, in the order of their keys.
//!
//! | column | type | |
//! |---|---|---|
//! | `key` | text | the run's name by content, hexadecimal |
//! | `point`, `replication` | uint32 | design point and replication, from 0 |
//! | `seed` | uint64 | |
//! | one for each axis but `seed`, by its path | float64 where all values are numbers of one unit, else text | as set |
//! | one for each metric | float64 | null where undefined |
//! | `error` | text | why a run failed, null if it did not |
//!
//! The metadata of a column has its `unit`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Builder, StringBuilder, UInt32Builder, UInt64Builder};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::{Failures, Head, Record, StoreError, failed, log};
use crate::snapshot;
use crate::sweep::quantity::Quantity;

/// Rows of one row group: what is in memory at a time.
const ROWS: usize = 8_192;

/// The columns whose names follow from what is stored.
struct Columns {
    axes: Vec<Axis>,
    /// Unit by name.
    metrics: BTreeMap<String, String>,
}

struct Axis {
    path: String,
    /// Which of the parameters it is.
    place: usize,
    /// Of all its values, if they are numbers of one unit.
    unit: Option<String>,
}

/// Writes the table of a file of records, and says which runs failed.
pub(super) fn write(path: &Path, records: &Path, head: &Head) -> Result<Failures, StoreError> {
    let mut failures = Failures::default();
    let columns = columns(records, head, &mut failures)?;
    let schema = Arc::new(schema(&columns));
    let about = [("arable.sweep", &head.sweep), ("arable.title", &head.title)];
    let about = about.map(|(key, value)| KeyValue::new(key.to_owned(), value.clone()));
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_max_row_group_row_count(Some(ROWS))
        .set_key_value_metadata(Some(about.to_vec()))
        .build();
    let wrong = |error: parquet::errors::ParquetError| io::Error::other(error);
    let write = |file: &mut File| -> io::Result<()> {
        let mut writer =
            ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(wrong)?;
        let mut rows: Vec<Record> = Vec::with_capacity(ROWS);
        let mut batch = |rows: &mut Vec<Record>| -> io::Result<()> {
            let batch = RecordBatch::try_new(Arc::clone(&schema), arrays(&columns, rows));
            writer.write(&batch.map_err(io::Error::other)?).map_err(wrong)?;
            rows.clear();
            Ok(())
        };
        let read = log::each(records, |record| {
            rows.push(record);
            if rows.len() < ROWS {
                return Ok(());
            }
            batch(&mut rows).map_err(failed("write", path))
        });
        read.map_err(io::Error::other)?;
        batch(&mut rows)?;
        writer.close().map(drop).map_err(wrong)
    };
    snapshot::replace(path, write).map_err(failed("write", path))?;
    Ok(failures)
}

fn columns(records: &Path, head: &Head, failures: &mut Failures) -> Result<Columns, StoreError> {
    // Nothing seen yet, one unit so far, or no number of one unit.
    let mut units: Vec<Option<Option<String>>> = vec![None; head.axes.len()];
    let mut metrics = BTreeMap::new();
    log::each(records, |record| {
        for (unit, text) in units.iter_mut().zip(&record.parameters) {
            let here = Quantity::read(text).map(|quantity| quantity.unit);
            match unit {
                None => *unit = Some(here),
                Some(known) if *known != here => *unit = Some(None),
                Some(_) => {}
            }
        }
        failures.see(&record);
        for value in record.outcome.into_iter().flatten() {
            metrics.entry(value.name).or_insert(value.unit);
        }
        Ok(())
    })?;
    let axes = head.axes.iter().zip(units).enumerate();
    let axes = axes.filter(|(_, (path, _))| *path != "seed").map(|(place, (path, unit))| Axis {
        path: path.clone(),
        place,
        unit: unit.flatten(),
    });
    Ok(Columns { axes: axes.collect(), metrics })
}

fn schema(columns: &Columns) -> Schema {
    let mut fields = vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("point", DataType::UInt32, false),
        Field::new("replication", DataType::UInt32, false),
        Field::new("seed", DataType::UInt64, false),
    ];
    let with_unit = |field: Field, unit: &str| {
        field.with_metadata(HashMap::from([("unit".to_owned(), unit.to_owned())]))
    };
    for axis in &columns.axes {
        fields.push(match &axis.unit {
            Some(unit) => with_unit(Field::new(&axis.path, DataType::Float64, false), unit),
            None => Field::new(&axis.path, DataType::Utf8, false),
        });
    }
    for (name, unit) in &columns.metrics {
        fields.push(with_unit(Field::new(name, DataType::Float64, true), unit));
    }
    fields.push(Field::new("error", DataType::Utf8, true));
    Schema::new(fields)
}

fn arrays(columns: &Columns, rows: &[Record]) -> Vec<ArrayRef> {
    let (mut key, mut error) = (StringBuilder::new(), StringBuilder::new());
    let (mut point, mut replication) = (UInt32Builder::new(), UInt32Builder::new());
    let mut seed = UInt64Builder::new();
    let mut metrics: BTreeMap<&str, Float64Builder> =
        columns.metrics.keys().map(|name| (name.as_str(), Float64Builder::new())).collect();
    for row in rows {
        key.append_value(row.key.to_string());
        point.append_value(row.point);
        replication.append_value(row.replication);
        seed.append_value(row.seed);
        error.append_option(row.outcome.as_ref().err());
        let values = row.outcome.as_deref().unwrap_or_default();
        for (name, column) in &mut metrics {
            let value = values.iter().find(|value| value.name == *name);
            column.append_option(value.map(|value| value.value));
        }
    }
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(key.finish()),
        Arc::new(point.finish()),
        Arc::new(replication.finish()),
        Arc::new(seed.finish()),
    ];
    for axis in &columns.axes {
        let text = |row: &'_ Record| row.parameters.get(axis.place).cloned().unwrap_or_default();
        let texts = rows.iter().map(text);
        arrays.push(if axis.unit.is_some() {
            let mut numbers = Float64Builder::new();
            for text in texts {
                numbers.append_option(Quantity::read(&text).map(|quantity| quantity.number));
            }
            Arc::new(numbers.finish())
        } else {
            let mut words = StringBuilder::new();
            texts.for_each(|text| words.append_value(text));
            Arc::new(words.finish())
        });
    }
    arrays.extend(metrics.into_values().map(|mut column| Arc::new(column.finish()) as ArrayRef));
    arrays.push(Arc::new(error.finish()));
    arrays
}
