//! The equations of a problem with a name for everything: parameters, inputs, constants of the
//! reference tumour, signals, states.
//!
//! They come from the same source as the numbers: the right-hand side of the model, evaluated with
//! [`Symbol`]s. What switches on and off multiplies the parameters that it gates: the release of
//! the gallbladder, and the imposed effects of a partner.

use super::dimension::Units;
use super::symbol::{Graph, Leaf, NANOMOLAR_PER_MASS, NANOMOLAR_PER_MASS_UNIT, Node, Symbol};
use crate::error::{Error, Result};
use crate::model::exposure::{Inhibition, SorafenibInput, SorafenibKinetics};
use crate::model::hif::HifActivity;
use crate::model::partner::{Nodes, PartnerAction, PartnerInput};
use crate::model::signalling::Cascade;
use crate::model::{
    Environment, Inputs, Model, Number, PARTNER_SLOTS, ParameterField, Signals, State,
};
use crate::regimen::{Change, Drug};
use crate::simulate::Problem;
use std::collections::{BTreeMap, BTreeSet};

/// Name, unit and meaning of a quantity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    /// Identifier: letters, digits and `_`.
    pub id: String,
    /// Unit.
    pub unit: String,
    /// What it is.
    pub meaning: String,
}

/// A constant number of the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name.
    pub quantity: Quantity,
    /// Path in the parameter files.
    pub path: String,
    /// Value.
    pub value: f64,
}

/// Something that switches at events.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Name.
    pub quantity: Quantity,
    /// Value before the first event.
    pub before: f64,
}

/// A named expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Name.
    pub quantity: Quantity,
    /// Its expression.
    pub symbol: Symbol,
}

/// A state with its rate of change per h.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// Name.
    pub quantity: Quantity,
    /// Value of the untreated baseline.
    pub initial: f64,
    /// Rate of change per h.
    pub symbol: Symbol,
}

/// All equations of a problem.
#[derive(Debug, Clone)]
pub struct Equations {
    /// The expressions.
    pub graph: Graph,
    /// Their units.
    pub units: Units,
    /// Parameters that an equation uses.
    pub parameters: Vec<Parameter>,
    /// Inputs that an equation uses.
    pub inputs: Vec<Input>,
    /// What follows from parameters alone, in order of use.
    pub constants: Vec<Definition>,
    /// Signals, in order of use.
    pub signals: Vec<Definition>,
    /// States that can change.
    pub states: Vec<Rate>,
    /// Absorbed amounts of the doses of sorafenib (mg) with their times (h), where they were asked for.
    pub absorbed: Vec<(f64, Symbol)>,
    names: BTreeMap<Symbol, String>,
}

