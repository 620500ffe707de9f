//! All runs side by side in one SBML model, with the readings of the targets.
//!
//! The model begins [`PREPARATION`] before the treatment. Until then nothing grows: cells keep their
//! composition and the burden its initial size, so that everything else settles at the untreated baseline
//! of whatever parameter values are tried.
//!
//! ```text
//! before:  S' = S (g - G),  R' = R (g - G),  Di' = rate(Di) - Di G
//!          g = (rate(S) + rate(R))/(S + R),  G = (rate(S) + rate(R) + rate(D1) + rate(D2))/burden
//! ```

use super::reading::{Kind, Reading};
use super::runs::{Run, Runs};
use crate::error::Result;
use crate::interchange::dimension::Unit;
use crate::interchange::events::Jump;
use crate::interchange::sbml::{
    Exporter, apply, assignment_rule, document, event, event_assignment, literal, notes, number,
    rate_rule, time,
};
use crate::interchange::xml::Element;
use std::collections::BTreeSet;

/// Time in which the untreated baseline settles, h.
pub const PREPARATION: f64 = 10_000.0;

/// Time from the last reading of a run to the end of its drug, h.
const WASHED_OUT: f64 = 0.5;

const GROWING: &str = "growing";
const VIABLE: [&str; 2] = ["sensitive", "resistant"];
const DYING: [&str; 2] = ["dying_early", "dying_late"];

fn ci(id: &str) -> Element {
    Element::new("ci").text(id)
}

/// Parts of the model that are collected run by run.
#[derive(Default)]
struct Parts {
    parameters: Vec<Element>,
    assignments: Vec<Element>,
    rules: Vec<Element>,
    events: Vec<Element>,
    units: BTreeSet<Unit>,
}

impl Parts {
    fn rename(&mut self, from: &Self, name: &impl Fn(&str) -> String) {
        let renamed = |elements: &[Element]| -> Vec<Element> {
            elements.iter().map(|e| e.clone().renamed(name)).collect()
        };
        self.parameters.extend(renamed(&from.parameters));
        self.assignments.extend(renamed(&from.assignments));
        self.rules.extend(renamed(&from.rules));
        self.events.extend(renamed(&from.events));
        self.units.extend(from.units.iter().cloned());
    }
}

/// Name of a reading in the model.
pub fn reading_id(index: usize) -> String {
    format!("reading_{}", index + 1)
}

/// The SBML of all runs.
///
/// # Errors
/// Only if the XML writer fails.
pub fn model(runs: &Runs<'_>, title: &str, description: &[String]) -> Result<String> {
    let shared = runs.shared();
    let mut whole = Parts::default();
    whole.parameters.push(
        Element::new("parameter")
            .with("id", GROWING)
            .with(
                "name",
                "Whether the tumour grows: 1 from the begin of treatment on",
            )
            .with("units", "dimensionless")
            .with("constant", false)
            .with("value", 0),
    );
    let hour = "h";
    whole.events.push(event(
        "treatment_begins",
        "the tumour grows from now on",
        apply("geq", [time(), literal(PREPARATION, hour)]),
        [event_assignment(GROWING, literal(1.0, "dimensionless"))],
    ));
    let mut written = BTreeSet::new();
    for (number, run) in runs.list.iter().enumerate() {
        let mut parts = Parts::default();
        let mut exporter = Exporter::new(&run.equations);
        exporter.begin = PREPARATION;
        let start = crate::interchange::sbml::start_values(&run.equations, &[]);
        let parameters = exporter.parameters(&start, &run.background);
        let own = run.equations.parameters.iter().map(|p| &p.quantity.id);
        let mut ids = own.map(|id| runs.name(&shared, number, id));
        parts.parameters = parameters
            .into_iter()
            .filter(|_| ids.next().is_none_or(|id| written.insert(id)))
            .collect();
        parts.assignments = exporter.initial_assignments();
        parts.rules = exporter.assignment_rules();
        prepared(run, &mut exporter, &mut parts);
        let end = runs.end(number);
        let needed: Vec<Jump> = run
            .jumps
            .iter()
            .filter(|j| j.time <= end)
            .cloned()
            .collect();
        parts.events = exporter.events(&needed);
        parts.events.extend(washed_out(number, runs, &mut exporter));
        let readings = runs.readings.iter().enumerate();
        let readings = readings.filter(|(index, _)| runs.events.contains(index));
        for (index, reading) in readings.filter(|(_, reading)| reading.run == number) {
            read(index, reading, run, &mut exporter, &mut parts);
        }
        parts.units = std::mem::take(&mut exporter.units);
        let name = |id: &str| {
            let own = id == GROWING || id.starts_with("reading_") || id.starts_with("best_");
            if own {
                id.to_owned()
            } else {
                runs.name(&shared, number, id)
            }
        };
        whole.rename(&parts, &name);
    }
    let mut units = runs.list.first().map(|run| Exporter::new(&run.equations));
    let definitions = units.as_mut().map_or_else(Vec::new, |exporter| {
        exporter.units = std::mem::take(&mut whole.units);
        exporter.unit_definitions()
    });
    document(
        Element::new("model")
            .with("id", "hif_switch_calibration")
            .with("name", title)
            .with("timeUnits", hour)
            .child(notes(description))
            .child(Element::new("listOfUnitDefinitions").children(definitions))
            .child(Element::new("listOfParameters").children(whole.parameters))
            .child(Element::new("listOfInitialAssignments").children(whole.assignments))
            .child(Element::new("listOfRules").children(whole.rules))
            .child(Element::new("listOfEvents").children(whole.events)),
    )
}

