//! The last passages of a step, and what they let expect of the next one.
//!
//! A patient who takes a drug every twelve hours goes through almost the same course twelve hours later. What a
//! step does, as a function of the time at which its stretch begins, is smooth, and the polynomial through the last passages
//! tells the next, in Newton's form
//!
//! ```text
//! Y(t) = c_0 + (t - t_1) (c_1 + (t - t_2) (c_2 + ...)),    c_k = [t_1, ..., t_(k+1)] Y
//! ```
//!
//! with divided differences `c_k`, the newest passage first. How many passages serve best is told by the error
//! that each number of them made lately: with `q` of them it grows as `(t - t_1)...(t - t_q)`.
//!
//! Where the expected error is far below the tolerance the step is *foreseen*: its end is taken from the
//! polynomial and its equations are not evaluated at all,
//!
//! ```text
//! y(end) = Y_end(t) + m (y(start) - Y_start(t)),    m = exp(h dF/dy)
//! ```
//!
//! with `Y_start` and `Y_end` the polynomials through starts and ends, so that a state that relaxes quickly
//! forgets where it started and one that hardly changes does not. Passages that were foreseen do not enter the
//! history.
//!
//! A step is not foreseen where the state at its start or the drug amounts are not those that the
//! history lets expect (a missed dose, another dose), after events that change inputs until the history has proved
//! itself anew, where a watched value could come to 0 (a kink of the rates), and for longer than [`FAR`]
//! times the time between the passages that were computed.
//!
//! That the error goes on as at the last passages is an assumption. Every passage that is computed again tells what it
//! came to ([`History::surprise`]), and the last cycle of a run is always computed: where a foreseen end would have been
//! further off than a computed step may be, the run is made anew without foreseeing.

use super::lanes::{Operate, dispatch, fma};
use super::radau::NODES;

/// Passages that a polynomial goes through at most.
const PASSAGES: usize = 5;

/// Largest expected error, over the tolerance, of a step that is foreseen.
const FORESEEN: f64 = 0.01;

/// Largest deviation of the state at the start from what the history lets expect, and of a drug amount, over the
/// tolerance.
const DEVIATION: f64 = 1.0;
const AMOUNT: f64 = 0.01;

/// Places at which errors ahead are looked at together.
const PLACES_AHEAD: usize = 8;

/// How far ahead of the last computed passage, over the time between that and the one before.
const FAR: f64 = 3.0;

/// A passage of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen<'a> {
    /// Integrated states at its start, at its end, the increments of the states at its nodes in the basis of the method, one after
    /// the other, and drug amounts at the start of its piece.
    pub values: &'a [f64],
    /// Smallest of each watched value, and largest of each.
    pub ranges: &'a [f64],
    /// Partial derivatives of the rates by their own states, times the length of the step.
    pub partials: &'a [f64],
}

/// The size of a step's errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerance<'a> {
    /// Relative tolerance.
    pub rtol: f64,
    /// Absolute over relative tolerance per integrated state.
    pub weights: &'a [f64],
    /// The same per drug amount.
    pub amounts: &'a [f64],
}

/// Factors of the divided differences, from the first on.
type Factors = [f64; PASSAGES - 1];

/// The last passages of a step.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// When the last passages began, newest first.
    times: [f64; PASSAGES],
    known: usize,
    /// The values of the last passage.
    values: Vec<f64>,
    /// Their divided differences, from the first on; small against the values, so that single precision does.
    differences: [Vec<f32>; PASSAGES - 1],
    /// Errors of the last two passages over the product of the distances, by number of passages; infinite
    /// where not yet known.
    scales: [[f64; 2]; PASSAGES],
    /// What is left of a deviation at the end of the step, per state.
    left: Vec<f64>,
    /// Ranges of the watched values in the last two passages.
    ranges: [Vec<f64>; 2],
    /// Time up to which the step need not be computed.
    horizon: f64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            times: [0.0; PASSAGES],
            known: 0,
            values: Vec::new(),
            differences: Default::default(),
            scales: [[f64::INFINITY; 2]; PASSAGES],
            left: Vec::new(),
            ranges: Default::default(),
            horizon: f64::NEG_INFINITY,
        }
    }
}

