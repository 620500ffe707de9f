//! Trials: the statistics agree with R, the rules of RECIST are kept, the bits do not depend on threads.
//!
//! Reference values: R 4.2.2, package survival 3.5-3, of the remission times of Freireich et al. 1963
//! (6-mercaptopurine against placebo), with `options(digits = 12)`:
//! `survdiff(Surv(time, event) ~ arm)`, `coxph(Surv(time, event) ~ arm, ties = "efron")` with
//! `confint`, `survfit(Surv(time, event) ~ arm, conf.type = "log-log")`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Mode};
use hif_switch::simulate::{Accuracy, Scenario, Template};
use hif_switch::study::runs::{Probe, stream};
use hif_switch::study::silent;
use hif_switch::study::survival::{
    KaplanMeier, LogRankSum, Observation, Times, hazard_ratio, log_rank, rank_correlation,
};
use hif_switch::study::trial::{
    Allocation, ArmOutcome, Response, Traced, TrialDesign, TrialResult, trial,
};

fn observations(times: &[f64], events: &[u8]) -> Vec<Observation> {
    let pairs = times.iter().zip(events);
    pairs
        .map(|(time, event)| Observation {
            time: *time,
            event: *event == 1,
        })
        .collect()
}

fn placebo() -> Vec<Observation> {
    let times = [
        1., 1., 2., 2., 3., 4., 4., 5., 5., 8., 8., 8., 8., 11., 11., 12., 12., 15., 17., 22., 23.,
    ];
    observations(&times, &[1; 21])
}

fn mercaptopurine() -> Vec<Observation> {
    let times = [
        6., 6., 6., 6., 7., 9., 10., 10., 11., 13., 16., 17., 19., 20., 22., 23., 25., 32., 32.,
        34., 35.,
    ];
    let events = [
        1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0,
    ];
    observations(&times, &events)
}

fn times(observations: &[Observation]) -> Times {
    Times::from(observations)
}

fn close(value: f64, reference: f64) {
    assert!(
        (value - reference).abs() < 1e-9 * reference.abs().max(1.0),
        "{value} {reference}"
    );
}

/// With a pair a stratum the test is McNemar's on who has the event first.
#[test]
fn a_log_rank_test_within_pairs_is_the_sign_test() {
    let at = |time: f64, event: bool| Observation { time, event };
    let pairs = [
        [at(1.0, true), at(2.0, true)],
        [at(1.0, true), at(3.0, false)],
        [at(5.0, true), at(6.0, true)],
        [at(9.0, true), at(4.0, true)],
        // These two say nothing: together, and left before the other's event.
        [at(2.0, true), at(2.0, true)],
        [at(7.0, true), at(3.0, false)],
    ];
    let mut test = LogRankSum::default();
    for [a, b] in &pairs {
        let one = |course| Times::from(std::slice::from_ref(course));
        test.stratum(&one(a), &one(b));
    }
    let test = test.finish().unwrap();
    let (first, second) = (3.0, 1.0);
    let expected = (first - second) * (first - second) / (first + second);
    assert!((test.chi_square - expected).abs() < 1e-12, "{test:?}");
}

#[test]
fn log_rank_and_hazard_ratio_are_those_of_r() {
    let test = log_rank(&times(&placebo()), &times(&mercaptopurine())).unwrap();
    close(test.chi_square, 16.792_940_989_2);
    close(test.expected, 19.250_500_948);
    close(test.p / 4.168_809_109_33e-5, 1.0);
    let ratio = hazard_ratio(&times(&placebo()), &times(&mercaptopurine()), 0.95).unwrap();
    close(ratio.log, -1.572_125_148_83);
    close(ratio.standard_error, 0.412_396_717_709);
    close(ratio.estimate, 0.207_603_524_842);
    close(ratio.lower, 0.092_512_837_262);
    close(ratio.upper, 0.465_872_897_234);
}

