//! Who holds a permit: the k largest.

use sim_types::fixed::I32F32;

/// Marks the `k` largest values. Among equal values at the boundary the **higher index** is
/// marked: the chain sorts ascending, stably, and clears the first n − k.
#[must_use]
pub fn top_k(values: &[I32F32], k: usize) -> Vec<bool> {
    let mut top = TopK::default();
    top.mask.resize(values.len(), true);
    top.clear_least(values, k);
    top.mask
}

/// The marks, and the memory to make them.
#[derive(Debug, Clone, Default)]
pub(super) struct TopK {
    mask: Vec<bool>,
    order: Vec<usize>,
}

impl TopK {
    /// The marks last made.
    pub(super) fn mask(&self) -> &[bool] {
        &self.mask
    }

    /// Marks as [`top_k`], without the zeros among them. Values are not negative.
    pub(super) fn mark_nonzero(&mut self, values: &[I32F32], k: usize) {
        self.mask.clear();
        self.mask.extend(values.iter().map(|&value| value != I32F32::ZERO));
        // Zeros are the least: with so few others none of these has to go.
        if self.mask.iter().filter(|&&marked| marked).count() > k {
            self.clear_least(values, k);
        }
    }

    fn clear_least(&mut self, values: &[I32F32], k: usize) {
        let Some(out) = values.len().checked_sub(k).filter(|&out| out > 0) else { return };
        self.order.clear();
        self.order.extend(0..values.len());
        self.order.select_nth_unstable_by_key(out - 1, |&i| (values[i], i));
        for &i in &self.order[..out] {
            self.mask[i] = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marked_beat_unmarked(raw in proptest::collection::vec(0_i64..6, 0..30), k in 0_usize..35) {
            let values: Vec<_> = raw.iter().copied().map(I32F32::from_bits).collect();
            let mask = top_k(&values, k);
            prop_assert_eq!(mask.iter().filter(|&&m| m).count(), k.min(values.len()));
            for i in 0..values.len() {
                for j in 0..values.len() {
                    if mask[i] && !mask[j] {
                        prop_assert!((values[i], i) > (values[j], j));
                    }
                }
            }
            let mut nonzero = TopK::default();
            nonzero.mark_nonzero(&values, k);
            for (i, &m) in nonzero.mask().iter().enumerate() {
                prop_assert_eq!(m, mask[i] && values[i] != I32F32::ZERO);
            }
        }
    }
}