impl History {
    /// Forgets the passages.
    pub fn forget(&mut self) {
        self.known = 0;
        self.doubt();
    }

    /// Forgets how good expectations were.
    pub fn doubt(&mut self) {
        self.scales = [[f64::INFINITY; 2]; PASSAGES];
        self.horizon = f64::NEG_INFINITY;
    }

    /// Factors of the divided differences in the polynomial through the last `used` passages.
    fn factors(&self, time: f64, used: usize) -> Factors {
        let mut product = 1.0;
        std::array::from_fn(|k| {
            product *= time - self.times[k];
            if k + 1 < used { product } else { 0.0 }
        })
    }

    /// The increments to expect; whether there are any.
    pub fn expect(&self, time: f64, into: &mut [f64]) -> bool {
        if self.known == 0 {
            return false;
        }
        let (used, _) = self.best(time);
        let first = 2 * self.left.len();
        let factors = self.factors(time, used);
        self.sum(first, factors, into);
        true
    }

    /// The number of passages that lets expect the smallest error, and that error over the tolerance.
    fn best(&self, time: f64) -> (usize, f64) {
        let mut best = (1, f64::INFINITY);
        let mut product = 1.0;
        for used in 1..=self.known {
            product *= time - self.times[used - 1];
            let [last, before] = self.scales[used - 1];
            // Up to a parabola is tried at once.
            let error = if last.is_infinite() && used <= 3 {
                0.0
            } else {
                last.max(before) * product
            };
            if error <= best.1 {
                best = (used, error);
            }
        }
        best
    }

    /// The states at the end of a step that need not be computed, from those at its `start` and the drug `amounts`
    /// there.
    pub fn foresee(
        &self,
        time: f64,
        start: &[f64],
        amounts: &[f64],
        tolerance: &Tolerance<'_>,
        end: &mut Vec<f64>,
    ) -> bool {
        time <= self.horizon && self.predict(time, start, amounts, tolerance, end)
    }

    /// The states at the end of a step, where state and drug `amounts` at its start are those that the history lets expect.
    fn predict(
        &self,
        time: f64,
        start: &[f64],
        amounts: &[f64],
        tolerance: &Tolerance<'_>,
        end: &mut Vec<f64>,
    ) -> bool {
        let (used, _) = self.best(time);
        let factors = self.factors(time, used);
        let n = start.len();
        let after = (2 + NODES) * n;
        let as_expected = amounts.iter().enumerate().all(|(i, amount)| {
            let mut expected = self.values[after + i];
            for (differences, factor) in self.differences.iter().zip(factors) {
                expected += factor * f64::from(differences[after + i]);
            }
            let size = tolerance.amounts[i] + amount.abs();
            (amount - expected).abs() <= AMOUNT * tolerance.rtol * size
        });
        if !as_expected {
            return false;
        }
        end.resize(n, 0.0);
        let mut as_expected = true;
        dispatch(Foresee {
            history: self,
            factors,
            start,
            tolerance,
            end,
            as_expected: &mut as_expected,
        });
        as_expected
    }

    /// How far the end of a passage that was computed lies from where it would have been foreseen, over the tolerance;
    /// nothing where it would not have been, however near.
    pub fn surprise(
        &self,
        time: f64,
        seen: &Seen<'_>,
        tolerance: &Tolerance<'_>,
        end: &mut Vec<f64>,
    ) -> Option<f64> {
        let n = seen.partials.len();
        let amounts = &seen.values[(2 + NODES) * n..];
        if !self.proved() || !self.predict(time, &seen.values[..n], amounts, tolerance, end) {
            return None;
        }
        let ends = end.iter().zip(&seen.values[n..]).zip(tolerance.weights);
        let errors = ends.map(|((foreseen, computed), weight)| {
            (foreseen - computed).abs() / (tolerance.rtol * (weight + computed.abs()))
        });
        // What is not a number is the largest surprise.
        Some(errors.fold(0.0, |a, b| if b <= a { a } else { b }))
    }

