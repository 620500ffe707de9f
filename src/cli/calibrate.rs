//! `hif-switch calibrate`: named parameters to named targets, or to a user's own data.

use super::joint::{self, Common, JointOptions};
use super::screen::tell;
use super::{Carries, Context, options, progress};
use crate::error::{Error, Result};
use crate::figure;
use crate::parameters::bounds::{DATA_FILE, STARTS};
use crate::parameters::read_text;
use crate::report::{self, Hold, Lock, Manifest, Results, Starts};
use crate::simulate::Accuracy;
use crate::study::calibrate::{
    Calibration, Fit, OwnData, Profile, Start, Targets, compare_models, estimate, profile,
    read_observations, starts as fit_starts,
};
use clap::Args;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub const EXAMPLES: &str = "Examples:
  hif-switch calibrate xenograft                     as in params/calibrations/xenograft.toml
  hif-switch calibrate exposure --starts 8 --profiles
  hif-switch calibrate hif --models                  what the data demand: the full model beside its variants
  hif-switch calibrate --ledger --hide --noise 24    all parameters to targets and claims, and what that is worth
  hif-switch calibrate --data examples/xenograft_volumes.csv \\
      --parameter tumour.growth_rate --parameter sorafenib.raf_ec50";

/// What is fitted to what.
#[derive(Debug, Args)]
pub struct ProblemOptions {
    /// Calibration of params/calibrations; with --data: name of the files that are written
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Own xenograft volumes to fit to: a CSV file with animal,day,volume,arm and optionally dose
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Condition of params/conditions.toml under which the data were taken
    #[arg(
        long,
        value_name = "NAME",
        default_value = "xenograft",
        requires = "data"
    )]
    condition: String,
    /// Parameter to fit instead of the calibration's, repeatable
    #[arg(long, value_name = "PATH")]
    parameter: Vec<String>,
}

#[derive(Debug, Args)]
pub struct CalibrateOptions {
    #[command(flatten)]
    problem: ProblemOptions,
    #[command(flatten)]
    joint: JointOptions,
    /// Starts: the present values, and seeded draws within the bounds
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    starts: u64,
    /// Seed of the starts
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Profile likelihood of every parameter
    #[arg(long)]
    profiles: bool,
    /// Fit the variants of the model too and compare them
    #[arg(long)]
    models: bool,
    /// Keep the starts that a stopped run has finished
    #[arg(long)]
    resume: bool,
    /// Folder in which plots/ and results/ are written
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
    /// Relative tolerance of the integrator
    #[arg(long, value_name = "NUMBER", default_value = options::MANY)]
    rtol: f64,
}

pub fn run(context: &Context, options: &CalibrateOptions) -> Result<()> {
    if options.joint.ledger {
        let common = Common {
            seed: options.seed,
            rtol: options.rtol,
            resume: options.resume,
            out: &options.out,
        };
        return joint::run(context, &options.joint, &common);
    }
    STARTS.check(
        options.starts as f64,
        format!("--starts {}", options.starts),
    )?;
    let library = &context.library;
    let accuracy = options::many(options.rtol)?;
    let calibration = calibration(context, &options.problem)?;
    let lock = format!(".calibrate-{}.lock", calibration.name);
    let lock = options.out.join("results").join(lock);
    let _lock = Lock::take(&lock, Hold::Alone, "fits the same calibration here")?;
    let starts = starts(context, options, &calibration, &accuracy)?;
    let fit = estimate(library, &calibration, starts, &accuracy)?;
    let profiles = profiles(context, options, &fit, &accuracy)?;
    context.print_table(&report::estimates_table(&fit, &profiles));
    if !context.json {
        context.print("");
        context.print_table(&report::residuals_table(&fit));
        context.print(&format!("\n{}", report::fit_words(&fit, &profiles)));
    }
    let name = &calibration.name;
    let manifest = Manifest::new(library, &accuracy, &context.command).seeded(options.seed);
    let mut results = Results::new(&options.out, &format!("calibrate-{name}"), manifest);
    let mut tables = vec![
        ("estimates", report::estimates_table(&fit, &profiles)),
        ("residuals", report::residuals_table(&fit)),
        ("correlations", report::correlations_table(&fit)),
        ("starts", report::starts_table(&fit)),
    ];
    if options.profiles {
        tables.push(("profiles", report::profiles_table(&profiles)));
        results.files(figure::profiles(&profiles)?.files(options.out.join("plots")))?;
    }
    if options.models {
        let variants = library.names("variants");
        let bar = progress::search(variants.len() as u64 + 1, context.quiet);
        let models = compare_models(library, &calibration, &variants, &accuracy, &|| bar.inc(1))?;
        bar.finish_and_clear();
        if !context.json {
            context.print("");
            context.print_table(&report::models_table(&models));
            context.print(&format!("\n{}", report::models_words(&models)));
        }
        tables.push(("models", report::models_table(&models)));
    }
    for (part, table) in tables {
        results.table(&format!("calibrate-{name}-{part}"), &table.into())?;
    }
    let fitted = options.out.join(format!("fitted-{name}"));
    for (path, text) in report::fitted_parameters(&fit) {
        results.files([(fitted.join(path), text)])?;
    }
    let written = results.publish()?;
    context.written(&written, Carries::Text);
    if !context.json {
        context.print(&format!(
            "run any command with the fitted values: --params {}",
            fitted.display()
        ));
    }
    Ok(())
}

