//! The laws of pools, on every curve.

use proptest::prelude::*;

use super::*;

fn curves(tao: u64, alpha: u64) -> Vec<Pool> {
    let weights = [weights::SCALE / 2, weights::SCALE / 5, weights::SCALE / 10 * 7 + 12_345];
    let mut pools = vec![
        Pool::new(tao, alpha, Curve::ConstantProduct),
        Pool::new(tao, alpha, Curve::Ticks(Ticks::new(tao, alpha))),
        Pool::new(tao, alpha, Curve::Stable),
    ];
    pools.extend(weights.map(|w| Pool::new(tao, alpha, Curve::Weighted(Weights::new(w).unwrap()))));
    pools
}

fn reserve() -> impl Strategy<Value = u64> {
    (1_u64 << 30..1 << 53, 0_u32..20).prop_map(|(x, s)| (x >> s).max(1 << 30))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What comes in goes to a reserve, to the fee or back; what goes out leaves the other
    /// reserve. To the unit, and nothing moves when refused.
    #[test]
    fn trades_conserve(
        tao in reserve(), alpha in reserve(), part in 1_u64..1 << 20, buy in any::<bool>(),
        limit in proptest::option::of(1_u64..1_000_000_000_000), fee_free in any::<bool>(),
    ) {
        for mut pool in curves(tao, alpha) {
            let side = if buy { Side::Buy } else { Side::Sell };
            let into = if buy { tao } else { alpha };
            let amount = u64::try_from((u128::from(into) * u128::from(part)) >> 18).unwrap();
            let mut trade = Trade { fee_free, ..Trade::new(side, amount) };
            trade.limit = limit.unwrap_or(trade.limit);
            let before = pool;
            match pool.trade(trade) {
                Err(_) => prop_assert_eq!(pool, before),
                Ok(filled) => {
                    prop_assert_eq!(before.quote(trade), Ok(filled));
                    let taken = filled.paid_out - filled.made;
                    let (tao_after, alpha_after) = if buy {
                        (tao + filled.paid_in, alpha - taken)
                    } else {
                        (tao - taken, alpha + filled.paid_in)
                    };
                    prop_assert_eq!((pool.tao(), pool.alpha()), (tao_after, alpha_after));
                    prop_assert_eq!(filled.paid_in + filled.fee + filled.refund(amount), amount);
                    prop_assert!(filled.made == 0 || matches!(pool.curve(), Curve::Stable));
                }
            }
        }
    }

    /// Buying never lowers the price, selling never lifts it.
    #[test]
    fn prices_move_with_the_trade(
        tao in reserve(), alpha in reserve(), part in 1_u64..1 << 18, buy in any::<bool>(),
    ) {
        for mut pool in curves(tao, alpha) {
            let before = pool.price();
            let (side, into) = if buy { (Side::Buy, tao) } else { (Side::Sell, alpha) };
            let amount = u64::try_from((u128::from(into) * u128::from(part)) >> 20).unwrap();
            if pool.trade(Trade::new(side, amount)).is_ok() {
                let after = pool.price();
                prop_assert!(if buy { after >= before } else { after <= before }, "{pool:?}");
            }
        }
    }

    /// There and back never gains, either way, even without a fee: within the unit that a
    /// floored price can be worth.
    #[test]
    fn round_trips_never_gain(
        tao in reserve(), alpha in reserve(), part in 1_u64..1 << 18, buy in any::<bool>(),
    ) {
        for mut pool in curves(tao, alpha) {
            let (there, back, into) =
                if buy { (Side::Buy, Side::Sell, tao) } else { (Side::Sell, Side::Buy, alpha) };
            let amount = u64::try_from((u128::from(into) * u128::from(part)) >> 20).unwrap();
            let Ok(out) = pool.trade(Trade::new(there, amount).fee_free()) else { continue };
            let Ok(home) = pool.trade(Trade::new(back, out.paid_out).fee_free()) else { continue };
            prop_assert!(home.paid_out <= amount + slack(&pool, amount), "{amount} {home:?} {pool:?}");
        }
    }

    /// Two trades in a row pay no more than one of both amounts.
    #[test]
    fn splitting_pays_no_better(
        tao in reserve(), alpha in reserve(), a in 1_u64..1 << 18, b in 1_u64..1 << 18,
    ) {
        for pool in curves(tao, alpha) {
            let amount = |part: u64| u64::try_from((u128::from(alpha) * u128::from(part)) >> 20).unwrap();
            let (a, b) = (amount(a), amount(b));
            let sell = |amount| Trade::new(Side::Sell, amount).fee_free();
            let Ok(whole) = pool.quote(sell(a + b)) else { continue };
            let mut split = pool;
            let (Ok(first), Ok(second)) = (split.trade(sell(a)), split.trade(sell(b))) else { continue };
            prop_assert!(
                first.paid_out + second.paid_out <= whole.paid_out + 2 + slack(&split, whole.paid_out),
                "{pool:?} {a} {b}"
            );
        }
    }

    /// An injection is taken whole or not at all, and keeps the price.
    #[test]
    fn injections_keep_the_price(
        tao in reserve(), alpha in reserve(), tao_added in 0_u64..1 << 30, alpha_added in 0_u64..1 << 30,
    ) {
        for mut pool in curves(tao, alpha) {
            let before = pool.price().to_f64();
            let taken = pool.inject(tao_added, alpha_added);
            prop_assert!(taken == (tao_added, alpha_added) || taken == (0, 0));
            prop_assert_eq!((pool.tao(), pool.alpha()), (tao + taken.0, alpha + taken.1));
            if let Curve::Weighted(_) | Curve::Ticks(_) = pool.curve() {
                let after = pool.price().to_f64();
                prop_assert!((after - before).abs() <= 1e-6 * before + 1e-9, "{before} {after}");
            }
        }
    }

    /// A limit is never passed, and ends a trade instead of refusing it.
    #[test]
    fn limits_hold(tao in reserve(), alpha in reserve(), part in 1_u64..1 << 22, percent in 1_u64..99) {
        for mut pool in curves(tao, alpha) {
            if matches!(pool.curve(), Curve::ConstantProduct | Curve::Stable) {
                continue;
            }
            let billion = U64F64::from(1_000_000_000);
            let limit = pool.price().saturating_mul(billion).to_u64() / 100 * percent;
            let amount = u64::try_from((u128::from(alpha) * u128::from(part)) >> 20).unwrap();
            let trade = Trade::new(Side::Sell, amount).limited(limit);
            if let Ok(filled) = pool.trade(trade) {
                let reached = pool.price().saturating_mul(billion).to_f64();
                #[expect(clippy::cast_precision_loss)]
                let limit = limit as f64;
                prop_assert!(reached >= limit * (1.0 - 1e-5) - 2.0, "{reached} {limit} {filled:?}");
            }
        }
    }
}

