//! Regimens as data.

use crate::error::{Error, Result};
use crate::parameters::{Document, Library, bounds};
use crate::units::Quantity;
use serde::Deserialize;

/// An on/off cycle within a course.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cycle {
    /// Time on drug, h.
    pub on: f64,
    /// Time off drug, h.
    pub off: f64,
}

/// A stretch of treatment with one amount and one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Amount per dose (mg, mg/kg) or medium concentration; `None`: the partner's own.
    pub amount: Option<Quantity>,
    /// First dose of another amount.
    pub loading: Option<Quantity>,
    /// Interval between doses, h; `None`: the partner's own.
    pub interval: Option<f64>,
    /// Start, h.
    pub start: f64,
    /// Stop, h; `None`: end of the run.
    pub stop: Option<f64>,
    /// Length of an infusion, h; `None`: by mouth.
    pub infusion: Option<f64>,
    /// On/off cycle.
    pub cycle: Option<Cycle>,
    /// Where it was read.
    pub place: String,
}

impl Course {
    /// From the start to the end of the run, with the drug's own amount and interval.
    pub fn plain(place: &str) -> Self {
        Self {
            amount: None,
            loading: None,
            interval: None,
            start: 0.0,
            stop: None,
            infusion: None,
            cycle: None,
            place: place.to_owned(),
        }
    }
}

/// A change of the medium's pO2.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OxygenStep {
    /// Time, h.
    pub at: f64,
    /// pO2 from then on, mmHg.
    pub oxygen: f64,
}

/// Surgery that removes a part of the tumour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resection {
    /// Time, h.
    pub at: f64,
    /// Part of the tumour that is removed.
    pub removed: f64,
}

