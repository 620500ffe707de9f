//! Claims as their files describe them.

use super::cohort::{Cohort, CohortValue};
use crate::endpoints::Endpoints;
use crate::error::{Error, Result};
use crate::model::markers::{READOUTS, Readout};
use crate::parameters::bounds::{self, COHORT};
use crate::parameters::{Document, Library, toml_error};
use crate::regimen::{Arm, Mode};
use crate::simulate::{Hold, Scenario};
use crate::units::Quantity;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The readout of the map of HIF-1a.
const HIF1A: &str = "HIF1A";

/// Where a claim comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The text of Zeng et al. 2021.
    Review,
    /// A row of its Table 3.
    Table3,
    /// A prediction that tells hypotheses apart.
    Prediction,
    /// Evidence against the review.
    Against,
}

impl Kind {
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Table3 => "table 3",
            Self::Prediction => "prediction",
            Self::Against => "against",
        }
    }
}

/// How much a claim matters to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, serde::Serialize)]
pub enum Priority {
    /// Core of the model.
    A,
    /// Downstream or modulating.
    B,
    /// Context.
    C,
}

impl std::fmt::Display for Priority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

/// A study on the map of HIF-1a: the panel on which it stands, and HIF-1a at its own conditions over its own
/// comparator.
#[derive(Debug, Clone)]
pub struct Place {
    /// Panel of the map.
    pub panel: String,
    /// What the study reports of HIF-1a.
    pub hif1a: Sign,
    /// What the study compares, where that is not what the panel compares.
    pub contrast: Option<String>,
    /// HIF-1a at its conditions over its comparator, with what is reported as expectation.
    pub test: Test,
}

/// Direction of a reported change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Up.
    Up,
    /// Down.
    Down,
    /// Not reported.
    Unreported,
}

/// Text that stands in the files: one condition, or what a test changes in it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChange {
    measure: Option<String>,
    #[serde(rename = "in")]
    condition: Option<String>,
    arm: Option<String>,
    at: Option<String>,
    dose: Option<String>,
    oxygen: Option<String>,
    phenotype: Option<String>,
    mode: Option<String>,
    knock: Option<Vec<String>>,
    clamp: Option<String>,
    set: Option<BTreeMap<String, String>>,
    duration: Option<String>,
    trial: Option<String>,
    patients: Option<u64>,
    readout: Option<String>,
    moment: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSweep {
    key: String,
    values: Vec<String>,
}

/// What a test says beside its condition.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawJudgement {
    text: String,
    expect: String,
    #[serde(default)]
    never: Never,
    against: Option<RawChange>,
    beside: Option<RawChange>,
    sweep: Option<RawSweep>,
    order: Option<Vec<String>>,
}

/// What a place says beside the conditions of the study.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawMark {
    panel: String,
    hif1a: Sign,
    contrast: Option<String>,
    against: RawChange,
}

/// A place on the map, with the keys of a test for the conditions of the study.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Table")]
struct RawPlace {
    mark: RawMark,
    base: RawChange,
}

impl TryFrom<toml::Table> for RawPlace {
    type Error = toml::de::Error;

    fn try_from(table: toml::Table) -> std::result::Result<Self, Self::Error> {
        let (mark, base) = parted(table, &["panel", "hif1a", "contrast", "against"]);
        Ok(Self {
            mark: mark.try_into()?,
            base: base.try_into()?,
        })
    }
}

/// A table in two: some keys, and all others.
fn parted(table: toml::Table, keys: &[&str]) -> (toml::Table, toml::Table) {
    table
        .into_iter()
        .partition(|(key, _)| keys.contains(&key.as_str()))
}

/// A test: its judgement and its condition stand in one table of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Table")]
struct RawTest {
    judgement: RawJudgement,
    base: RawChange,
}

impl TryFrom<toml::Table> for RawTest {
    type Error = toml::de::Error;

