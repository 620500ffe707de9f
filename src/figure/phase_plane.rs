//! The switch as a path in the plane of HIF-1a and HIF-2a.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter, significant, tidy};
use super::canvas::{Align, Canvas, Color, Dash, Point, Stroke, Type};
use super::lines::legend_strip;
use super::selection::Selection;
use super::theme;
use super::traces::{DAY, Signal, arm, arm_color, arm_title, at, daily, times};
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::CompareStudy;
use crate::table::{Cell, Table};

const NAME: &str = "phase_plane";
const SIDE: f64 = 340.0;
const TOP: f64 = 74.0;
/// Days that are marked on every path, with dots that grow.
const DAYS: [f64; 6] = [0.0, 1.0, 3.0, 7.0, 14.0, 28.0];

struct Path {
    title: String,
    color: Color,
    day: Vec<f64>,
    x: Vec<f64>,
    y: Vec<f64>,
}

struct Plane {
    x_label: &'static str,
    y_label: &'static str,
    paths: Vec<Path>,
}

/// Paths from the untreated tumour for sorafenib alone and the selected combinations, in protein
/// levels and in transcriptional activities.
///
/// # Errors
/// A study without one of the arms; a shape that cannot be drawn.
pub fn phase_plane(study: &CompareStudy, selection: &Selection) -> Result<Figure> {
    let levels: [Signal; 2] = [|state, _| state.hif.hif1a, |state, _| state.hif.hif2a];
    let activities: [Signal; 2] = [
        |_, signals| signals.activity.hif1,
        |_, signals| signals.activity.hif2,
    ];
    let planes = [
        Plane {
            x_label: "HIF-1α protein (rel. to untreated)",
            y_label: "HIF-2α protein (rel. to untreated)",
            paths: paths(study, selection, levels)?,
        },
        Plane {
            x_label: "HIF-1 activity (rel. to untreated)",
            y_label: "HIF-2 activity (rel. to untreated)",
            paths: paths(study, selection, activities)?,
        },
    ];
    let mut canvas = Canvas::new(theme::WIDTH, TOP + SIDE + 56.0);
    let legend: Vec<(String, Stroke)> = planes[0]
        .paths
        .iter()
        .map(|path| (path.title.clone(), Stroke::solid(path.color, theme::CURVE)))
        .collect();
    legend_strip(&mut canvas, &legend, 24.0);
    for (index, plane) in planes.iter().enumerate() {
        let left = 72.0 + index as f64 * (SIDE + 100.0);
        draw_plane(&mut canvas, index, plane, left);
    }
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(study, &planes[0]),
        svg,
        png,
        data: table(&planes),
    })
}

fn paths(study: &CompareStudy, selection: &Selection, signals: [Signal; 2]) -> Result<Vec<Path>> {
    let combinations = selection
        .phase_plane
        .iter()
        .map(|name| Arm::combination(name));
    std::iter::once(Arm::sorafenib())
        .chain(combinations)
        .map(|wanted| {
            let result = arm(study, &wanted, NAME)?;
            Ok(Path {
                title: arm_title(result),
                color: arm_color(result),
                day: times(&result.run, DAY),
                x: daily(&result.run, signals[0]),
                y: daily(&result.run, signals[1]),
            })
        })
        .collect()
}

/// One scale for both axes, so that the diagonal means equal change.
fn scales(plane: &Plane) -> (Scale, Scale) {
    let over = |values: fn(&Path) -> &[f64]| {
        let all = plane
            .paths
            .iter()
            .flat_map(|path| values(path).iter().copied());
        Scale::over(all.chain([1.0]), Spacing::Log)
    };
    let (x, y) = (over(|path| &path.x).ends(), over(|path| &path.y).ends());
    let (wide, high) = (libm::log(x.1 / x.0), libm::log(y.1 / y.0));
    let grown = |ends: (f64, f64), length: f64| {
        let factor = libm::exp(0.5 * (wide.max(high) * 1.06 - length));
        Scale::between(ends.0 / factor, ends.1 * factor, Spacing::Log)
    };
    (grown(x, wide), grown(y, high))
}

