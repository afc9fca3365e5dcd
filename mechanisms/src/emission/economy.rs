//! The chain's economy, one block at a time.
//!
//! | step | what | where |
//! |---|---|---|
//! | R1 | the price of registration decays | [`crate::registration::burn_price`] |
//! | R2 | TAO is minted by the issuance | [`super::issuance`] |
//! | R3 | shares of the subnets that take part | [`super::shares`], [`super::flow`], [`super::gate`], [`super::tiers`] |
//! | R4 | into each pool go TAO and alpha; what is beyond the cap buys alpha | [`super::terms`], [`crate::pool`] |
//! | R5 | alpha for the participants accrues, divided among owner, miners, validators, root | [`super::split`] |
//! | R6 | the moving price follows | [`super::moving_price`] |
//! | R7 | epochs that are due pay out what accrued | [`crate::registration::scheduler`] |
//!
//! Between blocks come trades, stakes on the root, registrations and what an epoch's consensus
//! said of the miners. Which rules hold is a [`Rules`] of [`super::preset`].
//!
//! **Accounts.** Every unit of TAO is liquid, on the root, in a pool, pending for the root,
//! stranded or burned; every unit of a subnet's alpha is in its pool, pending, held, the
//! protocol's, burned or dust. [`Economy::advance`] checks what it moved, block by block;
//! [`Economy::conservation`] adds everything up.
//!
//! Deviations from the chain, all of them in the older rules: where a root part could not be
//! sold it becomes dust (the chain lost sight of it likewise); pending alpha of miners and
//! validators that was kept in one sum until November 2025 is halved at the epoch, as consensus
//! does while both have something to be paid for.
//!
//! ```
//! use mechanisms::emission::economy::{Economy, Params};
//! use mechanisms::emission::preset::Preset;
//! let preset = Preset::on("2026-07-01".parse()?)?;
//! let mut economy = Economy::new(Params::new(preset.rules, 1_000_000_000_000_000))?;
//! let netuid = economy.open_subnet(10_000_000_000_000, 50_000_000_000_000, 360);
//! economy.start(netuid)?;
//! let mut effects = Vec::new();
//! for _ in 0..360 {
//!     economy.advance(&mut effects);
//! }
//! economy.conservation()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use serde::{Deserialize, Serialize};
use sim_types::fixed::{I96F32, U64F64, U96F32};
use sim_types::{ParamError, Rejected, StateMachine};

use super::flow::FlowParams;
use super::gate::Gate;
use super::issuance::Step;
use super::moving_price::{Factor, Smoothing, age};
use super::preset::{Bought, FeeTo, PoolKind, RootPart, Rules, Scheduler};
use super::root::{TAO_WEIGHT, root_proportion, root_sell_flag, tao_weight, weighted_root_tao};
use super::shares::{self, Base};
use super::split::{OWNER_CUT, Parts, cut_fraction};
use super::terms::TermsInputs;
use crate::pool::ticks::Ticks;
use crate::pool::weights::Weights;
use crate::pool::{Curve, Filled, Pool, Side, Trade};
use crate::registration::burn_price::BurnPrice;
use crate::registration::lock::{LockCost, interval_at};
use crate::registration::scheduler::is_due_by_number;
use crate::registration::subnets::{
    NETWORK_IMMUNITY, SUBNET_LIMIT, median_price, opening_alpha, subnet_to_dissolve,
};

mod conservation;
mod messages;
mod subnet;

pub use conservation::{Imbalance, Totals};
pub use messages::{Effect, Input, Payout};
pub use subnet::{Pending, Subnet};

