//! Partner drugs: exposure and effect on mechanism nodes.
//!
//! A partner acts on nodes of the mechanism with the fraction
//!
//! ```text
//! e_j = Emax_j Cp / (EC50_j + Cp)      achievable exposure: kinetics x potency
//! e_j = imposed fraction               mechanistic: while the partner is given
//! ```
//!
//! Two partners in their slots act independently: fractions combine as `1 - (1-e_a)(1-e_b)`,
//! inductions (HIF-1a degradation, AMPK, JNK) add.
//!
//! Kinetics: one compartment with first-order absorption, or a held concentration where nothing
//! better is known. Limitations: no interaction between the drugs' kinetics.

use super::fields::{ParameterField, parameters, states};
use super::number::Number;

states! {
    /// Amounts of one partner drug.
    PartnerAmounts {
        /// Gut depot
        depot: "depot_mg" ["mg"],
        /// Central compartment
        central: "central_mg" ["mg"],
        /// Eliminated so far
        eliminated: "eliminated_mg" ["mg"],
    }
}

parameters! {
    /// One-compartment kinetics of a partner.
    PartnerCompartment in "kinetics" {
        /// Absorption rate
        absorption_rate: "1/h" Positive,
        /// Half-life
        half_life: "h" Positive,
        /// Apparent volume V/F per kg body weight
        volume: "L/kg" Positive,
    }
}

/// Number of nodes.
pub const NODES: usize = 16;

/// The nodes of the mechanism on which partners act, with a value each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nodes<T> {
    /// Block of HIF-1a transcription.
    pub hif1_transcription: T,
    /// Block of HIF-1a synthesis from its messenger RNA.
    pub hif1_synthesis: T,
    /// Induction of HIF-1a degradation (VHL); a fold increase, may exceed 1.
    pub hif1_degradation: T,
    /// Block of HIF-2a synthesis.
    pub hif2_synthesis: T,
    /// Block of the HIF-2a:ARNT dimer.
    pub hif2_dimerisation: T,
    /// Block of HIF-1 transcriptional output.
    pub hif1_transactivation: T,
    /// Block of the glycolytic programme.
    pub glycolysis: T,
    /// Activation of AMPK; a fold increase, may exceed 1.
    pub ampk: T,
    /// Block of mTORC1.
    pub mtorc1: T,
    /// Block of AKT.
    pub akt_survival: T,
    /// Activation of JNK and c-Jun; a fold increase, may exceed 1.
    pub jnk: T,
    /// Block of NF-kB.
    pub nfkb: T,
    /// Direct kill.
    pub apoptosis: T,
    /// Arrest of the cell cycle.
    pub cytostasis: T,
    /// Block of VEGF signalling on vessels, beside sorafenib's own.
    pub angiogenesis: T,
    /// Block of the epithelial-mesenchymal transition.
    pub emt: T,
}

impl Nodes<f64> {
    /// Names of the nodes, in the order of [`Nodes::values`].
    pub const NAMES: [&'static str; NODES] = [
        "hif1_transcription",
        "hif1_synthesis",
        "hif1_degradation",
        "hif2_synthesis",
        "hif2_dimerisation",
        "hif1_transactivation",
        "glycolysis",
        "ampk",
        "mtorc1",
        "akt_survival",
        "jnk",
        "nfkb",
        "apoptosis",
        "cytostasis",
        "angiogenesis",
        "emt",
    ];

    /// Nodes that are fold increases rather than blocked fractions.
    pub const INDUCTIONS: [&'static str; 3] = ["hif1_degradation", "ampk", "jnk"];
}

impl<T: Number> Nodes<T> {
    /// All nodes at zero.
    pub fn none() -> Self {
        Self::from_values([T::constant(0.0); NODES])
    }

    /// Values in the order of [`Nodes::NAMES`].
    pub fn values(&self) -> [T; NODES] {
        [
            self.hif1_transcription,
            self.hif1_synthesis,
            self.hif1_degradation,
            self.hif2_synthesis,
            self.hif2_dimerisation,
            self.hif1_transactivation,
            self.glycolysis,
            self.ampk,
            self.mtorc1,
            self.akt_survival,
            self.jnk,
            self.nfkb,
            self.apoptosis,
            self.cytostasis,
            self.angiogenesis,
            self.emt,
        ]
    }

    /// Nodes from values in the order of [`Nodes::NAMES`].
    pub fn from_values(v: [T; NODES]) -> Self {
        Self {
            hif1_transcription: v[0],
            hif1_synthesis: v[1],
            hif1_degradation: v[2],
            hif2_synthesis: v[3],
            hif2_dimerisation: v[4],
            hif1_transactivation: v[5],
            glycolysis: v[6],
            ampk: v[7],
            mtorc1: v[8],
            akt_survival: v[9],
            jnk: v[10],
            nfkb: v[11],
            apoptosis: v[12],
            cytostasis: v[13],
            angiogenesis: v[14],
            emt: v[15],
        }
    }

    /// The nodes under both effects: independent fractions, added inductions.
    pub fn with(&self, other: &Self) -> Self {
        let (a, b) = (self.values(), other.values());
        let mut both = Self::from_values(std::array::from_fn(|i| {
            (a[i].complement() * b[i].complement()).complement()
        }));
        both.hif1_degradation = self.hif1_degradation + other.hif1_degradation;
        both.ampk = self.ampk + other.ampk;
        both.jnk = self.jnk + other.jnk;
        both
    }
}

/// Kinetics of a partner in a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum PartnerKinetics<T> {
    /// The regimen holds a concentration (culture medium, or a sustained level).
    Held,
    /// One compartment; the second value is the body weight, kg.
    OneCompartment(PartnerCompartment<T>, T),
}

