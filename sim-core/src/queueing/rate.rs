//! A rate that varies with time, written as a formula: `2+sin(2*pi*t)`.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use sim_types::math;

/// A formula in the time `t`, in seconds since the start, giving events a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Rate {
    /// A number.
    Constant(f64),
    /// The time.
    Time,
    /// The negative.
    Negative(Box<Rate>),
    /// A sum.
    Sum(Box<Rate>, Box<Rate>),
    /// A product.
    Product(Box<Rate>, Box<Rate>),
    /// A quotient.
    Quotient(Box<Rate>, Box<Rate>),
    /// A power with a constant exponent.
    Power(Box<Rate>, f64),
    /// Sine.
    Sine(Box<Rate>),
    /// Cosine.
    Cosine(Box<Rate>),
    /// Exponential.
    Exp(Box<Rate>),
    /// Absolute value.
    Abs(Box<Rate>),
}

/// Text that is no formula.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rate `{text}`: found {found} at character {at}, expected {expected}")]
pub struct BadRate {
    text: String,
    found: String,
    at: usize,
    expected: &'static str,
}

impl Rate {
    /// The value at a time.
    #[must_use]
    pub fn at(&self, t: f64) -> f64 {
        match self {
            Self::Constant(x) => *x,
            Self::Time => t,
            Self::Negative(a) => -a.at(t),
            Self::Sum(a, b) => a.at(t) + b.at(t),
            Self::Product(a, b) => a.at(t) * b.at(t),
            Self::Quotient(a, b) => a.at(t) / b.at(t),
            Self::Power(a, n) => math::pow(a.at(t), *n),
            Self::Sine(a) => math::cos(a.at(t) - core::f64::consts::FRAC_PI_2),
            Self::Cosine(a) => math::cos(a.at(t)),
            Self::Exp(a) => math::exp(a.at(t)),
            Self::Abs(a) => a.at(t).abs(),
        }
    }

    /// Bounds between which all values from time `from` to `to` lie, by interval arithmetic:
    /// safe, not always tight. Infinite where a divisor passes zero.
    #[must_use]
    pub fn bounds(&self, from: f64, to: f64) -> (f64, f64) {
        let of = |a: &Self| a.bounds(from, to);
        match self {
            Self::Constant(x) => (*x, *x),
            Self::Time => (from, to),
            Self::Negative(a) => {
                let (low, high) = of(a);
                (-high, -low)
            }
            Self::Sum(a, b) => {
                let (a, b) = (of(a), of(b));
                (a.0 + b.0, a.1 + b.1)
            }
            Self::Product(a, b) => products(of(a), of(b)),
            Self::Quotient(a, b) => {
                let b = of(b);
                if b.0 <= 0.0 && b.1 >= 0.0 {
                    return (f64::NEG_INFINITY, f64::INFINITY);
                }
                products(of(a), (1.0 / b.1, 1.0 / b.0))
            }
            Self::Power(a, n) => power_bounds(of(a), *n),
            Self::Sine(_) | Self::Cosine(_) => (-1.0, 1.0),
            Self::Exp(a) => {
                let (low, high) = of(a);
                (math::exp(low), math::exp(high))
            }
            Self::Abs(a) => {
                let (low, high) = of(a);
                let least = if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) };
                (least, low.abs().max(high.abs()))
            }
        }
    }
}

fn products(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    let all = [a.0 * b.0, a.0 * b.1, a.1 * b.0, a.1 * b.1];
    (
        all.into_iter().fold(f64::INFINITY, f64::min),
        all.into_iter().fold(f64::NEG_INFINITY, f64::max),
    )
}

fn power_bounds((low, high): (f64, f64), n: f64) -> (f64, f64) {
    let ends = [math::pow(low, n), math::pow(high, n)];
    let (least, greatest) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    if low > 0.0 || (low >= 0.0 && n > 0.0) {
        (least, greatest)
    } else if n > 0.0 && n.fract().abs() < f64::EPSILON {
        // An even power is least at zero; an odd one rises.
        (if high >= 0.0 { least.min(0.0) } else { least }, greatest)
    } else {
        (f64::NEG_INFINITY, f64::INFINITY)
    }
}

impl FromStr for Rate {
    type Err = BadRate;

