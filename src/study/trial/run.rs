//! A trial as a study: a row per patient and arm.
//!
//! Nothing is kept of a patient: whoever needs one draws it again from seed and number.

use super::design::{Allocation, TrialDesign};
use super::outcome::{
    ArmOutcome, Bar, Contrast, Course, Gathered, Marker, Pairs, Ranking, TrialResult, biomarkers,
};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Problem, Scenario, Template};
use crate::study::Progress;
use crate::study::plan::{Field, Outline, Rows, Simulated, collect, tally, visit};
use crate::study::population::{Population, READOUTS, Sampler, Subject, SubjectsPlan};
use crate::study::random::{Draws, Purpose};
use crate::study::runs::{Probe, Probed, Tally};
use crate::study::silent;
use crate::study::survival::Observation;
use rayon::prelude::*;
use std::ops::Range;

/// A trial, ready to run.
#[derive(Debug)]
pub struct TrialPlan {
    /// What is done.
    pub design: TrialDesign,
    /// Seed of patients, allocation and losses.
    pub seed: u64,
    scenario: Scenario,
    sampler: Sampler,
    templates: Vec<Template>,
    classes: Vec<Option<String>>,
    scans: Vec<f64>,
    allocation: Draws,
}

/// Runs a trial; `scenario` gives phenotype, variant, mode and overrides, its arm, setting and length
/// are the trial's.
///
/// # Errors
/// As [`TrialPlan::new`] and [`TrialPlan::analyse`].
pub fn trial(
    library: &Library,
    design: &TrialDesign,
    scenario: &Scenario,
    seed: u64,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<TrialResult> {
    let plan = TrialPlan::new(library, design, scenario, seed)?;
    let subjects = collect(&plan.subjects(), accuracy, &silent)?;
    plan.analyse(&collect(&plan, accuracy, progress)?, &subjects)
}

impl TrialPlan {
    /// Reads the arms of a trial and draws its first patient.
    ///
    /// # Errors
    /// Names or numbers that cannot be used; a population that cannot be drawn.
    pub fn new(
        library: &Library,
        design: &TrialDesign,
        scenario: &Scenario,
        seed: u64,
    ) -> Result<Self> {
        design.check("trial")?;
        let population = Population::read(library, &design.population, "trial")?;
        let scenario = Scenario {
            setting: population.setting.clone(),
            duration: Some(design.duration),
            ..scenario.clone()
        };
        let sampler = Sampler::new(library, &population, &scenario, seed)?;
        sampler.check_attempts()?;
        let read = |arm: &Arm| Template::read(library, &scenario.with_arm(arm.clone()));
        let classes = design.arms.iter().map(|arm| class(library, arm));
        Ok(Self {
            templates: design.arms.iter().map(read).collect::<Result<_>>()?,
            classes: classes.collect::<Result<_>>()?,
            scans: design.scans(),
            allocation: Draws::new(seed, Purpose::Allocation),
            design: design.clone(),
            seed,
            scenario,
            sampler,
        })
    }

    /// Patient and arm of a row.
    fn who(&self, row: usize) -> (usize, usize) {
        let arms = self.design.arms.len();
        match self.design.allocation {
            Allocation::Matched => (row / arms, row % arms),
            Allocation::Randomised => {
                let block = self.allocation.permutation((row / arms) as u64, arms);
                (row, block[row % arms])
            }
        }
    }

    /// The patients of the trial as rows.
    pub fn subjects(&self) -> SubjectsPlan<'_> {
        SubjectsPlan {
            sampler: &self.sampler,
            count: count(&self.design),
            burden_unit: self.burden_unit().to_owned(),
        }
    }

    fn burden_unit(&self) -> &str {
        self.templates[0].table().text("burden_unit").unwrap_or("1")
    }

    fn matched(&self) -> bool {
        self.design.allocation == Allocation::Matched
    }

    /// When a patient leaves, h.
    fn leaves(&self, subject: usize) -> f64 {
        let losses = Draws::new(self.seed, Purpose::Dropout);
        -libm::log(losses.uniform(subject as u64, 0)) / self.design.dropout
    }

    /// Hands every course with its arm and with the diameters over the start at all scans to `each`, in
    /// the order of the rows; failed runs have none.
    ///
    /// # Errors
    /// Rows that cannot be read; the first error of `each`.
    pub fn courses(
        &self,
        rows: &dyn Rows,
        mut each: impl FnMut(usize, Course, Vec<f64>) -> Result<()>,
    ) -> Result<()> {
        visit(rows, |row, numbers| {
            let (subject, arm) = self.who(row);
            let leaves = self.leaves(subject);
            let (burdens, end) = (&numbers[..self.scans.len()], numbers[numbers.len() - 1]);
            let diameters: Vec<f64> = burdens.iter().map(|v| libm::cbrt(v / burdens[0])).collect();
            let course = Course::new(&self.design, subject, &self.scans, &diameters, leaves, end);
            each(arm, course, diameters)
        })
    }

    /// What the rows say, and those of [`subjects`](Self::subjects): counts that grow as the rows pass,
    /// and one number of every row or patient at a time.
    ///
    /// # Errors
    /// An arm without any run that succeeded; rows that cannot be read.
    pub fn analyse(&self, rows: &dyn Rows, subjects: &dyn Rows) -> Result<TrialResult> {
        let design = &self.design;
        let comparisons = comparisons(&design.arms);
        let (gathered, pairs) = self.gather(rows, &comparisons)?;
        let tally = tally(self, rows);
        if let Some(empty) = gathered.iter().position(|g| g.times.subjects() == 0) {
            return Err(self.nobody(empty, &tally));
        }
        let mut outcomes = Vec::with_capacity(design.arms.len());
        for (place, gathered) in gathered.into_iter().enumerate() {
            let (arm, class) = (design.arms[place].clone(), self.classes[place].clone());
            let ranking = self.ranking(rows, place)?;
            let between = design.scan_interval / 24.0;
            outcomes.push(ArmOutcome::new(arm, class, gathered, ranking, between));
        }
        let mut contrasts = Vec::new();
        let mut markers = Vec::new();
        for ((arm, against), pairs) in comparisons.into_iter().zip(&pairs) {
            let pairs = self.matched().then_some(pairs);
            contrasts.push(Contrast::new(&outcomes[arm], &outcomes[against], pairs));
            if self.matched() {
                let arms = (&design.arms[arm], &design.arms[against]);
                let benefit = self.benefit(rows, arm, against)?;
                markers.extend(biomarkers(arms, &benefit, &self.markers(), subjects)?);
            }
        }
        Ok(TrialResult {
            burden_unit: self.burden_unit().to_owned(),
            design: design.clone(),
            seed: self.seed,
            weights: self.sampler.weights.clone(),
            scans: self.scans.clone(),
            arms: outcomes,
            contrasts,
            biomarkers: markers,
            tally,
        })
    }

    /// What is counted of each arm, and of each pair of arms in a matched trial.
    fn gather(
        &self,
        rows: &dyn Rows,
        comparisons: &[(usize, usize)],
    ) -> Result<(Vec<Gathered>, Vec<Pairs>)> {
        let arms = self.design.arms.len();
        let mut gathered = vec![Gathered::default(); arms];
        let mut pairs = vec![Pairs::default(); comparisons.len()];
        let mut patient: (usize, Vec<Option<Observation>>) = (0, vec![None; arms]);
        let mut settle = |seen: &[Option<Observation>]| {
            for ((arm, against), pairs) in comparisons.iter().zip(&mut pairs) {
                if let (Some(arm), Some(against)) = (seen[*arm], seen[*against]) {
                    pairs.add(arm, against);
                }
            }
        };
        self.courses(rows, |arm, course, diameters| {
            if course.subject != patient.0 {
                settle(&patient.1);
                patient = (course.subject, vec![None; arms]);
            }
            patient.1[arm] = Some(course.observation);
            gathered[arm].add(course, diameters);
            Ok(())
        })?;
        settle(&patient.1);
        Ok((gathered, pairs))
    }

    /// The patients of an arm by best change.
    fn ranking(&self, rows: &dyn Rows, place: usize) -> Result<Ranking> {
        let mut patients = Vec::new();
        self.courses(rows, |arm, course, _| {
            if arm == place && !course.best_change.is_nan() {
                patients.push(Bar {
                    rank: 0,
                    subject: course.subject,
                    response: course.response,
                    best_change: course.best_change,
                });
            }
            Ok(())
        })?;
        Ok(Ranking::new(patients))
    }

    /// log(burden without / burden with) at the end of every patient of a matched trial.
    fn benefit(&self, rows: &dyn Rows, arm: usize, against: usize) -> Result<Vec<f64>> {
        let ends = rows.column(self.scans.len())?;
        let patients = ends.chunks_exact(self.design.arms.len());
        Ok(patients
            .map(|of| libm::log(of[against] / of[arm]))
            .collect())
    }

    /// Readouts and factors of the patients.
    fn markers(&self) -> Vec<Marker> {
        let subjects = self.subjects();
        let marker = |name: &str, visible: bool, column: usize| Marker {
            name: name.to_owned(),
            visible,
            column,
        };
        let readouts = READOUTS.iter().zip(subjects.readouts());
        let factors = self
            .sampler
            .population
            .factors
            .iter()
            .zip(subjects.factors());
        readouts
            .map(|(readout, column)| marker(readout.name, true, column))
            .chain(factors.map(|(factor, column)| marker(&factor.name, false, column)))
            .collect()
    }

    fn nobody(&self, arm: usize, tally: &Tally) -> Error {
        Error::Run {
            run: format!("trial {}, arm {}", self.design.name, self.design.arms[arm]),
            state: "every patient".to_owned(),
            time_h: 0.0,
            cause: tally.words(),
            remedy: "narrow the population or tighten --rtol".to_owned(),
        }
    }

    fn treated(&self, subject: &Subject, arm: usize) -> Result<Problem> {
        self.sampler.problem(&self.templates[arm], subject)
    }
}

