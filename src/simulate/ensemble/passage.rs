//! How a lane goes through a stretch by collocation: which step of the course comes next, whether its sweeps have come
//! to an end, and whether it holds.

use super::collocation;
use super::course::{Courses, Kinds};
use super::cycle::Cycle;
use super::history::{Seen, Tolerance};

/// What is to become of a step.
pub(super) enum Verdict {
    /// One more sweep.
    Repeat,
    /// To be made again, shorter by a factor.
    Rejected(f64),
    /// To be made again up to a part of it, where the rates have a kink.
    Cut(f64),
    Taken,
}

/// Factor to the next step where sweeps do not come to an end.
const UNSETTLED: f64 = 0.5;

/// Largest factor from one irregular step to the next.
const GROWTH: f64 = 4.0;

/// The way through the present stretch.
#[derive(Debug, Default)]
pub(super) struct Passage {
    pub courses: Courses,
    /// When it began, and how long it is.
    time: f64,
    length: f64,
    /// The last events.
    kinds: Kinds,
    /// Steps per piece of the exactly known states.
    parts: usize,
    /// Longest step where the way is not regular any more.
    longest: f64,
    /// Pieces so far.
    pub pieces: usize,
    /// Whether every step so far was one of the course.
    pub regular: bool,
    /// Which step of the course the present one is.
    place: Option<usize>,
    /// Whether the present step has still to be begun.
    pub fresh: bool,
    /// Whether it began with increments that the course let expect, and whether it must begin without.
    expected: bool,
    blank: bool,
    /// Its sweeps, those of them after it had settled, and the change that the last one made.
    sweeps: u32,
    more: u32,
    change: f64,
    /// Whether a drug level rises from nearly nothing within the step: its effect begins like a power of it, and the last
    /// coefficients do not tell of the error at the end as they do where the course is smooth.
    pub rough: bool,
    /// Largest errors in this stretch of steps that are judged by their ends, and of those that are judged strictly: that
    /// someone looks into, or that are rough.
    errors: [f64; 2],
    /// Whether steps were rejected because they are judged strictly, and for other reasons.
    strict: bool,
    failed: bool,
    /// Whether a step was foreseen, so that errors do not tell of the whole stretch.
    foreseen: bool,
}

impl Passage {
    /// Begins a stretch.
    pub fn begin(&mut self, kind: u32, length: f64) {
        self.time += self.length;
        self.length = length;
        self.kinds.rotate_left(1);
        if let Some(last) = self.kinds.last_mut() {
            *last = kind;
        }
        self.parts = self.courses.choose(self.kinds, length, self.time);
        self.longest = f64::INFINITY;
        self.pieces = 0;
        self.regular = true;
        self.fresh = true;
        self.blank = false;
        self.errors = [0.0; 2];
        self.strict = false;
        self.failed = false;
        self.foreseen = false;
    }

    /// Longest next step within a piece.
    pub fn longest(&self, piece: f64, max_step: f64) -> f64 {
        let part = piece / self.parts as f64;
        let longest = collocation::LONGEST * max_step;
        part.min(self.longest).min(longest)
    }

    /// Begins a step, number `part` of equal `parts` of its piece if the way is regular, with these increments.
    pub fn begin_step(&mut self, part: usize, parts: usize, step: f64, increments: &mut [f64]) {
        self.fresh = false;
        self.sweeps = 0;
        self.more = 0;
        self.place = self.regular.then_some(self.pieces * parts + part);
        self.expected = match self.place {
            Some(place) if !self.blank => self.courses.expect(place, step, self.time, increments),
            _ => false,
        };
        if !self.expected {
            increments.fill(0.0);
        }
    }

