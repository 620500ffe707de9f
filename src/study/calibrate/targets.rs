//! Targets as their files describe them.

use crate::error::{Error, Result};
use crate::parameters::{Grade, Library, bounds, toml_error};
use crate::study::claims::{Form, Measure, Names, Query, Test};
use crate::units::factor;
use serde::Deserialize;
use std::collections::BTreeMap;

/// z of an interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// Largest residual, so that an event that did not happen stays a number.
const LARGEST: f64 = 30.0;

/// A measured value.
#[derive(Debug, Clone)]
pub struct Target {
    /// Identifier.
    pub id: String,
    /// What was measured.
    pub text: String,
    /// Setting in which the model is run.
    pub setting: String,
    /// Unit of value and range.
    pub unit: String,
    /// Measured value.
    pub value: f64,
    /// Acceptance range: a prediction within it agrees.
    pub interval: (f64, f64),
    /// Whose range it is.
    pub range: Basis,
    /// Support of the value.
    pub grade: Grade,
    /// Keys of the literature.
    pub source: Vec<String>,
    /// Doubts and readings; says what the range is.
    pub note: Option<String>,
    /// Why the model lies outside, should it.
    pub outside: Option<String>,
    /// Whether it is fitted to.
    pub fit: bool,
    /// Whether other measurements contradict it, so that it is shown and not counted; `outside` says which.
    pub contradicted: bool,
    /// Weight in the objective.
    pub weight: f64,
    /// What is computed.
    pub test: Test,
    /// File without folder and ending.
    pub file: String,
    /// The observed curve whose mean is the value, and the time of the dose before it, h.
    pub curve: Option<(String, f64)>,
    /// Units of the target in one of the model.
    scale: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Use {
    Fit,
    Aside,
    Contradicted,
}

/// Where an acceptance range comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// Its ends, or the spread that they follow from, stand in the source or in the data.
    Published,
    /// It was chosen for this comparison.
    Assumed,
}

impl Basis {
    /// Name in files and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Assumed => "assumed",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTarget {
    id: String,
    text: String,
    value: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    /// Ends of the range as a factor of the value.
    factor: Option<f64>,
    range: Basis,
    unit: String,
    grade: Grade,
    #[serde(default)]
    source: Vec<String>,
    note: Option<String>,
    outside: Option<String>,
    #[serde(rename = "use")]
    purpose: Use,
    #[serde(default = "one")]
    weight: f64,
    /// A curve of params/data whose mean is the value.
    curve: Option<String>,
    /// Time of the dose before the curve.
    after: Option<String>,
}

fn one() -> f64 {
    1.0
}

const META: [&str; 16] = [
    "id", "text", "value", "low", "high", "factor", "range", "unit", "grade", "source", "note",
    "outside", "use", "weight", "curve", "after",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTargets {
    target: Vec<toml::Table>,
}

/// An observed curve.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// What it shows.
    pub title: String,
    /// Number of patients.
    pub patients: u64,
    /// Times after the dose, h.
    pub hours: Vec<f64>,
    /// Means, mg/L.
    pub means: Vec<f64>,
}

/// All targets of a library.
#[derive(Debug, Clone)]
pub struct Targets {
    /// By file, in the order of the files.
    pub all: Vec<Target>,
    /// Observed curves by name.
    pub curves: BTreeMap<String, Curve>,
}

impl Targets {
    /// Reads `targets/*.toml` and `data/*.toml`.
    ///
    /// # Errors
    /// An unknown key, name, measure, unit or source; an identifier that stands twice; a range that
    /// does not hold its value; a target without source that is not graded assumed.
    pub fn read(library: &Library) -> Result<Self> {
        let names = Names::read(library)?;
        let references = library.references()?;
        let mut curves: BTreeMap<String, Curve> = BTreeMap::new();
        for file in library.names("data") {
            let document = library.document("data", file, "params")?;
            let read: BTreeMap<String, Curve> = toml::from_str(&document.text)
                .map_err(|error| toml_error(&document.origin, &document.text, &error))?;
            curves.extend(read);
        }
        let mut all: Vec<Target> = Vec::new();
        for file in library.names("targets") {
            let document = library.document("targets", file, "params")?;
            let raw: RawTargets = toml::from_str(&document.text)
                .map_err(|error| toml_error(&document.origin, &document.text, &error))?;
            for table in raw.target {
                let target = read_target(table, file, &document.origin, &names, &curves)?;
                let place = format!("{}, target {}", document.origin, target.id);
                if all.iter().any(|other| other.id == target.id) {
                    return Err(Error::input(
                        place,
                        "the identifier stands twice",
                        "give each target its own",
                    ));
                }
                for source in &target.source {
                    if !references.contains_key(source) {
                        let known = references.keys().map(String::as_str);
                        return Err(Error::unknown_name(place, "reference", source, known));
                    }
                }
                all.push(target);
            }
        }
        Ok(Self { all, curves })
    }
}

