//! The SBML export: well-formed, every name known and defined once, units and sources on every number.
//!
//! Whether other tools accept it and agree with it is tested by `tests/interop/run.sh`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::interchange::{Background, Equations, Jump, jumps, sbml};
use hif_switch::model::exposure::SorafenibKinetics;
use hif_switch::model::partner::PartnerKinetics;
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Change, Drug, Mode};
use hif_switch::simulate::{Problem, Scenario};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::{BTreeMap, BTreeSet};

fn export(setting: &str, arm: &str, mode: Mode) -> String {
    let library = Library::shipped();
    let mut scenario = Scenario::new(setting, Arm::parse(arm, &library, "test").unwrap());
    scenario.mode = mode;
    scenario.duration = Some(72.0);
    let problem = scenario.prepare(&library).unwrap();
    let background = Background::of(&scenario, &library).unwrap();
    let equations = Equations::of(&problem, &background.burden_unit).unwrap();
    let jumps = jumps(&problem.timeline, &scenario.arm.partners, &equations);
    sbml(&equations, &jumps, &background).unwrap()
}

/// What a test needs of a document: elements with their attributes, texts of `ci`, notes by parameter.
#[derive(Default)]
struct Document {
    elements: Vec<(String, BTreeMap<String, String>)>,
    names_used: BTreeSet<String>,
    noted: BTreeSet<String>,
}

fn attributes(element: &BytesStart<'_>) -> BTreeMap<String, String> {
    element
        .attributes()
        .map(|attribute| {
            let attribute = attribute.unwrap();
            (
                attribute.key.as_ref().to_owned(),
                attribute.value.to_string(),
            )
        })
        .collect()
}

fn read(text: &str) -> Document {
    let mut reader = Reader::from_str(text);
    let mut document = Document::default();
    let (mut in_name, mut parameter) = (false, String::new());
    loop {
        let event = reader.read_event().expect("well-formed");
        match &event {
            Event::Eof => return document,
            Event::Start(element) | Event::Empty(element) => {
                let name = element.name().as_ref().to_owned();
                let found = attributes(element);
                in_name = name == "ci";
                if name == "parameter" {
                    parameter = found["id"].clone();
                }
                if name == "notes" {
                    document.noted.insert(parameter.clone());
                }
                document.elements.push((name, found));
            }
            Event::Text(text) if in_name => {
                document.names_used.insert(text.to_string());
                in_name = false;
            }
            _ => {}
        }
    }
}

impl Document {
    fn all(&self, name: &str) -> Vec<&BTreeMap<String, String>> {
        let of_name = self.elements.iter().filter(|(found, _)| found == name);
        of_name.map(|(_, attributes)| attributes).collect()
    }
}

#[test]
fn every_name_is_defined_once_and_every_number_has_a_unit_and_a_source() {
    for (setting, arm, mode) in [
        ("xenograft", "sorafenib+pt2385", Mode::Mechanistic),
        ("xenograft", "sorafenib+metformin", Mode::AchievableExposure),
        (
            "patient",
            "sorafenib+belzutifan+metformin",
            Mode::AchievableExposure,
        ),
        ("culture", "sorafenib+genistein", Mode::Mechanistic),
        ("culture", "vehicle", Mode::Mechanistic),
    ] {
        let document = read(&export(setting, arm, mode));
        let label = format!("{setting} {arm}");
        let parameters = document.all("parameter");
        let ids: BTreeSet<&str> = parameters.iter().map(|p| p["id"].as_str()).collect();
        assert_eq!(ids.len(), parameters.len(), "{label}: an id stands twice");
        for name in &document.names_used {
            assert!(
                ids.contains(name.as_str()),
                "{label}: `{name}` is not defined"
            );
        }
        let units: BTreeSet<&str> = document
            .all("unitDefinition")
            .iter()
            .map(|unit| unit["id"].as_str())
            .chain(["dimensionless"])
            .collect();
        for parameter in &parameters {
            let id = &parameter["id"];
            assert!(
                units.contains(parameter["units"].as_str()),
                "{label}: unit of {id}"
            );
            assert!(
                !parameter["name"].is_empty(),
                "{label}: {id} has no meaning"
            );
        }
        for number in document.all("cn") {
            assert!(
                units.contains(number["sbml:units"].as_str()),
                "{label}: {number:?}"
            );
        }
        // Every constant with a number of its own carries its source; the one exception converts units.
        for parameter in &parameters {
            let id = &parameter["id"];
            if parameter["constant"] == "true" && parameter.contains_key("value") {
                let sourced = document.noted.contains(id) || id == "nanomolar_per_mass";
                assert!(sourced, "{label}: {id} has no source");
            }
        }
    }
}

#[test]
fn every_variable_has_exactly_one_rule_and_constants_have_none() {
    let document = read(&export("patient", "sorafenib+pt2385", Mode::Mechanistic));
    let mut ruled = BTreeSet::new();
    for rule in document
        .all("rateRule")
        .into_iter()
        .chain(document.all("assignmentRule"))
    {
        assert!(ruled.insert(rule["variable"].as_str()), "{rule:?} twice");
    }
    let assigned: BTreeSet<&str> = document
        .all("initialAssignment")
        .iter()
        .map(|assignment| assignment["symbol"].as_str())
        .collect();
    for parameter in document.all("parameter") {
        let id = parameter["id"].as_str();
        let constant = parameter["constant"] == "true";
        assert!(!(constant && ruled.contains(id)), "{id}");
        let valued = parameter.contains_key("value");
        assert!(
            valued || ruled.contains(id) || assigned.contains(id),
            "{id} has no value"
        );
    }
    assert!(document.all("rateRule").len() >= 25);
    assert!(document.all("assignmentRule").len() >= 30);
}

