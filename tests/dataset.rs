//! NONMEM-style data sets against closed forms of a one-compartment oral model: every kind of record
//! and their collisions.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::interchange::DataSet;
use hif_switch::model::partner::PartnerKinetics;
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Mode};
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::table::{Cell, Table};
use std::sync::LazyLock;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::shipped);

/// Metformin in the mouse: one compartment with first-order absorption, CMT 3 and 4.
fn scenario() -> Scenario {
    let arm = Arm::parse("sorafenib+metformin", &LIBRARY, "test").unwrap();
    Scenario {
        mode: Mode::AchievableExposure,
        ..Scenario::new("xenograft", arm)
    }
}

fn tight() -> Accuracy {
    Accuracy {
        rtol: 1e-11,
        ..Accuracy::default()
    }
}

fn parse(scenario: &Scenario, text: &str) -> hif_switch::Result<DataSet> {
    DataSet::parse("doses.csv", text, &scenario.parameters(&LIBRARY)?)
}

fn answer(text: &str) -> Table {
    let scenario = scenario();
    let set = parse(&scenario, text).unwrap();
    set.answer(&LIBRARY, &scenario, &tight(), &[]).unwrap()
}

fn column(table: &Table, name: &str) -> Vec<f64> {
    let at = table.columns.iter().position(|c| c.name == name).unwrap();
    table
        .rows
        .iter()
        .map(|row| match &row[at] {
            Cell::Number(value) => value.unwrap(),
            Cell::Text(text) => text.parse().unwrap_or(f64::NAN),
            Cell::Unknown => f64::NAN,
        })
        .collect()
}

/// The closed forms: depot and central amount of a one-compartment oral model.
#[derive(Clone, Copy)]
struct OneCompartment {
    ka: f64,
    k: f64,
}

impl OneCompartment {
    fn metformin() -> Self {
        let problem = scenario().prepare(&LIBRARY).unwrap();
        let partner = problem.model.partners[0].clone().unwrap();
        let PartnerKinetics::OneCompartment(p, _) = partner.kinetics else {
            panic!("metformin has kinetics in the mouse");
        };
        Self {
            ka: p.absorption_rate,
            k: std::f64::consts::LN_2 / p.half_life,
        }
    }

    /// A dose into the depot, `t` h ago: (depot, central).
    fn oral(self, amount: f64, t: f64) -> [f64; 2] {
        if t < 0.0 {
            return [0.0, 0.0];
        }
        let Self { ka, k } = self;
        let central = ka / (ka - k) * ((-k * t).exp() - (-ka * t).exp());
        [amount * (-ka * t).exp(), amount * central]
    }

    /// A dose into the central compartment.
    fn bolus(self, amount: f64, t: f64) -> [f64; 2] {
        [
            0.0,
            if t < 0.0 {
                0.0
            } else {
                amount * (-self.k * t).exp()
            },
        ]
    }

    /// An infusion of `length` h that began `t` h ago.
    fn infusion(self, rate: f64, length: f64, t: f64) -> [f64; 2] {
        if t < 0.0 {
            return [0.0, 0.0];
        }
        let filled = rate / self.k * (1.0 - (-self.k * t.min(length)).exp());
        [0.0, filled * (-self.k * (t - length).max(0.0)).exp()]
    }

    /// Doses into the depot every `interval` h for ever, the last `t` h ago.
    fn oral_for_ever(self, amount: f64, interval: f64, t: f64) -> [f64; 2] {
        let Self { ka, k } = self;
        let (a, c) = (1.0 - (-ka * interval).exp(), 1.0 - (-k * interval).exp());
        let central = ka / (ka - k) * ((-k * t).exp() / c - (-ka * t).exp() / a);
        [amount * (-ka * t).exp() / a, amount * central]
    }

    fn bolus_for_ever(self, amount: f64, interval: f64, t: f64) -> [f64; 2] {
        [
            0.0,
            amount * (-self.k * t).exp() / (1.0 - (-self.k * interval).exp()),
        ]
    }

