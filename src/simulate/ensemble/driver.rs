//! Lanes that each run a job of their own.
//!
//! A lane has its own time, step and event; when its job is done it takes the next one. No lane waits for
//! another, so that a job's result does not depend on what runs beside it, and regimens need not agree
//! within a group. Only the equations are shared.

use super::bend::{BEND, MAX_CUTS, first_bend};
use super::collocation::{Sweep, watched_at_end};
use super::columns::{turn, turn_back};
use super::cycle::Cycle;
use super::history::{Seen, Tolerance};
use super::lanes::{Lanes, dispatch};
use super::linear::{LONGEST, Matrix, TERMS, Tables, series};
use super::machine::Machine;
use super::native::{NARROW, WIDTH};
use super::passage::{Passage, Verdict};
use super::program::{COEFFICIENTS, Fixed, STAGES, Scheme, System};
use super::radau::{NODES, PLACES};
use super::rodas::Advance;
use crate::simulate::integrator::Work;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Steps per segment beyond which a job is given up.
const MAX_STEPS: u64 = 100_000;

/// First step of a job by the one-step method, as a part of its first segment.
const FIRST_STEP: f64 = 0.01;

/// A stretch between two events.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stretch {
    /// Its length.
    pub length: f64,
    /// What kind of event it follows; steps are remembered per kind.
    pub kind: u32,
    /// Whether inputs changed at its start.
    pub changed: bool,
    /// Whether rates may have jumped there.
    pub jumps: bool,
}

/// Where and why a job could not be finished.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Failure {
    /// Time since the last event.
    pub time: f64,
    /// State outside its domain.
    pub state: Option<usize>,
    /// What happened.
    pub cause: &'static str,
}

/// What a lane integrates.
pub(super) trait Job {
    /// What it leaves behind.
    type Output;

    /// Parameters of the equations.
    fn parameters(&self) -> &[f64];

    /// Absolute over relative tolerance per state.
    fn weights(&self) -> &[f64];

    /// Applies the next events to states and inputs; `None` at the end. `inputs` is empty at the start.
    /// The first call is before the first step.
    fn next(&mut self, state: &mut [f64], inputs: &mut Vec<f64>) -> Option<Stretch>;

    /// The cycle that the coming events go through.
    fn cycle(&mut self) -> Option<Cycle> {
        None
    }

    /// Adds the doses of the next events that come together, number `event` from now on, to the amounts; the number of
    /// the event after them, `None` if a dose does not go to the amounts.
    fn dose(&self, event: usize, _amounts: &mut [f64]) -> Option<usize> {
        Some(event)
    }

    /// Goes on by whole cycles.
    fn skip(&mut self, _cycle: &Cycle, _cycles: usize) {}

    /// Time since the last event up to which no step is of interest.
    fn interest(&self) -> f64;

    /// Time from the last event to the end of the job.
    fn rest(&self) -> f64;

    /// Sees a step of interest.
    fn observe(&mut self, step: &Step<'_>);

    /// The end of the job.
    fn finish(self, work: Work) -> Self::Output;

    /// What to do with a job for whose parameters the recorded equations do not hold.
    fn unsuited(self) -> Self::Output;

    /// The end of a job that failed.
    fn fail(self, failure: &Failure, work: Work) -> Self::Output;
}

/// An accepted step of one lane.
pub(super) struct Step<'a> {
    /// Its start, since the last event.
    pub start: f64,
    /// Its length.
    pub length: f64,
    /// Whether it ends the stretch.
    pub last: bool,
    /// Integrated states at its start.
    pub before: &'a [f64],
    /// And at its end.
    pub after: &'a [f64],
    /// Coefficients of the interpolant of the integrated states, one after the other.
    pub dense: &'a [f64],
    /// The piece of the exactly known states in which the step lies.
    pub piece: &'a Piece,
}

/// Exactly known states over a piece.
#[derive(Debug, Clone, Default)]
pub(in crate::simulate) struct Piece {
    /// Its start, since the last event.
    pub start: f64,
    /// Its length.
    pub length: f64,
    /// Their series; empty until someone looks.
    pub series: Vec<[f64; TERMS]>,
}

