//! The joint fit of targets and claims: what it moves, what it costs, and that equal input gives equal bits.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use hif_switch::parameters::Library;
use hif_switch::simulate::Accuracy;
use hif_switch::study::calibrate::joint::{Joint, Record, Search, fold_of, hidden_folds, noise};
use hif_switch::study::silent;
use std::path::Path;

const CLAIM_FILES: [&str; 8] = [
    "against",
    "efficacy",
    "escape",
    "hypoxia",
    "predictions",
    "rna",
    "strategies",
    "table3",
];
const TARGET_FILES: [&str; 5] = ["combinations", "exposure", "hif", "patients", "xenograft"];

/// Two claims that genistein's effects decide, one that they do not touch, and a target they miss at first.
const CLAIMS: &str = r#"
[[claim]]
id = "T01"
priority = "A"
kind = "review"
text = "Genistein alone halves the tumour."
[[claim.test]]
text = "Volume over vehicle"
measure = "treated_over_control"
in = "xenograft"
arm = "genistein"
at = "14 d"
expect = "below 0.7"

[[claim]]
id = "T02"
priority = "B"
kind = "prediction"
text = "Genistein lowers HIF-1a."
[[claim.test]]
text = "HIF-1a falls"
measure = "HIF1A"
in = "xenograft"
arm = "genistein"
at = "3 d"
against = { arm = "vehicle" }
expect = "down"

[[claim]]
id = "T03"
priority = "A"
kind = "review"
text = "Sorafenib slows the tumour."
[[claim.test]]
text = "Volume falls"
measure = "burden"
in = "xenograft"
arm = "sorafenib"
at = "7 d"
against = { arm = "vehicle" }
expect = "down"
"#;

const TARGET: &str = r#"
[[target]]
id = "t-genistein"
text = "Genistein alone"
value = 0.6
low = 0.5
high = 0.72
range = "assumed"
unit = "1"
grade = "assumed"
use = "fit"
note = "For the test."
measure = "treated_over_control"
at = "14 d"
in = "xenograft"
arm = "genistein"
"#;

const DEFINITION: &str = r#"
margin = 0.012
band = 0.015
strength = 0.02
target_weight = 2.0
trust = 0.2
difference = 0.01
noise = 0.05
emphases = [0.5, 2.0]
files = ["partners/genistein"]
held = ["exposure", "kinetics", "molecule", "potency"]
"#;

/// The text of a parameter file with another number at the first entry of a name.
fn with_number(text: &str, name: &str, value: f64) -> String {
    let head = format!("{name} = {{ value = ");
    let start = text.find(&head).unwrap() + head.len();
    let end = start + text[start..].find(',').unwrap();
    format!("{}{value:?}{}", &text[..start], &text[end..])
}

/// A folder of parameters with few claims and targets, in which only genistein's effects are fitted.
fn overlay() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    for file in CLAIM_FILES {
        write(&format!("claims/{file}.toml"), "claim = []\n");
    }
    write("claims/efficacy.toml", CLAIMS);
    for file in TARGET_FILES {
        write(&format!("targets/{file}.toml"), "target = []\n");
    }
    write("targets/xenograft.toml", TARGET);
    write("joint.toml", DEFINITION);
    let shipped = Library::shipped();
    let text = &shipped
        .document("partners", "genistein", "test")
        .unwrap()
        .text;
    let weak = with_number(
        &with_number(text, "hif1_synthesis", 0.45),
        "cytostasis",
        0.1,
    );
    write("partners/genistein.toml", &weak);
    folder
}

fn joint(folder: &Path) -> (Library, Joint) {
    let library = Library::with_overlay(folder).unwrap();
    let joint = Joint::read(&library).unwrap();
    (library, joint)
}

fn fit(library: &Library, joint: &Joint, steps: usize) -> Search {
    let accuracy = Accuracy::ensemble();
    let mut search = Search::start(joint, library, joint.present(), &accuracy).unwrap();
    for _ in 0..steps {
        search.step(joint, library, &accuracy, &silent).unwrap();
    }
    search
}

#[test]
fn a_fit_meets_what_its_parameters_can_meet_within_their_ranges() {
    let folder = overlay();
    let (library, joint) = joint(folder.path());
    let paths: Vec<&str> = joint.factors.iter().map(|f| f.axis.path.as_str()).collect();
    assert_eq!(paths, ["imposed.cytostasis", "imposed.hif1_synthesis"]);
    let search = fit(&library, &joint, 3);
    let (first, last) = (&search.visits[0], search.visits.last().unwrap());
    assert_eq!(first.score.targets.passed, 0, "{first:?}");
    assert_eq!(last.score.targets.passed, 1, "{last:?}");
    assert_eq!(last.score.claims().passed, 3, "{last:?}");
    let costs: Vec<f64> = search.visits.iter().map(|v| v.rows + v.ranges).collect();
    assert!(costs.windows(2).all(|pair| pair[1] <= pair[0]), "{costs:?}");
    for (factor, value) in joint.factors.iter().zip(joint.values(&search.at)) {
        let (low, high) = (factor.axis.low, factor.axis.high);
        assert!(
            (low..=high).contains(&value),
            "{} {value}",
            factor.axis.path
        );
    }
}

