//! Compiling for devices by NVIDIA's run-time compiler, which needs no device and no driver.

use std::ffi::{CStr, CString};
use std::path::PathBuf;

use cudarc::nvrtc::{result, sys};

use crate::kernel::Kernel;
use crate::source;

/// Where to look for the library besides the loader's own path.
pub const PATH_VARIABLE: &str = "ARABLE_NVRTC";

/// The compiler, once it is known to be there.
#[derive(Debug, Clone, Copy)]
pub struct Nvrtc {
    /// Major and minor version.
    pub version: (i32, i32),
}

/// A kernel compiled for one architecture.
#[derive(Debug, Clone)]
pub struct Cubin {
    /// ELF, as a driver loads it.
    pub image: Vec<u8>,
    /// What each entry point takes, in the order of the file.
    pub resources: Vec<Resources>,
}

/// What a thread, or a block, of an entry point takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resources {
    /// The entry point.
    pub entry: String,
    /// Registers a thread.
    pub registers: u32,
    /// Shared memory a block, bytes.
    pub shared: u32,
    /// Stack frame a thread, bytes.
    pub stack: u32,
    /// Bytes spilled to memory, stores and loads.
    pub spills: u32,
}

impl Nvrtc {
    /// Finds the compiler: at `$ARABLE_NVRTC`, or where the loader looks.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn find() -> Result<Self, String> {
        if let Some(path) = std::env::var_os(PATH_VARIABLE).map(PathBuf::from) {
            #[expect(unsafe_code, reason = "loading a library runs its initialisers")]
            // SAFETY: the user names NVIDIA's library. It stays loaded, and is then found by
            // its name.
            let library = unsafe {
                use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};
                Library::open(Some(&path), RTLD_NOW | RTLD_GLOBAL)
            };
            match library {
                Ok(library) => std::mem::forget(library),
                Err(error) => {
                    return Err(format!(
                        "{PATH_VARIABLE}={} does not load: {error}",
                        path.display()
                    ));
                }
            }
        }
        #[expect(unsafe_code, reason = "loading a library runs its initialisers")]
        // SAFETY: NVIDIA's library by its well-known name.
        let present = unsafe { sys::is_culib_present() };
        if !present {
            return Err(format!(
                "NVIDIA's run-time compiler (libnvrtc.so.12) is not installed; \
                 `pip install nvidia-cuda-nvrtc-cu12` brings it, and {PATH_VARIABLE} says where"
            ));
        }
        let (mut major, mut minor) = (0, 0);
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the library is there, and the arguments point to live integers.
        let status = unsafe { sys::nvrtcVersion(&raw mut major, &raw mut minor) };
        match status.result() {
            Ok(()) => Ok(Self { version: (major, minor) }),
            Err(error) => Err(format!("NVIDIA's run-time compiler does not answer: {error:?}")),
        }
    }

    /// Compiles a kernel for an architecture such as `sm_90`.
    ///
    /// # Errors
    /// What the compiler said.
    pub fn compile(self, kernel: &Kernel, architecture: &str) -> Result<Cubin, String> {
        let text = CString::new(source::expanded(kernel.name, kernel.source))
            .map_err(|_| format!("{}.cu has a zero byte", kernel.name))?;
        let name = CString::new(format!("{}.cu", kernel.name)).unwrap_or_default();
        let failed = |error| format!("{} for {architecture}: {error:?}", kernel.name);
        let program = result::create_program(&text, Some(&name)).map_err(failed)?;
        let options = [
            &format!("--gpu-architecture={architecture}"),
            "--std=c++17",
            // Bits: no contraction but where the source says so.
            "--fmad=false",
            "--device-int128",
            "--ptxas-options=-v",
        ];
        #[expect(unsafe_code, reason = "foreign functions")]
        // SAFETY: the program is live until it is destroyed below, and the image has the size
        // that the library asked for.
        let (compiled, log, image) = unsafe {
            let compiled = result::compile_program(program, &options);
            let log = result::get_program_log(program).map_or_else(
                |_| String::new(),
                |log| CStr::from_ptr(log.as_ptr()).to_string_lossy().into_owned(),
            );
            let mut size = 0;
            let mut image = Vec::new();
            if compiled.is_ok() && sys::nvrtcGetCUBINSize(program, &raw mut size).result().is_ok() {
                image = vec![0_u8; size];
                if sys::nvrtcGetCUBIN(program, image.as_mut_ptr().cast()).result().is_err() {
                    image.clear();
                }
            }
            let _ = result::destroy_program(program);
            (compiled, log, image)
        };
        compiled.map_err(|error| format!("{}\n{log}", failed(error)))?;
        if !image.starts_with(b"\x7fELF") {
            return Err(format!("{} for {architecture}: no machine code came back", kernel.name));
        }
        let resources = resources(&log);
        for entry in kernel.entries {
            if !resources.iter().any(|r| r.entry == *entry) {
                return Err(format!("{}.cu has no entry point {entry}", kernel.name));
            }
        }
        Ok(Cubin { image, resources })
    }
}

/// What the assembler reports of each entry point.
fn resources(log: &str) -> Vec<Resources> {
    let mut all: Vec<Resources> = Vec::new();
    let number = |line: &str, before: &str| -> u32 {
        let text = line.split(before).next().unwrap_or("").trim_end();
        let digits = text.rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
        digits.parse().unwrap_or(0)
    };
    for line in log.lines() {
        if let Some(rest) = line.split("Compiling entry function '").nth(1) {
            let entry = rest.split('\'').next().unwrap_or("").to_owned();
            all.push(Resources { entry, registers: 0, shared: 0, stack: 0, spills: 0 });
        }
        let Some(last) = all.last_mut() else { continue };
        if line.contains("bytes stack frame") {
            last.stack = number(line, " bytes stack frame");
            last.spills = number(line, " bytes spill stores") + number(line, " bytes spill loads");
        }
        if line.contains(" registers") {
            last.registers = number(line, " registers");
            if line.contains(" bytes smem") {
                last.shared = number(line, " bytes smem");
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_the_assembler_are_read() {
        let log = "ptxas info    : 0 bytes gmem\n\
            ptxas info    : Compiling entry function 'one' for 'sm_90'\n\
            ptxas info    : Function properties for one\n    \
            8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads\n\
            ptxas info    : Used 48 registers, used 1 barriers, 8192 bytes smem\n\
            ptxas info    : Compiling entry function 'two' for 'sm_90'\n\
            ptxas info    : Used 16 registers, used 0 barriers\n";
        let one =
            Resources { entry: "one".into(), registers: 48, shared: 8192, stack: 8, spills: 16 };
        let two = Resources { entry: "two".into(), registers: 16, shared: 0, stack: 0, spills: 0 };
        assert_eq!(resources(log), [one, two]);
    }
}
