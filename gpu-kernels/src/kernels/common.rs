//! What descriptors share.

/// The lengths of a shape as numbers of a formula.
pub(super) fn dims<const N: usize>(shape: &[usize]) -> [f64; N] {
    std::array::from_fn(|i| shape[i] as f64)
}

/// The lengths of a shape.
pub(super) fn lens<const N: usize>(shape: &[usize]) -> [usize; N] {
    std::array::from_fn(|i| shape[i])
}
