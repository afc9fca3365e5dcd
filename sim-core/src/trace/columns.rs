//! Rows into columns, and columns into Arrow arrays.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder, Decimal128Array, DictionaryArray,
    Int32Array, PrimitiveArray, RecordBatch, StringArray, StringBuilder, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes::{
    ArrowPrimitiveType, Decimal128Type, Int32Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::error::ArrowError;
use sim_types::Amount;
use sim_types::record::{Cells, ColumnType};

use super::shape::{DIGITS, Shape};

/// The largest amount a decimal of 38 digits holds.
const MAX_AMOUNT: u128 = 10_u128.pow(DIGITS as u32) - 1;

/// The columns of one batch, filled row by row.
#[derive(Debug)]
pub(super) struct Columns {
    values: Vec<Values>,
    /// The column of the next cell.
    at: usize,
    rows: usize,
    /// A column that met an amount above [`MAX_AMOUNT`].
    overflow: Option<usize>,
}

#[derive(Debug)]
enum Values {
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    OptU32(Vec<u32>, BooleanBufferBuilder),
    OptU64(Vec<u64>, BooleanBufferBuilder),
    Bool(BooleanBufferBuilder),
    Amount(Vec<i128>),
    Word(Vec<i32>, Dictionary),
    Text(StringBuilder),
}

/// The words of one column so far. It only grows, so a word keeps its key.
#[derive(Debug, Default)]
struct Dictionary {
    words: Vec<String>,
    /// Words by their address: there are few, and nearly all are found here.
    met: Vec<(&'static str, usize)>,
    /// The words as the file holds them; shorter than `words` where a new one came up.
    array: Option<Arc<StringArray>>,
}

impl Dictionary {
    /// The key of `word`.
    #[inline]
    fn key(&mut self, word: &'static str) -> usize {
        let same = |known: &str| std::ptr::eq(known.as_ptr(), word.as_ptr());
        let found = self.met.iter().find(|(known, _)| same(known) && known.len() == word.len());
        if let Some(&(_, key)) = found {
            return key;
        }
        let key = self.words.iter().position(|known| known == word).unwrap_or_else(|| {
            self.words.push(word.to_owned());
            self.words.len() - 1
        });
        self.met.push((word, key));
        key
    }

    fn grew(&self) -> bool {
        self.array.as_ref().is_none_or(|array| array.len() < self.words.len())
    }

    fn all(&self) -> Arc<StringArray> {
        Arc::new(StringArray::from(self.words.clone()))
    }
}

impl Columns {
    pub(super) fn new(shape: Shape) -> Self {
        let values = shape
            .columns
            .iter()
            .map(|column| match column.ty {
                ColumnType::U16 => Values::U16(Vec::new()),
                ColumnType::U32 => Values::U32(Vec::new()),
                ColumnType::U64 => Values::U64(Vec::new()),
                ColumnType::OptU32 => Values::OptU32(Vec::new(), BooleanBufferBuilder::new(0)),
                ColumnType::OptU64 => Values::OptU64(Vec::new(), BooleanBufferBuilder::new(0)),
                ColumnType::Bool => Values::Bool(BooleanBufferBuilder::new(0)),
                ColumnType::Amount => Values::Amount(Vec::new()),
                ColumnType::Word => Values::Word(Vec::new(), Dictionary::default()),
                ColumnType::Text => Values::Text(StringBuilder::new()),
            })
            .collect();
        Self { values, at: 0, rows: 0, overflow: None }
    }

    /// Says that the cells handed over so far complete a row.
    pub(super) fn end_row(&mut self) {
        debug_assert_eq!(self.at, self.values.len(), "a row has all its cells");
        self.at = 0;
        self.rows += 1;
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The column, by place, in which an amount was too large for the file.
    pub(super) fn overflow(&self) -> Option<usize> {
        self.overflow
    }

    /// Whether the rows need words that [`Columns::settle`] has not seen.
    pub(super) fn has_new_words(&self) -> bool {
        self.values.iter().any(|values| matches!(values, Values::Word(_, words) if words.grew()))
    }

    /// Fixes the dictionaries as they are, for the batches to come.
    pub(super) fn settle(&mut self) {
        for values in &mut self.values {
            if let Values::Word(_, words) = values
                && words.grew()
            {
                words.array = Some(words.all());
            }
        }
    }

    /// The rows as arrays, leaving none. Capacity is taken for as many rows again.
    pub(super) fn take(&mut self) -> Result<Vec<ArrayRef>, ArrowError> {
        let rows = std::mem::take(&mut self.rows);
        self.values.iter_mut().map(|values| values.take(rows)).collect()
    }

    /// A copy of the rows as arrays, with all words met so far.
    pub(super) fn copy(&self) -> Result<Vec<ArrayRef>, ArrowError> {
        self.values.iter().map(Values::copy).collect()
    }

    /// Takes over the rows and words of a batch that [`Columns::copy`] made. There must be no
    /// rows yet.
    pub(super) fn restore(&mut self, batch: &RecordBatch) {
        self.rows = batch.num_rows();
        for (values, array) in self.values.iter_mut().zip(batch.columns()) {
            values.restore(array);
        }
    }

    #[inline]
    fn next(&mut self) -> &mut Values {
        let at = self.at;
        self.at += 1;
        &mut self.values[at]
    }
}

/// What to say where a row's cells do not follow its own columns: both come from one macro.
const ORDER: &str = "a record hands over its cells in the order and type of its columns";

impl Cells for Columns {
    #[inline]
    fn u16(&mut self, value: u16) {
        let Values::U16(values) = self.next() else { unreachable!("{ORDER}") };
        values.push(value);
    }
    #[inline]
    fn u32(&mut self, value: u32) {
        let Values::U32(values) = self.next() else { unreachable!("{ORDER}") };
        values.push(value);
    }
    #[inline]
    fn u64(&mut self, value: u64) {
        let Values::U64(values) = self.next() else { unreachable!("{ORDER}") };
        values.push(value);
    }
    #[inline]
    fn opt_u32(&mut self, value: Option<u32>) {
        let Values::OptU32(values, there) = self.next() else { unreachable!("{ORDER}") };
        values.push(value.unwrap_or_default());
        there.append(value.is_some());
    }
    #[inline]
    fn opt_u64(&mut self, value: Option<u64>) {
        let Values::OptU64(values, there) = self.next() else { unreachable!("{ORDER}") };
        values.push(value.unwrap_or_default());
        there.append(value.is_some());
    }
    #[inline]
    fn bool(&mut self, value: bool) {
        let Values::Bool(values) = self.next() else { unreachable!("{ORDER}") };
        values.append(value);
    }
    #[inline]
    fn amount(&mut self, value: Amount) {
        let column = self.at;
        if value.0 > MAX_AMOUNT {
            self.overflow.get_or_insert(column);
        }
        let Values::Amount(values) = self.next() else { unreachable!("{ORDER}") };
        values.push(value.0.min(MAX_AMOUNT).cast_signed());
    }
    #[inline]
    fn word(&mut self, value: &'static str) {
        let Values::Word(keys, words) = self.next() else { unreachable!("{ORDER}") };
        let key = words.key(value);
        keys.push(i32::try_from(key).expect("fewer than 2^31 words"));
    }
    #[inline]
    fn text(&mut self, value: &str) {
        let Values::Text(values) = self.next() else { unreachable!("{ORDER}") };
        values.append_value(value);
    }
}

impl Values {
    fn take(&mut self, rows: usize) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::U16(values) => Arc::new(UInt16Array::from(renew(values, rows))),
            Self::U32(values) => Arc::new(UInt32Array::from(renew(values, rows))),
            Self::U64(values) => Arc::new(UInt64Array::from(renew(values, rows))),
            Self::OptU32(values, there) => {
                nullable::<UInt32Type>(renew(values, rows), there.finish())?
            }
            Self::OptU64(values, there) => {
                nullable::<UInt64Type>(renew(values, rows), there.finish())?
            }
            Self::Bool(values) => Arc::new(BooleanArray::new(values.finish(), None)),
            Self::Amount(values) => money(renew(values, rows))?,
            Self::Word(keys, words) => {
                let all = words.array.clone().unwrap_or_else(|| words.all());
                words_of(renew(keys, rows), all)?
            }
            Self::Text(values) => Arc::new(values.finish()),
        })
    }

    fn copy(&self) -> Result<ArrayRef, ArrowError> {
        Ok(match self {
            Self::U16(values) => Arc::new(UInt16Array::from(values.clone())),
            Self::U32(values) => Arc::new(UInt32Array::from(values.clone())),
            Self::U64(values) => Arc::new(UInt64Array::from(values.clone())),
            Self::OptU32(values, there) => {
                nullable::<UInt32Type>(values.clone(), there.finish_cloned())?
            }
            Self::OptU64(values, there) => {
                nullable::<UInt64Type>(values.clone(), there.finish_cloned())?
            }
            Self::Bool(values) => Arc::new(BooleanArray::new(values.finish_cloned(), None)),
            Self::Amount(values) => money(values.clone())?,
            Self::Word(keys, words) => words_of(keys.clone(), words.all())?,
            Self::Text(values) => Arc::new(values.finish_cloned()),
        })
    }

    /// The schema was compared when the file was opened.
    fn restore(&mut self, array: &ArrayRef) {
        match self {
            Self::U16(values) => *values = array.as_primitive::<UInt16Type>().values().to_vec(),
            Self::U32(values) => *values = array.as_primitive::<UInt32Type>().values().to_vec(),
            Self::U64(values) => *values = array.as_primitive::<UInt64Type>().values().to_vec(),
            Self::OptU32(values, there) => {
                *values = array.as_primitive::<UInt32Type>().values().to_vec();
                (0..array.len()).for_each(|row| there.append(array.is_valid(row)));
            }
            Self::OptU64(values, there) => {
                *values = array.as_primitive::<UInt64Type>().values().to_vec();
                (0..array.len()).for_each(|row| there.append(array.is_valid(row)));
            }
            Self::Bool(values) => values.append_buffer(array.as_boolean().values()),
            Self::Amount(values) => {
                *values = array.as_primitive::<Decimal128Type>().values().to_vec();
            }
            Self::Word(keys, words) => {
                let array = array.as_dictionary::<Int32Type>();
                *keys = array.keys().values().to_vec();
                let known: &StringArray = array.values().as_string();
                words.words = known.iter().flatten().map(str::to_owned).collect();
            }
            Self::Text(values) => {
                array
                    .as_string::<i32>()
                    .iter()
                    .flatten()
                    .for_each(|text| values.append_value(text));
            }
        }
    }
}

fn money(values: Vec<i128>) -> Result<ArrayRef, ArrowError> {
    Ok(Arc::new(Decimal128Array::from(values).with_precision_and_scale(DIGITS, 0)?))
}

fn words_of(keys: Vec<i32>, words: Arc<StringArray>) -> Result<ArrayRef, ArrowError> {
    let keys = Int32Array::from(keys);
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, words)?))
}

/// Takes a column's values and leaves room for as many.
fn renew<T>(values: &mut Vec<T>, rows: usize) -> Vec<T> {
    std::mem::replace(values, Vec::with_capacity(rows))
}

/// A column whose cells may be absent. One without an absent cell says nothing of absence, as
/// when it is read back from a file: the bytes of a file must not depend on whether its rows
/// went through another file before.
fn nullable<T: ArrowPrimitiveType>(
    values: Vec<T::Native>,
    there: BooleanBuffer,
) -> Result<ArrayRef, ArrowError> {
    let there = NullBuffer::new(there);
    let there = (there.null_count() > 0).then_some(there);
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values.into(), there)?))
}