    /// Infusions every `interval` h for ever, the last begun `t` h ago: those that still run, and the
    /// geometric series of those that ended.
    fn infusion_for_ever(self, rate: f64, length: f64, interval: f64, t: f64) -> [f64; 2] {
        let k = self.k;
        let mut central = 0.0;
        let mut age = t;
        while age < length {
            central += rate / k * (1.0 - (-k * age).exp());
            age += interval;
        }
        let ended = rate / k * ((k * length).exp() - 1.0) * (-k * age).exp();
        [0.0, central + ended / (1.0 - (-k * interval).exp())]
    }
}

fn sum(parts: &[[f64; 2]]) -> [f64; 2] {
    parts
        .iter()
        .fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]])
}

const HEADER: &str = "TIME,AMT,EVID,CMT,RATE,II,ADDL,SS";

/// Compares the amounts after every record with `expected`, one pair per record.
fn check(name: &str, records: &str, expected: &[[f64; 2]]) {
    let lines: Vec<&str> = records
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let table = answer(&format!("{HEADER}\n{}\n", lines.join("\n")));
    let depot = column(&table, "partner1_depot_mg");
    let central = column(&table, "partner1_central_mg");
    assert_eq!(
        table.rows.len(),
        lines.len(),
        "{name}: one answer per record"
    );
    assert_eq!(expected.len(), lines.len(), "{name}");
    let largest = expected.iter().flatten().copied().fold(1e-3, f64::max);
    for (i, expected) in expected.iter().enumerate() {
        for (value, expected) in [(depot[i], expected[0]), (central[i], expected[1])] {
            assert!(
                (value - expected).abs() <= 1e-9 * largest,
                "{name}, `{}`: {value} instead of {expected}",
                lines[i]
            );
        }
    }
}

const NOTHING: [f64; 2] = [0.0, 0.0];

#[test]
fn single_doses_by_every_route() {
    let m = OneCompartment::metformin();
    check(
        "by mouth",
        "0,5,1,3,0,0,0,0
         1,0,0,4,0,0,0,0
         7.5,0,0,4,0,0,0,0",
        &[m.oral(5.0, 0.0), m.oral(5.0, 1.0), m.oral(5.0, 7.5)],
    );
    check(
        "into the central compartment",
        "2,5,1,4,0,0,0,0
         3,0,0,4,0,0,0,0",
        &[m.bolus(5.0, 0.0), m.bolus(5.0, 1.0)],
    );
    check(
        "infusion",
        "0,6,1,4,2,0,0,0
         1,0,0,4,0,0,0,0
         3,0,0,4,0,0,0,0
         9,0,2,4,0,0,0,0",
        &[
            NOTHING,
            m.infusion(2.0, 3.0, 1.0),
            m.infusion(2.0, 3.0, 3.0),
            m.infusion(2.0, 3.0, 9.0),
        ],
    );
}

#[test]
fn records_at_one_time_are_taken_in_their_order() {
    let m = OneCompartment::metformin();
    check(
        "sample, dose, sample, dose, sample",
        "0,5,1,3,0,0,0,0
         4,0,0,4,0,0,0,0
         4,3,1,4,0,0,0,0
         4,0,0,4,0,0,0,0
         4,2,1,4,0,0,0,0
         4,0,0,4,0,0,0,0",
        &[
            m.oral(5.0, 0.0),
            m.oral(5.0, 4.0),
            sum(&[m.oral(5.0, 4.0), m.bolus(3.0, 0.0)]),
            sum(&[m.oral(5.0, 4.0), m.bolus(3.0, 0.0)]),
            sum(&[m.oral(5.0, 4.0), m.bolus(5.0, 0.0)]),
            sum(&[m.oral(5.0, 4.0), m.bolus(5.0, 0.0)]),
        ],
    );
    check(
        "an infusion ends where a dose and a sample stand",
        "0,6,1,4,2,0,0,0
         3,0,0,4,0,0,0,0
         3,4,1,4,4,0,0,0
         3.5,0,0,4,0,0,0,0
         5,0,0,4,0,0,0,0",
        &[
            NOTHING,
            m.infusion(2.0, 3.0, 3.0),
            m.infusion(2.0, 3.0, 3.0),
            sum(&[m.infusion(2.0, 3.0, 3.5), m.infusion(4.0, 1.0, 0.5)]),
            sum(&[m.infusion(2.0, 3.0, 5.0), m.infusion(4.0, 1.0, 2.0)]),
        ],
    );
}