/// What an economy is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Params {
    /// The rules.
    pub rules: Rules,
    /// TAO issued before the first block, rao; all of it liquid.
    pub issuance: u64,
    /// The number of the block before the first.
    pub block: u64,
    /// The weight of TAO on the root, of 2^64 - 1.
    pub tao_weight: u64,
    /// The owner's cut, of 65,535.
    pub owner_cut: u16,
    /// The moving price's smoothing.
    pub smoothing: Smoothing,
    /// Parameters of shares by flow.
    pub flow: FlowParams,
    /// The price of a neuron.
    pub burn_price: BurnPrice,
    /// The price of a subnet.
    pub lock: LockCost,
}

impl Params {
    /// These rules, everything else as the chain has it.
    #[must_use]
    pub fn new(rules: Rules, issuance: u64) -> Self {
        Self {
            rules,
            issuance,
            block: 0,
            tao_weight: TAO_WEIGHT,
            owner_cut: OWNER_CUT,
            smoothing: Smoothing::default(),
            flow: FlowParams::default(),
            burn_price: BurnPrice::default(),
            lock: LockCost::default(),
        }
    }
}

/// TAO outside the pools, rao.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// All there is, burned included, recycled not.
    pub issuance: u64,
    /// In accounts.
    pub liquid: u64,
    /// Staked on the root.
    pub root: u64,
    /// Spent by the protocol on a purchase that its pool refused.
    pub stranded: u64,
    /// Burned.
    pub burned: u64,
}

/// The state of the economy.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Economy {
    params: Params,
    block: u64,
    ledger: Ledger,
    lock: LockCost,
    minted: Step,
    /// The gate's bar; zero while there is none.
    bar: U64F64,
    burn_factor: u64,
    tao_weight: U96F32,
    cut: U96F32,
    subnets: Vec<Subnet>,
    /// How many of them there may be.
    subnet_limit: usize,
    /// Blocks for which a subnet cannot be dissolved.
    network_immunity: u64,
    /// Shares of this block by position in `subnets`, and room for computing them.
    #[serde(skip)]
    shares: Vec<U64F64>,
    #[serde(skip)]
    scratch: Vec<U64F64>,
    #[serde(skip)]
    order: Vec<usize>,
}

/// What all subnets share in one block.
#[derive(Debug, Clone, Copy)]
struct BlockTerms {
    emission: u64,
    root_sells: bool,
    weighted_root: U96F32,
    cut: U96F32,
    rules: Rules,
}

impl Economy {
    /// An economy without subnets.
    ///
    /// # Errors
    /// When the issuance is beyond the cap, or a bound of a price is crossed.
    pub fn new(params: Params) -> Result<Self, ParamError> {
        ParamError::unless(
            params.issuance <= super::issuance::MAX_SUPPLY,
            "issuance",
            params.issuance,
            "at most 21,000,000 TAO",
        )?;
        ParamError::unless(
            params.burn_price.min <= params.burn_price.max,
            "burn_price.min",
            params.burn_price.min,
            "at most `burn_price.max`",
        )?;
        Ok(Self {
            block: params.block,
            ledger: Ledger {
                issuance: params.issuance,
                liquid: params.issuance,
                ..Ledger::default()
            },
            lock: params.lock,
            minted: Step::at(params.issuance),
            bar: U64F64::ZERO,
            burn_factor: params.burn_price.factor_q32(),
            tao_weight: tao_weight(params.tao_weight),
            cut: cut_fraction(params.owner_cut),
            subnets: Vec::new(),
            subnet_limit: SUBNET_LIMIT,
            network_immunity: NETWORK_IMMUNITY,
            shares: Vec::new(),
            scratch: Vec::new(),
            order: Vec::new(),
            params,
        })
    }

    /// The number of the last block.
    #[must_use]
    pub const fn block(&self) -> u64 {
        self.block
    }

    /// TAO outside the pools.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// All subnets, by number.
    #[must_use]
    pub fn subnets(&self) -> &[Subnet] {
        &self.subnets
    }

    /// The subnet of this number.
    #[must_use]
    pub fn subnet(&self, netuid: u16) -> Option<&Subnet> {
        Some(&self.subnets[self.position(netuid)?])
    }

