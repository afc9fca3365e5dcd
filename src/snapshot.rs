//! One replication in the middle of its run, on the disk: enough to go on as if nothing had
//! happened.
//!
//! A snapshot is a line of JSON for whoever looks (which run, which build, how far) and the
//! state behind it in a compact binary form: the engine with the world in it, the place in the
//! trace, the checkpoints so far. It is written under a temporary name, flushed to the disk
//! and renamed, so a snapshot is whole or it is the one before. It is read back only by the
//! program that wrote it, to the byte: another build may lay its state out differently.

use std::fs::{self, File};
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::OnceLock;

use postcard::ser_flavors::Flavor;
use serde::{Deserialize, Serialize};
use sim_core::digest::Digest;
use sim_core::engine::Engine;
use sim_core::trace::Cut;

use crate::manifest::ENGINE_VERSION;
use crate::plan::Plan;
use crate::world::World;

/// Version of the form of a snapshot.
const FORM: u32 = 1;

/// What must be the same for a run to be gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    form: u32,
    arable: String,
    commit: String,
    engine_version: u32,
    /// BLAKE3 of the program.
    program: String,
    plan: String,
    trace: String,
}

impl Identity {
    /// This program, running this plan.
    pub(crate) fn of(plan: &Plan) -> io::Result<Self> {
        Ok(Self {
            form: FORM,
            arable: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("ARABLE_COMMIT").to_owned(),
            engine_version: ENGINE_VERSION,
            program: program()?,
            plan: plan.digest(),
            trace: plan.trace.to_string(),
        })
    }
}

/// Digest of the file that this process was started from.
fn program() -> io::Result<String> {
    static DIGEST: OnceLock<String> = OnceLock::new();
    if let Some(digest) = DIGEST.get() {
        return Ok(digest.clone());
    }
    let mut hasher = blake3::Hasher::new();
    io::copy(&mut File::open(std::env::current_exe()?)?, &mut hasher)?;
    Ok(DIGEST.get_or_init(|| hasher.finalize().to_hex().to_string()).clone())
}

/// The first line of a snapshot.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    identity: Identity,
    rep: u32,
    events: u64,
    time: u64,
    /// Event digest so far.
    digest: Digest,
    /// BLAKE3 of the state.
    state: Digest,
}

/// What a snapshot holds, borrowed to be written.
#[derive(Serialize)]
struct Borrowed<'a, P> {
    engine: &'a Engine<World>,
    cut: Option<&'a Cut>,
    progress: &'a P,
}

/// What a snapshot holds. `P` is what the driver of the engine keeps.
#[derive(Debug, Deserialize)]
pub(crate) struct Saved<P> {
    pub(crate) engine: Engine<World>,
    /// The place in the trace, where there is one.
    pub(crate) cut: Option<Cut>,
    pub(crate) progress: P,
}

/// Bytes in memory, as the binary form wants them.
struct Bytes(Vec<u8>);

impl Flavor for Bytes {
    type Output = Vec<u8>;
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// A value in the binary form.
pub(crate) fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    postcard::serialize_with_flavor(value, Bytes(Vec::new())).map_err(io::Error::other)
}

/// A value out of the binary form, all of it.
pub(crate) fn decode<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> io::Result<T> {
    let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(invalid(format!("{} bytes too many", rest.len()))),
        Err(error) => Err(invalid(error.to_string())),
    }
}

/// Writes the snapshot of a replication in the place of the one before.
pub(crate) fn write<P: Serialize>(
    path: &Path,
    identity: &Identity,
    rep: u32,
    engine: &Engine<World>,
    cut: Option<&Cut>,
    progress: &P,
) -> io::Result<()> {
    let state = encode(&Borrowed { engine, cut, progress })?;
    let totals = World::totals(engine);
    let head = Head {
        identity: identity.clone(),
        rep,
        events: totals.handled,
        time: engine.now().0,
        digest: totals.events,
        state: Digest::of(&state),
    };
    let mut line = serde_json::to_vec(&head)?;
    line.push(b'\n');
    replace(path, |file| {
        file.write_all(&line)?;
        file.write_all(&state)
    })
}

