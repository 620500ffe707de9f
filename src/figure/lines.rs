//! Line charts: panels on a grid with a shared horizontal axis and labels at the ends of curves.
//!
//! ```
//! use hif_switch::figure::lines::{Chart, Panel, Series};
//! use hif_switch::figure::theme;
//!
//! let day = [0.0, 7.0, 14.0];
//! let figure = Chart::new("growth", "time (day)")
//!     .panel(
//!         Panel::new("tumour volume (mm³)")
//!             .log()
//!             .series(Series::new("vehicle", theme::VEHICLE, &day, &[100.0, 300.0, 800.0]))
//!             .series(Series::new("sorafenib", theme::SORAFENIB, &day, &[100.0, 120.0, 150.0])),
//!     )
//!     .draw("Sorafenib slows growth.")?;
//! assert!(figure.svg.starts_with("<svg"));
//! # Ok::<(), hif_switch::Error>(())
//! ```

use super::Figure;
use super::axes::{
    Axes, EndLabel, Rect, Scale, Spacing, end_label_room, end_labels, letter, time_ticks,
};
use super::canvas::{Align, Canvas, Color, Dash, Stroke, Type, text_width};
use super::theme;
use crate::error::Result;
use crate::table::{Cell, Table};

/// A curve.
#[derive(Debug, Clone)]
pub struct Series {
    name: String,
    color: Color,
    dash: Dash,
    width: f64,
    x: Vec<f64>,
    y: Vec<f64>,
    labelled: bool,
}

impl Series {
    /// A curve through points, labelled with its name at its end.
    pub fn new(name: impl Into<String>, color: Color, x: &[f64], y: &[f64]) -> Self {
        Self {
            name: name.into(),
            color,
            dash: Dash::Solid,
            width: theme::CURVE,
            x: x.to_vec(),
            y: y.to_vec(),
            labelled: true,
        }
    }

    /// The same with another pattern.
    pub fn dash(self, dash: Dash) -> Self {
        Self { dash, ..self }
    }

    /// The same, thinner.
    pub fn thin(self) -> Self {
        Self {
            width: theme::THIN_CURVE,
            ..self
        }
    }

    /// The same without a label at its end.
    pub fn unlabelled(self) -> Self {
        Self {
            labelled: false,
            ..self
        }
    }

    fn stroke(&self) -> Stroke {
        Stroke::solid(self.color, self.width).dash(self.dash)
    }

    /// The last point that axes can show.
    fn end(&self, axes: &Axes) -> Option<f64> {
        let points = self.x.iter().zip(&self.y).rev();
        points
            .filter_map(|(x, y)| axes.at(*x, *y))
            .map(|point| point.1)
            .next()
    }
}

/// A field with curves.
#[derive(Debug, Clone, Default)]
pub struct Panel {
    label: String,
    title: Option<(String, Color)>,
    spacing: Spacing,
    range: Option<(f64, f64)>,
    include: Vec<f64>,
    series: Vec<Series>,
    bands: Vec<(f64, f64)>,
    levels: Vec<f64>,
    note: Option<(String, Color)>,
}

impl Panel {
    /// An empty field with the label of its vertical axis, unit included.
    pub fn new(label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            ..Self::default()
        }
    }

    /// A heading over the field.
    pub fn title(mut self, title: impl Into<String>, color: Color) -> Self {
        self.title = Some((title.into(), color));
        self
    }

    /// A logarithmic vertical axis.
    pub fn log(mut self) -> Self {
        self.spacing = Spacing::Log;
        self
    }

    /// The vertical axis from one value to another.
    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// A vertical axis that reaches a value.
    pub fn include(mut self, value: f64) -> Self {
        self.include.push(value);
        self
    }

    /// Adds a curve.
    pub fn series(mut self, series: Series) -> Self {
        self.series.push(series);
        self
    }

    /// Shades a stretch of the horizontal axis.
    pub fn band(mut self, from: f64, to: f64) -> Self {
        self.bands.push((from, to));
        self
    }

    /// Draws a hairline at a value.
    pub fn level(mut self, value: f64) -> Self {
        self.levels.push(value);
        self
    }

    /// Writes a remark into the lower left corner, or the right one where curves leave only that free.
    pub fn note(mut self, text: impl Into<String>, color: Color) -> Self {
        self.note = Some((text.into(), color));
        self
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        let series = self
            .series
            .iter()
            .flat_map(|series| series.y.iter().copied());
        series.chain(self.include.iter().copied())
    }

    fn scale(&self) -> Scale {
        match self.range {
            Some((low, high)) => Scale::between(low, high, self.spacing),
            None => Scale::over(self.values(), self.spacing),
        }
    }
}