#[test]
fn announced_doses_come_before_the_records_at_their_time() {
    let m = OneCompartment::metformin();
    let given = |t: f64| sum(&[m.oral(5.0, t), m.oral(5.0, t - 6.0), m.oral(5.0, t - 12.0)]);
    check(
        "further doses",
        "0,5,1,3,0,6,2,0
         6,0,0,4,0,0,0,0
         11,0,0,4,0,0,0,0
         12,0,0,4,0,0,0,0
         30,0,0,4,0,0,0,0",
        &[
            m.oral(5.0, 0.0),
            given(6.0),
            given(11.0),
            given(12.0),
            given(30.0),
        ],
    );
    // Thirds do not add up exactly: 3 x 0.1 h is not 0.3 h.
    let thirds = |t: f64| sum(&[0, 1, 2, 3].map(|n| m.bolus(1.0, t - 0.1 * f64::from(n) + 1e-12)));
    check(
        "times that carry rounding",
        "0,1,1,4,0,0.1,3,0
         0.3,0,0,4,0,0,0,0",
        &[m.bolus(1.0, 0.0), thirds(0.3)],
    );
}

#[test]
fn infusions_longer_than_their_interval_run_on_top_of_each_other() {
    let m = OneCompartment::metformin();
    let given = |t: f64| sum(&[0.0, 2.0, 4.0].map(|start| m.infusion(1.0, 5.0, t - start)));
    check(
        "overlapping",
        "0,5,1,4,1,2,2,0
         1,0,0,4,0,0,0,0
         4,0,0,4,0,0,0,0
         4.5,0,0,4,0,0,0,0
         6,0,0,4,0,0,0,0
         9,0,0,4,0,0,0,0
         20,0,0,4,0,0,0,0",
        &[
            NOTHING,
            given(1.0),
            given(4.0),
            given(4.5),
            given(6.0),
            given(9.0),
            given(20.0),
        ],
    );
}

#[test]
fn steady_states_are_those_of_doses_for_ever() {
    let m = OneCompartment::metformin();
    check(
        "by mouth",
        "0,5,1,3,0,12,0,1
         3,0,0,4,0,0,0,0
         11,0,0,4,0,0,0,0",
        &[0.0, 3.0, 11.0].map(|t| m.oral_for_ever(5.0, 12.0, t)),
    );
    check(
        "into the central compartment, with further doses",
        "0,5,1,4,0,8,1,1
         7.9,0,0,4,0,0,0,0
         8,0,0,4,0,0,0,0
         20,0,0,4,0,0,0,0",
        &[
            m.bolus_for_ever(5.0, 8.0, 0.0),
            m.bolus_for_ever(5.0, 8.0, 7.9),
            m.bolus_for_ever(5.0, 8.0, 0.0),
            m.bolus_for_ever(5.0, 8.0, 12.0),
        ],
    );
    check(
        "infusion shorter than the interval",
        "0,6,1,4,2,8,0,1
         2,0,0,4,0,0,0,0
         3,0,0,4,0,0,0,0
         7,0,0,4,0,0,0,0",
        &[0.0, 2.0, 3.0, 7.0].map(|t| m.infusion_for_ever(2.0, 3.0, 8.0, t)),
    );
    // No infusion begins after the record: those before it run out one by one.
    let ending = |t: f64| m.infusion_for_ever(1.0, 10.0, 4.0, t);
    check(
        "infusion longer than the interval",
        "0,10,1,4,1,4,0,1
         1,0,0,4,0,0,0,0
         3,0,0,4,0,0,0,0
         9,0,0,4,0,0,0,0
         15,0,0,4,0,0,0,0",
        &[0.0, 1.0, 3.0, 9.0, 15.0].map(ending),
    );
    check(
        "an infusion that has run for ever ends at the record",
        "0,0,1,4,2,0,0,1
         5,0,0,4,0,0,0,0",
        &[m.bolus(2.0 / m.k, 0.0), m.bolus(2.0 / m.k, 5.0)],
    );
}

