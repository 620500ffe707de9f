//! Signalling of the tumour cells: the kinases that sorafenib, hypoxia and resistance set in motion.
//!
//! ```text
//! E = xE [1 + eH (f2 - 1) + eR rho]+                                   EGFR with TGF-a
//! P = xP (1 - pR rho)(1 + e_ampk)                                      AMPK
//! K = xA [A + aE (E - 1) + aH (x t(O) - t(O0)) + aP (1 - 2P/(1 + P))]+ (1 - e_akt_survival)   AKT
//! A' = kA ([1 + aS I_r + aR rho + aT (1 - T)]+ - A)                    tone of AKT
//! T = xT [1 + mA (K - 1) + mP (1 - 2P/(1 + P))]+ (1 - e_mtorc1)           mTORC1
//! J = xJ (1 + jS I_r + jR rho)(1 + e_jnk)                                       c-Jun
//! Q = xQ [1 + qH (f1 - 1)]+ (1 + qS I_r)                               RIT1
//! F = xF [1 + pH (f1 - 1)]+ (1 + pS I_r)                               PFKFB3
//! N = [1 + nH (f1 - 1) + nO (t(O) - t(O0))]+ (1 - e_nfkb)              NF-kB
//! n = xn (1 + nR rho)                                                  14-3-3 eta
//! 1/TIP30 = [1 + z (f2 - 1)]+ (1 - e_emt)
//! t(O) = KA/(KA + O),   rho = R/(S + R)
//! ```
//!
//! `x` are expression levels (1 in a typical line; a knock-out is 0), `O0` the pO2 of the reference
//! tumour. The tone of AKT, what sorafenib and resistance make of it over days, is the one state here;
//! everything else follows at once, and so does what a kinase inhibitor takes away.
//!
//! Sources, all for signs only (numbers in parentheses: references of Zeng 2021): EGFR and TGF-a
//! follow HIF-2a (107) and resistant cells (29, 30); AMPK is lost in resistant cells and holds mTORC1
//! and HIF-1a down (110-112); AKT rises under sorafenib (26-28) and in hypoxia through AQP3 (114);
//! c-Jun rises under sorafenib (22, 23); RIT1 (119) and PFKFB3 (120) follow HIF-1 and sorafenib;
//! NF-kB follows hypoxia and HIF-1 (129); 14-3-3 eta is high in resistant cells (49); HIF-2a lowers
//! TIP30 (117). Limitations: weights are assumed, and each pathway is one level.

use super::exposure::Inhibition;
use super::fields::{parameters, states};
use super::hif::HifActivity;
use super::number::Number;
use super::partner::Nodes;

states! {
    /// Signals that adapt over days, relative to the reference tumour.
    Adaptation {
        /// Tone of AKT, A
        akt_tone: "AKT_tone" ["1"],
    }
}

parameters! {
    /// Expression or activity of single genes relative to a typical line: 1, or what an
    /// experiment makes of it (0 for a knock-out).
    Expression in "expression" {
        /// HIF-1a messenger RNA
        hif1a: "1" NonNegative,
        /// HIF-2a messenger RNA
        hif2a: "1" NonNegative,
        /// VHL, which marks hydroxylated HIF for decay
        vhl: "1" NonNegative,
        /// VEGF and other angiogenic drive
        vegf: "1" NonNegative,
        /// AKT
        akt: "1" NonNegative,
        /// AMPK
        ampk: "1" NonNegative,
        /// EGFR
        egfr: "1" NonNegative,
        /// JNK and c-Jun
        jnk: "1" NonNegative,
        /// RIT1
        rit1: "1" NonNegative,
        /// PFKFB3
        pfkfb3: "1" NonNegative,
        /// PKM2
        pkm2: "1" NonNegative,
        /// AQP3, which carries the hypoxic signal to AKT
        aqp3: "1" NonNegative,
        /// 14-3-3 eta
        eta1433: "1" NonNegative,
        /// mTORC1
        mtorc1: "1" NonNegative,
        /// BCL-2, BCL-XL and their like
        bcl2: "1" Positive,
        /// Programme of epithelial-mesenchymal transition
        emt: "1" NonNegative,
        /// Pumps that carry sorafenib out of the cell
        drug_efflux: "1" Positive,
        /// Silencing of the BNIP3 promoter in resistant cells
        bnip3_silencing: "1" Fraction,
    }
}

parameters! {
    /// Gains of the signalling pathways.
    SignallingParameters in "signalling" {
        /// Gain eH of EGFR with HIF-2 activity
        egfr_hif2_gain: "1" NonNegative,
        /// Gain eR of EGFR with the resistant part
        egfr_resistant_gain: "1" NonNegative,
        /// Loss pR of AMPK in resistant cells
        ampk_resistant_loss: "1" Fraction,
        /// Weight mA of AKT in mTORC1
        mtorc1_akt_weight: "1" NonNegative,
        /// Weight mP of lost AMPK in mTORC1
        mtorc1_ampk_weight: "1" NonNegative,
        /// Gain aS of AKT with RAF inhibition
        akt_raf_gain: "1" NonNegative,
        /// Gain aE of AKT with EGFR
        akt_egfr_gain: "1" NonNegative,
        /// Gain aH of AKT with hypoxia
        akt_hypoxia_gain: "1" NonNegative,
        /// Gain aP of AKT with lost AMPK
        akt_ampk_gain: "1" NonNegative,
        /// Gain aR of AKT with the resistant part
        akt_resistant_gain: "1" NonNegative,
        /// Gain aT of AKT with lost mTORC1 (feedback)
        akt_mtorc1_feedback: "1" NonNegative,
        /// Turnover kA of the tone of AKT
        akt_turnover: "1/h" Positive,
        /// Gain jS of c-Jun with RAF inhibition
        jnk_raf_gain: "1" NonNegative,
        /// Gain jR of c-Jun with the resistant part
        jnk_resistant_gain: "1" NonNegative,
        /// Gain qH of RIT1 with HIF-1 activity
        rit1_hif1_gain: "1" NonNegative,
        /// Gain qS of RIT1 with RAF inhibition
        rit1_raf_gain: "1" NonNegative,
        /// Gain pH of PFKFB3 with HIF-1 activity
        pfkfb3_hif1_gain: "1" NonNegative,
        /// Gain pS of PFKFB3 with RAF inhibition
        pfkfb3_raf_gain: "1" NonNegative,
        /// Gain nH of NF-kB with HIF-1 activity
        nfkb_hif1_gain: "1" NonNegative,
        /// Gain nO of NF-kB with hypoxia
        nfkb_hypoxia_gain: "1" NonNegative,
        /// Gain nR of 14-3-3 eta with the resistant part
        eta1433_resistant_gain: "1" NonNegative,
        /// Loss z of TIP30 with HIF-2 activity
        tip30_hif2_gain: "1" NonNegative,
        /// pO2 KA of half-maximal hypoxic signal to AKT and NF-kB
        hypoxia_half: "mmHg" Positive,
    }
}

