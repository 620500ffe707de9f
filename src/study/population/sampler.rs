//! Drawing subjects.

use super::definition::{Distribution, Population};
use super::prevalence::Weights;
use super::readouts::Readouts;
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::parameters::bounds::ATTEMPTS;
use crate::regimen::Arm;
use crate::simulate::{Problem, Scenario, Template};
use crate::study::random::{Draws, Purpose};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Draws after which a subject is given up.
const LAST_ATTEMPT: u64 = 10_000;

/// Subjects by which it is told how many draws each takes.
const FIRST: u64 = 8;

/// Subjects of the pilot that sets the weights of prevalence.
const PILOT: u64 = 2000;

/// First number of the pilot's subjects, beyond all others.
const PILOT_START: u64 = 1 << 63;

/// Why a draw was taken again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rejection {
    /// A factor beyond its limits.
    Limits(String),
    /// No untreated tumour with these numbers.
    NoTumour,
    /// A readout outside its plausible window.
    Implausible(String),
    /// Plausible, but of a kind that is rarer than drawn.
    Prevalence,
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Limits(factor) => write!(f, "{factor} beyond its limits"),
            Self::NoTumour => f.write_str("no untreated tumour"),
            Self::Implausible(readout) => write!(f, "{readout} outside its plausible window"),
            Self::Prevalence => f.write_str("of a kind that is rarer than drawn"),
        }
    }
}

/// A virtual patient or animal.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// Number, from 0.
    pub id: u64,
    /// Factors in the order of the population (log-normal: the factor, logit-normal: the value of the
    /// first path).
    pub factors: Vec<f64>,
    /// Values of all paths of all factors, in the units of the parameter files.
    pub values: Vec<f64>,
    /// Readouts before treatment.
    pub readouts: Readouts,
    /// Draws that were taken again, by cause.
    pub rejections: BTreeMap<Rejection, u64>,
}

/// Draws the subjects of a population.
#[derive(Debug)]
pub struct Sampler {
    /// The population.
    pub population: Population,
    /// Paths of all factors, in the order of [`Subject::values`].
    pub paths: Vec<String>,
    /// Weights of prevalence, where the population states one.
    pub weights: Option<Weights>,
    /// Values of the setting at `paths`.
    bases: Vec<f64>,
    template: Template,
    draws: Draws,
    acceptance: Draws,
}

impl Sampler {
    /// A sampler for a population under the phenotype, variant and overrides of `scenario`.
    ///
    /// # Errors
    /// A population of another setting, a path that the setting does not have, a fraction that is none.
    pub fn new(
        library: &Library,
        population: &Population,
        scenario: &Scenario,
        seed: u64,
    ) -> Result<Self> {
        if population.setting != scenario.setting {
            return Err(Error::input(
                format!("population {}", population.name),
                format!(
                    "its subjects live in the setting `{}`, the run is `{}`",
                    population.setting, scenario.setting
                ),
                format!("use --setting {}", population.setting),
            ));
        }
        let arm = Arm {
            sorafenib: true,
            partners: Vec::new(),
        };
        let template = Template::read(library, &scenario.with_arm(arm))?;
        let mut paths = Vec::new();
        let mut bases = Vec::new();
        for factor in &population.factors {
            for path in &factor.paths {
                let value = template.number(path).and_then(|entry| entry.value);
                let Some(value) = value else {
                    return Err(Error::unknown_name(
                        format!(
                            "populations/{}.toml, factor `{}`",
                            population.name, factor.name
                        ),
                        "parameter",
                        path,
                        template.table().numbers().map(|(path, _)| path),
                    ));
                };
                let median = factor.median * value;
                // At 0 or 1 there is nothing to spread: a mechanism that is out stays out.
                let fraction = (0.0..=1.0).contains(&median);
                if factor.distribution == Distribution::LogitNormal && !fraction {
                    return Err(Error::input(
                        format!(
                            "populations/{}.toml, factor `{}`",
                            population.name, factor.name
                        ),
                        format!("the median of `{path}` is {median}"),
                        "logit-normal is for fractions between 0 and 1; use log-normal",
                    ));
                }
                paths.push(path.clone());
                bases.push(value);
            }
        }
        let mut sampler = Self {
            population: population.clone(),
            paths,
            weights: None,
            bases,
            template,
            draws: Draws::new(seed, Purpose::Population),
            acceptance: Draws::new(seed, Purpose::Prevalence),
        };
        if !sampler.population.prevalence.is_empty() {
            sampler.check_attempts()?;
            let pilot = (PILOT_START..PILOT_START + PILOT)
                .into_par_iter()
                .map(|id| sampler.subject(id).map(|subject| subject.readouts))
                .collect::<Vec<_>>()
                .into_iter()
                .collect::<Result<Vec<_>>>()?;
            sampler.weights = Some(Weights::fit(&sampler.population.prevalence, &pilot));
        }
        Ok(sampler)
    }

    /// Refuses a population of whose draws hardly any is plausible, by the first few subjects.
    ///
    /// # Errors
    /// As [`Sampler::subject`]; more draws for a subject than [`ATTEMPTS`].
    pub fn check_attempts(&self) -> Result<()> {
        let mut attempts = 0;
        for id in 0..FIRST {
            attempts += 1 + self.subject(id)?.rejections.values().sum::<u64>();
            ATTEMPTS.check(
                attempts as f64 / FIRST as f64,
                format!("populations/{}.toml", self.population.name),
            )?;
        }
        Ok(())
    }

