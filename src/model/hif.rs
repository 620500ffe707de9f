//! The HIF-1a to HIF-2a switch.
//!
//! ```text
//! H1' = s1 m1 (1 - I_h)(1 - e_hif1_synthesis)[1 + tT (T - 1)]+ [1 + tF (F - 1)]+
//!       - [kd1 (1 + vd e_hif1_degradation V) + kphd1 O/(O + Kphd) (1 + e_hif1_degradation) V r1 + k_haf W r1] H1
//! H2' = s2 x2 (1 + aW W)(1 - e_hif2_synthesis) - [kd2 + kphd2 O/(O + Kphd) V r2 [1 + q (f1 - 1)]+] H2
//! W'  = kW (u/(1 + u) - W),      u = [(KW/O)(1 + rho (f2 - 1))]^3
//! m1  = x1 (1 - e_hif1_transcription)
//! r1  = 1/(1 + kn (n - 1)),   r2 = 1 - resH R/(S+R)
//! T1  = H1 b (1 - e_hif1_transactivation)[1 + cP (PKM2 - 1)]+,   PKM2 = xK G
//! T2  = H2 b (1 + bW (W - W0))(1 - e_hif2_dimerisation)
//! b   = (1 + wb)/(1 + wb (H1 + H2 (1 - e_hif2_dimerisation))/2)
//! f1  = phi(T1, K1),  f2 = phi(T2, K2),   phi(T, K) = (1 + K) T/(K + T)
//! f2+ = max(f2, F2) - 1
//! ```
//!
//! `W` is the regulator of prolonged hypoxia: HAF/SART1 degrades HIF-1a without oxygen and raises
//! HIF-2a transactivation (Koh 2011, Koh & Powis 2012). `r1` and `r2`: resistant cells degrade HIF less
//! even in normoxia (Zeng 2021, refs 118, 112, 127), HIF-1a because 14-3-3 eta `n` protects it (49).
//! mTORC1 `T` drives translation of HIF-1a (111-113, 123), PFKFB3 `F` feeds back on it (120), PKM2 is
//! a co-activator of HIF-1 (124, 126). HIF-1 induces PHD3, which prefers HIF-2a (Appelhoff 2004; loss
//! of Phd1 and Phd3 raises HIF-2a in liver, Takeda 2008): when HIF-1 falls, HIF-2a rises (`q`).
//! Survival and growth follow HIF-2 through `f2+` only above its level in untreated tumours (`F2` 1): in
//! patients HIF-2a has no prognostic association (Ding 2021).
//! Both dimerise with HIF-1b (ARNT). Where it is scarce, `b` is the free part of it over that of the reference tumour, in
//! which the two occupy `wb` times as much as is free, in halves: more of one HIF then leaves less for the other, and an
//! antagonist that keeps HIF-2a from dimerising leaves more for HIF-1a. `wb` is 0 (HIF-1b in excess) unless the variant
//! `shared_arnt` is asked for, after the one published model of both HIFs (Cabaj 2025).
//! `V` is VHL, `x` are expression levels. `s1` and `s2` follow from the reference tumour, in which
//! H1 = H2 = 1.
//!
//! Sorafenib lowers HIF-1a synthesis (Liu 2012, 10.1158/1078-0432.CCR-12-0552); this `I_h` is the
//! most contestable edge of the model, because the effective concentrations were shown in serum
//! and lie above the unbound exposure of patients. The variant `no_direct_hif_block` removes it.
//!
//! Limitations: messenger RNA follows at once, no HIF-3a, no feedback of PHD2 on HIF-1a.

use super::exposure::Inhibition;
use super::fields::{parameters, states};
use super::number::Number;
use super::partner::Nodes;
use super::signalling::{Cascade, Expression};

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
        /// HIF-2 activity F2 below which survival and growth follow it no further
        hif2_support_threshold: "1" Fraction,
        /// Part of the regulated HIF-2a decay that resistant cells lose, resH
        resistant_stabilisation: "1" Fraction,
        /// Protection kn of HIF-1a per unit of 14-3-3 eta
        eta1433_protection: "1" Fraction,
        /// Weight tT of mTORC1 in translation of HIF-1a
        mtorc1_translation: "1" Fraction,
        /// Weight tF of PFKFB3 in translation of HIF-1a
        pfkfb3_feedback: "1" Fraction,
        /// Weight q of HIF-1 activity (PHD3) in hydroxylation of HIF-2a
        hif2a_phd3_weight: "1" Fraction,
        /// Weight cP of PKM2 in HIF-1 transactivation
        pkm2_coactivation: "1" Fraction,
        /// HIF-1b occupied by both HIFs over free HIF-1b in the reference tumour, wb
        arnt_occupancy: "1" NonNegative,
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
    /// Support f2+ of survival and growth by HIF-2.
    pub hif2_support: T,
}

