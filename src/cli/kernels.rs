//! `arable kernels`: the compute core by itself.

mod bench;
mod profile;
mod roofline;
mod verify;

use std::num::IntErrorKind;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use gpu_kernels::bench::record::Cache;
use gpu_kernels::kernel::{Kernel, Tolerance, find};
use gpu_kernels::kernels::ALL;
use serde::Serialize;

use super::output;
use crate::exit::Exit;

#[derive(Debug, Args)]
pub(super) struct Kernels {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List kernels with their axes, bounds and what an H100 is expected to reach
    List {
        /// Print JSON instead of words
        #[arg(long)]
        json: bool,
    },
    /// Hold kernels to their twins: on the GPU, or their own text on the CPU
    Verify(Selection),
    /// Time kernels on the GPU, or their twins where there is none
    Bench(Bench),
    /// Registers, shared memory and spills; or, from measurements, a hardware profile
    Profile(Profile),
    /// The least time of each shape on a device, and what is expected of it
    Roofline(Roofline),
}

/// Which kernels, at which shapes.
#[derive(Debug, Args)]
struct Selection {
    /// Kernels; all of them without
    kernels: Vec<String>,
    /// Lengths of an axis: `--axis m=1,64,4096`; other axes keep those of the kernel's own shapes
    #[arg(long = "axis", value_name = "NAME=LENGTH,…")]
    axes: Vec<String>,
}

