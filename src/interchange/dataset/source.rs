//! Cells with their meanings: numbers in fixed units, and errors that name their place.

use super::cells::{Cells, is_missing};
use super::columns::Column;
use super::names::Meaning;
use crate::error::{Error, Result};

/// A data set on its way to records.
pub(super) struct Source<'a> {
    pub name: &'a str,
    pub cells: Cells,
    pub columns: Vec<Column>,
}

/// A number as spreadsheets, R or Fortran write it; `None` where it is none or not finite.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = text.parse().ok().or_else(|| {
        // 1.0D+02, or 1.0+102 where three digits leave no room for a letter.
        let digits = |c: char| c.is_ascii_digit() || c == '.';
        let start = text.find(digits)?;
        let end = start + text[start..].find(|c| !digits(c))?;
        let (mantissa, rest) = text.split_at(end);
        let lettered = rest.strip_prefix(['D', 'd']);
        let exponent = lettered.unwrap_or(rest);
        let signed = exponent.strip_prefix(['+', '-']);
        let figures = signed.unwrap_or(exponent);
        let fortran = figures.bytes().all(|byte| byte.is_ascii_digit())
            && match lettered {
                Some(_) => (1..=3).contains(&figures.len()),
                None => figures.len() == 3 && signed.is_some() && mantissa.contains('.'),
            };
        fortran.then(|| format!("{mantissa}e{exponent}").parse().ok())?
    });
    number.filter(|number: &f64| number.is_finite())
}

impl Source<'_> {
    pub fn column(&self, meaning: &Meaning) -> Option<usize> {
        let mut columns = self.columns.iter();
        columns.position(|column| column.meaning == *meaning)
    }

    pub fn place(&self, row: usize, column: usize) -> String {
        format!(
            "{}:{}, column {} ({})",
            self.name,
            self.cells.lines[row],
            column + 1,
            self.cells.header[column]
        )
    }

    pub fn row_place(&self, row: usize) -> String {
        format!("{}:{}", self.name, self.cells.lines[row])
    }

    pub fn text(&self, row: usize, column: usize) -> Option<&str> {
        let text = self.cells.rows[row][column].trim();
        (!is_missing(text)).then_some(text)
    }

    /// The number of a cell in the unit of the file; `None` where it is missing.
    pub fn written(&self, row: usize, column: usize) -> Result<Option<f64>> {
        let Some(text) = self.text(row, column) else {
            return Ok(None);
        };
        let number = parse_number(text);
        let wrong = || {
            let clock = text.contains(':') || text.matches(['-', '/']).count() > 1;
            let (problem, remedy) = if clock && self.columns[column].meaning == Meaning::Time {
                (
                    "a date or a time of day",
                    "give times that count from a start of the subject's own, in h or in the unit of --time-unit",
                )
            } else {
                (
                    "not a number",
                    "write a number such as 12.5, or `.` for a missing one",
                )
            };
            Error::input(
                self.place(row, column),
                format!("`{text}` is {problem}"),
                remedy,
            )
        };
        number.map(Some).ok_or_else(wrong)
    }

    /// The number that a row gives of a meaning; `None` where it is missing or the column does not exist.
    pub fn number(&self, row: usize, meaning: &Meaning) -> Result<Option<f64>> {
        let Some(column) = self.column(meaning) else {
            return Ok(None);
        };
        let number = self.written(row, column)?;
        Ok(number.map(|number| number * self.columns[column].factor))
    }

    /// A number from 0 to `most`; 0 where it is missing.
    pub fn positive(&self, row: usize, meaning: &Meaning, most: f64, remedy: &str) -> Result<f64> {
        let value = self.number(row, meaning)?.unwrap_or(0.0);
        if (0.0..=most).contains(&value) {
            return Ok(value);
        }
        let remedy = format!("{remedy}, from 0 to {most}");
        Err(self.refuse(row, meaning, self.says(row, meaning), &remedy))
    }

    /// What a row says of a meaning, as it is written.
    pub fn says(&self, row: usize, meaning: &Meaning) -> String {
        let column = self.column(meaning).unwrap_or_default();
        let text = &self.cells.rows[row][column];
        format!("{} is {text}", self.cells.header[column])
    }

    /// A whole number up to `most`.
    pub fn whole(&self, row: usize, meaning: &Meaning, most: u32) -> Result<Option<u32>> {
        let Some(value) = self.number(row, meaning)? else {
            return Ok(None);
        };
        if value < 0.0 || value.fract() != 0.0 || value > f64::from(most) {
            let remedy = format!("allowed: whole numbers from 0 to {most}");
            return Err(self.refuse(row, meaning, self.says(row, meaning), &remedy));
        }
        Ok(Some(value as u32))
    }

    /// What a dose into a compartment finds in the column for it, or in that for all compartments.
    pub fn of_dose(
        &self,
        row: usize,
        number: usize,
        meaning: fn(Option<usize>) -> Meaning,
        most: f64,
    ) -> Result<Option<(usize, f64)>> {
        let column = self
            .column(&meaning(Some(number)))
            .or_else(|| self.column(&meaning(None)));
        let Some(column) = column else {
            return Ok(None);
        };
        self.columns[column].used.set(true);
        let Some(value) = self.written(row, column)? else {
            return Ok(None);
        };
        let value = value * self.columns[column].factor;
        if !(0.0..=most).contains(&value) {
            return Err(Error::input(
                self.place(row, column),
                format!(
                    "{} is {}",
                    self.cells.header[column], self.cells.rows[row][column]
                ),
                format!("allowed: 0 to {most}"),
            ));
        }
        Ok(Some((column, value)))
    }

    pub fn refuse(
        &self,
        row: usize,
        meaning: &Meaning,
        problem: impl Into<String>,
        remedy: &str,
    ) -> Error {
        let place = self
            .column(meaning)
            .map_or_else(|| self.row_place(row), |column| self.place(row, column));
        Error::input(place, problem, remedy)
    }
}
