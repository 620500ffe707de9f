//! `hif-switch calibrate --ledger`: all parameters to targets and claims in one cost.

use super::{Carries, Context, options, progress};
use crate::error::{Error, Result};
use crate::figure;
use crate::parameters::bounds::{NOISY, STEPS};
use crate::report::{self, Hold, Lock, Manifest, Results, Starts};
use crate::simulate::Accuracy;
use crate::study::calibrate::joint::{
    Joint, Means, Record, Search, hidden_folds, noise, trade_off,
};
use crate::study::silent;
use clap::Args;
use std::path::Path;

/// Digits of a fitted value.
const DIGITS: usize = 3;

#[derive(Debug, Args)]
pub struct JointOptions {
    /// Fit all assumed and fitted parameters to targets and claims in one cost, as params/joint.toml says
    #[arg(long, conflicts_with_all = ["name", "data", "parameter", "starts", "profiles", "models"])]
    pub ledger: bool,
    /// With --ledger: steps of the fit; 0 judges the present values
    #[arg(long, value_name = "NUMBER", default_value_t = 12, requires = "ledger")]
    steps: usize,
    /// With --ledger: repeat the fit three times with a third of the claims hidden
    #[arg(long, requires = "ledger")]
    hide: bool,
    /// With --hide: steps of each of these fits
    #[arg(long, value_name = "NUMBER", default_value_t = 8, requires = "hide")]
    fold_steps: usize,
    /// With --ledger: draws of parameters with noise that are judged
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "ledger")]
    noise: u64,
    /// With --ledger: start in the middle of the ranges, and at the weak ends of guessed effects, not at the present
    /// values
    #[arg(long, requires = "ledger")]
    from_middle: bool,
}

/// Seed, tolerance and folder, which belong to every calibration.
pub struct Common<'a> {
    pub seed: u64,
    pub rtol: f64,
    pub resume: bool,
    pub out: &'a Path,
}

pub fn run(context: &Context, options: &JointOptions, common: &Common<'_>) -> Result<()> {
    STEPS.check(options.steps as f64, format!("--steps {}", options.steps))?;
    STEPS.check(
        options.fold_steps as f64,
        format!("--fold-steps {}", options.fold_steps),
    )?;
    NOISY.check(options.noise as f64, format!("--noise {}", options.noise))?;
    let library = &context.library;
    let accuracy = options::many(common.rtol)?;
    let mut joint = Joint::read(library)?;
    let results = common.out.join("results");
    let _lock = Lock::take(
        &results.join(".calibrate-ledger.lock"),
        Hold::Alone,
        "fits the same calibration here",
    )?;
    let present = joint.results(library, &joint.present(), &accuracy)?;
    joint.silence(&present);

    let path = results.join("calibrate-ledger.search.json");
    let mut search = fitted(context, options, common, &joint, &accuracy, &path)?;
    if options.steps > 0 {
        search.at = joint.rounded(&search.at, DIGITS);
    }
    let judged = joint.library(library, &search.at)?;
    let reached = joint.results(library, &search.at, &accuracy)?;
    let score = joint.score(&reached);
    // What is not asked for again stays as it was found for the same values.
    let earlier = match options.steps {
        0 => Record::of_present(library)?,
        _ => None,
    };

    let bar = progress::search(options.noise, context.quiet);
    let count = || bar.inc(1);
    let fold = match options.hide {
        true => hidden_folds(
            &joint,
            library,
            common.seed,
            options.fold_steps,
            &accuracy,
            &silent,
        )?,
        false => earlier.as_ref().map_or(Vec::new(), |e| e.fold.clone()),
    };
    let noisy = match options.noise {
        0 => earlier.as_ref().and_then(|e| e.noise),
        draws => {
            let found = noise(&joint, &judged, draws, common.seed, &accuracy, &count)?;
            Some(Means::from(&found))
        }
    };
    let points = match options.steps {
        0 => Vec::new(),
        _ => trade_off(&joint, &mut search, library, &accuracy, &count)?,
    };
    bar.finish_and_clear();

    let record = Record {
        seed: common.seed,
        steps: earlier
            .as_ref()
            .map_or(search.visits.len() - 1, |e| e.steps),
        fitted_targets: joint.targets.iter().filter(|target| target.fit).count(),
        score,
        noise: noisy,
        fold,
        parameter: match &earlier {
            Some(earlier) => earlier.parameter.clone(),
            None => Record::parameters(&joint, &search.at),
        },
    };
    context.print_table(&report::joint_steps_table(&search));
    if !context.json {
        context.print(&format!("\n{}", report::joint_words(&record)));
    }
    let manifest = Manifest::new(library, &accuracy, &context.command).seeded(common.seed);
    let mut written = Results::new(common.out, "calibrate-ledger", manifest);
    for (part, table) in [
        ("steps", report::joint_steps_table(&search)),
        (
            "parameters",
            report::joint_parameters_table(&record.parameter),
        ),
        ("trade-off", report::trade_off_table(&points)),
    ] {
        written.table(&format!("calibrate-ledger-{part}"), &table.into())?;
    }
    if !points.is_empty() {
        let figure = figure::trade_off(&points)?;
        written.files(figure.files(common.out.join("plots")))?;
    }
    let folder = common.out.join("fitted-ledger");
    for (file, text) in report::joint_files(library, &record)? {
        written.files([(folder.join(file), text)])?;
    }
    let published = written.publish()?;
    context.written(&published, Carries::Text);
    Ok(())
}

/// The fit, kept on disk after every step.
fn fitted(
    context: &Context,
    options: &JointOptions,
    common: &Common<'_>,
    joint: &Joint,
    accuracy: &Accuracy,
    path: &Path,
) -> Result<Search> {
    let library = &context.library;
    let digest = Manifest::new(library, accuracy, &[]).to_json()?;
    let what = format!(
        "{} {}",
        options.from_middle,
        String::from_utf8_lossy(&digest)
    );
    let kept: Option<Starts<Search>> = match common.resume {
        true => Starts::read(path)?,
        false => None,
    };
    if kept.as_ref().is_some_and(|kept| kept.what != what) {
        return Err(Error::input(
            path.display().to_string(),
            "the steps were made with other parameters, start or program",
            "leave --resume out, or give the command of the stopped run",
        ));
    }
    let found = kept.and_then(|kept| kept.starts.into_iter().next());
    let mut search = match found {
        Some(search) => search,
        None => {
            let at = match options.from_middle {
                true => joint.rest(),
                false => joint.present(),
            };
            Search::start(joint, library, at, accuracy)?
        }
    };
    let length = joint.factors.len() as u64;
    while !search.done && search.visits.len() <= options.steps {
        let bar = progress::search(length, context.quiet);
        search.step(joint, library, accuracy, &|| bar.inc(1))?;
        bar.finish_and_clear();
        let mut state = Starts::new(what.clone());
        state.starts.push(search.clone());
        state.write(path)?;
        if let Some(visit) = search.visits.last() {
            let claims = visit.score.claims();
            context.print(&format!(
                "step {}: cost {:.2}, {} of {} claims, {} of {} targets",
                visit.step,
                visit.rows + visit.ranges,
                claims.passed,
                claims.tested,
                visit.score.targets.passed,
                visit.score.targets.tested,
            ));
        }
    }
    Ok(search)
}
