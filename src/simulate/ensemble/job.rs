//! Problems as jobs for the lanes.

use super::cycle::{Cycle, Cycles};
use super::driver::{Control, Failure, Job, Piece, Step, Stretch, run_thread};
use super::native::WIDTH;
use super::program::Scheme;
use super::shape::{self, Key, Shape};
use crate::error::Result;
use crate::model::{Inputs, PARTNER_SLOTS, STATES, State};
use crate::regimen::{Change, Drug, Totals};
use crate::simulate::dense::{Dense, LaneSteps, Vector};
use crate::simulate::integrator::{self, Accuracy, Method, SegmentFailure, Work};
use crate::simulate::recorder::{Recorder, Trajectory};
use crate::simulate::run::{self, Observer, Outcome, Problem, Segment};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, LazyLock};

/// What is wanted of every run.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Probe {
    /// Increasing times at which states and signals are kept, h.
    pub times: Vec<f64>,
}

/// What a run gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Probed {
    /// States and signals at the times of the probe.
    pub trajectory: Trajectory,
    /// End state, work and mass balance.
    pub outcome: Outcome,
}

/// Runs problems in parallel and keeps states and signals at the times of `probe`; results in the order of
/// the problems.
///
/// [`Method::Lanes`] runs in lanes, the other methods one by one with `ode_solvers`.
pub fn run_many(problems: &[Problem], probe: &Probe, accuracy: &Accuracy) -> Vec<Result<Probed>> {
    run_all(problems, accuracy, false, |_, problem| Prober {
        recorder: Recorder::new(problem, probe.times.clone()),
    })
    .into_iter()
    .map(|result| {
        result.map(|(prober, outcome)| Probed {
            trajectory: prober.recorder.finish(),
            outcome,
        })
    })
    .collect()
}

/// Runs problems in parallel, each watched by the observer that `make` gives for its index; observers and
/// outcomes in the order of the problems.
///
/// [`Method::Lanes`] runs in lanes, the other methods one by one with `ode_solvers`.
pub fn run_many_observed<O: Observer + Send>(
    problems: &[Problem],
    accuracy: &Accuracy,
    make: impl Fn(usize, &Problem) -> O + Sync,
) -> Vec<Result<(O, Outcome)>> {
    run_all(problems, accuracy, false, |index, problem| Watcher {
        observer: make(index, problem),
    })
    .into_iter()
    .map(|result| result.map(|(watcher, outcome)| (watcher.observer, outcome)))
    .collect()
}

/// Like [`run_many_observed`] for a few problems each of many kinds, such as the arms of a comparison: kinds
/// share lanes, so that the last bits of a result depend on what runs beside it.
pub fn run_mixed_observed<O: Observer + Send>(
    problems: &[Problem],
    accuracy: &Accuracy,
    make: impl Fn(usize, &Problem) -> O + Sync,
) -> Vec<Result<(O, Outcome)>> {
    run_all(problems, accuracy, true, |index, problem| Watcher {
        observer: make(index, problem),
    })
    .into_iter()
    .map(|result| result.map(|(watcher, outcome)| (watcher.observer, outcome)))
    .collect()
}

/// Fewer problems of one shape are run with those of others where that is allowed.
const ENOUGH: usize = 16;

