//! Evaluators of the kinds `bittensor.*`.
//!
//! The cases come from the tests of opentensor/subtensor @ 14bc6f9f, which write vectors as
//! 32-bit floats; so are they read here before they become fixed point.

use super::evaluator::Evaluate;

mod bonds;
mod childkeys;
mod emission;
mod epochs;
mod forms;
mod pool;
mod random;
mod registration;
mod retention;
mod simulator;
mod vectors;
mod yuma3;

/// Kind and evaluator.
pub const EVALUATORS: &[(&str, Evaluate)] = &[
    ("bittensor.weighted_median", vectors::weighted_median),
    ("bittensor.weighted_median_col", vectors::weighted_median_columns),
    ("bittensor.is_topk", vectors::is_top_k),
    ("bittensor.vec_max_upscale_to_u16", vectors::max_upscale_to_u16),
    ("bittensor.vec_u16_max_upscale_to_u16", vectors::max_upscale_u16),
    ("bittensor.check_vec_max_limited", vectors::max_limited),
    ("bittensor.sigmoid_safe", vectors::sigmoid_safe),
    ("bittensor.normalize", vectors::normalize),
    ("bittensor.row_normalize", vectors::row_normalize),
    ("bittensor.col_max_upscale", vectors::column_max_upscale),
    ("bittensor.interpolate", vectors::interpolate),
    ("bittensor.inplace_pow_normalize", vectors::power_shares),
    ("bittensor.mat_ema_alpha", bonds::ema_alpha),
    ("bittensor.compute_bonds", bonds::compute_bonds),
    ("bittensor.validator_permits", epochs::validator_permits),
    ("bittensor.epoch_sequence", epochs::sequence),
    ("bittensor.epoch_big", epochs::big),
    ("bittensor.epoch_big_random", random::big_random),
    ("bittensor.block_emission", emission::block_emission),
    ("bittensor.subnet_shares_price", emission::subnet_shares),
    ("bittensor.emission_gate", emission::emission_gate),
    ("bittensor.coinbase_tao", emission::coinbase_tao),
    ("bittensor.moving_price", emission::moving_price),
    ("bittensor.owner_cut", emission::owner_cut),
    ("bittensor.pending_split", emission::pending_split),
    ("bittensor.root_proportion", emission::root_proportion),
    ("bittensor.subnet_terms", emission::subnet_terms),
    ("bittensor.adjust_protocol_liquidity", emission::adjust_protocol_liquidity),
    ("bittensor.balancer_exp", pool::balancer_exp),
    ("bittensor.balancer_price", pool::balancer_price),
    ("bittensor.mul_perquintill_round", pool::mul_perquintill_round),
    ("bittensor.base_needed_for_quote", pool::base_needed_for_quote),
    ("bittensor.swap_deltas", pool::swap_deltas),
    ("bittensor.swap", pool::swap),
    ("bittensor.swap_init", pool::swap_init),
    ("bittensor.limit_delta", pool::limit_delta),
    ("bittensor.lock_cost", registration::lock_cost),
    ("bittensor.median_subnet_price", registration::median_subnet_price),
    ("bittensor.neuron_to_prune", registration::neuron_to_prune),
    ("bittensor.yuma3_sequence", yuma3::sequence),
    ("bittensor.property", forms::property),
    ("bittensor.yumasim", simulator::yumasim),
    ("bittensor.retention_contour", retention::contour),
    ("bittensor.childkey", childkeys::childkey),
    ("bittensor.dividend_distribution", childkeys::dividend_distribution),
];
