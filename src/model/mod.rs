//! The coupled equations: sorafenib exposure, vessels, oxygen, the HIF switch, effectors, tumour.
//!
//! One biology in three settings (culture, xenograft, patient). Each block of the mathematics has
//! its file, with equations, assumptions, limitations and references at its head:
//!
//! | block | states |
//! |---|---|
//! | [`exposure`] | sorafenib amounts |
//! | [`partner`] | amounts of up to two partner drugs |
//! | [`angiogenesis`] | VEGF, immature and pericyte-covered vessels |
//! | [`oxygenation`] | tumour pO2 |
//! | [`hif`] | HIF-1a, HIF-2a, regulator of the switch |
//! | [`signalling`] | tone of AKT; AKT, EGFR, AMPK, mTORC1, c-Jun, RIT1, PFKFB3, NF-kB and TIP30 follow at once |
//! | [`effectors`] | glycolysis, survival, apoptosis, EMT |
//! | [`tumour`] | sensitive, resistant and dying cells, metastases |
//!
//! [`markers`] are readouts that drive nothing.
//!
//! The right-hand side, [`Model::derivatives`], is written once over [`Number`]. It is autonomous
//! between events: doses are jumps of the state, everything else that switches in time is in
//! [`Inputs`].

pub mod angiogenesis;
pub mod baseline;
pub mod effectors;
pub mod exposure;
mod fields;
pub mod hif;
pub mod markers;
pub mod number;
pub mod oxygenation;
pub mod partner;
pub mod signalling;
pub mod state;
pub mod tumour;

pub use fields::{Field, ParameterField};
pub use number::Number;
pub use state::{PARTNER_SLOTS, STATES, State};

use crate::error::Result;
use crate::parameters::{Domain, ParameterTable, Reader};
use angiogenesis::{VegfParameters, VesselParameters};
use effectors::EffectorParameters;
use exposure::{Inhibition, SorafenibEffect, SorafenibInput, SorafenibKinetics};
use hif::{HifActivity, HifParameters, HifReference};
use markers::MarkerParameters;
use oxygenation::OxygenParameters;
use partner::{Nodes, Partner, PartnerAmounts, PartnerInput};
use signalling::{Cascade, Expression, SignallingParameters};
use tumour::{TumourParameters, TumourSize};

/// What switches at events and is constant in between.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Inputs<T = f64> {
    /// Sorafenib medium, infusion, gallbladder.
    pub sorafenib: SorafenibInput<T>,
    /// Partner presence, level, infusion per slot.
    pub partners: [PartnerInput<T>; PARTNER_SLOTS],
    /// pO2 of the medium, mmHg (culture only).
    pub medium_oxygen: T,
}

impl<T: Number> Inputs<T> {
    /// The same inputs in another number type.
    pub fn map<U: Number>(&self, mut f: impl FnMut(T) -> U) -> Inputs<U> {
        Inputs {
            sorafenib: SorafenibInput {
                medium: f(self.sorafenib.medium),
                infusion: f(self.sorafenib.infusion),
                depot_infusion: f(self.sorafenib.depot_infusion),
                gallbladder_open: self.sorafenib.gallbladder_open,
            },
            partners: self.partners.map(|partner| PartnerInput {
                given: partner.given,
                held: f(partner.held),
                infusion: f(partner.infusion),
                depot_infusion: f(partner.depot_infusion),
            }),
            medium_oxygen: f(self.medium_oxygen),
        }
    }
}

/// Where the cells live.
#[derive(Debug, Clone, PartialEq)]
pub enum Environment<T> {
    /// A vascularised tumour: pO2 follows perfusion with the supply coefficient `supply`.
    Tumour {
        /// Vessel turnover of the host.
        vessels: VesselParameters<T>,
        /// Oxygen supply alpha of the reference tumour.
        supply: T,
    },
    /// Culture: no vessels, pO2 clamped by the medium.
    Culture,
}

