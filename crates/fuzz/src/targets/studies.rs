//! Parts of studies: `plan.json` and part files that are damaged, edited, of another study, or missing.
//!
//! Whatever is taken gives the bytes of the sound study.

use super::words;
use crate::case::{Case, Expect, File};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::World;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Studies of a second or less.
const STUDIES: [&str; 3] = [
    "sweep --setting culture --arm vehicle --x hif.haf_loss=1,2,3,4 --days 0.5 --endpoint burden_end --part-rows 1 --no-figures",
    "population xenograft-mice --subjects 5 --part-rows 2 --no-figures --seed 3",
    "sensitivity --setting culture --trajectories 2 --parameter hif.haf_loss --parameter tumour.growth_rate --days 0.5 --endpoint log10_burden --part-rows 1 --no-figures",
];

/// A study: the files of its parts, and what joins to.
#[derive(Debug, Clone, Default)]
struct Study {
    parts: BTreeMap<PathBuf, Vec<u8>>,
    results: BTreeMap<PathBuf, Vec<u8>>,
}

type Studies = BTreeMap<(usize, u64), Result<Study, String>>;

static STUDIES_RUN: LazyLock<Mutex<Studies>> = LazyLock::new(Mutex::default);

/// Files of a folder; who held its lock is no result.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let found = crate::case::listing(root).unwrap_or_default();
    found
        .into_iter()
        .filter(|(path, _)| path.file_name().is_none_or(|name| name != "lock"))
        .filter_map(|(path, content)| Some((path, content?)))
        .collect()
}

/// Runs a study once in this process, of a seed, in a folder of its own.
fn study(which: usize, seed: u64) -> Result<Study, String> {
    let mut studies = STUDIES_RUN.lock().unwrap_or_else(PoisonError::into_inner);
    let run = || {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let out = folder.path().to_string_lossy().into_owned();
        let go = |more: &[&str]| {
            let line = command(which, seed);
            let arguments = ["hif-switch"]
                .into_iter()
                .chain(line.iter().map(String::as_str))
                .chain(more.iter().copied());
            let arguments = arguments
                .chain(["--out", &out])
                .map(std::ffi::OsString::from);
            hif_switch::cli::run(arguments).map_err(|error| error.to_string())
        };
        go(&["--quiet", "--shard", "1/1"])?;
        let parts = files(folder.path());
        go(&["--quiet", "--resume"])?;
        Ok(Study {
            parts,
            results: files(folder.path()),
        })
    };
    studies.entry((which, seed)).or_insert_with(run).clone()
}

fn command(which: usize, seed: u64) -> Vec<String> {
    let mut line = words(STUDIES[which]);
    if !line.contains(&"--seed".to_owned()) {
        line.extend(["--seed".to_owned(), seed.to_string()]);
    }
    line
}

pub fn make(source: &mut Source<'_>, _: &World, plan: Plan) -> Case {
    let which = source.below(STUDIES.len());
    let Ok(mut sound) = study(which, 3) else {
        // A study that does not run is a fault of its own: its command is the input.
        return Case {
            expect: Expect::Done,
            command: command(which, 3),
            ..Case::default()
        };
    };
    let parts: Vec<PathBuf> = sound
        .parts
        .keys()
        .filter(|path| path.extension().is_some_and(|e| e == "csv"))
        .cloned()
        .collect();
    let header = sound
        .parts
        .keys()
        .find(|path| path.ends_with("plan.json"))
        .cloned()
        .unwrap_or_default();
    let part = parts
        .get(source.below(parts.len()))
        .cloned()
        .unwrap_or_default();
    let resume = source.chance(50);
    let mut expect = Expect::Any;
    match plan {
        Plan::Sound => {
            expect = Expect::Done;
            // What is missing is run again; `merge` has nothing to run it with.
            if resume && source.chance(50) {
                sound.parts.remove(&part);
            }
        }
        Plan::Bad => {
            expect = Expect::Refused;
            spoil(source, &mut sound.parts, &header, &part, &parts, which);
            if sound.parts.len() < parts.len() + 1 && resume {
                expect = Expect::Done;
            }
        }
        Plan::Edge => {
            if let Some(content) = sound.parts.get_mut(&header) {
                edge_header(source, content);
            }
        }
        Plan::Torn => {
            let torn = if source.chance(50) { &header } else { &part };
            if let Some(content) = sound.parts.get_mut(torn) {
                mutate::tear(source, content);
            }
        }
    }
    let mut line = if resume {
        command(which, 3)
    } else {
        words("merge o")
    };
    if resume {
        line.extend(words("--resume --out o"));
    }
    let file =
        |(path, content): (PathBuf, Vec<u8>)| File::new(format!("o/{}", path.display()), content);
    Case {
        expect,
        command: line,
        files: sound.parts.into_iter().map(file).collect(),
        results: sound.results.into_iter().map(file).collect(),
        ..Case::default()
    }
}

