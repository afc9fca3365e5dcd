//! Jobs travel through validators, which also probe every provider once a period.
//!
//! | rule | |
//! |---|---|
//! | R1 | a job goes to a validator that is up, drawn in proportion to stake (evenly if nobody has any) |
//! | R2 | `uniform`: that validator picks evenly among the providers that are up |
//! | R3 | `standing`: it picks in proportion to the published standings; the share `exploration` of jobs, and all before the first standings, go by R2 |
//! | R4 | `least_outstanding`: it picks the provider with the fewest open jobs and probes, ties from a drawn place onwards in the order of joining |
//! | R5 | several providers of one job are picked one after another without repetition |
//! | R6 | when a period begins, every validator that is up starts a round over all providers from a drawn place; its turns are spread evenly over the first nine tenths of the period, from a drawn phase |
//! | R7 | at each turn it probes the provider whose turn it is, unless either is down: then the turn passes |
//! | R8 | a job is unserved if no validator or no provider is up; with fewer up than needed, those that are work |
//!
//! By R6 and R7 a provider that is up all the time is probed exactly once by every validator
//! that is, in every period. The last tenth is left for setting weights.
//!
//! It does not: let validators earn a margin on jobs, see queues inside providers, or repeat a
//! missed probe.
//!
//! Source: R1 and R3 stand for organic traffic on Bittensor, where applications reach miners
//! through validators, and R6 for synthetic queries; subnets differ and no two route alike,
//! so the forms here are assumed. A validator's patience: opentensor/bittensor
//! `bittensor/core/dendrite.py` @ `087b1ff4` (`forward`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Amount, Fact, Fidelity, JobSpec, Match, NodeId, ParamError, Rejected, Share, SimDuration,
    StateMachine, Stream, seeded,
};

use super::roster::Roster;
use super::{Effect, Input, price};

/// How a validator picks among providers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// In proportion to the standings that the reward published (R3).
    #[default]
    Standing,
    /// Evenly (R2).
    Uniform,
    /// The fewest open jobs (R4).
    LeastOutstanding,
}

/// What a probe asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Tokens of the prompt, 0 and up.
    pub prompt_tokens: u32,
    /// Tokens to generate; at least 1.
    pub output_tokens: u32,
    /// How long the validator waits for the answer; more than 0. Default 12s, the value of
    /// `timeout` in the dendrite query of the Bittensor SDK.
    #[serde(default = "patience")]
    pub patience: SimDuration,
}

fn patience() -> SimDuration {
    SimDuration::from_secs(12)
}

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// How a validator picks among providers. Default `standing`: those who are paid most for
    /// their work get most of it.
    #[serde(default)]
    pub route: Route,
    /// Under `standing`, the share of jobs routed evenly all the same; 0% to 100%. Default
    /// 10% (assumed): without any, a provider that once stood at zero would never be asked.
    #[serde(default = "tenth")]
    pub exploration: Share,
    /// What a probe asks for. Default 128 tokens of prompt and 32 to generate (assumed): a
    /// short question, cheap beside a user's job.
    #[serde(default = "short_question")]
    pub probe: Probe,
    /// What a user pays for a million tokens, prompt and output alike; from 0 to below 2^64
    /// of the smallest unit. Default 0: on Bittensor providers live off emission.
    #[serde(default)]
    pub price_per_million_tokens: Amount,
}

fn tenth() -> Share {
    Share::percent(10)
}

fn short_question() -> Probe {
    Probe { prompt_tokens: 128, output_tokens: 32, patience: patience() }
}

impl Default for Params {
    fn default() -> Self {
        Self {
            route: Route::default(),
            exploration: tenth(),
            probe: short_question(),
            price_per_million_tokens: Amount::ZERO,
        }
    }
}

/// A validator's way once around the providers.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Round {
    /// Where it begins.
    start: u32,
    /// Turns taken.
    taken: u32,
    /// Turns in all: the providers there were when the period began.
    turns: u32,
    /// Time between turns.
    every: SimDuration,
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ValidatorDispatch {
    params: Params,
    roster: Roster,
    /// By validator.
    rounds: Vec<Round>,
    /// By provider; empty before the first standings.
    standings: Vec<u16>,
    /// Running sums of the standings over the providers that are up.
    cumulative: Vec<u64>,
}

impl crate::Rule for ValidatorDispatch {
    const NAME: &'static str = "validator_dispatch";
    const SUMMARY: &'static str = "Jobs travel through validators drawn by stake, which also probe every provider once a period.";
    const SOURCE: &'static str = "modelled after Bittensor's organic and synthetic queries; \
                                  subnets differ, the exact form is assumed";