impl Piece {
    /// The states at a time since the last event.
    pub fn at(&self, time: f64) -> impl Iterator<Item = f64> + '_ {
        let place = (2.0 * (time - self.start) / self.length - 1.0).clamp(-1.0, 1.0);
        self.series.iter().map(move |terms| series(terms, place))
    }
}

/// How the lanes are to integrate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Control {
    /// Relative tolerance.
    pub rtol: f64,
    /// Largest step.
    pub max_step: f64,
    /// Method.
    pub scheme: Scheme,
}

/// Error of a foreseen step, over the tolerance, from which on a run is made anew without foreseeing: that of a computed
/// step.
const WRONG: f64 = 1.0;

/// Level of a drug at the first node over the largest at any, below which its rise is no smooth course for a step.
const ROUGH: f64 = 0.1;

/// A job in its lane.
struct Runner<J> {
    index: usize,
    job: J,
    /// Absolute over relative tolerance of the integrated states and of the amounts.
    weights: Vec<f64>,
    amount_weights: Vec<f64>,
    /// Whether steps may be foreseen, whether any were, and whether that proved wrong.
    foresees: bool,
    foresaw: bool,
    wrong: bool,
    /// Length of the cycle that events go through; 0 where there is none.
    cycle: f64,
    fixed: Fixed,
    inputs: Vec<f64>,
    stretch: Stretch,
    /// Linear states: their equations, their values at the start of the piece, their series.
    matrix: Matrix,
    amounts: Vec<f64>,
    tables: Tables,
    piece: Piece,
    /// Since the last event.
    time: f64,
    /// Step that the error allows.
    proposal: f64,
    /// Steps tried since the last event.
    tried: u64,
    /// Accepted since the last event.
    accepted: u64,
    /// First steps after events, by kind.
    memory: Vec<(u32, f64)>,
    /// How the collocation goes through the stretch.
    passage: Passage,
    /// Length of a step that is to end at a bend, and of the one that it was cut from.
    cut: Option<f64>,
    uncut: f64,
    /// Cuts since the last accepted step.
    cuts: u32,
    work: Work,
}

/// Runs jobs 0 to `count` in lanes of width `W` on the calling thread, taking the next from `queue`.
pub(super) fn run_thread<const W: usize, J: Job>(
    system: &System,
    control: &Control,
    queue: &AtomicUsize,
    count: usize,
    make: &impl Fn(usize) -> (J, Vec<f64>),
    outputs: &mut Vec<(usize, J::Output)>,
) {
    let mut desk = Desk::<W> {
        system,
        control,
        machine: Machine::new(system, control.rtol),
        buffers: Buffers::new(system, W),
        lane: 0,
    };
    let layout = &system.layout;
    let native = system.native(control.scheme).filter(|_| W == WIDTH);
    let mut lanes: Vec<Option<Runner<J>>> = (0..W).map(|_| None).collect();
    let mut exhausted = false;
    loop {
        for (lane, slot) in lanes.iter_mut().enumerate() {
            desk.lane = lane;
            while slot.is_none() && !exhausted {
                let index = queue.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    exhausted = true;
                    break;
                }
                let (job, state) = make(index);
                match begin(&mut desk, index, job, &state, true) {
                    Ok(runner) => *slot = Some(runner),
                    Err(output) => outputs.push((index, output)),
                }
            }
        }
        let mut busy = None;
        let mut begun = [false; W];
        for (lane, slot) in lanes.iter_mut().enumerate() {
            desk.lane = lane;
            // Idle lanes stand still.
            desk.machine.rows[layout.step].0[lane] = 0.0;
            if let Some(runner) = slot {
                let step = runner.next_step(control);
                desk.machine.rows[layout.step].0[lane] = step;
                if control.scheme == Scheme::Collocation && runner.passage.fresh {
                    runner.begin_step(&mut desk, step);
                    begun[lane] = true;
                }
                desk.machine.rows[layout.time].0[lane] = runner.time - runner.piece.start;
                busy = Some(lane);
            }
        }
        let Some(last) = busy else { return };
        let dense = lanes.iter().enumerate().any(|(lane, runner)| {
            runner.as_ref().is_some_and(|r| {
                let step = desk.machine.rows[layout.step].0[lane];
                r.time + step + 1e-9 * r.stretch.length >= r.job.interest()
            })
        });
        let machine = &mut desk.machine;
        if begun.contains(&true) {
            let spectrum = &mut machine.rows[layout.spectrum..][..NODES * system.states];
            turn_back(&desk.buffers.begin, &begun, spectrum);
        }
        match native {
            Some(native) => native.step(&mut machine.rows, dense, last < NARROW),
            None if control.scheme == Scheme::Collocation => dispatch(Sweep {
                system,
                machine,
                dense,
            }),
            None => dispatch(Advance {
                system,
                machine,
                dense,
            }),
        }
        desk.buffers.turned = false;
        for (lane, slot) in lanes.iter_mut().enumerate() {
            let Some(runner) = slot else { continue };
            desk.lane = lane;
            let settled = runner.settle(&mut desk);
            if matches!(settled, Settled::Running) {
                continue;
            }
            let Some(runner) = slot.take() else { continue };
            let index = runner.index;
            match settled {
                Settled::Failed(failure) => {
                    outputs.push((index, runner.job.fail(&failure, runner.work)));
                }
                Settled::Misled => {
                    let (job, state) = make(index);
                    match begin(&mut desk, index, job, &state, false) {
                        Ok(anew) => {
                            let work = runner.work;
                            *slot = Some(Runner { work, ..anew });
                        }
                        Err(output) => outputs.push((index, output)),
                    }
                }
                _ => outputs.push((index, runner.job.finish(runner.work))),
            }
        }
    }
}

