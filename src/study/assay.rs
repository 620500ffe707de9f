//! What a study measures at each of its points: endpoints of an arm, or of an arm against others.
//!
//! An event that does not happen within the run counts as happening at its end; an endpoint that is
//! missing for another reason makes the point a failed one.

use super::plan::Field;
use super::runs::{Probe, Probed};
use crate::endpoints::{Endpoints, Evaluation};
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::regimen::{Arm, Regimen};
use crate::simulate::{Problem, Scenario, Template};

/// A number that a study can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// An endpoint of the arm, by its place in [`Endpoints::DEFINITIONS`].
    Endpoint(usize),
    /// log10 of the burden at the main evaluation.
    LogBurden,
    /// T/C at the main evaluation.
    TreatedOverControl,
    /// Tumour growth inhibition at the main evaluation.
    GrowthInhibition,
    /// T/C over that expected of independent drugs at the main evaluation.
    BlissInteraction,
}

/// Quantities that compare arms or times, with units.
const COMPARED: [(&str, Quantity); 4] = [
    ("log10_burden", Quantity::LogBurden),
    ("treated_over_control", Quantity::TreatedOverControl),
    ("growth_inhibition", Quantity::GrowthInhibition),
    ("bliss_interaction", Quantity::BlissInteraction),
];

impl Quantity {
    /// A quantity by name.
    ///
    /// # Errors
    /// An unknown name, with the nearest.
    pub fn parse(name: &str, place: &str) -> Result<Self> {
        if let Some((_, quantity)) = COMPARED.iter().find(|(known, _)| *known == name) {
            return Ok(*quantity);
        }
        let place_of = Endpoints::DEFINITIONS.iter().position(|d| d.name == name);
        place_of.map(Self::Endpoint).ok_or_else(|| {
            let known = COMPARED.iter().map(|(known, _)| *known);
            let known = known.chain(Endpoints::DEFINITIONS.iter().map(|d| d.name));
            Error::unknown_name(place, "endpoint", name, known)
        })
    }

    /// Name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Endpoint(index) => Endpoints::DEFINITIONS[index].name,
            compared => COMPARED
                .iter()
                .find(|(_, quantity)| *quantity == compared)
                .map_or("", |(name, _)| name),
        }
    }

    /// Unit; `burden_unit` is that of the setting.
    pub fn unit(self, burden_unit: &str) -> &str {
        match self {
            Self::Endpoint(index) => match Endpoints::DEFINITIONS[index].unit {
                "burden" => burden_unit,
                unit => unit,
            },
            _ => "1",
        }
    }

    fn needs_endpoints(self) -> bool {
        matches!(self, Self::Endpoint(_))
    }
}

/// The arms and quantities of a study, ready to be run at many points.
#[derive(Debug, Clone)]
pub struct Assay {
    /// What is measured.
    pub quantities: Vec<Quantity>,
    /// Unit of burden.
    pub burden_unit: String,
    /// The study's arm first, then those it is compared with.
    pub templates: Vec<Template>,
}

impl Assay {
    /// An assay of a scenario's arm.
    ///
    /// # Errors
    /// As [`Template::read`]; a Bliss interaction of an arm with less than two drugs.
    pub fn new(library: &Library, scenario: &Scenario, quantities: &[Quantity]) -> Result<Self> {
        let mut arms = vec![scenario.arm.clone()];
        let compared = |wanted: &[Quantity]| quantities.iter().any(|q| wanted.contains(q));
        let effects = [
            Quantity::TreatedOverControl,
            Quantity::GrowthInhibition,
            Quantity::BlissInteraction,
        ];
        if compared(&effects) {
            arms.push(Arm::vehicle());
        }
        if compared(&[Quantity::BlissInteraction]) {
            let alone = scenario.arm.drugs_alone();
            if alone.len() < 2 {
                return Err(Error::input(
                    "bliss_interaction",
                    format!("the arm `{}` has one drug or none", scenario.arm),
                    "name an arm with two drugs or more, such as sorafenib+pt2385",
                ));
            }
            arms.extend(alone);
        }
        let templates = arms
            .iter()
            .map(|arm| Template::read(library, &scenario.with_arm(arm.clone())))
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            quantities: quantities.to_vec(),
            burden_unit: templates[0]
                .table()
                .text("burden_unit")
                .unwrap_or("1")
                .to_owned(),
            templates,
        })
    }

    /// Changes the regimen of all arms.
    pub fn with_regimen(mut self, change: impl Fn(&mut Regimen)) -> Self {
        for template in &mut self.templates {
            change(&mut template.regimen);
        }
        self
    }

    /// Runs per point.
    pub fn runs(&self) -> usize {
        self.templates.len()
    }

    /// Names and units of the quantities.
    pub fn fields(&self) -> Vec<Field> {
        let quantities = self.quantities.iter();
        quantities
            .map(|quantity| Field::new(quantity.name(), quantity.unit(&self.burden_unit)))
            .collect()
    }

    /// Time of the main evaluation, h.
    pub fn evaluation(&self) -> f64 {
        let regimen = &self.templates[0].regimen;
        let main = regimen.evaluations.first().copied();
        main.filter(|time| *time <= regimen.duration)
            .unwrap_or(regimen.duration)
    }

    /// What is wanted of every run.
    pub fn probe(&self) -> Probe {
        Probe {
            times: vec![0.0, self.evaluation()],
            endpoints: self.quantities.iter().any(|q| q.needs_endpoints()),
        }
    }

    /// A run of a point: the numbers in place of the setting's.
    ///
    /// # Errors
    /// As [`Template::problem`].
    pub fn problem(&self, run: usize, numbers: &[(&str, f64)]) -> Result<Problem> {
        self.templates[run].problem(numbers)
    }

    /// The quantities of a point from its runs.
    ///
    /// # Errors
    /// An endpoint that is missing for another reason than that its event did not happen.
    pub fn reduce(&self, runs: &[Probed]) -> Result<Vec<f64>> {
        let burden = |run: &Probed| {
            let signals = &run.trajectory.signals;
            signals[signals.len() - 1].burden
        };
        let evaluation = || {
            let singles: Vec<f64> = runs.iter().skip(2).map(burden).collect();
            Evaluation::new(
                self.evaluation(),
                burden(&runs[0]),
                burden(&runs[1]),
                runs[0].trajectory.signals[0].burden,
                &singles,
            )
        };
        let days = self.templates[0].regimen.duration / 24.0;
        let value = |quantity: &Quantity| match quantity {
            Quantity::LogBurden => Some(libm::log10(burden(&runs[0]))),
            Quantity::TreatedOverControl => Some(evaluation().treated_over_control),
            Quantity::GrowthInhibition => Some(evaluation().growth_inhibition),
            Quantity::BlissInteraction => evaluation().bliss_interaction,
            Quantity::Endpoint(index) => {
                let endpoints = runs[0].endpoints.as_ref()?;
                let event = Endpoints::DEFINITIONS[*index].unit == "d";
                endpoints.values()[*index].or(event.then_some(days))
            }
        };
        self.quantities
            .iter()
            .map(|quantity| {
                value(quantity).filter(|v| v.is_finite()).ok_or_else(|| {
                    Error::input(
                        format!("endpoint {}", quantity.name()),
                        "the run has no such value",
                        "choose an endpoint that the arm and the setting have",
                    )
                })
            })
            .collect()
    }
}
