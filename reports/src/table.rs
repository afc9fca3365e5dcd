//! Reads a trace table batch by batch: memory is bounded by one batch, whatever the length.
//!
//! Only the columns asked for are decoded. Columns come out typed, by name; anything that
//! disagrees with [`sim_types::record`] is an error that names the file and the column.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Decimal128Type, SchemaRef, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::ipc::reader::FileReader;
use sim_types::record::{TABLES, VERSION_KEY};

use crate::error::ReportError;

/// An open trace table, yielding its batches in order.
pub struct Table {
    file: PathBuf,
    reader: FileReader<File>,
}

impl Table {
    /// Opens `dir/<table>.arrow` for the named columns.
    ///
    /// # Errors
    /// When the table is unknown, the file missing, cut short or of another schema version,
    /// or a column missing.
    pub fn open(dir: &Path, table: &str, columns: &[&str]) -> Result<Self, ReportError> {
        let wanted = TABLES
            .iter()
            .find(|(name, ..)| *name == table)
            .map(|&(_, version, ..)| version)
            .ok_or_else(|| ReportError::UnknownTable(table.to_owned()))?;
        let file = dir.join(format!("{table}.arrow"));
        let schema = open(&file, None)?.schema();
        let found = schema.metadata().get(VERSION_KEY).map_or("none", String::as_str);
        if found != wanted.to_string() {
            return Err(ReportError::Version { file, found: found.to_owned(), wanted });
        }
        let mut projection = Vec::with_capacity(columns.len());
        for &column in columns {
            let Ok(index) = schema.index_of(column) else {
                return Err(ReportError::NoColumn { file, column: column.to_owned() });
            };
            projection.push(index);
        }
        let reader = open(&file, Some(projection))?;
        Ok(Self { file, reader })
    }

    /// Opens `dir/<table>.arrow` for all the columns of its record.
    ///
    /// # Errors
    /// As [`Table::open`].
    pub fn whole(dir: &Path, table: &str) -> Result<Self, ReportError> {
        let found = TABLES.iter().find(|(name, ..)| *name == table);
        let columns = found.map_or(&[][..], |&(.., columns)| columns);
        let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
        Self::open(dir, table, &names)
    }

    /// Its columns as Arrow knows them, with name and version of the table.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// The batches as Arrow knows them.
    pub fn batches(self) -> impl Iterator<Item = Result<RecordBatch, ReportError>> {
        let Self { file, reader } = self;
        reader.map(move |rows| rows.map_err(|source| damaged(&file, source)))
    }

    /// Hands every batch to `visit`.
    ///
    /// # Errors
    /// When a batch is damaged, or `visit` fails.
    pub fn for_each(
        self,
        mut visit: impl FnMut(&Batch) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        let Self { file, reader } = self;
        for rows in reader {
            let rows = rows.map_err(|source| damaged(&file, source))?;
            visit(&Batch { file: &file, rows })?;
        }
        Ok(())
    }
}

fn open(file: &Path, projection: Option<Vec<usize>>) -> Result<FileReader<File>, ReportError> {
    let source =
        File::open(file).map_err(|source| ReportError::Open { file: file.to_owned(), source })?;
    FileReader::try_new(source, projection).map_err(|source| damaged(file, source))
}

fn damaged(file: &Path, source: arrow::error::ArrowError) -> ReportError {
    ReportError::Damaged { file: file.to_owned(), source: Box::new(source) }
}

/// Some rows of a table.
pub struct Batch<'a> {
    file: &'a Path,
    rows: RecordBatch,
}

