//! `hif-switch sweep`: one or two knobs over their ranges, or one up and down.

use super::Context;
use super::study_options::{StudyOptions, Work};
use crate::error::{Error, Result};
use crate::figure;
use crate::regimen::Arm;
use crate::report;
use crate::simulate::Template;
use crate::study::assay::{Assay, Quantity};
use crate::study::bifurcation::steady_state_diagram;
use crate::study::sweep::{Axis, FIXED_CELLS, SweepPlan, up_down};
use clap::Args;

pub const EXAMPLES: &str = "Examples:
  hif-switch sweep --x dose=1:100:25:log                            burden and T/C over the dose, xenograft
  hif-switch sweep --x dose=5:100:16:log --y partner.pt2385.dose=0:1:11 --arm sorafenib+pt2385 --endpoint treated_over_control
  hif-switch sweep --x hif.haf_loss=0.5:5:20 --endpoint switch_time --endpoint hif1a_end
  hif-switch sweep --setting culture --arm vehicle --x oxygen=0.5:40:24:log --up-down 3   is the switch reversible?";

#[derive(Debug, Args)]
#[command(next_help_heading = "Sweep")]
pub struct SweepOptions {
    /// Knob and values: NAME=LOW:HIGH:COUNT, NAME=LOW:HIGH:COUNT:log or NAME=A,B,C; NAME is dose, oxygen (culture), partner.NAME.dose or a parameter
    #[arg(long, value_name = "KNOB", required = true)]
    x: String,
    /// A second knob
    #[arg(long, value_name = "KNOB")]
    y: Option<String>,
    /// Turn --x up and down in one run, holding each level for a time, 3 (days) or 72h; with the steady states
    #[arg(
        long,
        value_name = "TIME",
        conflicts_with = "y",
        allow_hyphen_values = true
    )]
    up_down: Option<String>,
    /// Let cells become resistant during an up-and-down sweep; without, only the switch moves
    #[arg(long, requires = "up_down")]
    adapting: bool,
    /// Setting: culture, xenograft or patient
    #[arg(long, value_name = "NAME", default_value = "xenograft")]
    setting: String,
    /// Arm
    #[arg(long, value_name = "ARM", default_value = "sorafenib")]
    arm: String,
    /// Endpoint, repeatable
    #[arg(long, value_name = "NAME", default_values_t = ["burden_end".to_owned(), "treated_over_control".to_owned()])]
    endpoint: Vec<String>,
    /// Length of the run, instead of the regimen's: 28 (days), 4w
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    days: Option<String>,
}

/// Rows of a sweep that are printed as text; as JSON all of them are.
const PRINTED: usize = 1000;

pub fn run(context: &Context, options: &SweepOptions, study: &StudyOptions) -> Result<()> {
    let library = &context.library;
    let arm = Arm::parse(&options.arm, library, "--arm")?;
    let scenario = study.timed_scenario(context, &options.setting, arm, options.days.as_deref())?;
    if let Some(time) = &options.up_down {
        study.whole("an up-and-down sweep")?;
        let template = Template::read(library, &scenario)?;
        let axis = Axis::parse(&options.x, &template, "--x")?;
        warn_of(context, &axis, &template, "--x")?;
        return hysteresis(context, study, &template, &axis, (time, options.adapting));
    }
    let quantities = options
        .endpoint
        .iter()
        .map(|name| Quantity::parse(name, "--endpoint"))
        .collect::<Result<Vec<_>>>()?;
    let assay = Assay::new(library, &scenario, &quantities)?;
    let mut axes = Vec::new();
    if let Some(y) = &options.y {
        axes.push(Axis::parse(y, &assay.templates[0], "--y")?);
    }
    axes.push(Axis::parse(&options.x, &assay.templates[0], "--x")?);
    for (axis, option) in axes.iter().rev().zip(["--x", "--y"]) {
        warn_of(context, axis, &assay.templates[0], option)?;
    }
    if axes.len() == 2 && axes[0].knob == axes[1].knob {
        return Err(Error::input(
            "--x and --y",
            format!("both turn `{}`", axes[0].knob.name()),
            "name two knobs",
        ));
    }
    let plan = SweepPlan { assay, axes };
    let Some((rows, work)) = study.rows(context, "sweep", &plan)? else {
        return Ok(());
    };
    let result = plan.analyse(&rows);
    let table = report::sweep_table(&result);
    let left_out = context.print_sheet(&table, PRINTED)?;
    study.conclude(context, work, table, &result.tally, || {
        figure::sweep(&result)
    })?;
    if let (Some(count), false) = (left_out, context.json) {
        context.print(&format!(
            "\nshown are the first {PRINTED} of {count} rows; all of them are in sweep.csv"
        ));
    }
    Ok(())
}

/// Says which values are possible but not plausible.
fn warn_of(context: &Context, axis: &Axis, template: &Template, option: &str) -> Result<()> {
    let (Some(low), Some(high)) = (axis.values.first(), axis.values.last()) else {
        return Ok(());
    };
    let place = format!("{option} {}", axis.knob.name());
    if let Some(note) = axis
        .knob
        .implausible(&context.library, template, (*low, *high), &place)?
    {
        context.warn(&note);
    }
    Ok(())
}

fn hysteresis(
    context: &Context,
    study: &StudyOptions,
    template: &Template,
    axis: &Axis,
    (time, adapting): (&str, bool),
) -> Result<()> {
    let hold = super::options::days(time, "--up-down")?;
    let numbers: &[(&str, f64)] = if adapting { &[] } else { &FIXED_CELLS };
    let ways = up_down(template, axis, hold, numbers, &study.accuracy()?)?;
    let states = steady_state_diagram(template, axis, numbers, study.seed)?;
    let table = report::up_down_table(&ways, &states);
    context.print_table(&table);
    let figures = if study.no_figures {
        Vec::new()
    } else {
        vec![figure::hysteresis(&ways, &states)?]
    };
    study.write(
        context,
        Work::single("hysteresis"),
        &[("", table.into())],
        &figures,
    )
}
