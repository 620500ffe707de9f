//! Steady states of everything that does not grow, over the values of a knob, with their stability.
//!
//! At each value the composition of the tumour and the drug are held, and VEGF, vessels, pO2, HIFs,
//! regulator, AKT and effectors are solved for zero derivatives by Newton's method from many starts,
//! with the exact Jacobian from dual numbers; states that differ are kept. A state is stable where all
//! eigenvalues of the Jacobian have negative real parts.
//!
//! Limitations: drug is held at the mean unbound level of the first day's dose at steady state, not
//! given dose by dose; random starts can miss a state with a small basin.

use super::knob::{Knob, turned_from};
use super::random::{Draws, Purpose};
use super::sweep::{Axis, SWITCH};
use crate::error::Result;
use crate::model::baseline::{baseline, steady_states};
use crate::model::{Inputs, Model, Number, State};
use crate::simulate::{Problem, Template};
use nalgebra::{DMatrix, DVector};
use num_dual::Dual64;
use rayon::prelude::*;

/// A steady state.
#[derive(Debug, Clone, PartialEq)]
pub struct SteadyState {
    /// Value of the knob.
    pub at: f64,
    /// Signals of [`SWITCH`].
    pub signals: Vec<f64>,
    /// Largest real part of the eigenvalues, 1/h.
    pub eigenvalue: f64,
}

impl SteadyState {
    /// Whether small disturbances die out.
    pub fn stable(&self) -> bool {
        self.eigenvalue < 0.0
    }
}

/// Starts per value beside the untreated state.
const STARTS: u64 = 24;

/// States nearer than this, relatively, are one.
const SAME: f64 = 1e-5;

/// Largest derivative that counts as none, 1/h.
const STEADY: f64 = 1e-10;

