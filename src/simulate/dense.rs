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
    Lane {
        steps: Vec<LaneStep>,
        pieces: Vec<Exact>,
    },
}

/// A step of a lane with its interpolant.
pub(super) struct LaneStep {
    pub start: f64,
    pub length: f64,
    pub before: Vector,
    pub after: Vector,
    /// Coefficients of the interpolant.
    pub bends: [Vector; BENDS],
    /// Index of the piece of the exactly known states.
    pub piece: usize,
}

/// States that are known exactly over a piece of a segment.
pub(super) struct Exact {
    pub piece: Piece,
    /// Which states they are.
    pub states: Arc<[usize]>,
}

impl LaneStep {
    fn evaluate(&self, time: f64) -> Vector {
        let x = ((time - self.start) / self.length).clamp(0.0, 1.0);
        let [e1, e2, e3, e4, e5, e6] = &self.bends;
        let rest = 1.0 - x;
        let inner = e3 + (e4 + (e5 + e6 * x) * rest) * x;
        let bend = e1 + (e2 + inner * rest) * x;
        self.before + (self.after - self.before + bend * rest) * x
    }
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
            Self::Lane { steps, pieces } => {
                let after = steps.partition_point(|step| step.start < time);
                let step = steps.get(after.saturating_sub(1))?;
                let mut state = step.evaluate(time);
                if let Some(exact) = pieces.get(step.piece) {
                    for (index, value) in exact.states.iter().zip(exact.piece.at(time)) {
                        state[*index] = value;
                    }
                }
                Some(state)
            }
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
