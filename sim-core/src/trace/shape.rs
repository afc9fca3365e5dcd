//! The Arrow schema of a table.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use sim_types::Detail;
use sim_types::record::{Column, ColumnType, Record, VERSION_KEY};

/// Digits of a 128-bit decimal.
pub(super) const DIGITS: u8 = 38;

/// Name, version and columns of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) table: &'static str,
    pub(super) version: u32,
    pub(super) columns: &'static [Column],
    pub(super) detail: Detail,
}

impl Shape {
    pub(super) const fn of<R: Record>() -> Self {
        Self { table: R::TABLE, version: R::VERSION, columns: R::COLUMNS, detail: R::DETAIL }
    }

    pub(super) fn schema(&self) -> SchemaRef {
        let fields: Vec<Field> = self.columns.iter().map(field).collect();
        let metadata = [
            ("arable.table".to_owned(), self.table.to_owned()),
            (VERSION_KEY.to_owned(), self.version.to_string()),
        ];
        Arc::new(Schema::new_with_metadata(fields, metadata))
    }
}

fn field(column: &Column) -> Field {
    let (data_type, nullable) = match column.ty {
        ColumnType::U16 => (DataType::UInt16, false),
        ColumnType::U32 => (DataType::UInt32, false),
        ColumnType::U64 => (DataType::UInt64, false),
        ColumnType::OptU32 => (DataType::UInt32, true),
        ColumnType::OptU64 => (DataType::UInt64, true),
        ColumnType::Bool => (DataType::Boolean, false),
        ColumnType::Amount => (DataType::Decimal128(DIGITS, 0), false),
        ColumnType::Word => {
            (DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), false)
        }
        ColumnType::Text => (DataType::Utf8, false),
    };
    let doc = [("doc".to_owned(), column.doc.to_owned())];
    Field::new(column.name, data_type, nullable).with_metadata(doc)
}
