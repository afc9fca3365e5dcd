//! A trace that can be gone on with: what of it is on the disk at a snapshot, and how it is
//! taken up again.
//!
//! ```text
//! jobs.0.arrow        first segment of replication 0: batches of CHUNK rows
//! jobs.0.1.arrow      second segment, begun after a snapshot (or at a new word)
//! jobs.0.tail3.arrow  rows that waited for their batch to fill at snapshot 3
//! jobs.0.whole        the segments joined, until the replication is known to be finished
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::TraceError;
use super::sealed::SHAPES;
use super::table::whole_path;
use crate::digest::Digest;

/// What of a trace is on the disk at a snapshot. Only what it names is read when the run goes
/// on; whatever was written later is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Number of the snapshot, from 1.
    pub number: u32,
    /// By table.
    pub tables: BTreeMap<String, TableCut>,
}

/// What of a table is on the disk at a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCut {
    /// Complete segments.
    pub segments: u32,
    /// Rows in the tail.
    pub waiting: u64,
    /// Digest of all rows, the tail's included.
    pub digest: Digest,
}

/// Tidies up behind a replication whose summary is safe on the disk: joined tables take their
/// place, and what only snapshots needed goes. Doing it twice does no harm.
///
/// # Errors
/// When a file cannot be renamed or removed.
pub fn settle(dir: &Path, rep: u32) -> Result<(), TraceError> {
    for shape in SHAPES {
        let part = super::part_path(dir, shape.table, rep);
        let whole = whole_path(&part);
        if whole.exists() {
            std::fs::rename(&whole, &part).map_err(|source| TraceError::io(&whole, source))?;
        }
    }
    remove(dir, rep, |_, piece| piece.is_none())
}

/// Removes the tails of snapshots before `cut`.
pub(super) fn remove_tails_before(dir: &Path, rep: u32, cut: u32) -> Result<(), TraceError> {
    let old = |piece: &str| {
        piece.strip_prefix("tail").and_then(|n| n.parse::<u32>().ok()).is_some_and(|n| n < cut)
    };
    remove(dir, rep, |_, piece| !piece.is_some_and(old))
}

/// Removes every file of a replication that the snapshot `cut` does not count on.
pub(super) fn remove_after(dir: &Path, rep: u32, cut: &Cut) -> Result<(), TraceError> {
    let tail = format!("tail{}", cut.number);
    remove(dir, rep, |table, piece| {
        let segments = cut.tables.get(table).map_or(0, |table| table.segments);
        match piece {
            None => segments > 0,
            Some(piece) => piece == tail || piece.parse::<u32>().is_ok_and(|n| n < segments),
        }
    })
}

/// Removes every file of a replication.
///
/// # Errors
/// When a file cannot be removed.
pub fn discard(dir: &Path, rep: u32) -> Result<(), TraceError> {
    remove(dir, rep, |_, _| false)
}

/// Removes the files of a replication but those that `keep` names: it is given the table, and
/// what stands between the replication and the ending, nothing for the part itself.
fn remove(
    dir: &Path,
    rep: u32,
    keep: impl Fn(&str, Option<&str>) -> bool,
) -> Result<(), TraceError> {
    let number = format!(".{rep}.");
    let entries = std::fs::read_dir(dir).map_err(|source| TraceError::io(dir, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| TraceError::io(dir, source))?;
        let name = entry.file_name();
        let Some((table, rest)) = name.to_str().and_then(|name| name.split_once(&number)) else {
            continue;
        };
        if !SHAPES.iter().any(|shape| shape.table == table) {
            continue;
        }
        let piece = match rest {
            "arrow" => None,
            rest => Some(rest.strip_suffix(".arrow").unwrap_or(rest)),
        };
        if !keep(table, piece) {
            let path: PathBuf = entry.path();
            std::fs::remove_file(&path).map_err(|source| TraceError::io(&path, source))?;
        }
    }
    Ok(())
}
