//! The untreated baseline: the steady state of everything that does not grow, computed.
//!
//! With size and composition of the tumour held at their start, VEGF, vessels, pO2, HIFs, regulator and
//! effectors are solved for zero derivatives by Newton's method, with the exact Jacobian from dual
//! numbers over the same right-hand side. For a tumour of sensitive cells with the burden of the reference
//! tumour the solution is that tumour itself; another size, resistant cells, knocked-out genes and the pO2 of a
//! culture move it, far where a small tumour lives on its surface. The search starts at the balance of
//! oxygen of the size. Where damped Newton steps stall, the levels are followed in time towards the
//! steady state with implicit Euler steps that grow without bound (pseudo-transient continuation:
//! Kelley & Keyes 1998, 10.1137/S0036142996304796) and so end as Newton steps.

use super::number::Number;
use super::{Environment, Inputs, Model, STATES, State};
use nalgebra::{DMatrix, DVector};
use num_dual::Dual64;

/// Why no steady state was found.
#[derive(Debug, Clone, PartialEq)]
pub struct BaselineFailure {
    /// Name of the state with the largest remaining derivative.
    pub state: &'static str,
    /// That derivative, 1/h.
    pub derivative: f64,
}

/// Largest relative derivative (1/h) that counts as steady.
pub const STEADY: f64 = 1e-12;

/// Largest relative derivative (1/h) with which a run may start.
const ACCEPTED: f64 = 1e-10;

const MAX_ITERATIONS: usize = 200;

/// First step of the continuation in time, h.
const FIRST_STEP: f64 = 1.0;

/// Largest change of a level over its size, or over 1 where it is smaller, in one step of the continuation.
const LARGEST_CHANGE: f64 = 0.5;

/// Whether a state belongs to the baseline problem: neither drug, nor growing, nor frozen.
fn is_solved(model: &Model<f64>, name: &str) -> bool {
    match name {
        "vessels_immature" | "vessels_mature" => {
            matches!(model.environment, Environment::Tumour { .. })
        }
        "VEGF" | "pO2_mmHg" | "HIF1A" | "HIF2A" | "HAF" => true,
        "AKT_tone" | "glycolysis" | "survival" | "EMT" => true,
        "apoptosis" | "apoptosis_resistant" => true,
        _ => false,
    }
}

/// Indices of the states that are steady at the baseline.
pub fn steady_states(model: &Model<f64>) -> Vec<usize> {
    (0..STATES)
        .filter(|i| is_solved(model, State::fields()[*i].name))
        .collect()
}

/// A tumour of initial size at the levels of the reference tumour, at the balance of oxygen of that size.
fn reference_state(model: &Model<f64>, inputs: &Inputs) -> State<f64> {
    let mut state = State::from_array(&[0.0; STATES]);
    let immature = match &model.environment {
        Environment::Tumour { vessels, .. } => vessels.immature_fraction,
        Environment::Culture => 0.0,
    };
    state.vasculature.vegf = 1.0;
    state.vasculature.immature = immature;
    state.vasculature.mature = 1.0 - immature;
    state.oxygen = match &model.environment {
        Environment::Tumour { supply, .. } => {
            let relative = model.size.initial / model.size.reference;
            let per_cell = model.oxygen.supply_per_cell(1.0, relative);
            model.oxygen.balance(*supply, per_cell)
        }
        Environment::Culture => inputs.medium_oxygen,
    };
    state.hif.hif1a = 1.0;
    state.hif.hif2a = 1.0;
    state.hif.regulator = model.hif_reference.regulator;
    state.adaptation.akt_tone = 1.0;
    state.effectors.glycolysis = 1.0;
    state.effectors.survival = 1.0;
    state.effectors.apoptosis = 1.0;
    state.effectors.apoptosis_resistant = 1.0;
    state.effectors.emt = 1.0;
    let resistant = model.tumour.initial_resistant_fraction;
    state.tumour.resistant = model.size.initial * resistant;
    state.tumour.sensitive = model.size.initial * (1.0 - resistant);
    state
}

/// Dying cells in balance with the deaths of the baseline and with growth, and the whole scaled to
/// the initial burden.
fn fill_tumour(model: &Model<f64>, inputs: &Inputs, state: &mut State<f64>) {
    let scale = |state: &mut State<f64>| {
        let factor = model.size.initial / state.tumour.burden();
        state.tumour.sensitive *= factor;
        state.tumour.resistant *= factor;
        state.tumour.dying_early *= factor;
        state.tumour.dying_late *= factor;
    };
    // Viable cells grow at the net rate g; dying cells that keep their proportion obey
    // D1 (g + kD) = deaths and D2 (g + kD) = kD D1. The net rate depends on the proportion only
    // through the burden, which is fixed, so a few passes settle it.
    scale(state);
    for _ in 0..50 {
        let rates = model.derivatives(inputs, state);
        let clearance = model.tumour.dying_clearance;
        let deaths = rates.tumour.dying_early + clearance * state.tumour.dying_early;
        let growth = (rates.tumour.sensitive + rates.tumour.resistant) / state.tumour.viable();
        let turnover = (growth + clearance).max(0.1 * clearance);
        state.tumour.dying_early = deaths / turnover;
        state.tumour.dying_late = clearance * state.tumour.dying_early / turnover;
        scale(state);
    }
}

