//! Pools and swaps.

use mechanisms::pool::weights::{self, SCALE, Weights};
use mechanisms::pool::{Curve, FEE_RATE, Pool, Side, Trade, TradeError};
use serde_json::{Value, json};
use sim_types::fixed::ratio;

use super::emission::{fixed, list};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::{FromInput, Inputs, integer};

/// A TAO weight: a pair `[part, whole]`, or a number that upstream's tests write with nine or
/// eighteen decimals.
fn weight_of(value: &Value) -> Result<Weights, Stop> {
    let found = if let Some((part, whole)) = <(u64, u64)>::from_input(value) {
        Weights::from_ratio(part.into(), whole.into())
    } else if let Some(x) = f64::from_input(value).filter(|x| (0.0..=1.0).contains(x)) {
        decimal(x).and_then(Weights::new)
    } else {
        integer(value).and_then(|parts| Weights::new(u64::try_from(parts).ok()?))
    };
    found.ok_or_else(|| {
        Stop::BadInput(format!(
            "a TAO weight of {value}, expected a number or pair in 0.01 ..= 0.99"
        ))
    })
}

/// The number of 10^-18 that a decimal stands for: through its digits, since the nearest double
/// of 0.1 is not 0.1.
fn decimal(x: f64) -> Option<u64> {
    let text = format!("{x:.18}");
    // Fifteen digits name a double; what follows is the double's own.
    let digits = format!("{x:.15}");
    let text = if digits.parse() == Ok(x) { digits } else { text };
    let (whole, fraction) = text.split_once('.')?;
    let padded = format!("{fraction:0<18}");
    whole.parse::<u64>().ok()?.checked_mul(SCALE)?.checked_add(padded.get(..18)?.parse().ok()?)
}

/// The weights of a case, if it names any.
pub(super) fn weights(inputs: &Inputs<'_>) -> Result<Option<Weights>, Stop> {
    inputs.get("w_quote").map(weight_of).transpose()
}

fn weights_or_equal(inputs: &Inputs<'_>) -> Result<Weights, Stop> {
    Ok(weights(inputs)?.unwrap_or_default())
}

/// TAO and alpha.
pub(super) fn reserves(inputs: &Inputs<'_>) -> Result<(u64, u64), Stop> {
    Ok((inputs.read("tao_reserve")?, inputs.read("alpha_reserve")?))
}

/// The TAO weight of a weighted pool as a fraction.
#[expect(clippy::cast_precision_loss, reason = "a weight is reported as a double")]
pub(super) fn quote_weight(pool: &Pool) -> f64 {
    match pool.curve() {
        Curve::Weighted(weights) => weights.quote() as f64 / SCALE as f64,
        _ => 0.5,
    }
}

/// The power in the formula of a swap.
pub(super) fn balancer_exp(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let weights = weights_or_equal(inputs)?;
    let reserve: u64 = inputs.read("reserve")?;
    let delta = integer(inputs.need("delta")?)
        .ok_or_else(|| Stop::BadInput("input `delta` is no integer".to_owned()))?;
    let selling = match inputs.get("exponent").and_then(Value::as_str) {
        None | Some("w_base/w_quote") => inputs.optional("base_quote")?.unwrap_or(true),
        Some("w_quote/w_base") => false,
        Some(other) => {
            return Err(Stop::BadInput(format!(
                "input `exponent` is \"{other}\", expected w_base/w_quote or w_quote/w_base"
            )));
        }
    };
    let size = u64::try_from(delta.unsigned_abs()).unwrap_or(u64::MAX);
    let after = if delta < 0 { reserve.saturating_sub(size) } else { reserve.saturating_add(size) };
    Ok(Quantities::one("value", weights.factor(reserve, after, selling).to_f64()))
}

/// The price of a weighted pool.
pub(super) fn balancer_price(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (tao, alpha) = reserves(inputs)?;
    Ok(Quantities::one("price", weights_or_equal(inputs)?.price(tao, alpha).to_f64()))
}

