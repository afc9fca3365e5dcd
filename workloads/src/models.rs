//! Shapes of language models, and what follows from them: parameters, FLOP and bytes a token.
//!
//! A shape is what a model's `config.json` says; every count is derived from it by the
//! formulas at the methods, and `tests/counts.rs` holds them to the published totals. Counts
//! are of matrices only: norms and biases (below 0.01 %) are left out.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sim_types::{Fact, Fidelity, math};

/// A model that scenarios can name.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema,
)]
pub enum Model {
    /// Meta Llama 3.1, 8 billion parameters.
    #[default]
    #[serde(rename = "llama_3_1_8b")]
    Llama31B8,
    /// Meta Llama 3.1, 70 billion parameters.
    #[serde(rename = "llama_3_1_70b")]
    Llama31B70,
    /// Meta Llama 3.1, 405 billion parameters.
    #[serde(rename = "llama_3_1_405b")]
    Llama31B405,
    /// Mistral Mixtral, 2 of 8 experts a token.
    #[serde(rename = "mixtral_8x7b")]
    Mixtral8x7B,
    /// Alibaba Qwen3, 8 billion parameters.
    #[serde(rename = "qwen3_8b")]
    Qwen3B8,
    /// Alibaba Qwen3, 32 billion parameters.
    #[serde(rename = "qwen3_32b")]
    Qwen3B32,
    /// Alibaba Qwen3, 8 of 128 experts a token.
    #[serde(rename = "qwen3_30b_a3b")]
    Qwen3B30A3,
    /// Alibaba Qwen3, 8 of 128 experts a token.
    #[serde(rename = "qwen3_235b_a22b")]
    Qwen3B235A22,
    /// `DeepSeek` V3, 8 of 256 experts and a shared one a token, latent attention.
    #[serde(rename = "deepseek_v3")]
    DeepSeekV3,
    /// Moonshot Kimi K2, 8 of 384 experts and a shared one a token, latent attention.
    #[serde(rename = "kimi_k2")]
    KimiK2,
    /// `MiniMax` M2.5, 8 of 256 experts a token.
    #[serde(rename = "minimax_m2_5")]
    MiniMaxM25,
}

/// What a token's context is kept as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Groups of query heads share a key and a value head.
    Grouped {
        /// Key (and value) heads.
        kv_heads: u64,
        /// Elements of a head; not always hidden size over query heads.
        head_dim: u64,
    },
    /// All heads share one compressed vector (DeepSeek-V2, arXiv 2405.04434, section 2.1).
    Latent {
        /// Rank of the compressed query.
        q_rank: u64,
        /// Rank of the compressed key and value, which is what is kept.
        kv_rank: u64,
        /// Elements of a key head without position.
        nope_dim: u64,
        /// Elements of a key head with position; kept once for all heads.
        rope_dim: u64,
        /// Elements of a value head.
        v_dim: u64,
    },
}

/// Feed-forward blocks of which a token visits only some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experts {
    /// Routed experts of a layer.
    pub count: u64,
    /// Routed experts that a token visits.
    pub per_token: u64,
    /// Experts that every token visits.
    pub shared: u64,
    /// Width of one expert.
    pub width: u64,
    /// Layers at the front that have a plain feed-forward block instead.
    pub first_dense: u64,
}

/// A decoder-only transformer with gated feed-forward blocks and untied embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelShape {
    /// Key in scenarios.
    pub key: &'static str,
    /// Whose `config.json` the numbers are from.
    pub config: &'static str,
    /// Layers.
    pub layers: u64,
    /// Hidden size.
    pub hidden: u64,
    /// Query heads.
    pub q_heads: u64,
    /// How context is attended to and kept.
    pub attention: Attention,
    /// Width of a plain feed-forward block.
    pub ffn: u64,
    /// Words.
    pub vocabulary: u64,
    /// Routed experts, where the model has them.
    pub experts: Option<Experts>,
}

const LLAMA: ModelShape = ModelShape {
    key: "llama_3_1_8b",
    config: "meta-llama/Llama-3.1-8B",
    layers: 32,
    hidden: 4096,
    q_heads: 32,
    attention: Attention::Grouped { kv_heads: 8, head_dim: 128 },
    ffn: 14336,
    vocabulary: 128_256,
    experts: None,
};
const QWEN: ModelShape = ModelShape {
    key: "qwen3_8b",
    config: "Qwen/Qwen3-8B",
    layers: 36,
    ffn: 12288,
    vocabulary: 151_936,
    ..LLAMA
};
const DEEPSEEK: ModelShape = ModelShape {
    key: "deepseek_v3",
    config: "deepseek-ai/DeepSeek-V3",
    layers: 61,
    hidden: 7168,
    q_heads: 128,
    attention: Attention::Latent {
        q_rank: 1536,
        kv_rank: 512,
        nope_dim: 128,
        rope_dim: 64,
        v_dim: 128,
    },
    ffn: 18432,
    vocabulary: 129_280,
    experts: Some(Experts { count: 256, per_token: 8, shared: 1, width: 2048, first_dense: 3 }),
};

