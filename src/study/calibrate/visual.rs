//! Visual predictive checks: observed concentrations over the bands of virtual patients, with the variability of their
//! clearance between occasions and the residual error of a measurement.

use super::targets::{Curve, Targets};
use crate::error::Result;
use crate::model::markers::Readout;
use crate::parameters::Library;
use crate::parameters::bounds::CHECKED;
use crate::simulate::{Accuracy, Template};
use crate::study::population::{CLEARANCE, Population, Sampler, Subject};
use crate::study::random::{Draws, Purpose};
use crate::study::runs::{Probe, run_batch};
use rayon::prelude::*;

/// Virtual patients that stand behind all curves.
const POPULATION: &str = "hcc-sharp";

/// Hours of a band and its samples per hour.
const HOURS: u32 = 12;
const PER_HOUR: u32 = 2;

/// A curve with the quantiles of virtual patients.
#[derive(Debug, Clone, PartialEq)]
pub struct VisualCheck {
    /// Target of the curve.
    pub id: String,
    /// The observed means.
    pub observed: Curve,
    /// Times after the dose, h.
    pub hours: Vec<f64>,
    /// 5, 50 and 95 % of what would be measured in the virtual patients, mg/L.
    pub bands: [Vec<f64>; 3],
}

impl VisualCheck {
    /// Part of the observed means between the outer bands.
    pub fn covered(&self) -> f64 {
        let within = self.observed.hours.iter().zip(&self.observed.means);
        let within = within.filter(|(hour, mean)| {
            let place = (**hour * f64::from(PER_HOUR)).round() as usize;
            let place = place.min(self.hours.len() - 1);
            (self.bands[0][place]..=self.bands[2][place]).contains(*mean)
        });
        within.count() as f64 / self.observed.means.len() as f64
    }
}

/// A check of every target that is a curve, each with the same virtual patients.
///
/// # Errors
/// Too many subjects; a population that cannot be drawn; a run that fails.
pub fn visual_checks(
    library: &Library,
    targets: &Targets,
    subjects: u64,
    seed: u64,
    accuracy: &Accuracy,
) -> Result<Vec<VisualCheck>> {
    CHECKED.check(subjects as f64, format!("--subjects {subjects}"))?;
    let mut checks = Vec::new();
    let Some(readout) = Readout::find("sorafenib") else {
        return Ok(checks);
    };
    if subjects == 0 {
        return Ok(checks);
    }
    let population = Population::read(library, POPULATION, "visual predictive check")?;
    let occasions = Draws::new(seed, Purpose::Occasion);
    let residuals = Draws::new(seed, Purpose::Residual);
    let mut drawn = None;
    for target in &targets.all {
        let Some((name, after)) = &target.curve else {
            continue;
        };
        let scenario = &target.test.form.queries()[0].scenario;
        let (sampler, patients) = match drawn.take() {
            Some(drawn) => drawn,
            None => {
                let sampler = Sampler::new(library, &population, scenario, seed)?;
                sampler.check_attempts()?;
                let patients = sampler.subjects(0..subjects)?;
                (sampler, patients)
            }
        };
        let template = Template::read(library, scenario)?;
        // A curve is an occasion of its own.
        let on_the_day = |patient: &Subject| {
            let mut patient = patient.clone();
            let z = occasions.normals(patient.id, checks.len() as u64).next();
            let shift = libm::exp(population.occasion * z.unwrap_or(0.0));
            for (path, value) in sampler.paths.iter().zip(&mut patient.values) {
                if path == CLEARANCE {
                    *value *= shift;
                }
            }
            patient
        };
        let problems = patients
            .par_iter()
            .map(|patient| sampler.problem(&template, &on_the_day(patient)))
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Result<Vec<_>>>()?;
        let hours: Vec<f64> = (0..=HOURS * PER_HOUR)
            .map(|i| f64::from(i) / f64::from(PER_HOUR))
            .collect();
        let probe = Probe {
            times: hours.iter().map(|hour| after + hour).collect(),
            endpoints: false,
        };
        let mut levels: Vec<Vec<f64>> = vec![Vec::new(); hours.len()];
        let runs = problems.iter().zip(run_batch(&problems, &probe, accuracy));
        for ((problem, probed), patient) in runs.zip(&patients) {
            let trajectory = probed?.trajectory;
            let moments = trajectory.states.iter().zip(&trajectory.signals);
            let first = (checks.len() * hours.len()) as u64;
            let errors = residuals.normals(patient.id, first);
            for ((level, (state, signals)), z) in levels.iter_mut().zip(moments).zip(errors) {
                let own = (readout.value)(&problem.model, state, signals);
                level.push(own * libm::exp(population.residual * z));
            }
        }
        for level in &mut levels {
            level.sort_by(f64::total_cmp);
        }
        let band = |part: f64| -> Vec<f64> {
            let place = |level: &Vec<f64>| (part * (level.len() - 1) as f64).round() as usize;
            levels.iter().map(|level| level[place(level)]).collect()
        };
        checks.push(VisualCheck {
            id: target.id.clone(),
            observed: targets.curves[name].clone(),
            bands: [band(0.05), band(0.5), band(0.95)],
            hours,
        });
        drawn = Some((sampler, patients));
    }
    Ok(checks)
}
