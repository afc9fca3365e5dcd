//! Which CUDA device is here, or why there is none.
//!
//! The driver library is loaded at run time, so the program starts without one. `cudarc`
//! panics when it calls into a library that is missing or lacks a symbol; both are asked for
//! here before any call.

use std::fmt;

use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys::{self, CUdevice_attribute};
use serde::{Deserialize, Serialize};

/// The oldest driver that the bindings are written for: CUDA 12.0, whose successors keep its
/// interface.
const OLDEST_DRIVER: DriverVersion = DriverVersion { major: 12, minor: 0 };

/// What the search for a CUDA device found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStatus {
    /// The first device.
    Found(Device),
    /// None that can be used.
    Absent {
        /// A sentence for the reader: what is missing.
        reason: String,
    },
}

/// A CUDA device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// As the driver calls it: `NVIDIA H100 80GB HBM3`.
    pub name: String,
    /// The newest CUDA version that the driver supports.
    pub driver: DriverVersion,
    /// Compute capability, major and minor: `[9, 0]`.
    pub compute_capability: [u32; 2],
    /// Memory, bytes.
    pub memory_bytes: u64,
}

/// A CUDA version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DriverVersion {
    /// `12` of `12.8`.
    pub major: u32,
    /// `8` of `12.8`.
    pub minor: u32,
}

impl DriverVersion {
    /// From the driver's own number: 1000 times the major plus 10 times the minor version.
    fn from_number(number: i32) -> Self {
        let number = u32::try_from(number).unwrap_or(0);
        Self { major: number / 1000, minor: number % 1000 / 10 }
    }
}

impl fmt::Display for DriverVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for DeviceStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found(Device { name, driver, compute_capability: [major, minor], .. }) => {
                write!(f, "{name} (compute {major}.{minor}, CUDA {driver})")
            }
            Self::Absent { reason } => write!(f, "none: {reason}"),
        }
    }
}

/// Looks for the first CUDA device. Never fails: what is missing is said in the answer.
#[must_use]
pub fn probe() -> DeviceStatus {
    match first_device() {
        Ok(device) => DeviceStatus::Found(device),
        Err(reason) => DeviceStatus::Absent { reason },
    }
}

/// The functions called below.
const SYMBOLS: [&str; 7] = [
    "cuInit",
    "cuDriverGetVersion",
    "cuDeviceGetCount",
    "cuDeviceGet",
    "cuDeviceGetName",
    "cuDeviceGetAttribute",
    "cuDeviceTotalMem_v2",
];

fn first_device() -> Result<Device, String> {
    driver_is_usable()?;
    let driver = driver_version().map_err(|error| explain("asking for its version", error))?;
    if driver < OLDEST_DRIVER {
        return Err(format!("the driver supports CUDA {driver}, {OLDEST_DRIVER} is needed"));
    }
    result::init().map_err(|error| explain("starting it", error))?;
    let count = result::device::get_count().map_err(|error| explain("counting devices", error))?;
    if count < 1 {
        return Err("the NVIDIA driver sees no device".to_owned());
    }
    describe(driver).map_err(|error| explain("asking for the device's properties", error))
}

/// Whether the driver library is there with all that is called in it.
fn driver_is_usable() -> Result<(), String> {
    #[expect(unsafe_code, reason = "loading a library runs its initialisers")]
    // SAFETY: the library is the NVIDIA driver by its well-known name; loading it is what
    // every CUDA program does, and it stays loaded.
    let present = unsafe { sys::is_culib_present() };
    if !present {
        return Err("no NVIDIA driver library (libcuda) is installed".to_owned());
    }
    has_symbols(&SYMBOLS)
}

/// Whether the driver library, which is there, has all of these functions.
pub(crate) fn has_symbols(names: &[&str]) -> Result<(), String> {
    #[expect(unsafe_code, reason = "symbols are looked up and not called")]
    // SAFETY: the library is there. A symbol is looked up as an address only; nothing is called
    // by it.
    let missing = unsafe {
        let library = sys::culib();
        names.iter().find(|name| library.get::<*const ()>(name.as_bytes()).is_err())
    };
    match missing {
        Some(name) => Err(format!("the NVIDIA driver is too old: it has no {name}")),
        None => Ok(()),
    }
}

fn driver_version() -> Result<DriverVersion, DriverError> {
    let mut number = 0;
    #[expect(unsafe_code, reason = "a foreign function")]
    // SAFETY: the symbol was found, and the argument points to a live integer.
    unsafe { sys::cuDriverGetVersion(&raw mut number) }.result()?;
    Ok(DriverVersion::from_number(number))
}

/// The properties of device 0, of which the count said that it exists.
fn describe(driver: DriverVersion) -> Result<Device, DriverError> {
    let device = result::device::get(0)?;
    let attribute = |which| -> Result<u32, DriverError> {
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the handle came from the driver just now.
        let value = unsafe { result::device::get_attribute(device, which) }?;
        Ok(u32::try_from(value).unwrap_or(0))
    };
    #[expect(unsafe_code, reason = "a foreign function")]
    // SAFETY: the handle came from the driver just now.
    let memory = unsafe { result::device::total_mem(device) }?;
    Ok(Device {
        name: result::device::get_name(device)?,
        driver,
        compute_capability: [
            attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            attribute(CUdevice_attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        ],
        memory_bytes: memory as u64,
    })
}

/// An error of the driver in words. The driver's own texts are not asked for: that would call
/// into it once more.
fn explain(doing: &str, error: DriverError) -> String {
    format!("{doing}, the NVIDIA driver answered {:?}", error.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// True on every machine, with a device or without.
    #[test]
    fn the_probe_answers_in_a_sentence() {
        let status = probe();
        eprintln!("device: {status}");
        match &status {
            DeviceStatus::Found(device) => {
                assert!(!device.name.is_empty() && device.memory_bytes > 0);
                assert!(device.driver >= OLDEST_DRIVER && device.compute_capability[0] >= 5);
            }
            DeviceStatus::Absent { reason } => assert!(reason.contains("driver"), "{reason}"),
        }
        assert_eq!(probe(), status);
    }

    #[test]
    fn versions_read_as_the_driver_counts_them() {
        let table = [(12_080, "12.8"), (13_000, "13.0"), (11_040, "11.4"), (-1, "0.0")];
        for (number, text) in table {
            assert_eq!(DriverVersion::from_number(number).to_string(), text);
        }
    }

    #[test]
    fn both_answers_have_words_and_a_manifest_form() {
        let found = DeviceStatus::Found(Device {
            name: "NVIDIA H100 80GB HBM3".to_owned(),
            driver: DriverVersion { major: 12, minor: 8 },
            compute_capability: [9, 0],
            memory_bytes: 85_520_809_984,
        });
        let absent = DeviceStatus::Absent { reason: "the NVIDIA driver sees no device".to_owned() };
        let table = [
            (found, "NVIDIA H100 80GB HBM3 (compute 9.0, CUDA 12.8)"),
            (absent, "none: the NVIDIA driver sees no device"),
        ];
        for (status, text) in table {
            assert_eq!(status.to_string(), text);
            let json = serde_json::to_string(&status).expect("serialisable");
            assert_eq!(serde_json::from_str::<DeviceStatus>(&json).expect("reads back"), status);
        }
    }
}
