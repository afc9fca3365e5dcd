//! The rules as they stood on a day.
//!
//! The table follows the releases of opentensor/subtensor, whose tags carry the dates; the main
//! network takes a runtime some hours to days after its tag, which is not recorded there. What
//! could not be read in a release or could not be confirmed live is off, and says so in
//! [`Preset::open`].

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use sim_types::Fidelity;
use sim_types::fixed::U64F64;

use super::gate::Gate;
use super::moving_price::MovingPrice;
use super::shares::Base;
use super::terms::Cap;
use super::tiers::Tiers;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("date is {found:?}, expected a day of the calendar as 2026-06-25")]
pub struct NoDate {
    /// What was found.
    pub found: String,
}

impl Date {
    /// A day, if the calendar has it.
    #[must_use]
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 0,
        };
        if day >= 1 && day <= days { Some(Self { year, month, day }) } else { None }
    }
}

impl FromStr for Date {
    type Err = NoDate;

    fn from_str(text: &str) -> Result<Self, NoDate> {
        let wrong = || NoDate { found: text.to_owned() };
        let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let parts: Vec<&str> = text.split('-').collect();
        let [year, month, day] = parts[..] else { return Err(wrong()) };
        if !digits || (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return Err(wrong());
        }
        let date = match (year.parse(), month.parse(), day.parse()) {
            (Ok(year), Ok(month), Ok(day)) => Self::new(year, month, day),
            _ => None,
        };
        date.ok_or_else(wrong)
    }
}

impl TryFrom<String> for Date {
    type Error = NoDate;
    fn try_from(text: String) -> Result<Self, NoDate> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// What becomes of alpha that the protocol buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bought {
    /// It leaves the issuance.
    Recycled,
    /// It stays outstanding, owned by the protocol.
    Kept,
}

/// What becomes of the root's part of a subnet's alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootPart {
    /// Sold for TAO in the same block, always.
    Sold,
    /// Sold while the sum of moving prices is above one; else it stays with the others.
    SoldOrLeft,
    /// Kept as alpha while the sum is above one; else it stays with the others.
    KeptOrLeft,
    /// Kept as alpha while the sum is above one; else recycled.
    KeptOrRecycled,
}

/// The curve of new and existing pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolKind {
    /// x y = k.
    ConstantProduct,
    /// Ticks.
    Ticks,
    /// Weighted.
    Weighted,
}

/// When epochs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheduler {
    /// By block and subnet number, every tempo + 1 blocks.
    ByNumber,
    /// Every tempo blocks after the last, at most two a block.
    Stateful,
}

/// Who gets the fee of a trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeeTo {
    /// The pool, as liquidity of the next injection.
    Pool,
    /// The block's author.
    Author,
}

/// A complete set of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Where shares come from.
    pub base: Base,
    /// The gate on top, if any.
    pub gate: Option<Gate>,
    /// Tiers on top, if any.
    pub tiers: Option<Tiers>,
    /// The cap of injected alpha.
    pub cap: Cap,
    /// What becomes of bought alpha.
    pub bought: Bought,
    /// What becomes of the root's part.
    pub root: RootPart,
    /// The moving price.
    pub moving_price: MovingPrice,
    /// The pools.
    pub pool: PoolKind,
    /// The fee.
    pub fee_to: FeeTo,
    /// The epochs.
    pub scheduler: Scheduler,
}

/// Rules, the day from which they held, and where that is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preset {
    /// A short name.
    pub name: &'static str,
    /// The day of the release.
    pub from: Date,
    /// Repository and release or commit, and path where it is not one of the usual.
    pub source: &'static str,
    /// How far the rules can be trusted.
    pub class: Fidelity,
    /// What is off or assumed because it could not be confirmed.
    pub open: &'static [&'static str],
    /// The rules.
    pub rules: Rules,
}

