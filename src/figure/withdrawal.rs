//! Withdrawal and re-treatment.

use super::Figure;
use super::axes::{significant, tidy};
use super::lines::{Chart, Panel, Series};
use super::theme;
use super::traces::{
    DAY, arm, arm_color, arm_title, at, daily, sorafenib_periods, times, unknown_words,
};
use crate::error::Result;
use crate::regimen::Arm;
use crate::study::{ArmResult, CompareStudy};

const NAME: &str = "withdrawal";

/// MVD, pO2, HIF-2a/HIF-1a and volume while drugs are given, withdrawn and given again; the
/// periods on drug are shaded.
///
/// # Errors
/// A study without sorafenib; a shape that cannot be drawn.
pub fn withdrawal(study: &CompareStudy) -> Result<Figure> {
    let sorafenib = arm(study, &Arm::sorafenib(), NAME)?;
    let periods: Vec<(f64, f64)> = sorafenib_periods(&sorafenib.run.problem.timeline)
        .into_iter()
        .map(|(from, to)| (from / DAY, to / DAY))
        .collect();
    // Partners alone are in the study only as controls of their combinations.
    let shown: Vec<&ArmResult> = study
        .arms
        .iter()
        .filter(|result| result.arm().sorafenib || result.partner.is_none())
        .collect();
    let shaded = |panel: Panel| {
        periods
            .iter()
            .fold(panel, |p, (from, to)| p.band(*from, *to))
    };
    let panel = |label: &str, values: fn(&ArmResult) -> Vec<f64>| {
        shown
            .iter()
            .fold(shaded(Panel::new(label)), |panel, result| {
                let name = arm_title(result);
                let day = times(&result.run, DAY);
                let series = Series::new(name, arm_color(result), &day, &values(result));
                panel.series(series)
            })
    };
    let volume = format!("volume ({})", theme::typeset(&study.burden_unit));
    Chart::new(NAME, "time (day); shaded: on drug")
        .columns(2)
        .height(210.0)
        .letters()
        .panel(
            panel("MVD (rel.)", |result| {
                daily(&result.run, |_, signals| signals.mvd)
            })
            .include(0.0),
        )
        .panel(
            panel("pO₂ (mmHg)", |result| {
                daily(&result.run, |state, _| state.oxygen)
            })
            .include(0.0),
        )
        .panel(
            panel("HIF-2α / HIF-1α (rel.)", |result| {
                daily(&result.run, |state, _| state.hif.hif2a / state.hif.hif1a)
            })
            .log(),
        )
        .panel(
            panel(&volume, |result| {
                result.run.trajectory.series(|_, signals| signals.burden)
            })
            .log(),
        )
        .draw(caption(sorafenib, &periods) + &unknown_words(study))
}

fn caption(sorafenib: &ArmResult, periods: &[(f64, f64)]) -> String {
    let run = &sorafenib.run;
    let day = times(run, DAY);
    let mvd = daily(run, |_, signals| signals.mvd);
    let oxygen = daily(run, |state, _| state.oxygen);
    let ratio = daily(run, |state, _| state.hif.hif2a / state.hif.hif1a);
    let pause = match periods {
        [first, second, ..] => Some((first.1, second.0)),
        _ => None,
    };
    let Some((off, on)) = pause else {
        return "MVD, pO₂, HIF-2α/HIF-1α (daily means) and volume under treatment.".to_owned();
    };
    let change = |values: &[f64]| {
        format!(
            "{} to {}",
            significant(at(&day, values, off - 0.5), 2),
            significant(at(&day, values, on - 0.5), 2)
        )
    };
    format!(
        "When sorafenib is withdrawn from day {} to day {}, MVD goes from {}, pO₂ from {} mmHg and \
         HIF-2α/HIF-1α from {} (daily means); the switch is made again on re-treatment, and the \
         volume at the end is {} times that of the start.",
        tidy(off, 3),
        tidy(on, 3),
        change(&mvd),
        change(&oxygen),
        change(&ratio),
        significant(
            run.outcome.end.tumour.burden() / run.problem.baseline.tumour.burden(),
            2
        ),
    )
}
