//! The command line end to end: output, exit codes, errors, files.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use std::path::Path;

fn hif_switch() -> Command {
    Command::cargo_bin("hif-switch").unwrap()
}

fn stdout(arguments: &[&str]) -> String {
    let output = hif_switch().args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Exit code and message of a call that must fail.
fn failure(arguments: &[&str]) -> (i32, String) {
    let output = hif_switch().args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?} succeeded");
    assert!(output.stdout.is_empty(), "{arguments:?} printed a result");
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

const HEADER: [&str; 11] = [
    "sorafenib_mg_per_L",
    "sorafenib_unbound_nM",
    "MVD",
    "pO2_mmHg",
    "HIF1A",
    "HIF2A",
    "VEGF",
    "apoptosis",
    "burden",
    "metastases",
    "switch_index",
];

#[test]
fn simulate_prints_a_time_course_with_the_promised_columns() {
    let csv = stdout(&[
        "simulate",
        "--setting",
        "xenograft",
        "--arm",
        "sorafenib+pt2385",
        "--days",
        "28",
        "--every",
        "1h",
        "--csv",
        "-",
    ]);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(&header[0], "time_h");
    for name in HEADER {
        assert_eq!(header.iter().filter(|h| *h == name).count(), 1, "{name}");
    }
    for field in hif_switch::model::State::fields() {
        assert!(header.iter().any(|h| h == field.name), "{}", field.name);
    }
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 28 * 24 + 1);
    for (hour, record) in records.iter().enumerate() {
        let values: Vec<f64> = record.iter().map(|v| v.parse().unwrap()).collect();
        assert!((values[0] - hour as f64).abs() < 1e-9);
        assert!(values.iter().all(|v| v.is_finite()));
    }
}

