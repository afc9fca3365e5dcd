//! Laws that a reward rule may or may not keep. Each rule declares every law: exactly, within
//! so many units, or not, with the reason; and every declaration is tested, the last kind by
//! its counterexample.

use mechanisms::reward::{Effect, Input, Reward, RewardSpec, fisher_rank, proportional, yuma};
use proptest::prelude::*;
use sim_types::{Amount, Height, JobId, NodeId, Observation, StateMachine, Stream, Uid};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Law {
    /// Permuting the members permutes what they are paid.
    Permutation,
    /// Multiplying all stakes by the same number changes nothing.
    StakeScaling,
    /// A provider that works more, as everybody sees it, is never paid less.
    MoreWork,
    /// Nobody is paid more for reporting something else than the truth it knows.
    TruthfulReports,
}

const LAWS: [Law; 4] = [Law::Permutation, Law::StakeScaling, Law::MoreWork, Law::TruthfulReports];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Exactly,
    /// Up to so many of the smallest unit.
    Within(u128),
    /// Not at all, and why.
    Not(&'static str),
}

const DECLARED: [(&str, Law, Holds); 12] = [
    // The unit left over goes to the lower uid among equal remainders.
    ("proportional", Law::Permutation, Holds::Within(1)),
    ("proportional", Law::StakeScaling, Holds::Exactly),
    ("proportional", Law::MoreWork, Holds::Exactly),
    (
        "proportional",
        Law::TruthfulReports,
        Holds::Not("a verifier that also works gains by scoring its rivals down"),
    ),
    (
        "yuma",
        Law::Permutation,
        Holds::Not("of equal stakes at the edge of the permits the higher uid gets the permit"),
    ),
    ("yuma", Law::StakeScaling, Holds::Not("the stake threshold is a fixed amount")),
    // Truncation to 32 fraction bits moves shares by a few parts in 2^32.
    ("yuma", Law::MoreWork, Holds::Within(16)),
    (
        "yuma",
        Law::TruthfulReports,
        Holds::Not("who contradicts the majority of stake is clipped, right or wrong"),
    ),
    // Both halves leave a unit to the lower uid among equal remainders.
    ("fisher_rank", Law::Permutation, Holds::Within(2)),
    ("fisher_rank", Law::StakeScaling, Holds::Exactly),
    // Shares are truncated to 32 fraction bits, as Yuma's.
    ("fisher_rank", Law::MoreWork, Holds::Within(16)),
    (
        "fisher_rank",
        Law::TruthfulReports,
        Holds::Not("bonds in a peer that only a minority trusts pay next to nothing"),
    ),
];

fn declared(rule: &str, law: Law) -> Holds {
    let entries: Vec<_> = DECLARED.iter().filter(|d| d.0 == rule && d.1 == law).collect();
    assert_eq!(entries.len(), 1, "{rule} declares {law:?} once");
    entries[0].2
}

/// One period of a subnet: who is there, what was published, what was observed.
#[derive(Debug, Clone)]
struct Period {
    stakes: Vec<u64>,
    /// (validator, weights by uid).
    weights: Vec<(u16, Vec<(u16, u16)>)>,
    /// (verifier, subject, score in ppm, tokens).
    work: Vec<(u16, u16, u32, u32)>,
}

const EMISSION: u128 = 1_000_000_007;

