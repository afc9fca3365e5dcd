//! The twin of the dense Yuma kernel against the rule's own epoch, and the twin over lists against
//! the dense one, bit by bit.

use gpu_kernels::data::Draw;
use gpu_kernels::twin::yuma::{self, Epoch, Outcome};
use gpu_kernels::twin::yuma_sparse::{self, Lists, NOBODY};
use mechanisms::yuma::normalise::{normalise, normalise_wide};
use mechanisms::yuma::{EpochInputs, Form, Hyperparameters, Scratch, epoch};
use proptest::prelude::*;
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

/// A matrix of validators and servers, some of whose cells are listed.
struct Listed {
    start: Vec<u32>,
    rows: Vec<u32>,
    values: Vec<u16>,
    dense: Vec<u16>,
}

impl Listed {
    /// Lists each cell with a chance of so many in eight; every eighth server has no list.
    fn draw(draw: &mut Draw, [validators, servers]: [usize; 2], chance: u64, max: u64) -> Self {
        let (start, dense) = (vec![0], vec![0; validators * servers]);
        let mut lists = Self { start, rows: Vec::new(), values: Vec::new(), dense };
        for server in 0..servers {
            let chance = if draw.below(8) == 0 { 0 } else { chance };
            for row in 0..validators {
                if draw.below(8) < chance {
                    // Few distinct values, zero among them, so that there are ties.
                    let value = (draw.below(6) * max / 5) as u16;
                    lists.dense[row * servers + server] = value;
                    lists.rows.push(row as u32);
                    lists.values.push(value);
                }
            }
            lists.start.push(lists.rows.len() as u32);
        }
        lists
    }

    fn lists(&self) -> Lists<'_> {
        Lists { start: &self.start, rows: &self.rows, values: &self.values }
    }

    fn of(&self, server: usize) -> &[u32] {
        &self.rows[self.start[server] as usize..self.start[server + 1] as usize]
    }
}

/// An epoch over lists, and the same by way of the dense form. `edge` says how many votes the
/// minority is made of, and how many units it has more or fewer; without it, kappa is `majority`.
fn compare_lists(
    shape: [usize; 2],
    chance: u64,
    penalty: u64,
    majority: u64,
    edge: Option<(usize, i64)>,
    seed: u64,
) {
    let [validators, servers] = shape;
    let mut draw = Draw::new(seed);
    let weights = Listed::draw(&mut draw, shape, chance, 65_535);
    let old = Listed::draw(&mut draw, shape, chance, 40_000);
    let mut stake: Vec<u64> =
        (0..validators).map(|_| draw.below(4).min(1) * (1 + draw.below(1 << 40))).collect();
    yuma::normalise(&mut stake);
    let mut votes = stake.clone();
    let total = yuma::normalise(&mut votes);
    let majority = edge.map_or(majority, |(voters, more)| {
        let minority: u64 = votes.iter().take(voters).sum();
        total.saturating_sub(minority).saturating_add_signed(-more)
    });
    let alpha = 429_496_730;
    let guess: Vec<u64> = match draw.below(3) {
        0 => vec![0; servers],
        1 => vec![1 << 33; servers],
        _ => (0..servers).map(|_| draw.bits() >> 32).collect(),
    };

    let (mut consensus, mut incentive) = (vec![0; servers], vec![0; servers]);
    let (mut trust, mut dividends) = (vec![0; validators], vec![0; validators]);
    let mut bonds = old.dense.clone();
    yuma::epoch(
        &Epoch { weights: &weights.dense, stake: &stake, majority, penalty, alpha },
        &mut Outcome {
            consensus: &mut consensus,
            incentive: &mut incentive,
            trust: &mut trust,
            dividends: &mut dividends,
            bonds: &mut bonds,
        },
    );

    let (mut sparse_consensus, mut sparse_incentive) = (guess, vec![7; servers]);
    let [mut sparse_trust, mut sparse_dividends, mut sums] = [(); 3].map(|()| vec![7; validators]);
    let cells = weights.rows.len() + old.rows.len();
    // Twice: the second time the consensus is known beforehand.
    for _ in 0..2 {
        let (mut bond_rows, mut sparse_bonds) = (vec![7; cells], vec![7; cells]);
        yuma_sparse::epoch(
            &yuma_sparse::Epoch {
                weights: weights.lists(),
                bonds: old.lists(),
                stake: &stake,
                majority,
                penalty,
                alpha,
            },
            &mut yuma_sparse::Outcome {
                consensus: &mut sparse_consensus,
                incentive: &mut sparse_incentive,
                trust: &mut sparse_trust,
                dividends: &mut sparse_dividends,
                bond_rows: &mut bond_rows,
                bonds: &mut sparse_bonds,
                sums: &mut sums,
            },
        );
        assert_eq!(sparse_consensus, consensus, "consensus");
        assert_eq!(sparse_incentive, incentive, "incentive");
        assert_eq!(sparse_trust, trust, "trust");
        assert_eq!(sparse_dividends, dividends, "dividends");
        for (sum, row) in sums.iter().zip(weights.dense.chunks(servers)) {
            assert_eq!(*sum, row.iter().map(|&weight| u64::from(weight) << 32).sum::<u64>());
        }
        let mut wanted = Vec::new();
        for server in 0..servers {
            let new = weights.of(server);
            let bond = |&row: &u32| (row, bonds[row as usize * servers + server]);
            wanted.extend(new.iter().map(bond));
            let old = old.of(server).iter();
            wanted.extend(old.map(|row| if new.contains(row) { (NOBODY, 0) } else { bond(row) }));
        }
        let found: Vec<_> = bond_rows.into_iter().zip(sparse_bonds).collect();
        assert_eq!(found, wanted, "bonds");
        // What no list names has no bond.
        let named = wanted.iter().filter(|cell| cell.1 > 0).count();
        assert_eq!(bonds.iter().filter(|&&bond| bond > 0).count(), named);
    }
}

proptest! {
    #[test]
    fn the_twin_over_lists_is_the_dense_twin(
        validators in 1_usize..24,
        servers in 1_usize..90,
        chance in 0_u64..=8,
        half in any::<bool>(),
        majority in prop_oneof![Just(0), Just(2_147_450_879), 0..=1_u64 << 32, Just(1 << 32)],
        edge in proptest::option::of((0_usize..24, -1_i64..=1)),
        seed in any::<u64>(),
    ) {
        let penalty = 1 << if half { 31 } else { 32 };
        compare_lists([validators, servers], chance, penalty, majority, edge, seed);
    }
}

/// Enough cells for several threads, and the last task with fewer servers than the others.
#[test]
fn many_lists_on_several_threads() {
    compare_lists([130, 333], 4, 1 << 31, 2_147_450_879, None, 1);
}
