//! The program proves itself on the machine that it runs on.
//!
//! A [`Check`] compares one measured number with a bound that is stated beside it; [`selftest`] makes all checks of the
//! groups of [`GROUPS`]. What is checked is a [`Program`]: the program itself is [`Own`], and the tests hand in spoilt ones,
//! so that every check is seen to fail.
//!
//! | group | against |
//! |---|---|
//! | kinetics | closed forms of the drug amounts ([`closed`]) |
//! | classical | stiff test problems with published ends |
//! | order | the order of each method, measured |
//! | golden | time courses that ship with the program |
//! | lanes | many runs at once against single runs, by another method |
//! | files | a scratch folder: whole files, parts, damage, failed writes |
//! | exports | SBML, PEtab, data sets, CSV and Parquet, read back |
//!
//! Limitations: the shipped parameters only; a check says nothing about the science.

mod classical;
pub mod closed;
mod exports;
mod files;
mod golden;
mod kinetics;
mod lanes;
mod machine;
mod order;
mod program;
mod report;
mod sbml;

pub use machine::Machine;
pub use program::{Own, Program};
pub use report::{SelftestReport, checks_table};

use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::simulate::Accuracy;
use serde::Serialize;

/// What a measured number must be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This or less.
    AtMost(f64),
    /// From the first to the second.
    Between(f64, f64),
}

impl Bound {
    /// Whether a number keeps to the bound; NaN never does.
    pub fn holds(self, measured: f64) -> bool {
        match self {
            Self::AtMost(most) => measured <= most,
            Self::Between(low, high) => (low..=high).contains(&measured),
        }
    }
}

/// A measured number with its bound.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Group.
    pub group: &'static str,
    /// What was checked.
    pub what: String,
    /// What the number is.
    pub measure: &'static str,
    /// The number; none where nothing could be measured.
    pub measured: Option<f64>,
    /// What it must be.
    pub bound: Bound,
    /// Whether it is.
    pub passed: bool,
    /// What went wrong where nothing could be measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Check {
    /// A check of what was measured, or of why nothing could be.
    pub fn new(
        group: &'static str,
        what: impl Into<String>,
        measure: &'static str,
        measured: Result<f64>,
        bound: Bound,
    ) -> Self {
        let (measured, failure) = match measured {
            Ok(value) => (value, None),
            Err(error) => (f64::NAN, Some(error.to_string())),
        };
        Self {
            group,
            what: what.into(),
            measure,
            measured: (!measured.is_nan()).then_some(measured),
            bound,
            passed: bound.holds(measured),
            failure,
        }
    }

    /// A check that something goes right in every one of some cases.
    pub fn faults(group: &'static str, what: impl Into<String>, faults: Result<usize>) -> Self {
        let faults = faults.map(|count| count as f64);
        Self::new(group, what, "faults", faults, Bound::AtMost(0.0))
    }
}

type Group = (&'static str, fn(&dyn Program, &Library) -> Vec<Check>);

/// Groups of checks by name.
pub const GROUPS: [Group; 7] = [
    ("kinetics", kinetics::checks),
    ("classical", classical::checks),
    ("order", order::checks),
    ("golden", golden::checks),
    ("lanes", lanes::checks),
    ("files", files::checks),
    ("exports", exports::checks),
];

/// All checks of some groups, of all where none is named, in the order of [`GROUPS`].
///
/// # Errors
/// The name of a group that there is not.
pub fn selftest(program: &dyn Program, names: &[String]) -> Result<Vec<Check>> {
    let known = || GROUPS.iter().map(|(name, _)| *name);
    if let Some(unknown) = names.iter().find(|name| !known().any(|k| k == *name)) {
        return Err(Error::unknown_name(
            "selftest",
            "group of checks",
            unknown,
            known(),
        ));
    }
    let library = Library::shipped();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let groups = GROUPS.iter().filter(|(name, _)| wanted(name));
    Ok(groups
        .flat_map(|(_, checks)| checks(program, &library))
        .collect())
}

/// A single run whose samples between steps are as exact as those at their ends.
fn densely() -> Accuracy {
    Accuracy {
        max_step: 0.25,
        ..Accuracy::default()
    }
}

/// The largest of some differences; NaN if any is.
fn largest(differences: impl IntoIterator<Item = f64>) -> f64 {
    differences.into_iter().fold(0.0, |largest: f64, next| {
        if largest.is_nan() || next.is_nan() {
            f64::NAN
        } else {
            largest.max(next)
        }
    })
}
