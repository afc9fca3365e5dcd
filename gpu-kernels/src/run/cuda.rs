//! Kernels on the CUDA device of this machine. What is missing is a sentence, never a panic:
//! every symbol is looked for before anything is called.

use std::ffi::{CStr, CString, c_void};

use cudarc::driver::result::{self, DriverError};
use cudarc::driver::sys;

use super::cublas::{Cublas, Product};
use super::nvrtc::Nvrtc;
use crate::data::Data;
use crate::device::{self, Device, DeviceStatus};
use crate::job::{Arg, Job, Role};
use crate::kernel::Kernel;

/// The functions called below, besides those of the probe.
const SYMBOLS: [&str; 26] = [
    "cuDeviceGetPCIBusId",
    "cuDevicePrimaryCtxRetain",
    "cuDevicePrimaryCtxRelease_v2",
    "cuCtxSetCurrent",
    "cuMemAlloc_v2",
    "cuMemFree_v2",
    "cuMemGetInfo_v2",
    "cuMemcpyHtoD_v2",
    "cuMemcpyDtoH_v2",
    "cuMemsetD8Async",
    "cuModuleLoadData",
    "cuModuleGetFunction",
    "cuModuleUnload",
    "cuLaunchKernel",
    "cuStreamCreate",
    "cuStreamSynchronize",
    "cuStreamDestroy_v2",
    "cuStreamBeginCapture_v2",
    "cuStreamEndCapture",
    "cuGraphInstantiateWithFlags",
    "cuGraphLaunch",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuEventCreate",
    "cuEventRecord",
    "cuEventElapsedTime",
];

/// The first CUDA device, ready for kernels.
#[derive(Debug)]
pub struct Cuda {
    /// What it is.
    pub device: Device,
    /// Its address on the PCI bus, `0000:3b:00.0`, by which other libraries know it.
    pub pci_bus_id: String,
    compiler: Nvrtc,
    handle: sys::CUdevice,
    stream: sys::CUstream,
    /// Bytes of its L2 cache.
    l2_bytes: usize,
}

/// A kernel compiled for the device.
#[derive(Debug)]
pub struct Program<'a> {
    cuda: &'a Cuda,
    module: sys::CUmodule,
}

/// A job whose arrays lie in the device's memory.
#[derive(Debug)]
pub struct Resident<'a> {
    program: &'a Program<'a>,
    job: &'a Job,
    memory: Vec<sys::CUdeviceptr>,
    /// Overwritten to drive everything else out of L2.
    flush: Option<(sys::CUdeviceptr, usize)>,
    /// Done in place of the job's launches, on its first three arrays.
    cublas: Option<&'a Cublas>,
}

fn explain(doing: &str, error: DriverError) -> String {
    format!("{doing}, the NVIDIA driver answered {:?}", error.0)
}

fn pci_bus_id(device: sys::CUdevice) -> Result<String, DriverError> {
    // As long as the driver's manual asks for.
    let mut text = [0_u8; 16];
    #[expect(unsafe_code, reason = "a foreign function")]
    // SAFETY: the handle came from the driver, and the text has the length that is said.
    unsafe { sys::cuDeviceGetPCIBusId(text.as_mut_ptr().cast(), 16, device) }.result()?;
    let text = CStr::from_bytes_until_nul(&text).unwrap_or_default();
    Ok(text.to_string_lossy().into_owned())
}

impl Cuda {
    /// Takes the first device.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn open() -> Result<Self, String> {
        let device = match device::probe() {
            DeviceStatus::Found(device) => device,
            DeviceStatus::Absent { reason } => return Err(reason),
        };
        device::has_symbols(&SYMBOLS)?;
        let compiler = Nvrtc::find()?;
        let [major, minor] = device.compute_capability;
        if major < 8 {
            return Err(format!(
                "{} has compute capability {major}.{minor}; kernels need 8.0 (A100) or later",
                device.name
            ));
        }
        let handle = result::device::get(0).map_err(|e| explain("asking for device 0", e))?;
        #[expect(unsafe_code, reason = "foreign functions")]
        // SAFETY: the handle came from the driver; the context is released when this is dropped.
        let (stream, l2) = unsafe {
            let context = result::primary_ctx::retain(handle)
                .map_err(|e| explain("starting a context", e))?;
            result::ctx::set_current(context).map_err(|e| explain("starting a context", e))?;
            let attribute = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE;
            let l2 = result::device::get_attribute(handle, attribute).unwrap_or(0);
            let stream = result::stream::create(result::stream::StreamKind::NonBlocking)
                .map_err(|e| explain("starting a stream", e))?;
            (stream, l2)
        };
        Ok(Self {
            device,
            pci_bus_id: pci_bus_id(handle).map_err(|e| explain("asking for the bus address", e))?,
            compiler,
            handle,
            stream,
            l2_bytes: usize::try_from(l2).unwrap_or(0),
        })
    }

    /// Compiles a kernel for the device and loads it.
    ///
    /// # Errors
    /// What the compiler or the driver said.
    pub fn load(&self, kernel: &Kernel) -> Result<Program<'_>, String> {
        let [major, minor] = self.device.compute_capability;
        let cubin = self.compiler.compile(kernel, &format!("sm_{major}{minor}"))?;
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the image is a complete ELF as the compiler made it.
        let module = unsafe { result::module::load_data(cubin.image.as_ptr().cast()) }
            .map_err(|e| explain(&format!("loading {}", kernel.name), e))?;
        Ok(Program { cuda: self, module })
    }

    /// NVIDIA's form of a product, on this device.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn cublas(&self, product: Product) -> Result<Cublas, String> {
        Cublas::open(product, self.stream.cast())
    }

    fn wait(&self) -> Result<(), DriverError> {
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the stream lives as long as this.
        unsafe {
            result::stream::synchronize(self.stream)
        }
    }
}

