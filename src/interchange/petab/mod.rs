//! A calibration as a PEtab problem, version 1: model, conditions, observables, measurements, parameters.
//!
//! PEtab compares no simulations with each other, has no means over a day and no times of events, and the
//! targets of a calibration do. So all runs of the targets stand side by side in one SBML model, which
//! shares the estimated parameters; events take the readings, and an observable is a formula of
//! readings (or of quantities, where all are read at one time). There is one condition.
//!
//! **Objective.** Every target is one measurement with normal noise on the logarithmic scale (linear where its
//! interval reaches 0), of standard deviation `ln(high/low)/(2 1.96)/sqrt(weight)`; there is no prior. So twice the
//! negative log likelihood is the objective of [`calibrate`](crate::study::calibrate) plus a constant, and the sum of
//! PEtab's squared residuals is that objective.
//!
//! **Time.** Treatment begins at 10,000 h; before, the untreated baseline settles, whatever the parameters.
//!
//! Limitations: targets that are held out are left out; what cannot be expressed (virtual patients, an IC50,
//! endpoints found by a search) is refused; a residual is not cut off at 30 standard deviations.

mod model;
mod reading;
mod runs;

use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::study::calibrate::{Calibration, Target};
use crate::units::factor;
use model::{PREPARATION, model, reading_id};
use reading::{Formula, Refusal, value_of};
use runs::Runs;
use std::fmt::Write;

/// Time from the last reading of a target to its measurement, h.
const LATER: f64 = 1.0;

/// Name and content of the files of the problem.
///
/// `nominal` are the values of the estimated parameters in the units of their files.
///
/// # Errors
/// Targets that cannot be expressed, all of them; a parameter that no exported equation uses; a model that
/// cannot be prepared.
pub fn petab(
    library: &Library,
    calibration: &Calibration,
    nominal: &[f64],
) -> Result<Vec<(String, String)>> {
    let mut runs = Runs::new(library, calibration, nominal);
    let mut refused = Vec::new();
    let mut values: Vec<(&Target, Formula)> = Vec::new();
    for target in calibration.targets.iter().filter(|target| target.fit) {
        match value_of(&target.test, &mut runs) {
            Ok(formula) => values.push((target, formula)),
            Err(Refusal::Inexpressible(why)) => refused.push(format!("{} ({why})", target.id)),
            Err(Refusal::Error(error)) => return Err(error),
        }
    }
    let place = format!("calibration {}", calibration.name);
    if !refused.is_empty() {
        return Err(Error::input(
            place,
            format!("not expressible in PEtab: {}", refused.join("; ")),
            "fit to other targets: name them in a file of params/calibrations, or give volumes with --data",
        ));
    }
    // Quantities read at one moment need no events.
    let measured: Vec<Measured<'_>> = values
        .into_iter()
        .map(|(target, formula)| Measured::of(target, formula, &runs))
        .collect();
    runs.events = measured.iter().flat_map(|m| m.formula.readings()).collect();
    let shared = runs.shared();
    let text = |formula: &Formula| {
        formula.text(&|run, id| runs.name(&shared, run, id), &|index| {
            reading_id(index)
        })
    };
    let observables = observables(&measured, &text);
    let sbml = model(&runs, &calibration.title, &description(calibration, &runs))?;
    let parameters = parameters(calibration, nominal, &runs)?;
    Ok(vec![
        ("model.xml".to_owned(), sbml),
        (
            "conditions.tsv".to_owned(),
            format!("conditionId\tconditionName\n{CONDITION}\tall runs, side by side\n"),
        ),
        ("observables.tsv".to_owned(), observables_table(&observables)),
        (
            "measurements.tsv".to_owned(),
            measurements_table(&measured, &observables),
        ),
        ("parameters.tsv".to_owned(), parameters),
        (
            format!("{}.yaml", calibration.name),
            "format_version: 1\nparameter_file: parameters.tsv\nproblems:\n- condition_files: [conditions.tsv]\n  \
             measurement_files: [measurements.tsv]\n  observable_files: [observables.tsv]\n  sbml_files: [model.xml]\n"
                .to_owned(),
        ),
    ])
}

const CONDITION: &str = "all_runs";

/// A target with its formula and the time at which it is measured, h after the begin of treatment.
struct Measured<'a> {
    target: &'a Target,
    formula: Formula,
    time: f64,
}

impl<'a> Measured<'a> {
    fn of(target: &'a Target, formula: Formula, runs: &Runs<'_>) -> Self {
        let readings: Vec<_> = formula
            .readings()
            .into_iter()
            .map(|index| &runs.readings[index])
            .collect();
        let moments: Option<Vec<f64>> = readings.iter().map(|reading| reading.moment()).collect();
        let at_once = moments.and_then(|moments| {
            let first = *moments.first()?;
            let same = moments.iter().all(|time| time.to_bits() == first.to_bits());
            same.then_some(first)
        });
        match at_once {
            Some(time) => Self {
                target,
                formula: formula.with_readings(&|index| runs.readings[index].formula.clone()),
                time,
            },
            None => {
                let complete = readings.iter().map(|reading| {
                    reading.complete(runs.list[reading.run].problem.timeline.duration)
                });
                Self {
                    target,
                    time: complete.fold(0.0, f64::max) + LATER,
                    formula,
                }
            }
        }
    }
}