/// A day before the first preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no pools on {date}: dTAO started on {first} (opentensor/subtensor v2.0.0); before, the root \
     network's weights decided and subnets had no token. Take a day from {first} on, or set \
     `shares: given`"
)]
pub struct BeforeLaunch {
    /// The day asked for.
    pub date: Date,
    /// The first that has rules.
    pub first: Date,
}

/// A day of the table below.
const fn day(year: u16, month: u8, day: u8) -> Date {
    Date::new(year, month, day).expect("days of the table are days")
}

impl Preset {
    /// The rules of a day.
    ///
    /// # Errors
    /// For a day before dTAO.
    pub fn on(date: Date) -> Result<Self, BeforeLaunch> {
        let all = Self::all();
        let first = all[0].from;
        all.into_iter().rfind(|preset| preset.from <= date).ok_or(BeforeLaunch { date, first })
    }

    /// The preset of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().into_iter().find(|preset| preset.name == name)
    }

    /// All of them, in order of their days.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "one table")]
    pub fn all() -> Vec<Self> {
        const SINCE_TICKS: [&str; 1] =
            ["users' own positions in the tick pools are left out: the protocol's is the only one"];
        const GATED: [&str; 4] = [
            "q = 0.75 is an operator's reading of the live value; the code's default is 0.61",
            "rank mode of the gate (32) is off: not confirmed live",
            "ranked tiers are off: not confirmed live",
            "the cap of chain buys and the reservoir of injections are off: not confirmed live",
        ];
        let first = Rules {
            base: Base::PriceCoarse,
            gate: None,
            tiers: None,
            cap: Cap::Emission,
            bought: Bought::Recycled,
            root: RootPart::Sold,
            moving_price: MovingPrice::Constant,
            pool: PoolKind::ConstantProduct,
            fee_to: FeeTo::Author,
            scheduler: Scheduler::ByNumber,
        };
        let mut presets = Vec::new();
        let mut rules = first;
        let mut add = |name, from, source, class, open, rules| {
            presets.push(Self { name, from, source, class, open, rules });
        };
        let published = Fidelity::Published;

        add(
            "dtao",
            day(2025, 2, 13),
            "opentensor/subtensor v2.0.4 (5073ade6)",
            published,
            &[],
            rules,
        );

        rules.moving_price = MovingPrice::Coarse;
        add(
            "growing_average",
            day(2025, 3, 19),
            "opentensor/subtensor v2.0.8",
            published,
            &[],
            rules,
        );

        (rules.pool, rules.fee_to) = (PoolKind::Ticks, FeeTo::Pool);
        add(
            "ticks",
            day(2025, 7, 23),
            "opentensor/subtensor v3.2.2 (7b541095)",
            published,
            &[
                "users' own positions in the tick pools are left out: the protocol's is the only one",
                "until 2025-10-09 (3a91f29d) injections and fees did not wait for a fitting price; \
                 here they do",
            ],
            rules,
        );

        (rules.cap, rules.root) = (Cap::EmissionOrBuy, RootPart::SoldOrLeft);
        add(
            "chain_buys",
            day(2025, 10, 7),
            "opentensor/subtensor v3.2.9-326",
            published,
            &SINCE_TICKS,
            rules,
        );

        (rules.base, rules.root) = (Base::Flow, RootPart::KeptOrLeft);
        add(
            "flow",
            day(2025, 11, 6),
            "opentensor/subtensor v3.2.12-342 (6a76ecc0), averages from zero as v3.2.16-349",
            published,
            &[
                "users' own positions in the tick pools are left out: the protocol's is the only one",
                "of 2025-11-04 to 11-06, when shares changed twice, only the last state is kept; \
                 until 2025-12-01 averages began at the price instead of zero",
            ],
            rules,
        );

        rules.root = RootPart::KeptOrRecycled;
        add(
            "flow_recycled_root",
            day(2025, 11, 7),
            "opentensor/subtensor v3.2.13-343",
            published,
            &SINCE_TICKS,
            rules,
        );

        rules.cap = Cap::BlockOrBuy;
        add(
            "flow_block_cap",
            day(2025, 12, 12),
            "opentensor/subtensor v3.3.1-362",
            published,
            &SINCE_TICKS,
            rules,
        );

        rules.fee_to = FeeTo::Author;
        add(
            "flow_author_fee",
            day(2026, 3, 11),
            "opentensor/subtensor v3.3.11-385",
            published,
            &[
                "users' own positions in the tick pools are left out: the protocol's is the only one",
                "weighted pools of v3.3.10-380 (2026-02-20), taken back on 2026-02-25 (996b98df), \
                 are left out",
            ],
            rules,
        );

        rules.base = Base::NetFlow;
        add(
            "net_flow",
            day(2026, 5, 27),
            "opentensor/subtensor v3.4.0-411 (486037ba)",
            published,
            &SINCE_TICKS,
            rules,
        );

        rules.bought = Bought::Kept;
        add(
            "net_flow_kept_alpha",
            day(2026, 6, 1),
            "opentensor/subtensor v3.4.1-413",
            published,
            &SINCE_TICKS,
            rules,
        );

        (rules.base, rules.cap) = (Base::PriceBurnRoot, Cap::RootOrBuy);
        add(
            "price_burn_root",
            day(2026, 6, 22),
            "opentensor/subtensor v3.4.6-421 (6016381e)",
            published,
            &SINCE_TICKS,
            rules,
        );

        (rules.pool, rules.moving_price, rules.scheduler) =
            (PoolKind::Weighted, MovingPrice::Fine, Scheduler::Stateful);
        add(
            "weighted_pools",
            day(2026, 6, 25),
            "opentensor/subtensor v3.4.8-423 (06032d51)",
            published,
            &[],
            rules,
        );

        rules.base = Base::PriceBurn;
        add(
            "price_burn",
            day(2026, 6, 30),
            "opentensor/subtensor @ 14bc6f9f (runtime 425)",
            published,
            &["ownership by conviction is left out: not confirmed live"],
            rules,
        );

        rules.gate = Some(Gate { quantile: U64F64::from_bits(3 << 62), ..Gate::default() });
        add(
            "gate",
            day(2026, 7, 27),
            "RaoFoundation/subtensor @ f8ff769a (runtime 440), coinbase/subnet_emissions.rs",
            Fidelity::Assumed,
            &GATED,
            rules,
        );
        presets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn days_are_days() {
        for text in
            ["2026-02-29", "2026-13-01", "2026-00-10", "2026-1-010", "26-01-01", "", "+026-01-01"]
        {
            let error = text.parse::<Date>().unwrap_err().to_string();
            assert!(error.contains("expected a day of the calendar"), "{error}");
        }
        assert_eq!(date("2024-02-29").to_string(), "2024-02-29");
        assert!(serde_json::from_str::<Date>("\"2025-06-31\"").is_err());
    }

    #[test]
    fn presets_are_in_order_and_named_once() {
        let all = Preset::all();
        assert!(all.windows(2).all(|pair| pair[0].from < pair[1].from));
        for preset in &all {
            assert_eq!(Preset::named(preset.name).as_ref(), Some(preset));
            assert_eq!(Preset::on(preset.from).as_ref(), Ok(preset));
            assert!(preset.class != Fidelity::Assumed || !preset.open.is_empty());
        }
    }

    #[test]
    fn the_day_decides() {
        for (day, want) in [
            ("2025-02-13", "dtao"),
            ("2025-11-06", "flow"),
            ("2026-05-27", "net_flow"),
            ("2026-06-24", "price_burn_root"),
            ("2026-07-26", "price_burn"),
            ("2030-01-01", "gate"),
        ] {
            assert_eq!(Preset::on(date(day)).unwrap().name, want, "{day}");
        }
        let error = Preset::on(date("2025-02-12")).unwrap_err();
        assert!(
            error.to_string().starts_with("no pools on 2025-02-12: dTAO started on 2025-02-13")
        );
    }
}
