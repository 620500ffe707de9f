//! The model as Systems Biology Markup Language, Level 3 Version 2.
//!
//! States, inputs and signals are parameters with units: states have rate rules, signals assignment
//! rules, constants of the reference tumour initial assignments. Doses and whatever else switches are
//! events; those at time 0 are in the initial values. An event after a pause first sets to 0 what is left of a drug and is
//! less than a molecule. Every parameter carries the value, unit, grade
//! and source of its file as notes.
//!
//! Limitations: the amounts absorbed are numbers of the events (the law of absorption is applied
//! before), and readouts that drive nothing are left out.

use super::background::Background;
use super::dimension::Unit;
use super::equations::{Definition, Equations, Quantity};
use super::events::{Jump, NEGLIGIBLE, Update};
use super::symbol::{Node, Symbol};
use super::xml::Element;
use crate::error::Result;
use std::collections::{BTreeMap, BTreeSet};

const SBML: &str = "http://www.sbml.org/sbml/level3/version2/core";
const MATHML: &str = "http://www.w3.org/1998/Math/MathML";
const XHTML: &str = "http://www.w3.org/1999/xhtml";
const TIME: &str = "http://www.sbml.org/sbml/symbols/time";

/// What states and signals stand for, in public catalogues: id, qualifier, entry. A phosphorylated
/// protein is a version of the entry, a complex has it as a part.
const IDENTITIES: [(&str, &str, &str); 22] = [
    ("sorafenib_central_mg", "bqbiol:is", "CHEBI:50924"),
    ("sorafenib_total", "bqbiol:is", "CHEBI:50924"),
    ("sorafenib_unbound", "bqbiol:is", "CHEBI:50924"),
    ("pO2_mmHg", "bqbiol:is", "CHEBI:15379"),
    ("VEGF", "bqbiol:is", "uniprot:P15692"),
    ("HIF1A", "bqbiol:is", "uniprot:Q16665"),
    ("HIF2A", "bqbiol:is", "uniprot:Q99814"),
    ("HAF", "bqbiol:is", "uniprot:O43290"),
    ("pAKT", "bqbiol:isVersionOf", "uniprot:P31749"),
    ("EGFR", "bqbiol:is", "uniprot:P00533"),
    ("pAMPK", "bqbiol:isVersionOf", "uniprot:Q13131"),
    ("mTORC1", "bqbiol:hasPart", "uniprot:P42345"),
    ("cJun", "bqbiol:isVersionOf", "uniprot:P05412"),
    ("RIT1", "bqbiol:is", "uniprot:Q92963"),
    ("PFKFB3", "bqbiol:is", "uniprot:Q16875"),
    ("eta1433", "bqbiol:is", "uniprot:Q04917"),
    ("TIP30_loss", "bqbiol:isPropertyOf", "uniprot:Q9BUP3"),
    ("PKM2", "bqbiol:is", "uniprot:P14618"),
    ("P_gp", "bqbiol:is", "uniprot:P08183"),
    ("glycolysis", "bqbiol:is", "GO:0006096"),
    ("apoptosis", "bqbiol:is", "GO:0006915"),
    ("EMT", "bqbiol:is", "GO:0001837"),
];

/// The document for equations and jumps.
///
/// # Errors
/// Only if the XML writer fails.
pub fn sbml(equations: &Equations, jumps: &[Jump], background: &Background) -> Result<String> {
    let mut exporter = Exporter::new(equations);
    let start = start_values(equations, jumps);
    let parameters = exporter.parameters(&start, background);
    let assignments = exporter.initial_assignments();
    let rules = exporter.rules();
    let events = exporter.events(jumps);
    let model = Element::new("model")
        .with("metaid", "model")
        .with("id", &background.id)
        .with("name", &background.title)
        .with("sboTerm", "SBO:0000293")
        .with("timeUnits", "h")
        .child(notes(&background.description))
        .child(annotation("model", &model_terms(background)))
        .child(Element::new("listOfUnitDefinitions").children(exporter.unit_definitions()))
        .child(Element::new("listOfParameters").children(parameters))
        .child(Element::new("listOfInitialAssignments").children(assignments))
        .child(Element::new("listOfRules").children(rules));
    let model = if events.is_empty() {
        model
    } else {
        model.child(Element::new("listOfEvents").children(events))
    };
    document(model)
}

