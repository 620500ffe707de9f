//! One step: the quadratic program of linearised rows within a trust region.

use super::problem::Joint;
use crate::error::{Error, Result};
use crate::study::claims::TestResult;
use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT::NonnegativeConeT,
};

/// Farthest place from the middle of a range.
const REACH: f64 = 0.49;

/// A bound of a row as a constraint: `slack >= short - slope . step`.
struct Hinge {
    row: usize,
    /// What is missing now, in bands; negative where there is room.
    short: f64,
    /// +1 for a lower bound, -1 for an upper one.
    side: f64,
}

/// The step from places that lowers the linearised cost most within `trust`; targets weigh `emphasis` times as much.
pub(super) fn propose(
    joint: &Joint,
    at: &[f64],
    results: &[TestResult],
    jacobian: &[Vec<f64>],
    trust: f64,
    emphasis: f64,
) -> Result<Vec<f64>> {
    let count = at.len();
    let mut hinges = Vec::new();
    let mut weights = Vec::new();
    for (index, row) in joint.rows.iter().enumerate() {
        let (true, Some(coordinate)) = (row.weight > 0.0, row.coordinate(&results[index])) else {
            continue;
        };
        let moves: f64 = jacobian.iter().map(|column| column[index].abs()).sum();
        let reach = moves * trust / row.band;
        let (low, high) = row.bounds();
        let mut slack = false;
        for (bound, side) in [(low, 1.0), (high, -1.0)] {
            let Some(bound) = bound else { continue };
            let short = side * (bound - coordinate) / row.band;
            // What no step within reach can violate is no constraint.
            if short + reach > 0.0 && moves > 0.0 {
                hinges.push((
                    weights.len(),
                    Hinge {
                        row: index,
                        short,
                        side,
                    },
                ));
                slack = true;
            }
        }
        if slack {
            let emphasis = if row.is_target() { emphasis } else { 1.0 };
            // The tangent of ln(1 + gap) at the present gap.
            weights.push(emphasis * row.weight / (1.0 + row.gap_at(coordinate)));
        }
    }
    let (slacks, bounds) = (weights.len(), hinges.len());
    let rows = bounds + slacks + 2 * count;

    let mut columns: Vec<Vec<(usize, f64)>> = Vec::with_capacity(count + slacks);
    for (place, column) in jacobian.iter().enumerate() {
        let mut entries = Vec::new();
        for (line, (_, hinge)) in hinges.iter().enumerate() {
            let slope = -hinge.side * column[hinge.row] / joint.rows[hinge.row].band;
            if slope != 0.0 {
                entries.push((line, slope));
            }
        }
        entries.push((bounds + slacks + place, 1.0));
        entries.push((bounds + slacks + count + place, -1.0));
        columns.push(entries);
    }
    for slack in 0..slacks {
        let mut entries = Vec::new();
        for (line, (of, _)) in hinges.iter().enumerate() {
            if *of == slack {
                entries.push((line, -1.0));
            }
        }
        entries.push((bounds + slack, -1.0));
        columns.push(entries);
    }
    let mut right = Vec::with_capacity(rows);
    right.extend(hinges.iter().map(|(_, hinge)| -hinge.short));
    right.extend(std::iter::repeat_n(0.0, slacks));
    right.extend(
        at.iter()
            .map(|place| trust.min((0.5 + REACH - place).max(0.0))),
    );
    right.extend(
        at.iter()
            .map(|place| trust.min((place - 0.5 + REACH).max(0.0))),
    );

    let stiffness = joint.factors.iter().map(|factor| factor.stiffness());
    let curvature: Vec<f64> = stiffness.map(|s| s * joint.strength).collect();
    let quadratic: Vec<Vec<(usize, f64)>> = (0..count + slacks)
        .map(|column| match column < count {
            true => vec![(column, curvature[column])],
            false => Vec::new(),
        })
        .collect();
    let away = at.iter().zip(&joint.factors);
    let away = away.map(|(place, factor)| place - factor.rest());
    let mut linear: Vec<f64> = curvature.iter().zip(away).map(|(c, d)| c * d).collect();
    linear.extend(weights);

    let settings = DefaultSettings {
        verbose: false,
        ..DefaultSettings::default()
    };
    let unsolved = |cause: String| {
        Error::input(
            "calibrate --ledger, the quadratic program of a step",
            cause,
            "report it with the command and its parameter files",
        )
    };
    let mut solver = DefaultSolver::new(
        &sparse(&quadratic, count + slacks),
        &linear,
        &sparse(&columns, rows),
        &right,
        &[NonnegativeConeT(rows)],
        settings,
    )
    .map_err(|error| unsolved(format!("{error:?}")))?;
    solver.solve();
    match solver.solution.status {
        SolverStatus::Solved | SolverStatus::AlmostSolved => {
            Ok(solver.solution.x[..count].to_vec())
        }
        other => Err(unsolved(format!("it ended as {other:?}"))),
    }
}

