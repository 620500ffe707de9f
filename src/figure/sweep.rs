//! Figures of sweeps: curves, heat maps with contours, hysteresis with steady states.

use super::Figure;
use super::axes::{Axes, EndLabel, Rect, Scale, Spacing, end_labels, letter, significant};
use super::canvas::{Align, Canvas, Color, Dash, Stroke, Type};
use super::lines::{Chart, Panel, Series};
use super::map::contour;
use super::theme;
use crate::error::Result;
use crate::study::bifurcation::SteadyState;
use crate::study::sweep::{Axis, SWITCH, Sweep, UpDown};
use crate::table::{Cell, Table};

const NAME: &str = "sweep";

fn spacing(axis: &Axis) -> Spacing {
    if axis.log {
        Spacing::Log
    } else {
        Spacing::Linear
    }
}

/// A sweep of one knob as curves, of two as heat maps with contours.
///
/// # Errors
/// Rows that cannot be read; a shape that cannot be drawn.
pub fn sweep(result: &Sweep<'_>) -> Result<Figure> {
    match result.plan.axes.as_slice() {
        [axis] => curves(result, axis),
        _ => maps(result),
    }
}

fn quantity_label(result: &Sweep<'_>, quantity: usize) -> String {
    let quantity = result.plan.assay.quantities[quantity];
    let name = theme::quantity(quantity.name());
    match quantity.unit(&result.plan.assay.burden_unit) {
        "1" => name,
        unit => format!("{name} ({})", theme::typeset(unit)),
    }
}

fn what(result: &Sweep<'_>) -> String {
    let scenario = &result.plan.assay.templates[0].scenario;
    format!(
        "the arm {} in the setting {}",
        scenario.arm, scenario.setting
    )
}

fn curves(result: &Sweep<'_>, axis: &Axis) -> Result<Figure> {
    let mut chart = Chart::new(NAME, axis.label()).height(180.0);
    if axis.log {
        chart = chart.log_x();
    } else {
        let ends = (axis.values[0], axis.values[axis.values.len() - 1]);
        let ticks = Scale::between(ends.0, ends.1, Spacing::Linear).ticks();
        chart = chart.x_ticks(ticks);
    }
    for quantity in 0..result.plan.assay.quantities.len() {
        let (x, y) = (&axis.values, result.rows.column(quantity)?);
        let series = Series::new("", theme::HIF1, x, &y).unlabelled();
        chart = chart.panel(Panel::new(quantity_label(result, quantity)).series(series));
    }
    chart.draw(format!(
        "Sweep of {} for {}; {}.",
        axis.label(),
        what(result),
        result.tally.words()
    ))
}

/// Contours of a heat map.
const CONTOURS: usize = 6;

/// Most rows and columns of a heat map: cells of about a pixel.
const CELLS: usize = 300;

/// How far a cell reaches under those that are drawn after it.
const OVERLAP: f64 = 1.0;

/// Every so many values of an axis, so that at most [`CELLS`] are drawn.
fn thinned(axis: &Axis) -> (usize, Axis) {
    let step = axis.values.len().div_ceil(CELLS);
    let values = axis.values.iter().copied().step_by(step).collect();
    (
        step,
        Axis {
            values,
            ..axis.clone()
        },
    )
}

fn maps(result: &Sweep<'_>) -> Result<Figure> {
    let width = result.plan.axes[1].values.len();
    let (down, rows) = thinned(&result.plan.axes[0]);
    let (across, columns) = thinned(&result.plan.axes[1]);
    let (rows, columns) = (&rows, &columns);
    let count = result.plan.assay.quantities.len();
    let pitch = 420.0;
    let mut canvas = Canvas::new(theme::WIDTH, pitch * count as f64 + 10.0);
    let mut table = Table::headed([
        rows.knob.name().as_str(),
        columns.knob.name().as_str(),
        "endpoint",
        "value",
    ]);
    for quantity in 0..count {
        let values = result.rows.column(quantity)?;
        let value = |r: usize, c: usize| values[r * down * width + c * across];
        let grid: Vec<Vec<f64>> = (0..rows.values.len())
            .map(|r| (0..columns.values.len()).map(|c| value(r, c)).collect())
            .collect();
        let top = 40.0 + quantity as f64 * pitch;
        let rect = Rect {
            left: 110.0,
            top,
            right: 700.0,
            bottom: top + 310.0,
        };
        let title = quantity_label(result, quantity);
        canvas.text(
            (rect.left, top - 16.0),
            title.as_str(),
            Type::new(theme::TEXT, theme::INK).bold(),
        );
        heat_map(
            &mut canvas,
            rect,
            (columns, &columns.label()),
            (rows, &rows.label()),
            &grid,
            None,
        );
        if count > 1 {
            letter(&mut canvas, (theme::MARGIN, top - 16.0), quantity);
        }
        for (r, line) in grid.iter().enumerate() {
            for (c, value) in line.iter().enumerate() {
                table.push([
                    Cell::from(rows.values[r]),
                    Cell::from(columns.values[c]),
                    Cell::from(title.as_str()),
                    Cell::from(*value),
                ]);
            }
        }
    }
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: format!(
            "Sweep of {} and {} for {}, with contours{}; {}.",
            rows.label(),
            columns.label(),
            what(result),
            match (down, across) {
                (1, 1) => String::new(),
                _ => format!(", one point drawn of every {down} by {across}"),
            },
            result.tally.words()
        ),
        svg,
        png,
        data: table,
    })
}

