//! The pools of July 2025 to June 2026: concentrated liquidity over price ticks.
//!
//! After opentensor/subtensor v3.4.7-422, `pallets/swap/src/pallet/{impls,swap_step}.rs` and
//! `position.rs`, with the protocol's position over the whole range as the only one: users
//! could open their own only where a subnet allowed it, which is left out. No tick is crossed
//! then, since every price limit lies within the range.
//!
//! | rule | |
//! |---|---|
//! | R1 | liquidity L is the integer square root of the product of the reserves, the square root of the price s is carried as U64F64 |
//! | R2 | a purchase for d pays d L / ((L s + d) s) and moves s to s + d / L |
//! | R3 | a sale of d pays d s L / (L / s + d) and moves s to 1 / (d / L + 1 / s) |
//! | R4 | an injection adds to the position what fits its price; the rest waits in a reservoir |
//! | R5 | a limit ends a trade at that price |
//!
//! Fees went to the position until March 2026 and to the block's author since (commit
//! 0b346d27); here every fee is reported, and who gets it is the caller's affair.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sim_types::fixed::{U64F64, U96F32};
use sim_types::math;

use super::{Filled, PRICE_LIMITS, Pool, Side, Trade, TradeError, check, fee_on_top};

/// The square root of the price at the lowest tick, -443,636.
pub const MIN_SQRT_PRICE: U64F64 = U64F64::from_bits(4_295_048_017);
/// The square root of the price at the highest tick, 443,636.
pub const MAX_SQRT_PRICE: U64F64 = U64F64::from_bits(79_226_673_515_401_279_992_447_579_062);

/// The inverse of [`MAX_SQRT_PRICE`].
pub(super) const INVERSE_MAX_SQRT_PRICE: U64F64 =
    U64F64::from_bits((u128::MAX) / 79_226_673_515_401_279_992_447_579_062);

/// 10^-12 as the chain writes it.
const START_PRECISION: f64 = 0.000_000_000_001;
/// 10^-10, likewise.
const LIMIT_PRECISION: f64 = 0.000_000_000_1;

/// The state of the protocol's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticks {
    sqrt_price: U64F64,
    liquidity: u64,
    /// TAO and alpha of injections that did not fit the price.
    reservoir: (u64, u64),
}

impl Ticks {
    /// The position over these reserves (R1).
    #[must_use]
    pub fn new(tao: u64, alpha: u64) -> Self {
        let price = U64F64::from(tao).safe_div(U64F64::from(alpha));
        let precision = U64F64::saturating_from_f64(START_PRECISION).unwrap_or(U64F64::EPSILON);
        Self {
            sqrt_price: price.sqrt_within(precision),
            liquidity: root_of_product(tao, alpha),
            reservoir: (0, 0),
        }
    }

    /// TAO for one alpha, with the 32 fraction bits that the chain gave it.
    #[must_use]
    pub fn price(&self) -> U64F64 {
        U64F64::from(U96F32::from(self.sqrt_price.saturating_mul(self.sqrt_price)))
    }

    /// What waits for a fitting price: TAO and alpha, both also counted in the reserves.
    #[must_use]
    pub const fn reservoir(&self) -> (u64, u64) {
        self.reservoir
    }

    /// R4.
    pub(super) fn add(&mut self, tao: u64, alpha: u64) {
        let offered =
            (tao.saturating_add(self.reservoir.0), alpha.saturating_add(self.reservoir.1));
        let price = self.sqrt_price.saturating_mul(self.sqrt_price);
        let tao_for_alpha = U64F64::from(offered.1).saturating_mul(price).to_u64();
        let fitting = if tao_for_alpha <= offered.0 {
            (tao_for_alpha, offered.1)
        } else {
            (offered.0, whole_quotient(offered.0, price).min(offered.1))
        };
        self.reservoir = (offered.0 - fitting.0, offered.1 - fitting.1);
        let (held_tao, held_alpha) = self.held();
        self.liquidity = root_of_product(
            held_tao.saturating_add(fitting.0),
            held_alpha.saturating_add(fitting.1),
        );
    }

