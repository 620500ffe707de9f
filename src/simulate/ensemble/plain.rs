//! One stretch of any autonomous system in the lanes, without parameters, inputs or events.

use super::driver::{Control, Failure, Job, Step, Stretch, run_thread};
use super::program::{Scheme, System};
use crate::model::Number;
use crate::simulate::integrator::Work;
use std::sync::atomic::AtomicUsize;

/// An autonomous system, written once for numbers and for symbols.
pub(in crate::simulate) trait Rates {
    /// Rates of change of the states.
    fn rates<T: Number>(&self, states: &[T]) -> Vec<T>;
}

/// One stretch of a system without parameters.
struct Plain<'a> {
    length: f64,
    weights: &'a [f64],
    started: bool,
    end: Vec<f64>,
}

impl Job for Plain<'_> {
    type Output = Result<(Vec<f64>, Work), String>;
    fn parameters(&self) -> &[f64] {
        &[]
    }
    fn weights(&self) -> &[f64] {
        self.weights
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
        Err("the recorded equations do not hold".to_owned())
    }
    fn fail(self, failure: &Failure, _: Work) -> Self::Output {
        Err(format!("{} at t = {}", failure.cause, failure.time))
    }
}

/// How one stretch is to be solved in lanes.
#[derive(Debug, Clone, Copy)]
pub(in crate::simulate) struct Way {
    /// Collocation by Radau IIA instead of Rodas5P.
    pub collocation: bool,
    /// Relative tolerance.
    pub rtol: f64,
    /// Lanes: 4, 8 or 32.
    pub width: usize,
}

/// The end of a stretch with its work, the same in every lane.
pub(in crate::simulate) fn solve(
    system: &impl Rates,
    start: &[f64],
    weights: &[f64],
    length: f64,
    way: Way,
) -> Result<(Vec<f64>, Work), String> {
    let recorded = System::new(start.len(), Vec::new(), |states| system.rates(states));
    let control = Control {
        rtol: way.rtol,
        max_step: f64::INFINITY,
        scheme: if way.collocation {
            Scheme::Collocation
        } else {
            Scheme::OneStep
        },
    };
    let run = match way.width {
        4 => run_thread::<4, Plain<'_>>,
        8 => run_thread::<8, Plain<'_>>,
        32 => run_thread::<32, Plain<'_>>,
        other => return Err(format!("{other} lanes: there are 4, 8 or 32")),
    };
    let make = |_: usize| {
        let job = Plain {
            length,
            weights,
            started: false,
            end: Vec::new(),
        };
        (job, start.to_vec())
    };
    let mut outputs = Vec::new();
    let queue = AtomicUsize::new(0);
    run(&recorded, &control, &queue, way.width, &make, &mut outputs);
    let mut ends = outputs.into_iter().map(|(_, output)| output);
    let first = ends
        .next()
        .unwrap_or_else(|| Err("nothing ran".to_owned()))?;
    let bits = |end: &[f64]| -> Vec<u64> { end.iter().map(|value| value.to_bits()).collect() };
    for other in ends {
        if bits(&other?.0) != bits(&first.0) {
            return Err("lanes with the same work differ".to_owned());
        }
    }
    Ok(first)
}
