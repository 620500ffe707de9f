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
//! Limitations: that the error goes on as at the last passages is an assumption; what it comes to is seen at
//! the next passage that is computed, and not mended there.

use super::lanes::{Operate, dispatch, fma};
use super::radau::NODES;

/// Passages that a polynomial goes through at most.
const PASSAGES: usize = 5;

/// Largest expected error, over the tolerance, of a step that is foreseen.
const FORESEEN: f64 = 0.01;

/// Largest deviation of the state at the start from what the history lets expect, over the tolerance, and of a drug
/// amount, over the relative tolerance.
const DEVIATION: f64 = 1.0;
const AMOUNT: f64 = 0.01;

/// How far ahead of the last computed passage, over the time between that and the one before.
const FAR: f64 = 3.0;

/// A passage of a step.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Integrated states at its start, at its end, drug amounts at the start of its piece, and the increments of the states at its
    /// nodes in the basis of the method, one after the other.
    pub values: Vec<f64>,
    /// Smallest and largest of each watched value.
    pub ranges: Vec<[f64; 2]>,
    /// Partial derivatives of the rates by their own states, times the length of the step.
    pub partials: Vec<f64>,
}

/// The size of a step's errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerance<'a> {
    /// Relative tolerance.
    pub rtol: f64,
    /// Absolute over relative tolerance per state.
    pub weights: &'a [f64],
}

/// The last passages of a step.
#[derive(Debug, Clone)]
pub(super) struct History {
    /// When the last passages began, newest first.
    times: [f64; PASSAGES],
    known: usize,
    /// The values' divided differences.
    differences: [Vec<f64>; PASSAGES],
    /// Errors of the last two passages over the product of the distances, by number of passages; infinite
    /// where not yet known.
    scales: [[f64; 2]; PASSAGES],
    /// What is left of a deviation at the end of the step, per state.
    left: Vec<f64>,
    /// Ranges of the watched values in the last two passages.
    ranges: [Vec<[f64; 2]>; 2],
}

impl Default for History {
    fn default() -> Self {
        Self {
            times: [0.0; PASSAGES],
            known: 0,
            differences: Default::default(),
            scales: [[f64::INFINITY; 2]; PASSAGES],
            left: Vec::new(),
            ranges: Default::default(),
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
    }

    /// Factors of the divided differences in the polynomial through the last `used` passages.
    fn factors(&self, time: f64, used: usize) -> [f64; PASSAGES] {
        let mut product = 1.0;
        std::array::from_fn(|k| {
            let factor = if k < used { product } else { 0.0 };
            product *= time - self.times[k];
            factor
        })
    }

    /// The increments to expect; nothing without a history.
    pub fn expect(&self, time: f64, into: &mut Vec<f64>) {
        into.clear();
        if self.known == 0 {
            return;
        }
        let (used, _) = self.best(time);
        let increments = NODES * self.left.len();
        into.resize(increments, 0.0);
        dispatch(Sum {
            differences: self
                .differences
                .each_ref()
                .map(|d| &d[d.len() - increments..]),
            factors: self.factors(time, used),
            into,
        });
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
    /// there; they come first in `end`.
    pub fn foresee(
        &self,
        time: f64,
        start: &[f64],
        amounts: &[f64],
        tolerance: &Tolerance<'_>,
        end: &mut Vec<f64>,
    ) -> bool {
        let ahead = time - self.times[0];
        if self.known < 3 || ahead > FAR * (self.times[0] - self.times[1]) {
            return false;
        }
        let (used, error) = self.best(time);
        let proved = self.scales[used - 1].iter().all(|scale| scale.is_finite());
        if !proved || error > FORESEEN || !self.clear_of_kinks(ahead) {
            return false;
        }
        let n = start.len();
        let all = 2 * n + amounts.len();
        end.resize(all, 0.0);
        dispatch(Sum {
            differences: self.differences.each_ref().map(|d| &d[..all]),
            factors: self.factors(time, used),
            into: end,
        });
        let (expected_start, rest) = end.split_at_mut(n);
        let (expected_end, expected_amounts) = rest.split_at(n);
        let total: f64 = amounts.iter().map(|amount| amount.abs()).sum();
        let allowed = AMOUNT * tolerance.rtol * total;
        let mut amounts = amounts.iter().zip(expected_amounts);
        if amounts.any(|(amount, expected)| (amount - expected).abs() > allowed) {
            return false;
        }
        let mut as_expected = true;
        for (i, value) in expected_start.iter_mut().enumerate() {
            let deviation = start[i] - *value;
            let size = tolerance.rtol * (tolerance.weights[i] + start[i].abs());
            as_expected &= deviation.abs() <= DEVIATION * size;
            *value = expected_end[i] + self.left[i] * deviation;
        }
        as_expected
    }

    /// Whether every watched value stays on its side of 0 if it goes on moving at most twice as fast as lately.
    fn clear_of_kinks(&self, ahead: f64) -> bool {
        let share = 2.0 * ahead / (self.times[0] - self.times[1]);
        let [last, before] = &self.ranges;
        last.iter().zip(before).all(|(last, before)| {
            let [low, high] = *last;
            let moved = (low - before[0]).abs().max((high - before[1]).abs());
            let same_side = !(low < 0.0 && high > 0.0);
            same_side && low.abs().min(high.abs()) >= share * moved
        })
    }

    /// Keeps a passage that was computed.
    pub fn learn(&mut self, time: f64, seen: &Seen, tolerance: &Tolerance<'_>) {
        let n = seen.partials.len();
        self.left.clear();
        self.left.extend(seen.partials.iter().map(|partial| {
            let z = (-partial).max(0.0);
            1.0 / (1.0 + z * (1.0 + z * (0.5 + z / 6.0)))
        }));
        if self.known > 0 {
            let mut errors = [0.0; PASSAGES];
            dispatch(Errors {
                differences: self.differences.each_ref().map(|d| &d[..2 * n]),
                factors: self.factors(time, self.known),
                values: &seen.values[..2 * n],
                left: &self.left,
                weights: tolerance.weights,
                errors: &mut errors,
            });
            let mut product = 1.0;
            for used in 1..=self.known {
                product *= time - self.times[used - 1];
                let scales = &mut self.scales[used - 1];
                scales[1] = scales[0];
                scales[0] = errors[used - 1] / (tolerance.rtol * product);
            }
        }
        let inverse = std::array::from_fn(|k| {
            if k < self.known {
                1.0 / (time - self.times[k])
            } else {
                0.0
            }
        });
        for differences in &mut self.differences {
            differences.resize(seen.values.len(), 0.0);
        }
        dispatch(Divide {
            values: &seen.values,
            differences: self.differences.each_mut(),
            inverse,
        });
        self.times.rotate_right(1);
        self.times[0] = time;
        self.known = (self.known + 1).min(PASSAGES);
        self.ranges.swap(0, 1);
        self.ranges[0].clone_from(&seen.ranges);
    }
}

/// Values of the polynomials.
struct Sum<'a> {
    differences: [&'a [f64]; PASSAGES],
    factors: [f64; PASSAGES],
    into: &'a mut [f64],
}

impl Operate for Sum<'_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        let [a, b, c, d, e] = self.differences;
        let [p, q, r, s, t] = self.factors;
        let all = self.into.iter_mut().zip(a).zip(b).zip(c).zip(d).zip(e);
        for (((((to, a), b), c), d), e) in all {
            let sum = fma::<FUSED>(q, *b, p * a);
            let more = fma::<FUSED>(s, *d, fma::<FUSED>(r, *c, sum));
            *to = fma::<FUSED>(t, *e, more);
        }
    }
}

