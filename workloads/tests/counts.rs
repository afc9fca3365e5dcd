//! Counts derived from shapes, held to numbers counted elsewhere.

#![expect(clippy::cast_precision_loss, reason = "small numbers of a test")]

use workloads::models::{Attention, Model};

/// Total parameters that the published checkpoints hold, norms included (the `total_size` or
/// the parameter count of their model pages), where the norms are known: two a layer and a
/// last one, and for Qwen3 one for queries and one for keys in every layer.
#[test]
fn totals_with_norms_are_those_of_the_checkpoints() {
    let table = [
        (Model::Llama31B8, false, 8_030_261_248_u64),
        (Model::Llama31B70, false, 70_553_706_496),
        (Model::Llama31B405, false, 405_853_388_800),
        (Model::Mixtral8x7B, false, 46_702_792_704),
        (Model::Qwen3B8, true, 8_190_735_360),
        (Model::Qwen3B32, true, 32_762_123_264),
        (Model::Qwen3B30A3, true, 30_532_122_624),
        (Model::Qwen3B235A22, true, 235_093_634_560),
    ];
    for (model, norms_of_heads, published) in table {
        let shape = model.shape();
        let Attention::Grouped { head_dim, .. } = shape.attention else {
            panic!("{model} has grouped attention");
        };
        let heads = if norms_of_heads { 2 * head_dim } else { 0 };
        let norms = shape.layers * (2 * shape.hidden + heads) + shape.hidden;
        assert_eq!(shape.total_params() + norms, published, "{model}");
    }
}

/// Sums of matrices by an independent count over the shapes in `ai-dynamo/aiconfigurator` @
/// 095f58a51c (`model_configs`): parameters, FLOP a token, FLOP a token of context, bytes of
/// context; zero where that count gives none.
#[test]
fn counts_agree_with_an_independent_one() {
    let table: [(Model, u64, u64, u64, u64); 11] = [
        (Model::Llama31B8, 8_029_995_008, 15_009_316_864, 524_288, 131_072),
        (Model::Llama31B70, 70_552_387_584, 139_003_428_864, 2_621_440, 327_680),
        (Model::Llama31B405, 0, 0, 8_257_536, 516_096),
        (Model::Mixtral8x7B, 46_702_526_464, 25_497_174_016, 524_288, 131_072),
        (Model::Qwen3B8, 8_190_427_136, 0, 0, 147_456),
        (Model::Qwen3B32, 32_761_446_400, 63_967_068_160, 2_097_152, 262_144),
        (Model::Qwen3B30A3, 0, 0, 786_432, 98_304),
        (Model::Qwen3B235A22, 0, 43_135_270_912, 3_080_192, 192_512),
        (Model::DeepSeekV3, 0, 73_249_193_984, 0, 70_272),
        (Model::KimiK2, 1_026_407_202_816, 63_372_132_352, 2_498_560, 70_272),
        (Model::MiniMaxM25, 0, 20_830_224_384, 1_523_712, 253_952),
    ];
    for (model, total, flops, context, kv) in table {
        let shape = model.shape();
        let same = |got: u64, want: u64| assert!(want == 0 || got == want, "{model} {got} {want}");
        same(shape.total_params(), total);
        same(shape.flops_per_token(), flops);
        same(shape.flops_per_context_token(), context);
        same(shape.kv_bytes_per_token(), kv);
    }
}

/// Rounded totals and active parameters in billions, where exact ones are not at hand.
#[test]
fn rounded_counts_agree() {
    let table = [
        (Model::Llama31B405, 405.85, 403.75),
        (Model::Qwen3B30A3, 30.53, 3.04),
        (Model::Qwen3B235A22, 235.1, 21.57),
        (Model::DeepSeekV3, 671.0, 36.63),
        (Model::MiniMaxM25, 228.7, 10.42),
    ];
    for (model, total, active) in table {
        let near = |got: u64, want: f64| {
            let ratio = got as f64 / 1e9 / want;
            assert!((ratio - 1.0).abs() < 0.001, "{model} {got} {want}");
        };
        near(model.shape().total_params(), total);
        near(model.shape().active_params(), active);
    }
}

/// Distinct experts under uniform routing, worked by hand: 256 experts, 8 a token, 64 tokens
/// touch 222.442 of them; 128, 8 and 16 touch 82.423.
#[test]
fn touched_experts_follow_the_formula() {
    let per_expert = |model: Model, tokens: f64| {
        let shape = model.shape();
        let experts = shape.experts.expect("routed");
        let one = (shape.layers - experts.first_dense) * 3 * shape.hidden * experts.width;
        let visited = experts.per_token * one;
        let common = (shape.active_params() - visited) as f64;
        (shape.touched_params(tokens) - common) / one as f64
    };
    let table = [
        (Model::DeepSeekV3, 1.0, 8.0),
        (Model::DeepSeekV3, 64.0, 222.442),
        (Model::Qwen3B30A3, 16.0, 82.423),
    ];
    for (model, tokens, want) in table {
        let got = per_expert(model, tokens);
        assert!((got / want - 1.0).abs() < 1e-5, "{model} {tokens}: {got} for {want}");
    }
}
