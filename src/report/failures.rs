//! Failed runs as a table.

use crate::study::runs::Tally;
use crate::table::{Cell, Table};

/// A row per failed run and parameter; a run without parameters of its own has one row.
pub fn failures_table(tally: &Tally) -> Table {
    let mut table = Table::headed(["run", "label", "cause", "parameter", "value"]);
    for failure in &tally.failures {
        let head = || {
            [
                Cell::from(failure.run.to_string()),
                Cell::from(failure.label.as_str()),
                Cell::from(failure.cause.as_str()),
            ]
        };
        if failure.numbers.is_empty() {
            table.push(
                head()
                    .into_iter()
                    .chain([Cell::from(""), Cell::Number(None)]),
            );
        }
        for (path, value) in &failure.numbers {
            let number = [Cell::from(path.as_str()), Cell::from(*value)];
            table.push(head().into_iter().chain(number));
        }
    }
    table
}
