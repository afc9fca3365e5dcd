//! The command `arable`.

use std::process::ExitCode;

fn main() -> ExitCode {
    arable::cli::main()
}
