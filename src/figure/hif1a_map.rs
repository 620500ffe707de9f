//! Where sorafenib, oxygen and resistance raise HIF-1a and where they lower it, with the studies that
//! reported either.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter};
use super::canvas::{Align, Canvas, Point, Stroke, Type};
use super::map::{Map, colour_bar};
use super::theme;
use super::traces::at;
use crate::error::Result;
use crate::study::claims::{Claim, Ledger, Place, Sign};
use crate::study::{Condition, MapPanel};
use crate::table::{Cell, Table};

const NAME: &str = "hif1a_map";
const SIZE: (f64, f64) = (350.0, 250.0);
const PITCH: (f64, f64) = (440.0, 356.0);
const CORNER: (f64, f64) = (66.0, 46.0);
/// Cells of each drawn map.
const CELLS: (usize, usize) = (100, 72);
/// Fold change, in log2, at which the colour is full.
const FULL: f64 = 2.0;
const MARK: f64 = 7.0;

/// A study on the map.
struct Study<'a> {
    claim: &'a Claim,
    place: &'a Place,
    /// Number of its reference in the review.
    number: String,
    /// HIF-1a over the comparator of the panel at its place.
    fold: f64,
}

impl Study<'_> {
    /// Whether the map at its place has the sign that the study reports.
    fn agrees(&self) -> bool {
        match self.place.hif1a {
            Sign::Up => self.fold > 1.0,
            Sign::Down => self.fold < 1.0,
            Sign::Unreported => true,
        }
    }
}

/// The four contrasts as maps with the studies of Table 3 at their places.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn hif1a_map(panels: &[MapPanel], ledger: &Ledger) -> Result<Figure> {
    let mut canvas = Canvas::new(theme::WIDTH, CORNER.1 + 2.0 * PITCH.1 + 26.0);
    let mut table = Table::headed(["panel", "x", "y", "HIF-1a over comparator [1]"]);
    let mut placed = 0;
    let mut against = Vec::new();
    for (index, panel) in panels.iter().enumerate() {
        let studies = studies(panel, ledger);
        placed += studies.len();
        against.extend(
            studies
                .iter()
                .filter(|study| !study.agrees())
                .map(|study| study.claim.id.clone()),
        );
        draw_panel(&mut canvas, panel, &studies, index);
        for (y, row) in panel.y.values.iter().zip(&panel.fold) {
            for (x, fold) in panel.x.values.iter().zip(row) {
                table.push([
                    Cell::from(panel.name),
                    Cell::from(*x),
                    Cell::from(*y),
                    Cell::from(*fold),
                ]);
            }
        }
    }
    draw_legend(&mut canvas, CORNER.1 + 2.0 * PITCH.1 - 12.0);
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(placed, &against),
        svg,
        png,
        data: table,
    })
}

fn spacing(condition: &Condition) -> Spacing {
    if condition.logarithmic {
        Spacing::Log
    } else {
        Spacing::Linear
    }
}

fn scale(condition: &Condition) -> Scale {
    let end = |value: Option<&f64>| value.copied().unwrap_or(f64::NAN);
    Scale::between(
        end(condition.values.first()),
        end(condition.values.last()),
        spacing(condition),
    )
}

/// Fold change between the computed points: linear along each condition as it is spaced.
fn fold_at(panel: &MapPanel, x: f64, y: f64) -> f64 {
    let spaced = |condition: &Condition, value: f64| match spacing(condition) {
        Spacing::Log => libm::log(value),
        Spacing::Linear => value,
    };
    let along = |condition: &Condition| -> Vec<f64> {
        let values = condition.values.iter();
        values.map(|value| spaced(condition, *value)).collect()
    };
    let (xs, ys) = (along(&panel.x), along(&panel.y));
    let column: Vec<f64> = panel
        .fold
        .iter()
        .map(|row| at(&xs, row, spaced(&panel.x, x)))
        .collect();
    at(&ys, &column, spaced(&panel.y, y))
}

fn studies<'a>(panel: &MapPanel, ledger: &'a Ledger) -> Vec<Study<'a>> {
    let claims = ledger.rows.iter().map(|row| &row.claim);
    claims
        .filter_map(|claim| {
            let place = claim.place.as_ref().filter(|p| p.panel == panel.name)?;
            let reference = claim.references.first()?;
            let number = reference.rsplit_once('(')?.1.trim_end_matches(')');
            Some(Study {
                claim,
                place,
                number: number.to_owned(),
                fold: fold_at(panel, place.x, place.y),
            })
        })
        .collect()
}

