//! Studies: many runs, one question.
//!
//! A study takes a library and a question and gives back values; it knows no screen and no file.
//! Progress is shown by an observer that the caller hands in.

mod arm_run;
pub mod assay;
pub mod attribution;
pub mod bifurcation;
pub mod calibrate;
pub mod claims;
mod compare;
mod hif1a_map;
pub mod knob;
mod overview;
pub mod plan;
pub mod population;
pub mod random;
pub mod runs;
pub mod schedule;
pub mod sensitivity;
mod sign_map;
pub mod survival;
pub mod sweep;
pub mod synergy;
pub mod trial;

pub use arm_run::{ArmRun, Verification, run_scenario};
pub use compare::{ArmResult, CompareStudy, UnknownArm, Verdict, all_arms, compare};
pub use hif1a_map::{Condition, Hif1aMap, MapPanel, MapStudy, hif1a_map};
pub use overview::{Overview, overview, overview_runs};
pub use sign_map::{SignMap, sign_map};

/// Told after every finished run of a study.
pub type Progress<'a> = &'a (dyn Fn() + Sync);

/// A progress observer that shows nothing.
pub fn silent() {}
