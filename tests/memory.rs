//! Memory does not grow with the rows of a study: what lies on disk is read by column or block, and long
//! tables are written row by row.
//!
//! Peaks are those of the allocator, of this process alone, so that what other tests do does not count:
//! one test, one thread.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::error::Result;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::report::{Header, Joined, Manifest, Store, courses_table, sweep_table};
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::assay::{Assay, Quantity};
use hif_switch::study::plan::{Block, Failures, Plan, Row, Rows};
use hif_switch::study::sensitivity::{Method, SensitivityPlan, Space, sobol};
use hif_switch::study::sweep::{Axis, SweepPlan};
use hif_switch::study::trial::{TrialDesign, TrialPlan};
use peak_alloc::PeakAlloc;
use std::ops::Range;
use std::path::Path;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Largest memory of some work beyond that before it, bytes.
fn peak(work: impl FnOnce()) -> f64 {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    work();
    MEMORY.peak_usage().saturating_sub(before) as f64
}

/// A number between 0 and 1 that looks like none before it.
fn made(row: usize, column: usize) -> f64 {
    let mixed = (row * 31 + column + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

/// Rows that are nowhere: each number is made when it is asked for, every 1000th row failed.
struct Made {
    rows: usize,
    width: usize,
}

impl Rows for Made {
    fn count(&self) -> usize {
        self.rows
    }

    fn failures(&self) -> Failures {
        Failures {
            count: self.rows.div_ceil(1000),
            named: vec![(0, "made to fail".to_owned())],
        }
    }

    fn column(&self, column: usize) -> Result<Vec<f64>> {
        Ok((0..self.rows).map(|row| made(row, column)).collect())
    }

    fn block(&self, rows: Range<usize>) -> Result<Block> {
        let failed = rows.clone().map(|row| row % 1000 == 0).collect();
        let numbers = rows.flat_map(|row| (0..self.width).map(move |c| 1.0 + made(row, c)));
        Ok(Block::new(self.width, failed, numbers.collect()))
    }
}

fn assay() -> Assay {
    let scenario = Scenario::new("culture", Arm::sorafenib());
    let quantity = Quantity::parse("log10_burden", "test").unwrap();
    Assay::new(&Library::shipped(), &scenario, &[quantity]).unwrap()
}

/// A row of one number; every 4096th failed.
fn row(index: usize) -> Row {
    let failed = index % 4096 == 77;
    Row {
        index,
        values: vec![if failed { f64::NAN } else { made(index, 0) }],
        failure: failed.then(|| "made to fail".to_owned()),
    }
}

fn plan(points: usize) -> SensitivityPlan {
    let assay = assay();
    let space = Space::all(&assay.templates[0], &[], "test").unwrap();
    let space = Space {
        axes: space.axes.into_iter().take(14).collect(),
    };
    SensitivityPlan {
        method: Method::Sobol(sobol::Design::new(points, space.axes.len(), 1).unwrap()),
        assay,
        space,
        seed: 1,
    }
}

/// Parts written and joined in a folder: the rows, the peak of joining, and what is held after it, bytes.
fn joined(plan: &SensitivityPlan, folder: &Path) -> (Joined, f64, f64) {
    let manifest = Manifest::new(&Library::shipped(), &Accuracy::ensemble(), &[]);
    let header = Header::new(&manifest, 1, plan, 2048);
    let store = Store::open(folder.join("study.parts"), header, true).unwrap();
    for part in 0..store.header.parts() {
        let rows: Vec<Row> = store.header.range(part).map(row).collect();
        store.write(part, &rows).unwrap();
    }
    let before = MEMORY.current_usage();
    let mut rows = None;
    let most = peak(|| {
        let csv = folder.join("rows.csv");
        rows = Some(store.join(&csv, &folder.join("rows.parquet")).unwrap());
    });
    let held = MEMORY.current_usage().saturating_sub(before);
    (rows.unwrap(), most, held as f64)
}

/// Joined rows are on disk: joining needs no more for twice the rows (both more than Parquet takes at
/// once), and nearly nothing is held after it. In memory they would be 64 bytes each, which are seen.
fn joining() {
    let folder = tempfile::tempdir().unwrap();
    let (few, many) = (plan(1 << 13), plan(1 << 14));
    let (_, small, _) = joined(&few, folder.path());
    let (rows, large, held) = joined(&many, folder.path());
    assert_eq!(rows.count(), many.rows());
    assert!(large < 1.05 * small, "joining: {small} and {large} bytes");
    assert!(held < 0.2 * many.rows() as f64, "{held} bytes are held");
    let seen = peak(|| {
        let rows: Vec<Row> = (0..few.rows()).map(row).collect();
        assert_eq!(rows.count(), few.rows());
    });
    assert!(seen >= 64.0 * few.rows() as f64, "{seen} bytes are seen");
}

/// Sobol indices need the numbers of one endpoint, 8 bytes a row, and two more to resample them.
fn sobol_indices_from_disk() {
    let analysed = |plan: &SensitivityPlan| {
        let folder = tempfile::tempdir().unwrap();
        let (rows, _, _) = joined(plan, folder.path());
        peak(|| {
            let result = plan.analyse(&rows).unwrap();
            assert_eq!(result.tally.requested, plan.rows());
            assert_eq!(result.tally.failed, plan.rows().div_ceil(4096));
        })
    };
    let (few, many) = (plan(1 << 9), plan(1 << 12));
    let (small, large) = (analysed(&few), analysed(&many));
    let per_row = (large - small) / (many.rows() - few.rows()) as f64;
    assert!(
        (8.0..12.0).contains(&per_row),
        "{small} and {large} bytes: {per_row} per row"
    );
}

/// A sweep keeps one number per row, and its table nothing.
fn a_sweep_and_its_table() {
    let assay = assay();
    let template = assay.templates[0].clone();
    let axis = |text: &str| Axis::parse(text, &template, "test").unwrap();
    let sweep = |count: usize| {
        let plan = SweepPlan {
            assay: assay.clone(),
            axes: vec![
                axis(&format!("dose=1:2:{count}")),
                axis("hif.haf_loss=1:2:500"),
            ],
        };
        let rows = plan.rows();
        let width = 1;
        let grown = peak(|| {
            let result = plan.analyse(&Made { rows, width }).unwrap();
            let table = sweep_table(&result);
            table.write_csv(&mut std::io::sink()).unwrap();
            let (first, count) = table.first(10).unwrap();
            assert_eq!((first.rows.len(), count), (10, rows));
        });
        (grown, rows as f64)
    };
    let ((small, few), (large, many)) = (sweep(50), sweep(200));
    let per_row = (large - small) / (many - few);
    assert!(
        (8.0..10.0).contains(&per_row),
        "{small} and {large} bytes: {per_row} per row"
    );
}

/// A trial keeps what it concludes about a patient, not the scans; the table of courses reads them again.
fn a_trial_and_its_courses() {
    let library = Library::shipped();
    let trial = |patients: u64| {
        let design = TrialDesign {
            patients,
            population: "xenograft-mice".to_owned(),
            scan_interval: 168.0,
            ..TrialDesign::read(&library, "sharp", "test").unwrap()
        };
        let scenario = Scenario::new("xenograft", Arm::vehicle());
        let plan = TrialPlan::new(&library, &design, &scenario, 1).unwrap();
        let rows = Made {
            rows: plan.rows(),
            width: plan.fields().len(),
        };
        assert!(rows.width > 50, "{} numbers a row", rows.width);
        let grown = peak(|| {
            let result = plan.analyse(&rows).unwrap();
            let table = courses_table(&plan, &rows, &result);
            table.write_csv(&mut std::io::sink()).unwrap();
        });
        (grown, rows.rows as f64)
    };
    let ((small, few), (large, many)) = (trial(100), trial(800));
    let per_row = (large - small) / (many - few);
    assert!(
        per_row < 120.0,
        "{small} and {large} bytes: {per_row} per row"
    );
}

#[test]
fn memory_does_not_hold_the_rows() {
    joining();
    sobol_indices_from_disk();
    a_sweep_and_its_table();
    a_trial_and_its_courses();
}
