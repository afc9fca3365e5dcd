//! Case files.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The form of a case file that is understood.
pub const SCHEMA: &str = "cases/v1";

/// Files larger than this are refused: a case file is read whole.
pub const MAX_BYTES: u64 = 256 << 20;

/// One case as written.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// Its name.
    pub id: String,
    /// Which evaluator it is for.
    pub kind: String,
    /// Whether it must hold.
    pub gate: bool,
    /// What the evaluator is given: an object.
    pub inputs: Value,
    /// The quantities expected.
    pub expect: Value,
    /// How near they must be, if anything is said.
    pub tolerance: Option<Value>,
}

/// A file that is not a case file.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// It cannot be read.
    #[error("{}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It is too large to be read whole.
    #[error("{}: {bytes} bytes, expected at most {MAX_BYTES}", file.display())]
    TooLarge {
        /// The file.
        file: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// It is not JSON.
    #[error("{}: not JSON: {source}", file.display())]
    Json {
        /// The file.
        file: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// It is JSON of another form.
    #[error("{}: `schema` is {found}, expected \"{SCHEMA}\"", file.display())]
    Schema {
        /// The file.
        file: PathBuf,
        /// What stands there instead.
        found: String,
    },
    /// A case lacks something.
    #[error("{}: case {case}: `{field}` is {found}, expected {expected}", file.display())]
    Case {
        /// The file.
        file: PathBuf,
        /// The case's id, or its number from 1 where it has none.
        case: String,
        /// The field at fault.
        field: &'static str,
        /// What stands there.
        found: String,
        /// What should.
        expected: &'static str,
    },
}

/// Reads a case file.
///
/// # Errors
/// When it cannot be read or is not a case file.
pub fn read(file: &Path) -> Result<Vec<Case>, ValidateError> {
    let failed = |source| ValidateError::Read { file: file.to_owned(), source };
    let bytes = fs::metadata(file).map_err(failed)?.len();
    if bytes > MAX_BYTES {
        return Err(ValidateError::TooLarge { file: file.to_owned(), bytes });
    }
    parse(file, &fs::read(file).map_err(failed)?)
}

fn parse(file: &Path, text: &[u8]) -> Result<Vec<Case>, ValidateError> {
    let root: Value = serde_json::from_slice(text)
        .map_err(|source| ValidateError::Json { file: file.to_owned(), source })?;
    match root.get("schema") {
        Some(Value::String(schema)) if schema == SCHEMA => {}
        other => {
            return Err(ValidateError::Schema { file: file.to_owned(), found: describe(other) });
        }
    }
    let Some(Value::Array(cases)) = root.get("cases") else {
        return Err(ValidateError::Case {
            file: file.to_owned(),
            case: "list".to_owned(),
            field: "cases",
            found: describe(root.get("cases")),
            expected: "a list of cases",
        });
    };
    cases.iter().enumerate().map(|(i, case)| parse_case(file, i, case)).collect()
}

fn parse_case(file: &Path, index: usize, case: &Value) -> Result<Case, ValidateError> {
    let id = case.get("id").and_then(Value::as_str);
    let wrong = |field, expected| ValidateError::Case {
        file: file.to_owned(),
        case: id.map_or_else(|| format!("number {}", index + 1), str::to_owned),
        field,
        found: describe(case.get(field)),
        expected,
    };
    let text = |field| {
        case.get(field)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| wrong(field, "text"))
    };
    Ok(Case {
        id: text("id")?,
        kind: text("kind")?,
        gate: case
            .get("gate")
            .and_then(Value::as_bool)
            .ok_or_else(|| wrong("gate", "true or false"))?,
        inputs: case
            .get("inputs")
            .filter(|inputs| inputs.is_object())
            .cloned()
            .ok_or_else(|| wrong("inputs", "an object"))?,
        expect: case
            .get("expect")
            .filter(|expect| !expect.is_null())
            .cloned()
            .ok_or_else(|| wrong("expect", "the quantities expected"))?,
        tolerance: match case.get("tolerance") {
            None | Some(Value::Null) => None,
            Some(tolerance @ Value::Object(_)) => Some(tolerance.clone()),
            Some(_) => return Err(wrong("tolerance", "an object")),
        },
    })
}

/// A value in a few words, for an error.
fn describe(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(Value::Array(items)) => format!("a list of {}", items.len()),
        Some(Value::Object(_)) => "an object".to_owned(),
        Some(scalar) => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_file_and_the_case() {
        let table: [(&str, &str); 8] = [
            ("nope", "f.json: not JSON: expected ident at line 1 column 2"),
            ("[]", "f.json: `schema` is missing, expected \"cases/v1\""),
            (r#"{"schema":"cases/v2"}"#, "f.json: `schema` is \"cases/v2\", expected \"cases/v1\""),
            (
                r#"{"schema":"cases/v1"}"#,
                "f.json: case list: `cases` is missing, expected a list of cases",
            ),
            (
                r#"{"schema":"cases/v1","cases":[7]}"#,
                "f.json: case number 1: `id` is missing, expected text",
            ),
            (
                r#"{"schema":"cases/v1","cases":[{"id":"a","kind":"k"}]}"#,
                "f.json: case a: `gate` is missing, expected true or false",
            ),
            (
                r#"{"schema":"cases/v1","cases":[{"id":"a","kind":"k","gate":true,"inputs":[1]}]}"#,
                "f.json: case a: `inputs` is a list of 1, expected an object",
            ),
            (
                r#"{"schema":"cases/v1","cases":[{"id":"a","kind":"k","gate":true,"inputs":{},"expect":{},"tolerance":3}]}"#,
                "f.json: case a: `tolerance` is 3, expected an object",
            ),
        ];
        for (text, want) in table {
            let error = parse(Path::new("f.json"), text.as_bytes()).unwrap_err();
            assert_eq!(error.to_string(), want);
        }
        assert!(read(Path::new("no such file")).is_err());
    }
}
