//! Where sorafenib lowers and where it raises the HIFs: maps over dose and duration.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter, significant, tidy};
use super::canvas::{Align, Canvas, Type};
use super::map::{Map, colour_bar};
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

/// A map with its title.
struct Titled {
    title: &'static str,
    map: Map,
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

fn read(map: &SignMap, folds: &[Vec<f64>], title: &'static str, index: usize, full: f64) -> Titled {
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
    let left = LEFT + index as f64 * PITCH;
    let axes = Axes {
        rect: Rect {
            left,
            top: TOP,
            right: left + WIDTH,
            bottom: TOP + HEIGHT,
        },
        x: ends(&map.times),
        y: ends(&map.doses),
    };
    let log_doses: Vec<f64> = map.doses.iter().map(|dose| libm::log(*dose)).collect();
    let map = Map::new(axes, full, CELLS, |time, dose| {
        let over_doses: Vec<f64> = rows.iter().map(|row| at(&map.times, row, time)).collect();
        at(&log_doses, &over_doses, libm::log(dose))
    });
    Titled { title, map }
}

fn draw_map(canvas: &mut Canvas, titled: &Titled, index: usize, dose_unit: &str) {
    let Titled { title, map } = titled;
    map.draw(canvas);
    let words = |direction: &str| format!("{title} {direction}");
    map.name_regions(canvas, &words("lower"), &words("higher"));
    let rect = &map.axes.rect;
    let bar = (rect.left + 110.0, rect.right - 20.0);
    colour_bar(canvas, bar, rect.bottom + 66.0, map.full, "times vehicle");
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
    let style = Type::new(theme::TEXT, theme::INK).bold();
    canvas.text((rect.left, TOP - 19.0), *title, style);
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
