//! Every number that multiplies work has a largest value: beyond it a refusal at once, which says what it would cost.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use assert_cmd::Command;
use hif_switch::parameters::bounds;
use std::path::Path;
use std::time::{Duration, Instant};

/// A refusal takes a fraction of this, whatever else the machine does.
const AT_ONCE: Duration = Duration::from_secs(10);

fn run(arguments: &[&str], threads: Option<&str>) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::cargo_bin("hif-switch").unwrap();
    command
        .args(arguments)
        .current_dir(folder.path())
        .timeout(3 * AT_ONCE);
    if let Some(threads) = threads {
        command.env("RAYON_NUM_THREADS", threads);
    }
    let started = Instant::now();
    let output = command.output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(
        started.elapsed() < AT_ONCE,
        "{arguments:?} took {:?}: {error}",
        started.elapsed()
    );
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        0,
        "{arguments:?} wrote something"
    );
    (output.status.code(), error)
}

/// A call that must be refused at once, with all the needles.
fn refused(arguments: &[&str], needles: &[&str]) {
    let (code, error) = run(arguments, None);
    assert_eq!(code, Some(2), "{arguments:?}: {error}");
    for needle in needles.iter().chain(&["remedy: "]) {
        assert!(error.contains(needle), "{arguments:?}: {needle} in {error}");
    }
    assert!(
        error.len() < 2000,
        "{arguments:?}: {} characters",
        error.len()
    );
}

const BEYOND: &str = "beyond the largest allowed";

#[test]
fn options_beyond_their_bound_are_refused_with_the_cost() {
    for (arguments, needles) in [
        (
            &["simulate", "--days", "1e300"][..],
            &["--days 1e300", "3652.5 d", "of one processor"][..],
        ),
        (&["compare", "--days", "9e99 week"], &["--days", BEYOND]),
        (&["simulate", "--evaluate", "1e9"], &["--evaluate", BEYOND]),
        (
            &["simulate", "--partner-lag", "1e9 d"],
            &["--partner-lag", BEYOND],
        ),
        (
            &["simulate", "--every", "4 s"],
            &["--every 4 s", "rows of a time course", "of memory"],
        ),
        (
            &["simulate", "--every", "1e-300 h"],
            &["--every", "no time after the start"],
        ),
        (&["export", "sbml", "--days", "1e300"], &["--days", BEYOND]),
        (
            &["validate", "--draws", "1000000000"],
            &["--draws", "2000", "years of one processor"],
        ),
        (
            &["validate", "--subjects", "1000000000"],
            &["--subjects", "5000"],
        ),
        (
            &["population", "--subjects", "1000000000"],
            &["--subjects", BEYOND],
        ),
        (
            &["trial", "sharp", "--patients", "1000000000"],
            &["--patients", BEYOND],
        ),
        (
            &["trial", "sharp", "--patients", "9000000"],
            &["9000000 patients in 6 arms", "rows of a study"],
        ),
        (
            &["trial", "sharp", "--weeks", "1e300"],
            &["--weeks", BEYOND],
        ),
        (
            &["sensitivity", "--trajectories", "100000000"],
            &["--trajectories", BEYOND],
        ),
        (
            &["sensitivity", "--levels", "100000000"],
            &["--levels", BEYOND],
        ),
        (
            &["sensitivity", "--method", "sobol", "--points", "1073741824"],
            &["--points", "65536"],
        ),
        (
            &["sweep", "--x", "dose=1:100:1000000000"],
            &["--x dose", "10000"],
        ),
        (
            &[
                "sweep",
                "--arm",
                "sorafenib+pt2385",
                "--x",
                "dose=1:100:10000",
                "--y",
                "partner.pt2385.dose=0:1:10000",
            ],
            &["10000 values of dose", "rows of a study"],
        ),
        (
            &["sweep", "--x", "dose=1:100:9", "--up-down", "1e9"],
            &["--up-down", BEYOND],
        ),
        (
            &["sweep", "--x", "dose=1:100:300", "--up-down", "100"],
            &["599 levels of 2400 h", BEYOND],
        ),
        (
            &[
                "synergy",
                "--population",
                "xenograft-mice",
                "--subjects",
                "1000000000",
            ],
            &["--subjects", BEYOND],
        ),
        (
            &["schedule", "--samples", "1073741824"],
            &["--samples", BEYOND],
        ),
        (&["schedule", "--budgets", "100000"], &["--budgets", BEYOND]),
        (
            &["schedule", "--evaluations", "100000"],
            &["--evaluations", BEYOND],
        ),
        (
            &["schedule", "--budgets", "10000", "--evaluations", "10000"],
            &["10000 budgets of 10000 evaluations", "rows of a study"],
        ),
        (&["calibrate", "--starts", "1000000"], &["--starts", BEYOND]),
        (
            &["sensitivity", "--part-rows", "1000000000"],
            &["--part-rows", BEYOND],
        ),
    ] {
        refused(arguments, needles);
    }
    let many: Vec<String> = (1..200).map(|dose| dose.to_string()).collect();
    refused(
        &["synergy", "--doses", &many.join(",")],
        &["--doses", BEYOND],
    );
    let days: Vec<String> = (1..200)
        .map(|day| format!("{}", f64::from(day) / 10.0))
        .collect();
    refused(
        &["synergy", "--horizons", &days.join(",")],
        &["--horizons", BEYOND],
    );
}

