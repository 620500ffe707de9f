//! The HIF-1a to HIF-2a switch.
//!
//! ```text
//! H1' = s1 (1 - I_h)(1 - e_hif1_synthesis)
//!       - [kd1 (1 + vd e_hif1_degradation) + kphd1 O/(O + Kphd) (1 + e_hif1_degradation) r + k_haf W r] H1
//! H2' = s2 (1 + aW W)(1 - e_hif2_synthesis) - [kd2 + kphd2 O/(O + Kphd) r] H2
//! W'  = kW (u/(1 + u) - W),      u = [(KW/O)(1 + rho (f2 - 1))]^3
//! T1  = H1 (1 - e_hif1_transactivation)
//! T2  = H2 (1 + bW (W - W0))(1 - e_hif2_dimerisation)
//! f1  = phi(T1, K1),  f2 = phi(T2, K2),   phi(T, K) = (1 + K) T/(K + T)
//! ```
//!
//! `W` is the regulator of prolonged hypoxia: HAF/SART1 degrades HIF-1a without oxygen and raises
//! HIF-2a transactivation (Koh 2011, Koh & Powis 2012). `r = 1 - resH R/(S+R)`: resistant cells
//! degrade HIF less even in normoxia (Zeng 2021, refs 118, 112, 49, 127). `s1` and `s2` follow from
//! the reference tumour, in which H1 = H2 = 1.
//!
//! Sorafenib lowers HIF-1a synthesis (Liu 2012, 10.1158/1078-0432.CCR-12-0552); this `I_h` is the
//! most contestable edge of the model, because the effective concentrations were shown in serum
//! and lie above the unbound exposure of patients. The variant `no_direct_hif_block` removes it.
//!
//! Limitations: no separate mRNA, no HIF-3a, no feedback through PHD2/PHD3 induction.

use super::exposure::Inhibition;
use super::fields::{parameters, states};
use super::number::Number;
use super::partner::Nodes;

states! {
    /// HIF proteins relative to the reference tumour, and the regulator of prolonged hypoxia.
    HifLevels {
        /// HIF-1a protein H1
        hif1a: "HIF1A" ["1"],
        /// HIF-2a protein H2
        hif2a: "HIF2A" ["1"],
        /// Switch regulator W (HAF/SART1 and chronic adaptation), 0 to 1
        regulator: "HAF" ["1"],
    }
}

parameters! {
    /// Turnover, switch and transactivation of the HIFs.
    HifParameters in "hif" {
        /// O2-independent loss of HIF-1a, kd1
        hif1a_loss: "1/h" Positive,
        /// Largest O2-dependent loss of HIF-1a, kphd1
        hif1a_hydroxylation: "1/h" NonNegative,
        /// pO2 of half-maximal hydroxylation, Kphd
        hydroxylation_half: "mmHg" Positive,
        /// Gain of the O2-independent loss per induction of degradation, vd
        induced_loss_gain: "1" NonNegative,
        /// Loss of HIF-1a through the regulator, k_haf
        haf_loss: "1/h" NonNegative,
        /// O2-independent loss of HIF-2a, kd2
        hif2a_loss: "1/h" Positive,
        /// Largest O2-dependent loss of HIF-2a, kphd2
        hif2a_hydroxylation: "1/h" NonNegative,
        /// Gain of HIF-2a synthesis through the regulator, aW
        regulator_synthesis_gain: "1" NonNegative,
        /// Gain of HIF-2 transactivation through the regulator, bW
        regulator_activity_gain: "1" NonNegative,
        /// pO2 of half-maximal regulator, KW
        regulator_half: "mmHg" Positive,
        /// Steepness of the regulator in pO2
        regulator_hill: "1" Positive,
        /// Self-reinforcement of the regulator by HIF-2 activity, rho
        regulator_feedback: "1" NonNegative,
        /// Turnover of the regulator, kW
        regulator_turnover: "1/h" Positive,
        /// Saturation K1 of HIF-1 transcriptional output
        hif1_saturation: "1" Positive,
        /// Saturation K2 of HIF-2 transcriptional output
        hif2_saturation: "1" Positive,
        /// Part of the regulated HIF decay that resistant cells lose, resH
        resistant_stabilisation: "1" Fraction,
    }
}