    /// Whether the sweeps have come to an end and the step, of a length, holds: by the change of the last sweep over the
    /// tolerance and the size of the last coefficients.
    pub fn judge(
        &mut self,
        change: f64,
        curve: f64,
        inside: bool,
        rtol: f64,
        step: f64,
    ) -> Verdict {
        self.sweeps += 1;
        let speed = if self.sweeps > 1 {
            change / self.change
        } else {
            1.0
        };
        self.change = change;
        let left = change * speed.min(1.0);
        let outside = !change.is_finite();
        let settled =
            |part: f64| change <= part * collocation::SETTLED || left <= part * collocation::LEFT;
        // A step of the course that had nothing to start from: its error would go through the whole run.
        let first = self.place.is_some() && !self.expected;
        if first && settled(1.0) && !settled(collocation::FIRST) && self.more < collocation::MORE {
            self.more += 1;
            return Verdict::Repeat;
        }
        if outside || !settled(1.0) {
            let hopeless = self.sweeps > 2 && speed > collocation::HOPELESS;
            if !outside && !hopeless && self.sweeps < collocation::SWEEPS {
                return Verdict::Repeat;
            }
            if self.expected {
                // What the course let expect was wrong: begin with nothing.
                self.blank = true;
                self.fresh = true;
                return Verdict::Repeat;
            }
            self.failed = true;
            return Verdict::Rejected(UNSETTLED);
        }
        let strict = inside || self.rough;
        let error = collocation::error(curve, strict) / rtol;
        if error > 1.0 {
            let smooth = strict && collocation::error(curve, false) <= rtol;
            self.strict |= smooth;
            self.failed |= !smooth;
            return Verdict::Rejected(collocation::factor(error, strict));
        }
        let largest = &mut self.errors[usize::from(strict)];
        *largest = largest.max(error);
        if !self.regular {
            self.longest = step * collocation::factor(error, strict).min(GROWTH);
        }
        Verdict::Taken
    }

    /// Leaves the regular way for a step of another length.
    pub fn leave(&mut self) {
        self.regular = false;
        self.fresh = true;
    }

    /// Makes the step shorter; a step of the course is shorter the next time too.
    pub fn shorten(&mut self, piece: f64, step: f64) {
        if self.regular {
            self.parts = (piece / step).ceil().max(1.0) as usize;
        }
        self.longest = step;
        self.leave();
    }

    /// The states at the end of the next step, number `part` of equal `parts` of its piece, if it need not be computed.
    pub fn foresee(
        &mut self,
        (part, parts): (usize, usize),
        step: f64,
        start: &[f64],
        amounts: &[f64],
        tolerance: &Tolerance<'_>,
        end: &mut Vec<f64>,
    ) -> bool {
        let place = self.pieces * parts + part;
        let history = self.courses.history(place, step);
        let foreseen = self.regular
            && history.is_some_and(|h| h.foresee(self.time, start, amounts, tolerance, end));
        self.foreseen |= foreseen;
        foreseen
    }

    /// Goes on by cycles that were foreseen.
    pub fn skip(&mut self, cycle: &Cycle, cycles: usize) {
        let later = cycles as f64 * cycle.length;
        self.courses.skip(cycle, later);
        self.time += later;
    }

    /// After a step that was taken: whether it is one of the course, to be learned.
    pub fn done(&mut self) -> bool {
        self.fresh = true;
        self.blank = false;
        self.place.is_some()
    }

    /// How far the end of the step, which was computed, lies from where it would have been foreseen, over the tolerance.
    pub fn surprise(
        &self,
        step: f64,
        seen: &Seen<'_>,
        tolerance: &Tolerance<'_>,
        end: &mut Vec<f64>,
    ) -> Option<f64> {
        let history = self.courses.history(self.place?, step)?;
        history.surprise(self.time, seen, tolerance, end)
    }

    /// Keeps a step of the course.
    pub fn learn(&mut self, step: f64, seen: &Seen<'_>, tolerance: &Tolerance<'_>) {
        if let Some(place) = self.place {
            self.courses.learn(place, step, self.time, seen, tolerance);
        }
    }

