//! A public suite of dosing scenarios with NONMEM's answers, row by row, to the five digits that it prints.
//!
//! The suite (`nmtests/dosing` of mrgsolve: 1001.csv, 1001-nm.csv) is not part of this project. The test reads it
//! from the folder that the environment variable DOSING_SUITE names:
//!
//! ```sh
//! DOSING_SUITE=path/to/nmtests cargo test --test dosing_suite -- --nocapture
//! ```

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::interchange::{DataSet, Reading};
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::table::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One compartment with a depot: CL 1.1 L/h, V 20 L, KA 1.5 1/h, everything absorbed.
fn scenario() -> Scenario {
    let set = |path: &str, value: &str| (path.to_owned(), value.to_owned());
    Scenario {
        overrides: vec![
            set("exposure.body_weight", "20 kg"),
            set("exposure.clearance", "0.055 L/h/kg"),
            set("exposure.volume", "1 L/kg"),
            set("exposure.absorption_rate", "1.5 1/h"),
            set("exposure.saturation_dose", "1000000000 mg/kg"),
        ],
        ..Scenario::new("xenograft", Arm::sorafenib())
    }
}

#[test]
fn every_row_agrees_with_nonmem() {
    let Some(folder) = std::env::var_os("DOSING_SUITE").map(PathBuf::from) else {
        println!("NOT RUN: DOSING_SUITE names no folder with 1001.csv and 1001-nm.csv");
        return;
    };
    let (records, reference) = (folder.join("1001.csv"), folder.join("1001-nm.csv"));
    if !records.is_file() || !reference.is_file() {
        println!("NOT RUN: there is no suite in {}", folder.display());
        return;
    }

    let library = Library::shipped();
    let scenario = scenario();
    let parameters = scenario.parameters(&library).unwrap();
    // There LAGT and BIOAV are those of compartment 2, whatever is dosed.
    let map = |name: &str, meaning: &str| (name.to_owned(), meaning.to_owned());
    let reading = Reading {
        names: vec![map("LAGT", "ALAG2"), map("BIOAV", "F2")],
        ..Reading::new(&parameters)
    };
    let bytes = std::fs::read(&records).unwrap();
    let set = DataSet::read("1001.csv", &bytes, &reading).unwrap();
    assert_eq!(
        set.warnings(),
        ["1001.csv:1: columns that are not used: MODE, RAT2"]
    );
    let accuracy = Accuracy {
        rtol: 1e-11,
        ..Accuracy::default()
    };
    let table = set.answer(&library, &scenario, &accuracy, &[]).unwrap();
    let central = table
        .columns
        .iter()
        .position(|c| c.name == "sorafenib_central_mg")
        .unwrap();

    let mut file = csv::Reader::from_path(&reference).unwrap();
    let reference: Vec<csv::StringRecord> = file.records().map(Result::unwrap).collect();
    assert_eq!(table.rows.len(), reference.len());
    assert_eq!(reference.len(), 3837);
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (row, expected) in table.rows.iter().zip(&reference) {
        let Cell::Number(Some(amount)) = row[central] else {
            panic!("an amount is missing");
        };
        let (id, time) = (&expected[0], &expected[1]);
        let cp: f64 = expected[2].parse().unwrap();
        // mg in 20 L as ng/mL.
        let own = amount / 0.02;
        if format!("{own:.4e}") != format!("{cp:.4e}") {
            wrong
                .entry(id.to_owned())
                .or_default()
                .push(format!("{time} h: {own} instead of {cp}"));
        }
    }
    let rows: usize = wrong.values().map(Vec::len).sum();
    for (id, rows) in &wrong {
        println!(
            "scenario {id}: {} rows, such as {:?}",
            rows.len(),
            &rows[..rows.len().min(4)]
        );
    }
    assert_eq!(rows, 0, "rows that disagree");
    println!("{} rows agree to five digits", reference.len());
}
