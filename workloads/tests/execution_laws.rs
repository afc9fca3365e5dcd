//! Laws of the serving machines, checked against a host that keeps its own books.

#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers of a test"
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use sim_types::{Fidelity, HardwareProfile, NodeId, Rejected, Share, SimDuration, StateMachine};
use workloads::execution::roofline::Params;
use workloads::execution::{Effect, Execution, ExecutionSpec, Input, Ticket};
use workloads::models::Model;

/// An accelerator with round numbers: 1e14 FLOP/s, 1e12 B/s, 100 us an operation, a sharp
/// corner.
fn round(memory_bytes: u64) -> HardwareProfile {
    HardwareProfile {
        name: "round".to_owned(),
        peak_flops: 1e14,
        memory_bandwidth: 1e12,
        memory_bytes,
        compute_efficiency: 1.0,
        memory_efficiency: 1.0,
        overhead_seconds: 1e-4,
        sharpness: 1000.0,
        limits_class: Fidelity::Assumed,
        limits_source: "made up".to_owned(),
        fit_class: Fidelity::Assumed,
        fit_source: "made up".to_owned(),
    }
}

fn machine(params: Params, memory_bytes: u64) -> Execution {
    let mut machine = Execution::new(ExecutionSpec::Roofline(params)).expect("valid");
    let mut out = Vec::new();
    for node in 0..2 {
        let profile = round(memory_bytes);
        machine.apply(Input::NodeJoined { node: NodeId(node), profile }, &mut out).expect("joins");
    }
    assert!(out.is_empty());
    machine
}

fn submit(node: u32, ticket: Ticket, prompt_tokens: u32, output_tokens: u32) -> Input {
    let (node, work) = (NodeId(node), Share::ONE);
    Input::Submitted { node, ticket, prompt_tokens, output_tokens, work }
}

/// What a test does to the machines.
#[derive(Debug, Clone)]
enum Step {
    Submit { node: u32, prompt: u32, output: u32 },
    Finish { node: u32, which: usize },
    Abandon { node: u32, which: usize },
    Crash { node: u32 },
    Nonsense { node: u32, ticket: Ticket },
}

fn step() -> impl Strategy<Value = Step> {
    let node = 0..2_u32;
    prop_oneof![
        6 => (node.clone(), 1..40_000_u32, 1..4_000_u32)
            .prop_map(|(node, prompt, output)| Step::Submit { node, prompt, output }),
        4 => (node.clone(), any::<usize>()).prop_map(|(node, which)| Step::Finish { node, which }),
        2 => (node.clone(), any::<usize>()).prop_map(|(node, which)| Step::Abandon { node, which }),
        1 => node.prop_map(|node| Step::Crash { node }),
        1 => (0..4_u32, 1_000_000..1_000_100_u64)
            .prop_map(|(node, ticket)| Step::Nonsense { node, ticket }),
    ]
}

/// The host's books of one node.
#[derive(Default)]
struct Books {
    running: BTreeSet<Ticket>,
    line: VecDeque<Ticket>,
}

