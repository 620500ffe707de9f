//! The solution between two events as a function of time.

use super::ensemble::{COEFFICIENTS, Piece};
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
    pieces: Vec<Piece>,
    /// Indices of the integrated states.
    integrated: Arc<[usize]>,
    /// Indices of the states that are known exactly.
    exact: Arc<[usize]>,
    /// Where each state is found.
    places: Vec<Place>,
    /// All states, of which those that do not move count.
    rest: Vec<f64>,
}

/// Where a state is found.
#[derive(Clone, Copy)]
enum Place {
    /// Among the integrated ones.
    Integrated(usize),
    /// Among those known exactly.
    Exact(usize),
    /// It does not move.
    Still,
}

/// A step of a lane; its values stand among those of [`LaneSteps`].
pub(super) struct LaneStep {
    start: f64,
    length: f64,
    /// Index of the piece of the exactly known states.
    piece: usize,
}

impl LaneSteps {
    /// No steps of states whose indices are given.
    pub fn new(integrated: Arc<[usize]>, exact: Arc<[usize]>) -> Self {
        let mut places = vec![Place::Still; STATES];
        for (i, index) in integrated.iter().enumerate() {
            places[*index] = Place::Integrated(i);
        }
        for (i, index) in exact.iter().enumerate() {
            places[*index] = Place::Exact(i);
        }
        Self {
            integrated,
            exact,
            places,
            ..Self::default()
        }
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Forgets all steps; `rest` are all states, of which those that do not move count.
    pub fn restart(&mut self, rest: &[f64; STATES]) {
        self.steps.clear();
        self.values.clear();
        self.pieces.clear();
        self.rest.clear();
        self.rest.extend_from_slice(rest);
    }

    /// Adds a step from `start`, with the integrated states at its ends, the coefficients and the piece in which it
    /// lies.
    pub fn push(
        &mut self,
        (start, length): (f64, f64),
        (before, after): (&[f64], &[f64]),
        coefficients: &[f64],
        piece: &Piece,
    ) {
        let known = |known: &Piece| known.start.to_bits() == piece.start.to_bits();
        if !self.pieces.last().is_some_and(known) {
            self.pieces.push(piece.clone());
        }
        self.values.extend_from_slice(before);
        self.values.extend_from_slice(after);
        self.values.extend_from_slice(coefficients);
        self.steps.push(LaneStep {
            start,
            length,
            piece: self.pieces.len().saturating_sub(1),
        });
    }

    /// The step at a time, with its values.
    fn find(&self, time: f64) -> Option<(&LaneStep, &[f64])> {
        let after = self.steps.partition_point(|step| step.start < time);
        let at = after.saturating_sub(1);
        let size = (2 + COEFFICIENTS) * self.integrated.len();
        let values = self.values.get(at * size..(at + 1) * size)?;
        Some((self.steps.get(at)?, values))
    }

    fn evaluate(&self, time: f64) -> Option<Vector> {
        let (step, values) = self.find(time)?;
        let mut state = Vector::from_column_slice(&self.rest);
        for (i, index) in self.integrated.iter().enumerate() {
            state[*index] = step.motion(values, i, time).re;
        }
        if let Some(piece) = self.pieces.get(step.piece) {
            for (index, value) in self.exact.iter().zip(piece.at(time)) {
                state[*index] = value;
            }
        }
        Some(state)
    }

    fn motion(&self, time: f64, wanted: &[usize], into: &mut [Dual64; STATES]) -> bool {
        let Some((step, values)) = self.find(time) else {
            return false;
        };
        let exact = |i: usize| {
            let piece = self.pieces.get(step.piece);
            piece.map_or(Dual64::constant(0.0), |piece| exact_motion(piece, i, time))
        };
        if wanted.len() > MANY {
            let (mut levels, mut slopes) = ([0.0; STATES], [0.0; STATES]);
            let n = self.integrated.len();
            step.motions(values, time, &mut levels[..n], &mut slopes[..n]);
            for index in wanted {
                into[*index] = match self.places[*index] {
                    Place::Integrated(i) => Dual64::new(levels[i], slopes[i]),
                    Place::Exact(i) => exact(i),
                    Place::Still => Dual64::constant(self.rest[*index]),
                };
            }
            return true;
        }
        for index in wanted {
            into[*index] = match self.places[*index] {
                Place::Integrated(i) => step.motion(values, i, time),
                Place::Exact(i) => exact(i),
                Place::Still => Dual64::constant(self.rest[*index]),
            };
        }
        true
    }
}

/// Of so many states all integrated ones are evaluated together.
const MANY: usize = 4;

impl LaneStep {
    fn place(&self, time: f64) -> f64 {
        ((time - self.start) / self.length).clamp(0.0, 1.0)
    }

    /// The integrated state number `i` with its slope.
    fn motion(&self, values: &[f64], i: usize, time: f64) -> Dual64 {
        let n = values.len() / (2 + COEFFICIENTS);
        let x = self.place(time);
        // From the innermost bend outwards; the factors are x and 1 - x in turn.
        let (mut sum, mut slope) = (0.0, 0.0);
        for (part, value) in values[i..].iter().step_by(n).enumerate().rev() {
            let (factor, pace) = turn(part, x);
            slope = slope * factor + sum * pace;
            sum = sum * factor + value;
            if part == 1 {
                sum -= values[i];
            }
        }
        Dual64::new(sum, slope / self.length)
    }

