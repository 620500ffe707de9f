//! Every target beside its prediction, relative to the measured value.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, significant};
use super::canvas::{Align, Canvas, Color, Stroke, Type};
use super::theme;
use crate::error::Result;
use crate::study::calibrate::{Basis, Prediction, heading};
use crate::table::{Cell, Table};

const NAME: &str = "validation";
const LEFT: f64 = 470.0;
const RIGHT: f64 = 770.0;
const ROW: f64 = 19.0;
const TOP: f64 = 64.0;
/// Ends of the axis: predictions farther off are drawn as arrows at the edge.
const ENDS: (f64, f64) = (0.125, 8.0);
/// Longest text of a target.
const LETTERS: usize = 74;

/// A row per target: its acceptance range as a bar, paler where the range is assumed, the prediction as a dot with its
/// band, all over the measured value; filled where the target is fitted to, open where it is held out.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn validation(rows: &[Prediction]) -> Result<Figure> {
    let mut groups: Vec<(&str, Vec<&Prediction>)> = Vec::new();
    for row in rows {
        match groups.last_mut() {
            Some((file, members)) if *file == row.target.file => members.push(row),
            _ => groups.push((&row.target.file, vec![row])),
        }
    }
    let lines = rows.len() + groups.len();
    let bottom = TOP + lines as f64 * ROW + 6.0;
    let mut canvas = Canvas::new(theme::WIDTH, bottom + 56.0);
    let axes = Axes {
        rect: Rect {
            left: LEFT,
            top: TOP,
            right: RIGHT,
            bottom,
        },
        x: Scale::between(ENDS.0, ENDS.1, Spacing::Log),
        y: Scale::between(0.0, 1.0, Spacing::Linear),
    };
    head(&mut canvas);
    if let Some(x) = axes.across(1.0) {
        canvas.line(
            &[(x, TOP), (x, bottom)],
            Stroke::solid(theme::FAINT, theme::AXIS),
        );
    }
    let mut y = TOP + 0.5 * ROW;
    for (file, members) in &groups {
        let style = Type::new(theme::SMALL, theme::INK).bold();
        canvas.text((theme::MARGIN, y), heading(file), style);
        y += ROW;
        for row in members {
            draw(&mut canvas, &axes, row, y);
            y += ROW;
        }
    }
    let ticks: Vec<(f64, String)> = [(0.125, "1/8"), (0.25, "1/4"), (0.5, "1/2"), (1.0, "1")]
        .into_iter()
        .chain([(2.0, "2"), (4.0, "4"), (8.0, "8")])
        .map(|(value, text)| (value, text.to_owned()))
        .collect();
    axes.lower_axis(&mut canvas, &ticks, true);
    let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    let at = (axes.rect.centre().0, bottom + 40.0);
    canvas.text(at, "predicted over measured", style);
    let (svg, png) = canvas.finish(NAME)?;
    let count = |fit: bool| {
        let all = || rows.iter().filter(|row| row.target.counts_as(fit));
        let inside = all().filter(|row| row.inside()).count();
        format!("{inside} of {}", all().count())
    };
    let counted: Vec<&Prediction> = rows.iter().filter(|row| !row.target.contradicted).collect();
    let published = counted
        .iter()
        .filter(|row| row.target.range == Basis::Published);
    let contradicted = match rows.len() - counted.len() {
        0 => String::new(),
        some => format!(" Crossed out: {some} that other measurements contradict, not counted."),
    };
    Ok(Figure {
        name: NAME,
        caption: format!(
            "Within their acceptance ranges (bars) lie {} targets that were fitted to (filled) and {} that were held out \
             (open); {} of the {} ranges were published (dark), the others are assumed (pale).{contradicted}",
            count(true),
            count(false),
            published.count(),
            counted.len(),
        ),
        svg,
        png,
        data: table(rows),
    })
}

