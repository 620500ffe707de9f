//! Figures of a trial: Kaplan-Meier curves, waterfall, spider, biomarkers.

use super::Figure;
use super::axes::{Axes, EndLabel, Rect, Scale, Spacing, end_labels, letter, significant, tidy};
use super::canvas::{Align, Canvas, Color, Dash, Point, Stroke, Type};
use super::theme;
use crate::error::Result;
use crate::study::trial::{ArmOutcome, Biomarker, Response, Traced, TrialResult};
use crate::table::{Cell, Table};

/// Mean length of a month, d.
const MONTH: f64 = 365.25 / 12.0;

/// Patients whose courses are drawn in a spider panel; more would hide each other.
const SPIDER: usize = 60;

/// Colour and pattern of each arm: by class, later arms of a class broken.
fn styles(result: &TrialResult) -> Vec<(Color, Dash)> {
    let mut seen: Vec<Color> = Vec::new();
    result
        .arms
        .iter()
        .map(|arm| {
            let color = match (&arm.class, arm.arm.sorafenib) {
                (Some(class), _) => theme::class_color(class),
                (None, true) => theme::SORAFENIB,
                (None, false) => theme::VEHICLE,
            };
            let before = seen.iter().filter(|c| **c == color).count();
            seen.push(color);
            let dash = [Dash::Solid, Dash::Dashed, Dash::Dotted][before.min(2)];
            (color, dash)
        })
        .collect()
}

/// An arm in print: partners of sorafenib stand behind a plus.
fn title(arm: &ArmOutcome) -> String {
    let partners = arm.arm.partners.join(" + ");
    match (arm.arm.sorafenib, partners.is_empty()) {
        (true, false) => format!("+ {partners}"),
        (false, true) => "vehicle".to_owned(),
        (true, true) => "sorafenib".to_owned(),
        (false, false) => partners,
    }
}

/// All figures of a trial.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn trial_figures(result: &TrialResult) -> Result<Vec<Figure>> {
    let mut figures = vec![kaplan_meier(result)?, waterfall(result)?, spider(result)?];
    if !result.biomarkers.is_empty() {
        figures.push(biomarkers(result)?);
    }
    Ok(figures)
}

/// Times without progression with bands, numbers at risk, and the published medians.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn kaplan_meier(result: &TrialResult) -> Result<Figure> {
    const ROW: f64 = 18.0;
    const BOTTOM: f64 = 330.0;
    let height = BOTTOM + 84.0 + ROW * result.arms.len() as f64;
    let mut canvas = Canvas::new(theme::WIDTH, height);
    let end = result.design.duration / 24.0 / MONTH;
    let axes = Axes {
        rect: Rect {
            left: 170.0,
            top: 20.0,
            right: 730.0,
            bottom: BOTTOM,
        },
        x: Scale::between(0.0, end, Spacing::Linear),
        y: Scale::between(0.0, 1.0, Spacing::Linear),
    };
    let styles = styles(result);
    for (arm, (color, _)) in result.arms.iter().zip(&styles) {
        draw_band(&mut canvas, &axes, arm, theme::tint(*color, 0.12));
    }
    axes.level(&mut canvas, 0.5, Stroke::solid(theme::GUIDE, theme::AXIS));
    let mut ends = Vec::new();
    for (arm, (color, dash)) in result.arms.iter().zip(&styles) {
        let (x, y) = staircase(arm, end, |step| step.survival);
        let stroke = Stroke::solid(*color, theme::CURVE).dash(*dash);
        axes.curve(&mut canvas, &x, &y, stroke);
        if let Some(at) = y.last().and_then(|y| axes.up(*y)) {
            ends.push(EndLabel {
                text: title(arm),
                color: *color,
                y: at,
            });
        }
    }
    draw_published(&mut canvas, &axes, result, &styles);
    end_labels(&mut canvas, &axes.rect, &ends, theme::SMALL);
    let ticks = axes.x.linear_ticks(2.0);
    axes.lower_axis(&mut canvas, &ticks, true);
    axes.left_axis(&mut canvas, &axes.y.ticks(), true);
    let label = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    let middle = axes.rect.centre();
    canvas.text(
        (middle.0, BOTTOM + 34.0),
        "time on treatment (month)",
        label,
    );
    canvas.text(
        (axes.rect.left - 44.0, middle.1),
        "without progression",
        label.upwards(),
    );
    let mut y = BOTTOM + 62.0;
    let head = Type::new(theme::SMALL, theme::FAINT).align(Align::End);
    canvas.text((axes.rect.left - 30.0, y), "at risk", head);
    for (arm, (color, _)) in result.arms.iter().zip(&styles) {
        y += ROW;
        let name = Type::new(theme::SMALL, *color).align(Align::End);
        canvas.text((axes.rect.left - 30.0, y), title(arm), name);
        for (month, _) in &ticks {
            let count = arm.curve.at_risk(month * MONTH);
            let style = Type::new(theme::SMALL, theme::INK).align(Align::Middle);
            if let Some(x) = axes.across(*month) {
                canvas.text((x, y), count.to_string(), style);
            }
        }
    }
    let (svg, png) = canvas.finish("trial_kaplan_meier")?;
    Ok(Figure {
        name: "trial_kaplan_meier",
        caption: survival_caption(result),
        svg,
        png,
        data: survival_table(result),
    })
}

