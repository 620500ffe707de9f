//! Virtual patients and animals.
//!
//! A population is data (`params/populations/*.toml`): which parameters vary from subject to subject,
//! by how much and together with which others, what a plausible subject looks like before treatment,
//! and how often each kind occurs.
//!
//! **Variability.** The parameters named by a factor are multiplied by `median exp(eta)` (log-normal),
//! or moved by eta on the logit scale (logit-normal, for fractions); the eta of all factors are normal
//! with the covariance matrix omega. Where one factor moves several parameters, their ratio stays.
//!
//! **Screening.** A draw is taken again when a factor leaves its limits, when no untreated tumour
//! exists with it, or when a readout before treatment lies outside its plausible window.
//!
//! **Prevalence.** A plausible draw is accepted with a probability in proportion to the weight of its
//! kind, so that the readouts of the accepted follow the stated distribution (Schmidt et al. 2013, BMC
//! Bioinformatics 14:221; Allen et al. 2016, CPT PSP 5:140). The weights come from a pilot draw of the
//! same seed by iterative proportional fitting.
//!
//! Subject `i` of a seed is the same whoever draws it, alone or among others.

mod definition;
mod plan;
mod prevalence;
mod readouts;
mod sampler;

pub use definition::{CLEARANCE, Distribution, Factor, Kind, Population, Prevalence, Window};
pub use plan::SubjectsPlan;
pub use prevalence::Weights;
pub use readouts::{READOUTS, Readouts};
pub use sampler::{Rejection, Sampler, Subject};