/// The document around a model.
///
/// # Errors
/// Only if the XML writer fails.
pub(super) fn document(model: Element) -> Result<String> {
    Element::new("sbml")
        .with("xmlns", SBML)
        .with("xmlns:sbml", SBML)
        .with("level", 3)
        .with("version", 2)
        .child(model)
        .to_document("SBML")
}

/// Values of states and inputs right after the events at time 0.
pub fn start_values(equations: &Equations, jumps: &[Jump]) -> BTreeMap<String, f64> {
    let states = equations.states.iter().map(|s| (&s.quantity.id, s.initial));
    let inputs = equations.inputs.iter().map(|i| (&i.quantity.id, i.before));
    let mut values: BTreeMap<String, f64> = states
        .chain(inputs)
        .map(|(id, value)| (id.clone(), value))
        .collect();
    for jump in jumps.iter().filter(|jump| jump.time <= 0.0) {
        for (id, update) in &jump.updates {
            if let Some(value) = values.get_mut(id) {
                *value = update.apply(*value);
            }
        }
    }
    values
}

/// Writes the parts of a model.
pub(super) struct Exporter<'a> {
    equations: &'a Equations,
    /// Units that were used.
    pub units: BTreeSet<Unit>,
    /// Time of the model at which the run begins, h; events at its start are events where it is not 0.
    pub begin: f64,
}

impl<'a> Exporter<'a> {
    /// An exporter of a run that begins at time 0.
    pub fn new(equations: &'a Equations) -> Self {
        Self {
            equations,
            units: BTreeSet::new(),
            begin: 0.0,
        }
    }

    /// Identifier of a unit, which is remembered for the list of definitions.
    pub fn unit(&mut self, unit: &Unit) -> String {
        if unit.is_one() {
            return "dimensionless".to_owned();
        }
        self.units.insert(unit.clone());
        unit_id(unit)
    }

    pub fn unit_definitions(&self) -> Vec<Element> {
        let mut units = self.units.clone();
        units.insert(Unit::parse("h"));
        units
            .iter()
            .map(|unit| {
                let factors = unit.factors().flat_map(|(name, power)| base(name, power));
                Element::new("unitDefinition")
                    .with("id", unit_id(unit))
                    .with("name", unit)
                    .child(Element::new("listOfUnits").children(factors))
            })
            .collect()
    }

    pub fn parameter(&mut self, quantity: &Quantity, constant: bool) -> Element {
        let unit = self.unit(&Unit::parse(&quantity.unit));
        Element::new("parameter")
            .with("metaid", &quantity.id)
            .with("id", &quantity.id)
            .with("name", &quantity.meaning)
            .with("units", unit)
            .with("constant", constant)
    }

    pub fn parameters(
        &mut self,
        start: &BTreeMap<String, f64>,
        background: &Background,
    ) -> Vec<Element> {
        let equations = self.equations;
        let mut list = Vec::new();
        for parameter in &equations.parameters {
            let element = self
                .parameter(&parameter.quantity, true)
                .with("value", number(parameter.value))
                .with("sboTerm", sbo(&parameter.quantity));
            let provenance = background.provenance(&parameter.path);
            list.push(if provenance.is_empty() {
                element
            } else {
                element.child(notes(&provenance))
            });
        }
        for constant in &equations.constants {
            list.push(self.parameter(&constant.quantity, true));
        }
        for input in &equations.inputs {
            let value = start
                .get(&input.quantity.id)
                .copied()
                .unwrap_or(input.before);
            list.push(
                self.parameter(&input.quantity, false)
                    .with("value", number(value)),
            );
        }
        for state in &equations.states {
            let id = &state.quantity.id;
            let value = start.get(id).copied().unwrap_or(state.initial);
            let element = self
                .parameter(&state.quantity, false)
                .with("value", number(value));
            list.push(identified(element, id));
        }
        for signal in &equations.signals {
            let element = self.parameter(&signal.quantity, false);
            list.push(identified(element, &signal.quantity.id));
        }
        list
    }