fn draw_panel(canvas: &mut Canvas, panel: &MapPanel, studies: &[Study<'_>], index: usize) {
    let left = CORNER.0 + (index % 2) as f64 * PITCH.0;
    let top = CORNER.1 + (index / 2) as f64 * PITCH.1;
    let axes = Axes {
        rect: Rect {
            left,
            top,
            right: left + SIZE.0,
            bottom: top + SIZE.1,
        },
        x: scale(&panel.x),
        y: scale(&panel.y),
    };
    let map = Map::new(axes, FULL, CELLS, |x, y| fold_at(panel, x, y));
    map.draw(canvas);
    axes.lower_axis(canvas, &axes.x.ticks(), true);
    axes.left_axis(canvas, &axes.y.ticks(), true);
    let label = |condition: &Condition| match condition.unit {
        "1" => condition.label.to_owned(),
        unit => format!("{} ({unit})", condition.label),
    };
    let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    let rect = &axes.rect;
    canvas.text(
        (rect.centre().0, rect.bottom + 36.0),
        theme::typeset(&label(&panel.x)),
        style,
    );
    canvas.text(
        (rect.left - 46.0, rect.centre().1),
        theme::typeset(&label(&panel.y)),
        style.upwards(),
    );
    letter(canvas, (rect.left - 54.0, top - 20.0), index);
    let title = format!("against {}", panel.against);
    let style = Type::new(theme::TEXT, theme::INK).bold();
    canvas.text((rect.left, top - 19.0), theme::typeset(&title), style);
    for study in studies {
        if let Some(at) = axes.at(study.place.x, study.place.y) {
            draw_study(canvas, at, study);
        }
    }
}

/// A triangle in the reported direction, or a disc; open where the map disagrees.
fn draw_study(canvas: &mut Canvas, at: Point, study: &Study<'_>) {
    draw_mark(canvas, at, study.place.hif1a, study.agrees());
    let style = Type::new(11.0, theme::INK).align(Align::Middle);
    canvas.text((at.0, at.1 + MARK + 8.0), &study.number, style);
}

fn draw_mark(canvas: &mut Canvas, (x, y): Point, sign: Sign, agrees: bool) {
    let mut shape = |size: f64, color| match sign {
        Sign::Unreported => canvas.disc((x, y), 0.75 * size, color),
        Sign::Up | Sign::Down => {
            let tip = if sign == Sign::Up { -1.0 } else { 1.0 };
            canvas.polygon(
                &[
                    (x, y + tip * size),
                    (x + 0.95 * size, y - tip * 0.65 * size),
                    (x - 0.95 * size, y - tip * 0.65 * size),
                ],
                color,
            );
        }
    };
    shape(MARK + 1.6, theme::PAPER);
    shape(MARK, theme::INK);
    if !agrees {
        shape(0.5 * MARK, theme::PAPER);
    }
}

fn draw_legend(canvas: &mut Canvas, y: f64) {
    let small = Type::new(theme::SMALL, theme::INK);
    let mut x = CORNER.0 - 40.0;
    let entries = [
        (Sign::Up, true, "reported up"),
        (Sign::Down, true, "down"),
        (Sign::Unreported, true, "not reported"),
        (Sign::Up, false, "map disagrees"),
    ];
    for (sign, agrees, words) in entries {
        draw_mark(canvas, (x, y), sign, agrees);
        canvas.text((x + 13.0, y), words, small);
        x += 26.0 + super::canvas::text_width(words, theme::SMALL, false);
    }
    let bar = (theme::WIDTH - 250.0, theme::WIDTH - 30.0);
    colour_bar(canvas, bar, y - 4.0, FULL, "HIF-1α, times the comparator");
    canvas.line(
        &[(x + 2.0, y), (x + 24.0, y)],
        Stroke::solid(theme::INK, 1.75),
    );
    canvas.text((x + 29.0, y), "1", small);
}

fn caption(placed: usize, against: &[String]) -> String {
    let rest = match against {
        [] => "and the map has the reported sign at every one".to_owned(),
        ids => format!(
            "and the map has the reported sign at all but {} (what that row reports is no effect of these conditions)",
            ids.join(", ")
        ),
    };
    format!(
        "What a study compares decides the sign of HIF-1α: sorafenib lowers it against untreated cells in \
         the same hypoxia, yet it stays above cells in air; resistant cells carry more of it untreated; in \
         tumours it falls first and rises once resistant cells take over. The {placed} rows of Table 3 \
         stand at their conditions (numbers are the review's references), {rest}."
    )
}
