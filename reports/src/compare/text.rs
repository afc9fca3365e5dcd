//! The comparison as a table for the terminal.

use super::{Comparison, Difference};
use crate::format::{number, scale};

/// Columns: metric, unit, the base, then for each other design its value and difference.
pub(super) fn table(comparison: &Comparison) -> String {
    let mut lines: Vec<Vec<String>> = Vec::new();
    let mut head = vec!["metric".to_owned(), "unit".to_owned()];
    for (i, name) in comparison.designs.iter().enumerate() {
        head.push(name.clone());
        if i > 0 {
            head.push("difference [95 %]".to_owned());
        }
    }
    lines.push(head);
    for row in &comparison.rows {
        // One unit a row, chosen by the first value, so that columns can be compared.
        let first = row.cells.iter().flatten().next().map_or(0.0, |cell| cell.value);
        let (factor, unit) = scale(first, &row.unit);
        let mut line = vec![row.metric.clone(), unit.to_owned()];
        for (i, cell) in row.cells.iter().enumerate() {
            let value = cell.as_ref().map(|cell| number(cell.value * factor, 4));
            line.push(value.unwrap_or_else(|| "–".to_owned()));
            if i > 0 {
                let difference = cell.as_ref().and_then(|cell| cell.difference.as_ref());
                line.push(difference.map_or_else(String::new, |d| difference_text(d, factor)));
            }
        }
        lines.push(line);
    }
    let mut out = align(&lines);
    out.push('\n');
    out.push_str(&comparison.method());
    out.push('\n');
    out
}

/// Difference, interval, and a star if it is significant.
pub(super) fn difference_text(difference: &Difference, factor: f64) -> String {
    let signed = |value: f64| {
        let text = number(value * factor, 3);
        if value > 0.0 { format!("+{text}") } else { text }
    };
    let interval = difference
        .interval
        .map(|[low, high]| format!(" [{}, {}]", signed(low), signed(high)))
        .unwrap_or_default();
    let star = if difference.significant { " *" } else { "" };
    format!("{}{interval}{star}", signed(difference.mean))
}

/// Text to the left, numbers to the right.
fn align(lines: &[Vec<String>]) -> String {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| {
        lines.iter().filter_map(|line| line.get(c)).map(|t| t.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for line in lines {
        let mut text = String::new();
        for (c, cell) in line.iter().enumerate() {
            let width = widths[c];
            // Metric and unit, and differences with their star, read from the left.
            let left = c < 2 || (c > 3 && c % 2 == 0);
            text += &if left { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
        }
        out += text.trim_end();
        out.push('\n');
    }
    out
}