#[derive(Debug, Args)]
struct Bench {
    #[command(flatten)]
    selection: Selection,
    /// Whether L2 holds what the kernel reads; `graph` hides launches
    #[arg(long, value_enum, default_value_t = CacheArg::Cold)]
    cache: CacheArg,
    /// Seconds after which a measurement ends in any case
    #[arg(long, default_value_t = 15.0)]
    timeout: f64,
    /// Write the records (JSON)
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the records (Arrow IPC file)
    #[arg(long, value_name = "FILE")]
    arrow: Option<PathBuf>,
    /// Compare with records of an earlier run (JSON); a slower one ends with code 1
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Print the records as JSON instead of Markdown
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Profile {
    /// Kernels; all of them without
    kernels: Vec<String>,
    /// Architecture to compile for
    #[arg(long, default_value = "sm_90")]
    arch: String,
    /// Fit a hardware profile to the products in this file of records
    #[arg(long, value_name = "FILE", conflicts_with = "kernels")]
    from_bench: Option<PathBuf>,
    /// With --from-bench: the device whose published limits apply, if not named by the records
    #[arg(long, requires = "from_bench")]
    device: Option<String>,
}

#[derive(Debug, Args)]
struct Roofline {
    #[command(flatten)]
    selection: Selection,
    /// The device: a key of the hardware profiles, or `here` for this processor, measured
    #[arg(long, default_value = "h100_sxm")]
    device: String,
    /// Draw the roofline with records of a run (JSON) into an SVG
    #[arg(long, value_name = "FILE", requires = "svg")]
    from_bench: Option<PathBuf>,
    /// Where the drawing goes
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print JSON instead of words
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CacheArg {
    Cold,
    Hot,
    Graph,
}

impl From<CacheArg> for Cache {
    fn from(arg: CacheArg) -> Self {
        match arg {
            CacheArg::Cold => Self::Cold,
            CacheArg::Hot => Self::Hot,
            CacheArg::Graph => Self::Graph,
        }
    }
}

impl Kernels {
    pub(super) fn execute(self) -> Exit {
        let done = match self.what {
            What::List { json } => return list(json),
            What::Verify(selection) => verify::execute(&selection),
            What::Bench(bench) => bench.execute(),
            What::Profile(profile) => profile.execute(),
            What::Roofline(roofline) => roofline.execute(),
        };
        done.unwrap_or_else(|exit| exit)
    }
}

/// Kernels with shapes.
type Chosen = Vec<(&'static Kernel, Vec<Vec<usize>>)>;

impl Selection {
    /// The kernels and their shapes, each checked. `own` gives a kernel's own shapes.
    fn chosen(&self, own: fn(&Kernel) -> &'static [&'static [usize]]) -> Result<Chosen, Exit> {
        let usage = |message: String| output::failure(Exit::Usage, message);
        let kernels: Vec<&'static Kernel> = if self.kernels.is_empty() {
            ALL.to_vec()
        } else {
            self.kernels
                .iter()
                .map(|name| find(name))
                .collect::<Result<_, _>>()
                .map_err(|message| usage(format!("{message}; `arable kernels list` has all")))?
        };
        let axes = self.axes.iter().map(|text| axis(text)).collect::<Result<Vec<_>, _>>();
        let axes = axes.map_err(usage)?;
        for (name, _) in &axes {
            if let Some(kernel) = kernels.iter().find(|k| k.axes.iter().all(|a| a.name != *name)) {
                let names: Vec<_> = kernel.axes.iter().map(|axis| axis.name).collect();
                return Err(usage(format!(
                    "{} has no axis \"{name}\"; it has {}",
                    kernel.name,
                    names.join(", ")
                )));
            }
        }
        let mut chosen = Vec::new();
        for kernel in kernels {
            let mut shapes: Vec<Vec<usize>> = own(kernel).iter().map(|s| s.to_vec()).collect();
            for (name, lengths) in &axes {
                let at = kernel.axes.iter().position(|axis| axis.name == *name);
                let Some(at) = at else { continue };
                shapes = shapes
                    .iter()
                    .flat_map(|shape| {
                        lengths.iter().map(move |&length| {
                            let mut shape = shape.clone();
                            shape[at] = length;
                            shape
                        })
                    })
                    .collect();
            }
            shapes.sort();
            shapes.dedup();
            for shape in &shapes {
                kernel.check(shape).map_err(usage)?;
            }
            chosen.push((kernel, shapes));
        }
        Ok(chosen)
    }
}

/// `m=1,64` as a name and lengths.
fn axis(text: &str) -> Result<(String, Vec<usize>), String> {
    let wrong = |what: &str| format!("found `--axis {text}`: {what}; expected NAME=LENGTH,…");
    let (name, lengths) = text.split_once('=').ok_or_else(|| wrong("no `=`"))?;
    let length = |part: &str| match part.trim().parse::<i128>() {
        Ok(n) if n < 0 => Err(wrong(&format!("length {n} is negative"))),
        Ok(n) => usize::try_from(n).map_err(|_| wrong(&format!("length {n} is out of range"))),
        Err(e) if matches!(e.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => {
            Err(wrong(&format!("length {} is out of range", part.trim())))
        }
        Err(_) => Err(wrong(&format!("\"{part}\" is no whole number"))),
    };
    let lengths = lengths.split(',').map(length).collect::<Result<_, _>>()?;
    Ok((name.trim().to_owned(), lengths))
}

/// A kernel as it is listed.
#[derive(Debug, Serialize)]
struct Listed {
    name: &'static str,
    summary: &'static str,
    axes: Vec<String>,
    entries: &'static [&'static str],
    exact: bool,
    bound: gpu_kernels::kernel::Bound,
    expected_on_h100: f64,
    why: String,
}

fn list(json: bool) -> Exit {
    let listed = |kernel: &&'static Kernel| Listed {
        name: kernel.name,
        summary: kernel.summary,
        axes: kernel.axes.iter().map(|axis| format!("{}: {}", axis.name, axis.what)).collect(),
        entries: kernel.entries,
        exact: kernel.tolerance == Tolerance::Bits,
        bound: kernel.design.bound,
        expected_on_h100: kernel.design.expected,
        why: kernel.design.why.to_owned(),
    };
    let all: Vec<Listed> = ALL.iter().map(listed).collect();
    if json {
        return output::json(&all);
    }
    let width = all.iter().map(|kernel| kernel.name.len()).max().unwrap_or(0);
    let lines = all.iter().map(|k| {
        let axes: Vec<&str> = k.axes.iter().filter_map(|axis| axis.split(':').next()).collect();
        let exact = if k.exact { "bits" } else { "near" };
        let bound = format!("{:?}", k.bound).to_lowercase();
        let share = 100.0 * k.expected_on_h100;
        format!(
            "{:<width$}  {exact}  {bound:<7} {share:>3.0} %  {} ({})\n",
            k.name,
            k.summary,
            axes.join(", ")
        )
    });
    output::text(&lines.collect::<String>())
}