/// What a thread works with, and the lane that it attends to.
struct Desk<'a, const W: usize> {
    system: &'a System,
    control: &'a Control,
    machine: Machine<W>,
    buffers: Buffers,
    lane: usize,
}

impl<const W: usize> Desk<'_, W> {
    /// Makes unknown what the watched values were at the end of the last step.
    fn forget_watched(&mut self) {
        let end = watched_at_end(self.system);
        for row in &mut self.machine.rows[end..end + self.system.watched] {
            row.0[self.lane] = f64::NAN;
        }
    }
}

/// States of one lane side by side.
struct Buffers {
    all: Vec<f64>,
    /// Integrated states at the present time, while a lane goes on from a step.
    state: Vec<f64>,
    before: Vec<f64>,
    after: Vec<f64>,
    dense: Vec<f64>,
    foreseen: Vec<f64>,
    /// State and amounts within a cycle that is foreseen.
    now: Vec<f64>,
    /// Increments that steps begin with, lane by lane.
    begin: Vec<f64>,
    /// Lane by lane: states at the start and at the end of the step, increments, drug amounts, and ranges of watched values.
    end: Vec<f64>,
    stride: usize,
    /// Whether that is of the last sweep.
    turned: bool,
    partials: Vec<f64>,
}

impl Buffers {
    fn new(system: &System, lanes: usize) -> Self {
        let all = system.integrated.len() + system.linear.len();
        let stride = (2 + NODES) * system.states + system.linear.len() + 2 * system.watched;
        Self {
            all: vec![0.0; all],
            state: vec![0.0; system.states],
            before: vec![0.0; system.states],
            after: vec![0.0; system.states],
            dense: vec![0.0; COEFFICIENTS * system.states],
            foreseen: Vec::new(),
            now: Vec::new(),
            begin: vec![0.0; lanes * NODES * system.states],
            end: vec![0.0; lanes * stride],
            stride,
            turned: false,
            partials: Vec::new(),
        }
    }

    /// Takes what all lanes have computed, once after every sweep that one of them learns from.
    fn turn<const W: usize>(&mut self, system: &System, machine: &Machine<W>) {
        if std::mem::replace(&mut self.turned, true) {
            return;
        }
        let (layout, n) = (&system.layout, system.states);
        for (at, first, count) in [
            (0, layout.before, n),
            (n, layout.after, n),
            (2 * n, layout.spectrum, NODES * n),
            (
                (2 + NODES) * n + system.linear.len(),
                layout.ranges,
                2 * system.watched,
            ),
        ] {
            let rows = &machine.rows[first..][..count];
            turn(rows, &mut self.end, self.stride, at);
        }
    }
}

fn write_state<const W: usize>(system: &System, rows: &mut [Lanes<W>], lane: usize, state: &[f64]) {
    for (row, at) in rows.iter_mut().zip(&system.integrated) {
        row.0[lane] = state[*at];
    }
}

