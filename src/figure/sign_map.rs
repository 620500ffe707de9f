//! Where sorafenib lowers and where it raises the HIFs: maps over dose and duration.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter, significant, tidy};
use super::canvas::{Align, Canvas, Point, Stroke, Type};
use super::theme;
use super::traces::{DAY, at, daily_mean};
use crate::error::Result;
use crate::study::SignMap;
use crate::table::{Cell, Table};

const NAME: &str = "sign_map";
const WIDTH: f64 = 370.0;
const HEIGHT: f64 = 320.0;
const TOP: f64 = 42.0;
const LEFT: f64 = 62.0;
const PITCH: f64 = 436.0;
/// Cells of the drawn map along time and dose.
const CELLS: (usize, usize) = (124, 80);
/// Steps of colour on either side of 1.
const COLOURS: f64 = 20.0;
/// A region needs this part of the map to be named.
const NAMED: f64 = 0.04;

struct Map {
    title: &'static str,
    axes: Axes,
    /// Fold change, in log2, at which the colour is full.
    full: f64,
    /// log2 fold change at the corners of cells, rows from low dose, columns from early time.
    corners: Vec<Vec<f64>>,
}

/// Fold changes of HIF-1a and HIF-2a over dose and time on treatment, with the line on which
/// nothing changes.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn sign_map(map: &SignMap) -> Result<Figure> {
    let maps = [
        read(map, &map.hif1a, "HIF-1α", 0, 1.0),
        read(map, &map.hif2a, "HIF-2α", 1, 2.0),
    ];
    let mut canvas = Canvas::new(theme::WIDTH, TOP + HEIGHT + 96.0);
    for (index, one) in maps.iter().enumerate() {
        draw_map(&mut canvas, one, index, &map.dose_unit);
    }
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(map),
        svg,
        png,
        data: table(map),
    })
}

fn read(map: &SignMap, folds: &[Vec<f64>], title: &'static str, index: usize, full: f64) -> Map {
    let rows: Vec<Vec<f64>> = folds
        .iter()
        .map(|row| daily_mean(&map.times, row))
        .collect();
    let ends = |values: &[f64]| {
        let first = values
            .iter()
            .copied()
            .find(|v| *v > 0.0)
            .unwrap_or(f64::NAN);
        Scale::between(
            first,
            values.last().copied().unwrap_or(f64::NAN),
            Spacing::Log,
        )
    };
    let (x, y) = (ends(&map.times), ends(&map.doses));
    let log_doses: Vec<f64> = map.doses.iter().map(|dose| libm::log(*dose)).collect();
    let left = LEFT + index as f64 * PITCH;
    let corner = |row: usize, column: usize| {
        let time = x.value(column as f64 / CELLS.0 as f64);
        let dose = libm::log(y.value(row as f64 / CELLS.1 as f64));
        let over_doses: Vec<f64> = rows.iter().map(|row| at(&map.times, row, time)).collect();
        libm::log2(at(&log_doses, &over_doses, dose))
    };
    Map {
        title,
        full,
        axes: Axes {
            rect: Rect {
                left,
                top: TOP,
                right: left + WIDTH,
                bottom: TOP + HEIGHT,
            },
            x,
            y,
        },
        corners: (0..=CELLS.1)
            .map(|row| (0..=CELLS.0).map(|column| corner(row, column)).collect())
            .collect(),
    }
}

impl Map {
    /// Place of a corner, or between corners.
    fn place(&self, row: f64, column: f64) -> Point {
        let rect = &self.axes.rect;
        (
            rect.left + column / CELLS.0 as f64 * rect.width(),
            rect.bottom - row / CELLS.1 as f64 * rect.height(),
        )
    }

    fn cell(&self, row: usize, column: usize) -> f64 {
        let c = &self.corners;
        0.25 * (c[row][column] + c[row][column + 1] + c[row + 1][column] + c[row + 1][column + 1])
    }
}

