//! Registration and pruning.

use mechanisms::registration::lock::{LOCK_INTERVAL, LockCost, MIN_LOCK};
use mechanisms::registration::prune::{
    IMMUNITY_PERIOD, MIN_NON_IMMUNE, Neuron, is_immune, neuron_to_prune as prune,
};
use mechanisms::registration::subnets;
use serde_json::Value;

use super::emission::{fixed, flags};
use super::vectors::same_length;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::{Inputs, integer};

/// A number, or the default where the case says in words that its source took one of its own.
fn number_or(inputs: &Inputs<'_>, name: &str, default: u64) -> Result<u64, Stop> {
    match inputs.get(name) {
        Some(Value::String(words)) if integer(&Value::from(words.as_str())).is_none() => {
            Ok(default)
        }
        _ => Ok(inputs.optional(name)?.unwrap_or(default)),
    }
}

/// The price of a subnet, so many blocks after the last.
pub(super) fn lock_cost(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let first = inputs.optional("first")?.unwrap_or(false);
    let cost = LockCost {
        last_lock: inputs.read("last_lock")?,
        // Any block but 0, which stands for none.
        last_block: inputs.optional("last_block")?.unwrap_or(u64::from(!first)),
        min_lock: number_or(inputs, "min_lock", MIN_LOCK)?,
        interval: number_or(inputs, "interval", LOCK_INTERVAL)?,
    };
    let since = match inputs.need("blocks_since")? {
        Value::Array(_) => inputs.read::<Vec<u64>>("blocks_since")?,
        _ => vec![inputs.read("blocks_since")?],
    };
    let costs = since.into_iter().map(|blocks| cost.at(cost.last_block.saturating_add(blocks)));
    Ok(Quantities::one("cost", costs.collect::<Vec<u64>>()))
}

/// The median of the prices of each case.
pub(super) fn median_subnet_price(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let cases = match inputs.get("cases") {
        Some(_) => inputs.read::<Vec<Vec<f64>>>("cases")?,
        None => vec![inputs.read::<Vec<f64>>("prices")?],
    };
    let median = |prices: Vec<f64>| {
        let prices = prices.into_iter().map(fixed).collect::<Result<Vec<_>, Stop>>()?;
        Ok(subnets::median_price(&prices).to_f64())
    };
    Ok(Quantities::one("median", cases.into_iter().map(median).collect::<Result<Vec<_>, Stop>>()?))
}

/// The uid that makes room; null where there is none.
pub(super) fn neuron_to_prune(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let emission: Option<Vec<u64>> = inputs.optional("emission")?;
    let registered: Option<Vec<u64>> = inputs.optional("registered_at")?;
    let immune = flags(inputs, "immune")?;
    let immortal = match flags(inputs, "immortal")? {
        Some(flags) => Some(flags),
        None => flags(inputs, "owner_immortal")?,
    };
    let lengths = [
        emission.as_ref().map(Vec::len),
        registered.as_ref().map(Vec::len),
        immune.as_ref().map(Vec::len),
    ];
    let count = lengths.into_iter().flatten().max().ok_or_else(|| {
        Stop::BadInput("one of `emission`, `registered_at` and `immune` is needed".to_owned())
    })?;
    for length in lengths.into_iter().flatten().chain(immortal.as_ref().map(Vec::len)) {
        same_length(length, count, "lists of neurons")?;
    }
    let registered = registered.unwrap_or_else(|| vec![0; count]);
    let period = inputs.optional("immunity_period")?.unwrap_or(IMMUNITY_PERIOD);
    let latest = registered.iter().copied().max().unwrap_or(0);
    let block = inputs.optional("block")?.unwrap_or(latest);
    let owner: Option<usize> = inputs.optional("owner")?;
    let neurons: Vec<Neuron> = (0..count)
        .map(|uid| Neuron {
            emission: emission.as_ref().map_or(0, |e| e[uid]),
            registered_at: registered[uid],
            immune: immune
                .as_ref()
                .map_or_else(|| is_immune(registered[uid], block, period), |immune| immune[uid]),
            immortal: immortal.as_ref().is_some_and(|flags| flags[uid]) || owner == Some(uid),
        })
        .collect();
    let floor = inputs.optional("min_non_immune")?.unwrap_or(MIN_NON_IMMUNE);
    let uid = prune(&neurons, floor).map_or(Value::Null, Value::from);
    Ok(Quantities::one("uid", uid))
}
