//! What a provider really does when it is asked to work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{ParamError, Share, Stream, Truth};

/// How a provider treats its jobs. The order is stored in traces: append only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Behaviour {
    /// Does the work that was asked for.
    Honest {
        /// Quality of its answers, 0% to 100%; default 100%.
        #[serde(default = "full")]
        quality: Share,
    },
    /// Cuts some of its work short.
    Lazy {
        /// Share of jobs it cuts short.
        rate: Share,
        /// Share of the work it still does on those.
        effort: Share,
    },
    /// Answers some jobs with a smaller model.
    Substituting {
        /// Share of jobs so answered.
        rate: Share,
        /// Work of the small model relative to the one asked for.
        cost: Share,
        /// Quality of the small model's answers.
        quality: Share,
    },
    /// Means well but errs.
    Noisy {
        /// Share of answers that come out wrong.
        error_rate: Share,
    },
}

fn full() -> Share {
    Share::ONE
}

/// What one job became in a provider's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed {
    /// The hidden truth.
    pub truth: Truth,
    /// Share of the asked work that is really done: scales the time it takes.
    pub work: Share,
    /// Hidden quality of the answer.
    pub quality: Share,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::Honest { quality: Share::ONE }
    }
}

impl Behaviour {
    /// The word used in traces and reports.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Honest { .. } => "honest",
            Self::Lazy { .. } => "lazy",
            Self::Substituting { .. } => "substituting",
            Self::Noisy { .. } => "noisy",
        }
    }

    /// What this provider does with one job, drawn from that job's stream.
    #[must_use]
    pub fn treat(self, mut stream: Stream) -> Deed {
        let right = |quality| Deed { truth: Truth::Right, work: Share::ONE, quality };
        match self {
            Self::Honest { quality } => right(quality),
            Self::Lazy { rate, effort } if stream.chance(rate) => {
                // An answer cut short is worth what was done of it.
                Deed { truth: Truth::Lazy, work: effort, quality: effort }
            }
            Self::Substituting { rate, cost, quality } if stream.chance(rate) => {
                Deed { truth: Truth::Substituted, work: cost, quality }
            }
            Self::Noisy { error_rate } if stream.chance(error_rate) => {
                Deed { truth: Truth::Noisy, work: Share::ONE, quality: Share::ZERO }
            }
            Self::Lazy { .. } | Self::Substituting { .. } | Self::Noisy { .. } => right(Share::ONE),
        }
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// When a provider would do no work at all: its jobs would take no time.
    pub fn check(self) -> Result<(), ParamError> {
        match self {
            Self::Lazy { effort, .. } => {
                ParamError::unless(effort > Share::ZERO, "lazy.effort", "0%", "more than 0%")
            }
            Self::Substituting { cost, .. } => {
                ParamError::unless(cost > Share::ZERO, "substituting.cost", "0%", "more than 0%")
            }
            Self::Honest { .. } | Self::Noisy { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Share = Share::percent(50);
    const TENTH: Share = Share::percent(10);

    /// Each behaviour's exception and how often it happens, of 20,000 jobs: within five
    /// standard deviations (at most 355).
    #[test]
    fn exceptions_are_as_frequent_as_stated_and_the_rest_is_right() {
        let deed = |truth, work, quality| Deed { truth, work, quality };
        let table = [
            (
                Behaviour::Honest { quality: HALF },
                0,
                deed(Truth::Right, Share::ONE, HALF),
                deed(Truth::Right, Share::ONE, HALF),
            ),
            (
                Behaviour::Lazy { rate: HALF, effort: TENTH },
                10_000,
                deed(Truth::Lazy, TENTH, TENTH),
                deed(Truth::Right, Share::ONE, Share::ONE),
            ),
            (
                Behaviour::Substituting { rate: TENTH, cost: TENTH, quality: HALF },
                2_000,
                deed(Truth::Substituted, TENTH, HALF),
                deed(Truth::Right, Share::ONE, Share::ONE),
            ),
            (
                Behaviour::Noisy { error_rate: TENTH },
                2_000,
                deed(Truth::Noisy, Share::ONE, Share::ZERO),
                deed(Truth::Right, Share::ONE, Share::ONE),
            ),
        ];
        for (behaviour, often, exception, rule) in table {
            let mut seen = 0_i32;
            for event in 0..20_000 {
                let got = behaviour.treat(Stream::new(6, event));
                if got.truth == Truth::Right {
                    assert_eq!(got, rule, "{behaviour:?}");
                } else {
                    assert_eq!(got, exception, "{behaviour:?}");
                    seen += 1;
                }
            }
            assert!((seen - often).abs() < 355, "{behaviour:?}: {seen}");
        }
    }

    #[test]
    fn rates_of_nothing_and_everything_are_certain() {
        for (rate, wrong) in [(Share::ZERO, false), (Share::ONE, true)] {
            for behaviour in [
                Behaviour::Lazy { rate, effort: HALF },
                Behaviour::Substituting { rate, cost: HALF, quality: HALF },
                Behaviour::Noisy { error_rate: rate },
            ] {
                for event in 0..100 {
                    let truth = behaviour.treat(Stream::new(7, event)).truth;
                    assert_eq!(truth != Truth::Right, wrong, "{behaviour:?}");
                }
            }
        }
    }

    #[test]
    fn work_that_takes_no_time_is_refused() {
        let table = [
            (Behaviour::Lazy { rate: HALF, effort: Share::ZERO }, Some("lazy.effort")),
            (
                Behaviour::Substituting { rate: HALF, cost: Share::ZERO, quality: HALF },
                Some("substituting.cost"),
            ),
            (Behaviour::Lazy { rate: HALF, effort: TENTH }, None),
            (Behaviour::Honest { quality: Share::ZERO }, None),
            (Behaviour::Noisy { error_rate: Share::ONE }, None),
        ];
        for (behaviour, field) in table {
            assert_eq!(behaviour.check().err().map(|e| e.field), field, "{behaviour:?}");
        }
    }

    #[test]
    fn a_scenario_writes_them_by_their_word() {
        for behaviour in [
            Behaviour::default(),
            Behaviour::Lazy { rate: HALF, effort: TENTH },
            Behaviour::Substituting { rate: HALF, cost: TENTH, quality: HALF },
            Behaviour::Noisy { error_rate: TENTH },
        ] {
            let written = serde_json::to_value(behaviour).unwrap();
            assert_eq!(written.as_object().unwrap().keys().next().unwrap(), behaviour.word());
            assert_eq!(serde_json::from_value::<Behaviour>(written).unwrap(), behaviour);
        }
        let plain = serde_json::json!({ "honest": {} });
        assert_eq!(serde_json::from_value::<Behaviour>(plain).unwrap(), Behaviour::default());
    }
}
