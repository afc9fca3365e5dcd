//! `arable kernels profile`.

use std::fs;
use std::path::Path;

use gpu_kernels::bench::fit::{self, Measured};
use gpu_kernels::bench::limits;
use gpu_kernels::bench::record::TimingKind;
use gpu_kernels::kernel::{Kernel, find};
use gpu_kernels::kernels::ALL;
use gpu_kernels::profiles;
use gpu_kernels::run::nvrtc::Nvrtc;

use super::{Profile, output};
use crate::exit::Exit;

/// Memory that a profile of an unknown device is given.
const UNKNOWN_MEMORY: u64 = 24_000_000_000;

impl Profile {
    pub(super) fn execute(&self) -> Result<Exit, Exit> {
        match &self.from_bench {
            Some(file) => self.fitted(file),
            None => self.resources(),
        }
    }

    /// What kernels take on an architecture, by the compiler's own report.
    fn resources(&self) -> Result<Exit, Exit> {
        let kernels: Vec<&Kernel> = if self.kernels.is_empty() {
            ALL.to_vec()
        } else {
            self.kernels
                .iter()
                .map(|name| find(name))
                .collect::<Result<_, _>>()
                .map_err(|message| output::failure(Exit::Usage, message))?
        };
        let compiler = Nvrtc::find().map_err(|reason| output::failure(Exit::Device, reason))?;
        let mut text = format!(
            "{:<18} {:<24} {:>9} {:>12} {:>6} {:>7}\n",
            "kernel", "entry", "registers", "shared bytes", "stack", "spilled"
        );
        for kernel in kernels {
            let cubin = compiler
                .compile(kernel, &self.arch)
                .map_err(|problem| output::failure(Exit::Device, problem))?;
            for r in cubin.resources {
                text += &format!(
                    "{:<18} {:<24} {:>9} {:>12} {:>6} {:>7}\n",
                    kernel.name, r.entry, r.registers, r.shared, r.stack, r.spills
                );
            }
        }
        Ok(output::text(&text))
    }

    /// A hardware profile as the simulator has them.
    fn fitted(&self, file: &Path) -> Result<Exit, Exit> {
        let failed = |error: &dyn std::fmt::Display| {
            let message = format!(
                "cannot read {}: {error}; `arable kernels bench --out FILE` writes records",
                file.display()
            );
            output::failure(Exit::File, message)
        };
        let text = fs::read_to_string(file).map_err(|error| failed(&error))?;
        let measured: Vec<Measured> =
            serde_json::from_str(&text).map_err(|error| failed(&error))?;
        let here = measured.first().map(|m| m.device.name.clone()).unwrap_or_default();
        let by_twins = measured.iter().any(|m| m.timing_kind == TimingKind::CpuWall);
        let limits = match &self.device {
            Some(name) if by_twins => Err(format!(
                "the records time the CPU twins on {here}: the limits of {name} do not apply; \
                 leave --device out"
            )),
            Some(name) => limits::of_profile(name).ok_or_else(|| {
                let known = limits::names().join(", ");
                format!("no limits are known for the device \"{name}\"; they are for {known}")
            }),
            None if here == limits::processor() => Ok(limits::of_this_processor()),
            None => limits::of_device(&here).ok_or_else(|| {
                format!(
                    "no limits are known for {here}; name the device whose limits apply: --device"
                )
            }),
        };
        let limits = limits.map_err(|message| output::failure(Exit::Usage, message))?;
        let memory = profiles::profile(&limits.name).map_or(UNKNOWN_MEMORY, |p| p.memory_bytes);
        let (profile, error) = fit::profile(&measured, &limits, memory)
            .map_err(|message| output::failure(Exit::Usage, message))?;
        output::say(format_args!("mean error on the rows of the fit: {:.1} %", 100.0 * error));
        Ok(output::json(&profile))
    }
}
