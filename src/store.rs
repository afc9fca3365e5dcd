//! A store: the figures of many runs, in a directory that can be killed, gone on with, cut into
//! shards and put together again, with the same bytes at the end.
//!
//! ```text
//! <store>/
//!   store.json      what is stored: sweep, version, shard; written first
//!   records.bin     one record a run, see `log`
//!   runs.parquet    parameters and metrics, a row a run; written last, so it says "complete"
//!   lock            locked by the process that writes here
//! ```
//!
//! A record is addressed by its content ([`Key`]): what is stored already is not run again.
//! While a sweep runs, records are appended in the order in which runs end; when it is over
//! they are put into the order of their keys, and what no design point asks for is left out.
//! Nothing in a store says when or where it was written.

mod log;
mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::experiment::{Experiment, Value};
use crate::manifest::ENGINE_VERSION;
use crate::snapshot;

pub(crate) use self::log::size;
use self::log::{Log, Place};

/// Version of the form of a store: of its files and of what its keys hash.
pub const FORM: u32 = 1;

/// The name of a run by what decides its figures: BLAKE3 over the digest of the plan, the seed,
/// the replication, the version of the engine, and the digest of the numbers from the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key([u8; 32]);

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The part of a key that all replications of a design point share.
#[derive(Debug, Clone)]
pub struct Keys(blake3::Hasher);

impl Keys {
    /// Of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("arable store {FORM}, engine {ENGINE_VERSION}\n").as_bytes());
        hasher.update(experiment.figures_digest().as_bytes());
        hasher.update(experiment.calibration_digest().as_bytes());
        hasher.update(&experiment.seed().to_le_bytes());
        Self(hasher)
    }

    /// Of a design point that is no experiment: by its parameters.
    #[must_use]
    pub fn of_refused(parameters: &[String]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("arable store {FORM}, refused\n").as_bytes());
        for text in parameters {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        Self(hasher)
    }

    /// Of one replication.
    #[must_use]
    pub fn key(&self, replication: u32) -> Key {
        let mut hasher = self.0.clone();
        hasher.update(&replication.to_le_bytes());
        Key(*hasher.finalize().as_bytes())
    }
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its address.
    pub key: Key,
    /// The design point, from 0, in the order of the sweep file.
    pub point: u32,
    /// The replication, from 0.
    pub replication: u32,
    /// The seed.
    pub seed: u64,
    /// The values of the axes as they are written, in the order of the axes.
    pub parameters: Vec<String>,
    /// The metrics; or why there are none.
    pub outcome: Result<Vec<Value>, String>,
}

/// A run's place in a store: two design points may amount to the same run.
pub type Id = (Key, u32);

impl Record {
    /// Its place.
    #[must_use]
    pub fn id(&self) -> Id {
        (self.key, self.point)
    }
}

/// Which part of the design points a store holds: those whose number leaves `index − 1` when
/// divided by `of`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub index: u32,
    /// How many shards there are.
    pub of: u32,
}

impl Shard {
    /// All points.
    pub const WHOLE: Self = Self { index: 1, of: 1 };

    /// Whether a design point belongs to it.
    #[must_use]
    pub fn holds(self, point: u32) -> bool {
        point % self.of == self.index - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl std::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (index, of) = text.split_once('/')?;
            Some(Self { index: index.trim().parse().ok()?, of: of.trim().parse().ok()? })
        };
        read()
            .filter(|shard| (1..=shard.of).contains(&shard.index))
            .ok_or_else(|| "expected i/n with i from 1 to n, such as 2/8".to_owned())
    }
}

