//! Exposure: sorafenib from dose to unbound concentration.
//!
//! Man (Jain 2011, population PK): a depot and four transit compartments with the common rate
//! `ka = 5/MAT`, a central compartment, and enterohepatic recirculation. The fraction `Fent` of
//! the central outflow goes to the gallbladder, which empties into the last transit compartment
//! from `t'` after a dose until the next dose:
//!
//! ```text
//! A0' = -ka A0
//! Ai' = ka (A(i-1) - Ai)                         i = 1..3
//! A4' = ka (A3 - A4) + gate kEhc Ab
//! Ac' = ka A4 - (CL/V) Ac
//! Ab' = Fent (CL/V) Ac - gate kEhc Ab
//! ```
//!
//! The published gate `tad^40/(tad^40 + t'^40)` is a step to within a few minutes; it is a step
//! here, and its edges are events. At steady state AUC over one interval is `Dose/(CL (1-Fent))`.
//!
//! Mouse: one compartment, first-order absorption. Culture: the medium is clamped.
//!
//! Every effect is driven by the unbound concentration `Cu = fu C / M`.
//!
//! Absorption is less than proportional to the dose: the bioavailability falls as
//! `[(1 + (Dref/D50)^h) / (1 + (D/D50)^h)]^(1/h)`, one at the dose `Dref` for which CL/F was
//! measured. Exposure falls over the first two months of treatment (Diaz-Gonzalez 2020,
//! Boudou-Rouquette 2012, Arrondeau 2012); the fall acts on the bioavailability of each dose, so
//! that the equations stay autonomous between events.
//!
//! Limitations: no metabolites, no food effect, no covariates beyond body weight. Jain's CL/F is
//! that of solid tumours; patients with HCC need a relative bioavailability of about 0.6.

use super::fields::{ParameterField, parameters, states};
use super::number::Number;
use crate::error::Result;
use crate::parameters::Reader;

states! {
    /// Amounts of sorafenib. In the mouse the transit compartments and the gallbladder stay empty;
    /// in culture all do.
    SorafenibAmounts {
        /// Gut depot, A0
        depot: "sorafenib_depot_mg" ["mg"],
        /// Transit compartment A1
        transit1: "sorafenib_transit1_mg" ["mg"],
        /// Transit compartment A2
        transit2: "sorafenib_transit2_mg" ["mg"],
        /// Transit compartment A3
        transit3: "sorafenib_transit3_mg" ["mg"],
        /// Transit compartment A4, also fed by the gallbladder
        transit4: "sorafenib_transit4_mg" ["mg"],
        /// Central compartment, Ac
        central: "sorafenib_central_mg" ["mg"],
        /// Gallbladder, Ab
        gallbladder: "sorafenib_gallbladder_mg" ["mg"],
        /// Eliminated so far
        eliminated: "sorafenib_eliminated_mg" ["mg"],
    }
}

impl<T: Number> SorafenibAmounts<T> {
    /// All that is still in the body, mg.
    pub fn in_body(&self) -> T {
        self.depot
            + self.transit1
            + self.transit2
            + self.transit3
            + self.transit4
            + self.central
            + self.gallbladder
    }
}

parameters! {
    /// Enterohepatic kinetics of man, Jain 2011.
    Enterohepatic in "exposure" {
        /// Apparent clearance CL/F
        clearance: "L/h" Positive,
        /// Apparent volume V/F per kg body weight
        volume: "L/kg" Positive,
        /// Mean absorption transit time MAT
        mean_absorption_time: "h" Positive,
        /// Fraction of the central outflow that goes to the gallbladder, Fent
        enterohepatic_fraction: "1" Fraction,
        /// Release rate of the gallbladder, kEhc
        gallbladder_release: "1/h" Positive,
        /// Start of the release after a dose, t'
        gallbladder_onset: "h" Positive,
    }
}

parameters! {
    /// One-compartment kinetics of the mouse.
    OneCompartment in "exposure" {
        /// Absorption rate ka
        absorption_rate: "1/h" Positive,
        /// Apparent clearance CL/F per kg body weight
        clearance: "L/h/kg" Positive,
        /// Apparent volume V/F per kg body weight
        volume: "L/kg" Positive,
    }
}

parameters! {
    /// What decides how much of a dose is absorbed.
    Absorption in "exposure" {
        /// Body weight
        body_weight: "kg" Positive,
        /// Bioavailability relative to the population of CL/F
        bioavailability: "1" Positive,
        /// Dose at which the bioavailability is as given, Dref
        reference_dose: "mg/kg" Positive,
        /// Dose of half saturation of the absorption, D50
        saturation_dose: "mg/kg" Positive,
        /// Steepness of the saturation, h
        saturation_exponent: "1" Positive,
        /// Bioavailability reached after long treatment, relative to the start
        decline_floor: "1" Fraction,
        /// Time on treatment at which the decline begins
        decline_onset: "h" NonNegative,
        /// Time constant of the decline
        decline_time: "h" Positive,
    }
}

