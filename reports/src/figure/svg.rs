//! From plotters' drawing to a themed `<svg>`: stand-in colours become classes, and what a
//! reader can switch off carries the number of its series.

use super::palette::{VARIABLES, meaning};

/// Width of a figure in its own units; tenths of a pixel at natural size, since plotters
/// places everything on whole units.
pub(super) const WIDTH: i32 = 6000;
/// Height of a figure.
pub(super) const HEIGHT: i32 = 3500;

/// Width of lines that are drawn broken. Plotters would cut them into hundreds of pieces; a
/// width that no other line has lets one attribute do it.
pub(super) const DASHED: u32 = 17;

const RULES: &str = include_str!("figure.css");

/// Wraps and themes a drawing.
pub(super) fn themed(name: &str, title: &str, caption: &str, drawing: &str, extra: &str) -> String {
    let (name, title, caption) =
        (crate::format::escape(name), crate::format::escape(title), crate::format::escape(caption));
    let body = drawing
        .find('>')
        .map_or("", |start| &drawing[start + 1..])
        .trim()
        .trim_end_matches("</svg>")
        .trim();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"fig\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\" aria-labelledby=\"{name}-t {name}-d\">\n<title id=\"{name}-t\">{title}</title>\n\
         <desc id=\"{name}-d\">{caption}</desc>\n{}{extra}</svg>\n",
        classes(body)
    )
}

/// A themed figure as a file of its own.
pub(super) fn standalone(svg: &str) -> String {
    let Some(open) = svg.find('>') else { return svg.to_owned() };
    let (head, rest) = svg.split_at(open + 1);
    format!(
        "{} width=\"900\" height=\"{}\">\n<style>\n{VARIABLES}{RULES}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" style=\"fill:var(--paper)\"/>{rest}",
        head.trim_end_matches('>'),
        900 * HEIGHT / WIDTH,
    )
}

/// Replaces stand-in colours in every tag by classes: `f-` fills, `k-` strokes.
fn classes(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    for line in body.lines() {
        // Plotters writes one tag a line, and text between tags escaped, on its own line.
        if !line.starts_with('<') || line.starts_with("</") {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let mut line =
            line.replace(" opacity=\"1\"", "").replace(" font-family=\"sans-serif\"", "");
        let width = format!("stroke-width=\"{DASHED}\"");
        line = line.replace(&width, &format!("{width} stroke-dasharray=\"60 45\""));
        let mut class = String::new();
        let mut series = None;
        for (attribute, prefix) in [("fill", "f-"), ("stroke", "k-")] {
            let key = format!(" {attribute}=\"");
            let Some(start) = line.find(&key) else { continue };
            let value = start + key.len();
            let Some(length) = line[value..].find('"') else { continue };
            if let Some((name, number)) = meaning(&line[value..value + length]) {
                class = format!("{class}{}{prefix}{name}", if class.is_empty() { "" } else { " " });
                series = series.or(number);
                line.replace_range(start..=value + length, "");
            }
        }
        if !class.is_empty() {
            let at = line.find([' ', '/', '>']).unwrap_or(line.len());
            let number = series.map(|n| format!(" data-s=\"{n}\"")).unwrap_or_default();
            line.insert_str(at, &format!(" class=\"{class}\"{number}"));
        }
        out.push_str(&line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stand_ins_become_classes_and_other_colours_stay() {
        let table = [
            (
                "<line opacity=\"1\" stroke=\"#010203\" x1=\"0\"/>",
                "<line class=\"k-ink\" x1=\"0\"/>\n",
            ),
            (
                "<circle fill=\"#010302\" stroke=\"none\"/>",
                "<circle class=\"f-s2\" data-s=\"2\" stroke=\"none\"/>\n",
            ),
            ("<rect fill=\"#FF0000\"/>", "<rect fill=\"#FF0000\"/>\n"),
            ("fill=\"#010203\" &lt;b", "fill=\"#010203\" &lt;b\n"),
        ];
        for (from, to) in table {
            assert_eq!(classes(from), to);
        }
    }
}