/// A treatment plan for a setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Regimen {
    /// Name of the file.
    pub name: String,
    /// Title for tables and figures.
    pub title: String,
    /// Setting for which it is meant.
    pub setting: String,
    /// Length of the run, h.
    pub duration: f64,
    /// Times at which arms are compared, h, the main one first; empty: the end.
    pub evaluations: Vec<f64>,
    /// pO2 of the medium before the start, mmHg (culture).
    pub oxygen_before: Option<f64>,
    /// Courses of sorafenib.
    pub sorafenib: Vec<Course>,
    /// Timing of the partner drugs.
    pub partner: Vec<Course>,
    /// Steps of the medium's pO2 (culture).
    pub oxygen: Vec<OxygenStep>,
    /// Resections.
    pub resection: Vec<Resection>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawResection {
    at: String,
    removed: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCycle {
    on: String,
    off: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCourse {
    amount: Option<String>,
    loading: Option<String>,
    interval: Option<String>,
    start: Option<String>,
    stop: Option<String>,
    infusion: Option<String>,
    cycle: Option<RawCycle>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOxygen {
    at: String,
    oxygen: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRegimen {
    title: String,
    setting: String,
    duration: String,
    #[serde(default)]
    evaluations: Vec<String>,
    oxygen_before: Option<String>,
    #[serde(default)]
    sorafenib: Vec<RawCourse>,
    #[serde(default)]
    partner: Vec<RawCourse>,
    #[serde(default)]
    oxygen: Vec<RawOxygen>,
    #[serde(default)]
    resection: Vec<RawResection>,
}

impl Regimen {
    /// Reads a regimen of the library.
    ///
    /// # Errors
    /// An unknown name or setting, an unknown key, a wrong unit, a negative amount or time, an interval of 0,
    /// an empty regimen.
    pub fn read(library: &Library, name: &str, place: &str) -> Result<Self> {
        let document = library.document("regimens", name, place)?;
        let regimen = Self::parse(name, document)?;
        let settings = library.names("settings");
        if settings.contains(&regimen.setting.as_str()) {
            return Ok(regimen);
        }
        Err(Error::unknown_name(
            format!("{}, key `setting`", document.origin),
            "setting",
            &regimen.setting,
            settings,
        ))
    }

    /// Reads a regimen from a document.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(name: &str, document: &Document) -> Result<Self> {
        let raw: RawRegimen = toml::from_str(&document.text)
            .map_err(|e| crate::parameters::toml_error(&document.origin, &document.text, &e))?;
        let origin = &document.origin;
        let duration = time(&raw.duration, &format!("{origin}, key `duration`"))?;
        if duration <= 0.0 {
            return Err(Error::input(
                format!("{origin}, key `duration`"),
                format!("the run lasts {}", raw.duration),
                "give a time above 0, for instance \"28 d\"",
            ));
        }
        if raw.sorafenib.is_empty() && raw.partner.is_empty() {
            return Err(Error::input(
                origin,
                "the regimen is empty",
                "add a [[sorafenib]] or a [[partner]] course",
            ));
        }
        let courses = |key: &str, raw: Vec<RawCourse>| {
            raw.into_iter()
                .enumerate()
                .map(|(i, course)| read_course(course, format!("{origin}, {key} course {}", i + 1)))
                .collect::<Result<Vec<_>>>()
        };
        let sorafenib = courses("sorafenib", raw.sorafenib)?;
        if let Some(course) = sorafenib.iter().find(|course| course.amount.is_none()) {
            return Err(Error::input(
                &course.place,
                "the amount is missing",
                "give amount = \"30 mg/kg\", \"400 mg\" or, in culture, \"5 µM\"",
            ));
        }
        let mut oxygen = raw
            .oxygen
            .iter()
            .map(|step| {
                let place = format!("{origin}, oxygen step");
                Ok(OxygenStep {
                    at: time(&step.at, &place)?,
                    oxygen: positive(&step.oxygen, "mmHg", &place)?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        oxygen.sort_by(|a, b| a.at.total_cmp(&b.at));
        let resection = raw
            .resection
            .iter()
            .map(|resection| {
                let place = format!("{origin}, resection");
                let removed = resection.removed;
                if !(0.0..1.0).contains(&removed) {
                    return Err(Error::input(
                        place,
                        format!("the part removed is {removed}"),
                        "give a part from 0 to below 1, such as 0.9",
                    ));
                }
                Ok(Resection {
                    at: time(&resection.at, &place)?,
                    removed,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            name: name.to_owned(),
            title: raw.title,
            setting: raw.setting,
            duration,
            evaluations: raw
                .evaluations
                .iter()
                .map(|text| span(text, &format!("{origin}, key `evaluations`")))
                .collect::<Result<Vec<_>>>()?,
            oxygen_before: raw
                .oxygen_before
                .map(|text| positive(&text, "mmHg", &format!("{origin}, key `oxygen_before`")))
                .transpose()?,
            sorafenib,
            partner: courses("partner", raw.partner)?,
            oxygen,
            resection,
        })
    }
}

/// Units of what an amount may be: a dose, or the concentration that is held.
const AMOUNTS: [&str; 4] = ["mg", "mg/kg", "nM", "mg/L"];

fn read_course(raw: RawCourse, place: String) -> Result<Course> {
    let amount = |text: Option<String>, key: &str| {
        text.map(|text| {
            let place = format!("{place}, key `{key}`");
            let quantity = Quantity::parse(&text).map_err(|error| {
                Error::input(
                    &place,
                    error.to_string(),
                    "write an amount such as \"30 mg/kg\"",
                )
            })?;
            if AMOUNTS.iter().all(|unit| quantity.to(unit).is_err()) {
                return Err(Error::input(
                    place,
                    format!("`{text}` is neither a dose nor a concentration"),
                    "give mg or mg/kg, in culture µM, nM or mg/L",
                ));
            }
            if quantity.value < 0.0 {
                return Err(Error::input(
                    place,
                    format!("the dose {text} is negative"),
                    "give 0 or more",
                ));
            }
            Ok(quantity)
        })
        .transpose()
    };
    let positive_time = |text: Option<String>, key: &str| {
        text.map(|text| span(&text, &format!("{place}, key `{key}`")))
            .transpose()
    };
    let start = raw.start.map_or(Ok(0.0), |text| {
        time(&text, &format!("{place}, key `start`"))
    })?;
    let stop = raw
        .stop
        .map(|text| time(&text, &format!("{place}, key `stop`")))
        .transpose()?;
    if stop.is_some_and(|stop| stop <= start) {
        return Err(Error::input(
            &place,
            "the course stops before it starts",
            "give a stop later than the start",
        ));
    }
    Ok(Course {
        amount: amount(raw.amount, "amount")?,
        loading: amount(raw.loading, "loading")?,
        interval: positive_time(raw.interval, "interval")?,
        start,
        stop,
        infusion: positive_time(raw.infusion, "infusion")?,
        cycle: raw
            .cycle
            .map(|cycle| -> Result<Cycle> {
                Ok(Cycle {
                    on: span(&cycle.on, &format!("{place}, key `cycle.on`"))?,
                    off: span(&cycle.off, &format!("{place}, key `cycle.off`"))?,
                })
            })
            .transpose()?,
        place,
    })
}

/// A time of 0 or more, in h.
fn time(text: &str, place: &str) -> Result<f64> {
    let hours = quantity(text, "h", place)?;
    if hours < 0.0 {
        return Err(Error::input(
            place,
            format!("the time {text} is negative"),
            "times count from the start of the run",
        ));
    }
    bounds::time(hours, place)
}

/// A length of time above 0, in h.
fn span(text: &str, place: &str) -> Result<f64> {
    bounds::time(positive(text, "h", place)?, place)
}

fn positive(text: &str, unit: &str, place: &str) -> Result<f64> {
    let value = quantity(text, unit, place)?;
    if value > 0.0 {
        Ok(value)
    } else {
        Err(Error::input(
            place,
            format!("{text} is not above 0"),
            format!("give a number above 0 in a unit like {unit}"),
        ))
    }
}

fn quantity(text: &str, unit: &str, place: &str) -> Result<f64> {
    Quantity::parse(text)
        .and_then(|quantity| quantity.to(unit))
        .map_err(|error| {
            Error::input(
                place,
                error.to_string(),
                format!("write a number with a unit of the dimension of {unit}, for instance \"24 {unit}\""),
            )
        })
}
