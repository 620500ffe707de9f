//! The tumour: sensitive and resistant cells, dying cells, metastases.
//!
//! ```text
//! growth = [lambda + (tau - 1) d0 (O0 + Kg)/O0] O/(O + Kg) [1 + c2 f2+ + cG (G - 1) + cE (E - 1) + cT (T - 1)]+ (1 - e_cytostasis)
//!          ln(K/V)/ln(K/V*)
//! S'  = growth (1 - icyt I_r) S - tau d0 X S - ksr a S + krs R
//! R'  = growth (1 - icyt I_rR) R - tau d0 XR R + ksr a S - krs R
//! a   = max(f2 - 1, 0) + ai I_r + ah max(W - W0, 0)
//! D1' = deaths - kD D1,    D2' = kD (D1 - D2)
//! M'  = mu Z^2 ((S + R)/V*)^m
//! pR  = pR0 (1 - wB (1 - BNIP3 silencing)),   I_rR = I_r at (1 - pR) of the concentration
//! V   = S + R + D1 + D2
//! ```
//!
//! The turnover `tau` raises death and birth of the reference tumour alike, so that its net growth stays: tumours that
//! double in the same time lose between none and nine in ten of the cells that are born (cell loss factor, Steel 1967).
//!
//! `V` is the burden and `V*` that of the reference tumour: sizes are absolute. Cells adapt at a rate that follows
//! HIF-2 activity above the reference, RAF inhibition itself, and prolonged hypoxia without HIF-2, through its regulator
//! `W` above that of the reference tumour: escape has many routes (Zeng 2021, conclusion), antisense against either HIF
//! left the number of tumours in the mouse's liver unchanged (Vanderborght 2020), and in patients HIF-2a has no
//! prognostic association (Ding 2021). They revert slowly off drug. Resistant cells are insensitive to sorafenib by the part `pR`, of which the silenced promoter of
//! BNIP3 makes the part `wB` (Zeng 2021, ref. 118). EGFR keeps them dividing (30), mTORC1 and
//! glycolysis feed growth. A cell must leave and settle, and both follow EMT: hence Z^2; tumours shed with
//! the power `m` of their size, near that of their surface (Iwata 2000). Dying cells pass two stages, so that
//! volume falls with a delay.
//!
//! Assumptions: Gompertz limitation by the carrying capacity K; adaptation is reversible. Metastases
//! count new ones since the start and do not act back. Limitations: no immune system, no space.

use super::effectors::Effectors;
use super::exposure::Inhibition;
use super::fields::{parameters, states};
use super::hif::HifActivity;
use super::number::Number;
use super::partner::Nodes;
use super::signalling::{Cascade, Expression};

states! {
    /// Volumes of the tumour's cells in the setting's unit of burden, and metastases.
    Tumour {
        /// Sensitive viable cells S
        sensitive: "sensitive" ["burden"],
        /// Adapted, resistant viable cells R
        resistant: "resistant" ["burden"],
        /// Dying cells, first stage D1
        dying_early: "dying_early" ["burden"],
        /// Dying cells, second stage D2
        dying_late: "dying_late" ["burden"],
        /// New metastases M since the start
        metastases: "metastases" ["count"],
    }
}

impl<T: Number> Tumour<T> {
    /// Viable volume S + R.
    pub fn viable(&self) -> T {
        self.sensitive + self.resistant
    }

    /// Whole volume S + R + D1 + D2.
    pub fn burden(&self) -> T {
        self.viable() + self.dying_early + self.dying_late
    }

    /// Resistant part of the viable volume, R/(S + R).
    pub fn resistant_fraction(&self) -> T {
        self.resistant / self.viable()
    }
}

parameters! {
    /// Rates of growth, death and adaptation.
    TumourParameters in "tumour" {
        /// Growth rate lambda at full oxygen
        growth_rate: "1/h" NonNegative,
        /// pO2 of half-maximal growth, Kg
        growth_oxygen_half: "mmHg" NonNegative,
        /// Weight c2 of HIF-2 activity in growth
        growth_hif2_weight: "1" Any,
        /// Weight cG of glycolysis in growth
        growth_glycolysis_weight: "1" Any,
        /// Weight cE of EGFR in growth
        growth_egfr_weight: "1" NonNegative,
        /// Weight cT of mTORC1 in growth
        growth_mtorc1_weight: "1" NonNegative,
        /// Cytostasis icyt under full RAF inhibition
        raf_cytostasis: "1" Fraction,
        /// Death rate d0 at apoptosis signal 1
        death_rate: "1/h" NonNegative,
        /// Turnover tau: death rate over d0, at the same net growth of the reference tumour
        turnover: "1" Positive,
        /// Clearance kD of each stage of dying cells
        dying_clearance: "1/h" Positive,
        /// Insensitivity pR of resistant cells
        resistant_protection: "1" Fraction,
        /// Part wB of that insensitivity that rests on silenced BNIP3
        bnip3_protection: "1" Fraction,
        /// Adaptation rate ksr per unit of HIF-2 activity above the reference
        adaptation_rate: "1/h" NonNegative,
        /// Weight ai of RAF inhibition beside HIF-2 in adaptation
        adaptation_raf_weight: "1" NonNegative,
        /// Weight ah of prolonged hypoxia beside HIF-2 in adaptation
        adaptation_hypoxia_weight: "1" NonNegative,
        /// Reversion rate krs
        reversion_rate: "1/h" NonNegative,
        /// New metastases mu per h from a tumour of the reference size at EMT 1
        metastasis_rate: "1/h" NonNegative,
        /// Power m of the tumour's size with which it sheds metastases
        metastasis_exponent: "1" NonNegative,
        /// Resistant part of the viable cells at the start
        initial_resistant_fraction: "1" Fraction,
    }
}