/// Puts a job into a lane; what it leaves behind if it ends before its first step.
fn begin<const W: usize, J: Job>(
    desk: &mut Desk<'_, W>,
    index: usize,
    mut job: J,
    state: &[f64],
    foresees: bool,
) -> Result<Runner<J>, J::Output> {
    let (system, lane) = (desk.system, desk.lane);
    let mut state = state.to_vec();
    let mut inputs = Vec::new();
    let Some(stretch) = job.next(&mut state, &mut inputs) else {
        return Err(job.finish(Work::default()));
    };
    let mut fixed = Fixed::default();
    if !system.prepare(job.parameters(), &inputs, &mut fixed) {
        return Err(job.unsuited());
    }
    for (i, value) in system.fixed_rows(&fixed).enumerate() {
        desk.machine.rows[system.layout.fixed + i].0[lane] = value;
    }
    let (before, weights) = (system.layout.before, system.layout.weights);
    write_state(system, &mut desk.machine.rows[before..], lane, &state);
    write_state(
        system,
        &mut desk.machine.rows[weights..],
        lane,
        job.weights(),
    );
    desk.machine.rows[system.layout.taken].0[lane] = 0.0;
    for k in 0..system.watched {
        desk.machine.rows[system.layout.start + k].0[lane] = f64::NAN;
    }
    let weights = |states: &[usize]| states.iter().map(|i| job.weights()[*i]).collect();
    let mut runner = Runner {
        index,
        weights: weights(&system.integrated),
        amount_weights: weights(&system.linear),
        foresees,
        foresaw: false,
        wrong: false,
        cycle: 0.0,
        job,
        matrix: system.linear_system(&fixed),
        fixed,
        inputs,
        stretch,
        amounts: system.linear.iter().map(|i| state[*i]).collect(),
        tables: Tables::default(),
        piece: Piece::default(),
        time: 0.0,
        proposal: FIRST_STEP * stretch.length,
        tried: 0,
        accepted: 0,
        memory: Vec::new(),
        passage: Passage::default(),
        cut: None,
        uncut: 0.0,
        cuts: 0,
        work: Work {
            segments: 1,
            ..Work::default()
        },
    };
    runner.passage.begin(stretch.kind, stretch.length);
    runner.first_piece();
    runner.prepare_piece(desk);
    Ok(runner)
}

/// Where a step leads: to what time, and whether it ends its piece and its stretch.
struct Reach {
    end: f64,
    ends_piece: bool,
    last: bool,
}

enum Settled {
    Running,
    Finished,
    /// Foreseen steps were wrong.
    Misled,
    Failed(Failure),
}

impl<J: Job> Runner<J> {
    /// The next step: the rest of the piece in equal parts of about the size that the error allows.
    fn next_step(&self, control: &Control) -> f64 {
        if let Some(cut) = self.cut {
            return cut;
        }
        let rest = self.piece.start + self.piece.length - self.time;
        let longest = match control.scheme {
            Scheme::OneStep => self.proposal.min(control.max_step),
            Scheme::Collocation => self.passage.longest(self.piece.length, control.max_step),
        };
        let parts = (rest / longest - 1e-9).ceil();
        rest / parts.max(1.0)
    }

    /// Begins a step of the collocation: with the increments that the course lets expect, or with none.
    fn begin_step<const W: usize>(&mut self, desk: &mut Desk<'_, W>, step: f64) {
        let (system, lane) = (desk.system, desk.lane);
        let (part, parts) = self.part(step);
        let regular = self.passage.regular;
        let layout = &system.layout;
        let count = NODES * system.states;
        let increments = &mut desk.buffers.begin[lane * count..][..count];
        self.passage.begin_step(part, parts, step, increments);
        let Some(table) = self.tables.current() else {
            return;
        };
        let drives = system.drives.len();
        let mut rough = false;
        for drive in 0..drives {
            let values = if regular {
                table.course(part, parts, drive, &self.amounts)
            } else {
                let terms = table.follow(drive, &self.amounts);
                let place = |node: f64| {
                    2.0 * (self.time + node * step - self.piece.start) / self.piece.length - 1.0
                };
                PLACES.map(|node| series(&terms, place(node)))
            };
            rough |= values[0] < ROUGH * values.into_iter().fold(0.0, f64::max);
            for (node, value) in values.into_iter().enumerate() {
                desk.machine.rows[layout.courses + node * drives + drive].0[lane] = value;
            }
        }
        self.passage.rough = rough;
    }