    /// Fees that the position will take in with the next injection.
    pub(super) const fn keep(&mut self, tao: u64, alpha: u64) {
        self.reservoir.0 = self.reservoir.0.saturating_add(tao);
        self.reservoir.1 = self.reservoir.1.saturating_add(alpha);
    }

    /// What the position holds at the present price.
    fn held(&self) -> (u64, u64) {
        let liquidity = U64F64::from(self.liquidity);
        let s = self.sqrt_price.clamp(MIN_SQRT_PRICE, MAX_SQRT_PRICE);
        let alpha = inverse(s).saturating_sub(INVERSE_MAX_SQRT_PRICE);
        (
            liquidity.saturating_mul(s.saturating_sub(MIN_SQRT_PRICE)).to_u64(),
            liquidity.saturating_mul(alpha).to_u64(),
        )
    }

    /// Trades at the position's price; the caller moves the reserves.
    pub(super) fn trade(&mut self, pool: &Pool, trade: &Trade) -> Result<Filled, TradeError> {
        let limit = limit_root(trade);
        check(pool, trade, self.sqrt_price, limit)?;
        let fee = pool.fee(trade.amount, trade.fee_free);
        let net = trade.amount - fee;
        let target = self.target(trade.side, net);
        let within = match trade.side {
            Side::Buy => target <= limit,
            Side::Sell => target >= limit,
        };
        let (paid_in, fee, reached) = if within {
            (net, fee, target)
        } else {
            let paid_in = self.input_to(trade.side, limit).min(trade.amount);
            let fee = if trade.fee_free { 0 } else { fee_on_top(paid_in, pool.fee_rate) };
            (paid_in, fee.min(trade.amount - paid_in), limit)
        };
        let paid_out = self.proceeds(trade.side, paid_in);
        let reserve = match trade.side {
            Side::Buy => pool.alpha,
            Side::Sell => pool.tao,
        };
        if paid_in > 0 && paid_out == 0 {
            return Err(TradeError::ReservesTooLow { reserve, taken: 0 });
        }
        if paid_out > reserve {
            return Err(TradeError::InsufficientLiquidity { wanted: paid_out, reserve });
        }
        self.sqrt_price = reached;
        Ok(Filled { paid_in, fee, paid_out, made: 0 })
    }

    /// Where the square root of the price ends for an input (R2, R3).
    fn target(&self, side: Side, input: u64) -> U64F64 {
        // The quotient of two integers.
        let Some(step) = (u128::from(input) << 64).checked_div(self.liquidity.into()) else {
            return match side {
                Side::Buy => U64F64::MAX,
                Side::Sell => U64F64::ZERO,
            };
        };
        let step = U64F64::from_bits(step);
        match side {
            Side::Buy => step.saturating_add(self.sqrt_price),
            Side::Sell => inverse(step.saturating_add(inverse(self.sqrt_price))),
        }
    }

    /// The input that brings the square root of the price to `limit` (R5).
    fn input_to(&self, side: Side, limit: U64F64) -> u64 {
        let way = match side {
            Side::Buy => limit.saturating_sub(self.sqrt_price),
            Side::Sell => inverse(limit).saturating_sub(inverse(self.sqrt_price)),
        };
        U64F64::from(self.liquidity).saturating_mul(way).to_u64()
    }

    /// What an input pays (R2, R3).
    fn proceeds(&self, side: Side, input: u64) -> u64 {
        let (liquidity, s, d) =
            (U64F64::from(self.liquidity), self.sqrt_price, U64F64::from(input));
        match side {
            _ if input == 0 => 0,
            Side::Buy => {
                let after = liquidity.saturating_mul(s).saturating_add(d).saturating_mul(s);
                liquidity.safe_div(after).saturating_mul(d).to_u64()
            }
            Side::Sell => {
                let share = liquidity.safe_div(liquidity.safe_div(s).saturating_add(d));
                d.saturating_mul(share.saturating_mul(s)).to_u64()
            }
        }
    }
}