impl Drop for Cuda {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "foreign functions")]
        // SAFETY: programs and arrays borrow this and are gone; both are released once.
        unsafe {
            let _ = result::stream::destroy(self.stream);
            let _ = result::primary_ctx::release(self.handle);
        }
    }
}

impl Program<'_> {
    /// Runs a job and returns its buffers.
    ///
    /// # Errors
    /// When memory does not suffice, with the bytes needed and the bytes there, or the driver
    /// reports a failure.
    pub fn run(&self, job: &Job) -> Result<Vec<Data>, String> {
        let resident = self.prepare(job)?;
        resident.launch()?;
        resident.fetch()
    }

    /// Brings a job's arrays to the device.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub fn prepare<'a>(&'a self, job: &'a Job) -> Result<Resident<'a>, String> {
        let (free, total) =
            result::mem_get_info().map_err(|e| explain("asking for free memory", e))?;
        if job.bytes() > free as u64 {
            return Err(format!(
                "the shape needs {} bytes, of which {free} of {total} are free on {}",
                job.bytes(),
                self.cuda.device.name
            ));
        }
        let mut resident =
            Resident { program: self, job, memory: Vec::new(), flush: None, cublas: None };
        for buffer in &job.buffers {
            let bytes = buffer.data.bytes();
            #[expect(unsafe_code, reason = "foreign functions")]
            // SAFETY: the memory is filled before it is read, and freed when dropped.
            unsafe {
                let at = result::malloc_sync(bytes.len().max(1))
                    .map_err(|e| explain(&format!("asking for {} bytes", bytes.len()), e))?;
                resident.memory.push(at);
                if buffer.role != Role::Scratch {
                    result::memcpy_htod_sync(at, bytes).map_err(|e| explain("copying", e))?;
                }
            }
        }
        Ok(resident)
    }

    fn function(&self, entry: &str) -> Result<sys::CUfunction, String> {
        let name = CString::new(entry).map_err(|_| format!("{entry:?} is no name"))?;
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the module is loaded.
        unsafe { result::module::get_function(self.module, name) }
            .map_err(|e| explain(&format!("looking for {entry}"), e))
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: loaded once, unloaded once, after all work was waited for.
        unsafe {
            let _ = result::module::unload(self.module);
        }
    }
}

impl<'a> Resident<'a> {
    /// The same arrays, with the work done by cuBLAS, ready for the same product, in place of the job's launches.
    #[must_use]
    pub fn by(mut self, cublas: &'a Cublas) -> Self {
        self.cublas = Some(cublas);
        self
    }

    /// Runs all launches and waits.
    ///
    /// # Errors
    /// What the driver reported.
    pub fn launch(&self) -> Result<(), String> {
        self.enqueue()?;
        self.program.cuda.wait().map_err(|e| explain("running the kernel", e))
    }

    fn enqueue(&self) -> Result<(), String> {
        if let (Some(cublas), [a, b, c, ..]) = (self.cublas, &self.memory[..]) {
            #[expect(unsafe_code, reason = "a foreign function")]
            // SAFETY: the arrays of a product's job are its three matrices, of its shape.
            return unsafe { cublas.enqueue([*a, *b, *c]) };
        }
        for launch in &self.job.launches {
            let function = self.program.function(launch.entry)?;
            let mut values: Vec<u64> = launch
                .args
                .iter()
                .map(|arg| match *arg {
                    Arg::Buffer(i) => self.memory[i],
                    Arg::U32(x) => x.into(),
                    Arg::U64(x) => x,
                    Arg::F32(x) => x.to_bits().into(),
                })
                .collect();
            let mut places: Vec<*mut c_void> =
                values.iter_mut().map(|value| (&raw mut *value).cast()).collect();
            let ([gx, gy, gz], [bx, by, bz]) = (launch.grid, launch.block);
            #[expect(unsafe_code, reason = "a foreign function")]
            // SAFETY: arguments are those of the entry point, as the same job on the CPU shows;
            // the driver copies them before it returns; little-endian 64 bits hold each at
            // their beginning.
            unsafe {
                let stream = self.program.cuda.stream;
                let (grid, block) = ((gx, gy, gz), (bx, by, bz));
                result::launch_kernel(function, grid, block, 0, stream, &mut places)
                    .map_err(|e| explain(&format!("launching {}", launch.entry), e))?;
            }
        }
        Ok(())
    }

