//! The columns of data sets of this kind: which are understood, and by which names; which have a meaning that
//! is not, and what to write instead.

use super::cells::Cells;
use crate::error::{Error, Result};
use crate::parameters::ParameterTable;
use crate::regimen::COMPARTMENTS;
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

/// What a column says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    Id,
    Time,
    Amount,
    Event,
    Compartment,
    Rate,
    Duration,
    Interval,
    Additional,
    SteadyState,
    Observed,
    Unobserved,
    Comment,
    /// Lag of the doses into a compartment, or into that of the record.
    Lag(Option<usize>),
    Bioavailability(Option<usize>),
    ModelledRate(Option<usize>),
    ModelledDuration(Option<usize>),
    /// A parameter by its path.
    Parameter(String),
    /// Left out on request.
    Dropped,
    Unused,
}

/// What the numbers of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dimension {
    /// No number, or one without unit.
    Plain,
    Time,
    Amount,
    Rate,
    /// In the unit of what it is about.
    Own,
}

/// A column that is understood.
struct Known {
    /// Names; the first is the one that messages use.
    names: &'static [&'static str],
    dimension: Dimension,
    meaning: Form,
}

/// How a meaning is made from a name.
enum Form {
    Plain(Meaning),
    /// One for each compartment, by the number at the end of the name.
    Numbered(fn(Option<usize>) -> Meaning),
}

const fn plain(names: &'static [&'static str], dimension: Dimension, meaning: Meaning) -> Known {
    Known {
        names,
        dimension,
        meaning: Form::Plain(meaning),
    }
}

const fn numbered(
    names: &'static [&'static str],
    dimension: Dimension,
    meaning: fn(Option<usize>) -> Meaning,
) -> Known {
    Known {
        names,
        dimension,
        meaning: Form::Numbered(meaning),
    }
}

/// The columns that are understood beside WT and paths of parameters.
static KNOWN: [Known; 17] = [
    plain(&["ID"], Dimension::Plain, Meaning::Id),
    plain(&["TIME"], Dimension::Time, Meaning::Time),
    plain(&["AMT"], Dimension::Amount, Meaning::Amount),
    plain(&["EVID"], Dimension::Plain, Meaning::Event),
    plain(&["CMT"], Dimension::Plain, Meaning::Compartment),
    plain(&["RATE"], Dimension::Rate, Meaning::Rate),
    plain(&["DUR", "TINF"], Dimension::Time, Meaning::Duration),
    plain(&["II"], Dimension::Time, Meaning::Interval),
    plain(&["ADDL"], Dimension::Plain, Meaning::Additional),
    plain(&["SS"], Dimension::Plain, Meaning::SteadyState),
    plain(&["DV"], Dimension::Own, Meaning::Observed),
    plain(&["MDV"], Dimension::Plain, Meaning::Unobserved),
    plain(&["C"], Dimension::Plain, Meaning::Comment),
    numbered(
        &["ALAG", "LAG", "LAGT", "TLAG"],
        Dimension::Time,
        Meaning::Lag,
    ),
    numbered(&["F", "BIOAV"], Dimension::Plain, Meaning::Bioavailability),
    numbered(&["R", "RAT"], Dimension::Rate, Meaning::ModelledRate),
    numbered(&["D", "DUR"], Dimension::Time, Meaning::ModelledDuration),
];

/// Body weight: column and path.
const WEIGHT: (&str, &str) = ("WT", "exposure.body_weight");

/// What `--map` calls a column that is to be left out.
const DROP: [&str; 2] = ["DROP", "SKIP"];

