//! `hif-switch synergy`: dose by dose surfaces against several nulls.

use super::Context;
use super::study_options::{StudyOptions, count};
use crate::error::{Error, Result};
use crate::figure;
use crate::regimen::Arm;
use crate::report;
use crate::study::assay::Quantity;
use crate::study::population::{Population, Sampler};
use crate::study::synergy::SynergyPlan;
use clap::Args;

pub const EXAMPLES: &str = "Examples:
  hif-switch synergy --arm sorafenib+pt2385                    mice, burden at day 7, 14, 21, 28
  hif-switch synergy --arm sorafenib                           sorafenib with itself: Loewe-additive
  hif-switch synergy --arm sorafenib+pt2385 --mode achievable --doses 5,10,20,30,60 --partner-doses 0.25,0.5,1,2
  hif-switch synergy --arm sorafenib+ezn2968 --population xenograft-mice --subjects 40   intervals";

#[derive(Debug, Args)]
#[command(next_help_heading = "Synergy")]
pub struct SynergyOptions {
    /// Setting: culture, xenograft or patient
    #[arg(long, value_name = "NAME", default_value = "xenograft")]
    setting: String,
    /// Arm with two drugs, or sorafenib for the drug with itself
    #[arg(long, value_name = "ARM", default_value = "sorafenib+pt2385")]
    arm: String,
    /// Doses of the first drug, separated by commas: of sorafenib in the unit of its regimen (mg/kg, mg), of a
    /// partner as parts of its own dose
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    doses: Vec<f64>,
    /// Doses of the second drug: parts of the partner's own dose (of sorafenib with itself as --doses)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    partner_doses: Vec<f64>,
    /// Days at which burden is compared, separated by commas; the last is the main one
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    horizons: Vec<f64>,
    /// An endpoint of the whole run, as hif1a_end, instead of burden at the horizons
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Population over whose subjects intervals are taken
    #[arg(long, value_name = "NAME")]
    population: Option<String>,
    /// Subjects of the population
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    subjects: u64,
    /// Length of the run in days, instead of the regimen's
    #[arg(long, value_name = "DAYS")]
    days: Option<f64>,
}

/// Doses when none are named: parts of that of the regimen, and of the partner's own.
const PARTS: [f64; 6] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0];
const PARTNER_PARTS: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];

impl SynergyOptions {
    fn plan(&self, context: &Context, study: &StudyOptions) -> Result<SynergyPlan> {
        let library = &context.library;
        let arm = Arm::parse(&self.arm, library, "--arm")?;
        let scenario = study.timed_scenario(context, &self.setting, arm, self.days)?;
        let table = scenario.parameters(library)?;
        let regimen = scenario.regimen(library, &table)?;
        let usual = regimen
            .sorafenib
            .iter()
            .find_map(|course| course.amount.as_ref())
            .map_or(1.0, |amount| amount.value);
        let given = |doses: &[f64], option: &str, default: Vec<f64>| {
            if let Some(bad) = doses.iter().find(|d| !d.is_finite() || **d < 0.0) {
                return Err(Error::input(
                    format!("{option} {bad}"),
                    "this is no dose",
                    "give numbers of 0 or more, separated by commas",
                ));
            }
            Ok(if doses.is_empty() {
                default
            } else {
                doses.to_vec()
            })
        };
        let sorafenib: Vec<f64> = PARTS.map(|part| part * usual).to_vec();
        let partner = PARTNER_PARTS.to_vec();
        let first = if scenario.arm.sorafenib {
            sorafenib.clone()
        } else {
            partner.clone()
        };
        let second = if scenario.arm.partners.is_empty() {
            sorafenib
        } else {
            partner
        };
        let first = given(&self.doses, "--doses", first)?;
        let second = given(&self.partner_doses, "--partner-doses", second)?;
        let days = regimen.duration / 24.0;
        let horizons = if self.horizons.is_empty() {
            [0.25, 0.5, 0.75, 1.0].map(|part| part * days).to_vec()
        } else {
            self.horizons.clone()
        };
        let times: Vec<f64> = horizons.iter().map(|day| day * 24.0).collect();
        let endpoint = self
            .endpoint
            .as_deref()
            .map(|name| Quantity::parse(name, "--endpoint"))
            .transpose()?;
        if let Some(quantity) = endpoint.filter(|q| !matches!(q, Quantity::Endpoint(_))) {
            return Err(Error::input(
                format!("--endpoint {}", quantity.name()),
                "a surface is its own comparison",
                "name an endpoint of a single run, or leave it out for burden",
            ));
        }
        let plan = SynergyPlan::new(library, &scenario, &first, &second, endpoint, &times)?;
        match &self.population {
            None => Ok(plan),
            Some(name) => {
                let population = Population::read(library, name, "--population")?;
                let sampler = Sampler::new(library, &population, &scenario, study.seed)?;
                plan.over(sampler, count(self.subjects, "--subjects")?)
            }
        }
    }
}

pub fn run(context: &Context, options: &SynergyOptions, study: &StudyOptions) -> Result<()> {
    let plan = options.plan(context, study)?;
    let Some((rows, work)) = study.rows(context, "synergy", &plan)? else {
        return Ok(());
    };
    let result = plan.analyse(&rows)?;
    let summary = report::synergy_summary(&result);
    context.print_table(&summary);
    if !context.json {
        context.print(&format!(
            "\neffect E = 1 - f, f = {} over that without drug; intervals over {} subjects, {} left out; {}",
            result.endpoint,
            result.measures.len(),
            result.left_out,
            result.tally.words()
        ));
    }
    let figures = if study.no_figures {
        Vec::new()
    } else {
        figure::synergy_figures(&result)?
    };
    let tables = [
        ("", summary.into()),
        ("surfaces", report::synergy_table(&plan, &rows, &result)),
        ("over-time", report::synergy_over_time_table(&plan, &rows)),
        ("failures", report::failures_table(&result.tally).into()),
    ];
    study.write(context, work, &tables, &figures)
}
