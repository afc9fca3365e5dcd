//! The first form of liquid alpha (2024 to April 2025): one alpha for each server, a logistic
//! function of its consensus, for classic bonds.
//!
//! The curve passes through the least alpha at the lower quartile of consensus and through the
//! greatest at the upper one. After `compute_ema_bonds_sparse` and `calculate_logistic_params`
//! of opentensor/subtensor v2.0.4, `pallets/subtensor/src/epoch/run_epoch.rs`, and `quantile`
//! of its `epoch/math.rs`.

use sim_types::fixed::I32F32;

/// Writes the alpha of each server; `false`, and nothing written, where the upper quartile of
/// consensus is zero and bonds move by the plain moving average.
pub fn alphas(consensus: &[I32F32], low: I32F32, high: I32F32, out: &mut Vec<I32F32>) -> bool {
    out.clear();
    out.extend_from_slice(consensus);
    out.sort_unstable();
    let (upper, lower) = (quartile(out, 3), quartile(out, 1));
    out.clear();
    if upper == I32F32::ZERO {
        return false;
    }
    let (slope, intercept) = logistic_through(low, high, lower, upper);
    out.extend(consensus.iter().map(|&consensus| {
        let exponent = intercept.saturating_sub(slope.saturating_mul(consensus));
        let exp = exponent.exp().unwrap_or(I32F32::ZERO);
        // Not `clamp`: low may exceed high, and then low wins.
        I32F32::ONE.safe_div(I32F32::ONE.saturating_add(exp)).min(high).max(low)
    }));
    true
}

/// Slope and intercept of `1 / (1 + e^(intercept − slope c))` through (`lower`, `low`) and
/// (`upper`, `high`); both zero where there is no such curve.
fn logistic_through(low: I32F32, high: I32F32, lower: I32F32, upper: I32F32) -> (I32F32, I32F32) {
    if upper <= lower || low == I32F32::ZERO || high == I32F32::ZERO {
        return (I32F32::ZERO, I32F32::ZERO);
    }
    let log_odds = |alpha: I32F32| {
        let odds = I32F32::ONE.safe_div(alpha).saturating_sub(I32F32::ONE);
        odds.ln().unwrap_or(I32F32::ZERO)
    };
    let at_low = log_odds(low);
    let slope = log_odds(high).saturating_sub(at_low).safe_div(lower.saturating_sub(upper));
    (slope, at_low.saturating_add(slope.saturating_mul(lower)))
}

/// The `k`-th quartile of sorted values, interpolated; zero if there are none.
fn quartile(sorted: &[I32F32], k: usize) -> I32F32 {
    let Some(last) = sorted.len().checked_sub(1) else { return I32F32::ZERO };
    let (at, quarters) = (k * last / 4, k * last % 4);
    let below = sorted[at];
    if quarters == 0 {
        return below;
    }
    let part = I32F32::from_bits(i64::try_from(quarters).unwrap_or(0) << 30);
    below.saturating_add(sorted[at + 1].saturating_sub(below).saturating_mul(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(x: f64) -> I32F32 {
        I32F32::saturating_from_f64(x).unwrap()
    }

    /// The formula in floating point, with quartiles by hand.
    #[test]
    fn the_curve_passes_through_both_quartiles() {
        use sim_types::math::{exp, ln};
        let consensus = [0.1, 0.4, 0.2, 0.0, 0.3, 0.25].map(fixed);
        let (low, high) = (fixed(0.7), fixed(0.9));
        let mut got = Vec::new();
        assert!(alphas(&consensus, low, high, &mut got));
        // Sorted 0, .1, .2, .25, .3, .4: positions 1.25 and 3.75.
        let (lower, upper) = (0.125, 0.2875);
        let odds = |a: f64| ln(1.0 / a - 1.0);
        let slope = (odds(0.9) - odds(0.7)) / (lower - upper);
        let intercept = odds(0.7) + slope * lower;
        for (c, got) in consensus.iter().zip(&got) {
            let want = 1.0 / (1.0 + exp(intercept - slope * c.to_f64()));
            assert!((got.to_f64() - want.clamp(0.7, 0.9)).abs() < 1e-5, "{c} {got} {want}");
        }
    }

    /// Equal quartiles give half, which the bounds of the chain's owners then raise; no
    /// consensus gives none.
    #[test]
    fn without_a_spread() {
        let mut got = Vec::new();
        assert!(alphas(&[fixed(0.25); 4], fixed(0.2), fixed(0.9), &mut got));
        assert_eq!(got, [fixed(0.5); 4]);
        assert!(alphas(&[fixed(0.25); 4], fixed(0.7), fixed(0.9), &mut got));
        assert_eq!(got, [fixed(0.7); 4]);
        for none in [
            &[][..],
            &[I32F32::ZERO; 3],
            &[I32F32::ZERO, I32F32::ZERO, I32F32::ZERO, fixed(0.5)][..3],
        ] {
            assert!(!alphas(none, fixed(0.7), fixed(0.9), &mut got));
        }
    }
}
