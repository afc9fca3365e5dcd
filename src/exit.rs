//! Exit codes: one for each way a command can end. Stable; see STABILITY.md.

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Everything as asked.
    Good = 0,
    /// An expectation, a reference case or a baseline was not met.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The scenario is invalid.
    Scenario = 3,
    /// A file could not be read or written.
    File = 4,
    /// The same plan gave two different results.
    NonDeterminism = 5,
    /// A device could not be used.
    Device = 6,
    /// A bug in Arable.
    Bug = 70,
    /// Interrupted by Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// Every code with its meaning, for help and documentation.
    pub const ALL: [(Self, &'static str); 9] = [
        (Self::Good, "good"),
        (Self::Failed, "expectation, reference case or baseline not met"),
        (Self::Usage, "usage"),
        (Self::Scenario, "scenario invalid"),
        (Self::File, "file cannot be read or written"),
        (Self::NonDeterminism, "non-determinism"),
        (Self::Device, "device"),
        (Self::Bug, "bug in arable"),
        (Self::Interrupted, "interrupted"),
    ];
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
