//! The trace: rows of the tables of [`sim_types::record`] into Arrow files, off the hot path.
//!
//! The simulation pushes rows; full chunks of them go over one bounded channel to one writer
//! thread, which encodes, digests and writes. A table is an Arrow IPC file whose batches are
//! compressed with LZ4. Its schema carries the table's name (`arable.table`) and version
//! ([`sim_types::record::VERSION_KEY`]) and each column's meaning (`doc`). Money is a 128-bit
//! decimal without fraction, words are dictionaries of text.
//!
//! Which rows are written follows from the [`TraceLevel`] and from what each table says of
//! itself ([`sim_types::record::Record::DETAIL`]); a table without rows at a level has no
//! file.
//!
//! Each replication writes parts of its own, `<table>.<rep>.arrow`; [`merge`] makes them one
//! file a table, `<table>.arrow`. A trace may be cut for a snapshot and resumed from there
//! ([`Trace::cut`], [`Trace::resume`]); the finished files are the same to the byte.

mod columns;
mod join;
mod shape;
mod snapshot;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};
use sim_types::TraceLevel;
use sim_types::record::{
    BlockRow, EconomyRow, EpochRow, FaultRow, JobRow, LoadRow, NodeRow, ObservationRow, PayoutRow,
    PeriodRow, PoolRow, Record,
};

use crate::digest::Digest;
use sealed::{Buffers, SHAPES};
use shape::Shape;
use table::TableWriter;

pub use join::{join_parts, merge, remove_parts, summarise, take_back, trail};
pub use snapshot::{Cut, TableCut, discard, settle};

/// Rows to a batch of a file.
pub const CHUNK: usize = 16_384;

/// Rows that go to the writer at once: few enough to be in the processor's cache still when
/// the writer takes them.
const HANDFUL: usize = 1_024;

/// Handfuls that may wait for the writer; the simulation waits for it beyond that.
const WAITING: usize = 128;

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

/// Rows and the place of their table.
type Rows = (usize, Box<dyn Chunk>);

/// What the writer is told.
enum Message {
    Rows(Rows),
    /// Put everything on the disk for the snapshot of this number, and answer.
    Cut(u32, SyncSender<Cut>),
}

/// Rows that wait for their chunk to fill, and the traits that find a row's place among them.
mod sealed {
    use super::{
        BlockRow, EconomyRow, EpochRow, FaultRow, JobRow, LoadRow, NodeRow, ObservationRow,
        PayoutRow, PeriodRow, PoolRow, Record, Row, Rows, Shape,
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
                /// What is left in them.
                pub(super) fn drain(&mut self) -> Vec<Rows> {
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
        pools: PoolRow,
        economy: EconomyRow,
        periods: PeriodRow,
        faults: FaultRow,
    }
}

/// The open trace of one replication.
#[derive(Debug)]
pub struct Trace {
    dir: PathBuf,
    rep: u32,
    level: TraceLevel,
    /// Snapshots so far.
    cuts: u32,
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
        Self::create_at(dir, rep, TraceLevel::Full)
    }

    /// As [`Trace::create`], for the tables and rows of a level.
    ///
    /// # Errors
    /// As [`Trace::create`].
    pub fn create_at(dir: &Path, rep: u32, level: TraceLevel) -> Result<Self, TraceError> {
        Self::open(dir, rep, level, 0, |shape| {
            TableWriter::create(shape, part_path(dir, shape.table, rep))
        })
    }

    /// Takes up a trace where [`Trace::cut`] left it. Whatever was written after that is
    /// removed.
    ///
    /// # Errors
    /// When the files are not there any more, or do not hold the rows of the snapshot.
    pub fn resume(dir: &Path, rep: u32, level: TraceLevel, cut: &Cut) -> Result<Self, TraceError> {
        snapshot::remove_after(dir, rep, cut)?;
        Self::open(dir, rep, level, cut.number, |shape| {
            let path = part_path(dir, shape.table, rep);
            let Some(before) = cut.tables.get(shape.table) else {
                return Err(TraceError::format(&path, "the snapshot knows no such table"));
            };
            TableWriter::resume(shape, path, cut.number, before)
        })
    }

