//! Doses of sorafenib that a setting can have: their unit and their size.

use super::schedule::Regimen;
use crate::error::{Error, Result};
use crate::parameters::{Domain, Library, ParameterTable};
use crate::units::{Quantity, UnitError};

/// How many times the upper end of what is plausible a dose is refused.
const BEYOND: f64 = 10.0;

/// The plausible doses of a setting, from the list `plausible_dose` of its file.
#[derive(Debug, Clone, PartialEq)]
pub struct PlausibleDose {
    setting: String,
    low: f64,
    high: f64,
    /// Unit of both.
    unit: String,
    /// Of an amount for the whole body, kg.
    body_weight: Option<f64>,
    /// Of a concentration in mass, g/mol.
    molar_mass: f64,
    /// The dose of the setting's own regimen.
    usual: String,
    origin: String,
}

impl PlausibleDose {
    /// The plausible doses of a setting; `None` where its file does not say.
    ///
    /// # Errors
    /// A list that is not of two doses in one unit, the lower first.
    pub fn read(library: &Library, table: &ParameterTable, setting: &str) -> Result<Option<Self>> {
        const KEY: &str = "plausible_dose";
        let Some(list) = table.list(KEY) else {
            return Ok(None);
        };
        let origin = table.text_origin(KEY).map_or_else(
            || format!("setting `{setting}`"),
            std::string::ToString::to_string,
        );
        let bad = |problem: String| {
            Error::input(
                format!("{origin}, key `{KEY}`"),
                problem,
                "write two doses in one unit, the lower first: [\"1 mg/kg\", \"200 mg/kg\"]",
            )
        };
        let ends = list
            .iter()
            .map(|text| Quantity::parse(text).map_err(|error| bad(error.to_string())))
            .collect::<Result<Vec<_>>>()?;
        let [low, high] = ends.as_slice() else {
            return Err(bad(format!("there are {} doses", ends.len())));
        };
        if low.unit != high.unit || low.value <= 0.0 || low.value >= high.value {
            return Err(bad(format!("no dose lies between {low} and {high}")));
        }
        let reader = table.reader();
        let number = |path: &str, unit: &str| match reader.has(path) {
            true => reader.read_known(path, unit, Domain::Positive),
            false => Ok(None),
        };
        Ok(Some(Self {
            setting: setting.to_owned(),
            low: low.value,
            high: high.value,
            unit: low.unit.clone(),
            body_weight: number("exposure.body_weight", "kg")?,
            molar_mass: number("sorafenib.molar_mass", "g/mol")?.unwrap_or(f64::NAN),
            usual: usual(library, table)?,
            origin,
        }))
    }

    /// A dose in the unit of the plausible ones. An amount for the whole body is none where doses go by weight: 30 mg is a
    /// thousand times too much for a mouse, and 30 mg/kg is what was meant.
    fn value(&self, dose: &Quantity) -> Option<f64> {
        let by_weight = || Some(dose.to("mg/kg").ok()? * self.body_weight?);
        let by_mass = || {
            dose.to("mg/L")
                .ok()
                .map(|mass| mass * 1e6 / self.molar_mass)
        };
        let converted = |value: Option<f64>, from: &str| {
            Quantity {
                value: value?,
                unit: from.to_owned(),
            }
            .to(&self.unit)
            .ok()
        };
        dose.to(&self.unit)
            .ok()
            .or_else(|| converted(by_weight(), "mg"))
            .or_else(|| converted(by_mass(), "nM"))
    }

    /// Checks a dose; gives what is to be said of one that is possible but not plausible.
    ///
    /// # Errors
    /// A unit that does not fit the setting, or ten times the largest plausible dose.
    pub fn check(&self, dose: &Quantity, place: &str) -> Result<Option<String>> {
        let Self {
            setting,
            low,
            high,
            unit,
            usual,
            origin,
            ..
        } = self;
        let remedy = format!("give {low} to {high} {unit}; the usual dose is {usual}");
        let Some(value) = self.value(dose) else {
            if let Err(error @ (UnitError::Unreadable(_) | UnitError::TooLong(_))) = dose.to(unit) {
                return Err(Error::input(place, error.to_string(), remedy));
            }
            return Err(Error::input(
                place,
                format!(
                    "`{dose}` is no dose in the setting `{setting}`: it is given in {unit}, not in {}",
                    dose.unit
                ),
                remedy,
            ));
        };
        if !(0.0..=BEYOND * high).contains(&value) {
            return Err(Error::input(
                place,
                format!(
                    "{dose} is beyond {BEYOND} times the largest plausible dose, {high} {unit} ({origin})"
                ),
                remedy,
            ));
        }
        let plausible = (*low..=*high).contains(&value) || value <= 0.0;
        Ok((!plausible).then(|| {
            format!(
                "{place}: {dose} is outside the plausible doses, {low} to {high} {unit} ({origin}); the usual one is {usual}"
            )
        }))
    }

    /// Checks every dose of a regimen; gives what is to be said of those that are possible but not plausible.
    ///
    /// # Errors
    /// As [`check`](Self::check); a partner's dose for the whole body where doses go by weight.
    pub fn check_regimen(&self, regimen: &Regimen) -> Result<Vec<String>> {
        let mut notes = Vec::new();
        for course in &regimen.sorafenib {
            for dose in course.amount.iter().chain(&course.loading) {
                notes.extend(self.check(dose, &course.place)?);
            }
        }
        let by_weight =
            Quantity::parse(&format!("1 {}", self.unit)).is_ok_and(|one| one.to("mg/kg").is_ok());
        for course in &regimen.partner {
            let mut doses = course.amount.iter().chain(&course.loading);
            if let Some(dose) = doses.find(|dose| by_weight && dose.to("mg").is_ok()) {
                return Err(Error::input(
                    &course.place,
                    format!(
                        "a dose in the setting `{}` is given in {}, not in {}",
                        self.setting, self.unit, dose.unit
                    ),
                    "give the partner's dose by body weight, or its concentration",
                ));
            }
        }
        Ok(notes)
    }
}

/// The first dose of sorafenib of the setting's own regimen.
fn usual(library: &Library, table: &ParameterTable) -> Result<String> {
    let Some(name) = table.text("default_regimen") else {
        return Ok("not stated".to_owned());
    };
    let regimen = Regimen::read(library, name, "default_regimen")?;
    let mut doses = regimen
        .sorafenib
        .iter()
        .filter_map(|course| course.amount.as_ref());
    Ok(doses
        .next()
        .map_or_else(|| "not stated".to_owned(), ToString::to_string))
}
