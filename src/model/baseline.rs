//! The untreated baseline: the steady state of everything that does not grow, computed.
//!
//! With the composition of the tumour held at its start, VEGF, vessels, pO2, HIFs, regulator and
//! effectors are solved for zero derivatives by Newton's method, with the exact Jacobian from dual
//! numbers over the same right-hand side. For a tumour of sensitive cells the solution is the
//! reference tumour itself; resistant cells and the pO2 of a culture move it.

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

const MAX_ITERATIONS: usize = 200;

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

/// A tumour of initial size at the levels of the reference tumour.
fn reference_state(model: &Model<f64>, inputs: &Inputs) -> State<f64> {
    let mut state = State::from_array(&[0.0; STATES]);
    let immature = match &model.environment {
        Environment::Tumour { vessels, .. } => vessels.immature_fraction,
        Environment::Culture => 0.0,
    };
    state.vasculature.vegf = 1.0;
    state.vasculature.immature = immature;
    state.vasculature.mature = 1.0 - immature;
    state.oxygen = match model.environment {
        Environment::Tumour { .. } => model.reference_oxygen,
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
    state.tumour.resistant = resistant;
    state.tumour.sensitive = 1.0 - resistant;
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

/// The untreated baseline of a model under `inputs` without drug.
///
/// # Errors
/// The state that would not settle, when Newton's method does not converge.
pub fn baseline(model: &Model<f64>, inputs: &Inputs) -> Result<State<f64>, BaselineFailure> {
    let mut state = reference_state(model, inputs);
    state.tumour.sensitive *= model.size.initial;
    state.tumour.resistant *= model.size.initial;
    let solved = steady_states(model);
    let dual = model.map(Dual64::constant);
    let dual_inputs = inputs.map(Dual64::constant);

    let residual = |state: &State<f64>| {
        let rates = model.derivatives(inputs, state).to_array();
        DVector::from_iterator(solved.len(), solved.iter().map(|i| rates[*i]))
    };
    let mut rates = residual(&state);
    for _ in 0..MAX_ITERATIONS {
        if rates.amax() <= STEADY {
            break;
        }
        let mut jacobian = DMatrix::zeros(solved.len(), solved.len());
        for (column, j) in solved.iter().enumerate() {
            let mut seeded = state.to_array().map(Dual64::constant);
            seeded[*j] = seeded[*j].derivative();
            let derivatives = dual
                .derivatives(&dual_inputs, &State::from_array(&seeded))
                .to_array();
            for (row, i) in solved.iter().enumerate() {
                jacobian[(row, column)] = derivatives[*i].eps;
            }
        }
        let Some(step) = jacobian.lu().solve(&rates) else {
            break;
        };
        // Halve the step until all states stay positive and the residual does not grow.
        let start = state.to_array();
        let mut length = 1.0;
        loop {
            let mut trial = start;
            for (row, i) in solved.iter().enumerate() {
                trial[*i] -= length * step[row];
            }
            // What is knocked out settles at 0 to rounding.
            for i in &solved {
                if trial[*i].abs() < 1e-13 {
                    trial[*i] = 0.0;
                }
            }
            let positive = solved.iter().all(|i| trial[*i] >= 0.0);
            let candidate = State::from_array(&trial);
            if positive {
                let next = residual(&candidate);
                if next.amax() < rates.amax() || length < 1e-6 {
                    state = candidate;
                    rates = next;
                    break;
                }
            } else if length < 1e-6 {
                break;
            }
            length *= 0.5;
        }
        if length < 1e-6 {
            break;
        }
    }
    let worst = rates.iamax();
    if rates[worst].abs() > 1e-10 || !rates[worst].is_finite() {
        return Err(BaselineFailure {
            state: State::fields()[solved[worst]].name,
            derivative: rates[worst],
        });
    }
    fill_tumour(model, inputs, &mut state);
    Ok(state)
}
