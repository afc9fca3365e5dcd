//! One line of a request trace to one request.
//!
//! | format | a line | source |
//! |---|---|---|
//! | `azure_csv` | `2023-11-16 18:17:03.9799600,4808,10` | `Azure/AzurePublicDataset` |
//! | `mooncake_jsonl` | `{"timestamp": 27482, "input_length": 6955, "output_length": 52, …}` | `kvcache-ai/Mooncake` |
//!
//! Nothing is repaired: a line that says something else than a request, runs back in time or
//! holds no tokens is an error that names it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::SimDuration;

/// One recorded request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Since the first request of the trace.
    pub offset: SimDuration,
    /// Tokens of the prompt.
    pub prompt_tokens: u32,
    /// Tokens generated.
    pub output_tokens: u32,
}

/// How a trace is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Azure LLM inference traces: `TIMESTAMP,ContextTokens,GeneratedTokens`.
    AzureCsv,
    /// Mooncake traces: one object a line, timestamps in milliseconds.
    MooncakeJsonl,
}

impl Format {
    /// The format that goes with a file's extension: `.csv`, `.jsonl`.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        match extension {
            "csv" => Some(Self::AzureCsv),
            "jsonl" => Some(Self::MooncakeJsonl),
            _ => None,
        }
    }

    /// Bytes of the longest line read; a reader may give up beyond it.
    #[must_use]
    pub const fn longest_line(self) -> usize {
        match self {
            Self::AzureCsv => 64 << 10,
            Self::MooncakeJsonl => 1 << 20,
        }
    }
}

/// A line that is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: found {found}, expected {expected}")]
pub struct LineError {
    /// Which, from 1.
    pub line: u64,
    /// What it says.
    pub found: String,
    /// What would be right.
    pub expected: &'static str,
}

/// Reads a trace line by line. It holds the time of the first request and of the last, so one
/// decoder serves one pass; a second pass needs a new one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decoder {
    format: Format,
    line: u64,
    /// Timestamps of the first and of the latest request, nanoseconds.
    first: Option<u64>,
    latest: u64,
}

/// A line before its timestamp is related to the first one.
struct Recorded {
    nanos: u64,
    prompt_tokens: u64,
    output_tokens: u64,
}

/// What was found and what was expected.
type Mismatch = (String, &'static str);

impl Decoder {
    /// A decoder at the beginning of a trace.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self { format, line: 0, first: None, latest: 0 }
    }

    /// Reads the next line, with or without its line ending. `None` for a heading or an empty
    /// line.
    ///
    /// # Errors
    /// The line's number, what it says and what was expected; the decoder then stands behind
    /// that line as if it had been empty.
    pub fn line(&mut self, text: &str) -> Result<Option<Request>, LineError> {
        self.line += 1;
        let line = self.line;
        self.read(text).map_err(|(found, expected)| LineError { line, found, expected })
    }

    fn read(&mut self, text: &str) -> Result<Option<Request>, Mismatch> {
        if text.len() > self.format.longest_line() {
            return Err((format!("{} bytes", text.len()), "a shorter line"));
        }
        let text = if self.line == 1 { text.trim_start_matches('\u{feff}') } else { text };
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let recorded = match self.format {
            Format::AzureCsv if self.line == 1 => {
                return if text == AZURE_HEADING {
                    Ok(None)
                } else {
                    Err((quoted(text), "the heading `TIMESTAMP,ContextTokens,GeneratedTokens`"))
                };
            }
            Format::AzureCsv => azure(text)?,
            Format::MooncakeJsonl => mooncake(text)?,
        };
        let tokens = |count: u64, expected| match u32::try_from(count) {
            Ok(tokens) if tokens > 0 => Ok(tokens),
            _ => Err((format!("{count} tokens"), expected)),
        };
        let prompt_tokens = tokens(recorded.prompt_tokens, "a prompt of 1 to 4294967295 tokens")?;
        let output_tokens = tokens(recorded.output_tokens, "1 to 4294967295 generated tokens")?;
        if recorded.nanos < self.latest {
            let back = SimDuration(self.latest - recorded.nanos);
            return Err((format!("a time {back} before the line above"), "lines in order of time"));
        }
        let first = *self.first.get_or_insert(recorded.nanos);
        self.latest = recorded.nanos;
        let offset = SimDuration(recorded.nanos - first);
        Ok(Some(Request { offset, prompt_tokens, output_tokens }))
    }
}

/// Text as it may stand in a message: at most 60 characters.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

