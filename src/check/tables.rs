//! Tables that a command prints, held to committed ones.
//!
//! A table is text: lines that begin with `#` say what it is of, then one line of column names,
//! then rows, all separated by tabs. A command that cannot measure here prints a line that begins
//! with `SKIPPED:` and the reason. Tables of different things, by their `#` lines, are not compared
//! either: registers counted by another compiler say nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::suite::{Suite, Table};
use super::{Item, Kind, Moved, Verdict};
use crate::exit::Exit;

/// The line that keeps the reason of the last blessing; it says nothing of what the table is of.
const BLESSED: &str = "# blessed: ";

/// A table taken apart.
#[derive(Debug, PartialEq)]
struct Read<'a> {
    /// What it is of.
    about: Vec<&'a str>,
    columns: Vec<&'a str>,
    rows: Vec<Vec<&'a str>>,
}

fn read(text: &str) -> Result<Read<'_>, String> {
    let lines = || text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let about = lines().map(|(_, line)| line).filter(|line| line.starts_with('#'));
    let about = about.filter(|line| !line.starts_with(BLESSED)).collect();
    let mut plain = lines().filter(|(_, line)| !line.starts_with('#'));
    let Some((_, head)) = plain.next() else {
        return Err("it is empty, expected column names separated by tabs".to_owned());
    };
    let columns: Vec<&str> = head.split('\t').collect();
    let mut rows = Vec::new();
    for (number, line) in plain {
        let row: Vec<&str> = line.split('\t').collect();
        if row.len() != columns.len() {
            let (found, expected) = (row.len(), columns.len());
            return Err(format!("line {}: found {found} columns, expected {expected}", number + 1));
        }
        rows.push(row);
    }
    Ok(Read { about, columns, rows })
}

impl Read<'_> {
    fn column(&self, name: &str) -> Result<usize, String> {
        self.columns
            .iter()
            .position(|column| *column == name)
            .ok_or_else(|| format!("it has no column `{name}`, but {}", self.columns.join(", ")))
    }

    /// Rows by the columns that name them, in the order of the table.
    fn by_key(&self, key: &[String]) -> Result<Vec<(String, &Vec<&str>)>, String> {
        let places = key.iter().map(|name| self.column(name)).collect::<Result<Vec<_>, _>>()?;
        let name = |row: &Vec<&str>| places.iter().map(|&p| row[p]).collect::<Vec<_>>().join(" ");
        Ok(self.rows.iter().map(|row| (name(row), row)).collect())
    }
}

/// Runs the command of a table and compares what it prints, or puts it in the place of the
/// committed one.
pub(super) fn check(suite: &Suite, table: &Table, bless: Option<&str>) -> Item {
    let item = Item::new(&table.name, Kind::Table, &suite.file, table.line);
    let printed = match print(table, suite.file.parent().unwrap_or(Path::new(""))) {
        Ok(Ok(printed)) => printed,
        Ok(Err(reason)) => return item.skipped(reason),
        Err(why) => return item.failed(Exit::File, why),
    };
    let committed = match std::fs::read_to_string(&table.file) {
        Ok(committed) => committed,
        Err(error) => {
            return item
                .failed(Exit::File, format!("failed to read {}: {error}", table.file.display()));
        }
    };
    if let Some(reason) = bless {
        return blessed(item, table, &printed, reason);
    }
    match compare(table, &committed, &printed) {
        Ok(Compared::Moved(rows, moved)) => {
            let mut item = item;
            item.detail = format!("{rows} rows");
            if let Some(first) = moved.first() {
                item.first_rows = vec![format!("{} {}", table.file.display(), first.metric)];
            }
            item.moved = moved;
            item.judge()
        }
        Ok(Compared::OfSomethingElse(reason)) => item.skipped(reason),
        Err(why) => item.failed(Exit::File, why),
    }
}

