//! Evaluators of the kinds `des.*`: the engine and its queueing blocks against queueing theory,
//! and the random streams against statistical tests.
//!
//! Every quantity is *simulated*, never computed from its closed form, with one exception that
//! a case names itself: an approximation by formula. Estimates come from at least 20
//! independent replications, and as many more as the precision asks for (`estimate`); seeds
//! are fixed, so a verdict repeats.

use super::evaluator::Evaluate;

mod estimate;
mod fork;
mod forwarding;
mod law;
mod little;
mod many;
mod networks;
mod priority;
mod quorum;
mod random;
mod renewal;
mod rumour;
mod single;
mod steady;
mod switching;
mod text;
mod walks;

/// Kind and evaluator.
pub const EVALUATORS: &[(&str, Evaluate)] = &[
    ("des.m_m_1", single::m_m_1),
    ("des.m_g_1_p_k", single::m_g_1),
    ("des.m_g_1_ps", single::sharing),
    ("des.m_g_1_lcfs_pr", single::last_preemptive),
    ("des.gi_m_1", single::gi_m_1),
    ("des.m_x_m_1", single::batches),
    ("des.m_m_1_busy_period", single::busy_period),
    ("des.pasta", single::pasta),
    ("des.m_m_c", many::m_m_c),
    ("des.m_m_c_c_erlang_b", many::erlang_b),
    ("des.m_g_c_c_insensitivity", many::insensitivity),
    ("des.m_m_1_k", many::m_m_1_k),
    ("des.m_m_inf", many::m_m_inf),
    ("des.m_g_inf_transient", renewal::transient),
    ("des.m_m_1_non_preemptive_priority", priority::non_preemptive),
    ("des.m_m_1_preemptive_resume_priority", priority::preemptive_resume),
    ("des.jackson_network", networks::open),
    ("des.closed_network_mva", networks::closed),
    ("des.machine_repair_m_m_1_n", networks::machine_repair),
    ("des.store_and_forward_pipeline", forwarding::pipeline),
    ("des.little_law_identity", little::identity),
    ("des.inspection_paradox", renewal::inspection),
    ("des.renewal_function", renewal::function),
    ("des.renewal_clt", renewal::central_limit),
    ("des.nhpp_by_thinning", renewal::thinned),
    ("des.poisson_thinning", renewal::split),
    ("des.ctmc_two_state", switching::two_states),
    ("des.linear_birth_death_extinction", walks::extinction),
    ("des.gambler_ruin", walks::ruin),
    ("des.coupon_collector", walks::coupons),
    ("des.double_spend_race", walks::double_spend),
    ("des.pow_natural_fork", fork::natural),
    ("des.quorum_latency_order_statistics", quorum::latency),
    ("des.rumour_push_on_k_n_continuous", rumour::push),
    ("des.rng_birthday_spacings", random::birthday_spacings),
    ("des.rng_cross_stream_correlation", random::cross_stream_correlation),
    ("des.rng_discrete_alias", random::discrete_alias),
    ("des.rng_golden_vectors", random::golden_vectors),
    ("des.rng_interleaved_streams", random::interleaved_streams),
    ("des.rng_ks_exponential", random::ks_exponential),
    ("des.rng_serial_pairs", random::serial_pairs),
    ("des.rng_stream_independence_from_population", random::independence_from_population),
];
