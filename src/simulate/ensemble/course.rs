//! What a lane remembers of the stretches between events, to start from when one of the same kind comes again.
//!
//! A course is the way through a stretch: the number of steps, and the [`History`] of each.

use super::history::{History, Seen, Tolerance};

/// Events that a stretch follows, the last one last: the same event at another place of the day's schedule is
/// another kind.
pub(super) type Kinds = [u32; 4];

/// Courses kept per lane; the one that was not used for longest goes first.
const KEPT: usize = 64;

/// A step of a course.
#[derive(Debug, Clone, Default)]
struct Step {
    length: f64,
    history: History,
}

/// The way through stretches of one kind and length.
#[derive(Debug, Clone)]
struct Course {
    kinds: Kinds,
    length: f64,
    /// When it was last chosen.
    used: u64,
    /// Steps per piece of the exactly known states.
    parts: usize,
    /// Whether its steps were cut the last time only because someone looked into them.
    looked: bool,
    steps: Vec<Step>,
}

/// The courses of one lane.
#[derive(Debug, Clone, Default)]
pub(super) struct Courses {
    known: Vec<Course>,
    current: usize,
    /// Number of stretches so far.
    time: u64,
    expected: Vec<f64>,
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b + 1e-9
}

impl Courses {
    /// Chooses the course of a stretch; the steps per piece that it had, or 1.
    pub fn choose(&mut self, kinds: Kinds, length: f64) -> usize {
        let known = |course: &Course| course.kinds == kinds && same(course.length, length);
        self.current = self.known.iter().position(known).unwrap_or_else(|| {
            if self.known.len() >= KEPT {
                let oldest = (0..self.known.len()).min_by_key(|at| self.known[*at].used);
                self.known.swap_remove(oldest.unwrap_or_default());
            }
            self.known.push(Course {
                used: 0,
                kinds,
                length,
                parts: 1,
                looked: false,
                steps: Vec::new(),
            });
            self.known.len() - 1
        });
        self.time += 1;
        self.known[self.current].used = self.time;
        self.known[self.current].parts
    }

    /// Changes the number of steps per piece for the next time; if it is only for the sake of someone who `looked`,
    /// not before he does so twice in turn.
    pub fn divide(&mut self, parts: usize, looked: bool) {
        let Some(course) = self.known.get_mut(self.current) else {
            return;
        };
        let once = looked && !course.looked;
        course.looked = looked;
        if course.parts != parts && !once {
            course.parts = parts;
            course.steps.clear();
        }
    }

    /// The increments to expect of a step of the current course; nothing if it is new.
    pub fn expect(&mut self, place: usize, length: f64, time: f64) -> &[f64] {
        self.expected.clear();
        let course = self.known.get(self.current);
        if let Some(step) = course.and_then(|course| course.steps.get(place))
            && same(step.length, length)
        {
            step.history.expect(time, &mut self.expected);
        }
        &self.expected
    }

    /// The history of a step of the current course.
    pub fn history(&self, place: usize, length: f64) -> Option<&History> {
        let course = self.known.get(self.current)?;
        let step = course.steps.get(place)?;
        same(step.length, length).then_some(&step.history)
    }

    /// Keeps a passage of a step of the current course.
    pub fn learn(
        &mut self,
        place: usize,
        length: f64,
        time: f64,
        seen: &Seen,
        tolerance: &Tolerance<'_>,
    ) {
        let Some(course) = self.known.get_mut(self.current) else {
            return;
        };
        if course.steps.len() <= place {
            course.steps.resize_with(place + 1, Step::default);
        }
        let step = &mut course.steps[place];
        if !same(step.length, length) {
            step.length = length;
            step.history.forget();
        }
        step.history.learn(time, seen, tolerance);
    }

    /// After a change of inputs: courses go on from what they know, but it has to prove itself anew.
    pub fn doubt(&mut self) {
        let steps = self.known.iter_mut().flat_map(|course| &mut course.steps);
        steps.for_each(|step| step.history.doubt());
    }
}
