//! Trials: patients, scans, arms.

use super::populations::graded;
use super::{PARAMS, words};
use crate::case::{Case, Expect};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::World;

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let name = source.word(&world.names("trials"));
    let file = graded(source, world, plan, "trials", &name);
    let (expect, says) = match plan {
        Plan::Bad => (Expect::Refused, vec![format!("trials/{name}.toml")]),
        _ => (Expect::Any, Vec::new()),
    };
    let mut case = Case {
        expect,
        says,
        files: vec![file],
        ..Case::default()
    };
    if source.chance(96) || matches!(plan, Plan::Bad | Plan::Edge) {
        case.command = words(&format!("read trial {name} {PARAMS}"));
        return case;
    }
    let population = if name == "xenograft-liu" {
        "xenograft-mice"
    } else {
        "hcc-sharp"
    };
    let weeks = if name == "xenograft-liu" { "1" } else { "6" };
    case.command = words(&format!(
        "trial {name} --patients {} --weeks {weeks} --population {population} --no-figures --out o --params {PARAMS}",
        source.range(1, 2),
    ));
    if source.chance(30) {
        let option = source.word(&["--dropout", "--design", "--arm"]);
        let value = match option.as_str() {
            "--dropout" => mutate::edge_quantity(source, 0.1, "1/month"),
            "--design" => source.word(&["matched", "randomised", "xyzzy"]),
            _ => super::arm(source, world),
        };
        case.command.extend([option, value]);
    }
    case
}
