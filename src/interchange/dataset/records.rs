//! From rows to subjects with their records.

use super::columns::convert;
use super::names::Meaning;
use super::source::{Source, parse_number};
use crate::error::{Error, Result};
use crate::regimen::{
    COMPARTMENTS, Compartment, Delivery, Drug, Happening, Record, RecordedDose, SteadyState,
};
use std::collections::HashMap;
use std::ops::Range;

/// Largest time, lag, duration or interval, h: ten years.
const MAX_HOURS: f64 = 87_660.0;

/// Largest amount, mg: a tonne.
const MAX_MILLIGRAMS: f64 = 1e9;

/// Largest rate, mg/h: the largest amount within a thousandth of a second.
const MAX_RATE: f64 = 4e15;

/// Doses of a data set at most, further ones and infusions of a steady state that still run counted.
const MAX_DOSES: f64 = 100_000.0;

/// One subject: rows, records, what is compared, covariates.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Subject {
    pub rows: Range<usize>,
    pub records: Vec<Record>,
    /// Number of the compartment of each record.
    pub compartments: Vec<usize>,
    /// What was measured, in the unit of PRED.
    pub observed: Vec<Option<f64>>,
    pub covariates: Vec<Covariate>,
    doses: f64,
}

impl Subject {
    pub fn has_observations(&self) -> bool {
        self.observed.iter().any(Option::is_some)
    }

    /// Records and doses.
    pub fn work(&self) -> u64 {
        self.records.len() as u64 + self.doses as u64
    }
}

/// A parameter of a subject.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Covariate {
    pub place: String,
    pub path: String,
    pub value: String,
}

/// The subjects of a data set, and what may not be meant.
pub(super) fn subjects(source: &Source<'_>) -> Result<(Vec<Subject>, Vec<String>)> {
    if source.column(&Meaning::Time).is_none() {
        return Err(Error::input(
            source.name,
            "there is no column TIME",
            "the first line names the columns, separated by commas: ID,TIME,AMT,EVID,CMT,RATE,II,ADDL,SS,DV,MDV; `--map HOURS=TIME` takes another column for it",
        ));
    }
    let rows = subject_rows(source)?;
    let mut warnings = Vec::new();
    warnings.extend(scattered(source, &rows)?);
    warnings.extend(filled_down(source)?);
    let subjects = rows
        .into_iter()
        .map(|rows| subject(source, rows))
        .collect::<Result<Vec<_>>>()?;
    check_doses(&subjects)?;
    Ok((subjects, warnings))
}

/// The subject of a row: a number where it is one, so that `1` and `1.0` are the same.
fn identity(source: &Source<'_>, row: usize) -> Result<Option<String>> {
    let Some(column) = source.column(&Meaning::Id) else {
        return Ok(None);
    };
    let Some(text) = source.text(row, column) else {
        return Err(Error::input(
            source.place(row, column),
            "the subject is missing",
            "give every record an ID, or leave out the column",
        ));
    };
    let number = parse_number(text);
    Ok(Some(
        number.map_or_else(|| text.to_owned(), |n| n.to_string()),
    ))
}

/// Rows of each subject: a new one begins where ID changes.
fn subject_rows(source: &Source<'_>) -> Result<Vec<Range<usize>>> {
    let count = source.cells.rows.len();
    let ids = (0..count)
        .map(|row| identity(source, row))
        .collect::<Result<Vec<_>>>()?;
    let numbered = |id: &Option<String>| id.as_ref().is_some_and(|id| parse_number(id).is_some());
    let marked = |id: &Option<String>| {
        let rest = id.as_ref().and_then(|id| id.strip_prefix(['C', 'c']));
        rest.is_some_and(|rest| parse_number(rest).is_some())
    };
    if let (Some(row), true) = (ids.iter().position(marked), ids.iter().any(numbered)) {
        let column = source.column(&Meaning::Id).unwrap_or_default();
        return Err(Error::input(
            source.place(row, column),
            format!(
                "`{}` among numbers: a comment (IGNORE=C), or a subject?",
                source.cells.rows[row][column]
            ),
            "mark comments by `#` or by a column C; give subjects numbers or names throughout",
        ));
    }
    let mut starts: Vec<usize> = (0..count)
        .filter(|row| *row == 0 || ids[*row] != ids[row - 1])
        .collect();
    starts.push(count);
    Ok(starts.windows(2).map(|pair| pair[0]..pair[1]).collect())
}

