//! A run in lanes and alone.

use super::agreement::Tally;
use super::case::Run;
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Mode};
use hif_switch::simulate::Scenario;
use hif_switch::units::Quantity;

/// Relative tolerance of the lanes.
const TOLERANCE: f64 = 1e-9;

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
    let mut tally = Tally::default();
    // Which of two extrema that differ by as much as counts is the larger one, rounding decides.
    tally.add(&[problem], TOLERANCE, f64::INFINITY);
    tally.wrong.into_iter().next()
}
