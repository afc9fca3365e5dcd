//! The epoch from end to end.

use sim_types::fixed::{I32F32, I64F64};

use super::bonds::{self, Bonds};
use super::clip::Clipped;
use super::emission;
use super::inputs::{EpochError, EpochInputs, EpochOutputs};
use super::interpolate::interpolate_sparse;
use super::masks;
use super::median::Medians;
use super::normalise::{normalise, normalise_wide};
use super::sparse::Sparse;
use super::topk::top_k_nonzero;

/// Memory that epochs use and leave to the next. It carries no state.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    wide_stake: Vec<I64F64>,
    stake: Vec<I32F32>,
    active_stake: Vec<I32F32>,
    weights: Sparse,
    medians: Medians,
    consensus: Vec<I32F32>,
    clipped: Clipped,
    incentive: Vec<I32F32>,
    between: Sparse,
    stored_bonds: Sparse,
    dividends: Vec<I32F32>,
    bonds: Bonds,
}

/// Computes one epoch. The steps are numbered in the [module head](super).
///
/// # Errors
/// When the inputs do not describe a subnet: lengths that differ, or a uid twice in a row.
pub fn epoch(inputs: &EpochInputs<'_>, scratch: &mut Scratch) -> Result<EpochOutputs, EpochError> {
    check(inputs)?;
    let n = inputs.stake.len();
    let hyper = &inputs.hyperparameters;
    let owner = inputs.owner.map(usize::from).filter(|&owner| owner < n);
    let s = scratch;

    // R1
    let active: Vec<bool> = inputs
        .last_update
        .iter()
        .map(|updated| updated.saturating_add(hyper.activity_cutoff) >= inputs.block)
        .collect();

    // R2
    s.wide_stake.clear();
    s.wide_stake.extend(inputs.stake.iter().enumerate().map(|(uid, &stake)| {
        let counts = owner == Some(uid) || stake.to_u64() >= hyper.stake_threshold;
        if counts { stake } else { I64F64::ZERO }
    }));
    normalise_wide(&mut s.wide_stake);
    s.stake.clear();
    s.stake.extend(s.wide_stake.iter().copied().map(I32F32::from));

    // R3
    let mut permits = inputs.permits.to_vec();
    let mut new_permits = top_k_nonzero(&s.stake, hyper.max_validators.into());
    if let Some(owner) = owner {
        permits[owner] = true;
        new_permits[owner] = true;
    }

    // R4
    s.active_stake.clone_from(&s.stake);
    masks::mask_vector(&mut s.active_stake, |uid| !active[uid] || !permits[uid]);
    normalise(&mut s.active_stake);

    // R5
    masks::weights(inputs, &permits, &mut s.weights)?;

    // R6
    let kappa = I32F32::from_u16_proportion(hyper.kappa);
    s.medians.of_columns(&s.active_stake, &s.weights, n, kappa, &mut s.consensus);

    // R7, R8
    s.clipped.clip(&s.weights, &s.consensus, &s.active_stake);
    s.incentive.clone_from(&s.clipped.ranks);
    normalise(&mut s.incentive);

    // R9
    let penalty = I32F32::from_u16_proportion(hyper.bonds_penalty);
    let weights_for_bonds =
        interpolate_sparse(&s.weights, &s.clipped.weights, penalty, &mut s.between);

    // R10, R11
    masks::bonds(inputs, &mut s.stored_bonds)?;
    s.bonds.classic(
        weights_for_bonds,
        &s.stored_bonds,
        &s.active_stake,
        &s.incentive,
        bonds::ema_alpha(hyper.bonds_moving_average),
        &mut s.dividends,
    );

    // R12
    let emission =
        emission::split(&s.incentive, &s.dividends, &s.active_stake, &s.stake, inputs.emission);

    // R13
    let store = |values: &[I32F32]| values.iter().map(|x| x.to_u16_proportion()).collect();
    let bonds = new_permits.iter().enumerate().map(|(row, &permitted)| {
        if permitted { s.bonds.stored_row(row).collect() } else { Vec::new() }
    });
    Ok(EpochOutputs {
        consensus: store(&s.consensus),
        incentive: store(&s.incentive),
        dividends: store(&s.dividends),
        validator_trust: store(&s.clipped.trust),
        stake_weight: store(&s.stake),
        bonds: bonds.collect(),
        active,
        permits: new_permits,
        emission: emission.combined,
        server_emission: emission.server,
        validator_emission: emission.validator,
    })
}

fn check(inputs: &EpochInputs<'_>) -> Result<(), EpochError> {
    let expected = inputs.stake.len();
    if expected > usize::from(u16::MAX) + 1 {
        return Err(EpochError::TooMany { found: expected });
    }
    let lengths = [
        ("last_update", inputs.last_update.len()),
        ("block_at_registration", inputs.block_at_registration.len()),
        ("permits", inputs.permits.len()),
        ("weights", inputs.weights.len()),
        ("bonds", inputs.bonds.len()),
        ("commit_blocks", inputs.commit_blocks.map_or(expected, <[_]>::len)),
    ];
    for (what, found) in lengths {
        if found != expected {
            return Err(EpochError::Length { what, found, expected });
        }
    }
    Ok(())
}
