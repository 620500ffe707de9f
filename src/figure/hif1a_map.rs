//! Where sorafenib, oxygen and resistance raise HIF-1a and where they lower it, with the studies that
//! reported either.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter};
use super::canvas::{Align, Canvas, Point, Stroke, Type};
use super::leaders::{Room, labelled_above, places};
use super::map::{Map, colour_bar};
use super::theme;
use super::traces::at;
use crate::error::{Error, Result};
use crate::study::claims::Sign;
use crate::study::{Condition, Hif1aMap, MapPanel, MapStudy};
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
/// Of a mark with its number.
const ROOM: Room = Room {
    side: 12.0,
    label: 20.0,
    bare: 9.0,
};

/// The four contrasts as maps, with the studies of Table 3 at their own conditions.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn hif1a_map(map: &Hif1aMap) -> Result<Figure> {
    let mut canvas = Canvas::new(theme::WIDTH, CORNER.1 + 2.0 * PITCH.1 + 48.0);
    let mut table = Table::headed([
        "panel",
        "x",
        "y",
        "HIF-1a over comparator [1]",
        "claim",
        "reported",
        "contrast",
    ]);
    for (index, panel) in map.panels.iter().enumerate() {
        let studies = map.studies.iter().filter(|study| study.panel == panel.name);
        let studies: Vec<&MapStudy> = studies.collect();
        draw_panel(&mut canvas, panel, &studies, index)?;
        for (y, row) in panel.y.values.iter().zip(&panel.fold) {
            for (x, fold) in panel.x.values.iter().zip(row) {
                table.push([
                    Cell::from(panel.name),
                    Cell::from(*x),
                    Cell::from(*y),
                    Cell::from(*fold),
                    Cell::from(""),
                    Cell::from(""),
                    Cell::from(panel.against),
                ]);
            }
        }
        for study in studies {
            table.push([
                Cell::from(panel.name),
                Cell::from(study.at.0),
                Cell::from(study.at.1),
                Cell::from(study.fold),
                Cell::from(study.claim.as_str()),
                Cell::from(reported(study.reported)),
                Cell::from(study.contrast.as_deref().unwrap_or(panel.against)),
            ]);
        }
    }
    draw_legend(&mut canvas, CORNER.1 + 2.0 * PITCH.1 - 12.0);
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(&map.studies),
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

fn reported(sign: Sign) -> &'static str {
    match sign {
        Sign::Up => "up",
        Sign::Down => "down",
        Sign::Unreported => "not reported",
    }
}

fn draw_panel(
    canvas: &mut Canvas,
    panel: &MapPanel,
    studies: &[&MapStudy],
    index: usize,
) -> Result<()> {
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
    draw_studies(canvas, &axes, panel, studies)
}

/// Marks with lines that lead to their conditions where several studies share them.
fn draw_studies(
    canvas: &mut Canvas,
    axes: &Axes,
    panel: &MapPanel,
    studies: &[&MapStudy],
) -> Result<()> {
    let anchors: Vec<Point> = studies
        .iter()
        .map(|study| {
            axes.at(study.at.0, study.at.1).ok_or_else(|| {
                Error::output(
                    format!("{NAME}.svg"),
                    format!(
                        "{} at {}, {} lies beyond the panel `{}`",
                        study.claim, study.at.0, study.at.1, panel.name
                    ),
                )
            })
        })
        .collect::<Result<_>>()?;
    let marks = places(&anchors, ROOM, &axes.rect).ok_or_else(|| {
        let cause = format!("no room for the studies of the panel `{}`", panel.name);
        Error::output(format!("{NAME}.svg"), cause)
    })?;
    for (mark, anchor) in marks.iter().zip(&anchors) {
        if mark != anchor {
            canvas.line(&[*anchor, *mark], Stroke::solid(theme::PAPER, 2.6));
            canvas.line(&[*anchor, *mark], Stroke::solid(theme::INK, 0.9));
        }
    }
    for (mark, anchor) in marks.iter().zip(&anchors) {
        if mark != anchor {
            canvas.disc(*anchor, 3.4, theme::PAPER);
            canvas.disc(*anchor, 2.4, theme::INK);
        }
    }
    for ((mark, anchor), study) in marks.into_iter().zip(anchors).zip(studies) {
        let side = if labelled_above(mark, anchor) {
            -1.0
        } else {
            1.0
        };
        draw_study(canvas, mark, side, study);
    }
    Ok(())
}

/// A triangle in the reported direction, or a disc; open where the model disagrees, with a bar where the study
/// compares something else than the panel does; the number below it (`side` 1) or above (-1).
fn draw_study(canvas: &mut Canvas, at: Point, side: f64, study: &MapStudy) {
    if study.contrast.is_some() {
        draw_other(canvas, at);
    }
    draw_mark(canvas, at, study.reported, study.agrees);
    let style = Type::new(11.0, theme::INK).align(Align::Middle);
    canvas.text((at.0, at.1 + side * (MARK + 8.0)), &study.number, style);
}

/// Marks a contrast of its own.
fn draw_other(canvas: &mut Canvas, (x, y): Point) {
    let bar = [(x - MARK - 4.0, y), (x + MARK + 4.0, y)];
    canvas.line(&bar, Stroke::solid(theme::PAPER, 4.6));
    canvas.line(&bar, Stroke::solid(theme::INK, 2.0));
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
        (Sign::Up, false, "model disagrees"),
        (Sign::Up, true, "another contrast"),
    ];
    for (sign, agrees, words) in entries {
        if words == "another contrast" {
            draw_other(canvas, (x, y));
        }
        draw_mark(canvas, (x, y), sign, agrees);
        canvas.text((x + 13.0, y), words, small);
        x += 29.0 + super::canvas::text_width(words, theme::SMALL, false);
    }
    let bar = (theme::WIDTH - 250.0, theme::WIDTH - 30.0);
    colour_bar(canvas, bar, y + 18.0, FULL, "HIF-1α, times the comparator");
    canvas.line(
        &[(x + 2.0, y), (x + 24.0, y)],
        Stroke::solid(theme::INK, 1.75),
    );
    canvas.text((x + 29.0, y), "1", small);
}

fn caption(studies: &[MapStudy]) -> String {
    let told = studies.iter().filter(|s| s.reported != Sign::Unreported);
    let agree = told.clone().filter(|study| study.agrees).count();
    let against: Vec<&str> = told
        .clone()
        .filter(|study| !study.agrees)
        .map(|study| study.claim.as_str())
        .collect();
    let others: Vec<String> = studies
        .iter()
        .filter_map(|study| Some(format!("{}: {}", study.number, study.contrast.as_deref()?)))
        .collect();
    let list = |head: &str, names: &str| match names {
        "" => String::new(),
        names => format!(" ({head}{names})"),
    };
    format!(
        "What a study compares decides the sign of HIF-1α: sorafenib lowers it against untreated cells in \
         the same hypoxia, yet it stays above cells in air; resistant cells carry more of it untreated; in \
         tumours it falls first and rises once resistant cells take over. The {} rows of Table 3 stand at their \
         conditions (numbers are the review's references), each evaluated by runs of its own at its own dose, time, \
         pO₂, resistance and comparator: the model has the reported sign in {agree} of the {} that report one{}. With a \
         bar: another contrast than the panel's{}.",
        studies.len(),
        told.count(),
        list("not in ", &against.join(", ")),
        list("", &others.join("; ")),
    )
}
