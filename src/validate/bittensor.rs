//! Evaluators of the kinds `bittensor.*`.
//!
//! The cases come from the tests of opentensor/subtensor @ 14bc6f9f, which write vectors as
//! 32-bit floats; so are they read here before they become fixed point.

use super::evaluator::Evaluate;

mod bonds;
mod childkeys;
mod epochs;
mod forms;
mod random;
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
    ("bittensor.yuma3_sequence", yuma3::sequence),
    ("bittensor.property", forms::property),
    ("bittensor.yumasim", simulator::yumasim),
    ("bittensor.retention_contour", retention::contour),
    ("bittensor.childkey", childkeys::childkey),
    ("bittensor.dividend_distribution", childkeys::dividend_distribution),
];
