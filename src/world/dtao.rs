//! `emission: { dtao: … }`: the economy block by block, and those who act in it.
//!
//! In every block the rules of [`economy`] come first; then epochs that closed are settled
//! (what participants sell, what the root claims), newcomers buy places, traders look. Who
//! holds a subnet's alpha is kept beside the economy's own count and compared with it at every
//! epoch ([`Dtao::audit`]).

use std::collections::BTreeMap;

use mechanisms::emission::economy::{self, Economy, Input, Payout, Subnet};
use mechanisms::emission::shares::Base;
use mechanisms::pool::{Filled, Side, Trade};
use mechanisms::trader::{Trader, View};
use serde::{Deserialize, Serialize};
use sim_core::streams::Streams;
use sim_types::fixed::{I96F32, U64F64};
use sim_types::record::{EconomyRow, PoolRow};
use sim_types::stream::Key;
use sim_types::{
    Amount, ParamError, Rejected, Share, SimDuration, SimTime, StateMachine, Stream, split_exactly,
};

use crate::plan::{self, Registrations, Sales};

mod delegation;
mod founding;
mod stakes;

pub(super) use delegation::{Delegation, Passed};
pub(super) use founding::Opened;
use founding::{Founding, Turnover};
pub(super) use stakes::{Pay, Stakes};

/// The economy and everybody in it who is no member of a subnet.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Dtao {
    rep: u32,
    economy: Economy,
    height: u64,
    interval: SimDuration,
    miner_burn: Share,
    sales: Sales,
    registrations: Registrations,
    founding: Option<Founding>,
    /// By subnet.
    books: Vec<Book>,
    actors: Vec<Actor>,
    /// Who looks in which block.
    looks: BTreeMap<u64, Vec<u32>>,
    arrivals: Key,
    /// Whether its first row was asked for.
    opened: bool,
    /// Epochs that closed and were not yet taken.
    due: Vec<Due>,
    /// Rows not yet taken.
    #[serde(skip)]
    rows: Vec<PoolRow>,
    /// Subnets that closed and opened since the last look.
    turnovers: Vec<Turnover>,
    #[serde(skip)]
    effects: Vec<economy::Effect>,
}

/// What is kept of a subnet between two epochs, and who holds its alpha.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Book {
    epoch: u64,
    received: u64,
    bought: u64,
    sold: u64,
    /// Blocks in which newcomers came.
    newcomers: Vec<u64>,
    /// The subnet that opened in this place since the last epoch.
    opened: Option<Opened>,
    holders: Holders,
}

/// Alpha by holder, smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Holders {
    members: u64,
    traders: u64,
    owner: u64,
    root: u64,
    others: u64,
}

impl Holders {
    fn sum(&self) -> u64 {
        self.members + self.traders + self.owner + self.root + self.others
    }
}

/// A trader in one subnet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Actor {
    rule: Trader,
    subnet: u16,
    tao: u64,
    alpha: u64,
    every: u64,
    key: Key,
}

/// An epoch that closed: what its subnet divides among its members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Due {
    pub(super) subnet: u16,
    pub(super) epoch: u64,
    pub(super) height: u64,
    /// Alpha set aside.
    pub(super) payout: Payout,
    /// TAO for one alpha.
    pub(super) price: U64F64,
    /// Part of the providers' pay that is burned.
    pub(super) miner_burn: Share,
    /// What providers keep after the burn and their sales.
    pub(super) kept_miners: u64,
    /// What validators keep after their sales.
    pub(super) kept_validators: u64,
    /// All alpha of members after this epoch.
    pub(super) members: u64,
    /// TAO on the root, and what it counts in alpha.
    pub(super) root: u64,
    pub(super) root_weighted: u64,
    /// Blocks in which newcomers came since the last epoch.
    pub(super) newcomers: Vec<u64>,
    /// The subnet is another one than at the last epoch.
    pub(super) opened: Option<Opened>,
}

