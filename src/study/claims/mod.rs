//! The literature as an executable ledger: every claim is a row that the model passes or fails.
//!
//! [`Claims`] reads `params/claims/*.toml`; a test there names a measure, a condition, a comparator and
//! what is expected. [`ledger()`] runs every distinct scenario once, in parallel, at two tolerances, and
//! once per alternative: a variant of the model, or the model without one of its mechanisms.

mod cohort;
mod definition;
mod ledger;

pub(in crate::study) use cohort::estimates;
pub use cohort::{Cohort, CohortValue};
pub(in crate::study) use definition::Names;
pub use definition::{
    Claim, Claims, DEAD_BAND, Expectation, Form, Kind, Measure, Mechanism, Never, Place, Priority,
    Query, Sign, Test,
};
pub use ledger::{
    Alternative, Ledger, Row, TestResult, Verdict, ledger, ledger_runs, verdicts_in, window,
};
pub(in crate::study) use ledger::{results, values_in};
