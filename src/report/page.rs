//! The report: one HTML page that needs nothing else.
//!
//! No scripts, no network: drawings are inline SVG, links lead within the page. Tables scroll sideways on a
//! phone, dark and light follow the reader's system, and paper has its own style.

use crate::parameters::{Library, ParameterTable, Reference};
use crate::study::calibrate::Prediction;
use crate::study::claims::{Ledger, Verdict};
use crate::table::{Cell, Table, UNKNOWN, significant};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::{BTreeMap, BTreeSet};

const STYLE: &str = include_str!("page.css");

/// A drawing of the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawing {
    /// Name, used in links.
    pub name: String,
    /// What it says.
    pub caption: String,
    /// SVG.
    pub svg: String,
}

/// A comparison of arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Name, used in links.
    pub name: String,
    /// Title.
    pub title: String,
    /// Arms with their verdicts.
    pub table: Table,
    /// What the columns mean.
    pub legend: String,
    /// Command that makes it.
    pub command: String,
}

/// The model beside what was measured.
#[derive(Debug, Clone)]
pub struct Validation<'a> {
    /// Every target with its prediction.
    pub rows: &'a [Prediction],
    /// Draws of the parameters behind the bands.
    pub draws: u64,
    /// Drawings of it.
    pub drawings: Vec<Drawing>,
    /// Command that makes it.
    pub command: String,
}

/// Parameters of a setting, partner or variant.
#[derive(Debug, Clone)]
pub struct ParameterSet {
    /// Name, used in links.
    pub name: String,
    /// Title.
    pub title: String,
    /// The numbers.
    pub table: ParameterTable,
}

/// All that the page shows.
#[derive(Debug, Clone)]
pub struct Page<'a> {
    /// What differs from the shipped model, in words; empty for the model itself.
    pub differs: String,
    /// Comparisons, the main one first.
    pub comparisons: Vec<Comparison>,
    /// Drawings in the order in which they tell the story.
    pub drawings: Vec<Drawing>,
    /// Claims of the literature, if they were judged.
    pub claims: Option<&'a Ledger>,
    /// Comparison with measured data, if there is one.
    pub validation: Option<Validation<'a>>,
    /// Parameters.
    pub parameters: Vec<ParameterSet>,
    /// References by key.
    pub references: BTreeMap<String, Reference>,
    /// Manifest of the run as JSON.
    pub manifest: String,
    /// Further commands with what they make.
    pub commands: Vec<(String, String)>,
}

