//! Time courses that ship with the program, and what it computes now.
//!
//! The files of `golden/` were written by `hif-switch simulate --rtol 1e-12 --every 96h --csv -` (12 h in culture) with the
//! setting and arm of their names: every state of the model, to 1e-11 or better.

use super::program::failure;
use super::{Bound, Check, Program, largest};
use crate::error::Result;
use crate::model::State;
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Problem, Scenario};

const GROUP: &str = "golden";

/// Setting, arm, regimen, days and file.
const COURSES: [(&str, &str, &str, f64, &str); 3] = [
    (
        "culture",
        "sorafenib+pt2385",
        "culture-standard",
        3.0,
        include_str!("golden/culture-sorafenib+pt2385.csv"),
    ),
    (
        "xenograft",
        "sorafenib+pt2385",
        "xenograft-withdrawal",
        35.0,
        include_str!("golden/xenograft-sorafenib+pt2385-withdrawal.csv"),
    ),
    (
        "patient",
        "sorafenib+metformin",
        "patient-dose-reduction",
        60.0,
        include_str!("golden/patient-sorafenib+metformin-dose-reduction.csv"),
    ),
];

/// Largest relative difference allowed, of a run at a tolerance of a hundredth of it.
const CLOSE: f64 = 1e-7;

pub fn checks(program: &dyn Program, library: &Library) -> Vec<Check> {
    let mut checks = Vec::new();
    for (setting, arm, regimen, days, text) in COURSES {
        for (method, accuracy) in [
            ("single run", super::densely()),
            ("lanes", Accuracy::ensemble()),
        ] {
            let accuracy = Accuracy {
                rtol: 0.01 * CLOSE,
                ..accuracy
            };
            let measured = prepared(library, setting, arm, regimen, days)
                .and_then(|problem| compared(program, &problem, &accuracy, text));
            checks.push(Check::new(
                GROUP,
                format!("{arm}, {regimen}, {days} d, {method}"),
                "largest relative difference",
                measured,
                Bound::AtMost(CLOSE),
            ));
        }
    }
    checks
}

fn prepared(
    library: &Library,
    setting: &str,
    arm: &str,
    regimen: &str,
    days: f64,
) -> Result<Problem> {
    let scenario = Scenario {
        regimen: Some(regimen.to_owned()),
        duration: Some(24.0 * days),
        ..Scenario::new(setting, Arm::parse(arm, library, "selftest")?)
    };
    scenario.prepare(library)
}

/// Times and states of a file, states in the order of the model.
fn read(text: &str) -> Result<(Vec<f64>, Vec<Vec<f64>>)> {
    let unreadable = |cause: String| failure("a golden course", cause);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().map_err(|e| unreadable(e.to_string()))?;
    let place = |name: &str| {
        let found = header.iter().position(|column| column == name);
        found.ok_or_else(|| unreadable(format!("no column {name}")))
    };
    let time = place("time_h")?;
    let fields = State::fields().iter();
    let places = fields
        .map(|field| place(field.name))
        .collect::<Result<Vec<_>>>()?;
    let (mut times, mut rows) = (Vec::new(), Vec::new());
    for record in reader.records() {
        let record = record.map_err(|e| unreadable(e.to_string()))?;
        let number = |at: usize| {
            let text = record.get(at).unwrap_or_default();
            let parsed = text.parse::<f64>();
            parsed.map_err(|_| unreadable(format!("`{text}` is no number")))
        };
        times.push(number(time)?);
        let row = places.iter().map(|at| number(*at));
        rows.push(row.collect::<Result<Vec<f64>>>()?);
    }
    Ok((times, rows))
}

/// Largest difference relative to the state, or for what comes near 0 to a thousandth of its largest value.
fn compared(
    program: &dyn Program,
    problem: &Problem,
    accuracy: &Accuracy,
    text: &str,
) -> Result<f64> {
    let (times, expected) = read(text)?;
    let found = if accuracy.method == Accuracy::default().method {
        program.single(problem, accuracy, &times)?
    } else {
        let mut runs = program.many(std::slice::from_ref(problem), accuracy, &times)?;
        runs.pop().unwrap_or_default()
    };
    if found.len() != expected.len() || found.is_empty() {
        return Err(failure(&problem.label, "another number of samples"));
    }
    let column = |state: usize| expected.iter().map(move |row| row[state]);
    let doses = problem.largest_doses();
    let dose = doses.into_iter().fold(0.0, f64::max);
    let differences = State::fields().iter().enumerate().map(|(state, field)| {
        let least = if field.unit == "mg" {
            dose
        } else {
            1e-3 * largest(column(state).map(f64::abs))
        };
        let pairs = found.iter().map(|f| f.to_array()[state]).zip(column(state));
        // A state that is 0 throughout has to be 0.
        let size = |value: f64| value.abs().max(least).max(f64::MIN_POSITIVE);
        largest(pairs.map(|(f, e)| (f - e).abs() / size(e)))
    });
    Ok(largest(differences))
}