    fn try_from(table: toml::Table) -> std::result::Result<Self, Self::Error> {
        const JUDGEMENT: [&str; 7] = [
            "text", "expect", "never", "against", "beside", "sweep", "order",
        ];
        let (judgement, base) = parted(table, &JUDGEMENT);
        Ok(Self {
            judgement: judgement.try_into()?,
            base: base.try_into()?,
        })
    }
}

impl RawChange {
    /// This with the keys of `over` in place of its own.
    fn with(&self, over: &Self) -> Self {
        let (a, b) = (self.clone(), over.clone());
        Self {
            measure: b.measure.or(a.measure),
            condition: b.condition.or(a.condition),
            arm: b.arm.or(a.arm),
            at: b.at.or(a.at),
            dose: b.dose.or(a.dose),
            oxygen: b.oxygen.or(a.oxygen),
            phenotype: b.phenotype.or(a.phenotype),
            mode: b.mode.or(a.mode),
            knock: b.knock.or(a.knock),
            clamp: b.clamp.or(a.clamp),
            set: b.set.or(a.set),
            duration: b.duration.or(a.duration),
            trial: b.trial.or(a.trial),
            patients: b.patients.or(a.patients),
            readout: b.readout.or(a.readout),
            moment: b.moment.or(a.moment),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaim {
    id: String,
    priority: Priority,
    kind: Kind,
    text: String,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    mechanisms: Vec<String>,
    note: Option<String>,
    failure: Option<String>,
    untested: Option<String>,
    place: Option<RawPlace>,
    #[serde(default)]
    test: Vec<RawTest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawClaims {
    claim: Vec<RawClaim>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    title: String,
    setting: String,
    regimen: Option<String>,
    phenotype: Option<String>,
    duration: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum When {
    Always,
    Treatment,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Perturbation {
    title: String,
    when: When,
    set: BTreeMap<String, String>,
}

/// A part of the model that can be removed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mechanism {
    /// What it is.
    pub title: String,
    /// Parameters that remove it: path and quantity.
    pub set: BTreeMap<String, String>,
}

/// What is read off a condition.
#[derive(Debug, Clone)]
pub enum Measure {
    /// A readout at a time, h; in treated animals and patients the mean of the 24 h before.
    Readout(&'static Readout, f64),
    /// A readout at a moment, h, whatever doses do before and after.
    Moment(&'static Readout, f64),
    /// An endpoint of the run, by its place in [`Endpoints::DEFINITIONS`].
    Endpoint(usize),
    /// Sorafenib (µM) that halves viable cells at a time, h.
    Ic50(f64),
    /// Burden over that of vehicle at a time, h.
    TreatedOverControl(f64),
    /// Observed over independent treated/control at a time, h (Bliss).
    Interaction(f64),
    /// Burden of a combination over that of the better of its drugs at a time, h.
    BetterThanEither(f64),
    /// A value over virtual patients.
    Cohort(Cohort, CohortValue),
}

impl Measure {
    /// Unit of its values.
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Readout(readout, _) | Self::Moment(readout, _) => readout.unit,
            Self::Cohort(_, value) => value.unit(),
            Self::Endpoint(index) => Endpoints::DEFINITIONS[*index].unit,
            Self::Ic50(_) => "µM",
            _ => "1",
        }
    }
}

/// A measure in a condition.
#[derive(Debug, Clone)]
pub struct Query {
    /// What is read.
    pub measure: Measure,
    /// What is run.
    pub scenario: Scenario,
    /// The condition in words.
    pub words: String,
}

/// What a test computes from its queries.
#[derive(Debug, Clone)]
pub enum Form {
    /// The value itself.
    Value(Box<Query>),
    /// First over second.
    Ratio(Box<[Query; 2]>),
    /// (First over second) over (third over fourth).
    RatioOfRatios(Box<[Query; 4]>),
    /// Mean of some values.
    Mean(Vec<Query>),
    /// Step by step over a sweep.
    Sweep(Vec<Query>),
    /// Event times in their order.
    Order(Vec<Query>),
}

impl Form {
    /// All queries.
    pub fn queries(&self) -> Vec<&Query> {
        match self {
            Self::Value(query) => vec![query],
            Self::Ratio(pair) => pair.iter().collect(),
            Self::RatioOfRatios(four) => four.iter().collect(),
            Self::Mean(queries) | Self::Sweep(queries) | Self::Order(queries) => {
                queries.iter().collect()
            }
        }
    }
}

/// A change smaller than this part counts as none.
pub const DEAD_BAND: f64 = 0.05;

/// What a claim expects of a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Expectation {
    /// From the first to the second number, both included.
    Within(f64, f64),
    /// Every step of a sweep up (or an order kept): smallest step above the number.
    Above(f64),
    /// Every step of a sweep down: largest step below the number.
    Below(f64),
}

impl Expectation {
    /// Whether a value meets it; what is not a number never does.
    pub fn met(self, value: f64) -> bool {
        match self {
            Self::Within(low, high) => (low..=high).contains(&value),
            Self::Above(low) => value > low,
            Self::Below(high) => value < high,
        }
    }
}

/// What a test makes of an event that does not happen within its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Never {
    /// The test is not reached, and does not pass.
    #[default]
    NotReached,
    /// The event counts as later than everything that does happen.
    Later,
}

/// One test of a claim.
#[derive(Debug, Clone)]
pub struct Test {
    /// What is expected, in words.
    pub text: String,
    /// What is computed.
    pub form: Form,
    /// As written: `up`, `down`, `below 1.0`, ...
    pub expect: String,
    /// The same as numbers.
    pub expectation: Expectation,
    /// What an event that does not happen means.
    pub never: Never,
}

/// A claim.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Identifier.
    pub id: String,
    /// Weight.
    pub priority: Priority,
    /// Where it comes from.
    pub kind: Kind,
    /// The claim in plain words.
    pub text: String,
    /// Literature.
    pub references: Vec<String>,
    /// Parts of the model that it names.
    pub mechanisms: Vec<String>,
    /// Doubts and readings.
    pub note: Option<String>,
    /// Explanation, should the model fail it.
    pub failure: Option<String>,
    /// Why it is not tested.
    pub untested: Option<String>,
    /// Place on the map of HIF-1a.
    pub place: Option<Place>,
    /// Tests; all must pass.
    pub tests: Vec<Test>,
}

/// Conditions, perturbations, mechanisms and claims of a library.
#[derive(Debug, Clone)]
pub struct Claims {
    /// All claims: review, Table 3, predictions, evidence against; by identifier within.
    pub claims: Vec<Claim>,
    /// Removable parts of the model by name.
    pub mechanisms: BTreeMap<String, Mechanism>,
}

/// An identifier as letters and number, so that C99 comes before C100.
fn numbered(id: &str) -> (&str, u64, &str) {
    let letters = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = id[letters.len()..].parse().unwrap_or(u64::MAX);
    (letters, number, id)
}

/// Names that tests use.
pub(in crate::study) struct Names<'a> {
    library: &'a Library,
    conditions: BTreeMap<String, Condition>,
    perturbations: BTreeMap<String, Perturbation>,
    mechanisms: BTreeMap<String, Mechanism>,
}

fn read_toml<T: serde::de::DeserializeOwned>(document: &Document) -> Result<T> {
    toml::from_str(&document.text)
        .map_err(|error| toml_error(&document.origin, &document.text, &error))
}

impl Claims {
    /// Reads `claims/*.toml`, `conditions.toml`, `perturbations.toml` and `mechanisms.toml`.
    ///
    /// # Errors
    /// An unknown key, name, measure, unit or expectation; an identifier that stands twice; a claim
    /// without test and without a reason.
    pub fn read(library: &Library) -> Result<Self> {
        let names = Names::read(library)?;
        let mut claims: Vec<Claim> = Vec::new();
        for file in library.names("claims") {
            let document = library.document("claims", file, "params")?;
            let raw: RawClaims = read_toml(document)?;
            for raw in raw.claim {
                let claim = names.claim(raw, &document.origin)?;
                if claims.iter().any(|other| other.id == claim.id) {
                    return Err(Error::input(
                        format!("{}, claim {}", document.origin, claim.id),
                        "the identifier stands twice",
                        "give each claim its own",
                    ));
                }
                claims.push(claim);
            }
        }
        claims.sort_by(|a, b| {
            let order = |claim: &Claim| match claim.kind {
                Kind::Review | Kind::Table3 => 0,
                Kind::Prediction => 1,
                Kind::Against => 2,
            };
            order(a)
                .cmp(&order(b))
                .then_with(|| numbered(&a.id).cmp(&numbered(&b.id)))
        });
        Ok(Self {
            claims,
            mechanisms: names.mechanisms,
        })
    }
}

impl<'a> Names<'a> {
    /// Conditions, perturbations and mechanisms of a library.
    ///
    /// # Errors
    /// A file that cannot be used.
    pub fn read(library: &'a Library) -> Result<Self> {
        Ok(Self {
            library,
            conditions: read_toml(library.document("", "conditions", "params")?)?,
            perturbations: read_toml(library.document("", "perturbations", "params")?)?,
            mechanisms: read_toml(library.document("", "mechanisms", "params")?)?,
        })
    }