/// What a store holds: `store.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORM`].
    pub form: u32,
    /// Version of Arable.
    pub arable: String,
    /// Version of the engine.
    pub engine_version: u32,
    /// Title of the sweep.
    pub title: String,
    /// Digest of sweep file and scenario as they are understood: comments and white space do
    /// not count.
    pub sweep: String,
    /// The paths of the axes, in order.
    pub axes: Vec<String>,
    /// Design points of the whole sweep.
    pub points: u32,
    /// Which of them are here.
    pub shard: Shard,
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("failed to {action} {}: {source}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Something else lies there.
    #[error(
        "{} is not a store: there are other files but no store.json; name an empty or new \
         directory with --out", .0.display()
    )]
    Foreign(PathBuf),
    /// There is no store.
    #[error("{} is not a store: it has no store.json, which `arable sweep` writes first", .0.display())]
    Absent(PathBuf),
    /// Another version wrote it.
    #[error(
        "the store {} was written by another version: found {found}, expected {expected}; go on \
         with that version, or name another directory with --out", dir.display()
    )]
    Version {
        /// Which store.
        dir: PathBuf,
        /// Its version.
        found: String,
        /// This one.
        expected: String,
    },
    /// It belongs to another sweep.
    #[error(
        "the store {} holds another sweep ({title:?}): {what}; name another directory with \
         --out (with --reuse {} equal runs are taken over)", dir.display(), dir.display()
    )]
    OtherSweep {
        /// Which store.
        dir: PathBuf,
        /// The title of the sweep in it.
        title: String,
        /// What differs.
        what: String,
    },
    /// Another shard of the same sweep is there.
    #[error(
        "the store {} holds shard {found} of this sweep, not {expected}; give every shard a \
         directory of its own with --out, and put them together with `arable merge`",
        dir.display()
    )]
    OtherShard {
        /// Which store.
        dir: PathBuf,
        /// What is there.
        found: Shard,
        /// What was asked for.
        expected: Shard,
    },
    /// Another process writes there.
    #[error(
        "another process writes to the store {}; wait for it, or name another directory with \
         --out", .0.display()
    )]
    Busy(PathBuf),
    /// Records that changed since they were written.
    #[error(
        "{} is damaged behind byte {whole}: give the command that wrote it again, which cuts it \
         off there and goes on", path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// How much of it is whole.
        whole: u64,
    },
    /// Shards that do not make a whole.
    #[error("{0}")]
    Merge(String),
}

impl StoreError {
    /// The exit code that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Merge(_) => Exit::Usage,
            _ => Exit::File,
        }
    }
}

pub(crate) fn failed(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(io::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::File { action, path, source }
}

/// An open store, to which runs are appended from any thread.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    /// What lay here when it was opened.
    found: BTreeMap<Id, Place>,
    log: Log,
    /// For reading what was found.
    reader: Mutex<File>,
    /// Falls with the process.
    _lock: File,
}

impl Store {
    /// Opens the store of a sweep, or makes it. What a killed process left unfinished at the
    /// end of the records is cut off; `say` is told.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(dir: &Path, head: &Head, say: fn(&str)) -> Result<Self, StoreError> {
        let path = dir.join("store.json");
        if dir.is_file() {
            return Err(StoreError::Foreign(dir.to_owned()));
        }
        if !path.exists()
            && fs::read_dir(dir).is_ok_and(|mut entries| {
                entries.any(|entry| entry.is_ok_and(|e| !ours(&e.file_name().to_string_lossy())))
            })
        {
            return Err(StoreError::Foreign(dir.to_owned()));
        }
        fs::create_dir_all(dir).map_err(failed("create", dir))?;
        let lock = lock(dir)?;
        sweep_up(dir);
        if path.exists() {
            agree(dir, &load_head(dir)?, head)?;
        } else {
            let mut text = serde_json::to_string_pretty(head).unwrap_or_default();
            text.push('\n');
            snapshot::replace(&path, |file| io::Write::write_all(file, text.as_bytes()))
                .map_err(failed("write", &path))?;
        }
        let records = dir.join("records.bin");
        let table = dir.join("runs.parquet");
        let (found, cut) = log::open(&records, || {
            // What lacks records is not complete, and must not be taken for it, at no moment.
            if table.exists() {
                fs::remove_file(&table).map_err(failed("remove", &table))?;
            }
            Ok(())
        })?;
        if cut > 0 {
            say(&format!(
                "{cut} bytes at the end of {} were not written whole and are cut off",
                records.display()
            ));
        }
        let reader = File::open(&records).map_err(failed("read", &records))?;
        let log = Log::append(&records)?;
        Ok(Self { dir: dir.to_owned(), found, log, reader: Mutex::new(reader), _lock: lock })
    }

    /// How many runs lay here when it was opened.
    #[must_use]
    pub fn found(&self) -> usize {
        self.found.len()
    }

    /// Whether a run lay here when the store was opened.
    #[must_use]
    pub fn holds(&self, id: Id) -> bool {
        self.found.contains_key(&id)
    }

    /// A run that lay here when the store was opened.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, id: Id) -> Result<Option<Record>, StoreError> {
        let Some(place) = self.found.get(&id) else { return Ok(None) };
        let mut reader = self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        log::read(&mut reader, *place).map(Some).map_err(failed("read", &self.records()))
    }

    /// Appends a run. Returns at once, except that it waits for the disk where that is far
    /// behind.
    ///
    /// # Errors
    /// When an earlier record could not be written, as on a full disk.
    pub fn append(&self, record: &Record) -> Result<(), StoreError> {
        self.log.push(record)
    }

    /// Writes what is left, puts the records that a sweep asks for into the order of their
    /// keys, and writes the table. Says which runs failed.
    ///
    /// # Errors
    /// When the disk refuses; what is stored stays stored.
    pub fn finish(self, head: &Head, mut asked: Vec<Id>) -> Result<Failures, StoreError> {
        let Self { dir, log, _lock: lock, .. } = self;
        log.close()?;
        asked.sort_unstable();
        asked.dedup();
        let records = dir.join("records.bin");
        let rewritten = log::sort(&records, &asked)?;
        let table = dir.join("runs.parquet");
        let failures = if rewritten || !table.exists() {
            table::write(&table, &records, head)?
        } else {
            let mut failures = Failures::default();
            log::each(&records, |record| {
                failures.see(&record);
                Ok(())
            })?;
            failures
        };
        drop(lock);
        Ok(failures)
    }

    /// Writes what is left, and leaves the store to be gone on with.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn leave(self) -> Result<(), StoreError> {
        self.log.close()
    }

    fn records(&self) -> PathBuf {
        self.dir.join("records.bin")
    }
}

