//! Drug amounts against their closed forms, which share nothing with the engine.

use super::closed::{bateman, behind_five_stages, chain, infused, repeated};
use super::program::failure;
use super::{Bound, Check, Program, largest};
use crate::error::Result;
use crate::model::State;
use crate::model::exposure::{Enterohepatic, SorafenibKinetics};
use crate::model::partner::PartnerKinetics;
use crate::parameters::Library;
use crate::regimen::{Arm, Change, Drug, Event, Mode};
use crate::simulate::{Accuracy, Problem, Scenario};
use crate::table::{Cell, Table};
use nalgebra::SVector;

const GROUP: &str = "kinetics";

/// Relative tolerance of the runs.
const RTOL: f64 = 1e-10;

/// Largest difference of a single run allowed, as a part of the largest value.
const CLOSE: f64 = 1e-8;

/// The same in lanes: between the ends of its pieces an amount is read off a series of 22 terms, which is right to 8e-8 of the
/// dose at the end of a chain of five stages, and to 1e-10 elsewhere.
const CLOSE_IN_LANES: f64 = 1e-7;

pub fn checks(program: &dyn Program, library: &Library) -> Vec<Check> {
    let mut checks = Vec::new();
    for case in RECORDED {
        let what = format!("mouse, data set: {}", case.what);
        checks.push(check(what, recorded(program, library, case), CLOSE));
    }
    for (method, accuracy, close) in [
        ("single run", super::densely(), CLOSE),
        ("lanes", Accuracy::ensemble(), CLOSE_IN_LANES),
    ] {
        let accuracy = Accuracy {
            rtol: RTOL,
            ..accuracy
        };
        let with = |what: &str| format!("{what}, {method}");
        let mouse = |make: fn(&Mouse) -> (Vec<Event>, Closed)| {
            against_mouse(program, library, &accuracy, make)
        };
        checks.push(check(with("mouse: doses by mouth"), mouse(by_mouth), close));
        checks.push(check(
            with("mouse: infusion of 2 h"),
            mouse(infusion),
            close,
        ));
        let stages = five_stages(program, library, &accuracy);
        checks.push(check(
            with("man: absorption through five stages"),
            stages,
            close,
        ));
        let around = recirculation(program, library, &accuracy);
        checks.push(check(with("man: recirculation"), around, close));
        let partner = metformin(program, library, &accuracy);
        checks.push(check(with("partner: metformin in man"), partner, close));
    }
    checks
}

fn check(what: String, measured: Result<f64>, close: f64) -> Check {
    let bound = Bound::AtMost(close);
    Check::new(
        GROUP,
        what,
        "difference over the largest value",
        measured,
        bound,
    )
}

/// Largest difference over the largest expected value.
fn difference(found: &[f64], expected: &[f64]) -> Result<f64> {
    if found.len() != expected.len() || found.is_empty() {
        let cause = format!("{} values instead of {}", found.len(), expected.len());
        return Err(failure("kinetics", cause));
    }
    let pairs = found.iter().zip(expected);
    let size = largest(expected.iter().map(|value| value.abs()));
    Ok(largest(pairs.map(|(f, e)| (f - e).abs())) / size)
}

// ---------------------------------------------------------------- data sets

/// Constants of the mouse.
struct Mouse {
    ka: f64,
    k: f64,
    /// The dose of which all is absorbed, mg.
    dose: f64,
}

impl Mouse {
    fn of(problem: &Problem) -> Result<Self> {
        let SorafenibKinetics::OneCompartment(p, absorption) = &problem.model.kinetics else {
            return Err(failure("the mouse", "its kinetics have another form"));
        };
        Ok(Self {
            ka: p.absorption_rate,
            k: p.clearance / p.volume,
            dose: absorption.reference_dose * absorption.body_weight,
        })
    }
}

/// A data set of one dose record, and the amount in the central compartment that it leads to.
struct Recorded {
    what: &'static str,
    /// AMT (as a part of the dose), CMT, RATE (doses per h), II, SS.
    dose: [f64; 5],
    amount: fn(&Mouse, f64) -> f64,
}

const RECORDED: [Recorded; 6] = [
    Recorded {
        what: "bolus",
        dose: [1.0, 2.0, 0.0, 0.0, 0.0],
        amount: |m, t| m.dose * (-m.k * t).exp(),
    },
    Recorded {
        what: "dose by mouth",
        dose: [1.0, 1.0, 0.0, 0.0, 0.0],
        amount: |m, t| bateman(m.dose, m.ka, m.k, t),
    },
    Recorded {
        what: "infusion of 4 h",
        dose: [1.0, 2.0, 0.25, 0.0, 0.0],
        amount: |m, t| infused(0.25 * m.dose, 4.0, m.k, t),
    },
    Recorded {
        what: "bolus every 8 h at steady state",
        dose: [1.0, 2.0, 0.0, 8.0, 1.0],
        amount: |m, t| m.dose * repeated(m.k, 8.0, t),
    },
    Recorded {
        what: "by mouth every 8 h at steady state",
        dose: [1.0, 1.0, 0.0, 8.0, 1.0],
        amount: |m, t| {
            m.dose * m.ka / (m.ka - m.k) * (repeated(m.k, 8.0, t) - repeated(m.ka, 8.0, t))
        },
    },
    Recorded {
        what: "infusions of 4 h every 12 h at steady state",
        dose: [1.0, 2.0, 0.25, 12.0, 1.0],
        amount: |m, t| {
            // At the end of an infusion, the rest of those before and the present one.
            let begun = infused(0.25 * m.dose, 4.0, m.k, t);
            let earlier = infused(0.25 * m.dose, 4.0, m.k, 4.0) * (m.k * 4.0).exp();
            begun + earlier * (-m.k * 12.0).exp() * repeated(m.k, 12.0, t)
        },
    },
];

