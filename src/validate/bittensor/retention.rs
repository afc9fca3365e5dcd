//! How useful an honest majority must be to keep its share under attack.
//!
//! After opentensor/subtensor @ 14bc6f9f, docs/consensus.md and
//! `pallets/subtensor/src/tests/consensus.rs`: honest validators give part `honest weight` of
//! their weights to honest servers, a cabal gives part `cabal self-weight` to its own; after
//! one epoch from empty bonds the honest share of emission should not fall below the honest
//! share of stake. The figures there are contours over a grid of steps of 0.02, drawn from
//! other random numbers than these.

use mechanisms::yuma::{EpochInputs, Form, Hyperparameters, Rows, Scratch, epoch_into};
use rayon::prelude::*;
use serde_json::{Map, Value};
use sim_types::Stream;
use sim_types::fixed::I64F64;

use super::epochs::within_reach;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Shares of stake for which the documentation draws contours.
const HONEST_STAKES: [f64; 11] = [0.51, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99];
/// Steps of the honest weight between zero and one; the contour is interpolated between them.
const GRID: u16 = 50;
/// Steps of the cabal's self-weight between zero and one.
const CABAL_GRID: u16 = 10;

/// What a case sets.
#[derive(Clone, Copy)]
struct Setting {
    n: usize,
    validators: usize,
    stake_deviation: f64,
    weight_deviation: f64,
    hyperparameters: Hyperparameters,
    /// Part of the emission that goes to validators.
    validator_ratio: f64,
}

/// A network with an honest side and a cabal, weights not yet scaled by who is whose.
struct Network {
    setting: Setting,
    stake: Vec<I64F64>,
    /// For each uid, whether it is honest. Validators come first.
    honest: Vec<bool>,
    /// For each validator the weights on all servers, of each side summing to one.
    weights: Vec<Vec<f64>>,
}

impl Network {
    fn draw(setting: Setting, honest_stake: f64) -> Self {
        let mut draws = Stream::new(1, 0);
        let Setting { n, validators, .. } = setting;
        // At least one on each side.
        let part = |of: usize| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a part of a few thousand"
            )]
            let part = (honest_stake * of as f64) as usize;
            part.clamp(1, of - 1)
        };
        let (honest_validators, honest_servers) = (part(validators), part(n - validators));
        let honest: Vec<bool> = (0..n)
            .map(|uid| {
                if uid < validators {
                    uid < honest_validators
                } else {
                    uid - validators < honest_servers
                }
            })
            .collect();
        let around_one =
            |draws: &mut Stream, deviation: f64| (1.0 + deviation * draws.normal()).max(0.0);
        let mut stakes: Vec<f64> =
            (0..validators).map(|_| around_one(&mut draws, setting.stake_deviation)).collect();
        scale_sides(&mut stakes, honest_validators, honest_stake);
        let stake = stakes.iter().map(|s| s * 1e15).chain((validators..n).map(|_| 0.0));
        let weights = (0..validators)
            .map(|_| {
                let mut row: Vec<f64> = (validators..n)
                    .map(|_| around_one(&mut draws, setting.weight_deviation))
                    .collect();
                scale_sides(&mut row, honest_servers, 0.5);
                row.iter().map(|w| 2.0 * w).collect()
            })
            .collect();
        let stake = stake.map(|s| I64F64::saturating_from_f64(s).unwrap_or_default()).collect();
        Self { setting, stake, honest, weights }
    }

    /// The honest share of emission.
    fn honest_emission(&self, honest_weight: f64, cabal_weight: f64, memory: &mut Memory) -> f64 {
        let Setting { n, validators, hyperparameters, validator_ratio, .. } = self.setting;
        memory.weights.resize(n, Vec::new());
        for (uid, (row, weights)) in memory.weights.iter_mut().zip(&self.weights).enumerate() {
            let own = if self.honest[uid] { honest_weight } else { cabal_weight };
            let of = |server: usize, w: f64| {
                w * if self.honest[server] == self.honest[uid] { own } else { 1.0 - own }
            };
            let cells = || (validators..n).zip(weights).map(|(server, &w)| (server, of(server, w)));
            let max = cells().map(|cell| cell.1).fold(f64::MIN_POSITIVE, f64::max);
            row.clear();
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between zero and 65,535"
            )]
            let stored = |w: f64| (w / max * 65_535.0).round() as u16;
            row.extend(
                cells().map(|(server, w)| (u16::try_from(server).unwrap_or(u16::MAX), stored(w))),
            );
        }
        memory.bonds.resize(n, Vec::new());
        let (ones, zeros) = (vec![1; n], vec![0; n]);
        let inputs = EpochInputs {
            hyperparameters,
            stake: &self.stake,
            last_update: &ones,
            block_at_registration: &zeros,
            permits: &vec![true; n],
            weights: &memory.weights,
            bonds: &memory.bonds,
            owner: None,
            commit_blocks: None,
            block: 1,
            tempo: 1,
            last_step_block: None,
            emission: 1_000_000_000_000_000,
            form: Form::Sparse,
        };
        if epoch_into(&inputs, &mut memory.scratch, &mut memory.outputs).is_err() {
            return f64::NAN;
        }
        let share = |emission: &[u64]| {
            #[expect(clippy::cast_precision_loss, reason = "a share to nine digits")]
            let sum = |keep: &dyn Fn(usize) -> bool| {
                emission
                    .iter()
                    .enumerate()
                    .filter(|(uid, _)| keep(*uid))
                    .map(|e| *e.1 as f64)
                    .sum::<f64>()
            };
            let all = sum(&|_| true);
            if all > 0.0 { sum(&|uid| self.honest[uid]) / all } else { 0.0 }
        };
        let outputs = &memory.outputs;
        validator_ratio * share(&outputs.validator_emission)
            + (1.0 - validator_ratio) * share(&outputs.server_emission)
    }

    /// The least honest weight that keeps the honest share, one if none does. The search begins
    /// at `guess`, a step of the grid, and leaves there where it ended.
    fn required(
        &self,
        honest_stake: f64,
        cabal_weight: f64,
        guess: &mut u16,
        memory: &mut Memory,
    ) -> f64 {
        let at = |step: u16| f64::from(step) / f64::from(GRID);
        let mut gain =
            |step: u16| self.honest_emission(at(step), cabal_weight, memory) - honest_stake;
        // A bracket that doubles until the gain changes sign in it.
        let mut edge = (*guess, gain(*guess));
        let losing = edge.1 < 0.0;
        let mut stride = 1;
        let other = loop {
            let end = if losing { GRID } else { 0 };
            if edge.0 == end {
                *guess = end;
                return at(end);
            }
            let next =
                if losing { (edge.0 + stride).min(end) } else { edge.0.saturating_sub(stride) };
            let next = (next, gain(next));
            if (next.1 < 0.0) != losing {
                break next;
            }
            (edge, stride) = (next, stride * 2);
        };
        let (mut below, mut above) = if losing { (edge, other) } else { (other, edge) };
        while above.0 - below.0 > 1 {
            let middle = u16::midpoint(below.0, above.0);
            let side = (middle, gain(middle));
            if side.1 < 0.0 { below = side } else { above = side }
        }
        *guess = above.0;
        let part = -below.1 / (above.1 - below.1);
        at(below.0) + part * (at(above.0) - at(below.0))
    }
}

