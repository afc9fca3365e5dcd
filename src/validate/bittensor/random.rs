//! Epochs of subnets drawn by the generator that the case spells out.

use mechanisms::yuma::{EpochOutputs, Rows};
use serde_json::{Value, json};

use super::epochs::{Subnet, within_reach};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Marsaglia's xorshift with shifts 13, 7, 17.
pub(super) struct Xorshift(u64);

impl Xorshift {
    pub(super) fn seeded(seed: u64) -> Self {
        Self(seed.wrapping_mul(2_654_435_761).wrapping_add(88_172_645_463_325_252))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Stake and weights of `validators` toward the other uids.
fn draw(n: usize, validators: usize, density: f64, seed: u64) -> (Vec<u64>, Rows) {
    let mut draws = Xorshift::seeded(seed);
    let (mut stake, mut weights) = (vec![0; n], vec![Vec::new(); n]);
    for (stake, row) in stake.iter_mut().zip(&mut weights).take(validators) {
        *stake = 1_000_000_000_000 + draws.next() % 100_000_000_000_000;
        for server in validators..n {
            #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
            let u = (draws.next() >> 11) as f64 / (1_u64 << 53) as f64;
            if u < density {
                let weight = 1 + draws.next() % 65_535;
                let cell = (u16::try_from(server), u16::try_from(weight));
                row.push((cell.0.unwrap_or(u16::MAX), cell.1.unwrap_or(u16::MAX)));
            }
        }
    }
    (stake, weights)
}

pub(super) fn big_random(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (n, validators) = (inputs.read("n")?, inputs.read("validators")?);
    within_reach(n, validators)?;
    let (stake, weights) = draw(n, validators, inputs.read("density")?, inputs.read("seed")?);
    let sum_of_weights: u64 = weights.iter().flatten().map(|cell| u64::from(cell.1)).sum();
    for (name, sum) in
        [("checksum_weights", sum_of_weights), ("checksum_stake", stake.iter().sum())]
    {
        if let Some(want) = inputs.optional::<u64>(name)?.filter(|&want| want != sum) {
            return Err(Stop::BadInput(format!(
                "`{name}` is {want}, but the generator gives {sum}"
            )));
        }
    }
    let mut subnet = Subnet::new(stake);
    subnet.weights = weights;
    subnet.merge(inputs)?;
    let mut epochs = Vec::new();
    for value in inputs.need("epochs")?.as_array().into_iter().flatten() {
        subnet.merge(&Inputs { value, ..*inputs })?;
        epochs.push(summary(&subnet.step()?, validators));
    }
    Ok(Quantities::one("epochs", epochs))
}

/// Servers' and validators' vectors apart, and the first sixteen bonds of the first validator.
fn summary(outputs: &EpochOutputs, validators: usize) -> Value {
    let first = outputs.bonds.first().into_iter().flatten();
    let bonds: Vec<u16> = first.map(|cell| cell.1).take(16).collect();
    json!({
        "consensus": outputs.consensus[validators..],
        "incentive": outputs.incentive[validators..],
        "dividends": outputs.dividends[..validators],
        "validator_trust": outputs.validator_trust[..validators],
        "emission": outputs.emission,
        "bonds_row0": bonds,
    })
}
