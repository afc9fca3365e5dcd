//! Timing kernels, or their twins where there is no device: verified first, then timed until the
//! noise is small, then set against the roofline.
//!
//! | module | holds |
//! |---|---|
//! | [`sample`] | how long to measure, and what the samples say |
//! | [`limits`] | what devices can do, and what this processor can |
//! | [`clocks`] | clocks and throttling meanwhile |
//! | [`record`] | the result of one kernel at one shape; Markdown |
//! | [`compare`] | two results: same, faster, slower, ambiguous |
//! | [`fit`] | a hardware profile from measurements |

pub mod clocks;
pub mod compare;
pub mod fit;
pub mod limits;
pub mod record;
pub mod sample;

use std::time::Instant;

use self::clocks::{Clocks, Watch};
use self::limits::Limits;
use self::record::{Cache, DeviceName, Peer, Record, SCHEMA, Timed, TimingKind, Verified};
use self::sample::{Samples, Settings};
use crate::data::Data;
use crate::kernel::{Kernel, Tolerance};
use crate::run::cublas::Product;
use crate::run::cuda::{Cuda, Resident};
use crate::run::nvml::Nvml;
use crate::verify;

const CUBLAS: &str = "cublas";

/// Times what lies on the device, and reads its clocks in between.
fn sampled(
    resident: &mut Resident<'_>,
    cache: Cache,
    settings: &Settings,
    nvml: &Result<Nvml, String>,
) -> Result<(Samples, Clocks), String> {
    let mut watch = nvml.as_ref().map_err(Clone::clone).and_then(Watch::begin);
    let samples = settings.measure(|| {
        let time = match cache {
            Cache::Graph => resident.time_graph(20),
            Cache::Cold | Cache::Hot => resident.time(cache == Cache::Cold),
        };
        if let Ok(watch) = &mut watch {
            watch.after_run();
        }
        time
    })?;
    let clocks = match watch {
        Ok(watch) => watch.end(samples.nanoseconds.len()),
        Err(reason) => Clocks::not_read(&reason),
    };
    Ok((samples, clocks))
}

/// Where kernels are timed.
#[derive(Debug)]
pub enum Place {
    /// On a device, by its events.
    Cuda(Box<Cuda>),
    /// On the processor: the twins, by the wall clock. Says nothing about a GPU.
    Cpu {
        /// Why not on a device.
        reason: String,
    },
}

