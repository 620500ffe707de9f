//! Shares inputs out to workers, ends those that hang, and counts.

use crate::check::Fault;
use crate::targets::{TARGETS, Target};
use crate::work::{self, AFTER_PANIC};
use hif_switch::table::{Cell, Table};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is run.
pub struct Campaign {
    /// Names of the targets.
    pub targets: Vec<&'static Target>,
    /// Seed.
    pub seed: u64,
    /// Inputs over all targets; none: as many as the time allows.
    pub inputs: Option<u64>,
    /// Time; none: as much as the inputs take.
    pub time: Option<Duration>,
    /// Workers at a time.
    pub workers: usize,
    /// Longest time of an input.
    pub limit: Duration,
    /// Folder of counts and of what is found.
    pub out: PathBuf,
}

impl Campaign {
    /// Inputs of a worker.
    fn chunk(&self) -> u64 {
        match self.time {
            Some(_) => CHUNK_OF_TIME,
            None => CHUNK,
        }
    }

    /// What ranges that are done must share to be counted together.
    fn title(&self) -> String {
        format!("seed {}, {} inputs at a time", self.seed, self.chunk())
    }
}

/// Inputs of a worker: its start costs little beside them. Fewer where the time is short, so that every target
/// has its turn.
const CHUNK: u64 = 500;
const CHUNK_OF_TIME: u64 = 50;

/// What became of some inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Accepted, refused, failed, lost.
    pub outcomes: [u64; 4],
    /// Faults, in the order of [`Fault::ALL`].
    pub faults: [u64; 8],
    /// Time, ms.
    pub took: u64,
    /// The slowest input, ms.
    pub slowest: u64,
}

impl Counts {
    /// Number of inputs.
    pub fn inputs(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// Number of faults.
    pub fn faults(&self) -> u64 {
        self.faults.iter().sum()
    }

    fn add(&mut self, other: &Self) {
        for (here, there) in self.outcomes.iter_mut().zip(other.outcomes) {
            *here += there;
        }
        for (here, there) in self.faults.iter_mut().zip(other.faults) {
            *here += there;
        }
        self.took += other.took;
        self.slowest = self.slowest.max(other.slowest);
    }

    fn numbers(&self) -> Vec<u64> {
        let all = self.outcomes.iter().chain(&self.faults);
        all.copied().chain([self.took, self.slowest]).collect()
    }

    fn from_numbers(numbers: &[u64]) -> Option<Self> {
        Some(Self {
            outcomes: numbers.get(..4)?.try_into().ok()?,
            faults: numbers.get(4..12)?.try_into().ok()?,
            took: *numbers.get(12)?,
            slowest: *numbers.get(13)?,
        })
    }
}

/// What became of the ranges that are done, by target and first number, with their ends.
type Done = BTreeMap<(String, u64), (u64, Counts)>;

/// Ranges that are handed out and done.
struct Desk<'a> {
    campaign: &'a Campaign,
    handed: Vec<u64>,
    done: Done,
    ledger: File,
    error: Option<String>,
    start: Instant,
}

