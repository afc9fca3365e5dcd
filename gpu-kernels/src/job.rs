//! One piece of work for a device: arrays, and launches that follow each other.

use crate::data::Data;

/// What an array is to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Read, and left as it is.
    Input,
    /// Written before it is read; what remains in it does not matter.
    Scratch,
    /// A result; what it holds before may be read too.
    Output,
}

/// An array with its part in the job.
#[derive(Debug, Clone)]
pub struct Buffer {
    /// For messages.
    pub name: &'static str,
    /// What it is for.
    pub role: Role,
    /// Contents before the job.
    pub data: Data,
}

/// An argument of a launch, as the kernel's parameter of that place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Arg {
    /// Address of the buffer of this number.
    Buffer(usize),
    /// `u32`.
    U32(u32),
    /// `u64`.
    U64(u64),
    /// `float`.
    F32(f32),
}

/// One launch of an entry point.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The entry point.
    pub entry: &'static str,
    /// Blocks by x, y, z.
    pub grid: [u32; 3],
    /// Threads a block by x, y, z.
    pub block: [u32; 3],
    /// In the order of the parameters.
    pub args: Vec<Arg>,
}

/// Buffers and launches.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Launches name them by position.
    pub buffers: Vec<Buffer>,
    /// In this order, each after the one before has ended.
    pub launches: Vec<Launch>,
}

impl Job {
    /// Adds an array that is read.
    pub fn input(&mut self, name: &'static str, data: impl Into<Data>) -> Arg {
        self.add(name, Role::Input, data.into())
    }

    /// Adds memory for intermediate values.
    pub fn scratch(&mut self, name: &'static str, data: impl Into<Data>) -> Arg {
        self.add(name, Role::Scratch, data.into())
    }

    /// Adds a result.
    pub fn output(&mut self, name: &'static str, data: impl Into<Data>) -> Arg {
        self.add(name, Role::Output, data.into())
    }

    fn add(&mut self, name: &'static str, role: Role, data: Data) -> Arg {
        self.buffers.push(Buffer { name, role, data });
        Arg::Buffer(self.buffers.len() - 1)
    }

    /// Adds a launch.
    pub fn launch(
        &mut self,
        entry: &'static str,
        grid: impl Into<Extent>,
        block: impl Into<Extent>,
        args: &[Arg],
    ) {
        let (grid, block) = (grid.into().0, block.into().0);
        self.launches.push(Launch { entry, grid, block, args: args.to_vec() });
    }

    /// Bytes of all arrays.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.buffers.iter().map(|b| b.data.bytes().len() as u64).sum()
    }
}

/// One to three dimensions of a grid or a block.
#[derive(Debug, Clone, Copy)]
pub struct Extent([u32; 3]);

impl From<usize> for Extent {
    fn from(x: usize) -> Self {
        Self([u32_of(x), 1, 1])
    }
}

impl From<[usize; 2]> for Extent {
    fn from([x, y]: [usize; 2]) -> Self {
        Self([u32_of(x), u32_of(y), 1])
    }
}

impl From<[usize; 3]> for Extent {
    fn from([x, y, z]: [usize; 3]) -> Self {
        Self([u32_of(x), u32_of(y), u32_of(z)])
    }
}

/// A length as kernels take it.
///
/// # Panics
/// From 2^32 on; the bounds of the axes keep every kernel below.
#[must_use]
pub fn u32_of(length: usize) -> u32 {
    u32::try_from(length).expect("lengths are checked against the bounds of their axes")
}

/// A length as an argument.
#[must_use]
pub fn len(length: usize) -> Arg {
    Arg::U32(u32_of(length))
}
