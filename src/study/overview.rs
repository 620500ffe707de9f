//! The main job: every arm in every setting, the sign map, withdrawal and re-treatment.

use super::Progress;
use super::compare::{CompareStudy, all_arms, compare};
use super::sign_map::{SignMap, sign_map};
use crate::error::Result;
use crate::parameters::Library;
use crate::regimen::{Arm, Mode};
use crate::simulate::{Accuracy, Scenario};

/// Everything that the gallery shows.
#[derive(Debug, Clone)]
pub struct Overview {
    /// All arms in the mouse, partner effects imposed.
    pub xenograft: CompareStudy,
    /// All arms in the mouse at the exposure that partners can reach.
    pub xenograft_achievable: CompareStudy,
    /// All arms in man, partner effects imposed.
    pub patient: CompareStudy,
    /// All arms in culture at 1 % O2, partner effects imposed.
    pub culture: CompareStudy,
    /// HIF-1a over dose and time in the mouse.
    pub sign_map: SignMap,
    /// Withdrawal and re-treatment in the mouse, for the arms of the phase plane.
    pub withdrawal: CompareStudy,
}

/// Sampling of trajectories, h.
const MOUSE_GRID: f64 = 1.0;
const PATIENT_GRID: f64 = 24.0;
const CULTURE_GRID: f64 = 0.5;

/// Doses of the sign map, mg/kg.
const LOWEST_DOSE: f64 = 1.0;
const DOSES_PER_DECADE: u32 = 16;
const DECADES: u32 = 2;

/// Name of the regimen with a week off drug.
const WITHDRAWAL: &str = "xenograft-withdrawal";

/// Number of runs of [`overview`], for progress.
pub fn overview_runs(library: &Library, withdrawal: &[Arm]) -> u64 {
    let arms = all_arms(library).len();
    (4 * arms + withdrawal.len()) as u64 + u64::from(DECADES * DOSES_PER_DECADE) + 1
}

/// Runs the main job; `withdrawal` are the arms that are withdrawn and given again.
///
/// # Errors
/// The first error of any run.
pub fn overview(
    library: &Library,
    base: &Scenario,
    withdrawal: &[Arm],
    accuracy: &Accuracy,
    verify: bool,
    progress: Progress<'_>,
) -> Result<Overview> {
    let arms = all_arms(library);
    let all = |setting: &str, mode: Mode, grid: f64| {
        let scenario = Scenario {
            setting: setting.to_owned(),
            mode,
            ..base.clone()
        };
        compare(library, &scenario, &arms, accuracy, grid, verify, progress)
    };
    let mouse = Scenario {
        setting: "xenograft".to_owned(),
        ..base.clone()
    };
    let stopped = Scenario {
        regimen: Some(WITHDRAWAL.to_owned()),
        ..mouse.clone()
    };
    let doses: Vec<f64> = (0..=DECADES * DOSES_PER_DECADE)
        .map(|i| LOWEST_DOSE * 10f64.powf(f64::from(i) / f64::from(DOSES_PER_DECADE)))
        .collect();
    Ok(Overview {
        xenograft: all("xenograft", Mode::Mechanistic, MOUSE_GRID)?,
        xenograft_achievable: all("xenograft", Mode::AchievableExposure, 24.0)?,
        patient: all("patient", Mode::Mechanistic, PATIENT_GRID)?,
        culture: all("culture", Mode::Mechanistic, CULTURE_GRID)?,
        sign_map: sign_map(library, &mouse, &doses, "mg/kg", 2.0, accuracy, progress)?,
        withdrawal: compare(
            library, &stopped, withdrawal, accuracy, MOUSE_GRID, verify, progress,
        )?,
    })
}
