//! One arm: trajectory, endpoints, audit, and the numerical error of every endpoint.

use crate::endpoints::{Collector, Endpoints};
use crate::error::Result;
use crate::parameters::Library;
use crate::simulate::{Accuracy, Observer, Outcome, Problem, Recorder, Scenario, Trajectory};
use serde::Serialize;

/// A finished run of one scenario.
#[derive(Debug, Clone)]
pub struct ArmRun {
    /// What was run.
    pub scenario: Scenario,
    /// Model, baseline and timeline of the run.
    pub problem: Problem,
    /// Samples on the study's grid.
    pub trajectory: Trajectory,
    /// Endpoints.
    pub endpoints: Endpoints,
    /// Burden at the evaluation times of the timeline.
    pub burdens: Vec<f64>,
    /// End state, work and mass balance.
    pub outcome: Outcome,
    /// Numerical errors, if asked for.
    pub verification: Option<Verification>,
}

/// The run again, at a tenth of the tolerance and by an independent method.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Endpoints of the same method at rtol/10.
    pub tighter: Endpoints,
    /// Endpoints of an implicit method, that of many runs, at rtol.
    pub independent: Endpoints,
    /// Error of the burden at each evaluation time: the larger difference of the two reruns.
    pub burden_errors: Vec<f64>,
}

impl Verification {
    /// Error estimates in the order of [`Endpoints::DEFINITIONS`]: the larger difference of the
    /// two reruns; infinite where one of them lacks an event that the run had or the reverse.
    pub fn errors(&self, endpoints: &Endpoints) -> Vec<Option<f64>> {
        let reruns = self
            .tighter
            .values()
            .into_iter()
            .zip(self.independent.values());
        endpoints
            .values()
            .into_iter()
            .zip(reruns)
            .map(|(value, reruns)| match (value, reruns) {
                (Some(value), (Some(a), Some(b))) => Some((value - a).abs().max((value - b).abs())),
                (None, (None, None)) => None,
                _ => Some(f64::INFINITY),
            })
            .collect()
    }
}

/// Runs a scenario with samples every `grid_step` hours; `verify` adds the two reruns.
///
/// # Errors
/// As [`Scenario::prepare`] and [`Problem::run`].
pub fn run_scenario(
    library: &Library,
    scenario: &Scenario,
    accuracy: &Accuracy,
    grid_step: f64,
    verify: bool,
) -> Result<ArmRun> {
    let problem = scenario.prepare(library)?;
    let mut recorder = Recorder::every(&problem, grid_step);
    let measured = measure(&problem, accuracy, Some(&mut recorder))?;
    let verification = if verify {
        let tenth = Accuracy {
            rtol: accuracy.rtol / 10.0,
            ..*accuracy
        };
        let lanes = Accuracy {
            rtol: accuracy.rtol,
            ..Accuracy::ensemble()
        };
        let tighter = measure(&problem, &tenth, None)?;
        let independent = measure(&problem, &lanes, None)?;
        let reruns = tighter.burdens.iter().zip(&independent.burdens);
        let burden_errors = measured
            .burdens
            .iter()
            .zip(reruns)
            .map(|(burden, (a, b))| (burden - a).abs().max((burden - b).abs()))
            .collect();
        Some(Verification {
            tighter: tighter.endpoints,
            independent: independent.endpoints,
            burden_errors,
        })
    } else {
        None
    };
    Ok(ArmRun {
        scenario: scenario.clone(),
        trajectory: recorder.finish(),
        endpoints: measured.endpoints,
        burdens: measured.burdens,
        outcome: measured.outcome,
        problem,
        verification,
    })
}

struct Measured {
    endpoints: Endpoints,
    burdens: Vec<f64>,
    outcome: Outcome,
}

/// Runs a problem and measures its endpoints and the burden at its evaluation times.
fn measure(
    problem: &Problem,
    accuracy: &Accuracy,
    recorder: Option<&mut Recorder>,
) -> Result<Measured> {
    let times = &problem.timeline.evaluations;
    let mut sorted = times.clone();
    sorted.sort_by(f64::total_cmp);
    let mut collector = Collector::new(problem);
    let mut evaluations = Recorder::new(problem, sorted);
    let mut observers: Vec<&mut dyn Observer> = vec![&mut collector, &mut evaluations];
    if let Some(recorder) = recorder {
        observers.push(recorder);
    }
    let outcome = problem.run(accuracy, &mut observers)?;
    let sampled = evaluations.finish();
    let burden_at = |time: &f64| {
        let at = sampled.times.partition_point(|t| t < time);
        sampled.signals[at.min(sampled.signals.len() - 1)].burden
    };
    Ok(Measured {
        burdens: times.iter().map(burden_at).collect(),
        endpoints: collector.finish(problem, &outcome),
        outcome,
    })
}
