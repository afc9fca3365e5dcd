//! Every command of the README runs, with the binary that the tests built.

use std::path::Path;
use std::process::Command;

/// The commands in the shell blocks of a page, as words.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut inside = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            found.push(words(line));
        }
    }
    found
}

/// Splits a command line at blanks outside of quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().expect("never empty").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn every_command_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("README.md")).unwrap();
    let out = std::env::temp_dir().join(format!("arable-readme-{}", std::process::id()));
    let mut ran = 0;
    for command in commands(&page) {
        let arguments = match command.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["cargo", "run", "--release", "--", ..] => &command[4..],
            ["arable", ..] => &command[1..],
            // That command is the one running now.
            ["cargo", "test", "--workspace"] => continue,
            _ => panic!("a command in the README that this test does not know: {command:?}"),
        };
        let mut arguments = arguments.to_vec();
        if ["run", "compare"].contains(&arguments[0].as_str()) {
            // Small enough for an unoptimised build; the whole day runs in the slow tier.
            let small = ["--set", "horizon=30min", "--set", "expect={}", "--quiet", "--out"];
            arguments.extend(small.map(str::to_owned));
            arguments.push(out.display().to_string());
        }
        if ["sweep", "tune", "sensitivity"].contains(&arguments[0].as_str()) {
            let folder = out.join(&arguments[0]).display().to_string();
            arguments.extend(["--quiet".to_owned(), "--out".to_owned(), folder]);
        }
        let output = Command::new(env!("CARGO_BIN_EXE_arable"))
            .args(&arguments)
            .current_dir(root)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "arable {}: {:?}\n{}{}",
            arguments.join(" "),
            output.status.code(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        ran += 1;
    }
    let _ = std::fs::remove_dir_all(out);
    assert!(ran >= 7, "only {ran} commands found");
}
