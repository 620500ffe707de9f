//! Patients: exposure, burden, time to progression.

use super::Figure;
use super::axes::{
    Axes, EndLabel, Rect, Scale, Spacing, end_labels, letter, significant, tidy, time_ticks,
};
use super::canvas::{Align, Canvas, Dash, Stroke, Type};
use super::selection::Selection;
use super::theme;
use super::traces::{DAY, WEEK, arm, arm_color, arm_title, at, relative, times};
use crate::endpoints::{PROGRESSION, SCAN_INTERVAL};
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::{ArmResult, CompareStudy};
use crate::table::{Cell, Table};

const NAME: &str = "patient";

/// Half the height of the bars of time to progression.
const BAR: f64 = 8.5;

/// Trough exposure and its decline, burden with the time to progression, and that time with and
/// without scans, for vehicle, sorafenib, and sorafenib with the selected partner.
///
/// # Errors
/// A study without one of the arms; a shape that cannot be drawn.
pub fn patient(study: &CompareStudy, selection: &Selection) -> Result<Figure> {
    let wanted = [
        Arm::vehicle(),
        Arm::sorafenib(),
        Arm::combination(&selection.patient),
    ];
    let arms = wanted
        .iter()
        .map(|wanted| arm(study, wanted, NAME))
        .collect::<Result<Vec<_>>>()?;
    let mut canvas = Canvas::new(theme::WIDTH, 520.0);
    draw_exposure(&mut canvas, arms[1]);
    draw_burden(&mut canvas, &arms);
    draw_progression(&mut canvas, &arms);
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(&arms),
        svg,
        png,
        data: table(&arms),
    })
}

fn weeks(result: &ArmResult) -> f64 {
    result.run.problem.timeline.duration / WEEK
}

fn time_scale(result: &ArmResult) -> Scale {
    Scale::between(0.0, weeks(result), Spacing::Linear)
}

fn title(result: &ArmResult) -> String {
    match (&result.partner, result.arm().sorafenib) {
        (Some(_), true) => format!("sorafenib {}", arm_title(result)),
        _ => arm_title(result),
    }
}

fn labels(canvas: &mut Canvas, axes: &Axes, x_label: &str, y_label: &str, index: usize) {
    let rect = &axes.rect;
    let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text((rect.centre().0, rect.bottom + 36.0), x_label, style);
    if !y_label.is_empty() {
        canvas.text(
            (rect.left - 44.0, rect.centre().1),
            y_label,
            style.upwards(),
        );
    }
    let left = if y_label.is_empty() {
        theme::MARGIN + 2.0
    } else {
        rect.left - 52.0
    };
    letter(canvas, (left, rect.top - 16.0), index);
}

/// The samples of a run lie just before doses, so they are troughs.
fn trough(result: &ArmResult) -> Vec<f64> {
    result
        .run
        .trajectory
        .series(|_, signals| signals.sorafenib_unbound)
}

fn draw_exposure(canvas: &mut Canvas, sorafenib: &ArmResult) {
    let week = times(&sorafenib.run, WEEK);
    let values = trough(sorafenib);
    let axes = Axes {
        rect: Rect {
            left: 66.0,
            top: 34.0,
            right: 396.0,
            bottom: 284.0,
        },
        x: time_scale(sorafenib),
        y: Scale::over(values.iter().copied().chain([0.0]), Spacing::Linear),
    };
    axes.curve(
        canvas,
        &week,
        &values,
        Stroke::solid(theme::SORAFENIB, theme::CURVE),
    );
    axes.lower_axis(canvas, &time_ticks(&axes.x), true);
    axes.left_axis(canvas, &axes.y.ticks(), true);
    labels(
        canvas,
        &axes,
        "time on treatment (week)",
        "unbound sorafenib, trough (nM)",
        0,
    );
    let peak = values.iter().copied().fold(0.0, f64::max);
    if let (Some(last), Some((x, y))) = (
        values.last(),
        axes.at(weeks(sorafenib), values.last().copied().unwrap_or(0.0)),
    ) {
        let text = format!("{} → {} nM", significant(peak, 2), significant(*last, 2));
        let style = Type::new(theme::SMALL, theme::SORAFENIB).align(Align::End);
        canvas.text((x, y - 14.0), text, style);
    }
}

fn draw_burden(canvas: &mut Canvas, arms: &[&ArmResult]) {
    let curves: Vec<Vec<f64>> = arms
        .iter()
        .map(|result| relative(&result.run, |_, signals| signals.burden))
        .collect();
    let axes = Axes {
        rect: Rect {
            left: 482.0,
            top: 34.0,
            right: 800.0,
            bottom: 284.0,
        },
        x: time_scale(arms[0]),
        y: Scale::over(curves.iter().flatten().copied(), Spacing::Log),
    };
    axes.level(canvas, 1.0, Stroke::solid(theme::GUIDE, theme::AXIS));
    let mut ends = Vec::new();
    for (result, values) in arms.iter().zip(&curves) {
        let color = arm_color(result);
        let week = times(&result.run, WEEK);
        axes.curve(canvas, &week, values, Stroke::solid(color, theme::CURVE));
        let progression = result
            .run
            .endpoints
            .time_to_progression
            .map(|days| days * DAY / WEEK);
        if let Some((x, y)) = progression.and_then(|w| axes.at(w, at(&week, values, w))) {
            let stroke = Stroke::solid(color, 1.25).dash(Dash::Dashed);
            canvas.line(&[(x, y), (x, axes.rect.bottom)], stroke);
            canvas.disc((x, y), 6.0, theme::PAPER);
            canvas.disc((x, y), 4.8, color);
        }
        if let Some((_, y)) = values.last().and_then(|v| axes.at(weeks(result), *v)) {
            ends.push(EndLabel {
                text: arm_title(result),
                color,
                y,
            });
        }
    }
    end_labels(canvas, &axes.rect, &ends, theme::SMALL);
    axes.lower_axis(canvas, &time_ticks(&axes.x), true);
    axes.left_axis(canvas, &axes.y.ticks(), true);
    labels(
        canvas,
        &axes,
        "time on treatment (week)",
        "tumour burden (rel. to start)",
        1,
    );
}

