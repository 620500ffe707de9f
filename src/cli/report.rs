//! `hif-switch report`: one HTML page with everything.

use super::options::{self, RunOptions};
use super::{Carries, Context, compare, progress, validate};
use crate::error::Result;
use crate::figure::{self, Figure, Selection};
use crate::report::{self, Beside, Comparison, Drawing, Manifest, Page, Validation};
use crate::simulate::Accuracy;
use crate::study::calibrate::{Prediction, Targets, visual_checks};
use crate::study::claims::{Claims, Ledger, ledger, ledger_runs};
use crate::study::{CompareStudy, Overview};
use clap::Args;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  hif-switch report                          everything, into hif-switch-report.html
  hif-switch report --out page.html --no-claims --no-validation
  hif-switch report --variant no_switch --out no_switch.html";

#[derive(Debug, Args)]
#[command(next_help_heading = "Report")]
pub struct ReportOptions {
    /// File to write
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "hif-switch-report.html"
    )]
    out: PathBuf,
    /// Leave out the claims of the literature
    #[arg(long)]
    no_claims: bool,
    /// Leave out the comparison with measured data
    #[arg(long)]
    no_validation: bool,
}

pub fn run(context: &Context, options: &ReportOptions, run: &RunOptions) -> Result<()> {
    let library = &context.library;
    let accuracy = run.accuracy_of_many()?;
    let overview = compare::compute(context, run)?;
    let figures = figure::gallery(&overview, &Selection::read(library)?)?;
    let ledger = if options.no_claims {
        None
    } else {
        Some(claims(context, run)?)
    };
    let manifest = Manifest::new(library, &accuracy, &context.command).to_json()?;
    let differs = differences(context);
    let validation = if options.no_validation {
        None
    } else {
        Some(validated(context)?)
    };
    let page = Page {
        comparisons: comparisons(&overview, &differs),
        drawings: figures.iter().map(drawing).collect(),
        claims: ledger.as_ref(),
        validation: validation.as_ref().map(|(rows, drawings)| Validation {
            rows,
            draws: validate::DRAWS,
            drawings: drawings.clone(),
            command: command("validate --out .", &parameters_option(context)),
        }),
        parameters: report::parameter_sets(library)?,
        references: library.references()?,
        manifest: String::from_utf8_lossy(&manifest).trim_end().to_owned(),
        commands: commands(&differs, &parameters_option(context), options),
        differs,
    };
    let written = report::write_atomically(&options.out, page.to_html().as_bytes())?;
    context.written(&written, Carries::Nothing);
    Ok(())
}

fn drawing(figure: &Figure) -> Drawing {
    Drawing {
        name: figure.name.to_owned(),
        caption: figure.caption.clone(),
        svg: figure.svg.clone(),
    }
}

/// Every target beside the model, and the drawings of that.
fn validated(context: &Context) -> Result<(Vec<Prediction>, Vec<Drawing>)> {
    let accuracy = options::many(Accuracy::ensemble().rtol)?;
    let targets = Targets::read(&context.library)?;
    let (draws, subjects, seed) = (validate::DRAWS, validate::SUBJECTS, validate::SEED);
    let rows = validate::predictions(context, &targets, &[], draws, seed, &accuracy)?;
    let mut drawings = vec![drawing(&figure::validation(&rows)?)];
    let busy = context.busy("drawing virtual patients");
    let checks = visual_checks(&context.library, &targets, subjects, seed, &accuracy)?;
    drop(busy);
    if !checks.is_empty() {
        drawings.push(drawing(&figure::visual_checks(&checks)?));
    }
    Ok((rows, drawings))
}

/// The folder of own parameters of this report, as an option.
fn parameters_option(context: &Context) -> String {
    let given = &context.command;
    let at = given.iter().position(|word| word == "--params");
    let folder = at.and_then(|at| given.get(at + 1));
    let joined = given.iter().find(|word| word.starts_with("--params="));
    match (folder, joined) {
        (Some(folder), _) => format!("--params {folder}"),
        (None, Some(option)) => option.clone(),
        (None, None) => String::new(),
    }
}

fn claims(context: &Context, run: &RunOptions) -> Result<Ledger> {
    let claims = Claims::read(&context.library)?.claims;
    let bar = progress::bar(ledger_runs(&claims, 0), context.quiet);
    let accuracy = run.accuracy_of_many()?;
    let ledger = ledger(&context.library, &claims, &[], &accuracy, &|| bar.inc(1))?;
    bar.finish_and_clear();
    Ok(ledger)
}

/// The options of this report that change the model, as they were given.
fn differences(context: &Context) -> String {
    let mut words = Vec::new();
    let mut given = context.command.iter();
    while let Some(word) = given.next() {
        match word.as_str() {
            "report" | "-q" | "--quiet" | "--json" | "--no-claims" | "--no-validation" => {}
            "--out" | "-o" => {
                given.next();
            }
            word if word.starts_with("--out=") => {}
            word if word.contains([' ', '*', '$']) => words.push(format!("\"{word}\"")),
            word => words.push(word.to_owned()),
        }
    }
    words.join(" ")
}

/// A command of the program with the options of this report.
fn command(text: &str, differs: &str) -> String {
    format!("hif-switch {text} {differs}").trim_end().to_owned()
}

fn comparisons(overview: &Overview, differs: &str) -> Vec<Comparison> {
    let comparison =
        |name: &str, title: &str, study: &CompareStudy, options: &str, beside| Comparison {
            name: name.to_owned(),
            title: title.to_owned(),
            table: report::arms_table(study, beside),
            legend: report::legend(study, beside),
            command: command(&format!("compare --setting {options}"), differs),
        };
    let alone = Beside::default();
    vec![
        comparison(
            "xenograft",
            "Xenograft, partner effects imposed",
            &overview.xenograft,
            "xenograft",
            alone,
        ),
        comparison(
            "achievable",
            "Xenograft, at the exposure that partners can reach",
            &overview.xenograft_achievable,
            "xenograft --mode achievable",
            alone,
        ),
        comparison(
            "patient",
            "Patients, partner effects imposed",
            &overview.patient,
            "patient",
            alone,
        ),
        comparison(
            "culture",
            "Culture at 1 % oxygen, partner effects imposed",
            &overview.culture,
            "culture",
            alone,
        ),
    ]
}

/// Commands that make the parts of the report.
fn commands(differs: &str, params: &str, options: &ReportOptions) -> Vec<(String, String)> {
    let mut commands = vec![
        (
            command("", differs).replace("  ", " "),
            "every comparison and every figure, into ./plots and ./results".to_owned(),
        ),
        (
            command("plot --all", differs),
            "the figures alone".to_owned(),
        ),
        (
            command("params show xenograft", params),
            "the parameters of a setting".to_owned(),
        ),
        (
            command("params show pt2385", params),
            "the parameters of a partner".to_owned(),
        ),
        (
            command("export sbml -o model.xml", differs),
            "the model for other tools".to_owned(),
        ),
    ];
    if !options.no_claims {
        commands.insert(
            2,
            (
                command("claims --no-variants", params),
                "the claims, with every test when they are named".to_owned(),
            ),
        );
    }
    commands
}
