//! The order of events under sorafenib: from fewer vessels to regrowth.

use super::Figure;
use super::axes::{Axes, Rect, Scale, Spacing, letter, significant, tidy, time_ticks};
use super::canvas::{Align, Canvas, Dash, Point, Stroke, Type};
use super::theme;
use super::traces::{DAY, arm, crossing, daily, times};
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::{ArmRun, CompareStudy};
use crate::table::{Cell, Table};

const NAME: &str = "causal_chain";
const LEFT: f64 = 210.0;
const RIGHT: f64 = 780.0;
const ROW: f64 = 74.0;
const GAP: f64 = 20.0;
const TOP: f64 = 24.0;

/// A link of the chain: a trace from 0 before the change to 1 at the full change.
struct Link {
    title: &'static str,
    detail: String,
    color: super::canvas::Color,
    trace: Vec<f64>,
    /// Index at which the change begins.
    start: usize,
    /// Time of half the change, day.
    half: Option<f64>,
}

/// What happens in a link.
enum Change {
    /// From the start to the largest departure.
    FromStart { rises: bool },
    /// From the turning point to the end.
    FromTurn { rises: bool },
}

/// The links of the chain in rows, each normalised to its full change and marked at half of it:
/// MVD, pO2, HIF-2a, survival, apoptosis, growth.
///
/// # Errors
/// A study without sorafenib; a shape that cannot be drawn.
pub fn causal_chain(study: &CompareStudy) -> Result<Figure> {
    let run = &arm(study, &Arm::sorafenib(), NAME)?.run;
    let day = times(run, DAY);
    let links = links(run, &day);
    let height = TOP + links.len() as f64 * (ROW + GAP) + 32.0;
    let mut canvas = Canvas::new(theme::WIDTH, height);
    let x = Scale::between(0.0, day.last().copied().unwrap_or(1.0), Spacing::Linear);
    let rows: Vec<Axes> = (0..links.len())
        .map(|row| {
            let top = TOP + row as f64 * (ROW + GAP);
            Axes {
                rect: Rect {
                    left: LEFT,
                    top,
                    right: RIGHT,
                    bottom: top + ROW,
                },
                x,
                y: Scale::between(0.0, 1.0, Spacing::Linear),
            }
        })
        .collect();
    for (index, (link, axes)) in links.iter().zip(&rows).enumerate() {
        draw_row(&mut canvas, index, link, axes, &day);
        let last = index + 1 == links.len();
        axes.lower_axis(&mut canvas, &time_ticks(&x), last);
    }
    draw_order(&mut canvas, &links, &rows);
    let style = Type::new(theme::TEXT, theme::INK).align(Align::Middle);
    canvas.text(
        (0.5 * (LEFT + RIGHT), height - 14.0),
        "time on treatment (day)",
        style,
    );
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(study, &links),
        svg,
        png,
        data: table(&links, &day),
    })
}

fn links(run: &ArmRun, day: &[f64]) -> Vec<Link> {
    let oxygen = daily(run, |state, _| state.oxygen);
    let growth = daily_growth(run);
    let link = |title, unit: &str, color, values: Vec<f64>, change| {
        Link::new(title, unit, color, values, change, day)
    };
    vec![
        link(
            "vessels are lost",
            "MVD",
            theme::SORAFENIB,
            daily(run, |_, signals| signals.mvd),
            Change::FromStart { rises: false },
        ),
        link(
            "oxygen falls",
            "pO₂, mmHg",
            theme::SORAFENIB,
            oxygen,
            Change::FromStart { rises: false },
        ),
        link(
            "HIF-2α rises",
            "HIF-2α",
            theme::HIF2,
            daily(run, |state, _| state.hif.hif2a),
            Change::FromStart { rises: true },
        ),
        link(
            "survival signal rises",
            "signal",
            theme::HIF2,
            daily(run, |state, _| state.effectors.survival),
            Change::FromTurn { rises: true },
        ),
        link(
            "apoptosis is lost",
            "signal",
            theme::SORAFENIB,
            daily(run, |_, signals| signals.apoptosis),
            Change::FromTurn { rises: false },
        ),
        link(
            "growth returns",
            "% per day",
            theme::SORAFENIB,
            growth,
            Change::FromTurn { rises: true },
        ),
    ]
}

/// Growth of the burden over the day around each time, per cent per day.
fn daily_growth(run: &ArmRun) -> Vec<f64> {
    let times = &run.trajectory.times;
    let logs: Vec<f64> = run
        .trajectory
        .series(|_, signals| signals.burden)
        .into_iter()
        .map(libm::log)
        .collect();
    let end = times.last().copied().unwrap_or(0.0);
    times
        .iter()
        .map(|time| {
            let to = (time + 0.5 * DAY).clamp(DAY.min(end), end.max(DAY));
            let over = |t| super::traces::at(times, &logs, t);
            100.0 * (over(to) - over(to - DAY))
        })
        .collect()
}

