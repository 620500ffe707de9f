//! The comparison of arms as tables.

use crate::endpoints::Endpoints;
use crate::study::{ArmResult, ArmRun, CompareStudy};
use crate::table::{Cell, Table, UNKNOWN};

/// Studies that stand beside the main one in [`arms_table`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The same arms at the exposure that partners can reach.
    pub achievable: Option<&'a CompareStudy>,
    /// The same arms in patients.
    pub patient: Option<&'a CompareStudy>,
}

/// The short table with a verdict per arm. With verification, the numerical error of T/C stands
/// beside it.
pub fn arms_table(study: &CompareStudy, beside: Beside<'_>) -> Table {
    let day = |time: f64| time / 24.0;
    let main_day = day(study.arms[0].main().time);
    let last = study.arms[0].evaluations.len() - 1;
    let last_day = day(study.arms[0].evaluations[last].time);
    let verified = study.arms.iter().all(|arm| arm.run.verification.is_some());

    let mut columns = vec![("arm".to_owned(), ""), (format!("T/C day {main_day}"), "1")];
    if verified {
        columns.push(("± numerical".to_owned(), "1"));
    }
    columns.push((format!("Bliss day {main_day}"), "1"));
    if last > 0 {
        columns.push((format!("T/C day {last_day}"), "1"));
    }
    columns.push(("switch index".to_owned(), "1"));
    if beside.patient.is_none() {
        columns.push(("TTP".to_owned(), "d"));
    }
    columns.push(("metastases".to_owned(), "1"));
    if beside.achievable.is_some() {
        columns.extend([
            ("needed / achievable".to_owned(), "1"),
            ("T/C achievable".to_owned(), "1"),
        ]);
    }
    if beside.patient.is_some() {
        columns.push(("patient TTP".to_owned(), "d"));
    }
    columns.push(("verdict".to_owned(), ""));
    let reasons = !study.unknown.is_empty()
        || beside
            .achievable
            .is_some_and(|achievable| !achievable.unknown.is_empty());
    if reasons {
        columns.push((UNKNOWN.to_owned(), ""));
    }
    let width = columns.len();
    let mut table = Table::new(columns);
    for result in &study.arms {
        let main = result.main();
        let mut row: Vec<Cell> = vec![
            result.arm().to_string().into(),
            main.treated_over_control.into(),
        ];
        if verified {
            row.push(ratio_error(result, &study.arms[0]).into());
        }
        row.push(main.bliss_interaction.into());
        if last > 0 {
            row.push(result.evaluations[last].treated_over_control.into());
        }
        row.push(result.comparison.switch_index.into());
        if beside.patient.is_none() {
            row.push(result.run.endpoints.time_to_progression.into());
        }
        row.push(result.comparison.metastases_ratio.into());
        if let Some(achievable) = beside.achievable {
            let gap = match &result.partner {
                Some(partner) => known(partner.exposure_gap()),
                None => Cell::Number(None),
            };
            let reached = match achievable.unknown(result.arm()) {
                Some(_) => Cell::Unknown,
                None => achievable
                    .arm(result.arm())
                    .map(|arm| arm.main().treated_over_control)
                    .into(),
            };
            row.extend([gap, reached]);
        }
        if let Some(patient) = beside.patient {
            let progression = patient
                .arm(result.arm())
                .and_then(|arm| arm.run.endpoints.time_to_progression);
            row.push(progression.into());
        }
        row.push(result.verdict.words().into());
        if reasons {
            let what = beside
                .achievable
                .and_then(|achievable| achievable.unknown(result.arm()));
            let partner = result
                .partner
                .as_ref()
                .filter(|_| beside.achievable.is_some());
            let concentration = partner.and_then(|partner| partner.unknown_concentration());
            let all: Vec<&str> = what.into_iter().chain(concentration).collect();
            row.push(all.join(", ").into());
        }
        table.push(row);
    }
    for unknown in &study.unknown {
        let mut row = vec![Cell::Unknown; width];
        row[0] = unknown.arm.to_string().into();
        row[width - 2] = UNKNOWN.into();
        row[width - 1] = unknown.what.as_str().into();
        table.push(row);
    }
    table
}

/// A number, or that it is not known.
fn known(number: Option<f64>) -> Cell {
    number.map_or(Cell::Unknown, Cell::from)
}

