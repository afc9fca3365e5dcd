//! What a CUDA device does meanwhile: clocks, temperature, power and what holds it back, by
//! NVIDIA's management library (NVML), loaded at run time.
//!
//! Names, numbers and units follow `nvml.h` (NVML API reference, CUDA 12.8).

use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::path::Path;

use libloading::Library;
use serde::Serialize;

/// The library, as drivers install it.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// What the device was at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reading {
    /// Clock of the streaming multiprocessors, MHz.
    pub sm_mhz: u32,
    /// Clock of the memory, MHz.
    pub memory_mhz: u32,
    /// Temperature of the die, degrees Celsius, where the device tells it.
    pub temperature_c: Option<u32>,
    /// Power drawn, watts, where the device tells it.
    pub power_w: Option<f64>,
    /// What holds the clock down, a bit a reason: see [`reasons`].
    #[serde(rename = "throttle_reasons", serialize_with = "in_words")]
    pub throttle: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn in_words<S: serde::Serializer>(bits: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    reasons(*bits).serialize(serializer)
}

/// Reasons for a clock below the highest: bit, words, and whether the device was slowed down, as
/// opposed to idle or set to a clock.
const REASONS: [(u64, &str, bool); 9] = [
    (0x001, "idle", false),
    (0x002, "applications' clocks are set", false),
    (0x004, "power cap", true),
    (0x008, "hardware slowdown", true),
    (0x010, "in step with other devices (sync boost)", false),
    (0x020, "thermal slowdown by software", true),
    (0x040, "thermal slowdown by hardware", true),
    (0x080, "power brake", true),
    (0x100, "display clock is set", false),
];

/// The reasons in words.
#[must_use]
pub fn reasons(bits: u64) -> Vec<String> {
    let known = REASONS.iter().fold(0, |known, reason| known | reason.0);
    let named = REASONS.iter().filter(|reason| bits & reason.0 > 0);
    let mut words: Vec<String> = named.map(|reason| reason.1.to_owned()).collect();
    if bits & !known > 0 {
        words.push(format!("unknown reasons {:#x}", bits & !known));
    }
    words
}

/// Whether any of the reasons slows the device down.
#[must_use]
pub fn throttled(bits: u64) -> bool {
    REASONS.iter().any(|reason| reason.2 && bits & reason.0 > 0)
}

/// One device as the library sees it.
#[derive(Debug)]
pub struct Nvml {
    library: Library,
    device: *mut c_void,
}

type Plain = unsafe extern "C" fn() -> c_int;
type ByBus = unsafe extern "C" fn(*const c_char, *mut *mut c_void) -> c_int;
type Value<T> = unsafe extern "C" fn(*mut c_void, *mut T) -> c_int;
type ValueOf<T> = unsafe extern "C" fn(*mut c_void, c_uint, *mut T) -> c_int;

/// `NVML_CLOCK_SM`.
const SM: c_uint = 1;
/// `NVML_CLOCK_MEM`.
const MEMORY: c_uint = 2;
/// `NVML_TEMPERATURE_GPU`.
const DIE: c_uint = 0;

