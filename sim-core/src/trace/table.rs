//! One table on its way into its file.
//!
//! A file has one dictionary for each column of words, fixed when its first batch is written.
//! (The format allows it to grow, but not every reader follows.) Where a word comes up that
//! the dictionary lacks, the file is closed and a further segment begun; at the end the
//! segments are joined. Words are few, and nearly all of them turn up in the first batch.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::writer::FileWriter;
use sim_types::record::Record;

use super::columns::Columns;
use super::join::join;
use super::shape::Shape;
use super::{CHUNK, TableSummary, TraceError};
use crate::digest::RowDigest;

/// A table being written.
pub(super) struct TableWriter {
    shape: Shape,
    schema: SchemaRef,
    path: PathBuf,
    columns: Columns,
    digest: RowDigest,
    segment: Segment,
    /// Segments that are complete.
    done: Vec<PathBuf>,
}

/// One Arrow file.
pub(super) struct Segment {
    path: PathBuf,
    writer: FileWriter<BufWriter<File>>,
    batches: u64,
}

impl Segment {
    pub(super) fn create(path: PathBuf, schema: &SchemaRef) -> Result<Self, TraceError> {
        let file = File::create(&path).map_err(|source| TraceError::io(&path, source))?;
        let writer = FileWriter::try_new(BufWriter::with_capacity(1 << 18, file), schema)
            .map_err(|error| TraceError::arrow(&path, error))?;
        Ok(Self { path, writer, batches: 0 })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), TraceError> {
        self.batches += 1;
        self.writer.write(batch).map_err(|error| TraceError::arrow(&self.path, error))
    }

    /// Writes the footer and gives back the path.
    pub(super) fn finish(mut self) -> Result<PathBuf, TraceError> {
        match self.writer.finish().and_then(|()| self.writer.flush()) {
            Ok(()) => Ok(self.path),
            Err(error) => Err(TraceError::arrow(&self.path, error)),
        }
    }
}

impl TableWriter {
    pub(super) fn create(shape: Shape, path: PathBuf) -> Result<Self, TraceError> {
        let schema = shape.schema();
        let names = shape.columns.iter().map(|column| column.name);
        Ok(Self {
            shape,
            columns: Columns::new(shape),
            digest: RowDigest::of_table(shape.table, shape.version, names),
            segment: Segment::create(path.clone(), &schema)?,
            schema,
            path,
            done: Vec::new(),
        })
    }

    pub(super) fn name(&self) -> &'static str {
        self.shape.table
    }

    /// Writes rows, as one batch a [`CHUNK`].
    pub(super) fn write<R: Record>(&mut self, rows: &[R]) -> Result<(), TraceError> {
        for rows in rows.chunks(CHUNK) {
            for row in rows {
                row.cells(&mut self.columns);
                self.columns.end_row();
                self.digest.push(row);
            }
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<(), TraceError> {
        if let Some(column) = self.columns.overflow() {
            let name = self.shape.columns[column].name;
            let reason = format!("an amount in column {name} has more than 38 digits");
            return Err(TraceError::format(&self.segment.path, reason));
        }
        if self.columns.has_new_words() {
            self.columns.settle();
            if self.segment.batches > 0 {
                let next = self.path.with_extension(format!("{}.arrow", self.done.len() + 1));
                let next = Segment::create(next, &self.schema)?;
                self.done.push(std::mem::replace(&mut self.segment, next).finish()?);
            }
        }
        debug_assert!(self.columns.rows() > 0);
        let path = &self.segment.path;
        let batch = self
            .columns
            .take()
            .and_then(|arrays| RecordBatch::try_new(self.schema.clone(), arrays))
            .map_err(|error| TraceError::arrow(path, error))?;
        self.segment.write(&batch)
    }

    /// Closes the file, joining its segments if there are several.
    pub(super) fn finish(mut self) -> Result<TableSummary, TraceError> {
        self.done.push(self.segment.finish()?);
        if let [_, _, ..] = &self.done[..] {
            let whole = self.path.with_extension("whole");
            let joined = join(self.shape, &self.done, &whole)?;
            if joined.digest != self.digest.finish() {
                let reason = "the rows read back are not the rows that were written";
                return Err(TraceError::format(&whole, reason));
            }
            for segment in &self.done {
                std::fs::remove_file(segment).map_err(|source| TraceError::io(segment, source))?;
            }
            std::fs::rename(&whole, &self.path).map_err(|source| TraceError::io(&whole, source))?;
        }
        Ok(TableSummary {
            rows: self.digest.rows(),
            digest: self.digest.finish(),
            bytes: size(&self.path)?,
        })
    }
}

pub(super) fn size(path: &Path) -> Result<u64, TraceError> {
    std::fs::metadata(path).map(|m| m.len()).map_err(|source| TraceError::io(path, source))
}
