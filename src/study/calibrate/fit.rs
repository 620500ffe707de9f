//! Fits: parameters to targets, errors, correlations, profiles, and models beside each other.

use super::targets::Target;
use crate::error::{Error, Result};
use crate::parameters::bounds::FITTED;
use crate::parameters::{Library, check_name};
use crate::regimen::Arm;
use crate::simulate::{Accuracy, Scenario, Template};
use crate::study::claims::{Alternative, Test, values_in};
use crate::study::random::{Draws, Purpose};
use crate::study::sensitivity::{Axis, Space};
use crate::study::{Progress, silent};
use levenberg_marquardt::{LeastSquaresProblem, LevenbergMarquardt};
use nalgebra::storage::Owned;
use nalgebra::{DMatrix, DVector, Dyn};
use rayon::prelude::*;

/// Rise of the objective at the ends of a 95 % interval of one parameter (chi-square, 1 degree).
pub const THRESHOLD: f64 = 3.841_458_820_694_124;

/// Step of the finite differences, in units of the logit.
const STEP: f64 = 0.02;

/// Evaluations of a fit per parameter and one.
const PATIENCE: usize = 3;

/// Farthest that a coordinate goes: 0.01 % of the range from its ends.
const EDGE: f64 = 9.0;

/// Coordinate beyond which a bound counts as active: within 2 % of the range.
const ACTIVE: f64 = 3.9;

/// What is fitted to what.
#[derive(Debug, Clone)]
pub struct Calibration {
    /// Name of the file.
    pub name: String,
    /// Title.
    pub title: String,
    /// Setting of all targets.
    pub setting: String,
    /// Parameters with their bounds.
    pub space: Space,
    /// Targets that are fitted to, and those held out.
    pub targets: Vec<Target>,
    /// Variant of the model.
    pub variant: Option<String>,
}

impl Calibration {
    /// Reads `calibrations/NAME.toml`: title, setting, targets (identifiers or names of files) and
    /// parameters; targets over virtual patients are left out.
    ///
    /// # Errors
    /// An unknown name, target or parameter; nothing to fit to.
    pub fn read(library: &Library, name: &str, targets: &[Target]) -> Result<Self> {
        let table = library.table("calibrations", name, "command line")?;
        let place = format!("calibrations/{name}.toml");
        let setting = table.text("setting").unwrap_or("xenograft").to_owned();
        let wanted = table.list("targets").unwrap_or_default();
        let mut selected: Vec<Target> = Vec::new();
        for want in wanted {
            let found: Vec<&Target> = targets
                .iter()
                .filter(|t| t.id == *want || t.file == *want)
                .collect();
            if found.is_empty() {
                let known = targets.iter().map(|target| target.id.as_str());
                return Err(Error::unknown_name(&place, "target", want, known));
            }
            let usable = found
                .into_iter()
                .filter(|t| t.setting == setting && !t.is_cohort());
            selected.extend(usable.cloned());
        }
        Self::new(
            library,
            name,
            table.text("title").unwrap_or(name),
            &setting,
            table.list("parameters").unwrap_or_default(),
            selected,
        )
        .map_err(|error| match error {
            Error::Input {
                problem, remedy, ..
            } => Error::input(place, problem, remedy),
            other => other,
        })
    }

    /// A calibration of some parameters to some targets.
    ///
    /// # Errors
    /// A name that cannot be that of files; an unknown parameter, or one without range; nothing to fit to.
    pub fn new(
        library: &Library,
        name: &str,
        title: &str,
        setting: &str,
        parameters: &[String],
        targets: Vec<Target>,
    ) -> Result<Self> {
        check_name(name, "calibration", "command line")?;
        let place = format!("calibration {name}");
        if !targets.iter().any(|target| target.fit) {
            return Err(Error::input(
                place,
                "there is no target to fit to",
                "name targets with use = \"fit\" that live in the setting of the calibration",
            ));
        }
        let template = Template::read(library, &Scenario::new(setting, Arm::sorafenib()))?;
        FITTED.count(parameters.len(), format!("{place}, parameters"))?;
        Ok(Self {
            name: name.to_owned(),
            title: title.to_owned(),
            setting: setting.to_owned(),
            space: Space::read(&template, parameters, &place)?,
            targets,
            variant: None,
        })
    }

    /// Names of the parameters.
    pub fn paths(&self) -> Vec<&str> {
        self.space
            .axes
            .iter()
            .map(|axis| axis.path.as_str())
            .collect()
    }

    /// Coordinates of the present values.
    pub fn present(&self) -> Vec<f64> {
        self.space
            .axes
            .iter()
            .map(|axis| coordinate(axis, axis.value))
            .collect()
    }

