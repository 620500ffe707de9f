//! Endpoints of many runs in lanes beside those of single runs with `ode_solvers`, for tests and benches.

use hif_switch::Result;
use hif_switch::endpoints::{Collector, Endpoints};
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Method, Problem, Scenario, run_many_observed};

/// Relative difference of endpoints up to which both ways agree.
pub const LIMIT: f64 = 1e-6;

/// Dop853 at a tight tolerance, with steps so short that the interpolant adds nothing to the error.
pub fn reference() -> Accuracy {
    Accuracy {
        method: Method::Dop853,
        rtol: 1e-11,
        max_step: 0.5,
        ..Accuracy::default()
    }
}

/// Lanes at a tolerance.
pub fn lanes(rtol: f64) -> Accuracy {
    Accuracy {
        rtol,
        ..Accuracy::ensemble()
    }
}

/// Endpoints of each problem, or the error of its run.
pub fn endpoints(problems: &[Problem], accuracy: &Accuracy) -> Vec<Result<Endpoints>> {
    run_many_observed(problems, accuracy, |_, problem| Collector::new(problem))
        .into_iter()
        .zip(problems)
        .map(|(run, problem)| {
            let (collector, outcome) = run?;
            for balance in &outcome.balance {
                assert!(balance.relative_error() < 1e-8, "{balance:?}");
            }
            Ok(collector.finish(problem, &outcome))
        })
        .collect()
}

/// Days by which the times of extrema may differ, or that part of them where they are longer: they carry the error of a
/// slope over a curvature.
pub const TIME_LIMIT: f64 = 1e-5;

/// Endpoints that differ by more than [`LIMIT`] relative to their value, or times of extrema by more than `time_limit`;
/// and how many were compared.
pub fn differences(
    problem: &Problem,
    a: &Endpoints,
    b: &Endpoints,
    time_limit: f64,
) -> (Vec<String>, usize) {
    let mut wrong = Vec::new();
    let mut compared = 0;
    let values = a.values().into_iter().zip(b.values());
    for ((a, b), definition) in values.zip(Endpoints::DEFINITIONS) {
        let name = definition.name;
        let extremum = name.ends_with("nadir_time") || name.ends_with("peak_time");
        let (limit, least) = if extremum {
            (time_limit, 1.0)
        } else {
            (LIMIT, 1e-3)
        };
        let near = match (a, b) {
            (Some(a), Some(b)) => {
                compared += 1;
                (a - b).abs() <= limit * b.abs().max(least)
            }
            (a, b) => a.is_none() && b.is_none(),
        };
        if !near {
            wrong.push(format!("{}: {name} is {a:?}, not {b:?}", problem.label));
        }
    }
    (wrong, compared)
}

/// What became of runs that were made both ways.
#[derive(Debug, Default)]
pub struct Tally {
    /// Runs whose endpoints agree.
    pub agree: usize,
    /// Runs that both ways refuse, or that cannot be prepared.
    pub refused: usize,
    /// Endpoints compared.
    pub compared: usize,
    /// What does not agree.
    pub wrong: Vec<String>,
}

impl Tally {
    /// Compares lanes at `rtol` with single runs; `time_limit` as in [`differences`].
    pub fn add(&mut self, problems: &[Problem], rtol: f64, time_limit: f64) {
        let many = endpoints(problems, &lanes(rtol));
        let single = endpoints(problems, &reference());
        for ((many, single), problem) in many.iter().zip(&single).zip(problems) {
            match (many, single) {
                (Ok(a), Ok(b)) => {
                    let (wrong, compared) = differences(problem, a, b, time_limit);
                    self.compared += compared;
                    self.agree += usize::from(wrong.is_empty());
                    self.wrong.extend(wrong);
                }
                (Err(_), Err(_)) => self.refused += 1,
                (Ok(_), Err(error)) => {
                    let label = &problem.label;
                    self.wrong
                        .push(format!("{label}: only the single run fails: {error}"));
                }
                (Err(error), Ok(_)) => {
                    let label = &problem.label;
                    self.wrong
                        .push(format!("{label}: only the lanes fail: {error}"));
                }
            }
        }
    }
}

/// Settings, an arm for each, and the length of a run in days.
const SETTINGS: [(&str, &str, f64); 3] = [
    ("culture", "sorafenib", 3.0),
    ("xenograft", "sorafenib", 14.0),
    ("patient", "sorafenib", 14.0),
];

/// Changes of parameters, as on the command line.
pub type Changes = Vec<(String, String)>;

fn bounds(library: &Library, scenario: &Scenario) -> Vec<(String, [String; 2])> {
    let table = scenario.parameters(library).unwrap();
    let numbers = table.numbers();
    let ranged = numbers.filter_map(|(path, entry)| {
        let (low, high) = entry.range?;
        let text = |value: f64| format!("{value} {}", entry.unit);
        Some((path.to_owned(), [text(low), text(high)]))
    });
    ranged.collect()
}

fn scenario(library: &Library, (setting, arm, days): (&str, &str, f64)) -> Scenario {
    Scenario {
        duration: Some(24.0 * days),
        ..Scenario::new(setting, Arm::parse(arm, library, "agreement").unwrap())
    }
}

/// Every parameter of every setting at both bounds of its range, one at a time; what cannot be prepared is left out.
pub fn at_bounds(library: &Library) -> Vec<(Scenario, Changes)> {
    let mut all = Vec::new();
    for setting in SETTINGS {
        let scenario = scenario(library, setting);
        for (path, ends) in bounds(library, &scenario) {
            for end in ends {
                all.push((scenario.clone(), vec![(path.clone(), end)]));
            }
        }
    }
    all
}

/// A part of 1 from two numbers (splitmix64).
pub fn part(seed: u64, index: u64) -> f64 {
    let mut z = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(index << 17);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Random corners: from one parameter in forty up to all of them, each at one of its bounds.
pub fn corners(library: &Library, count: u64) -> Vec<(Scenario, Changes)> {
    let settings = SETTINGS.map(|setting| scenario(library, setting));
    let ranges = settings.each_ref().map(|s| bounds(library, s));
    (0..count)
        .map(|n| {
            let at = (n % 3) as usize;
            let share = [0.025, 0.1, 0.4, 1.0][(n / 3 % 4) as usize];
            let mut changes = Changes::new();
            for (i, (path, ends)) in ranges[at].iter().enumerate() {
                let i = 2 * i as u64;
                if part(n, i) < share {
                    let end = usize::from(part(n, i + 1) < 0.5);
                    changes.push((path.clone(), ends[end].clone()));
                }
            }
            (settings[at].clone(), changes)
        })
        .collect()
}

/// The problems of changed scenarios, labelled by their changes, and how many cannot be prepared.
pub fn prepared(library: &Library, changed: &[(Scenario, Changes)]) -> (Vec<Problem>, usize) {
    let mut refused = 0;
    let mut problems = Vec::new();
    for (scenario, changes) in changed {
        let mut scenario = scenario.clone();
        scenario.overrides.extend(changes.iter().cloned());
        match scenario.prepare(library) {
            Ok(mut problem) => {
                for (path, value) in changes.iter().take(3) {
                    problem.label += &format!(" {path}={value}");
                }
                problems.push(problem);
            }
            Err(_) => refused += 1,
        }
    }
    (problems, refused)
}