    /// What the keys of a test ask for, with the interval that is expected of it.
    ///
    /// # Errors
    /// An unknown key, name, measure or unit.
    pub fn measured(
        &self,
        mut keys: toml::Table,
        text: &str,
        interval: (f64, f64),
        place: &str,
    ) -> Result<Test> {
        let expect = format!("{} to {}", interval.0, interval.1);
        keys.insert("text".to_owned(), toml::Value::String(text.to_owned()));
        keys.insert("expect".to_owned(), toml::Value::String(expect));
        let raw = RawTest::try_from(keys).map_err(|error| {
            Error::input(
                place,
                error.message().to_owned(),
                "see the shipped files (`hif-switch params export DIR`)",
            )
        })?;
        self.test(&raw, place)
    }

    fn claim(&self, raw: RawClaim, origin: &str) -> Result<Claim> {
        let place = format!("{origin}, claim {}", raw.id);
        if raw.test.is_empty() && raw.untested.is_none() {
            return Err(Error::input(
                place,
                "the claim has no test",
                "add a [[claim.test]], or say why there is none with untested = \"…\"",
            ));
        }
        for mechanism in &raw.mechanisms {
            if !self.mechanisms.contains_key(mechanism) {
                return Err(Error::unknown_name(
                    place,
                    "mechanism",
                    mechanism,
                    self.mechanisms.keys().map(String::as_str),
                ));
            }
        }
        let tests = raw
            .test
            .iter()
            .enumerate()
            .map(|(i, test)| self.test(test, &format!("{place}, test {}", i + 1)))
            .collect::<Result<Vec<_>>>()?;
        let marked = raw
            .place
            .map(|raw| self.place(raw, &format!("{place}, key `place`")))
            .transpose()?;
        Ok(Claim {
            id: raw.id,
            priority: raw.priority,
            kind: raw.kind,
            text: raw.text,
            references: raw.references,
            mechanisms: raw.mechanisms,
            note: raw.note,
            failure: raw.failure,
            untested: raw.untested,
            place: marked,
            tests,
        })
    }