/// What a job is watched for.
trait Watch {
    /// Next time of interest, h; below it no step is kept.
    fn interest(&self) -> f64;
    /// Sees the steps of interest of a finished segment.
    fn see(&mut self, segment: &Segment<'_>);
}

impl<W: Watch> Watch for Option<W> {
    fn interest(&self) -> f64 {
        self.as_ref().map_or(f64::INFINITY, Watch::interest)
    }
    fn see(&mut self, segment: &Segment<'_>) {
        if let Some(watch) = self {
            watch.see(segment);
        }
    }
}

struct Prober {
    recorder: Recorder,
}

impl Watch for Prober {
    fn interest(&self) -> f64 {
        self.recorder.next_time().unwrap_or(f64::INFINITY)
    }
    fn see(&mut self, segment: &Segment<'_>) {
        self.recorder.observe(segment);
    }
}

struct Watcher<O> {
    observer: O,
}

impl<O: Observer + Send> Watch for Watcher<O> {
    fn interest(&self) -> f64 {
        self.observer.interest()
    }
    fn see(&mut self, segment: &Segment<'_>) {
        self.observer.observe(segment);
    }
}

/// Runs all problems, grouped by shape.
fn run_all<W: Watch + Send>(
    problems: &[Problem],
    accuracy: &Accuracy,
    mixed: bool,
    watch: impl Fn(usize, &Problem) -> W + Sync,
) -> Vec<Result<(W, Outcome)>> {
    if accuracy.method != Method::Lanes {
        return problems
            .par_iter()
            .enumerate()
            .map(|(index, problem)| alone(problem, accuracy, watch(index, problem)))
            .collect();
    }
    let (mut keyed, totals): (Vec<(Key, Vec<f64>)>, Vec<Totals>) = problems
        .par_iter()
        .map(|problem| {
            let totals = problem.timeline.totals();
            (shape::key(problem, &totals), totals)
        })
        .unzip();
    if mixed {
        shape::pool(&mut keyed, ENOUGH);
    }
    let mut groups: BTreeMap<&Key, Vec<usize>> = BTreeMap::new();
    for (index, (key, _)) in keyed.iter().enumerate() {
        groups.entry(key).or_default().push(index);
    }
    let groups: Vec<(&Key, Vec<usize>)> = groups.into_iter().collect();
    let threads = rayon::current_num_threads();
    let run_group = |shape: &Shape, scheme: Scheme, members: &[usize]| {
        // A group as large as the others together is shared by the threads.
        let share = (members.len() * threads).div_ceil(problems.len()).max(1);
        let queue = AtomicUsize::new(0);
        let control = Control {
            rtol: accuracy.rtol,
            max_step: accuracy.max_step,
            scheme,
        };
        let make = |at: usize| {
            let index = members[at];
            let problem = &problems[index];
            let watch = watch(index, problem);
            let job = ModelJob::new(
                problem,
                shape,
                (&keyed[index].1, totals[index]),
                *accuracy,
                watch,
            );
            let state = job.moving(&problem.baseline.to_array());
            (job, state)
        };
        let outputs: Vec<(usize, Result<(W, Outcome)>)> = (0..share)
            .into_par_iter()
            .flat_map_iter(|_| {
                let mut outputs = Vec::new();
                let system = &shape.system;
                let each = members.len().div_ceil(share);
                let native = system.native(control.scheme).is_some();
                let run = if native || width(each) == WIDTH {
                    run_thread::<WIDTH, _>
                } else {
                    run_thread::<32, _>
                };
                run(system, &control, &queue, members.len(), &make, &mut outputs);
                outputs
            })
            .collect();
        outputs
            .into_iter()
            .map(|(at, output)| (members[at], output))
            .collect::<Vec<_>>()
    };
    // A shape is held while its group runs, so that many of them need not be there at once.
    let outputs: Vec<(usize, Result<(W, Outcome)>)> = groups
        .par_iter()
        .flat_map_iter(|(key, members)| {
            let shape = shape::shape(&problems[members[0]], key);
            let scheme = |index: &usize| {
                let problem = &problems[*index];
                let fastest = shape.fastest(problem, &keyed[*index].1);
                Shape::scheme(problem, &totals[*index], fastest)
            };
            let schemes: Vec<Scheme> = members.par_iter().map(scheme).collect();
            let mut parts: BTreeMap<Scheme, Vec<usize>> = BTreeMap::new();
            for (index, scheme) in members.iter().zip(schemes) {
                parts.entry(scheme).or_default().push(*index);
            }
            let parts: Vec<(Scheme, Vec<usize>)> = parts.into_iter().collect();
            let outputs: Vec<_> = parts
                .par_iter()
                .flat_map_iter(|(scheme, members)| run_group(&shape, *scheme, members))
                .collect();
            outputs
        })
        .collect();
    let mut results: Vec<Option<Result<(W, Outcome)>>> = problems.iter().map(|_| None).collect();
    for (index, output) in outputs {
        results[index] = Some(output);
    }
    // Every problem was taken from a queue once.
    results.into_iter().flatten().collect()
}

/// Lanes for a number of jobs where steps are interpreted: those that cost least, by the measured cost of a step
/// of all lanes (microseconds; only their ratios matter).
fn width(jobs: usize) -> usize {
    const COSTS: [(usize, usize); 2] = [(8, 18), (32, 41)];
    COSTS
        .into_iter()
        .min_by_key(|(lanes, cost)| jobs.div_ceil(*lanes) * cost)
        .map_or(WIDTH, |(lanes, _)| lanes)
}

/// One run in a single lane.
pub(in crate::simulate) fn run_single(
    problem: &Problem,
    accuracy: &Accuracy,
    observers: &mut [&mut dyn Observer],
) -> Result<Outcome> {
    struct All<'a, 'b>(&'a mut [&'b mut dyn Observer]);
    impl Watch for All<'_, '_> {
        fn interest(&self) -> f64 {
            if self.0.is_empty() {
                f64::INFINITY
            } else {
                f64::NEG_INFINITY
            }
        }
        fn see(&mut self, segment: &Segment<'_>) {
            for observer in self.0.iter_mut() {
                observer.observe(segment);
            }
        }
    }
    let totals = problem.timeline.totals();
    let (key, parameters) = shape::key(problem, &totals);
    let shape = shape::shape(problem, &key);
    let fastest = shape.fastest(problem, &parameters);
    let control = Control {
        rtol: accuracy.rtol,
        max_step: accuracy.max_step,
        scheme: Shape::scheme(problem, &totals, fastest),
    };
    let watch = std::cell::RefCell::new(Some(All(observers)));
    let mut outputs = Vec::new();
    run_thread::<WIDTH, _>(
        &shape.system,
        &control,
        &AtomicUsize::new(0),
        1,
        &|_| {
            let job = ModelJob::new(
                problem,
                &shape,
                (&parameters, totals),
                *accuracy,
                watch.take(),
            );
            let state = job.moving(&problem.baseline.to_array());
            (job, state)
        },
        &mut outputs,
    );
    let output = outputs.pop().map(|(_, output)| output);
    output.map_or_else(
        || {
            Err(crate::Error::input(
                &problem.label,
                "nothing was run",
                "report this",
            ))
        },
        |output| output.map(|(_, outcome)| outcome),
    )
}

