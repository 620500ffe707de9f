//! What sorafenib alone does, from exposure to volume.

use super::Figure;
use super::axes::significant;
use super::canvas::Dash;
use super::lines::{Chart, Panel, Series};
use super::theme;
use super::traces::{DAY, Signal, arm, times};
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::{ArmRun, CompareStudy};

const NAME: &str = "monotherapy";

/// Sorafenib against vehicle in eight panels: unbound concentration, VEGFR2 inhibition, MVD, pO2,
/// both HIFs, VEGF, apoptosis and survival, volume.
///
/// # Errors
/// A study without vehicle or sorafenib; a shape that cannot be drawn.
pub fn monotherapy(study: &CompareStudy) -> Result<Figure> {
    let vehicle = &arm(study, &Arm::vehicle(), NAME)?.run;
    let treated = arm(study, &Arm::sorafenib(), NAME)?;
    let run = &treated.run;
    let day = times(run, DAY);
    let untreated_day = times(vehicle, DAY);
    let sorafenib = |signal: Signal| {
        Series::new(
            "sorafenib",
            theme::SORAFENIB,
            &day,
            &run.trajectory.series(signal),
        )
    };
    let control = |signal: Signal| {
        let values = vehicle.trajectory.series(signal);
        Series::new("vehicle", theme::VEHICLE, &untreated_day, &values)
    };
    let both = |label: &str, signal: Signal| {
        Panel::new(label)
            .series(control(signal))
            .series(sorafenib(signal))
    };
    let colored = |name: &str, color, signal: Signal| {
        Series::new(name, color, &day, &run.trajectory.series(signal)).thin()
    };
    let volume = format!("volume ({})", theme::typeset(&study.burden_unit));
    Chart::new(NAME, "time on treatment (day)")
        .columns(2)
        .height(134.0)
        .letters()
        .panel(
            Panel::new("unbound drug (nM)")
                .log()
                .series(sorafenib(|_, signals| signals.sorafenib_unbound).thin()),
        )
        .panel(
            Panel::new("VEGFR2 blocked (1)")
                .range(0.0, 1.0)
                .series(sorafenib(|_, signals| signals.inhibition.vegfr2).thin()),
        )
        .panel(both("MVD (rel.)", |_, signals| signals.mvd).include(0.0))
        .panel(both("pO₂ (mmHg)", |state, _| state.oxygen).include(0.0))
        .panel(
            Panel::new("HIF-α (rel.)")
                .include(0.0)
                .series(
                    Series::new("vehicle", theme::VEHICLE, &untreated_day, &{
                        vehicle.trajectory.series(|state, _| state.hif.hif1a)
                    })
                    .unlabelled(),
                )
                .series(colored("HIF-1α", theme::HIF1, |state, _| state.hif.hif1a))
                .series(colored("HIF-2α", theme::HIF2, |state, _| state.hif.hif2a)),
        )
        .panel(both("VEGF (rel.)", |state, _| state.vasculature.vegf).include(0.0))
        .panel(
            Panel::new("signal (rel.)")
                .include(0.0)
                .series(control(|_, signals| signals.apoptosis).unlabelled())
                .series(colored("apoptosis", theme::SORAFENIB, |_, signals| {
                    signals.apoptosis
                }))
                .series(
                    colored("survival", theme::HIF2, |state, _| state.effectors.survival)
                        .dash(Dash::Dashed),
                ),
        )
        .panel(both(&volume, |_, signals| signals.burden).log())
        .draw(caption(study, run))
}

/// The numbers are the endpoints of the tables.
fn caption(study: &CompareStudy, run: &ArmRun) -> String {
    let end = &run.endpoints;
    let value = |value: Option<f64>| significant(value.unwrap_or(f64::NAN), 2);
    let ratio = study
        .arm(&Arm::sorafenib())
        .and_then(|arm| arm.evaluations.last())
        .map(|evaluation| evaluation.treated_over_control);
    format!(
        "Sorafenib alone against vehicle in the {}: MVD falls to {} of the untreated level and pO₂ \
         to {} mmHg; at the end HIF-1α stands at {} and HIF-2α at {} times the start, the \
         apoptosis signal is back from {} to {}, and the volume is {} of the control.",
        study.scenario.setting,
        value(end.mvd_nadir),
        value(end.oxygen_nadir),
        value(end.hif1a_end),
        value(end.hif2a_end),
        value(end.apoptosis_peak),
        value(end.apoptosis_end),
        value(ratio),
    )
}
