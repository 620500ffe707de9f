//! Integration is exact to its tolerance: nothing is lost, and nothing depends on how it is asked.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::Error;
use hif_switch::model::tumour::Tumour;
use hif_switch::model::{STATES, State};
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Change, Drug, Event, Mode};
use hif_switch::simulate::{
    Accuracy, Method, Observer, Outcome, Problem, Recorder, Scenario, Segment, Trajectory,
};
use hif_switch::units::Quantity;

const SETTINGS: [&str; 3] = ["culture", "xenograft", "patient"];

// ---------------------------------------------------------------- mass balance

#[test]
fn no_sorafenib_is_lost() {
    for setting in SETTINGS {
        assert_balanced(&run(&prepared(setting, "sorafenib", &[])), setting);
    }
}

#[test]
fn no_partner_by_mouth_is_lost() {
    for setting in ["xenograft", "patient"] {
        let scenario = Scenario {
            mode: Mode::AchievableExposure,
            duration: Some(28.0 * 24.0),
            ..scenario(setting, "sorafenib+metformin", &[])
        };
        let outcome = run(&scenario.prepare(&Library::shipped()).unwrap());
        assert!(outcome.balance[1].given > 0.0);
        assert_balanced(&outcome, setting);
    }
}

fn assert_balanced(outcome: &Outcome, label: &str) {
    for balance in &outcome.balance {
        let error = balance.relative_error();
        // Promised is 1e-8; a Runge-Kutta method keeps a linear sum to rounding.
        assert!(error <= 1e-11, "{label}: {error} of {balance:?}");
    }
}

// ---------------------------------------------------------------- how it is asked

#[test]
fn events_that_do_nothing_change_nothing() {
    let accuracy = Accuracy::default();
    let whole = prepared("xenograft", "sorafenib", &[]);
    let dose = Change::Dose {
        drug: Drug::Sorafenib,
        given: 0.0,
        absorbed: 0.0,
    };
    let infusion = Change::Infusion {
        drug: Drug::Sorafenib,
        rate: 0.0,
    };
    for nothing in [dose, infusion] {
        let mut split = whole.clone();
        for n in 1..134u32 {
            // Every 5 h: at doses and in between.
            split.timeline.events.push(Event {
                time: 5.0 * f64::from(n),
                change: nothing,
            });
        }
        split
            .timeline
            .events
            .sort_by(|a, b| a.time.total_cmp(&b.time));
        let (a, b) = (run(&whole).end, run(&split).end);
        let (error, name) = largest_error(&a, &b);
        assert!(error < 10.0 * accuracy.rtol, "{name}: {error}");
    }
}

#[test]
fn observers_do_not_touch_the_run() {
    let problem = prepared("xenograft", "sorafenib", &[]);
    let mut coarse = Recorder::every(&problem, 24.0);
    let mut fine = Recorder::every(&problem, 0.25);
    let watched = problem
        .run(&Accuracy::default(), &mut [&mut coarse, &mut fine])
        .unwrap();
    assert_eq!(bits(&watched.end), bits(&run(&problem).end));
    // And what one sees does not depend on the other.
    let (coarse, fine) = (coarse.finish(), fine.finish());
    for (i, state) in coarse.states.iter().enumerate() {
        assert_eq!(bits(state), bits(&fine.states[96 * i]));
    }
}

#[test]
fn a_run_has_the_same_bits_every_time() {
    let once = || trajectory(&prepared("xenograft", "sorafenib+pt2385", &[]));
    let first = once();
    let handles: Vec<_> = (0..3).map(|_| std::thread::spawn(once)).collect();
    for handle in handles {
        let again = handle.join().unwrap();
        let pairs = first.states.iter().zip(&again.states);
        assert_eq!(first.states.len(), again.states.len());
        for (a, b) in pairs {
            assert_eq!(bits(a), bits(b));
        }
    }
}

