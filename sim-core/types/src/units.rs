//! How quantities are written in a scenario: a number and its unit, in one string.
//!
//! | type | written | stored as |
//! |---|---|---|
//! | [`SimDuration`] | `12s`, `1.5h`, `250ms` (ns us ms s min h d) | nanoseconds |
//! | [`Share`] | `5%`, `120ppm`, `0.3` (0 to 1) | parts per billion |
//! | [`Bandwidth`] | `200Mbit`, `10Gbit` (per second; kbit Mbit Gbit) | bits per second |
//! | [`Bytes`] | `512B`, `4kB`, `1MiB` (B kB MB GB KiB MiB GiB) | bytes |
//! | [`Amount`] | `0.5 TAO`, `12 rao` | the chain's smallest unit |
//! | [`Usd`] | `312.50 USD` | millionths of a dollar |
//!
//! Decimal fractions are exact: `0.1 TAO` is 100,000,000 rao, and a fraction finer than the
//! smallest unit is an error, not a rounding. Binary formats store the number itself.

use core::fmt;
use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::money::Amount;
use crate::time::SimDuration;

/// A share between 0 and 1 in parts per billion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Share(u32);

impl Share {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ONE: Self = Self(1_000_000_000);

    /// From parts per billion, at most [`Share::ONE`].
    #[must_use]
    pub const fn from_ppb(ppb: u32) -> Option<Self> {
        if ppb <= Self::ONE.0 { Some(Self(ppb)) } else { None }
    }

    /// From percent: `Share::percent(18)`. More than 100 is 100.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        if percent > 100 { Self::ONE } else { Self(percent * 10_000_000) }
    }

    /// Parts per billion.
    #[must_use]
    pub const fn ppb(self) -> u32 {
        self.0
    }

    /// Parts per million, truncated.
    #[must_use]
    pub const fn ppm(self) -> u32 {
        self.0 / 1_000
    }

    /// The floor of `self` of `amount`.
    #[must_use]
    pub fn of(self, amount: Amount) -> Amount {
        let one = u128::from(Self::ONE.0);
        let (whole, rest) = (amount.0 / one, amount.0 % one);
        Amount(whole * u128::from(self.0) + rest * u128::from(self.0) / one)
    }

    /// As a number between 0 and 1.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE.0)
    }
}

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bandwidth(pub u64);

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub u64);

/// US dollars in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(pub u64);

/// The coins that amounts may be written in: name, and smallest units in one.
pub const COINS: [(&str, u128); 2] = [("TAO", 1_000_000_000), ("rao", 1)];

const DURATIONS: [(&str, u128); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];
const SHARES: [(&str, u128); 4] =
    [("%", 10_000_000), ("", 1_000_000_000), ("ppm", 1_000), ("ppb", 1)];
const BANDWIDTHS: [(&str, u128); 4] =
    [("bit", 1), ("kbit", 1_000), ("Mbit", 1_000_000), ("Gbit", 1_000_000_000)];
const SIZES: [(&str, u128); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
const DOLLARS: [(&str, u128); 1] = [("USD", 1_000_000)];

/// Why a quantity could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a decimal number at the front.
    #[error("found `{found}`, expected a number and a unit such as `{example}`")]
    NotANumber {
        /// The text as written.
        found: String,
        /// What would be right.
        example: &'static str,
    },
    /// A number without a unit, or with one of another kind.
    #[error("found unit `{unit}` in `{found}`, expected one of {known}")]
    UnknownUnit {
        /// The text as written.
        found: String,
        /// The unit in it.
        unit: String,
        /// Units of this quantity.
        known: String,
    },
    /// A fraction finer than the smallest unit.
    #[error("`{found}` is finer than the smallest unit")]
    TooFine {
        /// The text as written.
        found: String,
    },
    /// Beyond the range of the quantity.
    #[error("`{found}` is out of range, expected {range}")]
    OutOfRange {
        /// The text as written.
        found: String,
        /// What fits.
        range: &'static str,
    },
}

/// Reads `text` as a decimal number times one of `units`, exactly.
fn parse(text: &str, units: &[(&str, u128)], example: &'static str) -> Result<u128, UnitError> {
    let found = || text.to_owned();
    let not_a_number = || UnitError::NotANumber { found: found(), example };
    let trimmed = text.trim();
    let end = trimmed
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end);
    let number: String = number.chars().filter(|&c| c != '_').collect();
    let unit = unit.trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if whole.is_empty() || fraction.contains('.') || (number.contains('.') && fraction.is_empty()) {
        return Err(not_a_number());
    }
    let &(_, size) = units.iter().find(|&&(name, _)| name == unit).ok_or_else(|| {
        let known: Vec<_> =
            units.iter().filter(|(n, _)| !n.is_empty()).map(|(n, _)| format!("`{n}`")).collect();
        UnitError::UnknownUnit { found: found(), unit: unit.to_owned(), known: known.join(", ") }
    })?;
    let too_big = || UnitError::OutOfRange { found: found(), range: "a smaller number" };
    let fraction = fraction.trim_end_matches('0');
    let scale = u32::try_from(fraction.len())
        .ok()
        .and_then(|places| 10_u128.checked_pow(places))
        .ok_or_else(|| UnitError::TooFine { found: found() })?;
    let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| too_big())?;
    let product = digits.checked_mul(size).ok_or_else(too_big)?;
    if product % scale != 0 {
        return Err(UnitError::TooFine { found: found() });
    }
    Ok(product / scale)
}