/// The calibration that the options name.
pub fn calibration(context: &Context, options: &ProblemOptions) -> Result<Calibration> {
    let library = &context.library;
    let Some(path) = &options.data else {
        let targets = Targets::read(library)?;
        let name = options.name.as_deref().unwrap_or("xenograft");
        let calibration = Calibration::read(library, name, &targets.all)?;
        if options.parameter.is_empty() {
            return Ok(calibration);
        }
        let Calibration {
            name,
            title,
            setting,
            targets,
            ..
        } = calibration;
        return Calibration::new(
            library,
            &name,
            &title,
            &setting,
            &options.parameter,
            targets,
        );
    };
    let place = path.display().to_string();
    let observations = read_csv(path)?;
    let targets = read_observations(library, &observations, &options.condition, &place)?;
    let setting = targets
        .first()
        .map_or("xenograft", |target| target.setting.as_str())
        .to_owned();
    let name = options.name.as_deref().unwrap_or("data");
    let title = format!("{} volumes of {place}", observations.len());
    Calibration::new(library, name, &title, &setting, &options.parameter, targets)
}

/// The values of a calibration's parameters: the present ones, or those of a file of estimates that
/// `calibrate` wrote.
pub fn values(calibration: &Calibration, estimates: Option<&Path>) -> Result<Vec<f64>> {
    let Some(path) = estimates else {
        return Ok(calibration.values(&calibration.present()));
    };
    #[derive(Deserialize)]
    struct Row {
        parameter: String,
        unit: String,
        fitted: f64,
    }
    let place = format!("--estimates {}", path.display());
    let remedy = "give results/calibrate-NAME-estimates.csv of the same calibration";
    let text = read_text(path, &DATA_FILE, &place, remedy)?;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows = reader
        .deserialize()
        .collect::<std::result::Result<Vec<Row>, _>>()
        .map_err(|error| Error::input(&place, error.to_string(), remedy))?;
    let axes = &calibration.space.axes;
    axes.iter()
        .map(|axis| {
            let found = rows
                .iter()
                .find(|row| row.parameter == axis.path && row.unit == axis.unit);
            let found = found.ok_or_else(|| {
                let problem = format!("`{}` is missing", axis.path);
                Error::input(&place, problem, remedy)
            })?;
            Ok(found.fitted)
        })
        .collect()
}

fn read_csv(path: &Path) -> Result<Vec<OwnData>> {
    let place = format!("--data {}", path.display());
    let remedy = "give a CSV file with the columns animal,day,volume,arm and optionally dose";
    let text = read_text(path, &DATA_FILE, &place, remedy)?;
    csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .collect::<std::result::Result<Vec<OwnData>, _>>()
        .map_err(|error| Error::input(place, error.to_string(), remedy))
}

/// Fits from all starts; each is on disk as soon as it is done.
fn starts(
    context: &Context,
    options: &CalibrateOptions,
    calibration: &Calibration,
    accuracy: &Accuracy,
) -> Result<Vec<Start>> {
    let library = &context.library;
    let file = format!("calibrate-{}.starts.json", calibration.name);
    let path = options.out.join("results").join(file);
    let digest = Manifest::new(library, accuracy, &[])
        .seeded(options.seed)
        .to_json()?;
    let values: Vec<f64> = calibration
        .targets
        .iter()
        .map(|target| target.value)
        .collect();
    let what = format!(
        "{} {:?} {values:?} {}",
        calibration.name,
        calibration.paths(),
        String::from_utf8_lossy(&digest)
    );
    let found = Starts::<Start>::read(&path);
    let of_same = matches!(&found, Ok(Some(found)) if found.what == what);
    if !options.resume && !of_same && path.exists() {
        tell(&format!(
            "replaced: {}, the finished starts of another calibration",
            path.display()
        ));
    }
    let kept = match options.resume {
        true => found?,
        false => None,
    };
    if kept.as_ref().is_some_and(|kept| kept.what != what) {
        return Err(Error::input(
            path.display().to_string(),
            "the starts were fitted with other targets, parameters, seed or program",
            "leave --resume out, or give the command of the stopped run",
        ));
    }
    let kept = kept.unwrap_or_else(|| Starts::new(what));
    let pending: Vec<u64> = (0..options.starts)
        .filter(|index| kept.starts.iter().all(|done| done.index != *index))
        .collect();
    let bar = progress::search(pending.len() as u64, context.quiet);
    let evaluations = AtomicU64::new(0);
    let tick = || {
        let count = evaluations.fetch_add(1, Ordering::Relaxed) + 1;
        bar.set_message(format!("{count} evaluations"));
    };
    let shared = Mutex::new(kept);
    let finished = |done: Start| -> Result<()> {
        bar.inc(1);
        let mut kept = shared.lock().unwrap_or_else(PoisonError::into_inner);
        kept.starts.push(done);
        kept.write(&path)
    };
    fit_starts(
        library,
        calibration,
        options.seed,
        &pending,
        accuracy,
        &tick,
        &finished,
    )?;
    bar.finish_and_clear();
    let mut kept = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    kept.starts.sort_by_key(|done| done.index);
    kept.starts.retain(|done| done.index < options.starts);
    Ok(kept.starts)
}

fn profiles(
    context: &Context,
    options: &CalibrateOptions,
    fit: &Fit,
    accuracy: &Accuracy,
) -> Result<Vec<Profile>> {
    if !options.profiles {
        return Ok(Vec::new());
    }
    let count = fit.estimates.len();
    let bar = progress::search(count as u64, context.quiet);
    let profiles = (0..count)
        .map(|index| {
            let profile = profile(&context.library, fit, index, accuracy, &|| bar.tick());
            bar.inc(1);
            profile
        })
        .collect();
    bar.finish_and_clear();
    profiles
}