    fn open(
        dir: &Path,
        rep: u32,
        level: TraceLevel,
        cuts: u32,
        table: impl Fn(Shape) -> Result<TableWriter, TraceError>,
    ) -> Result<Self, TraceError> {
        let tables = SHAPES
            .iter()
            .map(|&shape| level.keeps_table(shape.detail).then(|| table(shape)).transpose())
            .collect::<Result<Vec<_>, _>>()?;
        let (sender, receiver) = sync_channel(WAITING);
        let writer = std::thread::Builder::new()
            .name(format!("trace {rep}"))
            .spawn(move || write_all(tables, &receiver))
            .map_err(|source| TraceError::io(dir, source))?;
        Ok(Self {
            dir: dir.to_owned(),
            rep,
            level,
            cuts,
            buffers: Buffers::default(),
            sender: Some(sender),
            writer: Some(writer),
        })
    }

    /// Adds one row, if the level keeps it. Returns at once, except that it waits for the
    /// writer where that is far behind.
    ///
    /// # Errors
    /// When the writer has failed (the disk is full, say): its error the first time, that the
    /// trace is closed from then on. A failure shows at the latest some rows later.
    #[inline]
    pub fn push<R: Row>(&mut self, row: R) -> Result<(), TraceError> {
        if self.level != TraceLevel::Full && !self.level.keeps_row(row.of_job()) {
            return Ok(());
        }
        let buffer = R::buffer(&mut self.buffers);
        buffer.push(row);
        if buffer.len() < HANDFUL {
            return Ok(());
        }
        let full = std::mem::replace(buffer, Vec::with_capacity(HANDFUL));
        self.send(Message::Rows((R::PLACE, Box::new(full))))
    }

    /// Puts all rows so far on the disk for good and says what is there, so that a run can go
    /// on from here with [`Trace::resume`]. What earlier snapshots count on stays until
    /// [`Trace::forget_before`].
    ///
    /// # Errors
    /// As [`Trace::push`].
    pub fn cut(&mut self) -> Result<Cut, TraceError> {
        self.flush()?;
        self.cuts += 1;
        let (reply, answer) = sync_channel(1);
        self.send(Message::Cut(self.cuts, reply))?;
        if let Ok(cut) = answer.recv() {
            return Ok(cut);
        }
        self.sender = None;
        match self.join() {
            Err(error) => Err(error),
            Ok(_) => Err(TraceError::Closed { dir: self.dir.clone() }),
        }
    }

    /// Lets go of what only snapshots before `cut` need, once that one is safe.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget_before(&self, cut: &Cut) -> Result<(), TraceError> {
        snapshot::remove_tails_before(&self.dir, self.rep, cut.number)
    }

    /// Writes what is left, closes the files and says what they hold. After a [`Trace::cut`],
    /// [`settle`] is to follow as soon as the summaries are safe.
    ///
    /// # Errors
    /// What the writer failed with.
    pub fn finish(mut self) -> Result<Summaries, TraceError> {
        self.flush()?;
        self.sender = None;
        self.join()
    }

    fn flush(&mut self) -> Result<(), TraceError> {
        self.buffers.drain().into_iter().try_for_each(|rows| self.send(Message::Rows(rows)))
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

/// The writer thread. Tables that the level leaves out are absent.
fn write_all(
    mut tables: Vec<Option<TableWriter>>,
    messages: &Receiver<Message>,
) -> Result<Summaries, TraceError> {
    for message in messages {
        match message {
            Message::Rows((place, rows)) => {
                if let Some(table) = &mut tables[place] {
                    rows.write(table)?;
                }
            }
            Message::Cut(number, reply) => {
                let cuts = tables.iter_mut().flatten();
                let tables = cuts
                    .map(|table| Ok((table.name().to_owned(), table.cut(number)?)))
                    .collect::<Result<_, TraceError>>()?;
                // Who asked waits for the answer.
                let _ = reply.send(Cut { number, tables });
            }
        }
    }
    let tables = tables.into_iter().flatten();
    tables.map(|table| Ok((table.name().to_owned(), table.finish()?))).collect()
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
