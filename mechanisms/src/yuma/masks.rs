//! Which weights and bonds count (R5 and the first part of R10).

use sim_types::fixed::I32F32;

use super::inputs::{EpochError, EpochInputs};
use super::normalise::normalise_rows;
use super::sparse::Sparse;

/// R5: published weights less those of uids without a permit, toward oneself (but the
/// owner's), toward a uid registered at or after the weights were set, and toward a uid
/// registered after weights still to be revealed were committed; then rows normalised.
///
/// # Errors
/// When a row names a uid twice.
pub fn weights(
    inputs: &EpochInputs<'_>,
    permits: &[bool],
    out: &mut Sparse,
) -> Result<(), EpochError> {
    let n = inputs.stake.len();
    out.clear();
    for (row, stored) in inputs.weights.iter().enumerate() {
        if !permits[row] {
            out.push_stored_row("weights", stored, |_| false)?;
            continue;
        }
        let updated = inputs.last_update[row];
        let committed = inputs.commit_blocks.and_then(|blocks| blocks[row]).unwrap_or(u64::MAX);
        let is_owner = inputs.owner.map(usize::from) == Some(row);
        out.push_stored_row("weights", stored, |column| {
            let column = usize::from(column);
            column < n && {
                let registered = inputs.block_at_registration[column];
                (column != row || is_owner) && registered < updated && registered <= committed
            }
        })?;
    }
    normalise_rows(out);
    Ok(())
}

/// R10, first part: stored bonds as plain numbers, less those toward a uid registered since
/// the last epoch.
///
/// # Errors
/// When a row names a uid twice.
pub fn bonds(inputs: &EpochInputs<'_>, out: &mut Sparse) -> Result<(), EpochError> {
    let last_epoch = match inputs.last_step_block {
        Some(block) => block.saturating_add(1),
        None => inputs.block.saturating_sub(inputs.tempo),
    };
    out.clear();
    for stored in inputs.bonds {
        out.push_stored_row("bonds", stored, |column| {
            let registered = inputs.block_at_registration.get(usize::from(column));
            registered.is_some_and(|&registered| registered < last_epoch)
        })?;
    }
    Ok(())
}

/// Sets the elements that `out` names to zero.
pub fn mask_vector(values: &mut [I32F32], out: impl Fn(usize) -> bool) {
    for (i, value) in values.iter_mut().enumerate() {
        if out(i) {
            *value = I32F32::ZERO;
        }
    }
}
