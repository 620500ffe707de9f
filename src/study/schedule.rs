//! When and how much of a partner: the best schedules over exposure.
//!
//! A schedule of the partner has a start, days on and days off, and a dose (over its own; where effects
//! are imposed, their strength); sorafenib may start later. Its cost is the partner's exposure, dose times
//! the part of the run on drug; its yield the burden at the end (log10) or minus the time to progression.
//!
//! A first sample of schedules (an Owen-scrambled Sobol sequence) covers the space. From its best member
//! under each of several budgets of exposure, COBYLA (Powell 1994; linear models in a trust region, no
//! derivatives) minimises the yield under the budget. The front is what no other evaluated schedule beats
//! in both.
//!
//! **Pieces.** The runs of a descent follow from each other, the descents do not: each is a function of the
//! first sample and its budget alone. So a search is a fixed number of pieces of as many rows as a descent
//! has evaluations: the descents, budget after budget, then the sample and continuous dosing in stretches
//! of that length. Rows that a descent did not need are empty. Whoever runs a descent runs the whole first
//! sample before: a shard, or a search that goes on after a kill, repeats it, which costs less than what
//! would be lost by starting every descent from a part of the sample.
//!
//! Limitations: COBYLA is local, and doses within a cycle make the yield jagged: the front is a bound from
//! above. Exposure counts the dose, not toxicity.

use super::knob::Knob;
use super::plan::{Field, Outline, Plan, Row, Rows, Sink, collect, scan, tally_of, visit};
use super::runs::{Probe, Tally, run_batch};
use super::{Progress, knob};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::parameters::bounds::{BUDGETS, POINTS};
use crate::regimen::{Course, Cycle, Regimen};
use crate::simulate::{Accuracy, Problem, Scenario, Template};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::OnceLock;

/// A schedule of both drugs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Start of sorafenib, d.
    pub sorafenib_start: f64,
    /// Start of the partner, d.
    pub partner_start: f64,
    /// Days on partner in a cycle.
    pub on: f64,
    /// Days off partner in a cycle.
    pub off: f64,
    /// Dose of the partner over its own.
    pub dose: f64,
}

/// A schedule with what it costs and yields.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evaluated {
    /// The schedule.
    pub schedule: Schedule,
    /// Exposure: dose times the part of the run on partner.
    pub exposure: f64,
    /// Yield; smaller is better.
    pub outcome: f64,
}

/// What a schedule is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// log10 of the burden at the end.
    Burden,
    /// Minus the time to progression, d; the length of the run where there is none.
    Progression,
}

impl Goal {
    /// Name of the yield.
    pub fn label(self) -> &'static str {
        match self {
            Self::Burden => "log10 burden at the end",
            Self::Progression => "minus time to progression (d)",
        }
    }
}

/// A search for schedules, ready to run.
#[derive(Debug, Clone)]
pub struct ScheduleSearch {
    template: Template,
    partner: Knob,
    /// What is sought.
    pub goal: Goal,
    /// Longest delay and longest half of a cycle, d.
    pub longest: f64,
    /// Whether sorafenib may start later.
    pub move_sorafenib: bool,
    days: f64,
}

/// The result of a search.
#[derive(Debug, Clone)]
pub struct Schedules {
    /// The arm.
    pub arm: String,
    /// What was sought.
    pub goal: Goal,
    /// Schedules that were run: the sample, the descents, continuous dosing; every so many of them, where
    /// they are more than [`SHOWN`].
    pub all: Vec<Evaluated>,
    /// Every how many of the schedules that were run stands in `all`.
    pub step: usize,
    /// The front, by rising exposure.
    pub front: Vec<Evaluated>,
    /// Both drugs from the start without a pause, at several doses.
    pub continuous: Vec<Evaluated>,
    /// Requested, ok, failed.
    pub tally: Tally,
}

/// Most schedules of a result beside the front.
pub const SHOWN: usize = 10_000;

/// How far a search goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Schedules of the first sample, a power of two.
    pub samples: usize,
    /// Budgets of exposure, each with a descent.
    pub budgets: usize,
    /// Evaluations of a descent.
    pub evaluations: usize,
}

impl Effort {
    fn check(&self) -> Result<()> {
        POINTS.count(self.samples, format!("--samples {}", self.samples))?;
        if !self.samples.is_power_of_two() {
            return Err(Error::input(
                format!("--samples {}", self.samples),
                "a Sobol sequence is balanced at powers of two only",
                "give 64, 128, 256 or so",
            ));
        }
        let counts = [
            ("--budgets", self.budgets),
            ("--evaluations", self.evaluations),
        ];
        for (option, number) in counts {
            BUDGETS.count(number, format!("{option} {number}"))?;
        }
        Ok(())
    }
}

