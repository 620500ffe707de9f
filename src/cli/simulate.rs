//! `hif-switch simulate`: one arm in one setting.

use super::options::{RunOptions, pairs};
use super::{Carries, Context, progress};
use crate::error::{Error, Result};
use crate::interchange::{DataSet, Reading};
use crate::parameters::bounds::{self, SAMPLES};
use crate::parameters::open;
use crate::regimen::Arm;
use crate::report::{self, Manifest};
use crate::simulate::{Accuracy, Scenario};
use crate::study::run_scenario;
use crate::table::Table;
use clap::Args;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  hif-switch simulate --setting xenograft --arm sorafenib+pt2385 --days 28 --every 1h --csv -
  hif-switch simulate --setting patient --arm sorafenib --parquet patient.parquet
  hif-switch simulate --setting patient --arm sorafenib --verify
  hif-switch simulate --setting xenograft --arm sorafenib --dose \"10 mg/kg\" --set hif.haf_loss=\"1.1 1/h\"
  hif-switch simulate --setting patient --arm sorafenib --days 3 --dry-run
  hif-switch simulate --setting patient --arm sorafenib --data doses.csv --csv answers.csv
  hif-switch simulate --setting patient --arm sorafenib --data doses.csv --columns ID,TIME,DV,PRED,IRES
  hif-switch simulate --arm sorafenib --data days.csv --time-unit d --map LAGT=ALAG2 --map OCC=DROP

Data sets (--data): a CSV file in the manner of NONMEM; every record is answered, in the order
of the file. Columns: ID, TIME (h), AMT (mg), EVID (0 observation, 1 dose, 2 other, 3 reset, 4
reset and dose), CMT (1 sorafenib depot, 2 central; 3, 4 first partner; 5, 6 second partner),
RATE (mg/h; -1: the rate is in R1, R2 ..., -2: the duration in D1, D2 ...), DUR (h), II (h), ADDL,
SS (1 replaces, 2 adds), ALAG1, ALAG2 ... (lag, h), F1, F2 ... (bioavailability), DV, MDV, C.
LAGT, BIOAV, R, D and DUR without a number concern the compartment of each dose. A header may
carry a unit: `TIME [d]`, `AMT [ug]`. WT (kg) and columns named like a parameter
(exposure.clearance) are covariates of a subject. Empty cells, `.` and NA are missing; rows that
begin with # or @, or hold C in column C, are comments. Columns that are not used are named on
standard error; one that has a meaning and is not understood is refused.
The answer repeats the columns and adds PRED (amount in a depot, mg; total concentration in a
central compartment, mg/L of sorafenib, nM of a partner), with a DV its residuals IRES (DV - PRED)
and LIRES (ln DV - ln PRED), and every column of a time course, as it is right after the record. A
reset starts the tumour anew. SS concerns the amounts of its drug alone. The regimen gives only
what no record can: imposed partner effects, held levels. More in docs/DATA.md.";

#[derive(Debug, Args)]
pub struct SimulateOptions {
    /// Setting: culture, xenograft or patient
    #[arg(long, value_name = "NAME", default_value = "xenograft")]
    setting: String,
    /// Arm: vehicle, sorafenib, NAME, sorafenib+NAME, sorafenib+NAME+NAME
    #[arg(long, value_name = "ARM", default_value = "sorafenib")]
    arm: String,
    /// Time between samples of the time course, 1h without
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    every: Option<String>,
    /// Write the time course as CSV to a file, `-` for standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
    /// Write the time course as Parquet, with the unit of each column in its metadata
    #[arg(long, value_name = "FILE")]
    parquet: Option<PathBuf>,
    /// Answer the records of a NONMEM-style data set instead of running the regimen
    #[arg(long, value_name = "FILE", conflicts_with_all = ["every", "dry_run"])]
    data: Option<PathBuf>,
    /// Take a column of --data for something else, as in NONMEM's $INPUT: LAGT=ALAG2; OCC=DROP leaves it out
    #[arg(long, value_name = "COLUMN=MEANING", requires = "data")]
    map: Vec<String>,
    /// Unit of the times, durations and rates of --data whose header has none
    #[arg(long, value_name = "UNIT", requires = "data")]
    time_unit: Option<String>,
    /// Columns of the time course or of the answer to --data, separated by commas; all without it
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<String>,
    /// Print the events of the run and stop
    #[arg(long)]
    dry_run: bool,
}

