//! The equations and parameters as a page: Markdown or LaTeX, from the same source as the code.

use super::background::Background;
use super::equations::{Definition, Equations};
use super::infix::{Style, infix, name, number};
use crate::error::Result;
use crate::model::partner::{NODES, Nodes, PartnerAction};
use crate::parameters::Library;
use crate::regimen::Arm;
use crate::simulate::Scenario;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Tables of parameters, inputs and states, and the equations in plain text, as Markdown whose headings
/// begin at `level` hash signs.
pub fn markdown(equations: &Equations, background: &Background, level: usize) -> String {
    let heading = "#".repeat(level);
    let mut page = format!("{HILL}\n\n");
    let mut section = |title: &str, body: &str| {
        let _ = writeln!(page, "{heading} {title}\n\n{}\n", body.trim_end());
    };
    section(
        "States and their rates of change per hour",
        &code(&rates(equations)),
    );
    section(
        "Signals",
        &code(&definitions(equations, &equations.signals)),
    );
    section(
        "Constants of the reference tumour",
        &code(&definitions(equations, &equations.constants)),
    );
    section("What the names mean", &names(equations));
    section("Parameters", &parameters(equations, background));
    page.trim_end().to_owned() + "\n"
}

const HILL: &str =
    "`hill(c, k, n)` stands for `(c/k)^n/((c/k)^n + 1)`; `'` for the rate of change per hour.";

/// The generated part of the documentation: all equations, with a partner that acts on every node, and
/// all parameters in their settings.
///
/// # Errors
/// A parameter file that cannot be used.
pub fn reference_page(library: &Library) -> Result<String> {
    let (patient, _) = reference(library, "patient")?;
    let (mouse, _) = reference(library, "xenograft")?;
    let mut page = format!("{HILL}\n\n");
    let kinetics: Vec<String> = rates(&mouse)
        .into_iter()
        .filter(|line| line.starts_with("sorafenib_"))
        .collect();
    let sections = [
        (
            "States and their rates of change per hour, in patients",
            code(&rates(&patient)),
        ),
        ("Kinetics of sorafenib in the mouse", code(&kinetics)),
        ("Signals", code(&definitions(&patient, &patient.signals))),
        (
            "Constants of the reference tumour",
            code(&definitions(&patient, &patient.constants)),
        ),
        ("What the names mean", names(&patient)),
        ("Parameters", parameters_by_setting(library)?),
    ];
    for (title, body) in sections {
        let _ = writeln!(page, "### {title}\n\n{}\n", body.trim_end());
    }
    Ok(page.trim_end().to_owned() + "\n")
}

/// The equations of a setting with a partner that acts on every node.
fn reference(library: &Library, setting: &str) -> Result<(Equations, Background)> {
    let partner = library
        .names("partners")
        .first()
        .copied()
        .unwrap_or_default();
    let scenario = Scenario::new(setting, Arm::combination(partner));
    let mut problem = scenario.prepare(library)?;
    if let Some(partner) = &mut problem.model.partners[0] {
        partner.action = PartnerAction::Imposed(Nodes::from_values([0.5; NODES]));
    }
    let background = Background::of(&scenario, library)?;
    let equations = Equations::of(&problem, &background.burden_unit)?;
    Ok((equations, background))
}

const SETTINGS: [&str; 3] = ["culture", "xenograft", "patient"];

/// One line per parameter, with its value in each setting; partners have files of their own.
fn parameters_by_setting(library: &Library) -> Result<String> {
    let settings = SETTINGS
        .iter()
        .map(|setting| reference(library, setting))
        .collect::<Result<Vec<_>>>()?;
    let mut table = "| name | culture | xenograft | patient | unit | grade | meaning | source |\n\
                     |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    let mut seen = BTreeSet::new();
    let all = settings
        .iter()
        .rev()
        .flat_map(|(equations, _)| &equations.parameters);
    for parameter in all {
        let id = &parameter.quantity.id;
        if id.starts_with("partner") || !seen.insert(id) {
            continue;
        }
        let mut row = format!("| `{id}` ");
        let (mut grades, mut sources) = (BTreeSet::new(), BTreeSet::new());
        for (equations, background) in &settings {
            let here = equations.parameters.iter().find(|p| p.quantity.id == *id);
            let value = here.map_or_else(|| "-".to_owned(), |p| shown(p.value));
            let _ = write!(row, "| {value} ");
            if let Some(entry) = here.and_then(|p| background.entries.get(&p.path)) {
                grades.insert(entry.grade.to_string());
                sources.extend(entry.source.as_deref().map(|key| background.citation(key)));
            }
        }
        let join = |set: BTreeSet<String>| set.into_iter().collect::<Vec<_>>().join("; ");
        let unit = if parameter.quantity.unit.starts_with("mL") || id.starts_with("size_") {
            "mm^3, mL"
        } else {
            &parameter.quantity.unit
        };
        let meaning = &parameter.quantity.meaning;
        let (grades, sources) = (join(grades), join(sources));
        let _ = writeln!(table, "{row}| {unit} | {grades} | {meaning} | {sources} |");
    }
    Ok(table)
}

