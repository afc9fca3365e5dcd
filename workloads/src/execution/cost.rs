//! How long a language model call occupies a slot of an accelerator.
//!
//! **One operation** of `F` FLOP on `B` bytes takes
//! `t0 + ((F / (ec P))^q + (B / (em BW))^q)^(1/q)` on hardware with peak `P`, bandwidth `BW`
//! and the fitted parameters of [`HardwareProfile`].
//!
//! **One forward step** over `T` tokens is composed of `5 L + 1` operations in `L` layers:
//! the four matrix products of a layer (query-key-value, output, gate-and-up, down), its
//! attention, and the head. The second summand of the formula is homogeneous, so products of
//! the same FLOP per byte may be summed before it is applied; the step is therefore
//! `(5 L + 1) t0`, one roofline over all products together, and one over all attention:
//!
//! | | FLOP | bytes |
//! |---|---|---|
//! | products | `2 active T`, the head only for tokens whose successor is wanted | `w touched(T)` + activations |
//! | attention of a prompt of `P` | `c P (P + 1) / 2` | `kv P` |
//! | attention of `n` sequences at context `S` | `c n S` | `kv n S` |
//!
//! with the counts of [`ModelShape`]: `active`, `touched`, `c` FLOP and `kv` bytes for every
//! token of context. Attention is charged with the parameters fitted to matrix products.
//! Norms, rotations, sampling, the host and the network between accelerators are not counted.
//!
//! **One call** with prompt `P` and answer `O` that starts as one of `n` busy slots takes
//! `prefill(P) + (O - 1) decode(n, C) + (n - 1) O r`. The first token comes out of the
//! prefill. `C` is the context in all slots: its own, `P + O/2` in the mean over its steps
//! (exactly, since a step is linear in it), and that of its neighbours at its start. `r` is
//! the prefill time that one slot brings with it for every token answered, over all calls
//! this node has started: prefills hold up everybody, so over any long time `n` slots do no
//! more work than the accelerator can. For `n` equal calls, `n prefill + (O - 1) decode`.
//!
//! `n` and `C` are those at the start and stay: a call that starts alone is not slowed by
//! those that follow.

use serde::{Deserialize, Serialize};
use sim_types::{HardwareProfile, SimDuration, math, seeded};

use super::memo::Memo;
use crate::models::{ModelShape, float};

/// Share of memory that weights and context may take: the default of vLLM's
/// `gpu_memory_utilization`. The rest holds activations and the driver's own data.
///
/// With memory in units of 10^9 bytes this gives an RTX 4090 room for 42,266 tokens of
/// Llama 3.1 8B in bf16; vLLM 0.19 allots 41,408 there (2,588 blocks of 16,
/// `casys-kaist/LLMServingSim` @ 5daddb21).
pub(super) const MEMORY_SHARE: f64 = 0.9;

/// Bytes of an element of activations and context: bf16.
const ELEMENT_BYTES: f64 = 2.0;

/// A model on an accelerator.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Cost {
    hardware: HardwareProfile,
    /// Fixed costs of all operations of a step, seconds.
    step_overhead: f64,
    /// FLOP of a prompt's products: for every token, and once for the head.
    prompt_flops: f64,
    head_flops: f64,
    /// FLOP of attention for every pair of tokens.
    pair_flops: f64,
    /// Bytes of activations for every token, and of context.
    activation_bytes: f64,
    kv_bytes: f64,
    /// Weight bytes that a step reads, by tokens in the step; more tokens than the
    /// table has read what its last entry says. One entry if all weights are always read.
    weight_bytes: Vec<f64>,
    /// Seconds of a decode step without attention, by sequences in the step, from 1.
    decode_base: Vec<f64>,
    /// Seconds that one token of context of one sequence adds to a decode step.
    decode_context: f64,
    /// Tokens of context that fit beside the weights.
    room: u64,
    /// By tokens of the prompt.
    #[serde(skip)]
    prefills: Memo,
}

/// What a call finds around it when it starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Crowd {
    /// Sequences in slots, the call's own included.
    pub(super) sequences: u32,
    /// Their contexts together, each in its mean over its steps.
    pub(super) context: f64,
    /// Seconds of prefill that come with every token answered.
    pub(super) prefill_per_token: f64,
}

impl Crowd {
    /// `sequences` equal calls.
    pub(super) fn of_equals(
        prefill: f64,
        prompt_tokens: u32,
        output_tokens: u32,
        sequences: u32,
    ) -> Self {
        let output = f64::from(output_tokens);
        Self {
            sequences,
            context: f64::from(sequences) * (f64::from(prompt_tokens) + 0.5 * output),
            prefill_per_token: prefill / output.max(1.0),
        }
    }
}

/// Steps of more tokens than this read what one of this many does: even with 8 of 384
/// experts a token (the sparsest model of the table) all but 1e-9 of the weights.
const SPARSE_STEP: u32 = 1024;