    /// The gate's bar; zero while there is none.
    #[must_use]
    pub const fn bar(&self) -> U64F64 {
        self.bar
    }

    /// The rules in force.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.params.rules
    }

    /// TAO minted by the next block, rao.
    #[must_use]
    pub fn block_emission(&self) -> u64 {
        let mut minted = self.minted;
        minted.emission_at(self.ledger.issuance)
    }

    /// The weight of TAO on the root against alpha.
    #[must_use]
    pub const fn tao_weight(&self) -> U96F32 {
        self.tao_weight
    }

    /// The price of the next subnet, rao.
    #[must_use]
    pub fn lock_cost(&self) -> u64 {
        let mut minted = self.minted;
        let emission = minted.emission_at(self.ledger.issuance);
        LockCost { interval: interval_at(self.lock.interval, emission), ..self.lock }
            .at(self.block + 1)
    }

    /// The share each subnet had of the last block, by position.
    #[must_use]
    pub fn last_shares(&self) -> &[U64F64] {
        &self.shares
    }

    fn position(&self, netuid: u16) -> Option<usize> {
        self.subnets.binary_search_by_key(&netuid, |subnet| subnet.netuid).ok()
    }

    fn known(&self, netuid: u16) -> Result<usize, Rejected> {
        self.position(netuid).ok_or(Rejected::NotOpen(netuid.into()))
    }

    fn curve(&self, tao: u64, alpha: u64) -> Curve {
        match self.params.rules.pool {
            PoolKind::ConstantProduct => Curve::ConstantProduct,
            PoolKind::Ticks => Curve::Ticks(Ticks::new(tao, alpha)),
            PoolKind::Weighted => Curve::Weighted(Weights::default()),
        }
    }

    /// How many subnets there may be besides the root, and for how many blocks after its
    /// registration one cannot be dissolved; the chain's 128 and 180 days unless this is said.
    pub const fn limit_subnets(&mut self, limit: usize, immunity: u64) {
        self.subnet_limit = limit;
        self.network_immunity = immunity;
    }

    /// Opens a subnet with these reserves and returns its number: a scenario's starting point.
    /// The TAO is taken from what is liquid, or issued if that does not suffice.
    pub fn open_subnet(&mut self, tao: u64, alpha: u64, tempo: u16) -> u16 {
        let missing = tao.saturating_sub(self.ledger.liquid);
        self.ledger.issuance += missing;
        self.ledger.liquid = self.ledger.liquid + missing - tao;
        self.insert(tao, alpha, tempo)
    }

    /// Puts alpha into the hands of participants: a scenario's starting point. It counts as
    /// minted, and as outside the pool.
    ///
    /// # Errors
    /// For an unknown subnet, and where all of its alpha would cross the cap of 21 million.
    pub fn grant(&mut self, netuid: u16, alpha: u64) -> Result<(), Rejected> {
        let at = self.known(netuid)?;
        let subnet = &mut self.subnets[at];
        let whole = subnet.alpha_issuance().saturating_add(alpha);
        if whole > super::issuance::MAX_SUPPLY {
            return Err(Rejected::Full("a subnet has at most 21,000,000 alpha"));
        }
        subnet.alpha_out += alpha;
        subnet.held += alpha;
        subnet.minted += alpha;
        Ok(())
    }

    fn insert(&mut self, tao: u64, alpha: u64, tempo: u16) -> u16 {
        let taken = (1..).zip(&self.subnets).find(|(number, subnet)| subnet.netuid != *number);
        let free = u16::try_from(self.subnets.len()).unwrap_or(u16::MAX - 1) + 1;
        let netuid = taken.map_or(free, |(number, _)| number);
        let pool = Pool::new(tao, alpha, self.curve(tao, alpha));
        let subnet = Subnet::new(netuid, pool, tempo, self.block, self.params.burn_price.min);
        self.subnets.insert(usize::from(netuid) - 1, subnet);
        netuid
    }

    /// The owner's start call: emission begins with the next block.
    ///
    /// # Errors
    /// For an unknown subnet and one that has started.
    pub fn start(&mut self, netuid: u16) -> Result<(), Rejected> {
        let at = self.known(netuid)?;
        if self.subnets[at].first_emission_block.is_some() {
            return Err(Rejected::NotPermitted("the subnet has started"));
        }
        self.subnets[at].first_emission_block = Some(self.block + 1);
        Ok(())
    }

    /// Emission of a subnet began in this block already: a scenario's starting point, since the
    /// moving price of a young subnet is stiff.
    ///
    /// # Errors
    /// For an unknown subnet and a block still to come.
    pub fn started_at(&mut self, netuid: u16, block: u64) -> Result<(), Rejected> {
        let at = self.known(netuid)?;
        if block > self.block + 1 {
            return Err(Rejected::NotPermitted("a start still to come"));
        }
        self.subnets[at].first_emission_block = Some(block);
        self.subnets[at].registered_at = block;
        Ok(())
    }

    /// Sets a subnet's moving price: a scenario's starting point.
    ///
    /// # Errors
    /// For an unknown subnet.
    pub fn set_moving_price(&mut self, netuid: u16, price: I96F32) -> Result<(), Rejected> {
        let at = self.known(netuid)?;
        self.subnets[at].moving_price = price;
        Ok(())
    }

    /// One block: R1 to R7.
    ///
    /// # Panics
    /// When a unit is made or lost, which is a bug.
    pub fn advance(&mut self, out: &mut Vec<Effect>) {
        self.block += 1;
        let emission = self.minted.emission_at(self.ledger.issuance);
        let prices = self.compute_shares(emission);
        let terms = BlockTerms {
            emission,
            root_sells: root_sell_flag(prices),
            weighted_root: weighted_root_tao(self.ledger.root, self.tao_weight),
            cut: self.cut,
            rules: self.params.rules,
        };
        let (mut spent, mut ran, mut pooled, mut stranded) = (0_u64, 0, 0_u64, 0);
        let mut root_paid = 0;
        let mut factor: Option<(u64, Factor)> = None;
        for (subnet, &share) in self.subnets.iter_mut().zip(&self.shares) {
            subnet.burn =
                self.params.burn_price.after_block(subnet.burn, self.burn_factor, self.block);
            if let Some(first) = subnet.eligible_since() {
                let before = subnet.pool.tao();
                let tao = if terms.rules.base == Base::PriceCoarse {
                    let price = U96F32::from(subnet.moving_price);
                    shares::of_emission_coarse(price, prices.into(), emission)
                } else {
                    shares::of_emission(share, emission)
                };
                let moved = subnet.emit(tao, &terms);
                subnet.received += moved.spent;
                spent += moved.spent;
                stranded += moved.stranded;
                pooled = pooled + subnet.pool.tao() + moved.root_sold - before;
                // R6: subnets of one age share the factor.
                let age = age(first, self.block);
                let factor = match factor {
                    Some((of, factor)) if of == age => factor,
                    _ => {
                        let new = terms.rules.moving_price.factor(&self.params.smoothing, age);
                        factor = Some((age, new));
                        new
                    }
                };
                subnet.moving_price = factor.next(subnet.moving_price, subnet.price);
            }
            let due = match terms.rules.scheduler {
                Scheduler::Stateful => subnet.schedule.step(self.block, &mut ran),
                Scheduler::ByNumber => {
                    is_due_by_number(subnet.netuid, subnet.schedule.tempo, self.block)
                }
            };
            if due {
                let payout = subnet.drain();
                root_paid += payout.root_tao;
                out.push(Effect::EpochDrained(payout));
            }
        }
        // What is left of the emission is recycled: it was never issued.
        assert!(
            spent <= emission,
            "subnets spent {spent} of {emission} rao in block {}",
            self.block
        );
        assert_eq!(spent, pooled + stranded, "TAO spent and pooled in block {}", self.block);
        self.ledger.issuance += spent;
        self.ledger.stranded += stranded;
        self.ledger.root += root_paid;
    }

    /// R3: shares into `self.shares`, by position; zero for those that take no part. Returns the
    /// sum of the moving prices of those that do.
    fn compute_shares(&mut self, emission: u64) -> U64F64 {
        let Self { subnets, shares, scratch, order, params, ledger, .. } = self;
        let rules = params.rules;
        let eligible = |subnet: &Subnet| subnet.eligible_since().is_some();
        shares.clear();
        shares.extend(subnets.iter().map(|subnet| {
            if eligible(subnet) { U64F64::from(subnet.moving_price) } else { U64F64::ZERO }
        }));
        let prices = match rules.base {
            Base::Price | Base::PriceBurn | Base::PriceBurnRoot => shares::by_price(shares),
            _ => shares::sum(shares),
        };
        match rules.base {
            Base::Price | Base::PriceCoarse => {}
            Base::PriceBurn => shares::weigh(shares, |i| shares::unburned(subnets[i].miner_burned)),
            Base::PriceBurnRoot => {
                let root = weighted_root_tao(ledger.root, tao_weight(params.tao_weight));
                shares::weigh(shares, |i| {
                    let root = root_proportion(root, subnets[i].alpha_issuance());
                    U64F64::from(root).saturating_mul(shares::unburned(subnets[i].miner_burned))
                });
            }
            Base::Given => {
                for (share, subnet) in shares.iter_mut().zip(&*subnets) {
                    *share = if eligible(subnet) { subnet.given_share } else { U64F64::ZERO };
                }
            }
            Base::Flow | Base::NetFlow => {
                let net = rules.base == Base::NetFlow;
                let factor = params.flow.factor();
                for subnet in subnets.iter_mut().filter(|subnet| eligible(subnet)) {
                    subnet.flow.close_block(factor, net);
                }
                let flows = subnets.iter().filter(|subnet| eligible(subnet)).map(|s| &s.flow);
                super::flow::shares(flows, net, &params.flow, scratch);
                let mut each = scratch.iter();
                for (share, subnet) in shares.iter_mut().zip(&*subnets) {
                    *share = if eligible(subnet) {
                        each.next().copied().unwrap_or_default()
                    } else {
                        U64F64::ZERO
                    };
                }
            }
        }
        if let Some(gate) = &rules.gate {
            if Gate::is_due(self.bar, self.block) {
                self.bar = gate.bar(shares, scratch).unwrap_or(self.bar);
            }
            gate.apply(self.bar, shares, scratch);
        }
        if let Some(tiers) = &rules.tiers {
            tiers.apply(shares, order);
        }
        if rules.base != Base::PriceCoarse && emission > 0 {
            shares::enabled_only(shares, |i| subnets[i].emission_enabled);
        }
        prices
    }

    /// A trade of a user's.
    fn trade(&mut self, netuid: u16, trade: Trade, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        let at = self.known(netuid)?;
        let fee_to = self.params.rules.fee_to;
        let subnet = &mut self.subnets[at];
        let held = match trade.side {
            Side::Buy => self.ledger.liquid,
            Side::Sell => subnet.held,
        };
        if trade.amount > held {
            return Err(Rejected::NotPermitted("more offered than there is"));
        }
        let filled =
            subnet.pool.trade(trade).map_err(|error| Rejected::NotPermitted(error.name()))?;
        match trade.side {
            Side::Buy => {
                self.ledger.liquid -= filled.paid_in;
                subnet.minted += filled.made;
                subnet.held += filled.paid_out;
                subnet.alpha_out += filled.paid_out;
                subnet.flow.record_user(signed(filled.paid_in));
                if fee_to == FeeTo::Pool {
                    self.ledger.liquid -= filled.fee;
                    subnet.pool.keep_fee(Side::Buy, filled.fee);
                }
            }
            Side::Sell => {
                subnet.held -= filled.paid_in + filled.fee;
                subnet.alpha_out -= filled.paid_in;
                let fee_outflow = match fee_to {
                    FeeTo::Pool => {
                        subnet.alpha_out -= filled.fee;
                        subnet.pool.keep_fee(Side::Sell, filled.fee);
                        0
                    }
                    FeeTo::Author => subnet.sell_fee(filled.fee),
                };
                let gained = filled.paid_out + fee_outflow;
                self.ledger.liquid += gained;
                subnet.flow.record_user(-signed(gained));
            }
        }
        subnet.price = subnet.pool.price();
        out.push(Effect::Traded { netuid, filled });
        Ok(())
    }

    /// The root's dividends of a subnet are sold: the protocol's own outflow.
    fn claim_root(
        &mut self,
        netuid: u16,
        alpha: u64,
        out: &mut Vec<Effect>,
    ) -> Result<(), Rejected> {
        let at = self.known(netuid)?;
        let subnet = &mut self.subnets[at];
        if alpha > subnet.held {
            return Err(Rejected::NotPermitted("more claimed than there is"));
        }
        let trade = Trade::new(Side::Sell, alpha).fee_free();
        let filled =
            subnet.pool.trade(trade).map_err(|error| Rejected::NotPermitted(error.name()))?;
        subnet.held -= filled.paid_in;
        subnet.alpha_out -= filled.paid_in;
        self.ledger.root += filled.paid_out;
        subnet.flow.record_protocol(-signed(filled.paid_out));
        subnet.price = subnet.pool.price();
        out.push(Effect::Traded { netuid, filled });
        Ok(())
    }

    /// A neuron buys its place: the price goes through the pool, the alpha is recycled.
    fn register_neuron(&mut self, netuid: u16, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        let at = self.known(netuid)?;
        let subnet = &mut self.subnets[at];
        if !subnet.registration_allowed {
            return Err(Rejected::NotPermitted("registration is switched off"));
        }
        let price = subnet.burn;
        if price > self.ledger.liquid {
            return Err(Rejected::NotPermitted("more offered than there is"));
        }
        let filled = subnet
            .pool
            .trade(Trade::new(Side::Buy, price))
            .map_err(|error| Rejected::NotPermitted(error.name()))?;
        self.ledger.liquid -= filled.paid_in;
        subnet.minted += filled.made;
        subnet.recycled += filled.paid_out;
        if self.params.rules.fee_to == FeeTo::Pool {
            self.ledger.liquid -= filled.fee;
            subnet.pool.keep_fee(Side::Buy, filled.fee);
        }
        subnet.flow.record_user(signed(price));
        subnet.burn = self.params.burn_price.after_registration(price);
        subnet.price = subnet.pool.price();
        out.push(Effect::NeuronRegistered { netuid, price });
        Ok(())
    }

    /// A new subnet: the whole lock becomes its pool, at the median price; at the limit the
    /// cheapest subnet past its immunity makes room.
    fn register_subnet(&mut self, tempo: u16, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        let lock = self.lock_cost();
        if lock > self.ledger.liquid {
            return Err(Rejected::NotPermitted("the lock cannot be afforded"));
        }
        let dissolved = if self.subnets.len() >= self.subnet_limit {
            let ages: Vec<_> = self
                .subnets
                .iter()
                .map(|subnet| (subnet.registered_at, U64F64::from(subnet.moving_price)))
                .collect();
            let at = subnet_to_dissolve(&ages, self.block + 1, self.network_immunity);
            Some(at.ok_or(Rejected::Full("subnets"))?)
        } else {
            None
        };
        if let Some(at) = dissolved {
            self.dissolve(at, out);
        }
        let prices: Vec<U64F64> = self.subnets.iter().map(|subnet| subnet.price).collect();
        let alpha = opening_alpha(lock, median_price(&prices));
        self.ledger.liquid -= lock;
        self.lock = self.lock.locked(lock, self.block + 1);
        let netuid = self.insert(lock, alpha, tempo);
        if let Some(at) = self.position(netuid) {
            // A new subnet begins with its emission switched off.
            self.subnets[at].emission_enabled = false;
            self.subnets[at].registered_at = self.block + 1;
        }
        out.push(Effect::SubnetOpened { netuid, lock, alpha });
        Ok(())
    }

    /// A subnet ends: its TAO goes to those who hold its alpha, whose part is the caller's to
    /// divide ([`crate::registration::subnets::dissolution`]).
    fn dissolve(&mut self, at: usize, out: &mut Vec<Effect>) {
        let subnet = self.subnets.remove(at);
        let tao = subnet.pool.tao() + subnet.pending.root_tao;
        self.ledger.liquid += tao;
        out.push(Effect::SubnetClosed { netuid: subnet.netuid, tao, held: subnet.held });
    }

    /// What consensus left to miners of the owner: withheld, and burned or recycled.
    fn withhold(
        &mut self,
        netuid: u16,
        withheld: u64,
        paid: u64,
        recycle: bool,
    ) -> Result<(), Rejected> {
        let at = self.known(netuid)?;
        let subnet = &mut self.subnets[at];
        if withheld > subnet.held || withheld > paid {
            return Err(Rejected::NotPermitted("more withheld than was paid"));
        }
        subnet.held -= withheld;
        if recycle {
            subnet.alpha_out -= withheld;
            subnet.recycled += withheld;
        } else {
            subnet.burned += withheld;
        }
        subnet.miner_burned = U96F32::from(withheld).safe_div(U96F32::from(paid));
        Ok(())
    }

    fn move_root(&mut self, amount: u64, stake: bool) -> Result<(), Rejected> {
        let (from, into) = if stake {
            (&mut self.ledger.liquid, &mut self.ledger.root)
        } else {
            (&mut self.ledger.root, &mut self.ledger.liquid)
        };
        *from =
            from.checked_sub(amount).ok_or(Rejected::NotPermitted("more moved than there is"))?;
        *into += amount;
        Ok(())
    }
}

