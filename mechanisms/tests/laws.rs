//! The laws of a stage, run on every rule in its list: a new rule is tested by being listed.
//!
//! Inputs are drawn from small domains, so that sensible and forbidden ones mix.

use std::collections::{BTreeMap, BTreeSet};

use mechanisms::{RuleInfo, market, reward, settlement, verification, weights};
use proptest::prelude::*;
use serde::Serialize;
use sim_types::{
    Amount, Completion, Height, JobId, JobKind, JobSpec, NodeId, Observation, Origin, SimDuration,
    SimTime, StateMachine, Stream, SubnetId, Truth, TxId, Uid,
};

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("rules serialise")
}

/// How often a law met a case: a law that never saw a rejection proves nothing.
#[derive(Default)]
struct Seen {
    effects: usize,
    rejections: usize,
}

/// Laws of every rule: a rejected input changes nothing; the same inputs give the same
/// effects; a state written down and read back goes on the same.
fn hold<M>(spec: &M::Params, inputs: &[M::Input], cut: usize, seen: &mut Seen)
where
    M: StateMachine<Params: Clone, Input: Clone, Effect: PartialEq + core::fmt::Debug>,
{
    let mut rule = M::new(spec.clone()).expect("examples are valid");
    let mut again = M::new(spec.clone()).expect("examples are valid");
    let (mut out, mut out_again) = (vec![], vec![]);
    for (step, input) in inputs.iter().enumerate() {
        let (before, emitted) = (rule.clone(), out.len());
        if rule.apply(input.clone(), &mut out).is_err() {
            seen.rejections += 1;
            assert_eq!(text(&rule), text(&before), "a rejected input changed the state");
            assert_eq!(out.len(), emitted, "a rejected input had effects");
        }
        if step == cut {
            again = serde_json::from_str(&text(&again)).expect("states read back");
        }
        let _ = again.apply(input.clone(), &mut out_again);
    }
    assert_eq!(out, out_again);
    assert_eq!(text(&rule), text(&again));
    seen.effects += out.len();
}

/// Runs the laws on a whole stage with `inputs` drawn from many seeds.
fn stage<M>(specs: &[M::Params], inputs: impl Fn(&mut Stream) -> Vec<M::Input>)
where
    M: StateMachine<Params: Clone + Serialize, Input: Clone, Effect: PartialEq + core::fmt::Debug>,
{
    for spec in specs {
        let mut seen = Seen::default();
        for seed in 0..60 {
            let mut stream = Stream::new(seed, 0);
            let inputs = inputs(&mut stream);
            let cut = index(&mut stream, inputs.len());
            hold::<M>(spec, &inputs, cut, &mut seen);
        }
        assert!(seen.effects > 100, "{}: {} effects", text(spec), seen.effects);
        assert!(seen.rejections > 100, "{}: {} rejections", text(spec), seen.rejections);
    }
}

fn index(stream: &mut Stream, len: usize) -> usize {
    usize::try_from(stream.below(len as u64)).expect("an index")
}

fn small(stream: &mut Stream, below: u32) -> u32 {
    u32::try_from(stream.below(below.into())).expect("below a u32")
}

fn uid(stream: &mut Stream, below: u16) -> Uid {
    Uid(u16::try_from(stream.below(below.into())).expect("below a u16"))
}

fn occasion(stream: &mut Stream) -> Stream {
    Stream::new(stream.bits(), 0)
}

fn job(id: u64) -> JobSpec {
    JobSpec {
        id: JobId(id),
        kind: JobKind::Inference,
        origin: Origin::User,
        subnet: SubnetId(0),
        prompt_tokens: 100,
        output_tokens: 10,
        patience: SimDuration::from_secs(9),
    }
}

fn observation(stream: &mut Stream) -> Observation {
    Observation {
        verifier: NodeId(small(stream, 4)),
        subject: NodeId(small(stream, 4)),
        job: JobId(stream.below(9)),
        score_ppm: small(stream, 1_000_001),
        confidence_ppm: small(stream, 1_000_001),
        tokens: small(stream, 5_000),
    }
}