    /// Values at coordinates, in the units of the files.
    pub fn values(&self, at: &[f64]) -> Vec<f64> {
        let axes = self.space.axes.iter().zip(at);
        axes.map(|(axis, u)| axis.at(place(*u))).collect()
    }

    /// The model at coordinates.
    pub(super) fn model(&self, at: &[f64]) -> Alternative {
        let settings = self.space.axes.iter().zip(self.values(at));
        let settings =
            settings.map(|(axis, v)| (axis.path.clone(), format!("{v:e} {}", axis.unit)));
        Alternative::set(self.variant.clone(), settings.collect())
    }

    /// Predictions of all targets at several coordinates, in the units of the targets.
    pub(super) fn predict(
        &self,
        library: &Library,
        places: &[Vec<f64>],
        accuracy: &Accuracy,
    ) -> Result<Vec<Vec<f64>>> {
        let tests: Vec<&Test> = self.targets.iter().map(|target| &target.test).collect();
        let models: Vec<Alternative> = places.iter().map(|at| self.model(at)).collect();
        let rows = values_in(library, &tests, &models, accuracy)?;
        let convert = |row: Vec<f64>| {
            let pairs = self.targets.iter().zip(row);
            pairs.map(|(target, value)| target.in_unit(value)).collect()
        };
        Ok(rows.into_iter().map(convert).collect())
    }

    /// Residuals of the fitted targets.
    pub(super) fn residuals(&self, predicted: &[f64]) -> DVector<f64> {
        let pairs = self.targets.iter().zip(predicted);
        let fitted = pairs.filter(|(target, _)| target.fit);
        DVector::from_iterator(
            self.targets.iter().filter(|target| target.fit).count(),
            fitted.map(|(target, value)| {
                let residual = target.residual(*value);
                // An undefined value is as far off as can be.
                if residual.is_nan() { 30.0 } else { residual }
            }),
        )
    }
}

/// Place (0 to 1) of a coordinate.
fn place(coordinate: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-coordinate.clamp(-EDGE, EDGE)))
}

/// Coordinate of a value.
fn coordinate(axis: &Axis, value: f64) -> f64 {
    let place = axis.place(value).clamp(0.01, 0.99);
    libm::log(place / (1.0 - place))
}

/// The least-squares problem of a calibration with some coordinates held.
struct Residuals<'a> {
    library: &'a Library,
    calibration: &'a Calibration,
    accuracy: &'a Accuracy,
    progress: Progress<'a>,
    at: Vec<f64>,
    free: Vec<usize>,
}

impl Residuals<'_> {
    fn rows(&self, places: &[Vec<f64>]) -> Option<Vec<DVector<f64>>> {
        (self.progress)();
        let rows = self
            .calibration
            .predict(self.library, places, self.accuracy)
            .ok()?;
        Some(
            rows.iter()
                .map(|row| self.calibration.residuals(row))
                .collect(),
        )
    }
}

impl LeastSquaresProblem<f64, Dyn, Dyn> for Residuals<'_> {
    type ResidualStorage = Owned<f64, Dyn>;
    type JacobianStorage = Owned<f64, Dyn, Dyn>;
    type ParameterStorage = Owned<f64, Dyn>;

    fn set_params(&mut self, parameters: &DVector<f64>) {
        for (index, value) in self.free.iter().zip(parameters.iter()) {
            self.at[*index] = value.clamp(-EDGE, EDGE);
        }
    }

    fn params(&self) -> DVector<f64> {
        DVector::from_iterator(self.free.len(), self.free.iter().map(|i| self.at[*i]))
    }

    fn residuals(&self) -> Option<DVector<f64>> {
        self.rows(std::slice::from_ref(&self.at))?.pop()
    }

    fn jacobian(&self) -> Option<DMatrix<f64>> {
        self.differences(false)
    }
}

impl Residuals<'_> {
    /// Derivatives by differences to one side, or to both, all runs at once.
    fn differences(&self, both: bool) -> Option<DMatrix<f64>> {
        let back = if both { -STEP } else { 0.0 };
        let shifted = |index: usize, step: f64| {
            let mut at = self.at.clone();
            at[index] += step;
            at
        };
        let mut places: Vec<Vec<f64>> = self.free.iter().map(|i| shifted(*i, STEP)).collect();
        if both {
            places.extend(self.free.iter().map(|i| shifted(*i, back)));
        } else {
            places.push(self.at.clone());
        }
        let rows = self.rows(&places)?;
        let count = self.free.len();
        let columns: Vec<DVector<f64>> = (0..count)
            .map(|i| {
                let base = if both { count + i } else { count };
                (&rows[i] - &rows[base]) / (STEP - back)
            })
            .collect();
        Some(DMatrix::from_columns(&columns))
    }
}