#[test]
fn a_second_steady_state_adds_and_a_first_one_replaces() {
    let m = OneCompartment::metformin();
    let morning = |t: f64| m.oral_for_ever(5.0, 24.0, t);
    let evening = |t: f64| m.oral_for_ever(3.0, 24.0, t);
    check(
        "unequal doses in the morning and the evening",
        "0,5,1,3,0,24,0,1
         10,3,1,3,0,24,0,2
         15,0,0,4,0,0,0,0",
        &[
            morning(0.0),
            sum(&[morning(10.0), evening(0.0)]),
            sum(&[morning(15.0), evening(5.0)]),
        ],
    );
    check(
        "replaces amounts, a running infusion and announced doses",
        "0,8,1,4,1,6,3,0
         1,4,1,3,0,12,0,1
         4,0,0,4,0,0,0,0
         13,0,0,4,0,0,0,0",
        &[
            NOTHING,
            m.oral_for_ever(4.0, 12.0, 0.0),
            m.oral_for_ever(4.0, 12.0, 3.0),
            m.oral_for_ever(4.0, 12.0, 12.0),
        ],
    );
    check(
        "adds to a running infusion",
        "0,8,1,4,1,0,0,0
         1,4,1,4,0,12,0,2
         9,0,0,4,0,0,0,0",
        &[
            NOTHING,
            sum(&[m.infusion(1.0, 8.0, 1.0), m.bolus_for_ever(4.0, 12.0, 0.0)]),
            sum(&[m.infusion(1.0, 8.0, 9.0), m.bolus_for_ever(4.0, 12.0, 8.0)]),
        ],
    );
}

#[test]
fn a_reset_empties_all_and_stops_what_runs() {
    let m = OneCompartment::metformin();
    check(
        "during an infusion, with doses still to come",
        "0,8,1,4,1,6,3,0
         0,5,1,3,0,4,3,0
         3,0,3,4,0,0,0,0
         5,0,0,4,0,0,0,0
         30,0,0,4,0,0,0,0",
        &[NOTHING, m.oral(5.0, 0.0), NOTHING, NOTHING, NOTHING],
    );
    check(
        "reset and dose, back in time",
        "0,5,1,3,0,0,0,0
         20,0,0,4,0,0,0,0
         2,7,4,4,0,0,0,0
         5,0,0,4,0,0,0,0",
        &[
            m.oral(5.0, 0.0),
            m.oral(5.0, 20.0),
            m.bolus(7.0, 0.0),
            m.bolus(7.0, 3.0),
        ],
    );
    check(
        "reset and steady state",
        "0,8,1,4,1,0,0,0
         2,5,4,3,0,12,0,1
         5,0,0,4,0,0,0,0",
        &[
            NOTHING,
            m.oral_for_ever(5.0, 12.0, 0.0),
            m.oral_for_ever(5.0, 12.0, 3.0),
        ],
    );
}

