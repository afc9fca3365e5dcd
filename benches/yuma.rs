//! One consensus epoch at the size of a subnet: 256 neurons, full weights, warm bonds.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use mechanisms::reward::{Effect, Input, Reward, RewardSpec, yuma};
use sim_types::{Amount, Height, StateMachine, Stream, Uid};

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
        let weight = |uid, stream: &mut Stream| {
            (Uid(uid), u16::try_from(1 + stream.below(65_535)).expect("a weight"))
        };
        let row = (validators..members).map(|uid| weight(uid, &mut stream)).collect();
        let set = Input::WeightsSet { by: Uid(by), height: Height(1), row };
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

fn epochs(c: &mut Criterion) {
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

criterion_group!(benches, epochs);
criterion_main!(benches);
