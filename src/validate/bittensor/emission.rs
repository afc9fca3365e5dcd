//! Issuance, shares, gate, terms and splits.

use mechanisms::emission::gate::Gate;
use mechanisms::emission::issuance;
use mechanisms::emission::moving_price::{self, MovingPrice, Smoothing};
use mechanisms::emission::root;
use mechanisms::emission::shares;
use mechanisms::emission::split::{Parts, cut_fraction};
use mechanisms::emission::terms::{Cap, TermsInputs};
use mechanisms::pool::{Curve, Pool, weights::Weights};
use serde_json::{Value, json};
use sim_types::fixed::{I96F32, U64F64, U96F32};

use super::vectors::same_length;
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// A number as U64F64, as upstream's tests write prices.
pub(super) fn fixed(x: f64) -> Result<U64F64, Stop> {
    U64F64::saturating_from_f64(x)
        .filter(|_| x >= 0.0)
        .ok_or_else(|| Stop::BadInput(format!("{x} where a number from 0 on is expected")))
}

/// A number as U96F32; not by way of U64F64, which cannot hold as much.
fn coarse(x: f64) -> Result<U96F32, Stop> {
    U96F32::saturating_from_f64(x)
        .filter(|_| x >= 0.0)
        .ok_or_else(|| Stop::BadInput(format!("{x} where a number from 0 on is expected")))
}

fn all_fixed(values: &[f64]) -> Result<Vec<U64F64>, Stop> {
    values.iter().copied().map(fixed).collect()
}

/// A list, or a single number as a list of one.
pub(super) fn list(inputs: &Inputs<'_>, name: &str) -> Result<Option<Vec<f64>>, Stop> {
    match inputs.get(name) {
        Some(Value::Array(_)) => inputs.optional(name),
        _ => Ok(inputs.optional::<f64>(name)?.map(|x| vec![x])),
    }
}

fn floats(values: &[U64F64]) -> Vec<f64> {
    values.iter().map(|x| x.to_f64()).collect()
}

/// Emission for each issuance.
pub(super) fn block_emission(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let issuance = inputs.read::<Vec<u64>>("issuance")?;
    let emission: Vec<u64> = issuance.into_iter().map(issuance::block_emission).collect();
    Ok(Quantities::one("emission", emission))
}

/// The prices of a case, weighed by what miners keep; `root_prop_stored` plays no part in the
/// rule, which is what one of the cases is about, but `root_proportion` does in the rule of
/// runtimes 421 to 424.
fn demand(inputs: &Inputs<'_>, prices: &str) -> Result<Vec<U64F64>, Stop> {
    let mut shares = all_fixed(&inputs.read::<Vec<f64>>(prices)?)?;
    let count = shares.len();
    let per_subnet = |name: &str| -> Result<Option<Vec<f64>>, Stop> {
        let values: Option<Vec<f64>> = inputs.optional(name)?;
        if let Some(values) = &values {
            same_length(values.len(), count, &format!("`{name}` and `{prices}`"))?;
        }
        Ok(values)
    };
    let burned = per_subnet("miner_burned")?.unwrap_or_else(|| vec![0.0; count]);
    let burned: Vec<U96F32> = burned.into_iter().map(coarse).collect::<Result<_, _>>()?;
    let roots = per_subnet("root_proportion")?.unwrap_or_else(|| vec![1.0; count]);
    let roots = all_fixed(&roots)?;
    shares::by_price(&mut shares);
    shares::weigh(&mut shares, |i| roots[i].saturating_mul(shares::unburned(burned[i])));
    Ok(shares)
}

/// Leaves emission to the subnets that have it switched on.
fn switch(inputs: &Inputs<'_>, name: &str, shares: &mut [U64F64]) -> Result<(), Stop> {
    if let Some(enabled) = flags(inputs, name)? {
        same_length(enabled.len(), shares.len(), &format!("`{name}` and the subnets"))?;
        shares::enabled_only(shares, |i| enabled[i]);
    }
    Ok(())
}

/// A list of switches, written as true and false or 1 and 0.
pub(super) fn flags(inputs: &Inputs<'_>, name: &str) -> Result<Option<Vec<bool>>, Stop> {
    let Some(Value::Array(values)) = inputs.get(name) else { return Ok(None) };
    let flag = |value: &Value| value.as_bool().or_else(|| Some(value.as_f64()? > 0.0));
    let flags: Option<Vec<bool>> = values.iter().map(flag).collect();
    flags.map(Some).ok_or_else(|| Stop::BadInput(format!("input `{name}` is no list of switches")))
}

/// Shares by moving price and miner burn.
pub(super) fn subnet_shares(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let prices = if inputs.get("moving_price").is_some() { "moving_price" } else { "price" };
    let mut shares = demand(inputs, prices)?;
    switch(inputs, "enabled", &mut shares)?;
    let sum = shares::sum(&shares).to_f64();
    Ok(Quantities::one("shares", floats(&shares)).and("sum", sum))
}

