//! The trace: rows of the tables of [`sim_types::record`] into Arrow files, off the hot path.
//!
//! The simulation pushes rows; full chunks of them go over one bounded channel to one writer
//! thread, which encodes, digests and writes. A table is an Arrow IPC file with uncompressed
//! batches. Its schema carries the table's name (`arable.table`) and version
//! ([`sim_types::record::VERSION_KEY`]) and each column's meaning (`doc`). Money is a 128-bit decimal without
//! fraction, words are dictionaries of text.
//!
//! Each replication writes parts of its own, `<table>.<rep>.arrow`; [`merge`] makes them one
//! file a table, `<table>.arrow`.

mod columns;
mod join;
mod shape;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};
use sim_types::record::{
    BlockRow, EpochRow, FaultRow, JobRow, LoadRow, NodeRow, ObservationRow, PayoutRow, Record,
};

use crate::digest::Digest;
use sealed::{Buffers, SHAPES};
use shape::Shape;
use table::TableWriter;

pub use join::{merge, summarise};

/// Rows to a chunk and to a batch of the file.
pub const CHUNK: usize = 16_384;

/// Chunks that may wait for the writer; the simulation waits for it beyond that.
pub const WAITING: usize = 8;

/// What one table holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSummary {
    /// Rows.
    pub rows: u64,
    /// BLAKE3 of the rows, see [`crate::digest::RowDigest`]; independent of how they are cut
    /// into batches and of how they are encoded.
    pub digest: Digest,
    /// Size of the file.
    pub bytes: u64,
}

/// Why the trace could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The file is not what this version writes, or the rows are not what a file can hold.
    #[error("{}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The writer is gone; its own error was reported before.
    #[error("{}: the trace was closed by an earlier error", dir.display())]
    Closed {
        /// The directory.
        dir: PathBuf,
    },
}

impl TraceError {
    fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    fn format(path: &Path, reason: impl core::fmt::Display) -> Self {
        Self::Format { path: path.to_owned(), reason: reason.to_string() }
    }

    fn arrow(path: &Path, error: ArrowError) -> Self {
        match error {
            ArrowError::IoError(_, source) => Self::io(path, source),
            other => Self::format(path, other),
        }
    }
}

/// A row of one of the tables of [`sim_types::record::TABLES`].
pub trait Row: sealed::Buffered {}

/// Rows of one table on their way to the writer.
trait Chunk: Send {
    fn write(&self, to: &mut TableWriter) -> Result<(), TraceError>;
}

impl<R: Record> Chunk for Vec<R> {
    fn write(&self, to: &mut TableWriter) -> Result<(), TraceError> {
        to.write(self)
    }
}

/// A chunk and the place of its table.
type Message = (usize, Box<dyn Chunk>);

/// Rows that wait for their chunk to fill, and the traits that find a row's place among them.
mod sealed {
    use super::{
        BlockRow, EpochRow, FaultRow, JobRow, LoadRow, Message, NodeRow, ObservationRow, PayoutRow,
        Record, Row, Shape,
    };

    pub trait Buffered: Record {
        const PLACE: usize;
        fn buffer(buffers: &mut Buffers) -> &mut Vec<Self>
        where
            Self: Sized;
    }

    macro_rules! tables {
        ($($field:ident: $row:ident,)*) => {
            /// The tables, in the order of [`sim_types::record::TABLES`].
            #[derive(Clone, Copy)]
            #[expect(clippy::enum_variant_names, reason = "named after the rows")]
            pub(super) enum Place { $($row,)* }

            pub(super) const SHAPES: &[Shape] = &[$(Shape::of::<$row>(),)*];

            /// One buffer a table.
            #[derive(Debug, Default)]
            pub struct Buffers { $($field: Vec<$row>,)* }

            impl Buffers {
                /// What is left in them, as chunks.
                pub(super) fn drain(&mut self) -> Vec<Message> {
                    vec![$((Place::$row as usize, Box::new(std::mem::take(&mut self.$field))),)*]
                }
            }

            $(
                impl Row for $row {}
                impl Buffered for $row {
                    const PLACE: usize = Place::$row as usize;
                    fn buffer(buffers: &mut Buffers) -> &mut Vec<Self> {
                        &mut buffers.$field
                    }
                }
            )*
        };
    }

    tables! {
        jobs: JobRow,
        observations: ObservationRow,
        blocks: BlockRow,
        epochs: EpochRow,
        payouts: PayoutRow,
        nodes: NodeRow,
        load: LoadRow,
        faults: FaultRow,
    }
}

