//! Every claim in the full model and in its alternatives.

use super::Figure;
use super::canvas::{Align, Canvas, Color, Stroke, Type, text_width};
use super::theme;
use crate::error::Result;
use crate::study::claims::{Alternative, Kind, Ledger, Row, Verdict};
use crate::table::{Cell, Table};

const NAME: &str = "claims";
const WIDTH: f64 = 1260.0;
const COLUMNS: usize = 3;
const LINE: f64 = 17.0;
const CELL: f64 = 14.0;
const TOP: f64 = 118.0;
const GAP: f64 = 22.0;
const ID: f64 = 34.0;
const SIZE: f64 = 11.0;
/// Lines above and for the title of a section.
const TITLE: f64 = 1.6;

const PASS: Color = theme::HIF1;
const FAIL: Color = theme::HIF2;

/// A line of the figure.
enum Line<'a> {
    Title(&'static str),
    Claim(&'a Row),
}

/// Claims as lines, the full model and each alternative as columns: blue passes, vermilion fails.
///
/// # Errors
/// A shape that cannot be drawn.
pub fn claims(ledger: &Ledger) -> Result<Figure> {
    let columns = columns(ledger);
    let height = columns
        .iter()
        .map(|column| column.iter().map(height).sum::<f64>())
        .fold(0.0, f64::max);
    let mut canvas = Canvas::new(WIDTH, TOP + height + 42.0);
    let width = (WIDTH - 2.0 * theme::MARGIN + GAP) / COLUMNS as f64;
    for (index, column) in columns.iter().enumerate() {
        let left = theme::MARGIN + index as f64 * width;
        draw_heads(&mut canvas, left, ledger);
        let mut y = TOP;
        for line in column {
            y += height_of(&mut canvas, line, left, y, width - GAP, ledger);
        }
    }
    draw_legend(&mut canvas, TOP + height + 22.0);
    let (svg, png) = canvas.finish(NAME)?;
    Ok(Figure {
        name: NAME,
        caption: caption(ledger),
        svg,
        png,
        data: table(ledger),
    })
}

/// Draws a line and gives its height.
fn height_of(
    canvas: &mut Canvas,
    line: &Line<'_>,
    left: f64,
    y: f64,
    width: f64,
    ledger: &Ledger,
) -> f64 {
    match line {
        Line::Title(title) => {
            let style = Type::new(theme::SMALL, theme::INK).bold();
            canvas.text((left, y + 0.95 * LINE), *title, style);
        }
        Line::Claim(row) => draw_claim(canvas, row, left, y, width, ledger),
    }
    height(line)
}

fn height(line: &Line<'_>) -> f64 {
    match line {
        Line::Title(_) => TITLE * LINE,
        Line::Claim(_) => LINE,
    }
}

/// All lines, split into columns of about the same length.
fn columns(ledger: &Ledger) -> Vec<Vec<Line<'_>>> {
    let sections: [(&str, &[Kind]); 3] = [
        ("The review and its Table 3", &[Kind::Review, Kind::Table3]),
        ("Predictions", &[Kind::Prediction]),
        ("Evidence against the review", &[Kind::Against]),
    ];
    let mut lines = Vec::new();
    for (title, kinds) in sections {
        let rows: Vec<&Row> = ledger
            .rows
            .iter()
            .filter(|row| kinds.contains(&row.claim.kind))
            .collect();
        if !rows.is_empty() {
            lines.push(Line::Title(title));
            lines.extend(rows.into_iter().map(Line::Claim));
        }
    }
    let whole: f64 = lines.iter().map(height).sum();
    let mut columns: Vec<Vec<Line<'_>>> = (0..COLUMNS).map(|_| Vec::new()).collect();
    let mut used = 0.0;
    for line in lines {
        let column = (used / whole * COLUMNS as f64 + 1e-9).floor() as usize;
        used += height(&line);
        columns[column.min(COLUMNS - 1)].push(line);
    }
    columns
}

fn cells_left(left: f64, ledger: &Ledger) -> f64 {
    left + ID + (ledger.alternatives.len() + 1) as f64 * CELL + 8.0
}