/// Time between samples when none is given.
const EVERY: &str = "1h";

pub fn run(context: &Context, options: &SimulateOptions, run: &RunOptions) -> Result<()> {
    let library = &context.library;
    let arm = Arm::parse(&options.arm, library, "--arm")?;
    let scenario = run.scenario(context, &options.setting, arm)?;
    if options.dry_run && (options.csv.is_some() || options.parquet.is_some()) {
        return Err(Error::input(
            "--dry-run",
            "nothing is simulated, so that there is no time course to write",
            "leave out --dry-run, or --csv and --parquet",
        ));
    }
    if let Some(data) = &options.data {
        return answer(context, &scenario, data, options, run);
    }
    run.check_arms(context, &scenario, std::slice::from_ref(&scenario.arm))?;
    if !options.columns.is_empty() && options.csv.is_none() && options.parquet.is_none() {
        return Err(Error::input(
            "--columns",
            "without a file there are no columns to choose",
            "write the time course with --csv FILE or --parquet FILE (`--csv -` prints it), or give --data",
        ));
    }
    let problem = scenario.prepare(library)?;
    if options.dry_run {
        let timeline = report::timeline_table(&problem.timeline, &scenario.arm.partners);
        context.print_table(&timeline);
        return Ok(());
    }
    let every = options.every.as_deref().unwrap_or(EVERY);
    let step = bounds::length(every, None, "--every")?;
    if options.every.is_some() && options.csv.is_none() && options.parquet.is_none() {
        context.warn("--every has no effect without --csv or --parquet");
    }
    let rows = (problem.timeline.duration / step).ceil() + 1.0;
    SAMPLES.check(rows, format!("--every {every}"))?;
    let accuracy = run.accuracy()?;
    let busy = context.busy("simulating");
    let treated = run_scenario(library, &scenario, &accuracy, step, run.verify)?;
    let table = scenario.parameters(library)?;
    let burden_unit = table.text("burden_unit").unwrap_or("1");
    if options.csv.is_some() || options.parquet.is_some() {
        let vehicle = vehicle_of(&scenario);
        let vehicle = run_scenario(library, &vehicle, &accuracy, step, false)?;
        drop(busy);
        let table = report::trajectory_table(&treated.trajectory, &vehicle.trajectory, burden_unit);
        let table = selected(&table, options)?;
        return write_tables(context, &table, &table, options, &accuracy);
    }
    drop(busy);
    context.print_table(&report::run_table(&treated, burden_unit));
    if !context.json {
        let work = treated.outcome.work;
        let worst = treated
            .outcome
            .balance
            .iter()
            .map(crate::simulate::DrugBalance::relative_error)
            .fold(0.0, f64::max);
        context.print(&format!(
            "\n{}: {} segments, {} steps ({} rejected), {} evaluations; drug mass balance within {worst:.1e}",
            problem.label,
            work.segments,
            work.accepted_steps,
            work.rejected_steps,
            work.evaluations,
        ));
    }
    Ok(())
}