/// An identifier from a path.
fn identifier(path: &str) -> String {
    path.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

/// Collects definitions while the model is evaluated.
#[derive(Default)]
struct Definitions {
    list: Vec<Definition>,
}

impl Definitions {
    fn define(&mut self, id: &str, unit: &str, meaning: &str, symbol: Symbol) {
        self.list.push(Definition {
            quantity: Quantity {
                id: id.to_owned(),
                unit: unit.to_owned(),
                meaning: meaning.to_owned(),
            },
            symbol,
        });
    }
}

impl Equations {
    /// The equations of a problem whose cells are measured in `burden_unit`.
    ///
    /// # Errors
    /// Equations whose units do not fit, which is a fault of the program.
    pub fn of(problem: &Problem, burden_unit: &str) -> Result<Self> {
        Self::recorded(problem, burden_unit, &[])
    }

    /// Like [`of`](Self::of), with the law of absorption applied to every dose of sorafenib.
    ///
    /// # Errors
    /// As [`of`](Self::of).
    pub fn with_absorption(problem: &Problem, burden_unit: &str) -> Result<Self> {
        let doses: Vec<(f64, f64)> = problem
            .timeline
            .events
            .iter()
            .filter_map(|event| match event.change {
                Change::Dose {
                    drug: Drug::Sorafenib,
                    given,
                    ..
                } => Some((event.time, given)),
                _ => None,
            })
            .collect();
        Self::recorded(problem, burden_unit, &doses)
    }

    fn recorded(problem: &Problem, burden_unit: &str, doses: &[(f64, f64)]) -> Result<Self> {
        let unit = |unit: &str| unit.replace("burden", burden_unit);
        let mut parameters: Vec<Parameter> = Vec::new();
        let (recorded, graph) = Graph::record(|| {
            let mut model = problem
                .model
                .map_named(|field: &ParameterField<'_>, value| {
                    if is_absent(field, value) {
                        return Symbol::constant(0.0);
                    }
                    let path = field.path();
                    let id = identifier(&path);
                    let symbol = Symbol::named(&id, &unit(field.unit));
                    if parameters.iter().any(|known| known.path == path) {
                        return symbol;
                    }
                    parameters.push(Parameter {
                        quantity: Quantity {
                            id,
                            unit: unit(field.unit),
                            meaning: describe(field),
                        },
                        path,
                        value,
                    });
                    symbol
                });
            Symbol::named(NANOMOLAR_PER_MASS, NANOMOLAR_PER_MASS_UNIT);
            let absorbed = absorbed(&model, doses);
            record(&mut model, &unit, absorbed)
        });
        for (position, given) in amounts(doses).into_iter().enumerate() {
            parameters.push(Parameter {
                quantity: Quantity {
                    id: dose_id(position),
                    unit: "mg".to_owned(),
                    meaning: "Dose of sorafenib".to_owned(),
                },
                path: String::new(),
                value: given,
            });
        }
        parameters.push(Parameter {
            quantity: Quantity {
                id: NANOMOLAR_PER_MASS.to_owned(),
                unit: NANOMOLAR_PER_MASS_UNIT.to_owned(),
                meaning: "Molar over mass concentration, times molar mass".to_owned(),
            },
            path: String::new(),
            value: 1e6,
        });
        let units = Units::of(&graph).map_err(|problem| {
            Error::input(
                "the equations",
                problem,
                "this is a fault of the program: please report it",
            )
        })?;
        let mut equations = Self {
            graph,
            units,
            parameters,
            inputs: inputs(&problem.timeline.before),
            constants: recorded.constants.list,
            signals: recorded.signals.list,
            states: states(&problem.baseline, &recorded.rates, burden_unit),
            absorbed: recorded.absorbed,
            names: BTreeMap::new(),
        };
        equations.drop_what_is_not_there(problem);
        equations.name_expressions();
        Ok(equations)
    }

    /// Leaves out states that cannot change from 0, signals that are plain numbers, and
    /// parameters and inputs that no equation uses.
    fn drop_what_is_not_there(&mut self, problem: &Problem) {
        let touched = super::events::touched(&problem.timeline);
        let used = self.used_leaves();
        let graph = &self.graph;
        self.states.retain(|state| {
            let id = state.quantity.id.as_str();
            let rate = graph.constant(state.symbol);
            let still = rate.is_some_and(|rate| rate.abs() < f64::MIN_POSITIVE)
                && state.initial.abs() < f64::MIN_POSITIVE;
            !still || used.contains(id) || touched.contains(id)
        });
        let named = |definition: &Definition| graph.constant(definition.symbol).is_none();
        self.constants.retain(named);
        self.signals.retain(named);
        let used = self.used_leaves();
        self.parameters
            .retain(|parameter| used.contains(&parameter.quantity.id));
        self.inputs
            .retain(|input| used.contains(&input.quantity.id));
        // A constant of the reference tumour takes the place of the parameter of its name.
        let constants: BTreeSet<&String> = self.constants.iter().map(|c| &c.quantity.id).collect();
        self.parameters
            .retain(|parameter| !constants.contains(&parameter.quantity.id));
    }

    fn used_leaves(&self) -> BTreeSet<String> {
        let mut reached = BTreeSet::new();
        let definitions = self.constants.iter().chain(&self.signals);
        let mut open: Vec<Symbol> = definitions
            .map(|definition| definition.symbol)
            .chain(self.states.iter().map(|state| state.symbol))
            .chain(self.absorbed.iter().map(|(_, symbol)| *symbol))
            .collect();
        let mut used = BTreeSet::new();
        while let Some(symbol) = open.pop() {
            if !reached.insert(symbol) {
                continue;
            }
            let node = self.graph.node(symbol);
            if let Node::Leaf(position) = node {
                used.insert(self.graph.leaf(position).id.clone());
            }
            open.extend(node.operands());
        }
        used
    }

    /// The drug amounts that leave their compartment, with their own loss per h: the kinetics are linear, so it is the rate
    /// of change of one mg where there is nothing else. What opens and closes is open.
    pub fn losses(&self) -> Vec<(String, f64)> {
        let amounts = self.states.iter().map(|state| &state.quantity);
        let amounts = amounts.filter(|quantity| quantity.unit == "mg");
        let with_one = |id: &str| -> Vec<f64> {
            let leaves = self.graph.leaves().iter();
            let value = |leaf: &Leaf| match leaf.id.as_str() {
                "gallbladder_open" => 1.0,
                own if own == id => 1.0,
                other => self
                    .parameters
                    .iter()
                    .find(|parameter| parameter.quantity.id == other)
                    .map_or(0.0, |parameter| parameter.value),
            };
            leaves.map(value).collect()
        };
        let loss = |quantity: &Quantity| {
            let state = self.states.iter().find(|s| s.quantity == *quantity)?;
            let values = self.graph.evaluate(&with_one(&quantity.id));
            let loss = -self.graph.value(&values, state.symbol);
            (loss > 0.0).then(|| (quantity.id.clone(), loss))
        };
        amounts.filter_map(loss).collect()
    }

    fn name_expressions(&mut self) {
        for definition in self.constants.iter().chain(&self.signals) {
            if !matches!(self.graph.node(definition.symbol), Node::Leaf(_)) {
                self.names
                    .entry(definition.symbol)
                    .or_insert_with(|| definition.quantity.id.clone());
            }
        }
    }

    /// The name by which an expression is called, if it has one.
    pub fn name(&self, symbol: Symbol) -> Option<&str> {
        match self.graph.node(symbol) {
            Node::Leaf(position) => Some(&self.graph.leaf(position).id),
            _ => self.names.get(&symbol).map(String::as_str),
        }
    }

    /// The name of a part of the definition of `of`: none for the defined expression itself.
    pub fn name_within(&self, symbol: Symbol, of: &str) -> Option<&str> {
        self.name(symbol).filter(|name| *name != of)
    }
}

