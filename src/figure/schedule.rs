//! Figures of schedules and of attribution.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter, significant};
use super::canvas::{Align, Canvas, Color, Stroke, Type};
use super::theme;
use crate::error::Result;
use crate::study::attribution::Attribution;
use crate::study::schedule::{Evaluated, Goal, Schedules};
use crate::table::{Cell, Table};

/// Every schedule by exposure and yield with the front, and the schedules on the front.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn schedule(result: &Schedules) -> Result<Figure> {
    const ROWS: usize = 12;
    let shown = thinned(&result.front, ROWS);
    let mut canvas = Canvas::new(theme::WIDTH, 380.0 + 24.0 * shown.len() as f64 + 80.0);
    let outcome = |e: &Evaluated| match result.goal {
        Goal::Burden => e.outcome,
        Goal::Progression => -e.outcome,
    };
    let axes = Axes {
        rect: Rect {
            left: 90.0,
            top: 24.0,
            right: 700.0,
            bottom: 310.0,
        },
        x: Scale::between(0.0, 1.0, Spacing::Linear),
        y: Scale::over(
            result.all.iter().map(outcome).filter(|v| v.is_finite()),
            Spacing::Linear,
        ),
    };
    let mut table = Table::headed([
        "kind",
        "exposure [1]",
        "yield",
        "sorafenib start [d]",
        "partner start [d]",
        "on [d]",
        "off [d]",
        "dose [1]",
    ]);
    let mut push = |kind: &str, e: &Evaluated| {
        let s = e.schedule;
        table.push([
            Cell::from(kind),
            Cell::from(e.exposure),
            Cell::from(outcome(e)),
            Cell::from(s.sorafenib_start),
            Cell::from(s.partner_start),
            Cell::from(s.on),
            Cell::from(s.off),
            Cell::from(s.dose),
        ]);
    };
    for evaluated in &result.all {
        if let Some(at) = axes.at(evaluated.exposure, outcome(evaluated)) {
            canvas.disc(at, 2.0, theme::GUIDE);
        }
        push("tried", evaluated);
    }
    let line = |points: &[Evaluated]| -> (Vec<f64>, Vec<f64>) {
        points.iter().map(|e| (e.exposure, outcome(e))).unzip()
    };
    let kinds: [(&str, &[Evaluated], Color); 2] = [
        (
            "continuous from the start, over the dose",
            &result.continuous,
            theme::SORAFENIB,
        ),
        ("front", &result.front, theme::HIF2),
    ];
    for (row, (name, points, color)) in kinds.into_iter().enumerate() {
        let (x, y) = line(points);
        axes.curve(&mut canvas, &x, &y, Stroke::solid(color, theme::CURVE));
        for evaluated in points {
            if let Some(at) = axes.at(evaluated.exposure, outcome(evaluated)) {
                canvas.disc(at, 3.0, color);
            }
            push(name, evaluated);
        }
        let y = 40.0 + 22.0 * row as f64;
        canvas.line(
            &[(712.0, y), (736.0, y)],
            Stroke::solid(color, theme::CURVE),
        );
        let short = if row == 0 { "continuous" } else { "front" };
        canvas.text((744.0, y), short, Type::new(theme::SMALL, color));
    }
    canvas.disc((724.0, 84.0), 2.5, theme::GUIDE);
    canvas.text(
        (744.0, 84.0),
        "tried",
        Type::new(theme::SMALL, theme::FAINT),
    );
    axes.lower_axis(&mut canvas, &axes.x.ticks(), true);
    axes.left_axis(&mut canvas, &axes.y.ticks(), true);
    let label = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text(
        (axes.rect.centre().0, axes.rect.bottom + 34.0),
        "exposure to the partner (part of continuous full dose)",
        label,
    );
    let name = match result.goal {
        Goal::Burden => "log₁₀ burden at the end",
        Goal::Progression => "time to progression (day)",
    };
    canvas.text(
        (axes.rect.left - 56.0, axes.rect.centre().1),
        name,
        label.upwards(),
    );
    letter(&mut canvas, (theme::MARGIN, 20.0), 0);
    bars(&mut canvas, &shown, result, outcome);
    let (svg, png) = canvas.finish("schedule")?;
    Ok(Figure {
        name: "schedule",
        caption: format!(
            "Schedules of {}: {} over the exposure to the partner{}, with the front of those that no other beats in both, and when the partner (vermilion; pale with the dose) and sorafenib (black) are given on the front; {}.",
            result.arm,
            name,
            match result.step {
                1 => String::new(),
                step => format!(", one of {step} drawn"),
            },
            result.tally.words()
        ),
        svg,
        png,
        data: table,
    })
}

/// At most so many members, spread over the front.
fn thinned(front: &[Evaluated], most: usize) -> Vec<Evaluated> {
    let step = front.len().div_ceil(most).max(1);
    front.iter().copied().step_by(step).collect()
}

