//! What a target reads off its runs, as formulas of quantities of the exported model.

use super::runs::{Run, Runs};
use crate::endpoints::Endpoints;
use crate::interchange::sbml::{apply, literal};
use crate::interchange::symbol::Symbol;
use crate::interchange::xml::Element;
use crate::model::Environment;
use crate::model::exposure::SorafenibKinetics;
use crate::model::markers::Readout;
use crate::regimen::Arm;
use crate::study::claims::{Form, Measure, Query, Test, window};

const DAY: f64 = 24.0;

/// An expression over quantities of runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Formula {
    /// A quantity of a run: number of the run, identifier without suffix.
    Of(usize, String),
    /// The result of a reading.
    Reading(usize),
    /// A number without unit.
    Number(f64),
    /// A sum.
    Sum(Vec<Formula>),
    /// A product.
    Product(Vec<Formula>),
    /// First over second.
    Quotient(Box<[Formula; 2]>),
}

impl Formula {
    fn over(self, other: Self) -> Self {
        Self::Quotient(Box::new([self, other]))
    }

    fn times(self, factor: f64) -> Self {
        if factor.to_bits() == 1f64.to_bits() {
            return self;
        }
        Self::Product(vec![Self::Number(factor), self])
    }

    /// As text, with the names of quantities and readings.
    pub fn text(
        &self,
        of: &impl Fn(usize, &str) -> String,
        reading: &impl Fn(usize) -> String,
    ) -> String {
        let join = |parts: &[Self], sign: &str| {
            let parts: Vec<String> = parts.iter().map(|part| part.text(of, reading)).collect();
            format!("({})", parts.join(sign))
        };
        match self {
            Self::Of(run, id) => of(*run, id),
            Self::Reading(index) => reading(*index),
            Self::Number(value) => format!("{value:?}"),
            Self::Sum(parts) => join(parts, " + "),
            Self::Product(parts) => join(parts, " * "),
            Self::Quotient(parts) => join(&parts[..], " / "),
        }
    }

    /// As MathML with the plain names of the quantities; readings do not nest.
    pub fn math(&self) -> Element {
        match self {
            Self::Of(_, id) => Element::new("ci").text(id),
            Self::Reading(_) => Element::new("notanumber"),
            Self::Number(value) => literal(*value, "dimensionless"),
            Self::Sum(parts) => apply("plus", parts.iter().map(Self::math)),
            Self::Product(parts) => apply("times", parts.iter().map(Self::math)),
            Self::Quotient(parts) => apply("divide", parts.iter().map(Self::math)),
        }
    }

    /// Numbers of the readings in it.
    pub fn readings(&self) -> Vec<usize> {
        match self {
            Self::Reading(index) => vec![*index],
            Self::Of(..) | Self::Number(_) => Vec::new(),
            Self::Sum(parts) | Self::Product(parts) => {
                parts.iter().flat_map(Self::readings).collect()
            }
            Self::Quotient(parts) => parts.iter().flat_map(Self::readings).collect(),
        }
    }

    /// The same with every reading replaced.
    pub fn with_readings(&self, replace: &impl Fn(usize) -> Self) -> Self {
        let all = |parts: &[Self]| -> Vec<Self> {
            parts
                .iter()
                .map(|part| part.with_readings(replace))
                .collect()
        };
        match self {
            Self::Reading(index) => replace(*index),
            Self::Of(..) | Self::Number(_) => self.clone(),
            Self::Sum(parts) => Self::Sum(all(parts)),
            Self::Product(parts) => Self::Product(all(parts)),
            Self::Quotient(parts) => {
                let [above, below] = &**parts;
                above
                    .with_readings(replace)
                    .over(below.with_readings(replace))
            }
        }
    }
}

/// How a reading comes about while the model runs. Times in h after the begin of the run.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// The weighted sum of the values at some times.
    Sampled(Vec<(f64, f64)>),
    /// The first time (h) at which the value is at this level or above.
    Crossing(f64),
    /// The largest value between two times; its rate of change has the sign of that of the symbol.
    Largest(f64, f64, Symbol),
    /// The time (h) of the largest value.
    PeakTime(Symbol),
}

/// Something that is read off a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Number of the run.
    pub run: usize,
    /// What is read.
    pub formula: Formula,
    /// Its unit.
    pub unit: String,
    /// How.
    pub kind: Kind,
}

impl Reading {
    /// The time of a reading at a moment, h.
    pub fn moment(&self) -> Option<f64> {
        match &self.kind {
            Kind::Sampled(samples) => match samples[..] {
                [(time, weight)] if weight.to_bits() == 1f64.to_bits() => Some(time),
                _ => None,
            },
            _ => None,
        }
    }

