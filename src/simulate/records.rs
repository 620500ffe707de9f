//! Simulation of dosing records: every record is answered with the state right after it.
//!
//! Between records the run is an ordinary [`Problem`] without events. At one time come first the
//! switches of the regimen, ends of infusions and doses that an earlier record has announced
//! (ADDL), then the records in their order.
//!
//! * A reset (EVID 3, 4) returns to the untreated baseline, tumour included, and cancels infusions
//!   and announced doses; its time may lie before the last record.
//! * A dose at steady state concerns the amounts of its drug alone: the tumour has no steady state.
//!   SS 1 replaces them and cancels the drug's infusions and announced doses, SS 2 adds to them. An
//!   infusion with SS, RATE above 0 and AMT 0 has run for ever and ends at the record.
//! * The bioavailability of sorafenib follows dose and time on treatment, which counts from its first
//!   dose by mouth since the start or the last reset. Steady states use that of their record.

use super::integrator::Accuracy;
use super::run::{Problem, apply};
use super::steady_state::{TOLERANCE, steady_state};
use crate::error::{Error, Result};
use crate::model::exposure::{SorafenibAmounts, SorafenibKinetics};
use crate::model::partner::{PartnerAmounts, PartnerKinetics};
use crate::model::{Inputs, Signals, State};
use crate::regimen::{
    Change, Compartment, Drug, Event, Happening, Record, RecordedDose, SteadyState, Timeline,
};

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
    InfusionEnd(Drug, f64),
    /// A dose announced by an earlier record.
    Dose(RecordedDose),
}

impl Pending {
    /// Whether a new start of this drug's kinetics cancels it.
    fn belongs_to(&self, drug: Drug) -> bool {
        match self {
            Self::Change(_) => false,
            Self::InfusionEnd(infused, _) => *infused == drug,
            Self::Dose(dose) => dose.compartment.drug == drug,
        }
    }
}

/// Answers `records`, in order of time but for resets, in the world of `problem`: its timeline gives
/// the switches that no record can (partner effects, held levels, oxygen); its doses are left out.
///
/// # Errors
/// A dose that the model cannot take, a steady state that does not exist, a run that fails.
pub fn answer_records(
    problem: &Problem,
    records: &[Record],
    accuracy: &Accuracy,
) -> Result<Vec<Answer>> {
    for record in records {
        if let Some(dose) = record.dose() {
            check(problem, dose, &record.place)?;
        }
    }
    let mut run = Run::start(problem, accuracy, records.first().map_or(0.0, |r| r.time));
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
    switches: Vec<Event>,
    now: f64,
    state: State<f64>,
    inputs: Inputs,
    pending: Vec<(f64, Pending)>,
    first_oral: Option<f64>,
}

impl<'a> Run<'a> {
    fn start(problem: &'a Problem, accuracy: &'a Accuracy, time: f64) -> Self {
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
            switches,
            now: time,
            state: problem.baseline,
            inputs: problem.timeline.before,
            pending: Vec::new(),
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
        for event in &self.switches {
            if event.time > time {
                self.pending
                    .push((event.time, Pending::Change(event.change)));
            } else if !matches!(event.change, Change::Resection(_)) {
                let mut unmoved = self.state;
                apply(&event.change, &mut unmoved, &mut self.inputs);
            }
        }
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
        Ok(Answer {
            state: self.state,
            signals: self.problem.model.signals(&self.inputs, &self.state),
            inputs: self.inputs,
        })
    }

    /// Moves to `time` and does all that is due by then.
    fn advance(&mut self, time: f64) -> Result<()> {
        loop {
            // The first of the earliest: what was announced first comes first.
            let next = self
                .pending
                .iter()
                .enumerate()
                .filter(|(_, (due, _))| *due <= time + SAME_TIME)
                .min_by(|(i, (a, _)), (j, (b, _))| a.total_cmp(b).then(i.cmp(j)))
                .map(|(i, _)| i);
            let Some(next) = next else {
                return self.integrate(time);
            };
            let (due, pending) = self.pending.remove(next);
            self.integrate(due)?;
            match pending {
                Pending::Change(change) => apply(&change, &mut self.state, &mut self.inputs),
                Pending::InfusionEnd(drug, rate) => self.infuse(drug, -rate),
                Pending::Dose(dose) => self.give(&dose),
            }
        }
    }