impl Outline for TrialPlan {
    fn rows(&self) -> usize {
        self.design.runs()
    }

    fn hours(&self) -> f64 {
        self.design.duration
    }

    fn sizes(&self) -> String {
        format!(
            "{} patients in {} arms",
            self.design.patients,
            self.design.arms.len()
        )
    }

    fn fields(&self) -> Vec<Field> {
        let unit = self.burden_unit();
        let scans = self.scans.iter();
        scans
            .map(|time| Field::new(format!("burden_week_{}", time / 168.0), unit))
            .chain([Field::new("burden_end", unit)])
            .collect()
    }

    fn describe(&self, row: usize) -> (String, Vec<(String, f64)>) {
        let (subject, arm) = self.who(row);
        let drawn = self.sampler.subject(subject as u64);
        let numbers = drawn.as_ref().map(|drawn| self.sampler.numbers(drawn));
        let numbers = numbers.unwrap_or_default().into_iter();
        (
            format!("{} subject {subject}", self.design.arms[arm]),
            numbers
                .map(|(path, value)| (path.to_owned(), value))
                .collect(),
        )
    }

    fn identity(&self) -> String {
        format!("{:?} {:?}", self.design, self.scenario)
    }
}

impl Simulated for TrialPlan {
    fn probe(&self) -> Probe {
        let mut times = self.scans.clone();
        if self.design.duration - times[times.len() - 1] > 1e-6 {
            times.push(self.design.duration);
        }
        Probe {
            times,
            endpoints: false,
        }
    }