/// Whether a field is an effect that a partner does not have.
fn is_absent(field: &ParameterField<'_>, value: f64) -> bool {
    let effect = field.block.ends_with(".imposed") || field.block.ends_with(".emax");
    field.block.starts_with("partner") && effect && value.abs() < f64::MIN_POSITIVE
}

fn describe(field: &ParameterField<'_>) -> String {
    match field.meaning {
        "" => field.name.replace('_', " "),
        meaning if field.block.starts_with("partner") => {
            let name = field.name.replace('_', " ");
            format!("{meaning} ({name})")
        }
        meaning => meaning.to_owned(),
    }
}

/// What the evaluation of the model leaves in the graph.
struct Recorded {
    constants: Definitions,
    signals: Definitions,
    rates: State<Symbol>,
    absorbed: Vec<(f64, Symbol)>,
}

/// Distinct amounts of doses, in their order.
fn amounts(doses: &[(f64, f64)]) -> Vec<f64> {
    let mut amounts: Vec<f64> = Vec::new();
    for (_, given) in doses {
        if !amounts
            .iter()
            .any(|known| known.to_bits() == given.to_bits())
        {
            amounts.push(*given);
        }
    }
    amounts
}

fn dose_id(position: usize) -> String {
    match position {
        0 => "sorafenib_dose".to_owned(),
        n => format!("sorafenib_dose_{}", n + 1),
    }
}

/// What is absorbed of doses (time, amount); the first is the begin of treatment.
fn absorbed(model: &Model<Symbol>, doses: &[(f64, f64)]) -> Vec<(f64, Symbol)> {
    let (Some(absorption), Some((first, _))) = (model.kinetics.absorption(), doses.first()) else {
        return Vec::new();
    };
    let amounts = amounts(doses);
    doses
        .iter()
        .map(|(time, given)| {
            let position = amounts.iter().position(|a| a.to_bits() == given.to_bits());
            let dose = Symbol::named(&dose_id(position.unwrap_or(0)), "mg");
            let since = Symbol::constant(time - first);
            (*time, dose * absorption.fraction(dose, since))
        })
        .collect()
}

