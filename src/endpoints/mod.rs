//! Endpoints of a run: first-class values with unit and definition.
//!
//! [`Collector`] watches the solved segments. It looks at points of bounded distance, at values and slopes of the dense
//! solution, bounds from them what can happen in between, and where that may matter finds extrema as roots of the slope,
//! crossings as roots of the value, and both where they come in pairs between two points. Integrals are by a formula of
//! sixth order. Nothing is read off a grid, and nothing depends on where the integrator's steps end.
//!
//! Some questions have no answer that a numerical error could not turn over. Their definitions say what counts:
//! * the *time* of an extremum is its place in the earliest valley (or on the earliest hill) whose extremum nothing later
//!   beats by more than 1e-4 of its value; what rises by less than that in between is one valley. The start
//!   is the first candidate: where nothing moves by 1e-4, the time is 0. *Values* of extrema are the exact ones;
//! * HIF-2a crosses HIF-1a, or the threshold of the switch, if the difference of the relative levels goes from below -1e-3 to
//!   above 1e-3, at the time at which it passes 0; what touches 0 from one side does not count.
//!
//! The time of a flat extremum remains sensitive: it carries the error of the slope over the curvature.
//!
//! [`Evaluation`] and [`Comparison`] set an arm against vehicle and against its single drugs.

mod collector;
mod comparison;
mod crossing;
mod extremum;
mod part;

pub use collector::Collector;
pub use comparison::{Comparison, Evaluation, bliss_expected};

use serde::Serialize;

/// Name, unit and definition of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// Name of the field and column.
    pub name: &'static str,
    /// Unit; `burden` stands for the setting's unit of volume.
    pub unit: &'static str,
    /// What it is.
    pub definition: &'static str,
}

macro_rules! endpoints {
    ($( $field:ident [$unit:literal] $definition:literal; )+) => {
        /// Endpoints of one run; `None` where the event did not happen or makes no sense.
        #[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
        pub struct Endpoints { $( #[doc = $definition] pub $field: Option<f64>, )+ }

        impl Endpoints {
            /// Names, units and definitions, in order.
            pub const DEFINITIONS: &'static [Definition] = &[$( Definition {
                name: stringify!($field), unit: $unit, definition: $definition,
            } ),+];

            /// Values in the order of [`Endpoints::DEFINITIONS`].
            pub fn values(&self) -> Vec<Option<f64>> {
                vec![$( self.$field ),+]
            }
        }
    };
}

endpoints! {
    sorafenib_auc_24h ["mg h/L"] "AUC of total sorafenib over the last 24 h of treatment";
    sorafenib_cmax ["mg/L"] "largest total sorafenib concentration in the last 24 h of treatment";
    sorafenib_cmin ["mg/L"] "smallest total sorafenib concentration in the last 24 h of treatment";
    sorafenib_half_life ["h"] "terminal half-life of sorafenib: slowest mode of its kinetics between doses";
    mvd_nadir ["1"] "smallest microvessel density, relative to the reference tumour";
    mvd_nadir_time ["d"] "time of the smallest microvessel density; values within 1e-4 of each other count as equal, the earliest gives the time, and a value that is only approached has none";
    oxygen_nadir ["mmHg"] "smallest tumour pO2";
    oxygen_nadir_time ["d"] "time of the smallest tumour pO2; values within 1e-4 of each other count as equal, the earliest gives the time, and a value that is only approached has none";
    hypoxic_time ["d"] "time with tumour pO2 below 5 mmHg";
    hif1a_end ["1"] "HIF-1a at the end, relative to the untreated baseline";
    hif2a_end ["1"] "HIF-2a at the end, relative to the untreated baseline";
    hif1a_peak_time ["d"] "time of the largest HIF-1a; values within 1e-4 of each other count as equal, the earliest gives the time, and a value that is only approached has none";
    hif2a_peak_time ["d"] "time of the largest HIF-2a; values within 1e-4 of each other count as equal, the earliest gives the time, and a value that is only approached has none";
    switch_time ["d"] "first time at which HIF-2a/HIF-1a rises through 1.5 times its untreated value by more than 1e-3 of the untreated level";
    crossover_time ["d"] "last upward crossing of HIF-2a over HIF-1a, both relative to the untreated baseline, from more than 1e-3 below to more than 1e-3 above";
    vegf_nadir ["1"] "smallest VEGF, relative to the untreated baseline";
    vegf_rebound ["1"] "VEGF at the end minus its nadir, relative to the untreated baseline";
    apoptosis_peak ["1"] "largest apoptosis signal";
    apoptosis_end ["1"] "apoptosis signal at the end";
    apoptosis_auc ["d"] "integral of the apoptosis signal above its untreated value";
    emt_end ["1"] "EMT at the end";
    resistant_end ["1"] "resistant part of the viable cells at the end";
    burden_end ["burden"] "burden at the end";
    burden_nadir ["burden"] "smallest burden, start included";
    burden_nadir_time ["d"] "time of the smallest burden; values within 1e-4 of each other count as equal, the earliest gives the time, and a value that is only approached has none";
    regrowth_time ["d"] "first time at which a tumour that had shrunk by 2 % or more stands 10 % above its running nadir";
    time_to_progression ["d"] "RECIST: first time at which the diameter is 20 % (the volume 72.8 %) above its running nadir";
    time_to_progression_scans ["d"] "the same, seen only at scans every 6 weeks";
    time_to_double ["d"] "first time at which the burden is twice that of the start";
    time_to_fourfold ["d"] "first time at which the burden is four times that of the start";
    escape_time ["d"] "first day at which net growth on treatment is back half way from its smallest value to the untreated rate";
    metastases ["count"] "new metastases since the start";
}

impl Endpoints {
    /// A value by name.
    pub fn get(&self, name: &str) -> Option<f64> {
        let index = Self::DEFINITIONS.iter().position(|d| d.name == name)?;
        self.values()[index]
    }
}

/// Volume ratio of RECIST progression: 20 % in diameter.
pub const PROGRESSION: f64 = 1.2 * 1.2 * 1.2;

/// Interval between scans in the trials, h.
pub const SCAN_INTERVAL: f64 = 6.0 * 7.0 * 24.0;

/// HIF-2a/HIF-1a relative to untreated above which the switch counts as made.
pub const SWITCH_THRESHOLD: f64 = 1.5;
