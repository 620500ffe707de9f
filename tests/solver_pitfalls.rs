//! The pitfalls of `ode_solvers` 0.6.2 are as known, and none of them reaches a run.
//!
//! The first half pins the behaviour of the crate: when an update changes it, a test here says
//! which precaution of `simulate` can go. The second half shows that runs are free of it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::Error;
use hif_switch::model::{Inputs, Model, STATES, State};
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Change, Drug, Event, Mode};
use hif_switch::simulate::{Accuracy, Observer, Problem, Recorder, Scenario, Segment};
use ode_solvers::continuous_output_model::ContinuousOutputModel;
use ode_solvers::dop_shared::{IntegrationError, OutputType, Stats};
use ode_solvers::{Dop853, Dopri5, SVector, System, Vector1, Vector2};

/// y0' = y1, y1' = -y0 from (1, 0): y0 = cos t.
struct Oscillator;

impl System<f64, Vector2<f64>> for Oscillator {
    fn system(&self, _time: f64, y: &Vector2<f64>, dy: &mut Vector2<f64>) {
        *dy = Vector2::new(y[1], -y[0]);
    }
}

/// y' = cos t, with the time of the solver.
struct TimeInside;

impl System<f64, Vector1<f64>> for TimeInside {
    fn system(&self, time: f64, _y: &Vector1<f64>, dy: &mut Vector1<f64>) {
        dy[0] = time.cos();
    }
}

/// y' = cos t, with the time as a state: autonomous.
struct TimeAsState;

impl System<f64, Vector2<f64>> for TimeAsState {
    fn system(&self, _time: f64, y: &Vector2<f64>, dy: &mut Vector2<f64>) {
        *dy = Vector2::new(y[1].cos(), 1.0);
    }
}

/// y' = 1, and no number from y = 1 on.
struct NoNumberFromOne;

impl System<f64, Vector1<f64>> for NoNumberFromOne {
    fn system(&self, _time: f64, y: &Vector1<f64>, dy: &mut Vector1<f64>) {
        dy[0] = if y[0] < 1.0 { 1.0 } else { f64::NAN };
    }
}

/// y' = 100 (1 - y): the step is held by stability, about 0.03.
struct StiffDecay;

impl System<f64, Vector1<f64>> for StiffDecay {
    fn system(&self, _time: f64, y: &Vector1<f64>, dy: &mut Vector1<f64>) {
        dy[0] = 100.0 * (1.0 - y[0]);
    }
}

const TOLERANCE: f64 = 1e-9;

#[test]
fn the_last_point_of_a_dense_grid_is_an_extrapolation() {
    let mut solver = oscillator();
    solver.integrate().expect("a harmless problem");
    let points: Vec<(f64, f64)> = solver
        .x_out()
        .iter()
        .copied()
        .zip(solver.y_out().iter().map(|y| y[0]))
        .collect();
    let error = |(time, value): (f64, f64)| (value - time.cos()).abs();
    let (last, before) = points.split_last().expect("a grid");
    assert!((last.0 - 10.0).abs() < 1e-12);
    assert!(before.iter().all(|point| error(*point) < 1e-6));
    assert!(
        error(*last) > 1e-3,
        "the last point is right now: {}",
        error(*last)
    );
}

#[test]
fn the_continuous_model_and_the_last_accepted_step_are_right() {
    let mut continuous = ContinuousOutputModel::default();
    let mut solver = oscillator();
    solver
        .integrate_with_continuous_output_model(&mut continuous)
        .expect("a harmless problem");
    let end = continuous.evaluate(10.0).expect("within its bounds");
    let last = solver.y_out().last().expect("steps");
    assert!((end[0] - 10f64.cos()).abs() < 1e-7, "{end}");
    assert!((last[0] - 10f64.cos()).abs() < 1e-7, "{last}");
}

fn oscillator() -> Dopri5<f64, Vector2<f64>, Oscillator> {
    let start = Vector2::new(1.0, 0.0);
    Dopri5::new(Oscillator, 0.0, 10.0, 1.0, start, TOLERANCE, TOLERANCE)
}

