//! Every arm against vehicle in every signal.

use super::Figure;
use super::axes::significant;
use super::canvas::{Align, Canvas, Stroke, Type};
use super::theme;
use super::traces::{Signal, arm, daily, partners, unknown_partners, unknown_words};
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::{ArmResult, CompareStudy};
use crate::table::{Cell, Table};

const NAME: &str = "heatmap";
const LEFT: f64 = 178.0;
const TOP: f64 = 138.0;
const CELL: (f64, f64) = (24.0, 22.0);
const BLOCK_GAP: f64 = 18.0;
const GROUP_GAP: f64 = 8.0;
/// Fold change, in log2, at which the colour is full.
const FULL: f64 = 2.0;

/// A readout: its name and its value at the end of an arm.
type Readout = (&'static str, fn(&ArmResult) -> f64);

const READOUTS: [Readout; 14] = [
    ("VEGF", |arm| {
        last_day(arm, |state, _| state.vasculature.vegf)
    }),
    ("MVD", |arm| last_day(arm, |_, signals| signals.mvd)),
    ("pO₂", |arm| last_day(arm, |state, _| state.oxygen)),
    ("HIF-1α", |arm| last_day(arm, |state, _| state.hif.hif1a)),
    ("HIF-2α", |arm| last_day(arm, |state, _| state.hif.hif2a)),
    ("HIF-1 activity", |arm| {
        last_day(arm, |_, signals| signals.activity.hif1)
    }),
    ("HIF-2 activity", |arm| {
        last_day(arm, |_, signals| signals.activity.hif2)
    }),
    ("glycolysis", |arm| {
        last_day(arm, |state, _| state.effectors.glycolysis)
    }),
    ("survival", |arm| {
        last_day(arm, |state, _| state.effectors.survival)
    }),
    ("apoptosis", |arm| {
        last_day(arm, |_, signals| signals.apoptosis)
    }),
    ("EMT", |arm| last_day(arm, |state, _| state.effectors.emt)),
    ("resistant part", |arm| {
        arm.run.outcome.end.tumour.resistant_fraction()
    }),
    ("metastases", |arm| arm.run.outcome.end.tumour.metastases),
    ("volume", |arm| arm.run.outcome.end.tumour.burden()),
];

fn last_day(arm: &ArmResult, signal: Signal) -> f64 {
    daily(&arm.run, signal).last().copied().unwrap_or(f64::NAN)
}

struct Row {
    title: String,
    class: String,
    /// log2 fold changes without and with sorafenib; NaN where they are unknown.
    blocks: [Vec<f64>; 2],
    /// What is unknown of the partner.
    unknown: String,
}

/// Fold changes against vehicle at the end of treatment for every partner alone (left) and with
/// sorafenib (right), on a diverging scale.
///
/// # Errors
/// A study without vehicle or sorafenib; a shape that cannot be drawn.
pub fn heatmap(study: &CompareStudy) -> Result<Figure> {
    let rows = rows(study)?;
    let breaks = (1..rows.len())
        .filter(|i| rows[*i].class != rows[i - 1].class)
        .count();
    let bottom = TOP + rows.len() as f64 * CELL.1 + breaks as f64 * GROUP_GAP;
    let mut canvas = Canvas::new(theme::WIDTH, bottom + 62.0);
    draw_heads(&mut canvas);
    let mut y = TOP;
    for (index, row) in rows.iter().enumerate() {
        if index > 0 && row.class != rows[index - 1].class {
            y += GROUP_GAP;
        }
        draw_row(&mut canvas, row, y);
        y += CELL.1;
    }
    draw_bar(&mut canvas, bottom + 24.0);
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(study, &rows),
        svg,
        png,
        data: table(&rows),
    })
}

fn rows(study: &CompareStudy) -> Result<Vec<Row>> {
    let vehicle = arm(study, &Arm::vehicle(), NAME)?;
    let base: Vec<f64> = READOUTS.iter().map(|(_, read)| read(vehicle)).collect();
    let folds = |result: &ArmResult| -> Vec<f64> {
        READOUTS
            .iter()
            .zip(&base)
            .map(|((_, read), base)| libm::log2(read(result) / base))
            .collect()
    };
    let first = Row {
        title: "no partner".to_owned(),
        class: String::new(),
        blocks: [folds(vehicle), folds(arm(study, &Arm::sorafenib(), NAME)?)],
        unknown: String::new(),
    };
    let partners = partners(study, |result| result.main().treated_over_control);
    let others = partners.into_iter().map(|(drug, alone, both)| Row {
        title: theme::typeset(&drug.title),
        class: drug.class.clone(),
        blocks: [folds(alone), folds(both)],
        unknown: String::new(),
    });
    let unknown = unknown_partners(study);
    let unknown = unknown.into_iter().map(|(drug, unknown)| Row {
        title: theme::typeset(&drug.title),
        class: drug.class.clone(),
        blocks: std::array::from_fn(|_| vec![f64::NAN; READOUTS.len()]),
        unknown: unknown.what.clone(),
    });
    Ok(std::iter::once(first)
        .chain(others)
        .chain(unknown)
        .collect())
}