proptest! {
    /// Any history: a ticket ends exactly once, the line is first come first served, no slot
    /// and memory stay free while somebody waits, never more than slots, line and memory
    /// allow; wrong inputs change nothing.
    #[test]
    fn machines_keep_the_laws(
        steps in prop::collection::vec(step(), 1..120), slots in 1..5_u32, queue_limit in 0..6_u32,
    ) {
        // Beside 16.06 GB of weights, 90 % of 24 GB hold 42,266 tokens of 131,072 bytes.
        let room = ((0.9 * 24e9 - 2.0 * 8_029_995_008.0) / 131_072.0) as u64;
        let params = Params { slots, queue_limit, ..Params::default() };
        let mut machine = machine(params, 24_000_000_000);
        let mut books = [Books::default(), Books::default()];
        let mut sizes: BTreeMap<Ticket, u64> = BTreeMap::new();
        let mut ended: BTreeSet<Ticket> = BTreeSet::new();
        let mut next = 0;
        for step in steps {
            let pick = |set: Vec<Ticket>, which: usize| {
                (!set.is_empty()).then(|| set[which % set.len()])
            };
            let input = match step {
                Step::Submit { node, prompt, output } => {
                    next += 1;
                    sizes.insert(next, u64::from(prompt) + u64::from(output));
                    submit(node, next, prompt, output)
                }
                Step::Finish { node, which } => {
                    let running = books[node as usize].running.iter().copied().collect();
                    let Some(ticket) = pick(running, which) else { continue };
                    books[node as usize].running.remove(&ticket);
                    prop_assert!(ended.insert(ticket));
                    Input::Finished { node: NodeId(node), ticket }
                }
                Step::Abandon { node, which } => {
                    let books = &mut books[node as usize];
                    let all = books.running.iter().chain(&books.line).copied().collect();
                    let Some(ticket) = pick(all, which) else { continue };
                    if let Some(place) = books.line.iter().position(|&t| t == ticket) {
                        books.line.remove(place);
                        prop_assert!(ended.insert(ticket));
                    }
                    Input::Abandoned { node: NodeId(node), ticket }
                }
                Step::Crash { node } => Input::Crashed { node: NodeId(node) },
                Step::Nonsense { node, ticket } => {
                    let (before, mut out) = (machine.clone(), Vec::new());
                    let node = NodeId(node);
                    let wrong = [
                        Input::Finished { node, ticket },
                        Input::Abandoned { node, ticket },
                        Input::NodeJoined { node: NodeId(7), profile: round(1) },
                        submit(9, ticket, 1, 1),
                        Input::Crashed { node: NodeId(9) },
                    ];
                    for input in wrong {
                        prop_assert!(machine.apply(input, &mut out).is_err());
                        prop_assert_eq!(&machine, &before);
                    }
                    prop_assert!(out.is_empty());
                    continue;
                }
            };
            let mut out = Vec::new();
            machine.apply(input, &mut out).expect("valid input");
            for effect in out {
                match effect {
                    Effect::Started { node, ticket, takes } => {
                        let books = &mut books[node.0 as usize];
                        prop_assert!(takes > SimDuration::ZERO);
                        if ticket != next || !books.line.is_empty() {
                            prop_assert_eq!(books.line.pop_front(), Some(ticket));
                        }
                        prop_assert!(books.running.insert(ticket));
                    }
                    Effect::Queued { node, ticket } => {
                        prop_assert_eq!(ticket, next);
                        books[node.0 as usize].line.push_back(ticket);
                    }
                    Effect::Refused { node, ticket } => {
                        let full = books[node.0 as usize].line.len() >= queue_limit as usize;
                        prop_assert!(full || sizes[&ticket] > room);
                        prop_assert!(ended.insert(ticket));
                    }
                    Effect::Lost { node, ticket } => {
                        let books = &mut books[node.0 as usize];
                        let was_running = books.running.remove(&ticket);
                        prop_assert!(was_running || books.line.pop_front() == Some(ticket));
                        prop_assert!(ended.insert(ticket));
                    }
                }
            }
            for (node, books) in books.iter().enumerate() {
                let load = machine.load(NodeId(node as u32));
                let counted = (books.running.len() as u32, books.line.len() as u32);
                prop_assert_eq!((load.running, load.waiting), counted);
                prop_assert!(load.running <= slots && load.waiting <= queue_limit);
                let reserved: u64 = books.running.iter().map(|t| sizes[t]).sum();
                prop_assert!(reserved <= room);
                if let Some(first) = books.line.front() {
                    prop_assert!(load.running == slots || reserved + sizes[first] > room);
                }
            }
            let state = serde_json::to_string(&machine).expect("serialisable");
            prop_assert_eq!(&serde_json::from_str::<Execution>(&state).expect("reads back"), &machine);
        }
        let open: usize = books.iter().map(|b| b.running.len() + b.line.len()).sum();
        prop_assert_eq!(ended.len() + open, sizes.len());
    }

    /// Longer, busier and slower never means sooner.
    #[test]
    fn time_grows_with_everything(
        prompt in 1..20_000_u32, output in 1..2_000_u32, running in 1..8_u32, slower in 0.2..1.0_f64,
    ) {
        let params = Params::default();
        let time = |hardware: &HardwareProfile, prompt, output, running| {
            params.service_time(hardware, prompt, output, running)
        };
        let hardware = round(24_000_000_000);
        let base = time(&hardware, prompt, output, running);
        prop_assert!(time(&hardware, prompt + 1, output, running) > base);
        prop_assert!(time(&hardware, prompt, output + 1, running) > base);
        prop_assert!(time(&hardware, prompt, output, running + 1) > base);
        let weaker = HardwareProfile { memory_bandwidth: 1e12 * slower, ..hardware.clone() };
        prop_assert!(time(&weaker, prompt, output, running) >= base);
        let rounder = HardwareProfile { sharpness: 2.0, ..hardware };
        prop_assert!(time(&rounder, prompt, output, running) > base);
    }

    /// A crowd of equal calls shares the accelerator: all together they do more tokens a second
    /// than one alone, and never more FLOP than its peak.
    #[test]
    fn slots_share_one_accelerator(prompt in 1..20_000_u32, output in 1..2_000_u32, n in 2..8_u32) {
        let (params, hardware) = (Params::default(), round(24_000_000_000));
        let alone = params.service_time(&hardware, prompt, output, 1).seconds();
        let crowd = params.service_time(&hardware, prompt, output, n).seconds() / f64::from(n);
        prop_assert!(crowd <= alone * (1.0 + 1e-9));
        let shape = params.model.shape();
        let head = 2.0 * shape.head_params() as f64;
        let flops = (shape.flops_per_token() as f64 - head) * f64::from(prompt + output - 1)
            + head * f64::from(output);
        prop_assert!(flops / crowd <= 1e14);
    }
}