/// Providers are 0 to 5, validators 6 and 7; 8 never joins.
fn market_inputs(stream: &mut Stream) -> Vec<market::Input> {
    use market::Input;
    (0..200)
        .map(|_| {
            let node = NodeId(small(stream, 9));
            match stream.below(12) {
                0 | 1 => Input::ProviderJoined { node: NodeId(node.0.min(5)) },
                2 => {
                    Input::ValidatorJoined { node: NodeId(6 + node.0 % 2), stake: stream.below(9) }
                }
                3 => Input::NodeDown { node },
                4 | 5 => Input::NodeUp { node },
                6 | 7 => Input::JobArrived {
                    job: job(stream.below(99)),
                    replicas: small(stream, 4),
                    stream: occasion(stream),
                },
                8 => Input::JobClosed { job: JobId(stream.below(99)), provider: node },
                9 => Input::StandingsPublished {
                    standings: vec![(node, 7), (NodeId(small(stream, 9)), 9)],
                },
                10 => Input::EpochStarted {
                    length: SimDuration(stream.below(1_000)),
                    stream: occasion(stream),
                },
                _ => Input::ProbeDue { validator: node, stream: occasion(stream) },
            }
        })
        .collect()
}

fn verification_inputs(stream: &mut Stream) -> Vec<verification::Input> {
    use verification::Input;
    (0..200)
        .map(|_| {
            let (id, provider) = (JobId(stream.below(8)), NodeId(small(stream, 4)));
            let verifier = NodeId(4);
            match stream.below(8) {
                0 | 1 => Input::Assigned { job: id, replicas: small(stream, 4) },
                2..=4 => Input::Completed {
                    completion: Completion {
                        job: id,
                        origin: match stream.below(4) {
                            0 => Origin::Probe(verifier),
                            _ => Origin::User,
                        },
                        provider,
                        truth: if stream.below(2) == 0 { Truth::Right } else { Truth::Lazy },
                        quality_ppm: small(stream, 1_000_001),
                        answer: stream.below(2),
                        latency: SimDuration(stream.below(20_000_000_000)),
                        tokens: small(stream, 5_000),
                    },
                    verifier,
                    stream: occasion(stream),
                },
                5 => Input::Missing { job: id, provider, verifier, tokens: 5 },
                6 => Input::Rechecked { job: id, provider, stream: occasion(stream) },
                _ => Input::RecheckLost { job: id, provider },
            }
        })
        .collect()
}

fn settlement_inputs(stream: &mut Stream) -> Vec<settlement::Input> {
    use settlement::Input;
    let mut youngest = 0;
    (0..200)
        .map(|_| match stream.below(20) {
            0 => Input::Started,
            1..=4 => Input::SlotDue { now: SimTime(stream.below(99)) },
            _ => {
                youngest += stream.below(3);
                Input::Submitted { tx: TxId(youngest) }
            }
        })
        .collect()
}

/// Short periods, so that a test sees many.
fn short(spec: &reward::RewardSpec) -> reward::RewardSpec {
    use reward::RewardSpec;
    match spec {
        RewardSpec::Proportional(_) => {
            RewardSpec::Proportional(reward::proportional::Params { epoch_blocks: 4 })
        }
        RewardSpec::Yuma(params) => RewardSpec::Yuma(reward::yuma::Params {
            tempo: 3,
            weights_rate_limit: 2,
            max_validators: 3,
            ..params.clone()
        }),
        RewardSpec::FisherRank(params) => {
            RewardSpec::FisherRank(reward::fisher_rank::Params { epoch_blocks: 3, ..*params })
        }
    }
}

const MEMBERS: u16 = 6;

/// Mostly in order and within the members, sometimes not.
fn row(stream: &mut Stream) -> Vec<(Uid, u16)> {
    let last = MEMBERS - u16::from(stream.below(9) > 0);
    let mut row = vec![];
    for to in 0..=last {
        let to = if stream.below(30) == 0 { 0 } else { to };
        if stream.below(3) > 0 {
            row.push((Uid(to), uid(stream, u16::MAX).0));
        }
    }
    row
}

fn reward_inputs(stream: &mut Stream) -> Vec<reward::Input> {
    use reward::Input;
    let mut height = 0;
    let mut inputs = vec![
        Input::BlockProduced { height: Height(1), emission: Amount(1) },
        Input::Opened {
            subnet: 2,
            stakes: (0..MEMBERS).map(|_| stream.below(4) * 1_000_000_000).collect(),
        },
    ];
    inputs.extend((0..200).map(|_| match stream.below(16) {
        0..=6 => {
            height += stream.below(5).min(1);
            Input::BlockProduced { height: Height(height), emission: Amount(stream.bits().into()) }
        }
        7..=9 => Input::WeightsSet {
            by: uid(stream, MEMBERS + 1),
            mechanism: u8::from(stream.below(20) == 0),
            height: Height(height),
            row: row(stream),
        },
        10 | 11 => {
            Input::Observed { subject: uid(stream, MEMBERS + 1), observation: observation(stream) }
        }
        12 => Input::StakeChanged { uid: uid(stream, MEMBERS + 1), stake: stream.below(1 << 60) },
        13 => Input::Registered {
            uid: uid(stream, MEMBERS + 1),
            height: Height(height),
            stake: stream.below(1 << 60),
        },
        14 if stream.below(2) == 0 => Input::MetadataPublished { uid: uid(stream, MEMBERS + 1) },
        14 => {
            let specs = reward::RewardSpec::examples();
            Input::Reconfigured { spec: Box::new(short(&specs[index(stream, specs.len())])) }
        }
        _ => Input::Opened { subnet: 1, stakes: vec![1] },
    }));
    inputs
}

