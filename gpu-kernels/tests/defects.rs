//! The proof of the proof: kernels with seeded defects must fail on the CPU. Needs the feature
//! `seeded-defects`: each defect is compiled anew.

use std::path::Path;

use gpu_kernels::kernel::{Kernel, find};
use gpu_kernels::kernels;
use gpu_kernels::run::fibers::{self, ORDERS, Program};
use gpu_kernels::verify;

/// Kernel, text, what stands there instead, what that is.
const DEFECTS: &[(&str, &str, &str, &str)] = &[
    (
        "gemm_f32",
        "    copy_wait<0>();\n    __syncthreads();\n    stage",
        "    copy_wait<0>();\n    stage",
        "a removed barrier",
    ),
    (
        "gemm_bf16",
        "copy_wait<STAGES - 2>",
        "copy_wait<STAGES - 1>",
        "a copy that is not waited for",
    ),
    ("yuma", "share(upscale, bond) * 65535", "share(upscale, bond) * 65536", "a wrong constant"),
    ("rope", "head / heads]", "head % heads]", "a wrong index"),
    ("topk", "e_at < wanted)", "e_at <= wanted)", "a bound too far"),
    ("keccak", "if (2 * i >= n) return;", "if (2 * i > n) return;", "a write beyond the array"),
    (
        "attention_prefill",
        "token <= row && token",
        "token < row + 2 && token",
        "a token of the future",
    ),
    (
        "softmax",
        "float sum = 0.0f;",
        "float sum = 0.0f; if (first >= d) return;",
        "a barrier that not all reach",
    ),
    ("ntt", "low << first |", "low |", "a wrong root"),
    (
        "msm",
        "is_zero(r) ? twice(p) : infinity()",
        "is_zero(r) ? p : infinity()",
        "a point added to itself",
    ),
];

/// What the CPU finds wrong with a kernel whose text is changed; the orders tell nothing apart
/// in a sound one.
fn problem(kernel: &Kernel, edit: impl FnOnce(&str) -> String, folder: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
    let program = match Program::compile(kernel, &folder, edit) {
        Ok(program) => program,
        Err(problem) => return Some(problem),
    };
    for shape in kernel.verify {
        let job = (kernel.job)(shape, 1);
        let wanted = verify::expected(kernel, shape, &job);
        for order in ORDERS {
            let found = program.run(&job, order);
            let compared = found.and_then(|found| verify::compare(kernel, &job, &found, &wanted));
            if let Err(problem) = compared {
                return Some(format!("{} {order:?}: {problem}", kernel.shape_text(shape)));
            }
        }
    }
    None
}

#[test]
fn seeded_defects_are_caught() {
    if !fibers::available() {
        eprintln!("SKIPPED: no C++ compiler here");
        return;
    }
    for &(name, text, defect, what) in DEFECTS {
        let kernel = find(name).expect("a kernel");
        let edit = |source: &str| {
            assert!(source.contains(text), "{name} has no {text:?}");
            source.replace(text, defect)
        };
        let found = problem(kernel, edit, "defects");
        eprintln!("{name}, {what}: {}", found.as_deref().unwrap_or("NOT CAUGHT"));
        assert!(found.is_some_and(|found| !found.contains("refuses")), "{name}: {what} passed");
    }
}

/// Barriers of kernels' own files that the fibers cannot miss, by number within the file: what
/// they order is ordered by another one, or by the end of a loop that no shape repeats.
const SPARE: &[(&str, usize)] = &[];

const BARRIER: &str = "__syncthreads();";

/// Every barrier, removed by itself.
#[test]
fn every_removed_barrier_is_caught() {
    if !fibers::available() {
        eprintln!("SKIPPED: no C++ compiler here");
        return;
    }
    let mut missed = Vec::new();
    let mut count = 0;
    for kernel in kernels::ALL {
        for number in 0..kernel.source.matches(BARRIER).count() {
            let edit = |source: &str| {
                // Headers come first and have barriers of their own.
                let before =
                    source.matches(BARRIER).count() - kernel.source.matches(BARRIER).count();
                let (at, _) = source.match_indices(BARRIER).nth(before + number).expect("counted");
                format!("{}{}", &source[..at], &source[at + BARRIER.len()..])
            };
            count += 1;
            let found = problem(kernel, edit, "barriers");
            let said = found.as_deref().unwrap_or("NOT CAUGHT").lines().next().unwrap_or_default();
            eprintln!("{}, barrier {number}: {said}", kernel.name);
            assert!(!said.contains("refuses"), "{}, barrier {number}: {said}", kernel.name);
            if found.is_none() {
                missed.push((kernel.name, number));
            }
        }
    }
    eprintln!("{} of {count} removed barriers caught; missed {missed:?}", count - missed.len());
    assert_eq!(missed, SPARE);
}
