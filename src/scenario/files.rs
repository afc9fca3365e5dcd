//! Files that a scenario names: stakes from a table, and request traces.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sim_types::Amount;
use workloads::demand::DemandSpec;
use workloads::request_trace::{Decoder, Format};

use super::raw::{InitialState, Scenario};
use super::resolve::Resolver;
use super::yaml::plain;
use crate::diagnose::{Code, Diagnostic, MOST, list, nearest, quoted};
use crate::plan::{DemandFile, Group};

/// The first line of a table of stakes.
const HEADING: &str = "subnet,group,index,stake,balance";
/// Longest line of a table of stakes, bytes.
const LONGEST_LINE: usize = 4096;
/// Lines of a request trace among which the first request must be.
const FIRST_LINES: u32 = 100;
/// Bytes of a request trace that are decoded while planning: a mistake beyond them is found
/// when the run gets there.
const CHECKED: u64 = 64 << 20;

/// Opens a file that the scenario names at `path`, or says why not.
pub(super) fn open(
    file: &str,
    path: &str,
    what: &str,
    r: &mut Resolver<'_>,
) -> Option<(PathBuf, File)> {
    let full = r.dir.join(file);
    let refuse = |why: String| {
        Diagnostic::error(Code::FileMissing, format!("cannot read the {what}: {why}"))
            .found(quoted(file))
            .help(format!("files are looked for in {}", quoted(&shown(r.dir))))
    };
    let item = match std::fs::metadata(&full) {
        Err(error) => refuse(plain(&error)),
        Ok(metadata) if metadata.is_dir() => refuse("it is a directory".to_owned()),
        Ok(metadata) if !metadata.is_file() => refuse("it is not a regular file".to_owned()),
        Ok(_) => match File::open(&full) {
            Ok(opened) => return Some((full, opened)),
            Err(error) => refuse(plain(&error)),
        },
    };
    r.error(path, &[], item);
    None
}

fn shown(dir: &Path) -> String {
    if dir.as_os_str().is_empty() { ".".to_owned() } else { dir.display().to_string() }
}

/// The next line without its ending; `None` at the end. A line longer than `most` bytes, or
/// one that is no text, is an error in words.
fn line(reader: &mut impl BufRead, most: usize) -> Option<Result<String, String>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(2);
    match reader.by_ref().take(limit).read_until(b'\n', &mut bytes) {
        Err(error) => return Some(Err(plain(&error))),
        Ok(0) => return None,
        Ok(_) => {}
    }
    while matches!(bytes.last(), Some(b'\n' | b'\r')) {
        bytes.pop();
    }
    if bytes.len() > most {
        return Some(Err(format!("a line of more than {most} bytes")));
    }
    Some(String::from_utf8(bytes).map_err(|_| "a line that is not UTF-8 text".to_owned()))
}

/// Puts the stakes and balances of a table in the place of drawn ones. Where members could
/// not be drawn, `groups` is empty and the table is only checked.
pub(super) fn initial_state(
    state: &InitialState,
    raw: &Scenario,
    groups: &mut [Group],
    r: &mut Resolver<'_>,
) {
    let Some((full, file)) = open(&state.file, "initial_state.file", "table of stakes", r) else {
        return;
    };
    let mut reader = BufReader::new(file);
    let mut seen = BTreeMap::new();
    let mut mistakes = 0;
    let mut number = 0;
    while let Some(read) = line(&mut reader, LONGEST_LINE) {
        number += 1;
        let broken = read.is_err();
        let result = read
            .map_err(|found| {
                Box::new(Diagnostic::error(Code::FileFormat, "a line cannot be read").found(found))
            })
            .and_then(|text| match text.trim_start_matches('\u{feff}').trim() {
                heading if number == 1 => {
                    if heading == HEADING {
                        Ok(())
                    } else {
                        Err(Box::new(bad_heading(heading)))
                    }
                }
                "" => Ok(()),
                row => apply(row, raw, groups, &mut seen, number),
            });
        if let Err(item) = result {
            r.errors
                .push(item.of_line(full.display().to_string(), number).path("initial_state.file"));
            mistakes += 1;
            if broken || number == 1 || mistakes == MOST {
                return;
            }
        }
    }
    if number == 0 {
        r.errors.push(bad_heading("").of_line(full.display().to_string(), 1));
    }
}

fn bad_heading(found: &str) -> Diagnostic {
    Diagnostic::error(Code::FileFormat, "the table of stakes has another heading")
        .found(quoted(found))
        .expected(quoted(HEADING))
}

fn out_of_range(field: &str, found: &str, expected: &str) -> Diagnostic {
    Diagnostic::error(Code::FileFormat, format!("`{field}` is out of range"))
        .found(quoted(found))
        .expected(expected)
}

