//! The two weights of a weighted pool and everything computed from them.
//!
//! After opentensor/subtensor @ 14bc6f9f, `pallets/swap/src/pallet/balancer.rs`. x is the alpha
//! reserve with weight w1 (base), y the TAO reserve with weight w2 (quote), w1 + w2 = 1 in
//! units of 10^-18.
//!
//! | rule | |
//! |---|---|
//! | R1 | price = (w1 / w2) (y / x) |
//! | R2 | a sale of dx pays y (1 - (x / (x + dx))^(w1 / w2)); a purchase for dy pays x (1 - (y / (y + dy))^(w2 / w1)) |
//! | R3 | reserves added out of proportion move the weights, not the price |
//! | R4 | a price p' above p is reached by buying for y ((p' / p)^w1 - 1), one below by selling x ((p / p')^w2 - 1) |
//! | R5 | each weight stays at least 0.01; what would move it further is refused |

use serde::{Deserialize, Serialize};
use sim_types::fixed::{Reciprocal, U64F64, ratio};

use super::fast_power::{exponent, power_below_one};
use super::power::power_ratio_scaled;

/// One, in the unit of weights.
pub const SCALE: u64 = 1_000_000_000_000_000_000;
/// The least weight of either side (R5).
pub const MIN_WEIGHT: u64 = SCALE / 100;

const BY_SCALE: Reciprocal = Reciprocal::new(SCALE).expect("not zero");

/// The weights of a pool; the alpha side has what the TAO side leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weights {
    quote: u64,
}

impl Default for Weights {
    /// Equal weights.
    fn default() -> Self {
        Self { quote: SCALE / 2 }
    }
}

/// The ratio of the weights, prepared for several prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WeightRatio {
    /// w1 / w2 as the chain's price takes it.
    price_factor: U64F64,
}

impl Weights {
    /// Weights with this one for TAO, in units of 10^-18; `None` outside 0.01 ..= 0.99.
    #[must_use]
    pub fn new(quote: u64) -> Option<Self> {
        (MIN_WEIGHT..=SCALE - MIN_WEIGHT).contains(&quote).then_some(Self { quote })
    }

    /// The TAO weight `part / whole`, floored; one for a part above the whole, as the chain's
    /// `Perquintill::from_rational`.
    #[must_use]
    pub fn from_ratio(part: u128, whole: u128) -> Option<Self> {
        Self::new(ratio::proportion(part, whole, SCALE).unwrap_or(SCALE))
    }

    /// The weights at which these reserves have the price `price`; `None` where a weight would
    /// leave its range or both reserves are zero.
    #[must_use]
    pub fn at_price(tao: u64, alpha: u64, price: U64F64) -> Option<Self> {
        let fraction = U64F64::from_bits(price.to_bits() & u128::from(u64::MAX));
        let whole = u128::from(price.to_u64()).saturating_mul(alpha.into());
        let part = u128::from(U64F64::from(alpha).saturating_mul(fraction).to_u64());
        let sum = whole.saturating_add(part).saturating_add(tao.into());
        if sum == 0 { None } else { Self::from_ratio(tao.into(), sum) }
    }

    /// The weight of TAO, w2.
    #[must_use]
    pub const fn quote(self) -> u64 {
        self.quote
    }

    /// The weight of alpha, w1.
    #[must_use]
    pub const fn base(self) -> u64 {
        SCALE - self.quote
    }

    /// The ratio of the weights, prepared.
    #[inline]
    #[must_use]
    pub fn ratio(self) -> WeightRatio {
        // Both weights are below 2^60 and the quote weight is not zero.
        let factor = (u128::from(self.base()) << 64) / u128::from(self.quote);
        WeightRatio { price_factor: U64F64::from_bits(factor) }
    }

    /// R1; zero for an empty alpha reserve.
    #[inline]
    #[must_use]
    pub fn price(self, tao: u64, alpha: u64) -> U64F64 {
        self.ratio().price(tao, alpha)
    }

    /// `(x / (x + dx))^(w1 / w2)` for a sale of `dx` into a reserve of `x`.
    #[must_use]
    pub fn sale_factor(self, x: u64, dx: u64) -> U64F64 {
        self.factor(x, x.saturating_add(dx), true)
    }

    /// `(y / (y + dy))^(w2 / w1)` for a purchase for `dy` from a reserve of `y`.
    #[inline]
    #[must_use]
    pub fn purchase_factor(self, y: u64, dy: u64) -> U64F64 {
        self.factor(y, y.saturating_add(dy), false)
    }