impl Nvml {
    /// The device at an address on the PCI bus, as the driver writes it: `0000:3b:00.0`.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn open(pci_bus_id: &str) -> Result<Self, String> {
        Self::load(Path::new(LIBRARY), pci_bus_id)
    }

    /// As [`Self::open`], by a library of another name.
    ///
    /// # Errors
    /// As there.
    pub fn load(path: &Path, pci_bus_id: &str) -> Result<Self, String> {
        #[expect(unsafe_code, reason = "loading a library runs its initialisers")]
        // SAFETY: NVIDIA's library by its well-known name, or what the caller names instead.
        let library = unsafe { Library::new(path) }
            .map_err(|_| format!("NVIDIA's management library ({}) is missing", path.display()))?;
        let bus = CString::new(pci_bus_id).map_err(|_| "the bus address has a zero byte")?;
        let mut nvml = Self { library, device: std::ptr::null_mut() };
        let (start, find) =
            (nvml.function::<Plain>("nvmlInit_v2")?, nvml.function::<ByBus>(BY_BUS)?);
        let mut device = std::ptr::null_mut();
        #[expect(unsafe_code, reason = "foreign functions")]
        // SAFETY: the types are those of `nvml.h`; pointers are to what lives.
        let (started, found) = unsafe {
            let started = start();
            (started, if started == 0 { find(bus.as_ptr(), &raw mut device) } else { 0 })
        };
        answered("nvmlInit_v2", started)?;
        nvml.device = device;
        answered(BY_BUS, found).map_err(|error| format!("{error} for {pci_bus_id}"))?;
        nvml.read()?;
        Ok(nvml)
    }

    fn function<F: Copy>(&self, name: &str) -> Result<F, String> {
        #[expect(unsafe_code, reason = "a symbol is looked up as a function")]
        // SAFETY: each caller gives the type that `nvml.h` declares for the name, and calls it
        // while the library is loaded.
        unsafe { self.library.get::<F>(name.as_bytes()) }
            .map(|symbol| *symbol)
            .map_err(|_| format!("NVIDIA's management library has no {name}"))
    }

    fn value<T: Default>(&self, name: &str) -> Result<T, String> {
        let (ask, mut value) = (self.function::<Value<T>>(name)?, T::default());
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the device came from the library, and the value lives.
        answered(name, unsafe { ask(self.device, &raw mut value) }).map(|()| value)
    }

    fn value_of(&self, name: &str, which: c_uint) -> Result<u32, String> {
        let (ask, mut value) = (self.function::<ValueOf<u32>>(name)?, 0);
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: as above.
        answered(name, unsafe { ask(self.device, which, &raw mut value) }).map(|()| value)
    }

    /// What the device is now. Takes some tens of microseconds, and is no part of what is timed.
    ///
    /// # Errors
    /// When the device does not tell its clocks or what holds them down.
    pub fn read(&self) -> Result<Reading, String> {
        let milliwatts = self.value::<c_uint>("nvmlDeviceGetPowerUsage").ok();
        Ok(Reading {
            sm_mhz: self.value_of("nvmlDeviceGetClockInfo", SM)?,
            memory_mhz: self.value_of("nvmlDeviceGetClockInfo", MEMORY)?,
            temperature_c: self.value_of("nvmlDeviceGetTemperature", DIE).ok(),
            power_w: milliwatts.map(|x| f64::from(x) / 1e3),
            throttle: self.value("nvmlDeviceGetCurrentClocksThrottleReasons")?,
        })
    }
}

const BY_BUS: &str = "nvmlDeviceGetHandleByPciBusId_v2";

impl Drop for Nvml {
    fn drop(&mut self) {
        if let (false, Ok(end)) = (self.device.is_null(), self.function::<Plain>("nvmlShutdown")) {
            #[expect(unsafe_code, reason = "a foreign function")]
            // SAFETY: started once, ended once.
            let _ = unsafe { end() };
        }
    }
}

/// An answer other than success as a sentence, with the numbers of `nvmlReturn_t`.
fn answered(name: &str, status: c_int) -> Result<(), String> {
    let words = match status {
        0 => return Ok(()),
        1 => "it was not started",
        2 => "an argument is wrong",
        3 => "the device does not support it",
        4 => "no permission",
        6 => "no such device",
        9 => "the driver is not loaded",
        15 => "the device is lost",
        18 => "driver and library are of different versions",
        _ => "an error",
    };
    Err(format!("{name} of NVIDIA's management library answered {status}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_words() {
        assert!(reasons(0).is_empty() && !throttled(0));
        assert_eq!(reasons(0x44), ["power cap", "thermal slowdown by hardware"]);
        assert_eq!(reasons(0x201), ["idle", "unknown reasons 0x200"]);
        // A device that idles, or whose clock somebody set, is not slowed down.
        assert!(!throttled(0x113) && throttled(0x21) && throttled(0x80));
    }
}
