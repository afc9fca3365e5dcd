//! Who holds a permit: the k largest.

use sim_types::fixed::I32F32;

/// Marks the `k` largest values. Among equal values at the boundary the **higher index** is
/// marked: the chain sorts ascending, stably, and clears the first n − k.
#[must_use]
pub fn top_k(values: &[I32F32], k: usize) -> Vec<bool> {
    let mut mask = vec![true; values.len()];
    clear_least(values, k, &mut mask);
    mask
}

/// [`top_k`] without the zeros among them.
#[must_use]
pub fn top_k_nonzero(values: &[I32F32], k: usize) -> Vec<bool> {
    let mut mask: Vec<bool> = values.iter().map(|&value| value != I32F32::ZERO).collect();
    clear_least(values, k, &mut mask);
    mask
}

fn clear_least(values: &[I32F32], k: usize, mask: &mut [bool]) {
    let Some(out) = values.len().checked_sub(k).filter(|&out| out > 0) else { return };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.select_nth_unstable_by_key(out - 1, |&i| (values[i], i));
    for &i in &order[..out] {
        mask[i] = false;
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
            for (i, &m) in top_k_nonzero(&values, k).iter().enumerate() {
                prop_assert_eq!(m, mask[i] && values[i] != I32F32::ZERO);
            }
        }
    }
}
