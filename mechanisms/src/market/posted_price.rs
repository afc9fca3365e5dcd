//! Providers post prices; a customer looks at a few of them and takes the best offer.
//!
//! | rule | |
//! |---|---|
//! | R1 | a provider posts `price_per_million_tokens`, moved up or down within `price_spread` |
//! | R2 | a customer sees `choices` providers that are up, or as many as it needs if that is more, drawn without replacement |
//! | R3 | it takes the best by (outstanding jobs, posted price, node), as many as it needs |
//! | R4 | all who work on a job are paid the highest price among them, so nobody below its own |
//! | R5 | a job is unserved if no provider is up; with fewer up than needed, those that are work |
//!
//! It does not: involve validators, send probes, react to standings, or let providers change
//! their prices while it runs.
//!
//! Source: R2 and R3 are the power of d choices: Mitzenmacher, "The Power of Two Choices in
//! Randomized Load Balancing", IEEE TPDS 12(10), 2001.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{
    Amount, Fact, Fidelity, JobSpec, Match, NodeId, ParamError, Rejected, Share, StateMachine,
    Stream, seeded,
};

use super::roster::Roster;
use super::{Effect, Input, price};

/// What a scenario may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The middle of the posted prices for a million tokens, prompt and output alike; from 0
    /// to below 2^64 of the smallest unit. No default: a price belongs to a scenario.
    pub price_per_million_tokens: Amount,
    /// How far posted prices lie above or below the middle at most, as a share of it: 0% to
    /// 100%. A provider's place within the spread follows from its node number alone, so it is
    /// the same in every replication. Default 0%: all post the same price.
    #[serde(default)]
    pub price_spread: Share,
    /// How many providers a customer compares; at least 1. Default 2: the second choice
    /// brings most of what comparing all would bring (Mitzenmacher 2001).
    #[serde(default = "two")]
    pub choices: u32,
}

fn two() -> u32 {
    2
}

/// The rule and its whole state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PostedPrice {
    params: Params,
    roster: Roster,
    /// Posted price for a million tokens, by provider.
    posted: Vec<Amount>,
}

/// Tells the draws of posted prices from all others; the value has no meaning.
const PRICE_KEY: u64 = 0x706f_7374_6564;

impl crate::Rule for PostedPrice {
    const NAME: &'static str = "posted_price";
    const SUMMARY: &'static str =
        "Providers post prices; a customer compares a few and takes the least busy, then cheapest.";
    const SOURCE: &'static str = "Mitzenmacher, The Power of Two Choices in Randomized Load \
                                  Balancing, IEEE TPDS 12(10), 2001";

    fn example() -> Params {
        Params {
            price_per_million_tokens: Amount(1_000_000),
            price_spread: Share::ZERO,
            choices: two(),
        }
    }

    fn facts(params: &Params) -> Vec<Fact> {
        let assumed = |name, value: String| {
            Fact::new(name, value, Fidelity::Assumed, "chosen by the scenario")
        };
        vec![
            assumed(
                "market.posted_price.price_per_million_tokens",
                format!("{} smallest units", params.price_per_million_tokens),
            ),
            assumed(
                "market.posted_price.price_spread",
                format!("{} ppm", params.price_spread.ppm()),
            ),
            Fact::new(
                "market.posted_price.choices",
                params.choices.to_string(),
                Fidelity::Assumed,
                "two choices: Mitzenmacher 2001",
            ),
        ]
    }
}

impl StateMachine for PostedPrice {
    type Params = Params;
    type Input = Input;
    type Effect = Effect;

    fn new(params: Params) -> Result<Self, ParamError> {
        price::check(params.price_per_million_tokens)?;
        ParamError::unless(params.choices > 0, "choices", params.choices, "at least 1")?;
        Ok(Self { params, roster: Roster::default(), posted: Vec::new() })
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Effect>) -> Result<(), Rejected> {
        match input {
            Input::ProviderJoined { node } => {
                self.roster.add_provider(node)?;
                self.posted.push(post(&self.params, node));
            }
            Input::ValidatorJoined { node, stake } => self.roster.add_validator(node, stake)?,
            Input::NodeDown { node } => self.roster.set_up(node, false)?,
            Input::NodeUp { node } => self.roster.set_up(node, true)?,
            Input::JobArrived { job, replicas, stream } => {
                out.push(self.serve(&job, replicas, stream));
            }
            Input::JobClosed { job, provider } => self.roster.close(job, provider)?,
            Input::StandingsPublished { .. } | Input::EpochStarted { .. } => {}
            Input::ProbeDue { .. } => {
                return Err(Rejected::NotPermitted("this market sends no probes"));
            }
        }
        Ok(())
    }
}

/// R1.
fn post(params: &Params, node: NodeId) -> Amount {
    let (one, spread) = (u64::from(Share::ONE.ppb()), u64::from(params.price_spread.ppb()));
    let place = Stream::new(PRICE_KEY, node.0.into()).below(2 * spread + 1);
    let factor = u128::from(one - spread + place);
    Amount(params.price_per_million_tokens.0 * factor / u128::from(one))
}