/// The key above the plot.
fn head(canvas: &mut Canvas) {
    let y = 26.0;
    let style = Type::new(theme::SMALL, theme::INK);
    let mut x = theme::MARGIN + 8.0;
    for (basis, width) in [(Basis::Published, 246.0), (Basis::Assumed, 236.0)] {
        canvas.block((x, y - 6.0), (x + 26.0, y + 6.0), shade(basis));
        let words = format!("acceptance range, {}", basis.name());
        canvas.text((x + 32.0, y), words, style);
        x += width;
    }
    canvas.disc((x, y), 4.6, theme::HIF1);
    canvas.text((x + 9.0, y), "inside", style);
    x += 64.0;
    canvas.disc((x, y), 4.6, theme::HIF2);
    canvas.text((x + 9.0, y), "outside", style);
    x += 74.0;
    canvas.disc((x, y), 4.6, theme::INK);
    canvas.text((x + 9.0, y), "fitted to", style);
    x += 78.0;
    canvas.ring((x, y), 4.4, theme::INK, 1.6);
    canvas.text((x + 9.0, y), "held out", style);
}

/// Colour of an acceptance range.
fn shade(basis: Basis) -> Color {
    match basis {
        Basis::Published => theme::mix(theme::GUIDE, theme::FAINT, 0.45),
        Basis::Assumed => theme::GUIDE,
    }
}

fn draw(canvas: &mut Canvas, axes: &Axes, row: &Prediction, y: f64) {
    let target = &row.target;
    // What stands in brackets goes first where there is no room.
    let whole = target.text.as_str();
    let brief = whole.split_once(" (").map_or(whole, |(before, _)| before);
    let text = if whole.chars().count() <= LETTERS {
        whole
    } else {
        brief
    };
    let mut shown: String = text.chars().take(LETTERS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    let small = Type::new(theme::SMALL - 1.0, theme::INK);
    canvas.text((theme::MARGIN + 8.0, y), theme::typeset(&shown), small);
    let (left, right) = (axes.rect.left, axes.rect.right);
    let x = |value: f64| {
        let ratio = (value / target.value).clamp(ENDS.0, ENDS.1);
        axes.across(ratio).unwrap_or(left)
    };
    let (low, high) = (x(target.interval.0), x(target.interval.1));
    canvas.block((low, y - 6.0), (high, y + 6.0), shade(target.range));
    let color = if row.inside() {
        theme::HIF1
    } else {
        theme::HIF2
    };
    if let Some((low, high)) = row.band {
        canvas.line(
            &[(x(low), y), (x(high), y)],
            Stroke::solid(color, theme::THIN_CURVE),
        );
    }
    let ratio = row.predicted / target.value;
    if !ratio.is_finite() {
        canvas.text((axes.rect.centre().0, y), row.verdict(), small);
    } else if ratio < ENDS.0 {
        canvas.arrowhead((left + 12.0, y), (left, y), 9.0, color);
    } else if ratio > ENDS.1 {
        canvas.arrowhead((right - 12.0, y), (right, y), 9.0, color);
    } else if target.fit {
        canvas.disc((x(row.predicted), y), 4.4, color);
    } else {
        canvas.disc((x(row.predicted), y), 4.6, theme::PAPER);
        canvas.ring((x(row.predicted), y), 4.0, color, 1.7);
    }
    let said = format!(
        "{} / {} {}",
        if row.predicted.is_finite() {
            significant(row.predicted, 3)
        } else {
            "-".to_owned()
        },
        significant(target.value, 3),
        if target.unit == "1" { "" } else { &target.unit },
    );
    canvas.text((right + 12.0, y), said, small);
    if target.contradicted {
        let ends = [(theme::MARGIN + 8.0, y), (left - 12.0, y)];
        canvas.line(&ends, Stroke::solid(theme::INK, theme::THIN_CURVE));
    }
}

fn table(rows: &[Prediction]) -> Table {
    let mut table = Table::headed([
        "target",
        "unit",
        "observed",
        "low",
        "high",
        "predicted",
        "predicted low",
        "predicted high",
        "range",
        "use",
    ]);
    for row in rows {
        let target = &row.target;
        table.push([
            Cell::from(target.id.as_str()),
            Cell::from(target.unit.as_str()),
            Cell::from(target.value),
            Cell::from(target.interval.0),
            Cell::from(target.interval.1),
            Cell::from(row.predicted),
            Cell::from(row.band.map(|band| band.0)),
            Cell::from(row.band.map(|band| band.1)),
            Cell::from(target.range.name()),
            Cell::from(target.role()),
        ]);
    }
    table
}
