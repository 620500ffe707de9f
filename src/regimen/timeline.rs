//! The exact events of a run, in order.

use super::drug::{Dosing, PartnerDrug};
use super::schedule::{Course, Regimen};
use crate::error::{Error, Result};
use crate::model::exposure::SorafenibKinetics;
use crate::model::partner::PartnerAction;
use crate::model::{Inputs, Model, PARTNER_SLOTS};
use crate::parameters::bounds::DOSES;
use crate::units::Quantity;

/// A drug of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drug {
    /// Sorafenib.
    Sorafenib,
    /// The partner in this slot, from 0.
    Partner(usize),
}

impl Drug {
    /// Its place among the drugs of a run: sorafenib, then the partners.
    pub fn slot(self) -> usize {
        match self {
            Self::Sorafenib => 0,
            Self::Partner(slot) => 1 + slot,
        }
    }
}

/// What changes at an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// A dose into the depot.
    Dose {
        /// Drug given.
        drug: Drug,
        /// Amount given, mg.
        given: f64,
        /// Part of it that is absorbed, mg.
        absorbed: f64,
    },
    /// The infusion rate from now on, mg/h.
    Infusion {
        /// Drug infused.
        drug: Drug,
        /// Total rate of all running infusions, mg/h.
        rate: f64,
    },
    /// Concentration of sorafenib in the medium from now on, mg/L.
    Medium(f64),
    /// Held concentration of a partner from now on, nM.
    Held(usize, f64),
    /// Whether a partner is being given from now on.
    Given(usize, bool),
    /// Whether the gallbladder is open from now on.
    Gallbladder(bool),
    /// pO2 of the medium from now on, mmHg.
    MediumOxygen(f64),
    /// A resection that leaves this part of the tumour.
    Resection(f64),
}

/// A change at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event {
    /// Time, h.
    pub time: f64,
    /// What changes.
    pub change: Change,
}

/// All events of a run, sorted by time, and its length.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// Events by time; at one time in the order of cause: levels, gates, doses.
    pub events: Vec<Event>,
    /// End of the run, h.
    pub duration: f64,
    /// Times at which arms are compared, h, the main one first; never empty.
    pub evaluations: Vec<f64>,
    /// Inputs before the first event.
    pub before: Inputs,
    /// Last time at which any drug is still being given, h; 0 without drug.
    pub last_treatment: f64,
}

/// What a timeline gives.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Totals {
    /// Of each drug, by [`Drug::slot`].
    pub drugs: [DrugTotal; 1 + PARTNER_SLOTS],
    /// Whether any is infused.
    pub infused: bool,
    /// Times at which anything happens.
    pub moments: usize,
}

/// What a timeline gives of one drug.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DrugTotal {
    /// Whether it is dosed or infused at all.
    pub used: bool,
    /// Amount given by doses and infusions, mg.
    pub given: f64,
    /// Part of it that is absorbed, mg.
    pub absorbed: f64,
    /// Largest absorbed amount of a dose, mg, or an hour's worth of an infusion.
    pub largest: f64,
}

impl DrugTotal {
    fn infuse(&mut self, amount: f64) {
        self.given += amount;
        self.absorbed += amount;
    }
}

/// An infusion: start, end, rate.
type Infusion = (f64, f64, f64);

struct Builder<'a> {
    model: &'a Model<f64>,
    duration: f64,
    events: Vec<Event>,
    last_treatment: f64,
    /// Doses and on-windows of all courses.
    doses: f64,
}

