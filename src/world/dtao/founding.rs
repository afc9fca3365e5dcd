//! Subnets that are bought, and those that close for it.
//!
//! There are as many places as the scenario has subnets. Whoever locks what a subnet costs
//! ([`mechanisms::registration::lock`]) has the one of the least moving price closed, unless all
//! are too young; its pool's TAO goes to those who hold its alpha, by how much
//! ([`mechanisms::registration::subnets::dissolution`]), and the new subnet has its number.
//! After `do_register_network` and `destroy_alpha_in_out_stakes` of opentensor/subtensor @
//! 14bc6f9f. What differs: emission of the new subnet begins at once, the former owner's lock is
//! not refunded, and the pool's own alpha is never a holder.

use core::fmt;

use mechanisms::emission::economy::{self, Input};
use mechanisms::emission::shares::Base;
use mechanisms::pool::{Side, Trade};
use mechanisms::registration::subnets::dissolution;
use serde::{Deserialize, Serialize};
use sim_types::fixed::U64F64;
use sim_types::stream::Key;
use sim_types::{SimTime, StateMachine as _, Stream};

use super::{Book, Dtao, Holders};
use crate::plan::SubnetRegistrations;

/// Blocks between two registrations of subnets, `NetworkRateLimit`: a day.
const RATE_LIMIT: u64 = 7_200;

/// Those who would buy a subnet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Founding {
    terms: SubnetRegistrations,
    /// How many validators a subnet has, by place.
    validators: Vec<u64>,
    tempo: u16,
    /// A subnet's share where shares are given.
    share: U64F64,
    arrivals: Key,
    /// The block of the last registration.
    last: Option<u64>,
}

/// A subnet that opened in the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::world) struct Opened {
    pub(in crate::world) height: u64,
    /// Alpha that its validators staked at once, together.
    pub(in crate::world) staked: u64,
}

/// A subnet that closed, and the one that opened in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::world) struct Turnover {
    pub(in crate::world) subnet: u16,
    pub(in crate::world) time: SimTime,
    /// TAO that holders had of the old one, rao.
    pub(in crate::world) tao: u64,
    /// Alpha that they held.
    pub(in crate::world) held: u64,
    /// TAO locked for the new one, rao.
    pub(in crate::world) lock: u64,
}

impl fmt::Display for Turnover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let coins = |units: u64| format!("{}.{:09}", units / 1_000_000_000, units % 1_000_000_000);
        let [tao, held, lock] = [self.tao, self.held, self.lock].map(coins);
        let subnet = self.subnet;
        write!(f, "subnet {subnet}: closed, {tao} TAO for {held} alpha; opened for {lock} TAO")
    }
}

impl Founding {
    pub(super) fn new(
        terms: SubnetRegistrations,
        validators: &[u64],
        tempo: u16,
        share: U64F64,
        arrivals: Key,
    ) -> Self {
        Self { terms, validators: validators.to_vec(), tempo, share, arrivals, last: None }
    }

    /// Whether somebody would buy a subnet in this block at this price.
    fn wanted(&self, height: u64, price: u64, blocks_a_day: f64) -> bool {
        let rate = self.terms.per_day / blocks_a_day;
        let rested = self.last.is_none_or(|last| height >= last + RATE_LIMIT);
        rested
            && rate > 0.0
            && price <= self.terms.at_most
            && Stream::new(self.arrivals, height).exponential(1.0 / rate) < 1.0
    }
}

impl Dtao {
    /// Somebody may buy a subnet.
    ///
    /// # Panics
    /// When alpha of a subnet that closes has no holder, which is a bug.
    pub(super) fn found(&mut self, effects: &mut Vec<economy::Effect>) {
        let Some(founding) = &self.founding else { return };
        let blocks_a_day = 86_400.0 / self.interval.seconds();
        if !founding.wanted(self.height, self.economy.lock_cost(), blocks_a_day) {
            return;
        }
        effects.clear();
        let bought = Input::SubnetRegistered { tempo: founding.tempo };
        // Refused where every subnet is too young to close.
        if self.economy.apply(bought, effects).is_err() {
            return;
        }
        let (mut closed, mut opened) = ((0, 0), None);
        for effect in effects.drain(..) {
            match effect {
                economy::Effect::SubnetClosed { netuid, tao, held } => {
                    closed = (tao, held);
                    self.pay_holders(netuid, tao, held);
                }
                economy::Effect::SubnetOpened { netuid, lock, .. } => opened = Some((netuid, lock)),
                _ => {}
            }
        }
        if let Some((netuid, lock)) = opened {
            self.begin(netuid, effects);
            self.turnovers.push(Turnover {
                subnet: netuid - 1,
                time: self.time(),
                tao: closed.0,
                held: closed.1,
                lock,
            });
        }
    }

