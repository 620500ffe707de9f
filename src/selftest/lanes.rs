//! Many runs at once against single runs by another method, and against themselves alone.

use super::program::failure;
use super::{Bound, Check, Program, largest};
use crate::endpoints::Endpoints;
use crate::error::Result;
use crate::model::State;
use crate::parameters::Library;
use crate::regimen::{Arm, Mode};
use crate::simulate::{Accuracy, Method, Problem, Scenario};

const GROUP: &str = "lanes";

/// Days of a run.
const DAYS: f64 = 14.0;

const ARMS: [(&str, Mode); 5] = [
    ("vehicle", Mode::Mechanistic),
    ("sorafenib", Mode::Mechanistic),
    ("sorafenib+pt2385", Mode::Mechanistic),
    ("sorafenib+belzutifan", Mode::AchievableExposure),
    ("sorafenib+genistein+metformin", Mode::AchievableExposure),
];

/// Parameters that differ between the runs, each by a factor from 0.7 to 1.4.
const VARIED: [&str; 5] = [
    "exposure.clearance",
    "vegf.turnover",
    "hif.haf_loss",
    "sorafenib.raf_ec50",
    "tumour.growth_rate",
];

pub fn checks(program: &dyn Program, library: &Library) -> Vec<Check> {
    let mut checks = Vec::new();
    for setting in ["culture", "xenograft", "patient"] {
        let sample = sample(library, setting, 2);
        let compared = sample
            .and_then(|problems| compared(program, &problems))
            .map(|(states, endpoints)| (Ok(states), Ok(endpoints)));
        let (states, endpoints) = compared.unwrap_or_else(|error| {
            let again = failure(setting, error.to_string());
            (Err(error), Err(again))
        });
        for (what, measured) in [("every state", states), ("every endpoint", endpoints)] {
            checks.push(Check::new(
                GROUP,
                format!(
                    "{setting}: {what} of {} runs, against Dop853",
                    2 * ARMS.len()
                ),
                "relative difference",
                measured,
                Bound::AtMost(1e-6),
            ));
        }
    }
    let what = "a run alone, among seven and among forty: the same bits";
    checks.push(Check::faults(GROUP, what, same_bits(program, library)));
    checks
}

/// So many runs of every arm, no two alike.
fn sample(library: &Library, setting: &str, each: u32) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for (arm, mode) in ARMS {
        for _ in 0..each {
            problems.push(varied(library, setting, arm, mode, problems.len() as u32)?);
        }
    }
    Ok(problems)
}

fn varied(library: &Library, setting: &str, arm: &str, mode: Mode, number: u32) -> Result<Problem> {
    let mut scenario = Scenario {
        mode,
        duration: Some(24.0 * DAYS.min(if setting == "culture" { 3.0 } else { DAYS })),
        ..Scenario::new(setting, Arm::parse(arm, library, "selftest")?)
    };
    let table = scenario.parameters(library)?;
    for (i, path) in (0u32..).zip(VARIED) {
        if let Some(entry) = table.number(path)
            && let Some(value) = entry.value
        {
            // Multiples of the golden section fill an interval evenly.
            let part = (0.618_033_988_75 * f64::from(1 + number * 7 + i)).fract();
            let text = format!("{} {}", value * (0.7 + 0.7 * part), entry.unit);
            scenario.overrides.push((path.to_owned(), text));
        }
    }
    scenario.prepare(library)
}

fn accuracy(accuracy: Accuracy, rtol: f64) -> Accuracy {
    Accuracy { rtol, ..accuracy }
}

