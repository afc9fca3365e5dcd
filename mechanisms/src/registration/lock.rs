//! What a subnet's registration costs.
//!
//! After `subnets/subnet.rs` (`get_network_lock_cost`, `get_lock_reduction_interval`) of
//! opentensor/subtensor @ 14bc6f9f: twice the last lock, falling by the last lock over an
//! interval, never below a minimum.

use serde::{Deserialize, Serialize};
use sim_types::fixed::I64F64;

/// What the price is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockCost {
    /// What the last subnet locked, rao.
    pub last_lock: u64,
    /// The block of that; 0 before the first, which makes the factor one instead of two.
    pub last_block: u64,
    /// The least price, rao.
    pub min_lock: u64,
    /// Blocks in which the price falls by one last lock.
    pub interval: u64,
}

impl Default for LockCost {
    /// Minimum and interval of `runtime/src/lib.rs`: 1,000 TAO, 14 days.
    fn default() -> Self {
        Self { last_lock: MIN_LOCK, last_block: 0, min_lock: MIN_LOCK, interval: LOCK_INTERVAL }
    }
}

/// 1,000 TAO.
pub const MIN_LOCK: u64 = 1_000_000_000_000;
/// 14 days of 7,200 blocks.
pub const LOCK_INTERVAL: u64 = 100_800;

impl LockCost {
    /// The price at `block`, rao.
    #[must_use]
    pub fn at(&self, block: u64) -> u64 {
        let factor = if self.last_block == 0 { 1 } else { 2 };
        let per_block = self.last_lock.checked_div(self.interval).unwrap_or(0);
        let fallen = per_block.saturating_mul(block.saturating_sub(self.last_block));
        self.last_lock.saturating_mul(factor).saturating_sub(fallen).max(self.min_lock)
    }

    /// After somebody paid `lock` at `block`.
    #[must_use]
    pub const fn locked(self, lock: u64, block: u64) -> Self {
        Self { last_lock: lock, last_block: block, ..self }
    }
}

/// The interval in force: it halves with the block emission.
#[must_use]
pub fn interval_at(interval: u64, block_emission: u64) -> u64 {
    let part = I64F64::from(block_emission).safe_div(I64F64::from(1_000_000_000_u64));
    I64F64::from(interval).saturating_mul(part).to_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn falls_from_twice_the_last_lock_to_the_minimum() {
        let tao = 1_000_000_000;
        let cost = LockCost { last_lock: 1_250 * tao, last_block: 7, ..LockCost::default() };
        assert_eq!(cost.at(7), 2_500 * tao);
        assert_eq!(cost.at(8), 2_500 * tao - 1_250 * tao / 100_800);
        assert_eq!(cost.at(7 + 100_800 * 3), 1_000 * tao);
        assert_eq!(cost.at(0), 2_500 * tao);
        let first = LockCost { last_lock: 3_000 * tao, ..LockCost::default() };
        assert_eq!(first.at(0), 3_000 * tao);
        assert_eq!(first.locked(5_000 * tao, 10).at(10), 10_000 * tao);
        assert_eq!(LockCost { interval: 0, ..cost }.at(1_000_000), 2_500 * tao);
        assert_eq!(LockCost { last_lock: u64::MAX, ..cost }.at(7), u64::MAX);
        assert_eq!(interval_at(100_800, 500_000_000), 50_400);
        assert_eq!(interval_at(100_800, 0), 0);
    }
}