    /// The untreated tumour, and the dose, with which subjects are judged.
    pub fn scenario(&self) -> &Scenario {
        &self.template.scenario
    }

    /// Subject `id`: the first of its draws that is plausible and accepted.
    ///
    /// # Errors
    /// A population none of whose draws is plausible.
    pub fn subject(&self, id: u64) -> Result<Subject> {
        let mut rejections = BTreeMap::new();
        for attempt in 0..LAST_ATTEMPT {
            match self.attempt(id, attempt) {
                Ok((factors, values, readouts)) => {
                    return Ok(Subject {
                        id,
                        factors,
                        values,
                        readouts,
                        rejections,
                    });
                }
                Err(rejection) => *rejections.entry(rejection).or_insert(0) += 1,
            }
        }
        let most = rejections.iter().max_by_key(|(_, count)| **count);
        Err(Error::input(
            format!("populations/{}.toml", self.population.name),
            format!(
                "none of {LAST_ATTEMPT} draws of subject {id} is plausible; most fail with: {}",
                most.map_or(String::new(), |(cause, _)| cause.to_string())
            ),
            "widen the limits or plausible windows, or narrow the variability",
        ))
    }

    /// Subjects `range`, drawn in parallel, in order.
    ///
    /// # Errors
    /// As [`Sampler::subject`].
    pub fn subjects(&self, range: std::ops::Range<u64>) -> Result<Vec<Subject>> {
        range
            .into_par_iter()
            .map(|id| self.subject(id))
            .collect::<Vec<_>>()
            .into_iter()
            .collect()
    }

    /// All causes for which a draw can be taken again.
    pub fn causes(&self) -> Vec<Rejection> {
        let factors = self.population.factors.iter();
        let windows = self.population.plausible.iter();
        factors
            .map(|factor| Rejection::Limits(factor.name.clone()))
            .chain([Rejection::NoTumour])
            .chain(windows.map(|window| Rejection::Implausible(window.readout.clone())))
            .chain([Rejection::Prevalence])
            .collect()
    }

    /// The numbers of a subject by path, for [`Template::problem`].
    pub fn numbers<'a>(&'a self, subject: &Subject) -> Vec<(&'a str, f64)> {
        let paths = self.paths.iter().map(String::as_str);
        paths.zip(subject.values.iter().copied()).collect()
    }

    /// The subject's problem in another arm.
    ///
    /// # Errors
    /// As [`Template::problem`].
    pub fn problem(&self, template: &Template, subject: &Subject) -> Result<Problem> {
        let mut problem = template.problem(&self.numbers(subject))?;
        problem.label = format!("{} subject {}", problem.label, subject.id);
        Ok(problem)
    }

    fn attempt(
        &self,
        id: u64,
        attempt: u64,
    ) -> std::result::Result<(Vec<f64>, Vec<f64>, Readouts), Rejection> {
        let (factors, values) = self.vary(id, attempt)?;
        let paths = self.paths.iter().map(String::as_str);
        let numbers: Vec<(&str, f64)> = paths.zip(values.iter().copied()).collect();
        let problem = self
            .template
            .problem(&numbers)
            .map_err(|_| Rejection::NoTumour)?;
        let readouts = Readouts::of(&problem);
        for window in &self.population.plausible {
            let value = readouts.get(&window.readout).unwrap_or(f64::NAN);
            let inside = value >= window.limits.0 && value <= window.limits.1;
            if !inside {
                return Err(Rejection::Implausible(window.readout.clone()));
            }
        }
        if let Some(weights) = &self.weights {
            let probability = weights.acceptance(&self.population.prevalence, &readouts);
            if self.acceptance.uniform(id, attempt) >= probability {
                return Err(Rejection::Prevalence);
            }
        }
        Ok((factors, values, readouts))
    }

    /// Factors and values of a draw.
    fn vary(&self, id: u64, attempt: u64) -> std::result::Result<(Vec<f64>, Vec<f64>), Rejection> {
        let all = &self.population.factors;
        let first = attempt * all.len() as u64;
        let normals: Vec<f64> = self.draws.normals(id, first).take(all.len()).collect();
        let mut factors = Vec::with_capacity(all.len());
        let mut values = Vec::with_capacity(self.bases.len());
        for (row, factor) in all.iter().enumerate() {
            let root = self.population.root.row(row);
            let eta: f64 = normals
                .iter()
                .take(row + 1)
                .zip(root.iter())
                .map(|(z, l)| z * l)
                .sum();
            let bases = &self.bases[values.len()..values.len() + factor.paths.len()];
            let shown = match factor.distribution {
                Distribution::LogNormal => {
                    let multiple = factor.median * libm::exp(eta);
                    values.extend(bases.iter().map(|base| base * multiple));
                    multiple
                }
                Distribution::LogitNormal => {
                    let moved = |base: f64| {
                        let odds = factor.median * base / (1.0 - factor.median * base);
                        let odds = odds * libm::exp(eta);
                        odds / (1.0 + odds)
                    };
                    values.extend(bases.iter().map(|base| moved(*base)));
                    moved(bases[0])
                }
            };
            if shown < factor.limits.0 || shown > factor.limits.1 {
                return Err(Rejection::Limits(factor.name.clone()));
            }
            factors.push(shown);
        }
        Ok((factors, values))
    }
}
