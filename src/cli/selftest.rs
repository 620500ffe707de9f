//! `hif-switch selftest`: the program proves itself on this machine.

use super::Context;
use crate::error::{Error, Result};
use crate::report::{self, Manifest};
use crate::selftest::{Own, SelftestReport, checks_table, selftest};
use crate::simulate::Accuracy;
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

pub const EXAMPLES: &str = "Examples:
  hif-switch selftest
  hif-switch selftest kinetics lanes
  hif-switch selftest --out proof        table and manifest, to attach to a report";

#[derive(Debug, Args)]
pub struct SelftestOptions {
    /// Groups of checks: kinetics, classical, order, golden, lanes, files, exports; all when none is given
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,
    /// Folder in which the table and the manifest are written, to results/
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(context: &Context, params: Option<&Path>, options: &SelftestOptions) -> Result<()> {
    if let Some(folder) = params {
        return Err(Error::input(
            format!("--params {}", folder.display()),
            "selftest checks the program with the parameters that it ships with",
            "leave --params out; `hif-switch params check --params DIR` reads your own files",
        ));
    }
    let begun = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let clock = Instant::now();
    let checks = selftest(&Own, &options.groups)?;
    let manifest = Manifest::new(&context.library, &Accuracy::default(), &context.command);
    let seconds = clock.elapsed().as_secs_f64();
    let report = SelftestReport::new(manifest, begun, seconds, checks);
    if let Some(folder) = &options.out {
        let results = folder.join("results");
        let table = checks_table(&report.checks).to_csv()?;
        report::write_all(&[
            (results.join("selftest.csv"), table),
            (results.join("selftest-manifest.json"), report.to_json()?),
        ])?;
    }
    if context.json {
        context.print(String::from_utf8_lossy(&report.to_json()?).trim_end());
    } else {
        context.print_table(&checks_table(&report.checks));
        context.print(&format!("\n{}", report.summary()));
        if let Some(folder) = &options.out {
            let place = folder.join("results").join("selftest-manifest.json");
            context.print(&format!("written: {}", place.display()));
        }
    }
    report.verdict()
}
