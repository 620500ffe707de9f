//! The command line: reads options, calls studies, hands results to reports and figures.
//!
//! Exit codes: 0 done, 1 a run or a file failed, 2 wrong input.

mod calibrate;
mod claims;
mod compare;
mod export;
mod joint;
mod merge;
mod options;
mod params;
mod plot;
mod population;
mod progress;
mod report;
mod schedule;
mod screen;
mod selftest;
mod sensitivity;
mod simulate;
mod study_options;
mod sweep;
mod synergy;
mod trial;
mod validate;

use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::report::Written;
use crate::simulate::{Scenario, start_threads};
use crate::table::Sheet;
use clap::{Parser, Subcommand};
use options::RunOptions;
use screen::{Screen, tell};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Sorafenib, hypoxia and the HIF-1a to HIF-2a switch in liver cancer.
///
/// Without a command: integrates every arm in every setting, writes figures to plots/ and tables to
/// results/, and prints a table with a verdict per arm.
///
/// Not for decisions about patients.
#[derive(Debug, Parser)]
#[command(name = "hif-switch", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    global: GlobalOptions,
}

const EXAMPLES: &str = "Examples:
  hif-switch                                     everything, into ./plots and ./results
  hif-switch compare --setting xenograft --arm sorafenib+pt2385 --arm sorafenib+genistein
  hif-switch simulate --setting xenograft --arm sorafenib+pt2385 --days 28 --every 1h --csv -
  hif-switch params show pt2385";

#[derive(Debug, clap::Args)]
struct GlobalOptions {
    /// Folder of parameter files laid over the shipped ones, key by key
    #[arg(long, global = true, value_name = "DIR")]
    params: Option<PathBuf>,
    /// Print nothing but errors and warnings
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare arms against vehicle (the default command)
    #[command(after_help = compare::EXAMPLES)]
    Compare {
        #[command(flatten)]
        options: compare::CompareOptions,
        #[command(flatten)]
        run: RunOptions,
    },
    /// Simulate one arm and print its endpoints or its time course
    #[command(after_help = simulate::EXAMPLES)]
    Simulate {
        #[command(flatten)]
        options: simulate::SimulateOptions,
        #[command(flatten)]
        run: RunOptions,
    },
    /// Judge every claim of the literature that the model can test
    #[command(after_help = claims::EXAMPLES)]
    Claims(claims::ClaimsOptions),
    /// Fit parameters to targets or to own data: errors, correlations, profiles, models beside each other
    #[command(after_help = calibrate::EXAMPLES)]
    Calibrate(calibrate::CalibrateOptions),
    /// Set the model beside what was measured
    #[command(after_help = validate::EXAMPLES)]
    Validate(validate::ValidateOptions),
    /// Draw virtual patients or animals and show what they are like
    #[command(after_help = population::EXAMPLES)]
    Population {
        #[command(flatten)]
        options: population::PopulationOptions,
        #[command(flatten)]
        study: study_options::StudyOptions,
    },
    /// Treat virtual patients: time to progression, hazard ratios, responses, biomarkers
    #[command(after_help = trial::EXAMPLES)]
    Trial {
        #[command(flatten)]
        options: trial::TrialOptions,
        #[command(flatten)]
        study: study_options::StudyOptions,
    },
    /// Which parameters decide an endpoint: Morris, Sobol, elasticities
    #[command(after_help = sensitivity::EXAMPLES)]
    Sensitivity {
        #[command(flatten)]
        options: sensitivity::SensitivityOptions,
        #[command(flatten)]
        study: study_options::StudyOptions,
    },
    /// Turn one or two knobs over their ranges, or one up and down
    #[command(after_help = sweep::EXAMPLES)]
    Sweep {
        #[command(flatten)]
        options: sweep::SweepOptions,
        #[command(flatten)]
        study: study_options::StudyOptions,
    },
    /// Dose by dose surfaces of two drugs against HSA, Bliss, Loewe, ZIP and MuSyC
    #[command(after_help = synergy::EXAMPLES)]
    Synergy {
        #[command(flatten)]
        options: synergy::SynergyOptions,
        #[command(flatten)]
        study: study_options::StudyOptions,
    },
    /// Search schedules of a partner: the front of burden or progression over exposure
    #[command(after_help = schedule::EXAMPLES)]
    Schedule {
        #[command(flatten)]
        options: schedule::ScheduleOptions,
        #[command(flatten)]
        study: study_options::StudyOptions,
    },
    /// Decompose what an arm gains over another by mechanism (Shapley values)
    #[command(after_help = schedule::ATTRIBUTION_EXAMPLES)]
    Attribution {
        #[command(flatten)]
        options: schedule::AttributionOptions,
        #[command(flatten)]
        study: study_options::StudyOptions,
    },
    /// Join the parts of a study that was run in shards
    #[command(after_help = merge::EXAMPLES)]
    Merge(merge::MergeOptions),
    /// List, show, check or export the parameters
    #[command(after_help = params::EXAMPLES)]
    Params {
        #[command(subcommand)]
        command: params::ParamsCommand,
    },
    /// Prove the program on this machine: closed forms, test problems, golden courses, lanes, files, exports
    #[command(after_help = selftest::EXAMPLES)]
    Selftest(selftest::SelftestOptions),
    /// Write the model in the format of another tool
    #[command(after_help = export::EXAMPLES)]
    Export {
        #[command(subcommand)]
        command: export::ExportCommand,
    },
    /// Draw figures of the gallery
    #[command(after_help = plot::EXAMPLES)]
    Plot {
        #[command(flatten)]
        options: plot::PlotOptions,
        #[command(flatten)]
        run: RunOptions,
    },
    /// Write one HTML page with everything: comparison, figures, claims, parameters, manifest
    #[command(after_help = report::EXAMPLES)]
    Report {
        #[command(flatten)]
        options: report::ReportOptions,
        #[command(flatten)]
        run: RunOptions,
    },
}

