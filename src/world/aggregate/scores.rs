//! What validators see of providers, without any job.
//!
//! In the detailed form a validator sends each provider one probe a period. The score of the
//! answer follows from what the provider did ([`Behaviour::treat`]), from how long the answer
//! took (the way there and back, and the machine's time), and from an error. Here the merit of
//! an answer is computed once for each pair and each kind of deed, from the same tables and
//! formulas; the deed and the error are drawn. Left out: messages that are lost, machines that
//! are busy with users, and what users' jobs show besides probes.

use std::sync::LazyLock;

use mechanisms::behaviour::{Behaviour, Deed};
use mechanisms::market::MarketSpec;
use mechanisms::market::validator_dispatch::Probe;
use mechanisms::verification::VerificationSpec;
use mechanisms::verification::scoring::{self, scored};
use sim_core::network::{Network, RegionId};
use sim_types::{ParamError, Share, SimDuration, Stream, Truth, math};

use crate::plan::{NetworkPlan, Plan};

/// How many equally likely errors there are.
const ERRORS: usize = 4_096;

/// Midpoints of [`ERRORS`] equally likely parts of the standard normal distribution, scaled to
/// a variance of one.
static QUANTILES: LazyLock<Vec<f32>> = LazyLock::new(|| {
    let mut quantiles: Vec<f64> =
        (0..ERRORS).map(|i| quantile((float(i) + 0.5) / float(ERRORS))).collect();
    let variance = quantiles.iter().map(|x| x * x).sum::<f64>() / float(ERRORS);
    let scale = 1.0 / math::sqrt(variance);
    quantiles.iter_mut().for_each(|x| *x *= scale);
    #[expect(clippy::cast_possible_truncation, reason = "an error of a score needs no more")]
    quantiles.into_iter().map(|x| x as f32).collect()
});

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

/// From one stream, errors in units of the standard deviation, five to a draw.
pub(super) struct Errors {
    stream: Stream,
    bits: u64,
    left: u32,
    quantiles: &'static [f32],
}

impl Errors {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, bits: 0, left: 0, quantiles: &QUANTILES }
    }

    #[inline]
    pub(super) fn next(&mut self) -> f64 {
        if self.left == 0 {
            self.bits = self.stream.bits();
            self.left = 5;
        }
        let at = usize::try_from(self.bits).unwrap_or(usize::MAX) % ERRORS;
        self.bits >>= 12;
        self.left -= 1;
        self.quantiles[at].into()
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

/// Merits of one provider's answers in one validator's eyes, parts per million: of a right
/// answer, and of the exception that its behaviour makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Merit {
    pub(super) right: u32,
    pub(super) other: u32,
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
    pub(super) fn noise(&self) -> f64 {
        self.scoring.noise.ppm().into()
    }

    /// The merits of a pair, given the deeds that the provider may do.
    pub(super) fn merit(
        &self,
        validator: RegionId,
        provider: RegionId,
        hardware: u16,
        deeds: [Deed; 2],
    ) -> Merit {
        let [right, other] = deeds.map(|deed| {
            let Probe { prompt_tokens, output_tokens, patience } = self.probe;
            let there = self.hop(validator, provider, prompt_tokens);
            let back = self.hop(validator, provider, output_tokens);
            let whole = self.takes[usize::from(hardware)].0;
            let part = deed.work.of(sim_types::Amount(whole.into())).0;
            let work = SimDuration(u64::try_from(part).unwrap_or(whole));
            let latency = there + work + back;
            if latency > patience { 0 } else { self.scoring.merit(deed.quality.ppm(), latency) }
        });
        Merit { right, other }
    }

    fn hop(&self, from: RegionId, to: RegionId, tokens: u32) -> SimDuration {
        let NetworkPlan { table, bandwidth, bytes_per_token, .. } = &self.plan.network;
        let bytes = u64::from(tokens) * bytes_per_token.0;
        let up = table.region(from).up.unwrap_or(*bandwidth);
        let down = table.region(to).down.unwrap_or(*bandwidth);
        self.network.delay(from, to, bytes, up, down, &mut Stream::new(0, 0))
    }
}

/// The deeds of a behaviour: a right one, and the exception it makes, if it makes one.
pub(super) fn deeds(behaviour: Behaviour, stream_key: sim_types::stream::Key) -> [Deed; 2] {
    let mut found: [Option<Deed>; 2] = [None, None];
    for occasion in 0..1_000 {
        let deed = behaviour.treat(Stream::new(stream_key, u64::MAX - occasion));
        found[usize::from(deed.truth != Truth::Right)].get_or_insert(deed);
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    let any = found[0].or(found[1]).expect("a thousand deeds");
    found.map(|deed| deed.unwrap_or(any))
}

/// Draws a score.
#[inline]
pub(super) fn score(merit: Merit, right: bool, noise_ppm: f64, errors: &mut Errors) -> u32 {
    scored(if right { merit.right } else { merit.other }, errors.next() * noise_ppm)
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
        let mut errors = Errors::new(Stream::new(1, 1));
        let drawn: Vec<f64> = (0..100_000).map(|_| errors.next()).collect();
        let mean = drawn.iter().sum::<f64>() / 1e5;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / 1e5;
        // Five standard errors.
        assert!(mean.abs() < 0.016 && (variance - 1.0).abs() < 0.023, "{mean} {variance}");
    }
}