    /// Whether enough errors are known to tell the next.
    fn proved(&self) -> bool {
        let known = |scales: &[f64; 2]| scales.iter().all(|scale| scale.is_finite());
        self.known >= 3 && self.scales[..3].iter().all(known)
    }

    /// The polynomials' values from number `first` on.
    fn sum(&self, first: usize, factors: Factors, into: &mut [f64]) {
        let end = first + into.len();
        dispatch(Sum {
            values: &self.values[first..end],
            differences: self.differences.each_ref().map(|d| &d[first..end]),
            factors,
            into,
        });
    }

    /// Time up to which the step need not be computed, as far as the history goes.
    pub fn horizon(&self) -> f64 {
        self.horizon
    }

    /// Finds the horizon: how far the error stays below what is allowed, not beyond [`FAR`], and with every watched value on
    /// its side of 0 if it goes on moving at most twice as fast as lately; `room` is the smallest distance from 0 over the last movement.
    fn look_ahead(&mut self, room: f64) {
        self.horizon = f64::NEG_INFINITY;
        if !self.proved() {
            return;
        }
        let spacing = self.times[0] - self.times[1];
        let far = spacing * FAR.min(0.5 * room);
        if far <= 0.0 {
            return;
        }
        // The error only grows: twice the last of some places ahead where it is still allowed.
        let mut near = 0.0;
        let mut step = far / PLACES_AHEAD as f64;
        for _ in 0..2 {
            let places = std::array::from_fn(|k| near + (k + 1) as f64 * step);
            let errors = self.errors_ahead(&places);
            let allowed = errors.iter().take_while(|error| **error <= FORESEEN);
            let count = allowed.count();
            if count > 0 {
                near = places[count - 1];
            }
            if count == PLACES_AHEAD {
                break;
            }
            step /= PLACES_AHEAD as f64;
        }
        if near > 0.0 {
            self.horizon = self.times[0] + near;
        }
    }

    /// Smallest expected error at some distances from the last passage.
    fn errors_ahead(&self, places: &[f64; PLACES_AHEAD]) -> [f64; PLACES_AHEAD] {
        let mut products = [1.0; PLACES_AHEAD];
        let mut errors = [f64::INFINITY; PLACES_AHEAD];
        for used in 0..self.known {
            let distance = self.times[0] - self.times[used];
            let [last, before] = self.scales[used];
            let scale = if last > before { last } else { before };
            for (product, place) in products.iter_mut().zip(places) {
                *product *= place + distance;
            }
            for (error, product) in errors.iter_mut().zip(&products) {
                let expected = scale * product;
                *error = if expected < *error { expected } else { *error };
            }
        }
        errors
    }

    /// Keeps a passage that was computed.
    pub fn learn(&mut self, time: f64, seen: &Seen<'_>, tolerance: &Tolerance<'_>) {
        let n = seen.partials.len();
        self.left.resize(n, 0.0);
        self.values.resize(seen.values.len(), 0.0);
        for differences in &mut self.differences {
            differences.resize(seen.values.len(), 0.0);
        }
        let known = self.known;
        let distances: [f64; PASSAGES] = std::array::from_fn(|k| {
            if k < known {
                time - self.times[k]
            } else {
                f64::INFINITY
            }
        });
        let factors = self.factors(time, known);
        let mut errors = [0.0; PASSAGES];
        let mut room = f64::INFINITY;
        self.ranges.swap(0, 1);
        self.ranges[0].clear();
        self.ranges[0].extend_from_slice(seen.ranges);
        dispatch(Learn {
            history: self,
            seen,
            weights: tolerance.weights,
            distances,
            factors,
            errors: &mut errors,
            room: &mut room,
        });
        let mut product = 1.0;
        for ((scales, error), distance) in self
            .scales
            .iter_mut()
            .zip(errors)
            .zip(distances)
            .take(known)
        {
            product *= distance;
            scales[1] = scales[0];
            scales[0] = error / (tolerance.rtol * product);
        }
        self.times.rotate_right(1);
        self.times[0] = time;
        self.known = (known + 1).min(PASSAGES);
        self.look_ahead(room);
    }
}