fn weights_inputs(stream: &mut Stream) -> Vec<weights::Input> {
    use weights::Input;
    let mut inputs = vec![Input::Opened { members: MEMBERS }];
    inputs.extend((0..200).map(|_| match stream.below(10) {
        0..=3 => {
            Input::Observed { subject: uid(stream, MEMBERS + 1), observation: observation(stream) }
        }
        4 | 5 => Input::ConsensusPublished {
            consensus: (0..MEMBERS).map(|_| uid(stream, 500).0).collect(),
        },
        6 => Input::WeightsDue,
        7 => Input::Introduced {
            oneself: uid(stream, MEMBERS + 1),
            providers: (1..MEMBERS).map(Uid).collect(),
            favoured: vec![Uid(1), Uid(3)],
            stream: occasion(stream),
        },
        8 => Input::WeightsSeen {
            consensus: (0..uid(stream, MEMBERS + 2).0).map(|_| uid(stream, 500).0).collect(),
        },
        _ => Input::Opened { members: 3 },
    }));
    inputs
}

#[test]
fn rules_are_pure_state_machines_that_survive_being_written_down() {
    stage::<market::Market>(&market::MarketSpec::examples(), market_inputs);
    stage::<verification::Verification>(
        &verification::VerificationSpec::examples(),
        verification_inputs,
    );
    stage::<settlement::Settlement>(&settlement::SettlementSpec::examples(), settlement_inputs);
    stage::<weights::Weights>(&weights::WeightsSpec::examples(), weights_inputs);
    let specs: Vec<_> = reward::RewardSpec::examples().iter().map(short).collect();
    stage::<reward::Reward>(&specs, reward_inputs);
}

#[test]
fn catalogue_names_are_the_keys_of_a_scenario() {
    fn check<S: Serialize>(
        stage: &str,
        catalogue: &[RuleInfo],
        examples: &[S],
        name: fn(&S) -> &str,
    ) {
        assert_eq!(catalogue.len(), examples.len());
        for (info, example) in catalogue.iter().zip(examples) {
            let written = serde_json::to_value(example).expect("specifications serialise");
            let keys: Vec<_> = written.as_object().expect("one key").keys().collect();
            assert_eq!(keys, [info.name]);
            assert_eq!((info.stage, info.name), (stage, name(example)));
            assert!(!info.summary.is_empty() && !info.source.is_empty());
        }
    }
    use market::MarketSpec as M;
    use reward::RewardSpec as R;
    use settlement::SettlementSpec as S;
    use verification::VerificationSpec as V;
    use weights::WeightsSpec as W;
    check("market", &M::catalogue(), &M::examples(), M::name);
    check("verification", &V::catalogue(), &V::examples(), V::name);
    check("settlement", &S::catalogue(), &S::examples(), S::name);
    check("reward", &R::catalogue(), &R::examples(), R::name);
    check("weights", &W::catalogue(), &W::examples(), W::name);
}

