//! Numbers with units, as text: `0.1`, `30%`, `12s`, `0.5 TAO`.

use sim_types::math;

/// A number and the unit behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantity {
    /// The number, finite.
    pub number: f64,
    /// The unit; empty for a plain number.
    pub unit: String,
    /// The unit with the space before it, as it was written.
    suffix: String,
}

impl Quantity {
    /// Reads a number with or without a unit; `None` if the text is neither.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let bytes = text.as_bytes();
        let mut end = 0;
        while let Some(byte) = bytes.get(end) {
            let number = match byte {
                b'0'..=b'9' | b'.' | b'_' => true,
                b'+' | b'-' => end == 0 || matches!(bytes[end - 1], b'e' | b'E'),
                b'e' | b'E' => {
                    let sign = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
                    bytes.get(end + 1 + usize::from(sign)).is_some_and(u8::is_ascii_digit)
                }
                _ => false,
            };
            if !number {
                break;
            }
            end += 1;
        }
        let (number, suffix) = text.split_at(end);
        let number: f64 = number.replace('_', "").parse().ok()?;
        let unit = suffix.trim();
        let is_unit = unit.chars().all(|c| c.is_alphabetic() || matches!(c, '%' | '/' | '$'));
        (number.is_finite() && is_unit).then(|| Self {
            number,
            unit: unit.to_owned(),
            suffix: suffix.to_owned(),
        })
    }
}

/// An interval to take values from.
#[derive(Debug, Clone, PartialEq)]
pub struct Range {
    from: Quantity,
    to: Quantity,
    /// Whether equal steps are equal ratios.
    log: bool,
    /// Whether only whole numbers will do.
    whole: bool,
}

impl Range {
    /// An interval; the reason if there is none such.
    ///
    /// # Errors
    /// When the ends have different units, are equal, or have no logarithm.
    pub fn new(from: Quantity, to: Quantity, log: bool, whole: bool) -> Result<Self, &'static str> {
        if from.unit != to.unit {
            return Err("`from` and `to` in the same unit");
        }
        if from.number >= to.number {
            return Err("`from` below `to`");
        }
        if log && from.number <= 0.0 {
            return Err("ends above 0 for a logarithmic scale");
        }
        if whole && (from.number.fract() != 0.0 || to.number.fract() != 0.0) {
            return Err("whole numbers at both ends");
        }
        Ok(Self { from, to, log, whole })
    }

    /// As a parameter of a study, in the numbers before the unit.
    #[must_use]
    pub fn parameter(&self, name: &str) -> study::Parameter {
        let (log, integer) = (self.log, self.whole);
        study::Parameter {
            log,
            integer,
            ..study::Parameter::real(name, self.from.number, self.to.number)
        }
    }

    /// The unit; empty for a plain number.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.from.unit
    }

    /// A value of the range as it is written in a scenario: quantities with a unit to 6
    /// significant digits, plain numbers to 12, so that 0.3 is not 0.30000000000000004.
    #[must_use]
    pub fn write(&self, value: f64) -> String {
        let digits = if self.from.unit.is_empty() { 12 } else { 6 };
        let value = rounded(value, digits).clamp(self.from.number, self.to.number);
        let value = if self.whole { value.round() } else { value };
        format!("{value}{}", self.from.suffix)
    }

    /// The value at `share` of the way, 0 to 1, as it is written in a scenario.
    #[must_use]
    pub fn at(&self, share: f64) -> String {
        let (from, to) = (self.from.number, self.to.number);
        self.write(if self.log {
            math::exp(math::ln(from) + share * (math::ln(to) - math::ln(from)))
        } else {
            from + share * (to - from)
        })
    }
}

/// A number to so many significant digits.
fn rounded(value: f64, digits: usize) -> f64 {
    format!("{value:.*e}", digits - 1).parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_from_their_units() {
        let table = [
            ("0.1", Some((0.1, ""))),
            ("-3", Some((-3.0, ""))),
            ("1_000", Some((1_000.0, ""))),
            ("1e-3", Some((0.001, ""))),
            ("30%", Some((30.0, "%"))),
            ("12s", Some((12.0, "s"))),
            ("0.5 TAO", Some((0.5, "TAO"))),
            ("2e", Some((2.0, "e"))),
            ("tokyo", None),
            ("", None),
            ("1-2", None),
            ("{ fixed: 3 }", None),
            ("[1, 2]", None),
            ("1 2", None),
            ("1e999", None),
        ];
        for (text, want) in table {
            let got = Quantity::read(text).map(|q| (q.number, q.unit));
            assert_eq!(got, want.map(|(n, u)| (n, u.to_owned())), "{text}");
        }
    }

    #[test]
    fn ranges_give_values_as_they_are_written() {
        let range = |from: &str, to: &str, log, whole| {
            let read = |text| Quantity::read(text).unwrap();
            Range::new(read(from), read(to), log, whole)
        };
        let table = [
            (range("0.1", "0.5", false, false), 0.5, "0.3"),
            (range("0.001", "0.1", true, false), 0.5, "0.01"),
            (range("0.001", "0.1", true, false), 0.0, "0.001"),
            (range("0.001", "0.1", true, false), 1.0, "0.1"),
            (range("1s", "2s", false, false), 1.0 / 3.0, "1.33333s"),
            (range("1 TAO", "2 TAO", false, false), 0.5, "1.5 TAO"),
            (range("1", "10", false, true), 0.33, "4"),
            (range("1000", "1000000", true, true), 0.5, "31623"),
        ];
        for (range, share, want) in table {
            assert_eq!(range.unwrap().at(share), want);
        }
        for (from, to, log) in [("1s", "2%", false), ("2", "1", false), ("0", "1", true)] {
            assert!(range(from, to, log, false).is_err(), "{from} {to}");
        }
    }
}