/// One run with `ode_solvers`.
fn alone<W: Watch>(problem: &Problem, accuracy: &Accuracy, watch: W) -> Result<(W, Outcome)> {
    struct Shown<W>(W);
    impl<W: Watch> Observer for Shown<W> {
        fn observe(&mut self, segment: &Segment<'_>) {
            self.0.see(segment);
        }
    }
    let mut shown = Shown(watch);
    let outcome = problem.run(accuracy, &mut [&mut shown])?;
    Ok((shown.0, outcome))
}

/// A problem in a lane.
struct ModelJob<'a, W> {
    problem: &'a Problem,
    shape: &'a Shape,
    parameters: &'a [f64],
    totals: Totals,
    accuracy: Accuracy,
    weights: Vec<f64>,
    inputs: Inputs,
    /// All states at the last event.
    full: [f64; STATES],
    event: usize,
    cycles: Cycles,
    /// Depots among the exactly known states.
    depots: [Option<usize>; 1 + PARTNER_SLOTS],
    /// Last event, h, and the next.
    now: f64,
    end: f64,
    started: bool,
    watch: W,
    /// Steps of interest since the last event.
    times: Vec<f64>,
    steps: LaneSteps,
    /// States at the first and the last of them.
    first: State<f64>,
    last: State<f64>,
}

