//! Sparse matrices of I32F32 in one block of memory, made to be reused.

use sim_types::fixed::I32F32;

use super::inputs::EpochError;

/// A matrix by rows: each a list of (column, value) in ascending order of columns. A cell
/// that is not listed is zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sparse {
    /// Where each closed row ends.
    ends: Vec<usize>,
    columns: Vec<u16>,
    values: Vec<I32F32>,
}

impl Sparse {
    /// Empties the matrix and keeps its memory.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.columns.clear();
        self.values.clear();
    }

    /// Appends a cell to the open row. Columns must ascend.
    #[inline]
    pub fn push(&mut self, column: u16, value: I32F32) {
        self.columns.push(column);
        self.values.push(value);
    }

    /// Closes the open row and opens the next.
    pub fn close_row(&mut self) {
        self.ends.push(self.columns.len());
    }

    /// Number of closed rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    fn range(&self, row: usize) -> core::ops::Range<usize> {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        start..self.ends[row]
    }

    /// The cells of a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    #[must_use]
    pub fn row(&self, row: usize) -> impl ExactSizeIterator<Item = (u16, I32F32)> + Clone {
        let (columns, values) = self.row_slices(row);
        columns.iter().copied().zip(values.iter().copied())
    }

    /// The columns and the values of a row.
    ///
    /// # Panics
    /// When there is no such row.
    #[inline]
    #[must_use]
    pub fn row_slices(&self, row: usize) -> (&[u16], &[I32F32]) {
        let range = self.range(row);
        (&self.columns[range.clone()], &self.values[range])
    }

    /// The columns and the values of a row; the values may be changed.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn row_mut(&mut self, row: usize) -> (&[u16], &mut [I32F32]) {
        let range = self.range(row);
        (&self.columns[range.clone()], &mut self.values[range])
    }

    /// Appends a row of at most `most` cells: `fill` writes columns and values from the front
    /// and returns how many. Writing to slices spares the check that every push makes.
    pub(super) fn fill_row(
        &mut self,
        most: usize,
        fill: impl FnOnce(&mut [u16], &mut [I32F32]) -> usize,
    ) {
        let start = self.columns.len();
        self.columns.resize(start + most, 0);
        self.values.resize(start + most, I32F32::ZERO);
        let end = start + fill(&mut self.columns[start..], &mut self.values[start..]);
        self.columns.truncate(end);
        self.values.truncate(end);
        self.close_row();
    }

    /// Appends a stored row: the cells that `keep` accepts, as plain numbers 0 to 65,535.
    ///
    /// # Errors
    /// When a column is named twice.
    pub(super) fn push_stored_row(
        &mut self,
        what: &'static str,
        stored: &[(u16, u16)],
        keep: impl Fn(u16) -> bool,
    ) -> Result<(), EpochError> {
        let sorted;
        let mut cells = stored;
        if !stored.is_sorted_by(|a, b| a.0 < b.0) {
            // Rows stand on the chain as they were submitted, in any order.
            sorted = {
                let mut cells = stored.to_vec();
                cells.sort_unstable_by_key(|cell| cell.0);
                cells
            };
            if let Some(pair) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(EpochError::Duplicate { what, row: self.rows(), uid: pair[0].0 });
            }
            cells = &sorted;
        }
        self.fill_row(cells.len(), |columns, values| {
            let mut kept = 0;
            for &(column, value) in cells {
                columns[kept] = column;
                values[kept] = I32F32::from_u16(value);
                kept += usize::from(keep(column));
            }
            kept
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_rows_are_sorted_filtered_and_checked() {
        let mut m = Sparse::default();
        m.push_stored_row("weights", &[(3, 30), (1, 10), (2, 20)], |c| c != 2).unwrap();
        m.push_stored_row("weights", &[], |_| true).unwrap();
        let row: Vec<_> = m.row(0).map(|(c, v)| (c, v.to_u16())).collect();
        assert_eq!(row, [(1, 10), (3, 30)]);
        assert_eq!((m.rows(), m.row(1).len()), (2, 0));
        for bad in [vec![(1, 1), (1, 2)], vec![(2, 1), (1, 1), (2, 3)]] {
            assert!(matches!(
                m.push_stored_row("weights", &bad, |_| true),
                Err(EpochError::Duplicate { row: 2, .. })
            ));
        }
    }
}