#[test]
fn a_parameter_in_another_unit_is_the_same_parameter() {
    for (path, one, other) in [
        ("hif.haf_loss", "2.2 1/h", "52.8 1/day"),
        ("sorafenib.vegfr2_ec50", "25 nM", "0.025 µM"),
        ("exposure.body_weight", "0.02 kg", "20 g"),
        ("exposure.volume", "1.6 L/kg", "1600 mL/kg"),
        ("size.initial_burden", "100 mm^3", "0.1 mL"),
        ("vegf.turnover", "16.8 1/d", "0.7 1/h"),
    ] {
        let end = |value: &str| run(&prepared("xenograft", "sorafenib", &[(path, value)])).end;
        let (error, name) = largest_error(&end(one), &end(other));
        assert!(error < 1e-12, "{path}: {name} differs by {error}");
    }
}

#[test]
fn a_dose_in_another_unit_is_the_same_dose() {
    let end = |dose: &str| {
        let scenario = Scenario {
            dose: Some(Quantity::parse(dose).unwrap()),
            ..scenario("xenograft", "sorafenib", &[])
        };
        run(&scenario.prepare(&Library::shipped()).unwrap()).end
    };
    let per_weight = end("30 mg/kg");
    for dose in ["30000 µg/kg", "30 µg/g", "0.03 g/kg"] {
        let (error, name) = largest_error(&per_weight, &end(dose));
        assert!(error < 1e-12, "{dose}: {name} differs by {error}");
    }
}

#[test]
fn doses_per_weight_give_the_same_concentrations_at_any_weight() {
    let of = |weight: &str| {
        trajectory(&prepared(
            "xenograft",
            "sorafenib",
            &[("exposure.body_weight", weight)],
        ))
    };
    let (light, heavy) = (of("20 g"), of("40 g"));
    let total = |t: &Trajectory| t.series(|_, signals| signals.sorafenib_total);
    let burden = |t: &Trajectory| t.series(|_, signals| signals.burden);
    for (a, b) in total(&light).iter().zip(total(&heavy)) {
        assert!((a - b).abs() <= 1e-12 * a.abs());
    }
    for (a, b) in burden(&light).iter().zip(burden(&heavy)) {
        assert!((a - b).abs() <= 1e-12 * a.abs());
    }
}

/// The xenograft under sorafenib with other sizes, at the end.
fn sized(initial: &str, capacity: &str, reference: &str) -> Tumour<f64> {
    let overrides = [
        ("size.initial_burden", initial),
        ("size.capacity", capacity),
        ("size.reference_burden", reference),
    ];
    run(&prepared("xenograft", "sorafenib", &overrides))
        .end
        .tumour
}

#[test]
fn a_tumour_whose_sizes_all_scale_is_the_same_tumour() {
    let small = sized("100 mm^3", "6000 mm^3", "100 mm^3");
    let large = sized("700 mm^3", "42000 mm^3", "700 mm^3");
    assert!((large.burden() / small.burden() - 7.0).abs() < 1e-11);
    assert!((large.metastases / small.metastases - 1.0).abs() < 1e-12);
}

#[test]
fn size_is_absolute_where_the_reference_tumour_stays() {
    let grown = |initial: f64| {
        let initial_text = format!("{initial} mm^3");
        sized(&initial_text, "6000 mm^3", "100 mm^3").burden() / initial
    };
    // A smaller tumour has more room and more supply through its surface.
    assert!(grown(10.0) > 1.5 * grown(100.0));
    assert!(grown(100.0) > 1.5 * grown(1000.0));
}

// ---------------------------------------------------------------- accuracy

/// States at day 28 that stand for vessels, oxygen, HIF, signalling, effectors and tumour.
const WITNESSES: [&str; 8] = [
    "vessels_immature",
    "pO2_mmHg",
    "HIF2A",
    "AKT_tone",
    "survival",
    "EMT",
    "sensitive",
    "dying_late",
];

#[test]
fn errors_fall_with_the_tolerance() {
    let problem = prepared("xenograft", "sorafenib", &[]);
    let reference = end_at(&problem, Method::Dopri5, 1e-11);
    // At looser tolerances the largest step decides, not the tolerance.
    let ladder: Vec<(f64, f64)> = (5..=9)
        .map(|digits| {
            let rtol = 10f64.powi(-digits);
            let end = end_at(&problem, Method::Dopri5, rtol);
            (rtol.log10(), witness_error(&end, &reference).log10())
        })
        .collect();
    assert!(
        ladder.windows(2).all(|pair| pair[1].1 < pair[0].1),
        "{ladder:?}"
    );
    let slope = slope(&ladder);
    // The fifth-order steps are controlled by their own error: 4/5 to 1 is what theory expects.
    assert!((0.7..1.2).contains(&slope), "slope {slope} of {ladder:?}");
    // A run of four weeks multiplies the error of its steps, not by much.
    for (rtol, error) in &ladder {
        assert!(error - rtol < 2.0, "{ladder:?}");
    }
}