    /// The time at which it is complete, h.
    pub fn complete(&self, duration: f64) -> f64 {
        match &self.kind {
            Kind::Sampled(samples) => samples.iter().map(|(time, _)| *time).fold(0.0, f64::max),
            Kind::Largest(_, to, _) => *to,
            Kind::Crossing(_) | Kind::PeakTime(_) => duration,
        }
    }

    /// The unit of its result.
    pub fn result_unit(&self) -> &str {
        match self.kind {
            Kind::Crossing(_) | Kind::PeakTime(_) => "h",
            Kind::Sampled(_) | Kind::Largest(..) => &self.unit,
        }
    }
}

/// Why a target cannot be expressed, or why its runs cannot be prepared.
pub enum Refusal {
    /// PEtab, or the exported model, has no means for it.
    Inexpressible(String),
    /// An error of its own.
    Error(crate::Error),
}

impl From<crate::Error> for Refusal {
    fn from(error: crate::Error) -> Self {
        Self::Error(error)
    }
}

type Read<T> = Result<T, Refusal>;

fn no<T>(why: impl Into<String>) -> Read<T> {
    Err(Refusal::Inexpressible(why.into()))
}

/// The value of a test.
pub fn value_of(test: &Test, runs: &mut Runs<'_>) -> Read<Formula> {
    match &test.form {
        Form::Value(query) => query_formula(query, runs),
        Form::Ratio(pair) => {
            Ok(query_formula(&pair[0], runs)?.over(query_formula(&pair[1], runs)?))
        }
        Form::RatioOfRatios(four) => {
            let mut of = |index: usize| query_formula(&four[index], runs);
            Ok(of(0)?.over(of(1)?).over(of(2)?.over(of(3)?)))
        }
        Form::Mean(queries) => {
            let values = queries.iter().map(|query| query_formula(query, runs));
            let values = values.collect::<Read<Vec<_>>>()?;
            Ok(Formula::Sum(values).over(Formula::Number(queries.len() as f64)))
        }
        Form::Sweep(_) => no("steps of a sweep are compared"),
        Form::Order(_) => no("the order of events is judged"),
    }
}

fn query_formula(query: &Query, runs: &mut Runs<'_>) -> Read<Formula> {
    let scenario = &query.scenario;
    let size = |runs: &mut Runs<'_>, arm: Arm, at: f64| {
        let run = runs.number(&scenario.with_arm(arm))?;
        let name = match runs.list[run].problem.model.environment {
            Environment::Culture => "viable",
            Environment::Tumour { .. } => "burden",
        };
        averaged(runs, run, name, at)
    };
    let whole = scenario.arm.clone();
    let partners = Arm {
        sorafenib: false,
        partners: whole.partners.clone(),
    };
    match &query.measure {
        Measure::Readout(readout, at) => {
            let run = runs.number(scenario)?;
            averaged(runs, run, readout.name, *at)
        }
        Measure::Moment(readout, at) => {
            let run = runs.number(scenario)?;
            sampled(runs, run, readout.name, vec![(*at, 1.0)])
        }
        Measure::Endpoint(index) => {
            let run = runs.number(scenario)?;
            endpoint(runs, run, Endpoints::DEFINITIONS[*index].name)
        }
        Measure::TreatedOverControl(at) => {
            Ok(size(runs, whole, *at)?.over(size(runs, Arm::vehicle(), *at)?))
        }
        Measure::Interaction(at) => {
            let observed = size(runs, whole, *at)?.over(size(runs, Arm::vehicle(), *at)?);
            let first = size(runs, Arm::sorafenib(), *at)?.over(size(runs, Arm::vehicle(), *at)?);
            let second = size(runs, partners, *at)?.over(size(runs, Arm::vehicle(), *at)?);
            Ok(observed.over(Formula::Product(vec![first, second])))
        }
        Measure::Ic50(_) => no("an IC50 is sought over many runs"),
        Measure::BetterThanEither(_) => no("the better of two arms is a choice, not a formula"),
        Measure::Cohort(..) => no("virtual patients are many runs"),
    }
}

/// A readout as a formula of the run's quantities.
fn readout_formula(run: &Run, number: usize, name: &str) -> Read<Formula> {
    let of = |id: &str| Formula::Of(number, id.to_owned());
    Ok(match name {
        "sorafenib" => of("sorafenib_total"),
        "sorafenib_intracellular_nM" => of("sorafenib_intracellular"),
        "apoptosis" => of("apoptosis_mean"),
        "switch_index" => of("HIF2A").over(of("HIF1A")),
        "HIF1A_half_life_h" if run.has("HIF1A_decay") => {
            Formula::Number(std::f64::consts::LN_2).over(of("HIF1A_decay"))
        }
        "viable" => Formula::Sum(
            ["sensitive", "resistant"]
                .into_iter()
                .filter(|id| run.has(id))
                .map(of)
                .collect(),
        ),
        name if run.has(name) => of(name),
        name => {
            return no(format!(
                "`{name}` drives nothing and is not in the exported model"
            ));
        }
    })
}

