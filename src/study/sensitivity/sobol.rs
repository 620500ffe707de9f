//! Variance-based sensitivity: first and total indices.
//!
//! Two samples A and B of N points come from one Owen-scrambled Sobol sequence of 2k dimensions; A with
//! column i from B is AB_i. With the variance V over both samples,
//! `S_i = mean[f(B) (f(AB_i) - f(A))] / V` (Saltelli et al. 2010, Comput Phys Commun 181:259; f centred)
//! and `T_i = mean[(f(A) - f(AB_i))^2] / (2 V)` (Jansen 1999, Comput Phys Commun 117:35).
//! Intervals are percentiles over resampled points.
//!
//! Limitations: N is a power of two up to 65536, k up to 128 parameters (dimensions of the sequence);
//! resampling treats the points as random, so that the intervals are wider than the sequence deserves.

use crate::error::{Error, Result};
use crate::parameters::bounds::{PARAMETERS, POINTS};
use crate::study::random::{Draws, Purpose};

/// The points of a study: row 0 to k + 1 of each base point are A, B, AB_1 to AB_k.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// Base points N.
    pub points: usize,
    /// Parameters k.
    pub parameters: usize,
    seed: u32,
}

impl Design {
    /// A design of base points for parameters.
    ///
    /// # Errors
    /// A number of points that is no power of two or too large, too many parameters or none.
    pub fn new(points: usize, parameters: usize, seed: u64) -> Result<Self> {
        POINTS.count(points, format!("--points {points}"))?;
        if !points.is_power_of_two() || points < 4 {
            return Err(Error::input(
                format!("--points {points}"),
                "a Sobol sequence is balanced at powers of two only",
                format!(
                    "give 2^n points from 4 to {}, for instance 1024",
                    POINTS.largest
                ),
            ));
        }
        PARAMETERS.count(parameters, "--parameter")?;
        // The sequence takes 32 bits; both halves of the seed count.
        let seed = (seed ^ (seed >> 32)) as u32;
        Ok(Self {
            points,
            parameters,
            seed,
        })
    }

    /// Rows, N (k + 2).
    pub fn rows(&self) -> usize {
        self.points * (self.parameters + 2)
    }

    /// The place of a row in the unit cube.
    pub fn row(&self, row: usize) -> Vec<f64> {
        let (point, which) = (row / (self.parameters + 2), row % (self.parameters + 2));
        let coordinate = |dimension: usize| {
            let value = sobol_burley::sample(point as u32, dimension as u32, self.seed);
            // The middle of the interval of 24 bits that the number stands for.
            f64::from(value) + 0.5 / f64::from(1u32 << 24)
        };
        (0..self.parameters)
            .map(|i| {
                let from_b = which == 1 || which == i + 2;
                coordinate(if from_b { self.parameters + i } else { i })
            })
            .collect()
    }
}

/// An index with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Index {
    /// Estimate.
    pub estimate: f64,
    /// Lower end of the 95 % interval.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
}

/// Indices of all parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Indices {
    /// First order, per parameter.
    pub first: Vec<Index>,
    /// Total, per parameter.
    pub total: Vec<Index>,
    /// Mean over A and B.
    pub mean: f64,
    /// Variance over A and B.
    pub variance: f64,
    /// Base points used.
    pub used: usize,
    /// Base points left out because one of their rows failed.
    pub left_out: usize,
}

/// Resamples of an interval.
const RESAMPLES: u64 = 500;

/// The indices from the values of all rows (not a number: failed), over the first `points` base points;
/// `None` with less than four whole points or without variance.
pub fn indices(design: &Design, values: &[f64], points: usize, seed: u64) -> Option<Indices> {
    let width = design.parameters + 2;
    let whole: Vec<&[f64]> = values
        .chunks_exact(width)
        .take(points)
        .filter(|row| row.iter().all(|v| v.is_finite()))
        .collect();
    if whole.len() < 4 {
        return None;
    }
    let all: Vec<usize> = (0..whole.len()).collect();
    let estimate = estimates(&whole, &all, design.parameters);
    if estimate.variance <= 0.0 {
        return None;
    }
    let draws = Draws::new(seed, Purpose::Bootstrap);
    let resampled: Vec<Estimates> = (0..RESAMPLES)
        .map(|resample| {
            let picks = draws.uniforms(resample, 0).take(whole.len());
            let picks: Vec<usize> = picks
                .map(|u| ((u * whole.len() as f64) as usize).min(whole.len() - 1))
                .collect();
            estimates(&whole, &picks, design.parameters)
        })
        .filter(|resample| resample.variance > 0.0)
        .collect();
    let interval = |value: f64, of: &dyn Fn(&Estimates) -> f64| {
        let mut spread: Vec<f64> = resampled.iter().map(of).collect();
        spread.sort_by(f64::total_cmp);
        let at = |part: f64| spread[(part * (spread.len() - 1) as f64).round() as usize];
        Index {
            estimate: value,
            lower: at(0.025),
            upper: at(0.975),
        }
    };
    let parameters = 0..design.parameters;
    Some(Indices {
        first: parameters
            .clone()
            .map(|i| interval(estimate.first[i], &|e| e.first[i]))
            .collect(),
        total: parameters
            .map(|i| interval(estimate.total[i], &|e| e.total[i]))
            .collect(),
        mean: estimate.mean,
        variance: estimate.variance,
        used: whole.len(),
        left_out: points.min(values.len() / width) - whole.len(),
    })
}

struct Estimates {
    first: Vec<f64>,
    total: Vec<f64>,
    mean: f64,
    variance: f64,
}

fn estimates(rows: &[&[f64]], picks: &[usize], parameters: usize) -> Estimates {
    let n = picks.len() as f64;
    let mean = picks.iter().map(|p| rows[*p][0] + rows[*p][1]).sum::<f64>() / (2.0 * n);
    let square = |v: f64| (v - mean) * (v - mean);
    let squares: f64 = picks
        .iter()
        .map(|p| square(rows[*p][0]) + square(rows[*p][1]))
        .sum();
    let variance = squares / (2.0 * n - 1.0);
    let over = |term: &dyn Fn(&[f64]) -> f64| {
        picks.iter().map(|p| term(rows[*p])).sum::<f64>() / n / variance
    };
    Estimates {
        first: (0..parameters)
            .map(|i| over(&|row| (row[1] - mean) * (row[i + 2] - row[0])))
            .collect(),
        total: (0..parameters)
            .map(|i| over(&|row| 0.5 * (row[0] - row[i + 2]) * (row[0] - row[i + 2])))
            .collect(),
        mean,
        variance,
    }
}
