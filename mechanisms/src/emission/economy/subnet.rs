//! One subnet's part of the economy.

use super::{
    BlockTerms, Bought, Curve, Filled, I96F32, Parts, Payout, Pool, RootPart, Side, Step,
    TermsInputs, Trade, U64F64, U96F32, root_proportion, signed,
};
use crate::emission::flow::Flow;
use crate::emission::terms::Cap;
use crate::registration::scheduler::Schedule;
use serde::{Deserialize, Serialize};

/// What has accrued since the last epoch, smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pending {
    /// The owner's alpha.
    pub owner: u64,
    /// Miners' alpha.
    pub server: u64,
    /// Validators' alpha.
    pub validator: u64,
    /// The root's alpha.
    pub root: u64,
    /// Alpha of miners and validators in one sum, under the older rules.
    pub undivided: u64,
    /// Alpha sold for the root; counts in the division of `undivided` and is no account.
    pub sold: u64,
    /// The TAO of that.
    pub root_tao: u64,
}

impl Pending {
    /// All alpha.
    #[must_use]
    pub const fn alpha(&self) -> u64 {
        self.owner + self.server + self.validator + self.root + self.undivided
    }
}

/// A subnet: its pool, its accounts and what its rules remember.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    pub(super) netuid: u16,
    pub(super) pool: Pool,
    /// The pool's price, after whatever happened last.
    pub(super) price: U64F64,
    pub(super) moving_price: I96F32,
    /// Alpha outside the pool, recycled not.
    pub(super) alpha_out: u64,
    pub(super) pending: Pending,
    pub(super) held: u64,
    pub(super) protocol: u64,
    pub(super) burned: u64,
    pub(super) dust: u64,
    pub(super) minted: u64,
    pub(super) recycled: u64,
    /// TAO of emission since the start.
    pub(super) received: u64,
    pub(super) flow: Flow,
    pub(super) schedule: Schedule,
    pub(super) alpha_step: Step,
    pub(super) miner_burned: U96F32,
    pub(super) burn: u64,
    pub(super) registered_at: u64,
    pub(super) first_emission_block: Option<u64>,
    pub(super) given_share: U64F64,
    pub(super) emission_enabled: bool,
    pub(super) registration_allowed: bool,
    pub(super) owner_cut_enabled: bool,
}

/// TAO that one subnet's emission moved.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Moved {
    /// Of the block's emission.
    pub(super) spent: u64,
    /// Of that, what a refused purchase left outside the pool.
    pub(super) stranded: u64,
    /// Taken from the pool for the root.
    pub(super) root_sold: u64,
}

