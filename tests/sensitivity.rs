//! Sensitivity: closed forms are met, failed rows are counted, the model's own parameters rank sensibly.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::assay::{Assay, Quantity};
use hif_switch::study::plan::collect;
use hif_switch::study::sensitivity::sobol::{self, Indices};
use hif_switch::study::sensitivity::{Measured, Method, SensitivityPlan, Space, morris};
use hif_switch::study::silent;
use std::f64::consts::PI;

/// A function of the unit cube with its first and total indices.
struct Known {
    parameters: usize,
    value: fn(&[f64]) -> f64,
    first: Vec<f64>,
    total: Vec<f64>,
    mean: f64,
    variance: f64,
}

/// Ishigami and Homma 1990 with a = 7, b = 0.1; indices in closed form.
fn ishigami() -> Known {
    let (a, b) = (7.0, 0.1);
    let variance = a * a / 8.0 + b * PI.powi(4) / 5.0 + b * b * PI.powi(8) / 18.0 + 0.5;
    let first = 0.5 * (1.0 + b * PI.powi(4) / 5.0).powi(2) / variance;
    let second = a * a / 8.0 / variance;
    let third = b * b * PI.powi(8) * 8.0 / 225.0 / variance;
    Known {
        parameters: 3,
        value: |u| {
            let x: Vec<f64> = u.iter().map(|u| PI * (2.0 * u - 1.0)).collect();
            x[0].sin() + 7.0 * x[1].sin().powi(2) + 0.1 * x[2].powi(4) * x[0].sin()
        },
        first: vec![first, second, 0.0],
        total: vec![first + third, second, third],
        mean: a / 2.0,
        variance,
    }
}

const G: [f64; 8] = [0.0, 1.0, 4.5, 9.0, 99.0, 99.0, 99.0, 99.0];

/// Sobol's G function with the usual eight coefficients.
fn sobol_g() -> Known {
    let part = |a: f64| 1.0 / (3.0 * (1.0 + a) * (1.0 + a));
    let product: f64 = G.iter().map(|a| 1.0 + part(*a)).product();
    let variance = product - 1.0;
    Known {
        parameters: 8,
        value: |u| {
            let factors = u.iter().zip(G);
            factors
                .map(|(u, a)| ((4.0 * u - 2.0).abs() + a) / (1.0 + a))
                .product()
        },
        first: G.iter().map(|a| part(*a) / variance).collect(),
        total: G
            .iter()
            .map(|a| part(*a) * product / (1.0 + part(*a)) / variance)
            .collect(),
        mean: 1.0,
        variance,
    }
}

fn measure(known: &Known, points: usize, seed: u64, fail: &dyn Fn(usize) -> bool) -> Indices {
    let design = sobol::Design::new(points, known.parameters, seed).unwrap();
    let values: Vec<f64> = (0..design.rows())
        .map(|row| match fail(row) {
            true => f64::NAN,
            false => (known.value)(&design.row(row)),
        })
        .collect();
    sobol::indices(&design, &values, points, seed).unwrap()
}

#[test]
fn sobol_indices_of_known_functions_are_met() {
    for known in [ishigami(), sobol_g()] {
        let found = measure(&known, 4096, 1, &|_| false);
        assert!((found.mean - known.mean).abs() < 0.01 * known.variance.sqrt());
        assert!((found.variance - known.variance).abs() < 0.01 * known.variance);
        for i in 0..known.parameters {
            let (first, total) = (found.first[i], found.total[i]);
            assert!(
                (first.estimate - known.first[i]).abs() < 0.01,
                "S{i} {first:?} {}",
                known.first[i]
            );
            assert!(
                (total.estimate - known.total[i]).abs() < 0.01,
                "T{i} {total:?} {}",
                known.total[i]
            );
            for (index, wanted) in [(first, known.first[i]), (total, known.total[i])] {
                assert!(
                    index.lower <= wanted + 0.003 && index.upper >= wanted - 0.003,
                    "{i} {index:?} {wanted}"
                );
            }
        }
    }
}

#[test]
fn more_points_are_nearer() {
    let known = ishigami();
    let error = |points| -> f64 {
        let worst = |seed| {
            let found = measure(&known, points, seed, &|_| false);
            let errors = (0..3).map(|i| (found.total[i].estimate - known.total[i]).abs());
            errors.fold(0.0, f64::max)
        };
        (1..=5).map(worst).sum::<f64>() / 5.0
    };
    let (few, many) = (error(64), error(1024));
    assert!(many < few / 3.0, "{few} {many}");
}

#[test]
fn failed_rows_take_their_base_point_and_are_counted() {
    let known = ishigami();
    // One row in each of the base points 0, 10, 20 ...
    let found = measure(&known, 1024, 1, &|row| row % 50 == 3);
    assert_eq!((found.used, found.left_out), (921, 103));
    for i in 0..3 {
        assert!((found.total[i].estimate - known.total[i]).abs() < 0.06);
    }
    let design = sobol::Design::new(8, 3, 1).unwrap();
    let all_failed = vec![f64::NAN; design.rows()];
    assert!(sobol::indices(&design, &all_failed, 8, 1).is_none());
    assert!(sobol::indices(&design, &vec![1.0; design.rows()], 8, 1).is_none());
}