/// Damage that nothing can take: other numbers, rows, columns, another study's header.
fn spoil(
    source: &mut Source<'_>,
    parts: &mut BTreeMap<PathBuf, Vec<u8>>,
    header: &Path,
    part: &Path,
    all: &[PathBuf],
    which: usize,
) {
    match source.below(8) {
        0 => drop(parts.remove(part)),
        1 => {
            // Two parts in each other's place.
            let other = all
                .iter()
                .find(|other| *other != part)
                .cloned()
                .unwrap_or_default();
            let (one, two) = (parts.get(part).cloned(), parts.get(&other).cloned());
            if let (Some(one), Some(two)) = (one, two) {
                parts.insert(part.to_owned(), two);
                parts.insert(other, one);
            }
        }
        2 => {
            let text = parts
                .get(header)
                .map(|json| String::from_utf8_lossy(json).into_owned())
                .unwrap_or_default();
            let (from, to) = *source.pick(&[
                ("\"seed\": 3", "\"seed\": 4"),
                ("\"rows\":", "\"rows\": 1000000000000000000, \"xyzzy\":"),
                ("\"part_rows\":", "\"part_rows\": 0, \"xyzzy\":"),
                ("\"study_sha256\": \"", "\"study_sha256\": \"0"),
            ]);
            parts.insert(header.to_owned(), text.replace(from, to).into_bytes());
        }
        3 => drop(parts.insert(header.to_owned(), Vec::new())),
        4 => {
            let content = parts.entry(part.to_owned()).or_default();
            content.truncate(content.len() * 2 / 3);
        }
        _ => {
            let content = parts.entry(part.to_owned()).or_default();
            damage(source, content, which);
        }
    }
}

/// Changes a digit, or a number, of the last line of a part.
fn damage(source: &mut Source<'_>, content: &mut Vec<u8>, _: usize) {
    let digits: Vec<usize> = (0..content.len())
        .rev()
        .filter(|at| content[*at].is_ascii_digit())
        .take(6)
        .collect();
    let Some(last) = digits.first().copied() else {
        content.clear();
        return;
    };
    match source.below(3) {
        0 => {
            let at = *source.pick(&digits);
            content[at] = if content[at] == b'9' {
                b'1'
            } else {
                content[at] + 1
            };
        }
        1 => {
            let start = content[..last]
                .iter()
                .rposition(|byte| *byte == b',')
                .map_or(0, |at| at + 1);
            content.splice(start..=last, *b"NaN");
        }
        _ => drop(content.remove(last)),
    }
}

/// A number of the header at an edge.
fn edge_header(source: &mut Source<'_>, content: &mut Vec<u8>) {
    let Ok(serde_json::Value::Object(mut header)) = serde_json::from_slice(content) else {
        return;
    };
    let keys: Vec<String> = header.keys().cloned().collect();
    let key = source.pick(&keys).clone();
    let value = match source.below(4) {
        0 => serde_json::Value::Null,
        1 => serde_json::json!(source.word(&mutate::EDGES)),
        2 => serde_json::json!(*source.pick(&[0u64, 1, 2, 1000, u64::MAX, 1 << 53])),
        _ => serde_json::json!(*source.pick(&[-1.0, 0.5, 1e300])),
    };
    match source.chance(20) {
        true => drop(header.remove(&key)),
        false => drop(header.insert(key, value)),
    }
    *content = serde_json::Value::Object(header).to_string().into_bytes();
}