/// A warning where rows of one subject do not follow each other.
fn scattered(source: &Source<'_>, subjects: &[Range<usize>]) -> Result<Option<String>> {
    let mut first: HashMap<String, usize> = HashMap::new();
    let mut again = Vec::new();
    for rows in subjects {
        let Some(id) = identity(source, rows.start)? else {
            return Ok(None);
        };
        if first.insert(id.clone(), rows.start).is_some() {
            again.push((rows.start, id));
        }
    }
    Ok(again.first().map(|(row, id)| {
        format!(
            "{}: subject {id} comes again after another one, and {} times in all a subject does; each time it is taken for a new subject without doses before. \
             Records sorted by time must be sorted by ID, then TIME",
            source.row_place(*row),
            again.len()
        )
    }))
}

/// A warning where AMT seems to be filled down to samples.
fn filled_down(source: &Source<'_>) -> Result<Option<String>> {
    let given = |row: usize, meaning: &Meaning| -> Result<bool> {
        let column = source.column(meaning);
        Ok(column.is_some_and(|column| {
            let text = source.text(row, column);
            text.is_some_and(|text| parse_number(text).is_none_or(|number| number != 0.0))
        }))
    };
    for row in 0..source.cells.rows.len() {
        let coded = source
            .column(&Meaning::Event)
            .is_some_and(|column| source.text(row, column).is_some());
        if !coded && given(row, &Meaning::Amount)? && given(row, &Meaning::Observed)? {
            return Ok(Some(format!(
                "{}: a dose, as AMT is above 0 and EVID is missing, but DV stands there too. If AMT is filled down, give EVID 0 to samples",
                source.row_place(row)
            )));
        }
    }
    Ok(None)
}

/// Refuses more doses than can be simulated.
fn check_doses(subjects: &[Subject]) -> Result<()> {
    let total: f64 = subjects.iter().map(|subject| subject.doses).sum();
    if total <= MAX_DOSES {
        return Ok(());
    }
    let mut largest = (0.0, "");
    for subject in subjects {
        for (record, doses) in subject.records.iter().zip(doses_of(&subject.records)) {
            if doses > largest.0 {
                largest = (doses, &record.place);
            }
        }
    }
    Err(Error::input(
        largest.1,
        format!(
            "the data set asks for {total:.0} doses within its times, {:.0} of them by this record",
            largest.0
        ),
        format!(
            "at most {MAX_DOSES:.0} are simulated, which takes minutes: lower ADDL, raise II, or give a mean rate as an infusion"
        ),
    ))
}

/// How many doses each record brings before the records end or a reset cancels them.
fn doses_of(records: &[Record]) -> Vec<f64> {
    // A reset forgets what was to come when the record before it was answered.
    let mut end = None;
    let mut counts = Vec::with_capacity(records.len());
    for record in records.iter().rev() {
        let span = *end.get_or_insert(record.time) - record.time;
        counts.push(record.dose().map_or(0.0, |dose| dose.count_within(span)));
        if record.resets() {
            end = None;
        }
    }
    counts.reverse();
    counts
}

fn subject(source: &Source<'_>, rows: Range<usize>) -> Result<Subject> {
    let mut records: Vec<Record> = Vec::new();
    let mut compartments = Vec::new();
    let mut observed = Vec::new();
    for row in rows.clone() {
        let (record, compartment) = record(source, row)?;
        if let Some(last) = records.last()
            && record.time < last.time
            && !record.resets()
        {
            return Err(source.refuse(
                row,
                &Meaning::Time,
                format!(
                    "the time {} lies before the {} of the record above",
                    record.time, last.time
                ),
                "sort the records of a subject by time; only a reset (EVID 3 or 4) may go back",
            ));
        }
        observed.push(observation(source, row, &record, compartment)?);
        records.push(record);
        compartments.push(compartment);
    }
    let mut covariates = Vec::new();
    for (column, found) in source.columns.iter().enumerate() {
        if let Meaning::Parameter(path) = &found.meaning {
            covariates.extend(covariate(source, &rows, column, path)?);
        }
    }
    let doses = doses_of(&records).iter().sum();
    Ok(Subject {
        rows,
        records,
        compartments,
        observed,
        covariates,
        doses,
    })
}

/// What was measured at an observation, in the unit of PRED.
fn observation(
    source: &Source<'_>,
    row: usize,
    record: &Record,
    compartment: usize,
) -> Result<Option<f64>> {
    let unobserved = source.whole(row, &Meaning::Unobserved, 1)? == Some(1);
    let Some(column) = source.column(&Meaning::Observed) else {
        return Ok(None);
    };
    let other = source.whole(row, &Meaning::Event, 4)? == Some(2);
    if unobserved || other || record.dose().is_some() || record.resets() {
        return Ok(None);
    }
    let Some(value) = source.written(row, column)? else {
        return Ok(None);
    };
    let (Some(unit), Some(compartment)) =
        (&source.columns[column].unit, Compartment::of(compartment))
    else {
        return Ok(Some(value));
    };
    let target = match (compartment.central, compartment.drug) {
        (false, _) => "mg",
        (true, Drug::Sorafenib) => "mg/L",
        (true, Drug::Partner(_)) => "nM",
    };
    Ok(Some(
        value * convert(unit, target, &source.place(row, column))?,
    ))
}