/// Sizes of a tumour, in the setting's unit of burden.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TumourSize<T> {
    /// Burden at the start of treatment.
    pub initial: T,
    /// Carrying capacity K.
    pub capacity: T,
    /// Burden V* of the reference tumour.
    pub reference: T,
}

impl<T: Number> TumourParameters<T> {
    /// Gompertz factor, one at the size of the reference tumour.
    pub fn room(&self, tumour: &Tumour<T>, size: &TumourSize<T>) -> T {
        (size.capacity / tumour.burden()).ln() / (size.capacity / size.reference).ln()
    }

    /// Growth rate per h at pO2 `oxygen`, that of the reference tumour being `reference_oxygen` (mmHg), before cytostasis
    /// by sorafenib.
    #[allow(clippy::too_many_arguments)]
    pub fn growth(
        &self,
        tumour: &Tumour<T>,
        size: &TumourSize<T>,
        oxygen: T,
        reference_oxygen: T,
        activity: &HifActivity<T>,
        glycolysis: T,
        cascade: &Cascade<T>,
        nodes: &Nodes<T>,
    ) -> T {
        let drive = self.growth_hif2_weight * activity.hif2_support
            + self.growth_glycolysis_weight * (glycolysis - 1.0)
            + self.growth_egfr_weight * (cascade.egfr - 1.0)
            + self.growth_mtorc1_weight * (cascade.mtorc1 - 1.0)
            + 1.0;
        let room = self.room(tumour, size);
        let replaced = (self.turnover - 1.0) * self.death_rate
            / reference_oxygen.saturation(self.growth_oxygen_half);
        (self.growth_rate + replaced)
            * oxygen.saturation(self.growth_oxygen_half)
            * drive.positive_part()
            * nodes.cytostasis.complement()
            * room
    }

    /// Death rate per h at apoptosis signal 1, with the turnover.
    fn loss(&self) -> T {
        self.turnover * self.death_rate
    }

    /// Sensitivity 1 - pR that resistant cells keep.
    pub fn exposed(&self, expression: &Expression<T>) -> T {
        let lost = self.bnip3_protection * expression.bnip3_silencing.complement();
        (self.resistant_protection * lost.complement()).complement()
    }

    /// Rates per viable cell and h: (proliferation under sorafenib, death).
    pub fn turnover(
        &self,
        tumour: &Tumour<T>,
        growth: T,
        effectors: &Effectors<T>,
        inhibition: &Inhibition<T>,
        resistant_raf: T,
    ) -> (T, T) {
        let cytostasis = self.raf_cytostasis * inhibition.raf;
        let resistant_cytostasis = self.raf_cytostasis * resistant_raf;
        let resistant = tumour.resistant_fraction();
        let born = cytostasis.complement() * resistant.complement()
            + resistant_cytostasis.complement() * resistant;
        let dying = effectors.mean_apoptosis(resistant);
        (growth * born, self.loss() * dying)
    }

    /// S', R', D1', D2', M' for a growth rate from [`growth`](Self::growth) and the regulator of prolonged
    /// hypoxia above that of the reference tumour, `W - W0`.
    #[allow(clippy::too_many_arguments)]
    pub fn derivatives(
        &self,
        tumour: &Tumour<T>,
        size: &TumourSize<T>,
        growth: T,
        effectors: &Effectors<T>,
        activity: &HifActivity<T>,
        inhibition: &Inhibition<T>,
        resistant_raf: T,
        prolonged_hypoxia: T,
    ) -> Tumour<T> {
        let cytostasis = self.raf_cytostasis * inhibition.raf;
        let sensitive_deaths = self.loss() * effectors.apoptosis * tumour.sensitive;
        let resistant_deaths = self.loss() * effectors.apoptosis_resistant * tumour.resistant;
        let pressure = (activity.hif2 - 1.0).positive_part()
            + self.adaptation_raf_weight * inhibition.raf
            + self.adaptation_hypoxia_weight * prolonged_hypoxia.positive_part();
        let adapting = self.adaptation_rate * pressure * tumour.sensitive;
        let reverting = self.reversion_rate * tumour.resistant;
        Tumour {
            sensitive: growth * cytostasis.complement() * tumour.sensitive
                - sensitive_deaths
                - adapting
                + reverting,
            resistant: growth
                * (self.raf_cytostasis * resistant_raf).complement()
                * tumour.resistant
                - resistant_deaths
                + adapting
                - reverting,
            dying_early: sensitive_deaths + resistant_deaths
                - self.dying_clearance * tumour.dying_early,
            dying_late: self.dying_clearance * (tumour.dying_early - tumour.dying_late),
            metastases: self.metastasis_rate
                * effectors.emt.squared()
                * (tumour.viable() / size.reference).power(self.metastasis_exponent),
        }
    }
}
