//! R7 and R8: nobody's weight counts beyond consensus.

use sim_types::fixed::I32F32;

use super::sparse::Sparse;

/// What clipping leaves.
#[derive(Debug, Clone, Default)]
pub struct Clipped {
    /// The lesser of each weight and its server's consensus; a weight cut to zero is not
    /// listed.
    pub weights: Sparse,
    /// R7: for each validator the sum of its clipped weights.
    pub trust: Vec<I32F32>,
    /// R8, first part: for each server the sum of clipped weights times active stake.
    pub ranks: Vec<I32F32>,
}

impl Clipped {
    /// Clips `weights` at `consensus`.
    ///
    /// # Panics
    /// When there are more rows than stakes, or a column without consensus.
    pub fn clip(&mut self, weights: &Sparse, consensus: &[I32F32], active_stake: &[I32F32]) {
        self.weights.clear();
        self.trust.clear();
        self.ranks.clear();
        self.ranks.resize(consensus.len(), I32F32::ZERO);
        for (row, &stake) in active_stake.iter().enumerate().take(weights.rows()) {
            let (at, row_weights) = weights.row_slices(row);
            let (ranks, mut trust) = (&mut self.ranks, I32F32::ZERO);
            self.weights.fill_row(at.len(), |columns, values| {
                let mut kept = 0;
                for (&column, &weight) in at.iter().zip(row_weights) {
                    let clipped = weight.min(consensus[usize::from(column)]);
                    trust = trust.saturating_add(clipped);
                    let rank = &mut ranks[usize::from(column)];
                    *rank = rank.saturating_add(stake.saturating_mul(clipped));
                    columns[kept] = column;
                    values[kept] = clipped;
                    // A weight that was zero already stays listed, as on the chain.
                    kept += usize::from(clipped > I32F32::ZERO || weight == I32F32::ZERO);
                }
                kept
            });
            self.trust.push(trust);
        }
    }
}
