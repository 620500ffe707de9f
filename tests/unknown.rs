//! Unknown is not zero: a partner whose potency or exposure is not known is shown as unknown wherever arms are compared, and
//! refused where it would be run alone.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use hif_switch::Error;
use hif_switch::figure::{forest, heatmap, tumour_volume};
use hif_switch::parameters::Library;
use hif_switch::regimen::{Arm, Mode};
use hif_switch::report::{Beside, arms_table, endpoints_table};
use hif_switch::simulate::{Accuracy, Scenario};
use hif_switch::study::claims::{Claims, Verdict, ledger};
use hif_switch::study::{CompareStudy, all_arms, compare, silent};
use hif_switch::table::{Cell, Table};

fn scenario(setting: &str, mode: Mode) -> Scenario {
    Scenario {
        mode,
        duration: Some(48.0),
        ..Scenario::new(setting, Arm::vehicle())
    }
}

fn compared(library: &Library, mode: Mode, arms: &[Arm]) -> CompareStudy {
    let scenario = scenario("xenograft", mode);
    compare(
        library,
        &scenario,
        arms,
        &Accuracy::default(),
        24.0,
        false,
        &silent,
    )
    .unwrap()
}

/// The row of an arm, by column.
fn row<'a>(table: &'a Table, column: usize, arm: &str) -> &'a [Cell] {
    let rows = table.rows.iter();
    let mut found = rows.filter(|row| row[column] == Cell::from(arm));
    found.next().unwrap_or_else(|| panic!("no row `{arm}`"))
}

/// What is unknown of a partner, by what stands in its file.
fn gaps(library: &Library, name: &str, setting: &str) -> bool {
    let table = library.table("partners", name, "test").unwrap();
    let known = |path: &str| {
        table
            .number(path)
            .is_some_and(|entry| entry.value.is_some())
    };
    let exposure = match setting {
        "culture" => known("exposure.achievable"),
        _ => match table.text(&format!("kinetics.{setting}.form")) {
            Some("sustained") => known(&format!("kinetics.{setting}.concentration")),
            _ => true,
        },
    };
    let potency = table
        .numbers()
        .filter(|(path, _)| path.starts_with("potency."))
        .all(|(_, entry)| entry.value.is_some());
    !exposure || !potency
}

#[test]
fn every_partner_with_a_gap_is_refused_and_no_other() {
    let library = Library::shipped();
    let mut unknown = 0;
    for setting in ["culture", "xenograft", "patient"] {
        for name in library.names("partners") {
            let arm = Arm::combination(name);
            let run = scenario(setting, Mode::AchievableExposure).with_arm(arm.clone());
            match (run.prepare(&library), gaps(&library, name, setting)) {
                (Ok(_), false) => {}
                (Err(error @ Error::Unknown { .. }), true) => {
                    unknown += 1;
                    let text = error.to_string();
                    assert!(text.contains(&format!("partners/{name}.toml:")), "{text}");
                    assert!(text.contains(&format!("--set \"partner.{name}.")), "{text}");
                    assert_eq!(error.exit_code(), 2);
                }
                (other, gap) => panic!("{setting} {name}: {gap} {:?}", other.err()),
            }
            let imposed = scenario(setting, Mode::Mechanistic).with_arm(arm);
            assert!(imposed.prepare(&library).is_ok(), "{setting} {name}");
        }
    }
    assert!(unknown >= 15, "{unknown}");
}