impl Subnet {
    pub(super) fn new(netuid: u16, pool: Pool, tempo: u16, block: u64, burn: u64) -> Self {
        Self {
            netuid,
            price: pool.price(),
            moving_price: I96F32::ZERO,
            alpha_out: 0,
            pending: Pending::default(),
            held: 0,
            protocol: 0,
            burned: 0,
            dust: 0,
            minted: pool.alpha(),
            recycled: 0,
            received: 0,
            flow: Flow::default(),
            schedule: Schedule::new(netuid, tempo, block),
            alpha_step: Step::at(pool.alpha()),
            miner_burned: U96F32::ZERO,
            burn,
            registered_at: block,
            first_emission_block: None,
            given_share: U64F64::ZERO,
            emission_enabled: true,
            registration_allowed: true,
            owner_cut_enabled: true,
            pool,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn netuid(&self) -> u16 {
        self.netuid
    }

    /// Its pool.
    #[must_use]
    pub const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// TAO for one alpha.
    #[must_use]
    pub const fn price(&self) -> U64F64 {
        self.price
    }

    /// The moving average of its price.
    #[must_use]
    pub const fn moving_price(&self) -> I96F32 {
        self.moving_price
    }

    /// Alpha outside the pool.
    #[must_use]
    pub const fn alpha_out(&self) -> u64 {
        self.alpha_out
    }

    /// Alpha inside and outside the pool.
    #[must_use]
    pub const fn alpha_issuance(&self) -> u64 {
        self.pool.alpha() + self.alpha_out
    }

    /// What has accrued since the last epoch.
    #[must_use]
    pub const fn pending(&self) -> &Pending {
        &self.pending
    }

    /// Alpha of participants and traders.
    #[must_use]
    pub const fn held(&self) -> u64 {
        self.held
    }

    /// Alpha that the protocol bought and keeps.
    #[must_use]
    pub const fn protocol(&self) -> u64 {
        self.protocol
    }

    /// TAO of emission that reached the subnet since the start, injected or spent on its alpha.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Alpha burned: outside the pool for ever.
    #[must_use]
    pub const fn burned(&self) -> u64 {
        self.burned
    }

    /// Alpha that left the issuance.
    #[must_use]
    pub const fn recycled(&self) -> u64 {
        self.recycled
    }

    /// The part of the miners' pay of the last epoch that was withheld.
    #[must_use]
    pub const fn miner_burned(&self) -> U96F32 {
        self.miner_burned
    }

    /// The price of the next neuron, rao.
    #[must_use]
    pub const fn burn(&self) -> u64 {
        self.burn
    }

    /// Its flows.
    #[must_use]
    pub const fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The block of its registration.
    #[must_use]
    pub const fn registered_at(&self) -> u64 {
        self.registered_at
    }

    /// The block of its first emission, if it takes part: started, and open to registration.
    #[inline]
    pub(super) const fn eligible_since(&self) -> Option<u64> {
        if self.registration_allowed { self.first_emission_block } else { None }
    }

    /// Both kinds of alpha in accounts; equal to `alpha_out` if nothing is lost.
    pub(super) const fn accounted(&self) -> u64 {
        self.pending.alpha() + self.held + self.protocol + self.burned + self.dust
    }

    /// R4 and R5 for one block.
    #[inline]
    pub(super) fn emit(&mut self, tao: U96F32, terms: &BlockTerms) -> Moved {
        let rules = &terms.rules;
        let alpha_emission = self.alpha_step.emission_at(self.alpha_issuance());
        // Only one cap asks for it.
        let before = match rules.cap {
            Cap::RootOrBuy => root_proportion(terms.weighted_root, self.alpha_issuance()),
            _ => U96F32::ZERO,
        };
        let pooled = rules.cap.terms(&TermsInputs {
            tao,
            price: self.price.into(),
            alpha_emission: alpha_emission.into(),
            root_proportion: before,
            block_emission: terms.emission,
        });
        let (tao_in, alpha_in) =
            self.pool.prepare_injection(pooled.tao_in.to_u64(), pooled.alpha_in.to_u64());
        let excess = pooled.excess_tao.to_u64();
        let stranded = if excess == 0 { 0 } else { self.buy(excess, rules.bought) };
        self.pool.add(tao_in, alpha_in);
        self.minted += alpha_in + alpha_emission;
        self.alpha_out += alpha_emission;
        self.flow.record_protocol(signed(tao_in));

        let cut = if self.owner_cut_enabled { terms.cut } else { U96F32::ZERO };
        let root = root_proportion(terms.weighted_root, self.alpha_issuance());
        let parts = Parts::of(pooled.alpha_out, cut, root);
        self.pending.owner += parts.owner;
        let root_sold = match rules.root {
            RootPart::KeptOrRecycled => {
                self.pending.server += parts.server;
                self.pending.validator += parts.validator;
                self.dust += alpha_emission - parts.sum();
                if terms.root_sells {
                    self.pending.root += parts.root;
                } else {
                    self.recycled += parts.root;
                    self.alpha_out -= parts.root;
                }
                0
            }
            older => self.accrue_undivided(older, terms, alpha_emission, root, &parts),
        };
        self.price = self.pool.price();
        Moved { spent: tao_in + excess, stranded, root_sold }
    }

    /// The protocol buys alpha. Returns what a refused purchase strands.
    #[inline]
    fn buy(&mut self, excess: u64, bought: Bought) -> u64 {
        let trade = Trade::new(Side::Buy, excess).fee_free();
        let Ok(Filled { paid_in, paid_out, made, .. }) = self.pool.trade_prepared(trade) else {
            return excess;
        };
        self.minted += made;
        match bought {
            Bought::Recycled => self.recycled += paid_out,
            Bought::Kept => {
                self.alpha_out += paid_out;
                self.protocol += paid_out;
            }
        }
        self.flow.record_protocol(signed(paid_in));
        excess - paid_in
    }

    /// R5 as it was until November 2025: one sum for miners and validators, less the root's
    /// part, which is sold or kept.
    fn accrue_undivided(
        &mut self,
        rule: RootPart,
        terms: &BlockTerms,
        alpha_emission: u64,
        root_proportion: U96F32,
        parts: &Parts,
    ) -> u64 {
        let takes = rule == RootPart::Sold || terms.root_sells;
        let root = if takes { parts.root } else { 0 };
        // Floored once, the root's part and the owner's taken in full precision.
        let cut = if self.owner_cut_enabled { terms.cut } else { U96F32::ZERO };
        let alpha = U96F32::from(alpha_emission);
        let rest = alpha.saturating_sub(alpha.saturating_mul(cut));
        let root_fine = if takes {
            let half = U96F32::from_bits(1 << 31);
            root_proportion.saturating_mul(rest).saturating_mul(half)
        } else {
            U96F32::ZERO
        };
        let undivided = rest.saturating_sub(root_fine).to_u64();
        self.pending.undivided += undivided;
        self.dust += alpha_emission - parts.owner - undivided - root;
        if rule == RootPart::KeptOrLeft {
            self.pending.root += root;
            return 0;
        }
        if root == 0 {
            return 0;
        }
        let Ok(filled) = self.pool.trade(Trade::new(Side::Sell, root).fee_free()) else {
            self.dust += root;
            return 0;
        };
        self.alpha_out -= filled.paid_in;
        self.dust += root - filled.paid_in;
        self.pending.sold += root;
        self.pending.root_tao += filled.paid_out;
        filled.paid_out
    }

    /// The author's fee of a sale is sold for it, or burned where the pool refuses. Returns the
    /// TAO.
    pub(super) fn sell_fee(&mut self, fee: u64) -> u64 {
        if fee == 0 {
            return 0;
        }
        let Ok(filled) = self.pool.trade(Trade::new(Side::Sell, fee).fee_free()) else {
            self.burned += fee;
            return 0;
        };
        self.alpha_out -= filled.paid_in;
        self.burned += fee - filled.paid_in;
        filled.paid_out
    }

    /// R7: what accrued goes to its receivers.
    pub(super) fn drain(&mut self) -> Payout {
        let pending = core::mem::take(&mut self.pending);
        self.held += pending.alpha();
        let whole = pending.undivided + pending.sold + pending.root;
        let older = if pending.undivided > 0 { (whole / 2).min(pending.undivided) } else { 0 };
        Payout {
            netuid: self.netuid,
            owner: pending.owner,
            server: pending.server + older,
            validator: pending.validator + (pending.undivided - older),
            root: pending.root,
            root_tao: pending.root_tao,
        }
    }

    /// The curve of its pool, by name.
    #[must_use]
    pub const fn curve_name(&self) -> &'static str {
        match self.pool.curve() {
            Curve::ConstantProduct => "constant_product",
            Curve::Ticks(_) => "ticks",
            Curve::Weighted(_) => "weighted",
            Curve::Stable => "stable",
        }
    }
}