fn code(lines: &[String]) -> String {
    format!("```text\n{}\n```", lines.join("\n"))
}

fn rates(equations: &Equations) -> Vec<String> {
    equations
        .states
        .iter()
        .map(|state| {
            let rate = infix(equations, state.symbol, "", Style::Page);
            broken(&format!("{}' = {rate}", state.quantity.id))
        })
        .collect()
}

fn definitions(equations: &Equations, list: &[Definition]) -> Vec<String> {
    list.iter()
        .map(|definition| {
            let id = &definition.quantity.id;
            let value = infix(equations, definition.symbol, id, Style::Page);
            broken(&format!("{id} = {value}"))
        })
        .collect()
}

/// Columns of a line of code on a page.
const WIDTH: usize = 120;

/// A long line broken at spaces, its continuation set in.
fn broken(line: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > WIDTH {
            out.push_str("\n    ");
            column = 4;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

fn names(equations: &Equations) -> String {
    let states = equations.states.iter().map(|s| ("state", &s.quantity));
    let inputs = equations.inputs.iter().map(|i| ("input", &i.quantity));
    let signals = equations.signals.iter().map(|s| ("signal", &s.quantity));
    let constants = equations
        .constants
        .iter()
        .map(|c| ("constant", &c.quantity));
    let mut table = "| name | kind | unit | meaning |\n|---|---|---|---|\n".to_owned();
    for (kind, quantity) in states.chain(inputs).chain(signals).chain(constants) {
        let _ = writeln!(
            table,
            "| `{}` | {kind} | {} | {} |",
            quantity.id, quantity.unit, quantity.meaning
        );
    }
    table
}

fn parameters(equations: &Equations, background: &Background) -> String {
    let mut table =
        "| name | value | unit | grade | meaning | source |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for parameter in &equations.parameters {
        let entry = background.entries.get(&parameter.path);
        let grade = entry.map_or_else(String::new, |entry| entry.grade.to_string());
        let source = entry.and_then(|entry| entry.source.as_deref());
        let source = source.map_or_else(String::new, |key| background.citation(key));
        let _ = writeln!(
            table,
            "| `{}` | {} | {} | {grade} | {} | {source} |",
            parameter.quantity.id,
            shown(parameter.value),
            parameter.quantity.unit,
            parameter.quantity.meaning,
        );
    }
    table
}

/// A number for readers: six significant figures.
fn shown(value: f64) -> String {
    let rounded = format!("{value:.5e}").parse().unwrap_or(value);
    number(rounded)
}

/// A LaTeX document with the equations.
pub fn latex(equations: &Equations, background: &Background) -> String {
    let title = background.title.replace('_', "\\_");
    let mut text = format!(
        "\\documentclass{{article}}\n\\usepackage{{amsmath}}\n\\usepackage{{breqn}}\n\\usepackage[landscape,margin=15mm]{{geometry}}\n\
         \\usepackage{{longtable}}\n\\title{{{title}}}\n\\date{{}}\n\\begin{{document}}\n\\maketitle\n"
    );
    let mut section = |title: &str, lines: &[(String, String)]| {
        let _ = writeln!(text, "\\section*{{{title}}}");
        for (left, right) in lines {
            let _ = writeln!(text, "\\begin{{dmath*}}\n{left} = {right}\n\\end{{dmath*}}");
        }
    };
    let defined = |list: &[Definition]| -> Vec<(String, String)> {
        list.iter()
            .map(|definition| {
                let id = &definition.quantity.id;
                let value = infix(equations, definition.symbol, id, Style::Latex);
                (name(id, Style::Latex), value)
            })
            .collect()
    };
    let rates: Vec<(String, String)> = equations
        .states
        .iter()
        .map(|state| {
            let left = name(&state.quantity.id, Style::Latex);
            let rate = infix(equations, state.symbol, "", Style::Latex);
            (format!("\\frac{{d}}{{dt}}{left}"), rate)
        })
        .collect();
    section("Rates of change per hour", &rates);
    section("Signals", &defined(&equations.signals));
    section(
        "Constants of the reference tumour",
        &defined(&equations.constants),
    );
    text.push_str("\\section*{Parameters}\n\\begin{longtable}{llll}\nname & value & unit & meaning \\\\\n\\hline\n");
    for parameter in &equations.parameters {
        let plain = |text: &str| {
            text.replace('_', "\\_")
                .replace('%', "\\%")
                .replace('^', "\\^{}")
        };
        let _ = writeln!(
            text,
            "{} & {} & {} & {} \\\\",
            plain(&parameter.quantity.id),
            shown(parameter.value),
            plain(&parameter.quantity.unit),
            plain(&parameter.quantity.meaning),
        );
    }
    text.push_str("\\end{longtable}\n\\end{document}\n");
    text
}