fn record(
    model: &mut Model<Symbol>,
    unit: &impl Fn(&str) -> String,
    absorbed: Vec<(f64, Symbol)>,
) -> Recorded {
    let mut constants = Definitions::default();
    reference_constants(model, &mut constants);
    let inputs = symbolic_inputs();
    gate(model);
    let fields = State::fields();
    let mut next = fields.iter();
    let y = State::from_array(&[(); crate::model::STATES].map(|()| {
        next.next().map_or_else(
            || Symbol::named("time", "h"),
            |field| Symbol::named(field.name, &unit(field.unit)),
        )
    }));
    let signals = model.signals(&inputs, &y);
    let mut named = Definitions::default();
    exposure_signals(model, &inputs, &y, &signals, &mut named);
    node_signals(&signals.nodes, &mut named);
    level_signals(model, &y, &signals, unit, &mut named);
    Recorded {
        rates: model.derivatives_given(&inputs, &y, &signals),
        constants,
        signals: named,
        absorbed,
    }
}

/// What follows from the reference tumour: computed from parameters instead of read as numbers.
fn reference_constants(model: &mut Model<Symbol>, constants: &mut Definitions) {
    if let Environment::Tumour { vessels, supply } = &mut model.environment {
        *supply = model.oxygen.supply(model.reference_oxygen);
        constants.define(
            "oxygen_supply",
            "1/mmHg",
            "Oxygen supply alpha of the reference tumour",
            *supply,
        );
        constants.define(
            "vessels_maturation",
            "1/h",
            "Maturation rate k_mat of vessels",
            vessels.maturation(),
        );
        constants.define(
            "vessels_sprouting",
            "1/h",
            "Sprouting rate ks of vessels",
            vessels.sprouting(),
        );
    }
    model.hif_reference = model.hif.reference(model.reference_oxygen);
    let reference = &model.hif_reference;
    constants.define(
        "hif_reference_regulator",
        "1",
        "Regulator W0 of the reference tumour",
        reference.regulator,
    );
    constants.define(
        "hif_reference_hif1a_synthesis",
        "1/h",
        "Synthesis s1 of HIF-1a",
        reference.hif1a_synthesis,
    );
    constants.define(
        "hif_reference_hif2a_synthesis",
        "1/h",
        "Synthesis s2 of HIF-2a",
        reference.hif2a_synthesis,
    );
    constants.define(
        "resistant_sensitivity",
        "1",
        "Sensitivity 1 - pR that resistant cells keep",
        model.tumour.exposed(&model.expression),
    );
}

/// The inputs by name. Gates are always open here: see [`gate`]; no regimen infuses into a depot.
fn symbolic_inputs() -> Inputs<Symbol> {
    Inputs {
        sorafenib: SorafenibInput {
            medium: Symbol::named("sorafenib_medium", "mg/L"),
            infusion: Symbol::named("sorafenib_infusion", "mg/h"),
            depot_infusion: Symbol::constant(0.0),
            gallbladder_open: true,
        },
        partners: std::array::from_fn(|slot| PartnerInput {
            given: true,
            held: Symbol::named(&format!("partner{}_held", slot + 1), "nM"),
            infusion: Symbol::named(&format!("partner{}_infusion", slot + 1), "mg/h"),
            depot_infusion: Symbol::constant(0.0),
        }),
        medium_oxygen: Symbol::named("medium_pO2", "mmHg"),
    }
}

/// Multiplies the parameters that a switch gates by the switch, 0 or 1.
fn gate(model: &mut Model<Symbol>) {
    if let SorafenibKinetics::Enterohepatic(parameters, _) = &mut model.kinetics {
        let open = Symbol::named("gallbladder_open", "1");
        parameters.gallbladder_release = open * parameters.gallbladder_release;
    }
    for (slot, partner) in model.partners.iter_mut().enumerate() {
        if let Some(partner) = partner
            && let PartnerAction::Imposed(nodes) = &mut partner.action
        {
            let given = Symbol::named(&format!("partner{}_given", slot + 1), "1");
            *nodes = Nodes::from_values(nodes.values().map(|value| given * value));
        }
    }
}

