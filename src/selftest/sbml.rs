//! A small reader of the exported SBML: it computes rates and events from the text alone.

use super::program::failure;
use crate::error::{Error, Result};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// An element with its attributes, text and children.
#[derive(Debug, Clone, Default)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    text: String,
    children: Vec<Element>,
}

fn unreadable(cause: impl Into<String>) -> Error {
    failure("the exported SBML", cause)
}

impl Element {
    fn begin(start: &BytesStart<'_>) -> Result<Self> {
        let mut attributes = BTreeMap::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| unreadable(error.to_string()))?;
            attributes.insert(
                attribute.key.as_ref().to_owned(),
                attribute.value.to_string(),
            );
        }
        Ok(Self {
            name: start.name().as_ref().to_owned(),
            attributes,
            ..Self::default()
        })
    }

    /// The document as one element.
    fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            let event = reader.read_event();
            match event.map_err(|error| unreadable(error.to_string()))? {
                Event::Start(start) => open.push(Self::begin(&start)?),
                Event::Empty(start) => {
                    let element = Self::begin(&start)?;
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(element);
                    }
                }
                Event::End(_) => {
                    let done = open.pop();
                    match (open.last_mut(), done) {
                        (Some(parent), Some(done)) => parent.children.push(done),
                        _ => return Err(unreadable("an element ends that did not begin")),
                    }
                }
                Event::Text(text) => {
                    if let Some(parent) = open.last_mut() {
                        parent.text.push_str(text.trim());
                        parent.text.push(' ');
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        open.pop().ok_or_else(|| unreadable("it is empty"))
    }

    fn attribute(&self, name: &str) -> Result<&str> {
        let found = self.attributes.get(name).map(String::as_str);
        found.ok_or_else(|| unreadable(format!("{} without {name}", self.name)))
    }

    fn child(&self, name: &str) -> Result<&Self> {
        let mut named = self.children.iter().filter(|child| child.name == name);
        let found = named.next();
        found.ok_or_else(|| unreadable(format!("{} without {name}", self.name)))
    }

    /// The elements of a list of the model; none where there is no list.
    fn list(&self, name: &str) -> &[Self] {
        self.child(name).map_or(&[], |list| &list.children)
    }

    /// What is in its `math`.
    fn math(&self) -> Result<Self> {
        let math = self.child("math")?.children.first();
        math.cloned().ok_or_else(|| unreadable("an empty math"))
    }
}

/// An event at a time: when, and what becomes of which quantity.
pub struct Jump {
    /// Time, h.
    pub time: f64,
    assignments: Vec<(String, Element)>,
}

/// A model read from SBML.
pub struct SbmlModel {
    /// Values of parameters, inputs and states at the start.
    pub values: BTreeMap<String, f64>,
    /// Names of the states, in order.
    pub states: Vec<String>,
    /// Events that happen at a time, in order.
    pub jumps: Vec<Jump>,
    definitions: BTreeMap<String, Element>,
    rates: BTreeMap<String, Element>,
}

impl SbmlModel {
    /// Reads a document.
    ///
    /// # Errors
    /// A document that is not like the exported ones.
    pub fn read(text: &str) -> Result<Self> {
        let document = Element::parse(text)?;
        let model = document.child("sbml")?.child("model")?;
        let mut values = BTreeMap::new();
        for parameter in model.list("listOfParameters") {
            if let Some(value) = parameter.attributes.get("value") {
                values.insert(parameter.attribute("id")?.to_owned(), parse(value)?);
            }
        }
        let mut definitions = BTreeMap::new();
        for assignment in model.list("listOfInitialAssignments") {
            definitions.insert(
                assignment.attribute("symbol")?.to_owned(),
                assignment.math()?,
            );
        }
        let (mut states, mut rates) = (Vec::new(), BTreeMap::new());
        for rule in model.list("listOfRules") {
            let variable = rule.attribute("variable")?.to_owned();
            if rule.name == "rateRule" {
                states.push(variable.clone());
                rates.insert(variable, rule.math()?);
            } else {
                definitions.insert(variable, rule.math()?);
            }
        }
        let mut read = Self {
            values,
            states,
            jumps: Vec::new(),
            definitions,
            rates,
        };
        for event in model.list("listOfEvents") {
            let trigger = event.child("trigger")?.math()?;
            let at = match trigger.children.as_slice() {
                [operator, _, at] if operator.name == "geq" && at.name == "cn" => at,
                // The readings of a calibration also wait for a quantity.
                _ => continue,
            };
            let time = read.evaluate(at, &BTreeMap::new())?;
            let list = event.list("listOfEventAssignments");
            let assignments = list.iter().map(|assignment| {
                let variable = assignment.attribute("variable")?.to_owned();
                Ok((variable, assignment.math()?))
            });
            let assignments = assignments.collect::<Result<_>>()?;
            read.jumps.push(Jump { time, assignments });
        }
        Ok(read)
    }