#[test]
fn comparisons_show_them_as_unknown_and_say_why() {
    let library = Library::shipped();
    let study = compared(&library, Mode::AchievableExposure, &all_arms(&library));
    let imposed = compared(&library, Mode::Mechanistic, &all_arms(&library));
    let names = library.names("partners");
    let lacking: Vec<&&str> = names
        .iter()
        .filter(|name| gaps(&library, name, "xenograft"))
        .collect();
    assert_eq!(study.unknown.len(), 2 * lacking.len());
    assert_eq!(study.arms.len() + study.unknown.len(), 2 + 2 * names.len());
    let endpoints = endpoints_table(&study);
    let last = endpoints.columns.len() - 1;
    assert_eq!(endpoints.columns[last].name, "unknown");
    let beside = Beside {
        achievable: Some(&study),
        patient: None,
    };
    let (own, main) = (
        arms_table(&study, Beside::default()),
        arms_table(&imposed, beside),
    );
    let reached = main.columns.iter().position(|c| c.name == "T/C achievable");
    for name in lacking {
        let arm = format!("sorafenib+{name}");
        let cells = row(&endpoints, 1, &arm);
        assert!(cells[4..last].iter().all(|cell| *cell == Cell::Unknown));
        assert_eq!(cells[3], Cell::from("unknown"));
        assert!(matches!(&cells[last], Cell::Text(why) if !why.is_empty()));
        assert_eq!(row(&own, 0, &arm)[1], Cell::Unknown);
        let cells = row(&main, 0, &arm);
        assert_eq!(cells[reached.unwrap()], Cell::Unknown);
        assert!(matches!(cells.last(), Some(Cell::Text(why)) if !why.is_empty()));
    }
    let csv = String::from_utf8(endpoints.to_csv().unwrap()).unwrap();
    let line = csv
        .lines()
        .find(|l| l.contains(",sorafenib+px478,"))
        .unwrap();
    assert!(line.contains(",,,") && line.ends_with("\"potency on hif1_synthesis, exposure\""));
    assert!(main.to_text(None).contains("unknown"));
    let json = main.to_json();
    let rows = json["rows"].as_array().unwrap();
    let px478 = rows
        .iter()
        .find(|row| row["arm"] == "sorafenib+px478")
        .unwrap();
    assert!(px478["T/C achievable"].is_null() && px478["unknown"] != "");
}

#[test]
fn figures_show_them_as_unknown_and_do_not_count_them() {
    let library = Library::shipped();
    let study = compared(&library, Mode::AchievableExposure, &all_arms(&library));
    let imposed = compared(&library, Mode::Mechanistic, &all_arms(&library));
    let unknown = study.unknown.len() / 2;
    let known = library.names("partners").len() - unknown;
    for figure in [
        forest(&imposed, &study).unwrap(),
        heatmap(&study).unwrap(),
        tumour_volume(&study).unwrap(),
    ] {
        assert!(figure.caption.contains("nknown"), "{}", figure.caption);
        assert!(!figure.svg.contains("NaN") && !figure.caption.contains("NaN"));
    }
    let caption = forest(&imposed, &study).unwrap().caption;
    assert!(
        caption.contains(&format!("of the {known} combinations that can be told"))
            && caption.contains(&format!("of the other {unknown} a potency")),
        "{caption}"
    );
    let heat = heatmap(&study).unwrap();
    assert!(
        heat.caption.contains(&format!("of {known} partners")),
        "{}",
        heat.caption
    );
    assert!(
        heat.data
            .rows
            .iter()
            .any(|row| row.contains(&Cell::Unknown))
    );
    let volume = tumour_volume(&study).unwrap();
    assert!(
        volume
            .caption
            .contains(&format!("each of {known} partners"))
    );
    assert!(
        volume
            .svg
            .contains("unknown: potency on hif1_synthesis, exposure")
    );
}

/// A library in which one line of a partner's file is another.
fn edited(partner: &str, from: &str, to: &str) -> Library {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("partners")).unwrap();
    let library = Library::shipped();
    let text = &library.document("partners", partner, "test").unwrap().text;
    let line = text.lines().find(|line| line.starts_with(from)).unwrap();
    let text = text.replacen(line, to, 1);
    let file = folder.path().join(format!("partners/{partner}.toml"));
    std::fs::write(file, text).unwrap();
    Library::with_overlay(folder.path()).unwrap()
}