/// The snapshot of a replication, if there is one that this program can go on from.
pub(crate) fn read<P: for<'de> Deserialize<'de>>(
    path: &Path,
    identity: &Identity,
    rep: u32,
) -> io::Result<Option<Saved<P>>> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the snapshot is damaged");
    let end = bytes.iter().position(|&byte| byte == b'\n').ok_or_else(damaged)?;
    // The head of another version may have other fields: then it is not ours either.
    let Ok(head) = serde_json::from_slice::<Head>(&bytes[..end]) else { return Ok(None) };
    if head.identity != *identity || head.rep != rep {
        return Ok(None);
    }
    let state = &bytes[end + 1..];
    if Digest::of(state) != head.state {
        return Err(damaged());
    }
    let saved: Saved<P> = decode(state)?;
    if World::totals(&saved.engine).events != head.digest {
        return Err(damaged());
    }
    Ok(Some(saved))
}

/// Whether a file is a snapshot of the run that `identity` names.
pub(crate) fn is_of(path: &Path, identity: &Identity) -> bool {
    let mut line = Vec::new();
    let read = File::open(path).and_then(|f| io::BufReader::new(f).read_until(b'\n', &mut line));
    read.is_ok() && serde_json::from_slice::<Head>(&line).is_ok_and(|h| h.identity == *identity)
}

/// Writes a file under a temporary name, sees it onto the disk and renames it: at no moment
/// does the name stand for anything but the old content or the new, whole. Where it fails,
/// the old content stays and nothing else does.
pub(crate) fn replace(
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    swap(path, |file| {
        write(file)?;
        file.sync_all()
    })?;
    sync_folder(path)
}

/// As [`replace`], but a loss of power soon after may leave the new content cut short.
pub(crate) fn swap(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = path.with_file_name(name);
    let written = File::create(&new).and_then(|mut file| write(&mut file));
    if let Err(error) = written.and_then(|()| fs::rename(&new, path)) {
        // The first error matters more than a file left behind, whose name says what it is.
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    Ok(())
}

/// Sees a renaming onto the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if cfg!(unix) {
        return File::open(folder.unwrap_or(Path::new(".")))?.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_form_gives_back_what_it_took_and_refuses_what_is_cut_short_or_longer() {
        let value = (7_u32, Some("text".to_owned()), vec![1.5_f64, -0.0], u128::MAX);
        let bytes = encode(&value).unwrap();
        assert_eq!(decode::<(u32, Option<String>, Vec<f64>, u128)>(&bytes).unwrap(), value);
        for wrong in [&bytes[..bytes.len() - 1], &[&bytes[..], &[0]].concat()] {
            assert!(decode::<(u32, Option<String>, Vec<f64>, u128)>(wrong).is_err());
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_whole_leaves_the_old_one_alone() {
        let folder = std::env::temp_dir().join(format!("arable-replace-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("state");
        replace(&path, |file| file.write_all(b"old")).unwrap();
        let full = |file: &mut File| {
            file.write_all(b"half of the new")?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        };
        let error = replace(&path, full).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
        fs::remove_dir_all(&folder).unwrap();
    }

    /// Every shipped scenario, saved in the middle in the form that snapshots have and gone on
    /// with: no type of the world may be one that only a self-describing form can read.
    #[test]
    fn every_shipped_world_goes_on_from_its_binary_form() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let folders = ["systems", "tutorial"].map(|folder| fs::read_dir(root.join(folder)));
        let mut scenarios = 0;
        for entry in folders.into_iter().flat_map(Result::unwrap) {
            let path = entry.unwrap().path();
            let mut source = crate::scenario::Source::load(&path).unwrap();
            source.set("replications", "1").unwrap();
            if path.to_string_lossy().contains("systems") {
                source.set("horizon", "20min").unwrap();
            }
            let (plan, _) = source.plan().unwrap_or_else(|d| panic!("{}", d.render(false)));
            let mut whole = World::start(&plan, 0).unwrap();
            whole.run_until(plan.horizon, u64::MAX);
            let mut first = World::start(&plan, 0).unwrap();
            first.run_until(plan.horizon, whole.events_handled() / 2);
            let bytes = encode(&first).unwrap();
            let mut second: Engine<World> = decode(&bytes).unwrap();
            assert_eq!(encode(&second).unwrap(), bytes, "{}", path.display());
            second.run_until(plan.horizon, u64::MAX);
            assert_eq!(second.digest(), whole.digest(), "{}", path.display());
            scenarios += 1;
        }
        assert!(scenarios >= 7);
    }
}
