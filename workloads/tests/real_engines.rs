//! The cost model against measured deployments, from their requests alone: nothing here is
//! fitted to them. Reads `$ARABLE_DATA`, or `shared/data` beside the repository; says so and
//! passes where neither exists.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers of a test"
)]

use std::fs;
use std::path::PathBuf;

use sim_types::{Fidelity, HardwareProfile, NodeId, Share, SimTime, StateMachine};
use workloads::execution::roofline::{Params, Roofline};
use workloads::execution::{Effect, Input};
use workloads::models::Model;

/// Limits and fitted parameters as in the hardware table of `gpu_kernels::profiles`.
fn hardware(name: &str) -> HardwareProfile {
    let (peak, bandwidth, gigabytes, [ec, em, t0, q]) = match name {
        "rtx_4090" => (165.2e12, 1.008e12, 24, [0.974, 0.941, 5.42e-6, 2.39]),
        "rtx_pro_6000" => (468e12, 1.792e12, 96, [0.861, 0.820, 0.61e-6, 1.86]),
        "h100_sxm" => (989e12, 3.35e12, 80, [0.820, 0.885, 3.68e-6, 3.77]),
        other => panic!("no profile {other}"),
    };
    HardwareProfile {
        name: name.to_owned(),
        peak_flops: peak,
        memory_bandwidth: bandwidth,
        memory_bytes: gigabytes * 1_000_000_000,
        compute_efficiency: ec,
        memory_efficiency: em,
        overhead_seconds: t0,
        sharpness: q,
        limits_class: Fidelity::Published,
        limits_source: String::new(),
        fit_class: Fidelity::Fitted,
        fit_source: String::new(),
    }
}

fn data(file: &str) -> Option<String> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data");
    let folder = std::env::var_os("ARABLE_DATA").map_or(PathBuf::from(beside), PathBuf::from);
    let text = fs::read_to_string(folder.join(file)).ok();
    if text.is_none() {
        eprintln!("skipped: no {file} in {} (set ARABLE_DATA)", folder.display());
    }
    text
}

/// One request of a real run; times in seconds.
struct Row {
    prompt: u32,
    output: u32,
    queued: f64,
    first: f64,
    last: f64,
}

fn rows(text: &str) -> Vec<Row> {
    let mut rows: Vec<Row> = text
        .lines()
        .skip(1)
        .map(|line| {
            let f: Vec<f64> = line.split(',').map(|f| f.parse().expect("a number")).collect();
            Row { prompt: f[1] as u32, output: f[2] as u32, queued: f[4], first: f[6], last: f[7] }
        })
        .collect();
    rows.sort_by(|a, b| a.queued.total_cmp(&b.queued));
    rows
}