fn block_left(block: usize) -> f64 {
    LEFT + block as f64 * (READOUTS.len() as f64 * CELL.0 + BLOCK_GAP)
}

fn draw_heads(canvas: &mut Canvas) {
    let width = READOUTS.len() as f64 * CELL.0;
    for (block, title) in ["without sorafenib", "with sorafenib"].iter().enumerate() {
        let left = block_left(block);
        let style = Type::new(theme::TEXT, theme::INK)
            .bold()
            .align(Align::Middle);
        canvas.text((left + 0.5 * width, 18.0), *title, style);
        canvas.line(
            &[(left, 29.0), (left + width, 29.0)],
            Stroke::solid(theme::INK, theme::AXIS),
        );
        for (column, (name, _)) in READOUTS.iter().enumerate() {
            let x = left + (column as f64 + 0.5) * CELL.0;
            let style = Type::new(theme::SMALL, theme::INK).upwards();
            canvas.text((x, TOP - 6.0), *name, style);
        }
    }
}

fn draw_row(canvas: &mut Canvas, row: &Row, top: f64) {
    let color = match row.class.as_str() {
        "" => theme::INK,
        class => theme::class_color(class),
    };
    let middle = top + 0.5 * CELL.1;
    let style = Type::new(theme::SMALL, color).align(Align::End);
    canvas.text((LEFT - 8.0, middle), &row.title, style);
    for (block, values) in row.blocks.iter().enumerate() {
        for (column, value) in values.iter().enumerate() {
            let left = block_left(block) + column as f64 * CELL.0;
            let corner = (left + CELL.0 - 1.0, top + CELL.1 - 1.0);
            let color = match value {
                value if value.is_nan() => theme::MISSING,
                value => theme::diverging(value / FULL),
            };
            canvas.block((left, top), corner, color);
        }
    }
}

/// The colour bar with fold changes, and the meaning of the rows' colours.
fn draw_bar(canvas: &mut Canvas, top: f64) {
    const STEPS: i32 = 60;
    let (left, right) = (
        block_left(1),
        block_left(1) + READOUTS.len() as f64 * CELL.0,
    );
    let at = |part: f64| left + part * (right - left);
    for step in 0..STEPS {
        let part = f64::from(step) / f64::from(STEPS);
        let color = theme::diverging(2.0 * (part + 0.5 / f64::from(STEPS)) - 1.0);
        let end = (at(part + 1.0 / f64::from(STEPS)) + 0.25).min(right);
        canvas.block((at(part), top - 12.0), (end, top), color);
    }
    let small = Type::new(theme::SMALL, theme::INK).align(Align::Middle);
    for (part, label) in [
        (0.0, "≤ ¼"),
        (0.25, "½"),
        (0.5, "1"),
        (0.75, "2"),
        (1.0, "≥ 4"),
    ] {
        let x = at(part);
        canvas.line(
            &[(x, top), (x, top + 3.0)],
            Stroke::solid(theme::INK, theme::AXIS),
        );
        canvas.text((x, top + 13.0), label, small);
    }
    let label = "times vehicle at the end of treatment";
    canvas.text((0.5 * (left + right), top + 29.0), label, small);
    let mut x = theme::MARGIN;
    for class in theme::CLASSES {
        let title = theme::class_title(class);
        let color = theme::class_color(class);
        canvas.block((x, top - 11.0), (x + 10.0, top - 1.0), color);
        canvas.text(
            (x + 15.0, top - 6.0),
            title,
            Type::new(theme::SMALL, theme::INK),
        );
        x += 15.0 + super::canvas::text_width(title, theme::SMALL, false) + 16.0;
    }
}

fn caption(study: &CompareStudy, rows: &[Row]) -> String {
    let hif2 = READOUTS
        .iter()
        .position(|(name, _)| *name == "HIF-2 activity")
        .unwrap_or(0);
    let known = rows[1..].iter().filter(|row| row.unknown.is_empty());
    let raised = known
        .clone()
        .filter(|row| row.blocks[1][hif2] > 0.0)
        .count();
    let fold = libm::exp2(rows[0].blocks[1][hif2]);
    format!(
        "Readouts over vehicle at the end of treatment in the {} (means of the last day; resistant \
         part, metastases and volume at the end): sorafenib alone raises HIF-2 activity {} times, \
         and with {raised} of {} partners it stays above vehicle.{}",
        study.scenario.setting,
        significant(fold, 2),
        known.count(),
        unknown_words(study),
    )
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::headed([
        "partner",
        "class",
        "sorafenib",
        "readout",
        "log2 fold change [1]",
        "unknown",
    ]);
    for row in rows {
        for (values, sorafenib) in row.blocks.iter().zip(["without", "with"]) {
            for ((name, _), value) in READOUTS.iter().zip(values) {
                table.push([
                    Cell::from(row.title.as_str()),
                    Cell::from(row.class.as_str()),
                    Cell::from(sorafenib),
                    Cell::from(*name),
                    if value.is_nan() {
                        Cell::Unknown
                    } else {
                        Cell::from(*value)
                    },
                    Cell::from(row.unknown.as_str()),
                ]);
            }
        }
    }
    table
}
