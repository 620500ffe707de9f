//! Effectors: glycolysis, survival, apoptosis and EMT.
//!
//! ```text
//! G' = kG ([1 + g1 (f1 - 1)]+ (1 - e_glycolysis) - G)
//! B' = kB (xB exp[- br I_r + b1 (f1 - 1) + b2 f2+ + bA (K - 1) + bJ (2J/(1 + J) - 1) + bQ (Q - 1)
//!          + bF (F - 1) + bN (N - 1) + bZ (Z - 1)] - B)
//! X' = kX (1 - psi + (psi + [c(O)/c(O0)] (s_raf I_r + s_d e_apoptosis)) [1 + s_J (j(J) - j(1))]+ B^-a
//!          + s_h (h(O) - h(O0)) 2/(1 + G^2) - X)
//! XR' = the same with the RAF inhibition I_rR of resistant cells
//! Z' = kZ (xZ (1 - zE I_r)/TIP30 - Z)
//! c(O) = O^hq/(O^hq + Oq^hq),   h(O) = 1/(1 + (O/O_h)^3),   j(J) = J^4/(J_d^4 + J^4),   [x]+ = max(x, 0)
//! ```
//!
//! `B` multiplies the anti-apoptotic signals: HIF-1 with protective mitophagy, HIF-2 (Zeng 2021, refs 107,
//! 109), AKT `K` (25-28), sustained c-Jun (22-24), RIT1 (119), PFKFB3 (120), NF-kB (129) and EMT (31-35); RAF
//! inhibition lowers MCL-1. A strong pulse of c-Jun lowers the threshold to death instead (130). `X` and `XR`
//! are the caspase signals of sensitive and of resistant cells: resistance is to sorafenib, not to every
//! death. Of the deaths without any drug survival signals hold back the part `psi`. Drugs kill cells that cycle, the
//! part `c` of all: hypoxic cells leave the cycle and are spared (hypoxia protects HCC cells from sorafenib: Liang 2013,
//! Liu 2015, signs). A saturating `c` lets cells in air be killed little more than those of the reference tumour.
//! Deaths without drug and those of severe hypoxia do not ask for the cycle. Hypoxia kills cells that cannot switch to
//! glycolysis. EMT is the reverse of TIP30 (115-117), and RAF inhibition holds it back (34). `O0` is the pO2 of the
//! reference tumour.
//!
//! Limitations: survival is one lump of signals with assumed weights; cells that leave the cycle are no state of their own.

use super::exposure::Inhibition;
use super::fields::{parameters, states};
use super::hif::HifActivity;
use super::number::Number;
use super::partner::Nodes;
use super::signalling::{Cascade, Expression};

states! {
    /// Effector signals relative to the reference tumour.
    Effectors {
        /// Glycolytic programme G
        glycolysis: "glycolysis" ["1"],
        /// Anti-apoptotic (survival) signal B
        survival: "survival" ["1"],
        /// Caspase (apoptosis) signal X of sensitive cells
        apoptosis: "apoptosis" ["1"],
        /// Caspase (apoptosis) signal XR of resistant cells
        apoptosis_resistant: "apoptosis_resistant" ["1"],
        /// Epithelial-mesenchymal transition Z
        emt: "EMT" ["1"],
    }
}