/// What every command needs.
struct Context {
    library: Library,
    quiet: bool,
    json: bool,
    command: Vec<String>,
    screen: Screen,
    /// What was said already.
    warned: RefCell<BTreeSet<String>>,
}

/// What standard output carries beside the word on files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carries {
    /// Text to read.
    Text,
    /// Nothing.
    Nothing,
    /// Data for a program, to which no word may be added.
    Data,
}

impl Context {
    /// Says something on standard error, once, unless quiet.
    fn warn(&self, text: &str) {
        if self.warned.borrow_mut().insert(text.to_owned()) && !self.quiet {
            tell(&format!("warning: {text}"));
        }
    }

    /// Shows that something of unknown length is going on, as long as the value lives.
    fn busy(&self, what: &str) -> progress::Busy {
        progress::Busy::new(what, self.quiet)
    }

    /// Says which numbers of a scenario are possible but not plausible.
    fn warn_of(&self, scenario: &Scenario) -> Result<()> {
        for note in scenario.implausible(&self.library)? {
            self.warn(&note);
        }
        Ok(())
    }

    /// Says which of the user's files are not read, and which of their numbers are not plausible.
    fn warn_of_files(&self) -> Result<()> {
        for path in self.library.unread() {
            self.warn(&format!("{path} is no parameter file and is not read"));
        }
        for note in self.library.implausible()? {
            self.warn(&note);
        }
        Ok(())
    }

    /// Prints a result to standard output, unless quiet.
    fn print(&self, text: &str) {
        if !self.quiet {
            self.screen.print(text);
        }
    }

    /// Says where files were written, and what they took the place of, even if quiet.
    fn written(&self, written: &Written, carries: Carries) {
        if written.files.is_empty() {
            return;
        }
        let text = format!("written: {}", written.places());
        match carries {
            _ if self.quiet => {}
            Carries::Data => tell(&text),
            _ if self.json || written.streamed => tell(&text),
            Carries::Text => self.print(&format!("\n{text}")),
            Carries::Nothing => self.print(&text),
        }
        self.tell_replaced(written);
    }

    /// Says what files took the place of.
    fn tell_replaced(&self, written: &Written) {
        written.notes.iter().for_each(|note| tell(note));
    }

    /// Prints a table as text for this terminal, or as JSON.
    fn print_table(&self, table: &crate::table::Table) {
        if self.json {
            self.print(&format!("{:#}", table.to_json()));
        } else {
            self.print(&table.to_text(options::terminal_width()));
        }
    }

