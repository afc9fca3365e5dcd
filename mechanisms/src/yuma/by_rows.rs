//! What is found column by column, written as rows.

use super::inputs::Rows;

/// Where rows go: those of `keepers` are written, the others are not.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    pub(super) keepers: &'a [bool],
    pub(super) rows: &'a mut Rows,
}

/// Writes columns. Neighbours often name the same rows; then several are written at once, which
/// costs a row little more than one.
#[derive(Debug, Clone, Default)]
pub(super) struct ByRows {
    /// What the last column named, and all that wait.
    rows: Vec<u16>,
    columns: Vec<u16>,
    /// Column by column.
    values: Vec<u16>,
}

/// So many values wait at most, to stay in the processor's nearest cache.
const MOST: usize = 1 << 12;

impl ByRows {
    /// Takes a column, ascending: the rows that it names, and their values.
    pub(super) fn push(&mut self, column: u16, rows: &[u16], values: &[u16], out: &mut Kept<'_>) {
        if self.rows == rows {
            self.columns.push(column);
            self.values.extend_from_slice(values);
            if self.values.len() < MOST {
                return;
            }
        }
        self.write(out);
        if self.rows != rows {
            self.rows.clear();
            self.rows.extend_from_slice(rows);
            for (&row, &value) in rows.iter().zip(values) {
                let row = usize::from(row);
                if out.keepers[row] {
                    out.rows[row].push((column, value));
                }
            }
        }
    }

    /// Writes what waits.
    pub(super) fn write(&mut self, out: &mut Kept<'_>) {
        if self.columns.is_empty() {
            return;
        }
        for (at, &row) in self.rows.iter().enumerate() {
            let row = usize::from(row);
            if out.keepers[row] {
                let values = self.values.chunks_exact(self.rows.len()).map(|column| column[at]);
                out.rows[row].extend(self.columns.iter().copied().zip(values));
            }
        }
        self.columns.clear();
        self.values.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// As if each cell were written by itself.
        #[test]
        fn equal_to_cell_by_cell(
            columns in proptest::collection::vec((0_u8..8, any::<u16>()), 0..30),
            keepers in proptest::collection::vec(any::<bool>(), 3),
        ) {
            let mut rows: Rows = vec![Vec::new(); 3];
            let mut expected = rows.clone();
            let mut waiting = ByRows::default();
            let mut out = Kept { keepers: &keepers, rows: &mut rows };
            for (column, &(listed, value)) in (0..).zip(&columns) {
                let named: Vec<u16> = (0..3).filter(|row| listed >> row & 1 == 1).collect();
                let values: Vec<u16> = named.iter().map(|row| value ^ row).collect();
                waiting.push(column, &named, &values, &mut out);
                for (&row, &value) in named.iter().zip(&values) {
                    if keepers[usize::from(row)] {
                        expected[usize::from(row)].push((column, value));
                    }
                }
            }
            waiting.write(&mut out);
            prop_assert_eq!(rows, expected);
        }
    }
}