fn unit_of(run: &Run, name: &str) -> String {
    let unit = Readout::find(name).map_or("1", |readout| readout.unit);
    unit.replace("burden", &run.background.burden_unit)
}

fn sampled(runs: &mut Runs<'_>, run: usize, name: &str, samples: Vec<(f64, f64)>) -> Read<Formula> {
    let formula = readout_formula(&runs.list[run], run, name)?;
    let unit = unit_of(&runs.list[run], name);
    Ok(runs.read(Reading {
        run,
        formula,
        unit,
        kind: Kind::Sampled(samples),
    }))
}

/// A readout as the program reads it: at a moment, or the mean of the day before.
fn averaged(runs: &mut Runs<'_>, run: usize, name: &str, at: f64) -> Read<Formula> {
    let times = window(&runs.list[run].problem, at);
    if let [time] = times[..] {
        return sampled(runs, run, name, vec![(time, 1.0)]);
    }
    let last = times.len() - 1;
    let weight = |index: usize| {
        let inner = index > 0 && index < last;
        (if inner { 1.0 } else { 0.5 }) / last as f64
    };
    let samples = times.iter().enumerate();
    let samples = samples.map(|(index, time)| (*time, weight(index)));
    sampled(runs, run, name, samples.collect())
}

fn endpoint(runs: &mut Runs<'_>, run: usize, name: &str) -> Read<Formula> {
    let problem = &runs.list[run].problem;
    let duration = problem.timeline.duration;
    let stop = problem.timeline.last_treatment;
    let start = (stop - DAY).max(0.0);
    let initial = problem.baseline.tumour.burden();
    let end = vec![(duration, 1.0)];
    let days = |hours: Formula| hours.over(Formula::Number(DAY));
    let of = |id: &str| Formula::Of(run, id.to_owned());
    match name {
        "sorafenib_auc_24h" => {
            let clearance = match &problem.model.kinetics {
                SorafenibKinetics::OneCompartment(..) => {
                    Formula::Product(vec![of("exposure_clearance"), of("exposure_body_weight")])
                }
                SorafenibKinetics::Enterohepatic(..) => Formula::Product(vec![
                    of("exposure_clearance"),
                    Formula::Sum(vec![
                        Formula::Number(1.0),
                        of("exposure_enterohepatic_fraction").times(-1.0),
                    ]),
                ]),
                SorafenibKinetics::Medium => return no("there is no clearance in culture"),
            };
            let eliminated = runs.read(Reading {
                run,
                formula: of("sorafenib_eliminated_mg"),
                unit: "mg".to_owned(),
                kind: Kind::Sampled(vec![(start, -1.0), (stop, 1.0)]),
            });
            Ok(eliminated.over(clearance))
        }
        "sorafenib_cmax" => {
            let Some(rate) = runs.list[run].rate("sorafenib_central_mg") else {
                return no("there is no peak in culture");
            };
            Ok(runs.read(Reading {
                run,
                formula: of("sorafenib_total"),
                unit: "mg/L".to_owned(),
                kind: Kind::Largest(start, stop, rate),
            }))
        }
        "hif1a_peak_time" | "hif2a_peak_time" => {
            let id = if name.starts_with("hif1a") {
                "HIF1A"
            } else {
                "HIF2A"
            };
            let Some(rate) = runs.list[run].rate(id) else {
                return no(format!("`{id}` does not change"));
            };
            Ok(days(runs.read(Reading {
                run,
                formula: of(id),
                unit: "1".to_owned(),
                kind: Kind::PeakTime(rate),
            })))
        }
        "time_to_double" | "time_to_fourfold" => {
            let fold = if name.ends_with("double") { 2.0 } else { 4.0 };
            let unit = unit_of(&runs.list[run], "burden");
            Ok(days(runs.read(Reading {
                run,
                formula: of("burden"),
                unit,
                kind: Kind::Crossing(fold * initial),
            })))
        }
        "burden_end" => sampled(runs, run, "burden", end),
        "emt_end" => sampled(runs, run, "EMT", end),
        "resistant_end" => sampled(runs, run, "resistant_fraction", end),
        "apoptosis_end" => sampled(runs, run, "apoptosis", end),
        "hif1a_end" | "hif2a_end" => {
            let id = if name.starts_with("hif1a") {
                "HIF1A"
            } else {
                "HIF2A"
            };
            let before = vec![(0.0, 1.0)];
            Ok(sampled(runs, run, id, end)?.over(sampled(runs, run, id, before)?))
        }
        name => no(format!(
            "the endpoint `{name}` is found by a search over the run"
        )),
    }
}
