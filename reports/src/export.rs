//! A run's trace in the forms that other tools read. Everything is made from the files of the
//! run directory; the same trace gives the same bytes.

mod parquet;
mod perfetto;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

pub use self::parquet::parquet;
pub use self::perfetto::{MOST_SLICES, Timeline, perfetto};

use crate::error::ReportError;

/// Writes a file under a temporary name and renames it when it is whole.
fn save(
    file: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<(), ReportError>,
) -> Result<(), ReportError> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    let written = File::create(&new).map_err(|source| cannot(file, source)).and_then(|open| {
        let mut buffer = BufWriter::new(open);
        write(&mut buffer)?;
        buffer.flush().map_err(|source| cannot(file, source))
    });
    let renamed =
        written.and_then(|()| fs::rename(&new, file).map_err(|source| cannot(file, source)));
    if renamed.is_err() {
        // The first error matters more than a file left behind.
        let _ = fs::remove_file(&new);
    }
    renamed
}

fn cannot(file: &Path, source: io::Error) -> ReportError {
    ReportError::Write { file: file.to_owned(), source }
}