#[test]
fn an_expression_in_place_of_a_unit_is_not_calculated() {
    let long = format!("hif.haf_loss=1 {}", "h*".repeat(50_000));
    for set in [
        "hif.haf_loss=1 9^9^9",
        "hif.haf_loss=1 h^999999999",
        "hif.haf_loss=1 999999 nCr 500000",
        "hif.haf_loss=1 1/h^9^9",
        "hif.haf_loss=1 (9^9)^(9^9)",
        "hif.haf_loss=1 99999999999999999999/h",
        &long,
    ] {
        refused(&["simulate", "--set", set], &["--set hif.haf_loss"]);
    }
}

#[test]
fn threads_are_bounded() {
    for (threads, needle) in [
        ("100000", BEYOND),
        ("many", "no number of threads"),
        ("-1", "no number"),
    ] {
        let (code, error) = run(&["params", "list"], Some(threads));
        assert_eq!(code, Some(2), "{error}");
        assert!(
            error.contains("RAYON_NUM_THREADS") && error.contains(needle),
            "{error}"
        );
    }
    for threads in ["", "1", "3"] {
        assert_eq!(
            run(&["params", "list"], Some(threads)).0,
            Some(0),
            "{threads}"
        );
    }
}

fn shipped(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("params")
        .join(path);
    std::fs::read_to_string(path).unwrap()
}

/// A folder with one file.
fn folder(path: &str, text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    folder
}

fn refused_with(path: &str, text: &str, arguments: &[&str], needles: &[&str]) {
    let folder = folder(path, text);
    let params = folder.path().display().to_string();
    let arguments: Vec<&str> = arguments
        .iter()
        .copied()
        .chain(["--params", &params])
        .collect();
    refused(&arguments, needles);
}

#[test]
fn times_and_doses_of_regimens_are_bounded() {
    let regimen = |duration: &str, interval: &str, extra: &str| {
        format!(
            "title = \"x\"\nsetting = \"xenograft\"\nduration = \"{duration}\"\n[[sorafenib]]\namount = \"30 mg/kg\"\n\
             interval = \"{interval}\"\n{extra}\n"
        )
    };
    for (text, needles) in [
        (
            regimen("1e6 week", "24 h", ""),
            &["key `duration`", BEYOND][..],
        ),
        (
            regimen("28 d", "1e-300 h", ""),
            &["doses of a run", "20000"],
        ),
        (regimen("28 d", "1 s", ""), &["doses of a run", "2419200"]),
        (regimen("28 d", "1e9 week", ""), &["key `interval`", BEYOND]),
        (
            regimen("28 d", "24 h", "infusion = \"1e9 week\""),
            &["key `infusion`", BEYOND],
        ),
        (
            regimen("28 d", "24 h", "start = \"1e300 h\""),
            &["key `start`", BEYOND],
        ),
        (
            regimen(
                "28 d",
                "24 h",
                "cycle = { on = \"1e-300 h\", off = \"1e-300 h\" }",
            ),
            &["doses of a run"],
        ),
        (
            regimen(
                "28 d",
                "24 h",
                "cycle = { on = \"1 d\", off = \"1e300 h\" }",
            ),
            &["key `cycle.off`", BEYOND],
        ),
    ] {
        refused_with(
            "regimens/own.toml",
            &text,
            &["simulate", "--regimen", "own"],
            needles,
        );
    }
}

#[test]
fn populations_trials_and_claims_are_bounded() {
    let sharp = shipped("populations/hcc-sharp.toml");
    let wide = sharp
        .replacen("sd = { value = 1.1,", "sd = { value = 1000.0,", 1)
        .replacen("[0.6, 1.6]", "[0.6, 2000.0]", 1);
    assert_ne!(sharp, wide);
    let population = &["population", "hcc-sharp", "--subjects", "10"][..];
    refused_with(
        "populations/hcc-sharp.toml",
        &wide,
        population,
        &["standard deviation", "1000", BEYOND],
    );
    let hopeless = format!(
        "{sharp}\n[plausible.burden]\nlow = {{ value = 1e9, unit = \"mL\", grade = \"assumed\", note = \"a test\" }}\n"
    );
    refused_with(
        "populations/hcc-sharp.toml",
        &hopeless,
        population,
        &["hcc-sharp.toml"],
    );

    let trial = shipped("trials/sharp.toml");
    for (from, to, needle) in [
        ("value = 6,", "value = 1e-9,", "scans of a trial"),
        ("value = 52,", "value = 1e90,", "length of a run"),
        ("value = 300,", "value = 1e90,", "subjects"),
        ("value = 300,", "value = 300.5,", "no whole number"),
    ] {
        let text = trial.replacen(from, to, 1);
        let text = text
            .replace("range = [4, 12]", "range = [0.0, 12]")
            .replace("range = [12, 104]", "range = [12, 1e91]");
        let text = text.replace("range = [10, 100000]", "range = [10, 1e301]");
        refused_with("trials/sharp.toml", &text, &["trial", "sharp"], &[needle]);
    }

    let claim = |test: &str| {
        format!(
            "[[claim]]\nid = \"X1\"\npriority = \"A\"\nkind = \"review\"\ntext = \"x\"\n[[claim.test]]\ntext = \"x\"\n\
             in = \"xenograft\"\narm = \"sorafenib\"\nexpect = \"above 0\"\n{test}\n"
        )
    };
    for (test, needle) in [
        ("measure = \"burden\"\nat = \"1e300 h\"", "key `at`"),
        (
            "measure = \"burden\"\nat = \"1 d\"\nduration = \"1e6 week\"",
            "key `duration`",
        ),
        (
            "measure = \"median_progression\"\ntrial = \"sharp\"\npatients = 1000000000",
            "key `patients`",
        ),
    ] {
        refused_with(
            "claims/own.toml",
            &claim(test),
            &["claims", "X1"],
            &[needle, BEYOND],
        );
    }
}

