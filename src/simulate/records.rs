//! Simulation of dosing records: every record is answered with the state right after it.
//!
//! Between records the run is an ordinary [`Problem`] without events. At one time come first the
//! switches of the regimen, ends of infusions and doses that an earlier record has announced
//! (ADDL, or a lag), then the records in their order.
//!
//! * A dose enters its compartment a lag after its time. With it go the part that is absorbed, the
//!   closing of the gallbladder and the start of an infusion. A lag concerns further doses too.
//! * A reset (EVID 3, 4) returns to the untreated baseline, tumour included, and cancels infusions
//!   and doses that have not entered yet, lagged ones among them; its time may lie before the last record.
//! * A dose at steady state concerns the amounts of its drug alone: the tumour has no steady state.
//!   SS 1 replaces them and cancels the drug's infusions and doses still to come, SS 2 adds to them. An
//!   infusion with SS, RATE above 0 and AMT 0 has always run and ends at the record, or a lag after it.
//! * Doses of a steady state are lagged like any other: at the record the drug is where it is `lag` before
//!   the next dose enters, and the dose of the record enters when its lag is over. Of doses with a lag
//!   longer than their interval several are on their way.
//! * The bioavailability of sorafenib follows dose and time on treatment, which counts from its first
//!   dose by mouth since the start or the last reset. Steady states use that of their record.

use super::integrator::{Accuracy, Method};
use super::run::{Problem, apply};
use super::steady_state::{TOLERANCE, gallbladder_onset, steady_state};
use crate::error::{Error, Result};
use crate::model::exposure::{SorafenibAmounts, SorafenibKinetics};
use crate::model::partner::{PartnerAmounts, PartnerKinetics};
use crate::model::{Inputs, Signals, State};
use crate::regimen::{
    Change, Compartment, Drug, Entry, Event, Happening, Record, RecordedDose, SteadyState, Timeline,
};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Times closer than this are one, h.
const SAME_TIME: f64 = 1e-9;

/// The answer to a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// State right after the record.
    pub state: State<f64>,
    /// Its signals.
    pub signals: Signals<f64>,
    /// Inputs in force.
    pub inputs: Inputs,
}

/// What is to come without a record of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pending {
    /// A switch of the regimen, or of the gallbladder.
    Change(Change),
    /// The end of an infusion.
    InfusionEnd(Compartment, f64),
    /// A dose announced by an earlier record, and those that follow it.
    Dose(Series),
}

/// When something happens: by time, at one time by the order in which it was announced.
#[derive(Debug, Clone, Copy)]
struct Due {
    time: f64,
    order: u64,
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.order.cmp(&other.order);
        self.time.total_cmp(&other.time).then(order)
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

/// Doses at an interval, of which the next is number `next`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Series {
    dose: RecordedDose,
    /// Time at which number 0 enters, h.
    start: f64,
    next: u32,
    count: u32,
}

impl Series {
    fn due(&self) -> f64 {
        self.start + f64::from(self.next) * self.dose.interval
    }
}

impl Pending {
    /// Whether a new start of this drug's kinetics cancels it.
    fn belongs_to(&self, drug: Drug) -> bool {
        match self {
            Self::Change(_) => false,
            Self::InfusionEnd(infused, _) => infused.drug == drug,
            Self::Dose(series) => series.dose.compartment.drug == drug,
        }
    }
}

/// Answers `records`, in order of time but for resets, in the world of `problem`: its timeline gives
/// the switches that no record can (partner effects, held levels, oxygen); its doses are left out. `done` is called
/// after each record and each dose that a record has announced.
///
/// # Errors
/// A dose that the model cannot take, a steady state that does not exist, a run that fails.
pub fn answer_records(
    problem: &Problem,
    records: &[Record],
    accuracy: &Accuracy,
    done: &dyn Fn(),
) -> Result<Vec<Answer>> {
    for record in records {
        if let Some(dose) = record.dose() {
            check(problem, dose, &record.place)?;
        }
    }
    // Lanes take what is given from a timeline, and records have none.
    let accuracy = match accuracy.method {
        Method::Lanes => Accuracy::default(),
        Method::Dopri5 | Method::Dop853 => *accuracy,
    };
    let start = records.first().map_or(0.0, |r| r.time);
    let mut run = Run::start(problem, &accuracy, start, done);
    records.iter().map(|record| run.answer(record)).collect()
}

