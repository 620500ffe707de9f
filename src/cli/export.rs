//! `hif-switch export`: the model in the formats of other tools.

use super::options::RunOptions;
use super::{Context, emit};
use crate::error::Result;
use crate::interchange::{Background, Equations, jumps, sbml};
use crate::regimen::Arm;
use crate::report;
use crate::simulate::Scenario;
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  hif-switch export sbml --setting xenograft --arm sorafenib+pt2385 --days 28 -o model.xml";

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
    match command {
        ExportCommand::Sbml { options, run } => {
            let scenario = scenario(context, options, run)?;
            let problem = scenario.prepare(&context.library)?;
            let background = Background::of(&scenario, &context.library)?;
            let equations = Equations::of(&problem, &background.burden_unit)?;
            let jumps = jumps(&problem.timeline, &scenario.arm.partners);
            write(options, &sbml(&equations, &jumps, &background)?)
        }
    }
}

fn scenario(context: &Context, options: &ExportOptions, run: &RunOptions) -> Result<Scenario> {
    let arm = Arm::parse(&options.arm, &context.library, "--arm")?;
    run.scenario(context, &options.setting, arm)
}

fn write(options: &ExportOptions, text: &str) -> Result<()> {
    match &options.output {
        Some(path) if path != Path::new("-") => report::write_atomically(path, text.as_bytes()),
        _ => {
            emit(text.trim_end());
            Ok(())
        }
    }
}