/// The end of a fit.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Start {
    /// Number of the start; 0 is the present values.
    pub index: u64,
    /// Coordinates at the end.
    pub at: Vec<f64>,
    /// Objective at the start.
    pub before: f64,
    /// Objective at the end.
    pub objective: f64,
    /// Evaluations of the targets.
    pub evaluations: usize,
    /// Whether the optimiser came to rest.
    pub converged: bool,
}

/// Fits from start `index`: the present values, or a seeded draw within the bounds.
///
/// # Errors
/// A model that cannot be run at the start.
pub fn start(
    library: &Library,
    calibration: &Calibration,
    seed: u64,
    index: u64,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Start> {
    let mut at = calibration.present();
    if index > 0 {
        let draws = Draws::new(seed, Purpose::Search);
        for (place, u) in at.iter_mut().zip(draws.uniforms(index, 0)) {
            let u = 0.1 + 0.8 * u;
            *place = libm::log(u / (1.0 - u));
        }
    }
    let free = (0..at.len()).collect();
    minimise(library, calibration, at, free, index, accuracy, progress)
}

/// Fits from several starts at once and hands over each as it is done, in no order.
///
/// # Errors
/// As [`start`]; an error of `finished`.
pub fn starts(
    library: &Library,
    calibration: &Calibration,
    seed: u64,
    indices: &[u64],
    accuracy: &Accuracy,
    progress: Progress<'_>,
    finished: &(dyn Fn(Start) -> Result<()> + Sync),
) -> Result<()> {
    indices.par_iter().try_for_each(|index| {
        finished(start(
            library,
            calibration,
            seed,
            *index,
            accuracy,
            progress,
        )?)
    })
}

fn minimise(
    library: &Library,
    calibration: &Calibration,
    at: Vec<f64>,
    free: Vec<usize>,
    index: u64,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Start> {
    let predicted = calibration.predict(library, std::slice::from_ref(&at), accuracy)?;
    let before = calibration.residuals(&predicted[0]).norm_squared();
    let done = |at, objective, evaluations, converged| Start {
        index,
        at,
        before,
        objective,
        evaluations,
        converged,
    };
    if free.is_empty() {
        return Ok(done(at, before, 1, true));
    }
    let problem = Residuals {
        library,
        calibration,
        accuracy,
        progress,
        at: at.clone(),
        free,
    };
    let (problem, report) = LevenbergMarquardt::new()
        .with_ftol(1e-5)
        .with_xtol(1e-4)
        .with_gtol(1e-6)
        .with_stepbound(1.0)
        .with_patience(PATIENCE)
        .minimize(problem);
    let objective = 2.0 * report.objective_function;
    // A fit that lost its way must not be worse than where it began.
    if objective.is_finite() && objective <= before {
        let converged = report.termination.was_successful();
        Ok(done(
            problem.at,
            objective,
            report.number_of_evaluations,
            converged,
        ))
    } else {
        Ok(done(at, before, report.number_of_evaluations, false))
    }
}

/// A fitted parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The parameter with its bounds and present value.
    pub axis: Axis,
    /// Fitted value, in the unit of the file.
    pub value: f64,
    /// 95 % interval from the covariance, within the bounds.
    pub interval: (f64, f64),
    /// Standard error of the coordinate; infinite where the targets say nothing.
    pub standard_error: f64,
    /// The bound at which the estimate lies, if any.
    pub bound: Option<&'static str>,
    /// Whether the interval covers nearly the whole range.
    pub unidentified: bool,
}

/// A finished calibration.
#[derive(Debug, Clone)]
pub struct Fit {
    /// What was fitted.
    pub calibration: Calibration,
    /// All starts, the best first.
    pub starts: Vec<Start>,
    /// Parameters.
    pub estimates: Vec<Estimate>,
    /// Correlations of the estimates.
    pub correlations: DMatrix<f64>,
    /// Predictions of all targets before and after, in their units.
    pub predicted: Vec<(f64, f64)>,
}

/// Jacobian of the fitted residuals at coordinates.
pub(super) fn jacobian(
    library: &Library,
    calibration: &Calibration,
    at: &[f64],
    accuracy: &Accuracy,
) -> Result<DMatrix<f64>> {
    let problem = Residuals {
        library,
        calibration,
        accuracy,
        progress: &crate::study::silent,
        at: at.to_vec(),
        free: (0..at.len()).collect(),
    };
    problem.differences(true).ok_or_else(|| Error::Run {
        run: format!("calibration {}", calibration.name),
        state: "derivatives of the targets".to_owned(),
        time_h: 0.0,
        cause: "a run beside the optimum failed".to_owned(),
        remedy: "narrow the ranges of the parameters or tighten --rtol".to_owned(),
    })
}

/// Covariance of the coordinates: of the targets alone, or with `prior` (precision of a normal prior).
pub(super) fn covariance(jacobian: &DMatrix<f64>, prior: f64) -> DMatrix<f64> {
    let count = jacobian.ncols();
    let precision = jacobian.transpose() * jacobian + DMatrix::identity(count, count) * prior;
    precision
        .try_inverse()
        .unwrap_or_else(|| DMatrix::identity(count, count) * f64::INFINITY)
}

/// Errors and correlations at the best of the starts.
///
/// # Errors
/// A model that cannot be run at the optimum; no start.
pub fn estimate(
    library: &Library,
    calibration: &Calibration,
    mut starts: Vec<Start>,
    accuracy: &Accuracy,
) -> Result<Fit> {
    starts.sort_by(|a, b| {
        a.objective
            .total_cmp(&b.objective)
            .then(a.index.cmp(&b.index))
    });
    let Some(best) = starts.first().cloned() else {
        return Err(Error::input(
            "--starts 0",
            "there is no start",
            "give 1 or more",
        ));
    };
    let jacobian = jacobian(library, calibration, &best.at, accuracy)?;
    // A trace of a prior keeps the matrix invertible where targets say nothing.
    let covariance = covariance(&jacobian, 1e-6);
    let errors: Vec<f64> = (0..best.at.len())
        .map(|i| libm::sqrt(covariance[(i, i)]))
        .collect();
    let correlations = DMatrix::from_fn(best.at.len(), best.at.len(), |i, j| {
        covariance[(i, j)] / (errors[i] * errors[j])
    });
    let axes = calibration.space.axes.iter().enumerate();
    let estimates = axes
        .map(|(i, axis)| {
            let (u, error) = (best.at[i], errors[i]);
            let (low, high) = (place(u - 1.96 * error), place(u + 1.96 * error));
            Estimate {
                axis: axis.clone(),
                value: axis.at(place(u)),
                interval: (axis.at(low), axis.at(high)),
                standard_error: error,
                bound: match u {
                    u if u < -ACTIVE => Some("lower"),
                    u if u > ACTIVE => Some("upper"),
                    _ => None,
                },
                unidentified: high - low > 0.9,
            }
        })
        .collect();
    let places = [calibration.present(), best.at.clone()];
    let rows = calibration.predict(library, &places, accuracy)?;
    let predicted = rows[0].iter().copied().zip(rows[1].iter().copied());
    Ok(Fit {
        calibration: calibration.clone(),
        predicted: predicted.collect(),
        starts,
        estimates,
        correlations,
    })
}

/// A profile: the objective over one parameter, all others optimised.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Path of the parameter.
    pub path: String,
    /// Unit.
    pub unit: String,
    /// Whether the parameter is shown on a logarithmic axis.
    pub log: bool,
    /// Values, increasing.
    pub values: Vec<f64>,
    /// Rise of the objective over its minimum.
    pub rise: Vec<f64>,
    /// Value at the optimum.
    pub best: f64,
    /// Ends of the 95 % interval; `None` where the profile does not reach the threshold in the range.
    pub interval: (Option<f64>, Option<f64>),
}