    /// Cuts the stretch into pieces.
    fn first_piece(&mut self) {
        let longest = LONGEST / self.matrix.fastest();
        let pieces = (self.stretch.length / longest).ceil().max(1.0);
        self.piece.start = 0.0;
        self.piece.length = self.stretch.length / pieces;
    }

    /// The table of the piece, and the series of the drives for the method that follows them by their series.
    fn prepare_piece<const W: usize>(&mut self, desk: &mut Desk<'_, W>) {
        let (system, lane) = (desk.system, desk.lane);
        let collocation = desk.control.scheme == Scheme::Collocation;
        self.piece.series.clear();
        desk.machine.rows[system.layout.pace].0[lane] = 2.0 / self.piece.length;
        if system.linear.is_empty() {
            return;
        }
        let length = self.piece.length;
        self.tables.choose(&self.matrix, length, &system.drives);
        let pieces = (self.stretch.length / length + 0.5) as usize;
        self.passage.courses.note_table(self.tables.chosen(pieces));
        let Some(table) = self.tables.current().filter(|_| !collocation) else {
            return;
        };
        for drive in 0..system.drives.len() {
            let terms = table.follow(drive, &self.amounts);
            let rows = &mut desk.machine.rows[system.layout.series + drive * TERMS..][..TERMS];
            for (row, value) in rows.iter_mut().zip(terms) {
                row.0[lane] = value;
            }
        }
    }

    /// Series of all linear states over the piece.
    fn look(&mut self) {
        if self.piece.series.is_empty()
            && let Some(table) = self.tables.current()
        {
            table.look(&self.amounts, &mut self.piece.series);
        }
    }

    /// Takes the step or not, and goes on to the next stretch where it ends one.
    fn settle<const W: usize>(&mut self, desk: &mut Desk<'_, W>) -> Settled {
        let (system, lane) = (desk.system, desk.lane);
        let layout = &system.layout;
        let step = desk.machine.rows[layout.step].0[lane];
        self.tried += 1;
        desk.machine.rows[layout.taken].0[lane] = 0.0;
        let mut verdict = match desk.control.scheme {
            Scheme::OneStep => self.judge_step(desk),
            Scheme::Collocation => self.judge_sweep(desk),
        };
        if matches!(verdict, Verdict::Taken)
            && desk.machine.rows[layout.bend].0[lane] > BEND * desk.control.rtol
            && self.cuts < MAX_CUTS
            && let Some(part) = first_bend(system, desk.control, &desk.machine, lane, step)
        {
            verdict = Verdict::Cut(part);
        }
        match verdict {
            Verdict::Repeat => Settled::Running,
            Verdict::Cut(part) => {
                self.work.rejected_steps += 1;
                self.cuts += 1;
                self.uncut = self.uncut.max(step);
                self.cut = Some(part * step);
                self.passage.leave();
                Settled::Running
            }
            Verdict::Rejected(factor) => self.reject(desk, step * factor.min(0.9)),
            Verdict::Taken => self.take(desk),
        }
    }

