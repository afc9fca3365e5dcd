//! Sparse matrices of I32F32 by columns, made to be reused.
//!
//! Everything an epoch does to a pair of validator and server depends on what holds for the
//! server as a whole: its consensus, the sums of its bonds. By columns these stay in registers.

use core::ops::BitOr;

use sim_types::fixed::I32F32;

use super::inputs::EpochError;

/// A matrix by columns: each a list of (row, value) in ascending order of rows. A cell that is
/// not listed is zero.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Columns {
    /// Where each column ends.
    ends: Vec<usize>,
    rows: Vec<u16>,
    values: Vec<I32F32>,
}

impl Columns {
    /// The matrix whose rows list (column, value), columns ascending; cells from column `n` on
    /// are left out.
    #[must_use]
    pub fn from_rows(rows: &[Vec<(u16, I32F32)>], n: usize) -> Self {
        let mut columns = vec![Vec::new(); n];
        for (row, cells) in (0..).zip(rows) {
            for &(column, value) in cells {
                if let Some(column) = columns.get_mut(usize::from(column)) {
                    column.push((row, value));
                }
            }
        }
        let mut matrix = Self::default();
        for column in columns {
            matrix.rows.extend(column.iter().map(|cell| cell.0));
            matrix.values.extend(column.iter().map(|cell| cell.1));
            matrix.ends.push(matrix.rows.len());
        }
        matrix
    }

    /// Number of columns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no column.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The rows and the values of a column.
    ///
    /// # Panics
    /// When there is no such column.
    #[inline]
    #[must_use]
    pub fn column(&self, column: usize) -> (&[u16], &[I32F32]) {
        let start = if column == 0 { 0 } else { self.ends[column - 1] };
        let range = start..self.ends[column];
        (&self.rows[range.clone()], &self.values[range])
    }
}

/// Takes rows as they are stored and turns them into [`Columns`].
#[derive(Debug, Clone, Default)]
pub(super) struct Loader {
    /// Where each accepted row ends, and the sum of its values.
    rows: Vec<(usize, u64)>,
    cells: Vec<(u16, u16)>,
    /// Whether all rows that have cells name the same columns, as they do where every validator
    /// weighs every miner: then nothing has to be counted.
    alike: bool,
    /// Where the first row that has cells ends.
    first: usize,
    /// How many cells each column has; then where its next cell goes.
    next: Vec<usize>,
    sorted: Vec<(u16, u16)>,
}

impl Loader {
    /// Begins a matrix of `n` columns.
    pub(super) fn clear(&mut self, n: usize) {
        self.rows.clear();
        self.cells.clear();
        self.alike = true;
        self.first = 0;
        self.next.clear();
        self.next.resize(n, 0);
    }

    /// Appends a row: those of the `stored` cells that lie within the matrix, less the column
    /// `but`, and that `keep`, if there is one, accepts.
    ///
    /// # Errors
    /// When a column is named twice.
    pub(super) fn push_row(
        &mut self,
        what: &'static str,
        stored: &[(u16, u16)],
        but: Option<usize>,
        keep: Option<&impl Fn(usize) -> bool>,
    ) -> Result<(), EpochError> {
        let row = self.rows.len();
        let cells = ascending(what, row, stored, &mut self.sorted)?;
        let n = self.next.len();
        let within = cells.partition_point(|cell| usize::from(cell.0) < n);
        let start = self.cells.len();
        let cells = &cells[..within];
        let found =
            but.and_then(|but| cells.binary_search_by_key(&but, |cell| usize::from(cell.0)).ok());
        let (before, after) = found.map_or((cells, &[][..]), |at| (&cells[..at], &cells[at + 1..]));
        for cells in [before, after] {
            match keep {
                None => self.cells.extend_from_slice(cells),
                Some(keep) => {
                    self.cells.extend(cells.iter().filter(|cell| keep(usize::from(cell.0))));
                }
            }
        }
        let cells = &self.cells[start..];
        let sum = cells.iter().map(|cell| u64::from(cell.1)).fold(0, u64::wrapping_add);
        if start == 0 {
            self.first = cells.len();
        } else if self.alike && !cells.is_empty() && !name_alike(&self.cells[..self.first], cells) {
            self.alike = false;
            self.count(0);
        } else if !self.alike {
            self.count(start);
        }
        self.rows.push((self.cells.len(), sum));
        Ok(())
    }

    /// Counts the cells from this one on by columns.
    fn count(&mut self, from: usize) {
        let next = &mut self.next[..];
        for &(column, _) in &self.cells[from..] {
            // Fewer cells to a column than rows, and fewer rows than can be counted.
            let count = &mut next[usize::from(column)];
            *count = count.wrapping_add(1);
        }
    }

    /// Appends an empty row in place of one whose cells do not count.
    ///
    /// # Errors
    /// When a column is named twice.
    pub(super) fn skip_row(
        &mut self,
        what: &'static str,
        stored: &[(u16, u16)],
    ) -> Result<(), EpochError> {
        ascending(what, self.rows.len(), stored, &mut self.sorted)?;
        self.rows.push((self.cells.len(), 0));
        Ok(())
    }

