//! What kernels compute, on the CPU: the oracle of each, and the path where there is no GPU.
//!
//! A twin of an fp32 kernel performs the same operations in the same order, so that its bits
//! are the kernel's.

pub mod attention;
pub mod elementwise;
pub mod field;
pub mod gemm;
pub mod gradients;
pub mod lowrank;
pub mod merkle;
pub mod moe;
pub mod msm;
pub mod ntt;
pub mod order;
mod proportion;
pub mod reed_solomon;
pub mod rewards;
pub mod yuma;
pub mod yuma_sparse;

/// Compiles a function a second time for processors with AVX2 and FMA, and takes that one
/// where they are. Results are the same: `mul_add` rounds once either way.
macro_rules! dispatch {
    ($(#[$doc:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $out:ty)? = $body:path;) => {
        $(#[$doc])*
        $vis fn $name($($arg: $ty),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma,bmi1,bmi2")]
                fn wide($($arg: $ty),*) $(-> $out)? {
                    $body($($arg),*)
                }
                if std::is_x86_feature_detected!("avx2")
                    && std::is_x86_feature_detected!("fma")
                    && std::is_x86_feature_detected!("bmi2")
                {
                    #[expect(unsafe_code, reason = "instructions that not every processor has")]
                    // SAFETY: the processor was asked for them just now.
                    return unsafe { wide($($arg),*) };
                }
            }
            $body($($arg),*)
        }
    };
}
pub(crate) use dispatch;
