//! The parameter set as tables.

use crate::error::Result;
use crate::parameters::{Entry, Library, ParameterTable};
use crate::regimen::Regimen;
use crate::table::{Cell, Table};

/// Every file of the set: kind, name, title.
///
/// # Errors
/// A file that cannot be read.
pub fn listing(library: &Library) -> Result<Table> {
    let mut table = Table::new([("kind", ""), ("name", ""), ("title", ""), ("class", "")]);
    for folder in ["settings", "phenotypes", "variants", "partners"] {
        for name in library.names(folder) {
            let file = library.table(folder, name, "params list")?;
            let text = |key: &str| Cell::from(file.text(key).unwrap_or(""));
            table.push(vec![
                folder.into(),
                name.into(),
                text("title"),
                text("class"),
            ]);
        }
    }
    for name in library.names("regimens") {
        let regimen = Regimen::read(library, name, "params list")?;
        table.push(vec![
            "regimens".into(),
            name.into(),
            regimen.title.into(),
            regimen.setting.into(),
        ]);
    }
    Ok(table)
}

/// The numbers of a table whose path begins with `prefix`, with unit, grade, source and note.
///
/// # Errors
/// References that cannot be read.
pub fn parameter_table(
    library: &Library,
    parameters: &ParameterTable,
    prefix: &str,
) -> Result<Table> {
    let references = library.references()?;
    let mut table = Table::new([
        ("parameter", ""),
        ("value", ""),
        ("unit", ""),
        ("low", ""),
        ("high", ""),
        ("grade", ""),
        ("source", ""),
        ("note", ""),
    ]);
    for (path, entry) in parameters.numbers() {
        if !path.starts_with(prefix) {
            continue;
        }
        let source = entry.source.as_deref().map_or(String::new(), |key| {
            references.get(key).map_or_else(
                || key.to_owned(),
                |reference| match &reference.doi {
                    Some(doi) => format!("{} doi:{doi}", reference.citation),
                    None => reference.citation.clone(),
                },
            )
        });
        table.push(vec![
            path.into(),
            value(entry),
            entry.unit.as_str().into(),
            entry.range.map(|range| range.0).into(),
            entry.range.map(|range| range.1).into(),
            entry.grade.to_string().into(),
            source.into(),
            entry.note.as_deref().unwrap_or("").into(),
        ]);
    }
    Ok(table)
}

fn value(entry: &Entry) -> Cell {
    match entry.value {
        Some(value) => value.into(),
        None => "unknown".into(),
    }
}