    fn place(&self, raw: RawPlace, place: &str) -> Result<Place> {
        let RawPlace { mark, base } = raw;
        let expect = match mark.hif1a {
            Sign::Up => "up",
            Sign::Down => "down",
            Sign::Unreported => "above 0",
        };
        let raw = RawTest {
            judgement: RawJudgement {
                text: "HIF-1a, as reported".to_owned(),
                expect: expect.to_owned(),
                never: Never::default(),
                against: Some(mark.against),
                beside: None,
                sweep: None,
                order: None,
            },
            base: RawChange {
                measure: Some(HIF1A.to_owned()),
                ..base
            },
        };
        Ok(Place {
            panel: mark.panel,
            hif1a: mark.hif1a,
            contrast: mark.contrast,
            test: self.test(&raw, place)?,
        })
    }

    fn test(&self, raw: &RawTest, place: &str) -> Result<Test> {
        let RawTest {
            judgement: raw,
            base,
        } = raw;
        let query = |change: &RawChange| self.query(change, place);
        let form = if let Some(sweep) = &raw.sweep {
            let queries = sweep
                .values
                .iter()
                .map(|value| query(&base.with(&swept(&sweep.key, value, base, place)?)))
                .collect::<Result<Vec<_>>>()?;
            Form::Sweep(queries)
        } else if let Some(order) = &raw.order {
            let queries = order
                .iter()
                .map(|measure| {
                    query(&base.with(&RawChange {
                        measure: Some(measure.clone()),
                        ..RawChange::default()
                    }))
                })
                .collect::<Result<Vec<_>>>()?;
            Form::Order(queries)
        } else {
            match (&raw.against, &raw.beside) {
                (None, _) => Form::Value(Box::new(query(base)?)),
                (Some(against), None) => {
                    Form::Ratio(Box::new([query(base)?, query(&base.with(against))?]))
                }
                (Some(against), Some(beside)) => {
                    let second = base.with(beside);
                    Form::RatioOfRatios(Box::new([
                        query(base)?,
                        query(&base.with(against))?,
                        query(&second)?,
                        query(&second.with(against))?,
                    ]))
                }
            }
        };
        Ok(Test {
            text: raw.text.clone(),
            expectation: expectation(&raw.expect, &form, place)?,
            form,
            expect: raw.expect.clone(),
            never: raw.never,
        })
    }

