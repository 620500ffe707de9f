//! The untreated baseline is a steady state, and the derivatives of the equations are exact.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::model::baseline::{baseline, steady_states};
use hif_switch::model::{Inputs, Model, STATES, State};
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Mode};
use hif_switch::simulate::{Accuracy, Observer, Problem, Scenario, Segment};
use num_dual::Dual64;

const DAYS: f64 = 24.0;

// ---------------------------------------------------------------- steady state

#[test]
fn every_baseline_is_steady() {
    for problem in untreated() {
        let Problem {
            label,
            model,
            baseline,
            timeline,
        } = &problem;
        let rates = model.derivatives(&timeline.before, baseline).to_array();
        for index in steady_states(model) {
            let rate = rates[index];
            assert!(
                rate.abs() <= 1e-10,
                "{label}: {} moves by {rate} per h",
                name(index)
            );
        }
    }
}

#[test]
fn what_is_not_steady_grows_or_does_not_move() {
    // No level is forgotten by the solution: the rest is cells, or stands still without drug.
    for problem in untreated() {
        let solved = steady_states(&problem.model);
        let rates = problem
            .model
            .derivatives(&problem.timeline.before, &problem.baseline);
        for (index, rate) in rates.to_array().iter().enumerate() {
            let free = matches!(State::fields()[index].unit, "burden" | "count");
            let still = rate.abs() < 1e-300;
            assert!(
                solved.contains(&index) || free || still,
                "{}: {} moves by {rate} per h",
                problem.label,
                name(index)
            );
        }
    }
}

#[test]
fn every_tumour_starts_at_its_initial_burden() {
    for problem in untreated() {
        let initial = problem.model.size.initial;
        let burden = problem.baseline.tumour.burden();
        assert!(
            (burden / initial - 1.0).abs() < 1e-12,
            "{}: {burden}",
            problem.label
        );
    }
}

#[test]
fn every_baseline_has_the_resistant_part_of_its_parameters() {
    for problem in untreated() {
        let expected = problem.model.tumour.initial_resistant_fraction;
        let found = problem.baseline.tumour.resistant_fraction();
        assert!(
            (found - expected).abs() < 1e-12,
            "{}: {found}",
            problem.label
        );
    }
}

#[test]
fn the_baseline_of_sensitive_cells_is_the_reference_tumour() {
    for setting in ["xenograft", "patient"] {
        let problem = vehicle(setting, None, Some(0.0));
        for index in steady_states(&problem.model) {
            let expected = match name(index) {
                "vessels_immature" => 0.6,
                "vessels_mature" => 0.4,
                "pO2_mmHg" => problem.model.reference_oxygen,
                "HAF" => problem.model.hif_reference.regulator,
                _ => 1.0,
            };
            let found = problem.baseline.to_array()[index];
            assert!(
                (found / expected - 1.0).abs() < 1e-9,
                "{setting}: {} is {found}",
                name(index)
            );
        }
    }
}

/// Sizes of a tumour in the unit of its setting: from a few cells seen to the largest that patients and mice have.
const SIZES: [(&str, &[&str]); 2] = [
    (
        "patient",
        &[
            "0.001 mL", "0.01 mL", "0.1 mL", "0.2 mL", "0.5 mL", "1 mL", "4 mL", "20 mL", "65 mL",
            "200 mL", "500 mL",
        ],
    ),
    (
        "xenograft",
        &[
            "0.1 mm^3",
            "1 mm^3",
            "10 mm^3",
            "50 mm^3",
            "100 mm^3",
            "250 mm^3",
            "1000 mm^3",
            "2000 mm^3",
        ],
    ),
];

#[test]
fn tumours_of_every_size_and_knock_out_have_a_baseline() {
    let library = Library::shipped();
    let knocked = [
        None,
        Some("expression.hif1a"),
        Some("expression.hif2a"),
        Some("expression.vhl"),
        Some("expression.mtorc1"),
    ];
    for (setting, sizes) in SIZES {
        for gene in knocked {
            let mut oxygen = f64::INFINITY;
            for size in sizes {
                let mut overrides = vec![("size.initial_burden".to_owned(), (*size).to_owned())];
                overrides.extend(gene.map(|gene| (gene.to_owned(), "0 1".to_owned())));
                let scenario = Scenario {
                    overrides,
                    ..Scenario::new(setting, Arm::vehicle())
                };
                let problem = scenario.prepare(&library).unwrap();
                let rates = problem
                    .model
                    .derivatives(&problem.timeline.before, &problem.baseline)
                    .to_array();
                for index in steady_states(&problem.model) {
                    assert!(
                        rates[index].abs() <= 1e-10,
                        "{size} without {gene:?}: {} moves by {} per h",
                        name(index),
                        rates[index]
                    );
                }
                // Larger tumours are supplied less well through their surface.
                assert!(
                    problem.baseline.oxygen < oxygen,
                    "{size} without {gene:?}: {} mmHg after {oxygen} mmHg",
                    problem.baseline.oxygen
                );
                oxygen = problem.baseline.oxygen;
            }
        }
    }
}

