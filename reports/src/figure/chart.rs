//! Draws one plot: axes, marks, legend, and the points a read-out can find.

use core::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::palette::{self, GRID, INK};
use super::svg::{HEIGHT, WIDTH};
use super::{Figure, Hover, HoverSeries, svg};
use crate::error::ReportError;
use crate::format::escape;
use crate::stats::count;

/// An axis with its ticks; values are drawn linearly.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) label: String,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<(f64, String)>,
}

impl Axis {
    fn text(&self, value: f64) -> String {
        let span = (self.high - self.low).abs() * 1e-9;
        let tick = self.ticks.iter().find(|(at, _)| (at - value).abs() <= span);
        tick.map(|(_, text)| text.clone()).unwrap_or_default()
    }
}

/// How a series is drawn.
#[derive(Debug, Clone)]
pub(crate) enum Mark {
    /// A line through points.
    Line,
    /// A broken line, for references and totals.
    Dashes,
    /// Dots alone.
    Dots,
    /// For each point low end, inner low, inner high and high end along x; the point is a dot.
    Ranges(Vec<[f64; 4]>),
    /// A pale band from these lower ends up to the points.
    Band(Vec<f64>),
    /// An area from these lower ends up to the points, to stand on others.
    Stack(Vec<f64>),
    /// A rectangle of this width and height about each point, from pale at 0 to full at 1.
    Cells { width: f64, height: f64, shades: Vec<f64> },
    /// One line for each run of so many points.
    Strands(usize),
}

impl Mark {
    /// Of an area.
    fn opacity(&self) -> f64 {
        if matches!(self, Self::Band(_)) { 0.25 } else { 0.8 }
    }
}

/// Points with one colour and one line in the legend, which has none for an empty name.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) colour: usize,
    pub(crate) mark: Mark,
    pub(crate) points: Vec<(f64, f64)>,
    /// What the read-out says of each point: x and y.
    pub(crate) texts: Vec<(String, String)>,
}

/// A plot to draw.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) caption: String,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    /// Label and ticks of a second scale at the right edge, in values of `y`.
    pub(crate) right: Option<(String, Vec<(f64, String)>)>,
    pub(crate) series: Vec<Series>,
}

const TICK_SIZE: f64 = 130.0;
/// Mean width of a character at a font size of one.
const CHARACTER: f64 = 0.56;

/// Estimated width of a text in the figure's units.
fn width(text: &str, size: f64) -> i32 {
    whole(count(text.chars().count()) * size * CHARACTER)
}

#[expect(clippy::cast_possible_truncation, reason = "`as` saturates; these are pixels")]
fn whole(value: f64) -> i32 {
    value.round() as i32
}

impl Plot {
    /// Draws it.
    pub(crate) fn draw(self) -> Result<Figure, ReportError> {
        let mut drawing = String::new();
        let (legend, rows) = self.legend();
        let hover = self
            .plotters(&mut drawing, 420 + 200 * rows)
            .map_err(|what| ReportError::Draw { figure: self.name.clone(), what })?;
        let Self { name, title, caption, .. } = self;
        let svg = svg::themed(&name, &title, &caption, &drawing, &legend);
        Ok(Figure { name, title, section: "", caption, svg, hover })
    }

