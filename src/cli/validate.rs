//! `hif-switch validate`: the model beside what was measured.

use super::{Carries, Context, options, progress};
use crate::error::{Error, Result};
use crate::figure;
use crate::parameters::bounds::CHECKED;
use crate::report::{self, Manifest, Results, Written};
use crate::simulate::Accuracy;
use crate::study::calibrate::{Calibration, Prediction, Target, Targets, validate, visual_checks};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  hif-switch validate                          every target of params/targets
  hif-switch validate exposure hif             targets of these files
  hif-switch validate vessel-loss --format csv
  hif-switch validate --format md --out . > VALIDATION.md";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For the terminal
    Table,
    /// One line per target
    Csv,
    /// The same as JSON
    Json,
    /// A page to read
    Md,
}

#[derive(Debug, Args)]
pub struct ValidateOptions {
    /// Targets by identifier, or files of params/targets; all when none is given
    #[arg(value_name = "TARGET")]
    names: Vec<String>,
    /// Form of the output
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Draws of the parameters behind the bands; 0: none
    #[arg(long, value_name = "NUMBER", default_value_t = DRAWS)]
    draws: u64,
    /// Seed of the draws
    #[arg(long, value_name = "NUMBER", default_value_t = SEED)]
    seed: u64,
    /// Virtual patients behind the bands of the visual predictive check, which needs --out; 0: none
    #[arg(long, value_name = "NUMBER", default_value_t = SUBJECTS)]
    subjects: u64,
    /// Folder in which the figures and the table are written, to plots/ and results/
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Relative tolerance of the integrator
    #[arg(long, value_name = "NUMBER", default_value = options::MANY)]
    rtol: f64,
}

/// Draws, virtual patients and seed of a validation that is not asked for others.
pub const DRAWS: u64 = 40;
pub const SUBJECTS: u64 = 200;
pub const SEED: u64 = 1;

/// The targets of some names (of all when there is none) beside the model.
pub fn predictions(
    context: &Context,
    targets: &Targets,
    names: &[String],
    draws: u64,
    seed: u64,
    accuracy: &Accuracy,
) -> Result<Vec<Prediction>> {
    let library = &context.library;
    let of = |target: &Target, name: &String| target.id == *name || target.file == *name;
    let known = |name: &&String| targets.all.iter().any(|target| of(target, name));
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(unknown_target(targets, unknown));
    }
    let wanted = |target: &&Target| names.is_empty() || names.iter().any(|name| of(target, name));
    let selected: Vec<Target> = targets.all.iter().filter(wanted).cloned().collect();
    let mut calibrations = Vec::new();
    if draws > 0 {
        for name in library.names("calibrations") {
            calibrations.push(Calibration::read(library, name, &targets.all)?);
        }
    }
    let bar = progress::bar(selected.len() as u64, context.quiet);
    let rows = validate(
        library,
        &selected,
        &calibrations,
        draws,
        seed,
        accuracy,
        &|| bar.inc(1),
    );
    bar.finish_and_clear();
    rows
}

/// Files of targets are few enough to be listed; of single targets the nearest is named.
fn unknown_target(targets: &Targets, name: &str) -> Error {
    let mut files: Vec<&str> = targets
        .all
        .iter()
        .map(|target| target.file.as_str())
        .collect();
    files.dedup();
    let targets = targets.all.iter().map(|target| target.id.as_str());
    Error::unknown_name(
        "command line",
        "target or file of targets",
        name,
        files.into_iter().chain(targets),
    )
}

pub fn run(context: &Context, options: &ValidateOptions) -> Result<()> {
    CHECKED.check(
        options.subjects as f64,
        format!("--subjects {}", options.subjects),
    )?;
    if options.out.is_none() && options.subjects != SUBJECTS {
        context.warn("--subjects has no effect without --out");
    }
    let targets = Targets::read(&context.library)?;
    let accuracy = options::many(options.rtol)?;
    let rows = predictions(
        context,
        &targets,
        &options.names,
        options.draws,
        options.seed,
        &accuracy,
    )?;
    let written = match &options.out {
        Some(folder) => write(context, options, folder, &targets, &rows)?,
        None => Written::default(),
    };
    let format = if context.json {
        Format::Json
    } else {
        options.format
    };
    let table = report::validation_table(&rows);
    match format {
        Format::Table => {
            context.print_table(&table);
            context.print(&format!("\n{}", report::validation_summary(&rows)));
        }
        Format::Csv => context.print(String::from_utf8_lossy(&table.to_csv()?).trim_end()),
        Format::Json => context.print(&format!("{:#}", table.to_json())),
        Format::Md => context.print(&report::validation_page(&rows, options.draws)),
    }
    let carries = match format {
        Format::Table => Carries::Text,
        Format::Csv | Format::Json | Format::Md => Carries::Data,
    };
    context.written(&written, carries);
    Ok(())
}

/// Writes the figures and the table of a validation.
fn write(
    context: &Context,
    options: &ValidateOptions,
    folder: &Path,
    targets: &Targets,
    rows: &[Prediction],
) -> Result<Written> {
    let library = &context.library;
    let accuracy = options::many(options.rtol)?;
    let manifest = Manifest::new(library, &accuracy, &context.command).seeded(options.seed);
    let mut results = Results::new(folder, "validation", manifest);
    let plots = folder.join("plots");
    results.files(figure::validation(rows)?.files(&plots))?;
    let busy = context.busy("drawing virtual patients");
    let checks = visual_checks(library, targets, options.subjects, options.seed, &accuracy)?;
    drop(busy);
    if !checks.is_empty() {
        let figure = figure::visual_checks(&checks)?;
        results.files(figure.files(&plots))?;
        results.add("figure-visual_check", |out| figure.data.write_csv(out))?;
    }
    results.table("validation", &report::validation_table(rows).into())?;
    results.publish()
}
