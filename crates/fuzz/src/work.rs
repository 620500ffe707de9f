//! A worker: runs a range of inputs and writes down what becomes of each.

use crate::check::{Fault, Outcome, Report, Scratch};
use crate::targets::{self, Target};
use crate::world::World;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What a worker is to do.
pub struct Order<'a> {
    /// Target.
    pub target: &'a Target,
    /// Seed.
    pub seed: u64,
    /// Numbers of the inputs.
    pub numbers: Range<u64>,
    /// File in which it says what became of them.
    pub log: PathBuf,
    /// Folder in which it runs them.
    pub scratch: PathBuf,
    /// Folder of what it finds.
    pub found: PathBuf,
}

/// Exit code of a worker that has seen a panic: another goes on after it.
pub const AFTER_PANIC: i32 = 3;

/// Runs the inputs of an order. A line `b NUMBER` says that an input begins, `e NUMBER OUTCOME FAULTS MILLISECONDS`
/// that it has ended; what ends the process leaves the first without the second.
///
/// # Errors
/// A file or folder that cannot be used.
pub fn work(order: &Order<'_>) -> Result<i32, String> {
    let world = World::new()?;
    let system = |error: std::io::Error| error.to_string();
    let mut log = File::options()
        .create(true)
        .append(true)
        .open(&order.log)
        .map_err(system)?;
    let scratch = Scratch::new(order.scratch.clone()).map_err(system)?;
    for number in order.numbers.clone() {
        writeln!(log, "b {number}").map_err(system)?;
        let case = targets::input(order.target, &world, order.seed, number);
        let start = Instant::now();
        let report = scratch
            .run(&case, &world)
            .map_err(|error| format!("{}: {error}", case.what))?;
        let took = start.elapsed().as_millis();
        if !report.faults.is_empty() {
            keep(
                &order.found,
                order.target.name,
                order.seed,
                number,
                &case,
                &report,
            )?;
        }
        let letters = letters(&report);
        writeln!(log, "e {number} {letters} {took}").map_err(system)?;
        if report.outcome == Outcome::Lost {
            return Ok(AFTER_PANIC);
        }
    }
    Ok(0)
}

/// Outcome and faults as a word of letters: `a`, `r`, `f` or `l`, then the places of the faults.
fn letters(report: &Report) -> String {
    let outcome = match report.outcome {
        Outcome::Accepted => 'a',
        Outcome::Refused => 'r',
        Outcome::Failed => 'f',
        Outcome::Lost => 'l',
    };
    let mut faults: Vec<usize> = report
        .faults
        .iter()
        .filter_map(|(fault, _)| Fault::ALL.iter().position(|f| f == fault))
        .collect();
    faults.dedup();
    let faults: String = faults.iter().map(usize::to_string).collect();
    format!("{outcome}{faults}")
}

/// Writes an input with what was seen, as a case that can be replayed.
///
/// # Errors
/// A file that cannot be written.
pub fn keep(
    folder: &Path,
    target: &str,
    seed: u64,
    number: u64,
    case: &crate::case::Case,
    report: &Report,
) -> Result<(), String> {
    let mut text = format!(
        "# hif-switch {}\n",
        case.for_program().join(" ").replace('\n', " ")
    );
    for (fault, seen) in &report.faults {
        for line in format!("{}: {seen}", fault.name()).lines() {
            text.push_str(&format!("# {line}\n"));
        }
    }
    text.push_str(&case.write()?);
    let path = folder.join(format!("{target}-{seed}-{number}.toml"));
    std::fs::write(path, text).map_err(|error| error.to_string())
}

/// Keeps an input that ended its process.
///
/// # Errors
/// A file that cannot be written.
pub fn keep_lost(
    folder: &Path,
    target: &Target,
    seed: u64,
    number: u64,
    fault: Fault,
    seen: &str,
) -> Result<(), String> {
    let world = World::new()?;
    let case = targets::input(target, &world, seed, number);
    let report = Report {
        outcome: Outcome::Lost,
        faults: vec![(fault, seen.to_owned())],
    };
    keep(folder, target.name, seed, number, &case, &report)
}