fn draw_progression(canvas: &mut Canvas, arms: &[&ArmResult]) {
    const TOP: f64 = 368.0;
    const ROW: f64 = 32.0;
    let bottom = TOP + arms.len() as f64 * ROW;
    let axes = Axes {
        rect: Rect {
            left: 196.0,
            top: TOP,
            right: 800.0,
            bottom,
        },
        x: time_scale(arms[0]),
        y: Scale::between(0.0, 1.0, Spacing::Linear),
    };
    for (row, result) in arms.iter().enumerate() {
        let y = TOP + (row as f64 + 0.5) * ROW;
        draw_patient_row(canvas, &axes, result, y);
    }
    axes.lower_axis(canvas, &time_ticks(&axes.x), true);
    labels(canvas, &axes, "time to progression (week)", "", 2);
    let mut x = axes.rect.left + 20.0;
    let key = Type::new(theme::SMALL, theme::FAINT);
    canvas.disc((x, TOP - 16.0), 5.0, theme::FAINT);
    canvas.text((x + 11.0, TOP - 16.0), "exact", key);
    x += 76.0;
    canvas.diamond((x, TOP - 16.0), 6.5, theme::FAINT, theme::PAPER, 1.6);
    let scans = format!(
        "seen at scans every {} weeks",
        tidy(SCAN_INTERVAL / WEEK, 2)
    );
    canvas.text((x + 12.0, TOP - 16.0), scans, key);
}

fn draw_patient_row(canvas: &mut Canvas, axes: &Axes, result: &ArmResult, y: f64) {
    let color = arm_color(result);
    let rect = &axes.rect;
    let name = Type::new(theme::SMALL, color).bold().align(Align::End);
    canvas.text((rect.left - 10.0, y), title(result), name);
    let place = |days: Option<f64>| days.and_then(|days| axes.across(days * DAY / WEEK));
    let exact = place(result.run.endpoints.time_to_progression);
    let scan = place(result.run.endpoints.time_to_progression_scans);
    let bar = theme::tint(color, 0.25);
    let Some(exact) = exact else {
        canvas.block((rect.left, y - BAR), (rect.right - 8.0, y + BAR), bar);
        canvas.arrowhead((rect.left, y), (rect.right + 6.0, y), 20.0, color);
        let text = format!("not reached in {} weeks", tidy(weeks(result), 3));
        let style = Type::new(theme::SMALL, theme::INK).align(Align::Middle);
        canvas.text((rect.centre().0, y), text, style);
        return;
    };
    canvas.block((rect.left, y - BAR), (exact, y + BAR), bar);
    if let Some(scan) = scan {
        canvas.line(
            &[(exact, y), (scan, y)],
            Stroke::solid(color, theme::THIN_CURVE),
        );
        canvas.diamond((scan, y), 6.5, color, theme::PAPER, 1.6);
    }
    canvas.disc((exact, y), 5.0, color);
    let weeks_of = |days: f64| tidy(days * DAY / WEEK, 2);
    let text = format!(
        "{} weeks, {} with scans",
        weeks_of(result.run.endpoints.time_to_progression.unwrap_or(f64::NAN)),
        match result.run.endpoints.time_to_progression_scans {
            Some(days) => weeks_of(days),
            None => format!("not in {}", tidy(weeks(result), 3)),
        }
    );
    let at = scan.unwrap_or(exact) + 14.0;
    canvas.text((at, y), text, Type::new(theme::SMALL, theme::INK));
}

fn caption(arms: &[&ArmResult]) -> String {
    let progression: Vec<String> = arms
        .iter()
        .map(|result| {
            let weeks_of = |days: f64| tidy(days * DAY / WEEK, 2);
            match result.run.endpoints.time_to_progression {
                Some(days) => format!("{} weeks under {}", weeks_of(days), title(result)),
                None => format!(
                    "not within {} weeks under {}",
                    tidy(weeks(result), 3),
                    title(result)
                ),
            }
        })
        .collect();
    let troughs = trough(arms[1]);
    format!(
        "Patients: the unbound trough of sorafenib declines from {} to {} nM (a); time to \
         progression, at {} times the smallest burden (b, dashed), is {} (mechanism of the partner \
         imposed).",
        significant(troughs.iter().copied().fold(0.0, f64::max), 2),
        significant(troughs.last().copied().unwrap_or(f64::NAN), 2),
        tidy(PROGRESSION, 4),
        progression.join(", "),
    )
}

fn table(arms: &[&ArmResult]) -> Table {
    let mut table = Table::headed([
        "arm",
        "time to progression [d]",
        "time to progression at scans [d]",
        "time [week]",
        "unbound sorafenib [nM]",
        "burden over start [1]",
    ]);
    for result in arms {
        let burden = relative(&result.run, |_, signals| signals.burden);
        for (week, (exposure, burden)) in times(&result.run, WEEK)
            .iter()
            .zip(trough(result).iter().zip(&burden))
        {
            table.push([
                Cell::from(title(result)),
                Cell::from(result.run.endpoints.time_to_progression),
                Cell::from(result.run.endpoints.time_to_progression_scans),
                Cell::from(*week),
                Cell::from(*exposure),
                Cell::from(*burden),
            ]);
        }
    }
    table
}
