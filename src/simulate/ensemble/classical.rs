//! The methods on the classical stiff test problems, with reference values and the work they take.
//!
//! Reference values: test set for IVP solvers of Bari (Mazzia & Magherini 2008), made there at 1e-12 or better.

#![allow(clippy::unwrap_used)]

use super::driver::{Control, Failure, Job, Step, Stretch, run_thread};
use super::program::{Scheme, System};
use super::symbol::Symbol;
use crate::model::Number;
use crate::simulate::integrator::Work;
use std::sync::atomic::AtomicUsize;

/// One stretch of a system without parameters.
struct Plain {
    length: f64,
    weights: Vec<f64>,
    started: bool,
    end: Vec<f64>,
}

impl Job for Plain {
    type Output = Result<(Vec<f64>, Work), Failure>;
    fn parameters(&self) -> &[f64] {
        &[]
    }
    fn weights(&self) -> &[f64] {
        &self.weights
    }
    fn next(&mut self, state: &mut [f64], _: &mut Vec<f64>) -> Option<Stretch> {
        if self.started {
            self.end = state.to_vec();
            return None;
        }
        self.started = true;
        Some(Stretch {
            length: self.length,
            kind: 0,
            changed: false,
            jumps: false,
        })
    }
    fn interest(&self) -> f64 {
        f64::INFINITY
    }
    fn rest(&self) -> f64 {
        self.length
    }
    fn observe(&mut self, _: &Step<'_>) {}
    fn finish(self, work: Work) -> Self::Output {
        Ok((self.end, work))
    }
    fn unsuited(self) -> Self::Output {
        self.fail(
            &Failure {
                time: 0.0,
                state: None,
                cause: "unsuited",
            },
            Work::default(),
        )
    }
    fn fail(self, failure: &Failure, _: Work) -> Self::Output {
        Err(failure.clone())
    }
}

/// The end of a run with its work.
fn solve(
    source: impl FnOnce(&[Symbol]) -> Vec<Symbol>,
    start: &[f64],
    weights: &[f64],
    length: f64,
    rtol: f64,
    scheme: Scheme,
) -> (Vec<f64>, Work) {
    let system = System::new(start.len(), Vec::new(), source);
    let control = Control {
        rtol,
        max_step: f64::INFINITY,
        scheme,
    };
    let mut outputs = Vec::new();
    run_thread::<8, Plain>(
        &system,
        &control,
        &AtomicUsize::new(0),
        1,
        &|_| {
            let job = Plain {
                length,
                weights: weights.to_vec(),
                started: false,
                end: Vec::new(),
            };
            (job, start.to_vec())
        },
        &mut outputs,
    );
    outputs.pop().unwrap().1.unwrap()
}

fn error(value: &[f64], reference: &[f64]) -> f64 {
    let pairs = value.iter().zip(reference);
    pairs.map(|(v, r)| ((v - r) / r).abs()).fold(0.0, f64::max)
}

/// The work to within two steps, which the rounding of other machines may add or save.
fn pinned(work: &Work, accepted: u64, rejected: u64) {
    let off = work.accepted_steps.abs_diff(accepted) + work.rejected_steps.abs_diff(rejected);
    assert!(off <= 2, "{work:?}");
}

fn c(value: f64) -> Symbol {
    Symbol::constant(value)
}

#[test]
fn robertson() {
    let source = |y: &[Symbol]| {
        let slow = y[0] * 0.04;
        let back = y[1] * y[2] * 1e4;
        let fast = y[1] * y[1] * 3e7;
        vec![back - slow, slow - back - fast, fast]
    };
    let start = [1.0, 0.0, 0.0];
    let reference = [0.715_827_068_7, 0.918_553_476_5e-5, 0.284_163_745_7];
    let (end, work) = solve(
        source,
        &start,
        &[1.0, 1e-6, 1.0],
        40.0,
        1e-7,
        Scheme::OneStep,
    );
    assert!(error(&end, &reference) < 1e-7, "{end:?}");
    pinned(&work, 75, 29);
}

#[test]
fn van_der_pol() {
    let source = |y: &[Symbol]| {
        let damped = (y[0] * y[0]).complement() * y[1] - y[0];
        vec![y[1], damped / 1e-6]
    };
    let reference = [1.706_167_732_170_483, -0.892_809_701_024_797_5];
    let (end, work) = solve(source, &[2.0, 0.0], &[1.0, 1.0], 2.0, 1e-7, Scheme::OneStep);
    assert!(error(&end, &reference) < 1e-6, "{end:?}");
    pinned(&work, 1056, 28);
}

#[test]
fn hires() {
    let source = |y: &[Symbol]| {
        let bound = y[5] * y[7] * 280.0;
        vec![
            y[0] * -1.71 + y[1] * 0.43 + y[2] * 8.32 + 0.0007,
            y[0] * 1.71 - y[1] * 8.75,
            y[2] * -10.03 + y[3] * 0.43 + y[4] * 0.035,
            y[1] * 8.32 + y[2] * 1.71 - y[3] * 1.12,
            y[4] * -1.745 + y[5] * 0.43 + y[6] * 0.43,
            y[3] * 0.69 + y[4] * 1.71 - y[5] * 0.43 + y[6] * 0.69 - bound,
            bound - y[6] * 1.81,
            y[6] * 1.81 - bound,
        ]
    };
    let start = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057];
    let reference = [
        0.737_131_257_332_566_8e-3,
        0.144_248_572_631_618_5e-3,
        0.588_872_974_096_757_5e-4,
        0.117_565_134_328_314_9e-2,
        0.238_635_619_883_133_1e-2,
        0.623_896_825_274_279_6e-2,
        0.284_999_839_518_576_9e-2,
        0.285_000_160_481_423_1e-2,
    ];
    let (end, work) = solve(source, &start, &[1e-4; 8], 321.8122, 1e-7, Scheme::OneStep);
    assert!(error(&end, &reference) < 1e-6, "{end:?}");
    pinned(&work, 401, 7);
}