/// Corners of a step curve up to the end of the trial, in months.
fn staircase(
    arm: &ArmOutcome,
    end: f64,
    value: impl Fn(&crate::study::survival::Step) -> f64,
) -> (Vec<f64>, Vec<f64>) {
    let (mut x, mut y) = (vec![0.0], vec![1.0]);
    let mut last = 1.0;
    for step in &arm.curve.steps {
        let month = step.time / MONTH;
        let next = value(step);
        x.extend([month, month]);
        y.extend([last, next]);
        last = next;
    }
    x.push(end.max(*x.last().unwrap_or(&0.0)));
    y.push(last);
    (x, y)
}

fn draw_band(canvas: &mut Canvas, axes: &Axes, arm: &ArmOutcome, color: Color) {
    let end = axes.x.ends().1;
    let steps = &arm.curve.steps;
    for (index, step) in steps.iter().enumerate() {
        let to = steps.get(index + 1).map_or(end, |next| next.time / MONTH);
        let corners = (
            axes.at(step.time / MONTH, step.upper),
            axes.at(to.min(end), step.lower),
        );
        if let (Some(from), Some(to)) = corners {
            canvas.block(from, to, color);
        }
    }
}

fn draw_published(
    canvas: &mut Canvas,
    axes: &Axes,
    result: &TrialResult,
    styles: &[(Color, Dash)],
) {
    let mut any = false;
    for (arm, (color, _)) in result.arms.iter().zip(styles) {
        let published = result.design.published.iter().find(|p| p.arm == arm.arm);
        let Some(median) = published.and_then(|p| p.median) else {
            continue;
        };
        if let Some(at) = axes.at(median / MONTH, 0.5) {
            canvas.diamond(at, 7.0, *color, theme::PAPER, 1.8);
            any = true;
        }
    }
    if any {
        let at = (axes.rect.right - 150.0, axes.rect.top + 6.0);
        canvas.diamond(at, 6.0, theme::FAINT, theme::PAPER, 1.6);
        let style = Type::new(theme::SMALL, theme::FAINT);
        canvas.text((at.0 + 12.0, at.1), "published median", style);
    }
}

fn survival_caption(result: &TrialResult) -> String {
    let medians: Vec<String> = result
        .arms
        .iter()
        .map(|arm| {
            let months = |days: f64| tidy(days / MONTH, 2);
            match arm.median.estimate.zip(arm.median_between.estimate) {
                Some((seen, between)) => {
                    format!(
                        "{} {} ({}) months",
                        title(arm),
                        months(seen),
                        months(between)
                    )
                }
                None => format!("{} not reached", title(arm)),
            }
        })
        .collect();
    format!(
        "Time to progression of {} virtual patients per arm, seen at scans every {} weeks (Kaplan-Meier, 95 % bands): medians as seen at scans (interval-censored) {}. Diamonds: published medians.",
        result.design.patients,
        tidy(result.design.scan_interval / 168.0, 2),
        medians.join(", "),
    )
}

fn survival_table(result: &TrialResult) -> Table {
    let mut table = Table::headed([
        "arm",
        "time [month]",
        "at risk",
        "survival [1]",
        "low [1]",
        "high [1]",
    ]);
    for arm in &result.arms {
        for step in &arm.curve.steps {
            table.push([
                Cell::from(title(arm)),
                Cell::from(step.time / MONTH),
                Cell::from(step.at_risk as f64),
                Cell::from(step.survival),
                Cell::from(step.lower),
                Cell::from(step.upper),
            ]);
        }
    }
    table
}

