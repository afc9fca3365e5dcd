//! NVIDIA's own matrix product (cuBLAS), loaded at run time, to be timed beside ours.
//!
//! Its matrices lie by columns, ours by rows: what lies by rows is, read by columns, the
//! transpose. So C = A B is asked for as C^T = B^T A^T, and no element moves.
//!
//! Names and numbers follow `cublas_api.h` and `library_types.h` (cuBLAS 12.8).

use std::ffi::{c_int, c_void};
use std::path::{Path, PathBuf};

use libloading::Library;

use crate::kernel::{Kernel, Tolerance};

/// Where to look for the library besides the loader's own path.
pub const PATH_VARIABLE: &str = "ARABLE_CUBLAS";

/// Its names, the newest first.
const LIBRARIES: [&str; 3] = ["libcublas.so.13", "libcublas.so.12", "libcublas.so"];

/// A product as one of our kernels computes it, m x n from k summands each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Product {
    /// Numbers of all three matrices, and how the second of them lies.
    pub form: Form,
    /// m, n and k.
    pub shape: [usize; 3],
}

/// Numbers of all three matrices, and how the second of them lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// fp32 without TF32; B has k rows and n columns.
    F32,
    /// bf16 with sums in fp32; B has n rows and k columns.
    Bf16,
}

impl Product {
    /// The product that a kernel computes at a shape, if it is one.
    #[must_use]
    pub fn of(kernel: &Kernel, shape: &[usize]) -> Option<Self> {
        let form = match kernel.name {
            "gemm_f32" => Form::F32,
            "gemm_bf16" => Form::Bf16,
            _ => return None,
        };
        Some(Self { form, shape: shape.try_into().ok()? })
    }

    /// How far another order of sums may lie from the twin's.
    ///
    /// Inputs are at most one. Rounding errors of k such products and their sums, in either of
    /// two orders, reach about sqrt(k) 2^-24 k where they are independent (Higham and Mary,
    /// "A new approach to probabilistic rounding error analysis", 2019).
    #[must_use]
    pub fn tolerance(&self, kernel: &Kernel) -> Tolerance {
        let k = self.shape[2] as f32;
        match self.form {
            Form::F32 => Tolerance::Near { absolute: k * k.sqrt() * f32::EPSILON, relative: 0.0 },
            Form::Bf16 => kernel.tolerance,
        }
    }
}

/// The library with a handle, ready for one product: what is timed is the call alone.
#[derive(Debug)]
pub struct Cublas {
    library: Library,
    handle: *mut c_void,
    gemm: Gemm,
    product: Product,
    /// `12.8.4`.
    pub version: String,
}

type Create = unsafe extern "C" fn(*mut *mut c_void) -> c_int;
type Destroy = unsafe extern "C" fn(*mut c_void) -> c_int;
type SetStream = unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int;
type SetMathMode = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;
type GetProperty = unsafe extern "C" fn(c_int, *mut c_int) -> c_int;
/// Handle; operations; m, n, k; alpha; A, type, leading dimension; B likewise; beta; C likewise;
/// type of sums; algorithm.
type Gemm = unsafe extern "C" fn(
    *mut c_void,
    c_int,
    c_int,
    c_int,
    c_int,
    c_int,
    *const f32,
    u64,
    c_int,
    c_int,
    u64,
    c_int,
    c_int,
    *const f32,
    u64,
    c_int,
    c_int,
    c_int,
    c_int,
) -> c_int;

/// `CUBLAS_OP_N`.
const AS_IT_LIES: c_int = 0;
/// `CUBLAS_OP_T`.
const TRANSPOSED: c_int = 1;
/// `CUDA_R_32F`.
const R_32F: c_int = 0;
/// `CUDA_R_16BF`.
const R_16BF: c_int = 14;
/// `CUBLAS_COMPUTE_32F`.
const COMPUTE_32F: c_int = 68;
/// `CUBLAS_COMPUTE_32F_PEDANTIC`.
const COMPUTE_32F_PEDANTIC: c_int = 69;
/// `CUBLAS_PEDANTIC_MATH`: no TF32.
const PEDANTIC: c_int = 2;
/// `CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION`: partial sums are in fp32, too.
const FULL_SUMS: c_int = 16;
/// `CUBLAS_GEMM_DEFAULT`: the library chooses.
const DEFAULT: c_int = -1;

impl Cublas {
    /// Finds the library, at `$ARABLE_CUBLAS` or where the loader looks, and takes a handle for
    /// the current context, to compute a product in a stream.
    ///
    /// # Errors
    /// A sentence that says what is missing.
    pub fn open(product: Product, stream: *mut c_void) -> Result<Self, String> {
        if let Some(path) = std::env::var_os(PATH_VARIABLE).map(PathBuf::from) {
            return Self::load(&path, product, stream).map_err(|e| format!("{PATH_VARIABLE}: {e}"));
        }
        let present = LIBRARIES.iter().find_map(|name| library(Path::new(name)).ok());
        let library = present.ok_or_else(|| {
            format!(
                "cuBLAS (libcublas.so.12) is not installed; `pip install nvidia-cublas-cu12` \
                 brings it, and {PATH_VARIABLE} says where"
            )
        })?;
        Self::start(library, product, stream)
    }

