//! Series of a run in the units of figures, and what several figures take from studies.

use crate::error::{Error, Result};
use crate::model::{Signals, State};
use crate::regimen::{Arm, Change, Drug, Mode, PartnerDrug, Timeline};
use crate::study::{ArmResult, ArmRun, CompareStudy, UnknownArm};

/// Hours per day and per week.
pub(super) const DAY: f64 = 24.0;
pub(super) const WEEK: f64 = 7.0 * DAY;

/// An arm that a figure needs.
pub(super) fn arm<'a>(study: &'a CompareStudy, arm: &Arm, figure: &str) -> Result<&'a ArmResult> {
    study.arm(arm).ok_or_else(|| {
        Error::output(
            format!("{figure}.svg"),
            format!(
                "the study of `{}` has no arm `{arm}`",
                study.scenario.setting
            ),
        )
    })
}

/// Times of a run in units of so many hours.
pub(super) fn times(run: &ArmRun, unit: f64) -> Vec<f64> {
    run.trajectory
        .times
        .iter()
        .map(|time| time / unit)
        .collect()
}

/// A signal of a run.
pub(super) type Signal = fn(&State<f64>, &Signals<f64>) -> f64;

/// A series over its value at the start.
pub(super) fn relative(run: &ArmRun, signal: Signal) -> Vec<f64> {
    let series = run.trajectory.series(signal);
    let start = series.first().copied().unwrap_or(1.0);
    series.into_iter().map(|value| value / start).collect()
}

/// Mean of a series over the day around each time, by the trapezoidal rule. Near the start the
/// window reaches as far forward as back, so that the mean begins at the start itself; near the end
/// the last whole day counts.
pub(super) fn daily_mean(times: &[f64], values: &[f64]) -> Vec<f64> {
    let (Some(start), Some(end), Some(first)) = (times.first(), times.last(), values.first())
    else {
        return Vec::new();
    };
    let mut integral = vec![0.0; values.len()];
    for i in 1..values.len().min(times.len()) {
        integral[i] =
            integral[i - 1] + 0.5 * (values[i] + values[i - 1]) * (times[i] - times[i - 1]);
    }
    let mean = |time: f64| {
        let reach = (0.5 * DAY).min(time - start);
        let to = (time + reach).min(*end);
        let from = (to - 2.0 * reach).max(*start);
        if to <= from {
            return *first;
        }
        (at(times, &integral, to) - at(times, &integral, from)) / (to - from)
    };
    times.iter().map(|time| mean(*time)).collect()
}

/// The daily mean of a signal of a run.
pub(super) fn daily(run: &ArmRun, signal: Signal) -> Vec<f64> {
    daily_mean(&run.trajectory.times, &run.trajectory.series(signal))
}

/// The name of an arm in print.
pub(super) fn arm_title(result: &ArmResult) -> String {
    let arm = result.arm();
    match (&result.partner, arm.sorafenib) {
        (Some(drug), true) => format!("+ {}", super::theme::typeset(&drug.title)),
        (Some(drug), false) => super::theme::typeset(&drug.title),
        (None, _) => arm.to_string(),
    }
}

/// The colour of an arm.
pub(super) fn arm_color(result: &ArmResult) -> super::canvas::Color {
    use super::theme;
    match (&result.partner, result.arm().sorafenib) {
        (Some(drug), _) => theme::class_color(&drug.class),
        (None, true) => theme::SORAFENIB,
        (None, false) => theme::VEHICLE,
    }
}

/// The value of a series at a time, by linear interpolation.
pub(super) fn at(times: &[f64], values: &[f64], time: f64) -> f64 {
    let after = times.partition_point(|t| *t <= time);
    if after == 0 {
        return values.first().copied().unwrap_or(f64::NAN);
    }
    if after >= times.len() || after >= values.len() {
        return values.last().copied().unwrap_or(f64::NAN);
    }
    let part = (time - times[after - 1]) / (times[after] - times[after - 1]);
    values[after - 1] + part * (values[after] - values[after - 1])
}