impl Due {
    /// Alpha that consensus divides: half for providers, half for validators and the root.
    pub(super) fn emission(&self) -> Amount {
        let Payout { server, validator, root, .. } = self.payout;
        Amount(u128::from(server) + u128::from(validator) + u128::from(root))
    }

    /// Alpha in TAO, at the price of the pool.
    pub(super) fn value(&self, alpha: Amount) -> Amount {
        let alpha = u64::try_from(alpha.0).unwrap_or(u64::MAX);
        Amount(U64F64::from(alpha).saturating_mul(self.price).to_u64().into())
    }
}

/// Alpha whose holder is unknown: a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unbalanced {
    #[error(transparent)]
    Economy(#[from] economy::Imbalance),
    #[error("subnet {subnet}: {held} alpha held, {known} with known holders in block {block}")]
    Holders { subnet: u16, held: u64, known: u64, block: u64 },
}

impl Dtao {
    /// # Errors
    /// When the economy refuses its parameters: plans are checked.
    pub(super) fn new(
        plan: &plan::Dtao,
        members: &[u64],
        validators: &[u64],
        tempo: u64,
        interval: SimDuration,
        streams: Streams,
        rep: u32,
    ) -> Result<Self, ParamError> {
        let mut economy = Economy::new(plan.economy.clone())?;
        let tempo = u16::try_from(tempo).unwrap_or(u16::MAX);
        let origin = plan.economy.block;
        let shown =
            |error: Rejected| ParamError::new("economy", error, "an economy that can start");
        economy.apply(Input::RootStaked { amount: plan.root }, &mut Vec::new()).map_err(shown)?;
        let mut books = Vec::new();
        let share = U64F64::ONE.safe_div(U64F64::from(plan.pools.len().max(1) as u64));
        for (pool, &staked) in plan.pools.iter().zip(members) {
            let netuid = economy.open_subnet(pool.tao, pool.alpha, tempo);
            economy.grant(netuid, pool.outside).map_err(shown)?;
            let started = (origin + 1).saturating_sub(plan.age);
            economy.started_at(netuid, started).map_err(shown)?;
            // A new subnet's moving price starts at 0.
            if plan.age > 0 {
                let price = economy.subnet(netuid).map_or(U64F64::ZERO, Subnet::price);
                let price = I96F32::from(price.min(U64F64::ONE));
                economy.set_moving_price(netuid, price).map_err(shown)?;
            }
            if plan.economy.rules.base == Base::Given {
                let input = Input::ShareGiven { netuid, share };
                economy.apply(input, &mut Vec::new()).map_err(shown)?;
            }
            let holders = Holders {
                members: staked,
                others: pool.outside.saturating_sub(staked),
                ..Holders::default()
            };
            books.push(Book { holders, ..Book::default() });
        }
        let founding = plan.subnet_registrations.map(|terms| {
            economy.limit_subnets(plan.pools.len(), terms.immunity);
            let arrivals = streams.key("subnets", "arrivals");
            Founding::new(terms, validators, tempo, share, arrivals)
        });
        let mut this = Self {
            rep,
            economy,
            height: 0,
            interval,
            miner_burn: plan.miner_burn,
            sales: plan.sales,
            registrations: plan.registrations,
            founding,
            books,
            actors: Vec::new(),
            looks: BTreeMap::new(),
            arrivals: streams.key("newcomers", "arrivals"),
            opened: false,
            due: Vec::new(),
            rows: Vec::new(),
            turnovers: Vec::new(),
            effects: Vec::new(),
        };
        this.add_traders(plan, streams);
        Ok(this)
    }