/// Worked by hand on the round accelerator: a prefill of 1000 tokens is bound by compute,
/// a decode step of one sequence by memory. Llama 3.1 8B: 7,504,658,432 active parameters, of
/// which 525,336,576 in the head; 524,288 FLOP and 131,072 bytes a token of context.
#[test]
fn times_are_those_of_the_formulas() {
    let (active, head) = (7_504_658_432.0, 525_336_576.0);
    let overhead = 161.0 * 1e-4;
    let prefill = (2.0 * (active - head) * 1000.0 + 2.0 * head) / 1e14
        + 524_288.0 * 500_500.0 / 1e14
        + overhead;
    // In and out of the four products of a layer: 4096 + 6144, 4096 + 4096, 4096 + 28672,
    // 14336 + 4096 elements of two bytes.
    let activations = 2.0 * 32.0 * 69_632.0;
    let step =
        |context: f64| (2.0 * active + activations) / 1e12 + 131_072.0 * context / 1e12 + overhead;
    let params = Params::default();
    let hardware = round(24_000_000_000);
    let table = [
        (1000, 1, prefill),
        (1000, 2, prefill + step(1001.0)),
        (1000, 5, prefill + step(1001.0) + step(1002.0) + step(1003.0) + step(1004.0)),
    ];
    for (prompt, output, want) in table {
        let got = params.service_time(&hardware, prompt, output, 1).seconds();
        assert!((got - want).abs() < 2e-9, "{output}: {got} for {want}");
    }
}

#[test]
fn work_scales_time() {
    let mut machine = machine(Params::default(), 24_000_000_000);
    let mut out = Vec::new();
    for (node, work) in [(0, Share::ONE), (1, Share::percent(25))] {
        let node = NodeId(node);
        let input =
            Input::Submitted { node, ticket: 1, prompt_tokens: 100, output_tokens: 100, work };
        machine.apply(input, &mut out).expect("valid");
    }
    let [Effect::Started { takes: all, .. }, Effect::Started { takes: quarter, .. }] = out[..]
    else {
        panic!("both start: {out:?}");
    };
    assert!(all.0.abs_diff(quarter.0 * 4) <= 4, "{all} {quarter}");
}

#[test]
fn a_finish_after_a_crash_is_rejected() {
    let mut machine = machine(Params::default(), 24_000_000_000);
    let mut out = Vec::new();
    machine.apply(submit(0, 5, 10, 10), &mut out).expect("valid");
    machine.apply(Input::Crashed { node: NodeId(0) }, &mut out).expect("valid");
    assert!(matches!(out[1], Effect::Lost { node: NodeId(0), ticket: 5 }));
    let late = Input::Finished { node: NodeId(0), ticket: 5 };
    assert_eq!(machine.apply(late, &mut out), Err(Rejected::NotOpen(5)));
}

#[test]
fn models_that_do_not_fit_are_named() {
    let spec = |model, weight_bytes| {
        ExecutionSpec::Roofline(Params { model, weight_bytes, ..Params::default() })
    };
    let card = round(24_000_000_000);
    let table = [
        (spec(Model::Llama31B8, 2.0), None),
        (spec(Model::Qwen3B32, 0.56), None),
        (
            spec(Model::Llama31B70, 2.0),
            Some(
                "model is llama_3_1_70b (141.1 GB of weights) on round, \
                 expected weights below 90% of the memory",
            ),
        ),
    ];
    for (spec, message) in table {
        assert_eq!(spec.supports(&card).err().map(|e| e.to_string()).as_deref(), message);
    }
    let broken = HardwareProfile { compute_efficiency: 0.0, ..card };
    let error = spec(Model::Llama31B8, 2.0).supports(&broken).expect_err("zero efficiency");
    assert_eq!(error.field, "hardware");
}

#[test]
fn parameters_outside_the_domain_are_named() {
    let table = [
        (Params { slots: 0, ..Params::default() }, "slots"),
        (Params { slots: 1025, ..Params::default() }, "slots"),
        (Params { weight_bytes: f64::NAN, ..Params::default() }, "weight_bytes"),
        (Params { queue_limit: 1_000_001, ..Params::default() }, "queue_limit"),
    ];
    for (params, field) in table {
        let error = Execution::new(ExecutionSpec::Roofline(params)).expect_err("outside");
        assert_eq!(error.field, field);
    }
}