/// Names that mean something in data sets of this kind, and what to write instead.
const REFUSED: [(&[&str], &str); 22] = [
    (
        &["AMOUNT", "DOSE", "DOSAGE", "DOS", "DOSEMG", "AMTMG"],
        "an amount given is called AMT here",
    ),
    (
        &[
            "CMPT",
            "COMP",
            "COMPARTMENT",
            "CMP",
            "ADM",
            "ADMID",
            "ROUTE",
        ],
        "the compartment of a dose is called CMT here",
    ),
    (
        &["INTERVAL", "TAU", "DOSINGINTERVAL"],
        "the interval between doses is called II here",
    ),
    (
        &["ADD", "ADDITIONAL", "NADD", "NDOSE", "NDOSES"],
        "the number of further doses is called ADDL here",
    ),
    (
        &["STEADYSTATE", "SSFLAG"],
        "a steady state is called SS here",
    ),
    (
        &["EVENT", "EVENTID", "EVTYPE", "EVTYP"],
        "the kind of a record is called EVID here",
    ),
    (
        &[
            "DURATION",
            "INFDUR",
            "INFUSIONDURATION",
            "INFUSION",
            "INFTIME",
        ],
        "the length of an infusion is called DUR here",
    ),
    (
        &["INFRATE", "INFUSIONRATE"],
        "the rate of an infusion is called RATE here",
    ),
    (
        &["LAGTIME", "TLAGTIME"],
        "a lag is called ALAG, ALAG1, ALAG2 ... here",
    ),
    (
        &["BIO", "FBIO", "BIOAVAILABILITY", "FREL"],
        "bioavailability is called F, F1, F2 ... here",
    ),
    (
        &["CONC", "CONCENTRATION", "OBS", "OBSERVATION", "Y"],
        "what was measured is called DV here",
    ),
    (
        &[
            "SUBJECT",
            "SUBJ",
            "SUBJID",
            "USUBJID",
            "SUBJECTID",
            "PATIENT",
            "PATID",
        ],
        "the subject is called ID here",
    ),
    (
        &["WEIGHT", "BW", "BWT", "BODYWEIGHT", "WTKG", "WGT"],
        "body weight is called WT here",
    ),
    (
        &[
            "DATE",
            "DAT1",
            "DAT2",
            "DAT3",
            "DATETIME",
            "DTTM",
            "CLOCK",
            "CLOCKTIME",
            "TIMEUNIT",
            "TIMEUNITS",
        ],
        "TIME counts from a start of the subject's own, in h or in the unit of --time-unit; dates and times of day are not read",
    ),
    (
        &["CENS", "LIMIT", "BLQ", "BQL", "LLOQ", "LOQ", "ULOQ"],
        "there is no likelihood here that could take a limit; mark what was not measured by MDV 1",
    ),
    (
        &["OCC", "OCCASION"],
        "there are no occasions here; a reset (EVID 3) starts anew, and subjects differ by ID",
    ),
    (
        &["YTYPE", "DVID", "DVTYPE", "OBSID"],
        "CMT says what PRED answers and DV is compared with",
    ),
    (&["PCMT"], "CMT of an observation says what PRED answers"),
    (
        &["CALL", "CONT", "L1", "L2"],
        "calls, continued records and correlated residuals of NONMEM are not known here",
    ),
    (
        &["EXCLUDE", "EXCL", "IGNORE", "EXCLUSION"],
        "rows are left out by a `C` in column C, or by `#` at their start",
    ),
    (&["MTIME", "ADDLTIME"], "only records say what happens when"),
    (
        &[
            "AMTUNIT", "AMTU", "DOSEUNIT", "DOSEU", "UNIT", "UNITS", "DVUNIT",
        ],
        "units stand in the header, such as `AMT [ug]`",
    ),
];

/// Names of the field that lie near a known one and are no slip of it.
const OTHERS: [&str; 50] = [
    "AGE", "SEX", "RACE", "HT", "HGT", "BMI", "BSA", "ALT", "AST", "ALB", "CRT", "CRCL", "TAD",
    "NTIME", "DAY", "WEEK", "VISIT", "SITE", "STUDY", "STUD", "ARM", "TRT", "GRP", "PRED", "IPRED",
    "RES", "IRES", "WRES", "CWRES", "NPDE", "CL", "V", "V2", "KA", "ETA1", "ETA2", "DGRP", "LNDV",
    "LDV", "FED", "FOOD", "RESC", "FLAG", "LOG", "CAT", "COV", "ADA", "ACT", "DRUG", "TYPE",
];

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

/// The meaning of a name that is understood.
fn known(name: &str) -> Option<(Meaning, Dimension)> {
    let upper = name.to_ascii_uppercase();
    KNOWN.iter().find_map(|known| {
        let meaning = known.names.iter().find_map(|own| match &known.meaning {
            Form::Plain(meaning) => (upper == *own).then(|| meaning.clone()),
            Form::Numbered(of) => {
                let number = upper.strip_prefix(own)?;
                if number.is_empty() {
                    return Some(of(None));
                }
                let number: usize = number.parse().ok()?;
                (1..=COMPARTMENTS)
                    .contains(&number)
                    .then(|| of(Some(number)))
            }
        });
        Some((meaning?, known.dimension))
    })
}