#[test]
fn both_methods_agree() {
    for (setting, duration) in [("culture", 72.0), ("xenograft", 672.0), ("patient", 672.0)] {
        let scenario = Scenario {
            duration: Some(duration),
            ..scenario(setting, "sorafenib", &[])
        };
        let problem = scenario.prepare(&Library::shipped()).unwrap();
        let fifth = end_at(&problem, Method::Dopri5, 1e-9);
        let eighth = end_at(&problem, Method::Dop853, 1e-9);
        let error = witness_error(&fifth, &eighth);
        assert!(error < 1e-7, "{setting}: {error}");
    }
}

#[test]
fn both_dense_outputs_agree() {
    let problem = prepared("xenograft", "sorafenib", &[]);
    let sampled = |method| {
        let mut recorder = Recorder::every(&problem, 0.7);
        problem
            .run(&accuracy(method, 1e-9), &mut [&mut recorder])
            .unwrap();
        recorder.finish()
    };
    let (fifth, eighth) = (sampled(Method::Dopri5), sampled(Method::Dop853));
    for ((a, b), time) in fifth.states.iter().zip(&eighth.states).zip(&fifth.times) {
        let error = witness_error(a, b);
        assert!(error < 1e-6, "{time} h: {error}");
    }
}

fn end_at(problem: &Problem, method: Method, rtol: f64) -> State<f64> {
    problem.run(&accuracy(method, rtol), &mut []).unwrap().end
}

fn accuracy(method: Method, rtol: f64) -> Accuracy {
    Accuracy {
        method,
        rtol,
        ..Accuracy::default()
    }
}

fn witness_error(found: &State<f64>, reference: &State<f64>) -> f64 {
    WITNESSES
        .iter()
        // There are no vessels in culture to compare.
        .filter(|name| value(reference, name) > 0.0)
        .map(|name| (value(found, name) / value(reference, name) - 1.0).abs())
        .max_by(f64::total_cmp)
        .unwrap()
}

/// Slope of the least-squares line through points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / n;
    let mean_y = points.iter().map(|p| p.1).sum::<f64>() / n;
    let covariance: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    let variance: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    covariance / variance
}

// ---------------------------------------------------------------- meaning

#[test]
fn no_state_of_any_arm_is_negative() {
    let library = Library::shipped();
    let partners = library.names("partners");
    let mut arms = vec![Arm::vehicle(), Arm::sorafenib()];
    arms.extend(partners.iter().map(|name| Arm::partner(name)));
    arms.extend(partners.iter().map(|name| Arm::combination(name)));
    for arm in arms {
        for mode in [Mode::Mechanistic, Mode::AchievableExposure] {
            let scenario = Scenario {
                mode,
                ..Scenario::new("xenograft", arm.clone())
            };
            let problem = match scenario.prepare(&library) {
                // A partner of unknown effect has no run.
                Err(Error::Unknown { .. }) if mode == Mode::AchievableExposure => continue,
                problem => problem.unwrap(),
            };
            let mut lowest = Lowest::default();
            problem
                .run(&Accuracy::default(), &mut [&mut lowest])
                .unwrap();
            lowest.assert_positive(largest_dose(&problem), &format!("{arm}, {mode}"));
        }
    }
}

/// The lowest value of every state over the accepted steps and the middles between them.
struct Lowest([f64; STATES]);

impl Default for Lowest {
    fn default() -> Self {
        Self([f64::INFINITY; STATES])
    }
}

impl Lowest {
    fn assert_positive(&self, dose: f64, label: &str) {
        for (value, field) in self.0.iter().zip(State::fields()) {
            let possible = match field.unit {
                // Amounts are integrated to a few millionths of a dose, and no effect sees less.
                "mg" => *value >= -1e-5 * dose,
                "count" => *value >= 0.0,
                _ => *value > 0.0,
            };
            assert!(possible, "{label}: {} falls to {value}", field.name);
        }
    }