/// A figure of panels on a grid.
#[derive(Debug, Clone)]
pub struct Chart {
    name: &'static str,
    x_label: String,
    x_spacing: Spacing,
    x_range: Option<(f64, f64)>,
    x_ticks: Option<Vec<(f64, String)>>,
    panels: Vec<Panel>,
    /// Cell of the grid of each panel, row by row.
    cells: Vec<usize>,
    next_cell: usize,
    columns: usize,
    height: f64,
    shared: bool,
    letters: bool,
    legend: Vec<(String, Stroke)>,
}

/// Height above the axis that a note needs free of curves.
const NOTE_ROOM: f64 = 24.0;

/// Height of a line of text above a panel.
const TITLE_ROOM: f64 = 22.0;
/// Height of the legend strip.
const LEGEND_ROOM: f64 = 30.0;
/// Room below the lowest axis for tick labels and the axis label.
const FOOT_ROOM: f64 = 46.0;
/// Room for a vertical axis label beside the tick labels.
const LABEL_ROOM: f64 = 22.0;
/// Room between panels that share their vertical axis.
const GUTTER: f64 = 20.0;
/// Room between end labels and the axis of the next column.
const COLUMN_GAP: f64 = 14.0;

impl Chart {
    /// A chart without panels; `x_label` with unit.
    pub fn new(name: &'static str, x_label: impl Into<String>) -> Self {
        Self {
            name,
            x_label: x_label.into(),
            x_spacing: Spacing::Linear,
            x_range: None,
            x_ticks: None,
            panels: Vec::new(),
            cells: Vec::new(),
            next_cell: 0,
            columns: 1,
            height: 260.0,
            shared: false,
            letters: false,
            legend: Vec::new(),
        }
    }