/// Shares behind the Hill gate, and its bar.
pub(super) fn emission_gate(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let prices = ["price", "moving_price", "shares"].into_iter().find(|n| inputs.get(n).is_some());
    let mut shares = demand(inputs, prices.unwrap_or("price"))?;
    let gate = Gate {
        quantile: match inputs.optional("q")? {
            Some(q) => fixed(q)?,
            None => Gate::default().quantile,
        },
        exponent: match inputs.optional("h")? {
            Some(h) => fixed(h)?,
            None => Gate::default().exponent,
        },
        rank: match (inputs.optional::<u16>("rank")?, inputs.optional::<u16>("rank_mode")?) {
            (Some(rank), _) | (None, Some(rank)) => rank,
            (None, None) => 0,
        },
    };
    let mut scratch = Vec::new();
    let bar = match inputs.optional("theta")? {
        Some(theta) => fixed(theta)?,
        None => gate.bar(&shares, &mut scratch).unwrap_or_default(),
    };
    gate.apply(bar, &mut shares, &mut scratch);
    switch(inputs, "enabled", &mut shares)?;
    Ok(Quantities::one("theta", bar.to_f64()).and("shares", floats(&shares)))
}

/// A block's coinbase over subnets whose root proportion is one, so that all TAO is injected.
///
/// Subnets without a moving price have the stable mechanism, whose price is one. A case names
/// their number by a list of prices, of reserves or of switches, or it is one.
pub(super) fn coinbase_tao(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let emission: u64 = inputs.read("emission")?;
    let before = match inputs.get("initial_tao") {
        Some(Value::Array(_)) => inputs.read::<Vec<u64>>("initial_tao")?,
        _ => vec![inputs.optional::<u64>("initial_tao")?.unwrap_or(0)],
    };
    let steps = match inputs.get("enabled_steps") {
        Some(Value::Array(steps)) => steps.as_slice(),
        _ => &[],
    };
    let prices = list(inputs, "moving_price")?;
    let named = inputs.optional::<usize>("subnets")?;
    let count = prices
        .as_ref()
        .map(Vec::len)
        .or(named)
        .or_else(|| steps.first()?.as_array().map(Vec::len))
        .or(flags(inputs, "enabled")?.map(|f| f.len()))
        .unwrap_or(before.len());
    let mut base = all_fixed(&prices.unwrap_or_else(|| vec![1.0; count]))?;
    let burned = match inputs.optional::<Vec<f64>>("miner_burned")? {
        Some(burned) => burned.into_iter().map(coarse).collect::<Result<_, _>>()?,
        None => vec![U96F32::ZERO; count],
    };
    same_length(burned.len(), count, "`miner_burned` and the subnets")?;
    shares::by_price(&mut base);
    shares::weigh(&mut base, |i| shares::unburned(burned[i]));
    let reserve = |i: usize| before.get(i).or(before.first()).copied().unwrap_or(0);
    let initial = inputs.optional::<u64>("initial_issuance")?.unwrap_or(0);

    if !steps.is_empty() {
        let mut injected = Vec::new();
        for enabled in steps {
            let value = json!({ "enabled": enabled });
            let mut shares = base.clone();
            switch(&Inputs { value: &value, data: None }, "enabled", &mut shares)?;
            injected.push(tao_of(&shares, emission));
        }
        return Ok(Quantities::one("tao_in_steps", json!(injected)));
    }
    switch(inputs, "enabled", &mut base)?;
    let injected = tao_of(&base, emission);
    let reserves: Vec<u64> =
        injected.iter().enumerate().map(|(i, tao)| reserve(i).saturating_add(*tao)).collect();
    // What flooring leaves over is minted and recycled in the same block.
    let issued = initial.saturating_add(injected.iter().sum());
    Ok(Quantities::one("tao_reserve", reserves)
        .and("tao_in", injected.clone())
        .and("total_issuance", issued)
        .and("total_stake", issued))
}

fn tao_of(shares: &[U64F64], emission: u64) -> Vec<u64> {
    shares.iter().map(|&share| shares::of_emission(share, emission).to_u64()).collect()
}

/// The moving price after so many updates at one spot price.
pub(super) fn moving_price(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let signed = |x: f64| I96F32::saturating_from_f64(x).unwrap_or_default();
    let smoothing = Smoothing {
        alpha: inputs.optional("moving_alpha")?.map_or(moving_price::ALPHA, signed),
        halving_blocks: inputs.optional("halving_blocks")?.unwrap_or(moving_price::HALVING_BLOCKS),
    };
    let first = inputs.optional("first_emission_block")?.unwrap_or(0);
    let age = moving_price::age(first, inputs.read("block")?);
    let spot = fixed(inputs.read("spot")?)?;
    let factor = MovingPrice::Fine.factor(&smoothing, age);
    let mut price = signed(inputs.optional("start")?.unwrap_or(0.0));
    for _ in 0..inputs.optional::<u64>("updates")?.unwrap_or(1) {
        price = factor.next(price, spot);
    }
    Ok(Quantities::one("moving_price", price.to_f64()))
}