    fn take(&mut self, state: &State<f64>) {
        for (low, value) in self.0.iter_mut().zip(state.to_array()) {
            *low = low.min(value);
        }
    }
}

impl Observer for Lowest {
    fn observe(&mut self, segment: &Segment<'_>) {
        for time in segment.times {
            self.take(&segment.state(*time));
        }
        for step in segment.times.windows(2) {
            self.take(&segment.state(0.5 * (step[0] + step[1])));
        }
    }
}

/// The largest single amount of any drug, mg.
fn largest_dose(problem: &Problem) -> f64 {
    problem.largest_doses().into_iter().fold(0.0, f64::max)
}

#[test]
fn results_do_not_depend_on_the_relaxation_of_oxygen() {
    let of = |rate: &str| {
        let problem = prepared("xenograft", "sorafenib", &[("oxygen.relaxation", rate)]);
        let end = end_at(&problem, Method::Dopri5, 1e-8);
        [end.tumour.burden(), end.hif.hif2a]
    };
    let (slow, middle, fast) = (of("2 1/h"), of("8 1/h"), of("20 1/h"));
    for i in 0..2 {
        let change = |a: [f64; 2], b: [f64; 2]| (a[i] / b[i] - 1.0).abs();
        assert!(change(slow, fast) < 0.01, "{slow:?} {fast:?}");
        // First order in the relaxation time: (1/8 - 1/20) of what 1/2 - 1/20 leaves, a sixth.
        let left = change(middle, fast) / change(slow, fast);
        assert!(
            (left - 1.0 / 6.0).abs() < 0.05,
            "{slow:?} {middle:?} {fast:?}"
        );
    }
}

// ---------------------------------------------------------------- cost

/// These numbers pin the cost of a run, not its result: an evaluation more or less is a change of
/// equations, parameters, tolerances or solver that should be meant. If it is, write the new number.
#[test]
fn the_work_of_the_shipped_runs_is_pinned() {
    let half_year = Scenario {
        duration: Some(26.0 * 7.0 * 24.0),
        ..scenario("patient", "sorafenib", &[])
    };
    let patient = half_year.prepare(&Library::shipped()).unwrap();
    for (problem, segments, evaluations, accepted) in [
        (prepared("xenograft", "sorafenib", &[]), 28, 23_178, 3_750),
        (patient, 728, 324_322, 52_115),
    ] {
        let work = run(&problem).work;
        assert_eq!(
            (work.segments, work.evaluations, work.accepted_steps),
            (segments, evaluations, accepted),
            "`{}` costs another number of segments, evaluations or accepted steps than pinned: \
             write the new numbers if the change is meant",
            problem.label
        );
    }
}

// ---------------------------------------------------------------- helpers

fn scenario(setting: &str, arm: &str, overrides: &[(&str, &str)]) -> Scenario {
    let library = Library::shipped();
    Scenario {
        overrides: overrides
            .iter()
            .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
            .collect(),
        ..Scenario::new(setting, Arm::parse(arm, &library, "test").unwrap())
    }
}

fn prepared(setting: &str, arm: &str, overrides: &[(&str, &str)]) -> Problem {
    scenario(setting, arm, overrides)
        .prepare(&Library::shipped())
        .unwrap()
}

fn run(problem: &Problem) -> Outcome {
    problem.run(&Accuracy::default(), &mut []).unwrap()
}

fn trajectory(problem: &Problem) -> Trajectory {
    let mut recorder = Recorder::every(problem, 6.0);
    problem
        .run(&Accuracy::default(), &mut [&mut recorder])
        .unwrap();
    recorder.finish()
}

fn bits(state: &State<f64>) -> [u64; STATES] {
    state.to_array().map(f64::to_bits)
}

fn value(state: &State<f64>, name: &str) -> f64 {
    let index = State::fields()
        .iter()
        .position(|field| field.name == name)
        .expect(name);
    state.to_array()[index]
}

/// Largest relative difference among the states that are not drug amounts, with its name.
fn largest_error(a: &State<f64>, b: &State<f64>) -> (f64, &'static str) {
    State::fields()
        .iter()
        .zip(a.to_array())
        .zip(b.to_array())
        .filter(|((field, _), _)| field.unit != "mg")
        .map(|((field, a), b)| ((a - b).abs() / a.abs(), field.name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap()
}