/// What an experiment holds in place.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Clamp<T = f64> {
    /// pO2 of the tumour, mmHg; `None`: as the model has it.
    pub oxygen: Option<T>,
    /// Whether HIF-2a/HIF-1a and the regulator of the switch stay as they start.
    pub switch_index: bool,
}

/// The model with all its parameters, ready to evaluate.
#[derive(Debug, Clone, PartialEq)]
pub struct Model<T> {
    /// Kinetics of sorafenib.
    pub kinetics: SorafenibKinetics<T>,
    /// Unbound fraction and potencies of sorafenib.
    pub sorafenib: SorafenibEffect<T>,
    /// Partner drugs in their slots.
    pub partners: [Option<Partner<T>>; PARTNER_SLOTS],
    /// VEGF programme.
    pub vegf: VegfParameters<T>,
    /// Vessels and oxygen supply, or culture.
    pub environment: Environment<T>,
    /// Oxygen balance.
    pub oxygen: OxygenParameters<T>,
    /// pO2 of the reference tumour, in which all relative levels are 1, mmHg.
    pub reference_oxygen: T,
    /// HIF parameters.
    pub hif: HifParameters<T>,
    /// Constants of the reference tumour.
    pub hif_reference: HifReference<T>,
    /// Expression of single genes.
    pub expression: Expression<T>,
    /// Signalling parameters.
    pub signalling: SignallingParameters<T>,
    /// Effector parameters.
    pub effectors: EffectorParameters<T>,
    /// Tumour rates.
    pub tumour: TumourParameters<T>,
    /// Tumour sizes.
    pub size: TumourSize<T>,
    /// Readouts that drive nothing.
    pub markers: MarkerParameters<T>,
    /// What is held in place.
    pub clamp: Clamp<T>,
}

/// Everything that the equations compute on the way to the derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signals<T> {
    /// Total sorafenib, mg/L.
    pub sorafenib_total: T,
    /// Unbound sorafenib, nM.
    pub sorafenib_unbound: T,
    /// Blocked fractions of sorafenib's targets.
    pub inhibition: Inhibition<T>,
    /// RAF in resistant cells, I_rR.
    pub resistant_raf: T,
    /// Effects of the partners.
    pub nodes: Nodes<T>,
    /// PKM2 relative to the reference tumour.
    pub pkm2: T,
    /// P-gp relative to the reference tumour.
    pub pgp: T,
    /// Intracellular sorafenib, nM.
    pub sorafenib_intracellular: T,
    /// Signals that follow at once.
    pub cascade: Cascade<T>,
    /// Transcriptional activities.
    pub activity: HifActivity<T>,
    /// Microvessel density relative to the reference tumour; 1 in culture.
    pub mvd: T,
    /// Perfusion relative to the reference tumour; 1 in culture.
    pub perfusion: T,
    /// Quasi-steady pO2, mmHg.
    pub oxygen_target: T,
    /// Resistant part of the viable cells.
    pub resistant: T,
    /// Caspase signal per viable cell.
    pub apoptosis: T,
    /// Whole burden, in the setting's unit.
    pub burden: T,
}