/// An observable with the targets that it serves.
struct Observable {
    id: String,
    name: String,
    formula: String,
    log: bool,
    members: Vec<usize>,
}

fn observables(measured: &[Measured<'_>], text: &impl Fn(&Formula) -> String) -> Vec<Observable> {
    let mut list: Vec<Observable> = Vec::new();
    for (index, one) in measured.iter().enumerate() {
        let scale = one.target.in_unit(1.0);
        let formula = text(&one.formula);
        let formula = if (scale - 1.0).abs() < f64::EPSILON {
            formula
        } else {
            format!("{scale:?} * {formula}")
        };
        let (log, _) = one.target.spread();
        match list
            .iter_mut()
            .find(|o| o.formula == formula && o.log == log)
        {
            Some(known) => known.members.push(index),
            None => list.push(Observable {
                id: format!("observable_{}", identifier(&one.target.id)),
                name: one.target.text.clone(),
                formula,
                log,
                members: vec![index],
            }),
        }
    }
    for (position, observable) in list.iter_mut().enumerate() {
        if observable.members.len() > 1 {
            observable.id = format!("observable_{}", position + 1);
            let first = measured[observable.members[0]].target;
            observable.name = format!("{} and later", first.id);
        }
    }
    list
}

fn identifier(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

/// Text without what separates columns and lines.
fn cell(text: &str) -> String {
    text.replace(['\t', '\n'], " ")
}

fn observables_table(observables: &[Observable]) -> String {
    let mut table =
        "observableId\tobservableName\tobservableFormula\tobservableTransformation\tnoiseFormula\t\
                     noiseDistribution\n"
            .to_owned();
    for o in observables {
        let scale = if o.log { "log" } else { "lin" };
        // Writing to a string does not fail.
        let _ = writeln!(
            table,
            "{0}\t{1}\t{2}\t{scale}\tnoiseParameter1_{0}\tnormal",
            o.id,
            cell(&o.name),
            o.formula
        );
    }
    table
}

fn measurements_table(measured: &[Measured<'_>], observables: &[Observable]) -> String {
    let mut table =
        "observableId\tsimulationConditionId\tmeasurement\ttime\tnoiseParameters\tdatasetId\n"
            .to_owned();
    for (index, one) in measured.iter().enumerate() {
        let Some(observable) = observables.iter().find(|o| o.members.contains(&index)) else {
            continue;
        };
        let (_, sigma) = one.target.spread();
        let _ = writeln!(
            table,
            "{}\t{CONDITION}\t{:?}\t{:?}\t{:?}\t{}",
            observable.id,
            one.target.value,
            PREPARATION + one.time,
            sigma / libm::sqrt(one.target.weight),
            identifier(&one.target.id),
        );
    }
    table
}

fn parameters(calibration: &Calibration, nominal: &[f64], runs: &Runs<'_>) -> Result<String> {
    let mut table =
        "parameterId\tparameterName\tparameterScale\tlowerBound\tupperBound\tnominalValue\testimate\n"
            .to_owned();
    for (axis, value) in calibration.space.axes.iter().zip(nominal) {
        let place = format!(
            "calibration {}, parameter `{}`",
            calibration.name, axis.path
        );
        let of_path = |run: &runs::Run| {
            let parameters = run.equations.parameters.iter();
            let found = parameters.filter(|p| p.path == axis.path && !run.overrides(&axis.path));
            found.map(|p| p.quantity.clone()).next()
        };
        let Some(quantity) = runs.list.iter().find_map(of_path) else {
            return Err(Error::input(
                place,
                "no exported equation uses it",
                "fit other parameters: name them with --parameter",
            ));
        };
        let scale = factor(&axis.unit, &quantity.unit).map_err(|error| {
            Error::input(
                &place,
                error.to_string(),
                "see the unit in the parameter file",
            )
        })?;
        let _ = writeln!(
            table,
            "{}\t{} ({})\t{}\t{:?}\t{:?}\t{:?}\t1",
            quantity.id,
            cell(&quantity.meaning),
            quantity.unit,
            if axis.log { "log10" } else { "lin" },
            axis.low * scale,
            axis.high * scale,
            value * scale,
        );
    }
    Ok(table)
}

fn description(calibration: &Calibration, runs: &Runs<'_>) -> Vec<String> {
    let mut lines = vec![
        format!(
            "The calibration `{}` of hif-switch {}: {}.",
            calibration.name,
            env!("CARGO_PKG_VERSION"),
            calibration.title
        ),
        format!(
            "All runs stand side by side; treatment begins at {PREPARATION} h, until then the untreated baseline settles. For \
             research; not for decisions about patients."
        ),
    ];
    for (number, run) in runs.list.iter().enumerate() {
        let scenario = &run.scenario;
        let dose = scenario
            .dose
            .as_ref()
            .map_or(String::new(), |dose| format!(", {dose}"));
        let oxygen = scenario
            .oxygen
            .map_or(String::new(), |oxygen| format!(", {oxygen} mmHg"));
        lines.push(format!(
            "run{}: {}{dose}{oxygen}",
            number + 1,
            scenario.label()
        ));
    }
    lines
}