#[test]
fn kaplan_meier_is_that_of_r() {
    let curve = KaplanMeier::new(&mercaptopurine(), 0.95);
    for (time, at_risk, survival, lower, upper) in [
        (6.0, 21, 0.857_142_86, 0.619_717_96, 0.951_551_75),
        (7.0, 17, 0.806_722_69, 0.563_146_56, 0.922_809_02),
        (10.0, 15, 0.752_941_18, 0.503_199_51, 0.889_361_84),
        (13.0, 12, 0.690_196_08, 0.431_610_22, 0.849_065_96),
        (16.0, 11, 0.627_450_98, 0.367_510_86, 0.804_912_19),
        (22.0, 7, 0.537_815_13, 0.267_778_94, 0.746_790_72),
        (23.0, 6, 0.448_179_27, 0.188_052_01, 0.680_142_63),
    ] {
        let step = curve
            .steps
            .iter()
            .find(|s| (s.time - time).abs() < 1e-12)
            .unwrap();
        assert_eq!((step.at_risk, curve.at_risk(time)), (at_risk, at_risk));
        for (value, reference) in [
            (step.survival, survival),
            (curve.survival(time), survival),
            (step.lower, lower),
            (step.upper, upper),
        ] {
            assert!(
                (value - reference).abs() < 6e-9,
                "{time}: {value} {reference}"
            );
        }
    }
    let median = curve.median();
    assert_eq!(
        (median.estimate, median.lower, median.upper),
        (Some(23.0), Some(13.0), None)
    );
    let median = KaplanMeier::new(&placebo(), 0.95).median();
    assert_eq!(
        (median.estimate, median.lower, median.upper),
        (Some(8.0), Some(4.0), Some(11.0))
    );
    // A curve that lies at 1/2 for a while: the middle of that stretch.
    let level = observations(&[1., 2., 3., 4., 5., 6.], &[1; 6]);
    let median = KaplanMeier::new(&level, 0.95).median();
    assert_eq!(
        (median.estimate, median.lower, median.upper),
        (Some(3.5), Some(1.0), None)
    );
}

/// Of 100, 30 progress before the first scan and 40 between it and the second: half of all when half of these have.
#[test]
fn the_median_between_scans_is_turnbulls() {
    let seen = |count: usize, time: f64, event: bool| vec![Observation { time, event }; count];
    let all = [
        seen(30, 42.0, true),
        seen(40, 84.0, true),
        seen(30, 84.0, false),
    ]
    .concat();
    let curve = KaplanMeier::new(&all, 0.95);
    assert_eq!(curve.median().estimate, Some(84.0));
    let median = curve.median_between(42.0);
    close(median.estimate.unwrap(), 63.0);
    let (lower, upper) = (median.lower.unwrap(), median.upper.unwrap());
    assert!(42.0 < lower && lower < 63.0 && 63.0 < upper && upper < 84.0);
    let few = KaplanMeier::new(&seen(3, 42.0, false), 0.95);
    assert_eq!(few.median_between(42.0).estimate, None);
}

#[test]
fn statistics_of_nothing_are_none() {
    let lost = observations(&[1., 2., 3.], &[0; 3]);
    let lost = times(&lost);
    assert!(log_rank(&lost, &lost).is_none());
    assert!(hazard_ratio(&lost, &lost, 0.95).is_none());
    // All events in one group: the likelihood rises without end.
    assert!(hazard_ratio(&times(&placebo()), &lost, 0.95).is_none());
    assert!(rank_correlation(&[1., 1., 1., 1.], &[1., 2., 3., 4.], 0.95).is_none());
    let (rho, low, high) = rank_correlation(
        &[1., 2., 3., 4., 5., 6., 7., 8.],
        &[2., 1., 4., 3., 7., 8., 6., 5.],
        0.95,
    )
    .unwrap();
    close(rho, 0.738_095_238_095);
    assert!(low < rho && rho < high);
}