/// Values of the polynomials.
struct Sum<'a> {
    values: &'a [f64],
    differences: [&'a [f32]; PASSAGES - 1],
    factors: Factors,
    into: &'a mut [f64],
}

impl Operate for Sum<'_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        let [a, b, c, d] = self.differences;
        let [p, q, r, s] = self.factors;
        let all = self.into.iter_mut().zip(self.values);
        for (((((to, value), a), b), c), d) in all.zip(a).zip(b).zip(c).zip(d) {
            let [a, b, c, d] = [*a, *b, *c, *d].map(f64::from);
            let sum = fma::<FUSED>(q, b, fma::<FUSED>(p, a, *value));
            *to = fma::<FUSED>(s, d, fma::<FUSED>(r, c, sum));
        }
    }
}

/// States that are gone through together where the largest of something is wanted.
const TOGETHER: usize = 8;

/// The end of a step from the polynomials and its start, and whether that is as expected.
struct Foresee<'a> {
    history: &'a History,
    factors: Factors,
    start: &'a [f64],
    tolerance: &'a Tolerance<'a>,
    end: &'a mut [f64],
    as_expected: &'a mut bool,
}

impl Operate for Foresee<'_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(mut self) {
        let n = self.start.len();
        let whole = n / TOGETHER * TOGETHER;
        let mut beyond = [0.0; TOGETHER];
        for i in (0..whole).step_by(TOGETHER) {
            self.states::<FUSED, TOGETHER>(i, &mut beyond);
        }
        let mut rest = [0.0; 1];
        for i in whole..n {
            self.states::<FUSED, 1>(i, &mut rest);
        }
        *self.as_expected = beyond.iter().chain(&rest).all(|beyond| *beyond < 1.0);
    }
}

impl Foresee<'_> {
    /// `N` states from number `i` on: their ends, and 1 where a start deviates beyond what is allowed.
    #[inline(always)]
    fn states<const FUSED: bool, const N: usize>(&mut self, i: usize, beyond: &mut [f64; N]) {
        let n = self.start.len();
        let mut expected = [0.0; N];
        let mut expected_end = [0.0; N];
        expected.copy_from_slice(&self.history.values[i..][..N]);
        expected_end.copy_from_slice(&self.history.values[n + i..][..N]);
        for (differences, factor) in self.history.differences.iter().zip(self.factors) {
            let at_start = &differences[i..][..N];
            let at_end = &differences[n + i..][..N];
            for k in 0..N {
                expected[k] = fma::<FUSED>(factor, f64::from(at_start[k]), expected[k]);
                expected_end[k] = fma::<FUSED>(factor, f64::from(at_end[k]), expected_end[k]);
            }
        }
        let (start, left) = (&self.start[i..][..N], &self.history.left[i..][..N]);
        let (weights, end) = (&self.tolerance.weights[i..][..N], &mut self.end[i..][..N]);
        for k in 0..N {
            let deviation = start[k] - expected[k];
            let size = self.tolerance.rtol * (weights[k] + start[k].abs());
            let over = fma::<FUSED>(-DEVIATION, size, deviation.abs());
            // What is not a number is beyond it too.
            beyond[k] = if over <= 0.0 { beyond[k] } else { 1.0 };
            end[k] = fma::<FUSED>(left[k], deviation, expected_end[k]);
        }
    }
}

/// What a passage more makes of a history.
struct Learn<'a, 'b> {
    history: &'a mut History,
    seen: &'a Seen<'b>,
    weights: &'a [f64],
    /// From the last passages, infinite beyond those that are known.
    distances: [f64; PASSAGES],
    factors: Factors,
    /// Largest error of a state at the end of the step over its size, by number of passages.
    errors: &'a mut [f64; PASSAGES],
    /// Smallest distance of a watched value from 0, over how far it moved since the last passage; below 0 if it is on both sides.
    room: &'a mut f64,
}

