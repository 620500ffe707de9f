//! What is fitted to what: numbers of parameter files, and rows with bounds.

use crate::error::{Error, Result};
use crate::parameters::{Grade, Library, toml_error};
use crate::simulate::{Accuracy, Scenario};
use crate::study::calibrate::{Target, Targets};
use crate::study::claims::{
    Claim, Claims, Expectation, Form, Kind, Measure, Priority, Query, Test, TestResult, Verdict,
    results,
};
use crate::study::sensitivity::Axis;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest gap, and that of a row whose value is undefined or whose event never happens, in bands.
const FAR: f64 = 150.0;

/// Smallest value that has a logarithm here.
const TINY: f64 = 1e-12;

/// `params/joint.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    /// Distance beyond a bound from which a row costs nothing, in parts of the bound.
    margin: f64,
    /// Unit of gaps, in parts of the bound: the smaller, the more the cost counts rows rather than measures them.
    band: f64,
    /// Strength of the ranges in the cost.
    strength: f64,
    /// Weight of a target beside a test of a claim.
    target_weight: f64,
    /// Size of the trust region at the start, in parts of the ranges.
    trust: f64,
    /// Step of the differences, in parts of the ranges.
    difference: f64,
    /// Standard deviation of the noise with which a fit is judged, in parts of each number.
    noise: f64,
    /// Weights of the targets in the trade-off, over that of the fit.
    emphases: Vec<f64>,
    /// Files whose assumed and fitted numbers are fitted.
    files: Vec<String>,
    /// Beginnings of paths that are held.
    held: Vec<String>,
}

/// A number of a parameter file that is fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Factor {
    /// File relative to `params/`, without ending.
    pub file: String,
    /// Path, unit, present value and range.
    pub axis: Axis,
}

impl Factor {
    /// Place of the present value in the range.
    fn present(&self) -> f64 {
        self.axis.place(self.axis.value)
    }

    /// The place that costs nothing: the middle of the range, and of an effect that a partner is guessed to have the
    /// weakest.
    pub(super) fn rest(&self) -> f64 {
        if self.is_guess() { 0.0 } else { 0.5 }
    }

    /// Second derivative of what it costs to be elsewhere, 2 at the far end of the range.
    pub(super) fn stiffness(&self) -> f64 {
        if self.is_guess() { 4.0 } else { 16.0 }
    }

    fn is_guess(&self) -> bool {
        self.file.starts_with("partners/")
    }
}

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A claim, by its place.
    Claim(usize),
    /// A target, by its place.
    Target(usize),
}

/// A test with its bounds, in the unit of its value.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) source: Source,
    pub(super) test: Test,
    pub(super) low: Option<f64>,
    pub(super) high: Option<f64>,
    pub(super) weight: f64,
    /// Whether gaps are those of logarithms.
    log: bool,
    /// Unit of values without logarithms.
    scale: f64,
    margin: f64,
    pub(super) band: f64,
}

impl Row {
    pub(super) fn new(
        source: Source,
        test: &Test,
        bounds: (Option<f64>, Option<f64>),
        weight: f64,
        (margin, band): (f64, f64),
    ) -> Self {
        let (low, high) = bounds;
        let queries = test.form.queries();
        let compared = matches!(test.form, Form::Ratio(_) | Form::RatioOfRatios(_));
        let unit = queries.first().map_or("1", |query| query.measure.unit());
        Self {
            source,
            test: test.clone(),
            low,
            high,
            weight,
            log: [low, high].into_iter().flatten().all(|bound| bound > 0.0),
            // Times are compared in days.
            scale: if unit == "h" && !compared { 24.0 } else { 1.0 },
            margin,
            band,
        }
    }

    /// The value as it is linearised; `None` where it is undefined or infinite.
    pub(super) fn coordinate(&self, result: &TestResult) -> Option<f64> {
        match (result.value.is_finite(), self.log) {
            (false, _) => None,
            (true, true) => Some(libm::log(result.value.max(TINY))),
            (true, false) => Some(result.value / self.scale),
        }
    }