    /// Adds a panel.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self.cells.push(self.next_cell);
        self.next_cell += 1;
        self
    }

    /// Puts the next panel at the start of a row; set the columns before.
    pub fn new_row(mut self) -> Self {
        self.next_cell = self.next_cell.next_multiple_of(self.columns);
        self
    }

    /// The number of columns of the grid.
    pub fn columns(mut self, columns: usize) -> Self {
        self.columns = columns.max(1);
        self
    }

    /// The height of a panel, in CSS pixels.
    pub fn height(mut self, height: f64) -> Self {
        self.height = height;
        self
    }

    /// A logarithmic horizontal axis.
    pub fn log_x(mut self) -> Self {
        self.x_spacing = Spacing::Log;
        self
    }

    /// The horizontal axis from one value to another.
    pub fn x_range(mut self, low: f64, high: f64) -> Self {
        self.x_range = Some((low, high));
        self
    }

    /// Ticks of the horizontal axis with their labels.
    pub fn x_ticks(mut self, ticks: Vec<(f64, String)>) -> Self {
        self.x_ticks = Some(ticks);
        self
    }

    /// One vertical axis for all panels, drawn at the left edge of the grid.
    pub fn shared_axis(mut self) -> Self {
        self.shared = true;
        self
    }

    /// Letters at the panels.
    pub fn letters(mut self) -> Self {
        self.letters = true;
        self
    }

    /// Adds an entry to the legend strip above the panels.
    pub fn legend(mut self, text: impl Into<String>, color: Color, dash: Dash) -> Self {
        let stroke = Stroke::solid(color, theme::CURVE).dash(dash);
        self.legend.push((text.into(), stroke));
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    /// A shape that cannot be drawn.
    pub fn draw(&self, caption: impl Into<String>) -> Result<Figure> {
        let layout = self.layout();
        let mut canvas = Canvas::new(theme::WIDTH, layout.height);
        legend_strip(&mut canvas, &self.legend, layout.legend_y);
        for (index, (panel, axes)) in self.panels.iter().zip(&layout.axes).enumerate() {
            self.draw_panel(&mut canvas, index, panel, axes, layout.axis_room);
        }
        let (svg, png) = canvas.finish(self.name)?;
        Ok(Figure {
            name: self.name,
            caption: caption.into(),
            svg,
            png,
            data: self.table(),
        })
    }

    fn x_scale(&self) -> Scale {
        if let Some((low, high)) = self.x_range {
            return Scale::between(low, high, self.x_spacing);
        }
        let all = self.panels.iter().flat_map(|panel| &panel.series);
        let (low, high) = all
            .flat_map(|series| series.x.iter().copied())
            .filter(|x| x.is_finite() && (self.x_spacing == Spacing::Linear || *x > 0.0))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| {
                (low.min(x), high.max(x))
            });
        Scale::between(low, high, self.x_spacing)
    }

    fn y_scales(&self) -> Vec<Scale> {
        let shared = self
            .shared
            .then(|| self.panels.first())
            .flatten()
            .map(|first| {
                let values = self.panels.iter().flat_map(Panel::values);
                match first.range {
                    Some((low, high)) => Scale::between(low, high, first.spacing),
                    None => Scale::over(values, first.spacing),
                }
            });
        self.panels
            .iter()
            .map(|panel| shared.unwrap_or_else(|| panel.scale()))
            .collect()
    }

    fn layout(&self) -> Layout {
        let x = self.x_scale();
        let scales = self.y_scales();
        let tick_room = scales
            .iter()
            .flat_map(Scale::ticks)
            .map(|(_, label)| text_width(&label, theme::SMALL, false))
            .fold(0.0, f64::max)
            + theme::TICK
            + 6.0;
        let axis_room = LABEL_ROOM + tick_room;
        let labels = self.panels.iter().flat_map(|panel| &panel.series);
        let labels = labels
            .filter(|series| series.labelled)
            .map(|s| s.name.as_str());
        let end_room = end_label_room(labels, theme::SMALL).max(GUTTER);
        let columns = self.columns.min(self.next_cell).max(1) as f64;
        let inner = theme::WIDTH - 2.0 * theme::MARGIN;
        let (first, between) = if self.shared {
            (axis_room, end_room)
        } else {
            (axis_room, axis_room + end_room + COLUMN_GAP)
        };
        let width = (inner - first - end_room - (columns - 1.0) * between) / columns;
        let legend_room = if self.legend.is_empty() {
            0.0
        } else {
            LEGEND_ROOM
        };
        let titled = self.panels.iter().any(|panel| panel.title.is_some());
        let head = if titled || self.letters {
            TITLE_ROOM
        } else {
            8.0
        };
        let pitch = self.height + head + 10.0;
        let rows = self.next_cell.div_ceil(self.columns).max(1) as f64;
        let axes = scales
            .into_iter()
            .zip(&self.cells)
            .map(|(y, cell)| {
                let column = (cell % self.columns) as f64;
                let row = (cell / self.columns) as f64;
                let left = theme::MARGIN + first + column * (width + between);
                let top = theme::MARGIN + legend_room + head + row * pitch;
                Axes {
                    rect: Rect {
                        left,
                        top,
                        right: left + width,
                        bottom: top + self.height,
                    },
                    x,
                    y,
                }
            })
            .collect();
        Layout {
            axes,
            axis_room,
            height: theme::MARGIN + legend_room + rows * pitch - 10.0 + FOOT_ROOM,
            legend_y: theme::MARGIN + 0.4 * LEGEND_ROOM,
        }
    }

    fn draw_panel(
        &self,
        canvas: &mut Canvas,
        index: usize,
        panel: &Panel,
        axes: &Axes,
        axis_room: f64,
    ) {
        let rect = &axes.rect;
        for (from, to) in &panel.bands {
            if let (Some(from), Some(to)) = (axes.across(*from), axes.across(*to)) {
                let (from, to) = (from.max(rect.left), to.min(rect.right));
                canvas.block((from, rect.top), (to, rect.bottom), theme::SHADE);
            }
        }
        for level in &panel.levels {
            axes.level(canvas, *level, Stroke::solid(theme::GUIDE, theme::AXIS));
        }
        for series in &panel.series {
            axes.curve(canvas, &series.x, &series.y, series.stroke());
        }
        let cell = self.cells[index];
        let first_column = cell.is_multiple_of(self.columns);
        let last_row = !self
            .cells
            .iter()
            .any(|other| *other > cell && (other - cell).is_multiple_of(self.columns));
        let ticks = self
            .x_ticks
            .clone()
            .unwrap_or_else(|| match self.x_spacing {
                Spacing::Linear => time_ticks(&axes.x),
                Spacing::Log => axes.x.ticks(),
            });
        axes.lower_axis(canvas, &ticks, last_row);
        axes.left_axis(canvas, &axes.y.ticks(), first_column || !self.shared);
        if last_row {
            let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
            canvas.text((rect.centre().0, rect.bottom + 34.0), &self.x_label, style);
        }
        let axis_left = rect.left - axis_room;
        if first_column || !self.shared {
            let style = Type::new(theme::TEXT, theme::INK)
                .align(Align::Middle)
                .upwards();
            canvas.text((axis_left + 8.0, rect.centre().1), &panel.label, style);
        }
        if let Some((title, color)) = &panel.title {
            let style = Type::new(theme::SMALL, *color).bold();
            canvas.text((rect.left, rect.top - 0.5 * TITLE_ROOM), title, style);
        }
        if let Some((note, color)) = &panel.note {
            let low = |left: bool| {
                let points = panel.series.iter().flat_map(|series| {
                    let pairs = series.x.iter().zip(&series.y);
                    pairs.filter_map(|(x, y)| axes.at(*x, *y))
                });
                points
                    .filter(|at| at.1 > rect.bottom - NOTE_ROOM)
                    .any(|at| (at.0 < rect.centre().0) == left)
            };
            let style = Type::new(theme::SMALL, *color);
            let y = rect.bottom - 12.0;
            if low(true) && !low(false) {
                canvas.text((rect.right - 8.0, y), note, style.align(Align::End));
            } else {
                canvas.text((rect.left + 8.0, y), note, style);
            }
        }
        if self.letters {
            letter(
                canvas,
                (axis_left + 2.0, rect.top - 0.5 * TITLE_ROOM),
                index,
            );
        }
        let labels: Vec<EndLabel> = panel
            .series
            .iter()
            .filter(|series| series.labelled)
            .filter_map(|series| {
                Some(EndLabel {
                    text: series.name.clone(),
                    color: series.color,
                    y: series.end(axes)?,
                })
            })
            .collect();
        end_labels(canvas, rect, &labels, theme::SMALL);
    }

    fn table(&self) -> Table {
        let mut table = Table::headed(["panel", "series", self.x_label.as_str(), "value"]);
        for panel in &self.panels {
            let name = match &panel.title {
                Some((title, _)) => format!("{title}: {}", panel.label),
                None => panel.label.clone(),
            };
            for series in &panel.series {
                for (x, y) in series.x.iter().zip(&series.y) {
                    table.push([
                        Cell::from(name.as_str()),
                        Cell::from(series.name.as_str()),
                        Cell::from(*x),
                        Cell::from(*y),
                    ]);
                }
            }
        }
        table
    }
}