/// The square root of a trade's limit; the limits that stand for none are kept.
pub(super) fn limit_root(trade: &Trade) -> U64F64 {
    static WITHOUT: OnceLock<[U64F64; 2]> = OnceLock::new();
    let root = |trade: &Trade| {
        let precision = U64F64::saturating_from_f64(LIMIT_PRECISION).unwrap_or(U64F64::EPSILON);
        trade.limit_price().sqrt_within(precision)
    };
    let [buy, sell] =
        WITHOUT.get_or_init(|| [Side::Buy, Side::Sell].map(|side| root(&Trade::new(side, 0))));
    match trade.side {
        Side::Buy if trade.limit == PRICE_LIMITS.1 => *buy,
        Side::Sell if trade.limit == PRICE_LIMITS.0 => *sell,
        _ => root(trade),
    }
}

/// `U64F64::ONE.safe_div(s)`.
#[inline]
fn inverse(s: U64F64) -> U64F64 {
    U64F64::from_bits(match s.to_bits() {
        // Beyond 128 bits, and for zero, the safe quotient is zero.
        0 | 1 => 0,
        // 2^128 less one unit, which only a power of two misses.
        by => u128::MAX / by + u128::from(by.is_power_of_two()),
    })
}

/// `U64F64::from(amount).safe_div(price).to_u64()`: of the quotient the integer part alone.
#[inline]
fn whole_quotient(amount: u64, price: U64F64) -> u64 {
    let (amount, by) = (u128::from(amount), price.to_bits());
    // Beyond 64 bits, and for a price of zero, the safe quotient is zero.
    if amount >= by { 0 } else { u64::try_from((amount << 64) / by).unwrap_or(0) }
}

/// The floor of the square root of a product, by a double and one step of Newton's method.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an estimate, set right by what follows"
)]
fn root_of_product(tao: u64, alpha: u64) -> u64 {
    let product = u128::from(tao) * u128::from(alpha);
    let near = math::sqrt(tao as f64 * alpha as f64);
    let square = u128::from(near as u64) * u128::from(near as u64);
    let Ok(rest) = i64::try_from(product.wrapping_sub(square).cast_signed()) else {
        return u64::try_from(product.isqrt()).expect("a root of 128 bits");
    };
    let step = (rest as f64 / (2.0 * near).max(1.0)) as i64;
    let mut root = u128::from((near as u64).saturating_add_signed(step));
    while root * root > product {
        root -= 1;
    }
    // The square of one more exceeds the root's by so much.
    while product - root * root > 2 * root {
        root += 1;
    }
    root as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn roots_are_floors(a in any::<u64>(), b in any::<u64>(), s in 0_u32..64, t in 0_u32..64) {
            for (a, b) in [(a >> s, b >> t), (a >> s, a >> s), (a >> s, (a >> s).saturating_sub(1))] {
                let root = (u128::from(a) * u128::from(b)).isqrt();
                prop_assert_eq!(u128::from(root_of_product(a, b)), root, "{} {}", a, b);
            }
        }

        #[test]
        fn whole_quotients_are_quotients(a in any::<u64>(), b in any::<u128>(), s in 0_u32..64, t in 0_u32..128) {
            let (a, b) = (a >> s, U64F64::from_bits(b >> t));
            prop_assert_eq!(whole_quotient(a, b), U64F64::from(a).safe_div(b).to_u64());
            prop_assert_eq!(inverse(b), U64F64::ONE.safe_div(b));
            let power = U64F64::from_bits(1 << t);
            prop_assert_eq!(inverse(power), U64F64::ONE.safe_div(power));
        }
    }

    #[test]
    fn corners() {
        let ends = [0, 1, 2, 3, 4, (1 << 32) - 1, 1 << 32, (1 << 53) + 1, u64::MAX - 1, u64::MAX];
        for a in ends {
            for b in ends {
                let root = (u128::from(a) * u128::from(b)).isqrt();
                assert_eq!(u128::from(root_of_product(a, b)), root, "{a} {b}");
                for price in [0, 1, b.into(), u128::from(b) << 32, u128::MAX] {
                    let price = U64F64::from_bits(price);
                    assert_eq!(whole_quotient(a, price), U64F64::from(a).safe_div(price).to_u64());
                }
            }
        }
    }
}
