//! Sorafenib alone against every combination.

use super::Progress;
use super::arm_run::{ArmRun, run_scenario};
use crate::endpoints::{Comparison, Evaluation};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::{Arm, PartnerDrug};
use crate::simulate::{Accuracy, Scenario};
use rayon::prelude::*;

/// One arm of the comparison.
#[derive(Debug, Clone)]
pub struct ArmResult {
    /// The run.
    pub run: ArmRun,
    /// Volumes against vehicle and against independence of its drugs, at each evaluation time;
    /// the first is the main one.
    pub evaluations: Vec<Evaluation>,
    /// Readouts at the end against vehicle.
    pub comparison: Comparison,
    /// The partner, for arms with exactly one.
    pub partner: Option<PartnerDrug>,
    /// What to make of it.
    pub verdict: Verdict,
}

impl ArmResult {
    /// Drugs of the arm.
    pub fn arm(&self) -> &Arm {
        &self.run.scenario.arm
    }

    /// The main evaluation.
    pub fn main(&self) -> &Evaluation {
        &self.evaluations[0]
    }
}

/// An arm whose effect cannot be told: a potency or an exposure of one of its drugs is unknown.
#[derive(Debug, Clone)]
pub struct UnknownArm {
    /// The arm.
    pub arm: Arm,
    /// The partner, for arms with exactly one.
    pub partner: Option<PartnerDrug>,
    /// What is unknown, in a few words.
    pub what: String,
}

/// A comparison of arms in one setting.
#[derive(Debug, Clone)]
pub struct CompareStudy {
    /// What all arms share.
    pub scenario: Scenario,
    /// Arms, vehicle first.
    pub arms: Vec<ArmResult>,
    /// Arms that were asked for and cannot be told.
    pub unknown: Vec<UnknownArm>,
    /// Unit of burden.
    pub burden_unit: String,
    /// Burden at the start.
    pub initial_burden: f64,
}

impl CompareStudy {
    /// The result of an arm, if it was run.
    pub fn arm(&self, arm: &Arm) -> Option<&ArmResult> {
        self.arms.iter().find(|result| result.arm() == arm)
    }

    /// What is unknown of an arm that was asked for; `None` where it was run or not asked for.
    pub fn unknown(&self, arm: &Arm) -> Option<&str> {
        let found = self.unknown.iter().find(|unknown| unknown.arm == *arm);
        found.map(|unknown| unknown.what.as_str())
    }
}

/// What an arm means, in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The control itself.
    Control,
    /// T/C above 0.9.
    NoEffect,
    /// The tumour grows more slowly.
    SlowsGrowth,
    /// The burden is not above that of the start.
    StopsGrowth,
    /// A combination no better than the better of its drugs.
    NotBetter,
    /// Better than each drug, as expected of independent drugs (interaction 0.85 to 1.15).
    Additive,
    /// Better than each drug, and better than independent drugs (interaction below 0.85).
    Synergy,
    /// Better than each drug, but worse than independent drugs (interaction above 1.15).
    LessThanAdditive,
}

impl Verdict {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::NoEffect => "no effect on volume",
            Self::SlowsGrowth => "slows growth",
            Self::StopsGrowth => "stops growth",
            Self::NotBetter => "not better than the better drug",
            Self::Additive => "better than each, additive",
            Self::Synergy => "better than each, synergy",
            Self::LessThanAdditive => "better than each, less than additive",
        }
    }

    /// The verdict at the main evaluation; thresholds of interaction as used with Jin's q.
    fn of(arm: &Arm, main: &Evaluation, singles: &[f64], control: f64) -> Self {
        let ratio = main.treated_over_control;
        if *arm == Arm::vehicle() {
            return Self::Control;
        }
        let Some(interaction) = main.bliss_interaction else {
            return match main.growth_inhibition {
                _ if ratio > 0.9 => Self::NoEffect,
                inhibition if inhibition >= 1.0 => Self::StopsGrowth,
                _ => Self::SlowsGrowth,
            };
        };
        let better = singles.iter().fold(f64::INFINITY, |a, b| a.min(*b)) / control;
        match interaction {
            _ if ratio >= 0.99 * better => Self::NotBetter,
            i if i < 0.85 => Self::Synergy,
            i if i <= 1.15 => Self::Additive,
            _ => Self::LessThanAdditive,
        }
    }
}

