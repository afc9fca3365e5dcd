//! `arable kernels verify`.

use std::time::Instant;

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
        let mut problems = Vec::new();
        let mut elements = 0;
        let mut check = |shape: &[usize], run: &dyn Fn(&gpu_kernels::job::Job) -> Result<Vec<Vec<gpu_kernels::data::Data>>, String>| {
            let job = (kernel.job)(shape, 1);
            let wanted = verify::expected(kernel, shape, &job);
            let found = run(&job).and_then(|runs| {
                for found in runs {
                    elements += verify::compare(kernel, &job, &found, &wanted)?.elements;
                }
                Ok(())
            });
            if let Err(problem) = found {
                problems.push(format!("{}: {problem}", kernel.shape_text(shape)));
            }
        };
        match &device {
            Ok(cuda) => match cuda.load(kernel) {
                Ok(program) => {
                    for shape in shapes {
                        check(shape, &|job| Ok(vec![program.run(job)?]));
                    }
                }
                Err(problem) => problems.push(problem),
            },
            Err(_) => match Program::compile(kernel, &folder, str::to_owned) {
                Ok(program) => {
                    for shape in shapes {
                        let run = |job: &_| ORDERS.iter().map(|&o| program.run(job, o)).collect();
                        check(shape, &run);
                    }
                }
                Err(problem) => problems.push(problem),
            },
        }
        let seconds = began.elapsed().as_secs_f64();
        let what = if problems.is_empty() { "good" } else { "WRONG" };
        let line = format!(
            "{:<18} {what:<5} {} shapes, {elements} elements, {seconds:.1} s\n",
            kernel.name,
            shapes.len()
        );
        output::text(&line);
        for problem in &problems {
            output::say(format_args!("  {problem}"));
        }
        wrong += usize::from(!problems.is_empty());
    }
    let _ = std::fs::remove_dir_all(&folder);
    Ok(if wrong == 0 { Exit::Good } else { Exit::Failed })
}
