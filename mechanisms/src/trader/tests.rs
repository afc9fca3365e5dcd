//! What each kind does, and what none may do.

use proptest::prelude::*;

use super::*;

fn view(block: u64, price: f64, tao: u64, alpha: u64) -> View {
    View { block, price: U64F64::saturating_from_f64(price).unwrap(), tao, alpha }
}

fn orders(mut trader: Trader, views: &[View]) -> Vec<Option<(Side, u64)>> {
    let mut stream = Stream::new(5, 1);
    let act = |view| trader.act(view, &mut stream).map(|trade| (trade.side, trade.amount));
    views.iter().map(act).collect()
}

const TEN: Share = Share::percent(10);

#[test]
fn momentum_follows_its_average() {
    let rule = Momentum { memory: 4, threshold: Share::percent(5), part: TEN, average: None };
    let views = [1.0, 1.04, 2.0, 2.0, 0.5].map(|price| view(0, price, 1_000, 500));
    let want = [None, None, Some((Side::Buy, 100)), Some((Side::Buy, 100)), Some((Side::Sell, 50))];
    assert_eq!(orders(Trader::Momentum(rule), &views), want);
}

#[test]
fn value_knows_what_it_is_worth() {
    let rule = Value { fair: U64F64::ONE, margin: TEN, part: Share::percent(50) };
    let views = [0.8, 0.95, 1.05, 1.2].map(|price| view(0, price, 1_000, 500));
    let want = [Some((Side::Buy, 500)), None, None, Some((Side::Sell, 250))];
    assert_eq!(orders(Trader::Value(rule), &views), want);
}

#[test]
fn farmers_come_and_go_with_the_snapshot() {
    let rule = AirdropFarmer { from: 10, snapshot: 20, part: TEN, bought: false };
    let views = [9, 10, 11, 20, 21].map(|block| view(block, 1.0, 1_000, 300));
    let want = [None, Some((Side::Buy, 100)), None, None, Some((Side::Sell, 300))];
    assert_eq!(orders(Trader::AirdropFarmer(rule), &views), want);
}

#[test]
fn whales_leave_in_parts_and_wholly() {
    let rule = Whale { leaves_at: 100, parts: 3, every: 10, sold: 0 };
    let (mut trader, mut stream, mut left) = (Trader::Whale(rule), Stream::new(1, 1), 1_000);
    let mut at = Vec::new();
    for block in 0..200 {
        if let Some(trade) = trader.act(&view(block, 1.0, 0, left), &mut stream) {
            left -= trade.amount;
            at.push((block, trade.amount));
        }
    }
    assert_eq!(at, [(100, 333), (110, 333), (120, 334)]);
}

/// With a chance of one in five, of 10,000 looks 2,000 trade, half of them buy, and the mean
/// size is half of the most: each within five standard errors.
#[test]
fn noise_is_even() {
    let rule = Trader::Noise(Noise { chance: Share::percent(20), part: TEN });
    let views = vec![view(0, 1.0, 1_000_000, 1_000_000); 10_000];
    let done: Vec<_> = orders(rule, &views).into_iter().flatten().collect();
    let buys = done.iter().filter(|(side, _)| *side == Side::Buy).count();
    assert!(done.len().abs_diff(2_000) < 200, "{}", done.len());
    assert!(buys.abs_diff(done.len() / 2) < 112, "{buys}");
    let mean = done.iter().map(|&(_, amount)| amount).sum::<u64>() / done.len() as u64;
    assert!(mean.abs_diff(50_000) < 3_300, "{mean}");
}

#[test]
fn parameters_are_checked() {
    let whale = Whale { leaves_at: 0, parts: 0, every: 0, sold: 0 };
    let error = Trader::Whale(whale).check().unwrap_err().to_string();
    assert_eq!(error, "whale.parts is 0, expected at least 1");
    let farmer = AirdropFarmer { from: 5, snapshot: 4, part: TEN, bought: false };
    assert!(Trader::AirdropFarmer(farmer).check().is_err());
    let momentum = Momentum { memory: 0, threshold: TEN, part: TEN, average: None };
    assert!(Trader::Momentum(momentum).check().is_err());
    assert!(Trader::Noise(Noise { chance: TEN, part: TEN }).check().is_ok());
}

proptest! {
    /// Nobody orders more than it has, and the same view and chance give the same order.
    #[test]
    fn orders_are_covered(
        block in 0_u64..50, price in 0.0..3.0_f64, tao in any::<u64>(), alpha in any::<u64>(),
        part in 0_u32..=1_000_000_000,
    ) {
        let part = Share::from_ppb(part).unwrap();
        let view = view(block, price, tao, alpha);
        for trader in [
            Trader::Momentum(Momentum { memory: 3, threshold: TEN, part, average: Some(U64F64::ONE) }),
            Trader::Value(Value { fair: U64F64::ONE, margin: TEN, part }),
            Trader::Noise(Noise { chance: Share::ONE, part }),
            Trader::AirdropFarmer(AirdropFarmer { from: 10, snapshot: 20, part, bought: false }),
            Trader::Whale(Whale { leaves_at: 10, parts: 2, every: 1, sold: 0 }),
        ] {
            let (mut a, mut b) = (trader, trader);
            let (mut s, mut t) = (Stream::new(1, 2), Stream::new(1, 2));
            let order = a.act(&view, &mut s);
            prop_assert_eq!(order, b.act(&view, &mut t));
            prop_assert_eq!(a, b);
            if let Some(trade) = order {
                prop_assert!(trade.amount > 0);
                let held = if trade.side == Side::Buy { tao } else { alpha };
                prop_assert!(trade.amount <= held);
            }
        }
    }
}
