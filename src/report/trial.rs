//! A trial as tables.

use crate::study::plan::Rows;
use crate::study::trial::{Response, TrialPlan, TrialResult};
use crate::table::{Cell, Sheet, Table};

/// Mean length of a month, d.
const MONTH: f64 = 365.25 / 12.0;

/// A row per arm: medians with intervals, what was published, responses, hazard ratio against the first
/// arm.
pub fn arms_summary(result: &TrialResult) -> Table {
    let mut table = Table::headed([
        "arm",
        "patients",
        "events",
        "median TTP [month]",
        "95 % low [month]",
        "95 % high [month]",
        "between scans [month]",
        "between low [month]",
        "between high [month]",
        "published TTP [month]",
        "hazard ratio [1]",
        "low [1]",
        "high [1]",
        "published ratio [1]",
        "PR [1]",
        "SD [1]",
        "PD [1]",
    ]);
    for arm in &result.arms {
        let months = |days: Option<f64>| Cell::from(days.map(|days| days / MONTH));
        let published = result.design.published.iter().find(|p| p.arm == arm.arm);
        let contrast = result
            .contrasts
            .iter()
            .find(|c| c.arm == arm.arm && c.against == result.arms[0].arm);
        let ratio = contrast.and_then(|c| c.hazard_ratio);
        table.push([
            Cell::from(arm.arm.to_string()),
            Cell::from(arm.patients().to_string()),
            Cell::from(arm.times.events().to_string()),
            months(arm.median.estimate),
            months(arm.median.lower),
            months(arm.median.upper),
            months(arm.median_between.estimate),
            months(arm.median_between.lower),
            months(arm.median_between.upper),
            months(published.and_then(|p| p.median)),
            Cell::from(ratio.map(|r| r.estimate)),
            Cell::from(ratio.map(|r| r.lower)),
            Cell::from(ratio.map(|r| r.upper)),
            Cell::from(published.and_then(|p| p.hazard_ratio)),
            Cell::from(arm.part(Response::Partial)),
            Cell::from(arm.part(Response::Stable)),
            Cell::from(arm.part(Response::Progressive)),
        ]);
    }
    table
}

/// A row per pair of arms: hazard ratio, log-rank test, and who progresses later.
pub fn contrasts_table(result: &TrialResult) -> Table {
    let mut table = Table::headed([
        "arm",
        "against",
        "hazard ratio [1]",
        "low [1]",
        "high [1]",
        "log-rank",
        "chi-square [1]",
        "p [1]",
        "later [1]",
        "sooner [1]",
    ]);
    for contrast in &result.contrasts {
        let ratio = contrast.hazard_ratio;
        table.push([
            Cell::from(contrast.arm.to_string()),
            Cell::from(contrast.against.to_string()),
            Cell::from(ratio.map(|r| r.estimate)),
            Cell::from(ratio.map(|r| r.lower)),
            Cell::from(ratio.map(|r| r.upper)),
            Cell::from(if contrast.later_sooner.is_some() {
                "stratified by patient"
            } else {
                "two groups"
            }),
            Cell::from(contrast.log_rank.map(|test| test.chi_square)),
            Cell::from(contrast.log_rank.map(|test| test.p)),
            Cell::from(contrast.later_sooner.map(|parts| parts.0)),
            Cell::from(contrast.later_sooner.map(|parts| parts.1)),
        ]);
    }
    table
}

/// A row per readout or factor and pair of arms, the strongest first.
pub fn biomarkers_table(result: &TrialResult) -> Table {
    let mut table = Table::headed([
        "arm",
        "against",
        "quantity",
        "kind",
        "rank correlation [1]",
        "low [1]",
        "high [1]",
    ]);
    for marker in &result.biomarkers {
        table.push([
            Cell::from(marker.arm.to_string()),
            Cell::from(marker.against.to_string()),
            Cell::from(marker.name.as_str()),
            Cell::from(if marker.visible { "readout" } else { "factor" }),
            Cell::from(marker.correlation),
            Cell::from(marker.interval.0),
            Cell::from(marker.interval.1),
        ]);
    }
    table
}

/// A row per arm and patient, made from the rows of the trial.
pub fn courses_table<'a>(
    plan: &'a TrialPlan,
    rows: &'a dyn Rows,
    result: &'a TrialResult,
) -> Sheet<'a> {
    let scans = result
        .scans
        .iter()
        .map(|time| (format!("diameter_week_{}", time / 168.0), "1".to_owned()));
    let head = [
        ("arm", ""),
        ("subject", ""),
        ("time", "d"),
        ("progression", ""),
        ("response", ""),
        ("best_change", "1"),
        ("burden_end", result.burden_unit.as_str()),
    ];
    let head = head.map(|(name, unit)| (name.to_owned(), unit.to_owned()));
    Sheet::long(Table::new(head.into_iter().chain(scans)), move |push| {
        result.arms.iter().enumerate().try_for_each(|(place, arm)| {
            plan.courses(rows, |of, course, diameters| {
                if of != place {
                    return Ok(());
                }
                let seen = course.observation;
                let head = [
                    Cell::from(arm.arm.to_string()),
                    Cell::from(course.subject.to_string()),
                    Cell::from(seen.time),
                    Cell::from(if seen.event { "yes" } else { "no" }),
                    Cell::from(course.response.letters()),
                    Cell::from(course.best_change),
                    Cell::from(course.burden_end),
                ];
                push(
                    head.into_iter()
                        .chain(diameters.into_iter().map(Cell::from))
                        .collect(),
                )
            })
        })
    })
}

/// The Kaplan-Meier curves, step by step.
pub fn steps_table(result: &TrialResult) -> Table {
    let mut table = Table::headed([
        "arm",
        "time [d]",
        "at risk",
        "events",
        "censored",
        "survival [1]",
        "low [1]",
        "high [1]",
    ]);
    for arm in &result.arms {
        for step in &arm.curve.steps {
            table.push([
                Cell::from(arm.arm.to_string()),
                Cell::from(step.time),
                Cell::from(step.at_risk.to_string()),
                Cell::from(step.events.to_string()),
                Cell::from(step.censored.to_string()),
                Cell::from(step.survival),
                Cell::from(step.lower),
                Cell::from(step.upper),
            ]);
        }
    }
    table
}
