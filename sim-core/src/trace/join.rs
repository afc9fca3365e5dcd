//! Arrow files of one table into one, with one dictionary a column and a digest of all rows.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, DictionaryArray, Int32Array,
    RecordBatch, StringArray, UInt32Array, UInt64Array,
};
use arrow::datatypes::{Decimal128Type, Int32Type, UInt16Type, UInt32Type, UInt64Type};
use arrow::ipc::reader::FileReader;
use sim_types::Amount;
use sim_types::record::{Cells, ColumnType};

use super::sealed::SHAPES;
use super::shape::Shape;
use super::table::{Segment, size};
use super::{Summaries, TableSummary, TraceError, part_path, table_path};
use crate::determinism::Step;
use crate::digest::RowDigest;

/// Joins the parts of all replications into `<dir>/<table>.arrow`, in the order of
/// replications, and removes them. `parts` is what [`super::Trace::finish`] said of each
/// replication, from 0.
///
/// # Errors
/// When a part is missing, is not what [`super::Trace`] wrote, or lacks rows; when the disk
/// is full.
pub fn merge(dir: &Path, parts: &[Summaries]) -> Result<Summaries, TraceError> {
    let summaries = join_parts(dir, parts)?;
    remove_parts(dir, parts)?;
    Ok(summaries)
}

/// As [`merge`], but leaves the parts of several replications where they are, so that it can
/// be done again; that of a single one takes the table's place, see [`take_back`].
///
/// # Errors
/// As [`merge`].
pub fn join_parts(dir: &Path, parts: &[Summaries]) -> Result<Summaries, TraceError> {
    let mut summaries = Summaries::new();
    for shape in tables_of(parts) {
        let target = table_path(dir, shape.table);
        let paths = part_paths(dir, shape, parts);
        let expected: Vec<&TableSummary> =
            parts.iter().filter_map(|part| part.get(shape.table)).collect();
        let summary = if let ([path], [summary]) = (&paths[..], &expected[..]) {
            std::fs::rename(path, &target).map_err(|source| TraceError::io(path, source))?;
            (*summary).clone()
        } else {
            let summary = join(*shape, &paths, &target)?;
            let rows: u64 = expected.iter().map(|part| part.rows).sum();
            if summary.rows != rows {
                let reason = format!("{} rows, expected {rows}", summary.rows);
                return Err(TraceError::format(&target, reason));
            }
            summary
        };
        summaries.insert(shape.table.to_owned(), summary);
    }
    Ok(summaries)
}

/// Removes the parts that [`join_parts`] has left.
///
/// # Errors
/// When a file cannot be removed.
pub fn remove_parts(dir: &Path, parts: &[Summaries]) -> Result<(), TraceError> {
    for path in tables_of(parts).flat_map(|shape| part_paths(dir, shape, parts)) {
        if path.exists() {
            std::fs::remove_file(&path).map_err(|source| TraceError::io(&path, source))?;
        }
    }
    Ok(())
}

/// Undoes what [`join_parts`] did for a single replication, so that its parts are where they
/// were; removes tables that were joined of several.
///
/// # Errors
/// When a file cannot be renamed or removed.
pub fn take_back(dir: &Path, replications: u32) -> Result<(), TraceError> {
    for shape in SHAPES {
        let (part, table) = (part_path(dir, shape.table, 0), table_path(dir, shape.table));
        if !table.exists() {
            continue;
        }
        let undone = if replications == 1 && !part.exists() {
            std::fs::rename(&table, &part)
        } else {
            std::fs::remove_file(&table)
        };
        undone.map_err(|source| TraceError::io(&table, source))?;
    }
    Ok(())
}

/// The tables that the replications have: at one trace level all have the same.
fn tables_of(parts: &[Summaries]) -> impl Iterator<Item = &'static Shape> {
    SHAPES.iter().filter(|shape| parts.iter().any(|part| part.contains_key(shape.table)))
}

fn part_paths(dir: &Path, shape: &Shape, parts: &[Summaries]) -> Vec<PathBuf> {
    (0_u32..).zip(parts).map(|(rep, _)| part_path(dir, shape.table, rep)).collect()
}