impl Page<'_> {
    /// The page as HTML.
    pub fn to_html(&self) -> String {
        let title = "hif-switch: sorafenib, hypoxia and the HIF switch";
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header {
                        h1 { "Sorafenib, hypoxia and the HIF-1a to HIF-2a switch in hepatocellular carcinoma" }
                        p { "Coupled differential equations from sorafenib exposure over vessels, oxygen and the HIFs to apoptosis and tumour volume; every partner drug of a review (Zeng et al. 2021, Front Oncol 11:641522) alone and with sorafenib." }
                        @if !self.differs.is_empty() {
                            p.warning { "This report is of a changed model: " code { (self.differs) } ". Claims and validation are judged with the parameter files alone, without options such as --set." }
                        }
                        p.warning { "For research. Not for decisions about patients. The model is a hypothesis with parameters, most of them assumed; combinations are mechanistic upper bounds, not forecasts." }
                    }
                    nav aria-label="Contents" { ul { @for (id, title) in self.sections() { li { a href={ "#" (id) } { (title) } } } } }
                    main {
                        (self.comparison_section())
                        (self.drawing_section())
                        @if let Some(ledger) = self.claims { (claims_section(ledger)) }
                        @if let Some(validation) = &self.validation { (self.validation_section(validation)) }
                        (self.parameter_section())
                        (self.reference_section())
                        (self.reproduce_section())
                        footer { p { "Written by hif-switch " (env!("CARGO_PKG_VERSION")) ". " a href="#comparison" { "Back to the beginning" } } }
                    }
                }
            }
        }
        .into_string()
    }

    fn sections(&self) -> Vec<(&'static str, &'static str)> {
        let mut sections = vec![("comparison", "Comparison"), ("figures", "Figures")];
        if self.claims.is_some() {
            sections.push(("claims", "Claims"));
        }
        if self.validation.is_some() {
            sections.push(("validation", "Validation"));
        }
        sections.extend([
            ("parameters", "Parameters"),
            ("references", "References"),
            ("reproduce", "How to reproduce this"),
        ]);
        sections
    }

    fn comparison_section(&self) -> Markup {
        html! {
            section id="comparison" {
                h2 { "Comparison of arms" }
                ul { @for c in &self.comparisons { li { a href={ "#comparison-" (c.name) } { (c.title) } } } }
                @for c in &self.comparisons {
                    h3 id={ "comparison-" (c.name) } { (c.title) }
                    (table_markup(&c.table))
                    p.legend { (c.legend) }
                    p { "Made by " code.command { (c.command) } "." }
                }
            }
        }
    }

    fn drawing_section(&self) -> Markup {
        html! {
            section id="figures" {
                h2 { "Figures" }
                ul { @for d in &self.drawings { li { a href={ "#figure-" (d.name) } { (title_of(&d.name)) } } } }
                @for d in &self.drawings { (drawing_markup(d)) }
            }
        }
    }

    fn validation_section(&self, validation: &Validation<'_>) -> Markup {
        let outside = validation.rows.iter().filter(|row| !row.inside());
        html! {
            section id="validation" {
                h2 { "What was measured, and what the model gives" }
                p { "A target is inside when the prediction lies within its acceptance range, which is published where its ends or the spread that they follow from stand in the source, and assumed everywhere else. " b { "Fitted" } " marks targets that a calibration fits to; all others are " b { "held out" } ", and only they test the model. What other measurements contradict is shown and not counted. Bands: 95 % of " (validation.draws) " draws of the fitted parameters about their present values, or of resampled virtual patients." }
                ul { @for line in super::validation_summary(validation.rows).lines() { li { (line) } } }
                p { "Made by " code.command { (validation.command) } "." }
                @for d in &validation.drawings { (drawing_markup(d)) }
                div.scroll { table {
                    thead { tr { th { "target" } th { "unit" } th.number { "observed" } th.number { "acceptance range" } th { "range" } th.number { "predicted" } th.number { "band" } th { "inside" } th { "use" } th { "grade" } th { "source" } } }
                    tbody { @for row in validation.rows { (self.validation_row(row)) } }
                } }
                details open {
                    summary { "Why targets lie outside" }
                    ul { @for row in outside { li {
                        b { (row.target.text) } ": " (row.target.outside.as_deref().unwrap_or("No explanation yet."))
                    } } }
                }
            }
        }
    }

    fn validation_row(&self, row: &Prediction) -> Markup {
        let target = &row.target;
        html! {
            tr id={ "target-" (target.id) } {
                td.long { (target.text) @if let Some(note) = &target.note { details { summary { "Note" } (note) } } }
                td { (target.unit) }
                td.number { (significant(target.value)) }
                td.number { (super::calibrate::ends(Some(target.interval))) }
                td { (target.range.name()) }
                td.number { @if row.predicted.is_finite() { (significant(row.predicted)) } @else { (row.verdict()) } }
                td.number { (super::calibrate::ends(row.band)) }
                td.fail[!row.inside()] { (row.verdict()) }
                td { (target.role()) }
                td { (target.grade) }
                td { @for (i, key) in target.source.iter().enumerate() { @if i > 0 { ", " } (self.reference_link(key)) } }
            }
        }
    }

    /// A key of the literature, as a link where the page lists it.
    fn reference_link(&self, key: &str) -> Markup {
        html! {
            @if self.references.contains_key(key) { a href={ "#reference-" (key) } { (key) } } @else { (key) }
        }
    }

    fn parameter_section(&self) -> Markup {
        html! {
            section id="parameters" {
                h2 { "Parameters" }
                p { "Every number of the model with its unit, grade and source. Grades: " b { "verified" } " was read in the source named, " b { "recalled" } " is quoted from memory of it, " b { "derived" } " is arithmetic on graded numbers, " b { "fitted" } " was fitted to data, " b { "assumed" } " has no source." }
                p { (grade_counts(&self.parameters)) }
                @for set in &self.parameters {
                    details id={ "parameters-" (set.name) } {
                        summary { (set.title) }
                        (self.parameter_table(&set.table))
                    }
                }
            }
        }
    }

    fn parameter_table(&self, table: &ParameterTable) -> Markup {
        html! {
            div.scroll { table {
                thead { tr { th { "parameter" } th.number { "value" } th { "unit" } th { "grade" } th { "source" } th { "note" } } }
                tbody {
                    @for (path, entry) in table.numbers() {
                        tr {
                            td { code { (path) } }
                            td.number { @match entry.value { Some(value) => (number(value)), None => "unknown" } }
                            td { (entry.unit) }
                            td { (entry.grade) }
                            td { @if let Some(key) = &entry.source { (self.reference_link(key)) } }
                            td.long { (entry.note.as_deref().unwrap_or("")) }
                        }
                    }
                }
            } }
        }
    }

    fn reference_section(&self) -> Markup {
        let of_parameters = self.parameters.iter().flat_map(|set| {
            let numbers = set.table.numbers();
            numbers.filter_map(|(_, entry)| entry.source.as_ref())
        });
        let validation = self.validation.iter();
        let of_targets = validation.flat_map(|v| v.rows.iter().flat_map(|row| &row.target.source));
        let used: BTreeSet<&String> = of_parameters.chain(of_targets).collect();
        let used = used
            .into_iter()
            .filter_map(|key| Some((key, self.references.get(key)?)));
        html! {
            section id="references" {
                h2 { "References" }
                ul {
                    @for (key, reference) in used {
                        li id={ "reference-" (key) } {
                            b { (key) } ": " (reference.citation)
                            @if let Some(doi) = &reference.doi { ", doi:" (doi) }
                            @if let Some(number) = reference.review_number { " (reference " (number) " of the review)" }
                        }
                    }
                }
            }
        }
    }

    fn reproduce_section(&self) -> Markup {
        html! {
            section id="reproduce" {
                h2 { "How to reproduce this" }
                p { "The program is deterministic: the same version and parameters give the same bytes. Each part comes from a command:" }
                div.scroll { table {
                    thead { tr { th { "command" } th { "makes" } } }
                    tbody { @for (command, makes) in &self.commands { tr { td { code.command { (command) } } td.long { (makes) } } } }
                } }
                h3 { "Manifest of this report" }
                pre { (self.manifest) }
            }
        }
    }
}