#[test]
fn a_reset_starts_the_tumour_anew_and_drugs_do_not_mix() {
    let text = "TIME,AMT,EVID,CMT\n0,0.6,1,1\n200,0,0,2\n200,0,3,2\n201,5,1,3\n202,0,0,4\n";
    let table = answer(text);
    let burden = column(&table, "sensitive");
    assert!(burden[1] > 1.5 * burden[0], "it grew: {burden:?}");
    assert!((burden[2] - burden[0]).abs() < 1e-9 * burden[0]);
    assert!(column(&table, "sorafenib_central_mg")[4].abs() < 1e-12);
    assert!(column(&table, "partner1_central_mg")[1].abs() < 1e-12);
}

#[test]
fn sorafenib_in_patients_reaches_the_steady_state_of_many_doses() {
    // The enterohepatic model with its gate: the solved fixed point against two hundred doses.
    let scenario = Scenario {
        // Steady states use the bioavailability of their record; here it does not decline.
        overrides: vec![("exposure.decline_floor".to_owned(), "1 1".to_owned())],
        ..Scenario::new("patient", Arm::sorafenib())
    };
    let text = "ID,TIME,AMT,EVID,CMT,II,ADDL,SS\n\
                1,0,400,1,1,12,0,1\n1,5,,0,2,,,\n1,11.5,,0,2,,,\n\
                2,0,400,1,1,12,200,0\n2,2400,,0,2,,,\n2,2405,,0,2,,,\n2,2411.5,,0,2,,,\n";
    let set = parse(&scenario, text).unwrap();
    let table = set.answer(&LIBRARY, &scenario, &tight(), &[]).unwrap();
    for name in ["sorafenib_central_mg", "sorafenib_gallbladder_mg", "PRED"] {
        let values = column(&table, name);
        let pairs = match name {
            "PRED" => vec![(1, 5), (2, 6)],
            _ => vec![(0, 4), (1, 5), (2, 6)],
        };
        for (solved, reached) in pairs {
            let (solved, reached) = (values[solved], values[reached]);
            assert!(
                (solved - reached).abs() <= 1e-7 * reached.abs(),
                "{name}: {solved} or {reached}"
            );
        }
    }
}

#[test]
fn a_dose_without_a_steady_state_is_refused() {
    let scenario = Scenario::new("patient", Arm::sorafenib());
    // Dosed every 4 h the gallbladder never opens.
    let set = parse(&scenario, "TIME,AMT,EVID,II,SS\n0,400,1,4,1\n").unwrap();
    let error = set
        .answer(&LIBRARY, &scenario, &tight(), &[])
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("doses.csv:2") && error.contains("no steady state"),
        "{error}"
    );
}

#[test]
fn answers_come_in_the_order_of_the_file_with_its_columns() {
    let text = "C,ID,TIME,DV,AMT,EVID,MDV,NOTE\n\
                x,b,0,.,0.6,1,1,\"first, oral\"\nx,b,2,1.5,.,0,0,\n\
                x,a,0,.,0.3,1,1,\nx,a,1,0.5,.,0,0,\nx,a,2,0.4,.,0,0,last\n";
    let table = answer(text);
    let names: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names[..9],
        [
            "C", "ID", "TIME", "DV", "AMT", "EVID", "MDV", "NOTE", "PRED"
        ]
    );
    assert_eq!(table.rows[0][7], Cell::from("first, oral"));
    assert_eq!(table.rows[4][1], Cell::from("a"));
    // Absorption is a little less than proportional: twice the dose, not quite twice the concentration.
    let prediction = column(&table, "PRED");
    let ratio = prediction[1] / prediction[4];
    assert!(1.7 < ratio && ratio < 2.0, "{prediction:?}");
}

#[test]
fn covariates_belong_to_their_subject() {
    let text = "ID,TIME,AMT,EVID,WT,exposure.clearance\n\
                1,0,0.6,1,0.02,.\n1,4,,0,0.02,.\n2,0,0.6,1,0.04,.\n2,4,,0,.,.\n3,0,0.6,1,0.02,0.74\n3,4,,0,.,0.74\n";
    let scenario = Scenario::new("xenograft", Arm::sorafenib());
    let set = parse(&scenario, text).unwrap();
    assert_eq!(set.subjects(), 3);
    let table = set.answer(&LIBRARY, &scenario, &tight(), &[]).unwrap();
    let c = column(&table, "PRED");
    assert!(c[3] < 0.7 * c[1], "a heavier mouse has less: {c:?}");
    assert!(c[5] < 0.8 * c[1], "faster clearance leaves less: {c:?}");
}