/// A grid of values as cells of even size with ticks at its rows and columns, contours and a colour bar.
/// With `symmetric`, colours diverge from 0 and reach their ends at that size.
pub(super) fn heat_map(
    canvas: &mut Canvas,
    rect: Rect,
    (columns, x_label): (&Axis, &str),
    (rows, y_label): (&Axis, &str),
    grid: &[Vec<f64>],
    symmetric: Option<f64>,
) {
    let finite = grid.iter().flatten().copied().filter(|v| v.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    let (low, high) = match symmetric {
        Some(size) => (-size, size),
        None if high > low => (low, high),
        None => (low - 0.5, low + 0.5),
    };
    let color = |value: f64| match symmetric {
        Some(size) => theme::diverging(value / size),
        None => theme::sequential((value - low) / (high - low)),
    };
    let (height, width) = (grid.len(), grid[0].len());
    let cell = (rect.width() / width as f64, rect.height() / height as f64);
    for (r, line) in grid.iter().enumerate() {
        for (c, value) in line.iter().enumerate() {
            let x = rect.left + c as f64 * cell.0;
            let y = rect.bottom - r as f64 * cell.1;
            // Under the next cells, so that no paper shows between two edges.
            let far = (
                (x + cell.0 + OVERLAP).min(rect.right),
                (y - cell.1 - OVERLAP).max(rect.top),
            );
            canvas.block((x, far.1), (far.0, y), color(*value));
        }
    }
    let place = |(r, c): (f64, f64)| {
        (
            rect.left + (c + 0.5) * cell.0,
            rect.bottom - (r + 0.5) * cell.1,
        )
    };
    let levels = Scale::between(low, high, Spacing::Linear).ticks();
    for (level, _) in levels.iter().take(2 * CONTOURS) {
        let shifted: Vec<Vec<f64>> = grid
            .iter()
            .map(|line| line.iter().map(|v| v - level).collect())
            .collect();
        let zero = symmetric.is_some() && level.abs() < 1e-12;
        let stroke = Stroke::solid(theme::INK, if zero { 1.8 } else { 0.8 });
        for [a, b] in contour(&shifted) {
            canvas.line(&[place(a), place(b)], stroke);
        }
    }
    let small = Type::new(theme::SMALL, theme::INK);
    for (index, value) in columns.values.iter().enumerate().step_by(width.div_ceil(9)) {
        let at = (place((0.0, index as f64)).0, rect.bottom + 12.0);
        canvas.text(at, significant(*value, 2), small.align(Align::Middle));
    }
    for (index, value) in rows.values.iter().enumerate().step_by(height.div_ceil(12)) {
        let at = (rect.left - 6.0, place((index as f64, 0.0)).1);
        canvas.text(at, significant(*value, 2), small.align(Align::End));
    }
    let label = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text((rect.centre().0, rect.bottom + 34.0), x_label, label);
    canvas.text(
        (rect.left - 62.0, rect.centre().1),
        y_label,
        label.upwards(),
    );
    color_bar(canvas, &rect, (low, high), &color, &levels);
}

fn color_bar(
    canvas: &mut Canvas,
    rect: &Rect,
    (low, high): (f64, f64),
    color: &dyn Fn(f64) -> Color,
    ticks: &[(f64, String)],
) {
    const STEPS: usize = 48;
    let (left, right) = (rect.right + 16.0, rect.right + 30.0);
    let height = rect.height() / STEPS as f64;
    for step in 0..STEPS {
        let value = low + (step as f64 + 0.5) / STEPS as f64 * (high - low);
        let y = rect.bottom - step as f64 * height;
        canvas.block((left, y - height - 0.3), (right, y), color(value));
    }
    for (value, label) in ticks {
        let y = rect.bottom - (value - low) / (high - low) * rect.height();
        canvas.line(
            &[(right, y), (right + 4.0, y)],
            Stroke::solid(theme::INK, theme::AXIS),
        );
        canvas.text(
            (right + 8.0, y),
            label.as_str(),
            Type::new(theme::SMALL, theme::INK),
        );
    }
}

/// The way up and the way down of the signals of the switch, with the steady states: filled where they
/// are stable, open where they are not.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn hysteresis(result: &UpDown, states: &[SteadyState]) -> Result<Figure> {
    const SIZE: (f64, f64) = (300.0, 200.0);
    let mut canvas = Canvas::new(theme::WIDTH, 2.0 * 280.0 + 40.0);
    let mut table = Table::headed([
        "signal",
        "way",
        result.axis.knob.name().as_str(),
        "value",
        "largest eigenvalue [1/h]",
    ]);
    let x = Scale::between(
        result.axis.values[0],
        result.axis.values[result.axis.values.len() - 1],
        spacing(&result.axis),
    );
    for (index, signal) in SWITCH.iter().enumerate() {
        let left = 80.0 + (index % 2) as f64 * 430.0;
        let top = 40.0 + (index / 2) as f64 * 280.0;
        let (up, down) = (&result.up[index], &result.down[index]);
        let steady = states.iter().map(|state| state.signals[index]);
        let axes = Axes {
            rect: Rect {
                left,
                top,
                right: left + SIZE.0,
                bottom: top + SIZE.1,
            },
            x,
            y: Scale::over(
                up.iter().chain(down).copied().chain(steady).chain([0.0]),
                Spacing::Linear,
            ),
        };
        let ways = [
            ("up", up, theme::HIF2, Dash::Solid),
            ("down", down, theme::HIF1, Dash::Dashed),
        ];
        let mut ends = Vec::new();
        for (way, values, color, dash) in ways {
            let stroke = Stroke::solid(color, theme::CURVE).dash(dash);
            axes.curve(&mut canvas, &result.axis.values, values, stroke);
            if let Some(y) = values.last().and_then(|v| axes.up(*v)) {
                ends.push(EndLabel {
                    text: way.to_owned(),
                    color,
                    y,
                });
            }
            for (level, value) in result.axis.values.iter().zip(values) {
                table.push([
                    Cell::from(signal.name),
                    Cell::from(way),
                    Cell::from(*level),
                    Cell::from(*value),
                    Cell::Number(None),
                ]);
            }
        }
        for state in states {
            if let Some(at) = axes.at(state.at, state.signals[index]) {
                if state.stable() {
                    canvas.disc(at, 2.6, theme::INK);
                } else {
                    canvas.ring(at, 3.4, theme::INK, 1.0);
                }
            }
            table.push([
                Cell::from(signal.name),
                Cell::from("steady"),
                Cell::from(state.at),
                Cell::from(state.signals[index]),
                Cell::from(state.eigenvalue),
            ]);
        }
        end_labels(&mut canvas, &axes.rect, &ends, theme::SMALL);
        axes.lower_axis(&mut canvas, &axes.x.ticks(), true);
        axes.left_axis(&mut canvas, &axes.y.ticks(), true);
        let title = format!(
            "{}, gap {}",
            theme::quantity(signal.name),
            significant(result.gap(index), 2)
        );
        canvas.text(
            (left, top - 14.0),
            title,
            Type::new(theme::TEXT, theme::INK).bold(),
        );
        letter(&mut canvas, (left - 56.0, top - 14.0), index);
        let label = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
        canvas.text(
            (axes.rect.centre().0, axes.rect.bottom + 34.0),
            result.axis.label(),
            label,
        );
    }
    let (svg, png) = canvas.finish("hysteresis")?;
    let several = several(states);
    let verdict = if several == 0 {
        "one steady state at every level: the switch is reversible, a gap between the ways is slowness".to_owned()
    } else {
        format!("{several} levels have more than one steady state: the switch is bistable there")
    };
    Ok(Figure {
        name: "hysteresis",
        caption: format!(
            "{} turned up and down, each level held for {} days, with the steady states (dots; open where unstable): {verdict}. The gap is the largest distance of the ways over the span.",
            result.axis.label(),
            significant(result.hold / 24.0, 2),
        ),
        svg,
        png,
        data: table,
    })
}

/// Levels with more than one steady state.
fn several(states: &[SteadyState]) -> usize {
    let mut levels: Vec<f64> = states.iter().map(|state| state.at).collect();
    let all = levels.len();
    levels.dedup_by(|a, b| a.total_cmp(b).is_eq());
    all - levels.len()
}
