//! R10, R11, R13: validators hold bonds in servers, and are paid as these are.

use core::cmp::Ordering;

use sim_types::fixed::{I32F32, I64F64};

use super::normalise::{Columns, normalise};
use super::sparse::Sparse;

/// Weight of the new observation in the moving average: 1 − `moving_average` / 10^6.
#[must_use]
pub fn ema_alpha(moving_average: u64) -> I32F32 {
    let kept = I64F64::from(moving_average).safe_div(I64F64::from(1_000_000));
    I32F32::ONE.saturating_sub(I32F32::from(kept))
}

/// Visits the columns of two rows in ascending order, each with the values of both, a value
/// that is not listed being zero.
fn zip_columns(
    (at_a, a): (&[u16], &[I32F32]),
    (at_b, b): (&[u16], &[I32F32]),
    mut visit: impl FnMut(u16, I32F32, I32F32),
) {
    // Validators seldom change whom they weight: then no merge is needed.
    if at_a == at_b {
        for ((&column, &a), &b) in at_a.iter().zip(a).zip(b) {
            visit(column, a, b);
        }
        return;
    }
    let (mut i, mut j) = (0, 0);
    while i < at_a.len() || j < at_b.len() {
        let order = match (at_a.get(i), at_b.get(j)) {
            (Some(a), Some(b)) => a.cmp(b),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        let column = if order.is_le() { at_a[i] } else { at_b[j] };
        let value_a = if order.is_le() { a[i] } else { I32F32::ZERO };
        let value_b = if order.is_ge() { b[j] } else { I32F32::ZERO };
        visit(column, value_a, value_b);
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
}

/// Bonds of an epoch, and the memory to compute them.
#[derive(Debug, Clone, Default)]
pub struct Bonds {
    /// The moving average, normalised by server.
    ema: Sparse,
    new_sums: Columns,
    old_sums: Columns,
    ema_sums: Columns,
    maxima: Columns,
}

impl Bonds {
    /// R13: what is to be stored of a validator's bonds, upscaled so that the largest toward
    /// each server is 65,535.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn stored_row(&self, row: usize) -> impl ExactSizeIterator<Item = (u16, u16)> {
        let upscaled = |column, bond| self.maxima.divide(column, bond).to_u16_proportion();
        self.ema.row(row).map(move |(column, bond)| (column, upscaled(column, bond)))
    }

    /// R10 and R11 of classic Yuma ("Yuma2"), the chain's default.
    ///
    /// `stored` holds the masked bonds as plain numbers. New bonds are weight times active
    /// stake; old and new are each normalised by server, averaged, and normalised again.
    /// Writes the dividends, normalised.
    ///
    /// # Panics
    /// When the operands do not describe the same members.
    pub fn classic(
        &mut self,
        weights_for_bonds: &Sparse,
        stored: &Sparse,
        active_stake: &[I32F32],
        incentive: &[I32F32],
        alpha: I32F32,
        dividends: &mut Vec<I32F32>,
    ) {
        let n = incentive.len();
        let Self { ema, new_sums, old_sums, ema_sums, maxima } = self;
        for columns in [&mut *new_sums, old_sums, ema_sums, maxima] {
            columns.clear(n);
        }
        for (row, &stake) in active_stake.iter().enumerate() {
            for (column, weight) in weights_for_bonds.row(row) {
                new_sums.add(column, weight.saturating_mul(stake));
            }
            for (column, bond) in stored.row(row) {
                old_sums.add(column, bond);
            }
        }
        new_sums.close();
        old_sums.close();

        let kept = I32F32::ONE.saturating_sub(alpha);
        ema.clear();
        for (row, &stake) in active_stake.iter().enumerate() {
            let (new, old) = (weights_for_bonds.row_slices(row), stored.row_slices(row));
            ema.fill_row(new.0.len() + old.0.len(), |columns, values| {
                let mut kept_cells = 0;
                zip_columns(new, old, |column, weight, bond| {
                    let new = new_sums.divide(column, weight.saturating_mul(stake));
                    let old = old_sums.divide(column, bond);
                    let average =
                        alpha.saturating_mul(new).saturating_add(kept.saturating_mul(old));
                    ema_sums.add(column, average.max(I32F32::ZERO));
                    columns[kept_cells] = column;
                    values[kept_cells] = average;
                    kept_cells += usize::from(average > I32F32::ZERO);
                });
                kept_cells
            });
        }
        ema_sums.close();

        dividends.clear();
        for row in 0..ema.rows() {
            let mut dividend = I32F32::ZERO;
            let (at, bonds) = ema.row_mut(row);
            for (&column, bond) in at.iter().zip(bonds) {
                *bond = ema_sums.divide(column, *bond);
                maxima.raise(column, *bond);
                let share = incentive[usize::from(column)].saturating_mul(*bond);
                dividend = dividend.saturating_add(share);
            }
            dividends.push(dividend);
        }
        normalise(dividends);
        maxima.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn alpha_of_the_default_moving_average() {
        // 0.9 in I64F64 floored to 32 bits, from one: the nearest value above 0.1.
        assert_eq!(ema_alpha(900_000), I32F32::from_bits(429_496_730));
        assert_eq!(ema_alpha(0), I32F32::ONE);
        assert_eq!(ema_alpha(1_000_000), I32F32::ZERO);
        assert_eq!(ema_alpha(u64::MAX).to_u16(), 0);
    }

    fn matrix(rows: &[Vec<i64>]) -> Sparse {
        let mut m = Sparse::default();
        for row in rows {
            for (column, &value) in (0..).zip(row).filter(|(_, v)| **v != 0) {
                m.push(column, I32F32::from_bits(value));
            }
            m.close_row();
        }
        m
    }

    proptest! {
        /// Merging two lists is walking two full rows.
        #[test]
        fn zipping_equals_the_dense_form(
            cells in proptest::collection::vec((0_i64..3, 0_i64..3), 0..12),
        ) {
            let rows = matrix(&[
                cells.iter().map(|c| c.0).collect(), cells.iter().map(|c| c.1).collect(),
            ]);
            let mut got = Vec::new();
            zip_columns(rows.row_slices(0), rows.row_slices(1), |column, a, b| {
                got.push((column, (a.to_bits(), b.to_bits())));
            });
            let want: Vec<_> = (0..).zip(cells).filter(|(_, c)| *c != (0, 0)).collect();
            prop_assert_eq!(got, want);
        }
    }
}