impl Model<f64> {
    /// Builds the model from the merged table of biology and setting.
    ///
    /// # Errors
    /// A missing, unknown, impossible or unused parameter; an unknown form or environment.
    pub fn read(
        table: &ParameterTable,
        partners: [Option<Partner<f64>>; PARTNER_SLOTS],
    ) -> Result<Self> {
        let reader = table.reader();
        let place = |key: &str| {
            table.text_origin(key).map_or_else(
                || format!("params, key `{key}`"),
                |o| format!("{o}, key `{key}`"),
            )
        };
        let text = |key: &str| {
            table.text(key).ok_or_else(|| {
                crate::Error::input(
                    place(key),
                    "the text is missing",
                    "see the shipped settings",
                )
            })
        };
        let kinetics =
            SorafenibKinetics::read(&reader, text("exposure.form")?, &place("exposure.form"))?;
        let oxygen = OxygenParameters::read(&reader)?;
        let reference_oxygen = read_reference_oxygen(&reader, &oxygen, &place("oxygen.reference"))?;
        let environment = match text("environment")? {
            "culture" => Environment::Culture,
            "tumour" => Environment::Tumour {
                vessels: VesselParameters::read(&reader)?,
                supply: oxygen.supply(reference_oxygen),
            },
            other => {
                return Err(crate::Error::unknown_name(
                    place("environment"),
                    "environment",
                    other,
                    ["culture", "tumour"],
                ));
            }
        };
        let hif = HifParameters::read(&reader)?;
        let unit = text("burden_unit")?;
        let size = TumourSize {
            initial: reader.read("size.initial_burden", unit, Domain::Positive)?,
            capacity: reader.read("size.capacity", unit, Domain::Positive)?,
            reference: reader.read("size.reference_burden", unit, Domain::Positive)?,
        };
        for (burden, name, path) in [
            (size.initial, "initial burden", "size.initial_burden"),
            (
                size.reference,
                "burden of the reference tumour",
                "size.reference_burden",
            ),
        ] {
            if size.capacity <= burden {
                return Err(crate::Error::input(
                    "params, key `size.capacity`",
                    format!(
                        "the carrying capacity {} {unit} is not above the {name} {burden} {unit}",
                        size.capacity
                    ),
                    format!("raise size.capacity or lower {path}"),
                ));
            }
        }
        let model = Self {
            hif_reference: hif.reference(reference_oxygen),
            kinetics,
            sorafenib: SorafenibEffect::read(&reader)?,
            partners,
            vegf: VegfParameters::read(&reader)?,
            environment,
            oxygen,
            reference_oxygen,
            hif,
            expression: Expression::read(&reader)?,
            signalling: SignallingParameters::read(&reader)?,
            effectors: EffectorParameters::read(&reader)?,
            tumour: TumourParameters::read(&reader)?,
            size,
            markers: MarkerParameters::read(&reader)?,
            clamp: Clamp::default(),
        };
        reader.finish()?;
        Ok(model)
    }

    /// The same model in another number type.
    pub fn map<U: Number>(&self, mut f: impl FnMut(f64) -> U) -> Model<U> {
        self.map_named(|_, value| f(value))
    }

