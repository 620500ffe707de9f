//! One step: the quadratic program of linearised rows within a trust region.

use super::problem::Joint;
use crate::error::{Error, Result};
use crate::study::claims::{DEAD_BAND, TestResult};
use clarabel::algebra::CscMatrix;
use clarabel::solver::{
    DefaultSettings, DefaultSolver, IPSolver, SolverStatus, SupportedConeT::NonnegativeConeT,
};

/// Farthest place from the middle of a range.
const REACH: f64 = 0.49;

/// A bound of a row as a constraint: `slack >= short - slope . step`.
struct Hinge {
    row: usize,
    /// What is missing now, in dead bands; negative where there is room.
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
        let reach = moves * trust / DEAD_BAND;
        let (low, high) = row.bounds();
        let mut slack = false;
        for (bound, side) in [(low, 1.0), (high, -1.0)] {
            let Some(bound) = bound else { continue };
            let short = side * (bound - coordinate) / DEAD_BAND;
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
            let slope = -hinge.side * column[hinge.row] / DEAD_BAND;
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