impl Operate for Learn<'_, '_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(mut self) {
        self.relax();
        self.look_back::<FUSED>();
        self.divide();
        self.look_at_kinks();
    }
}

impl Learn<'_, '_> {
    /// What is left of deviations at the end of the step: exp(z), as a rational function of z < 0.
    #[inline(always)]
    fn relax(&mut self) {
        for (left, partial) in self.history.left.iter_mut().zip(self.seen.partials) {
            let z = if *partial < 0.0 { -*partial } else { 0.0 };
            *left = 1.0 / (1.0 + z * (1.0 + z * (0.5 + z / 6.0)));
        }
    }

    /// Divided differences with a passage more, and the oldest less.
    #[inline(always)]
    fn divide(&mut self) {
        let [a, b, c, d] = &mut self.history.differences;
        let [p, q, r, s, _] = self.distances.map(|distance| 1.0 / distance);
        let all = self.seen.values.iter().zip(&mut self.history.values);
        for (((((value, last), a), b), c), d) in all.zip(a).zip(b).zip(c).zip(d) {
            let first = (value - *last) * p;
            let second = (first - f64::from(*a)) * q;
            let third = (second - f64::from(*b)) * r;
            let fourth = (third - f64::from(*c)) * s;
            *last = *value;
            *a = first as f32;
            *b = second as f32;
            *c = third as f32;
            *d = fourth as f32;
        }
    }

    #[inline(always)]
    fn look_at_kinks(&mut self) {
        let [last, before] = &self.history.ranges;
        let watched = last.len() / 2;
        if before.len() != last.len() {
            return;
        }
        let ((low, high), (low_before, high_before)) =
            (last.split_at(watched), before.split_at(watched));
        let mut room = [f64::INFINITY; TOGETHER];
        let mut note = |k: usize, i: usize| {
            let (low, high) = (low[i], high[i]);
            let (fell, rose) = ((low - low_before[i]).abs(), (high - high_before[i]).abs());
            let moved = if fell > rose { fell } else { rose };
            let (below, above) = (low.abs(), high.abs());
            let near = if below < above { below } else { above };
            let near = if (low < 0.0) & (high > 0.0) {
                -1.0
            } else {
                near
            };
            let ratio = near / moved;
            room[k] = if ratio < room[k] { ratio } else { room[k] };
        };
        let whole = watched / TOGETHER * TOGETHER;
        for first in (0..whole).step_by(TOGETHER) {
            for k in 0..TOGETHER {
                note(k, first + k);
            }
        }
        for i in whole..watched {
            note(0, i);
        }
        *self.room = room.into_iter().fold(f64::INFINITY, f64::min);
    }

    /// The errors that each number of passages makes.
    #[inline(always)]
    fn look_back<const FUSED: bool>(&mut self) {
        let n = self.history.left.len();
        let whole = n / TOGETHER * TOGETHER;
        let mut largest = [[0.0; TOGETHER]; PASSAGES];
        for i in (0..whole).step_by(TOGETHER) {
            self.states::<FUSED, TOGETHER>(i, &mut largest);
        }
        let mut rest = [[0.0; 1]; PASSAGES];
        for i in whole..n {
            self.states::<FUSED, 1>(i, &mut rest);
        }
        for ((error, largest), rest) in self.errors.iter_mut().zip(largest).zip(rest) {
            *error = largest.into_iter().chain(rest).fold(0.0, f64::max);
        }
    }