    pub fn initial_assignments(&mut self) -> Vec<Element> {
        let equations = self.equations;
        let assign = |constant: &Definition| {
            Element::new("initialAssignment")
                .with("symbol", &constant.quantity.id)
                .child(self.math(constant.symbol, &constant.quantity.id))
        };
        equations.constants.iter().map(assign).collect()
    }

    pub fn rules(&mut self) -> Vec<Element> {
        let mut rules = self.assignment_rules();
        for (id, rate) in self.rates() {
            rules.push(rate_rule(&id, rate));
        }
        rules
    }

    /// The definitions of the signals.
    pub fn assignment_rules(&mut self) -> Vec<Element> {
        let equations = self.equations;
        let mut rules = Vec::new();
        for signal in &equations.signals {
            let id = &signal.quantity.id;
            let value = self.expression(signal.symbol, id, None);
            rules.push(assignment_rule(id, value));
        }
        rules
    }

    /// The rates of the states that have one; events alone change the others.
    pub fn rates(&mut self) -> Vec<(String, Element)> {
        let equations = self.equations;
        let moving = equations
            .states
            .iter()
            .filter(|state| equations.graph.constant(state.symbol).is_none());
        moving
            .map(|state| {
                let rate = self.content(state.symbol);
                (state.quantity.id.clone(), rate)
            })
            .collect()
    }

    pub fn events(&mut self, jumps: &[Jump]) -> Vec<Element> {
        let begin = self.begin;
        let later = jumps.iter().filter(|jump| begin + jump.time > 0.0);
        let mut events = Vec::new();
        for jump in later {
            let mut assignments: Vec<Element> = jump
                .updates
                .iter()
                .filter_map(|(id, update)| self.event_assignment(jump, id, *update))
                .collect();
            if assignments.is_empty() {
                continue;
            }
            let updated = |id: &String| jump.updates.iter().any(|(other, _)| other == id);
            for id in jump.faded.iter().filter(|id| !updated(id)) {
                let kept = self.before(jump, id);
                assignments.push(event_assignment(id, kept));
            }
            let hour = self.unit(&Unit::parse("h"));
            let condition = apply("geq", [time(), literal(begin + jump.time, &hour)]);
            let id = format!("event_{}", events.len() + 1);
            events.push(event(&id, &jump.words.join("; "), condition, assignments));
        }
        events
    }

    /// What an event does to a quantity of the model; none for one that no equation uses.
    fn event_assignment(&mut self, jump: &Jump, id: &str, update: Update) -> Option<Element> {
        let states = self.equations.states.iter().map(|state| &state.quantity);
        let inputs = self.equations.inputs.iter().map(|input| &input.quantity);
        let quantity = states.chain(inputs).find(|quantity| quantity.id == id)?;
        let unit = self.unit(&Unit::parse(&quantity.unit));
        let itself = self.before(jump, id);
        let absorbed = self.equations.absorbed.iter();
        let absorbed = absorbed
            .filter(|(dosed, _)| dosed.to_bits() == jump.time.to_bits() && id == DEPOT)
            .map(|(_, amount)| *amount)
            .next();
        let value = match update {
            Update::Add(_) if absorbed.is_some() => {
                let amount = absorbed.map(|amount| self.expression(amount, "", None));
                apply("plus", std::iter::once(itself).chain(amount))
            }
            Update::Set(value) => literal(value, &unit),
            Update::Add(amount) => apply("plus", [itself, literal(amount, &unit)]),
            Update::Scale(factor) => apply("times", [literal(factor, "dimensionless"), itself]),
        };
        Some(event_assignment(id, value))
    }

    /// A quantity as an event finds it: what has faded and is negligible counts as 0.
    fn before(&mut self, jump: &Jump, id: &str) -> Element {
        let itself = || Element::new("ci").text(id);
        if !jump.faded.iter().any(|faded| faded == id) {
            return itself();
        }
        let unit = self.unit(&Unit::parse("mg"));
        let negligible = apply("lt", [itself(), literal(NEGLIGIBLE, &unit)]);
        let piece = Element::new("piece")
            .child(literal(0.0, &unit))
            .child(negligible);
        Element::new("piecewise")
            .child(piece)
            .child(Element::new("otherwise").child(itself()))
    }

