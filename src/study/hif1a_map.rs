//! The map of HIF-1a: where sorafenib, oxygen and resistance raise it and where they lower it.
//!
//! Twenty studies report HIF-1a up or down after sorafenib. They differ in dose, time, pO2, and in
//! what they compare with: each panel holds one such contrast. A study has a run of its own, at its own conditions
//! and against its own comparator; a panel is a slice, at whose other conditions a study need not have been made.

use super::claims::{Alternative, Claim, Measure, Place, Sign, values_in};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Recorder, Scenario, Trajectory};
use crate::units::Quantity;
use rayon::prelude::*;

/// The map: its panels, and the studies that stand on them.
#[derive(Debug, Clone, PartialEq)]
pub struct Hif1aMap {
    /// Contrasts over two conditions each.
    pub panels: Vec<MapPanel>,
    /// Studies, in the order of their claims.
    pub studies: Vec<MapStudy>,
}

/// A study on the map.
#[derive(Debug, Clone, PartialEq)]
pub struct MapStudy {
    /// Claim that it stands for.
    pub claim: String,
    /// Number of its reference in the review.
    pub number: String,
    /// Name of its panel.
    pub panel: String,
    /// Its conditions, in the units of the panel.
    pub at: (f64, f64),
    /// What it reports of HIF-1a.
    pub reported: Sign,
    /// What it compares, where that is not what the panel compares.
    pub contrast: Option<String>,
    /// HIF-1a at its own conditions over its own comparator.
    pub fold: f64,
    /// Whether that is what it reports.
    pub agrees: bool,
}

/// One contrast over two conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct MapPanel {
    /// Name, as in the places of claims.
    pub name: &'static str,
    /// Horizontal condition: what, unit, values in order.
    pub x: Condition,
    /// Vertical condition.
    pub y: Condition,
    /// What HIF-1a is compared with.
    pub against: &'static str,
    /// HIF-1a over the comparator, per `y` (rows) and `x` (columns).
    pub fold: Vec<Vec<f64>>,
}

/// What a condition varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Varied {
    Time,
    Dose,
    Oxygen,
    Resistant,
}

/// A condition that a panel varies.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    varied: Varied,
    /// What it is.
    pub label: &'static str,
    /// Unit.
    pub unit: &'static str,
    /// Values, increasing.
    pub values: Vec<f64>,
    /// Whether the values are spaced evenly in their logarithm.
    pub logarithmic: bool,
}

/// Resolution of a panel along each condition.
const STEPS: usize = 24;

/// Doses of the culture panels, µM; of the xenograft, mg/kg.
const CULTURE_DOSES: (f64, f64) = (0.3, 20.0);
const MOUSE_DOSES: (f64, f64) = (3.0, 100.0);

/// Times of the culture panel, h, and of the xenograft, d.
const CULTURE_TIMES: (f64, f64) = (2.0, 72.0);
const MOUSE_DAYS: f64 = 56.0;

/// pO2 of the panels over oxygen, mmHg: 0.3 to 21 % O2.
const OXYGEN: (f64, f64) = (2.3, 160.0);

/// Time at which cells are read over oxygen, h.
const READ_AT: f64 = 24.0;

const HOURS_PER_DAY: f64 = 24.0;

impl Condition {
    fn logarithmic(
        varied: Varied,
        label: &'static str,
        unit: &'static str,
        (low, high): (f64, f64),
    ) -> Self {
        let value = |i: usize| low * libm::pow(high / low, i as f64 / (STEPS - 1) as f64);
        Self {
            varied,
            label,
            unit,
            values: (0..STEPS).map(value).collect(),
            logarithmic: true,
        }
    }

    fn linear(
        varied: Varied,
        label: &'static str,
        unit: &'static str,
        (low, high): (f64, f64),
    ) -> Self {
        let value = |i: usize| low + (high - low) * i as f64 / (STEPS - 1) as f64;
        Self {
            varied,
            label,
            unit,
            values: (0..STEPS).map(value).collect(),
            logarithmic: false,
        }
    }
}

/// Computes the four panels of the map with the full model, and each study of the claims that has a place on it.
///
/// # Errors
/// The first run that fails; a study on a panel that there is not, or at a condition that the panel does not have.
pub fn hif1a_map(library: &Library, claims: &[Claim], accuracy: &Accuracy) -> Result<Hif1aMap> {
    let panels = vec![
        culture_over_time(library, accuracy)?,
        culture_over_oxygen(library, accuracy)?,
        resistant_cells(library)?,
        xenograft_over_time(library, accuracy)?,
    ];
    Ok(Hif1aMap {
        studies: studies(library, &panels, claims, accuracy)?,
        panels,
    })
}

