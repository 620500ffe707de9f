//! The solution between two events as a function of time.

use super::ensemble::{BENDS, Piece};
use crate::model::{Inputs, Model, Number, STATES, State};
use nalgebra::SVector;
use num_dual::Dual64;
use ode_solvers::continuous_output_model::ContinuousOutputModel;
use std::sync::Arc;

/// State vector of the integrator: every state divided by its scale.
pub(super) type Vector = SVector<f64, STATES>;

/// A solution that can be evaluated at any time of its segment (local time from 0, scaled states).
pub(super) enum Dense {
    /// The fourth-order interpolant of Dopri5.
    Continuous(ContinuousOutputModel<f64, Vector>),
    /// Quintic Hermite interpolation through the steps of Dop853, with exact first and second
    /// derivatives.
    Hermite(Vec<HermiteNode>),
    /// The interpolant of a lane, step by step, and the states that are known exactly.
    Lane(LaneSteps),
}

/// Steps of a lane between two events.
#[derive(Default)]
pub(super) struct LaneSteps {
    steps: Vec<LaneStep>,
    /// Per step, the integrated states at both ends and the coefficients of the interpolant.
    values: Vec<f64>,
    pieces: Vec<Exact>,
    /// Indices of the integrated states.
    integrated: Arc<[usize]>,
    /// All states, of which those that do not move count.
    rest: Vec<f64>,
}

/// A step as a lane gives it: the integrated states at both ends and the coefficients of the interpolant, one after
/// the other.
pub(super) struct LaneStep {
    start: f64,
    length: f64,
    /// Index of the piece of the exactly known states.
    piece: usize,
}

impl LaneSteps {
    /// No steps of the integrated states, whose indices are given.
    pub fn new(integrated: Arc<[usize]>) -> Self {
        Self {
            integrated,
            ..Self::default()
        }
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Forgets all steps.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.values.clear();
        self.pieces.clear();
    }

    /// Adds a step from `start`, with all states at its ends, the coefficients and the piece in which it lies.
    pub fn push(
        &mut self,
        (start, length): (f64, f64),
        (before, after): (&[f64; STATES], &[f64; STATES]),
        bends: &[f64],
        piece: &Piece,
        exact: &Arc<[usize]>,
    ) {
        let known = |known: &Exact| known.piece.start.to_bits() == piece.start.to_bits();
        if !self.pieces.last().is_some_and(known) {
            self.pieces.push(Exact {
                piece: piece.clone(),
                states: Arc::clone(exact),
            });
        }
        self.rest.clear();
        self.rest.extend_from_slice(after);
        for ends in [before, after] {
            let states = self.integrated.iter().map(|index| ends[*index]);
            self.values.extend(states);
        }
        self.values.extend_from_slice(bends);
        self.steps.push(LaneStep {
            start,
            length,
            piece: self.pieces.len().saturating_sub(1),
        });
    }

    fn evaluate(&self, time: f64) -> Option<Vector> {
        let after = self.steps.partition_point(|step| step.start < time);
        let at = after.saturating_sub(1);
        let step = self.steps.get(at)?;
        let n = self.integrated.len();
        let size = (2 + BENDS) * n;
        let values = &self.values[at * size..(at + 1) * size];
        let x = ((time - step.start) / step.length).clamp(0.0, 1.0);
        let rest = 1.0 - x;
        let mut state = Vector::from_column_slice(&self.rest);
        for (i, index) in self.integrated.iter().enumerate() {
            let value = |part: usize| values[part * n + i];
            let bend = |part: usize| value(1 + part);
            let parts = [x, rest];
            let bent = (1..BENDS)
                .rev()
                .fold(bend(BENDS), |inner, k| bend(k) + inner * parts[(k + 1) % 2]);
            state[*index] = value(0) + (value(1) - value(0) + bent * rest) * x;
        }
        if let Some(exact) = self.pieces.get(step.piece) {
            for (index, value) in exact.states.iter().zip(exact.piece.at(time)) {
                state[*index] = value;
            }
        }
        Some(state)
    }
}

/// States that are known exactly over a piece of a segment.
struct Exact {
    piece: Piece,
    /// Which states they are.
    states: Arc<[usize]>,
}

/// Time, value, first and second derivative at a step.
pub(super) struct HermiteNode {
    time: f64,
    value: Vector,
    first: Vector,
    second: Vector,
}

impl HermiteNode {
    /// The node at a step: `y' = f(y)` and, by dual numbers, `y'' = (df/dy) f`.
    pub fn new(
        time: f64,
        value: Vector,
        scale: &Vector,
        model: &Model<f64>,
        dual: &Model<Dual64>,
        inputs: &Inputs,
    ) -> Self {
        let y = value.component_mul(scale);
        let rates = model
            .derivatives(inputs, &State::from_array(&y.into()))
            .to_array();
        let seeded = std::array::from_fn(|i| Dual64::new(y[i], rates[i]));
        let curvature = dual
            .derivatives(&inputs.map(Dual64::constant), &State::from_array(&seeded))
            .to_array()
            .map(|d| d.eps);
        Self {
            time,
            value,
            first: Vector::from(rates).component_div(scale),
            second: Vector::from(curvature).component_div(scale),
        }
    }
}

impl Dense {
    /// Scaled state at a local time; times beyond the ends by rounding are moved to them.
    pub fn evaluate(&self, time: f64) -> Option<Vector> {
        match self {
            Self::Continuous(model) => {
                let (low, high) = model.bounds();
                model.evaluate(time.clamp(low, high))
            }
            Self::Hermite(nodes) => {
                let after = nodes
                    .partition_point(|node| node.time < time)
                    .clamp(1, nodes.len().checked_sub(1)?);
                Some(quintic(&nodes[after - 1], &nodes[after], time))
            }
            Self::Lane(steps) => steps.evaluate(time),
        }
    }
}

/// The quintic through value, slope and curvature of both ends.
fn quintic(a: &HermiteNode, b: &HermiteNode, time: f64) -> Vector {
    let h = b.time - a.time;
    let s = ((time - a.time) / h).clamp(0.0, 1.0);
    let (s2, s3) = (s * s, s * s * s);
    let (s4, s5) = (s2 * s2, s2 * s3);
    let value_b = 10.0 * s3 - 15.0 * s4 + 6.0 * s5;
    let slope_a = s - 6.0 * s3 + 8.0 * s4 - 3.0 * s5;
    let slope_b = -4.0 * s3 + 7.0 * s4 - 3.0 * s5;
    let curve_a = 0.5 * (s2 - 3.0 * s3 + 3.0 * s4 - s5);
    let curve_b = 0.5 * (s3 - 2.0 * s4 + s5);
    a.value * (1.0 - value_b)
        + b.value * value_b
        + (a.first * slope_a + b.first * slope_b) * h
        + (a.second * curve_a + b.second * curve_b) * (h * h)
}
