//! The records of a store, one behind the other.
//!
//! ```text
//! arable records 1\n
//! length: 4 bytes, little-endian | check: first 8 bytes of BLAKE3 of the record | record
//! …
//! ```
//!
//! A record is whole or it is not there: what is cut short or does not fit its check ends the
//! file, and is cut off when the file is opened to be written. Appending is group commit:
//! records that end close together reach the disk together.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Id, Record, StoreError, failed};
use crate::snapshot::{self, decode, encode};

const HEAD: &[u8] = b"arable records 1\n";
const FRAME: usize = 12;
/// Longest record; a length beyond it is damage.
const LONGEST: u32 = 1 << 28;

/// How long a record may wait for others before all go to the disk.
const WAIT: Duration = Duration::from_millis(50);
/// How much may wait.
const BATCH: usize = 1 << 20;
/// Records that may wait for the writer; runs wait for it beyond that.
const WAITING: usize = 4_096;

/// Where a record lies: first byte of its content, and how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    at: u64,
    length: u32,
}

/// A record with its frame.
fn framed(record: &Record) -> io::Result<Vec<u8>> {
    let content = encode(record)?;
    let length = u32::try_from(content.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| io::Error::other("a record of more than 256 MiB"))?;
    let mut bytes = Vec::with_capacity(FRAME + content.len());
    bytes.extend(length.to_le_bytes());
    bytes.extend(&blake3::hash(&content).as_bytes()[..8]);
    bytes.extend(content);
    Ok(bytes)
}

/// How many bytes a record takes.
pub(crate) fn size(record: &Record) -> usize {
    framed(record).map_or(0, |bytes| bytes.len())
}

/// Reads records one by one as long as they are whole.
struct Records<R> {
    from: R,
    at: u64,
}

impl<R: Read> Records<R> {
    /// The next record; `None` at the end, or where the file is not whole.
    fn next(&mut self) -> io::Result<Option<Record>> {
        // What fits its check was written by this version: see `store.json`.
        self.content()?.map(|(content, _)| decode(&content)).transpose()
    }

    /// The content of the next record and its place.
    fn content(&mut self) -> io::Result<Option<(Vec<u8>, Place)>> {
        let mut frame = [0; FRAME];
        if !filled(&mut self.from, &mut frame)? {
            return Ok(None);
        }
        let length = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]);
        if length > LONGEST {
            return Ok(None);
        }
        let mut content = Vec::new();
        (&mut self.from).take(length.into()).read_to_end(&mut content)?;
        if content.len() != length as usize || blake3::hash(&content).as_bytes()[..8] != frame[4..]
        {
            return Ok(None);
        }
        let place = Place { at: self.at + FRAME as u64, length };
        self.at = place.at + u64::from(length);
        Ok(Some((content, place)))
    }
}