#[test]
fn equal_input_gives_equal_bits_and_a_stopped_fit_goes_on_as_if_it_had_not() {
    let folder = overlay();
    let (library, joint) = joint(folder.path());
    let whole = fit(&library, &joint, 2);
    assert_eq!(whole, fit(&library, &joint, 2));
    let stopped = fit(&library, &joint, 1);
    let text = serde_json::to_string(&stopped).unwrap();
    let mut again: Search = serde_json::from_str(&text).unwrap();
    let accuracy = Accuracy::ensemble();
    again.step(&joint, &library, &accuracy, &silent).unwrap();
    assert_eq!(whole, again);
}

#[test]
fn every_claim_is_hidden_once_and_hidden_claims_do_not_move_the_fit() {
    let folder = overlay();
    let (library, joint) = joint(folder.path());
    let mut folds = fold_of(&joint, 7);
    assert_eq!(folds, fold_of(&joint, 7));
    folds.sort_unstable();
    assert_eq!(folds, [0, 1, 2]);
    let accuracy = Accuracy::ensemble();
    let found = hidden_folds(&joint, &library, 7, 1, &accuracy, &silent).unwrap();
    assert_eq!(found.len(), 3);
    for fold in &found {
        assert_eq!((fold.hidden.tested, fold.seen.tested), (1, 2), "{fold:?}");
    }
}

#[test]
fn noise_is_seeded_and_every_draw_has_a_result() {
    let folder = overlay();
    let (library, joint) = joint(folder.path());
    let accuracy = Accuracy::ensemble();
    let drawn = |seed| noise(&joint, &library, 4, seed, &accuracy, &silent).unwrap();
    let first = drawn(1);
    assert_eq!(first, drawn(1));
    assert_eq!((first.failed, first.draws.len()), (0, 4));
}

#[test]
fn values_put_in_place_act_as_if_they_stood_in_the_file() {
    let folder = overlay();
    let (library, joint) = joint(folder.path());
    let accuracy = Accuracy::ensemble();
    let moved = joint.rounded(&[0.8, 0.9], 3);
    let values = joint.values(&moved);
    let path = folder.path().join("partners/genistein.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = with_number(&text, "cytostasis", values[0]);
    let text = with_number(&text, "hif1_synthesis", values[1]);
    std::fs::write(&path, text).unwrap();
    let written = Library::with_overlay(folder.path()).unwrap();
    let same = Joint::read(&written).unwrap();
    let value = |results: Vec<hif_switch::study::claims::TestResult>| -> Vec<u64> {
        results
            .iter()
            .map(|result| result.value.to_bits())
            .collect()
    };
    let (one, other) = (
        joint.results(&library, &moved, &accuracy).unwrap(),
        same.results(&written, &same.present(), &accuracy).unwrap(),
    );
    assert_eq!(value(one), value(other));
}

#[test]
fn the_command_writes_the_fitted_files_and_they_can_be_used() {
    let (folder, out) = (overlay(), tempfile::tempdir().unwrap());
    let run = |arguments: &[&str]| {
        let mut command = Command::cargo_bin("hif-switch").unwrap();
        command
            .current_dir(out.path())
            .arg("calibrate")
            .args(arguments);
        command.arg("--params").arg(folder.path());
        command.assert().success();
    };
    run(&["--ledger", "--steps", "1", "--noise", "2", "--hide"]);
    run(&["--ledger", "--steps", "2", "--resume"]);
    let written = out.path().join("fitted-ledger");
    let library = Library::with_overlay(&written).unwrap();
    let record = Record::read(&library).unwrap().expect("a record");
    for fitted in &record.parameter {
        let (place, name) = fitted.file.split_once('/').unwrap();
        let table = library.table(place, name, "test").unwrap();
        let found = table.number(&fitted.path).unwrap().value.unwrap();
        assert_eq!(found.to_bits(), fitted.after.to_bits(), "{}", fitted.path);
    }
    assert!(out.path().join("plots/joint_trade_off.svg").exists());
}

/// What a fit is worth is said of the values with which it ended, and of no others.
#[test]
fn a_record_speaks_of_its_own_values_only() {
    assert!(Record::of_present(&Library::shipped()).unwrap().is_some());
    let folder = tempfile::tempdir().unwrap();
    let other = "[hif]\nhaf_loss = { value = 1.0, unit = \"1/h\", grade = \"assumed\", note = \"other\" }\n";
    std::fs::write(folder.path().join("biology.toml"), other).unwrap();
    let library = Library::with_overlay(folder.path()).unwrap();
    assert!(Record::read(&library).unwrap().is_some());
    assert!(Record::of_present(&library).unwrap().is_none());
}