impl Desk<'_> {
    /// Inputs of a target.
    fn quota(&self, place: usize) -> u64 {
        let sum: u64 = self
            .campaign
            .targets
            .iter()
            .map(|target| target.weight)
            .sum();
        let weight = self.campaign.targets[place].weight;
        self.campaign
            .inputs
            .map_or(u64::MAX, |inputs| (inputs * weight).div_ceil(sum))
    }

    /// The next range: of the target that is furthest behind.
    fn next(&mut self) -> Option<(&'static Target, Range<u64>)> {
        if self.error.is_some()
            || self
                .campaign
                .time
                .is_some_and(|time| self.start.elapsed() >= time)
        {
            return None;
        }
        loop {
            let open =
                (0..self.handed.len()).filter(|place| self.handed[*place] < self.quota(*place));
            let behind =
                |place: &usize| self.handed[*place] * 1000 / self.campaign.targets[*place].weight;
            let place = open.min_by_key(behind)?;
            let from = self.handed[place];
            let to = from
                .saturating_add(self.campaign.chunk())
                .min(self.quota(place));
            self.handed[place] = to;
            let target = self.campaign.targets[place];
            let done = self.done.get(&(target.name.to_owned(), from));
            if done.is_none_or(|(end, _)| *end != to) {
                return Some((target, from..to));
            }
        }
    }

    fn finish(&mut self, target: &Target, numbers: &Range<u64>, counts: Counts, whole: bool) {
        if whole {
            let words: Vec<String> = counts.numbers().iter().map(u64::to_string).collect();
            let line = format!(
                "{} {} {} {}\n",
                target.name,
                numbers.start,
                numbers.end,
                words.join(" ")
            );
            if let Err(error) = self.ledger.write_all(line.as_bytes()) {
                self.error.get_or_insert(error.to_string());
            }
        }
        self.done.insert(
            (target.name.to_owned(), numbers.start),
            (numbers.end, counts),
        );
    }
}

/// Runs a campaign, or goes on with it, and gives the counts of every target.
///
/// # Errors
/// A folder that belongs to a campaign of another seed, or cannot be used; a worker that cannot be started.
pub fn run(campaign: &Campaign) -> Result<Vec<(&'static str, Counts)>, String> {
    let system = |error: std::io::Error| format!("{}: {error}", campaign.out.display());
    std::fs::create_dir_all(campaign.out.join("found")).map_err(system)?;
    let path = campaign.out.join("done.txt");
    let done = read_ledger(&path, &campaign.title())?;
    let mut ledger = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(system)?;
    if ledger.metadata().map_err(system)?.len() == 0 {
        writeln!(ledger, "{}", campaign.title()).map_err(system)?;
    }
    let desk = Mutex::new(Desk {
        campaign,
        handed: vec![0; campaign.targets.len()],
        done,
        ledger,
        error: None,
        start: Instant::now(),
    });
    std::thread::scope(|scope| {
        for worker in 0..campaign.workers {
            let desk = &desk;
            scope.spawn(move || serve(campaign, worker, desk));
        }
    });
    let desk = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = desk.error {
        return Err(error);
    }
    let mut sums = Vec::new();
    for target in &campaign.targets {
        let mut sum = Counts::default();
        for ((name, _), (_, counts)) in &desk.done {
            if name == target.name {
                sum.add(counts);
            }
        }
        sums.push((target.name, sum));
    }
    Ok(sums)
}

/// The ranges that are done already.
fn read_ledger(path: &Path, title: &str) -> Result<Done, String> {
    let Ok(text) = std::fs::read_to_string(path) else {
        return Ok(BTreeMap::new());
    };
    let mut lines = text.lines();
    match lines.next() {
        Some(first) if first != title => {
            return Err(format!(
                "{} is of another run ({first}, not {title}): name another folder",
                path.display()
            ));
        }
        _ => {}
    }
    let read = |line: &str| {
        let mut words = line.split(' ');
        let name = words.next()?.to_owned();
        let numbers: Vec<u64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        let counts = Counts::from_numbers(numbers.get(2..)?)?;
        Some(((name, *numbers.first()?), (*numbers.get(1)?, counts)))
    };
    Ok(lines.filter_map(read).collect())
}

/// Runs ranges until there are none.
fn serve(campaign: &Campaign, worker: usize, desk: &Mutex<Desk<'_>>) {
    let lock = || desk.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        let Some((target, numbers)) = lock().next() else {
            return;
        };
        let deadline = campaign.time.map(|time| lock().start + time);
        match range(campaign, worker, target, numbers.clone(), deadline) {
            Ok((counts, whole)) => lock().finish(target, &numbers, counts, whole),
            Err(error) => {
                lock().error.get_or_insert(error);
                return;
            }
        }
    }
}

