//! Who gets a place in a block, what it costs, and who gets the money: a base fee that is burned
//! against bids that the producer keeps.
//!
//! | rule | |
//! |---|---|
//! | R1 | a step is a block; before it none to twice `arrivals` users come, evenly; in the first `surge_blocks` of every `surge_every` blocks, `surge` times as many |
//! | R2 | a user's place is worth 1 to 10^9 units to it, evenly; it leaves after `patience` blocks without one |
//! | R3 | `base_fee`: whoever's worth covers the fee asks for a place and adds a tip, `tip` or what its worth leaves; the highest tips get places, the latest comer last; the fee then moves by EIP-1559 ([`crate::fee::base_fee`]), a place a unit of gas, and what it brings is burned |
//! | R4 | `first_price`: everybody bids what it thinks will do, at most its worth; the highest bids get places and are paid to the producer |
//! | R5 | what will do under R4: an eighth above the lowest bid of the last block if that was full, an eighth below the last guess if it was not; 1 at least |
//!
//! It does not: let producers fill blocks with their own transactions, or users bid against
//! what they know of each other; R5 is how wallets guess (assumed).
//!
//! Source of the comparison: T. Roughgarden, "Transaction Fee Mechanism Design for the Ethereum
//! Blockchain: An Economic Analysis of EIP-1559" (2020), which this puts in numbers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, ParamError, Stream};

use super::{Metric, Model};
use crate::fee::base_fee::BaseFee;

/// Who sets the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pricing {
    /// The chain (R3).
    BaseFee,
    /// The bidders (R4).
    FirstPrice,
}

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Who sets the price. Default `base_fee`.
    pub pricing: Pricing,
    /// Places in a block, 2 to 10,000; the base fee aims at half of them. Default 100.
    pub places: u32,
    /// Users that come before a block, on average; 0 to 10,000. Default 80.
    pub arrivals: u32,
    /// How many times as many come in a surge; 1 to 100. Default 4.
    pub surge: u32,
    /// A surge begins every so many blocks; at least 1. Default 200.
    pub surge_every: u32,
    /// How many blocks a surge lasts; 0: there is none. Default 20.
    pub surge_blocks: u32,
    /// Blocks for which a user waits; 1 to 1,000. Default 20.
    pub patience: u32,
    /// What a user adds to the base fee, in units of which a place is worth up to 10^9. Default
    /// 10^7.
    pub tip: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            pricing: Pricing::BaseFee,
            places: 100,
            arrivals: 80,
            surge: 4,
            surge_every: 200,
            surge_blocks: 20,
            patience: 20,
            tip: 10_000_000,
        }
    }
}

/// The most a place is worth to anybody.
const WORTH: u64 = 1_000_000_000;

#[derive(Debug, Clone, Copy)]
struct User {
    worth: u64,
    came: u64,
}

/// The rule and its whole state.
#[derive(Debug, Clone)]
pub struct BlockSpace {
    params: Params,
    rule: BaseFee,
    waiting: Vec<User>,
    /// The base fee, or what bidders think will do.
    price: u64,
    came: u64,
    blocks: u64,
    served: u64,
    waited: u64,
    burned: u128,
    kept: u128,
    surplus: u128,
    overpaid: u128,
    /// Sums of the lowest price paid in a block, and of its square.
    prices: (f64, f64),
}

impl BlockSpace {
    /// Bids for a block, highest first, earlier comers first among equals: the price, and who
    /// waits at which place.
    fn bids(&self) -> Vec<(u64, usize)> {
        let users = self.waiting.iter().enumerate();
        let mut bids: Vec<(u64, usize)> = match self.params.pricing {
            Pricing::BaseFee => {
                let covers = |(_, user): &(usize, &User)| user.worth >= self.price;
                let bid = |user: &User| {
                    self.price + u64::from(self.params.tip).min(user.worth - self.price)
                };
                users.filter(covers).map(|(at, user)| (bid(user), at)).collect()
            }
            Pricing::FirstPrice => {
                users.map(|(at, user)| (self.price.min(user.worth), at)).collect()
            }
        };
        // Stable: users stand in the order in which they came.
        bids.sort_by_key(|bid| core::cmp::Reverse(bid.0));
        bids
    }