/// What each member is paid at the close of the second period: in the first one weights are
/// set, in both the work is done.
fn paid(spec: &RewardSpec, period: &Period) -> Vec<u128> {
    let mut rule = Reward::new(spec.clone()).expect("valid");
    let mut out = vec![];
    let opened = Input::Opened { subnet: 0, stakes: period.stakes.clone() };
    rule.apply(opened, &mut out).expect("opens");
    let (mut height, mut closed) = (0, 0);
    let mut paid = vec![0; period.stakes.len()];
    while closed < 2 {
        height += 1;
        if height % 2 == 1 {
            for (by, row) in &period.weights {
                let row = row.iter().map(|&(uid, weight)| (Uid(uid), weight)).collect();
                // Whether the rule takes weights, and from whom, is its own affair.
                let height = Height(height);
                let _ = rule
                    .apply(Input::WeightsSet { by: Uid(*by), mechanism: 0, height, row }, &mut out);
            }
        }
        for &(verifier, subject, score_ppm, tokens) in &period.work {
            let observation = Observation {
                verifier: NodeId(verifier.into()),
                subject: NodeId(subject.into()),
                job: JobId(0),
                score_ppm,
                confidence_ppm: 0,
                tokens,
            };
            let observed = Input::Observed { subject: Uid(subject), observation };
            rule.apply(observed, &mut out).expect("a member");
        }
        let produced = Input::BlockProduced { height: Height(height), emission: Amount(EMISSION) };
        rule.apply(produced, &mut out).expect("ascends");
        for effect in out.drain(..) {
            match effect {
                Effect::Pay { to, amount, .. } => paid[usize::from(to.0)] += amount.0,
                Effect::EpochClosed { .. } => {
                    closed += 1;
                    if closed < 2 {
                        paid.fill(0);
                    }
                }
                Effect::Withhold { .. } | Effect::EpochOpened { .. } => {}
            }
        }
    }
    paid
}

fn yuma_with(params: yuma::Params) -> RewardSpec {
    RewardSpec::Yuma(yuma::Params { tempo: 1, weights_rate_limit: 0, ..params })
}

/// The rule with periods of two blocks.
fn short(spec: &RewardSpec) -> RewardSpec {
    match spec {
        RewardSpec::Proportional(_) => {
            RewardSpec::Proportional(proportional::Params { epoch_blocks: 2 })
        }
        RewardSpec::Yuma(params) => yuma_with(params.clone()),
        RewardSpec::FisherRank(params) => {
            RewardSpec::FisherRank(fisher_rank::Params { epoch_blocks: 2, ..*params })
        }
    }
}

/// Three validators with stake, four providers without.
fn periods() -> impl Strategy<Value = Period> {
    let stakes = prop::collection::vec(1_u64..1 << 40, 3);
    let weights = prop::collection::vec(prop::collection::vec(1_u16.., 4), 3);
    let work = prop::collection::vec((0_u16..3, 3_u16..7, 0_u32..=1_000_000, 0_u32..9_999), 0..20);
    (stakes, weights, work).prop_map(|(mut stakes, weights, work)| {
        stakes.extend([0; 4]);
        let rows = (0..).zip(weights).map(|(by, row)| (by, (3..).zip(row).collect()));
        Period { stakes, weights: rows.collect(), work }
    })
}

fn permuted(period: &Period, to: &[u16]) -> Period {
    let mut stakes = period.stakes.clone();
    for (uid, &stake) in period.stakes.iter().enumerate() {
        stakes[usize::from(to[uid])] = stake;
    }
    let moved = |uid: u16| to[usize::from(uid)];
    let rows = period.weights.iter().map(|(by, row)| {
        let mut row: Vec<_> = row.iter().map(|&(uid, weight)| (moved(uid), weight)).collect();
        row.sort_unstable();
        (moved(*by), row)
    });
    let work = period.work.iter().map(|&(v, s, score, tokens)| (moved(v), moved(s), score, tokens));
    Period { stakes, weights: rows.collect(), work: work.collect() }
}

/// How many units may separate two payments under this declaration; `None` if any number may.
fn slack(holds: Holds) -> Option<u128> {
    match holds {
        Holds::Exactly => Some(0),
        Holds::Within(units) => Some(units),
        Holds::Not(_) => None,
    }
}

/// Rules that break a law only outside a domain are held to it inside: these are the units
/// by which they may then stray.
fn slack_inside_its_domain(rule: &str, law: Law) -> Option<u128> {
    slack(declared(rule, law)).or(match (rule, law) {
        // Permits for all: there is no edge. Thresholds of nothing: none can be crossed.
        ("yuma", Law::Permutation | Law::StakeScaling) => Some(0),
        _ => None,
    })
}