fn drawing_markup(drawing: &Drawing) -> Markup {
    html! {
        figure id={ "figure-" (drawing.name) } {
            h3 { (title_of(&drawing.name)) }
            div.drawing role="img" aria-label=(drawing.caption) { (PreEscaped(&drawing.svg)) }
            figcaption { (drawing.caption) }
        }
    }
}

fn claims_section(ledger: &Ledger) -> Markup {
    let summary = super::claims_summary(ledger);
    let lines = summary.lines().filter(|line| line.ends_with("pass"));
    html! {
        section id="claims" {
            h2 { "What the literature says, and what the model says to it" }
            ul { @for line in lines { li { (line) } } }
            p { "A claim passes when all its tests do; up and down mean by more than 5 %. " code.command { "hif-switch claims" } " lists every test with its value and numerical error." }
            div.scroll { table {
                thead { tr { th { "id" } th { "verdict" } th { "claim" } th { "priority" } th.number { "tests passed" } } }
                tbody {
                    @for row in &ledger.rows {
                        tr id={ "claim-" (row.claim.id) } {
                            td { (row.claim.id) }
                            td.fail[matches!(row.verdict, Verdict::Fail | Verdict::NotReached)] { (row.verdict.name()) }
                            td.long {
                                (row.claim.text)
                                @if let Some(reason) = &row.claim.untested { details { summary { "Why it is not tested" } (reason) } }
                                @if matches!(row.verdict, Verdict::Fail | Verdict::NotReached) { @if let Some(failure) = &row.claim.failure { details { summary { "Why it fails" } (failure) } } }
                            }
                            td { (row.claim.priority) }
                            td.number { (row.tests.iter().filter(|test| test.passed()).count()) " of " (row.tests.len()) }
                        }
                    }
                }
            } }
        }
    }
}

/// A table that scrolls sideways where it does not fit.
fn table_markup(table: &Table) -> Markup {
    let numeric: Vec<bool> = (0..table.columns.len())
        .map(|index| table.rows.iter().any(|row| row[index].is_number()))
        .collect();
    html! {
        div.scroll { table.brief {
            thead { tr { @for (column, numeric) in table.columns.iter().zip(&numeric) {
                th.number[*numeric] { (column.name) @if !matches!(column.unit.as_str(), "" | "1") { small { (column.unit) } } }
            } } }
            tbody { @for row in &table.rows { tr { @for (cell, numeric) in row.iter().zip(&numeric) {
                td.number[*numeric] { @match cell {
                    Cell::Text(text) => (text),
                    Cell::Number(Some(value)) => (significant(*value)),
                    Cell::Number(None) => "-",
                    Cell::Unknown => (UNKNOWN),
                } }
            } } } }
        } }
    }
}

/// A parameter's number as it stands in its file.
fn number(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn title_of(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn grade_counts(sets: &[ParameterSet]) -> String {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for (_, entry) in sets.iter().flat_map(|set| set.table.numbers()) {
        if entry.value.is_some() {
            *counts.entry(entry.grade).or_default() += 1;
        }
    }
    let counts: Vec<String> = counts
        .iter()
        .map(|(grade, count)| format!("{count} {grade}"))
        .collect();
    format!("In all files: {}.", counts.join(", "))
}

/// The parameter files of a library: biology, settings, phenotypes, variants, partners.
///
/// # Errors
/// A file that cannot be read.
pub fn parameter_sets(library: &Library) -> crate::Result<Vec<ParameterSet>> {
    let mut sets = vec![ParameterSet {
        name: "biology".to_owned(),
        title: "Biology, the same in every setting".to_owned(),
        table: library.table("", "biology", "report")?,
    }];
    let folders = [
        ("settings", "Setting"),
        ("phenotypes", "Phenotype"),
        ("variants", "Variant"),
        ("partners", "Partner"),
    ];
    for (folder, kind) in folders {
        for name in library.names(folder) {
            let table = library.table(folder, name, "report")?;
            if table.numbers().next().is_none() {
                continue;
            }
            let title = table.text("title").unwrap_or(name);
            sets.push(ParameterSet {
                name: format!("{folder}-{name}"),
                title: format!("{kind} {name}: {title}"),
                table,
            });
        }
    }
    Ok(sets)
}
