//! Oxygenation: tumour pO2 from perfusion and through the surface.
//!
//! pO2 settles within seconds, so its target is the quasi-steady balance of supply and
//! Michaelis-Menten consumption,
//!
//! ```text
//! alpha q (Pa - O)(O + Km) = O,   q = (1 - sigma) perfusion + sigma (V/V*)^(-1/3)
//! O' = kO (O_qss - O)
//! ```
//!
//! `alpha` comes from the pO2 of the reference tumour, whose burden is `V*`. The part `sigma` of its
//! supply comes through its surface: by diffusion and through vessels of the host at its edge, which
//! tumours co-opt (23 % of the vessels of untreated orthotopic Hep3B tumours, 75 % of resistant ones:
//! Kuczynski 2016). Surface over volume goes with `V^(-1/3)`, so small tumours hardly depend on vessels of their
//! own, and nodules of HCC below 1.5 cm keep portal tracts (Takayasu 2013) while large ones are hypoxic (Wilson 2014; Zeng 2021, ref. 100). `kO`
//! is a numerical relaxation, much faster than anything it drives; a test shows that results do not
//! depend on it. In culture the target is the pO2 of the medium (1 % O2 = 7.6 mmHg).
//!
//! Sources: tumour pO2 of HCC 6 mmHg (n = 4), all tumours about 10 (McKeown 2014); Km 1-5 mmHg
//! (Grimes & Partridge 2014). Limitations: one average pO2 per tumour, no gradients, no necrosis;
//! a uniform Krogh cylinder would fall more steeply with vessel loss; a share of co-opted vessels is
//! read as a share of supply.

use super::fields::parameters;
use super::number::Number;

parameters! {
    /// Oxygen balance of a perfused tumour.
    OxygenParameters in "oxygen" {
        /// Arterial pO2, Pa
        arterial: "mmHg" Positive,
        /// pO2 of half-maximal consumption, Km
        consumption_half: "mmHg" Positive,
        /// Share sigma of the supply of the reference tumour that comes through its surface
        surface_share: "1" Fraction,
        /// Relaxation kO towards the balance
        relaxation: "1/h" Positive,
    }
}

impl<T: Number> OxygenParameters<T> {
    /// Supply coefficient alpha of the reference tumour at pO2 `reference` (mmHg).
    pub fn supply(&self, reference: T) -> T {
        reference / ((self.arterial - reference) * (reference + self.consumption_half))
    }

    /// Supply per cell q relative to the reference tumour, at a burden relative to it: through
    /// vessels of its own, and through the surface, which falls behind the volume.
    pub fn supply_per_cell(&self, perfusion: T, relative_burden: T) -> T {
        let surface = relative_burden.power(T::constant(-1.0 / 3.0));
        self.surface_share.complement() * perfusion + self.surface_share * surface
    }

    /// Quasi-steady pO2 (mmHg) at supply `alpha` and perfusion q: the positive root of the balance,
    /// in the form without cancellation.
    pub fn balance(&self, alpha: T, perfusion: T) -> T {
        let a = alpha * perfusion.positive_part();
        let b = a * (self.arterial - self.consumption_half) - 1.0;
        let c = a * self.arterial * self.consumption_half;
        let root = (b.squared() + a * c * 4.0).sqrt();
        c * 2.0 / (root - b)
    }

    /// O'.
    pub fn derivative(&self, oxygen: T, target: T) -> T {
        self.relaxation * (target - oxygen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_closes() {
        let p = OxygenParameters {
            arterial: 40.0,
            consumption_half: 2.5,
            surface_share: 0.3,
            relaxation: 2.0,
        };
        let alpha = p.supply(10.0);
        assert!((p.balance(alpha, 1.0) - 10.0).abs() < 1e-12);
        for q in [1e-9, 1e-3, 0.3, 2.0, 1e4] {
            let o = p.balance(alpha, q);
            let residual = alpha * q * (40.0 - o) * (o + 2.5) - o;
            assert!(residual.abs() < 1e-9 * o.max(1e-6), "q = {q}: {residual}");
        }
        assert!(p.balance(alpha, 0.0).abs() < 1e-15);
    }
}
