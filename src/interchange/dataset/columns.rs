//! What each column of a file says, and in which unit.

use super::cells::Cells;
use super::names::{DROP, Dimension, Meaning, WEIGHT, known, known_names, refused, slip};
use crate::error::{Error, Result};
use crate::parameters::ParameterTable;
use crate::units::factor;
use std::cell::Cell;

/// How a data set is to be read.
#[derive(Debug, Clone)]
pub struct Reading<'a> {
    /// Says which columns are parameters.
    pub parameters: &'a ParameterTable,
    /// Unit of the times, durations and rates whose header has none; `None`: h.
    pub time_unit: Option<String>,
    /// Columns with what they are to be taken for: the name of a meaning, a parameter's path, or DROP.
    pub names: Vec<(String, String)>,
}

impl<'a> Reading<'a> {
    /// Columns mean what they are called, times are in h.
    pub fn new(parameters: &'a ParameterTable) -> Self {
        Self {
            parameters,
            time_unit: None,
            names: Vec::new(),
        }
    }
}

/// A column of a file with its meaning.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub meaning: Meaning,
    /// What its numbers are multiplied by.
    pub factor: f64,
    /// Unit that the header gives.
    pub unit: Option<String>,
    /// Whether any record asked for it.
    pub used: Cell<bool>,
}

impl Column {
    /// Whether it concerns only the doses that ask for it.
    fn is_for_some_doses(&self) -> bool {
        matches!(
            self.meaning,
            Meaning::Lag(_)
                | Meaning::Bioavailability(_)
                | Meaning::ModelledRate(_)
                | Meaning::ModelledDuration(_)
        )
    }

    /// Whether nothing is made of it, once all records are read.
    pub fn is_unused(&self) -> bool {
        self.meaning == Meaning::Unused || self.is_for_some_doses() && !self.used.get()
    }
}

/// Name and unit of a header such as `TIME [d]` or `AMT (ug)`.
pub(super) fn split_unit(header: &str) -> (&str, Option<&str>) {
    for (open, close) in [('[', ']'), ('(', ')')] {
        let inside = header.strip_suffix(close);
        if let Some((name, unit)) = inside.and_then(|inside| inside.split_once(open))
            && !name.trim().is_empty()
        {
            return (name.trim(), Some(unit.trim()));
        }
    }
    (header.trim(), None)
}

/// Finds out what each column says.
///
/// # Errors
/// A column that means something and is not understood, a slip of a name, two columns that say the same.
pub(super) fn understand(name: &str, cells: &Cells, reading: &Reading<'_>) -> Result<Vec<Column>> {
    let place = |column: usize| {
        format!(
            "{name}:{}, column {} ({})",
            cells.header_line,
            column + 1,
            cells.header[column]
        )
    };
    if let Some((column, twice)) = cells.header.iter().enumerate().find(|(i, column)| {
        let above = &cells.header[..*i];
        above.iter().any(|other| other.eq_ignore_ascii_case(column))
    }) {
        return Err(Error::input(
            format!("{name}:{}, column {}", cells.header_line, column + 1),
            format!("the column `{twice}` stands twice"),
            "give each column one name",
        ));
    }
    let names = mapped(cells, reading)?;
    let mut meanings = Vec::new();
    for (column, (target, was_mapped)) in names.iter().enumerate() {
        let found = meaning(&place(column), target, *was_mapped, reading.parameters)?;
        meanings.push(found);
    }
    conflicts(&meanings, &place)?;

    let clock = time_unit(cells, &meanings, reading, &place)?;
    let mut columns = Vec::new();
    for (column, (meaning, dimension)) in meanings.into_iter().enumerate() {
        let unit = split_unit(&cells.header[column]).1.map(str::to_owned);
        let wanted = match dimension {
            Dimension::Plain | Dimension::Own => None,
            Dimension::Time => Some(("h", clock)),
            Dimension::Amount => Some(("mg", 1.0)),
            Dimension::Rate => Some(("mg/h", 1.0 / clock)),
        };
        let factor = match (wanted, &unit) {
            (Some((wanted, _)), Some(unit)) => convert(unit, wanted, &place(column))?,
            (Some((_, default)), None) => default,
            (None, _) => 1.0,
        };
        // A parameter without a unit is in that of its file, a body weight in kg.
        let own = match &meaning {
            Meaning::Parameter(path) if path == WEIGHT.1 && names[column].0 != WEIGHT.1 => {
                Some("kg")
            }
            Meaning::Parameter(path) => reading
                .parameters
                .number(path)
                .map(|entry| entry.unit.as_str()),
            _ => None,
        };
        columns.push(Column {
            meaning,
            factor,
            unit: unit.or(own.map(str::to_owned)),
            used: Cell::new(false),
        });
    }
    Ok(columns)
}