/// Mice in four arms of a fortnight, with scans every third day.
fn mice(allocation: Allocation, dropout: f64) -> TrialDesign {
    let library = Library::shipped();
    let arm = |text: &str| Arm::parse(text, &library, "test").unwrap();
    TrialDesign {
        name: "mice".to_owned(),
        mode: Mode::default(),
        population: "xenograft-mice".to_owned(),
        arms: [
            "vehicle",
            "sorafenib",
            "sorafenib+pt2385",
            "sorafenib+ezn2968",
        ]
        .map(arm)
        .to_vec(),
        allocation,
        patients: 8,
        duration: 14.0 * 24.0,
        scan_interval: 72.0,
        dropout,
        ..TrialDesign::read(&library, "sharp", "test").unwrap()
    }
}

fn run(design: &TrialDesign) -> TrialResult {
    let accuracy = Accuracy {
        rtol: 1e-4,
        ..Accuracy::ensemble()
    };
    let scenario = Scenario::new("xenograft", Arm::vehicle());
    trial(
        &Library::shipped(),
        design,
        &scenario,
        4,
        &accuracy,
        &silent,
    )
    .unwrap()
}

#[test]
fn progression_and_response_follow_the_diameters() {
    let result = run(&mice(Allocation::Matched, 0.0));
    assert_eq!(result.tally.ok, 32);
    assert_eq!(result.scans.len(), 5);
    let (mut events, mut losses) = (0, 0);
    let traced = |arm: &ArmOutcome| arm.patients() == arm.traced.len();
    assert!(result.arms.iter().all(traced));
    let courses = result.arms.iter().flat_map(|arm| &arm.traced);
    for Traced { course, diameters } in courses {
        assert!((diameters[0] - 1.0).abs() < 1e-12);
        let mut smallest = 1.0f64;
        let mut expected = None;
        for (scan, diameter) in diameters.iter().enumerate().skip(1) {
            if expected.is_none() && *diameter >= 1.2 * smallest {
                expected = Some(scan);
            }
            smallest = smallest.min(*diameter);
        }
        let last = expected.unwrap_or(4);
        assert!((course.observation.time - 3.0 * last as f64).abs() < 1e-9);
        assert_eq!(course.observation.event, expected.is_some());
        let best = diameters[1..=last]
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        assert!((course.best_change - (best - 1.0)).abs() < 1e-12);
        let response = match (best <= 0.7, expected) {
            (true, _) => Response::Partial,
            (_, Some(1)) => Response::Progressive,
            _ => Response::Stable,
        };
        assert_eq!(course.response, response);
        if expected.is_some() {
            events += 1
        } else {
            losses += 1
        }
    }
    assert!(events > 0 && losses > 0, "{events} events, {losses} losses");
}

#[test]
fn the_combination_is_better_and_the_contrast_says_so() {
    let result = run(&mice(Allocation::Matched, 0.0));
    let contrast = |arm: &str, against: &str| {
        let found = result
            .contrasts
            .iter()
            .find(|c| c.arm.to_string() == arm && c.against.to_string() == against);
        found.unwrap().clone()
    };
    let (later, sooner) = contrast("sorafenib+pt2385", "vehicle")
        .later_sooner
        .unwrap();
    assert!(later > 0.9 && sooner < 1e-12, "{later} {sooner}");
    assert!(
        contrast("sorafenib+pt2385", "sorafenib")
            .later_sooner
            .is_some()
    );
    assert!(
        result
            .biomarkers
            .iter()
            .any(|m| m.visible && m.name == "oxygen")
    );
    assert!(result.biomarkers.iter().all(|m| m.correlation.abs() <= 1.0));
}

#[test]
fn the_same_bits_at_any_thread_count() {
    let bits = |result: &TrialResult| -> Vec<u64> {
        let traced = result.arms.iter().flat_map(|arm| &arm.traced);
        let diameters = traced.flat_map(|traced| &traced.diameters);
        diameters.map(|d| d.to_bits()).collect()
    };
    let design = TrialDesign {
        patients: 3,
        ..mice(Allocation::Randomised, 0.002)
    };
    let results = [1, 2, 16].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        bits(&pool.install(|| run(&design)))
    });
    assert_eq!(results[0], results[1]);
    assert_eq!(results[0], results[2]);
}