/// Scales the first `honest` values to sum to `share`, the others to the rest.
fn scale_sides(values: &mut [f64], honest: usize, share: f64) {
    let (own, others) = values.split_at_mut(honest);
    for (side, share) in [(own, share), (others, 1.0 - share)] {
        let sum: f64 = side.iter().sum();
        for x in side {
            *x *= share / sum;
        }
    }
}

#[derive(Default)]
struct Memory {
    weights: Rows,
    bonds: Rows,
    scratch: Scratch,
    outputs: mechanisms::yuma::EpochOutputs,
}

pub(super) fn contour(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (n, validators): (usize, usize) = (inputs.read("n")?, inputs.read("validators")?);
    within_reach(n, validators)?;
    if validators < 2 || n < validators + 2 {
        return Err(Stop::BadInput(format!("{validators} validators of {n} leave a side empty")));
    }
    let share = |name: &str| -> Result<f64, Stop> {
        let x: f64 = inputs.read(name)?;
        if (0.0..=1.0).contains(&x) {
            Ok(x)
        } else {
            Err(Stop::BadInput(format!("`{name}` is {x}")))
        }
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of u16")]
    let proportion = |x: f64| (x * 65_535.0) as u16;
    let setting = Setting {
        n,
        validators,
        stake_deviation: inputs.read("stake_stddev")?,
        weight_deviation: inputs.read("weight_stddev")?,
        hyperparameters: Hyperparameters {
            kappa: proportion(share("kappa")?),
            bonds_penalty: proportion(share("bonds_penalty")?),
            max_validators: u16::try_from(validators).unwrap_or(u16::MAX),
            ..Hyperparameters::default()
        },
        validator_ratio: share("validator_emission_ratio")?,
    };
    let contours: Vec<(f64, Vec<f64>)> = HONEST_STAKES
        .into_par_iter()
        .map(|honest_stake| {
            let network = Network::draw(setting, honest_stake);
            let (mut memory, mut guess) = (Memory::default(), GRID / 2);
            let required = (0..=CABAL_GRID).map(|step| {
                let cabal_weight = f64::from(step) / f64::from(CABAL_GRID);
                network.required(honest_stake, cabal_weight, &mut guess, &mut memory)
            });
            (honest_stake, required.collect())
        })
        .collect();
    let (mut worst, mut by_cabal_weight) = (Map::new(), Map::new());
    for (honest_stake, required) in contours {
        let max = required.iter().copied().fold(0.0, f64::max);
        worst.insert(honest_stake.to_string(), max.into());
        let tenths = required.iter().step_by(usize::from(CABAL_GRID / 10)).zip(0_u8..);
        let of = |(required, tenth): (&f64, u8)| {
            (format!("{:.1}", f64::from(tenth) / 10.0), Value::from(*required))
        };
        by_cabal_weight.insert(honest_stake.to_string(), Value::Object(tenths.map(of).collect()));
    }
    Ok(Quantities::one("max_required_honest_weight_by_honest_stake", worst)
        .and("required_honest_weight_by_honest_stake_and_cabal_self_weight", by_cabal_weight))
}
