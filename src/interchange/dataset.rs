//! NONMEM-style data sets.
//!
//! A CSV file with a header. Columns that are read, in any order, names in any case:
//!
//! | column | meaning |
//! |---|---|
//! | `TIME` | time, h (required); may fall only at a reset or a new subject |
//! | `AMT` | amount given, mg |
//! | `EVID` | 0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose; default: 1 with AMT or RATE, else 0 |
//! | `CMT` | 1 sorafenib depot, 2 central, 3/4 first partner, 5/6 second partner; default: 1 for doses, 2 otherwise |
//! | `RATE` | rate of an infusion, mg/h |
//! | `II`, `ADDL` | interval, h, and number of further doses |
//! | `SS` | 1 steady state replaces, 2 adds |
//! | `DV`, `MDV` | echoed |
//! | `ID` | subject; rows of one subject follow each other, and subjects are independent |
//! | `WT` | body weight, kg |
//! | a parameter's path | that parameter, in the unit of its file, such as `exposure.clearance` |
//!
//! Covariates hold for a whole subject. `.` and empty cells are missing. All other columns are
//! echoed.

use crate::error::{Error, Result};
use crate::model::{Field, Signals, State};
use crate::parameters::{Library, ParameterTable};
use crate::regimen::{COMPARTMENTS, Compartment, Happening, Record, RecordedDose, SteadyState};
use crate::simulate::{Accuracy, Answer, Problem, Scenario, answer_records};
use crate::table::{Cell, Table};
use rayon::prelude::*;
use std::ops::Range;

/// Columns with a meaning of their own.
const RESERVED: [&str; 11] = [
    "ID", "TIME", "AMT", "EVID", "CMT", "RATE", "II", "ADDL", "SS", "DV", "MDV",
];

/// Body weight: column and path.
const WEIGHT: (&str, &str) = ("WT", "exposure.body_weight");

/// A data set as read.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// Column names as written.
    pub header: Vec<String>,
    /// Cells as written.
    pub rows: Vec<Vec<String>>,
    subjects: Vec<Subject>,
}

/// One subject: rows, records, covariates.
#[derive(Debug, Clone, PartialEq)]
struct Subject {
    rows: Range<usize>,
    records: Vec<Record>,
    compartments: Vec<usize>,
    covariates: Vec<Covariate>,
}

/// A parameter of a subject.
#[derive(Debug, Clone, PartialEq)]
struct Covariate {
    place: String,
    path: String,
    value: String,
}

/// The text of a data set on its way to records.
struct Source<'a> {
    name: &'a str,
    header: Vec<String>,
    lines: Vec<u64>,
    rows: Vec<Vec<String>>,
}

impl Source<'_> {
    fn column(&self, name: &str) -> Option<usize> {
        self.header
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
    }

    fn place(&self, row: usize, column: usize) -> String {
        format!(
            "{}:{}, column {} ({})",
            self.name,
            self.lines[row],
            column + 1,
            self.header[column]
        )
    }

    fn row_place(&self, row: usize) -> String {
        format!("{}:{}", self.name, self.lines[row])
    }

    /// A cell; `None` where it is missing or the column does not exist.
    fn cell(&self, row: usize, name: &str) -> Option<(usize, &str)> {
        let column = self.column(name)?;
        let text = self.rows[row][column].trim();
        (!text.is_empty() && text != ".").then_some((column, text))
    }

    /// A number; 0 where it is missing.
    fn number(&self, row: usize, name: &str) -> Result<f64> {
        let Some((column, text)) = self.cell(row, name) else {
            return Ok(0.0);
        };
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(Error::input(
                self.place(row, column),
                format!("`{text}` is not a number"),
                "write a number such as 12.5, or `.` for a missing one",
            )),
        }
    }

    /// A number of 0 or more.
    fn positive(&self, row: usize, name: &str, remedy: &str) -> Result<f64> {
        let value = self.number(row, name)?;
        if value < 0.0 {
            return Err(self.refuse(row, name, format!("{name} is {value}"), remedy));
        }
        Ok(value)
    }

    /// A whole number up to `most`.
    fn whole(&self, row: usize, name: &str, most: u32) -> Result<Option<u32>> {
        if self.cell(row, name).is_none() {
            return Ok(None);
        }
        let value = self.number(row, name)?;
        if value < 0.0 || value.fract() != 0.0 || value > f64::from(most) {
            let remedy = format!("allowed: whole numbers from 0 to {most}");
            return Err(self.refuse(row, name, format!("{name} is {value}"), &remedy));
        }
        Ok(Some(value as u32))
    }

    fn refuse(&self, row: usize, name: &str, problem: impl Into<String>, remedy: &str) -> Error {
        let place = self
            .column(name)
            .map_or_else(|| self.row_place(row), |column| self.place(row, column));
        Error::input(place, problem, remedy)
    }
}