/// Fills a buffer; false if there are not enough bytes.
fn filled(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match from.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// The records of a file from its beginning; `None` where it does not begin as one.
fn records(path: &Path) -> io::Result<Option<Records<BufReader<File>>>> {
    let mut from = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut head = [0; HEAD.len()];
    let whole = filled(&mut from, &mut head)? && head == HEAD;
    Ok(whole.then_some(Records { from, at: HEAD.len() as u64 }))
}

/// Hands over every record of a file, all of which must be whole.
pub(super) fn each(
    path: &Path,
    mut take: impl FnMut(Record) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let damaged = |whole| StoreError::Damaged { path: path.to_owned(), whole };
    let mut records = records(path).map_err(failed("read", path))?.ok_or_else(|| damaged(0))?;
    while let Some(record) = records.next().map_err(failed("read", path))? {
        take(record)?;
    }
    let length = std::fs::metadata(path).map_err(failed("read", path))?.len();
    if length == records.at { Ok(()) } else { Err(damaged(records.at)) }
}

/// Where every whole record of a file lies, and how many bytes are whole.
pub(super) fn scan(path: &Path) -> Result<(BTreeMap<Id, Place>, u64), StoreError> {
    let mut places = BTreeMap::new();
    let Some(mut records) = records(path).map_err(failed("read", path))? else {
        return Ok((places, 0));
    };
    while let Some((content, place)) = records.content().map_err(failed("read", path))? {
        // Key and point come first, and the check says that the rest is as it was written.
        let Ok((id, _)) = postcard::take_from_bytes::<Id>(&content) else { break };
        places.entry(id).or_insert(place);
    }
    Ok((places, records.at))
}

/// Opens a file of records or begins one: what lies in it, and how many bytes at its end were
/// cut off. `before_cut` is called before a byte is.
pub(super) fn open(
    path: &Path,
    before_cut: impl FnOnce() -> Result<(), StoreError>,
) -> Result<(BTreeMap<Id, Place>, u64), StoreError> {
    let (places, whole) = if path.exists() { scan(path)? } else { (BTreeMap::new(), 0) };
    if whole == 0 || std::fs::metadata(path).map_err(failed("read", path))?.len() > whole {
        before_cut()?;
    }
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
    let mut file = file.map_err(failed("open", path))?;
    let length = file.metadata().map_err(failed("read", path))?.len();
    let mut cut = || -> io::Result<()> {
        if length != whole || whole == 0 {
            file.set_len(whole)?;
            if whole == 0 {
                file.write_all(HEAD)?;
            }
            file.sync_all()?;
        }
        Ok(())
    };
    cut().map_err(failed("write", path))?;
    Ok((places, length - whole))
}

/// Reads the record at a place.
pub(super) fn read(from: &mut File, place: Place) -> io::Result<Record> {
    let mut content = vec![0; place.length as usize];
    from.seek(SeekFrom::Start(place.at))?;
    from.read_exact(&mut content)?;
    decode(&content)
}

/// Puts the records `asked`, which ascend, in this order and leaves out all others. False if
/// the file was so already.
pub(super) fn sort(path: &Path, asked: &[Id]) -> Result<bool, StoreError> {
    let (places, whole) = scan(path)?;
    let mut at = HEAD.len() as u64;
    let in_place = places.len() == asked.len()
        && places.iter().zip(asked).all(|((id, place), asked)| {
            let here = place.at == at + FRAME as u64;
            at = place.at + u64::from(place.length);
            here && id == asked
        })
        && at == whole
        && std::fs::metadata(path).is_ok_and(|metadata| metadata.len() == whole);
    if in_place {
        return Ok(false);
    }
    let mut from = File::open(path).map_err(failed("read", path))?;
    snapshot::replace(path, |file| {
        let mut to = BufWriter::with_capacity(1 << 16, file);
        to.write_all(HEAD)?;
        let mut bytes = Vec::new();
        for id in asked {
            let place = places.get(id).ok_or_else(|| io::Error::other("a record is missing"))?;
            bytes.resize(FRAME + place.length as usize, 0);
            from.seek(SeekFrom::Start(place.at - FRAME as u64))?;
            from.read_exact(&mut bytes)?;
            to.write_all(&bytes)?;
        }
        to.flush()
    })
    .map_err(failed("write", path))?;
    Ok(true)
}

/// The end of a file of records, to which a thread of its own writes.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// Absent once the writer is to end.
    sender: Option<SyncSender<Vec<u8>>>,
    writer: Mutex<Writer>,
}

/// The thread that writes.
#[derive(Debug)]
enum Writer {
    Running(JoinHandle<io::Result<()>>),
    Ended,
    /// With what it failed, for everybody who asks.
    Failed(io::ErrorKind, String),
}