    /// Prints a table that may be long: as text its first rows, at most `most`, as JSON all of them, row by
    /// row. Gives the number of rows where not all are shown as text.
    fn print_sheet(&self, table: &Sheet<'_>, most: usize) -> Result<Option<usize>> {
        if self.quiet {
            return Ok(None);
        }
        if self.json {
            self.screen.print_long(|out| table.write_json(out))?;
            return Ok(None);
        }
        let (first, count) = table.first(most)?;
        self.print_table(&first);
        Ok((count > first.rows.len()).then_some(count))
    }
}

/// Runs the program with the arguments of a process.
///
/// # Errors
/// Wrong input, a run that failed, or a file that could not be written.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Result<()> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parse = |arguments: &[OsString]| match Cli::try_parse_from(arguments) {
        // No command means the main job with its default options.
        Ok(Cli { command: None, .. }) => {
            Cli::try_parse_from(arguments.iter().cloned().chain(["compare".into()]))
        }
        parsed => parsed,
    };
    let cli = match parse(&arguments) {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() => return Err(usage_error(&error)),
        Err(help) => {
            let screen = Screen::default();
            screen.print(help.to_string().trim_end());
            return screen.finish();
        }
    };
    let library = match &cli.global.params {
        Some(folder) => Library::with_overlay(folder)?,
        None => Library::shipped(),
    };
    let context = Context {
        library,
        quiet: cli.global.quiet,
        json: cli.global.json,
        command: arguments
            .iter()
            .skip(1)
            .map(|argument| argument.to_string_lossy().into_owned())
            .collect(),
        screen: Screen::default(),
        warned: RefCell::default(),
    };
    start_threads(std::env::var_os("RAYON_NUM_THREADS"))?;
    context.warn_of_files()?;
    dispatch(&context, cli.command, cli.global.params.as_deref())?;
    context.screen.finish()
}

fn dispatch(context: &Context, command: Option<Command>, params: Option<&Path>) -> Result<()> {
    match command {
        None => Ok(()),
        Some(Command::Compare { options, run }) => compare::run(context, &options, &run),
        Some(Command::Simulate { options, run }) => simulate::run(context, &options, &run),
        Some(Command::Claims(options)) => claims::run(context, &options),
        Some(Command::Calibrate(options)) => calibrate::run(context, &options),
        Some(Command::Validate(options)) => validate::run(context, &options),
        Some(Command::Population { options, study }) => population::run(context, &options, &study),
        Some(Command::Trial { options, study }) => trial::run(context, &options, &study),
        Some(Command::Sensitivity { options, study }) => {
            sensitivity::run(context, &options, &study)
        }
        Some(Command::Sweep { options, study }) => sweep::run(context, &options, &study),
        Some(Command::Synergy { options, study }) => synergy::run(context, &options, &study),
        Some(Command::Selftest(options)) => selftest::run(context, params, &options),
        Some(Command::Export { command }) => export::run(context, &command),
        Some(Command::Schedule { options, study }) => schedule::run(context, &options, &study),
        Some(Command::Attribution { options, study }) => {
            schedule::attribution(context, &options, &study)
        }
        Some(Command::Merge(options)) => merge::run(context, &options),
        Some(Command::Params { command }) => params::run(context, &command),
        Some(Command::Report { options, run }) => report::run(context, &options, &run),
        Some(Command::Plot { options, run }) => plot::run(context, &options, &run),
    }
}

/// Whether a command line is that of a study with parts.
fn is_study(arguments: &[OsString]) -> bool {
    let parsed = Cli::try_parse_from(arguments).map(|cli| cli.command);
    matches!(
        parsed,
        Ok(Some(
            Command::Population { .. }
                | Command::Trial { .. }
                | Command::Sensitivity { .. }
                | Command::Sweep { .. }
                | Command::Synergy { .. }
                | Command::Schedule { .. }
                | Command::Attribution { .. }
        ))
    )
}

/// clap's message in the form of our own: what is wrong, then the remedy.
fn usage_error(error: &clap::Error) -> Error {
    let text = error.to_string();
    let message = text.trim_start_matches("error: ");
    let (problem, rest) = message.split_once("\n\n").unwrap_or((message, ""));
    let remedy = rest
        .lines()
        .map(str::trim)
        .find_map(|line| line.strip_prefix("tip: "))
        .unwrap_or("`hif-switch --help` and `hif-switch COMMAND --help` show every option");
    Error::input("command line", problem.trim(), remedy)
}