#[test]
fn files_that_do_not_end_or_nest_without_end_are_refused() {
    let deep = [
        format!("{}=1", vec!["a"; 200_000].join(".")),
        format!("a={}", "[".repeat(200_000)),
        format!("a={}", "{a=".repeat(200_000)),
        format!("[{}]", vec!["a"; 20].join(".")),
        format!("{}=\"x\"", vec!["a"; 20].join(".")),
    ];
    for text in deep {
        refused_with(
            "biology.toml",
            &text,
            &["params", "check"],
            &["biology.toml:1"],
        );
    }
    let large = format!("title = \"{}\"", "x".repeat(2_000_000));
    refused_with(
        "biology.toml",
        &large,
        &["params", "check"],
        &["size of a parameter file"],
    );
    let many: String = (0..60_000).map(|key| format!("k{key}=\"x\"\n")).collect();
    refused_with(
        "biology.toml",
        &many,
        &["params", "check"],
        &["unknown key `k0`"],
    );
    let folder = folder("biology.toml", "");
    std::fs::write(
        folder.path().join("biology.toml"),
        b"title = \"x\"\nnote = \"\xff\"\n",
    )
    .unwrap();
    let params = folder.path().display().to_string();
    refused(
        &["params", "check", "--params", &params],
        &["line 2 is not in UTF-8"],
    );
}

#[cfg(unix)]
#[test]
fn links_pipes_and_devices_do_not_hang() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let params = folder.path().display().to_string();
    let check = |needle: &str| refused(&["params", "list", "--params", &params], &[needle]);
    symlink(".", folder.path().join("partners")).unwrap();
    check("a folder within a folder");
    std::fs::remove_file(folder.path().join("partners")).unwrap();

    let biology = folder.path().join("biology.toml");
    symlink("biology.toml", &biology).unwrap();
    check("biology.toml");
    std::fs::remove_file(&biology).unwrap();
    symlink("/dev/zero", &biology).unwrap();
    check("a pipe or a device");
    std::fs::remove_file(&biology).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(&biology)
        .status()
        .unwrap();
    assert!(made.success());
    check("a pipe or a device");
    let pipe = biology.display().to_string();
    for option in ["--data", "--estimates"] {
        let arguments: Vec<&str> = match option {
            "--data" => vec![
                "calibrate",
                "--data",
                &pipe,
                "--parameter",
                "tumour.growth_rate",
            ],
            _ => vec!["export", "petab", "--out", "po", "--estimates", &pipe],
        };
        refused(&arguments, &[option, "a pipe or a device"]);
    }
    std::fs::remove_file(&biology).unwrap();

    // A link to the folder itself, under a name that is not read, is passed by and named.
    symlink(".", folder.path().join("loop")).unwrap();
    let (code, error) = run(&["params", "list", "--params", &params], None);
    assert_eq!(code, Some(0), "{error}");
    assert!(
        error.contains("loop is no parameter file and is not read"),
        "{error}"
    );
}

#[test]
fn what_is_within_the_bounds_is_run() {
    for arguments in [
        &["simulate", "--days", "3652.5", "--dry-run", "-q"][..],
        &[
            "simulate",
            "--setting",
            "patient",
            "--days",
            "520w",
            "--dry-run",
            "-q",
        ],
        &["simulate", "--days", "1", "--every", "1min", "-q"],
    ] {
        let (code, error) = run(arguments, None);
        assert_eq!(code, Some(0), "{arguments:?}: {error}");
    }
}

#[test]
fn the_table_of_the_documents_is_that_of_the_program() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/STUDIES.md");
    let table = bounds::markdown();
    assert!(
        std::fs::read_to_string(path).unwrap().contains(&table),
        "docs/STUDIES.md should have:\n{table}"
    );
}
