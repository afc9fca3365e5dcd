//! Where a run is written until it is whole, and how a run that ended early is gone on with.
//!
//! ```text
//! <run>.partial-<process>/
//!   trace/            as far as it is written
//!   resume/lock       locked by the process that writes here
//!   resume/<rep>.snapshot   a replication in the middle of its run, see `snapshot`
//!   resume/<rep>.finished   what a finished replication leaves besides its tables
//! ```
//!
//! The lock falls when its process ends, however it ends. A directory without a living owner
//! is taken over by the next run of the same plan with the same program, from its snapshots;
//! one that nobody can go on with is removed. The clock of the machine decides when a snapshot
//! is taken, never what is computed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use sim_core::engine::Engine;
use sim_core::trace::{self, Cut, Trace, TraceError};
use sim_types::{SimDuration, SimTime};

use crate::plan::Plan;
use crate::run::RunError;
use crate::snapshot::{self, Identity, Saved};
use crate::world::World;

/// When snapshots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Every {
    /// After so much time at the wall, and when the run is interrupted.
    Wall(Duration),
    /// Whenever so much simulated time has passed, and when the run is interrupted.
    Simulated(SimDuration),
}

impl Every {
    /// Often enough to lose little, seldom enough to cost nothing that can be measured.
    pub const USUAL: Self = Self::Wall(Duration::from_mins(1));
}

/// The directory in which a run is written until it is whole.
#[derive(Debug)]
pub(crate) struct Workplace<'a> {
    dir: PathBuf,
    plan: &'a Plan,
    /// Held for the life of the process's work here.
    lock: Option<File>,
    /// Absent where the run is not to be gone on with.
    every: Option<Every>,
    /// Whether somebody else has written here before.
    taken_over: bool,
    /// Worked out when it is first needed, which short runs do without.
    identity: OnceLock<Identity>,
    say: fn(&str),
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RunError {
    let path = path.to_owned();
    move |source| RunError::File { action, path, source }
}

impl<'a> Workplace<'a> {
    /// Finds an unfinished directory of the same run that nobody owns any more, or makes a new
    /// one. Unfinished directories that cannot be gone on with are removed, and with `fresh`
    /// all that nobody owns.
    ///
    /// # Errors
    /// When no directory can be made.
    pub(crate) fn open(
        run: &Path,
        plan: &'a Plan,
        every: Option<Every>,
        fresh: bool,
        say: fn(&str),
    ) -> Result<Self, RunError> {
        let prefix = format!("{}.partial-", run.file_name().unwrap_or_default().to_string_lossy());
        let out = run.parent().unwrap_or(Path::new(""));
        let own = out.join(format!("{prefix}{}", std::process::id()));
        let mut place = Self {
            dir: own,
            plan,
            lock: None,
            every,
            taken_over: false,
            identity: OnceLock::new(),
            say,
        };
        let mut found = None;
        for (dir, lock) in ownerless(out, &prefix) {
            if found.is_none() && !fresh && every.is_some() && resumable(&dir, place.identity()?) {
                found = Some((dir, lock));
            } else {
                // What cannot be removed now will be tried again by the next run.
                let _ = fs::remove_dir_all(&dir);
            }
        }
        if let Some((dir, lock)) = found {
            if dir != place.dir {
                fs::rename(&dir, &place.dir).map_err(failed("rename", &dir))?;
            }
            trace::take_back(&place.dir.join("trace"), plan.replications)?;
            say(&format!(
                "going on with an earlier run that did not end ({}); --fresh begins anew",
                dir.display()
            ));
            place.lock = Some(lock);
            place.taken_over = true;
            return Ok(place);
        }
        for part in ["trace", "resume"] {
            let part = place.dir.join(part);
            fs::create_dir_all(&part).map_err(failed("create", &part))?;
        }
        let path = place.dir.join("resume").join("lock");
        let lock = File::create(&path).map_err(failed("create", &path))?;
        // Where the file system knows no locks, nobody else can take one either.
        place.lock = lock.try_lock().is_ok().then_some(lock);
        Ok(place)
    }