    /// Integrates to `time` with nothing happening on the way.
    fn integrate(&mut self, time: f64) -> Result<()> {
        let length = time - self.now;
        if length <= SAME_TIME {
            return Ok(());
        }
        let stretch = Problem {
            label: self.problem.label.clone(),
            model: self.problem.model.clone(),
            baseline: self.state,
            timeline: Timeline {
                events: Vec::new(),
                duration: length,
                evaluations: vec![length],
                before: self.inputs,
                last_treatment: 0.0,
            },
        };
        let outcome = stretch
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
        match dose.steady_state {
            SteadyState::No => self.give(dose),
            SteadyState::Replaces | SteadyState::Adds => self.reach_steady_state(dose, place)?,
        }
        for n in 1..=dose.additional {
            let further = RecordedDose {
                steady_state: SteadyState::No,
                additional: 0,
                ..*dose
            };
            let due = self.now + f64::from(n) * dose.interval;
            self.pending.push((due, Pending::Dose(further)));
        }
        Ok(())
    }

    /// A single dose, now.
    fn give(&mut self, dose: &RecordedDose) {
        if dose.rate > 0.0 {
            self.start_infusion(dose, dose.length());
            return;
        }
        let absorbed = self.absorbed(dose);
        *self.amount(dose.compartment) += absorbed;
        self.move_gallbladder(dose);
    }

    fn start_infusion(&mut self, dose: &RecordedDose, length: f64) {
        let drug = dose.compartment.drug;
        self.infuse(drug, dose.rate);
        let end = Pending::InfusionEnd(drug, dose.rate);
        self.pending.push((self.now + length, end));
    }

    /// Adds to the infusion rate of a drug; without any running infusion it is exactly 0.
    fn infuse(&mut self, drug: Drug, change: f64) {
        let others = self
            .pending
            .iter()
            .any(|(_, pending)| matches!(pending, Pending::InfusionEnd(d, _) if *d == drug));
        let rate = match drug {
            Drug::Sorafenib => &mut self.inputs.sorafenib.infusion,
            Drug::Partner(slot) => &mut self.inputs.partners[slot].infusion,
        };
        *rate = if change < 0.0 && !others {
            0.0
        } else {
            *rate + change
        };
    }

    /// Part of a dose at once that reaches its compartment, mg.
    fn absorbed(&mut self, dose: &RecordedDose) -> f64 {
        let by_mouth = !dose.compartment.central && dose.compartment.drug == Drug::Sorafenib;
        match self.problem.model.kinetics.absorption() {
            Some(absorption) if by_mouth => {
                let first = *self.first_oral.get_or_insert(self.now);
                dose.amount * absorption.fraction(dose.amount, self.now - first)
            }
            _ => dose.amount,
        }
    }

    /// The gallbladder closes at a dose of sorafenib by mouth and opens t' later.
    fn move_gallbladder(&mut self, dose: &RecordedDose) {
        let SorafenibKinetics::Enterohepatic(parameters, _) = &self.problem.model.kinetics else {
            return;
        };
        if dose.compartment.central || dose.compartment.drug != Drug::Sorafenib {
            return;
        }
        self.inputs.sorafenib.gallbladder_open = false;
        let opening = Pending::Change(Change::Gallbladder(true));
        self.pending.retain(|(_, pending)| *pending != opening);
        self.pending
            .push((self.now + parameters.gallbladder_onset, opening));
    }

    fn reach_steady_state(&mut self, dose: &RecordedDose, place: &str) -> Result<()> {
        let drug = dose.compartment.drug;
        let absorbed = self.absorbed(dose);
        let open = self.inputs.sorafenib.gallbladder_open;
        let steady = steady_state(&self.problem.model, dose, absorbed, open).ok_or_else(|| {
            Error::input(
                place,
                format!(
                    "this dose has no steady state: its amounts do not return to within {TOLERANCE} in a period"
                ),
                "a compartment fills without end; for sorafenib in patients II must exceed the time at which the gallbladder opens",
            )
        })?;
        if dose.steady_state == SteadyState::Replaces {
            self.cancel(drug);
            self.set_amounts(drug, |_| 0.0);
        }
        let mut amounts = steady.into_iter();
        self.set_amounts(drug, |present| present + amounts.next().unwrap_or_default());
        if dose.rate > 0.0 && dose.interval > 0.0 {
            // The infusion of the record and those before it that still run.
            let length = dose.length();
            let mut left = length;
            while left > SAME_TIME {
                self.start_infusion(dose, left);
                left -= dose.interval;
            }
        } else if dose.rate <= 0.0 {
            self.move_gallbladder(dose);
        }
        Ok(())
    }

    /// Ends infusions of a drug and forgets its announced doses.
    fn cancel(&mut self, drug: Drug) {
        self.pending
            .retain(|(_, pending)| !pending.belongs_to(drug));
        self.infuse(drug, -1.0);
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