/// In the order of [`Model`].
const SHAPES: [ModelShape; 11] = [
    LLAMA,
    ModelShape {
        key: "llama_3_1_70b",
        config: "meta-llama/Llama-3.1-70B",
        layers: 80,
        hidden: 8192,
        q_heads: 64,
        ffn: 28672,
        ..LLAMA
    },
    ModelShape {
        key: "llama_3_1_405b",
        config: "meta-llama/Llama-3.1-405B",
        layers: 126,
        hidden: 16384,
        q_heads: 128,
        ffn: 53248,
        ..LLAMA
    },
    ModelShape {
        key: "mixtral_8x7b",
        config: "mistralai/Mixtral-8x7B-v0.1",
        vocabulary: 32_000,
        experts: Some(Experts { count: 8, per_token: 2, shared: 0, width: 14336, first_dense: 0 }),
        ..LLAMA
    },
    QWEN,
    ModelShape {
        key: "qwen3_32b",
        config: "Qwen/Qwen3-32B",
        layers: 64,
        hidden: 5120,
        q_heads: 64,
        ffn: 25600,
        ..QWEN
    },
    ModelShape {
        key: "qwen3_30b_a3b",
        config: "Qwen/Qwen3-30B-A3B",
        layers: 48,
        hidden: 2048,
        attention: Attention::Grouped { kv_heads: 4, head_dim: 128 },
        ffn: 6144,
        experts: Some(Experts { count: 128, per_token: 8, shared: 0, width: 768, first_dense: 0 }),
        ..QWEN
    },
    ModelShape {
        key: "qwen3_235b_a22b",
        config: "Qwen/Qwen3-235B-A22B",
        layers: 94,
        q_heads: 64,
        attention: Attention::Grouped { kv_heads: 4, head_dim: 128 },
        experts: Some(Experts { count: 128, per_token: 8, shared: 0, width: 1536, first_dense: 0 }),
        ..QWEN
    },
    DEEPSEEK,
    ModelShape {
        key: "kimi_k2",
        config: "moonshotai/Kimi-K2-Instruct",
        q_heads: 64,
        vocabulary: 163_840,
        experts: Some(Experts { count: 384, per_token: 8, shared: 1, width: 2048, first_dense: 1 }),
        ..DEEPSEEK
    },
    ModelShape {
        key: "minimax_m2_5",
        config: "MiniMaxAI/MiniMax-M2.5",
        layers: 62,
        hidden: 3072,
        q_heads: 48,
        ffn: 1536,
        vocabulary: 200_064,
        experts: Some(Experts { count: 256, per_token: 8, shared: 0, width: 1536, first_dense: 0 }),
        ..LLAMA
    },
];

impl Model {
    /// Every model, in the order of the table.
    pub const ALL: [Self; 11] = [
        Self::Llama31B8,
        Self::Llama31B70,
        Self::Llama31B405,
        Self::Mixtral8x7B,
        Self::Qwen3B8,
        Self::Qwen3B32,
        Self::Qwen3B30A3,
        Self::Qwen3B235A22,
        Self::DeepSeekV3,
        Self::KimiK2,
        Self::MiniMaxM25,
    ];

