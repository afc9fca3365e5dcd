//! What a provider really does when it is asked to work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::stream::Key;
use sim_types::{ParamError, Share, SimDuration, SimTime, Stream, Truth};

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
    /// Works well where it knows itself watched, and serves users with a smaller model.
    Spoofing {
        /// Share of validators' probes that it recognises, and answers in full.
        recognises: Share,
        /// Work of the small model relative to the one asked for.
        cost: Share,
        /// Quality of the small model's answers.
        quality: Share,
    },
    /// Does the work that was asked for, with a model that it replaces from time to time: the
    /// quality of its answers is drawn anew, evenly between two bounds.
    Changing {
        /// The least quality, 0% to 100%.
        low: Share,
        /// The greatest, at least `low`; default 100%.
        #[serde(default = "full")]
        high: Share,
        /// How long one quality lasts; at least 1s. Providers change at times of their own.
        every: SimDuration,
        /// Whether it publishes metadata on the chain at every change, which may reset bonds
        /// (`reward.yuma.bonds_reset`). Default false.
        #[serde(default)]
        announces: bool,
    },
}

fn full() -> Share {
    Share::ONE
}

/// The circumstances under which a provider is asked to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Whether a validator's probe asks, not a user.
    pub probe: bool,
    /// When.
    pub at: SimTime,
    /// Draws for this job.
    pub stream: Stream,
    /// Names this provider's draws that no job owns.
    pub temper: Key,
}

/// What one job became in a provider's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
            Self::Spoofing { .. } => "spoofing",
            Self::Changing { .. } => "changing",
        }
    }

    /// What this provider does with one job.
    #[must_use]
    pub fn treat(self, asked: Asked) -> Deed {
        let mut stream = asked.stream;
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
            Self::Spoofing { recognises, .. } if asked.probe && stream.chance(recognises) => {
                right(Share::ONE)
            }
            Self::Spoofing { cost, quality, .. } => {
                Deed { truth: Truth::Substituted, work: cost, quality }
            }
            Self::Changing { low, high, every, .. } => right(drawn_anew(low, high, every, asked)),
            Self::Lazy { .. } | Self::Substituting { .. } | Self::Noisy { .. } => right(Share::ONE),
        }
    }

    /// When a provider of this temper next announces a change, after a moment.
    #[must_use]
    pub fn next_announcement(self, temper: Key, after: SimTime) -> Option<SimTime> {
        let Self::Changing { every, announces: true, .. } = self else { return None };
        let phase = phase(temper, every);
        let next = (after.0.saturating_add(phase) / every.0.max(1) + 1).checked_mul(every.0)?;
        Some(SimTime(next - phase))
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// When a provider would do no work at all, so that its jobs would take no time, or when
    /// bounds are no bounds.
    pub fn check(self) -> Result<(), ParamError> {
        match self {
            Self::Lazy { effort, .. } => {
                ParamError::unless(effort > Share::ZERO, "lazy.effort", "0%", "more than 0%")
            }
            Self::Substituting { cost, .. } => {
                ParamError::unless(cost > Share::ZERO, "substituting.cost", "0%", "more than 0%")
            }
            Self::Spoofing { cost, .. } => {
                ParamError::unless(cost > Share::ZERO, "spoofing.cost", "0%", "more than 0%")
            }
            Self::Changing { low, high, every, .. } => {
                let percent = |share: Share| format!("{}%", f64::from(share.ppm()) / 1e4);
                ParamError::unless(low <= high, "changing.high", percent(high), "at least `low`")?;
                let lasts = every >= SimDuration::from_secs(1);
                ParamError::unless(lasts, "changing.every", every, "at least 1s")
            }
            Self::Honest { .. } | Self::Noisy { .. } => Ok(()),
        }
    }
}

/// How long before the start the quality of the start was drawn.
fn phase(temper: Key, every: SimDuration) -> u64 {
    /// No run has so many changes.
    const OCCASION: u64 = u64::MAX;
    Stream::new(temper, OCCASION).below(every.0)
}

