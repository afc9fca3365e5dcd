//! Conditions on the axes of a sweep: `a + b <= 1`, `0 < x < 2 * y`.
//!
//! ```text
//! constraint = sum (("<" | "<=" | ">" | ">=" | "==" | "!=") sum)+
//! sum        = product (("+" | "-") product)*
//! product    = factor (("*" | "/") factor)*
//! factor     = "-" factor | number [unit] | name | "(" sum ")"
//! ```
//!
//! A name is an axis's whole path or as much of its end as tells it from the others. A quantity
//! counts by its number, so it is written in a unit in which an axis of the constraint is.

use core::cmp::Ordering;

use crate::diagnose::{list, nearest, quoted};

/// A condition that design points must meet.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    /// As written.
    pub text: String,
    /// The units of its numbers, of those that have one.
    pub units: Vec<String>,
    first: Term,
    rest: Vec<(Comparison, Term)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Comparison {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

#[derive(Debug, Clone, PartialEq)]
enum Term {
    Number(f64),
    /// By place among the axes.
    Axis(usize),
    Minus(Box<Self>),
    Both(Operation, Box<Self>, Box<Self>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operation {
    Plus,
    Minus,
    Times,
    Over,
}

/// Why a text is no constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// Longest text: what is longer was not written by hand.
const LONGEST: usize = 1_000;

impl Constraint {
    /// Reads a constraint on these axes.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn read(text: &str, axes: &[&str]) -> Result<Self, Wrong> {
        if text.len() > LONGEST {
            return Err(wrong(format!("the constraint is longer than {LONGEST} characters")));
        }
        let mut reader = Reader { rest: text, axes, units: Vec::new() };
        let first = reader.sum()?;
        let mut rest = Vec::new();
        while let Some(comparison) = reader.comparison()? {
            rest.push((comparison, reader.sum()?));
        }
        reader.skip();
        if !reader.rest.is_empty() {
            return Err(wrong(format!(
                "found {}, expected a comparison or the end",
                quoted(reader.rest)
            )));
        }
        if rest.is_empty() {
            return Err(Wrong {
                message: format!("{} compares nothing", quoted(text)),
                help: Some("write a comparison, such as `a + b <= 1`".to_owned()),
            });
        }
        Ok(Self { text: text.to_owned(), units: reader.units, first, rest })
    }

    /// The places of the axes that it speaks of.
    #[must_use]
    pub fn axes(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut open: Vec<&Term> = self.rest.iter().map(|(_, term)| term).collect();
        open.push(&self.first);
        while let Some(term) = open.pop() {
            match term {
                Term::Number(_) => {}
                Term::Axis(place) => found.push(*place),
                Term::Minus(inner) => open.push(inner),
                Term::Both(_, a, b) => open.extend([&**a, &**b]),
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Whether a point meets it; `values` by axis.
    #[must_use]
    pub fn holds(&self, values: &[f64]) -> bool {
        let mut left = self.first.value(values);
        self.rest.iter().all(|(comparison, term)| {
            let right = term.value(values);
            let met = match comparison {
                Comparison::Less => left < right,
                Comparison::AtMost => left <= right,
                Comparison::More => left > right,
                Comparison::AtLeast => left >= right,
                Comparison::Equal => left.partial_cmp(&right) == Some(Ordering::Equal),
                Comparison::Unequal => left.partial_cmp(&right) != Some(Ordering::Equal),
            };
            left = right;
            met
        })
    }
}

impl Term {
    fn value(&self, values: &[f64]) -> f64 {
        match self {
            Self::Number(number) => *number,
            Self::Axis(place) => values.get(*place).copied().unwrap_or(f64::NAN),
            Self::Minus(inner) => -inner.value(values),
            Self::Both(operation, a, b) => {
                let (a, b) = (a.value(values), b.value(values));
                match operation {
                    Operation::Plus => a + b,
                    Operation::Minus => a - b,
                    Operation::Times => a * b,
                    Operation::Over => a / b,
                }
            }
        }
    }
}

fn wrong(message: String) -> Wrong {
    Wrong { message, help: None }
}

struct Reader<'a> {
    rest: &'a str,
    axes: &'a [&'a str],
    units: Vec<String>,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// Takes `sign` if it comes next.
    fn take(&mut self, sign: &str) -> bool {
        self.skip();
        let after = self.rest.strip_prefix(sign);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn comparison(&mut self) -> Result<Option<Comparison>, Wrong> {
        let signs = [
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        for (sign, comparison) in signs {
            if self.take(sign) {
                return Ok(Some(comparison));
            }
        }
        if self.take("=") {
            return Err(Wrong {
                message: "found `=`, expected a comparison".to_owned(),
                help: Some("write `==`".to_owned()),
            });
        }
        Ok(None)
    }

    fn sum(&mut self) -> Result<Term, Wrong> {
        let mut left = self.product()?;
        loop {
            let operation = if self.take("+") {
                Operation::Plus
            } else if self.take("-") {
                Operation::Minus
            } else {
                return Ok(left);
            };
            left = Term::Both(operation, Box::new(left), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Term, Wrong> {
        let mut left = self.factor()?;
        loop {
            let operation = if self.take("*") {
                Operation::Times
            } else if self.take("/") {
                Operation::Over
            } else {
                return Ok(left);
            };
            left = Term::Both(operation, Box::new(left), Box::new(self.factor()?));
        }
    }

    fn factor(&mut self) -> Result<Term, Wrong> {
        if self.take("-") {
            return Ok(Term::Minus(Box::new(self.factor()?)));
        }
        if self.take("(") {
            let inner = self.sum()?;
            if self.take(")") {
                return Ok(inner);
            }
            return Err(wrong("a parenthesis is not closed".to_owned()));
        }
        self.skip();
        let begins = |c: char| c.is_ascii_digit() || c == '.';
        if self.rest.starts_with(begins) {
            return self.number();
        }
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let end = self.rest.find(|c: char| !word(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() {
            let found = if rest.is_empty() { "the end".to_owned() } else { quoted(rest) };
            return Err(wrong(format!("found {found}, expected an axis or a number")));
        }
        self.rest = rest;
        self.axis(name)
    }

    fn number(&mut self) -> Result<Term, Wrong> {
        let digit = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_');
        let end = self.rest.find(|c: char| !digit(c)).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        // An exponent, or else a unit.
        let exponent = rest.strip_prefix(['e', 'E']).and_then(|after| {
            let sign = usize::from(after.starts_with(['+', '-']));
            let digits = after[sign..].bytes().take_while(u8::is_ascii_digit).count();
            (digits > 0).then_some(1 + sign + digits)
        });
        let written = &self.rest[..end + exponent.unwrap_or(0)];
        let value: Result<f64, _> = written.replace('_', "").parse();
        let value = value.map_err(|_| wrong(format!("{} is not a number", quoted(number))))?;
        let rest = &self.rest[written.len()..];
        let is_unit = |c: char| c.is_alphabetic() || matches!(c, '%' | '$');
        // `1 TAO` as well as `1TAO`; but in `1 x` nothing says that x is no axis.
        let unit = rest.trim_start();
        let end = unit.find(|c: char| !is_unit(c)).unwrap_or(unit.len());
        self.rest = rest;
        if end > 0 && self.axis(&unit[..end]).is_err() {
            self.units.push(unit[..end].to_owned());
            self.rest = &unit[end..];
        }
        Ok(Term::Number(value))
    }

    fn axis(&self, name: &str) -> Result<Term, Wrong> {
        named(name, self.axes).map(Term::Axis)
    }
}

/// The place of the axis with this name: its whole path, or as much of its end as tells it from
/// the others.
///
/// # Errors
/// When there is none, or several.
pub(crate) fn named(name: &str, axes: &[&str]) -> Result<usize, Wrong> {
    let ends = |path: &&str| {
        path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    if let Some(place) = axes.iter().position(|path| *path == name) {
        return Ok(place);
    }
    let fit: Vec<usize> = (0..axes.len()).filter(|&i| ends(&axes[i])).collect();
    match fit[..] {
        [place] => Ok(place),
        [] => {
            let tails = axes.iter().filter_map(|path| path.rsplit('.').next());
            let near = nearest(name, axes.iter().copied().chain(tails));
            Err(Wrong {
                message: format!(
                    "there is no axis {}, expected one of {}",
                    quoted(name),
                    list(axes.iter().copied())
                ),
                help: near.map(|near| format!("did you mean `{near}`?")),
            })
        }
        _ => Err(Wrong {
            message: format!("{} may be {}", quoted(name), list(fit.iter().map(|&i| axes[i]))),
            help: Some("write more of the path".to_owned()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXES: [&str; 3] = ["reward.split.miners", "reward.split.owner", "steps"];

    #[test]
    fn points_meet_constraints_or_not() {
        let table: [(&str, [f64; 3], bool); 12] = [
            ("miners + owner <= 1", [0.4, 0.6, 0.0], true),
            ("miners + owner <= 1", [0.5, 0.6, 0.0], false),
            ("reward.split.miners < split.owner", [0.1, 0.2, 0.0], true),
            ("0 < miners < owner < 1", [0.1, 0.2, 0.0], true),
            ("0 < miners < owner < 1", [0.3, 0.2, 0.0], false),
            ("steps >= 2 * (miners - -owner)", [1.0, 2.0, 6.0], true),
            ("steps == 1e3", [0.0, 0.0, 1000.0], true),
            ("steps != 1_000", [0.0, 0.0, 1000.0], false),
            ("miners*owner/steps>0.1", [1.0, 2.0, 10.0], true),
            ("miners <= 30%", [30.0, 0.0, 0.0], true),
            ("1 - miners - owner == 0", [0.5, 0.5, 0.0], true),
            ("miners / owner < 1", [0.0, 0.0, 0.0], false),
        ];
        for (text, values, want) in table {
            let read = Constraint::read(text, &AXES).unwrap_or_else(|w| panic!("{text}: {w:?}"));
            assert_eq!(read.holds(&values), want, "{text}");
        }
        assert_eq!(Constraint::read("steps < 1 + owner", &AXES).unwrap().axes(), [1, 2]);
    }

    #[test]
    fn what_is_no_constraint_is_said_to_be_none() {
        let table = [
            ("miners + owner", "compares nothing"),
            ("miners = 1", "found `=`"),
            ("minors < 1", "no axis `minors`"),
            ("(miners < 1", "not closed"),
            ("miners < ", "found the end"),
            ("miners < 1 owner", "found `owner`"),
            ("miners < 1.2.3", "not a number"),
            ("", "found the end"),
            ("< 1", "expected an axis"),
        ];
        for (text, part) in table {
            let wrong = Constraint::read(text, &AXES).unwrap_err();
            assert!(wrong.message.contains(part), "{text}: {}", wrong.message);
        }
        let ambiguous = ["a.x", "b.x"];
        assert!(Constraint::read("x < 1", &ambiguous).unwrap_err().message.contains("may be"));
        let near = Constraint::read("owners < 1", &AXES).unwrap_err().help.unwrap();
        assert_eq!(near, "did you mean `owner`?");
        let deep = "(".repeat(999) + "1";
        assert!(Constraint::read(&deep, &AXES).is_err());
    }
}