fn draw_heads(canvas: &mut Canvas, left: f64, ledger: &Ledger) {
    let names = std::iter::once("full model".to_owned()).chain(
        ledger
            .alternatives
            .iter()
            .map(|alternative: &Alternative| alternative.name.replace('_', " ")),
    );
    for (index, name) in names.enumerate() {
        let x = left + ID + (index as f64 + 0.5) * CELL;
        let mut style = Type::new(SIZE, theme::INK).upwards();
        if index == 0 {
            style = style.bold();
        }
        canvas.text((x, TOP - 4.0), name, style);
    }
    canvas.line(
        &[(left, TOP), (cells_left(left, ledger) - 8.0, TOP)],
        Stroke::solid(theme::INK, theme::AXIS),
    );
}

fn color(verdict: Verdict) -> Color {
    match verdict {
        Verdict::Pass => theme::tint(PASS, 0.75),
        Verdict::Fail | Verdict::NotReached => FAIL,
        Verdict::Unknown | Verdict::Untested => theme::MISSING,
    }
}

fn draw_claim(canvas: &mut Canvas, row: &Row, left: f64, top: f64, width: f64, ledger: &Ledger) {
    let middle = top + 0.5 * LINE;
    canvas.text((left, middle), &row.claim.id, Type::new(SIZE, theme::INK));
    let verdicts = std::iter::once(&row.verdict).chain(&row.in_alternatives);
    for (index, verdict) in verdicts.enumerate() {
        let x = left + ID + index as f64 * CELL;
        // Outside the first column only what differs is strong.
        let shade = if index > 0 && *verdict == row.verdict {
            theme::tint(color(*verdict), 0.35)
        } else {
            color(*verdict)
        };
        canvas.block((x, top + 1.5), (x + CELL - 2.0, top + LINE - 1.5), shade);
    }
    let start = cells_left(left, ledger);
    let ink = match row.verdict {
        Verdict::Fail | Verdict::NotReached => FAIL,
        Verdict::Pass => theme::INK,
        Verdict::Unknown | Verdict::Untested => theme::FAINT,
    };
    let text = shortened(&theme::typeset(&row.claim.text), left + width - start);
    canvas.text((start, middle), text, Type::new(SIZE, ink));
}

/// As much of a sentence as has room, by whole words.
fn shortened(text: &str, room: f64) -> String {
    let fits = |text: &str| text_width(text, SIZE, false) <= room;
    if fits(text) {
        return text.to_owned();
    }
    let words: Vec<&str> = text.split(' ').collect();
    (1..words.len())
        .rev()
        .map(|count| format!("{} …", words[..count].join(" ")))
        .find(|part| fits(part))
        .unwrap_or_default()
}

fn draw_legend(canvas: &mut Canvas, y: f64) {
    let mut x = theme::MARGIN;
    let style = Type::new(theme::SMALL, theme::INK).align(Align::Start);
    for (verdict, words) in [
        (Verdict::Pass, "passes"),
        (Verdict::Fail, "fails or is not reached"),
        (Verdict::Untested, "not testable or unknown"),
    ] {
        canvas.block((x, y - 6.0), (x + 12.0, y + 6.0), color(verdict));
        canvas.text((x + 18.0, y), words, style);
        x += 42.0 + text_width(words, theme::SMALL, false);
    }
    canvas.text((x, y), "pale: as in the full model", style);
}

fn caption(ledger: &Ledger) -> String {
    let (passed, tested) = ledger.score(|_| true);
    let most = ledger
        .alternatives
        .iter()
        .enumerate()
        .map(|(index, alternative)| {
            let flips = ledger
                .rows
                .iter()
                .filter(|row| row.in_alternatives[index] != row.verdict)
                .count();
            (flips, alternative.name.as_str())
        })
        .max();
    let hangs = most.map_or_else(String::new, |(flips, name)| {
        format!(" Most hangs on what `{name}` takes away: {flips} verdicts change.")
    });
    format!(
        "{passed} of {tested} tested claims pass in the full model with one set of parameters; the other \
         columns show which verdicts change in another model.{hangs}"
    )
}

fn table(ledger: &Ledger) -> Table {
    let mut heads = vec![
        "id".to_owned(),
        "priority".to_owned(),
        "full model".to_owned(),
    ];
    heads.extend(ledger.alternatives.iter().map(|a| a.name.clone()));
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let mut table = Table::headed(heads);
    for row in &ledger.rows {
        let mut cells = vec![
            Cell::from(row.claim.id.as_str()),
            Cell::from(row.claim.priority.to_string()),
            Cell::from(row.verdict.name()),
        ];
        cells.extend(row.in_alternatives.iter().map(|v| Cell::from(v.name())));
        table.push(cells);
    }
    table
}