/// Answers a data set to a file, or to standard output.
fn answer(
    context: &Context,
    scenario: &Scenario,
    data: &Path,
    options: &SimulateOptions,
    run: &RunOptions,
) -> Result<()> {
    let name = data.display().to_string();
    let file = open(
        data,
        &bounds::DATA_FILE,
        &format!("--data {name}"),
        "give a CSV file with a header and one record per line",
    )?;
    if run.days.is_some() || run.dose.is_some() || run.verify {
        return Err(Error::input(
            "--data",
            "the records say how long and how much: --days, --dose and --verify have no meaning here",
            "leave them out",
        ));
    }
    let parameters = scenario.parameters(&context.library)?;
    let reading = Reading {
        time_unit: options.time_unit.clone(),
        names: pairs(&options.map)?,
        ..Reading::new(&parameters)
    };
    let set = DataSet::from_reader(&name, file, &reading)?;
    for warning in set.warnings() {
        context.warn(warning);
    }
    for (own, echoed) in set.header.iter().zip(set.echoed(&report::OUTPUTS)) {
        if *own != echoed {
            context.warn(&format!(
                "{name}: the column {own} is called {echoed} in the answer, which has a column {own} of its own"
            ));
        }
    }
    let accuracy = run.accuracy()?;
    // A slip in --columns is told before the runs.
    selected(
        &set.head(&context.library, scenario, &report::OUTPUTS)?,
        options,
    )?;
    let bar = progress::records(set.work(), context.quiet);
    let table = set.answer_observed(
        &context.library,
        scenario,
        &accuracy,
        &report::OUTPUTS,
        &|| bar.inc(1),
    )?;
    bar.finish_and_clear();
    let numbers = selected(&set.with_numbers(&table), options)?;
    let table = selected(&table, options)?;
    if options.csv.is_some() || options.parquet.is_some() {
        return write_tables(context, &table, &numbers, options, &accuracy);
    }
    if context.json {
        context.print_table(&table);
        return Ok(());
    }
    print_csv(context, &table)
}

/// The columns that were asked for.
fn selected(table: &Table, options: &SimulateOptions) -> Result<Table> {
    if options.columns.is_empty() {
        return Ok(table.clone());
    }
    let place = format!("--columns {}", options.columns.join(","));
    table.select(options.columns.iter().map(|name| name.trim()), &place)
}

fn vehicle_of(scenario: &Scenario) -> Scenario {
    scenario.with_arm(Arm::vehicle())
}

/// Writes the table as CSV (its units beside it), `numbers` as Parquet, or both.
fn write_tables(
    context: &Context,
    table: &Table,
    numbers: &Table,
    options: &SimulateOptions,
    accuracy: &Accuracy,
) -> Result<()> {
    let mut files = Vec::new();
    let mut carries = Carries::Nothing;
    let manifest = Manifest::new(&context.library, accuracy, &context.command);
    if let Some(path) = &options.csv {
        if path == Path::new("-") {
            print_csv(context, table)?;
            carries = Carries::Data;
        } else {
            refuse_input(options, path, "--csv")?;
            files.push((path.clone(), table.to_csv()?));
            // Nothing lies beside a device or a pipe.
            if !report::is_stream(path) {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let beside = path.with_file_name(format!("{name}-metadata.json"));
                files.push((beside, report::csv_metadata(table, &name, &manifest)?));
            }
        }
    }
    if let Some(path) = &options.parquet {
        refuse_input(options, path, "--parquet")?;
        let manifest = String::from_utf8_lossy(&manifest.to_json()?)
            .trim_end()
            .to_owned();
        files.push((
            path.clone(),
            report::to_parquet(numbers, &[("manifest", manifest)])?,
        ));
    }
    context.written(&report::write_all(&files)?, carries);
    Ok(())
}

/// Refuses to replace the data set that is answered.
fn refuse_input(options: &SimulateOptions, path: &Path, option: &str) -> Result<()> {
    match &options.data {
        Some(data) if report::is_same_file(data, path) => Err(Error::input(
            format!("{option} {}", path.display()),
            "this is the data set itself, which would be replaced",
            "write the answer to another file",
        )),
        _ => Ok(()),
    }
}

fn print_csv(context: &Context, table: &Table) -> Result<()> {
    let csv = table.to_csv()?;
    let text = String::from_utf8_lossy(&csv);
    context.screen.print(text.trim_end());
    Ok(())
}
