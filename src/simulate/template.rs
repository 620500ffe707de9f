//! A scenario whose files are read and checked once, to be prepared many times with other numbers.

use super::run::Problem;
use super::scenario::{Hold, Scenario};
use crate::error::{Error, Result};
use crate::model::baseline::{self, baseline};
use crate::model::{Clamp, Model, PARTNER_SLOTS};
use crate::parameters::{Entry, Library, ParameterTable};
use crate::regimen::{PartnerDrug, Regimen, Timeline};

/// Path of the body weight, on which the doses of partners depend.
const BODY_WEIGHT: &str = "exposure.body_weight";

/// Path of the resistant part at the start.
const RESISTANT: &str = "tumour.initial_resistant_fraction";

/// A scenario with its files read: studies change numbers in it without reading text again.
#[derive(Debug, Clone)]
pub struct Template {
    /// What is to be simulated.
    pub scenario: Scenario,
    /// Who gets what, when; a study of schedules changes it.
    pub regimen: Regimen,
    label: String,
    table: ParameterTable,
    partner_tables: Vec<ParameterTable>,
    drugs: Vec<PartnerDrug>,
}

impl Template {
    /// Reads a scenario; a phenotype's pre-treatment is run once, with the shipped numbers.
    ///
    /// # Errors
    /// As [`Scenario::prepare`].
    pub fn read(library: &Library, scenario: &Scenario) -> Result<Self> {
        Self::read_pretreated(library, scenario, scenario.pretreated_fraction(library)?)
    }

    /// Like [`read`](Self::read) with the resistant part after the pre-treatment known already.
    ///
    /// # Errors
    /// As [`Scenario::prepare`].
    pub fn read_pretreated(
        library: &Library,
        scenario: &Scenario,
        resistant: Option<f64>,
    ) -> Result<Self> {
        let mut table = scenario.parameters(library)?;
        if let Some(resistant) = resistant {
            table.replace_value(RESISTANT, resistant);
        }
        let regimen = scenario.regimen(library, &table)?;
        let weight = body_weight(&Model::read(&table, std::array::from_fn(|_| None))?);
        let drugs = scenario.partners(library, weight)?;
        // Here and not in the first run, so that a study is refused before it starts.
        for drug in &drugs {
            drug.demand_known(&regimen.partner)?;
        }
        Ok(Self {
            partner_tables: scenario.partner_tables(library)?,
            drugs,
            label: scenario.label(),
            scenario: scenario.clone(),
            regimen,
            table,
        })
    }

    /// A number with everything that is known of it; paths of a partner of the arm begin with
    /// `partner.NAME.`.
    pub fn number(&self, path: &str) -> Option<&Entry> {
        match partner_path(path) {
            None => self.table.number(path),
            Some((name, key)) => self.partner_tables[self.slot(name)?].number(key),
        }
    }

    /// The merged parameters of biology and setting.
    pub fn table(&self) -> &ParameterTable {
        &self.table
    }

    /// All numbers of a partner of the arm, by the path in its file.
    pub fn partner_numbers(&self, name: &str) -> impl Iterator<Item = (&str, &Entry)> {
        let table = self.slot(name).map(|slot| &self.partner_tables[slot]);
        table.into_iter().flat_map(ParameterTable::numbers)
    }

    fn slot(&self, partner: &str) -> Option<usize> {
        let partners = &self.scenario.arm.partners;
        partners.iter().position(|name| name == partner)
    }

    /// The problem with `numbers` in place of the scenario's, each in the unit of its file.
    ///
    /// Numbers of partners that the arm does not have are left out, so that all arms of a study can
    /// be given the same.
    ///
    /// # Errors
    /// An unknown path, an impossible number, a baseline that does not exist.
    pub fn problem(&self, numbers: &[(&str, f64)]) -> Result<Problem> {
        self.problem_under(&self.regimen, numbers)
    }

    /// Like [`problem`](Self::problem), under another regimen.
    ///
    /// # Errors
    /// As [`problem`](Self::problem); an amount whose unit does not fit the setting.
    pub fn problem_under(&self, regimen: &Regimen, numbers: &[(&str, f64)]) -> Result<Problem> {
        if numbers.is_empty() {
            return self.build(regimen, &self.table, &self.drugs);
        }
        let mut table = self.table.clone();
        let mut partners: Option<Vec<ParameterTable>> = None;
        let mut weighed = false;
        for (path, value) in numbers {
            let Some((name, key)) = partner_path(path) else {
                weighed |= *path == BODY_WEIGHT;
                replace(&mut table, path, *value)?;
                continue;
            };
            if let Some(slot) = self.slot(name) {
                let tables = partners.get_or_insert_with(|| self.partner_tables.clone());
                replace(&mut tables[slot], key, *value)?;
            }
        }
        if partners.is_none() && !weighed {
            return self.build(regimen, &table, &self.drugs);
        }
        let weight = body_weight(&Model::read(&table, std::array::from_fn(|_| None))?);
        let drugs = self
            .scenario
            .partners_from(partners.as_ref().unwrap_or(&self.partner_tables), weight)?;
        self.build(regimen, &table, &drugs)
    }

    fn build(
        &self,
        regimen: &Regimen,
        table: &ParameterTable,
        drugs: &[PartnerDrug],
    ) -> Result<Problem> {
        let mut model = Model::read(table, std::array::from_fn(|_| None))?;
        for (slot, drug) in drugs.iter().enumerate().take(PARTNER_SLOTS) {
            model.partners[slot] = Some(drug.partner.clone());
        }
        let sorafenib = self.scenario.arm.sorafenib;
        let timeline = Timeline::build(regimen, &model, sorafenib, drugs)?;
        let baseline = baseline(&model, &timeline.before).map_err(|failure| Error::Run {
            run: self.label.clone(),
            state: failure.state.to_owned(),
            time_h: 0.0,
            cause: format!(
                "no untreated steady state: {} per h is left, {} is allowed",
                failure.derivative,
                baseline::STEADY
            ),
            remedy: "bring the parameters back towards their plausible range".to_owned(),
        })?;
        if !self.scenario.interventions.is_empty() {
            let mut table = table.clone();
            for (path, value) in &self.scenario.interventions {
                table.set(path, value)?;
            }
            model = Model::read(&table, model.partners)?;
        }
        model.clamp = clamp(self.scenario.hold, baseline.oxygen);
        Ok(Problem {
            label: self.label.clone(),
            model,
            baseline,
            timeline,
        })
    }
}

fn clamp(hold: Option<Hold>, untreated_oxygen: f64) -> Clamp {
    let oxygen = match hold {
        Some(Hold::UntreatedOxygen) => Some(untreated_oxygen),
        Some(Hold::Oxygen(oxygen)) => Some(oxygen),
        Some(Hold::SwitchIndex) | None => None,
    };
    Clamp {
        oxygen,
        switch_index: hold == Some(Hold::SwitchIndex),
    }
}

fn body_weight(model: &Model<f64>) -> Option<f64> {
    model.kinetics.absorption().map(|a| a.body_weight)
}

/// Name and key of the path of a partner's number.
pub(super) fn partner_path(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("partner.")?.split_once('.')
}

fn replace(table: &mut ParameterTable, path: &str, value: f64) -> Result<()> {
    if table.number(path).is_none() {
        let known = table.numbers().map(|(path, _)| path);
        return Err(Error::unknown_name("study", "parameter", path, known));
    }
    table.replace_value(path, value);
    Ok(())
}