    /// Bounds with their margin, as values are linearised.
    pub(super) fn bounds(&self) -> (Option<f64>, Option<f64>) {
        let place = |bound: f64| match self.log {
            true => libm::log(bound),
            false => bound / self.scale,
        };
        (
            self.low.map(|low| place(low) + self.margin),
            self.high.map(|high| place(high) - self.margin),
        )
    }

    /// How far a value is on the wrong side, in bands.
    pub(super) fn gap_at(&self, coordinate: f64) -> f64 {
        let (low, high) = self.bounds();
        let below = low.map_or(0.0, |low| low - coordinate);
        let above = high.map_or(0.0, |high| coordinate - high);
        (below.max(above).max(0.0) / self.band).min(FAR)
    }

    /// Whether it is of a target.
    pub(super) fn is_target(&self) -> bool {
        matches!(self.source, Source::Target(_))
    }

    /// How far a result is on the wrong side, in bands.
    pub(super) fn gap(&self, result: &TestResult) -> f64 {
        match self.coordinate(result) {
            Some(coordinate) => self.gap_at(coordinate),
            // An event that is later than everything passes where the test says so.
            None if result.verdict == Verdict::Pass => 0.0,
            None => FAR,
        }
    }
}

/// A number of those that pass and of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Share {
    /// Those that pass.
    pub passed: usize,
    /// All that are tested.
    pub tested: usize,
}

impl Share {
    pub(super) fn add(&mut self, passed: bool) {
        self.passed += usize::from(passed);
        self.tested += 1;
    }
}

/// What passes, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Score {
    /// Claims of the review of priority A, rows of Table 3 among them.
    pub review_a: Share,
    /// Claims of the review of priority B.
    pub review_b: Share,
    /// Claims of the review of priority C.
    pub review_c: Share,
    /// Rows of Table 3 alone.
    pub table3: Share,
    /// Predictions.
    pub predictions: Share,
    /// Evidence against the review.
    pub against: Share,
    /// Targets within their acceptance range.
    pub targets: Share,
}

impl Score {
    fn add(&mut self, claim: &Claim, passed: bool) {
        let share = match (claim.kind, claim.priority) {
            (Kind::Review | Kind::Table3, Priority::A) => &mut self.review_a,
            (Kind::Review | Kind::Table3, Priority::B) => &mut self.review_b,
            (Kind::Review | Kind::Table3, Priority::C) => &mut self.review_c,
            (Kind::Prediction, _) => &mut self.predictions,
            (Kind::Against, _) => &mut self.against,
        };
        share.add(passed);
        if claim.kind == Kind::Table3 {
            self.table3.add(passed);
        }
    }

    /// All claims.
    pub fn claims(&self) -> Share {
        let all = [
            self.review_a,
            self.review_b,
            self.review_c,
            self.predictions,
            self.against,
        ];
        Share {
            passed: all.iter().map(|share| share.passed).sum(),
            tested: all.iter().map(|share| share.tested).sum(),
        }
    }
}

/// The joint fit: parameters and rows.
#[derive(Debug, Clone)]
pub struct Joint {
    /// Parameters.
    pub factors: Vec<Factor>,
    /// Claims, in the order of the ledger.
    pub claims: Vec<Claim>,
    /// Targets, those that are held out too.
    pub targets: Vec<Target>,
    /// Size of the trust region at the start, in parts of the ranges.
    pub trust: f64,
    pub(super) rows: Vec<Row>,
    pub(super) strength: f64,
    pub(super) difference: f64,
    pub(super) noise: f64,
    pub(super) emphases: Vec<f64>,
    /// Claims that say nothing: the model lacks what they need, or they are not tested.
    silent: Vec<bool>,
}