impl PostedPrice {
    fn serve(&mut self, job: &JobSpec, replicas: u32, mut stream: Stream) -> Effect {
        let needed = replicas.max(1) as usize;
        // R2
        let mut seen =
            sample(&self.roster.up, needed.max(self.params.choices as usize), &mut stream);
        // R3
        seen.sort_unstable_by_key(|&p| {
            let provider = &self.roster.providers[p as usize];
            let outstanding =
                seeded!(BusiestChosen, u32::MAX - provider.outstanding, provider.outstanding);
            (outstanding, self.posted[p as usize], provider.node)
        });
        seen.truncate(needed);
        // R4, R5
        let Some(price) = seen.iter().map(|&p| self.posted[p as usize]).max() else {
            return Effect::Unserved { job: job.id };
        };
        for &p in &seen {
            self.roster.providers[p as usize].outstanding += 1;
        }
        Effect::Matched(Match {
            job: job.id,
            via: None,
            providers: seen.iter().map(|&p| self.roster.providers[p as usize].node).collect(),
            price: price::of_job(price, job),
        })
    }
}

/// `count` of `items` without replacement, or all of them (Floyd's algorithm: one draw each).
fn sample(items: &[u32], count: usize, stream: &mut Stream) -> Vec<u32> {
    if count >= items.len() {
        return items.to_vec();
    }
    let mut chosen: Vec<u32> = Vec::with_capacity(count);
    for last in items.len() - count..items.len() {
        let draw = stream.below(last as u64 + 1);
        let at = usize::try_from(draw).expect("below the number of items");
        let item = if chosen.contains(&items[at]) { items[last] } else { items[at] };
        chosen.push(item);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use sim_types::{JobId, JobKind, Origin, SimDuration, SubnetId};

    use super::*;

    fn job(id: u64) -> JobSpec {
        JobSpec {
            id: JobId(id),
            kind: JobKind::Inference,
            origin: Origin::User,
            subnet: SubnetId(0),
            prompt_tokens: 1_500_000,
            output_tokens: 500_000,
            patience: SimDuration::from_secs(60),
        }
    }

    fn market(params: Params, providers: u32) -> PostedPrice {
        let mut market = PostedPrice::new(params).unwrap();
        for node in 0..providers {
            market.apply(Input::ProviderJoined { node: NodeId(node) }, &mut vec![]).unwrap();
        }
        market
    }

    fn ask(market: &mut PostedPrice, id: u64, replicas: u32) -> Effect {
        let mut out = vec![];
        let stream = Stream::new(1, id);
        market.apply(Input::JobArrived { job: job(id), replicas, stream }, &mut out).unwrap();
        assert_eq!(out.len(), 1);
        out.remove(0)
    }

    fn params() -> Params {
        <PostedPrice as crate::Rule>::example()
    }

    #[test]
    fn who_sees_everybody_takes_the_least_busy_then_the_lowest_node() {
        let mut market = market(Params { choices: 9, ..params() }, 3);
        for (id, want) in [(0, 0), (1, 1), (2, 2), (3, 0)] {
            let Effect::Matched(found) = ask(&mut market, id, 1) else { panic!("served") };
            assert_eq!(found.providers, [NodeId(want)]);
            assert_eq!(found.price, Amount(2_000_000), "two million tokens");
            assert_eq!(found.via, None);
        }
        let closed = Input::JobClosed { job: JobId(1), provider: NodeId(1) };
        market.apply(closed, &mut vec![]).unwrap();
        let Effect::Matched(found) = ask(&mut market, 4, 1) else { panic!("served") };
        assert_eq!(found.providers, [NodeId(1)]);
    }

    #[test]
    fn posted_prices_stay_within_the_spread_and_the_dearest_is_paid() {
        let spread = Params { price_spread: Share::percent(20), choices: 1, ..params() };
        let mut market = market(spread, 50);
        assert!(market.posted.iter().all(|p| (800_000..=1_200_000).contains(&p.0)));
        assert!(market.posted.iter().any(|p| p.0 < 900_000));
        assert!(market.posted.iter().any(|p| p.0 > 1_100_000));
        let Effect::Matched(found) = ask(&mut market, 0, 3) else { panic!("served") };
        let dearest = found.providers.iter().map(|n| market.posted[n.index()].0).max();
        assert_eq!(Some(found.price.0), dearest.map(|p| p * 2));
    }

    #[test]
    fn fewer_up_than_needed_serve_and_none_up_do_not() {
        let mut market = market(params(), 2);
        let Effect::Matched(found) = ask(&mut market, 0, 5) else { panic!("served") };
        assert_eq!(found.providers.len(), 2);
        for node in [0, 1] {
            market.apply(Input::NodeDown { node: NodeId(node) }, &mut vec![]).unwrap();
        }
        assert_eq!(ask(&mut market, 1, 1), Effect::Unserved { job: JobId(1) });
    }

    /// Every provider is sampled equally often: 30,000 samples of 2 out of 5 put 12,000 on
    /// each, give or take five standard deviations of 85.
    #[test]
    fn samples_are_even_and_without_repetition() {
        let items = [3, 5, 7, 9, 11];
        let mut counts = [0_i32; 12];
        for event in 0..30_000 {
            let chosen = sample(&items, 2, &mut Stream::new(2, event));
            assert!(chosen.len() == 2 && chosen[0] != chosen[1]);
            for place in chosen {
                counts[place as usize] += 1;
            }
        }
        for item in items {
            assert!((counts[item as usize] - 12_000).abs() < 425, "{counts:?}");
        }
    }
}