    /// The reserve before over the reserve after, to the power of w1 / w2 (`selling`) or its
    /// inverse, at 18 decimals; zero where the chain has no value.
    #[inline]
    #[must_use]
    pub fn factor(self, before: u64, after: u64, selling: bool) -> U64F64 {
        let (p, q) = if selling { (self.base(), self.quote) } else { (self.quote, self.base()) };
        if after == 0 {
            return U64F64::ZERO;
        }
        let fast = after
            .checked_sub(before)
            .and_then(|added| power_below_one(before, added, exponent(p, q)?));
        let scaled = fast.or_else(|| exact(before, after, p, q)).unwrap_or(0);
        let factor = scaled_to_fixed(scaled);
        if after >= before { factor.min(U64F64::ONE) } else { factor }
    }

    /// R2: the TAO paid for `dx` alpha.
    #[must_use]
    pub fn sale_proceeds(self, tao: u64, alpha: u64, dx: u64) -> u64 {
        lost_part(tao, self.sale_factor(alpha, dx))
    }

    /// R2: the alpha paid for `dy` TAO.
    #[inline]
    #[must_use]
    pub fn purchase_proceeds(self, tao: u64, alpha: u64, dy: u64) -> u64 {
        lost_part(alpha, self.purchase_factor(tao, dy))
    }

    /// The alpha to be sold for `dy` TAO, without a fee.
    #[must_use]
    pub fn base_needed_for_quote(self, tao: u64, alpha: u64, dy: u64) -> u64 {
        let factor = self.factor(tao, tao.saturating_sub(dy), false);
        let part = factor.saturating_sub(U64F64::ONE);
        U64F64::from(alpha).saturating_mul(part).to_u64()
    }

    /// R3: the weights after `tao_added` and `alpha_added`; `None` where one would leave its
    /// range (R5).
    #[inline]
    #[must_use]
    pub fn after_adding(
        self,
        tao: u64,
        alpha: u64,
        tao_added: u64,
        alpha_added: u64,
    ) -> Option<Self> {
        let (new_tao, new_alpha) =
            (u128::from(tao) + u128::from(tao_added), u128::from(alpha) + u128::from(alpha_added));
        let q1 = multiply_round(self.base(), u128::from(tao).saturating_mul(new_alpha));
        let q2 = multiply_round(self.quote, u128::from(alpha).saturating_mul(new_tao));
        let sum = q1.saturating_add(q2);
        if sum == 0 { Some(Self::default()) } else { Self::from_ratio(q2, sum) }
    }

    /// R4: the TAO that lifts the price from `current` to `target`; zero where it does not lie
    /// above.
    #[must_use]
    pub fn quote_delta_to_price(self, current: U64F64, target: U64F64, tao: u64) -> u64 {
        delta_to_price(target, current, self.base(), tao)
    }

    /// R4: the alpha that lowers the price from `current` to `target`; zero where it does not
    /// lie below.
    #[must_use]
    pub fn base_delta_to_price(self, current: U64F64, target: U64F64, alpha: u64) -> u64 {
        delta_to_price(current, target, self.quote, alpha)
    }
}

impl WeightRatio {
    /// R1; zero for an empty alpha reserve.
    #[inline]
    #[must_use]
    pub fn price(&self, tao: u64, alpha: u64) -> U64F64 {
        if alpha == 0 {
            return U64F64::ZERO;
        }
        let reserves = U64F64::from_bits((u128::from(tao) << 64) / u128::from(alpha));
        self.price_factor.saturating_mul(reserves)
    }
}

/// The chain's own way, if its result fits 64 bits.
fn exact(before: u64, after: u64, p: u64, q: u64) -> Option<u64> {
    let scaled = power_ratio_scaled((before.into(), after.into()), (p, q), 256, SCALE)?;
    u64::try_from(scaled).ok()
}

#[inline]
fn scaled_to_fixed(scaled: u64) -> U64F64 {
    U64F64::from_bits(BY_SCALE.divide(u128::from(scaled) << 64))
}

/// `floor(reserve * (1 - kept))`.
#[inline]
fn lost_part(reserve: u64, kept: U64F64) -> u64 {
    let lost = U64F64::ONE.saturating_sub(kept).to_bits();
    u64::try_from((u128::from(reserve) * lost) >> 64).unwrap_or(reserve)
}

/// `value * weight`, the weight in units of 10^-18, to the nearest integer, halves up,
/// saturating.
#[inline]
#[must_use]
pub fn multiply_round(weight: u64, value: u128) -> u128 {
    BY_SCALE.multiply_divide(value, weight, SCALE / 2).unwrap_or(u128::MAX)
}