/// The signals that follow at once, relative to the reference tumour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cascade<T> {
    /// EGFR and TGF-a, E.
    pub egfr: T,
    /// Phosphorylated AMPK, P.
    pub ampk: T,
    /// Phosphorylated AKT, K.
    pub akt: T,
    /// mTORC1, T.
    pub mtorc1: T,
    /// c-Jun, J.
    pub cjun: T,
    /// RIT1, Q.
    pub rit1: T,
    /// PFKFB3, F.
    pub pfkfb3: T,
    /// NF-kB, N.
    pub nfkb: T,
    /// 14-3-3 eta, n.
    pub eta1433: T,
    /// Lost TIP30, 1/TIP30.
    pub tip30_loss: T,
    /// Hypoxic signal to AKT, x t(O) - t(O0).
    pub aqp3: T,
    /// Loss of AMPK, 1 - 2P/(1 + P).
    pub ampk_loss: T,
}

impl<T: Number> SignallingParameters<T> {
    /// The signals at pO2 `oxygen` relative to the reference tumour at `reference_oxygen` (mmHg).
    #[allow(clippy::too_many_arguments)]
    pub fn cascade(
        &self,
        levels: &Adaptation<T>,
        expression: &Expression<T>,
        oxygen: T,
        reference_oxygen: T,
        resistant: T,
        activity: &HifActivity<T>,
        inhibition: &Inhibition<T>,
        nodes: &Nodes<T>,
    ) -> Cascade<T> {
        let hif1 = activity.hif1 - 1.0;
        let hif2 = activity.hif2 - 1.0;
        let signal = |o: T| self.hypoxia_half / (self.hypoxia_half + o);
        let hypoxia = signal(oxygen) - signal(reference_oxygen);
        let egfr = self.egfr_hif2_gain * hif2 + self.egfr_resistant_gain * resistant + 1.0;
        let ampk = expression.ampk
            * (self.ampk_resistant_loss * resistant).complement()
            * (nodes.ampk + 1.0);
        let brake = (ampk * 2.0 / (ampk + 1.0)).complement();
        let egfr = expression.egfr * egfr.positive_part();
        let aqp3 = expression.aqp3 * signal(oxygen) - signal(reference_oxygen);
        let akt = levels.akt_tone
            + self.akt_egfr_gain * (egfr - 1.0)
            + self.akt_hypoxia_gain * aqp3
            + self.akt_ampk_gain * brake;
        let akt = expression.akt * akt.positive_part() * nodes.akt_survival.complement();
        let mtorc1 = self.mtorc1_akt_weight * (akt - 1.0) + self.mtorc1_ampk_weight * brake + 1.0;
        let nfkb = self.nfkb_hif1_gain * hif1 + self.nfkb_hypoxia_gain * hypoxia + 1.0;
        let raf = inhibition.raf;
        Cascade {
            egfr,
            ampk,
            akt,
            mtorc1: expression.mtorc1 * mtorc1.positive_part() * nodes.mtorc1.complement(),
            cjun: expression.jnk
                * (self.jnk_raf_gain * raf + self.jnk_resistant_gain * resistant + 1.0)
                * (nodes.jnk + 1.0),
            rit1: expression.rit1
                * (self.rit1_hif1_gain * hif1 + 1.0).positive_part()
                * (self.rit1_raf_gain * raf + 1.0),
            pfkfb3: expression.pfkfb3
                * (self.pfkfb3_hif1_gain * hif1 + 1.0).positive_part()
                * (self.pfkfb3_raf_gain * raf + 1.0),
            nfkb: nfkb.positive_part() * nodes.nfkb.complement(),
            eta1433: expression.eta1433 * (self.eta1433_resistant_gain * resistant + 1.0),
            tip30_loss: (self.tip30_hif2_gain * hif2 + 1.0).positive_part()
                * nodes.emt.complement(),
            aqp3,
            ampk_loss: brake,
        }
    }

    /// A'.
    pub fn derivative(
        &self,
        levels: &Adaptation<T>,
        cascade: &Cascade<T>,
        resistant: T,
        inhibition: &Inhibition<T>,
    ) -> Adaptation<T> {
        let target = self.akt_raf_gain * inhibition.raf
            + self.akt_resistant_gain * resistant
            + self.akt_mtorc1_feedback * cascade.mtorc1.complement()
            + 1.0;
        Adaptation {
            akt_tone: self.akt_turnover * (target.positive_part() - levels.akt_tone),
        }
    }
}