#[test]
fn oregonator() {
    let source = |y: &[Symbol]| {
        vec![
            (y[1] + y[0] * (-(y[0] * 8.375e-6) + 1.0 - y[1])) * 77.27,
            (y[2] - (y[0] + 1.0) * y[1]) / 77.27,
            (y[0] - y[2]) * 0.161,
        ]
    };
    let reference = [
        1.000_814_870_318_523,
        1_228.178_521_549_917,
        132.055_494_284_670_6,
    ];
    let (end, work) = solve(
        source,
        &[1.0, 2.0, 3.0],
        &[1.0; 3],
        360.0,
        1e-7,
        Scheme::OneStep,
    );
    assert!(error(&end, &reference) < 1e-5, "{end:?}");
    pinned(&work, 1293, 18);
}

/// Both methods on a nonlinear system that is not stiff (Lotka-Volterra with a conserved quantity): the error
/// falls with the tolerance at the rate of the order.
#[test]
fn errors_follow_the_tolerance() {
    let source = |y: &[Symbol]| vec![y[0] * (c(1.5) - y[1]), y[1] * (y[0] - 3.0)];
    for (scheme, length, orders, tightest, loosest) in [
        (Scheme::OneStep, 10.0, 3.5..7.5, 1e-9, 1e-3),
        (Scheme::Collocation, 60.0, 14.0..32.0, 1e-7, 5e-2),
    ] {
        let end_at = |rtol, scheme| solve(source, &[1.0, 1.0], &[1.0; 2], length, rtol, scheme);
        let (reference, _) = end_at(1e-12, Scheme::OneStep);
        let at = |rtol| {
            let (end, work) = end_at(rtol, scheme);
            (error(&end, &reference), work.accepted_steps as f64)
        };
        let (loose, tight) = (at(1e4 * tightest), at(tightest));
        let below = loose.0 < loosest && tight.0 < 1e2 * tightest;
        assert!(below, "{scheme:?}: {loose:?} {tight:?}");
        let slope = (loose.0 / tight.0).ln() / (tight.1 / loose.1).ln();
        assert!(
            orders.contains(&slope),
            "{scheme:?}: {slope} {loose:?} {tight:?}"
        );
    }
}

/// Prothero and Robinson's problem: a slow solution to which everything relaxes a thousand times as fast. Collocation
/// follows it in steps of the slow solution, and the exactly known state drives it.
#[test]
fn collocation_is_stable_on_a_stiff_problem() {
    let source = |y: &[Symbol]| {
        let slow = (-y[0]).exp();
        vec![c(1.0), (y[1] - slow) * -1e3 - slow]
    };
    let start = [0.0, 1.0];
    let (end, work) = solve(source, &start, &[1.0; 2], 4.0, 1e-8, Scheme::Collocation);
    assert!((end[0] - 4.0).abs() < 1e-12, "{end:?}");
    assert!((end[1] - (-4f64).exp()).abs() < 1e-9, "{end:?}");
    assert!(work.accepted_steps <= 4, "{work:?}");
}
