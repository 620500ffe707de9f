//! This crate's part of the comparison with other ODE engines; `benches/side_by_side/run.sh` does the whole.
//!
//! `cargo bench --bench side_by_side -- FOLDER` writes the model as C source (`model.c`), the patients with their
//! regimen (`patients.bin`) and a reference solution (`reference.bin`) to FOLDER, and appends the cost of this
//! crate's engines to `FOLDER/results.csv`. `-- FOLDER threads` appends the rows on one and on two threads by the
//! clock, `-- FOLDER observed` appends those with and without the collection of endpoints, and `-- FOLDER endpoints N`
//! compares every endpoint of N random patients in six arms with single runs of `ode_solvers` and writes the largest
//! differences to `FOLDER/endpoints.csv`.

#![allow(clippy::unwrap_used)]

use hif_switch::endpoints::{Collector, Endpoints};
use hif_switch::model::{STATES, State};
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Change};
use hif_switch::simulate::{
    Accuracy, Listing, Method, Probe, Problem, Scenario, run_many, run_many_observed,
};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

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
    random(library, "patient", arm, days, number, seed)
}

fn random(
    library: &Library,
    setting: &str,
    arm: &Arm,
    days: f64,
    number: usize,
    seed: &mut u64,
) -> Problem {
    let mut scenario = Scenario {
        duration: Some(24.0 * days),
        ..Scenario::new(setting, arm.clone())
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

/// Shortest time that is measured, s: fifty ticks.
const SAMPLE: f64 = 0.5;

/// Smallest time of five samples by `clock`, s per run; a sample repeats the work until it takes half a second.
fn cost_by(clock: impl Fn() -> f64, runs: usize, mut work: impl FnMut()) -> f64 {
    let mut repeats = 1;
    let mut best = f64::INFINITY;
    let mut samples = 0;
    while samples < 5 {
        let start = clock();
        for _ in 0..repeats {
            work();
        }
        let taken = clock() - start;
        if taken < SAMPLE {
            repeats = (repeats * 2).max((repeats as f64 * 1.2 * SAMPLE / taken.max(0.02)) as usize);
            continue;
        }
        best = best.min(taken / (runs * repeats) as f64);
        samples += 1;
    }
    best
}

fn cost(runs: usize, work: impl FnMut()) -> f64 {
    cost_by(processor_time, runs, work)
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

/// The error of lanes: of runs that are looked into at every sample, and of runs that are looked into at one of them only,
/// because steps that nobody looks into may be foreseen.
fn lane_error(problems: &[Problem], reference: &Samples, accuracy: &Accuracy) -> f64 {
    let mut worst = error(&sampled(problems, accuracy), reference);
    for (at, time) in samples().into_iter().enumerate().skip(4).step_by(5) {
        let probe = Probe { times: vec![time] };
        let runs = run_many(problems, &probe, accuracy).into_iter();
        let values = runs.map(|run| run.unwrap().trajectory.states).collect();
        let expected = reference.iter().map(|states| vec![states[at]]).collect();
        worst = worst.max(error(&values, &expected));
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
    fn open(folder: &Path) -> Self {
        let path = folder.join("results.csv");
        let mut options = OpenOptions::new();
        Self(options.create(true).append(true).open(path).unwrap())
    }

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

/// Tolerance at which the lanes reach an error of about 1e-6.
const USUAL: f64 = 1e-5;

/// Time per run by the clock on one and on two threads.
fn threads(folder: &Path) {
    let mut results = Results::open(folder);
    let many = patients(&Arm::sorafenib(), DAYS, MANY);
    let lanes = Accuracy {
        rtol: USUAL,
        ..Accuracy::ensemble()
    };
    let begin = Instant::now();
    for count in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(count).build();
        let seconds = pool.unwrap().install(|| {
            cost_by(
                || begin.elapsed().as_secs_f64(),
                MANY,
                || {
                    let _ = run_many(&many, &Probe::default(), &lanes);
                },
            )
        });
        let case = format!("threads {count}, clock");
        results.row("hif-switch lanes", &case, MANY, USUAL, seconds, f64::NAN);
    }
}

/// Time per run of 128 patients without and with the collection of endpoints, by arm.
fn observed(folder: &Path) {
    let mut results = Results::open(folder);
    let library = Library::shipped();
    let lanes = Accuracy {
        rtol: USUAL,
        ..Accuracy::ensemble()
    };
    for name in ["sorafenib", "vehicle", "sorafenib+belzutifan"] {
        let arm = Arm::parse(name, &library, "bench").unwrap();
        let problems = patients(&arm, DAYS, 128);
        let mut row = |case: &str, seconds: f64| {
            let case = format!("{case} {name}");
            results.row("hif-switch lanes", &case, 128, USUAL, seconds, f64::NAN);
        };
        row(
            "unobserved",
            cost(128, || {
                let _ = run_many(&problems, &Probe::default(), &lanes);
            }),
        );
        row(
            "endpoints",
            cost(128, || {
                let _ = run_many_observed(&problems, &lanes, |_, problem| Collector::new(problem));
            }),
        );
    }
}

/// Largest difference of every endpoint between lanes and single runs over random patients, half of them mice, each
/// in all arms.
fn endpoints(folder: &Path, count: usize) {
    const ARMS: [&str; 6] = [
        "vehicle",
        "sorafenib",
        "pt2385",
        "sorafenib+pt2385",
        "sorafenib+belzutifan",
        "sorafenib+genistein",
    ];
    const RTOLS: [f64; 4] = [1e-6, 1e-8, 1e-9, 1e-10];
    /// Patients at a time.
    const CHUNK: usize = 200;
    let library = Library::shipped();
    let arms = ARMS.map(|arm| Arm::parse(arm, &library, "bench").unwrap());
    // Steps so short that the interpolant adds nothing to the error.
    let single = Accuracy {
        method: Method::Dop853,
        rtol: 1e-11,
        max_step: 0.5,
        ..Accuracy::default()
    };
    let collect = |problems: &[Problem], accuracy: &Accuracy| -> Vec<Endpoints> {
        run_many_observed(problems, accuracy, |_, problem| Collector::new(problem))
            .into_iter()
            .zip(problems)
            .map(|(result, problem)| {
                let (collector, outcome) = result.unwrap();
                collector.finish(problem, &outcome)
            })
            .collect()
    };
    let mut tables = RTOLS.map(|_| vec![Difference::default(); Endpoints::DEFINITIONS.len()]);
    for first in (0..count).step_by(CHUNK) {
        let mut problems = Vec::new();
        for patient in first..count.min(first + CHUNK) {
            for (arm, name) in arms.iter().zip(ARMS) {
                // The same patient in every arm.
                let mut seed = 7 + patient as u64;
                let setting = ["xenograft", "patient"][patient % 2];
                let mut problem = random(&library, setting, arm, 28.0, patient + 1, &mut seed);
                problem.label = format!("{setting} {name} {patient}");
                problems.push(problem);
            }
        }
        let reference = collect(&problems, &single);
        for (rtol, table) in RTOLS.iter().zip(&mut tables) {
            let lanes = Accuracy {
                rtol: *rtol,
                ..Accuracy::ensemble()
            };
            for ((a, b), problem) in collect(&problems, &lanes)
                .iter()
                .zip(&reference)
                .zip(&problems)
            {
                for ((difference, a), b) in table.iter_mut().zip(a.values()).zip(b.values()) {
                    difference.add(a, b, &problem.label);
                }
            }
        }
        eprintln!("{} of {count} patients", count.min(first + CHUNK));
    }
    let mut file = File::create(folder.join("endpoints.csv")).unwrap();
    let header =
        "rtol,endpoint,compared,largest_difference,above_1e-6,only_one,worst,value,reference";
    writeln!(file, "{header}").unwrap();
    for (rtol, table) in RTOLS.iter().zip(&tables) {
        for (definition, d) in Endpoints::DEFINITIONS.iter().zip(table) {
            let line = format!(
                "{rtol:e},{},{},{:.2e},{},{},{},{:?},{:?}",
                definition.name,
                d.compared,
                d.largest,
                d.above,
                d.only_one,
                d.worst,
                d.values.0,
                d.values.1
            );
            eprintln!("{line}");
            writeln!(file, "{line}").unwrap();
        }
    }
}

/// Differences of one endpoint.
#[derive(Clone, Default)]
struct Difference {
    compared: usize,
    /// Largest where both have a value.
    largest: f64,
    above: usize,
    only_one: usize,
    /// The worst case: infinite where only one has a value.
    off: f64,
    worst: String,
    values: (f64, f64),
}

impl Difference {
    fn add(&mut self, value: Option<f64>, reference: Option<f64>, label: &str) {
        let off = match (value, reference) {
            (Some(a), Some(b)) => {
                self.compared += 1;
                (a - b).abs() / b.abs().max(1e-3)
            }
            (None, None) => return,
            _ => {
                self.only_one += 1;
                f64::INFINITY
            }
        };
        self.above += usize::from(off > 1e-6);
        if off.is_finite() {
            self.largest = self.largest.max(off);
        }
        if off > self.off {
            self.off = off;
            self.worst = label.to_owned();
            self.values = (value.unwrap_or(f64::NAN), reference.unwrap_or(f64::NAN));
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let Some(folder) = arguments.first() else {
        println!("side_by_side: name a folder to write to; see benches/side_by_side/run.sh");
        return;
    };
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("threads") => return threads(folder),
        Some("endpoints") => return endpoints(folder, arguments[2].parse().unwrap()),
        Some("observed") => return observed(folder),
        _ => {}
    }
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
    let mut results = Results::open(folder);

    for rtol in [1e-4, 3e-5, 1e-5, 1e-6, 1e-7, 1e-8] {
        let lanes = with(Accuracy::ensemble(), rtol);
        let off = lane_error(few, &reference, &lanes);
        let seconds = cost(MANY, || {
            let _ = run_many(&many, &Probe::default(), &lanes);
        });
        results.row("hif-switch lanes", "ensemble", MANY, rtol, seconds, off);
    }
    for rtol in [1e-5, 1e-6, 1e-7] {
        let lanes = with(Accuracy::ensemble(), rtol);
        let one = &few[..1];
        let off = lane_error(one, &vec![reference[0].clone()], &lanes);
        let seconds = cost(1, || {
            let _ = run_many(one, &Probe::default(), &lanes);
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
    let lanes = with(Accuracy::ensemble(), USUAL);
    for count in [1, 8, 32, 128, 512] {
        let seconds = cost(count, || {
            let _ = run_many(&many[..count], &Probe::default(), &lanes);
        });
        results.row(
            "hif-switch lanes",
            "patients",
            count,
            USUAL,
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
            USUAL,
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
            USUAL,
            seconds,
            f64::NAN,
        );
    }
    observed(folder);
}
