//! `arable plan`: what a scenario amounts to.

use clap::Args;

use super::{ScenarioArgs, output};
use crate::exit::Exit;

#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    scenario: ScenarioArgs,
    /// Print the whole plan as JSON
    #[arg(long)]
    json: bool,
}

impl Plan {
    pub(super) fn execute(self) -> Exit {
        match output::experiment(&self.scenario, self.json) {
            Err(exit) => exit,
            Ok((plan, _)) if self.json => output::json(&plan),
            Ok((plan, warnings)) => {
                for warning in &warnings {
                    output::say(format_args!("warning: {warning}"));
                }
                output::text(&plan.summary())
            }
        }
    }
}