/// Largest relative differences of states and of endpoints.
fn compared(program: &dyn Program, problems: &[Problem]) -> Result<(f64, f64)> {
    let lanes = accuracy(Accuracy::ensemble(), 1e-9);
    let single = Accuracy {
        method: Method::Dop853,
        max_step: 1.0,
        ..accuracy(Accuracy::default(), 1e-11)
    };
    let times: Vec<f64> = (1..=6)
        .map(|i| problems[0].timeline.duration * f64::from(i) / 6.0 - 0.5)
        .collect();
    let found = program.many(problems, &lanes, &times)?;
    let mut states = 0.0;
    for (problem, found) in problems.iter().zip(&found) {
        let expected = program.single(problem, &single, &times)?;
        if found.len() != expected.len() {
            return Err(failure(&problem.label, "another number of samples"));
        }
        let pairs = found.iter().zip(&expected);
        states = largest([states, largest(pairs.map(|(a, b)| apart(a, b, problem)))]);
    }
    if found.len() != problems.len() {
        return Err(failure("lanes", "another number of runs"));
    }
    let pairs = program.endpoints(problems, &lanes)?;
    let pairs = pairs
        .into_iter()
        .zip(program.endpoints(problems, &single)?)
        .zip(problems);
    let endpoints = pairs.map(|((a, b), problem)| endpoints_apart(&a, &b, problem));
    Ok((states, largest(endpoints)))
}

/// Largest difference of two states, relative to the state; of amounts to the dose, which decides what they do.
fn apart(a: &State<f64>, b: &State<f64>, problem: &Problem) -> f64 {
    let dose = problem.largest_doses().into_iter().fold(1e-3, f64::max);
    let pairs = a.to_array().into_iter().zip(b.to_array());
    let fields = State::fields().iter().zip(pairs);
    largest(fields.map(|(field, (a, b))| {
        let least = if field.unit == "mg" { dose } else { 1e-3 };
        (a - b).abs() / b.abs().max(least)
    }))
}

/// Largest relative difference of two runs' endpoints; infinite where one run has an endpoint that the other has not. Times
/// of extrema count a tenth, because they carry the error of a slope over a curvature.
fn endpoints_apart(a: &Endpoints, b: &Endpoints, problem: &Problem) -> f64 {
    let values = a.values().into_iter().zip(b.values());
    let named = values.zip(Endpoints::DEFINITIONS);
    largest(named.map(|((a, b), definition)| {
        let name = definition.name;
        let extremum = name.ends_with("nadir_time") || name.ends_with("peak_time");
        // The pO2 of a culture approaches its extremum for ever.
        if extremum && name.starts_with("oxygen") && problem.label.starts_with("culture") {
            return 0.0;
        }
        let (part, least) = if extremum { (0.1, 1.0) } else { (1.0, 1e-3) };
        match (a, b) {
            (Some(a), Some(b)) => part * (a - b).abs() / b.abs().max(least),
            (None, None) => 0.0,
            _ => f64::INFINITY,
        }
    }))
}

/// Runs whose bits depend on what runs beside them: alone and among seven in the narrow code, among forty in the wide.
fn same_bits(program: &dyn Program, library: &Library) -> Result<usize> {
    let problems = (0..40)
        .map(|number| varied(library, "patient", "sorafenib", Mode::Mechanistic, number))
        .collect::<Result<Vec<_>>>()?;
    let lanes = accuracy(Accuracy::ensemble(), 1e-6);
    let times = [30.0, 24.0 * 7.0];
    let bits = |problems: &[Problem]| -> Result<Vec<Vec<u64>>> {
        let runs = program.many(problems, &lanes, &times)?.into_iter();
        let of = |states: Vec<State<f64>>| {
            let values = states.iter().flat_map(State::to_array);
            values.map(f64::to_bits).collect()
        };
        Ok(runs.map(of).collect())
    };
    let together = bits(&problems)?;
    let seven = bits(&problems[..7])?;
    let mut alone = Vec::new();
    for problem in &problems[..4] {
        alone.extend(bits(std::slice::from_ref(problem))?);
    }
    let pairs = seven.iter().chain(&alone);
    let expected = together.iter().take(7).chain(together.iter().take(4));
    let differing = pairs.zip(expected).filter(|(a, b)| a != b).count();
    let lost = 11 - (seven.len() + alone.len()).min(11);
    Ok(differing + lost)
}
