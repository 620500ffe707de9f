//! The README keeps its word: its two commands, every command line that it shows, its gallery.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// Lines of the README's shell blocks without comments.
fn shell_lines() -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in readme().lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside {
            let command = line.split("  #").next().unwrap_or("").trim();
            if !command.is_empty() {
                lines.push(command.to_owned());
            }
        }
    }
    lines
}

#[test]
fn the_two_commands_stand_first() {
    assert_eq!(
        shell_lines()[..2],
        ["cargo run --release".to_owned(), "cargo test".to_owned()]
    );
    assert!(
        readme().find("cargo run --release").unwrap() < 1200,
        "at the top"
    );
}

#[test]
fn every_command_of_the_readme_runs() {
    let binary = assert_cmd::cargo::cargo_bin("hif-switch");
    let folder = tempfile::tempdir().unwrap();
    let path = format!(
        "{}:{}",
        binary.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut seen = 0;
    for line in shell_lines()
        .iter()
        .filter(|l| l.starts_with("hif-switch "))
    {
        let output = Command::new("sh")
            .args(["-c", line])
            .env("PATH", &path)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        seen += 1;
    }
    assert!(seen >= 6, "only {seen} commands were found");
}

/// Distinct colours of a PNG, up to a limit.
fn colours(path: &Path, limit: usize) -> usize {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for pixel in pixels[..info.buffer_size()].chunks(info.color_type.samples()) {
        seen.insert(pixel.to_vec());
        if seen.len() >= limit {
            break;
        }
    }
    seen.len()
}

#[test]
fn the_gallery_is_complete_not_blank_and_shown() {
    let text = readme();
    for name in hif_switch::figure::NAMES {
        let png: PathBuf = root().join(format!("plots/{name}.png"));
        assert!(colours(&png, 20) >= 20, "{} is blank", png.display());
        let svg = std::fs::read_to_string(root().join(format!("plots/{name}.svg"))).unwrap();
        assert!(
            svg.starts_with("<svg") && svg.contains("<text"),
            "{name}.svg"
        );
        assert!(
            text.contains(&format!("plots/{name}.png")),
            "{name} is not in the README"
        );
    }
}