    /// A subnet closes: its TAO is liquid, and its holders'.
    fn pay_holders(&mut self, netuid: u16, tao: u64, held: u64) {
        let Holders { members, traders: _, owner, root, others } =
            core::mem::take(&mut self.books[usize::from(netuid) - 1].holders);
        let mut holdings = vec![members, owner, root, others];
        let traders = || self.actors.iter().filter(|actor| actor.subnet + 1 == netuid);
        let named = holdings.len();
        holdings.extend(traders().map(|actor| actor.alpha));
        assert_eq!(holdings.iter().sum::<u64>(), held, "alpha of subnet {} at its end", netuid - 1);
        let paid = dissolution(tao, &holdings);
        let traders = self.actors.iter_mut().filter(|actor| actor.subnet + 1 == netuid);
        for (actor, paid) in traders.zip(paid.into_iter().skip(named)) {
            actor.alpha = 0;
            actor.tao += paid;
        }
    }

    /// A new subnet has its number: it starts, and its validators stake.
    fn begin(&mut self, netuid: u16, effects: &mut Vec<economy::Effect>) {
        let place = usize::from(netuid) - 1;
        let Some(founding) = &mut self.founding else { return };
        founding.last = Some(self.height);
        let count = founding.validators.get(place).copied().unwrap_or(0);
        let stake = founding.terms.stake.saturating_mul(count);
        let mut inputs = vec![
            Input::Switched { netuid, emission: true, registration: true, owner_cut: true },
            Input::SubnetStarted { netuid },
        ];
        if self.economy.rules().base == Base::Given {
            inputs.push(Input::ShareGiven { netuid, share: founding.share });
        }
        for input in inputs {
            self.economy.apply(input, effects).expect("the subnet opened a moment ago");
        }
        let epoch = self.books[place].epoch;
        self.books[place] = Book { epoch, ..Book::default() };
        let bought = (stake > 0).then(|| self.trade(netuid, Trade::new(Side::Buy, stake), effects));
        let staked = bought.flatten().map_or(0, |filled| filled.paid_out);
        let book = &mut self.books[place];
        book.holders.members = staked;
        book.opened = Some(Opened { height: self.height, staked });
    }
}

#[cfg(test)]
mod tests {
    use mechanisms::emission::economy::Subnet;
    use sim_core::streams::Streams;
    use sim_types::SimDuration;

    use super::*;
    use crate::plan::{Emission, Plan};
    use crate::scenario::Source;

    /// Three old subnets of one trader each, and a founder in every block.
    const THREE: &str = "
schema: 1
title: Founders
horizon: 2d
resolution: aggregate
subnets: 3
population:
  validators: { role: validator, count: 2, stake: 1000 TAO, hardware: a100_sxm }
  miners: { role: provider, count: 4, hardware: rtx_4090 }
demand:
  poisson: { rate_per_second: 1, prompt_tokens: { fixed: 50 }, output_tokens: { fixed: 20 } }
market: { validator_dispatch: {} }
execution: { roofline: { model: llama_3_1_8b } }
verification: { scoring: {} }
settlement: { slots: {} }
reward: { yuma: {} }
emission:
  dtao:
    rules: 2026-06-30
    issuance: 10000000 TAO
    pool: { tao: { uniform: { min: 1000 TAO, max: 9000 TAO } }, alpha: 50000 TAO, outside: 7000 TAO }
    subnet_registrations: { per_day: 7200, immunity: 50000 }
    traders:
      whale: { rule: { whale: { leaves_at: 9d, parts: 1, every: 1d } }, funds: 5 TAO, holds: 3000 TAO }
";

