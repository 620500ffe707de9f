//! Synergy: surfaces, isobologram, and the indices over time.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter, significant};
use super::canvas::{Align, Canvas, Dash, Stroke, Type};
use super::lines::{Chart, Panel, Series};
use super::sweep::heat_map;
use super::theme;
use crate::error::Result;
use crate::study::knob::Knob;
use crate::study::sweep::Axis;
use crate::study::synergy::{Curve, Nulls, SubjectSurfaces, Surface, Synergy};
use crate::table::{Cell, Table};

/// All figures of a study of two drugs.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn synergy_figures(result: &Synergy) -> Result<Vec<Figure>> {
    let subject = &result.first;
    Ok(vec![
        surfaces(result, subject)?,
        isobologram(result, subject)?,
        over_time(result, subject)?,
    ])
}

/// A dose axis for [`heat_map`].
fn axis(doses: &[f64]) -> Axis {
    Axis {
        knob: Knob::Dose,
        unit: String::new(),
        values: doses.to_vec(),
        log: false,
    }
}

fn main_surface(subject: &SubjectSurfaces) -> Option<&(f64, Surface, Nulls)> {
    subject.surfaces.last()
}

/// Effect, and excess over HSA, Bliss, Loewe and ZIP, with the combination index.
fn surfaces(result: &Synergy, subject: &SubjectSurfaces) -> Result<Figure> {
    let Some((time, surface, nulls)) = main_surface(subject) else {
        return Err(crate::Error::output(
            "synergy_surfaces.svg",
            "there is no surface",
        ));
    };
    let log_index: Vec<Vec<f64>> = nulls
        .index
        .iter()
        .map(|row| row.iter().map(|v| -libm::log2(*v)).collect())
        .collect();
    let fields: [(&str, &[Vec<f64>], bool); 6] = [
        ("effect E", &surface.effects, false),
        ("excess over HSA", &nulls.hsa, true),
        ("excess over Bliss", &nulls.bliss, true),
        ("excess over Loewe", &nulls.loewe, true),
        ("ZIP delta", &nulls.zip, true),
        ("−log₂ combination index", &log_index, true),
    ];
    let mut canvas = Canvas::new(theme::WIDTH, 3.0 * 330.0 + 20.0);
    let mut table = Table::headed([
        "quantity",
        "first dose",
        "AUC 24 h [mg h/L]",
        "second dose",
        "value",
    ]);
    let (rows, columns) = (axis(&surface.first), axis(&surface.second));
    for (index, (title, grid, diverging)) in fields.iter().enumerate() {
        let left = 82.0 + (index % 2) as f64 * 445.0;
        let top = 40.0 + (index / 2) as f64 * 330.0;
        let rect = Rect {
            left,
            top,
            right: left + 290.0,
            bottom: top + 230.0,
        };
        let size = diverging.then(|| {
            let largest = grid.iter().flatten().filter(|v| v.is_finite());
            largest.map(|v| v.abs()).fold(1e-3, f64::max)
        });
        heat_map(
            &mut canvas,
            rect,
            (&columns, &result.labels[1]),
            (&rows, &result.labels[0]),
            grid,
            size,
        );
        let style = Type::new(theme::TEXT, theme::INK).bold();
        canvas.text((left, top - 15.0), *title, style);
        letter(&mut canvas, (left - 70.0, top - 15.0), index);
        for (i, row) in grid.iter().enumerate() {
            for (j, value) in row.iter().enumerate() {
                table.push([
                    Cell::from(*title),
                    Cell::from(surface.first[i]),
                    Cell::from(result.exposures[i]),
                    Cell::from(surface.second[j]),
                    Cell::from(*value),
                ]);
            }
        }
    }
    let (svg, png) = canvas.finish("synergy_surfaces")?;
    let mean = |grid: &[Vec<f64>]| significant(Nulls::mean(grid), 2);
    Ok(Figure {
        name: "synergy_surfaces",
        caption: format!(
            "{} in the setting {}: effect E = 1 − f with f the {} over that without drug at day {}, and its excess over four nulls (vermilion: synergy). Means over all pairs of doses: HSA {}, Bliss {}, Loewe {}, ZIP {}.",
            result.arm,
            result.setting,
            result.endpoint,
            significant(time / 24.0, 2),
            mean(&nulls.hsa),
            mean(&nulls.bliss),
            mean(&nulls.loewe),
            mean(&nulls.zip),
        ),
        svg,
        png,
        data: table,
    })
}