/// Markets give work only to those who are up, each once, through a validator that is up.
#[test]
fn markets_match_only_who_is_up() {
    use market::{Effect, Input, Market, MarketSpec};
    for spec in MarketSpec::examples() {
        let mut matched = 0;
        for seed in 0..60 {
            let mut rule = Market::new(spec.clone()).expect("examples are valid");
            let mut up = BTreeSet::new();
            for input in market_inputs(&mut Stream::new(seed, 1)) {
                let wanted = match &input {
                    Input::JobArrived { job, replicas, .. } => Some((job.id, *replicas)),
                    _ => None,
                };
                let mut out = vec![];
                let done = rule.apply(input.clone(), &mut out);
                match (done, input) {
                    (Ok(()), Input::NodeDown { node }) => {
                        up.remove(&node);
                    }
                    (
                        Ok(()),
                        Input::ProviderJoined { node }
                        | Input::ValidatorJoined { node, .. }
                        | Input::NodeUp { node },
                    ) => {
                        up.insert(node);
                    }
                    _ => {}
                }
                for effect in &out {
                    match effect {
                        Effect::Matched(found) => {
                            matched += 1;
                            let (job, replicas) = wanted.expect("somebody asked");
                            assert_eq!(found.job, job);
                            let distinct: BTreeSet<_> = found.providers.iter().collect();
                            assert_eq!(distinct.len(), found.providers.len());
                            assert!((1..=replicas.max(1) as usize).contains(&distinct.len()));
                            assert!(found.providers.iter().all(|p| p.0 < 6 && up.contains(p)));
                            assert!(found.via.is_none_or(|v| v.0 >= 6 && up.contains(&v)));
                        }
                        Effect::Probe { validator, provider, .. } => {
                            assert!(up.contains(validator) && up.contains(provider));
                        }
                        Effect::Unserved { job } => assert_eq!(Some(*job), wanted.map(|w| w.0)),
                        Effect::ProbeAfter { .. } => {}
                    }
                }
                assert_eq!(
                    wanted.is_some(),
                    matches!(out[..], [Effect::Matched(_) | Effect::Unserved { .. }]),
                    "every job is answered at once"
                );
            }
        }
        assert!(matched > 100, "{}: {matched} matches", spec.name());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// In every period, every validator probes every provider exactly once, within the first
    /// nine tenths; markets that send no probes send none.
    #[test]
    fn every_provider_is_probed_once_by_every_validator(
        providers in 1_u32..40, validators in 1_u32..6, length in 1_000_u64..10_000_000, seed: u64,
    ) {
        use market::{Effect, Input, Market, MarketSpec};
        for spec in MarketSpec::examples() {
            let probes = matches!(spec, MarketSpec::ValidatorDispatch(_));
            let mut rule = Market::new(spec).expect("examples are valid");
            let mut out = vec![];
            for node in 0..providers {
                rule.apply(Input::ProviderJoined { node: NodeId(node) }, &mut out).expect("joins");
            }
            for node in 100..100 + validators {
                let joined = Input::ValidatorJoined { node: NodeId(node), stake: 1 };
                rule.apply(joined, &mut out).expect("joins");
            }
            for epoch in 0..3 {
                let stream = Stream::new(seed, epoch);
                let began = Input::EpochStarted { length: SimDuration(length), stream };
                rule.apply(began, &mut out).expect("begins");
                let mut due: Vec<(u64, NodeId)> = vec![];
                let mut counts: BTreeMap<(u32, u32), u32> = BTreeMap::new();
                let mut now = 0;
                loop {
                    for effect in out.drain(..) {
                        match effect {
                            Effect::ProbeAfter { validator, after } => {
                                due.push((now + after.0, validator));
                            }
                            Effect::Probe { validator, provider, .. } => {
                                prop_assert!(now * 10 <= length * 9);
                                *counts.entry((validator.0, provider.0)).or_default() += 1;
                            }
                            other => prop_assert!(false, "{other:?}"),
                        }
                    }
                    due.sort_unstable_by_key(|&at| core::cmp::Reverse(at));
                    let Some((at, validator)) = due.pop() else { break };
                    now = at;
                    rule.apply(Input::ProbeDue { validator, stream }, &mut out).expect("is due");
                }
                let expected = if probes { providers * validators } else { 0 };
                prop_assert_eq!(counts.len(), expected as usize);
                prop_assert!(counts.values().all(|&count| count == 1));
            }
        }
    }

    /// Every accepted transaction is included once, in the order of submission; heights
    /// ascend by one; finality never runs ahead or back.
    #[test]
    fn settlement_includes_everything_once_in_order(seed: u64, slots in 1_usize..60) {
        use settlement::{Effect, Input, Settlement, SettlementSpec};
        for spec in SettlementSpec::examples() {
            let mut rule = Settlement::new(spec).expect("examples are valid");
            let mut stream = Stream::new(seed, 0);
            let mut out = vec![];
            rule.apply(Input::Started, &mut out).expect("starts");
            let mut submitted = vec![];
            for _ in 0..slots {
                for _ in 0..stream.below(3_000) {
                    let tx = TxId(submitted.len() as u64);
                    submitted.push(tx);
                    rule.apply(Input::Submitted { tx }, &mut out).expect("names ascend");
                }
                rule.apply(Input::SlotDue { now: SimTime::ZERO }, &mut out).expect("started");
            }
            for _ in 0..200 {
                rule.apply(Input::SlotDue { now: SimTime::ZERO }, &mut out).expect("started");
            }
            let (mut included, mut refused) = (vec![], vec![]);
            let (mut produced, mut finalised) = (0, 0);
            for effect in out {
                match effect {
                    Effect::Produced { height, transactions, .. } => {
                        produced += 1;
                        prop_assert_eq!(height.0, produced);
                        included.extend(transactions);
                    }
                    Effect::Finalised { height } => {
                        prop_assert!(finalised < height.0 && height.0 <= produced);
                        finalised = height.0;
                    }
                    Effect::Refused { tx } => refused.push(tx),
                    Effect::SlotAfter { after } => prop_assert!(after > SimDuration::ZERO),
                }
            }
            prop_assert!(finalised > 0);
            submitted.retain(|tx| !refused.contains(tx));
            prop_assert_eq!(included, submitted);
        }
    }

    /// What accrues leaves at the close of the period, paid or withheld, to the unit.
    #[test]
    fn rewards_pay_out_exactly_what_accrued(seed: u64) {
        use reward::{Effect, Input, Reward, RewardSpec};
        for spec in RewardSpec::examples().iter().map(short) {
            let mut rule = Reward::new(spec.clone()).expect("examples are valid");
            let (mut accrued, mut left, mut closed) = (Amount::ZERO, Amount::ZERO, 0);
            let mut by_member = vec![Amount::ZERO; usize::from(MEMBERS)];
            for input in reward_inputs(&mut Stream::new(seed, 0)) {
                let mut out = vec![];
                let emission = match input {
                    Input::BlockProduced { emission, .. } => emission,
                    _ => Amount::ZERO,
                };
                if rule.apply(input, &mut out).is_ok() {
                    accrued += emission;
                }
                for effect in out {
                    match effect {
                        Effect::Pay { to, amount, .. } => {
                            left += amount;
                            by_member[usize::from(to.0)] += amount;
                        }
                        Effect::Withhold { amount } => left += amount,
                        Effect::EpochClosed { epoch, members, .. } => {
                            prop_assert_eq!(left, accrued, "{} epoch {}", spec.name(), epoch);
                            prop_assert_eq!(epoch.0, closed);
                            let figures: Vec<_> = members.iter().map(|m| m.emission).collect();
                            prop_assert_eq!(&figures, &by_member);
                            (accrued, left) = (Amount::ZERO, Amount::ZERO);
                            by_member.fill(Amount::ZERO);
                            closed += 1;
                        }
                        Effect::EpochOpened { epoch, .. } => prop_assert_eq!(epoch.0, closed),
                    }
                }
                prop_assert_eq!(left, Amount::ZERO, "payments come before their close");
            }
            prop_assert!(closed > 3, "{} closed {closed}", spec.name());
        }
    }

    /// A published row names members once, ascending, and its largest weight is 65535.
    #[test]
    fn weights_are_published_in_the_form_the_chain_takes(seed: u64) {
        use weights::{Effect, Weights, WeightsSpec};
        for spec in WeightsSpec::examples() {
            let mut rule = Weights::new(spec).expect("examples are valid");
            let mut out = vec![];
            for input in weights_inputs(&mut Stream::new(seed, 0)) {
                let _ = rule.apply(input, &mut out);
            }
            for Effect::SetWeights { row } in out {
                prop_assert!(row.windows(2).all(|pair| pair[0].0 < pair[1].0));
                prop_assert!(row.iter().all(|&(uid, _)| uid.0 < MEMBERS));
                prop_assert_eq!(row.iter().map(|&(_, weight)| weight).max(), Some(u16::MAX));
            }
        }
    }

    /// An answer is accepted or refuted at most once, and only an answer that was given.
    #[test]
    fn verdicts_fall_at_most_once_on_each_answer(seed: u64) {
        use verification::{Effect, Input, Verification, VerificationSpec};
        for spec in VerificationSpec::examples() {
            let mut rule = Verification::new(spec.clone()).expect("examples are valid");
            let mut answers: BTreeMap<(JobId, NodeId), i64> = BTreeMap::new();
            for input in verification_inputs(&mut Stream::new(seed, 0)) {
                let mut out = vec![];
                let given = match &input {
                    Input::Completed { completion, .. } => {
                        Some((completion.job, completion.provider))
                    }
                    _ => None,
                };
                if rule.apply(input, &mut out).is_err() {
                    continue;
                }
                if let Some(answer) = given {
                    *answers.entry(answer).or_default() += 1;
                }
                for effect in out {
                    match effect {
                        Effect::Accepted { job, provider } | Effect::Refuted { job, provider } => {
                            let left = answers.entry((job, provider)).or_default();
                            *left -= 1;
                            prop_assert!(*left >= 0, "{}: {job} {provider}", spec.name());
                        }
                        Effect::Observed(seen) => {
                            prop_assert!(seen.score_ppm.max(seen.confidence_ppm) <= 1_000_000);
                        }
                        Effect::Recheck { .. } => {}
                    }
                }
            }
        }
    }
}