impl<T: Number> Absorption<T> {
    /// Fraction of a dose (mg) absorbed when given at `time_on_treatment` (h), relative to the
    /// bioavailability behind CL/F.
    pub fn fraction(&self, dose: T, time_on_treatment: T) -> T {
        let h = self.saturation_exponent;
        let load = |per_kg: T| (per_kg / self.saturation_dose).power(h) + 1.0;
        let saturation =
            (load(self.reference_dose) / load(dose / self.body_weight)).power(T::constant(1.0) / h);
        let since_onset = (time_on_treatment - self.decline_onset).positive_part();
        let decline = self.decline_floor
            + self.decline_floor.complement() * (-since_onset / self.decline_time).exp();
        self.bioavailability * saturation * decline
    }
}

/// How sorafenib reaches the tumour in a setting.
#[derive(Debug, Clone, PartialEq)]
pub enum SorafenibKinetics<T> {
    /// Culture: the concentration in the medium is clamped by the regimen.
    Medium,
    /// Mouse: one compartment with oral absorption.
    OneCompartment(OneCompartment<T>, Absorption<T>),
    /// Man: transit chain and enterohepatic recirculation.
    Enterohepatic(Enterohepatic<T>, Absorption<T>),
}

/// Piecewise constant inputs of sorafenib between two events.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SorafenibInput<T = f64> {
    /// Concentration in the medium, mg/L (culture).
    pub medium: T,
    /// Infusion into the central compartment, mg/h.
    pub infusion: T,
    /// Infusion into the depot, mg/h.
    pub depot_infusion: T,
    /// Whether the gallbladder is open.
    pub gallbladder_open: bool,
}

impl SorafenibKinetics<f64> {
    /// Reads the kinetics named by `form`: `medium`, `one_compartment` or `enterohepatic`.
    ///
    /// # Errors
    /// An unknown form, or a parameter that cannot be used.
    pub fn read(reader: &Reader<'_>, form: &str, place: &str) -> Result<Self> {
        match form {
            "medium" => Ok(Self::Medium),
            "one_compartment" => Ok(Self::OneCompartment(
                OneCompartment::read(reader)?,
                Absorption::read(reader)?,
            )),
            "enterohepatic" => Ok(Self::Enterohepatic(
                Enterohepatic::read(reader)?,
                Absorption::read(reader)?,
            )),
            other => Err(crate::Error::unknown_name(
                place,
                "form of exposure",
                other,
                ["medium", "one_compartment", "enterohepatic"],
            )),
        }
    }
}