/// Pairs of doses with the same effect, against the straight lines of dose additivity.
fn isobologram(result: &Synergy, subject: &SubjectSurfaces) -> Result<Figure> {
    let Some((_, surface, _)) = main_surface(subject) else {
        return Err(crate::Error::output(
            "synergy_isobologram.svg",
            "there is no surface",
        ));
    };
    let mut canvas = Canvas::new(theme::WIDTH, 440.0);
    let axes = Axes {
        rect: Rect {
            left: 240.0,
            top: 30.0,
            right: 640.0,
            bottom: 380.0,
        },
        x: Scale::between(
            0.0,
            surface.second[surface.second.len() - 1],
            Spacing::Linear,
        ),
        y: Scale::between(0.0, surface.first[surface.first.len() - 1], Spacing::Linear),
    };
    let mut table = Table::headed(["effect", "first dose", "second dose", "kind"]);
    let largest = surface
        .first_alone
        .largest()
        .max(surface.second_alone.largest());
    let colors = [theme::HIF1, theme::UPSTREAM, theme::DUAL, theme::HIF2];
    let mut y = 60.0;
    for (part, color) in [0.3, 0.5, 0.7, 0.9].iter().zip(colors) {
        let effect = part * largest;
        let alone = (
            surface.first_alone.dose(effect),
            surface.second_alone.dose(effect),
        );
        let observed = isobole(surface, effect);
        let (x, doses): (Vec<f64>, Vec<f64>) = observed.iter().map(|(a, b)| (*b, *a)).unzip();
        axes.curve(&mut canvas, &x, &doses, Stroke::solid(color, theme::CURVE));
        if let (Some(a), Some(b)) = alone {
            let stroke = Stroke::solid(color, 1.0).dash(Dash::Dashed);
            axes.curve(&mut canvas, &[0.0, b], &[a, 0.0], stroke);
            table.push([effect.into(), a.into(), 0.0.into(), "additive".into()]);
            table.push([effect.into(), 0.0.into(), b.into(), "additive".into()]);
        }
        for (a, b) in &observed {
            table.push([effect.into(), (*a).into(), (*b).into(), "observed".into()]);
        }
        canvas.line(
            &[(670.0, y), (694.0, y)],
            Stroke::solid(color, theme::CURVE),
        );
        canvas.text(
            (702.0, y),
            format!("E = {}", significant(effect, 2)),
            Type::new(theme::SMALL, color),
        );
        y += 20.0;
    }
    canvas.text(
        (670.0, y + 8.0),
        "dashed: dose additivity",
        Type::new(theme::SMALL, theme::FAINT),
    );
    axes.lower_axis(&mut canvas, &axes.x.ticks(), true);
    axes.left_axis(&mut canvas, &axes.y.ticks(), true);
    let label = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text(
        (axes.rect.centre().0, axes.rect.bottom + 36.0),
        result.labels[1].as_str(),
        label,
    );
    canvas.text(
        (axes.rect.left - 56.0, axes.rect.centre().1),
        result.labels[0].as_str(),
        label.upwards(),
    );
    let (svg, png) = canvas.finish("synergy_isobologram")?;
    Ok(Figure {
        name: "synergy_isobologram",
        caption: format!(
            "Isobologram of {}: pairs of doses with the same effect; below the dashed line of dose additivity is Loewe synergy, without such a line one drug alone does not reach the effect.",
            result.arm
        ),
        svg,
        png,
        data: table,
    })
}

/// Pairs of doses (first, second) with an effect, by interpolation along the second drug's doses, and
/// with the first drug alone.
fn isobole(surface: &Surface, effect: f64) -> Vec<(f64, f64)> {
    let mut pairs: Vec<(f64, f64)> = Vec::new();
    for (j, second) in surface.second.iter().enumerate() {
        let column = surface.effects.iter().map(|row| row[j]).collect();
        let dose = match j {
            0 => surface.first_alone.dose(effect),
            _ => Curve::new(surface.first.clone(), column).dose(effect),
        };
        pairs.extend(dose.filter(|dose| *dose > 0.0).map(|dose| (dose, *second)));
    }
    if let Some(second) = surface.second_alone.dose(effect) {
        pairs.push((0.0, second));
    }
    pairs.sort_by(|a, b| a.1.total_cmp(&b.1));
    pairs
}

/// The time-resolved indices at the highest doses.
fn over_time(result: &Synergy, subject: &SubjectSurfaces) -> Result<Figure> {
    let course = &subject.course;
    let days: Vec<f64> = course.times.iter().map(|time| time / 24.0).collect();
    let panel = Panel::new("ln combination index")
        .level(0.0)
        .include(0.0)
        .series(Series::new("Bliss", theme::HIF2, &days, &course.bliss))
        .series(Series::new("HSA", theme::HIF1, &days, &course.hsa))
        .series(Series::new(
            "response additivity",
            theme::UPSTREAM,
            &days,
            &course.additive,
        ));
    let last = course.bliss.last().copied().unwrap_or(f64::NAN);
    Chart::new("synergy_over_time", "time (day)").panel(panel).draw(format!(
        "Synergy over time at the highest doses of {} (burden over the start; above 0 synergy): Bliss ends at {}.",
        result.arm,
        significant(last, 2)
    ))
}
