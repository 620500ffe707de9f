//! Effectors: glycolysis, survival, apoptosis and EMT.
//!
//! ```text
//! G' = kG ([1 + g1 (f1 - 1)]+ (1 - e_glycolysis) - G)
//! B' = kB ([1 - br I_r + b1 (f1 - 1) + b2 (f2 - 1) + bR R/(S+R)]+ (1 - e_akt_survival) - B)
//! X' = kX ([1 + s_raf I_r + s_d e_apoptosis] 2/(1 + B^2) + s_h (h(O) - h(O0)) 2/(1 + G^2) - X)
//! Z' = kZ ([1 + z2 (f2 - 1)]+ (1 - e_emt) - Z)
//! h(O) = 1/(1 + (O/O_h)^3),   [x]+ = max(x, 0)
//! ```
//!
//! `B` sums the anti-apoptotic signals (BCL-2 family, AKT, EGFR through HIF-2a: Zeng 2021, refs
//! 107, 109); RAF inhibition lowers MCL-1. `X` is the caspase signal that kills; hypoxia kills cells
//! that cannot switch to glycolysis. `O0` is the pO2 of the reference tumour.
//!
//! Limitations: the sum of survival signals is a lump; EMT is driven by HIF-2 alone (ref. 117).

use super::exposure::Inhibition;
use super::fields::{parameters, states};
use super::hif::HifActivity;
use super::number::Number;
use super::partner::Nodes;

states! {
    /// Effector signals relative to the reference tumour.
    Effectors {
        /// Glycolytic programme G
        glycolysis: "glycolysis" ["1"],
        /// Anti-apoptotic (survival) signal B
        survival: "survival" ["1"],
        /// Caspase (apoptosis) signal X
        apoptosis: "apoptosis" ["1"],
        /// Epithelial-mesenchymal transition Z
        emt: "EMT" ["1"],
    }
}

parameters! {
    /// Gains and turnovers of the effectors.
    EffectorParameters in "effectors" {
        /// Gain g1 of glycolysis with HIF-1 activity
        glycolysis_hif1_gain: "1" NonNegative,
        /// Turnover kG of the glycolytic programme
        glycolysis_turnover: "1/h" Positive,
        /// Loss br of survival signal under full RAF inhibition
        survival_raf_loss: "1" Fraction,
        /// Weight b1 of HIF-1 activity in survival
        survival_hif1_weight: "1" Any,
        /// Weight b2 of HIF-2 activity in survival
        survival_hif2_weight: "1" Any,
        /// Weight bR of the resistant part in survival
        survival_resistant_weight: "1" NonNegative,
        /// Turnover kB of the survival signal
        survival_turnover: "1/h" Positive,
        /// Gain s_raf of apoptosis with RAF inhibition
        apoptosis_raf_gain: "1" NonNegative,
        /// Gain s_d of apoptosis with a partner's direct kill
        apoptosis_direct_gain: "1" NonNegative,
        /// Gain s_h of apoptosis with severe hypoxia
        apoptosis_hypoxia_gain: "1" NonNegative,
        /// pO2 O_h of half-maximal hypoxic death
        hypoxic_death_half: "mmHg" Positive,
        /// Turnover kX of the caspase signal
        apoptosis_turnover: "1/h" Positive,
        /// Gain z2 of EMT with HIF-2 activity
        emt_hif2_gain: "1" NonNegative,
        /// Turnover kZ of EMT
        emt_turnover: "1/h" Positive,
    }
}

/// 2/(1 + x^2): one at x = 1, two without the protecting signal.
fn protection<T: Number>(signal: T) -> T {
    T::constant(2.0) / (signal.squared() + 1.0)
}

impl<T: Number> EffectorParameters<T> {
    /// Severe hypoxia h(O).
    fn severe_hypoxia(&self, oxygen: T) -> T {
        T::constant(1.0) / ((oxygen / self.hypoxic_death_half).cubed() + 1.0)
    }

    /// G', B', X', Z' at pO2 `oxygen`, relative to the reference tumour at `reference_oxygen`
    /// (mmHg), with the part `resistant` of resistant cells.
    #[allow(clippy::too_many_arguments)]
    pub fn derivatives(
        &self,
        e: &Effectors<T>,
        oxygen: T,
        reference_oxygen: T,
        resistant: T,
        activity: &HifActivity<T>,
        inhibition: &Inhibition<T>,
        nodes: &Nodes<T>,
    ) -> Effectors<T> {
        let hif1 = activity.hif1 - 1.0;
        let hif2 = activity.hif2 - 1.0;

        let glycolysis = (self.glycolysis_hif1_gain * hif1 + 1.0).positive_part()
            * nodes.glycolysis.complement();

        let survival = (self.survival_hif1_weight * hif1
            + self.survival_hif2_weight * hif2
            + self.survival_resistant_weight * resistant
            - self.survival_raf_loss * inhibition.raf
            + 1.0)
            .positive_part()
            * nodes.akt_survival.complement();

        let kill = self.apoptosis_raf_gain * inhibition.raf
            + self.apoptosis_direct_gain * nodes.apoptosis
            + 1.0;
        let hypoxic_death = self.apoptosis_hypoxia_gain
            * (self.severe_hypoxia(oxygen) - self.severe_hypoxia(reference_oxygen));
        let apoptosis = kill * protection(e.survival) + hypoxic_death * protection(e.glycolysis);

        let emt = (self.emt_hif2_gain * hif2 + 1.0).positive_part() * nodes.emt.complement();

        Effectors {
            glycolysis: self.glycolysis_turnover * (glycolysis - e.glycolysis),
            survival: self.survival_turnover * (survival - e.survival),
            apoptosis: self.apoptosis_turnover * (apoptosis - e.apoptosis),
            emt: self.emt_turnover * (emt - e.emt),
        }
    }
}