/// Coordinates of a schedule in the unit cube.
const DIMENSIONS: usize = 5;

/// Doses of continuous dosing.
const CONTINUOUS: usize = 11;

/// Columns of a row: the schedule, then these.
const EXPOSURE: usize = 5;
const OUTCOME: usize = 6;

/// Schedules of the sample that are run together.
const TOGETHER: usize = 1024;

/// Shortest stretch on partner, d.
const SHORTEST: f64 = 1.0;

impl ScheduleSearch {
    /// A search for the schedules of an arm of sorafenib with one partner.
    ///
    /// # Errors
    /// An arm of another kind; as [`Template::read`].
    pub fn new(
        library: &Library,
        scenario: &Scenario,
        goal: Goal,
        move_sorafenib: bool,
    ) -> Result<Self> {
        let [name] = scenario.arm.partners.as_slice() else {
            return Err(Error::input(
                format!("--arm {}", scenario.arm),
                "schedules are sought for one partner",
                "name an arm such as sorafenib+pt2385",
            ));
        };
        let partner = Knob::Partner(name.clone());
        let template = Template::read(library, scenario)?;
        let days = template.regimen.duration / 24.0;
        Ok(Self {
            partner,
            goal,
            longest: 0.5 * days,
            move_sorafenib,
            days,
            template,
        })
    }

    fn schedule(&self, place: &[f64]) -> Schedule {
        let at = |i: usize| place[i].clamp(0.0, 1.0);
        Schedule {
            partner_start: at(0) * self.longest,
            on: SHORTEST + at(1) * (self.longest - SHORTEST),
            off: at(2) * self.longest,
            dose: at(3),
            sorafenib_start: if self.move_sorafenib {
                at(4) * self.longest
            } else {
                0.0
            },
        }
    }

    fn exposure(&self, schedule: &Schedule) -> f64 {
        let mut on = 0.0;
        let mut start = schedule.partner_start;
        while start < self.days {
            on += schedule.on.min(self.days - start);
            start += schedule.on + schedule.off;
        }
        schedule.dose * on / self.days
    }

    fn problem(&self, schedule: &Schedule) -> Result<Problem> {
        let mut regimen: Regimen = self.template.regimen.clone();
        for course in &mut regimen.sorafenib {
            course.start += 24.0 * schedule.sorafenib_start;
        }
        let cycle = (schedule.off > 1e-6).then_some(Cycle {
            on: 24.0 * schedule.on,
            off: 24.0 * schedule.off,
        });
        regimen.partner = vec![Course {
            start: 24.0 * schedule.partner_start,
            cycle,
            ..Course::plain("schedule")
        }];
        knob::turned_under(&self.template, &regimen, &[(&self.partner, schedule.dose)])
    }

    fn probe(&self) -> Probe {
        Probe {
            times: vec![24.0 * self.days],
            endpoints: self.goal == Goal::Progression,
        }
    }

    /// Runs the schedules at some places of the unit cube, each with what went wrong.
    fn evaluate(&self, places: &[Vec<f64>], accuracy: &Accuracy) -> Vec<Tried> {
        let schedules: Vec<Schedule> = places.iter().map(|p| self.schedule(p)).collect();
        let problems: Vec<Result<Problem>> = schedules.iter().map(|s| self.problem(s)).collect();
        let ready: Vec<Problem> = problems.iter().flatten().cloned().collect();
        let mut results = run_batch(&ready, &self.probe(), accuracy).into_iter();
        let runs = problems.into_iter().map(|problem| {
            problem.and_then(|_| {
                let missing = || Error::input("schedule", "nothing was run", "give schedules");
                let run = results.next().unwrap_or_else(|| Err(missing()))?;
                Ok(match self.goal {
                    Goal::Burden => libm::log10(run.outcome.end.tumour.burden()),
                    Goal::Progression => {
                        let seen = run.endpoints.and_then(|e| e.time_to_progression);
                        -seen.unwrap_or(self.days)
                    }
                })
            })
        });
        let runs: Vec<Result<f64>> = runs.collect();
        let tried = schedules.into_iter().zip(runs);
        tried
            .map(|(schedule, outcome)| Tried {
                evaluated: Evaluated {
                    schedule,
                    exposure: self.exposure(&schedule),
                    outcome: outcome.as_ref().copied().unwrap_or(f64::NAN),
                },
                failure: match outcome {
                    Ok(outcome) if outcome.is_finite() => None,
                    Ok(outcome) => Some(format!("the yield is {outcome}")),
                    Err(error) => Some(error.to_string()),
                },
            })
            .collect()
    }