/// Fields of small multiples, one per arm.
struct Grid {
    columns: usize,
    width: f64,
    height: f64,
    pitch: f64,
    gap: f64,
}

impl Grid {
    fn new(arms: usize) -> Self {
        let columns = arms.clamp(1, 3);
        let gap = 40.0;
        let room = theme::WIDTH - 62.0 - theme::MARGIN;
        Self {
            columns,
            gap,
            width: (room - gap * (columns as f64 - 1.0)) / columns as f64,
            height: 170.0,
            pitch: 224.0,
        }
    }

    fn canvas(&self, arms: usize) -> Canvas {
        let rows = arms.div_ceil(self.columns) as f64;
        Canvas::new(theme::WIDTH, rows * self.pitch + 34.0)
    }

    fn rect(&self, index: usize) -> Rect {
        let column = (index % self.columns) as f64;
        let left = 62.0 + column * (self.width + self.gap);
        let top = 34.0 + (index / self.columns) as f64 * self.pitch;
        Rect {
            left,
            top,
            right: left + self.width,
            bottom: top + self.height,
        }
    }
}

/// Largest change that a waterfall or spider shows, in percent.
const MOST: f64 = 100.0;

/// Ticks in percent.
fn percent_ticks(scale: &Scale) -> Vec<(f64, String)> {
    scale.linear_ticks(50.0)
}

fn heading(canvas: &mut Canvas, rect: &Rect, index: usize, text: &str, color: Color) {
    letter(canvas, (rect.left - 46.0, rect.top - 14.0), index);
    let style = Type::new(theme::SMALL, color).bold();
    canvas.text((rect.left, rect.top - 14.0), text, style);
}

/// Best change of the diameter of every patient, sorted, an arm per field.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn waterfall(result: &TrialResult) -> Result<Figure> {
    let grid = Grid::new(result.arms.len());
    let mut canvas = grid.canvas(result.arms.len());
    let mut table = Table::headed(["arm", "rank", "subject", "best change [%]", "response"]);
    let mut steps = Vec::new();
    for (index, (arm, (color, _))) in result.arms.iter().zip(styles(result)).enumerate() {
        let axes = Axes {
            rect: grid.rect(index),
            x: Scale::between(0.0, arm.patients() as f64, Spacing::Linear),
            y: Scale::between(-MOST, MOST, Spacing::Linear),
        };
        let cuts = [result.design.progression - 1.0, result.design.partial - 1.0];
        for cut in cuts {
            let guide = Stroke::solid(theme::GUIDE, theme::AXIS);
            axes.level(&mut canvas, 100.0 * cut, guide);
        }
        let (step, ranked) = (arm.ranking.step, arm.ranking.patients);
        steps.push(step);
        for bar in &arm.ranking.bars {
            let rank = bar.rank;
            let change = 100.0 * bar.best_change;
            let shade = match bar.response {
                Response::Partial => theme::UPSTREAM,
                Response::Stable => theme::tint(color, 0.55),
                Response::Progressive | Response::NotEvaluable => theme::tint(color, 0.25),
            };
            let from = axes.at(rank as f64, 0.0);
            let end = (rank + step).min(ranked);
            let to = axes.at(end as f64, change.clamp(-MOST, MOST));
            if let (Some(from), Some(to)) = (from, to) {
                let corner = |a: Point, b: Point| ((a.0, a.1.min(b.1)), (b.0, a.1.max(b.1)));
                let (upper, lower) = corner(from, to);
                canvas.block(upper, lower, shade);
            }
            table.push([
                Cell::from(title(arm)),
                Cell::from(rank as f64 + 1.0),
                Cell::from(bar.subject.to_string()),
                Cell::from(change),
                Cell::from(bar.response.letters()),
            ]);
        }
        axes.level(&mut canvas, 0.0, Stroke::solid(theme::INK, theme::AXIS));
        let first = index % grid.columns == 0;
        axes.left_axis(&mut canvas, &percent_ticks(&axes.y), first);
        heading(&mut canvas, &axes.rect, index, &title(arm), color);
        let parts = [Response::Partial, Response::Stable, Response::Progressive]
            .map(|response| format!("{} {}", response.letters(), percent(arm.part(response))));
        let at = (axes.rect.left + 8.0, axes.rect.bottom + 14.0);
        canvas.text(at, parts.join("  "), Type::new(theme::SMALL, theme::FAINT));
        if first {
            let style = Type::new(theme::TEXT, theme::INK)
                .align(Align::Middle)
                .upwards();
            let at = (theme::MARGIN + 4.0, axes.rect.centre().1);
            canvas.text(at, "best change (%)", style);
        }
    }
    let (svg, png) = canvas.finish("trial_waterfall")?;
    Ok(Figure {
        name: "trial_waterfall",
        caption: format!(
            "Best change of the tumour's diameter at scans up to progression, a bar per {} (cut at ±{MOST:.0} %): green are partial responses ({} % or less), pale progress at the first scan; lines at +20 and −30 %.",
            match steps.iter().max() {
                Some(step) if *step > 1 => format!("{step} patients by rank"),
                _ => "patient".to_owned(),
            },
            tidy(100.0 * (result.design.partial - 1.0), 3),
        ),
        svg,
        png,
        data: table,
    })
}

