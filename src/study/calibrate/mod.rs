//! Calibration and validation: what the model gives beside what was measured.
//!
//! A target (`params/targets/*.toml`) is a test of the claims' language with a measured value, an
//! acceptance range, a source, and whether it is fitted to or held out. A calibration
//! (`params/calibrations/*.toml`) names targets and parameters.
//!
//! **Objective.** `sum w r^2` with `r = (ln predicted - ln observed)/sigma` and
//! `sigma = ln(high/low)/(2 1.96)`: the range counts as an interval of 95 %. Where it reaches 0, the
//! same without logarithms.
//!
//! **Coordinates.** The logit of the place between the bounds of the parameter's range, logarithmic where
//! the range spans a factor of three or more: every step stays within the bounds.
//!
//! **Optimiser.** Levenberg-Marquardt (crate `levenberg-marquardt`, after MINPACK) from the present values
//! and from seeded starts; all runs of a Jacobian go in lanes at once.
//!
//! **Uncertainty.** Covariance `(J'WJ)^-1` at the optimum for errors and correlations; profiles by
//! optimising all other parameters again, with the 95 % threshold 3.84; bands of predictions by draws
//! from the normal approximation in these coordinates, in which the range of each parameter counts as
//! a weak prior (standard deviation 1 of the logit).
//!
//! Limitations: ranges that were not published are assumed (the target says so); targets are taken as
//! independent.

mod data;
mod fit;
pub mod joint;
mod targets;
mod validate;
mod visual;

pub use data::{OwnData, read_observations};
pub use fit::{
    Calibration, Comparison, Estimate, Fit, Profile, Start, THRESHOLD, compare_models, estimate,
    profile, start, starts,
};
pub use targets::{Basis, Curve, Target, Targets, heading};
pub use validate::{Prediction, validate};
pub use visual::{VisualCheck, visual_checks};
