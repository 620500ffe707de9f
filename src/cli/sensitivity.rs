//! `hif-switch sensitivity`: which parameters decide an endpoint.

use super::Context;
use super::study_options::StudyOptions;
use crate::error::Result;
use crate::figure;
use crate::regimen::Arm;
use crate::report;
use crate::study::assay::{Assay, Quantity};
use crate::study::sensitivity::{Method, SensitivityPlan, Space, morris, sobol};
use clap::{Args, ValueEnum};

pub const EXAMPLES: &str = "Examples:
  hif-switch sensitivity                                    Morris screening of every parameter, xenograft
  hif-switch sensitivity --method sobol --points 256 --endpoint treated_over_control
  hif-switch sensitivity --method local --setting patient --endpoint time_to_progression --days 182
  hif-switch sensitivity --method sobol --parameter hif.haf_loss --parameter sorafenib.raf_ec50 --arm sorafenib+pt2385 --endpoint bliss_interaction";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Elementary effects of many parameters
    Morris,
    /// First and total indices
    Sobol,
    /// Elasticities at the shipped values
    Local,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Sensitivity")]
pub struct SensitivityOptions {
    /// How it is measured
    #[arg(long, value_enum, default_value = "morris")]
    method: Kind,
    /// Setting: culture, xenograft or patient
    #[arg(long, value_name = "NAME", default_value = "xenograft")]
    setting: String,
    /// Arm
    #[arg(long, value_name = "ARM", default_value = "sorafenib")]
    arm: String,
    /// Endpoint, repeatable: any of a run, log10_burden, treated_over_control, growth_inhibition, bliss_interaction
    #[arg(long, value_name = "NAME", default_values_t = ["log10_burden".to_owned(), "treated_over_control".to_owned()])]
    endpoint: Vec<String>,
    /// Parameter with a range, repeatable; without: all (morris, local) or those of params/studies.toml (sobol)
    #[arg(long, value_name = "PATH")]
    parameter: Vec<String>,
    /// Base points of a Sobol study, a power of two
    #[arg(long, value_name = "NUMBER", default_value_t = 1024)]
    points: usize,
    /// Trajectories of Morris screening
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    trajectories: usize,
    /// Levels of the grid of Morris screening
    #[arg(long, value_name = "NUMBER", default_value_t = 8)]
    levels: usize,
    /// Length of the run, instead of the regimen's: 28 (days), 4w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    days: Option<String>,
}

impl SensitivityOptions {
    fn plan(&self, context: &Context, study: &StudyOptions) -> Result<SensitivityPlan> {
        let library = &context.library;
        let arm = Arm::parse(&self.arm, library, "--arm")?;
        let scenario = study.timed_scenario(context, &self.setting, arm, self.days.as_deref())?;
        let quantities = self
            .endpoint
            .iter()
            .map(|name| Quantity::parse(name, "--endpoint"))
            .collect::<Result<Vec<_>>>()?;
        let assay = Assay::new(library, &scenario, &quantities)?;
        let template = &assay.templates[0];
        let defaults = library.table("", "studies", "params")?;
        let space = match (self.parameter.as_slice(), self.method) {
            ([], Kind::Sobol) => {
                let paths = defaults.list("sensitivity.parameters").unwrap_or_default();
                Space::read(template, paths, "params/studies.toml")?
            }
            ([], _) => {
                let without = defaults.list("sensitivity.without").unwrap_or_default();
                let without: Vec<&str> = without.iter().map(String::as_str).collect();
                Space::all(template, &without, "params")?
            }
            (paths, _) => Space::read(template, paths, "--parameter")?,
        };
        let parameters = space.axes.len();
        let method = match self.method {
            Kind::Local => Method::Local,
            Kind::Morris => {
                let design =
                    morris::Design::new(self.trajectories, parameters, self.levels, study.seed)?;
                Method::Morris(Box::new(design))
            }
            Kind::Sobol => Method::Sobol(sobol::Design::new(self.points, parameters, study.seed)?),
        };
        Ok(SensitivityPlan {
            assay,
            space,
            method,
            seed: study.seed,
        })
    }
}

pub fn run(context: &Context, options: &SensitivityOptions, study: &StudyOptions) -> Result<()> {
    let busy = context.busy("preparing");
    let plan = options.plan(context, study)?;
    drop(busy);
    let name = format!("sensitivity-{}", plan.method.name());
    let Some((rows, work)) = study.rows(context, &name, &plan)? else {
        return Ok(());
    };
    let busy = context.busy("analysing");
    let result = plan.analyse(&rows)?;
    drop(busy);
    let table = report::sensitivity_table(&result);
    context.print_table(&table);
    let notes = report::sensitivity_notes(&result);
    if !context.json {
        context.print(&format!("\n{}", notes.join("\n")));
    }
    let mut figures = Vec::new();
    if !study.no_figures {
        figures.push(figure::sensitivity(&result)?);
        figures.extend(figure::convergence(&result)?);
    }
    let tables = [
        ("", table.into()),
        ("failures", report::failures_table(&result.tally).into()),
    ];
    study.write(context, work, &tables, &figures)
}