fn exposure_signals(
    model: &Model<Symbol>,
    inputs: &Inputs<Symbol>,
    y: &State<Symbol>,
    s: &Signals<Symbol>,
    named: &mut Definitions,
) {
    let total = s.sorafenib_total;
    named.define("sorafenib_total", "mg/L", "Total sorafenib", total);
    named.define(
        "sorafenib_unbound",
        "nM",
        "Unbound sorafenib Cu",
        s.sorafenib_unbound,
    );
    for (slot, partner) in model.partners.iter().enumerate().take(PARTNER_SLOTS) {
        if let Some(partner) = partner
            && matches!(partner.action, PartnerAction::Potency { .. })
        {
            let total = partner.concentration(&y.partners[slot], &inputs.partners[slot]);
            named.define(
                &format!("partner{}_total", slot + 1),
                "nM",
                "Total concentration of the partner",
                total,
            );
        }
    }
}

fn node_signals(nodes: &Nodes<Symbol>, named: &mut Definitions) {
    for (name, value) in Nodes::NAMES.into_iter().zip(nodes.values()) {
        let words = name.replace('_', " ");
        let id = format!("effect_{name}");
        named.define(&id, "1", &format!("Effect of partners on {words}"), value);
    }
}

fn level_signals(
    model: &Model<Symbol>,
    y: &State<Symbol>,
    s: &Signals<Symbol>,
    unit: &impl Fn(&str) -> String,
    named: &mut Definitions,
) {
    // Taken apart without `..`: a new signal must find its name here.
    let Signals {
        sorafenib_total: _,
        sorafenib_unbound: _,
        inhibition,
        resistant_raf,
        nodes,
        pkm2,
        pgp,
        sorafenib_intracellular,
        cascade,
        activity,
        mvd,
        perfusion,
        oxygen_target,
        resistant,
        apoptosis,
        burden,
    } = *s;
    let HifActivity {
        hif1,
        hif2,
        hif2_support,
    } = activity;
    let Inhibition {
        vegfr2,
        pdgfr,
        raf,
        hif1_synthesis,
    } = inhibition;
    let Cascade {
        egfr,
        ampk,
        akt,
        mtorc1,
        cjun,
        rit1,
        pfkfb3,
        nfkb,
        eta1433,
        tip30_loss,
        aqp3,
        ampk_loss,
    } = cascade;
    let burden_unit = unit("burden");
    let mut level = |id: &str, meaning: &str, symbol| named.define(id, "1", meaning, symbol);
    level("PKM2", "PKM2 relative to the reference tumour", pkm2);
    level("HIF1_activity", "HIF-1 transcriptional output f1", hif1);
    level("HIF2_activity", "HIF-2 transcriptional output f2", hif2);
    level(
        "HIF2_support",
        "Support f2+ of survival and growth by HIF-2",
        hif2_support,
    );
    level("P_gp", "P-gp relative to the reference tumour", pgp);
    named.define(
        "sorafenib_intracellular",
        "nM",
        "Intracellular sorafenib Ci",
        sorafenib_intracellular,
    );
    let mut level = |id: &str, meaning: &str, symbol| named.define(id, "1", meaning, symbol);
    level("VEGFR2_inhibition", "Blocked part I_v of VEGFR2", vegfr2);
    level("PDGFR_inhibition", "Blocked part I_p of PDGFR-beta", pdgfr);
    level("RAF_inhibition", "Blocked part I_r of RAF and MCL-1", raf);
    level(
        "HIF1_synthesis_inhibition",
        "Blocked part I_h of HIF-1a synthesis",
        hif1_synthesis,
    );
    level(
        "RAF_inhibition_resistant",
        "Blocked part I_rR of RAF in resistant cells",
        resistant_raf,
    );
    level("MVD", "Microvessel density", mvd);
    level("perfusion", "Perfusion q", perfusion);
    named.define("burden", &burden_unit, "Whole burden", burden);
    if let Environment::Tumour { .. } = &model.environment {
        let relative = burden / model.size.reference;
        named.define(
            "oxygen_supply_per_cell",
            "1",
            "Supply per cell q, through vessels and surface",
            model.oxygen.supply_per_cell(perfusion, relative),
        );
    }
    named.define(
        "pO2_target",
        "mmHg",
        "Quasi-steady pO2 O_qss",
        oxygen_target,
    );
    let mut level = |id: &str, meaning: &str, symbol| named.define(id, "1", meaning, symbol);
    level(
        "resistant_fraction",
        "Resistant part rho of the viable cells",
        resistant,
    );
    level(
        "apoptosis_mean",
        "Caspase signal per viable cell",
        apoptosis,
    );
    level(
        "cycling",
        "Cycling part of the cells, c(O)/c(O0)",
        model.effectors.cycling(y.oxygen, model.reference_oxygen),
    );
    level("EGFR", "EGFR and TGF-a, E", egfr);
    level("pAMPK", "Phosphorylated AMPK, P", ampk);
    level("AMPK_loss", "Loss of AMPK, 1 - 2P/(1 + P)", ampk_loss);
    level("pAKT", "Phosphorylated AKT, K", akt);
    level("mTORC1", "mTORC1, T", mtorc1);
    level("cJun", "c-Jun, J", cjun);
    level("RIT1", "RIT1, Q", rit1);
    level("PFKFB3", "PFKFB3, F", pfkfb3);
    level("NFkB", "NF-kB, N", nfkb);
    level("eta1433", "14-3-3 eta, n", eta1433);
    level("TIP30_loss", "Lost TIP30, 1/TIP30", tip30_loss);
    level("AQP3_signal", "Hypoxic signal to AKT, x t(O) - t(O0)", aqp3);
    if let Environment::Tumour { vessels, .. } = &model.environment {
        let signal = vessels.signal(y.vasculature.vegf, &s.inhibition, nodes.angiogenesis);
        level("VEGF_signal", "VEGF signal s on the vessels", signal);
    }
    level(
        "HIF1A_mRNA",
        "HIF-1a messenger RNA m1",
        model.hif.hif1a_messenger(&model.expression, &nodes),
    );
    named.define(
        "HIF1A_decay",
        "1/h",
        "Loss of HIF-1a",
        model
            .hif
            .hif1a_decay(&y.hif, y.oxygen, &model.expression, &cascade, &nodes),
    );
    named.define(
        "HAF_target",
        "1",
        "Steady regulator u/(1 + u)",
        model.hif.regulator_target(y.oxygen, activity.hif2),
    );
    named.define(
        "room",
        "1",
        "Gompertz factor",
        model.tumour.room(&y.tumour, &model.size),
    );
    named.define("growth", "1/h", "Growth rate", model.growth(y, s));
}