    fn serve(&mut self, now: u64, bids: &[(u64, usize)]) {
        let lowest = bids.last().map_or(self.price, |bid| bid.0);
        for &(paid, at) in bids {
            let user = self.waiting[at];
            let burned = match self.params.pricing {
                Pricing::BaseFee => self.price,
                Pricing::FirstPrice => 0,
            };
            self.burned += u128::from(burned);
            self.kept += u128::from(paid - burned);
            self.surplus += u128::from(user.worth - paid);
            self.overpaid += u128::from(paid - lowest);
            self.served += 1;
            self.waited += now - user.came;
        }
        #[expect(clippy::cast_precision_loss, reason = "at most 10^9")]
        let price = lowest as f64;
        self.prices = (self.prices.0 + price, self.prices.1 + price * price);
        self.blocks += 1;
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures")]
fn part(of: u128, whole: u128) -> f64 {
    if whole == 0 { 0.0 } else { of as f64 / whole as f64 }
}

impl Model for BlockSpace {
    type Params = Params;

    const NAME: &'static str = "block_space";
    const SUMMARY: &'static str =
        "Places in blocks under a burned base fee, or by bids that the producer keeps.";
    const SOURCE: &'static str = "T. Roughgarden, Transaction Fee Mechanism Design for the Ethereum Blockchain (2020); ethereum/EIPs EIPS/eip-1559.md @f767a1e";
    #[rustfmt::skip]
    const METRICS: &'static [Metric] = &[
        Metric { name: "served_share", unit: "share", meaning: "Users that got a place, of those that came." },
        Metric { name: "wait_mean", unit: "blocks", meaning: "Blocks between coming and getting a place, mean over those served." },
        Metric { name: "burned_share", unit: "share", meaning: "Part of what users paid that was burned." },
        Metric { name: "producer_income", unit: "units per block", meaning: "What a block brings its producer, mean." },
        Metric { name: "paid_mean", unit: "units", meaning: "What a place cost, mean over those served." },
        Metric { name: "surplus_mean", unit: "units", meaning: "What a place was worth beyond its cost, mean over all users that came." },
        Metric { name: "overpaid_share", unit: "share", meaning: "Part of what users paid beyond the lowest price in their block." },
        Metric { name: "price_variation", unit: "share", meaning: "Standard deviation of a block's lowest price over its mean." },
    ];

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let fact = |name, value: u32, source| {
            let name = format!("model.block_space.{name}");
            Fact::new(name, value.to_string(), Fidelity::Assumed, source)
        };
        let demand = "no network's demand";
        vec![
            fact("places", params.places, "a round number"),
            fact("arrivals", params.arrivals, demand),
            fact("surge", params.surge, demand),
            fact("surge_every", params.surge_every, demand),
            fact("surge_blocks", params.surge_blocks, demand),
            fact("patience", params.patience, demand),
            fact("tip", params.tip, "users' habits differ"),
            Fact::new(
                "model.block_space.base_fee",
                "elasticity 2, denominator 8".to_owned(),
                Fidelity::Published,
                "ethereum/EIPs EIPS/eip-1559.md @f767a1e",
            ),
        ]
    }

    fn new(params: &Params) -> Result<Self, ParamError> {
        let within = |field, value: u32, low, high, says| {
            ParamError::unless((low..=high).contains(&value), field, value, says)
        };
        within("places", params.places, 2, 10_000, "2 to 10000")?;
        within("arrivals", params.arrivals, 0, 10_000, "0 to 10000")?;
        within("surge", params.surge, 1, 100, "1 to 100")?;
        within("surge_every", params.surge_every, 1, u32::MAX, "at least 1")?;
        within("patience", params.patience, 1, 1_000, "1 to 1000")?;
        within("tip", params.tip, 0, 1_000_000_000, "0 to 1000000000")?;
        Ok(Self {
            params: *params,
            rule: BaseFee::default(),
            waiting: Vec::new(),
            price: WORTH / 100,
            came: 0,
            blocks: 0,
            served: 0,
            waited: 0,
            burned: 0,
            kept: 0,
            surplus: 0,
            overpaid: 0,
            prices: (0.0, 0.0),
        })
    }