/// What the command prints; or why it cannot here.
fn print(table: &Table, folder: &Path) -> Result<Result<String, String>, String> {
    let shown = table.command.join(" ");
    let (program, arguments) = table.command.split_first().ok_or("no command")?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    // A relative path is relative to the suite, wherever this process stands.
    let beside = folder.join(program);
    let program = if program.contains('/') && beside.exists() {
        beside.canonicalize().unwrap_or(beside)
    } else {
        program.into()
    };
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .map_err(|error| format!("`{shown}` cannot be run: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if let Some(reason) = printed.lines().find_map(|line| line.strip_prefix("SKIPPED: ")) {
        return Ok(Err(reason.to_owned()));
    }
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = words.trim().lines().rev().take(5).collect();
        let last: Vec<&str> = last.into_iter().rev().collect();
        return Err(format!("`{shown}` failed ({}): {}", output.status, last.join(" / ")));
    }
    Ok(Ok(printed))
}

fn blessed(mut item: Item, table: &Table, printed: &str, reason: &str) -> Item {
    let file = table.file.display();
    if let Err(why) = read(printed) {
        return item.failed(Exit::File, format!("what the command printed: {why}"));
    }
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    let mut told = false;
    for line in printed.lines() {
        if !told && !line.starts_with('#') {
            text += &format!("{BLESSED}{reason}\n");
            told = true;
        }
        text += &format!("{line}\n");
    }
    match crate::snapshot::swap(&table.file, |f| std::io::Write::write_all(f, text.as_bytes())) {
        Ok(()) => {
            item.detail = format!("blessed {file}");
            item
        }
        Err(error) => item.failed(Exit::File, format!("failed to write {file}: {error}")),
    }
}

enum Compared {
    /// So many rows, and what moved.
    Moved(usize, Vec<Moved>),
    OfSomethingElse(String),
}

fn compare(table: &Table, committed: &str, printed: &str) -> Result<Compared, String> {
    let file = table.file.display().to_string();
    let of_file = |why: String| format!("{file}: {why}");
    let of_command = |why: String| format!("`{}` printed a table: {why}", table.command.join(" "));
    let (before, now) = (read(committed).map_err(of_file)?, read(printed).map_err(of_command)?);
    if before.about != now.about {
        let (found, expected) = (now.about.join("; "), before.about.join("; "));
        return Ok(Compared::OfSomethingElse(format!("found {found}, {file} is of {expected}")));
    }
    let mut moved = Vec::new();
    let mut found: BTreeMap<String, &Vec<&str>> =
        now.by_key(&table.key).map_err(of_command)?.into_iter().collect();
    for (name, row) in before.by_key(&table.key).map_err(of_file)? {
        let Some(fresh) = found.remove(&name) else {
            moved.push(told(table, name, None, None, "the row is gone".to_owned()));
            continue;
        };
        for (column, band) in &table.columns {
            let (was, is) = (
                row[before.column(column).map_err(of_file)?],
                fresh[now.column(column).map_err(of_command)?],
            );
            let number = |text: &str| text.parse::<f64>().ok().filter(|n| n.is_finite());
            let (expected, found) = (number(was), number(is));
            let holds = match (expected, found) {
                (Some(expected), Some(found)) => band.holds(expected, found),
                _ => was == is,
            };
            if !holds {
                let why = format!("beyond {band}");
                moved.push(told(table, format!("{name}: {column}"), expected, found, why));
            }
        }
    }
    for name in found.into_keys() {
        moved.push(told(table, name, None, None, "the row is new".to_owned()));
    }
    Ok(Compared::Moved(before.rows.len(), moved))
}

