//! A report for people, for readers of `JUnit`, for Markdown, and as annotations of GitHub.

use std::fmt::Write as _;

use reports::direction::Better;

use super::{Item, Moved, Report, Verdict};

/// Numbers that moved, shown by name; the rest are counted.
const SHOWN: usize = 3;

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

fn moved_line(moved: &Moved) -> String {
    let side = match moved.better {
        Some(Better::Higher) => "; higher is better",
        Some(Better::Lower) => "; lower is better",
        None => "",
    };
    let (found, expected) = (number(moved.found), number(moved.expected));
    format!(
        "{} found {found}, expected {expected}: {} ({}{side})",
        moved.metric,
        moved.verdict.word(),
        moved.why
    )
}

/// What differs first, each with its title.
fn lines(item: &Item) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if item.verdict == Verdict::Failed {
        lines.push(("why", item.detail.clone()));
    }
    if let Some(event) = &item.first_event {
        lines.push(("first event", event.clone()));
    }
    for (place, row) in item.first_rows.iter().enumerate().take(SHOWN) {
        lines.push((if place == 0 { "first row" } else { "" }, row.clone()));
    }
    if item.first_rows.len() > SHOWN {
        lines.push(("", format!("and in {} more tables", item.first_rows.len() - SHOWN)));
    }
    for (place, moved) in item.moved.iter().enumerate().take(SHOWN) {
        lines.push((if place == 0 { "first metric" } else { "" }, moved_line(moved)));
    }
    if item.moved.len() > SHOWN {
        lines.push(("", format!("and {} more", item.moved.len() - SHOWN)));
    }
    lines
}

/// What is wrong with an item, in lines of text.
fn story(item: &Item) -> String {
    let mut text = String::new();
    for (title, line) in lines(item) {
        if title.is_empty() {
            let _ = writeln!(text, "{line}");
        } else {
            let _ = writeln!(text, "{title}: {line}");
        }
    }
    text
}

/// How many items ended how, and what the false alarms are.
fn summary(report: &Report) -> String {
    let all = [
        Verdict::Same,
        Verdict::Better,
        Verdict::Worse,
        Verdict::Ambiguous,
        Verdict::Skipped,
        Verdict::Failed,
    ];
    let count = |verdict| report.items.iter().filter(|item| item.verdict == verdict).count();
    let parts: Vec<String> = all
        .into_iter()
        .filter(|&verdict| count(verdict) > 0)
        .map(|verdict| format!("{} {}", count(verdict), verdict.word()))
        .collect();
    let mut text = if parts.is_empty() { "nothing compared".to_owned() } else { parts.join(", ") };
    if let Some(seed) = report.seed {
        let _ = write!(
            text,
            "; fresh seeds from --seed {seed}, chance of any false alarm at most {}",
            report.false_alarm
        );
    }
    if report.interrupted {
        text += "; interrupted";
    }
    text
}

/// A table for people.
#[must_use]
pub fn text(report: &Report) -> String {
    let wide = report.items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for item in &report.items {
        let word = item.verdict.word();
        let word = if item.pass { word.to_owned() } else { word.to_uppercase() };
        let detail = if item.verdict == Verdict::Failed { "" } else { &item.detail };
        let line = format!("{word:<10} {:<wide$}  {:<10}  {detail}", item.name, item.kind.word());
        let _ = writeln!(text, "{}", line.trim_end());
        for (title, line) in lines(item) {
            let _ = writeln!(text, "  {title:<13} {}", line.trim_end().replace('\n', "\n    "));
        }
    }
    let _ = writeln!(text, "{}", summary(report));
    text
}

/// Text inside of XML: what XML does not allow becomes `?`.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' => out += "&#10;",
            '\t' => out += "&#9;",
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('?'),
            c => out.push(c),
        }
    }
    out
}

/// A `JUnit` file: a test case for every item.
#[must_use]
pub fn junit(report: &Report) -> String {
    let count = |verdict| report.items.iter().filter(|item| item.verdict == verdict).count();
    let errors = count(Verdict::Failed);
    let failures = report.items.iter().filter(|item| !item.pass).count() - errors;
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let totals = format!(
        "tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{}\"",
        report.items.len(),
        count(Verdict::Skipped)
    );
    let _ = writeln!(text, "<testsuites name=\"arable check\" {totals}>");
    let _ = writeln!(text, "  <testsuite name=\"arable check\" {totals}>");
    for item in &report.items {
        let (name, file) = (xml(&format!("{} ({})", item.name, item.kind.word())), xml(&item.file));
        let _ = write!(text, "    <testcase name=\"{name}\" classname=\"{file}\"");
        let word = item.verdict.word();
        let body = match item.verdict {
            Verdict::Skipped => format!("<skipped message=\"{}\"/>", xml(&item.detail)),
            Verdict::Failed => {
                format!("<error message=\"{}\" type=\"{word}\"/>", xml(&item.detail))
            }
            _ if item.pass => {
                let _ = writeln!(text, "/>");
                continue;
            }
            _ => {
                let first = lines(item).first().map(|(_, line)| line.clone()).unwrap_or_default();
                format!(
                    "<failure message=\"{}\" type=\"{word}\">{}</failure>",
                    xml(&format!("{word}: {first}")),
                    xml(&story(item))
                )
            }
        };
        let _ = writeln!(text, ">\n      {body}\n    </testcase>");
    }
    text += "  </testsuite>\n</testsuites>\n";
    text
}