    /// The same model in another number type, made from the name and value of each parameter.
    pub fn map_named<U: Number>(
        &self,
        mut f: impl FnMut(&ParameterField<'_>, f64) -> U,
    ) -> Model<U> {
        let f = &mut f;
        let mut partners = [None, None];
        for (slot, partner) in self.partners.iter().enumerate() {
            let block = format!("partner{}", slot + 1);
            partners[slot] = partner.as_ref().map(|p| p.map_named_at(&block, f));
        }
        let single = |block, name, unit, meaning| ParameterField {
            block,
            name,
            unit,
            meaning,
        };
        Model {
            kinetics: self.kinetics.map_named(f),
            sorafenib: self.sorafenib.map_named(f),
            partners,
            vegf: self.vegf.map_named(f),
            environment: match &self.environment {
                Environment::Culture => Environment::Culture,
                Environment::Tumour { vessels, supply } => Environment::Tumour {
                    vessels: vessels.map_named(f),
                    supply: f(
                        &single(
                            "oxygen",
                            "supply",
                            "1/mmHg",
                            "Oxygen supply alpha of the reference tumour",
                        ),
                        *supply,
                    ),
                },
            },
            oxygen: self.oxygen.map_named(f),
            reference_oxygen: f(
                &single("oxygen", "reference", "mmHg", "pO2 of the reference tumour"),
                self.reference_oxygen,
            ),
            hif: self.hif.map_named(f),
            hif_reference: HifReference {
                hif1a_synthesis: f(
                    &single(
                        "hif_reference",
                        "hif1a_synthesis",
                        "1/h",
                        "Synthesis s1 of HIF-1a",
                    ),
                    self.hif_reference.hif1a_synthesis,
                ),
                hif2a_synthesis: f(
                    &single(
                        "hif_reference",
                        "hif2a_synthesis",
                        "1/h",
                        "Synthesis s2 of HIF-2a",
                    ),
                    self.hif_reference.hif2a_synthesis,
                ),
                regulator: f(
                    &single(
                        "hif_reference",
                        "regulator",
                        "1",
                        "Regulator W0 of the reference tumour",
                    ),
                    self.hif_reference.regulator,
                ),
            },
            expression: self.expression.map_named(f),
            signalling: self.signalling.map_named(f),
            effectors: self.effectors.map_named(f),
            tumour: self.tumour.map_named(f),
            markers: self.markers.map_named(f),
            clamp: Clamp {
                oxygen: self.clamp.oxygen.map(|oxygen| {
                    f(
                        &single("clamp", "oxygen", "mmHg", "pO2 held in place"),
                        oxygen,
                    )
                }),
                switch_index: self.clamp.switch_index,
            },
            size: TumourSize {
                initial: f(
                    &single("size", "initial_burden", "burden", "Burden at the start"),
                    self.size.initial,
                ),
                capacity: f(
                    &single("size", "capacity", "burden", "Carrying capacity K"),
                    self.size.capacity,
                ),
                reference: f(
                    &single(
                        "size",
                        "reference_burden",
                        "burden",
                        "Burden V* of the reference tumour",
                    ),
                    self.size.reference,
                ),
            },
        }
    }
}

fn read_reference_oxygen(
    reader: &Reader<'_>,
    oxygen: &OxygenParameters<f64>,
    place: &str,
) -> Result<f64> {
    let reference = reader.read("oxygen.reference", "mmHg", Domain::Positive)?;
    if reference < oxygen.arterial {
        return Ok(reference);
    }
    Err(crate::Error::input(
        place,
        format!(
            "the tumour's pO2 of {reference} mmHg is not below the arterial {} mmHg",
            oxygen.arterial
        ),
        "lower oxygen.reference or raise oxygen.arterial",
    ))
}

impl<T: Number> Model<T> {
    /// Effects of all partners on the nodes.
    fn nodes(&self, inputs: &Inputs<T>, amounts: &[PartnerAmounts<T>; PARTNER_SLOTS]) -> Nodes<T> {
        let mut nodes = Nodes::none();
        for (slot, partner) in self.partners.iter().enumerate() {
            if let Some(partner) = partner {
                nodes = nodes.with(&partner.nodes(&amounts[slot], &inputs.partners[slot]));
            }
        }
        nodes
    }

    /// The signals at a state.
    pub fn signals(&self, inputs: &Inputs<T>, y: &State<T>) -> Signals<T> {
        let sorafenib_total = self.kinetics.concentration(&y.sorafenib, &inputs.sorafenib);
        let sorafenib_unbound = self.sorafenib.unbound(sorafenib_total);
        let nodes = self.nodes(inputs, &y.partners);
        let pkm2 = self.expression.pkm2 * y.effectors.glycolysis;
        let activity = self.hif.activity(&y.hif, &self.hif_reference, pkm2, &nodes);
        let pgp = self
            .sorafenib
            .pgp(activity.hif1, self.expression.drug_efflux);
        let intracellular = self.sorafenib.intracellular(sorafenib_unbound, pgp);
        let inhibition = self.sorafenib.inhibition(sorafenib_unbound, intracellular);
        let burden = y.tumour.burden();
        let (perfusion, oxygen_target) = match &self.environment {
            Environment::Culture => (T::constant(1.0), inputs.medium_oxygen),
            Environment::Tumour { vessels, supply } => {
                let perfusion = vessels.perfusion(&y.vasculature);
                let per_cell = self
                    .oxygen
                    .supply_per_cell(perfusion, burden / self.size.reference);
                (perfusion, self.oxygen.balance(*supply, per_cell))
            }
        };
        let oxygen_target = self.clamp.oxygen.unwrap_or(oxygen_target);
        let resistant = y.tumour.resistant_fraction();
        let cascade = self.signalling.cascade(
            &y.adaptation,
            &self.expression,
            y.oxygen,
            self.reference_oxygen,
            resistant,
            &activity,
            &inhibition,
            &nodes,
        );
        Signals {
            sorafenib_total,
            sorafenib_unbound,
            inhibition,
            resistant_raf: self
                .sorafenib
                .raf_inhibition(intracellular, self.tumour.exposed(&self.expression)),
            nodes,
            pkm2,
            pgp,
            sorafenib_intracellular: intracellular,
            cascade,
            activity,
            mvd: y.vasculature.mvd(),
            perfusion,
            oxygen_target,
            resistant,
            apoptosis: y.effectors.mean_apoptosis(resistant),
            burden,
        }
    }

