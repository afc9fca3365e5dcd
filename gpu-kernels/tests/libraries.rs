//! NVIDIA's libraries that are loaded at run time, by small ones in their place, compiled here:
//! what is asked of them, what becomes of their answers, and what is said where they are missing.

#![expect(unsafe_code, reason = "a library of our own is called")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use gpu_kernels::bench::Place;
use gpu_kernels::bench::clocks::{Clocks, Watch};
use gpu_kernels::bench::record::{Cache, markdown};
use gpu_kernels::bench::sample::Settings;
use gpu_kernels::kernel::find;
use gpu_kernels::run::cublas::{Cublas, Form, Product};
use gpu_kernels::run::fibers;
use gpu_kernels::run::nvml::Nvml;
use gpu_kernels::verify;
use libloading::Library;

/// A library from `tests/fake`, or nothing where there is no compiler.
fn fake(source: &str, name: &str, define: &str) -> Option<PathBuf> {
    if !fibers::available() {
        eprintln!("SKIPPED: no C++ compiler here (g++, or what CXX names)");
        return None;
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let out = Command::new(fibers::compiler())
        .args(["-std=c++17", "-O1", "-shared", "-fPIC", define, "-o"])
        .arg(&path)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake").join(source))
        .output()
        .expect("the compiler starts");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(path)
}

/// What a fake counts: how many of its handles live.
fn count(path: &Path, name: &str) -> i32 {
    // SAFETY: the library is the fake compiled by this test, whose function takes nothing.
    unsafe {
        let library = Library::new(path).expect("loads");
        library.get::<unsafe extern "C" fn() -> i32>(name.as_bytes()).expect("defined")()
    }
}

const BUS: &str = "0000:3b:00.0";

#[test]
fn clocks_are_read_before_between_and_after() {
    let Some(path) = fake("nvml.cpp", "clocks.so", "-DSCENE=0") else { return };
    // Keeps the library, and with it what it counts.
    // SAFETY: compiled by this test.
    let _kept = unsafe { Library::new(&path) }.expect("loads");
    let nvml = Nvml::load(&path, BUS).expect("a device");
    assert_eq!(count(&path, "fake_started"), 1);
    // Reading 1 was that of `load`. 2 is before; 3 and 4 belong to runs that warm up.
    let mut watch = Watch::begin(&nvml).expect("readable");
    for _ in 0..5 {
        std::thread::sleep(std::time::Duration::from_millis(11));
        watch.after_run();
    }
    // 5 to 7 belong to samples, 8 is after.
    let Clocks::Read(seen) = watch.end(3) else { panic!("read") };
    assert_eq!(seen.readings, 4);
    assert_eq!((seen.before.sm_mhz, seen.after.sm_mhz), (1970, 1910));
    let range = (seen.sm_mhz.least, seen.sm_mhz.median, seen.sm_mhz.largest);
    assert_eq!(range.0.to_bits(), 1910_f64.to_bits());
    assert_eq!(range.1.to_bits(), 1930_f64.to_bits());
    assert_eq!(range.2.to_bits(), 1940_f64.to_bits());
    assert_eq!(seen.memory_mhz.least.to_bits(), 2619_f64.to_bits());
    assert_eq!(seen.temperature_c.map(|range| range.largest.to_bits()), Some(60_f64.to_bits()));
    assert_eq!(seen.power_w, None);
    // What was said before the first run is not held against the samples.
    assert_eq!(seen.throttle_reasons, ["power cap"]);
    assert!(seen.throttled);
    let json = serde_json::to_value(Clocks::Read(seen)).expect("serialisable");
    assert_eq!(json["read"]["before"]["throttle_reasons"][0], "idle", "{json}");
    assert_eq!(json["read"]["after"]["throttle_reasons"][0], "power cap", "{json}");
    drop(nvml);
    assert_eq!(count(&path, "fake_started"), 0);
}

#[test]
fn clocks_that_cannot_be_read_say_why() {
    let missing = Nvml::load(Path::new("libnvidia-ml.so.of-nobody"), BUS).expect_err("missing");
    assert!(missing.contains("libnvidia-ml.so.of-nobody"), "{missing}");
    let Some(path) = fake("nvml.cpp", "stranger.so", "-DSCENE=1") else { return };
    let stranger = Nvml::load(&path, BUS).expect_err("no such device");
    assert!(stranger.contains("no such device for 0000:3b:00.0"), "{stranger}");
    let Some(path) = fake("nvml.cpp", "old.so", "-DSCENE=2") else { return };
    let old = Nvml::load(&path, BUS).expect_err("a function is missing");
    assert!(old.ends_with("has no nvmlDeviceGetCurrentClocksThrottleReasons"), "{old}");
}

/// Shapes with three different lengths, so that no two can be confused.
#[test]
fn products_by_columns_are_ours_by_rows() {
    let Some(path) = fake("cublas.cpp", "cublas.so", "-DNEW") else { return };
    // SAFETY: compiled by this test; it is kept, and with it what it counts.
    let _kept = unsafe { Library::new(&path) }.expect("loads");
    for (name, shape) in [("gemm_f32", [5, 7, 3]), ("gemm_f32", [130, 33, 48])]
        .into_iter()
        .chain([("gemm_bf16", [3, 8, 16]), ("gemm_bf16", [33, 72, 40])])
    {
        let kernel = find(name).expect("registered");
        let product = Product::of(kernel, &shape).expect("a product");
        let cublas = Cublas::load(&path, product, 0x5 as *mut _).expect("complete");
        assert_eq!((cublas.version.as_str(), count(&path, "fake_live")), ("12.8.4", 1));
        let job = (kernel.job)(&shape, 1);
        let wanted = verify::expected(kernel, &shape, &job);
        let mut found: Vec<_> = job.buffers.iter().map(|buffer| buffer.data.clone()).collect();
        let at: Vec<u64> =
            found.iter_mut().map(|data| data.bytes_mut().as_mut_ptr() as u64).collect();
        // SAFETY: the fake takes addresses of the host, and these arrays live.
        unsafe { cublas.enqueue([at[0], at[1], at[2]]) }.expect("done");
        let tolerance = product.tolerance(kernel);
        let agreement = verify::compare_within(tolerance, &job, &found, &wanted);
        agreement.unwrap_or_else(|problem| panic!("{name} {shape:?}: {problem}"));
        // The bound is no blank cheque: an element of the neighbour's row is beyond it.
        found[2].bytes_mut().rotate_right(16);
        let moved = verify::compare_within(tolerance, &job, &found, &wanted);
        assert!(moved.is_err(), "{name} {shape:?}");
    }
    assert_eq!(count(&path, "fake_live"), 0);
}

#[test]
fn a_missing_or_old_cublas_is_a_sentence() {
    let product = Product { form: Form::F32, shape: [1, 1, 1] };
    let nowhere = std::ptr::null_mut();
    let missing = Cublas::load(Path::new("libcublas.so.of-nobody"), product, nowhere);
    let missing = missing.expect_err("missing");
    assert!(missing.contains("libcublas.so.of-nobody does not load"), "{missing}");
    let Some(path) = fake("cublas.cpp", "old_cublas.so", "-DOLD") else { return };
    let old = Cublas::load(&path, product, nowhere).expect_err("a function is missing");
    assert_eq!(old, "cuBLAS is too old: it has no cublasGemmEx");
    let other = find("rope").expect("registered");
    assert_eq!(Product::of(other, other.bench[0]), None);
}

/// Without a GPU, what is missing stands in the record and below the table.
#[test]
fn records_of_a_processor_say_what_is_missing() {
    let place = Place::Cpu { reason: "none is looked for".to_owned() };
    let brief =
        Settings { warm_up: Duration::ZERO, timeout: Duration::ZERO, ..Settings::default() };
    let record = |name, shape| {
        let kernel = find(name).expect("registered");
        place.bench(kernel, shape, Cache::Cold, None, &brief).expect("timed")
    };
    let records = [record("gemm_bf16", &[3, 8, 16][..]), record("softmax", &[2, 8])];
    let json = serde_json::to_value(&records).expect("serialisable");
    assert_eq!(json[0]["peer"]["absent"]["name"], "cublas", "{json}");
    assert_eq!(json[0]["peer"]["absent"]["reason"], "there is no GPU to run it on", "{json}");
    assert!(json[1]["peer"].is_null(), "{json}");
    let reason = json[0]["clocks"]["not_read"]["reason"].as_str().expect("a sentence");
    assert!(reason.starts_with("not read: a processor's"), "{reason}");
    let text = markdown(&records);
    assert!(text.contains("\ncublas: there is no GPU to run it on.\n"), "{text}");
    assert_eq!(text.matches(&format!("\nclocks: {reason}.\n")).count(), 1, "{text}");
}
