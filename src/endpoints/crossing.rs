//! Upward crossings of 0 that mean something.

use super::part::{Part, Point};
use num_dual::Dual64;

/// Upward crossings of 0 by a quantity. One counts if the quantity was below `-margin` since the last one and goes on
/// above `margin`: what only touches 0 within the margin, from either side, is no crossing.
pub(super) struct Crossing {
    margin: f64,
    below: bool,
    pending: Option<f64>,
    /// Times that count.
    pub first: Option<f64>,
    pub last: Option<f64>,
}

impl Crossing {
    pub fn beyond(margin: f64) -> Self {
        Self {
            margin,
            below: false,
            pending: None,
            first: None,
            last: None,
        }
    }

    /// Looks at the next part.
    pub fn observe<F: Fn(f64) -> Dual64>(&mut self, part: &Part<F>) {
        let (low, high) = part.bounds();
        if high < -self.margin {
            self.below = true;
            self.pending = None;
        } else if low > self.margin {
            self.above();
        } else {
            self.below |= part.from.1.re < -self.margin;
            part.walk(|a, b| self.go(part, a, b));
        }
    }

    fn go<F: Fn(f64) -> Dual64>(&mut self, part: &Part<F>, a: Point, b: Point) {
        if self.below && a.value < 0.0 && b.value >= 0.0 {
            self.pending = Some(part.crossing(0.0, a, b));
        }
        if b.value < 0.0 {
            self.pending = None;
        }
        if b.value > self.margin {
            self.above();
        }
        self.below |= b.value < -self.margin;
    }

    fn above(&mut self) {
        self.below = false;
        if let Some(time) = self.pending.take() {
            self.first.get_or_insert(time);
            self.last = Some(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(g: impl Fn(f64) -> Dual64) -> Crossing {
        let mut crossing = Crossing::beyond(0.1);
        for i in 0..80 {
            let (a, b) = (0.25 * f64::from(i), 0.25 * f64::from(i + 1));
            crossing.observe(&Part {
                from: (a, g(a)),
                to: (b, g(b)),
                at: &g,
            });
        }
        crossing
    }

    #[test]
    fn waves_through_zero_and_waves_that_touch_it() {
        let wave = |shift: f64| move |t: f64| Dual64::new(shift - libm::cos(t), libm::sin(t));
        let half = std::f64::consts::FRAC_PI_2;
        let through = follow(wave(0.0));
        assert!(through.first.is_some_and(|t| (t - half).abs() < 1e-8));
        assert!(through.last.is_some_and(|t| (t - 9.0 * half).abs() < 1e-8));
        // Above 0 but for dips of 0.05.
        let dips = follow(wave(0.95));
        assert_eq!((dips.first, dips.last), (None, None));
        // Below 0 but for peaks of 0.05.
        let peaks = follow(wave(-0.95));
        assert_eq!((peaks.first, peaks.last), (None, None));
    }
}