/// Names that are understood, for messages.
fn known_names() -> Vec<&'static str> {
    let names = KNOWN.iter().map(|known| known.names[0]);
    names.chain([WEIGHT.0]).collect()
}

/// What is said of a name that has a meaning and is not understood.
fn refused(name: &str) -> Option<&'static str> {
    let found = REFUSED.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, remedy)| *remedy)
}

/// The name that an unknown one is a slip of, if any.
fn slip(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let bare = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    if OTHERS.contains(&plain.as_str()) || OTHERS.contains(&bare) {
        return None;
    }
    let all = KNOWN.iter().flat_map(|known| known.names).copied();
    let all = all
        .chain([WEIGHT.0])
        .chain(REFUSED.iter().flat_map(|(names, _)| *names).copied());
    all.filter(|known| known.len() > 1)
        .map(|known| {
            let distance = strsim::damerau_levenshtein(&plain, known);
            let most = match known.len() {
                // Of two letters, only those in the wrong order or written twice.
                2 if distance == 1 && !turned(&plain, known) => 0,
                ..=5 => 1,
                _ => 2,
            };
            (distance, most, known)
        })
        .filter(|(distance, most, _)| distance <= most)
        .min_by_key(|(distance, ..)| *distance)
        .map(|(_, _, known)| known)
}

/// Whether a name is one of two letters turned round, or with one of them twice.
fn turned(name: &str, known: &str) -> bool {
    let reversed: String = known.chars().rev().collect();
    let mut single: Vec<char> = name.chars().collect();
    single.dedup();
    name == reversed || (name.len() == 3 && single.iter().collect::<String>() == known)
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

/// Columns that hold numbers.
pub(super) fn is_numeric(meaning: &Meaning) -> bool {
    !matches!(
        meaning,
        Meaning::Id | Meaning::Comment | Meaning::Dropped | Meaning::Unused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_meaning() {
        let known_names = KNOWN.iter().flat_map(|known| known.names);
        for name in known_names {
            assert!(refused(name).is_none() && !OTHERS.contains(name), "{name}");
        }
        for (names, _) in &REFUSED {
            for name in *names {
                assert!(known(name).is_none() && !OTHERS.contains(name), "{name}");
            }
        }
    }

    #[test]
    fn names_are_understood_by_compartment() {
        assert_eq!(known("alag2").map(|k| k.0), Some(Meaning::Lag(Some(2))));
        assert_eq!(known("LAGT").map(|k| k.0), Some(Meaning::Lag(None)));
        assert_eq!(
            known("BIOAV1").map(|k| k.0),
            Some(Meaning::Bioavailability(Some(1)))
        );
        assert_eq!(
            known("RAT2").map(|k| k.0),
            Some(Meaning::ModelledRate(Some(2)))
        );
        assert_eq!(known("DUR").map(|k| k.0), Some(Meaning::Duration));
        assert_eq!(
            known("DUR2").map(|k| k.0),
            Some(Meaning::ModelledDuration(Some(2)))
        );
        assert_eq!(known("F7").map(|k| k.0), None);
    }

    #[test]
    fn slips_are_told_from_other_names() {
        for (slipped, meant) in [
            ("AMTT", "AMT"),
            ("TMIE", "TIME"),
            ("TIM", "TIME"),
            ("RAET", "RATE"),
            ("EVD", "EVID"),
            ("ADL", "ADDL"),
            ("VD", "DV"),
            ("IID", "ID"),
            ("CMT_", "CMT"),
            ("AMOUT", "AMOUNT"),
            ("INTERVALL", "INTERVAL"),
        ] {
            assert_eq!(slip(slipped), Some(meant), "{slipped}");
        }
        for other in [
            "AGE", "SEX", "RACE", "NOTE", "MODE", "STUDY", "HT", "PRED", "burden", "COMMENT",
            "CENTRE", "TAD",
        ] {
            assert_eq!(slip(&other.to_ascii_uppercase()), None, "{other}");
        }
    }
}
