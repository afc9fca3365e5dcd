//! Validators that spare themselves work or favour themselves, against the chain's rule: what
//! they know and when, and what it earns them. Without an engine.

use mechanisms::reward::{self, Reward, RewardSpec};
use mechanisms::weights::{self, Weights, WeightsSpec, copied, moving_average, self_weighting};
use sim_types::{
    Amount, Height, JobId, NodeId, Observation, PayoutReason, Share, StateMachine, Stream, Uid,
};

const TEMPO: u64 = 10;

fn yuma(commit_reveal: u8) -> reward::yuma::Params {
    reward::yuma::Params {
        tempo: TEMPO,
        schedule: reward::yuma::Schedule::Stateful,
        weights_rate_limit: 0,
        commit_reveal,
        ..reward::yuma::Params::default()
    }
}

/// A subnet and what its chain has told everybody.
struct Subnet {
    rule: Reward,
    height: u64,
    published: Vec<Vec<u16>>,
    /// Paid as dividends, by uid.
    dividends: Vec<u128>,
}

impl Subnet {
    fn open(params: reward::yuma::Params, stakes: &[u64]) -> Self {
        let mut rule = Reward::new(RewardSpec::Yuma(params)).expect("valid");
        let opened = reward::Input::Opened { subnet: 0, stakes: stakes.to_vec() };
        rule.apply(opened, &mut vec![]).expect("opens");
        Self { rule, height: 0, published: vec![], dividends: vec![0; stakes.len()] }
    }

    fn set(&mut self, by: u16, row: Vec<(Uid, u16)>) {
        let set = reward::Input::WeightsSet {
            by: Uid(by),
            mechanism: 0,
            height: Height(self.height),
            row,
        };
        self.rule.apply(set, &mut vec![]).expect("accepted");
    }

    fn run_to(&mut self, height: u64) {
        while self.height < height {
            self.height += 1;
            let (height, emission) = (Height(self.height), Amount(1_000_000_000));
            let mut out = vec![];
            self.rule
                .apply(reward::Input::BlockProduced { height, emission }, &mut out)
                .expect("blocks ascend");
            for effect in out {
                match effect {
                    reward::Effect::EpochClosed { members, .. } => {
                        self.published.push(members.iter().map(|m| m.consensus).collect());
                    }
                    reward::Effect::Pay { to, amount, reason: PayoutReason::Dividend } => {
                        self.dividends[usize::from(to.0)] += amount.0;
                    }
                    _ => {}
                }
            }
        }
    }
}

fn adapter(spec: WeightsSpec, oneself: u16, members: u16) -> Weights {
    let mut rule = Weights::new(spec).expect("valid");
    let introduced = weights::Input::Introduced {
        oneself: Uid(oneself),
        providers: Vec::new(),
        favoured: Vec::new(),
        stream: Stream::new(1, u64::from(oneself)),
    };
    for input in [weights::Input::Opened { members }, introduced] {
        rule.apply(input, &mut vec![]).expect("accepted");
    }
    rule
}

fn row(rule: &mut Weights) -> Option<Vec<(Uid, u16)>> {
    let mut out = vec![];
    rule.apply(weights::Input::WeightsDue, &mut out).expect("always due");
    out.pop().map(|weights::Effect::SetWeights { row }| row)
}