/// Whether the model has the compartment of a dose.
fn check(problem: &Problem, dose: &RecordedDose, place: &str) -> Result<()> {
    let refuse = |problem: &str, remedy: &str| Err(Error::input(place, problem, remedy));
    let model = &problem.model;
    match dose.compartment.drug {
        Drug::Sorafenib if matches!(model.kinetics, SorafenibKinetics::Medium) => refuse(
            "a dose in culture, where the concentration in the medium is clamped",
            "use --setting xenograft or patient",
        ),
        Drug::Sorafenib => Ok(()),
        Drug::Partner(slot) => match &model.partners[slot] {
            None => refuse(
                &format!(
                    "a dose for partner {}, but the arm has none there",
                    slot + 1
                ),
                "name the partner in --arm, such as --arm sorafenib+belzutifan",
            ),
            Some(partner) if matches!(partner.kinetics, PartnerKinetics::Held) => refuse(
                &format!(
                    "a dose for partner {}, which has no kinetics here",
                    slot + 1
                ),
                "use --mode achievable and a partner with kinetics in this setting; imposed effects and held levels follow the regimen",
            ),
            Some(_) => Ok(()),
        },
    }
}

struct Run<'a> {
    problem: &'a Problem,
    accuracy: &'a Accuracy,
    done: &'a dyn Fn(),
    switches: Vec<Event>,
    /// The problem between two events.
    interval: Problem,
    now: f64,
    state: State<f64>,
    inputs: Inputs,
    pending: BTreeMap<Due, Pending>,
    announced: u64,
    first_oral: Option<f64>,
}

impl<'a> Run<'a> {
    fn start(problem: &'a Problem, accuracy: &'a Accuracy, time: f64, done: &'a dyn Fn()) -> Self {
        let switches = problem
            .timeline
            .events
            .iter()
            .filter(|event| {
                !matches!(
                    event.change,
                    Change::Dose { .. } | Change::Infusion { .. } | Change::Gallbladder(_)
                )
            })
            .copied()
            .collect();
        let mut run = Self {
            problem,
            accuracy,
            done,
            switches,
            interval: Problem {
                timeline: Timeline {
                    events: Vec::new(),
                    last_treatment: 0.0,
                    ..problem.timeline.clone()
                },
                ..problem.clone()
            },
            now: time,
            state: problem.baseline,
            inputs: problem.timeline.before,
            pending: BTreeMap::new(),
            announced: 0,
            first_oral: None,
        };
        run.reset(time);
        run
    }

    /// The untreated baseline at `time`, with the regimen's switches as they are then.
    fn reset(&mut self, time: f64) {
        self.now = time;
        self.state = self.problem.baseline;
        self.inputs = self.problem.timeline.before;
        self.first_oral = None;
        self.pending.clear();
        for event in self.switches.clone() {
            if event.time > time {
                self.announce(event.time, Pending::Change(event.change));
            } else if !matches!(event.change, Change::Resection(_)) {
                let mut unmoved = self.state;
                apply(&event.change, &mut unmoved, &mut self.inputs);
            }
        }
    }

    fn announce(&mut self, due: f64, pending: Pending) {
        let order = self.announced;
        self.pending.insert(Due { time: due, order }, pending);
        self.announced += 1;
    }

    fn answer(&mut self, record: &Record) -> Result<Answer> {
        if record.resets() {
            self.reset(record.time);
        }
        self.advance(record.time)?;
        match &record.happening {
            Happening::Observation | Happening::Reset => {}
            Happening::Dose(dose) | Happening::ResetAndDose(dose) => {
                self.take_dose(dose, &record.place)?;
            }
        }
        (self.done)();
        Ok(Answer {
            state: self.state,
            signals: self.problem.model.signals(&self.inputs, &self.state),
            inputs: self.inputs,
        })
    }

    /// Moves to `time` and does all that is due by then.
    fn advance(&mut self, time: f64) -> Result<()> {
        loop {
            let next = self.pending.first_entry();
            let Some(next) = next.filter(|next| next.key().time <= time + SAME_TIME) else {
                return self.integrate(time);
            };
            let (due, pending) = next.remove_entry();
            self.integrate(due.time)?;
            match pending {
                Pending::Change(change) => apply(&change, &mut self.state, &mut self.inputs),
                Pending::InfusionEnd(compartment, rate) => self.infuse(compartment, -rate),
                Pending::Dose(mut series) => {
                    self.give(&series.dose);
                    (self.done)();
                    series.next += 1;
                    if series.next < series.count {
                        let next = Due {
                            time: series.due(),
                            ..due
                        };
                        self.pending.insert(next, Pending::Dose(series));
                    }
                }
            }
        }
    }

