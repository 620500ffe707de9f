//! A population as tables.

use crate::study::population::{Population, READOUTS, Subject};
use crate::table::{Cell, Sheet, Table};

/// The value below which a part of sorted values lies, by linear interpolation.
pub(super) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = part * (sorted.len().saturating_sub(1)) as f64;
    let low = place.floor() as usize;
    match (sorted.get(low), sorted.get(low + 1)) {
        (Some(a), Some(b)) => a + (place - low as f64) * (b - a),
        (Some(a), None) => *a,
        _ => f64::NAN,
    }
}

/// Factors and readouts with median and the middle 90 %.
pub fn population_summary(
    population: &Population,
    subjects: &[Subject],
    burden_unit: &str,
) -> Table {
    let mut table = Table::headed(["quantity", "unit", "5 %", "median", "95 %", "what it is"]);
    let mut push = |name: &str, unit: &str, what: String, mut values: Vec<f64>| {
        values.retain(|value| !value.is_nan());
        values.sort_by(f64::total_cmp);
        table.push([
            Cell::from(name),
            Cell::from(unit),
            Cell::from(quantile(&values, 0.05)),
            Cell::from(quantile(&values, 0.5)),
            Cell::from(quantile(&values, 0.95)),
            Cell::from(what),
        ]);
    };
    for (index, factor) in population.factors.iter().enumerate() {
        let values = subjects.iter().map(|s| s.factors[index]).collect();
        let what = format!("factor of {}", factor.paths.join(", "));
        push(&factor.name, "1", what, values);
    }
    for (index, readout) in READOUTS.iter().enumerate() {
        let values = subjects
            .iter()
            .map(|s| s.readouts.values()[index])
            .collect();
        let unit = if readout.unit == "burden" {
            burden_unit
        } else {
            readout.unit
        };
        push(readout.name, unit, readout.definition.to_owned(), values);
    }
    table
}

/// A row per subject: factors and readouts.
pub fn subjects_table<'a>(
    factors: &[String],
    subjects: &'a [Subject],
    burden_unit: &str,
) -> Sheet<'a> {
    let columns = std::iter::once(("subject".to_owned(), String::new()))
        .chain(
            factors
                .iter()
                .map(|f| (format!("factor_{f}"), "1".to_owned())),
        )
        .chain(READOUTS.iter().map(|readout| {
            let unit = if readout.unit == "burden" {
                burden_unit
            } else {
                readout.unit
            };
            (readout.name.to_owned(), unit.to_owned())
        }));
    Sheet::long(Table::new(columns), move |push| {
        subjects.iter().try_for_each(|subject| {
            let values = subject.factors.iter().copied();
            let cells = values.chain(subject.readouts.values()).map(Cell::from);
            let number = std::iter::once(Cell::from(subject.id.to_string()));
            push(number.chain(cells).collect())
        })
    })
}
