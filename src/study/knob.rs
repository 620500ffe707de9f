//! What a study can turn: a parameter, the dose of sorafenib, the dose of a partner, the oxygen of a
//! culture.

use crate::error::{Error, Result};
use crate::parameters::{Library, bounds};
use crate::regimen::{Course, Mode, OxygenStep, PlausibleDose, Regimen};
use crate::simulate::{Problem, Template};
use crate::units::Quantity;

/// Something that a study turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Knob {
    /// `dose`: the amount of every sorafenib dose.
    Dose,
    /// `oxygen`: the pO2 of the medium, mmHg (culture).
    Oxygen,
    /// `partner.NAME.dose`: the dose of a partner over its own; where effects are imposed, their
    /// strength over the file's.
    Partner(String),
    /// The path of a parameter.
    Parameter(String),
}

impl Knob {
    /// A knob by name, checked against the arm of a template.
    ///
    /// # Errors
    /// A path or partner that the arm does not have, or a dose where none is given.
    pub fn parse(text: &str, template: &Template, place: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::input(
                place,
                "no knob is named",
                "write NAME=LOW:HIGH:COUNT",
            ));
        }
        if text == "dose" {
            let given = template
                .regimen
                .sorafenib
                .iter()
                .any(|c| c.amount.is_some());
            if given && template.scenario.arm.sorafenib {
                return Ok(Self::Dose);
            }
            return Err(Error::input(
                place,
                format!("the arm `{}` gives no sorafenib", template.scenario.arm),
                "choose an arm with sorafenib",
            ));
        }
        if text == "oxygen" {
            if template.scenario.setting == "culture" {
                return Ok(Self::Oxygen);
            }
            return Err(Error::input(
                place,
                "the pO2 of a tumour follows from its vessels",
                "use --setting culture, or turn oxygen.reference",
            ));
        }
        let partner = text
            .strip_prefix("partner.")
            .and_then(|rest| rest.strip_suffix(".dose"));
        if let Some(name) = partner {
            let partners = &template.scenario.arm.partners;
            if partners.iter().any(|partner| partner == name) {
                return Ok(Self::Partner(name.to_owned()));
            }
            let known = partners.iter().map(String::as_str);
            return Err(Error::unknown_name(
                place,
                "partner of the arm",
                name,
                known,
            ));
        }
        if template.number(text).is_some() {
            return Ok(Self::Parameter(text.to_owned()));
        }
        let known = template.table().numbers().map(|(path, _)| path);
        Err(Error::unknown_name(
            place,
            "parameter",
            text,
            ["dose", "oxygen"].into_iter().chain(known),
        ))
    }

    /// What is to be said of values, from `low` to `high`, that are possible but not plausible.
    ///
    /// # Errors
    /// A dose that [`PlausibleDose`] refuses.
    pub fn implausible(
        &self,
        library: &Library,
        template: &Template,
        (low, high): (f64, f64),
        place: &str,
    ) -> Result<Option<String>> {
        match self {
            Self::Dose => {
                let plausible =
                    PlausibleDose::read(library, template.table(), &template.scenario.setting)?;
                let dose = |value: f64| Quantity {
                    value,
                    unit: dose_unit(&template.regimen),
                };
                match plausible {
                    None => Ok(None),
                    Some(plausible) => Ok(plausible
                        .check(&dose(high), place)?
                        .or(plausible.check(&dose(low), place)?)),
                }
            }
            Self::Parameter(path) => {
                let entry = template.number(path);
                let outside = entry.and_then(|entry| {
                    Some((entry.outside(high).or(entry.outside(low))?, &entry.unit))
                });
                Ok(outside
                    .map(|(range, unit)| format!("{place}: {low} to {high} {unit} is {range}")))
            }
            Self::Oxygen | Self::Partner(_) => Ok(None),
        }
    }

    /// Name.
    pub fn name(&self) -> String {
        match self {
            Self::Dose => "dose".to_owned(),
            Self::Oxygen => "oxygen".to_owned(),
            Self::Partner(name) => format!("partner.{name}.dose"),
            Self::Parameter(path) => path.clone(),
        }
    }

    /// Unit of its values.
    pub fn unit(&self, template: &Template) -> String {
        match self {
            Self::Dose => dose_unit(&template.regimen),
            Self::Oxygen => "mmHg".to_owned(),
            Self::Partner(_) => "1".to_owned(),
            Self::Parameter(path) => template
                .number(path)
                .map_or(String::new(), |entry| entry.unit.clone()),
        }
    }
}

/// Unit of the sorafenib doses of a regimen.
pub fn dose_unit(regimen: &Regimen) -> String {
    let amounts = regimen.sorafenib.iter().filter_map(|c| c.amount.as_ref());
    amounts
        .map(|amount| amount.unit.clone())
        .next()
        .unwrap_or_else(|| "mg".to_owned())
}

