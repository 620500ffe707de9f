//! The targets: one kind of input each.

mod calibrations;
mod claims;
mod commands;
mod dataset;
mod measured;
mod params;
mod populations;
mod regimens;
mod runs;
mod studies;
mod trials;

use crate::case::{Case, File};
use crate::source::{Plan, Source};
use crate::world::World;

/// A kind of input.
pub struct Target {
    /// Name on the command line, and part of the key of every input.
    pub name: &'static str,
    /// Share of the inputs of a run over all targets, in parts of the sum.
    pub weight: u64,
    /// Makes an input.
    pub make: fn(&mut Source<'_>, &World, Plan) -> Case,
}

/// All targets. Shares follow the cost of an input: many that are only read, few that integrate or draw.
pub const TARGETS: [Target; 11] = [
    Target {
        name: "params",
        weight: 14,
        make: params::make,
    },
    Target {
        name: "set",
        weight: 14,
        make: runs::make,
    },
    Target {
        name: "regimens",
        weight: 14,
        make: regimens::make,
    },
    Target {
        name: "dataset",
        weight: 16,
        make: dataset::make,
    },
    Target {
        name: "claims",
        weight: 12,
        make: claims::make,
    },
    Target {
        name: "targets",
        weight: 8,
        make: measured::make,
    },
    Target {
        name: "populations",
        weight: 6,
        make: populations::make,
    },
    Target {
        name: "trials",
        weight: 6,
        make: trials::make,
    },
    Target {
        name: "calibrations",
        weight: 2,
        make: calibrations::make,
    },
    Target {
        name: "studies",
        weight: 3,
        make: studies::make,
    },
    Target {
        name: "commands",
        weight: 5,
        make: commands::make,
    },
];

/// Folder of the parameter files of an input.
const PARAMS: &str = "p";

/// An input by its number.
pub fn input(target: &Target, world: &World, seed: u64, number: u64) -> Case {
    let bytes = crate::source::bytes(target.name, seed, number);
    let mut source = Source::new(&bytes);
    let plan = source.plan();
    let mut case = (target.make)(&mut source, world, plan);
    case.what = format!("{} {seed} {number} ({plan:?})", target.name);
    case
}

/// A command as words.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A parameter file of an input.
fn params_file(name: &str, content: impl Into<Vec<u8>>) -> File {
    File::new(format!("{PARAMS}/{name}.toml"), content)
}

/// An arm of partners that ship.
fn arm(source: &mut Source<'_>, world: &World) -> String {
    let partners = world.names("partners");
    let partner = || partners.clone();
    match source.below(10) {
        0 => "vehicle".to_owned(),
        1..=5 => "sorafenib".to_owned(),
        6 => source.word(&partner()),
        7..=8 => format!("sorafenib+{}", source.word(&partner())),
        _ => {
            let (one, other) = (source.word(&partner()), source.word(&partner()));
            match one == other {
                true => format!("sorafenib+{one}"),
                false => format!("sorafenib+{one}+{other}"),
            }
        }
    }
}

/// Short runs, d.
fn days(source: &mut Source<'_>) -> String {
    source.word(&["1", "2", "3", "0.5", "1.7"])
}
