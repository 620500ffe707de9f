//! `hif-switch trial`: virtual patients in arms.

use super::Context;
use super::study_options::StudyOptions;
use crate::error::{Error, Result};
use crate::figure;
use crate::parameters::bounds::{self, SUBJECTS};
use crate::regimen::{Arm, Mode};
use crate::report;
use crate::study::population::Population;
use crate::study::trial::{Allocation, TrialDesign, TrialPlan};
use clap::Args;

pub const EXAMPLES: &str = "Examples:
  hif-switch trial sharp                                  as in params/trials/sharp.toml
  hif-switch trial sharp --patients 50 --arm vehicle --arm sorafenib
  hif-switch trial asia-pacific --design randomised --dropout \"0.02 1/month\" --seed 3";

#[derive(Debug, Args)]
#[command(next_help_heading = "Trial")]
pub struct TrialOptions {
    /// Trial of params/trials, as sharp or asia-pacific
    #[arg(value_name = "NAME", default_value = "sharp")]
    name: String,
    /// Arm instead of the trial's, as vehicle or sorafenib+pt2385, repeatable; the first is the control
    #[arg(long, value_name = "ARM")]
    arm: Vec<String>,
    /// Patients per arm instead of the trial's
    #[arg(long, value_name = "NUMBER")]
    patients: Option<u64>,
    /// Population instead of the trial's
    #[arg(long, value_name = "NAME")]
    population: Option<String>,
    /// Who is in which arm, instead of the trial's: matched (every patient in every arm) or randomised
    #[arg(long, value_name = "WORD")]
    design: Option<String>,
    /// Length instead of the trial's: 24 (weeks), 6 month
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    weeks: Option<String>,
    /// Rate at which patients leave without progression, with unit: "0.02 1/month"
    #[arg(long, value_name = "RATE")]
    dropout: Option<String>,
}

impl TrialOptions {
    fn design(&self, context: &Context) -> Result<TrialDesign> {
        let library = &context.library;
        let mut design = TrialDesign::read(library, &self.name, "command line")?;
        if !self.arm.is_empty() {
            let arms = self.arm.iter();
            design.arms = arms
                .map(|text| Arm::parse(text, library, "--arm"))
                .collect::<Result<_>>()?;
        }
        if let Some(patients) = self.patients {
            design.patients =
                SUBJECTS.check(patients as f64, format!("--patients {patients}"))? as u64;
        }
        if let Some(population) = &self.population {
            design.population.clone_from(population);
        }
        if let Some(word) = &self.design {
            design.allocation = Allocation::parse(word, "--design")?;
        }
        if let Some(text) = &self.weeks {
            design.duration = bounds::length(text, Some("w"), "--weeks")?;
        }
        if let Some(text) = &self.dropout {
            design.dropout = rate(text)?;
        }
        design.check("command line")?;
        Ok(design)
    }
}

fn rate(text: &str) -> Result<f64> {
    let bad = |problem: String| {
        Error::input(
            format!("--dropout {text}"),
            problem,
            "give a rate with a unit: \"0.02 1/month\"",
        )
    };
    let rate = crate::units::Quantity::parse(text)
        .and_then(|quantity| quantity.to("1/h"))
        .map_err(|error| bad(error.to_string()))?;
    if rate < 0.0 {
        return Err(bad("the rate is negative".to_owned()));
    }
    Ok(rate)
}

pub fn run(context: &Context, options: &TrialOptions, study: &StudyOptions) -> Result<()> {
    let design = options.design(context)?;
    let population = Population::read(&context.library, &design.population, "trial")?;
    let treated = design.arms.iter().find(|arm| !arm.partners.is_empty());
    let arm = treated
        .or(design.arms.first())
        .cloned()
        .unwrap_or_else(Arm::vehicle);
    let mut scenario = study.timed_scenario(context, &population.setting, arm, None)?;
    if study.mode.is_none() {
        scenario.mode = design.mode;
    }
    let busy = context.busy("preparing");
    let plan = TrialPlan::new(&context.library, &design, &scenario, study.seed)?;
    drop(busy);
    let name = format!("trial-{}", design.name);
    let Some((rows, work)) = study.rows(context, &name, &plan)? else {
        return Ok(());
    };
    let patients = plan.subjects();
    let subjects = study.beside(&name, &patients)?;
    let busy = context.busy("analysing");
    let result = plan.analyse(&rows, &subjects)?;
    drop(busy);
    context.print_table(&report::arms_summary(&result));
    if !context.json {
        context.print(&format!("\n{}", result.tally.words()));
        if scenario.mode == Mode::AchievableExposure {
            context.print(
                "partners act at the exposure that patients reach; --mode mechanistic imposes their effects, which is a bound",
            );
        }
        if result.design.allocation == Allocation::Matched {
            context.print(
                "every patient is in every arm: log-rank tests are stratified by patient; intervals of hazard ratios \
                 take the arms as independent and are wider than the pairing allows",
            );
        }
    }
    let figures = if study.no_figures {
        Vec::new()
    } else {
        figure::trial_figures(&result)?
    };
    let tables = [
        ("", report::arms_summary(&result).into()),
        ("contrasts", report::contrasts_table(&result).into()),
        ("biomarkers", report::biomarkers_table(&result).into()),
        ("survival", report::steps_table(&result).into()),
        ("courses", report::courses_table(&plan, &rows, &result)),
        ("subjects", report::subjects_table(&patients, &subjects)),
        ("failures", report::failures_table(&result.tally).into()),
    ];
    study.write(context, work, &tables, &figures)
}