    /// The right-hand side: rates of change per hour of every state.
    pub fn derivatives(&self, inputs: &Inputs<T>, y: &State<T>) -> State<T> {
        self.derivatives_given(inputs, y, &self.signals(inputs, y))
    }

    /// The right-hand side where the signals of the state are known already.
    pub fn derivatives_given(&self, inputs: &Inputs<T>, y: &State<T>, s: &Signals<T>) -> State<T> {
        let zero = T::constant(0.0);

        let mut vasculature = y.vasculature;
        vasculature.vegf = self.vegf.derivative(
            y.vasculature.vegf,
            s.activity.hif1,
            s.activity.hif2,
            &self.expression,
        );
        (vasculature.immature, vasculature.mature) = match &self.environment {
            Environment::Culture => (zero, zero),
            Environment::Tumour { vessels, .. } => {
                let signal =
                    vessels.signal(y.vasculature.vegf, &s.inhibition, s.nodes.angiogenesis);
                vessels.derivatives(&y.vasculature, signal, &s.inhibition)
            }
        };
        let growth = self.growth(y, s);
        State {
            sorafenib: self.kinetics.derivatives(&y.sorafenib, &inputs.sorafenib),
            partners: std::array::from_fn(|slot| match &self.partners[slot] {
                Some(partner) => partner.derivatives(&y.partners[slot], &inputs.partners[slot]),
                None => PartnerAmounts {
                    depot: zero,
                    central: zero,
                    eliminated: zero,
                },
            }),
            vasculature,
            oxygen: self.oxygen.derivative(y.oxygen, s.oxygen_target),
            hif: self.hif.derivatives(
                &y.hif,
                &self.hif_reference,
                y.oxygen,
                s.resistant,
                &s.activity,
                &s.inhibition,
                &self.expression,
                &s.cascade,
                &s.nodes,
                self.clamp.switch_index,
            ),
            adaptation: self.signalling.derivative(
                &y.adaptation,
                &s.cascade,
                s.resistant,
                &s.inhibition,
            ),
            effectors: self.effectors.derivatives(
                &y.effectors,
                &self.expression,
                &s.cascade,
                y.oxygen,
                self.reference_oxygen,
                &s.activity,
                &s.inhibition,
                s.resistant_raf,
                &s.nodes,
            ),
            tumour: self.tumour.derivatives(
                &y.tumour,
                &self.size,
                growth,
                &y.effectors,
                &s.activity,
                &s.inhibition,
                s.resistant_raf,
                y.hif.regulator - self.hif_reference.regulator,
            ),
        }
    }

    /// Growth rate of viable cells per h, before cytostasis by sorafenib.
    pub fn growth(&self, y: &State<T>, s: &Signals<T>) -> T {
        self.tumour.growth(
            &y.tumour,
            &self.size,
            y.oxygen,
            self.reference_oxygen,
            &s.activity,
            y.effectors.glycolysis,
            &s.cascade,
            &s.nodes,
        )
    }
}
