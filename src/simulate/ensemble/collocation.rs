//! A stretch between events in all lanes by collocation, in sweeps.
//!
//! Radau IIA with ten stages (Hairer & Wanner 1996, IV.5; order 19, L-stable): within a step of length `h` the
//! solution is the polynomial `y(t + x h) = y + u(x)` whose slope is that of the equations at the nodes `c_j`,
//!
//! ```text
//! u_j = h sum_l Q_jl f(t + c_l h, y + u_l),    j = 1..10,    c_10 = 1
//! ```
//!
//! with the drug amounts known as functions of time. A patient who takes a drug every twelve hours goes through
//! almost the same course twelve hours later: a step starts from what its [`History`](super::history) lets expect, if it
//! has to be computed at all, and mostly a single sweep of Newton's method over the nodes is then enough. Ten evaluations make a
//! step of six hours at errors below 1e-6, where a one-step method needs fifty.
//!
//! In the basis of the eigenvectors `V` of `Q` (real and imaginary parts) the sweep is, for each pair of eigenvalues
//! `lambda` and its conjugate,
//!
//! ```text
//! (s - J) delta = f - s u,    s = 1/(h lambda),    u <- u + delta
//! ```
//!
//! with the Jacobian `J` at the middle node, less what slow states do to those before them, which is left to the next
//! sweep. A sweep makes the error about a hundred times smaller; it is repeated until its change is small. The error
//! is told from the last two Legendre coefficients of the slopes, which fall with the length of the step as those of
//! the solution do.
//!
//! Limitations: between the nodes the polynomial is of degree ten only, so that steps that someone looks into are held
//! to a smaller coefficient ([`INSIDE`]); the solution at the end is of order 19.

use super::lanes::{Lanes, Operate, execute, fma, map};
use super::machine::{Machine, advance, bend, carry, check};
use super::program::System;
use super::radau::{EIGENVALUES, FROM_SPECTRUM, HIGHEST, INTERPOLANT, NODES, TO_SPECTRUM};

/// Node at which the Jacobian is taken.
pub(super) const MIDDLE: usize = 4;

/// Nodes at which watched values are looked at.
pub(super) const SEEN: [usize; NODES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

/// Change of a sweep over the tolerance after which the next one would not matter; the part of it that is left,
/// judged by how fast changes fall.
pub(super) const SETTLED: f64 = 0.2;
pub(super) const LEFT: f64 = 0.02;

/// Part of both that the first passage of a step is to come to, in so many sweeps more.
pub(super) const FIRST: f64 = 0.01;
pub(super) const MORE: u32 = 2;

/// Sweeps of one step, and the ratio of changes beyond which there is no hope.
pub(super) const SWEEPS: u32 = 10;
pub(super) const HOPELESS: f64 = 0.8;

/// Longest step over the largest that one-step methods may make.
pub(super) const LONGEST: f64 = 2.0;

/// Error at the end of a step per square of the last coefficients, and between its nodes per coefficient (measured).
const END: f64 = 0.3;
const INSIDE: f64 = 0.03;

/// Error of a step from the size of its last coefficients: at its end, or also inside.
pub(super) fn error(curve: f64, inside: bool) -> f64 {
    let end = END * curve * curve;
    if inside { end.max(INSIDE * curve) } else { end }
}

/// Factor to a step of just the tolerance: errors fall with the power 20 of the step, inside with 10.
pub(super) fn factor(error: f64, inside: bool) -> f64 {
    0.9 * libm::pow(error, if inside { -0.1 } else { -0.05 })
}

/// A sweep of all lanes, to be dispatched.
pub(super) struct Sweep<'a, const W: usize> {
    /// Equations.
    pub system: &'a System,
    /// Lanes.
    pub machine: &'a mut Machine<W>,
    /// Whether the interpolant is asked for.
    pub dense: bool,
}

