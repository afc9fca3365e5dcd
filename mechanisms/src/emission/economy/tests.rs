//! The laws of the economy, under every preset.

use proptest::prelude::*;

use super::*;
use crate::emission::preset::Preset;
use crate::emission::terms::Cap;
use crate::pool::weights::Weights;

const TAO: u64 = 1_000_000_000;

fn price(x: f64) -> I96F32 {
    I96F32::saturating_from_f64(x).unwrap()
}

/// An economy with subnets of different size, started, and some TAO on the root.
fn economy(rules: Rules, subnets: u64) -> Economy {
    let mut params = Params::new(rules, 10_600_000 * TAO);
    params.block = 7_000_000;
    let mut economy = Economy::new(params).unwrap();
    for i in 1..=subnets {
        let netuid = economy.open_subnet(1_000 * i * TAO, 40_000 * TAO + 9_000 * i * i * TAO, 360);
        economy.start(netuid).unwrap();
        let spot = economy.subnet(netuid).unwrap().price().to_f64();
        economy.set_moving_price(netuid, price(spot * 0.9)).unwrap();
    }
    economy.apply(Input::RootStaked { amount: 500_000 * TAO }, &mut Vec::new()).unwrap();
    economy.conservation().unwrap();
    economy
}

fn input() -> impl Strategy<Value = Input> {
    let netuid = 0_u16..8;
    prop_oneof![
        6 => Just(Input::BlockProduced),
        4 => (netuid.clone(), any::<bool>(), 1_u64..1 << 45, 0_u32..40, proptest::option::of(1_u64..1 << 40))
            .prop_map(|(netuid, buy, amount, s, limit)| {
                let mut trade = Trade::new(if buy { Side::Buy } else { Side::Sell }, amount >> s);
                trade.limit = limit.unwrap_or(trade.limit);
                Input::Traded { netuid, trade }
            }),
        1 => (netuid.clone(), 1_u64..1 << 40).prop_map(|(netuid, alpha)| Input::RootClaimed { netuid, alpha }),
        1 => (1_u64..1 << 50).prop_map(|amount| Input::RootStaked { amount }),
        1 => (1_u64..1 << 50).prop_map(|amount| Input::RootUnstaked { amount }),
        1 => netuid.clone().prop_map(|netuid| Input::NeuronRegistered { netuid }),
        1 => (0_u16..500).prop_map(|tempo| Input::SubnetRegistered { tempo }),
        1 => netuid.clone().prop_map(|netuid| Input::SubnetStarted { netuid }),
        1 => (netuid.clone(), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
            |(netuid, emission, registration, owner_cut)| Input::Switched { netuid, emission, registration, owner_cut }),
        1 => (netuid.clone(), 0_u64..1 << 36, any::<bool>()).prop_map(
            |(netuid, withheld, recycle)| Input::MinersPaid { netuid, withheld, paid: 1 << 36, recycle }),
        1 => netuid.prop_map(|netuid| Input::SubnetDissolved { netuid }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever happens, every unit is somewhere; what is refused changes nothing.
    #[test]
    fn every_unit_is_accounted_for(inputs in proptest::collection::vec(input(), 1..60)) {
        for preset in Preset::all() {
            let mut economy = economy(preset.rules, 5);
            let mut out = Vec::new();
            for input in &inputs {
                let (before, length) = (economy.clone(), out.len());
                if economy.apply(*input, &mut out).is_err() {
                    prop_assert_eq!(format!("{before:?}"), format!("{economy:?}"));
                    prop_assert_eq!(out.len(), length);
                }
                if let Err(imbalance) = economy.conservation() {
                    return Err(TestCaseError::fail(format!("{}: {input:?}: {imbalance}", preset.name)));
                }
            }
        }
    }
}

/// A few epochs under every preset: emission arrives, nothing is lost, a snapshot goes on alike.
#[test]
fn epochs_pay_what_accrued() {
    for preset in Preset::all() {
        let mut economy = economy(preset.rules, 6);
        let start = economy.ledger().issuance;
        let (mut out, mut middle) = (Vec::new(), None);
        for block in 0..800 {
            if block == 400 {
                middle = Some(serde_json::to_string(&economy).unwrap());
            }
            // A user who buys keeps flow rules going.
            if block % 50 == 0 {
                let trade = Trade::new(Side::Buy, 3 * TAO);
                economy
                    .apply(Input::Traded { netuid: 1 + block / 50 % 6, trade }, &mut out)
                    .unwrap();
            }
            economy.advance(&mut out);
        }
        economy.conservation().unwrap();
        let name = preset.name;
        let issued = economy.ledger().issuance - start;
        // Half a TAO a block since 10.5 million; flooring and skipped injections recycle some.
        assert!(issued <= 400 * TAO && issued > 399 * TAO, "{name} {issued}");
        let drained = out.iter().filter_map(|effect| match effect {
            Effect::EpochDrained(payout) => Some(payout),
            _ => None,
        });
        let mut epochs = 0;
        for payout in drained {
            epochs += 1;
            assert!(
                payout.server > 0 && payout.validator > 0 && payout.owner > 0,
                "{name} {payout:?}"
            );
            // 18 / 41 / 41; of the validators' part some goes to the root, and is gone from
            // these sums where it is sold at once or recycled.
            let rest = payout.server + payout.validator + payout.root;
            let owner = payout.owner * 1_000 / (payout.owner + rest);
            let most = if payout.root > 0 { 180 } else { 250 };
            assert!((179..=most).contains(&owner), "{name} {payout:?}");
        }
        assert!((12..=14).contains(&epochs), "{name} {epochs}");
        let mut again: Economy = serde_json::from_str(&middle.unwrap()).unwrap();
        for block in 400..800 {
            if block % 50 == 0 {
                let trade = Trade::new(Side::Buy, 3 * TAO);
                again
                    .apply(Input::Traded { netuid: 1 + block / 50 % 6, trade }, &mut Vec::new())
                    .unwrap();
            }
            again.advance(&mut Vec::new());
        }
        assert_eq!(again.subnets(), economy.subnets(), "{name}");
        assert_eq!(again.ledger(), economy.ledger(), "{name}");
    }
}

/// One block under the rules of June 2026, computed step by step from the plain operations.
#[test]
fn a_block_by_hand() {
    let rules = Preset::named("price_burn").unwrap().rules;
    let mut economy = economy(rules, 4);
    let before = economy.clone();
    economy.advance(&mut Vec::new());

    let emission = 500_000_000_u64;
    let root = U96F32::from(500_000 * TAO).saturating_mul(tao_weight(TAO_WEIGHT));
    let total: U64F64 = before.subnets().iter().map(|s| U64F64::from(s.moving_price())).sum();
    for (was, is) in before.subnets().iter().zip(economy.subnets()) {
        let share = U64F64::from(was.moving_price()).safe_div(total);
        let shares: U64F64 =
            before.subnets().iter().map(|s| U64F64::from(s.moving_price()).safe_div(total)).sum();
        let tao = U96F32::from(U64F64::from(emission).saturating_mul(share.safe_div(shares)));
        let alpha = U96F32::from(TAO);
        let proportion = |issuance: u64| root.safe_div(root.saturating_add(U96F32::from(issuance)));
        let cap = proportion(was.alpha_issuance()).saturating_mul(alpha);
        let price = U96F32::from(was.pool().price());
        let (tao_in, alpha_in) = match tao.safe_div(price) {
            wanted if wanted > cap => (cap.saturating_mul(price), cap),
            wanted => (tao, wanted),
        };
        let excess = tao.saturating_sub(tao_in).to_u64();
        let (tao_in, alpha_in) = (tao_in.to_u64(), alpha_in.to_u64());
        let (y, x) = (was.pool().tao(), was.pool().alpha());
        let weights = Weights::default().after_adding(y, x, tao_in, alpha_in).unwrap();
        let bought = if excess > 0 { weights.purchase_proceeds(y, x, excess) } else { 0 };
        assert_eq!(is.pool().tao(), y + tao_in + excess);
        assert_eq!(is.pool().alpha(), x + alpha_in - bought);
        assert_eq!(is.protocol(), bought);
        let out = was.alpha_out() + bought + TAO;
        let after = proportion(is.pool().alpha() + out);
        let parts = Parts::of(alpha, cut_fraction(OWNER_CUT), after);
        assert_eq!(is.pending().server, parts.server);
        assert_eq!(is.pending().owner, parts.owner);
        assert_eq!(is.pending().validator, parts.validator);
        // The moving prices add up to less than one: the root's part is recycled.
        assert!(total < U64F64::ONE);
        assert_eq!((is.pending().root, is.recycled), (0, parts.root));
        assert_eq!(is.alpha_out(), out - parts.root);
        assert_eq!(is.price(), weights.price(is.pool().tao(), is.pool().alpha()));
    }
}

#[test]
fn switched_off_and_closed_subnets() {
    let rules = Preset::named("price_burn").unwrap().rules;
    let mut economy = economy(rules, 3);
    let mut out = Vec::new();
    let switch = |netuid, emission, registration| Input::Switched {
        netuid,
        emission,
        registration,
        owner_cut: false,
    };
    economy.apply(switch(1, false, true), &mut out).unwrap();
    economy.apply(switch(2, true, false), &mut out).unwrap();
    let before = economy.clone();
    economy.advance(&mut out);
    let tao = |e: &Economy, n: u16| e.subnet(n).unwrap().pool().tao();
    let alpha = |e: &Economy, n: u16| e.subnet(n).unwrap().alpha_issuance();
    // No TAO but alpha; neither; all of the TAO.
    assert_eq!(tao(&economy, 1), tao(&before, 1));
    assert!(alpha(&economy, 1) > alpha(&before, 1));
    assert_eq!((tao(&economy, 2), alpha(&economy, 2)), (tao(&before, 2), alpha(&before, 2)));
    assert!(tao(&economy, 3) - tao(&before, 3) > 499_999_990);
    assert_eq!(economy.subnet(1).unwrap().pending().owner, 0);
}

#[test]
fn subnets_come_at_the_median_price_and_go_with_their_tao() {
    let rules = Preset::named("price_burn").unwrap().rules;
    let mut economy = economy(rules, 3);
    let (mut out, lock) = (Vec::new(), economy.lock_cost());
    // 1/49, 2/76 and 3/121.
    let median = economy.subnet(3).unwrap().price();
    economy.apply(Input::SubnetRegistered { tempo: 360 }, &mut out).unwrap();
    assert_eq!(out, [Effect::SubnetOpened { netuid: 4, lock, alpha: opening_alpha(lock, median) }]);
    assert!(economy.lock_cost() >= 2 * lock - lock / 50_400);
    economy.apply(Input::SubnetDissolved { netuid: 2 }, &mut out).unwrap();
    assert_eq!(economy.subnet(2), None);
    economy.conservation().unwrap();
    // The number is free again.
    economy.apply(Input::SubnetRegistered { tempo: 360 }, &mut out).unwrap();
    assert!(matches!(out.last(), Some(Effect::SubnetOpened { netuid: 2, .. })));
    let unknown = Input::SubnetDissolved { netuid: 77 };
    assert_eq!(economy.apply(unknown, &mut out), Err(Rejected::NotOpen(77)));
}

#[test]
fn at_the_limit_the_cheapest_makes_room() {
    let rules = Preset::named("price_burn").unwrap().rules;
    let mut economy = Economy::new(Params::new(rules, 10_000_000 * TAO)).unwrap();
    for _ in 0..SUBNET_LIMIT {
        let netuid = economy.open_subnet(1_000 * TAO, 2_000 * TAO, 360);
        economy.set_moving_price(netuid, price(0.5)).unwrap();
    }
    economy.set_moving_price(77, price(0.25)).unwrap();
    let mut out = Vec::new();
    let register = Input::SubnetRegistered { tempo: 360 };
    assert_eq!(economy.apply(register, &mut out), Err(Rejected::Full("subnets")));
    economy.block = NETWORK_IMMUNITY;
    economy.apply(register, &mut out).unwrap();
    assert!(matches!(out[0], Effect::SubnetClosed { netuid: 77, .. }), "{out:?}");
    assert!(matches!(out[1], Effect::SubnetOpened { netuid: 77, .. }), "{out:?}");
    economy.conservation().unwrap();
}

#[test]
fn what_miners_lost_lowers_the_share() {
    let rules = Preset::named("price_burn").unwrap().rules;
    let mut economy = economy(rules, 2);
    let mut out = Vec::new();
    for _ in 0..361 {
        economy.advance(&mut out);
    }
    let shares = economy.last_shares().to_vec();
    let paid = economy.subnet(1).unwrap().held() / 2;
    let all = Input::MinersPaid { netuid: 1, withheld: paid, paid, recycle: true };
    economy.apply(all, &mut out).unwrap();
    assert_eq!(economy.subnet(1).unwrap().miner_burned(), U96F32::ONE);
    economy.advance(&mut out);
    assert!(shares[0] > U64F64::ZERO);
    assert_eq!(economy.last_shares(), [U64F64::ZERO, U64F64::ONE]);
    economy.conservation().unwrap();
}

#[test]
fn shares_can_be_given() {
    let mut rules = Preset::named("weighted_pools").unwrap().rules;
    (rules.base, rules.cap) = (Base::Given, Cap::EmissionOrBuy);
    let mut economy = economy(rules, 2);
    let mut out = Vec::new();
    let quarter = U64F64::from_bits(1 << 62);
    economy.apply(Input::ShareGiven { netuid: 1, share: quarter }, &mut out).unwrap();
    let before = economy.subnet(1).unwrap().pool().tao();
    economy.advance(&mut out);
    // Injected and spent are floored each on its own.
    let moved = economy.subnet(1).unwrap().pool().tao() - before;
    assert!((124_999_999..=125_000_000).contains(&moved), "{moved}");
    assert_eq!(economy.ledger().issuance, 10_600_000 * TAO + moved);
}

#[test]
fn parameters_are_checked() {
    let rules = Preset::all()[0].rules;
    let error = Economy::new(Params::new(rules, u64::MAX)).unwrap_err();
    assert!(error.to_string().starts_with("issuance is 18446744073709551615"), "{error}");
    let mut params = Params::new(rules, 0);
    params.burn_price.min = u64::MAX;
    assert!(Economy::new(params).is_err());
}