impl DataSet {
    /// Reads a data set; `name` stands in messages, `parameters` says which columns are parameters.
    ///
    /// # Errors
    /// Names line and column of a cell that cannot be used: no number, a code that is none, a time
    /// that falls, a dose without amount, values that contradict each other.
    pub fn parse(name: &str, text: &str, parameters: &ParameterTable) -> Result<Self> {
        let source = read(name, text)?;
        if source.column("TIME").is_none() {
            return Err(Error::input(
                name,
                "there is no column TIME",
                "the first line names the columns, separated by commas: ID,TIME,AMT,EVID,CMT,RATE,II,ADDL,SS,DV,MDV",
            ));
        }
        let covariates = covariate_columns(&source, parameters)?;
        let subjects = subject_rows(&source)
            .into_iter()
            .map(|rows| subject(&source, rows, &covariates))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            header: source.header,
            rows: source.rows,
            subjects,
        })
    }

    /// An answer whose columns of numbers are numbers rather than the text that was read; `.` is none.
    pub fn with_numbers(&self, table: &Table) -> Table {
        let mut table = table.clone();
        for (index, name) in self.header.iter().enumerate() {
            let numeric = (RESERVED[1..].iter().chain([&WEIGHT.0]))
                .any(|column| column.eq_ignore_ascii_case(name));
            if !numeric {
                continue;
            }
            for row in &mut table.rows {
                if let Cell::Text(text) = &row[index] {
                    row[index] = Cell::Number(text.trim().parse().ok());
                }
            }
        }
        table
    }

    /// Number of subjects.
    pub fn subjects(&self) -> usize {
        self.subjects.len()
    }

    /// Answers every record: the columns as read, `PRED` (the amount in a depot in mg, or the total
    /// concentration of CMT) and the columns of a time course, in the order of the rows.
    ///
    /// # Errors
    /// A dose that the model cannot take, or a run that fails.
    pub fn answer(
        &self,
        library: &Library,
        scenario: &Scenario,
        accuracy: &Accuracy,
        outputs: &[AnswerColumn],
    ) -> Result<Table> {
        // Subjects run side by side; an error is that of the first in the file.
        let answered = self
            .subjects
            .par_iter()
            .map(|subject| subject.answer(library, scenario, accuracy))
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        let burden = scenario.parameters(library)?;
        let burden = burden.text("burden_unit").unwrap_or("1").to_owned();
        let mut columns: Vec<(String, String)> = self
            .header
            .iter()
            .map(|name| (name.clone(), String::new()))
            .collect();
        columns.push(("PRED".to_owned(), String::new()));
        let unit = |unit: &str| unit.replace("burden", &burden);
        let fields = State::fields().iter();
        columns.extend(fields.map(|field: &Field| (field.name.to_owned(), unit(field.unit))));
        columns.extend(
            outputs
                .iter()
                .map(|(name, u, _)| ((*name).to_owned(), unit(u))),
        );
        let mut table = Table::new(columns);
        for (subject, (problem, answers)) in self.subjects.iter().zip(&answered) {
            let numbered = answers.iter().zip(&subject.compartments);
            for (row, (answer, compartment)) in subject.rows.clone().zip(numbered) {
                let echoed = self.rows[row].iter();
                let mut cells: Vec<Cell> = echoed.map(|text| Cell::from(text.as_str())).collect();
                cells.push(prediction(problem, answer, *compartment).into());
                cells.extend(answer.state.to_array().map(Cell::from));
                cells.extend(
                    outputs
                        .iter()
                        .map(|(_, _, f)| Cell::from(f(&answer.state, &answer.signals))),
                );
                table.push(cells);
            }
        }
        Ok(table)
    }
}

