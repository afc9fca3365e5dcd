//! The proof of the proof: kernels with seeded defects must fail on the CPU. Needs the feature
//! `seeded-defects`: each defect is compiled anew.

use std::path::Path;
use std::process::Command;

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

/// Barriers of kernels' own files that the fibers cannot miss, by number within the file.
///
/// | barrier | why |
/// |---|---|
/// | `yuma` 4, before trust is summed | the two within the sum of ranks order the same cells |
/// | `topk` 2, after the counts are summed | the next one comes before they are read |
/// | `msm` 1, after each halving | a place that is still read is written with what it holds |
const SPARE: &[(&str, usize)] = &[("yuma", 4), ("topk", 2), ("msm", 1)];

const BARRIER: &str = "__syncthreads();";

/// Names kernel and number of the barrier that `one_removed_barrier` removes.
const WHICH: &str = "REMOVED_BARRIER";

/// Every barrier, removed by itself. Each in a process of its own: a kernel without it may do
/// anything.
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
            let program = std::env::current_exe().expect("this test");
            let out = Command::new(program)
                .args(["--exact", "one_removed_barrier", "--ignored", "--nocapture"])
                .env(WHICH, format!("{} {number}", kernel.name))
                .output()
                .expect("starts");
            let said = String::from_utf8_lossy(&out.stderr);
            let line = said.lines().find(|line| line.starts_with("found: "));
            eprintln!("{} {number}: {}", kernel.name, line.unwrap_or("it crashes"));
            assert!(!said.contains("refuses"), "{said}");
            count += 1;
            if out.status.success() {
                missed.push((kernel.name, number));
            }
        }
    }
    eprintln!("{} of {count} removed barriers caught; missed {missed:?}", count - missed.len());
    assert_eq!(missed, SPARE);
}

#[test]
#[ignore = "part of every_removed_barrier_is_caught, which names the barrier"]
fn one_removed_barrier() {
    let which = std::env::var(WHICH).expect("set by every_removed_barrier_is_caught");
    let (name, number) = which.split_once(' ').expect("kernel and number");
    let (kernel, number) = (find(name).expect("a kernel"), number.parse::<usize>().expect("one"));
    let edit = |source: &str| {
        // Headers come first and have barriers of their own.
        let before = source.matches(BARRIER).count() - kernel.source.matches(BARRIER).count();
        let (at, _) = source.match_indices(BARRIER).nth(before + number).expect("counted");
        format!("{};{}", &source[..at], &source[at + BARRIER.len()..])
    };
    let found = problem(kernel, edit, "barriers");
    eprintln!("found: {}", found.as_deref().unwrap_or("nothing"));
    assert!(found.is_none(), "caught");
}