impl Joint {
    /// Reads `joint.toml` with the claims and targets of the library.
    ///
    /// # Errors
    /// A file that cannot be used; an unknown file of parameters.
    pub fn read(library: &Library) -> Result<Self> {
        let document = library.document("", "joint", "params")?;
        let definition: Definition = toml::from_str(&document.text)
            .map_err(|error| toml_error(&document.origin, &document.text, &error))?;
        for (name, value) in [
            ("margin", definition.margin),
            ("band", definition.band),
            ("strength", definition.strength),
            ("target_weight", definition.target_weight),
            ("trust", definition.trust),
            ("difference", definition.difference),
            ("noise", definition.noise),
        ]
        .into_iter()
        .chain(
            definition
                .emphases
                .iter()
                .map(|weight| ("emphases", *weight)),
        ) {
            if !(value > 0.0 && value < 100.0) {
                return Err(Error::input(
                    format!("{}, key `{name}`", document.origin),
                    format!("{value} is not above 0 and below 100"),
                    "see the shipped file",
                ));
            }
        }
        let claims = Claims::read(library)?.claims;
        let targets = Targets::read(library)?.all;
        let mut rows = Vec::new();
        for (index, claim) in claims.iter().enumerate() {
            for test in &claim.tests {
                let bounds = match test.expectation {
                    Expectation::Within(low, high) => (Some(low), Some(high)),
                    Expectation::Above(low) => (Some(low), None),
                    Expectation::Below(high) => (None, Some(high)),
                };
                let source = Source::Claim(index);
                rows.push(Row::new(
                    source,
                    test,
                    bounds,
                    1.0,
                    (definition.margin, definition.band),
                ));
            }
        }
        for (index, target) in targets.iter().enumerate() {
            let unit = target.in_unit(1.0);
            let (low, high) = target.interval;
            let low = (low > 0.0).then_some(low / unit);
            let weight = if target.fit {
                definition.target_weight * target.weight
            } else {
                0.0
            };
            let source = Source::Target(index);
            let bounds = (low, Some(high / unit));
            rows.push(Row::new(
                source,
                &target.test,
                bounds,
                weight,
                (definition.margin, definition.band),
            ));
        }
        let factors = factors(library, &definition, &document.origin)?;
        if factors.is_empty() {
            return Err(Error::input(
                format!("{}, key `files`", document.origin),
                "no number of these files is assumed or fitted, has a range, and is not held",
                "name files such as \"biology\" or \"settings/xenograft\"",
            ));
        }
        Ok(Self {
            silent: vec![false; claims.len()],
            factors,
            claims,
            targets,
            trust: definition.trust,
            rows,
            strength: definition.strength,
            difference: definition.difference,
            noise: definition.noise,
            emphases: definition.emphases,
        })
    }

    /// Parameters and rows alone.
    #[cfg(test)]
    pub(super) fn of(factors: Vec<Factor>, rows: Vec<Row>, strength: f64) -> Self {
        Self {
            factors,
            claims: Vec::new(),
            targets: Vec::new(),
            trust: 0.1,
            rows,
            strength,
            difference: 0.01,
            noise: 0.05,
            emphases: Vec::new(),
            silent: Vec::new(),
        }
    }

    /// Places of the present values.
    pub fn present(&self) -> Vec<f64> {
        self.factors.iter().map(Factor::present).collect()
    }

    /// The places that cost nothing, which know no claim.
    pub fn rest(&self) -> Vec<f64> {
        self.factors.iter().map(Factor::rest).collect()
    }

    /// Values at places, in the units of the files, to twelve digits: the same after writing and reading them.
    pub fn values(&self, at: &[f64]) -> Vec<f64> {
        let factors = self.factors.iter().zip(at);
        factors
            .map(|(factor, place)| round(factor.axis.at(*place), 12))
            .collect()
    }

