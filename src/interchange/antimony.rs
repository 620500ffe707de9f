//! The model as Antimony: SBML for reading.

use super::background::Background;
use super::dimension::Unit;
use super::equations::{Equations, Quantity};
use super::events::{Jump, NEGLIGIBLE, Update};
use super::infix::{Style, infix, number};
use super::sbml::{start_values, unit_id};
use std::collections::BTreeSet;
use std::fmt::Write;

/// The text for equations and jumps.
pub fn antimony(equations: &Equations, jumps: &[Jump], background: &Background) -> String {
    let mut text = String::new();
    for line in std::iter::once(&background.title).chain(&background.description) {
        let _ = writeln!(text, "// {line}");
    }
    let _ = writeln!(text, "model {}", background.id);
    let sections = [
        ("Units", units(equations)),
        ("Parameters", parameters(equations, background)),
        ("Constants of the reference tumour", constants(equations)),
        (
            "Inputs and states right after the events at time 0",
            starts(equations, jumps),
        ),
        ("Signals", signals(equations)),
        ("Rates of change per h", rates(equations)),
        ("Events", events(equations, jumps)),
        ("Units of the quantities", quantity_units(equations)),
    ];
    for (title, lines) in sections {
        if lines.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n  // {title}");
        for line in lines {
            let _ = writeln!(text, "  {line}");
        }
    }
    text.push_str("end\n");
    text
}

fn quantities(equations: &Equations) -> impl Iterator<Item = &Quantity> {
    let parameters = equations.parameters.iter().map(|p| &p.quantity);
    let constants = equations.constants.iter().map(|c| &c.quantity);
    let inputs = equations.inputs.iter().map(|i| &i.quantity);
    let states = equations.states.iter().map(|s| &s.quantity);
    let signals = equations.signals.iter().map(|s| &s.quantity);
    parameters
        .chain(constants)
        .chain(inputs)
        .chain(states)
        .chain(signals)
}

fn units(equations: &Equations) -> Vec<String> {
    let units: BTreeSet<Unit> = quantities(equations)
        .map(|quantity| Unit::parse(&quantity.unit))
        .chain([Unit::parse("h")])
        .filter(|unit| !unit.is_one())
        .collect();
    let mut lines: Vec<String> = units
        .iter()
        .map(|unit| {
            let factors: Vec<String> = unit
                .factors()
                .map(|(name, power)| base(name, power))
                .collect();
            format!("unit {} = {};", unit_id(unit), factors.join(" * "))
        })
        .collect();
    lines.push("unit time_unit = 3600 second;".to_owned());
    lines
}

/// A unit name to a power, in base units.
fn base(name: &str, power: i32) -> String {
    let (factor, kind) = match name {
        "h" => ("3600 ", "second"),
        "mg" => ("1e-3 ", "gram"),
        "g" => ("", "gram"),
        "kg" => ("", "kilogram"),
        "L" => ("", "litre"),
        "mL" => ("1e-3 ", "litre"),
        "mm" => ("1e-3 ", "metre"),
        "mol" => ("", "mole"),
        "mmHg" => ("133.322387415 ", "pascal"),
        "nM" if power == 1 => return "1e-9 mole / litre".to_owned(),
        _ => ("", "dimensionless"),
    };
    match power {
        1 => format!("{factor}{kind}"),
        power => format!("({factor}{kind})^{power}"),
    }
}

fn meaning(quantity: &Quantity) -> String {
    let unit = if quantity.unit == "1" {
        ""
    } else {
        &quantity.unit
    };
    format!(
        "{} [{}]",
        quantity.meaning,
        if unit.is_empty() { "1" } else { unit }
    )
}

fn parameters(equations: &Equations, background: &Background) -> Vec<String> {
    equations
        .parameters
        .iter()
        .map(|parameter| {
            let grade = background.entries.get(&parameter.path);
            let grade = grade.map_or_else(String::new, |entry| format!("; {}", entry.grade));
            format!(
                "{} = {};  // {}{grade}",
                parameter.quantity.id,
                number(parameter.value),
                meaning(&parameter.quantity),
            )
        })
        .collect()
}

fn constants(equations: &Equations) -> Vec<String> {
    equations
        .constants
        .iter()
        .map(|constant| {
            let id = &constant.quantity.id;
            let value = infix(equations, constant.symbol, id, Style::Plain);
            format!("{id} = {value};  // {}", meaning(&constant.quantity))
        })
        .collect()
}

fn starts(equations: &Equations, jumps: &[Jump]) -> Vec<String> {
    let values = start_values(equations, jumps);
    let inputs = equations.inputs.iter().map(|input| &input.quantity);
    inputs
        .chain(equations.states.iter().map(|state| &state.quantity))
        .map(|quantity| {
            let value = values.get(&quantity.id).copied().unwrap_or_default();
            format!(
                "{} = {};  // {}",
                quantity.id,
                number(value),
                meaning(quantity)
            )
        })
        .collect()
}

fn signals(equations: &Equations) -> Vec<String> {
    equations
        .signals
        .iter()
        .map(|signal| {
            let id = &signal.quantity.id;
            let value = infix(equations, signal.symbol, id, Style::Plain);
            format!("{id} := {value};  // {}", meaning(&signal.quantity))
        })
        .collect()
}

fn rates(equations: &Equations) -> Vec<String> {
    equations
        .states
        .iter()
        .filter(|state| equations.graph.constant(state.symbol).is_none())
        .map(|state| {
            let rate = infix(equations, state.symbol, "", Style::Plain);
            format!("{}' = {rate};", state.quantity.id)
        })
        .collect()
}

fn events(equations: &Equations, jumps: &[Jump]) -> Vec<String> {
    let known = |id: &str| {
        let states = equations.states.iter().map(|state| &state.quantity.id);
        let inputs = equations.inputs.iter().map(|input| &input.quantity.id);
        states.chain(inputs).any(|known| known == id)
    };
    let mut lines = Vec::new();
    for jump in jumps.iter().filter(|jump| jump.time > 0.0) {
        let before = |id: &String| {
            if jump.faded.contains(id) {
                format!("piecewise(0, {id} < {}, {id})", number(NEGLIGIBLE))
            } else {
                id.clone()
            }
        };
        let mut assignments: Vec<String> = jump
            .updates
            .iter()
            .filter(|(id, _)| known(id))
            .map(|(id, update)| match update {
                Update::Set(value) => format!("{id} = {}", number(*value)),
                Update::Add(amount) => format!("{id} = {} + {}", before(id), number(*amount)),
                Update::Scale(factor) => format!("{id} = {}*{}", number(*factor), before(id)),
            })
            .collect();
        if !assignments.is_empty() {
            let updated = |id: &String| jump.updates.iter().any(|(other, _)| other == id);
            let faded = jump.faded.iter().filter(|id| !updated(id));
            assignments.extend(faded.map(|id| format!("{id} = {}", before(id))));
            lines.push(format!(
                "event_{}: at (time >= {}), t0=false: {};",
                lines.len() + 1,
                number(jump.time),
                assignments.join(", ")
            ));
        }
    }
    lines
}

fn quantity_units(equations: &Equations) -> Vec<String> {
    quantities(equations)
        .map(|quantity| {
            let unit = Unit::parse(&quantity.unit);
            let unit = if unit.is_one() {
                "dimensionless".to_owned()
            } else {
                unit_id(&unit)
            };
            format!("{} has {unit};", quantity.id)
        })
        .collect()
}