#[test]
fn what_cannot_be_used_is_named_by_line_and_column() {
    for (text, needles) in [
        ("AMT,EVID\n1,1\n", vec!["doses.csv", "TIME"]),
        ("TIME;AMT\n0;1\n", vec!["doses.csv:1", "commas"]),
        (
            "TIME,AMT,TIME\n0,1,2\n",
            vec!["doses.csv:1, column 3", "twice"],
        ),
        ("TIME,AMT\n", vec!["no record"]),
        ("TIME,AMT\n0,1,2\n", vec!["doses.csv:2", "3 cells"]),
        (
            "TIME,AMT\n0,five\n",
            vec!["doses.csv:2, column 2 (AMT)", "five"],
        ),
        ("TIME,AMT\n0,inf\n", vec!["column 2 (AMT)", "inf"]),
        (
            "TIME,AMT\n.,1\n",
            vec!["doses.csv:2, column 1 (TIME)", "missing"],
        ),
        ("TIME,AMT\n-1,1\n", vec!["column 1 (TIME)", "-1"]),
        (
            "TIME,AMT\n5,1\n\n# a comment\n4,1\n",
            vec!["doses.csv:5, column 1 (TIME)", "before the 5"],
        ),
        (
            "TIME,AMT,EVID\n0,1,7\n",
            vec!["column 3 (EVID)", "7", "0 to 4"],
        ),
        ("TIME,AMT,EVID\n0,1,0\n", vec!["column 2 (AMT)", "no dose"]),
        (
            "TIME,AMT,EVID\n0,0,1\n",
            vec!["column 2 (AMT)", "without an amount"],
        ),
        ("TIME,AMT,CMT\n0,1,9\n", vec!["column 3 (CMT)", "9"]),
        (
            "TIME,AMT,RATE\n0,1,-2\n",
            vec!["column 3 (RATE)", "-2", "modelled"],
        ),
        (
            "TIME,AMT,RATE,CMT\n0,1,2,1\n",
            vec!["column 4 (CMT)", "depot"],
        ),
        ("TIME,AMT,ADDL\n0,1,3\n", vec!["doses.csv:2", "interval"]),
        (
            "TIME,AMT,ADDL,II\n0,1,1.5,4\n",
            vec!["column 3 (ADDL)", "whole"],
        ),
        ("TIME,AMT,SS,II\n0,1,3,4\n", vec!["column 3 (SS)", "3"]),
        ("TIME,AMT,MDV\n0,1,2\n", vec!["column 3 (MDV)"]),
        (
            "ID,TIME,WT\n1,0,0.02\n1,1,0.03\n",
            vec!["doses.csv:3, column 3 (WT)", "within a subject"],
        ),
        (
            "TIME,hif.haf_los\n0,1\n",
            vec!["doses.csv:1, column 2", "hif.haf_loss"],
        ),
    ] {
        let error = parse(&scenario(), text).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        for needle in needles {
            assert!(error.contains(needle), "{needle:?} in {error}");
        }
    }
    for (text, needles) in [
        ("TIME,AMT,CMT\n0,1,5\n", vec!["doses.csv:2", "partner 2"]),
        ("TIME,WT\n0,-1\n", vec!["column 2 (WT)"]),
    ] {
        let scenario = scenario();
        let set = parse(&scenario, text).unwrap();
        let error = set
            .answer(&LIBRARY, &scenario, &tight(), &[])
            .unwrap_err()
            .to_string();
        for needle in needles {
            assert!(error.contains(needle), "{needle:?} in {error}");
        }
    }
}
