//! Matrix products in fp32, every element one chain of fused multiply-adds in ascending k.
//!
//! Blocked as Goto and van de Geijn ("Anatomy of high-performance matrix multiplication",
//! ACM TOMS 34, 2008), with the difference that a tile is carried in C from one block of k to
//! the next: no partial sums, one order.

use rayon::prelude::*;

/// Rows and columns of a register tile: 6 x 16 takes 12 of 16 vector registers.
const ROWS: usize = 6;
const COLUMNS: usize = 16;
/// Columns of B and depth that stay in cache together.
const DEPTH: usize = 256;
/// Rows of A that one task carries.
const PANEL: usize = 16 * ROWS;

/// `c[m,n] = a[m,k] b[k,n]`, row major.
///
/// # Panics
/// When a slice is not of its shape.
pub fn f32(a: &[f32], b: &[f32], c: &mut [f32], [m, n, k]: [usize; 3]) {
    assert!(a.len() == m * k && b.len() == k * n && c.len() == m * n, "slices of their shapes");
    c.fill(0.0);
    let mut packed = Vec::new();
    for k0 in (0..k).step_by(DEPTH) {
        let depth = DEPTH.min(k - k0);
        pack(&b[k0 * n..], &mut packed, n, depth);
        c.par_chunks_mut(PANEL * n).enumerate().for_each(|(i, c)| {
            let rows = c.len() / n;
            let a = &a[i * PANEL * k..];
            let mut strip = Vec::new();
            turn(a, &mut strip, [rows, k0, k], depth);
            for (j, b) in packed.chunks_exact(depth * COLUMNS).enumerate() {
                for (r, a) in strip.chunks_exact(depth * ROWS).enumerate() {
                    let kept = [ROWS.min(rows - r * ROWS), COLUMNS.min(n - j * COLUMNS)];
                    tile(a, b, &mut c[r * ROWS * n + j * COLUMNS..], n, kept);
                }
            }
        });
    }
}

/// B in strips of [`COLUMNS`] columns, each by rows, filled with zeros.
fn pack(b: &[f32], out: &mut Vec<f32>, n: usize, depth: usize) {
    out.clear();
    out.resize(n.div_ceil(COLUMNS) * COLUMNS * depth, 0.0);
    for (j, strip) in out.chunks_exact_mut(depth * COLUMNS).enumerate() {
        let from = j * COLUMNS;
        let width = COLUMNS.min(n - from);
        for (p, row) in strip.chunks_exact_mut(COLUMNS).enumerate() {
            row[..width].copy_from_slice(&b[p * n + from..p * n + from + width]);
        }
    }
}

/// A in strips of [`ROWS`] rows, each by columns, filled with zeros.
fn turn(a: &[f32], out: &mut Vec<f32>, [rows, k0, k]: [usize; 3], depth: usize) {
    out.clear();
    out.resize(rows.div_ceil(ROWS) * ROWS * depth, 0.0);
    for row in 0..rows {
        let strip = &mut out[row / ROWS * ROWS * depth..];
        for (p, &x) in a[row * k + k0..row * k + k0 + depth].iter().enumerate() {
            strip[p * ROWS + row % ROWS] = x;
        }
    }
}

super::dispatch! {
    /// Carries one tile of C, of row pitch `n`, on by the depth of the strips. Only the first
    /// `kept` rows and columns are there.
    fn tile(a: &[f32], b: &[f32], c: &mut [f32], n: usize, kept: [usize; 2]) = tile_body;
}

#[inline(always)]
fn tile_body(a: &[f32], b: &[f32], c: &mut [f32], n: usize, [rows, columns]: [usize; 2]) {
    let mut acc = [[0.0_f32; COLUMNS]; ROWS];
    for (r, acc) in acc.iter_mut().enumerate().take(rows) {
        acc[..columns].copy_from_slice(&c[r * n..r * n + columns]);
    }
    for (a, b) in a.chunks_exact(ROWS).zip(b.chunks_exact(COLUMNS)) {
        for (acc, &x) in acc.iter_mut().zip(a) {
            for (sum, &y) in acc.iter_mut().zip(b) {
                *sum = x.mul_add(y, *sum);
            }
        }
    }
    for (r, acc) in acc.iter().enumerate().take(rows) {
        c[r * n..r * n + columns].copy_from_slice(&acc[..columns]);
    }
}

#[cfg(test)]
mod tests {
    use crate::data::Draw;

    /// The definition, element by element.
    #[test]
    fn bits_are_those_of_the_plain_chain() {
        for [m, n, k] in [[1, 1, 1], [7, 17, 5], [97, 33, 300], [128, 64, 513]] {
            let mut draw = Draw::new(1);
            let (a, b) = (draw.floats(m * k, 1.0), draw.floats(k * n, 1.0));
            let mut c = vec![f32::NAN; m * n];
            super::f32(&a, &b, &mut c, [m, n, k]);
            for (i, found) in c.iter().enumerate() {
                let chain =
                    (0..k).fold(0.0_f32, |sum, p| a[i / n * k + p].mul_add(b[p * n + i % n], sum));
                assert_eq!(found.to_bits(), chain.to_bits(), "{m} {n} {k} at {i}");
            }
        }
    }
}