    /// The buffers as they are now.
    ///
    /// # Errors
    /// What the driver reported.
    pub fn fetch(&self) -> Result<Vec<Data>, String> {
        let buffers = self.job.buffers.iter().zip(&self.memory);
        buffers
            .map(|(buffer, &at)| {
                let mut data = buffer.data.clone();
                #[expect(unsafe_code, reason = "a foreign function")]
                // SAFETY: the array was allocated with this many bytes.
                unsafe { result::memcpy_dtoh_sync(data.bytes_mut(), at) }
                    .map_err(|e| explain("copying back", e))?;
                Ok(data)
            })
            .collect()
    }

    /// Nanoseconds of all launches by events, with L2 overwritten before if `cold`.
    ///
    /// # Errors
    /// What the driver reported.
    pub fn time(&mut self, cold: bool) -> Result<f64, String> {
        if cold {
            self.flush_l2()?;
        }
        let failed = |e| explain("timing", e);
        let flags = sys::CUevent_flags::CU_EVENT_DEFAULT;
        let begin = result::event::create(flags).map_err(failed)?;
        let end = result::event::create(flags).map_err(failed)?;
        let stream = self.program.cuda.stream;
        #[expect(unsafe_code, reason = "foreign functions")]
        // SAFETY: events and stream live; both events are recorded and waited for before they
        // are compared, and destroyed once.
        let elapsed = unsafe {
            result::event::record(begin, stream).map_err(failed)?;
            self.enqueue()?;
            result::event::record(end, stream).map_err(failed)?;
            self.program.cuda.wait().map_err(failed)?;
            let elapsed = result::event::elapsed(begin, end).map_err(failed);
            let _ = result::event::destroy(begin);
            let _ = result::event::destroy(end);
            elapsed?
        };
        Ok(f64::from(elapsed) * 1e6)
    }

    /// Nanoseconds of one round of all launches, as a graph of `rounds` rounds without the host
    /// in between.
    ///
    /// # Errors
    /// What the driver reported.
    pub fn time_graph(&self, rounds: u32) -> Result<f64, String> {
        let failed = |e| explain("timing a graph", e);
        let stream = self.program.cuda.stream;
        let flags = sys::CUevent_flags::CU_EVENT_DEFAULT;
        #[expect(unsafe_code, reason = "foreign functions")]
        // SAFETY: the stream lives; what is captured is ended, instantiated and destroyed once.
        unsafe {
            let mode = sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL;
            result::stream::begin_capture(stream, mode).map_err(failed)?;
            let enqueued = (0..rounds).try_for_each(|_| self.enqueue());
            let graph = result::stream::end_capture(stream).map_err(failed)?;
            enqueued?;
            let none = sys::CUgraphInstantiate_flags(0);
            let ready = result::graph::instantiate(graph, none).map_err(failed)?;
            let begin = result::event::create(flags).map_err(failed)?;
            let end = result::event::create(flags).map_err(failed)?;
            // Once to warm up, once to be timed.
            result::graph::launch(ready, stream).map_err(failed)?;
            result::event::record(begin, stream).map_err(failed)?;
            result::graph::launch(ready, stream).map_err(failed)?;
            result::event::record(end, stream).map_err(failed)?;
            self.program.cuda.wait().map_err(failed)?;
            let elapsed = result::event::elapsed(begin, end).map_err(failed);
            let _ = result::event::destroy(begin);
            let _ = result::event::destroy(end);
            let _ = result::graph::exec_destroy(ready);
            let _ = result::graph::destroy(graph);
            Ok(f64::from(elapsed?) * 1e6 / f64::from(rounds))
        }
    }

    fn flush_l2(&mut self) -> Result<(), String> {
        let failed = |e| explain("clearing L2", e);
        let bytes = self.program.cuda.l2_bytes.max(1);
        #[expect(unsafe_code, reason = "foreign functions")]
        // SAFETY: the memory has so many bytes, holds nothing, and is freed when dropped.
        unsafe {
            let at = match self.flush {
                Some((at, _)) => at,
                None => result::malloc_sync(bytes).map_err(failed)?,
            };
            self.flush = Some((at, bytes));
            let stream = self.program.cuda.stream;
            result::memset_d8_async(at, 0, bytes, stream).map_err(failed)
        }
    }
}

impl Drop for Resident<'_> {
    fn drop(&mut self) {
        let flush = self.flush.iter().map(|flush| flush.0);
        for at in self.memory.iter().copied().chain(flush) {
            #[expect(unsafe_code, reason = "a foreign function")]
            // SAFETY: allocated once, freed once, after all work was waited for.
            unsafe {
                let _ = result::free_sync(at);
            }
        }
    }
}