/// The owner's cut, for each of a list of cuts.
pub(super) fn owner_cut(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let alpha = U96F32::from(inputs.read::<u64>("alpha_out")?);
    let cuts = match inputs.need("cut_u16")? {
        Value::Array(_) => inputs.read::<Vec<u16>>("cut_u16")?,
        _ => vec![inputs.read("cut_u16")?],
    };
    let owner: Vec<u64> = cuts
        .into_iter()
        .map(|cut| Parts::of(alpha, cut_fraction(cut), U96F32::ZERO).owner)
        .collect();
    Ok(Quantities::one("owner_cut", owner))
}

/// The pending amounts of one block.
pub(super) fn pending_split(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let alpha = U96F32::from(inputs.read::<u64>("alpha_out")?);
    let cut = match inputs.optional::<f64>("owner_cut")? {
        Some(cut) => coarse(cut)?,
        None => cut_fraction(inputs.optional("cut_u16")?.unwrap_or(0)),
    };
    let parts = Parts::of(alpha, cut, coarse(inputs.read("root_proportion")?)?);
    let sold = inputs.optional("root_sell")?.unwrap_or(true);
    Ok(Quantities::one("server", parts.server)
        .and("validator", parts.validator)
        .and("root_alpha", if sold { parts.root } else { 0 })
        .and("root_recycled", if sold { 0 } else { parts.root })
        .and("owner", parts.owner)
        .and("owner_cut", parts.owner))
}

/// Weighted root TAO against a subnet's alpha.
pub(super) fn root_proportion(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let stored = match inputs.optional::<f64>("tao_weight")? {
        Some(part) if part <= 1.0 => coarse(part)?,
        Some(_) => root::tao_weight(inputs.read("tao_weight")?),
        None => root::tao_weight(root::TAO_WEIGHT),
    };
    let weighted = root::weighted_root_tao(inputs.read("root_tao")?, stored);
    let part = |name: &str| Ok(inputs.optional::<u64>(name)?.unwrap_or(0));
    let alpha = match inputs.optional::<u64>("alpha_issuance")? {
        Some(alpha) => alpha,
        None => part("alpha_in")?.saturating_add(part("alpha_out")?),
    };
    Ok(Quantities::one("root_proportion", root::root_proportion(weighted, alpha).to_f64()))
}

/// What a subnet's pool is given.
///
/// A case states real numbers, among them a price that 32 fraction bits resolve to a few parts
/// in 10^9, beside amounts of 10^9 whose small differences it expects. Alpha is therefore
/// counted in units of 2^29, which the rule does not notice and the price gains 29 bits by.
pub(super) fn subnet_terms(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    const UNIT: f64 = 536_870_912.0;
    let alpha = |x: U96F32| x.to_f64() * UNIT;
    let terms = Cap::RootOrBuy.terms(&TermsInputs {
        tao: coarse(inputs.read("tao_emission")?)?,
        price: coarse(inputs.read::<f64>("price")? * UNIT)?,
        alpha_emission: coarse(inputs.read::<f64>("alpha_emission")? / UNIT)?,
        root_proportion: coarse(inputs.optional("root_proportion")?.unwrap_or(1.0))?,
        block_emission: u64::MAX,
    });
    Ok(Quantities::one("tao_in", terms.tao_in.to_f64())
        .and("alpha_in", alpha(terms.alpha_in))
        .and("alpha_out", alpha(terms.alpha_out))
        .and("excess_tao", terms.excess_tao.to_f64()))
}

/// An injection into a weighted pool: what was taken, the weights and the price after.
pub(super) fn adjust_protocol_liquidity(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let weights = super::pool::weights(inputs)?.unwrap_or_else(Weights::default);
    let (tao, alpha) = super::pool::reserves(inputs)?;
    let mut pool = Pool::new(tao, alpha, Curve::Weighted(weights));
    let before = pool.price();
    let times = inputs.optional::<u64>("iterations")?.unwrap_or(1);
    let delta = (inputs.read("tao_delta")?, inputs.read("alpha_delta")?);
    let mut taken = (0, 0);
    for _ in 0..times {
        taken = pool.inject(delta.0, delta.1);
    }
    Ok(Quantities::one("price", pool.price().to_f64())
        .and("price_before", before.to_f64())
        .and("price_after", pool.price().to_f64())
        .and("w_quote", super::pool::quote_weight(&pool))
        .and("tao", taken.0)
        .and("alpha", taken.1))
}