    /// Title and legend, and how many rows the legend takes.
    fn legend(&self) -> (String, i32) {
        let mut out =
            format!("<text class=\"title\" x=\"120\" y=\"230\">{}</text>\n", escape(&self.title));
        let (mut x, mut row) = (120, 0);
        for series in self.series.iter().filter(|series| !series.name.is_empty()) {
            let needs = 330 + width(&series.name, 132.0) + 150;
            if x > 120 && x + needs > WIDTH - 60 {
                (x, row) = (120, row + 1);
            }
            let y = 470 + 200 * row;
            let colour = series.colour;
            let class =
                if colour == palette::MUTED { "muted".into() } else { format!("s{colour}") };
            let swatch = match series.mark {
                Mark::Line | Mark::Strands(_) => format!(
                    "<line class=\"k-{class}\" stroke-width=\"36\" x1=\"{x}\" y1=\"{0}\" x2=\"{1}\" y2=\"{0}\"/>",
                    y - 45,
                    x + 230
                ),
                Mark::Dashes => format!(
                    "<line class=\"k-{class}\" stroke-width=\"26\" stroke-dasharray=\"60 40\" x1=\"{x}\" y1=\"{0}\" x2=\"{1}\" y2=\"{0}\"/>",
                    y - 45,
                    x + 230
                ),
                Mark::Dots | Mark::Ranges(_) => {
                    format!(
                        "<circle class=\"f-{class}\" cx=\"{}\" cy=\"{}\" r=\"55\"/>",
                        x + 115,
                        y - 45
                    )
                }
                Mark::Band(_) | Mark::Stack(_) | Mark::Cells { .. } => format!(
                    "<rect class=\"f-{class}\" opacity=\"{}\" x=\"{x}\" y=\"{}\" width=\"230\" \
                     height=\"100\"/>",
                    series.mark.opacity(),
                    y - 95
                ),
            };
            out += &format!(
                "<g class=\"key\" data-key=\"{colour}\">{swatch}<text x=\"{}\" y=\"{y}\">{}</text></g>\n",
                x + 290,
                escape(&series.name)
            );
            x += needs;
        }
        (out, row + 1)
    }

    fn plotters(&self, drawing: &mut String, top: i32) -> Result<Hover, String> {
        let size = (WIDTH.unsigned_abs(), HEIGHT.unsigned_abs());
        let root = SVGBackend::with_string(drawing, size).into_drawing_area();
        let longest = self.y.ticks.iter().map(|(_, t)| width(t, TICK_SIZE)).max().unwrap_or(0);
        let labels = (longest + if self.y.label.is_empty() { 190 } else { 430 }).min(2200);
        let mut chart = ChartBuilder::on(&root)
            .margin_left(60)
            .margin_top(top)
            .margin_right(self.right.as_ref().map_or(220, |(_, ticks)| {
                let longest = ticks.iter().map(|(_, text)| width(text, TICK_SIZE)).max();
                (longest.unwrap_or(0) + 420).max(900)
            }))
            .margin_bottom(60)
            .x_label_area_size(430)
            .y_label_area_size(labels)
            .build_cartesian_2d(Scale::of(&self.x), Scale::of(&self.y))
            .map_err(|e| e.to_string())?;
        let font = |size: f64| ("sans-serif", size * 1.24).into_font().color(&INK);
        chart
            .configure_mesh()
            .bold_line_style(GRID.stroke_width(8))
            .light_line_style(TRANSPARENT)
            .axis_style(INK.stroke_width(10))
            .set_all_tick_mark_size(45)
            .x_labels(self.x.ticks.len())
            .y_labels(self.y.ticks.len())
            .x_label_formatter(&|v| self.x.text(*v))
            .y_label_formatter(&|v| self.y.text(*v))
            .label_style(font(TICK_SIZE))
            .axis_desc_style(font(138.0))
            .x_desc(self.x.label.as_str())
            .y_desc(self.y.label.as_str())
            .draw()
            .map_err(|e| e.to_string())?;
        for series in &self.series {
            series.draw(&mut chart)?;
        }
        let place = |x: f64, y: f64| chart.backend_coord(&(x, y));
        let (left, bottom) = place(self.x.low, self.y.low);
        let (right, top) = place(self.x.high, self.y.high);
        if let Some((label, ticks)) = &self.right {
            let style = font(TICK_SIZE).pos(Pos::new(HPos::Left, VPos::Center));
            for (at, text) in ticks {
                let y = place(self.x.low, *at).1;
                let mark = [(right, y), (right + 45, y)];
                root.draw(&PathElement::new(mark, INK.stroke_width(10)))
                    .and_then(|()| root.draw_text(text, &style, (right + 95, y)))
                    .map_err(|e| e.to_string())?;
            }
            let style = font(138.0)
                .transform(FontTransform::Rotate90)
                .pos(Pos::new(HPos::Center, VPos::Top));
            root.draw_text(label, &style, (WIDTH - 70, i32::midpoint(top, bottom)))
                .map_err(|e| e.to_string())?;
        }
        let series = self
            .series
            .iter()
            .filter(|s| !s.texts.is_empty())
            .map(|s| HoverSeries {
                name: s.name.clone(),
                colour: s.colour,
                points: s
                    .points
                    .iter()
                    .zip(&s.texts)
                    .map(|(&(x, y), (tx, ty))| {
                        let (px, py) = place(x, y);
                        (px, py, tx.clone(), ty.clone())
                    })
                    .collect(),
            })
            .collect();
        let spread = |mark: &Mark| {
            matches!(mark, Mark::Ranges(_) | Mark::Dots | Mark::Cells { .. } | Mark::Strands(_))
        };
        let both = self.series.iter().any(|s| spread(&s.mark));
        drop(chart);
        root.present().map_err(|e| e.to_string())?;
        drop(root);
        Ok(Hover { area: [left, top, right, bottom], both, series })
    }
}