/// Puts the complete shards of one sweep together: what the sweep leaves when it is run whole,
/// and which of its runs failed.
///
/// # Errors
/// When a shard is missing, incomplete, or of another sweep.
pub fn merge(
    shards: &[PathBuf],
    out: &Path,
    say: fn(&str),
) -> Result<(Head, Failures), StoreError> {
    let mut heads: Vec<(Head, &PathBuf)> = Vec::new();
    for dir in shards {
        let head = load_head(dir)?;
        version(dir, &head)?;
        if let Some((first, of)) = heads.first() {
            let whole = Head { shard: head.shard, ..first.clone() };
            if head != whole {
                let (a, b) = (of.display(), dir.display());
                let message = if head.sweep == first.sweep {
                    format!("{a} and {b} were written by different versions")
                } else {
                    format!("{a} and {b} hold different sweeps: run both from the same file")
                };
                return Err(StoreError::Merge(message));
            }
        }
        if !dir.join("runs.parquet").exists() {
            let message = format!(
                "{} is not complete: give its `arable sweep … --shard {}` again, which goes on",
                dir.display(),
                head.shard
            );
            return Err(StoreError::Merge(message));
        }
        heads.push((head, dir));
    }
    let Some(((first, _), rest)) = heads.split_first() else {
        return Err(StoreError::Merge("there is nothing to merge".to_owned()));
    };
    let of = first.shard.of;
    if let Some((other, dir)) = rest.iter().find(|(head, _)| head.shard.of != of) {
        let message = format!(
            "the shards are cut differently: {} is {}, expected one of {of}",
            dir.display(),
            other.shard
        );
        return Err(StoreError::Merge(message));
    }
    let missing: Vec<String> = (1..=of)
        .filter(|index| !heads.iter().any(|(head, _)| head.shard.index == *index))
        .map(|index| Shard { index, of }.to_string())
        .collect();
    if !missing.is_empty() {
        let message = format!("shards are missing: {}", missing.join(", "));
        return Err(StoreError::Merge(message));
    }
    let head = Head { shard: Shard::WHOLE, ..first.clone() };
    let store = Store::open(out, &head, say)?;
    let mut asked = Vec::new();
    for (_, dir) in &heads {
        let path = dir.join("records.bin");
        log::each(&path, |record| {
            asked.push(record.id());
            if store.holds(record.id()) { Ok(()) } else { store.append(&record) }
        })?;
    }
    let failures = store.finish(&head, asked)?;
    Ok((head, failures))
}

/// Reads every run of the store of a sweep, in the order of their keys.
///
/// # Errors
/// When the store is of another sweep, shard or version, or cannot be read.
pub fn each(dir: &Path, head: &Head, mut see: impl FnMut(Record)) -> Result<(), StoreError> {
    agree(dir, &load_head(dir)?, head)?;
    log::each(&dir.join("records.bin"), |record| {
        see(record);
        Ok(())
    })
}

/// The runs of a store by their keys, for another sweep to take over; opened for reading only.
#[derive(Debug)]
pub struct Reused {
    path: PathBuf,
    found: BTreeMap<Key, Place>,
    reader: Mutex<File>,
}

