//! Tables: named columns with units, as text, CSV or JSON.
//!
//! What figures draw and what reports print are the same kind of thing.

use crate::error::{Error, Result};
use comfy_table::{CellAlignment, ContentArrangement, presets};
use serde::ser::{Error as _, SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io::Write;

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name, as in CSV headers.
    pub name: String,
    /// Unit; empty for text.
    pub unit: String,
}

/// A value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number; `None` where there is none.
    Number(Option<f64>),
    /// A number that exists but is not known: empty in files, where a column says why.
    Unknown,
}

/// What stands on screen and on the page in place of a number that is not known.
pub const UNKNOWN: &str = "unknown";

impl Cell {
    /// Whether it is of a column of numbers.
    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number((!number.is_nan()).then_some(number))
    }
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        Self::Number(number.filter(|number| !number.is_nan()))
    }
}

/// Columns and rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Columns.
    pub columns: Vec<Column>,
    /// Rows, one cell per column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// An empty table with columns given as (name, unit).
    pub fn new<N: Into<String>, U: Into<String>>(
        columns: impl IntoIterator<Item = (N, U)>,
    ) -> Self {
        Self {
            columns: columns
                .into_iter()
                .map(|(name, unit)| Column {
                    name: name.into(),
                    unit: unit.into(),
                })
                .collect(),
            rows: Vec::new(),
        }
    }

    /// An empty table with columns written as `name [unit]`.
    pub fn headed<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(columns.into_iter().map(|column| {
            column
                .strip_suffix(']')
                .and_then(|column| column.rsplit_once(" ["))
                .unwrap_or((column, ""))
        }))
    }

    /// Adds a row with a cell per column.
    pub fn push(&mut self, row: impl IntoIterator<Item = Cell>) {
        let row: Vec<Cell> = row.into_iter().collect();
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// The columns of these names, in their order; `place` stands in messages.
    ///
    /// # Errors
    /// A name that no column has, or that stands twice.
    pub fn select<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        place: &str,
    ) -> Result<Self> {
        let mut wanted: Vec<usize> = Vec::new();
        for name in names {
            let mut columns = self.columns.iter();
            let exact = columns.position(|column| column.name == name);
            let position = exact.or_else(|| {
                let mut columns = self.columns.iter();
                columns.position(|column| column.name.eq_ignore_ascii_case(name))
            });
            let Some(position) = position else {
                let known = self.columns.iter().map(|column| column.name.as_str());
                return Err(Error::unknown_name(place, "column", name, known));
            };
            if wanted.contains(&position) {
                return Err(Error::input(
                    place,
                    format!("the column `{name}` stands twice"),
                    "name each column once",
                ));
            }
            wanted.push(position);
        }
        let rows = self.rows.iter();
        Ok(Self {
            columns: wanted.iter().map(|i| self.columns[*i].clone()).collect(),
            rows: rows
                .map(|row| wanted.iter().map(|i| row[*i].clone()).collect())
                .collect(),
        })
    }

    /// Text for a terminal of `width` columns: three significant figures, units below the names.
    pub fn to_text(&self, width: Option<u16>) -> String {
        let mut text = comfy_table::Table::new();
        text.load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(self.columns.iter().map(|column| {
                if column.unit.is_empty() {
                    column.name.clone()
                } else {
                    format!("{}\n[{}]", column.name, column.unit)
                }
            }));
        if let Some(width) = width {
            text.set_width(width);
        } else {
            text.set_content_arrangement(ContentArrangement::Disabled);
        }
        for row in &self.rows {
            text.add_row(row.iter().map(|cell| match cell {
                Cell::Text(text) => text.clone(),
                Cell::Number(number) => number.map_or_else(|| "-".to_owned(), significant),
                Cell::Unknown => UNKNOWN.to_owned(),
            }));
        }
        for (index, column) in text.column_iter_mut().enumerate() {
            let numeric = self
                .rows
                .iter()
                .any(|row| row.get(index).is_some_and(Cell::is_number));
            if numeric {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let lines: Vec<String> = text
            .to_string()
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.join("\n")
    }

    /// CSV with a header of names; numbers in full precision, empty where there is none.
    ///
    /// # Errors
    /// Only if the writer fails.
    pub fn to_csv(&self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        self.write_csv(&mut text)?;
        Ok(text)
    }

    /// The same, to where it goes.
    ///
    /// # Errors
    /// Only if the writer fails.
    pub fn write_csv(&self, out: &mut dyn Write) -> Result<()> {
        let mut csv = Csv::new(out, &self.columns)?;
        for row in &self.rows {
            csv.push(row)?;
        }
        csv.finish()
    }

    /// JSON: an array of objects, with the units beside it.
    pub fn to_json(&self) -> serde_json::Value {
        let rows = self.rows.iter().map(|row| object(&self.columns, row));
        let rows: Vec<serde_json::Value> = rows.collect();
        serde_json::json!({ "units": units(&self.columns), "rows": rows })
    }
}

/// A text for a cell of a CSV file that no spreadsheet takes for a formula: what starts like one and is no
/// number is led by an apostrophe.
pub fn plain(text: &str) -> Cow<'_, str> {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r'])
        && text.chars().nth(1).is_some()
        && text.parse::<f64>().is_err();
    if formula {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

/// CSV in the making.
struct Csv<'a>(csv::Writer<&'a mut dyn Write>);