    /// The definition of a quantity, or an expression without a name of its own.
    pub fn math(&mut self, symbol: Symbol, of: &str) -> Element {
        let content = self.expression(symbol, of, None);
        Element::new("math").with("xmlns", MATHML).child(content)
    }

    /// MathML of an expression without a name of its own.
    pub fn content(&mut self, symbol: Symbol) -> Element {
        self.expression(symbol, "", None)
    }

    /// MathML of an expression; a literal number takes `unit`.
    fn expression(&mut self, symbol: Symbol, of: &str, unit: Option<&Unit>) -> Element {
        if let Some(name) = self.equations.name_within(symbol, of) {
            return Element::new("ci").text(name);
        }
        let units = &self.equations.units;
        let unit_of = |symbol| units.get(symbol).cloned();
        let node = self.equations.graph.node(symbol);
        let mut binary = |operator, a, b, a_unit: Option<Unit>, b_unit: Option<Unit>| {
            let first = self.expression(a, of, a_unit.as_ref());
            let second = self.expression(b, of, b_unit.as_ref());
            apply(operator, [first, second])
        };
        match node {
            Node::Add(a, b) => binary("plus", a, b, unit_of(b), unit_of(a)),
            Node::Sub(a, b) => binary("minus", a, b, unit_of(b), unit_of(a)),
            Node::Mul(a, b) => binary("times", a, b, None, None),
            Node::Div(a, b) => binary("divide", a, b, None, None),
            Node::Power(a, b) => binary("power", a, b, None, None),
            Node::Neg(a) => apply("minus", [self.expression(a, of, unit)]),
            Node::Ln(a) => apply("ln", [self.expression(a, of, None)]),
            Node::Exp(a) => apply("exp", [self.expression(a, of, None)]),
            Node::Sqrt(a) => apply("root", [self.expression(a, of, None)]),
            Node::PositivePart(a) => {
                let zero = self.unit(&unit_of(a).unwrap_or_default());
                apply("max", [self.expression(a, of, None), literal(0.0, &zero)])
            }
            Node::Constant(bits) => {
                let unit = self.unit(&unit.cloned().unwrap_or_default());
                literal(f64::from_bits(bits), &unit)
            }
            Node::Leaf(position) => {
                Element::new("ci").text(&self.equations.graph.leaf(position).id)
            }
        }
    }
}

/// Depot that doses of sorafenib enter.
const DEPOT: &str = "sorafenib_depot_mg";

fn math(content: Element) -> Element {
    Element::new("math").with("xmlns", MATHML).child(content)
}

/// The time of the model.
pub(super) fn time() -> Element {
    Element::new("csymbol")
        .with("encoding", "text")
        .with("definitionURL", TIME)
        .text("time")
}

/// A quantity that always is this.
pub(super) fn assignment_rule(id: &str, value: Element) -> Element {
    Element::new("assignmentRule")
        .with("variable", id)
        .child(math(value))
}

/// A quantity that changes at this rate.
pub(super) fn rate_rule(id: &str, rate: Element) -> Element {
    Element::new("rateRule")
        .with("variable", id)
        .child(math(rate))
}

/// What an event makes of a quantity.
pub(super) fn event_assignment(id: &str, value: Element) -> Element {
    Element::new("eventAssignment")
        .with("variable", id)
        .child(math(value))
}

/// An event whenever a condition becomes true.
pub(super) fn event(
    id: &str,
    name: &str,
    condition: Element,
    assignments: impl IntoIterator<Item = Element>,
) -> Element {
    Element::new("event")
        .with("id", id)
        .with("name", name)
        .with("useValuesFromTriggerTime", true)
        .child(
            Element::new("trigger")
                .with("initialValue", false)
                .with("persistent", true)
                .child(math(condition)),
        )
        .child(Element::new("listOfEventAssignments").children(assignments))
}

/// MathML of an operation.
pub(super) fn apply(
    operator: &'static str,
    operands: impl IntoIterator<Item = Element>,
) -> Element {
    Element::new("apply")
        .child(Element::new(operator))
        .children(operands)
}

/// A number with the fewest digits that read back to the same bits.
pub(super) fn number(value: f64) -> String {
    format!("{value:?}")
}

