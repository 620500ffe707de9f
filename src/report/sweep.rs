//! Sweeps and synergy as tables.

use crate::study::bifurcation::SteadyState;
use crate::study::plan::{Outline, Rows, scan};
use crate::study::sweep::{SWITCH, Sweep, UpDown};
use crate::study::synergy::{Level, Measures, Musyc, Synergy, SynergyPlan};
use crate::table::{Cell, Sheet, Table};

/// A row per point.
pub fn sweep_table<'a>(result: &'a Sweep<'_>) -> Sheet<'a> {
    let axes = result
        .plan
        .axes
        .iter()
        .map(|axis| (axis.knob.name(), axis.unit.clone()));
    let quantities = result
        .plan
        .assay
        .fields()
        .into_iter()
        .map(|field| (field.name, field.unit));
    Sheet::long(Table::new(axes.chain(quantities)), move |push| {
        let nothing = vec![f64::NAN; result.plan.fields().len()];
        scan(result.rows, 0..result.rows.count(), |row, numbers| {
            let knobs = result.plan.values(row).into_iter();
            let numbers = numbers.unwrap_or(&nothing).iter().copied();
            push(knobs.chain(numbers).map(Cell::from).collect())
        })
    })
}

/// A row per level: signals on the way up and down, and how many steady states there are.
pub fn up_down_table(result: &UpDown, states: &[SteadyState]) -> Table {
    let mut columns = vec![(result.axis.knob.name(), result.axis.unit.clone())];
    for signal in SWITCH {
        columns.push((format!("{}_up", signal.name), "1".to_owned()));
        columns.push((format!("{}_down", signal.name), "1".to_owned()));
    }
    columns.push(("stable_states".to_owned(), String::new()));
    columns.push(("unstable_states".to_owned(), String::new()));
    let mut table = Table::new(columns);
    for (place, level) in result.axis.values.iter().enumerate() {
        let here = states
            .iter()
            .filter(|state| state.at.total_cmp(level).is_eq());
        let (stable, unstable): (Vec<_>, Vec<_>) = here.partition(|state| state.stable());
        let signals = (0..SWITCH.len()).flat_map(|s| {
            [
                Cell::from(result.up[s][place]),
                Cell::from(result.down[s][place]),
            ]
        });
        let counts = [stable.len(), unstable.len()].map(|n| Cell::from(n.to_string()));
        table.push(
            [Cell::from(*level)]
                .into_iter()
                .chain(signals)
                .chain(counts),
        );
    }
    table
}

/// A row per null: mean over all pairs of doses and value at the highest, with intervals over subjects.
pub fn synergy_summary(result: &Synergy) -> Table {
    let mut table = Table::headed([
        "null",
        "measure",
        "synergy",
        "mean",
        "low",
        "high",
        "highest doses",
        "low there",
        "high there",
    ]);
    type Of = fn(&Measures) -> Level;
    let grids: [(&str, &str, &str, Of); 5] = [
        ("HSA", "excess effect", "above 0", |m| m.hsa),
        ("Bliss", "excess effect", "above 0", |m| m.bliss),
        ("Loewe", "excess effect", "above 0", |m| m.loewe),
        ("Loewe", "combination index", "below 1", |m| m.index),
        ("ZIP", "delta", "above 0", |m| m.zip),
    ];
    for (null, measure, synergy, of) in grids {
        let mean = result.over_subjects(|measures| of(measures).mean);
        let top = result.over_subjects(|measures| of(measures).top);
        let numbers = [mean.0, mean.1, mean.2, top.0, top.1, top.2];
        let head = [null, measure, synergy].map(Cell::from);
        table.push(head.into_iter().chain(numbers.map(Cell::from)));
    }
    type Number = fn(Musyc) -> f64;
    let fitted: [(&str, &str, Number); 4] = [
        ("beta", "above 0", |m| m.beta),
        ("alpha12", "above 1", |m| m.alphas[0]),
        ("alpha21", "above 1", |m| m.alphas[1]),
        ("R2", "", |m| m.r2),
    ];
    for (measure, synergy, number) in fitted {
        let found = result.over_subjects(|m| m.musyc.map_or(f64::NAN, number));
        let head = ["MuSyC", measure, synergy].map(Cell::from);
        let gaps = [Cell::Number(None), Cell::Number(None), Cell::Number(None)];
        let numbers = [found.0, found.1, found.2].map(Cell::from);
        table.push(head.into_iter().chain(numbers).chain(gaps));
    }
    table
}

/// A row per subject, horizon and pair of doses, made from the rows of the study.
pub fn synergy_table<'a>(
    plan: &'a SynergyPlan,
    rows: &'a dyn Rows,
    result: &'a Synergy,
) -> Sheet<'a> {
    let head = Table::headed([
        "subject",
        "time [d]",
        "first dose",
        "AUC 24 h [mg h/L]",
        "second dose",
        "effect [1]",
        "hsa [1]",
        "bliss [1]",
        "loewe [1]",
        "combination index [1]",
        "zip [1]",
    ]);
    Sheet::long(head, move |push| {
        plan.surfaces(rows, |number, surfaces| {
            for (time, surface, nulls) in &surfaces {
                for (i, first) in surface.first.iter().enumerate() {
                    for (j, second) in surface.second.iter().enumerate() {
                        push(vec![
                            Cell::from(number.to_string()),
                            Cell::from(time / 24.0),
                            Cell::from(*first),
                            Cell::from(result.exposures[i]),
                            Cell::from(*second),
                            Cell::from(surface.effects[i][j]),
                            Cell::from(nulls.hsa[i][j]),
                            Cell::from(nulls.bliss[i][j]),
                            Cell::from(nulls.loewe[i][j]),
                            Cell::from(nulls.index[i][j]),
                            Cell::from(nulls.zip[i][j]),
                        ])?;
                    }
                }
            }
            Ok(())
        })
    })
}

/// The indices over time at the highest doses, a row per subject and time, made from the rows of the study.
pub fn synergy_over_time_table<'a>(plan: &'a SynergyPlan, rows: &'a dyn Rows) -> Sheet<'a> {
    let head = Table::headed([
        "subject",
        "time [d]",
        "ln CI Bliss [1]",
        "ln CI HSA [1]",
        "ln CI additive [1]",
        "growth control [1/d]",
        "growth first [1/d]",
        "growth second [1/d]",
        "growth both [1/d]",
    ]);
    Sheet::long(head, move |push| {
        plan.time_courses(rows, |number, course| {
            for (i, time) in course.times.iter().enumerate() {
                let numbers = [
                    time / 24.0,
                    course.bliss[i],
                    course.hsa[i],
                    course.additive[i],
                ];
                let rates = course.rates[i].map(|rate| rate * 24.0);
                let cells = numbers.into_iter().chain(rates).map(Cell::from);
                push(
                    std::iter::once(Cell::from(number.to_string()))
                        .chain(cells)
                        .collect(),
                )?;
            }
            Ok(())
        })
    })
}
