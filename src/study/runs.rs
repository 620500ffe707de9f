//! The one place where studies run many problems.
//!
//! Problems are prepared, run and handed over in chunks: memory is bounded by the chunk, whatever the
//! number and the length of the runs. Results come in the order of the problems, whatever the threads do.

use crate::endpoints::{Collector, Endpoints};
use crate::error::Result;
use crate::model::{Signals, State};
use crate::regimen::Event;
use crate::simulate::{
    Accuracy, Observer, Outcome, Problem, Recorder, Segment, Trajectory, run_many_observed,
    run_mixed_observed,
};
use std::ops::Range;

/// What is wanted of every run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Probe {
    /// Increasing times at which states and signals are kept, h.
    pub times: Vec<f64>,
    /// Whether endpoints are collected.
    pub endpoints: bool,
}

/// What a run gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// States and signals at the times of the probe.
    pub trajectory: Trajectory,
    /// Endpoints, if asked for.
    pub endpoints: Option<Endpoints>,
    /// End state, work and mass balance.
    pub outcome: Outcome,
}

/// Most problems of a chunk: enough to fill the lanes of every thread, few enough to be held at once.
pub const CHUNK: usize = 2048;

/// Problems that are prepared together.
const STRETCH: usize = 64;

/// Bytes of problems, and of what is kept of their runs, from which on a chunk is full.
const HEAVY: usize = 16 << 20;

/// Bytes of a problem and of what the probe keeps of its run; doses over a year are most of them.
fn weight(problem: &Problem, probe: &Probe) -> usize {
    let kept = size_of::<State<f64>>() + size_of::<Signals<f64>>();
    size_of::<Problem>()
        + problem.timeline.events.capacity() * size_of::<Event>()
        + probe.times.len() * kept
}

/// What watches a run.
struct Watch {
    recorder: Recorder,
    collector: Option<Collector>,
}

impl Watch {
    fn new(problem: &Problem, probe: Probe) -> Self {
        Self {
            recorder: Recorder::new(problem, probe.times),
            collector: probe.endpoints.then(|| Collector::new(problem)),
        }
    }
}

impl Observer for Watch {
    fn observe(&mut self, segment: &Segment<'_>) {
        self.recorder.observe(segment);
        if let Some(collector) = &mut self.collector {
            collector.observe(segment);
        }
    }

    fn interest(&self) -> f64 {
        match self.collector {
            Some(_) => f64::NEG_INFINITY,
            None => self.recorder.interest(),
        }
    }
}

/// Runs problems in parallel, all for the same probe; results in their order.
pub fn run_batch(problems: &[Problem], probe: &Probe, accuracy: &Accuracy) -> Vec<Result<Probed>> {
    let watch = |_: usize, problem: &Problem| Watch::new(problem, probe.clone());
    finish(problems, run_many_observed(problems, accuracy, watch))
}

/// Runs a few problems each of many kinds in parallel, each for the probe of its index; results in their
/// order. The last bits of a result may depend on what runs beside it.
pub fn run_mixed(
    problems: &[Problem],
    accuracy: &Accuracy,
    probe: impl Fn(usize) -> Probe + Sync,
) -> Vec<Result<Probed>> {
    let watch = |index: usize, problem: &Problem| Watch::new(problem, probe(index));
    finish(problems, run_mixed_observed(problems, accuracy, watch))
}

/// What the watches have seen.
fn finish(problems: &[Problem], runs: Vec<Result<(Watch, Outcome)>>) -> Vec<Result<Probed>> {
    runs.into_iter()
        .zip(problems)
        .map(|(run, problem)| {
            let (watch, outcome) = run?;
            Ok(Probed {
                trajectory: watch.recorder.finish(),
                endpoints: watch
                    .collector
                    .map(|collector| collector.finish(problem, &outcome)),
                outcome,
            })
        })
        .collect()
}

/// Prepares and runs the problems of a range chunk by chunk and hands each result to `sink`, in order; a
/// problem that cannot be prepared is a failed run.
///
/// # Errors
/// The first error of `prepare` or `sink`, which ends the runs.
pub fn stream(
    range: Range<usize>,
    mut prepare: impl FnMut(Range<usize>) -> Result<Vec<Result<Problem>>>,
    probe: &Probe,
    accuracy: &Accuracy,
    mut sink: impl FnMut(usize, Result<Probed>) -> Result<()>,
) -> Result<()> {
    let mut start = range.start;
    while start < range.end {
        let mut problems = Vec::new();
        let mut failures: Vec<Option<crate::Error>> = Vec::new();
        let (mut end, mut heavy) = (start, 0);
        while end < range.end && end - start < CHUNK && heavy < HEAVY {
            let next = (end + STRETCH).min(range.end);
            for prepared in prepare(end..next)? {
                heavy += prepared.as_ref().map_or(0, |p| weight(p, probe));
                failures.push(prepared.map(|problem| problems.push(problem)).err());
            }
            end = next;
        }
        let mut results = run_batch(&problems, probe, accuracy).into_iter();
        for (index, failure) in (start..end).zip(failures) {
            let result = match failure {
                Some(error) => Err(error),
                None => match results.next() {
                    Some(result) => result,
                    None => break,
                },
            };
            sink(index, result)?;
        }
        start = end;
    }
    Ok(())
}

/// A run that gave no result.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// Which run.
    pub run: usize,
    /// Setting, arm and subject or point.
    pub label: String,
    /// Parameters of the run, in the units of their files.
    pub numbers: Vec<(String, f64)>,
    /// What went wrong.
    pub cause: String,
}

/// How many runs were asked for, and what became of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tally {
    /// Runs asked for.
    pub requested: usize,
    /// Runs with a result.
    pub ok: usize,
    /// Runs without.
    pub failed: usize,
    /// The first runs without a result, at most [`Tally::NAMED`].
    pub failures: Vec<Failure>,
}

impl Tally {
    /// Failures that are kept by name, so that memory does not grow with the number of runs.
    pub const NAMED: usize = 1000;

    /// In words: requested, ok, failed, and the first cause.
    pub fn words(&self) -> String {
        let first = self.failures.first().map_or(String::new(), |failure| {
            format!("; the first: {} ({})", failure.label, failure.cause)
        });
        format!(
            "{} requested, {} ok, {} failed{first}",
            self.requested, self.ok, self.failed
        )
    }
}