    /// Errors of `N` states from number `i` on.
    #[inline(always)]
    fn states<const FUSED: bool, const N: usize>(
        &self,
        i: usize,
        largest: &mut [[f64; N]; PASSAGES],
    ) {
        let history = &*self.history;
        let n = history.left.len();
        let (start, end) = (&self.seen.values[i..][..N], &self.seen.values[n + i..][..N]);
        let (left, weights) = (&history.left[i..][..N], &self.weights[i..][..N]);
        let (last_start, last_end) = (&history.values[i..][..N], &history.values[n + i..][..N]);
        let mut error = [0.0; N];
        let mut inverse = [0.0; N];
        for k in 0..N {
            let moved = end[k] - last_end[k];
            error[k] = fma::<FUSED>(left[k], start[k] - last_start[k], -moved);
            inverse[k] = 1.0 / (weights[k] + end[k].abs());
        }
        let (first, others) = largest.split_at_mut(1);
        note(&error, &inverse, &mut first[0]);
        let differences = history.differences.iter().zip(self.factors);
        for ((differences, factor), largest) in differences.zip(others) {
            let at_start = &differences[i..][..N];
            let at_end = &differences[n + i..][..N];
            for k in 0..N {
                let (at_start, at_end) = (f64::from(at_start[k]), f64::from(at_end[k]));
                let term = fma::<FUSED>(-left[k], at_start, at_end);
                error[k] = fma::<FUSED>(factor, term, error[k]);
            }
            note(&error, &inverse, largest);
        }
    }
}

