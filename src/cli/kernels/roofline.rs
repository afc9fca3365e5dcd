//! `arable kernels roofline`.

use std::fs;

use gpu_kernels::bench::fit::Measured;
use gpu_kernels::bench::limits::{self, Limits};
use gpu_kernels::bench::record::time_text;
use gpu_kernels::kernel::Unit;
use serde::Serialize;

use super::{Roofline, output};
use crate::exit::Exit;

/// One shape on a device.
#[derive(Debug, Serialize)]
struct Row {
    kernel: &'static str,
    shape: String,
    unit: Unit,
    operations: f64,
    bytes: f64,
    operations_per_byte: f64,
    least_ns: Option<f64>,
    /// What the design note expects, for an H100 at the largest shape.
    expected_share: f64,
}

impl Roofline {
    pub(super) fn execute(&self) -> Result<Exit, Exit> {
        let usage = |message: String| output::failure(Exit::Usage, message);
        let limits = match self.device.as_str() {
            "here" => limits::of_this_processor(),
            name => limits::of_profile(name).ok_or_else(|| {
                let known = limits::names().join(", ");
                usage(format!(
                    "no limits are known for the device \"{name}\"; they are for {known}, and `here`"
                ))
            })?,
        };
        let chosen = self.selection.chosen(|kernel| kernel.bench)?;
        let mut rows = Vec::new();
        for (kernel, shapes) in &chosen {
            for shape in shapes {
                let cost = (kernel.cost)(shape);
                rows.push(Row {
                    kernel: kernel.name,
                    shape: kernel.shape_text(shape),
                    unit: cost.unit,
                    operations: cost.operations,
                    bytes: cost.bytes,
                    operations_per_byte: cost.operations / cost.bytes,
                    least_ns: limits.nanoseconds(&cost),
                    expected_share: kernel.design.expected,
                });
            }
        }
        if let Some(file) = &self.svg {
            let measured: Vec<Measured> = match &self.from_bench {
                None => Vec::new(),
                Some(from) => fs::read_to_string(from)
                    .map_err(|error| error.to_string())
                    .and_then(|text| serde_json::from_str(&text).map_err(|e| e.to_string()))
                    .map_err(|error| {
                        let message = format!("cannot read {}: {error}", from.display());
                        output::failure(Exit::File, message)
                    })?,
            };
            fs::write(file, svg(&limits, &rows, &measured)).map_err(|error| {
                output::failure(Exit::File, format!("cannot write {}: {error}", file.display()))
            })?;
        }
        if self.json {
            return Ok(output::json(&rows));
        }
        let mut text = format!("{} ({})\n", limits.name, limits.source);
        for row in &rows {
            let least = row.least_ns.map_or("-".to_owned(), time_text);
            text += &format!(
                "{:<18} {:<44} {:>9.2} op/B  {least:>10} at least, {:>3.0} % of that speed expected on an H100\n",
                row.kernel,
                row.shape,
                row.operations_per_byte,
                100.0 * row.expected_share
            );
        }
        Ok(output::text(&text))
    }
}

/// Operations a second over operations a byte, both logarithmic: roofs of each unit, what is
/// expected (rings) and what was measured (dots).
fn svg(limits: &Limits, rows: &[Row], measured: &[Measured]) -> String {
    const WIDTH: f64 = 760.0;
    const HEIGHT: f64 = 480.0;
    let roofs = [
        ("bf16 on tensor cores", limits.tensor_bf16, "#0b6e4f"),
        ("fp32", limits.fp32, "#1f4e9c"),
        ("32-bit integers", limits.int32, "#9c3d1f"),
    ];
    let top = roofs.iter().filter_map(|roof| roof.1).fold(1.0, f64::max);
    // Six decades of intensity from 10^-2, five of speed below the highest roof.
    let x =
        |intensity: f64| 60.0 + (WIDTH - 80.0) * ((intensity.log10() + 2.0) / 6.0).clamp(0.0, 1.0);
    let y = |speed: f64| {
        20.0 + (HEIGHT - 70.0) * ((top.log10() + 0.2 - speed.log10()) / 5.2).clamp(0.0, 1.0)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"60\" y=\"14\">Roofline of {}: operations a second over operations a byte</text>\n",
        limits.name.replace('&', "&amp;").replace('<', "&lt;")
    );
    for decade in -2..=4 {
        let at = x(10_f64.powi(decade));
        out += &format!(
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"20\" y2=\"{0}\" stroke=\"#ddd\"/><text x=\"{at:.1}\" y=\"{1}\" text-anchor=\"middle\">1e{decade}</text>\n",
            HEIGHT - 50.0,
            HEIGHT - 34.0
        );
    }
    for (name, speed, colour) in roofs {
        let Some(speed) = speed else { continue };
        let ridge = speed / limits.bandwidth;
        let low = 0.01;
        out += &format!(
            "<polyline fill=\"none\" stroke=\"{colour}\" points=\"{:.1},{:.1} {:.1},{:.1} {:.1},{:.1}\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{name}: {:.1} T/s</text>\n",
            x(low),
            y(low * limits.bandwidth),
            x(ridge),
            y(speed),
            x(1e4),
            y(speed),
            WIDTH - 22.0,
            y(speed) - 4.0,
            speed / 1e12
        );
    }
    for row in rows {
        let Some(least) = row.least_ns else { continue };
        let speed = row.expected_share * row.operations / (least * 1e-9);
        out += &format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"none\" stroke=\"black\"><title>{} {}: expected</title></circle>\n",
            x(row.operations_per_byte),
            y(speed),
            row.kernel,
            row.shape
        );
    }
    for m in measured {
        out += &format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"black\"><title>{}: measured, {}</title></circle>\n",
            x(m.operations / m.bytes),
            y(m.operations / (m.median_ns * 1e-9)),
            m.kernel,
            time_text(m.median_ns)
        );
    }
    out + "</svg>\n"
}
