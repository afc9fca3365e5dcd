//! How a subnet's alpha is divided among its owner, miners, validators and the root.
//!
//! After `coinbase/run_coinbase.rs` (`emit_to_subnets`) of opentensor/subtensor @ 14bc6f9f, in
//! U96F32: the owner's cut first; of the rest half to miners, half to validators, of which the
//! root proportion is the root's. Each part is floored on its own; what that loses stays
//! outstanding and belongs to nobody.

use sim_types::fixed::U96F32;

/// The owner's cut unless governance sets another: 11,796 / 65,535.
pub const OWNER_CUT: u16 = 11_796;

const HALF: U96F32 = U96F32::from_bits(1 << 31);

/// The cut as a fraction.
#[must_use]
pub fn cut_fraction(cut: u16) -> U96F32 {
    U96F32::from(u64::from(cut)).safe_div(U96F32::from(u64::from(u16::MAX)))
}

/// The parts of a block's alpha, smallest unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// The owner's.
    pub owner: u64,
    /// Miners'.
    pub server: u64,
    /// Validators'.
    pub validator: u64,
    /// The root's.
    pub root: u64,
}

impl Parts {
    /// Divides `alpha`, of which the owner takes `cut` and the root its proportion of the
    /// validators' half.
    #[inline]
    #[must_use]
    pub fn of(alpha: U96F32, cut: U96F32, root_proportion: U96F32) -> Self {
        let owner = alpha.saturating_mul(cut);
        let rest = alpha.saturating_sub(owner);
        let root = root_proportion.saturating_mul(rest).saturating_mul(HALF);
        let server = rest.saturating_mul(HALF);
        let validator = rest.saturating_sub(server).saturating_sub(root);
        Self {
            owner: owner.to_u64(),
            server: server.to_u64(),
            validator: validator.to_u64(),
            root: root.to_u64(),
        }
    }

    /// All parts.
    #[must_use]
    pub const fn sum(&self) -> u64 {
        self.owner + self.server + self.validator + self.root
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn eighteen_and_twice_forty_one() {
        let parts = Parts::of(U96F32::from(1_000_000_000), cut_fraction(OWNER_CUT), U96F32::ZERO);
        assert_eq!(parts.owner, 179_995_422);
        assert_eq!(parts.server, 410_002_288);
        assert_eq!(parts.validator, 410_002_288);
        assert_eq!(parts.root, 0);
        let quarter = U96F32::from_bits(1 << 30);
        let parts = Parts::of(U96F32::from(1_000_000_000), U96F32::ZERO, quarter);
        assert_eq!(
            (parts.server, parts.validator, parts.root),
            (500_000_000, 375_000_000, 125_000_000)
        );
        assert_eq!(cut_fraction(u16::MAX), U96F32::ONE);
    }

    proptest! {
        /// No part makes a unit, and fewer than four are lost.
        #[test]
        fn parts_add_up(alpha in 0_u64..1 << 40, cut in any::<u16>(), root in 0_u64..=1 << 32) {
            let root = U96F32::from_bits(root.into());
            let parts = Parts::of(U96F32::from(alpha), cut_fraction(cut), root);
            prop_assert!(parts.sum() <= alpha && parts.sum() + 4 > alpha);
        }
    }
}
