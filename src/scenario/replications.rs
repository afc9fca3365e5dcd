//! How many replications, and what of them is left out: the keys `replications`, `warmup` and
//! `antithetic`.

use core::fmt;
use std::borrow::Cow;

use reports::analysis::stopping::{HalfWidth, Rule};
use reports::analysis::warmup::Setting;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use sim_types::SimDuration;
use sim_types::units::Share;

use super::raw::Scenario;
use super::resolve::{Metrics, Resolver};
use crate::diagnose::{Code, Diagnostic, quoted};

/// Most replications of one experiment.
const MOST: u32 = 10_000;

/// A number of replications, or a rule for stopping.
#[derive(Debug, Clone)]
pub(crate) enum Replications {
    Fixed(u32),
    Sequential(Sequential),
}

impl Default for Replications {
    fn default() -> Self {
        Self::Fixed(1)
    }
}

/// Replications until a metric is known well enough.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sequential {
    /// Fewest replications, at least 2 (4 with antithetic pairs). Default 10.
    #[serde(default = "ten")]
    pub(crate) min: u32,
    /// Most replications, at least `min` and at most 10,000. Default 200.
    #[serde(default = "two_hundred")]
    pub(crate) max: u32,
    /// When it is enough.
    pub(crate) until: Until,
}

/// When replications are enough.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Until {
    /// The metric that decides, by its full name.
    pub(crate) metric: String,
    /// Half the width that its 95 % interval may have: relative to the mean (`5%`), or in the
    /// metric's unit (`20ms`, `0.5 jobs/s`, `2 TAO`).
    pub(crate) half_width: String,
}

const fn ten() -> u32 {
    10
}

const fn two_hundred() -> u32 {
    200
}

impl<'de> Deserialize<'de> for Replications {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Replications;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a whole number from 1 to 10000, or `{ min: 5, max: 200, until: { metric: …, half_width: 5% } }`",
                )
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Replications, E> {
                // What 32 bits do not hold is out of range like every number above the most.
                Ok(Replications::Fixed(u32::try_from(number).unwrap_or(u32::MAX)))
            }
            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Replications, A::Error> {
                Sequential::deserialize(MapAccessDeserializer::new(access))
                    .map(Replications::Sequential)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Replications {
    fn schema_name() -> Cow<'static, str> {
        "Replications".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<Sequential>();
        json_schema!({
            "description": "A number of replications, or a rule for stopping.",
            "anyOf": [{ "type": "integer", "minimum": 1, "maximum": MOST }, rule],
        })
    }
}

/// What is left out of means: a time, or what MSER-5 finds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WarmUp {
    Fixed(SimDuration),
    Mser5,
}

impl<'de> Deserialize<'de> for WarmUp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = WarmUp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a length of time such as `10min`, or `mser5`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<WarmUp, E> {
                match text.trim() {
                    "mser5" => Ok(WarmUp::Mser5),
                    time if time.starts_with(|c: char| c.is_ascii_digit()) => {
                        time.parse().map(WarmUp::Fixed).map_err(E::custom)
                    }
                    other => Err(E::invalid_value(serde::de::Unexpected::Str(other), &self)),
                }
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<WarmUp, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<WarmUp, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for WarmUp {
    fn schema_name() -> Cow<'static, str> {
        "WarmUp".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let time = generator.subschema_for::<SimDuration>();
        json_schema!({
            "description": "A length of time, or `mser5`.",
            "anyOf": [{ "const": "mser5" }, time],
        })
    }
}

/// What the scenario asks of its replications, resolved.
pub(super) struct Asked {
    /// How many, or the most.
    pub(super) replications: u32,
    pub(super) stopping: Option<Rule>,
    pub(super) warmup: Option<Setting>,
}

/// Checks the three keys.
pub(super) fn resolve(raw: &Scenario, r: &mut Resolver<'_>) -> Asked {
    let warmup = raw.warmup.map(|warmup| match warmup {
        WarmUp::Mser5 => Setting::Mser5,
        WarmUp::Fixed(time) => {
            let most = format!("less than the horizon, {}", raw.horizon);
            if time >= raw.horizon {
                let item = Diagnostic::error(Code::OutOfRange, "`warmup` is out of range")
                    .found(quoted(&time.to_string()))
                    .expected(most);
                r.error("warmup", &["horizon"], item);
            }
            Setting::Fixed(time.0)
        }
    });
    let (replications, stopping) =
        number(&raw.replications, raw.antithetic, &Metrics::of_networks(), r);
    Asked { replications, stopping, warmup }
}