/// A column beside the states: name, unit, value.
pub type AnswerColumn = (
    &'static str,
    &'static str,
    fn(&State<f64>, &Signals<f64>) -> f64,
);

/// What CMT asks for: the amount in a depot, mg; the total concentration in a central compartment,
/// mg/L of sorafenib, nM of a partner.
fn prediction(problem: &Problem, answer: &Answer, compartment: usize) -> Option<f64> {
    let Compartment { drug, central } = Compartment::of(compartment)?;
    match drug {
        crate::regimen::Drug::Sorafenib if central => Some(answer.signals.sorafenib_total),
        crate::regimen::Drug::Sorafenib => Some(answer.state.sorafenib.depot),
        crate::regimen::Drug::Partner(slot) => {
            let amounts = &answer.state.partners[slot];
            let partner = problem.model.partners[slot].as_ref()?;
            if central {
                Some(partner.concentration(amounts, &answer.inputs.partners[slot]))
            } else {
                Some(amounts.depot)
            }
        }
    }
}

impl Subject {
    fn answer(
        &self,
        library: &Library,
        scenario: &Scenario,
        accuracy: &Accuracy,
    ) -> Result<(Problem, Vec<Answer>)> {
        let mut own = scenario.clone();
        // The records decide when the run ends.
        let end = self.records.iter().map(|r| r.time).fold(1.0, f64::max);
        own.duration = Some(end);
        for covariate in &self.covariates {
            let change = (covariate.path.clone(), covariate.value.clone());
            own.overrides.push(change);
        }
        let problem = own
            .prepare(library)
            .map_err(|error| self.at_covariate(error))?;
        let answers = answer_records(&problem, &self.records, accuracy)?;
        Ok((problem, answers))
    }

    /// An error of `--set` belongs to the cell of the covariate.
    fn at_covariate(&self, error: Error) -> Error {
        let Error::Input {
            place,
            problem,
            remedy,
        } = error
        else {
            return error;
        };
        let covariate = self.covariates.iter().find(|covariate| {
            place.starts_with(&format!("--set {}={}", covariate.path, covariate.value))
        });
        Error::Input {
            place: covariate.map_or(place, |covariate| covariate.place.clone()),
            problem,
            remedy,
        }
    }
}

fn read<'a>(name: &'a str, text: &str) -> Result<Source<'a>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .comment(Some(b'#'))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let unreadable = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        Error::input(
            format!("{name}:{line}"),
            format!("the line cannot be read as CSV: {error}"),
            "separate cells by commas and quote cells that contain commas",
        )
    };
    let header: Vec<String> = reader
        .headers()
        .map_err(unreadable)?
        .iter()
        .map(str::to_owned)
        .collect();
    if let [only] = header.as_slice()
        && only.contains([';', '\t'])
    {
        return Err(Error::input(
            format!("{name}:1"),
            "the columns are not separated by commas",
            "write a comma between columns and a point in decimal numbers",
        ));
    }
    if let Some(twice) = header
        .iter()
        .enumerate()
        .find(|(i, column)| header[..*i].iter().any(|c| c.eq_ignore_ascii_case(column)))
    {
        return Err(Error::input(
            format!("{name}:1, column {}", twice.0 + 1),
            format!("the column `{}` stands twice", twice.1),
            "give each column one name",
        ));
    }
    let mut source = Source {
        name,
        header,
        lines: Vec::new(),
        rows: Vec::new(),
    };
    for record in reader.records() {
        let record = record.map_err(unreadable)?;
        let line = record
            .position()
            .map_or(0, |position| line_of(text, position));
        if record.len() != source.header.len() {
            return Err(Error::input(
                format!("{name}:{line}"),
                format!(
                    "the line has {} cells, the header {}",
                    record.len(),
                    source.header.len()
                ),
                "give every line as many cells as the header; `.` stands for a missing one",
            ));
        }
        source.lines.push(line);
        source.rows.push(record.iter().map(str::to_owned).collect());
    }
    if source.rows.is_empty() {
        return Err(Error::input(
            name,
            "there is no record",
            "below the header stands one record per line",
        ));
    }
    Ok(source)
}