fn inputs(before: &Inputs) -> Vec<Input> {
    let input = |id: String, unit: &str, meaning: String, before| Input {
        quantity: Quantity {
            id,
            unit: unit.to_owned(),
            meaning,
        },
        before,
    };
    let mut inputs = vec![
        input(
            "sorafenib_medium".to_owned(),
            "mg/L",
            "Sorafenib in the medium".to_owned(),
            before.sorafenib.medium,
        ),
        input(
            "sorafenib_infusion".to_owned(),
            "mg/h",
            "Infusion of sorafenib".to_owned(),
            before.sorafenib.infusion,
        ),
        input(
            "gallbladder_open".to_owned(),
            "1",
            "Whether the gallbladder is open".to_owned(),
            f64::from(before.sorafenib.gallbladder_open),
        ),
        input(
            "medium_pO2".to_owned(),
            "mmHg",
            "pO2 of the medium".to_owned(),
            before.medium_oxygen,
        ),
    ];
    for (slot, partner) in before.partners.iter().enumerate() {
        let n = slot + 1;
        inputs.extend([
            input(
                format!("partner{n}_given"),
                "1",
                format!("Whether partner {n} is being given"),
                f64::from(partner.given),
            ),
            input(
                format!("partner{n}_held"),
                "nM",
                format!("Held concentration of partner {n}"),
                partner.held,
            ),
            input(
                format!("partner{n}_infusion"),
                "mg/h",
                format!("Infusion of partner {n}"),
                partner.infusion,
            ),
        ]);
    }
    inputs
}