/// The value of a covariate of a subject, which must be one.
fn covariate(
    source: &Source<'_>,
    rows: &Range<usize>,
    column: usize,
    path: &str,
) -> Result<Option<Covariate>> {
    let name = &source.cells.header[column];
    let mut found: Option<(usize, f64)> = None;
    for row in rows.clone() {
        let Some(value) = source.written(row, column)? else {
            continue;
        };
        match found {
            Some((_, first)) if first.to_bits() != value.to_bits() => {
                return Err(Error::input(
                    source.place(row, column),
                    format!("{name} changes from {first} to {value} within a subject"),
                    "covariates hold for a whole subject: use one value per ID",
                ));
            }
            Some(_) => {}
            None => found = Some((row, value)),
        }
    }
    let unit = source.columns[column].unit.as_deref();
    let unit = unit.filter(|unit| !unit.is_empty()).unwrap_or("1");
    Ok(found.map(|(row, value)| Covariate {
        place: source.place(row, column),
        path: path.to_owned(),
        value: format!("{value} {unit}"),
    }))
}

/// The record of a row, and the number of its compartment.
fn record(source: &Source<'_>, row: usize) -> Result<(Record, usize)> {
    let Some(time) = source.number(row, &Meaning::Time)? else {
        return Err(source.refuse(
            row,
            &Meaning::Time,
            "the time is missing",
            "give every record a time",
        ));
    };
    if time.abs() > MAX_HOURS {
        return Err(source.refuse(
            row,
            &Meaning::Time,
            source.says(row, &Meaning::Time),
            &format!("allowed: -{MAX_HOURS} to {MAX_HOURS} h, ten years"),
        ));
    }
    let amount = source.positive(
        row,
        &Meaning::Amount,
        MAX_MILLIGRAMS,
        "amounts are given in mg",
    )?;
    let rate = source.number(row, &Meaning::Rate)?.unwrap_or(0.0);
    let event = match source.whole(row, &Meaning::Event, 4)? {
        Some(event) => event,
        None => u32::from(amount > 0.0 || rate != 0.0),
    };
    let is_dose = matches!(event, 1 | 4);
    let compartment = match source.whole(row, &Meaning::Compartment, COMPARTMENTS as u32)? {
        None | Some(0) => 1 + usize::from(!is_dose),
        Some(number) => number as usize,
    };
    if !is_dose && amount > 0.0 {
        return Err(source.refuse(
            row,
            &Meaning::Amount,
            format!("an amount is given, but EVID {event} is no dose"),
            "use EVID 1 for a dose, or leave the cell empty",
        ));
    }
    let dose = || dose(source, row, amount, compartment);
    let happening = match event {
        1 => Happening::Dose(dose()?),
        4 => Happening::ResetAndDose(dose()?),
        3 => Happening::Reset,
        _ => Happening::Observation,
    };
    if !is_dose {
        // Filled down from a dose they mean nothing here, but numbers they must be.
        for meaning in [
            Meaning::Duration,
            Meaning::Interval,
            Meaning::Additional,
            Meaning::SteadyState,
        ] {
            source.number(row, &meaning)?;
        }
    }
    let record = Record {
        place: source.row_place(row),
        time,
        happening,
    };
    Ok((record, compartment))
}