/// Line of the record that is read from `position` on: empty lines and comments come before it.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or_default();
    let rest = text.get(start..).unwrap_or_default();
    let skipped = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with('#'))
        .count();
    position.line() + skipped as u64
}

/// Rows of each subject: a new one begins where ID changes.
fn subject_rows(source: &Source<'_>) -> Vec<Range<usize>> {
    let id = |row: usize| source.column("ID").map(|column| &source.rows[row][column]);
    let mut starts: Vec<usize> = (0..source.rows.len())
        .filter(|row| *row == 0 || id(*row) != id(row - 1))
        .collect();
    starts.push(source.rows.len());
    starts.windows(2).map(|pair| pair[0]..pair[1]).collect()
}

/// Columns that set a parameter: position, path, unit.
fn covariate_columns(
    source: &Source<'_>,
    parameters: &ParameterTable,
) -> Result<Vec<(usize, String, String)>> {
    let mut columns = Vec::new();
    for (position, name) in source.header.iter().enumerate() {
        if RESERVED.iter().any(|r| r.eq_ignore_ascii_case(name)) {
            continue;
        }
        if name.eq_ignore_ascii_case(WEIGHT.0) {
            if parameters.number(WEIGHT.1).is_some() {
                columns.push((position, WEIGHT.1.to_owned(), "kg".to_owned()));
            }
        } else if let Some(entry) = parameters.number(name) {
            columns.push((position, name.clone(), entry.unit.clone()));
        } else if name.contains('.') {
            // A name with a point is meant as a path.
            return Err(Error::unknown_name(
                format!("{}:1, column {}", source.name, position + 1),
                "parameter",
                name,
                parameters.numbers().map(|(path, _)| path),
            ));
        }
    }
    Ok(columns)
}

