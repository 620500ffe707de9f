//! Weights of kinds, by iterative proportional fitting.

use super::definition::Prevalence;
use super::readouts::Readouts;

/// Weight of every kind of every readout with a prevalence.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// Per readout, per kind.
    pub factors: Vec<Vec<f64>>,
    /// Parts of the kinds among plausible subjects before weighting, per readout, per kind.
    pub before: Vec<Vec<f64>>,
    /// Largest weight of a subject of the pilot.
    largest: f64,
    /// Part of the pilot that the weighted pilot is worth, (sum w)^2 / (n sum w^2).
    pub efficiency: f64,
}

const PASSES: usize = 200;

impl Weights {
    /// Weights with which the subjects of a pilot follow every prevalence; a kind that the pilot does
    /// not have stays without weight.
    pub(super) fn fit(prevalence: &[Prevalence], pilot: &[Readouts]) -> Self {
        let kinds: Vec<Vec<usize>> = pilot
            .iter()
            .map(|readouts| kinds(prevalence, readouts))
            .collect();
        let ones = || prevalence.iter().map(|p| vec![1.0; p.kinds.len()]);
        let mut factors: Vec<Vec<f64>> = ones().collect();
        let weight = |factors: &[Vec<f64>], kinds: &[usize]| -> f64 {
            factors
                .iter()
                .zip(kinds)
                .map(|(f, kind)| f[*kind])
                .product()
        };
        let parts = |factors: &[Vec<f64>], which: usize| {
            let mut sums = vec![0.0; factors[which].len()];
            for kinds in &kinds {
                sums[kinds[which]] += weight(factors, kinds);
            }
            let total: f64 = sums.iter().sum();
            sums.iter().map(|sum| sum / total).collect::<Vec<f64>>()
        };
        let before = (0..prevalence.len()).map(|w| parts(&factors, w)).collect();
        for _ in 0..PASSES {
            for (which, wanted) in prevalence.iter().enumerate() {
                let now = parts(&factors, which);
                for (kind, part) in now.iter().enumerate() {
                    factors[which][kind] *= match *part {
                        part if part > 0.0 => wanted.kinds[kind].part / part,
                        _ => 0.0,
                    };
                }
            }
        }
        let weights: Vec<f64> = kinds.iter().map(|kinds| weight(&factors, kinds)).collect();
        let sum: f64 = weights.iter().sum();
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        Self {
            largest: weights.iter().copied().fold(0.0, f64::max),
            efficiency: sum * sum / (weights.len() as f64 * squares),
            factors,
            before,
        }
    }

    /// Probability with which a subject is accepted.
    pub(super) fn acceptance(&self, prevalence: &[Prevalence], readouts: &Readouts) -> f64 {
        let kinds = kinds(prevalence, readouts);
        let weight: f64 = self
            .factors
            .iter()
            .zip(kinds)
            .map(|(f, kind)| f[kind])
            .product();
        (weight / self.largest).min(1.0)
    }
}

fn kinds(prevalence: &[Prevalence], readouts: &Readouts) -> Vec<usize> {
    prevalence
        .iter()
        .map(|p| p.kind(readouts.get(&p.readout).unwrap_or(f64::NAN)))
        .collect()
}
