//! Kernels on the CPU: their own text, compiled with the system's C++ compiler against
//! `cuda/fibers.h`, one fiber a thread. Proves results and barriers, says nothing about speed.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use libloading::Library;

use crate::data::Data;
use crate::job::{Arg, Job, Role};
use crate::kernel::Kernel;
use crate::source;

/// The order in which blocks, and the threads of each, take their turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// From the first to the last.
    Ascending,
    /// From the last to the first.
    Descending,
    /// At random, anew after each barrier; seeds from 2 on.
    Shuffled(u32),
}

/// One of each kind.
pub const ORDERS: [Order; 3] = [Order::Ascending, Order::Descending, Order::Shuffled(7)];

impl Order {
    fn number(self) -> u32 {
        match self {
            Self::Ascending => 0,
            Self::Descending => 1,
            Self::Shuffled(seed) => seed.max(2),
        }
    }
}

/// A compiled kernel. It keeps its fibers in static memory, so that one job runs at a time.
#[derive(Debug)]
pub struct Program {
    library: Mutex<Library>,
    path: PathBuf,
}

type Thunk = unsafe extern "C" fn(*mut *mut c_void);
type Start = unsafe extern "C" fn(Thunk, *const u32, *const u32, *mut *mut c_void, u32) -> c_int;
type Message = unsafe extern "C" fn() -> *const c_char;

/// The C++ compiler to use: `$CXX`, or `g++`.
pub fn compiler() -> String {
    std::env::var("CXX").unwrap_or_else(|_| "g++".to_owned())
}

/// Whether there is a C++ compiler here.
#[must_use]
pub fn available() -> bool {
    Command::new(compiler()).arg("--version").output().is_ok_and(|out| out.status.success())
}

/// Bytes before and after every array that nobody may touch.
const GUARD: usize = 256;
const GUARD_BYTE: u8 = 0x5A;

