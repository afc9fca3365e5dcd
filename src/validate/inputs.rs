//! Inputs of a case, typed, with errors that name the field.

use std::path::Path;

use serde_json::Value;

use super::evaluator::Stop;

/// The inputs of one case.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The object itself.
    pub value: &'a Value,
    /// Where file names resolve.
    pub data: Option<&'a Path>,
}

impl<'a> Inputs<'a> {
    /// The field, if it is there and not null.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    /// The field, which must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn need(&self, name: &str) -> Result<&'a Value, Stop> {
        self.get(name).ok_or_else(|| Stop::BadInput(format!("input `{name}` is missing")))
    }

    /// The field as `T`, if it is there.
    ///
    /// # Errors
    /// When it is there and is something else.
    pub fn optional<T: FromInput>(&self, name: &str) -> Result<Option<T>, Stop> {
        self.get(name).map(|value| convert(name, value)).transpose()
    }

    /// The field as `T`.
    ///
    /// # Errors
    /// When it is not there or something else.
    pub fn read<T: FromInput>(&self, name: &str) -> Result<T, Stop> {
        convert(name, self.need(name)?)
    }
}

fn convert<T: FromInput>(name: &str, value: &Value) -> Result<T, Stop> {
    T::from_input(value).ok_or_else(|| {
        let mut found = value.to_string();
        if let Some((end, _)) = found.char_indices().nth(60) {
            found.truncate(end);
            found.push('…');
        }
        Stop::BadInput(format!("input `{name}` is {found}, expected {}", T::EXPECTED))
    })
}

/// What an input field can be read as.
pub trait FromInput: Sized {
    /// For errors.
    const EXPECTED: &'static str;

    /// The value, if it is one.
    fn from_input(value: &Value) -> Option<Self>;
}

/// The integer a value stands for: a number, or text where it is 2^53 or more.
#[must_use]
pub fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Number(n) => n.as_i128().or_else(|| whole(n.as_f64()?)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn whole(x: f64) -> Option<i128> {
    (x.fract() == 0.0 && x.abs() < 1e18).then_some(x as i128)
}

macro_rules! integers {
    ($($type:ty: $expected:literal),*) => {$(
        impl FromInput for $type {
            const EXPECTED: &'static str = $expected;
            fn from_input(value: &Value) -> Option<Self> {
                integer(value)?.try_into().ok()
            }
        }
    )*};
}
integers! {
    u16: "an integer from 0 to 65535",
    i16: "an integer from -32768 to 32767",
    u64: "an integer from 0 to 2^64 - 1",
    usize: "a count"
}

impl FromInput for f64 {
    const EXPECTED: &'static str = "a number";
    fn from_input(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => text.parse().ok().filter(|x: &f64| x.is_finite()),
            value => value.as_f64(),
        }
    }
}

impl FromInput for bool {
    const EXPECTED: &'static str = "true or false";
    fn from_input(value: &Value) -> Option<Self> {
        value.as_bool()
    }
}

impl FromInput for String {
    const EXPECTED: &'static str = "text";
    fn from_input(value: &Value) -> Option<Self> {
        value.as_str().map(str::to_owned)
    }
}

impl<T: FromInput> FromInput for Vec<T> {
    const EXPECTED: &'static str = "a list of the kind's elements";
    fn from_input(value: &Value) -> Option<Self> {
        value.as_array()?.iter().map(T::from_input).collect()
    }
}

impl<A: FromInput, B: FromInput> FromInput for (A, B) {
    const EXPECTED: &'static str = "a pair";
    fn from_input(value: &Value) -> Option<Self> {
        match value.as_array()?.as_slice() {
            [a, b] => Some((A::from_input(a)?, B::from_input(b)?)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_read_or_named() {
        let value = json!({"n": 3, "big": "18446744073709551615", "x": [1, 2.5], "row": [[1, 9]]});
        let inputs = Inputs { value: &value, data: None };
        assert_eq!(inputs.read::<u64>("big"), Ok(u64::MAX));
        assert_eq!(inputs.read::<Vec<f64>>("x"), Ok(vec![1.0, 2.5]));
        assert_eq!(inputs.read::<Vec<(u16, u16)>>("row"), Ok(vec![(1, 9)]));
        assert_eq!(inputs.optional::<u16>("none"), Ok(None));
        let error = |got: Result<u16, Stop>| match got {
            Err(Stop::BadInput(text)) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(error(inputs.read("none")), "input `none` is missing");
        assert_eq!(
            error(inputs.read("big")),
            "input `big` is \"18446744073709551615\", expected an integer from 0 to 65535"
        );
    }
}