fn subject(
    source: &Source<'_>,
    rows: Range<usize>,
    covariates: &[(usize, String, String)],
) -> Result<Subject> {
    let mut records: Vec<Record> = Vec::new();
    let mut compartments = Vec::new();
    for row in rows.clone() {
        let (record, compartment) = record(source, row)?;
        if let Some(last) = records.last()
            && record.time < last.time
            && !record.resets()
        {
            return Err(source.refuse(
                row,
                "TIME",
                format!(
                    "the time {} lies before the {} of the record above",
                    record.time, last.time
                ),
                "sort the records of a subject by time; only a reset (EVID 3 or 4) may go back",
            ));
        }
        records.push(record);
        compartments.push(compartment);
    }
    let covariates = covariates
        .iter()
        .filter_map(|(column, path, unit)| {
            covariate(source, &rows, *column, path, unit).transpose()
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Subject {
        rows,
        records,
        compartments,
        covariates,
    })
}

/// The value of a covariate of a subject, which must be one.
fn covariate(
    source: &Source<'_>,
    rows: &Range<usize>,
    column: usize,
    path: &str,
    unit: &str,
) -> Result<Option<Covariate>> {
    let name = &source.header[column];
    let mut found: Option<(usize, f64)> = None;
    for row in rows.clone() {
        if source.cell(row, name).is_none() {
            continue;
        }
        let value = source.number(row, name)?;
        match found {
            Some((_, first)) if first.to_bits() != value.to_bits() => {
                return Err(source.refuse(
                    row,
                    name,
                    format!("{name} changes from {first} to {value} within a subject"),
                    "covariates hold for a whole subject: use one value per ID",
                ));
            }
            Some(_) => {}
            None => found = Some((row, value)),
        }
    }
    Ok(found.map(|(row, value)| Covariate {
        place: source.place(row, column),
        path: path.to_owned(),
        value: format!("{value} {}", if unit.is_empty() { "1" } else { unit }),
    }))
}

/// The record of a row, and the number of its compartment.
fn record(source: &Source<'_>, row: usize) -> Result<(Record, usize)> {
    if source.cell(row, "TIME").is_none() {
        return Err(source.refuse(
            row,
            "TIME",
            "the time is missing",
            "give every record a time, in h",
        ));
    }
    let time = source.positive(row, "TIME", "times count in h from the start of the run")?;
    let amount = source.positive(row, "AMT", "amounts are given in mg, 0 or more")?;
    let rate = source.positive(
        row,
        "RATE",
        "give the rate in mg/h; rates and durations modelled elsewhere (-1, -2) are not known here",
    )?;
    let event = match source.whole(row, "EVID", 4)? {
        Some(event) => event,
        None => u32::from(amount > 0.0 || rate > 0.0),
    };
    let is_dose = matches!(event, 1 | 4);
    let compartment = match source.whole(row, "CMT", COMPARTMENTS as u32)? {
        None | Some(0) => 1 + usize::from(!is_dose),
        Some(number) => number as usize,
    };
    source.whole(row, "MDV", 1)?;
    if !is_dose {
        for name in ["AMT", "RATE", "II", "ADDL", "SS"] {
            if source.number(row, name)? != 0.0 {
                return Err(source.refuse(
                    row,
                    name,
                    format!("{name} is given, but EVID {event} is no dose"),
                    "use EVID 1 for a dose, or leave the cell empty",
                ));
            }
        }
    }
    let happening = match event {
        1 => Happening::Dose(dose(source, row, amount, rate, compartment)?),
        4 => Happening::ResetAndDose(dose(source, row, amount, rate, compartment)?),
        3 => Happening::Reset,
        _ => Happening::Observation,
    };
    let record = Record {
        place: source.row_place(row),
        time,
        happening,
    };
    Ok((record, compartment))
}

fn dose(
    source: &Source<'_>,
    row: usize,
    amount: f64,
    rate: f64,
    number: usize,
) -> Result<RecordedDose> {
    let refuse =
        |name: &str, problem: &str, remedy: &str| Err(source.refuse(row, name, problem, remedy));
    let interval = source.positive(row, "II", "give the interval in h")?;
    let additional = source.whole(row, "ADDL", 1_000_000)?.unwrap_or(0);
    let steady_state = match source.whole(row, "SS", 2)? {
        None | Some(0) => SteadyState::No,
        Some(1) => SteadyState::Replaces,
        Some(_) => SteadyState::Adds,
    };
    let Some(compartment) = Compartment::of(number) else {
        return refuse(
            "CMT",
            "there is no such compartment",
            "see the table of compartments in `hif-switch simulate --help`",
        );
    };
    let steady = steady_state != SteadyState::No;
    let constant = steady && amount <= 0.0 && rate > 0.0;
    if amount <= 0.0 && !constant {
        return refuse(
            "AMT",
            "a dose without an amount",
            "give AMT in mg; only a constant infusion at steady state (SS with RATE and without II) has none",
        );
    }
    if constant && (interval > 0.0 || additional > 0) {
        return refuse(
            "II",
            "a constant infusion has no interval and no further doses",
            "leave II and ADDL empty, or give AMT",
        );
    }
    if (additional > 0 || (steady && !constant)) && interval <= 0.0 {
        return refuse(
            "II",
            "further doses and steady states need an interval",
            "give II in h",
        );
    }
    if rate > 0.0 && !compartment.central {
        return refuse(
            "CMT",
            "an infusion into a depot",
            "infusions go into a central compartment: CMT 2, 4 or 6",
        );
    }
    Ok(RecordedDose {
        compartment,
        amount,
        rate,
        interval,
        additional,
        steady_state,
    })
}