    fn example() -> Params {
        Params::default()
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let assumed = |name: &str, value: String, why: &str| {
            Fact::new(format!("market.validator_dispatch.{name}"), value, Fidelity::Assumed, why)
        };
        vec![
            assumed(
                "exploration",
                format!("{} ppm", params.exploration.ppm()),
                "enough for newcomers to be seen; subnets publish no such number",
            ),
            assumed(
                "probe",
                format!("{} + {} tokens", params.probe.prompt_tokens, params.probe.output_tokens),
                "a short question; every subnet has its own",
            ),
            if params.probe.patience == patience() {
                Fact::new(
                    "market.validator_dispatch.probe.patience",
                    params.probe.patience.to_string(),
                    Fidelity::Published,
                    "opentensor/bittensor bittensor/core/dendrite.py @087b1ff4 (forward)",
                )
            } else {
                assumed(
                    "probe.patience",
                    params.probe.patience.to_string(),
                    "chosen by the scenario",
                )
            },
            assumed(
                "price_per_million_tokens",
                format!("{} smallest units", params.price_per_million_tokens),
                "chosen by the scenario",
            ),
        ]
    }
}

impl StateMachine for ValidatorDispatch {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        price::check(params.price_per_million_tokens)?;
        let Probe { output_tokens, patience, .. } = params.probe;
        ParamError::unless(output_tokens > 0, "probe.output_tokens", 0, "at least 1")?;
        ParamError::unless(patience > SimDuration::ZERO, "probe.patience", "0s", "more than 0s")?;
        Ok(Self {
            params,
            roster: Roster::default(),
            rounds: Vec::new(),
            standings: Vec::new(),
            cumulative: Vec::new(),
        })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::ProviderJoined { node } => {
                self.roster.add_provider(node)?;
                if !self.standings.is_empty() {
                    self.standings.push(0);
                }
                self.sum_up();
            }
            Input::ValidatorJoined { node, stake } => {
                self.roster.add_validator(node, stake)?;
                self.rounds.push(Round::default());
            }
            Input::NodeDown { node } => {
                self.roster.set_up(node, false)?;
                self.sum_up();
            }
            Input::NodeUp { node } => {
                self.roster.set_up(node, true)?;
                self.sum_up();
            }
            Input::JobArrived { job, replicas, stream } => {
                out.push(self.serve(&job, replicas, stream));
            }
            Input::JobClosed { job, provider } => self.roster.close(job, provider)?,
            Input::StandingsPublished { standings } => self.publish(&standings)?,
            Input::EpochStarted { length, stream } => self.start_rounds(length, stream, out),
            Input::ProbeDue { validator, .. } => self.take_turn(validator, out)?,
        }
        Ok(())
    }
}

impl ValidatorDispatch {
    fn publish(&mut self, published: &[(NodeId, u16)]) -> Result<(), Rejected> {
        let mut standings = vec![0; self.roster.providers.len()];
        for &(node, standing) in published {
            match self.roster.provider(node) {
                Ok(place) => standings[place] = standing,
                Err(_) if self.roster.knows(node) => {}
                Err(unknown) => return Err(unknown),
            }
        }
        self.standings = standings;
        self.sum_up();
        Ok(())
    }

    fn sum_up(&mut self) {
        self.cumulative.clear();
        if self.standings.is_empty() {
            return;
        }
        let mut sum = 0;
        self.cumulative.extend(self.roster.up.iter().map(|&p| {
            sum += u64::from(self.standings[p as usize]);
            sum
        }));
    }

    fn serve(&mut self, job: &JobSpec, replicas: u32, mut stream: Stream) -> Effect {
        let via = self.draw_validator(&mut stream);
        let needed = (replicas.max(1) as usize).min(self.roster.up.len());
        // R8
        let (Some(via), 1..) = (via, needed) else {
            return Effect::Unserved { job: job.id };
        };
        let mut chosen = Vec::with_capacity(needed);
        for _ in 0..needed {
            chosen.push(self.pick(&chosen, &mut stream));
        }
        for &p in &chosen {
            self.roster.providers[p as usize].outstanding += 1;
        }
        Effect::Matched(Match {
            job: job.id,
            via: Some(via),
            providers: chosen.iter().map(|&p| self.roster.providers[p as usize].node).collect(),
            price: price::of_job(self.params.price_per_million_tokens, job),
        })
    }

