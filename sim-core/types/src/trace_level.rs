//! How much of a run its trace keeps.
//!
//! The level decides which rows are written, never what happens: the events, and so their
//! digest, are the same at every level. What each table keeps at which level stands beside
//! its columns in [`crate::record`], as a [`Detail`].
//!
//! A sample is drawn by a hash of the job's name, never from a random stream: the same jobs
//! are kept in every table, so that they join; in every replication and every design of a
//! comparison, so that they can be paired; and whatever 1 in 64 keeps, 1 in 8 keeps as well.

use core::fmt;
use core::num::NonZeroU32;
use core::str::FromStr;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::philox::philox4x32_10;

/// How much of a run its trace keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceLevel {
    /// No table: only what the engine counts, and the event digest.
    Off,
    /// The tables that grow with time and members: blocks, epochs, load, nodes, faults, and
    /// the payouts of periods.
    Summary,
    /// Beside those, whatever concerns one job in so many, chosen by a hash of its name.
    Sampled(OneIn),
    /// Every row.
    #[default]
    Full,
}

/// A share of the jobs with numerator one, written `1/64`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OneIn(pub NonZeroU32);

/// What a table keeps at the levels between `off` and `full`, where it is absent and whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Every row from `summary` on.
    Whole,
    /// Every row belongs to a job: none at `summary`, where the table is absent, and those of
    /// the sampled jobs at `sampled`.
    OfJobs,
    /// Rows that belong to a job follow it, as in [`Detail::OfJobs`]; the others are kept from
    /// `summary` on.
    PartlyOfJobs,
}

impl TraceLevel {
    /// Whether every row is kept.
    #[must_use]
    pub fn is_full(&self) -> bool {
        *self == Self::Full
    }

    /// Whether a table of this kind exists at all.
    #[must_use]
    pub fn keeps_table(self, detail: Detail) -> bool {
        match self {
            Self::Off => false,
            Self::Summary => detail != Detail::OfJobs,
            Self::Sampled(_) | Self::Full => true,
        }
    }

    /// Whether a row that belongs to this job, or to none, is kept.
    #[must_use]
    #[inline]
    pub fn keeps_row(self, job: Option<u64>) -> bool {
        match (self, job) {
            (Self::Full, _) | (Self::Summary | Self::Sampled(_), None) => true,
            (Self::Sampled(one_in), Some(job)) => one_in.keeps(job),
            (Self::Summary, Some(_)) | (Self::Off, _) => false,
        }
    }
}

impl OneIn {
    /// Whether a job is in the sample.
    #[must_use]
    #[inline]
    pub fn keeps(self, job: u64) -> bool {
        job_hash(job) <= u64::MAX / u64::from(self.0.get())
    }
}

/// The hash by which jobs are sampled: 64 bits of Philox4x32-10 at the job's name, under a key
/// of its own. Uniform, and unrelated to anything that a run draws.
#[must_use]
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves of a name")]
pub fn job_hash(job: u64) -> u64 {
    const KEY: [u32; 2] = [u32::from_le_bytes(*b"samp"), u32::from_le_bytes(*b"leof")];
    let [low, high, ..] = philox4x32_10([job as u32, (job >> 32) as u32, 0, 0], KEY);
    u64::from(high) << 32 | u64::from(low)
}

/// What `sampled` without a number keeps on the command line: one job in 64.
pub const USUAL_SAMPLE: OneIn = OneIn(NonZeroU32::new(64).expect("64 is not zero"));

/// A text that names no level, or no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found `{found}`, expected {expected}")]
pub struct NotALevel {
    /// As written.
    pub found: String,
    /// What would be right.
    pub expected: &'static str,
}

impl FromStr for OneIn {
    type Err = NotALevel;
    fn from_str(text: &str) -> Result<Self, NotALevel> {
        let number = text.trim().strip_prefix("1/").and_then(|n| n.trim().parse().ok());
        number.map(Self).ok_or_else(|| NotALevel {
            found: text.to_owned(),
            expected: "one job in so many, such as `1/64`",
        })
    }
}

impl fmt::Display for OneIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1/{}", self.0)
    }
}

