//! What validators see of providers, without any job.
//!
//! In the detailed form a validator sends each provider one probe a period. The score of the
//! answer follows from what the provider did ([`Behaviour::treat`]), from how long the answer
//! took (the way there and back, and the machine's time), and from an error. Here the merit of
//! an answer is computed once for each pair and each kind of deed, from the same tables and
//! formulas; the deed and the error are drawn. Left out: messages that are lost, machines that
//! are busy with users, and what users' jobs show besides probes.

use std::sync::LazyLock;

use mechanisms::behaviour::{Asked, Behaviour, Deed};
use mechanisms::market::MarketSpec;
use mechanisms::market::validator_dispatch::Probe;
use mechanisms::verification::VerificationSpec;
use mechanisms::verification::scoring;
use serde::{Deserialize, Serialize};
use sim_core::network::{Network, RegionId};
use sim_types::stream::Key;
use sim_types::{ParamError, Share, SimDuration, SimTime, Stream, Uid, math};

use crate::plan::{NetworkPlan, Plan};

/// How many equally likely errors there are.
const ERRORS: usize = 4_096;

/// Midpoints of [`ERRORS`] equally likely parts of the standard normal distribution, scaled to
/// a variance of one; in units of 2^-20, since integers are quickest.
static QUANTILES: LazyLock<[i32; ERRORS]> = LazyLock::new(|| {
    let middle = |i: usize| quantile((float(i) + 0.5) / float(ERRORS));
    let quantiles: Vec<f64> = (0..ERRORS).map(middle).collect();
    let variance = quantiles.iter().map(|x| x * x).sum::<f64>() / float(ERRORS);
    let scale = f64::from(1 << FRACTION) / math::sqrt(variance);
    #[expect(clippy::cast_possible_truncation, reason = "below 4 in units of 2^-20")]
    core::array::from_fn(|i| (quantiles[i] * scale).round() as i32)
});

const FRACTION: u32 = 20;

#[expect(clippy::cast_precision_loss, reason = "a few thousand")]
fn float(i: usize) -> f64 {
    i as f64
}

/// The standard normal quantile, by bisection of the distribution function.
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        let below = 0.5 * math::erfc(-middle / core::f64::consts::SQRT_2);
        if below < p { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

/// From one stream, errors of scores, five to a word of random bits.
pub(super) struct Errors {
    stream: Stream,
    /// Standard deviation, parts per million.
    noise: i64,
    quantiles: &'static [i32; ERRORS],
}

impl Errors {
    pub(super) fn new(stream: Stream, noise_ppm: u32) -> Self {
        Self { stream, noise: noise_ppm.into(), quantiles: &QUANTILES }
    }

    /// Makes merits the scores that were observed: each within 0 and a million.
    pub(super) fn disturb(&mut self, merits: &mut [(Uid, u32)]) {
        const EACH: usize = 5;
        for ten in merits.chunks_mut(2 * EACH) {
            for (five, mut bits) in ten.chunks_mut(EACH).zip(self.stream.two_bits()) {
                for (_, merit) in five {
                    let score = (i64::from(*merit) + self.error(bits)).clamp(0, 1_000_000);
                    *merit = u32::try_from(score).unwrap_or(0);
                    bits >>= 12;
                }
            }
        }
    }

    /// The error that the last twelve bits stand for, parts per million.
    #[inline]
    fn error(&self, bits: u64) -> i64 {
        let at = usize::try_from(bits % ERRORS as u64).unwrap_or(0);
        (i64::from(self.quantiles[at]) * self.noise + (1 << (FRACTION - 1))) >> FRACTION
    }
}

/// What is needed to tell the merit of an answer.
pub(super) struct Prospect<'a> {
    plan: &'a Plan,
    network: Network,
    probe: Probe,
    scoring: scoring::Params,
    /// Machine time of an honest answer, by hardware.
    takes: Vec<SimDuration>,
}

/// A provider in a validator's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pair {
    /// Merit of a right answer, parts per million; of any, where all are alike.
    pub(super) right: u32,
    /// Merit of the exception.
    pub(super) other: u32,
}

/// How long a provider's answer takes a validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Times {
    /// Of the messages.
    way: SimDuration,
    /// Of the machine, for an answer in full.
    takes: SimDuration,
}

/// What scores an answer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Eyes {
    scoring: scoring::Params,
    patience: SimDuration,
}

impl Eyes {
    /// What a deed merits, parts per million.
    pub(super) fn merit(&self, deed: Deed, Times { way, takes }: Times) -> u32 {
        let part = deed.work.of(sim_types::Amount(takes.0.into())).0;
        let latency = way + SimDuration(u64::try_from(part).unwrap_or(takes.0));
        if latency > self.patience { 0 } else { self.scoring.merit(deed.quality.ppm(), latency) }
    }
}

