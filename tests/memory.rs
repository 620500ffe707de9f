//! Memory does not grow with the rows of a study: what lies on disk is read by column or block, and long
//! tables are written row by row.
//!
//! Peaks are those of the allocator, of this process alone, so that what other tests do does not count:
//! one test, one thread.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::error::Result;
use hif_switch::figure::{self, synergy_figures, trial_figures};
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::report::{
    Access, Header, Joined, Manifest, Store, courses_table, population_summary, rejections,
    subjects_table, sweep_table, synergy_over_time_table, synergy_table,
};
use hif_switch::simulate::{Accuracy, Scenario, Template};
use hif_switch::study::assay::{Assay, Quantity};
use hif_switch::study::plan::{Block, Failures, Outline, Plan, Row, Rows};
use hif_switch::study::population::{Population, Sampler, SubjectsPlan};
use hif_switch::study::runs::{Probe, stream};
use hif_switch::study::schedule::{Effort, Goal, SchedulePlan, ScheduleSearch};
use hif_switch::study::sensitivity::{Method, SensitivityPlan, Space, morris, sobol};
use hif_switch::study::sweep::{Axis, SweepPlan};
use hif_switch::study::synergy::SynergyPlan;
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

/// Two peaks with the rows they are of: between them, less than so many bytes a row.
#[track_caller]
fn flat((small, few): (f64, usize), (large, many): (f64, usize), most: f64) {
    let per_row = (large - small) / (many - few) as f64;
    let peaks = format!("{small} bytes for {few} rows, {large} for {many}");
    assert!(per_row < most, "{peaks}: {per_row} per row");
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
    let header = Header::new(&manifest, 1, plan, 2048).unwrap();
    let store = Store::open(folder.join("study.parts"), header, Access::Anew).unwrap();
    for part in 0..store.header.parts() {
        let rows: Vec<Row> = store.header.range(part).map(row).collect();
        store.write(part, &rows).unwrap();
    }
    let before = MEMORY.current_usage();
    let mut rows = None;
    let most = peak(|| {
        let csv = folder.join("rows.csv");
        rows = Some(store.join(&csv, &folder.join("rows.parquet")).unwrap().0);
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

/// Effects of Morris need the numbers of one endpoint.
fn morris_effects() {
    let analysed = |trajectories: usize| {
        let mut plan = plan(4);
        let parameters = plan.space.axes.len();
        let design = morris::Design::new(trajectories, parameters, 8, 1).unwrap();
        plan.method = Method::Morris(Box::new(design));
        let rows = Made {
            rows: plan.rows(),
            width: 1,
        };
        (peak(|| drop(plan.analyse(&rows).unwrap())), plan.rows())
    };
    flat(analysed(500), analysed(4000), 8.5);
}

/// Screening all parameters meets ever new patterns of zeros and ones, each with equations of its own, which are let go.
fn equations_of_many_patterns() {
    let scenario = Scenario::new("xenograft", Arm::sorafenib());
    let quantity = Quantity::parse("log10_burden", "test").unwrap();
    let assay = Assay::new(&Library::shipped(), &scenario, &[quantity]).unwrap();
    let space = Space::all(&assay.templates[0], &[], "test").unwrap();
    let screened = |trajectories: usize| {
        let design = morris::Design::new(trajectories, space.axes.len(), 8, 1).unwrap();
        let plan = SensitivityPlan {
            method: Method::Morris(Box::new(design)),
            assay: assay.clone(),
            space: space.clone(),
            seed: 1,
        };
        let mut sink = |_| Ok(());
        let grown = peak(|| {
            plan.run(0..plan.rows(), &Accuracy::ensemble(), &|| {}, &mut sink)
                .unwrap();
        });
        (grown, plan.rows())
    };
    // More rows than a chunk of runs, which is held whatever the study.
    let (few, many) = (screened(13), screened(19));
    flat(few, many, 2000.0);
}

/// A sweep needs the numbers of one endpoint for its figure, and nothing for its tables.
fn a_sweep_and_its_table() {
    let assay = assay();
    let template = assay.templates[0].clone();
    let axis = |text: &str| Axis::parse(text, &template, "test").unwrap();
    let sweep = |count: usize| {
        let plan = SweepPlan {
            assay: assay.clone(),
            axes: vec![
                axis(&format!("dose=1:2:{count}")),
                axis("hif.haf_loss=1:2:20"),
            ],
        };
        let rows = plan.rows();
        let width = 1;
        let grown = peak(|| {
            let made = Made { rows, width };
            let result = plan.analyse(&made);
            let table = sweep_table(&result);
            table.write_csv(&mut std::io::sink()).unwrap();
            table.write_json(&mut std::io::sink()).unwrap();
            figure::sweep(&result).unwrap();
            let (first, count) = table.first(10).unwrap();
            assert_eq!((first.rows.len(), count), (10, rows));
        });
        (grown, rows)
    };
    // More columns than a heat map draws, thinned to as many.
    flat(sweep(600), sweep(9600), 12.0);
}

/// A trial needs one number of every row, and a little more of every patient; tables and figures read the
/// rows again.
fn a_trial_and_its_courses() {
    let library = Library::shipped();
    let trial = |patients: u64| {
        let design = TrialDesign {
            patients,
            population: "xenograft-mice".to_owned(),
            scan_interval: 336.0,
            arms: vec![Arm::vehicle(), Arm::sorafenib(), Arm::combination("pt2385")],
            ..TrialDesign::read(&library, "sharp", "test").unwrap()
        };
        let scenario = Scenario::new("xenograft", Arm::vehicle());
        let plan = TrialPlan::new(&library, &design, &scenario, 1).unwrap();
        let people = plan.subjects();
        let of = |plan: &dyn Plan| Made {
            rows: plan.rows(),
            width: plan.fields().len(),
        };
        let (rows, subjects) = (of(&plan), of(&people));
        assert!(rows.width > 25, "{} numbers a row", rows.width);
        let grown = peak(|| {
            let result = plan.analyse(&rows, &subjects).unwrap();
            trial_figures(&result).unwrap();
            let table = courses_table(&plan, &rows, &result);
            table.write_csv(&mut std::io::sink()).unwrap();
            subjects_table(&people, &subjects)
                .write_csv(&mut std::io::sink())
                .unwrap();
        });
        (grown, rows.rows)
    };
    // More patients than a waterfall has bars, thinned to as many.
    flat(trial(2000), trial(6000), 24.0);
}

/// A study of two drugs needs a few numbers of every subject, tens of rows each.
fn synergy_over_subjects() {
    let library = Library::shipped();
    let scenario = Scenario::new("xenograft", Arm::combination("pt2385"));
    let synergy = |subjects: u64| {
        let (first, second) = ([10.0, 30.0], [0.5, 1.0]);
        let plan = SynergyPlan::new(&library, &scenario, &first, &second, None, &[168.0]).unwrap();
        let population = Population::read(&library, "xenograft-mice", "test").unwrap();
        let sampler = Sampler::new(&library, &population, &scenario, 1).unwrap();
        let plan = plan.over(sampler, subjects).unwrap();
        let rows = Made {
            rows: plan.rows(),
            width: plan.fields().len(),
        };
        let grown = peak(|| {
            let result = plan.analyse(&rows).unwrap();
            synergy_figures(&result).unwrap();
            for table in [
                synergy_table(&plan, &rows, &result),
                synergy_over_time_table(&plan, &rows),
            ] {
                table.write_csv(&mut std::io::sink()).unwrap();
            }
        });
        (grown, rows.rows)
    };
    flat(synergy(70), synergy(280), 12.0);
}

/// A population needs one number of every subject.
fn a_population() {
    let library = Library::shipped();
    let population = Population::read(&library, "xenograft-mice", "test").unwrap();
    let scenario = Scenario::new("xenograft", Arm::sorafenib());
    let sampler = Sampler::new(&library, &population, &scenario, 1).unwrap();
    let summed_up = |count: usize| {
        let plan = SubjectsPlan {
            sampler: &sampler,
            count,
            burden_unit: "mm^3".to_owned(),
        };
        let rows = Made {
            rows: count,
            width: plan.fields().len(),
        };
        let grown = peak(|| {
            population_summary(&plan, &rows).unwrap();
            rejections(&plan, &rows).unwrap();
            figure::population(&plan, &rows).unwrap();
            let table = subjects_table(&plan, &rows);
            table.write_csv(&mut std::io::sink()).unwrap();
        });
        (grown, count)
    };
    flat(summed_up(10_000), summed_up(40_000), 12.5);
}

/// A search for schedules keeps the front, and so many others as a figure shows.
fn a_search_for_schedules() {
    let library = Library::shipped();
    let scenario = Scenario::new("xenograft", Arm::combination("pt2385"));
    let search = ScheduleSearch::new(&library, &scenario, Goal::Burden, false).unwrap();
    let searched = |samples: usize| {
        let effort = Effort {
            samples,
            budgets: 2,
            evaluations: 50,
        };
        let plan = SchedulePlan::new(search.clone(), effort, 1).unwrap();
        let rows = Made {
            rows: plan.rows(),
            width: plan.fields().len(),
        };
        (peak(|| drop(plan.analyse(&rows).unwrap())), rows.rows)
    };
    flat(searched(1 << 14), searched(1 << 16), 8.0);
}

/// Long runs are prepared and run a few at a time: what they need does not depend on how many there are.
fn runs_of_a_year() {
    let library = Library::shipped();
    let scenario = Scenario {
        duration: Some(365.0 * 24.0),
        ..Scenario::new("patient", Arm::sorafenib())
    };
    let template = Template::read(&library, &scenario).unwrap();
    let accuracy = Accuracy {
        rtol: 1e-3,
        ..Accuracy::ensemble()
    };
    let probe = Probe {
        times: (0..9).map(|scan| f64::from(scan) * 1008.0).collect(),
        endpoints: false,
    };
    let mut prepared = 0;
    let grown = peak(|| {
        let stopped = stream(
            0..2048,
            |runs| {
                prepared = prepared.max(runs.end);
                Ok(runs.map(|_| template.problem(&[])).collect())
            },
            &probe,
            &accuracy,
            |_, _| Err(hif_switch::Error::input("test", "seen", "stop")),
        );
        assert!(stopped.is_err());
    });
    assert!((1..1024).contains(&prepared), "{prepared} prepared at once");
    assert!(grown < 48e6, "{grown} bytes");
}

#[test]
fn memory_does_not_hold_the_rows() {
    joining();
    sobol_indices_from_disk();
    morris_effects();
    a_sweep_and_its_table();
    a_trial_and_its_courses();
    synergy_over_subjects();
    a_population();
    a_search_for_schedules();
    runs_of_a_year();
    equations_of_many_patterns();
}
