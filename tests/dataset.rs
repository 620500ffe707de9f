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

    /// An infusion into the depot of `length` h that began `t` h ago.
    fn depot_infusion(self, rate: f64, length: f64, t: f64) -> [f64; 2] {
        let Self { ka, k } = self;
        // One that does not end; one that began when it ended is taken from it.
        let endless = |t: f64| {
            let t = t.max(0.0);
            let (a, c) = (1.0 - (-ka * t).exp(), 1.0 - (-k * t).exp());
            [rate / ka * a, rate / (ka - k) * (ka / k * c - a)]
        };
        let (begun, ended) = (endless(t), endless(t - length));
        [begun[0] - ended[0], begun[1] - ended[1]]
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
    check_columns(name, HEADER, records, expected);
}

/// The same with other columns.
fn check_columns(name: &str, header: &str, records: &str, expected: &[[f64; 2]]) {
    let lines: Vec<&str> = records
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .collect();
    let table = answer(&format!("{header}\n{}\n", lines.join("\n")));
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

const MODELLED: &str = "TIME,AMT,EVID,CMT,RATE,DUR,II,ADDL,ALAG,F,R4,D4";

#[test]
fn lagged_doses_enter_when_their_lag_is_over() {
    let m = OneCompartment::metformin();
    let given = |t: f64| sum(&[m.oral(5.0, t - 4.0), m.oral(5.0, t - 16.0)]);
    check_columns(
        "by mouth with a further dose",
        MODELLED,
        "0,5,1,3,0,0,12,1,4,1,0,0
         3,.,0,4,.,.,.,.,9,9,.,.
         4,.,0,4,.,.,.,.,.,.,.,.
         10,.,0,4,.,.,.,.,.,.,.,.
         16,.,0,4,.,.,.,.,.,.,.,.
         30,.,0,4,.,.,.,.,.,.,.,.",
        &[0.0, 3.0, 4.0, 10.0, 16.0, 30.0].map(given),
    );
    check_columns(
        "a later dose overtakes an earlier one",
        MODELLED,
        "0,5,1,4,0,0,0,0,6,1,0,0
         2,3,1,4,0,0,0,0,1,1,0,0
         5,.,0,4,.,.,.,.,.,.,.,.
         8,.,0,4,.,.,.,.,.,.,.,.",
        &[
            NOTHING,
            NOTHING,
            m.bolus(3.0, 2.0),
            sum(&[m.bolus(3.0, 5.0), m.bolus(5.0, 2.0)]),
        ],
    );
    check_columns(
        "an infusion",
        MODELLED,
        "0,6,1,4,2,0,0,0,5,1,0,0
         5,.,0,4,.,.,.,.,.,.,.,.
         6,.,0,4,.,.,.,.,.,.,.,.
         9,.,0,4,.,.,.,.,.,.,.,.",
        &[0.0, 5.0, 6.0, 9.0].map(|t| m.infusion(2.0, 3.0, t - 5.0)),
    );
    check_columns(
        "lags of the compartments",
        "TIME,AMT,EVID,CMT,ALAG3,ALAG4",
        "0,5,1,3,2,7
         0,3,1,4,2,7
         1,.,0,4,.,.
         5,.,0,4,.,.
         9,.,0,4,.,.",
        &[0.0, 0.0, 1.0, 5.0, 9.0].map(|t| sum(&[m.oral(5.0, t - 2.0), m.bolus(3.0, t - 7.0)])),
    );
}

#[test]
fn bioavailability_changes_what_is_not_given() {
    let m = OneCompartment::metformin();
    for (name, dose, rate, length) in [
        ("the rate stays", "0,6,1,4,2,0,0,0,0,0.5,0,0", 2.0, 1.5),
        ("the duration stays", "0,6,1,4,0,3,0,0,0,0.5,0,0", 1.0, 3.0),
        ("a modelled rate", "0,6,1,4,-1,0,0,0,0,0.5,2,9", 2.0, 1.5),
        (
            "a modelled duration",
            "0,6,1,4,-2,0,0,0,0,0.5,9,3",
            1.0,
            3.0,
        ),
        (
            "a duration for RATE -2",
            "0,6,1,4,-2,3,0,0,0,0.5,9,.",
            1.0,
            3.0,
        ),
        (
            "rate and duration agree",
            "0,6,1,4,2,3,0,0,0,1,.,.",
            2.0,
            3.0,
        ),
        ("more than all", "0,6,1,4,2,0,0,0,0,2.5,0,0", 2.0, 7.5),
    ] {
        let records = format!(
            "{dose}
             1,.,0,4,.,.,.,.,.,.,.,.
             2,.,0,4,.,.,.,.,.,.,.,.
             8,.,0,4,.,.,.,.,.,.,.,."
        );
        let expected = [0.0, 1.0, 2.0, 8.0].map(|t| m.infusion(rate, length, t));
        check_columns(name, MODELLED, &records, &expected);
    }
    check_columns(
        "doses at once, nothing, and an infusion too short to be one",
        MODELLED,
        "0,6,1,3,0,0,0,0,0,0.25,0,0
         1,4,1,4,0,0,0,0,0,2,0,0
         1,4,1,4,0,0,0,0,0,0,0,0
         2,4,1,4,0,1e-12,0,0,0,1,0,0
         3,.,0,4,.,.,.,.,.,.,.,.",
        &[
            m.oral(1.5, 0.0),
            sum(&[m.oral(1.5, 1.0), m.bolus(8.0, 0.0)]),
            sum(&[m.oral(1.5, 1.0), m.bolus(8.0, 0.0)]),
            sum(&[m.oral(1.5, 2.0), m.bolus(8.0, 1.0), m.bolus(4.0, 0.0)]),
            sum(&[m.oral(1.5, 3.0), m.bolus(8.0, 2.0), m.bolus(4.0, 1.0)]),
        ],
    );
}

#[test]
fn infusions_go_into_depots_too() {
    let m = OneCompartment::metformin();
    check_columns(
        "one after the other, over each other",
        MODELLED,
        "0,6,1,3,2,0,2,1,0,1,0,0
         1,.,0,4,.,.,.,.,.,.,.,.
         2.5,.,0,4,.,.,.,.,.,.,.,.
         4,.,0,4,.,.,.,.,.,.,.,.
         9,.,0,4,.,.,.,.,.,.,.,.",
        &[0.0, 1.0, 2.5, 4.0, 9.0].map(|t| {
            let one = m.depot_infusion(2.0, 3.0, t);
            sum(&[one, m.depot_infusion(2.0, 3.0, t - 2.0)])
        }),
    );
    check_columns(
        "beside one into the central compartment",
        MODELLED,
        "0,6,1,3,2,0,0,0,0,1,0,0
         1,8,1,4,0,4,0,0,0,1,0,0
         2,.,0,4,.,.,.,.,.,.,.,.
         4,.,0,4,.,.,.,.,.,.,.,.
         7,.,0,4,.,.,.,.,.,.,.,.",
        &[0.0, 1.0, 2.0, 4.0, 7.0]
            .map(|t| sum(&[m.depot_infusion(2.0, 3.0, t), m.infusion(2.0, 4.0, t - 1.0)])),
    );
}

#[test]
fn steady_states_of_every_kind_are_those_of_long_series() {
    // A dose with SS against the same dose given sixty times before.
    let mut kinds = Vec::new();
    for compartment in [3, 4] {
        for delivery in [
            "0,0,.,.",
            "2,0,.,.",
            "0.6,0,.,.",
            "0,3,.,.",
            "-1,0,2,.",
            "-2,0,.,14",
            "0.5,0,.,.",
        ] {
            for lag in ["0", "2.5", "6", "8.5", "19"] {
                // Every other one with further doses and half of it absorbed.
                let (further, part) = if kinds.len() % 2 == 0 {
                    (0, "1")
                } else {
                    (2, "0.5")
                };
                kinds.push((compartment, delivery, lag, further, part));
            }
        }
    }
    const SERIES: u32 = 60;
    const INTERVAL: f64 = 6.0;
    let samples = [0.0, 1.0, 2.5, 5.0, 6.0, 9.5, 13.0, 20.0, 27.0, 40.0];
    let mut text = "ID,TIME,AMT,EVID,CMT,RATE,DUR,R,D,II,ADDL,SS,LAGT,BIOAV\n".to_owned();
    for (i, (compartment, delivery, lag, further, part)) in kinds.iter().enumerate() {
        for series in [0, SERIES] {
            let start = -INTERVAL * f64::from(series);
            let steady = u8::from(series == 0);
            let count = series + further;
            text.push_str(&format!(
                "{i}-{series},{start},6,1,{compartment},{delivery},{INTERVAL},{count},{steady},{lag},{part}\n"
            ));
            for time in samples {
                text.push_str(&format!("{i}-{series},{time},.,0,4,.,.,.,.,.,.,.,.,.\n"));
            }
        }
    }
    let table = answer(&text);
    let rows = 1 + samples.len();
    for name in ["partner1_depot_mg", "partner1_central_mg"] {
        let values = column(&table, name);
        for (kind, pair) in kinds.iter().zip(values.chunks(2 * rows)) {
            let (solved, reached) = pair.split_at(rows);
            let largest = reached.iter().copied().fold(1e-6, f64::max);
            for (i, time) in samples.iter().enumerate() {
                let (solved, reached) = (solved[1 + i], reached[1 + i]);
                assert!(
                    (solved - reached).abs() <= 1e-8 * largest,
                    "{name} of {kind:?} at {time} h: {solved} instead of {reached}"
                );
            }
        }
    }
}

const STEADY: &str = "TIME,AMT,EVID,CMT,RATE,II,ADDL,SS,ALAG";

#[test]
fn lagged_steady_states_add_and_replace() {
    let m = OneCompartment::metformin();
    // At the record the drug is where it is 3 h before the next dose.
    let steady = |t: f64| match t {
        t if t < 3.0 => m.oral_for_ever(4.0, 8.0, t + 5.0),
        t => m.oral_for_ever(4.0, 8.0, t - 3.0),
    };
    check_columns(
        "adds to a dose before",
        STEADY,
        "0,5,1,4,0,0,0,0,0
         2,4,1,3,0,8,0,2,3
         4,.,0,4,.,.,.,.,.
         5,.,0,4,.,.,.,.,.
         8,.,0,4,.,.,.,.,.",
        &[
            m.bolus(5.0, 0.0),
            sum(&[m.bolus(5.0, 2.0), steady(0.0)]),
            sum(&[m.bolus(5.0, 4.0), steady(2.0)]),
            sum(&[m.bolus(5.0, 5.0), steady(3.0)]),
            sum(&[m.bolus(5.0, 8.0), steady(6.0)]),
        ],
    );
    check_columns(
        "replaces amounts and a dose on its way",
        STEADY,
        "0,5,1,4,0,0,0,0,0
         1,5,1,4,0,0,0,0,4
         2,4,1,3,0,8,0,1,3
         4,.,0,4,.,.,.,.,.
         8,.,0,4,.,.,.,.,.",
        &[
            m.bolus(5.0, 0.0),
            m.bolus(5.0, 1.0),
            steady(0.0),
            steady(2.0),
            steady(6.0),
        ],
    );
    check_columns(
        "after a reset",
        STEADY,
        "0,5,1,4,0,0,0,0,0
         2,4,4,3,0,8,0,1,3
         4,.,0,4,.,.,.,.,.
         8,.,0,4,.,.,.,.,.",
        &[m.bolus(5.0, 0.0), steady(0.0), steady(2.0), steady(6.0)],
    );
    check_columns(
        "an infusion that has always run ends when its lag is over",
        STEADY,
        "0,0,1,4,2,0,0,1,3
         2,.,0,4,.,.,.,.,.
         3,.,0,4,.,.,.,.,.
         7,.,0,4,.,.,.,.,.",
        &[0.0, 2.0, 3.0, 7.0].map(|t| m.bolus(2.0 / m.k, (t - 3.0_f64).max(0.0))),
    );
    check_columns(
        "one into the depot",
        STEADY,
        "0,0,1,3,2,0,0,1,0
         4,.,0,4,.,.,.,.,.",
        &[0.0, 4.0].map(|t| sum(&[m.oral(2.0 / m.ka, t), m.bolus(2.0 / m.k, t)])),
    );
}

#[test]
fn a_reset_cancels_doses_that_have_not_entered() {
    let m = OneCompartment::metformin();
    check_columns(
        "a lagged dose and those that it announced",
        STEADY,
        "0,5,1,3,0,6,3,0,4
         2,.,3,4,.,.,.,.,.
         5,.,0,4,.,.,.,.,.
         40,.,0,4,.,.,.,.,.",
        &[NOTHING, NOTHING, NOTHING, NOTHING],
    );
    check_columns(
        "reset and lagged dose, back in time",
        STEADY,
        "0,5,1,4,0,0,0,0,0
         3,5,1,4,0,0,0,0,9
         1,7,4,4,0,0,0,0,2
         2,.,0,4,.,.,.,.,.
         3,.,0,4,.,.,.,.,.
         20,.,0,4,.,.,.,.,.",
        &[
            m.bolus(5.0, 0.0),
            m.bolus(5.0, 3.0),
            NOTHING,
            NOTHING,
            m.bolus(7.0, 0.0),
            m.bolus(7.0, 17.0),
        ],
    );
}

#[test]
fn samples_before_the_first_dose_are_the_baseline() {
    let m = OneCompartment::metformin();
    check(
        "negative and zero times",
        "-24,.,0,4,.,.,.,.
         -2,3,1,4,.,.,.,.
         0,.,0,4,.,.,.,.
         0,5,1,3,.,.,.,.
         1,.,0,4,.,.,.,.",
        &[
            NOTHING,
            m.bolus(3.0, 0.0),
            m.bolus(3.0, 2.0),
            sum(&[m.bolus(3.0, 2.0), m.oral(5.0, 0.0)]),
            sum(&[m.bolus(3.0, 3.0), m.oral(5.0, 1.0)]),
        ],
    );
}

#[test]
fn columns_filled_down_to_samples_have_no_effect() {
    let m = OneCompartment::metformin();
    check(
        "interval, steady state, further doses and rate",
        "0,6,1,4,2,12,0,0
         1,0,0,4,2,12,3,1
         5,.,2,4,2,12,3,2",
        &[0.0, 1.0, 5.0].map(|t| m.infusion(2.0, 3.0, t)),
    );
}

#[test]
fn further_doses_cost_what_happens_and_no_more() {
    // A million doses of which three happen.
    let table = answer("TIME,AMT,CMT,II,ADDL\n0,1,4,1,1000000\n2.5,.,4,.,.\n");
    let m = OneCompartment::metformin();
    let expected = [0.5, 1.5, 2.5].map(|t| m.bolus(1.0, t)[1]);
    let central = column(&table, "partner1_central_mg")[1];
    assert!((central - expected.iter().sum::<f64>()).abs() < 1e-9);
    for text in [
        "TIME,AMT,CMT,II,ADDL\n0,1,4,0.0001,1000000\n100,.,4,.,.\n",
        "TIME,AMT,CMT,II,SS,RATE\n0,1,4,0.0001,1,0.01\n100,.,4,.,.,.\n",
        "TIME,AMT,CMT,II,SS,ALAG\n0,1,4,0.0001,1,100\n100,.,4,.,.,.\n",
    ] {
        let error = parse(&scenario(), text).unwrap_err().to_string();
        for needle in ["doses.csv:2", "at most 100000"] {
            assert!(error.contains(needle), "{needle}: {error}");
        }
    }
}

#[test]
fn extreme_steady_states_are_numbers_or_name_their_record() {
    let patient = Scenario::new("patient", Arm::sorafenib());
    for (scenario, text) in [
        (&patient, "TIME,AMT,EVID,II,SS\n0,1,1,10000,1\n"),
        (&patient, "TIME,AMT,EVID,II,SS\n0,1e9,1,12,1\n"),
        (&patient, "TIME,AMT,EVID,II,SS\n0,1e-300,1,12,1\n"),
        (&patient, "TIME,AMT,EVID,II,SS\n0,1,1,87660,1\n"),
        (&scenario(), "TIME,AMT,CMT,EVID,II,SS\n0,1,3,1,10000,1\n"),
        (&scenario(), "TIME,AMT,CMT,EVID,II,SS\n0,1,4,1,87660,2\n"),
        (&scenario(), "TIME,AMT,CMT,EVID,II,SS,F\n0,1,4,1,12,1,0\n"),
        (&scenario(), "TIME,AMT,CMT,EVID,II,SS\n0,1,4,1,1e-300,1\n"),
        (
            &scenario(),
            "TIME,AMT,CMT,EVID,II,SS,RATE\n0,1e9,3,1,1,1,4e15\n",
        ),
    ] {
        let set = parse(scenario, text).unwrap();
        match set.answer(&LIBRARY, scenario, &Accuracy::default(), &[]) {
            Ok(table) => {
                let values = column(&table, "PRED");
                assert!(values.iter().all(|value| value.is_finite()), "{text}");
            }
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("doses.csv:2"), "{text}: {error}");
            }
        }
    }
}