    /// As [`Self::open`], by a library of another name.
    ///
    /// # Errors
    /// As there.
    pub fn load(path: &Path, product: Product, stream: *mut c_void) -> Result<Self, String> {
        Self::start(library(path)?, product, stream)
    }

    fn start(library: Library, product: Product, stream: *mut c_void) -> Result<Self, String> {
        let create = function::<Create>(&library, "cublasCreate_v2")?;
        let set_stream = function::<SetStream>(&library, "cublasSetStream_v2")?;
        let property = function::<GetProperty>(&library, "cublasGetProperty")?;
        let gemm = function::<Gemm>(&library, "cublasGemmEx")?;
        let set_mode = function::<SetMathMode>(&library, "cublasSetMathMode")?;
        function::<Destroy>(&library, "cublasDestroy_v2")?;
        let mut handle = std::ptr::null_mut();
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the type is that of `cublas_api.h`, and the place for the handle lives.
        answered("cublasCreate_v2", unsafe { create(&raw mut handle) })?;
        let mut cublas = Self { library, handle, gemm, product, version: String::new() };
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: the handle was made just now; the caller's stream outlives this.
        answered("cublasSetStream_v2", unsafe { set_stream(handle, stream) })?;
        let mode = match product.form {
            Form::F32 => PEDANTIC,
            Form::Bf16 => FULL_SUMS,
        };
        #[expect(unsafe_code, reason = "a foreign function")]
        // SAFETY: as above.
        answered("cublasSetMathMode", unsafe { set_mode(handle, mode) })?;
        let mut version = [0; 3];
        for (which, part) in (0..).zip(&mut version) {
            #[expect(unsafe_code, reason = "a foreign function")]
            // SAFETY: the number's place lives.
            answered("cublasGetProperty", unsafe { property(which, part) })?;
        }
        cublas.version = version.map(|part| part.to_string()).join(".");
        Ok(cublas)
    }

    /// Enqueues the product of matrices that lie by rows, as our kernels' do.
    ///
    /// # Errors
    /// What the library answered.
    ///
    /// # Safety
    /// `a`, `b` and `c` are addresses, as the library takes them, of matrices of the product's form
    /// and shape that live until the stream is done.
    #[expect(unsafe_code, reason = "addresses that nobody checks")]
    pub unsafe fn enqueue(&self, [a, b, c]: [u64; 3]) -> Result<(), String> {
        let dimension = |length: usize| {
            c_int::try_from(length).map_err(|_| format!("{length} is too long for cuBLAS"))
        };
        let [m, n, k] = self.product.shape;
        let (m, n, k) = (dimension(m)?, dimension(n)?, dimension(k)?);
        // B as it lies is B^T by columns, but for bf16, whose B is given transposed.
        let (operation, leading, number, sums) = match self.product.form {
            Form::F32 => (AS_IT_LIES, n, R_32F, COMPUTE_32F_PEDANTIC),
            Form::Bf16 => (TRANSPOSED, k, R_16BF, COMPUTE_32F),
        };
        let (one, zero) = (1.0_f32, 0.0_f32);
        // SAFETY: the handle lives; matrices are as the caller says; the two factors are read
        // before the call returns, since they lie in the host's memory.
        let status = unsafe {
            (self.gemm)(
                self.handle,
                operation,
                AS_IT_LIES,
                n,
                m,
                k,
                &raw const one,
                b,
                number,
                leading,
                a,
                number,
                k,
                &raw const zero,
                c,
                number,
                n,
                sums,
                DEFAULT,
            )
        };
        answered("cublasGemmEx", status)
    }
}

impl Drop for Cublas {
    fn drop(&mut self) {
        if let Ok(destroy) = function::<Destroy>(&self.library, "cublasDestroy_v2") {
            #[expect(unsafe_code, reason = "a foreign function")]
            // SAFETY: made once, destroyed once.
            let _ = unsafe { destroy(self.handle) };
        }
    }
}

fn library(path: &Path) -> Result<Library, String> {
    #[expect(unsafe_code, reason = "loading a library runs its initialisers")]
    // SAFETY: NVIDIA's library by its well-known name, or what the user names instead.
    unsafe { Library::new(path) }
        .map_err(|error| format!("{} does not load: {error}", path.display()))
}

/// A function of the library, which must stay loaded while it is called.
fn function<F: Copy>(library: &Library, name: &str) -> Result<F, String> {
    #[expect(unsafe_code, reason = "a symbol is looked up as a function")]
    // SAFETY: each caller gives the type that `cublas_api.h` declares for the name.
    unsafe { library.get::<F>(name.as_bytes()) }
        .map(|symbol| *symbol)
        .map_err(|_| format!("cuBLAS is too old: it has no {name}"))
}

/// An answer other than success as a sentence, with the numbers of `cublasStatus_t`.
fn answered(name: &str, status: c_int) -> Result<(), String> {
    let words = match status {
        0 => return Ok(()),
        1 => "it was not started",
        3 => "out of memory",
        7 => "an argument is wrong",
        8 => "the device lacks what it needs",
        13 => "the kernel failed to run",
        15 => "not supported",
        _ => "an error",
    };
    Err(format!("{name} of cuBLAS answered {status}: {words}"))
}