    fn opened(text: &str) -> (Plan, Dtao) {
        let read = Source::from_text("founders.yaml", text).and_then(|source| source.plan());
        let plan = read.unwrap_or_else(|found| panic!("{}", found.render(false))).0;
        let Emission::Dtao(dtao) = &plan.emission else { panic!("an economy") };
        let staked = 2_000_000_000_000;
        let streams = Streams::new(plan.seed, 0);
        let interval = SimDuration::from_secs(12);
        let world = Dtao::new(dtao, &[staked; 3], &[2; 3], 360, interval, streams, 0).unwrap();
        (plan, world)
    }

    #[test]
    fn the_cheapest_subnet_pays_its_holders_and_makes_room() {
        let (plan, mut world) = opened(THREE);
        let Emission::Dtao(dtao) = &plan.emission else { panic!("an economy") };
        // All pools hold as much alpha: the least TAO is the least price.
        let cheapest = (0..3).min_by_key(|&at| dtao.pools[at].tao).unwrap();
        let other_prices: Vec<f64> = (0..3)
            .filter(|&at| at != cheapest)
            .map(|at| world.economy.subnets()[at].price().to_f64())
            .collect();
        let liquid = world.economy.ledger().liquid;
        world.block();
        let turnovers = world.take_turnovers();
        let [turnover] = &turnovers[..] else { panic!("one: {turnovers:?}") };
        assert_eq!(usize::from(turnover.subnet), cheapest);

        let said = turnover.to_string();
        let end = "TAO for 12000.000000000 alpha; opened for 1000.000000000 TAO";
        assert!(said.starts_with("subnet ") && said.ends_with(end), "{said}");

        // What was in the pool, and what one block put there.
        let pooled = turnover.tao - dtao.pools[cheapest].tao;
        assert!(pooled <= 1_000_000_000, "{pooled}");
        // The stakes, the trader and the 7,000 outside.
        assert_eq!(turnover.held, 12_000_000_000_000);
        let trader = &world.actors[cheapest];
        assert_eq!((trader.subnet, trader.alpha), (turnover.subnet, 0));
        let paid = trader.tao - 5_000_000_000;
        assert!(paid.abs_diff(turnover.tao / 4) <= 1, "3,000 of 12,000 alpha: {paid}");

        // The first lock is the least; two validators add 10 TAO each, one fee less.
        assert_eq!(turnover.lock, 1_000_000_000_000);
        let spent = liquid + turnover.tao - world.economy.ledger().liquid;
        assert!((spent - turnover.lock).abs_diff(20_000_000_000) <= 20_000_000, "{spent}");
        let subnet: &Subnet = &world.economy.subnets()[cheapest];
        let median = other_prices.iter().sum::<f64>() / 2.0;
        #[expect(clippy::cast_precision_loss, reason = "compared to a part in a thousand")]
        let alpha = subnet.alpha_issuance() as f64;
        assert!((alpha * median / 1e12 - 1.0).abs() < 1e-3, "{alpha} alpha at {median}");
        let Holders { members, others, owner, root, traders } = world.books[cheapest].holders;
        assert_eq!((others, owner, root, traders), (0, 0, 0, 0));
        assert_eq!(members, subnet.held());
        assert_eq!(world.books[cheapest].opened, Some(Opened { height: 1, staked: members }));
        world.audit().unwrap();

        // A day later the next, which is not the one that is young; by then twice the lock has
        // fallen by a fourteenth of one.
        (0..RATE_LIMIT - 1).for_each(|_| world.block());
        assert_eq!(world.take_turnovers(), []);
        world.block();
        let next = world.take_turnovers();
        assert_eq!(next.len(), 1);
        assert_ne!(next[0].subnet, turnover.subnet);
        assert!(next[0].lock.abs_diff(2_000_000_000_000 - 1_000_000_000_000 / 14) < 1_000_000);
        world.audit().unwrap();
    }

    #[test]
    fn nobody_founds_at_too_high_a_price_or_where_all_are_young() {
        for (from, to) in [
            ("immunity: 50000", "at_most: 999 TAO"),
            ("immunity: 50000", "immunity: 5000000"),
            ("per_day: 7200", "per_day: 0"),
        ] {
            let (_, mut world) = opened(&THREE.replace(from, to));
            (0..400).for_each(|_| world.block());
            assert_eq!(world.take_turnovers(), [], "{to}");
        }
    }
}
