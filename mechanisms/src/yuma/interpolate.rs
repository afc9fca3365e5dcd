//! R9: between two matrices.

use sim_types::fixed::I32F32;

use super::sparse::Sparse;

/// `a + ratio * (b - a)`.
#[inline]
#[must_use]
pub fn interpolate(a: I32F32, b: I32F32, ratio: I32F32) -> I32F32 {
    a.saturating_add(ratio.saturating_mul(b.saturating_sub(a)))
}

/// [`interpolate`] cell by cell from `a` to `b`, whose cells are some of those of `a`. A ratio
/// of zero or one gives `a` or `b` itself; otherwise only positive results are listed, in
/// `scratch`.
pub fn interpolate_sparse<'a>(
    a: &'a Sparse,
    b: &'a Sparse,
    ratio: I32F32,
    scratch: &'a mut Sparse,
) -> &'a Sparse {
    if ratio == I32F32::ZERO {
        return a;
    }
    if ratio == I32F32::ONE {
        return b;
    }
    scratch.clear();
    for row in 0..a.rows() {
        let mut others = b.row(row).peekable();
        for (column, value) in a.row(row) {
            let other = others.next_if(|cell| cell.0 == column).map_or(I32F32::ZERO, |cell| cell.1);
            let between = interpolate(value, other, ratio);
            if between > I32F32::ZERO {
                scratch.push(column, between);
            }
        }
        scratch.close_row();
    }
    scratch
}