fn draw_plane(canvas: &mut Canvas, index: usize, plane: &Plane, left: f64) {
    let (x, y) = scales(plane);
    let rect = Rect {
        left,
        top: TOP,
        right: left + SIDE,
        bottom: TOP + SIDE,
    };
    let axes = Axes { rect, x, y };
    draw_diagonal(canvas, &axes);
    axes.lower_axis(canvas, &x.ticks(), true);
    axes.left_axis(canvas, &y.ticks(), true);
    let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text((rect.centre().0, rect.bottom + 38.0), plane.x_label, style);
    canvas.text(
        (left - 46.0, rect.centre().1),
        plane.y_label,
        style.upwards(),
    );
    letter(canvas, (left - 56.0, TOP - 18.0), index);
    for path in &plane.paths {
        axes.curve(
            canvas,
            &path.x,
            &path.y,
            Stroke::solid(path.color, theme::CURVE),
        );
    }
    for (rank, path) in plane.paths.iter().enumerate() {
        draw_days(canvas, &axes, path, rank == 0);
    }
}

fn draw_diagonal(canvas: &mut Canvas, axes: &Axes) {
    let (low, high) = (
        axes.x.ends().0.max(axes.y.ends().0),
        axes.x.ends().1.min(axes.y.ends().1),
    );
    let stroke = Stroke::solid(theme::FAINT, theme::AXIS).dash(Dash::Dashed);
    axes.curve(canvas, &[low, high], &[low, high], stroke);
    let middle = libm::pow(low, 0.88) * libm::pow(high, 0.12);
    if let Some((x, y)) = axes.at(middle, middle) {
        canvas.text(
            (x + 12.0, y + 2.0),
            "equal change",
            Type::new(theme::SMALL, theme::FAINT),
        );
    }
}

fn place(axes: &Axes, path: &Path, day: f64) -> Option<Point> {
    let last = path.day.last().copied()?;
    if day > last + 1e-9 {
        return None;
    }
    axes.at(at(&path.day, &path.x, day), at(&path.day, &path.y, day))
}

fn draw_days(canvas: &mut Canvas, axes: &Axes, path: &Path, labelled: bool) {
    let dots: Vec<Option<Point>> = DAYS.iter().map(|day| place(axes, path, *day)).collect();
    for (rank, (day, dot)) in DAYS.iter().zip(&dots).enumerate() {
        let Some(at) = *dot else {
            continue;
        };
        let radius = 2.4 + 0.55 * rank as f64;
        let color = if rank == 0 { theme::INK } else { path.color };
        canvas.disc(at, radius + 1.2, theme::PAPER);
        canvas.disc(at, radius, color);
        if labelled {
            let text = if rank == 0 {
                "day 0".to_owned()
            } else {
                tidy(*day, 2)
            };
            // To the left; where the curve comes from there above, or to the right if it climbs.
            let near = |dot: &&Point| (dot.1 - at.1).abs() < 24.0 && dot.0 < at.0;
            let crowded = dots[..rank].iter().flatten().any(|dot| near(&dot));
            let climbs = dots[..rank]
                .iter()
                .flatten()
                .next_back()
                .is_some_and(|dot| (dot.1 - at.1) > (dot.0 - at.0).abs());
            let (place, align) = match rank {
                0 => ((at.0 + radius + 5.0, at.1), Align::Start),
                _ if climbs && rank == 1 => ((at.0 + radius + 5.0, at.1), Align::Start),
                _ if crowded => ((at.0, at.1 - radius - 9.0), Align::Middle),
                _ => ((at.0 - radius - 5.0, at.1), Align::End),
            };
            canvas.text(
                place,
                text,
                Type::new(theme::SMALL, theme::INK).align(align),
            );
        }
    }
}

fn caption(study: &CompareStudy, levels: &Plane) -> String {
    let ends: Vec<String> = levels
        .paths
        .iter()
        .filter_map(|path| {
            let (x, y) = (path.x.last()?, path.y.last()?);
            Some(format!(
                "{} {} and {}",
                path.title,
                significant(*x, 2),
                significant(*y, 2)
            ))
        })
        .collect();
    format!(
        "Paths of HIF-1α and HIF-2α in the {} (daily means; dots grow with days 0, 1, 3, 7, 14 and \
         28), in protein levels (a) and activities (b). The last daily means of HIF-1α and HIF-2α, in times the untreated: {}.",
        study.scenario.setting,
        ends.join("; "),
    )
}

fn table(planes: &[Plane]) -> Table {
    let mut table = Table::headed(["plane", "arm", "time [d]", "HIF-1 [1]", "HIF-2 [1]"]);
    for plane in planes {
        for path in &plane.paths {
            for (day, (x, y)) in path.day.iter().zip(path.x.iter().zip(&path.y)) {
                table.push([
                    Cell::from(plane.x_label),
                    Cell::from(path.title.as_str()),
                    Cell::from(*day),
                    Cell::from(*x),
                    Cell::from(*y),
                ]);
            }
        }
    }
    table
}