fn read_target(
    table: toml::Table,
    file: &str,
    origin: &str,
    names: &Names<'_>,
    curves: &BTreeMap<String, Curve>,
) -> Result<Target> {
    let id = table.get("id").and_then(toml::Value::as_str).unwrap_or("?");
    let place = format!("{origin}, target {id}");
    let bad = |problem: String, remedy: &str| Error::input(&place, problem, remedy);
    let (meta, keys): (toml::Table, toml::Table) = table
        .clone()
        .into_iter()
        .partition(|(key, _)| META.contains(&key.as_str()));
    let raw: RawTarget = meta.try_into().map_err(|error: toml::de::Error| {
        bad(
            error.message().to_owned(),
            "see the shipped targets; range = \"published\" or \"assumed\" says whose the acceptance range is",
        )
    })?;
    let curve = match &raw.curve {
        None => None,
        Some(name) => Some(curves.get(name).ok_or_else(|| {
            let known = curves.keys().map(String::as_str);
            Error::unknown_name(&place, "curve", name, known)
        })?),
    };
    let value = match (raw.value, curve) {
        (Some(value), None) => value,
        (None, Some(curve)) => mean(&curve.means),
        _ => {
            return Err(bad(
                "there must be either a value or a curve".to_owned(),
                "give value = …, or curve = \"…\" of params/data",
            ));
        }
    };
    let interval = match (raw.low, raw.high, raw.factor) {
        (Some(low), Some(high), None) => (low, high),
        (None, None, Some(factor)) if factor > 1.0 => (value / factor, value * factor),
        _ => {
            return Err(bad(
                "there must be either low and high, or a factor above 1".to_owned(),
                "give low = … and high = …, or factor = 1.5",
            ));
        }
    };
    if !(interval.0 <= value && value <= interval.1 && interval.0 < interval.1 && value > 0.0) {
        return Err(bad(
            format!("{value} is not within {} to {}", interval.0, interval.1),
            "the acceptance range must hold its value, and the value lie above 0",
        ));
    }
    if raw.source.is_empty() && raw.grade != Grade::Assumed {
        return Err(bad(
            format!("there is no source, yet the grade is `{}`", raw.grade),
            "name a key of params/references, or grade it assumed",
        ));
    }
    let test = match curve {
        None => names.measured(keys, &raw.text, interval, &place)?,
        Some(curve) => curve_test(keys, &raw, curve, interval, names, &place)?,
    };
    let query = first(&test).ok_or_else(|| bad("nothing is measured".to_owned(), "see above"))?;
    let compared = matches!(test.form, Form::Ratio(_) | Form::RatioOfRatios(_));
    let native = if compared { "1" } else { query.measure.unit() };
    let scale = if native == "burden" || native == raw.unit {
        1.0
    } else {
        factor(native, &raw.unit).map_err(|error| {
            bad(
                format!("key `unit`: {error}"),
                "give a unit of the dimension of the measure",
            )
        })?
    };
    if raw.purpose == Use::Contradicted && raw.outside.is_none() {
        return Err(bad(
            "nothing says what contradicts it".to_owned(),
            "say so in outside = \"…\", or give use = \"fit\" or \"aside\"",
        ));
    }
    Ok(Target {
        setting: query.scenario.setting.clone(),
        id: raw.id,
        text: raw.text,
        unit: raw.unit,
        value,
        interval,
        range: raw.range,
        grade: raw.grade,
        source: raw.source,
        note: raw.note,
        outside: raw.outside,
        curve: match raw.curve {
            Some(name) => Some((name, hours(raw.after.as_deref(), &place)?)),
            None => None,
        },
        fit: raw.purpose == Use::Fit,
        contradicted: raw.purpose == Use::Contradicted,
        weight: raw.weight,
        file: file.to_owned(),
        test,
        scale,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn first(test: &Test) -> Option<&Query> {
    test.form.queries().first().copied()
}

/// A time in h; none is the start.
fn hours(text: Option<&str>, place: &str) -> Result<f64> {
    let read = crate::units::Quantity::parse(text.unwrap_or("0 h"))
        .and_then(|quantity| quantity.to("h"))
        .map_err(|error| {
            Error::input(
                format!("{place}, key `after`"),
                error.to_string(),
                "give a time such as \"14 d\"",
            )
        })?;
    bounds::time(read, format!("{place}, key `after`"))
}

/// The mean of the concentrations at the times of a curve.
fn curve_test(
    mut keys: toml::Table,
    raw: &RawTarget,
    curve: &Curve,
    interval: (f64, f64),
    names: &Names<'_>,
    place: &str,
) -> Result<Test> {
    let after = hours(raw.after.as_deref(), place)?;
    keys.insert("measure".to_owned(), "sorafenib".into());
    keys.insert("moment".to_owned(), true.into());
    let mut queries = Vec::new();
    let mut read = None;
    for hour in &curve.hours {
        let mut at = keys.clone();
        at.insert("at".to_owned(), format!("{} h", after + hour).into());
        let test = names.measured(at, &raw.text, interval, place)?;
        if let Form::Value(query) = &test.form {
            queries.push((**query).clone());
        }
        read = Some(test);
    }
    let test = read
        .ok_or_else(|| Error::input(place, "the curve has no points", "give it hours and means"))?;
    Ok(Test {
        form: Form::Mean(queries),
        ..test
    })
}

/// What the targets of a file are of, for headings; the name of a file that does not ship.
pub fn heading(file: &str) -> &str {
    match file {
        "combinations" => "Combinations and their partners",
        "exposure" => "Exposure",
        "hif" => "HIF and oxygen",
        "patients" => "Patients",
        "xenograft" => "Xenografts and vessels",
        other => other,
    }
}

impl Target {
    /// A target that is not of a file.
    pub(super) fn own(
        id: String,
        text: String,
        value: f64,
        interval: (f64, f64),
        test: Test,
    ) -> Self {
        let query = first(&test);
        Self {
            contradicted: false,
            setting: query.map_or(String::new(), |query| query.scenario.setting.clone()),
            id,
            text,
            unit: "mm^3".to_owned(),
            value,
            interval,
            range: Basis::Published,
            grade: Grade::User,
            source: Vec::new(),
            note: None,
            outside: None,
            fit: true,
            weight: 1.0,
            test,
            file: "data".to_owned(),
            curve: None,
            scale: 1.0,
        }
    }

    /// A value of the model in the unit of the target.
    pub fn in_unit(&self, value: f64) -> f64 {
        value * self.scale
    }

    /// What it is for, in words.
    pub fn role(&self) -> &'static str {
        match (self.fit, self.contradicted) {
            (true, _) => "fitted",
            (false, true) => "contradicted",
            (false, false) => "held out",
        }
    }

    /// Whether it is counted among those that are fitted to, or among those that are held out.
    pub fn counts_as(&self, fit: bool) -> bool {
        self.fit == fit && !self.contradicted
    }

    /// Whether it asks for virtual patients.
    pub fn is_cohort(&self) -> bool {
        first(&self.test).is_some_and(|query| matches!(query.measure, Measure::Cohort(..)))
    }

    /// Whether a prediction, in the unit of the target, agrees.
    pub fn holds(&self, predicted: f64) -> bool {
        let slack = 1e-9 * self.value;
        predicted >= self.interval.0 - slack && predicted <= self.interval.1 + slack
    }

    /// Whether residuals are those of logarithms, and their standard deviation without the weight.
    pub fn spread(&self) -> (bool, f64) {
        let (low, high) = self.interval;
        if low > 0.0 {
            (true, libm::log(high / low) / (2.0 * Z))
        } else {
            (false, (high - low) / (2.0 * Z))
        }
    }

    /// Weighted residual of a prediction in the unit of the target.
    pub fn residual(&self, predicted: f64) -> f64 {
        let residual = match self.spread() {
            (true, sigma) => {
                (libm::log(predicted.max(1e-12 * self.value)) - libm::log(self.value)) / sigma
            }
            (false, sigma) => (predicted - self.value) / sigma,
        };
        libm::sqrt(self.weight) * residual.clamp(-LARGEST, LARGEST)
    }
}