/// The open trace of one replication.
#[derive(Debug)]
pub struct Trace {
    dir: PathBuf,
    buffers: Buffers,
    /// Absent once the writer has failed.
    sender: Option<SyncSender<Message>>,
    writer: Option<JoinHandle<Result<Summaries, TraceError>>>,
}

/// A summary for every table, by name.
pub type Summaries = BTreeMap<String, TableSummary>;

/// Where a replication keeps its part of a table.
#[must_use]
pub fn part_path(dir: &Path, table: &str, rep: u32) -> PathBuf {
    dir.join(format!("{table}.{rep}.arrow"))
}

/// Where [`merge`] puts a table.
#[must_use]
pub fn table_path(dir: &Path, table: &str) -> PathBuf {
    dir.join(format!("{table}.arrow"))
}

impl Trace {
    /// Opens `<dir>/<table>.<rep>.arrow` for every table, and starts the writer. The
    /// directory must exist.
    ///
    /// # Errors
    /// When a file or the thread cannot be made.
    pub fn create(dir: &Path, rep: u32) -> Result<Self, TraceError> {
        let tables = SHAPES
            .iter()
            .map(|&shape| TableWriter::create(shape, part_path(dir, shape.table, rep)))
            .collect::<Result<Vec<_>, _>>()?;
        let (sender, receiver) = sync_channel(WAITING);
        let writer = std::thread::Builder::new()
            .name(format!("trace {rep}"))
            .spawn(move || write_all(tables, &receiver))
            .map_err(|source| TraceError::io(dir, source))?;
        Ok(Self {
            dir: dir.to_owned(),
            buffers: Buffers::default(),
            sender: Some(sender),
            writer: Some(writer),
        })
    }

    /// Adds one row. Returns at once, except that it waits for the writer where [`WAITING`]
    /// chunks are ahead of it.
    ///
    /// # Errors
    /// When the writer has failed (the disk is full, say): its error the first time, that the
    /// trace is closed from then on. A failure shows at the latest when the next chunk fills.
    #[inline]
    pub fn push<R: Row>(&mut self, row: R) -> Result<(), TraceError> {
        let buffer = R::buffer(&mut self.buffers);
        buffer.push(row);
        if buffer.len() < CHUNK {
            return Ok(());
        }
        let full = std::mem::replace(buffer, Vec::with_capacity(CHUNK));
        self.send((R::PLACE, Box::new(full)))
    }

    /// Writes what is left, closes the files and says what they hold.
    ///
    /// # Errors
    /// What the writer failed with.
    pub fn finish(mut self) -> Result<Summaries, TraceError> {
        for message in self.buffers.drain() {
            self.send(message)?;
        }
        self.sender = None;
        self.join()
    }

    fn send(&mut self, message: Message) -> Result<(), TraceError> {
        let dir = &self.dir;
        let sender = self.sender.as_ref().ok_or_else(|| TraceError::Closed { dir: dir.clone() })?;
        // The writer drops its end when it fails, which wakes and refuses this one.
        if sender.send(message).is_ok() {
            return Ok(());
        }
        self.sender = None;
        self.join().map(|_| ())
    }

    fn join(&mut self) -> Result<Summaries, TraceError> {
        let Some(writer) = self.writer.take() else {
            return Err(TraceError::Closed { dir: self.dir.clone() });
        };
        writer
            .join()
            .unwrap_or_else(|_| Err(TraceError::format(&self.dir, "the trace writer panicked")))
    }
}

/// A trace that is dropped unfinished still lets go of its files before it is gone, so that
/// the caller can remove them.
impl Drop for Trace {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// The writer thread.
fn write_all(
    mut tables: Vec<TableWriter>,
    messages: &Receiver<Message>,
) -> Result<Summaries, TraceError> {
    for (place, chunk) in messages {
        chunk.write(&mut tables[place])?;
    }
    tables.into_iter().map(|table| Ok((table.name().to_owned(), table.finish()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::sealed::Place;
    use super::*;
    use sim_types::record::TABLES;

    #[test]
    fn every_table_of_the_record_has_a_place_here() {
        assert_eq!(SHAPES.len(), TABLES.len());
        for (shape, &(name, version, _, columns)) in SHAPES.iter().zip(TABLES) {
            assert_eq!((shape.table, shape.version, shape.columns), (name, version, columns));
        }
        assert_eq!(SHAPES[Place::FaultRow as usize].table, FaultRow::TABLE);
    }
}
