//! `hif-switch synergy`: dose by dose surfaces against several nulls.

use super::Context;
use super::options;
use super::study_options::StudyOptions;
use crate::error::{Error, Result};
use crate::figure;
use crate::parameters::bounds::SUBJECTS;
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
    /// Times at which burden is compared, as 7,14 (days) or 1w,2w, separated by commas; the last is the main one
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        allow_hyphen_values = true
    )]
    horizons: Vec<String>,
    /// An endpoint of the whole run, as hif1a_end, instead of burden at the horizons
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    /// Population over whose subjects intervals are taken
    #[arg(long, value_name = "NAME")]
    population: Option<String>,
    /// Subjects of the population
    #[arg(long, value_name = "NUMBER", default_value_t = 20)]
    subjects: u64,
    /// Length of the run, instead of the regimen's: 28 (days), 4w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    days: Option<String>,
}

/// Doses when none are named: parts of that of the regimen, and of the partner's own.
const PARTS: [f64; 6] = [0.125, 0.25, 0.5, 1.0, 2.0, 4.0];
const PARTNER_PARTS: [f64; 5] = [0.2, 0.4, 0.6, 0.8, 1.0];

impl SynergyOptions {
    fn plan(&self, context: &Context, study: &StudyOptions) -> Result<SynergyPlan> {
        let library = &context.library;
        let arm = Arm::parse(&self.arm, library, "--arm")?;
        let scenario = study.timed_scenario(context, &self.setting, arm, self.days.as_deref())?;
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
        let times = if self.horizons.is_empty() {
            let days = regimen.duration / 24.0;
            [0.25, 0.5, 0.75, 1.0]
                .map(|part| part * days * 24.0)
                .to_vec()
        } else {
            let times = self
                .horizons
                .iter()
                .map(|text| options::days(text, "--horizons"));
            times.collect::<Result<_>>()?
        };
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
        for (doses, (knob, option)) in [&plan.first, &plan.second]
            .into_iter()
            .zip(plan.knobs.iter().zip(["--doses", "--partner-doses"]))
        {
            // The lowest is 0.
            if let [_, low, .., high] = doses.as_slice()
                && let Some(note) =
                    knob.implausible(library, &plan.template, (*low, *high), option)?
            {
                context.warn(&note);
            }
        }
        match &self.population {
            None => Ok(plan),
            Some(name) => {
                let population = Population::read(library, name, "--population")?;
                let sampler = Sampler::new(library, &population, &scenario, study.seed)?;
                let place = format!("--subjects {}", self.subjects);
                plan.over(sampler, SUBJECTS.check(self.subjects as f64, place)? as u64)
            }
        }
    }
}

pub fn run(context: &Context, options: &SynergyOptions, study: &StudyOptions) -> Result<()> {
    let busy = context.busy("preparing");
    let plan = options.plan(context, study)?;
    drop(busy);
    let Some((rows, work)) = study.rows(context, "synergy", &plan)? else {
        return Ok(());
    };
    let busy = context.busy("analysing");
    let result = plan.analyse(&rows)?;
    drop(busy);
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