/// Gives every sorafenib course an amount per dose.
pub fn set_dose(regimen: &mut Regimen, value: f64) {
    let unit = dose_unit(regimen);
    for course in &mut regimen.sorafenib {
        course.loading = None;
        course.amount = Some(Quantity {
            value,
            unit: unit.clone(),
        });
    }
}

/// Numbers by path that make a partner's dose (achievable mode) or imposed effects (mechanistic mode)
/// `factor` times the file's.
fn partner_numbers(template: &Template, name: &str, factor: f64) -> Vec<(String, f64)> {
    let setting = &template.scenario.setting;
    let scaled: Vec<String> = match template.scenario.mode {
        Mode::Mechanistic => vec!["imposed.".to_owned()],
        Mode::AchievableExposure => vec![
            format!("kinetics.{setting}.dose"),
            format!("kinetics.{setting}.concentration"),
            "exposure.achievable".to_owned(),
        ],
    };
    template
        .partner_numbers(name)
        .filter(|(path, _)| scaled.iter().any(|prefix| path.starts_with(prefix)))
        .filter_map(|(path, entry)| Some((format!("partner.{name}.{path}"), entry.value? * factor)))
        .collect()
}

/// A template's problem with knobs at values; several doses of sorafenib add up, several settings of
/// another knob do not: the last counts.
///
/// # Errors
/// As [`Template::problem`].
pub fn turned(template: &Template, settings: &[(&Knob, f64)]) -> Result<Problem> {
    turned_from(template, settings, &[])
}

/// Like [`turned`], under another regimen than the template's.
///
/// # Errors
/// As [`Template::problem_under`].
pub fn turned_under(
    template: &Template,
    regimen: &Regimen,
    settings: &[(&Knob, f64)],
) -> Result<Problem> {
    turn(template, regimen, settings, &[])
}

/// Like [`turned`], from other numbers than the template's.
///
/// # Errors
/// As [`Template::problem`].
pub fn turned_from(
    template: &Template,
    settings: &[(&Knob, f64)],
    from: &[(&str, f64)],
) -> Result<Problem> {
    turn(template, &template.regimen, settings, from)
}

fn turn(
    template: &Template,
    under: &Regimen,
    settings: &[(&Knob, f64)],
    from: &[(&str, f64)],
) -> Result<Problem> {
    let mut numbers: Vec<(String, f64)> = Vec::new();
    let mut regimen: Option<Regimen> = None;
    let mut dose: Option<f64> = None;
    for (knob, value) in settings {
        match knob {
            Knob::Parameter(path) => numbers.push((path.clone(), *value)),
            Knob::Dose => dose = Some(dose.unwrap_or(0.0) + value),
            Knob::Partner(name) => numbers.extend(partner_numbers(template, name, *value)),
            Knob::Oxygen => {
                let regimen = regimen.get_or_insert_with(|| under.clone());
                regimen.oxygen_before = Some(*value);
                regimen.oxygen = vec![OxygenStep {
                    at: 0.0,
                    oxygen: *value,
                }];
            }
        }
    }
    if let Some(dose) = dose {
        set_dose(regimen.get_or_insert_with(|| under.clone()), dose);
    }
    let numbers: Vec<(&str, f64)> = from
        .iter()
        .copied()
        .chain(numbers.iter().map(|(path, value)| (path.as_str(), *value)))
        .collect();
    template.problem_under(regimen.as_ref().unwrap_or(under), &numbers)
}

/// Levels of sorafenib or oxygen held one after the other, each for `hold` hours.
pub fn staircase(template: &Template, knob: &Knob, levels: &[f64], hold: f64) -> Result<Regimen> {
    let mut regimen = template.regimen.clone();
    let place = format!("{} levels of {hold} h", levels.len());
    regimen.duration = bounds::time(hold * levels.len() as f64, place)?;
    regimen.evaluations = vec![regimen.duration];
    let starts = levels
        .iter()
        .enumerate()
        .map(|(i, level)| (i as f64 * hold, *level));
    match knob {
        Knob::Oxygen => {
            regimen.oxygen_before = levels.first().copied();
            regimen.oxygen = starts
                .map(|(at, oxygen)| OxygenStep { at, oxygen })
                .collect();
        }
        Knob::Dose => {
            let unit = dose_unit(&regimen);
            let interval = regimen.sorafenib.first().and_then(|course| course.interval);
            let course = |(start, value): (f64, f64)| Course {
                amount: Some(Quantity {
                    value,
                    unit: unit.clone(),
                }),
                interval,
                start,
                stop: Some(start + hold),
                ..Course::plain("--up-down")
            };
            regimen.sorafenib = starts
                .filter(|(_, value)| *value > 0.0)
                .map(course)
                .collect();
        }
        other => {
            return Err(Error::input(
                other.name(),
                "only dose and oxygen can be changed during a run",
                "use dose, or oxygen with --setting culture",
            ));
        }
    }
    Ok(regimen)
}
