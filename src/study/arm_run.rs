//! One arm: trajectory, endpoints, audit, and the numerical error of every endpoint.

use crate::endpoints::{Collector, Endpoints};
use crate::error::Result;
use crate::parameters::Library;
use crate::simulate::{
    Accuracy, Method, Observer, Outcome, Problem, Recorder, Scenario, Trajectory,
};
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

/// The run again at a tenth of the tolerance by an independent method: that of many runs, which is implicit, after one of
/// `ode_solvers`, and the other way round.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verification {
    /// Its endpoints.
    pub endpoints: Endpoints,
    /// Error of the burden at each evaluation time.
    pub burden_errors: Vec<f64>,
}

impl Verification {
    /// Error estimates in the order of [`Endpoints::DEFINITIONS`]: the differences of both runs; infinite where only one
    /// of them has an event.
    pub fn errors(&self, endpoints: &Endpoints) -> Vec<Option<f64>> {
        let both = endpoints.values().into_iter().zip(self.endpoints.values());
        both.map(|both| match both {
            (Some(a), Some(b)) => Some((a - b).abs()),
            (None, None) => None,
            _ => Some(f64::INFINITY),
        })
        .collect()
    }
}

/// Runs a scenario with samples every `grid_step` hours; `verify` adds a rerun by another method.
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
        let independent = Accuracy {
            rtol: accuracy.rtol / 10.0,
            ..match accuracy.method {
                Method::Lanes => Accuracy::default(),
                Method::Dopri5 | Method::Dop853 => Accuracy::ensemble(),
            }
        };
        let again = measure(&problem, &independent, None)?;
        let both = measured.burdens.iter().zip(&again.burdens);
        Some(Verification {
            burden_errors: both.map(|(a, b)| (a - b).abs()).collect(),
            endpoints: again.endpoints,
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
