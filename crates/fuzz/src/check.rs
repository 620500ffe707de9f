//! Runs an input and says what became of it, and what is wrong with that.

use crate::agree;
use crate::case::{Case, Expect, lacking, listing, not_whole};
use crate::world::World;
use hif_switch::Error;
use hif_switch::parameters::Library;
use hif_switch::regimen::Regimen;
use hif_switch::study::calibrate::{Calibration, Targets};
use hif_switch::study::claims::Claims;
use hif_switch::study::population::Population;
use hif_switch::study::trial::TrialDesign;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What became of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Exit code 0.
    Accepted,
    /// Exit code 2.
    Refused,
    /// Exit code 1.
    Failed,
    /// None of these.
    Lost,
}

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// A panic.
    Panic,
    /// An end by a signal, such as an abort or an overflow of the stack.
    Abort,
    /// More time than allowed.
    Hang,
    /// More memory than allowed.
    Memory,
    /// Bad input that is taken, sound input that is refused, or an exit code that is none of 0, 1 and 2.
    Code,
    /// An error without place, problem or remedy, or that does not name what is wrong.
    Message,
    /// A file that is not whole, that a failed command leaves, or an input that was changed.
    Files,
    /// Lanes and single runs differ, or a study's results differ from those of a sound run.
    Numbers,
}

impl Fault {
    /// All, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Panic,
        Self::Abort,
        Self::Hang,
        Self::Memory,
        Self::Code,
        Self::Message,
        Self::Files,
        Self::Numbers,
    ];

    /// Heading of its column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Panic => "panics",
            Self::Abort => "aborts",
            Self::Hang => "hangs",
            Self::Memory => "memory",
            Self::Code => "wrong codes",
            Self::Message => "messages",
            Self::Files => "half-written",
            Self::Numbers => "disagreements",
        }
    }
}

/// What became of an input, and what is wrong with it.
#[derive(Debug, Clone)]
pub struct Report {
    /// What became of it.
    pub outcome: Outcome,
    /// Faults with what was seen.
    pub faults: Vec<(Fault, String)>,
}

/// Folders between the one that is watched and the one in which commands run: a path that climbs out by `..`
/// is seen.
const DEPTH: [&str; 4] = ["w", "x", "y", "z"];

/// A folder in which inputs are run, one after the other.
pub struct Scratch {
    root: PathBuf,
    home: PathBuf,
}

static PANIC: Mutex<Option<String>> = Mutex::new(None);

impl Scratch {
    /// Prepares a folder, and makes it the process's own.
    ///
    /// # Errors
    /// What the operating system says.
    pub fn new(root: PathBuf) -> std::io::Result<Self> {
        std::panic::set_hook(Box::new(|info| {
            if let Ok(mut seen) = PANIC.lock() {
                seen.get_or_insert_with(|| info.to_string());
            }
        }));
        let home = DEPTH
            .iter()
            .fold(root.clone(), |path, part| path.join(part));
        std::fs::create_dir_all(&home)?;
        std::env::set_current_dir(&home)?;
        Ok(Self { root, home })
    }

    /// Empties the folder; the home itself stays, the process is in it.
    fn clear(&self) -> std::io::Result<()> {
        let mut folder = self.root.clone();
        for next in DEPTH.into_iter().map(Some).chain([None]) {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                if next.is_none_or(|next| !path.ends_with(next)) {
                    remove(&path)?;
                }
            }
            folder.push(next.unwrap_or_default());
        }
        Ok(())
    }

    /// Runs an input.
    ///
    /// # Errors
    /// A scratch folder that cannot be used, or an input that cannot be prepared.
    pub fn run(&self, case: &Case, world: &World) -> Result<Report, String> {
        let system = |error: std::io::Error| error.to_string();
        for file in &case.files {
            file.put(&self.home).map_err(system)?;
        }
        for command in &case.before {
            execute(command).map_err(|end| format!("{command:?} failed: {end:?}"))?;
        }
        for edit in &case.edits {
            edit.make(&self.home).map_err(system)?;
        }
        let before = listing(&self.root).map_err(system)?;
        let end = execute(&case.command);
        let after = listing(&self.root).map_err(system)?;
        let mut report = judge(case, &end);
        let prefix: PathBuf = DEPTH.iter().collect();
        files(case, &prefix, &before, &after, &mut report);
        if report.outcome == Outcome::Accepted
            && let Some(run) = &case.agree
        {
            let overlay = run
                .params
                .as_ref()
                .map(|folder| Library::with_overlay(Path::new(folder)));
            let library = match &overlay {
                Some(Ok(library)) => library,
                _ => &world.library,
            };
            let different = agree::scenario(run, library)
                .and_then(|scenario| agree::difference(library, &scenario));
            report
                .faults
                .extend(different.map(|text| (Fault::Numbers, text)));
        }
        self.clear().map_err(system)?;
        Ok(report)
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    match path.is_dir() && !path.is_symlink() {
        true => std::fs::remove_dir_all(path),
        false => std::fs::remove_file(path),
    }
}

