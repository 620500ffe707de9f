//! One number of a parameter file, with all that a reviewer asks of it.

use serde::{Deserialize, Serialize};

/// How well a number is supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Read in the source named.
    Verified,
    /// Quoted from memory of the source; the note says how sure.
    Recalled,
    /// Arithmetic on graded numbers; the note says which.
    Derived,
    /// No source; the note gives the reason for the order of magnitude.
    Assumed,
    /// Fitted to data; the note names the targets.
    Fitted,
    /// Given by the user for this run.
    User,
}

impl std::fmt::Display for Grade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Verified => "verified",
            Self::Recalled => "recalled",
            Self::Derived => "derived",
            Self::Assumed => "assumed",
            Self::Fitted => "fitted",
            Self::User => "user",
        })
    }
}

/// Where an entry was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Origin {
    /// File (relative to `params/` for the shipped set) or `--set`.
    pub file: String,
    /// Line, counted from 1; 0 where a line makes no sense.
    pub line: usize,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.line == 0 {
            f.write_str(&self.file)
        } else {
            write!(f, "{}:{}", self.file, self.line)
        }
    }
}

/// The values that are physically possible for a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    /// > 0
    Positive,
    /// >= 0
    NonNegative,
    /// 0 to 1, both included
    Fraction,
    /// any number
    Any,
}

/// What is beyond it, or nearer to 0 than its inverse, has no meaning in any unit, and its products overflow or vanish.
const LARGEST: f64 = 1e100;

impl Domain {
    /// Whether `value` is possible.
    pub fn contains(self, value: f64) -> bool {
        value.abs() <= LARGEST
            && (value == 0.0 || value.abs() >= 1.0 / LARGEST)
            && match self {
                Self::Positive => value > 0.0,
                Self::NonNegative => value >= 0.0,
                Self::Fraction => (0.0..=1.0).contains(&value),
                Self::Any => true,
            }
    }
}

impl std::fmt::Display for Domain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Positive => "a number above 0, at most 1e100",
            Self::NonNegative => "a number of 0 or more, at most 1e100",
            Self::Fraction => "a number from 0 to 1",
            Self::Any => "a number of at most 1e100 in size",
        })
    }
}

/// A graded number as it stands in a parameter file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Value in `unit`; `None` where the literature does not say (`"unknown"` in the file).
    pub value: Option<f64>,
    /// Unit as written; empty for an unknown value.
    pub unit: String,
    /// Support of the number.
    pub grade: Grade,
    /// Key in the references, required unless the grade is `assumed` or `user`.
    pub source: Option<String>,
    /// Plausible range in `unit`.
    pub range: Option<(f64, f64)>,
    /// From what it is derived, why it is assumed, how well it is remembered.
    pub note: Option<String>,
    /// Where it was read.
    pub origin: Origin,
}

impl Entry {
    /// Where another value, in `unit`, lies outside the plausible range: the range, with its unit and where it is stated.
    pub fn outside(&self, value: f64) -> Option<String> {
        let (low, high) = self.range?;
        let unit = if self.unit == "1" { "" } else { &self.unit };
        // Conversions round.
        let room = 1e-12 * low.abs().max(high.abs());
        (value < low - room || value > high + room).then(|| {
            format!(
                "outside the plausible range, {} ({})",
                format!("{low} to {high} {unit}").trim_end(),
                self.origin
            )
        })
    }

    /// Whether the value lies outside the plausible range of its file.
    pub fn is_implausible(&self) -> bool {
        match (self.value, self.range) {
            (Some(value), Some((low, high))) => value < low || value > high,
            _ => false,
        }
    }
}

/// The keys of an entry in a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEntry {
    pub value: f64,
    pub unit: String,
    pub grade: Grade,
    pub source: Option<String>,
    pub range: Option<(f64, f64)>,
    pub note: Option<String>,
}
