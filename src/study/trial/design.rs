//! A trial as data.

use crate::error::{Error, Result};
use crate::parameters::bounds::{self, ARMS, SCANS, SUBJECTS};
use crate::parameters::{Domain, Library, ParameterTable, Reader};
use crate::regimen::{Arm, Mode};

/// Who is treated in which arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// The same patients in every arm.
    Matched,
    /// Each patient in one arm, in permuted blocks of one patient per arm.
    Randomised,
}

impl Allocation {
    /// Reads `matched` or `randomised`.
    ///
    /// # Errors
    /// Any other word.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        match text {
            "matched" => Ok(Self::Matched),
            "randomised" => Ok(Self::Randomised),
            other => Err(Error::unknown_name(
                place,
                "design",
                other,
                ["matched", "randomised"],
            )),
        }
    }
}

/// What a trial with an arm has published.
#[derive(Debug, Clone, PartialEq)]
pub struct Published {
    /// The arm.
    pub arm: Arm,
    /// Median time to progression, d.
    pub median: Option<f64>,
    /// Hazard ratio against the first arm.
    pub hazard_ratio: Option<f64>,
    /// Key of the reference.
    pub source: Option<String>,
}

/// What is done in a trial.
#[derive(Debug, Clone, PartialEq)]
pub struct TrialDesign {
    /// Name of the file.
    pub name: String,
    /// Title for tables and figures.
    pub title: String,
    /// Name of the population.
    pub population: String,
    /// Arms; the first is the control.
    pub arms: Vec<Arm>,
    /// Who is treated in which arm.
    pub allocation: Allocation,
    /// How partners act.
    pub mode: Mode,
    /// Patients per arm.
    pub patients: u64,
    /// Length, h.
    pub duration: f64,
    /// Time between scans, h.
    pub scan_interval: f64,
    /// Rate of leaving without progression, 1/h.
    pub dropout: f64,
    /// Diameter over its smallest that counts as progression.
    pub progression: f64,
    /// Diameter over the start that counts as partial response.
    pub partial: f64,
    /// What was published.
    pub published: Vec<Published>,
}

impl TrialDesign {
    /// Reads `params/trials/NAME.toml`.
    ///
    /// # Errors
    /// An unknown name, arm or design; a missing or impossible number; a key that nothing uses.
    pub fn read(library: &Library, name: &str, place: &str) -> Result<Self> {
        let table = library.table("trials", name, place)?;
        let file = format!("trials/{name}.toml");
        let text = |key: &str| {
            table.text(key).map(str::to_owned).ok_or_else(|| {
                Error::input(
                    format!("{file}, key `{key}`"),
                    "the text is missing",
                    "see the shipped trials (`hif-switch params export DIR`)",
                )
            })
        };
        let reader = table.reader();
        let arms = table.list("arms").unwrap_or_default();
        let arm = |text: &String| Arm::parse(text, library, &table.place("arms"));
        let design = Self {
            name: name.to_owned(),
            title: text("title")?,
            population: text("population")?,
            arms: arms.iter().map(arm).collect::<Result<Vec<_>>>()?,
            allocation: Allocation::parse(&text("design")?, &table.place("design"))?,
            mode: match table.text("mode") {
                Some(mode) => Mode::parse(mode, &table.place("mode"))?,
                None => Mode::default(),
            },
            patients: whole(reader.read("plan.patients", "1", Domain::Positive)?, &file)?,
            duration: reader.read("plan.duration", "h", Domain::Positive)?,
            scan_interval: reader.read("plan.scan_interval", "h", Domain::Positive)?,
            dropout: reader.read("plan.dropout", "1/h", Domain::NonNegative)?,
            progression: reader.read("response.progression", "1", Domain::Positive)?,
            partial: reader.read("response.partial", "1", Domain::Fraction)?,
            published: read_published(&table, &reader, library, &file)?,
        };
        reader.finish()?;
        design.check(&file)?;
        Ok(design)
    }

    /// Checks what a user may have changed.
    ///
    /// # Errors
    /// A number beyond its bound; no arm, an arm named twice, no patient, no scan within the trial, a diameter of progression that
    /// is not above 1.
    pub fn check(&self, place: &str) -> Result<()> {
        bounds::time(self.duration, format!("{place}, duration"))?;
        let scans = self.duration / self.scan_interval;
        SCANS.check(
            scans.ceil(),
            format!("{place}, duration over scan interval"),
        )?;
        SUBJECTS.check(self.patients as f64, format!("{place}, patients"))?;
        ARMS.count(self.arms.len(), format!("{place}, arms"))?;
        let twice = (1..self.arms.len()).find(|i| self.arms[..*i].contains(&self.arms[*i]));
        let problem = if let Some(twice) = twice {
            format!("the arm `{}` is named twice", self.arms[twice])
        } else if self.scan_interval > self.duration {
            "no scan lies within the trial".to_owned()
        } else if self.progression <= 1.0 {
            format!(
                "a diameter of {} times the smallest is no progression",
                self.progression
            )
        } else {
            return Ok(());
        };
        Err(Error::input(
            place,
            problem,
            "name each arm once, with at least one patient and one scan, and progression above 1",
        ))
    }

    /// Times of the scans, start included, h.
    pub fn scans(&self) -> Vec<f64> {
        let count = (self.duration / self.scan_interval + 1e-9).floor() as u32;
        (0..=count)
            .map(|scan| f64::from(scan) * self.scan_interval)
            .collect()
    }

    /// Number of runs.
    pub fn runs(&self) -> usize {
        self.patients as usize * self.arms.len()
    }
}

/// A number of patients; a part of one is none.
fn whole(patients: f64, file: &str) -> Result<u64> {
    if patients.fract().abs() > 0.0 {
        return Err(Error::input(
            format!("{file}, key `plan.patients`"),
            format!("{patients} is no whole number"),
            "give a whole number of patients",
        ));
    }
    Ok(patients as u64)
}

fn read_published(
    table: &ParameterTable,
    reader: &Reader<'_>,
    library: &Library,
    file: &str,
) -> Result<Vec<Published>> {
    let paths = table.numbers().map(|(path, _)| path);
    let mut names: Vec<&str> = paths
        .filter_map(|path| {
            let (arm, _) = path.strip_prefix("published.")?.rsplit_once('.')?;
            Some(arm)
        })
        .collect();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let value = |last: &str, unit: &str| {
                let path = format!("published.{name}.{last}");
                if reader.has(&path) {
                    reader.read(&path, unit, Domain::Positive).map(Some)
                } else {
                    Ok(None)
                }
            };
            let arm = Arm::parse(name, library, &format!("{file}, key `published.{name}`"))?;
            let source = table
                .number(&format!("published.{name}.median"))
                .and_then(|entry| entry.source.clone());
            Ok(Published {
                arm,
                median: value("median", "d")?,
                hazard_ratio: value("hazard_ratio", "1")?,
                source,
            })
        })
        .collect()
}
