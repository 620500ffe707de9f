//! Running the claims: every distinct run once, every test judged from what the runs left.

use super::cohort::{Cohort, CohortValue, cohort_values};
use super::definition::{Claim, Claims, Expectation, Form, Measure, Never, Query, Test};
use crate::endpoints::Endpoints;
use crate::error::{Error, Result};
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
    /// An event that is compared does not happen within the run: no pass.
    NotReached,
    /// A potency or an exposure that the test needs is unknown.
    Unknown,
    /// Not tested; the claim says why.
    Untested,
}

impl Verdict {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotReached => "not reached",
            Self::Unknown => "unknown",
            Self::Untested => "not testable",
        }
    }

    /// Whether the model says anything to it.
    pub fn is_tested(self) -> bool {
        !matches!(self, Self::Unknown | Self::Untested)
    }
}

/// What a test gave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestResult {
    /// The value that is judged; NaN where it is undefined or unknown.
    pub value: f64,
    /// Whether an event of the test does not happen within its run.
    pub never: bool,
    /// Numerical error: the difference to the same value at ten times the tolerance.
    pub error: f64,
    /// Whether it meets the expectation.
    pub verdict: Verdict,
}

impl TestResult {
    /// Whether it meets the expectation.
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Pass
    }
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
            .filter(|row| select(&row.claim) && row.verdict.is_tested())
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

/// What the runs left.
#[derive(Default)]
struct Values {
    /// Samples by run; infinite where an event did not happen or a concentration lies beyond its range.
    samples: BTreeMap<(String, Sample), f64>,
    /// Runs that cannot be told, with what they lack.
    unknown: BTreeMap<String, Error>,
}