    fn identity(&self) -> Result<&Identity, RunError> {
        if self.identity.get().is_none() {
            let identity = Identity::of(self.plan).map_err(failed("identify", &self.dir))?;
            let _ = self.identity.set(identity);
        }
        Ok(self.identity.get().expect("set just now"))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn file(&self, rep: u32, what: &str) -> PathBuf {
        self.dir.join("resume").join(format!("{rep}.{what}"))
    }

    /// What a replication left that is finished already, its tables included.
    pub(crate) fn finished<R: for<'de> Deserialize<'de>>(&self, rep: u32) -> Option<R> {
        let path = self.file(rep, "finished");
        if !self.taken_over || !path.exists() {
            return None;
        }
        let finished: Finished<R> = read_finished(&path, self.identity().ok()?)?;
        let tables = self.dir.join("trace");
        trace::settle(&tables, rep).ok()?;
        let whole = finished.tables.iter().all(|(table, digest)| {
            let part = trace::part_path(&tables, table, rep);
            trace::summarise(table, &part).is_ok_and(|found| found.digest.to_string() == *digest)
        });
        whole.then_some(finished.replica)
    }

    /// Keeps what a finished replication leaves: it will not be run again.
    pub(crate) fn keep<R: Serialize>(
        &self,
        rep: u32,
        replica: &R,
        tables: &trace::Summaries,
    ) -> Result<(), RunError> {
        let (path, snapshot) = (self.file(rep, "finished"), self.file(rep, "snapshot"));
        // The only replication of a short run has nothing to wait for.
        if self.every.is_none() || self.plan.replications == 1 && !snapshot.exists() {
            return Ok(());
        }
        let identity = self.identity()?;
        let tables = tables.iter().map(|(name, s)| (name.clone(), s.digest.to_string())).collect();
        let bytes = serde_json::to_vec(&Finished { identity: identity.clone(), tables, replica })
            .map_err(io::Error::other)
            .map_err(failed("write", &path))?;
        // Not forced onto the disk: what a loss of power leaves of it is held to its digests.
        snapshot::swap(&path, |file| io::Write::write_all(file, &bytes))
            .map_err(failed("write", &path))?;
        if snapshot.exists() {
            trace::settle(&self.dir.join("trace"), rep)?;
            fs::remove_file(&snapshot).map_err(failed("remove", &snapshot))?;
        }
        Ok(())
    }

    /// A replication in the middle of its run, with its trace attached; nothing where it has to
    /// begin at the beginning.
    pub(crate) fn take_up<P: for<'de> Deserialize<'de>>(
        &self,
        rep: u32,
    ) -> Result<Option<(Engine<World>, P)>, RunError> {
        let tables = self.dir.join("trace");
        let path = self.file(rep, "snapshot");
        if !self.taken_over {
            return Ok(None);
        }
        if !path.exists() {
            trace::discard(&tables, rep)?;
            return Ok(None);
        }
        let taken = snapshot::read(&path, self.identity()?, rep)
            .map_err(|error| error.to_string())
            .and_then(|saved| saved.map(|s| attach(self.plan, rep, &tables, s)).transpose());
        match taken {
            Ok(None) => trace::discard(&tables, rep)?,
            Ok(Some((engine, progress))) => {
                (self.say)(&format!(
                    "replication {rep} goes on at {:.0} s of simulated time, after {} events",
                    engine.now().seconds(),
                    World::handled(&engine)
                ));
                return Ok(Some((engine, progress)));
            }
            Err(why) => {
                (self.say)(&format!(
                    "replication {rep} begins anew: {} cannot be used: {why}",
                    path.display()
                ));
                trace::discard(&tables, rep)?;
            }
        }
        Ok(None)
    }

    /// Whether the next run of this plan can go on from here.
    pub(crate) fn is_resumable(&self) -> bool {
        self.every.is_some() && self.identity().is_ok_and(|id| resumable(&self.dir, id))
    }

    /// Who takes the snapshots of a replication.
    pub(crate) fn saver(&self, rep: u32, now: SimTime) -> Saver<'_> {
        Saver { place: self, rep, last: Instant::now(), simulated: now }
    }

    /// Removes what only a run that goes on needs: this one is whole.
    pub(crate) fn over(&self, parts: &[trace::Summaries]) -> Result<(), RunError> {
        let resume = self.dir.join("resume");
        fs::remove_dir_all(&resume).map_err(failed("remove", &resume))?;
        Ok(trace::remove_parts(&self.dir.join("trace"), parts)?)
    }
}