    fn query(&self, change: &RawChange, place: &str) -> Result<Query> {
        let name = change.condition.as_deref().unwrap_or_default();
        let condition = self.conditions.get(name).ok_or_else(|| {
            Error::unknown_name(
                place,
                "condition",
                name,
                self.conditions.keys().map(String::as_str),
            )
        })?;
        let arm_name = change.arm.as_deref().unwrap_or("vehicle");
        let arm = Arm::parse(arm_name, self.library, place)?;
        let mut words = vec![arm_name.to_owned(), condition.title.clone()];
        let quantity = |text: &str, unit: &str, key: &str| {
            let read = Quantity::parse(text)
                .and_then(|quantity| quantity.to(unit))
                .map_err(|error| {
                    Error::input(
                        format!("{place}, key `{key}`"),
                        error.to_string(),
                        format!("write a number with a unit of the dimension of {unit}"),
                    )
                })?;
            match unit {
                "h" => bounds::time(read, format!("{place}, key `{key}`")),
                _ => Ok(read),
            }
        };
        let mut scenario = Scenario::new(&condition.setting, arm);
        scenario.regimen.clone_from(&condition.regimen);
        scenario.phenotype = match change.phenotype.as_ref().or(condition.phenotype.as_ref()) {
            Some(name) if name != "parental" => Some(name.clone()),
            _ => None,
        };
        if change.phenotype.is_some() {
            words.extend(change.phenotype.clone());
        }
        if let Some(duration) = change.duration.as_ref().or(condition.duration.as_ref()) {
            scenario.duration = Some(quantity(duration, "h", "duration")?);
        }
        if let Some(dose) = &change.dose {
            let parsed = Quantity::parse(dose).map_err(|error| {
                Error::input(
                    format!("{place}, key `dose`"),
                    error.to_string(),
                    "write an amount such as \"30 mg/kg\" or \"5 µM\"",
                )
            })?;
            scenario.dose = Some(parsed);
            words.push(dose.clone());
        }
        if let Some(oxygen) = &change.oxygen {
            scenario.oxygen = Some(quantity(oxygen, "mmHg", "oxygen")?);
            words.push(oxygen.clone());
        }
        if let Some(mode) = &change.mode {
            scenario.mode = Mode::parse(mode, place)?;
            words.push(format!("{mode} exposure"));
        }
        for name in change.knock.iter().flatten() {
            let perturbation = self.perturbations.get(name).ok_or_else(|| {
                Error::unknown_name(
                    place,
                    "perturbation",
                    name,
                    self.perturbations.keys().map(String::as_str),
                )
            })?;
            let set = perturbation
                .set
                .iter()
                .map(|(path, value)| (path.clone(), value.clone()));
            match perturbation.when {
                When::Always => scenario.overrides.extend(set),
                When::Treatment => scenario.interventions.extend(set),
            }
            words.push(perturbation.title.clone());
        }
        for (path, value) in change.set.iter().flatten() {
            scenario.overrides.push((path.clone(), value.clone()));
            words.push(format!("{path} = {value}"));
        }
        if let Some(clamp) = &change.clamp {
            scenario.hold = Some(match clamp.as_str() {
                "untreated pO2" => Hold::UntreatedOxygen,
                "switch index" => Hold::SwitchIndex,
                other => Hold::Oxygen(quantity(other, "mmHg", "clamp")?),
            });
            words.push(format!("{clamp} held"));
        }
        self.check_changes(&scenario, place)?;
        let measure = self.measure(change, place, &quantity)?;
        if let Some(trial) = &change.trial {
            let known = self.library.names("trials");
            if !known.contains(&trial.as_str()) {
                let place = format!("{place}, key `trial`");
                return Err(Error::unknown_name(place, "trial", trial, known));
            }
        }
        if let (Some(trial), Some(patients)) = (&change.trial, change.patients) {
            words.push(format!("{patients} virtual patients of {trial}"));
        }
        if let Some(readout) = &change.readout {
            words.push(format!("{readout} before treatment"));
        }
        if let Some(at) = &change.at {
            words.push(at.clone());
        }
        Ok(Query {
            measure,
            scenario,
            words: words.join(", "),
        })
    }