/// Vehicle, sorafenib, and every partner of the library alone and with sorafenib.
pub fn all_arms(library: &Library) -> Vec<Arm> {
    let partners = library.names("partners");
    let mut arms = vec![Arm::vehicle(), Arm::sorafenib()];
    arms.extend(partners.iter().map(|name| Arm::partner(name)));
    arms.extend(partners.iter().map(|name| Arm::combination(name)));
    arms
}

/// Runs `arms` of a scenario in parallel, and vehicle and the single drugs that they are compared
/// with; the order of results is that of the arms, whatever the threads do. Arms of unknown effect are
/// not run but named.
///
/// # Errors
/// The first error in the order of the arms.
pub fn compare(
    library: &Library,
    scenario: &Scenario,
    arms: &[Arm],
    accuracy: &Accuracy,
    grid_step: f64,
    verify: bool,
    progress: Progress<'_>,
) -> Result<CompareStudy> {
    let arms = with_controls(arms);
    let finished: Vec<Result<ArmRun>> = arms
        .par_iter()
        .map(|arm| {
            let scenario = scenario.with_arm(arm.clone());
            let run = run_scenario(library, &scenario, accuracy, grid_step, verify);
            progress();
            run
        })
        .collect();
    let mut runs: Vec<ArmRun> = Vec::new();
    let mut unknown = Vec::new();
    for (arm, finished) in arms.iter().zip(finished) {
        match finished {
            Ok(run) => runs.push(run),
            // Without partners nothing is left to compare.
            Err(Error::Unknown { what, .. }) if !arm.partners.is_empty() => {
                unknown.push((arm.clone(), what));
            }
            Err(error) => return Err(error),
        }
    }

    let find = |arm: &Arm| runs.iter().find(|run| run.scenario.arm == *arm);
    let vehicle = find(&Arm::vehicle()).unwrap_or(&runs[0]);
    let initial_burden = vehicle.problem.baseline.tumour.burden();
    let absorption = vehicle.problem.model.kinetics.absorption();
    let weight = absorption.map(|absorption| absorption.body_weight);
    let partner = |arm: &Arm| -> Result<Option<PartnerDrug>> {
        if arm.partners.len() != 1 {
            return Ok(None);
        }
        let drugs = scenario.with_arm(arm.clone()).partners(library, weight);
        match drugs {
            // Its kinetics are unknown, and with them all else that depends on the mode.
            Err(Error::Unknown { .. }) => Ok(None),
            drugs => Ok(drugs?.into_iter().next()),
        }
    };
    let arms = runs
        .iter()
        .map(|run| {
            let arm = &run.scenario.arm;
            let alone: Vec<&ArmRun> = arm.drugs_alone().iter().filter_map(find).collect();
            let evaluations: Vec<Evaluation> = (0..run.burdens.len())
                .map(|i| {
                    let singles: Vec<f64> = alone.iter().map(|run| run.burdens[i]).collect();
                    Evaluation::new(
                        run.problem.timeline.evaluations[i],
                        run.burdens[i],
                        vehicle.burdens[i],
                        initial_burden,
                        &singles,
                    )
                })
                .collect();
            let singles: Vec<f64> = alone.iter().map(|run| run.burdens[0]).collect();
            Ok(ArmResult {
                verdict: Verdict::of(arm, &evaluations[0], &singles, vehicle.burdens[0]),
                evaluations,
                comparison: Comparison::new(&run.endpoints, &vehicle.endpoints),
                run: run.clone(),
                partner: partner(arm)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let unknown = unknown
        .into_iter()
        .map(|(arm, what)| {
            let partner = partner(&arm)?;
            Ok(UnknownArm { arm, partner, what })
        })
        .collect::<Result<Vec<_>>>()?;
    let table = scenario.parameters(library)?;
    Ok(CompareStudy {
        scenario: scenario.clone(),
        arms,
        unknown,
        burden_unit: table.text("burden_unit").unwrap_or("1").to_owned(),
        initial_burden,
    })
}

/// The arms with vehicle first and all single drugs of the combinations, each once.
fn with_controls(arms: &[Arm]) -> Vec<Arm> {
    let mut all = vec![Arm::vehicle()];
    for arm in arms {
        for needed in arm.drugs_alone().into_iter().chain([arm.clone()]) {
            if !all.contains(&needed) {
                all.push(needed);
            }
        }
    }
    all
}