/// Constants that follow from the reference tumour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HifReference<T> {
    /// Synthesis s1 of HIF-1a, 1/h.
    pub hif1a_synthesis: T,
    /// Synthesis s2 of HIF-2a, 1/h.
    pub hif2a_synthesis: T,
    /// Regulator W0.
    pub regulator: T,
}

/// Transcriptional activities f1 and f2, relative to the reference tumour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HifActivity<T> {
    /// HIF-1 output f1.
    pub hif1: T,
    /// HIF-2 output f2.
    pub hif2: T,
}

/// phi(T, K) = (1 + K) T/(K + T): one at T = 1, saturating at 1 + K.
fn output<T: Number>(level: T, saturation: T) -> T {
    (saturation + 1.0) * level.saturation(saturation)
}

impl<T: Number> HifParameters<T> {
    /// Steady regulator u/(1 + u) at a pO2 and a HIF-2 activity.
    fn regulator_target(&self, oxygen: T, hif2_activity: T) -> T {
        let drive = self.regulator_feedback * (hif2_activity - 1.0) + 1.0;
        let u = (self.regulator_half / oxygen * drive.positive_part()).power(self.regulator_hill);
        u.saturation(T::constant(1.0))
    }

    /// Constants of the reference tumour at pO2 `oxygen` (mmHg), in which all levels are 1.
    pub fn reference(&self, oxygen: T) -> HifReference<T> {
        let hydroxylation = oxygen.saturation(self.hydroxylation_half);
        let regulator = self.regulator_target(oxygen, T::constant(1.0));
        HifReference {
            hif1a_synthesis: self.hif1a_loss
                + self.hif1a_hydroxylation * hydroxylation
                + self.haf_loss * regulator,
            hif2a_synthesis: (self.hif2a_loss + self.hif2a_hydroxylation * hydroxylation)
                / (self.regulator_synthesis_gain * regulator + 1.0),
            regulator,
        }
    }

    /// f1 and f2 from the levels and the partners' nodes.
    pub fn activity(
        &self,
        levels: &HifLevels<T>,
        reference: &HifReference<T>,
        nodes: &Nodes<T>,
    ) -> HifActivity<T> {
        let t1 = levels.hif1a * nodes.hif1_transactivation.complement();
        let gain = self.regulator_activity_gain * (levels.regulator - reference.regulator) + 1.0;
        let t2 = levels.hif2a * gain * nodes.hif2_dimerisation.complement();
        HifActivity {
            hif1: output(t1, self.hif1_saturation),
            hif2: output(t2, self.hif2_saturation),
        }
    }

    /// H1', H2', W' at pO2 `oxygen` (mmHg) with the part `resistant` of resistant cells.
    #[allow(clippy::too_many_arguments)]
    pub fn derivatives(
        &self,
        levels: &HifLevels<T>,
        reference: &HifReference<T>,
        oxygen: T,
        resistant: T,
        activity: &HifActivity<T>,
        inhibition: &Inhibition<T>,
        nodes: &Nodes<T>,
    ) -> HifLevels<T> {
        let regulated = (self.resistant_stabilisation * resistant).complement();
        let hydroxylation = oxygen.saturation(self.hydroxylation_half);

        let hif1a_synthesis = reference.hif1a_synthesis
            * inhibition.hif1_synthesis.complement()
            * nodes.hif1_synthesis.complement();
        let hif1a_loss = self.hif1a_loss * (self.induced_loss_gain * nodes.hif1_degradation + 1.0)
            + self.hif1a_hydroxylation * hydroxylation * (nodes.hif1_degradation + 1.0) * regulated
            + self.haf_loss * levels.regulator * regulated;

        let hif2a_synthesis = reference.hif2a_synthesis
            * (self.regulator_synthesis_gain * levels.regulator + 1.0)
            * nodes.hif2_synthesis.complement();
        let hif2a_loss = self.hif2a_loss + self.hif2a_hydroxylation * hydroxylation * regulated;

        let target = self.regulator_target(oxygen, activity.hif2);
        HifLevels {
            hif1a: hif1a_synthesis - hif1a_loss * levels.hif1a,
            hif2a: hif2a_synthesis - hif2a_loss * levels.hif2a,
            regulator: self.regulator_turnover * (target - levels.regulator),
        }
    }
}
