//! Liquid alpha: bonds that move faster the further a weight lies from consensus.
//!
//! The second form ("2.0", since April 2025): one alpha for each pair of validator and server,
//! after `alpha_sigmoid` and `compute_bonds` of opentensor/subtensor @ 14bc6f9f,
//! `epoch/run_epoch.rs`. Off by default on the chain, and ignored by the classic bonds. The
//! first form is [`liquid_server`](super::liquid_server).

use sim_types::fixed::I32F32;

use super::bonds::ema_alpha;
use super::sigmoid::logistic;

/// What the owner of a subnet sets for liquid alpha.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiquidAlpha {
    /// Least alpha.
    pub low: I32F32,
    /// Greatest alpha.
    pub high: I32F32,
    /// Steepness of the sigmoid, in hundredths.
    pub steepness: i16,
}

impl LiquidAlpha {
    /// The alpha of one pair: between low and high by a sigmoid in how far the weight exceeds
    /// consensus (buying) or falls below the bond (selling).
    #[must_use]
    pub fn alpha(&self, consensus: I32F32, weight: I32F32, bond: I32F32) -> I32F32 {
        self.prepare().alpha(consensus, weight, bond)
    }

    /// Made ready for many pairs.
    pub(super) fn prepare(self) -> Prepared {
        let minus_steepness = I32F32::saturating_from_int(self.steepness.into())
            .safe_div(I32F32::saturating_from_int(-100));
        let mut prepared = Prepared {
            low: self.low,
            high: self.high,
            span: self.high.saturating_sub(self.low),
            minus_steepness,
            at_no_distance: I32F32::ZERO,
        };
        prepared.at_no_distance = prepared.at(I32F32::ZERO);
        prepared
    }
}

/// A [`LiquidAlpha`] made ready for many pairs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prepared {
    low: I32F32,
    high: I32F32,
    span: I32F32,
    minus_steepness: I32F32,
    /// Where most pairs are: weights cut to consensus do not exceed it.
    at_no_distance: I32F32,
}

impl Prepared {
    /// [`LiquidAlpha::alpha`].
    #[inline]
    pub(super) fn alpha(&self, consensus: I32F32, weight: I32F32, bond: I32F32) -> I32F32 {
        let distance = if weight >= bond {
            weight.saturating_sub(consensus)
        } else {
            bond.saturating_sub(weight)
        };
        if distance <= I32F32::ZERO {
            return self.at_no_distance;
        }
        self.at(distance.min(I32F32::ONE))
    }

    fn at(&self, distance: I32F32) -> I32F32 {
        let half = I32F32::from_bits(1 << 31);
        let sigmoid = logistic(self.minus_steepness.saturating_mul(distance.saturating_sub(half)));
        let alpha = self.low.saturating_add(sigmoid.saturating_mul(self.span));
        // Not `clamp`: the owner's low may exceed high, and then low wins, as on the chain.
        alpha.min(self.high).max(self.low)
    }
}

/// `(1 - alpha) * old + max(0, alpha * new)`, at most one.
#[must_use]
pub fn ema_with(alpha: I32F32, old: I32F32, new: I32F32) -> I32F32 {
    let decayed = I32F32::ONE.saturating_sub(alpha).saturating_mul(old);
    decayed.saturating_add(alpha.saturating_mul(new).max(I32F32::ZERO)).min(I32F32::ONE)
}

/// New bonds from weights, bonds and consensus in proportions. With `liquid` and any
/// consensus, each pair moves by its own alpha; otherwise all by that of the moving average.
/// Rows and columns beyond the shortest operand are left out.
#[must_use]
pub fn compute_bonds(
    weights: &[Vec<I32F32>],
    bonds: &[Vec<I32F32>],
    consensus: &[I32F32],
    moving_average: u64,
    liquid: Option<LiquidAlpha>,
) -> Vec<Vec<I32F32>> {
    let liquid = liquid.filter(|_| consensus.iter().any(|&c| c != I32F32::ZERO));
    let fixed = ema_alpha(moving_average);
    let kept = I32F32::ONE.saturating_sub(fixed);
    let rows = weights.iter().zip(bonds);
    rows.map(|(weights, bonds)| {
        let cells = weights.iter().zip(bonds).zip(consensus);
        cells
            .map(|((&weight, &bond), &consensus)| match liquid {
                Some(liquid) => ema_with(liquid.alpha(consensus, weight, bond), bond, weight),
                None => fixed.saturating_mul(weight).saturating_add(kept.saturating_mul(bond)),
            })
            .collect()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fixed(x: f64) -> I32F32 {
        I32F32::saturating_from_f64(x).unwrap()
    }

    /// At no distance, steepness 10: the sigmoid is 1 / (1 + e^5) = 0.0067.
    #[test]
    fn alpha_at_consensus_is_almost_low() {
        let liquid = LiquidAlpha { low: fixed(0.7), high: fixed(0.9), steepness: 1000 };
        let alpha = liquid.alpha(fixed(0.2), fixed(0.2), fixed(0.1)).to_f64();
        let want = 0.7 + 0.2 / (1.0 + sim_types::math::exp(5.0));
        assert!((alpha - want).abs() < 1e-8, "{alpha} {want}");
    }

    proptest! {
        #[test]
        fn alpha_stays_within_bounds_and_grows_with_distance(
            consensus in 0.0..1.0_f64, near in 0.0..1.0_f64, far in 0.0..1.0_f64,
        ) {
            let liquid = LiquidAlpha { low: fixed(0.1), high: fixed(0.3), steepness: 1000 };
            let (near, far) = (near.min(far), near.max(far));
            let alpha = |weight| liquid.alpha(fixed(consensus), fixed(weight), I32F32::ZERO);
            prop_assert!(alpha(near) <= alpha(far));
            prop_assert!(liquid.low <= alpha(near) && alpha(far) <= liquid.high);
        }
    }
}