fn states(baseline: &State<f64>, rates: &State<Symbol>, burden_unit: &str) -> Vec<Rate> {
    State::fields()
        .iter()
        .zip(baseline.to_array())
        .zip(rates.to_array())
        .map(|((field, initial), symbol)| Rate {
            quantity: Quantity {
                id: field.name.to_owned(),
                unit: field.unit.replace("burden", burden_unit),
                meaning: field.meaning.to_owned(),
            },
            initial,
            symbol,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameters::Library;
    use crate::regimen::{Arm, Mode};
    use crate::simulate::Scenario;

    /// The graph, evaluated with numbers, is the right-hand side.
    #[test]
    fn the_graph_is_the_right_hand_side() {
        let library = Library::shipped();
        for setting in ["culture", "xenograft", "patient"] {
            for mode in [Mode::Mechanistic, Mode::AchievableExposure] {
                for arm in [
                    "vehicle",
                    "sorafenib+pt2385",
                    "sorafenib+belzutifan+metformin",
                ] {
                    let arm = Arm::parse(arm, &library, "test").expect("an arm");
                    let mut scenario = Scenario::new(setting, arm);
                    scenario.mode = mode;
                    let problem = scenario.prepare(&library).expect("a problem");
                    compare(&problem);
                }
            }
        }
    }

    fn compare(problem: &Problem) {
        let equations = Equations::of(problem, "mm^3").expect("equations");
        for on in [false, true] {
            let mut inputs = problem.timeline.before;
            inputs.sorafenib.medium = 0.7;
            inputs.sorafenib.infusion = 0.3;
            inputs.sorafenib.gallbladder_open = on;
            inputs.medium_oxygen = 6.0;
            for (slot, partner) in inputs.partners.iter_mut().enumerate() {
                partner.given = on;
                partner.held = 40.0;
                partner.infusion = 0.1 * (slot as f64 + 1.0);
            }
            let mut values = problem.baseline.to_array();
            for (i, value) in values.iter_mut().enumerate() {
                // Away from the baseline, every state in another direction.
                *value = (*value + 0.05) * (1.0 + 0.3 * (i as f64 * 1.7).sin());
            }
            let state = State::from_array(&values);
            let native = problem.model.derivatives(&inputs, &state).to_array();
            let symbolic = evaluate(&equations, problem, &inputs, &values);
            for (i, field) in State::fields().iter().enumerate() {
                let Some(rate) = symbolic.get(field.name) else {
                    continue;
                };
                let error = (rate - native[i]).abs();
                assert!(
                    error <= 1e-13 * native[i].abs().max(1.0),
                    "{}, {}: {rate} or {}",
                    problem.label,
                    field.name,
                    native[i]
                );
            }
            assert!(symbolic.len() >= 14, "{} states", symbolic.len());
        }
    }

    fn evaluate(
        equations: &Equations,
        problem: &Problem,
        at: &Inputs,
        values: &[f64],
    ) -> BTreeMap<String, f64> {
        let mut by_name: BTreeMap<String, f64> = State::fields()
            .iter()
            .zip(values)
            .map(|(field, value)| (field.name.to_owned(), *value))
            .collect();
        by_name.extend(inputs(at).into_iter().map(|i| (i.quantity.id, i.before)));
        problem
            .model
            .map_named(|field: &ParameterField<'_>, value| {
                by_name.insert(identifier(&field.path()), value);
                value
            });
        by_name.insert(NANOMOLAR_PER_MASS.to_owned(), 1e6);
        let leaves: Vec<f64> = equations
            .graph
            .leaves()
            .iter()
            .map(|leaf| by_name.get(&leaf.id).copied().unwrap_or(f64::NAN))
            .collect();
        let symbols: Vec<Symbol> = equations.graph.symbols().collect();
        let all: BTreeMap<Symbol, f64> = symbols
            .into_iter()
            .zip(equations.graph.evaluate(&leaves))
            .collect();
        equations
            .states
            .iter()
            .map(|state| (state.quantity.id.clone(), all[&state.symbol]))
            .collect()
    }
}
