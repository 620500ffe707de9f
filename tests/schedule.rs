//! Schedules and attribution: the front is a front, budgets are kept, Shapley's axioms hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::attribution::{AttributionPlan, mechanisms, shapley};
use hif_switch::study::plan::collect;
use hif_switch::study::schedule::{Effort, Evaluated, Goal, Schedule, ScheduleSearch, front};
use hif_switch::study::silent;

fn accuracy() -> Accuracy {
    Accuracy {
        rtol: 1e-4,
        ..Accuracy::ensemble()
    }
}

fn scenario(arm: &str, days: f64) -> Scenario {
    let library = Library::shipped();
    Scenario {
        duration: Some(24.0 * days),
        ..Scenario::new("xenograft", Arm::parse(arm, &library, "test").unwrap())
    }
}

fn effort(samples: usize, budgets: usize, evaluations: usize) -> Effort {
    Effort {
        samples,
        budgets,
        evaluations,
    }
}

#[test]
fn a_front_holds_what_nothing_else_beats() {
    let schedule = Schedule {
        sorafenib_start: 0.0,
        partner_start: 0.0,
        on: 1.0,
        off: 0.0,
        dose: 1.0,
    };
    let all: Vec<Evaluated> = [
        (0.5, 2.0),
        (0.2, 3.0),
        (0.5, 1.5),
        (0.9, 1.6),
        (0.1, f64::NAN),
        (1.0, 1.0),
    ]
    .map(|(exposure, outcome)| Evaluated {
        schedule,
        exposure,
        outcome,
    })
    .to_vec();
    let found: Vec<(f64, f64)> = front(&all)
        .iter()
        .map(|e| (e.exposure, e.outcome))
        .collect();
    assert_eq!(found, [(0.2, 3.0), (0.5, 1.5), (1.0, 1.0)]);
}

#[test]
fn a_search_beats_its_first_sample_within_every_budget() {
    let search = ScheduleSearch::new(
        &Library::shipped(),
        &scenario("sorafenib+pt2385", 10.0),
        Goal::Burden,
        false,
    )
    .unwrap();
    let seek = || {
        search
            .seek(effort(16, 2, 25), 3, &accuracy(), &silent)
            .unwrap()
    };
    let result = seek();
    assert_eq!(result.tally.failed, 0);
    for pair in result.front.windows(2) {
        assert!(pair[0].exposure < pair[1].exposure && pair[0].outcome > pair[1].outcome);
    }
    // The order of evaluations: the sample, then the searches, then continuous dosing.
    let (sample, searched) = (&result.all[..16], &result.all[16..result.all.len() - 11]);
    let best = |of: &[Evaluated], budget: f64| {
        let within = of.iter().filter(|e| e.exposure <= budget + 1e-9);
        within.map(|e| e.outcome).fold(f64::INFINITY, f64::min)
    };
    for budget in [0.5, 1.0] {
        assert!(
            best(searched, budget) <= best(sample, budget) + 1e-9,
            "{budget}"
        );
    }
    assert!(best(searched, 1.0) < best(sample, 1.0) - 1e-3);
    for e in &result.all {
        assert!((0.0..=1.0).contains(&e.exposure) && e.schedule.sorafenib_start < 1e-12);
    }
    // The same bits again.
    let bits = |r: &[Evaluated]| -> Vec<u64> { r.iter().map(|e| e.outcome.to_bits()).collect() };
    assert_eq!(bits(&seek().all), bits(&result.all));
}

#[test]
fn searches_that_make_no_sense_are_refused() {
    let library = Library::shipped();
    for arm in ["sorafenib", "sorafenib+pt2385+genistein"] {
        assert!(ScheduleSearch::new(&library, &scenario(arm, 2.0), Goal::Burden, false).is_err());
    }
    let search = ScheduleSearch::new(
        &library,
        &scenario("sorafenib+pt2385", 2.0),
        Goal::Burden,
        false,
    );
    let search = search.unwrap();
    for effort in [effort(100, 1, 1), effort(16, 0, 1), effort(16, 1, 0)] {
        assert!(search.seek(effort, 1, &accuracy(), &silent).is_err());
    }
}

#[test]
fn shapleys_axioms_hold() {
    // Three players: the second does nothing, the first and third are alike and interact.
    let game = |set: usize| {
        let (a, c) = ((set & 1) as f64, (set >> 2 & 1) as f64);
        0.7 + a + c + 0.6 * a * c
    };
    let values: Vec<f64> = (0..8).map(game).collect();
    let shares = shapley(&values);
    assert!((shares.iter().sum::<f64>() - (values[7] - values[0])).abs() < 1e-12);
    assert!(shares[1].abs() < 1e-12);
    assert!((shares[0] - shares[2]).abs() < 1e-12 && (shares[0] - 1.3).abs() < 1e-12);
}

#[test]
fn the_gain_of_a_combination_is_shared_out_whole() {
    let library = Library::shipped();
    let mut all = mechanisms(&library).unwrap();
    assert_eq!(all.len(), 6);
    all.retain(|m| ["hif2", "survival", "hypoxia"].contains(&m.name.as_str()));
    let scenario = scenario("sorafenib+pt2385", 10.0);
    let plan = AttributionPlan::new(&library, &scenario, &Arm::sorafenib(), all).unwrap();
    let result = plan
        .analyse(&collect(&plan, &accuracy(), &silent).unwrap())
        .unwrap();
    let sum: f64 = result.shapley.iter().sum();
    assert!((sum + result.rest - result.total).abs() < 1e-9);
    assert!(result.total > 0.0, "the combination gains");
    // A blocker of HIF-2 gains through what HIF-2 does.
    let hif2 = result
        .plan
        .mechanisms
        .iter()
        .position(|m| m.name == "hif2")
        .unwrap();
    assert!(result.shapley[hif2] > 0.0, "{:?}", result.shapley);
}
