//! Smallest or largest value of a quantity and its time.

use super::part::{Part, Place, Point};
use num_dual::Dual64;

/// Values that differ by less than this part count as equal where the time of an extremum is looked for. Where nothing
/// moves, that is the start; where dose follows dose alike, the extremum after the first of them.
pub(super) const EQUAL: f64 = 1e-4;

/// The smallest (`sign` 1) or largest (`sign` -1) value of a quantity so far.
pub(super) struct Extremum {
    sign: f64,
    /// The lowest point of all; signed values from here on.
    lowest: f64,
    /// The lowest point since the value last rose by more than counts.
    foot: Option<Point>,
    /// The earliest of the lowest such points, beginning with the start.
    first: Option<Point>,
    /// The start of the run, h, and what was seen last.
    seen: Option<(f64, Place)>,
}

impl Extremum {
    pub fn smallest() -> Self {
        Self {
            sign: 1.0,
            lowest: f64::INFINITY,
            foot: None,
            first: None,
            seen: None,
        }
    }

    pub fn largest() -> Self {
        Self {
            sign: -1.0,
            ..Self::smallest()
        }
    }

    /// The value so far.
    pub fn value(&self) -> Option<f64> {
        self.first.map(|_| self.sign * self.lowest)
    }

    /// Its time at the end of the run, h; `None` where the value only approaches its extremum, which no time tells.
    pub fn time(mut self) -> Option<f64> {
        // At the end of the run the value stands at its extremum, and would not leave it in as long a time again.
        let approached = self.foot.filter(|foot| {
            self.seen.is_some_and(|(start, (time, value))| {
                foot.time > start && (time - start) * value.eps.abs() < EQUAL * value.re.abs()
            })
        });
        self.land();
        self.first
            .filter(|first| Some(*first) != approached)
            .map(|point| point.time)
    }

    fn see(&mut self, place: Place) {
        let start = self.seen.map_or(place.0, |(start, _)| start);
        self.seen = Some((start, place));
    }

    /// Begins a segment, whose start may lie elsewhere than the end of the last one.
    pub fn begin(&mut self, (time, value): Place) {
        let start = Point {
            time,
            value: self.sign * value.re,
        };
        self.first.get_or_insert(start);
        self.see((time, value));
        self.go(start);
    }

    /// Looks at the next part.
    pub fn observe<F: Fn(f64) -> Dual64>(&mut self, part: &Part<F>) {
        self.see(part.to);
        let (low, high) = part.bounds();
        let sign = self.sign;
        let (low, high) = if sign > 0.0 {
            (low, high)
        } else {
            (-high, -low)
        };
        if low >= self.lowest {
            let reached = (sign * part.from.1.re).max(sign * part.to.1.re);
            if self.is_risen(reached) || !self.is_risen(high) {
                self.rise_to(reached);
                return;
            }
        }
        part.walk(|_, to| {
            self.go(Point {
                value: sign * to.value,
                ..to
            });
        });
    }

    fn go(&mut self, to: Point) {
        self.lowest = self.lowest.min(to.value);
        if self.foot.is_none_or(|foot| to.value < foot.value) {
            self.foot = Some(to);
        } else {
            self.rise_to(to.value);
        }
    }

    fn rise_to(&mut self, value: f64) {
        if self.is_risen(value) {
            self.land();
        }
    }

    /// Whether a value lies above the foot by more than counts.
    fn is_risen(&self, value: f64) -> bool {
        let risen = |foot: Point| value > foot.value + EQUAL * foot.value.abs();
        self.foot.is_some_and(risen)
    }

    fn land(&mut self) {
        let Some(foot) = self.foot.take() else {
            return;
        };
        let lower = |first: Point| foot.value < first.value - EQUAL * first.value.abs();
        if self.first.is_none_or(lower) {
            self.first = Some(foot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(mut extremum: Extremum, points: &[f64], g: impl Fn(f64) -> Dual64) -> Extremum {
        extremum.begin((points[0], g(points[0])));
        for ends in points.windows(2) {
            extremum.observe(&Part {
                from: (ends[0], g(ends[0])),
                to: (ends[1], g(ends[1])),
                at: &g,
            });
        }
        extremum
    }

    #[test]
    fn the_lowest_value_between_points() {
        let g = |t: f64| Dual64::new((t - 0.3) * (t - 0.3), 2.0 * (t - 0.3));
        let lowest = follow(Extremum::smallest(), &[-2.0, -1.0, 0.0, 1.0, 2.0], g);
        assert!(lowest.value().is_some_and(|v| v.abs() < 1e-15));
        assert!(lowest.time().is_some_and(|t| (t - 0.3).abs() < 1e-8));
    }

    /// What falls for ever towards a value has no time of its smallest one; where nothing moves, it is the start.
    #[test]
    fn an_extremum_that_is_only_approached_has_no_time() {
        let decay = |length: f64| {
            let g = |t: f64| Dual64::new(1.0 + libm::exp(-t), -libm::exp(-t));
            let points: Vec<f64> = (0..=50).map(|i| f64::from(i) / 50.0 * length).collect();
            follow(Extremum::smallest(), &points, g).time()
        };
        assert_eq!((decay(60.0), decay(2.0)), (None, Some(2.0)));
        let still = follow(Extremum::smallest(), &[0.0, 1.0], |_| Dual64::from(1.0));
        assert_eq!(still.time(), Some(0.0));
    }

    /// Waves that grow by less than counts: the first; by more: the last.
    #[test]
    fn the_first_of_equal_extrema() {
        let wave = |growth: f64| {
            move |t: f64| {
                let (sin, cos) = (libm::sin(t), libm::cos(t));
                let size = 1.0 + growth * t;
                Dual64::new(size * sin, size * cos + growth * sin)
            }
        };
        let points: Vec<f64> = (0..=50).map(|i| f64::from(i) * 0.5).collect();
        let quarter = std::f64::consts::FRAC_PI_2;
        let first = follow(Extremum::largest(), &points, wave(1e-6));
        assert!(first.time().is_some_and(|t| (t - quarter).abs() < 1e-4));
        let last = follow(Extremum::largest(), &points, wave(1e-4));
        assert!(
            last.time()
                .is_some_and(|t| (t - 13.0 * quarter).abs() < 1e-2)
        );
    }

    #[test]
    fn where_nothing_moves_the_start() {
        let g = |t: f64| Dual64::new(1.0 - 1e-9 * t, -1e-9);
        let flat = follow(Extremum::smallest(), &[0.0, 1.0, 2.0], g);
        assert!(flat.time().is_some_and(|t| t.abs() < 1e-12));
    }
}