/// The name under which each column is understood, and whether it was given by the caller.
fn mapped(cells: &Cells, reading: &Reading<'_>) -> Result<Vec<(String, bool)>> {
    let own = |header: &String| split_unit(header).0.to_owned();
    let mut names: Vec<(String, bool)> = cells.header.iter().map(|h| (own(h), false)).collect();
    for (left, right) in &reading.names {
        let at = |name: &str| {
            let mut headers = cells.header.iter();
            headers.position(|header| {
                header.eq_ignore_ascii_case(name) || own(header).eq_ignore_ascii_case(name)
            })
        };
        // As in NONMEM's $INPUT, the reserved name stands on either side.
        let (column, meaning) = match (at(left), at(right)) {
            (Some(column), _) => (column, right),
            (None, Some(column)) if known(left).is_some() => (column, left),
            _ => {
                let headers = cells.header.iter().map(String::as_str);
                let place = format!("--map {left}={right}");
                return Err(Error::unknown_name(place, "column", left, headers));
            }
        };
        names[column] = (meaning.clone(), true);
    }
    Ok(names)
}

fn meaning(
    place: &str,
    name: &str,
    mapped: bool,
    parameters: &ParameterTable,
) -> Result<(Meaning, Dimension)> {
    let upper = name.to_ascii_uppercase();
    if mapped && DROP.contains(&upper.as_str()) {
        return Ok((Meaning::Dropped, Dimension::Plain));
    }
    if let Some(known) = known(name) {
        return Ok(known);
    }
    let path = if upper == WEIGHT.0 { WEIGHT.1 } else { name };
    if parameters.number(path).is_some() {
        return Ok((Meaning::Parameter(path.to_owned()), Dimension::Own));
    }
    if upper == WEIGHT.0 {
        // A setting without a body.
        return Ok((Meaning::Unused, Dimension::Plain));
    }
    if name.contains('.') {
        // A name with a point is meant as a path.
        let known = parameters.numbers().map(|(path, _)| path);
        return Err(Error::unknown_name(place, "parameter", name, known));
    }
    if mapped {
        let known = known_names().into_iter().chain([DROP[0]]);
        return Err(Error::unknown_name(
            place,
            "meaning of a column",
            name,
            known,
        ));
    }
    let or_drop = format!("`--map \"{name}=DROP\"` leaves the column out");
    if let Some(remedy) = refused(&upper) {
        return Err(Error::input(
            place,
            format!(
                "the column `{name}` has a meaning in data sets of this kind that is not understood here"
            ),
            format!("{remedy}; {or_drop}"),
        ));
    }
    if let Some(nearest) = slip(&upper) {
        let remedy = refused(nearest).map(|remedy| format!(": {remedy}"));
        return Err(Error::input(
            place,
            format!("unknown column `{name}`"),
            format!(
                "did you mean `{nearest}`?{} {or_drop}",
                remedy.unwrap_or_default()
            ),
        ));
    }
    Ok((Meaning::Unused, Dimension::Plain))
}

/// Two columns that say the same.
fn conflicts(meanings: &[(Meaning, Dimension)], place: &impl Fn(usize) -> String) -> Result<()> {
    let same = |a: &Meaning, b: &Meaning| match (a, b) {
        (Meaning::Unused | Meaning::Dropped, _) => false,
        (Meaning::Lag(i), Meaning::Lag(j))
        | (Meaning::Bioavailability(i), Meaning::Bioavailability(j))
        | (Meaning::ModelledRate(i), Meaning::ModelledRate(j))
        | (Meaning::ModelledDuration(i), Meaning::ModelledDuration(j)) => {
            i.is_none() || j.is_none() || i == j
        }
        _ => a == b,
    };
    for (column, (meaning, _)) in meanings.iter().enumerate() {
        let above = meanings[..column].iter();
        if let Some(other) = above.clone().position(|(other, _)| same(other, meaning)) {
            return Err(Error::input(
                place(column),
                format!("it says the same as column {}, twice", other + 1),
                "keep one of them, or leave one out with --map NAME=DROP",
            ));
        }
    }
    Ok(())
}

/// Hours per unit of time of the data set: from the caller, or from the header of TIME.
fn time_unit(
    cells: &Cells,
    meanings: &[(Meaning, Dimension)],
    reading: &Reading<'_>,
    place: &impl Fn(usize) -> String,
) -> Result<f64> {
    let asked = reading.time_unit.as_deref();
    let asked = asked
        .map(|unit| convert(unit, "h", &format!("--time-unit {unit}")))
        .transpose()?;
    let time = meanings
        .iter()
        .position(|(meaning, _)| *meaning == Meaning::Time);
    let Some(column) = time else {
        return Ok(asked.unwrap_or(1.0));
    };
    let Some(unit) = split_unit(&cells.header[column]).1 else {
        return Ok(asked.unwrap_or(1.0));
    };
    let written = convert(unit, "h", &place(column))?;
    match asked {
        Some(asked) if (asked / written - 1.0).abs() > 1e-12 => Err(Error::input(
            place(column),
            format!("the header says {unit}, --time-unit another unit"),
            "leave out --time-unit",
        )),
        _ => Ok(written),
    }
}

/// How many `target` make one `unit`.
pub(super) fn convert(unit: &str, target: &str, place: &str) -> Result<f64> {
    factor(unit, target).map_err(|error| {
        Error::input(
            place,
            error.to_string(),
            format!("give a unit that turns into {target}"),
        )
    })
}
