//! `hif-switch selftest`: the program passes, and a program with any one fault does not.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::Result;
use hif_switch::endpoints::Endpoints;
use hif_switch::interchange::AnswerColumn;
use hif_switch::model::State;
use hif_switch::parameters::Library;
use hif_switch::report::Store;
use hif_switch::selftest::{Bound, Check, GROUPS, Own, Program, selftest};
use hif_switch::simulate::{Accuracy, Classical, Method, Problem, Scenario, Solver, Work};
use hif_switch::study::calibrate::Calibration;
use hif_switch::study::plan::Row;
use hif_switch::table::{Cell, Table};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A fault of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Single,
    Many,
    Neighbours,
    Endpoints,
    End,
    Width,
    Steps,
    Answer,
    Rate,
    Start,
    Dose,
    Trace,
    Csv,
    Parquet,
    Petab,
    HalfWritten,
    Silent,
    Part,
    Resume,
    Damage,
    Header,
}

/// Each fault with the groups whose checks see it.
const FAULTS: [(Fault, &[&str]); 21] = [
    (Fault::Single, &["kinetics", "golden", "exports"]),
    (Fault::Many, &["kinetics", "golden", "lanes"]),
    (Fault::Neighbours, &["lanes"]),
    (Fault::Endpoints, &["lanes"]),
    (Fault::End, &["classical", "order"]),
    (Fault::Width, &["classical"]),
    (Fault::Steps, &["order"]),
    (Fault::Answer, &["kinetics", "exports"]),
    (Fault::Rate, &["exports"]),
    (Fault::Start, &["exports"]),
    (Fault::Dose, &["exports"]),
    (Fault::Trace, &["exports"]),
    (Fault::Csv, &["exports"]),
    (Fault::Parquet, &["exports"]),
    (Fault::Petab, &["exports"]),
    (Fault::HalfWritten, &["files"]),
    (Fault::Silent, &["files"]),
    (Fault::Part, &["files"]),
    (Fault::Resume, &["files"]),
    (Fault::Damage, &["files"]),
    (Fault::Header, &["files"]),
];

/// A table of parameters with another nominal value in its last row.
fn other_value(text: &str) -> String {
    let header = text.lines().next().unwrap();
    let column = header
        .split('\t')
        .position(|name| name == "nominalValue")
        .unwrap();
    let (before, last) = text.trim_end().rsplit_once('\n').unwrap();
    let mut cells: Vec<String> = last.split('\t').map(str::to_owned).collect();
    let value: f64 = cells[column].parse().unwrap();
    cells[column] = (1.01 * value).to_string();
    format!("{before}\n{}\n", cells.join("\t"))
}

/// The program with one fault.
struct Spoilt(Fault);

impl Spoilt {
    fn has(&self, fault: Fault) -> bool {
        self.0 == fault
    }
}

/// A hundred-thousandth more of everything.
fn more(states: &mut [State<f64>]) {
    for state in states {
        *state = state.map(|value| value * (1.0 + 1e-5));
    }
}

/// The table with every number a little larger.
fn altered(table: &Table) -> Table {
    let mut table = table.clone();
    for cell in table.rows.iter_mut().flatten() {
        if let Cell::Number(Some(number)) = cell {
            *number *= 1.0 + 1e-6;
        }
    }
    table
}

impl Program for Spoilt {
    fn single(
        &self,
        problem: &Problem,
        accuracy: &Accuracy,
        times: &[f64],
    ) -> Result<Vec<State<f64>>> {
        let mut states = Own.single(problem, accuracy, times)?;
        if self.has(Fault::Single) {
            more(&mut states);
        }
        Ok(states)
    }

    fn many(
        &self,
        problems: &[Problem],
        accuracy: &Accuracy,
        times: &[f64],
    ) -> Result<Vec<Vec<State<f64>>>> {
        let mut runs = Own.many(problems, accuracy, times)?;
        if self.has(Fault::Many) {
            runs.iter_mut().for_each(|states| more(states));
        }
        if self.has(Fault::Neighbours) && problems.len() > 8 {
            runs[2][0].hif.hif2a = f64::from_bits(runs[2][0].hif.hif2a.to_bits() + 1);
        }
        Ok(runs)
    }