/// Runs a range, with a new worker after each input that ends one; says whether all of it was run.
fn range(
    campaign: &Campaign,
    worker: usize,
    target: &'static Target,
    numbers: Range<u64>,
    deadline: Option<Instant>,
) -> Result<(Counts, bool), String> {
    let mut counts = Counts::default();
    let mut next = numbers.start;
    while next < numbers.end {
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok((counts, false));
        }
        let mut watch = Watch::start(campaign, worker, target, next..numbers.end)?;
        let end = watch.until_end(campaign.limit, deadline)?;
        counts.add(&watch.counts);
        next += watch.counts.inputs();
        let fault = match end {
            End::Done | End::Panic => continue,
            End::TimeUp => return Ok((counts, false)),
            End::Fault(fault, seen) => (fault, seen),
        };
        let number = watch.current.map_or(next, |(number, _, _)| number);
        work::keep_lost(
            &campaign.out.join("found"),
            target,
            campaign.seed,
            number,
            fault.0,
            &fault.1,
        )?;
        counts.outcomes[3] += 1;
        if let Some(place) = Fault::ALL.iter().position(|known| *known == fault.0) {
            counts.faults[place] += 1;
        }
        next = number + 1;
    }
    Ok((counts, true))
}

/// How a worker ended.
enum End {
    Done,
    Panic,
    TimeUp,
    Fault(Fault, String),
}

/// A worker that is watched.
struct Watch {
    child: Child,
    scratch: tempfile::TempDir,
    log: File,
    rest: String,
    counts: Counts,
    /// The input that runs, since when, and what processor time the worker had used then.
    current: Option<(u64, Instant, Duration)>,
    /// Processor time that the worker has used, and when it last rose.
    moved: (Duration, Instant),
}

impl Watch {
    fn start(
        campaign: &Campaign,
        worker: usize,
        target: &Target,
        numbers: Range<u64>,
    ) -> Result<Self, String> {
        let system = |error: std::io::Error| error.to_string();
        let scratch = tempfile::Builder::new()
            .prefix(&format!("hif-switch-fuzz-{worker}-"))
            .tempdir()
            .map_err(system)?;
        let log = scratch.path().join("log");
        File::create(&log).map_err(system)?;
        let errors = File::create(scratch.path().join("errors")).map_err(system)?;
        let out = std::path::absolute(campaign.out.join("found")).map_err(system)?;
        let child = Command::new(std::env::current_exe().map_err(system)?)
            .args([
                "work",
                target.name,
                &campaign.seed.to_string(),
                &numbers.start.to_string(),
                &numbers.end.to_string(),
            ])
            .arg(&log)
            .arg(scratch.path().join("s"))
            .arg(out)
            .env("RAYON_NUM_THREADS", "1")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .spawn()
            .map_err(system)?;
        Ok(Self {
            child,
            log: File::open(&log).map_err(system)?,
            scratch,
            rest: String::new(),
            counts: Counts::default(),
            current: None,
            moved: (Duration::ZERO, Instant::now()),
        })
    }

