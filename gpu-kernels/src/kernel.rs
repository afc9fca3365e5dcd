//! What is known about a kernel: source, shapes, twin, cost and what to expect of it.

use crate::data::Data;
use crate::job::Job;

/// A kernel of the compute core: one `.cu` file, its host side, and its CPU twin.
#[derive(Debug)]
pub struct Kernel {
    /// As `arable kernels` knows it; the name of the file too.
    pub name: &'static str,
    /// Who needs it: one line.
    pub summary: &'static str,
    /// The text of `cuda/<name>.cu`.
    pub source: &'static str,
    /// Entry points in the file, by which every launch of a job goes.
    pub entries: &'static [&'static str],
    /// Dimensions of a shape, in order.
    pub axes: &'static [Axis],
    /// Shapes to verify: small, ragged, and the corners.
    pub verify: &'static [&'static [usize]],
    /// Shapes to time.
    pub bench: &'static [&'static [usize]],
    /// What else a shape must fulfil: a sentence if it does not.
    pub fits: fn(&[usize]) -> Result<(), String>,
    /// Inputs and launches of a shape, from a seed.
    pub job: fn(&[usize], u64) -> Job,
    /// Fills the outputs among the buffers of such a job, on the CPU.
    pub twin: fn(&[usize], &mut [Data]),
    /// How far outputs may lie from the twin's.
    pub tolerance: Tolerance,
    /// Work of a shape.
    pub cost: fn(&[usize]) -> Cost,
    /// What limits it, and what to expect.
    pub design: Design,
}

/// A dimension of a kernel's shapes.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    /// Short, as in the formulas.
    pub name: &'static str,
    /// In words.
    pub what: &'static str,
    /// The least and the greatest length.
    pub range: (usize, usize),
    /// Lengths are multiples of this.
    pub multiple: usize,
}

/// An axis of lengths from one.
#[must_use]
pub const fn axis(name: &'static str, what: &'static str, most: usize) -> Axis {
    Axis { name, what, range: (1, most), multiple: 1 }
}

/// An axis of multiples of a length.
#[must_use]
pub const fn axis_of(name: &'static str, what: &'static str, most: usize, multiple: usize) -> Axis {
    Axis { name, what, range: (multiple, most), multiple }
}

/// How far an output may lie from the twin's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Tolerance {
    /// Not at all.
    Bits,
    /// `absolute + relative |x|`: tensor cores add in an order of their own.
    Near {
        /// In the unit of the output.
        absolute: f32,
        /// Share of the value.
        relative: f32,
    },
}

/// Which unit of a processor an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Tensor cores, bf16 with sums in fp32; an operation is a product or a sum.
    TensorBf16,
    /// fp32 units; a fused multiply-add is two operations.
    Fp32,
    /// 32-bit integer units; a 32-bit instruction is one operation.
    Int32,
}

/// What a shape costs at the least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Which unit works.
    pub unit: Unit,
    /// Operations of that unit.
    pub operations: f64,
    /// Bytes between memory and processor if each is moved once.
    pub bytes: f64,
}

/// What a kernel meets first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// Memory bandwidth.
    Memory,
    /// Arithmetic.
    Compute,
    /// The time to launch at all.
    Launch,
}

/// The design note: a prediction for an H100 to confirm or refute.
#[derive(Debug, Clone, Copy)]
pub struct Design {
    /// What it meets first at the shapes of `bench`.
    pub bound: Bound,
    /// Share of that limit expected on an H100 at the largest shape of `bench`.
    pub expected: f64,
    /// Why that much, and why not more.
    pub why: &'static str,
}

/// No condition beyond the axes.
///
/// # Errors
/// Never.
pub fn any(_: &[usize]) -> Result<(), String> {
    Ok(())
}

impl Kernel {
    /// The shape in words: `m=64 n=64 k=32`.
    #[must_use]
    pub fn shape_text(&self, shape: &[usize]) -> String {
        let axes = self.axes.iter().zip(shape);
        axes.map(|(axis, n)| format!("{}={n}", axis.name)).collect::<Vec<_>>().join(" ")
    }

    /// Whether the kernel takes the shape.
    ///
    /// # Errors
    /// A sentence that names axis, length and range.
    pub fn check(&self, shape: &[usize]) -> Result<(), String> {
        if shape.len() != self.axes.len() {
            let names: Vec<_> = self.axes.iter().map(|axis| axis.name).collect();
            return Err(format!(
                "{} has the axes {}, the shape has {} lengths",
                self.name,
                names.join(", "),
                shape.len()
            ));
        }
        for (axis, &n) in self.axes.iter().zip(shape) {
            let (least, most) = axis.range;
            if n < least || n > most || n % axis.multiple != 0 {
                let step = match axis.multiple {
                    1 => String::new(),
                    by => format!(" in steps of {by}"),
                };
                return Err(format!(
                    "axis {} of {} ({}) is {n}; it goes from {least} to {most}{step}",
                    axis.name, self.name, axis.what
                ));
            }
        }
        (self.fits)(shape)
    }
}

/// The kernel of this name.
///
/// # Errors
/// A sentence that names the nearest.
pub fn find(name: &str) -> Result<&'static Kernel, String> {
    let all = crate::kernels::ALL;
    all.iter().copied().find(|kernel| kernel.name == name).ok_or_else(|| {
        let near = all.iter().min_by_key(|kernel| distance(kernel.name, name));
        let near = near.map_or("", |kernel| kernel.name);
        format!("no kernel is called \"{name}\"; the nearest name is \"{near}\"")
    })
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let best = (corner + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = std::mem::replace(&mut row[j + 1], best);
        }
    }
    row[b.len()]
}