/// Reads a table's file and says what it holds: the digest is that of the rows found.
///
/// # Errors
/// When the file cannot be read, or is not the named table in the version of this build.
pub fn summarise(table: &str, path: &Path) -> Result<TableSummary, TraceError> {
    let shape = shape_of(table, path)?;
    let mut digest = empty_digest(shape);
    read_batches(shape, path, &mut digest, |_| ())?;
    Ok(TableSummary { rows: digest.rows(), digest: digest.finish(), bytes: size(path)? })
}

/// Reads a table's file row by row: a step for every row, each of which depends on all rows
/// before it.
///
/// # Errors
/// As [`summarise`].
pub fn trail(table: &str, path: &Path) -> Result<Vec<Step>, TraceError> {
    let shape = shape_of(table, path)?;
    let mut digest = empty_digest(shape);
    digest.keep_trail();
    read_batches(shape, path, &mut digest, |_| ())?;
    Ok(digest.take_trail())
}

fn shape_of(table: &str, path: &Path) -> Result<Shape, TraceError> {
    let found = SHAPES.iter().find(|shape| shape.table == table);
    found.copied().ok_or_else(|| TraceError::format(path, format!("no table is called `{table}`")))
}

/// Adds the rows of a file to `digest`, and shows every batch.
pub(super) fn read_batches(
    shape: Shape,
    path: &Path,
    digest: &mut RowDigest,
    mut show: impl FnMut(&RecordBatch),
) -> Result<(), TraceError> {
    for batch in open(shape, path)? {
        let batch = batch.map_err(|error| TraceError::arrow(path, error))?;
        add_rows(digest, &batch, shape, path)?;
        show(&batch);
    }
    Ok(())
}

/// Joins `sources` into `target`.
pub(super) fn join(
    shape: Shape,
    sources: &[PathBuf],
    target: &Path,
) -> Result<TableSummary, TraceError> {
    let mut words = Words::new(shape);
    for path in sources {
        // Within one file all batches share their dictionaries.
        if let Some(batch) = open(shape, path)?.next() {
            words.add(&batch.map_err(|error| TraceError::arrow(path, error))?);
        }
    }
    let arrays = words.arrays();
    let schema = shape.schema();
    let mut digest = empty_digest(shape);
    let mut output = Segment::create(target.to_owned(), &schema)?;
    for path in sources {
        for batch in open(shape, path)? {
            let batch = batch.map_err(|error| TraceError::arrow(path, error))?;
            add_rows(&mut digest, &batch, shape, path)?;
            let columns = words.rewrite(&batch, &arrays);
            let batch = RecordBatch::try_new(schema.clone(), columns)
                .map_err(|error| TraceError::arrow(path, error))?;
            output.write(&batch)?;
        }
    }
    output.finish()?;
    Ok(TableSummary { rows: digest.rows(), digest: digest.finish(), bytes: size(target)? })
}

fn open(shape: Shape, path: &Path) -> Result<FileReader<BufReader<File>>, TraceError> {
    let file = File::open(path).map_err(|source| TraceError::io(path, source))?;
    let reader =
        FileReader::try_new_buffered(file, None).map_err(|error| TraceError::arrow(path, error))?;
    if reader.schema() == shape.schema() {
        return Ok(reader);
    }
    let reason = format!("not table `{}` version {}", shape.table, shape.version);
    Err(TraceError::format(path, reason))
}

fn empty_digest(shape: Shape) -> RowDigest {
    RowDigest::of_table(shape.table, shape.version, shape.columns.iter().map(|c| c.name))
}

/// The words of every column of several files, each in order of first appearance.
struct Words {
    /// Places of the columns of words.
    columns: Vec<usize>,
    words: Vec<Vec<String>>,
}

impl Words {
    fn new(shape: Shape) -> Self {
        let columns: Vec<usize> =
            (0..shape.columns.len()).filter(|&i| shape.columns[i].ty == ColumnType::Word).collect();
        Self { words: vec![Vec::new(); columns.len()], columns }
    }

    fn add(&mut self, batch: &RecordBatch) {
        for (&column, words) in self.columns.iter().zip(&mut self.words) {
            for word in strings(batch.column(column)).iter().flatten() {
                if !words.iter().any(|known| known == word) {
                    words.push(word.to_owned());
                }
            }
        }
    }