    /// R1. Stakes are scaled down by a power of two where their sum leaves 64 bits.
    fn draw_validator(&self, stream: &mut Stream) -> Option<NodeId> {
        let up = || self.roster.validators.iter().filter(|v| v.up);
        let sum: u128 = up().map(|v| u128::from(v.stake)).sum();
        let shift = (u128::BITS - sum.leading_zeros()).saturating_sub(u64::BITS);
        let total: u64 = up().map(|v| v.stake >> shift).sum();
        if seeded!(StakeIgnored, true, total == 0) {
            let place = stream.below(up().count() as u64);
            return up().nth(usize::try_from(place).ok()?).map(|v| v.node);
        }
        let mut left = stream.below(total);
        for validator in up() {
            let weight = validator.stake >> shift;
            if left < weight {
                return Some(validator.node);
            }
            left -= weight;
        }
        None
    }

    /// R2 to R5: one provider that is up and not yet `chosen`; there is at least one.
    fn pick(&self, chosen: &[u32], stream: &mut Stream) -> u32 {
        match self.params.route {
            Route::Uniform => self.pick_evenly(chosen, stream),
            Route::Standing if stream.chance(self.params.exploration) => {
                self.pick_evenly(chosen, stream)
            }
            Route::Standing => self
                .pick_by_standing(chosen, stream)
                .unwrap_or_else(|| self.pick_evenly(chosen, stream)),
            Route::LeastOutstanding => self.pick_least_busy(chosen, stream),
        }
    }

    /// R2: the `n`-th of those that are left.
    fn pick_evenly(&self, chosen: &[u32], stream: &mut Stream) -> u32 {
        let up = &self.roster.up;
        let draw = stream.below((up.len() - chosen.len()) as u64);
        let n = usize::try_from(draw).expect("below the number of providers");
        if chosen.is_empty() {
            return up[n];
        }
        let mut left = up.iter().filter(|p| !chosen.contains(p));
        *left.nth(n).expect("n counts those left")
    }

    /// R3. `None` if nobody left has any standing.
    fn pick_by_standing(&self, chosen: &[u32], stream: &mut Stream) -> Option<u32> {
        let up = &self.roster.up;
        let total = *self.cumulative.last()?;
        if chosen.is_empty() {
            if total == 0 {
                return None;
            }
            let draw = stream.below(total);
            return up.get(self.cumulative.partition_point(|&sum| sum <= draw)).copied();
        }
        let standing = |p: u32| u64::from(self.standings[p as usize]);
        let total = total - chosen.iter().map(|&p| standing(p)).sum::<u64>();
        if total == 0 {
            return None;
        }
        let mut draw = stream.below(total);
        up.iter().copied().filter(|p| !chosen.contains(p)).find(|&p| {
            if draw < standing(p) {
                return true;
            }
            draw -= standing(p);
            false
        })
    }

    /// R4.
    fn pick_least_busy(&self, chosen: &[u32], stream: &mut Stream) -> u32 {
        let up = &self.roster.up;
        let draw = stream.below(up.len() as u64);
        let (before, after) = up.split_at(usize::try_from(draw).expect("below the providers"));
        *after
            .iter()
            .chain(before)
            .filter(|p| !chosen.contains(p))
            .min_by_key(|&&p| self.roster.providers[p as usize].outstanding)
            .expect("somebody is left")
    }

    /// R6.
    fn start_rounds(&mut self, length: SimDuration, mut stream: Stream, out: &mut Vec<Effect>) {
        let turns = u32::try_from(self.roster.providers.len()).expect("nodes have 32-bit names");
        // Divided first, so that no length overflows.
        let every = SimDuration(length.0 / 10 * 9 / u64::from(turns).max(1));
        for (validator, round) in self.roster.validators.iter().zip(&mut self.rounds) {
            let draw = stream.below(turns.into());
            let start = u32::try_from(draw).expect("below the number of providers");
            let phase = SimDuration(stream.below(every.0));
            // A round that was not finished is forgotten.
            *round = Round { start, taken: 0, turns: if validator.up { turns } else { 0 }, every };
            if round.turns > 0 {
                out.push(Effect::ProbeAfter { validator: validator.node, after: phase });
            }
        }
    }

