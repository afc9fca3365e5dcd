//! Metrics of the coin of the whole network and of the subnets' pools.

use sim_types::math;

use super::{Sheet, ratio, whole, wide};
use crate::context::{Coin, Context};
use crate::stats::{self, count};
use crate::tally::{CoinSample, EconomyRep, Subnet, Tally};

/// Nanoseconds of 365 days.
const YEAR: f64 = 365.0 * 86_400e9;
/// Prices are whole billionths of a coin.
const BILLIONTH: f64 = 1e-9;
/// By how much of a pool's coins a purchase must be, for 1 % more of price at constant product:
/// the price is y² / k, so (1 + d)² = 1.01.
const DEPTH: f64 = 0.004_987_562_112_089_027;

pub(super) fn put(sheet: &mut Sheet, tally: &Tally, rep: &EconomyRep, context: &Context) {
    let coin = &context.coin;
    if let Some(ends) = &rep.ends {
        whole_network(sheet, ends, coin);
    }
    let subnets: Vec<&Subnet> = rep.subnets.iter().flatten().collect();
    if !subnets.is_empty() {
        emission(sheet, tally, rep, coin);
        pools(sheet, &subnets, coin);
        holding(sheet, &subnets, coin);
        users(sheet, &subnets, coin);
    }
    if !rep.periods.closed.is_empty() {
        sheet.put("members_replaced", Some(whole(rep.periods.replaced)));
    }
}

fn whole_network(sheet: &mut Sheet, ends: &[(u64, CoinSample); 2], coin: &Coin) {
    let [(from, first), (to, last)] = ends;
    let years = whole(to - from) / YEAR;
    let growth = ratio(wide(last.issuance), wide(first.issuance)).filter(|_| years > 0.0);
    sheet.put("issuance_growth_year", growth.map(|growth| math::pow(growth, 1.0 / years) - 1.0));
    for (name, amount) in [
        ("issuance_end", last.issuance),
        ("block_emission_end", last.emission),
        ("coin_liquid", last.liquid),
        ("coin_on_root", last.root),
        ("coin_in_pools", last.pools),
        ("coin_lost", last.lost),
        ("lock_cost_end", last.lock_cost),
    ] {
        sheet.put(name, Some(coin.coins(amount)));
    }
    sheet.put("price_sum_end", Some(wide(last.price_sum) * BILLIONTH));
    let fell = ratio(wide(first.emission), wide(last.emission)).filter(|&fell| fell > 0.0);
    sheet.put("halvings_count", fell.map(|fell| (math::ln(fell) / math::ln(2.0)).round()));
}

/// Subnets that closed no period are not in the table, but may be in the population.
fn emission(sheet: &mut Sheet, tally: &Tally, rep: &EconomyRep, coin: &Coin) {
    let closed = rep.subnets.iter().flatten().map(|subnet| subnet.emitted);
    let mut emitted: Vec<u128> = closed.collect();
    emitted.resize(emitted.len().max(tally.subnets()), 0);
    let total: u128 = emitted.iter().sum();
    sheet.put("emission_gini", stats::gini(&emitted));
    sheet.put("emission_nakamoto", stats::nakamoto(&emitted).map(count));
    let largest = emitted.iter().max().copied().unwrap_or(0);
    sheet.put("emission_largest_share", ratio(coin.coins(largest), coin.coins(total)));
    let none = emitted.iter().filter(|&&amount| amount == 0).count();
    sheet.put("subnets_without_emission", Some(count(none)));
}

fn pools(sheet: &mut Sheet, subnets: &[&Subnet], coin: &Coin) {
    let depths: Vec<f64> = subnets.iter().map(|s| depth(coin.coins(s.coin))).collect();
    sheet.put("pool_depth_median", stats::quantile(&depths, 500_000));
    sheet.put("pool_depth_min", stats::quantile(&depths, 0));
    let prices: Vec<f64> = subnets.iter().map(|s| whole(s.prices[1]) * BILLIONTH).collect();
    sheet.put("price_median_end", stats::quantile(&prices, 500_000));
    let means: Vec<f64> = subnets.iter().filter_map(|s| s.returns.mean()).collect();
    sheet.put("price_return_day_mean", stats::mean(&means));
    let spreads: Vec<f64> = subnets.iter().filter_map(|s| s.returns.deviation()).collect();
    sheet.put("price_volatility_day", stats::mean(&spreads));
}

/// Coins that raise the price of a pool with so many coins by 1 %.
pub(crate) fn depth(coins: f64) -> f64 {
    coins * DEPTH
}

fn holding(sheet: &mut Sheet, subnets: &[&Subnet], coin: &Coin) {
    let returns: Vec<f64> = subnets
        .iter()
        .filter(|s| s.closed[1] > s.closed[0])
        .filter_map(|s| Some(ratio(whole(s.prices[1]), whole(s.prices[0]))? - 1.0))
        .collect();
    for (name, ppm) in [
        ("hold_return_p10", 100_000),
        ("hold_return_median", 500_000),
        ("hold_return_p90", 900_000),
    ] {
        sheet.put(name, stats::quantile(&returns, ppm));
    }
    let mean = stats::mean(&returns);
    sheet.put("hold_return_mean", mean);
    sheet.put("hold_gain_usd", mean.zip(coin.usd).map(|(mean, usd)| 1_000.0 * mean * usd));
}

fn users(sheet: &mut Sheet, subnets: &[&Subnet], coin: &Coin) {
    let sum = |of: fn(&Subnet) -> u128| coin.coins(subnets.iter().map(|s| of(s)).sum());
    let (bought, sold) = (sum(|s| s.bought), sum(|s| s.sold));
    sheet.put("users_bought", Some(bought));
    sheet.put("users_sold", Some(sold));
    sheet.put("users_net_flow", Some(bought - sold));
    sheet.put("alpha_burned", Some(sum(|s| s.burned)));
    let places: u64 = subnets.iter().map(|s| s.registered).sum();
    sheet.put("places_bought", Some(whole(places)));
    sheet.put("place_price_mean", ratio(sum(|s| s.places), whole(places)));
}
