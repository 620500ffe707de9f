//! Every input that once ended badly ends as it should: `tests/corpus` holds one file each.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "corpus/agree.rs"]
mod agree;
#[allow(dead_code)]
mod agreement;
#[path = "corpus/case.rs"]
#[allow(dead_code)]
mod case;

use case::{Case, Expect, lacking, listing, not_whole};
use hif_switch::parameters::Library;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longest time of an input.
const LIMIT: Duration = Duration::from_secs(10);
/// Largest memory of an input, kB.
const MEMORY: u64 = 1 << 20;

/// What a command did.
struct Ended {
    code: Option<i32>,
    output: String,
    errors: String,
    took: Duration,
    memory: u64,
}

fn run(command: &[String], case: &Case, home: &Path, beside: &Path) -> Ended {
    let mut program = Command::new(env!("CARGO_BIN_EXE_hif-switch"));
    program
        .args(command)
        .current_dir(home)
        .envs(&case.environment)
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null());
    let output = beside.join("output");
    match &case.output {
        Some(path) => program.stdout(std::fs::File::options().write(true).open(path).unwrap()),
        None => program.stdout(std::fs::File::create(&output).unwrap()),
    };
    let errors = beside.join("errors");
    program.stderr(std::fs::File::create(&errors).unwrap());
    let start = Instant::now();
    let mut child = program.spawn().unwrap();
    let mut memory = 0;
    let mut code = None;
    // A debug build on a busy machine may take several times as long as what is promised.
    while start.elapsed() < 6 * LIMIT && memory <= MEMORY {
        memory = memory.max(peak(child.id()));
        if let Some(status) = child.try_wait().unwrap() {
            code = status.code();
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
    let text = |path: &Path| {
        String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
    };
    Ended {
        code,
        output: text(&output),
        errors: text(&errors),
        took: start.elapsed(),
        memory,
    }
}

/// Largest memory of a process so far, kB, where the system says so.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// What is wrong with how a case ends.
fn faults(case: &Case) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("w/x/y/home");
    std::fs::create_dir_all(&home).unwrap();
    let beside = tempfile::tempdir().unwrap();
    for file in &case.files {
        file.put(&home).unwrap();
    }
    for command in &case.before {
        let ended = run(command, &Case::default(), &home, beside.path());
        assert_eq!(ended.code, Some(0), "{command:?}: {}", ended.errors);
    }
    for edit in &case.edits {
        edit.make(&home).unwrap();
    }
    let before = listing(folder.path()).unwrap();
    let ended = run(&case.for_program(), case, &home, beside.path());
    let after = listing(folder.path()).unwrap();
    let mut wrong = Vec::new();
    let message = ended
        .errors
        .split_once("error: ")
        .map_or("", |(_, message)| message);
    match (ended.code, case.expect) {
        (Some(0), Expect::Refused) => wrong.push("bad input is taken".to_owned()),
        (Some(1 | 2), Expect::Done) => wrong.push("sound input is refused".to_owned()),
        (Some(1 | 2), _) => {
            wrong.extend(lacking(message).map(|lacks| format!("the error has {lacks}")))
        }
        (Some(0), _) => {}
        (code, _) => wrong.push(format!("exit code {code:?} after {:.0?}", ended.took)),
    }
    if ended.memory > MEMORY {
        wrong.push(format!("{} kB of memory", ended.memory));
    }
    let says = case
        .says
        .iter()
        .filter(|text| !ended.errors.contains(*text));
    wrong.extend(says.map(|text| format!("standard error lacks `{text}`")));
    let prints = case
        .prints
        .iter()
        .filter(|text| !ended.output.contains(*text));
    wrong.extend(prints.map(|text| format!("standard output lacks `{text}`")));
    let all = ended.output.clone() + &ended.errors;
    let never = case.never.iter().filter(|text| all.contains(*text));
    wrong.extend(never.map(|text| format!("`{text}` is printed")));
    let prefix = Path::new("w/x/y/home");
    for (path, content) in &after {
        let changed = before.get(path) != Some(content);
        let parts = path.to_string_lossy().contains(".parts/");
        if changed && (!path.starts_with(prefix) || (ended.code != Some(0) && !parts)) {
            wrong.push(format!("{} is written", path.display()));
        }
        if changed && let Some(content) = content {
            wrong
                .extend(not_whole(path, content).map(|what| format!("{}: {what}", path.display())));
        }
    }
    for name in &case.leaves {
        let content = after.get(&prefix.join(name)).cloned().flatten();
        if content.is_none_or(|content| content.is_empty()) {
            wrong.push(format!("{name} is not written"));
        }
    }
    for result in &case.results {
        let path = home.join(&result.path);
        let same = match &result.link {
            Some(target) => std::fs::read_link(&path).is_ok_and(|found| found == Path::new(target)),
            None => std::fs::read(&path).ok() == result.content(),
        };
        if !same {
            wrong.push(format!("{} is not as it should be", result.path));
        }
    }
    if let Some(run) = &case.agree {
        let library = Library::shipped();
        let scenario = agree::scenario(run, &library).expect("a run that can be read");
        wrong.extend(agree::difference(&library, &scenario));
    }
    if !wrong.is_empty() {
        wrong.push(format!("standard error: {}", ended.errors.trim()));
    }
    wrong
}

#[test]
fn every_past_failure_ends_as_it_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    paths.sort();
    assert!(paths.len() > 40, "{} inputs", paths.len());
    let halves: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2)
            .map(|worker| {
                let paths = &paths;
                scope.spawn(move || {
                    let mine = paths.iter().skip(worker).step_by(2);
                    mine.filter_map(|path| {
                        let case = Case::read(path).unwrap();
                        let wrong = faults(&case);
                        (!wrong.is_empty()).then(|| {
                            format!(
                                "{} ({}):\n  {}",
                                path.display(),
                                case.what,
                                wrong.join("\n  ")
                            )
                        })
                    })
                    .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    assert!(
        halves.is_empty(),
        "{} inputs end badly:\n{}",
        halves.len(),
        halves.join("\n")
    );
}
