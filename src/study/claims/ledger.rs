//! Running the claims: every distinct run once, every test judged from what the runs left.

use super::cohort::{Cohort, CohortValue, cohort_value};
use super::definition::{Claim, Claims, Expectation, Form, Measure, Query, Test};
use crate::endpoints::Endpoints;
use crate::error::Result;
use crate::model::Environment;
use crate::model::markers::Readout;
use crate::parameters::Library;
use crate::regimen::{Arm, Change};
use crate::simulate::{Accuracy, Method, Problem, Scenario, Trajectory, find_root};
use crate::study::Progress;
use crate::study::runs::{Probe, Probed, run_mixed};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Samples of the day before a reading, h.
const SAMPLE: f64 = 1.0;
const DAY: f64 = 24.0;

/// Concentrations between which an IC50 is sought, µM.
const IC50_RANGE: (f64, f64) = (0.01, 1000.0);

/// Outcome of a test or of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The model agrees.
    Pass,
    /// The model disagrees.
    Fail,
    /// Not tested; the claim says why.
    Untested,
}

impl Verdict {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Untested => "not testable",
        }
    }
}

/// What a test gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestResult {
    /// The value that is judged.
    pub value: f64,
    /// Numerical error: the difference to the same value at ten times the tolerance.
    pub error: f64,
    /// Whether it meets the expectation.
    pub passed: bool,
}

/// A claim with its results.
#[derive(Debug, Clone)]
pub struct Row {
    /// The claim.
    pub claim: Claim,
    /// Results of its tests in the full model.
    pub tests: Vec<TestResult>,
    /// Outcome in the full model.
    pub verdict: Verdict,
    /// Outcome in each alternative, in the order of [`Ledger::alternatives`].
    pub in_alternatives: Vec<Verdict>,
}

/// All claims with their results.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// Rows in the order of the claims.
    pub rows: Vec<Row>,
    /// Models that were judged beside the full one.
    pub alternatives: Vec<Alternative>,
    /// Number of runs.
    pub runs: usize,
}

impl Ledger {
    /// (passed, tested) among the rows that `select` takes.
    pub fn score(&self, select: impl Fn(&Claim) -> bool) -> (usize, usize) {
        let tested: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| select(&row.claim) && row.verdict != Verdict::Untested)
            .collect();
        let passed = tested.iter().filter(|row| row.verdict == Verdict::Pass);
        (passed.count(), tested.len())
    }
}

/// A model other than the full one in which claims are judged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alternative {
    /// Name in tables.
    pub name: String,
    variant: Option<String>,
    settings: Vec<(String, String)>,
}

impl Alternative {
    /// A variant of the library.
    pub fn variant(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            variant: Some(name.to_owned()),
            settings: Vec::new(),
        }
    }

    /// The full model without one of its mechanisms; `None` where the name is unknown.
    pub fn without(claims: &Claims, mechanism: &str) -> Option<Self> {
        let removed = claims.mechanisms.get(mechanism)?;
        Some(Self {
            name: format!("without {mechanism}"),
            variant: None,
            settings: removed.set.clone().into_iter().collect(),
        })
    }

    /// Settings in which some number is another than in the full model.
    fn touched_settings(&self, library: &Library) -> Result<BTreeSet<String>> {
        let mut touched = BTreeSet::new();
        for setting in library.names("settings") {
            let scenario = Scenario::new(setting, Arm::vehicle());
            let numbers = |scenario: &Scenario| -> Result<Vec<Option<f64>>> {
                let table = scenario.parameters(library)?;
                Ok(table.numbers().map(|(_, entry)| entry.value).collect())
            };
            if numbers(&self.apply(&scenario))? != numbers(&scenario)? {
                touched.insert(setting.to_owned());
            }
        }
        Ok(touched)
    }

    /// A variant, or the full model, with some parameters set.
    pub(in crate::study) fn set(variant: Option<String>, settings: Vec<(String, String)>) -> Self {
        Self {
            name: String::new(),
            variant,
            settings,
        }
    }

    pub(in crate::study) fn apply(&self, scenario: &Scenario) -> Scenario {
        Scenario {
            variant: self.variant.clone(),
            background: self.settings.clone(),
            ..scenario.clone()
        }
    }
}

