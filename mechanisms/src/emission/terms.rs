//! What a subnet's pool is given of a block's emission.
//!
//! After `coinbase/run_coinbase.rs` (`get_subnet_terms`) of opentensor/subtensor, in U96F32. A
//! subnet has its TAO t, its price and its alpha emission A:
//!
//! | cap of the alpha | releases | TAO beyond it |
//! |---|---|---|
//! | [`Cap::Emission`]: A | v2.0.0 to v3.2.9-323 (February to October 2025) | goes into the pool all the same |
//! | [`Cap::EmissionOrBuy`]: A | v3.2.9-326 to v3.3.0 | buys alpha |
//! | [`Cap::BlockOrBuy`]: the lesser of A and the block's TAO | v3.3.1 to v3.4.5 | buys alpha |
//! | [`Cap::RootOrBuy`]: the root proportion of A | since v3.4.6 (June 2026) | buys alpha |

use serde::{Deserialize, Serialize};
use sim_types::fixed::U96F32;

/// The cap of injected alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cap {
    /// The alpha emission; no purchase.
    Emission,
    /// The alpha emission.
    EmissionOrBuy,
    /// The alpha emission or the block's TAO, whichever is less.
    BlockOrBuy,
    /// The root proportion of the alpha emission.
    RootOrBuy,
}

/// A subnet's terms for one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// TAO for the pool.
    pub tao_in: U96F32,
    /// Alpha for the pool.
    pub alpha_in: U96F32,
    /// Alpha for the participants.
    pub alpha_out: U96F32,
    /// TAO that buys alpha.
    pub excess_tao: U96F32,
}

/// What the terms are computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermsInputs {
    /// The subnet's TAO of this block.
    pub tao: U96F32,
    /// Its price.
    pub price: U96F32,
    /// Its alpha emission.
    pub alpha_emission: U96F32,
    /// Its root proportion.
    pub root_proportion: U96F32,
    /// The whole block's TAO.
    pub block_emission: u64,
}

impl Cap {
    /// The terms of a subnet.
    #[inline]
    #[must_use]
    pub fn terms(self, inputs: &TermsInputs) -> Terms {
        let TermsInputs { tao, price, .. } = *inputs;
        let alpha_out = inputs.alpha_emission;
        let cap = match self {
            Self::Emission | Self::EmissionOrBuy => alpha_out,
            Self::BlockOrBuy => alpha_out.min(U96F32::from(inputs.block_emission)),
            Self::RootOrBuy => inputs.root_proportion.saturating_mul(alpha_out),
        };
        if self == Self::Emission {
            let alpha_in = tao.checked_div(price).unwrap_or(alpha_out).min(cap);
            return Terms { tao_in: tao, alpha_in, alpha_out, excess_tao: U96F32::ZERO };
        }
        let (tao_in, alpha_in) = if exceeds(tao, price, cap) {
            (cap.saturating_mul(price), cap)
        } else {
            (tao, tao.safe_div(price))
        };
        Terms { tao_in, alpha_in, alpha_out, excess_tao: tao.saturating_sub(tao_in) }
    }
}

/// Whether `tao.safe_div(price) > cap`, without the division where 128 bits hold the products.
#[inline]
fn exceeds(tao: U96F32, price: U96F32, cap: U96F32) -> bool {
    let (tao_bits, by, least) = (tao.to_bits(), price.to_bits(), cap.to_bits() + 1);
    if by == 0 {
        return false;
    }
    match (tao_bits >> 96, least.checked_mul(by)) {
        (0, Some(product)) => tao_bits << 32 >= product,
        (0, None) => false,
        _ => tao.safe_div(price) > cap,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn u96(x: f64) -> U96F32 {
        U96F32::from_bits(
            sim_types::fixed::I96F32::saturating_from_f64(x).unwrap().to_bits().cast_unsigned(),
        )
    }

    #[test]
    fn caps() {
        let inputs = TermsInputs {
            tao: u96(100.0),
            price: u96(0.25),
            alpha_emission: 1_000.into(),
            root_proportion: u96(0.125),
            block_emission: 300,
        };
        // The price asks for 400 alpha beside 100 TAO.
        for (cap, want) in [
            (Cap::Emission, (100.0, 400.0, 0.0)),
            (Cap::EmissionOrBuy, (100.0, 400.0, 0.0)),
            (Cap::BlockOrBuy, (75.0, 300.0, 25.0)),
            (Cap::RootOrBuy, (31.25, 125.0, 68.75)),
        ] {
            let got = cap.terms(&inputs);
            let got = (got.tao_in.to_f64(), got.alpha_in.to_f64(), got.excess_tao.to_f64());
            assert_eq!(format!("{got:?}"), format!("{want:?}"), "{cap:?}");
        }
        let cheap = TermsInputs { price: u96(0.05), ..inputs };
        assert_eq!(Cap::Emission.terms(&cheap).tao_in, u96(100.0));
        assert_eq!(Cap::Emission.terms(&cheap).alpha_in, u96(1_000.0));
        let worthless = TermsInputs { price: U96F32::ZERO, ..inputs };
        assert_eq!(Cap::Emission.terms(&worthless).alpha_in, u96(1_000.0));
        assert_eq!(Cap::RootOrBuy.terms(&worthless).alpha_in, U96F32::ZERO);
        assert_eq!(Cap::RootOrBuy.terms(&worthless).tao_in, u96(100.0));
    }

    proptest! {
        /// TAO is used up, and the short comparison is the division.
        #[test]
        fn nothing_is_lost(tao in any::<u64>(), price in any::<u64>(), s in 0_u32..60, root in 0_u64..=1 << 32) {
            let inputs = TermsInputs {
                tao: U96F32::from_bits(u128::from(tao)),
                price: U96F32::from_bits(u128::from(price >> s)),
                alpha_emission: 1_000_000_000.into(),
                root_proportion: U96F32::from_bits(root.into()),
                block_emission: 500_000_000,
            };
            for cap in [Cap::EmissionOrBuy, Cap::BlockOrBuy, Cap::RootOrBuy] {
                let terms = cap.terms(&inputs);
                prop_assert_eq!(terms.tao_in.saturating_add(terms.excess_tao), inputs.tao);
            }
            let limit = U96F32::from_bits(root.into());
            prop_assert_eq!(
                exceeds(inputs.tao, inputs.price, limit),
                inputs.tao.safe_div(inputs.price) > limit
            );
        }
    }
}