    /// Integrates to `time` with nothing happening on the way.
    fn integrate(&mut self, time: f64) -> Result<()> {
        let length = time - self.now;
        if length <= SAME_TIME {
            return Ok(());
        }
        self.interval.baseline = self.state;
        self.interval.timeline.before = self.inputs;
        self.interval.timeline.duration = length;
        let outcome = self
            .interval
            .run(self.accuracy, &mut [])
            .map_err(|error| match error {
                Error::Run {
                    run,
                    state,
                    time_h,
                    cause,
                    remedy,
                } => Error::Run {
                    run,
                    state,
                    time_h: self.now + time_h,
                    cause,
                    remedy,
                },
                other => other,
            })?;
        self.state = outcome.end;
        self.now = time;
        Ok(())
    }

    /// A dose of a record, with its steady state and the doses that it announces.
    fn take_dose(&mut self, dose: &RecordedDose, place: &str) -> Result<()> {
        let mut start = self.now + dose.lag;
        let mut count = dose.additional.saturating_add(1);
        if dose.steady_state != SteadyState::No {
            self.reach_steady_state(dose, place)?;
            // Doses of the steady state that have not entered yet, then the further ones.
            let implied = dose.implied();
            start -= (implied - 1.0) * dose.interval;
            count = (implied as u32).saturating_add(dose.additional);
        } else if dose.lag <= 0.0 {
            self.give(dose);
            start += dose.interval;
            count = dose.additional;
        }
        if count > 0 {
            let series = Series {
                dose: *dose,
                start,
                next: 0,
                count,
            };
            self.announce(start, Pending::Dose(series));
        }
        Ok(())
    }

    /// A single dose that enters now.
    fn give(&mut self, dose: &RecordedDose) {
        match dose.entry(self.absorbed(dose)) {
            Entry::Bolus(amount) => *self.amount(dose.compartment) += amount,
            Entry::Infusion { rate, length } => {
                self.start_infusion(dose.compartment, rate, length);
            }
        }
        self.move_gallbladder(dose.compartment.drug, 0.0);
    }

    fn start_infusion(&mut self, compartment: Compartment, rate: f64, length: f64) {
        self.infuse(compartment, rate);
        let end = Pending::InfusionEnd(compartment, rate);
        self.announce(self.now + length, end);
    }

    /// Adds to the infusion rate into a compartment; without any running infusion it is exactly 0.
    fn infuse(&mut self, compartment: Compartment, change: f64) {
        let mut pending = self.pending.values();
        let others = pending
            .any(|pending| matches!(pending, Pending::InfusionEnd(c, _) if *c == compartment));
        let rate = match (compartment.drug, compartment.central) {
            (Drug::Sorafenib, true) => &mut self.inputs.sorafenib.infusion,
            (Drug::Sorafenib, false) => &mut self.inputs.sorafenib.depot_infusion,
            (Drug::Partner(slot), true) => &mut self.inputs.partners[slot].infusion,
            (Drug::Partner(slot), false) => &mut self.inputs.partners[slot].depot_infusion,
        };
        *rate = if change < 0.0 && !others {
            0.0
        } else {
            *rate + change
        };
    }

    /// Part of a dose that reaches its compartment, mg.
    fn absorbed(&mut self, dose: &RecordedDose) -> f64 {
        let by_mouth = !dose.compartment.central && dose.compartment.drug == Drug::Sorafenib;
        let fraction = match self.problem.model.kinetics.absorption() {
            Some(absorption) if by_mouth => {
                let first = *self.first_oral.get_or_insert(self.now);
                absorption.fraction(dose.amount, self.now - first)
            }
            _ => 1.0,
        };
        dose.amount * fraction * dose.bioavailability
    }