/// A cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', "<br>")
}

/// A Markdown page, as for the summary of a job.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let word = if report.pass { "pass" } else { "**do not pass**" };
    let mut text = format!("## Checks {word}\n\n{}\n\n", summary(report));
    text += "| check | compared | verdict | first difference |\n|---|---|---|---|\n";
    for item in &report.items {
        let word = item.verdict.word();
        let word = if item.pass { word.to_owned() } else { format!("**{word}**") };
        let story = story(item);
        let detail = if story.is_empty() { &item.detail } else { story.trim_end() };
        let (name, kind) = (cell(&item.name), item.kind.word());
        let _ = writeln!(text, "| {name} | {kind} | {word} | {} |", cell(detail));
    }
    text
}

/// The value of a workflow command's property.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// The message of a workflow command.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Annotations of GitHub: an error for everything that does not pass, a warning for what was
/// skipped, a notice for what is better.
#[must_use]
pub fn github(report: &Report) -> String {
    let mut text = String::new();
    for item in &report.items {
        let (level, told) = match item.verdict {
            Verdict::Same => continue,
            Verdict::Skipped => ("warning", item.detail.clone()),
            _ if item.pass => ("notice", story(item)),
            _ => ("error", story(item)),
        };
        let title = format!("{} ({}): {}", item.name, item.kind.word(), item.verdict.word());
        let line = if item.line > 0 { format!(",line={}", item.line) } else { String::new() };
        let (file, title) = (property(&item.file), property(&title));
        let told = message(told.trim_end());
        let _ = writeln!(text, "::{level} file={file}{line},title={title}::{told}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Kind, SCHEMA};
    use super::*;
    use crate::exit::Exit;

    fn report() -> Report {
        let item = |name, kind| Item::new(name, kind, Path::new("a,b/suite.yaml"), 7);
        let mut worse = item("spot", Kind::Exact);
        worse.first_event = Some("in subnet 0, event 3: `A { x: \"<1>\" }`".into());
        worse.first_rows = vec!["jobs row 2: rep 0, outcome a|b".into()];
        worse.moved = vec![Moved {
            metric: "goodput_share".into(),
            expected: Some(0.5),
            found: Some(0.25),
            better: Some(Better::Higher),
            verdict: Verdict::Worse,
            why: "not the same".into(),
        }];
        let items = vec![
            item("calm", Kind::Bands).judge(),
            worse.judge(),
            item("speed", Kind::Table).skipped("no valgrind here"),
            item("gone", Kind::Replicated).failed(Exit::File, "100% of it: missing\nreally"),
        ];
        Report {
            schema: SCHEMA.into(),
            pass: false,
            false_alarm: 2.5e-4,
            tests: 3,
            seed: Some(5),
            interrupted: false,
            items,
        }
    }

    #[test]
    fn people_see_the_first_differences() {
        let want = "\
same       calm   bands
WORSE      spot   exact
  first event   in subnet 0, event 3: `A { x: \"<1>\" }`
  first row     jobs row 2: rep 0, outcome a|b
  first metric  goodput_share found 0.25, expected 0.5: worse (not the same; higher is better)
skipped    speed  table       no valgrind here
FAILED     gone   replicated
  why           100% of it: missing
    really
1 same, 1 worse, 1 skipped, 1 failed; fresh seeds from --seed 5, chance of any false alarm at most 0.00025
";
        assert_eq!(text(&report()), want);
    }

    #[test]
    fn junit_counts_and_escapes() {
        let found = junit(&report());
        let totals = "tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\"";
        assert_eq!(found.matches(totals).count(), 2, "{found}");
        assert!(found.contains("<testcase name=\"calm (bands)\" classname=\"a,b/suite.yaml\"/>"));
        assert!(found.contains("&quot;&lt;1&gt;&quot;"), "{found}");
        assert!(found.contains("<skipped message=\"no valgrind here\"/>"));
        assert!(found.contains("<error message=\"100% of it: missing&#10;really\""));
        assert_eq!(found.matches("<testcase").count(), 4);
        assert_eq!(found.matches("</testcase>").count(), 3);
    }

    #[test]
    fn annotations_escape_what_github_reads() {
        let found = github(&report());
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[0].starts_with(
            "::error file=a%2Cb/suite.yaml,line=7,title=spot (exact)%3A worse::first event: "
        ));
        assert!(lines[1].starts_with("::warning "));
        assert!(lines[2].ends_with("::why: 100%25 of it: missing%0Areally"), "{}", lines[2]);
    }

    #[test]
    fn markdown_keeps_its_columns() {
        let found = markdown(&report());
        let rows: Vec<&str> = found.lines().filter(|line| line.starts_with("| ")).collect();
        assert_eq!(rows.len(), 5);
        assert!(rows[2].contains("outcome a\\|b<br>"), "{}", rows[2]);
        assert!(found.starts_with("## Checks **do not pass**"));
    }
}