fn parameter(exporter: &mut Exporter<'_>, id: &str, unit: &str) -> Element {
    let unit = exporter.unit(&Unit::parse(unit));
    Element::new("parameter")
        .with("id", id)
        .with("units", unit)
        .with("constant", false)
}

/// The rates of a run, with those of its cells as the preparation wants them.
fn prepared(run: &Run, exporter: &mut Exporter<'_>, parts: &mut Parts) {
    let rates = exporter.rates();
    let is_cell = |id: &str| VIABLE.contains(&id) || DYING.contains(&id);
    let moving: Vec<&str> = rates
        .iter()
        .map(|(id, _)| id.as_str())
        .filter(|id| is_cell(id))
        .collect();
    let unit = format!("{}/h", run.background.burden_unit);
    let rate_id = |id: &str| format!("rate_of_{id}");
    let sum = |ids: &[&str], name: &dyn Fn(&str) -> String| {
        apply("plus", ids.iter().map(|id| ci(&name(id))))
    };
    let viable: Vec<&str> = moving
        .iter()
        .copied()
        .filter(|id| VIABLE.contains(id))
        .collect();
    let plain = |id: &str| id.to_owned();
    for (id, meaning, ids) in [
        ("net_growth", "growth of the viable cells", &viable),
        ("dilution", "growth of the burden", &moving),
    ] {
        parts
            .parameters
            .push(parameter(exporter, id, "1/h").with("name", meaning));
        let value = apply("divide", [sum(ids, &rate_id), sum(ids, &plain)]);
        parts.rules.push(assignment_rule(id, value));
    }
    let one = || literal(1.0, "dimensionless");
    for (id, rate) in rates {
        let rate = match id.as_str() {
            "metastases" => apply("times", [ci(GROWING), rate]),
            cell if is_cell(cell) => {
                let name = rate_id(cell);
                let element = parameter(exporter, &name, &unit);
                parts
                    .parameters
                    .push(element.with("name", format!("rate of {cell}, were it free to grow")));
                parts.rules.push(assignment_rule(&name, rate));
                let held = if VIABLE.contains(&cell) {
                    let excess = apply("minus", [ci("net_growth"), ci("dilution")]);
                    apply("times", [ci(cell), excess])
                } else {
                    let lost = apply("times", [ci(cell), ci("dilution")]);
                    apply("minus", [ci(&name), lost])
                };
                let free = apply("times", [ci(GROWING), ci(&name)]);
                let before = apply("minus", [one(), ci(GROWING)]);
                apply("plus", [free, apply("times", [before, held])])
            }
            _ => rate,
        };
        parts.rules.push(rate_rule(&id, rate));
    }
}

