//! Integration from event to event.

use super::dense::{Dense, Vector};
use super::ensemble;
use super::integrator::{self, Accuracy, Method, Work};
use crate::error::{Error, Result};
use crate::model::{Inputs, Model, Number, PARTNER_SLOTS, STATES, Signals, State};
use crate::regimen::{Change, Drug, DrugTotal, Timeline, Totals};
use num_dual::Dual64;
use serde::Serialize;

/// Everything that a run needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Setting, arm and variant, for messages.
    pub label: String,
    /// Model.
    pub model: Model<f64>,
    /// Untreated state at the start.
    pub baseline: State<f64>,
    /// Events.
    pub timeline: Timeline,
}

/// A solved stretch between two events.
pub struct Segment<'a> {
    /// Start, h.
    pub start: f64,
    /// End, h.
    pub end: f64,
    /// Model of the run.
    pub model: &'a Model<f64>,
    /// Inputs of the segment.
    pub inputs: &'a Inputs,
    /// Times of the accepted steps, h, both ends included.
    pub times: &'a [f64],
    /// States at both ends.
    pub ends: (&'a State<f64>, &'a State<f64>),
    dense: &'a Dense,
    scale: &'a Vector,
}

impl<'a> Segment<'a> {
    /// A stretch from `start` to `end`, solved at `times`, with the states at its ends and `dense` between them.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        (start, end): (f64, f64),
        model: &'a Model<f64>,
        inputs: &'a Inputs,
        times: &'a [f64],
        ends: (&'a State<f64>, &'a State<f64>),
        dense: &'a Dense,
        scale: &'a Vector,
    ) -> Self {
        Self {
            start,
            end,
            model,
            inputs,
            times,
            ends,
            dense,
            scale,
        }
    }

    /// State at a time of the segment, h.
    pub fn state(&self, time: f64) -> State<f64> {
        if time <= self.start {
            return *self.ends.0;
        }
        if time >= self.end {
            return *self.ends.1;
        }
        self.dense
            .evaluate(time - self.start)
            .map_or(*self.ends.0, |y| {
                State::from_array(&y.component_mul(self.scale).into())
            })
    }

    /// Puts some states, given by their indices among [`State::fields`], with their slopes (per h) at a time of the
    /// segment, h, in their places.
    ///
    /// Slopes are those of the interpolant, or the rates of change where it gives none.
    pub fn motion(&self, time: f64, wanted: &[usize], into: &mut [Dual64; STATES]) {
        if !self
            .dense
            .motion(time - self.start, self.scale, wanted, into)
        {
            let state = self.state(time);
            let rates = self.rates(&state, &self.signals(&state)).to_array();
            let values = state.to_array();
            for index in wanted {
                into[*index] = Dual64::new(values[*index], rates[*index]);
            }
        }
    }

    /// Signals of a state under the inputs of the segment.
    pub fn signals(&self, state: &State<f64>) -> Signals<f64> {
        self.model.signals(self.inputs, state)
    }

    /// Rates of change of a state with its signals under the inputs of the segment, per h.
    pub fn rates(&self, state: &State<f64>, signals: &Signals<f64>) -> State<f64> {
        self.model.derivatives_given(self.inputs, state, signals)
    }
}

/// Sees every solved segment, in order of time.
pub trait Observer {
    /// Takes what it needs from a segment.
    fn observe(&mut self, segment: &Segment<'_>);

    /// Next time of interest, h: segments that end before it need not be shown.
    fn interest(&self) -> f64 {
        f64::NEG_INFINITY
    }
}

/// Where the amount of a drug went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct DrugBalance {
    /// Given, mg.
    pub given: f64,
    /// Never absorbed, mg.
    pub unabsorbed: f64,
    /// In the body at the end, mg.
    pub in_body: f64,
    /// Eliminated, mg.
    pub eliminated: f64,
}

impl DrugBalance {
    /// |given - unabsorbed - in body - eliminated| / given; 0 for a drug that was not given.
    pub fn relative_error(&self) -> f64 {
        if self.given > 0.0 {
            (self.given - self.unabsorbed - self.in_body - self.eliminated).abs() / self.given
        } else {
            (self.in_body + self.eliminated).abs()
        }
    }
}

/// What a run leaves behind beside what its observers took.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// State at the end.
    pub end: State<f64>,
    /// Work done.
    pub work: Work,
    /// Mass balance of sorafenib and of each partner.
    pub balance: [DrugBalance; 1 + PARTNER_SLOTS],
}