impl Timeline {
    /// The events of a regimen for the drugs of an arm: `sorafenib` or not, and the partners in
    /// their slots.
    ///
    /// # Errors
    /// An amount whose unit does not fit the setting, a course that needs an interval and has none, or
    /// more doses than a run may have.
    pub fn build(
        regimen: &Regimen,
        model: &Model<f64>,
        sorafenib: bool,
        partners: &[PartnerDrug],
    ) -> Result<Self> {
        let mut builder = Builder {
            model,
            duration: regimen.duration,
            events: Vec::new(),
            last_treatment: 0.0,
            doses: 0.0,
        };
        let mut before = Inputs::default();
        if let Some(oxygen) = regimen.oxygen_before {
            before.medium_oxygen = oxygen;
        }
        for step in &regimen.oxygen {
            builder.push(step.at, Change::MediumOxygen(step.oxygen));
        }
        for resection in &regimen.resection {
            builder.push(resection.at, Change::Resection(1.0 - resection.removed));
        }
        if sorafenib {
            builder.sorafenib(&regimen.sorafenib)?;
        }
        for (slot, drug) in partners.iter().enumerate() {
            let default = [Course::plain(&format!("partner `{}`", drug.name))];
            let courses = if regimen.partner.is_empty() {
                &default[..]
            } else {
                &regimen.partner[..]
            };
            builder.partner(slot, drug, courses)?;
        }
        builder.events.sort_by(|a, b| {
            a.time
                .total_cmp(&b.time)
                .then(rank(&a.change).cmp(&rank(&b.change)))
        });
        Ok(Self {
            events: builder.events,
            evaluations: evaluations(regimen),
            duration: regimen.duration,
            before,
            last_treatment: builder.last_treatment,
        })
    }

    /// What is given of each drug, in one pass through the events.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        let mut running = [(0.0, 0.0); 1 + PARTNER_SLOTS];
        let mut last = f64::NEG_INFINITY;
        for event in &self.events {
            if event.time - last > 1e-9 {
                totals.moments += 1;
                last = event.time;
            }
            match event.change {
                Change::Dose {
                    drug,
                    given,
                    absorbed,
                } => {
                    let total = &mut totals.drugs[drug.slot()];
                    total.used = true;
                    total.given += given;
                    total.absorbed += absorbed;
                    total.largest = total.largest.max(absorbed);
                }
                Change::Infusion { drug, rate } => {
                    let total = &mut totals.drugs[drug.slot()];
                    let running = &mut running[drug.slot()];
                    total.used = true;
                    total.infuse(running.1 * (event.time - running.0));
                    total.largest = total.largest.max(rate);
                    totals.infused = true;
                    *running = (event.time, rate);
                }
                _ => {}
            }
        }
        for (total, (since, rate)) in totals.drugs.iter_mut().zip(running) {
            total.infuse(rate * (self.duration - since));
        }
        totals
    }

    /// The times at which sorafenib is dosed or its infusion changes, h.
    pub fn sorafenib_times(&self) -> Vec<f64> {
        self.events
            .iter()
            .filter(|event| {
                matches!(
                    event.change,
                    Change::Dose {
                        drug: Drug::Sorafenib,
                        ..
                    } | Change::Infusion {
                        drug: Drug::Sorafenib,
                        ..
                    } | Change::Medium(_)
                )
            })
            .map(|event| event.time)
            .collect()
    }
}

/// The regimen's evaluation times within the run, and its end if none is left.
fn evaluations(regimen: &Regimen) -> Vec<f64> {
    let within = regimen.evaluations.iter().copied();
    let mut times: Vec<f64> = within.filter(|time| *time <= regimen.duration).collect();
    if times.is_empty() {
        times.push(regimen.duration);
    }
    times
}

/// Order of changes at one time: surroundings, infusions, gate closing, then doses.
fn rank(change: &Change) -> u8 {
    match change {
        Change::MediumOxygen(_) | Change::Resection(_) => 0,
        Change::Medium(_) | Change::Held(..) | Change::Given(..) => 1,
        Change::Infusion { .. } => 2,
        Change::Gallbladder(_) => 3,
        Change::Dose { .. } => 4,
    }
}

