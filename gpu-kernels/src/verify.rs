//! Results held against the twin's.

use half::bf16;

use crate::data::Data;
use crate::job::{Job, Role};
use crate::kernel::{Kernel, Tolerance};

/// How outputs compare with the twin's.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize)]
pub struct Agreement {
    /// Elements compared.
    pub elements: u64,
    /// Elements whose bits differ.
    pub different: u64,
    /// Greatest difference of floating-point outputs.
    pub worst: f64,
}

/// The job of a shape as its twin leaves it.
#[must_use]
pub fn expected(kernel: &Kernel, shape: &[usize], job: &Job) -> Vec<Data> {
    let mut buffers: Vec<Data> = job.buffers.iter().map(|buffer| buffer.data.clone()).collect();
    (kernel.twin)(shape, &mut buffers);
    buffers
}

/// Compares what a device left in the buffers of a job with what the twin did.
///
/// # Errors
/// A sentence with the first element beyond the tolerance, or an input that was overwritten.
pub fn compare(
    kernel: &Kernel,
    job: &Job,
    found: &[Data],
    wanted: &[Data],
) -> Result<Agreement, String> {
    compare_within(kernel.tolerance, job, found, wanted)
}

/// As [`compare`], with a tolerance that is not the kernel's.
///
/// # Errors
/// As there.
pub fn compare_within(
    tolerance: Tolerance,
    job: &Job,
    found: &[Data],
    wanted: &[Data],
) -> Result<Agreement, String> {
    let mut agreement = Agreement::default();
    for ((buffer, found), wanted) in job.buffers.iter().zip(found).zip(wanted) {
        match buffer.role {
            Role::Scratch => {}
            Role::Input if *found == buffer.data => {}
            Role::Input => return Err(format!("the input {} was overwritten", buffer.name)),
            Role::Output => {
                one(tolerance, found, wanted, &mut agreement)
                    .map_err(|at| format!("{}[{at}", buffer.name))?;
            }
        }
    }
    Ok(agreement)
}

fn one(
    tolerance: Tolerance,
    found: &Data,
    wanted: &Data,
    sum: &mut Agreement,
) -> Result<(), String> {
    sum.elements += wanted.len() as u64;
    if found == wanted && !matches!(found, Data::F32(_)) {
        return Ok(());
    }
    let element = wanted.bytes().len() / wanted.len().max(1);
    let pairs = found.bytes().chunks(element).zip(wanted.bytes().chunks(element));
    for (i, (f, w)) in pairs.enumerate() {
        if f == w {
            continue;
        }
        sum.different += 1;
        let (text, near) = match (float(found, i), float(wanted, i), tolerance) {
            (Some(f), Some(w), Tolerance::Near { absolute, relative }) => {
                sum.worst = sum.worst.max(f64::from((f - w).abs()));
                let near = (f - w).abs() <= absolute + relative * w.abs();
                (format!("{f:e}, the twin has {w:e}"), near)
            }
            (Some(f), Some(w), Tolerance::Bits) if matches!(found, Data::F32(_)) => {
                (format!("{f:e}, the twin has {w:e}"), false)
            }
            _ => (format!("{} by its bits, the twin has {}", hex(f), hex(w)), false),
        };
        if !near {
            return Err(format!("{i}] is {text}"));
        }
    }
    Ok(())
}

/// An element as a number, where it is one.
fn float(data: &Data, i: usize) -> Option<f32> {
    match data {
        Data::F32(v) => Some(v[i]),
        Data::U16(v) => Some(bf16::from_bits(v[i]).to_f32()),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().rev().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}