#[test]
fn every_rule_declares_every_law() {
    for info in RewardSpec::catalogue() {
        for law in LAWS {
            if let Holds::Not(reason) = declared(info.name, law) {
                assert!(!reason.is_empty());
            }
        }
    }
    assert_eq!(DECLARED.len(), RewardSpec::catalogue().len() * LAWS.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn permuting_members_permutes_payments(
        period in periods(), to in Just((0_u16..7).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        for spec in RewardSpec::examples() {
            if let Some(slack) = slack_inside_its_domain(spec.name(), Law::Permutation) {
                let (here, there) =
                    (paid(&short(&spec), &period), paid(&short(&spec), &permuted(&period, &to)));
                for (uid, amount) in here.iter().enumerate() {
                    let other = there[usize::from(to[uid])];
                    prop_assert!(amount.abs_diff(other) <= slack, "{}: {here:?} {there:?}", spec.name());
                }
            }
        }
    }

    #[test]
    fn scaling_stakes_changes_nothing(period in periods(), factor in 2_u64..1_000) {
        let mut scaled = period.clone();
        scaled.stakes.iter_mut().for_each(|stake| *stake *= factor);
        for spec in RewardSpec::examples() {
            if let Some(slack) = slack_inside_its_domain(spec.name(), Law::StakeScaling) {
                let (here, there) = (paid(&short(&spec), &period), paid(&short(&spec), &scaled));
                for (amount, other) in here.iter().zip(&there) {
                    prop_assert!(amount.abs_diff(*other) <= slack, "{}: {here:?} {there:?}", spec.name());
                }
            }
        }
    }

    #[test]
    fn more_work_never_pays_less(
        period in periods(), who in 3_u16..7, tokens in 0_u32..9_999, better in prop::array::uniform3(0_u16..30_000),
    ) {
        let mut more = period.clone();
        more.work.push((0, who, 1_000_000, tokens));
        for ((_, row), better) in more.weights.iter_mut().zip(better) {
            let weight = &mut row[usize::from(who) - 3].1;
            *weight = weight.saturating_add(better);
        }
        for spec in RewardSpec::examples() {
            if let Some(slack) = slack_inside_its_domain(spec.name(), Law::MoreWork) {
                let uid = usize::from(who);
                let (here, there) = (paid(&short(&spec), &period)[uid], paid(&short(&spec), &more)[uid]);
                prop_assert!(there + slack >= here, "{}: {here} then {there}", spec.name());
            }
        }
    }

    #[test]
    fn truthful_reports_pay_best_where_declared(period in periods(), lie in 0_u32..=1_000_000) {
        for spec in RewardSpec::examples() {
            if let Some(slack) = slack_inside_its_domain(spec.name(), Law::TruthfulReports) {
                let mut lied = period.clone();
                lied.work.iter_mut().filter(|w| w.0 == 0).for_each(|w| w.2 = lie);
                let (here, there) = (paid(&short(&spec), &period)[0], paid(&short(&spec), &lied)[0]);
                prop_assert!(there <= here + slack, "{}: {here} {there}", spec.name());
            }
        }
    }
}

/// Counterexample: two validators of equal stake compete for one permit; swapping their
/// places swaps neither permit nor pay.
#[test]
fn yuma_gives_the_last_permit_to_the_higher_uid() {
    let spec = yuma_with(yuma::Params { max_validators: 1, ..yuma::Params::default() });
    let weights = vec![(0, vec![(2, 1)]), (1, vec![(2, 1)])];
    let period = Period { stakes: vec![5, 5, 0], weights, work: vec![] };
    let swapped = permuted(&period, &[1, 0, 2]);
    let (here, there) = (paid(&spec, &period), paid(&spec, &swapped));
    assert_eq!(here, there, "the same place is paid, whoever holds it");
    assert!(here[0] == 0 && here[1] > 0, "{here:?}");
}

/// Counterexample: ten times the stake carries a validator over a fixed threshold.
#[test]
fn yuma_thresholds_do_not_scale() {
    let params = yuma::Params { stake_threshold: Amount(100), ..yuma::Params::default() };
    let weights = vec![(0, vec![(2, 1)]), (1, vec![(2, 1)])];
    let period = Period { stakes: vec![200, 50, 0], weights, work: vec![] };
    let scaled = Period { stakes: vec![2_000, 500, 0], ..period.clone() };
    let spec = yuma_with(params);
    let (here, there) = (paid(&spec, &period), paid(&spec, &scaled));
    assert_eq!(here[1], 0);
    assert!(there[1] > 0, "{there:?}");
}

/// Counterexample: validator 1 finds that provider 4 is the better one while most stake still
/// weighs provider 3. Saying so earns nothing; repeating what the others say earns its share.
#[test]
fn yuma_pays_nothing_for_a_truth_that_the_majority_denies() {
    let spec = yuma_with(yuma::Params::default());
    let said = |provider| Period {
        stakes: vec![80, 10, 10, 0, 0],
        weights: vec![(0, vec![(3, 1)]), (1, vec![(provider, 1)]), (2, vec![(3, 1)])],
        work: vec![],
    };
    let (truth, echo) = (paid(&spec, &said(4)), paid(&spec, &said(3)));
    assert_eq!(truth[1], 0);
    assert!(echo[1].abs_diff(EMISSION / 10) < EMISSION / 1_000, "{echo:?}");
}

/// Counterexample: member 3 works and also verifies member 4; scoring it down pays.
#[test]
fn proportional_pays_for_scoring_rivals_down() {
    let spec = RewardSpec::Proportional(proportional::Params { epoch_blocks: 2 });
    let honest = Period {
        stakes: vec![0; 5],
        weights: vec![],
        work: vec![(4, 3, 1_000_000, 100), (3, 4, 1_000_000, 100)],
    };
    let mut lied = honest.clone();
    lied.work[1].2 = 0;
    assert!(paid(&spec, &lied)[3] > paid(&spec, &honest)[3]);
}

/// The unit that proportional's permutation law allows is really needed.
#[test]
fn proportional_gives_the_odd_unit_to_the_lower_uid() {
    let spec = RewardSpec::Proportional(proportional::Params { epoch_blocks: 1 });
    let work = (3..6).map(|subject| (0, subject, 1_000_000, 100)).collect();
    let period = Period { stakes: vec![0; 6], weights: vec![], work };
    assert_eq!(EMISSION % 3, 2);
    let each = EMISSION / 3;
    assert_eq!(paid(&spec, &period)[3..], [each + 1, each + 1, each]);
    // Two are paid one unit more, so swapping the last with the first moves one unit.
    let there = paid(&spec, &permuted(&period, &[0, 1, 2, 5, 4, 3]));
    assert_eq!(there[3..], [each + 1, each + 1, each]);
}

/// The laws hold for what they say and not because nothing is ever paid.
#[test]
fn drawn_periods_pay_somebody() {
    let mut stream = Stream::new(1, 0);
    let period = Period {
        stakes: vec![7, 8, 9, 0, 0, 0, 0],
        weights: (0..3).map(|by| (by, (3..7).zip([1, 2, 3, 4]).collect())).collect(),
        work: (3..7)
            .map(|s| (0, s, 1_000_000, 1 + u32::try_from(stream.below(9)).unwrap()))
            .collect(),
    };
    for spec in RewardSpec::examples() {
        let total: u128 = paid(&short(&spec), &period).iter().sum();
        assert!(total > 2 * EMISSION - 100, "{}: {total}", spec.name());
    }
}

/// Counterexample: a tenth of the stake knows the better provider; it earns more by weighing
/// the one that all others weigh.
#[test]
fn fisher_rank_pays_agreement_and_not_truth() {
    let spec = short(&RewardSpec::FisherRank(fisher_rank::Params::default()));
    let with = |first: u16| {
        let weights = vec![(0, vec![(first, 1)]), (1, vec![(3, 1)])];
        paid(&spec, &Period { stakes: vec![1, 9, 0, 0], weights, work: vec![] })[0]
    };
    let (truthful, agreeing) = (with(2), with(3));
    assert!(truthful < agreeing / 10, "{truthful} {agreeing}");
}
