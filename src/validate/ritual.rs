//! Evaluators of the kinds `ritual.*` that are built: fees by EIP-1559.

use mechanisms::fee::base_fee::BaseFee;

use super::evaluator::{Evaluate, Quantities, Stop};
use super::inputs::Inputs;

/// Kind and evaluator.
pub const EVALUATORS: &[(&str, Evaluate)] = &[
    ("ritual.eip1559_step", step),
    ("ritual.eip1559_sequence", sequence),
    ("ritual.eip1559_gas_limit_valid", gas_limit_valid),
];

fn rule(inputs: &Inputs<'_>) -> Result<BaseFee, Stop> {
    let read = |name, usual| Ok::<u64, Stop>(inputs.optional(name)?.unwrap_or(usual));
    BaseFee::new(read("elasticity", 2)?, read("denominator", 8)?)
        .map_err(|error| Stop::BadInput(error.to_string()))
}

fn next(rule: BaseFee, base_fee: u64, gas_limit: u64, gas_used: u64) -> Result<u64, Stop> {
    let bad = |words: &str| Stop::BadInput(words.to_owned());
    let fee = rule
        .next(base_fee.into(), gas_limit, gas_used)
        .ok_or_else(|| bad("input `gas_limit` is below the elasticity, which leaves no target"))?;
    u64::try_from(fee).map_err(|_| bad("the base fee leaves 64 bits"))
}

/// The base fee after one block.
fn step(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let fee = next(
        rule(inputs)?,
        inputs.read("base_fee")?,
        inputs.read("gas_limit")?,
        inputs.read("gas_used")?,
    )?;
    Ok(Quantities::one("next_base_fee", fee))
}

/// The base fees before, between and after several blocks.
fn sequence(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (rule, limit) = (rule(inputs)?, inputs.read("gas_limit")?);
    let mut fees: Vec<u64> = vec![inputs.read("start_base_fee")?];
    for used in inputs.read::<Vec<u64>>("gas_used")? {
        fees.push(next(rule, fees[fees.len() - 1], limit, used)?);
    }
    Ok(Quantities::one("base_fees", fees))
}

/// Whether a block may follow its parent with this gas limit.
fn gas_limit_valid(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (parent, limit) = (inputs.read("parent_gas_limit")?, inputs.read("gas_limit")?);
    Ok(Quantities::one("valid", BaseFee::allows_limit(parent, limit)))
}