    fn endpoints(&self, problems: &[Problem], accuracy: &Accuracy) -> Result<Vec<Endpoints>> {
        let mut endpoints = Own.endpoints(problems, accuracy)?;
        if self.has(Fault::Endpoints) && accuracy.method == Method::Lanes {
            for endpoints in &mut endpoints {
                endpoints.mvd_nadir = endpoints.mvd_nadir.map(|nadir| nadir + 1e-5);
                endpoints.burden_end = endpoints.burden_end.map(|burden| burden * 1.000_01);
            }
        }
        Ok(endpoints)
    }

    fn classical(&self, problem: Classical, solver: Solver, rtol: f64) -> Result<(Vec<f64>, Work)> {
        let (mut end, work) = Own.classical(problem, solver, rtol)?;
        let wide = matches!(solver, Solver::Rodas5P(32) | Solver::RadauIia(32));
        if self.has(Fault::Width) && wide {
            end[0] = f64::from_bits(end[0].to_bits() + 1);
        }
        if self.has(Fault::End) {
            end.iter_mut()
                .for_each(|value| *value = *value * 1.01 + 1e-3);
        }
        Ok((end, work))
    }

    fn in_steps(&self, problem: Classical, eighth_order: bool, steps: u32) -> Result<Vec<f64>> {
        let mut end = Own.in_steps(problem, eighth_order, steps)?;
        if self.has(Fault::Steps) {
            end[0] += 1e-3;
        }
        Ok(end)
    }

    fn answer(
        &self,
        library: &Library,
        scenario: &Scenario,
        accuracy: &Accuracy,
        text: &str,
        outputs: &[AnswerColumn],
    ) -> Result<Table> {
        let table = Own.answer(library, scenario, accuracy, text, outputs)?;
        Ok(if self.has(Fault::Answer) {
            altered(&table)
        } else {
            table
        })
    }

    fn sbml(&self, library: &Library, scenario: &Scenario) -> Result<String> {
        let text = Own.sbml(library, scenario)?;
        Ok(match self.0 {
            // A power that becomes another.
            Fault::Rate => text.replacen("<power/>", "<times/>", 1),
            Fault::Start => {
                let id = "id=\"HIF2A\"";
                let (head, tail) = text.split_once(id).expect(id);
                format!("{head}{id}{}", tail.replacen("value=\"", "value=\"1", 1))
            }
            // The last dose taken away instead of given.
            Fault::Dose => match text.rsplit_once("<plus/>") {
                Some((head, tail)) if tail.contains("_depot_mg") => format!("{head}<minus/>{tail}"),
                _ => text,
            },
            Fault::Trace => text.replace("<lt/>", "<geq/>"),
            _ => text,
        })
    }

    fn petab(&self, library: &Library, calibration: &Calibration) -> Result<Vec<(String, String)>> {
        let mut files = Own.petab(library, calibration)?;
        if self.has(Fault::Petab) {
            for (name, text) in &mut files {
                *text = match name.as_str() {
                    // Another measurement, another nominal value, another name.
                    "measurements.tsv" => text.replacen("\t0.5\t", "\t0.55\t", 1),
                    "parameters.tsv" => other_value(&text.replacen("hif_", "hiff_", 1)),
                    // The logarithm of what is negative.
                    "model.xml" => text.replacen(
                        "<ci>sorafenib_infusion_run1</ci>",
                        "<apply><ln/><cn>-1</cn></apply>",
                        1,
                    ),
                    _ => continue,
                };
            }
        }
        Ok(files)
    }

    fn csv(&self, table: &Table) -> Result<Vec<u8>> {
        if self.has(Fault::Csv) {
            return Own.csv(&altered(table));
        }
        Own.csv(table)
    }

    fn parquet(&self, table: &Table) -> Result<Vec<u8>> {
        if self.has(Fault::Parquet) {
            return Own.parquet(&altered(table));
        }
        Own.parquet(table)
    }

    fn write(&self, path: &Path, content: &[u8]) -> Result<()> {
        match self.0 {
            Fault::HalfWritten => Own.write(path, &content[..content.len().min(1000)]),
            Fault::Silent => {
                let _ = Own.write(path, content);
                Ok(())
            }
            _ => Own.write(path, content),
        }
    }

    fn write_part(&self, store: &Store, part: usize, rows: &[Row]) -> Result<()> {
        let mut rows = rows.to_vec();
        if self.has(Fault::Part) {
            rows[1].values[0] += 1e-9;
        }
        Own.write_part(store, part, &rows)
    }

    fn read_part(&self, store: &Store, part: usize) -> Result<Vec<Row>> {
        let read = Own.read_part(store, part);
        if self.has(Fault::Damage) {
            return Ok(read.unwrap_or_default());
        }
        read
    }

