//! Number-theoretic transform over the scalar field of BLS12-381.

use rayon::prelude::*;

use super::field::Scalar;

/// An element of order 2^32 in the scalar field: 7^((r - 1) / 2^32), 7 being a generator.
fn root_of_two_to_32() -> Scalar {
    // (r - 1) / 2^32.
    let exponent =
        [0xfffe_5bfe_ffff_ffff, 0x09a1_d805_53bd_a402, 0x299d_7d48_3339_d808, 0x73ed_a753];
    Scalar::from_int(7).power(&exponent)
}

/// The first half of the powers of an element of order 2^`log_n`.
///
/// # Panics
/// When `log_n` exceeds 32.
#[must_use]
pub fn roots(log_n: usize) -> Vec<Scalar> {
    assert!(log_n <= 32, "the field has roots of order 2^32 at most");
    let root = (log_n..32).fold(root_of_two_to_32(), |root, _| root.mul(root));
    let mut power = Scalar::one();
    (0..(1_usize << log_n) / 2)
        .map(|_| {
            let next = power.mul(root);
            std::mem::replace(&mut power, next)
        })
        .collect()
}

/// `out[j] = sum over i of x[i] root^(i j)`, in place, by powers of the root as [`roots`] gives
/// them.
///
/// # Panics
/// When the length is not twice that of the roots.
pub fn transform(x: &mut [Scalar], roots: &[Scalar]) {
    let n = x.len();
    assert!(n <= 1 || n == 2 * roots.len(), "half as many roots as elements");
    if n <= 1 {
        return;
    }
    let bits = n.ilog2();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            x.swap(i, j);
        }
    }
    // Early stages part by part, which stay in cache; later ones across.
    let part = n.min(1 << 12);
    x.par_chunks_mut(part).for_each(|part| stages(part, roots, n));
    let mut half = part;
    while half < n {
        let step = n / (2 * half);
        for block in x.chunks_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            low.par_iter_mut().zip(high).enumerate().with_min_len(256).for_each(|(i, (a, b))| {
                butterfly(a, b, roots[i * step]);
            });
        }
        half *= 2;
    }
}

fn stages(part: &mut [Scalar], roots: &[Scalar], n: usize) {
    let mut half = 1;
    while half < part.len() {
        let step = n / (2 * half);
        for block in part.chunks_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for (i, (a, b)) in low.iter_mut().zip(high).enumerate() {
                butterfly(a, b, roots[i * step]);
            }
        }
        half *= 2;
    }
}

#[inline(always)]
fn butterfly(a: &mut Scalar, b: &mut Scalar, root: Scalar) {
    let turned = b.mul(root);
    (*a, *b) = (a.add(turned), a.sub(turned));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, and the order of the root.
    #[test]
    fn equals_the_plain_sum() {
        for log_n in [0, 1, 3, 6] {
            let n = 1_usize << log_n;
            let x: Vec<Scalar> = (0..n as u64).map(|i| Scalar::from_int(i * i + 3)).collect();
            let roots = roots(log_n);
            let root = roots.get(1).copied().unwrap_or_else(|| {
                if log_n == 0 { Scalar::one() } else { Scalar::ZERO.sub(Scalar::one()) }
            });
            assert_eq!(root.power(&[n as u64]), Scalar::one());
            assert!(log_n == 0 || root.power(&[n as u64 / 2]) != Scalar::one());
            let mut found = x.clone();
            transform(&mut found, &roots);
            for (j, &found) in found.iter().enumerate() {
                let sum = x.iter().enumerate().fold(Scalar::ZERO, |sum, (i, &x)| {
                    sum.add(x.mul(root.power(&[(i * j) as u64])))
                });
                assert_eq!(found, sum, "{n} {j}");
            }
        }
    }
}