/// A matrix from its columns.
fn sparse(columns: &[Vec<(usize, f64)>], rows: usize) -> CscMatrix<f64> {
    let mut starts = vec![0];
    let (mut places, mut values) = (Vec::new(), Vec::new());
    for column in columns {
        for (row, value) in column {
            places.push(*row);
            values.push(*value);
        }
        starts.push(places.len());
    }
    CscMatrix::new(rows, columns.len(), starts, places, values)
}

#[cfg(test)]
mod tests {
    use super::super::problem::{Factor, Row, Source};
    use super::*;
    use crate::parameters::Grade;
    use crate::regimen::Arm;
    use crate::simulate::Scenario;
    use crate::study::claims::{Expectation, Form, Measure, Never, Query, Test, Verdict};
    use crate::study::sensitivity::Axis;

    fn factor(path: &str) -> Factor {
        Factor {
            file: "biology".to_owned(),
            axis: Axis {
                path: path.to_owned(),
                unit: "1".to_owned(),
                value: 0.5,
                low: 0.0,
                high: 1.0,
                log: false,
                grade: Grade::Assumed,
            },
        }
    }

    fn row(bounds: (Option<f64>, Option<f64>)) -> Row {
        let query = Query {
            measure: Measure::TreatedOverControl(24.0),
            scenario: Scenario::new("xenograft", Arm::vehicle()),
            words: String::new(),
        };
        let test = Test {
            text: String::new(),
            form: Form::Value(Box::new(query)),
            expect: String::new(),
            expectation: Expectation::Above(1.0),
            never: Never::NotReached,
        };
        Row::new(Source::Claim(0), &test, bounds, 1.0, (0.0, 0.05))
    }

    fn result(value: f64) -> TestResult {
        TestResult {
            value,
            never: false,
            error: 0.0,
            verdict: Verdict::Fail,
        }
    }

    /// The step of two parameters, of which the first alone moves the rows, by one each.
    fn stepped(rows: Vec<Row>, values: &[f64], at: [f64; 2], trust: f64) -> Vec<f64> {
        let count = rows.len();
        let joint = Joint::of(vec![factor("a"), factor("b")], rows, 1e-4);
        let results: Vec<TestResult> = values.iter().map(|v| result(*v)).collect();
        let jacobian = [vec![1.0; count], vec![0.0; count]];
        propose(&joint, &at, &results, &jacobian, trust, 1.0).expect("solved")
    }

    #[test]
    fn a_step_meets_a_bound_and_no_more_and_rests_what_does_not_matter() {
        let missing = libm::log(1.25);
        let found = stepped(vec![row((Some(1.0), None))], &[0.8], [0.5, 0.7], 0.4);
        assert!((found[0] - missing).abs() < 1e-4, "{found:?}");
        assert!((found[1] + 0.2).abs() < 1e-4, "{found:?}");
        // What is met already pulls nowhere.
        let found = stepped(vec![row((Some(1.0), None))], &[1.4], [0.5, 0.5], 0.2);
        assert!(found[0].abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn a_step_stays_within_its_region_and_its_ranges() {
        let far = stepped(vec![row((Some(1.0), None))], &[0.8], [0.5, 0.9], 0.1);
        assert!((far[0] - 0.1).abs() < 1e-4, "{far:?}");
        assert!((far[1] + 0.1).abs() < 1e-4, "{far:?}");
        let edge = stepped(vec![row((Some(1.0), None))], &[0.1], [0.95, 0.5], 0.3);
        assert!((edge[0] - 0.04).abs() < 1e-4, "{edge:?}");
    }

    #[test]
    fn of_two_bounds_that_exclude_each_other_the_nearer_is_met() {
        let rows = || vec![row((Some(1.0), None)), row((None, Some(0.5)))];
        let near_upper = stepped(rows(), &[0.55, 0.55], [0.5, 0.5], 0.4);
        assert!(
            (near_upper[0] - libm::log(0.5 / 0.55)).abs() < 1e-3,
            "{near_upper:?}"
        );
        let near_lower = stepped(rows(), &[0.9, 0.9], [0.5, 0.5], 0.4);
        assert!(
            (near_lower[0] - libm::log(1.0 / 0.9)).abs() < 1e-3,
            "{near_lower:?}"
        );
    }
}
