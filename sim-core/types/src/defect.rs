//! Defects built in on purpose, to prove that checks find them.
//!
//! A place that carries one is written `seeded!(Name, wrong, right)`. Without the feature
//! `seeded-defects` that is `right` and nothing else: the wrong expression is not even compiled.
//! With it, the environment variable `ARABLE_DEFECT` names the one defect of the process.

/// `wrong` where the named defect is switched on, otherwise `right`.
#[cfg(feature = "seeded-defects")]
#[macro_export]
macro_rules! seeded {
    ($name:ident, $wrong:expr, $right:expr) => {
        if $crate::defect::is($crate::defect::Defect::$name) { $wrong } else { $right }
    };
}

/// The last of its arguments: this build has no defects to switch on.
#[cfg(not(feature = "seeded-defects"))]
#[macro_export]
macro_rules! seeded {
    ($name:ident, $wrong:expr, $right:expr) => {{ $right }};
}

#[cfg(feature = "seeded-defects")]
pub use list::{ALL, Defect, is};

#[cfg(feature = "seeded-defects")]
mod list {
    use std::sync::LazyLock;

    macro_rules! defects {
        ($($variant:ident $name:literal $what:literal;)*) => {
            /// What can be wrong.
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub enum Defect { $(#[doc = $what] $variant,)* }

            /// Every defect with its name in `ARABLE_DEFECT` and what it does.
            pub const ALL: &[(Defect, &str, &str)] = &[$((Defect::$variant, $name, $what),)*];
        };
    }

    defects! {
        DroppedPayout "dropped-payout" "Proportional reward: the last member's pay is withheld.";
        QuorumOffByOne "quorum-off-by-one" "Redundancy: a job is judged one answer too early.";
        ChangedTieRule "changed-tie-rule" "Redundancy: of equal majorities the highest fingerprint wins.";
        SwappedIndex "swapped-index" "Proportional reward: two neighbours' stakes are reported for each other.";
        WrongRounding "wrong-rounding" "Moving average: weights are rounded down instead of to the nearest.";
        LostMessage "lost-message" "Network: one message in about five hundred is lost.";
        SlowerLoop "slower-loop" "Engine: every event costs about 15 % more instructions.";
        DustToTheLast "dust-to-the-last" "Exact split: units left over go to the last of equal remainders.";
        PriceRoundedUp "price-rounded-up" "Market: a job's price is rounded up.";
        EarlyFinality "early-finality" "Settlement: blocks are final one block early.";
        NewestFirst "newest-first" "Settlement: a block takes the newest transactions.";
        MajorityOfLess "majority-of-less" "Yuma: consensus asks for 1.6 % of stake less than the majority.";
        BondsSwapped "bonds-swapped" "Yuma: old and new bonds change places in the moving average.";
        OwnWeightCounts "own-weight-counts" "Yuma: a validator's weight on itself counts.";
        BackoffForgotten "backoff-forgotten" "Network: the wait for a lost message does not double.";
        BusiestChosen "busiest-chosen" "Market: a customer takes the busiest offer it sees.";
        ErrorsExchanged "errors-exchanged" "Spot checks: false alarms and misses change places.";
        StakeIgnored "stake-ignored" "Market: users draw validators evenly.";
        GapTruncated "gap-truncated" "Demand: gaps between jobs are cut to whole milliseconds.";
        MemoryForgotten "memory-forgotten" "Execution: reading the weights costs nothing.";
        RankOffByOne "rank-off-by-one" "Reports: percentiles take the next rank.";
        PoolDriftsDown "pool-drifts-down" "Pools: every purchase pays out one part in ten thousand less.";
        RegistrationTooCheap "registration-too-cheap" "Registration: the price of a place rises by half as much.";
        AnswerUnpaid "answer-unpaid" "Host: one final job in a hundred is paid back to its user.";
    }

    /// Read once: a process has one defect for its whole life.
    static ACTIVE: LazyLock<Option<Defect>> = LazyLock::new(|| {
        #[allow(clippy::disallowed_methods, reason = "the switch of a build for tests")]
        let name = std::env::var("ARABLE_DEFECT").ok().filter(|name| !name.is_empty())?;
        let found = ALL.iter().find(|(_, known, _)| *known == name);
        let known: Vec<&str> = ALL.iter().map(|(_, known, _)| *known).collect();
        Some(found.unwrap_or_else(|| panic!("no defect is called `{name}`: {known:?}")).0)
    });

    /// Whether this is the defect of the process.
    #[inline]
    pub fn is(defect: Defect) -> bool {
        *ACTIVE == Some(defect)
    }
}