#[test]
fn residuals_stand_beside_the_prediction() {
    let table = answer(
        "TIME,AMT,EVID,CMT,DV,MDV\n0,5,1,4,7,1\n1,.,0,4,2000,0\n2,.,0,4,.,0\n3,.,0,4,900,1\n4,.,0,4,0,0\n5,.,2,4,9,0\n",
    );
    let at = |name: &str| table.columns.iter().position(|c| c.name == name).unwrap();
    let number = |row: usize, name: &str| match &table.rows[row][at(name)] {
        Cell::Number(value) => *value,
        other => panic!("{name} is {other:?}"),
    };
    let predicted = number(1, "PRED").unwrap();
    assert!((number(1, "IRES").unwrap() - (2000.0 - predicted)).abs() < 1e-9);
    let log = (2000.0 / predicted).ln();
    assert!((number(1, "LIRES").unwrap() - log).abs() < 1e-12);
    assert_eq!(
        number(4, "IRES"),
        number(4, "PRED").map(|predicted| -predicted)
    );
    assert_eq!(number(4, "LIRES"), None, "no logarithm of 0");
    for row in [0, 2, 3, 5] {
        assert_eq!(number(row, "IRES"), None, "row {row}");
    }
    let without = answer("TIME,AMT,EVID,CMT,DV\n0,5,1,4,.\n1,.,0,4,.\n");
    assert!(without.columns.iter().all(|column| column.name != "IRES"));
}

