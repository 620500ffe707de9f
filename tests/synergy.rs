//! Synergy: the identities hold, fits find the surfaces they describe, signs follow mechanism.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::plan::collect;
use hif_switch::study::silent;
use hif_switch::study::synergy::{
    Curve, Musyc, Nulls, Surface, Synergy, SynergyPlan, fit_hill, fit_musyc, time_course,
};

const FIRST: [f64; 6] = [0.0, 1.0, 3.0, 10.0, 30.0, 100.0];
const SECOND: [f64; 6] = [0.0, 0.1, 0.3, 1.0, 3.0, 10.0];

fn hill(dose: f64, top: f64, half: f64, exponent: f64) -> f64 {
    let x = (dose / half).powf(exponent);
    top * x / (1.0 + x)
}

/// Many doses between 0 and the last.
fn finely(last: f64) -> Vec<f64> {
    let steps = (0..200).map(|i| last * 10f64.powf(-5.0 + 5.0 * f64::from(i) / 199.0));
    std::iter::once(0.0).chain(steps).collect()
}

fn surface(second: &[f64], effect: impl Fn(f64, f64) -> f64) -> Surface {
    let alone = |doses: Vec<f64>, e: &dyn Fn(f64) -> f64| {
        let effects = doses.iter().map(|d| e(*d)).collect();
        Curve::new(doses, effects)
    };
    Surface {
        first: FIRST.to_vec(),
        second: second.to_vec(),
        effects: FIRST
            .iter()
            .map(|a| second.iter().map(|b| effect(*a, *b)).collect())
            .collect(),
        first_alone: alone(finely(300.0), &|a| effect(a, 0.0)),
        second_alone: alone(finely(3.0 * second[5]), &|b| effect(0.0, b)),
    }
}

fn largest(grid: &[Vec<f64>]) -> f64 {
    grid.iter()
        .flatten()
        .filter(|v| v.is_finite())
        .map(|v| v.abs())
        .fold(0.0, f64::max)
}

#[test]
fn a_drug_with_itself_is_loewe_additive() {
    let same = surface(&FIRST, |a, b| hill(a + b, 0.9, 20.0, 1.7));
    let nulls = same.nulls();
    assert!(largest(&nulls.loewe) < 1e-3, "{:?}", nulls.loewe);
    for index in nulls.index.iter().flatten().filter(|v| v.is_finite()) {
        assert!((index - 1.0).abs() < 5e-3, "{index}");
    }
    // On a steep curve it is no Bliss zero: the scale of the null matters.
    assert!(largest(&nulls.bliss) > 0.05);
    // A diluted version of the drug is the drug.
    let diluted = surface(&SECOND, |a, b| hill(a + 10.0 * b, 0.9, 20.0, 1.7));
    assert!(largest(&diluted.nulls().loewe) < 1e-3);
}

#[test]
fn an_independent_pair_is_bliss_and_zip_zero() {
    let effect = |a: f64, b: f64| {
        let (a, b) = (hill(a, 0.8, 15.0, 1.3), hill(b, 0.6, 0.8, 2.0));
        a + b - a * b
    };
    let nulls = surface(&SECOND, effect).nulls();
    assert!(largest(&nulls.bliss) < 1e-12);
    assert!(largest(&nulls.zip) < 1e-3, "{:?}", nulls.zip);
    assert!(Nulls::mean(&nulls.hsa) > 0.0);
}

#[test]
fn the_better_drug_alone_is_hsa_zero() {
    let nulls = surface(&SECOND, |a, b| {
        hill(a, 0.8, 15.0, 1.3).max(hill(b, 0.6, 0.8, 2.0))
    })
    .nulls();
    assert!(largest(&nulls.hsa) < 1e-12);
    assert!(Nulls::mean(&nulls.bliss) < 0.0 && Nulls::mean(&nulls.loewe) < 0.0);
}

#[test]
fn a_drug_that_cannot_reach_an_effect_contributes_nothing() {
    let weak = surface(&SECOND, |a, b| {
        hill(a, 0.8, 15.0, 1.3) + 0.05 * hill(b, 1.0, 0.8, 2.0)
    });
    let nulls = weak.nulls();
    // At 30 of the first drug the effect is far above what the second ever reaches.
    let (index, alone) = (
        nulls.index[4][3],
        weak.first_alone.dose(weak.effects[4][3]).unwrap(),
    );
    assert!((index - 30.0 / alone).abs() < 1e-9);
    assert!(weak.second_alone.dose(0.2).is_none());
}

#[test]
fn hill_curves_are_found_again() {
    let doses = finely(100.0);
    let effects = doses.iter().map(|d| hill(*d, 0.7, 8.0, 1.6)).collect();
    let fitted = fit_hill(&Curve::new(doses, effects)).unwrap();
    assert!((fitted.top - 0.7).abs() < 1e-4 && (fitted.half - 8.0).abs() < 1e-2);
    assert!((fitted.exponent - 1.6).abs() < 1e-3);
}

