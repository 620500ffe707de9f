//! All targets beside the model.

use super::fit::{Calibration, covariance, jacobian};
use super::targets::Target;
use crate::error::Result;
use crate::parameters::Library;
use crate::parameters::bounds::DRAWS;
use crate::simulate::Accuracy;
use crate::study::Progress;
use crate::study::claims::{Alternative, Cohort, CohortValue, Form, Measure, estimates, values_in};
use crate::study::random::{Draws, Purpose};
use nalgebra::DVector;
use std::collections::BTreeMap;

/// A target with what the model gives, in the unit of the target.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// The target.
    pub target: Target,
    /// Prediction with the present parameters.
    pub predicted: f64,
    /// Band of 95 %: over draws of the fitted parameters, or over resampled virtual patients; `None`
    /// where no calibration concerns the setting.
    pub band: Option<(f64, f64)>,
}

impl Prediction {
    /// Whether the prediction lies in the acceptance range of the target; what does not happen or is undefined never
    /// does.
    pub fn inside(&self) -> bool {
        self.target.holds(self.predicted)
    }

    /// The same in a word.
    pub fn verdict(&self) -> &'static str {
        match self.predicted {
            predicted if predicted.is_nan() => "undefined",
            predicted if predicted.is_infinite() => "not reached",
            _ if self.inside() => "yes",
            _ => "no",
        }
    }
}

/// Models that are run at once, so that memory does not grow with the draws.
const TOGETHER: usize = 64;

/// Predictions of all targets, with bands from `draws` draws of the parameters of each setting's
/// calibration.
///
/// # Errors
/// Too many draws; a model that cannot be run.
pub fn validate(
    library: &Library,
    targets: &[Target],
    calibrations: &[Calibration],
    draws: u64,
    seed: u64,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Vec<Prediction>> {
    DRAWS.check(draws as f64, format!("--draws {draws}"))?;
    let mut rows: Vec<Prediction> = targets
        .iter()
        .map(|target| Prediction {
            target: target.clone(),
            predicted: f64::NAN,
            band: None,
        })
        .collect();
    let mut settings: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut cohorts: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, target) in targets.iter().enumerate() {
        match cohort(target) {
            Some((cohort, _)) => {
                let query = target.test.form.queries()[0];
                let key = format!("{cohort:?} {:?}", query.scenario);
                cohorts.entry(key).or_default().push(index);
            }
            None => settings.entry(&target.setting).or_default().push(index),
        }
    }
    for (setting, members) in settings {
        let mut models = vec![Alternative::default()];
        if let Some(calibration) = calibrations.iter().find(|c| c.setting == setting) {
            models.extend(drawn(library, calibration, draws, seed, accuracy)?);
        }
        let tests: Vec<_> = members.iter().map(|index| &targets[*index].test).collect();
        let mut values = Vec::with_capacity(models.len());
        for together in models.chunks(TOGETHER) {
            values.extend(values_in(library, &tests, together, accuracy)?);
        }
        for (place, index) in members.iter().enumerate() {
            let row = &mut rows[*index];
            row.predicted = row.target.in_unit(values[0][place]);
            let spread = values[1..].iter().map(|v| row.target.in_unit(v[place]));
            row.band = quantiles(spread.collect());
            progress();
        }
    }
    for members in cohorts.values() {
        let of: Vec<_> = members
            .iter()
            .filter_map(|i| cohort(&targets[*i]))
            .collect();
        let query = targets[members[0]].test.form.queries()[0];
        let values: Vec<&CohortValue> = of.iter().map(|(_, value)| *value).collect();
        let told = estimates(library, of[0].0, &values, &query.scenario, accuracy)?;
        for (index, [value, low, high]) in members.iter().zip(told) {
            let row = &mut rows[*index];
            row.predicted = row.target.in_unit(value);
            let ends = (row.target.in_unit(low), row.target.in_unit(high));
            row.band = (!low.is_nan()).then_some(ends);
            progress();
        }
    }
    Ok(rows)
}

fn cohort(target: &Target) -> Option<(&Cohort, &CohortValue)> {
    match &target.test.form {
        Form::Value(query) => match &query.measure {
            Measure::Cohort(cohort, value) => Some((cohort, value)),
            _ => None,
        },
        _ => None,
    }
}

/// Models drawn from the normal approximation about the present values; the range of a parameter
/// counts as a prior with a standard deviation of 1 on the logit.
fn drawn(
    library: &Library,
    calibration: &Calibration,
    draws: u64,
    seed: u64,
    accuracy: &Accuracy,
) -> Result<Vec<Alternative>> {
    let centre = calibration.present();
    let jacobian = jacobian(library, calibration, &centre, accuracy)?;
    let Some(root) = covariance(&jacobian, 1.0).cholesky() else {
        return Ok(Vec::new());
    };
    let numbers = Draws::new(seed, Purpose::Bootstrap);
    Ok((0..draws)
        .map(|draw| {
            let normals = numbers.normals(draw, 0).take(centre.len());
            let normals = DVector::from_iterator(centre.len(), normals);
            let shift = root.l() * normals;
            let at: Vec<f64> = centre
                .iter()
                .zip(shift.iter())
                .map(|(c, s)| c + s)
                .collect();
            calibration.model(&at)
        })
        .collect())
}

/// 2.5 and 97.5 % of some values; none of fewer than ten.
fn quantiles(mut values: Vec<f64>) -> Option<(f64, f64)> {
    values.retain(|value| !value.is_nan());
    if values.len() < 10 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |part: f64| values[(part * (values.len() - 1) as f64).round() as usize];
    Some((at(0.025), at(0.975)))
}