#[test]
fn lanes_are_no_method_for_records() {
    let scenario = scenario();
    let set = parse(&scenario, "TIME,AMT,EVID,CMT,DUR\n0,5,1,3,2\n4,.,0,4,.\n").unwrap();
    let lanes = set
        .answer(&LIBRARY, &scenario, &Accuracy::ensemble(), &[])
        .unwrap();
    let single = set
        .answer(&LIBRARY, &scenario, &Accuracy::default(), &[])
        .unwrap();
    assert_eq!(lanes, single);
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
fn intravenous_sorafenib_opens_the_gallbladder_of_patients() {
    let scenario = Scenario::new("patient", Arm::sorafenib());
    let answer = |text: &str| {
        let set = parse(&scenario, text).unwrap();
        set.answer(&LIBRARY, &scenario, &tight(), &[]).unwrap()
    };
    let onset = scenario
        .parameters(&LIBRARY)
        .unwrap()
        .number("exposure.gallbladder_onset")
        .unwrap()
        .value
        .unwrap();
    for delivery in ["0", "20"] {
        let mut text = format!("TIME,AMT,EVID,CMT,RATE\n0,100,1,2,{delivery}\n");
        let times = [0.5 * onset, onset, onset + 2.0, onset + 100.0];
        for time in times {
            text.push_str(&format!("{time},.,0,2,.\n"));
        }
        let bile = column(&answer(&text), "sorafenib_gallbladder_mg");
        assert!(bile[1] > 0.0 && bile[2] > bile[1], "it fills: {bile:?}");
        assert!(bile[4] < 0.1 * bile[2], "it empties: {bile:?}");
    }
    // The solved steady state against forty doses, at once and by infusion, central and depot.
    for (compartment, delivery) in [(2, "0"), (2, "25"), (2, "5"), (1, "50")] {
        let text = format!(
            "ID,TIME,AMT,EVID,CMT,RATE,II,ADDL,SS\n\
             1,0,100,1,{compartment},{delivery},24,0,1\n1,5,,0,2,,,,\n1,20,,0,2,,,,\n\
             2,-960,100,1,{compartment},{delivery},24,40,0\n2,5,,0,2,,,,\n2,20,,0,2,,,,\n"
        );
        let scenario = Scenario {
            overrides: vec![("exposure.decline_floor".to_owned(), "1 1".to_owned())],
            ..scenario.clone()
        };
        let set = parse(&scenario, &text).unwrap();
        let table = set.answer(&LIBRARY, &scenario, &tight(), &[]).unwrap();
        for name in ["sorafenib_central_mg", "sorafenib_gallbladder_mg"] {
            let values = column(&table, name);
            for (solved, reached) in [(1, 4), (2, 5)] {
                let (solved, reached) = (values[solved], values[reached]);
                assert!(
                    (solved - reached).abs() <= 1e-7 * reached.abs(),
                    "{name} of CMT {compartment}, RATE {delivery}: {solved} or {reached}"
                );
            }
        }
    }
    // An infusion that has always run leaves the gallbladder open.
    let table = answer("TIME,AMT,EVID,CMT,RATE,SS\n0,0,1,2,5,1\n100,.,0,2,.,.\n");
    let bile = column(&table, "sorafenib_gallbladder_mg");
    assert!(bile[0] > 0.0 && bile[1] < 0.5 * bile[0], "{bile:?}");
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
        error.contains("doses.csv:2")
            && error.contains("no steady state")
            && error.contains("gallbladder"),
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
        ("TIME,AMT\n1e300,1\n", vec!["column 1 (TIME)", "ten years"]),
        (
            "TIME,AMT\n8:30,1\n",
            vec!["column 1 (TIME)", "8:30", "time of day"],
        ),
        ("TIME,AMT\n0,1e308\n", vec!["column 2 (AMT)", "1e308"]),
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
            "TIME,AMT,RATE,R1\n0,1,-1,.\n",
            vec!["column 3 (RATE)", "-1", "modelled", "R1"],
        ),
        (
            "TIME,AMT,RATE,D2\n0,1,-2,4\n",
            vec!["column 3 (RATE)", "compartment 1", "D1"],
        ),
        ("TIME,AMT,RATE\n0,1,-3\n", vec!["column 3 (RATE)", "-3"]),
        (
            "TIME,AMT,RATE,DUR\n0,100,25,2\n",
            vec!["column 4 (DUR)", "4 h", "2 h"],
        ),
        ("TIME,AMT,DUR\n0,1,-2\n", vec!["column 3 (DUR)", "-2"]),
        ("TIME,AMT,ALAG1\n0,1,-2\n", vec!["column 3 (ALAG1)", "-2"]),
        ("TIME,AMT,F1\n0,1,-0.5\n", vec!["column 3 (F1)", "-0.5"]),
        (
            "TIME,AMT,RATE\n0,1,1e-9\n",
            vec!["column 3 (RATE)", "ten years"],
        ),
        ("ID,TIME,AMT\n.,0,1\n", vec!["column 1 (ID)", "missing"]),
        (
            "TIME,AMT,EVID\n0,1,1\n1,1,0\n",
            vec!["doses.csv:3, column 2 (AMT)", "EVID 0"],
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