impl<T: Number> SorafenibKinetics<T> {
    /// The same kinetics in another number type, made from the name and value of each parameter.
    pub fn map_named<U: Number>(
        &self,
        f: &mut impl FnMut(&ParameterField<'_>, T) -> U,
    ) -> SorafenibKinetics<U> {
        match self {
            Self::Medium => SorafenibKinetics::Medium,
            Self::OneCompartment(p, a) => {
                SorafenibKinetics::OneCompartment(p.map_named(f), a.map_named(f))
            }
            Self::Enterohepatic(p, a) => {
                SorafenibKinetics::Enterohepatic(p.map_named(f), a.map_named(f))
            }
        }
    }

    /// Absorption law; none in culture.
    pub fn absorption(&self) -> Option<&Absorption<T>> {
        match self {
            Self::Medium => None,
            Self::OneCompartment(_, absorption) | Self::Enterohepatic(_, absorption) => {
                Some(absorption)
            }
        }
    }

    /// Total concentration C, mg/L.
    pub fn concentration(&self, amounts: &SorafenibAmounts<T>, input: &SorafenibInput<T>) -> T {
        match self {
            Self::Medium => input.medium,
            Self::OneCompartment(p, a) => amounts.central / (p.volume * a.body_weight),
            Self::Enterohepatic(p, a) => amounts.central / (p.volume * a.body_weight),
        }
    }

    /// Clearance out of the body, L/h, such that eliminated amount = clearance x AUC.
    pub fn net_clearance(&self) -> Option<T> {
        match self {
            Self::Medium => None,
            Self::OneCompartment(p, a) => Some(p.clearance * a.body_weight),
            Self::Enterohepatic(p, _) => Some(p.clearance * p.enterohepatic_fraction.complement()),
        }
    }

    /// Rates of change of the amounts, mg/h.
    pub fn derivatives(
        &self,
        a: &SorafenibAmounts<T>,
        input: &SorafenibInput<T>,
    ) -> SorafenibAmounts<T> {
        let zero = T::constant(0.0);
        let mut rate = SorafenibAmounts {
            depot: input.depot_infusion,
            transit1: zero,
            transit2: zero,
            transit3: zero,
            transit4: zero,
            central: input.infusion,
            gallbladder: zero,
            eliminated: zero,
        };
        match self {
            Self::Medium => {}
            Self::OneCompartment(p, _) => {
                let absorption = p.absorption_rate * a.depot;
                let elimination = p.clearance / p.volume * a.central;
                rate.depot = -absorption + input.depot_infusion;
                rate.central = absorption - elimination + input.infusion;
                rate.eliminated = elimination;
            }
            Self::Enterohepatic(p, absorption) => {
                let ka = T::constant(5.0) / p.mean_absorption_time;
                let outflow = p.clearance / (p.volume * absorption.body_weight) * a.central;
                let to_bile = p.enterohepatic_fraction * outflow;
                let release = if input.gallbladder_open {
                    p.gallbladder_release * a.gallbladder
                } else {
                    zero
                };
                rate.depot = -(ka * a.depot) + input.depot_infusion;
                rate.transit1 = ka * (a.depot - a.transit1);
                rate.transit2 = ka * (a.transit1 - a.transit2);
                rate.transit3 = ka * (a.transit2 - a.transit3);
                rate.transit4 = ka * (a.transit3 - a.transit4) + release;
                rate.central = ka * a.transit4 - outflow + input.infusion;
                rate.gallbladder = to_bile - release;
                rate.eliminated = outflow - to_bile;
            }
        }
        rate
    }
}

parameters! {
    /// From total to unbound to intracellular drug, and the potencies on the four targets.
    SorafenibEffect in "sorafenib" {
        /// Molar mass of the free base
        molar_mass: "g/mol" Positive,
        /// Unbound fraction fu in plasma or medium
        unbound_fraction: "1" Fraction,
        /// Strength of P-gp efflux per unit of HIF-1 activity above baseline, p_gp
        pgp_efflux: "1" Fraction,
        /// Unbound EC50 on VEGFR2
        vegfr2_ec50: "nM" Positive,
        /// Hill exponent on VEGFR2
        vegfr2_hill: "1" Positive,
        /// Unbound EC50 on PDGFR-beta
        pdgfr_ec50: "nM" Positive,
        /// Hill exponent on PDGFR-beta
        pdgfr_hill: "1" Positive,
        /// Intracellular EC50 on RAF and MCL-1 in tumour cells
        raf_ec50: "nM" Positive,
        /// Hill exponent on RAF and MCL-1
        raf_hill: "1" Positive,
        /// Intracellular EC50 on HIF-1a synthesis
        hif1_synthesis_ec50: "nM" Positive,
        /// Hill exponent on HIF-1a synthesis
        hif1_synthesis_hill: "1" Positive,
        /// Largest block of HIF-1a synthesis
        hif1_synthesis_max: "1" Fraction,
    }
}

/// Fractions of the four targets that sorafenib blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inhibition<T> {
    /// VEGFR2 on vessels, I_v.
    pub vegfr2: T,
    /// PDGFR-beta on pericytes, I_p.
    pub pdgfr: T,
    /// RAF and MCL-1 in sensitive tumour cells, I_r.
    pub raf: T,
    /// HIF-1a synthesis in tumour cells, I_h.
    pub hif1_synthesis: T,
}

impl<T: Number> SorafenibEffect<T> {
    /// Unbound concentration Cu, nM, of a total concentration in mg/L.
    pub fn unbound(&self, total: T) -> T {
        self.unbound_fraction * total * T::nanomolar_per_mass() / self.molar_mass
    }

    /// P-gp relative to the reference tumour, `x [1 + p_gp (f1 - 1)]`: HIF-1 induces it (Zeng 2021,
    /// ref. 129); `efflux` x is the line's own.
    pub fn pgp(&self, hif1_activity: T, efflux: T) -> T {
        efflux * (self.pgp_efflux * (hif1_activity - 1.0) + 1.0)
    }

    /// Blocked part of RAF in cells in which the drug is weaker by the factor `exposed`.
    pub fn raf_inhibition(&self, intracellular: T, exposed: T) -> T {
        (intracellular * exposed).hill(self.raf_ec50, self.raf_hill)
    }

    /// Intracellular concentration Ci, nM: what P-gp leaves of the unbound concentration.
    pub fn intracellular(&self, unbound: T, pgp: T) -> T {
        unbound / pgp
    }

    /// Blocked fractions: vessels see the unbound, tumour cells the intracellular concentration.
    pub fn inhibition(&self, unbound: T, intracellular: T) -> Inhibition<T> {
        Inhibition {
            vegfr2: unbound.hill(self.vegfr2_ec50, self.vegfr2_hill),
            pdgfr: unbound.hill(self.pdgfr_ec50, self.pdgfr_hill),
            raf: intracellular.hill(self.raf_ec50, self.raf_hill),
            hif1_synthesis: self.hif1_synthesis_max
                * intracellular.hill(self.hif1_synthesis_ec50, self.hif1_synthesis_hill),
        }
    }
}
