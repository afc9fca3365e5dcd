//! Digests: 32 bytes of BLAKE3, shown as hexadecimal.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sim_types::record::{Cells, Record};
use sim_types::{Amount, SimTime};

use crate::chain::Chain;
use crate::determinism::Step;

/// A BLAKE3 digest. Serialised as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes).into())
    }

    /// The first 12 hexadecimal digits, for names of directories.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a digest: expected 64 hexadecimal digits")]
pub struct NotADigest(pub String);

impl FromStr for Digest {
    type Err = NotADigest;
    fn from_str(text: &str) -> Result<Self, NotADigest> {
        blake3::Hash::from_hex(text)
            .map(|hash| Self(hash.into()))
            .map_err(|_| NotADigest(text.to_owned()))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The digest of a table's rows: equal rows in equal order give equal digests, however they
/// were cut into batches, encoded or stored.
///
/// A row's bytes are its cells in column order: integers and money little-endian in their
/// width, a truth value as one byte, an absent-able cell behind a byte that says whether it
/// is there, words and texts behind their length in 32 bits. Table, version and column names
/// go first.
#[derive(Debug, Clone)]
pub struct RowDigest {
    hasher: blake3::Hasher,
    /// Bytes not yet hashed: BLAKE3 is fastest on long runs of bytes.
    bytes: Vec<u8>,
    rows: u64,
    trail: Option<Trail>,
}

/// A step for every row: where the row at hand begins among the bytes, and the hash so far.
#[derive(Debug, Clone, Default)]
struct Trail {
    from: usize,
    chain: Chain,
    steps: Vec<Step>,
}

/// How many bytes are gathered before they are hashed.
const GATHER: usize = 64 * 1024;

impl RowDigest {
    /// The digest of no rows of the table of `R`.
    #[must_use]
    pub fn new<R: Record>() -> Self {
        Self::of_table(R::TABLE, R::VERSION, R::COLUMNS.iter().map(|column| column.name))
    }

    /// The digest of no rows of a table known only by its names.
    pub fn of_table<'a>(table: &str, version: u32, columns: impl Iterator<Item = &'a str>) -> Self {
        let mut digest = Self {
            hasher: blake3::Hasher::new(),
            bytes: Vec::with_capacity(2 * GATHER),
            rows: 0,
            trail: None,
        };
        digest.text(table);
        digest.u32(version);
        columns.for_each(|name| digest.text(name));
        digest
    }

    /// Adds one row.
    pub fn push<R: Record>(&mut self, row: &R) {
        row.cells(self);
        self.end_row();
    }

    /// Says that the cells handed over so far complete a row.
    pub fn end_row(&mut self) {
        self.rows += 1;
        if let Some(trail) = &mut self.trail {
            trail.row(&self.bytes);
        }
        if self.bytes.len() >= GATHER {
            self.hasher.update(&self.bytes);
            self.bytes.clear();
            if let Some(trail) = &mut self.trail {
                trail.from = 0;
            }
        }
    }

    /// Keeps a step for every row from now on.
    pub(crate) fn keep_trail(&mut self) {
        self.trail = Some(Trail { from: self.bytes.len(), ..Trail::default() });
    }

    /// The steps kept since [`Self::keep_trail`].
    pub(crate) fn take_trail(&mut self) -> Vec<Step> {
        self.trail.take().map(|trail| trail.steps).unwrap_or_default()
    }

    /// How many rows it holds.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The digest of the rows so far.
    #[must_use]
    pub fn finish(&self) -> Digest {
        let mut hasher = self.hasher.clone();
        hasher.update(&self.bytes);
        Digest(hasher.finalize().into())
    }
}

impl Trail {
    fn row(&mut self, bytes: &[u8]) {
        let row = &bytes[self.from..];
        self.chain.extend(row.len() as u64);
        for word in row.chunks(8) {
            let mut eight = [0; 8];
            eight[..word.len()].copy_from_slice(word);
            self.chain.extend(u64::from_le_bytes(eight));
        }
        self.steps.push(Step::new(self.chain, SimTime::ZERO));
        self.from = bytes.len();
    }
}

impl Cells for RowDigest {
    fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }
    fn u32(&mut self, value: u32) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }
    fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }
    fn opt_u32(&mut self, value: Option<u32>) {
        self.bool(value.is_some());
        if let Some(value) = value {
            self.u32(value);
        }
    }
    fn opt_u64(&mut self, value: Option<u64>) {
        self.bool(value.is_some());
        if let Some(value) = value {
            self.u64(value);
        }
    }
    fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }
    fn amount(&mut self, value: Amount) {
        self.bytes.extend_from_slice(&value.0.to_le_bytes());
    }
    fn word(&mut self, value: &'static str) {
        self.text(value);
    }
    fn text(&mut self, value: &str) {
        let length = u32::try_from(value.len()).expect("a cell's text is shorter than 4 GiB");
        self.u32(length);
        self.bytes.extend_from_slice(value.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim_types::record::FaultRow;

    /// The digest of nothing that the BLAKE3 authors publish (`test_vectors.json`, length 0).
    const EMPTY: &str = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";

    #[test]
    fn hexadecimal_reads_back_and_matches_the_published_vector() {
        let digest = Digest::of(b"");
        assert_eq!(digest.to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(digest));
        assert_eq!(digest.short(), "af1349b9f5f9");
        let json = serde_json::to_string(&digest).expect("serialises");
        assert_eq!(serde_json::from_str::<Digest>(&json).expect("reads back"), digest);
        assert!("af13".parse::<Digest>().is_err());
    }

    #[test]
    fn a_row_is_its_cells_behind_the_table_head() {
        let mut digest = RowDigest::new::<FaultRow>();
        digest.push(&FaultRow { rep: 1, time: 2, kind: "crash", target: "n7".into() });
        let mut bytes = Vec::new();
        let text = |bytes: &mut Vec<u8>, text: &str| {
            bytes.extend(u32::try_from(text.len()).expect("short").to_le_bytes());
            bytes.extend(text.as_bytes());
        };
        text(&mut bytes, "faults");
        bytes.extend(1_u32.to_le_bytes());
        for name in ["rep", "time", "kind", "target"] {
            text(&mut bytes, name);
        }
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(2_u64.to_le_bytes());
        text(&mut bytes, "crash");
        text(&mut bytes, "n7");
        assert_eq!(digest.finish(), Digest::of(&bytes));
        assert_eq!(digest.rows(), 1);
    }
}