    /// Places whose values have `digits` significant digits.
    pub fn rounded(&self, at: &[f64], digits: usize) -> Vec<f64> {
        let factors = self.factors.iter().zip(self.values(at));
        factors
            .map(|(factor, value)| factor.axis.place(round(value, digits)))
            .collect()
    }

    /// The library with the values at places.
    ///
    /// # Errors
    /// As [`Library::with_values`].
    pub fn library(&self, library: &Library, at: &[f64]) -> Result<Library> {
        let mut values: BTreeMap<&str, Vec<(&str, f64)>> = BTreeMap::new();
        for (factor, value) in self.factors.iter().zip(self.values(at)) {
            let file = values.entry(&factor.file).or_default();
            file.push((&factor.axis.path, value));
        }
        library.with_values(&values)
    }

    /// Results of some rows in a library.
    pub(super) fn results_of(
        &self,
        library: &Library,
        rows: &[usize],
        accuracy: &Accuracy,
    ) -> Result<Vec<TestResult>> {
        let tests: Vec<&Test> = rows.iter().map(|row| &self.rows[*row].test).collect();
        results(library, &tests, accuracy)
    }

    /// Results of all rows at places.
    ///
    /// # Errors
    /// A model that cannot be run there.
    pub fn results(
        &self,
        library: &Library,
        at: &[f64],
        accuracy: &Accuracy,
    ) -> Result<Vec<TestResult>> {
        let rows: Vec<usize> = (0..self.rows.len()).collect();
        self.results_of(&self.library(library, at)?, &rows, accuracy)
    }

    /// Leaves out of the cost and of the count what the model does not answer.
    pub fn silence(&mut self, results: &[TestResult]) {
        let silent: Vec<bool> = (0..self.claims.len())
            .map(|index| {
                let own = self.of_claim(index, results);
                let unknown = own.iter().any(|result| result.verdict == Verdict::Unknown);
                unknown || own.is_empty()
            })
            .collect();
        for row in &mut self.rows {
            if let Source::Claim(claim) = row.source
                && silent[claim]
            {
                row.weight = 0.0;
            }
        }
        self.silent = silent;
    }

    /// The same without the rows of some claims.
    pub(super) fn hiding(&self, hidden: &[bool]) -> Self {
        let mut other = self.clone();
        for row in &mut other.rows {
            if let Source::Claim(claim) = row.source
                && hidden[claim]
            {
                row.weight = 0.0;
            }
        }
        other
    }

    /// Whether a claim is tested.
    pub(super) fn is_tested(&self, claim: usize) -> bool {
        !self.silent[claim]
    }

