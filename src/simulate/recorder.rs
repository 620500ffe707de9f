//! Samples of a run on a grid.

use super::run::{Observer, Problem, Segment};
use crate::model::{Signals, State};

/// States and signals at the times of a grid.
///
/// A sample at the time of a dose is taken just before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trajectory {
    /// Times, h.
    pub times: Vec<f64>,
    /// States at `times`.
    pub states: Vec<State<f64>>,
    /// Signals at `times`.
    pub signals: Vec<Signals<f64>>,
}

impl Trajectory {
    /// A series of one value per time.
    pub fn series(&self, f: impl Fn(&State<f64>, &Signals<f64>) -> f64) -> Vec<f64> {
        self.states
            .iter()
            .zip(&self.signals)
            .map(|(state, signals)| f(state, signals))
            .collect()
    }
}

/// Observer that fills a [`Trajectory`].
#[derive(Debug)]
pub struct Recorder {
    grid: Vec<f64>,
    trajectory: Trajectory,
}

impl Recorder {
    /// A recorder for a grid of increasing times (h). The sample at time 0 is the baseline of
    /// `problem`.
    pub fn new(problem: &Problem, grid: Vec<f64>) -> Self {
        let mut recorder = Self {
            grid,
            trajectory: Trajectory::default(),
        };
        if recorder.grid.first().is_some_and(|t| *t <= 0.0) {
            let signals = problem
                .model
                .signals(&problem.timeline.before, &problem.baseline);
            recorder.push(0.0, problem.baseline, signals);
        }
        recorder
    }

    /// A recorder with samples every `step` hours from 0 to the end of `problem`.
    pub fn every(problem: &Problem, step: f64) -> Self {
        let duration = problem.timeline.duration;
        let count = (duration / step + 1e-9).floor() as u32;
        let mut grid: Vec<f64> = (0..=count).map(|i| f64::from(i) * step).collect();
        if grid
            .last()
            .is_some_and(|last| duration - last > 1e-9 * duration)
        {
            grid.push(duration);
        }
        Self::new(problem, grid)
    }

    /// The next time of the grid, h.
    pub(super) fn next_time(&self) -> Option<f64> {
        self.grid.get(self.trajectory.times.len()).copied()
    }

    /// What was recorded.
    pub fn finish(self) -> Trajectory {
        self.trajectory
    }

    fn push(&mut self, time: f64, state: State<f64>, signals: Signals<f64>) {
        self.trajectory.times.push(time);
        self.trajectory.states.push(state);
        self.trajectory.signals.push(signals);
    }
}

impl Observer for Recorder {
    fn interest(&self) -> f64 {
        self.next_time().unwrap_or(f64::INFINITY)
    }

    fn observe(&mut self, segment: &Segment<'_>) {
        while let Some(time) = self.next_time() {
            // Ends of segments carry rounding of sums of intervals.
            if time > segment.end + 1e-9 {
                break;
            }
            let state = segment.state(time);
            let signals = segment.signals(&state);
            self.push(time, state, signals);
        }
    }
}