/// The first time at which a series rises through a level, by linear interpolation.
pub(super) fn crossing(times: &[f64], values: &[f64], level: f64) -> Option<f64> {
    let index = (1..values.len()).find(|i| values[i - 1] < level && values[*i] >= level)?;
    let part = (level - values[index - 1]) / (values[index] - values[index - 1]);
    Some(times[index - 1] + part * (times[index] - times[index - 1]))
}

/// The partners of a study in the order of figures: by class, then by `key` of the combination.
pub(super) fn partners(
    study: &CompareStudy,
    key: impl Fn(&ArmResult) -> f64,
) -> Vec<(&PartnerDrug, &ArmResult, &ArmResult)> {
    let combinations = study.arms.iter().filter(|result| result.arm().sorafenib);
    let mut rows: Vec<_> = combinations
        .filter_map(|combination| {
            let drug = combination.partner.as_ref()?;
            Some((drug, study.arm(&Arm::partner(&drug.name))?, combination))
        })
        .collect();
    let class = |drug: &PartnerDrug| {
        let mut classes = super::theme::CLASSES.iter();
        classes.position(|class| *class == drug.class)
    };
    rows.sort_by(|a, b| {
        class(a.0)
            .cmp(&class(b.0))
            .then(key(a.2).total_cmp(&key(b.2)))
    });
    rows
}

/// Combinations of a study whose effect is unknown, with their partner.
pub(super) fn unknown_partners(study: &CompareStudy) -> Vec<(&PartnerDrug, &UnknownArm)> {
    let combinations = study.unknown.iter().filter(|unknown| unknown.arm.sorafenib);
    combinations
        .filter_map(|unknown| Some((unknown.partner.as_ref()?, unknown)))
        .collect()
}

/// How the effects of partners come about in a study, for captions.
pub(super) fn mode_words(study: &CompareStudy) -> &'static str {
    match study.scenario.mode {
        Mode::Mechanistic => "mechanism imposed",
        Mode::AchievableExposure => "at the exposure that is reached",
    }
}

/// A clause for captions that names partners of unknown effect; nothing where there is none.
pub(super) fn unknown_words(study: &CompareStudy) -> String {
    let names: Vec<String> = unknown_partners(study)
        .iter()
        .map(|(drug, _)| super::theme::typeset(&drug.title))
        .collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!(
            " Unknown, for want of a potency or an exposure: {}.",
            names.join(", ")
        ),
    }
}

/// Stretches of time in which sorafenib is given, h: doses closer than one and a half of the
/// shortest interval belong together.
pub(super) fn sorafenib_periods(timeline: &Timeline) -> Vec<(f64, f64)> {
    let doses: Vec<f64> = timeline
        .events
        .iter()
        .filter(|event| {
            matches!(
                event.change,
                Change::Dose {
                    drug: Drug::Sorafenib,
                    ..
                }
            )
        })
        .map(|event| event.time)
        .collect();
    let interval = doses
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|interval| *interval > 0.0)
        .fold(f64::INFINITY, f64::min);
    let mut periods: Vec<(f64, f64)> = Vec::new();
    for dose in doses {
        let end = (dose + interval).min(timeline.duration);
        match periods.last_mut() {
            Some(last) if dose - last.1 < 0.5 * interval => last.1 = end,
            _ => periods.push((dose, end)),
        }
    }
    periods
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_and_means_are_interpolated() {
        let times = [0.0, 1.0, 2.0];
        assert!(crossing(&times, &[0.0, 1.0, 3.0], 2.0).is_some_and(|t| (t - 1.5).abs() < 1e-12));
        assert_eq!(crossing(&times, &[0.0, 0.0, 0.0], 2.0), None);
        let days = [0.0, 24.0, 48.0];
        let mean = daily_mean(&days, &[1.0, 1.0, 3.0]);
        assert!((mean[0] - 1.0).abs() < 1e-12 && (mean[2] - 2.0).abs() < 1e-12);
        assert_eq!(daily_mean(&[0.0], &[5.0]), [5.0]);
        assert!(daily_mean(&[], &[]).is_empty());
    }
}