fn delta_to_price(over: U64F64, under: U64F64, weight: u64, reserve: u64) -> u64 {
    let base = (over.to_bits(), under.to_bits());
    // A result that leaves 64 bits counts as the greatest of them; none at all as no delta.
    let Some(scaled) = power_ratio_scaled(base, (weight, SCALE), 1_024, SCALE) else { return 0 };
    let scaled = u64::try_from(scaled).unwrap_or(u64::MAX);
    let grown = scaled_to_fixed(scaled).saturating_sub(U64F64::ONE);
    U64F64::from(reserve).saturating_mul(grown).to_u64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sim_types::math;

    fn quote() -> impl Strategy<Value = u64> {
        prop_oneof![MIN_WEIGHT..=SCALE - MIN_WEIGHT, Just(SCALE / 2), SCALE / 3..=SCALE / 2]
    }

    #[test]
    fn ranges() {
        assert_eq!(Weights::new(MIN_WEIGHT - 1), None);
        assert_eq!(Weights::new(SCALE - MIN_WEIGHT + 1), None);
        assert_eq!(Weights::from_ratio(2, 1), None);
        assert_eq!(Weights::from_ratio(1, 3).unwrap().quote(), 333_333_333_333_333_333);
        assert_eq!(Weights::at_price(0, 0, U64F64::ONE), None);
        assert_eq!(Weights::default().price(5, 0), U64F64::ZERO);
        assert_eq!(Weights::default().factor(5, 0, true), U64F64::ZERO);
    }

    /// The table of `test_mul_round_*` of the chain's pool.
    #[test]
    fn products_round_halves_up() {
        for (value, want) in [(0, 0), (1, 1), (2, 1), (3, 2), (1_023, 512), (1_025, 513)] {
            assert_eq!(multiply_round(SCALE / 2, value), want);
        }
        assert_eq!(multiply_round(SCALE, u128::MAX), u128::MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// R3: adding reserves out of proportion leaves the price where it was.
        #[test]
        fn adding_keeps_the_price(
            w in SCALE / 10..=SCALE / 10 * 9,
            tao in 1_u64 << 40..1 << 53, alpha in 1_u64 << 40..1 << 53,
            tao_added in 0_u64..1 << 34, alpha_added in 0_u64..1 << 34,
        ) {
            let weights = Weights::new(w).unwrap();
            let before = weights.price(tao, alpha).to_f64();
            if let Some(moved) = weights.after_adding(tao, alpha, tao_added, alpha_added) {
                let after = moved.price(tao + tao_added, alpha + alpha_added).to_f64();
                prop_assert!((after / before - 1.0).abs() < 1e-9, "{before} {after}");
            }
        }

        /// R1 and R2 against the true functions.
        #[test]
        fn near_the_formulas(
            w in quote(), tao in 1_u64 << 30..1 << 50, alpha in 1_u64 << 30..1 << 50, part in 1_u64..2_000,
        ) {
            #[expect(clippy::cast_precision_loss)]
            let f = |x: u64| x as f64;
            let weights = Weights::new(w).unwrap();
            let ratio = f(weights.base()) / f(weights.quote());
            let price = weights.price(tao, alpha).to_f64();
            prop_assert!((price / (ratio * f(tao) / f(alpha)) - 1.0).abs() < 1e-6);
            let dx = alpha / 1_000 * part;
            let want = f(tao) * (1.0 - math::pow(f(alpha) / (f(alpha) + f(dx)), ratio));
            let got = f(weights.sale_proceeds(tao, alpha, dx));
            prop_assert!((got - want).abs() <= 1.0 + 1e-12 * f(tao), "{got} {want}");
        }

        /// R4: the delta reaches its price and no further.
        #[test]
        fn deltas_reach_their_price(
            w in SCALE / 10..=SCALE / 10 * 9, tao in 1_u64 << 40..1 << 50, alpha in 1_u64 << 40..1 << 50,
            percent in 101_u64..200,
        ) {
            let weights = Weights::new(w).unwrap();
            let current = weights.price(tao, alpha);
            let hundred = U64F64::from(100);
            let target = current.saturating_mul(U64F64::from(percent)).safe_div(hundred);
            let dy = weights.quote_delta_to_price(current, target, tao);
            let out = weights.purchase_proceeds(tao, alpha, dy);
            let reached = weights.price(tao + dy, alpha - out).to_f64();
            prop_assert!((reached / target.to_f64() - 1.0).abs() < 1e-6);
            prop_assert_eq!(weights.quote_delta_to_price(target, current, tao), 0);
        }
    }
}
