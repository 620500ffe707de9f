//! A user's own xenograft data: animal, day, volume, arm.

use super::targets::Target;
use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::parameters::bounds::MEANS;
use crate::study::claims::Names;
use std::collections::BTreeMap;

/// Smallest standard deviation of ln volume between animals, below which no one measures.
const LEAST_SPREAD: f64 = 0.05;

/// A measured volume.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnData {
    /// Animal.
    pub animal: String,
    /// Day after the start of treatment.
    pub day: f64,
    /// Volume, mm^3.
    pub volume: f64,
    /// Arm, such as `vehicle` or `sorafenib`.
    pub arm: String,
    /// Dose of sorafenib, such as `30 mg/kg`; empty: the regimen's.
    #[serde(default)]
    pub dose: String,
}

/// Targets from a data set: the geometric mean of every arm, dose and day, with the interval of 95 % that
/// the spread between animals (pooled over all days) gives; the start is the geometric mean of day 0.
///
/// # Errors
/// No volume at day 0 or after it, a volume or day that is none, an unknown arm or dose.
pub fn read_observations(
    library: &Library,
    observations: &[OwnData],
    condition: &str,
    place: &str,
) -> Result<Vec<Target>> {
    let mut groups: BTreeMap<(String, String, u64), Vec<f64>> = BTreeMap::new();
    let mut start = Vec::new();
    for (row, seen) in observations.iter().enumerate() {
        let possible = seen.volume > 0.0 && seen.volume.is_finite() && seen.day >= 0.0;
        if !possible || !seen.day.is_finite() {
            return Err(Error::input(
                format!("{place}, line {}", row + 2),
                format!("day {} and volume {} are impossible", seen.day, seen.volume),
                "give days from 0 and volumes above 0, mm^3",
            ));
        }
        let log = libm::log(seen.volume);
        if seen.day > 0.0 {
            let key = (seen.arm.clone(), seen.dose.clone(), seen.day.to_bits());
            groups.entry(key).or_default().push(log);
        } else {
            start.push(log);
        }
    }
    let animals = groups.values().map(Vec::len).max().unwrap_or(0);
    if start.is_empty() || animals < 2 {
        return Err(Error::input(
            place,
            "there are too few volumes",
            "give volumes at day 0 and, of two animals or more, at later days",
        ));
    }
    MEANS.count(
        groups.len(),
        format!("{place}, combinations of arm, dose and day"),
    )?;
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = groups
        .values()
        .map(|logs| {
            logs.iter()
                .map(|l| (l - mean(logs)) * (l - mean(logs)))
                .sum::<f64>()
        })
        .sum();
    let freedom: usize = groups.values().map(|logs| logs.len() - 1).sum();
    let spread = libm::sqrt(squares / freedom.max(1) as f64).max(LEAST_SPREAD);
    let burden = libm::exp(mean(&start));
    let names = Names::read(library)?;
    groups
        .iter()
        .map(|((arm, dose, day), logs)| {
            let day = f64::from_bits(*day);
            let value = libm::exp(mean(logs));
            let half = libm::exp(1.96 * spread / libm::sqrt(logs.len() as f64));
            let interval = (value / half, value * half);
            let mut keys = toml::Table::new();
            let mut put = |key: &str, text: String| keys.insert(key.to_owned(), text.into());
            put("measure", "burden".to_owned());
            put("in", condition.to_owned());
            put("arm", arm.clone());
            put("at", format!("{day} d"));
            if !dose.is_empty() {
                put("dose", dose.clone());
            }
            keys.insert("moment".to_owned(), true.into());
            let mut set = toml::Table::new();
            set.insert(
                "size.initial_burden".to_owned(),
                format!("{burden} mm^3").into(),
            );
            keys.insert("set".to_owned(), set.into());
            let text = format!("{arm} {dose} day {day}, {} animals", logs.len());
            let test = names.measured(keys, &text, interval, place)?;
            Ok(Target::own(
                format!("{arm} {dose} day {day}").replace("  ", " "),
                text,
                value,
                interval,
                test,
            ))
        })
        .collect()
}
