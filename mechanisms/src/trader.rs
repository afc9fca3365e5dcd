//! Those who stake and trade: small rules from what is seen to what is ordered.
//!
//! A trader sees one subnet at a time ([`View`]) and may order one trade; what it remembers is
//! its own state, and chance is a stream it is handed. None of them looks at anything that a
//! participant could not know.
//!
//! | rule | buys | sells |
//! |---|---|---|
//! | [`Momentum`] | above its own average | below it |
//! | [`Value`] | below what it holds the subnet to be worth | above |
//! | [`Noise`] | by chance | by chance |
//! | [`AirdropFarmer`] | before a snapshot | everything after it |
//! | [`Whale`] | never | everything, in parts, from a day on |
//!
//! The rules are assumptions: stylised types of the literature on heterogeneous traders (Brock
//! and Hommes, "Heterogeneous beliefs and routes to chaos in a simple asset pricing model",
//! Journal of Economic Dynamics and Control 22, 1998), the last two what participants of
//! Bittensor describe.
//!
//! ```
//! use mechanisms::trader::{Trader, Value, View};
//! use mechanisms::pool::Side;
//! use sim_types::{Share, Stream, fixed::U64F64};
//! let fair = U64F64::ONE;
//! let mut trader = Trader::Value(Value { fair, margin: Share::percent(5), part: Share::percent(10) });
//! let view = View { block: 9, price: U64F64::from_bits(1 << 63), tao: 1_000, alpha: 0 };
//! let order = trader.act(&view, &mut Stream::new(1, 1)).unwrap();
//! assert_eq!((order.side, order.amount), (Side::Buy, 100));
//! ```

use serde::{Deserialize, Serialize};
use sim_types::fixed::U64F64;
use sim_types::{Amount, ParamError, Share, Stream};

use crate::pool::{Side, Trade};

mod airdrop_farmer;
mod momentum;
mod noise;
mod value;
mod whale;

pub use airdrop_farmer::AirdropFarmer;
pub use momentum::Momentum;
pub use noise::Noise;
pub use value::Value;
pub use whale::Whale;

/// What a trader sees of a subnet and of its own pocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The block.
    pub block: u64,
    /// TAO for one alpha.
    pub price: U64F64,
    /// Its own TAO, rao.
    pub tao: u64,
    /// Its own alpha, smallest unit.
    pub alpha: u64,
}

/// A trader of one of the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trader {
    /// Follows the price.
    Momentum(Momentum),
    /// Follows a worth of its own.
    Value(Value),
    /// Follows nothing.
    Noise(Noise),
    /// Is there for a snapshot.
    AirdropFarmer(AirdropFarmer),
    /// Leaves.
    Whale(Whale),
}

impl Trader {
    /// Checks the parameters.
    ///
    /// # Errors
    /// Names the parameter that is out of its domain.
    pub fn check(&self) -> Result<(), ParamError> {
        match self {
            Self::Momentum(rule) => rule.check(),
            Self::Value(_) | Self::Noise(_) => Ok(()),
            Self::AirdropFarmer(rule) => rule.check(),
            Self::Whale(rule) => rule.check(),
        }
    }

    /// Looks once and orders at most once: never more than the view's own holdings.
    pub fn act(&mut self, view: &View, stream: &mut Stream) -> Option<Trade> {
        let (side, amount) = match self {
            Self::Momentum(rule) => rule.act(view),
            Self::Value(rule) => rule.act(view),
            Self::Noise(rule) => rule.act(view, stream),
            Self::AirdropFarmer(rule) => rule.act(view),
            Self::Whale(rule) => rule.act(view),
        }?;
        let held = match side {
            Side::Buy => view.tao,
            Side::Sell => view.alpha,
        };
        let amount = amount.min(held);
        (amount > 0).then(|| Trade::new(side, amount))
    }
}

/// The floor of a part of an amount.
fn part_of(part: Share, amount: u64) -> u64 {
    u64::try_from(part.of(Amount(amount.into())).0).unwrap_or(amount)
}

/// A price more, or less, by a part.
fn beyond(price: U64F64, part: Share, above: bool) -> U64F64 {
    let one = u128::from(Share::ONE.ppb());
    let share = U64F64::from_bits((u128::from(part.ppb()) << 64) / one);
    let step = price.saturating_mul(share);
    if above { price.saturating_add(step) } else { price.saturating_sub(step) }
}

#[cfg(test)]
mod tests;
