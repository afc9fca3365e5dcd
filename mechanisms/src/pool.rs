//! The pool of a subnet: TAO against the subnet's own token (alpha), under the rule of its day.
//!
//! | module | curve | when |
//! |---|---|---|
//! | [`constant_product`] | x y = k, no fee | from 2025-02-13 |
//! | [`ticks`] | concentrated liquidity, one position over the whole range | from 2025-07-23 |
//! | [`weights`], [`weighted`] | x^w1 y^w2, weights moved by injections | from 2026-06-25 |
//! | | 1 : 1 (stable mechanism) | any |
//!
//! [`power`] is the chain's power of a ratio over big integers, [`fast_power`] the same in 128
//! bits wherever the result is certain.
//!
//! Amounts are u64 in the smallest unit (rao), as the chain holds them. A pool neither makes
//! nor loses a unit: what a trade pays in is added to one reserve, what it pays out is taken
//! from the other, and the fee is reported for its receiver. A refused trade changes nothing.
//!
//! ```
//! use mechanisms::pool::{Curve, Pool, Side, Trade, weights::Weights};
//! let mut pool = Pool::new(1_000_000_000, 4_000_000_000, Curve::Weighted(Weights::default()));
//! let filled = pool.trade(Trade::new(Side::Buy, 1_000_000)).unwrap();
//! assert_eq!((filled.paid_in, filled.fee, filled.paid_out), (999_497, 503, 3_993_996));
//! assert_eq!(pool.tao(), 1_000_999_497);
//! ```

use serde::{Deserialize, Serialize};
use sim_types::fixed::U64F64;

mod big;
pub mod constant_product;
pub mod fast_power;
pub mod power;
pub mod ticks;
pub mod weighted;
pub mod weights;

use ticks::Ticks;
use weights::Weights;

/// The fee of a trade unless a subnet sets another: 33 / 65,535 (opentensor/subtensor @
/// 14bc6f9f, `pallets/swap/src/pallet/mod.rs`).
pub const FEE_RATE: u16 = 33;
/// The greatest fee a subnet may set.
pub const MAX_FEE_RATE: u16 = 10_000;
/// The least reserve of what a trade takes out, smallest unit (`runtime/src/lib.rs`).
pub const MIN_RESERVE: u64 = 1_000_000;
/// A trade may bring at most this multiple of the reserve it pays into.
pub const MAX_INPUT_MULTIPLE: u64 = 1_000;
/// Price limits that stand for none, in rao of TAO for one alpha of 10^9.
pub const PRICE_LIMITS: (u64, u64) = (1_000, 1_000_000_000_000_000);

/// Which way a trade goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// TAO in, alpha out.
    Buy,
    /// Alpha in, TAO out.
    Sell,
}

/// A trade as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// Which way.
    pub side: Side,
    /// How much is offered, fee included, smallest unit.
    pub amount: u64,
    /// The worst price accepted, in rao of TAO for one alpha: the greatest for a purchase, the
    /// least for a sale.
    pub limit: u64,
    /// Whether the fee is waived, as for the chain's own trades.
    pub fee_free: bool,
}

impl Trade {
    /// A trade at any price.
    #[must_use]
    pub const fn new(side: Side, amount: u64) -> Self {
        let limit = match side {
            Side::Buy => PRICE_LIMITS.1,
            Side::Sell => PRICE_LIMITS.0,
        };
        Self { side, amount, limit, fee_free: false }
    }

    /// The same without a fee.
    #[must_use]
    pub const fn fee_free(self) -> Self {
        Self { fee_free: true, ..self }
    }

    /// The same with a limit.
    #[must_use]
    pub const fn limited(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// The limit as a price.
    #[must_use]
    pub fn limit_price(&self) -> U64F64 {
        U64F64::from_bits((u128::from(self.limit) << 64) / 1_000_000_000)
    }
}

/// What a trade did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Filled {
    /// Added to the reserve of what came in.
    pub paid_in: u64,
    /// Taken from the trader beside it, in the same token; not in the reserve.
    pub fee: u64,
    /// Paid out of the other reserve.
    pub paid_out: u64,
    /// Part of `paid_out` that the reserve did not hold and that was made: alpha of the stable
    /// mechanism only.
    pub made: u64,
}

impl Filled {
    /// What goes back to the trader, who offered `amount`: a limit ended the trade early.
    #[must_use]
    pub const fn refund(&self, amount: u64) -> u64 {
        amount.saturating_sub(self.paid_in).saturating_sub(self.fee)
    }
}