impl Place {
    /// The first CUDA device, or the processor and why.
    #[must_use]
    pub fn best() -> Self {
        match Cuda::open() {
            Ok(cuda) => Self::Cuda(Box::new(cuda)),
            Err(reason) => Self::Cpu { reason },
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> DeviceName {
        match self {
            Self::Cuda(cuda) => DeviceName {
                name: cuda.device.name.clone(),
                compute_capability: Some(cuda.device.compute_capability),
                driver: Some(cuda.device.driver.to_string()),
                threads: None,
            },
            Self::Cpu { .. } => DeviceName {
                name: limits::processor(),
                compute_capability: None,
                driver: None,
                threads: Some(rayon::current_num_threads()),
            },
        }
    }

    /// What it can do: as published for the device, or as measured here.
    #[must_use]
    pub fn limits(&self) -> Option<Limits> {
        match self {
            Self::Cuda(cuda) => limits::of_device(&cuda.device.name),
            Self::Cpu { .. } => Some(limits::of_this_processor()),
        }
    }

    /// Verifies and times one shape.
    ///
    /// # Errors
    /// A shape that does not fit, a result that is wrong, or a failure of the device.
    pub fn bench(
        &self,
        kernel: &Kernel,
        shape: &[usize],
        cache: Cache,
        limits: Option<&Limits>,
        settings: &Settings,
    ) -> Result<Record, String> {
        kernel.check(shape)?;
        let cost = (kernel.cost)(shape);
        limits::fits_memory(kernel, shape)?;
        let job = (kernel.job)(shape, 1);
        let (samples, verified, clocks, peer) = match self {
            Self::Cuda(cuda) => {
                let program = cuda.load(kernel)?;
                let mut resident = program.prepare(&job)?;
                resident.launch()?;
                let found = resident.fetch()?;
                let wanted = verify::expected(kernel, shape, &job);
                let agreement = verify::compare(kernel, &job, &found, &wanted)?;
                let nvml = Nvml::open(&cuda.pci_bus_id);
                let (samples, clocks) = sampled(&mut resident, cache, settings, &nvml)?;
                drop(resident);
                let peer = Product::of(kernel, shape).map(|product| {
                    let cublas = cuda.cublas(product)?;
                    let tolerance = product.tolerance(kernel);
                    let mut resident = program.prepare(&job)?.by(&cublas);
                    resident.launch()?;
                    let found = resident.fetch()?;
                    let agreement = verify::compare_within(tolerance, &job, &found, &wanted)?;
                    let (peer, clocks) = sampled(&mut resident, cache, settings, &nvml)?;
                    let ratio = samples.summary().median_ns / peer.summary().median_ns;
                    Ok(Timed {
                        name: CUBLAS,
                        version: cublas.version.clone(),
                        summary: peer.summary(),
                        ratio,
                        stop_reason: peer.stop,
                        clocks,
                        verified: Verified { oracle: "twin", agreement },
                        tolerance: match tolerance {
                            Tolerance::Bits => [0.0, 0.0],
                            Tolerance::Near { absolute, relative } => [absolute, relative],
                        },
                    })
                });
                let peer = peer.map(|timed| match timed {
                    Ok(timed) => Peer::Timed(Box::new(timed)),
                    Err(reason) => Peer::Absent { name: CUBLAS, reason },
                });
                (samples, Verified { oracle: "twin", agreement }, clocks, peer)
            }
            Self::Cpu { .. } => {
                // The twin is what others are held to: its own proof are its tests and the
                // kernel's text on the CPU (`arable kernels verify`). Two runs must agree.
                let mut buffers: Vec<Data> = job.buffers.iter().map(|b| b.data.clone()).collect();
                (kernel.twin)(shape, &mut buffers);
                let again = verify::expected(kernel, shape, &job);
                let agreement = verify::compare(kernel, &job, &again, &buffers)?;
                let samples = settings.measure(|| {
                    let began = Instant::now();
                    (kernel.twin)(shape, &mut buffers);
                    Ok(began.elapsed().as_secs_f64() * 1e9)
                })?;
                let no_device = "there is no GPU to run it on".to_owned();
                let peer = Product::of(kernel, shape)
                    .map(|_| Peer::Absent { name: CUBLAS, reason: no_device });
                let clocks = Clocks::not_read("a processor's are not known");
                (samples, Verified { oracle: "twin, repeated", agreement }, clocks, peer)
            }
        };
        let roofline_ns = limits.and_then(|limits| limits.nanoseconds(&cost));
        let summary = samples.summary();
        Ok(Record {
            schema_version: SCHEMA,
            kernel: kernel.name.to_owned(),
            device: self.name(),
            axes: kernel.axes.iter().map(|axis| axis.name.to_owned()).collect(),
            shape: shape.to_vec(),
            cache: if matches!(self, Self::Cpu { .. }) { Cache::Hot } else { cache },
            timing_kind: match self {
                Self::Cuda(_) => TimingKind::GpuEvent,
                Self::Cpu { .. } => TimingKind::CpuWall,
            },
            unit: cost.unit,
            operations: cost.operations,
            bytes: cost.bytes,
            roofline_ns,
            percent_of_roofline: roofline_ns.map(|ideal| 100.0 * ideal / summary.median_ns),
            summary,
            drift_percent: samples.drift_percent(),
            clocks,
            peer,
            stop_reason: samples.stop,
            samples_ns: samples.nanoseconds,
            verified,
            source_hash: blake3::hash(
                crate::source::expanded(kernel.name, kernel.source).as_bytes(),
            )
            .to_hex()[..16]
                .to_owned(),
        })
    }
}
