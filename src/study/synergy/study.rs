//! Surfaces of two drugs from the model, over horizons and over a population.

use super::fit::{Musyc, fit_musyc};
use super::nulls::{Curve, Nulls, Surface, TimeCourse, time_course};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::parameters::bounds::{HORIZONS, SURFACE};
use crate::simulate::{Problem, Scenario, Template};
use crate::study::assay::Quantity;
use crate::study::knob::{Knob, turned_from};
use crate::study::plan::{Block, Field, Outline, Rows, Simulated, tally};
use crate::study::population::{Readouts, Sampler, Subject};
use crate::study::runs::{Probe, Probed, Tally};
use rayon::prelude::*;
use std::ops::Range;

/// A study of two drugs, ready to run: a run per pair of doses (and subject).
#[derive(Debug)]
pub struct SynergyPlan {
    /// The arm with both drugs.
    pub template: Template,
    /// Doses of the first knob, rising, from 0.
    pub first: Vec<f64>,
    /// Doses of the second knob, rising, from 0.
    pub second: Vec<f64>,
    /// Both knobs.
    pub knobs: [Knob; 2],
    /// Endpoint whose ratio to that without drug is f, instead of the burden at the horizons.
    pub endpoint: Option<Quantity>,
    /// Times at which burden is taken, start included, h.
    pub times: Vec<f64>,
    /// Who draws the subjects over whom intervals are taken, and how many; none: the setting itself.
    population: Option<(Sampler, u64)>,
    /// Pairs of doses: the grid row by row, then each drug alone between the doses of the grid.
    points: Vec<(f64, f64)>,
}

/// Doses added between two of the grid for each drug alone.
const BETWEEN: usize = 3;

/// Subjects whose rows are in memory at once.
const TOGETHER: usize = 64;

/// The doses of the grid and those between.
fn finely(doses: &[f64]) -> Vec<f64> {
    let mut fine = Vec::new();
    for pair in doses.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        fine.push(from);
        for step in 1..=BETWEEN {
            let part = step as f64 / (BETWEEN + 1) as f64;
            fine.push(if from > 0.0 {
                from * libm::pow(to / from, part)
            } else {
                part * to
            });
        }
    }
    fine.extend(doses.last());
    fine
}

impl SynergyPlan {
    /// A study of an arm with sorafenib and one partner (or of sorafenib with itself, where the arm has
    /// no partner). Doses are those of sorafenib in the regimen's unit, and of the partner over its own.
    ///
    /// # Errors
    /// As [`Template::read`]; an arm without sorafenib or with two partners; less than two doses.
    pub fn new(
        library: &Library,
        scenario: &Scenario,
        first: &[f64],
        second: &[f64],
        endpoint: Option<Quantity>,
        times: &[f64],
    ) -> Result<Self> {
        let template = Template::read(library, scenario)?;
        let knobs = match (scenario.arm.sorafenib, scenario.arm.partners.as_slice()) {
            (true, []) => [Knob::Dose, Knob::Dose],
            (true, [name]) => [Knob::Dose, Knob::Partner(name.clone())],
            (false, [one, other]) => [Knob::Partner(one.clone()), Knob::Partner(other.clone())],
            _ => {
                return Err(Error::input(
                    format!("--arm {}", scenario.arm),
                    "a surface has two drugs",
                    "name an arm such as sorafenib+pt2385, or sorafenib for the drug with itself",
                ));
            }
        };
        let with_zero = |doses: &[f64]| {
            let mut all = vec![0.0];
            all.extend(doses.iter().copied().filter(|dose| *dose > 0.0));
            all.sort_by(f64::total_cmp);
            all.dedup_by(|a, b| a.total_cmp(b).is_eq());
            all
        };
        let (first, second) = (with_zero(first), with_zero(second));
        for (option, doses) in [("--doses", &first), ("--partner-doses", &second)] {
            SURFACE.count(doses.len() - 1, format!("{option}, beside 0"))?;
        }
        HORIZONS.count(times.len(), "--horizons")?;
        if let Some(late) = times
            .iter()
            .find(|time| **time > template.regimen.duration * (1.0 + 1e-9))
        {
            return Err(Error::input(
                format!("--horizons {} d", late / 24.0),
                format!("the run ends on day {}", template.regimen.duration / 24.0),
                "give times within the run, or a longer run with --days",
            ));
        }
        if first.len() < 3 || second.len() < 3 {
            return Err(Error::input(
                "doses",
                "a surface needs two doses of each drug beside 0",
                "give more doses",
            ));
        }
        let mut points: Vec<(f64, f64)> = Vec::new();
        for a in &first {
            points.extend(second.iter().map(|b| (*a, *b)));
        }
        points.extend(finely(&first).into_iter().map(|a| (a, 0.0)));
        points.extend(finely(&second).into_iter().map(|b| (0.0, b)));
        let mut all_times = vec![0.0];
        all_times.extend(
            times
                .iter()
                .copied()
                .filter(|t| *t > 0.0 && *t <= template.regimen.duration),
        );
        all_times.sort_by(f64::total_cmp);
        if all_times.len() < 2 {
            all_times.push(template.regimen.duration);
        }
        Ok(Self {
            template,
            first,
            second,
            knobs,
            endpoint,
            times: all_times,
            population: None,
            points,
        })
    }