/// An axis as plotters wants it: linear, with exactly our ticks.
struct Scale {
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Scale {
    fn of(axis: &Axis) -> Self {
        let high = if axis.high > axis.low { axis.high } else { axis.low + 1.0 };
        Self { low: axis.low, high, ticks: axis.ticks.iter().map(|(at, _)| *at).collect() }
    }
}

impl Ranged for Scale {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let part = (value - self.low) / (self.high - self.low);
        limit.0 + whole(part * f64::from(limit.1 - limit.0))
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Scale, Scale>>;

impl Series {
    fn draw(&self, chart: &mut Chart<'_, '_>) -> Result<(), String> {
        let colour = palette::series(self.colour);
        let dots = |chart: &mut Chart<'_, '_>, size: u32| {
            chart
                .draw_series(self.points.iter().map(|&p| Circle::new(p, size, colour.filled())))
                .map(|_| ())
                .map_err(|e| e.to_string())
        };
        match &self.mark {
            Mark::Line => {
                chart
                    .draw_series(LineSeries::new(
                        self.points.iter().copied(),
                        colour.stroke_width(22),
                    ))
                    .map_err(|e| e.to_string())?;
                // A line through one point is invisible.
                if self.points.len() == 1 { dots(chart, 45) } else { Ok(()) }
            }
            Mark::Dashes => chart
                .draw_series(LineSeries::new(
                    self.points.iter().copied(),
                    colour.stroke_width(svg::DASHED),
                ))
                .map(|_| ())
                .map_err(|e| e.to_string()),
            Mark::Dots => dots(chart, 55),
            Mark::Strands(length) => chart
                .draw_series(self.points.chunks(*length).map(|strand| {
                    PathElement::new(strand.to_vec(), colour.mix(0.7).stroke_width(11))
                }))
                .map(|_| ())
                .map_err(|e| e.to_string()),
            Mark::Cells { width, height, shades } => chart
                .draw_series(self.points.iter().zip(shades).map(|(&(x, y), shade)| {
                    let (w, h) = (width / 2.0, height / 2.0);
                    let corners = [(x - w, y - h), (x + w, y + h)];
                    Rectangle::new(corners, colour.mix(0.06 + 0.9 * shade).filled())
                }))
                .map(|_| ())
                .map_err(|e| e.to_string()),
            Mark::Band(floor) | Mark::Stack(floor) => {
                let lower = self.points.iter().zip(floor).map(|(&(x, _), &y)| (x, y)).rev();
                let edge: Vec<(f64, f64)> = self.points.iter().copied().chain(lower).collect();
                chart
                    .draw_series([Polygon::new(edge, colour.mix(self.mark.opacity()).filled())])
                    .map(|_| ())
                    .map_err(|e| e.to_string())
            }
            Mark::Ranges(ranges) => {
                for (&(_, y), [low, inner_low, inner_high, high]) in self.points.iter().zip(ranges)
                {
                    for (from, to, stroke) in [(low, high, 22), (inner_low, inner_high, 90)] {
                        let path = vec![(*from, y), (*to, y)];
                        chart
                            .draw_series([PathElement::new(
                                path,
                                colour
                                    .mix(if stroke > 50 { 0.45 } else { 1.0 })
                                    .stroke_width(stroke),
                            )])
                            .map_err(|e| e.to_string())?;
                    }
                }
                dots(chart, 62)
            }
        }
    }
}
