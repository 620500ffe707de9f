//! `hif-switch merge`: joins the parts of a study that was shared out.

use super::Context;
use crate::error::{Error, Result};
use crate::report::{Access, Store};
use clap::Args;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  hif-switch merge shared                          parts of shards that wrote to one folder, --out shared
  hif-switch merge node1 node2 node3 --out joined  parts of shards with a folder each";

#[derive(Debug, Args)]
#[command(next_help_heading = "Merge")]
pub struct MergeOptions {
    /// Folders that were given to --out of the shards, or the NAME.parts folders in them
    #[arg(value_name = "DIR", required = true)]
    folders: Vec<PathBuf>,
    /// Folder in which plots/ and results/ are written; without, the first of the folders
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(context: &Context, options: &MergeOptions) -> Result<()> {
    let mut stores = Vec::new();
    let mut missing: Option<BTreeSet<usize>> = None;
    for folder in &options.folders {
        for parts in part_folders(folder)? {
            let store = Store::existing(parts)?;
            if let Some(first) = stores.first() {
                let first: &Store = first;
                first.header.check(&store.header, store.folder())?;
            }
            let absent = BTreeSet::from_iter(store.missing(None)?);
            missing = Some(match missing {
                Some(before) => &before & &absent,
                None => absent,
            });
            stores.push(store);
        }
    }
    let first = &stores[0];
    let missing = missing.unwrap_or_default();
    if !missing.is_empty() {
        let list: Vec<String> = missing
            .iter()
            .take(10)
            .map(|part| (part + 1).to_string())
            .collect();
        return Err(Error::input(
            "merge",
            format!(
                "{} of {} parts are missing: {}{}",
                missing.len(),
                first.header.parts(),
                list.join(", "),
                if missing.len() > 10 { " and more" } else { "" }
            ),
            format!(
                "run the shards of these parts again into their folder, then merge; of n shards, part p is run by --shard i/n with i = (p - 1) mod n + 1; the study is: hif-switch {}",
                first.header.command.join(" ")
            ),
        ));
    }
    let out = match &options.out {
        Some(out) => out.clone(),
        None => out_of(first.folder()),
    };
    let mut arguments: Vec<OsString> = vec!["hif-switch".into()];
    arguments.extend(first.header.command.iter().map(OsString::from));
    arguments.push("--resume".into());
    arguments.push("--out".into());
    arguments.push(out.clone().into_os_string());
    for (wanted, flag) in [(context.quiet, "--quiet"), (context.json, "--json")] {
        if wanted && !first.header.command.iter().any(|argument| argument == flag) {
            arguments.push(flag.into());
        }
    }
    if !super::is_study(&arguments) {
        return Err(Error::input(
            first.folder().display().to_string(),
            format!(
                "`{}` is no study with parts",
                first.header.command.join(" ")
            ),
            "merge parts that were written by a study with --shard",
        ));
    }
    gather(stores, &out)?;
    super::run(arguments)
}

/// The `--out` of a folder of parts, two levels up.
fn out_of(parts: &Path) -> PathBuf {
    parts
        .parent()
        .and_then(Path::parent)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The folders of parts that a folder means.
fn part_folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_parts = |path: &Path| path.extension().is_some_and(|e| e == "parts") && path.is_dir();
    if is_parts(folder) {
        return Ok(vec![folder.to_path_buf()]);
    }
    let unreadable = |cause: String| {
        Error::input(
            folder.display().to_string(),
            cause,
            "name the folders that were given to --out of the shards; parts that were merged are gone",
        )
    };
    let entries =
        std::fs::read_dir(folder.join("results")).map_err(|e| unreadable(e.to_string()))?;
    let mut parts: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_parts(path))
        .collect();
    parts.sort();
    match parts.len() {
        0 => Err(unreadable("there are no parts in its results/".to_owned())),
        1 => Ok(parts),
        _ => {
            let names: BTreeSet<String> = parts.iter().map(|p| p.display().to_string()).collect();
            Err(unreadable(format!(
                "there are parts of several studies: {}",
                names.into_iter().collect::<Vec<_>>().join(", ")
            )))
        }
    }
}

/// Puts the parts of all stores into the folder of the joined study, and lets go of all of them.
fn gather(stores: Vec<Store>, out: &Path) -> Result<()> {
    let name = stores[0].folder().file_name().unwrap_or_default();
    let folder = out.join("results").join(name);
    let there = std::fs::canonicalize(&folder).ok();
    let is_target =
        |store: &Store| there.is_some() && std::fs::canonicalize(store.folder()).ok() == there;
    if let Some(place) = stores.iter().position(is_target) {
        return copy_missing(&stores[place], &stores);
    }
    let target = Store::open(folder, stores[0].header.clone(), Access::Resume)?;
    copy_missing(&target, &stores)
}

fn copy_missing(target: &Store, stores: &[Store]) -> Result<()> {
    for part in target.missing(None)? {
        if let Some(store) = stores.iter().find(|store| store.part(part).exists()) {
            target.copy(store, part)?;
        }
    }
    Ok(())
}