impl Link {
    fn new(
        title: &'static str,
        unit: &str,
        color: super::canvas::Color,
        values: Vec<f64>,
        change: Change,
        day: &[f64],
    ) -> Self {
        let lowest = extreme(&values, |a, b| a < b);
        let highest = extreme(&values, |a, b| a > b);
        let last = values.len().saturating_sub(1);
        let (start, end) = match change {
            Change::FromStart { rises: true } => (0, highest),
            Change::FromStart { rises: false } => (0, lowest),
            Change::FromTurn { rises: true } => (lowest, last),
            Change::FromTurn { rises: false } => (highest, last),
        };
        let value = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let (from, to) = (value(start), value(end));
        let trace: Vec<f64> = values.iter().map(|v| (v - from) / (to - from)).collect();
        let half = day
            .get(start..)
            .zip(trace.get(start..))
            .and_then(|(day, trace)| crossing(day, trace, 0.5));
        Self {
            title,
            detail: format!("{unit}: {} → {}", significant(from, 2), significant(to, 2)),
            color,
            trace,
            start,
            half,
        }
    }
}

fn extreme(values: &[f64], beats: impl Fn(f64, f64) -> bool) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if beats(*value, values[best]) {
            best = index;
        }
    }
    best
}

fn draw_row(canvas: &mut Canvas, index: usize, link: &Link, axes: &Axes, day: &[f64]) {
    let rect = &axes.rect;
    let before = link.trace.get(..=link.start).unwrap_or(&[]);
    let after = link.trace.get(link.start..).unwrap_or(&[]);
    let days_after = day.get(link.start..).unwrap_or(&[]);
    for stretch in axes.stretches(days_after, after) {
        let mut area: Vec<Point> = stretch.clone();
        area.push((stretch[stretch.len() - 1].0, rect.bottom));
        area.push((stretch[0].0, rect.bottom));
        canvas.polygon(&area, theme::tint(link.color, 0.13));
        canvas.line(&stretch, Stroke::solid(link.color, theme::CURVE));
    }
    let faint = Stroke::solid(theme::tint(link.color, 0.45), theme::AXIS).dash(Dash::Dashed);
    axes.curve(canvas, day, before, faint);
    let ticks = [
        (0.0, "0".to_owned()),
        (0.5, String::new()),
        (1.0, "1".to_owned()),
    ];
    axes.left_axis(canvas, &ticks, true);
    let middle = rect.centre().1;
    letter(canvas, (theme::MARGIN, middle - 9.0), index);
    let x = theme::MARGIN + 20.0;
    canvas.text(
        (x, middle - 9.0),
        link.title,
        Type::new(theme::TEXT, link.color).bold(),
    );
    canvas.text(
        (x, middle + 10.0),
        &link.detail,
        Type::new(theme::SMALL, theme::FAINT),
    );
}

/// Marks the half changes and ties them from row to row.
fn draw_order(canvas: &mut Canvas, links: &[Link], rows: &[Axes]) {
    let marks: Vec<Point> = links
        .iter()
        .zip(rows)
        .filter_map(|(link, axes)| axes.at(link.half?, 0.5))
        .collect();
    for pair in marks.windows(2) {
        let stroke = Stroke::solid(theme::FAINT, theme::AXIS).dash(Dash::Dashed);
        canvas.line(pair, stroke);
    }
    for (link, axes) in links.iter().zip(rows) {
        let text = match link.half.and_then(|half| axes.at(half, 0.5)) {
            Some(at) => {
                let earlier = links.iter().filter(|other| other.half < link.half);
                let number = 1 + earlier.filter(|other| other.half.is_some()).count();
                canvas.disc(at, 10.5, theme::PAPER);
                canvas.disc(at, 9.5, link.color);
                let style = Type::new(theme::SMALL, theme::PAPER)
                    .bold()
                    .align(Align::Middle);
                canvas.text(at, number.to_string(), style);
                format!("day {}", tidy(link.half.unwrap_or(f64::NAN), 2))
            }
            None => "not reached".to_owned(),
        };
        let style = Type::new(theme::TEXT, link.color).bold();
        canvas.text((RIGHT + 14.0, axes.rect.centre().1), text, style);
    }
    let head = Type::new(theme::SMALL, theme::FAINT);
    canvas.text((RIGHT + 14.0, TOP - 6.0), "half changed", head);
    canvas.text((LEFT - 14.0, TOP - 14.0), "part of the full change", head);
    canvas.text((theme::MARGIN + 20.0, TOP - 14.0), "daily means", head);
}

fn caption(study: &CompareStudy, links: &[Link]) -> String {
    let mut steps: Vec<(f64, &str)> = links
        .iter()
        .filter_map(|link| Some((link.half?, link.title)))
        .collect();
    steps.sort_by(|a, b| a.0.total_cmp(&b.0));
    let steps: Vec<String> = steps
        .into_iter()
        .map(|(half, title)| format!("{title} (day {})", tidy(half, 2)))
        .collect();
    format!(
        "The order of events under sorafenib alone in the {}, each at half of its full change \
         (daily means; dashed before the turn): {}.",
        study.scenario.setting,
        steps.join(", then "),
    )
}

fn table(links: &[Link], day: &[f64]) -> Table {
    let mut table = Table::headed([
        "link",
        "half change [d]",
        "time [d]",
        "part of full change [1]",
    ]);
    for link in links {
        for (day, value) in day.iter().zip(&link.trace) {
            table.push([
                Cell::from(link.title),
                Cell::from(link.half),
                Cell::from(*day),
                Cell::from(*value),
            ]);
        }
    }
    table
}