impl<const W: usize> Operate for Sweep<'_, W> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        let Self {
            system,
            machine,
            dense,
        } = self;
        let n = system.states;
        let layout = &system.layout;
        let rows = &mut machine.rows[..];
        let wide = n + system.watched;
        let (start, end) = (layout.start, watched_at_end(system));
        carry(system, rows, start, end, system.watched);
        advance(system, rows);
        let mut outside = Lanes::<W>::all(0.0);
        for node in 0..NODES {
            slopes::<FUSED, W>(system, rows, node, &mut outside);
        }
        shifts(system, rows);
        for i in 0..n {
            load::<FUSED, W>(system, rows, i);
        }
        for pair in 0..NODES / 2 {
            let Pair { first, rows: count } = Pair::of(system, pair);
            rows.copy_within(first..first + count, layout.pair);
            execute::<FUSED, W>(&system.correction, rows);
            rows.copy_within(layout.pair..layout.pair + count, first);
        }
        let (mut change, mut curve) = (Lanes::<W>::all(0.0), Lanes::<W>::all(0.0));
        for i in 0..n {
            correct::<FUSED, W>(system, rows, i, &mut change, &mut curve);
        }
        check(system, &rows[layout.after..layout.after + n], &mut outside);
        let (mean, rtol) = (1.0 / n as f64, rows[layout.rtol]);
        for lane in 0..W {
            let square = fma::<FUSED>(change.0[lane], mean, outside.0[lane]);
            rows[layout.error].0[lane] = square.sqrt() / rtol.0[lane];
        }
        rows[layout.curve] = map(&curve, |square| (square * mean).sqrt());
        let start = Some(layout.start);
        bend(system, rows, layout.increments + n, wide, &SEEN, start);
        if dense {
            for i in 0..n {
                for (part, weights) in INTERPOLANT.iter().enumerate() {
                    rows[layout.dense + part * n + i] =
                        combine::<FUSED, W>(rows, layout.spectrum + i, n, weights);
                }
            }
        }
    }
}

/// First row of the watched values at the end of the step.
pub(super) fn watched_at_end(system: &System) -> usize {
    system.layout.increments + (NODES - 1) * (system.states + system.watched) + system.states
}

/// Weighted sum of rows from `first` on, `stride` apart.
#[inline(always)]
fn combine<const FUSED: bool, const W: usize>(
    rows: &[Lanes<W>],
    first: usize,
    stride: usize,
    weights: &[f64; NODES],
) -> Lanes<W> {
    let mut sum = Lanes::<W>::all(0.0);
    for (at, weight) in weights.iter().enumerate() {
        let k = &rows[first + at * stride];
        for lane in 0..W {
            sum.0[lane] = if at == 0 {
                *weight * k.0[lane]
            } else {
                fma::<FUSED>(*weight, k.0[lane], sum.0[lane])
            };
        }
    }
    sum
}

/// Slopes at a node; at the middle one with the Jacobian.
#[inline(always)]
fn slopes<const FUSED: bool, const W: usize>(
    system: &System,
    rows: &mut [Lanes<W>],
    node: usize,
    outside: &mut Lanes<W>,
) {
    let n = system.states;
    let layout = &system.layout;
    let wide = n + system.watched;
    let drives = system.drives.len();
    rows.copy_within(
        layout.courses + node * drives..layout.courses + (node + 1) * drives,
        layout.drives,
    );
    for i in 0..n {
        let mut state = combine::<FUSED, W>(rows, layout.spectrum + i, n, &FROM_SPECTRUM[node]);
        let before = rows[layout.before + i];
        for lane in 0..W {
            state.0[lane] += before.0[lane];
        }
        rows[layout.states + i] = state;
    }
    check(system, &rows[layout.states..layout.states + n], outside);
    let program = if node == MIDDLE {
        &system.newton
    } else {
        &system.rates
    };
    execute::<FUSED, W>(program, rows);
    rows.copy_within(
        layout.rates..layout.rates + wide,
        layout.increments + node * wide,
    );
}

/// The rows of Newton's system of a pair of eigenvalues: its shift, real and imaginary part, then the real parts of the right-hand
/// side and its imaginary parts, in whose places the solution comes.
pub(super) struct Pair {
    pub first: usize,
    pub rows: usize,
}

impl Pair {
    pub fn of(system: &System, pair: usize) -> Self {
        let rows = 2 + 2 * system.states;
        Self {
            first: system.layout.changes + pair * rows,
            rows,
        }
    }

    /// Rows of the shift.
    pub fn shift(&self) -> [usize; 2] {
        [self.first, self.first + 1]
    }

    /// Rows of a state.
    pub fn state(&self, i: usize) -> [usize; 2] {
        let real = self.first + 2 + i;
        [real, real + self.rows / 2 - 1]
    }
}

