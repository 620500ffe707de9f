//! The house has one direction: each room knows only the rooms to its left.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};

/// Rooms in the order of flow; a room may use those before it, never those after.
const ROOMS: [&str; 13] = [
    "units",
    "parameters",
    "model",
    "regimen",
    "simulate",
    "endpoints",
    "study",
    "table",
    "figure",
    "report",
    "interchange",
    "selftest",
    "cli",
];

/// Rooms that stand side by side: figures, reports and interchange do not read each other.
const SEPARATE: [(&str, &str); 3] = [
    ("report", "figure"),
    ("interchange", "figure"),
    ("interchange", "report"),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Room of a file: the first part of its path below src/.
fn room(path: &Path) -> String {
    let relative = path.strip_prefix(source_folder()).unwrap();
    let first = relative.iter().next().unwrap().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// Code without comments, so that documentation may point anywhere.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn each_room_knows_only_the_rooms_before_it() {
    let mut seen = 0;
    for path in sources(&source_folder()) {
        let room = room(&path);
        let Some(place) = ROOMS.iter().position(|name| *name == room) else {
            assert!(
                ["lib", "main", "error"].contains(&room.as_str()),
                "{} belongs to no room",
                path.display()
            );
            continue;
        };
        let code = code(&path);
        for later in &ROOMS[place + 1..] {
            assert!(
                !code.contains(&format!("crate::{later}")),
                "{} uses the later room `{later}`",
                path.display()
            );
        }
        for (one, other) in SEPARATE {
            assert!(
                room != one || !code.contains(&format!("crate::{other}")),
                "{} uses `{other}`",
                path.display()
            );
        }
        seen += 1;
    }
    assert!(seen > 40, "only {seen} files were looked at");
}

#[test]
fn the_model_knows_no_files_and_a_study_no_screen() {
    for path in sources(&source_folder()) {
        let room = room(&path);
        let code = code(&path);
        let quiet = room != "cli" && room != "main";
        for print in ["println!", "eprintln!", "print!(", "dbg!("] {
            assert!(
                !quiet || !code.contains(print),
                "{} prints with {print}",
                path.display()
            );
        }
        let files = ["std::fs", "File::", "include_dir"];
        let may_open = ["parameters", "report", "selftest", "cli"].contains(&room.as_str());
        for file in files {
            assert!(
                may_open || !code.contains(file),
                "{} opens files with {file}",
                path.display()
            );
        }
    }
}

#[test]
fn main_is_one_page() {
    let lines = std::fs::read_to_string(source_folder().join("main.rs"))
        .unwrap()
        .lines()
        .count();
    assert!(lines <= 40, "main.rs has {lines} lines");
}