impl Log {
    /// Starts the writer at the end of a file that [`open`] has made whole.
    pub(super) fn append(path: &Path) -> Result<Self, StoreError> {
        let file = OpenOptions::new().append(true).open(path).map_err(failed("open", path))?;
        let (sender, receiver) = sync_channel(WAITING);
        let writer = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || write_all(file, &receiver))
            .map_err(failed("start the writer of", path))?;
        let writer = Mutex::new(Writer::Running(writer));
        Ok(Self { path: path.to_owned(), sender: Some(sender), writer })
    }

    pub(super) fn push(&self, record: &Record) -> Result<(), StoreError> {
        let bytes = framed(record).map_err(failed("write", &self.path))?;
        // The writer drops its end when it fails, which refuses this one.
        match self.sender.as_ref().map(|sender| sender.send(bytes)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.join().err().unwrap_or_else(|| {
                failed("write", &self.path)(io::Error::other("the writer has ended"))
            })),
        }
    }

    /// Sees everything onto the disk.
    pub(super) fn close(mut self) -> Result<(), StoreError> {
        self.sender = None;
        self.join()
    }

    /// Waits for the writer. Whoever comes later learns what the first learnt.
    fn join(&self) -> Result<(), StoreError> {
        let mut writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *writer = match std::mem::replace(&mut *writer, Writer::Ended) {
            Writer::Running(thread) => {
                let panicked = |_| Err(io::Error::other("the writer panicked"));
                match thread.join().unwrap_or_else(panicked) {
                    Ok(()) => Writer::Ended,
                    Err(error) => Writer::Failed(error.kind(), error.to_string()),
                }
            }
            over => over,
        };
        match &*writer {
            Writer::Failed(kind, said) => {
                Err(failed("write", &self.path)(io::Error::new(*kind, said.clone())))
            }
            Writer::Running(_) | Writer::Ended => Ok(()),
        }
    }
}

/// A log that is dropped still sees its records onto the disk.
impl Drop for Log {
    fn drop(&mut self) {
        self.sender = None;
        let _ = self.join();
    }
}

/// The writer: one write and one flush to the disk for all that comes within [`WAIT`]. After a
/// failed write the file may end in half a record, which the next to open it cuts off.
fn write_all(mut file: File, records: &Receiver<Vec<u8>>) -> io::Result<()> {
    let mut batch = Vec::new();
    while let Ok(first) = records.recv() {
        batch.extend(first);
        let due = Instant::now() + WAIT;
        while batch.len() < BATCH {
            match records.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(next) => batch.extend(next),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        file.write_all(&batch)?;
        file.sync_data()?;
        batch.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Key;
    use super::*;

    /// Whoever meets a full disk is told that it is full, not only the first.
    #[test]
    fn a_full_disk_is_told_to_everybody() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            println!("SKIPPED: there is no {} here", full.display());
            return;
        }
        let log = Log::append(full).expect("it opens");
        let (key, outcome) = (Key([0; 32]), Ok(Vec::new()));
        let parameters = Vec::new();
        let record = Record { key, point: 0, replication: 0, seed: 0, parameters, outcome };
        let mut told = 0;
        while told < 3 {
            // The writer takes what it is given until it has tried.
            if let Err(error) = log.push(&record) {
                assert!(error.to_string().contains("No space left"), "{error}");
                told += 1;
            }
        }
        assert!(log.close().is_err());
    }

    /// What is not whole is not cut off before the caller has done what comes first.
    #[test]
    fn nothing_is_cut_off_before_its_time() {
        let path = std::env::temp_dir().join(format!("arable-log-{}", std::process::id()));
        let torn = [HEAD, b"half a record"].concat();
        std::fs::write(&path, &torn).expect("writable");
        let refused = open(&path, || Err(failed("remove", &path)(io::Error::other("no"))));
        assert!(refused.is_err());
        assert_eq!(std::fs::read(&path).expect("there"), torn);
        let (places, cut) = open(&path, || Ok(())).expect("opens");
        assert_eq!((places.len(), cut), (0, 13));
        open(&path, || panic!("nothing is to be cut off")).expect("opens");
        std::fs::remove_file(&path).expect("there");
    }
}