    /// Foresees whole cycles of events from the start of a stretch on, if nobody looks at them and their histories allow it.
    fn skip<const W: usize>(&mut self, desk: &mut Desk<'_, W>) -> bool {
        if desk.control.scheme != Scheme::Collocation || !self.foresees || self.time > 0.0 {
            return false;
        }
        let Some(cycle) = self.job.cycle() else {
            return false;
        };
        self.cycle = cycle.length;
        let unseen = (self.unseen() / cycle.length).ceil() - 1.0;
        let most = unseen.clamp(0.0, cycle.times as f64) as usize;
        let most = self.passage.courses.foreseen_cycles(&cycle, most);
        let tolerance = Tolerance {
            rtol: desk.control.rtol,
            weights: &self.weights,
            amounts: &self.amount_weights,
        };
        let (courses, tables) = (&self.passage.courses, &mut self.tables);
        let Buffers {
            state,
            foreseen,
            now,
            ..
        } = &mut desk.buffers;
        let mut event = 0;
        let mut cycles = 0;
        while cycles < most {
            now.clear();
            now.extend_from_slice(state);
            now.extend_from_slice(&self.amounts);
            let (state_now, amounts_now) = now.split_at_mut(state.len());
            let later = (cycles + 1) as f64 * cycle.length;
            let steps = courses.foresee_cycle(
                &cycle,
                later,
                (state_now, amounts_now, foreseen),
                &tolerance,
                |table, amounts| tables.pass(table, amounts),
                |amounts| {
                    let next = self.job.dose(event, amounts);
                    event = next.unwrap_or(event);
                    next.is_some()
                },
            );
            let Some(steps) = steps else {
                break;
            };
            state.copy_from_slice(state_now);
            self.amounts.copy_from_slice(amounts_now);
            self.work.accepted_steps += steps as u64;
            cycles += 1;
        }
        if cycles > 0 {
            self.foresaw = true;
            self.work.segments += (cycles * cycle.stretches) as u64;
            self.job.skip(&cycle, cycles);
            self.passage.skip(&cycle, cycles);
        }
        cycles > 0
    }

    /// Foresees the next step, if nobody looks at it and its history allows it; its length.
    fn leap<const W: usize>(&mut self, desk: &mut Desk<'_, W>) -> Option<f64> {
        let step = self.next_step(desk.control);
        let allowed = desk.control.scheme == Scheme::Collocation && self.foresees;
        if !allowed || self.reach(step).end >= self.unseen() {
            return None;
        }
        let tolerance = Tolerance {
            rtol: desk.control.rtol,
            weights: &self.weights,
            amounts: &self.amount_weights,
        };
        let foreseen = self.passage.foresee(
            self.part(step),
            step,
            &desk.buffers.state,
            &self.amounts,
            &tolerance,
            &mut desk.buffers.foreseen,
        );
        if !foreseen {
            return None;
        }
        self.foresaw = true;
        let n = desk.buffers.state.len();
        desk.buffers
            .state
            .copy_from_slice(&desk.buffers.foreseen[..n]);
        self.work.accepted_steps += 1;
        Some(step)
    }

    /// Time since the last event up to which steps need not be computed: the last cycle of a job always is.
    fn unseen(&self) -> f64 {
        self.job.interest().min(self.job.rest() - self.cycle)
    }

    /// Which of how many equal parts of its piece a regular step is.
    fn part(&self, step: f64) -> (usize, usize) {
        let part = ((self.time - self.piece.start) / step + 0.5) as usize;
        let parts = (self.piece.length / step + 0.5) as usize;
        (part, parts)
    }

    /// Where a step leads.
    fn reach(&self, step: f64) -> Reach {
        let piece_end = self.piece.start + self.piece.length;
        let ends_piece = piece_end - self.time - step <= 1e-12 * self.piece.length;
        let last = ends_piece && piece_end >= self.stretch.length * (1.0 - 1e-12);
        let end = if last {
            self.stretch.length
        } else if ends_piece {
            piece_end
        } else {
            self.time + step
        };
        Reach {
            end,
            ends_piece,
            last,
        }
    }

    /// Makes a step again in a shorter one.
    fn reject<const W: usize>(&mut self, desk: &mut Desk<'_, W>, shorter: f64) -> Settled {
        let (system, lane) = (desk.system, desk.lane);
        self.cut = None;
        self.work.rejected_steps += 1;
        self.proposal = shorter;
        self.passage.shorten(self.piece.length, shorter);
        let vanished =
            self.time + 1e-3 * shorter <= self.time || shorter < 1e-12 * self.stretch.length;
        if !vanished && self.tried <= MAX_STEPS {
            return Settled::Running;
        }
        let cause = if vanished {
            "the step size vanished"
        } else {
            "no end after 100000 steps"
        };
        Settled::Failed(Failure {
            time: self.time,
            state: culprit(system, &desk.machine, lane).map(|i| system.integrated[i]),
            cause,
        })
    }