    /// The same over subjects of a population.
    ///
    /// # Errors
    /// A population that cannot be drawn.
    pub fn over(mut self, sampler: Sampler, subjects: u64) -> Result<Self> {
        sampler.check_attempts()?;
        self.population = Some((sampler, subjects));
        Ok(self)
    }

    /// Subjects of the population; none without one.
    fn subjects(&self) -> usize {
        self.population
            .as_ref()
            .map_or(0, |(_, count)| *count as usize)
    }

    fn point(&self, row: usize) -> (usize, (f64, f64)) {
        (
            row / self.points.len(),
            self.points[row % self.points.len()],
        )
    }

    fn build(&self, subject: Option<&Subject>, (a, b): (f64, f64)) -> Result<Problem> {
        let settings = [(&self.knobs[0], a), (&self.knobs[1], b)];
        let numbers = self.population.as_ref().zip(subject);
        let numbers = numbers.map(|((sampler, _), subject)| sampler.numbers(subject));
        turned_from(&self.template, &settings, &numbers.unwrap_or_default())
    }

    /// Exposure to sorafenib (AUC over 24 h, mg h/L) at each dose of the first knob, where that is a dose
    /// of sorafenib and the setting has kinetics.
    pub fn exposures(&self) -> Vec<f64> {
        let exposure = |dose: &f64| match &self.knobs[0] {
            Knob::Dose if *dose > 0.0 => self
                .build(None, (*dose, 0.0))
                .map_or(f64::NAN, |problem| Readouts::of(&problem).exposure),
            _ => f64::NAN,
        };
        self.first.iter().map(exposure).collect()
    }

    /// Hands number and what `of` makes of the rows to `each`, for every subject without a failed run, in
    /// order; gives the number of the others.
    fn each_subject<T: Send>(
        &self,
        rows: &dyn Rows,
        of: impl Fn(&[&[f64]]) -> T + Sync,
        mut each: impl FnMut(usize, T) -> Result<()>,
    ) -> Result<usize> {
        let count = rows.count() / self.points.len();
        let mut whole = 0;
        for first in (0..count).step_by(TOGETHER) {
            let together = first..(first + TOGETHER).min(count);
            let blocks = together
                .map(|s| rows.block(s * self.points.len()..(s + 1) * self.points.len()))
                .collect::<Result<Vec<Block>>>()?;
            let made: Vec<T> = blocks
                .par_iter()
                .filter_map(|block| Some(of(&block.whole()?)))
                .collect();
            for made in made {
                each(whole, made)?;
                whole += 1;
            }
        }
        Ok(count - whole)
    }

    /// Hands number and surfaces of every subject to `each`, in order; subjects with a failed run have
    /// none.
    ///
    /// # Errors
    /// Rows that cannot be read; the first error of `each`.
    pub fn surfaces(
        &self,
        rows: &dyn Rows,
        each: impl FnMut(usize, Vec<Horizon>) -> Result<()>,
    ) -> Result<()> {
        self.each_subject(rows, |rows| self.horizons(rows), each)?;
        Ok(())
    }

    /// The same with the highest doses over time.
    ///
    /// # Errors
    /// As [`surfaces`](Self::surfaces).
    pub fn time_courses(
        &self,
        rows: &dyn Rows,
        each: impl FnMut(usize, TimeCourse) -> Result<()>,
    ) -> Result<()> {
        self.each_subject(rows, |rows| self.time_course(rows), each)?;
        Ok(())
    }

    /// What the rows say: a few numbers of every subject, and all of the first.
    ///
    /// # Errors
    /// No subject without a failed run; rows that cannot be read.
    pub fn analyse(&self, rows: &dyn Rows) -> Result<Synergy> {
        let mut measures = Vec::new();
        let main = |rows: &[&[f64]]| Measures::new(&self.surface(rows, self.last()));
        let left_out = self.each_subject(rows, main, |_, of| {
            measures.push(of);
            Ok(())
        })?;
        let tally = tally(self, rows);
        let Some(first) = self.first_whole(rows)? else {
            return Err(Error::Run {
                run: format!("synergy of {}", self.template.scenario.arm),
                state: "every surface".to_owned(),
                time_h: 0.0,
                cause: tally.words(),
                remedy: "narrow the doses or tighten --rtol".to_owned(),
            });
        };
        Ok(Synergy {
            arm: self.template.scenario.arm.to_string(),
            setting: self.template.scenario.setting.clone(),
            endpoint: self.endpoint.map_or("burden", Quantity::name),
            labels: [self.label(0), self.label(1)],
            exposures: self.exposures(),
            left_out,
            first,
            measures,
            tally,
        })
    }

