//! One table on its way into its file.
//!
//! A file has one dictionary for each column of words, fixed when its first batch is written.
//! (The format allows it to grow, but not every reader follows.) Where a word comes up that
//! the dictionary lacks, the file is closed and a further segment begun; at the end the
//! segments are joined. Words are few, and nearly all of them turn up in the first batch.
//!
//! A snapshot closes the segment too, so that what is on the disk is whole. Every batch but a
//! table's last has [`CHUNK`] rows, wherever a snapshot was taken: rows that wait for their
//! batch to fill go into a file of their own, the tail, which only a resumed run reads. The
//! bytes of the finished table are therefore the same with snapshots and without.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use sim_types::record::Record;

use super::columns::Columns;
use super::join::{join, read_batches};
use super::shape::Shape;
use super::snapshot::TableCut;
use super::{CHUNK, TableSummary, TraceError};
use crate::digest::RowDigest;

/// A table being written.
pub(super) struct TableWriter {
    shape: Shape,
    schema: SchemaRef,
    /// Where the table of this replication ends up; its first segment too.
    path: PathBuf,
    columns: Columns,
    digest: RowDigest,
    /// The segment that takes batches, if one is open.
    segment: Option<Segment>,
    /// Segments that are complete.
    done: Vec<PathBuf>,
    /// Whether a snapshot counts on the segments.
    cut: bool,
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
        let writer = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::LZ4_FRAME))
            .and_then(|options| {
                let buffer = BufWriter::with_capacity(1 << 18, file);
                FileWriter::try_new_with_options(buffer, schema, options)
            })
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

    /// As [`Segment::finish`], and sees to it that the file outlives a loss of power.
    fn finish_for_good(mut self) -> Result<PathBuf, TraceError> {
        let finished = self.writer.finish().and_then(|()| self.writer.flush());
        finished.map_err(|error| TraceError::arrow(&self.path, error))?;
        let file = self.writer.get_ref().get_ref();
        file.sync_all().map_err(|source| TraceError::io(&self.path, source))?;
        Ok(self.path)
    }
}

/// Where a table keeps its segment of a number.
fn segment_path(path: &Path, number: usize) -> PathBuf {
    match number {
        0 => path.to_owned(),
        _ => path.with_extension(format!("{number}.arrow")),
    }
}

/// Where a table keeps the rows that waited at a snapshot.
fn tail_path(path: &Path, cut: u32) -> PathBuf {
    path.with_extension(format!("tail{cut}.arrow"))
}

/// Where a table is joined from its segments.
pub(super) fn whole_path(path: &Path) -> PathBuf {
    path.with_extension("whole")
}

impl TableWriter {
    pub(super) fn create(shape: Shape, path: PathBuf) -> Result<Self, TraceError> {
        let mut table = Self::empty(shape, path);
        table.segment = Some(Segment::create(table.path.clone(), &table.schema)?);
        Ok(table)
    }

    fn empty(shape: Shape, path: PathBuf) -> Self {
        let names = shape.columns.iter().map(|column| column.name);
        Self {
            shape,
            schema: shape.schema(),
            path,
            columns: Columns::new(shape),
            digest: RowDigest::of_table(shape.table, shape.version, names),
            segment: None,
            done: Vec::new(),
            cut: false,
        }
    }

    /// Goes on after a snapshot: reads back what it counts on, and holds it to its digest.
    pub(super) fn resume(
        shape: Shape,
        path: PathBuf,
        cut: u32,
        before: &TableCut,
    ) -> Result<Self, TraceError> {
        let mut table = Self::empty(shape, path);
        table.cut = true;
        for number in 0..before.segments as usize {
            let segment = segment_path(&table.path, number);
            read_batches(shape, &segment, &mut table.digest, |_| ())?;
            table.done.push(segment);
        }
        if before.waiting > 0 {
            let tail = tail_path(&table.path, cut);
            let columns = &mut table.columns;
            read_batches(shape, &tail, &mut table.digest, |batch| columns.restore(batch))?;
        }
        if table.digest.finish() != before.digest || table.columns.rows() as u64 != before.waiting {
            let reason = "the rows on the disk are not those of the snapshot";
            return Err(TraceError::format(&table.path, reason));
        }
        if before.segments == 0 {
            table.segment = Some(Segment::create(table.path.clone(), &table.schema)?);
        }
        Ok(table)
    }

