//! Where jobs run.
//!
//! | module | runs a job |
//! |---|---|
//! | [`fibers`] | on the CPU, the kernel's own text compiled with the system's C++ compiler |
//! | [`nvrtc`] | compiles for devices, needs none |
//! | [`cuda`] | on the CUDA device of this machine |
//! | [`cublas`] | a product there, by NVIDIA's library |
//!
//! [`nvml`] reads the device's clocks meanwhile.

pub mod cublas;
pub mod cuda;
pub mod fibers;
pub mod nvml;
pub mod nvrtc;
