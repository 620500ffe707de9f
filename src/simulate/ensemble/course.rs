//! What a lane remembers of the stretches between events, to start from when one of the same kind comes again.
//!
//! A course is the way through a stretch: the number of steps, and the [`History`] of each.

use super::cycle::{self, Cycle};
use super::history::{History, Seen, Tolerance};
use super::linear::Chosen;
use std::collections::VecDeque;

/// Events that a stretch follows, the last one last: the same event at another place of the day's schedule is
/// another kind.
pub(super) type Kinds = [u32; 4];

/// Courses kept per lane; the one that was not used for longest goes first.
const KEPT: usize = 64;

/// Stretches that are remembered in order: the longest cycle, and the present one.
const REMEMBERED: usize = cycle::LONGEST + 1;

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
    /// How many steps lead through the stretch; 0 where the last time they were not those of the course.
    whole: usize,
}

/// A stretch that was gone through.
#[derive(Debug, Clone, Copy)]
struct Visit {
    course: usize,
    /// When it began.
    time: f64,
    /// The table of its exactly known states.
    table: Chosen,
}

/// The courses of one lane.
#[derive(Debug, Clone, Default)]
pub(super) struct Courses {
    known: Vec<Course>,
    current: usize,
    /// Number of stretches so far.
    stretches: u64,
    /// The last of them, the present one last.
    visits: VecDeque<Visit>,
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * b + 1e-9
}

impl Courses {
    /// Chooses the course of a stretch that begins at a `time`; the steps per piece that it had, or 1.
    pub fn choose(&mut self, kinds: Kinds, length: f64, time: f64) -> usize {
        let known = |course: &Course| course.kinds == kinds && same(course.length, length);
        self.current = self.known.iter().position(known).unwrap_or_else(|| {
            if self.known.len() >= KEPT {
                let oldest = (0..self.known.len()).min_by_key(|at| self.known[*at].used);
                self.known.swap_remove(oldest.unwrap_or_default());
                self.visits.clear();
            }
            self.known.push(Course {
                used: 0,
                kinds,
                length,
                parts: 1,
                looked: false,
                steps: Vec::new(),
                whole: 0,
            });
            self.known.len() - 1
        });
        self.stretches += 1;
        if self.visits.len() == REMEMBERED {
            self.visits.pop_front();
        }
        self.visits.push_back(Visit {
            course: self.current,
            time,
            table: Chosen::default(),
        });
        let course = &mut self.known[self.current];
        course.used = self.stretches;
        course.parts
    }

    /// Keeps the table of the present stretch.
    pub fn note_table(&mut self, table: Chosen) {
        if let Some(present) = self.visits.back_mut() {
            present.table = table;
        }
    }

    /// Keeps how many steps led through the stretch; 0 if they were not those of the course.
    pub fn note_steps(&mut self, whole: usize) {
        if let Some(course) = self.known.get_mut(self.current) {
            course.whole = whole;
        }
    }

    /// The stretches of the last cycle, from the one like the present one up to the one before it; none if they are not known.
    fn last_cycle(&self, cycle: &Cycle) -> Option<std::ops::Range<usize>> {
        let present = self.visits.len().checked_sub(1)?;
        let first = present.checked_sub(cycle.stretches)?;
        let same = self.visits[first].course == self.visits[present].course;
        let mut visits = self.visits.range(first..present);
        (same && visits.all(|visit| visit.table.pieces > 0)).then_some(first..present)
    }

    /// How many cycles from the present stretch's start on need not be computed, as far as their histories go; not more than `most`.
    pub fn foreseen_cycles(&self, cycle: &Cycle, most: usize) -> usize {
        let Some(last) = self.last_cycle(cycle) else {
            return 0;
        };
        let mut ahead = most as f64;
        for visit in self.visits.range(last) {
            let course = &self.known[visit.course];
            let steps = course.steps.len();
            if steps == 0 || steps != course.whole || !steps.is_multiple_of(visit.table.pieces) {
                return 0;
            }
            for step in &course.steps {
                ahead = ahead.min((step.history.horizon() - visit.time) / cycle.length);
            }
        }
        ahead.max(0.0) as usize
    }

    /// Foresees the cycle that is so much `later` than the last one, from the state and the drug amounts at the present stretch's start;
    /// the number of steps, `None` if any of them has to be computed. `pass` takes the amounts through a piece by its table, and
    /// `dose` applies the doses at the end of a stretch.
    pub fn foresee_cycle(
        &self,
        cycle: &Cycle,
        later: f64,
        (state, amounts, end): (&mut [f64], &mut [f64], &mut Vec<f64>),
        tolerance: &Tolerance<'_>,
        mut pass: impl FnMut(Chosen, &mut [f64]) -> bool,
        mut dose: impl FnMut(&mut [f64]) -> bool,
    ) -> Option<usize> {
        let last = self.last_cycle(cycle)?;
        let mut count = 0;
        for visit in self.visits.range(last) {
            let steps = &self.known[visit.course].steps;
            let parts = steps.len() / visit.table.pieces;
            for (place, step) in steps.iter().enumerate() {
                let time = visit.time + later;
                if !step.history.foresee(time, state, amounts, tolerance, end) {
                    return None;
                }
                state.copy_from_slice(&end[..state.len()]);
                if (place + 1) % parts == 0 && !pass(visit.table, amounts) {
                    return None;
                }
            }
            if !dose(amounts) {
                return None;
            }
            count += steps.len();
        }
        Some(count)
    }

    /// Goes on by cycles that were foreseen, `later` in all.
    pub fn skip(&mut self, cycle: &Cycle, later: f64) {
        let stretches = self.visits.iter_mut().rev().take(cycle.stretches + 1);
        stretches.for_each(|visit| visit.time += later);
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

    /// The increments to expect of a step of the current course; whether there are any.
    pub fn expect(&self, place: usize, length: f64, time: f64, into: &mut [f64]) -> bool {
        self.history(place, length)
            .is_some_and(|history| history.expect(time, into))
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
        seen: &Seen<'_>,
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