    /// Rates of change of the states by name, at other values of some quantities.
    ///
    /// # Errors
    /// A formula that this reader does not know.
    pub fn rates(&self, at: &BTreeMap<String, f64>) -> Result<BTreeMap<String, f64>> {
        let work = Evaluation::new(self, at);
        let rates = self.rates.iter();
        rates
            .map(|(id, math)| Ok((id.clone(), work.value(math)?)))
            .collect()
    }

    /// What an event makes of quantities with some values.
    ///
    /// # Errors
    /// A formula that this reader does not know.
    pub fn after(&self, jump: &Jump, at: &BTreeMap<String, f64>) -> Result<BTreeMap<String, f64>> {
        let work = Evaluation::new(self, at);
        let assignments = jump.assignments.iter();
        assignments
            .map(|(id, math)| Ok((id.clone(), work.value(math)?)))
            .collect()
    }

    fn evaluate(&self, math: &Element, at: &BTreeMap<String, f64>) -> Result<f64> {
        Evaluation::new(self, at).value(math)
    }
}

fn parse(text: &str) -> Result<f64> {
    let parsed = text.trim().parse();
    parsed.map_err(|_| unreadable(format!("`{text}` is no number")))
}

/// Values of defined quantities, each computed once.
struct Evaluation<'a> {
    model: &'a SbmlModel,
    at: &'a BTreeMap<String, f64>,
    known: RefCell<BTreeMap<&'a str, f64>>,
    open: RefCell<BTreeSet<&'a str>>,
}

impl<'a> Evaluation<'a> {
    fn new(model: &'a SbmlModel, at: &'a BTreeMap<String, f64>) -> Self {
        Self {
            model,
            at,
            known: RefCell::default(),
            open: RefCell::default(),
        }
    }

    fn named(&self, id: &str) -> Result<f64> {
        if let Some((id, math)) = self.model.definitions.get_key_value(id) {
            let known = self.known.borrow().get(id.as_str()).copied();
            if let Some(value) = known {
                return Ok(value);
            }
            if !self.open.borrow_mut().insert(id) {
                return Err(unreadable(format!("{id} is defined by itself")));
            }
            let value = self.value(math)?;
            self.known.borrow_mut().insert(id, value);
            return Ok(value);
        }
        let value = self.at.get(id).or_else(|| self.model.values.get(id));
        let value = value.copied();
        value.ok_or_else(|| unreadable(format!("{id} has no value")))
    }

    fn value(&self, math: &Element) -> Result<f64> {
        match math.name.as_str() {
            "ci" => self.named(math.text.trim()),
            "cn" => {
                let mut parts = math.text.split_whitespace();
                let mantissa = parts.next().unwrap_or_default();
                match parts.next() {
                    Some(exponent) => parse(&format!("{mantissa}e{exponent}")),
                    None => parse(mantissa),
                }
            }
            "apply" => self.apply(math),
            "piecewise" => {
                for piece in math.children.iter().filter(|child| child.name == "piece") {
                    let [value, condition] = piece.children.as_slice() else {
                        return Err(unreadable("a piece of another form"));
                    };
                    if self.value(condition)? > 0.0 {
                        return self.value(value);
                    }
                }
                let otherwise = math.child("otherwise")?.children.first();
                let otherwise = otherwise.ok_or_else(|| unreadable("an empty otherwise"))?;
                self.value(otherwise)
            }
            other => Err(unreadable(format!("<{other}> is not known"))),
        }
    }

    fn apply(&self, math: &Element) -> Result<f64> {
        let Some((operator, operands)) = math.children.split_first() else {
            return Err(unreadable("an empty apply"));
        };
        let values = operands.iter().map(|operand| self.value(operand));
        let values: Vec<f64> = values.collect::<Result<_>>()?;
        Ok(match (operator.name.as_str(), values.as_slice()) {
            ("plus", all) => all.iter().sum(),
            ("times", all) => all.iter().product(),
            ("minus", [a]) => -a,
            ("minus", [a, b]) => a - b,
            ("divide", [a, b]) => a / b,
            ("power", [a, b]) => a.powf(*b),
            ("exp", [a]) => a.exp(),
            ("ln", [a]) => a.ln(),
            ("root", [a]) => a.sqrt(),
            ("max", [a, b]) => a.max(*b),
            ("lt", [a, b]) => f64::from(a < b),
            ("geq", [a, b]) => f64::from(a >= b),
            (other, values) => {
                let count = values.len();
                return Err(unreadable(format!("<{other}> of {count} is not known")));
            }
        })
    }
}