    /// Everything of the first subject without a failed run.
    fn first_whole(&self, rows: &dyn Rows) -> Result<Option<SubjectSurfaces>> {
        let points = self.points.len();
        for start in (0..rows.count()).step_by(points) {
            if let Some(rows) = rows.block(start..start + points)?.whole() {
                return Ok(Some(SubjectSurfaces {
                    surfaces: self.horizons(&rows),
                    course: self.time_course(&rows),
                }));
            }
        }
        Ok(None)
    }

    fn label(&self, drug: usize) -> String {
        let name = |knob: &Knob| match knob {
            Knob::Partner(name) => format!("{name} (part of its own dose)"),
            _ => format!("sorafenib ({})", self.knobs[0].unit(&self.template)),
        };
        name(&self.knobs[drug])
    }

    /// Column of the main surface: the last horizon, or the endpoint.
    fn last(&self) -> usize {
        match self.endpoint {
            Some(_) => self.times.len(),
            None => self.times.len() - 1,
        }
    }

    /// Surfaces of one subject: per horizon, or of the endpoint.
    fn horizons(&self, rows: &[&[f64]]) -> Vec<Horizon> {
        let columns = match self.endpoint {
            Some(_) => self.last()..=self.last(),
            None => 1..=self.last(),
        };
        columns
            .map(|column| {
                let surface = self.surface(rows, column);
                let nulls = surface.nulls();
                let time = self.times.get(column).copied();
                (
                    time.unwrap_or(self.template.regimen.duration),
                    surface,
                    nulls,
                )
            })
            .collect()
    }

    /// The highest doses of one subject over time.
    fn time_course(&self, rows: &[&[f64]]) -> TimeCourse {
        let columns = self.second.len();
        let (last_row, last_column) = (self.first.len() - 1, columns - 1);
        let burdens = |i: usize, j: usize| &rows[i * columns + j][..self.times.len()];
        time_course(
            &self.times,
            [
                burdens(0, 0),
                burdens(last_row, 0),
                burdens(0, last_column),
                burdens(last_row, last_column),
            ],
        )
    }

    fn surface(&self, rows: &[&[f64]], column: usize) -> Surface {
        let untreated = rows[0][column];
        let effect = |row: usize| 1.0 - rows[row][column] / untreated;
        let columns = self.second.len();
        let grid = self.first.len() * columns;
        let (fine_first, fine_second) = (finely(&self.first), finely(&self.second));
        let curve = |doses: Vec<f64>, from: usize| {
            let effects = (from..from + doses.len()).map(effect).collect();
            Curve::new(doses, effects)
        };
        let middle = grid + fine_first.len();
        Surface {
            first: self.first.clone(),
            second: self.second.clone(),
            effects: (0..self.first.len())
                .map(|i| (0..columns).map(|j| effect(i * columns + j)).collect())
                .collect(),
            first_alone: curve(fine_first, grid),
            second_alone: curve(fine_second, middle),
        }
    }
}

impl Outline for SynergyPlan {
    fn rows(&self) -> usize {
        self.points.len() * self.subjects().max(1)
    }

    fn hours(&self) -> f64 {
        self.template.regimen.duration
    }

    fn sizes(&self) -> String {
        format!(
            "{} times {} doses of {} subjects",
            self.first.len(),
            self.second.len(),
            self.subjects().max(1)
        )
    }

    fn fields(&self) -> Vec<Field> {
        let unit = self.template.table().text("burden_unit").unwrap_or("1");
        let burdens = self
            .times
            .iter()
            .map(|time| Field::new(format!("burden_day_{}", time / 24.0), unit));
        let endpoint = self.endpoint.map(|q| Field::new(q.name(), q.unit(unit)));
        burdens.chain(endpoint).collect()
    }

    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        let (subject, (a, b)) = self.point(row);
        let names = [self.knobs[0].name(), self.knobs[1].name()];
        (
            format!("synergy row {row}, subject {subject}"),
            names.into_iter().zip([a, b]).collect(),
        )
    }

    fn identity(&self) -> String {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {}",
            self.template.scenario,
            self.first,
            self.second,
            self.times,
            self.endpoint,
            self.subjects()
        )
    }
}

