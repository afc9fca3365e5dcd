//! Which weights and bonds count (R5 and the first part of R10).

use sim_types::fixed::I32F32;
use sim_types::seeded;

use super::columns::{Columns, Loader};
use super::inputs::{EpochError, EpochInputs, Form, Version};
use super::parts::{Whole, proportion};

/// R5: published weights less those of uids without a permit, toward oneself (but the
/// owner's), toward a uid registered at or after the weights were set, and toward a uid
/// registered after weights still to be revealed were committed; then rows normalised.
///
/// # Errors
/// When a row names a uid twice.
pub(super) fn weights(
    inputs: &EpochInputs<'_>,
    permits: &[bool],
    loader: &mut Loader,
    out: &mut Columns,
) -> Result<(), EpochError> {
    const WHAT: &str = "weights";
    let dense = inputs.form == Form::Dense;
    let registered = inputs.block_at_registration;
    let newest = registered.iter().copied().max().unwrap_or(0);
    let owner = inputs.owner.map(usize::from).filter(|_| !dense);
    loader.clear(inputs.stake.len());
    for (row, stored) in inputs.weights.iter().enumerate() {
        if !permits[row] {
            loader.skip_row(WHAT, stored)?;
            continue;
        }
        // A column counts if it was registered before this block.
        let committed = inputs.commit_blocks.filter(|_| !dense).and_then(|blocks| blocks[row]);
        let bound = committed.map_or(u64::MAX, |block| block.saturating_add(1));
        let bound = bound.min(inputs.last_update[row]);
        let but = Some(row).filter(|_| owner != Some(row));
        let but = seeded!(OwnWeightCounts, None, but);
        let keep = |column: usize| registered[column] < bound;
        loader.push_row(WHAT, stored, but, Some(&keep).filter(|_| newest >= bound))?;
    }
    loader.finish(out, |sum| {
        // The chain's sum saturates where I32F32 ends.
        let sum =
            if sum >> 31 == 0 { I32F32::from_bits((sum << 32).cast_signed()) } else { I32F32::MAX };
        let whole = Whole::new(sum);
        move |weight| whole.share(I32F32::from_u16(weight))
    });
    Ok(())
}

/// R10, first part: stored bonds less those toward a uid registered since the last epoch; as
/// plain numbers for classic bonds, as proportions for Yuma3.
///
/// # Errors
/// When a row names a uid twice.
pub(super) fn bonds(
    inputs: &EpochInputs<'_>,
    loader: &mut Loader,
    out: &mut Columns,
) -> Result<(), EpochError> {
    let last_epoch = match inputs.last_step_block {
        Some(block) => block.saturating_add(1),
        None => inputs.block.saturating_sub(inputs.tempo),
    };
    let registered = inputs.block_at_registration;
    let none_new = registered.iter().all(|&block| block < last_epoch);
    let keep = |column: usize| registered[column] < last_epoch;
    loader.clear(inputs.stake.len());
    for stored in inputs.bonds {
        loader.push_row("bonds", stored, None, Some(&keep).filter(|_| !none_new))?;
    }
    match inputs.hyperparameters.version {
        Version::Classic => loader.finish(out, |_| I32F32::from_u16),
        Version::Yuma3 => loader.finish(out, |_| proportion),
    }
    Ok(())
}