impl Values {
    fn get(&self, run: String, sample: Sample) -> f64 {
        self.samples
            .get(&(run, sample))
            .copied()
            .unwrap_or(f64::NAN)
    }
}

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
    let prepared: Vec<Result<Problem>> = runs
        .par_iter()
        .map(|(scenario, _)| {
            scenario.prepare_pretreated(library, pretreated[&pretreatment_key(scenario)])
        })
        .collect();
    let mut collected = Values::default();
    let (mut problems, mut known) = (Vec::new(), Vec::new());
    for (run, problem) in runs.iter().zip(prepared) {
        match problem {
            Ok(problem) => {
                problems.push(problem);
                known.push(run);
            }
            Err(error @ Error::Unknown { .. }) => {
                collected.unknown.insert(key(&run.0), error);
                progress();
            }
            Err(error) => return Err(error),
        }
    }
    let measured = run_mixed(&problems, accuracy, |index| {
        probe(&problems[index], &known[index].1)
    });
    let values = problems
        .par_iter()
        .zip(&known)
        .zip(measured)
        .map(|((problem, (scenario, samples)), probed)| {
            let values = read(library, scenario, problem, samples, &probed?, accuracy);
            progress();
            values
        })
        .collect::<Vec<Result<Vec<(Sample, f64)>>>>();
    for ((scenario, _), values) in known.iter().zip(values) {
        let key = key(scenario);
        for (sample, value) in values? {
            collected.samples.insert((key.clone(), sample), value);
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
    // Each trial is run once for all that is told of it.
    let mut cohorts: BTreeMap<&Cohort, Vec<&CohortValue>> = BTreeMap::new();
    for sample in samples {
        if let Sample::Cohort(cohort, value) = sample {
            cohorts.entry(cohort).or_default().push(value);
        }
    }
    let mut told = BTreeMap::new();
    for (cohort, values) in cohorts {
        let found = cohort_values(library, cohort, &values, scenario, accuracy)?;
        told.extend(values.into_iter().map(|v| (cohort, v)).zip(found));
    }
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
                Sample::Cohort(cohort, value) => told[&(cohort, value)],
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

/// Concentration of sorafenib (µM) that halves the viable cells at a time; infinite where it lies above the
/// range, minus infinite where below.
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
        f64::NEG_INFINITY
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
    for (key, value) in &values.samples {
        rough.samples.entry(key.clone()).or_insert(*value);
    }
    for (scenario, samples) in same {
        progress();
        let known = key(&full.apply(&scenario));
        for sample in samples {
            let value = rough.get(known.clone(), sample.clone());
            others.samples.insert((key(&scenario), sample), value);
        }
    }
    let rows = claims
        .iter()
        .map(|claim| {
            let tests: Vec<TestResult> = claim
                .tests
                .iter()
                .map(|test| {
                    let result = test_result(test, &full, &values);
                    let (value, other) = (result.value, test_value(test, &full, &rough));
                    let error = match result.verdict {
                        Verdict::Unknown => f64::NAN,
                        // Two events that did not happen agree.
                        _ if value.to_bits() == other.to_bits() => 0.0,
                        _ => (value - other).abs(),
                    };
                    TestResult { error, ..result }
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
    let mut values = execute(library, &runs, accuracy, &crate::study::silent)?;
    if let Some((_, error)) = values.unknown.pop_first() {
        return Err(error);
    }
    let row = |model: &Alternative| -> Vec<f64> {
        let tested = tests.iter().map(|test| test_value(test, model, &values));
        tested.collect()
    };
    Ok(models.iter().map(row).collect())
}

/// Results of tests in the model of a library; the numerical error is left open.
///
/// # Errors
/// The first run that fails, in a fixed order.
pub(in crate::study) fn results(
    library: &Library,
    tests: &[&Test],
    accuracy: &Accuracy,
) -> Result<Vec<TestResult>> {
    let full = Alternative::default();
    let runs = plan(tests.iter().copied(), &full);
    let values = execute(library, &runs, accuracy, &crate::study::silent)?;
    let results = tests.iter().map(|test| test_result(test, &full, &values));
    Ok(results.collect())
}

/// The value of a query in a model.
fn query_value(query: &Query, background: &Alternative, values: &Values) -> f64 {
    let parts: Vec<f64> = parts(query)
        .into_iter()
        .map(|(scenario, sample)| values.get(key(&background.apply(&scenario)), sample))
        .collect();
    combine(&query.measure, &parts)
}

fn test_value(test: &Test, background: &Alternative, values: &Values) -> f64 {
    let value = |query: &Query| query_value(query, background, values);
    judge(&test.form, test.expectation, &value)
}

/// Judges a test in a model; the numerical error is left open.
fn test_result(test: &Test, background: &Alternative, values: &Values) -> TestResult {
    let queries = test.form.queries();
    let lacks = |query: &&Query| {
        parts(query).iter().any(|(scenario, _)| {
            values
                .unknown
                .contains_key(&key(&background.apply(scenario)))
        })
    };
    let result = |value, never, verdict| TestResult {
        value,
        never,
        error: f64::NAN,
        verdict,
    };
    if queries.iter().any(lacks) {
        return result(f64::NAN, false, Verdict::Unknown);
    }
    let seen = queries
        .iter()
        .map(|query| query_value(query, background, values));
    let seen: Vec<f64> = seen.collect();
    settle(test, test_value(test, background, values), &seen, result)
}

/// The verdict on a value from what its queries gave: what never happens is later than all else where the
/// test says so, and no pass elsewhere; a quotient by 0 is undefined.
fn settle(
    test: &Test,
    value: f64,
    seen: &[f64],
    result: impl Fn(f64, bool, Verdict) -> TestResult,
) -> TestResult {
    let never = seen.iter().any(|value| value.is_infinite());
    // Two events that never happen have no order.
    let later = test.never == Never::Later
        && !value.is_nan()
        && seen.iter().all(|value| *value > f64::NEG_INFINITY);
    match never {
        true if !later => result(value, true, Verdict::NotReached),
        false if value.is_infinite() => result(f64::NAN, false, Verdict::Fail),
        _ if test.expectation.met(value) => result(value, never, Verdict::Pass),
        _ => result(value, never, Verdict::Fail),
    }
}

fn verdict(claim: &Claim, background: &Alternative, values: &Values) -> Verdict {
    if claim.untested.is_some() {
        return Verdict::Untested;
    }
    let tests = claim.tests.iter();
    let verdicts: Vec<Verdict> = tests
        .map(|test| test_result(test, background, values).verdict)
        .collect();
    // What speaks against a claim outweighs what says nothing to it.
    [Verdict::Fail, Verdict::NotReached, Verdict::Unknown]
        .into_iter()
        .find(|verdict| verdicts.contains(verdict))
        .unwrap_or(Verdict::Pass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::claims::definition::DEAD_BAND;

    const NEVER: f64 = f64::INFINITY;

    /// The verdict of a test of a form over values, under both meanings of never.
    fn verdicts(
        form: fn(Vec<Query>) -> Form,
        expectation: Expectation,
        seen: &[f64],
    ) -> [Verdict; 2] {
        let query = Query {
            measure: Measure::Endpoint(0),
            scenario: Scenario::new("xenograft", Arm::vehicle()),
            words: String::new(),
        };
        let queries = vec![query; seen.len()];
        [Never::NotReached, Never::Later].map(|never| {
            let test = Test {
                text: String::new(),
                form: form(queries.clone()),
                expect: String::new(),
                expectation,
                never,
            };
            let turn = std::cell::Cell::new(0);
            let value = judge(&test.form, expectation, &|_| {
                let at = turn.replace(turn.get() + 1);
                seen[at]
            });
            let result = |value, never, verdict| TestResult {
                value,
                never,
                error: 0.0,
                verdict,
            };
            settle(&test, value, seen, result).verdict
        })
    }

    fn value(mut queries: Vec<Query>) -> Form {
        Form::Value(Box::new(queries.remove(0)))
    }

    fn ratio(queries: Vec<Query>) -> Form {
        let [a, b] = <[Query; 2]>::try_from(queries).expect("two");
        Form::Ratio(Box::new([a, b]))
    }

    fn ratio_of_ratios(queries: Vec<Query>) -> Form {
        let four = <[Query; 4]>::try_from(queries).expect("four");
        Form::RatioOfRatios(Box::new(four))
    }

    /// Every form and every expectation: an event that never happens is no pass unless the test says that it is later
    /// than everything, and then only where later is what is expected.
    #[test]
    fn what_never_happens_passes_only_where_the_test_says_so() {
        use Verdict::{Fail, NotReached, Pass};
        let (up, down) = (
            Expectation::Above(1.0 + DEAD_BAND),
            Expectation::Below(1.0 - DEAD_BAND),
        );
        let same = Expectation::Within(1.0 - DEAD_BAND, 1.0 + DEAD_BAND);
        let order = Expectation::Above(0.0);
        let below = f64::NEG_INFINITY;
        for (form, expectation, seen, expected) in [
            (
                value as fn(Vec<Query>) -> Form,
                Expectation::Above(60.0),
                &[NEVER][..],
                [NotReached, Pass],
            ),
            (
                value,
                Expectation::Below(60.0),
                &[NEVER],
                [NotReached, Fail],
            ),
            (
                value,
                Expectation::Within(60.0, 180.0),
                &[NEVER],
                [NotReached, Fail],
            ),
            (
                value,
                Expectation::Below(60.0),
                &[below],
                [NotReached, NotReached],
            ),
            (ratio, up, &[NEVER, 30.0], [NotReached, Pass]),
            (ratio, down, &[30.0, NEVER], [NotReached, Pass]),
            (ratio, up, &[30.0, NEVER], [NotReached, Fail]),
            (ratio, down, &[NEVER, 30.0], [NotReached, Fail]),
            (ratio, same, &[NEVER, 30.0], [NotReached, Fail]),
            (ratio, same, &[NEVER, NEVER], [NotReached, NotReached]),
            (ratio, up, &[NEVER, NEVER], [NotReached, NotReached]),
            (ratio, down, &[below, 1.0], [NotReached, NotReached]),
            (
                ratio_of_ratios,
                up,
                &[NEVER, 30.0, 20.0, 20.0],
                [NotReached, Pass],
            ),
            (
                ratio_of_ratios,
                up,
                &[NEVER, 30.0, NEVER, 20.0],
                [NotReached, NotReached],
            ),
            (
                Form::Mean,
                Expectation::Above(1.0),
                &[2.0, NEVER],
                [NotReached, Pass],
            ),
            (
                Form::Sweep,
                Expectation::Above(1.0),
                &[1.0, 2.0, NEVER],
                [NotReached, Pass],
            ),
            (
                Form::Sweep,
                Expectation::Above(1.0),
                &[1.0, NEVER, NEVER],
                [NotReached, NotReached],
            ),
            (
                Form::Sweep,
                Expectation::Below(1.0),
                &[2.0, NEVER],
                [NotReached, Fail],
            ),
            (Form::Order, order, &[3.0, NEVER], [NotReached, Pass]),
            (Form::Order, order, &[3.0, 5.0, NEVER], [NotReached, Pass]),
            (Form::Order, order, &[NEVER, 3.0], [NotReached, Fail]),
            (
                Form::Order,
                order,
                &[NEVER, NEVER],
                [NotReached, NotReached],
            ),
            // What is undefined never passes, and a quotient by 0 is undefined.
            (ratio, up, &[1.0, 0.0], [Fail, Fail]),
            (ratio, same, &[0.0, 0.0], [Fail, Fail]),
            (ratio, up, &[f64::NAN, 1.0], [Fail, Fail]),
            (Form::Order, order, &[f64::NAN, 1.0], [Fail, Fail]),
            (
                Form::Sweep,
                Expectation::Above(1.0),
                &[0.0, 2.0],
                [Fail, Fail],
            ),
            (ratio, up, &[2.0, 1.0], [Pass, Pass]),
            (Form::Order, order, &[3.0, 5.0], [Pass, Pass]),
        ] {
            let found = verdicts(form, expectation, seen);
            assert_eq!(found, expected, "{expectation:?} of {seen:?}");
        }
    }
}
