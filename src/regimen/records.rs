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
//! Limitations: no switching-off of compartments (negative CMT).

use super::timeline::Drug;
use crate::model::PARTNER_SLOTS;

/// Highest compartment number.
pub const COMPARTMENTS: usize = 2 + 2 * PARTNER_SLOTS;

/// Infusions shorter than this are doses at once, h.
const AT_ONCE: f64 = 1e-6;

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

/// How a dose enters its compartment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Delivery {
    /// At once.
    Bolus,
    /// By infusion at this rate, mg/h: the bioavailability changes how long it takes.
    Rate(f64),
    /// By infusion over this time, h: the bioavailability changes the rate.
    Duration(f64),
}

/// What enters a compartment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Entry {
    /// An amount at once, mg.
    Bolus(f64),
    /// A rate, mg/h, over a time, h.
    Infusion {
        /// mg/h.
        rate: f64,
        /// h; infinite for a constant infusion.
        length: f64,
    },
}

/// A dose with its repetitions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RecordedDose {
    /// Compartment.
    pub compartment: Compartment,
    /// Amount given, mg; 0 for a constant infusion at steady state.
    pub amount: f64,
    /// How it enters.
    pub delivery: Delivery,
    /// Part of the amount that reaches the compartment (F), beside what the model itself says.
    pub bioavailability: f64,
    /// Time between the record, or a further dose's time, and the entry into the compartment (ALAG), h.
    pub lag: f64,
    /// Interval between doses, h; 0 where there is one only.
    pub interval: f64,
    /// Number of further doses.
    pub additional: u32,
    /// Steady state.
    pub steady_state: SteadyState,
}

impl RecordedDose {
    /// Whether this is an infusion that has always run (SS with RATE above 0 and AMT 0).
    pub fn is_constant(&self) -> bool {
        self.steady_state != SteadyState::No && self.amount <= 0.0
    }

    /// What enters when `absorbed` mg of the amount reach the compartment.
    pub fn entry(&self, absorbed: f64) -> Entry {
        match self.delivery {
            Delivery::Rate(rate) if self.is_constant() => Entry::Infusion {
                rate,
                length: f64::INFINITY,
            },
            Delivery::Rate(rate) if absorbed / rate > AT_ONCE => Entry::Infusion {
                rate,
                length: absorbed / rate,
            },
            Delivery::Duration(length) if length > AT_ONCE => Entry::Infusion {
                rate: absorbed / length,
                length,
            },
            _ => Entry::Bolus(absorbed),
        }
    }

    /// Doses of a steady state that were given by the time of the record and enter after it; a multiple of
    /// the interval counts as entered.
    pub fn implied(&self) -> f64 {
        if self.steady_state == SteadyState::No || self.interval <= 0.0 {
            return 0.0;
        }
        (self.lag / self.interval - 1e-12).ceil().max(0.0)
    }

    /// Doses that enter within `span` h after the record, counted without carrying them out, with the
    /// infusions of a steady state that still run.
    pub fn count_within(&self, span: f64) -> f64 {
        if self.interval <= 0.0 {
            return 1.0;
        }
        let announced = f64::from(self.additional) + self.implied();
        let first = self.lag - self.interval * self.implied();
        let within = ((span - first) / self.interval).floor().max(0.0);
        let running = match (
            self.steady_state,
            self.entry(self.amount * self.bioavailability),
        ) {
            (SteadyState::No, _) | (_, Entry::Bolus(_)) => 0.0,
            (_, Entry::Infusion { length, .. }) => (length / self.interval).ceil(),
        };
        1.0 + announced.min(within) + running
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