/// The studies of the claims, each from runs of its own.
fn studies(
    library: &Library,
    panels: &[MapPanel],
    claims: &[Claim],
    accuracy: &Accuracy,
) -> Result<Vec<MapStudy>> {
    let placed = claims
        .iter()
        .filter_map(|claim| Some((claim, claim.place.as_ref()?)));
    let placed: Vec<_> = placed.collect();
    let tests: Vec<_> = placed.iter().map(|(_, place)| &place.test).collect();
    let folds = values_in(library, &tests, &[Alternative::default()], accuracy)?;
    placed
        .into_iter()
        .zip(folds.into_iter().flatten())
        .map(|((claim, place), fold)| {
            let name = format!("claim {}, key `place`", claim.id);
            let panel = panels.iter().find(|panel| panel.name == place.panel);
            let panel = panel.ok_or_else(|| {
                let known = panels.iter().map(|panel| panel.name);
                Error::unknown_name(&name, "panel", &place.panel, known)
            })?;
            let reference = claim.references.first().map_or("", String::as_str);
            let number = reference
                .rsplit_once('(')
                .map_or(reference, |(_, rest)| rest);
            Ok(MapStudy {
                at: (
                    coordinate(library, &panel.x, place, &name)?,
                    coordinate(library, &panel.y, place, &name)?,
                ),
                claim: claim.id.clone(),
                number: number.trim_end_matches(')').to_owned(),
                panel: place.panel.clone(),
                reported: place.hif1a,
                contrast: place.contrast.clone(),
                fold,
                agrees: place.test.expectation.met(fold),
            })
        })
        .collect()
}

/// A condition of a study in the unit of a panel, read off what is run for it.
fn coordinate(library: &Library, condition: &Condition, place: &Place, name: &str) -> Result<f64> {
    let missing = |what: &str| {
        Error::input(
            name,
            format!(
                "the study has no {what}, over which the panel `{}` goes",
                place.panel
            ),
            "choose another panel, or a condition with it",
        )
    };
    let queries = place.test.form.queries();
    let query = queries.first().ok_or_else(|| missing("condition"))?;
    let at = match query.measure {
        Measure::Readout(_, at) | Measure::Moment(_, at) => at,
        _ => return Err(missing("time")),
    };
    let scenario = &query.scenario;
    let table = scenario.parameters(library)?;
    let regimen = scenario.regimen(library, &table)?;
    match condition.varied {
        Varied::Time => Ok(match condition.unit {
            "d" => at / HOURS_PER_DAY,
            _ => at,
        }),
        Varied::Dose => {
            let amount = regimen.sorafenib.first().and_then(|c| c.amount.as_ref());
            let amount = amount.ok_or_else(|| missing("dose"))?;
            amount
                .to(condition.unit)
                .map_err(|error| Error::input(name, error.to_string(), "choose another panel"))
        }
        Varied::Oxygen => {
            let mut steps = regimen.oxygen.iter().rev();
            let last = steps.find(|step| step.at <= at).map(|step| step.oxygen);
            last.or(regimen.oxygen_before)
                .ok_or_else(|| missing("pO2 of the medium"))
        }
        Varied::Resistant => {
            let problem = scenario.prepare(library)?;
            Ok(problem.baseline.tumour.resistant_fraction())
        }
    }
}

/// Rows computed in parallel, the first error in their order.
fn rows<T: Send>(values: &[f64], row: impl Fn(f64) -> Result<T> + Sync) -> Result<Vec<T>> {
    let rows: Vec<Result<T>> = values.par_iter().map(|value| row(*value)).collect();
    rows.into_iter().collect()
}

fn dosed(scenario: &Scenario, value: f64, unit: &str) -> Scenario {
    let mut dosed = scenario.with_arm(Arm::sorafenib());
    dosed.dose = Some(Quantity {
        value,
        unit: unit.to_owned(),
    });
    dosed
}

/// HIF-1a at times (h).
fn hif1a(
    library: &Library,
    scenario: &Scenario,
    times: Vec<f64>,
    accuracy: &Accuracy,
) -> Result<Vec<f64>> {
    let problem = scenario.prepare(library)?;
    let mut recorder = Recorder::new(&problem, times);
    problem.run(accuracy, &mut [&mut recorder])?;
    let trajectory: Trajectory = recorder.finish();
    Ok(trajectory.series(|state, _| state.hif.hif1a))
}

fn ratios(treated: &[f64], untreated: &[f64]) -> Vec<f64> {
    let pairs = treated.iter().zip(untreated);
    pairs.map(|(a, b)| a / b).collect()
}

