//! What economists look at first: emission, prices, depth, issuance, flows.

mod coin;
mod subnets;

use super::Plot;
use crate::context::Context;
use crate::tally::Tally;

/// Prices are whole billionths of a coin.
const BILLIONTH: f64 = 1e-9;

/// The figures that the trace supports, in their order.
pub(super) fn plots(tally: &Tally, context: &Context) -> Vec<Plot> {
    let found = [
        subnets::emission(tally),
        subnets::prices(tally, context),
        subnets::depth(tally, context),
        coin::flows(tally, context),
        coin::issuance(tally, context),
        coin::block_emission(tally, context),
        coin::places(tally, context),
        subnets::burn_price(tally, context),
    ];
    found.into_iter().flatten().collect()
}