    fn add_traders(&mut self, plan: &plan::Dtao, streams: Streams) {
        for group in &plan.traders {
            for &subnet in &group.subnets {
                for number in 0..group.count {
                    let name = format!("subnet{subnet}/{}/{number}", group.name);
                    let key = streams.key(&name, "trades");
                    let phase = streams.stream(&name, "looks", 0).below(group.every);
                    let index = u32::try_from(self.actors.len()).unwrap_or(u32::MAX);
                    self.looks.entry(1 + phase).or_default().push(index);
                    let holders = &mut self.books[usize::from(subnet)].holders;
                    holders.traders += group.alpha;
                    holders.others -= group.alpha;
                    self.actors.push(Actor {
                        rule: group.rules[usize::from(subnet)],
                        subnet,
                        tao: group.tao,
                        alpha: group.alpha,
                        every: group.every,
                        key,
                    });
                }
            }
        }
    }

    /// TAO issued, less what was recycled.
    pub(super) fn issuance(&self) -> Amount {
        Amount(self.economy.ledger().issuance.into())
    }

    /// Epochs that closed since the last look.
    pub(super) fn take_due(&mut self) -> Vec<Due> {
        core::mem::take(&mut self.due)
    }

    /// Rows since the last look.
    pub(super) fn take_rows(&mut self) -> Vec<PoolRow> {
        core::mem::take(&mut self.rows)
    }

    /// Subnets that closed and opened since the last look.
    pub(super) fn take_turnovers(&mut self) -> Vec<Turnover> {
        core::mem::take(&mut self.turnovers)
    }

    /// The next block.
    ///
    /// # Panics
    /// When a unit is made or lost.
    pub(super) fn block(&mut self) {
        self.height += 1;
        let mut effects = core::mem::take(&mut self.effects);
        self.economy.advance(&mut effects);
        let drained = core::mem::take(&mut effects);
        let closed = !drained.is_empty();
        for effect in drained {
            if let economy::Effect::EpochDrained(payout) = effect {
                self.settle(payout);
            }
        }
        // Once all are settled: two epochs may close in one block.
        if closed && let Err(error) = self.audit() {
            panic!("money is conserved: {error}");
        }
        self.newcomers(&mut effects);
        self.found(&mut effects);
        if let Some(actors) = self.looks.remove(&self.height) {
            for actor in actors {
                self.look(actor, &mut effects);
                let next = self.height + self.actors[actor as usize].every;
                self.looks.entry(next).or_default().push(actor);
            }
        }
        effects.clear();
        self.effects = effects;
    }

    fn time(&self) -> SimTime {
        SimTime::ZERO + self.interval.times(self.height)
    }

    /// An epoch closed: burn, sales and claims; what is left is its members'.
    fn settle(&mut self, payout: Payout) {
        let netuid = payout.netuid;
        let at = usize::from(netuid) - 1;
        let price = self.price(netuid);
        let withheld = part(self.miner_burn, payout.server);
        let burned = Input::MinersPaid { netuid, withheld, paid: payout.server, recycle: false };
        let mut effects = core::mem::take(&mut self.effects);
        self.economy.apply(burned, &mut effects).expect("the pay was drained a moment ago");
        let miners = payout.server - withheld;
        let offers = [
            part(self.sales.miners, miners),
            part(self.sales.validators, payout.validator),
            part(self.sales.owners, payout.owner),
        ];
        let sold = self.sell(netuid, offers.iter().sum(), &mut effects);
        // A pool that takes only part takes the same part of everybody's.
        let sold = split_exactly(Amount(sold.into()), &offers).unwrap_or_default();
        let sold =
            |who: usize| sold.get(who).map_or(0, |part| u64::try_from(part.0).unwrap_or(u64::MAX));
        let claim = Input::RootClaimed { netuid, alpha: part(self.sales.root, payout.root) };
        effects.clear();
        let claimed = match self.economy.apply(claim, &mut effects) {
            Ok(()) => filled(&effects).map_or(0, |filled| filled.paid_in),
            Err(_) => 0,
        };
        self.effects = effects;

        let kept_miners = miners - sold(0);
        let kept_validators = payout.validator - sold(1);
        let book = &mut self.books[at];
        book.holders.members += kept_miners + kept_validators;
        book.holders.owner += payout.owner - sold(2);
        book.holders.root += payout.root - claimed;
        let due = Due {
            subnet: netuid - 1,
            epoch: book.epoch,
            height: self.height,
            payout,
            price,
            miner_burn: self.miner_burn,
            kept_miners,
            kept_validators,
            members: book.holders.members,
            root: self.economy.ledger().root,
            root_weighted: mechanisms::emission::root::weighted_root_tao(
                self.economy.ledger().root,
                self.economy.tao_weight(),
            )
            .to_u64(),
            newcomers: core::mem::take(&mut book.newcomers),
            opened: book.opened.take(),
        };
        self.record(&due, withheld);
        self.due.push(due);
    }

