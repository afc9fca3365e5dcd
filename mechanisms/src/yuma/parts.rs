//! Arithmetic of proportions, as kernels' twins do it too.

pub(super) use sim_types::fixed::part::{Whole, plus, proportion, stored, times};
