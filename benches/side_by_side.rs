//! This crate's part of the comparison with other ODE engines; `benches/side_by_side/run.sh` does the whole.
//!
//! `cargo bench --bench side_by_side -- FOLDER` writes the model as C source (`model.c`), the patients with their
//! regimen (`patients.bin`) and a reference solution (`reference.bin`) to FOLDER, and appends the cost of this
//! crate's engines to `FOLDER/results.csv`.

#![allow(clippy::unwrap_used)]

use hif_switch::endpoints::Collector;
use hif_switch::model::{STATES, State};
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Change};
use hif_switch::simulate::{
    Accuracy, Listing, Method, Probe, Problem, Scenario, run_many, run_many_observed,
};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

const DAYS: f64 = 180.0;
const PATIENTS: usize = 16;
const MANY: usize = 512;

/// Parameters that differ between patients, each by a factor from 0.8 to 1.25.
const VARIED: [&str; 11] = [
    "exposure.clearance",
    "exposure.volume",
    "vegf.turnover",
    "hif.haf_loss",
    "tumour.growth_rate",
    "effectors.survival_strength",
    "sorafenib.vegfr2_ec50",
    "sorafenib.raf_ec50",
    "tumour.death_rate",
    "tumour.adaptation_rate",
    "signalling.akt_turnover",
];

/// Patient 0 has the shipped parameters.
fn patient(library: &Library, arm: &Arm, days: f64, number: usize, seed: &mut u64) -> Problem {
    let mut scenario = Scenario {
        duration: Some(24.0 * days),
        ..Scenario::new("patient", arm.clone())
    };
    let table = scenario.parameters(library).unwrap();
    for path in VARIED {
        *seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let part = (*seed >> 11) as f64 / (1u64 << 53) as f64;
        if let (Some(entry), true) = (table.number(path), number > 0) {
            let value = entry.value.unwrap() * (0.8 + 0.45 * part);
            scenario
                .overrides
                .push((path.to_owned(), format!("{value} {}", entry.unit)));
        }
    }
    scenario.prepare(library).unwrap()
}

fn patients(arm: &Arm, days: f64, count: usize) -> Vec<Problem> {
    let library = Library::shipped();
    let mut seed = 20_260_101;
    (0..count)
        .map(|n| patient(&library, arm, days, n, &mut seed))
        .collect()
}

/// Processor time of this process, s (clock ticks of Linux).
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}

/// Smallest processor time of a few repeats, s per run, repeated until a repeat takes a second.
fn cost(runs: usize, mut work: impl FnMut()) -> f64 {
    let mut best = f64::INFINITY;
    let mut spent = 0.0;
    for _ in 0..40 {
        let start = processor_time();
        work();
        let taken = processor_time() - start;
        spent += taken;
        best = best.min(taken / runs as f64);
        if spent > 6.0 {
            break;
        }
    }
    best
}

/// Times of the samples: just before every dose, and the end.
fn samples() -> Vec<f64> {
    (1..=(2.0 * DAYS) as u32)
        .map(|i| 12.0 * f64::from(i))
        .collect()
}

type Samples = Vec<Vec<State<f64>>>;

fn sampled(problems: &[Problem], accuracy: &Accuracy) -> Samples {
    let probe = Probe { times: samples() };
    run_many(problems, &probe, accuracy)
        .into_iter()
        .map(|result| result.unwrap().trajectory.states)
        .collect()
}

/// Largest |difference|/(|value| + 1e-3) over patients, samples and all states but the drug amounts.
fn error(values: &Samples, reference: &Samples) -> f64 {
    let counted: Vec<usize> = (0..STATES)
        .filter(|i| State::fields()[*i].unit != "mg")
        .collect();
    let mut worst = 0.0f64;
    for (a, b) in values.iter().flatten().zip(reference.iter().flatten()) {
        let (a, b) = (a.to_array(), b.to_array());
        for i in &counted {
            worst = worst.max((a[*i] - b[*i]).abs() / (b[*i].abs() + 1e-3));
        }
    }
    worst
}

fn put(file: &mut File, values: &[f64]) {
    let bytes: Vec<u8> = values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    file.write_all(&bytes).unwrap();
}

/// model.c, patients.bin and reference.bin.
fn export(folder: &Path, problems: &[Problem], reference: &Samples) {
    let listing = Listing::new(&problems[0]);
    std::fs::write(folder.join("model.c"), &listing.source).unwrap();
    let n = listing.states.len();
    let mut file = File::create(folder.join("patients.bin")).unwrap();
    let stretches = |problem: &Problem| {
        let events = &problem.timeline.events;
        let mut times: Vec<f64> = events.iter().map(|event| event.time).collect();
        times.push(problem.timeline.duration);
        times.dedup_by(|a, b| *a - *b < 1e-9);
        times
    };
    let constants = listing
        .constants(&problems[0], &problems[0].timeline.before)
        .len();
    let count = stretches(&problems[0]).len() - 1;
    put(
        &mut file,
        &[
            problems.len() as f64,
            n as f64,
            constants as f64,
            count as f64,
        ],
    );
    let names: Vec<&str> = listing
        .states
        .iter()
        .map(|i| State::fields()[*i].name)
        .collect();
    std::fs::write(folder.join("states.txt"), names.join("\n")).unwrap();
    for problem in problems {
        let mut inputs = problem.timeline.before;
        put(&mut file, &listing.constants(problem, &inputs));
        inputs.sorafenib.gallbladder_open = true;
        put(&mut file, &listing.constants(problem, &inputs));
        let start = problem.baseline.to_array();
        put(
            &mut file,
            &listing
                .states
                .iter()
                .map(|i| start[*i])
                .collect::<Vec<f64>>(),
        );
        // Absolute over relative tolerance: as this crate has it.
        let dose = problem.largest_doses()[0];
        let weights = listing
            .states
            .iter()
            .map(|i| match State::fields()[*i].unit {
                "mg" => dose,
                "mmHg" => 0.01 * problem.model.reference_oxygen,
                "burden" => 0.01 * problem.model.size.initial,
                _ => 0.01,
            });
        put(&mut file, &weights.collect::<Vec<f64>>());
        for pair in stretches(problem).windows(2) {
            let (mut open, mut dose) = (0.0, 0.0);
            for event in &problem.timeline.events {
                if (event.time - pair[0]).abs() < 1e-9 {
                    match event.change {
                        Change::Dose { absorbed, .. } => dose += absorbed,
                        Change::Gallbladder(opens) => open = f64::from(u8::from(opens)),
                        _ => {}
                    }
                }
            }
            let last = (pair[1] / 12.0 - (pair[1] / 12.0).round()).abs() < 1e-9;
            put(
                &mut file,
                &[pair[0], pair[1], open, dose, f64::from(u8::from(last))],
            );
        }
    }
    let mut file = File::create(folder.join("reference.bin")).unwrap();
    for state in reference.iter().flatten() {
        let values = state.to_array();
        put(
            &mut file,
            &listing
                .states
                .iter()
                .map(|i| values[*i])
                .collect::<Vec<f64>>(),
        );
    }
}