/// A validator of most stake names another provider in every period; what a copier says in the
/// same period tells how old its information is. Commits hide weights for `commit_reveal`
/// periods (`reveal_commits.rs`: revealed when the epoch's number is that of the commit plus
/// the period, just before the epoch runs), so that a copier that reads the weights in force
/// is as many periods late, and one that waits for the published consensus at least one.
#[test]
fn commit_reveal_makes_copiers_as_late_as_on_the_chain() {
    const PROVIDERS: u16 = 9;
    for commit_reveal in 0..=4_u8 {
        for lag_epochs in [0_u32, 1, 2] {
            let mut stakes = vec![100, 10];
            stakes.resize(2 + usize::from(PROVIDERS), 0);
            let members = 2 + PROVIDERS;
            let mut subnet = Subnet::open(yuma(commit_reveal), &stakes);
            let mut copier =
                adapter(WeightsSpec::Copied(copied::Params { lag_epochs }), 1, members);
            let named = |period: u64| 2 + u16::try_from(period % u64::from(PROVIDERS)).unwrap();
            for period in 0..20 {
                subnet.run_to(period * TEMPO + 5);
                subnet.set(0, vec![(Uid(named(period)), 1)]);
                subnet.run_to(period * TEMPO + 8);
                if copier.looks_now() {
                    let consensus = subnet.rule.visible_consensus().expect("yuma takes weights");
                    copier.apply(weights::Input::WeightsSeen { consensus }, &mut vec![]).unwrap();
                }
                // What is published is at least a period old, and as late as the commits in it.
                let reveal = u64::from(commit_reveal);
                let late = match u64::from(lag_epochs) {
                    0 => reveal,
                    lag => lag + reveal.max(1) - 1,
                };
                let said = row(&mut copier);
                let want = period.checked_sub(late).map(|old| vec![(Uid(named(old)), u16::MAX)]);
                assert_eq!(said, want, "{commit_reveal} {lag_epochs} {period}");
                if let Some(row) = said {
                    subnet.set(1, row);
                }
                subnet.run_to((period + 1) * TEMPO);
                let consensus = subnet.published.last().expect("a period closed").clone();
                copier
                    .apply(weights::Input::ConsensusPublished { consensus }, &mut vec![])
                    .expect("fits");
            }
        }
    }
}

/// Two validators of equal stake observe the same; one gives most of its weight to itself. The
/// chain drops that before it divides the row by its sum: dividends are equal, up to what the
/// others' weights lose by being written smaller.
#[test]
fn weight_on_oneself_gains_nothing() {
    let members = 8;
    let mut subnet = Subnet::open(yuma(0), &[600, 200, 200, 0, 0, 0, 0, 0]);
    let average = moving_average::Params::default();
    let plain = WeightsSpec::MovingAverage(average);
    let greedy =
        WeightsSpec::SelfWeighting(self_weighting::Params { share: Share::percent(90), average });
    let mut validators = [plain.clone(), plain, greedy]
        .into_iter()
        .zip(0..)
        .map(|(spec, uid)| adapter(spec, uid, members))
        .collect::<Vec<_>>();
    let mut scores = Stream::new(3, 0);
    for period in 0..12 {
        for subject in 3..members {
            let score_ppm = 500_000 + 100_000 * u32::from(subject) / 2
                - u32::try_from(scores.below(80_000)).unwrap();
            let observation = Observation {
                verifier: NodeId(0),
                subject: NodeId(subject.into()),
                job: JobId(0),
                score_ppm,
                confidence_ppm: 1_000_000,
                tokens: 1,
            };
            for validator in &mut validators {
                let observed = weights::Input::Observed { subject: Uid(subject), observation };
                validator.apply(observed, &mut vec![]).expect("exists");
            }
        }
        subnet.run_to(period * TEMPO + 5);
        for (uid, validator) in (0..).zip(&mut validators) {
            let row = row(validator).expect("it has observed");
            let own = row.iter().find(|cell| cell.0 == Uid(uid)).map(|cell| cell.1);
            assert_eq!(own, (uid == 2).then_some(u16::MAX));
            subnet.set(uid, row);
        }
        subnet.run_to((period + 1) * TEMPO);
    }
    let [plain, greedy] = [1, 2].map(|uid: usize| subnet.dividends[uid]);
    assert!(plain > 1_000_000_000);
    // In millionths: a weight of 90 % on oneself leaves the others about 2,000 steps each.
    let gain = greedy * 1_000_000 / plain;
    assert!((997_000..=1_000_000).contains(&gain), "{gain}");
}