/// phi(T, K) = (1 + K) T/(K + T): one at T = 1, saturating at 1 + K.
fn output<T: Number>(level: T, saturation: T) -> T {
    (saturation + 1.0) * level.saturation(saturation)
}

impl<T: Number> HifParameters<T> {
    /// Steady regulator u/(1 + u) at a pO2 and a HIF-2 activity.
    pub fn regulator_target(&self, oxygen: T, hif2_activity: T) -> T {
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

    /// f1 and f2 from the levels, PKM2 and the partners' nodes.
    pub fn activity(
        &self,
        levels: &HifLevels<T>,
        reference: &HifReference<T>,
        pkm2: T,
        nodes: &Nodes<T>,
    ) -> HifActivity<T> {
        let coactivation = (self.pkm2_coactivation * (pkm2 - 1.0) + 1.0).positive_part();
        let dimerising = levels.hif2a * nodes.hif2_dimerisation.complement();
        let claimed = (levels.hif1a + dimerising) * 0.5;
        let arnt = (self.arnt_occupancy + 1.0) / (self.arnt_occupancy * claimed + 1.0);
        let t1 = levels.hif1a * arnt * nodes.hif1_transactivation.complement() * coactivation;
        let gain = self.regulator_activity_gain * (levels.regulator - reference.regulator) + 1.0;
        let t2 = dimerising * arnt * gain;
        let hif2 = output(t2, self.hif2_saturation);
        HifActivity {
            hif1: output(t1, self.hif1_saturation),
            hif2,
            hif2_support: (hif2 - self.hif2_support_threshold).positive_part()
                + self.hif2_support_threshold
                - 1.0,
        }
    }

    /// Loss of HIF-1a, 1/h, at pO2 `oxygen` (mmHg).
    pub fn hif1a_decay(
        &self,
        levels: &HifLevels<T>,
        oxygen: T,
        expression: &Expression<T>,
        cascade: &Cascade<T>,
        nodes: &Nodes<T>,
    ) -> T {
        let regulated =
            T::constant(1.0) / (self.eta1433_protection * (cascade.eta1433 - 1.0) + 1.0);
        let induced = nodes.hif1_degradation;
        self.hif1a_loss * (self.induced_loss_gain * induced * expression.vhl + 1.0)
            + self.hif1a_hydroxylation
                * oxygen.saturation(self.hydroxylation_half)
                * (induced + 1.0)
                * expression.vhl
                * regulated
            + self.haf_loss * levels.regulator * regulated
    }

    /// Messenger RNA m1 of HIF-1a.
    pub fn hif1a_messenger(&self, expression: &Expression<T>, nodes: &Nodes<T>) -> T {
        expression.hif1a * nodes.hif1_transcription.complement()
    }

    /// H1', H2', W' at pO2 `oxygen` (mmHg) with the part `resistant` of resistant cells. A held switch
    /// keeps the regulator and H2/H1 where they are.
    #[allow(clippy::too_many_arguments)]
    pub fn derivatives(
        &self,
        levels: &HifLevels<T>,
        reference: &HifReference<T>,
        oxygen: T,
        resistant: T,
        activity: &HifActivity<T>,
        inhibition: &Inhibition<T>,
        expression: &Expression<T>,
        cascade: &Cascade<T>,
        nodes: &Nodes<T>,
        switch_held: bool,
    ) -> HifLevels<T> {
        let translation = (self.mtorc1_translation * (cascade.mtorc1 - 1.0) + 1.0).positive_part()
            * (self.pfkfb3_feedback * (cascade.pfkfb3 - 1.0) + 1.0).positive_part();
        let hif1a_synthesis = reference.hif1a_synthesis
            * self.hif1a_messenger(expression, nodes)
            * inhibition.hif1_synthesis.complement()
            * nodes.hif1_synthesis.complement()
            * translation;
        let hif1a_loss = self.hif1a_decay(levels, oxygen, expression, cascade, nodes);
        let hif1a = hif1a_synthesis - hif1a_loss * levels.hif1a;
        if switch_held {
            return HifLevels {
                hif1a,
                hif2a: levels.hif2a / levels.hif1a * hif1a,
                regulator: T::constant(0.0),
            };
        }

        let hif2a_synthesis = reference.hif2a_synthesis
            * expression.hif2a
            * (self.regulator_synthesis_gain * levels.regulator + 1.0)
            * nodes.hif2_synthesis.complement();
        let phd3 = (self.hif2a_phd3_weight * (activity.hif1 - 1.0) + 1.0).positive_part();
        let hif2a_loss = self.hif2a_loss
            + self.hif2a_hydroxylation
                * oxygen.saturation(self.hydroxylation_half)
                * expression.vhl
                * (self.resistant_stabilisation * resistant).complement()
                * phd3;

        let target = self.regulator_target(oxygen, activity.hif2);
        HifLevels {
            hif1a,
            hif2a: hif2a_synthesis - hif2a_loss * levels.hif2a,
            regulator: self.regulator_turnover * (target - levels.regulator),
        }
    }
}