    /// Takes a step, and goes on to the next piece or stretch where it ends one.
    fn take<const W: usize>(&mut self, desk: &mut Desk<'_, W>) -> Settled {
        let (system, lane) = (desk.system, desk.lane);
        let layout = &system.layout;
        let step = desk.machine.rows[layout.step].0[lane];
        self.cut = None;
        self.work.accepted_steps += 1;
        self.accepted += 1;
        self.proposal = self.proposal.max(self.uncut);
        self.uncut = 0.0;
        self.cuts = 0;
        desk.machine.rows[layout.taken].0[lane] = 1.0;
        let Reach { end, last, .. } = self.reach(step);
        if end >= self.job.interest() {
            self.show(desk, end, last);
        }
        match desk.control.scheme {
            Scheme::OneStep if self.accepted == 1 => self.remember(),
            Scheme::OneStep => {}
            Scheme::Collocation => self.learn(desk, step),
        }
        if self.wrong {
            return Settled::Misled;
        }
        let after = &mut desk.machine.rows[layout.after..][..system.states];
        for (value, row) in desk.buffers.state.iter_mut().zip(&*after) {
            *value = row.0[lane];
        }
        let mut settled = self.go_on(desk, step);
        let mut leapt = false;
        while matches!(settled, Settled::Running) {
            leapt |= self.skip(desk);
            let Some(step) = self.leap(desk) else {
                break;
            };
            leapt = true;
            settled = self.go_on(desk, step);
        }
        for (value, row) in desk
            .buffers
            .state
            .iter()
            .zip(&mut desk.machine.rows[layout.after..])
        {
            row.0[lane] = *value;
        }
        if leapt {
            desk.forget_watched();
        }
        settled
    }

    /// Keeps a step of the collocation in its history.
    fn learn<const W: usize>(&mut self, desk: &mut Desk<'_, W>, step: f64) {
        if !self.passage.done() {
            return;
        }
        let (system, lane) = (desk.system, desk.lane);
        let rows = &desk.machine.rows;
        let buffers = &mut desk.buffers;
        buffers.turn(system, &desk.machine);
        buffers.partials.clear();
        let own = system.own.iter();
        let partial = |row: &Option<usize>| row.map_or(0.0, |at| step * rows[at].0[lane]);
        buffers.partials.extend(own.map(partial));
        let column = &mut buffers.end[lane * buffers.stride..][..buffers.stride];
        let (values, ranges) = column.split_at_mut(buffers.stride - 2 * system.watched);
        values[(2 + NODES) * system.states..].copy_from_slice(&self.amounts);
        let seen = Seen {
            values,
            ranges,
            partials: &buffers.partials,
        };
        let tolerance = Tolerance {
            rtol: desk.control.rtol,
            weights: &self.weights,
            amounts: &self.amount_weights,
        };
        if self.foresaw {
            let foreseen = &mut buffers.foreseen;
            let surprise = self.passage.surprise(step, &seen, &tolerance, foreseen);
            self.wrong = surprise.is_some_and(|error| !(error <= WRONG));
        }
        self.passage.learn(step, &seen, &tolerance);
    }

    /// Goes on from the end of a step, to the next piece or stretch where it ends one.
    fn go_on<const W: usize>(&mut self, desk: &mut Desk<'_, W>, step: f64) -> Settled {
        let Reach {
            end,
            ends_piece,
            last,
        } = self.reach(step);
        self.time = end;
        if ends_piece {
            self.tables.finish(&mut self.amounts);
        }
        if !last {
            if self.tried > MAX_STEPS {
                return Settled::Failed(Failure {
                    time: self.time,
                    state: None,
                    cause: "no end after 100000 steps",
                });
            }
            if ends_piece {
                self.piece.start = end;
                self.passage.pieces += 1;
                self.prepare_piece(desk);
            }
            return Settled::Running;
        }
        self.next_stretch(desk)
    }

    /// Shows the step to whoever looks.
    fn show<const W: usize>(&mut self, desk: &mut Desk<'_, W>, end: f64, last: bool) {
        let (system, lane) = (desk.system, desk.lane);
        self.look();
        let (layout, rows) = (&system.layout, &desk.machine.rows);
        for (values, first) in [
            (&mut desk.buffers.before, layout.before),
            (&mut desk.buffers.after, layout.after),
            (&mut desk.buffers.dense, layout.dense),
        ] {
            for (value, row) in values.iter_mut().zip(&rows[first..]) {
                *value = row.0[lane];
            }
        }
        self.job.observe(&Step {
            start: self.time,
            length: end - self.time,
            last,
            before: &desk.buffers.before,
            after: &desk.buffers.after,
            dense: &desk.buffers.dense,
            piece: &self.piece,
        });
    }