// ---------------------------------------------------------------- under vehicle

#[test]
fn a_tumour_of_sensitive_cells_stays_where_it_is() {
    for phenotype in without_pretreatment() {
        let problem = at_constant_supply(Some(&phenotype), Some(0.0));
        let end = end_of(&problem);
        let moved = furthest(&problem.model, &problem.baseline, &end);
        assert!(
            moved.0 < 1e-9,
            "{phenotype}: {} moves by {}",
            moved.1,
            moved.0
        );
    }
}

#[test]
fn under_vehicle_the_levels_follow_the_resistant_part_only() {
    // Without drug the resistant cells revert, and the steady state moves with their part. The
    // levels follow it with the delay of the vessels, about a week in these four.
    for phenotype in phenotypes() {
        let problem = at_constant_supply(Some(&phenotype), None);
        let end = end_of(&problem);
        let steady_now = baseline_at(&problem, end.tumour.resistant_fraction());
        let (shift, _) = furthest(&problem.model, &problem.baseline, &steady_now);
        let (behind, level) = furthest(&problem.model, &steady_now, &end);
        assert!(
            behind < 0.25 * shift,
            "{phenotype}: {level} is {behind} off, shift {shift}"
        );
    }
}

#[test]
fn the_levels_hold_for_four_weeks_at_constant_supply() {
    let problem = at_constant_supply(None, None);
    let end = end_of(&problem);
    let steady_now = baseline_at(&problem, end.tumour.resistant_fraction());
    let (behind, level) = furthest(&problem.model, &steady_now, &end);
    let resistant = problem.model.tumour.initial_resistant_fraction;
    let lost = resistant - end.tumour.resistant_fraction();
    let reverting = resistant * -(-problem.model.tumour.reversion_rate * 28.0 * DAYS).exp_m1();
    assert!(
        (0.0..1.2 * reverting).contains(&lost),
        "{lost} of the cells revert, of {resistant}"
    );
    let (shift, _) = furthest(&problem.model, &problem.baseline, &steady_now);
    assert!(
        behind < 0.25 * shift,
        "{level} is {behind} off, shift {shift}"
    );
    let (moved, level) = furthest(&problem.model, &problem.baseline, &end);
    assert!(
        moved < 1.25 * shift,
        "{level} moves by {moved}, the cells that revert explain {shift}"
    );
}

/// The baseline of the same tumour with another resistant part.
fn baseline_at(problem: &Problem, resistant: f64) -> State<f64> {
    let mut model = problem.model.clone();
    model.tumour.initial_resistant_fraction = resistant;
    baseline(&model, &problem.timeline.before).unwrap()
}

fn end_of(problem: &Problem) -> State<f64> {
    problem.run(&Accuracy::default(), &mut []).unwrap().end
}

/// The largest relative change among the steady states, with its name.
fn furthest(model: &Model<f64>, from: &State<f64>, to: &State<f64>) -> (f64, &'static str) {
    let (from, to) = (from.to_array(), to.to_array());
    steady_states(model)
        .into_iter()
        .map(|i| ((to[i] / from[i] - 1.0).abs(), name(i)))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .unwrap()
}

// ---------------------------------------------------------------- derivatives

#[test]
fn dual_numbers_agree_with_differences() {
    let arms = [
        ("xenograft", "sorafenib", Mode::Mechanistic),
        ("xenograft", "sorafenib+pt2385", Mode::Mechanistic),
        ("patient", "sorafenib+metformin", Mode::AchievableExposure),
        ("culture", "sorafenib", Mode::Mechanistic),
    ];
    for (setting, arm, mode) in arms {
        let problem = treated(setting, arm, mode);
        let mut snapshots = Snapshots::at(&[2.5, 30.0, 61.3, 9.4 * DAYS, 25.6 * DAYS]);
        problem
            .run(&Accuracy::default(), &mut [&mut snapshots])
            .unwrap();
        assert!(snapshots.taken.len() >= 3);
        for (time, inputs, state) in &snapshots.taken {
            let label = format!("{setting} {arm} at {time} h");
            assert_same_derivatives(&problem.model, inputs, state, &label);
        }
    }
}

