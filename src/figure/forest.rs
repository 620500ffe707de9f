//! T/C of every partner alone and with sorafenib, against what independent drugs would do.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, significant, tidy};
use super::canvas::{Align, Canvas, Color, Point, Stroke, Type, text_width};
use super::theme;
use super::traces::{DAY, arm, partners};
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::{ArmResult, CompareStudy};
use crate::table::{Cell, Table, UNKNOWN};

const NAME: &str = "forest";
const LEFT: f64 = 204.0;
const RIGHT: f64 = 640.0;
const ROW: f64 = 24.0;
const TOP: f64 = 92.0;
/// Middles of the text columns.
const COLUMNS: [f64; 3] = [678.0, 748.0, 836.0];

/// Draws a mark at a place.
type Mark = fn(&mut Canvas, Point, Color);

struct Row {
    title: String,
    class: String,
    alone: f64,
    both: f64,
    expected: f64,
    interaction: f64,
    /// T/C of both at the exposure that can be reached, or what is unknown of it.
    achievable: std::result::Result<f64, String>,
    gap: Option<f64>,
    /// Which concentration is not known where there is no gap.
    gap_unknown: Option<&'static str>,
}

impl Row {
    fn reached(&self) -> f64 {
        self.achievable.as_ref().copied().unwrap_or(f64::NAN)
    }
}

/// A row per partner, grouped by class and sorted: T/C at the main evaluation alone, with sorafenib,
/// as expected of independent drugs, and with sorafenib at the exposure that can be reached.
///
/// # Errors
/// A study without sorafenib; a shape that cannot be drawn.
pub fn forest(study: &CompareStudy, achievable: &CompareStudy) -> Result<Figure> {
    let sorafenib = ratio(arm(study, &Arm::sorafenib(), NAME)?);
    let rows = rows(study, achievable);
    let day = arm(study, &Arm::vehicle(), NAME)?.main().time / DAY;
    let groups = groups(&rows);
    let lines = rows.len() + groups.len();
    let bottom = TOP + lines as f64 * ROW;
    let mut canvas = Canvas::new(theme::WIDTH, bottom + 60.0);
    let axes = axes(&rows, sorafenib, bottom);
    draw_ground(&mut canvas, &axes, sorafenib);
    draw_head(&mut canvas);
    let mut y = TOP + 0.5 * ROW;
    for (class, members) in &groups {
        let style = Type::new(theme::SMALL, theme::class_color(class)).bold();
        canvas.text((theme::MARGIN, y), theme::class_title(class), style);
        y += ROW;
        for row in members {
            draw_row(&mut canvas, &axes, row, y);
            y += ROW;
        }
    }
    axes.lower_axis(&mut canvas, &axes.x.ticks(), true);
    let label = format!("volume at day {} over vehicle, T/C", tidy(day, 3));
    let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text((axes.rect.centre().0, bottom + 40.0), label, style);
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(&rows, sorafenib, day),
        svg,
        png,
        data: table(&rows),
    })
}

fn ratio(result: &ArmResult) -> f64 {
    result.main().treated_over_control
}

fn rows(study: &CompareStudy, achievable: &CompareStudy) -> Vec<Row> {
    partners(study, ratio)
        .into_iter()
        .map(|(drug, alone, both)| Row {
            title: theme::typeset(&drug.title),
            class: drug.class.clone(),
            alone: ratio(alone),
            both: ratio(both),
            expected: both.main().bliss_expected.unwrap_or(f64::NAN),
            interaction: both.main().bliss_interaction.unwrap_or(f64::NAN),
            achievable: match achievable.unknown(both.arm()) {
                Some(what) => Err(what.to_owned()),
                None => Ok(achievable.arm(both.arm()).map_or(f64::NAN, ratio)),
            },
            gap: drug.exposure_gap(),
            gap_unknown: drug.unknown_concentration(),
        })
        .collect()
}