#[test]
fn a_musyc_surface_is_found_again() {
    let truth = Musyc {
        effects: [0.0, 0.5, 0.4, 0.9],
        halves: [12.0, 0.9],
        exponents: [1.4, 1.8],
        alphas: [3.0, 0.5],
        beta: 0.8,
        r2: 1.0,
    };
    let fitted = fit_musyc(&surface(&SECOND, |a, b| truth.effect(a, b))).unwrap();
    assert!(fitted.r2 > 0.9999, "{fitted:?}");
    for (found, wanted) in [
        (fitted.beta, truth.beta),
        (fitted.alphas[0], truth.alphas[0]),
        (fitted.alphas[1], truth.alphas[1]),
        (fitted.halves[0], truth.halves[0]),
        (fitted.exponents[1], truth.exponents[1]),
        (fitted.effects[3], truth.effects[3]),
    ] {
        assert!((found - wanted).abs() < 0.03 * wanted, "{fitted:?}");
    }
    // Alone each drug follows its Hill curve.
    for dose in [1.0, 12.0, 80.0] {
        assert!((truth.effect(dose, 0.0) - hill(dose, 0.5, 12.0, 1.4)).abs() < 1e-12);
    }
}

#[test]
fn indices_over_time_are_zero_for_independent_growth() {
    let times = [0.0, 5.0, 10.0, 20.0];
    let arm = |rate: f64| times.map(|t| 100.0 * (rate * t).exp()).to_vec();
    let (control, first, second) = (arm(0.2), arm(0.12), arm(0.15));
    // Bliss on relative volumes: rates of loss add up.
    let both = arm(0.12 + 0.15 - 0.2);
    let course = time_course(&times, [&control, &first, &second, &both]);
    assert!(course.bliss.iter().all(|v| v.abs() < 1e-12), "{course:?}");
    assert!(course.hsa.iter().all(|v| *v > 0.0));
    // Exponential growth: twice the area under ln V over the square of time is the rate itself.
    for rates in &course.rates {
        for (found, wanted) in rates.iter().zip([0.2, 0.12, 0.15, 0.07]) {
            assert!((found - wanted).abs() < 1e-12);
        }
    }
    // Response additivity: inhibitions add up, not survivals.
    let sum: Vec<f64> = (0..4).map(|i| first[i] + second[i] - control[i]).collect();
    let short = [&control[..3], &first[..3], &second[..3], &sum[..3]];
    let course = time_course(&times[..3], short);
    assert!(course.additive.iter().all(|v| v.abs() < 1e-9), "{course:?}");
}

fn study(arm: &str, first: &[f64], second: &[f64]) -> Synergy {
    let library = Library::shipped();
    let scenario = Scenario {
        duration: Some(7.0 * 24.0),
        ..Scenario::new("xenograft", Arm::parse(arm, &library, "test").unwrap())
    };
    let accuracy = Accuracy {
        rtol: 1e-6,
        ..Accuracy::ensemble()
    };
    let plan = SynergyPlan::new(&library, &scenario, first, second, None, &[168.0]).unwrap();
    plan.analyse(&collect(&plan, &accuracy, &silent).unwrap())
        .unwrap()
}

#[test]
fn sorafenib_with_itself_is_loewe_additive_in_the_model() {
    let doses = [3.0, 6.0, 12.0, 24.0];
    let result = study("sorafenib", &doses, &doses);
    let (_, surface, nulls) = result.first.surfaces.last().unwrap();
    // Where the sum of both doses lies within the doses of the drug alone.
    for i in 1..4 {
        for j in 1..4 {
            let excess = nulls.loewe[i][j];
            assert!(
                excess.abs() < 0.01 * surface.effects[4][0],
                "{i} {j} {excess}"
            );
            assert!((nulls.index[i][j] - 1.0).abs() < 0.03, "{:?}", nulls.index);
        }
    }
    assert!(result.exposures[4] > result.exposures[1]);
}

#[test]
fn blocking_hif2_is_more_than_independence() {
    let result = study("sorafenib+pt2385", &[10.0, 30.0, 60.0], &[0.25, 0.5, 1.0]);
    let (_, _, nulls) = result.first.surfaces.last().unwrap();
    assert!(Nulls::top(&nulls.hsa) > 0.0);
    assert!(Nulls::mean(&nulls.bliss) > 0.0, "{:?}", nulls.bliss);
}

#[test]
fn arms_that_are_no_pair_are_refused() {
    let library = Library::shipped();
    for arm in ["vehicle", "pt2385", "sorafenib+pt2385+genistein"] {
        let arm = Arm::parse(arm, &library, "test").unwrap();
        let scenario = Scenario::new("xenograft", arm);
        let error = SynergyPlan::new(&library, &scenario, &[1.0, 2.0], &[1.0, 2.0], None, &[24.0]);
        assert!(error.unwrap_err().to_string().contains("two drugs"));
    }
}