/// Times of the questions after a dose, h; the next dose of a steady state would come after them.
const ASKED: [f64; 7] = [0.25, 0.75, 1.5, 3.0, 4.5, 6.0, 7.75];

fn recorded(program: &dyn Program, library: &Library, case: Recorded) -> Result<f64> {
    let scenario = Scenario::new("xenograft", Arm::sorafenib());
    let mouse = Mouse::of(&scenario.prepare(library)?)?;
    let [amount, compartment, rate, interval, steady] = case.dose;
    let mut text = "TIME,AMT,CMT,RATE,II,SS,EVID\n".to_owned();
    let (amount, rate) = (amount * mouse.dose, rate * mouse.dose);
    text += &format!("0,{amount},{compartment},{rate},{interval},{steady},1\n");
    for time in ASKED {
        text += &format!("{time},0,2,0,0,0,0\n");
    }
    let accuracy = Accuracy {
        rtol: RTOL,
        ..Accuracy::default()
    };
    let table = program.answer(library, &scenario, &accuracy, &text, &[])?;
    let found = column(&table, "sorafenib_central_mg")?;
    let expected = ASKED.map(|time| (case.amount)(&mouse, time));
    difference(found.get(1..).unwrap_or_default(), &expected)
}

/// The numbers of a column.
pub(super) fn column(table: &Table, name: &str) -> Result<Vec<f64>> {
    let index = table.columns.iter().position(|column| column.name == name);
    let index = index.ok_or_else(|| failure(name, "the column is missing"))?;
    let cells = table.rows.iter().map(|row| &row[index]);
    cells
        .map(|cell| match cell {
            Cell::Number(Some(number)) => Ok(*number),
            other => Err(failure(name, format!("{other:?} is no number"))),
        })
        .collect()
}

// ---------------------------------------------------------------- timelines

/// Amount in the central compartment at a time, h.
type Closed = Box<dyn Fn(f64) -> f64>;

const DAY: f64 = 24.0;

fn grid(end: f64) -> Vec<f64> {
    (1..=96).map(|i| end * f64::from(i) / 96.0 - 0.01).collect()
}

fn dose(time: f64, drug: Drug, amount: f64) -> Event {
    let change = Change::Dose {
        drug,
        given: amount,
        absorbed: amount,
    };
    Event { time, change }
}

/// The problem with events of its own, over so many days.
fn with_events(mut problem: Problem, events: Vec<Event>, days: f64) -> Problem {
    problem.timeline.events = events;
    problem.timeline.duration = DAY * days;
    problem.timeline.evaluations = vec![DAY * days];
    problem.timeline.last_treatment = DAY * days;
    problem
}

/// The states of a problem: a single run, or two runs in lanes, of which the second must be like the first.
fn states(
    program: &dyn Program,
    problem: &Problem,
    accuracy: &Accuracy,
    times: &[f64],
) -> Result<Vec<State<f64>>> {
    if accuracy.method == Accuracy::default().method {
        return program.single(problem, accuracy, times);
    }
    let mut both = program.many(&[problem.clone(), problem.clone()], accuracy, times)?;
    both.pop()
        .ok_or_else(|| failure("lanes", "nothing came back"))
}

fn by_mouth(mouse: &Mouse) -> (Vec<Event>, Closed) {
    let times: Vec<f64> = (0..6).map(|n| 8.0 * f64::from(n)).collect();
    let doses = times.iter().map(|t| dose(*t, Drug::Sorafenib, mouse.dose));
    let (ka, k, amount) = (mouse.ka, mouse.k, mouse.dose);
    let events = doses.collect();
    let sum = move |t: f64| times.iter().map(|at| bateman(amount, ka, k, t - at)).sum();
    (events, Box::new(sum))
}

fn infusion(mouse: &Mouse) -> (Vec<Event>, Closed) {
    let rate = 0.5 * mouse.dose;
    let change = |time, rate| Event {
        time,
        change: Change::Infusion {
            drug: Drug::Sorafenib,
            rate,
        },
    };
    let k = mouse.k;
    let closed = move |t: f64| infused(rate, 2.0, k, t);
    (vec![change(0.0, rate), change(2.0, 0.0)], Box::new(closed))
}