/// Keeps the largest errors over sizes.
#[inline(always)]
fn note<const N: usize>(error: &[f64; N], inverse: &[f64; N], largest: &mut [f64; N]) {
    for k in 0..N {
        let over_size = error[k].abs() * inverse[k];
        largest[k] = if over_size > largest[k] {
            over_size
        } else {
            largest[k]
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance<'static> = Tolerance {
        rtol: 1e-6,
        weights: &[1.0],
        amounts: &[50.0],
    };

    /// A state that goes on from day to day by a cubic, one drug amount, and a watched value that stays at 0.5.
    fn day(time: f64) -> (f64, f64) {
        let x = time / 1000.0;
        let start = 1.0 + x * (0.3 + x * (0.2 - 0.1 * x));
        (start, start + 0.1 + 0.01 * x)
    }

    fn learn(history: &mut History, time: f64, range: [f64; 2]) {
        let (start, end) = day(time);
        let mut values = vec![start, end];
        values.extend([end - start; NODES]);
        values.push(50.0);
        let seen = Seen {
            values: &values,
            ranges: &range,
            partials: &[-0.1],
        };
        history.learn(time, &seen, &TOLERANCE);
    }

    fn after(days: usize) -> (History, f64) {
        let mut history = History::default();
        for day in 0..days {
            learn(&mut history, 24.0 * day as f64, [0.5, 0.6]);
        }
        (history, 24.0 * days as f64)
    }

    fn foreseen(history: &History, time: f64, start: f64, amount: f64) -> Option<f64> {
        let mut end = Vec::new();
        let done = history.foresee(time, &[start], &[amount], &TOLERANCE, &mut end);
        done.then(|| end[0])
    }

    #[test]
    fn a_smooth_course_is_foreseen() {
        let (history, time) = after(8);
        for ahead in [0.0, 24.0, 48.0] {
            let (start, exact) = day(time + ahead);
            let end = foreseen(&history, time + ahead, start, 50.0);
            assert!(
                end.is_some_and(|end| (end - exact).abs() < 1e-8),
                "{end:?} {exact}"
            );
        }
        let mut increments = [0.0; NODES];
        assert!(history.expect(time, &mut increments));
        let (start, end) = day(time);
        assert!(
            increments
                .iter()
                .all(|rise| (rise - (end - start)).abs() < 1e-8)
        );
    }

    #[test]
    fn nothing_is_foreseen_that_has_not_proved_itself() {
        let (history, time) = after(5);
        assert_eq!(foreseen(&history, time, day(time).0, 50.0), None);
        let (mut history, time) = after(8);
        history.doubt();
        assert_eq!(foreseen(&history, time, day(time).0, 50.0), None);
    }

    #[test]
    fn a_missed_dose_or_another_state_is_not_foreseen() {
        let (history, time) = after(8);
        let (start, _) = day(time);
        assert!(foreseen(&history, time, start, 50.0).is_some());
        assert_eq!(foreseen(&history, time, start, 49.9), None);
        assert_eq!(foreseen(&history, time, start + 1e-5, 50.0), None);
    }

    /// A small amount counts as much as a large one beside it.
    #[test]
    fn a_missed_small_dose_is_not_foreseen() {
        let tolerance = Tolerance {
            amounts: &[400.0, 1e-4],
            ..TOLERANCE
        };
        let mut history = History::default();
        for day in 0..8 {
            let mut values = [1.0; 2 + NODES + 2];
            values[2 + NODES..].copy_from_slice(&[7e4, 1e-4]);
            let seen = Seen {
                values: &values,
                ranges: &[],
                partials: &[-0.1],
            };
            history.learn(f64::from(day), &seen, &tolerance);
        }
        let mut end = Vec::new();
        let mut foreseen =
            |amount| history.foresee(8.0, &[1.0], &[7e4, amount], &tolerance, &mut end);
        assert!(foreseen(1e-4));
        assert!(!foreseen(0.0));
    }

    /// A course that bends without notice: the next computed passage is a surprise.
    #[test]
    fn a_computed_passage_tells_whether_foreseeing_is_right() {
        let (history, time) = after(8);
        let (start, end) = day(time);
        let mut surprise = |end: f64| {
            let mut values = vec![start, end];
            values.extend([end - start; NODES]);
            values.push(50.0);
            let seen = Seen {
                values: &values,
                ranges: &[0.5, 0.6],
                partials: &[-0.1],
            };
            history.surprise(time, &seen, &TOLERANCE, &mut Vec::new())
        };
        assert!(surprise(end).is_some_and(|error| error < 0.01));
        assert!(surprise(end + 1e-4).is_some_and(|error| error > 10.0));
        assert!(surprise(f64::NAN).is_some_and(|error| !(error <= 10.0)));
        let (young, time) = after(5);
        assert_eq!(foreseen(&young, time, day(time).0, 50.0), None);
    }

    #[test]
    fn a_kink_ahead_is_not_foreseen() {
        for (range, clear) in [
            ([0.5, 0.6], true),
            ([-0.1, 0.6], false),
            ([0.15, 0.6], false),
        ] {
            let (mut history, time) = after(8);
            learn(&mut history, time, range);
            let next = time + 24.0;
            assert_eq!(
                foreseen(&history, next, day(next).0, 50.0).is_some(),
                clear,
                "{range:?}"
            );
        }
    }

    /// One state that is not a number is enough, wherever it stands among the others.
    #[test]
    fn nothing_is_foreseen_from_what_is_no_number() {
        const STATES: usize = TOGETHER + 3;
        let tolerance = Tolerance {
            weights: &[1.0; STATES],
            amounts: &[],
            ..TOLERANCE
        };
        let mut history = History::default();
        for time in 0..8 {
            let values = [1.0 + 0.01 * f64::from(time); (2 + NODES) * STATES];
            let seen = Seen {
                values: &values,
                ranges: &[],
                partials: &[0.0; STATES],
            };
            history.learn(f64::from(time), &seen, &tolerance);
        }
        let mut end = Vec::new();
        let mut foreseen = |start: &[f64]| history.foresee(8.0, start, &[], &tolerance, &mut end);
        assert!(foreseen(&[1.08; STATES]));
        for at in 0..STATES {
            let mut start = [1.08; STATES];
            start[at] = f64::NAN;
            assert!(!foreseen(&start), "{at}");
        }
    }

    #[test]
    fn nothing_is_foreseen_far_ahead() {
        let (history, time) = after(8);
        let last = time - 24.0;
        let far = |times: f64| {
            let time = last + 24.0 * times;
            foreseen(&history, time, day(time).0, 50.0)
        };
        assert!(far(FAR).is_some());
        assert_eq!(far(FAR + 0.1), None);
    }
}