fn told(
    table: &Table,
    metric: String,
    expected: Option<f64>,
    found: Option<f64>,
    why: String,
) -> Moved {
    let verdict = Verdict::of_move(expected, found, Some(table.better));
    Moved { metric, expected, found, better: Some(table.better), verdict, why }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use reports::direction::Better;

    use super::super::baseline::Band;
    use super::*;

    fn table(command: &[&str], file: PathBuf) -> Table {
        Table {
            name: "t".into(),
            line: 3,
            file,
            command: command.iter().map(|&word| word.to_owned()).collect(),
            key: vec!["workload".into()],
            columns: vec![("count".into(), Band::Percent(3.0))],
            better: Better::Lower,
        }
    }

    const BEFORE: &str = "# blessed: because\nworkload\tcount\na\t100\nb\t200\n";

    #[test]
    fn rows_are_held_to_their_bands() {
        let head = "workload\tcount\n";
        // (printed, verdict, first that moved)
        let rows = [
            ("a\t100\nb\t200\n", Verdict::Same, ""),
            ("b\t206\na\t97\n", Verdict::Same, ""),
            ("a\t115\nb\t200\n", Verdict::Worse, "a: count"),
            ("a\t90\nb\t200\n", Verdict::Better, "a: count"),
            ("a\t90\nb\t300\n", Verdict::Ambiguous, "a: count"),
            ("a\t100\n", Verdict::Ambiguous, "b"),
            ("a\t100\nb\t200\nc\t1\n", Verdict::Ambiguous, "c"),
            ("a\t100\nb\tmany\n", Verdict::Ambiguous, "b: count"),
        ];
        for (printed, verdict, first) in rows {
            let printed = format!("{head}{printed}");
            let compared = compare(&table(&["x"], "f.tsv".into()), BEFORE, &printed);
            let Ok(Compared::Moved(2, moved)) = compared else { panic!("{printed}") };
            assert_eq!(Verdict::of_moves(&moved, false), verdict, "{printed}");
            assert_eq!(moved.first().map_or("", |m| &m.metric), first, "{printed}");
        }
    }

    #[test]
    fn what_is_no_table_or_of_something_else_is_said() {
        let of = |printed: &str| compare(&table(&["x"], "f.tsv".into()), BEFORE, printed);
        let other = of("# NVRTC 13\nworkload\tcount\na\t1\n");
        assert!(matches!(other, Ok(Compared::OfSomethingElse(_))));
        for (printed, want) in [
            ("", "it is empty"),
            ("workload\tcount\na\n", "line 2: found 1 columns, expected 2"),
            ("name\tcount\na\t1\n", "it has no column `workload`"),
        ] {
            let Err(why) = of(printed) else { panic!("{printed}") };
            assert!(why.contains(want), "{why}");
        }
    }

    #[test]
    fn commands_print_skip_or_fail() {
        let suite = Suite {
            file: "suite.yaml".into(),
            false_alarm: 1e-4,
            checks: Vec::new(),
            tables: Vec::new(),
        };
        let name = format!("arable-table-{}.tsv", std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, BEFORE).unwrap();
        let run =
            |script: &str, bless| check(&suite, &table(&["sh", "-c", script], file.clone()), bless);
        let item = run("printf 'workload\\tcount\\na\\t120\\nb\\t200\\n'", None);
        assert_eq!((item.verdict, item.pass), (Verdict::Worse, false));
        let item = run("echo 'SKIPPED: no valgrind here'; exit 1", None);
        assert_eq!((item.verdict, item.detail.as_str()), (Verdict::Skipped, "no valgrind here"));
        assert!(item.pass);
        let item = run("echo broken >&2; exit 3", None);
        assert_eq!(item.verdict, Verdict::Failed);
        assert!(item.detail.contains("broken"), "{}", item.detail);
        let item = run("printf 'workload\\tcount\\na\\t120\\nb\\t200\\n'", Some("a new\nqueue"));
        assert!(item.pass, "{}", item.detail);
        let text = std::fs::read_to_string(&file).unwrap();
        assert_eq!(text, "# blessed: a new queue\nworkload\tcount\na\t120\nb\t200\n");
        std::fs::remove_file(&file).unwrap();
    }
}
