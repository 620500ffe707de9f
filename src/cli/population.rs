//! `hif-switch population`: who the virtual patients are.

use super::Context;
use super::study_options::{StudyOptions, count};
use crate::error::Result;
use crate::figure;
use crate::regimen::Arm;
use crate::report;
use crate::study::population::{Population, Sampler, Subject};
use clap::Args;
use std::collections::BTreeMap;

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
    let scenario = study.scenario(&population.setting, Arm::sorafenib())?;
    let sampler = Sampler::new(library, &population, &scenario, study.seed)?;
    let subjects = sampler.subjects(0..count(options.subjects, "--subjects")?)?;
    let unit = scenario.parameters(library)?;
    let unit = unit.text("burden_unit").unwrap_or("1");
    context.print_table(&report::population_summary(&population, &subjects, unit));
    if !context.json {
        context.print(&format!("\n{}", rejections(&subjects)));
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
        vec![figure::population(&population, &subjects, unit)?]
    };
    let factors: Vec<String> = population.factors.iter().map(|f| f.name.clone()).collect();
    let table = report::subjects_table(&factors, &subjects, unit);
    let name = format!("population-{}", population.name);
    study.write(context, &name, &[("", table)], &figures)
}

/// How many draws were taken again, and why.
fn rejections(subjects: &[Subject]) -> String {
    let mut causes: BTreeMap<String, u64> = BTreeMap::new();
    for (cause, count) in subjects.iter().flat_map(|subject| &subject.rejections) {
        *causes.entry(cause.to_string()).or_insert(0) += count;
    }
    let again: u64 = causes.values().sum();
    let list: Vec<String> = causes
        .iter()
        .map(|(cause, count)| format!("{count} {cause}"))
        .collect();
    if list.is_empty() {
        return format!("{} subjects, no draw taken again", subjects.len());
    }
    format!(
        "{} subjects; {again} draws were taken again: {}",
        subjects.len(),
        list.join(", ")
    )
}
