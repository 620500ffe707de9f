//! The documentation keeps its word: every command in it runs, every link leads somewhere.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// Each runs everything, which takes a minute in this profile: the gate and tests/readme.rs run them.
const RUN_ELSEWHERE: [&str; 4] = [
    "hif-switch",
    "hif-switch report",
    "hif-switch plot",
    "hif-switch plot withdrawal --out figures",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).unwrap()
}

/// A block of a page: its language, the rest of the info string, its lines.
struct Block {
    language: String,
    info: String,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if let Some(info) = line.strip_prefix("```") {
            if !inside {
                let (language, info) = info.split_once(' ').unwrap_or((info, ""));
                blocks.push(Block {
                    language: language.to_owned(),
                    info: info.to_owned(),
                    lines: Vec::new(),
                });
            }
            inside = !inside;
        } else if inside {
            blocks.last_mut().unwrap().lines.push(line.to_owned());
        }
    }
    blocks
}

/// Writes the files and runs the commands of a page in an empty folder, in order; the number of
/// commands.
fn follow(name: &str) -> usize {
    let binary = assert_cmd::cargo::cargo_bin("hif-switch");
    let search = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let folder = tempfile::tempdir().unwrap();
    let mut commands = 0;
    for block in blocks(&page(name)) {
        if let Some(file) = block.info.strip_prefix("file=") {
            let path: PathBuf = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, block.lines.join("\n") + "\n").unwrap();
        }
        if block.language != "sh" {
            continue;
        }
        for line in block.lines.iter().filter(|line| !line.trim().is_empty()) {
            commands += 1;
            if RUN_ELSEWHERE.contains(&line.as_str()) {
                continue;
            }
            let output = Command::new("sh")
                .args(["-c", line])
                .env("PATH", &search)
                .current_dir(folder.path())
                .output()
                .unwrap();
            assert!(
                output.status.success(),
                "{name}: {line}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    commands
}

#[test]
fn the_tutorial_can_be_followed() {
    assert!(follow("TUTORIAL.md") >= 15);
}

#[test]
fn the_page_on_data_can_be_followed() {
    assert!(follow("DATA.md") >= 2);
}

#[test]
fn the_page_on_interchange_can_be_followed() {
    assert!(follow("INTERCHANGE.md") >= 7);
}

#[test]
fn the_how_tos_can_be_followed() {
    assert!(follow("HOWTO.md") >= 15);
}

#[test]
fn what_is_run_elsewhere_is_run_there() {
    let text = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    assert!(
        text(".ci/run").contains("\"$target/release/hif-switch\")"),
        "the main job"
    );
    let report = text("tests/interop/report_check.py");
    assert!(report.contains("\"report\""), "the report");
    assert!(report.contains("plot withdrawal --out figures"), "a figure");
    assert!(
        text("README.md").contains("hif-switch plot "),
        "the list of figures"
    );
}

/// Anchor of a heading, as it is linked to.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let docs = root().join("docs");
    let mut seen = 0;
    for entry in std::fs::read_dir(&docs).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            if link.starts_with("http") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                path.clone()
            } else {
                docs.join(file)
            };
            assert!(target.exists(), "{}: {link}", path.display());
            if !heading.is_empty() {
                let page = std::fs::read_to_string(&target).unwrap();
                let mut headings = page.lines().filter(|line| line.starts_with('#'));
                let found = headings.any(|line| anchor(line) == heading);
                assert!(found, "{}: {link}", path.display());
            }
            seen += 1;
        }
    }
    assert!(seen >= 15, "only {seen} links were found");
}

#[test]
fn the_limits_are_plain() {
    let text = page("LIMITATIONS.md");
    assert!(text.contains("No clinical decisions"));
    for name in [
        "TUTORIAL.md",
        "HOWTO.md",
        "DATA.md",
        "INTERCHANGE.md",
        "LIMITATIONS.md",
    ] {
        assert!(page(name).starts_with("# "), "{name}");
    }
}
