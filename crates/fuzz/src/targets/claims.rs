//! Claims of the literature.

use super::{PARAMS, params_file, words};
use crate::case::{Case, Expect, File};
use crate::mutate;
use crate::source::{Plan, Source};
use crate::world::World;
use toml::{Table, Value};

/// Files laid over the shipped ones with nothing in them, so that an input is read alone.
pub fn emptied(world: &World, folder: &str, list: &str) -> Vec<File> {
    let names = world.names(folder);
    let empty = |name: &&str| params_file(&format!("{folder}/{name}"), format!("{list} = []\n"));
    names.iter().map(empty).collect()
}

/// One or two items of a shipped file, changed by the plan, as the only ones of a folder.
pub fn items(
    source: &mut Source<'_>,
    world: &World,
    plan: Plan,
    folder: &str,
    list: &str,
) -> (Vec<File>, Vec<String>) {
    let mut files = emptied(world, folder, list);
    let name = source.word(&world.names(folder));
    let shipped = world.items(folder, &name, list);
    let first = source.below(shipped.len());
    let mut chosen: Vec<Table> = shipped
        .into_iter()
        .skip(first)
        .take(source.range(1, 2))
        .collect();
    let last = chosen.len().saturating_sub(1);
    if let Some(item) = chosen.get_mut(last) {
        match plan {
            Plan::Edge => mutate::edge_leaf(source, item),
            Plan::Bad => spoil(source, item),
            _ => {}
        }
    }
    let ids = chosen
        .iter()
        .filter_map(|item| item.get("id")?.as_str().map(str::to_owned))
        .collect();
    let values = chosen.into_iter().map(Value::Table).collect();
    let mut content = Table::from_iter([(list.to_owned(), Value::Array(values))])
        .to_string()
        .into_bytes();
    if plan == Plan::Torn {
        mutate::tear(source, &mut content);
    }
    files.retain(|file| !file.path.ends_with(&format!("/{name}.toml")));
    files.push(params_file(&format!("{folder}/{name}"), content));
    (files, ids)
}

/// Makes one thing wrong, or leaves out what must be there.
fn spoil(source: &mut Source<'_>, item: &mut Table) {
    match source.below(5) {
        0 => drop(item.remove("id")),
        1 => drop(item.remove("text")),
        _ => mutate::spoil_leaf(source, item),
    }
}

pub fn make(source: &mut Source<'_>, world: &World, plan: Plan) -> Case {
    let (files, ids) = items(source, world, plan, "claims", "claim");
    let (expect, says) = match plan {
        Plan::Sound => (Expect::Done, Vec::new()),
        Plan::Bad => (Expect::Refused, vec!["claims/".to_owned()]),
        _ => (Expect::Any, Vec::new()),
    };
    let mut command = words(&format!("read claims all {PARAMS}"));
    // Few claims are cheap to run: those of cells in culture, over hours.
    if let (Plan::Sound, Some(id), true) = (plan, ids.first(), source.chance(1)) {
        command = words(&format!("claims {id} --no-variants --params {PARAMS}"));
    }
    Case {
        expect,
        says,
        files,
        command,
        ..Case::default()
    }
}