#[test]
fn randomised_patients_are_in_one_arm_each_and_balanced() {
    let result = run(&mice(Allocation::Randomised, 0.0));
    let mut seen: Vec<usize> = Vec::new();
    for arm in &result.arms {
        assert_eq!((arm.patients(), arm.traced.len()), (8, 8));
        seen.extend(arm.traced.iter().map(|t| t.course.subject));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..32).collect::<Vec<_>>());
    assert!(result.biomarkers.is_empty());
    assert!(result.contrasts.iter().all(|c| c.later_sooner.is_none()));
}

#[test]
fn who_leaves_is_censored_at_the_last_scan() {
    let staying = run(&mice(Allocation::Matched, 0.0));
    let leaving = run(&mice(Allocation::Matched, 0.01));
    let mut left = 0;
    for (a, b) in staying.arms.iter().zip(&leaving.arms) {
        for (a, b) in a.traced.iter().zip(&b.traced) {
            let (a, b) = (&a.course, &b.course);
            assert!(b.observation.time <= a.observation.time);
            let whole = (b.observation.time / 3.0).fract();
            assert!(whole < 1e-9);
            left += usize::from(a.observation.event && !b.observation.event);
        }
    }
    assert!(left > 0);
}

#[test]
fn a_run_that_fails_does_not_break_the_others() {
    let library = Library::shipped();
    let mut scenario = Scenario::new("xenograft", Arm::sorafenib());
    scenario.duration = Some(24.0);
    let template = Template::read(&library, &scenario).unwrap();
    let probe = Probe {
        times: vec![0.0, 24.0],
        endpoints: true,
    };
    let mut seen = Vec::new();
    stream(
        0..7,
        // The third tumour starts above the capacity.
        |runs| {
            let burden = |run: usize| if run == 3 { 1e6 } else { 100.0 + run as f64 };
            Ok(runs
                .map(|run| template.problem(&[("size.initial_burden", burden(run))]))
                .collect())
        },
        &probe,
        &Accuracy::default(),
        |run, result| {
            seen.push((
                run,
                result
                    .map(|probed| probed.trajectory.signals[0].burden)
                    .ok(),
            ));
            Ok(())
        },
    )
    .unwrap();
    for (run, burden) in &seen {
        match burden {
            None => assert_eq!(*run, 3),
            Some(burden) => assert!((burden - 100.0 - *run as f64).abs() < 1e-9),
        }
    }
    assert_eq!(seen.len(), 7);
}

#[test]
fn every_shipped_trial_can_be_read_and_wrong_ones_are_refused() {
    let library = Library::shipped();
    for name in library.names("trials") {
        let design = TrialDesign::read(&library, name, "test").unwrap();
        // Mice are judged by their volume, not by a median.
        let mice = name.starts_with("xenograft");
        assert!(
            mice || design.published.iter().any(|p| p.median.is_some()),
            "{name}"
        );
        let references = library.references().unwrap();
        for (path, entry) in library.table("trials", name, "test").unwrap().numbers() {
            let known = entry
                .source
                .as_ref()
                .is_none_or(|key| references.contains_key(key));
            assert!(known, "{path}");
        }
    }
    let error = TrialDesign::read(&library, "sharpe", "test")
        .unwrap_err()
        .to_string();
    assert!(error.contains("sharp"), "{error}");
    for (design, needle) in [
        (
            TrialDesign {
                arms: Vec::new(),
                ..mice(Allocation::Matched, 0.0)
            },
            "arms: 0 is out of range",
        ),
        (
            TrialDesign {
                patients: 0,
                ..mice(Allocation::Matched, 0.0)
            },
            "subjects: 0 is out of range",
        ),
        (
            TrialDesign {
                duration: 24.0,
                ..mice(Allocation::Matched, 0.0)
            },
            "no scan",
        ),
        (
            TrialDesign {
                progression: 1.0,
                ..mice(Allocation::Matched, 0.0)
            },
            "no progression",
        ),
    ] {
        let error = design.check("test").unwrap_err().to_string();
        assert!(error.contains(needle), "{needle} in {error}");
    }
}