impl<'a, W: Watch> ModelJob<'a, W> {
    fn new(
        problem: &'a Problem,
        shape: &'a Shape,
        (parameters, totals): (&'a [f64], Totals),
        accuracy: Accuracy,
        watch: W,
    ) -> Self {
        let largest = totals.drugs.map(|drug| drug.largest);
        let scale = integrator::scales(&problem.model, largest);
        let weights = shape.moving.iter().map(|i| 1e-2 * scale[*i]).collect();
        Self {
            problem,
            shape,
            parameters,
            totals,
            accuracy,
            weights,
            inputs: problem.timeline.before,
            full: problem.baseline.to_array(),
            event: 0,
            cycles: Cycles::default(),
            depots: DEPOTS.map(|depot| {
                let mut linear = shape.system.linear.iter();
                linear.position(|state| shape.moving[*state] == depot)
            }),
            now: 0.0,
            end: 0.0,
            started: false,
            watch,
            times: Vec::new(),
            steps: LaneSteps::new(
                indices(shape, &shape.system.integrated),
                indices(shape, &shape.system.linear),
            ),
            first: problem.baseline,
            last: problem.baseline,
        }
    }

    fn moving(&self, full: &[f64; STATES]) -> Vec<f64> {
        self.shape.moving.iter().map(|i| full[*i]).collect()
    }

    /// All states from the integrated ones and the piece of the others.
    fn whole(&self, integrated: &[f64], piece: &Piece, time: f64) -> [f64; STATES] {
        let mut full = self.full;
        let system = &self.shape.system;
        let exact = system.linear.iter().copied().zip(piece.at(time));
        let integrated = system
            .integrated
            .iter()
            .copied()
            .zip(integrated.iter().copied());
        for (state, value) in integrated.chain(exact) {
            full[self.shape.moving[state]] = value;
        }
        full
    }

    /// Shows the steps so far as a segment that ends at `end`.
    fn show(&mut self, end: f64) {
        if self.times.is_empty() {
            return;
        }
        let dense = Dense::Lane(std::mem::take(&mut self.steps));
        self.watch.see(&Segment::new(
            (self.now, end),
            &self.problem.model,
            &self.inputs,
            &self.times,
            (&self.first, &self.last),
            &dense,
            &UNSCALED,
        ));
        self.times.clear();
        if let Dense::Lane(steps) = dense {
            self.steps = steps;
        }
    }
}

/// Indices among all states of some that move.
fn indices(shape: &Shape, moving: &[usize]) -> Arc<[usize]> {
    moving.iter().map(|i| shape.moving[*i]).collect()
}

/// Steps of a long stretch that are shown together.
const TOGETHER: usize = 16;

static UNSCALED: Vector = Vector::from_array_storage(nalgebra::ArrayStorage([[1.0; STATES]]));

/// Depots of sorafenib and of the partners among the states.
static DEPOTS: LazyLock<[usize; 1 + PARTNER_SLOTS]> = LazyLock::new(|| {
    let drugs = std::array::from_fn(|i| i.checked_sub(1).map_or(Drug::Sorafenib, Drug::Partner));
    drugs.map(|drug| {
        let dose = Change::Dose {
            drug,
            absorbed: 1.0,
            given: 1.0,
        };
        let mut state = State::from_array(&[0.0; STATES]);
        run::apply(&dose, &mut state, &mut Inputs::default());
        let grown = |value: &f64| *value > 0.0;
        state.to_array().iter().position(grown).unwrap_or_default()
    })
});

/// Kinds of events for the memory of steps.
fn kind(change: &Change) -> u32 {
    match change {
        Change::Dose { drug, .. } => match drug {
            Drug::Sorafenib => 4,
            Drug::Partner(slot) => 5 + *slot as u32,
        },
        Change::Gallbladder(false) => 1,
        Change::Gallbladder(true) => 2,
        _ => 3,
    }
}

impl<W: Watch> Job for ModelJob<'_, W> {
    type Output = Result<(W, Outcome)>;

    fn parameters(&self) -> &[f64] {
        self.parameters
    }

    fn weights(&self) -> &[f64] {
        &self.weights
    }

