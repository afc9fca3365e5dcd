//! The registry. A kernel is one file here, one in `cuda/`, and a function in
//! [`twin`](crate::twin).

use crate::kernel::Kernel;

mod common;
mod merkle;

macro_rules! registry {
    ($($name:ident),* $(,)?) => {
        $(mod $name;)*

        /// Every kernel.
        pub const ALL: &[&Kernel] = &[$(&$name::KERNEL),*];
    };
}

registry! {
    yuma,
    yuma_sparse,
    gemm_f32,
    gemm_bf16,
    attention_prefill,
    attention_decode,
    moe,
    rmsnorm,
    softmax,
    rope,
    swiglu,
    fingerprint,
    grpo,
    int8_blocks,
    topk,
    lowrank,
    reed_solomon,
    keccak,
    blake2b,
    sha256,
    commitment,
    ntt,
    msm,
}
