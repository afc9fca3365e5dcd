//! Prices by the token, in integers.

use sim_types::{Amount, JobSpec, ParamError, seeded};

/// Price of a job at `per_million` for a million tokens, prompt and output alike, rounded down.
pub(super) fn of_job(per_million: Amount, job: &JobSpec) -> Amount {
    let tokens = u128::from(job.prompt_tokens) + u128::from(job.output_tokens);
    let up = seeded!(PriceRoundedUp, 999_999, 0);
    Amount((per_million.0 * tokens + up) / 1_000_000)
}

/// Keeps products of price and tokens far below 2^128.
pub(super) fn check(per_million: Amount) -> Result<(), ParamError> {
    ParamError::unless(
        u64::try_from(per_million.0).is_ok(),
        "price_per_million_tokens",
        per_million,
        "less than 2^64 of the smallest unit",
    )
}