fn draw_map(canvas: &mut Canvas, map: &Map, index: usize, dose_unit: &str) {
    draw_cells(canvas, map);
    draw_bar(canvas, map);
    for [a, b] in contour(&map.corners) {
        let line = [map.place(a.0, a.1), map.place(b.0, b.1)];
        canvas.line(&line, Stroke::solid(theme::INK, 1.75));
    }
    for (sign, word) in [(-1.0, "lower"), (1.0, "higher")] {
        draw_region(canvas, map, sign, word);
    }
    let rect = &map.axes.rect;
    let edge = Stroke::solid(theme::INK, theme::AXIS);
    canvas.line(
        &[
            (rect.left, rect.top),
            (rect.right, rect.top),
            (rect.right, rect.bottom),
        ],
        edge,
    );
    map.axes.lower_axis(canvas, &time_ticks(&map.axes.x), true);
    map.axes.left_axis(canvas, &map.axes.y.ticks(), true);
    let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text(
        (rect.centre().0, rect.bottom + 36.0),
        "time on treatment",
        style,
    );
    let label = format!("daily dose ({dose_unit})");
    canvas.text((rect.left - 42.0, rect.centre().1), label, style.upwards());
    letter(canvas, (rect.left - 50.0, TOP - 20.0), index);
    let title = Type::new(theme::TEXT, theme::INK).bold();
    canvas.text((rect.left, TOP - 19.0), map.title, title);
}

/// Cells of one colour in a row are drawn as one block.
fn draw_cells(canvas: &mut Canvas, map: &Map) {
    let shade = |row, column| (map.cell(row, column) / map.full * COLOURS).round();
    for row in 0..CELLS.1 {
        let mut start = 0;
        for column in 1..=CELLS.0 {
            let ends =
                column == CELLS.0 || shade(row, column).total_cmp(&shade(row, start)).is_ne();
            if ends {
                let from = map.place(row as f64 + 1.0, start as f64);
                let to = map.place(row as f64, column as f64);
                // Overlap hides the seams of antialiasing.
                let to = ((to.0 + 0.5).min(map.axes.rect.right), to.1);
                let from = (from.0, (from.1 - 0.5).max(map.axes.rect.top));
                canvas.block(from, to, theme::diverging(shade(row, start) / COLOURS));
                start = column;
            }
        }
    }
}

/// The line on which a grid is 0, as pieces between edges of cells (marching squares): points are
/// (row, column).
pub(super) fn contour(corners: &[Vec<f64>]) -> Vec<[Point; 2]> {
    let mut pieces = Vec::new();
    for row in 0..corners.len().saturating_sub(1) {
        for column in 0..corners[row].len().saturating_sub(1) {
            let around = [(0, 0), (0, 1), (1, 1), (1, 0)].map(|(r, c)| (row + r, column + c));
            let crossings: Vec<Point> = (0..4)
                .filter_map(|i| {
                    let (a, b) = (around[i], around[(i + 1) % 4]);
                    let (from, to) = (corners[a.0][a.1], corners[b.0][b.1]);
                    ((from < 0.0) != (to < 0.0) && from.is_finite() && to.is_finite()).then(|| {
                        let part = from / (from - to);
                        let along = |a: usize, b: usize| a as f64 + part * (b as f64 - a as f64);
                        (along(a.0, b.0), along(a.1, b.1))
                    })
                })
                .collect();
            pieces.extend(crossings.chunks_exact(2).map(|pair| [pair[0], pair[1]]));
        }
    }
    pieces
}

/// Writes the name of a region at its widest place.
fn draw_region(canvas: &mut Canvas, map: &Map, sign: f64, word: &str) {
    const COARSE: usize = 4;
    let (rows, columns) = (CELLS.1 / COARSE, CELLS.0 / COARSE);
    let inside = |row: usize, column: usize| {
        sign * map.cell(row * COARSE + COARSE / 2, column * COARSE + COARSE / 2) > 0.0
    };
    let cells: Vec<(usize, usize)> = (0..rows)
        .flat_map(|row| (0..columns).map(move |column| (row, column)))
        .collect();
    let (own, other): (Vec<_>, Vec<_>) = cells.iter().partition(|(r, c)| inside(*r, *c));
    if (own.len() as f64) < NAMED * cells.len() as f64 {
        return;
    }
    // A word is wider than high: room upwards counts more.
    let room = |(row, column): (usize, usize)| {
        let border = (3.0 * (row.min(rows - 1 - row) as f64 + 0.5))
            .min(column.min(columns - 1 - column) as f64 + 0.5);
        other.iter().fold(border, |room, (r, c)| {
            let (dr, dc) = (row.abs_diff(*r) as f64, column.abs_diff(*c) as f64);
            room.min((3.0 * dr).hypot(dc))
        })
    };
    let widest = own.iter().max_by(|a, b| room(**a).total_cmp(&room(**b)));
    if let Some((row, column)) = widest {
        let middle = |index: usize| (index * COARSE + COARSE / 2) as f64;
        let style = Type::new(theme::TEXT, theme::INK)
            .bold()
            .align(Align::Middle);
        canvas.text(
            map.place(middle(*row), middle(*column)),
            format!("{} {word}", map.title),
            style,
        );
    }
}