    /// At the end of the stretch: how many steps to make the next time.
    pub fn end(&mut self) {
        let steps = (self.pieces + 1) * self.parts;
        self.courses
            .note_steps(if self.regular { steps } else { 0 });
        if self.foreseen {
            return;
        }
        if self.regular && self.parts > 1 {
            let [end, inside] = self.errors;
            let room = collocation::factor(end, false).min(collocation::factor(inside, true));
            let fewer = (self.parts as f64 / room).ceil().max(1.0);
            self.parts = self.parts.min(fewer as usize);
        }
        self.courses.divide(self.parts, self.strict && !self.failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::ensemble::radau::NODES;

    fn bits(increments: [f64; NODES]) -> [u64; NODES] {
        increments.map(f64::to_bits)
    }

    /// Begins a step; the increments that it begins with.
    fn begin(passage: &mut Passage, part: usize, parts: usize, step: f64) -> [f64; NODES] {
        let mut increments = [f64::NAN; NODES];
        passage.begin_step(part, parts, step, &mut increments);
        increments
    }

    /// A short step that is rejected does not cut the whole course as fine as itself.
    #[test]
    fn a_rejected_short_step_does_not_divide_the_course() {
        let mut passage = Passage::default();
        passage.begin(1, 6.0);
        assert_eq!(bits(begin(&mut passage, 0, 1, 6.0)), bits([0.0; NODES]));
        passage.leave();
        begin(&mut passage, 0, 1, 1e-3);
        assert!(matches!(
            passage.judge(f64::NAN, 0.0, false, 1e-6, 1e-3),
            Verdict::Rejected(_)
        ));
        passage.shorten(6.0, 0.5e-3);
        assert!((passage.longest(6.0, 6.0) - 0.5e-3).abs() < 1e-12);
        passage.end();
        passage.begin(1, 6.0);
        passage.begin(1, 6.0);
        assert!((passage.longest(6.0, 6.0) - 6.0).abs() < 1e-12);
    }

    /// The first passage of a step of the course is swept on after it has settled, an irregular step is not.
    #[test]
    fn a_first_passage_is_settled_further() {
        let mut passage = Passage::default();
        passage.begin(1, 6.0);
        begin(&mut passage, 0, 1, 6.0);
        let mut sweep = |change| passage.judge(change, 0.0, false, 1e-6, 6.0);
        assert!(matches!(sweep(0.1), Verdict::Repeat));
        assert!(matches!(sweep(0.09), Verdict::Repeat));
        assert!(matches!(sweep(0.08), Verdict::Taken));
        passage.leave();
        begin(&mut passage, 0, 1, 3.0);
        assert!(matches!(
            passage.judge(0.1, 0.0, false, 1e-6, 3.0),
            Verdict::Taken
        ));
    }

    /// Where the expected increments lead out of the domain, the step begins again without them.
    #[test]
    fn wrong_expectations_are_dropped_before_the_step_is() {
        let mut passage = Passage::default();
        for _ in 0..5 {
            passage.begin(1, 6.0);
            begin(&mut passage, 0, 1, 6.0);
            assert!(matches!(
                passage.judge(1e-3, 0.0, false, 1e-6, 6.0),
                Verdict::Taken
            ));
            let mut values = [1.0; 2 + NODES];
            values[1] = 2.0;
            let seen = Seen {
                values: &values,
                ranges: &[],
                partials: &[0.0],
            };
            let tolerance = Tolerance {
                rtol: 1e-6,
                weights: &[1.0],
                amounts: &[],
            };
            assert!(passage.done());
            passage.learn(6.0, &seen, &tolerance);
            passage.end();
        }
        passage.begin(1, 6.0);
        assert_eq!(bits(begin(&mut passage, 0, 1, 6.0)), bits([1.0; NODES]));
        assert!(matches!(
            passage.judge(f64::NAN, 0.0, false, 1e-6, 6.0),
            Verdict::Repeat
        ));
        assert!(passage.fresh);
        assert_eq!(bits(begin(&mut passage, 0, 1, 6.0)), bits([0.0; NODES]));
        assert!(matches!(
            passage.judge(f64::NAN, 0.0, false, 1e-6, 6.0),
            Verdict::Rejected(_)
        ));
    }

    /// A stretch whose steps were foreseen is divided the next time as before.
    #[test]
    fn a_foreseen_stretch_keeps_its_division() {
        let tolerance = Tolerance {
            rtol: 1e-6,
            weights: &[1.0],
            amounts: &[],
        };
        let seen = Seen {
            values: &[1.0; 2 + NODES],
            ranges: &[],
            partials: &[0.0],
        };
        let mut passage = Passage::default();
        let mut end = Vec::new();
        let mut foreseen = 0;
        for _ in 0..12 {
            passage.begin(1, 6.0);
            passage.parts = 2;
            for part in 0..2 {
                if passage.foresee((part, 2), 3.0, &[1.0], &[], &tolerance, &mut end) {
                    foreseen += 1;
                    continue;
                }
                begin(&mut passage, part, 2, 3.0);
                assert!(matches!(
                    passage.judge(1e-3, 0.9e-3, false, 1e-6, 3.0),
                    Verdict::Taken
                ));
                assert!(passage.done());
                passage.learn(3.0, &seen, &tolerance);
            }
            passage.end();
            assert_eq!(passage.parts, 2);
        }
        assert!(foreseen > 4);
        passage.begin(1, 6.0);
        assert_eq!(passage.parts, 2);
    }
}