/// Every derivative of every rate, relative to the sizes of both states.
fn assert_same_derivatives(model: &Model<f64>, inputs: &Inputs, state: &State<f64>, label: &str) {
    let size = state.to_array().map(|value| value.abs().max(1e-3));
    for j in 0..STATES {
        let exact = column(model, inputs, state, j);
        let differences = central_difference(model, inputs, state, j, 1e-6 * size[j]);
        for i in 0..STATES {
            let relative = size[j] / size[i];
            let error = (exact[i] - differences[i]).abs() * relative;
            let allowed = 1e-6 * (exact[i].abs() * relative + 1e-2);
            assert!(
                error <= allowed,
                "{label}: d {}' / d {} is {} or {}",
                name(i),
                name(j),
                exact[i],
                differences[i]
            );
        }
    }
}

/// d rates / d state `j` by dual numbers.
fn column(model: &Model<f64>, inputs: &Inputs, state: &State<f64>, j: usize) -> [f64; STATES] {
    let mut seeded = state.to_array().map(Dual64::from);
    seeded[j] = seeded[j].derivative();
    let dual = model.map(Dual64::from);
    dual.derivatives(&inputs.map(Dual64::from), &State::from_array(&seeded))
        .to_array()
        .map(|rate| rate.eps)
}

/// d rates / d state `j` from both sides.
fn central_difference(
    model: &Model<f64>,
    inputs: &Inputs,
    state: &State<f64>,
    j: usize,
    step: f64,
) -> [f64; STATES] {
    let rates = |shift: f64| {
        let mut values = state.to_array();
        values[j] += shift;
        model
            .derivatives(inputs, &State::from_array(&values))
            .to_array()
    };
    let (above, below) = (rates(step), rates(-step));
    std::array::from_fn(|i| (above[i] - below[i]) / (2.0 * step))
}

/// States of a run at some times, with the inputs in force.
struct Snapshots {
    times: Vec<f64>,
    taken: Vec<(f64, Inputs, State<f64>)>,
}

impl Snapshots {
    fn at(times: &[f64]) -> Self {
        Self {
            times: times.to_vec(),
            taken: Vec::new(),
        }
    }
}

impl Observer for Snapshots {
    fn observe(&mut self, segment: &Segment<'_>) {
        for time in &self.times {
            if segment.start < *time && *time <= segment.end {
                self.taken
                    .push((*time, *segment.inputs, segment.state(*time)));
            }
        }
    }
}

// ---------------------------------------------------------------- helpers

fn name(index: usize) -> &'static str {
    State::fields()[index].name
}

fn phenotypes() -> Vec<String> {
    Library::shipped()
        .names("phenotypes")
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// The phenotypes whose resistant part can be set.
fn without_pretreatment() -> Vec<String> {
    let library = Library::shipped();
    let mut names = phenotypes();
    names.retain(|name| {
        let table = library.table("phenotypes", name, "test").unwrap();
        table.text("pretreatment.regimen").is_none()
    });
    names
}

/// Every setting with every phenotype, without drug.
fn untreated() -> Vec<Problem> {
    ["culture", "xenograft", "patient"]
        .iter()
        .flat_map(|setting| phenotypes().into_iter().map(move |name| (setting, name)))
        .map(|(setting, phenotype)| vehicle(setting, Some(&phenotype), None))
        .collect()
}

fn vehicle(setting: &str, phenotype: Option<&str>, resistant: Option<f64>) -> Problem {
    without_drug(setting, phenotype, &resistant_part(resistant))
}

/// The untreated xenograft whose supply per cell does not fall as it grows.
fn at_constant_supply(phenotype: Option<&str>, resistant: Option<f64>) -> Problem {
    let mut overrides = resistant_part(resistant);
    overrides.push(("oxygen.surface_share".to_owned(), "0 1".to_owned()));
    without_drug("xenograft", phenotype, &overrides)
}

fn resistant_part(resistant: Option<f64>) -> Vec<(String, String)> {
    let path = "tumour.initial_resistant_fraction";
    resistant
        .map(|part| (path.to_owned(), format!("{part} 1")))
        .into_iter()
        .collect()
}

fn without_drug(setting: &str, phenotype: Option<&str>, overrides: &[(String, String)]) -> Problem {
    let scenario = Scenario {
        phenotype: phenotype.map(str::to_owned),
        overrides: overrides.to_vec(),
        ..Scenario::new(setting, Arm::vehicle())
    };
    scenario.prepare(&Library::shipped()).unwrap()
}

fn treated(setting: &str, arm: &str, mode: Mode) -> Problem {
    let library = Library::shipped();
    let scenario = Scenario {
        mode,
        duration: (setting == "patient").then_some(28.0 * DAYS),
        ..Scenario::new(setting, Arm::parse(arm, &library, "test").unwrap())
    };
    scenario.prepare(&library).unwrap()
}
