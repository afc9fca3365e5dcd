//! The epoch from end to end.

use sim_types::fixed::{I32F32, I64F64};

use super::bonds::{self, Basis, Bonds, Liquid};
use super::by_rows::Kept;
use super::columns::{Columns, Loader};
use super::consensus::Consensus;
use super::emission::{self, Claims, Dues};
use super::inputs::{EpochError, EpochInputs, EpochOutputs, Form, LiquidForm, Rows, Version};
use super::liquid::LiquidAlpha;
use super::liquid_server;
use super::masks;
use super::normalise::{normalise, normalise_wide};
use super::topk::TopK;

/// Memory that epochs use and leave to the next. It carries no state.
#[derive(Debug, Clone, Default)]
pub struct Scratch {
    wide_stake: Vec<I64F64>,
    stake: Vec<I32F32>,
    active_stake: Vec<I32F32>,
    permits: Vec<bool>,
    top: TopK,
    loader: Loader,
    weights: Columns,
    stored_bonds: Columns,
    consensus: Consensus,
    incentive: Vec<I32F32>,
    dividends: Vec<I32F32>,
    alphas: Vec<I32F32>,
    bonds: Bonds,
}

/// Computes one epoch. The steps are numbered in the [module head](super).
///
/// # Errors
/// When the inputs do not describe a subnet: lengths that differ, or a uid twice in a row.
pub fn epoch(inputs: &EpochInputs<'_>, scratch: &mut Scratch) -> Result<EpochOutputs, EpochError> {
    let mut outputs = EpochOutputs::default();
    epoch_into(inputs, scratch, &mut outputs)?;
    Ok(outputs)
}

/// [`epoch()`] into outputs of an earlier epoch, whose memory is used again. They are left as
/// they are if there is an error.
///
/// # Errors
/// As [`epoch()`].
pub fn epoch_into(
    inputs: &EpochInputs<'_>,
    scratch: &mut Scratch,
    out: &mut EpochOutputs,
) -> Result<(), EpochError> {
    check(inputs)?;
    let hyper = &inputs.hyperparameters;
    let s = scratch;

    s.members(inputs);
    // R5
    masks::weights(inputs, &s.permits, &mut s.loader, &mut s.weights)?;
    // R10, first part
    masks::bonds(inputs, &mut s.loader, &mut s.stored_bonds)?;

    // R6, R7, R8
    let kappa = I32F32::from_u16_proportion(hyper.kappa);
    s.consensus.agree(&s.active_stake, &s.weights, kappa);
    s.incentive.clone_from(&s.consensus.ranks);
    normalise(&mut s.incentive);

    // R1, R3
    out.active.clear();
    out.active.extend(active(inputs));
    out.permits.clear();
    out.permits.extend_from_slice(s.top.mask());
    if let Some(owner) = exempt_owner(inputs) {
        out.permits[owner] = true;
    }

    // R9, R10, R11, R13
    s.bonds(inputs, &out.permits, &mut out.bonds);

    // R12
    let claims = Claims {
        incentive: &s.incentive,
        dividends: &s.dividends,
        active_stake: &s.active_stake,
        stake: &s.stake,
    };
    let mut dues = Dues {
        combined: &mut out.emission,
        server: &mut out.server_emission,
        validator: &mut out.validator_emission,
    };
    emission::split(&claims, inputs.emission, &mut dues);

    // R13
    for (stored, values) in [
        (&mut out.consensus, &s.consensus.weights),
        (&mut out.incentive, &s.incentive),
        (&mut out.dividends, &s.dividends),
        (&mut out.validator_trust, &s.consensus.trust),
        (&mut out.stake_weight, &s.stake),
    ] {
        stored.clear();
        stored.extend(values.iter().map(|value| value.to_u16_proportion()));
    }
    Ok(())
}

/// R1.
fn active(inputs: &EpochInputs<'_>) -> impl Iterator<Item = bool> {
    let cutoff = inputs.hyperparameters.activity_cutoff;
    inputs.last_update.iter().map(move |updated| updated.saturating_add(cutoff) >= inputs.block)
}

