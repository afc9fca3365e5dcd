//! Every metric: name, unit, meaning. Scenarios and baselines name metrics, so a name and what
//! it means do not change without a line in the changelog.

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// Its name; one that ends in `.*` stands for a metric for each class: `utilisation.*`
    /// for `utilisation.h100_sxm`.
    pub name: &'static str,
    /// Its unit. `coin` stands for the coin of the run, `share` for 0 … 1.
    pub unit: &'static str,
    /// Where it belongs in a report.
    pub section: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

impl Definition {
    /// The name without the class.
    #[must_use]
    pub fn base(&self) -> &'static str {
        self.name.trim_end_matches(".*")
    }

    /// Whether there is one metric for each class.
    #[must_use]
    pub fn by_class(&self) -> bool {
        self.name.ends_with(".*")
    }
}

/// The definition of a metric, by its full name.
#[must_use]
pub fn definition(name: &str) -> Option<&'static Definition> {
    let (base, class) = name.split_once('.').map_or((name, false), |(base, _)| (base, true));
    METRICS.iter().find(|d| d.base() == base && d.by_class() == class)
}

macro_rules! catalogue {
    ($($section:literal { $($name:literal [$unit:literal] $meaning:literal;)* })*) => {
        /// All metrics, in the order of the report.
        pub const METRICS: &[Definition] = &[$($(
            Definition { name: $name, unit: $unit, section: $section, meaning: $meaning },
        )*)*];
    };
}