impl Builder<'_> {
    fn push(&mut self, time: f64, change: Change) {
        if time < self.duration {
            self.events.push(Event { time, change });
        }
    }

    fn body_weight(&self) -> Option<f64> {
        self.model.kinetics.absorption().map(|a| a.body_weight)
    }

    /// Counts doses or on-windows before they are listed.
    ///
    /// # Errors
    /// More than a run may have.
    fn count(&mut self, doses: f64, course: &Course) -> Result<()> {
        self.doses += doses.ceil();
        DOSES.check(self.doses, &course.place)?;
        Ok(())
    }

    /// On-windows of a course within the run, h.
    fn windows(&mut self, course: &Course) -> Result<Vec<(f64, f64)>> {
        if let Some(cycle) = course.cycle {
            let length = course.stop.unwrap_or(self.duration).min(self.duration) - course.start;
            self.count(length.max(0.0) / (cycle.on + cycle.off), course)?;
        }
        let stop = course.stop.unwrap_or(self.duration).min(self.duration);
        let mut windows = Vec::new();
        let mut start = course.start;
        while start < stop {
            let end = course
                .cycle
                .map_or(stop, |cycle| (start + cycle.on).min(stop));
            windows.push((start, end));
            self.last_treatment = self.last_treatment.max(end);
            match course.cycle {
                Some(cycle) => start += cycle.on + cycle.off,
                None => break,
            }
        }
        Ok(windows)
    }

    /// Times of the doses of a course; no dose at the end of a window.
    fn dose_times(&mut self, course: &Course, interval: f64) -> Result<Vec<f64>> {
        let mut times = Vec::new();
        for (start, end) in self.windows(course)? {
            self.count((end - start) / interval, course)?;
            let mut n = 0u32;
            loop {
                let time = start + f64::from(n) * interval;
                if time >= end {
                    break;
                }
                times.push(time);
                n += 1;
            }
        }
        Ok(times)
    }

    fn sorafenib(&mut self, courses: &[Course]) -> Result<()> {
        let Some(absorption) = self.model.kinetics.absorption().cloned() else {
            return self.sorafenib_medium(courses);
        };
        let first = courses
            .iter()
            .map(|c| c.start)
            .fold(f64::INFINITY, f64::min);
        let mut times = Vec::new();
        let mut infusions = Vec::new();
        for course in courses {
            let interval = course.interval.ok_or_else(|| {
                Error::input(
                    &course.place,
                    "the interval is missing",
                    "give interval = \"12 h\" or the like",
                )
            })?;
            for (i, time) in self.dose_times(course, interval)?.into_iter().enumerate() {
                let amount = if i == 0 {
                    course.loading.as_ref()
                } else {
                    None
                };
                let Some(amount) = amount.or(course.amount.as_ref()) else {
                    continue;
                };
                let given = self.milligrams(amount, &course.place)?;
                times.push(time);
                match course.infusion {
                    Some(length) => infusions.push((time, time + length, given / length)),
                    None => {
                        let absorbed = given * absorption.fraction(given, time - first);
                        self.push(
                            time,
                            Change::Dose {
                                drug: Drug::Sorafenib,
                                given,
                                absorbed,
                            },
                        );
                    }
                }
            }
        }
        self.infusions(Drug::Sorafenib, &infusions);
        self.gallbladder(times);
        Ok(())
    }

    /// The gallbladder closes at a dose, by mouth or not, and opens t' later unless the next dose comes first.
    fn gallbladder(&mut self, mut doses: Vec<f64>) {
        let SorafenibKinetics::Enterohepatic(parameters, _) = &self.model.kinetics else {
            return;
        };
        let onset = parameters.gallbladder_onset;
        doses.sort_by(f64::total_cmp);
        for (i, dose) in doses.iter().enumerate() {
            self.push(*dose, Change::Gallbladder(false));
            let opens = dose + onset;
            if doses.get(i + 1).is_none_or(|next| opens < *next) {
                self.push(opens, Change::Gallbladder(true));
            }
        }
    }

    fn sorafenib_medium(&mut self, courses: &[Course]) -> Result<()> {
        let molar_mass = self.model.sorafenib.molar_mass;
        for course in courses {
            let Some(amount) = &course.amount else {
                continue;
            };
            let level = concentration(amount, molar_mass, &course.place)? * molar_mass * 1e-6;
            for (start, end) in self.windows(course)? {
                self.push(start, Change::Medium(level));
                self.push(end, Change::Medium(0.0));
            }
        }
        Ok(())
    }

    fn partner(&mut self, slot: usize, drug: &PartnerDrug, courses: &[Course]) -> Result<()> {
        drug.demand_known(courses)?;
        let imposed = matches!(drug.partner.action, PartnerAction::Imposed(_));
        let mut infusions = Vec::new();
        for course in courses {
            if imposed {
                for (start, end) in self.windows(course)? {
                    self.push(start, Change::Given(slot, true));
                    self.push(end, Change::Given(slot, false));
                }
                continue;
            }
            match drug.dosing {
                Dosing::Held(own) => {
                    let level = match &course.amount {
                        Some(amount) => Some(concentration(
                            amount,
                            drug.partner.molar_mass,
                            &course.place,
                        )?),
                        None => own,
                    };
                    let level = level.ok_or_else(|| Error::Unknown {
                        place: course.place.clone(),
                        what: format!("exposure to `{}`", drug.name),
                        remedy: "give the course an amount".to_owned(),
                    })?;
                    for (start, end) in self.windows(course)? {
                        self.push(start, Change::Held(slot, level));
                        self.push(end, Change::Held(slot, 0.0));
                    }
                }
                Dosing::Oral { amount, interval } => {
                    let interval = course.interval.unwrap_or(interval);
                    for (i, time) in self.dose_times(course, interval)?.into_iter().enumerate() {
                        let loading = if i == 0 {
                            course.loading.as_ref()
                        } else {
                            None
                        };
                        let given = match loading.or(course.amount.as_ref()) {
                            Some(amount) => self.milligrams(amount, &course.place)?,
                            None => amount,
                        };
                        match course.infusion {
                            Some(length) => infusions.push((time, time + length, given / length)),
                            None => self.push(
                                time,
                                Change::Dose {
                                    drug: Drug::Partner(slot),
                                    given,
                                    absorbed: given,
                                },
                            ),
                        }
                    }
                }
            }
        }
        self.infusions(Drug::Partner(slot), &infusions);
        Ok(())
    }

    /// Edges of infusions with the total rate from each edge on; exactly 0 when none runs.
    fn infusions(&mut self, drug: Drug, infusions: &[Infusion]) {
        let mut edges: Vec<f64> = infusions.iter().flat_map(|(s, e, _)| [*s, *e]).collect();
        edges.sort_by(f64::total_cmp);
        edges.dedup_by(|a, b| a.total_cmp(b).is_eq());
        let longest = infusions.iter().map(|(s, e, _)| e - s).fold(0.0, f64::max);
        let mut sorted = infusions.to_vec();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        for edge in edges {
            // Those that may still run, with room for rounding; the earlier have ended, the later not begun.
            let first = sorted.partition_point(|(start, ..)| *start + 1.001 * longest < edge);
            let last = sorted.partition_point(|(start, ..)| *start <= edge);
            let rate = sorted[first..last]
                .iter()
                .filter(|(start, end, _)| *start <= edge && edge < *end)
                .map(|(_, _, rate)| rate)
                .sum();
            self.push(edge, Change::Infusion { drug, rate });
        }
    }

    /// A dose in mg, from mg or mg/kg.
    fn milligrams(&self, amount: &Quantity, place: &str) -> Result<f64> {
        if let Ok(milligrams) = amount.to("mg") {
            return Ok(milligrams);
        }
        match (amount.to("mg/kg"), self.body_weight()) {
            (Ok(per_kg), Some(weight)) => Ok(per_kg * weight),
            _ => Err(Error::input(
                place,
                format!("`{amount}` is no dose"),
                "give mg or mg/kg, for instance \"30 mg/kg\"",
            )),
        }
    }
}

/// A concentration in nM, from molar units or mass per volume.
fn concentration(amount: &Quantity, molar_mass: f64, place: &str) -> Result<f64> {
    amount
        .to("nM")
        .or_else(|_| amount.to("mg/L").map(|mass| mass * 1e6 / molar_mass))
        .map_err(|_| {
            Error::input(
                place,
                format!("`{amount}` is no concentration"),
                "in culture, and for held levels, give µM, nM or mg/L",
            )
        })
}