#[test]
fn doses_are_events_at_their_times() {
    let document = read(&export("patient", "sorafenib", Mode::Mechanistic));
    let doses = document
        .all("event")
        .iter()
        .filter(|event| event["name"].contains("dose of sorafenib"))
        .count();
    // Every 12 h for three days; the first is in the initial values.
    assert_eq!(doses, 5);
    let depot = document
        .all("parameter")
        .into_iter()
        .find(|parameter| parameter["id"] == "sorafenib_depot_mg")
        .unwrap()["value"]
        .parse::<f64>()
        .unwrap();
    assert!(depot > 100.0, "the first dose is {depot} mg");
}

/// Events of a regimen with partners at their own exposure; nothing where that is unknown.
fn events(regimen: &str, arm: &str) -> Option<(Problem, Vec<Jump>)> {
    let library = Library::shipped();
    let setting = regimen.split('-').next().unwrap();
    let mut scenario = Scenario::new(setting, Arm::parse(arm, &library, "test").unwrap());
    scenario.regimen = Some(regimen.to_owned());
    scenario.mode = Mode::AchievableExposure;
    let problem = match scenario.prepare(&library) {
        Err(hif_switch::Error::Unknown { .. }) => return None,
        prepared => prepared.unwrap(),
    };
    let equations = Equations::of(&problem, "1").unwrap();
    let jumps = jumps(&problem.timeline, &scenario.arm.partners, &equations);
    Some((problem, jumps))
}

/// A depot empties as e^(-ka t): wherever an event finds so little of it that a solver which scales its tolerance with the
/// state cannot go on, the event sets it to 0.
#[test]
fn no_event_finds_a_trace_of_a_dose_that_it_leaves() {
    const TOO_LITTLE: f64 = 1e-30;
    let library = Library::shipped();
    let (mut traces, mut kept) = (0, 0);
    for regimen in library.names("regimens") {
        for arm in [
            "sorafenib",
            "sorafenib+ef24",
            "sorafenib+metformin+capsaicin",
            "sorafenib+belzutifan+melatonin",
        ] {
            let Some((problem, jumps)) = events(regimen, arm) else {
                continue;
            };
            for (drug, absorption) in absorption_rates(&problem) {
                let depot = match drug {
                    Drug::Sorafenib => "sorafenib_depot_mg".to_owned(),
                    Drug::Partner(slot) => format!("partner{}_depot_mg", slot + 1),
                };
                let (mut left, mut before) = (0.0, 0.0);
                for jump in &jumps {
                    left *= (-absorption * (jump.time - before)).exp();
                    before = jump.time;
                    let cleared = jump.faded.contains(&depot);
                    if left > 0.0 && left < TOO_LITTLE {
                        assert!(
                            cleared,
                            "{regimen} {arm}: {left} mg in {depot} at {} h",
                            jump.time
                        );
                        traces += 1;
                    }
                    kept += usize::from(!cleared && left > 0.0);
                    let events = problem.timeline.events.iter();
                    let now = events.filter(|event| (event.time - jump.time).abs() < 1e-9);
                    left += now
                        .map(|event| match event.change {
                            Change::Dose {
                                drug: of, absorbed, ..
                            } if of == drug => absorbed,
                            _ => 0.0,
                        })
                        .sum::<f64>();
                }
            }
        }
    }
    // Both happen: traces are cleared, and most events of a running treatment need no look.
    assert!(traces > 10 && kept > 1000, "{traces} {kept}");
}

/// The rate at which the depot of each drug with kinetics empties, per h.
fn absorption_rates(problem: &Problem) -> Vec<(Drug, f64)> {
    let sorafenib = match &problem.model.kinetics {
        SorafenibKinetics::Medium => None,
        SorafenibKinetics::OneCompartment(p, _) => Some(p.absorption_rate),
        SorafenibKinetics::Enterohepatic(p, _) => Some(5.0 / p.mean_absorption_time),
    };
    let partners = problem.model.partners.iter().enumerate();
    let partners = partners.filter_map(|(slot, partner)| match &partner.as_ref()?.kinetics {
        PartnerKinetics::OneCompartment(p, _) => Some((Drug::Partner(slot), p.absorption_rate)),
        PartnerKinetics::Held => None,
    });
    let sorafenib = sorafenib.map(|rate| (Drug::Sorafenib, rate));
    sorafenib.into_iter().chain(partners).collect()
}

/// After a pause all of sorafenib is looked at, what was eliminated is not.
#[test]
fn the_first_dose_after_a_pause_looks_at_all_amounts() {
    let (_, jumps) = events("patient-dose-reduction", "sorafenib").unwrap();
    let after_pause: Vec<&Jump> = jumps
        .iter()
        .filter(|j| (j.time - 1176.0).abs() < 1e-9)
        .collect();
    let faded: BTreeSet<&str> = after_pause[0].faded.iter().map(String::as_str).collect();
    for part in ["depot", "transit1", "transit4", "gallbladder"] {
        assert!(
            faded.contains(format!("sorafenib_{part}_mg").as_str()),
            "{faded:?}"
        );
    }
    assert!(faded.iter().all(|id| !id.contains("eliminated")));
    // Twice a day leaves too much for a look.
    let running = jumps.iter().filter(|jump| jump.time < 1000.0);
    assert!(running.clone().count() > 100);
    assert!(running.into_iter().all(|jump| jump.faded.is_empty()));
}