    fn price(&self, netuid: u16) -> U64F64 {
        self.economy.subnet(netuid).map_or(U64F64::ZERO, Subnet::price)
    }

    /// Sells alpha; how much the pool took.
    fn sell(&mut self, netuid: u16, amount: u64, effects: &mut Vec<economy::Effect>) -> u64 {
        if amount == 0 {
            return 0;
        }
        let trade = Trade::new(Side::Sell, amount);
        self.trade(netuid, trade, effects).map_or(0, |filled| filled.paid_in + filled.fee)
    }

    /// A trade, unless the pool refuses: too much for it, or too little.
    fn trade(
        &mut self,
        netuid: u16,
        trade: Trade,
        effects: &mut Vec<economy::Effect>,
    ) -> Option<Filled> {
        effects.clear();
        self.economy.apply(Input::Traded { netuid, trade }, effects).ok()?;
        let filled = filled(effects)?;
        let book = &mut self.books[usize::from(netuid) - 1];
        match trade.side {
            Side::Buy => book.bought += filled.paid_in + filled.fee,
            Side::Sell => book.sold += filled.paid_out,
        }
        Some(filled)
    }

    /// Newcomers buy places while they cost what they would pay.
    fn newcomers(&mut self, effects: &mut Vec<economy::Effect>) {
        let Registrations { per_day, at_most, .. } = self.registrations;
        if per_day <= 0.0 || self.books.is_empty() {
            return;
        }
        let blocks = 86_400.0 / self.interval.seconds();
        #[expect(clippy::cast_precision_loss, reason = "a few thousand subnets")]
        let rate = per_day * self.books.len() as f64 / blocks;
        let mut stream = Stream::new(self.arrivals, self.height);
        let mut waited = stream.exponential(1.0 / rate);
        while waited < 1.0 {
            let at = usize::try_from(stream.below(self.books.len() as u64)).unwrap_or(0);
            let netuid = u16::try_from(at).unwrap_or(0) + 1;
            let price = self.economy.subnet(netuid).map_or(u64::MAX, Subnet::burn);
            let input = Input::NeuronRegistered { netuid };
            if price <= at_most && self.economy.apply(input, effects).is_ok() {
                self.books[at].newcomers.push(self.height);
                self.books[at].bought += price;
            }
            waited += stream.exponential(1.0 / rate);
        }
    }

    /// A trader looks at its subnet, and may trade.
    fn look(&mut self, index: u32, effects: &mut Vec<economy::Effect>) {
        let (height, at) = (self.height, index as usize);
        let netuid = self.actors[at].subnet + 1;
        let price = self.price(netuid);
        let actor = &mut self.actors[at];
        let view = View { block: height, price, tao: actor.tao, alpha: actor.alpha };
        let mut stream = Stream::new(actor.key, height);
        let Some(trade) = actor.rule.act(&view, &mut stream) else { return };
        let Some(filled) = self.trade(netuid, trade, effects) else { return };
        let actor = &mut self.actors[at];
        let holders = &mut self.books[usize::from(actor.subnet)].holders;
        let spent = filled.paid_in + filled.fee;
        match trade.side {
            Side::Buy => {
                actor.tao -= spent;
                actor.alpha += filled.paid_out;
                holders.traders += filled.paid_out;
            }
            Side::Sell => {
                actor.alpha -= spent;
                actor.tao += filled.paid_out;
                holders.traders -= spent;
            }
        }
    }