impl Profile {
    /// In words: identifiable, from one side only, or not.
    pub fn verdict(&self) -> &'static str {
        match self.interval {
            (Some(_), Some(_)) => "identifiable",
            (None, None) => "not identifiable",
            _ => "bounded from one side only",
        }
    }
}

/// Places of a profile on each side of the optimum.
const SIDE: usize = 5;

/// The profile of parameter `index` about the best start.
///
/// # Errors
/// A model that cannot be run.
pub fn profile(
    library: &Library,
    fit: &Fit,
    index: usize,
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Profile> {
    let calibration = &fit.calibration;
    let best = &fit.starts[0];
    let axis = &calibration.space.axes[index];
    let others: Vec<usize> = (0..best.at.len()).filter(|i| *i != index).collect();
    let centre = best.at[index];
    // Steps of the size of the standard error, to the edges of the range.
    let reach = (1.3 * 1.96 * fit.estimates[index].standard_error).clamp(0.2, 6.0);
    let walk = |side: f64| -> Result<Vec<(f64, f64)>> {
        let mut at = best.at.clone();
        let mut points = Vec::new();
        for step in 1..=SIDE {
            let u = centre + side * reach * step as f64 / SIDE as f64;
            at[index] = u.clamp(-EDGE, EDGE);
            let start = minimise(
                library,
                calibration,
                at.clone(),
                others.clone(),
                0,
                accuracy,
                progress,
            )?;
            at.clone_from(&start.at);
            points.push((at[index], start.objective));
        }
        Ok(points)
    };
    let sides: Vec<Vec<(f64, f64)>> = [-1.0, 1.0]
        .par_iter()
        .map(|side| walk(*side))
        .collect::<Vec<_>>()
        .into_iter()
        .collect::<Result<_>>()?;
    let mut points: Vec<(f64, f64)> = sides[0].iter().rev().copied().collect();
    points.push((centre, best.objective));
    points.extend(sides[1].iter().copied());
    let lowest = points
        .iter()
        .map(|point| point.1)
        .fold(f64::INFINITY, f64::min);
    let rises: Vec<(f64, f64)> = points.iter().map(|(u, o)| (*u, o - lowest)).collect();
    let crossing = |points: &[(f64, f64)]| {
        points.windows(2).find_map(|pair| {
            let ((u0, r0), (u1, r1)) = (pair[0], pair[1]);
            (r0 <= THRESHOLD && r1 > THRESHOLD).then(|| {
                let part = (THRESHOLD - r0) / (r1 - r0);
                axis.at(place(u0 + part * (u1 - u0)))
            })
        })
    };
    let down: Vec<(f64, f64)> = rises[..=SIDE].iter().rev().copied().collect();
    Ok(Profile {
        path: axis.path.clone(),
        unit: axis.unit.clone(),
        log: axis.log,
        interval: (crossing(&down), crossing(&rises[SIDE..])),
        best: axis.at(place(centre)),
        values: rises.iter().map(|(u, _)| axis.at(place(*u))).collect(),
        rise: rises.iter().map(|(_, rise)| *rise).collect(),
    })
}

/// A model fitted to the same targets.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// `full` or the name of the variant.
    pub name: String,
    /// Fitted parameters that the variant leaves.
    pub parameters: usize,
    /// Fitted targets.
    pub targets: usize,
    /// Objective at the optimum.
    pub objective: f64,
    /// -2 log likelihood + 2 k, without the constant that all models share.
    pub aic: f64,
    /// -2 log likelihood + k ln n.
    pub bic: f64,
    /// Root mean square of the residuals of what was held out; `None` where there are none.
    pub aside: Option<f64>,
}

