//! What a population is like: a histogram per factor and readout.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, significant};
use super::canvas::{Align, Canvas, Color, Stroke, Type};
use super::theme;
use crate::error::Result;
use crate::study::plan::Rows;
use crate::study::population::{READOUTS, SubjectsPlan};
use crate::table::{Cell, Table};

const NAME: &str = "population";
const COLUMNS: usize = 4;
const BINS: usize = 24;
const WIDTH: f64 = 196.0;
const HEIGHT: f64 = 64.0;
const PITCH: f64 = 122.0;

struct Histogram {
    title: String,
    color: Color,
    scale: Scale,
    counts: [usize; BINS],
    median: f64,
}

impl Histogram {
    /// `None` where all values are the same, or none is above 0.
    fn new(title: String, color: Color, mut values: Vec<f64>) -> Option<Self> {
        values.retain(|v| *v > 0.0);
        values.sort_by(f64::total_cmp);
        let (low, high) = (*values.first()?, *values.last()?);
        if high - low < 1e-9 * high {
            return None;
        }
        let spacing = if high / low > 5.0 {
            Spacing::Log
        } else {
            Spacing::Linear
        };
        let scale = Scale::between(low, high, spacing);
        let mut counts = [0; BINS];
        for place in values.iter().filter_map(|value| scale.place(*value)) {
            counts[((place * BINS as f64) as usize).min(BINS - 1)] += 1;
        }
        Some(Self {
            title,
            color,
            scale,
            counts,
            median: values[values.len() / 2],
        })
    }
}

/// Histograms of the readouts before treatment and of the factors that make them; a column of `rows` at a
/// time is in memory.
///
/// # Errors
/// Rows that cannot be read; a shape that cannot be drawn.
pub fn population(plan: &SubjectsPlan<'_>, subjects: &dyn Rows) -> Result<Figure> {
    let population = &plan.sampler.population;
    let mut readouts = Vec::new();
    for (index, (column, readout)) in plan.readouts().zip(READOUTS).enumerate() {
        let title = match plan.unit(index) {
            "1" => theme::quantity(readout.name),
            unit => format!(
                "{} ({})",
                theme::quantity(readout.name),
                theme::typeset(unit)
            ),
        };
        let values = subjects.column(column)?;
        readouts.extend(Histogram::new(title, theme::UPSTREAM, values));
    }
    let mut factors = Vec::new();
    for (column, factor) in plan.factors().zip(&population.factors) {
        let title = theme::quantity(&factor.name);
        factors.extend(Histogram::new(title, theme::HIF1, subjects.column(column)?));
    }
    let rows = |count: usize| count.div_ceil(COLUMNS) as f64;
    let second = 40.0 + rows(readouts.len()) * PITCH + 10.0;
    let height = second + 30.0 + rows(factors.len()) * PITCH;
    let mut canvas = Canvas::new(theme::WIDTH, height);
    let heads = [
        (16.0, "readouts before treatment", &readouts),
        (second, "factors on parameters", &factors),
    ];
    for (top, head, histograms) in heads {
        let style = Type::new(theme::TEXT, theme::INK).bold();
        canvas.text((theme::MARGIN, top), head, style);
        for (index, histogram) in histograms.iter().enumerate() {
            let column = (index % COLUMNS) as f64;
            let row = (index / COLUMNS) as f64;
            let left = theme::MARGIN + 8.0 + column * (WIDTH + 22.0);
            let top = top + 38.0 + row * PITCH;
            draw(&mut canvas, histogram, left, top);
        }
    }
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: format!(
            "{} subjects of the population `{}` ({}): readouts before treatment and the factors that make them; the line is the median.",
            subjects.count(),
            population.name,
            population.title,
        ),
        svg,
        png,
        data: table(readouts.iter().chain(&factors)),
    })
}

fn draw(canvas: &mut Canvas, histogram: &Histogram, left: f64, top: f64) {
    let most = histogram.counts.iter().copied().max().unwrap_or(1).max(1);
    let axes = Axes {
        rect: Rect {
            left,
            top,
            right: left + WIDTH,
            bottom: top + HEIGHT,
        },
        x: histogram.scale,
        y: Scale::between(0.0, most as f64, Spacing::Linear),
    };
    let width = WIDTH / BINS as f64;
    for (bin, count) in histogram.counts.iter().enumerate() {
        let x = left + bin as f64 * width;
        if let Some(y) = axes.up(*count as f64) {
            let fill = theme::tint(histogram.color, 0.45);
            canvas.block((x, y), (x + width - 0.5, axes.rect.bottom), fill);
        }
    }
    if let Some(x) = axes.across(histogram.median) {
        let stroke = Stroke::solid(histogram.color, theme::CURVE);
        canvas.line(&[(x, top), (x, axes.rect.bottom)], stroke);
    }
    // Long labels would run into each other: of those only powers of ten stay.
    let mut ticks = axes.x.ticks();
    for (_, label) in &mut ticks {
        if label.len() > 4 && !label.ends_with('1') {
            label.clear();
        }
    }
    axes.lower_axis(canvas, &ticks, true);
    canvas.text(
        (left, top - 11.0),
        histogram.title.as_str(),
        Type::new(theme::SMALL, histogram.color).bold(),
    );
    let median = Type::new(theme::SMALL, theme::FAINT).align(Align::End);
    canvas.text(
        (left + WIDTH, top - 11.0),
        significant(histogram.median, 2),
        median,
    );
}

fn table<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Table {
    let mut table = Table::headed(["quantity", "from", "to", "subjects"]);
    for histogram in histograms {
        let edge = |bin: usize| histogram.scale.value(bin as f64 / BINS as f64);
        for (bin, count) in histogram.counts.iter().enumerate() {
            table.push([
                Cell::from(histogram.title.as_str()),
                Cell::from(edge(bin)),
                Cell::from(edge(bin + 1)),
                Cell::from(*count as f64),
            ]);
        }
    }
    table
}
