//! The largest correlation between any two of many streams.

use rayon::prelude::*;
use sim_core::queueing::Draws;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::validate::des::text::float;

/// Streams to a block: two blocks of one piece of draws each stay in the nearest cache.
const BLOCK: usize = 16;

/// Draws to a piece.
const PIECE: usize = 1_024;

/// The p-value of the largest absolute correlation among all pairs, as if pairs were
/// independent, and each of them normal with variance `1/draws`.
///
/// Draws are taken to their highest eight bits, as odd numbers from -255 to 255. Sums of
/// products are then exact 32-bit integers, which processors multiply eight at a time; a
/// correlation of the draws is one of their highest bits.
pub(super) fn largest(streams: u64, draws: u64, stream: impl Fn(u64) -> Draws + Sync) -> f64 {
    let values: Vec<Vec<i16>> =
        (0..streams).into_par_iter().map(|i| odd_numbers(stream(i), draws)).collect();
    let moments: Vec<(f64, f64)> = values.iter().map(|row| mean_and_spread(row)).collect();
    let blocks = values.len().div_ceil(BLOCK);
    let pairs: Vec<(usize, usize)> =
        (0..blocks).flat_map(|a| (a..blocks).map(move |b| (a, b))).collect();
    let largest = pairs
        .into_par_iter()
        .map(|(a, b)| largest_of_blocks(&values, &moments, a * BLOCK, b * BLOCK))
        .reduce(|| 0.0, f64::max);
    let count = 0.5 * float(streams) * float(streams - 1);
    let tail = 2.0 * Normal::standard().sf(largest * float(draws).sqrt());
    // 1 - (1 - tail)^count, without loss of digits.
    -(count * (-tail).ln_1p()).exp_m1()
}

fn odd_numbers(mut draws: Draws, count: u64) -> Vec<i16> {
    (0..count).map(|_| 2 * (draws.bits() >> 56) as i16 - 255).collect()
}

fn mean_and_spread(row: &[i16]) -> (f64, f64) {
    let sum: f64 = row.iter().map(|&x| f64::from(x)).sum();
    let n = float(row.len() as u64);
    let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    (sum / n, (squares / n - sum / n * (sum / n)).sqrt())
}

fn largest_of_blocks(values: &[Vec<i16>], moments: &[(f64, f64)], a: usize, b: usize) -> f64 {
    let (rows, columns) = (a..(a + BLOCK).min(values.len()), b..(b + BLOCK).min(values.len()));
    let draws = values[a].len();
    let mut products = [[0_i64; BLOCK]; BLOCK];
    for from in (0..draws).step_by(PIECE) {
        let piece = from..(from + PIECE).min(draws);
        for (i, row) in rows.clone().zip(&mut products) {
            let x = &values[i][piece.clone()];
            for (j, sum) in columns.clone().zip(row.iter_mut()) {
                *sum += i64::from(product(x, &values[j][piece.clone()]));
            }
        }
    }
    let n = float(draws as u64);
    let mut largest: f64 = 0.0;
    for (i, row) in rows.zip(&products) {
        for (j, &sum) in columns.clone().zip(row).filter(|(j, _)| *j > i) {
            let (mean_x, spread_x) = moments[i];
            let (mean_y, spread_y) = moments[j];
            #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
            let covariance = sum as f64 / n - mean_x * mean_y;
            largest = largest.max((covariance / (spread_x * spread_y)).abs());
        }
    }
    largest
}

/// The sum of products of one piece: at most 1,024 x 255^2, far below 2^31.
#[inline]
fn product(x: &[i16], y: &[i16]) -> i32 {
    x.iter()
        .zip(y)
        .fold(0, |sum: i32, (&x, &y)| sum.wrapping_add(i32::from(x).wrapping_mul(i32::from(y))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_streams_pass_and_related_ones_fail() {
        let key = |i: u64| i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let p = largest(40, 3_000, |i| Draws::new(key(i)));
        assert!((1e-3..=1.0 - 1e-3).contains(&p), "{p}");
        // Two streams of one name.
        let p = largest(40, 3_000, |i| Draws::new(key(if i == 33 { 7 } else { i })));
        assert!(p < 1e-9, "{p}");
    }

    /// Against the definition, on streams that do not fill a block.
    #[test]
    fn blocks_do_not_change_the_correlation() {
        let rows: Vec<Vec<i16>> =
            (0..19).map(|i| odd_numbers(Draws::new(i * 77 + 1), 1_500)).collect();
        let moments: Vec<_> = rows.iter().map(|row| mean_and_spread(row)).collect();
        let mut plain: f64 = 0.0;
        for i in 0..rows.len() {
            for j in 0..i {
                let sum: f64 = (rows[i].iter().zip(&rows[j]))
                    .map(|(&x, &y)| (f64::from(x) - moments[i].0) * (f64::from(y) - moments[j].0))
                    .sum();
                plain = plain.max((sum / 1_500.0 / moments[i].1 / moments[j].1).abs());
            }
        }
        let blocked = [(0, 0), (0, 16), (16, 16)]
            .map(|(a, b)| largest_of_blocks(&rows, &moments, a, b))
            .into_iter()
            .fold(0.0, f64::max);
        assert!((plain - blocked).abs() < 1e-9, "{plain} {blocked}");
    }
}
