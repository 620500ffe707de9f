//! What the fit is worth: claims hidden from it, and noise on what it found.

use super::problem::{Joint, Score, Share};
use super::search::Search;
use crate::error::Result;
use crate::parameters::Library;
use crate::simulate::Accuracy;
use crate::study::Progress;
use crate::study::random::{Draws, Purpose};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Parts into which the claims are divided; each is hidden once.
const FOLDS: usize = 3;

/// A fit with a part of the claims hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Claims that the fit saw.
    pub seen: Share,
    /// Claims that it did not see.
    pub hidden: Share,
    /// Targets, all of them seen.
    pub targets: Share,
}

/// The part in which each claim is hidden, by seed.
pub fn fold_of(joint: &Joint, seed: u64) -> Vec<usize> {
    let count = joint.claims.len();
    let order = Draws::new(seed, Purpose::Folds).permutation(0, count);
    let mut folds = vec![0; count];
    for (place, claim) in order.into_iter().enumerate() {
        folds[claim] = place % FOLDS;
    }
    folds
}

/// Fits with one part of the claims hidden after the other, from the places that cost nothing.
///
/// # Errors
/// As [`Search::step`].
pub fn hidden_folds(
    joint: &Joint,
    library: &Library,
    seed: u64,
    steps: usize,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Vec<Fold>> {
    let folds = fold_of(joint, seed);
    let mut found = Vec::new();
    for fold in 0..FOLDS {
        let hidden: Vec<bool> = folds.iter().map(|of| *of == fold).collect();
        let seen = joint.hiding(&hidden);
        let mut search = Search::start(&seen, library, joint.rest(), accuracy)?;
        while !search.done && search.visits.len() <= steps {
            search.step(&seen, library, accuracy, progress)?;
        }
        let results = joint.results(library, &search.at, accuracy)?;
        let share = |wanted: bool| {
            let mut share = Share::default();
            for (claim, of) in hidden.iter().enumerate() {
                if *of == wanted && joint.is_tested(claim) {
                    share.add(joint.passes(claim, &results));
                }
            }
            share
        };
        found.push(Fold {
            seen: share(false),
            hidden: share(true),
            targets: joint.score(&results).targets,
        });
    }
    Ok(found)
}

/// What passes with noise on every number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Standard deviation, in parts of each number.
    pub part: f64,
    /// Scores of the draws that could be run.
    pub draws: Vec<Score>,
    /// Draws without a result.
    pub failed: usize,
}

/// Judges `draws` models whose numbers all carry the noise of `params/joint.toml`, within their ranges.
///
/// # Errors
/// A file of parameters that cannot be read.
pub fn noise(
    joint: &Joint,
    library: &Library,
    draws: u64,
    seed: u64,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Noise> {
    let mut numbers: Vec<(&str, String, f64, (f64, f64))> = Vec::new();
    let mut files: Vec<&str> = joint.factors.iter().map(|f| f.file.as_str()).collect();
    files.dedup();
    for file in files {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        for (path, entry) in library.table(folder, name, "params")?.numbers() {
            if let (Some(value), Some(range)) = (entry.value, entry.range) {
                numbers.push((file, path.to_owned(), value, range));
            }
        }
    }
    let part = joint.noise;
    let random = Draws::new(seed, Purpose::Noise);
    let rows: Vec<usize> = (0..joint.rows.len()).collect();
    let scores: Vec<Option<Score>> = (0..draws)
        .into_par_iter()
        .map(|draw| {
            let mut values: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
            for ((file, path, value, (low, high)), z) in numbers.iter().zip(random.normals(draw, 0))
            {
                // A shipped value may lie outside its own range; noise takes none farther out.
                let (low, high) = (low.min(*value), high.max(*value));
                let noisy = (value * (1.0 + part * z)).clamp(low, high);
                values.entry(file).or_default().push((path, noisy));
            }
            let noisy = library.with_values(&values).ok()?;
            let results = joint.results_of(&noisy, &rows, accuracy).ok();
            progress();
            Some(joint.score(&results?))
        })
        .collect();
    let found: Vec<Score> = scores.into_iter().flatten().collect();
    Ok(Noise {
        part,
        failed: draws as usize - found.len(),
        draws: found,
    })
}