    /// The gallbladder closed at a dose of sorafenib `since` h ago and opens t' after it.
    fn move_gallbladder(&mut self, drug: Drug, since: f64) {
        let Some(onset) = gallbladder_onset(&self.problem.model, drug) else {
            return;
        };
        let opening = Pending::Change(Change::Gallbladder(true));
        self.pending.retain(|_, pending| *pending != opening);
        self.inputs.sorafenib.gallbladder_open = since >= onset;
        if since < onset {
            self.announce(self.now + onset - since, opening);
        }
    }

    fn reach_steady_state(&mut self, dose: &RecordedDose, place: &str) -> Result<()> {
        let drug = dose.compartment.drug;
        let entry = dose.entry(self.absorbed(dose));
        // Time since the last dose that has entered.
        let since = (dose.implied() * dose.interval - dose.lag).max(0.0);
        let steady = steady_state(&self.problem.model, dose, entry, since)
            .ok_or_else(|| self.no_steady_state(dose, place))?;
        if dose.steady_state == SteadyState::Replaces {
            self.cancel(drug);
            self.set_amounts(drug, |_| 0.0);
        }
        let mut amounts = steady.into_iter();
        self.set_amounts(drug, |present| present + amounts.next().unwrap_or_default());
        if let Entry::Infusion { rate, length } = entry {
            if dose.is_constant() {
                if dose.lag > 0.0 {
                    self.start_infusion(dose.compartment, rate, dose.lag);
                }
                self.move_gallbladder(drug, f64::INFINITY);
                return Ok(());
            }
            // Of the infusions that have begun, those that still run.
            let mut left = length - since;
            while left > SAME_TIME {
                self.start_infusion(dose.compartment, rate, left);
                left -= dose.interval;
            }
        }
        self.move_gallbladder(drug, since);
        Ok(())
    }

    fn no_steady_state(&self, dose: &RecordedDose, place: &str) -> Error {
        let onset = gallbladder_onset(&self.problem.model, dose.compartment.drug);
        match onset {
            Some(onset) if !dose.is_constant() && dose.interval <= onset => Error::input(
                place,
                format!(
                    "this dose has no steady state: given every {} h it keeps the gallbladder closed, which opens {onset} h after a dose and fills without end",
                    dose.interval
                ),
                format!("give II above {onset} h"),
            ),
            _ => Error::input(
                place,
                format!(
                    "this dose has no steady state: its amounts do not return to within {TOLERANCE} of the largest in a period, or are no numbers"
                ),
                "a compartment fills without end, or AMT, RATE or II is far from anything real",
            ),
        }
    }

    /// Ends infusions of a drug and forgets its doses still to come.
    fn cancel(&mut self, drug: Drug) {
        self.pending.retain(|_, pending| !pending.belongs_to(drug));
        for central in [false, true] {
            self.infuse(Compartment { drug, central }, -1.0);
        }
    }

    /// The amount in a compartment.
    fn amount(&mut self, compartment: Compartment) -> &mut f64 {
        match (compartment.drug, compartment.central) {
            (Drug::Sorafenib, false) => &mut self.state.sorafenib.depot,
            (Drug::Sorafenib, true) => &mut self.state.sorafenib.central,
            (Drug::Partner(slot), false) => &mut self.state.partners[slot].depot,
            (Drug::Partner(slot), true) => &mut self.state.partners[slot].central,
        }
    }

    /// Changes the amounts of a drug in the body, in the order of its states.
    fn set_amounts(&mut self, drug: Drug, mut change: impl FnMut(f64) -> f64) {
        let changed = |values: Vec<f64>, change: &mut dyn FnMut(f64) -> f64| {
            // The eliminated amount stands last and stays.
            let last = values.len().saturating_sub(1);
            let mut out = Vec::with_capacity(values.len());
            for (i, value) in values.into_iter().enumerate() {
                out.push(if i < last { change(value) } else { value });
            }
            out
        };
        let mut values = Vec::new();
        match drug {
            Drug::Sorafenib => {
                self.state.sorafenib.give(&mut |value| values.push(value));
                let mut values = changed(values, &mut change).into_iter();
                let mut next = || values.next().unwrap_or_default();
                self.state.sorafenib = SorafenibAmounts::take(&mut next);
            }
            Drug::Partner(slot) => {
                self.state.partners[slot].give(&mut |value| values.push(value));
                let mut values = changed(values, &mut change).into_iter();
                let mut next = || values.next().unwrap_or_default();
                self.state.partners[slot] = PartnerAmounts::take(&mut next);
            }
        }
    }
}
