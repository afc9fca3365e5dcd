//! Heights of values, and a second scale in dollars.

use super::{Axis, decimals, linear, ticks};
use crate::context::Coin;

/// A scale is logarithmic from this ratio of its largest to its smallest value.
const WIDE: f64 = 10.0;

/// How values become heights.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    Linear,
    Logarithmic,
}

impl Scale {
    /// Logarithmic for positive values that differ much.
    pub(super) fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let high = values.clone().fold(f64::NEG_INFINITY, f64::max);
        let low = values.fold(f64::INFINITY, f64::min);
        if low > 0.0 && high / low >= WIDE { Self::Logarithmic } else { Self::Linear }
    }

    pub(super) fn height(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => sim_types::math::ln(value),
        }
    }

    /// An axis over values; a linear one starts at zero unless they differ little.
    pub(super) fn axis(self, label: &str, values: impl Iterator<Item = f64> + Clone) -> Axis {
        let high = values.clone().fold(f64::NEG_INFINITY, f64::max);
        let low = values.fold(f64::INFINITY, f64::min);
        match self {
            Self::Logarithmic => ticks::log(label, low, high, |v| crate::format::number(v, 3)),
            Self::Linear if low > 0.0 && high < 2.0 * low => linear(label, low, high, false),
            Self::Linear => linear(label, low.min(0.0), high, false),
        }
    }

    /// A second scale for an axis in coins, at the stated price of one.
    pub(super) fn dollars(self, coin: &Coin, y: &Axis) -> Option<(String, Vec<(f64, String)>)> {
        let price = coin.usd.filter(|price| *price > 0.0 && price.is_finite())?;
        let amount = |height: f64| match self {
            Self::Linear => height * price,
            Self::Logarithmic => sim_types::math::exp(height) * price,
        };
        let (low, high) = (amount(y.low), amount(y.high));
        let spare = (y.high - y.low) * 1e-6;
        let axis = match self {
            Self::Linear => linear("", low, high, false),
            Self::Logarithmic => ticks::log("", low, high, dollars),
        };
        let step = axis.ticks.windows(2).map(|pair| pair[1].0 - pair[0].0).next().unwrap_or(1.0);
        let ticks = axis
            .ticks
            .into_iter()
            .map(|(at, text)| match self {
                Self::Linear => (at / price, tick_text(at, step)),
                Self::Logarithmic => (at - sim_types::math::ln(price), text),
            })
            .filter(|(at, _)| (y.low - spare..=y.high + spare).contains(at))
            .collect();
        Some((format!("at ${} each", crate::format::number(price, 4)), ticks))
    }
}

/// An amount of coins, with what it is worth where a price is stated.
pub(super) fn coins_text(amount: f64, coin: &Coin) -> String {
    let usd = coin.usd.map(|price| format!(" = {}", dollars(amount * price)));
    format!("{} {}{}", crate::format::number(amount, 4), coin.name, usd.unwrap_or_default())
}

/// What captions say where there is a second scale.
pub(super) fn priced(coin: &Coin) -> &'static str {
    if coin.usd.is_some() { " The right scale applies one stated price." } else { "" }
}

/// An amount of dollars with a short suffix.
pub(crate) fn dollars(amount: f64) -> String {
    let (scale, suffix) = short(amount);
    in_dollars(amount / scale, decimals(amount / scale).min(2), suffix)
}

/// An amount of dollars among others that are `step` apart.
fn tick_text(amount: f64, step: f64) -> String {
    let (scale, suffix) = short(amount);
    in_dollars(amount / scale, decimals(step / scale).min(6), suffix)
}

fn short(amount: f64) -> (f64, &'static str) {
    match amount.abs() {
        a if a >= 1e9 => (1e9, " bn"),
        a if a >= 1e6 => (1e6, " M"),
        a if a >= 1e4 => (1e3, " k"),
        _ => (1.0, ""),
    }
}

/// With three digits, or as many as so many decimals need.
fn in_dollars(amount: f64, decimals: usize, suffix: &str) -> String {
    let mut digits = decimals;
    let mut rest = amount.abs();
    while rest >= 1.0 {
        digits += 1;
        rest /= 10.0;
    }
    let sign = if amount < 0.0 { "−" } else { "" };
    format!("{sign}${}{suffix}", crate::format::number(amount.abs(), digits.max(3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_read_well() {
        let table = [
            (0.0, "$0"),
            (1.5, "$1.5"),
            (-250_000.0, "−$250 k"),
            (12_345.6, "$12.35 k"),
            (3_310_800_000.0, "$3.31 bn"),
            (0.001_5, "$0.0015"),
        ];
        for (amount, text) in table {
            assert_eq!(dollars(amount), text);
        }
    }

    #[test]
    fn ticks_of_the_second_scale_differ_and_lie_inside() {
        let coin = Coin { name: "TAO".into(), smallest_units: 1, usd: Some(300.0) };
        for (low, high) in [(11_025_000.0, 11_037_500.0), (0.0, 0.5), (-2_000.0, 2_000.0)] {
            for scale in [Scale::Linear, Scale::Logarithmic] {
                if scale == Scale::Logarithmic && low <= 0.0 {
                    continue;
                }
                let y = scale.axis("", [low, high].into_iter());
                let (_, ticks) = scale.dollars(&coin, &y).unwrap();
                assert!(scale == Scale::Logarithmic || ticks.len() >= 3, "{ticks:?}");
                for (i, (at, text)) in ticks.iter().enumerate() {
                    assert!((y.low..=y.high).contains(at), "{at} {y:?}");
                    assert!(ticks[..i].iter().all(|(_, other)| other != text), "{ticks:?}");
                }
            }
        }
    }
}
