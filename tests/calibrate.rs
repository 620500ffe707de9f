//! Calibration: known values recovered, errors and profiles that hold the truth, targets that can be
//! checked.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use hif_switch::parameters::{Grade, Library};
use hif_switch::regimen::Arm;
use hif_switch::report::fitted_parameters;
use hif_switch::simulate::{Accuracy, Method, Scenario};
use hif_switch::study::calibrate::{
    Basis, Calibration, OwnData, Target, Targets, estimate, profile, read_observations, start,
    validate,
};
use hif_switch::study::silent;

fn lanes() -> Accuracy {
    Accuracy {
        method: Method::Lanes,
        ..Accuracy::default()
    }
}

const GROWTH: &str = "tumour.growth_rate";
const RAF: &str = "sorafenib.raf_ec50";

/// Values that the data are made with: not those of the files.
const TRUTH: [(&str, f64, &str); 2] = [(GROWTH, 0.36, "1/d"), (RAF, 220.0, "nM")];

/// Volumes of the model with known parameters; two animals a factor `spread` above and below.
fn made(spread: f64) -> Vec<OwnData> {
    let library = Library::shipped();
    let mut data = Vec::new();
    for (name, arm) in [("vehicle", Arm::vehicle()), ("sorafenib", Arm::sorafenib())] {
        for day in [0.0, 8.0, 16.0] {
            let mut scenario = Scenario::new("xenograft", arm.clone());
            scenario.duration = Some(24.0 * if day > 0.0 { day } else { 1.0 });
            let set = TRUTH
                .iter()
                .map(|(path, value, unit)| ((*path).to_owned(), format!("{value} {unit}")));
            scenario.overrides.extend(set);
            let outcome = scenario
                .prepare(&library)
                .unwrap()
                .run(&lanes(), &mut [])
                .unwrap();
            let volume = if day > 0.0 {
                outcome.end.tumour.burden()
            } else {
                100.0
            };
            for (animal, factor) in [("1", spread), ("2", 1.0 / spread)] {
                data.push(OwnData {
                    animal: format!("{name}-{animal}"),
                    day,
                    volume: volume * factor,
                    arm: name.to_owned(),
                    dose: String::new(),
                });
            }
        }
    }
    data
}

fn calibration(data: &[OwnData]) -> Calibration {
    let library = Library::shipped();
    let targets = read_observations(&library, data, "xenograft", "test").unwrap();
    let parameters = [GROWTH.to_owned(), RAF.to_owned()];
    Calibration::new(&library, "made", "made", "xenograft", &parameters, targets).unwrap()
}

#[test]
fn known_values_are_recovered_with_errors_and_profiles_that_hold_them() {
    let library = Library::shipped();
    let calibration = calibration(&made(1.1));
    let starts: Vec<_> = (0..2)
        .map(|index| start(&library, &calibration, 1, index, &lanes(), &silent).unwrap())
        .collect();
    assert!(
        starts[0].before > 5.0,
        "the present values must not be the truth"
    );
    for done in &starts {
        assert!(
            done.objective < 1e-2,
            "start {}: {}",
            done.index,
            done.objective
        );
    }
    let fit = estimate(&library, &calibration, starts, &lanes()).unwrap();
    for (estimate, (path, truth, _)) in fit.estimates.iter().zip(TRUTH) {
        let miss = (estimate.value / truth - 1.0).abs();
        assert!(miss < 0.02, "{path}: {} for {truth}", estimate.value);
        assert!(
            estimate.interval.0 < truth && truth < estimate.interval.1,
            "{path}"
        );
        assert!(estimate.bound.is_none());
    }
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in fitted_parameters(&fit) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let fitted = Library::with_overlay(folder.path()).unwrap();
    let table = Scenario::new("xenograft", Arm::sorafenib())
        .parameters(&fitted)
        .unwrap();
    for estimate in &fit.estimates {
        let read = table.number(&estimate.axis.path).unwrap();
        assert_eq!(read.value, Some(estimate.value), "written to be read again");
        assert!(read.note.as_ref().unwrap().starts_with("Fitted to"));
    }
    let profile = profile(&library, &fit, 0, &lanes(), &silent).unwrap();
    let (low, high) = profile.interval;
    let (low, high) = (low.expect("a lower end"), high.expect("an upper end"));
    assert!(low < TRUTH[0].1 && TRUTH[0].1 < high, "{low} to {high}");
    assert!(profile.rise.iter().all(|rise| *rise >= 0.0));
}

#[test]
fn a_start_is_the_same_again() {
    let library = Library::shipped();
    let calibration = calibration(&made(1.1));
    let one = start(&library, &calibration, 3, 1, &lanes(), &silent).unwrap();
    assert_eq!(
        one,
        start(&library, &calibration, 3, 1, &lanes(), &silent).unwrap()
    );
}