/// Products with a weight, rounded to the nearest. Inputs name the weight: a list of values
/// for each.
pub(super) fn mul_perquintill_round(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    const WORDS: [(&str, u64); 7] = [
        ("zero", 0),
        ("one", SCALE),
        ("half", SCALE / 2),
        ("third", SCALE / 3),
        ("quarter", SCALE / 4),
        ("fifth", SCALE / 5),
        ("seven_tenths", SCALE / 10 * 7),
    ];
    let fields = inputs.value.as_object().into_iter().flatten();
    let mut out = Quantities::default();
    if let (Some(p), Some(value)) = (inputs.get("p"), inputs.get("value")) {
        let weight = proportion(p)?;
        let value = integer(value)
            .and_then(|v| u128::try_from(v).ok())
            .ok_or_else(|| Stop::BadInput("input `value` is no integer from 0 on".to_owned()))?;
        return Ok(Quantities::one("result", rounded(weight, value)));
    }
    for (name, values) in fields {
        let Some(&(_, weight)) = WORDS.iter().find(|(word, _)| word == name) else {
            return Err(Stop::NotCovered(format!("no proportion is called `{name}`")));
        };
        let values: Vec<u64> = Vec::from_input(values)
            .ok_or_else(|| Stop::BadInput(format!("input `{name}` is no list of integers")))?;
        let rounded: Vec<Value> =
            values.into_iter().map(|value| rounded(weight, value.into())).collect();
        out = out.and(name, Value::from(rounded));
    }
    Ok(out)
}

fn proportion(value: &Value) -> Result<u64, Stop> {
    let pair = <(u64, u64)>::from_input(value)
        .and_then(|(part, whole)| ratio::proportion(part.into(), whole.into(), SCALE));
    let number = || decimal(f64::from_input(value).filter(|x| (0.0..=1.0).contains(x))?);
    pair.or_else(number)
        .ok_or_else(|| Stop::BadInput(format!("a proportion of {value}, expected one in 0 ..= 1")))
}

fn rounded(weight: u64, value: u128) -> Value {
    let product = weights::multiply_round(weight, value);
    u64::try_from(product).map_or_else(|_| Value::from(product.to_string()), Value::from)
}

/// The alpha to be sold for an amount of TAO.
pub(super) fn base_needed_for_quote(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (tao, alpha) = reserves(inputs)?;
    let needed =
        weights_or_equal(inputs)?.base_needed_for_quote(tao, alpha, inputs.read("tao_delta")?);
    Ok(Quantities::one("alpha", needed))
}

/// What each row of a table would pay, sold and bought.
pub(super) fn swap_deltas(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let columns: Vec<String> = inputs.read("columns")?;
    let Some(rows) = inputs.need("rows")?.as_array() else {
        return Err(Stop::BadInput("input `rows` is no list".to_owned()));
    };
    let (mut sold, mut bought) = (Vec::new(), Vec::new());
    for (number, row) in rows.iter().enumerate() {
        let cell = |name: &str| {
            let at = columns.iter().position(|column| column == name);
            at.and_then(|at| row.get(at))
                .ok_or_else(|| Stop::BadInput(format!("row {} has no `{name}`", number + 1)))
        };
        let amount = |name: &str| {
            u64::from_input(cell(name)?).ok_or_else(|| {
                Stop::BadInput(format!("`{name}` of row {} is no integer", number + 1))
            })
        };
        let weights = weight_of(cell("w_quote")?)?;
        let (tao, alpha, delta) = (amount("tao")?, amount("alpha")?, amount("delta_in")?);
        sold.push(weights.sale_proceeds(tao, alpha, delta));
        bought.push(weights.purchase_proceeds(tao, alpha, delta));
    }
    Ok(Quantities::one("sell_alpha_out_tao", sold).and("buy_tao_out_alpha", bought))
}

/// A limit price of a case, in TAO for one alpha, as rao.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a float saturates")]
fn limit(inputs: &Inputs<'_>) -> Result<Option<u64>, Stop> {
    Ok(inputs.optional::<f64>("limit_price")?.map(|price| (price * 1e9) as u64))
}

/// One trade with a weighted pool.
pub(super) fn swap(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    if let (Some(Value::String(rule)), None) = (inputs.get("rule"), inputs.get("amount_in")) {
        return rule_of_size(rule);
    }
    let (tao, alpha) = reserves(inputs)?;
    let side = match inputs.read::<String>("side")?.as_str() {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => {
            return Err(Stop::BadInput(format!(
                "input `side` is \"{other}\", expected buy or sell"
            )));
        }
    };
    let rate = inputs.optional("fee_rate_u16")?.unwrap_or(FEE_RATE);
    let curve = Curve::Weighted(weights_or_equal(inputs)?);
    let mut pool = Pool::new(tao, alpha, curve).with_fee_rate(rate);
    let before = pool.price();
    let mut trade = Trade::new(side, inputs.read("amount_in")?);
    trade.limit = limit(inputs)?.unwrap_or(trade.limit);
    trade.fee_free = inputs.optional("drop_fees")?.unwrap_or(false);
    Ok(match pool.trade(trade) {
        Ok(filled) => Quantities::one("fee", filled.fee)
            .and("reserve_in_delta", filled.paid_in)
            .and("amount_out", filled.paid_out)
            .and("refund", filled.refund(trade.amount))
            .and("price_before", before.to_f64())
            .and("price_after", pool.price().to_f64())
            .and("error", Value::Null),
        Err(error) => refused(error),
    })
}