macro_rules! written {
    ($name:ident, $units:expr, $example:literal, $range:literal, $doc:literal,
     $from:expr, $to:expr) => {
        impl core::str::FromStr for $name {
            type Err = UnitError;
            fn from_str(text: &str) -> Result<Self, UnitError> {
                let value = parse(text, &$units, $example)?;
                ($from)(value)
                    .ok_or_else(|| UnitError::OutOfRange { found: text.to_owned(), range: $range })
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": ["string", "number"], "description": $doc, "examples": [$example] })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if !serializer.is_human_readable() {
                    return self.0.serialize(serializer);
                }
                serializer.collect_str(&($to)(self))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Written;
                impl de::Visitor<'_> for Written {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "a quantity such as `{}`", $example)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                    fn visit_f64<E: de::Error>(self, number: f64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }
                    fn visit_u64<E: de::Error>(self, number: u64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }
                    fn visit_i64<E: de::Error>(self, number: i64) -> Result<$name, E> {
                        self.visit_str(&number.to_string())
                    }
                }
                if !deserializer.is_human_readable() {
                    return Deserialize::deserialize(deserializer).map($name);
                }
                deserializer.deserialize_any(Written)
            }
        }
    };
}

written!(
    Share,
    SHARES,
    "5%",
    "0% to 100%",
    "A share: percent (`5%`), `120ppm`, or a number from 0 to 1.",
    |v: u128| u32::try_from(v).ok().and_then(Share::from_ppb),
    |s: &Share| decimal(u128::from(s.0), 10_000_000, "%")
);
written!(
    Bandwidth,
    BANDWIDTHS,
    "200Mbit",
    "below 2^64 bit/s",
    "Bits per second: `200Mbit`, `10Gbit`.",
    |v| u64::try_from(v).ok().map(Bandwidth),
    |b: &Bandwidth| format!("{}bit", b.0)
);
written!(
    Bytes,
    SIZES,
    "4kB",
    "below 2^64 bytes",
    "A size: `512B`, `4kB`, `1MiB`.",
    |v| u64::try_from(v).ok().map(Bytes),
    |b: &Bytes| format!("{}B", b.0)
);
written!(
    Usd,
    DOLLARS,
    "312.50 USD",
    "below 2^64 millionths",
    "US dollars: `312.50 USD`.",
    |v| u64::try_from(v).ok().map(Usd),
    |u: &Usd| decimal(u128::from(u.0), 1_000_000, " USD")
);
written!(
    Amount,
    COINS,
    "0.5 TAO",
    "below 2^128",
    "Money: `0.5 TAO`, `12 rao`.",
    |v| Some(Amount(v)),
    |a: &Amount| decimal(a.0, 1_000_000_000, " TAO")
);
written!(
    SimDuration,
    DURATIONS,
    "12s",
    "at most 584 years",
    "A length of time: `12s`, `1.5h`, `250ms`.",
    |v| u64::try_from(v).ok().map(SimDuration),
    |d: &SimDuration| d.to_string()
);

/// `value / unit` as an exact decimal followed by `suffix`; `unit` is a power of ten.
fn decimal(value: u128, unit: u128, suffix: &str) -> String {
    let places = unit.ilog10() as usize;
    let fraction = format!("{:0places$}", value % unit);
    let fraction = fraction.trim_end_matches('0');
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{}{dot}{fraction}{suffix}", value / unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantities_read_exactly_or_say_why_not() {
        let duration = |text: &str| text.parse::<SimDuration>().map(|d| d.0);
        assert_eq!(duration("12s"), Ok(12_000_000_000));
        assert_eq!(duration("1.5h"), Ok(5_400_000_000_000));
        assert_eq!("0.1 TAO".parse(), Ok(Amount(100_000_000)));
        assert_eq!("5%".parse(), Ok(Share::percent(5)));
        assert_eq!("0.0504%".parse::<Share>().map(Share::ppb), Ok(504_000));
        assert_eq!("200Mbit".parse(), Ok(Bandwidth(200_000_000)));
        assert!(matches!(duration("12"), Err(UnitError::UnknownUnit { .. })));
        assert!(matches!(duration("12 TAO"), Err(UnitError::UnknownUnit { .. })));
        assert!(matches!(duration("-1s"), Err(UnitError::NotANumber { .. })));
        assert!(matches!(duration("s"), Err(UnitError::NotANumber { .. })));
        assert!(matches!(duration("1.5ns"), Err(UnitError::TooFine { .. })));
        assert!(matches!("140%".parse::<Share>(), Err(UnitError::OutOfRange { .. })));
        assert!(matches!(duration(&"9".repeat(60)), Err(UnitError::UnknownUnit { .. })));
        assert!(matches!(
            duration(&format!("{}d", "9".repeat(60))),
            Err(UnitError::OutOfRange { .. })
        ));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(a in any::<u64>(), d in any::<u64>(), s in 0..=1_000_000_000_u32) {
            let amount = Amount(a.into());
            prop_assert_eq!(decimal(amount.0, 1_000_000_000, " TAO").parse(), Ok(amount));
            prop_assert_eq!(SimDuration(d).to_string().parse(), Ok(SimDuration(d)));
            let share = Share::from_ppb(s).expect("in range");
            prop_assert_eq!(decimal(s.into(), 10_000_000, "%").parse(), Ok(share));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<SimDuration>();
            let _ = text.parse::<Amount>();
        }
    }
}