fn dose(source: &Source<'_>, row: usize, amount: f64, number: usize) -> Result<RecordedDose> {
    let refuse = |meaning: &Meaning, problem: &str, remedy: &str| {
        Err(source.refuse(row, meaning, problem, remedy))
    };
    let interval = source.positive(row, &Meaning::Interval, MAX_HOURS, "give the interval in h")?;
    let additional = source
        .whole(row, &Meaning::Additional, u32::MAX)?
        .unwrap_or(0);
    let steady_state = match source.whole(row, &Meaning::SteadyState, 2)? {
        None | Some(0) => SteadyState::No,
        Some(1) => SteadyState::Replaces,
        Some(_) => SteadyState::Adds,
    };
    let Some(compartment) = Compartment::of(number) else {
        return refuse(
            &Meaning::Compartment,
            "there is no such compartment",
            "see the table of compartments in `hif-switch simulate --help`",
        );
    };
    let delivery = delivery(source, row, amount, number)?;
    let steady = steady_state != SteadyState::No;
    let constant = steady && amount <= 0.0 && matches!(delivery, Delivery::Rate(_));
    if amount <= 0.0 && !constant {
        return refuse(
            &Meaning::Amount,
            "a dose without an amount",
            "give AMT in mg, or EVID 0 for an observation; only a constant infusion at steady state (SS with RATE and without II) has none",
        );
    }
    if constant && (interval > 0.0 || additional > 0) {
        return refuse(
            &Meaning::Interval,
            "a constant infusion has no interval and no further doses",
            "leave II and ADDL empty, or give AMT",
        );
    }
    if (additional > 0 || (steady && !constant)) && interval <= 0.0 {
        return refuse(
            &Meaning::Interval,
            "further doses and steady states need an interval",
            "give II in h",
        );
    }
    let lag = source.of_dose(row, number, Meaning::Lag, MAX_HOURS)?;
    let most = MAX_MILLIGRAMS / amount.max(1.0);
    let part = source.of_dose(row, number, Meaning::Bioavailability, most)?;
    Ok(RecordedDose {
        compartment,
        amount,
        delivery,
        bioavailability: part.map_or(1.0, |(_, part)| part),
        lag: lag.map_or(0.0, |(_, lag)| lag),
        interval,
        additional,
        steady_state,
    })
}

/// How a dose enters: RATE, RATE -1 or -2 with its column, or DUR.
fn delivery(source: &Source<'_>, row: usize, amount: f64, number: usize) -> Result<Delivery> {
    let rate = source.number(row, &Meaning::Rate)?.unwrap_or(0.0);
    let duration = source.positive(
        row,
        &Meaning::Duration,
        MAX_HOURS,
        "give the duration of the infusion in h",
    )?;
    // The codes are no rates: they stand there as they are in any unit of time.
    let code = match source.column(&Meaning::Rate) {
        Some(column) => source.written(row, column)?.unwrap_or(0.0),
        None => 0.0,
    };
    if code < 0.0 {
        return modelled(source, row, code, duration, number);
    }
    if rate > MAX_RATE {
        return Err(source.refuse(
            row,
            &Meaning::Rate,
            source.says(row, &Meaning::Rate),
            &format!("allowed: 0 to {MAX_RATE} mg/h"),
        ));
    }
    if rate > 0.0 && amount / rate > MAX_HOURS {
        return Err(source.refuse(
            row,
            &Meaning::Rate,
            format!("at {rate} mg/h the infusion takes {} h", amount / rate),
            &format!("at most {MAX_HOURS} h, ten years"),
        ));
    }
    match (rate > 0.0, duration > 0.0) {
        (false, false) => Ok(Delivery::Bolus),
        (true, false) => Ok(Delivery::Rate(rate)),
        (false, true) => Ok(Delivery::Duration(duration)),
        // As precise as numbers in such files are.
        (true, true) if (amount / rate / duration - 1.0).abs() <= 1e-3 => Ok(Delivery::Rate(rate)),
        (true, true) => Err(source.refuse(
            row,
            &Meaning::Duration,
            format!(
                "at the RATE of {rate} mg/h {amount} mg take {} h, not the duration of {duration} h",
                amount / rate
            ),
            "give RATE or DUR, or such that RATE x DUR is AMT",
        )),
    }
}

/// An infusion whose rate (RATE -1) or duration (-2) stands in a column of its own.
fn modelled(
    source: &Source<'_>,
    row: usize,
    code: f64,
    duration: f64,
    number: usize,
) -> Result<Delivery> {
    let (meaning, what, name): (fn(Option<usize>) -> Meaning, _, _) = if code
        .total_cmp(&-1.0)
        .is_eq()
    {
        (Meaning::ModelledRate, "rate", 'R')
    } else if code.total_cmp(&-2.0).is_eq() {
        (Meaning::ModelledDuration, "duration", 'D')
    } else {
        return Err(source.refuse(
            row,
            &Meaning::Rate,
            format!("RATE is {code}"),
            "give the rate in mg/h, -1 for a modelled rate (R1, R2 ...) or -2 for a modelled duration (D1, D2 ...)",
        ));
    };
    let most = if name == 'R' { MAX_RATE } else { MAX_HOURS };
    let given = source.of_dose(row, number, meaning, most)?;
    let value = match given {
        Some((_, value)) if value > 0.0 => value,
        None if name == 'D' && duration > 0.0 => duration,
        _ => {
            return Err(source.refuse(
                row,
                &Meaning::Rate,
                format!("RATE is {code}: a modelled {what}, which no column gives for compartment {number}"),
                &format!("give it, above 0, in a column {name}{number}"),
            ));
        }
    };
    Ok(if name == 'R' {
        Delivery::Rate(value)
    } else {
        Delivery::Duration(value)
    })
}
