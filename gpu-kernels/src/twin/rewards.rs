//! Small kernels of verification and reinforcement learning.

use rayon::prelude::*;

use super::elementwise::wide;
use super::order::warp_sum;

/// First choice of each row of logits, and how far the named token lies below it. Ties go to
/// the lower token.
pub fn fingerprint(logits: &[u16], token: &[u32], choice: &mut [u32], gap: &mut [f32]) {
    let vocabulary = logits.len() / token.len();
    let rows = logits.par_chunks(vocabulary).zip(token);
    choice.par_iter_mut().zip(gap).zip(rows).for_each(|((choice, gap), (row, &token))| {
        // The order of numbers, -0 below +0, as an order of integers.
        let key = |bits: u16| {
            let bits = bits.cast_signed();
            bits ^ ((bits >> 15).cast_unsigned() >> 1).cast_signed()
        };
        let most = row.iter().map(|&x| key(x)).max().unwrap_or(0);
        let best = row.iter().position(|&x| key(x) == most).unwrap_or(0);
        *choice = best as u32;
        *gap = wide(row[best]) - wide(row[token as usize]);
    });
}

/// Rewards of each group of `n` less their mean, over their deviation plus 1e-4.
pub fn grpo(reward: &[f32], advantage: &mut [f32], n: usize) {
    advantage.par_chunks_mut(n).zip(reward.par_chunks(n)).for_each(|(advantage, reward)| {
        let mut lanes = [0.0_f32; 32];
        for part in reward.chunks(32) {
            for (lane, &r) in lanes.iter_mut().zip(part) {
                *lane += r;
            }
        }
        let mean = warp_sum(lanes) / n as f32;
        let mut lanes = [0.0_f32; 32];
        for part in reward.chunks(32) {
            for (lane, &r) in lanes.iter_mut().zip(part) {
                let d = r - mean;
                *lane = d.mul_add(d, *lane);
            }
        }
        let spread = if n > 1 { (warp_sum(lanes) / (n - 1) as f32).sqrt() } else { 0.0 };
        for (a, &r) in advantage.iter_mut().zip(reward) {
            *a = (r - mean) / (spread + 1e-4);
        }
    });
}
