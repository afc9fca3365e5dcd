//! Kernel sources as one text: headers are put in where they are included.

/// Headers of `cuda/` that a kernel may include.
const HEADERS: &[(&str, &str)] = &[
    ("fibers.h", include_str!("../cuda/fibers.h")),
    ("device.cuh", include_str!("../cuda/device.cuh")),
    ("tensor.cuh", include_str!("../cuda/tensor.cuh")),
    ("tile.cuh", include_str!("../cuda/tile.cuh")),
    ("field.cuh", include_str!("../cuda/field.cuh")),
    ("fixed.cuh", include_str!("../cuda/fixed.cuh")),
    ("yuma.cuh", include_str!("../cuda/yuma.cuh")),
];

/// The text of a kernel with every `#include "…"` of ours replaced by the header, once each.
/// Line numbers in messages remain those of the files.
///
/// # Panics
/// When a kernel includes a header that is not listed.
#[must_use]
pub fn expanded(name: &str, text: &str) -> String {
    let mut out = String::new();
    expand(&format!("{name}.cu"), text, &mut Vec::new(), &mut out);
    out
}

fn expand(file: &str, text: &str, seen: &mut Vec<&'static str>, out: &mut String) {
    out.push_str(&format!("#line 1 \"{file}\"\n"));
    for (line, number) in text.lines().zip(1..) {
        let included = line.strip_prefix("#include \"").and_then(|rest| rest.strip_suffix('"'));
        match included {
            None if line == "#pragma once" => out.push('\n'),
            None => {
                out.push_str(line);
                out.push('\n');
            }
            Some(name) => {
                let header = HEADERS.iter().find(|header| header.0 == name);
                let &(name, header) = header.expect("kernels include listed headers only");
                if !seen.contains(&name) {
                    seen.push(name);
                    expand(name, header, seen, out);
                }
                out.push_str(&format!("#line {} \"{file}\"\n", number + 1));
            }
        }
    }
}
