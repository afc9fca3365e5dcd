//! What devices can do.

use std::time::Instant;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::kernel::{Cost, Kernel, Unit};
use crate::profiles;

/// Upper limits of a device.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Key of a hardware profile, or the name of this processor.
    pub name: String,
    /// bf16 on tensor cores, operations/s.
    pub tensor_bf16: Option<f64>,
    /// fp32, operations/s; a fused multiply-add is two.
    pub fp32: Option<f64>,
    /// 32-bit integer instructions/s.
    pub int32: Option<f64>,
    /// Bytes/s.
    pub bandwidth: f64,
    /// Where the figures come from.
    pub source: String,
}

impl Limits {
    /// The least time of a piece of work: arithmetic or bytes, whichever takes longer.
    #[must_use]
    pub fn nanoseconds(&self, cost: &Cost) -> Option<f64> {
        let rate = match cost.unit {
            Unit::TensorBf16 => self.tensor_bf16,
            Unit::Fp32 => self.fp32,
            Unit::Int32 => self.int32,
        };
        Some(1e9 * (cost.operations / rate?).max(cost.bytes / self.bandwidth))
    }
}

/// Name in the profiles, what the driver's name contains, fp32 and int32 in 10^12/s.
///
/// fp32 as in the vendor's data sheets (`H100`: DS-10313; `A100`: DS-10031; `L40S` and RTX 4090:
/// Ada whitepaper). Integers: lanes a multiprocessor and clock, from the architectures'
/// whitepapers and the throughput table of the CUDA programming guide (64 a clock).
const DEVICES: [(&str, &[&str], f64, f64); 4] = [
    ("h100_sxm", &["H100"], 67.0, 14.8),
    ("a100_sxm", &["A100"], 19.5, 9.7),
    ("l40s", &["L40S"], 91.6, 22.9),
    ("rtx_4090", &["RTX 4090"], 82.6, 20.6),
];

/// Names of devices with limits for all units.
#[must_use]
pub fn names() -> Vec<&'static str> {
    DEVICES.iter().map(|device| device.0).collect()
}

/// Limits by the key of a hardware profile.
#[must_use]
pub fn of_profile(name: &str) -> Option<Limits> {
    let &(key, _, fp32, int32) = DEVICES.iter().find(|device| device.0 == name)?;
    let profile = profiles::profile(key)?;
    Some(Limits {
        name: key.to_owned(),
        tensor_bf16: Some(profile.peak_flops),
        fp32: Some(fp32 * 1e12),
        int32: Some(int32 * 1e12),
        bandwidth: profile.memory_bandwidth,
        source: format!("published; {}", profile.limits_source),
    })
}

/// Limits of a device by the name that its driver gives.
#[must_use]
pub fn of_device(name: &str) -> Option<Limits> {
    let known = DEVICES.iter().find(|device| device.1.iter().any(|part| name.contains(part)))?;
    of_profile(known.0)
}

/// The processor's name.
#[must_use]
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}

/// Limits of this processor with all its threads, measured: the best of several short runs of
/// nothing but multiply-adds, and of copying what no cache holds.
#[must_use]
pub fn of_this_processor() -> Limits {
    let threads = rayon::current_num_threads();
    let best = |work: &dyn Fn() -> f64| (0..7).map(|_| work()).fold(0.0, f64::max);
    let fp32 = best(&|| {
        const ROUNDS: u32 = 2_000_000;
        let began = Instant::now();
        let sum: f32 = (0..threads).into_par_iter().map(|i| multiply_adds(ROUNDS, i as f32)).sum();
        let operations = 2.0 * (LANES * CHAINS) as f64 * f64::from(ROUNDS) * threads as f64;
        std::hint::black_box(sum);
        operations / began.elapsed().as_secs_f64()
    });
    let (from, mut to) = (vec![1_u64; 1 << 23], vec![0_u64; 1 << 23]);
    let mut bandwidth = 0.0_f64;
    for _ in 0..7 {
        let began = Instant::now();
        to.par_chunks_mut(1 << 16).zip(from.par_chunks(1 << 16)).for_each(|(to, from)| {
            to.copy_from_slice(from);
        });
        std::hint::black_box(&to);
        bandwidth = bandwidth.max(2.0 * 8.0 * from.len() as f64 / began.elapsed().as_secs_f64());
    }
    Limits {
        name: processor(),
        // bf16 is computed in fp32 here.
        tensor_bf16: Some(fp32),
        fp32: Some(fp32),
        int32: None,
        bandwidth,
        source: format!("measured on {threads} threads: multiply-adds in registers; a copy"),
    }
}

/// Independent chains of vectors that hide the latency of a multiply-add.
const LANES: usize = 8;
const CHAINS: usize = 12;

crate::twin::dispatch! {
    fn multiply_adds(rounds: u32, start: f32) -> f32 = multiply_adds_body;
}

#[inline(always)]
fn multiply_adds_body(rounds: u32, start: f32) -> f32 {
    let mut x = [[start; LANES]; CHAINS];
    for _ in 0..rounds {
        for chain in &mut x {
            for lane in chain {
                *lane = lane.mul_add(0.999_9, 0.5);
            }
        }
    }
    x.iter().flatten().sum()
}

/// Whether a shape fits this machine's memory, with copies for the twin and a comparison.
///
/// # Errors
/// A sentence with the bytes needed and the bytes there.
pub fn fits_memory(kernel: &Kernel, shape: &[usize]) -> Result<(), String> {
    // Arrays are about what is moved once at the least; jobs are built on the host first.
    let needed = 3.0 * (kernel.cost)(shape).bytes;
    let info = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    match kilobytes {
        Some(kilobytes) if needed > kilobytes * 1024.0 => Err(format!(
            "needs about {needed:.0} bytes of memory with copies to compare; {:.0} are free",
            kilobytes * 1024.0
        )),
        _ => Ok(()),
    }
}