/// The steady states at all values of an axis, by value.
///
/// # Errors
/// As [`Template::problem`].
pub fn steady_state_diagram(
    template: &Template,
    axis: &Axis,
    numbers: &[(&str, f64)],
    seed: u64,
) -> Result<Vec<SteadyState>> {
    let draws = Draws::new(seed, Purpose::Search);
    let all = axis
        .values
        .par_iter()
        .enumerate()
        .map(|(index, value)| {
            states_at(
                template,
                (&axis.knob, *value),
                numbers,
                index as u64,
                &draws,
            )
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<Vec<_>>>()?;
    Ok(all.into_iter().flatten().collect())
}

fn states_at(
    template: &Template,
    (knob, value): (&Knob, f64),
    numbers: &[(&str, f64)],
    index: u64,
    draws: &Draws,
) -> Result<Vec<SteadyState>> {
    let problem = turned_from(template, &[(knob, value)], numbers)?;
    let (inputs, base) = held(&problem);
    let solved = steady_states(&problem.model);
    let mut found: Vec<State<f64>> = Vec::new();
    for start in 0..=STARTS {
        let mut state = base;
        if start > 0 {
            // Each level between a thirtieth and thirty times its own.
            let mut values = state.to_array();
            let spread = draws.uniforms(index * (STARTS + 1) + start, 0);
            for (place, u) in solved.iter().zip(spread) {
                values[*place] *= libm::exp(3.4 * (2.0 * u - 1.0));
            }
            state = State::from_array(&values);
        }
        let Some(state) = newton(&problem.model, &inputs, &solved, state) else {
            continue;
        };
        if !found.iter().any(|other| same(other, &state, &solved)) {
            found.push(state);
        }
    }
    let mut states: Vec<SteadyState> = found
        .iter()
        .map(|state| {
            let signals = problem.model.signals(&inputs, state);
            SteadyState {
                at: value,
                signals: SWITCH.iter().map(|s| (s.value)(state, &signals)).collect(),
                eigenvalue: largest_eigenvalue(&problem.model, &inputs, &solved, state),
            }
        })
        .collect();
    states.sort_by(|a, b| a.signals[2].total_cmp(&b.signals[2]));
    Ok(states)
}

/// Inputs after the first events with the drug held at its level, and the state to start from.
fn held(problem: &Problem) -> (Inputs, State<f64>) {
    use crate::regimen::{Change, Drug};
    let mut inputs = problem.timeline.before;
    let mut state = problem.baseline;
    let mut absorbed = 0.0;
    for event in &problem.timeline.events {
        let first = event.time <= 1e-9;
        match event.change {
            Change::Medium(level) if first => inputs.sorafenib.medium = level,
            Change::MediumOxygen(oxygen) if first => inputs.medium_oxygen = oxygen,
            Change::Held(slot, level) if first => inputs.partners[slot].held = level,
            Change::Given(slot, given) if first => inputs.partners[slot].given = given,
            Change::Dose {
                drug: Drug::Sorafenib,
                absorbed: part,
                ..
            } if event.time < 24.0 => absorbed += part,
            _ => {}
        }
    }
    if let (Some(clearance), Some(volume)) = (
        problem.model.kinetics.net_clearance(),
        volume(&problem.model),
    ) {
        state.sorafenib.central = absorbed / 24.0 / clearance * volume;
    }
    // The baseline is that of the surroundings before the run; these are those of the run.
    if let Ok(steady) = baseline(&problem.model, &inputs) {
        state.oxygen = steady.oxygen;
        state.hif = steady.hif;
    }
    (inputs, state)
}

/// Volume of distribution, from the concentration of a unit amount.
fn volume(model: &Model<f64>) -> Option<f64> {
    let mut unit = State::from_array(&[0.0; crate::model::STATES]).sorafenib;
    unit.central = 1.0;
    let concentration = model.kinetics.concentration(&unit, &Default::default());
    (concentration > 0.0).then(|| 1.0 / concentration)
}

fn residual(
    model: &Model<f64>,
    inputs: &Inputs,
    solved: &[usize],
    state: &State<f64>,
) -> DVector<f64> {
    let rates = model.derivatives(inputs, state).to_array();
    DVector::from_iterator(solved.len(), solved.iter().map(|i| rates[*i]))
}

fn jacobian(
    model: &Model<f64>,
    inputs: &Inputs,
    solved: &[usize],
    state: &State<f64>,
) -> DMatrix<f64> {
    let dual = model.map(Dual64::constant);
    let inputs = &inputs.map(Dual64::constant);
    let mut jacobian = DMatrix::zeros(solved.len(), solved.len());
    for (column, j) in solved.iter().enumerate() {
        let mut seeded = state.to_array().map(Dual64::constant);
        seeded[*j] = seeded[*j].derivative();
        let rates = dual
            .derivatives(inputs, &State::from_array(&seeded))
            .to_array();
        for (row, i) in solved.iter().enumerate() {
            jacobian[(row, column)] = rates[*i].eps;
        }
    }
    jacobian
}

/// Newton's method with halved steps; `None` where it does not converge to levels of 0 or more.
fn newton(
    model: &Model<f64>,
    inputs: &Inputs,
    solved: &[usize],
    mut state: State<f64>,
) -> Option<State<f64>> {
    let mut rates = residual(model, inputs, solved, &state);
    for _ in 0..100 {
        if rates.amax() <= STEADY {
            return Some(state);
        }
        let step = jacobian(model, inputs, solved, &state).lu().solve(&rates)?;
        let start = state.to_array();
        let mut length = 1.0;
        loop {
            let mut trial = start;
            for (row, i) in solved.iter().enumerate() {
                trial[*i] -= length * step[row];
            }
            let candidate = State::from_array(&trial);
            if solved.iter().all(|i| trial[*i] >= 0.0) {
                let next = residual(model, inputs, solved, &candidate);
                if next.amax() < rates.amax() {
                    state = candidate;
                    rates = next;
                    break;
                }
            }
            length *= 0.5;
            if length < 1e-8 {
                return None;
            }
        }
    }
    None
}

fn same(a: &State<f64>, b: &State<f64>, solved: &[usize]) -> bool {
    let (a, b) = (a.to_array(), b.to_array());
    solved
        .iter()
        .all(|i| (a[*i] - b[*i]).abs() <= SAME * (a[*i].abs() + b[*i].abs() + 1e-9))
}

fn largest_eigenvalue(
    model: &Model<f64>,
    inputs: &Inputs,
    solved: &[usize],
    state: &State<f64>,
) -> f64 {
    let eigenvalues = jacobian(model, inputs, solved, state).complex_eigenvalues();
    eigenvalues
        .iter()
        .map(|e| e.re)
        .fold(f64::NEG_INFINITY, f64::max)
}
