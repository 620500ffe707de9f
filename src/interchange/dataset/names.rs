//! The names of columns in data sets of this kind: which are understood, which have a meaning that is not, and
//! what to write instead.

use crate::model::{Field, State};
use crate::regimen::COMPARTMENTS;

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
pub(super) enum Dimension {
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
pub(super) const WEIGHT: (&str, &str) = ("WT", "exposure.body_weight");

/// What `--map` calls a column that is to be left out.
pub(super) const DROP: [&str; 2] = ["DROP", "SKIP"];

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
const OTHERS: [&str; 51] = [
    "AGE", "SEX", "RACE", "HT", "HGT", "BMI", "BSA", "ALT", "AST", "ALB", "CRT", "CRCL", "TAD",
    "NTIME", "DAY", "WEEK", "VISIT", "SITE", "STUDY", "STUD", "ARM", "TRT", "GRP", "PRED", "IPRED",
    "RES", "IRES", "WRES", "CWRES", "NPDE", "CL", "V", "V2", "KA", "ETA1", "ETA2", "DGRP", "LNDV",
    "LDV", "FED", "FOOD", "RESC", "FLAG", "LOG", "CAT", "COV", "ADA", "ACT", "DRUG", "TYPE", "MVD",
];

/// The meaning of a name that is understood.
pub(super) fn known(name: &str) -> Option<(Meaning, Dimension)> {
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
pub(super) fn known_names() -> Vec<&'static str> {
    let names = KNOWN.iter().map(|known| known.names[0]);
    names.chain([WEIGHT.0]).collect()
}

/// What is said of a name that has a meaning and is not understood.
pub(super) fn refused(name: &str) -> Option<&'static str> {
    let found = REFUSED.iter().find(|(names, _)| names.contains(&name));
    found.map(|(_, remedy)| *remedy)
}

/// The name that an unknown one is a slip of, if any.
pub(super) fn slip(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let bare = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let state = |field: &Field| field.name.eq_ignore_ascii_case(name);
    if OTHERS.contains(&plain.as_str())
        || OTHERS.contains(&bare)
        || State::fields().iter().any(state)
    {
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
    let doubled = known.char_indices().any(|(at, letter)| {
        let (before, after) = known.split_at(at);
        name == format!("{before}{letter}{after}")
    });
    name == reversed || doubled
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
            ("SSS", "SS"),
            ("DVV", "DV"),
            ("CMT_", "CMT"),
            ("AMOUT", "AMOUNT"),
            ("INTERVALL", "INTERVAL"),
        ] {
            assert_eq!(slip(slipped), Some(meant), "{slipped}");
        }
        for other in [
            "AGE", "SEX", "RACE", "NOTE", "MODE", "STUDY", "HT", "PRED", "burden", "COMMENT",
            "CENTRE", "TAD", "EMT", "MVD",
        ] {
            assert_eq!(slip(&other.to_ascii_uppercase()), None, "{other}");
        }
    }
}