/// Finish times of the rows on one node.
fn simulate(name: &str, slots: u32, rows: &[Row]) -> (Vec<f64>, Vec<f64>) {
    let params = Params { slots, queue_limit: 1_000_000, ..Params::default() };
    let profile = hardware(name);
    params.supports(&profile).expect("fits");
    let mut node = Roofline::new(params).expect("valid");
    let mut out = Vec::new();
    node.apply(Input::NodeJoined { node: NodeId(0), profile }, &mut out).expect("joins");
    let (mut starts, mut ends) = (vec![0.0; rows.len()], vec![0.0; rows.len()]);
    let mut finishes: Vec<(SimTime, u64)> = Vec::new();
    let mut arrivals = rows.iter().enumerate().peekable();
    loop {
        finishes.sort_unstable_by_key(|&finish| core::cmp::Reverse(finish));
        let arrival = arrivals.peek().map(|(_, row)| SimTime((row.queued * 1e9) as u64));
        let finish = finishes.last().copied();
        let now = match (arrival, finish) {
            (Some(at), Some((end, _))) if at < end => at,
            (Some(at), None) => at,
            (_, Some((end, _))) => end,
            (None, None) => return (starts, ends),
        };
        let input = match finish {
            Some((end, ticket)) if end == now => {
                finishes.pop();
                ends[ticket as usize] = now.seconds();
                Input::Finished { node: NodeId(0), ticket }
            }
            _ => {
                let (ticket, row) = arrivals.next().expect("peeked");
                Input::Submitted {
                    node: NodeId(0),
                    ticket: ticket as u64,
                    prompt_tokens: row.prompt,
                    output_tokens: row.output,
                    work: Share::ONE,
                }
            }
        };
        node.apply(input, &mut out).expect("valid");
        for effect in out.drain(..) {
            match effect {
                Effect::Started { ticket, takes, .. } => {
                    starts[ticket as usize] = now.seconds();
                    finishes.push((now + takes, ticket));
                }
                Effect::Queued { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

/// 300 requests of `ShareGPT` lengths at 10 a second on vLLM 0.19 and Llama 3.1 8B
/// (`casys-kaist/LLMServingSim` @ 5daddb21): how long the whole run takes, how long a request
/// does from arrival to end, and how long a token does in the mean.
///
/// The whole run is what the model is built to get right. A request is too fast where the
/// line fills up behind it (occupancy is frozen at its start), most of all where all of the
/// first 128 start at once; and where memory is short, vLLM packs more sequences than fit and
/// preempts, the model reserves whole contexts and serves fewer, each faster.
#[test]
fn whole_runs_of_a_real_engine() {
    let table = [
        ("vllm_e2e_rtx4090_llama31-8b.csv", "rtx_4090", 256, [0.02, 0.05, 0.3]),
        ("vllm_e2e_rtxpro6000_llama31-8b.csv", "rtx_pro_6000", 128, [0.02, 0.35, 0.2]),
    ];
    for (file, name, slots, bounds) in table {
        let Some(text) = data(file) else { continue };
        let rows = rows(&text);
        let (starts, ends) = simulate(name, slots, &rows);
        let last = |ends: &mut dyn Iterator<Item = f64>| ends.fold(0.0, f64::max);
        let steps = |row: &Row| f64::from(row.output) - 1.0;
        let real = [
            last(&mut rows.iter().map(|r| r.last)),
            mean(rows.iter().map(|r| r.last - r.queued)),
            mean(rows.iter().map(|r| (r.last - r.first) / steps(r))),
        ];
        let ours = [
            last(&mut ends.iter().copied()),
            mean(rows.iter().zip(&ends).map(|(r, end)| end - r.queued)),
            mean((0..rows.len()).map(|i| (ends[i] - starts[i]) / steps(&rows[i]))),
        ];
        let what = ["makespan s", "mean end to end s", "mean time per token s"];
        for i in 0..3 {
            let error = ours[i] / real[i] - 1.0;
            eprintln!("{name}: {} {:.4}, measured {:.4}: {error:+.3}", what[i], ours[i], real[i]);
            assert!(error.abs() < bounds[i], "{name} {} {error:+.3}", what[i]);
        }
    }
}

/// Qwen3 32B in fp8 on one H100, 32 requests of 1024 and 128 tokens at a time (TensorRT-LLM
/// 1.0.0rc3, `ai-dynamo/aiconfigurator` @ 095f58a51c).
#[test]
fn a_batch_on_one_h100() {
    let Some(text) = data("serving_e2e_refs.csv") else { return };
    let row = text
        .lines()
        .find(|line| line.contains("Qwen/Qwen3-32B,h100_sxm,fp8,agg,1024,128,fp8,fp8,32.0,1.0"))
        .expect("the row of the deployment");
    let fields: Vec<&str> = row.split(',').collect();
    let millis = |back: usize| -> f64 { fields[fields.len() - back].parse().expect("a number") };
    let real = (millis(2) + 127.0 * millis(1)) / 1e3;
    let params = Params { model: Model::Qwen3B32, weight_bytes: 1.0, slots: 32, queue_limit: 0 };
    let ours = params.service_time(&hardware("h100_sxm"), 1024, 128, 32).seconds();
    let error = ours / real - 1.0;
    eprintln!("h100_sxm: end to end {ours:.3} s, measured {real:.3} s: {error:+.3}");
    assert!(error.abs() < 0.10, "{error:+.3}");
}
