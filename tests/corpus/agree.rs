//! A run in lanes and alone.

use super::case::Run;
use hif_switch::Error;
use hif_switch::endpoints::{Collector, Endpoints};
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Mode};
use hif_switch::simulate::{Accuracy, Method, Problem, Scenario, run_many_observed};
use hif_switch::units::Quantity;

/// Relative difference beyond which two values disagree.
const LIMIT: f64 = 1e-6;

/// The scenario of a run; `None` for what the command line would refuse.
pub fn scenario(run: &Run, library: &Library) -> Option<Scenario> {
    let hours = match &run.days {
        Some(days) => Some(24.0 * days.parse::<f64>().ok()?),
        None => None,
    };
    let dose = match &run.dose {
        Some(dose) => Some(Quantity::parse(dose).ok()?),
        None => None,
    };
    let pair = |set: &String| {
        let (path, value) = set.split_once('=')?;
        Some((path.trim().to_owned(), value.trim().to_owned()))
    };
    Some(Scenario {
        regimen: run.regimen.clone(),
        phenotype: run.phenotype.clone(),
        variant: run.variant.clone(),
        mode: Mode::parse(run.mode.as_deref().unwrap_or("mechanistic"), "fuzz").ok()?,
        duration: hours,
        dose,
        overrides: run.set.iter().map(pair).collect::<Option<_>>()?,
        ..Scenario::new(&run.setting, Arm::parse(&run.arm, library, "fuzz").ok()?)
    })
}

/// Where a run in lanes and alone part; `None` where they agree, or both refuse.
pub fn difference(library: &Library, scenario: &Scenario) -> Option<String> {
    let problem = scenario.prepare(library).ok()?;
    let lanes = in_lanes(&problem);
    let alone = alone(&problem);
    match (lanes, alone) {
        (Ok(lanes), Ok(alone)) => first_difference(&problem, &lanes, &alone),
        (Err(_), Err(_)) => None,
        (Err(error), Ok(_)) => Some(format!("lanes fail, the single run does not: {error}")),
        (Ok(_), Err(error)) => Some(format!("the single run fails, lanes do not: {error}")),
    }
}

fn in_lanes(problem: &Problem) -> Result<Endpoints, Error> {
    let accuracy = Accuracy {
        rtol: 1e-9,
        ..Accuracy::ensemble()
    };
    let make = |_: usize, problem: &Problem| Collector::new(problem);
    let mut results = run_many_observed(std::slice::from_ref(problem), &accuracy, make);
    let (collector, outcome) = results.remove(0)?;
    Ok(collector.finish(problem, &outcome))
}

/// By Dop853 at a tight tolerance, in steps so short that the interpolant adds nothing to the error.
fn alone(problem: &Problem) -> Result<Endpoints, Error> {
    let accuracy = Accuracy {
        method: Method::Dop853,
        rtol: 1e-11,
        max_step: 0.5,
        ..Accuracy::default()
    };
    let mut collector = Collector::new(problem);
    let outcome = problem.run(&accuracy, &mut [&mut collector])?;
    Ok(collector.finish(problem, &outcome))
}

/// The first endpoint that differs. Times of extrema carry the error of a slope over a curvature: ten times
/// the limit, or that of a day.
fn first_difference(problem: &Problem, lanes: &Endpoints, alone: &Endpoints) -> Option<String> {
    let pairs = lanes.values().into_iter().zip(alone.values());
    for ((lanes, alone), definition) in pairs.zip(Endpoints::DEFINITIONS) {
        let name = definition.name;
        let extremum = name.ends_with("nadir_time") || name.ends_with("peak_time");
        // The pO2 of a culture approaches its extremum for ever.
        if extremum && name.starts_with("oxygen") && problem.label.starts_with("culture") {
            continue;
        }
        let (limit, least) = match extremum {
            true => (10.0 * LIMIT, 1.0),
            false => (LIMIT, 1e-3),
        };
        let near = match (lanes, alone) {
            (Some(lanes), Some(alone)) => (lanes - alone).abs() <= limit * alone.abs().max(least),
            (lanes, alone) => lanes.is_none() && alone.is_none(),
        };
        if !near {
            return Some(format!("{name} is {lanes:?} in lanes and {alone:?} alone"));
        }
    }
    None
}