impl<'a> Prospect<'a> {
    /// # Errors
    /// For stages whose distributions are not known: plans are checked.
    pub(super) fn new(plan: &'a Plan) -> Result<Self, ParamError> {
        let MarketSpec::ValidatorDispatch(market) = &plan.market else {
            return Err(ParamError::new("market", plan.market.name(), "`validator_dispatch`"));
        };
        let VerificationSpec::Scoring(scoring) = plan.verification else {
            return Err(ParamError::new("verification", plan.verification.name(), "`scoring`"));
        };
        let probe = market.probe;
        let network = Network::new(plan.network.table.clone(), Share::ZERO);
        let takes = plan.hardware.iter().map(|hardware| {
            let Probe { prompt_tokens, output_tokens, .. } = probe;
            plan.execution.service_time(hardware, prompt_tokens, output_tokens, 1)
        });
        Ok(Self { plan, network, probe, scoring, takes: takes.collect() })
    }

    /// Standard deviation of a score's error, parts per million.
    pub(super) fn noise(&self) -> u32 {
        self.scoring.noise.ppm()
    }

    /// How a pair stands to each other.
    pub(super) fn pair(
        &self,
        validator: RegionId,
        provider: RegionId,
        hardware: u16,
        deeds: Deeds,
    ) -> (Pair, Times) {
        let Probe { prompt_tokens, output_tokens, .. } = self.probe;
        let way = self.hop(validator, provider, prompt_tokens)
            + self.hop(validator, provider, output_tokens);
        let eyes = self.eyes();
        let times = Times { way, takes: self.takes[usize::from(hardware)] };
        let merit = |deed| eyes.merit(deed, times);
        let (right, other) = match deeds {
            Deeds::One(deed) => (merit(deed), merit(deed)),
            Deeds::Two { right, other } => (merit(right), merit(other)),
            Deeds::Varying => (0, 0),
        };
        (Pair { right, other }, times)
    }

    /// What scores an answer.
    pub(super) fn eyes(&self) -> Eyes {
        Eyes { scoring: self.scoring, patience: self.probe.patience }
    }

    fn hop(&self, from: RegionId, to: RegionId, tokens: u32) -> SimDuration {
        let NetworkPlan { table, bandwidth, bytes_per_token, .. } = &self.plan.network;
        let bytes = u64::from(tokens) * bytes_per_token.0;
        let up = table.region(from).up.unwrap_or(*bandwidth);
        let down = table.region(to).down.unwrap_or(*bandwidth);
        self.network.delay(from, to, bytes, up, down, &mut Stream::new(0, 0))
    }
}

/// What a provider may do when it is probed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) enum Deeds {
    /// Always this.
    One(Deed),
    /// A right answer, or else its exception: the job's stream decides.
    Two {
        /// The right answer.
        right: Deed,
        /// The exception.
        other: Deed,
    },
    /// What it does depends on the moment.
    Varying,
}

impl Deeds {
    pub(super) fn of(behaviour: Behaviour) -> Self {
        use Behaviour::{Changing, Honest, Lazy, Noisy, Spoofing, Substituting};
        let always = |behaviour: Behaviour| behaviour.treat(asked(0, 0, Key::from(0)));
        let right = always(Behaviour::default());
        let other = match behaviour {
            Honest { .. } => return Self::One(always(behaviour)),
            Changing { .. } => return Self::Varying,
            Lazy { effort, .. } => Lazy { rate: Share::ONE, effort },
            Substituting { cost, quality, .. } => Substituting { rate: Share::ONE, cost, quality },
            Noisy { .. } => Noisy { error_rate: Share::ONE },
            Spoofing { cost, quality, .. } => Spoofing { recognises: Share::ZERO, cost, quality },
        };
        Self::Two { right, other: always(other) }
    }
}

/// A validator's probe on an occasion of its own.
pub(super) fn asked(at: u64, occasion: u64, temper: Key) -> Asked {
    Asked { probe: true, at: SimTime(at), stream: Stream::new(temper, occasion), temper }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against published values of the normal quantile function.
    #[test]
    fn quantiles_of_the_normal_distribution() {
        for (p, want) in [(0.5, 0.0), (0.9, 1.281_551_565_5), (0.975, 1.959_963_984_5)] {
            assert!((quantile(p) - want).abs() < 1e-9, "{p}");
        }
    }

    #[test]
    fn errors_are_centred_with_a_variance_of_one() {
        let mut errors = Errors::new(Stream::new(1, 1), 100_000);
        let mut scores = vec![(Uid(0), 500_000); 100_000];
        errors.disturb(&mut scores);
        let drawn: Vec<f64> =
            scores.into_iter().map(|(_, score)| (f64::from(score) - 5e5) / 1e5).collect();
        let mean = drawn.iter().sum::<f64>() / 1e5;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 1e5;
        // Five standard errors.
        assert!(mean.abs() < 0.016 && (variance - 1.0).abs() < 0.023, "{mean} {variance}");
    }
}
