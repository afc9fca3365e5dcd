//! Dividing by the sum.

use sim_types::fixed::{Divisor, I32F32, I64F64};

use super::sparse::Sparse;

/// Divides each element by `sum`; nothing happens if that is zero.
pub fn normalise_by(values: &mut [I32F32], sum: I32F32) {
    if sum != I32F32::ZERO {
        let divisor = Divisor::new(sum);
        for value in values {
            *value = divisor.divide(*value);
        }
    }
}

/// Makes a vector sum to one (a little less, by truncation); a zero sum leaves it as it is.
pub fn normalise(values: &mut [I32F32]) {
    normalise_by(values, values.iter().copied().sum());
}

/// [`normalise`] in I64F64.
pub fn normalise_wide(values: &mut [I64F64]) {
    let sum: I64F64 = values.iter().copied().sum();
    if sum != I64F64::ZERO {
        for value in values.iter_mut().filter(|value| **value != I64F64::ZERO) {
            *value = value.safe_div(sum);
        }
    }
}

/// Makes each row with a positive sum sum to one.
pub fn normalise_rows(matrix: &mut Sparse) {
    for row in 0..matrix.rows() {
        let (_, values) = matrix.row_mut(row);
        let sum: I32F32 = values.iter().copied().sum();
        if sum > I32F32::ZERO {
            normalise_by(values, sum);
        }
    }
}

/// A value for each column, by which its cells are then divided: a sum, to normalise, or a
/// maximum, to scale up to one.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    values: Vec<I32F32>,
    divisors: Vec<Divisor>,
}

impl Columns {
    /// Zero for each of `n` columns.
    pub fn clear(&mut self, n: usize) {
        self.values.clear();
        self.values.resize(n, I32F32::ZERO);
    }

    /// Adds to a column's sum.
    ///
    /// # Panics
    /// When there is no such column.
    #[inline]
    pub fn add(&mut self, column: u16, value: I32F32) {
        let sum = &mut self.values[usize::from(column)];
        *sum = sum.saturating_add(value);
    }

    /// Raises a column's maximum, which is at least zero.
    ///
    /// # Panics
    /// When there is no such column.
    #[inline]
    pub fn raise(&mut self, column: u16, value: I32F32) {
        let max = &mut self.values[usize::from(column)];
        *max = value.max(*max);
    }

    /// Closes sums or maxima for [`Self::divide`].
    pub fn close(&mut self) {
        // A column of zero is left as it is: divided by one.
        let divisor = |&value| if value == I32F32::ZERO { I32F32::ONE } else { value };
        self.divisors.clear();
        self.divisors.extend(self.values.iter().map(divisor).map(Divisor::new));
    }

    /// The quotient of a cell and its column's value as last closed; the cell itself if that
    /// is zero.
    ///
    /// # Panics
    /// When there is no such column.
    #[inline]
    #[must_use]
    pub fn divide(&self, column: u16, value: I32F32) -> I32F32 {
        self.divisors[usize::from(column)].divide(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The sum falls short of one by less than one unit an element.
        #[test]
        fn sums_to_one_within_truncation(raw in proptest::collection::vec(0_i64..1 << 40, 1..50)) {
            let mut values: Vec<_> = raw.iter().copied().map(I32F32::from_bits).collect();
            normalise(&mut values);
            let sum: I32F32 = values.iter().copied().sum();
            if raw.iter().sum::<i64>() == 0 {
                prop_assert_eq!(sum, I32F32::ZERO);
            } else {
                let short = I32F32::ONE.saturating_sub(sum).to_bits();
                prop_assert!((0..i64::try_from(raw.len()).unwrap()).contains(&short));
            }
        }

        /// A column is normalised as a vector is.
        #[test]
        fn columns_are_vectors(raw in proptest::collection::vec(0_i64..1 << 48, 1..20)) {
            let mut vector: Vec<_> = raw.iter().copied().map(I32F32::from_bits).collect();
            let mut columns = Columns::default();
            columns.clear(3);
            for &value in &vector {
                columns.add(2, value);
            }
            columns.close();
            let column: Vec<_> = vector.iter().map(|&value| columns.divide(2, value)).collect();
            normalise(&mut vector);
            prop_assert_eq!(column, vector);
        }
    }
}