    fn step(&mut self, now: u64, stream: &mut Stream) {
        let Params { places, arrivals, surge, surge_every, surge_blocks, patience, .. } =
            self.params;
        // R1
        let surges = now % u64::from(surge_every) < u64::from(surge_blocks);
        let times = if surges { u64::from(surge) } else { 1 };
        let come = stream.below(2 * u64::from(arrivals) * times + 1);
        self.came += come;
        // R2
        let comers = (0..come).map(|_| User { worth: 1 + stream.below(WORTH), came: now });
        self.waiting.extend(comers);
        // R3, R4
        let mut bids = self.bids();
        bids.truncate(places as usize);
        self.serve(now, &bids);
        let full = bids.len() == places as usize;
        let mut served = vec![false; self.waiting.len()];
        for bid in &bids {
            served[bid.1] = true;
        }
        let mut served = served.into_iter();
        self.waiting.retain(|user| {
            !served.next().unwrap_or(false) && now - user.came + 1 < u64::from(patience)
        });
        self.price = match self.params.pricing {
            Pricing::BaseFee => {
                let next = self.rule.next(self.price.into(), places.into(), bids.len() as u64);
                next.map_or(WORTH, |fee| u64::try_from(fee).unwrap_or(WORTH).min(WORTH))
            }
            // R5
            Pricing::FirstPrice => {
                let last = bids.last().map_or(self.price, |bid| bid.0);
                if full { (last + last / 8 + 1).min(WORTH) } else { (self.price * 7 / 8).max(1) }
            }
        };
    }

    #[expect(clippy::cast_precision_loss, reason = "figures")]
    fn figures(&self) -> Vec<f64> {
        let paid = self.burned + self.kept;
        let (served, came) = (u128::from(self.served), u128::from(self.came));
        let blocks = self.blocks.max(1) as f64;
        let mean = self.prices.0 / blocks;
        let variance = (self.prices.1 / blocks - mean * mean).max(0.0);
        let variation = if mean > 0.0 { sim_types::math::sqrt(variance) / mean } else { 0.0 };
        vec![
            part(served, came),
            part(self.waited.into(), served),
            part(self.burned, paid),
            self.kept as f64 / blocks,
            part(paid, served),
            part(self.surplus, came),
            part(self.overpaid, paid),
            variation,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::run;

    fn figure(params: &Params, name: &str) -> f64 {
        let figures = run::<BlockSpace>(params, 2_000, 3.into()).unwrap();
        let at = BlockSpace::METRICS.iter().position(|metric| metric.name == name);
        figures[at.expect("a metric")]
    }

    #[test]
    fn parameters_outside_their_domain_are_named() {
        let usual = Params::default();
        for (params, field) in [
            (Params { places: 1, ..usual }, "places"),
            (Params { arrivals: 10_001, ..usual }, "arrivals"),
            (Params { surge: 0, ..usual }, "surge"),
            (Params { surge_every: 0, ..usual }, "surge_every"),
            (Params { patience: 0, ..usual }, "patience"),
            (Params { tip: 1_000_000_001, ..usual }, "tip"),
        ] {
            assert_eq!(BlockSpace::new(&params).unwrap_err().field, field);
        }
    }

    /// Without scarcity the base fee falls to where it can fall no further, 7 units, and nearly
    /// everybody is served at once.
    #[test]
    fn abundance_is_free() {
        let params = Params { arrivals: 20, surge_blocks: 0, tip: 0, ..Params::default() };
        assert!(figure(&params, "served_share") > 0.99);
        assert!(figure(&params, "wait_mean") < 0.1);
        let late = {
            let mut model = BlockSpace::new(&params).unwrap();
            (0..500).for_each(|now| model.step(now, &mut Stream::new(1, now)));
            model.price
        };
        assert_eq!(late, 7);
    }

    /// With demand of `a` users a block on average, worth evenly 0 to 1, and places for half of
    /// `places` at the target, the fee that clears is `1 - target / a`.
    #[test]
    fn the_base_fee_finds_the_price_that_clears() {
        let usual = Params { surge_blocks: 0, tip: 0, patience: 1, ..Params::default() };
        for (places, arrivals) in [(100, 100), (100, 200), (40, 80)] {
            let params = Params { places, arrivals, ..usual };
            let want = 1.0 - f64::from(places) / 2.0 / f64::from(arrivals);
            let got = figure(&params, "paid_mean") / 1e9;
            assert!((got - want).abs() < 0.06, "{got} for {want}");
        }
    }

    /// The base fee is burned and the rest kept; bids are kept whole.
    #[test]
    fn who_gets_the_money() {
        let burned = Params { tip: 0, ..Params::default() };
        assert!((figure(&burned, "burned_share") - 1.0).abs() < 1e-12);
        assert!(figure(&burned, "producer_income").abs() < 1e-12);
        let bids = Params { pricing: Pricing::FirstPrice, ..burned };
        assert!(figure(&bids, "burned_share").abs() < 1e-12);
        assert!(figure(&bids, "producer_income") > 0.0);
    }
}