/// Why a trade was refused. The names are those of the chain's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TradeError {
    /// The pool is below its minimum, or pays nothing for what is offered.
    #[error("reserves too low: {reserve} to take from, and the trade would take {taken}")]
    ReservesTooLow {
        /// What there is to take from.
        reserve: u64,
        /// What would be taken; zero where it was not computed.
        taken: u64,
    },
    /// More than [`MAX_INPUT_MULTIPLE`] times the reserve it pays into.
    #[error("swap input too large: {net} into a reserve of {reserve}, at most {most} allowed")]
    SwapInputTooLarge {
        /// What is offered after the fee.
        net: u64,
        /// The reserve.
        reserve: u64,
        /// The most.
        most: u64,
    },
    /// The price is already at or beyond the limit.
    #[error("price limit exceeded: the price is {price}, the limit {limit}")]
    PriceLimitExceeded {
        /// The price before the trade.
        price: U64F64,
        /// The limit.
        limit: U64F64,
    },
    /// The pool does not hold what it would have to pay.
    #[error("insufficient liquidity: {wanted} asked of {reserve}")]
    InsufficientLiquidity {
        /// What would be paid.
        wanted: u64,
        /// What is held.
        reserve: u64,
    },
}

impl TradeError {
    /// The chain's name of the error.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ReservesTooLow { .. } => "ReservesTooLow",
            Self::SwapInputTooLarge { .. } => "SwapInputTooLarge",
            Self::PriceLimitExceeded { .. } => "PriceLimitExceeded",
            Self::InsufficientLiquidity { .. } => "InsufficientLiquidity",
        }
    }
}

/// How a pool prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// x y = k.
    ConstantProduct,
    /// One position over the whole range of ticks.
    Ticks(Ticks),
    /// x^w1 y^w2 = k.
    Weighted(Weights),
    /// 1 : 1.
    Stable,
}

/// A pool: two reserves and a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    pub(crate) tao: u64,
    pub(crate) alpha: u64,
    pub(crate) curve: Curve,
    pub(crate) fee_rate: u16,
}

impl Pool {
    /// A pool with these reserves, smallest unit.
    #[must_use]
    pub const fn new(tao: u64, alpha: u64, curve: Curve) -> Self {
        Self { tao, alpha, curve, fee_rate: FEE_RATE }
    }

    /// The same with another fee, in 65,535ths, at most [`MAX_FEE_RATE`].
    #[must_use]
    pub fn with_fee_rate(self, fee_rate: u16) -> Self {
        Self { fee_rate: fee_rate.min(MAX_FEE_RATE), ..self }
    }

    /// TAO in the reserve.
    #[must_use]
    pub const fn tao(&self) -> u64 {
        self.tao
    }

    /// Alpha in the reserve.
    #[must_use]
    pub const fn alpha(&self) -> u64 {
        self.alpha
    }

    /// The curve.
    #[must_use]
    pub const fn curve(&self) -> &Curve {
        &self.curve
    }

    /// TAO for one alpha, at the margin; zero for an empty pool.
    #[must_use]
    pub fn price(&self) -> U64F64 {
        match &self.curve {
            Curve::ConstantProduct => constant_product::price(self.tao, self.alpha),
            Curve::Ticks(ticks) => ticks.price(),
            Curve::Weighted(weights) => weights.price(self.tao, self.alpha),
            Curve::Stable => U64F64::ONE,
        }
    }

    /// Trades, or refuses and changes nothing.
    ///
    /// # Errors
    /// See [`TradeError`].
    pub fn trade(&mut self, trade: Trade) -> Result<Filled, TradeError> {
        let mut after = *self;
        let filled = match &mut after.curve {
            Curve::ConstantProduct => constant_product::trade(self.tao, self.alpha, &trade)?,
            Curve::Ticks(ticks) => ticks.trade(self, &trade)?,
            Curve::Weighted(weights) => weighted::trade(*weights, self, &trade)?,
            Curve::Stable => self.trade_stable(&trade)?,
        };
        let (into, from) = match trade.side {
            Side::Buy => (&mut after.tao, &mut after.alpha),
            Side::Sell => (&mut after.alpha, &mut after.tao),
        };
        let taken = filled.paid_out - filled.made;
        let short = TradeError::InsufficientLiquidity { wanted: taken, reserve: *from };
        *from = from.checked_sub(taken).ok_or(short)?;
        *into = into.checked_add(filled.paid_in).ok_or(short)?;
        *self = after;
        Ok(filled)
    }

    /// What a trade would do.
    ///
    /// # Errors
    /// See [`TradeError`].
    pub fn quote(&self, trade: Trade) -> Result<Filled, TradeError> {
        let mut copy = *self;
        copy.trade(trade)
    }