    fn arrays(&self) -> Vec<Arc<StringArray>> {
        self.words.iter().map(|words| Arc::new(StringArray::from(words.clone()))).collect()
    }

    /// The batch's columns with keys into `arrays`.
    fn rewrite(&self, batch: &RecordBatch, arrays: &[Arc<StringArray>]) -> Vec<ArrayRef> {
        let mut columns = batch.columns().to_vec();
        for ((&column, words), array) in self.columns.iter().zip(&self.words).zip(arrays) {
            let old = columns[column].as_dictionary::<Int32Type>();
            let new_keys: Vec<i32> = strings(&columns[column])
                .iter()
                .map(|word| {
                    let place = words.iter().position(|known| Some(known.as_str()) == word);
                    let place = place.expect("every file's words were gathered before");
                    i32::try_from(place).expect("fewer than 2^31 words")
                })
                .collect();
            let keys = old.keys().values().iter();
            let keys: Int32Array =
                keys.map(|&key| new_keys[key.cast_unsigned() as usize]).collect();
            columns[column] = Arc::new(DictionaryArray::new(keys, array.clone()));
        }
        columns
    }
}

/// The values of a dictionary of text. The schema was compared when the file was opened.
fn strings(column: &ArrayRef) -> &StringArray {
    column.as_dictionary::<Int32Type>().values().as_string()
}

/// A column of a batch, ready to hand over cells.
enum Source<'a> {
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    OptU32(&'a UInt32Array),
    OptU64(&'a UInt64Array),
    Bool(&'a BooleanArray),
    Amount(&'a Decimal128Array),
    Word(&'a [i32], &'a StringArray),
    Text(&'a StringArray),
}

impl<'a> Source<'a> {
    fn new(ty: ColumnType, column: &'a ArrayRef) -> Self {
        match ty {
            ColumnType::U16 => Self::U16(column.as_primitive::<UInt16Type>().values()),
            ColumnType::U32 => Self::U32(column.as_primitive::<UInt32Type>().values()),
            ColumnType::U64 => Self::U64(column.as_primitive::<UInt64Type>().values()),
            ColumnType::OptU32 => Self::OptU32(column.as_primitive()),
            ColumnType::OptU64 => Self::OptU64(column.as_primitive()),
            ColumnType::Bool => Self::Bool(column.as_boolean()),
            ColumnType::Amount => Self::Amount(column.as_primitive::<Decimal128Type>()),
            ColumnType::Word => {
                Self::Word(column.as_dictionary::<Int32Type>().keys().values(), strings(column))
            }
            ColumnType::Text => Self::Text(column.as_string()),
        }
    }

    /// Hands over the cell of one row. False if it holds what no record can.
    fn cell(&self, row: usize, to: &mut RowDigest) -> bool {
        match self {
            Self::U16(values) => to.u16(values[row]),
            Self::U32(values) => to.u32(values[row]),
            Self::U64(values) => to.u64(values[row]),
            Self::OptU32(values) => to.opt_u32(values.is_valid(row).then(|| values.value(row))),
            Self::OptU64(values) => to.opt_u64(values.is_valid(row).then(|| values.value(row))),
            Self::Bool(values) => to.bool(values.value(row)),
            Self::Amount(values) => match u128::try_from(values.value(row)) {
                Ok(amount) => to.amount(Amount(amount)),
                Err(_) => return false,
            },
            Self::Word(keys, words) => match usize::try_from(keys[row]) {
                Ok(key) if key < words.len() => to.text(words.value(key)),
                _ => return false,
            },
            Self::Text(values) => to.text(values.value(row)),
        }
        true
    }
}

fn add_rows(
    digest: &mut RowDigest,
    batch: &RecordBatch,
    shape: Shape,
    path: &Path,
) -> Result<(), TraceError> {
    let sources: Vec<Source> = shape
        .columns
        .iter()
        .zip(batch.columns())
        .map(|(column, array)| Source::new(column.ty, array))
        .collect();
    for row in 0..batch.num_rows() {
        for (source, column) in sources.iter().zip(shape.columns) {
            if !source.cell(row, digest) {
                let reason = format!("row {row} holds no valid value in column {}", column.name);
                return Err(TraceError::format(path, reason));
            }
        }
        digest.end_row();
    }
    Ok(())
}
