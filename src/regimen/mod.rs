//! Regimens: who gets what, when; and the timeline of exact events that follows.
//!
//! * [`Arm`] says which drugs are given (`sorafenib+pt2385`).
//! * [`Regimen`] says how: amounts, intervals, start and stop, loading dose, infusions, on/off
//!   cycles, interruptions, lags, oxygen steps, resection. It is read from `params/regimens/*.toml`.
//! * [`PartnerDrug`] reads a partner's file: its action in either mode and its own dosing.
//! * [`Record`] is a line of a NONMEM-style data set.
//! * [`Timeline`] is the sorted list of events: doses, infusion edges, gate edges, level changes.

mod arm;
mod dose;
mod drug;
mod records;
mod schedule;
mod timeline;

pub use arm::Arm;
pub use dose::PlausibleDose;
pub use drug::{Dosing, Mode, PartnerDrug};
pub use records::{
    COMPARTMENTS, Compartment, Delivery, Entry, Happening, Record, RecordedDose, SteadyState,
};
pub use schedule::{Course, Cycle, OxygenStep, Regimen, Resection};
pub use timeline::{Change, Drug, DrugTotal, Event, Timeline, Totals};