    /// R7. A callback that outlived its round asks for nothing.
    fn take_turn(&mut self, node: NodeId, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        let index = self.roster.validator(node)?;
        let round = &mut self.rounds[index];
        if round.taken == round.turns {
            return Ok(());
        }
        let place = (u64::from(round.start) + u64::from(round.taken)) % u64::from(round.turns);
        round.taken += 1;
        let place = usize::try_from(place).expect("below the number of providers");
        let provider = &mut self.roster.providers[place];
        if provider.up && self.roster.validators[index].up {
            provider.outstanding += 1;
            let Probe { prompt_tokens, output_tokens, patience } = self.params.probe;
            let provider = provider.node;
            out.push(Effect::Probe {
                validator: node,
                provider,
                prompt_tokens,
                output_tokens,
                patience,
            });
        }
        if round.taken < round.turns {
            out.push(Effect::ProbeAfter { validator: node, after: round.every });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sim_types::{JobId, JobKind, Origin, SubnetId};

    use super::*;

    fn job(id: u64) -> JobSpec {
        JobSpec {
            id: JobId(id),
            kind: JobKind::Inference,
            origin: Origin::User,
            subnet: SubnetId(0),
            prompt_tokens: 900,
            output_tokens: 100,
            patience: SimDuration::from_secs(60),
        }
    }

    /// Providers 0.., validators 100.. with the given stakes.
    fn market(params: Params, providers: u32, stakes: &[u64]) -> ValidatorDispatch {
        let mut market = ValidatorDispatch::new(params).unwrap();
        let mut out = vec![];
        for node in 0..providers {
            market.apply(Input::ProviderJoined { node: NodeId(node) }, &mut out).unwrap();
        }
        for (node, &stake) in (100..).zip(stakes) {
            market.apply(Input::ValidatorJoined { node: NodeId(node), stake }, &mut out).unwrap();
        }
        assert!(out.is_empty());
        market
    }

    fn ask(market: &mut ValidatorDispatch, id: u64, replicas: u32) -> Option<Match> {
        let mut out = vec![];
        let stream = Stream::new(1, id);
        market.apply(Input::JobArrived { job: job(id), replicas, stream }, &mut out).unwrap();
        match out.pop() {
            Some(Effect::Matched(found)) => Some(found),
            Some(Effect::Unserved { job }) => {
                assert_eq!(job, JobId(id));
                None
            }
            other => panic!("{other:?}"),
        }
    }

    /// Counts of 30,000 jobs by provider and by validator.
    fn counts(market: &mut ValidatorDispatch) -> ([i32; 5], [i32; 5]) {
        let (mut providers, mut validators) = ([0; 5], [0; 5]);
        for id in 0..30_000 {
            let found = ask(market, id, 1).unwrap();
            providers[found.providers[0].index()] += 1;
            validators[found.via.unwrap().index() - 100] += 1;
        }
        (providers, validators)
    }

    fn near(counts: [i32; 5], want: [i32; 5]) {
        // Five standard deviations of a binomial of 30,000 are at most 433.
        assert!(counts.iter().zip(want).all(|(c, w)| (c - w).abs() < 433), "{counts:?} {want:?}");
    }

    #[test]
    fn traffic_follows_stake_and_standing() {
        let huge = u64::MAX / 4;
        let params = Params { exploration: Share::percent(20), ..Params::default() };
        let mut market = market(params, 4, &[3 * huge, 2 * huge, huge, 0]);
        let (providers, validators) = counts(&mut market);
        near(providers, [7_500, 7_500, 7_500, 7_500, 0]);
        near(validators, [15_000, 10_000, 5_000, 0, 0]);
        let standings = vec![(NodeId(0), 30_000), (NodeId(1), 10_000)];
        market.apply(Input::StandingsPublished { standings }, &mut vec![]).unwrap();
        let (providers, _) = counts(&mut market);
        near(providers, [19_500, 7_500, 1_500, 1_500, 0]);
        market.apply(Input::NodeDown { node: NodeId(0) }, &mut vec![]).unwrap();
        let (providers, _) = counts(&mut market);
        near(providers, [0, 26_000, 2_000, 2_000, 0]);
    }

    #[test]
    fn the_least_busy_provider_works_next() {
        let params = Params { route: Route::LeastOutstanding, ..Params::default() };
        let mut market = market(params, 5, &[0, 0]);
        for round in 0..20 {
            let mut worked = [0; 5];
            for id in 0..5 {
                let found = ask(&mut market, round * 5 + id, 1).unwrap();
                worked[found.providers[0].index()] += 1;
            }
            assert_eq!(worked, [1; 5], "round {round}");
        }
    }

    #[test]
    fn an_open_probe_counts_as_work() {
        let params = Params { route: Route::LeastOutstanding, ..Params::default() };
        let mut market = market(params, 2, &[1]);
        let mut out = vec![];
        let stream = Stream::new(3, 0);
        let length = SimDuration::from_secs(100);
        market.apply(Input::EpochStarted { length, stream }, &mut out).unwrap();
        out.clear();
        let validator = NodeId(100);
        market.apply(Input::ProbeDue { validator, stream }, &mut out).unwrap();
        let Effect::Probe { provider: probed, .. } = out[0] else { panic!("{out:?}") };
        let other = NodeId(1 - probed.0);
        assert_eq!(ask(&mut market, 0, 1).unwrap().providers, [other]);
        for (job, provider) in [(7, probed), (0, other)] {
            let closed = Input::JobClosed { job: JobId(job), provider };
            market.apply(closed.clone(), &mut out).unwrap();
            assert_eq!(market.apply(closed, &mut out), Err(Rejected::NotOpen(job)));
        }
    }

    #[test]
    fn several_providers_of_one_job_are_distinct_on_every_route() {
        for route in [Route::Standing, Route::Uniform, Route::LeastOutstanding] {
            let mut market = market(Params { route, ..Params::default() }, 5, &[1]);
            let standings = vec![(NodeId(3), 65_535)];
            market.apply(Input::StandingsPublished { standings }, &mut vec![]).unwrap();
            for id in 0..500 {
                let mut found = ask(&mut market, id, 4).unwrap().providers;
                found.sort_unstable();
                found.dedup();
                assert_eq!(found.len(), 4, "{route:?}");
            }
            assert_eq!(ask(&mut market, 500, 9).unwrap().providers.len(), 5);
        }
    }

    #[test]
    fn nobody_up_on_either_side_serves_nothing() {
        let mut market = market(Params::default(), 1, &[1]);
        for node in [0, 100] {
            market.apply(Input::NodeDown { node: NodeId(node) }, &mut vec![]).unwrap();
            assert_eq!(ask(&mut market, 0, 1), None);
            market.apply(Input::NodeUp { node: NodeId(node) }, &mut vec![]).unwrap();
        }
        assert!(ask(&mut market, 1, 1).is_some());
    }

    /// Plays a period and returns (time, validator, provider) of every probe.
    fn period(market: &mut ValidatorDispatch, length: u64) -> Vec<(u64, u32, u32)> {
        let mut out = vec![];
        let stream = Stream::new(5, 0);
        let began = Input::EpochStarted { length: SimDuration(length), stream };
        market.apply(began, &mut out).unwrap();
        let mut due: Vec<(u64, NodeId)> = vec![];
        let mut probes = vec![];
        let mut now = 0;
        loop {
            for effect in out.drain(..) {
                match effect {
                    Effect::ProbeAfter { validator, after } => due.push((now + after.0, validator)),
                    Effect::Probe { validator, provider, .. } => {
                        probes.push((now, validator.0, provider.0));
                    }
                    other => panic!("{other:?}"),
                }
            }
            due.sort_unstable_by_key(|&at| core::cmp::Reverse(at));
            let Some((at, validator)) = due.pop() else { return probes };
            now = at;
            market.apply(Input::ProbeDue { validator, stream }, &mut out).unwrap();
        }
    }

    #[test]
    fn probes_are_spread_evenly_over_nine_tenths() {
        let mut market = market(Params::default(), 90, &[1, 1]);
        let probes = period(&mut market, 100_000);
        assert_eq!(probes.len(), 180);
        assert!(probes.iter().all(|&(at, ..)| at < 90_000));
        for validator in [100, 101] {
            let times: Vec<u64> = probes.iter().filter(|p| p.1 == validator).map(|p| p.0).collect();
            assert!(times.windows(2).all(|w| w[1] - w[0] == 1_000));
        }
    }

    #[test]
    fn turns_pass_while_either_side_is_down() {
        let mut market = market(Params::default(), 3, &[1, 1]);
        market.apply(Input::NodeDown { node: NodeId(1) }, &mut vec![]).unwrap();
        market.apply(Input::NodeDown { node: NodeId(101) }, &mut vec![]).unwrap();
        let mut probed: Vec<_> =
            period(&mut market, 1_000).iter().map(|&(_, v, p)| (v, p)).collect();
        probed.sort_unstable();
        assert_eq!(probed, [(100, 0), (100, 2)]);
        // Its round never began, so a stray callback changes nothing.
        let mut out = vec![];
        let stray = Input::ProbeDue { validator: NodeId(101), stream: Stream::new(0, 0) };
        market.apply(stray, &mut out).unwrap();
        assert!(out.is_empty());
    }
}