/// What a run must leave behind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Sample {
    /// A readout at a time (bits of h).
    Readout(&'static str, u64),
    /// A readout at a moment (bits of h).
    Moment(&'static str, u64),
    /// The burden, or in culture the viable cells, at a time (bits of h).
    Size(u64),
    /// An endpoint.
    Endpoint(usize),
    /// An IC50 at a time (bits of h).
    Ic50(u64),
    /// A value over virtual patients.
    Cohort(Cohort, CohortValue),
}

/// The scenarios and samples that a query is made of.
fn parts(query: &Query) -> Vec<(Scenario, Sample)> {
    let s = &query.scenario;
    let size = |time: &f64| Sample::Size(time.to_bits());
    let alone = |arm: Arm| s.with_arm(arm);
    let partners = || Arm {
        sorafenib: false,
        partners: s.arm.partners.clone(),
    };
    match &query.measure {
        Measure::Cohort(cohort, value) => {
            vec![(s.clone(), Sample::Cohort(cohort.clone(), value.clone()))]
        }
        Measure::Readout(readout, at) => {
            vec![(s.clone(), Sample::Readout(readout.name, at.to_bits()))]
        }
        Measure::Moment(readout, at) => {
            vec![(s.clone(), Sample::Moment(readout.name, at.to_bits()))]
        }
        Measure::Endpoint(index) => vec![(s.clone(), Sample::Endpoint(*index))],
        Measure::Ic50(at) => vec![(s.clone(), Sample::Ic50(at.to_bits()))],
        Measure::TreatedOverControl(at) => {
            vec![(s.clone(), size(at)), (alone(Arm::vehicle()), size(at))]
        }
        Measure::Interaction(at) => vec![
            (s.clone(), size(at)),
            (alone(Arm::vehicle()), size(at)),
            (alone(Arm::sorafenib()), size(at)),
            (alone(partners()), size(at)),
        ],
        Measure::BetterThanEither(at) => vec![
            (s.clone(), size(at)),
            (alone(Arm::sorafenib()), size(at)),
            (alone(partners()), size(at)),
        ],
    }
}

/// The value of a query from the values of its parts.
fn combine(measure: &Measure, values: &[f64]) -> f64 {
    match measure {
        Measure::Readout(..)
        | Measure::Moment(..)
        | Measure::Endpoint(_)
        | Measure::Ic50(_)
        | Measure::Cohort(..) => values[0],
        Measure::TreatedOverControl(_) => values[0] / values[1],
        Measure::Interaction(_) => values[0] * values[1] / (values[2] * values[3]),
        Measure::BetterThanEither(_) => values[0] / values[1].min(values[2]),
    }
}

/// The value that a test judges.
fn judge(form: &Form, expectation: Expectation, value: &impl Fn(&Query) -> f64) -> f64 {
    match form {
        Form::Value(query) => value(query),
        Form::Ratio(pair) => value(&pair[0]) / value(&pair[1]),
        Form::RatioOfRatios(four) => {
            (value(&four[0]) / value(&four[1])) / (value(&four[2]) / value(&four[3]))
        }
        Form::Mean(queries) => queries.iter().map(value).sum::<f64>() / queries.len() as f64,
        Form::Sweep(queries) => {
            let values: Vec<f64> = queries.iter().map(value).collect();
            let steps = values.windows(2).map(|pair| pair[1] / pair[0]);
            // The step that speaks most against the expectation; NaN stays NaN.
            let worst = |a: f64, b: f64| match expectation {
                _ if a.is_nan() || b.is_nan() => f64::NAN,
                Expectation::Below(_) => a.max(b),
                _ => a.min(b),
            };
            steps.reduce(worst).unwrap_or(f64::NAN)
        }
        Form::Order(queries) => {
            let times: Vec<f64> = queries.iter().map(value).collect();
            let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
            gaps.reduce(|a, b| {
                if a.is_nan() || b.is_nan() {
                    f64::NAN
                } else {
                    a.min(b)
                }
            })
            .unwrap_or(f64::NAN)
        }
    }
}

/// Key under which equal scenarios share a run.
fn key(scenario: &Scenario) -> String {
    format!("{scenario:?}")
}

/// Key under which scenarios share the pre-treatment of their phenotype.
fn pretreatment_key(scenario: &Scenario) -> String {
    format!(
        "{} {:?} {:?} {:?}",
        scenario.setting, scenario.phenotype, scenario.variant, scenario.background
    )
}

type Values = BTreeMap<(String, Sample), f64>;

/// Every distinct run that the tests need, in a fixed order.
fn plan<'a>(
    tests: impl Iterator<Item = &'a Test>,
    background: &Alternative,
) -> Vec<(Scenario, BTreeSet<Sample>)> {
    let mut runs: BTreeMap<String, (Scenario, BTreeSet<Sample>)> = BTreeMap::new();
    for query in tests.flat_map(|test| test.form.queries()) {
        for (scenario, sample) in parts(query) {
            let scenario = background.apply(&scenario);
            let run = runs
                .entry(key(&scenario))
                .or_insert_with(|| (scenario, BTreeSet::new()));
            run.1.insert(sample);
        }
    }
    runs.into_values().collect()
}

