//! What can be seen of a subject before treatment.

use crate::endpoints::Definition;
use crate::regimen::{Change, Drug};
use crate::simulate::Problem;

macro_rules! readouts {
    ($( $field:ident [$unit:literal] $definition:literal; )+) => {
        /// Readouts of an untreated subject.
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct Readouts { $( #[doc = $definition] pub $field: f64, )+ }

        /// Names, units and definitions of the readouts, in order.
        pub const READOUTS: &[Definition] = &[$( Definition {
            name: stringify!($field), unit: $unit, definition: $definition,
        } ),+];

        impl Readouts {
            /// Values in the order of [`READOUTS`].
            pub fn values(&self) -> Vec<f64> {
                vec![$( self.$field ),+]
            }
        }
    };
}

readouts! {
    doubling_time ["d"] "time in which the untreated burden would double at its rate of the start";
    burden ["burden"] "burden at the start";
    oxygen ["mmHg"] "tumour pO2";
    hif1a ["1"] "HIF-1a, relative to the reference tumour";
    hif2a ["1"] "HIF-2a, relative to the reference tumour";
    switch_index ["1"] "HIF-2a/HIF-1a, relative to the reference tumour";
    vegf ["1"] "VEGF, relative to the reference tumour";
    akt ["1"] "AKT, relative to the reference tumour";
    glycolysis ["1"] "glycolysis, relative to the reference tumour";
    survival ["1"] "survival signal, relative to the reference tumour";
    apoptosis ["1"] "apoptosis signal, relative to the reference tumour";
    emt ["1"] "EMT, relative to the reference tumour";
    resistant ["1"] "resistant part of the viable cells";
    exposure ["mg h/L"] "AUC of sorafenib over 24 h at steady state, from dose and clearance; NaN without sorafenib";
}

/// Length of treatment over which the dose is averaged for the exposure, h.
const WEEK: f64 = 168.0;

impl Readouts {
    /// The readouts of a problem at its baseline.
    pub fn of(problem: &Problem) -> Self {
        let state = &problem.baseline;
        let rates = problem
            .model
            .derivatives(&problem.timeline.before, &problem.baseline);
        let signals = problem.model.signals(&problem.timeline.before, state);
        let growth = rates.tumour.viable() / state.tumour.viable();
        Self {
            doubling_time: std::f64::consts::LN_2 / growth / 24.0,
            burden: state.tumour.burden(),
            oxygen: state.oxygen,
            hif1a: state.hif.hif1a,
            hif2a: state.hif.hif2a,
            switch_index: state.hif.hif2a / state.hif.hif1a,
            vegf: state.vasculature.vegf,
            akt: signals.cascade.akt,
            glycolysis: state.effectors.glycolysis,
            survival: state.effectors.survival,
            apoptosis: signals.apoptosis,
            emt: state.effectors.emt,
            resistant: state.tumour.resistant_fraction(),
            exposure: exposure(problem),
        }
    }

    /// A value by name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let index = READOUTS.iter().position(|readout| readout.name == name)?;
        Some(self.values()[index])
    }
}

/// What is absorbed per day in the first week, over the clearance.
fn exposure(problem: &Problem) -> f64 {
    let Some(clearance) = problem.model.kinetics.net_clearance() else {
        return f64::NAN;
    };
    let length = problem.timeline.duration.min(WEEK);
    let events = problem.timeline.events.iter();
    let absorbed: f64 = events
        .take_while(|event| event.time < length)
        .filter_map(|event| match event.change {
            Change::Dose {
                drug: Drug::Sorafenib,
                absorbed,
                ..
            } => Some(absorbed),
            _ => None,
        })
        .sum();
    if absorbed > 0.0 {
        absorbed * 24.0 / length / clearance
    } else {
        f64::NAN
    }
}
