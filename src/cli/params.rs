//! `hif-switch params`: list, show, check, export.

use super::Context;
use crate::error::{Error, Result};
use crate::model::partner::Nodes;
use crate::parameters::{Grade, Library, ParameterTable};
use crate::regimen::{Arm, Mode, Regimen};
use crate::report;
use crate::simulate::{Scenario, Template};
use crate::study::attribution::mechanisms;
use crate::study::calibrate::{Calibration, Targets};
use crate::study::claims::Claims;
use crate::study::population::{Population, Sampler};
use crate::study::sensitivity::Space;
use crate::study::trial::TrialDesign;
use crate::table::{Cell, Table};
use clap::Subcommand;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  hif-switch params list
  hif-switch params show pt2385
  hif-switch params export my-params && hif-switch compare --params my-params";

#[derive(Debug, Subcommand)]
pub enum ParamsCommand {
    /// List settings, phenotypes, variants, partners and regimens
    #[command(after_help = "Example:\n  hif-switch params list")]
    List,
    /// Show the numbers of a file or of a path, with unit, grade, source and note
    #[command(after_help = "Examples:
  hif-switch params show pt2385           a partner
  hif-switch params show xenograft        biology and setting together
  hif-switch params show hif.             every parameter of the HIF block")]
    Show {
        /// Partner, setting, phenotype or variant, or the beginning of a parameter's path
        name: String,
    },
    /// Read and check everything: units, ranges, sources, every arm in every setting and mode
    #[command(after_help = "Example:\n  hif-switch params check --params my-params")]
    Check,
    /// Write the shipped files to a folder, for editing
    #[command(after_help = "Example:
  hif-switch params export my-params
  hif-switch compare --params my-params")]
    Export {
        /// Folder; existing files are not overwritten
        folder: PathBuf,
    },
}

pub fn run(context: &Context, command: &ParamsCommand) -> Result<()> {
    match command {
        ParamsCommand::List => {
            context.print_table(&report::listing(&context.library)?);
            Ok(())
        }
        ParamsCommand::Show { name } => show(context, name),
        ParamsCommand::Check => check(context),
        ParamsCommand::Export { folder } => export(context, folder),
    }
}

fn show(context: &Context, name: &str) -> Result<()> {
    let library = &context.library;
    // Usual spellings of partners and settings; what is none of them may be another name.
    let meant = library
        .partner(name, "")
        .or_else(|_| library.setting(name, ""));
    let name = meant.as_deref().unwrap_or(name);
    let table = |parameters: &ParameterTable, prefix: &str| {
        context.print_table(&report::parameter_table(library, parameters, prefix)?);
        Ok(())
    };
    for folder in [
        "partners",
        "phenotypes",
        "variants",
        "populations",
        "trials",
    ] {
        if library.names(folder).contains(&name) {
            return table(&library.table(folder, name, "params show")?, "");
        }
    }
    if library.names("settings").contains(&name) {
        let scenario = Scenario::new(name, Arm::vehicle());
        return table(&scenario.parameters(library)?, "");
    }
    if library.names("regimens").contains(&name) {
        let document = library.document("regimens", name, "params show")?;
        context.print(document.text.trim_end());
        return Ok(());
    }
    let parameters = Scenario::new("xenograft", Arm::vehicle()).parameters(library)?;
    if parameters.numbers().any(|(path, _)| path.starts_with(name)) {
        return table(&parameters, name);
    }
    let folders = [
        "partners",
        "phenotypes",
        "variants",
        "settings",
        "regimens",
        "populations",
        "trials",
    ];
    let names = folders.iter().flat_map(|folder| library.names(folder));
    let paths = parameters.numbers().map(|(path, _)| path);
    Err(Error::unknown_name(
        "params show",
        "name or path",
        name,
        names.chain(paths),
    ))
}