/// Divided differences with a passage more, and the oldest less.
struct Divide<'a> {
    values: &'a [f64],
    differences: [&'a mut Vec<f64>; PASSAGES],
    /// 1 over the distances to the last passages, 0 beyond those that are known.
    inverse: [f64; PASSAGES],
}

impl Operate for Divide<'_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        let [a, b, c, d, e] = self.differences;
        let [p, q, r, s, _] = self.inverse;
        let all = self.values.iter().zip(a).zip(b).zip(c).zip(d).zip(e);
        for (((((value, a), b), c), d), e) in all {
            let first = (value - *a) * p;
            let second = (first - *b) * q;
            let third = (second - *c) * r;
            *e = (third - *d) * s;
            *d = third;
            *c = second;
            *b = first;
            *a = *value;
        }
    }
}

/// Largest error at the end of the step over the size of the state, by number of passages.
struct Errors<'a> {
    /// Of the states at the start, then of those at the end.
    differences: [&'a [f64]; PASSAGES],
    factors: [f64; PASSAGES],
    values: &'a [f64],
    left: &'a [f64],
    weights: &'a [f64],
    errors: &'a mut [f64; PASSAGES],
}

impl Operate for Errors<'_> {
    #[inline(always)]
    fn operate<const FUSED: bool>(self) {
        let n = self.left.len();
        let (start, end) = self.values.split_at(n);
        let differences = self.differences.map(|d| d.split_at(n));
        for i in 0..n {
            let inverse = 1.0 / (self.weights[i] + end[i].abs());
            let left = self.left[i];
            let mut error = fma::<FUSED>(left, start[i], -end[i]);
            for (k, (at_start, at_end)) in differences.iter().enumerate() {
                let term = fma::<FUSED>(-left, at_start[i], at_end[i]);
                error = fma::<FUSED>(self.factors[k], term, error);
                let over_size = error.abs() * inverse;
                let largest = &mut self.errors[k];
                *largest = if over_size > *largest {
                    over_size
                } else {
                    *largest
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCE: Tolerance<'static> = Tolerance {
        rtol: 1e-6,
        weights: &[1.0],
    };

    /// A state that goes on from day to day by a cubic, one drug amount, and a watched value that stays at 0.5.
    fn day(time: f64) -> (f64, f64) {
        let x = time / 1000.0;
        let start = 1.0 + x * (0.3 + x * (0.2 - 0.1 * x));
        (start, start + 0.1 + 0.01 * x)
    }

    fn seen(time: f64, range: [f64; 2]) -> Seen {
        let (start, end) = day(time);
        Seen {
            values: [start, end, 50.0]
                .into_iter()
                .chain([end - start; NODES])
                .collect(),
            ranges: vec![range],
            partials: vec![-0.1],
        }
    }

    fn after(days: usize) -> (History, f64) {
        let mut history = History::default();
        for day in 0..days {
            history.learn(
                24.0 * day as f64,
                &seen(24.0 * day as f64, [0.5, 0.6]),
                &TOLERANCE,
            );
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
        let mut increments = Vec::new();
        history.expect(time, &mut increments);
        assert_eq!(increments.len(), NODES);
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

    #[test]
    fn a_kink_ahead_is_not_foreseen() {
        for (range, clear) in [
            ([0.5, 0.6], true),
            ([-0.1, 0.6], false),
            ([0.15, 0.6], false),
        ] {
            let (mut history, time) = after(8);
            history.learn(time, &seen(time, range), &TOLERANCE);
            let next = time + 24.0;
            assert_eq!(
                foreseen(&history, next, day(next).0, 50.0).is_some(),
                clear,
                "{range:?}"
            );
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
