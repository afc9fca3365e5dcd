//! `arable new`: templates to start from.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::output;
use crate::exit::Exit;

#[derive(Debug, Args)]
pub(super) struct New {
    /// What to write
    #[arg(value_enum)]
    what: What,
    /// The file to write; it must not exist yet
    file: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    /// A small scenario with every stage
    Scenario,
    /// A reward rule: parameters, state, one step, one test
    Rule,
}

const SCENARIO: &str = include_str!("new/scenario.yaml");
const RULE: &str = include_str!("new/rule.rs.txt");

impl New {
    pub(super) fn execute(self) -> Exit {
        let text = match self.what {
            What::Scenario => SCENARIO.to_owned(),
            What::Rule => {
                let Some(text) = rule(&self.file) else {
                    let found = self.file.display();
                    let message =
                        format!("found {found}, expected a file such as flat_fee.rs in snake case");
                    return output::failure(Exit::Usage, message);
                };
                text
            }
        };
        let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&self.file);
        let written = file.and_then(|mut file| {
            std::io::Write::write_all(&mut file, text.as_bytes()).inspect_err(|_| {
                // It was made just now: half a file is worth less than none.
                let _ = std::fs::remove_file(&self.file);
            })
        });
        match written {
            Ok(()) => output::text(&next(self.what, &self.file)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let message = format!(
                    "{} exists, and nothing is overwritten: name another file",
                    self.file.display()
                );
                output::failure(Exit::File, message)
            }
            Err(error) => {
                let message = format!("failed to write {}: {error}", self.file.display());
                output::failure(Exit::File, message)
            }
        }
    }
}

/// The rule template under the name that its file has.
fn rule(file: &Path) -> Option<String> {
    let stem = file.file_stem()?.to_str()?;
    let snake = stem.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !snake || !stem.starts_with(|c: char| c.is_ascii_lowercase()) {
        return None;
    }
    let mut camel = String::new();
    for word in stem.split('_').filter(|word| !word.is_empty()) {
        let (first, rest) = word.split_at(1);
        camel += &first.to_ascii_uppercase();
        camel += rest;
    }
    Some(RULE.replace("RULE_NAME", stem).replace("RuleType", &camel))
}

fn next(what: What, file: &Path) -> String {
    let file = file.display();
    match what {
        What::Scenario => format!("wrote {file}; try: arable run {file}\n"),
        What::Rule => format!(
            "wrote {file}; next: put it into mechanisms/src/reward/, add its line to the list in \
             mechanisms/src/reward.rs, and run `cargo test -p arable-mechanisms`\n"
        ),
    }
}
