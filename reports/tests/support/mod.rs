//! Writes trace tables the way a run does, from the row types themselves.

#![allow(dead_code, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanBuilder, Decimal128Builder, PrimitiveBuilder, RecordBatch, StringBuilder,
    StringDictionaryBuilder,
};
use arrow::datatypes::{Field, Int16Type, Int32Type, Schema, UInt16Type, UInt32Type, UInt64Type};
use arrow::ipc::writer::FileWriter;
use sim_types::Amount;
use sim_types::record::{Cells, ColumnType, Record, VERSION_KEY};

enum Builder {
    U16(PrimitiveBuilder<UInt16Type>),
    U32(PrimitiveBuilder<UInt32Type>),
    U64(PrimitiveBuilder<UInt64Type>),
    Bool(BooleanBuilder),
    Amount(Decimal128Builder),
    Word(StringDictionaryBuilder<Int32Type>),
    /// Another integer key type, which a reader must take as well.
    ShortWord(StringDictionaryBuilder<Int16Type>),
    Text(StringBuilder),
}

/// How words are stored.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Words {
    Dictionary32,
    Dictionary16,
    Plain,
}

struct Columns {
    builders: Vec<Builder>,
    at: usize,
}

macro_rules! append {
    ($self:ident, $value:expr, $($variant:ident)|+) => {{
        match &mut $self.builders[$self.at] {
            $(Builder::$variant(builder) => { builder.append_value($value); })+
            _ => unreachable!("a row hands over its cells in column order"),
        }
        $self.at += 1;
    }};
}

impl Cells for Columns {
    fn u16(&mut self, value: u16) {
        append!(self, value, U16);
    }
    fn u32(&mut self, value: u32) {
        append!(self, value, U32);
    }
    fn u64(&mut self, value: u64) {
        append!(self, value, U64);
    }
    fn opt_u32(&mut self, value: Option<u32>) {
        let Builder::U32(builder) = &mut self.builders[self.at] else { unreachable!() };
        builder.append_option(value);
        self.at += 1;
    }
    fn opt_u64(&mut self, value: Option<u64>) {
        let Builder::U64(builder) = &mut self.builders[self.at] else { unreachable!() };
        builder.append_option(value);
        self.at += 1;
    }
    fn bool(&mut self, value: bool) {
        append!(self, value, Bool);
    }
    fn amount(&mut self, value: Amount) {
        append!(self, i128::try_from(value.0).unwrap(), Amount);
    }
    fn word(&mut self, value: &'static str) {
        append!(self, value, Word | ShortWord | Text);
    }
    fn text(&mut self, value: &str) {
        append!(self, value, Text);
    }
}

fn builders<R: Record>(words: Words) -> Vec<Builder> {
    R::COLUMNS
        .iter()
        .map(|column| match column.ty {
            ColumnType::U16 => Builder::U16(PrimitiveBuilder::new()),
            ColumnType::U32 | ColumnType::OptU32 => Builder::U32(PrimitiveBuilder::new()),
            ColumnType::U64 | ColumnType::OptU64 => Builder::U64(PrimitiveBuilder::new()),
            ColumnType::Bool => Builder::Bool(BooleanBuilder::new()),
            ColumnType::Amount => {
                Builder::Amount(Decimal128Builder::new().with_precision_and_scale(38, 0).unwrap())
            }
            ColumnType::Word if words == Words::Dictionary32 => {
                Builder::Word(StringDictionaryBuilder::new())
            }
            ColumnType::Word if words == Words::Dictionary16 => {
                Builder::ShortWord(StringDictionaryBuilder::new())
            }
            ColumnType::Word | ColumnType::Text => Builder::Text(StringBuilder::new()),
        })
        .collect()
}

fn finish(builder: &mut Builder) -> ArrayRef {
    match builder {
        Builder::U16(b) => Arc::new(b.finish()),
        Builder::U32(b) => Arc::new(b.finish()),
        Builder::U64(b) => Arc::new(b.finish()),
        Builder::Bool(b) => Arc::new(b.finish()),
        Builder::Amount(b) => Arc::new(b.finish()),
        Builder::Word(b) => Arc::new(b.finish()),
        Builder::ShortWord(b) => Arc::new(b.finish()),
        Builder::Text(b) => Arc::new(b.finish()),
    }
}

/// Writes `dir/<table>.arrow` in batches of `batch` rows.
pub(crate) fn write_as<R: Record>(
    dir: &Path,
    rows: impl IntoIterator<Item = R>,
    words: Words,
    batch: usize,
) -> PathBuf {
    let path = dir.join(format!("{}.arrow", R::TABLE));
    let mut columns = Columns { builders: builders::<R>(words), at: 0 };
    let types: Vec<_> = builders::<R>(words)
        .iter_mut()
        .map(|builder| finish(builder).data_type().clone())
        .collect();
    let fields: Vec<Field> = R::COLUMNS
        .iter()
        .zip(types)
        .map(|(column, ty)| {
            let optional = matches!(column.ty, ColumnType::OptU32 | ColumnType::OptU64);
            Field::new(column.name, ty, optional)
        })
        .collect();
    let metadata = HashMap::from([(VERSION_KEY.to_owned(), R::VERSION.to_string())]);
    let schema = Arc::new(Schema::new(fields).with_metadata(metadata));
    let mut writer = FileWriter::try_new(File::create(&path).unwrap(), &schema).unwrap();
    for row in rows {
        columns.at = 0;
        row.cells(&mut columns);
    }
    // Slices of one batch share its dictionaries: a file may hold only one for each column.
    let arrays: Vec<ArrayRef> = columns.builders.iter_mut().map(finish).collect();
    let whole = RecordBatch::try_new(schema.clone(), arrays).unwrap();
    for start in (0..whole.num_rows()).step_by(batch) {
        writer.write(&whole.slice(start, batch.min(whole.num_rows() - start))).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// Writes a table with words as dictionaries, in batches of 65,536 rows.
pub(crate) fn write<R: Record>(dir: &Path, rows: impl IntoIterator<Item = R>) -> PathBuf {
    write_as(dir, rows, Words::Dictionary32, 65_536)
}

/// A fresh directory for one test.
pub(crate) fn fresh_dir(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        std::fs::remove_dir_all(&dir).unwrap();
    }
    std::fs::create_dir_all(dir.join("trace")).unwrap();
    dir
}
