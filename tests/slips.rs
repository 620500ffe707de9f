//! A slip of the keyboard is answered: a warning on standard error, or a refusal that names what was meant.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use hif_switch::parameters::Library;
use hif_switch::regimen::Arm;
use std::path::Path;

/// Exit code, standard output and standard error, in a scratch folder.
fn run(arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::cargo_bin("hif-switch")
        .unwrap()
        .args(arguments)
        .current_dir(folder.path())
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn refused(arguments: &[&str], needles: &[&str]) {
    let (code, out, error) = run(arguments);
    assert_eq!(code, 2, "{arguments:?}: {error}");
    assert!(out.is_empty(), "{arguments:?}: {out}");
    for needle in needles {
        assert!(error.contains(needle), "{arguments:?}: {needle} in {error}");
    }
}

/// Standard error of a call that succeeds.
fn warned(arguments: &[&str]) -> String {
    let (code, _, error) = run(arguments);
    assert_eq!(code, 0, "{arguments:?}: {error}");
    error
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn a_number_outside_its_range_is_warned_of_once_by_every_command() {
    let set = "hif.haf_loss=6 1/h";
    for arguments in [
        &["simulate", "--days", "1"][..],
        &["simulate", "--days", "1", "--phenotype", "switch-prone"],
        &["simulate", "--days", "1", "--variant", "hif2_adverse"],
        &[
            "compare",
            "--arm",
            "vehicle",
            "--arm",
            "sorafenib",
            "--days",
            "1",
        ],
        &["export", "antimony", "--days", "1"],
        &["sweep", "--x", "dose=10,20", "--days", "1", "--no-figures"],
        &[
            "population",
            "xenograft-mice",
            "--subjects",
            "2",
            "--no-figures",
        ],
        &[
            "trial",
            "xenograft-liu",
            "--patients",
            "2",
            "--weeks",
            "2w",
            "--no-figures",
        ],
    ] {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--set", set]).collect();
        let error = warned(&arguments);
        let needle = "6 1/h is outside the plausible range, 0.5 to";
        assert_eq!(error.matches(needle).count(), 1, "{arguments:?}: {error}");
        assert!(
            error.starts_with("warning: ") && error.contains("params/"),
            "{error}"
        );
    }
    assert_eq!(
        warned(&["simulate", "--days", "1", "--set", "hif.haf_loss=4.9 1/h"]),
        ""
    );
    assert_eq!(
        warned(&["simulate", "--days", "1", "--set", "hif.haf_loss=120 1/d"]),
        ""
    );
    assert_eq!(warned(&["simulate", "--days", "1", "-q", "--set", set]), "");
    let partner = "partner.PT-2385.imposed.hif2_dimerisation=0.1 1";
    let error = warned(&[
        "simulate",
        "--days",
        "1",
        "--arm",
        "sorafenib+pt2385",
        "--set",
        partner,
    ]);
    assert!(
        error.contains("0.5 to 1 (params/partners/pt2385.toml"),
        "{error}"
    );
    let error = warned(&[
        "sweep",
        "--x",
        "hif.haf_loss=1,90",
        "--days",
        "1",
        "--no-figures",
    ]);
    assert!(
        error.contains("--x hif.haf_loss: 1 to 90 1/h is outside"),
        "{error}"
    );
}

#[test]
fn a_file_whose_number_lies_outside_the_range_it_replaces_is_warned_of() {
    let entry =
        "[hif]\nhaf_loss = { value = 900, unit = \"1/h\", grade = \"assumed\", note = \"x\" }\n";
    for path in [
        "biology.toml",
        "settings/xenograft.toml",
        "phenotypes/own.toml",
        "variants/no_switch.toml",
    ] {
        let folder = folder(&[(path, entry)]);
        let params = folder.path().display().to_string();
        let error = warned(&["simulate", "--days", "1", "--params", &params]);
        assert!(
            error.contains("900 1/h is outside the plausible range"),
            "{path}: {error}"
        );
        assert!(error.contains(&format!("{path}:2")), "{path}: {error}");
    }
}

#[test]
fn a_dose_fits_the_setting_and_the_arm() {
    for (arguments, needles) in [
        (
            &["simulate", "--dose", "30 mg"][..],
            &["mg/kg, not in mg", "1 to 200 mg/kg", "30 mg/kg"][..],
        ),
        (&["simulate", "--dose", "5 µM"], &["mg/kg, not in µM"]),
        (
            &["simulate", "--setting", "culture", "--dose", "30 mg/kg"],
            &["µM", "not in mg/kg", "5 µM"],
        ),
        (
            &["simulate", "--setting", "patient", "--dose", "5 µM"],
            &["mg, not in µM", "400 mg"],
        ),
        (
            &["simulate", "--setting", "patient", "--dose", "400 g"],
            &["10 times the largest plausible dose", "400 mg"],
        ),
        (
            &["simulate", "--dose", "30 g/kg"],
            &["10 times the largest plausible dose, 200 mg/kg"],
        ),
        (
            &["simulate", "--setting", "culture", "--dose", "5 mM"],
            &["10 times", "100 µM"],
        ),
        (
            &["sweep", "--x", "dose=1:1e6:5:log"],
            &["--x dose", "10 times"],
        ),
        (
            &["synergy", "--doses", "10,100000"],
            &["--doses", "10 times"],
        ),
        (
            &["simulate", "--arm", "pt2385", "--dose", "30 mg/kg"],
            &["no sorafenib is given in pt2385"],
        ),
        (
            &["simulate", "--arm", "vehicle", "--dose", "30 mg/kg"],
            &["no sorafenib"],
        ),
        (
            &[
                "compare", "--arm", "vehicle", "--arm", "pt2385", "--dose", "30 mg/kg",
            ],
            &["vehicle, pt2385"],
        ),
        (
            &["export", "sbml", "--arm", "pt2385", "--dose", "30 mg/kg"],
            &["no sorafenib"],
        ),
        (&["simulate", "--dose", "30"], &["no unit"]),
        (&["simulate", "--dose", "-1 mg/kg"], &["negative"]),
        (&["simulate", "--dose", "2,5 mg/kg"], &["comma"]),
        (&["simulate", "--dose", "1 000 mg/kg"], &["not a unit"]),
    ] {
        refused(arguments, needles);
    }
    let error = warned(&["simulate", "--days", "1", "--dose", "0.5 mg/kg"]);
    assert!(
        error.contains("outside the plausible doses, 1 to 200 mg/kg") && error.contains("30 mg/kg"),
        "{error}"
    );
    for (setting, dose) in [
        ("xenograft", "10 mg/kg"),
        ("xenograft", "0.01 g/kg"),
        ("xenograft", "0 mg/kg"),
        ("patient", "5 mg/kg"),
        ("patient", "0.4 g"),
        ("culture", "2300 nM"),
        ("culture", "2 mg/L"),
    ] {
        assert_eq!(
            warned(&[
                "simulate",
                "--setting",
                setting,
                "--days",
                "1",
                "--dose",
                dose
            ]),
            "",
            "{dose}"
        );
    }
}

#[test]
fn a_dose_of_an_own_regimen_fits_the_setting() {
    let regimen = |amount: &str, extra: &str| {
        format!(
            "title = \"x\"\nsetting = \"xenograft\"\nduration = \"4 w\"\n[[sorafenib]]\namount = \"{amount}\"\n\
             interval = \"24 h\"\n{extra}"
        )
    };
    let partner = "[[partner]]\namount = \"30 mg\"\n";
    let oxygen = "[[oxygen]]\nat = \"0 h\"\noxygen = \"7 mmHg\"\n";
    for (text, needle) in [
        (regimen("30 mg", ""), "mg/kg, not in mg"),
        (regimen("30 mg/kg", partner), "mg/kg, not in mg"),
        (
            regimen("30 mg/kg", oxygen),
            "the pO2 of a medium has no effect",
        ),
    ] {
        let folder = folder(&[("regimens/own.toml", &text)]);
        let params = folder.path().display().to_string();
        refused(
            &["simulate", "--regimen", "own", "--params", &params],
            &[needle],
        );
    }
}

#[test]
fn times_take_units_as_in_the_files() {
    let days = |text: &str| run(&["simulate", "--days", text, "--dry-run", "--json"]).1;
    let expected = days("28");
    assert_eq!(expected.matches("dose").count(), 28, "{expected}");
    for text in ["4w", "4 week", "672 h", "28d", "28.0", "40320 min"] {
        assert_eq!(days(text), expected, "{text}");
    }
    for (option, text) in [
        ("--days", "4w"),
        ("--evaluate", "2w"),
        ("--evaluate", "336h"),
    ] {
        assert_eq!(
            warned(&["compare", "--arm", "sorafenib", option, text, "-q"]),
            "",
            "{option} {text}"
        );
    }
    for text in [
        "",
        "0",
        "-1",
        "nan",
        "inf",
        "1e400",
        "2,5",
        "28 mg",
        "28 days ago",
        "w",
    ] {
        for (command, option) in [
            ("simulate", "--days"),
            ("simulate", "--evaluate"),
            ("sweep", "--days"),
            ("synergy", "--days"),
            ("trial", "--weeks"),
        ] {
            let mut arguments = vec![command, option, text];
            if command == "sweep" {
                arguments.extend(["--x", "dose=10,20"]);
            }
            refused(&arguments, &[option]);
        }
    }
}

#[test]
fn options_without_effect_are_refused_or_named() {
    for (arguments, needle) in [
        (
            &["simulate", "--evaluate", "40"][..],
            "the run ends on day 28",
        ),
        (
            &[
                "compare",
                "--arm",
                "sorafenib",
                "--days",
                "7",
                "--evaluate",
                "14",
            ],
            "the run ends on day 7",
        ),
        (
            &["simulate", "--partner-lag", "7d"],
            "no partner is given in sorafenib",
        ),
        (
            &[
                "simulate",
                "--arm",
                "sorafenib+pt2385",
                "--partner-lag",
                "40d",
            ],
            "before the partner is given",
        ),
        (&["simulate", "--dry-run", "--csv", "-"], "--dry-run"),
        (&["synergy", "--horizons", "7,40"], "the run ends on day 28"),
        (
            &["compare", "--arm", "sorafenib", "--arm", "Nexavar"],
            "named twice",
        ),
        (
            &[
                "simulate",
                "--set",
                "hif.haf_loss=1 1/h",
                "--set",
                "hif.haf_loss=2 1/h",
            ],
            "set twice",
        ),
        (
            &["simulate", "--days", "1", "--days", "2"],
            "cannot be used multiple times",
        ),
        (&["simulate", "--set", "hif.haf_loss=1,5 1/h"], "comma"),
        (
            &["simulate", "--set", "hif.haf_loss="],
            "does not start with a number",
        ),
        (
            &["simulate", "--set", "hif.haf_loss=nan 1/h"],
            "does not start with a number",
        ),
        (
            &["simulate", "--set", "hif.haf_loss=1e999 1/h"],
            "not a finite number",
        ),
    ] {
        refused(arguments, &[needle]);
    }
    for (arguments, needle) in [
        (
            &["simulate", "--days", "1", "--mode", "achievable"][..],
            "--mode has no effect",
        ),
        (
            &["simulate", "--days", "1", "--every", "2h"],
            "--every has no effect",
        ),
        (
            &["export", "antimony", "--days", "1", "--verify"],
            "--verify has no effect",
        ),
    ] {
        let error = warned(arguments);
        assert!(error.contains(needle), "{arguments:?}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn arguments_that_are_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let output = Command::cargo_bin("hif-switch")
        .unwrap()
        .args(["simulate", "--arm"])
        .arg(std::ffi::OsStr::from_bytes(b"sor\xffafenib"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn usual_spellings_mean_the_names_of_the_files() {
    let library = Library::shipped();
    for (text, meant) in [
        ("PT-2385", "pt2385"),
        ("pt 2385", "pt2385"),
        ("PT2385", "pt2385"),
        ("EZN-2968", "ezn2968"),
        ("RO7070179", "ezn2968"),
        ("PX-478", "px478"),
        ("2ME2", "2-methoxyestradiol"),
        ("2-Methoxyestradiol", "2-methoxyestradiol"),
        ("Procyanidin B2", "procyanidin-b2"),
        ("sodium orthovanadate", "sodium-orthovanadate"),
        ("HIF2A siRNA", "hif2a-sirna"),
        ("MK-6482", "belzutifan"),
        ("placebo", "vehicle"),
        ("Control", "vehicle"),
        ("Nexavar", "sorafenib"),
        ("Sorafenib + PT-2385", "sorafenib+pt2385"),
        (
            "BAY 43-9006+2ME2 + Genistein",
            "sorafenib+2-methoxyestradiol+genistein",
        ),
    ] {
        let arm = Arm::parse(text, &library, "--arm").unwrap();
        assert_eq!(arm.to_string(), meant, "{text}");
    }
    for (text, needle) in [
        ("pt2358", "pt2385"),
        ("sorafenib+Sorafenib", "twice"),
        ("sorafenib+PT-2385+pt2385", "twice"),
        ("vehicle+sorafenib", "vehicle beside a drug"),
        ("placebo+control", "twice"),
        ("", "unknown"),
        ("-", "unknown"),
        ("sorafenib+", "unknown"),
    ] {
        let error = Arm::parse(text, &library, "--arm").unwrap_err().to_string();
        assert!(error.contains(needle), "{text}: {error}");
    }
    for (text, meant) in [
        ("mouse", "xenograft"),
        ("Mice", "xenograft"),
        ("human", "patient"),
        ("man", "patient"),
        ("cells", "culture"),
        ("in-vitro", "culture"),
        ("XENOGRAFT", "xenograft"),
    ] {
        assert_eq!(library.setting(text, "--setting").unwrap(), meant, "{text}");
    }
    assert!(library.setting("dog", "--setting").is_err());
}

/// Every name and title of a partner that ships means that partner.
#[test]
fn every_title_of_a_partner_means_it() {
    let library = Library::shipped();
    for name in library.names("partners") {
        let table = library.table("partners", name, "a test").unwrap();
        let title = table
            .text("title")
            .unwrap()
            .split(" (")
            .next()
            .unwrap()
            .split(" / ")
            .next()
            .unwrap();
        assert_eq!(library.partner(title, "a test").unwrap(), name, "{title}");
        assert_eq!(
            library.partner(&name.to_uppercase(), "a test").unwrap(),
            name
        );
        for alias in table.list("aliases").unwrap_or_default() {
            assert_eq!(library.partner(alias, "a test").unwrap(), name, "{alias}");
        }
    }
}

#[test]
fn a_spelling_of_two_partners_is_ambiguous() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("params/partners/genistein.toml");
    let text = std::fs::read_to_string(path).unwrap().replacen(
        "class",
        "aliases = [\"PT-2385\", \"X 1\"]\nclass",
        1,
    );
    let folder = folder(&[("partners/own.toml", &text), ("partners/other.toml", &text)]);
    let params = folder.path().display().to_string();
    refused(
        &["simulate", "--arm", "x1", "--params", &params],
        &["ambiguous", "other, own"],
    );
    // The name of a file is no alias of another.
    assert_eq!(
        warned(&[
            "simulate", "--arm", "pt2385", "--days", "1", "--params", &params
        ]),
        ""
    );
}

#[test]
fn spellings_are_understood_wherever_a_name_is_asked_for() {
    let (_, exact, _) = run(&[
        "simulate",
        "--setting",
        "xenograft",
        "--arm",
        "sorafenib+pt2385",
        "--days",
        "2",
        "--json",
    ]);
    let (code, spelt, error) = run(&[
        "simulate",
        "--setting",
        "Mouse",
        "--arm",
        "Sorafenib+PT-2385",
        "--days",
        "2",
        "--json",
    ]);
    assert_eq!((code, &spelt), (0, &exact), "{error}");
    let (_, exact, _) = run(&["params", "show", "pt2385"]);
    assert_eq!(run(&["params", "show", "PT-2385"]).1, exact);
}

#[test]
fn files_that_would_not_be_read_are_named() {
    for (path, needles) in [
        (
            "biology.TOML",
            &[
                "biology.TOML",
                "in case only",
                "rename it to `biology.toml`",
            ][..],
        ),
        ("Biology.toml", &["in case only", "`biology.toml`"]),
        (
            "Partners/own.toml",
            &["Partners", "in case only", "`partners`"],
        ),
        (
            "partner/own.toml",
            &["`partner` is no folder", "`partners`"],
        ),
        ("biology.toml/x", &["this is a folder"]),
        ("partners/PT2385.toml", &["in case only", "pt2385.toml"]),
        ("partners/own.Toml", &["in case only"]),
        ("partners/mine/own.toml", &["a folder within a folder"]),
        ("biologie.toml", &["biologie.toml", "biology.toml"]),
    ] {
        let folder = folder(&[(path, "title = \"x\"\n")]);
        let params = folder.path().display().to_string();
        refused(&["params", "list", "--params", &params], needles);
    }
    let folder = folder(&[
        ("README.md", "x"),
        ("biology.toml~", "x"),
        ("plots/a.svg", "x"),
        (".git/config", "x"),
    ]);
    let params = folder.path().display().to_string();
    let error = warned(&["params", "list", "--params", &params]);
    for name in ["README.md", "biology.toml~", "plots"] {
        assert!(
            error.contains(&format!("{name} is no parameter file and is not read")),
            "{name}: {error}"
        );
    }
    assert!(!error.contains(".git"), "{error}");
}

#[test]
fn keys_that_nothing_reads_are_refused() {
    let partner = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("params/partners/pt2385.toml"),
    )
    .unwrap();
    let number = "{ value = 1.0, unit = \"h\", grade = \"assumed\", note = \"x\" }";
    let in_kinetics = format!("[kinetics.patient]\nhalf_live = {number}\n");
    let in_setting = format!("[kinetics.mouse]\nhalf_life = {number}\n");
    let in_regimen = format!("[regimen]\nduration = {number}\n");
    for (path, text, needle) in [
        ("biology.toml", "titel = \"x\"\n", "titel"),
        (
            "settings/xenograft.toml",
            "default_regime = \"x\"\n",
            "default_regimen",
        ),
        (
            "settings/xenograft.toml",
            "plausible_dose = [\"1 mg/kg\"]\n",
            "there are 1 doses",
        ),
        (
            "settings/xenograft.toml",
            "plausible_dose = [\"9 mg/kg\", \"1 mg/kg\"]\n",
            "no dose lies between",
        ),
        ("partners/pt2385.toml", "clas = \"hif1\"\n", "class"),
        ("partners/pt2385.toml", &in_kinetics, "half_live"),
        ("partners/pt2385.toml", &in_setting, "mouse"),
        ("biology.toml", &in_regimen, "regimen.duration"),
        ("variants/own.toml", "descripton = \"x\"\n", "description"),
        ("trials/sharp.toml", "arm = [\"sorafenib\"]\n", "arms"),
        (
            "calibrations/xenograft.toml",
            "parameter = [\"x\"]\n",
            "parameters",
        ),
        (
            "studies.toml",
            "[sensitivity]\nparameter = [\"x\"]\n",
            "sensitivity.parameters",
        ),
        ("aliases.toml", "vehicles = [\"x\"]\n", "vehicle"),
        (
            "partners/own.toml",
            &partner.replace("class =", "klass ="),
            "klass",
        ),
    ] {
        let folder = folder(&[(path, text)]);
        let params = folder.path().display().to_string();
        refused(&["params", "check", "--params", &params], &[needle]);
    }
}

#[test]
fn no_sign_is_left_on_a_zero() {
    let (_, zero, _) = run(&[
        "simulate",
        "--days",
        "1",
        "--json",
        "--set",
        "expression.vegf=0 1",
    ]);
    let (code, negative, error) = run(&[
        "simulate",
        "--days",
        "1",
        "--json",
        "--set",
        "expression.vegf=-0 1",
    ]);
    assert_eq!((code, negative), (0, zero), "{error}");
}