impl Reused {
    /// Opens a store of this version, of whatever sweep.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        version(dir, &load_head(dir)?)?;
        let path = dir.join("records.bin");
        let (places, _) = log::scan(&path)?;
        let found = places.into_iter().map(|((key, _), place)| (key, place)).collect();
        let reader = File::open(&path).map_err(failed("read", &path))?;
        Ok(Self { path, found, reader: Mutex::new(reader) })
    }

    /// The run of this key.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn get(&self, key: Key) -> Result<Option<Record>, StoreError> {
        let Some(place) = self.found.get(&key) else { return Ok(None) };
        let mut reader = self.reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        log::read(&mut reader, *place).map(Some).map_err(failed("read", &self.path))
    }

    /// The only run whose key begins with `prefix`, in hexadecimal.
    ///
    /// # Errors
    /// When there is none or several, in words; or the file cannot be read.
    pub fn find(&self, prefix: &str) -> Result<Result<Record, String>, StoreError> {
        let lower = prefix.to_lowercase();
        let mut fit = self.found.keys().filter(|key| key.to_string().starts_with(&lower));
        Ok(match (fit.next(), fit.next()) {
            (Some(key), None) => self.get(*key)?.ok_or_else(|| format!("no run {prefix}")),
            (None, _) => Err(format!(
                "no run in {} has a key that begins with {prefix}; keys are the first column of \
                 runs.parquet",
                self.path.display()
            )),
            (Some(one), Some(other)) => {
                Err(format!("several keys begin with {prefix}: {one}, {other}; write more of it"))
            }
        })
    }
}

/// The runs of a store that failed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Failures {
    /// How many.
    pub number: u64,
    /// The first by design point and replication.
    pub first: Option<Record>,
}

impl Failures {
    fn see(&mut self, record: &Record) {
        if record.outcome.is_ok() {
            return;
        }
        self.number += 1;
        let place = |record: &Record| (record.point, record.replication);
        if self.first.as_ref().is_none_or(|first| place(record) < place(first)) {
            self.first = Some(record.clone());
        }
    }
}

/// Reads `store.json`.
///
/// # Errors
/// When it is not there, or of another version.
pub fn load_head(dir: &Path) -> Result<Head, StoreError> {
    let path = dir.join("store.json");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::Absent(dir.to_owned()));
        }
        Err(error) => return Err(failed("read", &path)(error)),
    };
    // Another version may have other fields: its number is looked at first.
    let json: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    let form = json.get("form").and_then(serde_json::Value::as_u64);
    if form != Some(FORM.into()) {
        let found = form.map_or_else(|| "no form".to_owned(), |form| format!("form {form}"));
        let expected = format!("form {FORM}");
        return Err(StoreError::Version { dir: dir.to_owned(), found, expected });
    }
    serde_json::from_value(json).map_err(|error| failed("understand", &path)(error.into()))
}

/// Whether this program may read what is stored.
fn version(dir: &Path, found: &Head) -> Result<(), StoreError> {
    let named = |arable: &str, engine: u32| format!("arable {arable}, engine {engine}");
    let (found, expected) = (
        named(&found.arable, found.engine_version),
        named(env!("CARGO_PKG_VERSION"), ENGINE_VERSION),
    );
    if found == expected {
        return Ok(());
    }
    Err(StoreError::Version { dir: dir.to_owned(), found, expected })
}

/// Whether a store is the one that a sweep goes on with.
fn agree(dir: &Path, found: &Head, wanted: &Head) -> Result<(), StoreError> {
    version(dir, found)?;
    if found.sweep != wanted.sweep {
        let list = |head: &Head| head.axes.join(", ");
        let what = if found.axes != wanted.axes {
            format!("its axes are {}, those of this one {}", list(found), list(wanted))
        } else if found.points != wanted.points {
            format!("it has {} design points, this one {}", found.points, wanted.points)
        } else {
            "its sweep file or scenario differs from this one".to_owned()
        };
        return Err(StoreError::OtherSweep {
            dir: dir.to_owned(),
            title: found.title.clone(),
            what,
        });
    }
    if found.shard != wanted.shard {
        return Err(StoreError::OtherShard {
            dir: dir.to_owned(),
            found: found.shard,
            expected: wanted.shard,
        });
    }
    Ok(())
}

/// Files that a store may have before its head is written.
fn ours(name: &str) -> bool {
    name == "lock" || name.starts_with("store.json.new-")
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(failed("create", &path))?;
    match file.try_lock() {
        // Where the file system knows no locks, nobody else can take one either.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy(dir.to_owned())),
    }
}

/// Removes files that a killed process was in the middle of replacing.
fn sweep_up(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().contains(".new-") {
            // What cannot be removed now will be tried again by the next.
            let _ = fs::remove_file(entry.path());
        }
    }
}
