//! `arable kernels verify`.

use std::time::Instant;

use gpu_kernels::bench::limits;
use gpu_kernels::data::Data;
use gpu_kernels::job::Job;
use gpu_kernels::kernel::Kernel;
use gpu_kernels::run::cuda::Cuda;
use gpu_kernels::run::fibers::{self, ORDERS, Program};
use gpu_kernels::verify;

use super::{Selection, output};
use crate::exit::Exit;

pub(super) fn execute(selection: &Selection) -> Result<Exit, Exit> {
    let chosen = selection.chosen(|kernel| kernel.verify)?;
    let device = Cuda::open();
    match &device {
        Ok(cuda) => output::say(format_args!("on {}", cuda.device.name)),
        Err(reason) if fibers::available() => output::say(format_args!(
            "no GPU ({reason}): each kernel's own text on this processor, in three orders of threads"
        )),
        Err(reason) => {
            let message = format!(
                "no GPU ({reason}), and no C++ compiler (g++, or what CXX names) to run kernels \
                 on this processor"
            );
            return Err(output::failure(Exit::Device, message));
        }
    }
    let folder = std::env::temp_dir().join(format!("arable-kernels-{}", std::process::id()));
    let mut wrong = 0;
    for (kernel, shapes) in &chosen {
        let began = Instant::now();
        let tally = match &device {
            Ok(cuda) => cuda
                .load(kernel)
                .map(|program| hold(kernel, shapes, &|job| Ok(vec![program.run(job)?]))),
            Err(_) => Program::compile(kernel, &folder, str::to_owned).map(|program| {
                hold(kernel, shapes, &|job| ORDERS.iter().map(|&o| program.run(job, o)).collect())
            }),
        };
        let tally = tally.unwrap_or_else(|problem| Tally { elements: 0, problems: vec![problem] });
        let line = format!(
            "{:<18} {:<5} {} shapes, {} elements, {:.1} s\n",
            kernel.name,
            if tally.problems.is_empty() { "good" } else { "WRONG" },
            shapes.len(),
            tally.elements,
            began.elapsed().as_secs_f64()
        );
        output::text(&line);
        for problem in &tally.problems {
            output::say(format_args!("  {problem}"));
        }
        wrong += usize::from(!tally.problems.is_empty());
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(if wrong == 0 { Exit::Good } else { Exit::Failed })
}

/// The buffers that each run of a job left.
type Runs = Result<Vec<Vec<Data>>, String>;

/// What came of a kernel's shapes.
struct Tally {
    elements: u64,
    problems: Vec<String>,
}

/// Runs each shape, once or several times, and compares every result with the twin's.
fn hold(kernel: &Kernel, shapes: &[Vec<usize>], run: &dyn Fn(&Job) -> Runs) -> Tally {
    let mut tally = Tally { elements: 0, problems: Vec::new() };
    for shape in shapes {
        if let Err(problem) = limits::fits_memory(kernel, shape) {
            tally.problems.push(format!("{}: {problem}", kernel.shape_text(shape)));
            continue;
        }
        let job = (kernel.job)(shape, 1);
        let wanted = verify::expected(kernel, shape, &job);
        let compared = run(&job).and_then(|runs| {
            let compare = |found: &Vec<Data>| verify::compare(kernel, &job, found, &wanted);
            runs.iter().map(|found| Ok(compare(found)?.elements)).sum::<Result<u64, String>>()
        });
        match compared {
            Ok(elements) => tally.elements += elements,
            Err(problem) => tally.problems.push(format!("{}: {problem}", kernel.shape_text(shape))),
        }
    }
    tally
}
