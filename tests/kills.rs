//! Studies that are killed at random moments and go on to the bytes of an undisturbed run.
//!
//! `HIF_SWITCH_KILLS=200 cargo test --test kills -- --nocapture` kills so often and prints what was met;
//! `HIF_SWITCH_KILLS_SEED` draws other moments.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Every kind of study, small, in many parts.
const STUDIES: [(&str, &str); 8] = [
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
    Command::new(env!("CARGO_BIN_EXE_hif-switch"))
        .args(study.split(' '))
        .args(more)
        .arg("--quiet")
        .arg("--out")
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn to_its_end(child: Child) {
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    assert!(error.is_empty(), "{error}");
}

/// All files of a folder with their content, hidden ones too.
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

fn same(undisturbed: &BTreeMap<String, Vec<u8>>, killed: &Path, study: &str) {
    let found = content(killed);
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(undisturbed), names(&found), "{study}");
    for (name, bytes) in undisturbed {
        assert!(*bytes == found[name], "{study}: {name} differs");
    }
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
    for (name, study) in STUDIES {
        let out = folder.path().join(name);
        let begin = Instant::now();
        to_its_end(start(study, &[], &out));
        undisturbed.push((content(&out), begin.elapsed()));
    }
    let mut stages: BTreeMap<&str, usize> = BTreeMap::new();
    let mut per_study = [0; STUDIES.len()];
    let (mut kills, mut resumed) = (0, 0);
    for round in 0.. {
        if kills >= wanted {
            break;
        }
        assert!(round < 20 * wanted, "{kills} kills only in {round} rounds");
        let place = round % STUDIES.len();
        let (name, study) = STUDIES[place];
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
        same(expected, &out, study);
        resumed += 1;
        std::fs::remove_dir_all(&out).unwrap();
    }
    println!("{kills} kills in {resumed} studies, all of them the same bytes in the end");
    for ((name, _), count) in STUDIES.iter().zip(per_study) {
        println!("{name}: {count}");
    }
    for (stage, count) in stages {
        println!("killed with {stage}: {count}");
    }
    let longest = undisturbed.iter().map(|(_, length)| *length).max();
    assert!(longest < Some(Duration::from_secs(120)));
}