/// When each drug is given, a row per schedule.
fn bars(
    canvas: &mut Canvas,
    shown: &[Evaluated],
    result: &Schedules,
    outcome: impl Fn(&Evaluated) -> f64,
) {
    const ROW: f64 = 24.0;
    let days = shown
        .iter()
        .chain(&result.all)
        .map(|e| {
            2.0 * e
                .schedule
                .on
                .max(e.schedule.off)
                .max(e.schedule.partner_start)
        })
        .fold(1.0, f64::max);
    let top = 400.0;
    let axes = Axes {
        rect: Rect {
            left: 90.0,
            top,
            right: 640.0,
            bottom: top + ROW * shown.len() as f64,
        },
        x: Scale::between(0.0, days, Spacing::Linear),
        y: Scale::between(0.0, 1.0, Spacing::Linear),
    };
    letter(canvas, (theme::MARGIN, top - 16.0), 1);
    let head = Type::new(theme::SMALL, theme::FAINT);
    canvas.text((axes.rect.right + 16.0, top - 12.0), "dose", head);
    canvas.text((axes.rect.right + 66.0, top - 12.0), "exposure", head);
    canvas.text((axes.rect.right + 146.0, top - 12.0), "yield", head);
    for (row, evaluated) in shown.iter().enumerate() {
        let schedule = evaluated.schedule;
        let y = top + (row as f64 + 0.5) * ROW;
        let mut block = |from: f64, to: f64, offset: f64, color: Color| {
            if let (Some(left), Some(right)) = (axes.across(from), axes.across(to.min(days))) {
                canvas.block((left, y + offset - 3.5), (right, y + offset + 3.5), color);
            }
        };
        block(schedule.sorafenib_start, days, -4.5, theme::SORAFENIB);
        let color = theme::tint(theme::HIF2, 0.25 + 0.75 * schedule.dose);
        let mut start = schedule.partner_start;
        while start < days && schedule.dose > 1e-6 {
            block(start, start + schedule.on, 4.5, color);
            start += schedule.on + schedule.off.max(1e-6);
        }
        let text = Type::new(theme::SMALL, theme::INK);
        let right = axes.rect.right;
        canvas.text((right + 16.0, y), significant(schedule.dose, 2), text);
        canvas.text((right + 66.0, y), significant(evaluated.exposure, 2), text);
        canvas.text((right + 146.0, y), significant(outcome(evaluated), 3), text);
    }
    axes.lower_axis(canvas, &axes.x.ticks(), true);
    let label = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text(
        (axes.rect.centre().0, axes.rect.bottom + 34.0),
        "time (day)",
        label,
    );
}

/// Shapley values of the mechanisms and what is lost when each alone is off.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn attribution(result: &Attribution) -> Result<Figure> {
    const ROW: f64 = 40.0;
    let count = result.plan.mechanisms.len() + 1;
    let mut order: Vec<usize> = (0..count - 1).collect();
    order.sort_by(|a, b| result.shapley[*b].total_cmp(&result.shapley[*a]));
    let bottom = 60.0 + ROW * count as f64;
    let mut canvas = Canvas::new(theme::WIDTH, bottom + 60.0);
    let values = result.shapley.iter().chain(&result.alone_off).copied();
    let axes = Axes {
        rect: Rect {
            left: 360.0,
            top: 60.0,
            right: 860.0,
            bottom,
        },
        x: Scale::over(values.chain([0.0, result.rest]), Spacing::Linear),
        y: Scale::between(0.0, 1.0, Spacing::Linear),
    };
    let keys = [
        ("Shapley value", theme::HIF1),
        ("lost when it alone is off", theme::VEHICLE),
    ];
    let mut x = 360.0;
    for (name, color) in keys {
        canvas.block((x, 24.0), (x + 18.0, 32.0), color);
        canvas.text((x + 26.0, 28.0), name, Type::new(theme::SMALL, theme::INK));
        x += 170.0;
    }
    let mut table = Table::headed([
        "mechanism",
        "Shapley value [log10]",
        "lost when off [log10]",
    ]);
    let rows = order
        .iter()
        .map(|i| {
            let title = result.plan.mechanisms[*i].title.as_str();
            (title, result.shapley[*i], Some(result.alone_off[*i]))
        })
        .chain([("rest, with all of them off", result.rest, None)]);
    for (row, (title, value, alone)) in rows.enumerate() {
        let y = 60.0 + (row as f64 + 0.5) * ROW;
        let name = Type::new(theme::SMALL, theme::INK).align(Align::End);
        canvas.text((350.0, y), theme::typeset(title), name);
        let bars = [
            (Some(value), theme::HIF1, -6.0),
            (alone, theme::VEHICLE, 6.0),
        ];
        for (value, color, offset) in bars {
            let ends = (axes.across(0.0), value.and_then(|v| axes.across(v)));
            if let (Some(zero), Some(end)) = ends {
                let y = y + offset;
                canvas.block((zero.min(end), y - 5.0), (zero.max(end), y + 5.0), color);
            }
        }
        table.push([Cell::from(title), Cell::from(value), Cell::from(alone)]);
    }
    if let Some(zero) = axes.across(0.0) {
        canvas.line(
            &[(zero, 60.0), (zero, bottom)],
            Stroke::solid(theme::INK, theme::AXIS),
        );
    }
    axes.lower_axis(&mut canvas, &axes.x.ticks(), true);
    let label = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text(
        (axes.rect.centre().0, bottom + 36.0),
        "gain in log₁₀ burden",
        label,
    );
    let (svg, png) = canvas.finish("attribution")?;
    let first = order
        .first()
        .map_or("", |i| result.plan.mechanisms[*i].title.as_str());
    Ok(Figure {
        name: "attribution",
        caption: format!(
            "What {} gains over {} in the setting {} at day {}, {} in log10 burden, by mechanism: Shapley values (they and the rest of {} add up to the gain) and what is lost when one alone is off. The largest part: {}.",
            result.plan.arm,
            result.plan.against,
            result.plan.setting,
            significant(result.plan.time / 24.0, 2),
            significant(result.total, 2),
            significant(result.rest, 2),
            first,
        ),
        svg,
        png,
        data: table,
    })
}
