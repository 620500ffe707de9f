//! One segment between two events, integrated with `ode_solvers`.
//!
//! The crate's pitfalls are kept out here, and pinned by `tests/solver_pitfalls.rs`:
//! * the last point of a dense grid is an extrapolation: the end state is the last accepted step;
//! * negative start times panic and a zero-length segment fails: each segment starts at local time
//!   0 and has a length;
//! * `Dop853` 0.6.2 has a wrong node c12: it is used for autonomous equations only, which ours are
//!   between events;
//! * at loose tolerances a step can jump over a pole onto a spurious branch and answer `Ok`: the
//!   right-hand side is not a number outside the domain of the states, which rejects such a step;
//! * the stiffness test runs at every `n_stiff`-th step only, so that its verdict depends on the
//!   length of the run: it is switched off, and the number of steps is limited instead.
//!
//! The crate takes one absolute tolerance for all states, so states are integrated in units of a
//! scale each. Drug amounts get a scale a hundred times larger, because nothing depends on the last
//! millionth of a dose.

use super::dense::{Dense, HermiteNode, Vector};
use crate::model::{Inputs, Model, State};
use num_dual::Dual64;
use ode_solvers::continuous_output_model::ContinuousOutputModel;
use ode_solvers::dop_shared::{IntegrationError, OutputType, Stats, System};
use ode_solvers::{Dop853, Dopri5};
use serde::Serialize;
use std::cell::Cell;

/// Integration method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Dormand-Prince 5(4) with its own dense output.
    #[default]
    Dopri5,
    /// Dormand-Prince 8(5,3); independent check of the former.
    Dop853,
    /// Collocation by Radau IIA where events follow one another closely, else Rodas5P, in lanes where there are many
    /// runs; drug amounts exactly.
    Lanes,
}

/// Accuracy asked of the integrator.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Accuracy {
    /// Method.
    pub method: Method,
    /// Relative tolerance.
    pub rtol: f64,
    /// Absolute tolerance relative to the scale of each state, as a multiple of `rtol`.
    pub atol_factor: f64,
    /// Largest step, h; steps of collocation between close events may be twice as long.
    pub max_step: f64,
}

/// One run whose endpoints are right to 1e-6 relative (the time of a flat extremum to 1e-4).
impl Default for Accuracy {
    fn default() -> Self {
        Self {
            method: Method::Dopri5,
            rtol: 1e-9,
            atol_factor: 1e-2,
            max_step: 6.0,
        }
    }
}

impl Accuracy {
    /// Many runs, in lanes, whose endpoints are right to 1e-6 relative (the time of a flat extremum to 1e-4).
    pub fn ensemble() -> Self {
        Self {
            method: Method::Lanes,
            rtol: 1e-7,
            ..Self::default()
        }
    }
}

/// Work done by the integrator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Work {
    /// Segments between events.
    pub segments: u64,
    /// Evaluations of the right-hand side.
    pub evaluations: u64,
    /// Accepted steps.
    pub accepted_steps: u64,
    /// Rejected steps.
    pub rejected_steps: u64,
}

impl Work {
    pub(super) fn add(&mut self, stats: &Stats) {
        self.segments += 1;
        self.evaluations += u64::from(stats.num_eval);
        self.accepted_steps += u64::from(stats.accepted_steps);
        self.rejected_steps += u64::from(stats.rejected_steps);
    }
}

/// Where and why a segment could not be finished.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SegmentFailure {
    /// Local time, h.
    pub time: f64,
    /// Index of the state that left its domain, if one did.
    pub state: Option<usize>,
    /// Message.
    pub cause: String,
}

/// A solved segment: accepted steps and the solution in between.
pub(super) struct Solved {
    /// Local times of the accepted steps, from 0 to the length of the segment.
    pub times: Vec<f64>,
    /// State at the end.
    pub end: State<f64>,
    /// Solution in between.
    pub dense: Dense,
}

/// Steps per segment beyond which the run is given up.
const MAX_STEPS: u32 = 100_000;

/// The equations of one segment in scaled states.
struct Scaled<'a> {
    model: &'a Model<f64>,
    inputs: &'a Inputs,
    scale: &'a Vector,
    /// Local time and index of the first state seen outside its domain.
    trouble: &'a Cell<Option<(f64, usize)>>,
}

impl System<f64, Vector> for Scaled<'_> {
    fn system(&self, time: f64, y: &Vector, dy: &mut Vector) {
        let state = State::from_array(&y.component_mul(self.scale).into());
        if let Some(index) = outside_domain(&state) {
            // The stages after a rejected one are NaN throughout and name no culprit.
            if y.iter().any(|value| value.is_finite()) {
                self.trouble.set(Some((time, index)));
            }
            dy.fill(f64::NAN);
            return;
        }
        let rates = Vector::from(self.model.derivatives(self.inputs, &state).to_array());
        if let Some(index) = rates.iter().position(|rate| !rate.is_finite()) {
            self.trouble.set(Some((time, index)));
        }
        *dy = rates.component_div(self.scale);
    }
}