/// A run with those of its samples that are no values over virtual patients.
fn without_cohorts(
    (scenario, samples): &(Scenario, BTreeSet<Sample>),
) -> Option<(Scenario, BTreeSet<Sample>)> {
    let own = samples.iter();
    let own: BTreeSet<Sample> = own
        .filter(|sample| !matches!(sample, Sample::Cohort(..)))
        .cloned()
        .collect();
    (!own.is_empty()).then(|| (scenario.clone(), own))
}

/// Integrates the runs in parallel.
fn execute(
    library: &Library,
    runs: &[(Scenario, BTreeSet<Sample>)],
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Values> {
    let distinct: BTreeMap<String, &Scenario> = runs
        .iter()
        .map(|(scenario, _)| (pretreatment_key(scenario), scenario))
        .collect();
    let pretreated = distinct
        .into_par_iter()
        .map(|(key, scenario)| Ok((key, scenario.pretreated_fraction(library)?)))
        .collect::<Result<BTreeMap<String, Option<f64>>>>()?;
    let problems = runs
        .par_iter()
        .map(|(scenario, _)| {
            scenario.prepare_pretreated(library, pretreated[&pretreatment_key(scenario)])
        })
        .collect::<Vec<Result<Problem>>>()
        .into_iter()
        .collect::<Result<Vec<Problem>>>()?;
    let measured = run_mixed(&problems, accuracy, |index| {
        probe(&problems[index], &runs[index].1)
    });
    let values = problems
        .par_iter()
        .zip(runs)
        .zip(measured)
        .map(|((problem, (scenario, samples)), probed)| {
            let values = read(library, scenario, problem, samples, &probed?, accuracy);
            progress();
            values
        })
        .collect::<Vec<Result<Vec<(Sample, f64)>>>>();
    let mut collected = Values::new();
    for ((scenario, _), values) in runs.iter().zip(values) {
        let key = key(scenario);
        for (sample, value) in values? {
            collected.insert((key.clone(), sample), value);
        }
    }
    Ok(collected)
}

/// What the samples need of a run.
fn probe(problem: &Problem, samples: &BTreeSet<Sample>) -> Probe {
    let mut probe = Probe::default();
    for sample in samples {
        match sample {
            Sample::Readout(_, at) | Sample::Size(at) => {
                probe.times.extend(window(problem, f64::from_bits(*at)));
            }
            Sample::Moment(_, at) => probe.times.push(f64::from_bits(*at)),
            Sample::Endpoint(_) => probe.endpoints = true,
            Sample::Ic50(_) | Sample::Cohort(..) => {}
        }
    }
    probe.times.sort_by(f64::total_cmp);
    probe.times.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
    probe
}

/// Reads the samples of a run.
fn read(
    library: &Library,
    scenario: &Scenario,
    problem: &Problem,
    samples: &BTreeSet<Sample>,
    probed: &Probed,
    accuracy: &Accuracy,
) -> Result<Vec<(Sample, f64)>> {
    let mean = |name: &str, at: u64| {
        let window = window(problem, f64::from_bits(at));
        mean(problem, &probed.trajectory, name, &window)
    };
    samples
        .iter()
        .map(|sample| {
            let value = match sample {
                Sample::Readout(name, at) => mean(name, *at),
                Sample::Moment(name, at) => {
                    let moment = [f64::from_bits(*at)];
                    self::mean(problem, &probed.trajectory, name, &moment)
                }
                Sample::Size(at) => match problem.model.environment {
                    Environment::Culture => mean("viable", *at),
                    Environment::Tumour { .. } => mean("burden", *at),
                },
                Sample::Endpoint(index) => endpoint(probed.endpoints.as_ref(), *index),
                Sample::Ic50(at) => ic50(problem, f64::from_bits(*at), accuracy)?,
                Sample::Cohort(cohort, value) => {
                    cohort_value(library, cohort, value, scenario, accuracy)?
                }
            };
            Ok((sample.clone(), value))
        })
        .collect()
}

/// Times over which a readout is averaged (trapezoids): the day before where doses come and go, else the
/// moment.
pub fn window(problem: &Problem, at: f64) -> Vec<f64> {
    if problem.model.kinetics.absorption().is_none() || at < DAY {
        return vec![at];
    }
    let count = (DAY / SAMPLE) as u32;
    (0..=count)
        .map(|i| at - DAY + SAMPLE * f64::from(i))
        .collect()
}

/// Mean of a readout over a window of the trajectory (trapezoids).
fn mean(problem: &Problem, trajectory: &Trajectory, name: &str, window: &[f64]) -> f64 {
    let Some(readout) = Readout::find(name) else {
        return f64::NAN;
    };
    let at = |time: f64| {
        let index = trajectory.times.partition_point(|t| *t < time - 1e-9);
        match trajectory.times.get(index) {
            Some(found) if (found - time).abs() < 1e-9 => (readout.value)(
                &problem.model,
                &trajectory.states[index],
                &trajectory.signals[index],
            ),
            // Beyond the end of the run.
            _ => f64::NAN,
        }
    };
    if let [moment] = window {
        return at(*moment);
    }
    let values: Vec<f64> = window.iter().map(|time| at(*time)).collect();
    let sum: f64 = values
        .windows(2)
        .map(|pair| 0.5 * (pair[0] + pair[1]))
        .sum();
    sum / (values.len() - 1) as f64
}

/// An endpoint; events that did not happen within the run count as later than everything.
fn endpoint(endpoints: Option<&Endpoints>, index: usize) -> f64 {
    let definition = Endpoints::DEFINITIONS[index];
    let event = definition.name.ends_with("_time") || definition.name.starts_with("time_to");
    let missing = if event { f64::INFINITY } else { f64::NAN };
    endpoints
        .and_then(|endpoints| endpoints.values()[index])
        .unwrap_or(missing)
}

/// Concentration of sorafenib (µM) that halves the viable cells at a time; infinite where none in
/// the range does.
fn ic50(problem: &Problem, at: f64, accuracy: &Accuracy) -> Result<f64> {
    let mut problem = problem.clone();
    problem.timeline.duration = at;
    let molar_mass = problem.model.sorafenib.molar_mass;
    // One run follows from the other: single runs, not lanes.
    let accuracy = Accuracy {
        method: Method::Dopri5,
        ..*accuracy
    };
    let mut failure = None;
    let mut viable = |micromolar: f64| {
        for event in &mut problem.timeline.events {
            if let Change::Medium(level) = &mut event.change
                && *level > 0.0
            {
                *level = micromolar * molar_mass * 1e-3;
            }
        }
        match problem.run(&accuracy, &mut []) {
            Ok(outcome) => outcome.end.tumour.viable(),
            Err(error) => {
                failure = Some(error);
                f64::NAN
            }
        }
    };
    let control = viable(1e-9);
    let mut excess = |log: f64| (viable(log.exp()) / control).ln() + std::f64::consts::LN_2;
    let (low, high) = (IC50_RANGE.0.ln(), IC50_RANGE.1.ln());
    let (at_low, at_high) = (excess(low), excess(high));
    let value = if at_high > 0.0 {
        f64::INFINITY
    } else if at_low < 0.0 {
        IC50_RANGE.0
    } else {
        find_root(&mut excess, (low, at_low), (high, at_high), 1e-5).exp()
    };
    failure.map_or(Ok(value), Err)
}

/// Judges claims in the full model and in `alternatives`.
///
/// # Errors
/// The first run that fails, in a fixed order.
pub fn ledger(
    library: &Library,
    claims: &[Claim],
    alternatives: &[Alternative],
    accuracy: &Accuracy,
    progress: Progress<'_>,
) -> Result<Ledger> {
    let full = Alternative::default();
    let tests = || claims.iter().flat_map(|claim| &claim.tests);
    let runs = plan(tests(), &full);
    // Values over virtual patients have a tolerance of their own.
    let graded: Vec<_> = runs.iter().filter_map(without_cohorts).collect();
    let looser = Accuracy {
        rtol: 10.0 * accuracy.rtol,
        ..*accuracy
    };
    // Only verdicts are read off the alternatives; at a loose tolerance single runs cost less than lanes.
    let for_verdicts = Accuracy {
        method: Method::Dopri5,
        rtol: 10.0 * looser.rtol,
        ..looser
    };
    let mut different = Vec::new();
    let mut same = Vec::new();
    for alternative in alternatives {
        let touched = alternative.touched_settings(library)?;
        let (apart, equal): (Vec<_>, Vec<_>) = plan(tests(), alternative)
            .into_iter()
            .partition(|(scenario, _)| touched.contains(&scenario.setting));
        different.extend(apart);
        same.extend(equal);
    }
    // All at once: no thread waits for the last run of a model.
    let (values, (rough, others)) = rayon::join(
        || execute(library, &runs, accuracy, progress),
        || {
            rayon::join(
                || execute(library, &graded, &looser, progress),
                || execute(library, &different, &for_verdicts, progress),
            )
        },
    );
    let (values, mut others) = (values?, others?);
    let mut rough = rough?;
    for (key, value) in &values {
        rough.entry(key.clone()).or_insert(*value);
    }
    for (scenario, samples) in same {
        progress();
        let known = key(&full.apply(&scenario));
        for sample in samples {
            if let Some(value) = rough.get(&(known.clone(), sample.clone())) {
                others.insert((key(&scenario), sample), *value);
            }
        }
    }
    let rows = claims
        .iter()
        .map(|claim| {
            let tests: Vec<TestResult> = claim
                .tests
                .iter()
                .map(|test| {
                    let value = test_value(test, &full, &values);
                    let other = test_value(test, &full, &rough);
                    // Two events that did not happen agree.
                    let error = if value.to_bits() == other.to_bits() {
                        0.0
                    } else {
                        (value - other).abs()
                    };
                    TestResult {
                        value,
                        error,
                        passed: test.expectation.met(value),
                    }
                })
                .collect();
            let in_alternatives = alternatives
                .iter()
                .map(|alternative| verdict(claim, alternative, &others))
                .collect();
            Row {
                verdict: verdict(claim, &full, &values),
                claim: claim.clone(),
                tests,
                in_alternatives,
            }
        })
        .collect();
    Ok(Ledger {
        rows,
        alternatives: alternatives.to_vec(),
        runs: runs.len() + graded.len() + different.len(),
    })
}

/// Number of runs of [`ledger`], for progress.
pub fn ledger_runs(claims: &[Claim], alternatives: usize) -> u64 {
    let runs = plan(
        claims.iter().flat_map(|claim| &claim.tests),
        &Alternative::default(),
    );
    (runs.len() * (2 + alternatives)) as u64
}

/// Verdicts of claims in one alternative alone.
///
/// # Errors
/// The first run that fails.
pub fn verdicts_in(
    library: &Library,
    alternative: &Alternative,
    select: &[&Claim],
    accuracy: &Accuracy,
) -> Result<Vec<Verdict>> {
    let runs = plan(select.iter().flat_map(|claim| &claim.tests), alternative);
    let values = execute(library, &runs, accuracy, &crate::study::silent)?;
    Ok(select
        .iter()
        .map(|claim| verdict(claim, alternative, &values))
        .collect())
}

/// Values of tests in several models, all runs at once: one row per model.
///
/// # Errors
/// The first run that fails, in a fixed order.
pub(in crate::study) fn values_in(
    library: &Library,
    tests: &[&Test],
    models: &[Alternative],
    accuracy: &Accuracy,
) -> Result<Vec<Vec<f64>>> {
    let mut runs: BTreeMap<String, (Scenario, BTreeSet<Sample>)> = BTreeMap::new();
    for model in models {
        for (scenario, samples) in plan(tests.iter().copied(), model) {
            runs.entry(key(&scenario))
                .or_insert_with(|| (scenario, BTreeSet::new()))
                .1
                .extend(samples);
        }
    }
    let runs: Vec<_> = runs.into_values().collect();
    let values = execute(library, &runs, accuracy, &crate::study::silent)?;
    let row = |model: &Alternative| -> Vec<f64> {
        let tested = tests.iter().map(|test| test_value(test, model, &values));
        tested.collect()
    };
    Ok(models.iter().map(row).collect())
}

fn test_value(test: &Test, background: &Alternative, values: &Values) -> f64 {
    let value = |query: &Query| {
        let parts: Vec<f64> = parts(query)
            .into_iter()
            .map(|(scenario, sample)| {
                let key = key(&background.apply(&scenario));
                values.get(&(key, sample)).copied().unwrap_or(f64::NAN)
            })
            .collect();
        combine(&query.measure, &parts)
    };
    judge(&test.form, test.expectation, &value)
}

fn verdict(claim: &Claim, background: &Alternative, values: &Values) -> Verdict {
    if claim.untested.is_some() {
        return Verdict::Untested;
    }
    let passed = claim
        .tests
        .iter()
        .all(|test| test.expectation.met(test_value(test, background, values)));
    if passed { Verdict::Pass } else { Verdict::Fail }
}
