//! Events that repeat those some time before, so that whole cycles of them can be foreseen at once. Doses may differ in
//! size: drug amounts are followed through the cycles.

use crate::regimen::{Change, Event};

/// Events of a cycle at most: a week of a drug twice daily, with the gallbladder's.
pub(super) const LONGEST: usize = 64;

/// Events until a cycle is looked for again where none was found.
const PATIENCE: usize = 8;

/// Cycles that are looked at ahead.
const AHEAD: usize = 64;

/// The cycle in which a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cycle {
    /// Its events, and the stretches between them.
    pub events: usize,
    pub stretches: usize,
    /// Its length, h.
    pub length: f64,
    /// How often it surely comes again.
    pub times: usize,
}

/// What is known of the cycles of a timeline.
#[derive(Debug, Clone, Default)]
pub(super) struct Cycles {
    /// The cycle, without how often; none if it has no events.
    events: usize,
    stretches: usize,
    length: f64,
    /// Every event from `from` up to `until` is like the one a cycle earlier.
    from: usize,
    until: usize,
    /// Event before which a cycle is not looked for again.
    again: usize,
}

impl Cycles {
    /// The cycle that the events from `next` on go through.
    pub fn at(&mut self, events: &[Event], next: usize) -> Option<Cycle> {
        let known = (self.from..self.until).contains(&next);
        if !known && (next < self.again || !self.search(events, next)) {
            return None;
        }
        let seen = events.len().min(next + AHEAD * self.events + 1);
        while self.until < seen && self.repeats(events, self.until) {
            self.until += 1;
        }
        let times = (self.until - 1 - next) / self.events;
        (times > 0).then_some(Cycle {
            events: self.events,
            stretches: self.stretches,
            length: self.length,
            times,
        })
    }

    /// Whether an event is like the one a cycle earlier.
    fn repeats(&self, events: &[Event], at: usize) -> bool {
        let (now, before) = (&events[at], &events[at - self.events]);
        let alike = match (&now.change, &before.change) {
            (Change::Dose { drug, .. }, Change::Dose { drug: other, .. }) => drug == other,
            (now, before) => now == before,
        };
        alike && (now.time - before.time - self.length).abs() < 1e-9
    }

    /// Looks for the shortest cycle that the next events go through at least once.
    fn search(&mut self, events: &[Event], next: usize) -> bool {
        for count in 1..=LONGEST.min(next) {
            let last = next + count;
            if last >= events.len() {
                break;
            }
            self.events = count;
            self.length = events[next].time - events[next - count].time;
            if self.length > 0.0 && (next..=last).all(|at| self.repeats(events, at)) {
                let pairs = events[next - count..=next].windows(2);
                let apart = pairs.filter(|pair| pair[1].time - pair[0].time > 1e-9);
                self.stretches = apart.count();
                (self.from, self.until) = (next, last + 1);
                return true;
            }
        }
        (self.from, self.until) = (next, next);
        self.again = next + PATIENCE;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::regimen::Drug;

    fn dose(time: f64) -> Event {
        let change = Change::Dose {
            drug: Drug::Sorafenib,
            given: 400.0,
            absorbed: 200.0,
        };
        Event { time, change }
    }

    fn gallbladder(time: f64, open: bool) -> Event {
        Event {
            time,
            change: Change::Gallbladder(open),
        }
    }

    /// A dose and the gallbladder's closing together, and its opening six hours later; the dose of day 5 is missed.
    fn events(days: usize, missed: usize) -> Vec<Event> {
        let day = |day: usize| {
            let time = 24.0 * day as f64;
            let given = (day != missed).then(|| dose(time));
            let rest = [gallbladder(time, false), gallbladder(time + 6.0, true)];
            given.into_iter().chain(rest)
        };
        (0..days).flat_map(day).collect()
    }

    #[test]
    fn a_day_repeats_until_a_dose_is_missed() {
        let events = events(12, 5);
        assert_eq!(Cycles::default().at(&events, 2), None);
        let mut cycles = Cycles::default();
        let cycle = Cycle {
            events: 3,
            stretches: 2,
            length: 24.0,
            times: 3,
        };
        // Up to the opening of day 4, or to the dose that day 5 should have begun with.
        assert_eq!(cycles.at(&events, 5), Some(cycle));
        assert_eq!(cycles.at(&events, 6), Some(Cycle { times: 2, ..cycle }));
        assert_eq!(cycles.at(&events, 11), Some(Cycle { times: 1, ..cycle }));
        for next in 12..18 {
            assert_eq!(cycles.at(&events, next), None, "{next}");
        }
        assert_eq!(cycles.at(&events, 23), Some(Cycle { times: 3, ..cycle }));
    }

    #[test]
    fn the_last_events_do_not_repeat() {
        let events = events(3, 9);
        assert_eq!(Cycles::default().at(&events, 6), None);
        assert_eq!(Cycles::default().at(&events, 0), None);
        assert_eq!(Cycles::default().at(&[], 0), None);
    }
}
