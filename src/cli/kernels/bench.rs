//! `arable kernels bench`.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, StringArray, UInt64Array};
use arrow::ipc::writer::FileWriter;
use arrow::record_batch::RecordBatch;
use gpu_kernels::bench::Place;
use gpu_kernels::bench::clocks::{Clocks, Range, Seen};
use gpu_kernels::bench::compare::{self, Baseline, Verdict};
use gpu_kernels::bench::record::{Peer, Record, Timed, markdown};
use gpu_kernels::bench::sample::Settings;

use super::{Bench, output};
use crate::exit::Exit;

impl Bench {
    pub(super) fn execute(&self) -> Result<Exit, Exit> {
        if !(self.timeout > 0.0 && self.timeout <= 3600.0) {
            let message =
                format!("--timeout is {} seconds; it goes from above 0 to 3600", self.timeout);
            return Err(output::failure(Exit::Usage, message));
        }
        let chosen = self.selection.chosen(|kernel| kernel.bench)?;
        // Read first: nothing is measured for a baseline that cannot be compared with.
        let baseline = self.baseline.as_deref().map(read_baseline).transpose()?;
        let place = Place::best();
        if let Place::Cpu { reason } = &place {
            output::say(format_args!(
                "no GPU ({reason}): timing the CPU twins, which says nothing about a GPU"
            ));
        }
        if let Some(baseline) = &baseline {
            compare::same_place(baseline, &place)
                .map_err(|message| output::failure(Exit::Usage, message))?;
        }
        let limits = place.limits();
        let settings =
            Settings { timeout: Duration::from_secs_f64(self.timeout), ..Settings::default() };
        let mut records = Vec::new();
        let mut failed = false;
        for (kernel, shapes) in &chosen {
            for shape in shapes {
                match place.bench(kernel, shape, self.cache.into(), limits.as_ref(), &settings) {
                    Ok(record) => records.push(record),
                    Err(problem) => {
                        let shape = kernel.shape_text(shape);
                        output::say(format_args!("{} {shape}: {problem}", kernel.name));
                        failed = true;
                    }
                }
            }
        }
        if let Some(file) = &self.out {
            let json = serde_json::to_string_pretty(&records).unwrap_or_default();
            fs::write(file, json + "\n").map_err(|error| cannot_write(file, &error))?;
        }
        if let Some(file) = &self.arrow {
            write_arrow(file, &records).map_err(|error| cannot_write(file, &error))?;
        }
        let mut exit = if failed { Exit::Failed } else { Exit::Good };
        if self.json {
            output::json(&records);
        } else {
            output::text(&markdown(&records));
        }
        if let Some(baseline) = &baseline {
            for c in &compare::compare(baseline, &records) {
                let change = c.change_percent.map_or(String::new(), |x| format!(" ({x:+.1} %)"));
                let verdict = format!("{:?}", c.verdict).to_lowercase();
                output::say(format_args!("{} {:?}: {verdict}{change}", c.kernel, c.shape));
                if c.verdict == Verdict::Slower {
                    exit = Exit::Failed;
                }
            }
        }
        Ok(exit)
    }
}

fn cannot_write(file: &Path, error: &dyn std::fmt::Display) -> Exit {
    output::failure(Exit::File, format_args!("cannot write {}: {error}", file.display()))
}

fn read_baseline(file: &Path) -> Result<Vec<Baseline>, Exit> {
    let failed = |error: &dyn std::fmt::Display| {
        let message = format!(
            "cannot read the baseline {}: {error}; `arable kernels bench --out FILE` writes one",
            file.display()
        );
        output::failure(Exit::File, message)
    };
    let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
    serde_json::from_str(&text).map_err(|error| failed(&error))
}