    /// Every unit has its holder.
    ///
    /// # Errors
    /// Names the first account that does not add up.
    pub(super) fn audit(&self) -> Result<(), Unbalanced> {
        self.economy.conservation()?;
        for (subnet, book) in self.economy.subnets().iter().zip(&self.books) {
            let (held, known) = (subnet.held(), book.holders.sum());
            if held != known {
                let subnet = subnet.netuid() - 1;
                return Err(Unbalanced::Holders { subnet, held, known, block: self.height });
            }
        }
        Ok(())
    }

    fn record(&mut self, due: &Due, withheld: u64) {
        let Some(subnet) = self.economy.subnet(due.payout.netuid) else { return };
        let share = self.economy.last_shares().get(usize::from(due.subnet));
        let book = &mut self.books[usize::from(due.subnet)];
        let received = subnet.received();
        let amount = |units: u64| Amount(units.into());
        self.rows.push(PoolRow {
            rep: self.rep,
            subnet: due.subnet,
            epoch: due.epoch,
            height: due.height,
            time: (SimTime::ZERO + self.interval.times(due.height)).0,
            tao: amount(subnet.pool().tao()),
            alpha: amount(subnet.pool().alpha()),
            alpha_out: amount(subnet.alpha_out()),
            price: billionths(subnet.price()),
            moving_price: billionths(subnet.moving_price().into()),
            share_ppb: billionths(share.copied().unwrap_or_default()),
            emitted: amount(received - book.received),
            bought: amount(core::mem::take(&mut book.bought)),
            sold: amount(core::mem::take(&mut book.sold)),
            owner: amount(due.payout.owner),
            miners: amount(due.payout.server),
            validators: amount(due.payout.validator),
            root: amount(due.payout.root),
            burned: amount(withheld),
            burn_price: amount(subnet.burn()),
            registered: u32::try_from(due.newcomers.len()).unwrap_or(u32::MAX),
        });
        book.received = received;
        book.epoch += 1;
    }

    /// The coin of the whole network before the first block, the first time this is asked.
    pub(super) fn opening(&mut self) -> Option<EconomyRow> {
        let opens = !core::mem::replace(&mut self.opened, true) && self.height == 0;
        opens.then(|| self.row())
    }

    /// The coin of the whole network now.
    pub(super) fn row(&self) -> EconomyRow {
        let ledger = self.economy.ledger();
        let totals = self.economy.totals();
        let prices = self.economy.subnets().iter().map(Subnet::moving_price);
        let amount = |units: u64| Amount(units.into());
        EconomyRow {
            rep: self.rep,
            time: self.time().0,
            height: self.height,
            issuance: amount(ledger.issuance),
            emission: amount(self.economy.block_emission()),
            liquid: amount(ledger.liquid),
            root: amount(ledger.root),
            pools: amount(totals.pools + totals.pending),
            lost: amount(ledger.stranded + ledger.burned),
            price_sum: prices.map(|price| billionths(price.into())).sum(),
            bar_ppb: billionths(self.economy.bar()),
            lock_cost: amount(self.economy.lock_cost()),
        }
    }
}

/// What the last trade did.
fn filled(effects: &[economy::Effect]) -> Option<Filled> {
    effects.iter().rev().find_map(|effect| match effect {
        economy::Effect::Traded { filled, .. } => Some(*filled),
        _ => None,
    })
}

fn part(share: Share, amount: u64) -> u64 {
    u64::try_from(share.of(Amount(amount.into())).0).unwrap_or(amount)
}

/// A fraction in billionths, rounded down.
fn billionths(x: U64F64) -> u64 {
    x.saturating_mul(U64F64::from(1_000_000_000)).to_u64()
}
