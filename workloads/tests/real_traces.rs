//! Recorded traces against counts made elsewhere. Reads `$ARABLE_DATA`, or `shared/data`
//! beside the repository; says so and passes where neither exists.

#![expect(clippy::cast_precision_loss, reason = "small numbers of a test")]

use std::fs;
use std::path::PathBuf;

use workloads::request_trace::{Decoder, Format, Request};

fn requests(file: &str) -> Option<Vec<Request>> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("ARABLE_DATA").map_or(PathBuf::from(beside), PathBuf::from);
    let Ok(text) = fs::read_to_string(folder.join(file)) else {
        eprintln!("skipped: no {file} in {} (set ARABLE_DATA)", folder.display());
        return None;
    };
    let mut decoder = Decoder::new(Format::of_file(file).expect("told by the extension"));
    Some(text.lines().filter_map(|line| decoder.line(line).expect("a good line")).collect())
}

/// Requests, seconds from the first to the last, coefficient of variation of the gaps, tokens
/// of prompts and answers together or in the mean.
#[test]
fn traces_have_the_counts_made_elsewhere() {
    if let Some(azure) = requests("trace_azure2023_code.csv") {
        assert_eq!(azure.len(), 8_819);
        let prompts: u64 = azure.iter().map(|r| u64::from(r.prompt_tokens)).sum();
        let answers: u64 = azure.iter().map(|r| u64::from(r.output_tokens)).sum();
        assert_eq!((prompts, answers), (18_059_974, 245_896));
        near(&azure, 3_435.9, 13.151);
        // 18:17:03.9799600 to 19:14:19.9280160, by hand.
        assert_eq!(azure.last().map(|r| r.offset.0), Some(3_435_948_056_000));
    }
    if let Some(mooncake) = requests("trace_mooncake_synthetic.jsonl") {
        assert_eq!(mooncake.len(), 3_993);
        near(&mooncake, 1_022.025, 1.011);
        let mean = |tokens: fn(&Request) -> u32| {
            mooncake.iter().map(|r| f64::from(tokens(r))).sum::<f64>() / 3_993.0
        };
        assert!((mean(|r| r.prompt_tokens) - 15_325.5).abs() < 0.1);
        assert!((mean(|r| r.output_tokens) - 149.1).abs() < 0.1);
    }
}

fn near(requests: &[Request], seconds: f64, variation: f64) {
    let last = requests.last().expect("not empty").offset.seconds();
    assert!((last - seconds).abs() < 0.1, "{last}");
    let gaps: Vec<f64> =
        requests.windows(2).map(|pair| (pair[1].offset - pair[0].offset).seconds()).collect();
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    let spread = (gaps.iter().map(|g| (g - mean) * (g - mean)).sum::<f64>() / n).sqrt();
    assert!((spread / mean / variation - 1.0).abs() < 0.001, "{}", spread / mean);
}