/// One row a record; samples stay in the JSON.
fn write_arrow(file: &Path, records: &[Record]) -> Result<(), Box<dyn std::error::Error>> {
    let text = |of: &dyn Fn(&Record) -> String| -> ArrayRef {
        Arc::new(StringArray::from(records.iter().map(of).collect::<Vec<_>>()))
    };
    let number = |of: &dyn Fn(&Record) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from(records.iter().map(of).collect::<Vec<_>>()))
    };
    let maybe = |of: &dyn Fn(&Record) -> Option<f64>| -> ArrayRef {
        Arc::new(Float64Array::from(records.iter().map(of).collect::<Vec<_>>()))
    };
    let word = |value: &dyn erased::Word| value.word();
    let shape = |r: &Record| {
        let axes = r.axes.iter().zip(&r.shape);
        axes.map(|(axis, n)| format!("{axis}={n}")).collect::<Vec<_>>().join(" ")
    };
    let samples = records.iter().map(|r| r.summary.samples as u64).collect::<Vec<_>>();
    let throttled = records.iter().map(|r| seen(r).map(|seen| seen.throttled)).collect::<Vec<_>>();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("kernel", text(&|r| r.kernel.clone())),
        ("shape", text(&shape)),
        ("device", text(&|r| r.device.name.clone())),
        ("cache", text(&|r| word(&r.cache))),
        ("timing_kind", text(&|r| word(&r.timing_kind))),
        ("stop_reason", text(&|r| word(&r.stop_reason))),
        ("operations", number(&|r| r.operations)),
        ("bytes", number(&|r| r.bytes)),
        ("samples", Arc::new(UInt64Array::from(samples))),
        ("median_ns", number(&|r| r.summary.median_ns)),
        ("mad_ns", number(&|r| r.summary.mad_ns)),
        ("low_ns", number(&|r| r.summary.interval_ns[0])),
        ("high_ns", number(&|r| r.summary.interval_ns[1])),
        ("noise_percent", number(&|r| r.summary.noise_percent)),
        ("roofline_ns", maybe(&|r| r.roofline_ns)),
        ("percent_of_roofline", maybe(&|r| r.percent_of_roofline)),
        ("sm_mhz", maybe(&|r| sm(r).map(|range| range.median))),
        ("sm_mhz_least", maybe(&|r| sm(r).map(|range| range.least))),
        ("sm_mhz_largest", maybe(&|r| sm(r).map(|range| range.largest))),
        ("memory_mhz", maybe(&|r| seen(r).map(|seen| seen.memory_mhz.median))),
        ("throttled", Arc::new(BooleanArray::from(throttled))),
        ("throttle_reasons", text(&|r| reasons(r).join(", "))),
        ("clocks_not_read", text(&|r| unread(r).to_owned())),
        ("peer", text(&|r| peer(r).0)),
        ("peer_median_ns", maybe(&|r| peer(r).1.map(|peer| peer.summary.median_ns))),
        ("peer_ratio", maybe(&|r| peer(r).1.map(|peer| peer.ratio))),
        ("source_hash", text(&|r| r.source_hash.clone())),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, column)| (name, column, true)),
    )?;
    let mut writer = FileWriter::try_new(File::create(file)?, &batch.schema())?;
    writer.write(&batch)?;
    writer.finish()?;
    Ok(())
}

/// Clocks, where they were read.
fn seen(record: &Record) -> Option<&Seen> {
    match &record.clocks {
        Clocks::Read(seen) => Some(seen),
        Clocks::NotRead { .. } => None,
    }
}

fn sm(record: &Record) -> Option<Range> {
    seen(record).map(|seen| seen.sm_mhz)
}

fn reasons(record: &Record) -> &[String] {
    seen(record).map_or(&[], |seen| &seen.throttle_reasons)
}

/// Why clocks were not read.
fn unread(record: &Record) -> &str {
    match &record.clocks {
        Clocks::Read(_) => "",
        Clocks::NotRead { reason } => reason,
    }
}

/// The peer with its version, or why it was not timed; and its times.
fn peer(record: &Record) -> (String, Option<&Timed>) {
    match &record.peer {
        Some(Peer::Timed(peer)) => (format!("{} {}", peer.name, peer.version), Some(peer)),
        Some(Peer::Absent { name, reason }) => (format!("no {name}: {reason}"), None),
        None => (String::new(), None),
    }
}

/// The word that an enum has in JSON.
mod erased {
    pub(super) trait Word {
        fn word(&self) -> String;
    }
    impl<T: serde::Serialize> Word for T {
        fn word(&self) -> String {
            let value = serde_json::to_value(self).unwrap_or_default();
            value.as_str().unwrap_or_default().to_owned()
        }
    }
}
