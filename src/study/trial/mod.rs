//! Virtual trials.
//!
//! A trial is data (`params/trials/*.toml`): population, arms, patients per arm, length, scans, rules of
//! response and progression, losses, and what was published. Patients are drawn by the population's
//! [`Sampler`](crate::study::population::Sampler); in a matched trial every patient is treated in every
//! arm, in a randomised one patients are allocated in permuted blocks.
//!
//! Burden is seen at scans only. Progression is a diameter (cube root of the volume) 20 % above the
//! smallest so far, start included, dated at its scan; a patient without progression is censored at the
//! last scan before the end or before leaving. The best response counts scans up to progression.
//!
//! A run that fails is counted, named and left out of its arm.
//!
//! Limitations: one lesion stands for all; there are no new lesions, no deaths and no toxicity, so that
//! survival is not simulated. In a matched trial the log-rank test is stratified by patient; the interval of the
//! hazard ratio takes the arms as independent and is wider than the pairing allows.

mod design;
mod outcome;
mod run;

pub use design::{Allocation, Published, TrialDesign};
pub use outcome::{
    ArmOutcome, Bar, Biomarker, Contrast, Course, RANKED, Ranking, Response, TRACED, Traced,
    TrialResult,
};
pub use run::{TrialPlan, trial};
