//! Dosing records in the manner of NONMEM's PREDPP.
//!
//! A record has a time and says what happens: an observation (EVID 0), a dose (1), some other event
//! (2), a reset (3), or a reset followed by a dose (4). Records at one time are taken in their
//! order. Compartments are numbered
//!
//! | CMT | compartment |
//! |---|---|
//! | 1, 2 | sorafenib: depot, central |
//! | 3, 4 | first partner: depot, central |
//! | 5, 6 | second partner: depot, central |
//!
//! Limitations: no modelled rates or durations (RATE -1, -2), no lag times, no switching-off of
//! compartments (negative CMT), and infusions go into a central compartment.

use super::timeline::Drug;
use crate::model::PARTNER_SLOTS;

/// Highest compartment number.
pub const COMPARTMENTS: usize = 2 + 2 * PARTNER_SLOTS;

/// Where a dose goes, or what an observation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compartment {
    /// Drug.
    pub drug: Drug,
    /// Central compartment, or the depot.
    pub central: bool,
}

impl Compartment {
    /// The compartment of a number from 1 to [`COMPARTMENTS`].
    pub fn of(number: usize) -> Option<Self> {
        let drug = match number.checked_sub(1)? / 2 {
            0 => Drug::Sorafenib,
            slot if slot <= PARTNER_SLOTS => Drug::Partner(slot - 1),
            _ => return None,
        };
        Some(Self {
            drug,
            central: number.is_multiple_of(2),
        })
    }
}

/// Whether a dose stands for a steady state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SteadyState {
    /// An ordinary dose (SS 0).
    #[default]
    No,
    /// The drug's amounts become those of the steady state (SS 1); its infusions and its doses still
    /// to come are cancelled.
    Replaces,
    /// The amounts of the steady state are added (SS 2).
    Adds,
}

/// A dose with its repetitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecordedDose {
    /// Compartment.
    pub compartment: Compartment,
    /// Amount given, mg; 0 for a constant infusion at steady state.
    pub amount: f64,
    /// Rate of an infusion, mg/h; 0 for a dose at once.
    pub rate: f64,
    /// Interval between doses, h; 0 where there is one only.
    pub interval: f64,
    /// Number of further doses.
    pub additional: u32,
    /// Steady state.
    pub steady_state: SteadyState,
}

impl RecordedDose {
    /// Length of the infusion, h; 0 for a dose at once.
    pub fn length(&self) -> f64 {
        if self.rate > 0.0 {
            self.amount / self.rate
        } else {
            0.0
        }
    }
}

/// What a record says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Happening {
    /// Nothing but a question (EVID 0 and 2).
    Observation,
    /// A dose (EVID 1).
    Dose(RecordedDose),
    /// A reset (EVID 3): the untreated baseline again, without infusions or doses still to come.
    Reset,
    /// A reset, then a dose (EVID 4).
    ResetAndDose(RecordedDose),
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Where it was read.
    pub place: String,
    /// Time, h.
    pub time: f64,
    /// What happens.
    pub happening: Happening,
}

impl Record {
    /// Whether the record resets the system, so that its time may lie before the last one.
    pub fn resets(&self) -> bool {
        matches!(
            self.happening,
            Happening::Reset | Happening::ResetAndDose(_)
        )
    }

    /// The dose of the record, if it has one.
    pub fn dose(&self) -> Option<&RecordedDose> {
        match &self.happening {
            Happening::Dose(dose) | Happening::ResetAndDose(dose) => Some(dose),
            Happening::Observation | Happening::Reset => None,
        }
    }
}