impl<T: Number> Effectors<T> {
    /// Caspase signal per viable cell where the part `resistant` of them is resistant.
    pub fn mean_apoptosis(&self, resistant: T) -> T {
        self.apoptosis * resistant.complement() + self.apoptosis_resistant * resistant
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
        /// Weight bA of AKT in survival
        survival_akt_weight: "1" NonNegative,
        /// Weight bJ of sustained c-Jun in survival
        survival_jnk_weight: "1" NonNegative,
        /// Weight bQ of RIT1 in survival
        survival_rit1_weight: "1" NonNegative,
        /// Weight bF of PFKFB3 in survival
        survival_pfkfb3_weight: "1" NonNegative,
        /// Weight bN of NF-kB in survival
        survival_nfkb_weight: "1" NonNegative,
        /// Weight bZ of EMT in survival
        survival_emt_weight: "1" NonNegative,
        /// Strength a with which survival holds apoptosis down
        survival_strength: "1" NonNegative,
        /// Turnover kB of the survival signal
        survival_turnover: "1/h" Positive,
        /// Part psi of spontaneous death that survival signals hold back
        apoptosis_regulated_part: "1" Fraction,
        /// Gain s_raf of apoptosis with RAF inhibition
        apoptosis_raf_gain: "1" NonNegative,
        /// Gain s_d of apoptosis with a partner's direct kill
        apoptosis_direct_gain: "1" NonNegative,
        /// pO2 Oq at which half of the cells cycle
        cycling_half: "mmHg" Positive,
        /// Steepness hq of the cycling part in pO2
        cycling_hill: "1" NonNegative,
        /// Gain s_J of killing with a strong pulse of c-Jun
        apoptosis_jnk_gain: "1" NonNegative,
        /// Level J_d of c-Jun at which half of it kills
        apoptosis_jnk_half: "1" Positive,
        /// Gain s_h of apoptosis with severe hypoxia
        apoptosis_hypoxia_gain: "1" NonNegative,
        /// pO2 O_h of half-maximal hypoxic death
        hypoxic_death_half: "mmHg" Positive,
        /// Turnover kX of the caspase signal
        apoptosis_turnover: "1/h" Positive,
        /// Loss zE of EMT under full RAF inhibition
        emt_raf_loss: "1" Fraction,
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

    /// Cycling part c(O) of the cells over that of the reference tumour at `reference_oxygen` (mmHg).
    pub fn cycling(&self, oxygen: T, reference_oxygen: T) -> T {
        let part = |o: T| o.hill(self.cycling_half, self.cycling_hill);
        part(oxygen) / part(reference_oxygen)
    }

    /// The deadly part j(J) of c-Jun.
    fn deadly_jun(&self, cjun: T) -> T {
        let fourth = (cjun / self.apoptosis_jnk_half).squared().squared();
        fourth.saturation(T::constant(1.0))
    }

    /// G', B', X', XR', Z' at pO2 `oxygen`, relative to the reference tumour at `reference_oxygen`
    /// (mmHg).
    #[allow(clippy::too_many_arguments)]
    pub fn derivatives(
        &self,
        e: &Effectors<T>,
        expression: &Expression<T>,
        cascade: &Cascade<T>,
        oxygen: T,
        reference_oxygen: T,
        activity: &HifActivity<T>,
        inhibition: &Inhibition<T>,
        resistant_raf: T,
        nodes: &Nodes<T>,
    ) -> Effectors<T> {
        let hif1 = activity.hif1 - 1.0;

        let glycolysis = (self.glycolysis_hif1_gain * hif1 + 1.0).positive_part()
            * nodes.glycolysis.complement();

        let survival = (self.survival_hif1_weight * hif1
            + self.survival_hif2_weight * activity.hif2_support
            + self.survival_akt_weight * (cascade.akt - 1.0)
            + self.survival_jnk_weight * (cascade.cjun * 2.0 / (cascade.cjun + 1.0) - 1.0)
            + self.survival_rit1_weight * (cascade.rit1 - 1.0)
            + self.survival_pfkfb3_weight * (cascade.pfkfb3 - 1.0)
            + self.survival_nfkb_weight * (cascade.nfkb - 1.0)
            + self.survival_emt_weight * (e.emt - 1.0)
            - self.survival_raf_loss * inhibition.raf)
            .exp()
            * expression.bcl2;

        let jun = self.deadly_jun(cascade.cjun) - self.deadly_jun(T::constant(1.0));
        let readiness = (self.apoptosis_jnk_gain * jun + 1.0).positive_part()
            * e.survival.power(-self.survival_strength);
        let hypoxic_death = self.apoptosis_hypoxia_gain
            * (self.severe_hypoxia(oxygen) - self.severe_hypoxia(reference_oxygen))
            * protection(e.glycolysis);
        let regulated = self.apoptosis_regulated_part;
        let cycling = self.cycling(oxygen, reference_oxygen);
        let direct = self.apoptosis_direct_gain * nodes.apoptosis;
        let apoptosis = |raf: T| {
            (cycling * (self.apoptosis_raf_gain * raf + direct) + regulated) * readiness
                + regulated.complement()
                + hypoxic_death
        };

        let emt =
            expression.emt * (self.emt_raf_loss * inhibition.raf).complement() * cascade.tip30_loss;

        Effectors {
            glycolysis: self.glycolysis_turnover * (glycolysis - e.glycolysis),
            survival: self.survival_turnover * (survival - e.survival),
            apoptosis: self.apoptosis_turnover * (apoptosis(inhibition.raf) - e.apoptosis),
            apoptosis_resistant: self.apoptosis_turnover
                * (apoptosis(resistant_raf) - e.apoptosis_resistant),
            emt: self.emt_turnover * (emt - e.emt),
        }
    }
}
