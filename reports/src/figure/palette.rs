//! Colours, and the stand-ins that mark them while plotters draws.

use plotters::style::RGBColor;

/// How many series get a colour of their own.
pub(crate) const FOLD: usize = 7;
/// Number of the muted colour, for references such as the line of equality.
pub(crate) const MUTED: usize = 7;

/// Stand-in for text and axes.
pub(super) const INK: RGBColor = RGBColor(1, 2, 3);
/// Stand-in for grid lines.
pub(super) const GRID: RGBColor = RGBColor(1, 2, 4);

/// Stand-in for a series.
pub(super) fn series(number: usize) -> RGBColor {
    RGBColor(1, 3, u8::try_from(number % (MUTED + 1)).unwrap_or_default())
}

/// What a stand-in, written `#RRGGBB`, stands for: a CSS variable without its dashes, and the
/// number of the series if it is one.
pub(super) fn meaning(colour: &str) -> Option<(&'static str, Option<usize>)> {
    const SERIES: [&str; MUTED + 1] = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "muted"];
    match colour {
        "#010203" => Some(("ink", None)),
        "#010204" => Some(("grid", None)),
        _ => {
            let number: usize = colour.strip_prefix("#01030")?.parse().ok()?;
            SERIES.get(number).map(|name| (*name, Some(number)))
        }
    }
}

/// CSS that defines the variables, light first, dark by the reader's preference or by
/// `data-theme` on the root element.
pub const VARIABLES: &str = include_str!("palette.css");
