//! Small dense linear algebra, in plain loops: the same bits on every processor.

use sim_types::math::{ln, sqrt};

/// A symmetric matrix, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Matrix {
    pub(crate) n: usize,
    pub(crate) cells: Vec<f64>,
}

impl Matrix {
    /// All zeros but the given diagonal.
    pub(crate) fn diagonal(n: usize, value: f64) -> Self {
        let mut cells = vec![0.0; n * n];
        for i in 0..n {
            cells[i * n + i] = value;
        }
        Self { n, cells }
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.cells[i * self.n..(i + 1) * self.n]
    }
}

/// The lower triangle L of L Lᵀ.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky(Matrix);

impl Cholesky {
    /// `None` where the matrix is not positive definite, to the precision of doubles.
    pub(crate) fn of(mut a: Matrix) -> Option<Self> {
        let n = a.n;
        for i in 0..n {
            for j in 0..=i {
                let (head, tail) = a.cells.split_at(i * n);
                let above = if j == i { &tail[..j] } else { &head[j * n..j * n + j] };
                let sum: f64 = tail[..j].iter().zip(above).map(|(x, y)| x * y).sum();
                let rest = tail[j] - sum;
                a.cells[i * n + j] = if i == j {
                    if rest.is_nan() || rest <= 1e-14 {
                        return None;
                    }
                    sqrt(rest)
                } else {
                    rest / a.cells[j * n + j]
                };
            }
        }
        Some(Self(a))
    }

    /// x of L x = b.
    pub(crate) fn forward(&self, b: &[f64]) -> Vec<f64> {
        let mut x = b.to_vec();
        for i in 0..x.len() {
            let row = self.0.row(i);
            let sum: f64 = row[..i].iter().zip(&x).map(|(l, x)| l * x).sum();
            x[i] = (x[i] - sum) / row[i];
        }
        x
    }

    /// x of L Lᵀ x = b.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let mut x = self.forward(b);
        for i in (0..x.len()).rev() {
            x[i] /= self.0.row(i)[i];
            let value = x[i];
            for (j, l) in self.0.row(i)[..i].iter().enumerate() {
                x[j] -= l * value;
            }
        }
        x
    }

    /// ln of the determinant of L Lᵀ.
    pub(crate) fn ln_determinant(&self) -> f64 {
        2.0 * (0..self.0.n).map(|i| ln(self.0.row(i)[i])).sum::<f64>()
    }
}

/// Eigenvalues and, row by row, eigenvectors of a symmetric matrix: cyclic Jacobi rotations
/// (Golub and Van Loan, Matrix Computations, section 8.5).
pub(crate) fn eigen(mut a: Matrix) -> (Vec<f64>, Matrix) {
    let n = a.n;
    let mut vectors = Matrix::diagonal(n, 1.0);
    for _ in 0..60 {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a.cells[i * n + j] * a.cells[i * n + j])
            .sum();
        let size: f64 = (0..n).map(|i| a.cells[i * n + i] * a.cells[i * n + i]).sum();
        if off <= size * 1e-30 {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut vectors, p, q);
            }
        }
    }
    ((0..n).map(|i| a.cells[i * n + i]).collect(), vectors)
}

/// Turns the plane of two axes so that their cell becomes zero.
fn rotate(a: &mut Matrix, vectors: &mut Matrix, p: usize, q: usize) {
    let n = a.n;
    let off = a.cells[p * n + q];
    if off.abs() < f64::MIN_POSITIVE {
        return;
    }
    let tau = (a.cells[q * n + q] - a.cells[p * n + p]) / (2.0 * off);
    let tangent = tau.signum() / (tau.abs() + sqrt(1.0 + tau * tau));
    let cosine = 1.0 / sqrt(1.0 + tangent * tangent);
    let sine = tangent * cosine;
    let turn = |cells: &mut [f64], at: usize, to: usize| {
        let (first, second) = (cells[at], cells[to]);
        cells[at] = cosine * first - sine * second;
        cells[to] = sine * first + cosine * second;
    };
    for k in 0..n {
        turn(&mut a.cells, k * n + p, k * n + q);
    }
    for k in 0..n {
        turn(&mut a.cells, p * n + k, q * n + k);
        turn(&mut vectors.cells, p * n + k, q * n + k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn symmetric(n: usize, cells: &[f64]) -> Matrix {
        let mut a = Matrix::diagonal(n, 0.0);
        for i in 0..n {
            for j in 0..n {
                a.cells[i * n + j] = cells[i.min(j) * n + i.max(j)];
            }
        }
        a
    }

    proptest! {
        /// A v = λ v, and A x = b for a definite A: checked by multiplying out.
        #[test]
        fn solutions_multiply_out(n in 1_usize..7, cells in proptest::collection::vec(-1.0..1.0_f64, 49)) {
            let mut a = symmetric(n, &cells);
            let (values, vectors) = eigen(a.clone());
            for (k, value) in values.iter().enumerate() {
                let v = vectors.row(k);
                prop_assert!((v.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-12);
                for i in 0..n {
                    let product: f64 = a.row(i).iter().zip(v).map(|(a, v)| a * v).sum();
                    prop_assert!((product - value * v[i]).abs() < 1e-11);
                }
            }
            for i in 0..n {
                a.cells[i * n + i] += 7.0;
            }
            let solution = Cholesky::of(a.clone()).expect("diagonally dominant");
            let b = &cells[..n];
            let x = solution.solve(b);
            for (i, b) in b.iter().enumerate() {
                let product: f64 = a.row(i).iter().zip(&x).map(|(a, x)| a * x).sum();
                prop_assert!((product - b).abs() < 1e-12);
            }
            let determinant: f64 = eigen(a).0.iter().map(|v| ln(*v)).sum();
            prop_assert!((solution.ln_determinant() - determinant).abs() < 1e-10);
        }
    }

    #[test]
    fn a_matrix_that_is_not_definite_is_refused() {
        assert!(Cholesky::of(symmetric(2, &[1.0, 2.0, 2.0, 1.0])).is_none());
        assert!(Cholesky::of(symmetric(1, &[f64::NAN])).is_none());
    }
}
