//! Every unit, added up.

use super::Economy;

/// What there is of TAO, rao.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Issued, less recycled.
    pub issuance: u64,
    /// In accounts, on the root, stranded and burned.
    pub ledger: u64,
    /// In pools.
    pub pools: u64,
    /// Sold for the root and not yet paid.
    pub pending: u64,
}

/// Units made or lost: a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Imbalance {
    /// TAO.
    #[error("{} rao issued, {} accounted for in block {block}", totals.issuance, totals.ledger + totals.pools + totals.pending)]
    Tao {
        /// After which block.
        block: u64,
        /// The sums.
        totals: Totals,
    },
    /// Alpha outside a pool.
    #[error(
        "subnet {netuid}: {out} alpha outside the pool, {accounted} accounted for in block {block}"
    )]
    Outstanding {
        /// After which block.
        block: u64,
        /// Whose.
        netuid: u16,
        /// The chain's own count.
        out: u64,
        /// The sum of accounts.
        accounted: u64,
    },
    /// Alpha in all.
    #[error("subnet {netuid}: {minted} alpha minted, {found} found or recycled in block {block}")]
    Minted {
        /// After which block.
        block: u64,
        /// Whose.
        netuid: u16,
        /// Ever minted.
        minted: u64,
        /// In the pool, outside it, and recycled.
        found: u64,
    },
}

impl Economy {
    /// TAO by place.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let ledger = self.ledger();
        Totals {
            issuance: ledger.issuance,
            ledger: ledger.liquid + ledger.root + ledger.stranded + ledger.burned,
            pools: self.subnets.iter().map(|subnet| subnet.pool.tao()).sum(),
            pending: self.subnets.iter().map(|subnet| subnet.pending.root_tao).sum(),
        }
    }

    /// Adds up every account and compares with what was issued and minted.
    ///
    /// # Errors
    /// When a unit was made or lost.
    pub fn conservation(&self) -> Result<(), Imbalance> {
        let (block, totals) = (self.block, self.totals());
        if totals.ledger + totals.pools + totals.pending != totals.issuance {
            return Err(Imbalance::Tao { block, totals });
        }
        for subnet in &self.subnets {
            let (netuid, out, accounted) = (subnet.netuid, subnet.alpha_out, subnet.accounted());
            if out != accounted {
                return Err(Imbalance::Outstanding { block, netuid, out, accounted });
            }
            let (minted, found) = (subnet.minted, subnet.alpha_issuance() + subnet.recycled);
            if minted != found {
                return Err(Imbalance::Minted { block, netuid, minted, found });
            }
        }
        Ok(())
    }
}
