//! The checks as a table, and as a manifest to attach to a report.

use super::{Bound, Check, Machine};
use crate::error::{Error, Result};
use crate::report::Manifest;
use crate::table::{Cell, Table, significant};
use serde::Serialize;

/// All checks with what they were made on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SelftestReport {
    /// Name and version of the program.
    pub program: String,
    /// SHA-256 over all parameter files.
    pub parameters_sha256: String,
    /// Command line after the program's name.
    pub command: Vec<String>,
    /// The machine.
    pub machine: Machine,
    /// Begin, in UTC.
    pub begun: String,
    /// Duration, s.
    pub seconds: f64,
    /// Number of checks that passed.
    pub passed: usize,
    /// Number of checks that failed.
    pub failed: usize,
    /// The checks.
    pub checks: Vec<Check>,
}

impl SelftestReport {
    /// A report of checks.
    pub fn new(manifest: Manifest, begun: String, seconds: f64, checks: Vec<Check>) -> Self {
        let passed = checks.iter().filter(|check| check.passed).count();
        Self {
            program: manifest.program,
            parameters_sha256: manifest.parameters_sha256,
            command: manifest.command,
            machine: Machine::this(),
            begun,
            seconds,
            passed,
            failed: checks.len() - passed,
            checks,
        }
    }

    /// As JSON with a final newline.
    ///
    /// # Errors
    /// Only if the writer fails.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::output("selftest-manifest.json", error))?;
        json.push(b'\n');
        Ok(json)
    }

    /// What the checks say together, and on what.
    pub fn summary(&self) -> String {
        let Machine {
            system,
            processor,
            architecture,
            instructions,
            threads,
            ..
        } = &self.machine;
        let processor = processor.as_ref().unwrap_or(architecture);
        format!(
            "{} of {} checks passed in {:.1} s: {}, parameters {}, {processor}, {system}, {instructions}, {threads} threads",
            self.passed,
            self.checks.len(),
            self.seconds,
            self.program,
            self.parameters_sha256.get(..12).unwrap_or_default(),
        )
    }

    /// The error of a program that failed a check.
    ///
    /// # Errors
    /// Names the checks that failed, if any did.
    pub fn verdict(&self) -> Result<()> {
        let failed = self.checks.iter().filter(|check| !check.passed);
        let names: Vec<String> = failed
            .map(|check| {
                let cause = check
                    .failure
                    .as_deref()
                    .and_then(|text| text.lines().next());
                let cause = cause.map_or_else(String::new, |cause| format!(" ({cause})"));
                format!("{}: {}{cause}", check.group, check.what)
            })
            .collect();
        if names.is_empty() && !self.checks.is_empty() {
            return Ok(());
        }
        Err(Error::Check {
            what: "selftest".to_owned(),
            cause: format!(
                "{} of {} checks failed: {}",
                names.len(),
                self.checks.len(),
                names.join("; ")
            ),
            remedy:
                "do not trust results of this program on this machine; write the manifest with \
                     `hif-switch selftest --out DIR` and attach it to a report"
                    .to_owned(),
        })
    }
}

/// A row per check: what, what was measured, what is allowed, verdict.
pub fn checks_table(checks: &[Check]) -> Table {
    let columns = ["group", "check", "number", "measured", "allowed", "verdict"];
    let mut table = Table::new(columns.map(|name| (name, "")));
    for check in checks {
        let allowed = match check.bound {
            Bound::AtMost(most) => format!("at most {}", significant(most)),
            Bound::Between(low, high) => format!("{} to {}", significant(low), significant(high)),
        };
        table.push([
            check.group.into(),
            check.what.as_str().into(),
            check.measure.into(),
            Cell::Number(check.measured),
            allowed.into(),
            if check.passed { "pass" } else { "FAIL" }.into(),
        ]);
    }
    table
}
