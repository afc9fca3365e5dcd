//! Cases of the simulator that the variants of Yuma were compared with.
//!
//! Schedules after bactensor/yuma-simulation @ 2b976fd5c850ccb4488fb20b3fa6937e80ac9145,
//! `src/yuma_simulation/_internal/cases.py`; parameters of the versions after its
//! `scripts/charts_table_generator.py`.

use mechanisms::yuma::simulator::{Parameters, Simulator, Tensor, Variant};
use serde_json::{Map, Value};

use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Servers 1 and 2 as rows of weights.
const FIRST: [f32; 2] = [1.0, 0.0];
const SECOND: [f32; 2] = [0.0, 1.0];

/// Server 1 or 2 for each of three validators.
type Choice = [u8; 3];

/// What validators do, epoch by epoch.
struct Schedule {
    weights: fn(usize) -> Tensor,
    stake: fn(usize) -> [f32; 3],
    /// Which server loses all bonds, and before which epoch.
    reset: Option<(usize, usize)>,
}

fn all(choice: Choice) -> Tensor {
    choice.iter().map(|&server| if server == 1 { FIRST } else { SECOND }.to_vec()).collect()
}

/// Starts with everybody on server 1, goes through `steps`, then stays.
fn steps(epoch: usize, steps: &[Choice], then: Choice) -> Tensor {
    all(if epoch == 0 { [1; 3] } else { *steps.get(epoch - 1).unwrap_or(&then) })
}

/// [`steps`] to server 2, and from epoch 21 on `back` to server 1.
fn and_back(epoch: usize, there: &[Choice], back: &[Choice]) -> Tensor {
    match epoch.checked_sub(21) {
        None => steps(epoch, there, [2; 3]),
        Some(epoch) => all(*back.get(epoch).unwrap_or(&[1; 3])),
    }
}

/// Case 2 with a third server that takes `stable` of every row.
fn with_stable(epoch: usize, stable: f32) -> Tensor {
    let two = steps(epoch, &[[1, 2, 1], [2, 2, 1]], [2; 3]);
    let part = 1.0 - stable;
    two.iter().map(|row| vec![row[0] * part, row[1] * part, stable]).collect()
}

fn uneven(_: usize) -> [f32; 3] {
    [0.8, 0.1, 0.1]
}

fn schedule(case: u16) -> Option<Schedule> {
    let plain = |weights| Schedule { weights, stake: uneven, reset: None };
    let resetting =
        |weights, server, epoch| Schedule { weights, stake: uneven, reset: Some((server, epoch)) };
    Some(match case {
        1 => plain(|e| steps(e, &[[2, 1, 1], [2, 2, 1]], [2; 3])),
        2 => plain(|e| steps(e, &[[1, 2, 1], [2, 2, 1]], [2; 3])),
        3 => plain(|e| steps(e, &[[1, 2, 1], [1, 2, 2]], [2; 3])),
        4 => plain(|e| steps(e, &[], [2; 3])),
        5 => resetting(|e| and_back(e, &[[1, 2, 2]], &[[2, 1, 2], [2, 1, 1]]), 1, 20),
        6 => resetting(|e| and_back(e, &[[1, 2, 1], [2, 2, 1]], &[]), 0, 21),
        7 => resetting(|e| and_back(e, &[[1, 2, 2]], &[[2, 2, 1]]), 0, 21),
        8 => resetting(|e| and_back(e, &[[1, 2, 2]], &[[2, 1, 1]]), 1, 20),
        9 => Schedule {
            weights: |_| all([2; 3]),
            stake: |e| if e <= 5 { [0.8, 0.1, 0.1] } else { [0.8, 0.2, 0.0] },
            reset: None,
        },
        10 => plain(|e| {
            let lagging = [1, 2, 1];
            steps(e, &[[lagging; 9].as_slice(), &[[2, 2, 1]]].concat(), [2; 3])
        }),
        11 => Schedule {
            weights: |e| {
                let third = if e < 20 { [0.61, 0.39] } else { [0.3, 0.61] };
                [[0.3, 0.7], [0.6, 0.4], third].map(|row| row.to_vec()).to_vec()
            },
            stake: |_| [0.49, 0.49, 0.02],
            reset: None,
        },
        12 => resetting(
            |e| {
                let mut weights = and_back(e, &[], &[]);
                weights[1] =
                    weights[0].iter().map(|&w| if w > 0.0 { 0.999 } else { 0.001 }).collect();
                weights
            },
            1,
            20,
        ),
        13 => resetting(
            |e| {
                let half = vec![0.5, 0.5];
                let third = if e <= 20 { SECOND.to_vec() } else { half.clone() };
                vec![SECOND.to_vec(), half, third]
            },
            0,
            20,
        ),
        14 => Schedule {
            weights: |e| all(if e == 20 { [1, 1, 2] } else { [1; 3] }),
            stake: |_| [0.33, 0.33, 0.34],
            reset: None,
        },
        15 => plain(|e| with_stable(e, 0.25)),
        16 => plain(|e| with_stable(e, 0.5)),
        17 => plain(|e| with_stable(e, 0.75)),
        18 => plain(|e| with_stable(e, 0.9)),
        _ => return None,
    })
}