#[test]
fn dop853_cannot_integrate_a_right_hand_side_with_time() {
    // Node c12 is 0 instead of 1, so that the embedded error never vanishes.
    let mut solver = Dop853::new(TimeInside, 0.0, 10.0, 1.0, Vector1::new(0.0), 1e-10, 1e-10);
    solver.set_output(OutputType::Sparse);
    let gave_up_or_crawled = match solver.integrate() {
        Err(_) => true,
        Ok(stats) => stats.num_eval > 10_000,
    };
    assert!(
        gave_up_or_crawled,
        "c12 is mended: Dop853 may be used with time now"
    );
}

#[test]
fn dop853_is_right_with_time_as_a_state() {
    let start = Vector2::new(0.0, 0.0);
    let mut solver = Dop853::new(TimeAsState, 0.0, 10.0, 1.0, start, 1e-10, 1e-10);
    solver.set_output(OutputType::Sparse);
    let stats = solver.integrate().expect("an autonomous problem");
    let end = solver.y_out().last().expect("steps");
    assert!((end[0] - 10f64.sin()).abs() < 1e-8, "{end}");
    assert!(stats.num_eval < 1_000, "{} evaluations", stats.num_eval);
}

#[test]
fn a_segment_of_no_length_fails() {
    let start = Vector2::new(1.0, 0.0);
    let dopri5 = Dopri5::new(Oscillator, 5.0, 5.0, 1.0, start, TOLERANCE, TOLERANCE).integrate();
    let dop853 = Dop853::new(Oscillator, 5.0, 5.0, 1.0, start, TOLERANCE, TOLERANCE).integrate();
    assert_underflow(dopri5, 5.0);
    assert_underflow(dop853, 5.0);
}

#[test]
fn a_right_hand_side_that_is_no_number_fails_where_it_begins() {
    let start = Vector1::new(0.0);
    let mut dopri5 = Dopri5::new(NoNumberFromOne, 0.0, 2.0, 2.0, start, TOLERANCE, TOLERANCE);
    let mut dop853 = Dop853::new(NoNumberFromOne, 0.0, 2.0, 2.0, start, TOLERANCE, TOLERANCE);
    // A dense grid beyond the singularity would be read as a success.
    dopri5.set_output(OutputType::Sparse);
    dop853.set_output(OutputType::Sparse);
    assert_underflow(dopri5.integrate(), 1.0);
    assert_underflow(dop853.integrate(), 1.0);
}

fn assert_underflow(result: Result<Stats, IntegrationError>, time: f64) {
    match result {
        Err(IntegrationError::StepSizeUnderflow { x }) => assert!((x - time).abs() < 1e-6, "{x}"),
        other => panic!("expected StepSizeUnderflow, got {other:?}"),
    }
}

#[test]
fn the_stiffness_test_depends_on_the_length_of_the_run() {
    // The same equation passes or fails with the number of steps, not with its stiffness.
    let run = |end: f64| {
        let start = Vector1::new(0.0);
        Dopri5::new(StiffDecay, 0.0, end, end, start, 1e-6, 1e-6).integrate()
    };
    run(10.0).expect("fewer than a thousand steps");
    assert!(matches!(
        run(100.0),
        Err(IntegrationError::StiffnessDetected { .. })
    ));
}

#[test]
fn coincident_events_leave_no_segment_without_length() {
    let problem = crowded_problem();
    let mut segments = Segments::default();
    let outcome = problem
        .run(&Accuracy::default(), &mut [&mut segments])
        .expect("a run");

    let spans = segments.0;
    assert!(spans.iter().all(|(start, end)| end - start > 1e-9));
    assert!(
        spans
            .windows(2)
            .all(|pair| pair[0].1.to_bits() == pair[1].0.to_bits())
    );
    assert!(spans[0].0.abs() < 1e-12 && (spans[spans.len() - 1].1 - 168.0).abs() < 1e-9);
    // Seven days, whatever coincides; the last event has a segment of its own.
    assert_eq!(spans.len(), 8);
    assert_eq!(outcome.work.segments, 8);
    for balance in outcome.balance {
        assert!(balance.relative_error() < 1e-12, "{balance:?}");
    }
}