/// As on the command line: `off`, `summary`, `sampled`, `sampled:1/64`, `full`.
impl FromStr for TraceLevel {
    type Err = NotALevel;
    fn from_str(text: &str) -> Result<Self, NotALevel> {
        let wrong = || NotALevel {
            found: text.to_owned(),
            expected: "`off`, `summary`, `sampled`, `sampled:1/64` or `full`",
        };
        match text.split_once(':') {
            None => match text {
                "off" => Ok(Self::Off),
                "summary" => Ok(Self::Summary),
                "sampled" => Ok(Self::Sampled(USUAL_SAMPLE)),
                "full" => Ok(Self::Full),
                _ => Err(wrong()),
            },
            Some(("sampled", share)) => share.parse().map(Self::Sampled).map_err(|_| wrong()),
            Some(_) => Err(wrong()),
        }
    }
}

impl fmt::Display for TraceLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::Summary => f.write_str("summary"),
            Self::Sampled(one_in) => write!(f, "sampled:{one_in}"),
            Self::Full => f.write_str("full"),
        }
    }
}

impl Serialize for OneIn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OneIn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl de::Visitor<'_> for Written {
            type Value = OneIn;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("one job in so many, such as `1/64`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<OneIn, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Written)
    }
}

impl JsonSchema for OneIn {
    fn schema_name() -> Cow<'static, str> {
        "OneIn".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "One in so many: `1/64`.",
            "pattern": "^1/ *[0-9]+$",
            "examples": ["1/64"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one_in(n: u32) -> OneIn {
        OneIn(NonZeroU32::new(n).expect("above 0"))
    }

    #[test]
    fn levels_read_back_as_they_are_written() {
        let table = [
            ("off", Some(TraceLevel::Off)),
            ("summary", Some(TraceLevel::Summary)),
            ("sampled:1/8", Some(TraceLevel::Sampled(one_in(8)))),
            ("full", Some(TraceLevel::Full)),
            ("sampled:1/0", None),
            ("sampled:2/8", None),
            ("sampled:8", None),
            ("summary:1/8", None),
            ("all", None),
            ("", None),
        ];
        for (text, want) in table {
            assert_eq!(text.parse().ok(), want, "{text}");
            if let Some(level) = want {
                assert_eq!(level.to_string(), text);
                let json = serde_json::to_string(&level).expect("serialises");
                assert_eq!(serde_json::from_str::<TraceLevel>(&json).expect("reads"), level);
            }
        }
        assert_eq!("sampled".parse(), Ok(TraceLevel::Sampled(one_in(64))));
    }

    /// Four standard deviations of a binomial count around its mean.
    #[test]
    fn a_sample_holds_its_share_of_the_jobs_of_any_source() {
        for source in [0_u64, 1, 77, 1 << 20] {
            for n in [1, 2, 8, 64] {
                let kept = (0..64_000).filter(|i| one_in(n).keeps(source << 32 | i)).count();
                let share = 1.0 / f64::from(n);
                let wide = 4.0 * (64_000.0 * share * (1.0 - share)).sqrt();
                let kept = f64::from(u32::try_from(kept).expect("small"));
                assert!((kept - 64_000.0 * share).abs() <= wide, "{source} 1/{n}: {kept}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_smaller_sample_is_part_of_a_larger_one(job: u64, a in 1_u32.., b in 1_u32..) {
            let (small, large) = (one_in(a.max(b)), one_in(a.min(b)));
            prop_assert!(!small.keeps(job) || large.keeps(job));
            prop_assert!(one_in(1).keeps(job));
        }

        #[test]
        fn rows_without_a_job_are_kept_wherever_there_are_rows(job: u64, n in 1_u32..) {
            let sampled = TraceLevel::Sampled(one_in(n));
            for level in [TraceLevel::Summary, sampled, TraceLevel::Full] {
                prop_assert!(level.keeps_row(None));
            }
            prop_assert!(!TraceLevel::Off.keeps_row(None));
            prop_assert!(!TraceLevel::Summary.keeps_row(Some(job)));
            prop_assert!(TraceLevel::Full.keeps_row(Some(job)));
        }
    }
}
