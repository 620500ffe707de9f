//! Targets: what was measured.

use super::{PARAMS, claims, words};
use crate::case::{Case, Expect};
use crate::source::{Plan, Source};
use crate::world::World;

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let (files, _) = claims::items(source, world, plan, "targets", "target");
    let (expect, says) = match plan {
        Plan::Sound => (Expect::Done, Vec::new()),
        Plan::Bad => (Expect::Refused, vec!["targets/".to_owned()]),
        _ => (Expect::Any, Vec::new()),
    };
    let command = words(&format!("read targets all {PARAMS}"));
    Case {
        expect,
        says,
        files,
        command,
        ..Case::default()
    }
}
