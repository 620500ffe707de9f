//! What a fit leaves behind, for the documents: `params/joint-fit.toml`.

use super::honesty::{Fold, Noise};
use super::problem::{Joint, Score, Share};
use crate::error::Result;
use crate::parameters::{Library, toml_error};
use serde::{Deserialize, Serialize};

/// A parameter of the fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// File relative to `params/`, without ending.
    pub file: String,
    /// Path.
    pub path: String,
    /// Unit.
    pub unit: String,
    /// Value before.
    pub before: f64,
    /// Value after.
    pub after: f64,
}

/// Means over the noisy draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Means {
    /// Standard deviation of the noise, in parts of each number.
    pub part: f64,
    /// Draws.
    pub draws: usize,
    /// Draws without a result.
    pub failed: usize,
    /// Claims of the review of priority A.
    pub review_a: f64,
    /// Claims of the review of priority B.
    pub review_b: f64,
    /// Rows of Table 3.
    pub table3: f64,
    /// Predictions.
    pub predictions: f64,
    /// Targets.
    pub targets: f64,
}

impl From<&Noise> for Means {
    fn from(noise: &Noise) -> Self {
        let mean = |of: fn(&Score) -> Share| {
            let passed = noise.draws.iter().map(|score| of(score).passed as f64);
            // Hundredths are all that some dozen draws tell.
            (100.0 * passed.sum::<f64>() / noise.draws.len() as f64).round() / 100.0
        };
        Self {
            part: noise.part,
            draws: noise.draws.len() + noise.failed,
            failed: noise.failed,
            review_a: mean(|score| score.review_a),
            review_b: mean(|score| score.review_b),
            table3: mean(|score| score.table3),
            predictions: mean(|score| score.predictions),
            targets: mean(|score| score.targets),
        }
    }
}

/// A finished fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Seed of folds and noise.
    pub seed: u64,
    /// Steps of the fit.
    pub steps: usize,
    /// Targets that were fitted to.
    pub fitted_targets: usize,
    /// What passes.
    pub score: Score,
    /// What passes with noise.
    pub noise: Option<Means>,
    /// Fits with claims hidden.
    #[serde(default)]
    pub fold: Vec<Fold>,
    /// Parameters.
    pub parameter: Vec<Fitted>,
}

impl Record {
    /// The record that a library ships with; `None` where there is none.
    ///
    /// # Errors
    /// A file that is not as it was written.
    pub fn read(library: &Library) -> Result<Option<Self>> {
        let Ok(document) = library.document("", "joint-fit", "params") else {
            return Ok(None);
        };
        toml::from_str(&document.text)
            .map(Some)
            .map_err(|error| toml_error(&document.origin, &document.text, &error))
    }

    /// The record of a library whose numbers are those with which the fit ended; `None` where one is another, of which it
    /// says nothing.
    ///
    /// # Errors
    /// As [`Record::read`], or a file of parameters that cannot be read.
    pub fn of_present(library: &Library) -> Result<Option<Self>> {
        let Some(record) = Self::read(library)? else {
            return Ok(None);
        };
        for fitted in &record.parameter {
            let (folder, name) = fitted.file.rsplit_once('/').unwrap_or(("", &fitted.file));
            let table = library.table(folder, name, "params")?;
            let present = table.number(&fitted.path).and_then(|entry| entry.value);
            if present.is_none_or(|value| value.total_cmp(&fitted.after).is_ne()) {
                return Ok(None);
            }
        }
        Ok(Some(record))
    }

    /// The parameters of a fit that ended at places.
    pub fn parameters(joint: &Joint, at: &[f64]) -> Vec<Fitted> {
        let factors = joint.factors.iter().zip(joint.values(at));
        factors
            .map(|(factor, after)| Fitted {
                file: factor.file.clone(),
                path: factor.axis.path.clone(),
                unit: factor.axis.unit.clone(),
                before: factor.axis.value,
                after,
            })
            .collect()
    }

    /// Hidden claims that pass, and those that the same fits saw, over all folds.
    pub fn hidden(&self) -> (Share, Share) {
        let sum = |of: fn(&Fold) -> Share| {
            let shares = self.fold.iter().map(of);
            shares.fold(Share::default(), |sum, share| Share {
                passed: sum.passed + share.passed,
                tested: sum.tested + share.tested,
            })
        };
        (sum(|fold| fold.hidden), sum(|fold| fold.seen))
    }
}
