//! Kernels on the CUDA device of this machine.
