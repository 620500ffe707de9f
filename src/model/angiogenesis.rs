//! Angiogenesis: VEGF, immature and pericyte-covered vessels, microvessel density.
//!
//! ```text
//! VEGF' = kv (xV [1 + a1 (f1 - 1) + a2 (f2 - 1)]+ - VEGF),   [x]+ = max(x, 0)
//! s     = VEGF (1 - I_v)(1 - e_angiogenesis)
//! g(s)  = w + (1 - w)(1 + KS) s^2 / (KS + s^2)
//! Ei'   = ks g(s) - k_mat (1 - I_p) Ei - k_reg Ei
//! Em'   = k_mat (1 - I_p) Ei - k_dm (1 + r_p I_p) Em
//! MVD   = Ei + Em,   q = (wq Ei + Em) / (wq Ei0 + Em0)
//! ```
//!
//! `ks` and `k_mat` follow from the reference tumour (VEGF = 1, Ei = 0.6, Em = 0.4). Immature
//! vessels depend on VEGF and perfuse less (`wq`); pericyte-covered ones survive its withdrawal.
//!
//! Assumptions: VEGF is a tissue average; vessel loss under VEGFR inhibition is 50-60 % in a week
//! and regrowth after withdrawal takes about a week (Mancuso 2006, 10.1172/JCI24612). MVD stays
//! down while the drug is on (Kuczynski 2015, 10.1158/0008-5472.CAN-14-3687).
//! The part `w` of sprouting needs no VEGF: some tumour vessels have little VEGFR2 and resist (Nagy & Dvorak
//! 2012), and vessels of the host are co-opted.
//! Limitations: no vessel normalisation beyond the two vessel kinds.

use super::exposure::Inhibition;
use super::fields::{parameters, states};
use super::number::Number;
use super::signalling::Expression;

states! {
    /// Vascular states, relative to the reference tumour.
    Vasculature {
        /// VEGF in the tumour
        vegf: "VEGF" ["1"],
        /// Immature vessels Ei
        immature: "vessels_immature" ["1"],
        /// Pericyte-covered vessels Em
        mature: "vessels_mature" ["1"],
    }
}

impl<T: Number> Vasculature<T> {
    /// Microvessel density, Ei + Em.
    pub fn mvd(&self) -> T {
        self.immature + self.mature
    }
}

parameters! {
    /// VEGF programme of the tumour cells.
    VegfParameters in "vegf" {
        /// Turnover kv
        turnover: "1/h" Positive,
        /// Weight a1 of HIF-1 activity
        hif1_weight: "1" NonNegative,
        /// Weight a2 of HIF-2 activity
        hif2_weight: "1" NonNegative,
    }
}

parameters! {
    /// Vessel turnover of the host.
    VesselParameters in "vessels" {
        /// Part w of sprouting that needs no VEGF
        vegf_independent_part: "1" Fraction,
        /// Saturation KS of the response to VEGF signalling
        vegf_saturation: "1" Positive,
        /// Regression k_reg of immature vessels
        immature_regression: "1/h" Positive,
        /// Loss k_dm of pericyte-covered vessels
        mature_loss: "1/h" Positive,
        /// Gain r_p of that loss under full PDGFR-beta inhibition
        pdgfr_loss_gain: "1" NonNegative,
        /// Immature part of the vessels of the reference tumour, Ei0
        immature_fraction: "1" Fraction,
        /// Perfusion w of an immature vessel relative to a covered one
        immature_perfusion: "1" Positive,
    }
}

impl<T: Number> VegfParameters<T> {
    /// VEGF'.
    pub fn derivative(
        &self,
        vegf: T,
        hif1_activity: T,
        hif2_activity: T,
        expression: &Expression<T>,
    ) -> T {
        let production = self.hif1_weight * (hif1_activity - 1.0)
            + self.hif2_weight * (hif2_activity - 1.0)
            + 1.0;
        self.turnover * (expression.vegf * production.positive_part() - vegf)
    }
}

impl<T: Number> VesselParameters<T> {
    /// Maturation rate k_mat that keeps Em of the reference tumour steady.
    pub fn maturation(&self) -> T {
        self.mature_loss * self.immature_fraction.complement() / self.immature_fraction
    }

    /// Sprouting rate ks that keeps Ei of the reference tumour steady.
    pub fn sprouting(&self) -> T {
        (self.maturation() + self.immature_regression) * self.immature_fraction
    }

    /// VEGF signal s on the vessels.
    pub fn signal(&self, vegf: T, inhibition: &Inhibition<T>, blocked: T) -> T {
        vegf * inhibition.vegfr2.complement() * blocked.complement()
    }

    /// Perfusion q relative to the reference tumour.
    pub fn perfusion(&self, v: &Vasculature<T>) -> T {
        let reference =
            self.immature_perfusion * self.immature_fraction + self.immature_fraction.complement();
        (self.immature_perfusion * v.immature + v.mature) / reference
    }

    /// (Ei', Em').
    pub fn derivatives(&self, v: &Vasculature<T>, signal: T, inhibition: &Inhibition<T>) -> (T, T) {
        let s2 = signal.squared();
        let driven = (self.vegf_saturation + 1.0) * s2.saturation(self.vegf_saturation);
        let independent = self.vegf_independent_part;
        let response = independent + independent.complement() * driven;
        let maturing = self.maturation() * inhibition.pdgfr.complement() * v.immature;
        let immature =
            self.sprouting() * response - maturing - self.immature_regression * v.immature;
        let mature = maturing
            - self.mature_loss * (self.pdgfr_loss_gain * inhibition.pdgfr + 1.0) * v.mature;
        (immature, mature)
    }
}