    fn problem(&self, row: usize, _run: usize) -> Result<Problem> {
        let (subject, arm) = self.who(row);
        self.treated(&self.sampler.subject(subject as u64)?, arm)
    }

    fn problems(&self, runs: Range<usize>) -> Result<Vec<Result<Problem>>> {
        let first = self.who(runs.start).0;
        let last = self.who(runs.end - 1).0;
        let subjects = self.sampler.subjects(first as u64..last as u64 + 1)?;
        let problem = |row: usize| {
            let (subject, arm) = self.who(row);
            self.treated(&subjects[subject - first], arm)
        };
        Ok(runs.into_par_iter().map(problem).collect())
    }

    fn reduce(&self, _row: usize, runs: Vec<Probed>) -> Result<Vec<f64>> {
        let mut burdens = runs[0].trajectory.series(|_, signals| signals.burden);
        if burdens.len() == self.scans.len() {
            burdens.push(burdens[burdens.len() - 1]);
        }
        Ok(burdens)
    }
}

/// Patients that are drawn.
fn count(design: &TrialDesign) -> usize {
    match design.allocation {
        Allocation::Matched => design.patients as usize,
        Allocation::Randomised => design.runs(),
    }
}

/// Class of the first partner of an arm.
fn class(library: &Library, arm: &Arm) -> Result<Option<String>> {
    let Some(name) = arm.partners.first() else {
        return Ok(None);
    };
    let table = library.table("partners", name, "trial")?;
    Ok(table.text("class").map(str::to_owned))
}

/// Every arm against the first, then combinations with sorafenib against sorafenib.
fn comparisons(arms: &[Arm]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = (1..arms.len()).map(|arm| (arm, 0)).collect();
    let alone = arms.iter().position(|arm| *arm == Arm::sorafenib());
    if let Some(alone) = alone.filter(|alone| *alone > 0) {
        let combined = |arm: &Arm| arm.sorafenib && !arm.partners.is_empty();
        let with = (1..arms.len()).filter(|i| combined(&arms[*i]));
        pairs.extend(with.map(|arm| (arm, alone)));
    }
    pairs
}
