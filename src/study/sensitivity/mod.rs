//! Which parameters decide an endpoint.
//!
//! * [`local`]: elasticities, d ln y / d ln p at the shipped values, by central differences.
//! * [`morris`]: elementary effects over the plausible ranges, for screening many parameters.
//! * [`sobol`]: parts of the variance that a parameter explains alone (first order) and with all its
//!   interactions (total).
//!
//! Parameters vary over the plausible ranges of their files, uniformly on a logarithmic scale where the
//! range is positive and spans a factor of [`space::LOG_RATIO`] or more, else uniformly; independently
//! of each other. A row with a failed run is left out as a whole (Sobol), or takes with it the effects
//! that need it (Morris, local); how many is part of the result.
//!
//! Limitations: the parameters are taken as independent, and ranges are as good as their sources: the
//! variance that a parameter explains grows with the width of its range.

pub mod local;
pub mod morris;
pub mod sobol;
pub mod space;

mod study;

pub use space::{Axis, Space};
pub use study::{Measured, Method, Sensitivity, SensitivityPlan};