/// What the columns of [`arms_table`] mean.
pub fn legend(study: &CompareStudy, beside: Beside<'_>) -> String {
    let mut lines = vec![
        format!(
            "T/C          burden over vehicle's in the {} ({} partner effects)",
            study.scenario.setting, study.scenario.mode
        ),
        "Bliss        observed over independent T/C: below 1 synergy, above 1 antagonism"
            .to_owned(),
        "switch index HIF-2a/HIF-1a over vehicle's, at the end".to_owned(),
        "TTP          time to +20 % diameter from nadir; - not within the run".to_owned(),
        "metastases   over vehicle's, at the end".to_owned(),
    ];
    if beside.achievable.is_some() {
        lines.push(
            "needed / achievable: concentration that works in vitro over the one that is reached"
                .to_owned(),
        );
        lines.push(
            "T/C achievable: at the main day, with the partner's own kinetics and potency"
                .to_owned(),
        );
    }
    let also = beside.achievable.iter().any(|s| !s.unknown.is_empty());
    if also || !study.unknown.is_empty() {
        lines.push(
            "unknown      what is not known of the partner at the exposure that is reached: no number is given for it"
                .to_owned(),
        );
    }
    lines.join("\n")
}

/// Error of T/C from the relative errors of both burdens.
fn ratio_error(result: &ArmResult, vehicle: &ArmResult) -> Option<f64> {
    let relative = |result: &ArmResult| {
        let errors = &result.run.verification.as_ref()?.burden_errors;
        Some(errors[0] / result.run.burdens[0])
    };
    Some(result.main().treated_over_control * (relative(result)? + relative(vehicle)?))
}

/// Every endpoint of every arm, one row per arm; with verification each has its error beside it.
pub fn endpoints_table(study: &CompareStudy) -> Table {
    let verified = study.arms.iter().all(|arm| arm.run.verification.is_some());
    let unit = |unit: &'static str| {
        if unit == "burden" {
            study.burden_unit.clone()
        } else {
            unit.to_owned()
        }
    };
    let mut columns: Vec<(String, String)> = ["setting", "arm", "class", "verdict"]
        .map(|name| (name.to_owned(), String::new()))
        .to_vec();
    for evaluation in &study.arms[0].evaluations {
        let day = evaluation.time / 24.0;
        for name in ["T_over_C", "TGI", "bliss_expected", "bliss_interaction"] {
            columns.push((format!("{name}_day_{day}"), "1".to_owned()));
        }
    }
    for name in [
        "switch_index",
        "vegf_rebound_over_vehicle",
        "metastases_ratio",
    ] {
        columns.push((name.to_owned(), "1".to_owned()));
    }
    for definition in Endpoints::DEFINITIONS {
        columns.push((definition.name.to_owned(), unit(definition.unit)));
        if verified {
            columns.push((format!("{}_error", definition.name), unit(definition.unit)));
        }
    }
    columns.push((UNKNOWN.to_owned(), String::new()));
    let width = columns.len();
    let mut table = Table::new(columns);
    for result in &study.arms {
        let class = result.partner.as_ref().map_or("", |p| p.class.as_str());
        let mut row: Vec<Cell> = vec![
            study.scenario.setting.as_str().into(),
            result.arm().to_string().into(),
            class.into(),
            result.verdict.words().into(),
        ];
        for e in &result.evaluations {
            row.extend([
                e.treated_over_control.into(),
                e.growth_inhibition.into(),
                e.bliss_expected.into(),
                e.bliss_interaction.into(),
            ]);
        }
        let c = &result.comparison;
        row.extend([
            c.switch_index.into(),
            c.vegf_rebound.into(),
            c.metastases_ratio.into(),
        ]);
        let errors = errors(&result.run);
        for (i, value) in result.run.endpoints.values().into_iter().enumerate() {
            row.push(value.into());
            if verified {
                row.push(errors.as_ref().and_then(|errors| errors[i]).into());
            }
        }
        row.push("".into());
        table.push(row);
    }
    for unknown in &study.unknown {
        let class = unknown.partner.as_ref().map_or("", |p| p.class.as_str());
        let mut row = vec![Cell::Unknown; width];
        row[0] = study.scenario.setting.as_str().into();
        row[1] = unknown.arm.to_string().into();
        row[2] = class.into();
        row[3] = UNKNOWN.into();
        row[width - 1] = unknown.what.as_str().into();
        table.push(row);
    }
    table
}

/// The endpoints of one run, one row each, with definition and numerical error.
pub fn run_table(run: &ArmRun, burden_unit: &str) -> Table {
    let errors = errors(run);
    let mut columns = vec![("endpoint", ""), ("value", ""), ("unit", "")];
    if errors.is_some() {
        columns.insert(2, ("± numerical", ""));
    }
    columns.push(("definition", ""));
    let mut table = Table::new(columns);
    let values = run.endpoints.values();
    for (i, definition) in Endpoints::DEFINITIONS.iter().enumerate() {
        let unit = if definition.unit == "burden" {
            burden_unit
        } else {
            definition.unit
        };
        let mut row: Vec<Cell> = vec![definition.name.into(), values[i].into()];
        if let Some(errors) = &errors {
            row.push(errors[i].into());
        }
        row.extend([unit.into(), definition.definition.into()]);
        table.push(row);
    }
    table
}

fn errors(run: &ArmRun) -> Option<Vec<Option<f64>>> {
    run.verification
        .as_ref()
        .map(|verification| verification.errors(&run.endpoints))
}