/// Both drugs at the same times each day, every dose once more at a time that differs by rounding,
/// and an event just before the end.
fn crowded_problem() -> Problem {
    let library = Library::shipped();
    let arm = Arm::parse("sorafenib+metformin", &library, "test").unwrap();
    let scenario = Scenario {
        mode: Mode::AchievableExposure,
        duration: Some(168.0),
        ..Scenario::new("xenograft", arm)
    };
    let mut problem = scenario.prepare(&library).unwrap();
    let events = &mut problem.timeline.events;
    let mut again: Vec<Event> = events.clone();
    for event in &mut again {
        event.time += 4e-10;
    }
    events.extend(again);
    events.push(Event {
        time: 168.0 - 1e-6,
        change: Change::Dose {
            drug: Drug::Sorafenib,
            given: 0.1,
            absorbed: 0.1,
        },
    });
    events.sort_by(|a, b| a.time.total_cmp(&b.time));
    problem
}

/// Start and end of every segment.
#[derive(Default)]
struct Segments(Vec<(f64, f64)>);

impl Observer for Segments {
    fn observe(&mut self, segment: &Segment<'_>) {
        self.0.push((segment.start, segment.end));
    }
}

#[test]
fn the_end_of_a_segment_is_its_last_accepted_step() {
    // A week sampled in one piece: an extrapolated end of a segment would show as a jump between
    // the sample at a dose and the one just before it.
    let problem = prepared("xenograft", "sorafenib", &[]);
    let close = 1e-6;
    let grid: Vec<f64> = (1..28)
        .flat_map(|day| [24.0 * f64::from(day) - close, 24.0 * f64::from(day)])
        .collect();
    let mut recorder = Recorder::new(&problem, grid);
    problem
        .run(&Accuracy::default(), &mut [&mut recorder])
        .expect("a run");
    let burden = recorder.finish().series(|_, signals| signals.burden);
    for pair in burden.chunks(2) {
        assert!((pair[1] / pair[0] - 1.0).abs() < 1e-8, "{pair:?}");
    }
}

#[test]
fn pressure_below_zero_is_named_at_its_time() {
    // pO2 relaxes from 7.6 mmHg towards -5 mmHg: it crosses zero ln(12.6/5)/kO after the step.
    let mut problem = prepared("culture", "vehicle", &[]);
    let step = 48.0;
    problem.timeline.events.push(Event {
        time: step,
        change: Change::MediumOxygen(-5.0),
    });
    let crossing = step + (12.6f64 / 5.0).ln() / problem.model.oxygen.relaxation;
    let error = problem
        .run(&Accuracy::default(), &mut [])
        .expect_err("no such pO2");
    let (state, time) = assert_named(&error, "culture vehicle");
    assert_eq!(state, "pO2_mmHg");
    assert!(
        (time - crossing).abs() < 1e-6,
        "{time} h instead of {crossing} h"
    );
}

#[test]
fn a_start_that_is_no_number_is_named() {
    let mut problem = prepared("xenograft", "sorafenib", &[]);
    problem.baseline.hif.hif2a = f64::NAN;
    let error = problem
        .run(&Accuracy::default(), &mut [])
        .expect_err("no number");
    let (state, time) = assert_named(&error, "xenograft sorafenib");
    assert_eq!(state, "HIF2A");
    assert!(time.abs() < 1e-12);
}

#[test]
fn a_negative_start_is_named() {
    let mut problem = prepared("patient", "vehicle", &[]);
    problem.baseline.oxygen = -1.0;
    let error = problem
        .run(&Accuracy::default(), &mut [])
        .expect_err("no such pO2");
    let (state, time) = assert_named(&error, "patient vehicle");
    assert_eq!(state, "pO2_mmHg");
    assert!(time.abs() < 1e-12);
}