    fn of_claim<'r>(&self, claim: usize, results: &'r [TestResult]) -> Vec<&'r TestResult> {
        let rows = self.rows.iter().zip(results);
        rows.filter(|(row, _)| row.source == Source::Claim(claim))
            .map(|(_, result)| result)
            .collect()
    }

    /// Whether every test of a claim passes.
    pub(super) fn passes(&self, claim: usize, results: &[TestResult]) -> bool {
        self.of_claim(claim, results)
            .iter()
            .all(|result| result.verdict == Verdict::Pass)
    }

    /// What passes.
    pub fn score(&self, results: &[TestResult]) -> Score {
        let mut score = Score::default();
        for (index, claim) in self.claims.iter().enumerate() {
            if self.is_tested(index) {
                score.add(claim, self.passes(index, results));
            }
        }
        for (row, result) in self.rows.iter().zip(results) {
            let Source::Target(index) = row.source else {
                continue;
            };
            let target = &self.targets[index];
            if !target.contradicted {
                let inside = target.holds(target.in_unit(result.value));
                score.targets.add(inside);
            }
        }
        score
    }

    /// Cost of the rows, and of the ranges.
    pub fn cost(&self, at: &[f64], results: &[TestResult]) -> (f64, f64) {
        let rows = self.rows.iter().zip(results);
        let rows = rows.map(|(row, result)| row.weight * libm::log1p(row.gap(result)));
        let ranges = self.factors.iter().zip(at).map(|(factor, place)| {
            let away = place - factor.rest();
            0.5 * factor.stiffness() * away * away
        });
        (rows.sum(), self.strength * ranges.sum::<f64>())
    }

    /// Derivatives of every row by the places, all parameters in parallel; 0 where a value is undefined.
    pub(super) fn jacobian(
        &self,
        library: &Library,
        at: &[f64],
        results: &[TestResult],
        accuracy: &Accuracy,
        progress: crate::study::Progress<'_>,
    ) -> Result<Vec<Vec<f64>>> {
        let columns: Result<Vec<Vec<f64>>> = (0..self.factors.len())
            .into_par_iter()
            .map(|factor| {
                let step = if at[factor] > 0.5 {
                    -self.difference
                } else {
                    self.difference
                };
                let mut moved = at.to_vec();
                moved[factor] += step;
                let library = self.library(library, &moved)?;
                let touched = self.touched(&library, factor)?;
                let found = self.results_of(&library, &touched, accuracy)?;
                let mut column = vec![0.0; self.rows.len()];
                for (row, result) in touched.iter().zip(&found) {
                    let row_of = &self.rows[*row];
                    let ends = (row_of.coordinate(&results[*row]), row_of.coordinate(result));
                    if let (Some(before), Some(after)) = ends {
                        column[*row] = (after - before) / step;
                    }
                }
                progress();
                Ok(column)
            })
            .collect();
        columns
    }

    /// Rows that a parameter can move: those whose cost counts and whose runs read its file.
    fn touched(&self, library: &Library, factor: usize) -> Result<Vec<usize>> {
        let file = self.factors[factor].file.as_str();
        let mut pretreated: BTreeMap<String, bool> = BTreeMap::new();
        for name in library.names("phenotypes") {
            let phenotype = library.table("phenotypes", name, "params")?;
            let raised_in = phenotype.text("pretreatment.setting");
            let here = raised_in.is_some_and(|setting| file == format!("settings/{setting}"));
            pretreated.insert(name.to_owned(), here);
        }
        let reads = |scenario: &Scenario| match file.split_once('/') {
            Some(("settings", setting)) => {
                let raised = scenario.phenotype.as_ref();
                scenario.setting == setting
                    || raised.is_some_and(|name| pretreated.get(name) == Some(&true))
            }
            Some(("partners", partner)) => scenario.arm.partners.iter().any(|name| name == partner),
            _ => true,
        };
        let rows = self.rows.iter().enumerate().filter(|(_, row)| {
            let queries = row.test.form.queries();
            // Values over virtual patients jump; steps show what becomes of them.
            let jumps = |query: &&Query| matches!(query.measure, Measure::Cohort(..));
            row.weight > 0.0
                && !queries.iter().any(jumps)
                && queries.iter().any(|query| reads(&query.scenario))
        });
        Ok(rows.map(|(index, _)| index).collect())
    }
}

/// A number with so many significant digits.
fn round(value: f64, digits: usize) -> f64 {
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    text.parse().unwrap_or(value)
}

/// The numbers that are fitted.
fn factors(library: &Library, definition: &Definition, origin: &str) -> Result<Vec<Factor>> {
    let place = format!("{origin}, key `files`");
    let mut factors = Vec::new();
    for file in &definition.files {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let table = library.table(folder, name, &place)?;
        for (path, entry) in table.numbers() {
            let open = matches!(entry.grade, Grade::Assumed | Grade::Fitted);
            let ranged = entry.range.is_some_and(|(low, high)| low < high);
            let held = definition.held.iter().any(|held| path.starts_with(held));
            if open && ranged && entry.value.is_some() && !held {
                factors.push(Factor {
                    file: file.clone(),
                    axis: Axis::of(path, entry, &place)?,
                });
            }
        }
    }
    Ok(factors)
}