    /// Writes the rows into `out`. For each row `value` is asked, with the sum of its stored
    /// values, how to read these.
    pub(super) fn finish<V: Fn(u16) -> I32F32>(
        &mut self,
        out: &mut Columns,
        value: impl Fn(u64) -> V,
    ) {
        if self.alike {
            return self.finish_alike(out, value);
        }
        // Counts become starts; filling moves each start to its end.
        let mut total = 0;
        for next in &mut self.next {
            (*next, total) = (total, total + *next);
        }
        out.rows.resize(total, 0);
        out.values.resize(total, I32F32::ZERO);
        let (rows, values) = (&mut out.rows[..total], &mut out.values[..total]);
        let next = &mut self.next[..];
        let mut start = 0;
        for (row, &(end, sum)) in (0..).zip(&self.rows) {
            if end == start {
                continue;
            }
            let value = value(sum);
            for &(column, stored) in &self.cells[start..end] {
                let next = &mut next[usize::from(column)];
                let at = *next;
                *next = at.wrapping_add(1);
                rows[at] = row;
                values[at] = value(stored);
            }
            start = end;
        }
        out.ends.clone_from(&self.next);
    }

    /// [`Self::finish`] where all rows that have cells name the same columns.
    fn finish_alike<V: Fn(u16) -> I32F32>(&mut self, out: &mut Columns, value: impl Fn(u64) -> V) {
        let named = &self.cells[..self.first];
        let many = self.cells.len().checked_div(named.len()).unwrap_or(0);
        out.values.resize(self.cells.len(), I32F32::ZERO);
        out.rows.clear();
        let mut start = 0;
        for (row, &(end, sum)) in (0..).zip(&self.rows) {
            if end == start {
                continue;
            }
            let (at, value) = (out.rows.len(), value(sum));
            let cells = &self.cells[start..end];
            for (column, &(_, stored)) in out.values.chunks_exact_mut(many).zip(cells) {
                column[at] = value(stored);
            }
            out.rows.push(row);
            start = end;
        }
        for _ in 1..named.len() {
            out.rows.extend_from_within(..many);
        }
        out.ends.clear();
        for (before, &(column, _)) in named.iter().enumerate() {
            out.ends.resize(usize::from(column), before * many);
            out.ends.push((before + 1) * many);
        }
        out.ends.resize(self.next.len(), self.cells.len());
    }
}

/// Whether two rows name the same columns.
fn name_alike(one: &[(u16, u16)], other: &[(u16, u16)]) -> bool {
    let differ = |(one, other): (&(u16, u16), &(u16, u16))| one.0 ^ other.0;
    one.len() == other.len() && one.iter().zip(other).map(differ).fold(0, u16::bitor) == 0
}

/// The cells in ascending order of columns, sorted into `scratch` if need be.
fn ascending<'a>(
    what: &'static str,
    row: usize,
    stored: &'a [(u16, u16)],
    scratch: &'a mut Vec<(u16, u16)>,
) -> Result<&'a [(u16, u16)], EpochError> {
    let pairs = stored.iter().zip(stored.iter().skip(1));
    // Without a branch a pair, since rows nearly always ascend: what is not below the next leaves
    // a highest bit.
    let step = |(one, next): (&(u16, u16), &(u16, u16))| {
        u32::from(next.0).wrapping_sub(u32::from(one.0)).wrapping_sub(1)
    };
    if pairs.map(step).fold(0, u32::bitor) >> 31 == 0 {
        return Ok(stored);
    }
    // Rows stand on the chain as they were submitted, in any order.
    scratch.clear();
    scratch.extend_from_slice(stored);
    scratch.sort_unstable_by_key(|cell| cell.0);
    match scratch.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => Err(EpochError::Duplicate { what, row, uid: pair[0].0 }),
        None => Ok(scratch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_rows_are_sorted_filtered_checked_and_transposed() {
        let mut loader = Loader::default();
        let mut out = Columns::default();
        for _ in 0..2 {
            loader.clear(4);
            let keep = |column| column != 2;
            loader
                .push_row("weights", &[(3, 30), (1, 10), (2, 20), (4, 40)], None, Some(&keep))
                .unwrap();
            loader.skip_row("weights", &[(0, 9)]).unwrap();
            loader
                .push_row("weights", &[(1, 7), (2, 8), (3, 9)], Some(3), None::<&fn(usize) -> bool>)
                .unwrap();
            // Each value with its row's sum.
            loader.finish(&mut out, |sum| {
                move |x| I32F32::from_u16(x + 100 * u16::try_from(sum).unwrap())
            });
            let column = |j| {
                let (rows, values) = out.column(j);
                rows.iter().copied().zip(values.iter().map(|v| v.to_u16())).collect::<Vec<_>>()
            };
            assert_eq!(out.len(), 4);
            assert_eq!(column(0), []);
            assert_eq!(column(1), [(0, 4_010), (2, 1_507)]);
            assert_eq!(column(2), [(2, 1_508)]);
            assert_eq!(column(3), [(0, 4_030)]);
        }
        for bad in [vec![(1, 1), (1, 2)], vec![(2, 1), (1, 1), (2, 3)]] {
            assert!(matches!(
                loader.skip_row("weights", &bad),
                Err(EpochError::Duplicate { row: 3, .. })
            ));
        }
    }

    #[test]
    fn rows_in_fixed_point() {
        let cell = |column, x| (column, I32F32::from_u16(x));
        let m = Columns::from_rows(&[vec![cell(1, 5)], vec![], vec![cell(0, 6), cell(1, 7)]], 2);
        assert_eq!(m.column(0), (&[2][..], &[I32F32::from_u16(6)][..]));
        assert_eq!(m.column(1), (&[0, 2][..], &[5, 7].map(I32F32::from_u16)[..]));
    }
}
