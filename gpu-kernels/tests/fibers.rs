//! Every kernel on the CPU, its own text in three orders of threads, against its twin.

use std::path::Path;
use std::time::Instant;

use gpu_kernels::kernels;
use gpu_kernels::run::fibers::{self, ORDERS, Program};
use gpu_kernels::verify;

#[test]
fn every_kernel_gives_its_twins_results_in_every_order_of_threads() {
    if !fibers::available() {
        eprintln!("SKIPPED: no C++ compiler here (g++, or what CXX names)");
        return;
    }
    let only = std::env::var("KERNEL").ok();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fibers");
    let mut problems = Vec::new();
    for kernel in kernels::ALL {
        if only.as_deref().is_some_and(|name| name != kernel.name) {
            continue;
        }
        let began = Instant::now();
        let program = match Program::compile(kernel, &folder, str::to_owned) {
            Ok(program) => program,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        let compiled = began.elapsed();
        for shape in kernel.verify {
            kernel.check(shape).expect("shapes to verify fit");
            let job = (kernel.job)(shape, 1);
            let wanted = verify::expected(kernel, shape, &job);
            for order in ORDERS {
                let result = program
                    .run(&job, order)
                    .and_then(|found| verify::compare(kernel, &job, &found, &wanted));
                if let Err(problem) = result {
                    let shape = kernel.shape_text(shape);
                    problems.push(format!("{} {shape} {order:?}: {problem}", kernel.name));
                }
            }
        }
        eprintln!(
            "{:<20} {compiled:>8.2?} to compile, {:>8.2?} in all",
            kernel.name,
            began.elapsed()
        );
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