/// What rounding can be worth. The chain's tick pool carries the square root of its price in
/// 64 fraction bits, so that a round trip can gain that part of the amount; the weighted pool
/// computes its power to 18 decimals.
fn slack(pool: &Pool, amount: u64) -> u64 {
    match pool.curve() {
        Curve::ConstantProduct | Curve::Stable => 0,
        Curve::Ticks(_) => 2 + (amount >> 30),
        Curve::Weighted(_) => 2 + pool.tao().max(pool.alpha()) / 1_000_000_000_000,
    }
}

#[test]
fn drained_and_overfull_pools_refuse() {
    let weighted = |tao, alpha| Pool::new(tao, alpha, Curve::Weighted(Weights::default()));
    let ticks = |tao, alpha| Pool::new(tao, alpha, Curve::Ticks(Ticks::new(tao, alpha)));
    let product = |tao, alpha| Pool::new(tao, alpha, Curve::ConstantProduct);
    let stable = |tao, alpha| Pool::new(tao, alpha, Curve::Stable);
    let (buy, sell) = (|x| Trade::new(Side::Buy, x), |x| Trade::new(Side::Sell, x));
    let table: [(Pool, Trade, &str); 10] = [
        (weighted(1_000, 1_000), sell(1_000_001).fee_free(), "SwapInputTooLarge"),
        (weighted(1_000, 1_000), sell(1_000_000).fee_free(), "ReservesTooLow"),
        (weighted(999_999, 1 << 40), sell(5), "ReservesTooLow"),
        (weighted(1 << 21, 1 << 40), sell(1), "ReservesTooLow"),
        (weighted(1 << 40, 1 << 40), buy(5).limited(1_000_000_000), "PriceLimitExceeded"),
        (weighted(0, 0), buy(5), "SwapInputTooLarge"),
        (ticks(0, 0), buy(5), "ReservesTooLow"),
        (ticks(1 << 40, 1 << 40), sell(5).limited(1_000_000_001), "PriceLimitExceeded"),
        (product(1 << 24, 1 << 40), sell(1 << 40), "ReservesTooLow"),
        (stable(5, 0), sell(6), "InsufficientLiquidity"),
    ];
    for (mut pool, trade, want) in table {
        let before = pool;
        assert_eq!(pool.trade(trade).map_err(|e| e.name()), Err(want), "{pool:?} {trade:?}");
        assert_eq!(pool, before);
    }
    // The 1,000-fold input itself is taken, and alpha of the stable mechanism is made.
    assert!(weighted(1 << 30, 1 << 30).trade(buy(1000 << 30).fee_free()).is_ok());
    assert_eq!(stable(0, 2).trade(buy(5)).map(|f| f.made), Ok(3));
}

/// Kept constants are what the operations give.
#[test]
fn constants_of_ticks() {
    let trade = |side, limit| Trade::new(side, 0).limited(limit);
    for (side, limit) in [(Side::Buy, PRICE_LIMITS.1), (Side::Sell, PRICE_LIMITS.0)] {
        let near = ticks::limit_root(&trade(side, limit + 1)).to_f64();
        let kept = ticks::limit_root(&trade(side, limit)).to_f64();
        assert!((kept / near - 1.0).abs() < 1e-3, "{kept} {near}");
    }
    assert_eq!(ticks::INVERSE_MAX_SQRT_PRICE, U64F64::ONE.safe_div(ticks::MAX_SQRT_PRICE));
}

/// A tick pool over the whole range is the constant product, to the precision of its price.
#[test]
fn ticks_over_the_whole_range_are_the_constant_product() {
    for (tao, alpha, amount) in [
        (1_u64 << 40, 1_u64 << 42, 1_u64 << 30),
        (5_000_000_000_000, 90_000_000_000_000, 77_777_777),
    ] {
        let ticks = Pool::new(tao, alpha, Curve::Ticks(Ticks::new(tao, alpha)));
        let product = Pool::new(tao, alpha, Curve::ConstantProduct);
        for side in [Side::Buy, Side::Sell] {
            let trade = Trade::new(side, amount).fee_free();
            let (a, b) = (ticks.quote(trade).unwrap(), product.quote(trade).unwrap());
            assert!(a.paid_out.abs_diff(b.paid_out) <= 1 + (b.paid_out >> 30), "{a:?} {b:?}");
        }
    }
}