#[test]
fn every_number_that_an_effect_needs_counts() {
    let refused = |library: &Library, setting: &str, mode: Mode| {
        let run = scenario(setting, mode).with_arm(Arm::partner("genistein"));
        match run.prepare(library) {
            Err(Error::Unknown { what, .. }) => what,
            other => panic!("{:?}", other.err()),
        }
    };
    let library = edited(
        "genistein",
        "unbound_fraction",
        "unbound_fraction = \"unknown\"",
    );
    assert_eq!(
        refused(&library, "xenograft", Mode::AchievableExposure),
        "unbound fraction"
    );
    let culture = scenario("culture", Mode::AchievableExposure);
    assert!(
        culture
            .with_arm(Arm::partner("genistein"))
            .prepare(&library)
            .is_ok()
    );
    let library = edited(
        "genistein",
        "hif1_synthesis",
        "hif1_synthesis = \"unknown\"",
    );
    assert_eq!(
        refused(&library, "patient", Mode::Mechanistic),
        "effect on hif1_synthesis"
    );
    let library = edited("genistein", "emax", "emax = \"unknown\"");
    assert_eq!(
        refused(&library, "culture", Mode::AchievableExposure),
        "potency on hif1_synthesis"
    );
    let library = edited("genistein", "half_life", "half_life = \"unknown\"");
    assert!(refused(&library, "patient", Mode::AchievableExposure).contains("half_life"));
    // What is imposed on a node of which no potency is given is unknown too.
    let library = edited(
        "genistein",
        "hif1_synthesis",
        "hif1_synthesis = { value = 0.3, unit = \"1\", grade = \"assumed\", note = \"a test\" }\n\
         ampk = { value = 1.0, unit = \"1\", grade = \"assumed\", note = \"a test\" }",
    );
    assert_eq!(
        refused(&library, "xenograft", Mode::AchievableExposure),
        "potency on ampk"
    );
}

#[test]
fn a_number_of_ones_own_makes_it_known() {
    let library = Library::shipped();
    let mut run = scenario("xenograft", Mode::AchievableExposure).with_arm(Arm::partner("px478"));
    let set = |path: &str, value: &str| (format!("partner.px478.{path}"), value.to_owned());
    run.overrides
        .push(set("potency.hif1_synthesis.ec50", "1 µM"));
    assert!(run.prepare(&library).is_err());
    run.overrides
        .push(set("kinetics.xenograft.concentration", "1 µM"));
    assert!(run.prepare(&library).is_ok());
    // No effect is something that can be said.
    let mut none = scenario("xenograft", Mode::AchievableExposure);
    none.arm = Arm::partner("2-methoxyestradiol");
    assert!(none.prepare(&library).is_err());
    let path = "partner.2-methoxyestradiol.potency.angiogenesis.emax";
    none.overrides.push((path.to_owned(), "0 1".to_owned()));
    assert!(none.prepare(&library).is_ok());
}

#[test]
fn a_claim_that_needs_it_is_not_counted() {
    let library = Library::shipped();
    let claims = Claims::read(&library).unwrap().claims;
    let claim = claims.into_iter().find(|claim| claim.id == "E12").unwrap();
    let ledger = ledger(&library, &[claim], &[], &Accuracy::ensemble(), &silent).unwrap();
    assert_eq!(ledger.rows[0].verdict, Verdict::Unknown);
    assert_eq!(ledger.score(|_| true), (0, 0));
    assert!(hif_switch::report::claims_summary(&ledger).contains("E12"));
}

#[test]
fn every_command_refuses_or_says_unknown() {
    let folder = tempfile::tempdir().unwrap();
    let arm = [
        "--mode",
        "achievable",
        "--setting",
        "xenograft",
        "--arm",
        "sorafenib+px478",
    ];
    for command in [
        &["simulate"][..],
        &["sweep", "--x", "dose=10:30:2"],
        &["sensitivity"],
        &["synergy"],
        &["schedule"],
        &["attribution"],
        &["export", "sbml"],
        &["export", "antimony"],
    ] {
        let output = Command::cargo_bin("hif-switch")
            .unwrap()
            .current_dir(folder.path())
            .args(command)
            .args(arm)
            .output()
            .unwrap();
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {message}");
        assert!(
            message.contains("partners/px478.toml:") && message.contains("is unknown"),
            "{command:?}: {message}"
        );
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{command:?} left {left:?}");
    }
    let output = Command::cargo_bin("hif-switch")
        .unwrap()
        .current_dir(folder.path())
        .arg("compare")
        .args(arm)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && text.contains("unknown"),
        "{text}"
    );
}
