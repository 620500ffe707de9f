//! A study in shards, stopped or continued gives the bytes of the single run.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STUDY: [&str; 15] = [
    "sensitivity",
    "--method",
    "sobol",
    "--points",
    "16",
    "--days",
    "1",
    "--parameter",
    "hif.haf_loss",
    "--parameter",
    "tumour.growth_rate",
    "--endpoint",
    "log10_burden",
    "--part-rows",
    "7",
];

fn command(arguments: &[&str], out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hif-switch"));
    command.args(arguments).arg("--out").arg(out).arg("--quiet");
    command
}

fn run(arguments: &[&str], out: &Path) {
    let output = command(arguments, out).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn fails(arguments: &[&str], out: &Path) -> String {
    let output = command(arguments, out).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    STUDY.iter().copied().chain(more.iter().copied()).collect()
}

/// All files of a folder with their content.
fn content(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for inner in ["results", "plots"] {
        for entry in std::fs::read_dir(folder.join(inner)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().display().to_string();
            assert!(path.is_file(), "{name} is left");
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
    files
}

fn same(a: &Path, b: &Path) {
    let (a, b) = (content(a), content(b));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{name} differs");
    }
    assert!(a.keys().any(|name| name.ends_with("-rows.parquet")));
    assert!(a.keys().any(|name| name.ends_with("sensitivity.svg")));
}

#[test]
fn any_number_of_shards_gives_the_bytes_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    run(&STUDY, &at("single"));
    // A folder each.
    for shard in ["1/3", "2/3", "3/3"] {
        run(&with(&["--shard", shard]), &at(&shard.replace('/', "-")));
    }
    let parts = ["1-3", "2-3", "3-3"].map(|name| at(name).display().to_string());
    let merge: Vec<&str> = std::iter::once("merge")
        .chain(parts.iter().map(String::as_str))
        .collect();
    run(&merge, &at("joined"));
    same(&at("single"), &at("joined"));
    // One folder, other threads.
    for shard in ["2/2", "1/2"] {
        let mut command = command(&with(&["--shard", shard]), &at("shared"));
        assert!(
            command
                .env("RAYON_NUM_THREADS", "1")
                .status()
                .unwrap()
                .success()
        );
    }
    let shared = at("shared").display().to_string();
    run(&["merge", &shared], &at("shared"));
    same(&at("single"), &at("shared"));
}

#[test]
fn a_missing_part_and_parts_of_other_studies_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    run(&with(&["--shard", "1/2"]), &at("one"));
    let one = at("one").display().to_string();
    let error = fails(&["merge", &one], &at("joined"));
    assert!(
        error.contains("5 of 10 parts are missing: 2, 4, 6") && error.contains("--shard"),
        "{error}"
    );
    run(&with(&["--shard", "2/2", "--seed", "9"]), &at("two"));
    let two = at("two").display().to_string();
    let error = fails(&["merge", &one, &two], &at("joined"));
    assert!(
        error.contains("another seed") && error.contains('9'),
        "{error}"
    );
    // Into the same folder with another tolerance.
    let error = fails(&with(&["--shard", "2/2", "--rtol", "1e-4"]), &at("one"));
    assert!(error.contains("another accuracy"), "{error}");
    let error = fails(&with(&["--shard", "3/2"]), &at("one"));
    assert!(error.contains("--shard 1/8"), "{error}");
    let error = fails(
        &["merge", &at("nothing").display().to_string()],
        &at("joined"),
    );
    assert!(error.contains("--out of the shards"), "{error}");
    assert!(!at("joined").join("plots").exists());
}

#[test]
fn a_killed_run_goes_on_with_nothing_lost_or_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Long enough to be killed on the way.
    let long: Vec<&str> = STUDY
        .iter()
        .map(|argument| match *argument {
            "16" => "64",
            "1" => "6",
            "7" => "5",
            other => other,
        })
        .collect();
    run(&long, &at("single"));
    let mut child = command(&long, &at("killed"))
        .env("RAYON_NUM_THREADS", "1")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let parts = at("killed").join("results/sensitivity-sobol.parts");
    let done = || std::fs::read_dir(&parts).map_or(0, |entries| entries.count());
    let start = Instant::now();
    while done() < 4 && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = done();
    assert!((4..53).contains(&before), "{before} parts when killed");
    let first = parts.join("part-00000000.csv");
    let written = std::fs::metadata(&first).unwrap().modified().unwrap();
    let mut resumed = long.clone();
    resumed.push("--resume");
    // What is there already is not run again.
    run(&with_shard(&resumed), &at("killed"));
    assert_eq!(
        std::fs::metadata(&first).unwrap().modified().unwrap(),
        written
    );
    run(&resumed, &at("killed"));
    same(&at("single"), &at("killed"));
}

/// The same as one shard of one: it runs what is missing and leaves the parts.
fn with_shard<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    arguments
        .iter()
        .copied()
        .chain(["--shard", "1/1"])
        .collect()
}