    /// Applies the next events and begins the stretch after them.
    fn next_stretch<const W: usize>(&mut self, desk: &mut Desk<'_, W>) -> Settled {
        let (system, lane) = (desk.system, desk.lane);
        let layout = &system.layout;
        if desk.control.scheme == Scheme::Collocation {
            self.passage.end();
        }
        for (value, at) in desk.buffers.state.iter().zip(&system.integrated) {
            desk.buffers.all[*at] = *value;
        }
        for (value, at) in self.amounts.iter().zip(&system.linear) {
            desk.buffers.all[*at] = *value;
        }
        let next = self.job.next(&mut desk.buffers.all, &mut self.inputs);
        for (value, at) in desk.buffers.state.iter_mut().zip(&system.integrated) {
            *value = desk.buffers.all[*at];
        }
        for (amount, at) in self.amounts.iter_mut().zip(&system.linear) {
            *amount = desk.buffers.all[*at];
        }
        let Some(stretch) = next else {
            return Settled::Finished;
        };
        if stretch.jumps {
            self.passage.courses.doubt();
            desk.forget_watched();
        }
        if stretch.changed {
            system.refresh(self.job.parameters(), &self.inputs, &mut self.fixed);
            for (i, value) in system.changed_rows(&self.fixed) {
                desk.machine.rows[layout.fixed + i].0[lane] = value;
            }
            system.update_linear_system(&self.fixed, &mut self.matrix);
        }
        self.work.segments += 1;
        self.stretch = stretch;
        self.time = 0.0;
        self.tried = 0;
        self.accepted = 0;
        self.passage.begin(stretch.kind, stretch.length);
        self.first_piece();
        self.prepare_piece(desk);
        let mut remembered = self.memory.iter();
        if let Some((_, step)) = remembered.find(|(kind, _)| *kind == stretch.kind) {
            self.proposal = *step;
        }
        Settled::Running
    }

    /// Whether the one-step method's step holds.
    fn judge_step<const W: usize>(&mut self, desk: &mut Desk<'_, W>) -> Verdict {
        let (system, lane) = (desk.system, desk.lane);
        let layout = &system.layout;
        self.work.evaluations += STAGES as u64;
        let factor = desk.machine.rows[layout.factor].0[lane];
        if desk.machine.rows[layout.error].0[lane] <= 1.0 {
            self.proposal = desk.machine.rows[layout.step].0[lane] * factor;
            Verdict::Taken
        } else {
            Verdict::Rejected(factor)
        }
    }

    /// Whether the collocation's sweeps have come to an end, and the step holds.
    fn judge_sweep<const W: usize>(&mut self, desk: &mut Desk<'_, W>) -> Verdict {
        let (system, lane) = (desk.system, desk.lane);
        self.work.evaluations += NODES as u64;
        let row = |at: usize| desk.machine.rows[at].0[lane];
        let layout = &system.layout;
        let (change, curve, step) = (row(layout.error), row(layout.curve), row(layout.step));
        let inside = self.job.interest() + 1e-6 * step < self.time + step;
        self.passage
            .judge(change, curve, inside, desk.control.rtol, step)
    }

    /// Keeps the step after the first one of a stretch for the next stretch of its kind.
    fn remember(&mut self) {
        let (kind, step) = (self.stretch.kind, self.proposal);
        match self.memory.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, remembered)) => *remembered = step,
            None => self.memory.push((kind, step)),
        }
    }
}

/// The first state that is not finite or outside its domain after the step.
fn culprit<const W: usize>(system: &System, machine: &Machine<W>, lane: usize) -> Option<usize> {
    let after = |i: usize| machine.rows[system.layout.after + i].0[lane];
    (0..system.states)
        .find(|i| !after(*i).is_finite())
        .or_else(|| {
            let outside = |group: &&Vec<usize>| {
                let sum: f64 = group.iter().map(|i| after(*i)).sum();
                sum <= 0.0
            };
            system
                .positive
                .iter()
                .find(outside)
                .and_then(|group| group.first().copied())
        })
}