fn groups(rows: &[Row]) -> Vec<(&str, Vec<&Row>)> {
    theme::CLASSES
        .iter()
        .map(|class| {
            (
                *class,
                rows.iter()
                    .filter(|row| row.class == *class)
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, members)| !members.is_empty())
        .collect()
}

fn axes(rows: &[Row], sorafenib: f64, bottom: f64) -> Axes {
    let values = rows
        .iter()
        .flat_map(|row| [row.alone, row.both, row.expected, row.reached()]);
    Axes {
        rect: Rect {
            left: LEFT,
            top: TOP,
            right: RIGHT,
            bottom,
        },
        x: Scale::over(values.chain([sorafenib, 1.0]), Spacing::Log),
        y: Scale::between(0.0, 1.0, Spacing::Linear),
    }
}

fn draw_ground(canvas: &mut Canvas, axes: &Axes, sorafenib: f64) {
    let lines = [
        (sorafenib, "sorafenib", theme::SORAFENIB),
        (1.0, "vehicle", theme::VEHICLE),
    ];
    for (value, text, color) in lines {
        if let Some(x) = axes.across(value) {
            let (top, bottom) = (axes.rect.top - 4.0, axes.rect.bottom);
            canvas.line(&[(x, top), (x, bottom)], Stroke::solid(color, 1.25));
            let style = Type::new(theme::SMALL, color).bold().align(Align::Middle);
            canvas.text((x, top - 10.0), text, style);
        }
    }
}

/// The key above the plot and the heads of the text columns.
fn draw_head(canvas: &mut Canvas) {
    let key: [(&str, Mark); 5] = [
        ("partner alone", mark_alone),
        ("with sorafenib", mark_both),
        ("if independent (Bliss)", mark_expected),
        ("with sorafenib, reachable exposure", mark_achievable),
        ("the same, unknown", mark_unknown),
    ];
    let width = |text: &str| text_width(text, theme::SMALL, false) + 34.0;
    let total: f64 = key.iter().map(|(text, _)| width(text)).sum::<f64>() - 18.0;
    let mut x = 0.5 * (theme::WIDTH - total);
    for (text, mark) in key {
        let lowered = if text.ends_with("exposure") { 6.0 } else { 0.0 };
        mark(canvas, (x + 6.0, 24.0 - lowered), theme::FAINT);
        canvas.text((x + 17.0, 24.0), text, Type::new(theme::SMALL, theme::INK));
        x += width(text);
    }
    let heads = [
        ["T/C of", "both"],
        ["inter-", "action"],
        ["needed over", "reached conc."],
    ];
    for (x, lines) in COLUMNS.iter().zip(heads) {
        for (line, text) in lines.iter().enumerate() {
            let style = Type::new(theme::SMALL, theme::FAINT).align(Align::Middle);
            canvas.text((*x, TOP - 24.0 + 15.0 * line as f64), *text, style);
        }
    }
}

fn mark_alone(canvas: &mut Canvas, at: Point, color: Color) {
    canvas.ring(at, 4.8, color, 1.6);
}

fn mark_both(canvas: &mut Canvas, at: Point, color: Color) {
    canvas.disc(at, 5.2, color);
}

fn mark_expected(canvas: &mut Canvas, at: Point, color: Color) {
    canvas.diamond(at, 6.2, color, theme::PAPER, 1.5);
}

fn mark_achievable(canvas: &mut Canvas, at: Point, _: Color) {
    let (x, y) = at;
    canvas.polygon(
        &[(x - 4.6, y + 9.5), (x + 4.6, y + 9.5), (x, y + 2.0)],
        theme::FAINT,
    );
}

/// Stands at the right edge: it has no place on the axis.
fn mark_unknown(canvas: &mut Canvas, at: Point, _: Color) {
    let style = Type::new(theme::SMALL, theme::FAINT)
        .bold()
        .align(Align::Middle);
    canvas.text(at, "?", style);
}

fn draw_row(canvas: &mut Canvas, axes: &Axes, row: &Row, y: f64) {
    let color = theme::class_color(&row.class);
    let guide = Stroke::solid(theme::SHADE, theme::AXIS);
    canvas.line(&[(LEFT, y), (RIGHT, y)], guide);
    canvas.text(
        (theme::MARGIN + 12.0, y),
        &row.title,
        Type::new(theme::SMALL, theme::INK),
    );
    let at = |value: f64| axes.across(value).map(|x| (x, y));
    if let (Some(both), Some(expected)) = (at(row.both), at(row.expected)) {
        canvas.line(&[both, expected], Stroke::solid(color, theme::CURVE));
    }
    let marks: [(f64, Mark); 4] = [
        (row.alone, mark_alone),
        (row.reached(), mark_achievable),
        (row.expected, mark_expected),
        (row.both, mark_both),
    ];
    for (value, mark) in marks {
        if let Some(at) = at(value) {
            mark(canvas, at, color);
        }
    }
    if row.achievable.is_err() {
        mark_unknown(canvas, (RIGHT - 6.0, y), color);
    }
    let synergy = row.interaction < 0.85;
    let cells = [
        (significant(row.both, 2), false),
        (super::axes::ratio(row.interaction), synergy),
        (
            row.gap.map_or(UNKNOWN.to_owned(), times),
            row.gap.is_some_and(|gap| gap <= 1.0),
        ),
    ];
    for (x, (text, bold)) in COLUMNS.iter().zip(cells) {
        let base = Type::new(
            theme::SMALL,
            if text == UNKNOWN {
                theme::VEHICLE
            } else {
                theme::INK
            },
        );
        let style = if bold { base.bold() } else { base };
        canvas.text((*x, y), text, style.align(Align::Middle));
    }
}

/// A ratio in words of the eye: 2300 ×, 0.0033 ×.
fn times(ratio: f64) -> String {
    let digits = significant(ratio, 2);
    // From 10 000 on, thin spaces part the thousands.
    match digits.len() {
        5.. if !digits.contains('.') => {
            let (thousands, rest) = digits.split_at(digits.len() - 3);
            format!("{thousands}\u{2009}{rest} ×")
        }
        _ => format!("{digits} ×"),
    }
}

fn caption(rows: &[Row], sorafenib: f64, day: f64) -> String {
    let synergistic: Vec<&str> = rows
        .iter()
        .filter(|row| row.interaction < 0.85)
        .map(|row| row.title.as_str())
        .collect();
    let told = rows.iter().filter(|row| row.achievable.is_ok()).count();
    let reached = rows
        .iter()
        .filter(|row| row.reached() < 0.9 * sorafenib)
        .count();
    let untold = match rows.len() - told {
        0 => String::new(),
        count => format!(" (of the other {count} a potency or the exposure is unknown)"),
    };
    let known = rows.iter().filter(|row| row.gap.is_some()).count();
    let short = rows
        .iter()
        .filter(|row| row.gap.is_some_and(|gap| gap > 1.0))
        .count();
    format!(
        "Volume at day {} over vehicle (sorafenib alone {}): left of the open diamond a combination \
         beats independent drugs, by more than 15 % for {}; at the exposure that can be reached {} \
         of the {} combinations that can be told{untold} still beat sorafenib by a tenth, and {} of {} \
         partners with known concentrations need more than is reached.",
        tidy(day, 3),
        significant(sorafenib, 2),
        if synergistic.is_empty() {
            "none".to_owned()
        } else {
            synergistic.join(", ")
        },
        reached,
        told,
        short,
        known,
    )
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::headed([
        "partner",
        "class",
        "T/C alone [1]",
        "T/C with sorafenib [1]",
        "T/C expected [1]",
        "interaction [1]",
        "T/C with sorafenib, reachable exposure [1]",
        "needed over reached concentration [1]",
        "unknown",
    ]);
    for row in rows {
        let what = row.achievable.as_ref().err().map(String::as_str);
        let unknown: Vec<&str> = what.into_iter().chain(row.gap_unknown).collect();
        table.push([
            Cell::from(row.title.as_str()),
            Cell::from(row.class.as_str()),
            Cell::from(row.alone),
            Cell::from(row.both),
            Cell::from(row.expected),
            Cell::from(row.interaction),
            row.achievable
                .as_ref()
                .map_or(Cell::Unknown, |ratio| Cell::from(*ratio)),
            row.gap.map_or(Cell::Unknown, Cell::from),
            Cell::from(unknown.join(", ")),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::times;

    #[test]
    fn ratios_are_written_without_exponents() {
        assert_eq!(times(2307.7), "2300 ×");
        assert_eq!(times(130_718.9), "130\u{2009}000 ×");
        assert_eq!(times(0.003_33), "0.0033 ×");
    }
}
