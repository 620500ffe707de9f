//! NONMEM-style data sets.
//!
//! A CSV file with a header. Columns that are read, in any order, names in any case; `n` is the number of a
//! compartment, without it the column concerns the compartment of each dose:
//!
//! | column | meaning |
//! |---|---|
//! | `TIME` | time, h (required); may fall only at a reset or a new subject |
//! | `AMT` | amount given, mg |
//! | `EVID` | 0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose; default: 1 with AMT or RATE, else 0 |
//! | `CMT` | 1 sorafenib depot, 2 central, 3/4 first partner, 5/6 second partner; default: 1 for doses, 2 otherwise |
//! | `RATE` | rate of an infusion, mg/h; -1: the rate is in `Rn`, -2: the duration is in `Dn` |
//! | `DUR`, `TINF` | duration of an infusion, h |
//! | `Rn`, `RATn` | rate of infusions with RATE -1, mg/h |
//! | `Dn`, `DURn` | duration of infusions with RATE -2, h |
//! | `ALAGn`, `LAGn`, `LAGTn`, `TLAGn` | lag of doses, h |
//! | `Fn`, `BIOAVn` | bioavailability of doses |
//! | `II`, `ADDL` | interval, h, and number of further doses |
//! | `SS` | 1 steady state replaces, 2 adds |
//! | `DV`, `MDV` | what was measured; residuals come with the answer |
//! | `ID` | subject; rows of one subject follow each other, and subjects are independent |
//! | `C` | a row that holds `C` here is a comment |
//! | `WT` | body weight, kg |
//! | a parameter's path | that parameter, in the unit of its file, such as `exposure.clearance` |
//!
//! A header may carry a unit, `TIME [d]`. Covariates hold for a whole subject. Empty cells, `.` and `NA` are
//! missing. A column that means something in data sets of this kind and is not understood is refused; all
//! others are echoed and named by [`DataSet::warnings`].
//!
//! * `cells`: from bytes to named cells.
//! * `names`: the table of names and meanings.
//! * `columns`: what each column of a file says, and in which unit.
//! * `source`: cells with their meanings as numbers, or errors that name their place.
//! * `records`: from rows to subjects with their records.
//! * `answer`: the answers as a table.

mod answer;
mod cells;
mod columns;
mod names;
mod records;
mod source;

use crate::error::{Error, Result};
use crate::parameters::ParameterTable;
use crate::table::{Cell, Table};
use columns::split_unit;
use names::is_numeric;
use records::Subject;
use source::{Source, parse_number};
use std::io::Read;

pub use answer::AnswerColumn;
pub use columns::Reading;

/// Bytes of a data set at most.
const MAX_BYTES: u64 = 64 << 20;

/// A data set as read.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// Column names as written.
    pub header: Vec<String>,
    /// Cells as written, without comments.
    pub rows: Vec<Vec<String>>,
    subjects: Vec<Subject>,
    /// Whether a column holds numbers.
    numeric: Vec<bool>,
    /// Whether there is anything to compare with.
    observed: bool,
    warnings: Vec<String>,
}

impl DataSet {
    /// Reads a data set from a file or a pipe; `name` stands in messages.
    ///
    /// # Errors
    /// More than 64 MB, or no end of them; a reader that fails; and as [`read`](Self::read).
    pub fn from_reader(name: &str, file: impl Read, reading: &Reading<'_>) -> Result<Self> {
        let mut bytes = Vec::new();
        let count = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
        let count = count.map_err(|error| {
            Error::input(
                name,
                error.to_string(),
                "give a CSV file with a header and one record per line",
            )
        })?;
        if count as u64 > MAX_BYTES {
            return Err(Error::input(
                name,
                format!("the data set has more than {} MB", MAX_BYTES >> 20),
                "split it by subjects, which do not depend on each other, and leave out columns that are not needed",
            ));
        }
        Self::read(name, &bytes, reading)
    }

    /// Reads the bytes of a data set; `name` stands in messages.
    ///
    /// # Errors
    /// Names line and column of what cannot be used: an encoding, a column that means something and is not
    /// understood, no number, a code that is none, a time that falls, a dose without amount, values that
    /// contradict each other, more doses than can be simulated.
    pub fn read(name: &str, bytes: &[u8], reading: &Reading<'_>) -> Result<Self> {
        let (text, encoding) = cells::decode(name, bytes)?;
        let mut set = Self::read_text(name, &text, reading)?;
        set.warnings.splice(0..0, encoding);
        Ok(set)
    }

    /// Reads the text of a data set whose columns mean what they are called, with times in h.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn parse(name: &str, text: &str, parameters: &ParameterTable) -> Result<Self> {
        Self::read_text(name, text, &Reading::new(parameters))
    }

    fn read_text(name: &str, text: &str, reading: &Reading<'_>) -> Result<Self> {
        let is_time = |header: &str| {
            let own = split_unit(header).0;
            let mut mapped = reading.names.iter();
            own.eq_ignore_ascii_case("TIME")
                || mapped.any(|(a, b)| {
                    (a.eq_ignore_ascii_case("TIME") && b.eq_ignore_ascii_case(own))
                        || (b.eq_ignore_ascii_case("TIME") && a.eq_ignore_ascii_case(own))
                })
        };
        let cells = cells::read(name, text, is_time)?;
        let columns = columns::understand(name, &cells, reading)?;
        let source = Source {
            name,
            cells,
            columns,
        };
        let (subjects, warnings) = records::subjects(&source)?;
        let unused: Vec<&str> = (source.cells.header.iter().zip(&source.columns))
            .filter(|(_, column)| column.is_unused())
            .map(|(header, _)| header.as_str())
            .collect();
        let mut all = source.cells.warnings.clone();
        if !unused.is_empty() {
            let line = source.cells.header_line;
            let unused = unused.join(", ");
            all.push(format!(
                "{name}:{line}: columns that are not used: {unused}"
            ));
        }
        all.extend(warnings);
        let numeric = source
            .columns
            .iter()
            .map(|column| is_numeric(&column.meaning));
        Ok(Self {
            numeric: numeric.collect(),
            observed: subjects.iter().any(Subject::has_observations),
            header: source.cells.header,
            rows: source.cells.rows,
            subjects,
            warnings: all,
        })
    }

    /// What the reader of the answer should know: columns that are not used, comments left out, an encoding
    /// guessed, an order of rows that may not be meant.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Number of subjects.
    pub fn subjects(&self) -> usize {
        self.subjects.len()
    }

    /// Records and doses, as a measure of the work.
    pub fn work(&self) -> u64 {
        self.subjects.iter().map(Subject::work).sum()
    }

    /// An answer whose columns of numbers are numbers rather than the text that was read; `.` is none.
    pub fn with_numbers(&self, table: &Table) -> Table {
        let mut table = table.clone();
        for (index, numeric) in self.numeric.iter().enumerate() {
            if !numeric {
                continue;
            }
            for row in &mut table.rows {
                if let Cell::Text(text) = &row[index] {
                    row[index] = Cell::Number(parse_number(text));
                }
            }
        }
        table
    }
}
