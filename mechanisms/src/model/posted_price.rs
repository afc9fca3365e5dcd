//! One seller, one buyer and a price that a third party posts; one pair a step.
//!
//! | rule | |
//! |---|---|
//! | R1 | the buyer's value and the seller's cost are private, independent and uniform on 0 … 1 |
//! | R2 | they trade at `price` if the value is at least that and the cost at most |
//!
//! Saying the truth is best for both, whatever the price. Which price creates the most is not in
//! the rule.
//!
//! Source: Hagerty and Rogerson, Robust Trading Mechanisms, Journal of Economic Theory 42 (1987).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Stream};

use super::{Metric, Model, mean, within};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The price, 0 to 1. Default 0.5.
    pub price: f64,
}

impl Default for Params {
    fn default() -> Self {
        Self { price: 0.5 }
    }
}

/// The rule and what was gained so far.
#[derive(Debug, Clone)]
pub struct PostedPrice {
    price: f64,
    pairs: u64,
    trades: u64,
    gain: f64,
}

impl Model for PostedPrice {
    type Params = Params;

    const NAME: &'static str = "posted_price";
    const SUMMARY: &'static str = "Bilateral trade at a posted price, values and costs uniform.";
    const SOURCE: &'static str = "Hagerty and Rogerson, Journal of Economic Theory 42 (1987)";
    const METRICS: &'static [Metric] = &[
        Metric {
            name: "gain",
            unit: "1",
            meaning: "Value less cost of what is traded, mean over all pairs.",
        },
        Metric { name: "traded", unit: "share", meaning: "Pairs that traded, of all." },
    ];

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let price = params.price.to_string();
        vec![Fact::new(
            "model.posted_price.price",
            price,
            Fidelity::Assumed,
            "chosen by the scenario",
        )]
    }

    fn new(params: &Params) -> Result<Self, ParamError> {
        within("price", params.price, 0.0, 1.0, "0 to 1")?;
        Ok(Self { price: params.price, pairs: 0, trades: 0, gain: 0.0 })
    }

    fn step(&mut self, _: u64, stream: &mut Stream) {
        self.pairs += 1;
        // R1
        let (value, cost) = (stream.uniform(), stream.uniform());
        // R2
        if value >= self.price && cost <= self.price {
            self.trades += 1;
            self.gain += value - cost;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "pairs are counted below 2^53")]
    fn figures(&self) -> Vec<f64> {
        vec![mean(self.gain, self.pairs), mean(self.trades as f64, self.pairs)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run;

    /// p (1 − p) pairs trade, each for a gain of 1/2 in the mean. Five standard errors of 200,000
    /// pairs, at most 0.5 each.
    #[test]
    fn gains_are_the_closed_form() {
        for price in [0.0, 0.2, 0.5, 0.9] {
            let found = run::<PostedPrice>(&Params { price }, 200_000, 3.into()).unwrap();
            let traded = price * (1.0 - price);
            assert!((found[0] - traded / 2.0).abs() < 0.003, "{price}: {found:?}");
            assert!((found[1] - traded).abs() < 0.006, "{price}: {found:?}");
        }
        assert!(PostedPrice::new(&Params { price: -0.1 }).is_err());
    }
}
