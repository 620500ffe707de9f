//! `hif-switch schedule` and `hif-switch attribution`.

use super::Context;
use super::study_options::StudyOptions;
use crate::error::{Error, Result};
use crate::figure;
use crate::regimen::Arm;
use crate::report;
use crate::study::attribution::{AttributionPlan, mechanisms};
use crate::study::schedule::{Effort, Goal, SchedulePlan, ScheduleSearch};
use clap::{Args, ValueEnum};

pub const EXAMPLES: &str = "Examples:
  hif-switch schedule --arm sorafenib+pt2385                       start, on/off days and dose of the partner, mice
  hif-switch schedule --arm sorafenib+genistein --goal burden --move-sorafenib --budgets 12
  hif-switch schedule --setting patient --arm sorafenib+pt2385 --goal progression --days 182 --samples 32 --evaluations 15";

pub const ATTRIBUTION_EXAMPLES: &str = "Examples:
  hif-switch attribution --arm sorafenib+pt2385             by vessels, hypoxia, HIF-1, HIF-2, survival, kill
  hif-switch attribution --arm sorafenib --against vehicle  of sorafenib itself
  hif-switch attribution --arm sorafenib+acriflavine --setting patient --days 182";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// Burden at the end
    Burden,
    /// Time to progression
    Progression,
}

/// Schedules of the front that are printed; the file has all.
const PRINTED: usize = 15;

#[derive(Debug, Args)]
#[command(next_help_heading = "Schedule")]
pub struct ScheduleOptions {
    /// Setting: culture, xenograft or patient
    #[arg(long, value_name = "NAME", default_value = "xenograft")]
    setting: String,
    /// Arm with one partner
    #[arg(long, value_name = "ARM", default_value = "sorafenib+pt2385")]
    arm: String,
    /// What is sought: the smallest burden or the longest time to progression
    #[arg(long, value_enum, default_value = "burden")]
    goal: Wanted,
    /// Let sorafenib start later too
    #[arg(long)]
    move_sorafenib: bool,
    /// Schedules of the first sample, from whose best each descent starts; a power of two
    #[arg(long, value_name = "NUMBER", default_value_t = 128)]
    samples: usize,
    /// Budgets of exposure, evenly up to that of the full dose all the time; the optimiser descends once under
    /// each
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    budgets: usize,
    /// Schedules that a descent tries at most
    #[arg(long, value_name = "NUMBER", default_value_t = 60)]
    evaluations: usize,
    /// Length of the run, instead of the regimen's: 28 (days), 4w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    days: Option<String>,
}

pub fn run(context: &Context, options: &ScheduleOptions, study: &StudyOptions) -> Result<()> {
    let library = &context.library;
    let arm = Arm::parse(&options.arm, library, "--arm")?;
    let scenario = study.timed_scenario(context, &options.setting, arm, options.days.as_deref())?;
    let goal = match options.goal {
        Wanted::Burden => Goal::Burden,
        Wanted::Progression => Goal::Progression,
    };
    let search = ScheduleSearch::new(library, &scenario, goal, options.move_sorafenib)?;
    let effort = Effort {
        samples: options.samples,
        budgets: options.budgets,
        evaluations: options.evaluations,
    };
    let plan = SchedulePlan::new(search, effort, study.seed)?;
    let Some((rows, work)) = study.rows(context, "schedule", &plan)? else {
        return Ok(());
    };
    let busy = context.busy("analysing");
    let result = plan.analyse(&rows)?;
    drop(busy);
    let printed = report::front_table(&result, Some(PRINTED));
    let table = report::front_table(&result, None);
    context.print_table(&printed);
    study.conclude(context, work, table.into(), &result.tally, || {
        figure::schedule(&result)
    })
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Attribution")]
pub struct AttributionOptions {
    /// Setting: culture, xenograft or patient
    #[arg(long, value_name = "NAME", default_value = "xenograft")]
    setting: String,
    /// Arm whose gain is decomposed
    #[arg(long, value_name = "ARM", default_value = "sorafenib+pt2385")]
    arm: String,
    /// Arm over which it gains
    #[arg(long, value_name = "ARM", default_value = "sorafenib")]
    against: String,
    /// Mechanism of params/attribution.toml, repeatable; all when none is named
    #[arg(long, value_name = "NAME")]
    mechanism: Vec<String>,
    /// Length of the run, instead of the regimen's: 28 (days), 4w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    days: Option<String>,
}

pub fn attribution(
    context: &Context,
    options: &AttributionOptions,
    study: &StudyOptions,
) -> Result<()> {
    let library = &context.library;
    let arm = Arm::parse(&options.arm, library, "--arm")?;
    let against = Arm::parse(&options.against, library, "--against")?;
    let scenario = study.timed_scenario(context, &options.setting, arm, options.days.as_deref())?;
    let mut all = mechanisms(library)?;
    for name in &options.mechanism {
        if !all.iter().any(|mechanism| mechanism.name == *name) {
            let known = all.iter().map(|mechanism| mechanism.name.as_str());
            return Err(Error::unknown_name("--mechanism", "mechanism", name, known));
        }
    }
    if !options.mechanism.is_empty() {
        all.retain(|mechanism| options.mechanism.contains(&mechanism.name));
    }
    let plan = AttributionPlan::new(library, &scenario, &against, all)?;
    let Some((rows, work)) = study.rows(context, "attribution", &plan)? else {
        return Ok(());
    };
    let busy = context.busy("analysing");
    let result = plan.analyse(&rows)?;
    drop(busy);
    let table = report::attribution_table(&result);
    context.print_table(&table);
    study.conclude(context, work, table.into(), &result.tally, || {
        figure::attribution(&result)
    })
}
