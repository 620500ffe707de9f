//! The ranges over which parameters vary.

use crate::error::{Error, Result};
use crate::parameters::{Entry, Grade};
use crate::simulate::Template;

/// Ratio of the ends of a range from which on it is taken as logarithmic.
pub const LOG_RATIO: f64 = 3.0;

/// A parameter with its range.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Path.
    pub path: String,
    /// Unit of its file.
    pub unit: String,
    /// Shipped value.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Whether it varies on a logarithmic scale.
    pub log: bool,
    /// Support of the shipped value.
    pub grade: Grade,
}

impl Axis {
    /// The parameter at a path with the range of its file.
    ///
    /// # Errors
    /// An unknown path; a number without value, or without a range that is wider than a point.
    pub fn read(template: &Template, path: &str, place: &str) -> Result<Self> {
        let entry = template.number(path).ok_or_else(|| {
            let known = template.table().numbers().map(|(path, _)| path);
            Error::unknown_name(place, "parameter", path, known)
        })?;
        Self::of(path, entry, place)
    }

    /// The number of a file at a path with its range.
    ///
    /// # Errors
    /// A number without value, or without a range that is wider than a point.
    pub fn of(path: &str, entry: &Entry, place: &str) -> Result<Self> {
        let (Some(value), Some((low, high))) = (entry.value, entry.range) else {
            return Err(Error::input(
                format!("{place}, {}, key `{path}`", entry.origin),
                "the parameter has no value or no range to vary over",
                "give it a range = [low, high] in a file of --params",
            ));
        };
        if high <= low {
            return Err(Error::input(
                format!("{place}, {}, key `{path}`", entry.origin),
                format!("the range [{low}, {high}] is a point"),
                "leave the parameter out, or widen its range in a file of --params",
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            unit: entry.unit.clone(),
            value,
            low,
            high,
            log: low > 0.0 && high / low >= LOG_RATIO,
            grade: entry.grade,
        })
    }

    /// The place of a value in the range, 0 at its lower end and 1 at its upper.
    pub fn place(&self, value: f64) -> f64 {
        if self.log {
            libm::log(value / self.low) / libm::log(self.high / self.low)
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// The value at a place of the range, 0 at its lower end and 1 at its upper.
    pub fn at(&self, place: f64) -> f64 {
        if self.log {
            self.low * libm::pow(self.high / self.low, place)
        } else {
            self.low + place * (self.high - self.low)
        }
    }
}

/// Parameters that vary together.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// The parameters.
    pub axes: Vec<Axis>,
}

impl Space {
    /// The parameters at some paths.
    ///
    /// # Errors
    /// As [`Axis::read`]; no path, or one named twice.
    pub fn read(template: &Template, paths: &[String], place: &str) -> Result<Self> {
        if let Some(twice) = (1..paths.len()).find(|i| paths[..*i].contains(&paths[*i])) {
            return Err(Error::input(
                place,
                format!("`{}` is named twice", paths[twice]),
                "name each parameter once",
            ));
        }
        if paths.is_empty() {
            return Err(Error::input(
                place,
                "no parameter is named",
                "name parameters with --parameter PATH",
            ));
        }
        let axes = paths.iter().map(|path| Axis::read(template, path, place));
        Ok(Self {
            axes: axes.collect::<Result<_>>()?,
        })
    }

    /// All parameters of the setting that have a range, but for those below `without`.
    ///
    /// # Errors
    /// As [`Axis::read`].
    pub fn all(template: &Template, without: &[&str], place: &str) -> Result<Self> {
        let ranged = template.table().numbers().filter(|(path, entry)| {
            let range = entry.range.is_some_and(|(low, high)| low < high);
            range && entry.value.is_some() && !without.iter().any(|w| path.starts_with(w))
        });
        let paths: Vec<String> = ranged.map(|(path, _)| path.to_owned()).collect();
        Self::read(template, &paths, place)
    }

    /// The values at a place of the unit cube, by path.
    pub fn numbers(&self, places: &[f64]) -> Vec<(&str, f64)> {
        let axes = self.axes.iter().zip(places);
        axes.map(|(axis, place)| (axis.path.as_str(), axis.at(*place)))
            .collect()
    }
}
