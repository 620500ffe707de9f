//! Many runs in lanes against single runs: every parameter of every setting at both bounds of its range, one at a time, and
//! random corners.
//!
//! `cargo bench --bench agreement [-- CORNERS]` prints what does not agree, and fails if anything does not.

#![allow(clippy::unwrap_used)]

#[path = "../tests/agreement/mod.rs"]
mod agreement;

use agreement::{TIME_LIMIT, Tally, at_bounds, corners, prepared};
use hif_switch::parameters::Library;
use std::process::ExitCode;

/// Tolerance of the lanes.
const RTOL: f64 = 1e-9;

fn main() -> ExitCode {
    let corner_count = std::env::args().filter_map(|a| a.parse().ok()).next();
    let library = Library::shipped();
    let mut failed = false;
    for (what, changed) in [
        ("parameters at a bound", at_bounds(&library)),
        ("corners", corners(&library, corner_count.unwrap_or(500))),
    ] {
        let (problems, unprepared) = prepared(&library, &changed);
        let mut tally = Tally::default();
        tally.add(&problems, RTOL, TIME_LIMIT);
        println!(
            "{what}: {} runs, {} agree in {} endpoints, {} refused by both ({} before they run)",
            changed.len(),
            tally.agree,
            tally.compared,
            tally.refused + unprepared,
            unprepared,
        );
        for wrong in &tally.wrong {
            println!("  {wrong}");
        }
        failed |= !tally.wrong.is_empty();
    }
    ExitCode::from(u8::from(failed))
}