/// Reference values in `tests/golden/`, written by the command in the file's name.
#[test]
fn the_golden_time_course_is_reproduced() {
    let csv = stdout(&[
        "simulate",
        "--setting",
        "xenograft",
        "--arm",
        "sorafenib+pt2385",
        "--every",
        "96h",
        "--csv",
        "-",
    ]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/simulate-xenograft-sorafenib+pt2385-every-96h.csv");
    let golden = std::fs::read_to_string(path).unwrap();
    for (line, (ours, theirs)) in csv.lines().zip(golden.lines()).enumerate() {
        if line == 0 {
            assert_eq!(ours, theirs);
            continue;
        }
        for (a, b) in ours.split(',').zip(theirs.split(',')) {
            let (a, b): (f64, f64) = (a.parse().unwrap(), b.parse().unwrap());
            assert!(
                (a - b).abs() <= 1e-9 * (b.abs() + 1e-3),
                "line {line}: {a} against {b}"
            );
        }
    }
    assert_eq!(csv.lines().count(), golden.lines().count());
}

#[test]
fn a_dry_run_lists_the_doses_and_simulates_nothing() {
    let text = stdout(&[
        "simulate",
        "--setting",
        "patient",
        "--arm",
        "sorafenib",
        "--days",
        "2",
        "--dry-run",
    ]);
    assert_eq!(text.matches(" dose ").count(), 4);
    assert!(text.contains("gallbladder opens"));
}

#[test]
fn json_is_json() {
    let value: serde_json::Value =
        serde_json::from_str(&stdout(&["simulate", "--json", "--days", "3"])).unwrap();
    assert_eq!(value["rows"][0]["endpoint"], "sorafenib_auc_24h");
    let list: serde_json::Value =
        serde_json::from_str(&stdout(&["params", "list", "--json"])).unwrap();
    assert!(list["rows"].as_array().unwrap().len() > 30);
}

#[test]
fn verification_shows_an_error_beside_each_endpoint() {
    let text = stdout(&["simulate", "--days", "7", "--verify"]);
    assert!(text.contains("± numerical"));
    let burden = text
        .lines()
        .find(|l| l.trim_start().starts_with("burden_end"))
        .unwrap();
    let error: f64 = burden.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!(error > 0.0 && error < 0.01, "{burden}");
}

#[test]
fn quiet_is_quiet_and_help_has_examples() {
    assert!(stdout(&["params", "list", "-q"]).is_empty());
    for command in ["compare", "simulate", "params", "plot"] {
        let help = stdout(&[command, "--help"]);
        assert!(help.contains("Usage"), "{help}");
    }
    for command in [
        &["compare", "--help"][..],
        &["simulate", "--help"],
        &["plot", "--help"],
        &["params", "--help"],
        &["params", "show", "--help"],
        &["params", "list", "--help"],
        &["params", "check", "--help"],
        &["params", "export", "--help"],
    ] {
        assert!(stdout(command).contains("hif-switch "), "{command:?}");
    }
}

#[test]
fn the_shipped_parameters_pass_their_own_check() {
    let text = stdout(&["params", "check"]);
    assert!(text.contains("all files valid"), "{text}");
    assert!(!text.contains("outside its plausible range"), "{text}");
    let shown = stdout(&["params", "show", "pt2385"]);
    assert!(shown.contains("imposed.hif2_dimerisation") && shown.contains("assumed"));
}

#[test]
fn wrong_input_is_named_with_the_remedy() {
    for (arguments, needles) in [
        (
            &["simulate", "--arm", "sorafenib+pt2358"][..],
            &["--arm", "pt2358", "pt2385"][..],
        ),
        (
            &["simulate", "--setting", "xenogarft"],
            &["xenogarft", "xenograft"],
        ),
        (
            &["simulate", "--set", "hif.haf_los=1 1/h"],
            &["hif.haf_los", "hif.haf_loss"],
        ),
        (
            &["simulate", "--set", "hif.haf_loss=1"],
            &["hif.haf_loss", "no unit"],
        ),
        (
            &["simulate", "--set", "hif.haf_loss=1 mg"],
            &["dimension", "1/h"],
        ),
        (
            &["simulate", "--set", "hif.haf_loss=nan 1/h"],
            &["hif.haf_loss", "number"],
        ),
        (
            &["simulate", "--set", "hif.haf_loss=-1 1/h"],
            &["physically impossible", "0 or more"],
        ),
        (
            &["simulate", "--set", "partner.pt2385.imposed.x=1 1"],
            &["imposed.x"],
        ),
        (&["simulate", "--dose", "-5 mg/kg"], &["--dose", "negative"]),
        (
            &["simulate", "--dose", "5 µM"],
            &["--dose", "no dose", "mg/kg"],
        ),
        (&["simulate", "--days", "0"], &["--days", "above 0"]),
        (&["simulate", "--every", "0h"], &["--every"]),
        (&["simulate", "--variant", "no_swich"], &["no_switch"]),
        (&["simulate", "--phenotype", "resistent"], &["resistant"]),
        (
            &["simulate", "--regimen", "patient-standard"],
            &["setting", "xenograft-standard"],
        ),
        (&["simulate", "--arm", "sorafenib+sorafenib"], &["twice"]),
        (
            &["simulate", "--arm", "pt2385+ef24+digoxin"],
            &["at most 2"],
        ),
        (&["simulate", "--mode", "mechanstic"], &["mechanistic"]),
        (&["simulate", "--rtol", "1"], &["1e-12 to 1e-2"]),
        (&["plot", "monotherapie"], &["monotherapy"]),
        (&["params", "show", "pt2358"], &["pt2385"]),
        (&["simulat"], &["simulate"]),
    ] {
        let (code, message) = failure(arguments);
        assert_eq!(code, 2, "{arguments:?}: {message}");
        assert!(message.contains("remedy: "), "{arguments:?}: {message}");
        for needle in needles {
            assert!(
                message.contains(needle),
                "{arguments:?}: `{needle}` not in {message}"
            );
        }
    }
}

/// Writes a parameter folder with one file.
fn overlay(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn bad_parameter_files_are_named_with_line_and_key() {
    for (file, text, needles) in [
        (
            "biology.toml",
            "[hif]\nhaf_los = { value = 1.0, unit = \"1/h\", grade = \"assumed\", note = \"x\" }\n",
            &["biology.toml:2", "hif.haf_los", "hif.haf_loss"][..],
        ),
        (
            "biology.toml",
            "[hif]\n\nhaf_loss = { value = 1.0, unit = \"mg\", grade = \"assumed\", note = \"x\" }\n",
            &["biology.toml:3", "hif.haf_loss", "dimension"],
        ),
        (
            "biology.toml",
            "[hif]\nhaf_loss = { value = nan, unit = \"1/h\", grade = \"assumed\", note = \"x\" }\n",
            &["biology.toml:2", "NaN"],
        ),
        (
            "regimens/xenograft-standard.toml",
            "title = \"x\"\nsetting = \"xenograft\"\nduration = \"28 d\"\n[[sorafenib]]\namount = \"30 mg/kg\"\ninterval = \"0 h\"\n",
            &["xenograft-standard.toml", "interval", "above 0"],
        ),
        (
            "regimens/xenograft-standard.toml",
            "title = \"x\"\nsetting = \"xenograft\"\nduration = \"28 d\"\n[[sorafenib]]\namount = \"-30 mg/kg\"\ninterval = \"24 h\"\n",
            &["xenograft-standard.toml", "negative"],
        ),
        (
            "regimens/xenograft-standard.toml",
            "title = \"x\"\nsetting = \"xenograft\"\nduration = \"28 d\"\n",
            &["xenograft-standard.toml", "empty"],
        ),
        (
            "regimens/xenograft-standard.toml",
            "title = \"x\"\nsetting = \"xenograft\"\nduration = \"28 d\"\n[[sorafenib]]\namont = \"30 mg/kg\"\n",
            &["xenograft-standard.toml:5", "amont", "amount"],
        ),
        (
            "partner/new.toml",
            "title = \"x\"\n",
            &["partner/new.toml", "partners"],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        overlay(folder.path(), file, text);
        let out = folder.path().join("out.csv");
        let (code, message) = failure(&[
            "simulate",
            "--params",
            folder.path().to_str().unwrap(),
            "--csv",
            out.to_str().unwrap(),
        ]);
        assert_eq!(code, 2, "{message}");
        for needle in needles {
            assert!(message.contains(needle), "`{needle}` not in {message}");
        }
        assert!(!out.exists(), "nothing is half-written");
    }
}

#[test]
fn a_run_that_leaves_its_domain_names_state_time_and_run() {
    let (code, message) = failure(&[
        "simulate",
        "--arm",
        "sorafenib+2-methoxyestradiol",
        "--set",
        "effectors.apoptosis_direct_gain=1e9 1",
        "--rtol",
        "1e-6",
    ]);
    assert_eq!(code, 1, "{message}");
    for needle in [
        "`sensitive`",
        "t = ",
        "xenograft sorafenib+2-methoxyestradiol",
        "remedy: ",
    ] {
        assert!(message.contains(needle), "`{needle}` not in {message}");
    }
}

#[test]
fn an_unwritable_target_is_an_error_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "kept").unwrap();
    let below = file.join("out.csv");
    let (code, message) = failure(&["simulate", "--csv", below.to_str().unwrap()]);
    assert_eq!(code, 1);
    assert!(message.contains("cannot write"), "{message}");
    let (code, _) = failure(&[
        "compare",
        "--setting",
        "xenograft",
        "--arm",
        "sorafenib",
        "--out",
        file.to_str().unwrap(),
    ]);
    assert_eq!(code, 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
}

#[test]
fn a_new_partner_needs_no_rust() {
    let folder = tempfile::tempdir().unwrap();
    stdout(&[
        "params",
        "export",
        folder.path().join("set").to_str().unwrap(),
    ]);
    let shipped = std::fs::read_to_string(folder.path().join("set/partners/pt2385.toml")).unwrap();
    let own = shipped
        .replace("name = \"pt2385\"", "name = \"my-drug\"")
        .replace("title = \"PT-2385\"", "title = \"My drug\"");
    overlay(&folder.path().join("own"), "partners/my-drug.toml", &own);
    let params = folder.path().join("own");
    let text = stdout(&[
        "compare",
        "--params",
        params.to_str().unwrap(),
        "--setting",
        "xenograft",
        "--arm",
        "sorafenib+my-drug",
        "--out",
        folder.path().to_str().unwrap(),
    ]);
    assert!(text.contains("sorafenib+my-drug"), "{text}");
    let csv =
        std::fs::read_to_string(folder.path().join("results/comparison-xenograft.csv")).unwrap();
    assert!(csv.contains("sorafenib+my-drug"));
    let manifest = folder
        .path()
        .join("results/comparison-xenograft-manifest.json");
    assert!(manifest.exists());
}

#[test]
fn exporting_twice_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("set");
    stdout(&["params", "export", target.to_str().unwrap()]);
    let (code, message) = failure(&["params", "export", target.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(message.contains("exists already"), "{message}");
}

#[test]
fn set_changes_a_run_and_a_triple_is_possible() {
    let burden = |extra: &[&str]| {
        let mut arguments = vec!["simulate", "--json", "--days", "14"];
        arguments.extend_from_slice(extra);
        let value: serde_json::Value = serde_json::from_str(&stdout(&arguments)).unwrap();
        let rows = value["rows"].as_array().unwrap().clone();
        rows.iter().find(|r| r["endpoint"] == "burden_end").unwrap()["value"]
            .as_f64()
            .unwrap()
    };
    let alone = burden(&[]);
    assert!(burden(&["--set", "sorafenib.vegfr2_ec50=10 nM"]) < alone);
    assert!(burden(&["--partner-lag", "7 d", "--arm", "sorafenib+pt2385"]) < alone);
    let double = burden(&["--arm", "sorafenib+pt2385"]);
    assert!(burden(&["--arm", "sorafenib+pt2385+genistein"]) < double);
}

#[test]
fn params_check_reads_what_studies_use() {
    for (file, text, word) in [
        (
            "attribution.toml",
            "[odd]\ntitle = \"odd\"\noff = { \"hif.haf_lost\" = \"0 1/h\" }\n",
            "hif.haf_loss",
        ),
        (
            "studies.toml",
            "[sensitivity]\nparameters = [\"tumour.growth_rat\"]\nwithout = []\n",
            "tumour.growth_rate",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(file), text).unwrap();
        let params = folder.path().to_str().unwrap();
        let (code, message) = failure(&["params", "check", "--params", params]);
        assert_eq!(code, 2);
        assert!(message.contains(file), "{message}");
        assert!(message.contains(word), "{message}");
    }
}

#[test]
fn an_unknown_target_is_answered_with_targets() {
    let (code, message) = failure(&["validate", "nonsense"]);
    assert_eq!(code, 2);
    for word in ["unknown target", "exposure, ", "xenograft", "more"] {
        assert!(message.contains(word), "{message}");
    }
    assert!(!message.contains("params show"), "{message}");
}