    /// Adds reserves from emission, and returns what of each was taken.
    ///
    /// A weighted pool moves its weights and takes nothing of what would move one out of its
    /// range; the others take everything.
    #[inline]
    pub fn inject(&mut self, tao: u64, alpha: u64) -> (u64, u64) {
        let (tao, alpha) = self.prepare_injection(tao, alpha);
        self.add(tao, alpha);
        (tao, alpha)
    }

    /// The first half of [`Self::inject`]: the curve moves, the reserves do not yet.
    ///
    /// The chain trades between the two halves, at the new weights and the old reserves.
    #[inline]
    pub fn prepare_injection(&mut self, tao: u64, alpha: u64) -> (u64, u64) {
        match &mut self.curve {
            Curve::Weighted(weights) => {
                match weights.after_adding(self.tao, self.alpha, tao, alpha) {
                    Some(moved) => *weights = moved,
                    None => return (0, 0),
                }
            }
            Curve::Ticks(ticks) => ticks.add(tao, alpha),
            Curve::ConstantProduct | Curve::Stable => {}
        }
        (tao, alpha)
    }

    /// The second half of [`Self::inject`].
    #[inline]
    pub fn add(&mut self, tao: u64, alpha: u64) {
        // Both supplies are capped at 21 * 10^15, far below 2^64.
        self.tao = self.tao.saturating_add(tao);
        self.alpha = self.alpha.saturating_add(alpha);
    }

    /// A trade of the chain's own, for which a purchase from a weighted pool has a short way.
    #[inline]
    pub(crate) fn trade_prepared(&mut self, trade: Trade) -> Result<Filled, TradeError> {
        if let (Curve::Weighted(weights), Side::Buy, true) =
            (&self.curve, trade.side, trade.fee_free)
            && let Some(paid_out) = weighted::small_purchase(*weights, self, trade.amount)
        {
            self.tao += trade.amount;
            self.alpha -= paid_out;
            return Ok(Filled { paid_in: trade.amount, fee: 0, paid_out, made: 0 });
        }
        self.trade(trade)
    }

    /// A fee that the pool keeps: it enters the reserve and waits for the next injection.
    pub(crate) fn keep_fee(&mut self, side: Side, fee: u64) {
        let (tao, alpha) = match side {
            Side::Buy => (fee, 0),
            Side::Sell => (0, fee),
        };
        self.add(tao, alpha);
        if let Curve::Ticks(ticks) = &mut self.curve {
            ticks.keep(tao, alpha);
        }
    }

    /// The fee on `amount`: none for the chain's own trades, and none on curves without one.
    #[must_use]
    pub fn fee(&self, amount: u64, fee_free: bool) -> u64 {
        if fee_free { 0 } else { fee_of(amount, self.fee_rate) }
    }

    /// The stable mechanism pays alpha that it does not hold by making it; TAO it must hold.
    fn trade_stable(&self, trade: &Trade) -> Result<Filled, TradeError> {
        let amount = trade.amount;
        let made = match trade.side {
            Side::Buy => amount.saturating_sub(self.alpha),
            Side::Sell if amount > self.tao => {
                let short = TradeError::InsufficientLiquidity { wanted: amount, reserve: self.tao };
                return Err(short);
            }
            Side::Sell => 0,
        };
        Ok(Filled { paid_in: amount, fee: 0, paid_out: amount, made })
    }
}

/// `floor(amount * rate / 65,535)`, in the chain's fixed point.
#[inline]
#[must_use]
pub fn fee_of(amount: u64, rate: u16) -> u64 {
    let share = (u128::from(rate) << 64) / u128::from(u16::MAX);
    U64F64::from(amount).saturating_mul(U64F64::from_bits(share)).to_u64()
}

/// The fee that belongs to `net` where a limit ended a trade early.
#[must_use]
pub fn fee_on_top(net: u64, rate: u16) -> u64 {
    let rate = U64F64::from(u64::from(rate));
    let share = rate.safe_div(U64F64::from(u64::from(u16::MAX)).saturating_sub(rate));
    U64F64::from(net).saturating_mul(share).to_u64()
}

/// The price and size of a trade checked against the reserves and the limit: what the swap of
/// ticks and the weighted one have in common.
fn check(pool: &Pool, trade: &Trade, price: U64F64, limit: U64F64) -> Result<(), TradeError> {
    let reserve = match trade.side {
        Side::Buy => pool.alpha,
        Side::Sell => pool.tao,
    };
    if reserve < MIN_RESERVE {
        return Err(TradeError::ReservesTooLow { reserve, taken: 0 });
    }
    let open = match trade.side {
        Side::Buy => price < limit,
        Side::Sell => price > limit,
    };
    if open { Ok(()) } else { Err(TradeError::PriceLimitExceeded { price, limit }) }
}

#[cfg(test)]
mod tests;