    pub(super) fn name(&self) -> &'static str {
        self.shape.table
    }

    /// Adds rows; writes a batch whenever [`CHUNK`] of them have come together.
    pub(super) fn write<R: Record>(&mut self, rows: &[R]) -> Result<(), TraceError> {
        for row in rows {
            row.cells(&mut self.columns);
            self.columns.end_row();
            self.digest.push(row);
            if self.columns.rows() == CHUNK {
                self.write_batch()?;
            }
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<(), TraceError> {
        self.fits()?;
        if self.columns.has_new_words() {
            self.columns.settle();
            if self.segment.as_ref().is_some_and(|segment| segment.batches > 0) {
                self.end_segment(Segment::finish)?;
            }
        }
        debug_assert!(self.columns.rows() > 0);
        let arrays = self.columns.take();
        let batch = self.batch(arrays)?;
        let segment = match &mut self.segment {
            Some(segment) => segment,
            none => {
                let path = segment_path(&self.path, self.done.len());
                none.insert(Segment::create(path, &self.schema)?)
            }
        };
        segment.write(&batch)
    }

    /// Whether every amount fits a file.
    fn fits(&self) -> Result<(), TraceError> {
        let Some(column) = self.columns.overflow() else { return Ok(()) };
        let name = self.shape.columns[column].name;
        let reason = format!("an amount in column {name} has more than 38 digits");
        Err(TraceError::format(&self.path, reason))
    }

    fn batch(
        &self,
        arrays: Result<Vec<ArrayRef>, arrow::error::ArrowError>,
    ) -> Result<RecordBatch, TraceError> {
        arrays
            .and_then(|arrays| RecordBatch::try_new(self.schema.clone(), arrays))
            .map_err(|error| TraceError::arrow(&self.path, error))
    }

    fn end_segment(
        &mut self,
        finish: impl FnOnce(Segment) -> Result<PathBuf, TraceError>,
    ) -> Result<(), TraceError> {
        if let Some(segment) = self.segment.take() {
            self.done.push(finish(segment)?);
        }
        Ok(())
    }

    /// Puts everything so far on the disk for good, for the snapshot of this number.
    pub(super) fn cut(&mut self, cut: u32) -> Result<TableCut, TraceError> {
        self.fits()?;
        if self.segment.as_ref().is_some_and(|segment| segment.batches > 0) {
            self.end_segment(Segment::finish_for_good)?;
        }
        if self.columns.rows() > 0 {
            let batch = self.batch(self.columns.copy())?;
            let mut tail = Segment::create(tail_path(&self.path, cut), &self.schema)?;
            tail.write(&batch)?;
            tail.finish_for_good()?;
        }
        self.cut = true;
        Ok(TableCut {
            segments: u32::try_from(self.done.len()).expect("fewer than 2^32 segments"),
            waiting: self.columns.rows() as u64,
            digest: self.digest.finish(),
        })
    }

    /// Writes what is left and closes the file, joining its segments if there are several.
    /// After a snapshot the segments stay for [`super::settle`] to remove.
    pub(super) fn finish(mut self) -> Result<TableSummary, TraceError> {
        if self.columns.rows() > 0 {
            self.write_batch()?;
        }
        self.end_segment(Segment::finish)?;
        let mut file = self.path.clone();
        if let [_, _, ..] = &self.done[..] {
            file = whole_path(&self.path);
            let joined = join(self.shape, &self.done, &file)?;
            if joined.digest != self.digest.finish() {
                let reason = "the rows read back are not the rows that were written";
                return Err(TraceError::format(&file, reason));
            }
            if !self.cut {
                for segment in &self.done {
                    std::fs::remove_file(segment)
                        .map_err(|source| TraceError::io(segment, source))?;
                }
                std::fs::rename(&file, &self.path)
                    .map_err(|source| TraceError::io(&file, source))?;
                file = self.path;
            }
        }
        Ok(TableSummary {
            rows: self.digest.rows(),
            digest: self.digest.finish(),
            bytes: size(&file)?,
        })
    }
}

pub(super) fn size(path: &Path) -> Result<u64, TraceError> {
    std::fs::metadata(path).map(|m| m.len()).map_err(|source| TraceError::io(path, source))
}