/// Fits the full model and variants to the same targets from their present values.
///
/// # Errors
/// An unknown variant; a model that cannot be run.
pub fn compare_models(
    library: &Library,
    calibration: &Calibration,
    variants: &[&str],
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Vec<Comparison>> {
    let models: Vec<Option<&str>> = std::iter::once(None)
        .chain(variants.iter().map(|name| Some(*name)))
        .collect();
    models
        .into_par_iter()
        .map(|variant| {
            let compared = compared(library, calibration, variant, accuracy);
            progress();
            compared
        })
        .collect::<Vec<_>>()
        .into_iter()
        .collect()
}

fn compared(
    library: &Library,
    calibration: &Calibration,
    variant: Option<&str>,
    accuracy: &Accuracy,
) -> Result<Comparison> {
    let mut nested = calibration.clone();
    if let Some(name) = variant {
        let removed = library.table("variants", name, "command line")?;
        nested
            .space
            .axes
            .retain(|axis| removed.number(&axis.path).is_none());
        nested.variant = Some(name.to_owned());
    }
    let best = start(library, &nested, 1, 0, accuracy, &silent)?;
    let row = nested.predict(library, std::slice::from_ref(&best.at), accuracy)?;
    let aside: Vec<f64> = nested
        .targets
        .iter()
        .zip(&row[0])
        .filter(|(target, _)| target.counts_as(false))
        .map(|(target, value)| target.residual(*value))
        .collect();
    let targets = nested.targets.iter().filter(|target| target.fit).count();
    let parameters = nested.space.axes.len();
    let squares: f64 = aside.iter().map(|r| r * r).sum();
    Ok(Comparison {
        name: variant.unwrap_or("full").to_owned(),
        parameters,
        targets,
        objective: best.objective,
        aic: best.objective + 2.0 * parameters as f64,
        bic: best.objective + parameters as f64 * libm::log(targets as f64),
        aside: (!aside.is_empty()).then(|| libm::sqrt(squares / aside.len() as f64)),
    })
}