    fn missing(&self, store: &Store) -> Result<Vec<usize>> {
        let mut missing = Own.missing(store)?;
        if self.has(Fault::Resume) {
            missing.pop();
        }
        Ok(missing)
    }

    fn open(&self, folder: &Path, library: &Library, seed: u64) -> Result<Store> {
        let seed = if self.has(Fault::Header) { 1 } else { seed };
        Own.open(folder, library, seed)
    }
}

fn key(check: &Check) -> (String, String) {
    (check.group.to_owned(), check.what.clone())
}

fn groups(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn every_check_passes_and_every_check_can_fail() {
    let sound = selftest(&Own, &[]).unwrap();
    let failed: Vec<&Check> = sound.iter().filter(|check| !check.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(sound.len() >= 50, "only {} checks", sound.len());
    let names: BTreeSet<_> = sound.iter().map(key).collect();
    assert_eq!(names.len(), sound.len(), "a check stands twice");

    let mut seen: BTreeMap<(String, String), Fault> = BTreeMap::new();
    for (fault, wanted) in FAULTS {
        let spoilt = selftest(&Spoilt(fault), &groups(wanted)).unwrap();
        let failed: Vec<&Check> = spoilt.iter().filter(|check| !check.passed).collect();
        for group in wanted {
            let noticed = failed.iter().any(|check| check.group == *group);
            assert!(noticed, "{fault:?} is not noticed by {group}");
        }
        seen.extend(failed.iter().map(|check| (key(check), fault)));
    }
    let blind: Vec<_> = names
        .iter()
        .filter(|name| !seen.contains_key(*name))
        .collect();
    assert!(blind.is_empty(), "no fault makes these fail: {blind:#?}");
}

#[test]
fn no_number_keeps_to_no_bound() {
    assert!(Bound::AtMost(0.0).holds(0.0) && !Bound::AtMost(0.0).holds(1e-300));
    assert!(Bound::Between(1.0, 2.0).holds(2.0) && !Bound::Between(1.0, 2.0).holds(2.1));
    for bound in [Bound::AtMost(1.0), Bound::Between(0.0, 1.0)] {
        assert!(!bound.holds(f64::NAN));
        assert!(!bound.holds(f64::INFINITY));
    }
}

#[test]
fn the_command_line_says_what_was_checked_and_on_what() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = assert_cmd::Command::cargo_bin("hif-switch").unwrap();
        command.args(arguments).current_dir(folder.path());
        command.output().unwrap()
    };
    let output = run(&["selftest", "files", "order", "--out", "proof"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("pass") && text.contains("checks passed"),
        "{text}"
    );
    let manifest = folder.path().join("proof/results/selftest-manifest.json");
    let manifest: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(manifest).unwrap()).unwrap();
    assert_eq!(manifest["failed"], 0);
    let checks = manifest["checks"].as_array().unwrap();
    assert_eq!(manifest["passed"], checks.len());
    assert!(checks.iter().all(|check| check["measured"].is_number()));
    assert_eq!(manifest["parameters_sha256"].as_str().unwrap().len(), 64);
    assert_eq!(manifest["command"][0], "selftest");
    assert!(manifest["machine"]["threads"].as_u64().unwrap() >= 1);
    assert!(manifest["begun"].as_str().unwrap().ends_with('Z'));
    let table = folder.path().join("proof/results/selftest.csv");
    let table = std::fs::read_to_string(table).unwrap();
    assert_eq!(table.lines().count(), 1 + checks.len());

    let output = run(&["selftest", "order", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["checks"].as_array().unwrap().len(), 4);

    let output = run(&["selftest", "kinetic"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("kinetics"), "{message}");
    let output = run(&["selftest", "--params", "."]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(GROUPS.len(), 7);
}

/// A failed check ends with exit code 1 and its name.
#[test]
fn a_failed_check_is_an_error() {
    use hif_switch::report::Manifest;
    use hif_switch::selftest::SelftestReport;
    let library = Library::shipped();
    let report = |checks| {
        let manifest = Manifest::new(&library, &Accuracy::default(), &[]);
        SelftestReport::new(manifest, String::new(), 0.0, checks)
    };
    let checks = selftest(&Spoilt(Fault::Resume), &groups(&["files"])).unwrap();
    let error = report(checks).verdict().unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("missing"), "{error}");
    let sound = selftest(&Own, &groups(&["files"])).unwrap();
    assert!(report(sound).verdict().is_ok());
    assert!(report(Vec::new()).verdict().is_err());
}