    /// `+ - * / ^ ( )`, numbers, `t`, `pi`, and `sin`, `cos`, `exp`, `abs` of a bracket.
    fn from_str(text: &str) -> Result<Self, BadRate> {
        let mut parser = Parser { text, at: 0 };
        let rate = parser.sum(0)?;
        match parser.peek() {
            None => Ok(rate),
            Some(_) => Err(parser.error("an operator or the end")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

/// Brackets within brackets beyond this are refused.
const MAX_DEPTH: u32 = 64;

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&mut self) -> Option<char> {
        let space = self.rest().len() - self.rest().trim_start().len();
        self.at += space;
        self.rest().chars().next()
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn error(&mut self, expected: &'static str) -> BadRate {
        let found = self.peek().map_or_else(|| "the end".to_owned(), |c| format!("`{c}`"));
        let at = self.text[..self.at].chars().count() + 1;
        BadRate { text: self.text.to_owned(), found, at, expected }
    }

    fn sum(&mut self, depth: u32) -> Result<Rate, BadRate> {
        let mut left = self.product(depth)?;
        loop {
            if self.take('+') {
                left = Rate::Sum(left.into(), self.product(depth)?.into());
            } else if self.take('-') {
                let right = Rate::Negative(self.product(depth)?.into());
                left = Rate::Sum(left.into(), right.into());
            } else {
                return Ok(left);
            }
        }
    }

    fn product(&mut self, depth: u32) -> Result<Rate, BadRate> {
        let mut left = self.signed(depth)?;
        loop {
            if self.rest().trim_start().starts_with("**") {
                return Err(self.error("`^` for a power"));
            } else if self.take('*') {
                left = Rate::Product(left.into(), self.signed(depth)?.into());
            } else if self.take('/') {
                left = Rate::Quotient(left.into(), self.signed(depth)?.into());
            } else {
                return Ok(left);
            }
        }
    }

    fn signed(&mut self, depth: u32) -> Result<Rate, BadRate> {
        if self.take('-') {
            return Ok(Rate::Negative(self.power(depth)?.into()));
        }
        self.take('+');
        self.power(depth)
    }

    fn power(&mut self, depth: u32) -> Result<Rate, BadRate> {
        let base = self.atom(depth)?;
        if !self.take('^') {
            return Ok(base);
        }
        let sign = if self.take('-') { -1.0 } else { 1.0 };
        match self.atom(depth)? {
            Rate::Constant(n) => Ok(Rate::Power(base.into(), sign * n)),
            _ => Err(self.error("a number as exponent")),
        }
    }

    fn atom(&mut self, depth: u32) -> Result<Rate, BadRate> {
        if depth > MAX_DEPTH {
            return Err(self.error("fewer brackets"));
        }
        let Some(first) = self.peek() else { return Err(self.error("a value")) };
        if self.take('(') {
            return self.closed(depth);
        }
        if first.is_ascii_digit() || first == '.' {
            let digits = self.rest().find(|c: char| !c.is_ascii_digit() && c != '.');
            let end = digits.unwrap_or(self.rest().len());
            let number: f64 = self.rest()[..end].parse().map_err(|_| self.error("a number"))?;
            self.at += end;
            return Ok(Rate::Constant(number));
        }
        let end = self.rest().find(|c: char| !c.is_ascii_alphabetic());
        let word = self.rest()[..end.unwrap_or(self.rest().len())].to_owned();
        let wrap: fn(Box<Rate>) -> Rate = match word.as_str() {
            "t" => {
                self.at += 1;
                return Ok(Rate::Time);
            }
            "pi" => {
                self.at += 2;
                return Ok(Rate::Constant(core::f64::consts::PI));
            }
            "sin" => Rate::Sine,
            "cos" => Rate::Cosine,
            "exp" => Rate::Exp,
            "abs" => Rate::Abs,
            _ => return Err(self.error("a number, `t`, `pi`, `sin`, `cos`, `exp`, `abs` or `(`")),
        };
        self.at += word.len();
        if !self.take('(') {
            return Err(self.error("`(`"));
        }
        Ok(wrap(self.closed(depth)?.into()))
    }

    fn closed(&mut self, depth: u32) -> Result<Rate, BadRate> {
        let inner = self.sum(depth + 1)?;
        if self.take(')') { Ok(inner) } else { Err(self.error("`)`")) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Constant(x) => write!(f, "{x}"),
            Self::Time => f.write_str("t"),
            Self::Negative(a) => write!(f, "(-{a})"),
            Self::Sum(a, b) => write!(f, "({a} + {b})"),
            Self::Product(a, b) => write!(f, "({a} * {b})"),
            Self::Quotient(a, b) => write!(f, "({a} / {b})"),
            Self::Power(a, n) if *n < 0.0 => write!(f, "({a}^-{})", -n),
            Self::Power(a, n) => write!(f, "({a}^{n})"),
            Self::Sine(a) => write!(f, "sin({a})"),
            Self::Cosine(a) => write!(f, "cos({a})"),
            Self::Exp(a) => write!(f, "exp({a})"),
            Self::Abs(a) => write!(f, "abs({a})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_read_by_the_usual_precedence() {
        let table = [
            ("2+sin(2*pi*t)", 0.25, 3.0),
            ("10 * exp(-t / 2)", 0.0, 10.0),
            ("3 - 2 - 1", 0.0, 0.0),
            ("2 * 3 ^ 2 / 6", 0.0, 3.0),
            ("-t + 5", 2.0, 3.0),
            ("(1 + t)^2", 2.0, 9.0),
            ("abs(cos(pi * t)) * .5", 1.0, 0.5),
        ];
        for (text, t, want) in table {
            let rate: Rate = text.parse().unwrap();
            assert!((rate.at(t) - want).abs() < 1e-12, "{text} at {t}: {}", rate.at(t));
            let (low, high) = rate.bounds(0.0, 3.0);
            for step in 0..=300 {
                let value = rate.at(f64::from(step) * 0.01);
                assert!(low <= value + 1e-12 && value - 1e-12 <= high, "{text}");
            }
            let again: Rate = rate.to_string().parse().unwrap();
            assert!((again.at(t) - want).abs() < 1e-12, "{rate}");
        }
        let (low, high) = "2+sin(2*pi*t)".parse::<Rate>().unwrap().bounds(0.0, 10.0);
        assert!((low - 1.0).abs() < 1e-12 && (high - 3.0).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_formula_is_named() {
        for (text, want) in [
            ("2 +", "rate `2 +`: found the end at character 4, expected a value"),
            ("2 t", "rate `2 t`: found `t` at character 3, expected an operator or the end"),
            ("sin t", "rate `sin t`: found `t` at character 5, expected `(`"),
        ] {
            assert_eq!(text.parse::<Rate>().unwrap_err().to_string(), want);
        }
        assert!("x".parse::<Rate>().is_err() && "".parse::<Rate>().is_err());
    }
}