impl Program {
    /// Compiles the kernel in a folder, with its text, headers put in, changed by `edit`.
    ///
    /// # Errors
    /// What the compiler said, or that there is none.
    pub fn compile(
        kernel: &Kernel,
        folder: &Path,
        edit: impl FnOnce(&str) -> String,
    ) -> Result<Self, String> {
        let mut text = edit(&source::expanded(kernel.name, kernel.source));
        for entry in kernel.entries {
            text.push_str(&format!(
                "extern \"C\" void thunk_{entry}(void** args) {{ fibers::call({entry}, args); }}\n"
            ));
        }
        let cannot = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(cannot)?;
        let cpp = folder.join(format!("{}.cpp", kernel.name));
        let path = folder.join(format!("{}.so", kernel.name));
        fs::write(&cpp, text).map_err(cannot)?;
        let compiler = compiler();
        let out = Command::new(&compiler)
            .args([
                "-std=c++17",
                "-O2",
                "-march=native",
                "-ffp-contract=off",
                "-fno-strict-aliasing",
            ])
            .args([
                "-fno-exceptions",
                "-fno-rtti",
                "-fno-stack-protector",
                "-shared",
                "-fPIC",
                "-w",
            ])
            .arg("-o")
            .args([&path, &cpp])
            .output()
            .map_err(|error| format!("the C++ compiler {compiler} does not start: {error}"))?;
        if !out.status.success() {
            let log = String::from_utf8_lossy(&out.stderr).into_owned();
            return Err(format!("{compiler} refuses {}.cu:\n{log}", kernel.name));
        }
        #[expect(unsafe_code, reason = "loading a library runs its initialisers")]
        // SAFETY: the library was compiled a moment ago from the text above, which has none.
        let library = unsafe { Library::new(&path) }
            .map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { library: Mutex::new(library), path })
    }

    /// Runs a job and returns its buffers. Scratch memory and outputs of no initial meaning are
    /// poisoned before; memory around each array is guarded.
    ///
    /// # Errors
    /// A barrier that not all threads reach, or a write beyond an array.
    ///
    /// # Panics
    /// When the job names an entry that the kernel does not list, or another run panicked.
    pub fn run(&self, job: &Job, order: Order) -> Result<Vec<Data>, String> {
        let library = self.library.lock().expect("no run panics");
        let mut memory: Vec<Guarded> = job.buffers.iter().map(Guarded::new).collect();
        for launch in &job.launches {
            let mut values: Vec<u64> = launch
                .args
                .iter()
                .map(|arg| match *arg {
                    Arg::Buffer(i) => memory[i].address(),
                    Arg::U32(x) => x.into(),
                    Arg::U64(x) => x,
                    Arg::F32(x) => x.to_bits().into(),
                })
                .collect();
            let mut places: Vec<*mut c_void> =
                values.iter_mut().map(|value| (&raw mut *value).cast()).collect();
            let thunk = format!("thunk_{}", launch.entry);
            #[expect(unsafe_code, reason = "a foreign function")]
            // SAFETY: the three symbols are defined in `fibers.h` and above with these types;
            // arguments live until the call returns, and little-endian 64 bits hold each at
            // their beginning. A kernel that writes elsewhere is a bug that guards show.
            let problem = unsafe {
                let thunk = library.get::<Thunk>(thunk.as_bytes()).expect("entries are listed");
                let start = library.get::<Start>(b"fibers_launch").expect("defined");
                let message = library.get::<Message>(b"fibers_message").expect("defined");
                let (grid, block) = (launch.grid.as_ptr(), launch.block.as_ptr());
                match start(*thunk, grid, block, places.as_mut_ptr(), order.number()) {
                    0 => None,
                    _ => Some(CStr::from_ptr(message()).to_string_lossy().into_owned()),
                }
            };
            if let Some(problem) = problem {
                return Err(format!("{}: {problem}", launch.entry));
            }
            for (guarded, buffer) in memory.iter().zip(&job.buffers) {
                if !guarded.is_whole() {
                    return Err(format!("{}: wrote beyond {}", launch.entry, buffer.name));
                }
            }
        }
        Ok(memory.into_iter().zip(&job.buffers).map(|(m, b)| m.into_data(&b.data)).collect())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // What is loaded stays mapped; the files are not needed any more.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_file(self.path.with_extension("cpp"));
    }
}

/// A copy of an array with guards on both sides, aligned as device memory is.
struct Guarded {
    memory: Vec<u128>,
    len: usize,
}

impl Guarded {
    fn new(buffer: &crate::job::Buffer) -> Self {
        let bytes = buffer.data.bytes();
        let len = bytes.len();
        let words = len.div_ceil(16) + 2 * GUARD / 16;
        let mut guarded = Self { memory: vec![u128::from_ne_bytes([GUARD_BYTE; 16]); words], len };
        let inside = &mut guarded.bytes_mut()[GUARD..GUARD + len];
        match buffer.role {
            Role::Scratch => inside.fill(0xA5),
            Role::Input | Role::Output => inside.copy_from_slice(bytes),
        }
        guarded
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        #[expect(unsafe_code, reason = "plain numbers as bytes")]
        // SAFETY: 128-bit numbers have neither padding nor invalid patterns.
        unsafe {
            std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), 16 * self.memory.len())
        }
    }

    fn bytes(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "plain numbers as bytes")]
        // SAFETY: as above.
        unsafe {
            std::slice::from_raw_parts(self.memory.as_ptr().cast(), 16 * self.memory.len())
        }
    }

    fn address(&mut self) -> u64 {
        self.bytes_mut()[GUARD..].as_mut_ptr() as u64
    }

    fn is_whole(&self) -> bool {
        let (before, rest) = self.bytes().split_at(GUARD);
        let intact = |guard: &[u8]| guard.iter().all(|&byte| byte == GUARD_BYTE);
        intact(before) && intact(&rest[self.len..])
    }

    fn into_data(self, like: &Data) -> Data {
        let mut data = like.clone();
        data.bytes_mut().copy_from_slice(&self.bytes()[GUARD..GUARD + self.len]);
        data
    }
}
