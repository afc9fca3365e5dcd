//! Timing kernels, or their twins where there is no device: verified first, then timed until the
//! noise is small, then set against the roofline.
//!
//! | module | holds |
//! |---|---|
//! | [`sample`] | how long to measure, and what the samples say |
//! | [`limits`] | what devices can do, and what this processor can |
//! | [`record`] | the result of one kernel at one shape; Markdown |
//! | [`compare`] | two results: same, faster, slower, ambiguous |
//! | [`fit`] | a hardware profile from measurements |

pub mod compare;
pub mod fit;
pub mod limits;
pub mod record;
pub mod sample;

use std::time::Instant;

use self::limits::Limits;
use self::record::{CLOCKS, Cache, DeviceName, Record, SCHEMA, TimingKind, Verified};
use self::sample::Settings;
use crate::data::Data;
use crate::kernel::Kernel;
use crate::run::cuda::Cuda;
use crate::verify;

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
        let (samples, verified) = match self {
            Self::Cuda(cuda) => {
                let program = cuda.load(kernel)?;
                let mut resident = program.prepare(&job)?;
                resident.launch()?;
                let found = resident.fetch()?;
                let wanted = verify::expected(kernel, shape, &job);
                let agreement = verify::compare(kernel, &job, &found, &wanted)?;
                let samples = match cache {
                    Cache::Graph => settings.measure(|| resident.time_graph(20))?,
                    _ => settings.measure(|| resident.time(cache == Cache::Cold))?,
                };
                (samples, Verified { oracle: "twin", agreement })
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
                (samples, Verified { oracle: "twin, repeated", agreement })
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
            clocks: CLOCKS,
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