impl Cost {
    pub(super) fn new(
        hardware: HardwareProfile,
        shape: &ModelShape,
        bytes_per_weight: f64,
        slots: u32,
    ) -> Self {
        let kv_bytes = ELEMENT_BYTES * float(shape.kv_elements_per_token());
        let pair_flops = float(shape.flops_per_context_token());
        let head_flops = 2.0 * float(shape.head_params());
        let table = if shape.experts.is_some() { SPARSE_STEP } else { 1 };
        let mut cost = Self {
            step_overhead: float(5 * shape.layers + 1) * hardware.overhead_seconds,
            prompt_flops: float(shape.flops_per_token()) - head_flops,
            head_flops,
            pair_flops,
            activation_bytes: ELEMENT_BYTES * float(shape.activations_per_token()),
            kv_bytes,
            weight_bytes: (1..=table)
                .map(|tokens| bytes_per_weight * shape.touched_params(f64::from(tokens)))
                .collect(),
            decode_base: Vec::new(),
            decode_context: operation(&hardware, pair_flops, kv_bytes),
            room: room(&hardware, shape, bytes_per_weight),
            prefills: Memo::default(),
            hardware,
        };
        cost.decode_base = (1..=slots).map(|sequences| cost.decode_products(sequences)).collect();
        cost
    }

    /// Whether this is the cost model of that hardware.
    pub(super) fn is_of(&self, hardware: &HardwareProfile) -> bool {
        self.hardware == *hardware
    }

    /// Tokens of context that fit beside the weights.
    pub(super) fn room(&self) -> u64 {
        self.room
    }

    /// Seconds of the forward step over a whole prompt, alone on the accelerator.
    pub(super) fn prefill(&mut self, prompt_tokens: u32) -> f64 {
        let mut prefills = core::mem::take(&mut self.prefills);
        let seconds = prefills.get(prompt_tokens, || self.compute_prefill(prompt_tokens));
        self.prefills = prefills;
        seconds
    }

    fn compute_prefill(&self, prompt_tokens: u32) -> f64 {
        let tokens = f64::from(prompt_tokens);
        let flops = self.prompt_flops * tokens + self.head_flops;
        let bytes = self.weights(prompt_tokens) + self.activation_bytes * tokens;
        let pairs = tokens * (tokens + 1.0) * 0.5;
        let products = operation(&self.hardware, flops, bytes);
        let attention = operation(&self.hardware, self.pair_flops * pairs, self.kv_bytes * tokens);
        self.step_overhead + products + attention
    }

    /// Seconds of a step that adds one token to each of `sequences` (1 to the slots), whose
    /// contexts are `context` tokens together.
    fn decode(&self, sequences: u32, context: f64) -> f64 {
        self.decode_base[sequences as usize - 1] + context * self.decode_context
    }

    /// Seconds that a call takes whose own prefill takes `prefill`.
    pub(super) fn call(&self, prefill: f64, output_tokens: u32, crowd: &Crowd) -> f64 {
        let tokens = f64::from(output_tokens);
        let steps = (tokens - 1.0).max(0.0);
        let others = f64::from(crowd.sequences - 1);
        prefill
            + steps * self.decode(crowd.sequences, crowd.context)
            + others * tokens * crowd.prefill_per_token
    }

    fn decode_products(&self, sequences: u32) -> f64 {
        let tokens = f64::from(sequences);
        let flops = (self.prompt_flops + self.head_flops) * tokens;
        let bytes = self.weights(sequences) + self.activation_bytes * tokens;
        self.step_overhead + operation(&self.hardware, flops, bytes)
    }

    fn weights(&self, tokens: u32) -> f64 {
        let last = self.weight_bytes.len() - 1;
        self.weight_bytes[(tokens.max(1) as usize - 1).min(last)]
    }
}

/// Seconds of work without the fixed cost: a roofline with a rounded corner.
fn operation(hardware: &HardwareProfile, flops: f64, bytes: f64) -> f64 {
    let compute = flops / (hardware.compute_efficiency * hardware.peak_flops);
    let memory = bytes / (hardware.memory_efficiency * hardware.memory_bandwidth);
    let memory = seeded!(MemoryForgotten, 0.0, memory);
    let (long, short) = if compute > memory { (compute, memory) } else { (memory, compute) };
    if long <= 0.0 {
        return 0.0;
    }
    // The larger one is taken out of the sum, so that no power over- or underflows.
    let q = hardware.sharpness;
    long * math::pow(1.0 + math::pow(short / long, q), 1.0 / q)
}

/// Tokens of context that fit beside the weights; 0 also where the weights do not fit.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "`as` saturates")]
pub(super) fn room(hardware: &HardwareProfile, shape: &ModelShape, bytes_per_weight: f64) -> u64 {
    let weights = bytes_per_weight * float(shape.total_params());
    let left = MEMORY_SHARE * float(hardware.memory_bytes) - weights;
    (left / (ELEMENT_BYTES * float(shape.kv_elements_per_token()))) as u64
}

/// Seconds as simulated time, scaled by the share of the work that is really done.
pub(super) fn scaled(seconds: f64, work: sim_types::Share) -> SimDuration {
    SimDuration::from_secs_f64(seconds * work.as_f64())
}