/// One row of a table of stakes.
fn apply(
    row: &str,
    raw: &Scenario,
    groups: &mut [Group],
    seen: &mut BTreeMap<(u16, usize, u32), u32>,
    number: u32,
) -> Result<(), Box<Diagnostic>> {
    let wrong = |message: String| Diagnostic::error(Code::FileFormat, message);
    let fields: Vec<&str> = row.split(',').map(str::trim).collect();
    let &[subnet, group, index, stake, balance] = fields.as_slice() else {
        return Err(wrong("a row has the wrong number of fields".to_owned())
            .found(format!("{} fields in {}", fields.len(), quoted(row)))
            .expected(format!("5: {}", quoted(HEADING)))
            .into());
    };
    let below = |field: &str, text: &str, end: u32| {
        text.parse::<u32>().ok().filter(|&n| n < end).ok_or_else(|| {
            let expected = format!("a whole number from 0 to {}", end.saturating_sub(1));
            Box::new(out_of_range(field, text, &expected))
        })
    };
    let subnet = below("subnet", subnet, raw.subnets.into())?;
    let subnet = u16::try_from(subnet).unwrap_or(u16::MAX);
    let place = raw.population.names().position(|name| name == group).ok_or_else(|| {
        wrong(format!("there is no group {}", quoted(group)))
            .found(quoted(group))
            .expected(format!("one of {}", list(raw.population.names())))
            .maybe_help(
                nearest(group, raw.population.names()).map(|n| format!("did you mean `{n}`?")),
            )
    })?;
    let index = below("index", index, raw.population.0[place].1.count)?;
    if let Some(first) = seen.insert((subnet, place, index), number) {
        return Err(wrong(format!("line {first} already sets this member"))
            .found(quoted(row))
            .help("keep one of the two lines")
            .into());
    }
    let money = |field: &str, text: &str| -> Result<Option<Amount>, Box<Diagnostic>> {
        if text.is_empty() {
            return Ok(None);
        }
        let amount: Amount = text.parse().map_err(|error| {
            wrong(format!("`{field}` cannot be read: {error}")).found(quoted(text))
        })?;
        if amount.0 >= 1 << 63 {
            return Err(out_of_range(field, text, "below 2^63 of the smallest unit").into());
        }
        Ok(Some(amount))
    };
    let (stake, balance) = (money("stake", stake)?, money("balance", balance)?);
    let member = groups
        .get_mut(place)
        .and_then(|g| g.members.get_mut(usize::from(subnet)))
        .and_then(|members| members.get_mut(index as usize));
    if let Some(member) = member {
        member.stake = stake.unwrap_or(member.stake);
        member.balance = balance.unwrap_or(member.balance);
    }
    Ok(())
}

/// Opens the request trace that the demand reads, decodes its first [`CHECKED`] bytes, and
/// takes the digest of the whole.
pub(super) fn request_trace(demand: &DemandSpec, r: &mut Resolver<'_>) -> Option<DemandFile> {
    let (file, format) = demand.file()?;
    let path = format!("demand.{}.file", demand.name());
    let (full, opened) = open(file, &path, "request trace", r)?;
    let name = full.display().to_string();
    if let Err((item, line)) = check_requests(&mut BufReader::new(opened), format) {
        r.errors.push(item.of_line(name, line).path(path));
        return None;
    }
    match digest(&full) {
        Ok(digest) => Some(DemandFile { path: full, digest }),
        Err(error) => {
            let item = Diagnostic::error(
                Code::FileMissing,
                format!("cannot read the request trace: {}", plain(&error)),
            );
            r.error(&path, &[], item);
            None
        }
    }
}

fn check_requests(reader: &mut impl BufRead, format: Format) -> Result<(), (Box<Diagnostic>, u32)> {
    let wrong = || Diagnostic::error(Code::FileFormat, "this is not a request trace");
    let mut decoder = Decoder::new(format);
    let (mut requests, mut bytes) = (0_u64, 0_u64);
    for number in 1.. {
        if bytes > CHECKED || (number > FIRST_LINES && requests == 0) {
            break;
        }
        let Some(read) = line(reader, format.longest_line()) else { break };
        let text = read.map_err(|found| (wrong().found(found).into(), number))?;
        bytes += text.len() as u64;
        match decoder.line(&text) {
            Ok(request) => requests += u64::from(request.is_some()),
            Err(error) => {
                let item = Diagnostic::error(
                    Code::FileFormat,
                    "a line of the request trace cannot be read",
                );
                return Err((item.found(error.found).expected(error.expected).into(), number));
            }
        }
    }
    if requests > 0 {
        return Ok(());
    }
    let item = wrong().found("no request").expected("a request among the first hundred lines");
    Err((item.into(), 1))
}

/// BLAKE3 of a file, read in pieces.
fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut piece = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut piece)?;
        if n == 0 {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update(&piece[..n]);
    }
}