    fn next(&mut self, state: &mut [f64], inputs: &mut Vec<f64>) -> Option<Stretch> {
        for (index, value) in self.shape.moving.iter().zip(&*state) {
            self.full[*index] = *value;
        }
        self.show(self.end);
        let timeline = &self.problem.timeline;
        self.now = self.end;
        if self.now >= timeline.duration {
            return None;
        }
        let mut changed = !self.started;
        self.started = true;
        let mut after = 0;
        // Most events open and close the gallbladder or give a dose, which needs no whole state.
        let mut whole = inputs.is_empty();
        while let Some(event) = timeline.events.get(self.event)
            && event.time <= self.now + 1e-9
        {
            match event.change {
                Change::Dose { drug, absorbed, .. } => self.full[DEPOTS[drug.slot()]] += absorbed,
                Change::Gallbladder(open) => {
                    self.inputs.sorafenib.gallbladder_open = open;
                    changed = true;
                }
                _ => {
                    let mut full = State::from_array(&self.full);
                    run::apply(&event.change, &mut full, &mut self.inputs);
                    self.full = full.to_array();
                    whole = true;
                    changed = true;
                }
            }
            after = (after << 3) | kind(&event.change);
            self.event += 1;
        }
        self.end = timeline
            .events
            .get(self.event)
            .map_or(timeline.duration, |event| event.time);
        for (value, index) in state.iter_mut().zip(&self.shape.moving) {
            *value = self.full[*index];
        }
        if changed && whole {
            shape::input_values(&self.problem.model, &self.inputs, &self.full, inputs);
        } else if changed {
            inputs[shape::GALLBLADDER] = shape::gallbladder(&self.problem.model, &self.inputs);
        }
        Some(Stretch {
            length: self.end - self.now,
            kind: after,
            changed,
            jumps: whole,
        })
    }

    fn cycle(&mut self) -> Option<Cycle> {
        self.cycles.at(&self.problem.timeline.events, self.event)
    }

    fn dose(&self, event: usize, amounts: &mut [f64]) -> Option<usize> {
        let events = &self.problem.timeline.events[self.event..];
        let mut next = event;
        while let Some(now) = events.get(next)
            && now.time <= events[event].time + 1e-9
        {
            if let Change::Dose { drug, absorbed, .. } = now.change {
                amounts[self.depots[drug.slot()]?] += absorbed;
            }
            next += 1;
        }
        Some(next)
    }

    fn skip(&mut self, cycle: &Cycle, cycles: usize) {
        let events = &self.problem.timeline.events;
        self.event += cycles * cycle.events;
        self.now = events[self.event - 1].time;
        self.end = events
            .get(self.event)
            .map_or(self.problem.timeline.duration, |event| event.time);
    }

    fn interest(&self) -> f64 {
        self.watch.interest() - self.now - 1e-9
    }

    fn rest(&self) -> f64 {
        self.problem.timeline.duration - self.now
    }

    fn observe(&mut self, step: &Step<'_>) {
        if self.times.is_empty() {
            self.times.push(self.now + step.start);
            let before = self.whole(step.before, step.piece, step.start);
            self.first = State::from_array(&before);
            self.steps.restart(&before);
        }
        let end = if step.last {
            self.end
        } else {
            self.now + step.start + step.length
        };
        self.times.push(end);
        self.steps.push(
            (step.start, step.length),
            (step.before, step.after),
            step.dense,
            step.piece,
        );
        let together = self.steps.len() >= TOGETHER;
        if step.last || together {
            let after = self.whole(step.after, step.piece, step.start + step.length);
            self.last = State::from_array(&after);
        }
        if !step.last && together {
            self.show(end);
        }
    }

    fn finish(self, work: Work) -> Self::Output {
        let end = State::from_array(&self.full);
        let outcome = Outcome {
            end,
            work,
            balance: self.problem.balance(&end, &self.totals),
        };
        Ok((self.watch, outcome))
    }

    fn unsuited(self) -> Self::Output {
        alone(
            self.problem,
            &Accuracy {
                method: Method::Dopri5,
                ..self.accuracy
            },
            self.watch,
        )
    }

    fn fail(self, failure: &Failure, _: Work) -> Self::Output {
        Err(self.problem.failure(
            self.now,
            &SegmentFailure {
                time: failure.time,
                state: failure.state.map(|i| self.shape.moving[i]),
                cause: failure.cause.to_owned(),
            },
        ))
    }
}
