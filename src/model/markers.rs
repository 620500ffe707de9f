//! Readouts: what a laboratory would measure, computed from a state and driving nothing.
//!
//! ```text
//! hypoxic fraction = 1/(1 + (O/O_f)^s)       tissue below O_f when local pO2 is log-logistic about O
//! pVEGFR2   = VEGF (1 - I_v)
//! pERK      = (1 - I_r)[1 + w (E - 1) + w (Q - 1)]+
//! cyclin D1 = (1 - cR I_r)[1 + c2 (f2 - 1)]+
//! LDHA, HK2 = [1 + g (f1 - 1)]+
//! GLUT1     = [1 + u1 (f1 - 1) + u2 (f2 - 1)]+
//! BNIP3     = [1 + g (f1 - 1)]+ (1 - silencing rho) + (1 - g) silencing rho     (silenced: not induced)
//! pSTAT3    = [1 + s (f2 - 1)]+,   AR = 1/(1 + r (f2 - 1))
//! c-Myc     = [1 + m (f2 - 1) + mP (1 - 2P/(1 + P))]+
//! CSC       = [1 + z (Z - 1) + h (f1 - 1)]+
//! galectin-1 = K T H1,   AQP3 = 1 + q (x t(O) - t(O0))
//! ```
//!
//! Sources (signs only; references of Zeng 2021): cyclin D1, LDHA (109); GLUT1, HK2 (125); BNIP3
//! (118, 123); STAT3, AR (128); beta-catenin and c-Myc (122, 111); stem-like cells (36-38, 49);
//! galectin-1 (113); AQP3 (114). Limitations: no delays of their own, assumed gains.

use super::fields::parameters;
use super::number::Number;
use super::{Model, Signals, State};

parameters! {
    /// Gains of the readouts.
    MarkerParameters in "markers" {
        /// pO2 O_f below which tissue counts as hypoxic
        hypoxic_oxygen: "mmHg" Positive,
        /// Shape s of the distribution of local pO2
        hypoxic_shape: "1" Positive,
        /// Weight w of EGFR and of RIT1 in pERK
        erk_input_weight: "1" NonNegative,
        /// Gain c2 of cyclin D1 with HIF-2 activity
        cyclin_hif2_gain: "1" NonNegative,
        /// Loss cR of cyclin D1 under full RAF inhibition
        cyclin_raf_loss: "1" Fraction,
        /// Gain g of LDHA, HK2 and BNIP3 with HIF-1 activity
        hif1_target_gain: "1" Fraction,
        /// Gain u1 of GLUT1 with HIF-1 activity
        glut1_hif1_gain: "1" NonNegative,
        /// Gain u2 of GLUT1 with HIF-2 activity
        glut1_hif2_gain: "1" NonNegative,
        /// Gain s of pSTAT3 with HIF-2 activity
        stat3_hif2_gain: "1" NonNegative,
        /// Strength r of HIF-2 activity against the androgen receptor
        androgen_receptor_loss: "1" Fraction,
        /// Gain m of c-Myc and beta-catenin with HIF-2 activity
        myc_hif2_gain: "1" NonNegative,
        /// Weight mP of lost AMPK in c-Myc
        myc_ampk_weight: "1" NonNegative,
        /// Weight z of EMT in stem-like cells
        stem_emt_weight: "1" NonNegative,
        /// Weight h of HIF-1 activity in stem-like cells
        stem_hif1_weight: "1" NonNegative,
        /// Gain q of AQP3 with hypoxia
        aqp3_hypoxia_gain: "1" NonNegative,
    }
}

/// Name, unit, meaning and value of a readout.
#[derive(Debug, Clone, Copy)]
pub struct Readout {
    /// Name.
    pub name: &'static str,
    /// Unit; `1` for quantities relative to the reference tumour.
    pub unit: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// Its value at a state with its signals.
    pub value: fn(&Model<f64>, &State<f64>, &Signals<f64>) -> f64,
}