/// Ticks at hours, days and weeks.
fn time_ticks(scale: &Scale) -> Vec<(f64, String)> {
    [
        (1.0, "1 h"),
        (2.0, "2 h"),
        (6.0, "6 h"),
        (24.0, "1 d"),
        (72.0, "3 d"),
        (168.0, "7 d"),
        (672.0, "28 d"),
    ]
    .into_iter()
    .filter(|(time, _)| *time >= 0.99 * scale.ends().0 && *time <= 1.01 * scale.ends().1)
    .map(|(time, label)| (time, label.to_owned()))
    .collect()
}

/// The colour bar below a map.
fn draw_bar(canvas: &mut Canvas, map: &Map) {
    let rect = &map.axes.rect;
    let top = rect.bottom + 66.0;
    let (left, right) = (rect.left + 110.0, rect.right - 20.0);
    let steps = 2 * COLOURS as i32;
    let at = |part: f64| left + part * (right - left);
    for step in 0..steps {
        let part = |n: i32| f64::from(n) / f64::from(steps);
        let color = theme::diverging(part(step) + part(step + 1) - 1.0);
        let end = (at(part(step + 1)) + 0.25).min(right);
        canvas.block((at(part(step)), top - 6.0), (end, top + 6.0), color);
    }
    let style = Type::new(theme::SMALL, theme::INK).align(Align::Middle);
    for part in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let fold = libm::exp2(map.full * (2.0 * part - 1.0));
        canvas.text((at(part), top + 17.0), tidy(fold, 2), style);
    }
    let label = Type::new(theme::SMALL, theme::INK).align(Align::End);
    canvas.text((left - 14.0, top), "times vehicle", label);
}

fn caption(map: &SignMap) -> String {
    let all: Vec<f64> = map
        .hif1a
        .iter()
        .flat_map(|row| daily_mean(&map.times, row).into_iter().skip(1))
        .collect();
    let lower = all.iter().filter(|fold| **fold < 1.0).count();
    let least = all.iter().copied().fold(f64::INFINITY, f64::min);
    let most = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let most_hif2 = map
        .hif2a
        .iter()
        .flat_map(|row| daily_mean(&map.times, row))
        .fold(f64::NEG_INFINITY, f64::max);
    format!(
        "Dose and duration decide the sign: over {} to {} {} and {} days in the {} sorafenib leaves \
         HIF-1α between {} and {} times vehicle, lower in {} % of the sampled doses and times, \
         while HIF-2α rises up to {} times (means of the day around each time, shorter near the start).",
        tidy(map.doses.first().copied().unwrap_or(f64::NAN), 3),
        tidy(map.doses.last().copied().unwrap_or(f64::NAN), 3),
        map.dose_unit,
        tidy(map.times.last().copied().unwrap_or(f64::NAN) / DAY, 3),
        map.setting,
        significant(least, 2),
        significant(most, 3),
        significant(100.0 * lower as f64 / all.len().max(1) as f64, 2),
        significant(most_hif2, 2),
    )
}

fn table(map: &SignMap) -> Table {
    let mut table = Table::headed([
        format!("dose [{}]", map.dose_unit).as_str(),
        "time [h]",
        "HIF-1a over vehicle [1]",
        "HIF-2a over vehicle [1]",
    ]);
    for (dose, (hif1a, hif2a)) in map.doses.iter().zip(map.hif1a.iter().zip(&map.hif2a)) {
        for (time, (a, b)) in map.times.iter().zip(hif1a.iter().zip(hif2a)) {
            table.push([*dose, *time, *a, *b].map(Cell::from));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_contour_of_a_plane_is_straight() {
        let plane: Vec<Vec<f64>> = (0..5)
            .map(|_| (0..5).map(|column| f64::from(column) - 1.5).collect())
            .collect();
        let pieces = contour(&plane);
        assert_eq!(pieces.len(), 4);
        assert!(
            pieces
                .iter()
                .flatten()
                .all(|point| (point.1 - 1.5).abs() < 1e-12)
        );
        assert!(contour(&[vec![1.0, 2.0], vec![f64::NAN, 3.0]]).is_empty());
    }

    #[test]
    fn an_empty_map_is_drawn_as_nothing() {
        let empty = SignMap {
            setting: "xenograft".to_owned(),
            doses: Vec::new(),
            dose_unit: "mg/kg".to_owned(),
            times: Vec::new(),
            hif1a: Vec::new(),
            hif2a: Vec::new(),
        };
        assert!(sign_map(&empty).is_ok());
    }
}