catalogue! {
    "Service" {
        "jobs_submitted" ["jobs"] "Jobs that users sent.";
        "jobs_final" ["jobs"] "Jobs whose settling block became final.";
        "jobs_final_share" ["share"] "Final jobs of all submitted.";
        "jobs_unserved_share" ["share"] "Jobs that nobody could serve, of all submitted.";
        "jobs_timed_out_share" ["share"] "Jobs whose answer came too late or never, of all submitted.";
        "jobs_refused_share" ["share"] "Jobs turned away by a full queue, of all submitted.";
        "jobs_rejected_share" ["share"] "Jobs whose answer verification rejected, of all submitted.";
        "jobs_open_share" ["share"] "Jobs still under way at the horizon, of all submitted.";
        "goodput_share" ["share"] "Final jobs with a right answer (hidden truth), of all submitted.";
        "goodput_jobs" ["jobs/s"] "Final jobs with a right answer (hidden truth), per second.";
        "answers_right_share" ["share"] "Right answers (hidden truth) of all answers.";
        "answer_quality_mean" ["share"] "Hidden quality of the answers, 1 = perfect.";
        "throughput_jobs" ["jobs/s"] "Final jobs per second of the horizon.";
        "throughput_tokens" ["tokens/s"] "Output tokens of final jobs per second of the horizon.";
    }
    "Latency" {
        "answer_latency_p50" ["s"] "From submission to the answer's arrival: half are no slower.";
        "answer_latency_p90" ["s"] "From submission to the answer's arrival: 90 % are no slower.";
        "answer_latency_p99" ["s"] "From submission to the answer's arrival: 99 % are no slower.";
        "answer_latency_mean" ["s"] "From submission to the answer's arrival: mean.";
        "start_latency_mean" ["s"] "From submission to the start of the work: mean.";
        "finality_latency_p50" ["s"] "From submission to finality: half are no slower.";
        "finality_latency_p90" ["s"] "From submission to finality: 90 % are no slower.";
        "finality_latency_p99" ["s"] "From submission to finality: 99 % are no slower.";
        "finality_latency_mean" ["s"] "From submission to finality: mean.";
    }
    "Hardware" {
        "utilisation_total" ["share"] "Slot time in use of all slot time, all providers.";
        "utilisation.*" ["share"] "Slot time in use of all slot time, by class of hardware.";
        "utilisation_peak.*" ["share"] "Slot time in use of all slot time in the busiest sampling interval, by class of hardware.";
        "queue_mean" ["jobs"] "Jobs waiting at providers, mean over samples.";
        "queue_max" ["jobs"] "Jobs waiting at providers, largest sample.";
        "faults_count" ["faults"] "Faults and parameter changes that took effect.";
    }
    "Verification" {
        "observations_count" ["observations"] "Observations made.";
        "probes_count" ["observations"] "Observations made on probes.";
        "probes_share" ["share"] "Observations made on probes, of all observations.";
        "score_mean.*" ["share"] "Mean score that verifiers gave, by the behaviour of the node observed.";
    }
    "Settlement" {
        "blocks_count" ["blocks"] "Blocks produced.";
        "block_interval_mean" ["s"] "Mean time between blocks.";
        "block_finality_mean" ["s"] "From a block's production to its finality: mean.";
        "transactions_count" ["transactions"] "Transactions in blocks.";
        "backlog_max" ["transactions"] "Most transactions left waiting by a block.";
        "fees_total" ["coin"] "Fees paid in blocks.";
    }
    "Reward" {
        "epochs_per_subnet_min" ["epochs"] "Reward periods closed, in the subnet with the fewest.";
        "consensus_nonzero_share" ["share"] "Closed periods in which any member reached consensus above zero, of those in which any held a permit.";
        "emission_total" ["coin"] "Newly issued in blocks that are final by the horizon.";
        "emission_paid" ["coin"] "Emission paid to members at the close of periods.";
        "emission_per_job" ["coin/job"] "Newly issued for each final job: the subsidy.";
        "payouts_total" ["coin"] "All payments.";
        "payouts.*" ["coin"] "Payments, by reason.";
    }
    "Economy" {
        "issuance_end" ["coin"] "Coins issued, less those recycled, at the last sample.";
        "issuance_growth_year" ["share/year"] "Inflation: growth of the issuance from the first sample to the last, compounded to 365 days.";
        "block_emission_end" ["coin"] "Coins that the next block mints, at the last sample.";
        "halvings_count" ["halvings"] "Halvings of a block's emission between the first sample and the last.";
        "coin_liquid" ["coin"] "Coins in accounts at the last sample.";
        "coin_on_root" ["coin"] "Coins staked on the root at the last sample.";
        "coin_in_pools" ["coin"] "Coins in pools, or pending from them, at the last sample.";
        "coin_lost" ["coin"] "Coins burned or stranded by the last sample.";
        "price_sum_end" ["coin"] "Sum of the subnets' moving prices at the last sample.";
        "lock_cost_end" ["coin"] "Price of the next subnet at the last sample.";
        "emission_gini" ["index"] "Gini coefficient of the emission that reached each subnet's pool: 0 = all got the same, 1 = one got all.";
        "emission_nakamoto" ["subnets"] "Fewest subnets that got more than half of the emission.";
        "emission_largest_share" ["share"] "Share of the emission that the subnet with the most of it got.";
        "subnets_without_emission" ["subnets"] "Subnets whose pool no emission reached.";
        "pool_depth_median" ["coin"] "Coins that raise the price of alpha by 1 % at the last close of a period, median over subnets; by the constant product, so approximate for weighted pools.";
        "pool_depth_min" ["coin"] "Coins that raise the price of alpha by 1 % at the last close of a period, in the shallowest pool; by the constant product, so approximate for weighted pools.";
        "price_median_end" ["coin"] "Price of one alpha at the last close of a period, median over subnets.";
        "price_return_day_mean" ["share/day"] "Logarithm of one day's last price of alpha to that of the day before: mean over days, then over subnets.";
        "price_volatility_day" ["share"] "Logarithm of one day's last price of alpha to that of the day before: standard deviation over days, mean over subnets.";
        "hold_return_median" ["share"] "Change of the price of alpha from the first close of a period to the last, in coins and so at any fixed price of the coin, median over subnets; without dividends, fees and slippage.";
        "hold_return_p10" ["share"] "Change of the price of alpha from the first close of a period to the last: that of the subnet which 10 % do not exceed.";
        "hold_return_p90" ["share"] "Change of the price of alpha from the first close of a period to the last: that of the subnet which 90 % do not exceed.";
        "hold_return_mean" ["share"] "Return of equal sums of coins put into the alpha of all subnets at the first close of a period and valued at the last; without dividends, fees and slippage.";
        "hold_gain_usd" ["USD"] "Gain of 1 000 coins put into the alpha of all subnets in equal parts (`hold_return_mean`), at the stated price of the coin.";
        "users_bought" ["coin"] "Coins that users paid into pools.";
        "users_sold" ["coin"] "Coins that users took out of pools.";
        "users_net_flow" ["coin"] "Coins that users paid into pools, less those they took out.";
        "alpha_burned" ["alpha"] "Alpha withheld from providers' pay and burned, all subnets.";
        "places_bought" ["places"] "Places in subnets that newcomers bought.";
        "place_price_mean" ["coin"] "Price of the next place at the close of the period in which a place was bought, mean over these places.";
        "members_replaced" ["members"] "Members whose place a newcomer took.";
    }
    "Fairness" {
        "gini.*" ["index"] "Gini coefficient of earnings, by role: 0 = all earn the same, 1 = one earns all.";
        "nakamoto.*" ["nodes"] "Fewest nodes that earn more than half, by role.";
        "stake_gini.*" ["index"] "Gini coefficient of stakes, by role: 0 = all have the same, 1 = one has all.";
        "stake_nakamoto.*" ["nodes"] "Fewest nodes that hold more than half of the stake, by role.";
        "provider_income_share.*" ["share"] "Share of all provider income, by behaviour.";
        "provider_population_share.*" ["share"] "Share of all providers, by behaviour: what its income share would be if behaviour did not matter.";
        "dishonest_income_share" ["share"] "Share of all provider income that went to lazy, substituting or otherwise cheating providers (neither honest nor noisy nor changing).";
        "dishonest_income_ratio" ["ratio"] "Income of a dishonest provider (neither honest nor noisy nor changing) to that of an honest one: below 1, honesty pays.";
        "copier_dividend_ratio" ["ratio"] "Dividend per stake and period of copying validators to that of honest ones: below 1, verifying pays.";
        "dividends_per_thousand.*" ["coin"] "Dividends of a period for every 1,000 coins of stake, by the behaviour of the validator.";
        "attack_profit_ratio.*" ["ratio"] "Earnings of the groups marked as attackers to those of all others, by role: per stake and period for validators, per node for providers. Below 1, honesty pays.";
        "honest_emission_share" ["share"] "Share of all incentive and dividends that went to members not marked as attackers, where these are both validators and providers.";
        "honest_stake_share" ["share"] "Share of all stake held by members not marked as attackers, mean over periods, as above.";
        "honest_retention" ["ratio"] "Honest share of emission to honest share of stake: from 1 on, those not marked as attackers keep what their stake is worth.";
        "quality_income_correlation" ["rank correlation"] "Spearman's correlation of a provider's hidden quality with its income, mean over subnets.";
        "score_income_correlation" ["rank correlation"] "Spearman's correlation of a provider's mean score with its income, mean over subnets.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_snake_case_and_found_again() {
        for (i, d) in METRICS.iter().enumerate() {
            let base = d.base();
            assert!(
                base.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            );
            assert!(METRICS[..i].iter().all(|other| other.base() != base), "{base}");
            let full = if d.by_class() { format!("{base}.x") } else { base.to_owned() };
            assert_eq!(definition(&full), Some(d));
            assert!(d.meaning.ends_with('.'));
        }
        assert_eq!(definition("jobs_final.x"), None);
        assert_eq!(definition("gini"), None);
        assert_eq!(definition("nonsense"), None);
    }
}