impl Problem {
    /// Integrates the run and shows each segment to `observers`.
    ///
    /// # Errors
    /// A state that leaves its domain, or a solver that gives up, with state, time and run.
    pub fn run(&self, accuracy: &Accuracy, observers: &mut [&mut dyn Observer]) -> Result<Outcome> {
        if accuracy.method == Method::Lanes {
            return ensemble::run_single(self, accuracy, observers);
        }
        let scale = integrator::scales(&self.model, self.largest_doses());
        let dual: Option<Model<Dual64>> = match accuracy.method {
            Method::Dopri5 | Method::Lanes => None,
            Method::Dop853 => Some(self.model.map(Dual64::constant)),
        };
        let mut state = self.baseline;
        let mut inputs = self.timeline.before;
        let mut work = Work::default();
        let mut events = self.timeline.events.iter().peekable();
        let mut now = 0.0;
        let mut step = 0.0;
        while now < self.timeline.duration {
            // Events closer than rounding count as one time, so that no segment is empty.
            let same_time = now + 1e-9;
            while let Some(event) = events.next_if(|event| event.time <= same_time) {
                apply(&event.change, &mut state, &mut inputs);
            }
            let end = events
                .peek()
                .map_or(self.timeline.duration, |event| event.time);
            let solved = integrator::solve(
                &self.model,
                dual.as_ref(),
                &inputs,
                &scale,
                &state,
                end - now,
                step,
                accuracy,
                &mut work,
            )
            .map_err(|failure| self.failure(now, &failure))?;

            step = usual_step(&solved.times);
            let times: Vec<f64> = solved
                .times
                .iter()
                .map(|time| (now + time).min(end))
                .collect();
            let segment = Segment::new(
                (now, end),
                &self.model,
                &inputs,
                &times,
                (&state, &solved.end),
                &solved.dense,
                &scale,
            );
            for observer in observers.iter_mut() {
                observer.observe(&segment);
            }
            state = solved.end;
            now = end;
        }
        Ok(Outcome {
            end: state,
            work,
            balance: self.balance(&state, &self.timeline.totals()),
        })
    }

    /// Largest single amounts of sorafenib and of each partner, mg (of an infusion an hour's worth); they
    /// set the scale of the drug states.
    pub fn largest_doses(&self) -> [f64; 1 + PARTNER_SLOTS] {
        self.timeline.totals().drugs.map(|drug| drug.largest)
    }

    pub(super) fn balance(
        &self,
        end: &State<f64>,
        totals: &Totals,
    ) -> [DrugBalance; 1 + PARTNER_SLOTS] {
        let drugs = [Drug::Sorafenib, Drug::Partner(0), Drug::Partner(1)];
        drugs.map(|drug| {
            let DrugTotal {
                given, absorbed, ..
            } = totals.drugs[drug.slot()];
            let (in_body, eliminated) = match drug {
                Drug::Sorafenib => (end.sorafenib.in_body(), end.sorafenib.eliminated),
                Drug::Partner(slot) => {
                    let amounts = &end.partners[slot];
                    (amounts.depot + amounts.central, amounts.eliminated)
                }
            };
            DrugBalance {
                given,
                unabsorbed: given - absorbed,
                in_body,
                eliminated,
            }
        })
    }

    pub(super) fn failure(&self, start: f64, failure: &integrator::SegmentFailure) -> Error {
        Error::Run {
            run: self.label.clone(),
            state: failure.state.map_or_else(
                || "the integrator".to_owned(),
                |index| State::fields()[index].name.to_owned(),
            ),
            time_h: start + failure.time,
            cause: failure.cause.clone(),
            remedy: "bring the parameters set for this run back towards their plausible range \
                     (`hif-switch params show NAME`), or tighten --rtol"
                .to_owned(),
        }
    }
}

/// Carries out a change of the state or the inputs.
pub(super) fn apply(change: &Change, state: &mut State<f64>, inputs: &mut Inputs) {
    match *change {
        Change::Dose {
            drug: Drug::Sorafenib,
            absorbed,
            ..
        } => state.sorafenib.depot += absorbed,
        Change::Dose {
            drug: Drug::Partner(slot),
            absorbed,
            ..
        } => state.partners[slot].depot += absorbed,
        Change::Infusion {
            drug: Drug::Sorafenib,
            rate,
        } => inputs.sorafenib.infusion = rate,
        Change::Infusion {
            drug: Drug::Partner(slot),
            rate,
        } => inputs.partners[slot].infusion = rate,
        Change::Medium(level) => inputs.sorafenib.medium = level,
        Change::Held(slot, level) => inputs.partners[slot].held = level,
        Change::Given(slot, given) => inputs.partners[slot].given = given,
        Change::Gallbladder(open) => inputs.sorafenib.gallbladder_open = open,
        Change::MediumOxygen(oxygen) => inputs.medium_oxygen = oxygen,
        Change::Resection(left) => {
            let tumour = &mut state.tumour;
            for cells in [
                &mut tumour.sensitive,
                &mut tumour.resistant,
                &mut tumour.dying_early,
                &mut tumour.dying_late,
            ] {
                *cells *= left;
            }
        }
    }
}

/// A step to begin the next segment with: the largest of the last steps, since the very last is
/// cut to the end of its segment.
fn usual_step(times: &[f64]) -> f64 {
    let from = times.len().saturating_sub(4);
    times[from..]
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .fold(0.0, f64::max)
}
