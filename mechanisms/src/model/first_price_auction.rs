//! Sealed first-price auctions of one item with a reserve, one a step.
//!
//! | rule | |
//! |---|---|
//! | R1 | each of `bidders` has a private value, independent and uniform on 0 … 1 |
//! | R2 | a bidder whose value is below `reserve` stays away; another bids what is best against others who do the same: v − ∫ᵣᵛ xⁿ⁻¹ dx / vⁿ⁻¹ = (1 − 1/n) v + rⁿ / (n vⁿ⁻¹) |
//! | R3 | the highest bid wins and is paid; of equal ones the first |
//!
//! Bidders know the reserve and their number. What reserve serves the seller is not in the rule.
//!
//! Source: Riley and Samuelson, Optimal Auctions, American Economic Review 71 (1981), section 1;
//! Krishna, Auction Theory, section 2.5.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Stream};

use super::{Metric, Model, mean, within};
use sim_types::math::pow;

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Bidders in every auction, 1 to 1000. Default 2.
    pub bidders: u16,
    /// Smallest bid that the seller takes, 0 to 1. Default 0.
    pub reserve: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { bidders: 2, reserve: 0.0 }
    }
}

/// The rule and what was taken so far.
#[derive(Debug, Clone)]
pub struct FirstPriceAuction {
    params: Params,
    auctions: u64,
    sold: u64,
    revenue: f64,
    surplus: f64,
}

impl FirstPriceAuction {
    // R2
    fn bid(&self, value: f64) -> f64 {
        let Params { bidders, reserve } = self.params;
        let n = f64::from(bidders);
        let rivals = pow(reserve / value, n - 1.0);
        (1.0 - 1.0 / n) * value + reserve * rivals / n
    }
}

impl Model for FirstPriceAuction {
    type Params = Params;

    const NAME: &'static str = "first_price_auction";
    const SUMMARY: &'static str =
        "Sealed first-price auctions with a reserve, uniform values and equilibrium bids.";
    const SOURCE: &'static str =
        "Riley and Samuelson, American Economic Review 71 (1981), section 1";
    const METRICS: &'static [Metric] = &[
        Metric { name: "revenue", unit: "1", meaning: "What an auction brings the seller, mean." },
        Metric { name: "sold", unit: "share", meaning: "Auctions that sold the item, of all." },
        Metric {
            name: "surplus",
            unit: "1",
            meaning: "The winner's value less its bid, mean over all auctions.",
        },
    ];

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let fact = |name: &str, value: String| {
            Fact::new(
                format!("model.first_price_auction.{name}"),
                value,
                Fidelity::Assumed,
                "chosen by the scenario",
            )
        };
        vec![
            fact("bidders", params.bidders.to_string()),
            fact("reserve", params.reserve.to_string()),
        ]
    }

    fn new(params: &Params) -> Result<Self, ParamError> {
        let bidders = params.bidders;
        ParamError::unless((1..=1_000).contains(&bidders), "bidders", bidders, "1 to 1000")?;
        within("reserve", params.reserve, 0.0, 1.0, "0 to 1")?;
        Ok(Self { params: *params, auctions: 0, sold: 0, revenue: 0.0, surplus: 0.0 })
    }

    fn step(&mut self, _: u64, stream: &mut Stream) {
        self.auctions += 1;
        let mut won: Option<(f64, f64)> = None;
        for _ in 0..self.params.bidders {
            // R1
            let value = stream.uniform();
            if value >= self.params.reserve {
                let bid = self.bid(value);
                // R3
                if won.is_none_or(|(best, _)| bid > best) {
                    won = Some((bid, value));
                }
            }
        }
        if let Some((bid, value)) = won {
            self.sold += 1;
            self.revenue += bid;
            self.surplus += value - bid;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "auctions are counted below 2^53")]
    fn figures(&self) -> Vec<f64> {
        let over = |sum: f64| mean(sum, self.auctions);
        vec![over(self.revenue), over(self.sold as f64), over(self.surplus)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run;

    /// Revenue is n ∫ᵣ¹ (2v − 1) vⁿ⁻¹ dv, and 1 − rⁿ of auctions sell (Myerson 1981): the rule
    /// bids, the integral does not. Five standard errors of 200,000 auctions, at most 0.25 each.
    #[test]
    fn revenue_is_the_integral_of_virtual_values() {
        for (bidders, reserve) in [(1, 0.5), (2, 0.0), (2, 0.5), (2, 0.8), (5, 0.3)] {
            let found =
                run::<FirstPriceAuction>(&Params { bidders, reserve }, 200_000, 9.into()).unwrap();
            let n = f64::from(bidders);
            let power = |k: f64| pow(reserve, k);
            let revenue = 2.0 * n / (n + 1.0) * (1.0 - power(n + 1.0)) - (1.0 - power(n));
            let error = 5.0 * 0.5 / sim_types::math::sqrt(200_000.0);
            assert!((found[0] - revenue).abs() < error, "{} for {revenue}", found[0]);
            assert!((found[1] - (1.0 - power(n))).abs() < error);
        }
    }

    /// No other bid does better against a rival who follows the rule: on a grid of values and
    /// bids, with the rival's values on a fine grid.
    #[test]
    fn the_bid_is_a_best_response() {
        let rule = FirstPriceAuction::new(&Params { bidders: 2, reserve: 0.3 }).unwrap();
        let rivals: Vec<f64> = (0..2_000)
            .map(|k| (f64::from(k) + 0.5) / 2_000.0)
            .map(|v| if v >= 0.3 { rule.bid(v) } else { 0.0 })
            .collect();
        let profit = |value: f64, bid: f64| {
            let beaten = rivals.iter().filter(|rival| bid > **rival).count();
            (value - bid) * f64::from(u32::try_from(beaten).unwrap()) / 2_000.0
        };
        for value in [0.35, 0.5, 0.7, 0.95] {
            let own = profit(value, rule.bid(value));
            for bid in (30..95).map(|b| f64::from(b) / 100.0) {
                assert!(profit(value, bid) <= own + 1e-3, "{value}: {bid}");
            }
        }
    }

    #[test]
    fn parameters_out_of_their_domain_are_named() {
        for (params, field) in [
            (Params { bidders: 0, reserve: 0.0 }, "bidders"),
            (Params { bidders: 2, reserve: 1.5 }, "reserve"),
            (Params { bidders: 2, reserve: f64::NAN }, "reserve"),
        ] {
            assert!(FirstPriceAuction::new(&params).unwrap_err().to_string().contains(field));
        }
    }
}