pub(super) fn literal(value: f64, unit: &str) -> Element {
    let element = Element::new("cn").with("sbml:units", unit);
    let text = number(value);
    match text.split_once('e') {
        Some((mantissa, exponent)) => element
            .with("type", "e-notation")
            .text(mantissa)
            .child(Element::new("sep"))
            .text(exponent),
        None => element.text(text),
    }
}

/// Identifier of a unit.
pub fn unit_id(unit: &Unit) -> String {
    let mut id = String::new();
    let text = unit.to_string();
    for c in text.chars() {
        match c {
            '/' => id.push_str("_per_"),
            '*' => id.push('_'),
            '^' => {}
            c => id.push(c),
        }
    }
    match id.strip_prefix('1') {
        Some(rest) => format!("one{rest}"),
        None => id,
    }
}

/// A unit name to a power, in the base units of SBML.
fn base(name: &str, power: i32) -> Vec<Element> {
    let unit = |kind: &str, exponent: i32, scale: i32, multiplier: &str| {
        Element::new("unit")
            .with("kind", kind)
            .with("exponent", exponent)
            .with("scale", scale)
            .with("multiplier", multiplier)
    };
    match name {
        "h" => vec![unit("second", power, 0, "3600")],
        "mg" => vec![unit("gram", power, -3, "1")],
        "g" => vec![unit("gram", power, 0, "1")],
        "kg" => vec![unit("kilogram", power, 0, "1")],
        "L" => vec![unit("litre", power, 0, "1")],
        "mL" => vec![unit("litre", power, -3, "1")],
        "mm" => vec![unit("metre", power, -3, "1")],
        "mol" => vec![unit("mole", power, 0, "1")],
        "nM" => vec![unit("mole", power, -9, "1"), unit("litre", -power, 0, "1")],
        "mmHg" => vec![unit("pascal", power, 0, "133.322387415")],
        // The number of something relative to its value in the untreated tumour.
        _ => vec![unit("dimensionless", 1, 0, "1")],
    }
}

fn sbo(quantity: &Quantity) -> &'static str {
    let id = &quantity.id;
    if id.ends_with("_hill") || id.ends_with("_exponent") {
        "SBO:0000190"
    } else if quantity.unit == "1/h" {
        "SBO:0000009"
    } else {
        "SBO:0000002"
    }
}

pub(super) fn notes(lines: &[String]) -> Element {
    let paragraphs = lines.iter().map(|line| Element::new("p").text(line));
    let body = Element::new("body")
        .with("xmlns", XHTML)
        .children(paragraphs);
    Element::new("notes").child(body)
}

/// (qualifier, resource) pairs of the model.
fn model_terms(background: &Background) -> Vec<(&'static str, String)> {
    vec![
        (
            "bqmodel:isDescribedBy",
            "doi:10.3389/fonc.2021.641522".to_owned(),
        ),
        ("bqbiol:hasProperty", "DOID:684".to_owned()),
        ("bqbiol:hasTaxon", format!("taxonomy:{}", background.taxon)),
    ]
}

fn identified(element: Element, id: &str) -> Element {
    match IDENTITIES.iter().find(|(known, ..)| *known == id) {
        Some((_, qualifier, resource)) => {
            element.child(annotation(id, &[(*qualifier, (*resource).to_owned())]))
        }
        None => element,
    }
}

fn annotation(metaid: &str, terms: &[(&'static str, String)]) -> Element {
    let qualified = terms.iter().map(|(qualifier, resource)| {
        let item = Element::new("rdf:li").with(
            "rdf:resource",
            format!("https://identifiers.org/{resource}"),
        );
        Element::new(qualifier).child(Element::new("rdf:Bag").child(item))
    });
    let description = Element::new("rdf:Description")
        .with("rdf:about", format!("#{metaid}"))
        .children(qualified);
    let rdf = Element::new("rdf:RDF")
        .with("xmlns:rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#")
        .with("xmlns:bqbiol", "http://biomodels.net/biology-qualifiers/")
        .with("xmlns:bqmodel", "http://biomodels.net/model-qualifiers/")
        .child(description);
    Element::new("annotation").child(rdf)
}
