//! The joint fit as tables, words and files of parameters.

use crate::error::{Error, Result};
use crate::parameters::Library;
use crate::study::calibrate::joint::{Fitted, Record, Score, Search, Share};
use crate::table::{Cell, Table, significant};
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml_edit::{DocumentMut, Item, value};

/// Names of the columns of a score.
const SCORE: [&str; 7] = [
    "review_a",
    "review_b",
    "review_c",
    "table3",
    "predictions",
    "against",
    "targets",
];

fn shares(score: &Score) -> [Share; 7] {
    [
        score.review_a,
        score.review_b,
        score.review_c,
        score.table3,
        score.predictions,
        score.against,
        score.targets,
    ]
}

fn cells(score: &Score) -> impl Iterator<Item = Cell> {
    let text = |share: Share| Cell::from(format!("{}/{}", share.passed, share.tested));
    shares(score).into_iter().map(text)
}

/// One line per step of a joint fit.
pub fn joint_steps_table(search: &Search) -> Table {
    let head = ["step", "accepted", "trust", "rows", "ranges"];
    let mut table = Table::headed(head.into_iter().chain(SCORE));
    for visit in &search.visits {
        let mut line = vec![
            Cell::from(visit.step.to_string()),
            Cell::from(if visit.accepted { "yes" } else { "no" }),
            Cell::from(visit.trust),
            Cell::from(visit.rows),
            Cell::from(visit.ranges),
        ];
        line.extend(cells(&visit.score));
        table.push(line);
    }
    table
}

/// One line per parameter of a joint fit.
pub fn joint_parameters_table(parameters: &[Fitted]) -> Table {
    let mut table = Table::headed(["file", "parameter", "unit", "before", "after"]);
    for fitted in parameters {
        table.push([
            Cell::from(fitted.file.as_str()),
            Cell::from(fitted.path.as_str()),
            Cell::from(fitted.unit.as_str()),
            Cell::from(fitted.before),
            Cell::from(fitted.after),
        ]);
    }
    table
}

/// What passes one step from a fit where targets weigh more or less.
pub fn trade_off_table(points: &[(f64, Score)]) -> Table {
    let mut table = Table::headed(["weight_of_targets"].into_iter().chain(SCORE));
    for (weight, score) in points {
        let mut line = vec![Cell::from(*weight)];
        line.extend(cells(score));
        table.push(line);
    }
    table
}

fn of(share: Share) -> String {
    format!("{} of {}", share.passed, share.tested)
}

fn percent(share: Share) -> f64 {
    100.0 * share.passed as f64 / share.tested.max(1) as f64
}

/// What the ledger is worth as evidence, in words.
pub fn joint_words(record: &Record) -> String {
    let moved = record.parameter.iter().filter(|p| moved(p)).count();
    let mut words = format!(
        "**What this is worth.** The parameters were fitted to these claims and to {} targets in one cost \
         (`hif-switch calibrate --ledger`): {moved} of {} that are assumed or fitted were moved within their ranges. What \
         passes here is therefore a fit.",
        record.fitted_targets,
        record.parameter.len(),
    );
    if !record.fold.is_empty() {
        let (hidden, seen) = record.hidden();
        words += &format!(
            " Where a third of the claims is hidden from the fit, three times, each from the middle of the ranges, {} of the \
             hidden claims pass ({:.0} %), beside {} of those that the same fits saw ({:.0} %).",
            of(hidden),
            percent(hidden),
            of(seen),
            percent(seen),
        );
    }
    if let Some(noise) = &record.noise {
        let score = &record.score;
        words += &format!(
            " With {:.0} % noise on every number, {} of {} A, {} of {} B, {} of {} rows of Table 3 and {} of {} predictions pass \
             on average over {} draws; {} of the draws ended without a result.",
            100.0 * noise.part,
            noise.review_a,
            score.review_a.tested,
            noise.review_b,
            score.review_b.tested,
            noise.table3,
            score.table3.tested,
            noise.predictions,
            score.predictions.tested,
            noise.draws,
            noise.failed,
        );
    }
    words
}

/// Whether a fit changed a parameter, to three digits.
fn moved(fitted: &Fitted) -> bool {
    significant(fitted.before) != significant(fitted.after)
}

/// The files of parameters with the fitted values in place, and the record of the fit, relative to `params/`.
///
/// # Errors
/// A file that cannot be read or written as TOML.
pub fn joint_files(library: &Library, record: &Record) -> Result<Vec<(PathBuf, String)>> {
    let mut files: BTreeMap<&str, Vec<&Fitted>> = BTreeMap::new();
    for fitted in &record.parameter {
        files.entry(&fitted.file).or_default().push(fitted);
    }
    let mut written = Vec::new();
    for (file, parameters) in files {
        let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
        let document = library.document(folder, name, "params")?;
        let lost = |problem: String| {
            let remedy = "give a file of --params that has all numbers of the shipped one";
            Error::input(document.origin.clone(), problem, remedy)
        };
        let mut text: DocumentMut = document
            .text
            .parse()
            .map_err(|error: toml_edit::TomlError| lost(error.to_string()))?;
        for fitted in parameters {
            let mut place = fitted.path.split('.');
            let entry =
                place.try_fold(text.as_item_mut(), |item: &mut Item, key| item.get_mut(key));
            let number = entry.and_then(|entry| entry.get_mut("value"));
            let number = number.ok_or_else(|| lost(format!("`{}` is missing", fitted.path)))?;
            let decor = number.as_value().map(|old| old.decor().clone());
            *number = value(fitted.after);
            if let (Some(new), Some(decor)) = (number.as_value_mut(), decor) {
                *new.decor_mut() = decor;
            }
        }
        written.push((PathBuf::from(format!("{file}.toml")), text.to_string()));
    }
    let head =
        "# Written by `hif-switch calibrate --ledger`: what was fitted, and what it is worth.\n\n";
    let body = toml::to_string(record)
        .map_err(|error| Error::output(PathBuf::from("joint-fit.toml"), error))?;
    written.push((PathBuf::from("joint-fit.toml"), format!("{head}{body}")));
    Ok(written)
}
