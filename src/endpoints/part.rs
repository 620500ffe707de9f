//! A quantity over a short part of a segment, known with its slope at both ends.
//!
//! What happens inside is first bounded by the cubic through values and slopes, with twice its room; only where that
//! leaves something open are turning points and crossings looked for on the solution itself.

use crate::simulate::find_root;
use num_dual::Dual64;

/// Accuracy of event times, h.
pub(super) const TIME_TOLERANCE: f64 = 1e-9;

/// A value with its slope (per h) at a time (h).
pub(super) type Place = (f64, Dual64);

/// A value at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Point {
    pub time: f64,
    pub value: f64,
}

/// A quantity between two times; `at` gives it in between.
pub(super) struct Part<F> {
    pub from: Place,
    pub to: Place,
    pub at: F,
}

impl<F: Fn(f64) -> Dual64> Part<F> {
    /// Values that the quantity stays within.
    pub fn bounds(&self) -> (f64, f64) {
        let (a, b) = (self.from.1, self.to.1);
        let length = self.to.0 - self.from.0;
        let chord = b.re - a.re;
        let bow = (length * a.eps - chord)
            .abs()
            .max((length * b.eps - chord).abs());
        // A cubic strays from its chord by a quarter of the larger bow.
        let room = 0.5 * bow;
        (a.re.min(b.re) - room, a.re.max(b.re) + room)
    }

    /// Calls `see` with the ends of every monotone piece, in order.
    pub fn walk(&self, mut see: impl FnMut(Point, Point)) {
        let mut last = point(self.from);
        for time in self.turns().into_iter().flatten() {
            let turn = Point {
                time,
                value: (self.at)(time).re,
            };
            see(last, turn);
            last = turn;
        }
        see(last, point(self.to));
    }

    /// Turning points inside, by time.
    fn turns(&self) -> [Option<f64>; 2] {
        let slopes = (self.from.1.eps, self.to.1.eps);
        if slopes.0 * slopes.1 < 0.0 {
            return [Some(self.turn(self.from, self.to)), None];
        }
        let length = self.to.0 - self.from.0;
        let chord = (self.to.1.re - self.from.1.re) / length;
        // The slope of the cubic half way: where it has the other sign, there may be two turns.
        let middle = 1.5 * chord - 0.25 * (slopes.0 + slopes.1);
        if middle * (slopes.0 + slopes.1) >= 0.0 {
            return [None, None];
        }
        let time = self.from.0 + 0.5 * length;
        let middle = (time, (self.at)(time));
        let between = |a: Place, b: Place| (a.1.eps * b.1.eps < 0.0).then(|| self.turn(a, b));
        [between(self.from, middle), between(middle, self.to)]
    }

    fn turn(&self, a: Place, b: Place) -> f64 {
        find_root(
            |time| (self.at)(time).eps,
            (a.0, a.1.eps),
            (b.0, b.1.eps),
            TIME_TOLERANCE,
        )
    }

    /// Where the quantity crosses `level` between two points on either side of it.
    pub fn crossing(&self, level: f64, a: Point, b: Point) -> f64 {
        find_root(
            |time| (self.at)(time).re - level,
            (a.time, a.value - level),
            (b.time, b.value - level),
            TIME_TOLERANCE,
        )
    }

    /// Where the quantity first rises to `level`.
    pub fn rise_to(&self, level: f64) -> Option<f64> {
        if self.bounds().1 < level {
            return None;
        }
        let mut found = None;
        self.walk(|a, b| {
            if found.is_none() && a.value < level && b.value >= level {
                found = Some(self.crossing(level, a, b));
            }
        });
        found
    }

    /// Time that the quantity is below `level`.
    pub fn time_below(&self, level: f64) -> f64 {
        let (low, high) = self.bounds();
        if high < level {
            return self.to.0 - self.from.0;
        }
        if low >= level {
            return 0.0;
        }
        let mut below = 0.0;
        self.walk(|a, b| {
            below += match (a.value < level, b.value < level) {
                (true, true) => b.time - a.time,
                (false, false) => 0.0,
                (true, false) => self.crossing(level, a, b) - a.time,
                (false, true) => b.time - self.crossing(level, a, b),
            };
        });
        below
    }
}

fn point((time, value): Place) -> Point {
    Point {
        time,
        value: value.re,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(from: f64, to: f64, at: impl Fn(f64) -> Dual64) -> Part<impl Fn(f64) -> Dual64> {
        Part {
            from: (from, at(from)),
            to: (to, at(to)),
            at,
        }
    }

    /// (t - 1)(t - 1.1) dips below 0 between points on the same side of it.
    #[test]
    fn two_crossings_in_one_part() {
        let g = |t: f64| Dual64::new((t - 1.0) * (t - 1.1), 2.0 * t - 2.1);
        let part = part(0.0, 2.0, g);
        assert!((part.time_below(0.0) - 0.1).abs() < 1e-8);
        assert!(part.rise_to(0.0).is_some_and(|t| (t - 1.1).abs() < 1e-8));
        let (low, high) = part.bounds();
        assert!(low <= -0.0025 && high >= 1.1);
    }

    /// A rising quantity with a fall in its middle: slopes at both ends alike.
    #[test]
    fn two_turns_in_one_part() {
        let g = |t: f64| Dual64::new(t * t * t - 0.75 * t, 3.0 * t * t - 0.75);
        let mut seen = Vec::new();
        part(-1.0, 1.0, g).walk(|a, b| seen.push((a.time, b.time)));
        assert_eq!(seen.len(), 3);
        assert!((seen[0].1 + 0.5).abs() < 1e-8 && (seen[1].1 - 0.5).abs() < 1e-8);
    }
}
