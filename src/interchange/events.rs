//! A timeline as assignments to named quantities, one list per time.
//!
//! Solvers that scale their tolerance with each state at an event (libRoadRunner does) cannot start a step from an
//! amount of 1e-100 mg that a dose is about to raise. So an event first sets to 0 what is left of earlier doses and
//! weighs less than a molecule: see [`NEGLIGIBLE`].

use super::equations::Equations;
use crate::model::PARTNER_SLOTS;
use crate::regimen::{Change, Drug, Timeline};
use std::collections::BTreeSet;

/// Amounts below this are set to 0 at events, mg. A molecule of 60 g/mol weighs 1e-19 mg.
pub const NEGLIGIBLE: f64 = 1e-20;

/// Part of a dose that must be left for an amount to be kept without a look: far above [`NEGLIGIBLE`] for every dose,
/// also where rates are changed a few-fold in the exported model.
const FADED: f64 = 1e-14;

/// What an event does to a quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Update {
    /// The quantity becomes this.
    Set(f64),
    /// This is added.
    Add(f64),
    /// The quantity is multiplied by this.
    Scale(f64),
}

impl Update {
    /// The value of a quantity after the update.
    pub fn apply(self, before: f64) -> f64 {
        match self {
            Self::Set(value) => value,
            Self::Add(amount) => before + amount,
            Self::Scale(factor) => before * factor,
        }
    }
}

/// All that happens at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Jump {
    /// Time, h.
    pub time: f64,
    /// Amounts of drugs that are set to 0 before the updates where they are below [`NEGLIGIBLE`].
    pub faded: Vec<String>,
    /// Quantities and what happens to them, each quantity once.
    pub updates: Vec<(String, Update)>,
    /// In words.
    pub words: Vec<String>,
}

const TUMOUR: [&str; 4] = ["sensitive", "resistant", "dying_early", "dying_late"];

/// Events closer than this are one, as in the simulation, h.
const SAME_TIME: f64 = 1e-9;

/// The jumps of a timeline, by time, in a model of these equations; `partners` names sorafenib's partners.
pub fn jumps(timeline: &Timeline, partners: &[String], equations: &Equations) -> Vec<Jump> {
    let losses = equations.losses();
    let mut given: [Option<f64>; 1 + PARTNER_SLOTS] = [None; 1 + PARTNER_SLOTS];
    let mut jumps: Vec<Jump> = Vec::new();
    for event in &timeline.events {
        let same = jumps
            .last()
            .is_some_and(|jump| event.time <= jump.time + SAME_TIME);
        if !same {
            jumps.push(Jump {
                time: event.time,
                faded: faded(event.time, &given, &losses),
                updates: Vec::new(),
                words: Vec::new(),
            });
        }
        if let Change::Dose { drug, .. } | Change::Infusion { drug, .. } = event.change {
            given[drug.slot()] = Some(event.time);
        }
        if let Some(jump) = jumps.last_mut() {
            for (id, update) in updates(&event.change) {
                jump.add(id, update);
            }
            jump.words.push(words(&event.change, partners));
        }
    }
    jumps
}

/// Amounts of which so little may be left at `time` that they must be looked at, when the drugs were last given at the times
/// `given`, by slot, and leave their compartments at the rates `losses`.
fn faded(time: f64, given: &[Option<f64>], losses: &[(String, f64)]) -> Vec<String> {
    let drugs = std::iter::once(Drug::Sorafenib).chain((0..PARTNER_SLOTS).map(Drug::Partner));
    let left = |id: &str, loss: f64| {
        let mut own = drugs.clone().filter(|drug| id.starts_with(&prefix(*drug)));
        let last = own.next().and_then(|drug| given[drug.slot()]);
        last.map(|last| (-loss * (time - last)).exp())
    };
    let few = losses
        .iter()
        .filter(|(id, loss)| left(id, *loss).is_some_and(|left| left < FADED));
    few.map(|(id, _)| id.clone()).collect()
}

/// What the names of a drug's states begin with.
fn prefix(drug: Drug) -> String {
    match drug {
        Drug::Sorafenib => "sorafenib_".to_owned(),
        Drug::Partner(slot) => format!("partner{}_", slot + 1),
    }
}

impl Jump {
    fn add(&mut self, id: String, update: Update) {
        match self.updates.iter_mut().find(|(known, _)| *known == id) {
            Some((_, earlier)) => *earlier = combine(*earlier, update),
            None => self.updates.push((id, update)),
        }
    }
}

/// Two updates of one quantity as one. Doses add and resections multiply; no quantity has both.
fn combine(first: Update, then: Update) -> Update {
    match (first, then) {
        (Update::Add(a), Update::Add(b)) => Update::Add(a + b),
        (Update::Scale(a), Update::Scale(b)) => Update::Scale(a * b),
        (Update::Set(a), then) => Update::Set(then.apply(a)),
        (_, then) => then,
    }
}

/// Identifiers of states that a timeline can change.
pub fn touched(timeline: &Timeline) -> BTreeSet<String> {
    timeline
        .events
        .iter()
        .flat_map(|event| updates(&event.change))
        .map(|(id, _)| id)
        .collect()
}

fn updates(change: &Change) -> Vec<(String, Update)> {
    let depot = |drug: Drug| prefix(drug) + "depot_mg";
    let infusion = |drug: Drug| prefix(drug) + "infusion";
    match *change {
        Change::Dose { drug, absorbed, .. } => vec![(depot(drug), Update::Add(absorbed))],
        Change::Infusion { drug, rate } => vec![(infusion(drug), Update::Set(rate))],
        Change::Medium(level) => vec![("sorafenib_medium".to_owned(), Update::Set(level))],
        Change::Held(slot, level) => {
            vec![(format!("partner{}_held", slot + 1), Update::Set(level))]
        }
        Change::Given(slot, on) => vec![(
            format!("partner{}_given", slot + 1),
            Update::Set(f64::from(on)),
        )],
        Change::Gallbladder(open) => {
            vec![("gallbladder_open".to_owned(), Update::Set(f64::from(open)))]
        }
        Change::MediumOxygen(oxygen) => vec![("medium_pO2".to_owned(), Update::Set(oxygen))],
        Change::Resection(left) => TUMOUR
            .iter()
            .map(|cells| ((*cells).to_owned(), Update::Scale(left)))
            .collect(),
    }
}

fn words(change: &Change, partners: &[String]) -> String {
    let partner = |slot: usize| partners.get(slot).map_or("partner", String::as_str);
    let name = |drug: Drug| match drug {
        Drug::Sorafenib => "sorafenib",
        Drug::Partner(slot) => partner(slot),
    };
    match *change {
        Change::Dose {
            drug,
            given,
            absorbed,
        } => format!(
            "dose of {}: {given} mg given, {absorbed} mg absorbed",
            name(drug)
        ),
        Change::Infusion { drug, rate } => format!("infusion of {} at {rate} mg/h", name(drug)),
        Change::Medium(level) => format!("sorafenib in the medium: {level} mg/L"),
        Change::Held(slot, level) => format!("{} held at {level} nM", partner(slot)),
        Change::Given(slot, true) => format!("{} is given from now on", partner(slot)),
        Change::Given(slot, false) => format!("{} is no longer given", partner(slot)),
        Change::Gallbladder(true) => "the gallbladder opens".to_owned(),
        Change::Gallbladder(false) => "the gallbladder closes".to_owned(),
        Change::MediumOxygen(oxygen) => format!("pO2 of the medium: {oxygen} mmHg"),
        Change::Resection(left) => format!("resection leaves {left} of the tumour"),
    }
}
