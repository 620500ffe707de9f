//! Schedules and attribution as tables.

use crate::study::attribution::Attribution;
use crate::study::schedule::{Goal, Schedules};
use crate::table::{Cell, Table};

/// The front, a row per schedule; `most` of them, evenly, or all.
pub fn front_table(result: &Schedules, most: Option<usize>) -> Table {
    let (outcome, sign) = match result.goal {
        Goal::Burden => ("log10 burden at the end [1]", 1.0),
        Goal::Progression => ("time to progression [d]", -1.0),
    };
    let mut table = Table::headed([
        "exposure [1]",
        outcome,
        "sorafenib start [d]",
        "partner start [d]",
        "on [d]",
        "off [d]",
        "dose [1]",
    ]);
    let step = most.map_or(1, |most| result.front.len().div_ceil(most).max(1));
    for evaluated in result.front.iter().step_by(step) {
        let schedule = evaluated.schedule;
        let numbers = [
            evaluated.exposure,
            sign * evaluated.outcome,
            schedule.sorafenib_start,
            schedule.partner_start,
            schedule.on,
            schedule.off,
            schedule.dose,
        ];
        table.push(numbers.map(Cell::from));
    }
    table
}

/// A row per mechanism, then the rest and the whole gain.
pub fn attribution_table(result: &Attribution) -> Table {
    let mut table = Table::headed([
        "mechanism",
        "what it is",
        "Shapley value [log10]",
        "part of the gain [1]",
        "lost when it alone is off [log10]",
    ]);
    let mechanisms = result.plan.mechanisms.iter().zip(&result.shapley);
    for ((mechanism, value), alone) in mechanisms.zip(&result.alone_off) {
        table.push([
            Cell::from(mechanism.name.as_str()),
            Cell::from(mechanism.title.as_str()),
            Cell::from(*value),
            Cell::from(value / result.total),
            Cell::from(*alone),
        ]);
    }
    for (name, what, value) in [
        ("rest", "gain with all of them off", result.rest),
        ("gain", "log10 burden without minus with", result.total),
    ] {
        table.push([
            Cell::from(name),
            Cell::from(what),
            Cell::from(value),
            Cell::from(value / result.total),
            Cell::Number(None),
        ]);
    }
    table
}