/// The owner's index where owners are exempt from rules.
fn exempt_owner(inputs: &EpochInputs<'_>) -> Option<usize> {
    let owner = inputs.owner.map(usize::from)?;
    (inputs.form == Form::Sparse && owner < inputs.stake.len()).then_some(owner)
}

impl Scratch {
    /// R2 to R4: stake, the permits of this epoch and the next, active stake.
    fn members(&mut self, inputs: &EpochInputs<'_>) {
        let hyper = &inputs.hyperparameters;
        let owner = exempt_owner(inputs);
        // R2
        self.wide_stake.clear();
        self.wide_stake.extend(inputs.stake.iter().enumerate().map(|(uid, &stake)| {
            let counts = owner == Some(uid) || stake.to_u64() >= hyper.stake_threshold;
            if counts { stake } else { I64F64::ZERO }
        }));
        normalise_wide(&mut self.wide_stake);
        self.stake.clear();
        self.stake.extend(self.wide_stake.iter().copied().map(I32F32::from));

        // R3
        self.top.mark_nonzero(&self.stake, hyper.max_validators.into());
        self.permits.clear();
        self.permits.extend_from_slice(inputs.permits);
        if let Some(owner) = owner {
            self.permits[owner] = true;
        }

        // R4
        self.active_stake.clear();
        let counts = active(inputs).zip(&self.permits);
        self.active_stake.extend(self.stake.iter().zip(counts).map(
            |(&stake, (active, &permitted))| {
                if active && permitted { stake } else { I32F32::ZERO }
            },
        ));
        normalise(&mut self.active_stake);
    }

    /// R9 to R11 and the bonds of R13, kept for those with a new permit.
    fn bonds(&mut self, inputs: &EpochInputs<'_>, keepers: &[bool], kept: &mut Rows) {
        kept.iter_mut().for_each(Vec::clear);
        kept.resize(keepers.len(), Vec::new());
        let kept = Kept { keepers, rows: kept };
        let hyper = &inputs.hyperparameters;
        let basis = Basis {
            weights: &self.weights,
            consensus: &self.consensus,
            penalty: I32F32::from_u16_proportion(hyper.bonds_penalty),
            stored: &self.stored_bonds,
            stake: &self.active_stake,
            incentive: &self.incentive,
        };
        let alpha = bonds::ema_alpha(hyper.bonds_moving_average);
        let low = I32F32::from_u16_proportion(hyper.alpha_low);
        let high = I32F32::from_u16_proportion(hyper.alpha_high);
        let dividends = &mut self.dividends;
        match (hyper.version, hyper.liquid_alpha) {
            (Version::Classic, LiquidForm::First)
                if liquid_server::alphas(&self.consensus.weights, low, high, &mut self.alphas) =>
            {
                let alphas = &self.alphas;
                self.bonds.classic(&basis, |server| alphas[server], dividends, kept);
            }
            (Version::Classic, _) => self.bonds.classic(&basis, |_| alpha, dividends, kept),
            (Version::Yuma3, form) => {
                let agreed = || self.consensus.weights.iter().any(|&c| c != I32F32::ZERO);
                let liquid = (form == LiquidForm::Second && agreed()).then_some(Liquid {
                    alpha: LiquidAlpha { low, high, steepness: hyper.alpha_sigmoid_steepness },
                    decays_unlisted: inputs.form == Form::Dense,
                });
                self.bonds.yuma3(&basis, alpha, liquid, dividends, kept);
            }
        }
    }
}

fn check(inputs: &EpochInputs<'_>) -> Result<(), EpochError> {
    let expected = inputs.stake.len();
    if expected > usize::from(u16::MAX) + 1 {
        return Err(EpochError::TooMany { found: expected });
    }
    let average = inputs.hyperparameters.bonds_moving_average;
    if average > 1_000_000 {
        return Err(EpochError::MovingAverage { found: average });
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
