//! A routed block of experts.

use super::elementwise::{exp, narrow, silu, wide};
use super::gemm;

/// The `k` experts of greatest logits of each token, lower ones first among equals, and their
/// softmax.
pub fn route(logits: &[f32], experts: usize, k: usize, choice: &mut [u32], gate: &mut [f32]) {
    let rows = choice.chunks_mut(k).zip(gate.chunks_mut(k));
    for (row, (choice, gate)) in logits.chunks(experts).zip(rows) {
        let mut order: Vec<usize> = (0..experts).collect();
        order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
        let mut sum = 0.0_f32;
        for ((choice, gate), &expert) in choice.iter_mut().zip(gate.iter_mut()).zip(&order) {
            *choice = expert as u32;
            *gate = exp(row[expert] - row[order[0]]);
            sum += *gate;
        }
        for gate in gate {
            *gate /= sum;
        }
    }
}

/// Slots in the order of experts, by slot within, and the row that each slot has there.
#[must_use]
pub fn place(choice: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let mut slot_of: Vec<u32> = (0..).take(choice.len()).collect();
    slot_of.sort_by_key(|&slot| choice[slot as usize]);
    let mut row_of = vec![0; choice.len()];
    for (row, &slot) in (0..).zip(&slot_of) {
        row_of[slot as usize] = row;
    }
    (slot_of, row_of)
}

/// Weights of all experts: rows of gate and up in turn, and rows of down.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[expert][2f][h]`.
    pub up: &'a [u16],
    /// `[expert][h][f]`.
    pub down: &'a [u16],
    /// Width of a token.
    pub h: usize,
    /// Width of an expert.
    pub f: usize,
}

/// Answers of experts in the order of experts.
#[must_use]
pub fn answers(x: &[u16], choice: &[u32], slot_of: &[u32], k: usize, w: Weights<'_>) -> Vec<u16> {
    let (h, f) = (w.h, w.f);
    let mut y = vec![0; slot_of.len() * h];
    let mut from = 0;
    while from < slot_of.len() {
        let expert = choice[slot_of[from] as usize];
        let count =
            slot_of[from..].iter().take_while(|slot| choice[**slot as usize] == expert).count();
        let expert = expert as usize;
        let rows: Vec<f32> = slot_of[from..from + count]
            .iter()
            .flat_map(|&slot| x[slot as usize / k * h..][..h].iter().map(|&x| wide(x)))
            .collect();
        let both = product(&rows, &w.up[expert * 2 * f * h..][..2 * f * h], [count, 2 * f, h]);
        let act: Vec<f32> = both.chunks(2).map(|b| wide(narrow(silu(b[0]) * b[1]))).collect();
        let out = product(&act, &w.down[expert * h * f..][..h * f], [count, h, f]);
        for (y, out) in y[from * h..].iter_mut().zip(out) {
            *y = narrow(out);
        }
        from += count;
    }
    y
}

/// `a[m,k] b[n,k]^T`, b in bf16.
#[must_use]
pub fn product(a: &[f32], b: &[u16], [m, n, k]: [usize; 3]) -> Vec<f32> {
    let mut turned = vec![0.0; k * n];
    for (row, b) in b.chunks(k).enumerate() {
        for (i, &x) in b.iter().enumerate() {
            turned[i * n + row] = wide(x);
        }
    }
    let mut c = vec![0.0; m * n];
    gemm::f32(a, &turned, &mut c, [m, n, k]);
    c
}

/// Sums of a token's answers by its gates.
pub fn combine(y: &[u16], row_of: &[u32], gate: &[f32], out: &mut [u16], h: usize, k: usize) {
    for (token, out) in out.chunks_mut(h).enumerate() {
        for (i, out) in out.iter_mut().enumerate() {
            let sum = (0..k).fold(0.0_f32, |sum, j| {
                let slot = token * k + j;
                gate[slot].mul_add(wide(y[row_of[slot] as usize * h + i]), sum)
            });
            *out = narrow(sum);
        }
    }
}
