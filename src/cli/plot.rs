//! `hif-switch plot`: figures of the gallery.

use super::options::RunOptions;
use super::{Carries, Context, compare};
use crate::error::{Error, Result};
use crate::figure::{self, Selection};
use crate::report::{Manifest, Results};
use clap::Args;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  hif-switch plot                          list the figures, with what each says
  hif-switch plot monotherapy sign_map     draw two of them into ./plots
  hif-switch plot --all --variant no_switch --out no_switch";

#[derive(Debug, Args)]
pub struct PlotOptions {
    /// Figures to draw
    #[arg(value_name = "FIGURE")]
    figures: Vec<String>,
    /// Draw all figures
    #[arg(long)]
    all: bool,
    /// Folder in which plots/, and the manifest in results/, are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub fn run(context: &Context, options: &PlotOptions, run: &RunOptions) -> Result<()> {
    for name in &options.figures {
        if !figure::NAMES.contains(&name.as_str()) {
            return Err(Error::unknown_name("plot", "figure", name, figure::NAMES));
        }
    }
    let overview = compare::compute(context, run)?;
    let mut figures = figure::gallery(&overview, &Selection::read(&context.library)?)?;
    if !options.all && options.figures.is_empty() {
        for figure in &figures {
            context.print(&format!("{:15} {}", figure.name, figure.caption));
        }
        return Ok(());
    }
    figures.retain(|figure| options.all || options.figures.iter().any(|n| n == figure.name));
    let manifest = Manifest::new(&context.library, &run.accuracy_of_many()?, &context.command);
    let mut results = Results::new(&options.out, "plot", manifest);
    for figure in &figures {
        results.files(figure.files(options.out.join("plots")))?;
    }
    context.written(&results.publish()?, Carries::Nothing);
    Ok(())
}
