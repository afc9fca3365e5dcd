//! One consensus epoch at the size of a subnet: the reward rule as a run meets it, and the bare
//! epoch in its variants, by number of neurons and density of weights.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use mechanisms::reward::{Effect, Input, Reward, RewardSpec, yuma};
use mechanisms::yuma::{
    EpochInputs, EpochOutputs, Form, Hyperparameters, LiquidForm, Rows, Scratch, Version,
    epoch_into,
};
use sim_types::fixed::I64F64;
use sim_types::{Amount, Height, StateMachine, Stream, Uid};

/// A weight other than zero.
fn weight(stream: &mut Stream) -> u16 {
    u16::try_from(1 + stream.below(65_535)).expect("a weight")
}

/// A subnet whose validators have all set weights on all servers, one block before an epoch.
fn subnet(validators: u16, members: u16) -> Reward {
    let params = yuma::Params { max_validators: validators, ..yuma::Params::default() };
    let mut rule = Reward::new(RewardSpec::Yuma(params)).expect("valid parameters");
    let mut out = Vec::new();
    let mut stream = Stream::new(1, 1);
    let stakes =
        (0..members).map(|uid| if uid < validators { 1 + stream.below(1 << 50) } else { 0 });
    let stakes = stakes.collect();
    rule.apply(Input::Opened { subnet: 0, stakes }, &mut out).expect("opens");
    for by in 0..validators {
        let row = (validators..members).map(|uid| (Uid(uid), weight(&mut stream))).collect();
        let set = Input::WeightsSet { by: Uid(by), mechanism: 0, height: Height(1), row };
        rule.apply(set, &mut out).expect("a permitted validator");
    }
    for height in 1..360 {
        let block = Input::BlockProduced { height: Height(height), emission: Amount(1_000_000) };
        rule.apply(block, &mut out).expect("blocks are never refused");
        if out.iter().any(|effect| matches!(effect, Effect::EpochClosed { .. })) {
            break;
        }
    }
    rule
}

fn rule(c: &mut Criterion) {
    let mut group = c.benchmark_group("yuma epoch");
    for (members, validators) in [(256, 64), (1024, 64)] {
        let rule = subnet(validators, members);
        group.bench_function(format!("{members} neurons, {validators} validators"), |b| {
            b.iter_batched_ref(
                || (rule.clone(), Vec::new()),
                |(rule, out)| {
                    for height in 360..1_000 {
                        let emission = Amount(1_000_000);
                        let block = Input::BlockProduced { height: Height(height), emission };
                        rule.apply(black_box(block), out).expect("blocks are never refused");
                        if out.iter().any(|e| matches!(e, Effect::EpochClosed { .. })) {
                            return;
                        }
                    }
                    panic!("an epoch closes within a period");
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Validators of the bare epochs.
const VALIDATORS: u16 = 64;

/// Stakes, and two sets of weights of `validators` toward the same `servers` random servers:
/// validators of a subnet look at the same miners, and the cost is that of their columns.
fn draw(members: u16, validators: u16, servers: u16) -> (Vec<I64F64>, [Rows; 2]) {
    let mut stream = Stream::new(1, 2);
    let stake = (0..members)
        .map(|uid| I64F64::from(if uid < validators { 1 + stream.below(1 << 50) } else { 0 }));
    let stake = stake.collect();
    // Each server that is left has the same chance.
    let mut wanted = u64::from(servers);
    let chosen: Vec<u16> = (validators..members)
        .filter(|&server| {
            let takes = stream.below(u64::from(members - server)) < wanted;
            wanted -= u64::from(takes);
            takes
        })
        .collect();
    let mut rows = || -> Rows {
        let mut rows = vec![Vec::new(); members.into()];
        for row in rows.iter_mut().take(validators.into()) {
            row.extend(chosen.iter().map(|&server| (server, weight(&mut stream))));
        }
        rows
    };
    (stake, [rows(), rows()])
}

/// Epoch after epoch with warm bonds, weights alternating between two independent sets: the
/// worst case, since nothing of the last epoch helps.
fn bare(c: &mut Criterion) {
    let classic = Hyperparameters { max_validators: 64, ..Hyperparameters::default() };
    let yuma3 = Hyperparameters { version: Version::Yuma3, ..classic };
    let variants = [
        ("classic", classic),
        (
            "classic, liquid by server",
            Hyperparameters { liquid_alpha: LiquidForm::First, ..classic },
        ),
        ("yuma3", yuma3),
        ("yuma3, liquid by pair", Hyperparameters { liquid_alpha: LiquidForm::Second, ..yuma3 }),
    ];
    for (name, hyperparameters) in variants {
        let mut group = c.benchmark_group(format!("epoch, {name}"));
        let sizes = [256_u16, 1_024, 4_096].into_iter();
        let dense = sizes.flat_map(|n| [10, 50, 100].map(|percent| (n, VALIDATORS, percent)));
        // The last is a subnet of `bittensor-year.yaml`.
        for (members, validators, percent) in dense.chain([(256, 20, 64)]) {
            let servers = u32::from(members - validators) * percent / 100;
            let servers = u16::try_from(servers).expect("fewer than members");
            let (stake, weights) = draw(members, validators, servers);
            let n = usize::from(members);
            let (ones, zeros, permits) = (vec![1; n], vec![0; n], vec![true; n]);
            let mut bonds = vec![Vec::new(); n];
            let (mut scratch, mut outputs) = (Scratch::default(), EpochOutputs::default());
            let mut epoch = 0;
            let id = BenchmarkId::new(
                format!("{members} neurons, {validators} validators"),
                format!("{percent} % of the weights"),
            );
            group.bench_function(id, |b| {
                b.iter(|| {
                    epoch += 1;
                    let inputs = EpochInputs {
                        hyperparameters,
                        stake: &stake,
                        last_update: &ones,
                        block_at_registration: &zeros,
                        permits: &permits,
                        weights: &weights[epoch % 2],
                        bonds: &bonds,
                        owner: None,
                        commit_blocks: None,
                        block: 2,
                        tempo: 1,
                        last_step_block: None,
                        emission: 1_000_000_000_000,
                        form: Form::Sparse,
                    };
                    epoch_into(black_box(&inputs), &mut scratch, &mut outputs).expect("a subnet");
                    core::mem::swap(&mut bonds, &mut outputs.bonds);
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, rule, bare);
criterion_main!(benches);