    /// Its shape.
    #[must_use]
    pub fn shape(self) -> &'static ModelShape {
        &SHAPES[self as usize]
    }

    /// Its key in scenarios.
    #[must_use]
    pub fn key(self) -> &'static str {
        self.shape().key
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl ModelShape {
    /// Matrix parameters of one attention block.
    fn attention_params(&self) -> u64 {
        let (h, q) = (self.hidden, self.q_heads);
        match self.attention {
            // Query and output, then key and value.
            Attention::Grouped { kv_heads, head_dim: d } => 2 * h * q * d + 2 * h * kv_heads * d,
            Attention::Latent { q_rank, kv_rank, nope_dim, rope_dim, v_dim } => {
                let query = h * q_rank + q_rank * q * (nope_dim + rope_dim);
                let kept = h * (kv_rank + rope_dim) + kv_rank * q * (nope_dim + v_dim);
                query + kept + q * v_dim * h
            }
        }
    }

    /// Layers with routed experts.
    fn routed_layers(&self) -> u64 {
        self.experts.map_or(0, |e| self.layers - e.first_dense)
    }

    /// Matrix parameters of one routed expert: gate, up and down.
    fn expert_params(&self) -> u64 {
        self.experts.map_or(0, |e| 3 * self.hidden * e.width)
    }

    /// Matrix parameters that every token passes, without embedding and head.
    fn common_params(&self) -> u64 {
        let plain = (self.layers - self.routed_layers()) * 3 * self.hidden * self.ffn;
        let (shared, experts) = self.experts.map_or((0, 0), |e| (e.shared, e.count));
        let routing =
            self.routed_layers() * (shared * self.expert_params() + self.hidden * experts);
        self.layers * self.attention_params() + plain + routing
    }

    /// Parameters of the head, which turns a hidden state into words; the embedding has as many.
    #[must_use]
    pub fn head_params(&self) -> u64 {
        self.vocabulary * self.hidden
    }

    /// Matrix parameters in memory: embedding, layers, head.
    #[must_use]
    pub fn total_params(&self) -> u64 {
        let routed = self.experts.map_or(0, |e| e.count) * self.expert_params();
        2 * self.head_params() + self.common_params() + self.routed_layers() * routed
    }

    /// Matrix parameters that one token is multiplied by: all but the embedding, which is
    /// looked up, and the experts that it does not visit.
    #[must_use]
    pub fn active_params(&self) -> u64 {
        let routed = self.experts.map_or(0, |e| e.per_token) * self.expert_params();
        self.head_params() + self.common_params() + self.routed_layers() * routed
    }

    /// Matrix parameters that a step over `tokens` tokens reads from memory. Of `E` experts,
    /// `k` a token, it touches `E (1 - (1 - k/E)^tokens)` when all are equally likely.
    #[must_use]
    pub fn touched_params(&self, tokens: f64) -> f64 {
        let routed = self.experts.map_or(0.0, |e| {
            let (all, visited) = (float(e.count), float(e.per_token));
            let touched = all * (1.0 - math::pow(1.0 - visited / all, tokens));
            touched * float(self.routed_layers() * self.expert_params())
        });
        float(self.head_params() + self.common_params()) + routed
    }

    /// FLOP of one token with no context behind it: a multiplication and an addition for
    /// every active parameter.
    #[must_use]
    pub fn flops_per_token(&self) -> u64 {
        2 * self.active_params()
    }

    /// FLOP that every token of context adds to a new token: scores and weighted sum, over
    /// all heads and layers (latent attention in its uncompressed form).
    #[must_use]
    pub fn flops_per_context_token(&self) -> u64 {
        let width = match self.attention {
            Attention::Grouped { head_dim, .. } => 2 * head_dim,
            Attention::Latent { nope_dim, rope_dim, v_dim, .. } => nope_dim + rope_dim + v_dim,
        };
        2 * self.q_heads * width * self.layers
    }

    /// Elements kept of every token of context.
    #[must_use]
    pub fn kv_elements_per_token(&self) -> u64 {
        self.layers
            * match self.attention {
                Attention::Grouped { kv_heads, head_dim } => 2 * kv_heads * head_dim,
                Attention::Latent { kv_rank, rope_dim, .. } => kv_rank + rope_dim,
            }
    }

    /// Bytes kept of every token of context, in bf16.
    #[must_use]
    pub fn kv_bytes_per_token(&self) -> u64 {
        2 * self.kv_elements_per_token()
    }

    /// Elements that the matrix products of all layers read and write for one token.
    #[must_use]
    pub fn activations_per_token(&self) -> u64 {
        let attention = match self.attention {
            // In: hidden, heads. Out: queries, keys, values, hidden.
            Attention::Grouped { kv_heads, head_dim } => {
                2 * self.hidden + 2 * (self.q_heads + kv_heads) * head_dim
            }
            Attention::Latent { q_rank, kv_rank, nope_dim, rope_dim, v_dim } => {
                let heads = self.q_heads * (2 * nope_dim + rope_dim + 2 * v_dim);
                3 * self.hidden + 2 * q_rank + 2 * kv_rank + rope_dim + heads
            }
        };
        let routed = self.routed_layers();
        let width = self.experts.map_or(0, |e| e.width * (e.per_token + e.shared));
        let blocks = (self.layers - routed) * self.ffn + routed * width;
        self.layers * (attention + 2 * self.hidden) + 3 * blocks
    }

    /// The numbers that a cost model takes from this shape.
    #[must_use]
    pub fn facts(&self) -> Vec<Fact> {
        let source = format!("config.json of {}, counted from its matrices", self.config);
        let fact = |what: &str, value: String| {
            Fact::new(format!("model.{}.{what}", self.key), value, Fidelity::Published, &*source)
        };
        vec![
            fact("parameters", self.total_params().to_string()),
            fact("active_parameters", self.active_params().to_string()),
            fact("flops_per_context_token", self.flops_per_context_token().to_string()),
            fact("kv_bytes_per_token", format!("{} B in bf16", self.kv_bytes_per_token())),
        ]
    }
}

/// A count as a factor of a formula.
#[expect(clippy::cast_precision_loss, reason = "counts of a model stay below 2^53")]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_what_a_scenario_writes() {
        for model in Model::ALL {
            let written = serde_json::to_value(model).expect("a unit variant");
            assert_eq!(written, model.key());
        }
    }
}
