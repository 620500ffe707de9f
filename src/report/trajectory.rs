//! Trajectories and timelines as tables.

use crate::model::{Signals, State};
use crate::regimen::{Change, Drug, Timeline};
use crate::simulate::Trajectory;
use crate::table::{Cell, Table};

/// An output column beside the states: name, unit, value.
pub type Output = (
    &'static str,
    &'static str,
    fn(&State<f64>, &Signals<f64>) -> f64,
);

/// The columns beside the states.
pub const OUTPUTS: [Output; 8] = [
    ("sorafenib_mg_per_L", "mg/L", |_, s| s.sorafenib_total),
    ("sorafenib_unbound_nM", "nM", |_, s| s.sorafenib_unbound),
    ("MVD", "1", |_, s| s.mvd),
    ("perfusion", "1", |_, s| s.perfusion),
    ("HIF1_activity", "1", |_, s| s.activity.hif1),
    ("HIF2_activity", "1", |_, s| s.activity.hif2),
    ("VEGFR2_inhibition", "1", |_, s| s.inhibition.vegfr2),
    ("burden", "burden", |_, s| s.burden),
];

/// A trajectory with every state, the outputs and the switch index (HIF-2a/HIF-1a relative to
/// vehicle at the same time). `burden_unit` replaces the unit of the cell volumes.
pub fn trajectory_table(trajectory: &Trajectory, vehicle: &Trajectory, burden_unit: &str) -> Table {
    let unit = |unit: &'static str| if unit == "burden" { burden_unit } else { unit };
    let mut columns = vec![("time_h", "h")];
    columns.extend(
        State::fields()
            .iter()
            .map(|field| (field.name, unit(field.unit))),
    );
    columns.extend(OUTPUTS.iter().map(|(name, u, _)| (*name, unit(u))));
    columns.push(("switch_index", "1"));
    let mut table = Table::new(columns);
    let ratio = |state: &State<f64>| state.hif.hif2a / state.hif.hif1a;
    for (i, time) in trajectory.times.iter().enumerate() {
        let (state, signals) = (&trajectory.states[i], &trajectory.signals[i]);
        let mut row: Vec<Cell> = vec![(*time).into()];
        row.extend(state.to_array().map(Cell::from));
        row.extend(
            OUTPUTS
                .iter()
                .map(|(_, _, f)| Cell::from(f(state, signals))),
        );
        row.push(
            vehicle
                .states
                .get(i)
                .map(|v| ratio(state) / ratio(v))
                .into(),
        );
        table.push(row);
    }
    table
}

/// The events of a run, one per row.
pub fn timeline_table(timeline: &Timeline, partners: &[String]) -> Table {
    let mut table = Table::new([
        ("time_h", "h"),
        ("event", ""),
        ("drug", ""),
        ("value", ""),
        ("unit", ""),
        ("absorbed_mg", "mg"),
    ]);
    let partner = |slot: usize| partners.get(slot).map_or("partner", String::as_str);
    let name = |drug: Drug| match drug {
        Drug::Sorafenib => "sorafenib",
        Drug::Partner(slot) => partner(slot),
    };
    for event in &timeline.events {
        let (what, drug, value, unit, absorbed): (&str, &str, Cell, &str, Option<f64>) =
            match event.change {
                Change::Dose {
                    drug,
                    given,
                    absorbed,
                } => ("dose", name(drug), given.into(), "mg", Some(absorbed)),
                Change::Infusion { drug, rate } => {
                    ("infusion rate", name(drug), rate.into(), "mg/h", None)
                }
                Change::Medium(level) => ("medium", "sorafenib", level.into(), "mg/L", None),
                Change::Held(slot, level) => ("level", partner(slot), level.into(), "nM", None),
                Change::Given(slot, on) => (
                    if on { "effect on" } else { "effect off" },
                    partner(slot),
                    "".into(),
                    "",
                    None,
                ),
                Change::Gallbladder(open) => (
                    if open {
                        "gallbladder opens"
                    } else {
                        "gallbladder closes"
                    },
                    "sorafenib",
                    "".into(),
                    "",
                    None,
                ),
                Change::MediumOxygen(oxygen) => ("medium pO2", "", oxygen.into(), "mmHg", None),
                Change::Resection(left) => ("tumour left", "", left.into(), "1", None),
            };
        table.push(vec![
            event.time.into(),
            what.into(),
            drug.into(),
            value,
            unit.into(),
            absorbed.into(),
        ]);
    }
    table
}
