//! `hif-switch export`: the model in the formats of other tools.

use super::calibrate::{self, ProblemOptions};
use super::options::RunOptions;
use super::{Carries, Context};
use crate::error::Result;
use crate::interchange::{
    Background, Equations, antimony, jumps, latex, markdown, petab, reference_page, sbml,
};
use crate::regimen::Arm;
use crate::report;
use crate::simulate::Scenario;
use clap::{Args, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  hif-switch export sbml --setting xenograft --arm sorafenib+pt2385 --days 28 -o model.xml
  hif-switch export antimony --setting culture --arm sorafenib -o model.ant
  hif-switch export equations --setting patient --arm sorafenib -o equations.md
  hif-switch export petab xenograft --out petab";

#[derive(Debug, Subcommand)]
pub enum ExportCommand {
    /// Systems Biology Markup Language, Level 3 Version 2: equations, parameters with units and
    /// sources, doses as events
    #[command(after_help = "Example:
  hif-switch export sbml --setting xenograft --arm sorafenib+pt2385 --days 28 -o model.xml")]
    Sbml {
        #[command(flatten)]
        options: ExportOptions,
        #[command(flatten)]
        run: RunOptions,
    },
    /// Antimony: the same model as text for reading
    #[command(after_help = "Example:
  hif-switch export antimony --setting culture --arm sorafenib -o model.ant")]
    Antimony {
        #[command(flatten)]
        options: ExportOptions,
        #[command(flatten)]
        run: RunOptions,
    },
    /// A page of equations and parameters, in Markdown or LaTeX
    #[command(after_help = "Examples:
  hif-switch export equations --setting patient --arm sorafenib -o equations.md
  hif-switch export equations --format latex -o equations.tex")]
    Equations {
        #[command(flatten)]
        options: ExportOptions,
        /// Form of the page
        #[arg(long, value_enum, default_value = "md")]
        format: PageFormat,
        #[command(flatten)]
        run: RunOptions,
    },
    /// A calibration as a PEtab problem, version 1: SBML model and tables, for pyPESTO, AMICI and others
    #[command(after_help = "Examples:
  hif-switch export petab xenograft --out petab
  hif-switch export petab --data examples/xenograft_volumes.csv \\
      --parameter tumour.growth_rate --parameter sorafenib.raf_ec50 --out petab")]
    Petab {
        #[command(flatten)]
        problem: ProblemOptions,
        /// Estimates of `hif-switch calibrate` (results/calibrate-NAME-estimates.csv) as nominal values,
        /// instead of the present ones
        #[arg(long, value_name = "FILE")]
        estimates: Option<PathBuf>,
        /// Folder in which the files are written
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// The generated part of docs/MODEL.md: every equation, and every parameter in its settings
    #[command(after_help = "Example:\n  hif-switch export reference -o reference.md")]
    Reference {
        /// File to write; standard output when not given
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// Markdown
    Md,
    /// A LaTeX document
    Latex,
}

#[derive(Debug, Args)]
pub struct ExportOptions {
    /// Setting: culture, xenograft or patient
    #[arg(long, value_name = "NAME", default_value = "xenograft")]
    setting: String,
    /// Arm: vehicle, sorafenib, NAME, sorafenib+NAME, sorafenib+NAME+NAME
    #[arg(long, value_name = "ARM", default_value = "sorafenib")]
    arm: String,
    /// File to write; standard output when not given
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(context: &Context, command: &ExportCommand) -> Result<()> {
    let (options, run) = match command {
        ExportCommand::Sbml { options, run }
        | ExportCommand::Antimony { options, run }
        | ExportCommand::Equations { options, run, .. } => (options, run),
        ExportCommand::Reference { output } => {
            return write(
                context,
                output.as_deref(),
                &reference_page(&context.library)?,
            );
        }
        ExportCommand::Petab {
            problem,
            estimates,
            out,
        } => return write_petab(context, problem, estimates.as_deref(), out),
    };
    let scenario = scenario(context, options, run)?;
    let problem = scenario.prepare(&context.library)?;
    let background = Background::of(&scenario, &context.library)?;
    let equations = Equations::of(&problem, &background.burden_unit)?;
    let jumps = jumps(&problem.timeline, &scenario.arm.partners, &equations);
    let text = match command {
        ExportCommand::Sbml { .. } => sbml(&equations, &jumps, &background)?,
        ExportCommand::Antimony { .. } => antimony(&equations, &jumps, &background),
        ExportCommand::Equations { format, .. } => match format {
            PageFormat::Md => format!(
                "# {}\n\n{}",
                background.title,
                markdown(&equations, &background, 2)
            ),
            PageFormat::Latex => latex(&equations, &background),
        },
        ExportCommand::Reference { .. } | ExportCommand::Petab { .. } => String::new(),
    };
    write(context, options.output.as_deref(), &text)
}

fn write_petab(
    context: &Context,
    problem: &ProblemOptions,
    estimates: Option<&Path>,
    out: &Path,
) -> Result<()> {
    let calibration = calibrate::calibration(context, problem)?;
    let nominal = calibrate::values(&calibration, estimates)?;
    let files: Vec<_> = petab(&context.library, &calibration, &nominal)?
        .into_iter()
        .map(|(name, text)| (out.join(name), text.into_bytes()))
        .collect();
    let written = report::write_all(&files)?;
    let targets = calibration.targets.iter().filter(|target| target.fit);
    context.print(&format!(
        "written: {} files to {}: {} measurements, {} parameters",
        files.len(),
        out.display(),
        targets.count(),
        nominal.len()
    ));
    context.tell_replaced(&written);
    Ok(())
}

fn scenario(context: &Context, options: &ExportOptions, run: &RunOptions) -> Result<Scenario> {
    let arm = Arm::parse(&options.arm, &context.library, "--arm")?;
    if run.verify {
        context.warn("--verify has no effect: nothing is run");
    }
    run.scenario_of(context, &options.setting, arm)
}

fn write(context: &Context, output: Option<&Path>, text: &str) -> Result<()> {
    match output {
        Some(path) if path != Path::new("-") => {
            let written = report::write_atomically(path, text.as_bytes())?;
            context.written(&written, Carries::Nothing);
        }
        _ => context.screen.print(text.trim_end()),
    }
    Ok(())
}