struct Layout {
    axes: Vec<Axes>,
    axis_room: f64,
    height: f64,
    legend_y: f64,
}

/// Draws the legend in one line, centred.
pub(super) fn legend_strip(canvas: &mut Canvas, entries: &[(String, Stroke)], y: f64) {
    const SAMPLE: f64 = 28.0;
    const GAP: f64 = 26.0;
    let width = |text: &str| SAMPLE + 7.0 + text_width(text, theme::TEXT, false) + GAP;
    let total: f64 = entries.iter().map(|(text, _)| width(text)).sum::<f64>() - GAP;
    let mut x = 0.5 * (theme::WIDTH - total);
    for (text, stroke) in entries {
        canvas.line(&[(x, y), (x + SAMPLE, y)], *stroke);
        canvas.text(
            (x + SAMPLE + 7.0, y),
            text,
            Type::new(theme::TEXT, theme::INK),
        );
        x += width(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_impossible_series_are_drawn_as_nothing() {
        let nothing = Series::new("nothing", theme::HIF1, &[], &[]);
        let nan = Series::new(
            "no number",
            theme::HIF2,
            &[0.0, 1.0],
            &[f64::NAN, f64::INFINITY],
        );
        for panel in [Panel::new("a (1)"), Panel::new("a (1)").log()] {
            let panel = panel
                .series(nothing.clone())
                .series(nan.clone())
                .band(0.0, 1.0);
            assert!(
                Chart::new("test", "time (day)")
                    .panel(panel)
                    .draw("")
                    .is_ok()
            );
        }
        assert!(Chart::new("test", "time (day)").draw("").is_ok());
    }

    #[test]
    fn the_data_are_what_is_drawn() {
        let panel = Panel::new("a (1)").series(Series::new("s", theme::HIF1, &[1.0], &[2.0]));
        let figure = Chart::new("test", "time (day)")
            .panel(panel)
            .draw("x")
            .expect("drawn");
        assert_eq!(figure.data.columns[2].name, "time (day)");
        assert_eq!(figure.data.rows[0][3], Cell::Number(Some(2.0)));
    }
}
