//! Choosing one of many with given weights in constant time.
//!
//! Walker's alias method with the table construction of Vose, "A linear algorithm for
//! generating random numbers with a given distribution" (IEEE Transactions on Software
//! Engineering 17, 1991).

use serde::{Deserialize, Serialize};

use super::draws::Draws;

/// A table over weights. One draw of 64 bits gives both the column and the coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    columns: Vec<Column>,
}

/// A column keeps its own index below the threshold, of 2^64, and gives the other above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Column {
    keep_below: u64,
    other: u32,
}

/// Weights from which nothing can be chosen.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("weights must be finite, none negative, at least one positive, and below 2^32 in number")]
pub struct BadWeights;

impl Alias {
    /// A table that chooses `i` with probability `weights[i]` over their sum.
    ///
    /// # Errors
    /// When a weight is negative or not finite, or none is positive.
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2^32 weights")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
    pub fn new(weights: &[f64]) -> Result<Self, BadWeights> {
        let total: f64 = weights.iter().sum();
        let sound = weights.iter().all(|w| w.is_finite() && *w >= 0.0);
        if !sound || !total.is_finite() || total <= 0.0 || u32::try_from(weights.len()).is_err() {
            return Err(BadWeights);
        }
        let n = weights.len() as f64;
        let mut scaled: Vec<f64> = weights.iter().map(|w| w / total * n).collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..weights.len() as u32).partition(|&i| scaled[i as usize] < 1.0);
        let mut columns: Vec<Column> =
            (0..weights.len() as u32).map(|i| Column { keep_below: u64::MAX, other: i }).collect();
        while let (Some(&low), Some(&high)) = (small.last(), large.last()) {
            small.pop();
            let share = scaled[low as usize];
            // 2^64 as a double; `as` saturates.
            columns[low as usize] =
                Column { keep_below: (share * 18_446_744_073_709_551_616.0) as u64, other: high };
            scaled[high as usize] -= 1.0 - share;
            if scaled[high as usize] < 1.0 {
                large.pop();
                small.push(high);
            }
        }
        // What rounding left over keeps itself; a weight of zero never does.
        let heaviest = (0..weights.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b]));
        for i in small {
            if weights[i as usize] <= 0.0 {
                columns[i as usize] =
                    Column { keep_below: 0, other: heaviest.unwrap_or_default() as u32 };
            }
        }
        Ok(Self { columns })
    }

    /// An index, with its probability.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "halves of a 128-bit product")]
    pub fn pick(&self, draws: &mut Draws) -> usize {
        let product = u128::from(draws.bits()) * self.columns.len() as u128;
        let index = (product >> 64) as usize;
        let column = self.columns[index];
        if (product as u64) < column.keep_below { index } else { column.other as usize }
    }

    /// How many there are to choose from.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Never: there is always something to choose.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// The probability of each index, read back from the table.
    #[must_use]
    pub fn probabilities(&self) -> Vec<f64> {
        let n = self.columns.len();
        let mut out = vec![0.0; n];
        #[expect(clippy::cast_precision_loss, reason = "a probability")]
        for (i, column) in self.columns.iter().enumerate() {
            let keep = if column.other as usize == i {
                1.0
            } else {
                column.keep_below as f64 / 18_446_744_073_709_551_616.0
            };
            out[i] += keep / n as f64;
            out[column.other as usize] += (1.0 - keep) / n as f64;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights_without_a_choice_are_refused() {
        for weights in [&[][..], &[0.0], &[-1.0, 2.0], &[f64::NAN], &[f64::INFINITY]] {
            assert_eq!(Alias::new(weights), Err(BadWeights), "{weights:?}");
        }
    }

    proptest! {
        #[test]
        fn the_table_holds_the_weights(weights in proptest::collection::vec(0.0..9.0_f64, 1..60)) {
            let total: f64 = weights.iter().sum();
            prop_assume!(total > 1e-3);
            let table = Alias::new(&weights).unwrap();
            for (weight, got) in weights.iter().zip(table.probabilities()) {
                prop_assert!((weight / total - got).abs() < 1e-12);
            }
        }

        #[test]
        fn a_weight_of_zero_is_never_chosen(
            weights in proptest::collection::vec(prop_oneof![Just(0.0), Just(0.1), Just(0.7)], 1..12),
            key in any::<u64>(),
        ) {
            prop_assume!(weights.iter().any(|w| *w > 0.0));
            let table = Alias::new(&weights).unwrap();
            let mut draws = Draws::new(key);
            for _ in 0..200 {
                prop_assert!(weights[table.pick(&mut draws)] > 0.0);
            }
        }
    }
}