    fn until_end(&mut self, limit: Duration, deadline: Option<Instant>) -> Result<End, String> {
        let system = |error: std::io::Error| error.to_string();
        loop {
            let ended = self.child.try_wait().map_err(system)?;
            self.read().map_err(system)?;
            if let Some(status) = ended {
                return self.ended(status);
            }
            if let Some((_, since, before)) = self.current {
                let time = processor_time(self.child.id());
                if time > self.moved.0 {
                    self.moved = (time, Instant::now());
                }
                let (wall, used) = (since.elapsed(), time.saturating_sub(before));
                // A machine that does other work makes the clock run, not the processor time; what waits uses none.
                let waits = self.moved.1.elapsed() > limit / 2;
                if wall > limit && (used > limit || waits || wall > 12 * limit) {
                    self.kill();
                    let seen = format!(
                        "{:.1} s, {:.1} s of them on the processor",
                        wall.as_secs_f64(),
                        used.as_secs_f64()
                    );
                    return Ok(End::Fault(Fault::Hang, seen));
                }
            }
            // The input that runs when the time is up is given its time.
            if deadline.is_some_and(|deadline| Instant::now() >= deadline + limit) {
                self.kill();
                return Ok(End::TimeUp);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    fn ended(&self, status: std::process::ExitStatus) -> Result<End, String> {
        match status.code() {
            Some(0) => return Ok(End::Done),
            Some(AFTER_PANIC) => return Ok(End::Panic),
            _ => {}
        }
        let errors = std::fs::read(self.scratch.path().join("errors")).unwrap_or_default();
        let errors = String::from_utf8_lossy(&errors);
        let last: String = errors.lines().rev().take(4).collect::<Vec<_>>().join(" | ");
        if status.code() == Some(2) || self.current.is_none() {
            return Err(format!("a worker could not work: {last}"));
        }
        let fault = match errors.contains("memory allocation of") {
            true => Fault::Memory,
            false => Fault::Abort,
        };
        Ok(End::Fault(fault, format!("{status}: {last}")))
    }

    /// Reads what the worker has written since.
    fn read(&mut self) -> std::io::Result<()> {
        self.log.read_to_string(&mut self.rest)?;
        while let Some((line, rest)) = self.rest.split_once('\n') {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["b", number] => {
                    let used = processor_time(self.child.id());
                    self.current = number
                        .parse()
                        .ok()
                        .map(|number| (number, Instant::now(), used));
                }
                ["e", _, letters, took] => {
                    let mut letters = letters.chars();
                    let outcome = letters.next().and_then(|letter| "arfl".find(letter));
                    self.counts.outcomes[outcome.unwrap_or(3)] += 1;
                    for place in letters.filter_map(|letter| letter.to_digit(10)) {
                        self.counts.faults[place as usize] += 1;
                    }
                    let took: u64 = took.parse().unwrap_or_default();
                    self.counts.took += took;
                    self.counts.slowest = self.counts.slowest.max(took);
                    self.current = None;
                }
                _ => {}
            }
            self.rest = rest.to_owned();
        }
        Ok(())
    }
}

/// Processor time that a process has used, where the system says so.
fn processor_time(process: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name in parentheses: user and system time are the 12th and 13th, in hundredths of a second.
    let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    Duration::from_millis(10 * ticks)
}

/// The counts as a table, a row per target and their sum.
pub fn table(counts: &[(&'static str, Counts)]) -> Table {
    let mut columns = vec![
        ("target", ""),
        ("inputs", "1"),
        ("accepted", "1"),
        ("refused", "1"),
        ("failed", "1"),
        ("accepted share", "%"),
    ];
    columns.extend(Fault::ALL.iter().map(|fault| (fault.name(), "1")));
    columns.extend([("mean", "ms"), ("slowest", "ms")]);
    let mut table = Table::new(columns);
    let mut sum = Counts::default();
    for (_, counts) in counts {
        sum.add(counts);
    }
    for (name, counts) in counts.iter().copied().chain([("all", sum)]) {
        let whole = |number: u64| Cell::from(number.to_string());
        let inputs = counts.inputs().max(1);
        let mut row = vec![Cell::from(name), whole(counts.inputs())];
        row.extend(counts.outcomes[..3].iter().map(|number| whole(*number)));
        row.push(whole((100 * counts.outcomes[0] + inputs / 2) / inputs));
        row.extend(counts.faults.iter().map(|number| whole(*number)));
        row.push(Cell::from((10 * counts.took / inputs) as f64 / 10.0));
        row.push(whole(counts.slowest));
        table.push(row);
    }
    table
}

/// A target by name.
pub fn target(name: &str) -> Result<&'static Target, String> {
    static ALL: [Target; TARGETS.len()] = TARGETS;
    let names: Vec<&str> = ALL.iter().map(|target| target.name).collect();
    ALL.iter()
        .find(|target| target.name == name)
        .ok_or_else(|| {
            format!(
                "there is no target `{name}`; there are: {}",
                names.join(", ")
            )
        })
}

/// All targets.
pub fn all_targets() -> Vec<&'static Target> {
    TARGETS
        .iter()
        .filter_map(|known| target(known.name).ok())
        .collect()
}