impl Simulated for SynergyPlan {
    fn probe(&self) -> Probe {
        Probe {
            times: self.times.clone(),
            endpoints: self.endpoint.is_some(),
        }
    }

    fn problem(&self, row: usize, _run: usize) -> Result<Problem> {
        let (subject, doses) = self.point(row);
        let drawn = match &self.population {
            Some((sampler, _)) => Some(sampler.subject(subject as u64)?),
            None => None,
        };
        self.build(drawn.as_ref(), doses)
    }

    fn problems(&self, runs: Range<usize>) -> Result<Vec<Result<Problem>>> {
        let first = runs.start / self.points.len();
        let last = (runs.end - 1) / self.points.len();
        let subjects = match &self.population {
            Some((sampler, _)) => sampler.subjects(first as u64..last as u64 + 1)?,
            None => Vec::new(),
        };
        let problem = |row: usize| {
            let (subject, doses) = self.point(row);
            self.build(subjects.get(subject - first), doses)
        };
        Ok(runs.into_par_iter().map(problem).collect())
    }

    fn reduce(&self, _row: usize, runs: Vec<Probed>) -> Result<Vec<f64>> {
        let run = &runs[0];
        let mut values = run.trajectory.series(|_, signals| signals.burden);
        if let Some(quantity) = self.endpoint {
            let days = self.template.regimen.duration / 24.0;
            let value = run.endpoints.as_ref().and_then(|e| e.get(quantity.name()));
            let event = quantity.unit("burden") == "d";
            let value = value.or(event.then_some(days)).ok_or_else(|| {
                Error::input(
                    format!("endpoint {}", quantity.name()),
                    "the run has no such value",
                    "choose an endpoint that every pair of doses has",
                )
            })?;
            values.push(value);
        }
        Ok(values)
    }
}

/// A horizon (h) with its surface and nulls.
pub type Horizon = (f64, Surface, Nulls);

/// What one subject (or the setting itself) gives.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectSurfaces {
    /// By horizon; the last is the main one.
    pub surfaces: Vec<Horizon>,
    /// The highest doses over time.
    pub course: TimeCourse,
}

/// A grid in two numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Level {
    /// Mean over all points with both drugs.
    pub mean: f64,
    /// Value at the highest doses.
    pub top: f64,
}

impl Level {
    fn of(grid: &[Vec<f64>]) -> Self {
        Self {
            mean: Nulls::mean(grid),
            top: Nulls::top(grid),
        }
    }
}

/// What is kept of the main surface of a subject.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// Excess over the better drug.
    pub hsa: Level,
    /// Excess over independence.
    pub bliss: Level,
    /// Excess over dose additivity.
    pub loewe: Level,
    /// Combination index.
    pub index: Level,
    /// ZIP's delta.
    pub zip: Level,
    /// Fitted surface of four states.
    pub musyc: Option<Musyc>,
}

impl Measures {
    fn new(surface: &Surface) -> Self {
        let nulls = surface.nulls();
        Self {
            hsa: Level::of(&nulls.hsa),
            bliss: Level::of(&nulls.bliss),
            loewe: Level::of(&nulls.loewe),
            index: Level::of(&nulls.index),
            zip: Level::of(&nulls.zip),
            musyc: fit_musyc(surface),
        }
    }
}

/// A finished study of two drugs; surfaces of all subjects are read again from the rows.
#[derive(Debug, Clone)]
pub struct Synergy {
    /// The arm.
    pub arm: String,
    /// Setting.
    pub setting: String,
    /// What f is taken of.
    pub endpoint: &'static str,
    /// Names of both dose axes with units.
    pub labels: [String; 2],
    /// AUC of sorafenib at the doses of the first axis, mg h/L.
    pub exposures: Vec<f64>,
    /// Everything of the first subject.
    pub first: SubjectSurfaces,
    /// The main surface of every subject; one without a population.
    pub measures: Vec<Measures>,
    /// Subjects left out for a failed run.
    pub left_out: usize,
    /// Requested, ok, failed.
    pub tally: Tally,
}

impl Synergy {
    /// Median and middle 95 % over the subjects of a number of the main surface; all the same for one
    /// subject.
    pub fn over_subjects(&self, of: impl Fn(&Measures) -> f64) -> (f64, f64, f64) {
        let mut values: Vec<f64> = self
            .measures
            .iter()
            .map(of)
            .filter(|value| value.is_finite())
            .collect();
        values.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = (part * values.len().saturating_sub(1) as f64).round() as usize;
            values.get(place).copied().unwrap_or(f64::NAN)
        };
        (at(0.5), at(0.025), at(0.975))
    }
}
