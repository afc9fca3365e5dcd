//! `arable explain`: what a rule or parameter means; why something in a run came out so.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output;
use crate::exit::Exit;
use crate::explain::{self, ExplainError};

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// A rule or parameter (`reward.yuma.kappa`, `verification.spot_check`, `horizon`), or a
    /// run directory
    subject: String,
    /// With a run directory: the job of this name
    #[arg(long, value_name = "JOB", conflicts_with_all = ["epoch", "payout"])]
    job: Option<u64>,
    /// With a run directory: a period of a subnet
    #[arg(long, value_name = "SUBNET/EPOCH", conflicts_with = "payout")]
    epoch: Option<String>,
    /// With a run directory: everything a node, by number or name, was paid in a period
    #[arg(long, value_name = "NODE/EPOCH")]
    payout: Option<String>,
}

impl Explain {
    pub(super) fn execute(self) -> Exit {
        let told = match (self.job, &self.epoch, &self.payout) {
            (Some(job), ..) => explain::job(&self.dir(), job),
            (None, Some(pair), _) => {
                numbers(pair).and_then(|(s, e)| explain::epoch(&self.dir(), s, e))
            }
            (None, None, Some(pair)) => {
                node_and_period(pair).and_then(|(n, e)| explain::payout(&self.dir(), n, e))
            }
            (None, None, None) if Path::new(&self.subject).is_dir() => explain::run(&self.dir()),
            (None, None, None) => explain::topic(&self.subject),
        };
        match told {
            Ok(text) => output::text(&text),
            Err(
                error @ (ExplainError::Unknown { .. }
                | ExplainError::Pair(_)
                | ExplainError::Payout(_)
                | ExplainError::Absent(_)),
            ) => output::failure(Exit::Usage, error),
            Err(error) => output::failure(Exit::File, error),
        }
    }

    fn dir(&self) -> PathBuf {
        PathBuf::from(&self.subject)
    }
}

/// Two numbers with a slash between.
fn numbers(text: &str) -> Result<(u32, u64), ExplainError> {
    let read = || {
        let (first, second) = text.split_once('/')?;
        Some((first.trim().parse().ok()?, second.trim().parse().ok()?))
    };
    read().ok_or_else(|| ExplainError::Pair(text.to_owned()))
}

/// A node by number or name (which may hold slashes), and a number after the last slash.
fn node_and_period(text: &str) -> Result<(&str, u64), ExplainError> {
    let parts = text.rsplit_once('/').filter(|(node, _)| !node.trim().is_empty());
    let read = parts.and_then(|(node, epoch)| Some((node.trim(), epoch.trim().parse().ok()?)));
    read.ok_or_else(|| ExplainError::Payout(text.to_owned()))
}