fn refused(error: TradeError) -> Quantities {
    Quantities::one("error", error.name())
}

/// The limit of a trade's size, on a pool that refuses for no other reason: one unit beyond
/// 1,000 times the input reserve, and exactly that.
fn rule_of_size(rule: &str) -> Result<Quantities, Stop> {
    if !rule.contains("input reserve") {
        return Err(Stop::NotCovered(format!("no rule of swaps is called \"{rule}\"")));
    }
    let reserve = 1_000_000_000;
    let outcome = |amount: u64| {
        let pool = Pool::new(reserve, reserve, Curve::Weighted(Weights::default()));
        let buy = pool.quote(Trade::new(Side::Buy, amount).fee_free());
        let sell = pool.quote(Trade::new(Side::Sell, amount).fee_free());
        match (buy, sell) {
            (Ok(_), Ok(_)) => "accepted",
            (Err(a), Err(b)) if a.name() == b.name() => a.name(),
            _ => "sides differ",
        }
    };
    Ok(Quantities::one("error", outcome(reserve * 1_000 + 1))
        .and("exactly_1000x", outcome(reserve * 1_000)))
}

/// Weights and price of a new pool, for each given price; null stands for none.
pub(super) fn swap_init(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (tao, alpha): (u64, u64) = (inputs.read("tao")?, inputs.read("alpha")?);
    let prices: Vec<Option<f64>> = match inputs.get("given_price") {
        Some(Value::Array(prices)) => prices.iter().map(Value::as_f64).collect(),
        Some(_) => list(inputs, "given_price")?.unwrap_or_default().into_iter().map(Some).collect(),
        None => vec![None],
    };
    let (mut reached, mut quotes) = (Vec::new(), Vec::new());
    for price in prices {
        let weights = match price {
            None => Some(Weights::default()),
            Some(price) => Weights::at_price(tao, alpha, fixed(price)?),
        };
        if let Some(weights) = weights {
            let pool = Pool::new(tao, alpha, Curve::Weighted(weights));
            reached.push(json!(pool.price().to_f64()));
            quotes.push(json!(quote_weight(&pool)));
        } else {
            reached.push(json!("ReservesOutOfBalance"));
            quotes.push(json!("ReservesOutOfBalance"));
        }
    }
    Ok(Quantities::one("price", reached).and("w_quote", quotes))
}

/// What brings the price to a limit: alpha to sell where the case names an alpha reserve, else
/// TAO to buy with; and the same for a limit on the wrong side.
pub(super) fn limit_delta(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let weights = weights_or_equal(inputs)?;
    let (current, target) = (fixed(inputs.read("price")?)?, fixed(inputs.read("target")?)?);
    let deltas = if let Some(alpha) = inputs.optional("alpha_reserve")? {
        let to = |from, price| weights.base_delta_to_price(from, price, alpha);
        Quantities::one("delta", to(current, target))
            .and("impossible_target_higher", to(target, current))
    } else {
        let tao = inputs.read("tao_reserve")?;
        let to = |from, price| weights.quote_delta_to_price(from, price, tao);
        Quantities::one("delta", to(current, target))
            .and("impossible_target_lower", to(target, current))
    };
    Ok(deltas)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_read_by_their_digits() {
        for (x, want) in [
            (0.1, 100_000_000_000_000_000),
            (0.5, 500_000_000_000_000_000),
            (0.500_000_01, 500_000_010_000_000_000),
            (0.499_999_99, 499_999_990_000_000_000),
            (1.0, SCALE),
        ] {
            assert_eq!(decimal(x), Some(want), "{x}");
        }
        // Two sevenths have no fifteen digits that name them: all eighteen are taken.
        let sevenths = decimal(2.0 / 7.0).unwrap();
        assert!(sevenths.abs_diff(285_714_285_714_285_714) < 100, "{sevenths}");
    }
}