/// From partner to nodes.
#[derive(Debug, Clone, PartialEq)]
pub enum PartnerAction<T> {
    /// Mechanistic mode: fractions imposed while the partner is given.
    Imposed(Nodes<T>),
    /// Achievable exposure: Emax and EC50 (nM) per node; nodes without a known EC50 have Emax 0.
    Potency {
        /// Largest effect per node.
        emax: Nodes<T>,
        /// Concentration of half effect per node, nM.
        ec50: Nodes<T>,
    },
}

/// One partner drug in its slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Partner<T> {
    /// Kinetics in the setting.
    pub kinetics: PartnerKinetics<T>,
    /// Action on the nodes.
    pub action: PartnerAction<T>,
    /// Molar mass, g/mol.
    pub molar_mass: T,
    /// Unbound fraction.
    pub unbound_fraction: T,
}

/// Piecewise constant inputs of a partner between two events.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PartnerInput<T = f64> {
    /// Whether the partner is being given (mechanistic mode).
    pub given: bool,
    /// Held total concentration, nM.
    pub held: T,
    /// Infusion into the central compartment, mg/h.
    pub infusion: T,
    /// Infusion into the depot, mg/h.
    pub depot_infusion: T,
}

impl<T: Number> Partner<T> {
    /// The same partner in another number type, made from the name and value of each parameter
    /// below `block`.
    pub fn map_named_at<U: Number>(
        &self,
        block: &str,
        f: &mut impl FnMut(&ParameterField<'_>, T) -> U,
    ) -> Partner<U> {
        let mut nodes = |n: &Nodes<T>, table: &str, unit: &'static str, meaning: &'static str| {
            let values = n.values();
            Nodes::from_values(std::array::from_fn(|i| {
                let field = ParameterField {
                    block: &format!("{block}.{table}"),
                    name: Nodes::NAMES[i],
                    unit,
                    meaning,
                };
                f(&field, values[i])
            }))
        };
        let action = match &self.action {
            PartnerAction::Imposed(imposed) => {
                PartnerAction::Imposed(nodes(imposed, "imposed", "1", "Effect imposed on the node"))
            }
            PartnerAction::Potency { emax, ec50 } => PartnerAction::Potency {
                emax: nodes(emax, "emax", "1", "Largest effect on the node"),
                ec50: nodes(
                    ec50,
                    "ec50",
                    "nM",
                    "Concentration of half effect on the node",
                ),
            },
        };
        let single = |name, unit, meaning| ParameterField {
            block,
            name,
            unit,
            meaning,
        };
        let kinetics = match &self.kinetics {
            PartnerKinetics::Held => PartnerKinetics::Held,
            PartnerKinetics::OneCompartment(p, weight) => PartnerKinetics::OneCompartment(
                p.map_named_at(&format!("{block}.kinetics"), f),
                // The host is one: its weight stands with the exposure to sorafenib.
                f(
                    &ParameterField {
                        block: "exposure",
                        name: "body_weight",
                        unit: "kg",
                        meaning: "Body weight",
                    },
                    *weight,
                ),
            ),
        };
        Partner {
            kinetics,
            action,
            molar_mass: f(
                &single("molar_mass", "g/mol", "Molar mass"),
                self.molar_mass,
            ),
            unbound_fraction: f(
                &single("unbound_fraction", "1", "Unbound fraction"),
                self.unbound_fraction,
            ),
        }
    }

    /// Total concentration, nM.
    pub fn concentration(&self, amounts: &PartnerAmounts<T>, input: &PartnerInput<T>) -> T {
        match &self.kinetics {
            PartnerKinetics::Held => input.held,
            PartnerKinetics::OneCompartment(p, weight) => {
                amounts.central / (p.volume * *weight) * T::nanomolar_per_mass() / self.molar_mass
            }
        }
    }

    /// Effects on the nodes.
    pub fn nodes(&self, amounts: &PartnerAmounts<T>, input: &PartnerInput<T>) -> Nodes<T> {
        match &self.action {
            PartnerAction::Imposed(imposed) if input.given => *imposed,
            PartnerAction::Imposed(_) => Nodes::none(),
            PartnerAction::Potency { emax, ec50 } => {
                let unbound =
                    (self.unbound_fraction * self.concentration(amounts, input)).positive_part();
                let (emax, ec50) = (emax.values(), ec50.values());
                Nodes::from_values(std::array::from_fn(|i| {
                    emax[i] * unbound.saturation(ec50[i])
                }))
            }
        }
    }

    /// Rates of change of the amounts, mg/h.
    pub fn derivatives(
        &self,
        amounts: &PartnerAmounts<T>,
        input: &PartnerInput<T>,
    ) -> PartnerAmounts<T> {
        match &self.kinetics {
            PartnerKinetics::Held => PartnerAmounts {
                depot: T::constant(0.0),
                central: T::constant(0.0),
                eliminated: T::constant(0.0),
            },
            PartnerKinetics::OneCompartment(p, _) => {
                let absorption = p.absorption_rate * amounts.depot;
                let elimination =
                    T::constant(std::f64::consts::LN_2) / p.half_life * amounts.central;
                PartnerAmounts {
                    depot: -absorption + input.depot_infusion,
                    central: absorption - elimination + input.infusion,
                    eliminated: elimination,
                }
            }
        }
    }
}
