//! Every kernel compiled for every target, its registers, shared memory and spills held to
//! `registers.tsv`. `UPDATE=1` writes the table anew, `REGISTERS` names a file to write it to
//! instead of comparing.

use std::fmt::Write as _;
use std::fs;

use gpu_kernels::kernels;
use gpu_kernels::run::nvrtc::Nvrtc;

const ARCHITECTURES: [&str; 5] = ["sm_80", "sm_89", "sm_90", "sm_100", "sm_120"];
const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/registers.tsv");

#[test]
fn every_kernel_compiles_within_its_registers() {
    let compiler = match Nvrtc::find() {
        Ok(compiler) => compiler,
        Err(reason) => {
            eprintln!("SKIPPED: {reason}");
            return;
        }
    };
    let (major, minor) = compiler.version;
    let only = std::env::var("KERNEL").ok();
    let mut table = format!(
        "# NVRTC {major}.{minor}: registers a thread, shared memory a block, stack and spills a thread\n\
         kernel\tentry\tarchitecture\tregisters\tshared_bytes\tstack_bytes\tspilled_bytes\n"
    );
    let mut problems = Vec::new();
    for kernel in kernels::ALL {
        if only.as_deref().is_some_and(|name| name != kernel.name) {
            continue;
        }
        for architecture in ARCHITECTURES {
            match compiler.compile(kernel, architecture) {
                Err(problem) => problems.push(problem),
                Ok(cubin) => {
                    for r in cubin.resources {
                        if r.spills > 0 {
                            problems.push(format!(
                                "{} of {} spills {} bytes for {architecture}",
                                r.entry, kernel.name, r.spills
                            ));
                        }
                        let _ = writeln!(
                            table,
                            "{}\t{}\t{architecture}\t{}\t{}\t{}\t{}",
                            kernel.name, r.entry, r.registers, r.shared, r.stack, r.spills
                        );
                    }
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    if only.is_some() {
        eprint!("{table}");
        return;
    }
    if let Some(file) = std::env::var_os("REGISTERS") {
        fs::write(file, &table).expect("the table can be written");
        return;
    }
    if std::env::var_os("UPDATE").is_some() {
        fs::write(TABLE, &table).expect("the table can be written");
    }
    // The reason why the table was last blessed is not part of it.
    let committed = fs::read_to_string(TABLE).unwrap_or_default();
    let committed: String =
        committed.split_inclusive('\n').filter(|line| !line.starts_with("# blessed: ")).collect();
    let version = |text: &str| text.split(':').next().unwrap_or("").to_owned();
    if version(&committed) != version(&table) {
        eprintln!("SKIPPED: {TABLE} is of {}, this is {}", version(&committed), version(&table));
        return;
    }
    let changed: Vec<_> = table.lines().filter(|l| !committed.lines().any(|c| c == *l)).collect();
    assert!(
        table == committed,
        "registers.tsv differs (UPDATE=1 accepts the new figures):\n{}",
        changed.join("\n")
    );
}
