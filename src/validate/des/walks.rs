//! Walks in which only the order of steps matters, not their times: no engine, one draw a step.

use sim_core::Streams;
use sim_core::queueing::Draws;
use sim_types::math;

use super::estimate::{Wanted, estimate};
use super::single::rate;
use super::text::{bad, float, share};
use crate::validate::evaluator::{Quantities, Stop};
use crate::validate::inputs::Inputs;

/// Walks to a replication.
const WALKS: u32 = 20_000;

/// The probability of an outcome, as the share of walks that end with it.
fn probability(
    inputs: &Inputs<'_>,
    name: &'static str,
    target: f64,
    most: u32,
    walk: impl Fn(&mut Draws) -> bool + Sync,
) -> Result<Quantities, Stop> {
    estimate(inputs, &Wanted { quantities: [(name, target)], most }, |streams: Streams| {
        let mut draws = Draws::new(streams.key("walk", "steps"));
        let hits = (0..WALKS).filter(|_| walk(&mut draws)).count();
        Ok([float(hits as u64) / f64::from(WALKS)])
    })
}

pub(super) fn ruin(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let p = share("p", inputs.read("p")?)?;
    let (start, target): (u64, u64) = (inputs.read("start")?, inputs.read("target")?);
    if start > target || target > 100_000 {
        return Err(bad("`start` must be at most `target`, and that at most 100000"));
    }
    probability(inputs, "P(ruin)", 0.0075, 200, |draws| {
        let mut fortune = start;
        while fortune > 0 && fortune < target {
            fortune = if draws.uniform() < p { fortune + 1 } else { fortune - 1 };
        }
        fortune == 0
    })
}

pub(super) fn extinction(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let (birth, death) = (rate(inputs, "birth")?, rate(inputs, "death")?);
    let n0: u64 = inputs.read("n0")?;
    if n0 > 10_000 {
        return Err(bad(format!("input `n0` is {n0}, expected at most 10000")));
    }
    let p = birth / (birth + death);
    // From so many on, extinction has a probability below 1e-6; near-critical populations are
    // followed to ten thousand times their start, which is wrong by 1e-4 at most.
    let far = if birth > death { 13.9 / math::ln(birth / death) } else { f64::INFINITY };
    let escaped = float(n0.max(1)) * 1e4;
    let escaped = if far < escaped { far } else { escaped };
    probability(inputs, "P(extinct)", 0.0075, 200, |draws| {
        let mut alive = n0;
        while alive > 0 && float(alive) <= escaped {
            alive = if draws.uniform() < p { alive + 1 } else { alive - 1 };
        }
        alive == 0
    })
}

pub(super) fn coupons(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let n: usize = inputs.read("n")?;
    if n == 0 || n > 1_000_000 {
        return Err(bad(format!("input `n` is {n}, expected 1 to 1000000")));
    }
    // Some hundred thousand draws to a replication.
    let collections = (100_000 / n).clamp(10, 1_000);
    estimate(inputs, &Wanted { quantities: [("E[draws]", 0.0025)], most: 1_000 }, |streams| {
        let mut draws = Draws::new(streams.key("collector", "coupons"));
        let mut seen = vec![0_usize; n];
        let mut count = 0;
        for collection in 1..=collections {
            let mut missing = n;
            while missing > 0 {
                #[expect(clippy::cast_possible_truncation, reason = "below a usize")]
                let coupon = draws.below(n as u64) as usize;
                count += 1;
                if seen[coupon] < collection {
                    seen[coupon] = collection;
                    missing -= 1;
                }
            }
        }
        Ok([float(count) / float(collections as u64)])
    })
}

/// An attacker with share `q` of the blocks wants to undo a payment that is `z` blocks deep:
/// M. Rosenfeld, "Analysis of hashrate-based double spending" (2014), with success as soon as
/// the attacker has caught up; and the approximation of S. Nakamoto, "Bitcoin" (2008), section
/// 11, which is a formula and is computed as one.
pub(super) fn double_spend(inputs: &Inputs<'_>) -> Result<Quantities, Stop> {
    let q = share("q", inputs.read("q")?)?;
    let z: u32 = u32::try_from(inputs.read::<u64>("z")?).map_err(bad)?;
    if q >= 0.5 || z > 1_000 {
        return Err(bad("`q` must be below 0.5 (beyond, success is sure), `z` at most 1000"));
    }
    // A lead from which the attacker catches up once in 1e15.
    #[expect(clippy::cast_possible_truncation, reason = "rounded up, and small")]
    let hopeless = (34.5 / math::ln((1.0 - q) / q)).ceil() as i64;
    let exact = "attacker success (exact negative-binomial, Rosenfeld)";
    let most = 40_000_000 / WALKS;
    let simulated = probability(inputs, exact, 0.0125, most, |draws| {
        // The attacker mines in secret until the payment has its confirmations.
        let (mut honest, mut lead) = (0, i64::from(z));
        while honest < z {
            if draws.uniform() < q {
                lead -= 1;
            } else {
                honest += 1;
            }
        }
        while lead > 0 && lead < hopeless {
            lead += if draws.uniform() < q { -1 } else { 1 };
        }
        lead <= 0
    })?;
    let name = "attacker success (Nakamoto Poisson approximation)";
    Ok(simulated.and(name, nakamoto(q, z)))
}

/// 1 - sum over k of Poisson(k; z q/p) (1 - (q/p)^(z-k)).
fn nakamoto(q: f64, z: u32) -> f64 {
    let ratio = q / (1.0 - q);
    let mean = f64::from(z) * ratio;
    let mut poisson = math::exp(-mean);
    let mut failure = 0.0;
    for k in 0..=z {
        failure += poisson * (1.0 - math::pow(ratio, f64::from(z - k)));
        poisson *= mean / f64::from(k + 1);
    }
    1.0 - failure
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of section 11 of Nakamoto's paper, to its seven digits.
    #[test]
    fn the_approximation_is_the_papers() {
        for (q, z, want) in [
            (0.1, 0, 1.0),
            (0.1, 1, 0.204_587_3),
            (0.1, 6, 0.000_242_8),
            (0.3, 5, 0.177_352_3),
            (0.3, 50, 0.000_000_6),
        ] {
            assert!((nakamoto(q, z) - want).abs() < 5e-8, "{q} {z}: {}", nakamoto(q, z));
        }
    }
}