impl Readout {
    /// A readout by name.
    pub fn find(name: &str) -> Option<&'static Self> {
        READOUTS.iter().find(|readout| readout.name == name)
    }
}

fn linear(gains: &[(f64, f64)]) -> f64 {
    let sum: f64 = gains.iter().map(|(gain, level)| gain * (level - 1.0)).sum();
    (1.0 + sum).positive_part()
}

/// (proliferation, death) per viable cell and day.
fn turnover(model: &Model<f64>, y: &State<f64>, s: &Signals<f64>) -> (f64, f64) {
    let growth = model.growth(y, s) / model.tumour.room(&y.tumour, &model.size);
    let (born, dying) = model.tumour.turnover(
        &y.tumour,
        growth,
        &y.effectors,
        &s.inhibition,
        s.resistant_raf,
    );
    (24.0 * born, 24.0 * dying)
}

macro_rules! readouts {
    ($( $name:literal [$unit:literal] $meaning:literal $value:expr; )+) => {
        /// All readouts.
        pub const READOUTS: &[Readout] = &[$( Readout {
            name: $name, unit: $unit, meaning: $meaning, value: $value,
        } ),+];
    };
}

readouts! {
    "sorafenib" ["mg/L"] "total sorafenib" |_, _, s| s.sorafenib_total;
    "sorafenib_intracellular_nM" ["nM"] "unbound sorafenib in tumour cells" |_, _, s| s.sorafenib_intracellular;
    "VEGF" ["1"] "VEGF" |_, y, _| y.vasculature.vegf;
    "pVEGFR2" ["1"] "phosphorylated VEGFR2" |_, y, s| y.vasculature.vegf * (1.0 - s.inhibition.vegfr2);
    "MVD" ["1"] "microvessel density" |_, _, s| s.mvd;
    "pO2_mmHg" ["mmHg"] "tumour pO2" |_, y, _| y.oxygen;
    "hypoxic_fraction" ["1"] "part of the tissue below the hypoxic pO2" |m, y, _| {
        1.0 / (1.0 + (y.oxygen / m.markers.hypoxic_oxygen).power(m.markers.hypoxic_shape))
    };
    "HIF1A" ["1"] "HIF-1a protein" |_, y, _| y.hif.hif1a;
    "HIF1A_mRNA" ["1"] "HIF-1a messenger RNA" |m, _, s| m.hif.hif1a_messenger(&m.expression, &s.nodes);
    "HIF1A_half_life_h" ["h"] "half-life of HIF-1a protein" |m, y, s| {
        std::f64::consts::LN_2
            / m.hif.hif1a_decay(&y.hif, y.oxygen, &m.expression, &s.cascade, &s.nodes)
    };
    "HIF2A" ["1"] "HIF-2a protein" |_, y, _| y.hif.hif2a;
    "HAF" ["1"] "regulator of the switch" |_, y, _| y.hif.regulator;
    "switch_index" ["1"] "HIF-2a/HIF-1a" |_, y, _| y.hif.hif2a / y.hif.hif1a;
    "HIF1_activity" ["1"] "HIF-1 transcriptional output" |_, _, s| s.activity.hif1;
    "HIF2_activity" ["1"] "HIF-2 transcriptional output" |_, _, s| s.activity.hif2;
    "pERK" ["1"] "phosphorylated ERK" |m, _, s| {
        let w = m.markers.erk_input_weight;
        (1.0 - s.inhibition.raf) * linear(&[(w, s.cascade.egfr), (w, s.cascade.rit1)])
    };
    "EGFR" ["1"] "EGFR with TGF-a" |_, _, s| s.cascade.egfr;
    "pAKT" ["1"] "phosphorylated AKT" |_, _, s| s.cascade.akt;
    "pAMPK" ["1"] "phosphorylated AMPK" |_, _, s| s.cascade.ampk;
    "mTORC1" ["1"] "mTORC1" |_, _, s| s.cascade.mtorc1;
    "cJun" ["1"] "phosphorylated c-Jun" |_, _, s| s.cascade.cjun;
    "RIT1" ["1"] "RIT1" |_, _, s| s.cascade.rit1;
    "PFKFB3" ["1"] "PFKFB3" |_, _, s| s.cascade.pfkfb3;
    "NFkB" ["1"] "NF-kB" |_, _, s| s.cascade.nfkb;
    "eta1433" ["1"] "14-3-3 eta" |_, _, s| s.cascade.eta1433;
    "TIP30" ["1"] "TIP30 (HTATIP2), at most 1000" |_, _, s| 1.0 / s.cascade.tip30_loss.max(1e-3);
    "pSTAT3" ["1"] "phosphorylated STAT3" |m, _, s| linear(&[(m.markers.stat3_hif2_gain, s.activity.hif2)]);
    "AR" ["1"] "androgen receptor" |m, _, s| {
        1.0 / (1.0 + m.markers.androgen_receptor_loss * (s.activity.hif2 - 1.0))
    };
    "AQP3" ["1"] "aquaporin 3" |m, _, s| 1.0 + m.markers.aqp3_hypoxia_gain * s.cascade.aqp3;
    "galectin_1" ["1"] "galectin-1" |_, y, s| s.cascade.akt * s.cascade.mtorc1 * y.hif.hif1a;
    "cMyc" ["1"] "c-Myc and beta-catenin" |m, _, s| {
        linear(&[
            (m.markers.myc_hif2_gain, s.activity.hif2),
            (m.markers.myc_ampk_weight, 1.0 + s.cascade.ampk_loss),
        ])
    };
    "CSC" ["1"] "stem-like cells" |m, y, s| {
        linear(&[
            (m.markers.stem_emt_weight, y.effectors.emt),
            (m.markers.stem_hif1_weight, s.activity.hif1),
        ])
    };
    "cyclin_D1" ["1"] "cyclin D1" |m, _, s| {
        (1.0 - m.markers.cyclin_raf_loss * s.inhibition.raf)
            * linear(&[(m.markers.cyclin_hif2_gain, s.activity.hif2)])
    };
    "LDHA" ["1"] "LDHA" |m, _, s| linear(&[(m.markers.hif1_target_gain, s.activity.hif1)]);
    "HK2" ["1"] "HK2" |m, _, s| linear(&[(m.markers.hif1_target_gain, s.activity.hif1)]);
    "GLUT1" ["1"] "GLUT1" |m, _, s| {
        linear(&[
            (m.markers.glut1_hif1_gain, s.activity.hif1),
            (m.markers.glut1_hif2_gain, s.activity.hif2),
        ])
    };
    "PKM2" ["1"] "PKM2" |_, _, s| s.pkm2;
    "BNIP3" ["1"] "BNIP3 and NIX" |m, _, s| {
        linear(&[(m.markers.hif1_target_gain, s.activity.hif1)])
            * (1.0 - m.expression.bnip3_silencing * s.resistant)
            + (1.0 - m.markers.hif1_target_gain) * m.expression.bnip3_silencing * s.resistant
    };
    "P_gp" ["1"] "P-gp" |_, _, s| s.pgp;
    "glycolysis" ["1"] "glycolytic programme" |_, y, _| y.effectors.glycolysis;
    "survival" ["1"] "survival signal" |_, y, _| y.effectors.survival;
    "apoptosis" ["1"] "caspase signal per viable cell" |_, _, s| s.apoptosis;
    "EMT" ["1"] "epithelial-mesenchymal transition" |_, y, _| y.effectors.emt;
    "metastases" ["count"] "new metastases" |_, y, _| y.tumour.metastases;
    "burden" ["burden"] "whole volume" |_, y, _| y.tumour.burden();
    "viable" ["burden"] "viable cells" |_, y, _| y.tumour.viable();
    "resistant_fraction" ["1"] "resistant part of the viable cells" |_, _, s| s.resistant;
    "proliferation" ["1/d"] "divisions per viable cell, were there room as at the start" |m, y, s| turnover(m, y, s).0;
    "death" ["1/d"] "deaths per viable cell" |m, y, s| turnover(m, y, s).1;
}
