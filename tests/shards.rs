//! A study in shards, stopped or continued gives the bytes of the single run.
//!
//! `HIF_SWITCH_KILLS=200 cargo test --test shards any_moment -- --nocapture` kills so often and prints what was
//! met; `HIF_SWITCH_KILLS_SEED` draws other moments.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

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
    assert!(a.keys().any(|name| name.ends_with(".svg")));
}

/// Every other study, small, in more parts than shards.
const OTHERS: [&str; 7] = [
    "trial sharp --patients 5 --weeks 6 --arm vehicle --arm sorafenib --part-rows 3",
    "synergy --days 4 --doses 10,30 --partner-doses 0.5,1 --population xenograft-mice --subjects 3 --part-rows 20",
    "sensitivity --trajectories 2 --parameter hif.haf_loss --parameter tumour.growth_rate --days 1 --part-rows 1",
    "sweep --x dose=1:50:7 --days 2 --part-rows 2",
    "schedule --days 4 --samples 8 --budgets 3 --evaluations 5",
    "attribution --days 3 --mechanism hif2 --mechanism survival --part-rows 1",
    "population xenograft-mice --subjects 20 --part-rows 6",
];

#[test]
fn shards_of_every_study_give_the_bytes_of_one_run() {
    for study in OTHERS {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let study: Vec<&str> = study.split(' ').collect();
        run(&study, &at("single"));
        for shard in ["3/3", "1/3"] {
            let mut shared_out = study.clone();
            shared_out.extend(["--shard", shard]);
            run(&shared_out, &at("shared"));
        }
        let shared = at("shared").display().to_string();
        let error = fails(&["merge", &shared], &at("shared"));
        assert!(error.contains("parts are missing: 2"), "{error}");
        let mut shared_out = study.clone();
        shared_out.extend(["--shard", "2/3"]);
        run(&shared_out, &at("shared"));
        run(&["merge", &shared], &at("shared"));
        same(&at("single"), &at("shared"));
    }
}

#[test]
fn what_is_a_single_run_has_no_shards() {
    let folder = tempfile::tempdir().unwrap();
    let ways = "sweep --setting culture --arm vehicle --x oxygen=1:20:3 --up-down 1 --shard 1/2";
    let ways: Vec<&str> = ways.split(' ').collect();
    let error = fails(&ways, folder.path());
    assert!(error.contains("a single run"), "{error}");
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
    killed(&long, "sensitivity-sobol", 52);
}

#[test]
fn a_killed_search_for_schedules_goes_on_after_its_finished_descents() {
    let long = "schedule --samples 32 --budgets 12 --evaluations 20";
    killed(&long.split(' ').collect::<Vec<_>>(), "schedule", 15);
}

/// Kills a study of so many parts when some are there, goes on, and compares with a run in one go.
fn killed(long: &[&str], name: &str, count: usize) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    run(long, &at("single"));
    let mut child = command(long, &at("killed"))
        .env("RAYON_NUM_THREADS", "1")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let parts = at("killed").join(format!("results/{name}.parts"));
    let finished = || {
        let entries = std::fs::read_dir(&parts).into_iter().flatten();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.extension().is_some_and(|e| e == "csv"));
        files
    };
    let start = Instant::now();
    while finished().len() < 3 && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = finished();
    assert!(
        (3..count).contains(&before.len()),
        "{} parts when killed",
        before.len()
    );
    let written = || -> Vec<SystemTime> {
        let files = before.iter().map(|path| std::fs::metadata(path).unwrap());
        files.map(|file| file.modified().unwrap()).collect()
    };
    let first = written();
    let mut resumed = long.to_vec();
    resumed.push("--resume");
    // What is there already is not run again.
    run(&with_shard(&resumed), &at("killed"));
    assert_eq!(finished().len(), count);
    assert_eq!(written(), first);
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

/// Every kind of study by the name of its results, small, in many parts.
const TO_KILL: [(&str, &str); 8] = [
    (
        "trial-sharp",
        "trial sharp --patients 30 --weeks 12 --arm vehicle --arm sorafenib --part-rows 3",
    ),
    (
        "sensitivity-sobol",
        "sensitivity --method sobol --points 64 --days 3 --parameter hif.haf_loss --parameter tumour.growth_rate --endpoint log10_burden --part-rows 16",
    ),
    (
        "sensitivity-morris",
        "sensitivity --trajectories 20 --days 2 --parameter hif.haf_loss --parameter tumour.growth_rate --part-rows 3",
    ),
    ("sweep", "sweep --x dose=1:50:60 --days 3 --part-rows 4"),
    (
        "synergy",
        "synergy --days 3 --doses 10,30 --partner-doses 0.5,1 --population xenograft-mice --subjects 4 --part-rows 4",
    ),
    (
        "population-xenograft-mice",
        "population xenograft-mice --subjects 200 --part-rows 10",
    ),
    (
        "schedule",
        "schedule --days 3 --samples 16 --budgets 6 --evaluations 8",
    ),
    (
        "attribution",
        "attribution --days 3 --mechanism hif2 --mechanism survival --mechanism vessels --part-rows 1",
    ),
];