/// After the last reading of a run there are no events, and its drug is gone: what decays for weeks ends in numbers too small for a
/// solver.
fn washed_out(number: usize, runs: &Runs<'_>, exporter: &mut Exporter<'_>) -> Option<Element> {
    let drug = |id: &str| id.starts_with("sorafenib_") || id.starts_with("partner");
    let amounts = exporter.rates().into_iter().map(|(id, _)| id);
    let amounts: Vec<String> = amounts
        .filter(|id| drug(id) && !id.contains("eliminated"))
        .collect();
    let gone = amounts
        .iter()
        .map(|id| event_assignment(id, literal(0.0, "mg")));
    let end = PREPARATION + runs.end(number) + WASHED_OUT;
    let condition = apply("geq", [time(), literal(end, "h")]);
    let over = "the run is over";
    (!amounts.is_empty()).then(|| event("run_is_over", over, condition, gone))
}

/// The events that make a reading.
fn read(
    index: usize,
    reading: &Reading,
    run: &Run,
    exporter: &mut Exporter<'_>,
    parts: &mut Parts,
) {
    let id = reading_id(index);
    let unit = reading.result_unit().to_owned();
    parts.parameters.push(
        parameter(exporter, &id, &unit)
            .with("name", format!("reading of {}", run.scenario.label()))
            .with("value", number(0.0)),
    );
    let value = || reading.formula.math();
    let at = |hour: f64| literal(PREPARATION + hour, "h");
    let since = || apply("minus", [time(), at(0.0)]);
    let largest = || apply("max", [ci(&id), value()]);
    let mut add = |part: usize, condition: Element, assignments: Vec<Element>| {
        let name = format!("{id}_{part}");
        parts
            .events
            .push(event(&name, "a reading", condition, assignments));
    };
    match &reading.kind {
        Kind::Sampled(samples) => {
            for (part, (hour, weight)) in samples.iter().enumerate() {
                let weighed = apply("times", [literal(*weight, "dimensionless"), value()]);
                let sum = apply("plus", [ci(&id), weighed]);
                let condition = apply("geq", [time(), at(*hour)]);
                add(part, condition, vec![event_assignment(&id, sum)]);
            }
        }
        Kind::Crossing(level) => {
            let unit = exporter.unit(&Unit::parse(&reading.unit));
            let condition = apply(
                "and",
                [
                    apply("geq", [value(), literal(*level, &unit)]),
                    apply("geq", [time(), at(0.0)]),
                    apply("leq", [ci(&id), literal(0.0, "h")]),
                ],
            );
            add(0, condition, vec![event_assignment(&id, since())]);
        }
        Kind::Largest(from, to, rate) => {
            let falling = falling(exporter, *rate, "mg/h");
            let inside = [
                apply("geq", [time(), at(*from)]),
                apply("leq", [time(), at(*to)]),
            ];
            let condition = apply("and", inside.into_iter().chain([falling]));
            add(0, condition, vec![event_assignment(&id, largest())]);
            for (part, hour) in [from, to].into_iter().enumerate() {
                let condition = apply("geq", [time(), at(*hour)]);
                add(part + 1, condition, vec![event_assignment(&id, largest())]);
            }
        }
        Kind::PeakTime(rate) => {
            let best = format!("best_{}", index + 1);
            let unit = reading.unit.clone();
            let falling = falling(exporter, *rate, &format!("{unit}/h"));
            let raised = || {
                let higher = apply("gt", [value(), ci(&best)]);
                let piece = Element::new("piece").child(since()).child(higher);
                let otherwise = Element::new("otherwise").child(ci(&id));
                let chosen = Element::new("piecewise").child(piece).child(otherwise);
                let highest = apply("max", [ci(&best), value()]);
                vec![
                    event_assignment(&id, chosen),
                    event_assignment(&best, highest),
                ]
            };
            let begin = apply("geq", [time(), at(0.0)]);
            add(0, begin, raised());
            let later = apply("gt", [time(), at(0.0)]);
            add(1, apply("and", [later, falling]), raised());
            let end = apply("geq", [time(), at(run.problem.timeline.duration)]);
            add(2, end, raised());
            parts.parameters.push(
                parameter(exporter, &best, &unit)
                    .with("name", "largest value so far")
                    .with("value", number(0.0)),
            );
        }
    }
}

/// Whether a rate is below 0.
fn falling(
    exporter: &mut Exporter<'_>,
    rate: crate::interchange::symbol::Symbol,
    unit: &str,
) -> Element {
    let unit = exporter.unit(&Unit::parse(unit));
    let rate = exporter.content(rate);
    apply("lt", [rate, literal(0.0, &unit)])
}