impl Batch<'_> {
    /// How many rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows.num_rows()
    }

    /// A 16-bit column.
    ///
    /// # Errors
    /// When it is missing, of another type, or has empty cells.
    pub fn u16(&self, column: &str) -> Result<&[u16], ReportError> {
        self.numbers::<UInt16Type>(column, "UInt16")
    }

    /// A 32-bit column.
    ///
    /// # Errors
    /// As for [`Self::u16`].
    pub fn u32(&self, column: &str) -> Result<&[u32], ReportError> {
        self.numbers::<UInt32Type>(column, "UInt32")
    }

    /// A 64-bit column.
    ///
    /// # Errors
    /// As for [`Self::u16`].
    pub fn u64(&self, column: &str) -> Result<&[u64], ReportError> {
        self.numbers::<UInt64Type>(column, "UInt64")
    }

    /// A money column, in smallest units.
    ///
    /// # Errors
    /// As for [`Self::u16`], or when an amount is negative.
    pub fn amount(&self, column: &str) -> Result<Amounts<'_>, ReportError> {
        let cells = self.numbers::<Decimal128Type>(column, "Decimal128(38, 0)")?;
        if cells.iter().any(|&cell| cell < 0) {
            return Err(self.value_error(column, "a negative amount"));
        }
        Ok(Amounts(cells))
    }

    /// A 32-bit column whose cells may be empty.
    ///
    /// # Errors
    /// When it is missing or of another type.
    pub fn opt_u32(&self, column: &str) -> Result<Optional<'_, UInt32Type>, ReportError> {
        self.optional(column, "UInt32")
    }

    /// A 64-bit column whose cells may be empty.
    ///
    /// # Errors
    /// When it is missing or of another type.
    pub fn opt_u64(&self, column: &str) -> Result<Optional<'_, UInt64Type>, ReportError> {
        self.optional(column, "UInt64")
    }

    /// A column of truth values.
    ///
    /// # Errors
    /// As for [`Self::u16`].
    pub fn bool(&self, column: &str) -> Result<Bools<'_>, ReportError> {
        let array = self.array(column)?;
        let cells =
            array.as_boolean_opt().ok_or_else(|| self.type_error(column, array, "Boolean"))?;
        self.no_empty_cells(column, array)?;
        Ok(Bools(cells))
    }

    /// A column of words or free text, whichever way the writer encoded it: a dictionary with
    /// keys of any integer type, or plain text.
    ///
    /// # Errors
    /// As for [`Self::u16`].
    pub fn words(&self, column: &str) -> Result<Words<'_>, ReportError> {
        const WANTED: &str = "Utf8 or a dictionary of Utf8";
        let array = self.array(column)?;
        self.no_empty_cells(column, array)?;
        if let Some(dictionary) = array.as_any_dictionary_opt() {
            let values = dictionary
                .values()
                .as_string_opt::<i32>()
                .ok_or_else(|| self.type_error(column, array, WANTED))?;
            let values: Vec<&str> = values.iter().map(Option::unwrap_or_default).collect();
            // An empty dictionary has no row either, and `normalized_keys` refuses it.
            let keys = if values.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
            return Ok(Words { keys, values });
        }
        let text =
            array.as_string_opt::<i32>().ok_or_else(|| self.type_error(column, array, WANTED))?;
        let values: Vec<&str> = text.iter().map(Option::unwrap_or_default).collect();
        Ok(Words { keys: (0..values.len()).collect(), values })
    }

    /// An error about a value in this batch.
    #[must_use]
    pub fn value_error(&self, column: &str, what: impl Into<String>) -> ReportError {
        ReportError::Value {
            file: self.file.to_owned(),
            column: column.to_owned(),
            what: what.into(),
        }
    }

    fn array(&self, column: &str) -> Result<&ArrayRef, ReportError> {
        self.rows.column_by_name(column).ok_or_else(|| ReportError::NoColumn {
            file: self.file.to_owned(),
            column: column.to_owned(),
        })
    }

    fn numbers<T: ArrowPrimitiveType>(
        &self,
        column: &str,
        wanted: &'static str,
    ) -> Result<&[T::Native], ReportError> {
        let array = self.array(column)?;
        let cells =
            array.as_primitive_opt::<T>().ok_or_else(|| self.type_error(column, array, wanted))?;
        if let DataType::Decimal128(_, scale) = array.data_type()
            && *scale != 0
        {
            return Err(self.type_error(column, array, wanted));
        }
        self.no_empty_cells(column, array)?;
        Ok(cells.values())
    }

    fn optional<T: ArrowPrimitiveType>(
        &self,
        column: &str,
        wanted: &'static str,
    ) -> Result<Optional<'_, T>, ReportError> {
        let array = self.array(column)?;
        array
            .as_primitive_opt::<T>()
            .map(Optional)
            .ok_or_else(|| self.type_error(column, array, wanted))
    }

    fn no_empty_cells(&self, column: &str, array: &ArrayRef) -> Result<(), ReportError> {
        if array.null_count() == 0 {
            return Ok(());
        }
        Err(self.value_error(column, "empty cells, which the schema does not allow"))
    }

    fn type_error(&self, column: &str, array: &ArrayRef, wanted: &'static str) -> ReportError {
        ReportError::ColumnType {
            file: self.file.to_owned(),
            column: column.to_owned(),
            found: array.data_type().to_string(),
            wanted,
        }
    }
}

/// Cells that may be empty.
pub struct Optional<'a, T: ArrowPrimitiveType>(&'a arrow::array::PrimitiveArray<T>);

impl<T: ArrowPrimitiveType> Optional<'_, T> {
    /// The cell in a row.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<T::Native> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

/// Cells of money, none negative.
pub struct Amounts<'a>(&'a [i128]);

impl Amounts<'_> {
    /// The cell in a row, in smallest units.
    #[must_use]
    pub fn get(&self, row: usize) -> u128 {
        self.0[row].unsigned_abs()
    }
}

/// Cells of truth values.
pub struct Bools<'a>(&'a arrow::array::BooleanArray);

impl Bools<'_> {
    /// The cell in a row.
    #[must_use]
    pub fn get(&self, row: usize) -> bool {
        self.0.value(row)
    }
}

/// Cells of text: a list of distinct values (for plain text one a row) and a key a row.
pub struct Words<'a> {
    keys: Vec<usize>,
    values: Vec<&'a str>,
}

impl<'a> Words<'a> {
    /// The cell in a row.
    #[must_use]
    pub fn get(&self, row: usize) -> &'a str {
        self.values[self.keys[row]]
    }

    /// Translates every distinct value once and yields the translation row by row.
    pub fn map<T: Copy>(&self, translate: impl FnMut(&'a str) -> T) -> Vec<T> {
        let translated: Vec<T> = self.values.iter().copied().map(translate).collect();
        self.keys.iter().map(|&key| translated[key]).collect()
    }
}