/// Kills of one study before it is let run to its end, at most.
const IN_A_ROW: usize = 3;

/// Part of the kills that come when a study has begun to join its parts: these moments are short and would
/// hardly be met.
const LATE: f64 = 0.25;

/// Waits until a study joins its parts, or has ended.
fn until_joining(child: &mut Child, out: &Path) {
    let is_draft = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            entry
                .file_name()
                .to_string_lossy()
                .starts_with(".hif-switch-")
        })
    };
    let results = out.join("results");
    while !std::fs::read_dir(&results).is_ok_and(|mut entries| entries.any(is_draft)) {
        if child.try_wait().unwrap().is_some() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().expect(variable))
}

fn start(study: &str, more: &[&str], out: &Path) -> Child {
    let arguments: Vec<&str> = study.split(' ').chain(more.iter().copied()).collect();
    command(&arguments, out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn to_its_end(child: Child) {
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{error}");
}

/// What a killed study had come to.
fn stage(out: &Path, name: &str) -> &'static str {
    let there = |path: &str| out.join("results").join(path).exists();
    let parts = out.join("results").join(format!("{name}.parts"));
    let count = std::fs::read_dir(&parts).map_or(0, |entries| {
        let names = entries.map(|entry| entry.unwrap().file_name());
        names
            .filter(|name| name.to_string_lossy().starts_with("part-"))
            .count()
    });
    if there(&format!("{name}-manifest.json")) {
        "its results written"
    } else if there(&format!("{name}-rows.csv")) {
        "its results being written"
    } else if count > 0 {
        "some parts written"
    } else if parts.exists() {
        "no part written"
    } else {
        "nothing written"
    }
}

#[test]
fn a_study_that_was_killed_at_any_moment_goes_on_to_the_same_bytes() {
    let wanted = number("HIF_SWITCH_KILLS", 8) as usize;
    let mut random = Random(number("HIF_SWITCH_KILLS_SEED", 1));
    let folder = tempfile::tempdir().unwrap();
    let mut undisturbed = Vec::new();
    for (name, study) in TO_KILL {
        let out = folder.path().join(name);
        let begin = Instant::now();
        to_its_end(start(study, &[], &out));
        undisturbed.push((out, begin.elapsed()));
    }
    let mut stages: BTreeMap<&str, usize> = BTreeMap::new();
    let mut per_study = [0; TO_KILL.len()];
    let (mut kills, mut resumed) = (0, 0);
    for round in 0.. {
        if kills >= wanted {
            break;
        }
        assert!(round < 20 * wanted, "{kills} kills only in {round} rounds");
        let place = round % TO_KILL.len();
        let (name, study) = TO_KILL[place];
        let (expected, length) = &undisturbed[place];
        let out = folder.path().join(format!("killed-{round}"));
        let in_a_row = 1 + (random.fraction() * IN_A_ROW as f64) as usize;
        let mut more: &[&str] = &[];
        for _ in 0..in_a_row {
            let mut child = start(study, more, &out);
            let mut wait = length.mul_f64(random.fraction());
            if random.fraction() < LATE {
                until_joining(&mut child, &out);
                wait = wait.mul_f64(LATE);
            }
            std::thread::sleep(wait);
            if child.try_wait().unwrap().is_some() {
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            per_study[place] += 1;
            *stages.entry(stage(&out, name)).or_default() += 1;
            more = &["--resume"];
        }
        to_its_end(start(study, &["--resume"], &out));
        same(expected, &out);
        resumed += 1;
        std::fs::remove_dir_all(&out).unwrap();
    }
    println!("{kills} kills in {resumed} studies, all of them the same bytes in the end");
    for ((name, _), count) in TO_KILL.iter().zip(per_study) {
        println!("{name}: {count}");
    }
    for (stage, count) in stages {
        println!("killed with {stage}: {count}");
    }
}