fn percent(part: f64) -> String {
    format!("{} %", tidy(100.0 * part, 2))
}

/// Change of the diameter over time of the first patients, an arm per field.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn spider(result: &TrialResult) -> Result<Figure> {
    let grid = Grid::new(result.arms.len());
    let mut canvas = grid.canvas(result.arms.len());
    let mut table = Table::headed(["arm", "subject", "time [month]", "change [%]"]);
    let months: Vec<f64> = result.scans.iter().map(|h| h / 24.0 / MONTH).collect();
    for (index, (arm, (color, _))) in result.arms.iter().zip(styles(result)).enumerate() {
        let axes = Axes {
            rect: grid.rect(index),
            x: Scale::between(0.0, result.design.duration / 24.0 / MONTH, Spacing::Linear),
            y: Scale::between(-MOST, MOST, Spacing::Linear),
        };
        axes.level(&mut canvas, 0.0, Stroke::solid(theme::GUIDE, theme::AXIS));
        for Traced { course, diameters } in arm.traced.iter().take(SPIDER) {
            let seen = course.observation;
            let within = |day: f64| day <= seen.time + 1e-6;
            let shown = result.scans.iter().filter(|h| within(**h / 24.0)).count();
            let changes: Vec<f64> = diameters[..shown]
                .iter()
                .map(|d| 100.0 * (d - 1.0))
                .collect();
            let stroke = Stroke::solid(theme::tint(color, 0.5), 1.0);
            axes.curve(&mut canvas, &months[..shown], &changes, stroke);
            if let (true, Some(change), Some(month)) = (
                seen.event,
                changes.last().filter(|c| **c <= MOST),
                months[..shown].last(),
            ) && let Some(at) = axes.at(*month, *change)
            {
                canvas.disc(at, 2.2, color);
            }
            for (month, change) in months.iter().zip(&changes) {
                table.push([
                    Cell::from(title(arm)),
                    Cell::from(course.subject.to_string()),
                    Cell::from(*month),
                    Cell::from(*change),
                ]);
            }
        }
        let first = index % grid.columns == 0;
        axes.left_axis(&mut canvas, &percent_ticks(&axes.y), first);
        axes.lower_axis(&mut canvas, &axes.x.linear_ticks(2.0), true);
        heading(&mut canvas, &axes.rect, index, &title(arm), color);
        let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
        if first {
            let at = (theme::MARGIN + 4.0, axes.rect.centre().1);
            canvas.text(at, "change of diameter (%)", style.upwards());
        }
        if index + grid.columns >= result.arms.len() {
            let at = (axes.rect.centre().0, axes.rect.bottom + 34.0);
            canvas.text(at, "time on treatment (month)", style);
        }
    }
    let (svg, png) = canvas.finish("trial_spider")?;
    Ok(Figure {
        name: "trial_spider",
        caption: format!(
            "Change of the tumour's diameter at scans, a line for each of the first {} patients up to progression (dot).",
            SPIDER.min(result.arms.first().map_or(0, |arm| arm.traced.len())),
        ),
        svg,
        png,
        data: table,
    })
}

/// Quantities shown per pair of arms.
const MARKERS: usize = 8;