/// How a command ended that did not end well.
#[derive(Debug)]
enum End {
    Error(Error),
    Panic(String),
}

/// Runs a command, or reads files as `params check` does where the whole check would take too long.
fn execute(command: &[String]) -> Result<(), End> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let run = || match words.as_slice() {
        ["read", what, name, folder] => read(what, name, Path::new(folder)),
        _ => {
            let arguments = std::iter::once("hif-switch").chain(words.iter().copied());
            hif_switch::cli::run(arguments.map(OsString::from))
        }
    };
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(End::Error(error)),
        Err(_) => {
            let seen = PANIC.lock().ok().and_then(|mut seen| seen.take());
            Err(End::Panic(seen.unwrap_or_default()))
        }
    }
}

fn read(what: &str, name: &str, folder: &Path) -> Result<(), Error> {
    let library = Library::with_overlay(folder)?;
    let place = "params check";
    match what {
        "claims" => Claims::read(&library).map(drop),
        "targets" => Targets::read(&library).map(drop),
        "population" => Population::read(&library, name, place).map(drop),
        "trial" => TrialDesign::read(&library, name, place).map(drop),
        "regimen" => Regimen::read(&library, name, place).map(drop),
        "calibration" => {
            let targets = Targets::read(&library)?;
            Calibration::read(&library, name, &targets.all).map(drop)
        }
        other => Err(Error::unknown_name("read", "kind of file", other, [])),
    }
}

/// Outcome and message against what is expected.
fn judge(case: &Case, end: &Result<(), End>) -> Report {
    let mut faults = Vec::new();
    let outcome = match end {
        Ok(()) => Outcome::Accepted,
        Err(End::Panic(text)) => {
            faults.push((Fault::Panic, text.clone()));
            Outcome::Lost
        }
        Err(End::Error(error)) => {
            let text = error.to_string();
            let code = error.exit_code();
            if let Some(lacks) = lacking(&text) {
                faults.push((Fault::Message, format!("{lacks}: {text}")));
            }
            for needle in &case.says {
                if case.expect == Expect::Refused && !text.contains(needle) {
                    faults.push((Fault::Message, format!("does not name `{needle}`: {text}")));
                }
            }
            if case.expect == Expect::Done {
                faults.push((Fault::Code, format!("sound input ends with {code}: {text}")));
            }
            match code {
                2 => Outcome::Refused,
                1 => Outcome::Failed,
                other => {
                    faults.push((Fault::Code, format!("exit code {other}: {text}")));
                    Outcome::Lost
                }
            }
        }
    };
    if outcome == Outcome::Accepted && case.expect == Expect::Refused {
        faults.push((Fault::Code, "bad input is taken".to_owned()));
    }
    Report { outcome, faults }
}

type Files = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// Whether what is left is whole, is where it should be, and is what it should be.
fn files(case: &Case, home: &Path, before: &Files, after: &Files, report: &mut Report) {
    let mut fault = |path: &Path, what: &str| {
        let text = format!("{}: {what}", path.display());
        report.faults.push((Fault::Files, text));
    };
    let kept = |path: &Path| {
        path.components()
            .any(|part| part.as_os_str().to_string_lossy().ends_with(".parts"))
    };
    for (path, content) in after {
        let Ok(inside) = path.strip_prefix(home) else {
            fault(path, "written outside the folder of the command");
            continue;
        };
        if before.get(path) == Some(content) {
            continue;
        }
        // Finished parts stay for `--resume` when a study is stopped or fails.
        let allowed = report.outcome == Outcome::Accepted || kept(inside);
        match (before.contains_key(path), allowed) {
            (true, false) => fault(inside, "changed by a command that failed"),
            (false, false) => fault(inside, "left by a command that failed"),
            _ => {}
        }
        let content = content.as_deref().unwrap_or_default();
        // What is exported is a text of its own, however its file is called.
        let exported = case.command.first().is_some_and(|word| word == "export");
        if let Some(what) = not_whole(inside, content).filter(|_| !exported) {
            fault(inside, what);
        }
    }
    if report.outcome != Outcome::Accepted {
        for path in before.keys().filter(|path| !after.contains_key(*path)) {
            fault(path, "removed by a command that failed");
        }
        return;
    }
    for result in &case.results {
        let found = after.get(&home.join(&result.path)).cloned().flatten();
        if found != result.content() {
            let text = format!("{} is not as in a sound run", result.path);
            report.faults.push((Fault::Numbers, text));
        }
    }
}