fn against_mouse(
    program: &dyn Program,
    library: &Library,
    accuracy: &Accuracy,
    make: fn(&Mouse) -> (Vec<Event>, Closed),
) -> Result<f64> {
    let problem = Scenario::new("xenograft", Arm::sorafenib()).prepare(library)?;
    let (events, closed) = make(&Mouse::of(&problem)?);
    let problem = with_events(problem, events, 2.0);
    let times = grid(2.0 * DAY);
    let found = states(program, &problem, accuracy, &times)?;
    let found: Vec<f64> = found.iter().map(|state| state.sorafenib.central).collect();
    let expected: Vec<f64> = times.iter().map(|time| closed(*time)).collect();
    difference(&found, &expected)
}

/// A patient in whom a part of the outflow returns through the gallbladder.
fn patient(library: &Library, recirculated: &str) -> Result<(Problem, Enterohepatic<f64>, f64)> {
    let mut scenario = Scenario::new("patient", Arm::sorafenib());
    let path = "exposure.enterohepatic_fraction".to_owned();
    scenario.overrides.push((path, recirculated.to_owned()));
    let problem = scenario.prepare(library)?;
    match &problem.model.kinetics {
        SorafenibKinetics::Enterohepatic(p, absorption) => {
            let found = (p.clone(), absorption.body_weight);
            Ok((problem, found.0, found.1))
        }
        _ => Err(failure("the patient", "its kinetics have another form")),
    }
}

fn five_stages(program: &dyn Program, library: &Library, accuracy: &Accuracy) -> Result<f64> {
    let (problem, p, weight) = patient(library, "0 1")?;
    let events = vec![dose(0.0, Drug::Sorafenib, 400.0)];
    let problem = with_events(problem, events, 4.0);
    let (ka, k) = (
        5.0 / p.mean_absorption_time,
        p.clearance / (p.volume * weight),
    );
    let times = grid(4.0 * DAY);
    let amount = |t: &f64| behind_five_stages(400.0, ka, k, *t);
    let expected: Vec<f64> = times.iter().map(amount).collect();
    let found = states(program, &problem, accuracy, &times)?;
    let found: Vec<f64> = found.iter().map(|state| state.sorafenib.central).collect();
    difference(&found, &expected)
}

fn recirculation(program: &dyn Program, library: &Library, accuracy: &Accuracy) -> Result<f64> {
    const EVERY: f64 = 12.0;
    const DOSES: u32 = 8;
    let (problem, p, weight) = patient(library, "0.5 1")?;
    let gallbladder = |time, open| Event {
        time,
        change: Change::Gallbladder(open),
    };
    let events = (0..DOSES).flat_map(|n| {
        let time = EVERY * f64::from(n);
        [
            gallbladder(time, false),
            dose(time, Drug::Sorafenib, 400.0),
            gallbladder(time + p.gallbladder_onset, true),
        ]
    });
    let problem = with_events(problem, events.collect(), 0.5 * f64::from(DOSES));
    let closed = (chain(&p, weight, false) * p.gallbladder_onset).exp();
    let open = (chain(&p, weight, true) * (EVERY - p.gallbladder_onset)).exp();
    let times: Vec<f64> = (1..=DOSES).map(|n| EVERY * f64::from(n)).collect();
    let mut amounts = SVector::<f64, 7>::zeros();
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for state in states(program, &problem, accuracy, &times)? {
        amounts[0] += 400.0;
        amounts = open * (closed * amounts);
        expected.extend(amounts.iter());
        let s = state.sorafenib;
        found.extend([
            s.depot,
            s.transit1,
            s.transit2,
            s.transit3,
            s.transit4,
            s.central,
            s.gallbladder,
        ]);
    }
    difference(&found, &expected)
}

fn metformin(program: &dyn Program, library: &Library, accuracy: &Accuracy) -> Result<f64> {
    let scenario = Scenario {
        mode: Mode::AchievableExposure,
        ..Scenario::new("patient", Arm::parse("metformin", library, "selftest")?)
    };
    let problem = scenario.prepare(library)?;
    let Some(PartnerKinetics::OneCompartment(p, _)) =
        problem.model.partners[0].as_ref().map(|p| &p.kinetics)
    else {
        return Err(failure("metformin", "it has no kinetics in man"));
    };
    let (ka, k) = (p.absorption_rate, std::f64::consts::LN_2 / p.half_life);
    let events = vec![
        dose(3.0, Drug::Partner(0), 1000.0),
        dose(15.0, Drug::Partner(0), 500.0),
    ];
    let problem = with_events(problem, events, 2.0);
    let times = grid(2.0 * DAY);
    let amount = |t: f64| bateman(1000.0, ka, k, t - 3.0) + bateman(500.0, ka, k, t - 15.0);
    let expected: Vec<f64> = times.iter().map(|t| amount(*t)).collect();
    let found = states(program, &problem, accuracy, &times)?;
    let found: Vec<f64> = found
        .iter()
        .map(|state| state.partners[0].central)
        .collect();
    difference(&found, &expected)
}
