//! `hif-switch compare`: arms against vehicle.

use super::options::RunOptions;
use super::{Carries, Context, progress};
use crate::error::{Error, Result};
use crate::figure::{self, Selection};
use crate::parameters::bounds::ARMS;
use crate::regimen::Arm;
use crate::report::{self, Beside, Manifest, Results};
use crate::study::{self, Overview};
use crate::table::Table;
use clap::Args;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  hif-switch compare                                   everything, into ./plots and ./results
  hif-switch compare --setting xenograft --arm sorafenib+pt2385 --arm sorafenib+pt2385+genistein
  hif-switch compare --setting patient --variant hif2_adverse --out adverse
  hif-switch compare --setting xenograft --evaluate 21 --evaluate 7
  hif-switch compare --setting xenograft --verify      numerical error beside each T/C";

#[derive(Debug, Args)]
#[command(next_help_heading = "Comparison")]
pub struct CompareOptions {
    /// Setting: culture, xenograft or patient; all, with figures, when neither this nor --arm is given
    #[arg(long, value_name = "NAME")]
    setting: Option<String>,
    /// Arm, repeatable: vehicle, sorafenib, NAME, sorafenib+NAME, sorafenib+NAME+NAME; all when not given
    #[arg(long, value_name = "ARM")]
    arm: Vec<String>,
    /// Folder in which plots/ and results/ are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Write tables as Parquet too, with the unit of each column in its metadata
    #[arg(long)]
    parquet: bool,
    /// Write tables only
    #[arg(long)]
    no_figures: bool,
}

/// Samples of a comparison in one setting, h; only endpoints are written there.
const GRID: f64 = 24.0;

/// Setting of a comparison of named arms when none is given.
const DEFAULT_SETTING: &str = "xenograft";

pub fn run(context: &Context, options: &CompareOptions, run: &RunOptions) -> Result<()> {
    // A regimen, a dose or a length belongs to one setting.
    let one_setting = run.regimen.is_some()
        || run.dose.is_some()
        || run.days.is_some()
        || !run.evaluate.is_empty();
    if options.setting.is_some() || !options.arm.is_empty() || one_setting {
        return one(context, options, run);
    }
    everything(context, options, run)
}

fn one(context: &Context, options: &CompareOptions, run: &RunOptions) -> Result<()> {
    let setting = options.setting.as_deref().unwrap_or(DEFAULT_SETTING);
    let scenario = run.scenario(context, setting, Arm::vehicle())?;
    let accuracy = run.accuracy_of_many()?;
    let library = &context.library;
    let arms = if options.arm.is_empty() {
        study::all_arms(library)
    } else {
        options
            .arm
            .iter()
            .map(|text| Arm::parse(text, library, "--arm"))
            .collect::<Result<Vec<_>>>()?
    };
    ARMS.count(arms.len(), "--arm")?;
    if let Some(twice) = (1..arms.len()).find(|i| arms[..*i].contains(&arms[*i])) {
        return Err(Error::input(
            "--arm",
            format!("the arm `{}` is named twice", arms[twice]),
            "name each arm once",
        ));
    }
    run.check_arms(context, &scenario, &arms)?;
    let bar = progress::bar(arms.len() as u64, context.quiet);
    let study = study::compare(
        library,
        &scenario,
        &arms,
        &accuracy,
        GRID,
        run.verify,
        &|| {
            bar.inc(1);
        },
    )?;
    bar.finish_and_clear();

    let manifest = Manifest::new(library, &accuracy, &context.command);
    let name = format!("comparison-{setting}");
    let table = report::endpoints_table(&study);
    let mut results = Results::new(&options.out, &name, manifest.clone());
    results.files(table_files(&table, &name, options, &manifest)?)?;
    let written = results.publish()?;
    context.print_table(&report::arms_table(&study, Beside::default()));
    if !context.json {
        context.print(&format!("\n{}", report::legend(&study, Beside::default())));
    }
    context.written(&written, Carries::Text);
    Ok(())
}

fn everything(context: &Context, options: &CompareOptions, run: &RunOptions) -> Result<()> {
    let library = &context.library;
    let accuracy = run.accuracy_of_many()?;
    let overview = compute(context, run)?;
    let manifest = Manifest::new(library, &accuracy, &context.command);
    let mut results = Results::new(&options.out, "", manifest.clone());
    for (name, study) in [
        ("comparison-xenograft", &overview.xenograft),
        (
            "comparison-xenograft-achievable",
            &overview.xenograft_achievable,
        ),
        ("comparison-patient", &overview.patient),
        ("comparison-culture", &overview.culture),
        ("withdrawal-xenograft", &overview.withdrawal),
    ] {
        let table = report::endpoints_table(study);
        results.files(table_files(&table, name, options, &manifest)?)?;
    }
    if !options.no_figures {
        let figures = figure::gallery(&overview, &Selection::read(library)?)?;
        for figure in &figures {
            results.files(figure.files(options.out.join("plots")))?;
            results.add(&format!("figure-{}", figure.name), |out| {
                figure.data.write_csv(out)
            })?;
        }
    }
    let written = results.publish()?;
    print_overview(context, &overview);
    context.written(&written, Carries::Text);
    Ok(())
}

/// A table as CSV and, if asked for, as Parquet.
fn table_files(
    table: &Table,
    name: &str,
    options: &CompareOptions,
    manifest: &Manifest,
) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let folder = options.out.join("results");
    let mut files = vec![(folder.join(format!("{name}.csv")), table.to_csv()?)];
    if options.parquet {
        let manifest = String::from_utf8_lossy(&manifest.to_json()?)
            .trim_end()
            .to_owned();
        let content = report::to_parquet(table, &[("manifest", manifest)])?;
        files.push((folder.join(format!("{name}.parquet")), content));
    }
    Ok(files)
}

/// Runs the main job with a progress bar.
pub fn compute(context: &Context, run: &RunOptions) -> Result<Overview> {
    let library = &context.library;
    let base = run.scenario(context, DEFAULT_SETTING, Arm::vehicle())?;
    let accuracy = run.accuracy_of_many()?;
    let selection = Selection::read(library)?;
    let withdrawal = selection.withdrawal_arms();
    let bar = progress::bar(study::overview_runs(library, withdrawal), context.quiet);
    let overview = study::overview(library, &base, withdrawal, &accuracy, run.verify, &|| {
        bar.inc(1);
    })?;
    bar.finish_and_clear();
    Ok(overview)
}

fn print_overview(context: &Context, overview: &Overview) {
    let beside = Beside {
        achievable: Some(&overview.xenograft_achievable),
        patient: Some(&overview.patient),
    };
    context.print_table(&report::arms_table(&overview.xenograft, beside));
    if !context.json {
        let legend = report::legend(&overview.xenograft, beside);
        context.print(&format!("\n{legend}"));
    }
}