fn parameters(version: &str, bond_penalty: f32) -> Option<Parameters> {
    let usual = Parameters {
        variant: Variant::Yuma2,
        kappa: 0.5,
        bond_penalty,
        bond_moving_average: 0.1,
        liquid_alpha: false,
        alpha_low: 0.1,
        alpha_high: 0.3,
        alpha_sigmoid_steepness: 10.0,
        capacity_alpha: 0.1,
        decay_rate: 0.1,
    };
    let yuma3 = Parameters { variant: Variant::Yuma3, bond_moving_average: 0.975, ..usual };
    Some(match version {
        "YUMA1" => Parameters { variant: Variant::Yuma1, bond_moving_average: 0.0, ..usual },
        "YUMA2" => usual,
        "YUMA2B" => Parameters { variant: Variant::Yuma2B, ..usual },
        "YUMA2C" => Parameters { variant: Variant::Yuma2C, ..usual },
        "YUMA3" => yuma3,
        "YUMA3_LIQUID" => Parameters { liquid_alpha: true, ..yuma3 },
        _ => return None,
    })
}

/// What a validator of this stake earns for each 1,000 TAO of it in one epoch: the validators
/// of the simulated subnet of a million TAO share 41 of 100 TAO.
fn per_thousand(dividend: f32, stake: f32) -> f64 {
    let thousands = f64::from(stake * 1_000_000.0 / 1_000.0);
    if thousands > 1e-6 { f64::from(0.41 * dividend * 100.0) / thousands } else { 0.0 }
}

pub(super) fn yumasim(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (case, version): (u16, String) = (inputs.read("case")?, inputs.read("version")?);
    let Some(schedule) = schedule(case) else {
        return Err(Stop::NotCovered(format!(
            "case {case}: cases from 19 on draw from a generator that is not built"
        )));
    };
    #[expect(clippy::cast_possible_truncation, reason = "single precision is the dialect")]
    let penalty = inputs.read::<f64>("bond_penalty")? as f32;
    let Some(parameters) = parameters(&version, penalty) else {
        return Err(Stop::NotCovered(format!("version {version}")));
    };
    let epochs: u16 = inputs.optional("epochs")?.unwrap_or(40);
    let mut simulator = Simulator::new(parameters);
    let mut total = [0.0_f64; 3];
    let (mut dividends, mut bonds, mut incentive) = (Map::new(), Map::new(), Map::new());
    for epoch in 0..usize::from(epochs) {
        if let Some((server, _)) = schedule.reset.filter(|reset| reset.1 == epoch) {
            simulator.reset_bonds(server);
        }
        let stake = (schedule.stake)(epoch);
        let outcome = simulator.step(&(schedule.weights)(epoch), &stake);
        let earned: Vec<f64> =
            outcome.dividends.iter().zip(stake).map(|(&d, s)| per_thousand(d, s)).collect();
        total.iter_mut().zip(&earned).for_each(|(total, earned)| *total += earned);
        let numbers = |row: &[f32]| row.iter().map(|&x| f64::from(x)).collect::<Value>();
        dividends.insert(epoch.to_string(), earned.into());
        bonds.insert(epoch.to_string(), outcome.bonds.iter().map(|row| numbers(row)).collect());
        incentive.insert(epoch.to_string(), numbers(&outcome.incentive));
    }
    Ok(Quantities::one("total_dividends", total.to_vec())
        .and("dividends_per_1000_tao", dividends)
        .and("bonds", bonds)
        .and("incentive", incentive))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every case is a schedule of three validators with rows of equal length.
    #[test]
    fn schedules_are_whole() {
        for case in 1..=18 {
            let schedule = schedule(case).unwrap();
            for epoch in 0..50 {
                let weights = (schedule.weights)(epoch);
                assert_eq!(weights.len(), 3);
                assert!(weights.iter().all(|row| row.len() == weights[0].len()), "{case}");
            }
        }
        assert!(schedule(0).is_none() && schedule(19).is_none());
    }
}
