//! `hif-switch population`: who the virtual patients are.

use super::Context;
use super::study_options::StudyOptions;
use crate::error::Result;
use crate::figure;
use crate::parameters::bounds::SUBJECTS;
use crate::regimen::Arm;
use crate::report;
use crate::study::population::{Population, Sampler, SubjectsPlan};
use clap::Args;

pub const EXAMPLES: &str = "Examples:
  hif-switch population hcc-sharp                        1000 patients: summary, table, histograms
  hif-switch population hcc-surveillance --subjects 5000 --seed 7
  hif-switch population xenograft-mice --no-figures --out mice";

#[derive(Debug, Args)]
#[command(next_help_heading = "Population")]
pub struct PopulationOptions {
    /// Population of params/populations
    #[arg(value_name = "NAME", default_value = "hcc-sharp")]
    name: String,
    /// Number of subjects
    #[arg(long, value_name = "NUMBER", default_value_t = 1000)]
    subjects: u64,
}

pub fn run(context: &Context, options: &PopulationOptions, study: &StudyOptions) -> Result<()> {
    let library = &context.library;
    let population = Population::read(library, &options.name, "command line")?;
    let scenario = study.timed_scenario(context, &population.setting, Arm::sorafenib(), None)?;
    let busy = context.busy("preparing");
    let sampler = Sampler::new(library, &population, &scenario, study.seed)?;
    drop(busy);
    let table = scenario.parameters(library)?;
    let plan = SubjectsPlan {
        sampler: &sampler,
        count: SUBJECTS.check(
            options.subjects as f64,
            format!("--subjects {}", options.subjects),
        )? as usize,
        burden_unit: table.text("burden_unit").unwrap_or("1").to_owned(),
    };
    let name = format!("population-{}", population.name);
    let Some((rows, work)) = study.rows(context, &name, &plan)? else {
        return Ok(());
    };
    context.print_table(&report::population_summary(&plan, &rows)?);
    if !context.json {
        context.print(&format!("\n{}", report::rejections(&plan, &rows)?));
        if let Some(weights) = &sampler.weights {
            for (prevalence, before) in population.prevalence.iter().zip(&weights.before) {
                let kinds = prevalence.kinds.iter().zip(before);
                let parts: Vec<String> = kinds
                    .map(|(kind, before)| {
                        format!("{} {:.3} to {:.3}", kind.name, before, kind.part)
                    })
                    .collect();
                context.print(&format!(
                    "prevalence of {}: {}",
                    prevalence.readout,
                    parts.join(", ")
                ));
            }
        }
    }
    let figures = if study.no_figures {
        Vec::new()
    } else {
        vec![figure::population(&plan, &rows)?]
    };
    let table = report::subjects_table(&plan, &rows);
    study.write(context, work, &[("", table)], &figures)
}