fn check(context: &Context) -> Result<()> {
    let library = &context.library;
    let busy = context.busy("checking");
    let references = library.references()?;
    library.table("", "aliases", "params check")?;
    let mut grades: BTreeMap<Grade, usize> = BTreeMap::new();
    let (mut unknown, mut implausible) = (0usize, Vec::new());
    for (folder, name) in library.files_of_numbers() {
        let table = library.table(folder, name, "params check")?;
        for (path, entry) in table.numbers() {
            match entry.value {
                Some(_) => *grades.entry(entry.grade).or_default() += 1,
                None => unknown += 1,
            }
            if entry.is_implausible() {
                implausible.push(format!("{}, key `{path}`", entry.origin));
            }
            if let Some(key) = entry
                .source
                .as_ref()
                .filter(|key| !references.contains_key(*key))
            {
                return Err(Error::unknown_name(
                    format!("{}, key `{path}`, source", entry.origin),
                    "reference",
                    key,
                    references.keys().map(String::as_str),
                ));
            }
        }
    }
    for regimen in library.names("regimens") {
        Regimen::read(library, regimen, "params check")?;
    }
    let arms = crate::study::all_arms(library);
    let mut not_known = 0;
    for setting in library.names("settings") {
        for mode in [Mode::Mechanistic, Mode::AchievableExposure] {
            for arm in &arms {
                let mut scenario = Scenario::new(setting, arm.clone());
                scenario.mode = mode;
                match scenario.prepare(library) {
                    Err(Error::Unknown { .. }) if mode == Mode::AchievableExposure => {
                        not_known += 1
                    }
                    other => drop(other?),
                }
            }
        }
        for variant in library.names("variants") {
            let mut scenario = Scenario::new(setting, Arm::sorafenib());
            scenario.variant = Some(variant.to_owned());
            scenario.prepare(library)?;
        }
    }
    for population in library.names("populations") {
        let population = Population::read(library, population, "params check")?;
        let scenario = Scenario::new(&population.setting, Arm::sorafenib());
        Sampler::new(library, &population, &scenario, 1)?.subject(0)?;
    }
    for trial in library.names("trials") {
        TrialDesign::read(library, trial, "params check")?;
    }
    for phenotype in library.names("phenotypes") {
        let mut scenario = Scenario::new("xenograft", Arm::sorafenib());
        scenario.phenotype = Some(phenotype.to_owned());
        scenario.prepare(library)?;
    }
    check_studies(library)?;
    drop(busy);
    let mut table = Table::new([("grade", ""), ("numbers", "")]);
    for (grade, count) in grades {
        table.push(vec![
            grade.to_string().into(),
            Cell::from(count.to_string()),
        ]);
    }
    table.push(vec!["unknown".into(), Cell::from(unknown.to_string())]);
    context.print_table(&table);
    if !context.json {
        for place in &implausible {
            context.print(&format!("outside its plausible range: {place}"));
        }
        context.print(&format!(
            "\nall files valid: {} arms in {} settings and 2 modes ({not_known} of them of unknown effect at the \
             exposure that is reached), {} nodes, {} references",
            arms.len(),
            library.names("settings").len(),
            Nodes::NAMES.len(),
            references.len(),
        ));
    }
    Ok(())
}

/// What studies vary and switch off when the command names nothing else.
fn check_studies(library: &Library) -> Result<()> {
    let template = Template::read(library, &Scenario::new("xenograft", Arm::sorafenib()))?;
    let place = "params/studies.toml";
    let studies = library.table("", "studies", "params check")?;
    let list = |key: &str| studies.list(key).unwrap_or_default();
    Space::read(&template, list("sensitivity.parameters"), place)?;
    for start in list("sensitivity.without") {
        let known = |path: &str| path.starts_with(start.as_str());
        if !template.table().numbers().any(|(path, _)| known(path)) {
            let paths = template.table().numbers().map(|(path, _)| path);
            return Err(Error::unknown_name(place, "parameter", start, paths));
        }
    }
    for mechanism in mechanisms(library)? {
        let mut scenario = Scenario::new("xenograft", Arm::combination("pt2385"));
        scenario.interventions = mechanism.off;
        scenario.prepare(library).map_err(|error| match error {
            Error::Input {
                problem, remedy, ..
            } => Error::input(
                format!("params/attribution.toml, mechanism `{}`", mechanism.name),
                problem,
                remedy,
            ),
            other => other,
        })?;
    }
    let targets = Targets::read(library)?;
    for calibration in library.names("calibrations") {
        Calibration::read(library, calibration, &targets.all)?;
    }
    Claims::read(library)?;
    Ok(())
}

fn export(context: &Context, folder: &Path) -> Result<()> {
    let library = Library::shipped();
    let files: Vec<(PathBuf, Vec<u8>)> = library
        .shipped_files()
        .map(|(path, text)| (folder.join(path), text.as_bytes().to_vec()))
        .collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(Error::input(
            format!("params export {}", folder.display()),
            format!("`{}` exists already", path.display()),
            "choose an empty folder; nothing was written",
        ));
    }
    context.tell_replaced(&report::write_all(&files)?);
    context.print(&format!(
        "{} files written to {}",
        files.len(),
        folder.display()
    ));
    Ok(())
}
