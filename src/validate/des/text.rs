//! Words and numbers of the short descriptions that cases use: `pareto alpha=4 xm=0.75`.

use crate::validate::evaluator::Stop;

/// Part of a description.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Number(f64),
    Other(char),
}

/// A description taken apart: its first word, the numbers that stand alone, and those that a
/// word names.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Described {
    /// All words, in lower case.
    pub(super) words: Vec<String>,
    /// Numbers without a name, in order.
    pub(super) bare: Vec<f64>,
    /// `name 3` or `name=3`, in order.
    pub(super) named: Vec<(String, f64)>,
}

/// Words that name the number after them.
const NAMES: [&str; 22] = [
    "mean", "cv", "cv2", "scv", "rate", "p", "alpha", "xm", "k", "shape", "scale", "lam", "lambda",
    "mu", "sigma", "min", "prob", "stages", "value", "theta", "a", "b",
];

impl Described {
    pub(super) fn new(text: &str) -> Self {
        let tokens = tokens(text);
        let mut out = Self::default();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                Token::Word(word) => {
                    let equals = tokens.get(at) == Some(&Token::Other('='));
                    let value = match tokens.get(at + usize::from(equals)) {
                        Some(Token::Number(x)) if equals || NAMES.contains(&word.as_str()) => *x,
                        _ => {
                            out.words.push(word.clone());
                            continue;
                        }
                    };
                    at += usize::from(equals) + 1;
                    out.named.push((word.clone(), value));
                }
                Token::Number(x) => out.bare.push(*x),
                Token::Other(_) => {}
            }
        }
        out
    }

    /// The first number of one of these names.
    pub(super) fn get(&self, names: &[&str]) -> Option<f64> {
        self.all(names).next()
    }

    /// All numbers of these names.
    pub(super) fn all(&self, names: &[&str]) -> impl Iterator<Item = f64> {
        self.named.iter().filter(|(name, _)| names.contains(&name.as_str())).map(|(_, x)| *x)
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let digit = |at: usize| text.get(at).is_some_and(char::is_ascii_digit);
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        let start = at;
        if c.is_alphabetic() {
            while text.get(at).is_some_and(|c| c.is_alphabetic()) {
                at += 1;
            }
            // `cv2=4`: digits belong to the word where an equals sign follows them.
            let digits = text[at..].iter().take_while(|c| c.is_ascii_digit()).count();
            if digits > 0 && text.get(at + digits) == Some(&'=') {
                at += digits;
            }
            out.push(Token::Word(text[start..at].iter().collect()));
        } else if c == '.' && text.get(at + 1) == Some(&'.') {
            // Two dots are a range, not the start of a fraction.
            at += 2;
            out.push(Token::Other('…'));
        } else if c.is_ascii_digit() || (c == '.' && digit(at + 1)) {
            let mut value = number(&text, &mut at);
            if text.get(at) == Some(&'/') && (digit(at + 1) || text.get(at + 1) == Some(&'.')) {
                at += 1;
                value /= number(&text, &mut at);
            }
            out.push(Token::Number(value));
        } else {
            at += 1;
            if !c.is_whitespace() {
                out.push(Token::Other(c));
            }
        }
    }
    out
}

fn number(text: &[char], at: &mut usize) -> f64 {
    let start = *at;
    let part = |i: usize| text.get(i).is_some_and(|&c| c.is_ascii_digit() || c == '.');
    while part(*at) && !(text[*at] == '.' && text.get(*at + 1) == Some(&'.')) {
        *at += 1;
    }
    if text.get(*at) == Some(&'e') {
        let sign = usize::from(matches!(text.get(*at + 1), Some('-' | '+')));
        if text.get(*at + 1 + sign).is_some_and(char::is_ascii_digit) {
            *at += 1 + sign;
            while text.get(*at).is_some_and(char::is_ascii_digit) {
                *at += 1;
            }
        }
    }
    text[start..*at].iter().collect::<String>().parse().unwrap_or(f64::NAN)
}

/// A positive number, or what is wrong with it.
pub(super) fn positive(name: &str, x: f64) -> Result<f64, Stop> {
    if x.is_finite() && x > 0.0 {
        return Ok(x);
    }
    Err(bad(format!("input `{name}` is {x}, expected a positive number")))
}

/// A probability strictly between zero and one, or what is wrong with it.
pub(super) fn share(name: &str, x: f64) -> Result<f64, Stop> {
    if x > 0.0 && x < 1.0 {
        return Ok(x);
    }
    Err(bad(format!("input `{name}` is {x}, expected a number between 0 and 1")))
}

/// Inputs that make no sense.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
pub(super) fn bad(reason: impl ToString) -> Stop {
    Stop::BadInput(reason.to_string())
}

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
pub(super) fn float(n: u64) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_taken_apart() {
        let named = |pairs: &[(&str, f64)]| -> Vec<(String, f64)> {
            pairs.iter().map(|&(name, x)| (name.to_owned(), x)).collect()
        };
        let table = [
            ("exp(1)", vec!["exp"], vec![1.0], named(&[])),
            ("E2/M/1 lam=.8", vec!["e", "m"], vec![2.0, 1.0], named(&[("lam", 0.8)])),
            (
                "hyperexp p=.9 rate 2, p=.1 rate 2/11 (mean 1)",
                vec!["hyperexp"],
                vec![],
                named(&[
                    ("p", 0.9),
                    ("rate", 2.0),
                    ("p", 0.1),
                    ("rate", 2.0 / 11.0),
                    ("mean", 1.0),
                ]),
            ),
            ("H2 cv2=4", vec!["h"], vec![2.0], named(&[("cv2", 4.0)])),
            ("1..100", vec![], vec![1.0, 100.0], named(&[])),
            ("U(0,2.5) 1e-3", vec!["u"], vec![0.0, 2.5, 1e-3], named(&[])),
        ];
        for (text, words, bare, named) in table {
            let want =
                Described { words: words.iter().map(ToString::to_string).collect(), bare, named };
            assert_eq!(Described::new(text), want, "{text}");
        }
    }
}
