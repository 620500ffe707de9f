//! Endpoints of an arm relative to other arms.

use super::Endpoints;
use serde::Serialize;

/// An arm against vehicle at one time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluation {
    /// Time, h.
    pub time: f64,
    /// Treated over control burden, T/C.
    pub treated_over_control: f64,
    /// Tumour growth inhibition, 1 - (T - T0)/(C - C0); above 1 the tumour shrank.
    pub growth_inhibition: f64,
    /// T/C expected if the drugs of the arm act independently (Bliss); none for a single drug.
    pub bliss_expected: Option<f64>,
    /// Observed over expected T/C: below 1 synergy, above 1 antagonism.
    pub bliss_interaction: Option<f64>,
}

impl Evaluation {
    /// Compares burdens of an arm and of vehicle that both started at `initial`; `singles` are the
    /// burdens of the arm's drugs alone.
    pub fn new(time: f64, treated: f64, control: f64, initial: f64, singles: &[f64]) -> Self {
        let treated_over_control = treated / control;
        let bliss_expected = (singles.len() > 1)
            .then(|| bliss_expected(singles.iter().map(|alone| alone / control)));
        Self {
            time,
            treated_over_control,
            growth_inhibition: 1.0 - (treated - initial) / (control - initial),
            bliss_expected,
            bliss_interaction: bliss_expected.map(|expected| treated_over_control / expected),
        }
    }
}

/// Readouts at the end of an arm relative to vehicle.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Comparison {
    /// HIF-2a/HIF-1a relative to vehicle.
    pub switch_index: Option<f64>,
    /// VEGF rebound above vehicle's, relative to the untreated baseline.
    pub vegf_rebound: Option<f64>,
    /// Metastases relative to vehicle.
    pub metastases_ratio: Option<f64>,
}

/// T/C expected of independent drugs: the product of theirs.
pub fn bliss_expected(singles: impl Iterator<Item = f64>) -> f64 {
    singles.product()
}

impl Comparison {
    /// Compares the end of an arm with the end of vehicle.
    pub fn new(arm: &Endpoints, vehicle: &Endpoints) -> Self {
        let ratio = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) if b.abs() > 0.0 => Some(a / b),
            _ => None,
        };
        let hif_ratio = |e: &Endpoints| ratio(e.hif2a_end, e.hif1a_end);
        Self {
            switch_index: ratio(hif_ratio(arm), hif_ratio(vehicle)),
            vegf_rebound: arm
                .vegf_rebound
                .zip(vehicle.vegf_rebound)
                .map(|(arm, vehicle)| arm - vehicle),
            metastases_ratio: ratio(arm.metastases, vehicle.metastases),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_drugs_have_an_interaction_of_one() {
        let e = Evaluation::new(336.0, 400.0, 1000.0, 100.0, &[500.0, 800.0]);
        assert!(e.bliss_interaction.is_some_and(|i| (i - 1.0).abs() < 1e-12));
        assert!((e.growth_inhibition - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!(
            Evaluation::new(0.0, 1.0, 2.0, 1.0, &[1.0]).bliss_expected,
            None
        );
    }

    #[test]
    fn the_switch_index_is_relative_to_vehicle() {
        let with = |hif1a, hif2a| Endpoints {
            hif1a_end: Some(hif1a),
            hif2a_end: Some(hif2a),
            ..Endpoints::default()
        };
        let index = Comparison::new(&with(0.8, 3.2), &with(1.0, 2.0)).switch_index;
        assert!(index.is_some_and(|i| (i - 2.0).abs() < 1e-12));
    }
}
