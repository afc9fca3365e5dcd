//! One step of low-rank compression, in the kernels' order of sums.

use rayon::prelude::*;

use super::gemm;
use super::order::block_sum;

/// `p[m,r] = g[m,n] q[n,r]`.
pub fn left(g: &[f32], q: &[f32], p: &mut [f32], [m, n, r]: [usize; 3]) {
    gemm::f32(g, q, p, [m, r, n]);
}

/// `q[n,r] = g[m,n]^T p[m,r]`, a chain over ascending rows for each element.
pub fn right(g: &[f32], p: &[f32], q: &mut [f32], [_, n, r]: [usize; 3]) {
    const WIDTH: usize = 64;
    q.par_chunks_mut(WIDTH * r).enumerate().for_each(|(at, q)| {
        q.fill(0.0);
        for (g, p) in g.chunks_exact(n).zip(p.chunks_exact(r)) {
            add_outer(q, &g[at * WIDTH..], p);
        }
    });
}

super::dispatch! {
    fn add_outer(q: &mut [f32], g: &[f32], p: &[f32]) = add_outer_body;
}

#[inline(always)]
fn add_outer_body(q: &mut [f32], g: &[f32], p: &[f32]) {
    for (q, &g) in q.chunks_exact_mut(p.len()).zip(g) {
        for (q, &p) in q.iter_mut().zip(p) {
            *q = g.mul_add(p, *q);
        }
    }
}

/// Columns of p made orthonormal one after the other. A column of nothing stays nothing.
pub fn orthonormalise(p: &mut [f32], r: usize) {
    let m = p.len() / r;
    // Columns in one piece each.
    let mut columns: Vec<Vec<f32>> =
        (0..r).map(|c| p.iter().skip(c).step_by(r).copied().collect()).collect();
    for c in 0..r {
        let (done, rest) = columns.split_at_mut(c);
        let column = &mut rest[0];
        for b in done {
            let dot = dot(b, column);
            subtract(column, dot, b);
        }
        let square = dot(column, column);
        let scale = if square > 0.0 { 1.0 / square.sqrt() } else { 0.0 };
        for x in column {
            *x *= scale;
        }
    }
    for i in 0..m {
        for c in 0..r {
            p[i * r + c] = columns[c][i];
        }
    }
}

super::dispatch! {
    fn dot(a: &[f32], b: &[f32]) -> f32 = dot_body;
}

/// Thread t of 1024 has every 1024th element from t.
#[inline(always)]
fn dot_body(a: &[f32], b: &[f32]) -> f32 {
    let mut threads = [0.0_f32; 1024];
    for (a, b) in a.chunks(1024).zip(b.chunks(1024)) {
        for (sum, (&a, &b)) in threads.iter_mut().zip(a.iter().zip(b)) {
            *sum = a.mul_add(b, *sum);
        }
    }
    block_sum(&threads)
}

super::dispatch! {
    fn subtract(x: &mut [f32], by: f32, other: &[f32]) = subtract_body;
}

#[inline(always)]
fn subtract_body(x: &mut [f32], by: f32, other: &[f32]) {
    for (x, &other) in x.iter_mut().zip(other) {
        *x = (-by).mul_add(other, *x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Draw;

    #[test]
    fn columns_become_orthonormal() {
        let (m, r) = (300, 5);
        let mut p = Draw::new(1).floats(m * r, 1.0);
        orthonormalise(&mut p, r);
        for a in 0..r {
            for b in 0..r {
                let dot: f64 =
                    (0..m).map(|i| f64::from(p[i * r + a]) * f64::from(p[i * r + b])).sum();
                assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-5, "{a} {b}: {dot}");
            }
        }
    }
}
