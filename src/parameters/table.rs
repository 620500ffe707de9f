//! A parameter file as a flat table of paths.

use super::entry::{Domain, Entry, Grade, Origin, RawEntry};
use crate::error::{Error, Result};
use crate::units::{self, Quantity};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use toml_edit::{Item, TableLike, Value};

/// Numbers, texts and lists of texts of one or more merged parameter files, by dotted path.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParameterTable {
    // Shared: a study copies tables by the thousand and changes a number or two.
    numbers: BTreeMap<Arc<str>, Arc<Entry>>,
    texts: BTreeMap<Arc<str>, Arc<(String, Origin)>>,
    lists: BTreeMap<Arc<str>, Arc<(Vec<String>, Origin)>>,
}

impl ParameterTable {
    /// Reads a TOML text. Every table with the key `value` is a number; `"unknown"` is a number
    /// that the literature does not give; other strings and integers are texts, arrays of strings
    /// are lists.
    ///
    /// # Errors
    /// Names file, line and key of what is no TOML, has an unknown or missing field, a unit that
    /// is none, a value that is not finite or lies outside its own range, or lacks the source or
    /// note that its grade asks for.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        let source = Source::new(file, text);
        let document = toml_edit::Document::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| source.line(span.start));
            Error::input(
                format!("{file}:{line}"),
                format!("not valid TOML: {}", error.message()),
                "mend the line; the shipped files, written by `hif-switch params export DIR`, show the form",
            )
        })?;
        let mut table = Self::default();
        table.collect("", document.as_table(), &source)?;
        Ok(table)
    }

    fn collect(&mut self, prefix: &str, from: &dyn TableLike, source: &Source<'_>) -> Result<()> {
        for (key, item) in from.iter() {
            let path = if prefix.is_empty() {
                key.to_owned()
            } else {
                format!("{prefix}.{key}")
            };
            let line = from
                .get_key_value(key)
                .and_then(|(key, item)| key.span().or_else(|| item.span()))
                .map_or(0, |span| source.line(span.start));
            let origin = Origin {
                file: source.file.to_owned(),
                line,
            };
            if path.matches('.').count() >= DEEPEST {
                return Err(Error::input(
                    origin.to_string(),
                    format!(
                        "the key `{}…` has more than {DEEPEST} parts",
                        path.chars().take(60).collect::<String>()
                    ),
                    "keys of parameter files have three parts or so, such as kinetics.patient.dose",
                ));
            }
            if let Some(inner) = item.as_table_like() {
                if inner.contains_key("value") || inner.contains_key("unit") {
                    let entry = read_entry(&path, item, origin)?;
                    self.numbers.insert(path.into(), entry.into());
                } else {
                    self.collect(&path, inner, source)?;
                }
                continue;
            }
            match item.as_value() {
                Some(Value::String(value)) if value.value() == "unknown" => {
                    self.numbers.insert(path.into(), unknown(origin).into());
                }
                Some(Value::String(value)) => {
                    let text = (value.value().clone(), origin);
                    self.texts.insert(path.into(), text.into());
                }
                Some(Value::Integer(value)) => {
                    let text = (value.value().to_string(), origin);
                    self.texts.insert(path.into(), text.into());
                }
                Some(Value::Array(values)) if values.iter().all(Value::is_str) => {
                    let texts = values.iter().filter_map(Value::as_str);
                    let list = texts.map(str::to_owned).collect();
                    self.lists.insert(path.into(), (list, origin).into());
                }
                _ => {
                    return Err(Error::input(
                        format!("{origin}, key `{path}`"),
                        format!("`{}` has no unit, source or grade", item.to_string().trim()),
                        "write a number as { value = …, unit = \"…\", grade = \"…\", source = \"…\", range = […, …] }",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Lays `over` on this table: its numbers and texts win.
    pub fn overlay(&mut self, over: &Self) {
        self.numbers
            .extend(over.numbers.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.texts
            .extend(over.texts.iter().map(|(k, v)| (k.clone(), v.clone())));
        self.lists
            .extend(over.lists.iter().map(|(k, v)| (k.clone(), v.clone())));
    }

    /// Like [`overlay`](Self::overlay), for those numbers only whose path this table has already.
    pub fn override_existing(&mut self, over: &Self) {
        for (path, entry) in &over.numbers {
            if let Some(slot) = self.numbers.get_mut(path) {
                *slot = entry.clone();
            }
        }
    }

    /// Sets one number from the text of the user ("0.9 1/h"); the unit must have the dimension of
    /// the number that it replaces.
    ///
    /// # Errors
    /// Unknown path (with the nearest), unreadable quantity, or a unit of another dimension.
    pub fn set(&mut self, path: &str, text: &str) -> Result<()> {
        let place = format!("--set {path}={text}");
        let Some(entry) = self.numbers.get_mut(path).map(Arc::make_mut) else {
            return Err(Error::unknown_name(
                place,
                "parameter",
                path,
                self.numbers.keys().map(AsRef::as_ref),
            ));
        };
        let example = format!(
            "give a number with a unit like the shipped one, for instance --set \"{path}={} {}\"",
            entry.value.unwrap_or(1.0),
            if entry.unit.is_empty() {
                "1"
            } else {
                &entry.unit
            },
        );
        let problem = |error: units::UnitError| Error::input(&place, error.to_string(), &example);
        let quantity = Quantity::parse(text).map_err(problem)?;
        let value = if entry.unit.is_empty() {
            quantity.value
        } else {
            quantity.to(&entry.unit).map_err(problem)?
        };
        entry.value = Some(value);
        if entry.unit.is_empty() {
            entry.unit = quantity.unit;
        }
        entry.grade = Grade::User;
        entry.source = None;
        entry.note = Some("set on the command line".to_owned());
        entry.origin = Origin {
            file: place,
            line: 0,
        };
        Ok(())
    }

    /// What is to be said of a number that the user gives in place of the one at `path`, called `name` in the command,
    /// where it lies outside the plausible range; `None` where it lies within, or nothing is known.
    pub fn beyond(&self, path: &str, text: &str, name: &str) -> Option<String> {
        let entry = self.number(path)?;
        let given = Quantity::parse(text).ok()?;
        let outside = entry.outside(given.to(&entry.unit).ok()?)?;
        Some(format!("--set {name}={text}: {given} is {outside}"))
    }

    /// The same of every number of a user's file that is laid over this table without a range of its own.
    pub fn beyond_all<'a>(&'a self, over: &'a Self) -> impl Iterator<Item = String> + 'a {
        over.numbers().filter_map(|(path, given)| {
            let entry = self.number(path)?;
            let value = given.value.filter(|_| given.range.is_none())?;
            let factor = units::factor(&given.unit, &entry.unit).ok()?;
            let outside = entry.outside(value * factor)?;
            Some(format!(
                "{}, key `{path}`: {value} {} is {outside}",
                given.origin, given.unit
            ))
        })
    }

    /// Puts a computed number in place, keeping its unit, range and note.
    pub fn replace_value(&mut self, path: &str, value: f64) {
        if let Some(entry) = self.numbers.get_mut(path).map(Arc::make_mut) {
            entry.value = Some(value);
            entry.grade = Grade::Derived;
        }
    }

    /// All numbers by path, in alphabetical order.
    pub fn numbers(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.numbers
            .iter()
            .map(|(path, entry)| (path.as_ref(), entry.as_ref()))
    }

    /// One number with everything that is known of it.
    pub fn number(&self, path: &str) -> Option<&Entry> {
        self.numbers.get(path).map(AsRef::as_ref)
    }

    /// A text such as `title` or `kinetics.patient.form`.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(|text| text.0.as_str())
    }

    /// A list of texts such as `factor.growth.paths`.
    pub fn list(&self, path: &str) -> Option<&[String]> {
        self.lists.get(path).map(|list| list.0.as_slice())
    }

    /// Checks that every text and list of the table is one of the `known` keys; `*` stands for any part of a key.
    ///
    /// # Errors
    /// Names the first that is not, with the nearest.
    pub fn check_texts(&self, known: &[&str]) -> Result<()> {
        let is = |path: &str, known: &str| {
            let (mut parts, mut wanted) = (path.split('.'), known.split('.'));
            loop {
                match (parts.next(), wanted.next()) {
                    (None, None) => return true,
                    (Some(part), Some(wanted)) if wanted == "*" || part == wanted => {}
                    _ => return false,
                }
            }
        };
        let unknown = |path: &&str| !known.iter().any(|known| is(path, known));
        match self.text_paths().find(unknown) {
            None => Ok(()),
            Some(path) => {
                let place = self
                    .text_origin(path)
                    .map_or_else(String::new, ToString::to_string);
                Err(Error::unknown_name(
                    place,
                    "key",
                    path,
                    known.iter().copied(),
                ))
            }
        }
    }

    /// Paths of all texts and lists, in alphabetical order each.
    pub fn text_paths(&self) -> impl Iterator<Item = &str> {
        self.texts
            .keys()
            .chain(self.lists.keys())
            .map(AsRef::as_ref)
    }

    /// Where a number, text or list stands, for messages: file, line and key.
    pub fn place(&self, path: &str) -> String {
        let number = self.number(path).map(|entry| &entry.origin);
        number
            .or_else(|| self.text_origin(path))
            .map_or_else(|| format!("key `{path}`"), |o| format!("{o}, key `{path}`"))
    }

    /// Where a text was read.
    pub fn text_origin(&self, path: &str) -> Option<&Origin> {
        let text = self.texts.get(path).map(|text| &text.1);
        text.or_else(|| self.lists.get(path).map(|list| &list.1))
    }

    /// Starts reading numbers in internal units.
    pub fn reader(&self) -> Reader<'_> {
        Reader {
            table: self,
            used: RefCell::default(),
        }
    }
}

/// Hands out the numbers of a table and remembers which were asked for.
#[derive(Debug)]
pub struct Reader<'a> {
    table: &'a ParameterTable,
    used: RefCell<BTreeSet<String>>,
}

impl Reader<'_> {
    /// The number at `path` in the internal `unit`.
    ///
    /// # Errors
    /// Missing or unknown number, wrong dimension, or a value outside the physical `domain`.
    pub fn read(&self, path: &str, unit: &str, domain: Domain) -> Result<f64> {
        self.read_known(path, unit, domain)?.ok_or_else(|| {
            let place = self.table.number(path).map_or_else(
                || "params".to_owned(),
                |entry| format!("{}, key `{path}`", entry.origin),
            );
            Error::Unknown {
                place,
                what: format!("`{path}`"),
                remedy: format!("set it, for instance with --set \"{path}=1 {unit}\""),
            }
        })
    }

    /// Like [`read`](Self::read), but `None` where the file says `unknown`.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_known(&self, path: &str, unit: &str, domain: Domain) -> Result<Option<f64>> {
        self.used.borrow_mut().insert(path.to_owned());
        let entry = self.table.number(path).ok_or_else(|| {
            Error::input(
                format!("params, key `{path}`"),
                "the parameter is missing",
                format!("add it with a unit of the dimension of `{unit}`"),
            )
        })?;
        let Some(value) = entry.value else {
            return Ok(None);
        };
        let place = || format!("{}, key `{path}`", entry.origin);
        let factor = units::factor(&entry.unit, unit).map_err(|error| {
            Error::input(
                place(),
                error.to_string(),
                format!("use a unit of the dimension of `{unit}`"),
            )
        })?;
        let converted = value * factor;
        if domain.contains(converted) {
            Ok(Some(converted))
        } else {
            Err(Error::input(
                place(),
                if value.abs() < 1e15 {
                    format!("{value} {} is physically impossible here", entry.unit)
                } else {
                    format!("{value:e} {} is physically impossible here", entry.unit)
                },
                format!("allowed: {domain}"),
            ))
        }
    }

    /// Whether the table has this number.
    pub fn has(&self, path: &str) -> bool {
        self.table.number(path).is_some()
    }

    /// Marks the numbers of some keys below `prefix` as used (they belong to another setting).
    pub fn skip(&self, prefix: &str, keys: &[&str]) {
        let known = |path: &str| {
            path.rsplit('.')
                .next()
                .is_some_and(|key| keys.contains(&key))
        };
        let skipped = self
            .table
            .numbers
            .keys()
            .filter(|path| path.starts_with(prefix) && known(path))
            .map(|path| path.to_string());
        self.used.borrow_mut().extend(skipped);
    }

    /// Checks that every number of the table was asked for.
    ///
    /// # Errors
    /// Names the first key that nothing uses, with the nearest that is used.
    pub fn finish(self) -> Result<()> {
        let used = self.used.into_inner();
        match self
            .table
            .numbers
            .iter()
            .find(|(path, _)| !used.contains(path.as_ref()))
        {
            None => Ok(()),
            Some((path, entry)) => Err(Error::unknown_name(
                entry.origin.to_string(),
                "key",
                path,
                used.iter().map(String::as_str),
            )),
        }
    }
}

fn unknown(origin: Origin) -> Entry {
    Entry {
        value: None,
        unit: String::new(),
        grade: Grade::Assumed,
        source: None,
        range: None,
        note: None,
        origin,
    }
}

fn read_entry(path: &str, item: &Item, origin: Origin) -> Result<Entry> {
    let place = format!("{origin}, key `{path}`");
    let fail = |problem: String, remedy: &str| Err(Error::input(&place, problem, remedy));
    let value = item.clone().into_value().map_err(|_| {
        Error::input(
            &place,
            "not a table",
            "write { value = …, unit = \"…\", … }",
        )
    })?;
    let raw = RawEntry::deserialize(value.into_deserializer()).map_err(|error| {
        Error::input(
            &place,
            error.message(),
            "allowed keys: value, unit, grade (verified, recalled, derived, assumed, fitted), source, range, note",
        )
    })?;
    if !raw.value.is_finite() {
        return fail(
            format!("the value is {}", raw.value),
            "give a finite number",
        );
    }
    if let Err(error @ units::UnitError::Unreadable(_)) = units::factor(&raw.unit, "1") {
        return fail(
            error.to_string(),
            "use a unit such as 1, h, 1/h, mg/kg, nM, mmHg, L/kg",
        );
    }
    if let Some((low, high)) = raw.range {
        let ordered = low.is_finite() && high.is_finite() && low <= high;
        if !ordered {
            return fail(
                format!("the range [{low}, {high}] is empty"),
                "write range = [low, high] in the unit of the value",
            );
        }
        if raw.value < low || raw.value > high {
            return fail(
                format!(
                    "{} {} lies outside its own range [{low}, {high}]",
                    raw.value, raw.unit
                ),
                "change the value, or the range with its reason",
            );
        }
    }
    let needs_source = !matches!(raw.grade, Grade::Assumed | Grade::User | Grade::Derived);
    if needs_source && raw.source.is_none() {
        return fail(
            format!("graded `{}` without a source", raw.grade),
            "name a key of params/references in `source`, or grade it `assumed` with a note",
        );
    }
    if matches!(raw.grade, Grade::Assumed | Grade::Derived) && raw.note.is_none() {
        return fail(
            format!("graded `{}` without a note", raw.grade),
            "say in `note` from what it is derived or why it is assumed",
        );
    }
    Ok(Entry {
        // -0 is 0.
        value: Some(raw.value + 0.0),
        unit: raw.unit,
        grade: raw.grade,
        source: raw.source,
        range: raw.range,
        note: raw.note,
        origin,
    })
}

/// Most parts of a key.
const DEEPEST: usize = 8;

/// A text with the places of its lines.
struct Source<'a> {
    file: &'a str,
    ends: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(file: &'a str, text: &str) -> Self {
        Self {
            file,
            ends: text.match_indices('\n').map(|(at, _)| at).collect(),
        }
    }

    /// The line of a byte, from 1.
    fn line(&self, byte: usize) -> usize {
        self.ends.partition_point(|end| *end < byte) + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
title = "a test"
[hif]
loss = { value = 16.8, unit = "1/day", grade = "assumed", note = "a test", range = [1.0, 30.0] }
missing = "unknown"
"#;

    #[test]
    fn numbers_come_out_in_internal_units() {
        let table = ParameterTable::parse("x.toml", TEXT).expect("valid");
        let reader = table.reader();
        let loss = reader
            .read("hif.loss", "1/h", Domain::Positive)
            .expect("known");
        assert!((loss - 0.7).abs() < 1e-12);
        assert_eq!(
            reader
                .read_known("hif.missing", "1/h", Domain::Any)
                .expect("readable"),
            None
        );
        assert_eq!(table.text("title"), Some("a test"));
        assert_eq!(table.number("hif.loss").map(|e| e.origin.line), Some(4));
        reader.finish().expect("all used");
    }

    #[test]
    fn bad_entries_name_file_line_and_key() {
        for (line, needle) in [
            (
                "k = { value = nan, unit = \"h\", grade = \"assumed\", note = \"\" }",
                "NaN",
            ),
            (
                "k = { value = 1.0, grade = \"assumed\", note = \"\" }",
                "unit",
            ),
            (
                "k = { value = 1.0, unit = \"florp\", grade = \"assumed\", note = \"\" }",
                "florp",
            ),
            (
                "k = { value = 1.0, unit = \"h\", grade = \"guessed\", note = \"\" }",
                "guessed",
            ),
            (
                "k = { value = 1.0, unit = \"h\", grade = \"verified\" }",
                "without a source",
            ),
            (
                "k = { value = 1.0, unit = \"h\", grade = \"assumed\" }",
                "without a note",
            ),
            (
                "k = { value = 9.0, unit = \"h\", grade = \"assumed\", note = \"\", range = [1.0, 2.0] }",
                "outside",
            ),
            (
                "k = { value = 1.0, unit = \"h\", grade = \"assumed\", note = \"\", rnage = [1.0, 2.0] }",
                "rnage",
            ),
            ("k = 3.0", "no unit"),
            ("k = = 3.0", "TOML"),
        ] {
            let error = ParameterTable::parse("bad.toml", line)
                .expect_err(line)
                .to_string();
            assert!(error.contains("bad.toml:1"), "{error}");
            assert!(error.contains(needle), "{needle} in {error}");
        }
    }

    #[test]
    fn an_unused_key_is_reported_with_the_nearest() {
        let table = ParameterTable::parse("x.toml", TEXT).expect("valid");
        let reader = table.reader();
        reader
            .read("hif.loss", "1/h", Domain::Positive)
            .expect("known");
        let error = reader.finish().expect_err("missing unused").to_string();
        assert!(
            error.contains("x.toml:5") && error.contains("hif.missing"),
            "{error}"
        );
    }

    #[test]
    fn set_checks_path_and_dimension() {
        let mut table = ParameterTable::parse("x.toml", TEXT).expect("valid");
        table.set("hif.loss", "0.5 1/h").expect("same dimension");
        assert_eq!(table.number("hif.loss").and_then(|e| e.value), Some(12.0));
        assert!(
            table
                .set("hif.los", "0.5 1/h")
                .expect_err("typo")
                .to_string()
                .contains("hif.loss")
        );
        assert!(
            table
                .set("hif.loss", "0.5 mg")
                .expect_err("unit")
                .to_string()
                .contains("dimension")
        );
        assert!(
            table
                .set("hif.loss", "0.5")
                .expect_err("no unit")
                .to_string()
                .contains("no unit")
        );
    }
}
