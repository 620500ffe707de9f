//! What both methods have in common: the rows of the lanes of one thread, the start of a step, its kinks and its domain.

use super::lanes::Lanes;
use super::program::System;

/// The lanes of one thread.
pub(super) struct Machine<const W: usize> {
    /// Rows of the programs, of the method and of the step, placed by the [`Layout`](super::program::Layout).
    pub rows: Vec<Lanes<W>>,
}

impl<const W: usize> Machine<W> {
    /// Idle lanes.
    pub fn new(system: &System, rtol: f64) -> Self {
        let mut rows = vec![Lanes::all(1.0); system.layout.rows];
        rows[system.layout.rtol] = Lanes::all(rtol);
        Self { rows }
    }
}

/// Carries rows over in the lanes that took the last step.
#[inline(always)]
pub(super) fn carry<const W: usize>(
    system: &System,
    rows: &mut [Lanes<W>],
    to: usize,
    from: usize,
    count: usize,
) {
    let taken = rows[system.layout.taken];
    for i in 0..count {
        let from = rows[from + i];
        let to = &mut rows[to + i];
        for lane in 0..W {
            to.0[lane] = if taken.0[lane] > 0.0 {
                from.0[lane]
            } else {
                to.0[lane]
            };
        }
    }
}

/// Starts the step where the last one ended, in the lanes that took it.
#[inline(always)]
pub(super) fn advance<const W: usize>(system: &System, rows: &mut [Lanes<W>]) {
    let layout = &system.layout;
    carry(system, rows, layout.before, layout.after, system.states);
}

/// The ranges of the watched values at the stages `seen` and in the rows from `start`, and the largest of how far each
/// goes to both sides of 0; what is not a number does not count.
#[inline(always)]
pub(super) fn bend<const W: usize>(
    system: &System,
    rows: &mut [Lanes<W>],
    first: usize,
    stride: usize,
    seen: &[usize],
    start: Option<usize>,
) {
    let n = system.watched;
    let mut bend = Lanes::<W>::all(0.0);
    for k in 0..system.watched {
        let initial = rows[first + seen[0] * stride + k];
        let (mut high, mut low) = (initial, initial);
        let later = seen[1..].iter().map(|stage| first + stage * stride + k);
        for row in later.chain(start.map(|start| start + k)) {
            let x = rows[row];
            for lane in 0..W {
                let x = x.0[lane];
                high.0[lane] = if x > high.0[lane] { x } else { high.0[lane] };
                low.0[lane] = if x < low.0[lane] { x } else { low.0[lane] };
            }
        }
        rows[system.layout.ranges + k] = low;
        rows[system.layout.ranges + n + k] = high;
        for lane in 0..W {
            let below = -low.0[lane];
            let both = if high.0[lane] < below {
                high.0[lane]
            } else {
                below
            };
            bend.0[lane] = if both > bend.0[lane] {
                both
            } else {
                bend.0[lane]
            };
        }
    }
    rows[system.layout.bend] = bend;
}

/// Makes `outside` not a number in the lanes whose states have left the domain.
#[inline(always)]
pub(super) fn check<const W: usize>(system: &System, states: &[Lanes<W>], outside: &mut Lanes<W>) {
    for group in &system.positive {
        let mut sum = Lanes::<W>::all(0.0);
        for i in group {
            for lane in 0..W {
                sum.0[lane] += states[*i].0[lane];
            }
        }
        for lane in 0..W {
            let mark = if sum.0[lane] > 0.0 { 0.0 } else { f64::NAN };
            outside.0[lane] += mark;
        }
    }
}
