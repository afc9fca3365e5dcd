//! The coin and the subnets' pools: cards and figures.

use super::cards::{Card, card, cards};
use super::figure_panels;
use crate::context::Context;
use crate::figure::Figure;
use crate::metrics::Metrics;

const CARDS: [Card; 10] = [
    card("issuance_end", "Issued at the end", "issuance_growth_year", "growth"),
    card("block_emission_end", "Minted by a block", "halvings_count", "seen"),
    card("coin_in_pools", "In pools", "coin_on_root", "on the root"),
    card("emission_nakamoto", "With half of the emission", "emission_largest_share", "to one"),
    card("emission_gini", "Gini of emission", "subnets_without_emission", "without any"),
    card("price_median_end", "Price of alpha, median", "price_volatility_day", "volatility a day"),
    card("hold_return_median", "Holding alpha, median", "hold_return_mean", "in equal parts"),
    card("pool_depth_median", "Depth for 1 %, median", "pool_depth_min", "in the shallowest"),
    card("users_net_flow", "Users’ net flow into pools", "users_bought", "paid in"),
    card("places_bought", "Places bought", "place_price_mean", "each, on average"),
];

/// Nothing for a run without an economy of its own.
pub(super) fn section(context: &Context, metrics: &Metrics, figures: &[&Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    format!(
        "<h2 id=\"economy\">Economy <small>coin, subnets and their pools</small></h2>\n{}\
         <div class=\"after-cards\">{}</div>\n",
        cards(&CARDS, context, metrics),
        figure_panels(figures)
    )
}