    /// All integrated states and their slopes, a block of them at a time.
    fn motions(&self, values: &[f64], time: f64, levels: &mut [f64], slopes: &mut [f64]) {
        let n = levels.len();
        let x = self.place(time);
        let whole = n - n % BLOCK;
        for i in (0..whole).step_by(BLOCK) {
            let (mut sum, mut slope) = ([0.0; BLOCK], [0.0; BLOCK]);
            let before = &values[i..i + BLOCK];
            for part in (0..2 + COEFFICIENTS).rev() {
                let (factor, pace) = turn(part, x);
                let values = &values[part * n + i..][..BLOCK];
                for k in 0..BLOCK {
                    slope[k] = slope[k] * factor + sum[k] * pace;
                    sum[k] = sum[k] * factor + values[k];
                }
                if part == 1 {
                    for (sum, before) in sum.iter_mut().zip(before) {
                        *sum -= before;
                    }
                }
            }
            levels[i..i + BLOCK].copy_from_slice(&sum);
            for (to, slope) in slopes[i..i + BLOCK].iter_mut().zip(slope) {
                *to = slope / self.length;
            }
        }
        for i in whole..n {
            let motion = self.motion(values, i, time);
            (levels[i], slopes[i]) = (motion.re, motion.eps);
        }
    }
}

/// Factor of a part of the interpolant, x or 1 - x in turn, and its slope.
fn turn(part: usize, x: f64) -> (f64, f64) {
    if part.is_multiple_of(2) {
        (x, 1.0)
    } else {
        (1.0 - x, -1.0)
    }
}

/// States that are evaluated side by side.
const BLOCK: usize = 6;

/// The exactly known state number `i` of a piece with its slope: the Chebyshev polynomials of the first kind and, for
/// the slope, of the second, by their recurrences.
fn exact_motion(piece: &Piece, i: usize, time: f64) -> Dual64 {
    let Some(terms) = piece.series.get(i) else {
        return Dual64::constant(0.0);
    };
    let place = (2.0 * (time - piece.start) / piece.length - 1.0).clamp(-1.0, 1.0);
    let (mut first, mut next) = (1.0, place);
    let (mut before, mut second) = (0.0, 1.0);
    let (mut value, mut slope) = (terms[0], 0.0);
    for (order, term) in terms.iter().enumerate().skip(1) {
        value += term * next;
        slope += term * order as f64 * second;
        (first, next) = (next, 2.0 * place * next - first);
        (before, second) = (second, 2.0 * place * second - before);
    }
    Dual64::new(value, slope * 2.0 / piece.length)
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
                let last = nodes.len().checked_sub(1).filter(|last| *last > 0)?;
                let after = nodes
                    .partition_point(|node| node.time < time)
                    .clamp(1, last);
                Some(quintic(&nodes[after - 1], &nodes[after], time))
            }
            Self::Lane(steps) => steps.evaluate(time),
        }
    }

    /// States and their slopes at a local time, those whose indices are wanted; false if the solution does not give
    /// slopes.
    pub fn motion(
        &self,
        time: f64,
        scale: &Vector,
        wanted: &[usize],
        into: &mut [Dual64; STATES],
    ) -> bool {
        match self {
            Self::Continuous(_) => false,
            Self::Hermite(nodes) => {
                let Some(last) = nodes.len().checked_sub(1) else {
                    return false;
                };
                let after = nodes
                    .partition_point(|node| node.time < time)
                    .clamp(1.min(last), last);
                let (a, b) = (&nodes[after.saturating_sub(1)], &nodes[after]);
                for index in wanted {
                    into[*index] = quintic_motion(a, b, *index, time) * scale[*index];
                }
                true
            }
            Self::Lane(steps) => steps.motion(time, wanted, into),
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

/// One state of the quintic with its slope.
fn quintic_motion(a: &HermiteNode, b: &HermiteNode, index: usize, time: f64) -> Dual64 {
    let h = b.time - a.time;
    let s = Dual64::new(((time - a.time) / h).clamp(0.0, 1.0), 1.0 / h);
    let s2 = s * s;
    let s3 = s2 * s;
    let (s4, s5) = (s2 * s2, s2 * s3);
    let value_b = s3 * 10.0 - s4 * 15.0 + s5 * 6.0;
    let slope_a = s - s3 * 6.0 + s4 * 8.0 - s5 * 3.0;
    let slope_b = s3 * -4.0 + s4 * 7.0 - s5 * 3.0;
    let curve_a = (s2 - s3 * 3.0 + s4 * 3.0 - s5) * 0.5;
    let curve_b = (s3 - s4 * 2.0 + s5) * 0.5;
    value_b * (b.value[index] - a.value[index])
        + a.value[index]
        + (slope_a * a.first[index] + slope_b * b.first[index]) * h
        + (curve_a * a.second[index] + curve_b * b.second[index]) * (h * h)
}