#[test]
fn designs_that_make_no_sense_are_refused() {
    for (points, parameters) in [(1000, 3), (2, 3), (1 << 17, 3), (8, 0), (8, 129)] {
        assert!(
            sobol::Design::new(points, parameters, 1).is_err(),
            "{points} {parameters}"
        );
    }
    for (trajectories, levels) in [(1, 8), (4, 5), (4, 2)] {
        assert!(
            morris::Design::new(trajectories, 3, levels, 1).is_err(),
            "{trajectories} {levels}"
        );
    }
}

#[test]
fn elementary_effects_of_a_linear_function_are_its_slopes() {
    let design = morris::Design::new(12, 4, 6, 3).unwrap();
    let slopes = [3.0, -2.0, 0.5, 0.0];
    let value = |row| -> f64 {
        let place = design.row(row);
        place.iter().zip(slopes).map(|(x, slope)| x * slope).sum()
    };
    let values: Vec<f64> = (0..design.rows()).map(value).collect();
    for (effect, slope) in morris::effects(&design, &values).iter().zip(slopes) {
        assert!((effect.mu - slope).abs() < 1e-12 && (effect.mu_star - slope.abs()).abs() < 1e-12);
        assert!(effect.sigma < 1e-12 && effect.used == 12);
    }
    for row in 0..design.rows() {
        assert!(design.row(row).iter().all(|x| (0.0..=1.0).contains(x)));
    }
    // An interaction shows as sigma.
    let value = |row| {
        let place = design.row(row);
        place[0] * place[1]
    };
    let values: Vec<f64> = (0..design.rows()).map(value).collect();
    let effects = morris::effects(&design, &values);
    assert!(effects[0].sigma > 0.1 && effects[2].mu_star < 1e-12);
}

/// Three parameters of mice on sorafenib for three days.
fn plan(method: Method) -> SensitivityPlan {
    let library = Library::shipped();
    let scenario = Scenario {
        duration: Some(72.0),
        ..Scenario::new("xenograft", Arm::sorafenib())
    };
    let quantities = [Quantity::LogBurden, Quantity::TreatedOverControl];
    let assay = Assay::new(&library, &scenario, &quantities).unwrap();
    let paths = [
        "tumour.growth_rate",
        "sorafenib.raf_ec50",
        "tumour.metastasis_rate",
    ];
    let space = Space::read(&assay.templates[0], &paths.map(str::to_owned), "test").unwrap();
    SensitivityPlan {
        assay,
        space,
        method,
        seed: 5,
    }
}

fn accuracy() -> Accuracy {
    Accuracy {
        rtol: 1e-6,
        ..Accuracy::ensemble()
    }
}

#[test]
fn the_three_methods_agree_on_what_decides_the_burden() {
    let methods = [
        Method::Local,
        Method::Morris(Box::new(morris::Design::new(4, 3, 4, 5).unwrap())),
        Method::Sobol(sobol::Design::new(16, 3, 5).unwrap()),
    ];
    for method in methods {
        let plan = plan(method);
        let result = plan
            .analyse(&collect(&plan, &accuracy(), &silent).unwrap())
            .unwrap();
        assert_eq!(result.tally.failed, 0);
        let weights = result.results[0].weights();
        assert_eq!(
            result.ranking(0)[0],
            0,
            "{} {weights:?}",
            plan.method.name()
        );
        assert!(
            weights[2] < 1e-6 * weights[0],
            "metastases drive nothing: {weights:?}"
        );
        // The shipped growth rate is graded `assumed`: the conclusion rests on it.
        assert!(
            result
                .resting_on_assumptions(0)
                .contains(&"tumour.growth_rate")
        );
    }
}

#[test]
fn elasticities_are_derivatives() {
    let plan = plan(Method::Local);
    let rows = collect(&plan, &accuracy(), &silent).unwrap();
    let result = plan.analyse(&rows).unwrap();
    let Measured::Local(values) = &result.results[1] else {
        panic!("local");
    };
    // Again with another step, by hand.
    let template = &plan.assay.templates;
    let ratio = |growth: f64| {
        let numbers = [("tumour.growth_rate", growth)];
        let burden = |run: usize| {
            let problem = template[run].problem(&numbers).unwrap();
            problem
                .run(&accuracy(), &mut [])
                .unwrap()
                .end
                .tumour
                .burden()
        };
        burden(0) / burden(1)
    };
    let library = Library::shipped();
    let table = Scenario::new("xenograft", Arm::sorafenib()).parameters(&library);
    let growth = table.unwrap().number("tumour.growth_rate").unwrap().value;
    let growth = growth.unwrap();
    let (low, high) = (0.955 * growth, 1.045 * growth);
    let slope = (ratio(high) - ratio(low)) / (high - low) * growth / ratio(growth);
    assert!(
        (values[0] - slope).abs() < 0.02 * slope.abs(),
        "{} {slope}",
        values[0]
    );
}

#[test]
fn unknown_names_are_named() {
    let error = Quantity::parse("burden_ende", "--endpoint")
        .unwrap_err()
        .to_string();
    assert!(error.contains("burden_end"), "{error}");
    let plan = plan(Method::Local);
    let template = &plan.assay.templates[0];
    for (path, needle) in [
        ("tumour.growth", "tumour.growth_rate"),
        ("exposure.reference_dose", "is a point"),
    ] {
        let error = Space::read(template, &[path.to_owned()], "--parameter")
            .unwrap_err()
            .to_string();
        assert!(error.contains(needle), "{error}");
    }
    let twice = [
        "tumour.growth_rate".to_owned(),
        "tumour.growth_rate".to_owned(),
    ];
    assert!(Space::read(template, &twice, "--parameter").is_err());
    assert!(Space::read(template, &[], "--parameter").is_err());
}
