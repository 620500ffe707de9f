//! Cost of the units of work: a xenograft month and a patient half-year, with and without the
//! collection of endpoints, and one evaluation of the right-hand side.
//!
//! `cargo bench`

use divan::{Bencher, black_box};
use hif_switch::endpoints::Collector;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Problem, Scenario};

fn main() {
    divan::main();
}

fn problem(setting: &str, days: f64) -> Problem {
    let scenario = Scenario {
        duration: Some(24.0 * days),
        ..Scenario::new(setting, Arm::sorafenib())
    };
    match scenario.prepare(&Library::shipped()) {
        Ok(problem) => problem,
        Err(error) => panic!("{error}"),
    }
}

fn accuracy(rtol: f64) -> Accuracy {
    Accuracy {
        rtol,
        ..Accuracy::default()
    }
}

#[divan::bench(args = [1e-4, 1e-6, 1e-8])]
fn xenograft_month(bencher: Bencher<'_, '_>, rtol: f64) {
    let problem = problem("xenograft", 28.0);
    bencher.bench(|| problem.run(&accuracy(rtol), &mut []).is_ok());
}

#[divan::bench(args = [1e-4, 1e-6, 1e-8])]
fn patient_half_year(bencher: Bencher<'_, '_>, rtol: f64) {
    let problem = problem("patient", 182.0);
    bencher.bench(|| problem.run(&accuracy(rtol), &mut []).is_ok());
}

#[divan::bench]
fn patient_half_year_with_endpoints(bencher: Bencher<'_, '_>) {
    let problem = problem("patient", 182.0);
    bencher.bench(|| {
        let mut collector = Collector::new(&problem);
        problem
            .run(&Accuracy::default(), &mut [&mut collector])
            .map(|outcome| collector.finish(&problem, &outcome))
            .is_ok()
    });
}

#[divan::bench]
fn right_hand_side(bencher: Bencher<'_, '_>) {
    let problem = problem("patient", 7.0);
    let mut state = problem.baseline;
    state.sorafenib.central = 800.0;
    bencher.bench(|| {
        problem
            .model
            .derivatives(black_box(&problem.timeline.before), black_box(&state))
    });
}