impl<'a> Csv<'a> {
    fn new(out: &'a mut dyn Write, columns: &[Column]) -> Result<Self> {
        let mut csv = Self(csv::Writer::from_writer(out));
        csv.record(columns.iter().map(|column| column.name.as_str()))?;
        Ok(csv)
    }

    fn push(&mut self, row: &[Cell]) -> Result<()> {
        self.record(row.iter().map(|cell| match cell {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.map_or_else(String::new, |n| n.to_string()),
            Cell::Unknown => String::new(),
        }))
    }

    fn record<T: AsRef<str>>(&mut self, fields: impl IntoIterator<Item = T>) -> Result<()> {
        for field in fields {
            let written = self.0.write_field(plain(field.as_ref()).as_bytes());
            written.map_err(|error| Error::output("table.csv", error))?;
        }
        let written = self.0.write_record(None::<&[u8]>);
        written.map_err(|error| Error::output("table.csv", error))
    }

    fn finish(mut self) -> Result<()> {
        let flushed = self.0.flush();
        flushed.map_err(|error| Error::output("table.csv", error))
    }
}

/// Takes the rows of a table, one by one.
pub type Push<'a> = &'a mut dyn FnMut(Vec<Cell>) -> Result<()>;

type Fill<'a> = Box<dyn Fn(Push<'_>) -> Result<()> + 'a>;

/// A table for a file: with its rows, or with what makes them one by one, so that a long table is never
/// in memory.
pub enum Sheet<'a> {
    /// All rows.
    Whole(Table),
    /// Head, and what makes the rows.
    Long(Table, Fill<'a>),
}

impl From<Table> for Sheet<'_> {
    fn from(table: Table) -> Self {
        Self::Whole(table)
    }
}

impl<'a> Sheet<'a> {
    /// A table of the columns of `head`, whose rows `fill` makes each time they are asked for.
    pub fn long(head: Table, fill: impl Fn(Push<'_>) -> Result<()> + 'a) -> Self {
        Self::Long(head, Box::new(fill))
    }

    /// As [`Table::to_csv`].
    ///
    /// # Errors
    /// Rows that cannot be made; a writer that fails.
    pub fn write_csv(&self, out: &mut dyn Write) -> Result<()> {
        match self {
            Self::Whole(table) => table.write_csv(out),
            Self::Long(head, fill) => {
                let mut csv = Csv::new(out, &head.columns)?;
                fill(&mut |row| csv.push(&row))?;
                csv.finish()
            }
        }
    }

    /// The text of [`Table::to_json`], row by row.
    ///
    /// # Errors
    /// Rows that cannot be made; a writer that fails.
    pub fn write_json(&self, out: &mut dyn Write) -> Result<()> {
        let stream = JsonRows {
            sheet: self,
            failed: RefCell::default(),
        };
        let written = serde_json::to_writer_pretty(out, &stream);
        match stream.failed.take() {
            Some(error) => Err(error),
            None => written.map_err(|error| Error::output("table.json", error)),
        }
    }

    fn columns(&self) -> &[Column] {
        match self {
            Self::Whole(table) | Self::Long(table, _) => &table.columns,
        }
    }

    fn each_row(&self, push: Push<'_>) -> Result<()> {
        match self {
            Self::Whole(table) => table.rows.iter().cloned().try_for_each(push),
            Self::Long(_, fill) => fill(push),
        }
    }

    /// The table with its first rows, at most so many, and how many it has.
    ///
    /// # Errors
    /// Rows that cannot be made.
    pub fn first(&self, most: usize) -> Result<(Table, usize)> {
        match self {
            Self::Whole(table) => {
                let rows = table.rows.iter().take(most).cloned().collect();
                let columns = table.columns.clone();
                Ok((Table { columns, rows }, table.rows.len()))
            }
            Self::Long(head, fill) => {
                let mut table = head.clone();
                let mut count = 0;
                fill(&mut |row| {
                    count += 1;
                    if count <= most {
                        table.push(row);
                    }
                    Ok(())
                })?;
                Ok((table, count))
            }
        }
    }
}

/// A table as JSON in the making.
struct JsonRows<'a> {
    sheet: &'a Sheet<'a>,
    /// Why a row could not be made.
    failed: RefCell<Option<Error>>,
}

impl Serialize for JsonRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(Some(2))?;
        object.serialize_entry("rows", &Rows(self))?;
        object.serialize_entry("units", &units(self.sheet.columns()))?;
        object.end()
    }
}