/// `1/lambda` of a pair, real and imaginary part.
pub(super) fn inverse_eigenvalue(pair: usize) -> [f64; 2] {
    let (real, imaginary) = EIGENVALUES[pair];
    let square = real * real + imaginary * imaginary;
    [real / square, imaginary / square]
}

#[inline(always)]
fn shifts<const W: usize>(system: &System, rows: &mut [Lanes<W>]) {
    let layout = &system.layout;
    let inverse = map(&rows[layout.step], |step| 1.0 / step);
    for pair in 0..NODES / 2 {
        let shift = Pair::of(system, pair).shift();
        for (row, value) in shift.into_iter().zip(inverse_eigenvalue(pair)) {
            rows[row] = map(&inverse, |inverse| value * inverse);
        }
    }
}

/// The right-hand sides of Newton's systems for a state, and its last Legendre coefficients.
#[inline(always)]
fn load<const FUSED: bool, const W: usize>(system: &System, rows: &mut [Lanes<W>], i: usize) {
    let n = system.states;
    let layout = &system.layout;
    let wide = n + system.watched;
    let first = layout.increments + i;
    for (k, weights) in HIGHEST.iter().enumerate() {
        rows[layout.curves + k * n + i] = combine::<FUSED, W>(rows, first, wide, weights);
    }
    let f: [Lanes<W>; NODES] =
        std::array::from_fn(|k| combine::<FUSED, W>(rows, first, wide, &TO_SPECTRUM[k]));
    for pair in 0..NODES / 2 {
        let at = Pair::of(system, pair);
        let [row_p, row_q] = at.state(i);
        let [s, t] = at.shift().map(|row| rows[row]);
        let [u, v] = [2 * pair, 2 * pair + 1].map(|k| rows[layout.spectrum + k * n + i]);
        for lane in 0..W {
            let (s, t, u, v) = (s.0[lane], t.0[lane], u.0[lane], v.0[lane]);
            let (x, y) = (f[2 * pair].0[lane], f[2 * pair + 1].0[lane]);
            rows[row_p].0[lane] = fma::<FUSED>(t, v, fma::<FUSED>(-s, u, x));
            rows[row_q].0[lane] = fma::<FUSED>(-t, u, fma::<FUSED>(-s, v, y));
        }
    }
}

/// Corrects a state at all nodes, and adds to the squares of change and curve.
#[inline(always)]
fn correct<const FUSED: bool, const W: usize>(
    system: &System,
    rows: &mut [Lanes<W>],
    i: usize,
    change: &mut Lanes<W>,
    curve: &mut Lanes<W>,
) {
    let n = system.states;
    let layout = &system.layout;
    let step = rows[layout.step];
    let mut deltas = [Lanes::<W>::all(0.0); NODES];
    for pair in 0..NODES / 2 {
        for (part, row) in Pair::of(system, pair).state(i).into_iter().enumerate() {
            let k = 2 * pair + part;
            deltas[k] = rows[row];
            let to = &mut rows[layout.spectrum + k * n + i];
            for lane in 0..W {
                to.0[lane] += deltas[k].0[lane];
            }
        }
    }
    let rise = combine::<FUSED, W>(rows, layout.spectrum + i, n, &FROM_SPECTRUM[NODES - 1]);
    let [middle, end] =
        [MIDDLE, NODES - 1].map(|node| combine::<FUSED, W>(&deltas, 0, 1, &FROM_SPECTRUM[node]));
    let [last, before_last] = [0, 1].map(|k| rows[layout.curves + k * n + i]);
    let (before, weight) = (rows[layout.before + i], rows[layout.weights + i]);
    for lane in 0..W {
        let after = before.0[lane] + rise.0[lane];
        let (a, b) = (before.0[lane].abs(), after.abs());
        let scale = 1.0 / (weight.0[lane] + if a > b { a } else { b });
        rows[layout.after + i].0[lane] = after;
        for change_at in [middle.0[lane] * scale, end.0[lane] * scale] {
            change.0[lane] = fma::<FUSED>(change_at, change_at, change.0[lane]);
        }
        for coefficient in [last.0[lane], before_last.0[lane]] {
            let coefficient = coefficient * step.0[lane] * scale;
            curve.0[lane] = fma::<FUSED>(coefficient, coefficient, curve.0[lane]);
        }
    }
}