struct Results(File);

impl Results {
    fn row(&mut self, engine: &str, case: &str, runs: usize, rtol: f64, seconds: f64, error: f64) {
        let error = if error.is_nan() {
            String::new()
        } else {
            format!("{error:.3e}")
        };
        let line = format!(
            "{engine},{case},{runs},{rtol:e},{:.5},{error}",
            1e3 * seconds
        );
        eprintln!("{line}");
        writeln!(self.0, "{line}").unwrap();
    }
}

fn main() {
    let Some(folder) = std::env::args().skip(1).find(|a| !a.starts_with("--")) else {
        println!("side_by_side: name a folder to write to; see benches/side_by_side/run.sh");
        return;
    };
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).unwrap();
    let with = |accuracy: Accuracy, rtol: f64| Accuracy { rtol, ..accuracy };
    let sorafenib = Arm::sorafenib();
    let many = patients(&sorafenib, DAYS, MANY);
    let few = &many[..PATIENTS];
    let tight = Accuracy {
        method: Method::Dop853,
        rtol: 1e-13,
        ..Accuracy::default()
    };
    let reference = sampled(few, &tight);
    export(folder, few, &reference);
    let path = folder.join("results.csv");
    let mut results = Results(
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap(),
    );

    for rtol in [1e-4, 1e-5, 3e-6, 1e-6, 1e-7, 1e-8] {
        let lanes = with(Accuracy::ensemble(), rtol);
        let off = error(&sampled(few, &lanes), &reference);
        let seconds = cost(MANY, || {
            let _ = run_many(&many, &Probe::default(), &lanes);
        });
        results.row("hif-switch lanes", "ensemble", MANY, rtol, seconds, off);
    }
    for rtol in [1e-5, 1e-6, 1e-7] {
        let lanes = with(Accuracy::ensemble(), rtol);
        let one = &few[..1];
        let off = error(&sampled(one, &lanes), &vec![reference[0].clone()]);
        let seconds = cost(8, || {
            for _ in 0..8 {
                let _ = run_many(one, &Probe::default(), &lanes);
            }
        });
        results.row("hif-switch one lane", "single", 1, rtol, seconds, off);
    }
    for rtol in [1e-4, 1e-5, 1e-6, 1e-7] {
        let single = with(Accuracy::default(), rtol);
        let off = error(&sampled(few, &single), &reference);
        let seconds = cost(PATIENTS, || {
            for problem in few {
                let _ = problem.run(&single, &mut []);
            }
        });
        results.row(
            "ode_solvers Dopri5",
            "ensemble",
            PATIENTS,
            rtol,
            seconds,
            off,
        );
    }
    // Growth of the cost with patients, days and arms, and with the collection of endpoints.
    let lanes = with(Accuracy::ensemble(), 3e-6);
    for count in [1, 8, 32, 128, 512] {
        let seconds = cost(count, || {
            let _ = run_many(&many[..count], &Probe::default(), &lanes);
        });
        results.row(
            "hif-switch lanes",
            "patients",
            count,
            3e-6,
            seconds,
            f64::NAN,
        );
    }
    for days in [30.0, 90.0, 180.0, 365.0] {
        let problems = patients(&sorafenib, days, 128);
        let seconds = cost(128, || {
            let _ = run_many(&problems, &Probe::default(), &lanes);
        });
        results.row(
            "hif-switch lanes",
            &format!("days {days}"),
            128,
            3e-6,
            seconds,
            f64::NAN,
        );
    }
    let library = Library::shipped();
    for name in [
        "vehicle",
        "sorafenib",
        "belzutifan",
        "sorafenib+belzutifan",
        "sorafenib+pt2385",
        "sorafenib+genistein",
    ] {
        let arm = Arm::parse(name, &library, "bench").unwrap();
        let problems = patients(&arm, DAYS, 128);
        let seconds = cost(128, || {
            let _ = run_many(&problems, &Probe::default(), &lanes);
        });
        results.row(
            "hif-switch lanes",
            &format!("arm {name}"),
            128,
            3e-6,
            seconds,
            f64::NAN,
        );
    }
    let seconds = cost(128, || {
        let _ = run_many_observed(&many[..128], &lanes, |_, problem| Collector::new(problem));
    });
    results.row(
        "hif-switch lanes",
        "endpoints",
        128,
        3e-6,
        seconds,
        f64::NAN,
    );
}