/// The rows of [`JsonRows`].
struct Rows<'a>(&'a JsonRows<'a>);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let JsonRows { sheet, failed } = self.0;
        let mut rows = serializer.serialize_seq(None)?;
        let mut written = Ok(());
        let made = sheet.each_row(&mut |row| {
            if written.is_ok() {
                written = rows.serialize_element(&object(sheet.columns(), &row));
            }
            match &written {
                Ok(()) => Ok(()),
                Err(error) => Err(Error::output("table.json", error)),
            }
        });
        written?;
        if let Err(error) = made {
            let stopped = S::Error::custom(&error);
            failed.replace(Some(error));
            return Err(stopped);
        }
        rows.end()
    }
}

/// A row as JSON.
fn object(columns: &[Column], row: &[Cell]) -> serde_json::Value {
    let value = |cell: &Cell| match cell {
        Cell::Text(text) => serde_json::Value::from(text.as_str()),
        Cell::Number(number) => serde_json::Value::from(*number),
        Cell::Unknown => serde_json::Value::Null,
    };
    let pairs = columns.iter().zip(row);
    pairs
        .map(|(column, cell)| (column.name.clone(), value(cell)))
        .collect()
}

/// Units by name, as JSON.
fn units(columns: &[Column]) -> serde_json::Value {
    let pairs = columns.iter();
    pairs
        .map(|column| (column.name.clone(), column.unit.as_str()))
        .collect()
}

/// Three significant figures without needless exponents.
pub fn significant(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    if !number.is_finite() {
        return number.to_string();
    }
    // Rounding first, so that 0.9999 becomes 1.00 and not 1.000.
    let rounded = format!("{number:.2e}");
    let exponent = rounded
        .split_once('e')
        .and_then(|(_, e)| e.parse::<i32>().ok());
    match exponent {
        Some(exponent @ -3..=5) => {
            let decimals = (2 - exponent).clamp(0, 6) as usize;
            format!("{number:.decimals$}")
        }
        _ => rounded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_significant_figures() {
        for (number, text) in [
            (0.0, "0"),
            (0.282_65, "0.283"),
            (0.999_9, "1.00"),
            (12.345, "12.3"),
            (705.2, "705"),
            (16_000.0, "16000"),
            (130_718.95, "130719"),
            (2.5e7, "2.50e7"),
            (1.2e-9, "1.20e-9"),
        ] {
            assert_eq!(significant(number), text);
        }
    }

    #[test]
    fn text_in_a_csv_is_no_formula() {
        let mut table = Table::new([("=head()", ""), ("b", "")]);
        for text in ["=1+1", "+cmd|x", "@sum", "-x", "\tx"] {
            table.push([text.into(), "".into()]);
        }
        for text in ["-", "-0.4", "+70.0", "a=b", "-1e-3"] {
            table.push([text.into(), Cell::from(-2.0)]);
        }
        let csv = String::from_utf8(table.to_csv().expect("csv")).expect("text");
        let lines = "'=head(),b\n'=1+1,\n'+cmd|x,\n'@sum,\n'-x,\n'\tx,\n-,-2\n-0.4,-2\n+70.0,-2\na=b,-2\n-1e-3,-2\n";
        assert_eq!(csv, lines);
    }

    #[test]
    fn csv_and_json_carry_names_units_and_gaps() {
        let mut table = Table::new([("arm", ""), ("burden", "mm^3")]);
        table.push(vec!["vehicle".into(), 1.5.into()]);
        table.push(vec!["x".into(), Cell::Number(None)]);
        let csv = String::from_utf8(table.to_csv().expect("csv")).expect("text");
        assert_eq!(csv, "arm,burden\nvehicle,1.5\nx,\n");
        let long = Sheet::long(Table::new([("arm", ""), ("burden", "mm^3")]), |push| {
            push(vec!["vehicle".into(), 1.5.into()])?;
            push(vec!["x".into(), Cell::Number(None)])
        });
        let mut streamed = Vec::new();
        long.write_csv(&mut streamed).expect("csv");
        assert_eq!(streamed, csv.as_bytes());
        let (first, count) = long.first(1).expect("rows");
        assert_eq!((first.rows.len(), count), (1, 2));
        assert_eq!(long.first(9).expect("rows").0, table);
        for (sheet, whole) in [
            (&long, &table),
            (
                &Sheet::from(Table::new([("a", "")])),
                &Table::new([("a", "")]),
            ),
        ] {
            let mut streamed = Vec::new();
            sheet.write_json(&mut streamed).expect("json");
            assert_eq!(streamed, format!("{:#}", whole.to_json()).as_bytes());
        }
        let json = table.to_json();
        assert_eq!(json["units"]["burden"], "mm^3");
        assert!(json["rows"][1]["burden"].is_null());
    }
}