/// The quality that holds now.
fn drawn_anew(low: Share, high: Share, every: SimDuration, asked: Asked) -> Share {
    let changes = asked.at.0.saturating_add(phase(asked.temper, every)) / every.0.max(1);
    let width = u64::from(high.ppb().saturating_sub(low.ppb()));
    let above = Stream::new(asked.temper, changes).below(width + 1);
    let ppb = u32::try_from(u64::from(low.ppb()) + above).unwrap_or(u32::MAX);
    Share::from_ppb(ppb).unwrap_or(Share::ONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Share = Share::percent(50);
    const TENTH: Share = Share::percent(10);

    /// A user's job, or a probe, on an occasion of its own.
    fn asked(probe: bool, event: u64) -> Asked {
        let stream = Stream::new(6, event);
        Asked { probe, at: SimTime(event), stream, temper: Key::from(8) }
    }

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
                let got = behaviour.treat(asked(false, event));
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
                    let truth = behaviour.treat(asked(false, event)).truth;
                    assert_eq!(truth != Truth::Right, wrong, "{behaviour:?}");
                }
            }
        }
    }

    /// A spoofer passes as many probes as it recognises, and no user ever gets its best: 20,000
    /// of each, within five standard deviations.
    #[test]
    fn spoofers_work_where_they_are_watched() {
        let recognises = Share::percent(90);
        let spoofer = Behaviour::Spoofing { recognises, cost: TENTH, quality: HALF };
        let small = Deed { truth: Truth::Substituted, work: TENTH, quality: HALF };
        let full = Deed { truth: Truth::Right, work: Share::ONE, quality: Share::ONE };
        let mut passed = 0_i32;
        for event in 0..20_000 {
            assert_eq!(spoofer.treat(asked(false, event)), small);
            match spoofer.treat(asked(true, event)) {
                deed if deed == full => passed += 1,
                deed => assert_eq!(deed, small),
            }
        }
        assert!((passed - 18_000).abs() < 213, "{passed}");
    }

    /// Quality holds for as long as stated, changes at every provider's own time, and is
    /// uniform: 4,000 values of [0.4, 1], mean within five standard errors of 0.7.
    #[test]
    fn qualities_last_and_are_drawn_evenly() {
        let every = SimDuration(1_000);
        let (low, high) = (Share::percent(40), Share::ONE);
        let behaviour = Behaviour::Changing { low, high, every, announces: true };
        let quality = |at: u64, provider: u64| {
            let temper = Key::from(provider);
            behaviour.treat(Asked { at: SimTime(at), temper, ..asked(false, at) }).quality
        };
        let changes = |provider: u64| -> Vec<u64> {
            (1..5_000).filter(|&at| quality(at, provider) != quality(at - 1, provider)).collect()
        };
        let (one, other) = (changes(1), changes(2));
        for times in [&one, &other] {
            assert!(times.len() >= 4);
            assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 1_000), "{times:?}");
        }
        let announced = |after| behaviour.next_announcement(Key::from(1), SimTime(after));
        assert_eq!(announced(one[0] - 1), Some(SimTime(one[0])));
        assert_eq!(announced(one[0]), Some(SimTime(one[1])));
        let silent = Behaviour::Changing { low, high, every, announces: false };
        assert_eq!(silent.next_announcement(Key::from(1), SimTime(0)), None);
        assert_ne!(one[0], other[0]);
        let values: Vec<f64> = (0..4_000).map(|k| quality(k * 1_000, 3).as_f64()).collect();
        let mean = values.iter().sum::<f64>() / 4_000.0;
        assert!((mean - 0.7).abs() < 5.0 * 0.6 / 12.0_f64.sqrt() / 4_000.0_f64.sqrt(), "{mean}");
        assert!(values.iter().all(|v| (0.4..=1.0).contains(v)));
    }

    #[test]
    fn work_that_takes_no_time_is_refused() {
        let table = [
            (Behaviour::Lazy { rate: HALF, effort: Share::ZERO }, Some("lazy.effort")),
            (
                Behaviour::Substituting { rate: HALF, cost: Share::ZERO, quality: HALF },
                Some("substituting.cost"),
            ),
            (
                Behaviour::Spoofing { recognises: HALF, cost: Share::ZERO, quality: HALF },
                Some("spoofing.cost"),
            ),
            (
                Behaviour::Changing {
                    low: HALF,
                    high: TENTH,
                    every: SimDuration(1),
                    announces: false,
                },
                Some("changing.high"),
            ),
            (
                Behaviour::Changing {
                    low: HALF,
                    high: HALF,
                    every: SimDuration(0),
                    announces: false,
                },
                Some("changing.every"),
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
            Behaviour::Spoofing { recognises: TENTH, cost: TENTH, quality: HALF },
            Behaviour::Changing { low: TENTH, high: HALF, every: SimDuration(1), announces: false },
        ] {
            let written = serde_json::to_value(behaviour).unwrap();
            assert_eq!(written.as_object().unwrap().keys().next().unwrap(), behaviour.word());
            assert_eq!(serde_json::from_value::<Behaviour>(written).unwrap(), behaviour);
        }
        let plain = serde_json::json!({ "honest": {} });
        assert_eq!(serde_json::from_value::<Behaviour>(plain).unwrap(), Behaviour::default());
    }
}