#[test]
fn an_absurd_parameter_is_named_with_what_it_breaks() {
    let overrides = [("effectors.apoptosis_direct_gain", "1e9 1")];
    let problem = prepared("xenograft", "sorafenib+2-methoxyestradiol", &overrides);
    let accuracy = Accuracy {
        rtol: 1e-6,
        ..Accuracy::default()
    };
    let error = problem.run(&accuracy, &mut []).expect_err("no such loss");
    let (state, _) = assert_named(
        &error,
        "xenograft sorafenib+2-methoxyestradiol effectors.apoptosis_direct_gain=1e9 1",
    );
    assert_eq!(state, "sensitive");
}

#[test]
fn a_run_without_end_is_given_up() {
    // VEGF that turns over in 9 ms holds the step far below what four weeks can afford.
    let problem = prepared("xenograft", "sorafenib", &[("vegf.turnover", "1e7 1/d")]);
    let error = problem
        .run(&Accuracy::default(), &mut [])
        .expect_err("no end");
    let (state, time) = assert_named(&error, "xenograft sorafenib vegf.turnover=1e7 1/d");
    assert_eq!(state, "the integrator");
    assert!(time > 0.0 && time < 672.0);
    assert!(error.to_string().contains("steps"), "{error}");
}

/// The state and time of a failed run, after a look at its message.
fn assert_named(error: &Error, label: &str) -> (String, f64) {
    let Error::Run {
        run, state, time_h, ..
    } = error
    else {
        panic!("expected a failed run, got {error}");
    };
    assert_eq!(run, label);
    let message = error.to_string();
    for part in [run, state, &format!("t = {time_h} h")] {
        assert!(message.contains(part), "`{part}` is missing in: {message}");
    }
    (state.clone(), *time_h)
}

#[test]
fn the_stiffness_test_does_not_end_a_long_run() {
    let problem = prepared("patient", "vehicle", &[]);
    let days = problem.timeline.duration / 24.0;
    assert!((days - 364.0).abs() < 1e-9, "{days} d");
    let outcome = problem
        .run(&Accuracy::default(), &mut [])
        .expect("no stiffness test");
    // One segment, long enough for the test of every thousandth step to strike, and stiff enough.
    assert_eq!(outcome.work.segments, 1);
    assert!(outcome.work.accepted_steps > 1_000);
    assert!(matches!(
        with_stiffness_test(&problem),
        Err(IntegrationError::StiffnessDetected { .. })
    ));
}

/// The equations of a run without events, as the solver sees them by default.
struct Plain<'a> {
    model: &'a Model<f64>,
    inputs: &'a Inputs,
}

type Levels = SVector<f64, STATES>;

impl System<f64, Levels> for Plain<'_> {
    fn system(&self, _time: f64, y: &Levels, dy: &mut Levels) {
        let state = State::from_array(&(*y).into());
        *dy = Levels::from(self.model.derivatives(self.inputs, &state).to_array());
    }
}

fn with_stiffness_test(problem: &Problem) -> Result<Stats, IntegrationError> {
    let plain = Plain {
        model: &problem.model,
        inputs: &problem.timeline.before,
    };
    let start = Levels::from(problem.baseline.to_array());
    let duration = problem.timeline.duration;
    Dopri5::new(plain, 0.0, duration, duration, start, 1e-6, 1e-8).integrate()
}

fn prepared(setting: &str, arm: &str, overrides: &[(&str, &str)]) -> Problem {
    let library = Library::shipped();
    let scenario = Scenario {
        overrides: overrides
            .iter()
            .map(|(path, value)| ((*path).to_owned(), (*value).to_owned()))
            .collect(),
        ..Scenario::new(setting, Arm::parse(arm, &library, "test").unwrap())
    };
    scenario.prepare(&library).unwrap()
}
