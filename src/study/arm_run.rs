//! One arm: trajectory, endpoints, audit, and the numerical error of every endpoint.

use crate::endpoints::{Collector, Endpoints};
use crate::error::Result;
use crate::parameters::Library;
use crate::simulate::{Accuracy, Method, Outcome, Problem, Recorder, Scenario, Trajectory};
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

/// The endpoints again, at a tenth of the tolerance and by an independent method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Verification {
    /// Dopri5 at rtol/10.
    pub tighter: Endpoints,
    /// Dop853 at rtol/10.
    pub independent: Endpoints,
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
    let mut collector = Collector::new(&problem);
    let mut order: Vec<usize> = (0..problem.timeline.evaluations.len()).collect();
    order.sort_by(|a, b| {
        problem.timeline.evaluations[*a].total_cmp(&problem.timeline.evaluations[*b])
    });
    let sorted = order.iter().map(|i| problem.timeline.evaluations[*i]);
    let mut evaluations = Recorder::new(&problem, sorted.collect());
    let outcome = problem.run(
        accuracy,
        &mut [&mut recorder, &mut collector, &mut evaluations],
    )?;
    let sampled = evaluations.finish().series(|_, signals| signals.burden);
    let mut burdens = vec![0.0; sampled.len()];
    for (i, burden) in order.into_iter().zip(sampled) {
        burdens[i] = burden;
    }
    let endpoints = collector.finish(&problem, &outcome);
    let verification = if verify {
        Some(Verification {
            tighter: endpoints_at(&problem, accuracy, Method::Dopri5)?,
            independent: endpoints_at(&problem, accuracy, Method::Dop853)?,
        })
    } else {
        None
    };
    Ok(ArmRun {
        scenario: scenario.clone(),
        trajectory: recorder.finish(),
        problem,
        endpoints,
        burdens,
        outcome,
        verification,
    })
}

fn endpoints_at(problem: &Problem, accuracy: &Accuracy, method: Method) -> Result<Endpoints> {
    let tighter = Accuracy {
        method,
        rtol: accuracy.rtol / 10.0,
        ..*accuracy
    };
    let mut collector = Collector::new(problem);
    let outcome = problem.run(&tighter, &mut [&mut collector])?;
    Ok(collector.finish(problem, &outcome))
}