/// Rank correlation of readouts and factors with the benefit over the arm compared with.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn biomarkers(result: &TrialResult) -> Result<Figure> {
    const ROW: f64 = 18.0;
    let pairs = marker_pairs(result);
    let columns = 2;
    let rows = pairs.len().div_ceil(columns) as f64;
    let pitch = MARKERS as f64 * ROW + 84.0;
    let mut canvas = Canvas::new(theme::WIDTH, rows * pitch + 24.0);
    let mut table = Table::headed([
        "arm",
        "against",
        "quantity",
        "rank correlation [1]",
        "low [1]",
        "high [1]",
    ]);
    for (index, markers) in pairs.iter().enumerate() {
        let left = 150.0 + (index % columns) as f64 * 445.0;
        let top = 38.0 + (index / columns) as f64 * pitch;
        let axes = Axes {
            rect: Rect {
                left,
                top,
                right: left + 280.0,
                bottom: top + MARKERS as f64 * ROW,
            },
            x: Scale::between(-1.0, 1.0, Spacing::Linear),
            y: Scale::between(0.0, 1.0, Spacing::Linear),
        };
        if let Some(x) = axes.across(0.0) {
            let guide = Stroke::solid(theme::GUIDE, theme::AXIS);
            canvas.line(&[(x, axes.rect.top), (x, axes.rect.bottom)], guide);
        }
        for (row, marker) in markers.iter().enumerate() {
            draw_marker(&mut canvas, &axes, marker, top + (row as f64 + 0.5) * ROW);
            table.push([
                Cell::from(marker.arm.to_string()),
                Cell::from(marker.against.to_string()),
                Cell::from(marker.name.as_str()),
                Cell::from(marker.correlation),
                Cell::from(marker.interval.0),
                Cell::from(marker.interval.1),
            ]);
        }
        axes.lower_axis(&mut canvas, &axes.x.ticks(), true);
        let label = Type::new(theme::SMALL, theme::FAINT).align(Align::Middle);
        let at = (axes.rect.centre().0, axes.rect.bottom + 30.0);
        canvas.text(at, "rank correlation with benefit", label);
        if let Some(marker) = markers.first() {
            let text = format!("{} against {}", marker.arm, marker.against);
            let style = Type::new(theme::SMALL, theme::INK).bold();
            canvas.text((left - 130.0, top - 14.0), text, style);
        }
    }
    let (svg, png) = canvas.finish("trial_biomarkers")?;
    let leading: Vec<String> = pairs
        .iter()
        .filter_map(|markers| {
            let marker = markers.iter().find(|marker| marker.visible)?;
            Some(format!(
                "{} for {} ({})",
                theme::quantity(&marker.name),
                marker.arm,
                significant(marker.correlation, 2)
            ))
        })
        .collect();
    Ok(Figure {
        name: "trial_biomarkers",
        caption: format!(
            "What goes with benefit: Spearman's correlation with log(burden without / burden with) at the end, 95 % interval; filled can be read before treatment, open are the model's own parameters. Strongest readouts: {}.",
            leading.join(", "),
        ),
        svg,
        png,
        data: table,
    })
}

/// The strongest quantities of each pair of arms; combinations against sorafenib where there are any.
fn marker_pairs(result: &TrialResult) -> Vec<Vec<&Biomarker>> {
    let sorafenib = crate::regimen::Arm::sorafenib();
    let any = result.biomarkers.iter().any(|m| m.against == sorafenib);
    let wanted = |marker: &&Biomarker| !any || marker.against == sorafenib;
    let mut pairs: Vec<Vec<&Biomarker>> = Vec::new();
    for marker in result.biomarkers.iter().filter(wanted) {
        let known = pairs.iter_mut().find(|markers| {
            markers
                .first()
                .is_some_and(|m| m.arm == marker.arm && m.against == marker.against)
        });
        match known {
            Some(markers) if markers.len() < MARKERS => markers.push(marker),
            Some(_) => {}
            None => pairs.push(vec![marker]),
        }
    }
    pairs
}

fn draw_marker(canvas: &mut Canvas, axes: &Axes, marker: &Biomarker, y: f64) {
    let color = if marker.correlation > 0.0 {
        theme::HIF2
    } else {
        theme::HIF1
    };
    let name = Type::new(theme::SMALL, theme::INK).align(Align::End);
    let at = (axes.rect.left - 10.0, y);
    canvas.text(at, theme::quantity(&marker.name), name);
    let ends = (
        axes.across(marker.interval.0),
        axes.across(marker.interval.1),
        axes.across(marker.correlation),
    );
    if let (Some(low), Some(high), Some(x)) = ends {
        canvas.line(
            &[(low, y), (high, y)],
            Stroke::solid(color, theme::THIN_CURVE),
        );
        if marker.visible {
            canvas.disc((x, y), 4.5, color);
        } else {
            canvas.ring((x, y), 4.5, color, 1.6);
        }
    }
}