/// The first state that is not finite or has no meaning: pO2 and cell volumes must be positive.
fn outside_domain(state: &State<f64>) -> Option<usize> {
    let values = state.to_array();
    values
        .iter()
        .position(|value| !value.is_finite())
        .or_else(|| {
            if state.oxygen <= 0.0 {
                index_of("pO2_mmHg")
            } else if state.tumour.viable() <= 0.0 || state.tumour.burden() <= 0.0 {
                index_of("sensitive")
            } else {
                None
            }
        })
}

fn index_of(name: &str) -> Option<usize> {
    State::fields().iter().position(|field| field.name == name)
}

/// Scales of the states: `dose` for drug amounts (per drug), the initial burden for cells, the
/// reference pO2 for oxygen, 1 for relative levels.
pub(super) fn scales(model: &Model<f64>, doses: [f64; 3]) -> Vector {
    const AMOUNTS: f64 = 100.0;
    Vector::from_iterator(State::fields().iter().map(|field| match field.unit {
        "mg" if field.name.starts_with("sorafenib") => AMOUNTS * doses[0].max(1e-3),
        "mg" if field.name.starts_with("partner1") => AMOUNTS * doses[1].max(1e-3),
        "mg" => AMOUNTS * doses[2].max(1e-3),
        "mmHg" => model.reference_oxygen,
        "burden" => model.size.initial,
        _ => 1.0,
    }))
}

/// Integrates one segment of `length` hours from `start`; `first_step` 0 lets the solver choose.
#[allow(clippy::too_many_arguments)]
pub(super) fn solve(
    model: &Model<f64>,
    dual: Option<&Model<Dual64>>,
    inputs: &Inputs,
    scale: &Vector,
    start: &State<f64>,
    length: f64,
    first_step: f64,
    accuracy: &Accuracy,
    work: &mut Work,
) -> Result<Solved, SegmentFailure> {
    let trouble = Cell::new(None);
    let system = Scaled {
        model,
        inputs,
        scale,
        trouble: &trouble,
    };
    let y0 = Vector::from(start.to_array()).component_div(scale);
    let atol = accuracy.rtol * accuracy.atol_factor;
    let max_step = accuracy.max_step.min(length);
    let first_step = first_step.min(length);
    let failed = |error: &IntegrationError| failure(error, trouble.get());

    let mut times = vec![0.0];
    let mut end = *start;
    let unscale = |y: &Vector| State::from_array(&y.component_mul(scale).into());
    let dense = match accuracy.method {
        Method::Dopri5 => {
            let mut continuous = ContinuousOutputModel::default();
            let mut solver = Dopri5::from_param(
                system,
                0.0,
                length,
                length,
                y0,
                accuracy.rtol,
                atol,
                0.9,
                0.04,
                0.2,
                10.0,
                max_step,
                first_step,
                MAX_STEPS,
                u32::MAX,
                OutputType::Continuous,
            );
            let stats = solver
                .integrate_with_continuous_output_model(&mut continuous)
                .map_err(|error| failed(&error))?;
            work.add(&stats);
            times.extend_from_slice(solver.x_out());
            end = solver.y_out().last().map_or(end, unscale);
            Dense::Continuous(continuous)
        }
        Method::Dop853 => {
            let mut solver = Dop853::from_param(
                system,
                0.0,
                length,
                length,
                y0,
                accuracy.rtol,
                atol,
                0.9,
                0.0,
                0.333,
                6.0,
                max_step,
                first_step,
                MAX_STEPS,
                u32::MAX,
                OutputType::Sparse,
            );
            let stats = solver.integrate().map_err(|error| failed(&error))?;
            work.add(&stats);
            let dual = dual.ok_or_else(|| SegmentFailure {
                time: 0.0,
                state: None,
                cause: "the dual model of the dense output is missing".to_owned(),
            })?;
            let steps = solver.x_out().iter().zip(solver.y_out());
            let nodes = steps
                .map(|(time, y)| HermiteNode::new(*time, *y, scale, model, dual, inputs))
                .collect();
            times.extend_from_slice(&solver.x_out()[1..]);
            end = solver.y_out().last().map_or(end, unscale);
            Dense::Hermite(nodes)
        }
        Method::Lanes => {
            return Err(SegmentFailure {
                time: 0.0,
                state: None,
                cause: "this method runs in lanes".to_owned(),
            });
        }
    };
    Ok(Solved { times, end, dense })
}

fn failure(error: &IntegrationError, trouble: Option<(f64, usize)>) -> SegmentFailure {
    let (time, cause) = match *error {
        IntegrationError::MaxNumStepReached { x, n_step } => {
            (x, format!("no end after {n_step} steps"))
        }
        IntegrationError::StepSizeUnderflow { x } => (x, "the step size vanished".to_owned()),
        IntegrationError::StiffnessDetected { x } => (x, "the problem became stiff".to_owned()),
    };
    // Trouble before the last accepted step was overcome and is no cause.
    match trouble.filter(|(seen, _)| *seen >= time) {
        Some((_, index)) => SegmentFailure {
            time,
            state: Some(index),
            cause: format!("{cause} because a state left its domain"),
        },
        None => SegmentFailure {
            time,
            state: None,
            cause,
        },
    }
}