/// How many replications, and when fewer are enough.
pub(super) fn number(
    raw: &Replications,
    antithetic: bool,
    metrics: &Metrics,
    r: &mut Resolver<'_>,
) -> (u32, Option<Rule>) {
    match raw {
        Replications::Fixed(number) => {
            r.unless((1..=MOST).contains(number), "replications", number, "1 to 10000");
            whole_pairs(antithetic, "replications", *number, r);
            (*number, None)
        }
        Replications::Sequential(rule) => (rule.max, sequential(rule, antithetic, metrics, r)),
    }
}

/// Pairs need an even number.
fn whole_pairs(antithetic: bool, path: &str, number: u32, r: &mut Resolver<'_>) {
    if antithetic && number % 2 == 1 {
        let message = format!("{} is odd, but antithetic replications come in pairs", quoted(path));
        let next = number.saturating_add(1);
        let item = Diagnostic::error(Code::Incompatible, message)
            .found(quoted(&number.to_string()))
            .expected("an even number")
            .help(format!("write `{}: {next}`", path.rsplit('.').next().unwrap_or(path)));
        r.error(path, &["antithetic"], item);
    }
}

fn sequential(
    raw: &Sequential,
    antithetic: bool,
    metrics: &Metrics,
    r: &mut Resolver<'_>,
) -> Option<Rule> {
    let fewest = if antithetic { 4 } else { 2 };
    let range = format!("{fewest} to {MOST}: fewer have no interval");
    r.unless((fewest..=MOST).contains(&raw.min), "replications.min", raw.min, &range);
    let range = format!("at least `min`, {}, and at most {MOST}", raw.min);
    r.unless((raw.min..=MOST).contains(&raw.max), "replications.max", raw.max, &range);
    whole_pairs(antithetic, "replications.min", raw.min, r);
    whole_pairs(antithetic, "replications.max", raw.max, r);
    let metric = &raw.until.metric;
    let path = "replications.until.metric";
    let Some(unit) = metrics.unit(metric) else {
        r.unknown(path, "metric", metric, metrics.names());
        return None;
    };
    let half_width = half_width(&raw.until.half_width, &unit, r)?;
    Some(Rule {
        min: raw.min,
        max: raw.max,
        metric: metric.clone(),
        unit,
        half_width,
        written: raw.until.half_width.trim().to_owned(),
    })
}

/// A share of the mean, or a number in the metric's unit.
fn half_width(text: &str, unit: &str, r: &mut Resolver<'_>) -> Option<HalfWidth> {
    let path = "replications.until.half_width";
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, written) = (&text[..end], text[end..].trim());
    let found = if written == "%" {
        text.parse::<Share>().ok().map(|share| HalfWidth::Relative(share.as_f64()))
    } else if unit == "s" {
        text.parse::<SimDuration>().ok().map(|time| HalfWidth::Absolute(time.seconds()))
    } else if written == unit {
        number.parse().ok().filter(|n: &f64| n.is_finite()).map(HalfWidth::Absolute)
    } else {
        None
    };
    let above_zero = |width: &HalfWidth| match width {
        HalfWidth::Relative(w) | HalfWidth::Absolute(w) => *w > 0.0,
    };
    if let Some(width) = found.filter(above_zero) {
        return Some(width);
    }
    let absolute = if unit == "s" { "20ms".to_owned() } else { format!("0.5 {unit}") };
    let item = Diagnostic::error(Code::WrongUnit, format!("{} cannot be read", quoted(path)))
        .found(quoted(text))
        .expected(format!(
            "a share of the mean above 0% and at most 100% (`5%`), or a number above 0 in the metric's unit (`{absolute}`)"
        ));
    let item = if written.is_empty() && !number.is_empty() {
        item.help(format!("write `{number}%` for a share of the mean"))
    } else {
        item
    };
    r.error(path, &["replications.until.metric"], item);
    None
}
