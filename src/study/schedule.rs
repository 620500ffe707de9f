//! When and how much of a partner: the best schedules over exposure.
//!
//! A schedule of the partner has a start, days on and days off, and a dose (over its own; where effects
//! are imposed, their strength); sorafenib may start later. Its cost is the partner's exposure, dose times
//! the part of the run on drug; its yield the burden at the end (log10) or minus the time to progression.
//!
//! A first sample of schedules (an Owen-scrambled Sobol sequence) covers the space. From its best members
//! under each of several budgets of exposure, COBYLA (Powell 1994; linear models in a trust region, no
//! derivatives) minimises the yield under the budget. The front is what no other evaluated schedule beats
//! in both.
//!
//! Limitations: COBYLA is local, and doses within a cycle make the yield jagged: the front is a bound from
//! above. Exposure counts the dose, not toxicity.

use super::knob::Knob;
use super::runs::{Probe, Tally, run_batch};
use super::{Progress, knob};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::{Course, Cycle, Regimen};
use crate::simulate::{Accuracy, Problem, Scenario, Template};
use rayon::prelude::*;
use std::cell::RefCell;

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
    /// Every schedule that was run.
    pub all: Vec<Evaluated>,
    /// The front, by rising exposure.
    pub front: Vec<Evaluated>,
    /// Both drugs from the start without a pause, at several doses.
    pub continuous: Vec<Evaluated>,
    /// Requested, ok, failed.
    pub tally: Tally,
}

/// Coordinates of a schedule in the unit cube.
const DIMENSIONS: usize = 5;

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

    /// Runs schedules; not a number where a run failed.
    fn run(&self, schedules: &[Schedule], accuracy: &Accuracy) -> Vec<f64> {
        let problems: Vec<Result<Problem>> = schedules.iter().map(|s| self.problem(s)).collect();
        let ready: Vec<Problem> = problems.iter().flatten().cloned().collect();
        let mut results = run_batch(&ready, &self.probe(), accuracy).into_iter();
        problems
            .iter()
            .map(|problem| {
                let run = problem.as_ref().ok().and_then(|_| results.next());
                let Some(Ok(run)) = run else {
                    return f64::NAN;
                };
                match self.goal {
                    Goal::Burden => libm::log10(run.outcome.end.tumour.burden()),
                    Goal::Progression => {
                        let seen = run.endpoints.and_then(|e| e.time_to_progression);
                        -seen.unwrap_or(self.days)
                    }
                }
            })
            .collect()
    }

    /// Seeks the front: `samples` schedules first (a power of two), then COBYLA with so many evaluations
    /// under each of `budgets` budgets.
    ///
    /// # Errors
    /// A number of samples that is no power of two; no run that succeeded.
    pub fn seek(
        &self,
        samples: usize,
        budgets: usize,
        evaluations: usize,
        seed: u64,
        accuracy: &Accuracy,
        progress: Progress<'_>,
    ) -> Result<Schedules> {
        if !samples.is_power_of_two() || samples > 1 << 16 {
            return Err(Error::input(
                format!("--samples {samples}"),
                "a Sobol sequence is balanced at powers of two only",
                "give 64, 128, 256 or so",
            ));
        }
        let seed = (seed ^ (seed >> 32)) as u32;
        let places: Vec<Vec<f64>> = (0..samples)
            .map(|i| {
                let value = |d| f64::from(sobol_burley::sample(i as u32, d as u32, seed));
                (0..DIMENSIONS).map(value).collect()
            })
            .collect();
        let evaluate = |places: &[Vec<f64>]| -> Vec<Evaluated> {
            let schedules: Vec<Schedule> = places.iter().map(|p| self.schedule(p)).collect();
            let outcomes = self.run(&schedules, accuracy);
            schedules
                .into_iter()
                .zip(outcomes)
                .map(|(schedule, outcome)| {
                    progress();
                    Evaluated {
                        schedule,
                        exposure: self.exposure(&schedule),
                        outcome,
                    }
                })
                .collect()
        };
        let sample = evaluate(&places);
        let searched: Vec<Vec<Evaluated>> = (1..=budgets)
            .into_par_iter()
            .map(|step| {
                let budget = step as f64 / budgets as f64;
                let within = (0..samples)
                    .filter(|i| sample[*i].exposure <= budget && sample[*i].outcome.is_finite());
                let best = within.min_by(|a, b| sample[*a].outcome.total_cmp(&sample[*b].outcome));
                let start = best.map_or_else(
                    || vec![0.0, 1.0, 0.0, 0.5 * budget, 0.0],
                    |i| places[i].clone(),
                );
                self.refine(&start, budget, evaluations, &evaluate)
            })
            .collect();
        let continuous: Vec<Vec<f64>> = (0..=10)
            .map(|step| vec![0.0, 1.0, 0.0, f64::from(step) / 10.0, 0.0])
            .collect();
        let continuous = evaluate(&continuous);
        let all: Vec<Evaluated> = sample
            .into_iter()
            .chain(searched.into_iter().flatten())
            .chain(continuous.iter().copied())
            .collect();
        let mut tally = Tally {
            requested: all.len(),
            ..Tally::default()
        };
        tally.ok = all.iter().filter(|e| e.outcome.is_finite()).count();
        tally.failed = tally.requested - tally.ok;
        if tally.ok == 0 {
            return Err(Error::Run {
                run: format!("schedules of {}", self.template.scenario.arm),
                state: "every schedule".to_owned(),
                time_h: 0.0,
                cause: tally.words(),
                remedy: "tighten --rtol".to_owned(),
            });
        }
        Ok(Schedules {
            arm: self.template.scenario.arm.to_string(),
            goal: self.goal,
            front: front(&all),
            all,
            continuous,
            tally,
        })
    }

    /// COBYLA from a place under a budget; every evaluation is kept.
    fn refine(
        &self,
        start: &[f64],
        budget: f64,
        evaluations: usize,
        evaluate: &(dyn Fn(&[Vec<f64>]) -> Vec<Evaluated> + Sync),
    ) -> Vec<Evaluated> {
        let kept: RefCell<Vec<Evaluated>> = RefCell::default();
        let objective = |place: &[f64], _: &mut ()| {
            let evaluated = evaluate(&[place.to_vec()]);
            kept.borrow_mut().extend(&evaluated);
            let outcome = evaluated.first().map_or(f64::NAN, |e| e.outcome);
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