    /// Checks doses and parameters that are set before a run needs them.
    fn check_changes(&self, scenario: &Scenario, place: &str) -> Result<()> {
        if scenario.dose.is_none() && scenario.overrides.is_empty() {
            return Ok(());
        }
        let table = scenario.parameters(self.library);
        let regimen = table.and_then(|table| scenario.regimen(self.library, &table));
        regimen.map(drop).map_err(|error| error.within(place))
    }

    fn measure(
        &self,
        change: &RawChange,
        place: &str,
        quantity: &impl Fn(&str, &str, &str) -> Result<f64>,
    ) -> Result<Measure> {
        let name = change.measure.as_deref().unwrap_or_default();
        let at = || {
            let text = change.at.as_deref().ok_or_else(|| {
                Error::input(
                    format!("{place}, key `at`"),
                    format!("`{name}` needs a time"),
                    "give at = \"24 h\" or the like",
                )
            })?;
            quantity(text, "h", "at")
        };
        match name {
            "ic50" => return Ok(Measure::Ic50(at()?)),
            "treated_over_control" => return Ok(Measure::TreatedOverControl(at()?)),
            "interaction" => return Ok(Measure::Interaction(at()?)),
            "better_than_either" => return Ok(Measure::BetterThanEither(at()?)),
            "progression_free" => {
                let value = CohortValue::ProgressionFree(at()?.to_bits());
                return Ok(Measure::Cohort(cohort(change, place)?, value));
            }
            "median_progression" | "hazard_ratio" | "response_part" | "shrinking_part" => {
                let value = match name {
                    "median_progression" => CohortValue::Median,
                    "hazard_ratio" => CohortValue::HazardRatio,
                    "response_part" => CohortValue::Response,
                    _ => CohortValue::Shrinking,
                };
                return Ok(Measure::Cohort(cohort(change, place)?, value));
            }
            "benefiting_part" => {
                let value = CohortValue::Benefiting(at()?.to_bits());
                return Ok(Measure::Cohort(cohort(change, place)?, value));
            }
            "prognosis" => {
                let readout = change.readout.as_deref().unwrap_or_default();
                let value = CohortValue::prognosis(readout, &format!("{place}, key `readout`"))?;
                return Ok(Measure::Cohort(cohort(change, place)?, value));
            }
            _ => {}
        }
        let endpoint = Endpoints::DEFINITIONS.iter().position(|d| d.name == name);
        match (Readout::find(name), endpoint) {
            (Some(readout), _) if change.moment == Some(true) => {
                Ok(Measure::Moment(readout, at()?))
            }
            (Some(readout), None) => Ok(Measure::Readout(readout, at()?)),
            (Some(readout), Some(_)) if change.at.is_some() => Ok(Measure::Readout(readout, at()?)),
            (_, Some(index)) => Ok(Measure::Endpoint(index)),
            (None, None) => Err(Error::unknown_name(
                place,
                "measure",
                name,
                READOUTS
                    .iter()
                    .map(|readout| readout.name)
                    .chain(Endpoints::DEFINITIONS.iter().map(|d| d.name))
                    .chain([
                        "ic50",
                        "treated_over_control",
                        "interaction",
                        "better_than_either",
                        "benefiting_part",
                        "prognosis",
                        "progression_free",
                        "median_progression",
                        "hazard_ratio",
                        "response_part",
                        "shrinking_part",
                    ]),
            )),
        }
    }
}

/// The virtual patients that a measure asks for.
fn cohort(change: &RawChange, place: &str) -> Result<Cohort> {
    match (&change.trial, change.patients) {
        (Some(trial), Some(patients)) => Ok(Cohort {
            trial: trial.clone(),
            patients: COHORT.check(patients as f64, format!("{place}, key `patients`"))? as u64,
        }),
        _ => Err(Error::input(
            format!("{place}, keys `trial` and `patients`"),
            "the measure is over virtual patients",
            "name a trial of params/trials and a number of patients",
        )),
    }
}

/// The change that one value of a sweep makes.
fn swept(key: &str, value: &str, base: &RawChange, place: &str) -> Result<RawChange> {
    let mut change = RawChange::default();
    let value = Some(value.to_owned());
    match key {
        "oxygen" => change.oxygen = value,
        "dose" => change.dose = value,
        "at" => change.at = value,
        "clamp" => change.clamp = value,
        _ => {
            let Some(path) = key.strip_prefix("set.") else {
                return Err(Error::unknown_name(
                    format!("{place}, key `sweep.key`"),
                    "swept key",
                    key,
                    ["oxygen", "dose", "at", "clamp", "set.PATH"],
                ));
            };
            let mut set = base.set.clone().unwrap_or_default();
            set.extend(value.map(|value| (path.to_owned(), value)));
            change.set = Some(set);
        }
    }
    Ok(change)
}

fn expectation(text: &str, form: &Form, place: &str) -> Result<Expectation> {
    let wrong = || {
        Error::input(
            format!("{place}, key `expect`"),
            format!("`{text}` is no expectation here"),
            "write up, down or unchanged for a comparison, rising or falling for a sweep, \
             `in order` for an order, or `above 1.5`, `below 1.0`, `0.2 to 0.4`",
        )
    };
    let number = |text: &str| text.trim().parse::<f64>().map_err(|_| wrong());
    let compared = matches!(form, Form::Ratio(_) | Form::RatioOfRatios(_));
    match (text, form) {
        ("up", _) if compared => Ok(Expectation::Above(1.0 + DEAD_BAND)),
        ("down", _) if compared => Ok(Expectation::Below(1.0 - DEAD_BAND)),
        ("unchanged", _) if compared => Ok(Expectation::Within(1.0 - DEAD_BAND, 1.0 + DEAD_BAND)),
        ("rising", Form::Sweep(_)) => Ok(Expectation::Above(1.0)),
        ("falling", Form::Sweep(_)) => Ok(Expectation::Below(1.0)),
        ("in order", Form::Order(_)) => Ok(Expectation::Above(0.0)),
        _ => {
            if let Some(rest) = text.strip_prefix("above ") {
                Ok(Expectation::Above(number(rest)?))
            } else if let Some(rest) = text.strip_prefix("below ") {
                Ok(Expectation::Below(number(rest)?))
            } else if let Some((low, high)) = text.split_once(" to ") {
                Ok(Expectation::Within(number(low)?, number(high)?))
            } else {
                Err(wrong())
            }
        }
    }
}
