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
//! the induction of HIF-1a degradation adds.
//!
//! Kinetics: one compartment with first-order absorption, or a held concentration where nothing
//! better is known. Limitations: no interaction between the drugs' kinetics.

use super::fields::{parameters, states};
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

/// The nodes of the mechanism on which partners act, with a value each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nodes<T> {
    /// Block of HIF-1a synthesis.
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
    /// Block of AKT-dependent survival.
    pub akt_survival: T,
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
    pub const NAMES: [&'static str; 11] = [
        "hif1_synthesis",
        "hif1_degradation",
        "hif2_synthesis",
        "hif2_dimerisation",
        "hif1_transactivation",
        "glycolysis",
        "akt_survival",
        "apoptosis",
        "cytostasis",
        "angiogenesis",
        "emt",
    ];
}

impl<T: Number> Nodes<T> {
    /// All nodes at zero.
    pub fn none() -> Self {
        Self::from_values([T::constant(0.0); 11])
    }

    /// Values in the order of [`Nodes::NAMES`].
    pub fn values(&self) -> [T; 11] {
        [
            self.hif1_synthesis,
            self.hif1_degradation,
            self.hif2_synthesis,
            self.hif2_dimerisation,
            self.hif1_transactivation,
            self.glycolysis,
            self.akt_survival,
            self.apoptosis,
            self.cytostasis,
            self.angiogenesis,
            self.emt,
        ]
    }

    /// Nodes from values in the order of [`Nodes::NAMES`].
    pub fn from_values(v: [T; 11]) -> Self {
        Self {
            hif1_synthesis: v[0],
            hif1_degradation: v[1],
            hif2_synthesis: v[2],
            hif2_dimerisation: v[3],
            hif1_transactivation: v[4],
            glycolysis: v[5],
            akt_survival: v[6],
            apoptosis: v[7],
            cytostasis: v[8],
            angiogenesis: v[9],
            emt: v[10],
        }
    }

    /// The nodes under both effects: independent fractions, added inductions.
    pub fn with(&self, other: &Self) -> Self {
        let (a, b) = (self.values(), other.values());
        let mut both = Self::from_values(std::array::from_fn(|i| {
            (a[i].complement() * b[i].complement()).complement()
        }));
        both.hif1_degradation = self.hif1_degradation + other.hif1_degradation;
        both
    }
}

/// Kinetics of a partner in a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum PartnerKinetics<T> {
    /// The regimen holds a concentration (culture medium, or a sustained level).
    Held,
    /// One compartment; the second value is the body weight, kg.
    OneCompartment(PartnerCompartment<T>, f64),
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
pub struct PartnerInput {
    /// Whether the partner is being given (mechanistic mode).
    pub given: bool,
    /// Held total concentration, nM.
    pub held: f64,
    /// Infusion into the central compartment, mg/h.
    pub infusion: f64,
}

impl<T: Number> Partner<T> {
    /// The same partner in another number type.
    pub fn map<U: Number>(&self, mut f: impl FnMut(T) -> U) -> Partner<U> {
        let mut nodes = |n: &Nodes<T>| Nodes::from_values(n.values().map(&mut f));
        let action = match &self.action {
            PartnerAction::Imposed(imposed) => PartnerAction::Imposed(nodes(imposed)),
            PartnerAction::Potency { emax, ec50 } => PartnerAction::Potency {
                emax: nodes(emax),
                ec50: nodes(ec50),
            },
        };
        let kinetics = match &self.kinetics {
            PartnerKinetics::Held => PartnerKinetics::Held,
            PartnerKinetics::OneCompartment(p, weight) => {
                PartnerKinetics::OneCompartment(p.map(&mut f), *weight)
            }
        };
        Partner {
            kinetics,
            action,
            molar_mass: f(self.molar_mass),
            unbound_fraction: f(self.unbound_fraction),
        }
    }

    /// Total concentration, nM.
    pub fn concentration(&self, amounts: &PartnerAmounts<T>, input: &PartnerInput) -> T {
        match &self.kinetics {
            PartnerKinetics::Held => T::constant(input.held),
            PartnerKinetics::OneCompartment(p, weight) => {
                amounts.central / (p.volume * *weight) * 1e6 / self.molar_mass
            }
        }
    }

    /// Effects on the nodes.
    pub fn nodes(&self, amounts: &PartnerAmounts<T>, input: &PartnerInput) -> Nodes<T> {
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
        input: &PartnerInput,
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
                    depot: -absorption,
                    central: absorption - elimination + input.infusion,
                    eliminated: elimination,
                }
            }
        }
    }
}
