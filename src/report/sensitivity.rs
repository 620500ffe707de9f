//! Sensitivity as tables.

use crate::study::sensitivity::{Measured, Sensitivity};
use crate::table::{Cell, Table};

/// A row per quantity and parameter, the deciding ones first.
pub fn sensitivity_table(result: &Sensitivity) -> Table {
    let columns: &[&str] = match result.results.first() {
        Some(Measured::Morris(_)) => &[
            "mu* [1]",
            "standard error [1]",
            "mu [1]",
            "sigma [1]",
            "effects",
        ],
        Some(Measured::Sobol(_)) => &[
            "first [1]",
            "first low [1]",
            "first high [1]",
            "total [1]",
            "total low [1]",
            "total high [1]",
        ],
        _ => &["elasticity [1]"],
    };
    let head = [
        "endpoint",
        "parameter",
        "value",
        "unit",
        "low",
        "high",
        "grade",
    ];
    let mut table = Table::headed(head.into_iter().chain(columns.iter().copied()));
    for (quantity, measured) in result.results.iter().enumerate() {
        for i in result.ranking(quantity) {
            let axis = &result.plan.space.axes[i];
            let head = [
                Cell::from(result.plan.assay.quantities[quantity].name()),
                Cell::from(axis.path.as_str()),
                Cell::from(axis.value),
                Cell::from(axis.unit.as_str()),
                Cell::from(axis.low),
                Cell::from(axis.high),
                Cell::from(axis.grade.to_string()),
            ];
            let numbers: Vec<Cell> = match measured {
                Measured::Local(values) => vec![values[i].into()],
                Measured::Morris(effects) => {
                    let effect = effects[i];
                    vec![
                        effect.mu_star.into(),
                        effect.error.into(),
                        effect.mu.into(),
                        effect.sigma.into(),
                        Cell::from(effect.used.to_string()),
                    ]
                }
                Measured::Sobol(all) => all.last().map_or(Vec::new(), |(_, indices)| {
                    let (first, total) = (indices.first[i], indices.total[i]);
                    [first, total]
                        .into_iter()
                        .flat_map(|index| [index.estimate, index.lower, index.upper])
                        .map(Cell::from)
                        .collect()
                }),
            };
            table.push(head.into_iter().chain(numbers));
        }
    }
    table
}

/// What a study of sensitivity rests on, in words: failed runs and how they were handled, points left
/// out, deciding parameters without a source.
pub fn sensitivity_notes(result: &Sensitivity) -> Vec<String> {
    let mut notes = vec![result.tally.words()];
    for (quantity, measured) in result.results.iter().enumerate() {
        let name = result.plan.assay.quantities[quantity].name();
        match measured {
            Measured::Sobol(all) => match all.last() {
                None => notes.push(format!(
                    "{name}: it does not vary, there is nothing to explain"
                )),
                Some((points, indices)) => {
                    let sum: f64 = indices.first.iter().map(|index| index.estimate).sum();
                    notes.push(format!(
                        "{name}: mean {}, variance {}; first-order indices add up to {sum:.2}; {} of {points} base points left out for a failed run",
                        crate::table::significant(indices.mean),
                        crate::table::significant(indices.variance),
                        indices.left_out,
                    ));
                }
            },
            Measured::Morris(effects) => {
                let wanted = effects.iter().map(|e| e.used).max().unwrap_or(0);
                let fewer = effects.iter().filter(|e| e.used < wanted).count();
                if fewer > 0 {
                    notes.push(format!(
                        "{name}: {fewer} parameters have effects left out for a failed run"
                    ));
                }
            }
            Measured::Local(_) => {}
        }
        let assumed = result.resting_on_assumptions(quantity);
        if !assumed.is_empty() {
            notes.push(format!(
                "warning: {name} rests on numbers graded `assumed`: {}",
                assumed.join(", ")
            ));
        }
    }
    notes
}