#[test]
fn impossible_data_are_refused_with_their_line() {
    let mut data = made(1.1);
    data[3].volume = -1.0;
    let error = read_observations(&Library::shipped(), &data, "xenograft", "d.csv").unwrap_err();
    assert!(error.to_string().contains("line 5"), "{error}");
    data.truncate(1);
    assert!(read_observations(&Library::shipped(), &data, "xenograft", "d.csv").is_err());
}

fn shipped() -> Vec<Target> {
    Targets::read(&Library::shipped()).unwrap().all
}

#[test]
fn every_target_has_a_source_or_says_assumed() {
    let targets = shipped();
    assert!(targets.len() > 50);
    for target in &targets {
        assert!(
            !target.source.is_empty() || target.grade == Grade::Assumed,
            "{}",
            target.id
        );
        assert!(target.holds(target.value) && target.residual(target.value).abs() < 1e-12);
        let beyond = target.interval.1 + 0.01 * target.value;
        assert!(
            !target.holds(beyond) && target.residual(beyond) > 0.5,
            "{}",
            target.id
        );
    }
    assert!(targets.iter().any(|target| target.fit) && targets.iter().any(|target| !target.fit));
}

#[test]
fn every_calibration_can_be_read() {
    let library = Library::shipped();
    for name in library.names("calibrations") {
        let calibration = Calibration::read(&library, name, &shipped()).unwrap();
        let fitted = calibration
            .targets
            .iter()
            .filter(|target| target.fit)
            .count();
        assert!(fitted >= 5, "{name}: {fitted} targets");
    }
}

#[test]
fn the_typical_patient_of_jain_is_reproduced() {
    let targets: Vec<Target> = shipped()
        .into_iter()
        .filter(|t| t.id == "jain-typical")
        .collect();
    let library = Library::shipped();
    let rows = validate(&library, &targets, &[], 0, 1, &lanes(), &silent).unwrap();
    let miss = (rows[0].predicted / 196.018 - 1.0).abs();
    assert!(rows[0].inside() && miss < 7e-4, "{}", rows[0].predicted);
}

#[test]
fn a_wrong_target_is_named_with_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let targets = folder.path().join("targets");
    std::fs::create_dir(&targets).unwrap();
    let write = |line: &str| {
        let text = format!(
            "[[target]]\nid = \"x\"\ntext = \"t\"\nvalue = 1.0\nrange = \"assumed\"\n{line}\nunit = \"1\"\ngrade = \"assumed\"\n\
             use = \"fit\"\nmeasure = \"HIF1A\"\nat = \"1 h\"\nin = \"culture-hypoxia\"\n"
        );
        std::fs::write(targets.join("own.toml"), text).unwrap();
        let library = Library::with_overlay(folder.path()).unwrap();
        Targets::read(&library).map(|_| ()).unwrap_err().to_string()
    };
    assert!(write("low = 2.0\nhigh = 3.0").contains("1 is not within 2 to 3"));
    assert!(write("factor = 2.0\nweigth = 1.0").contains("weigth"));
    assert!(write("factor = 2.0\nsource = [\"liu2060\"]").contains("liu2006"));
}

#[test]
fn every_target_says_whose_its_acceptance_range_is() {
    let folder = tempfile::tempdir().unwrap();
    let targets = folder.path().join("targets");
    std::fs::create_dir(&targets).unwrap();
    let read = |line: &str| {
        let text = format!(
            "[[target]]\nid = \"x\"\ntext = \"t\"\nvalue = 1.0\nfactor = 2.0\n{line}\nunit = \"1\"\n\
             grade = \"assumed\"\nuse = \"fit\"\nmeasure = \"HIF1A\"\nat = \"1 h\"\nin = \"culture-hypoxia\"\n"
        );
        std::fs::write(targets.join("own.toml"), text).unwrap();
        Targets::read(&Library::with_overlay(folder.path()).unwrap())
    };
    let missing = read("").unwrap_err().to_string();
    assert!(
        missing.contains("own.toml, target x") && missing.contains("range"),
        "{missing}"
    );
    assert!(
        missing.contains("\"published\" or \"assumed\""),
        "{missing}"
    );
    assert!(read("range = \"guessed\"").is_err());
    let own = |set: &Targets| set.all.iter().find(|t| t.id == "x").unwrap().range;
    assert_eq!(
        own(&read("range = \"published\"").unwrap()),
        Basis::Published
    );
    assert_eq!(own(&read("range = \"assumed\"").unwrap()), Basis::Assumed);
    // A note that calls its range assumed and a key that calls it published contradict each other.
    for target in &Targets::read(&Library::shipped()).unwrap().all {
        let note = target.note.as_deref().unwrap_or_default().to_lowercase();
        let says = [
            "range assumed",
            "factor 1.5 up and down",
            "range, are assumed",
            "the range is assumed",
        ];
        if says.iter().any(|words| note.contains(words)) {
            assert_eq!(target.range, Basis::Assumed, "{}", target.id);
        }
    }
}
