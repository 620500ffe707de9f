//! A population as tables.

use crate::error::Result;
use crate::study::plan::{Outline, Rows, visit};
use crate::study::population::{READOUTS, SubjectsPlan};
use crate::table::{Cell, Sheet, Table};
use std::collections::BTreeMap;

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

/// Factors and readouts with median and the middle 90 %; a column of `rows` at a time is in memory.
///
/// # Errors
/// Rows that cannot be read.
pub fn population_summary(plan: &SubjectsPlan<'_>, rows: &dyn Rows) -> Result<Table> {
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
    let factors = plan.sampler.population.factors.iter();
    for (column, factor) in plan.factors().zip(factors) {
        let what = format!("factor of {}", factor.paths.join(", "));
        push(&factor.name, "1", what, rows.column(column)?);
    }
    for (index, (column, readout)) in plan.readouts().zip(READOUTS).enumerate() {
        let what = readout.definition.to_owned();
        push(readout.name, plan.unit(index), what, rows.column(column)?);
    }
    Ok(table)
}

/// A row per subject: factors and readouts, read from the rows of the subjects.
pub fn subjects_table<'a>(plan: &SubjectsPlan<'_>, rows: &'a dyn Rows) -> Sheet<'a> {
    let width = plan.readouts().end;
    let fields = plan.fields().into_iter().take(width);
    let columns = std::iter::once(("subject".to_owned(), String::new()))
        .chain(fields.map(|field| (field.name, field.unit)));
    Sheet::long(Table::new(columns), move |push| {
        visit(rows, |subject, numbers| {
            let number = std::iter::once(Cell::from(subject.to_string()));
            let cells = numbers[..width].iter().copied().map(Cell::from);
            push(number.chain(cells).collect())
        })
    })
}

/// How many draws were taken again, and why.
///
/// # Errors
/// Rows that cannot be read.
pub fn rejections(plan: &SubjectsPlan<'_>, rows: &dyn Rows) -> Result<String> {
    let mut causes: BTreeMap<String, u64> = BTreeMap::new();
    for (column, cause) in plan.rejections() {
        let count: f64 = rows.column(column)?.iter().sum();
        if count > 0.0 {
            *causes.entry(cause.to_string()).or_insert(0) += count as u64;
        }
    }
    let again: u64 = causes.values().sum();
    let list: Vec<String> = causes
        .iter()
        .map(|(cause, count)| format!("{count} {cause}"))
        .collect();
    if list.is_empty() {
        return Ok(format!("{} subjects, no draw taken again", rows.count()));
    }
    Ok(format!(
        "{} subjects; {again} draws were taken again: {}",
        rows.count(),
        list.join(", ")
    ))
}