impl StateMachine for Economy {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        Self::new(params)
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::BlockProduced => {
                self.advance(out);
                Ok(())
            }
            Input::Traded { netuid, trade } => self.trade(netuid, trade, out),
            Input::RootClaimed { netuid, alpha } => self.claim_root(netuid, alpha, out),
            Input::RootStaked { amount } => self.move_root(amount, true),
            Input::RootUnstaked { amount } => self.move_root(amount, false),
            Input::NeuronRegistered { netuid } => self.register_neuron(netuid, out),
            Input::SubnetRegistered { tempo } => self.register_subnet(tempo, out),
            Input::SubnetStarted { netuid } => self.start(netuid),
            Input::SubnetDissolved { netuid } => {
                let at = self.known(netuid)?;
                self.dissolve(at, out);
                Ok(())
            }
            Input::MinersPaid { netuid, withheld, paid, recycle } => {
                self.withhold(netuid, withheld, paid, recycle)
            }
            Input::Switched { netuid, emission, registration, owner_cut } => {
                let at = self.known(netuid)?;
                let subnet = &mut self.subnets[at];
                subnet.emission_enabled = emission;
                subnet.registration_allowed = registration;
                subnet.owner_cut_enabled = owner_cut;
                Ok(())
            }
            Input::ShareGiven { netuid, share } => {
                let at = self.known(netuid)?;
                self.subnets[at].given_share = share.min(U64F64::ONE);
                Ok(())
            }
        }
    }
}

/// An amount as a flow. Supplies are below 2^55.
fn signed(amount: u64) -> i64 {
    i64::try_from(amount).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