    /// Seeks the front at once, all in memory.
    ///
    /// # Errors
    /// As [`SchedulePlan::new`] and [`SchedulePlan::analyse`].
    pub fn seek(
        &self,
        effort: Effort,
        seed: u64,
        accuracy: &Accuracy,
        progress: Progress<'_>,
    ) -> Result<Schedules> {
        let plan = SchedulePlan::new(self.clone(), effort, seed)?;
        plan.analyse(&collect(&plan, accuracy, progress)?)
    }

    /// COBYLA from a place under a budget; every evaluation is kept.
    fn descend(
        &self,
        start: &[f64],
        budget: f64,
        evaluations: usize,
        accuracy: &Accuracy,
        progress: Progress<'_>,
    ) -> Vec<Tried> {
        let kept: RefCell<Vec<Tried>> = RefCell::default();
        let objective = |place: &[f64], _: &mut ()| {
            let tried = self.evaluate(&[place.to_vec()], accuracy);
            progress();
            let outcome = tried.first().map_or(f64::NAN, |t| t.evaluated.outcome);
            kept.borrow_mut().extend(tried);
            // A failed run is worse than any other.
            if outcome.is_finite() { outcome } else { 1e6 }
        };
        let within = |place: &[f64], _: &mut ()| budget - self.exposure(&self.schedule(place));
        let bounds = [(0.0, 1.0); DIMENSIONS];
        // What it returns is among the evaluations that are kept, whether it says success or not.
        let _ = cobyla::minimize(
            objective,
            start,
            &bounds,
            &[within],
            (),
            evaluations,
            cobyla::RhoBeg::All(0.2),
            Some(cobyla::StopTols {
                xtol_abs: vec![1e-3; DIMENSIONS],
                ..cobyla::StopTols::default()
            }),
        );
        kept.into_inner()
    }
}

/// A schedule that was run, and why it gave nothing.
#[derive(Debug, Clone)]
struct Tried {
    evaluated: Evaluated,
    failure: Option<String>,
}

impl Tried {
    fn row(self, index: usize) -> Row {
        let schedule = self.evaluated.schedule;
        Row {
            index,
            values: vec![
                schedule.sorafenib_start,
                schedule.partner_start,
                schedule.on,
                schedule.off,
                schedule.dose,
                self.evaluated.exposure,
                self.evaluated.outcome,
            ],
            failure: self.failure,
        }
    }
}

impl Evaluated {
    /// The schedule of a row; `None` where nothing was run.
    fn of(numbers: &[f64]) -> Option<Self> {
        let [sorafenib_start, partner_start, on, off, dose, ..] = *numbers else {
            return None;
        };
        (!numbers[OUTCOME].is_nan()).then_some(Self {
            schedule: Schedule {
                sorafenib_start,
                partner_start,
                on,
                off,
                dose,
            },
            exposure: numbers[EXPOSURE],
            outcome: numbers[OUTCOME],
        })
    }
}

/// What a row of a search is.
enum Place {
    /// An evaluation of the descent under a budget, both from 0.
    Descent(usize, usize),
    /// A schedule of the first sample.
    Sample(usize),
    /// A dose of continuous dosing.
    Continuous(usize),
}

/// A search in pieces: a row per schedule.
#[derive(Debug)]
pub struct SchedulePlan {
    /// What is sought, and how a schedule is run.
    pub search: ScheduleSearch,
    /// How far it goes.
    pub effort: Effort,
    /// Seed of the sample.
    seed: u32,
    /// The first sample, for the descents.
    sample: OnceLock<Vec<Tried>>,
}

impl SchedulePlan {
    /// A search of some effort; the seed makes the first sample.
    ///
    /// # Errors
    /// Numbers of samples, budgets or evaluations that cannot be used.
    pub fn new(search: ScheduleSearch, effort: Effort, seed: u64) -> Result<Self> {
        effort.check()?;
        Ok(Self {
            search,
            effort,
            // The sequence takes 32 bits; both halves of the seed count.
            seed: (seed ^ (seed >> 32)) as u32,
            sample: OnceLock::new(),
        })
    }

