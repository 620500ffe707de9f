//! A fuzzer of hif-switch.
//!
//! Inputs are made by grammars, most of them sound, the others with something small that is wrong, and every one can
//! be made again from (target, seed, number). Of each it is checked that the program ends within ten seconds and a
//! gigabyte with exit code 0, 1 or 2, that an error says where, what and what to do, that input which is wrong by
//! construction is refused, that nothing is left half-written, and that a run in lanes gives what a single run gives.

#[path = "../../../tests/corpus/agree.rs"]
mod agree;
#[path = "../../../tests/agreement/mod.rs"]
#[allow(clippy::unwrap_used, clippy::expect_used, dead_code)]
mod agreement;
#[path = "../../../tests/corpus/case.rs"]
mod case;
mod check;
mod mutate;
mod source;
mod supervise;
mod targets;
mod work;
mod world;

use cap::Cap;
use case::Case;
use check::Scratch;
use clap::{Parser, Subcommand};
use std::alloc::System;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};
use supervise::{Campaign, all_targets, run, table, target};

/// What an input may take, caches of the process included.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, 1 << 30);

#[derive(Parser)]
#[command(
    name = "hif-switch-fuzz",
    version,
    about = "Inputs of every kind, and what must hold of each"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run many inputs on some workers, and print a table of what became of them
    Run {
        /// Inputs over all targets; what a stopped run of the same seed has done in --out counts
        #[arg(long, conflicts_with = "minutes")]
        inputs: Option<u64>,
        /// Time, instead of a number of inputs
        #[arg(long)]
        minutes: Option<f64>,
        /// Seed; without, another each time, which is printed
        #[arg(long)]
        seed: Option<u64>,
        /// Only this target, repeatable
        #[arg(long)]
        target: Vec<String>,
        /// Processes at a time
        #[arg(long, default_value_t = 2)]
        workers: usize,
        /// Longest time of an input, s
        #[arg(long, default_value_t = 10.0)]
        limit: f64,
        /// Folder of the counts, and of every input with a fault as a file that can be replayed; without,
        /// target/fuzz/SEED
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Print an input
    Show {
        target: String,
        seed: u64,
        number: u64,
    },
    /// Run an input, or the file of one, in this process, and say what became of it
    Replay {
        /// File, or TARGET SEED NUMBER
        #[arg(num_args = 1..=3, required = true)]
        input: Vec<String>,
    },
    #[command(hide = true)]
    Work {
        target: String,
        seed: u64,
        from: u64,
        to: u64,
        log: PathBuf,
        scratch: PathBuf,
        found: PathBuf,
    },
}

fn main() -> ExitCode {
    match go(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn go(command: Command) -> Result<ExitCode, String> {
    match command {
        Command::Run {
            inputs,
            minutes,
            seed,
            target: names,
            workers,
            limit,
            out,
        } => {
            let seed = seed.unwrap_or_else(|| {
                let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
                now.unwrap_or_default().as_secs()
            });
            let targets = match names.is_empty() {
                true => all_targets(),
                false => names
                    .iter()
                    .map(|name| target(name))
                    .collect::<Result<_, _>>()?,
            };
            let seconds = |number: f64| {
                Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
            };
            let time = minutes.map(|minutes| seconds(60.0 * minutes)).transpose()?;
            let inputs = inputs.or(time.is_none().then_some(10_000));
            let campaign = Campaign {
                targets,
                seed,
                inputs,
                time,
                workers: workers.max(1),
                limit: seconds(limit)?,
                out: out.unwrap_or_else(|| format!("target/fuzz/{seed}").into()),
            };
            campaign_of(&campaign)
        }
        Command::Show {
            target: name,
            seed,
            number,
        } => {
            let case = targets::input(target(&name)?, &world::World::new()?, seed, number);
            print!("{}", case.write()?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Replay { input } => replay(&input),
        Command::Work {
            target: name,
            seed,
            from,
            to,
            log,
            scratch,
            found,
        } => {
            let order = work::Order {
                target: target(&name)?,
                seed,
                numbers: from..to,
                log,
                scratch,
                found,
            };
            let code = work::work(&order)?;
            Ok(ExitCode::from(u8::try_from(code).unwrap_or(2)))
        }
    }
}

fn campaign_of(campaign: &Campaign) -> Result<ExitCode, String> {
    println!(
        "seed {}, {} workers, results in {}",
        campaign.seed,
        campaign.workers,
        campaign.out.display()
    );
    let start = std::time::Instant::now();
    let counts = run(campaign)?;
    let table = table(&counts);
    println!("{}", table.to_text(Some(200)));
    let inputs: u64 = counts.iter().map(|(_, counts)| counts.inputs()).sum();
    let faults: u64 = counts.iter().map(|(_, counts)| counts.faults()).sum();
    println!(
        "{inputs} inputs; {:.0} s in this run",
        start.elapsed().as_secs_f64()
    );
    let csv = table.to_csv().map_err(|error| error.to_string())?;
    std::fs::write(campaign.out.join("counts.csv"), csv).map_err(|error| error.to_string())?;
    if faults == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{faults} faults, each with its input in {}: `hif-switch-fuzz replay FILE`",
        campaign.out.join("found").display()
    );
    Ok(ExitCode::FAILURE)
}

fn replay(input: &[String]) -> Result<ExitCode, String> {
    let world = world::World::new()?;
    let case = match input {
        [file] => Case::read(Path::new(file))?,
        [name, seed, number] => {
            let number_of = |text: &String| {
                text.parse::<u64>()
                    .map_err(|error| format!("`{text}`: {error}"))
            };
            targets::input(target(name)?, &world, number_of(seed)?, number_of(number)?)
        }
        _ => return Err("give a file, or TARGET SEED NUMBER".to_owned()),
    };
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let scratch = Scratch::new(folder.path().to_owned()).map_err(|error| error.to_string())?;
    let report = scratch.run(&case, &world)?;
    println!("{:?}", report.outcome);
    for (fault, seen) in &report.faults {
        println!("{}: {seen}", fault.name());
    }
    Ok(if report.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
