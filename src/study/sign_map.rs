//! Where sorafenib raises and where it lowers HIF-1a: the map over dose and duration.

use super::Progress;
use super::arm_run::run_scenario;
use crate::error::Result;
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Scenario};
use crate::units::Quantity;
use rayon::prelude::*;

/// HIF-1a under sorafenib relative to vehicle, over dose and time.
#[derive(Debug, Clone, PartialEq)]
pub struct SignMap {
    /// Setting of the map.
    pub setting: String,
    /// Doses, in `dose_unit`.
    pub doses: Vec<f64>,
    /// Unit of the doses.
    pub dose_unit: String,
    /// Times on treatment, h.
    pub times: Vec<f64>,
    /// Fold change per dose (rows) and time (columns).
    pub hif1a: Vec<Vec<f64>>,
    /// The same for HIF-2a.
    pub hif2a: Vec<Vec<f64>>,
}

/// Computes the map for a scenario: `doses` in `dose_unit`, samples every `grid_step` hours.
///
/// # Errors
/// The first error in the order of the doses.
pub fn sign_map(
    library: &Library,
    scenario: &Scenario,
    doses: &[f64],
    dose_unit: &str,
    grid_step: f64,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<SignMap> {
    let vehicle = run_scenario(
        library,
        &scenario.with_arm(Arm::vehicle()),
        accuracy,
        grid_step,
        false,
    )?;
    let rows = doses
        .par_iter()
        .map(|dose| {
            let mut treated = scenario.with_arm(Arm::sorafenib());
            treated.dose = Some(Quantity {
                value: *dose,
                unit: dose_unit.to_owned(),
            });
            let run = run_scenario(library, &treated, accuracy, grid_step, false);
            progress();
            let run = run?;
            let pairs = run.trajectory.states.iter().zip(&vehicle.trajectory.states);
            Ok(pairs
                .map(|(a, b)| (a.hif.hif1a / b.hif.hif1a, a.hif.hif2a / b.hif.hif2a))
                .unzip())
        })
        .collect::<Vec<Result<(Vec<f64>, Vec<f64>)>>>()
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    let (hif1a, hif2a) = rows.into_iter().unzip();
    Ok(SignMap {
        setting: scenario.setting.clone(),
        doses: doses.to_vec(),
        dose_unit: dose_unit.to_owned(),
        times: vehicle.trajectory.times,
        hif1a,
        hif2a,
    })
}