/// What a finished replication leaves.
#[derive(Serialize, Deserialize)]
struct Finished<R> {
    identity: Identity,
    tables: std::collections::BTreeMap<String, String>,
    replica: R,
}

fn read_finished<R: for<'de> Deserialize<'de>>(
    path: &Path,
    identity: &Identity,
) -> Option<Finished<R>> {
    let finished: Finished<R> = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (finished.identity == *identity).then_some(finished)
}

fn attach<P>(
    plan: &Plan,
    rep: u32,
    tables: &Path,
    saved: Saved<P>,
) -> Result<(Engine<World>, P), String> {
    let Saved { mut engine, cut, progress } = saved;
    if let Some(cut) = cut {
        let trace = Trace::resume(tables, rep, plan.trace, &cut).map_err(|e| e.to_string())?;
        engine.model_mut().attach(trace);
    }
    Ok((engine, progress))
}

/// Unfinished directories whose process is gone, with their locks, in the order of their names.
fn ownerless(out: &Path, prefix: &str) -> Vec<(PathBuf, File)> {
    let Ok(entries) = fs::read_dir(if out.as_os_str().is_empty() { Path::new(".") } else { out })
    else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with(prefix))
        .map(|name| out.join(name))
        .collect();
    found.sort();
    let locked = found.into_iter().filter_map(|dir| {
        let path = dir.join("resume").join("lock");
        let lock = match File::open(&path) {
            Ok(lock) => lock,
            // Killed before it could lock, or left by an earlier version.
            Err(_) if is_gone(&dir, prefix) => {
                fs::create_dir_all(dir.join("resume")).ok()?;
                File::create(&path).ok()?
            }
            Err(_) => return None,
        };
        match lock.try_lock() {
            Ok(()) => Some((dir, lock)),
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
        }
    });
    locked.collect()
}

/// Whether the process that a directory is named after is known to be gone, or is this one.
fn is_gone(dir: &Path, prefix: &str) -> bool {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    let process = name.strip_prefix(prefix).and_then(|number| number.parse::<u32>().ok());
    process.is_some_and(|process| {
        process == std::process::id()
            || cfg!(target_os = "linux") && !Path::new("/proc").join(process.to_string()).exists()
    })
}

/// Whether any replication has a snapshot or is finished, for this plan and this program.
fn resumable(dir: &Path, identity: &Identity) -> bool {
    let Ok(entries) = fs::read_dir(dir.join("resume")) else { return false };
    let mut files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    files.any(|file| match file.extension().and_then(|ending| ending.to_str()) {
        Some("snapshot") => snapshot::is_of(&file, identity),
        Some("finished") => read_finished::<serde::de::IgnoredAny>(&file, identity).is_some(),
        _ => false,
    })
}

/// Takes the snapshots of one replication.
#[derive(Debug)]
pub(crate) struct Saver<'a> {
    place: &'a Workplace<'a>,
    rep: u32,
    last: Instant,
    simulated: SimTime,
}

impl Saver<'_> {
    /// Takes a snapshot if it is time, or if the run is about to be given up.
    pub(crate) fn look<P: Serialize>(
        &mut self,
        engine: &mut Engine<World>,
        progress: &P,
        last: bool,
    ) -> Result<(), RunError> {
        let Some(every) = self.place.every else { return Ok(()) };
        let due = match every {
            Every::Wall(gap) => self.last.elapsed() >= gap,
            Every::Simulated(gap) => engine.now().since(self.simulated) >= gap,
        };
        if !due && !last {
            return Ok(());
        }
        let path = self.place.file(self.rep, "snapshot");
        let cut = engine.model_mut().cut_trace()?;
        snapshot::write(&path, self.place.identity()?, self.rep, engine, cut.as_ref(), progress)
            .map_err(failed("write", &path))?;
        if let Some(cut) = &cut {
            engine.model_mut().forget_trace_before(cut)?;
        }
        self.last = Instant::now();
        self.simulated = engine.now();
        Ok(())
    }
}

impl World {
    /// Puts the trace so far on the disk for good.
    fn cut_trace(&mut self) -> Result<Option<Cut>, TraceError> {
        self.trace_mut().map(Trace::cut).transpose()
    }

    fn forget_trace_before(&mut self, cut: &Cut) -> Result<(), TraceError> {
        self.trace_mut().map_or(Ok(()), |trace| trace.forget_before(cut))
    }
}
