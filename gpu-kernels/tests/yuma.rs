//! The twin of the Yuma kernels against the rule's own epoch, bit by bit.

use gpu_kernels::data::Draw;
use gpu_kernels::twin::yuma::{self, Epoch, Outcome};
use mechanisms::yuma::normalise::{normalise, normalise_wide};
use mechanisms::yuma::{EpochInputs, Form, Hyperparameters, Scratch, epoch};
use sim_types::fixed::{I32F32, I64F64};

/// A subnet whose validators have the first uids and weigh only servers, so that no weight is
/// masked: then a dense matrix is all there is to it.
fn compare(validators: usize, servers: usize, hyperparameters: Hyperparameters, seed: u64) {
    let mut draw = Draw::new(seed);
    let n = validators + servers;
    let stake: Vec<I64F64> = (0..n)
        .map(|uid| {
            let staked = uid < validators && (uid == 0 || draw.below(8) > 0);
            if staked { I64F64::from(1 + draw.below(1 << 50)) } else { I64F64::ZERO }
        })
        .collect();
    let cells = validators * servers;
    // Few distinct weights, so that there are ties, and many zeros.
    let weights: Vec<u16> = (0..cells).map(|_| (draw.below(6) * 13_107) as u16).collect();
    let mut bonds: Vec<u16> = (0..cells).map(|_| draw.bits() as u16 & 0x3fff).collect();

    let sparse = |dense: &[u16]| -> Vec<Vec<(u16, u16)>> {
        let mut rows: Vec<Vec<(u16, u16)>> = dense
            .chunks(servers)
            .map(|row| {
                let cells = (validators as u16..).zip(row.iter().copied());
                cells.filter(|cell| cell.1 > 0).collect()
            })
            .collect();
        rows.resize(n, Vec::new());
        rows
    };
    let inputs = EpochInputs {
        hyperparameters,
        stake: &stake,
        last_update: &vec![1; n],
        block_at_registration: &vec![0; n],
        permits: &vec![true; n],
        weights: &sparse(&weights),
        bonds: &sparse(&bonds),
        owner: None,
        commit_blocks: None,
        block: 2,
        tempo: 1,
        last_step_block: None,
        emission: 1_000_000,
        form: Form::Sparse,
    };
    let rule = epoch(&inputs, &mut Scratch::default()).expect("a subnet");

    let mut wide = stake.clone();
    normalise_wide(&mut wide);
    let mut active: Vec<I32F32> = wide.iter().copied().map(I32F32::from).collect();
    normalise(&mut active);
    let bits = |x: I32F32| x.to_bits().cast_unsigned();
    let active: Vec<u64> = active[..validators].iter().copied().map(bits).collect();
    let [mut consensus, mut incentive] = [vec![0; servers], vec![0; servers]];
    let [mut trust, mut dividends] = [vec![0; validators], vec![0; validators]];
    let before = bonds.clone();
    let alpha = mechanisms::yuma::bonds::ema_alpha(hyperparameters.bonds_moving_average);
    let what = format!("{validators} x {servers}, seed {seed}");
    // The search for the consensus begins below it, above it, anywhere, and at it.
    let anywhere = (0..servers).map(|_| draw.bits() >> 32).collect();
    for guess in [Some(vec![0; servers]), Some(vec![1 << 33; servers]), Some(anywhere), None] {
        let found = consensus.clone();
        consensus = guess.unwrap_or_else(|| found.clone());
        bonds.copy_from_slice(&before);
        yuma::epoch(
            &Epoch {
                weights: &weights,
                stake: &active,
                majority: bits(I32F32::from_u16_proportion(hyperparameters.kappa)),
                penalty: bits(I32F32::from_u16_proportion(hyperparameters.bonds_penalty)),
                alpha: bits(alpha),
            },
            &mut Outcome {
                consensus: &mut consensus,
                incentive: &mut incentive,
                trust: &mut trust,
                dividends: &mut dividends,
                bonds: &mut bonds,
            },
        );
        assert!(found == consensus || found.iter().all(|&x| x == 0), "{what}");
    }

    let stored = |values: &[u64]| -> Vec<u16> {
        let fixed = |&x: &u64| I32F32::from_bits(x.cast_signed());
        values.iter().map(|x| fixed(x).to_u16_proportion()).collect()
    };
    assert_eq!(stored(&consensus), rule.consensus[validators..], "consensus, {what}");
    assert_eq!(stored(&incentive), rule.incentive[validators..], "incentive, {what}");
    assert_eq!(stored(&trust), rule.validator_trust[..validators], "trust, {what}");
    assert_eq!(stored(&dividends), rule.dividends[..validators], "dividends, {what}");
    assert!(bonds != before, "{what}");
    let kept = sparse(&bonds);
    for (uid, row) in kept.iter().enumerate().take(validators) {
        if stake[uid] > I64F64::ZERO {
            // The rule lists a bond that truncates to zero; a dense matrix cannot.
            let listed: Vec<_> =
                rule.bonds[uid].iter().copied().filter(|cell| cell.1 > 0).collect();
            assert_eq!(*row, listed, "bonds of {uid}, {what}");
        }
    }
}

#[test]
fn the_twin_is_the_rules_epoch() {
    let default = Hyperparameters { max_validators: 1000, ..Hyperparameters::default() };
    let variants = [
        default,
        Hyperparameters { kappa: u16::MAX, ..default },
        Hyperparameters { kappa: 0, bonds_penalty: 0, ..default },
        Hyperparameters { bonds_penalty: 40_000, bonds_moving_average: 0, ..default },
    ];
    for (seed, hyperparameters) in variants.into_iter().enumerate() {
        for (validators, servers) in [(1, 1), (1, 7), (2, 5), (5, 40), (64, 192), (130, 33)] {
            for round in 0..4 {
                compare(validators, servers, hyperparameters, 100 * round + seed as u64);
            }
        }
    }
}