/// Parental cells moved from air to 1 % O2, against untreated cells.
fn culture_over_time(library: &Library, accuracy: &Accuracy) -> Result<MapPanel> {
    let x = Condition::logarithmic(Varied::Time, "time at 1 % O2", "h", CULTURE_TIMES);
    let y = Condition::logarithmic(Varied::Dose, "sorafenib", "µM", CULTURE_DOSES);
    let scenario = Scenario::new("culture", Arm::vehicle());
    let untreated = hif1a(library, &scenario, x.values.clone(), accuracy)?;
    let fold = rows(&y.values, |dose| {
        let treated = dosed(&scenario, dose, "µM");
        let levels = hif1a(library, &treated, x.values.clone(), accuracy)?;
        Ok(ratios(&levels, &untreated))
    })?;
    Ok(MapPanel {
        name: "culture-time",
        x,
        y,
        against: "untreated cells at 1 % O2",
        fold,
    })
}

/// Parental cells moved from air to another pO2, against cells left in air at the same dose.
fn culture_over_oxygen(library: &Library, accuracy: &Accuracy) -> Result<MapPanel> {
    let x = Condition::logarithmic(Varied::Oxygen, "pO2 of the medium", "mmHg", OXYGEN);
    let y = Condition::logarithmic(Varied::Dose, "sorafenib", "µM", CULTURE_DOSES);
    let at = |dose: f64, oxygen: Option<f64>| {
        let mut scenario = dosed(&Scenario::new("culture", Arm::vehicle()), dose, "µM");
        match oxygen {
            Some(oxygen) => scenario.oxygen = Some(oxygen),
            None => scenario.regimen = Some("culture-normoxia".to_owned()),
        }
        scenario.duration = Some(READ_AT);
        let levels = hif1a(library, &scenario, vec![READ_AT], accuracy)?;
        levels
            .first()
            .copied()
            .ok_or_else(|| Error::output("map of HIF-1a", "a run left no sample"))
    };
    let fold = rows(&y.values, |dose| {
        let air = at(dose, None)?;
        x.values
            .iter()
            .map(|oxygen| Ok(at(dose, Some(*oxygen))? / air))
            .collect()
    })?;
    Ok(MapPanel {
        name: "culture-oxygen",
        x,
        y,
        against: "cells in air at the same dose",
        fold,
    })
}

/// Untreated cells of which a part is resistant, adapted to a pO2, against parental cells there.
fn resistant_cells(library: &Library) -> Result<MapPanel> {
    let x = Condition::linear(
        Varied::Resistant,
        "resistant part of the cells",
        "1",
        (0.0, 1.0),
    );
    let y = Condition::logarithmic(Varied::Oxygen, "pO2 of the medium", "mmHg", OXYGEN);
    let at = |part: f64, oxygen: f64| -> Result<f64> {
        let scenario = Scenario {
            regimen: Some("culture-adapted".to_owned()),
            oxygen: Some(oxygen),
            overrides: vec![(
                "tumour.initial_resistant_fraction".to_owned(),
                format!("{part} 1"),
            )],
            ..Scenario::new("culture", Arm::vehicle())
        };
        Ok(scenario.prepare(library)?.baseline.hif.hif1a)
    };
    let fold = rows(&y.values, |oxygen| {
        let parental = at(0.0, oxygen)?;
        x.values
            .iter()
            .map(|part| Ok(at(*part, oxygen)? / parental))
            .collect()
    })?;
    Ok(MapPanel {
        name: "resistant",
        x,
        y,
        against: "parental cells at the same pO2",
        fold,
    })
}

/// Treated xenografts, means of the day before, against vehicle.
fn xenograft_over_time(library: &Library, accuracy: &Accuracy) -> Result<MapPanel> {
    let x = Condition::linear(Varied::Time, "day of treatment", "d", (1.0, MOUSE_DAYS));
    let y = Condition::logarithmic(Varied::Dose, "sorafenib", "mg/kg", MOUSE_DOSES);
    let scenario = Scenario {
        duration: Some(MOUSE_DAYS * HOURS_PER_DAY),
        ..Scenario::new("xenograft", Arm::vehicle())
    };
    let hourly = (0..=(MOUSE_DAYS * HOURS_PER_DAY) as u32).map(f64::from);
    let hourly: Vec<f64> = hourly.collect();
    let means = |scenario: &Scenario| -> Result<Vec<f64>> {
        let levels = hif1a(library, scenario, hourly.clone(), accuracy)?;
        let day = |day: &f64| {
            let end = (day * HOURS_PER_DAY) as usize;
            let window = &levels[end.saturating_sub(HOURS_PER_DAY as usize)..=end];
            window.iter().sum::<f64>() / window.len() as f64
        };
        Ok(x.values.iter().map(day).collect())
    };
    let untreated = means(&scenario)?;
    let fold = rows(&y.values, |dose| {
        Ok(ratios(
            &means(&dosed(&scenario, dose, "mg/kg"))?,
            &untreated,
        ))
    })?;
    Ok(MapPanel {
        name: "xenograft",
        x,
        y,
        against: "vehicle",
        fold,
    })
}
