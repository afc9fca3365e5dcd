//! The chain's two forms of the epoch, which are meant to agree.

use mechanisms::yuma::{EpochOutputs, Form};

use super::epochs::{Subnet, within_reach};
use super::random::Xorshift;
use crate::validate::evaluator::{Computed, Quantities, Stop};
use crate::validate::inputs::Inputs;

const STATEMENT: &str =
    "dense and sparse epochs give identical rank, incentive, dividends, emission and bonds";

/// Runs both forms on random subnets, for each penalty and for servers that weight themselves
/// or do not. The distance is the largest difference of any output in its own unit.
pub(super) fn property(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (n, validators): (usize, usize) = (inputs.read("n")?, inputs.read("validators")?);
    within_reach(n, validators)?;
    let mut distance = 0.0_f64;
    for penalty in inputs.read::<Vec<u16>>("bonds_penalty")? {
        for self_weight in inputs.read::<Vec<bool>>("server_self_weight")? {
            let mut subnet = draw(n, validators, self_weight);
            subnet.hyperparameters.bonds_penalty = penalty;
            let sparse = two_epochs(&mut subnet)?;
            let mut subnet = draw(n, validators, self_weight);
            subnet.hyperparameters.bonds_penalty = penalty;
            subnet.form = Form::Dense;
            for (sparse, dense) in sparse.iter().zip(two_epochs(&mut subnet)?) {
                distance = distance.max(apart(sparse, &dense));
            }
        }
    }
    Ok(Quantities::one("property", Computed::Property { statement: STATEMENT, distance }))
}

/// Random stakes of validators, random weights toward all servers; every ninth uid is one of
/// the validators, as far as they go.
fn draw(n: usize, validators: usize, self_weight: bool) -> Subnet {
    let mut draws = Xorshift::seeded(n as u64);
    let step = (n / validators.max(1)).max(1);
    let validates = |uid: usize| uid.is_multiple_of(step) && uid / step < validators;
    let uid = |uid: usize| u16::try_from(uid).unwrap_or(u16::MAX);
    let weight = |x: u64| u16::try_from(x % 65_536).unwrap_or(u16::MAX);
    let stake = (0..n).map(|uid| if validates(uid) { draws.next() >> 24 } else { 0 }).collect();
    let mut subnet = Subnet::new(stake);
    for row in 0..n {
        subnet.weights[row] = if validates(row) {
            let servers = (0..n).filter(|&server| !validates(server));
            servers.map(|server| (uid(server), weight(draws.next()))).collect()
        } else if self_weight {
            vec![(uid(row), u16::MAX)]
        } else {
            Vec::new()
        };
    }
    subnet.hyperparameters.max_validators = uid(validators);
    subnet
}

fn two_epochs(subnet: &mut Subnet) -> Result<[EpochOutputs; 2], Stop> {
    let first = subnet.step()?;
    subnet.block += subnet.tempo;
    Ok([first, subnet.step()?])
}

fn apart(a: &EpochOutputs, b: &EpochOutputs) -> f64 {
    let shares = [
        (&a.consensus, &b.consensus),
        (&a.incentive, &b.incentive),
        (&a.dividends, &b.dividends),
        (&a.validator_trust, &b.validator_trust),
    ];
    let shares = shares.into_iter().flat_map(|(a, b)| a.iter().zip(b));
    let shares = shares.map(|(a, b)| f64::from(a.abs_diff(*b)));
    #[expect(clippy::cast_precision_loss, reason = "a difference that should be none")]
    let emission = a.emission.iter().zip(&b.emission).map(|(a, b)| a.abs_diff(*b) as f64);
    let bonds = if a.bonds == b.bonds { 0.0 } else { 1.0 };
    shares.chain(emission).fold(bonds, f64::max)
}