/// The steady state as a system of equations.
struct Levels<'a> {
    model: &'a Model<f64>,
    inputs: &'a Inputs,
    dual: Model<Dual64>,
    dual_inputs: Inputs<Dual64>,
    solved: Vec<usize>,
}

impl<'a> Levels<'a> {
    fn new(model: &'a Model<f64>, inputs: &'a Inputs) -> Self {
        Self {
            model,
            inputs,
            dual: model.map(Dual64::constant),
            dual_inputs: inputs.map(Dual64::constant),
            solved: steady_states(model),
        }
    }

    fn rates(&self, state: &State<f64>) -> DVector<f64> {
        let rates = self.model.derivatives(self.inputs, state).to_array();
        DVector::from_iterator(self.solved.len(), self.solved.iter().map(|i| rates[*i]))
    }

    fn jacobian(&self, state: &State<f64>) -> DMatrix<f64> {
        let count = self.solved.len();
        let mut jacobian = DMatrix::zeros(count, count);
        for (column, j) in self.solved.iter().enumerate() {
            let mut seeded = state.to_array().map(Dual64::constant);
            seeded[*j] = seeded[*j].derivative();
            let derivatives = self
                .dual
                .derivatives(&self.dual_inputs, &State::from_array(&seeded))
                .to_array();
            for (row, i) in self.solved.iter().enumerate() {
                jacobian[(row, column)] = derivatives[*i].eps;
            }
        }
        jacobian
    }

    /// The state moved by `step`; `None` where a level would turn negative or undefined.
    fn moved(&self, state: &State<f64>, step: &DVector<f64>, length: f64) -> Option<State<f64>> {
        let mut levels = state.to_array();
        for (row, i) in self.solved.iter().enumerate() {
            levels[*i] += length * step[row];
            // What is knocked out settles at 0 to rounding.
            if levels[*i].abs() < 1e-13 {
                levels[*i] = 0.0;
            }
        }
        let possible = self.solved.iter().all(|i| levels[*i] >= 0.0);
        possible.then(|| State::from_array(&levels))
    }

    /// Newton steps, each halved until all levels stay positive and the derivatives fall.
    fn newton(&self, mut state: State<f64>) -> (State<f64>, DVector<f64>) {
        let mut rates = self.rates(&state);
        for _ in 0..MAX_ITERATIONS {
            if rates.amax() <= STEADY {
                break;
            }
            let Some(step) = self.jacobian(&state).lu().solve(&-&rates) else {
                break;
            };
            let halvings = std::iter::successors(Some(1.0), |length| Some(0.5 * length));
            let better = halvings
                .take_while(|length| *length >= 1e-6)
                .find_map(|length| {
                    let candidate = self.moved(&state, &step, length)?;
                    let next = self.rates(&candidate);
                    (next.amax() < rates.amax()).then_some((candidate, next))
                });
            match better {
                Some(better) => (state, rates) = better,
                None => break,
            }
        }
        (state, rates)
    }

    /// Implicit Euler steps towards the steady state, longer after each that keeps the levels within reach.
    fn followed(&self, mut state: State<f64>) -> State<f64> {
        let mut length = FIRST_STEP;
        for _ in 0..MAX_ITERATIONS {
            let rates = self.rates(&state);
            if rates.amax() <= ACCEPTED {
                break;
            }
            let mut matrix = -self.jacobian(&state);
            for diagonal in 0..self.solved.len() {
                matrix[(diagonal, diagonal)] += 1.0 / length;
            }
            let levels = state.to_array();
            let gentle = |step: &DVector<f64>| {
                let mut changes = self.solved.iter().zip(step.iter());
                changes.all(|(i, change)| change.abs() <= LARGEST_CHANGE * levels[*i].max(1.0))
            };
            let step = matrix.lu().solve(&rates);
            match step
                .filter(gentle)
                .and_then(|step| self.moved(&state, &step, 1.0))
            {
                Some(next) => {
                    state = next;
                    length *= 2.0;
                }
                None => length *= 0.25,
            }
        }
        state
    }
}

/// The untreated baseline of a model under `inputs` without drug.
///
/// # Errors
/// The state that would not settle, when neither Newton's method nor the continuation in time converges.
pub fn baseline(model: &Model<f64>, inputs: &Inputs) -> Result<State<f64>, BaselineFailure> {
    let levels = Levels::new(model, inputs);
    let start = reference_state(model, inputs);
    let unsettled = |rates: &DVector<f64>| !rates.iter().all(|rate| rate.abs() <= ACCEPTED);
    let (mut state, mut rates) = levels.newton(start);
    if unsettled(&rates) {
        (state, rates) = levels.newton(levels.followed(start));
    }
    if unsettled(&rates) {
        let worst = rates.iamax();
        return Err(BaselineFailure {
            state: State::fields()[levels.solved[worst]].name,
            derivative: rates[worst],
        });
    }
    fill_tumour(model, inputs, &mut state);
    Ok(state)
}