const AZURE_HEADING: &str = "TIMESTAMP,ContextTokens,GeneratedTokens";

fn azure(text: &str) -> Result<Recorded, Mismatch> {
    let mut fields = text.split(',');
    let (Some(time), Some(prompt), Some(output), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err((quoted(text), "three fields: time, prompt tokens, generated tokens"));
    };
    let count =
        |field: &str| number(field).ok_or_else(|| (quoted(field), "a whole number of tokens"));
    Ok(Recorded {
        nanos: timestamp(time).ok_or_else(|| {
            (quoted(time), "a time from 1970 to 2553 such as `2023-11-16 18:17:03.9799600`")
        })?,
        prompt_tokens: count(prompt)?,
        output_tokens: count(output)?,
    })
}

/// Decimal digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `2023-11-16 18:17:03.9799600` as nanoseconds since 1970, exactly; up to nine decimals.
fn timestamp(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(' ')?;
    let [year, month, day] = three(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = three(time, ':')?;
    let in_range = (1970..2554).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_of_month(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && (1..=9).contains(&fraction.len());
    let places = u32::try_from(fraction.len()).ok().filter(|_| in_range)?;
    let fraction = number(fraction)? * 10_u64.pow(9 - places);
    let seconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

fn three(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let read = [number(parts.next()?)?, number(parts.next()?)?, number(parts.next()?)?];
    parts.next().is_none().then_some(read)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of_month(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the whole years and months before, in the Gregorian calendar.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let leap_days = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    years + (1..month).map(|m| days_of_month(year, m)).sum::<u64>() + day - 1
}

/// The fields read; others, such as `hash_ids`, are skipped.
#[derive(Deserialize)]
struct Mooncake {
    timestamp: u64,
    input_length: u64,
    output_length: u64,
}

fn mooncake(text: &str) -> Result<Recorded, Mismatch> {
    let line: Mooncake = serde_json::from_str(text).map_err(|error| {
        let error = error.to_string();
        // The parser's own position speaks of line 1, which the trace's line is not.
        let reason = error.split(" at line ").next().unwrap_or_default();
        (
            format!("{} ({reason})", quoted(text)),
            "an object with whole `timestamp` (ms), `input_length` and `output_length`",
        )
    })?;
    let nanos = line.timestamp.checked_mul(1_000_000).ok_or_else(|| {
        (format!("timestamp {}", line.timestamp), "milliseconds within 584 years")
    })?;
    Ok(Recorded { nanos, prompt_tokens: line.input_length, output_tokens: line.output_length })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Seconds since 1970 by `date -u -d … +%s`.
    #[test]
    fn times_are_exact() {
        let table = [
            ("1970-01-01 00:00:00", Some(0)),
            ("1970-01-01 00:00:00.000000001", Some(1)),
            ("2000-02-29 12:00:00.5", Some(951_825_600_500_000_000)),
            ("2023-11-16 18:17:03.9799600", Some(1_700_158_623_979_960_000)),
            ("2024-03-01 00:00:00.0", Some(1_709_251_200_000_000_000)),
            ("2100-03-01 00:00:00", Some(4_107_542_400_000_000_000)),
            ("2023-02-29 00:00:00", None),
            ("2023-13-01 00:00:00", None),
            ("2023-11-16 24:00:00", None),
            ("2023-11-16 18:17:60", None),
            ("2023-11-16T18:17:03", None),
            ("2023-11-16 18:17:03.", None),
            ("2023-11-16 18:17:03.1234567890", None),
            ("2023-11-16 18:17", None),
            ("+2023-11-16 18:17:03", None),
            ("1969-12-31 23:59:59", None),
            ("9999999999999999999999-01-01 00:00:00", None),
        ];
        for (text, nanos) in table {
            assert_eq!(timestamp(text), nanos, "{text}");
        }
    }

    #[test]
    fn lines_become_requests() {
        let request = |offset, prompt_tokens, output_tokens| {
            Ok(Some(Request { offset: SimDuration(offset), prompt_tokens, output_tokens }))
        };
        let mut azure = Decoder::new(Format::AzureCsv);
        assert_eq!(azure.line("\u{feff}TIMESTAMP,ContextTokens,GeneratedTokens\r\n"), Ok(None));
        assert_eq!(azure.line("2023-11-16 18:17:03.9799600,4808,10\r\n"), request(0, 4808, 10));
        assert_eq!(azure.line(""), Ok(None));
        assert_eq!(azure.line("2023-11-16 18:17:04.0319600,3180,8"), request(52_000_000, 3180, 8));
        let mut mooncake = Decoder::new(Format::MooncakeJsonl);
        let line = r#"{"timestamp": 5, "input_length": 7, "output_length": 2, "hash_ids": [1]}"#;
        assert_eq!(mooncake.line(line), request(0, 7, 2));
        let line = r#"{"timestamp": 8, "input_length": 1, "output_length": 1}"#;
        assert_eq!(mooncake.line(line), request(3_000_000, 1, 1));
    }

    #[test]
    fn errors_name_the_line_and_both_sides() {
        let heading = "TIMESTAMP,ContextTokens,GeneratedTokens";
        let good = "2023-11-16 18:17:03,1,1";
        let mooncake = r#"{"timestamp": 0, "input_length": 0, "output_length": 1}"#;
        let long = "x".repeat(100_000);
        let table: [(Format, &[&str], &str); 9] = [
            (
                Format::AzureCsv,
                &[good],
                "line 1: found `2023-11-16 18:17:03,1,1`, expected the heading `TIMESTAMP,ContextTokens,GeneratedTokens`",
            ),
            (
                Format::AzureCsv,
                &[heading, "2023-11-16 18:17:03,1"],
                "line 2: found `2023-11-16 18:17:03,1`, expected three fields: time, prompt tokens, generated tokens",
            ),
            (
                Format::AzureCsv,
                &[heading, "yesterday,1,1"],
                "line 2: found `yesterday`, expected a time from 1970 to 2553 such as `2023-11-16 18:17:03.9799600`",
            ),
            (
                Format::AzureCsv,
                &[heading, "2023-11-16 18:17:03,-1,1"],
                "line 2: found `-1`, expected a whole number of tokens",
            ),
            (
                Format::AzureCsv,
                &[heading, "2023-11-16 18:17:03,1,0"],
                "line 2: found 0 tokens, expected 1 to 4294967295 generated tokens",
            ),
            (
                Format::AzureCsv,
                &[heading, good, "2023-11-16 18:17:02.5,1,1"],
                "line 3: found a time 500ms before the line above, expected lines in order of time",
            ),
            (Format::AzureCsv, &[&long], "line 1: found 100000 bytes, expected a shorter line"),
            (
                Format::MooncakeJsonl,
                &[mooncake],
                "line 1: found 0 tokens, expected a prompt of 1 to 4294967295 tokens",
            ),
            (
                Format::MooncakeJsonl,
                &["{}"],
                "line 1: found `{}` (missing field `timestamp`), expected an object with whole `timestamp` (ms), `input_length` and `output_length`",
            ),
        ];
        for (format, lines, message) in table {
            let mut decoder = Decoder::new(format);
            let (last, before) = lines.split_last().expect("not empty");
            for line in before {
                decoder.line(line).expect("good line");
            }
            assert_eq!(decoder.line(last).expect_err("bad line").to_string(), message);
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(lines in prop::collection::vec(".{0,80}", 0..4), json in any::<bool>()) {
            let format = if json { Format::MooncakeJsonl } else { Format::AzureCsv };
            let mut decoder = Decoder::new(format);
            let _ = decoder.line(AZURE_HEADING);
            for line in lines {
                let _ = decoder.line(&line);
            }
        }

        /// Offsets are differences of the written times, whatever day the trace starts on.
        #[test]
        fn offsets_are_differences(start in 0..40_000_u64, gaps in prop::collection::vec(0..9_000_u64, 1..20)) {
            let mut decoder = Decoder::new(Format::MooncakeJsonl);
            let mut now = start;
            for gap in gaps {
                now += gap;
                let line = format!(r#"{{"timestamp":{now},"input_length":1,"output_length":1}}"#);
                let request = decoder.line(&line).expect("in order").expect("a request");
                if decoder.line == 1 {
                    prop_assert_eq!(request.offset, SimDuration::ZERO);
                }
                let first = decoder.first.expect("read") / 1_000_000;
                prop_assert_eq!(request.offset, SimDuration::from_millis(now - first));
            }
        }

        /// A day has 86,400 seconds and follows the day before.
        #[test]
        fn days_follow_each_other(year in 1970..2553_u64, month in 1..=12_u64, day in 1..=31_u64) {
            prop_assume!(day <= days_of_month(year, month));
            let (y, m, d) = if day < days_of_month(year, month) {
                (year, month, day + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
            prop_assert_eq!(days_since_1970(y, m, d), days_since_1970(year, month, day) + 1);
        }
    }
}