    /// Rows of the descents, which come first.
    fn descents(&self) -> Range<usize> {
        0..self.effort.budgets * self.effort.evaluations
    }

    /// Rows of the first sample.
    fn samples(&self) -> Range<usize> {
        let start = self.descents().end;
        start..start + self.effort.samples
    }

    /// Rows of continuous dosing.
    fn continuous(&self) -> Range<usize> {
        let start = self.samples().end;
        start..start + CONTINUOUS
    }

    fn place(&self, row: usize) -> Place {
        let evaluations = self.effort.evaluations;
        if self.descents().contains(&row) {
            return Place::Descent(row / evaluations, row % evaluations);
        }
        if self.samples().contains(&row) {
            return Place::Sample(row - self.samples().start);
        }
        Place::Continuous(row - self.continuous().start)
    }

    /// Place of a schedule of the first sample in the unit cube.
    fn sampled(&self, index: usize) -> Vec<f64> {
        let value = |d| f64::from(sobol_burley::sample(index as u32, d as u32, self.seed));
        (0..DIMENSIONS).map(value).collect()
    }

    /// The descent under a budget, from the best schedule of the first sample within it.
    fn descent(&self, step: usize, accuracy: &Accuracy, progress: Progress<'_>) -> Vec<Tried> {
        let budget = (step + 1) as f64 / self.effort.budgets as f64;
        let sample = self.sample.get().map_or(&[][..], Vec::as_slice);
        let within = sample.iter().map(|tried| &tried.evaluated).enumerate();
        let within = within.filter(|(_, e)| e.exposure <= budget && e.outcome.is_finite());
        let best = within.min_by(|(_, a), (_, b)| a.outcome.total_cmp(&b.outcome));
        let start = best.map_or_else(
            || vec![0.0, 1.0, 0.0, 0.5 * budget, 0.0],
            |(index, _)| self.sampled(index),
        );
        let evaluations = self.effort.evaluations;
        self.search
            .descend(&start, budget, evaluations, accuracy, progress)
    }

    /// Rows of schedules that stand alone: of the first sample, unless it was run for the descents, and of
    /// continuous dosing.
    fn alone(&self, rows: Range<usize>, accuracy: &Accuracy) -> Vec<Tried> {
        let known = self.sample.get().map_or(&[][..], Vec::as_slice);
        let at = |row: usize| row.saturating_sub(self.samples().start).min(known.len());
        let known = &known[at(rows.start)..at(rows.end)];
        let places: Vec<Vec<f64>> = rows
            .skip(known.len())
            .map(|row| match self.place(row) {
                Place::Sample(index) => self.sampled(index),
                Place::Continuous(step) | Place::Descent(step, _) => {
                    let dose = step as f64 / (CONTINUOUS - 1) as f64;
                    vec![0.0, 1.0, 0.0, dose, 0.0]
                }
            })
            .collect();
        let run = self.search.evaluate(&places, accuracy);
        known.iter().cloned().chain(run).collect()
    }

    /// What the rows say; schedules are read again in stretches, the front is kept as it grows.
    ///
    /// # Errors
    /// No run that succeeded; rows that cannot be read.
    pub fn analyse(&self, rows: &dyn Rows) -> Result<Schedules> {
        let tally = self.tally(rows)?;
        if tally.ok == 0 {
            return Err(Error::Run {
                run: format!("schedules of {}", self.search.template.scenario.arm),
                state: "every schedule".to_owned(),
                time_h: 0.0,
                cause: tally.words(),
                remedy: "tighten --rtol".to_owned(),
            });
        }
        let step = tally.ok.div_ceil(SHOWN).max(1);
        let (mut all, mut best, mut continuous) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = 0;
        for stretch in [self.samples(), self.descents(), self.continuous()] {
            let last = stretch.start == self.continuous().start;
            scan(rows, stretch, |_, numbers| {
                let Some(evaluated) = numbers.and_then(Evaluated::of) else {
                    return Ok(());
                };
                if seen % step == 0 {
                    all.push(evaluated);
                }
                seen += 1;
                if last {
                    continuous.push(evaluated);
                }
                best.push(evaluated);
                if best.len() >= 2 * SHOWN {
                    best = front(&best);
                }
                Ok(())
            })?;
        }
        Ok(Schedules {
            arm: self.search.template.scenario.arm.to_string(),
            goal: self.search.goal,
            front: front(&best),
            all,
            step,
            continuous,
            tally,
        })
    }

    /// Requested, ok, failed over the schedules that were run; rows that a descent did not need are none.
    fn tally(&self, rows: &dyn Rows) -> Result<Tally> {
        let mut ok = 0;
        visit(rows, |_, numbers| {
            ok += usize::from(!numbers[OUTCOME].is_nan());
            Ok(())
        })?;
        Ok(tally_of(self, rows, ok + rows.failures().count))
    }
}

impl Outline for SchedulePlan {
    fn rows(&self) -> usize {
        self.continuous().end
    }

    fn hours(&self) -> f64 {
        24.0 * self.search.days
    }

    fn sizes(&self) -> String {
        let Effort {
            samples,
            budgets,
            evaluations,
        } = self.effort;
        format!("{samples} samples and {budgets} budgets of {evaluations} evaluations")
    }

    fn fields(&self) -> Vec<Field> {
        let outcome = match self.search.goal {
            Goal::Burden => Field::new("log10_burden_end", "1"),
            Goal::Progression => Field::new("minus_time_to_progression", "d"),
        };
        [
            Field::new("sorafenib_start", "d"),
            Field::new("partner_start", "d"),
            Field::new("on", "d"),
            Field::new("off", "d"),
            Field::new("dose", "1"),
            Field::new("exposure", "1"),
            outcome,
        ]
        .to_vec()
    }

    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        let place = match self.place(row) {
            Place::Descent(budget, evaluation) => format!(
                "descent under budget {} of {}, evaluation {}",
                budget + 1,
                self.effort.budgets,
                evaluation + 1
            ),
            Place::Sample(index) => format!("schedule {} of the first sample", index + 1),
            Place::Continuous(step) => format!("continuous dosing {} of {CONTINUOUS}", step + 1),
        };
        (place, Vec::new())
    }

    fn identity(&self) -> String {
        let search = &self.search;
        format!(
            "{:?} {:?} {} {:?}",
            search.template.scenario, search.goal, search.move_sorafenib, self.effort
        )
    }
}

impl Plan for SchedulePlan {
    fn piece(&self) -> Option<usize> {
        Some(self.effort.evaluations)
    }

    fn prepare(
        &self,
        ranges: &[Range<usize>],
        accuracy: &Accuracy,
        _progress: Progress<'_>,
    ) -> Result<()> {
        let descents = self.descents();
        if self.sample.get().is_none() && ranges.iter().any(|rows| rows.start < descents.end) {
            let mut sample = Vec::with_capacity(self.effort.samples);
            for start in self.samples().step_by(TOGETHER) {
                let rows = start..(start + TOGETHER).min(self.samples().end);
                sample.extend(self.alone(rows, accuracy));
            }
            self.sample.get_or_init(|| sample);
        }
        Ok(())
    }

    fn run(
        &self,
        rows: Range<usize>,
        accuracy: &Accuracy,
        progress: Progress<'_>,
        sink: Sink<'_>,
    ) -> Result<()> {
        let width = OUTCOME + 1;
        let mut start = rows.start;
        while start < rows.end {
            let descent = self.descents().contains(&start);
            let end = if descent {
                start + self.effort.evaluations
            } else {
                rows.end.min(start + TOGETHER)
            };
            let tried = match self.place(start) {
                Place::Descent(budget, _) => self.descent(budget, accuracy, progress),
                _ => self.alone(start..end, accuracy),
            };
            let mut tried = tried.into_iter();
            for index in start..end {
                sink(match tried.next() {
                    Some(tried) => tried.row(index),
                    None => Row {
                        index,
                        values: vec![f64::NAN; width],
                        failure: None,
                    },
                })?;
                if !descent {
                    progress();
                }
            }
            start = end;
        }
        Ok(())
    }
}

/// The schedules that no other beats in both exposure and yield, by rising exposure.
pub fn front(all: &[Evaluated]) -> Vec<Evaluated> {
    let mut sorted: Vec<Evaluated> = all
        .iter()
        .copied()
        .filter(|e| e.outcome.is_finite())
        .collect();
    sorted.sort_by(|a, b| {
        a.exposure
            .total_cmp(&b.exposure)
            .then(a.outcome.total_cmp(&b.outcome))
    });
    let mut best = f64::INFINITY;
    sorted.retain(|evaluated| {
        let better = evaluated.outcome < best;
        best = best.min(evaluated.outcome);
        better
    });
    sorted
}
